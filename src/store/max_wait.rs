//! The limit on waiting for the database.

use std::time::Duration;

/// Total time a transaction may wait for its database.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(30);
