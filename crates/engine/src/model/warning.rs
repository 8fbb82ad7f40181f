//! Early warnings about clients.

use std::sync::Arc;

use serde::Serialize;

use super::named::named;
use super::record::record;
use super::time::Timestamp;
use super::units::WarningId;
use super::{Client, ClientId};

named!(
    /// Severity of a warning.
    Severity {
        /// For information.
        Low = "low",
        /// Needs attention.
        Medium = "medium",
        /// Posting should wait.
        High = "high",
    }
);

named!(
    /// Status of a warning.
    WarningStatus {
        /// Not yet looked at.
        Open = "open",
        /// Looked at, and still in effect.
        Acknowledged = "acknowledged",
        /// No longer in effect.
        Resolved = "resolved",
        /// Raised in error.
        Dismissed = "dismissed",
    }
);

/// An early warning about a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Warning {
    /// Unique in the scenario.
    pub id: WarningId,
    /// The signal it came from, such as `collapse_risk`.
    pub kind: Arc<str>,
    /// The severity.
    pub severity: Severity,
    /// The status.
    pub status: WarningStatus,
    /// When it was raised.
    pub opened_at: Timestamp,
}

impl Warning {
    /// Whether it is still in effect.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self.status, WarningStatus::Open | WarningStatus::Acknowledged)
    }
}

record! {
    /// A row of `warnings`.
    pub struct WarningRow {
        /// Unique in the scenario.
        pub warning_id: WarningId,
        /// The client it concerns.
        pub client_id: ClientId,
        /// The signal it came from, such as `collapse_risk`.
        #[column(name = "type")]
        pub kind: Arc<str>,
        /// Severity: low, medium or high.
        pub severity: Severity,
        /// Status: open, acknowledged, resolved or dismissed.
        pub status: WarningStatus,
        /// When it was raised.
        #[column(period = Planned)]
        pub opened_at: Timestamp,
    }
}

impl WarningRow {
    /// The row of a warning about a client.
    #[must_use]
    pub fn of(client: &Client, warning: &Warning) -> Self {
        Self {
            warning_id: warning.id.clone(),
            client_id: client.id.clone(),
            kind: Arc::clone(&warning.kind),
            severity: warning.severity,
            status: warning.status,
            opened_at: warning.opened_at,
        }
    }
}

impl From<WarningRow> for Warning {
    fn from(row: WarningRow) -> Self {
        let WarningRow { warning_id: id, kind, severity, status, opened_at, .. } = row;
        Self { id, kind, severity, status, opened_at }
    }
}
