//! What each agent says about a client this week. The signals stay on every decision.

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
    /// Gating.
    pub early_warning: EarlyWarning,
    /// Perceived against true performance.
    pub performance_reality: PerformanceReality,
    /// Assets.
    pub creative_director: CreativeDirector,
    /// Capacity.
    pub scaling: Scaling,
}

/// Client Ops: zone, status and policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientOps {
    /// IANA zone the week is laid out in.
    pub time_zone: String,
    /// Where the agency stands with the client.
    pub status: ClientStatus,
    /// Agents may plan for the client.
    pub agent_enabled: bool,
    /// Low risk may run by itself.
    pub auto_exec_enabled: bool,
    /// Most posts a day over all channels.
    pub max_actions_per_day: u32,
    /// An open warning of high severity blocks posts.
    pub pause_on_high_severity_warning: bool,
}

/// Agency Director: which campaigns push, which days are out.
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
    /// Which.
    pub campaign_id: CampaignId,
    /// What for.
    pub goal: Arc<str>,
    /// Factor on the value of posts.
    pub weight: f64,
}

/// Early Warning: the signal matrix and the warnings that hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EarlyWarning {
    /// Every signal of the matrix, in the rules' order.
    pub matrix: Vec<SignalScore>,
    /// Warnings of high severity that hold: on record, and raised by the matrix.
    pub high_warnings: u32,
    /// Warnings of medium severity that hold: on record, and raised by the matrix.
    pub medium_warnings: u32,
}

/// One signal of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalScore {
    /// Its name in `early_warning.toml`.
    pub signal: Arc<str>,
    /// `0..=1`, higher is worse.
    pub score: f64,
    /// From here on it is raised.
    pub threshold: f64,
    /// How bad it is; none below the threshold.
    pub severity: Option<Severity>,
}

/// Performance Reality: how results looked, and how they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceReality {
    /// Whether there was an assessment at all.
    pub assessed: bool,
    /// As reported, `0..=1`.
    pub perceived: f64,
    /// The engine's estimate of the true score: the assessed one, shrunk towards the middle by
    /// what data was missing.
    pub estimated: f64,
    /// Lower end of the band around the estimate.
    pub low: f64,
    /// Upper end of the band around the estimate.
    pub high: f64,
    /// |true - perceived| as assessed; 0 where not assessed.
    pub gap: f64,
    /// Trust in the assessment, `0..=1`.
    pub confidence: f64,
    /// Share of the data that was there, `0..=1`.
    pub completeness: f64,
}

/// Creative Director: what there is to post.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreativeDirector {
    /// Assets usable this week on at least one channel.
    pub usable_assets: u32,
    /// By channel of the client: usable assets and the mean score the slots are planned with.
    pub channels: Vec<ChannelAssets>,
}

/// What there is to post on one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelAssets {
    /// Where.
    pub channel: Channel,
    /// How many assets fit, are made, and are past their cooldown.
    pub usable: u32,
    /// Mean asset score of the best ones, as many as posts are wanted; 0..=100.
    pub mean_score: f64,
}

/// Scaling: what is wanted against what can be handled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaling {
    /// Posts that the rules want in the week over all channels.
    pub posts_wanted: u32,
    /// Most posts a day.
    pub daily_capacity: u32,
    /// Wanted against possible over the week; above 1 the capacity binds.
    pub load: f64,
    /// Days on which posts were given up or moved for want of capacity.
    pub full_days: Vec<NaiveDate>,
}
