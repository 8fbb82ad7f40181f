//! Per-hour tables of an instance that the solvers share, computed once: where a post is allowed, the fatigue that no
//! choice changes, and the powers of the decay.

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
    /// Maximum number of posts, no more than fit into the open hours.
    pub posts: usize,
    /// Decay over waits of `0..=hours` hours, by number of hours.
    pub waits: Vec<Wait>,
    /// Whether a post may be chosen at the hour: allowed, worth more than it costs, far enough from existing posts.
    pub open: Vec<bool>,
    /// Fatigue at each hour and at the end from the initial fatigue and the committed posts alone.
    pub standing: Vec<f64>,
    /// Fatigue from which an hour is blocked, a rounding margin below the rule's.
    pub block_at: f64,
    /// Upper bound on the absolute value of any objective.
    pub scale: f64,
    /// Differences of objectives up to this are ties.
    pub tie: f64,
    /// Price of a unit of fatigue at the end of the week.
    pub end_weight: f64,
    /// What each post costs.
    pub cost: f64,
    /// Price of a post at each hour, on top of its cost; negative where a post is rewarded.
    pub prices: Vec<f64>,
    /// Extra reward for the pinned hour, large enough that no plan without it can win.
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
    /// Fills the tables for an instance. `prices` are by hour, on top of the instance's cost; none are 0. A pinned hour is
    /// open even if a post there earns nothing.
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
        self.block_at = instance.block_at - BLOCK_MARGIN * instance.block_at.abs().min(f64::MAX);
        self.fill_waits(instance.decay_per_hour);
        self.fill_open(instance);
        self.fill_standing(instance);
        self.posts = self.most_posts(instance.posts_max);
        self.fill_scale(instance);
    }

    /// Fatigue that chosen posts may cause before the hour is blocked.
    pub fn room(&self, hour: usize) -> f64 {
        self.block_at - self.standing[hour]
    }

    /// What choosing the hour adds to the instance's objective: the extra reward for a pinned hour less the hour's price.
    pub fn extra_at(&self, hour: usize) -> f64 {
        let bonus = if self.pinned == Some(hour) { self.bonus } else { 0.0 };
        bonus - self.prices[hour]
    }

    /// What a post at the hour gains whatever the fatigue is: the extra reward less price and cost.
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
        let reach = i64::try_from(instance.spacing_from_standing() - 1).unwrap_or(i64::MAX);
        for post in &instance.committed {
            self.close_around(*post as i64, reach);
        }
        if let Some(since) = instance.hours_since_last_post {
            self.close_around(since.saturating_neg(), reach);
        }
    }

    /// Closes the hours within `reach` of a post at the given hour, which may be outside the week.
    fn close_around(&mut self, post: i64, reach: i64) {
        let first = post.saturating_sub(reach).max(0);
        let last = post.saturating_add(reach).min(self.hours as i64 - 1);
        for hour in first..=last {
            self.open[hour as usize] = false;
        }
    }

    fn fill_standing(&mut self, instance: &Instance) {
        let mut committed = instance.committed.iter().peekable();
        let mut fatigue = instance.fatigue_start;
        self.standing.clear();
        for hour in 0..self.hours {
            self.standing.push(fatigue);
            if committed.next_if_eq(&&hour).is_some() {
                fatigue += instance.fatigue_per_post;
            }
            fatigue *= instance.decay_per_hour;
        }
        self.standing.push(fatigue);
    }

    /// `posts_max`, or fewer if fewer fit into the open hours.
    fn most_posts(&self, posts_max: usize) -> usize {
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
        let dearest = instance.value.iter().copied().fold(0.0, f64::max);
        let standing = self.standing.iter().copied().fold(0.0, f64::max);
        let most_tired = standing + self.posts as f64 * instance.fatigue_per_post;
        let largest = instance.response.max_abs(most_tired);
        let price = self.prices.iter().fold(0.0, |most: f64, price| most.max(price.abs()));
        let of_a_post = dearest * largest + self.cost + price;
        self.scale = self.posts as f64 * of_a_post + self.end_weight * most_tired;
        self.tie = TIE * self.scale;
        self.bonus = if self.pinned.is_some() { 2.0 * self.scale + 1.0 } else { 0.0 };
    }
}
