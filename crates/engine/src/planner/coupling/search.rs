//! The rounds of the search.

#![expect(clippy::indexing_slicing, reason = "lists by channel and by row are as long as the week's")]

use super::channel_solver::ChannelSolver;
use super::columns::{Columns, Combination};
use super::prices::PriceProgramme;
use super::problem::CoupledWeek;
use super::repair;
use crate::model::Tier;
use crate::planner::{Solution, Solver};

/// How long a search may take.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// How often rows that a choice exceeds are added.
    row_rounds: usize,
    /// How often prices are set for the same rows.
    price_rounds: usize,
    /// Steps of one search among the combinations of the choices seen.
    steps: usize,
}

impl Effort {
    const fn of(tier: Tier) -> Self {
        match tier {
            Tier::Exact => Self { row_rounds: 12, price_rounds: 60, steps: 20_000 },
            Tier::Fast => Self { row_rounds: 1, price_rounds: 3, steps: 500 },
        }
    }
}

/// Gap, as a share of the bound, at which the search ends.
const GAP: f64 = 1e-5;
/// The price above which no row without a price of its own goes, and what a unit above such a row counts as, in the most
/// that a post earns.
const HIGHEST_PRICE: f64 = 20.0;
/// How often the range of a price that proves no more than a lower one is halved.
const HALVINGS: usize = 16;
/// Bounds that differ by no more than this share are the same.
const ROUNDING: f64 = 1e-9;

/// The best choice that was found for a coupled week, and how good it is at least.
#[derive(Debug, Clone, PartialEq)]
pub struct CoupledSolution {
    /// The choice of hours by channel, with its own objective; `optimal` if the channels were solved exactly.
    pub channels: Vec<Solution>,
    /// The objective of all channels, less what is given up for rows with a price.
    pub objective: f64,
    /// No choice that keeps the rows is better than this; `None` if the channels were not solved exactly.
    pub bound: Option<f64>,
    /// The prices that prove the bound, by row.
    pub prices: Vec<f64>,
    /// Whether every row without a price is kept. If not, no choice was found that keeps them all.
    pub kept: bool,
}

/// The best choice of hours for all channels that keeps every row, given the best choice of each channel alone.
#[must_use]
pub fn solve_coupled(week: &CoupledWeek<'_>, alone: Vec<Solution>, solver: &mut Solver, tier: Tier) -> CoupledSolution {
    let used = week.used(alone.iter().map(|solution| solution.chosen.as_slice()));
    let exceeded = exceeded(week, &used);
    if exceeded.is_empty() {
        let net = |(channel, solution): (usize, Solution)| {
            let objective = solution.objective - week.spent(channel, &solution.chosen);
            Solution { objective, ..solution }
        };
        let alone: Vec<Solution> = alone.into_iter().enumerate().map(net).collect();
        let objective = alone.iter().map(|solution| solution.objective).sum();
        let bound = (tier == Tier::Exact).then_some(objective);
        return CoupledSolution { channels: alone, objective, bound, prices: vec![0.0; week.rows().len()], kept: true };
    }
    let mut search = Search::new(week, alone, ChannelSolver { solver, tier });
    search.run_from(exceeded);
    if tier == Tier::Exact && search.keeps_every_row() {
        search.lower_prices();
    }
    search.finish()
}

/// The rows that a use exceeds.
fn exceeded(week: &CoupledWeek<'_>, used: &[f64]) -> Vec<usize> {
    let rows = week.rows().iter().zip(used).enumerate();
    rows.filter(|(_, (row, used))| row.excess(**used) > 0.0).map(|(place, _)| place).collect()
}

/// A bound, with the prices that prove it and the best columns at these.
struct Bound {
    value: f64,
    prices: Vec<f64>,
    places: Vec<usize>,
}

struct Search<'a, 's> {
    week: &'a CoupledWeek<'a>,
    solver: ChannelSolver<'s>,
    columns: Columns,
    bound: Bound,
    /// The best columns at the prices tried last.
    latest: Vec<usize>,
    best: Combination,
    scale: f64,
    highest_price: f64,
    effort: Effort,
}

