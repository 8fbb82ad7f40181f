//! Solves one channel's week with prices on its hours.

use std::collections::BTreeMap;

use crate::model::Tier;
use crate::planner::{Instance, Solution, Solver};

/// The best hours of a channel's week, given the price of a post at each hour.
pub fn best_hours(instance: &Instance, prices: &[f64], solver: &mut Solver, tier: Tier) -> Solution {
    match tier {
        Tier::Exact => solver.solve_with_prices(instance, prices),
        Tier::Fast => solver.solve_fast_with_prices(instance, prices),
    }
}

/// The channels of one week, as solved so far.
#[derive(Debug, Clone, Default)]
pub struct SolvedChannels {
    /// By [`key`], the best hours.
    solutions: BTreeMap<[u8; 32], Solution>,
}

impl SolvedChannels {
    /// Like [`best_hours`], for the channel with the given index, of whose week some hours may be closed. It is not
    /// solved again if it was solved before with the same hours closed and at the same prices.
    pub fn best_hours(
        &mut self,
        (channel, instance): (usize, &Instance),
        prices: &[f64],
        solver: &mut Solver,
        tier: Tier,
    ) -> Solution {
        let solution = self.solutions.entry(key(channel, instance, prices, tier));
        solution.or_insert_with(|| best_hours(instance, prices, solver, tier)).clone()
    }
}

/// A hash of all that tells one solution of a week's channel from another. The hours and prices themselves would take
/// about 1,500 bytes for each solution.
fn key(channel: usize, instance: &Instance, prices: &[f64], tier: Tier) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::from(tier == Tier::Exact)]).update(&channel.to_le_bytes());
    // A week without room for blocked posts has a lower maximum.
    hasher.update(&instance.posts_max.to_le_bytes());
    for is_allowed in &instance.allowed {
        hasher.update(&[u8::from(*is_allowed)]);
    }
    for price in prices {
        hasher.update(&price.to_bits().to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// A solver of the channels of one week, and the tier at which it solves.
pub(super) struct ChannelSolver<'s> {
    solver: &'s mut Solver,
    pub tier: Tier,
    solved: SolvedChannels,
}

impl<'s> ChannelSolver<'s> {
    pub fn new(solver: &'s mut Solver, tier: Tier) -> Self {
        Self { solver, tier, solved: SolvedChannels::default() }
    }

    /// The best hours of the channel with the given index, of whose week some hours may be closed.
    pub fn solve(&mut self, channel: usize, instance: &Instance, prices: &[f64]) -> Solution {
        self.solved.best_hours((channel, instance), prices, self.solver, self.tier)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::planner::slots::tests::extreme_week;

    #[test]
    fn a_channel_is_solved_once_for_each_of_its_hours_and_prices() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let weeks: Vec<Instance> = (0..40).map(|_| extreme_week(6, &mut random)).collect();
        let mut solver = Solver::default();
        let mut channel_solver = ChannelSolver::new(&mut solver, Tier::Exact);
        for (channel, week) in weeks.iter().enumerate() {
            let half_open =
                Instance { allowed: (0..6).map(|hour| week.allowed[hour] && hour % 2 == 0).collect(), ..week.clone() };
            for (instance, price) in [(week, 0.0), (week, 1e3), (week, 0.0), (&half_open, 0.0), (&half_open, 1e3)] {
                let prices = [price; 6];
                let solution = channel_solver.solve(channel, instance, &prices);
                assert_eq!(solution, Solver::default().solve_with_prices(instance, &prices), "channel {channel}");
            }
        }
        let always_open =
            weeks.iter().filter(|week| week.allowed.iter().enumerate().all(|(hour, open)| hour % 2 == 0 || !open));
        assert_eq!(channel_solver.solved.solutions.len(), 4 * weeks.len() - 2 * always_open.count());
    }
}
