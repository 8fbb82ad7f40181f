//! Per-hour tables of an instance that the solvers share, computed once: where a post is allowed, the fatigue without
//! chosen posts, and the powers of the decay.

#![expect(clippy::indexing_slicing, reason = "tables have one entry an hour and indices run over their own lengths")]

use crate::planner::Instance;

/// Relative margin below the fatigue block, so that a feasible plan stays feasible in any order of summation.
const BLOCK_MARGIN: f64 = 1e-12;
/// Differences in the objective below this share of its scale count as ties.
const TIE: f64 = 1e-12;

/// Tables over the hours of a week.
#[derive(Debug, Default)]
pub(super) struct Horizon {
    /// Number of hours of the week.
    pub hours: usize,
    /// For each hour, the first hour at which the next post is allowed: greater than the hour, at most `hours`, and
    /// non-decreasing.
    pub next: Vec<usize>,
    /// Maximum number of posts: the instance's, or fewer if fewer fit into the open hours.
    pub max_posts: usize,
    /// Decay over waits of `0..=hours` hours, by number of hours.
    pub waits: Vec<Wait>,
    /// Whether a post may be chosen at each hour: it is allowed, worth more than it costs at fatigue 0, and far enough
    /// from existing posts.
    pub open: Vec<bool>,
    /// Fatigue at each hour and at the end of the week, from the initial fatigue and the committed posts alone.
    pub baseline: Vec<f64>,
    /// Fatigue from which an hour is blocked: the instance's `block_at`, less a margin for rounding.
    pub block_at: f64,
    /// Upper bound on the absolute value of any objective.
    pub scale: f64,
    /// Differences of objectives up to this are ties.
    pub tie: f64,
    /// Price of a unit of fatigue at the end of the week.
    pub end_weight: f64,
    /// Cost of each post.
    pub cost: f64,
    /// Price of a post at each hour, on top of its cost; negative where a post is rewarded.
    pub prices: Vec<f64>,
    /// Extra reward for a post at the pinned hour, so large that no plan without one can win.
    pub bonus: f64,
    /// The hour that the plan must contain.
    pub pinned: Option<usize>,
}

/// How waiting changes fatigue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    /// Factor on fatigue.
    pub decay: f64,
    /// Reciprocal of `decay`; infinite if that is 0.
    pub growth: f64,
}

impl Horizon {
    /// Fills the tables for an instance. `prices` are by hour, on top of the instance's cost; missing ones are 0. A
    /// pinned hour is open even if a post there earns nothing.
    pub fn prepare(&mut self, instance: &Instance, end_weight: f64, prices: &[f64], pinned: Option<usize>) {
        self.end_weight = end_weight;
        self.cost = instance.cost;
        self.hours = instance.value.len();
        self.prices.clear();
        self.prices.extend_from_slice(prices);
        self.prices.resize(self.hours, 0.0);
        self.next.clear();
        let mut next = 0;
        self.next.extend((0..self.hours).map(|hour| {
            next = instance.next_hour(hour).clamp(next, self.hours);
            next
        }));
        self.pinned = pinned;
        // `min` keeps a block at infinity from becoming NaN.
        self.block_at = instance.block_at - BLOCK_MARGIN * instance.block_at.abs().min(f64::MAX);
        self.fill_waits(instance.decay_per_hour);
        self.fill_open(instance);
        self.fill_baseline(instance);
        self.max_posts = self.posts_that_fit(instance.posts_max);
        self.fill_scale(instance);
    }

    /// Fatigue that chosen posts may cause before the hour is blocked.
    pub fn headroom(&self, hour: usize) -> f64 {
        self.block_at - self.baseline[hour]
    }

    /// What choosing the hour adds to the instance's objective: the extra reward if it is pinned, less its price.
    pub fn extra_at(&self, hour: usize) -> f64 {
        let bonus = if self.pinned == Some(hour) { self.bonus } else { 0.0 };
        bonus - self.prices[hour]
    }

    /// The part of a post's gain at the hour that does not depend on fatigue: the extra reward less price and cost.
    pub fn fixed_gain_at(&self, hour: usize) -> f64 {
        self.extra_at(hour) - self.cost
    }

    fn fill_waits(&mut self, decay_per_hour: f64) {
        self.waits.clear();
        let mut decay = 1.0;
        for _ in 0..=self.hours {
            self.waits.push(Wait { decay, growth: 1.0 / decay });
            decay *= decay_per_hour;
        }
    }

    fn fill_open(&mut self, instance: &Instance) {
        self.open.clear();
        let hours = instance.value.iter().zip(&self.prices).zip(&instance.allowed);
        self.open.extend(hours.map(|((value, price), allowed)| *allowed && *value > instance.cost + price));
        self.open.resize(self.hours, false);
        if let Some(hour) = self.pinned.filter(|hour| *hour < self.hours) {
            self.open[hour] = instance.allowed.get(hour).copied().unwrap_or(false);
        }
        let radius = i64::try_from(instance.spacing_from_existing() - 1).unwrap_or(i64::MAX);
        for post in &instance.committed {
            self.close_around(*post as i64, radius);
        }
        if let Some(since) = instance.hours_since_last_post {
            self.close_around(since.saturating_neg(), radius);
        }
    }

    /// Closes the hours within `radius` of a post at the given hour, which may be outside the week.
    fn close_around(&mut self, post: i64, radius: i64) {
        let first = post.saturating_sub(radius).max(0);
        let last = post.saturating_add(radius).min(self.hours as i64 - 1);
        for hour in first..=last {
            self.open[hour as usize] = false;
        }
    }

    fn fill_baseline(&mut self, instance: &Instance) {
        let mut committed = instance.committed.iter().peekable();
        let mut fatigue = instance.fatigue_start;
        self.baseline.clear();
        for hour in 0..self.hours {
            self.baseline.push(fatigue);
            if committed.next_if_eq(&&hour).is_some() {
                fatigue += instance.fatigue_per_post;
            }
            fatigue *= instance.decay_per_hour;
        }
        self.baseline.push(fatigue);
    }

    /// `posts_max`, or fewer if fewer fit into the open hours.
    fn posts_that_fit(&self, posts_max: usize) -> usize {
        let (mut hour, mut posts) = (0, 0);
        while hour < self.hours && posts < posts_max {
            if self.open[hour] {
                posts += 1;
                hour = self.next[hour];
            } else {
                hour += 1;
            }
        }
        posts
    }

    fn fill_scale(&mut self, instance: &Instance) {
        let max_value = instance.value.iter().copied().fold(0.0, f64::max);
        let max_baseline = self.baseline.iter().copied().fold(0.0, f64::max);
        let max_fatigue = max_baseline + self.max_posts as f64 * instance.fatigue_per_post;
        let max_response = instance.response.max_abs(max_fatigue);
        let max_price = self.prices.iter().fold(0.0, |max: f64, price| max.max(price.abs()));
        let per_post = max_value * max_response + self.cost + max_price;
        self.scale = self.max_posts as f64 * per_post + self.end_weight * max_fatigue;
        self.tie = TIE * self.scale;
        self.bonus = if self.pinned.is_some() { 2.0 * self.scale + 1.0 } else { 0.0 };
    }
}
