//! The exact optimiser: dynamic programming, backward in time, over hours, posts left and fatigue.
//!
//! ```text
//! W(t, k, f)   maximum value of hours t.. with k posts left, where f is the fatigue that chosen posts have
//!              caused and every chosen post is at least the spacing away
//! W(T, k, f) = -end_weight * (standing(T) + f)
//! W(t, k, f) = max( W(t+1, k, f rho),
//!                   value(t) * response(standing(t) + f) + W(n, k-1, (f + delta) rho^(n-t)) )
//!              where n is the first hour at which the next post is allowed
//! ```
//!
//! Both branches are piecewise linear in f, so W is too, and is stored as its pieces: fatigue is not discretised and no
//! bounds are needed. Each possible future contributes one line, and a line that is best at no reachable fatigue is
//! dropped. One or two pieces remain for most pairs of hour and posts left.

#![expect(clippy::indexing_slicing, reason = "rows and columns are sized from the horizon that is walked")]

use super::curve::{Gain, Line, Piece, View, better_of};
use super::horizon::Horizon;
use super::reach::FatigueBound;
use crate::planner::Instance;

/// Range of a curve's pieces, and the hour whose fatigue they refer to.
#[derive(Debug, Default, Clone, Copy)]
struct Curve {
    first: u32,
    pieces: u32,
    hour: u32,
}

impl Curve {
    /// The curve as seen from an earlier hour with fatigue added there.
    #[inline]
    fn seen_from<'a>(&self, hour: usize, pieces: &'a [Piece], horizon: &Horizon, added: f64) -> View<'a> {
        let first = self.first as usize;
        let wait = horizon.waits[self.hour as usize - hour];
        View { pieces: &pieces[first..first + self.pieces as usize], decay: wait.decay, growth: wait.growth, added }
    }
}

/// The value functions of a week, by hour and posts left.
#[derive(Debug, Default)]
pub(super) struct Future {
    columns: usize,
    curves: Vec<Curve>,
    pieces: Vec<Piece>,
    fresh: Vec<Piece>,
}

impl Future {
    /// Computes every curve, from the end of the week back.
    pub fn prepare(&mut self, instance: &Instance, horizon: &Horizon, reach: &FatigueBound) {
        let hours = horizon.hours;
        self.columns = horizon.posts + 1;
        self.pieces.clear();
        let at_end = -horizon.end_weight * horizon.standing[hours];
        self.pieces.push(Piece { from: 0.0, line: Line { intercept: at_end, slope: horizon.end_weight } });
        self.curves.clear();
        self.curves.resize(self.columns * (hours + 1), Curve { first: 0, pieces: 1, hour: hours as u32 });
        let mut fresh = std::mem::take(&mut self.fresh);
        for hour in (0..hours).rev() {
            let next = (hour + 1) * self.columns;
            self.curves.copy_within(next..next + self.columns, hour * self.columns);
            if horizon.open[hour] {
                self.offer(instance, horizon, reach, hour, &mut fresh);
            }
        }
        self.fresh = fresh;
    }

    /// Improves the curves of an hour by the option of a post at it.
    fn offer(
        &mut self,
        instance: &Instance,
        horizon: &Horizon,
        reach: &FatigueBound,
        hour: usize,
        fresh: &mut Vec<Piece>,
    ) {
        let gain = gain(instance, horizon, hour);
        let after = horizon.next[hour] - hour;
        let (now, later) = self.curves[hour * self.columns..].split_at_mut(self.columns);
        let waiting = &later[1..self.columns];
        let posting = &later[(after - 1) * self.columns..];
        let most = reach.most(hour).iter().rev().skip(1);
        for (((now, wait), post), most) in now[1..].iter_mut().zip(waiting).zip(posting).zip(most) {
            if *most < 0.0 {
                continue;
            }
            let wait = wait.seen_from(hour, &self.pieces, horizon, 0.0);
            let post = post.seen_from(hour, &self.pieces, horizon, instance.fatigue_per_post);
            if better_of(&wait, &post, &gain, *most, fresh) {
                *now = Curve { first: self.pieces.len() as u32, pieces: fresh.len() as u32, hour: hour as u32 };
                self.pieces.extend_from_slice(fresh);
                fresh.clear();
            }
        }
    }

    /// The curve for an hour and a number of posts left, as seen from an earlier hour with fatigue added there.
    fn view<'a>(&'a self, horizon: &Horizon, from: usize, hour: usize, left: usize, added: f64) -> View<'a> {
        self.curves[hour * self.columns + left].seen_from(from, &self.pieces, horizon, added)
    }

    /// The maximum value of the week; fills `chosen` with the hours that attain it. Among equally good hours the
    /// earliest is taken; a post that earns nothing is left out.
    pub fn read(&self, instance: &Instance, horizon: &Horizon, chosen: &mut Vec<usize>) -> f64 {
        chosen.clear();
        let (mut hour, mut left, mut fatigue) = (0, horizon.posts, 0.0);
        while hour < horizon.hours && left > 0 {
            if horizon.open[hour] && self.is_post_best(instance, horizon, hour, left, fatigue) {
                chosen.push(hour);
                let next = horizon.next[hour];
                fatigue = (fatigue + instance.fatigue_per_post) * horizon.waits[next - hour].decay;
                hour = next;
                left -= 1;
            } else {
                fatigue *= instance.decay_per_hour;
                hour += 1;
            }
        }
        self.view(horizon, 0, 0, horizon.posts, 0.0).at(0.0)
    }

    fn is_post_best(&self, instance: &Instance, horizon: &Horizon, hour: usize, left: usize, fatigue: f64) -> bool {
        if fatigue >= horizon.room(hour) {
            return false;
        }
        let earned = instance.value[hour] * instance.response.at(horizon.standing[hour] + fatigue);
        let reward = earned + horizon.bonus_at(hour);
        if reward <= horizon.tie {
            return false;
        }
        let next = horizon.next[hour];
        let post = reward + self.view(horizon, hour, next, left - 1, instance.fatigue_per_post).at(fatigue);
        post >= self.view(horizon, hour, hour + 1, left, 0.0).at(fatigue) - horizon.tie
    }
}

/// What a post at an hour earns as a function of the fatigue of the posts chosen before it.
fn gain(instance: &Instance, horizon: &Horizon, hour: usize) -> Gain {
    let (value, standing, bonus) = (instance.value[hour], horizon.standing[hour], horizon.bonus_at(hour));
    let [rested, tired] = instance.response.lines().map(|[intercept, slope]| Line {
        intercept: value * (intercept - slope * standing) + bonus,
        slope: value * slope,
    });
    Gain { rested, tired, kink: instance.response.warn_at - standing, room: horizon.room(hour) }
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
            let pieces = solver.future.pieces.len();
            assert!(pieces < 4 * states, "{pieces} pieces for {states} states");
        }
    }
}
