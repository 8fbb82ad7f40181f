//! Trying a transaction again after a failure that passes: a server that restarts, a deadlock, a lock
//! that is held. Every transaction of the ledger can be tried again, since what it did is found there.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use super::error::StoreError;

/// Runs a transaction until it succeeds, fails for good, or has failed for some twenty seconds.
pub(super) async fn retried<T, F: Future<Output = Result<T, StoreError>>>(
    transaction: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(3))
        .with_max_times(12)
        .with_jitter();
    transaction.retry(waits).when(StoreError::is_passing).await
}
