//! Chooses the hours of a channel's week: optimal with proof (`solve`), or good and fast (`solve_fast`).
//!
//! ```text
//! horizon          where a post is allowed, and fatigue without chosen posts  by hour, once per instance
//! fatigue_bounds   bounds on the fatigue that chosen posts can cause          forward in time
//! response_bound   straight lines above the response                          once per response
//! value_functions  upper bound on what later hours earn, by fatigue; a plan   backward in time, then forward
//!   curve          ... its linear pieces
//! labels           partial plans that may beat that plan                      forward in time, unless it is optimal
//! greedy           the fast tier, which needs none of `fatigue_bounds`, `value_functions`, `labels`
//! price            what fatigue costs a plan, and the week after it
//! ```
//!
//! This module knows hours, values and fatigue only: nothing about a post's content, its audience or guardrails. It is
//! deterministic: the same instance gives the same hours.

mod curve;
mod fatigue_bounds;
mod greedy;
mod horizon;
mod labels;
mod price;
mod response_bound;
#[cfg(test)]
pub(super) mod tests;
mod value_functions;

use self::fatigue_bounds::FatigueBounds;
use self::greedy::Greedy;
use self::horizon::Horizon;
use self::labels::Labels;
use self::response_bound::ResponseBound;
use self::value_functions::ValueFunctions;
use super::{Instance, Solution};
use crate::model::FatigueResponse;

/// Rounding error, as a multiple of the tie tolerance, above which a plan no longer counts as proven optimal.
const MAX_ROUNDING: f64 = 1e3;

/// Solves channel-weeks, one after the other. It owns the buffers, so a worker that keeps one soon allocates nothing
/// but the returned hours.
#[derive(Debug, Default)]
pub struct Solver {
    horizon: Horizon,
    fatigue_bounds: FatigueBounds,
    response_bound: ResponseBound,
    value_functions: ValueFunctions,
    labels: Labels,
    greedy: Greedy,
    chosen: Vec<usize>,
}

/// An instance, with the tables that the searches for hours share.
#[derive(Clone, Copy)]
struct SearchWeek<'a> {
    instance: &'a Instance,
    horizon: &'a Horizon,
    fatigue_bounds: &'a FatigueBounds,
    response_bound: &'a ResponseBound,
}

impl Solver {
    /// The optimal choice of hours; posts that earn nothing or lower the objective are left out. Of several choices of
    /// equal objective (to 1e-12 of its scale), it is with a linear response the one whose first post is earliest, then
    /// its second, and so on; with any other response it is one of them, always the same one.
    ///
    /// `optimal` is true unless the choice misses the computed maximum, which only rounding right at the fatigue block
    /// can cause.
    pub fn solve(&mut self, instance: &Instance) -> Solution {
        self.solve_with_prices(instance, &[])
    }

