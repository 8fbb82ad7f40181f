//! Plans around the hours at which guardrails block posts.
//!
//! Slots are placed before guardrails are evaluated, because what they say may depend on the asset and on other posts. A
//! guardrail that judges a post by its time alone blocks it there in every plan: such hours are closed, and the week is
//! placed again. One that judges by other posts, such as those of the same day, blocks it in this plan only: then the
//! post moves to the best hour at which it passes among the posts that are not blocked. If there is none, the week is
//! placed once more without the hours at which the post would be blocked. Either is kept if the week is better for it.
//! Where every open hour is blocked, a blocked post keeps its slot, so that the plan shows it with its reason.

use std::sync::Arc;

use super::PlanError;
use super::Solution;
use super::assets::{Assignment, Slot};
use super::channel::{BlockedHours, ChannelDraft, Scored, WorkerContext};
use super::draft::{Draft, slot};
use super::limits::{AssetLimits, Settled};
use super::post_evaluation::{SlotEvaluator, facts_among};
use crate::agents::ClientWeek;
use crate::agents::scaling::WorkspaceDemand;
use crate::model::{Outcome, Post, Reason, Verdict};
use crate::rules::{ClientRules, Evaluator, GuardrailRules, GuardrailScope, PostFacts, RuleFailure, Rules};

/// How many plans are tried for a client's week to place posts elsewhere that are blocked because of others.
const MOST_TRIALS: usize = 60;

/// Most blocked posts for which that is tried at a time, those that earn most first.
const MOST_MOVES: usize = 12;

/// The share of the objective by which a plan must be better to replace another.
const LEAST_GAIN: f64 = 1e-9;

/// Facts of a post that its hour determines.
const TIME: [&str; 7] = ["hour", "weekday", "date", "day", "month", "week", "is_best_hour"];

/// Facts of a post that its hour determines together with other posts, or with its asset.
const OTHER_POSTS: [&str; 7] = [
    "fatigue",
    "expected_engagement",
    "channels_of_day",
    "hours_of_day",
    "action_of_day",
    "hours_to_nearest_post",
    "campaign",
];

/// Most hours to which a blocked post is moved on trial, the best first.
const MOST_HOURS: usize = 4;

/// Which of the facts that depend on its hour a guardrail judges a post by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum JudgedBy {
    /// Their time and nothing else.
    Time,
    /// Other posts, or their time together with their asset.
    OtherPosts,
}

/// A blocked post that may pass at another hour.
struct BlockedPost {
    slot: Slot,
    /// Index of its asset among the channel's candidates.
    candidate: Option<usize>,
    guardrail: GuardrailRules,
    judged_by: JudgedBy,
}

/// A client's week, with hours closed and posts moved until no guardrail blocks a post that would pass elsewhere, or
/// nothing is gained.
pub(super) fn draft<'a>(
    week: ClientWeek<'a>,
    rules: &'a ClientRules,
    demand: WorkspaceDemand,
    worker: &mut WorkerContext<'_>,
) -> Result<Draft<'a>, PlanError> {
    let mut draft = Draft::place(week, rules, demand, worker)?;
    // Each time at least one more hour is closed.
    while close_hours(&mut draft, worker)? {
        draft.place_again(worker)?;
    }
    let mut trials = Trials { left: MOST_TRIALS };
    // Each time the plan gets better.
    while move_posts(&mut draft, &mut trials, worker)? {}
    Ok(draft)
}

/// The plans that may still be tried.
struct Trials {
    left: usize,
}

impl Trials {
    /// Whether another plan may be tried, which is counted.
    fn take(&mut self) -> bool {
        let may_try = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may_try
    }
}

/// The open hours of a channel, as a guardrail judges a post there.
struct HoursOfPost {
    /// Those at which it is blocked.
    hours: BlockedHours,
    /// Whether it passes at some of the others.
    passes: bool,
}

/// Closes the hours at which guardrails that judge by time alone block. Returns whether there were any.
fn close_hours(draft: &mut Draft<'_>, worker: &mut WorkerContext<'_>) -> Result<bool, RuleFailure> {
    let mut any = false;
    for blocked in blocked_posts(draft, JudgedBy::Time, worker.evaluator) {
        let HoursOfPost { hours, passes } = blocked_hours(draft, &blocked, &[], worker)?;
        let channel_draft = draft.channel_drafts.get_mut(blocked.slot.channel_draft);
        if let Some(channel_draft) = channel_draft.filter(|_| passes) {
            any |= !hours.is_empty();
            channel_draft.close(hours);
        }
    }
    Ok(any)
}

