//! What a simulation found, summed over replications: the input of every report.
//!
//! Counts and engagements are of one replication unless a field says otherwise. An [`Estimate`]
//! speaks of the spread over replications.

use serde::Serialize;

use crate::model::{Channel, ClientId, RiskBand, Week, WorkspaceId};
use crate::stats::Estimate;

/// The outcome of a simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulation {
    /// All that repeats it.
    pub provenance: Provenance,
    /// Totals over all weeks, channels and clients.
    pub headline: Headline,
    /// By week, in order.
    pub weekly: Vec<WeekSummary>,
    /// By channel over all weeks, in channel order; channels that no client has are left out.
    pub channels: Vec<ChannelSummary>,
    /// By week, then channel.
    pub channel_weeks: Vec<ChannelWeek>,
    /// By client id.
    pub clients: Vec<ClientSummary>,
    /// By rule, in the rules' order.
    pub guardrails: Vec<GuardrailSummary>,
    /// Mean live posts of a replication by weekday (Monday first) and wall-clock hour of the client.
    pub calendar: Vec<[f64; 24]>,
    /// How often assets were used again.
    pub assets: AssetSummary,
}

impl Simulation {
    /// What moved the target of posts over all weeks, by cause.
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

/// All that repeats a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// Version of the time-zone database.
    pub time_zones: String,
    /// Seed of the run.
    pub seed: u64,
    /// First week.
    pub start: Week,
    /// How many weeks.
    pub weeks: u32,
    /// How many replications.
    pub replications: u32,
    /// How many clients were planned for.
    pub clients: u32,
    /// How channel-weeks were solved: `exact` or `fast`.
    pub tier: String,
    /// Posts of these clients in these weeks that were committed before the run and count as they are.
    pub committed_posts: u32,
}

/// Totals of a replication over all weeks, channels and clients, and their spread over replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Headline {
    /// Engagements that came.
    pub engagement: Estimate,
    /// Engagements that the planner expected of the posts that went out.
    pub expected_engagement: Estimate,
    /// Posts that the rules wanted.
    pub posts_wanted: Estimate,
    /// Posts placed in plans; those committed before the run are not among them.
    pub posts_planned: Estimate,
    /// Drafts made: planned, not blocked, approved in time; or committed before the run.
    pub posts_drafted: Estimate,
    /// Posts held by a guardrail or by want of review capacity.
    pub posts_blocked: Estimate,
    /// Posts that went to a reviewer.
    pub reviews: Estimate,
    /// Posts that a reviewer refused.
    pub rejected: Estimate,
    /// Posts whose answer came after their time.
    pub expired: Estimate,
    /// Planned posts without an asset.
    pub without_asset: Estimate,
    /// Channel-hours with fatigue at or above warn.
    pub hours_above_warn: Estimate,
    /// Channel-hours with fatigue at or above block.
    pub hours_above_block: Estimate,
}

/// One week, over all clients and channels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeekSummary {
    /// Which.
    pub week: Week,
    /// Engagements that came.
    pub engagement: Estimate,
    /// Engagements that the planner expected of the drafts.
    pub expected_engagement: f64,
    /// Posts that the rules wanted before fatigue.
    pub posts_wanted: f64,
    /// Posts that the rules wanted after fatigue and the pack's `weekly_posts` function.
    pub posts_target: f64,
    /// Why `posts_target` is not `posts_wanted`.
    pub target_changes: TargetChanges,
    /// Posts that were committed before the run, which go out as they are.
    pub posts_committed: f64,
    /// Places of the target that these take; the planner fills the rest.
    pub committed_in_target: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts made; posts committed before the run are among them.
    pub posts_drafted: f64,
    /// Posts held.
    pub posts_blocked: f64,
    /// Posts that went to a reviewer.
    pub reviews: f64,
    /// Posts that a reviewer refused.
    pub rejected: f64,
    /// Posts whose answer came after their time.
    pub expired: f64,
    /// Posts placed by risk band, blocked ones included, in the order of [`RiskBand::ALL`].
    pub risk: [f64; RiskBand::ALL.len()],
}

