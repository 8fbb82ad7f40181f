//! How tired the chosen posts alone can have made the channel, at each hour and for each number of posts already
//! used: values are worked out only up to there.

#![expect(clippy::indexing_slicing, reason = "one row an hour and one column a number of posts, sized beforehand")]

use super::curve::lesser;
use super::horizon::Horizon;

/// Most fatigue from chosen posts, by hour and posts used; more than the truth is allowed, less never.
#[derive(Debug, Default)]
pub(super) struct Reach {
    columns: usize,
    most: Vec<f64>,
}

impl Reach {
    /// Most fatigue at an hour, just before its post, by the number of posts used, of which none lies nearer than the
    /// spacing. Below zero where so many do not fit.
    pub fn most(&self, hour: usize) -> &[f64] {
        &self.most[hour * self.columns..(hour + 1) * self.columns]
    }

    /// Works out every hour, from the first one forward.
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

/// Raises the most fatigue of an hour by plans whose last post has just become far enough away.
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
