//! The results of a simulation over all replications: the input of every report.
//!
//! Counts and engagements are means per replication unless a field says otherwise. An [`Estimate`] describes the spread
//! over replications.

use serde::Serialize;

use crate::model::{Channel, ClientId, RiskBand, Week, WorkspaceId};
use crate::stats::Estimate;

/// The result of a simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulation {
    /// Everything needed to reproduce it.
    pub provenance: Provenance,
    /// Totals over all weeks, channels and clients.
    pub headline: Headline,
    /// Results by week.
    pub weekly: Vec<WeekSummary>,
    /// Results by channel over all weeks, in channel order; channels that no client has are left out.
    pub channels: Vec<ChannelSummary>,
    /// Results by week, then channel.
    pub channel_weeks: Vec<ChannelWeek>,
    /// Results by client, in the scenario's order.
    pub clients: Vec<ClientSummary>,
    /// Results by guardrail, in the rules' order, then those of the engine.
    pub guardrails: Vec<GuardrailSummary>,
    /// Mean drafts per replication by weekday (Monday first) and wall-clock hour of the client.
    pub calendar: Vec<[f64; 24]>,
    /// Reuse of assets.
    pub assets: AssetSummary,
}

impl Simulation {
    /// Differences between `posts_target` and `posts_wanted` over all weeks, by cause.
    #[must_use]
    pub fn target_changes(&self) -> TargetChanges {
        let sum = |part: fn(&TargetChanges) -> f64| self.weekly.iter().map(|week| part(&week.target_changes)).sum();
        TargetChanges {
            fewer_by_fatigue: sum(|changes| changes.fewer_by_fatigue),
            fewer_by_hook: sum(|changes| changes.fewer_by_hook),
            more_by_hook: sum(|changes| changes.more_by_hook),
        }
    }
}

/// Everything needed to reproduce a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Provenance {
    /// Name of the scenario.
    pub scenario: String,
    /// Hash of the scenario.
    pub scenario_hash: String,
    /// Name of the rules pack.
    pub rules: String,
    /// Hash of the rules pack.
    pub rules_hash: String,
    /// Version of the engine.
    pub version: String,
    /// Version of the time zone database.
    pub time_zones: String,
    /// Seed of the run.
    pub seed: u64,
    /// First week.
    pub start: Week,
    /// Number of weeks.
    pub weeks: u32,
    /// Number of replications.
    pub replications: u32,
    /// Number of clients that were planned for.
    pub clients: u32,
    /// How channel-weeks were solved: `exact` or `fast`.
    pub tier: String,
    /// Posts of these clients in these weeks that were committed before the run; they are published unchanged.
    pub committed_posts: u32,
}

/// Totals of a replication over all weeks, channels and clients, and their spread over replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Headline {
    /// Worth of the realized engagements less the cost, in engagements of a channel whose `worth` is 1.
    pub net_worth: Estimate,
    /// Realized engagements.
    pub engagement: Estimate,
    /// Engagements that the planner expected of the drafted posts.
    pub expected_engagement: Estimate,
    /// Hours of work on the drafts.
    pub hours_of_work: Estimate,
    /// Cost of these hours, and of the audience members who left, in the unit of `net_worth`.
    pub cost: Estimate,
    /// People in the audiences at the end, over all channels.
    pub audience_end: Estimate,
    /// Posts that the rules wanted.
    pub posts_wanted: Estimate,
    /// Posts placed in plans, without those committed before the run.
    pub posts_planned: Estimate,
    /// Drafts created: planned, not blocked and approved in time, or committed before the run.
    pub posts_drafted: Estimate,
    /// Posts blocked by a guardrail, or by the engine, for instance for lack of review capacity.
    pub posts_blocked: Estimate,
    /// Posts sent to a reviewer.
    pub reviews: Estimate,
    /// Posts rejected by a reviewer.
    pub rejected: Estimate,
    /// Posts approved only after they were due.
    pub expired: Estimate,
    /// Planned posts without an asset.
    pub without_asset: Estimate,
    /// Channel-hours with fatigue at or above the warning level.
    pub hours_above_warn: Estimate,
    /// Channel-hours with fatigue at or above the blocking level.
    pub hours_above_block: Estimate,
}

/// Results of one week over all clients and channels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SimulatedWeek"))]
pub struct WeekSummary {
    /// The week.
    pub week: Week,
    /// Realized engagements.
    pub engagement: Estimate,
    /// Worth of these engagements less the cost.
    pub net_worth: Estimate,
    /// Hours of work on the drafts.
    pub hours_of_work: f64,
    /// Cost of these hours, and of the audience members who left, in the unit of `net_worth`.
    pub cost: f64,
    /// People in the audiences at the end of the week, over all channels.
    pub audience_end: f64,
    /// Engagements that the planner expected of the drafts.
    pub expected_engagement: f64,
    /// Posts that the rules wanted, before fatigue lowers the number.
    pub posts_wanted: f64,
    /// Number of posts aimed at, after fatigue and the pack's `weekly_posts` function.
    pub posts_target: f64,
    /// Why `posts_target` differs from `posts_wanted`.
    pub target_changes: TargetChanges,
    /// Posts committed before the run, which are published unchanged.
    pub posts_committed: f64,
    /// Number of them that count towards `posts_target`; the planner plans the rest.
    pub committed_in_target: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts created, including posts committed before the run.
    pub posts_drafted: f64,
    /// Blocked posts.
    pub posts_blocked: f64,
    /// Posts sent to a reviewer.
    pub reviews: f64,
    /// Posts rejected by a reviewer.
    pub rejected: f64,
    /// Posts approved only after they were due.
    pub expired: f64,
    /// Posts placed of low, medium and high risk, blocked ones included.
    pub risk: [f64; RiskBand::ALL.len()],
}

