//! A planned week: posts, allocations, conflicts.

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::named::named;
use super::time::Timestamp;
use super::{
    AssetId, CampaignId, Channel, ChannelSeen, ClientId, OtherPost, Outcome, Reason, RiskBand, Severity, Signals,
    Verdict, Week, WorkspaceId, Zone,
};

named!(
    /// Where a schedule stands. A plan knows pending, ready and blocked.
    ScheduleStatus {
        /// Waits for a person.
        Pending = "pending",
        /// May run when its time comes.
        Ready = "ready",
        /// Its draft is being made.
        Executing = "executing",
        /// Its draft was made.
        Completed = "completed",
        /// Its draft could not be made.
        Failed = "failed",
        /// A guardrail holds it.
        Blocked = "blocked",
        /// A person took it back, or its time passed.
        Cancelled = "cancelled",
    }
);

impl ScheduleStatus {
    /// The steps that a schedule can take from here. The databases hold the same list and refuse any other.
    #[must_use]
    pub const fn steps(self) -> &'static [ScheduleStatus] {
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

    /// Whether a schedule can go from here to there in one step.
    #[must_use]
    pub fn may_become(self, next: ScheduleStatus) -> bool {
        self.steps().contains(&next)
    }
}

/// The asset of a post.
#[derive(Debug, Clone, PartialEq)]
pub struct AssetChoice {
    /// The head of the asset's family.
    pub asset_id: AssetId,
    /// The variation or evolution step of it that is used; none for the head itself.
    pub variation_id: Option<AssetId>,
    /// Whether the variation continues the story rather than varying it.
    pub is_evolution: bool,
    /// VIF score, `0..=100`.
    pub score: f64,
    /// Factor on expected engagement that the score stands for.
    pub quality_factor: f64,
}

impl AssetChoice {
    /// The asset that is really used.
    #[must_use]
    pub fn used(&self) -> &AssetId {
        self.variation_id.as_ref().unwrap_or(&self.asset_id)
    }
}

/// One step of a post's confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfidenceStep {
    /// What it is for, in the rules' words.
    pub because: &'static str,
    /// Added to the confidence so far; the first step starts from 0.
    pub change: f64,
}

/// A planned post.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// Where.
    pub channel: Channel,
    /// Hour of the week, from the client's Monday 00:00 in elapsed hours.
    pub hour: usize,
    /// When, to the minute.
    pub at: Timestamp,
    /// What; none where no asset was left, and then it is held.
    pub asset: Option<AssetChoice>,
    /// The campaign it counts for.
    pub campaign_id: Option<CampaignId>,
    /// Pending, ready or blocked.
    pub status: ScheduleStatus,
    /// Claim on capacity, at least 10 by default.
    pub priority: f64,
    /// Fatigue of the channel at the post's hour, before the post adds its own; posts held back do not count.
    pub fatigue: f64,
    /// The how-manieth post of the client that day it is, from 1, over all channels.
    pub action_of_day: i64,
    /// Hours to the nearest other post of the channel, past, committed or planned, as [`Spacing::hours_between`] counts
    /// them; 10000 where there is none.
    ///
    /// [`Spacing::hours_between`]: crate::model::Spacing::hours_between
    pub hours_to_nearest_post: f64,
    /// Other posts of the client on the same day, planned and committed ones, in order of time.
    pub others_of_day: Vec<OtherPost>,
    /// Engagements an average asset would earn there on a rested channel: v(t) of the model, with the weight of the
    /// post's own campaign.
    pub slot_value: f64,
    /// Engagements expected: value x quality factor x response to fatigue.
    pub expected_engagement: f64,
    /// `0..=1`.
    pub confidence: f64,
    /// How the confidence came about.
    pub confidence_steps: Vec<ConfidenceStep>,
    /// The band the confidence falls in, raised where a rule says so.
    pub risk: RiskBand,
    /// Each guardrail's answer, in the rules' order.
    pub verdicts: Vec<Arc<Verdict>>,
    /// Why it is held; none unless blocked.
    pub blocked: Option<Arc<Reason>>,
}

