//! Label-setting search, forward in time, for responses for which the value functions only give an upper bound: finds
//! the best choice of hours if it beats a given one, or shows that none does.
//!
//! A label is a partial plan: the fatigue that its posts have caused and what they earn. A label with no more fatigue
//! and no less value than another dominates it, because no response rises with fatigue. Among the labels at an hour
//! with the same number of posts, the dominated ones are dropped. So are those whose value plus an upper bound on what
//! later hours earn does not exceed the value of the given choice. The search stays exact.

#![expect(clippy::indexing_slicing, reason = "a front for each number of posts, and tables with one entry an hour")]

use std::collections::VecDeque;

use super::SearchWeek;
use super::value_functions::ValueFunctions;

/// A partial plan.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// Fatigue that its posts have caused.
    fatigue: f64,
    /// What its posts earn together.
    value: f64,
    /// Index of its last post in `Labels::posts`.
    last: Option<u32>,
}

/// A post of a partial plan.
#[derive(Debug, Clone, Copy)]
struct PlacedPost {
    hour: usize,
    /// Index of the plan's previous post.
    previous: Option<u32>,
}

/// The undominated labels with a given number of posts, which may post again because the spacing has passed.
#[derive(Debug, Default)]
struct Front {
    /// The hour whose fatigue the labels hold.
    hour: usize,
    /// Ascending in fatigue and in value.
    labels: Vec<Label>,
}

/// Labels that may not post again before the hour `until`, whose fatigue they hold.
#[derive(Debug)]
struct Waiting {
    until: usize,
    /// Number of posts used.
    used: usize,
    /// Number of labels.
    count: usize,
}

/// The buffers of the search.
#[derive(Debug, Default)]
pub(super) struct Labels {
    fronts: Vec<Front>,
    waiting: VecDeque<Waiting>,
    /// The labels of `waiting`, in the same order.
    waiting_labels: VecDeque<Label>,
    posts: Vec<PlacedPost>,
    merged: Vec<Label>,
}

