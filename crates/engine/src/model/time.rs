//! Instants and dates.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, Timelike as _,
    Utc,
};
use serde::{Deserialize, Serialize};

use super::calendar_error::CalendarError;

/// Seconds in an hour.
pub const HOUR_SECONDS: i64 = 3600;

/// An instant in years 0 to 9999, with nanosecond precision.
///
/// Formatted as RFC 3339 in UTC, `2026-11-30T09:00:00Z`, with a fraction of a second only if there is one. Arithmetic
/// saturates at [`Timestamp::MIN`] and [`Timestamp::MAX`].
///
/// ```
/// use mcoe_engine::model::Timestamp;
///
/// let at: Timestamp = "2026-11-30 09:00+01:00".parse()?;
/// assert_eq!(at.to_string(), "2026-11-30T08:00:00Z");
/// assert_eq!(at.plus_hours(36).to_string(), "2026-12-01T20:00:00Z");
/// # Ok::<(), mcoe_engine::model::CalendarError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since the Unix epoch, rounded down.
    second: i64,
    nanosecond: u32,
}

impl Timestamp {
    /// The first instant of year 0.
    pub const MIN: Self = Self { second: -62_167_219_200, nanosecond: 0 };
    /// The last instant of year 9999.
    pub const MAX: Self = Self { second: 253_402_300_799, nanosecond: 999_999_999 };
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self { second: 0, nanosecond: 0 };

    /// The instant `seconds` after the Unix epoch, or before it if negative; saturates at the ends of the calendar.
    #[must_use]
    pub fn from_second(seconds: i64) -> Self {
        Self::UNIX_EPOCH.plus_seconds(seconds)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn as_second(self) -> i64 {
        self.second
    }

    /// Midnight of a date in UTC.
    #[must_use]
    pub fn at_midnight(date: NaiveDate) -> Self {
        Self::from(date.and_time(NaiveTime::MIN).and_utc())
    }

    /// Parses date, time and UTC offset in ISO 8601 or RFC 3339 and keeps the offset. A space may replace the `T`, and
    /// the seconds may be missing. A zone name in brackets after the offset is ignored.
    ///
    /// # Errors
    /// Returns [`CalendarError::BadInstant`] if the text has another format or lies outside the calendar.
    pub fn parse_with_offset(text: &str) -> Result<DateTime<FixedOffset>, CalendarError> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(at);
        }
        let error = || CalendarError::BadInstant(text.to_owned());
        let instant = text.strip_suffix(']').and_then(|text| text.split_once('[')).map_or(text, |(instant, _)| instant);
        let instant = instant.to_ascii_uppercase().replacen(' ', "T", 1).replacen(',', ".", 1);
        if instant.contains(char::is_whitespace) {
            return Err(error());
        }
        let parsed = FORMATS.iter().find_map(|format| DateTime::parse_from_str(&instant, format).ok());
        // chrono also accepts `2026-1-5`, which could mean 5 January or 1 May.
        let is_padded = |at: &DateTime<_>| {
            let [extended, basic] = ["%Y-%m-%dT%H:%M", "%Y%m%dT%H%M"].map(|format| at.format(format).to_string());
            (0..=9999).contains(&at.year()) && (instant.starts_with(&extended) || instant.starts_with(&basic))
        };
        parsed.filter(is_padded).ok_or_else(error)
    }

    /// The instant rounded down to a whole second.
    #[must_use]
    pub fn whole_second(self) -> Self {
        Self::from_second(self.as_second())
    }

    /// The instant as a chrono `DateTime`.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        // INVARIANT: every instant lies in years 0 to 9999, which chrono can represent.
        DateTime::from_timestamp(self.second, self.nanosecond).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// The date in UTC.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.utc().date_naive()
    }

    /// The instant `seconds` later, or earlier if negative; saturates.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self { second: self.second.saturating_add(seconds), ..self }.clamp(Self::MIN, Self::MAX)
    }

    /// The instant `minutes` later, or earlier if negative; saturates.
    #[must_use]
    pub fn plus_minutes(self, minutes: i64) -> Self {
        self.plus_seconds(minutes.saturating_mul(60))
    }

    /// The instant `hours` later, or earlier if negative; saturates.
    #[must_use]
    pub fn plus_hours(self, hours: i64) -> Self {
        self.plus_seconds(hours.saturating_mul(HOUR_SECONDS))
    }

    /// The instant `days` times 24 hours later, or earlier if negative; saturates.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_hours(days.saturating_mul(24))
    }

    /// Time elapsed from `other` to this instant; negative if `other` is later.
    #[must_use]
    pub fn since(self, other: Self) -> TimeDelta {
        self.utc() - other.utc()
    }
}

