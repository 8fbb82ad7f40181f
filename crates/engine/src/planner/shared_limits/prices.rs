//! Lagrangian prices of shared rows: at these prices, clients that are planned on their own together use about what
//! the rows allow.

#![expect(clippy::indexing_slicing, reason = "lists by row and by client are as long as the problem's")]

use std::sync::Arc;

use rayon::prelude::*;

use super::client::{BestWeek, ClientProblem, Proposal};
use super::rows::RowBound;
use crate::model::Tier;
use crate::planner::Solver;
use crate::planner::coupling::SolvedChannels;

/// Maximum number of rounds of the search, which uses the fast solver.
const ROUNDS: usize = 25;
/// The rounds end once the lowest bound found is above that of the proposals by at most this share.
const GAP: f64 = 2e-5;
/// Maximum factor by which a price changes in a round.
const MAX_FACTOR: f64 = 1.15;
/// Amount by which a price may change in addition, as a share of the median value of a post.
const EXTRA_CHANGE: f64 = 0.02;
/// Number of clients from which on the search starts from the prices of a sample of the clients.
const SAMPLED_FROM: usize = 400;
/// Minimum number of clients in a sample.
const MIN_SAMPLE: usize = 150;
/// Maximum number of clients of which every solved channel is kept, so that none is solved again at the same prices.
pub(super) const MAX_KEPT: usize = 60;
/// Maximum number of clients whose best weeks are also found at perturbed prices.
const MAX_PERTURBED: usize = 60;

/// Shares by which all prices are raised, to get proposals with fewer posts.
const RAISED_BY: [f64; 2] = [0.02, 0.06];
/// Shares by which some prices are raised and others lowered, to get proposals with posts at other times.
const SPREAD_BY: [f64; 2] = [0.02, 0.06];

/// Number of subgradient steps.
const STEPS: usize = 200;
/// Share by which the first step changes the price of a row that is used at twice its capacity.
const FIRST_STEP: f64 = 0.05;
/// Factor on the size of each further step.
const STEP_DECAY: f64 = 0.98;

/// Clients that share rows, and their proposals at the prices so far.
pub(super) struct PriceSearch<'a> {
    problems: Vec<ClientProblem<'a>>,
    /// By row, its bound.
    bounds: Vec<RowBound>,
    tier: Tier,
    /// By row, the values of the posts, of clients planned alone, that count in a row of the same kind; descending.
    values: Vec<Arc<[f64]>>,
    /// By row, its kind. Rows of one kind differ only in their day.
    kinds: Vec<usize>,
    /// By row, the total capacity of the rows of the same kind.
    capacity_of_kind: Vec<f64>,
    /// By client, its best week at the prices tried last.
    best_weeks: Vec<BestWeek>,
    /// By client, its channels as solved so far, also in earlier searches. They are kept if there are few clients.
    pub solved: Vec<SolvedChannels>,
    /// The prices tried last, and the tier at which the clients' weeks were solved.
    tried: Option<(Vec<f64>, Tier)>,
    /// By client, the weeks found so far.
    pub proposals: Vec<Vec<Proposal>>,
    /// The prices tried so far, by row.
    pub price_lists: Vec<Vec<f64>>,
}

