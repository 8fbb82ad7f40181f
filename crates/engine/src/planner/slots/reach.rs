//! Bounds on the fatigue that chosen posts can cause, by hour and number of posts already used: value functions are
//! computed only between them.

#![expect(clippy::indexing_slicing, reason = "one row an hour and one column a number of posts, sized beforehand")]

use super::curve::lesser;
use super::horizon::Horizon;

/// Maximum and minimum fatigue from chosen posts, by hour and posts used: the maximum may be overstated and the minimum
/// understated, never the other way around.
#[derive(Debug, Default)]
pub(super) struct FatigueBound {
    columns: usize,
    most: Vec<f64>,
    least: Vec<f64>,
}

impl FatigueBound {
    /// Minimum and maximum fatigue at an hour, just before its post, by number of posts used, all of them at least the
    /// spacing away. The maximum is negative if that many do not fit.
    pub fn ranges(&self, hour: usize) -> impl DoubleEndedIterator<Item = (f64, f64)> + ExactSizeIterator {
        let row = hour * self.columns..(hour + 1) * self.columns;
        self.least[row.clone()].iter().copied().zip(self.most[row].iter().copied())
    }

    /// Computes every hour, forward in time. Without `with_least` all minima are 0.
    pub fn prepare(&mut self, horizon: &Horizon, fatigue_per_post: f64, with_least: bool) {
        self.columns = horizon.posts + 1;
        self.fill_most(horizon, fatigue_per_post);
        self.least.clear();
        self.least.resize(self.columns * horizon.hours, if with_least { f64::INFINITY } else { 0.0 });
        if with_least {
            self.fill_least(horizon, fatigue_per_post);
        }
    }

    fn fill_least(&mut self, horizon: &Horizon, fatigue_per_post: f64) {
        if let Some(start) = self.least.first_mut() {
            *start = 0.0;
        }
        let mut post = 0;
        for hour in 1..horizon.hours {
            let (past, now) = self.least.split_at_mut(hour * self.columns);
            let now = &mut now[..self.columns];
            wait(&past[(hour - 1) * self.columns..], horizon.waits[1].decay, now);
            while horizon.next[post] <= hour {
                if horizon.open[post] {
                    let after = horizon.waits[hour - post].decay;
                    let before = &past[post * self.columns..];
                    for (now, before) in now[1..].iter_mut().zip(before) {
                        if *before < horizon.room(post) {
                            *now = lesser(*now, (before + fatigue_per_post) * after);
                        }
                    }
                }
                post += 1;
            }
        }
    }

    fn fill_most(&mut self, horizon: &Horizon, fatigue_per_post: f64) {
        self.most.clear();
        self.most.resize(self.columns * horizon.hours, f64::NEG_INFINITY);
        if let Some(start) = self.most.first_mut() {
            *start = 0.0;
        }
        let mut post = 0;
        for hour in 1..horizon.hours {
            let (past, now) = self.most.split_at_mut(hour * self.columns);
            let now = &mut now[..self.columns];
            wait(&past[(hour - 1) * self.columns..], horizon.waits[1].decay, now);
            while horizon.next[post] <= hour {
                if horizon.open[post] {
                    let after = horizon.waits[hour - post].decay;
                    let before = &past[post * self.columns..];
                    add_post(before, horizon.room(post), fatigue_per_post, after, &mut now[1..]);
                }
                post += 1;
            }
        }
    }
}

/// Raises the maximum of an hour by plans whose last post has just become far enough away.
fn add_post(before: &[f64], room: f64, fatigue_per_post: f64, decay: f64, now: &mut [f64]) {
    for (now, before) in now.iter_mut().zip(before) {
        let posted = (lesser(*before, room) + fatigue_per_post) * decay;
        *now = if posted > *now { posted } else { *now };
    }
}

fn wait(before: &[f64], decay: f64, now: &mut [f64]) {
    for (now, before) in now.iter_mut().zip(before) {
        *now = before * decay;
    }
}
