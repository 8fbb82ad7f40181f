//! Chooses one proposal for each client, so that together they satisfy the rows.
//!
//! The first choice is each client's proposal of highest net value, at the prices that minimize the bound of the
//! proposals. Each swap then gives one client another proposal. The excess of a row is the number of posts beyond those
//! that it allows. In a row with a price, each of them costs that price, which lowers the objective; in the others there
//! may be none, and the weighted excess is the sum over these, each with its weight. Swaps are made in three stages:
//!
//! 1. swaps that raise the objective minus a penalty times the weighted excess, for higher and higher penalties;
//! 2. swaps that lower the weighted excess, first those that lose the least objective for each unit of it;
//! 3. swaps, alone and then in pairs, that raise the objective and do not raise the weighted excess.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::client::Proposal;
use super::prices::PriceSearch;
use super::rows::RowBound;

/// Maximum number of swaps from which pairs are formed.
const MAX_PAIRED: usize = 1_000;
/// Cost of each post beyond those that a row allows, as a multiple of the row's weight; applied in turn.
const PENALTIES: [f64; 3] = [1.1, 1.5, 4.0];
/// Minimum weight of a row, as a share of the highest price.
const MIN_WEIGHT: f64 = 0.01;
/// Allowed rounding error: of a number of posts, in posts; of a sum of objectives, as a share of the objectives.
const TOLERANCE: f64 = 1e-9;

/// A proposal for each client.
struct Choice {
    /// By row, the weight of each post beyond those that it allows; 0 if such a post has a price.
    weights: Vec<f64>,
    /// By row, the price of each post beyond those that it allows; 0 if there may be none.
    costs: Vec<f64>,
    /// By client, the index of its proposal; `None` if it has none.
    chosen: Vec<Option<usize>>,
    /// By row, the number of posts that count in it, over all clients.
    used: Vec<f64>,
    /// Difference up to which two sums of objectives are considered equal.
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
    /// By how much the weighted excess falls.
    relief: f64,
}

/// A swap, evaluated at prices of the rows.
struct PricedSwap {
    client: usize,
    /// Index of the proposal.
    proposal: usize,
    /// By how much the client's net value falls.
    loss: f64,
    /// By how much the objective of the client's week rises.
    gain: f64,
    /// By how many posts the use of each row changes, ascending by row.
    changes: Vec<(usize, f64)>,
}

/// The posts that a client may plan in the rows.
pub(super) struct Share {
    /// Rows with the number of posts in each, ascending by row.
    pub used: Vec<(usize, f64)>,
    /// Index of the price list at which the client's week was found.
    pub price_list: usize,
}

/// By client, its share of the rows, chosen from the proposals found so far. Together, the shares exceed no row without a
/// price.
pub(super) fn shares_at(search: &PriceSearch<'_>, prices: &[f64]) -> Vec<Share> {
    let (prices, _) = search.minimize_bound_of_proposals(prices);
    let choice = Choice::from_prices(search, &prices);
    let share = |client| {
        let proposal = choice.proposal(search, client);
        Share {
            used: proposal.map_or_else(Vec::new, |proposal| proposal.used.clone()),
            price_list: proposal.map_or(0, |proposal| proposal.price_list),
        }
    };
    let mut shares: Vec<Share> = (0..choice.chosen.len()).map(share).collect();
    take_surplus(&mut shares, &choice.used, search.bounds());
    shares
}

