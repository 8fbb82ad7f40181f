//! A client's week while it is planned: its slots, their assets, and what the guardrails say of the posts.

#![expect(
    clippy::indexing_slicing,
    reason = "INVARIANT: chosen hours are hours of the week, which has an entry for each"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PlanError;
use super::asset_rows::{AssetRow, AssignedWithin, assign_within};
use super::assets::{self, Assignment, AssignmentProblem, Slot};
use super::channel::{ChannelDraft, ChannelKey, WarningsSeen, WorkerContext, channel_facts, channel_snapshot};
use super::facts::client_facts;
use super::limits::{AssetLimits, Settled};
use super::post_evaluation::evaluate_posts;
use super::reviews::WithoutReview;
use super::seasons::seasonal_posts;
use super::shared_limits::{ClientSketch, CountedPost, SketchedChannel};
use crate::agents::creative_director::{Candidate, Histories};
use crate::agents::scaling::WorkspaceDemand;
use crate::agents::{ClientWeek, creative_director, early_warning, performance_reality};
use crate::model::{Certificate, Channel, ClientState, EarlyWarning, PerformanceReality, Post, WeekHours};
use crate::rules::{ClientFacts, ClientRules, PostFacts, RuleFailure, Rules};

/// A client's week with slots placed, assets assigned and guardrails evaluated.
pub(super) struct Draft<'a> {
    pub week: ClientWeek<'a>,
    pub rules: &'a ClientRules,
    pub reality: PerformanceReality,
    pub warning: EarlyWarning,
    pub facts: Arc<ClientFacts>,
    pub channel_drafts: Vec<ChannelDraft<'a>>,
    pub histories: Histories,
    pub settled: Settled,
    pub asset_limits: AssetLimits,
    pub slots: Vec<Slot>,
    pub assignment: Assignment,
    /// The posts at the slots, by time, each with the facts that the guardrails saw.
    pub posts: Vec<(Post, Arc<PostFacts>)>,
}

/// A client's week before slots are placed.
pub(super) struct Setup<'a> {
    pub reality: PerformanceReality,
    pub warning: EarlyWarning,
    pub facts: Arc<ClientFacts>,
    pub channel_drafts: Vec<ChannelDraft<'a>>,
}

/// Sets up a client's week: signals, facts and the optimisation problem of each channel.
pub(super) fn set_up<'a>(
    week: &ClientWeek<'a>,
    rules: &ClientRules,
    demand: WorkspaceDemand,
    histories: &Histories,
    worker: &mut WorkerContext<'_>,
) -> Result<Setup<'a>, PlanError> {
    let state = week.state;
    let reality = performance_reality::signal(week);
    let candidates: Vec<Vec<Candidate<'_>>> =
        state.channels.iter().map(|state| creative_director::candidates(week, state.channel, histories)).collect();
    let facts =
        Arc::new(client_facts(week, &candidates, &reality, demand, wanted_posts(state, week.rules, week.hours)));
    let warning = early_warning::signal(week, &facts, worker.evaluator)?;
    let mut channel_drafts = Vec::with_capacity(state.channels.len());
    let warnings = WarningsSeen { high: warning.high_warnings, medium: warning.medium_warnings };
    for (channel, candidates) in state.channels.iter().zip(candidates) {
        let channel_key =
            ChannelKey { client: &week.client.id, workspace: &week.client.workspace_id, channel: channel.channel };
        let seen = channel_snapshot(week, channel);
        let wanted = seasonal_posts(week.rules, channel.channel, week.hours);
        let facts = channel_facts(channel_key, &seen, week.rules, wanted, warnings, &reality);
        channel_drafts.push(ChannelDraft::set_up(week, rules, channel, (seen, facts), candidates, worker)?);
    }
    Ok(Setup { reality, warning, facts, channel_drafts })
}

/// Places the slots of all channels.
fn place(week: &ClientWeek<'_>, channel_drafts: &mut [ChannelDraft<'_>], worker: &mut WorkerContext<'_>) -> Settled {
    for channel_draft in channel_drafts.iter_mut() {
        channel_draft.solve(worker);
    }
    Settled::of(week, channel_drafts, worker)
}

