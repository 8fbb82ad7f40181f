//! The current time.

use chrono::Utc;

use crate::model::Timestamp;

/// The current time in whole seconds, as the ledger stores it.
pub(super) fn now() -> Timestamp {
    Timestamp::from(Utc::now()).whole_second()
}
