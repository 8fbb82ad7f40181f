//! Shares the places of shared limits out among the clients.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::prices::{ClientProblem, SharedPrices};
use crate::model::Tier;
use crate::planner::Solver;

/// Most clients that are asked what giving up or getting a place is worth to them: the first that use the row, or could.
const ASKED: usize = 25;

/// By client and row, how much of the row the client may use.
pub(super) fn of_clients(problems: &[ClientProblem], left: &[f64], found: &SharedPrices, tier: Tier) -> Vec<Vec<f64>> {
    let mut shares: Vec<Vec<f64>> = found
        .answers
        .iter()
        .map(|answer| {
            let mut own = vec![0.0; left.len()];
            answer.used.iter().for_each(|(row, used)| own[*row] = *used);
            own
        })
        .collect();
    for row in 0..left.len() {
        give_up(problems, left, found, &mut shares, row, tier);
    }
    // A place of a row that costs nothing is worth nothing to anybody.
    for row in (0..left.len()).filter(|row| found.prices[*row] > 0.0) {
        hand_out(problems, left, found, &mut shares, row, tier);
    }
    shares
}

/// Takes places of a row that is exceeded from the clients that lose least by it.
fn give_up(
    problems: &[ClientProblem],
    left: &[f64],
    found: &SharedPrices,
    shares: &mut [Vec<f64>],
    row: usize,
    tier: Tier,
) {
    loop {
        let used: f64 = shares.iter().map(|own| own[row]).sum();
        let surplus = (used - left[row] - 1e-9).ceil();
        if surplus <= 0.0 {
            return;
        }
        let users: Vec<usize> = (0..problems.len()).filter(|client| shares[*client][row] >= 1.0).take(ASKED).collect();
        if users.is_empty() {
            return;
        }
        let mut losses = worth(problems, found, shares, (row, -1.0), &users, tier);
        losses.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        for (client, _) in losses.into_iter().take(surplus as usize) {
            shares[client][row] -= 1.0;
        }
    }
}

/// Gives places of a row that are left to the clients that gain most by them.
fn hand_out(
    problems: &[ClientProblem],
    left: &[f64],
    found: &SharedPrices,
    shares: &mut [Vec<f64>],
    row: usize,
    tier: Tier,
) {
    loop {
        let used: f64 = shares.iter().map(|own| own[row]).sum();
        let free = (left[row] - used + 1e-9).floor();
        let counts = |client: &usize| problems[*client].counted.iter().any(|(_, _, counted)| *counted == row);
        let users: Vec<usize> = (0..problems.len()).filter(counts).take(ASKED).collect();
        if free < 1.0 || users.is_empty() {
            return;
        }
        let mut gains = worth(problems, found, shares, (row, 1.0), &users, tier);
        gains.retain(|(_, gain)| *gain > 1e-9 * found.bound.abs());
        gains.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        if gains.is_empty() {
            return;
        }
        for (client, _) in gains.into_iter().take(free as usize) {
            shares[client][row] += 1.0;
        }
    }
}

/// What some clients gain, each on its own, if their share of a row changes.
fn worth(
    problems: &[ClientProblem],
    found: &SharedPrices,
    shares: &[Vec<f64>],
    (row, change): (usize, f64),
    clients: &[usize],
    tier: Tier,
) -> Vec<(usize, f64)> {
    let none = vec![0.0; found.prices.len()];
    let of_client = |solver: &mut Solver, client: &usize| {
        let problem = &problems[*client];
        let counted: BTreeSet<usize> = problem.counted.iter().map(|(_, _, row)| *row).collect();
        let within = |share: &[f64], solver: &mut Solver| {
            let most: Vec<(usize, f64)> = counted.iter().map(|row| (*row, share[*row])).collect();
            problem.solve(&none, &most, solver, tier).objective
        };
        let mut changed = shares[*client].clone();
        changed[row] += change;
        (*client, within(&changed, solver) - within(&shares[*client], solver))
    };
    clients.par_iter().map_init(Solver::default, of_client).collect()
}
