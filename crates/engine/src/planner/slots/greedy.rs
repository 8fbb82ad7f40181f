//! The fast tier: greedy insertion improved by swaps. The result is usually within a fraction of a percent of the
//! optimum, but this is never proven.
//!
//! A saturating response is replaced by its upper bound, which is read from a table.
//!
//! A post's gain is what it earns less what its fatigue costs later posts and at the end of the week. Most hours are
//! ruled out without going through the other posts, by an upper bound on the gain that uses the response's minimum
//! slope.

#![expect(
    clippy::indexing_slicing,
    reason = "tables have one entry an hour; hours come from the horizon that sized them"
)]

use super::horizon::Horizon;
use super::price::fill_fatigue_costs;
use super::response_bound::ResponseBound;
use crate::planner::Instance;

/// Maximum rounds of insertions and swaps; each strictly raises the objective, and few are needed.
const ROUNDS: usize = 32;

/// Buffers of the greedy search: the current plan and the per-hour values that follow from it.
#[derive(Debug, Default)]
pub(super) struct Greedy {
    chosen: Vec<usize>,
    /// Fatigue at each hour, just before its post.
    fatigue: Vec<f64>,
    /// For each hour and the end of the week, a lower bound on what a unit of fatigue costs from then on.
    fatigue_costs: Vec<f64>,
    /// For each hour, the number of chosen posts that it is too near to.
    posts_nearby: Vec<u32>,
}

/// An hour, and what a post there adds to the objective.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    hour: usize,
    gain: f64,
}

impl Greedy {
    /// The hours that the search chooses, ascending.
    pub fn search(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> &[usize] {
        self.chosen.clear();
        self.posts_nearby.clear();
        self.posts_nearby.resize(horizon.hours, 0);
        self.refresh(instance, horizon, bound);
        for _ in 0..ROUNDS {
            let has_added = self.add_posts(instance, horizon, bound);
            let has_moved = self.swap_posts(instance, horizon, bound);
            if !has_added && !has_moved {
                break;
            }
        }
        &self.chosen
    }

    /// Adds a post at the best hour as long as one raises the objective. Returns whether any was added.
    fn add_posts(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> bool {
        let mut has_added = false;
        while self.chosen.len() < horizon.max_posts {
            let Some(best) = self.best_hour(instance, horizon, bound, horizon.tie) else { break };
            self.insert(best.hour, instance, horizon, bound);
            has_added = true;
        }
        has_added
    }

    /// Removes each post in turn and inserts one at the best hour instead. Returns whether any moved.
    fn swap_posts(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> bool {
        let mut has_moved = false;
        for index in 0..self.chosen.len() {
            let hour = self.chosen[index];
            self.remove(index, instance, horizon, bound);
            let gain = self.gain(instance, horizon, bound, hour).unwrap_or(f64::NEG_INFINITY);
            let best = self.best_hour(instance, horizon, bound, gain.max(0.0) + horizon.tie);
            has_moved |= best.is_some();
            self.insert(best.map_or(hour, |best| best.hour), instance, horizon, bound);
        }
        has_moved
    }

    /// The open hour of greatest gain, if this is above `floor`; the earliest of equally good ones.
    fn best_hour(
        &self,
        instance: &Instance,
        horizon: &Horizon,
        bound: &ResponseBound,
        floor: f64,
    ) -> Option<Candidate> {
        let mut best = Candidate { hour: horizon.hours, gain: floor };
        for hour in 0..horizon.hours {
            if self.posts_nearby[hour] > 0 || !horizon.open[hour] {
                continue;
            }
            if self.gain_upper_bound(instance, horizon, bound, hour) <= best.gain {
                continue;
            }
            if let Some(gain) = self.gain(instance, horizon, bound, hour).filter(|gain| *gain > best.gain) {
                best = Candidate { hour, gain };
            }
        }
        (best.hour < horizon.hours).then_some(best)
    }

    /// Upper bound on the gain of a post at the hour.
    fn gain_upper_bound(&self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound, hour: usize) -> f64 {
        let added = instance.fatigue_per_post * instance.decay_per_hour;
        let earned =
            instance.value[hour] * bound.at(&instance.response, self.fatigue[hour]) + horizon.fixed_gain_at(hour);
        earned - added * self.fatigue_costs[hour + 1]
    }

    /// What a post at the hour adds to the objective; `None` if it, or a later post, would reach the fatigue block.
    fn gain(&self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound, hour: usize) -> Option<f64> {
        if self.fatigue[hour] >= horizon.block_at {
            return None;
        }
        let mut gain =
            instance.value[hour] * bound.at(&instance.response, self.fatigue[hour]) + horizon.fixed_gain_at(hour);
        for later in self.chosen.iter().copied().skip_while(|other| *other <= hour) {
            let before = self.fatigue[later];
            let after = before + instance.fatigue_per_post * horizon.waits[later - hour].decay;
            if after >= horizon.block_at {
                return None;
            }
            gain -=
                instance.value[later] * (bound.at(&instance.response, before) - bound.at(&instance.response, after));
        }
        Some(gain - horizon.end_weight * instance.fatigue_per_post * horizon.waits[horizon.hours - hour].decay)
    }

    fn insert(&mut self, hour: usize, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) {
        let index = self.chosen.partition_point(|other| *other < hour);
        self.chosen.insert(index, hour);
        self.change_posts_nearby(hour, horizon, 1);
        self.refresh(instance, horizon, bound);
    }

    fn remove(&mut self, index: usize, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) {
        let hour = self.chosen.remove(index);
        self.change_posts_nearby(hour, horizon, u32::MAX);
        self.refresh(instance, horizon, bound);
    }

    /// Adds `change` to `posts_nearby` of each hour within the spacing of `hour`; `u32::MAX` wraps around and so
    /// subtracts one.
    fn change_posts_nearby(&mut self, hour: usize, horizon: &Horizon, change: u32) {
        let first = horizon.next.partition_point(|next| *next <= hour);
        for count in &mut self.posts_nearby[first..horizon.next[hour]] {
            *count = count.wrapping_add(change);
        }
    }

    /// Recomputes the fatigue and its costs after a change of the plan.
    fn refresh(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) {
        self.fatigue.clear();
        let (mut from_chosen, mut posts) = (0.0, self.chosen.iter().peekable());
        for (hour, baseline) in horizon.baseline.iter().enumerate() {
            self.fatigue.push(baseline + from_chosen);
            if posts.next_if_eq(&&hour).is_some() {
                from_chosen += instance.fatigue_per_post;
            }
            from_chosen *= instance.decay_per_hour;
        }
        fill_fatigue_costs(instance, bound, horizon, &self.chosen, &self.fatigue, &mut self.fatigue_costs);
    }
}
