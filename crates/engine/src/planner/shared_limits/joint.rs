//! The weeks of a few clients as one problem over all their channels.

use super::choice::Share;
use super::client::ClientProblem;
use crate::model::Tier;
use crate::planner::Solver;
use crate::planner::coupling::{CoupledWeek, solve_coupled};

/// How clients share rows.
pub(super) struct Shared {
    /// What proves the bound, by row.
    pub prices: Vec<f64>,
    /// No weeks of the clients that keep the rows come to more.
    pub bound: f64,
    /// By client, what it may use of the rows.
    pub shares: Vec<Share>,
    /// The prices at which shares are the clients' best weeks, by row.
    pub price_lists: Vec<Vec<f64>>,
}

/// Weeks of all clients that together keep the rows, of which so much is left; `None` if none were found.
pub(super) fn solve(problems: &[ClientProblem<'_>], left: &[f64], tier: Tier) -> Option<Shared> {
    let mut solver = Solver::default();
    let mut rows = Vec::new();
    let mut channels = Vec::new();
    for problem in problems {
        rows.extend(problem.own_rows(channels.len()));
        channels.extend(problem.instances());
    }
    let own = rows.len();
    let mut first = 0;
    let mut shared: Vec<_> = left.iter().map(|left| ClientProblem::shared_row(*left)).collect();
    for problem in problems {
        problem.add_terms(first, &mut shared);
        first += problem.instances().len();
    }
    rows.extend(shared);
    let alone = problems.iter().flat_map(|problem| problem.alone(&mut solver, tier)).collect();
    let solved = solve_coupled(&CoupledWeek::new(channels, rows), alone, &mut solver, tier);
    if !solved.kept {
        return None;
    }
    let mut chosen = solved.channels.as_slice();
    let mut shares = Vec::with_capacity(problems.len());
    for problem in problems {
        let (of_client, others) = chosen.split_at_checked(problem.instances().len())?;
        shares.push(Share { used: problem.used(of_client), price_list: 0 });
        chosen = others;
    }
    let prices = solved.prices.get(own..)?.to_vec();
    Some(Shared { price_lists: vec![prices.clone()], prices, bound: solved.bound.unwrap_or(solved.objective), shares })
}
