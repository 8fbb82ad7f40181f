//! The hours of a week as the wall clocks of a zone show them.
//!
//! Hours are counted in elapsed time from the first instant of Monday. If the clocks shift by half an hour in the week,
//! the half hour left over at its end is not an hour of the week.

use chrono::{Datelike as _, Days, NaiveDate, TimeDelta, Timelike as _};

use crate::model::{Timestamp, Week, Zone, plus_days};
use crate::rules::LimitWeeks;

/// Seconds in an hour.
pub(super) const HOUR: i64 = 3600;

/// What the wall clock shows at the start of one elapsed hour of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LocalHour {
    /// Date on the wall calendar.
    pub date: NaiveDate,
    /// Days since Monday.
    pub weekday: usize,
    /// Hour on the wall clock.
    pub hour: u8,
    /// Minutes since midnight on the wall clock.
    pub minute_of_day: u16,
}

/// One week in one zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clock {
    /// The first instant of Monday, in Unix seconds.
    pub start: i64,
    /// The hours, in order.
    pub hours: Vec<LocalHour>,
    /// The seven dates, Monday first.
    pub dates: Vec<NaiveDate>,
}

impl Clock {
    /// Computes a week; `None` at the edge of the supported calendar.
    pub fn of(week: Week, zone: &Zone) -> Option<Self> {
        let monday = week.monday();
        let first = zone.start_of_day(monday).ok()?;
        let last = zone.start_of_day(monday.checked_add_days(Days::new(7))?).ok()?;
        let mut hours = Vec::with_capacity(169);
        let mut at = first;
        loop {
            let next = at.plus_seconds(HOUR);
            if next > last {
                break;
            }
            hours.push(moment(zone, at));
            at = next;
        }
        let dates = (0..7).map(|day| plus_days(monday, day)).collect();
        Some(Self { start: first.as_second(), hours, dates })
    }

    /// The hour in UTC, in hours since 1970, in which an hour of the week begins.
    pub fn hour_in_utc(&self, hour: i64) -> i64 {
        (self.start + hour * HOUR).div_euclid(HOUR)
    }

    /// How many hours the week has.
    pub fn len(&self) -> i64 {
        self.hours.len() as i64
    }

    /// The end of the last hour, in Unix seconds.
    pub fn end(&self) -> i64 {
        self.start + self.len() * HOUR
    }

    /// The hour that an instant lies in, counted from Monday; it may lie outside the week.
    pub fn hour_of(&self, at: Timestamp) -> i64 {
        (at.as_second() - self.start).div_euclid(HOUR)
    }

    /// What the wall clock shows at an hour of the week; `None` outside it.
    pub fn moment(&self, hour: i64) -> Option<&LocalHour> {
        self.hours.get(usize::try_from(hour).ok()?)
    }
}

/// Whether `later` lies at least `days` after `earlier`, both in Unix seconds, as the zone's wall clock counts days.
///
/// It does from the moment at which the clock first shows the same time of day that many days later or, if the clock
/// skips that time, a later one.
pub(super) fn is_days_after(zone: &Zone, earlier: i64, later: i64, days: i64) -> bool {
    let wall_time = |at: i64| zone.wall_time(Timestamp::from_second(at));
    let Some(same_time) = wall_time(earlier).checked_add_signed(TimeDelta::days(days)) else { return false };
    let has_shown_same_time = || {
        // The offsets before and after a change of the clock give both instants at which it may show that time.
        let as_utc = Timestamp::from(same_time.and_utc());
        let offsets = [-1, 1].map(|day| zone.local(as_utc.plus_days(day)).offset().local_minus_utc());
        let instants = offsets.map(|offset| as_utc.as_second() - i64::from(offset));
        instants.into_iter().any(|at| at <= later && wall_time(at) == same_time)
    };
    wall_time(later) >= same_time || has_shown_same_time()
}

