//! Re-evaluates committed posts with what is known now.

use std::sync::Arc;

use super::assets::Slot;
use super::channel::{ChannelDraft, Scored, WarningsSeen, WorkerContext};
use super::draft::{Setup, set_up};
use super::objection::{ExistingUses, ScheduledPost, is_channel_off, objection};
use super::post_evaluation::{OtherPosts, SlotEvaluator, WeekState};
use super::week::{ClientInput, PlanningContext};
use super::{PlanError, Planner};
use crate::agents::ClientWeek;
use crate::agents::creative_director::{Histories, hours_between};
use crate::model::{
    AssetUse, Capacity, Channel, ChannelSnapshot, ChannelState, Client, ClientState, HOUR_SECONDS, PerformanceReality,
    Post, Reason, Score, Timestamp, Week, Zone,
};
use crate::rules::{ClientRules, CompiledRules};

/// A client's committed posts after re-evaluation, with the facts that the rules saw.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientReevaluation {
    /// The result for each post, in the order given.
    pub posts: Vec<Reevaluation>,
    /// What was known of each channel.
    pub channels: Vec<(Channel, Arc<ChannelSnapshot>)>,
    /// Number of active warnings.
    pub warnings: WarningsSeen,
    /// Perceived and estimated true performance.
    pub reality: PerformanceReality,
}

/// Result of re-evaluating one committed post.
#[derive(Debug, Clone, PartialEq)]
pub enum Reevaluation {
    /// No rule was evaluated: the client is not planned for, or the channel is switched off.
    NotEvaluated(Reason),
    /// The post as the rules evaluate it now.
    Evaluated(Box<Post>),
}

impl Reevaluation {
    /// Why the post is blocked; `None` if it may run or awaits approval.
    #[must_use]
    pub fn blocked(&self) -> Option<&Reason> {
        match self {
            Reevaluation::NotEvaluated(reason) => Some(reason),
            Reevaluation::Evaluated(post) => post.blocked.as_deref(),
        }
    }
}

impl Planner<'_> {
    /// Re-evaluates committed posts of a week as of `now`: all checks that planning makes, then the guardrails. `posts`
    /// holds the posts of each client, in the order of `clients`; the clients' states must not count them. Returns one
    /// result per client, `None` for a client without posts. `clients` are all clients of the workspaces, so that their
    /// load is that of planning once these posts are evaluated: those of clients that are not planned for get blocked, so
    /// they add nothing to it.
    ///
    /// Of two conflicting posts the earlier one takes precedence; a post committed for later never blocks an earlier
    /// one.
    ///
    /// # Errors
    /// If a rule fails, or the week is at the edge of the supported calendar.
    pub fn reevaluate_committed(
        &self,
        clients: &[(&Client, &ClientState)],
        capacity: &Capacity,
        week: Week,
        posts: &[Vec<ScheduledPost>],
        now: Timestamp,
    ) -> Result<Vec<Option<ClientReevaluation>>, PlanError> {
        let rolled_back: Result<Vec<ClientState>, PlanError> = clients
            .iter()
            .map(|(client, state)| rolled_back_to_week_start(client, state, self.rules(), week, now))
            .collect();
        let rolled_back = rolled_back?;
        let clients_at_start: Vec<(&Client, &ClientState)> =
            clients.iter().map(|(client, _)| *client).zip(&rolled_back).collect();
        let context = PlanningContext::new(self.rules(), &clients_at_start, &[], capacity, week)?;
        let evaluated = posts.iter().enumerate().map(|(index, posts)| {
            if posts.is_empty() {
                return Ok(None);
            }
            let ClientInput { week, rules, demand } = context.client(index).ok_or(PlanError::NoSuchClient)?;
            self.with_worker(|worker| {
                // The signals are as of the start of the week, so they exclude asset uses since then.
                let earlier_uses: Vec<AssetUse> =
                    week.state.asset_uses.iter().filter(|used| used.at < week.hours.start()).cloned().collect();
                let histories = Histories::of(&week.client.assets, &earlier_uses);
                let setup = set_up(&week, rules, demand, &histories, worker)?;
                ClientReevaluator { week, rules, setup, now }.reevaluate(posts, worker).map(Some)
            })
        });
        evaluated.collect()
    }
}

/// A client's week on the day that its committed posts are re-evaluated.
struct ClientReevaluator<'a> {
    week: ClientWeek<'a>,
    rules: &'a ClientRules,
    setup: Setup<'a>,
    now: Timestamp,
}

