//! One client's week as an optimisation problem, given prices of the shared rows in which the client's posts count.

#![expect(clippy::indexing_slicing, reason = "lists by row and by channel are as long as the problem's")]

use std::collections::BTreeSet;
use std::ops::Range;

use super::rows::RowBound;
use crate::model::Tier;
use crate::planner::coupling::{CoupledSolution, CoupledWeek, Row, SolvedChannels, Term, best_hours, solve_coupled};
use crate::planner::{Instance, Solution, Solver};

/// A range of hours of a channel at which posts count in a shared row.
#[derive(Clone)]
pub(super) struct CountedRange {
    pub channel: usize,
    pub hours: Range<usize>,
    pub row: usize,
}

/// One client's week as an optimisation problem, with the shared rows in which its posts count.
#[derive(Clone)]
pub(super) struct ClientProblem<'a> {
    instances: &'a [Instance],
    /// Rows of the client's own limits.
    own_rows: &'a [Row],
    counted: Vec<CountedRange>,
    /// The shared rows in which the client's posts count, ascending.
    shared_rows: Vec<usize>,
    /// Channel and hour of the posts if the client is planned alone.
    posts: Vec<(usize, usize)>,
}

/// A week that the client could have.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    /// Objective of the week, without prices.
    pub objective: f64,
    /// Shared rows with the number of the week's posts that count in each, ascending by row.
    pub used: Vec<(usize, f64)>,
    /// Index of the price list at which the price search found the week; 0 before it is set.
    pub price_list: usize,
}

impl Proposal {
    /// Whether another proposal uses the shared rows equally and its objective is at least as high.
    pub fn is_dominated_by(&self, other: &Proposal) -> bool {
        self.used == other.used && self.objective <= other.objective
    }

    /// The objective less the prices of the shared rows for the posts that count in them.
    pub fn net_value(&self, prices: &[f64]) -> f64 {
        self.objective - self.used.iter().map(|(row, used)| prices[*row] * used).sum::<f64>()
    }
}

/// A client's best week at some prices.
#[derive(Debug, Clone)]
pub(super) struct BestWeek {
    /// Upper bound on the net value of any week of the client.
    pub bound: f64,
    /// The week; `None` if none was found that satisfies the client's own limits.
    pub proposal: Option<Proposal>,
    /// The prices of the client's own rows.
    pub own_prices: Vec<f64>,
}

impl<'a> ClientProblem<'a> {
    pub fn new(
        instances: &'a [Instance],
        own_rows: &'a [Row],
        counted: Vec<CountedRange>,
        posts: Vec<(usize, usize)>,
    ) -> Self {
        let mut shared_rows: Vec<usize> = counted.iter().map(|counted| counted.row).collect();
        shared_rows.sort_unstable();
        shared_rows.dedup();
        Self { instances, own_rows, counted, shared_rows, posts }
    }

    /// The shared rows in which the client's posts count, ascending.
    pub fn shared_rows(&self) -> &[usize] {
        &self.shared_rows
    }

