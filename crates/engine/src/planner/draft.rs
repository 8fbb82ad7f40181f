//! A client's week while it is planned: its slots, their assets, and the guardrails' verdicts on the posts.

#![expect(
    clippy::indexing_slicing,
    reason = "INVARIANT: chosen hours lie in the week, and lists by hour have an entry for each of its hours"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::asset_rows::{AssetRow, AssignedWithin, assign_within};
use super::assets::{self, Assignment, AssignmentProblem, Slot, slot_at};
use super::channel::{ChannelDraft, ChannelKey, WarningsSeen, WorkerContext, channel_facts, channel_snapshot};
use super::coupling::Row;
use super::facts::client_facts;
use super::limits::{AssetLimits, SlotsOfWeek, SolvedLimits};
use super::post_evaluation::evaluate_posts;
use super::reviews::WithoutReview;
use super::seasons::seasonal_posts;
use super::shared_limits::{ClientSketch, CountedPost, SketchedChannel};
use super::{Instance, PlanError};
use crate::agents::creative_director::{Candidate, Histories};
use crate::agents::scaling::WorkspaceDemand;
use crate::agents::{ClientWeek, creative_director, early_warning, performance_reality};
use crate::model::{
    Certificate, Channel, ClientState, EarlyWarning, PerformanceReality, Post, Reason, ScheduleStatus, WeekHours,
};
use crate::rules::{ClientFacts, ClientRules, PostFacts, RuleFailure, Rules};

/// A client's week with slots placed, assets assigned and guardrails evaluated.
pub(super) struct Draft<'a> {
    pub week: ClientWeek<'a>,
    pub rules: &'a ClientRules,
    pub reality: PerformanceReality,
    pub warning: EarlyWarning,
    pub facts: Arc<ClientFacts>,
    pub channel_drafts: Vec<ChannelDraft<'a>>,
    /// Past and committed uses of the client's assets.
    pub histories: Histories,
    pub solved_limits: SolvedLimits,
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
    for (state, candidates) in state.channels.iter().zip(candidates) {
        let channel_key =
            ChannelKey { client: &week.client.id, workspace: &week.client.workspace_id, channel: state.channel };
        let snapshot = channel_snapshot(week, state);
        let posts_wanted = seasonal_posts(week.rules, state.channel, week.hours);
        let facts = channel_facts(channel_key, &snapshot, week.rules, posts_wanted, warnings, &reality);
        channel_drafts.push(ChannelDraft::set_up(week, rules, state, (snapshot, facts), candidates, worker)?);
    }
    Ok(Setup { reality, warning, facts, channel_drafts })
}

