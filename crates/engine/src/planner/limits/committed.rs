//! The committed posts of a client as a limit on channels and hours counts them: each at the time at which it goes out,
//! which need not be the minute at which the channel's planned posts do.

use crate::agents::ClientWeek;
use crate::model::Timestamp;
use crate::planner::channel::ChannelDraft;
use crate::planner::hours::hours_of_week;
use crate::rules::{LimitCounts, LimitPeriod, LimitRules};

/// A committed post, or all those of a channel in one hour of the week, which count as one.
pub(super) struct CommittedCount {
    /// Index of the channel.
    pub channel: usize,
    /// Counted from the first hour of the week, negative before it.
    pub hour: i64,
    /// Whether the limit counts it.
    pub is_counted: bool,
}

/// The committed posts in the periods of a limit. Those before and after the week matter only if periods may reach there;
/// then each counts, even if several lie in the same hour. In limits on reviews, only those that took or await one count.
pub(super) fn committed_counts(
    week: &ClientWeek<'_>,
    channel_drafts: &[ChannelDraft<'_>],
    rules: &LimitRules,
) -> Vec<CommittedCount> {
    let mut committed = Vec::new();
    for (channel, draft) in channel_drafts.iter().enumerate() {
        let channels = &rules.filter.channels;
        let is_named = channels.is_empty() || channels.contains(&draft.state.channel);
        let counts = |at: &Timestamp| is_named && rules.filter.covers(week.client.zone.wall_time(*at));
        let state = draft.state;
        let instants = match rules.counts {
            LimitCounts::Posts => &state.recent_posts,
            LimitCounts::NeedsReview => &state.posts_needing_review,
        };
        let posts = || instants.iter().map(|at| (week.hours.hour_of(*at), at));
        committed.extend(hours_of_week(week, instants).into_iter().map(|hour| {
            let hour = hour as i64;
            let is_counted = posts().any(|(of_post, at)| of_post == hour && counts(at));
            CommittedCount { channel, hour, is_counted }
        }));
        if let LimitPeriod::Within(hours) = rules.period {
            let (length, end) = (i64::from(hours), week.hours.len() as i64);
            let is_in_reach = |hour: i64| (-length < hour && hour < 0) || (end <= hour && hour < end + length);
            let outside = posts().filter(|(hour, _)| is_in_reach(*hour));
            committed.extend(outside.map(|(hour, at)| CommittedCount { channel, hour, is_counted: counts(at) }));
        }
    }
    committed
}
