//! Evaluates the guardrails on each planned post, in order of time.
//!
//! A blocked post stays in the plan, but adds no fatigue and does not count against the daily limit. So every post is
//! evaluated given the earlier posts that were not blocked.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::assets::{Assignment, Slot};
use super::channel::{ChannelDraft, Scored, WorkerContext};
use super::hours::is_best_hour;
use super::objection::post_times;
use super::reviews::WithoutReview;
use super::rule_evaluation::evaluate_rules;
use crate::agents::ClientWeek;
use crate::model::{
    AssetChoice, AssetSnapshot, CampaignId, OtherPost, Outcome, Post, PostSnapshot, PostSurroundings, Reason,
    ScheduleStatus, Spacing, Timestamp, WallHour, WeekHours,
};
use crate::rules::{ChannelRules, ClientRules, Fact, NEVER, PostFacts, RuleFailure, Rules, value_at};

/// Running state of a client's channels through the week.
pub(super) struct WeekState {
    /// By index of the channel draft.
    channels: Vec<ChannelFatigue>,
    /// Number of committed posts, and of planned ones that are not blocked, by weekday.
    actions: [i64; 7],
}

impl WeekState {
    /// The state at the start of the week.
    pub fn at_start(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Self {
        let channel_at_start = |channel_draft: &ChannelDraft<'_>| ChannelFatigue {
            fatigue: channel_draft.instance.fatigue_start,
            hour: 0,
            committed_seen: 0,
        };
        Self {
            channels: channel_drafts.iter().map(channel_at_start).collect(),
            actions: committed_actions(week, channel_drafts),
        }
    }
}

/// A channel's running state at some hour of the week.
#[derive(Clone, Copy)]
struct ChannelFatigue {
    fatigue: f64,
    hour: usize,
    /// Number of the channel's committed posts that `fatigue` includes.
    committed_seen: usize,
}

impl ChannelFatigue {
    /// Decays fatigue until a later hour.
    fn decay_until(&mut self, hour: usize, decay_per_hour: f64) {
        self.fatigue *= libm::pow(decay_per_hour, hour.saturating_sub(self.hour) as f64);
        self.hour = hour;
    }
}

/// Facts of a slot that depend on other posts.
struct SlotContext {
    fatigue: f64,
    surroundings: PostSurroundings,
}

/// The client's other posts when a slot is evaluated.
pub(super) struct OtherPosts<'d, 'a> {
    pub channel_drafts: &'d [ChannelDraft<'a>],
    /// Slots of the plan; the evaluated one may be among them.
    pub slots: &'d [Slot],
    /// Times of other posts of the slot's channel, planned or not, to which the slot's distance is measured.
    pub times_on_channel: Vec<Timestamp>,
}

impl<'d, 'a> OtherPosts<'d, 'a> {
    /// Those of a plan and those in the client's state.
    fn of_plan(channel_drafts: &'d [ChannelDraft<'a>], slots: &'d [Slot], slot: &Slot) -> Self {
        let planned = slots
            .iter()
            .filter(|other| other.channel_draft == slot.channel_draft && other.hour != slot.hour)
            .map(|other| other.at);
        let channel_draft = channel_drafts.get(slot.channel_draft);
        let existing = channel_draft.into_iter().flat_map(|channel_draft| post_times(channel_draft.state));
        Self { channel_drafts, slots, times_on_channel: planned.chain(existing).collect() }
    }
}

/// Values that replace those implied by the client's state when a slot is evaluated; by default none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SlotOverrides {
    /// Fatigue at the hour of the post, `0..=1`.
    pub fatigue: Option<f64>,
    /// Hours to the nearest other post of the channel.
    pub hours_to_nearest_post: Option<f64>,
    /// 1-based position of the post among the client's posts that day.
    pub action_of_day: Option<i64>,
}

impl SlotOverrides {
    /// What is around the slot, with these values in place of those implied by the client's state.
    fn applied_to(self, implied: PostSurroundings) -> PostSurroundings {
        PostSurroundings {
            action_of_day: self.action_of_day.unwrap_or(implied.action_of_day),
            hours_to_nearest_post: self.hours_to_nearest_post.unwrap_or(implied.hours_to_nearest_post),
            ..implied
        }
    }
}