/// Places the slots of all channels.
fn place_slots(
    week: &ClientWeek<'_>,
    channel_drafts: &mut [ChannelDraft<'_>],
    histories: &Histories,
    worker: &mut WorkerContext<'_>,
) -> SolvedLimits {
    for channel_draft in channel_drafts.iter_mut() {
        channel_draft.solve(worker);
    }
    SolvedLimits::place_slots(week, channel_drafts, histories, worker)
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
            channel_draft.add_keep_bonus(week.rules.calendar.keep_bonus);
        }
        let solved_limits = place_slots(&week, &mut channel_drafts, &histories, worker);
        let mut draft = Draft {
            week,
            rules,
            reality,
            warning,
            facts,
            channel_drafts,
            histories,
            solved_limits,
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
        self.solved_limits = place_slots(&self.week, &mut self.channel_drafts, &self.histories, worker);
        self.fill(worker)
    }

    /// Assigns assets to the slots and evaluates the guardrails.
    pub fn fill(&mut self, worker: &mut WorkerContext<'_>) -> Result<(), RuleFailure> {
        self.slots = chosen_slots(&self.week, &self.channel_drafts);
        let problem = assets::assignment_problem(&self.channel_drafts, &self.slots, &self.week, &self.histories);
        let limits = self.asset_limits_of_slots();
        let (rows, unconstrained) = (limits.rows(), problem.best());
        if rows.iter().all(|row| row.is_satisfied(&unconstrained)) {
            (self.assignment, self.asset_limits) = (unconstrained, limits);
        } else {
            self.assign_within(&problem.with_min_bonus(), &unconstrained, limits, &rows);
        }
        self.posts = self.evaluated_posts(&WithoutReview::new(), worker)?;
        Ok(())
    }

    /// The limits on the assets of the slots.
    fn asset_limits_of_slots(&self) -> AssetLimits {
        let Self { week, channel_drafts, slots, histories, .. } = self;
        AssetLimits::new(&SlotsOfWeek { week, channel_drafts, slots, histories })
    }

    /// Assigns assets within limits, and drops the slots that the limits leave without an asset.
    fn assign_within(
        &mut self,
        problem: &AssignmentProblem,
        unconstrained: &Assignment,
        limits: AssetLimits,
        rows: &[AssetRow],
    ) {
        let AssignedWithin { assignment, prices, broken } = assign_within(problem, unconstrained, rows, limits.pairs());
        let unmet = limits.names(&broken);
        let is_left_out = |(within, without): (&Option<usize>, &Option<usize>)| within.is_none() && without.is_some();
        let slots = assignment.iter().zip(unconstrained).enumerate();
        let left_out: BTreeSet<usize> = slots.filter(|(_, pair)| is_left_out(*pair)).map(|(slot, _)| slot).collect();
        self.assignment = assignment;
        self.asset_limits = limits.with_prices(prices);
        if !unmet.is_empty() {
            self.leave_empty(unmet);
        } else if !left_out.is_empty() {
            self.leave_out(left_out);
        }
    }

    /// Leaves slots, given by index, out of the plan. Also leaves out each slot without an asset that, without them, none
    /// follows as a limit requires: its post would be blocked anyway.
    fn leave_out(&mut self, slots: BTreeSet<usize>) {
        let (mut left_out, mut next) = (BTreeSet::new(), slots);
        while !next.is_empty() {
            for slot in next.iter().filter_map(|index| self.slots.get(*index)) {
                if let Some(channel_draft) = self.channel_drafts.get_mut(slot.channel_draft) {
                    channel_draft.leave_out(slot.hour);
                }
            }
            left_out.append(&mut next);
            next = self.unfollowed_without_asset();
        }
        let priced_limits = self.asset_limits.priced_names();
        let unmet = self.solved_limits.broken(&self.week, &self.channel_drafts);
        if !unmet.is_empty() {
            self.leave_empty(unmet.into_iter().chain(priced_limits).collect());
            return;
        }
        self.slots = chosen_slots(&self.week, &self.channel_drafts);
        let remaining = self.assignment.iter().enumerate().filter(|(slot, _)| !left_out.contains(slot));
        self.assignment = remaining.map(|(_, candidate)| *candidate).collect();
        let limits = self.asset_limits_of_slots();
        self.asset_limits = limits.with_prices_of(&self.asset_limits);
    }

    /// The slots without an asset that none follows though a limit requires it, by index.
    fn unfollowed_without_asset(&self) -> BTreeSet<usize> {
        let unfollowed = self.solved_limits.unfollowed(&self.week, &self.channel_drafts);
        let slots = self.slots.iter().zip(&self.assignment).enumerate();
        let without_asset = slots.filter(|(_, (_, candidate))| candidate.is_none());
        let is_unfollowed = |slot: &Slot| unfollowed.contains(&(slot.channel_draft, slot.hour));
        without_asset.filter(|(_, (slot, _))| is_unfollowed(slot)).map(|(index, _)| index).collect()
    }

    /// Plans nothing, because of limits that contradict each other.
    fn leave_empty(&mut self, unmet: Vec<Arc<str>>) {
        self.solved_limits.set_unmet(unmet);
        self.channel_drafts.iter_mut().for_each(ChannelDraft::leave_empty);
        (self.slots, self.assignment) = (Vec::new(), Vec::new());
        self.asset_limits = AssetLimits::default();
    }

    /// The posts at the slots, each with the facts that the guardrails saw. Posts for which limits leave no review are
    /// blocked.
    pub fn evaluated_posts(
        &self,
        without_review: &WithoutReview,
        worker: &mut WorkerContext<'_>,
    ) -> Result<Vec<(Post, Arc<PostFacts>)>, RuleFailure> {
        let Self { week, rules, channel_drafts, slots, assignment, .. } = self;
        evaluate_posts(week, rules, channel_drafts, slots, assignment, without_review, worker)
    }

    /// Objective of the posts that are not blocked, at mean quality, less the price of exceeding limits that have one.
    pub fn objective(&self) -> f64 {
        self.objective_of(&self.posts.iter().map(|(post, _)| post).collect::<Vec<_>>())
    }

    fn objective_of(&self, posts: &[&Post]) -> f64 {
        let of_hours = self.solved_limits.objective(&self.week, &self.channel_drafts, posts.iter().copied());
        of_hours - self.asset_limits.penalty(&self.live_assignment(posts))
    }

    /// The proof of how close the week with the given posts is to the best one; `None` if no bound is proven.
    pub fn certificate(&self, posts: &[Post]) -> Option<Certificate> {
        let upper_bound = self.solved_limits.bound()?;
        let posts: Vec<&Post> = posts.iter().collect();
        let mut limits = self.solved_limits.uses(&self.week, &self.channel_drafts, posts.iter().copied());
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

    /// The parts of the week that limits shared with other clients depend on.
    pub fn sketch(&self) -> ClientSketch {
        let always_needs_review: BTreeMap<Channel, bool> =
            self.channel_drafts.iter().map(|draft| (draft.state.channel, draft.always_needs_review)).collect();
        let counted = |post: &Post| CountedPost {
            channel: post.channel,
            hour: post.hour,
            needs_review: post.is_live() && always_needs_review.get(&post.channel) == Some(&true),
        };
        let posts = self.posts.iter().map(|(post, _)| counted(post)).collect();
        let posts_that_may_run: Vec<CountedPost> = self.posts_that_may_run().map(counted).collect();
        let own_rows = self.solved_limits.own_rows(&self.week, self.channel_drafts.len()).into_iter();
        let bound = self.solved_limits.bound().unwrap_or(0.0);
        let is_planned = self.solved_limits.unmet.is_empty();
        let drafts = self.channel_drafts.iter().filter(|_| is_planned);
        let sketched_channel = |draft: &ChannelDraft<'_>| SketchedChannel {
            channel: draft.state.channel,
            always_needs_review: draft.always_needs_review,
        };
        let (channels, instances) = drafts.map(|draft| (sketched_channel(draft), draft.instance.clone())).unzip();
        let (own_rows, own_prices): (Vec<Row>, Vec<f64>) = own_rows.filter(|_| is_planned).unzip();
        let without_blocked = self.instances_without_blocked(&own_rows, &posts_that_may_run);
        ClientSketch { channels, instances, own_rows, own_prices, posts, posts_that_may_run, without_blocked, bound }
    }

    /// The channels' weeks without room for blocked posts: a channel with blocked posts has at most as many posts as may
    /// run, and none at hours at which it can use none of its assets. `None` if all planned posts may run or none may,
    /// or if the client has a minimum without a price, for which blocked posts count, too.
    fn instances_without_blocked(&self, own_rows: &[Row], may_run: &[CountedPost]) -> Option<Vec<Instance>> {
        let needs_posts = |row: &Row| row.price.is_none() && row.terms.iter().any(|term| term.coefficient < 0.0);
        if may_run.is_empty() || may_run.len() == self.posts.len() || own_rows.iter().any(needs_posts) {
            return None;
        }
        let without_blocked = |(index, draft): (usize, &ChannelDraft<'_>)| {
            let mut instance = draft.instance.clone();
            let posts = may_run.iter().filter(|post| post.channel == draft.state.channel).count();
            if posts < draft.solution.chosen.len() {
                instance.posts_max = posts;
                instance.close(&assets::hours_without_asset(&self.week, (index, draft), &self.histories));
            }
            instance
        };
        Some(self.channel_drafts.iter().enumerate().map(without_blocked).collect())
    }

    /// The posts that run if no limit on reviews blocks them. A post that a guardrail blocks may be among them: if an
    /// earlier post that waits for a review gets none, the guardrail may let the later one pass.
    pub fn posts_that_may_run(&self) -> impl Iterator<Item = &Post> {
        let mut follows_pending = false;
        self.posts.iter().map(|(post, _)| post).filter(move |post| {
            let may_pass = follows_pending && !post.blocked.as_deref().is_some_and(Reason::is_lack_of_content);
            follows_pending |= post.status == ScheduleStatus::Pending;
            post.is_live() || may_pass
        })
    }

    /// Names of the limits for which a channel has fewer posts or worse hours.
    pub fn limits_on(&self, channel: usize, channel_draft: &ChannelDraft<'_>) -> Vec<&str> {
        let mut names = self.solved_limits.limits_on(&self.week, channel, channel_draft);
        if !channel_draft.left_out.is_empty() {
            names.extend(self.asset_limits.priced_names_on(channel_draft.state.channel));
        }
        names
    }
}

/// The slots at the hours that the channels' solutions choose.
fn chosen_slots(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Vec<Slot> {
    let mut slots = Vec::new();
    for (index, channel_draft) in channel_drafts.iter().enumerate() {
        let fatigue = channel_draft.instance.fatigue_at(&channel_draft.solution.chosen);
        for hour in &channel_draft.solution.chosen {
            let weight = channel_draft.hours.value[*hour]
                * channel_draft.instance.response.at(fatigue[*hour]).max(0.0)
                * channel_draft.rules.worth;
            slots.push(slot_at(week, (index, channel_draft), *hour, weight));
        }
    }
    slots
}

/// Posts that the base rules want in a week, over all channels.
pub(super) fn wanted_posts(state: &ClientState, rules: &Rules, hours: &WeekHours) -> u32 {
    state.channels.iter().map(|state| seasonal_posts(rules, state.channel, hours)).sum()
}
