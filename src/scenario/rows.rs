//! The rows of a scenario's tables as they are written: one struct a table, one field a column.

use chrono::NaiveDate;

use super::manifest::Manifest;
use crate::model::{Channel, ClientStatus, DayKind, Severity, Timestamp, WarningStatus};

/// A whole scenario folder before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioFiles {
    /// `scenario.toml`. Tables without rows are left out of its files.
    pub manifest: Manifest,
    /// The clients.
    pub clients: Vec<ClientRow>,
    /// Where they post.
    pub channels: Vec<ChannelRow>,
    /// What they can post.
    pub assets: Vec<AssetRow>,
    /// What for.
    pub campaigns: Vec<CampaignRow>,
    /// What was agreed with them.
    pub policies: Vec<PolicyRow>,
    /// Early warnings.
    pub warnings: Vec<WarningRow>,
    /// How performance looked, and how it was.
    pub reality: Vec<RealityRow>,
    /// Special days.
    pub calendar: Vec<CalendarRow>,
    /// What was posted.
    pub history: Vec<HistoryRow>,
}

impl ScenarioFiles {
    /// A folder with a manifest and no rows.
    #[must_use]
    pub const fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            clients: Vec::new(),
            channels: Vec::new(),
            assets: Vec::new(),
            campaigns: Vec::new(),
            policies: Vec::new(),
            warnings: Vec::new(),
            reality: Vec::new(),
            calendar: Vec::new(),
            history: Vec::new(),
        }
    }
}

/// A row of `clients`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRow {
    /// Unique in the scenario; without `/` and `;`.
    pub client_id: String,
    /// The team's.
    pub workspace_id: String,
    /// Shown in reports.
    pub name: String,
    /// The trade.
    pub industry: String,
    /// Free marks with `;` between.
    pub tags: String,
    /// IANA zone; none for the manifest's.
    pub time_zone: Option<String>,
    /// Where the agency stands with it.
    pub status: ClientStatus,
    /// Claim on scarce capacity, `0..=100`.
    pub priority: f64,
}

/// A row of `channels`. Scores lie in `0..=1`; what is none is unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRow {
    /// Whose.
    pub client_id: String,
    /// Which.
    pub channel: Channel,
    /// People a post can reach, from 0.01.
    pub audience: f64,
    /// Engagements per person reached, `0..=5`.
    pub avg_engagement_rate: Option<f64>,
    /// The last post.
    pub last_post_at: Option<Timestamp>,
    /// Posts in the 7 days before the start.
    pub posts_last_7_days: Option<u32>,
    /// Posts in the 30 days before the start.
    pub posts_last_30_days: Option<u32>,
    /// Fatigue at `as_of`.
    pub fatigue_score: Option<f64>,
    /// The instant that fatigue and counts hold for; none for the start.
    pub as_of: Option<Timestamp>,
    /// Results against their usual, 0.5 is steady.
    pub momentum_score: Option<f64>,
    /// Share of the wanted presence.
    pub visibility_score: Option<f64>,
    /// Results against what was expected, 0.5 is as expected.
    pub engagement_score: Option<f64>,
}

/// A row of `assets`. Scores lie in `0..=1`; none reads as 0.5.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetRow {
    /// Unique in the scenario.
    pub asset_id: String,
    /// Whose.
    pub client_id: String,
    /// The campaign it was made for.
    pub campaign_id: Option<String>,
    /// What it is: photo, video, article.
    pub kind: String,
    /// Where it fits; empty for everywhere.
    pub channels: Vec<Channel>,
    /// When it was finished.
    pub created_at: Timestamp,
    /// Craft.
    pub quality_score: Option<f64>,
    /// Keeping to the brand.
    pub brand_consistency: Option<f64>,
    /// Use to the audience.
    pub value: Option<f64>,
    /// Force of the idea.
    pub impact: Option<f64>,
    /// The head of its family.
    pub parent_id: Option<String>,
    /// Place in its story, from 0.
    pub evolution_step: u32,
    /// Headline.
    pub title: String,
    /// Text.
    pub body: String,
    /// Where its picture, film or sound is; empty where it has none.
    pub media_url: String,
    /// Free marks, with semicolons between.
    pub tags: String,
}

/// A row of `campaigns`.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignRow {
    /// Unique in the scenario.
    pub campaign_id: String,
    /// Whose.
    pub client_id: String,
    /// Shown in reports.
    pub name: String,
    /// Awareness, leads, sales.
    pub goal: String,
    /// First day.
    pub starts_on: NaiveDate,
    /// Last day, included.
    pub ends_on: NaiveDate,
    /// Where it runs; empty for everywhere.
    pub channels: Vec<Channel>,
    /// Factor on the value of its posts, `0.01..=10`.
    pub weight: f64,
    /// Whether posts count for it, too, whose asset belongs to no campaign.
    pub any_asset: bool,
}

/// A row of `policies`.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyRow {
    /// Whose.
    pub client_id: String,
    /// Agents may plan.
    pub agent_enabled: bool,
    /// Low risk may run by itself.
    pub auto_exec_enabled: bool,
    /// Most posts a day.
    pub max_actions_per_day: u32,
    /// An open warning of high severity blocks posts.
    pub pause_on_high_severity_warning: bool,
}

/// A row of `warnings`.
#[derive(Debug, Clone, PartialEq)]
pub struct WarningRow {
    /// Unique in the scenario.
    pub warning_id: String,
    /// Whose.
    pub client_id: String,
    /// The signal it came from; the column is `type`.
    pub kind: String,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub status: WarningStatus,
    /// When it was raised.
    pub opened_at: Timestamp,
}

/// A row of `reality`. Scores lie in `0..=1`.
#[derive(Debug, Clone, PartialEq)]
pub struct RealityRow {
    /// Whose.
    pub client_id: String,
    /// When it was taken.
    pub as_of: Timestamp,
    /// As reported.
    pub perceived_score: f64,
    /// As assessed.
    pub true_score: Option<f64>,
    /// Trust in the assessment.
    pub confidence: f64,
    /// Share of the data that was there.
    pub completeness: f64,
}

/// A row of `calendar`. One day is written as `date`, more as `from` and `to`.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarRow {
    /// `all`, `workspace:ID` or `client:ID`, with `/channel` behind it for one channel.
    pub scope: String,
    /// First day.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// What it does.
    pub kind: DayKind,
    /// Factor on the value of posts; none where the rules decide.
    pub factor: Option<f64>,
    /// Shown in explanations.
    pub name: String,
}

/// A row of `history`.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// Whose.
    pub client_id: String,
    /// Where.
    pub channel: Channel,
    /// When.
    pub published_at: Timestamp,
    /// What was used, where it is known.
    pub asset_id: Option<String>,
    /// What it was.
    pub content_type: Option<String>,
    /// People reached.
    pub reach: Option<f64>,
    /// What they did.
    pub engagements: Option<f64>,
}
