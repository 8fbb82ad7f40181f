//! Chooses the hours of a channel's week: optimal with proof (`solve`), or good and fast (`solve_fast`).
//!
//! ```text
//! horizon         where a post is allowed, fatigue that no choice changes  by hour, once per instance
//! reach           bounds on the fatigue that chosen posts can cause        forward in time
//! response_bound  straight lines above the response                        once per response
//! future          the most that is left to earn, by fatigue                backward in time, then read forward
//!   curve         ... its linear pieces
//! labels          partial plans that may yet beat the plan read            forward in time, unless it is proven already
//! greedy          the fast tier, which needs none of `reach`, `future`, `labels`
//! price           what fatigue costs a plan, and the week after it
//! ```
//!
//! This module knows hours, values and fatigue only: nothing about a post's content, its audience or guardrails. It is
//! deterministic: the same instance gives the same hours.

mod curve;
mod future;
mod greedy;
mod horizon;
mod labels;
mod price;
mod reach;
mod response_bound;
#[cfg(test)]
pub(super) mod tests;

use self::future::Future;
use self::greedy::Greedy;
use self::horizon::Horizon;
use self::labels::Labels;
use self::reach::FatigueBound;
use self::response_bound::ResponseBound;
use super::{Instance, Solution};
use crate::model::FatigueResponse;

/// Rounding error of one plan, in tie tolerances, above which the plan no longer counts as proven optimal.
const ROUNDING: f64 = 1e3;

/// Solves channel-weeks, one after the other. It owns the buffers, so a worker that keeps one soon allocates nothing
/// but the returned hours.
#[derive(Debug, Default)]
pub struct Solver {
    horizon: Horizon,
    reach: FatigueBound,
    bound: ResponseBound,
    future: Future,
    labels: Labels,
    greedy: Greedy,
    chosen: Vec<usize>,
}

/// What a search for the hours of a week works on.
#[derive(Clone, Copy)]
struct SearchWeek<'a> {
    instance: &'a Instance,
    horizon: &'a Horizon,
    reach: &'a FatigueBound,
    bound: &'a ResponseBound,
}

impl Solver {
    /// The optimal choice of hours; posts that earn nothing or lower the objective are left out. With a linear response
    /// it is, among choices of equal objective (to 1e-12 of its scale), the one whose first post is earliest, then its
    /// second, and so on. With any other it is one of them, always the same.
    ///
    /// `optimal` is true unless the choice misses the computed maximum, which only rounding right at the fatigue block
    /// can cause.
    pub fn solve(&mut self, instance: &Instance) -> Solution {
        self.solve_at(instance, &[])
    }

    /// The same with a price for a post at each hour, negative where a post is rewarded: optimal for the objective less
    /// the prices of the chosen hours. The `objective` of the solution is the instance's own, without prices.
    pub fn solve_at(&mut self, instance: &Instance, prices: &[f64]) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, prices, None);
        self.best(instance)
    }

    /// The optimal choice that contains the `pinned` hour, even if a post there lowers the objective; `None` if no
    /// feasible choice contains it.
    pub fn solve_with(&mut self, instance: &Instance, pinned: usize) -> Option<Solution> {
        self.solve_with_at(instance, &[], pinned)
    }

    /// The same with a price for a post at each hour, as [`Solver::solve_at`].
    pub fn solve_with_at(&mut self, instance: &Instance, prices: &[f64], pinned: usize) -> Option<Solution> {
        self.horizon.prepare(instance, instance.end_weight, prices, Some(pinned));
        let solution = self.best(instance);
        solution.chosen.contains(&pinned).then_some(solution)
    }

    /// A good choice: greedy insertion improved by swaps. `optimal` is false even if the choice happens to be.
    pub fn solve_fast(&mut self, instance: &Instance) -> Solution {
        self.solve_fast_at(instance, &[])
    }

    /// The same with a price for a post at each hour, as [`Solver::solve_at`].
    pub fn solve_fast_at(&mut self, instance: &Instance, prices: &[f64]) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, prices, None);
        self.bound.prepare(instance);
        let chosen = self.greedy.search(instance, &self.horizon, &self.bound).to_vec();
        Solution { objective: instance.objective(&chosen), chosen, optimal: false }
    }

    /// Price of a unit of fatigue carried over to the next week, in the unit of `value`, at least 0: the price at which
    /// a unit at the end of this week costs as much as one at its start, assuming that every week is like this one.
    ///
    /// The initial guess spreads the posts evenly. Each round then solves the week at the current price and takes the
    /// price that its plan implies: with C the cost to the plan's posts of a unit at the start, price = C + price x
    /// decay over the week. With no rounds the price is 0. The instance's own `end_weight` is ignored. These rounds use
    /// only the most valuable hours: the price needs a plan close to the optimum, not the optimum itself.
    pub fn end_weight(&mut self, instance: &Instance, rounds: u32) -> f64 {
        if rounds == 0 {
            return 0.0;
        }
        let over_week: f64 = instance.value.iter().map(|_| instance.decay_per_hour).product();
        let lasting = |cost: f64| cost / (1.0 - over_week).max(f64::MIN_POSITIVE);
        let reduced_instance = price::reduced_instance(instance);
        self.horizon.prepare(&reduced_instance, 0.0, &[], None);
        let mut price = lasting(price::initial_cost_guess(&reduced_instance, &self.horizon));
        for _ in 0..rounds {
            self.horizon.prepare(&reduced_instance, price, &[], None);
            self.outline(&reduced_instance);
            price = lasting(price::start_cost(&reduced_instance, &self.horizon, &self.chosen));
        }
        price
    }

    fn best(&mut self, instance: &Instance) -> Solution {
        let promised = self.search(instance);
        let objective = instance.objective(&self.chosen);
        let extra: f64 = self.chosen.iter().map(|hour| self.horizon.extra_at(*hour)).sum();
        let optimal = objective + extra >= promised - ROUNDING * self.horizon.tie;
        Solution { chosen: self.chosen.clone(), objective, optimal }
    }

    /// Puts the optimal hours of the prepared horizon into `chosen`. Returns their value, extras included.
    fn search(&mut self, instance: &Instance) -> f64 {
        let promised = self.outline(instance);
        if let FatigueResponse::Linear(_) = instance.response {
            return promised;
        }
        let Self { horizon, reach, bound, future, labels, chosen, .. } = self;
        let extra: f64 = chosen.iter().map(|hour| horizon.extra_at(*hour)).sum();
        let found = instance.objective(chosen) + extra;
        if found >= promised - horizon.tie {
            return found;
        }
        labels.improve(&SearchWeek { instance, horizon, reach, bound }, future, found, chosen)
    }

    /// Puts hours of the prepared horizon into `chosen` that are optimal for a linear response, and close to it for any
    /// other. Returns an upper bound on the value of any hours, extras included.
    fn outline(&mut self, instance: &Instance) -> f64 {
        let Self { horizon, reach, bound, future, chosen, .. } = self;
        let is_exact = matches!(instance.response, FatigueResponse::Linear(_));
        reach.prepare(horizon, instance.fatigue_per_post, !is_exact);
        bound.prepare(instance);
        let week = SearchWeek { instance, horizon, reach, bound };
        future.prepare(&week);
        future.read(&week, chosen);
        future.promised(horizon)
    }
}
