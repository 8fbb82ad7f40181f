//! One channel's week while it is planned: its facts, hours, candidates, optimisation problem and slots.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::agents::ClientWeek;
use crate::agents::creative_director::{self, Candidate, Histories, hours_between};
use crate::model::{
    Asset, AssetId, Channel, ChannelSnapshot, ChannelState, Client, ClientId, PerformanceReality, TargetSource, Tier,
    Timestamp, Verdict, WorkspaceId,
};
use crate::planner::hours::{ChannelHours, channel_hours};
use crate::planner::rule_evaluation::always_needs_review;
use crate::planner::seasons::seasonal_posts;
use crate::planner::{Instance, Solution, Solver};
use crate::rules::{
    ChannelFacts, ChannelRules, ClientRules, Evaluator, HourWeights, MinuteRule, NEVER, RuleFailure, Rules, text_list,
    value_at,
};

/// A candidate with its score on the channel.
#[derive(Debug, Clone)]
pub(super) struct Scored<'a> {
    pub candidate: Candidate<'a>,
    /// Score on the channel, `0..=100`.
    pub score: f64,
    /// Factor on engagement, from the score and the content type.
    pub quality: f64,
    /// Cost of the work on a post with the asset, in the unit of worth.
    pub cost: f64,
}

/// Hours of the week, each with the verdict that blocks a post there.
pub(super) type BlockedHours = BTreeMap<usize, Arc<Verdict>>;

/// One channel's week while it is planned.
pub(super) struct ChannelDraft<'a> {
    pub state: &'a ChannelState,
    pub rules: &'a ChannelRules,
    pub snapshot: Arc<ChannelSnapshot>,
    /// The channel's facts that scripts can read.
    pub ctx: Arc<ChannelFacts>,
    pub hours: ChannelHours<'a>,
    /// Weights from the pack's `hour_weights` function, if it has one.
    pub hour_weights: Option<HourWeights>,
    pub candidates: Vec<Scored<'a>>,
    /// Whether each post of the channel needs a review, whatever its time and asset.
    pub always_needs_review: bool,
    /// Minute within the hour at which posts go out.
    pub minute: u8,
    /// Posts that the rules want in this week, before fatigue lowers the number.
    pub posts_wanted: u32,
    /// Posts wanted after fatigue, or by the pack's `weekly_posts` function, committed ones included.
    pub posts_target: u32,
    /// What set the target.
    pub target_source: TargetSource,
    /// Hours at which the week's previous plan has a post, each with the post's asset.
    pub previous: BTreeMap<usize, Option<&'a AssetId>>,
    /// Quality factor and cost with which slots are valued.
    pub mean: MeanPost,
    pub instance: Instance,
    pub solution: Solution,
    /// Objective of the channel's best slots without limits that it shares with other channels: an upper bound.
    pub upper_bound: f64,
    /// Hours that are closed because a guardrail blocks every post there.
    pub closed: BlockedHours,
    /// Hours of slots that were dropped because limits on assets left no asset for them.
    pub left_out: Vec<usize>,
    /// Open hours that are not used because a guardrail would block a post there, given the other posts of the plan.
    pub avoided: BlockedHours,
}

