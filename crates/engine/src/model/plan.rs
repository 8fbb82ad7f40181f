//! A planned week: posts, allocations, conflicts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::named::named;
use super::time::Timestamp;
use super::{
    AssetId, CampaignId, Certificate, Channel, ChannelSnapshot, ClientId, LimitQuota, Outcome, PostSurroundings,
    Reason, RiskBand, Severity, Signals, Verdict, Week, WorkspaceCertificate, WorkspaceId, Zone,
};

named!(
    /// The status of a schedule. A plan uses pending, ready and blocked only.
    ScheduleStatus {
        /// Awaits approval.
        Pending = "pending",
        /// May run when its time comes.
        Ready = "ready",
        /// Its draft is being created.
        Executing = "executing",
        /// Its draft was created.
        Completed = "completed",
        /// Its draft could not be created.
        Failed = "failed",
        /// Must not run, for a recorded reason.
        Blocked = "blocked",
        /// Cancelled by a person, or expired.
        Cancelled = "cancelled",
    }
);

impl ScheduleStatus {
    /// The statuses that may follow this one. The databases hold the same list and reject any other transition.
    #[must_use]
    pub const fn next_statuses(self) -> &'static [ScheduleStatus] {
        use ScheduleStatus::{Blocked, Cancelled, Completed, Executing, Failed, Pending, Ready};
        match self {
            Pending => &[Ready, Blocked, Cancelled],
            Ready => &[Pending, Executing, Blocked, Cancelled],
            Executing => &[Completed, Failed],
            Failed => &[Ready, Cancelled],
            Blocked => &[Pending, Ready, Cancelled],
            Cancelled => &[Pending],
            Completed => &[],
        }
    }

    /// Whether `next` may follow this status.
    #[must_use]
    pub fn can_become(self, next: ScheduleStatus) -> bool {
        self.next_statuses().contains(&next)
    }
}

/// The asset of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetChoice {
    /// The root of the asset's family.
    pub asset_id: AssetId,
    /// The variation of the root, or the later step of its story, that is used; `None` for the root itself.
    pub variation_id: Option<AssetId>,
    /// Whether `variation_id` is a later step of the story; false if it is a variation.
    pub is_evolution: bool,
    /// Score of the asset for the channel, `0..=100`.
    pub score: f64,
    /// Factor on expected engagements, from the score and the content type.
    pub quality_factor: f64,
}

impl AssetChoice {
    /// The asset that is used: the variation or later step, or else the root.
    #[must_use]
    pub fn used(&self) -> &AssetId {
        self.variation_id.as_ref().unwrap_or(&self.asset_id)
    }
}

named!(
    /// Why the confidence in a post is what it is.
    ConfidenceCause {
        /// It starts from the score of its asset.
        AssetScore = "asset score",
        /// The engagement rate of the channel was never measured.
        NoHistory = "no history on the channel",
        /// The assessment of the client's performance is itself doubtful.
        LowRealityConfidence = "low reality confidence",
        /// True performance differs much from performance as reported.
        RealityGap = "true and perceived performance apart",
        /// Guardrails warn of the post.
        Warnings = "guardrails that warn",
        /// A function of the pack computes it.
        Function = "the pack's `confidence` function",
    }
);

/// One adjustment of a post's confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceStep {
    /// The cause.
    #[serde(rename = "because")]
    pub cause: ConfidenceCause,
    /// The change of the confidence, which is 0 before the first step.
    pub change: f64,
}

