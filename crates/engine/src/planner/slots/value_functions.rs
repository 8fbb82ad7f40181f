//! Value functions: dynamic programming, backward in time, over hours, posts left and fatigue.
//!
//! ```text
//! W(t, k, f)   maximum value of the hours from t on with k posts left, where f is the fatigue that chosen posts
//!              have caused, and the spacing after every chosen post has passed
//! W(T, k, f) = -end_weight * (baseline(T) + f)
//! W(t, k, f) = max( W(t+1, k, f rho),
//!                   value(t) * bound(baseline(t) + f) - cost + W(n, k-1, (f + delta) rho^(n-t)) )
//!              where n is the first hour at which the next post is allowed, baseline the fatigue
//!              without chosen posts, rho the decay per hour and delta the fatigue per post
//! ```
//!
//! Both branches are piecewise linear in f, so W is too, and is stored as its pieces: fatigue is not discretised. Each
//! possible future contributes one line, and a line that is best at no reachable fatigue is dropped. One or two pieces
//! remain for most pairs of hour and posts left.
//!
//! `bound` is the upper bound on the response. For a linear response it is the response itself, and W is the optimum;
//! for any other, W is an upper bound on the optimum.

#![expect(clippy::indexing_slicing, reason = "rows and columns are sized from the same horizon")]

use super::SearchWeek;
use super::curve::{Line, Piece, View, write_envelope};
use super::horizon::Horizon;

/// Where the pieces of a curve are stored.
#[derive(Debug, Default, Clone, Copy)]
struct Curve {
    /// Index of the first piece.
    first: u32,
    /// Number of pieces.
    pieces: u32,
    /// The hour whose fatigue the pieces refer to.
    hour: u32,
}

impl Curve {
    /// The curve as seen from an earlier hour, with fatigue added at that hour.
    #[inline]
    fn seen_from<'a>(&self, hour: usize, pieces: &'a [Piece], horizon: &Horizon, added: f64) -> View<'a> {
        let first = self.first as usize;
        let wait = horizon.waits[self.hour as usize - hour];
        View { pieces: &pieces[first..first + self.pieces as usize], decay: wait.decay, growth: wait.growth, added }
    }
}

/// The value functions of a week, by hour and posts left.
#[derive(Debug, Default)]
pub(super) struct ValueFunctions {
    /// Number of curves for each hour: one for each number of posts left, 0 included.
    columns: usize,
    curves: Vec<Curve>,
    pieces: Vec<Piece>,
    /// Buffer for the pieces of one envelope.
    envelope: Vec<Piece>,
}

impl ValueFunctions {
    /// Computes every curve, from the end of the week back.
    pub fn prepare(&mut self, week: &SearchWeek<'_>) {
        let horizon = week.horizon;
        let hours = horizon.hours;
        self.columns = horizon.max_posts + 1;
        self.pieces.clear();
        let at_end = -horizon.end_weight * horizon.baseline[hours];
        self.pieces.push(Piece { from: 0.0, line: Line { intercept: at_end, slope: horizon.end_weight } });
        self.curves.clear();
        self.curves.resize(self.columns * (hours + 1), Curve { first: 0, pieces: 1, hour: hours as u32 });
        let mut envelope = std::mem::take(&mut self.envelope);
        for hour in (0..hours).rev() {
            let next = (hour + 1) * self.columns;
            self.curves.copy_within(next..next + self.columns, hour * self.columns);
            if horizon.open[hour] {
                self.add_posting(week, hour, &mut envelope);
            }
        }
        self.envelope = envelope;
    }

