//! Limits in their periods, and which posts they count.

use chrono::NaiveDateTime;

use super::case::ClientCase;
use super::channel::ChannelCase;
use super::clock::{HOUR, applies_in};
use crate::model::{Channel, Post, Timestamp};
use crate::rules::{LimitFilter, LimitRules};

/// A limit in one of its periods: the sum of the posts' coefficients may be `at_most`.
pub(super) struct LimitPeriodCase<'a> {
    pub name: &'a str,
    pub channel: Option<Channel>,
    /// First hour of the period, counted from Monday and negative before it.
    pub first_hour: i64,
    /// Start of the period on the client's clock.
    pub from: NaiveDateTime,
    /// Coefficient of a post, by channel and hour.
    pub coefficients: Vec<Vec<f64>>,
    pub at_most: f64,
    /// Price of exceeding the limit by 1; `None` if it must be kept.
    pub price: Option<f64>,
}

impl LimitPeriodCase<'_> {
    pub fn label(&self) -> String {
        self.channel.map_or_else(|| format!("`{}`", self.name), |channel| format!("`{}` on {channel}", self.name))
    }

    /// Sum of the coefficients of the planned posts that are counted.
    pub fn used(&self, channels: &[ChannelCase<'_>], is_counted: impl Fn(&Post) -> bool) -> f64 {
        let mut used = 0.0;
        for (channel, coefficients) in channels.iter().zip(&self.coefficients) {
            for placed in channel.posts.iter().filter(|placed| is_counted(placed.post)) {
                used += value_at(coefficients, placed.hour);
            }
        }
        used
    }
}

/// The value at an hour; 0 outside the week.
pub(super) fn value_at(by_hour: &[f64], hour: i64) -> f64 {
    usize::try_from(hour).ok().and_then(|hour| by_hour.get(hour)).copied().unwrap_or(0.0)
}

/// Whether a limit is one for the client in this week.
pub(super) fn applies_to(limit: &LimitRules, case: &ClientCase<'_>) -> bool {
    let filter = &limit.filter;
    let is_week = case.clock.dates.first().is_none_or(|monday| applies_in(limit.weeks, *monday));
    let by_tag = filter.tags.is_empty() || filter.tags.iter().any(|tag| case.client.tags.contains(tag));
    is_week && by_tag && (filter.clients.is_empty() || filter.clients.contains(&case.client.id))
}

/// Whether a filter counts a planned post of a channel in an hour of the week. The post goes out at the channel's minute
/// after the hour begins, and the filter reads the clock then.
pub(super) fn counts(channel: &ChannelCase<'_>, hour: i64, filter: &LimitFilter) -> bool {
    let at = Timestamp::from_second(channel.case.clock.start + hour * HOUR + channel.minute() * 60);
    let is_of_channel = filter.channels.is_empty() || filter.channels.contains(&channel.state.channel);
    is_of_channel && filter.covers(channel.case.client.zone.wall_time(at))
}
