//! The prices of shared limits: each client is planned at its best with them, and together they use what is allowed.

#![expect(clippy::indexing_slicing, reason = "lists by row, by channel and by client are as long as the problem's")]

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use rayon::prelude::*;

use crate::model::Tier;
use crate::planner::coupling::{CoupledWeek, Row, Term, solve_coupled};
use crate::planner::{Instance, Solution, Solver};

/// Most rounds of prices.
const ROUNDS: usize = 40;
/// Gap, as a share of the bound, at which the rounds end.
const GAP: f64 = 1e-6;
/// Most planes of a round: clients are summed in as many groups.
const GROUPS: usize = 60;
/// Highest price of a row, in the most that a post earns.
const HIGHEST_PRICE: f64 = 20.0;

/// A client's week as a problem, with the rows of shared limits that take part.
pub(super) struct ClientProblem {
    pub instances: Vec<Instance>,
    /// Rows of the client's own limits.
    pub own: Vec<Row>,
    /// Channel, hour and shared row, of every hour that counts in one.
    pub counted: Vec<(usize, usize, usize)>,
}

/// A client's best week at some prices.
#[derive(Debug, Clone)]
pub(super) struct ClientAnswer {
    /// An upper bound on its objective less the prices of what it uses.
    pub bound: f64,
    /// Objective of the choice, without prices.
    pub objective: f64,
    /// What it uses of the shared rows, ascending by row.
    pub used: Vec<(usize, f64)>,
}

impl ClientProblem {
    /// The best week with a price for each shared row, and no more of some than stated.
    pub fn solve(&self, prices: &[f64], most: &[(usize, f64)], solver: &mut Solver, tier: Tier) -> ClientAnswer {
        let mut of_hours: Vec<Vec<f64>> = self.instances.iter().map(|one| vec![0.0; one.value.len()]).collect();
        for (channel, hour, row) in &self.counted {
            of_hours[*channel][*hour] += prices[*row];
        }
        let alone: Vec<Solution> = self
            .instances
            .iter()
            .zip(&of_hours)
            .map(|(instance, prices)| at_prices(instance, prices, solver, tier))
            .collect();
        let mut rows = self.own.clone();
        rows.extend(most.iter().map(|(row, at_most)| self.row(*row, *at_most)));
        let week = CoupledWeek::new(self.instances.iter().collect(), rows).with_prices(of_hours);
        let solved = solve_coupled(&week, alone, solver, tier);
        let chosen: Vec<Vec<usize>> = solved.channels.iter().map(|one| one.chosen.clone()).collect();
        let used = self.used(&chosen);
        let spent: f64 = used.iter().map(|(row, used)| prices[*row] * used).sum();
        let kept = if solved.kept { solved.objective } else { f64::NEG_INFINITY };
        ClientAnswer { bound: solved.bound.unwrap_or(solved.objective), objective: kept + spent, used }
    }

    fn row(&self, row: usize, at_most: f64) -> Row {
        let own = self.counted.iter().filter(|(_, _, other)| *other == row);
        let term =
            |(channel, hour, _): &(usize, usize, usize)| Term { channel: *channel, hour: *hour, coefficient: 1.0 };
        Row { terms: own.map(term).collect(), at_most, price: None }
    }

    fn used(&self, chosen: &[Vec<usize>]) -> Vec<(usize, f64)> {
        let counting = self.counted.iter().filter(|(channel, hour, _)| chosen[*channel].contains(hour));
        let mut rows: Vec<usize> = counting.map(|(_, _, row)| *row).collect();
        rows.sort_unstable();
        rows.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)).collect()
    }
}

/// The best choice of a channel with a price for a post at each hour.
fn at_prices(instance: &Instance, prices: &[f64], solver: &mut Solver, tier: Tier) -> Solution {
    match tier {
        Tier::Exact => solver.solve_at(instance, prices),
        Tier::Fast => solver.solve_fast_at(instance, prices),
    }
}