impl<'a> ClientReevaluator<'a> {
    fn reevaluate(
        self,
        posts: &[ScheduledPost],
        worker: &mut WorkerContext<'_>,
    ) -> Result<ClientReevaluation, PlanError> {
        let mut order: Vec<usize> = (0..posts.len()).collect();
        order.sort_by_key(|index| posts.get(*index).map(|post| (post.at, post.channel)));
        let mut week_state = WeekState::at_start(&self.week, &self.setup.channel_drafts);
        let mut live: Vec<ScheduledPost> = Vec::new();
        let mut results: Vec<(usize, Reevaluation)> = Vec::with_capacity(posts.len());
        for index in order {
            let Some(post) = posts.get(index) else { continue };
            let result = self.reevaluate_post(post, &live, &mut week_state, worker)?;
            if result.blocked().is_none() {
                live.push(post.clone());
            }
            results.push((index, result));
        }
        results.sort_by_key(|(index, _)| *index);
        let Setup { reality, warning, channel_drafts, .. } = self.setup;
        Ok(ClientReevaluation {
            posts: results.into_iter().map(|(_, result)| result).collect(),
            channels: channel_drafts
                .iter()
                .map(|channel_draft| (channel_draft.state.channel, Arc::clone(&channel_draft.snapshot)))
                .collect(),
            warnings: WarningsSeen { high: warning.high_warnings, medium: warning.medium_warnings },
            reality,
        })
    }