impl Labels {
    /// Puts the best choice of hours into `chosen` if its value, extras included, exceeds `lower_bound` by more than
    /// the tie tolerance. `lower_bound` is the value of the choice that `chosen` holds before. `value_functions` bound
    /// what later hours earn. Returns the greatest value.
    pub fn improve(
        &mut self,
        week: &SearchWeek<'_>,
        value_functions: &ValueFunctions,
        lower_bound: f64,
        chosen: &mut Vec<usize>,
    ) -> f64 {
        let horizon = week.horizon;
        self.clear(horizon.max_posts);
        let floor = lower_bound + horizon.tie;
        for hour in 0..=horizon.hours {
            while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.until <= hour) {
                self.admit(week, value_functions, floor, &waiting);
            }
            if hour < horizon.hours && horizon.open[hour] {
                for used in 0..horizon.max_posts {
                    self.add_post(week, value_functions, floor, hour, used);
                }
            }
        }
        self.choose_best(week, lower_bound, chosen)
    }

    fn clear(&mut self, posts: usize) {
        self.fronts.resize_with(posts + 1, Front::default);
        for front in &mut self.fronts {
            front.labels.clear();
            front.hour = 0;
        }
        self.waiting.clear();
        self.waiting_labels.clear();
        self.posts.clear();
        if let Some(first) = self.fronts.first_mut() {
            first.labels.push(Label { fatigue: 0.0, value: 0.0, last: None });
        }
    }

    /// Adds a post at an hour to every label with `used` posts if the result may be part of the best choice.
    fn add_post(
        &mut self,
        week: &SearchWeek<'_>,
        value_functions: &ValueFunctions,
        floor: f64,
        hour: usize,
        used: usize,
    ) {
        let SearchWeek { instance, horizon, response_bound, .. } = *week;
        let (value, baseline, fixed) = (instance.value[hour], horizon.baseline[hour], horizon.fixed_gain_at(hour));
        let (next, headroom) = (horizon.next[hour], horizon.headroom(hour));
        let rest = value_functions.view(horizon, hour, next, horizon.max_posts - used - 1, instance.fatigue_per_post);
        let (from, to) = (&self.fronts[used], &self.fronts[used + 1]);
        let [from_decay, to_decay] = [from, to].map(|front| horizon.waits[hour - front.hour].decay);
        let decay_to_next = horizon.waits[next - hour].decay;
        let mut others = to.labels.iter().peekable();
        let mut best = f64::NEG_INFINITY;
        let mut count = 0;
        for label in &from.labels {
            let fatigue = label.fatigue * from_decay;
            if fatigue >= headroom {
                break;
            }
            let fatigue_after = fatigue + instance.fatigue_per_post;
            while let Some(other) = others.next_if(|other| other.fatigue * to_decay <= fatigue_after) {
                best = best.max(other.value);
            }
            let max_earned = label.value + value * response_bound.at(&instance.response, baseline + fatigue) + fixed;
            if max_earned <= best || max_earned + rest.at(fatigue) <= floor {
                continue;
            }
            let earned = label.value + value * instance.response.at(baseline + fatigue) + fixed;
            if earned > best {
                best = earned;
                self.posts.push(PlacedPost { hour, previous: label.last });
                let last = Some(self.posts.len() as u32 - 1);
                let fatigue = fatigue_after * decay_to_next;
                self.waiting_labels.push_back(Label { fatigue, value: earned, last });
                count += 1;
            }
        }
        if count > 0 {
            self.waiting.push_back(Waiting { until: next, used: used + 1, count });
        }
    }

    /// Merges labels that have waited long enough into the front with the same number of posts.
    fn admit(&mut self, week: &SearchWeek<'_>, value_functions: &ValueFunctions, floor: f64, waiting: &Waiting) {
        let horizon = week.horizon;
        let Waiting { until, used, count } = *waiting;
        let front = &mut self.fronts[used];
        let decay = horizon.waits[until - front.hour].decay;
        let future_bound = value_functions.view(horizon, until, until, horizon.max_posts - used, 0.0);
        let merged = &mut self.merged;
        let mut best = f64::NEG_INFINITY;
        let mut keep = |label: Label| {
            if label.value > best {
                best = label.value;
                if label.value + future_bound.at(label.fatigue) > floor {
                    merged.push(label);
                }
            }
        };
        let decayed = |label: &Label| Label { fatigue: label.fatigue * decay, ..*label };
        let mut old_labels = front.labels.iter().map(decayed).peekable();
        for new in self.waiting_labels.drain(..count) {
            let is_before = |label: &Label| (label.fatigue, -label.value) <= (new.fatigue, -new.value);
            while let Some(label) = old_labels.next_if(is_before) {
                keep(label);
            }
            keep(new);
        }
        old_labels.for_each(keep);
        front.labels.clear();
        std::mem::swap(&mut front.labels, merged);
        front.hour = until;
    }

    /// Puts the best complete plan into `chosen` if its value exceeds `lower_bound` by more than the tie tolerance.
    /// Returns the greatest value.
    fn choose_best(&self, week: &SearchWeek<'_>, lower_bound: f64, chosen: &mut Vec<usize>) -> f64 {
        let horizon = week.horizon;
        let (mut best_value, mut best) = (lower_bound + horizon.tie, None);
        for front in &self.fronts {
            let decay = horizon.waits[horizon.hours - front.hour].decay;
            for label in &front.labels {
                let end_fatigue = horizon.baseline[horizon.hours] + label.fatigue * decay;
                let value = label.value - horizon.end_weight * end_fatigue;
                if value > best_value {
                    (best_value, best) = (value, Some(label.last));
                }
            }
        }
        let Some(last) = best else { return lower_bound };
        chosen.clear();
        let mut next = last;
        while let Some(post) = next.map(|index| self.posts[index as usize]) {
            chosen.push(post.hour);
            next = post.previous;
        }
        chosen.reverse();
        best_value
    }
}
