//! Chooses a week for every client from its proposals, so that together they satisfy the rows.
//!
//! The first choice is every client's best proposal at the best prices. Where these exceed a row, clients get other
//! proposals, those first that lose least for each unit that they free. Then clients get other proposals that raise the
//! objective, one client or two at a time.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::client::Proposal;
use super::prices::PriceSearch;

/// Maximum number of swaps from which pairs are formed.
const MAX_PAIRED: usize = 1_000;
/// What each unit above a row costs, as multiples of the row's price, applied in turn.
const PENALTIES: [f64; 3] = [1.1, 1.5, 4.0];
/// Least weight of a row, as a share of the highest price.
const LEAST_WEIGHT: f64 = 0.01;
/// Rounding error of sums of uses, and of sums of objectives as a share of these.
const TOLERANCE: f64 = 1e-9;

/// A week for every client.
struct Choice {
    /// By row, the weight of each unit above it.
    weights: Vec<f64>,
    /// By client, the index of its proposal; `None` if it has none.
    chosen: Vec<Option<usize>>,
    /// By row, how much all clients use.
    used: Vec<f64>,
    /// Sum of the objectives.
    total: f64,
    /// Difference up to which two sums of objectives are the same.
    tolerance: f64,
}

/// Another proposal for a client.
#[derive(Clone, Copy)]
struct Swap {
    client: usize,
    /// Index of the proposal.
    proposal: usize,
    /// By how much the objective rises.
    gain: f64,
    /// By how much the weighted excess over the rows falls.
    relief: f64,
}

/// A swap, evaluated at prices of the rows.
struct PricedSwap {
    client: usize,
    /// Index of the proposal.
    proposal: usize,
    /// By how much the client's net value falls.
    loss: f64,
    /// By how much the objective rises.
    gain: f64,
    /// Change in use of the rows, ascending by row.
    changes: Vec<(usize, f64)>,
}

/// What a client may use of the rows.
pub(super) struct Share {
    /// Ascending by row.
    pub used: Vec<(usize, f64)>,
    /// Index of the price list at which the client's week was found.
    pub price_list: usize,
}

/// By client, what its week uses of the rows: together no more than what is left of each row.
pub(super) fn shares_at(search: &PriceSearch<'_>, prices: &[f64]) -> Vec<Share> {
    let (prices, _) = search.least_bound_of_proposals(prices);
    let choice = Choice::from_prices(search, &prices);
    let share = |client| {
        let proposal = choice.proposal(search, client);
        Share {
            used: proposal.map_or_else(Vec::new, |proposal| proposal.used.clone()),
            price_list: proposal.map_or(0, |proposal| proposal.price_list),
        }
    };
    let mut shares: Vec<Share> = (0..choice.chosen.len()).map(share).collect();
    take_surplus(&mut shares, &choice.used, search.left());
    shares
}

/// Takes what exceeds a row from the shares of the last clients that use it.
fn take_surplus(shares: &mut [Share], used: &[f64], left: &[f64]) {
    for (row, (used, left)) in used.iter().zip(left).enumerate() {
        let mut surplus = (used - left - TOLERANCE).max(0.0).ceil();
        let uses = shares.iter_mut().rev().flat_map(|share| &mut share.used);
        for (_, in_share) in uses.filter(|(other, _)| *other == row) {
            let taken = in_share.min(surplus);
            (*in_share, surplus) = (*in_share - taken, surplus - taken);
        }
    }
}

impl Choice {
    fn from_prices(search: &PriceSearch<'_>, prices: &[f64]) -> Self {
        let best = |proposals: &Vec<Proposal>| {
            let net_value = |index: &usize| proposals[*index].net_value(prices);
            (0..proposals.len()).max_by(|a, b| net_value(a).total_cmp(&net_value(b)).then(b.cmp(a)))
        };
        let chosen: Vec<Option<usize>> = search.proposals.iter().map(best).collect();
        let highest = prices.iter().copied().fold(0.0, f64::max);
        let least = if highest > 0.0 { LEAST_WEIGHT * highest } else { 1.0 };
        let weights = prices.iter().map(|price| price.max(least)).collect();
        let mut choice = Self { weights, used: vec![0.0; search.left().len()], total: 0.0, tolerance: 0.0, chosen };
        for client in 0..choice.chosen.len() {
            let Some(proposal) = choice.proposal(search, client) else { continue };
            choice.total += proposal.objective;
            choice.tolerance += TOLERANCE * proposal.objective.abs();
            proposal.used.iter().for_each(|(row, used)| choice.used[*row] += used);
        }
        for penalty in PENALTIES {
            choice.improve_at_penalty(search, penalty);
        }
        choice.reduce_excess(search);
        choice.improve(search);
        choice.improve_in_pairs(search, prices);
        choice
    }

