//! The limits of a client's week after slots were placed within them, and the bound that proves how good the slots are.
//!
//! A limit with a `price` in the rules may be exceeded at that price; any other limit is hard. A shadow price is a
//! different price: that of a row of a limit in the proof of the bound.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::week_limits::{NamedRow, WeekLimits};
use crate::agents::ClientWeek;
use crate::agents::creative_director::Histories;
use crate::model::{Channel, LimitUse, Post, Tier};
use crate::planner::channel::{ChannelDraft, WorkerContext};
use crate::planner::coupling::{CoupledSolution, CoupledWeek, Row, smallest_conflict, solve_coupled};

/// The limits of a client's week after slots were placed within them, and the bound that proves how good the slots are.
pub(in crate::planner) struct SolvedLimits {
    limits: WeekLimits,
    /// Upper bound on the objective of all channels; `None` if none is proven.
    bound: Option<f64>,
    /// The shadow price of each row of the limits. The bound is proven with these prices.
    prices: Vec<f64>,
    /// The days, counted from Monday as 0, on which the channels, each planned alone, would exceed the policy's maximum
    /// of posts.
    pub full_days: Vec<u8>,
    /// Names of limits that contradict each other, because of which nothing is planned; empty if none do.
    pub unmet: Vec<Arc<str>>,
}