impl<'a> ChannelDraft<'a> {
    /// Sets up the channel's week with no slots yet.
    pub fn set_up(
        week: &ClientWeek<'a>,
        client_rules: &ClientRules,
        state: &'a ChannelState,
        (snapshot, facts): (ChannelSnapshot, ChannelFacts),
        candidates: Vec<Candidate<'a>>,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Self, RuleFailure> {
        let rules = week.rules.channel(state.channel);
        let ctx = Arc::new(facts);
        let posts_wanted = seasonal_posts(week.rules, state.channel, week.hours);
        let (posts_target, target_source) = match worker.evaluator.weekly_posts(&ctx)? {
            Some(posts) => (posts, TargetSource::Hook),
            None => (weekly_posts_after_fatigue(week.rules, posts_wanted, ctx.fatigue), TargetSource::FatigueSteps),
        };
        let hour_weights = worker.evaluator.hour_weights(&ctx)?;
        let minute = posting_minute(week.rules.calendar.minute, week.client, state);
        let hours = channel_hours(week, state, rules, &candidates, hour_weights.as_deref(), minute);
        let candidates = score_all(client_rules, state, &ctx, candidates, worker.evaluator)?;
        let asset_scores: Vec<f64> = candidates.iter().map(|scored| scored.score).collect();
        let always_needs_review = always_needs_review(client_rules, &ctx, &asset_scores, worker.evaluator);
        let posts_max = posts_target.saturating_sub(hours.committed.len() as u32) as usize;
        let quality = mean_quality(&candidates, posts_max, week.rules.assets.quality_without_asset);
        let mean = MeanPost::new(quality, usual_cost(week.client, client_rules, state));
        let instance = instance(week.rules, rules, &hours, ctx.fatigue, posts_max, mean);
        Ok(Self {
            state,
            rules,
            snapshot: Arc::new(snapshot),
            ctx,
            hours,
            hour_weights,
            candidates,
            always_needs_review,
            minute,
            posts_wanted,
            posts_target,
            target_source,
            previous: previous_posts(week, state.channel),
            mean,
            instance,
            solution: Solution { chosen: Vec::new(), objective: 0.0, optimal: false },
            upper_bound: 0.0,
            left_out: Vec::new(),
            closed: BlockedHours::new(),
            avoided: BlockedHours::new(),
        })
    }

    /// Sets the price of fatigue at the end of the week, found in the given number of rounds. The price is kept when
    /// guardrails close hours, so that plans with different hours closed are compared by the same objective.
    pub fn set_end_weight(&mut self, rounds: u32, worker: &mut WorkerContext<'_>) {
        self.instance.end_weight = worker.solver.end_weight(&self.instance, rounds);
    }

    /// Raises the value of the hours at which the week's previous plan has a post. Comes after the price of fatigue at
    /// the end of the week is set, which stands for later weeks, in which nothing is planned yet.
    pub fn add_keep_bonus(&mut self, keep_bonus: f64) {
        for hour in self.previous.keys() {
            if let Some(value) = self.instance.value.get_mut(*hour) {
                *value *= 1.0 + keep_bonus;
            }
        }
    }

    /// Places the slots, ignoring the client's other channels.
    pub fn solve(&mut self, worker: &mut WorkerContext<'_>) {
        self.left_out.clear();
        self.solution = worker.solve(&self.instance);
        self.upper_bound = self.solution.objective;
    }

    /// Closes hours and, unless `keeps_slots`, places the slots again, at the same price of fatigue at the end of the
    /// week.
    pub fn solve_without(&mut self, hours: &BlockedHours, keeps_slots: bool, worker: &mut WorkerContext<'_>) {
        close_hours(&mut self.instance.allowed, hours);
        if keeps_slots {
            return;
        }
        self.left_out.clear();
        self.solution = worker.solve(&self.instance);
    }

    /// Drops a slot for lack of an asset.
    pub fn leave_out(&mut self, hour: usize) {
        self.solution.chosen.retain(|chosen| *chosen != hour);
        self.solution.objective = self.instance.objective(&self.solution.chosen);
        self.left_out.push(hour);
    }

    /// Moves a slot.
    pub fn move_slot(&mut self, from: usize, to: usize) {
        self.solution.chosen.retain(|chosen| *chosen != from);
        self.solution.chosen.push(to);
        self.solution.chosen.sort_unstable();
        self.solution.objective = self.instance.objective(&self.solution.chosen);
    }

    /// Closes hours at which a guardrail blocks every post.
    pub fn close(&mut self, hours: BlockedHours) {
        close_hours(&mut self.instance.allowed, &hours);
        self.closed.extend(hours);
    }