    /// Evaluates a post alongside `live`, the posts evaluated so far that are not blocked.
    fn reevaluate_post(
        &self,
        post: &ScheduledPost,
        live: &[ScheduledPost],
        week_state: &mut WeekState,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Reevaluation, PlanError> {
        let existing = ExistingUses::with_others(&self.week, post, Some(self.now), live);
        let engine_block = objection(&self.week, post, &existing);
        if let Some(reason @ (Reason::ClientStatus { .. } | Reason::ChannelOff { .. })) = engine_block {
            return Ok(Reevaluation::NotEvaluated(reason));
        }
        let is_of_channel = |channel_draft: &ChannelDraft<'_>| channel_draft.state.channel == post.channel;
        let Some((index, channel_draft)) =
            self.setup.channel_drafts.iter().enumerate().find(|(_, channel_draft)| is_of_channel(channel_draft))
        else {
            return Ok(Reevaluation::NotEvaluated(Reason::ChannelOff { channel: post.channel }));
        };
        if is_channel_off(self.week.rules, post.channel) && channel_draft.posts_target == 0 {
            return Ok(Reevaluation::NotEvaluated(Reason::ChannelOff { channel: post.channel }));
        }
        let slot = self.slot(index, post);
        let scored = self.scored(channel_draft, post, &existing, worker)?;
        let evaluator = SlotEvaluator {
            week: &self.week,
            client_rules: self.rules,
            channel_draft,
            slot: &slot,
            scored: scored.as_ref(),
        };
        let others = OtherPosts {
            channel_drafts: &self.setup.channel_drafts,
            slots: &self.slots(live),
            times_on_channel: existing.posts,
        };
        let (post, _) = evaluator.evaluate(week_state, &others, engine_block, worker)?;
        Ok(Reevaluation::Evaluated(Box::new(post)))
    }

    fn slots(&self, posts: &[ScheduledPost]) -> Vec<Slot> {
        let index_of = |post: &ScheduledPost| {
            self.setup.channel_drafts.iter().position(|channel_draft| channel_draft.state.channel == post.channel)
        };
        posts.iter().filter_map(|post| Some(self.slot(index_of(post)?, post))).collect()
    }

    fn slot(&self, channel_draft: usize, post: &ScheduledPost) -> Slot {
        let hours = self.week.hours;
        let hour = usize::try_from(hours.hour_of(post.at)).unwrap_or(0).min(hours.len().saturating_sub(1));
        Slot { channel_draft, hour, at: post.at, date: self.week.client.zone.wall_time(post.at).date(), weight: 0.0 }
    }

    /// The post's asset with its score as of the start of the week; `None` if the client no longer has it, or the
    /// preceding evolution step has not been used.
    fn scored(
        &self,
        channel_draft: &ChannelDraft<'a>,
        post: &ScheduledPost,
        existing: &ExistingUses,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Option<Scored<'a>>, PlanError> {
        let Some(id) = post.asset.as_deref() else { return Ok(None) };
        let assets = &self.week.client.assets;
        let Ok(asset_index) = assets.binary_search_by(|asset| asset.id.as_str().cmp(id)) else { return Ok(None) };
        Ok(channel_draft.asset(&self.week, self.rules, asset_index, &existing.histories, worker.evaluator)?)
    }
}

/// A client's state rolled back to the start of the week: fatigue from posts since then is removed, because the
/// evaluation adds it again at the posts' hours.
fn rolled_back_to_week_start(
    client: &Client,
    state: &ClientState,
    rules: &CompiledRules,
    week: Week,
    now: Timestamp,
) -> Result<ClientState, PlanError> {
    let start = client.zone.start_of_day(week.monday())?;
    let client_rules = rules.for_client(client);
    let mut state = state.clone();
    for channel in state.channels.iter_mut().filter(|channel| channel.as_of > start) {
        let rules = client_rules.base().channel(channel.channel);
        let fatigue =
            fatigue_before(channel, &client.zone, (rules.half_life_hours, rules.fatigue_per_post), start, now);
        channel.fatigue = Score::clamped(fatigue);
        channel.as_of = start;
    }
    Ok(state)
}

/// Fatigue at the instant `at`, before the state's `as_of`. A state with a future `as_of`, such as that of a scenario
/// that starts later, says nothing about earlier fatigue: its decay is not reversed.
fn fatigue_before(
    state: &ChannelState,
    zone: &Zone,
    (half_life_hours, per_post): (f64, f64),
    at: Timestamp,
    now: Timestamp,
) -> f64 {
    let hours_until_state = |from: Timestamp| (state.as_of.as_second() - from.as_second()) as f64 / 3600.0;
    let decay = |hours: f64| libm::exp2(-hours / half_life_hours);
    let posts = state.recent_posts.iter().filter(|post| (at..state.as_of).contains(*post));
    let added: f64 = posts.map(|post| per_post * decay(hours_until_state(start_of_hour(*post, zone)))).sum();
    let without_posts = (state.fatigue.get() - added).max(0.0);
    if state.as_of > now { without_posts } else { without_posts / decay(hours_until_state(at)) }
}

/// The start of the hour of the client's week in which an instant lies. Weeks are planned by the hour, so a post adds
/// fatigue from the start of its hour on.
#[must_use]
pub fn start_of_hour(at: Timestamp, zone: &Zone) -> Timestamp {
    let week = zone.start_of_day(Week::of(zone.wall_time(at).date()).monday());
    // At the edge of the supported calendar, hours are counted from the Unix epoch.
    let start = week.map_or(0, Timestamp::as_second);
    let seconds_past_hour = (at.as_second() - start).rem_euclid(HOUR_SECONDS);
    at.whole_second().plus_seconds(-seconds_past_hour)
}

/// A channel's fatigue after a post, and the instant to which it applies. The earlier `fatigue`, of the instant
/// `as_of`, has decayed by then; the post adds `per_post` from the start of its hour on. A post recorded late counts as
/// if it had been recorded in time.
#[must_use]
pub fn fatigue_after_post(
    (fatigue, as_of): (f64, Timestamp),
    post: Timestamp,
    zone: &Zone,
    half_life_hours: f64,
    per_post: f64,
) -> (f64, Timestamp) {
    // Just after the post, so that the post does not lie in the state's future.
    let after = post.plus_seconds(1).max(as_of);
    let decay = |from: Timestamp| libm::exp2(-hours_between(from, after) / half_life_hours);
    ((fatigue * decay(as_of) + per_post * decay(start_of_hour(post, zone))).min(1.0), after)
}

/// Fatigue after it has decayed from `as_of` to `now`.
#[must_use]
pub fn decayed_fatigue(fatigue: f64, as_of: Timestamp, now: Timestamp, half_life_hours: f64) -> f64 {
    let hours = (now.as_second() - as_of.as_second()).max(0) as f64 / 3600.0;
    fatigue * libm::exp2(-hours / half_life_hours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn fatigue_does_not_depend_on_the_order_in_which_posts_are_recorded() {
        let (start, first, second) =
            (at("2026-11-23T00:00:00Z"), at("2026-11-23T09:00:00Z"), at("2026-11-24T09:00:00Z"));
        let fatigue_after = |posts: [Timestamp; 2]| {
            let add = |state, post| fatigue_after_post(state, post, &Zone::utc(), 24.0, 0.1);
            let (fatigue, as_of) = posts.into_iter().fold((0.2, start), add);
            decayed_fatigue(fatigue, as_of, at("2026-11-25T00:00:00Z"), 24.0)
        };
        assert!((fatigue_after([first, second]) - fatigue_after([second, first])).abs() < 1e-5);
    }

    #[test]
    fn fatigue_before_undoes_a_post_and_the_decay_since() {
        let (monday, post) = (at("2026-11-23T00:00:00Z"), at("2026-11-23T12:00:00Z"));
        let (fatigue, as_of) = fatigue_after_post((0.3, monday), post, &Zone::utc(), 48.0, 0.1);
        let state = ChannelState {
            channel: Channel::Fb,
            audience: 1.0,
            engagement_rate: None,
            last_post_at: Some(post),
            recent_posts: vec![post],
            posts_needing_review: Vec::new(),
            posts_last_7_days: 1,
            posts_last_30_days: 1,
            fatigue: Score::clamped(fatigue),
            as_of,
            momentum: None,
            visibility: None,
            engagement: None,
        };
        let half_life_and_per_post = (48.0, 0.1);
        assert!((fatigue_before(&state, &Zone::utc(), half_life_and_per_post, monday, as_of) - 0.3).abs() < 1e-5);
        // A state with a future `as_of` is not scaled up on the way back.
        let early = fatigue_before(&state, &Zone::utc(), half_life_and_per_post, monday, monday);
        assert!(early > 0.2 && early < 0.3, "{early}");
    }
}
