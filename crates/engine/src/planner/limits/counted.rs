//! Which posts a limit on channels and hours counts.

use crate::agents::ClientWeek;
use crate::model::LimitKind;
use crate::planner::channel::ChannelDraft;
use crate::rules::{LimitBound, LimitCounts, LimitFilter, LimitRules};

/// The chosen hours of each channel.
pub(super) type Chosen = [Vec<usize>];

/// Whether a limit applies to the client in this week.
pub(in crate::planner) fn applies_to(limit: &LimitRules, week: &ClientWeek<'_>) -> bool {
    let (client, filter) = (week.client, &limit.filter);
    if !limit.weeks.include(week.hours.week().monday()) {
        return false;
    }
    let is_tagged = filter.tags.is_empty() || filter.tags.iter().any(|tag| client.tags.contains(tag));
    is_tagged && (filter.clients.is_empty() || filter.clients.contains(&client.id))
}

/// By channel and hour, whether a limit counts a post; `None` if it counts every post. If not every post of a channel
/// certainly needs a review, a limit on reviews counts none of them.
pub(super) fn counted_by_hour(
    week: &ClientWeek<'_>,
    channel_drafts: &[ChannelDraft<'_>],
    rules: &LimitRules,
) -> Option<Vec<Vec<bool>>> {
    let (filter, counts_reviews) = (&rules.filter, rules.counts == LimitCounts::NeedsReview);
    if *filter == LimitFilter::ALL && !counts_reviews {
        return None;
    }
    let of_channel = |channel_draft: &ChannelDraft<'_>| {
        let is_named = filter.channels.is_empty() || filter.channels.contains(&channel_draft.state.channel);
        let is_counted = is_named && (channel_draft.always_needs_review || !counts_reviews);
        let is_counted_at = |hour: usize| is_counted && counts_at(week, channel_draft.minute, filter, hour);
        (0..week.hours.len()).map(is_counted_at).collect()
    };
    Some(channel_drafts.iter().map(of_channel).collect())
}

/// Whether a post at a minute of an hour of the week meets a filter's conditions on time.
pub(super) fn counts_at(week: &ClientWeek<'_>, minute: u8, filter: &LimitFilter, hour: usize) -> bool {
    let at = week.hours.instant(hour as i64).plus_minutes(i64::from(minute));
    filter.covers(week.client.zone.wall_time(at))
}

/// The kind of a limit, and the number or the share of posts that it states.
pub(super) const fn kind_and_number(bound: LimitBound) -> (LimitKind, f64) {
    match bound {
        LimitBound::AtMost(posts) => (LimitKind::AtMost, posts),
        LimitBound::AtLeast(posts) => (LimitKind::AtLeast, posts),
        LimitBound::AtMostShare(share) => (LimitKind::AtMostShare, share),
        LimitBound::AtLeastShare(share) => (LimitKind::AtLeastShare, share),
        LimitBound::FollowedBy(_) => (LimitKind::FollowedBy, 1.0),
    }
}