    /// The client's asset at an index of its list as the channel can use it, given its past uses; `None` if the
    /// preceding evolution step was never used.
    pub fn asset(
        &self,
        week: &ClientWeek<'a>,
        client_rules: &ClientRules,
        asset_index: usize,
        histories: &Histories,
        evaluator: &mut Evaluator,
    ) -> Result<Option<Scored<'a>>, RuleFailure> {
        let candidate = creative_director::candidate(week, self.state.channel, asset_index, histories);
        candidate.map(|candidate| score_one(client_rules, self.state, &self.ctx, candidate, evaluator)).transpose()
    }

    /// Places no slot.
    pub fn leave_empty(&mut self) {
        self.solution = Solution { chosen: Vec::new(), objective: self.instance.objective(&[]), optimal: true };
    }
}

fn close_hours(allowed: &mut [bool], hours: &BlockedHours) {
    for hour in hours.keys() {
        if let Some(allowed) = allowed.get_mut(*hour) {
            *allowed = false;
        }
    }
}

/// Solver and rule evaluator of one worker.
pub(super) struct WorkerContext<'w> {
    pub solver: &'w mut Solver,
    pub evaluator: &'w mut Evaluator,
    pub tier: Tier,
}

impl WorkerContext<'_> {
    fn solve(&mut self, instance: &Instance) -> Solution {
        match self.tier {
            Tier::Exact => self.solver.solve(instance),
            Tier::Fast => self.solver.solve_fast(instance),
        }
    }
}

/// The number of weekly posts that is left of `wanted` at a fatigue of `0..=1`, rounded down; for a pack without a
/// `weekly_posts` function.
#[must_use]
pub fn weekly_posts_after_fatigue(rules: &Rules, wanted: u32, fatigue: f64) -> u32 {
    let factor = value_at(&rules.fatigue.frequency, fatigue).unwrap_or(1.0);
    // Keeps a product such as 0.29 · 100 from being rounded down to 28 because 0.29 is inexact.
    (f64::from(wanted) * factor + 1e-9).floor() as u32
}

/// Fatigue of a channel, `0..=1`, at an instant after its state's `as_of`, including posts committed in between.
/// Several posts in one hour count as one.
#[must_use]
pub fn fatigue_at(state: &ChannelState, rules: &ChannelRules, at: Timestamp) -> f64 {
    let decay = |hours: f64| libm::exp2(-hours / rules.half_life_hours);
    let hours_since = |from: Timestamp| hours_between(from, at);
    let mut hours: Vec<i64> = state
        .recent_posts
        .iter()
        .filter(|post| (state.as_of..at).contains(*post))
        .map(|post| hours_since(*post).ceil() as i64)
        .collect();
    hours.sort_unstable();
    hours.dedup();
    let added: f64 = hours.iter().map(|hours| rules.fatigue_per_post * decay(*hours as f64)).sum();
    (state.fatigue.get() * decay(hours_since(state.as_of).max(0.0)) + added).min(1.0)
}

/// The minute within the hour at which a client's posts on a channel go out. If minutes are spread, it is a multiple of
/// five that depends on the client and the channel alone.
pub(super) fn posting_minute(rule: MinuteRule, client: &Client, state: &ChannelState) -> u8 {
    match rule {
        MinuteRule::Fixed(minute) => minute,
        MinuteRule::Spread => {
            let id = crate::model::derived_id(b"minute", &[client.id.as_str(), state.channel.name()]);
            (id.as_bytes().iter().fold(0_u32, |sum, byte| sum + u32::from(*byte)) % 12) as u8 * 5
        }
    }
}

/// Hours at which the week's previous plan has a post of the channel, each with the post's asset.
fn previous_posts<'a>(week: &ClientWeek<'a>, channel: Channel) -> BTreeMap<usize, Option<&'a AssetId>> {
    let of_channel = week.state.previous_posts.iter().filter(|post| post.channel == channel);
    let hour_of = |at: Timestamp| usize::try_from(week.hours.hour_of(at)).ok().filter(|hour| *hour < week.hours.len());
    of_channel.filter_map(|post| Some((hour_of(post.at)?, post.asset_id.as_ref()))).collect()
}

