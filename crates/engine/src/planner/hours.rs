//! The value of each hour of a channel's week, and the rule that forbids the hour, if any.

use chrono::{NaiveTime, TimeDelta};

use crate::agents::ClientWeek;
use crate::agents::agency_director::{DayPlan, day_plan};
use crate::agents::creative_director::Candidate;
use crate::model::{CampaignId, ChannelState, Spacing, Timestamp, WallHour, Zone};
use crate::rules::{ChannelRules, ClosedRange};

const WEEK_MINUTES: i32 = 7 * 24 * 60;

/// A rule that forbids an hour, in order of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HourRule {
    /// Before the instant from which the week is planned.
    Past,
    /// A blackout, or a holiday on which the rules allow no posts.
    ClosedDay,
    /// Closed hours of the calendar or of the channel.
    ClosedHours,
    /// Quiet hours of the channel.
    QuietHours,
    /// Too close to the last post before the week.
    LastPost,
    /// Too close to a committed post.
    CommittedPost,
}

impl HourRule {
    /// Every rule, in order of evaluation.
    pub const ALL: [HourRule; 6] = [
        HourRule::Past,
        HourRule::ClosedDay,
        HourRule::ClosedHours,
        HourRule::QuietHours,
        HourRule::LastPost,
        HourRule::CommittedPost,
    ];

    /// The rule's name in tables and explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HourRule::Past => "past",
            HourRule::ClosedDay => "closed_day",
            HourRule::ClosedHours => "closed_hours",
            HourRule::QuietHours => "quiet_hours",
            HourRule::LastPost => "last_post",
            HourRule::CommittedPost => "committed_post",
        }
    }
}

/// The factors of a post's value at one hour, before asset quality and fatigue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HourValue {
    /// People reached.
    pub audience: f64,
    /// Engagements per person reached.
    pub engagement_rate: f64,
    /// Weight of the hour; 1 if ordinary.
    pub hour: f64,
    /// Weight of the weekday; 1 if ordinary.
    pub weekday: f64,
    /// Factor from the channel's momentum; 1 if steady.
    pub momentum: f64,
    /// Campaign weight: for an hour, the highest that a post can have there; for a post, that of the post's own
    /// campaign.
    pub campaign: f64,
    /// Factor from holidays and boosts.
    pub calendar: f64,
}

/// A factor of an hour's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HourFactor {
    /// People reached.
    Audience,
    /// Engagements per person reached.
    EngagementRate,
    /// Weight of the hour.
    Hour,
    /// Weight of the weekday.
    Weekday,
    /// The channel's momentum.
    Momentum,
    /// Weight of the campaign.
    Campaign,
    /// Holidays and boosts.
    Calendar,
}

impl HourFactor {
    /// The factor's name in explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            HourFactor::Audience => "audience",
            HourFactor::EngagementRate => "engagement rate",
            HourFactor::Hour => "hour",
            HourFactor::Weekday => "weekday",
            HourFactor::Momentum => "momentum",
            HourFactor::Campaign => "campaign",
            HourFactor::Calendar => "calendar",
        }
    }

    /// The key of the channel's table in `channels.toml` that sets the factor; `None` if it is not set there.
    #[must_use]
    pub const fn key(self) -> Option<&'static str> {
        match self {
            HourFactor::EngagementRate => Some("engagement_rate"),
            HourFactor::Hour => Some("hour_lift"),
            HourFactor::Weekday => Some("weekday_weights"),
            HourFactor::Momentum => Some("momentum_gain"),
            HourFactor::Audience | HourFactor::Campaign | HourFactor::Calendar => None,
        }
    }
}

impl HourValue {
    /// Every factor with its value, in the order in which explanations list them.
    #[must_use]
    pub const fn factors(&self) -> [(HourFactor, f64); 7] {
        [
            (HourFactor::Audience, self.audience),
            (HourFactor::EngagementRate, self.engagement_rate),
            (HourFactor::Hour, self.hour),
            (HourFactor::Weekday, self.weekday),
            (HourFactor::Momentum, self.momentum),
            (HourFactor::Campaign, self.campaign),
            (HourFactor::Calendar, self.calendar),
        ]
    }

    /// The value of the hour: the product of all factors.
    #[must_use]
    pub fn product(&self) -> f64 {
        self.factors().iter().fold(1.0, |product, (_, factor)| product * factor)
    }
}

/// The hours of one channel's week.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelHours<'a> {
    /// The value of each hour, with the highest campaign weight that a post can have there.
    pub value: Vec<f64>,
    /// By hour, the rule that forbids it; `None` if it may be used.
    pub forbidden: Vec<Option<HourRule>>,
    /// Campaigns and special days, by weekday.
    pub days: Vec<DayPlan<'a>>,
    /// Hours with committed posts, ascending.
    pub committed: Vec<usize>,
    /// Whole hours from the last post before the week to the posting minute of the week's first hour, counted as the
    /// channel's spacing counts them; `None` if there was no such post.
    pub hours_since_last_post: Option<i64>,
    /// For each hour, the first hour at which the next post is allowed; empty if the spacing is the same everywhere.
    pub next_after: Vec<usize>,
}

