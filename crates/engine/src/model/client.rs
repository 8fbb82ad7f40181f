//! A client brand: what does not change within a run, and the state that does.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use super::{Asset, AssetUse, CampaignId, Channel, ClientId, Score, WorkspaceId, Zone};

/// Declares an enum whose values have a name in files and tables.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name in files and tables.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::model::UnknownName> {
                $name::ALL
                    .iter()
                    .copied()
                    .find(|value| value.name() == text)
                    .ok_or_else(|| $crate::model::UnknownName(text.to_owned()))
            }
        }
    };
}
pub use named;

/// A name that is none of the values allowed where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a known name here")]
pub struct UnknownName(pub String);

named!(
    /// Where the agency stands with a client.
    ClientStatus {
        /// Planned for.
        Active = "active",
        /// Planned for, but every post needs approval.
        Onboarding = "onboarding",
        /// Not planned for at present.
        Paused = "paused",
        /// No longer a client; not planned for.
        Churned = "churned",
    }
);

impl ClientStatus {
    /// Whether a week is planned for such a client.
    #[must_use]
    pub const fn is_planned(self) -> bool {
        matches!(self, ClientStatus::Active | ClientStatus::Onboarding)
    }
}

/// What the agency agreed with a client about acting on its behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Agents may plan for the client.
    pub agent_enabled: bool,
    /// Low-risk posts may run without a person.
    pub auto_exec_enabled: bool,
    /// Most posts a day over all channels.
    pub max_actions_per_day: u32,
    /// An open warning of high severity blocks posts.
    pub pause_on_high_severity_warning: bool,
}

/// A campaign of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Campaign {
    /// Unique in the scenario.
    pub id: CampaignId,
    /// Shown in reports.
    pub name: Arc<str>,
    /// What it is for: awareness, leads, sales.
    pub goal: Arc<str>,
    /// First day, in the client's zone.
    pub starts_on: NaiveDate,
    /// Last day, included.
    pub ends_on: NaiveDate,
    /// Where it runs. Empty: everywhere.
    pub channels: Vec<Channel>,
    /// Factor on the value of its posts while it runs, above 0; 1 is neutral.
    pub weight: f64,
    /// Whether posts count for it, too, whose asset belongs to no campaign.
    pub any_asset: bool,
}

impl Campaign {
    /// Whether it runs on the channel that day.
    #[must_use]
    pub fn runs_on(&self, channel: Channel, date: NaiveDate) -> bool {
        (self.channels.is_empty() || self.channels.contains(&channel))
            && (self.starts_on..=self.ends_on).contains(&date)
    }
}

named!(
    /// What a calendar entry does to the days it names.
    DayKind {
        /// A public holiday; the rules say what it means.
        Holiday = "holiday",
        /// No post at all.
        Blackout = "blackout",
        /// A day worth more or less, by its factor.
        Boost = "boost",
    }
);

/// One or more special days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalendarEntry {
    /// First day, in the client's zone.
    pub from: NaiveDate,
    /// Last day, included.
    pub to: NaiveDate,
    /// What it does.
    pub kind: DayKind,
    /// Factor on the value of posts on these days; none where the rules decide.
    pub factor: Option<f64>,
    /// The one channel it concerns; none for all.
    pub channel: Option<Channel>,
    /// Shown in explanations.
    pub name: Arc<str>,
}

impl CalendarEntry {
    /// Whether it concerns the channel that day.
    #[must_use]
    pub fn covers(&self, channel: Channel, date: NaiveDate) -> bool {
        self.channel.is_none_or(|only| only == channel) && (self.from..=self.to).contains(&date)
    }
}

/// What does not change about a client within a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// Unique in the scenario.
    pub id: ClientId,
    /// The team that works for it.
    pub workspace_id: WorkspaceId,
    /// Shown in reports.
    pub name: Arc<str>,
    /// The trade it is in; free text.
    pub industry: Arc<str>,
    /// Free marks.
    pub tags: Vec<Arc<str>>,
    /// The zone its audience lives in.
    pub zone: Zone,
    /// Where the agency stands with it.
    pub status: ClientStatus,
    /// Claim on scarce capacity, `0..=100`.
    pub priority: f64,
    /// What was agreed; the rules' default where the scenario is silent.
    pub policy: Policy,
    /// Sorted by id.
    pub campaigns: Vec<Campaign>,
    /// Sorted by id.
    pub assets: Vec<Asset>,
    /// The special days that concern it, by first day and name.
    pub days: Vec<CalendarEntry>,
}

/// State of one channel of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelState {
    /// The channel.
    pub channel: Channel,
    /// People a post can reach, above 0.
    pub audience: f64,
    /// Engagements per person reached; none where it was never measured.
    pub engagement_rate: Option<f64>,
    /// The last post, committed ones included.
    pub last_post_at: Option<Timestamp>,
    /// Posts of the last 30 days and those committed in the future, oldest first.
    pub recent_posts: Vec<Timestamp>,
    /// Posts in the 7 days before `as_of`.
    pub posts_last_7_days: u32,
    /// Posts in the 30 days before `as_of`.
    pub posts_last_30_days: u32,
    /// Fatigue at `as_of`.
    pub fatigue: Score,
    /// The instant that fatigue and counts hold for.
    pub as_of: Timestamp,
    /// How results move against their usual, 0.5 is steady; none where unknown.
    pub momentum: Option<Score>,
    /// How much of the wanted presence was there; none where unknown.
    pub visibility: Option<Score>,
    /// How results stand against what was expected, 0.5 is as expected; none where unknown.
    pub engagement: Option<Score>,
}

named!(
    /// How bad a warning is.
    Severity {
        /// To be known.
        Low = "low",
        /// To be looked at.
        Medium = "medium",
        /// Posting should wait.
        High = "high",
    }
);

named!(
    /// Where a warning stands.
    WarningStatus {
        /// Nobody has looked at it.
        Open = "open",
        /// Somebody has, and it still holds.
        Acknowledged = "acknowledged",
        /// It no longer holds.
        Resolved = "resolved",
        /// It never did.
        Dismissed = "dismissed",
    }
);

/// An early warning about a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Warning {
    /// Unique in the scenario.
    pub id: Arc<str>,
    /// The signal it came from, such as `collapse_risk`.
    pub kind: Arc<str>,
    /// How bad it is.
    pub severity: Severity,
    /// Where it stands.
    pub status: WarningStatus,
    /// When it was raised.
    pub opened_at: Timestamp,
}

impl Warning {
    /// Whether it still holds.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.status, WarningStatus::Open | WarningStatus::Acknowledged)
    }
}

/// How a client's performance looked, and how it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reality {
    /// When it was taken.
    pub as_of: Timestamp,
    /// Performance as reported, before any adjustment.
    pub perceived: Score,
    /// Performance after attribution and outside influences are taken out; none where not assessed.
    pub actual: Option<Score>,
    /// Trust in the assessment.
    pub confidence: Score,
    /// Share of the data that was there.
    pub completeness: Score,
}

/// What changes about a client from week to week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientState {
    /// The channels it posts on, in channel order.
    pub channels: Vec<ChannelState>,
    /// Sorted by id.
    pub warnings: Vec<Warning>,
    /// The latest assessment; none where there was none.
    pub reality: Option<Reality>,
    /// Uses of assets, oldest first.
    pub asset_uses: Vec<AssetUse>,
}