impl SolvedLimits {
    /// Places the slots of all channels within the limits, given the slots of each channel planned alone. `histories` are
    /// the past and committed uses of the client's assets.
    pub fn place_slots(
        week: &ClientWeek<'_>,
        channel_drafts: &mut [ChannelDraft<'_>],
        histories: &Histories,
        worker: &mut WorkerContext<'_>,
    ) -> Self {
        let limits = WeekLimits::new(week, channel_drafts, histories);
        let alone = chosen_hours(channel_drafts);
        let full_days = limits.full_days(week, &alone);
        let objectives = channel_drafts.iter().map(|draft| draft.solution.objective);
        let objective = objectives.fold(0.0, |sum, objective| sum + objective);
        let prices = vec![0.0; limits.len()];
        let bound = (worker.tier == Tier::Exact).then_some(objective);
        let mut solved_limits = Self { limits, bound, prices, full_days, unmet: Vec::new() };
        if solved_limits.limits.are_broken(week, &alone) {
            solved_limits.couple(week, channel_drafts, worker);
        }
        solved_limits
    }

    /// Places the slots of all channels together.
    fn couple(
        &mut self,
        week: &ClientWeek<'_>,
        channel_drafts: &mut [ChannelDraft<'_>],
        worker: &mut WorkerContext<'_>,
    ) {
        let rows = self.limits.rows(week, channel_drafts.len());
        let alone = channel_drafts.iter().map(|channel_draft| channel_draft.solution.clone()).collect();
        let coupled = CoupledWeek::new(channel_drafts.iter().map(|draft| &draft.instance).collect(), rows)
            .with_initial_prices(self.limits.initial_prices());
        let CoupledSolution { channels, bound, prices, is_feasible, .. } =
            solve_coupled(&coupled, alone, worker.solver, worker.tier);
        if !is_feasible {
            let conflict = smallest_conflict(&coupled, &self.limits.limit_indices(), worker.solver);
            self.unmet = self.limits.names(&conflict);
            self.bound = None;
            channel_drafts.iter_mut().for_each(ChannelDraft::leave_empty);
            return;
        }
        (self.bound, self.prices) = (bound, prices);
        for (channel_draft, solution) in channel_drafts.iter_mut().zip(channels) {
            channel_draft.solution = solution;
        }
    }

    /// Upper bound on the objective of all channels; `None` if none is proven.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// The rows of all limits but the client's quotas of limits that it shares with other clients, each with its shadow
    /// price.
    pub fn own_rows(&self, week: &ClientWeek<'_>, channel_count: usize) -> Vec<(Row, f64)> {
        self.limits.own_rows(week, channel_count, &self.prices)
    }

    /// Records limits that contradict each other, because of which nothing is planned.
    pub fn set_unmet(&mut self, unmet: Vec<Arc<str>>) {
        (self.unmet, self.bound) = (unmet, None);
    }

    /// Records that no limits contradict each other, and sets the bound.
    pub fn clear_unmet(&mut self, bound: Option<f64>) {
        self.bound = bound;
        self.unmet.clear();
    }

    /// How much of each limit the evaluated posts use, by period, for limits that have a shadow price above 0 or are
    /// used up. Blocked posts do not count.
    pub fn uses<'p>(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        posts: impl Iterator<Item = &'p Post>,
    ) -> Vec<LimitUse> {
        self.limits.uses(week, channel_drafts, &live_hours(channel_drafts, posts), &self.prices)
    }

    /// Names of the hard limits that the slots of the channels break.
    pub fn broken(&self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Vec<Arc<str>> {
        self.limits.broken(week, &chosen_hours(channel_drafts))
    }

    /// The slots, each as index of the channel and hour, that no other slot follows although a hard limit requires it.
    pub fn unfollowed(&self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> BTreeSet<(usize, usize)> {
        self.limits.unfollowed(week, &chosen_hours(channel_drafts))
    }

    /// The objective of evaluated posts at mean quality, less what they lose by exceeding limits with a price. Blocked
    /// posts earn nothing.
    pub fn objective<'p>(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        posts: impl Iterator<Item = &'p Post>,
    ) -> f64 {
        let live = live_hours(channel_drafts, posts);
        let objectives = channel_drafts.iter().zip(&live).map(|(draft, live)| draft.instance.objective(live));
        objectives.fold(0.0, |sum, objective| sum + objective) - self.limits.penalty(week, &live)
    }

    /// Names of the limits because of which a channel has fewer posts or worse hours; if some limits contradict each
    /// other, the names of these.
    pub fn limits_on(&self, week: &ClientWeek<'_>, channel: usize, channel_draft: &ChannelDraft<'_>) -> Vec<&str> {
        if !self.unmet.is_empty() {
            return self.unmet.iter().map(|name| &**name).collect();
        }
        if channel_draft.solution.objective >= channel_draft.upper_bound {
            return Vec::new();
        }
        self.limits.priced_names_on(week, channel, &self.prices)
    }

    /// What a post of a channel costs at each hour of the week, at the shadow prices.
    pub fn hour_prices(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        channel: Channel,
    ) -> Vec<f64> {
        let index = channel_drafts.iter().position(|draft| draft.state.channel == channel);
        index.map_or_else(Vec::new, |index| self.limits.hour_prices(week, index, &self.prices))
    }

    /// The limits that keep a channel from a post at an hour, with how much the slots use of them: the limits with a
    /// shadow price above 0 in which the post would count or, if there are none, the hard limits that it would break.
    pub fn limits_at(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        channel: Channel,
        hour: usize,
    ) -> Vec<LimitUse> {
        let index = channel_drafts.iter().position(|draft| draft.state.channel == channel);
        index.map_or_else(Vec::new, |index| {
            self.limits.uses_at(week, channel_drafts, &chosen_hours(channel_drafts), &self.prices, (index, hour))
        })
    }

    /// Sum of the objectives of the channels' slots, less what they lose by exceeding limits with a price.
    pub fn objective_of_slots(&self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> f64 {
        let objectives = channel_drafts.iter().map(|draft| draft.solution.objective);
        let penalty = self.limits.penalty(week, &chosen_hours(channel_drafts));
        objectives.fold(0.0, |sum, objective| sum + objective) - penalty
    }

    /// The rows of the limits and quotas, each with its name and shadow price.
    pub fn named_rows(&self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Vec<NamedRow> {
        self.limits.named_rows(week, channel_drafts, &self.prices)
    }
}

/// By channel, the hours of the posts that are not blocked.
fn live_hours<'p>(channel_drafts: &[ChannelDraft<'_>], posts: impl Iterator<Item = &'p Post>) -> Vec<Vec<usize>> {
    let live: Vec<&Post> = posts.filter(|post| post.is_live()).collect();
    let of_channel = |draft: &ChannelDraft<'_>| {
        live.iter().filter(|post| post.channel == draft.state.channel).map(|post| post.hour).collect()
    };
    channel_drafts.iter().map(of_channel).collect()
}

/// By channel, the hours of the slots.
fn chosen_hours(channel_drafts: &[ChannelDraft<'_>]) -> Vec<Vec<usize>> {
    channel_drafts.iter().map(|draft| draft.solution.chosen.clone()).collect()
}