impl<'a> ChannelHours<'a> {
    /// Campaigns and special days of the day that an hour lies in.
    #[must_use]
    pub fn day(&self, week: &ClientWeek<'_>, hour: usize) -> Option<&DayPlan<'a>> {
        let wall = week.hours.hours().get(hour)?;
        self.days.get(usize::from(wall.weekday))
    }

    /// The value of an hour for a post of the given campaign, with that campaign's weight.
    #[must_use]
    pub fn value_for(&self, week: &ClientWeek<'_>, hour: usize, campaign: Option<&CampaignId>) -> f64 {
        let value = self.value.get(hour).copied().unwrap_or(0.0);
        value * self.day(week, hour).map_or(1.0, |day| day.share_of_hour(campaign))
    }
}

/// The hours of one channel's week, given the assets that the channel can use. `hour_weights` are the weights by
/// weekday and wall-clock hour, Monday 00:00 first; an hour without a weight gets one from the best hours of
/// `channels.toml`. `minute` is the minute within the hour at which posts of the channel go out.
#[must_use]
pub fn channel_hours<'a>(
    week: &ClientWeek<'a>,
    state: &ChannelState,
    rules: &ChannelRules,
    candidates: &[Candidate<'_>],
    hour_weights: Option<&[Option<f64>]>,
    minute: u8,
) -> ChannelHours<'a> {
    let plan_of_day = |weekday: u8| day_plan(week, state.channel, week.hours.date(weekday), candidates);
    let days: Vec<DayPlan<'a>> = (0..7).map(plan_of_day).collect();
    let spacing = Spacing::from_hours(rules.min_spacing_hours);
    let posting_time = |hour: usize| week.hours.instant(hour as i64).plus_minutes(i64::from(minute));
    let existing = ExistingPosts::of(week, state.recent_posts.iter().copied().chain(state.last_post_at), spacing);
    let mut value = Vec::with_capacity(week.hours.len());
    let mut forbidden = Vec::with_capacity(week.hours.len());
    for (hour, wall) in week.hours.hours().iter().enumerate() {
        let Some(day) = days.get(usize::from(wall.weekday)) else { continue };
        value.push(hour_value(state, rules, *wall, day, hour_weights).product());
        forbidden.push(forbidden_by(week, posting_time(hour), *wall, day, rules, &existing));
    }
    ChannelHours {
        value,
        forbidden,
        days,
        committed: hours_of_week(week, &state.recent_posts),
        hours_since_last_post: existing
            .last
            .map(|last| spacing.hours_between(last, posting_time(0), existing.zone).floor() as i64),
        next_after: spacing.next_hours(week.hours, minute).unwrap_or_default(),
    }
}

/// The factors of an hour's value.
#[must_use]
pub fn hour_value(
    state: &ChannelState,
    rules: &ChannelRules,
    wall: WallHour,
    day: &DayPlan<'_>,
    hour_weights: Option<&[Option<f64>]>,
) -> HourValue {
    let weekday = usize::from(wall.weekday);
    let by_best_hours = || if is_best_hour(rules, wall) { rules.hour_lift } else { 1.0 };
    let momentum = state.momentum.map_or(0.5, |score| score.get());
    HourValue {
        audience: state.audience,
        engagement_rate: state.engagement_rate.unwrap_or(rules.engagement_rate),
        hour: weight_by_script(hour_weights, wall).unwrap_or_else(by_best_hours),
        weekday: rules.weekday_weights.get(weekday).copied().unwrap_or(1.0),
        momentum: 1.0 + rules.momentum_gain * (2.0 * momentum - 1.0),
        campaign: day.hour_weight,
        calendar: day.calendar_factor,
    }
}

/// The weight that the pack's `hour_weights` function gives an hour; `None` if the best hours of `channels.toml`
/// decide.
#[must_use]
pub fn weight_by_script(hour_weights: Option<&[Option<f64>]>, wall: WallHour) -> Option<f64> {
    *hour_weights?.get(usize::from(wall.weekday) * 24 + usize::from(wall.hour))?
}

/// Whether the wall-clock hour is one of the channel's best.
#[must_use]
pub fn is_best_hour(rules: &ChannelRules, wall: WallHour) -> bool {
    rules.best_hours.get(usize::from(wall.weekday)).is_some_and(|hours| hours.contains(&wall.hour))
}

/// Existing posts of the channel, and the spacing to keep from them.
pub(super) struct ExistingPosts<'w> {
    spacing: Spacing,
    zone: &'w Zone,
    /// The last post before the week.
    last: Option<Timestamp>,
    /// The first instant that is far enough from every post before the week.
    free_from: Option<Timestamp>,
    /// Posts committed from the start of the week on.
    committed: Vec<Timestamp>,
}