/// What is known of a channel's week, apart from the pack's own numbers.
pub(super) fn channel_snapshot(week: &ClientWeek<'_>, state: &ChannelState) -> ChannelSnapshot {
    let client = week.client;
    let start = week.hours.start();
    let unknown_is_half = |score: Option<crate::model::Score>| score.map_or(0.5, |score| score.get());
    let last = state.recent_posts.iter().copied().chain(state.last_post_at).filter(|at| *at < start).max();
    ChannelSnapshot {
        industry: Arc::clone(&client.industry),
        tags: client.tags.clone(),
        status: client.status,
        client_priority: client.priority,
        policy: client.policy.clone(),
        audience: state.audience,
        engagement_rate: state.engagement_rate,
        fatigue: fatigue_at(state, week.rules.channel(state.channel), start),
        momentum: unknown_is_half(state.momentum),
        visibility: unknown_is_half(state.visibility),
        engagement: unknown_is_half(state.engagement),
        hours_since_last_post: last.map_or(NEVER, |at| hours_between(at, start)),
        posts_last_7_days: state.posts_last_7_days,
        posts_last_30_days: state.posts_last_30_days,
    }
}

/// Identifies a client's channel.
#[derive(Clone, Copy)]
pub(super) struct ChannelKey<'a> {
    pub client: &'a ClientId,
    pub workspace: &'a WorkspaceId,
    pub channel: Channel,
}

/// Number of active warnings, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WarningsSeen {
    /// Active warnings of high severity.
    pub high: u32,
    /// Active warnings of medium severity.
    pub medium: u32,
}

/// The facts of a channel's week that scripts can read. `rules` are the client's, without campaign overlays, and
/// `weekly_posts` is the number of posts that they want in the week.
pub(super) fn channel_facts(
    channel_key: ChannelKey<'_>,
    snapshot: &ChannelSnapshot,
    rules: &Rules,
    weekly_posts: u32,
    warnings: WarningsSeen,
    reality: &PerformanceReality,
) -> ChannelFacts {
    let channel = rules.channel(channel_key.channel);
    ChannelFacts {
        client: channel_key.client.as_str().into(),
        workspace: channel_key.workspace.as_str().into(),
        industry: (*snapshot.industry).into(),
        tags: text_list(&snapshot.tags),
        hour_weights: channel.hour_weights(),
        status: snapshot.status.name().into(),
        channel: channel_key.channel.name().into(),
        client_priority: snapshot.client_priority,
        audience: snapshot.audience,
        engagement_rate: snapshot.engagement_rate.unwrap_or(channel.engagement_rate),
        has_history: snapshot.engagement_rate.is_some(),
        fatigue: snapshot.fatigue,
        momentum: snapshot.momentum,
        visibility: snapshot.visibility,
        engagement: snapshot.engagement,
        hours_since_last_post: snapshot.hours_since_last_post,
        posts_last_7_days: i64::from(snapshot.posts_last_7_days),
        posts_last_30_days: i64::from(snapshot.posts_last_30_days),
        weekly_posts: i64::from(weekly_posts),
        min_spacing_hours: i64::from(channel.min_spacing_hours),
        warn_at: rules.fatigue.warn_at,
        block_at: rules.fatigue.block_at,
        high_warnings: i64::from(warnings.high),
        medium_warnings: i64::from(warnings.medium),
        pause_on_high_warning: snapshot.policy.pause_on_high_severity_warning,
        agent_enabled: snapshot.policy.agent_enabled,
        auto_exec_enabled: snapshot.policy.auto_exec_enabled,
        max_actions_per_day: i64::from(snapshot.policy.max_actions_per_day),
        assessed: reality.assessed,
        perceived: reality.perceived,
        true_score: reality.estimated,
        reality_gap: reality.gap,
        reality_confidence: reality.confidence,
    }
}