impl<'a> PriceSearch<'a> {
    /// A search over clients, of which each comes with its channels as solved so far, given the bound and the kind of each
    /// row.
    pub fn new(
        (problems, solved): (Vec<ClientProblem<'a>>, Vec<SolvedChannels>),
        bounds: Vec<RowBound>,
        kinds: &[usize],
        tier: Tier,
    ) -> Self {
        let proposals = problems.iter().map(|problem| vec![problem.proposal_alone()]).collect();
        let unknown = |_: &ClientProblem<'_>| BestWeek { bound: 0.0, proposal: None, own_prices: Vec::new() };
        let best_weeks = problems.iter().map(unknown).collect();
        let kind_count = kinds.iter().max().map_or(0, |last| last + 1);
        let (mut values_by_kind, mut capacity_by_kind) = (vec![Vec::new(); kind_count], vec![0.0; kind_count]);
        for (row, value) in problems.iter().flat_map(ClientProblem::values_alone) {
            values_by_kind[kinds[row]].push(value);
        }
        bounds.iter().zip(kinds).for_each(|(bound, kind)| capacity_by_kind[*kind] += bound.at_most);
        values_by_kind.iter_mut().for_each(|values| values.sort_by(|a, b| b.total_cmp(a)));
        let values_by_kind: Vec<Arc<[f64]>> = values_by_kind.into_iter().map(Arc::from).collect();
        let values = kinds.iter().map(|kind| Arc::clone(&values_by_kind[*kind])).collect();
        let capacity_of_kind = kinds.iter().map(|kind| capacity_by_kind[*kind]).collect();
        Self {
            problems,
            bounds,
            tier,
            values,
            kinds: kinds.to_vec(),
            capacity_of_kind,
            best_weeks,
            solved,
            tried: None,
            proposals,
            price_lists: Vec::new(),
        }
    }

    pub fn problems(&self) -> &[ClientProblem<'a>] {
        &self.problems
    }

    /// By row, its bound.
    pub fn bounds(&self) -> &[RowBound] {
        &self.bounds
    }

    /// What the rows allow costs at the given prices.
    fn price_of_bounds(&self, prices: &[f64]) -> f64 {
        prices.iter().zip(&self.bounds).map(|(price, bound)| price * bound.at_most).sum()
    }

    /// Finds the best week of every client at the given prices. Clients for which the prices are the same as last time
    /// keep their weeks. Returns the bound at these prices, which is an upper bound only if the tier is exact.
    fn solve_at(&mut self, prices: &[f64], tier: Tier) -> f64 {
        let price_list = self.price_lists.len();
        self.price_lists.push(prices.to_vec());
        let tried = self.tried.take().filter(|(_, tried_tier)| *tried_tier == tier);
        let is_unchanged = |problem: &ClientProblem<'_>| {
            let is_same =
                |(tried, _): &(Vec<f64>, Tier)| problem.shared_rows().iter().all(|row| tried[*row] == prices[*row]);
            tried.as_ref().is_some_and(is_same)
        };
        let are_kept = self.problems.len() <= MAX_KEPT;
        type Found<'o> = (&'o mut BestWeek, (&'o mut Vec<Proposal>, &'o mut SolvedChannels));
        let solve = |solver: &mut Solver,
                     (problem, (best_week, (proposals, solved))): (&ClientProblem<'_>, Found<'_>)| {
            if !is_unchanged(problem) {
                *best_week = problem.best_week(prices, &best_week.own_prices, are_kept.then_some(solved), solver, tier);
                let proposal = best_week.proposal.clone().map(|proposal| Proposal { price_list, ..proposal });
                let is_new = |proposal: &Proposal| !proposals.iter().any(|before| proposal.is_dominated_by(before));
                let new = proposal.filter(is_new);
                proposals.extend(new);
            }
        };
        let clients = self
            .problems
            .par_iter()
            .zip(self.best_weeks.par_iter_mut().zip(self.proposals.par_iter_mut().zip(&mut self.solved)));
        clients.for_each_init(Solver::default, solve);
        self.tried = Some((prices.to_vec(), tier));
        self.best_weeks.iter().fold(self.price_of_bounds(prices), |sum, best_week| sum + best_week.bound)
    }

    /// Finds prices for the rows: those at which the fast solver's weeks have the least bound, or none if exact weeks prove
    /// no more at these than `bound_alone`, the bound without prices.
    pub fn find_prices(&mut self, bound_alone: f64) -> Vec<f64> {
        let mut prices = self.first_prices();
        if self.problems.len() >= SAMPLED_FROM {
            prices = self.sample().fast_prices(prices);
        }
        let prices = self.fast_prices(prices);
        let bound = self.solve_at(&prices, self.tier);
        if self.problems.len() <= MAX_PERTURBED {
            for prices in perturbed(&prices, &self.bounds) {
                self.solve_at(&prices, self.tier);
            }
        }
        if self.tier == Tier::Exact && bound >= bound_alone {
            return vec![0.0; self.bounds.len()];
        }
        prices
    }

    /// A search over an evenly spaced sample of the clients. What each row allows is scaled by the share of the
    /// clients, of those whose posts count in the row, that are in the sample.
    fn sample(&self) -> PriceSearch<'a> {
        let step = self.problems.len() / MIN_SAMPLE;
        let clients_by_row = |problems: &mut dyn Iterator<Item = &ClientProblem<'a>>| {
            let mut clients = vec![0.0; self.bounds.len()];
            problems.flat_map(ClientProblem::shared_rows).for_each(|row| clients[*row] += 1.0);
            clients
        };
        let of_all = clients_by_row(&mut self.problems.iter());
        let of_sample = clients_by_row(&mut self.problems.iter().step_by(step));
        let counts = of_all.iter().zip(&of_sample);
        let scaled = |(bound, (all, sample)): (&RowBound, (&f64, &f64))| RowBound {
            at_most: bound.at_most * sample / all,
            ..*bound
        };
        let bounds = self.bounds.iter().zip(counts).map(scaled).collect();
        let problems: Vec<ClientProblem<'a>> = self.problems.iter().step_by(step).cloned().collect();
        let solved = vec![SolvedChannels::default(); problems.len()];
        PriceSearch::new((problems, solved), bounds, &self.kinds, Tier::Fast)
    }

    /// By row, the value of the best post that no longer fits if the rows of the same kind are filled with posts in
    /// descending order of value; at most the price of a post beyond the row's maximum.
    fn first_prices(&self) -> Vec<f64> {
        let value_beyond =
            |(values, capacity): (&Arc<[f64]>, &f64)| values.get(*capacity as usize).copied().unwrap_or(0.0);
        let values = self.values.iter().zip(&self.capacity_of_kind).map(value_beyond);
        values.zip(&self.bounds).map(|(value, bound)| value.min(bound.highest_price())).collect()
    }

    /// The prices with the lowest bound when the fast solver finds the weeks, searched for from `first` on. Each round
    /// solves all clients at the prices that minimize the bound of the proposals so far.
    fn fast_prices(&mut self, first: Vec<f64>) -> Vec<f64> {
        let (mut prices, mut best, mut lowest_bound) = (first.clone(), first, f64::INFINITY);
        for _ in 0..ROUNDS {
            let bound = self.solve_at(&prices, Tier::Fast);
            if bound < lowest_bound {
                lowest_bound = bound;
                best.clone_from(&prices);
            }
            let (next, bound_of_proposals) = self.minimize_bound_of_proposals(&best);
            if lowest_bound - bound_of_proposals <= GAP * lowest_bound.abs() {
                break;
            }
            prices = next;
        }
        best
    }

    /// Searches by subgradient steps for the prices near `from` with the lowest bound if clients had no weeks but their
    /// proposals so far. Returns the prices and that bound.
    pub fn minimize_bound_of_proposals(&self, from: &[f64]) -> (Vec<f64>, f64) {
        let mut prices = from.to_vec();
        let (mut best, mut lowest_bound) = (from.to_vec(), f64::INFINITY);
        let median = |values: &Arc<[f64]>| values.get(values.len() / 2).copied().unwrap_or(0.0);
        let extra_changes: Vec<f64> = self.values.iter().map(|values| EXTRA_CHANGE * median(values)).collect();
        let mut step = FIRST_STEP;
        for _ in 0..STEPS {
            let best_proposals: Vec<Option<(f64, &Proposal)>> =
                self.proposals.par_iter().map(|proposals| best_proposal(proposals, &prices)).collect();
            let mut bound = self.price_of_bounds(&prices);
            let mut used = vec![0.0; self.bounds.len()];
            for (value, proposal) in best_proposals.into_iter().flatten() {
                bound += value;
                proposal.used.iter().for_each(|(row, count)| used[*row] += count);
            }
            if bound < lowest_bound {
                lowest_bound = bound;
                best.clone_from(&prices);
            }
            for (row, price) in prices.iter_mut().enumerate() {
                let (from, extra, bound) = (from[row], extra_changes[row], self.bounds[row]);
                let surplus = ((used[row] - bound.at_most) / bound.at_most.max(1.0)).clamp(-1.0, 1.0);
                let lowest = (from / MAX_FACTOR - extra).max(0.0);
                let highest = (from * MAX_FACTOR + extra).min(bound.highest_price());
                *price = (*price + step * surplus * (*price + extra)).clamp(lowest, highest);
            }
            step *= STEP_DECAY;
        }
        (best, lowest_bound)
    }
}