    /// The proposal chosen for a client.
    fn proposal<'s>(&self, search: &'s PriceSearch<'_>, client: usize) -> Option<&'s Proposal> {
        self.chosen[client].map(|index| &search.proposals[client][index])
    }

    /// How another proposal for a client changes the use of the rows, ascending by row.
    fn changes(&self, search: &PriceSearch<'_>, client: usize, proposal: usize) -> Vec<(usize, f64)> {
        let mut changes: BTreeMap<usize, f64> = BTreeMap::new();
        for (row, used) in self.proposal(search, client).into_iter().flat_map(|proposal| &proposal.used) {
            *changes.entry(*row).or_insert(0.0) -= used;
        }
        for (row, used) in &search.proposals[client][proposal].used {
            *changes.entry(*row).or_insert(0.0) += used;
        }
        changes.into_iter().filter(|(_, change)| *change != 0.0).collect()
    }

    /// By how much the weighted excess over the rows falls if the changes of two swaps are made.
    fn relief(&self, left: &[f64], first: &[(usize, f64)], second: &[(usize, f64)]) -> f64 {
        let of_row = |row: usize, change: f64| {
            let surplus = self.used[row] - left[row];
            self.weights[row] * (excess(surplus) - excess(surplus + change))
        };
        let change_of = |changes: &[(usize, f64)], row: usize| {
            changes.iter().find(|(other, _)| *other == row).map_or(0.0, |(_, change)| *change)
        };
        let of_first: f64 = first.iter().map(|(row, change)| of_row(*row, change + change_of(second, *row))).sum();
        let only_second = second.iter().filter(|(row, _)| first.iter().all(|(other, _)| other != row));
        of_first + only_second.map(|(row, change)| of_row(*row, *change)).sum::<f64>()
    }

    fn swap(&self, search: &PriceSearch<'_>, client: usize, proposal: usize) -> Swap {
        let before = self.proposal(search, client).map_or(0.0, |proposal| proposal.objective);
        let gain = search.proposals[client][proposal].objective - before;
        let changes = self.changes(search, client, proposal);
        Swap { client, proposal, gain, relief: self.relief(search.left(), &changes, &[]) }
    }

    fn apply(&mut self, search: &PriceSearch<'_>, client: usize, proposal: usize) {
        self.total += self.swap(search, client, proposal).gain;
        for (row, change) in self.changes(search, client, proposal) {
            self.used[row] += change;
        }
        self.chosen[client] = Some(proposal);
    }

