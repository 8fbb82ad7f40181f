//! The search for the best choice of hours of a coupled week: rounds of prices, repair and combinations.

#![expect(clippy::indexing_slicing, reason = "lists by channel and by row are as long as the week's")]

use super::channel_solver::ChannelSolver;
use super::columns::{Columns, exceeded_rows};
use super::combination::{self, Combination};
use super::neighbours::Base;
use super::prices::PriceProgramme;
use super::problem::CoupledWeek;
use super::repair;
use crate::model::Tier;
use crate::planner::{Solution, Solver};

/// Limits on the work of a search.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Rounds in which rows that a choice exceeds are added.
    row_rounds: usize,
    /// Rounds of prices for the same rows.
    price_rounds: usize,
    /// Number of partial combinations that a search among the choices found so far keeps.
    beam_width: usize,
    /// Rounds in which choices are looked for that differ little from the best ones.
    local_rounds: usize,
    /// Number of channels of which each is solved again with every other one, in each of these rounds.
    losing_channels: usize,
}

impl Effort {
    const fn for_tier(tier: Tier) -> Self {
        match tier {
            Tier::Exact => {
                Self { row_rounds: 12, price_rounds: 60, beam_width: 400, local_rounds: 4, losing_channels: 3 }
            }
            Tier::Fast => Self { row_rounds: 1, price_rounds: 3, beam_width: 20, local_rounds: 0, losing_channels: 0 },
        }
    }
}

/// Maximum number of choices that are added to a channel for each choice from which they differ in one post.
const MAX_NEIGHBOURS: usize = 80;
/// The search ends once the objective is below the bound by at most this share of the bound.
const GAP: f64 = 1e-5;
/// Highest price of a row without a price of its own, and the price of each unit above such a row, as a multiple of the
/// greatest value of a post.
const HIGHEST_PRICE: f64 = 20.0;
/// How often the range of a price is halved in the search for a lower price with the same bound.
const HALVINGS: usize = 16;
/// Relative difference up to which bounds count as the same.
const BOUND_TOLERANCE: f64 = 1e-9;

/// The best choice found for a coupled week, with an upper bound.
#[derive(Debug, Clone, PartialEq)]
pub struct CoupledSolution {
    /// The choice of hours by channel, each with its own objective; `optimal` if the channels were solved exactly.
    pub channels: Vec<Solution>,
    /// The sum of the channels' objectives, less what exceeding rows costs.
    pub objective: f64,
    /// Upper bound on the objective of any choice that satisfies the rows; `None` if the channels were not solved
    /// exactly.
    pub bound: Option<f64>,
    /// By row, its price, with which the bound is proven.
    pub prices: Vec<f64>,
    /// Whether every row without a price is satisfied. If not, no choice was found that satisfies them all.
    pub is_feasible: bool,
}

/// The best choice of hours found for all channels that satisfies every row. `alone` holds the best choice of each
/// channel on its own.
#[must_use]
pub fn solve_coupled(week: &CoupledWeek<'_>, alone: Vec<Solution>, solver: &mut Solver, tier: Tier) -> CoupledSolution {
    let used = week.used(alone.iter().map(|solution| solution.chosen.as_slice()));
    let exceeded = exceeded_rows(week, &used);
    if exceeded.is_empty() {
        let less_costs = |(channel, solution): (usize, Solution)| {
            let objective = solution.objective - week.cost(channel, &solution.chosen);
            Solution { objective, ..solution }
        };
        let channels: Vec<Solution> = alone.into_iter().enumerate().map(less_costs).collect();
        let objective = channels.iter().map(|solution| solution.objective).sum();
        let bound = (tier == Tier::Exact).then_some(objective);
        let prices = vec![0.0; week.rows().len()];
        return CoupledSolution { channels, objective, bound, prices, is_feasible: true };
    }
    let mut search = Search::new(week, alone, ChannelSolver::new(solver, tier));
    search.run_from(exceeded);
    if tier == Tier::Exact && search.is_feasible() {
        search.lower_prices();
    }
    search.finish()
}

/// A bound, with the prices that prove it.
struct Bound {
    value: f64,
    prices: Vec<f64>,
    /// By channel, the index of the best column at these prices.
    best_columns: Vec<usize>,
}

struct Search<'a, 's> {
    week: &'a CoupledWeek<'a>,
    solver: ChannelSolver<'s>,
    columns: Columns,
    /// The lowest bound so far.
    bound: Bound,
    /// By channel, the index of the best column at the prices tried last.
    latest: Vec<usize>,
    best: Combination,
    /// The greatest value of a post, at least 1.
    scale: f64,
    highest_price: f64,
    effort: Effort,
}

