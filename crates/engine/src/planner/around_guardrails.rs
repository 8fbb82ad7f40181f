//! Plans around the hours at which guardrails block posts.
//!
//! Slots are placed before guardrails are evaluated, because a verdict may depend on the asset and on other posts. A
//! guardrail that judges a post by its time alone blocks it at that hour in every plan: such hours are closed, and the
//! slots are placed again. A guardrail that judges a post by other posts, such as those of the same day, blocks it in
//! this plan only: the post then moves to the best hour at which it passes among the posts that are not blocked. If
//! there is no such hour, the slots are placed once more without the hours at which the post would be blocked. Either
//! change is kept only if it improves the week. If a post is blocked at every open hour, it keeps its slot, so that the
//! plan shows it with its reason. But it gives up its slot if, with its place of a limit that the client shares with
//! others, the client's other posts earn more.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::PlanError;
use super::Solution;
use super::assets::{Assignment, Slot, hours_without_asset, slot_at};
use super::channel::{BlockedHours, ChannelDraft, WorkerContext};
use super::draft::Draft;
use super::limits::{AssetLimits, SolvedLimits};
use super::post_evaluation::{SlotEvaluator, facts_among};
use crate::agents::ClientWeek;
use crate::agents::scaling::WorkspaceDemand;
use crate::model::{Channel, LimitUse, Outcome, Post, Reason, Verdict};
use crate::rules::{
    ChannelFacts, ClientRules, Evaluator, GuardrailRules, GuardrailScope, PostFacts, RuleFailure, Rules,
};

/// Maximum numbers of plans tried for a client's week because other posts block some of its posts: with one such post
/// moved, and with the week placed without the hours at which such posts are blocked.
const MAX_TRIALS: Trials = Trials { moves: 60, placements: 40 };

/// Maximum number of blocked posts for which changes are tried in a round, those that earn most first.
const MAX_POSTS_TRIED: usize = 12;

/// Smallest gain for which a plan replaces another, as a share of the objective.
const MIN_GAIN: f64 = 1e-9;

/// Facts of a post that its hour alone determines.
const TIME_FACTS: [&str; 7] = ["hour", "weekday", "date", "day", "month", "week", "is_best_hour"];

/// Maximum number of hours to which a blocked post is moved on trial, the best first.
const MAX_HOURS_TRIED: usize = 4;

/// What a guardrail judges a post by, if the post's hour makes a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JudgedBy {
    /// The post's time and nothing else.
    TimeAlone,
    /// Other posts as well, or the post's asset.
    Context,
}

/// A blocked post that may pass at another hour.
struct BlockedPost {
    slot: Slot,
    /// Index of its asset among the channel's candidates.
    candidate: Option<usize>,
    guardrail: GuardrailRules,
    judged_by: JudgedBy,
}

/// Drafts a client's week: closes hours and moves posts until no guardrail blocks a post that would pass elsewhere, or
/// no change improves the week.
pub(super) fn draft_week<'a>(
    week: ClientWeek<'a>,
    rules: &'a ClientRules,
    demand: WorkspaceDemand,
    worker: &mut WorkerContext<'_>,
) -> Result<Draft<'a>, PlanError> {
    let mut draft = Draft::place(week, rules, demand, worker)?;
    // Terminates, because each round closes at least one more hour.
    while close_hours(&mut draft, worker)? {
        draft.place_again(worker)?;
    }
    let mut trials = MAX_TRIALS;
    // Terminates, because each round improves the plan and uses up trials.
    while move_posts(&mut draft, &mut trials, worker)? || free_places(&mut draft, &mut trials, worker)? {}
    Ok(draft)
}

/// The number of plans that may still be tried.
struct Trials {
    moves: usize,
    placements: usize,
}

/// Counts a trial. Returns whether it may be made.
fn take(trials: &mut usize) -> bool {
    let may_try = *trials > 0;
    *trials = trials.saturating_sub(1);
    may_try
}

/// A guardrail's verdicts on a post at each open hour of its channel.
struct HourVerdicts {
    /// The hours at which the post is blocked.
    blocked: BlockedHours,
    /// Whether the post passes at some other open hour.
    passes_somewhere: bool,
}

