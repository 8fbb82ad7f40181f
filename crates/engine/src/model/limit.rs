//! How a client's week stands to its limits, and how good it is within them.

use std::sync::Arc;

use chrono::NaiveDateTime;
use serde::Serialize;

use super::named::named;
use super::{AssetId, Channel};

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

impl Certificate {
    /// What is missing to the bound, as a share of it, `0..=1`; 0 if nothing can be earned.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.upper_bound > 0.0 { (1.0 - self.objective / self.upper_bound).clamp(0.0, 1.0) } else { 0.0 }
    }
}