impl<'a, 's> Search<'a, 's> {
    fn new(week: &'a CoupledWeek<'a>, alone: Vec<Solution>, solver: ChannelSolver<'s>) -> Self {
        let mut columns = Columns::new(alone.len());
        let net = |(channel, solution): (usize, &Solution)| solution.objective - week.cost(channel, &solution.chosen);
        let value: f64 = alone.iter().enumerate().map(net).sum();
        let scale = week.channels().iter().flat_map(|instance| &instance.value).copied().fold(1.0, f64::max);
        let add = |(channel, solution)| columns.add(week, channel, solution).0;
        let indices: Vec<usize> = alone.into_iter().enumerate().map(add).collect();
        let highest_price = HIGHEST_PRICE * scale;
        let best = Combination::new(week, &columns, indices.clone(), highest_price);
        let latest = indices.clone();
        let bound = Bound { value, prices: vec![0.0; week.rows().len()], best_columns: indices };
        let effort = Effort::for_tier(solver.tier);
        Self { week, solver, columns, bound, latest, best, scale, highest_price, effort }
    }

    /// Searches, starting with the rows that the channels' own choices exceed, and from the week's initial prices if it
    /// has any.
    fn run_from(&mut self, mut exceeded: Vec<usize>) {
        if let Some(prices) = self.week.initial_prices() {
            self.start_from_prices(prices.to_vec());
            let priced = prices.iter().enumerate().filter(|(_, price)| **price > 0.0).map(|(row, _)| row);
            exceeded.extend(priced);
            exceeded.sort_unstable();
            exceeded.dedup();
            if !self.is_close() {
                self.improve();
            }
        }
        if !self.is_close() {
            self.run(exceeded);
        }
        self.improve_locally();
    }

    /// Takes the bound and the choices at the given prices if they are better than those so far.
    fn start_from_prices(&mut self, prices: Vec<f64>) {
        let (bound, _) = self.bound_at(prices);
        let combination = Combination::new(self.week, &self.columns, bound.best_columns.clone(), self.highest_price);
        if combination.objective > self.best.objective {
            self.best = combination;
        }
        self.latest.clone_from(&bound.best_columns);
        if bound.value < self.bound.value {
            self.bound = bound;
        }
    }

    /// Runs rounds, starting with the active rows, and adds the rows that the channels' best choices exceed.
    fn run(&mut self, mut active: Vec<usize>) {
        for _ in 0..self.effort.row_rounds {
            self.tighten_bound(&active);
            self.improve();
            let active_before = active.len();
            for indices in [&self.bound.best_columns, &self.latest] {
                active.extend(exceeded_rows(self.week, &self.week.used(self.chosen(indices))));
            }
            // The bound is that of a mix of choices, which may exceed a row that none of them exceeds.
            let max_loss = self.bound.value - self.best.objective;
            active.extend(self.columns.exceedable_rows(self.week, &self.bound.prices, max_loss));
            active.sort_unstable();
            active.dedup();
            if active.len() == active_before || self.is_close() {
                break;
            }
        }
    }

    /// The chosen hours by channel, of columns given by their indices.
    fn chosen<'p>(&'p self, indices: &'p [usize]) -> impl Iterator<Item = &'p [usize]> {
        indices.iter().enumerate().map(|(channel, index)| self.columns.get(channel, *index).chosen.as_slice())
    }

    /// Whether the objective is close enough to the bound to end the search.
    fn is_close(&self) -> bool {
        self.best.objective >= self.bound.value - GAP * self.bound.value.abs()
    }

    /// Lowers the bound by better prices of the active rows.
    fn tighten_bound(&mut self, active: &[usize]) {
        let rows = self.week.rows().len();
        let mut programme = PriceProgramme::new(self.week, active, &self.columns, self.scale, self.highest_price);
        for _ in 0..self.effort.price_rounds {
            let Some((prices, lowest_bound)) = programme.prices(rows) else { return };
            if self.bound.value - lowest_bound <= GAP * self.bound.value.abs() {
                return;
            }
            // Halfway from the best prices so far to those of the programme, because the latter oscillate.
            let halfway: Vec<f64> =
                self.bound.prices.iter().zip(&prices).map(|(best, price)| 0.5 * (best + price)).collect();
            let value_before = self.bound.value;
            let is_new = self.evaluate(halfway, &mut programme);
            if !is_new && self.bound.value >= value_before && !self.evaluate(prices, &mut programme) {
                return;
            }
        }
    }

