//! How far a planned week uses up its limits, and how close its objective is to the best possible within them.

use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::named::named;
use super::{AssetId, CampaignId, Channel, Timestamp, Week, WorkspaceId, plus_days};

named!(
    /// What a limit bounds.
    LimitKind {
        /// The number of posts, from above.
        AtMost = "at_most",
        /// The number of posts, from below.
        AtLeast = "at_least",
        /// Their share of all posts, from above.
        AtMostShare = "at_most_share",
        /// Their share of all posts, from below.
        AtLeastShare = "at_least_share",
        /// The order of channels: the posts that must follow a post, from below.
        FollowedBy = "followed_by",
    }
);

impl LimitKind {
    /// Whether it bounds from below.
    #[must_use]
    pub const fn is_from_below(self) -> bool {
        matches!(self, LimitKind::AtLeast | LimitKind::AtLeastShare | LimitKind::FollowedBy)
    }

    /// Whether it bounds a share.
    #[must_use]
    pub const fn is_share(self) -> bool {
        matches!(self, LimitKind::AtMostShare | LimitKind::AtLeastShare)
    }
}

/// The post that must follow another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// The channel that follows.
    pub channel: Channel,
    /// At least so many hours later, from the hour of the first post to the hour of the second; at least 1.
    pub after_hours: u32,
    /// At most so many hours later; not below `after_hours`.
    pub until_hours: u32,
    /// Whether it must have the asset of the first post.
    pub same_asset: bool,
}

impl FollowUp {
    /// What must follow, in words, such as `followed by a post on x 2 to 4 hours later`.
    #[must_use]
    pub fn in_words(self) -> String {
        let FollowUp { channel, after_hours, until_hours, same_asset } = self;
        let hours = match (after_hours, until_hours) {
            (1, 1) => "1 hour".to_owned(),
            (after, until) if after == until => format!("{after} hours"),
            (after, until) => format!("{after} to {until} hours"),
        };
        let asset = if same_asset { ", with the same asset" } else { "" };
        format!("followed by a post on {channel} {hours} later{asset}")
    }
}

/// How far a client's week uses up a limit in one of the periods in which the limit counts posts.
///
/// A limit on the order of channels has a period for each hour in which a post must be followed. It allows no fewer than
/// one post to follow, and `used` is the number of posts that do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitUse {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// What it bounds.
    pub kind: LimitKind,
    /// What must follow a post, if the limit is on the order of channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<FollowUp>,
    /// The channel, if each channel is counted on its own; that of the post that must be followed.
    pub channel: Option<Channel>,
    /// The asset, if each asset is counted on its own, or the asset with which a post must be followed.
    pub asset: Option<AssetId>,
    /// The campaign, if each campaign is counted on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Whether each post counts with the weight of its asset's content type, so that `allowed` and `used` are not
    /// numbers of posts.
    pub is_weighed: bool,
    /// First hour of the period, in elapsed hours since Monday 00:00 in the client's zone, negative before it. Where the
    /// clock goes back, two periods have the same `from`, but never the same first hour.
    #[serde(skip)]
    pub first_hour: i64,
    /// Start of the period on the client's clock, for display.
    pub from: NaiveDateTime,
    /// Length of the period in hours.
    pub hours: u32,
    /// The number or share of posts that the limit states.
    pub allowed: f64,
    /// The number or share of the posts that count: planned ones that may run, and committed ones.
    pub used: f64,
    /// The limit's Lagrangian price in the proof of the upper bound, in the unit of worth: about what would be gained
    /// if the limit allowed one more post or, for a limit from below, required one post fewer. 0 if the limit costs
    /// nothing.
    pub price: f64,
}

/// The part of a limit, shared by clients of a workspace, that one client may use in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitQuota {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The channel, if each channel is counted on its own.
    pub channel: Option<Channel>,
    /// The period.
    pub period: QuotaPeriod,
    /// Maximum number of the client's posts, committed ones included.
    pub posts: f64,
    /// The limit's price per post in the proof of the workspace's upper bound. The search for the client's own price
    /// starts from it.
    pub first_price: f64,
}

/// A period of a client's week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaPeriod {
    /// The week.
    Week,
    /// A day, in days since Monday.
    Day(u8),
    /// An hour, in elapsed hours since Monday 00:00 in the client's zone.
    Hour(usize),
}

/// A period in which the posts of several clients are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SharedPeriod {
    /// Each client's week.
    Week,
    /// A day on each client's clock, in days since Monday.
    Day(u8),
    /// An hour in UTC, in hours since 1970. A client's hour belongs to the hour in UTC in which it begins.
    Hour(i64),
}

impl SharedPeriod {
    /// Its start in the given week, for display: a date, or an instant in UTC.
    #[must_use]
    pub fn start(self, week: Week) -> String {
        match self {
            SharedPeriod::Week => week.monday().to_string(),
            SharedPeriod::Day(day) => plus_days(week.monday(), i64::from(day)).to_string(),
            SharedPeriod::Hour(hour) => Timestamp::from_second(hour * 3600).to_string(),
        }
    }
}

/// How far the clients of a workspace together use up a shared limit in one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedLimitUse {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The industry, if each industry is counted on its own.
    pub industry: Option<Arc<str>>,
    /// The tag, if the clients with each tag are counted on their own.
    pub tag: Option<Arc<str>>,
    /// The channel, if each channel is counted on its own.
    pub channel: Option<Channel>,
    /// The period.
    pub period: SharedPeriod,
    /// The number of posts that the limit states.
    pub allowed: f64,
    /// The number of posts that count, planned and committed.
    pub used: f64,
    /// Upper bound on what one more post would earn, in the unit of worth. If posts beyond the limit have a price, at most
    /// that price.
    pub price: f64,
}

/// The objective of a workspace's week, and an upper bound on it, where clients compete for limits that they share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkspaceCertificate {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Sum of its clients' objectives, less what the posts cost that exceed shared limits with a price; 0 if any client
    /// has no certificate.
    pub objective: f64,
    /// Upper bound on the objective of any plan within the limits; `None` if none is proven.
    pub upper_bound: Option<f64>,
    /// The shared limits that the clients would exceed if each were planned alone.
    pub limits: Vec<SharedLimitUse>,
}

/// The objective of a client's week, and an upper bound on the objective of any week within its limits.
///
/// Both are sums over the client's channels: the worth of the posts, at the mean quality of each channel's assets, less
/// their costs and less the price of the fatigue carried over to the next week. Where the week was planned before,
/// posts at the hours of the previous plan are worth more by the keep bonus, in the objective and in the bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The objective of the posts that may run, since blocked posts earn nothing, less the penalty for exceeding limits
    /// that have a price.
    pub objective: f64,
    /// Upper bound on the objective of any week within the limits.
    pub upper_bound: f64,
    /// The limits that are used up or cost something, in the order of the rules, then of time.
    pub limits: Vec<LimitUse>,
}

impl WorkspaceCertificate {
    /// The distance from the objective to the bound, as a share of the bound, `0..=1`; `None` if no bound is proven.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        let gap = |bound: f64| if bound > 0.0 { (1.0 - self.objective / bound).clamp(0.0, 1.0) } else { 0.0 };
        self.upper_bound.map(gap)
    }
}

impl Certificate {
    /// The distance from the objective to the bound, as a share of the bound, `0..=1`; 0 if nothing can be earned.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.upper_bound > 0.0 { (1.0 - self.objective / self.upper_bound).clamp(0.0, 1.0) } else { 0.0 }
    }
}