/// Saturates at the ends of the calendar. A leap second becomes the second before it.
impl From<DateTime<Utc>> for Timestamp {
    fn from(at: DateTime<Utc>) -> Self {
        // chrono represents a leap second by a nanosecond of at least a billion.
        let nanosecond = if at.nanosecond() < 1_000_000_000 { at.nanosecond() } else { 0 };
        Self { second: at.timestamp(), nanosecond }.clamp(Self::MIN, Self::MAX)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.utc().to_rfc3339_opts(SecondsFormat::Secs, true);
        match self.nanosecond {
            0 => f.pad(&whole),
            nanosecond => {
                let fraction = format!("{nanosecond:09}");
                f.pad(&format!("{}.{}Z", whole.trim_end_matches('Z'), fraction.trim_end_matches('0')))
            }
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Accepted formats. All have a UTC offset: `Z`, `+10:00`, `+1000` or `+10`.
const FORMATS: [&str; 3] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y%m%dT%H%M%S%.f%#z"];

impl FromStr for Timestamp {
    type Err = CalendarError;

    /// Parses like [`Timestamp::parse_with_offset`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_with_offset(text).map(|at| Self::from(at.to_utc()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Parses a date written exactly as `2026-11-30`.
#[must_use]
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == 10 && date.to_string() == text).then_some(date)
}

/// Parses a wall-clock date and time written as `2026-11-30T09:00`, also with a space instead of the `T` and with
/// seconds. A date alone means its midnight.
#[must_use]
pub fn parse_wall_time(text: &str) -> Option<NaiveDateTime> {
    let date = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let parsed = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(clock, format).ok())?;
    clock.starts_with(&parsed.format("%H:%M").to_string()).then(|| date.and_time(parsed))
}

/// Formats a wall-clock date and time as in messages and files: `2026-11-30T09:00:00`.
#[must_use]
pub fn wall_time_text(wall_time: NaiveDateTime) -> String {
    wall_time.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

/// The date `days` later, or earlier if negative; saturates at the ends of the calendar.
#[must_use]
pub fn plus_days(date: NaiveDate, days: i64) -> NaiveDate {
    let edge = if days < 0 { NaiveDate::MIN } else { NaiveDate::MAX };
    TimeDelta::try_days(days).and_then(|delta| date.checked_add_signed(delta)).unwrap_or(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        text.parse::<Timestamp>().unwrap().to_string()
    }

    #[test]
    fn an_instant_is_read_in_every_usual_way_and_written_in_one() {
        for text in [
            "2026-11-30T09:00:00Z",
            "2026-11-30t09:00:00z",
            "2026-11-30 09:00:00Z",
            "2026-11-30T09:00Z",
            "2026-11-30T09:00:00.000Z",
            "2026-11-30T19:00:00+10:00",
            "2026-11-30T19:00:00+1000",
            "2026-11-30T19:00+10",
            "2026-11-30T20:00:00+11:00[Australia/Sydney]",
            "20261130T090000Z",
            "2026-11-29T23:00:00-10:00",
        ] {
            assert_eq!(read(text), "2026-11-30T09:00:00Z", "{text}");
        }
        assert_eq!(read("2026-11-30T09:00:00.250Z"), "2026-11-30T09:00:00.25Z");
        assert_eq!(read("2026-11-30T09:00:00,5Z"), "2026-11-30T09:00:00.5Z");
        assert_eq!(read("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59Z");
    }

    #[test]
    fn a_text_that_is_not_an_instant_is_rejected() {
        for text in [
            "",
            "2026-11-30",
            "2026-11-30T09:00:00",
            "2026-1-5T09:00:00Z",
            "2026-01-05T9:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-11-30T24:00:00Z",
            "2026-11-30T 09:00:00Z",
            "+12026-11-30T09:00:00Z",
            "1764493200",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_the_calendar() {
        let at: Timestamp = "2026-11-30T09:00:00Z".parse().unwrap();
        assert_eq!(at.plus_days(i64::MAX), Timestamp::MAX);
        assert_eq!(at.plus_seconds(i64::MIN), Timestamp::MIN);
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999999Z");
        assert_eq!(Timestamp::from_second(i64::MAX), Timestamp::MAX);
        assert_eq!(at.plus_hours(1).since(at), TimeDelta::hours(1));
    }

    #[test]
    fn a_wall_time_is_read_in_every_usual_way_and_written_in_one() {
        let read = |text: &str| parse_wall_time(text).map(wall_time_text);
        for text in ["2026-11-30T09:05", "2026-11-30 09:05:00", "2026-11-30t09:05:00.0"] {
            assert_eq!(read(text).as_deref(), Some("2026-11-30T09:05:00"), "{text}");
        }
        assert_eq!(read("2026-11-30").as_deref(), Some("2026-11-30T00:00:00"));
        for text in ["2026-11-30T9:05", "2026-11-30T", "2026-11-30T09:05Z", "friday 18:00", "2026-11-30T24:00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_written_in_one_way() {
        assert_eq!(parse_date("2026-01-05").map(|date| date.to_string()).as_deref(), Some("2026-01-05"));
        for text in ["2026-1-5", "2026- 1- 5", "+2026-01-05", "2026-02-30", "26-01-05", "2026-01-05 "] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
