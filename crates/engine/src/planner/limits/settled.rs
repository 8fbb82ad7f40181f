//! A client's week placed within its limits, with the proof of how good it is.

use std::sync::Arc;

use super::counts::WeekLimits;
use super::export::{LimitsExport, RowExport};
use crate::agents::ClientWeek;
use crate::model::{Channel, LimitUse, Post, Tier, wall_time_text};
use crate::planner::channel::{ChannelDraft, WorkerContext};
use crate::planner::coupling::{CoupledSolution, CoupledWeek, Row, Term, smallest_conflict, solve_coupled};

/// What the limits of a week come to.
pub(in crate::planner) struct Settled {
    limits: WeekLimits,
    /// Upper bound on the objective of all channels; `None` if it is not proven.
    bound: Option<f64>,
    /// For each limit in a period, the price that proves the bound.
    prices: Vec<f64>,
    /// Days, since Monday, on which the channels, each on its own, would exceed the policy's maximum.
    pub full_days: Vec<u8>,
    /// Names of limits that cannot be kept together; nothing is planned then.
    pub unmet: Vec<Arc<str>>,
}

impl Settled {
    /// Places the slots of all channels within the limits, given those of each channel alone.
    pub fn of(week: &ClientWeek<'_>, channel_drafts: &mut [ChannelDraft<'_>], worker: &mut WorkerContext<'_>) -> Self {
        let limits = WeekLimits::of(week, channel_drafts);
        let alone = chosen(channel_drafts);
        let full_days = limits.full_days(week, &alone);
        let objective = channel_drafts.iter().map(|draft| draft.solution.objective).fold(0.0, |sum, one| sum + one);
        let prices = vec![0.0; limits.len()];
        let bound = (worker.tier == Tier::Exact).then_some(objective);
        let mut settled = Self { limits, bound, prices, full_days, unmet: Vec::new() };
        if settled.limits.are_broken(week, &alone) {
            settled.couple(week, channel_drafts, worker);
        }
        settled
    }

    fn couple(
        &mut self,
        week: &ClientWeek<'_>,
        channel_drafts: &mut [ChannelDraft<'_>],
        worker: &mut WorkerContext<'_>,
    ) {
        let rows = self.limits.rows(week, channel_drafts.len());
        let alone = channel_drafts.iter().map(|channel_draft| channel_draft.solution.clone()).collect();
        let coupled = CoupledWeek::new(channel_drafts.iter().map(|draft| &draft.instance).collect(), rows)
            .starting_at(self.limits.first_prices());
        let CoupledSolution { channels, bound, prices, kept, .. } =
            solve_coupled(&coupled, alone, worker.solver, worker.tier);
        if !kept {
            let conflict = smallest_conflict(&coupled, &self.limits.groups(), worker.solver);
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

    /// Upper bound on the objective of all channels; `None` if it is not proven.
    pub fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// The rows of the limits in their periods.
    pub fn rows(&self, week: &ClientWeek<'_>, channels: usize) -> Vec<Row> {
        self.limits.rows(week, channels)
    }

    /// Plans nothing, because of limits that cannot be kept together.
    pub fn give_up(&mut self, unmet: Vec<Arc<str>>) {
        (self.unmet, self.bound) = (unmet, None);
    }

    /// Plans again as if nothing had been given up.
    pub fn take_up_again(&mut self, bound: Option<f64>) {
        self.bound = bound;
        self.unmet.clear();
    }

    /// How evaluated posts stand to the limits that are used up or cost something. Blocked posts do not count.
    pub fn uses<'p>(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        posts: impl Iterator<Item = &'p Post>,
    ) -> Vec<LimitUse> {
        self.limits.uses(week, channel_drafts, &live_hours(channel_drafts, posts), &self.prices)
    }

    /// Names of the limits without a price that the slots of the channels break.
    pub fn broken(&self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Vec<Arc<str>> {
        self.limits.broken(week, &chosen(channel_drafts))
    }

    /// What evaluated posts come to at mean quality, less what is given up for limits with a price. Blocked posts earn
    /// nothing.
    pub fn objective<'p>(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        posts: impl Iterator<Item = &'p Post>,
    ) -> f64 {
        let live = live_hours(channel_drafts, posts);
        let of_channels = channel_drafts.iter().zip(&live).map(|(draft, live)| draft.instance.objective(live));
        of_channels.fold(0.0, |sum, one| sum + one) - self.limits.given_up(week, &live)
    }

    /// Names of the limits that took posts, or better hours, from a channel; of those that contradict each other, if any
    /// do.
    pub fn limits_on(&self, week: &ClientWeek<'_>, channel: usize, channel_draft: &ChannelDraft<'_>) -> Vec<&str> {
        if !self.unmet.is_empty() {
            return self.unmet.iter().map(|name| &**name).collect();
        }
        if channel_draft.solution.objective >= channel_draft.upper_bound {
            return Vec::new();
        }
        self.limits.names_on(week, channel, &self.prices)
    }

    /// The price of a post of a channel at each hour of the week.
    pub fn hour_prices(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        channel: Channel,
    ) -> Vec<f64> {
        let place = channel_drafts.iter().position(|draft| draft.state.channel == channel);
        place.map_or_else(Vec::new, |place| self.limits.hour_prices(week, place, &self.prices))
    }

    /// The limits that a post of a channel at an hour would take a place of.
    pub fn limits_at(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        channel: Channel,
        hour: usize,
    ) -> Vec<LimitUse> {
        let place = channel_drafts.iter().position(|draft| draft.state.channel == channel);
        place.map_or_else(Vec::new, |place| {
            self.limits.uses_at(week, channel_drafts, &chosen(channel_drafts), &self.prices, (place, hour))
        })
    }

    /// The week as a problem over all channels, for external solvers.
    pub fn export(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        week_start: String,
    ) -> LimitsExport {
        let channels: Vec<Channel> = channel_drafts.iter().map(|draft| draft.state.channel).collect();
        let chosen = chosen(channel_drafts);
        let of_channels = channel_drafts.iter().map(|draft| draft.solution.objective);
        let objective = of_channels.fold(0.0, |sum, one| sum + one) - self.limits.given_up(week, &chosen);
        let named = |term: &Term| Some((*channels.get(term.channel)?, term.hour, None, term.coefficient));
        let rows = self.limits.rows(week, channel_drafts.len());
        let limits = self.limits.labels(week).into_iter().zip(rows).zip(&self.prices);
        let limits = limits
            .map(|(((limit, from), row), shadow_price)| RowExport {
                limit: limit.to_owned(),
                from: wall_time_text(from),
                at_most: row.at_most,
                price: row.price,
                shadow_price: *shadow_price,
                terms: row.terms.iter().filter_map(named).collect(),
            })
            .collect();
        let client_id = week.client.id.clone();
        LimitsExport { format: 1, client_id, week_start, channels, limits, bound: self.bound, objective, chosen }
    }
}

/// The hours of the posts of every channel that may run.
fn live_hours<'p>(channel_drafts: &[ChannelDraft<'_>], posts: impl Iterator<Item = &'p Post>) -> Vec<Vec<usize>> {
    let live: Vec<&Post> = posts.filter(|post| post.is_live()).collect();
    let of_channel = |draft: &ChannelDraft<'_>| {
        live.iter().filter(|post| post.channel == draft.state.channel).map(|post| post.hour).collect()
    };
    channel_drafts.iter().map(of_channel).collect()
}

/// The chosen hours of every channel.
fn chosen(channel_drafts: &[ChannelDraft<'_>]) -> Vec<Vec<usize>> {
    channel_drafts.iter().map(|draft| draft.solution.chosen.clone()).collect()
}