/// A planned post.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// The channel.
    pub channel: Channel,
    /// Hour of the week, in elapsed hours from Monday 00:00 in the client's zone.
    pub hour: usize,
    /// When it is due, to the minute.
    pub at: Timestamp,
    /// Its asset; `None` if none was available, in which case it is blocked.
    pub asset: Option<AssetChoice>,
    /// The campaign it counts for.
    pub campaign_id: Option<CampaignId>,
    /// Pending, ready or blocked.
    pub status: ScheduleStatus,
    /// Priority for capacity, at least 10 by default.
    pub priority: f64,
    /// Fatigue of the channel at the post's hour, before the post adds its own; blocked posts do not count.
    pub fatigue: f64,
    /// What the planner sees around it.
    pub surroundings: PostSurroundings,
    /// Engagements that an average asset would earn at this hour on a channel without fatigue, including the weight of
    /// the post's own campaign.
    pub slot_value: f64,
    /// Expected engagements: slot value · quality factor · response to fatigue.
    pub expected_engagement: f64,
    /// Cost of the work on it, and of the audience members who unsubscribe or unfollow because of it, in the unit of
    /// worth.
    pub cost: f64,
    /// Expected engagements times the channel's worth per engagement, less the cost.
    pub net_worth: f64,
    /// What the objective counts the post for in addition because the plan that the week had before has a post of the
    /// channel at this hour: a share of its worth at the mean quality of the channel's assets; 0 if it is blocked.
    pub keep_bonus: f64,
    /// Confidence, `0..=1`.
    pub confidence: f64,
    /// The adjustments that add up to the confidence.
    pub confidence_steps: Vec<ConfidenceStep>,
    /// The band of the confidence, raised if a rule says so.
    pub risk: RiskBand,
    /// Each guardrail's answer, in the rules' order.
    pub verdicts: Vec<Arc<Verdict>>,
    /// Why it is blocked; `None` if it is not.
    pub blocked: Option<Arc<Reason>>,
}

impl Post {
    /// Whether it is not blocked.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status != ScheduleStatus::Blocked
    }

    /// Why it is blocked, in words; `None` if it is not.
    #[must_use]
    pub fn blocked_reason(&self) -> Option<String> {
        self.blocked.as_ref().map(ToString::to_string)
    }

    /// Identifier of the post in calendars: the same in every plan with this time on this channel.
    #[must_use]
    pub fn calendar_uid(&self, client: &ClientId) -> String {
        let parts = [client.as_str(), self.channel.name(), &self.at.as_second().to_string()];
        derived_id(b"calendar", &parts).to_string()
    }

    /// Score of its asset; 0 if it has none.
    #[must_use]
    pub fn asset_score(&self) -> f64 {
        self.asset.as_ref().map_or(0.0, |asset| asset.score)
    }

    /// The verdicts with the given outcome.
    pub fn verdicts_of(&self, outcome: Outcome) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().map(Arc::as_ref).filter(move |verdict| verdict.outcome == outcome)
    }
}

/// A post of the week that was committed before planning. The plan works around it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommittedPost {
    /// The channel.
    pub channel: Channel,
    /// Hour of the week, in elapsed hours from Monday 00:00 in the client's zone.
    pub hour: usize,
    /// When it is due, to the minute.
    pub at: Timestamp,
    /// Its asset; `None` if none is recorded or it is no longer available.
    pub asset: Option<AssetChoice>,
    /// Fatigue of the channel at the post's hour, before the post adds its own; blocked posts do not count.
    pub fatigue: f64,
    /// Expected engagements: slot value · quality factor · response to fatigue.
    pub expected_engagement: f64,
}

named!(
    /// How a channel-week was solved.
    Tier {
        /// Proven optimal.
        Exact = "exact",
        /// Greedy with swaps; not proven optimal.
        Fast = "fast",
    }
);

named!(
    /// What determined a channel's target number of posts for a week.
    TargetSource {
        /// The pack's fatigue steps (`frequency`), which lower the wanted number.
        FatigueSteps = "fatigue_steps",
        /// The pack's `weekly_posts` function.
        Hook = "hook",
    }
);

