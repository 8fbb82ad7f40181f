//! Minimum spacing between two posts of a channel.
//!
//! A spacing of whole days (a multiple of 24 hours) is counted on the client's wall clock: from 09:00 to 09:00 the next
//! day is one day, whether 23, 24 or 25 hours pass. Any other spacing is elapsed time.
//!
//! When the clocks change, N days after a post is the first instant, on the date N days later, at which the wall clock
//! shows the post's time of day or a later one:
//!
//! - skipped hour: one day after Saturday 01:30, if Sunday has no 01:30, is the moment of the change;
//! - repeated hour: one day after Saturday 01:30 is the first 01:30 of Sunday, and every later instant is far enough
//!   too, although the clock shows 01:00 again. One day after either 01:30 of Sunday is Monday 01:30.

use std::fmt;

use chrono::{Days, TimeDelta};

use super::time::HOUR_SECONDS;
use super::time::Timestamp;
use super::week::WeekHours;
use super::zone::Zone;

const DAY_HOURS: u32 = 24;

/// Minimum spacing between two posts of a channel.
///
/// ```
/// use mcoe_engine::model::{Spacing, Zone};
///
/// let london: Zone = "Europe/London".parse()?;
/// // Clocks go forward in between: a day on the clock is 23 hours.
/// let (saturday, sunday) = ("2026-03-28T09:00:00Z".parse()?, "2026-03-29T08:00:00Z".parse()?);
/// assert!(Spacing::from_hours(24).is_far_enough(saturday, sunday, &london));
/// assert!(!Spacing::from_hours(25).is_far_enough(saturday, sunday, &london));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    hours: u32,
}

impl Spacing {
    /// From `min_spacing_hours` of a channel's rules.
    #[must_use]
    pub const fn from_hours(hours: u32) -> Self {
        Self { hours }
    }

    /// The number of days if the spacing is counted on the wall clock; `None` if it is elapsed time.
    #[must_use]
    pub const fn whole_days(self) -> Option<u32> {
        if self.hours > 0 && self.hours.is_multiple_of(DAY_HOURS) { Some(self.hours / DAY_HOURS) } else { None }
    }

    /// The earliest instant that is far enough after a post, ignoring the post's fraction of a second.
    #[must_use]
    pub fn earliest_after(self, post: Timestamp, zone: &Zone) -> Timestamp {
        let post = post.whole_second();
        match self.whole_days() {
            Some(days) => {
                let day = zone.wall_time(post).checked_add_days(Days::new(u64::from(days)));
                day.map_or(Timestamp::MAX, |wall_time| zone.first_instant_at(wall_time))
            }
            None => post.plus_hours(i64::from(self.hours)),
        }
    }

    /// Whether two posts are far enough apart, in either order.
    #[must_use]
    pub fn is_far_enough(self, one: Timestamp, other: Timestamp, zone: &Zone) -> bool {
        one.max(other) >= self.earliest_after(one.min(other), zone)
    }

    /// Hours between two posts as the spacing counts them, at least 0: the wall-clock difference for whole days,
    /// otherwise elapsed time. The result is at least the spacing if and only if the posts are far enough apart: if the
    /// clocks went back between posts that are far enough apart, and their wall-clock difference is smaller than the
    /// spacing, the result is the spacing.
    #[must_use]
    pub fn hours_between(self, one: Timestamp, other: Timestamp, zone: &Zone) -> f64 {
        let (earlier, later) = (one.min(other).whole_second(), one.max(other).whole_second());
        if self.whole_days().is_none() {
            return hours(later.since(earlier));
        }
        let wall_clock_hours = hours(zone.wall_time(later) - zone.wall_time(earlier));
        let spacing = f64::from(self.hours);
        if wall_clock_hours < spacing && self.is_far_enough(earlier, later, zone) {
            return spacing;
        }
        wall_clock_hours.max(0.0)
    }

    /// For each hour of a week, the first hour that is far enough after a post in it, or the week's length if there is
    /// none. Posts run at the given minute of the hour. The result is non-decreasing. `None` if the spacing is the same
    /// number of hours everywhere, which it is unless days are counted and the clocks change.
    #[must_use]
    pub fn next_hours(self, week: &WeekHours, minute: u8) -> Option<Vec<usize>> {
        if self.whole_days().is_none() || !week.clocks_change() {
            return None;
        }
        let at = |hour: usize| week.instant(hour as i64).plus_minutes(i64::from(minute));
        let mut next = 0;
        let next_hours = (0..week.len()).map(|hour| {
            let earliest = self.earliest_after(at(hour), week.zone());
            while next < week.len() && at(next) < earliest {
                next += 1;
            }
            next
        });
        Some(next_hours.collect())
    }
}

impl fmt::Display for Spacing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole_days() {
            Some(1) => f.write_str("1 day"),
            Some(days) => write!(f, "{days} days"),
            None => write!(f, "{} h", self.hours),
        }
    }
}

