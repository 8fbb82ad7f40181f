//! A week for every client, of those that it offered, that together keep the rows.
//!
//! The weeks at the best prices come first. Where they exceed a row, the swaps of a client's week that cost least for
//! what they free are made; then those that gain, alone or two at a time.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::client::Offer;
use super::prices::{PriceSearch, SharedPrices};

/// Most offers among which two at a time are swapped.
const MOST_PAIRED: usize = 1_000;
/// What each post above a row costs, as multiples of the row's price, applied in turn.
const PENALTIES: [f64; 3] = [1.1, 1.5, 4.0];
/// Least weight of a row, as a share of the highest price.
const LEAST_WEIGHT: f64 = 0.01;
/// Tolerance for sums of uses and of objectives, as a share.
const SLACK: f64 = 1e-9;

/// A week for every client.
struct Choice {
    /// What a place above a row weighs.
    weights: Vec<f64>,
    /// By client, the place of its offer; `None` if it has none.
    chosen: Vec<Option<usize>>,
    /// What all use of each row.
    used: Vec<f64>,
    total: f64,
    /// By how much less two sums of objectives are the same.
    tolerance: f64,
}

/// Another offer for a client.
#[derive(Clone, Copy)]
struct Swap {
    client: usize,
    offer: usize,
    /// By how much the objective rises.
    gain: f64,
    /// By how much less of the rows is exceeded, at their prices.
    relief: f64,
}

/// Another offer for a client, at prices.
struct PricedSwap {
    client: usize,
    offer: usize,
    /// By how much the client comes to less at the prices.
    loss: f64,
    /// By how much the objective rises.
    gain: f64,
    /// What it changes of the rows, ascending by row.
    difference: Vec<(usize, f64)>,
}

/// What a client may use of the rows.
pub(super) struct Share {
    /// Ascending by row.
    pub used: Vec<(usize, f64)>,
    /// Place of the price list at which this is the client's best week.
    pub price_list: usize,
}

/// By client, what its week uses of the rows: together no more than what is left of each.
pub(super) fn of_clients(clients: &PriceSearch<'_>, found: &SharedPrices) -> Vec<Share> {
    let (prices, _) = clients.least_of_offers(&found.prices);
    let choice = Choice::from_prices(clients, &prices);
    let of_client = |client| {
        let offer = choice.offer(clients, client);
        Share {
            used: offer.map_or_else(Vec::new, |offer| offer.used.clone()),
            price_list: offer.map_or(0, |offer| offer.price_list),
        }
    };
    let mut shares: Vec<Share> = (0..choice.chosen.len()).map(of_client).collect();
    take_surplus(&mut shares, &choice.used, clients.left());
    shares
}

/// Takes places of rows that are exceeded from the last clients that use them.
fn take_surplus(shares: &mut [Share], used: &[f64], left: &[f64]) {
    for (row, (used, left)) in used.iter().zip(left).enumerate() {
        let mut surplus = (used - left - SLACK).max(0.0).ceil();
        for (_, own) in shares.iter_mut().rev().flat_map(|share| &mut share.used).filter(|(own, _)| *own == row) {
            let taken = own.min(surplus);
            (*own, surplus) = (*own - taken, surplus - taken);
        }
    }
}

impl Choice {
    fn from_prices(clients: &PriceSearch<'_>, prices: &[f64]) -> Self {
        let best = |offers: &Vec<Offer>| {
            let at = |place: &usize| offers[*place].net_value(prices);
            (0..offers.len()).max_by(|a, b| at(a).total_cmp(&at(b)).then(b.cmp(a)))
        };
        let chosen: Vec<Option<usize>> = clients.offers.iter().map(best).collect();
        let highest = prices.iter().copied().fold(0.0, f64::max);
        let least = if highest > 0.0 { LEAST_WEIGHT * highest } else { 1.0 };
        let weights = prices.iter().map(|price| price.max(least)).collect();
        let mut choice = Self { weights, used: vec![0.0; clients.left().len()], total: 0.0, tolerance: 0.0, chosen };
        for client in 0..choice.chosen.len() {
            let Some(offer) = choice.offer(clients, client) else { continue };
            choice.total += offer.objective;
            choice.tolerance += SLACK * offer.objective.abs();
            offer.used.iter().for_each(|(row, used)| choice.used[*row] += used);
        }
        for penalty in PENALTIES {
            choice.trade(clients, penalty);
        }
        choice.relieve(clients);
        choice.improve(clients);
        choice.exchange(clients, prices);
        choice
    }

