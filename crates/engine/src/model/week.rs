//! ISO weeks and their hours on a client's wall clock.
//!
//! Hours are counted in elapsed time from Monday 00:00 in the client's zone, so a week in which the clocks change has
//! 167 or 169 of them. An hour that the clocks skip does not exist; an hour that they repeat exists twice, with the
//! same wall-clock hour.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate, Timelike as _, Weekday};
use serde::{Deserialize, Serialize};

use super::calendar_error::CalendarError;
use super::record::{CellError, cell};
use super::time::{HOUR_SECONDS, Timestamp, plus_days};
use super::zone::Zone;

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
    monday: NaiveDate,
}

impl Week {
    /// The week that contains a date.
    #[must_use]
    pub fn of(date: NaiveDate) -> Self {
        Self { monday: plus_days(date, -i64::from(date.weekday().num_days_from_monday())) }
    }

    /// The week after the one that contains an instant, in UTC.
    #[must_use]
    pub fn after(at: Timestamp) -> Self {
        Self::of(at.date()).plus(1)
    }

    /// The Monday on which it begins.
    #[must_use]
    pub const fn monday(self) -> NaiveDate {
        self.monday
    }

    /// The week `weeks` later, or earlier if negative; saturates at the edge of the calendar.
    #[must_use]
    pub fn plus(self, weeks: i64) -> Self {
        Self { monday: plus_days(self.monday, weeks.saturating_mul(7)) }
    }

    /// The number of weeks from `other` to this one; negative if `other` is later.
    #[must_use]
    pub fn since(self, other: Week) -> i64 {
        (self.monday - other.monday).num_weeks()
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.monday.iso_week();
        write!(f, "{:04}-W{:02}", iso.year(), iso.week())
    }
}

impl FromStr for Week {
    type Err = CalendarError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || CalendarError::BadWeek(text.to_owned());
        let (year, week) = text.split_once("-W").ok_or_else(error)?;
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || week.len() != 2 || !is_digits(year) || !is_digits(week) {
            return Err(error());
        }
        let year = year.parse().map_err(|_| error())?;
        let week = week.parse().map_err(|_| error())?;
        let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon).ok_or_else(error)?;
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

cell!(Week: Text(
    text => text.parse().map_err(|_| {
        vec![CellError::expected("not_a_week", &text, "a week", "write the ISO year and week as in `2026-W48`")]
    }),
    week => week.to_string().into()
));

/// The wall-clock time at one hour of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallHour {
    /// Days since Monday, `0..7`.
    pub weekday: u8,
    /// Hour of the day, `0..24`.
    pub hour: u8,
    /// Minute on the wall clock at the start of the hour; 0 except in zones whose clocks change by half an hour.
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
    /// Computes the hours of a week in a zone.
    ///
    /// # Errors
    /// If the week is at the edge of the calendar.
    pub fn new(week: Week, zone: &Zone) -> Result<Self, CalendarError> {
        let start = zone.start_of_day(week.monday())?;
        let end = zone.start_of_day(week.plus(1).monday())?;
        let count = (end.as_second() - start.as_second()) / HOUR_SECONDS;
        let hours = (0..count)
            .map(|t| {
                let local = zone.wall_time(start.plus_seconds(t * HOUR_SECONDS));
                WallHour {
                    weekday: local.weekday().num_days_from_monday() as u8,
                    hour: local.hour() as u8,
                    minute: local.minute() as u8,
                }
            })
            .collect();
        Ok(Self { week, zone: *zone, start, hours })
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

    /// Monday 00:00 in the zone.
    #[must_use]
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The start of hour `t`, which may be negative or beyond the end of the week.
    #[must_use]
    pub fn instant(&self, t: i64) -> Timestamp {
        self.start.plus_seconds(t.saturating_mul(HOUR_SECONDS))
    }

    /// The number of hours in the week: 168, or 167 or 169 if the clocks change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Always false: a week has hours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// The wall-clock time of each hour, in elapsed order.
    #[must_use]
    pub fn hours(&self) -> &[WallHour] {
        &self.hours
    }

    /// Whether the clocks change within the week, so that wall-clock time does not follow from the hour's index.
    #[must_use]
    pub fn clocks_change(&self) -> bool {
        let minute_of_week =
            |wall: &WallHour| (usize::from(wall.weekday) * 24 + usize::from(wall.hour)) * 60 + usize::from(wall.minute);
        self.hours.iter().enumerate().any(|(t, wall)| minute_of_week(wall) != t * 60)
    }

    /// Whole hours from the start of the week to an instant, rounded down; negative before it.
    #[must_use]
    pub fn hour_of(&self, at: Timestamp) -> i64 {
        (at.as_second() - self.start.as_second()).div_euclid(HOUR_SECONDS)
    }

    /// The date of a weekday (days since Monday) of this week.
    #[must_use]
    pub fn date(&self, weekday: u8) -> NaiveDate {
        plus_days(self.week.monday(), i64::from(weekday))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_is_written_with_four_and_two_digits() {
        assert_eq!("2026-W01".parse::<Week>().map(|week| week.to_string()).as_deref(), Ok("2026-W01"));
        for text in ["2026-W1", "2026-W001", "2026-W+1", "26-W01", "+2026-W01", "2026W01", "2026-w01", "2026-W1 "] {
            assert!(text.parse::<Week>().is_err(), "{text}");
        }
    }
}
