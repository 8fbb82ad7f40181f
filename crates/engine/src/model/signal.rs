//! What each agent reports about a client for a week. The signals are recorded with every decision.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{CampaignId, Channel, ClientStatus, Severity};

/// The six agents' signals about one client and week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Signals {
    /// Client context and policy.
    pub client_ops: ClientOps,
    /// Strategy and campaigns.
    pub agency_director: AgencyDirector,
    /// Scores of warning signals, and active warnings.
    pub early_warning: EarlyWarning,
    /// Performance as reported, compared with true performance.
    pub performance_reality: PerformanceReality,
    /// Available assets.
    pub creative_director: CreativeDirector,
    /// Demand compared with capacity.
    pub scaling: Scaling,
}

/// Client Ops: zone, status and policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientOps {
    /// IANA name of the client's time zone.
    pub time_zone: String,
    /// The client's status.
    pub status: ClientStatus,
    /// Whether agents may plan for the client.
    pub agent_enabled: bool,
    /// Whether low-risk posts may run automatically.
    pub auto_exec_enabled: bool,
    /// Maximum posts a day over all channels.
    pub max_actions_per_day: u32,
    /// Whether an open warning of high severity blocks posts.
    pub pause_on_high_severity_warning: bool,
}

/// Agency Director: active campaigns and days without posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgencyDirector {
    /// Campaigns that run in the week.
    pub campaigns: Vec<CampaignSignal>,
    /// Days on which nothing may be posted on at least one channel.
    pub blackout_days: Vec<NaiveDate>,
    /// Holidays of the week.
    pub holidays: Vec<NaiveDate>,
}

/// One running campaign.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignSignal {
    /// The campaign.
    pub campaign_id: CampaignId,
    /// Its goal.
    pub goal: Arc<str>,
    /// Factor on the value of its posts.
    pub weight: f64,
}

/// Early Warning: a score for each warning signal, and the active warnings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EarlyWarning {
    /// The score of every warning signal, in the rules' order.
    pub matrix: Vec<SignalScore>,
    /// Number of active warnings of high severity, on record or raised by these scores.
    pub high_warnings: u32,
    /// Number of active warnings of medium severity, on record or raised by these scores.
    pub medium_warnings: u32,
}

/// The score of one warning signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalScore {
    /// The signal's name in `early_warning.toml`.
    pub signal: Arc<str>,
    /// `0..=1`, higher is worse.
    pub score: f64,
    /// The signal raises a warning at this score or above.
    pub threshold: f64,
    /// Severity of the warning that it raises; `None` below the threshold.
    pub severity: Option<Severity>,
}

/// Performance Reality: performance as reported, compared with estimated true performance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceReality {
    /// Whether the client's performance was assessed.
    pub assessed: bool,
    /// Performance as reported, `0..=1`.
    pub perceived: f64,
    /// The engine's estimate of true performance, `0..=1`: the assessed score, shrunk towards the rules' middle in
    /// proportion to the missing data.
    pub estimated: f64,
    /// Lower end of the band around the estimate, which is wider the less complete and trusted the data.
    pub low: f64,
    /// Upper end of the band around the estimate.
    pub high: f64,
    /// Distance of the assessed score from performance as reported; 0 if not assessed.
    pub gap: f64,
    /// Confidence in the assessment, `0..=1`.
    pub confidence: f64,
    /// Share of the data that was available, `0..=1`.
    pub completeness: f64,
}

/// Creative Director: the assets available for posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreativeDirector {
    /// Number of assets usable this week on at least one channel.
    pub usable_assets: u32,
    /// Per channel of the client: usable assets, and the mean score that slots are planned with.
    pub channels: Vec<ChannelAssets>,
}

/// The assets available for one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelAssets {
    /// The channel.
    pub channel: Channel,
    /// How many assets fit the channel, are finished and are past their cooldown.
    pub usable: u32,
    /// Mean score of the best assets, one for each wanted post; `0..=100`.
    pub mean_score: f64,
}

/// Scaling: demand compared with capacity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaling {
    /// Number of posts that the rules want for the client in the week, over all channels.
    pub posts_wanted: u32,
    /// Maximum posts a day, by the client's policy.
    pub daily_capacity: u32,
    /// `posts_wanted` divided by the number of posts that the client's policy allows in the week.
    pub load: f64,
    /// Days on which the channels, each planned alone, would exceed this maximum.
    pub full_days: Vec<NaiveDate>,
}
