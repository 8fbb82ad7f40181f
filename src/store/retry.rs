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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn run(error: fn() -> StoreError, failures: u32) -> (Result<u32, StoreError>, u32) {
        let tries = Cell::new(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let result = runtime.block_on(retried(|| async {
            tries.set(tries.get() + 1);
            if tries.get() > failures { Ok(tries.get()) } else { Err(error()) }
        }));
        (result, tries.get())
    }

    fn passing() -> StoreError {
        StoreError::Database("the server restarts".to_owned(), Some(Box::new(sqlx::Error::PoolTimedOut)))
    }

    #[test]
    fn what_passes_is_tried_again_until_it_succeeds() {
        let (result, tries) = run(passing, 3);
        assert!(matches!(result, Ok(4)), "{result:?}");
        assert_eq!(tries, 4);
    }

    #[test]
    fn what_does_not_pass_is_told_at_once() {
        let (result, tries) = run(|| StoreError::ReadOnly, 3);
        assert!(matches!(result, Err(StoreError::ReadOnly)), "{result:?}");
        assert_eq!(tries, 1);
    }
}
