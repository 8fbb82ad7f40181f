//! Threshold tables: numbers that each apply from a threshold on.

/// One row of a threshold table. Rows ascend by threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdRow {
    /// Threshold, inclusive; the row applies up to the threshold of the next one.
    pub threshold: f64,
    /// The number that applies.
    pub value: f64,
}

/// The number that applies at `at`: that of the last row whose threshold is at most `at`; `None` if no row is.
#[must_use]
pub fn value_at(table: &[ThresholdRow], at: f64) -> Option<f64> {
    table.iter().rev().find(|row| at >= row.threshold).map(|row| row.value)
}
