//! Retries and waits for the database: server restarts, held locks, exhausted connections.
//!
//! A transaction has one [`Deadline`] for all its waiting, retries included. Work does not count as waiting: a long
//! `COPY` or a long computation is never cut off. Every transaction of the ledger can be retried, because each detects
//! what an earlier attempt has committed.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout};

use super::error::StoreError;
use super::max_wait::MAX_WAIT;

/// Waiting time after which the wait is reported to the user.
pub(super) const REPORT_AFTER: Duration = Duration::from_secs(2);
/// Time limit for finding out why the database is not available.
const REASON_TIMEOUT: Duration = Duration::from_secs(1);

/// Target of the log events which report that the ledger waits, and why. No other events have this target.
pub const WAITING: &str = "mcoe::waiting";

tokio::task_local! {
    /// The deadline of the current transaction.
    static CURRENT: Deadline;
}

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The waiting-time budget of a transaction, shared by its retries.
#[derive(Debug, Clone)]
pub(super) struct Deadline(Arc<Mutex<WaitState>>);

#[derive(Debug)]
struct WaitState {
    /// Total waiting time so far.
    waited: Duration,
    pauses: ExponentialBackoff,
    /// Whether failures are retried.
    is_retried: bool,
    is_reported: bool,
}

impl Deadline {
    fn new() -> Self {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(LONGEST_PAUSE)
            .without_max_times()
            .with_jitter()
            .build();
        let state = WaitState { waited: Duration::ZERO, pauses, is_retried: false, is_reported: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The deadline of the current transaction; a new one if there is none.
    pub fn current() -> Self {
        CURRENT.try_with(Deadline::clone).unwrap_or_else(|_| Self::new())
    }

    fn with<T>(&self, f: impl FnOnce(&mut WaitState) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The waiting time left.
    fn left(&self) -> Duration {
        self.with(|state| MAX_WAIT.saturating_sub(state.waited))
    }

    /// The lock timeout of the next statements: [`REPORT_AFTER`] until the wait has been reported, so that the report
    /// is not late; after that, the time left.
    pub fn lock_timeout(&self) -> Duration {
        let needs_report = self.with(|state| state.is_retried && !state.is_reported);
        // PostgreSQL takes 0 for no timeout.
        if needs_report { REPORT_AFTER } else { self.left().max(Duration::from_millis(1)) }
    }

    fn add_wait(&self, time: Duration) {
        self.with(|state| state.waited += time);
    }

    /// Logs the reason for waiting, once, after [`REPORT_AFTER`].
    fn report(&self, reason: &str) {
        let is_due = self.with(|state| {
            let is_due = !state.is_reported && state.waited >= REPORT_AFTER;
            state.is_reported |= is_due;
            is_due
        });
        if is_due {
            tracing::warn!(
                target: WAITING,
                "waiting up to {} s for the ledger: {}",
                MAX_WAIT.as_secs(),
                reason.replace('\n', " ")
            );
        }
    }

    /// Awaits a future that only waits for the database. If it takes longer than [`REPORT_AFTER`], `find_reason` is
    /// awaited, and the reason is logged.
    pub async fn wait<T>(
        &self,
        waiting: impl Future<Output = Result<T, StoreError>>,
        find_reason: impl Future<Output = StoreError>,
    ) -> Result<T, StoreError> {
        let mut waiting = pin!(waiting);
        let until_report = REPORT_AFTER.saturating_sub(self.with(|state| state.waited));
        let start = Instant::now();
        let before_report = timeout(until_report.min(self.left()), waiting.as_mut()).await;
        self.add_wait(start.elapsed());
        if let Ok(result) = before_report {
            return result;
        }
        let start = Instant::now();
        let found = timeout(REASON_TIMEOUT, find_reason).await;
        let reason = found.unwrap_or_else(|_| StoreError::busy("the database does not answer"));
        self.report(&reason.cause());
        let after_report = timeout(self.left(), waiting).await;
        self.add_wait(start.elapsed());
        after_report.unwrap_or_else(|_| Err(reason.into_timeout()))
    }

    /// Backs off before the next retry after a transient failure. If no waiting time is left, returns the failure as a
    /// timeout.
    pub async fn pause(&self, failure: StoreError) -> Result<(), StoreError> {
        if failure.is_lock_timeout() {
            self.add_wait(self.lock_timeout());
        }
        let left = self.left();
        if left.is_zero() {
            return Err(failure.into_timeout());
        }
        self.report(&failure.cause());
        let pause = self.with(|state| state.pauses.next().unwrap_or(LONGEST_PAUSE).min(left));
        sleep(pause).await;
        self.add_wait(pause);
        Ok(())
    }
}

/// Runs a transaction, retrying transient failures until the deadline.
pub(super) async fn with_retries<T, F: Future<Output = Result<T, StoreError>>>(
    mut transaction: impl FnMut() -> F,
) -> Result<T, StoreError> {
    let deadline = Deadline::current();
    deadline.with(|state| state.is_retried = true);
    let attempts = async {
        loop {
            match transaction().await {
                Err(failure) if failure.is_transient() => deadline.pause(failure).await?,
                done => return done,
            }
        }
    };
    CURRENT.scope(deadline.clone(), attempts).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Runs a future on a simulated clock that skips sleeps. Returns its result and the simulated seconds.
    fn with_simulated_clock<T>(future: impl Future<Output = T>) -> (T, u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let start = Instant::now();
            (future.await, start.elapsed().as_secs())
        })
    }

    fn transient() -> StoreError {
        StoreError::busy("the server restarts")
    }

    /// Runs a transaction that takes `work_seconds` per attempt and fails `failures` times. Returns its result and the
    /// number of attempts.
    async fn run_failing(
        failures: u32,
        work_seconds: u64,
        error: fn() -> StoreError,
    ) -> (Result<u32, StoreError>, u32) {
        let attempts = Cell::new(0);
        let result = with_retries(|| async {
            sleep(Duration::from_secs(work_seconds)).await;
            attempts.set(attempts.get() + 1);
            if attempts.get() > failures { Ok(attempts.get()) } else { Err(error()) }
        });
        (result.await, attempts.get())
    }

    #[test]
    fn transient_errors_are_retried_until_success() {
        let ((result, attempts), _) = with_simulated_clock(run_failing(3, 0, transient));
        assert!(matches!(result, Ok(4)), "{result:?}");
        assert_eq!(attempts, 4);
    }

    #[test]
    fn permanent_errors_are_returned_at_once() {
        let ((result, attempts), _) = with_simulated_clock(run_failing(3, 0, || StoreError::ReadOnly));
        assert!(matches!(result, Err(StoreError::ReadOnly)), "{result:?}");
        assert_eq!(attempts, 1);
    }

    #[test]
    fn the_last_error_is_returned_when_the_deadline_is_over() {
        let ((result, _), seconds) = with_simulated_clock(run_failing(u32::MAX, 0, transient));
        let message = result.unwrap_err().to_string();
        assert_eq!(message, "the ledger was not available within 30 s: the server restarts");
        assert!((30..32).contains(&seconds), "{seconds} s");
    }

    #[test]
    fn working_time_does_not_count_as_waiting() {
        let ((result, attempts), seconds) = with_simulated_clock(run_failing(3, 100, transient));
        assert!(matches!(result, Ok(4)), "{result:?}");
        assert_eq!((attempts, seconds / 100), (4, 4));
    }

    #[test]
    fn all_waits_of_a_transaction_share_one_deadline() {
        let four_waits = with_retries(|| async {
            for _ in 0..4 {
                let slow = async {
                    sleep(Duration::from_secs(9)).await;
                    Ok(())
                };
                Deadline::current().wait(slow, async { StoreError::busy("it is slow") }).await?;
            }
            Ok(())
        });
        let (result, seconds) = with_simulated_clock(four_waits);
        assert!(result.unwrap_err().to_string().ends_with("it is slow"));
        assert_eq!(seconds, 30);
        let (new_wait, _) = with_simulated_clock(Deadline::current().wait(async { Ok(1) }, async { transient() }));
        assert!(matches!(new_wait, Ok(1)));
    }
}
