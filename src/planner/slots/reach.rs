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
        for hour in 1..horizon.hours {
            let (past, now) = self.most.split_at_mut(hour * self.columns);
            let now = &mut now[..self.columns];
            wait(&past[(hour - 1) * self.columns..], horizon.waits[1].decay, now);
            if let Some(post) = hour.checked_sub(horizon.spacing).filter(|post| horizon.open[*post]) {
                let after = horizon.waits[horizon.spacing].decay;
                let room = horizon.room(post);
                for (now, before) in now[1..].iter_mut().zip(&past[post * self.columns..]) {
                    let posted = (lesser(*before, room) + fatigue_per_post) * after;
                    *now = if posted > *now { posted } else { *now };
                }
            }
        }
    }
}

fn wait(before: &[f64], decay: f64, now: &mut [f64]) {
    for (now, before) in now.iter_mut().zip(before) {
        *now = before * decay;
    }
}