    fn offer<'c>(&self, clients: &'c PriceSearch<'_>, client: usize) -> Option<&'c Offer> {
        self.chosen[client].map(|place| &clients.offers[client][place])
    }

    /// What another offer changes of the rows, ascending by row.
    fn difference(&self, clients: &PriceSearch<'_>, client: usize, offer: usize) -> Vec<(usize, f64)> {
        let mut difference: BTreeMap<usize, f64> = BTreeMap::new();
        for (row, used) in self.offer(clients, client).into_iter().flat_map(|offer| &offer.used) {
            *difference.entry(*row).or_insert(0.0) -= used;
        }
        for (row, used) in &clients.offers[client][offer].used {
            *difference.entry(*row).or_insert(0.0) += used;
        }
        difference.into_iter().filter(|(_, by)| *by != 0.0).collect()
    }

    /// By how much less of the rows is exceeded after two changes.
    fn relief(&self, left: &[f64], one: &[(usize, f64)], other: &[(usize, f64)]) -> f64 {
        let of_row = |row: usize, by: f64| {
            let over_now = self.used[row] - left[row];
            self.weights[row] * (over(over_now) - over(over_now + by))
        };
        let by_of = |difference: &[(usize, f64)], row: usize| {
            difference.iter().find(|(own, _)| *own == row).map_or(0.0, |(_, by)| *by)
        };
        let of_one: f64 = one.iter().map(|(row, by)| of_row(*row, by + by_of(other, *row))).sum();
        let others = other.iter().filter(|(row, _)| one.iter().all(|(own, _)| own != row));
        of_one + others.map(|(row, by)| of_row(*row, *by)).sum::<f64>()
    }

    fn swap(&self, clients: &PriceSearch<'_>, client: usize, offer: usize) -> Swap {
        let before = self.offer(clients, client).map_or(0.0, |offer| offer.objective);
        let gain = clients.offers[client][offer].objective - before;
        let difference = self.difference(clients, client, offer);
        Swap { client, offer, gain, relief: self.relief(clients.left(), &difference, &[]) }
    }

    fn apply(&mut self, clients: &PriceSearch<'_>, client: usize, offer: usize) {
        self.total += self.swap(clients, client, offer).gain;
        for (row, by) in self.difference(clients, client, offer) {
            self.used[row] += by;
        }
        self.chosen[client] = Some(offer);
    }