    /// Like [`Solver::solve`], with a price for a post at each hour, negative where a post is rewarded: optimal for the
    /// objective less the prices of the chosen hours. The `objective` of the solution is the instance's own, without
    /// prices.
    pub fn solve_with_prices(&mut self, instance: &Instance, prices: &[f64]) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, prices, None);
        self.solve_prepared(instance)
    }

    /// The optimal choice that contains the `pinned` hour, even if a post there lowers the objective; `None` if no
    /// feasible choice contains it.
    pub fn solve_pinned(&mut self, instance: &Instance, pinned: usize) -> Option<Solution> {
        self.solve_pinned_with_prices(instance, &[], pinned)
    }

    /// Like [`Solver::solve_pinned`], with a price for a post at each hour as in [`Solver::solve_with_prices`].
    pub fn solve_pinned_with_prices(&mut self, instance: &Instance, prices: &[f64], pinned: usize) -> Option<Solution> {
        self.horizon.prepare(instance, instance.end_weight, prices, Some(pinned));
        let solution = self.solve_prepared(instance);
        solution.chosen.contains(&pinned).then_some(solution)
    }

    /// A good choice: greedy insertion improved by swaps. `optimal` is false even if the choice happens to be.
    pub fn solve_fast(&mut self, instance: &Instance) -> Solution {
        self.solve_fast_with_prices(instance, &[])
    }

    /// Like [`Solver::solve_fast`], with a price for a post at each hour as in [`Solver::solve_with_prices`].
    pub fn solve_fast_with_prices(&mut self, instance: &Instance, prices: &[f64]) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, prices, None);
        self.response_bound.prepare(instance);
        let chosen = self.greedy.search(instance, &self.horizon, &self.response_bound).to_vec();
        Solution { objective: instance.objective(&chosen), chosen, optimal: false }
    }

    /// Price of a unit of fatigue carried over to the next week, in the unit of `value`, at least 0: the price at which
    /// a unit at the end of this week costs as much as one at its start, assuming that every week is like this one.
    ///
    /// The initial guess spreads the posts evenly. Each round then solves the week at the current price and takes the
    /// price that its plan implies: `price = cost + price · decay`, where `cost` is what a unit of fatigue at the start
    /// costs the plan's posts, and `decay` is the decay over the whole week. With no rounds the price is 0. The
    /// instance's own `end_weight` is ignored. The rounds use only the most valuable hours: the price needs a plan
    /// close to the optimum, not the optimum itself.
    pub fn end_weight(&mut self, instance: &Instance, rounds: u32) -> f64 {
        if rounds == 0 {
            return 0.0;
        }
        let decay_over_week: f64 = instance.value.iter().map(|_| instance.decay_per_hour).product();
        let implied_price = |start_cost: f64| start_cost / (1.0 - decay_over_week).max(f64::MIN_POSITIVE);
        let reduced_instance = price::reduced_instance(instance);
        self.horizon.prepare(&reduced_instance, 0.0, &[], None);
        let mut price = implied_price(price::initial_cost_guess(&reduced_instance, &self.horizon));
        for _ in 0..rounds {
            self.horizon.prepare(&reduced_instance, price, &[], None);
            self.choose_by_value_functions(&reduced_instance);
            price = implied_price(price::start_cost(&reduced_instance, &self.horizon, &self.chosen));
        }
        price
    }

    /// The optimal hours of the prepared horizon.
    fn solve_prepared(&mut self, instance: &Instance) -> Solution {
        let optimum = self.choose(instance);
        let objective = instance.objective(&self.chosen);
        let extra: f64 = self.chosen.iter().map(|hour| self.horizon.extra_at(*hour)).sum();
        let optimal = objective + extra >= optimum - MAX_ROUNDING * self.horizon.tie;
        Solution { chosen: self.chosen.clone(), objective, optimal }
    }

    /// Puts the optimal hours of the prepared horizon into `chosen`. Returns their value, extras included: the
    /// objective plus [`Horizon::extra_at`] of each chosen hour.
    fn choose(&mut self, instance: &Instance) -> f64 {
        let upper_bound = self.choose_by_value_functions(instance);
        if let FatigueResponse::Linear(_) = instance.response {
            return upper_bound;
        }
        let Self { horizon, fatigue_bounds, response_bound, value_functions, labels, chosen, .. } = self;
        let extra: f64 = chosen.iter().map(|hour| horizon.extra_at(*hour)).sum();
        let value = instance.objective(chosen) + extra;
        if value >= upper_bound - horizon.tie {
            return value;
        }
        let week = SearchWeek { instance, horizon, fatigue_bounds, response_bound };
        labels.improve(&week, value_functions, value, chosen)
    }

    /// Puts hours of the prepared horizon into `chosen` that are optimal for a linear response and close to optimal for
    /// any other. Returns an upper bound on the value, extras included, of any choice of hours.
    fn choose_by_value_functions(&mut self, instance: &Instance) -> f64 {
        let Self { horizon, fatigue_bounds, response_bound, value_functions, chosen, .. } = self;
        let is_exact = matches!(instance.response, FatigueResponse::Linear(_));
        fatigue_bounds.prepare(horizon, instance.fatigue_per_post, !is_exact);
        response_bound.prepare(instance);
        let week = SearchWeek { instance, horizon, fatigue_bounds, response_bound };
        value_functions.prepare(&week);
        value_functions.choose(&week, chosen);
        value_functions.upper_bound(horizon)
    }
}