/// Differences between `posts_target` and `posts_wanted`, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TargetChanges {
    /// Posts removed by the pack's fatigue steps because of channel fatigue.
    pub fewer_by_fatigue: f64,
    /// Posts removed by the pack's `weekly_posts` function.
    pub fewer_by_hook: f64,
    /// Posts added by the pack's `weekly_posts` function.
    pub more_by_hook: f64,
}

impl TargetChanges {
    /// Whether the pack's `weekly_posts` function changed the target of any channel.
    #[must_use]
    pub fn has_hook_changes(&self) -> bool {
        self.fewer_by_hook > 0.0 || self.more_by_hook > 0.0
    }
}

/// Results of one channel over all weeks and clients.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SimulatedChannel"))]
pub struct ChannelSummary {
    /// The channel.
    pub channel: Channel,
    /// Number of clients that have it.
    pub clients: u32,
    /// Realized engagements.
    pub engagement: Estimate,
    /// Worth of these engagements less the cost.
    pub net_worth: Estimate,
    /// Hours of work on the drafts.
    pub hours_of_work: f64,
    /// Cost of these hours, and of the audience members who left, in the unit of `net_worth`.
    pub cost: f64,
    /// People in the audience at the end.
    pub audience_end: f64,
    /// Posts that the rules wanted, before fatigue lowers the number.
    pub posts_wanted: f64,
    /// Posts committed before the run, which are published unchanged.
    pub posts_committed: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts created, including posts committed before the run.
    pub posts_drafted: f64,
    /// Blocked posts.
    pub posts_blocked: f64,
    /// Planned posts without an asset.
    pub without_asset: f64,
    /// Mean fatigue at posts, planned or committed before the run.
    pub mean_fatigue: f64,
    /// Share of channel-hours with fatigue at or above the warning level, `0..=1`.
    pub share_above_warn: f64,
    /// Share of channel-hours with fatigue at or above the blocking level, `0..=1`.
    pub share_above_block: f64,
    /// Fatigue at and above which the rules warn.
    pub warn_at: f64,
    /// Fatigue at and above which the rules block.
    pub block_at: f64,
}

/// Results of one channel in one week, over all clients and replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelWeek {
    /// The week.
    pub week: Week,
    /// The channel.
    pub channel: Channel,
    /// Posts that the rules wanted, before fatigue lowers the number.
    pub posts_wanted: f64,
    /// Number of posts aimed at, after fatigue and the pack's `weekly_posts` function.
    pub posts_target: f64,
    /// Drafts created, including posts committed before the run.
    pub posts_drafted: f64,
    /// Mean realized engagements.
    pub engagement: f64,
    /// Quantiles of fatigue over clients and hours: 5, 50 and 95 %.
    pub fatigue: [f64; 3],
}

/// Results of one client over all weeks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientSummary {
    /// The client.
    pub client_id: ClientId,
    /// Its name, shown in reports.
    pub name: String,
    /// The workspace of the team that works for it.
    pub workspace_id: WorkspaceId,
    /// The client's time zone.
    pub time_zone: String,
    /// Realized engagements.
    pub engagement: Estimate,
    /// Worth of these engagements less the cost.
    pub net_worth: Estimate,
    /// Hours of work on the drafts.
    pub hours_of_work: f64,
    /// Cost of these hours, and of the audience members who left, in the unit of `net_worth`.
    pub cost: f64,
    /// People in the audiences at the end, over all channels.
    pub audience_end: f64,
    /// Engagements that the planner expected of the drafts.
    pub expected_engagement: f64,
    /// Posts that the rules wanted, before fatigue lowers the number.
    pub posts_wanted: f64,
    /// Posts committed before the run, which are published unchanged.
    pub posts_committed: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts created, including posts committed before the run.
    pub posts_drafted: f64,
    /// Blocked posts.
    pub posts_blocked: f64,
    /// Posts sent to a reviewer.
    pub reviews: f64,
    /// Planned posts without an asset.
    pub without_asset: f64,
    /// Mean fatigue over channels and hours.
    pub mean_fatigue: f64,
    /// Posts placed by risk band, in the order of [`RiskBand::ALL`].
    pub risk: [f64; RiskBand::ALL.len()],
}

/// Verdicts of one guardrail over all placed posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardrailSummary {
    /// Its id, or the code of a reason for which the engine blocks posts, such as `review_capacity`.
    pub rule: String,
    /// Whether it is a reason of the engine and not a guardrail of the pack.
    pub by_engine: bool,
    /// Posts that it passed.
    pub passed: f64,
    /// Posts that it warned about.
    pub warned: f64,
    /// Posts that it blocked.
    pub blocked: f64,
    /// Posts that it blocked, by week.
    pub blocked_by_week: Vec<f64>,
}

/// Use of assets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetSummary {
    /// Number of assets.
    pub assets: u32,
    /// Mean number of assets per replication by number of uses, from 0 up; the last entry counts that many uses or
    /// more.
    pub by_uses: Vec<f64>,
    /// Drafts with a variation of an asset.
    pub variations: f64,
    /// Drafts that continued a story.
    pub evolutions: f64,
}
