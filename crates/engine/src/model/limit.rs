//! How a client's week stands to its limits, and how good it is within them.

use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::named::named;
use super::{AssetId, Channel, Timestamp, Week, WorkspaceId, plus_days};

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
    }
);

impl LimitKind {
    /// Whether it bounds from below.
    #[must_use]
    pub const fn is_from_below(self) -> bool {
        matches!(self, LimitKind::AtLeast | LimitKind::AtLeastShare)
    }

    /// Whether it bounds a share.
    #[must_use]
    pub const fn is_share(self) -> bool {
        matches!(self, LimitKind::AtMostShare | LimitKind::AtLeastShare)
    }
}

/// How a client's week stands to a limit in one of the periods in which it counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitUse {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// What it bounds.
    pub kind: LimitKind,
    /// The channel, if each is counted on its own.
    pub channel: Option<Channel>,
    /// The asset, if each is counted on its own.
    pub asset: Option<AssetId>,
    /// Whether posts count by the content types of their assets, so that the numbers below are not numbers of posts.
    pub is_weighed: bool,
    /// Start of the period on the client's clock.
    pub from: NaiveDateTime,
    /// Hours of the period.
    pub hours: u32,
    /// The number of posts, or their share, that the limit states.
    pub allowed: f64,
    /// The number of posts that count, planned ones that may run and committed ones, or their share.
    pub used: f64,
    /// What one post more, or one less for a limit from below, would earn, in the unit of worth: the price of the limit
    /// in the proof of the bound. 0 where the limit costs nothing.
    pub price: f64,
}

/// What a client may use of a limit that it shares with other clients of its workspace, in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitQuota {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The channel, if each is counted on its own.
    pub channel: Option<Channel>,
    /// The period.
    pub period: QuotaPeriod,
    /// Number of the client's posts, committed ones included.
    pub posts: f64,
    /// The price of a post that proves the bound of the workspace: a client's own price is sought from there.
    pub first_price: f64,
}

/// A period of a client's week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaPeriod {
    /// The week.
    Week,
    /// A day, since Monday.
    Day(u8),
    /// An hour of the week.
    Hour(usize),
}

/// A period in which the posts of several clients are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SharedPeriod {
    /// Each client's week.
    Week,
    /// A day on each client's clock, since Monday.
    Day(u8),
    /// An hour of UTC, in hours since 1970, in which an hour of a client begins.
    Hour(i64),
}

impl SharedPeriod {
    /// Its start, for display: a date of a week, or an hour in UTC.
    #[must_use]
    pub fn start(self, week: Week) -> String {
        match self {
            SharedPeriod::Week => week.monday().to_string(),
            SharedPeriod::Day(day) => plus_days(week.monday(), i64::from(day)).to_string(),
            SharedPeriod::Hour(hour) => Timestamp::from_second(hour * 3600).to_string(),
        }
    }
}

/// How the clients of a workspace stand to a limit that they share, in one period.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedLimitUse {
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The industry, if each is counted on its own.
    pub industry: Option<Arc<str>>,
    /// The channel, if each is counted on its own.
    pub channel: Option<Channel>,
    /// The period.
    pub period: SharedPeriod,
    /// The number of posts that the limit states.
    pub allowed: f64,
    /// The number of posts that count, planned and committed.
    pub used: f64,
    /// What one post more would earn at most, in the unit of worth.
    pub price: f64,
}

/// How good the week of a workspace is at least whose clients give way to each other for limits that they share.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkspaceCertificate {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Sum over its clients of what their posts that may run come to.
    pub objective: f64,
    /// No plan of its clients that keeps the limits comes to more; `None` if none is proven.
    pub upper_bound: Option<f64>,
    /// The limits that they share and exceed if each is planned alone.
    pub limits: Vec<SharedLimitUse>,
}

/// How good a client's week is at least: what its posts earn, and a bound on what any week within its limits can earn.
///
/// Both are sums over the client's channels of worth less costs, at the mean quality of each channel's assets, less the
/// price of the fatigue that the next week inherits.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// Of the posts that may run; blocked ones earn nothing. Less what is given up for limits with a price.
    pub objective: f64,
    /// No week that keeps the limits comes to more.
    pub upper_bound: f64,
    /// The limits that are used up or cost something, in the order of the rules, then of time.
    pub limits: Vec<LimitUse>,
}

impl WorkspaceCertificate {
    /// What is missing to the bound, as a share of it, `0..=1`; `None` if no bound is proven.
    #[must_use]
    pub fn gap(&self) -> Option<f64> {
        let share = |bound: f64| if bound > 0.0 { (1.0 - self.objective / bound).clamp(0.0, 1.0) } else { 0.0 };
        self.upper_bound.map(share)
    }
}

impl Certificate {
    /// What is missing to the bound, as a share of it, `0..=1`; 0 if nothing can be earned.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.upper_bound > 0.0 { (1.0 - self.objective / self.upper_bound).clamp(0.0, 1.0) } else { 0.0 }
    }
}