impl<'a, 's> Search<'a, 's> {
    fn new(week: &'a CoupledWeek<'a>, alone: Vec<Solution>, solver: ChannelSolver<'s>) -> Self {
        let mut columns = Columns::new(alone.len());
        let net = |(channel, solution): (usize, &Solution)| solution.objective - week.spent(channel, &solution.chosen);
        let value: f64 = alone.iter().enumerate().map(net).sum();
        let scale = week.channels().iter().flat_map(|instance| &instance.value).copied().fold(1.0, f64::max);
        let add = |(channel, solution)| columns.add(week, channel, solution).0;
        let places: Vec<usize> = alone.into_iter().enumerate().map(add).collect();
        let highest_price = HIGHEST_PRICE * scale;
        let best = columns.combination(week, places.clone(), highest_price);
        let latest = places.clone();
        let bound = Bound { value, prices: vec![0.0; week.rows().len()], places };
        let effort = Effort::of(solver.tier);
        Self { week, solver, columns, bound, latest, best, scale, highest_price, effort }
    }

    /// Searches with the rows that the channels' own choices exceed, from the week's first prices if it has any.
    fn run_from(&mut self, mut exceeded: Vec<usize>) {
        if let Some(prices) = self.week.first_prices() {
            self.begin_at(prices.to_vec());
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
    }

    /// Takes the bound and the choices at some prices.
    fn begin_at(&mut self, prices: Vec<f64>) {
        let (found, _) = self.bound_at(prices);
        let combination = self.columns.combination(self.week, found.places.clone(), self.highest_price);
        if combination.objective > self.best.objective {
            self.best = combination;
        }
        self.latest.clone_from(&found.places);
        if found.value < self.bound.value {
            self.bound = found;
        }
    }

    fn run(&mut self, mut active: Vec<usize>) {
        for _ in 0..self.effort.row_rounds {
            self.lower_bound(&active);
            self.improve();
            let before = active.len();
            for places in [&self.bound.places, &self.latest] {
                active.extend(exceeded(self.week, &self.week.used(self.chosen(places))));
            }
            active.sort_unstable();
            active.dedup();
            if active.len() == before || self.is_close() {
                break;
            }
        }
    }

    fn chosen<'p>(&'p self, places: &'p [usize]) -> impl Iterator<Item = &'p [usize]> {
        places.iter().enumerate().map(|(channel, place)| self.columns.get(channel, *place).chosen.as_slice())
    }

    fn is_close(&self) -> bool {
        self.best.objective >= self.bound.value - GAP * self.bound.value.abs()
    }

    /// Lowers the bound by prices of the active rows.
    fn lower_bound(&mut self, active: &[usize]) {
        let rows = self.week.rows().len();
        let mut programme = PriceProgramme::new(self.week, active, &self.columns, self.scale, self.highest_price);
        for _ in 0..self.effort.price_rounds {
            let Some((least_at, least)) = programme.prices(rows) else { return };
            if self.bound.value - least <= GAP * self.bound.value.abs() {
                return;
            }
            // Between the best prices so far and those of the programme: the programme's alone jump to and fro.
            let halfway: Vec<f64> =
                self.bound.prices.iter().zip(&least_at).map(|(best, least)| 0.5 * (best + least)).collect();
            let before = self.bound.value;
            let is_new = self.evaluate(halfway, &mut programme);
            if !is_new && self.bound.value >= before && !self.evaluate(least_at, &mut programme) {
                return;
            }
        }
    }

    /// Lowers prices that prove no more than lower ones do. From some price on the bound may be the same, such as that of
    /// one post at least in a single hour, and then says nothing of what the row costs.
    fn lower_prices(&mut self) {
        let rows = self.week.rows().iter().zip(&self.bound.prices).enumerate();
        // A price below that is one that a post can have.
        let unlikely = rows.filter(|(_, (row, price))| row.price.is_none() && **price > self.scale);
        for row in unlikely.map(|(place, _)| place).collect::<Vec<usize>>() {
            let (mut low, mut high) = (0.0, self.bound.prices[row]);
            for _ in 0..HALVINGS {
                let mut prices = self.bound.prices.clone();
                prices[row] = 0.5 * (low + high);
                let (lower, _) = self.bound_at(prices);
                if lower.value <= self.bound.value + ROUNDING * self.bound.value.abs() {
                    high = lower.prices[row];
                    self.bound = lower;
                } else {
                    low = lower.prices[row];
                }
            }
        }
    }

    /// The bound at some prices, and the channels whose columns that prove it are new.
    fn bound_at(&mut self, prices: Vec<f64>) -> (Bound, Vec<usize>) {
        let mut value: f64 = self.week.rows().iter().zip(&prices).map(|(row, price)| row.at_most * price).sum();
        let (mut hours, mut new) = (Vec::new(), Vec::new());
        let mut places = Vec::with_capacity(self.week.channels().len());
        for (channel, instance) in self.week.channels().iter().enumerate() {
            self.week.hour_prices(channel, &prices, &mut hours);
            let solution = self.solver.solve(instance, &hours);
            let (place, is_new) = self.columns.add(self.week, channel, solution);
            value += self.columns.get(channel, place).at(&prices);
            new.extend(is_new.then_some(channel));
            places.push(place);
        }
        (Bound { value, prices, places }, new)
    }

    /// Takes the bound at some prices if it is the lowest so far, and adds the planes of its columns that are new. Returns
    /// whether any is.
    fn evaluate(&mut self, prices: Vec<f64>, programme: &mut PriceProgramme) -> bool {
        let (found, new) = self.bound_at(prices);
        for channel in &new {
            programme.add(*channel, self.columns.get(*channel, found.places[*channel]));
        }
        self.latest.clone_from(&found.places);
        if found.value < self.bound.value {
            self.bound = found;
        }
        !new.is_empty()
    }

    /// Looks for a better combination: from the prices of the bound, channel after channel, and among the choices seen.
    fn improve(&mut self) {
        // Channels whose posts make room for others come first: a share of theirs allows the others' posts.
        let mut order: Vec<usize> = (0..self.week.channels().len()).collect();
        let value = |channel: usize| self.value_of_a_post(channel);
        order.sort_by(|a, b| value(*b).total_cmp(&value(*a)).then(a.cmp(b)));
        self.repair(&order);
        if !self.is_close() {
            order.reverse();
            self.repair(&order);
        }
        if let Some(better) = self.columns.best(self.week, &self.bound.prices, self.best.objective, self.effort.steps) {
            self.best = better;
        }
    }

    /// Offers a choice for all channels, solved in the given order but for those that make room for others, which come
    /// first: at the prices of the bound, then each once more without prices among the others' posts.
    fn repair(&mut self, order: &[usize]) {
        let (mut order, others): (Vec<usize>, Vec<usize>) =
            order.iter().partition(|channel| self.week.makes_room(**channel));
        order.extend(&others);
        let nothing = Solution { chosen: Vec::new(), objective: 0.0, optimal: false };
        let mut chosen = vec![nothing; order.len()];
        repair::in_order(self.week, &mut self.solver, &order, &self.bound.prices, &mut chosen);
        self.offer(&chosen);
        let none = vec![0.0; self.week.rows().len()];
        for channel in others {
            repair::in_order(self.week, &mut self.solver, &[channel], &none, &mut chosen);
        }
        self.offer(&chosen);
    }

    fn value_of_a_post(&self, channel: usize) -> f64 {
        let column = self.columns.get(channel, self.bound.places[channel]);
        column.objective / column.chosen.len().max(1) as f64
    }

    /// Takes a choice for every channel if it is the best so far.
    fn offer(&mut self, chosen: &[Solution]) {
        let places: Vec<usize> = chosen
            .iter()
            .enumerate()
            .map(|(channel, solution)| self.columns.add(self.week, channel, solution.clone()).0)
            .collect();
        let found = self.columns.combination(self.week, places, self.highest_price);
        if found.objective > self.best.objective {
            self.best = found;
        }
    }

    /// Whether the best combination keeps every row without a price.
    fn keeps_every_row(&self) -> bool {
        self.week.keeps(&self.week.used(self.chosen(&self.best.places)))
    }

    fn finish(self) -> CoupledSolution {
        let kept = self.keeps_every_row();
        let optimal = self.solver.tier == Tier::Exact;
        let channels = self
            .best
            .places
            .iter()
            .enumerate()
            .map(|(channel, place)| {
                let column = self.columns.get(channel, *place);
                Solution { chosen: column.chosen.clone(), objective: column.objective, optimal }
            })
            .collect();
        let bound = (self.solver.tier == Tier::Exact).then_some(self.bound.value);
        CoupledSolution { channels, objective: self.best.objective, bound, prices: self.bound.prices, kept }
    }
}
