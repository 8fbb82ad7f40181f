//! Checks whether the database is writable, at most once per second.

use axum::http::StatusCode;

use super::problem::Problem;
use crate::store::{Ledger, StoreError};

/// How long a test write waits for other writers. If the wait times out, others are writing, so the database is
/// writable.
const WRITE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1);

/// How long a result is reused, so that not every request causes a test write.
const RESULT_TTL: std::time::Duration = std::time::Duration::from_secs(1);

/// The check, with the time and the result of the last test write.
#[derive(Default)]
pub(super) struct WriteCheck(tokio::sync::Mutex<Option<(tokio::time::Instant, Result<(), Problem>)>>);

impl WriteCheck {
    /// Fails if the disk is full or the database is read-only. A recent result is reused.
    pub async fn run(&self, ledger: &Ledger) -> Result<(), Problem> {
        let mut last = self.0.lock().await;
        if let Some((at, result)) = last.as_ref()
            && at.elapsed() < RESULT_TTL
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(WRITE_TIMEOUT, ledger.try_write()).await {
            Ok(Err(cause @ (StoreError::DiskFull | StoreError::ReadOnly))) => Err(not_writable(&cause)),
            _ => Ok(()),
        };
        *last = Some((tokio::time::Instant::now(), result.clone()));
        result
    }
}

fn not_writable(cause: &StoreError) -> Problem {
    tracing::warn!(%cause, "the server is not ready");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let remedy = "make the database writable; the server then continues by itself";
    Problem { retry_after: Some(RESULT_TTL.as_secs()), ..Problem::new(status, cause.to_string(), remedy) }
}
