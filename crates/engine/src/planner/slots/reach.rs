//! Upper bound on the fatigue that chosen posts can cause, by hour and number of posts already used: value functions
//! are computed only up to it.

#![expect(clippy::indexing_slicing, reason = "one row an hour and one column a number of posts, sized beforehand")]

use super::curve::lesser;
use super::horizon::Horizon;

/// Maximum fatigue from chosen posts, by hour and posts used; may be overstated, never understated.
#[derive(Debug, Default)]
pub(super) struct FatigueBound {
    columns: usize,
    most: Vec<f64>,
}

impl FatigueBound {
    /// Maximum fatigue at an hour, just before its post, by number of posts used, all of them at least the spacing
    /// away. Negative if that many do not fit.
    pub fn most(&self, hour: usize) -> &[f64] {
        &self.most[hour * self.columns..(hour + 1) * self.columns]
    }

    /// Computes every hour, forward in time.
    pub fn prepare(&mut self, horizon: &Horizon, fatigue_per_post: f64) {
        self.columns = horizon.posts + 1;
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