/// Moves the posts that are blocked because of others, one after the other. If none can be moved, places the week without
/// the hours at which such posts are blocked. Returns whether the plan is better now.
fn move_posts(draft: &mut Draft<'_>, trials: &mut Trials, worker: &mut WorkerContext<'_>) -> Result<bool, RuleFailure> {
    let mut blocked = blocked_posts(draft, JudgedBy::OtherPosts, worker.evaluator);
    // Hours at which only the rules of the post's campaign block it are not closed for others.
    let by_time = blocked_posts(draft, JudgedBy::Time, worker.evaluator).into_iter();
    blocked.extend(by_time.map(|post| BlockedPost { judged_by: JudgedBy::OtherPosts, ..post }));
    blocked.sort_by(|a, b| b.slot.weight.total_cmp(&a.slot.weight));
    let mut is_better = false;
    for blocked in blocked.into_iter().take(MOST_MOVES) {
        // A move before may have changed what blocks it.
        is_better |= is_blocked(draft, &blocked.slot) && try_move(draft, &blocked, trials, worker)?;
    }
    if is_better {
        return Ok(true);
    }
    for avoided in hours_to_avoid(draft, worker)? {
        if trials.take() && try_without(draft, avoided, worker)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The hours that may be left out, by channel: those of all blocked posts together, then those of each on its own.
fn hours_to_avoid(draft: &Draft<'_>, worker: &mut WorkerContext<'_>) -> Result<Vec<Vec<BlockedHours>>, RuleFailure> {
    let so_far: Vec<BlockedHours> = draft.channel_drafts.iter().map(|draft| draft.avoided.clone()).collect();
    let mut together = so_far.clone();
    let mut each = Vec::new();
    for blocked in blocked_posts(draft, JudgedBy::OtherPosts, worker.evaluator).into_iter().take(MOST_MOVES) {
        let (channel, all) = (blocked.slot.channel_draft, &draft.slots);
        let others: Vec<Slot> = all.iter().filter(|slot| **slot != blocked.slot).cloned().collect();
        let among = blocked_hours(draft, &blocked, &others, worker)?;
        if !among.passes && !blocked_hours(draft, &blocked, &[], worker)?.passes {
            continue;
        }
        let mut alone = so_far.clone();
        if let (Some(together), Some(alone)) = (together.get_mut(channel), alone.get_mut(channel)) {
            if among.passes {
                together.extend(among.hours.clone());
            }
            // The channel's other posts stay; where no hour passes among them, the post gives way to them.
            let is_used = |hour: &usize| others.iter().any(|slot| slot.channel_draft == channel && slot.hour == *hour);
            alone.extend(among.hours.into_iter().filter(|(hour, _)| !is_used(hour)));
        }
        each.push(alone);
    }
    if together != so_far {
        each.insert(0, together);
    }
    Ok(each)
}

/// Moves a blocked post to one of the best hours at which it passes among the posts that are not blocked, and keeps the
/// first result that is better. Returns whether there is one.
fn try_move(
    draft: &mut Draft<'_>,
    blocked: &BlockedPost,
    trials: &mut Trials,
    worker: &mut WorkerContext<'_>,
) -> Result<bool, RuleFailure> {
    if trials.left == 0 {
        return Ok(false);
    }
    let place = blocked.slot.channel_draft;
    let live = live_slots(draft);
    let HoursOfPost { hours, passes } = blocked_hours(draft, blocked, &live, worker)?;
    let Some(channel_draft) = draft.channel_drafts.get(place).filter(|_| passes) else { return Ok(false) };
    let earning: Vec<usize> = live.iter().filter(|slot| slot.channel_draft == place).map(|slot| slot.hour).collect();
    let least = channel_draft.instance.objective(&earning);
    let better = best_hours(channel_draft, blocked.slot.hour, &earning, &hours);
    for (hour, _) in better.into_iter().take_while(|(_, objective)| *objective > least).take(MOST_HOURS) {
        if !trials.take() {
            break;
        }
        let before = DraftSnapshot::of(draft);
        if let Some(channel_draft) = draft.channel_drafts.get_mut(place) {
            let used = channel_draft.solution.chosen.clone();
            let unused = hours.iter().filter(|(hour, _)| !used.contains(hour));
            channel_draft.avoided.extend(unused.map(|(hour, verdict)| (*hour, Arc::clone(verdict))));
            channel_draft.move_slot(blocked.slot.hour, hour);
        }
        let keeps_limits = draft.settled.broken(&draft.week, &draft.channel_drafts).is_empty();
        if before.fill_or_restore(draft, keeps_limits, worker)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What placing posts changes of a draft, to go back to.
struct DraftSnapshot {
    objective: f64,
    slots: Vec<Slot>,
    assignment: Assignment,
    posts: Vec<(Post, Arc<PostFacts>)>,
    asset_limits: AssetLimits,
    bound: Option<f64>,
    /// By channel, its solution, the hours that were left out, and those that were avoided.
    channels: Vec<(Solution, Vec<usize>, BlockedHours)>,
}

impl DraftSnapshot {
    fn of(draft: &Draft<'_>) -> Self {
        let of_channel =
            |draft: &ChannelDraft<'_>| (draft.solution.clone(), draft.left_out.clone(), draft.avoided.clone());
        Self {
            objective: draft.objective(),
            slots: draft.slots.clone(),
            assignment: draft.assignment.clone(),
            posts: draft.posts.clone(),
            asset_limits: draft.asset_limits.clone(),
            bound: draft.settled.bound(),
            channels: draft.channel_drafts.iter().map(of_channel).collect(),
        }
    }

    /// Fills the slots that were placed since. Keeps the draft if these keep the limits and it is better now, or else goes
    /// back. Returns whether it is kept.
    fn fill_or_restore(
        self,
        draft: &mut Draft<'_>,
        keeps_limits: bool,
        worker: &mut WorkerContext<'_>,
    ) -> Result<bool, RuleFailure> {
        if keeps_limits {
            draft.fill(worker)?;
            let least = self.objective + LEAST_GAIN * self.objective.abs();
            if draft.settled.unmet.is_empty() && draft.objective() > least {
                return Ok(true);
            }
        }
        draft.settled.take_up_again(self.bound);
        for (channel_draft, channel) in draft.channel_drafts.iter_mut().zip(self.channels) {
            (channel_draft.solution, channel_draft.left_out, channel_draft.avoided) = channel;
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

/// The hours to which a post of a channel may move, with what it earns there together with the posts at the `earning`
/// hours, the most first. `blocked` hours are left out.
fn best_hours(
    channel_draft: &ChannelDraft<'_>,
    from: usize,
    earning: &[usize],
    blocked: &BlockedHours,
) -> Vec<(usize, f64)> {
    let ChannelDraft { solution, instance, .. } = channel_draft;
    let with = |others: &[usize], hour: usize| {
        let mut hours: Vec<usize> = others.iter().copied().filter(|own| *own != from).chain([hour]).collect();
        hours.sort_unstable();
        hours
    };
    let is_free = |hour: &usize| !blocked.contains_key(hour) && !solution.chosen.contains(hour);
    let possible =
        (0..instance.value.len()).filter(is_free).filter(|hour| instance.is_feasible(&with(&solution.chosen, *hour)));
    let mut hours: Vec<(usize, f64)> = possible.map(|hour| (hour, instance.objective(&with(earning, hour)))).collect();
    hours.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
    hours
}

/// Places the week without some hours, and keeps the result if it is better. Returns whether it is.
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

/// Places the slots again of the channels that are to do without further hours. Bound and prices stay those of all open
/// hours. Returns whether the limits can be kept.
fn place_without(draft: &mut Draft<'_>, avoided: &[BlockedHours], worker: &mut WorkerContext<'_>) -> bool {
    let open: Vec<Vec<bool>> = draft.channel_drafts.iter().map(|draft| draft.instance.allowed.clone()).collect();
    for (channel_draft, avoided) in draft.channel_drafts.iter_mut().zip(avoided) {
        // A channel for which nothing changes keeps its slots.
        let is_as_before = *avoided == channel_draft.avoided && channel_draft.left_out.is_empty();
        channel_draft.solve_without(avoided, is_as_before, worker);
    }
    let settled = Settled::of(&draft.week, &mut draft.channel_drafts, worker);
    for (channel_draft, open) in draft.channel_drafts.iter_mut().zip(open) {
        channel_draft.instance.allowed = open;
    }
    settled.unmet.is_empty()
}

/// The posts blocked by guardrails that judge in the given way, one for each channel and guardrail if by time alone.
fn blocked_posts(draft: &Draft<'_>, judged: JudgedBy, evaluator: &Evaluator) -> Vec<BlockedPost> {
    let mut found: Vec<BlockedPost> = Vec::new();
    for (post, _) in &draft.posts {
        let Some(Reason::Guardrail { rule, .. }) = post.blocked.as_deref() else { continue };
        let rules = draft.rules.of(post.campaign_id.as_ref());
        let Some(guardrail) = rules.guardrails.iter().find(|guardrail| guardrail.name == *rule) else { continue };
        if judged_by(guardrail, evaluator) != Some(judged) {
            continue;
        }
        let is_slot = |slot: &Slot| {
            let channel_draft = draft.channel_drafts.get(slot.channel_draft);
            slot.hour == post.hour && channel_draft.is_some_and(|one| one.state.channel == post.channel)
        };
        let Some((place, slot)) = draft.slots.iter().enumerate().find(|(_, slot)| is_slot(slot)) else { continue };
        let is_same = |other: &BlockedPost| {
            other.slot.channel_draft == slot.channel_draft && other.guardrail.name == guardrail.name
        };
        if judged == JudgedBy::Time && found.iter().any(is_same) {
            continue;
        }
        let candidate = draft.assignment.get(place).copied().flatten();
        found.push(BlockedPost { slot: slot.clone(), candidate, guardrail: guardrail.clone(), judged_by: judged });
    }
    found
}

/// What a guardrail judges by; `None` if the hour of a post makes no difference to it.
fn judged_by(guardrail: &GuardrailRules, evaluator: &Evaluator) -> Option<JudgedBy> {
    if guardrail.scope == GuardrailScope::ChannelWeek {
        return None;
    }
    let fields = || evaluator.post_fields(&guardrail.name);
    let is_of_time = |field: &str| TIME.contains(&field);
    let reads_others = fields().any(|field| OTHER_POSTS.contains(&field));
    match (fields().any(is_of_time), reads_others) {
        (false, false) => None,
        (true, false) if fields().all(is_of_time) => Some(JudgedBy::Time),
        _ => Some(JudgedBy::OtherPosts),
    }
}

/// The open hours of its channel at which a post would be blocked as well among other slots, and whether it passes at
/// any of them.
fn blocked_hours(
    draft: &Draft<'_>,
    blocked: &BlockedPost,
    others: &[Slot],
    worker: &mut WorkerContext<'_>,
) -> Result<HoursOfPost, RuleFailure> {
    let mut found = HoursOfPost { hours: BlockedHours::new(), passes: false };
    let Some(channel_draft) = draft.channel_drafts.get(blocked.slot.channel_draft) else { return Ok(found) };
    let scored = blocked.candidate.and_then(|candidate| channel_draft.candidates.get(candidate));
    let own = others.iter().filter(|slot| slot.channel_draft == blocked.slot.channel_draft);
    let fatigue = channel_draft.instance.fatigue_at(&own.map(|slot| slot.hour).collect::<Vec<_>>());
    let open = channel_draft.instance.allowed.iter().enumerate().filter(|(_, allowed)| **allowed);
    for (hour, _) in open {
        let slot = slot(&draft.week, (blocked.slot.channel_draft, channel_draft), hour, 0.0);
        let tired = fatigue.get(hour).copied().unwrap_or(0.0);
        match blocks(draft, blocked, (channel_draft, &slot, scored), others, tired, worker)? {
            Some(verdict) => drop(found.hours.insert(hour, verdict)),
            None => found.passes = true,
        }
    }
    Ok(found)
}

/// The verdict that blocks a post at a slot; `None` if it passes, or if under the rules of some campaign it may.
fn blocks(
    draft: &Draft<'_>,
    blocked: &BlockedPost,
    (channel_draft, slot, scored): (&ChannelDraft<'_>, &Slot, Option<&Scored<'_>>),
    others: &[Slot],
    fatigue: f64,
    worker: &mut WorkerContext<'_>,
) -> Result<Option<Arc<Verdict>>, RuleFailure> {
    let Draft { week, rules, channel_drafts, .. } = draft;
    let evaluator = SlotEvaluator { week, client_rules: rules, channel_draft, slot, scored };
    let facts = facts_among(&evaluator, channel_drafts, others, fatigue);
    let own = |rules: &Rules| rules.guardrails.iter().find(|one| one.name == blocked.guardrail.name).cloned();
    let applying: Vec<Option<GuardrailRules>> = match blocked.judged_by {
        JudgedBy::Time => rules.every().map(own).collect(),
        JudgedBy::OtherPosts => vec![Some(blocked.guardrail.clone())],
    };
    let mut found = None;
    for guardrail in applying {
        let Some(guardrail) = guardrail else { return Ok(None) };
        let verdict = worker.evaluator.guardrail(&guardrail, Some(&facts), &channel_draft.ctx)?;
        if verdict.outcome != Outcome::Block {
            return Ok(None);
        }
        found.get_or_insert(verdict);
    }
    Ok(found)
}
