//! Shares the places of shared limits out among the clients.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::prices::{ClientProblem, SharedPrices};
use crate::model::Tier;
use crate::planner::Solver;

/// Most clients that are asked what giving up or getting a place is worth to them: the first that use the row, or could.
const ASKED: usize = 25;

/// Tolerance for sums of uses, and the share of the bound by which a place must pay.
const SLACK: f64 = 1e-9;

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
        change(problems, left, found, &mut shares, (row, -1.0), tier);
    }
    // A place of a row that costs nothing is worth nothing to anybody.
    for row in (0..left.len()).filter(|row| found.prices[*row] > 0.0) {
        change(problems, left, found, &mut shares, (row, 1.0), tier);
    }
    shares
}

/// Takes places of a row that is exceeded from the clients that lose least by it, or gives places that are left to those
/// that gain most, one at a time to each.
fn change(
    problems: &[ClientProblem],
    left: &[f64],
    found: &SharedPrices,
    shares: &mut [Vec<f64>],
    (row, by): (usize, f64),
    tier: Tier,
) {
    loop {
        let used: f64 = shares.iter().map(|own| own[row]).sum();
        let places = if by < 0.0 { (used - left[row] - SLACK).ceil() } else { (left[row] - used + SLACK).floor() };
        if places < 1.0 {
            return;
        }
        let may_change = |client: &usize| match by < 0.0 {
            true => shares[*client][row] >= 1.0,
            false => problems[*client].counted.iter().any(|(_, _, counted)| *counted == row),
        };
        let asked: Vec<usize> = (0..problems.len()).filter(may_change).take(ASKED).collect();
        let mut gains = worth(problems, found, shares, (row, by), &asked, tier);
        gains.retain(|(_, gain)| by < 0.0 || *gain > SLACK * found.bound.abs());
        gains.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        if gains.is_empty() {
            return;
        }
        for (client, _) in gains.into_iter().take(places as usize) {
            shares[client][row] += by;
        }
    }
}

/// What some clients gain, each on its own, if their share of a row changes.
fn worth(
    problems: &[ClientProblem],
    found: &SharedPrices,
    shares: &[Vec<f64>],
    (row, by): (usize, f64),
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
        changed[row] += by;
        (*client, within(&changed, solver) - within(&shares[*client], solver))
    };
    clients.par_iter().map_init(Solver::default, of_client).collect()
}