fn moment(zone: &Zone, at: Timestamp) -> LocalHour {
    let local = zone.wall_time(at);
    let hour = local.hour() as u8;
    LocalHour {
        date: local.date(),
        weekday: local.weekday().num_days_from_monday() as usize,
        hour,
        minute_of_day: u16::from(hour) * 60 + local.minute() as u16,
    }
}

/// Whether a limit that is restricted to some weeks applies in the week that begins on `monday`.
pub(super) fn applies_in(weeks: LimitWeeks, monday: NaiveDate) -> bool {
    weeks.first_week.is_none_or(|first_week| {
        // `first_week` may be any day of its week, so the number of weeks is rounded down.
        let weeks_until = (first_week.num_days_from_ce() - monday.num_days_from_ce()).div_euclid(7);
        // `every` is 1 or more in a valid pack; `max` only rules out a division by zero.
        i64::from(weeks_until) % i64::from(weeks.every.max(1)) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(week: &str, zone: &str) -> Clock {
        Clock::of(week.parse().unwrap(), &zone.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_week_has_as_many_hours_as_elapse_in_it() {
        let weeks = [
            ("2026-W20", "Europe/London", 168),
            ("2026-W13", "Europe/London", 167),
            ("2026-W43", "Europe/London", 169),
            ("2026-W44", "America/New_York", 169),
            ("2026-W40", "Australia/Sydney", 167),
            ("2026-W40", "Australia/Lord_Howe", 167),
            ("2026-W14", "Australia/Lord_Howe", 168),
        ];
        for (week, zone, hours) in weeks {
            assert_eq!(clock(week, zone).len(), hours, "{week} {zone}");
        }
    }

    #[test]
    fn an_hour_that_the_clocks_repeat_is_listed_twice_and_a_skipped_one_never() {
        let on_sunday = |clock: &Clock| -> Vec<u8> {
            clock.hours.iter().filter(|moment| moment.weekday == 6).map(|moment| moment.hour).take(4).collect()
        };
        assert_eq!(on_sunday(&clock("2026-W43", "Europe/London")), [0, 1, 1, 2]);
        assert_eq!(on_sunday(&clock("2026-W13", "Europe/London")), [0, 2, 3, 4]);
    }

    #[test]
    fn days_are_counted_by_what_the_clocks_show() {
        let after = |zone: &str, earlier: &str, later: &str| {
            let [earlier, later] = [earlier, later].map(|at| at.parse::<Timestamp>().unwrap().as_second());
            is_days_after(&zone.parse().unwrap(), earlier, later, 1)
        };
        for (zone, post, day_later, too_early) in [
            ("Europe/London", "2026-03-28T09:00:00Z", "2026-03-29T08:00:00Z", "2026-03-29T07:59:59Z"),
            ("Europe/London", "2026-10-24T08:00:00Z", "2026-10-25T09:00:00Z", "2026-10-25T08:59:59Z"),
            // The next day skips 01:30: the moment of the clock change is late enough.
            ("Europe/London", "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T00:59:59Z"),
            // The next day has 01:30 twice: the first is late enough, and so is every instant between the two.
            ("Europe/London", "2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:29:59Z"),
            ("Europe/London", "2026-10-24T00:30:00Z", "2026-10-25T01:15:00Z", "2026-10-25T00:29:59Z"),
            ("Australia/Lord_Howe", "2026-04-03T22:00:00Z", "2026-04-04T22:30:00Z", "2026-04-04T22:29:59Z"),
        ] {
            assert!(after(zone, post, day_later), "{zone}: {post} and {day_later}");
            assert!(!after(zone, post, too_early), "{zone}: {post} and {too_early}");
        }
    }

    #[test]
    fn a_shift_of_half_an_hour_moves_the_minute_of_every_later_hour() {
        let clock = clock("2026-W40", "Australia/Lord_Howe");
        assert_eq!(clock.moment(145).unwrap().minute_of_day, 60);
        assert_eq!(clock.moment(146).unwrap().minute_of_day, 150);
        assert_eq!(clock.moment(167), None);
    }
}
