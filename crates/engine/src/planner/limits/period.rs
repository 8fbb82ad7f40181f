//! The periods of a week in which limits count posts.

use super::follow_up::FollowedHour;
use crate::agents::ClientWeek;

/// A period that includes hours of the week.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Week,
    /// Days since Monday.
    Day(u8),
    /// Hour of the week.
    Hour(usize),
    /// A number of hours from `first` on. Hours are counted from the first hour of the week and negative before it.
    Within {
        first: i64,
        hours: u32,
    },
    /// The hour of a post that another must follow.
    Followed(FollowedHour),
}

impl Period {
    pub fn covers(self, week: &ClientWeek<'_>, hour: usize) -> bool {
        match self {
            Period::Week => true,
            Period::Day(day) => week.hours.hours().get(hour).is_some_and(|wall| wall.weekday == day),
            Period::Hour(only) => only == hour,
            Period::Within { .. } => self.is_within(hour as i64),
            Period::Followed(followed) => followed.hour == hour as i64,
        }
    }

    /// Like `covers`, for an hour that may lie outside the week.
    pub fn covers_any_hour(self, week: &ClientWeek<'_>, hour: i64) -> bool {
        match usize::try_from(hour).ok().filter(|hour| *hour < week.hours.len()) {
            Some(hour) => self.covers(week, hour),
            None => self.is_within(hour),
        }
    }

    /// The hour of a post that another must follow; `None` for other periods.
    pub fn followed(self) -> Option<FollowedHour> {
        match self {
            Period::Followed(followed) => Some(followed),
            _ => None,
        }
    }

    /// Whether this is a `Within` that covers an hour, counted like its `first`.
    fn is_within(self, hour: i64) -> bool {
        matches!(self, Period::Within { first, hours } if (first..first + i64::from(hours)).contains(&hour))
    }
}

/// The periods of the given number of hours that include an hour of the week. Unless `extend_beyond`, up to the one that
/// ends with the week, or begins with it if the period is longer: later periods include no further hour of the week, so
/// they limit nothing more if no posts after the week are committed, and no price is paid for each period.
pub(super) fn rolling_periods(week: &ClientWeek<'_>, hours: u32, extend_beyond: bool) -> Vec<Period> {
    let (length, end) = (i64::from(hours), week.hours.len() as i64);
    let last = if extend_beyond { end - 1 } else { (end - length).max(0) };
    (1 - length..=last).map(|first| Period::Within { first, hours }).collect()
}
