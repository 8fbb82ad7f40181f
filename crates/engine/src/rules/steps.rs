//! Step tables: from a threshold on, a number. And spans of the clock.

/// Whether a minute of the day lies in a half-open interval of the clock, which wraps past midnight if `to` is before
/// `from`.
#[must_use]
pub const fn is_within_clock_span((from, to): (u16, u16), minute_of_day: u16) -> bool {
    if from <= to { from <= minute_of_day && minute_of_day < to } else { minute_of_day >= from || minute_of_day < to }
}

/// One row of a step table: a threshold, and the number that applies from there on. Rows ascend by threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Threshold, inclusive; the row applies up to the threshold of the next one.
    pub from: f64,
    /// The number that applies.
    pub then: f64,
}

/// The number that applies at `at`: that of the last row whose threshold is not above it; `None` if there is none.
#[must_use]
pub fn step_at(steps: &[Step], at: f64) -> Option<f64> {
    steps.iter().rev().find(|step| at >= step.from).map(|step| step.then)
}
