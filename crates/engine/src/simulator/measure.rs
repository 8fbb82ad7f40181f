//! The headline numbers of a simulation, by name.

use serde::Serialize;

use super::tally::Totals;

/// A headline number: a total of a replication over all weeks, channels and clients. Each is a field
/// of [`Headline`](super::Headline) of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Engagements that came.
    Engagement,
    /// Engagements that the planner expected of the posts that went out.
    ExpectedEngagement,
    /// Posts that the rules wanted.
    PostsWanted,
    /// Posts placed in plans.
    PostsPlanned,
    /// Drafts made: planned, not blocked, approved in time; or committed before the run.
    PostsDrafted,
    /// Posts held by a guardrail or by want of review capacity.
    PostsBlocked,
    /// Posts that went to a reviewer.
    Reviews,
    /// Posts that a reviewer refused.
    Rejected,
    /// Posts whose answer came after their time.
    Expired,
    /// Planned posts without an asset.
    WithoutAsset,
    /// Channel-hours with fatigue at or above warn: of packs that are compared, the base's warn.
    HoursAboveWarn,
    /// Channel-hours with fatigue at or above block: of packs that are compared, the base's block.
    HoursAboveBlock,
}

/// Which way a number is wished to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// More is better.
    More,
    /// Fewer are better.
    Fewer,
}

impl Measure {
    /// Every one, in the order of reports.
    pub const ALL: [Measure; 12] = [
        Measure::Engagement,
        Measure::ExpectedEngagement,
        Measure::PostsWanted,
        Measure::PostsPlanned,
        Measure::PostsDrafted,
        Measure::PostsBlocked,
        Measure::Reviews,
        Measure::Rejected,
        Measure::Expired,
        Measure::WithoutAsset,
        Measure::HoursAboveWarn,
        Measure::HoursAboveBlock,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Measure::Engagement => "engagement",
            Measure::ExpectedEngagement => "expected_engagement",
            Measure::PostsWanted => "posts_wanted",
            Measure::PostsPlanned => "posts_planned",
            Measure::PostsDrafted => "posts_drafted",
            Measure::PostsBlocked => "posts_blocked",
            Measure::Reviews => "reviews",
            Measure::Rejected => "rejected",
            Measure::Expired => "expired",
            Measure::WithoutAsset => "without_asset",
            Measure::HoursAboveWarn => "hours_above_warn",
            Measure::HoursAboveBlock => "hours_above_block",
        }
    }

    /// Which way it is wished to go, where nobody says otherwise.
    #[must_use]
    pub const fn wish(self) -> Wish {
        match self {
            Measure::Engagement
            | Measure::ExpectedEngagement
            | Measure::PostsWanted
            | Measure::PostsPlanned
            | Measure::PostsDrafted => Wish::More,
            Measure::PostsBlocked
            | Measure::Reviews
            | Measure::Rejected
            | Measure::Expired
            | Measure::WithoutAsset
            | Measure::HoursAboveWarn
            | Measure::HoursAboveBlock => Wish::Fewer,
        }
    }

    /// Its value in the totals of a replication.
    pub(super) const fn of(self, totals: &Totals) -> f64 {
        match self {
            Measure::Engagement => totals.engagement,
            Measure::ExpectedEngagement => totals.expected,
            Measure::PostsWanted => totals.wanted,
            Measure::PostsPlanned => totals.planned,
            Measure::PostsDrafted => totals.drafted,
            Measure::PostsBlocked => totals.blocked,
            Measure::Reviews => totals.reviews,
            Measure::Rejected => totals.rejected,
            Measure::Expired => totals.expired,
            Measure::WithoutAsset => totals.without_asset,
            Measure::HoursAboveWarn => totals.hours_above_warn,
            Measure::HoursAboveBlock => totals.hours_above_block,
        }
    }
}
