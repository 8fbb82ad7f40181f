//! A client's performance as reported and as assessed.

use serde::Serialize;

use super::record::record;
use super::time::Timestamp;
use super::{Client, ClientId, Score};

/// An assessment of a client's performance, with the performance as reported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reality {
    /// When it was assessed.
    pub as_of: Timestamp,
    /// Performance as reported, before any adjustment.
    pub perceived: Score,
    /// Performance after attribution, with outside influences removed; `None` if not assessed.
    pub actual: Option<Score>,
    /// Confidence in the assessment.
    pub confidence: Score,
    /// Share of the data that was available.
    pub completeness: Score,
}

record! {
    /// A row of `reality`.
    pub struct RealityRow {
        /// The client it concerns.
        pub client_id: ClientId,
        /// When it was assessed.
        #[column(period = Planned)]
        pub as_of: Timestamp,
        /// Performance as reported, before any adjustment.
        pub perceived_score: Score,
        /// Performance after attribution, with outside influences removed; blank if not assessed.
        pub true_score: Option<Score>,
        /// Confidence in the assessment.
        pub confidence: Score,
        /// Share of the data that was available.
        pub completeness: Score,
    }
}

impl RealityRow {
    /// The row of an assessment of a client.
    #[must_use]
    pub fn of(client: &Client, reality: &Reality) -> Self {
        Self {
            client_id: client.id.clone(),
            as_of: reality.as_of,
            perceived_score: reality.perceived,
            true_score: reality.actual,
            confidence: reality.confidence,
            completeness: reality.completeness,
        }
    }
}

impl From<RealityRow> for Reality {
    fn from(row: RealityRow) -> Self {
        Self {
            as_of: row.as_of,
            perceived: row.perceived_score,
            actual: row.true_score,
            confidence: row.confidence,
            completeness: row.completeness,
        }
    }
}
