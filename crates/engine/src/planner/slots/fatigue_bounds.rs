//! Bounds on the fatigue that chosen posts can cause, by hour and number of posts used so far. Value functions are
//! computed only between these bounds.

#![expect(clippy::indexing_slicing, reason = "a row per hour and a column per number of posts, sized beforehand")]

use super::curve::lesser;
use super::horizon::Horizon;

/// Maximum and minimum fatigue from chosen posts, by hour and posts used: the maximum may be overstated and the minimum
/// understated, never the other way around.
#[derive(Debug, Default)]
pub(super) struct FatigueBounds {
    columns: usize,
    max: Vec<f64>,
    min: Vec<f64>,
}

impl FatigueBounds {
    /// Minimum and maximum fatigue at an hour, before any post at it, for each number of posts chosen so far. The hour
    /// must be far enough from all of them; the maximum is negative if so many do not fit.
    pub fn ranges(&self, hour: usize) -> impl DoubleEndedIterator<Item = (f64, f64)> + ExactSizeIterator {
        let row = hour * self.columns..(hour + 1) * self.columns;
        self.min[row.clone()].iter().copied().zip(self.max[row].iter().copied())
    }

    /// Computes every hour, forward in time. Without `with_min` all minima are 0.
    pub fn prepare(&mut self, horizon: &Horizon, fatigue_per_post: f64, with_min: bool) {
        self.columns = horizon.max_posts + 1;
        let size = self.columns * horizon.hours;
        self.max.clear();
        self.max.resize(size, f64::NEG_INFINITY);
        fill(&mut self.max, self.columns, horizon, |now, before, headroom, decay| {
            let posted = (lesser(before, headroom) + fatigue_per_post) * decay;
            if posted > now { posted } else { now }
        });
        self.min.clear();
        self.min.resize(size, if with_min { f64::INFINITY } else { 0.0 });
        if with_min {
            fill(&mut self.min, self.columns, horizon, |now, before, headroom, decay| {
                if before < headroom { lesser(now, (before + fatigue_per_post) * decay) } else { now }
            });
        }
    }
}

/// Fills the rows in order of time. Each starts as the row of the hour before, decayed; plans whose last post is at an
/// earlier hour are included from the first hour at which the next post is allowed. `widen` returns the new bound of an
/// hour, given its bound so far, the bound before the last post, the headroom at that post, and the decay since that
/// post.
fn fill(bounds: &mut [f64], columns: usize, horizon: &Horizon, widen: impl Fn(f64, f64, f64, f64) -> f64) {
    if let Some(start) = bounds.first_mut() {
        *start = 0.0;
    }
    let mut post = 0;
    for hour in 1..horizon.hours {
        let (past, now) = bounds.split_at_mut(hour * columns);
        let now = &mut now[..columns];
        copy_decayed(&past[(hour - 1) * columns..], horizon.waits[1].decay, now);
        while horizon.next[post] <= hour {
            if horizon.open[post] {
                let (headroom, decay) = (horizon.headroom(post), horizon.waits[hour - post].decay);
                for (now, before) in now[1..].iter_mut().zip(&past[post * columns..]) {
                    *now = widen(*now, *before, headroom, decay);
                }
            }
            post += 1;
        }
    }
}

fn copy_decayed(before: &[f64], decay: f64, now: &mut [f64]) {
    for (now, before) in now.iter_mut().zip(before) {
        *now = before * decay;
    }
}