/// Prices with the least bound found.
pub(super) struct SharedPrices {
    pub prices: Vec<f64>,
    /// No plan of all clients that keeps the rows comes to more.
    pub bound: f64,
    /// The clients' answers at these prices.
    pub answers: Vec<ClientAnswer>,
}

/// Finds prices for the rows. `left` is what may be used of each.
pub(super) fn lowest_bound(problems: &[ClientProblem], left: &[f64], tier: Tier) -> SharedPrices {
    let answers_at = |prices: &[f64]| -> Vec<ClientAnswer> {
        let solve = |solver: &mut Solver, problem: &ClientProblem| problem.solve(prices, &[], solver, tier);
        problems.par_iter().map_init(Solver::default, solve).collect()
    };
    let bound_of = |prices: &[f64], answers: &[ClientAnswer]| {
        let of_rows: f64 = prices.iter().zip(left).map(|(price, left)| price * left).sum();
        answers.iter().map(|answer| answer.bound).fold(of_rows, |sum, one| sum + one)
    };
    let values = problems.iter().flat_map(|problem| &problem.instances).flat_map(|instance| &instance.value);
    let scale = values.copied().fold(1.0, f64::max);
    let none = vec![0.0; left.len()];
    let answers = answers_at(&none);
    let mut programme = Programme::new(left, problems.len().min(GROUPS), scale);
    programme.add(&answers);
    let mut best = SharedPrices { bound: bound_of(&none, &answers), prices: none, answers };
    for _ in 0..ROUNDS {
        let Some((at_least, least)) = programme.least() else { break };
        if best.bound - least <= GAP * best.bound.abs() {
            break;
        }
        // Between the best prices so far and those of the programme: the programme's alone jump to and fro.
        let prices: Vec<f64> = best.prices.iter().zip(&at_least).map(|(best, one)| 0.5 * (best + one)).collect();
        let answers = answers_at(&prices);
        programme.add(&answers);
        let bound = bound_of(&prices, &answers);
        if bound < best.bound {
            best = SharedPrices { prices, bound, answers };
        }
    }
    best
}

/// The linear programme whose optimum is the least bound over the answers seen. A group's plane is the sum of its
/// clients' answers at the same prices.
struct Programme<'l> {
    left: &'l [f64],
    groups: usize,
    scale: f64,
    planes: Vec<(usize, f64, Vec<f64>)>,
}

impl<'l> Programme<'l> {
    fn new(left: &'l [f64], groups: usize, scale: f64) -> Self {
        Self { left, groups, scale, planes: Vec::new() }
    }

    fn add(&mut self, answers: &[ClientAnswer]) {
        let mut sums = vec![(0.0, vec![0.0; self.left.len()]); self.groups];
        for (client, answer) in answers.iter().enumerate() {
            let (objective, used) = &mut sums[client % self.groups];
            *objective += answer.objective;
            answer.used.iter().for_each(|(row, count)| used[*row] += count);
        }
        let planes = sums.into_iter().enumerate().map(|(group, (objective, used))| (group, objective, used));
        for plane in planes {
            if !self.planes.contains(&plane) {
                self.planes.push(plane);
            }
        }
    }

    /// The prices of least bound, and that bound; `None` if the programme could not be solved.
    fn least(&self) -> Option<(Vec<f64>, f64)> {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let most: Vec<Variable> =
            (0..self.groups).map(|_| problem.add_var(1.0, (f64::NEG_INFINITY, f64::INFINITY))).collect();
        let price = |left: &f64| problem.add_var(*left, (0.0, HIGHEST_PRICE));
        let prices: Vec<Variable> = self.left.iter().map(price).collect();
        for (group, objective, used) in &self.planes {
            let mut plane = vec![(most[*group], 1.0)];
            plane.extend(prices.iter().copied().zip(used.iter().copied()).filter(|(_, used)| *used != 0.0));
            problem.add_constraint(plane, ComparisonOp::Ge, objective / self.scale);
        }
        let solution = problem.solve().ok()?.into_solution().ok()?;
        let prices = prices.iter().map(|price| solution.var_value(*price).max(0.0) * self.scale).collect();
        Some((prices, solution.objective() * self.scale))
    }
}
