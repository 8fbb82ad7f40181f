//! Whether the database can be written: tried now and then, not for each request.

use axum::http::StatusCode;

use super::problem::Problem;
use crate::store::{Ledger, StoreError};

/// How long a try to write waits for other writers. Where they keep it waiting, they can write.
const WRITE: std::time::Duration = std::time::Duration::from_secs(1);

/// How long what a try to write found holds, so that nobody has the server write for each request.
const WRITE_HOLDS: std::time::Duration = std::time::Duration::from_secs(1);

/// When writing was last tried, and what came of it.
#[derive(Default)]
pub(super) struct LastWrite(tokio::sync::Mutex<Option<(tokio::time::Instant, Result<(), Problem>)>>);

impl LastWrite {
    /// Fails where the database has no room or may not be written.
    pub async fn check(&self, ledger: &Ledger) -> Result<(), Problem> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = last.as_ref()
            && at.elapsed() < WRITE_HOLDS
        {
            return found.clone();
        }
        let found = match tokio::time::timeout(WRITE, ledger.try_write()).await {
            Ok(Err(cause @ (StoreError::DiskFull | StoreError::ReadOnly))) => Err(not_writable(&cause)),
            _ => Ok(()),
        };
        *last = Some((tokio::time::Instant::now(), found.clone()));
        found
    }
}

fn not_writable(cause: &StoreError) -> Problem {
    tracing::warn!(%cause, "the server is not ready");
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let remedy = "see to it that the database can be written; the server then goes on by itself";
    Problem { retry_after: Some(WRITE_HOLDS.as_secs()), ..Problem::new(status, cause.to_string(), remedy) }
}