    /// The best swap of each client by a measure, best first. The measure is `None` for swaps not worth making.
    fn swaps(&self, search: &PriceSearch<'_>, measure: impl Fn(&Swap) -> Option<f64> + Sync) -> Vec<Swap> {
        let best = |client: usize| {
            let all = (0..search.proposals[client].len()).map(|proposal| self.swap(search, client, proposal));
            let measured = all.filter_map(|swap| Some((measure(&swap)?, swap)));
            measured.max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.proposal.cmp(&x.proposal)))
        };
        let mut swaps: Vec<(f64, Swap)> = (0..self.chosen.len()).into_par_iter().filter_map(best).collect();
        swaps.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.client.cmp(&y.client)));
        swaps.into_iter().map(|(_, swap)| swap).collect()
    }

    /// Makes swaps by a measure, the best first, until none is worth making.
    fn swap_all(&mut self, search: &PriceSearch<'_>, measure: impl Fn(&Swap) -> Option<f64> + Sync) {
        loop {
            let mut any = false;
            for swap in self.swaps(search, &measure) {
                if measure(&self.swap(search, swap.client, swap.proposal)).is_some() {
                    self.apply(search, swap.client, swap.proposal);
                    any = true;
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Makes swaps that raise the objective if each unit above a row costs `penalty` times the row's weight.
    fn improve_at_penalty(&mut self, search: &PriceSearch<'_>, penalty: f64) {
        let tolerance = self.tolerance;
        let value = |swap: &Swap| swap.gain + penalty * swap.relief;
        self.swap_all(search, |swap| Some(value(swap)).filter(|value| *value > tolerance));
    }

    /// Makes swaps until no row is exceeded or none reduces the excess.
    fn reduce_excess(&mut self, search: &PriceSearch<'_>) {
        self.swap_all(search, |swap| (swap.relief > TOLERANCE).then(|| swap.gain / swap.relief));
    }

    /// Makes swaps that raise the objective and exceed no row further.
    fn improve(&mut self, search: &PriceSearch<'_>) {
        let tolerance = self.tolerance;
        self.swap_all(search, |swap| (swap.gain > tolerance && swap.relief >= -TOLERANCE).then_some(swap.gain));
    }

    /// Makes pairs of swaps that raise the objective together and exceed no row further.
    fn improve_in_pairs(&mut self, search: &PriceSearch<'_>, prices: &[f64]) {
        while let Some(pair) = self.best_pair(search, prices) {
            pair.into_iter().for_each(|(client, proposal)| self.apply(search, client, proposal));
        }
    }

    /// The swaps that lose least at the prices, ascending by loss.
    fn cheapest_swaps(&self, search: &PriceSearch<'_>, prices: &[f64]) -> Vec<PricedSwap> {
        let mut swaps = Vec::new();
        for (client, proposals) in search.proposals.iter().enumerate() {
            let Some(current) = self.proposal(search, client) else { continue };
            let others = proposals.iter().enumerate().filter(|(index, _)| Some(*index) != self.chosen[client]);
            for (index, proposal) in others {
                let loss = current.net_value(prices) - proposal.net_value(prices);
                let gain = proposal.objective - current.objective;
                swaps.push(PricedSwap { client, proposal: index, loss, gain, changes: Vec::new() });
            }
        }
        swaps.sort_by(|a, b| a.loss.total_cmp(&b.loss).then((a.client, a.proposal).cmp(&(b.client, b.proposal))));
        swaps.truncate(MAX_PAIRED);
        for swap in &mut swaps {
            swap.changes = self.changes(search, swap.client, swap.proposal);
        }
        swaps
    }

    /// The two swaps, each as client and proposal, that together raise the objective most without exceeding a row
    /// further; `None` if no two raise it.
    fn best_pair(&self, search: &PriceSearch<'_>, prices: &[f64]) -> Option<[(usize, usize); 2]> {
        // Two swaps that exceed no row further gain at most the price of what is left of the rows, less their losses.
        let max_loss: f64 = search
            .left()
            .iter()
            .zip(&self.used)
            .zip(prices)
            .map(|((left, used), price)| (left - used).max(0.0) * price)
            .sum();
        let swaps = self.cheapest_swaps(search, prices);
        let tolerance = self.tolerance;
        let best_with = |index: usize| {
            let first = &swaps[index];
            let others = swaps.iter().skip(index + 1).take_while(|second| first.loss + second.loss < max_loss);
            let mut best: Option<(f64, [(usize, usize); 2])> = None;
            for second in others.filter(|second| second.client != first.client) {
                let best_gain = best.map_or(tolerance, |(gain, _)| gain);
                let gain = first.gain + second.gain;
                if gain > best_gain && self.relief(search.left(), &first.changes, &second.changes) >= -TOLERANCE {
                    best = Some((gain, [(first.client, first.proposal), (second.client, second.proposal)]));
                }
            }
            best
        };
        let pairs: Vec<_> = (0..swaps.len()).into_par_iter().filter_map(best_with).collect();
        let best = pairs.into_iter().max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.cmp(x)));
        best.map(|(_, pair)| pair)
    }
}

/// The surplus if it is positive; 0 within rounding.
fn excess(surplus: f64) -> f64 {
    if surplus > TOLERANCE { surplus } else { 0.0 }
}
