//! The prices of shared limits: each client is planned at its best with them, and together they use what is allowed.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::sync::Arc;

use rayon::prelude::*;

use super::client::{Answer, ClientProblem, Offer};
use crate::model::Tier;
use crate::planner::Solver;

/// Most rounds of prices with the fast solver's weeks.
const ROUNDS: usize = 25;
/// Gap, as a share of the bound, at which the rounds end.
const GAP: f64 = 2e-5;
/// Most change of a price in a round: this factor, and this share of the median worth of a post beside it.
const MOST_STEP: f64 = 1.15;
const LEAST_STEP: f64 = 0.02;
/// From how many clients on the first prices are those of a sample of them, and the fewest that are in it.
const SAMPLED_FROM: usize = 400;
const SAMPLE: usize = 150;
/// Most clients that are asked at varied prices, too.
const MOST_VARIED: usize = 60;

/// By how much all prices are raised to get offers of fewer posts, as shares.
const HIGHER: [f64; 2] = [0.02, 0.06];
/// By how much some prices are raised and others lowered to get offers that move posts, as shares.
const APART: [f64; 2] = [0.02, 0.06];

/// Number of subgradient steps, the share by which a price changes in the first for a row that is used twice over, and the
/// factor on this share from step to step.
const STEPS: usize = 200;
const FIRST_SHARE: f64 = 0.05;
const SMALLER_SHARE: f64 = 0.98;

/// Clients that share rows, and what they offered at the prices so far.
pub(super) struct PriceSearch<'a> {
    problems: Vec<ClientProblem<'a>>,
    /// What may be used of each row.
    left: Vec<f64>,
    tier: Tier,
    /// By row, what the clients' posts that count in it and in those of its kind are worth if each is planned alone,
    /// descending.
    worths: Vec<Arc<[f64]>>,
    /// By row, the kind of it.
    kinds: Vec<usize>,
    /// By row, what is left of those of its kind.
    left_of_kind: Vec<f64>,
    /// By client, its answer at the prices tried last.
    answers: Vec<Answer>,
    /// The prices tried last, and how they were answered.
    tried: Option<(Vec<f64>, Tier)>,
    /// By client, the weeks that it offered.
    pub offers: Vec<Vec<Offer>>,
    /// The prices at which they were found, one list a round.
    pub price_lists: Vec<Vec<f64>>,
}

/// Prices with the least bound found.
pub(super) struct SharedPrices {
    pub prices: Vec<f64>,
    /// No plan of all clients that keeps the rows comes to more.
    pub bound: f64,
}

impl<'a> PriceSearch<'a> {
    /// Clients with so much left of each row. Rows of the same kind are alike but for their periods.
    pub fn new(problems: Vec<ClientProblem<'a>>, left: Vec<f64>, kinds: &[usize], tier: Tier) -> Self {
        let offers = problems.iter().map(|problem| vec![problem.offer_alone()]).collect();
        let none = |_: &ClientProblem<'_>| Answer { bound: 0.0, offer: None, own_prices: Vec::new() };
        let answers = problems.iter().map(none).collect();
        let of_kinds = kinds.iter().max().map_or(0, |most| most + 1);
        let (mut worths, mut left_of_kinds) = (vec![Vec::new(); of_kinds], vec![0.0; of_kinds]);
        for (row, worth) in problems.iter().flat_map(ClientProblem::posts_alone) {
            worths[kinds[row]].push(worth);
        }
        left.iter().zip(kinds).for_each(|(left, kind)| left_of_kinds[*kind] += left);
        worths.iter_mut().for_each(|worths| worths.sort_by(|a, b| b.total_cmp(a)));
        let worths: Vec<Arc<[f64]>> = worths.into_iter().map(Arc::from).collect();
        let worths = kinds.iter().map(|kind| Arc::clone(&worths[*kind])).collect();
        let left_of_kind = kinds.iter().map(|kind| left_of_kinds[*kind]).collect();
        Self {
            problems,
            left,
            tier,
            worths,
            kinds: kinds.to_vec(),
            left_of_kind,
            answers,
            tried: None,
            offers,
            price_lists: Vec::new(),
        }
    }