fn hours(elapsed: TimeDelta) -> f64 {
    elapsed.num_seconds() as f64 / HOUR_SECONDS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Spacing = Spacing::from_hours(24);

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn at(instant: &str) -> Timestamp {
        instant.parse().unwrap()
    }

    /// Weekday, wall-clock time and UTC offset of the earliest post that is far enough after `post`.
    fn earliest_after(spacing: Spacing, post: &str, zone_name: &str) -> String {
        let zone = zone(zone_name);
        let earliest = spacing.earliest_after(at(post), &zone);
        zone.local(earliest).format("%a %H:%M%:z").to_string()
    }

    #[test]
    fn only_multiples_of_a_day_are_counted_in_days() {
        let days: Vec<Option<u32>> =
            [0, 1, 12, 23, 24, 25, 36, 48, 168].map(|h| Spacing::from_hours(h).whole_days()).into();
        assert_eq!(days, [None, None, None, None, Some(1), None, None, Some(2), Some(7)]);
    }

    #[test]
    fn a_spacing_is_written_in_the_unit_that_it_is_counted_in() {
        let written = [4, 24, 36, 48].map(|hours| Spacing::from_hours(hours).to_string());
        assert_eq!(written, ["4 h", "1 day", "36 h", "2 days"]);
    }

    #[test]
    fn a_day_ends_at_the_same_wall_time_however_many_hours_pass() {
        for (zone, post, expected, elapsed) in [
            ("Europe/London", "2026-03-28T09:00:00Z", "Sun 09:00+01:00", 23.0),
            ("Europe/London", "2026-10-24T08:00:00Z", "Sun 09:00+00:00", 25.0),
            ("America/New_York", "2026-03-07T14:00:00Z", "Sun 09:00-04:00", 23.0),
            ("America/New_York", "2026-10-31T13:00:00Z", "Sun 09:00-05:00", 25.0),
            ("Australia/Lord_Howe", "2026-10-02T22:30:00Z", "Sun 09:00+11:00", 23.5),
            ("Australia/Lord_Howe", "2026-04-03T22:00:00Z", "Sun 09:00+10:30", 24.5),
            ("Europe/London", "2026-05-01T08:00:00Z", "Sat 09:00+01:00", 24.0),
        ] {
            assert_eq!(earliest_after(DAY, post, zone), expected, "{post} in {zone}");
            let zone = self::zone(zone);
            let earliest = DAY.earliest_after(at(post), &zone);
            assert_eq!(hours(earliest.since(at(post))), elapsed);
            assert_eq!(DAY.hours_between(at(post), earliest, &zone), 24.0);
            let before = earliest.plus_seconds(-1);
            assert!(DAY.is_far_enough(at(post), earliest, &zone) && DAY.is_far_enough(earliest, at(post), &zone));
            assert!(!DAY.is_far_enough(at(post), before, &zone) && DAY.hours_between(before, at(post), &zone) < 24.0);
        }
    }

    #[test]
    fn a_spacing_that_is_no_multiple_of_a_day_is_elapsed_time_even_if_the_clocks_change() {
        let spacing = Spacing::from_hours(23);
        assert_eq!(earliest_after(spacing, "2026-03-28T09:00:00Z", "Europe/London"), "Sun 09:00+01:00");
        assert_eq!(earliest_after(spacing, "2026-10-24T08:00:00Z", "Europe/London"), "Sun 07:00+00:00");
        let london = zone("Europe/London");
        let [saturday, sunday] = [at("2026-03-28T09:00:00Z"), at("2026-03-29T08:00:00Z")];
        assert_eq!(spacing.hours_between(sunday, saturday, &london), 23.0);
        assert_eq!(Spacing::from_hours(48).hours_between(sunday, saturday, &london), 24.0);
    }

    #[test]
    fn a_day_after_a_time_that_the_clocks_skip_is_the_moment_they_change() {
        // London's Sunday has no 01:30, New York's no 02:30 and Lord Howe's no 02:15.
        assert_eq!(earliest_after(DAY, "2026-03-28T01:30:00Z", "Europe/London"), "Sun 02:00+01:00");
        assert_eq!(earliest_after(DAY, "2026-03-07T07:30:00Z", "America/New_York"), "Sun 03:00-04:00");
        assert_eq!(earliest_after(DAY, "2026-10-02T15:45:00Z", "Australia/Lord_Howe"), "Sun 02:30+11:00");
        assert_eq!(earliest_after(DAY, "2026-03-28T01:00:00Z", "Europe/London"), "Sun 02:00+01:00");
        assert_eq!(earliest_after(DAY, "2026-03-28T00:59:00Z", "Europe/London"), "Sun 00:59+00:00");
    }

    #[test]
    fn a_day_after_a_time_that_the_clocks_repeat_is_the_first_of_the_two() {
        assert_eq!(earliest_after(DAY, "2026-10-24T00:30:00Z", "Europe/London"), "Sun 01:30+01:00");
        assert_eq!(earliest_after(DAY, "2026-10-31T05:30:00Z", "America/New_York"), "Sun 01:30-04:00");
        assert_eq!(earliest_after(DAY, "2026-04-03T14:45:00Z", "Australia/Lord_Howe"), "Sun 01:45+11:00");
        // Both 01:30s of Sunday are one day before Monday 01:30.
        assert_eq!(earliest_after(DAY, "2026-10-25T00:30:00Z", "Europe/London"), "Mon 01:30+00:00");
        assert_eq!(earliest_after(DAY, "2026-10-25T01:30:00Z", "Europe/London"), "Mon 01:30+00:00");
    }

    #[test]
    fn every_instant_after_one_that_is_far_enough_is_far_enough_too() {
        for (name, change) in [
            ("Europe/London", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ("Europe/London", "2026-03-29T01:00:00Z"),
        ] {
            let (zone, change) = (zone(name), at(change));
            let posts = (-27 * 60..=-22 * 60).step_by(15);
            for (post, days) in posts.flat_map(|post| [(post, 1), (post - 24 * 60, 2)]) {
                let post = change.plus_minutes(i64::from(post));
                let spacing = Spacing::from_hours(24 * days);
                let mut was_far_enough = false;
                for minutes in (-120..=3000).step_by(5) {
                    let later = change.plus_minutes(i64::from(minutes));
                    let is_far_enough = spacing.is_far_enough(post, later, &zone);
                    assert!(is_far_enough || !was_far_enough, "{name}: {post} and {later}");
                    let hours = spacing.hours_between(post, later, &zone);
                    assert_eq!(hours >= f64::from(spacing.hours), is_far_enough, "{name}: {post} and {later}");
                    was_far_enough = is_far_enough;
                }
                assert!(was_far_enough);
            }
        }
    }

    #[test]
    fn a_fraction_of_a_second_does_not_delay_the_next_post() {
        let london = zone("Europe/London");
        assert!(DAY.is_far_enough(at("2026-05-01T08:00:00.9Z"), at("2026-05-02T08:00:00Z"), &london));
        assert!(!DAY.is_far_enough(at("2026-05-01T08:00:01Z"), at("2026-05-02T08:00:00Z"), &london));
    }

    fn next_hours(hours: u32, week: &str, zone_name: &str, minute: u8) -> Option<Vec<usize>> {
        let week = WeekHours::new(week.parse().unwrap(), &zone(zone_name)).unwrap();
        Spacing::from_hours(hours).next_hours(&week, minute)
    }

    #[test]
    fn next_hours_are_listed_only_if_days_are_counted_and_the_clocks_change() {
        assert_eq!(next_hours(12, "2026-W13", "Europe/London", 0), None);
        assert_eq!(next_hours(24, "2026-W14", "Europe/London", 0), None);
        assert_eq!(next_hours(24, "2026-W13", "Asia/Kolkata", 0), None);
        assert!(next_hours(24, "2026-W13", "Europe/London", 0).is_some());
    }

    #[test]
    fn next_hours_follow_the_wall_clock_over_a_change() {
        let spring = next_hours(24, "2026-W13", "Europe/London", 0).unwrap();
        // Saturday 00:00 is hour 120, Sunday 00:00 hour 144 and Sunday 02:00 hour 145.
        assert_eq!(spring[119..125], [143, 144, 145, 145, 146, 147]);
        assert_eq!(spring[142..146], [165, 166, 167, 167]);
        let autumn = next_hours(24, "2026-W43", "Europe/London", 0).unwrap();
        assert_eq!(autumn[119..125], [143, 144, 145, 147, 148, 149]);
        let half_hour_forward = next_hours(24, "2026-W40", "Australia/Lord_Howe", 0).unwrap();
        assert_eq!(half_hour_forward[120..124], [144, 145, 146, 147]);
        let half_hour_back = next_hours(24, "2026-W14", "Australia/Lord_Howe", 0).unwrap();
        assert_eq!(half_hour_back[120..124], [144, 145, 147, 148]);
    }

    #[test]
    fn next_hours_agree_with_the_spacing_for_every_pair_of_hours() {
        for (name, week) in [
            ("Europe/London", "2026-W13"),
            ("Europe/London", "2026-W43"),
            ("America/New_York", "2026-W10"),
            ("America/New_York", "2026-W44"),
            ("Australia/Lord_Howe", "2026-W14"),
            ("Australia/Lord_Howe", "2026-W40"),
        ] {
            let hours = WeekHours::new(week.parse().unwrap(), &zone(name)).unwrap();
            for (spacing, minute) in [(24, 0), (24, 45), (72, 30), (144, 15), (168, 0)] {
                let spacing = Spacing::from_hours(spacing);
                let next_hours = spacing.next_hours(&hours, minute).unwrap();
                assert!(next_hours.is_sorted() && next_hours.len() == hours.len());
                let at = |hour: usize| hours.instant(hour as i64).plus_minutes(i64::from(minute));
                for (hour, next_hour) in next_hours.iter().enumerate() {
                    for later in hour + 1..hours.len() {
                        let is_far_enough = spacing.is_far_enough(at(hour), at(later), hours.zone());
                        assert_eq!(later >= *next_hour, is_far_enough, "{name} {week}: {hour} and {later}");
                    }
                }
            }
        }
    }
}