    /// Lowers prices that are higher than the bound needs. From some price on, the bound may not change any more, as
    /// for a row that requires one post in a single hour. A higher price says nothing about what the row costs.
    fn lower_prices(&mut self) {
        let rows = self.week.rows().iter().zip(&self.bound.prices).enumerate();
        // A price up to the scale may be the value of a post.
        let too_high = rows.filter(|(_, (row, price))| row.price.is_none() && **price > self.scale);
        for row in too_high.map(|(index, _)| index).collect::<Vec<usize>>() {
            let (mut low, mut high) = (0.0, self.bound.prices[row]);
            for _ in 0..HALVINGS {
                let mut prices = self.bound.prices.clone();
                prices[row] = 0.5 * (low + high);
                let (trial, _) = self.bound_at(prices);
                if trial.value <= self.bound.value + BOUND_TOLERANCE * self.bound.value.abs() {
                    high = trial.prices[row];
                    self.bound = trial;
                } else {
                    low = trial.prices[row];
                }
            }
        }
    }

    /// The bound at the given prices, and the channels whose best columns at these prices are new.
    fn bound_at(&mut self, prices: Vec<f64>) -> (Bound, Vec<usize>) {
        let mut value: f64 = self.week.rows().iter().zip(&prices).map(|(row, price)| row.at_most * price).sum();
        let (mut hour_prices, mut new) = (Vec::new(), Vec::new());
        let mut best_columns = Vec::with_capacity(self.week.channels().len());
        for (channel, instance) in self.week.channels().iter().enumerate() {
            self.week.hour_prices(channel, &prices, &mut hour_prices);
            let solution = self.solver.solve(channel, instance, &hour_prices);
            let (index, is_new) = self.columns.add(self.week, channel, solution);
            value += self.columns.get(channel, index).net_value(&prices);
            new.extend(is_new.then_some(channel));
            best_columns.push(index);
        }
        (Bound { value, prices, best_columns }, new)
    }

    /// Takes the bound at the given prices if it is the lowest so far, and adds the planes of the best columns that are
    /// new. Returns whether any is new.
    fn evaluate(&mut self, prices: Vec<f64>, programme: &mut PriceProgramme) -> bool {
        let (bound, new) = self.bound_at(prices);
        for channel in &new {
            programme.add(*channel, self.columns.get(*channel, bound.best_columns[*channel]));
        }
        self.latest.clone_from(&bound.best_columns);
        if bound.value < self.bound.value {
            self.bound = bound;
        }
        !new.is_empty()
    }

    /// Looks for a better combination: channel by channel at the prices of the bound, in descending and then in
    /// ascending order of the value of the channels' posts, and at last among the choices found so far.
    fn improve(&mut self) {
        let mut order: Vec<usize> = (0..self.week.channels().len()).collect();
        let value = |channel: usize| self.value_per_post(channel);
        order.sort_by(|a, b| value(*b).total_cmp(&value(*a)).then(a.cmp(b)));
        self.repair(&order);
        if !self.is_close() {
            order.reverse();
            self.repair(&order);
        }
        self.combine();
    }

    /// Takes the best combination of the choices found so far if it is better.
    fn combine(&mut self) {
        let width = self.effort.beam_width;
        if let Some(better) =
            combination::best(self.week, &self.columns, &self.bound.prices, self.best.objective, width)
        {
            self.best = better;
        }
    }

    /// Looks for better combinations near the best one, as long as it finds any: with choices that differ in one post, and
    /// with two channels solved again.
    fn improve_locally(&mut self) {
        for _ in 0..self.effort.local_rounds {
            if self.is_close() {
                return;
            }
            let before = self.best.objective;
            (0..self.week.channels().len()).for_each(|channel| self.add_neighbours(channel));
            self.combine();
            self.solve_pairs();
            if self.best.objective <= before {
                return;
            }
        }
    }

