//! Errors of dates, weeks and time zones.

/// Why a date, week, instant or zone is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// No such IANA zone.
    #[error("`{0}` is not a time zone; use an IANA name such as `Australia/Sydney`")]
    UnknownZone(String),
    /// Not an ISO week such as `2026-W48`.
    #[error("`{0}` is not a week; write the ISO year and week as in `2026-W48`")]
    BadWeek(String),
    /// Not an instant such as `2026-11-30T09:00:00Z`.
    #[error("`{0}` is not an instant; write date, time and offset as in `2026-11-30T09:00:00Z`")]
    BadInstant(String),
    /// A date outside the range of the calendar.
    #[error("`{0}` is outside the calendar's range")]
    DateOutOfRange(String),
}