/// How many posts a channel got for a week, and why not more.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// The channel.
    pub channel: Channel,
    /// The facts about the channel as the rules saw them.
    pub snapshot: Arc<ChannelSnapshot>,
    /// Number of posts a week that the rules want, before it is lowered for fatigue.
    pub posts_wanted: u32,
    /// Number of posts aimed at, committed ones included: `posts_wanted` lowered for fatigue, or the result of the
    /// pack's `weekly_posts` function.
    pub posts_target: u32,
    /// What determined `posts_target`.
    pub target_source: TargetSource,
    /// Posts placed, including blocked ones.
    pub posts_planned: u32,
    /// Posts placed and then blocked, by a guardrail or for another reason.
    pub posts_blocked: u32,
    /// Why fewer posts are planned and not blocked than the greater of the channel's `weekly_posts` and `posts_wanted`,
    /// the reasons joined by `; `; empty if no post is missing. Also names a script that sets another target.
    pub why_fewer: String,
    /// Whether every post on the channel needs a review, whatever the post's time and asset.
    pub always_needs_review: bool,
    /// Fatigue at the start of the week.
    pub fatigue_start: f64,
    /// Fatigue at the end of the week; blocked posts do not count.
    pub fatigue_end: f64,
    /// Quality factor with which the slots were valued.
    pub mean_quality: f64,
    /// Assumed cost of each slot, in the unit of worth: the mean cost of a post on the channel times `mean_quality`.
    pub mean_cost: f64,
    /// Price per unit of fatigue carried over to the next week.
    pub end_weight: f64,
    /// The worth of the slots, less their cost and the price of the fatigue carried over to the next week. As in
    /// `upper_bound`, slots that the week's previous plan has already are worth more by the keep bonus.
    pub objective: f64,
    /// Upper bound on `objective`: the best that the channel could reach without the limits it shares with other
    /// channels.
    pub upper_bound: f64,
    /// How it was solved.
    pub tier: Tier,
    /// Number of hours in which posts were allowed.
    pub hours_allowed: u32,
    /// Each rule that excludes hours, in order of evaluation, and the number of hours that it excludes.
    pub hours_removed: Vec<(&'static str, u32)>,
    /// Hours of the week at which a guardrail blocks every post of the channel, ascending; no post is planned there.
    pub hours_closed_by_guardrails: Vec<usize>,
}

named!(
    /// The kind of a conflict.
    ConflictKind {
        /// Another post too close, or a full day.
        Timing = "timing",
        /// Channel fatigue too high.
        Fatigue = "fatigue",
        /// An active warning.
        Warning = "warning",
        /// No asset, or a doubtful one.
        Asset = "asset",
        /// The client's policy, or capacity.
        Policy = "policy",
    }
);

/// A problem with the plan that needs attention.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The channel; `None` if it concerns all channels.
    pub channel: Option<Channel>,
    /// The kind.
    pub kind: ConflictKind,
    /// The severity.
    pub severity: Severity,
    /// Description of the problem.
    pub description: String,
    /// Number of posts affected.
    pub affected: u32,
    /// How to resolve it.
    pub resolution: String,
}

/// A client's planned week.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPlan {
    /// The client.
    pub client_id: ClientId,
    /// The workspace of the team that works for the client.
    pub workspace_id: WorkspaceId,
    /// The client's time zone.
    pub zone: Zone,
    /// Planned posts, by time, then channel.
    pub posts: Vec<Post>,
    /// Posts of the week that were committed before planning, by time, then channel.
    pub committed: Vec<CommittedPost>,
    /// One allocation per channel, in channel order.
    pub allocations: Vec<Allocation>,
    /// Conflicts in channel order, those without a channel first.
    pub conflicts: Vec<Conflict>,
    /// The agents' signals.
    pub signals: Signals,
    /// The week's objective and an upper bound; `None` if the channels were not solved exactly.
    pub certificate: Option<Certificate>,
    /// Limits that contradict each other, so that nothing is planned; empty if all can be kept.
    pub unmet_limits: Vec<Arc<str>>,
    /// The client's quotas of the limits that it shares with other clients; empty if no shared limit binds.
    pub quotas: Vec<LimitQuota>,
}