    /// The best swap of each client by a measure that leaves out those that are not worth it.
    fn swaps(&self, clients: &PriceSearch<'_>, measure: impl Fn(&Swap) -> Option<f64> + Sync) -> Vec<Swap> {
        let best = |client: usize| {
            let all = (0..clients.offers[client].len()).map(|offer| self.swap(clients, client, offer));
            let measured = all.filter_map(|swap| Some((measure(&swap)?, swap)));
            measured.max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.offer.cmp(&x.offer)))
        };
        let mut swaps: Vec<(f64, Swap)> = (0..self.chosen.len()).into_par_iter().filter_map(best).collect();
        swaps.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.client.cmp(&y.client)));
        swaps.into_iter().map(|(_, swap)| swap).collect()
    }

    /// Makes swaps by a measure, the best first, until none is left that is worth it.
    fn swap_all(&mut self, clients: &PriceSearch<'_>, measure: impl Fn(&Swap) -> Option<f64> + Sync) {
        loop {
            let mut any = false;
            for swap in self.swaps(clients, &measure) {
                if measure(&self.swap(clients, swap.client, swap.offer)).is_some() {
                    self.apply(clients, swap.client, swap.offer);
                    any = true;
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Swaps that gain if each place above a row costs so many times its price.
    fn trade(&mut self, clients: &PriceSearch<'_>, penalty: f64) {
        let tolerance = self.tolerance;
        let value = |swap: &Swap| swap.gain + penalty * swap.relief;
        self.swap_all(clients, |swap| Some(value(swap)).filter(|value| *value > tolerance));
    }

    /// Swaps until no row is exceeded, or nothing more can be freed.
    fn relieve(&mut self, clients: &PriceSearch<'_>) {
        self.swap_all(clients, |swap| (swap.relief > SLACK).then(|| swap.gain / swap.relief));
    }

    /// Swaps that gain and exceed nothing.
    fn improve(&mut self, clients: &PriceSearch<'_>) {
        let tolerance = self.tolerance;
        self.swap_all(clients, |swap| (swap.gain > tolerance && swap.relief >= -SLACK).then_some(swap.gain));
    }

    /// Swaps of two clients that gain together.
    fn exchange(&mut self, clients: &PriceSearch<'_>, prices: &[f64]) {
        while let Some(pair) = self.best_pair(clients, prices) {
            pair.into_iter().for_each(|(client, offer)| self.apply(clients, client, offer));
        }
    }

    /// The swaps that lose least at the prices.
    fn cheapest(&self, clients: &PriceSearch<'_>, prices: &[f64]) -> Vec<PricedSwap> {
        let mut swaps = Vec::new();
        for (client, offers) in clients.offers.iter().enumerate() {
            let Some(now) = self.offer(clients, client) else { continue };
            for (place, offer) in offers.iter().enumerate().filter(|(place, _)| Some(*place) != self.chosen[client]) {
                let loss = now.net_value(prices) - offer.net_value(prices);
                let gain = offer.objective - now.objective;
                swaps.push(PricedSwap { client, offer: place, loss, gain, difference: Vec::new() });
            }
        }
        swaps.sort_by(|a, b| a.loss.total_cmp(&b.loss).then((a.client, a.offer).cmp(&(b.client, b.offer))));
        swaps.truncate(MOST_PAIRED);
        for swap in &mut swaps {
            swap.difference = self.difference(clients, swap.client, swap.offer);
        }
        swaps
    }

    /// The two swaps that gain most together without exceeding a row further; `None` if no two gain.
    fn best_pair(&self, clients: &PriceSearch<'_>, prices: &[f64]) -> Option<[(usize, usize); 2]> {
        // What a swap loses at the prices; it gains at most what the unused places are priced at.
        let room: f64 = clients
            .left()
            .iter()
            .zip(&self.used)
            .zip(prices)
            .map(|((left, used), price)| (left - used).max(0.0) * price)
            .sum();
        let swaps = self.cheapest(clients, prices);
        let tolerance = self.tolerance;
        let best_with = |first: usize| {
            let one = &swaps[first];
            let others = swaps.iter().skip(first + 1).take_while(|other| one.loss + other.loss < room);
            let mut best: Option<(f64, [(usize, usize); 2])> = None;
            for other in others.filter(|other| other.client != one.client) {
                let most = best.map_or(tolerance, |(most, _)| most);
                let gain = one.gain + other.gain;
                if gain > most && self.relief(clients.left(), &one.difference, &other.difference) >= -SLACK {
                    best = Some((gain, [(one.client, one.offer), (other.client, other.offer)]));
                }
            }
            best
        };
        let found: Vec<_> = (0..swaps.len()).into_par_iter().filter_map(best_with).collect();
        let best = found.into_iter().max_by(|(a, x), (b, y)| a.total_cmp(b).then(y.cmp(x)));
        best.map(|(_, pair)| pair)
    }
}

fn over(surplus: f64) -> f64 {
    if surplus > SLACK { surplus } else { 0.0 }
}