/// Closes the hours at which guardrails that judge by time alone block. Returns whether there were any.
fn close_hours(draft: &mut Draft<'_>, worker: &mut WorkerContext<'_>) -> Result<bool, RuleFailure> {
    let mut has_closed = false;
    for post in blocked_posts(draft, JudgedBy::TimeAlone, worker.evaluator) {
        let HourVerdicts { blocked, passes_somewhere } = hour_verdicts(draft, &post, &[], worker)?;
        let channel_draft = draft.channel_drafts.get_mut(post.slot.channel_draft);
        if let Some(channel_draft) = channel_draft.filter(|_| passes_somewhere) {
            has_closed |= !blocked.is_empty();
            channel_draft.close(blocked);
        }
    }
    Ok(has_closed)
}

/// Moves posts that are blocked because of other posts, one at a time. If no move improves the plan, places the slots
/// without the hours at which such posts are blocked. Returns whether the plan is better now.
fn move_posts(draft: &mut Draft<'_>, trials: &mut Trials, worker: &mut WorkerContext<'_>) -> Result<bool, RuleFailure> {
    let mut blocked = blocked_posts(draft, JudgedBy::Context, worker.evaluator);
    // Hours at which a post is blocked only under its own campaign's rules were not closed, so such posts are moved
    // too.
    let by_time = blocked_posts(draft, JudgedBy::TimeAlone, worker.evaluator).into_iter();
    blocked.extend(by_time.map(|post| BlockedPost { judged_by: JudgedBy::Context, ..post }));
    blocked.sort_by(|a, b| b.slot.weight.total_cmp(&a.slot.weight));
    let mut is_better = false;
    for post in blocked.into_iter().take(MAX_POSTS_TRIED) {
        // An earlier move may have unblocked it.
        is_better |= is_blocked(draft, &post.slot) && try_move(draft, &post, trials, worker)?;
    }
    if is_better {
        return Ok(true);
    }
    for avoided in hours_to_avoid(draft, worker)? {
        if take(&mut trials.placements) && try_without(draft, avoided, worker)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sets of hours to try to leave out, each by channel: first the hours at which any of the blocked posts is blocked,
/// then those of each blocked post alone.
fn hours_to_avoid(draft: &Draft<'_>, worker: &mut WorkerContext<'_>) -> Result<Vec<Vec<BlockedHours>>, RuleFailure> {
    let so_far: Vec<BlockedHours> = draft.channel_drafts.iter().map(|draft| draft.avoided.clone()).collect();
    let mut for_all = so_far.clone();
    let mut alternatives = Vec::new();
    for post in blocked_posts(draft, JudgedBy::Context, worker.evaluator).into_iter().take(MAX_POSTS_TRIED) {
        let channel = post.slot.channel_draft;
        let others: Vec<Slot> = draft.slots.iter().filter(|slot| **slot != post.slot).cloned().collect();
        let among_others = hour_verdicts(draft, &post, &others, worker)?;
        if !among_others.passes_somewhere && !hour_verdicts(draft, &post, &[], worker)?.passes_somewhere {
            continue;
        }
        let mut for_post = so_far.clone();
        if let (Some(for_all), Some(for_post)) = (for_all.get_mut(channel), for_post.get_mut(channel)) {
            if among_others.passes_somewhere {
                for_all.extend(among_others.blocked.clone());
            }
            // The channel's other posts stay; if the post passes at no hour among them, it is left out.
            let is_used = |hour: &usize| others.iter().any(|slot| slot.channel_draft == channel && slot.hour == *hour);
            for_post.extend(among_others.blocked.into_iter().filter(|(hour, _)| !is_used(hour)));
        }
        alternatives.push(for_post);
    }
    if for_all != so_far {
        alternatives.insert(0, for_all);
    }
    Ok(alternatives)
}

/// Moves a blocked post to one of the best hours at which it passes among the posts that are not blocked, and keeps the
/// first result that is better. Returns whether there is one.
fn try_move(
    draft: &mut Draft<'_>,
    post: &BlockedPost,
    trials: &mut Trials,
    worker: &mut WorkerContext<'_>,
) -> Result<bool, RuleFailure> {
    if trials.moves == 0 {
        return Ok(false);
    }
    let channel = post.slot.channel_draft;
    let live = live_slots(draft);
    let HourVerdicts { blocked, passes_somewhere } = hour_verdicts(draft, post, &live, worker)?;
    let Some(channel_draft) = draft.channel_drafts.get(channel).filter(|_| passes_somewhere) else { return Ok(false) };
    let live_hours: Vec<usize> =
        live.iter().filter(|slot| slot.channel_draft == channel).map(|slot| slot.hour).collect();
    let without_post = channel_draft.instance.objective(&live_hours);
    let options = best_hours(channel_draft, post.slot.hour, &live_hours, &blocked);
    let is_better = |(_, objective): &(usize, f64)| *objective > without_post;
    for (hour, _) in options.into_iter().take_while(is_better).take(MAX_HOURS_TRIED) {
        if !take(&mut trials.moves) {
            break;
        }
        let before = DraftSnapshot::of(draft);
        if let Some(channel_draft) = draft.channel_drafts.get_mut(channel) {
            let used = channel_draft.solution.chosen.clone();
            let unused = blocked.iter().filter(|(hour, _)| !used.contains(hour));
            channel_draft.avoided.extend(unused.map(|(hour, verdict)| (*hour, Arc::clone(verdict))));
            channel_draft.move_slot(post.slot.hour, hour);
        }
        let keeps_limits = draft.solved_limits.broken(&draft.week, &draft.channel_drafts).is_empty();
        if before.fill_or_restore(draft, keeps_limits, worker)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The parts of a draft that placing posts changes, so that they can be restored.
struct DraftSnapshot {
    objective: f64,
    slots: Vec<Slot>,
    assignment: Assignment,
    posts: Vec<(Post, Arc<PostFacts>)>,
    asset_limits: AssetLimits,
    bound: Option<f64>,
    channels: Vec<ChannelSlots>,
}

/// The parts of a channel's draft that placing posts changes.
struct ChannelSlots {
    solution: Solution,
    left_out: Vec<usize>,
    avoided: BlockedHours,
}

impl DraftSnapshot {
    fn of(draft: &Draft<'_>) -> Self {
        let of_channel = |draft: &ChannelDraft<'_>| ChannelSlots {
            solution: draft.solution.clone(),
            left_out: draft.left_out.clone(),
            avoided: draft.avoided.clone(),
        };
        Self {
            objective: draft.objective(),
            slots: draft.slots.clone(),
            assignment: draft.assignment.clone(),
            posts: draft.posts.clone(),
            asset_limits: draft.asset_limits.clone(),
            bound: draft.solved_limits.bound(),
            channels: draft.channel_drafts.iter().map(of_channel).collect(),
        }
    }

    /// Assigns assets to the slots placed since the snapshot. Keeps the draft if it satisfies the limits and is better
    /// than the snapshot; otherwise restores the snapshot. Returns whether the draft was kept.
    fn fill_or_restore(
        self,
        draft: &mut Draft<'_>,
        keeps_limits: bool,
        worker: &mut WorkerContext<'_>,
    ) -> Result<bool, RuleFailure> {
        if keeps_limits {
            draft.fill(worker)?;
            let threshold = self.objective + MIN_GAIN * self.objective.abs();
            if draft.solved_limits.unmet.is_empty() && draft.objective() > threshold {
                return Ok(true);
            }
        }
        draft.solved_limits.clear_unmet(self.bound);
        for (channel_draft, channel) in draft.channel_drafts.iter_mut().zip(self.channels) {
            channel_draft.solution = channel.solution;
            channel_draft.left_out = channel.left_out;
            channel_draft.avoided = channel.avoided;
        }
        (draft.slots, draft.assignment, draft.posts, draft.asset_limits) =
            (self.slots, self.assignment, self.posts, self.asset_limits);
        Ok(false)
    }
}

/// The post at a slot; `None` if nothing is placed there now.
fn post_at<'d>(draft: &'d Draft<'_>, slot: &Slot) -> Option<&'d Post> {
    let channel = draft.channel_drafts.get(slot.channel_draft)?.state.channel;
    draft.posts.iter().map(|(post, _)| post).find(|post| post.channel == channel && post.hour == slot.hour)
}

fn is_blocked(draft: &Draft<'_>, slot: &Slot) -> bool {
    post_at(draft, slot).is_some_and(|post| !post.is_live())
}

/// Slots whose posts are not blocked.
fn live_slots(draft: &Draft<'_>) -> Vec<Slot> {
    let is_live = |slot: &&Slot| post_at(draft, slot).is_some_and(Post::is_live);
    draft.slots.iter().filter(is_live).cloned().collect()
}

/// The hours to which a channel's post at the hour `from` may move, except the `blocked` ones. Each comes with the
/// channel's objective if the post is there and other posts are at the `live_hours` only; the best hour is first.
fn best_hours(
    channel_draft: &ChannelDraft<'_>,
    from: usize,
    live_hours: &[usize],
    blocked: &BlockedHours,
) -> Vec<(usize, f64)> {
    let ChannelDraft { solution, instance, .. } = channel_draft;
    let hours_with = |others: &[usize], hour: usize| {
        let mut hours: Vec<usize> = others.iter().copied().filter(|other| *other != from).chain([hour]).collect();
        hours.sort_unstable();
        hours
    };
    let is_free = |hour: &usize| !blocked.contains_key(hour) && !solution.chosen.contains(hour);
    let is_possible = |hour: &usize| is_free(hour) && instance.is_feasible(&hours_with(&solution.chosen, *hour));
    let possible = (0..instance.value.len()).filter(is_possible);
    let mut hours: Vec<(usize, f64)> =
        possible.map(|hour| (hour, instance.objective(&hours_with(live_hours, hour)))).collect();
    hours.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    hours
}

/// Places the slots without the `avoided` hours of each channel, and keeps the result if it is better. Returns whether
/// it is.
fn try_without(
    draft: &mut Draft<'_>,
    avoided: Vec<BlockedHours>,
    worker: &mut WorkerContext<'_>,
) -> Result<bool, RuleFailure> {
    let before = DraftSnapshot::of(draft);
    let keeps_limits = place_without(draft, &avoided, worker);
    for (channel_draft, avoided) in draft.channel_drafts.iter_mut().zip(avoided) {
        channel_draft.avoided = avoided;
    }
    before.fill_or_restore(draft, keeps_limits, worker)
}

/// Places the slots again on the channels whose avoided hours change. The draft keeps the bound and the prices found
/// with all open hours. Returns whether the limits are satisfied.
fn place_without(draft: &mut Draft<'_>, avoided: &[BlockedHours], worker: &mut WorkerContext<'_>) -> bool {
    let all_allowed: Vec<Vec<bool>> = draft.channel_drafts.iter().map(|draft| draft.instance.allowed.clone()).collect();
    for (channel_draft, avoided) in draft.channel_drafts.iter_mut().zip(avoided) {
        // A channel for which nothing changes keeps its slots.
        let keeps_slots = *avoided == channel_draft.avoided && channel_draft.left_out.is_empty();
        channel_draft.solve_without(avoided, keeps_slots, worker);
    }
    let solved_limits = SolvedLimits::place_slots(&draft.week, &mut draft.channel_drafts, &draft.histories, worker);
    for (channel_draft, allowed) in draft.channel_drafts.iter_mut().zip(all_allowed) {
        channel_draft.instance.allowed = allowed;
    }
    solved_limits.unmet.is_empty()
}

/// Places the slots without the posts that are blocked though they take places of limits that the client shares with
/// others, and keeps the result if it is better. Returns whether it is.
fn free_places(
    draft: &mut Draft<'_>,
    trials: &mut Trials,
    worker: &mut WorkerContext<'_>,
) -> Result<bool, RuleFailure> {
    let blocked = blocked_hours_in_quotas(draft);
    if blocked.iter().all(Vec::is_empty) || !take(&mut trials.placements) {
        return Ok(false);
    }
    let before = DraftSnapshot::of(draft);
    let keeps_limits = place_without_blocked(draft, &blocked, worker);
    before.fill_or_restore(draft, keeps_limits, worker)
}

/// By channel, the hours of the blocked posts that count in a quota that is used up or has a price.
fn blocked_hours_in_quotas(draft: &Draft<'_>) -> Vec<Vec<usize>> {
    let Draft { week, channel_drafts, solved_limits, .. } = draft;
    if week.quotas.is_empty() {
        return Vec::new();
    }
    let may_run: BTreeSet<(Channel, usize)> =
        draft.posts_that_may_run().map(|post| (post.channel, post.hour)).collect();
    let is_quota = |used: &LimitUse| week.quotas.iter().any(|quota| quota.limit == used.limit);
    let takes_place = |channel: Channel, hour: usize| {
        !may_run.contains(&(channel, hour))
            && solved_limits.limits_at(week, channel_drafts, channel, hour).iter().any(is_quota)
    };
    let of_channel = |draft: &ChannelDraft<'_>| {
        draft.solution.chosen.iter().copied().filter(|hour| takes_place(draft.state.channel, *hour)).collect()
    };
    channel_drafts.iter().map(of_channel).collect()
}

/// Places the slots again, with no more posts on a channel than without the `blocked` ones, and none of its posts at hours
/// at which the channel can use none of its assets. The draft keeps the bound and the prices found with room for all
/// posts. Returns whether the limits are satisfied.
fn place_without_blocked(draft: &mut Draft<'_>, blocked: &[Vec<usize>], worker: &mut WorkerContext<'_>) -> bool {
    let Draft { week, channel_drafts, histories, .. } = draft;
    let before: Vec<(Vec<bool>, usize)> =
        channel_drafts.iter().map(|draft| (draft.instance.allowed.clone(), draft.instance.posts_max)).collect();
    for (index, (channel_draft, blocked)) in channel_drafts.iter_mut().zip(blocked).enumerate() {
        if !blocked.is_empty() {
            let closed = hours_without_asset(week, (index, &*channel_draft), histories);
            // The posts at these hours may find an asset elsewhere.
            let left_out = blocked.iter().filter(|hour| !closed.contains(hour)).count();
            channel_draft.instance.posts_max = channel_draft.solution.chosen.len().saturating_sub(left_out);
            channel_draft.instance.close(&closed);
        }
        let avoided = channel_draft.avoided.clone();
        channel_draft.solve_without(&avoided, false, worker);
    }
    let solved_limits = SolvedLimits::place_slots(week, channel_drafts, histories, worker);
    for (channel_draft, (allowed, posts_max)) in channel_drafts.iter_mut().zip(before) {
        (channel_draft.instance.allowed, channel_draft.instance.posts_max) = (allowed, posts_max);
    }
    solved_limits.unmet.is_empty()
}

/// The posts blocked by guardrails of the given kind; if these judge by time alone, one post for each channel and
/// guardrail.
fn blocked_posts(draft: &Draft<'_>, kind: JudgedBy, evaluator: &Evaluator) -> Vec<BlockedPost> {
    let mut blocked: Vec<BlockedPost> = Vec::new();
    for (post, _) in &draft.posts {
        let Some(Reason::Guardrail { rule, .. }) = post.blocked.as_deref() else { continue };
        let rules = draft.rules.of(post.campaign_id.as_ref());
        let Some(guardrail) = rules.guardrails.iter().find(|guardrail| guardrail.name == *rule) else { continue };
        if judged_by(guardrail, evaluator) != Some(kind) {
            continue;
        }
        let is_slot = |slot: &Slot| {
            let channel_draft = draft.channel_drafts.get(slot.channel_draft);
            slot.hour == post.hour && channel_draft.is_some_and(|draft| draft.state.channel == post.channel)
        };
        let Some((index, slot)) = draft.slots.iter().enumerate().find(|(_, slot)| is_slot(slot)) else { continue };
        let is_same = |other: &BlockedPost| {
            other.slot.channel_draft == slot.channel_draft && other.guardrail.name == guardrail.name
        };
        if kind == JudgedBy::TimeAlone && blocked.iter().any(is_same) {
            continue;
        }
        let candidate = draft.assignment.get(index).copied().flatten();
        blocked.push(BlockedPost { slot: slot.clone(), candidate, guardrail: guardrail.clone(), judged_by: kind });
    }
    blocked
}

/// What a guardrail judges a post by; `None` if the post's hour makes no difference.
fn judged_by(guardrail: &GuardrailRules, evaluator: &Evaluator) -> Option<JudgedBy> {
    if guardrail.scope == GuardrailScope::ChannelWeek {
        return None;
    }
    let fields = || evaluator.post_fields(&guardrail.name);
    let is_of_time = |field: &str| TIME_FACTS.contains(&field);
    match (fields().any(is_of_time), fields().any(is_of_context)) {
        (false, false) => None,
        (true, false) if fields().all(is_of_time) => Some(JudgedBy::TimeAlone),
        _ => Some(JudgedBy::Context),
    }
}

/// Whether the hour of a post determines a fact together with other posts, or with its asset. That is assumed of every
/// fact but the time, those of the asset alone, and the number of earlier warnings.
fn is_of_context(fact: &str) -> bool {
    !TIME_FACTS.contains(&fact) && !PostFacts::ASSET_FACTS.contains(&fact) && fact != "warnings"
}

/// The verdicts on a blocked post at each open hour of its channel, if `others` are the only other slots of the plan.
fn hour_verdicts(
    draft: &Draft<'_>,
    post: &BlockedPost,
    others: &[Slot],
    worker: &mut WorkerContext<'_>,
) -> Result<HourVerdicts, RuleFailure> {
    let mut verdicts = HourVerdicts { blocked: BlockedHours::new(), passes_somewhere: false };
    let channel = post.slot.channel_draft;
    let Some(channel_draft) = draft.channel_drafts.get(channel) else { return Ok(verdicts) };
    let scored = post.candidate.and_then(|candidate| channel_draft.candidates.get(candidate));
    let other_hours = others.iter().filter(|slot| slot.channel_draft == channel).map(|slot| slot.hour);
    let fatigue_by_hour = channel_draft.instance.fatigue_at(&other_hours.collect::<Vec<_>>());
    let open = channel_draft.instance.allowed.iter().enumerate().filter(|(_, allowed)| **allowed);
    for (hour, _) in open {
        let slot = slot_at(&draft.week, (channel, channel_draft), hour, 0.0);
        let fatigue = fatigue_by_hour.get(hour).copied().unwrap_or(0.0);
        let evaluator =
            SlotEvaluator { week: &draft.week, client_rules: draft.rules, channel_draft, slot: &slot, scored };
        let facts = facts_among(&evaluator, &draft.channel_drafts, others, fatigue);
        match blocking_verdict(draft.rules, post, &facts, &channel_draft.ctx, worker.evaluator)? {
            Some(verdict) => drop(verdicts.blocked.insert(hour, verdict)),
            None => verdicts.passes_somewhere = true,
        }
    }
    Ok(verdicts)
}

/// The verdict that blocks a post, given the facts of a slot; `None` if the post passes, or may pass under some
/// campaign's rules.
fn blocking_verdict(
    rules: &ClientRules,
    post: &BlockedPost,
    facts: &Arc<PostFacts>,
    ctx: &Arc<ChannelFacts>,
    evaluator: &mut Evaluator,
) -> Result<Option<Arc<Verdict>>, RuleFailure> {
    let same_guardrail =
        |rules: &Rules| rules.guardrails.iter().find(|guardrail| guardrail.name == post.guardrail.name).cloned();
    let applying: Vec<Option<GuardrailRules>> = match post.judged_by {
        JudgedBy::TimeAlone => rules.every().map(same_guardrail).collect(),
        JudgedBy::Context => vec![Some(post.guardrail.clone())],
    };
    let mut blocking = None;
    for guardrail in applying {
        let Some(guardrail) = guardrail else { return Ok(None) };
        let verdict = evaluator.guardrail(&guardrail, Some(facts), ctx)?;
        if verdict.outcome != Outcome::Block {
            return Ok(None);
        }
        blocking.get_or_insert(verdict);
    }
    Ok(blocking)
}