/// The proposal of greatest net value at the given prices, and this value; the first of several equal ones.
fn best_proposal<'p>(proposals: &'p [Proposal], prices: &[f64]) -> Option<(f64, &'p Proposal)> {
    let mut best: Option<(f64, &Proposal)> = None;
    for proposal in proposals {
        let value = proposal.net_value(prices);
        if best.is_none_or(|(best_value, _)| value > best_value) {
            best = Some((value, proposal));
        }
    }
    best
}

/// Prices near those given: all of them higher, then some of them higher and the others lower. None is higher than its
/// row allows.
fn perturbed(prices: &[f64], bounds: &[RowBound]) -> Vec<Vec<f64>> {
    let changed_by = |share: &dyn Fn(usize) -> f64| {
        let changed = prices.iter().enumerate().map(|(row, price)| price * (1.0 + share(row)));
        changed.zip(bounds).map(|(price, bound)| price.min(bound.highest_price())).collect::<Vec<f64>>()
    };
    // For each bit, rows whose index has the bit set change one way, and all others the other way. The indices of any
    // two rows differ in some bit, so that one of the two becomes dearer than the other.
    let bits = usize::BITS - prices.len().saturating_sub(1).leading_zeros();
    let raised = RAISED_BY.iter().map(|share| changed_by(&|_| *share));
    let spread = SPREAD_BY.iter().flat_map(|share| (0..bits).flat_map(move |bit| [(bit, *share), (bit, -*share)]));
    let spread = spread.map(|(bit, share)| changed_by(&|row| if row >> bit & 1 == 1 { share } else { -share }));
    raised.chain(spread).collect()
}
