//! A channel of a client while its tables are read, and its resulting state.

use super::row::Row;
use crate::model::{ChannelRow, ChannelState, RECENT_DAYS, Score, Timestamp};

const DAY_SECONDS: i64 = 86_400;

/// A client's channel while its tables are read.
#[derive(Debug)]
pub(super) struct ChannelDraft {
    pub row: ChannelRow,
    pub history: Vec<Timestamp>,
    /// The posts of the history that wait for a review or were approved in one.
    pub needing_review: Vec<Timestamp>,
    /// 0-based index of its row in the table.
    pub index: usize,
}

impl ChannelDraft {
    /// Warns if posts are counted in a period that starts after the last post.
    pub fn warn_of_counts(&self, row: &mut Row<'_, '_>, last_post: Timestamp, start: Timestamp) {
        let as_of = self.row.as_of.unwrap_or(start);
        let counts = [
            (7, "posts_last_7_days", self.row.posts_last_7_days),
            (30, "posts_last_30_days", self.row.posts_last_30_days),
        ];
        for (days, column, count) in counts {
            if count.is_some_and(|count| count > 0) && last_post < before(as_of, days * DAY_SECONDS) {
                let cause = format!("there are posts in the last {days} days, but the last post is earlier");
                row.warn("counts_contradict", column, cause, "count the days before the scenario's start");
            }
        }
    }

    /// The state at the instant given in the row, or else at the start.
    pub fn into_state(mut self, start: Timestamp) -> ChannelState {
        let as_of = self.row.as_of.unwrap_or(start);
        self.history.sort_unstable();
        let recent_posts = if self.history.is_empty() { self.assumed_posts(as_of) } else { self.known_posts(as_of) };
        let count = |days| u32::try_from(count_in_days_before(&recent_posts, as_of, days)).unwrap_or(u32::MAX);
        let posts_last_7_days = self.row.posts_last_7_days.unwrap_or_else(|| count(7));
        let posts_last_30_days =
            self.row.posts_last_30_days.unwrap_or_else(|| count(RECENT_DAYS)).max(posts_last_7_days);
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        self.needing_review.retain(|at| *at >= since);
        self.needing_review.sort_unstable();
        self.needing_review.dedup();
        ChannelState {
            channel: self.row.channel,
            audience: self.row.audience,
            engagement_rate: self.row.avg_engagement_rate,
            last_post_at: self.row.last_post_at.max(self.history.last().copied()).max(recent_posts.last().copied()),
            recent_posts,
            posts_needing_review: self.needing_review,
            posts_last_7_days,
            posts_last_30_days,
            fatigue: self.row.fatigue_score.unwrap_or(Score::ZERO),
            as_of,
            momentum: self.row.momentum_score,
            visibility: self.row.visibility_score,
            engagement: self.row.engagement_score,
        }
    }

    /// The history's posts since 30 days before `as_of`, and the last post if the history lacks it.
    fn known_posts(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let mut posts: Vec<_> = self.history.iter().copied().filter(|at| *at >= since).collect();
        if let Some(last) = self.row.last_post_at.filter(|last| *last >= since && Some(last) > self.history.last()) {
            posts.push(last);
        }
        posts
    }

    /// The recent posts that are assumed if there is no history. If the last post is known, it is the newest of them.
    fn assumed_posts(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let end = self.row.last_post_at.unwrap_or(as_of);
        let is_last_recent = self.row.last_post_at.is_some_and(|last| last >= since);
        // A recent last post is one of them even if none is counted.
        let posts_of_week = self.row.posts_last_7_days.unwrap_or(0).max(u32::from(is_last_recent));
        let earlier_posts = self.row.posts_last_30_days.unwrap_or(0).saturating_sub(posts_of_week);
        let week_seconds = 7 * DAY_SECONDS;
        let week_start = before(end, week_seconds);
        // With an offset of 0 the newest post is the known last post; with 0.5 posts are in the middle of their steps.
        let mut posts = spread(end, week_seconds, posts_of_week, if is_last_recent { 0.0 } else { 0.5 });
        posts.extend(spread(week_start, (RECENT_DAYS - 7) * DAY_SECONDS, earlier_posts, 0.5));
        posts.retain(|at| *at >= since);
        posts.sort_unstable();
        posts
    }
}

fn count_in_days_before(posts: &[Timestamp], as_of: Timestamp, days: i64) -> usize {
    let since = before(as_of, days * DAY_SECONDS);
    posts.iter().filter(|at| **at >= since && **at < as_of).count()
}

/// `count` instants spaced evenly over the seconds before `end`; the newest is `offset` steps before `end`.
fn spread(end: Timestamp, seconds: i64, count: u32, offset: f64) -> Vec<Timestamp> {
    // `max` avoids a division by zero.
    let step = seconds as f64 / f64::from(count.max(1));
    (0..count).map(|n| before(end, ((f64::from(n) + offset) * step) as i64)).collect()
}

fn before(at: Timestamp, seconds: i64) -> Timestamp {
    at.plus_seconds(-seconds)
}
