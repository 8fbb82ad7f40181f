//! The weeks of a few clients as one problem over all their channels.

use super::choice::Share;
use super::client::ClientProblem;
use super::rows::RowBound;
use crate::model::Tier;
use crate::planner::Solver;
use crate::planner::coupling::{CoupledWeek, solve_coupled};

/// How clients share rows.
pub(super) struct Sharing {
    /// By row, its price, with which the bound is proven.
    pub prices: Vec<f64>,
    /// By client, its share of the rows.
    pub shares: Vec<Share>,
    /// The price lists that shares refer to, each with a price for every row.
    pub price_lists: Vec<Vec<f64>>,
}

/// Plans all clients as one problem, given the bound of each row, and returns how their weeks share the rows; `None`
/// if no weeks were found that together satisfy the rows.
pub(super) fn solve(problems: &[ClientProblem<'_>], bounds: &[RowBound], tier: Tier) -> Option<Sharing> {
    let mut solver = Solver::default();
    let mut rows = Vec::new();
    let mut channels = Vec::new();
    for problem in problems {
        rows.extend(problem.own_rows(channels.len()));
        channels.extend(problem.instances());
    }
    let own_row_count = rows.len();
    let mut first_channel = 0;
    let mut shared_rows: Vec<_> = bounds.iter().map(|bound| ClientProblem::shared_row(*bound)).collect();
    for problem in problems {
        problem.add_terms(first_channel, &mut shared_rows);
        first_channel += problem.instances().len();
    }
    rows.extend(shared_rows);
    let alone = problems.iter().flat_map(|problem| problem.solve_channels(&mut solver, tier)).collect();
    let solution = solve_coupled(&CoupledWeek::new(channels, rows), alone, &mut solver, tier);
    if !solution.is_feasible {
        return None;
    }
    let mut remaining = solution.channels.as_slice();
    let mut shares = Vec::with_capacity(problems.len());
    for problem in problems {
        let (solutions, rest) = remaining.split_at_checked(problem.instances().len())?;
        shares.push(Share { used: problem.used(solutions), price_list: 0 });
        remaining = rest;
    }
    let prices = solution.prices.get(own_row_count..)?.to_vec();
    Some(Sharing { price_lists: vec![prices.clone()], prices, shares })
}
