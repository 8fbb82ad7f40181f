//! The fast tier: greedy insertion improved by swaps. Within a fraction of a percent of the optimum, never proven.
//!
//! A saturating response is taken to be at its upper bound, which is read from a table.
//!
//! A post's gain is what it earns less what its fatigue costs later posts and the end of the week. Bounds on both, by
//! the least slope of the response, rule out most hours without looking at the other posts.

#![expect(
    clippy::indexing_slicing,
    reason = "tables have one entry an hour; hours come from the horizon that sized them"
)]

use super::horizon::Horizon;
use super::price::fill_burden;
use super::response_bound::ResponseBound;
use crate::planner::Instance;

/// Maximum rounds of insertions and swaps; each strictly raises the objective, and few are needed.
const ROUNDS: usize = 32;

/// Buffers of the greedy search: the current plan and the per-hour values that follow from it.
#[derive(Debug, Default)]
pub(super) struct Greedy {
    chosen: Vec<usize>,
    fatigue: Vec<f64>,
    burden: Vec<f64>,
    near: Vec<u32>,
}

/// An hour, and what a post there adds to the objective.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    hour: usize,
    gain: f64,
}

impl Greedy {
    /// Searches; returns the chosen hours, ascending.
    pub fn search(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> &[usize] {
        self.chosen.clear();
        self.near.clear();
        self.near.resize(horizon.hours, 0);
        self.refresh(instance, horizon, bound);
        for _ in 0..ROUNDS {
            let added = self.add(instance, horizon, bound);
            let swapped = self.swap(instance, horizon, bound);
            if !added && !swapped {
                break;
            }
        }
        &self.chosen
    }

    /// Adds the best hour while one raises the objective. Returns whether any was added.
    fn add(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> bool {
        let mut added = false;
        while self.chosen.len() < horizon.posts {
            let Some(best) = self.best_hour(instance, horizon, bound, horizon.tie) else { break };
            self.insert(best.hour, instance, horizon, bound);
            added = true;
        }
        added
    }

    /// Removes each post in turn and inserts one at the best hour instead. Returns whether any moved.
    fn swap(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) -> bool {
        let mut moved = false;
        for index in 0..self.chosen.len() {
            let hour = self.chosen[index];
            self.remove(index, instance, horizon, bound);
            let kept = self.gain(instance, horizon, bound, hour).unwrap_or(f64::NEG_INFINITY);
            let best = self.best_hour(instance, horizon, bound, kept.max(0.0) + horizon.tie);
            moved |= best.is_some();
            self.insert(best.map_or(hour, |best| best.hour), instance, horizon, bound);
        }
        moved
    }

    /// The open hour of greatest gain, if more than `floor`; the earliest among equals.
    fn best_hour(
        &self,
        instance: &Instance,
        horizon: &Horizon,
        bound: &ResponseBound,
        floor: f64,
    ) -> Option<Candidate> {
        let mut best = Candidate { hour: horizon.hours, gain: floor };
        for hour in 0..horizon.hours {
            if self.near[hour] > 0 || !horizon.open[hour] {
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
        earned - added * self.burden[hour + 1]
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
        self.surround(hour, horizon, 1);
        self.refresh(instance, horizon, bound);
    }

    fn remove(&mut self, index: usize, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) {
        let hour = self.chosen.remove(index);
        self.surround(hour, horizon, u32::MAX);
        self.refresh(instance, horizon, bound);
    }

    /// Adds `change` to the number of posts that each hour within the spacing of `hour` is too near to; `u32::MAX`
    /// wraps around and so subtracts one.
    fn surround(&mut self, hour: usize, horizon: &Horizon, change: u32) {
        let first = horizon.next.partition_point(|next| *next <= hour);
        for near in &mut self.near[first..horizon.next[hour]] {
            *near = near.wrapping_add(change);
        }
    }

    /// Recomputes fatigue and burden after a change of the plan.
    fn refresh(&mut self, instance: &Instance, horizon: &Horizon, bound: &ResponseBound) {
        self.fatigue.clear();
        let (mut own, mut next) = (0.0, self.chosen.iter().peekable());
        for (hour, standing) in horizon.standing.iter().enumerate() {
            self.fatigue.push(standing + own);
            if next.next_if_eq(&&hour).is_some() {
                own += instance.fatigue_per_post;
            }
            own *= instance.decay_per_hour;
        }
        fill_burden(instance, bound, horizon, &self.chosen, &self.fatigue, &mut self.burden);
    }
}
