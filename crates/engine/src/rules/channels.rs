//! `channels.toml`: how often, when and how far apart each channel posts.

use std::collections::BTreeMap;

use super::clock_span::is_within_clock_span;
use super::closed::{self, CLOSED, ClosedRange};
use super::declare::{RuleTable, rule_table};
use super::facts::{Fact, List};
use super::key::{DAYS, DefaultValue, Key, Kind};
use super::settings::View;
use crate::model::Channel;

rule_table! {
    /// One table of `channels.toml`.
    pub struct ChannelRules from (table, channel: Channel), keys CHANNELS under "<channel>." {
        /// the channel
        #[made([], channel)]
        pub channel: Channel,
        /// posts a week before fatigue lowers them
        #[key(required, Kind::integer(0, 168))]
        pub weekly_posts: u32,
        /// fewest hours between two posts
        #[key(required, Kind::integer(1, 168))]
        pub min_spacing_hours: u32,
        /// best hours of the client's clock by weekday, Monday first; each list ascending
        #[made(
            [
                Key::required("<channel>.best_hours.weekday", Kind::Hours, "best hours of Monday to Friday, client's clock"),
                Key::required("<channel>.best_hours.weekend", Kind::Hours, "best hours of Saturday and Sunday, client's clock"),
                Key::optional(
                    "<channel>.best_hours.<day>",
                    Kind::Hours,
                    "best hours of that day, instead of those of `weekday` or `weekend`",
                ),
            ],
            best_hours(table.view, channel)
        )]
        pub best_hours: [Vec<u8>; 7],
        /// value of a post at a best hour against an ordinary hour, as a factor
        #[key(default = DefaultValue::Number(1.0), Kind::number(0.1, 10.0))]
        pub hour_lift: f64,
        /// value of a post on that day against an ordinary day, as a factor
        #[key(name = "weekday_weights.<day>", default = DefaultValue::Number(1.0), Kind::number(0.0, 10.0))]
        pub weekday_weights: [f64; 7],
        /// what a post of that content type earns against one of an ordinary type, as a factor
        #[key(name = "content_types.<type>", default = DefaultValue::Number(1.0), Kind::number(0.0, 100.0))]
        pub content_types: BTreeMap<String, f64>,
        /// start and end of the quiet hours, in minutes since midnight on the client's clock; `None` if there are none
        #[made(
            [
                Key::with_table("<channel>.quiet_hours.from", Kind::Clock, "from this time on nothing is posted, client's clock"),
                Key::with_table("<channel>.quiet_hours.to", Kind::Clock, "from this time on posts may run again"),
                Key::with_default(
                    "<channel>.quiet_hours.enabled",
                    Kind::Bool,
                    DefaultValue::Bool(true),
                    "whether the quiet hours apply; an overlay may switch them off",
                ),
            ],
            quiet_minutes(table.view, channel)
        )]
        pub quiet_minutes: Option<(u16, u16)>,
        /// ranges in which nothing is posted: those of `calendar.toml`, then the channel's own
        #[made(
            [Key::optional(
                "<channel>.closed",
                CLOSED,
                "hours of the week, or of single dates, in which nothing is posted on the channel",
            )],
            closed::ranges(table.view, channel)
        )]
        pub closed: Vec<ClosedRange>,
        /// hours in which fatigue halves
        #[key(required, Kind::number(1.0, 1000.0))]
        pub half_life_hours: f64,
        /// fatigue that one post adds
        #[key(required, Kind::above(0.0, 0.5))]
        pub fatigue_per_post: f64,
        /// exponent of a saturating response: what a post earns is multiplied by (1 + fatigue / fatigue_per_post) to the
        /// power of minus this number
        #[key(default = DefaultValue::Number(0.11), Kind::number(0.0, 2.0))]
        pub response_strength: f64,
        /// priority of its posts on a day that cannot take every post, in points
        #[key(required, Kind::number(0.0, 100.0))]
        pub priority: f64,
        /// engagements per person reached if a client has no history
        #[key(required, Kind::above(0.0, 10.0))]
        pub engagement_rate: f64,
        /// what one engagement is worth against one on another channel, as a factor
        #[key(default = DefaultValue::Number(1.0), Kind::above(0.0, 1000.0))]
        pub worth: f64,
        /// share of the audience that leaves because of one post
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1.0))]
        pub leave_per_post: f64,
        /// cost of losing one member of the audience, in engagements of a channel whose `worth` is 1
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1_000_000.0))]
        pub person_worth: f64,
        /// share of value gained at momentum 1 and lost at momentum 0
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1.0))]
        pub momentum_gain: f64,
    }
}

impl ChannelRules {
    /// Reads a channel's rules.
    pub(super) fn of(view: &View<'_>, channel: Channel) -> Self {
        Self::read(RuleTable { view, name: &format!("channels.{channel}") }, channel)
    }

    /// The factor on what posts of a content type earn; 1 if none is stated.
    #[must_use]
    pub fn content_type_factor(&self, kind: &str) -> f64 {
        self.content_types.get(kind).copied().unwrap_or(1.0)
    }

    /// Cost of the audience members who leave because of one post, for an audience of this size, in engagements of a
    /// channel whose `worth` is 1.
    #[must_use]
    pub fn leaving_cost(&self, audience: f64) -> f64 {
        audience * self.leave_per_post * self.person_worth
    }

    /// Factor by which fatigue falls each hour, between 0 and 1.
    #[must_use]
    pub fn decay_per_hour(&self) -> f64 {
        libm::exp2(-1.0 / self.half_life_hours)
    }

    /// Hour weights derived from the best hours, as scripts read them: 168 factors, Monday 00:00 first.
    #[must_use]
    pub fn hour_weights(&self) -> List {
        let weight = |hour: &u8, best: &[u8]| if best.contains(hour) { self.hour_lift } else { 1.0 };
        self.best_hours.iter().flat_map(|best| (0..24_u8).map(move |hour| Fact::Number(weight(&hour, best)))).collect()
    }

    /// Whether a wall-clock minute of the day, `0..1440`, lies in the quiet hours.
    #[must_use]
    pub fn is_quiet(&self, minute_of_day: u16) -> bool {
        self.quiet_minutes.is_some_and(|span| is_within_clock_span(span, minute_of_day))
    }
}

/// Best hours by weekday, Monday first: the day's own list, or else the `weekday` or `weekend` list.
pub(crate) fn best_hours(view: &View<'_>, channel: Channel) -> [Vec<u8>; 7] {
    DAYS.map(|day| best_hours_path(view, channel, day)).map(|path| view.hours(&path).unwrap_or_default().to_vec())
}

/// The key that a day's best hours are read from.
pub(crate) fn best_hours_path(view: &View<'_>, channel: Channel, day: &str) -> String {
    let day_path = format!("channels.{channel}.best_hours.{day}");
    if view.hours(&day_path).is_some() {
        return day_path;
    }
    let list = if matches!(day, "saturday" | "sunday") { "weekend" } else { "weekday" };
    format!("channels.{channel}.best_hours.{list}")
}

/// The quiet hours in minutes of the day, a half-open interval that may wrap past midnight; `None` if unset or
/// disabled.
pub(crate) fn quiet_minutes(view: &View<'_>, channel: Channel) -> Option<(u16, u16)> {
    let path = |key: &str| format!("channels.{channel}.quiet_hours.{key}");
    let is_on = view.bool(&path("enabled")).unwrap_or(true);
    let span = (view.clock(&path("from"))?, view.clock(&path("to"))?);
    is_on.then_some(span)
}
