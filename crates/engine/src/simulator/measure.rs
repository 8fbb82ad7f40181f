//! The headline measures of a simulation.

use serde::Serialize;

use super::totals::Totals;

/// A headline measure: a total of a replication over all weeks, channels and clients. Each is the field of `Headline`
/// with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Worth of the realized engagements less the cost, in engagements of a channel whose `worth` is 1; in a
    /// comparison, by the base's rules.
    NetWorth,
    /// Realized engagements.
    Engagement,
    /// Engagements that the planner expected of the drafted posts.
    ExpectedEngagement,
    /// Hours of work on the drafts; in a comparison, by the base's rules.
    HoursOfWork,
    /// Cost of these hours, and of the audience members who left, in the unit of net worth; in a comparison, by the
    /// base's rules.
    Cost,
    /// People in the audiences at the end, over all channels.
    AudienceEnd,
    /// Posts that the rules wanted.
    PostsWanted,
    /// Posts placed in plans.
    PostsPlanned,
    /// Drafts created: planned, not blocked and approved in time, or committed before the run.
    PostsDrafted,
    /// Posts blocked by a guardrail, or by the engine, for instance for lack of review capacity.
    PostsBlocked,
    /// Posts sent to a reviewer.
    Reviews,
    /// Posts rejected by a reviewer.
    Rejected,
    /// Posts approved only after they were due.
    Expired,
    /// Planned posts without an asset.
    WithoutAsset,
    /// Channel-hours with fatigue at or above the warning level; in a comparison, at or above the base's.
    HoursAboveWarn,
    /// Channel-hours with fatigue at or above the blocking level; in a comparison, at or above the base's.
    HoursAboveBlock,
}

/// The desired direction of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    More,
    /// Less is better.
    Fewer,
}

impl Measure {
    /// All measures, in report order.
    pub const ALL: [Measure; 16] = [
        Measure::NetWorth,
        Measure::Engagement,
        Measure::ExpectedEngagement,
        Measure::HoursOfWork,
        Measure::Cost,
        Measure::AudienceEnd,
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
            Measure::NetWorth => "net_worth",
            Measure::Engagement => "engagement",
            Measure::ExpectedEngagement => "expected_engagement",
            Measure::HoursOfWork => "hours_of_work",
            Measure::Cost => "cost",
            Measure::AudienceEnd => "audience_end",
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

    /// The desired direction by default.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Measure::NetWorth
            | Measure::Engagement
            | Measure::ExpectedEngagement
            | Measure::AudienceEnd
            | Measure::PostsWanted
            | Measure::PostsPlanned
            | Measure::PostsDrafted => Direction::More,
            Measure::HoursOfWork
            | Measure::Cost
            | Measure::PostsBlocked
            | Measure::Reviews
            | Measure::Rejected
            | Measure::Expired
            | Measure::WithoutAsset
            | Measure::HoursAboveWarn
            | Measure::HoursAboveBlock => Direction::Fewer,
        }
    }

    /// Its value in the totals of a replication.
    pub(super) const fn value_in(self, totals: &Totals) -> f64 {
        match self {
            Measure::NetWorth => totals.net_worth,
            Measure::Engagement => totals.engagement,
            Measure::ExpectedEngagement => totals.expected,
            Measure::HoursOfWork => totals.hours_of_work,
            Measure::Cost => totals.cost,
            Measure::AudienceEnd => totals.audience,
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