    /// Solves pairs of channels again in the hours that the other channels of the best combination leave open. One
    /// channel of each pair is among those whose choices lose most at the prices of the bound.
    fn solve_pairs(&mut self) {
        let prices = &self.bound.prices;
        let net_value = |channel: usize, index: usize| self.columns.get(channel, index).net_value(prices);
        let loss = |channel: usize| {
            net_value(channel, self.bound.best_columns[channel]) - net_value(channel, self.best.indices[channel])
        };
        let mut by_loss: Vec<(f64, usize)> =
            (0..self.best.indices.len()).map(|channel| (loss(channel), channel)).collect();
        by_loss.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.cmp(second)));
        for (_, losing) in by_loss.into_iter().filter(|(loss, _)| *loss > 0.0).take(self.effort.losing_channels) {
            for other in (0..self.best.indices.len()).filter(|other| *other != losing) {
                self.solve_again([losing, other]);
                self.solve_again([other, losing]);
                if self.is_close() {
                    return;
                }
            }
        }
    }

    /// Solves two channels again given the choices of the others in the best combination: the first at the prices of the
    /// bound, the second without prices in the hours that are left.
    fn solve_again(&mut self, [first, second]: [usize; 2]) {
        let solution = |(channel, index): (usize, &usize)| {
            let column = self.columns.get(channel, *index);
            Solution { chosen: column.chosen.clone(), objective: column.objective, optimal: false }
        };
        let mut chosen: Vec<Solution> = self.best.indices.iter().enumerate().map(solution).collect();
        chosen[second].chosen.clear();
        repair::solve_in_order(self.week, &mut self.solver, &[first], &self.bound.prices, &mut chosen);
        let no_prices = vec![0.0; self.week.rows().len()];
        repair::solve_in_order(self.week, &mut self.solver, &[second], &no_prices, &mut chosen);
        self.take_if_better(&chosen);
    }

    /// Adds choices of a channel that differ in one post from its best choice at the prices of the bound, or from that of
    /// the best combination.
    fn add_neighbours(&mut self, channel: usize) {
        let prices = &self.bound.prices;
        let mut hour_prices = Vec::new();
        self.week.hour_prices(channel, prices, &mut hour_prices);
        let best = self.columns.get(channel, self.bound.best_columns[channel]);
        let chosen = self.columns.get(channel, self.best.indices[channel]).chosen.clone();
        let max_loss = self.bound.value - self.best.objective;
        let floor = best.net_value(prices) - max_loss;
        let mut bases = vec![best.chosen.clone(), chosen];
        bases.dedup();
        for chosen in bases {
            let base = Base { channel, chosen: &chosen, hour_prices: &hour_prices };
            for neighbour in base.one_post_away(self.week, floor, MAX_NEIGHBOURS) {
                self.columns.add(self.week, channel, neighbour);
            }
        }
    }

    /// Tries the choice that solving the channels in the given order at the prices of the bound yields. Channels that
    /// can lower the use of rows come first, because their posts make room for those of other channels. Then solves
    /// each of the other channels once more, without prices, given the posts of all channels, and tries the result.
    fn repair(&mut self, order: &[usize]) {
        let (mut order, others): (Vec<usize>, Vec<usize>) =
            order.iter().partition(|channel| self.week.can_lower_use(**channel));
        order.extend(&others);
        let no_posts = Solution { chosen: Vec::new(), objective: 0.0, optimal: false };
        let mut chosen = vec![no_posts; order.len()];
        repair::solve_in_order(self.week, &mut self.solver, &order, &self.bound.prices, &mut chosen);
        self.take_if_better(&chosen);
        let no_prices = vec![0.0; self.week.rows().len()];
        for channel in others {
            repair::solve_in_order(self.week, &mut self.solver, &[channel], &no_prices, &mut chosen);
        }
        self.take_if_better(&chosen);
    }

    /// The mean objective per post of a channel's best column at the prices of the bound.
    fn value_per_post(&self, channel: usize) -> f64 {
        let column = self.columns.get(channel, self.bound.best_columns[channel]);
        column.objective / column.chosen.len().max(1) as f64
    }

    /// Takes a choice for every channel if it is the best so far.
    fn take_if_better(&mut self, chosen: &[Solution]) {
        let indices: Vec<usize> = chosen
            .iter()
            .enumerate()
            .map(|(channel, solution)| self.columns.add(self.week, channel, solution.clone()).0)
            .collect();
        let combination = Combination::new(self.week, &self.columns, indices, self.highest_price);
        if combination.objective > self.best.objective {
            self.best = combination;
        }
    }

    /// Whether the best combination satisfies every row without a price.
    fn is_feasible(&self) -> bool {
        self.week.is_feasible(&self.week.used(self.chosen(&self.best.indices)))
    }

    fn finish(self) -> CoupledSolution {
        let is_feasible = self.is_feasible();
        let optimal = self.solver.tier == Tier::Exact;
        let channels = self
            .best
            .indices
            .iter()
            .enumerate()
            .map(|(channel, index)| {
                let column = self.columns.get(channel, *index);
                Solution { chosen: column.chosen.clone(), objective: column.objective, optimal }
            })
            .collect();
        let bound = (self.solver.tier == Tier::Exact).then_some(self.bound.value);
        CoupledSolution { channels, objective: self.best.objective, bound, prices: self.bound.prices, is_feasible }
    }
}