impl ClientPlan {
    /// The objective of the posts that may run, keep bonuses included; without a certificate, that of all posts.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.certified_or_sum(|certificate| certificate.objective, |allocation| allocation.objective)
    }

    /// Upper bound on the objective; without a certificate, the sum of the channels' bounds.
    #[must_use]
    pub fn upper_bound(&self) -> f64 {
        self.certified_or_sum(|certificate| certificate.upper_bound, |allocation| allocation.upper_bound)
    }

    /// Expected engagements of the posts that may run; blocked posts earn nothing.
    #[must_use]
    pub fn expected_engagement(&self) -> f64 {
        // An empty `sum` of floats would be -0.
        self.posts.iter().filter(|post| post.is_live()).fold(0.0, |sum, post| sum + post.expected_engagement)
    }

    /// A number of the certificate; without a certificate, the sum of a number over the channels.
    fn certified_or_sum(&self, certified: fn(&Certificate) -> f64, of_channel: fn(&Allocation) -> f64) -> f64 {
        let sum_over_channels = || self.allocations.iter().map(of_channel).fold(0.0, |sum, number| sum + number);
        self.certificate.as_ref().map_or_else(sum_over_channels, certified)
    }
}

/// Every client's planned week.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Derived from all inputs: the same inputs give the same id.
    pub plan_id: Uuid,
    /// Name of the scenario.
    pub scenario: String,
    /// The week.
    pub week: Week,
    /// The instant before which nothing was planned; `None` if the whole week was still ahead.
    pub not_before: Option<Timestamp>,
    /// Hash of the rules pack, hexadecimal.
    pub rules_hash: String,
    /// Hash of the scenario, hexadecimal.
    pub scenario_hash: String,
    /// The clients' weeks, sorted by client id; clients that are not planned for are left out.
    pub clients: Vec<ClientPlan>,
    /// The workspaces in which a shared limit binds, sorted by id.
    pub workspaces: Vec<WorkspaceCertificate>,
}

impl Plan {
    /// Sum of the posts' keep bonuses: the part of [`Plan::objective`] that is not earned but counted for posts that
    /// stay where the week's previous plan has them.
    #[must_use]
    pub fn keep_bonus(&self) -> f64 {
        self.posts().fold(0.0, |sum, (_, post)| sum + post.keep_bonus)
    }

    /// The id of a post: the same in every plan made from the same inputs.
    #[must_use]
    pub fn post_id(&self, client: &ClientId, post: &Post) -> Uuid {
        derived_id(
            self.plan_id.as_bytes(),
            &["post", client.as_str(), post.channel.name(), &post.at.as_second().to_string()],
        )
    }

    /// Sum of the clients' objectives; see [`ClientPlan::objective`].
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.clients.iter().map(ClientPlan::objective).fold(0.0, |sum, number| sum + number)
    }

    /// Sum of the clients' upper bounds; see [`ClientPlan::upper_bound`].
    #[must_use]
    pub fn upper_bound(&self) -> f64 {
        self.clients.iter().map(ClientPlan::upper_bound).fold(0.0, |sum, number| sum + number)
    }

    /// Expected engagements of the posts that may run; blocked posts earn nothing.
    #[must_use]
    pub fn expected_engagement(&self) -> f64 {
        self.clients.iter().map(ClientPlan::expected_engagement).fold(0.0, |sum, number| sum + number)
    }

    /// The objective divided by its upper bound, `0..=1`; 0 if nothing could be earned.
    #[must_use]
    pub fn share_of_bound(&self) -> f64 {
        let bound = self.upper_bound();
        if bound > 0.0 { (self.objective() / bound).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Every post with its client's plan, by client, then time.
    pub fn posts(&self) -> impl Iterator<Item = (&ClientPlan, &Post)> {
        self.clients.iter().flat_map(|client| client.posts.iter().map(move |post| (client, post)))
    }
}

/// A version 8 (custom) UUID from the first bytes of a BLAKE3 hash over a namespace and the parts of a name.
#[must_use]
pub fn derived_id(namespace: &[u8], parts: &[&str]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(namespace.len() as u64).to_le_bytes());
    hasher.update(namespace);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