fn score_all<'a>(
    rules: &ClientRules,
    state: &ChannelState,
    ctx: &Arc<ChannelFacts>,
    candidates: Vec<Candidate<'a>>,
    evaluator: &mut Evaluator,
) -> Result<Vec<Scored<'a>>, RuleFailure> {
    candidates.into_iter().map(|candidate| score_one(rules, state, ctx, candidate, evaluator)).collect()
}

fn score_one<'a>(
    rules: &ClientRules,
    state: &ChannelState,
    ctx: &Arc<ChannelFacts>,
    candidate: Candidate<'a>,
    evaluator: &mut Evaluator,
) -> Result<Scored<'a>, RuleFailure> {
    let assets = &rules.of(candidate.asset.campaign_id.as_ref()).assets;
    let score = creative_director::score(&candidate, assets, ctx, state.channel, evaluator)?;
    let kind = &*candidate.asset.kind;
    let content_type = rules.base().channel(state.channel).content_type_factor(kind);
    let (quality, cost) = (assets.quality_factor(score) * content_type, assets.work_cost(Some(kind)));
    Ok(Scored { candidate, score, quality, cost })
}

/// Quality and cost that are assumed of every post while its asset is not yet chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeanPost {
    /// Factor on engagement.
    pub quality: f64,
    /// Cost of the work and of the audience members who unsubscribe or unfollow, in the unit of worth.
    pub cost: f64,
}

impl MeanPost {
    /// The cost is proportional to the quality, as the value of an hour is. The number of posts left to place therefore
    /// does not decide which hours are worth a post, and a week that is planned again keeps its hours.
    fn new(quality: f64, usual_cost: f64) -> Self {
        Self { quality, cost: quality * usual_cost }
    }
}

/// Mean quality factor of `posts` posts with the best candidates; 1 if there are no posts. A post for which no
/// candidate is left counts as `quality_without_asset`.
fn mean_quality(candidates: &[Scored<'_>], posts: usize, quality_without_asset: f64) -> f64 {
    if posts == 0 {
        return 1.0;
    }
    let mut best: Vec<f64> = candidates.iter().map(|scored| scored.quality).collect();
    best.sort_by(|a, b| b.total_cmp(a));
    best.resize(posts, quality_without_asset);
    crate::stats::mean(&best)
}

/// Cost of a post of quality factor 1 on a channel: the mean cost of the work on the client's assets that fit the
/// channel, or the cost of the work on a post without an asset if none fits, plus the cost of the audience members who
/// unsubscribe or unfollow.
fn usual_cost(client: &Client, rules: &ClientRules, state: &ChannelState) -> f64 {
    let fitting = client.assets.iter().filter(|asset| asset.has_content() && asset.fits(state.channel));
    let cost_of = |asset: &Asset| rules.of(asset.campaign_id.as_ref()).assets.work_cost(Some(&asset.kind));
    let work_costs: Vec<f64> = fitting.map(cost_of).collect();
    let leaving_cost = rules.base().channel(state.channel).leaving_cost(state.audience);
    let work_cost =
        if work_costs.is_empty() { rules.base().assets.work_cost(None) } else { crate::stats::mean(&work_costs) };
    work_cost + leaving_cost
}

fn instance(
    rules: &Rules,
    channel: &ChannelRules,
    hours: &ChannelHours<'_>,
    fatigue_start: f64,
    posts_max: usize,
    mean: MeanPost,
) -> Instance {
    let worth_of_value = mean.quality * channel.worth;
    Instance {
        value: hours.value.iter().map(|value| value * worth_of_value).collect(),
        allowed: hours.forbidden.iter().map(Option::is_none).collect(),
        posts_max,
        spacing_hours: channel.min_spacing_hours as usize,
        next_after: hours.next_after.clone(),
        hours_since_last_post: hours.hours_since_last_post,
        fatigue_start,
        fatigue_per_post: channel.fatigue_per_post,
        decay_per_hour: channel.decay_per_hour(),
        response: rules.response(channel.channel),
        block_at: rules.fatigue.block_at,
        cost: mean.cost,
        end_weight: 0.0,
        committed: hours.committed.clone(),
    }
}