    pub fn problems(&self) -> &[ClientProblem<'a>] {
        &self.problems
    }

    /// What may be used of each row.
    pub fn left(&self) -> &[f64] {
        &self.left
    }

    /// Asks every client for its best week at some prices. Those whose prices are as they were keep their answers.
    /// Returns the bound, which is one if the tier is exact.
    fn ask(&mut self, prices: &[f64], tier: Tier) -> f64 {
        let price_list = self.price_lists.len();
        self.price_lists.push(prices.to_vec());
        let tried = self.tried.take().filter(|(_, before)| *before == tier);
        let is_as_before = |problem: &ClientProblem<'_>| {
            let is_same = |(tried, _): &(Vec<f64>, Tier)| problem.rows().iter().all(|row| tried[*row] == prices[*row]);
            tried.as_ref().is_some_and(is_same)
        };
        type Asked<'o> = (&'o mut Answer, &'o mut Vec<Offer>);
        let ask = |solver: &mut Solver, (problem, (answer, offers)): (&ClientProblem<'_>, Asked<'_>)| {
            if !is_as_before(problem) {
                *answer = problem.at_prices(prices, &answer.own_prices, solver, tier);
                let offer = answer.offer.clone().map(|offer| Offer { price_list, ..offer });
                offers.extend(offer.filter(|offer| !offers.iter().any(|before| offer.is_no_better_than(before))));
            }
        };
        let each = self.problems.par_iter().zip(self.answers.par_iter_mut().zip(&mut self.offers));
        each.for_each_init(Solver::default, ask);
        self.tried = Some((prices.to_vec(), tier));
        let of_rows: f64 = prices.iter().zip(&self.left).map(|(price, left)| price * left).sum();
        self.answers.iter().fold(of_rows, |sum, answer| sum + answer.bound)
    }

    /// Finds prices for the rows. `alone` is the bound without prices.
    ///
    /// The prices are those at which the fast solver's weeks have the least bound; the bound is that of exact weeks.
    pub fn lowest_bound(&mut self, alone: f64) -> SharedPrices {
        let mut prices = self.first_prices();
        if self.problems.len() >= SAMPLED_FROM {
            prices = self.sample().settle(prices);
        }
        let prices = self.settle(prices);
        let bound = self.ask(&prices, self.tier);
        if self.problems.len() <= MOST_VARIED {
            for prices in varied(&prices) {
                self.ask(&prices, self.tier);
            }
        }
        if self.tier == Tier::Exact && bound >= alone {
            return SharedPrices { prices: vec![0.0; self.left.len()], bound: alone };
        }
        SharedPrices { prices, bound }
    }

    /// Every so many of the clients. Of each row as large a part is left to them as of the clients that count in it.
    fn sample(&self) -> PriceSearch<'a> {
        let every = self.problems.len() / SAMPLE;
        let counting = |problems: &mut dyn Iterator<Item = &ClientProblem<'a>>| {
            let mut clients = vec![0.0; self.left.len()];
            problems.flat_map(ClientProblem::rows).for_each(|row| clients[*row] += 1.0);
            clients
        };
        let of_all = counting(&mut self.problems.iter());
        let of_sample = counting(&mut self.problems.iter().step_by(every));
        let left = self.left.iter().zip(of_all.iter().zip(&of_sample)).map(|(left, (all, sample))| left * sample / all);
        let problems: Vec<ClientProblem<'a>> = self.problems.iter().step_by(every).cloned().collect();
        PriceSearch::new(problems, left.collect(), &self.kinds, Tier::Fast)
    }

    /// By row, the worth of the best post for which rows of its kind have no place, if posts are admitted by worth.
    fn first_prices(&self) -> Vec<f64> {
        let rows = self.worths.iter().zip(&self.left_of_kind);
        rows.map(|(worths, left)| worths.get(*left as usize).copied().unwrap_or(0.0)).collect()
    }

    /// The prices, from the first ones on, at which the fast solver's weeks have the least bound. In each round all
    /// clients are asked at the prices at which their offers so far have the least.
    fn settle(&mut self, first: Vec<f64>) -> Vec<f64> {
        let (mut prices, mut best, mut least) = (first.clone(), first, f64::INFINITY);
        for _ in 0..ROUNDS {
            let bound = self.ask(&prices, Tier::Fast);
            if bound < least {
                least = bound;
                best.clone_from(&prices);
            }
            let (next, of_offers) = self.least_of_offers(&best);
            if least - of_offers <= GAP * least.abs() {
                break;
            }
            prices = next;
        }
        best
    }

    /// Prices near those given at which the offers so far have the least bound, and that bound: by subgradient steps.
    pub fn least_of_offers(&self, from: &[f64]) -> (Vec<f64>, f64) {
        let mut prices = from.to_vec();
        let (mut best, mut lowest_bound) = (from.to_vec(), f64::INFINITY);
        let median = |worths: &Arc<[f64]>| worths.get(worths.len() / 2).copied().unwrap_or(0.0);
        let least_steps: Vec<f64> = self.worths.iter().map(|worths| LEAST_STEP * median(worths)).collect();
        let mut step = FIRST_SHARE;
        for _ in 0..STEPS {
            let of_clients: Vec<Option<(f64, &Offer)>> =
                self.offers.par_iter().map(|offers| best_offer(offers, &prices)).collect();
            let mut bound: f64 = prices.iter().zip(&self.left).map(|(price, left)| price * left).sum();
            let mut used = vec![0.0; self.left.len()];
            for (value, offer) in of_clients.into_iter().flatten() {
                bound += value;
                offer.used.iter().for_each(|(row, count)| used[*row] += count);
            }
            if bound < lowest_bound {
                lowest_bound = bound;
                best.clone_from(&prices);
            }
            let surplus =
                used.iter().zip(&self.left).map(|(used, left)| ((used - left) / left.max(1.0)).clamp(-1.0, 1.0));
            for (((price, surplus), from), least) in prices.iter_mut().zip(surplus).zip(from).zip(&least_steps) {
                let lowest = (from / MOST_STEP - least).max(0.0);
                *price = (*price + step * surplus * (*price + least)).clamp(lowest, from * MOST_STEP + least);
            }
            step *= SMALLER_SHARE;
        }
        (best, lowest_bound)
    }
}

/// The offer that comes to most at some prices, and what it comes to; of equal ones the first.
fn best_offer<'o>(offers: &'o [Offer], prices: &[f64]) -> Option<(f64, &'o Offer)> {
    let mut best: Option<(f64, &Offer)> = None;
    for offer in offers {
        let value = offer.net_value(prices);
        if best.is_none_or(|(most, _)| value > most) {
            best = Some((value, offer));
        }
    }
    best
}

/// Prices about those given: all of them higher, then some of them higher and the others lower.
fn varied(prices: &[f64]) -> Vec<Vec<f64>> {
    let times = |share: &dyn Fn(usize) -> f64| {
        prices.iter().enumerate().map(|(row, price)| price * (1.0 + share(row))).collect::<Vec<f64>>()
    };
    let bits = usize::BITS - prices.len().saturating_sub(1).leading_zeros();
    let higher = HIGHER.iter().map(|share| times(&|_| *share));
    let apart = APART.iter().flat_map(|share| (0..bits).flat_map(move |bit| [(bit, *share), (bit, -*share)]));
    higher.chain(apart.map(|(bit, share)| times(&|row| if row >> bit & 1 == 1 { share } else { -share }))).collect()
}