impl<'w> ExistingPosts<'w> {
    pub fn of(week: &'w ClientWeek<'_>, posts: impl Iterator<Item = Timestamp>, spacing: Spacing) -> Self {
        let (start, zone) = (week.hours.start(), week.hours.zone());
        let (before, committed): (Vec<Timestamp>, Vec<Timestamp>) = posts.partition(|at| *at < start);
        let last = before.iter().copied().max();
        // Where clocks went back, the latest post is not necessarily the one with the latest local time.
        let day_before = last.map(|last| last.plus_hours(-24));
        let recent = before.into_iter().filter(|at| day_before.is_some_and(|day_before| *at >= day_before));
        let free_from = recent.map(|at| spacing.earliest_after(at, zone)).max();
        Self { spacing, zone, last, free_from, committed }
    }

    /// The existing post nearest to an instant.
    pub fn nearest(&self, at: Timestamp) -> Option<Timestamp> {
        let distance = |other: &Timestamp| (other.as_second().abs_diff(at.as_second()), *other);
        self.last.iter().chain(&self.committed).copied().min_by_key(distance)
    }

    fn is_too_near_last(&self, at: Timestamp) -> bool {
        self.free_from.is_some_and(|free_from| at < free_from)
    }

    fn is_too_near_committed(&self, at: Timestamp) -> bool {
        self.committed.iter().any(|committed| !self.spacing.is_far_enough(at, *committed, self.zone))
    }
}

/// The first rule that forbids a post of the channel at an instant, which lies in wall-clock hour `wall`; `None` if the
/// post is allowed.
pub(super) fn forbidden_by(
    week: &ClientWeek<'_>,
    at: Timestamp,
    wall: WallHour,
    day: &DayPlan<'_>,
    rules: &ChannelRules,
    existing: &ExistingPosts<'_>,
) -> Option<HourRule> {
    if week.not_before.is_some_and(|from| at < from) {
        return Some(HourRule::Past);
    }
    if day.closed.is_some() {
        return Some(HourRule::ClosedDay);
    }
    if closed_range(week, rules, wall).is_some() {
        return Some(HourRule::ClosedHours);
    }
    if is_quiet(rules, wall) {
        return Some(HourRule::QuietHours);
    }
    if existing.is_too_near_last(at) {
        return Some(HourRule::LastPost);
    }
    if existing.is_too_near_committed(at) {
        return Some(HourRule::CommittedPost);
    }
    None
}

/// Index of the first of the channel's closed ranges that overlaps the hour.
pub(super) fn closed_range(week: &ClientWeek<'_>, rules: &ChannelRules, wall: WallHour) -> Option<usize> {
    if rules.closed.is_empty() {
        return None;
    }
    let minute_of_day = u16::from(wall.hour) * 60 + u16::from(wall.minute);
    let minute_of_week = i32::from(wall.weekday) * 1440 + i32::from(minute_of_day);
    let midnight = week.hours.date(wall.weekday).and_time(NaiveTime::MIN);
    let start = midnight + TimeDelta::minutes(i64::from(minute_of_day));
    let end = start + TimeDelta::hours(1);
    rules.closed.iter().position(|range| match *range {
        ClosedRange::Weekly { from, to } => overlaps_weekly(minute_of_week, i32::from(from), i32::from(to)),
        ClosedRange::Dated { from, to } => start < to && from < end,
    })
}

/// Whether the hour that starts at a minute of the week overlaps the weekly range between two minutes of the week. The
/// range may wrap around the week's end.
fn overlaps_weekly(start: i32, from: i32, to: i32) -> bool {
    let to = if to < from { to + WEEK_MINUTES } else { to };
    // The hour or the range may reach into the next week, so the range is also compared a week earlier and later.
    [-WEEK_MINUTES, 0, WEEK_MINUTES].iter().any(|shift| start < to + shift && from + shift < start + 60)
}

/// Whether the hour overlaps the channel's quiet hours.
fn is_quiet(rules: &ChannelRules, wall: WallHour) -> bool {
    let Some((from, to)) = rules.quiet_minutes else { return false };
    let start = u16::from(wall.hour) * 60 + u16::from(wall.minute);
    let minutes = start..start + 60;
    let overlaps = |from: u16, to: u16| minutes.start < to && from < minutes.end;
    // An hour that starts before midnight may end up to 60 minutes after it.
    if from <= to { overlaps(from, to) } else { overlaps(from, 1440 + 60) || overlaps(0, to) }
}

/// The hours of the week in which posts at the given times lie, ascending, each once.
pub(super) fn hours_of_week(week: &ClientWeek<'_>, posts: &[Timestamp]) -> Vec<usize> {
    let hours = posts.iter().map(|at| week.hours.hour_of(*at)).filter_map(|hour| usize::try_from(hour).ok());
    let mut hours: Vec<usize> = hours.filter(|hour| *hour < week.hours.len()).collect();
    hours.sort_unstable();
    hours.dedup();
    hours
}