/// Lowers the shares of rows without a price that are exceeded, starting from the last client.
fn take_surplus(shares: &mut [Share], used: &[f64], bounds: &[RowBound]) {
    let rows = used.iter().zip(bounds).enumerate();
    for (row, (used, bound)) in rows.filter(|(_, (_, bound))| bound.price.is_none()) {
        let mut surplus = (used - bound.at_most - TOLERANCE).max(0.0).ceil();
        let uses = shares.iter_mut().rev().flat_map(|share| &mut share.used);
        for (_, posts) in uses.filter(|(other, _)| *other == row) {
            let taken = posts.min(surplus);
            (*posts, surplus) = (*posts - taken, surplus - taken);
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
        let min_weight = if highest > 0.0 { MIN_WEIGHT * highest } else { 1.0 };
        let weight =
            |(price, bound): (&f64, &RowBound)| if bound.price.is_none() { price.max(min_weight) } else { 0.0 };
        let weights = prices.iter().zip(search.bounds()).map(weight).collect();
        let costs = search.bounds().iter().map(|bound| bound.price.unwrap_or(0.0)).collect();
        let used = vec![0.0; search.bounds().len()];
        let mut choice = Self { weights, costs, used, tolerance: 0.0, chosen };
        for client in 0..choice.chosen.len() {
            let Some(proposal) = choice.proposal(search, client) else { continue };
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

    /// By how many posts another proposal for a client changes the use of each row, ascending by row.
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

    /// By how much the excess falls if the changes of two swaps are made, summed over the rows with the given weights.
    fn excess_fall(
        &self,
        weights: &[f64],
        bounds: &[RowBound],
        first: &[(usize, f64)],
        second: &[(usize, f64)],
    ) -> f64 {
        let fall_in_row = |row: usize, change: f64| {
            let surplus = self.used[row] - bounds[row].at_most;
            weights[row] * (excess(surplus) - excess(surplus + change))
        };
        let change_of = |changes: &[(usize, f64)], row: usize| {
            changes.iter().find(|(other, _)| *other == row).map_or(0.0, |(_, change)| *change)
        };
        let fall_of_first: f64 =
            first.iter().map(|(row, change)| fall_in_row(*row, change + change_of(second, *row))).sum();
        let only_second = second.iter().filter(|(row, _)| first.iter().all(|(other, _)| other != row));
        fall_of_first + only_second.map(|(row, change)| fall_in_row(*row, *change)).sum::<f64>()
    }

    fn swap(&self, search: &PriceSearch<'_>, client: usize, proposal: usize) -> Swap {
        let before = self.proposal(search, client).map_or(0.0, |proposal| proposal.objective);
        let changes = self.changes(search, client, proposal);
        let fall = |weights: &[f64]| self.excess_fall(weights, search.bounds(), &changes, &[]);
        let gain = search.proposals[client][proposal].objective - before + fall(&self.costs);
        Swap { client, proposal, gain, relief: fall(&self.weights) }
    }

    fn apply(&mut self, search: &PriceSearch<'_>, client: usize, proposal: usize) {
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

    /// Makes swaps that raise the objective when each post beyond those that a row allows costs `penalty` · the row's
    /// weight.
    fn improve_at_penalty(&mut self, search: &PriceSearch<'_>, penalty: f64) {
        let tolerance = self.tolerance;
        let value = |swap: &Swap| swap.gain + penalty * swap.relief;
        self.swap_all(search, |swap| Some(value(swap)).filter(|value| *value > tolerance));
    }

    /// Makes swaps that lower the weighted excess, first those that lose the least objective for each unit of it, until
    /// no swap lowers it.
    fn reduce_excess(&mut self, search: &PriceSearch<'_>) {
        self.swap_all(search, |swap| (swap.relief > TOLERANCE).then(|| swap.gain / swap.relief));
    }

    /// Makes swaps that raise the objective and do not raise the weighted excess.
    fn improve(&mut self, search: &PriceSearch<'_>) {
        let tolerance = self.tolerance;
        self.swap_all(search, |swap| (swap.gain > tolerance && swap.relief >= -TOLERANCE).then_some(swap.gain));
    }

    /// Makes pairs of swaps that together raise the objective and do not raise the weighted excess.
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

    /// The two swaps, each as client and proposal, that together raise the objective most and do not raise the weighted
    /// excess; `None` if there are no such swaps.
    fn best_pair(&self, search: &PriceSearch<'_>, prices: &[f64]) -> Option<[(usize, usize); 2]> {
        // If no row without a price is exceeded before or after, the gain of two swaps is at most the posts that rows
        // still allow, valued at the prices, and the posts beyond them, valued at what they cost more than the prices,
        // minus the two losses.
        let max_gain = |((bound, used), (price, cost)): ((&RowBound, &f64), (&f64, &f64))| {
            (bound.at_most - used).max(0.0) * price + (used - bound.at_most).max(0.0) * (cost - price).max(0.0)
        };
        let rows = search.bounds().iter().zip(&self.used).zip(prices.iter().zip(&self.costs));
        let max_loss: f64 = rows.map(max_gain).sum();
        let swaps = self.cheapest_swaps(search, prices);
        let tolerance = self.tolerance;
        let has_costs = self.costs.iter().any(|cost| *cost > 0.0);
        let best_with = |index: usize| {
            let first = &swaps[index];
            let others = swaps.iter().skip(index + 1).take_while(|second| first.loss + second.loss < max_loss);
            let mut best: Option<(f64, [(usize, usize); 2])> = None;
            for second in others.filter(|second| second.client != first.client) {
                let best_gain = best.map_or(tolerance, |(gain, _)| gain);
                let fall =
                    |weights: &[f64]| self.excess_fall(weights, search.bounds(), &first.changes, &second.changes);
                let gain = first.gain + second.gain + if has_costs { fall(&self.costs) } else { 0.0 };
                if gain > best_gain && fall(&self.weights) >= -TOLERANCE {
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

/// The excess of a row. `surplus` is the number of posts that count in it minus the number that it allows.
fn excess(surplus: f64) -> f64 {
    if surplus > TOLERANCE { surplus } else { 0.0 }
}