/// What moved the target of posts away from what the rules want, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TargetChanges {
    /// Posts given up because channels were tired: by the pack's fatigue steps.
    pub fewer_by_fatigue: f64,
    /// Posts that the pack's `weekly_posts` function did without.
    pub fewer_by_hook: f64,
    /// Posts that it asked for beyond those wanted.
    pub more_by_hook: f64,
}

impl TargetChanges {
    /// Whether the pack's `weekly_posts` function moved the target of any channel.
    #[must_use]
    pub fn has_hook(&self) -> bool {
        self.fewer_by_hook > 0.0 || self.more_by_hook > 0.0
    }
}

/// One channel over all weeks and clients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelSummary {
    /// Which.
    pub channel: Channel,
    /// Clients that have it.
    pub clients: u32,
    /// Engagements that came.
    pub engagement: Estimate,
    /// Posts that the rules wanted before fatigue.
    pub posts_wanted: f64,
    /// Posts that were committed before the run, which go out as they are.
    pub posts_committed: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts made; posts committed before the run are among them.
    pub posts_drafted: f64,
    /// Posts held.
    pub posts_blocked: f64,
    /// Planned posts without an asset.
    pub without_asset: f64,
    /// Mean fatigue at posts, planned or committed before.
    pub mean_fatigue: f64,
    /// Share of channel-hours with fatigue at or above warn, `0..=1`.
    pub share_above_warn: f64,
    /// Share of channel-hours with fatigue at or above block, `0..=1`.
    pub share_above_block: f64,
    /// Fatigue from which the rules warn.
    pub warn_at: f64,
    /// Fatigue from which the rules block.
    pub block_at: f64,
}

/// One channel in one week, over all clients and replications.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelWeek {
    /// Which week.
    pub week: Week,
    /// Which channel.
    pub channel: Channel,
    /// Posts that the rules wanted before fatigue.
    pub posts_wanted: f64,
    /// Posts that the rules wanted after fatigue and the pack's `weekly_posts` function.
    pub posts_target: f64,
    /// Drafts made; posts committed before the run are among them.
    pub posts_drafted: f64,
    /// Mean engagements that came.
    pub engagement: f64,
    /// Quantiles of fatigue over clients and hours: 5, 50 and 95 %.
    pub fatigue: [f64; 3],
}

/// One client over all weeks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientSummary {
    /// Which.
    pub client_id: ClientId,
    /// Shown in reports.
    pub name: String,
    /// The team's.
    pub workspace_id: WorkspaceId,
    /// Zone of its wall clock.
    pub time_zone: String,
    /// Engagements that came.
    pub engagement: Estimate,
    /// Engagements that the planner expected of the drafts.
    pub expected_engagement: f64,
    /// Posts that the rules wanted before fatigue.
    pub posts_wanted: f64,
    /// Posts that were committed before the run, which go out as they are.
    pub posts_committed: f64,
    /// Posts placed by the planner.
    pub posts_planned: f64,
    /// Drafts made; posts committed before the run are among them.
    pub posts_drafted: f64,
    /// Posts held.
    pub posts_blocked: f64,
    /// Posts that went to a reviewer.
    pub reviews: f64,
    /// Planned posts without an asset.
    pub without_asset: f64,
    /// Mean fatigue over channels and hours.
    pub mean_fatigue: f64,
    /// Posts placed by risk band, in the order of [`RiskBand::ALL`].
    pub risk: [f64; RiskBand::ALL.len()],
}

/// One guardrail over all posts placed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuardrailSummary {
    /// Its id, or the code of a reason for which the engine holds posts, such as `review_capacity`.
    pub rule: String,
    /// Whether it is the engine that holds posts for this reason, and no guardrail of the pack.
    pub by_engine: bool,
    /// Posts it passed.
    pub passed: f64,
    /// Posts it warned of.
    pub warned: f64,
    /// Posts it blocked.
    pub blocked: f64,
    /// Posts it blocked, by week.
    pub blocked_by_week: Vec<f64>,
}

/// How often assets were used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetSummary {
    /// Assets there are.
    pub assets: u32,
    /// Mean assets of a replication by how often they were used: never, once, and so on; the last
    /// entry counts those used that often or more.
    pub by_uses: Vec<f64>,
    /// Drafts with a variation of an asset.
    pub variations: f64,
    /// Drafts that continued a story.
    pub evolutions: f64,
}
