//! The hours of a channel's week: the best ones, proven (`solve`), or good ones, quickly found (`solve_fast`).
//!
//! ```text
//! horizon   where a post may stand, fatigue that no choice changes     by the hour, once an instance
//! reach     how tired the chosen posts can have made the channel       forward in time
//! future    the best value of what is left, by fatigue                 back in time, then read forward
//!   curve   ... its straight pieces
//! greedy    the fast tier, which needs none of `reach`, `future`, `curve`
//! price     what fatigue costs a plan, and the week after it
//! ```
//!
//! This folder knows hours, values and fatigue only. It does not know what a post shows, who may see it or whether a
//! guardrail lets it pass, and it draws nothing at random: the same instance gives the same hours.

mod curve;
mod future;
mod greedy;
mod horizon;
mod price;
mod reach;
#[cfg(test)]
mod tests;

use self::future::Future;
use self::greedy::Greedy;
use self::horizon::Horizon;
use self::reach::Reach;
use super::{Instance, Solution};

/// How many ties the rounding of one plan may add up to before the plan no longer counts as proven.
const ROUNDING: f64 = 1e3;

/// Solves channel-weeks, one after the other. Holds the buffers, so that a worker keeps one and, but for the hours it
/// returns, allocates nothing after the first few.
#[derive(Debug, Default)]
pub struct Solver {
    horizon: Horizon,
    reach: Reach,
    future: Future,
    greedy: Greedy,
    chosen: Vec<usize>,
}

impl Solver {
    /// The best choice of hours. Among choices as good as each other (to 1e-12 of the objective's scale) it is the one
    /// whose first post is earliest, then its second, and so on; posts that earn nothing or lower the objective are left out.
    ///
    /// `optimal` is true unless a plan lies within rounding of the block, where the proof fails by as much.
    pub fn solve(&mut self, instance: &Instance) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, None);
        self.best(instance)
    }

    /// The best choice that contains the `pinned` hour, even where a post there lowers the objective; none where
    /// no feasible choice contains it.
    pub fn solve_with(&mut self, instance: &Instance, pinned: usize) -> Option<Solution> {
        self.horizon.prepare(instance, instance.end_weight, Some(pinned));
        let solution = self.best(instance);
        solution.chosen.contains(&pinned).then_some(solution)
    }

    /// A good choice: greedy, improved by swaps. `optimal` is false even where it happens to be.
    pub fn solve_fast(&mut self, instance: &Instance) -> Solution {
        self.horizon.prepare(instance, instance.end_weight, None);
        let chosen = self.greedy.search(instance, &self.horizon).to_vec();
        Solution { objective: instance.objective(&chosen), chosen, optimal: false }
    }

    /// What a unit of fatigue handed to the next week costs, in the unit of `value`: the price, at least 0, at which a
    /// unit at the end of this week is as dear as one at its start, were every week like this one.
    ///
    /// The first guess spreads the posts evenly. Each round then solves the week at the price so far and takes the
    /// price that its plan implies: with C the cost to the plan's posts of a unit at the start, price = C + price x
    /// decay over the week. No round gives 0. The instance's own `end_weight` does not matter. Only the most valuable
    /// hours are offered to these rounds: a price needs a plan like the best one, not the best one itself.
    pub fn end_weight(&mut self, instance: &Instance, rounds: u32) -> f64 {
        if rounds == 0 {
            return 0.0;
        }
        let over_week: f64 = instance.value.iter().map(|_| instance.decay_per_hour).product();
        let lasting = |cost: f64| cost / (1.0 - over_week).max(f64::MIN_POSITIVE);
        let thinned = price::thinned(instance);
        self.horizon.prepare(&thinned, 0.0, None);
        let mut price = lasting(price::even_cost(&thinned, &self.horizon));
        for _ in 0..rounds {
            self.horizon.prepare(&thinned, price, None);
            self.search(&thinned);
            price = lasting(price::start_cost(&thinned, &self.horizon, &self.chosen));
        }
        price
    }

    fn best(&mut self, instance: &Instance) -> Solution {
        let promised = self.search(instance);
        let objective = instance.objective(&self.chosen);
        let bonus: f64 = self.chosen.iter().map(|hour| self.horizon.bonus_at(*hour)).sum();
        let optimal = objective + bonus >= promised - ROUNDING * self.horizon.tie;
        Solution { chosen: self.chosen.clone(), objective, optimal }
    }

    /// Puts the best hours of the prepared horizon into `chosen`. Returns their value, bonus included.
    fn search(&mut self, instance: &Instance) -> f64 {
        self.reach.prepare(&self.horizon, instance.fatigue_per_post);
        self.future.prepare(instance, &self.horizon, &self.reach);
        self.future.read(instance, &self.horizon, &mut self.chosen)
    }
}
