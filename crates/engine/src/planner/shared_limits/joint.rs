//! The weeks of a few clients as one problem over all their channels.

use super::choice::Share;
use super::client::ClientProblem;
use crate::model::Tier;
use crate::planner::Solver;
use crate::planner::coupling::{CoupledWeek, solve_coupled};

/// How clients share rows.
pub(super) struct Sharing {
    /// By row, its price in the proof of the bound.
    pub prices: Vec<f64>,
    /// By client, its share of the rows.
    pub shares: Vec<Share>,
    /// The lists of prices, by row, that shares refer to.
    pub price_lists: Vec<Vec<f64>>,
}

/// Weeks of all clients that together satisfy the rows, given what is left of each row; `None` if none were found.
pub(super) fn solve(problems: &[ClientProblem<'_>], left: &[f64], tier: Tier) -> Option<Sharing> {
    let mut solver = Solver::default();
    let mut rows = Vec::new();
    let mut channels = Vec::new();
    for problem in problems {
        rows.extend(problem.own_rows(channels.len()));
        channels.extend(problem.instances());
    }
    let own_rows = rows.len();
    let mut first_channel = 0;
    let mut shared_rows: Vec<_> = left.iter().map(|left| ClientProblem::shared_row(*left)).collect();
    for problem in problems {
        problem.add_terms(first_channel, &mut shared_rows);
        first_channel += problem.instances().len();
    }
    rows.extend(shared_rows);
    let alone = problems.iter().flat_map(|problem| problem.alone(&mut solver, tier)).collect();
    let solution = solve_coupled(&CoupledWeek::new(channels, rows), alone, &mut solver, tier);
    if !solution.is_feasible {
        return None;
    }
    let mut remaining = solution.channels.as_slice();
    let mut shares = Vec::with_capacity(problems.len());
    for problem in problems {
        let (of_client, others) = remaining.split_at_checked(problem.instances().len())?;
        shares.push(Share { used: problem.used(of_client), price_list: 0 });
        remaining = others;
    }
    let prices = solution.prices.get(own_rows..)?.to_vec();
    Some(Sharing { price_lists: vec![prices.clone()], prices, shares })
}
