//! Spans of the time of day, such as quiet hours.

/// Whether a minute of the day lies in the half-open interval from `from` to `to`, which wraps past midnight if `to` is
/// before `from`.
pub(super) const fn is_within_clock_span((from, to): (u16, u16), minute_of_day: u16) -> bool {
    if from <= to { from <= minute_of_day && minute_of_day < to } else { minute_of_day >= from || minute_of_day < to }
}