/// Evaluates every slot and builds the posts, by time, each with the facts that the guardrails saw.
pub(super) fn evaluate_posts(
    week: &ClientWeek<'_>,
    client_rules: &ClientRules,
    channel_drafts: &[ChannelDraft<'_>],
    slots: &[Slot],
    assignment: &Assignment,
    without_review: &WithoutReview,
    worker: &mut WorkerContext<'_>,
) -> Result<Vec<(Post, Arc<PostFacts>)>, RuleFailure> {
    let mut order: Vec<usize> = (0..slots.len()).collect();
    let channel =
        |channel_draft: usize| channel_drafts.get(channel_draft).map(|channel_draft| channel_draft.state.channel);
    let time_and_channel = |index: &usize| slots.get(*index).map(|slot| (slot.at, channel(slot.channel_draft)));
    order.sort_by_key(time_and_channel);
    let mut week_state = WeekState::at_start(week, channel_drafts);
    let mut posts = Vec::with_capacity(slots.len());
    for index in order {
        let Some(slot) = slots.get(index) else { continue };
        let Some(channel_draft) = channel_drafts.get(slot.channel_draft) else { continue };
        let scored =
            assignment.get(index).copied().flatten().and_then(|candidate| channel_draft.candidates.get(candidate));
        let evaluator = SlotEvaluator { week, client_rules, channel_draft, slot, scored };
        let lacks_review = without_review.get(&(channel_draft.state.channel, slot.hour));
        let engine_block = evaluator.engine_block(lacks_review);
        let others = OtherPosts::of_plan(channel_drafts, slots, slot);
        posts.push(evaluator.evaluate(&mut week_state, &others, engine_block, worker)?);
    }
    Ok(posts)
}

/// Evaluates one slot as if the client planned no other post. Also returns the facts that the guardrails saw.
pub(super) fn evaluate_alone(
    week: &ClientWeek<'_>,
    client_rules: &ClientRules,
    channel_drafts: &[ChannelDraft<'_>],
    slot: &Slot,
    scored: Option<&Scored<'_>>,
    overrides: SlotOverrides,
    worker: &mut WorkerContext<'_>,
) -> Result<Option<(Post, Arc<PostFacts>)>, RuleFailure> {
    let Some(channel_draft) = channel_drafts.get(slot.channel_draft) else { return Ok(None) };
    let evaluator = SlotEvaluator { week, client_rules, channel_draft, slot, scored };
    let mut week_state = WeekState::at_start(week, channel_drafts);
    let implied = evaluator.surroundings(&OtherPosts::of_plan(channel_drafts, &[], slot), Some(&week_state));
    let context = SlotContext {
        fatigue: overrides.fatigue.unwrap_or_else(|| evaluator.fatigue(&mut week_state)),
        surroundings: overrides.applied_to(implied),
    };
    evaluator.evaluate_rules(context, evaluator.engine_block(None), worker).map(Some)
}

/// The facts of the evaluator's slot if `others` are the only other slots of the plan; `fatigue` is the fatigue that
/// they cause at the slot.
pub(super) fn facts_among(
    evaluator: &SlotEvaluator<'_, '_>,
    channel_drafts: &[ChannelDraft<'_>],
    others: &[Slot],
    fatigue: f64,
) -> Arc<PostFacts> {
    let SlotEvaluator { week, client_rules, channel_draft, slot, scored } = *evaluator;
    // As if it were the last of the day: a place that passes only before another post would get that one blocked.
    let surroundings = evaluator.surroundings(&OtherPosts::of_plan(channel_drafts, others, slot), None);
    let context = SlotContext { fatigue, surroundings };
    let campaign = campaign_of(scored, week, channel_draft, slot.hour);
    let (_, expected) = evaluator.value(client_rules.of(campaign.as_ref()), campaign.as_ref(), fatigue);
    evaluator.facts(campaign.as_ref(), expected, &context)
}

/// Committed posts by weekday; they count against the daily limit.
fn committed_actions(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> [i64; 7] {
    let mut actions = [0; 7];
    for hour in channel_drafts.iter().flat_map(|channel_draft| &channel_draft.hours.committed) {
        let weekday = week.hours.hours().get(*hour).map(|wall| usize::from(wall.weekday));
        if let Some(count) = weekday.and_then(|weekday| actions.get_mut(weekday)) {
            *count += 1;
        }
    }
    actions
}

/// The client's other posts on the day of a slot, planned and committed, in order of time.
fn others_of_day(week: &ClientWeek<'_>, slot: &Slot, others: &OtherPosts<'_, '_>) -> Vec<OtherPost> {
    let channel_drafts = others.channel_drafts;
    let planned = others.slots.iter().map(|other| (other.channel_draft, other.hour));
    let committed = channel_drafts
        .iter()
        .enumerate()
        .flat_map(|(index, channel_draft)| channel_draft.hours.committed.iter().map(move |hour| (index, *hour)));
    let day = week.hours.hours().get(slot.hour).map(|wall| wall.weekday);
    let is_other = |other: &(usize, usize)| *other != (slot.channel_draft, slot.hour);
    let mut others: Vec<(usize, OtherPost)> = planned
        .chain(committed)
        .filter(is_other)
        .filter_map(|(channel_draft, hour)| {
            let wall = week.hours.hours().get(hour).filter(|wall| Some(wall.weekday) == day)?;
            Some((hour, OtherPost { hour: wall.hour, channel: channel_drafts.get(channel_draft)?.state.channel }))
        })
        .collect();
    others.sort_unstable();
    others.dedup();
    others.into_iter().map(|(_, other)| other).collect()
}

/// One slot to be evaluated.
pub(super) struct SlotEvaluator<'d, 'a> {
    pub week: &'d ClientWeek<'a>,
    pub client_rules: &'d ClientRules,
    pub channel_draft: &'d ChannelDraft<'a>,
    pub slot: &'d Slot,
    pub scored: Option<&'d Scored<'a>>,
}

impl SlotEvaluator<'_, '_> {
    /// Evaluates the post at the slot and, unless it is blocked, adds it to the state of the week.
    pub fn evaluate(
        &self,
        week_state: &mut WeekState,
        others: &OtherPosts<'_, '_>,
        engine_block: Option<Reason>,
        worker: &mut WorkerContext<'_>,
    ) -> Result<(Post, Arc<PostFacts>), RuleFailure> {
        let surroundings = self.surroundings(others, Some(week_state));
        let context = SlotContext { fatigue: self.fatigue(week_state), surroundings };
        let (post, facts) = self.evaluate_rules(context, engine_block, worker)?;
        if post.status != ScheduleStatus::Blocked {
            self.add_to(week_state);
        }
        Ok((post, facts))
    }

    /// Why the post is blocked regardless of guardrails: no asset, no content, or no review left by a limit.
    fn engine_block(&self, lacks_review: Option<&Reason>) -> Option<Reason> {
        match self.scored.map(|scored| scored.candidate.asset) {
            None => Some(Reason::NoAsset),
            Some(asset) if !asset.has_content() => Some(Reason::EmptyAsset { asset_id: asset.id.clone() }),
            Some(_) => lacks_review.cloned(),
        }
    }

    /// The evaluated post, and the facts that the guardrails saw.
    fn evaluate_rules(
        &self,
        context: SlotContext,
        engine_block: Option<Reason>,
        worker: &mut WorkerContext<'_>,
    ) -> Result<(Post, Arc<PostFacts>), RuleFailure> {
        let campaign_id = campaign_of(self.scored, self.week, self.channel_draft, self.slot.hour);
        let rules = self.client_rules.of(campaign_id.as_ref());
        let fatigue = context.fatigue;
        let (slot_value, expected) = self.value(rules, campaign_id.as_ref(), fatigue);
        let leaving_cost = self.channel_draft.rules.leaving_cost(self.channel_draft.state.audience);
        let cost = self.scored.map_or_else(|| rules.assets.work_cost(None), |scored| scored.cost) + leaving_cost;
        let facts = self.facts(campaign_id.as_ref(), expected, &context);
        let (evaluated, facts) = evaluate_rules(rules, facts, &self.channel_draft.ctx, engine_block, worker.evaluator)?;
        let post = Post {
            channel: self.channel_draft.state.channel,
            hour: self.slot.hour,
            at: self.slot.at,
            asset: self.scored.map(asset_choice),
            campaign_id,
            status: evaluated.status,
            priority: priority(rules, self.channel_draft.rules.priority, fatigue),
            fatigue,
            surroundings: context.surroundings,
            slot_value,
            expected_engagement: expected,
            cost,
            net_worth: expected * self.channel_draft.rules.worth - cost,
            keep_bonus: if evaluated.status == ScheduleStatus::Blocked { 0.0 } else { self.keep_bonus(fatigue) },
            confidence: evaluated.confidence,
            confidence_steps: evaluated.confidence_steps,
            risk: evaluated.risk,
            verdicts: evaluated.verdicts,
            blocked: evaluated.blocked,
        };
        Ok((post, facts))
    }

    /// Fatigue at the slot's hour from earlier posts, committed or planned, that are not blocked.
    fn fatigue(&self, week_state: &mut WeekState) -> f64 {
        let Some(channel) = week_state.channels.get_mut(self.slot.channel_draft) else { return 0.0 };
        let decay = self.channel_draft.rules.decay_per_hour();
        let committed = self.channel_draft.hours.committed.iter().skip(channel.committed_seen);
        for hour in committed.take_while(|hour| **hour < self.slot.hour) {
            channel.decay_until(*hour, decay);
            channel.fatigue += self.channel_draft.rules.fatigue_per_post;
            channel.committed_seen += 1;
        }
        channel.decay_until(self.slot.hour, decay);
        channel.fatigue
    }

    fn add_to(&self, week_state: &mut WeekState) {
        if let Some(channel) = week_state.channels.get_mut(self.slot.channel_draft) {
            channel.fatigue += self.channel_draft.rules.fatigue_per_post;
        }
        if let Some(count) = self.weekday().and_then(|weekday| week_state.actions.get_mut(weekday)) {
            *count += 1;
        }
    }

    fn weekday(&self) -> Option<usize> {
        self.week.hours.hours().get(self.slot.hour).map(|wall| usize::from(wall.weekday))
    }

    /// What is around the slot. Its post comes after those of the day that `week_state` counts, or after all others of
    /// the day if there is no state.
    fn surroundings(&self, others: &OtherPosts<'_, '_>, week_state: Option<&WeekState>) -> PostSurroundings {
        let others_of_day = others_of_day(self.week, self.slot, others);
        let earlier_actions =
            week_state.map_or(others_of_day.len() as i64, |week_state| self.actions_of_day(week_state));
        PostSurroundings {
            action_of_day: earlier_actions + 1,
            hours_to_nearest_post: self.hours_to_nearest_post(others),
            others_of_day,
        }
    }

    /// Number of posts of the slot's day so far that are not blocked.
    fn actions_of_day(&self, week_state: &WeekState) -> i64 {
        self.weekday().and_then(|weekday| week_state.actions.get(weekday)).copied().unwrap_or(0)
    }

    /// Hours to the nearest other post of the channel, counted as the channel's spacing counts them; `NEVER` if there is
    /// none.
    fn hours_to_nearest_post(&self, others: &OtherPosts<'_, '_>) -> f64 {
        let spacing = Spacing::from_hours(self.channel_draft.rules.min_spacing_hours);
        let hours_to = |at: &Timestamp| spacing.hours_between(*at, self.slot.at, self.week.hours.zone());
        others.times_on_channel.iter().map(hours_to).fold(NEVER, f64::min)
    }

    /// Value of the slot for a post of a campaign, and the engagement expected of the post.
    fn value(&self, rules: &Rules, campaign: Option<&CampaignId>, fatigue: f64) -> (f64, f64) {
        let value = self.channel_draft.hours.value_for(self.week, self.slot.hour, campaign);
        let quality = self.scored.map_or(rules.assets.quality_without_asset, |scored| scored.quality);
        (value, value * quality * self.channel_draft.instance.response.at(fatigue))
    }

    /// What the objective counts a post in the slot for in addition, if the week's previous plan has one there.
    fn keep_bonus(&self, fatigue: f64) -> f64 {
        let channel_draft = self.channel_draft;
        if !channel_draft.previous.contains_key(&self.slot.hour) {
            return 0.0;
        }
        let value = channel_draft.hours.value.get(self.slot.hour).copied().unwrap_or(0.0);
        let worth = value * channel_draft.mean.quality * channel_draft.rules.worth;
        self.week.rules.calendar.keep_bonus * worth * channel_draft.instance.response.at(fatigue)
    }

    fn facts(&self, campaign: Option<&CampaignId>, expected_engagement: f64, context: &SlotContext) -> Arc<PostFacts> {
        let asset = self.scored.map(|scored| AssetSnapshot::of(scored.candidate.asset, scored.score));
        let snapshot = PostSnapshot {
            fatigue: context.fatigue,
            expected_engagement,
            asset,
            surroundings: context.surroundings.clone(),
        };
        Arc::new(post_facts(&snapshot, local_hour(self.week.hours, self.slot.hour), campaign, self.channel_draft.rules))
    }
}

/// The campaign that a post at an hour of the week counts for.
pub(super) fn campaign_of(
    scored: Option<&Scored<'_>>,
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    hour: usize,
) -> Option<CampaignId> {
    channel_draft.hours.day(week, hour)?.campaign_of(scored.map(|scored| scored.candidate.asset)).cloned()
}

/// What the client's clock shows at an hour of the week: the date, and the wall-clock hour.
pub(super) fn local_hour(hours: &WeekHours, hour: usize) -> Option<(NaiveDate, WallHour)> {
    let wall = *hours.hours().get(hour)?;
    Some((hours.date(wall.weekday), wall))
}

/// The facts of a post that scripts can read. `local_hour` is what the client's clock shows when it goes out.
pub(super) fn post_facts(
    snapshot: &PostSnapshot,
    local_hour: Option<(NaiveDate, WallHour)>,
    campaign: Option<&CampaignId>,
    rules: &ChannelRules,
) -> PostFacts {
    let wall = local_hour.map(|(_, wall)| wall);
    let date = local_hour.map(|(date, _)| date);
    let surroundings = &snapshot.surroundings;
    let others = || surroundings.others_of_day.iter();
    PostFacts {
        hour: wall.map_or(0, |wall| i64::from(wall.hour)),
        weekday: wall.map_or(0, |wall| i64::from(wall.weekday)),
        date: date.map_or_else(Default::default, |date| date.to_string().into()),
        day: date.map_or(1, |date| date.day().into()),
        month: date.map_or(1, |date| date.month().into()),
        week: date.map_or(1, |date| date.iso_week().week().into()),
        is_best_hour: wall.is_some_and(|wall| is_best_hour(rules, wall)),
        fatigue: snapshot.fatigue,
        expected_engagement: snapshot.expected_engagement,
        channels_of_day: others().map(|other| Fact::Text(other.channel.name().into())).collect(),
        hours_of_day: others().map(|other| Fact::Whole(other.hour.into())).collect(),
        campaign: campaign.map_or_else(Default::default, |id| id.as_str().into()),
        action_of_day: surroundings.action_of_day,
        hours_to_nearest_post: surroundings.hours_to_nearest_post,
        warnings: 0,
        ..PostFacts::default()
    }
    .with_asset(snapshot.asset.as_ref())
}

/// A channel's priority after the deduction for fatigue, in points. The deduction ends at the floor of `fatigue.toml`,
/// which does not raise a lower priority.
#[must_use]
pub fn priority(rules: &Rules, channel_priority: f64, fatigue: f64) -> f64 {
    let loss = value_at(&rules.fatigue.priority_loss, fatigue).unwrap_or(0.0);
    (channel_priority - loss).max(rules.fatigue.priority_floor.min(channel_priority))
}

pub(super) fn asset_choice(scored: &Scored<'_>) -> AssetChoice {
    let asset = scored.candidate.asset;
    AssetChoice {
        asset_id: asset.root().clone(),
        variation_id: asset.parent_id.is_some().then(|| asset.id.clone()),
        is_evolution: scored.candidate.continues_story,
        score: scored.score,
        quality_factor: scored.quality,
    }
}

/// Fatigue of a channel at the end of a week of `week_hours` hours, from committed posts and planned ones that are not
/// blocked.
pub(super) fn fatigue_at_end(channel_draft: &ChannelDraft<'_>, posts: &[Post], week_hours: usize) -> f64 {
    let live =
        posts.iter().filter(|post| post.channel == channel_draft.state.channel && post.is_live()).map(|post| post.hour);
    let mut posting_hours: Vec<usize> = live.chain(channel_draft.hours.committed.iter().copied()).collect();
    posting_hours.sort_unstable();
    let decay = channel_draft.rules.decay_per_hour();
    let mut running = ChannelFatigue { fatigue: channel_draft.instance.fatigue_start, hour: 0, committed_seen: 0 };
    for hour in posting_hours {
        running.decay_until(hour, decay);
        running.fatigue += channel_draft.rules.fatigue_per_post;
    }
    running.decay_until(week_hours, decay);
    running.fatigue
}

/// Number of posts for which each guardrail gave the outcome, by rule.
pub fn count_by_rule<'p>(posts: impl Iterator<Item = &'p Post>, outcome: Outcome) -> BTreeMap<&'p str, u32> {
    let mut counts = BTreeMap::new();
    for verdict in posts.flat_map(|post| post.verdicts_of(outcome)) {
        *counts.entry(&*verdict.rule).or_default() += 1;
    }
    counts
}
