//! Status, risk and confidence of a post.

use serde::Serialize;

use crate::model::{RiskBand, ScheduleStatus};

/// Status, risk band and confidence of a post, as recorded or as re-evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PostStatus {
    /// Pending, ready or blocked.
    pub status: ScheduleStatus,
    /// The risk band.
    pub risk: RiskBand,
    /// Confidence, `0..=1`.
    pub confidence: f64,
}