impl Post {
    /// Whether it is not held back.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status != ScheduleStatus::Blocked
    }

    /// Why it is held, in words; none unless blocked.
    #[must_use]
    pub fn blocked_reason(&self) -> Option<String> {
        self.blocked.as_ref().map(ToString::to_string)
    }

    /// What names the post in calendars: the same in every plan that has it at this time on this channel.
    #[must_use]
    pub fn calendar_uid(&self, client: &ClientId) -> String {
        let parts = [client.as_str(), self.channel.name(), &self.at.as_second().to_string()];
        derived_id(b"calendar", &parts).to_string()
    }

    /// Score of its asset, 0 where it has none.
    #[must_use]
    pub fn asset_score(&self) -> f64 {
        self.asset.as_ref().map_or(0.0, |asset| asset.score)
    }

    /// The verdicts with the given outcome.
    pub fn verdicts_of(&self, outcome: Outcome) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().map(Arc::as_ref).filter(move |verdict| verdict.outcome == outcome)
    }
}

/// A post of a week that was committed before the week was planned. The plan works around it.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorPost {
    /// Where.
    pub channel: Channel,
    /// Hour of the week, from the client's Monday 00:00 in elapsed hours.
    pub hour: usize,
    /// When, to the minute.
    pub at: Timestamp,
    /// What; none where no asset is on record for it, or it is no longer offered.
    pub asset: Option<AssetChoice>,
    /// Fatigue of the channel at the post's hour, before the post adds its own; posts held back do not count.
    pub fatigue: f64,
    /// Engagements expected: value x quality factor x response to fatigue.
    pub expected_engagement: f64,
}

named!(
    /// How well a channel-week was solved.
    Tier {
        /// Proven optimal.
        Exact = "exact",
        /// Greedy with swaps; good, not proven.
        Fast = "fast",
    }
);

named!(
    /// What set the posts that a channel is to have in a week.
    TargetSource {
        /// The pack's fatigue steps (`frequency`), which lower what the rules want.
        FatigueSteps = "fatigue_steps",
        /// The pack's `weekly_posts` function.
        Hook = "hook",
    }
);

/// What one channel got in a week, and why not more.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// Which.
    pub channel: Channel,
    /// What the rules saw of it.
    pub seen: Arc<ChannelSeen>,
    /// Posts a week by the rules, before fatigue lowers them.
    pub posts_wanted: u32,
    /// Posts a week by the rules, after fatigue or the pack's `weekly_posts` function; committed ones included.
    pub posts_target: u32,
    /// What set `posts_target`.
    pub target_source: TargetSource,
    /// Posts placed, those held back included.
    pub posts_planned: u32,
    /// Posts placed and then held back by a guardrail.
    pub posts_blocked: u32,
    /// Reasons for every post less than `posts_wanted`, joined by `; `; empty where none is missing.
    pub why_fewer: String,
    /// Fatigue as the week begins.
    pub fatigue_start: f64,
    /// Fatigue as the week ends; posts held back do not count.
    pub fatigue_end: f64,
    /// Quality factor the slots were valued with.
    pub mean_quality: f64,
    /// Price of a unit of fatigue handed to the next week.
    pub end_weight: f64,
    /// The slots' value less the price of the fatigue handed on.
    pub objective: f64,
    /// The same at best, were the client's other channels not competing for the day.
    pub upper_bound: f64,
    /// How it was solved.
    pub tier: Tier,
    /// Hours that could be used.
    pub hours_allowed: u32,
    /// Hours that each rule took away, in the order the rules are asked: rule and count.
    pub hours_removed: Vec<(&'static str, u32)>,
}

named!(
    /// What kind of thing stands against a plan.
    ConflictKind {
        /// Another post too close, a day full.
        Timing = "timing",
        /// A channel too tired.
        Fatigue = "fatigue",
        /// A warning that holds.
        Warning = "warning",
        /// No asset, or a doubtful one.
        Asset = "asset",
        /// What was agreed with the client, or capacity.
        Policy = "policy",
    }
);