    /// The weeks of the client's channels.
    pub fn instances(&self) -> &'a [Instance] {
        self.instances
    }

    /// The shared rows in which the client's posts count, ascending, each with the most posts that could count in it.
    pub fn max_uses(&self) -> Vec<(usize, f64)> {
        let mut max_uses: Vec<(usize, f64)> = self.shared_rows.iter().map(|row| (*row, 0.0)).collect();
        for CountedRange { hours, row, .. } in &self.counted {
            if let Ok(index) = self.shared_rows.binary_search(row) {
                max_uses[index].1 += hours.len() as f64;
            }
        }
        max_uses
    }

    /// For each post of the client planned alone, each shared row in which it counts, and its value at fatigue 0.
    pub fn values_alone(&self) -> impl Iterator<Item = (usize, f64)> {
        self.posts.iter().flat_map(|(channel, hour)| {
            let counting =
                self.counted.iter().filter(|counted| counted.channel == *channel && counted.hours.contains(hour));
            counting.map(|counted| (counted.row, self.instances[*channel].value[*hour]))
        })
    }

    /// The rows of the client's own limits, with the indices of channels shifted by `first_channel`.
    pub fn own_rows(&self, first_channel: usize) -> impl Iterator<Item = Row> {
        let shifted = move |term: &Term| Term { channel: first_channel + term.channel, ..*term };
        self.own_rows.iter().map(move |row| Row { terms: row.terms.iter().map(shifted).collect(), ..*row })
    }

    /// A shared row without terms.
    pub fn shared_row(bound: RowBound) -> Row {
        Row { terms: Vec::new(), at_most: bound.at_most, price: bound.price }
    }

    /// Adds the client's terms to the shared rows, with the indices of channels shifted by `first_channel`.
    pub fn add_terms(&self, first_channel: usize, rows: &mut [Row]) {
        for CountedRange { channel, hours, row } in &self.counted {
            let term = |hour| Term { channel: first_channel + channel, hour, coefficient: 1.0 };
            rows[*row].terms.extend(hours.clone().map(term));
        }
    }

    /// The week of the client planned alone.
    pub fn proposal_alone(&self) -> Proposal {
        let chosen_hours = |channel: usize| {
            let hours = self.posts.iter().filter(|(other, _)| *other == channel).map(|(_, hour)| *hour);
            hours.collect::<BTreeSet<usize>>().into_iter().collect::<Vec<usize>>()
        };
        let solution = |(channel, instance): (usize, &Instance)| {
            let chosen = chosen_hours(channel);
            Solution { objective: instance.objective(&chosen), chosen, optimal: false }
        };
        let solutions: Vec<Solution> = self.instances.iter().enumerate().map(solution).collect();
        let objective = solutions.iter().map(|solution| solution.objective).sum();
        Proposal { objective, used: self.used(&solutions), price_list: 0 }
    }

    /// The best hours of each channel on its own, without prices.
    pub fn solve_channels(&self, solver: &mut Solver, tier: Tier) -> Vec<Solution> {
        let no_prices = |instance: &Instance| vec![0.0; instance.value.len()];
        self.instances.iter().map(|instance| best_hours(instance, &no_prices(instance), solver, tier)).collect()
    }

    /// The best week at the given prices of the shared rows. The search for the prices of the client's own rows starts
    /// from `own_prices`. Channels that are among the `solved` ones are not solved again; without `solved`, all are.
    pub fn best_week(
        &self,
        prices: &[f64],
        own_prices: &[f64],
        solved: Option<&mut SolvedChannels>,
        solver: &mut Solver,
        tier: Tier,
    ) -> BestWeek {
        let (hour_prices, solutions) = self.solve_channels_at(prices, solved, solver, tier);
        if self.satisfies_own_rows(&solutions) {
            let used = self.used(&solutions);
            let objective = solutions.iter().map(|solution| solution.objective).sum();
            let proposal = Proposal { objective, used, price_list: 0 };
            let bound = proposal.net_value(prices);
            return BestWeek { bound, proposal: Some(proposal), own_prices: own_prices.to_vec() };
        }
        let week = CoupledWeek::new(self.instances.iter().collect(), self.own_rows.to_vec())
            .with_hour_costs(hour_prices)
            .with_initial_prices(own_prices.to_vec());
        self.coupled_best_week(solve_coupled(&week, solutions, solver, tier), prices)
    }

    /// The price of every hour by channel, and the best hours of each channel on its own at these prices.
    fn solve_channels_at(
        &self,
        prices: &[f64],
        mut solved: Option<&mut SolvedChannels>,
        solver: &mut Solver,
        tier: Tier,
    ) -> (Vec<Vec<f64>>, Vec<Solution>) {
        let mut hour_prices: Vec<Vec<f64>> =
            self.instances.iter().map(|instance| vec![0.0; instance.value.len()]).collect();
        for CountedRange { channel, hours, row } in self.counted.iter().filter(|counted| prices[counted.row] != 0.0) {
            hour_prices[*channel][hours.clone()].iter_mut().for_each(|price| *price += prices[*row]);
        }
        let channels = self.instances.iter().zip(&hour_prices).enumerate();
        let solution = |(channel, (instance, prices)): (usize, (&Instance, &Vec<f64>))| match &mut solved {
            Some(solved) => solved.best_hours((channel, instance), prices, solver, tier),
            None => best_hours(instance, prices, solver, tier),
        };
        let solutions = channels.map(solution).collect();
        (hour_prices, solutions)
    }

    fn coupled_best_week(&self, solution: CoupledSolution, prices: &[f64]) -> BestWeek {
        let used = self.used(&solution.channels);
        let cost: f64 = used.iter().map(|(row, used)| prices[*row] * used).sum();
        let proposal = Proposal { objective: solution.objective + cost, used, price_list: 0 };
        BestWeek {
            bound: solution.bound.unwrap_or(solution.objective),
            proposal: solution.is_feasible.then_some(proposal),
            own_prices: solution.prices,
        }
    }

    /// Shared rows with the number of posts of the channels' solutions that count in each, ascending by row; without
    /// rows in which none counts.
    pub fn used(&self, solutions: &[Solution]) -> Vec<(usize, f64)> {
        let mut used: Vec<(usize, f64)> = self.shared_rows.iter().map(|row| (*row, 0.0)).collect();
        for CountedRange { channel, hours, row } in &self.counted {
            let count = solutions[*channel].chosen.iter().filter(|hour| hours.contains(hour)).count();
            if let (true, Ok(index)) = (count > 0, self.shared_rows.binary_search(row)) {
                used[index].1 += count as f64;
            }
        }
        used.retain(|(_, used)| *used > 0.0);
        used
    }

    fn satisfies_own_rows(&self, solutions: &[Solution]) -> bool {
        let mut is_chosen: Vec<Vec<bool>> =
            self.instances.iter().map(|instance| vec![false; instance.value.len()]).collect();
        for (hours, solution) in is_chosen.iter_mut().zip(solutions) {
            solution.chosen.iter().for_each(|hour| hours[*hour] = true);
        }
        self.own_rows.iter().all(|row| {
            let chosen_terms = row.terms.iter().filter(|term| is_chosen[term.channel][term.hour]);
            row.excess(chosen_terms.map(|term| term.coefficient).sum()) <= 0.0
        })
    }
}
