//! Checks the timing of posts: in the week, at the right minute, in open hours, far enough apart, within weekly and
//! daily limits, and below the fatigue block.

use super::Findings;
use super::case::ClientCase;
use super::channel::{ChannelCase, Placed};
use super::clock::{HOUR, LocalHour};

/// Checks the times of a client's posts.
pub(super) fn check(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) {
    check_hours(case, findings);
    for channel in channels {
        check_minutes(channel, findings);
        for placed in &channel.posts {
            if let Some(moment) = case.clock.moment(placed.hour) {
                check_moment(channel, placed, moment, findings);
            }
            check_distance_to_existing(channel, placed, findings);
            check_block(channel, placed, findings);
        }
        check_distances(channel, findings);
        check_frequency(channel, findings);
    }
    check_days(case, channels, findings);
}

/// Every post lies in the week, at the hour that it states.
fn check_hours(case: &ClientCase<'_>, findings: &mut Findings) {
    for post in &case.plan.posts {
        let hour = case.clock.hour_of(post.at);
        if !(0..case.clock.len()).contains(&hour) {
            findings.report_post(case, post, "in_week", "it lies outside the hours of the week".to_owned());
        }
        if case.not_before.is_some_and(|from| post.at < from) {
            let detail = "it lies before the time from which the week is planned".to_owned();
            findings.report_post(case, post, "past", detail);
        }
        if usize::try_from(hour) != Ok(post.hour) {
            let detail = format!("it states hour {} of the week and lies in hour {hour}", post.hour);
            findings.report_post(case, post, "hour", detail);
        }
    }
}

/// Every post goes out at the minute that the rules fix or, if they spread posts, at that of its client and channel. Posts
/// go out on the full minute, without a fraction.
fn check_minutes(channel: &ChannelCase<'_>, findings: &mut Findings) {
    let case = &channel.case;
    let minute = channel.minute();
    for placed in &channel.posts {
        let at = placed.post.at;
        let past_the_hour = (at.as_second() - case.clock.start).rem_euclid(HOUR);
        let is_on_minute = past_the_hour == minute * 60 && at == at.whole_second();
        if !is_on_minute {
            let detail = format!("it goes out {past_the_hour} s past the hour, the channel's minute is {minute}");
            findings.report_post(case, placed.post, "minute", detail);
        }
    }
}

fn check_moment(channel: &ChannelCase<'_>, placed: &Placed<'_>, moment: &LocalHour, findings: &mut Findings) {
    let case = &channel.case;
    if channel.is_closed(moment) {
        findings.report_post(case, placed.post, "closed_day", format!("nothing may be posted on {}", moment.date));
    }
    if let Some(range) = channel.closed_hours(moment) {
        findings.report_post(case, placed.post, "closed_hours", format!("nothing may be posted from {range}"));
    }
    if channel.is_closed_by_guardrail(placed.hour) {
        let detail = "the plan says that a guardrail blocks every post at its hour".to_owned();
        findings.report_post(case, placed.post, "closed_by_guardrail", detail);
    }
    if channel.is_quiet(moment) {
        findings.report_post(case, placed.post, "quiet_hours", "its hour lies in the channel's quiet hours".to_owned());
    }
}

/// The post is far enough from every past and committed post.
fn check_distance_to_existing(channel: &ChannelCase<'_>, placed: &Placed<'_>, findings: &mut Findings) {
    let at = placed.post.at.as_second();
    let too_close = channel.existing_posts().filter(|other| channel.are_too_close(*other, at));
    if let Some(distance) = too_close.map(|other| at.abs_diff(other)).min() {
        let spacing = channel.rules.min_spacing_hours;
        let detail = format!("a past or committed post is {distance} s away, the spacing is {spacing} h");
        findings.report_post(&channel.case, placed.post, "spacing", detail);
    }
}

/// Each post is far enough from the preceding planned post; posts are sorted by time, so this covers every pair.
fn check_distances(channel: &ChannelCase<'_>, findings: &mut Findings) {
    for (before, after) in channel.posts.iter().zip(channel.posts.iter().skip(1)) {
        let (earlier, later) = (before.post.at.as_second(), after.post.at.as_second());
        if channel.are_too_close(earlier, later) {
            let (distance, spacing) = (later - earlier, channel.rules.min_spacing_hours);
            let detail = format!("the post before it is {distance} s away, the spacing is {spacing} h");
            findings.report_post(&channel.case, after.post, "spacing", detail);
        }
    }
}

/// Fatigue is below `block_at`, with every planned post counted, blocked ones included. There is no tolerance: a post
/// at `block_at` exactly is blocked, and the planner keeps a margin for rounding below it.
fn check_block(channel: &ChannelCase<'_>, placed: &Placed<'_>, findings: &mut Findings) {
    let block_at = channel.case.base().fatigue.block_at;
    let fatigue = channel.fatigue_of_all(placed.hour);
    if fatigue >= block_at {
        let detail = format!("fatigue is {fatigue} there, posts are blocked from {block_at}");
        findings.report_post(&channel.case, placed.post, "fatigue_block", detail);
    }
}

/// The channel has no more posts than its target for the week, committed ones included.
fn check_frequency(channel: &ChannelCase<'_>, findings: &mut Findings) {
    let Some(posts_max) = channel.posts_max() else { return };
    if channel.posts.len() > posts_max as usize {
        let (planned, committed) = (channel.posts.len(), channel.committed.len());
        let detail = format!("{planned} posts besides {committed} committed ones, the rules allow {posts_max}");
        findings.report_channel(channel.state.channel, "frequency", detail);
    }
}

/// No day has more posts than the client's policy allows, committed ones included. If those alone exceed it, none is
/// planned.
fn check_days(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) {
    let max_posts = case.client.policy.max_actions_per_day as usize;
    let count_on_day = |hours: &mut dyn Iterator<Item = i64>, day: usize| {
        hours.filter(|hour| case.clock.moment(*hour).is_some_and(|moment| moment.weekday == day)).count()
    };
    for (day, date) in case.clock.dates.iter().enumerate() {
        let planned = count_on_day(&mut channels.iter().flat_map(|c| c.posts.iter().map(|placed| placed.hour)), day);
        let committed = count_on_day(&mut channels.iter().flat_map(|c| c.committed.iter().copied()), day);
        if planned > max_posts.saturating_sub(committed) {
            let detail =
                format!("{planned} posts on {date} besides {committed} committed ones, the policy allows {max_posts}");
            findings.report_client("actions_a_day", detail);
        }
    }
}
