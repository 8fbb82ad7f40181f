//! Forward label search: finds a choice of hours that beats a known one, or shows that there is none, where the value
//! functions only give an upper bound.
//!
//! A label is a partial plan: the fatigue that its posts have caused and what they earn. A label with no more fatigue
//! and no less value dominates, because no response rises with fatigue. Of the labels at an hour with as many posts,
//! those that another dominates are dropped, and so are those whose value plus an upper bound on what is left to earn
//! does not exceed the known value. The search stays exact.

#![expect(clippy::indexing_slicing, reason = "one front a number of posts, and tables with one entry an hour")]

use std::collections::VecDeque;

use super::SearchWeek;
use super::future::Future;

/// A partial plan.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// Fatigue that its posts have caused.
    fatigue: f64,
    /// What they earn.
    value: f64,
    /// Its last post.
    last: Option<u32>,
}

/// A post of a partial plan, and the one before it.
#[derive(Debug, Clone, Copy)]
struct PlacedPost {
    hour: usize,
    before: Option<u32>,
}

/// The labels with some number of posts, all of them at least the spacing away: ascending in fatigue and in value.
#[derive(Debug, Default)]
struct Front {
    /// The hour whose fatigue they hold.
    hour: usize,
    labels: Vec<Label>,
}

/// Labels that may not post again before an hour. Their fatigue is that of the hour.
#[derive(Debug)]
struct Waiting {
    until: usize,
    /// Posts used.
    used: usize,
    /// How many labels.
    count: usize,
}

/// The buffers of the search.
#[derive(Debug, Default)]
pub(super) struct Labels {
    fronts: Vec<Front>,
    waiting: VecDeque<Waiting>,
    /// The labels of `waiting`, in its order.
    posted: VecDeque<Label>,
    posts: Vec<PlacedPost>,
    merged: Vec<Label>,
}

impl Labels {
    /// Looks for a choice of hours of more value, as the horizon counts it, than the one in `chosen`, whose value is
    /// `known`. If there is one, puts the best into `chosen`. Returns the greatest value. `future` bounds what is left to
    /// earn.
    pub fn improve(&mut self, week: &SearchWeek<'_>, future: &Future, known: f64, chosen: &mut Vec<usize>) -> f64 {
        let horizon = week.horizon;
        self.clear(horizon.posts);
        // What does not exceed the known value by more than a tie is not worth a label.
        let floor = known + horizon.tie;
        for hour in 0..=horizon.hours {
            while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.until <= hour) {
                self.admit(week, future, floor, &waiting);
            }
            if hour < horizon.hours && horizon.open[hour] {
                for used in 0..horizon.posts {
                    self.post(week, future, floor, hour, used);
                }
            }
        }
        self.best(week, known, chosen)
    }

    fn clear(&mut self, posts: usize) {
        self.fronts.resize_with(posts + 1, Front::default);
        for front in &mut self.fronts {
            front.labels.clear();
            front.hour = 0;
        }
        self.waiting.clear();
        self.posted.clear();
        self.posts.clear();
        if let Some(first) = self.fronts.first_mut() {
            first.labels.push(Label { fatigue: 0.0, value: 0.0, last: None });
        }
    }

    /// Adds a post at an hour to every label with `used` posts for which that may be best.
    fn post(&mut self, week: &SearchWeek<'_>, future: &Future, floor: f64, hour: usize, used: usize) {
        let SearchWeek { instance, horizon, bound, .. } = *week;
        let (value, standing, fixed) = (instance.value[hour], horizon.standing[hour], horizon.fixed_gain_at(hour));
        let (next, room) = (horizon.next[hour], horizon.room(hour));
        let rest = future.view(horizon, hour, next, horizon.posts - used - 1, instance.fatigue_per_post);
        let (from, to) = (&self.fronts[used], &self.fronts[used + 1]);
        let [from_decay, to_decay] = [from, to].map(|front| horizon.waits[hour - front.hour].decay);
        let after = horizon.waits[next - hour].decay;
        let mut others = to.labels.iter().peekable();
        let mut best = f64::NEG_INFINITY;
        let mut count = 0;
        for label in &from.labels {
            let fatigue = label.fatigue * from_decay;
            if fatigue >= room {
                break;
            }
            let tired = fatigue + instance.fatigue_per_post;
            while let Some(other) = others.next_if(|other| other.fatigue * to_decay <= tired) {
                best = best.max(other.value);
            }
            let most = label.value + value * bound.at(&instance.response, standing + fatigue) + fixed;
            if most <= best || most + rest.at(fatigue) <= floor {
                continue;
            }
            let earned = label.value + value * instance.response.at(standing + fatigue) + fixed;
            if earned > best {
                best = earned;
                self.posts.push(PlacedPost { hour, before: label.last });
                let last = Some(self.posts.len() as u32 - 1);
                self.posted.push_back(Label { fatigue: tired * after, value: earned, last });
                count += 1;
            }
        }
        if count > 0 {
            self.waiting.push_back(Waiting { until: next, used: used + 1, count });
        }
    }

    /// Merges labels that have waited long enough into those with as many posts.
    fn admit(&mut self, week: &SearchWeek<'_>, future: &Future, floor: f64, waiting: &Waiting) {
        let horizon = week.horizon;
        let Waiting { until, used, count } = *waiting;
        let front = &mut self.fronts[used];
        let decay = horizon.waits[until - front.hour].decay;
        let future_bound = future.view(horizon, until, until, horizon.posts - used, 0.0);
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
        for new in self.posted.drain(..count) {
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

    /// Puts the best complete plan into `chosen` if its value exceeds `known`. Returns the greatest value.
    fn best(&self, week: &SearchWeek<'_>, known: f64, chosen: &mut Vec<usize>) -> f64 {
        let horizon = week.horizon;
        let (mut most, mut best) = (known + horizon.tie, None);
        for front in &self.fronts {
            let decay = horizon.waits[horizon.hours - front.hour].decay;
            for label in &front.labels {
                let handed_on = horizon.standing[horizon.hours] + label.fatigue * decay;
                let value = label.value - horizon.end_weight * handed_on;
                if value > most {
                    (most, best) = (value, Some(label.last));
                }
            }
        }
        let Some(last) = best else { return known };
        chosen.clear();
        let mut next = last;
        while let Some(post) = next.map(|post| self.posts[post as usize]) {
            chosen.push(post.hour);
            next = post.before;
        }
        chosen.reverse();
        most
    }
}
