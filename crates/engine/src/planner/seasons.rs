//! How many posts a channel is to have in a week, given the seasons of the calendar.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use crate::model::{Channel, WeekHours};
use crate::rules::{Rules, Season};

/// Tolerance that keeps a product such as 45 · 0.7 from being rounded down to 31 because 0.7 is inexact.
const ROUNDING_TOLERANCE: f64 = 1e-9;

/// Maximum number of posts a week: one each hour.
const MAX_WEEKLY_POSTS: f64 = 168.0;

/// Posts that the rules want on a channel in a week, before the number is lowered for fatigue: `weekly_posts` times the
/// factor of the week's seasons.
#[must_use]
pub fn seasonal_posts(rules: &Rules, channel: Channel, hours: &WeekHours) -> u32 {
    posts_in(rules.channel(channel).weekly_posts, &rules.calendar.seasons, hours)
}

/// `weekly_posts` times the factor of the week's seasons, rounded to the nearest whole number, halves up, at most 168.
/// In a week without a season, it is `weekly_posts` itself.
fn posts_in(weekly_posts: u32, seasons: &[Season], hours: &WeekHours) -> u32 {
    match season_factor(seasons, hours) {
        Some(factor) => {
            let posts = f64::from(weekly_posts) * factor + 0.5 + ROUNDING_TOLERANCE;
            posts.min(MAX_WEEKLY_POSTS).floor() as u32
        }
        None => weekly_posts,
    }
}

/// The mean of the factors of a week's hours. The factor of an hour is the product of the factors of the seasons in
/// which it begins, or 1 if it begins in none. `None` if no hour of the week begins in a season.
fn season_factor(seasons: &[Season], hours: &WeekHours) -> Option<f64> {
    if !seasons.iter().any(|season| covers_an_hour(season, hours)) {
        return None;
    }
    let hour_factor = |at: NaiveDateTime| {
        let covering = seasons.iter().filter(|season| season.covers(at));
        covering.fold(1.0, |product, season| product * season.posts)
    };
    let sum = hour_starts(hours).map(hour_factor).fold(0.0, |sum, factor| sum + factor);
    Some(sum / hours.len() as f64)
}

/// Whether some hour of a week begins in a season.
pub(super) fn covers_an_hour(season: &Season, hours: &WeekHours) -> bool {
    hour_starts(hours).any(|at| season.covers(at))
}

/// What the client's clock shows as each hour of a week begins.
fn hour_starts(hours: &WeekHours) -> impl Iterator<Item = NaiveDateTime> {
    hours.hours().iter().map(|wall| {
        let minutes = i64::from(wall.hour) * 60 + i64::from(wall.minute);
        hours.date(wall.weekday).and_time(NaiveTime::MIN) + TimeDelta::minutes(minutes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Week, Zone};

    fn season(from: &str, to: &str, posts: f64) -> Season {
        Season { from: from.parse().unwrap(), to: to.parse().unwrap(), posts }
    }

    /// Posts wanted in a week in London.
    fn wanted(weekly_posts: u32, seasons: &[Season], week: &str) -> u32 {
        let zone: Zone = "Europe/London".parse().unwrap();
        let hours = WeekHours::new(week.parse::<Week>().unwrap(), &zone).unwrap();
        posts_in(weekly_posts, seasons, &hours)
    }

    #[test]
    fn the_factor_of_a_whole_week_is_rounded_to_the_nearest_number_and_halves_up() {
        let half = [season("2026-12-21T00:00:00", "2027-01-04T00:00:00", 0.5)];
        for week in ["2026-W52", "2026-W53"] {
            let all: Vec<u32> = [0, 1, 2, 3, 5, 14].map(|posts| wanted(posts, &half, week)).to_vec();
            assert_eq!(all, [0, 1, 1, 2, 3, 7], "{week}");
        }
        for week in ["2026-W51", "2027-W01"] {
            assert_eq!(wanted(5, &half, week), 5, "{week}");
        }
        let tenth = [season("2026-12-21T00:00:00", "2027-01-04T00:00:00", 0.1)];
        assert_eq!([wanted(5, &tenth, "2026-W52"), wanted(4, &tenth, "2026-W52")], [1, 0]);
        let none = [season("2026-12-21T00:00:00", "2027-01-04T00:00:00", 0.0)];
        assert_eq!(wanted(14, &none, "2026-W52"), 0);
    }

    #[test]
    fn a_season_counts_for_the_share_of_the_week_that_it_covers() {
        // From Thursday on: 3 of 7 days at 1, 4 of 7 at 0.
        let half_week = [season("2026-12-24T00:00:00", "2027-01-04T00:00:00", 0.0)];
        assert_eq!(wanted(14, &half_week, "2026-W52"), 6);
        assert_eq!(wanted(7, &half_week, "2026-W52"), 3);
        // The season ends within an hour; that hour begins in the season, so it counts.
        let hour = [season("2026-12-21T00:00:00", "2026-12-21T00:30:00", 0.0)];
        assert_eq!(wanted(84, &hour, "2026-W52"), 84, "83.5 is rounded up");
        assert_eq!(wanted(85, &hour, "2026-W52"), 84, "84.494");
    }

    #[test]
    fn factors_of_overlapping_seasons_are_multiplied_and_the_result_is_at_most_168() {
        let (from, to) = ("2026-12-21T00:00:00", "2027-01-04T00:00:00");
        assert_eq!(wanted(4, &[season(from, to, 0.5), season(from, to, 3.0)], "2026-W52"), 6);
        assert_eq!(wanted(14, &[season(from, to, 10.0), season(from, to, 10.0)], "2026-W52"), 168);
    }

    #[test]
    fn a_week_in_which_the_clocks_change_is_counted_by_its_hours() {
        // The Sunday has 25 of the week's 169 hours.
        let sunday = [season("2026-10-25T00:00:00", "2026-10-26T00:00:00", 0.0)];
        assert_eq!(wanted(168, &sunday, "2026-W43"), 143, "168 · 144 / 169 is 143.1");
    }
}