    /// Improves the curves of an hour by the option of a post at that hour.
    fn add_posting(&mut self, week: &SearchWeek<'_>, hour: usize, envelope: &mut Vec<Piece>) {
        let SearchWeek { instance, horizon, fatigue_bounds, response_bound } = week;
        let bound = response_bound.at_hour(instance, horizon, hour);
        let spacing = horizon.next[hour] - hour;
        let (now, later) = self.curves[hour * self.columns..].split_at_mut(self.columns);
        let waiting = &later[1..self.columns];
        let posting = &later[(spacing - 1) * self.columns..];
        let ranges = fatigue_bounds.ranges(hour).rev().skip(1);
        let curves = now[1..].iter_mut().zip(waiting).zip(posting);
        for (((now, wait), post), (min_fatigue, max_fatigue)) in curves.zip(ranges) {
            // So many posts do not fit before this hour.
            if max_fatigue < 0.0 {
                continue;
            }
            let wait = wait.seen_from(hour, &self.pieces, horizon, 0.0);
            let post = post.seen_from(hour, &self.pieces, horizon, instance.fatigue_per_post);
            if write_envelope(&wait, &post, &bound.over(min_fatigue, max_fatigue), max_fatigue, envelope) {
                *now = Curve { first: self.pieces.len() as u32, pieces: envelope.len() as u32, hour: hour as u32 };
                self.pieces.extend_from_slice(envelope);
                envelope.clear();
            }
        }
    }

    /// The curve for an hour and a number of posts left, as seen from an hour `from` that is no later, with fatigue
    /// added at `from`.
    #[inline]
    pub fn view<'a>(&'a self, horizon: &Horizon, from: usize, hour: usize, posts_left: usize, added: f64) -> View<'a> {
        self.curves[hour * self.columns + posts_left].seen_from(from, &self.pieces, horizon, added)
    }

    /// Upper bound on the value of any choice of hours; the optimum for a linear response.
    pub fn upper_bound(&self, horizon: &Horizon) -> f64 {
        self.view(horizon, 0, 0, horizon.max_posts, 0.0).at(0.0)
    }

    /// Fills `chosen` with the hours that are best by the curves, one after the other: for a linear response the
    /// optimum. Among equally good hours the earliest is taken; a post that earns nothing is left out.
    pub fn choose(&self, week: &SearchWeek<'_>, chosen: &mut Vec<usize>) {
        chosen.clear();
        let (instance, horizon) = (week.instance, week.horizon);
        let (mut hour, mut fatigue) = (0, 0.0);
        while let Some((post, before)) = self.next_post(week, hour, horizon.max_posts - chosen.len(), fatigue) {
            chosen.push(post);
            hour = horizon.next[post];
            fatigue = (before + instance.fatigue_per_post) * horizon.waits[hour - post].decay;
        }
    }

    /// The best hour from `first` on for the next post, with the fatigue from chosen posts at that hour; `None` if no
    /// further post is worth it.
    fn next_post(
        &self,
        week: &SearchWeek<'_>,
        first: usize,
        posts_left: usize,
        mut fatigue: f64,
    ) -> Option<(usize, f64)> {
        let SearchWeek { instance, horizon, response_bound, .. } = *week;
        if posts_left == 0 {
            return None;
        }
        let mut best = None;
        let mut best_value = self.view(horizon, first, horizon.hours, posts_left, 0.0).at(fatigue) - horizon.tie;
        for hour in first..horizon.hours {
            if horizon.open[hour] && fatigue < horizon.headroom(hour) {
                let response = response_bound.at(&instance.response, horizon.baseline[hour] + fatigue);
                let earned = instance.value[hour] * response + horizon.fixed_gain_at(hour);
                let rest = self.view(horizon, hour, horizon.next[hour], posts_left - 1, instance.fatigue_per_post);
                let value = earned + rest.at(fatigue);
                if earned > horizon.tie && value > best_value {
                    (best, best_value) = (Some((hour, fatigue)), value);
                }
            }
            if best_value >= self.view(horizon, hour, hour + 1, posts_left, 0.0).at(fatigue) - horizon.tie {
                break;
            }
            fatigue *= instance.decay_per_hour;
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use crate::planner::slots::Solver;
    use crate::planner::slots::tests::channel_weeks;

    #[test]
    fn few_pieces_are_kept_for_each_hour_and_number_of_posts() {
        let mut solver = Solver::default();
        for instance in channel_weeks(10) {
            solver.solve(&instance);
            let states = instance.posts_max * instance.allowed.iter().filter(|allowed| **allowed).count();
            let pieces = solver.value_functions.pieces.len();
            assert!(pieces < 4 * states, "{pieces} pieces for {states} states");
        }
    }
}
