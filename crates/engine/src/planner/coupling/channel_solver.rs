//! Solves one channel's week with prices on its hours.

use crate::model::Tier;
use crate::planner::{Instance, Solution, Solver};

/// A solver, and the tier at which it solves.
pub(super) struct ChannelSolver<'s> {
    pub solver: &'s mut Solver,
    pub tier: Tier,
}

impl ChannelSolver<'_> {
    /// The best hours of a channel's week, given the price of a post at each hour.
    pub fn solve(&mut self, instance: &Instance, prices: &[f64]) -> Solution {
        match self.tier {
            Tier::Exact => self.solver.solve_with_prices(instance, prices),
            Tier::Fast => self.solver.solve_fast_with_prices(instance, prices),
        }
    }
}