impl<'a> Draft<'a> {
    /// Places a client's slots, assigns its assets and evaluates the guardrails.
    pub fn place(
        week: ClientWeek<'a>,
        rules: &'a ClientRules,
        demand: WorkspaceDemand,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Self, PlanError> {
        let histories = Histories::of(&week.client.assets, &week.state.asset_uses);
        let Setup { reality, warning, facts, mut channel_drafts } = set_up(&week, rules, demand, &histories, worker)?;
        for channel_draft in &mut channel_drafts {
            channel_draft.set_end_weight(week.rules.fatigue.end_weight_rounds, worker);
        }
        let settled = place(&week, &mut channel_drafts, worker);
        let mut draft = Draft {
            week,
            rules,
            reality,
            warning,
            facts,
            channel_drafts,
            histories,
            settled,
            asset_limits: AssetLimits::default(),
            slots: Vec::new(),
            assignment: Vec::new(),
            posts: Vec::new(),
        };
        draft.fill(worker)?;
        Ok(draft)
    }

    /// Places the slots again, with the hours that are open now.
    pub fn place_again(&mut self, worker: &mut WorkerContext<'_>) -> Result<(), RuleFailure> {
        self.settled = place(&self.week, &mut self.channel_drafts, worker);
        self.fill(worker)
    }

    /// Assigns assets to the slots and evaluates the guardrails.
    pub fn fill(&mut self, worker: &mut WorkerContext<'_>) -> Result<(), RuleFailure> {
        self.slots = slots(&self.week, &self.channel_drafts);
        let problem = assets::problem(&self.channel_drafts, &self.slots, &self.week, &self.histories);
        let limits = AssetLimits::of(&self.week, &self.channel_drafts, &self.slots);
        let (rows, alone) = (limits.rows(), problem.best());
        if rows.iter().all(|row| row.is_kept(&alone)) {
            (self.assignment, self.asset_limits) = (alone, limits);
        } else {
            self.assign_within(&problem.with_least_bonus(), &alone, limits, &rows);
        }
        self.posts = self.evaluated(&WithoutReview::new(), worker)?;
        Ok(())
    }

    /// Assigns assets within limits, and leaves the slots out that these leave no asset for.
    fn assign_within(
        &mut self,
        problem: &AssignmentProblem,
        alone: &Assignment,
        limits: AssetLimits,
        rows: &[AssetRow],
    ) {
        let AssignedWithin { assignment, prices, broken } = assign_within(problem, alone, rows);
        let unmet = limits.names(&broken);
        let is_left_out = |(now, alone): (&Option<usize>, &Option<usize>)| now.is_none() && alone.is_some();
        let left_out: Vec<bool> = assignment.iter().zip(alone).map(is_left_out).collect();
        self.assignment = assignment;
        self.asset_limits = limits.at_prices(prices);
        if !unmet.is_empty() {
            self.leave_empty(unmet);
        } else if left_out.contains(&true) {
            self.leave_out(&left_out);
        }
    }

    /// Leaves slots out of the plan.
    fn leave_out(&mut self, left_out: &[bool]) {
        for (slot, _) in self.slots.iter().zip(left_out).filter(|(_, is_left_out)| **is_left_out) {
            if let Some(channel_draft) = self.channel_drafts.get_mut(slot.channel_draft) {
                channel_draft.leave_out(slot.hour);
            }
        }
        let by_limits = self.asset_limits.names_that_cost();
        let unmet = self.settled.broken(&self.week, &self.channel_drafts);
        if !unmet.is_empty() {
            self.leave_empty(unmet.into_iter().chain(by_limits).collect());
            return;
        }
        self.slots = slots(&self.week, &self.channel_drafts);
        let kept = self.assignment.iter().zip(left_out).filter(|(_, is_left_out)| !**is_left_out);
        self.assignment = kept.map(|(candidate, _)| *candidate).collect();
        let limits = AssetLimits::of(&self.week, &self.channel_drafts, &self.slots);
        self.asset_limits = limits.at_prices_of(&self.asset_limits);
    }

    /// Plans nothing, because of limits that contradict each other.
    fn leave_empty(&mut self, unmet: Vec<Arc<str>>) {
        self.settled.give_up(unmet);
        self.channel_drafts.iter_mut().for_each(ChannelDraft::leave_empty);
        (self.slots, self.assignment) = (Vec::new(), Vec::new());
        self.asset_limits = AssetLimits::default();
    }

    /// The posts at the slots, each with the facts that the guardrails saw. Those that limits leave no review for are
    /// blocked.
    pub fn evaluated(
        &self,
        without_review: &WithoutReview,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Vec<(Post, Arc<PostFacts>)>, RuleFailure> {
        let Self { week, rules, channel_drafts, slots, assignment, .. } = self;
        evaluate_posts(week, rules, channel_drafts, slots, assignment, without_review, worker)
    }

    /// What the posts that may run come to, at mean quality, less what is given up for limits with a price.
    pub fn objective(&self) -> f64 {
        self.objective_of(&self.posts.iter().map(|(post, _)| post).collect::<Vec<_>>())
    }

    fn objective_of(&self, posts: &[&Post]) -> f64 {
        let of_hours = self.settled.objective(&self.week, &self.channel_drafts, posts.iter().copied());
        of_hours - self.asset_limits.given_up(&self.live_assignment(posts))
    }

    /// How good the week is at least, given its evaluated posts; `None` if no bound is proven.
    pub fn certificate(&self, posts: &[Post]) -> Option<Certificate> {
        let upper_bound = self.settled.bound()?;
        let posts: Vec<&Post> = posts.iter().collect();
        let mut limits = self.settled.uses(&self.week, &self.channel_drafts, posts.iter().copied());
        limits.extend(self.asset_limits.uses(&self.live_assignment(&posts)));
        Some(Certificate { objective: self.objective_of(&posts), upper_bound, limits })
    }

    /// The assignment without blocked posts.
    fn live_assignment(&self, posts: &[&Post]) -> Assignment {
        let live: BTreeSet<(Channel, usize)> =
            posts.iter().filter(|post| post.is_live()).map(|post| (post.channel, post.hour)).collect();
        let is_live = |slot: &Slot| {
            let channel_draft = self.channel_drafts.get(slot.channel_draft);
            channel_draft.is_some_and(|draft| live.contains(&(draft.state.channel, slot.hour)))
        };
        let slots = self.slots.iter().zip(&self.assignment);
        slots.map(|(slot, candidate)| candidate.filter(|_| is_live(slot))).collect()
    }

    /// The week as far as limits depend on it that the client shares with others.
    pub fn sketch(&self) -> ClientSketch {
        let always_needs_review: BTreeMap<Channel, bool> =
            self.channel_drafts.iter().map(|draft| (draft.state.channel, draft.always_needs_review)).collect();
        let posts = self.posts.iter().map(|(post, _)| CountedPost {
            channel: post.channel,
            hour: post.hour,
            needs_review: post.is_live() && always_needs_review.get(&post.channel) == Some(&true),
        });
        let posts = posts.collect();
        let own = self.settled.rows(&self.week, self.channel_drafts.len());
        let bound = self.settled.bound().unwrap_or(0.0);
        let is_planned = self.settled.unmet.is_empty();
        let drafts = self.channel_drafts.iter().filter(|_| is_planned);
        let sketched = |draft: &ChannelDraft<'_>| SketchedChannel {
            channel: draft.state.channel,
            always_needs_review: draft.always_needs_review,
        };
        let (channels, instances) = drafts.map(|draft| (sketched(draft), draft.instance.clone())).unzip();
        ClientSketch { channels, instances, own: if is_planned { own } else { Vec::new() }, posts, bound }
    }

    /// Names of the limits that took posts, or better hours, from a channel.
    pub fn limits_on(&self, channel: usize, channel_draft: &ChannelDraft<'_>) -> Vec<&str> {
        let mut names = self.settled.limits_on(&self.week, channel, channel_draft);
        if !channel_draft.left_out.is_empty() {
            names.extend(self.asset_limits.names_on(channel_draft.state.channel));
        }
        names
    }
}

/// A slot of a channel at an hour of the week.
pub(super) fn slot(
    week: &ClientWeek<'_>,
    (place, channel_draft): (usize, &ChannelDraft<'_>),
    hour: usize,
    weight: f64,
) -> Slot {
    let at = week.hours.instant(hour as i64).plus_minutes(i64::from(channel_draft.minute));
    Slot { channel_draft: place, hour, at, date: week.hours.date(week.hours.hours()[hour].weekday), weight }
}

fn slots(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (index, channel_draft) in channel_drafts.iter().enumerate() {
        let fatigue = channel_draft.instance.fatigue_at(&channel_draft.solution.chosen);
        for hour in &channel_draft.solution.chosen {
            let weight = channel_draft.hours.value[*hour]
                * channel_draft.instance.response.at(fatigue[*hour]).max(0.0)
                * channel_draft.rules.worth;
            slots.push(slot(week, (index, channel_draft), *hour, weight));
        }
    }
    slots
}

/// Posts that the base rules want in a week, over all channels.
pub(super) fn wanted_posts(state: &ClientState, rules: &Rules, hours: &WeekHours) -> u32 {
    state.channels.iter().map(|state| seasonal_posts(rules, state.channel, hours)).sum()
}