/// Something that stands against the plan and needs somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Where; none where it concerns all channels.
    pub channel: Option<Channel>,
    /// What kind.
    pub kind: ConflictKind,
    /// How bad.
    pub severity: Severity,
    /// What is the matter.
    pub description: String,
    /// How many posts it affects.
    pub affected: u32,
    /// What would resolve it.
    pub resolution: String,
}

/// A client's planned week.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientPlan {
    /// Whose.
    pub client_id: ClientId,
    /// The team's.
    pub workspace_id: WorkspaceId,
    /// The zone of its wall clock.
    pub zone: Zone,
    /// Posts by time, then channel.
    pub posts: Vec<Post>,
    /// Posts of the week that were committed before it was planned, by time, then channel.
    pub prior: Vec<PriorPost>,
    /// In channel order.
    pub allocations: Vec<Allocation>,
    /// In channel order, those without a channel first.
    pub conflicts: Vec<Conflict>,
    /// What the agents said.
    pub signals: Signals,
}

/// Every client's planned week.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Derived from all inputs: the same inputs give the same id.
    pub plan_id: Uuid,
    /// Name of the scenario.
    pub scenario: String,
    /// Which week.
    pub week: Week,
    /// The instant before which nothing was planned; none where the whole week lay ahead.
    pub not_before: Option<Timestamp>,
    /// Hash of the rules pack, hexadecimal.
    pub rules_hash: String,
    /// Hash of the scenario, hexadecimal.
    pub scenario_hash: String,
    /// Sorted by client id; clients that are not planned for are left out.
    pub clients: Vec<ClientPlan>,
}

impl Plan {
    /// The id of a post: the same in every plan made of the same inputs.
    #[must_use]
    pub fn post_id(&self, client: &ClientId, post: &Post) -> Uuid {
        derived_id(
            self.plan_id.as_bytes(),
            &["post", client.as_str(), post.channel.name(), &post.at.as_second().to_string()],
        )
    }

    /// Sum of the channel-weeks' objectives.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.allocations().map(|allocation| allocation.objective).sum()
    }

    /// Sum of the channel-weeks' upper bounds.
    #[must_use]
    pub fn upper_bound(&self) -> f64 {
        self.allocations().map(|allocation| allocation.upper_bound).sum()
    }

    /// What the posts that may run are expected to earn, in engagements; held ones earn nothing.
    #[must_use]
    pub fn expected_engagement(&self) -> f64 {
        self.expected(Post::is_live)
    }

    /// What the posts that may run are worth, as a share of what the channels could earn each alone with nothing held,
    /// `0..=1`: the objective as a share of its bound, less the part of the engagement that is held. 0 where nothing
    /// could be earned.
    #[must_use]
    pub fn reach(&self) -> f64 {
        let (bound, all) = (self.upper_bound(), self.expected(|_| true));
        if bound <= 0.0 || all <= 0.0 {
            return 0.0;
        }
        (self.objective() / bound * self.expected_engagement() / all).clamp(0.0, 1.0)
    }

    fn expected(&self, counts: impl Fn(&Post) -> bool) -> f64 {
        // A sum of nothing would be -0.
        self.posts().filter(|(_, post)| counts(post)).fold(0.0, |sum, (_, post)| sum + post.expected_engagement)
    }

    /// Every post with its client, by client, then time.
    pub fn posts(&self) -> impl Iterator<Item = (&ClientPlan, &Post)> {
        self.clients.iter().flat_map(|client| client.posts.iter().map(move |post| (client, post)))
    }

    fn allocations(&self) -> impl Iterator<Item = &Allocation> {
        self.clients.iter().flat_map(|client| &client.allocations)
    }
}

/// A UUID (version 8, custom) made of the first bytes of a BLAKE3 hash over a space and the parts of a name.
#[must_use]
pub fn derived_id(space: &[u8], parts: &[&str]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(space.len() as u64).to_le_bytes());
    hasher.update(space);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
