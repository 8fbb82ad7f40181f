//! Caches figures of a whole workspace for a short time, so that they are not computed for every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use tokio::time::Instant;

use super::problem::Problem;
use crate::model::WorkspaceId;
use crate::store::StoreError;

const MAX_WORKSPACES: u64 = 10_000;

/// A computed value and when its computation started.
struct Entry<T> {
    value: Arc<T>,
    started_at: Instant,
    is_refreshing: AtomicBool,
}

/// A value per workspace. A value older than `fresh_for` is still returned, and is computed again in the background. A
/// value older than `max_age` is discarded.
pub(super) struct Cached<T> {
    entries: Cache<WorkspaceId, Arc<Entry<T>>>,
    fresh_for: Duration,
    /// Number of invalidations so far. A computation that started before an invalidation may miss the change behind the
    /// invalidation, so its value is discarded.
    invalidations: Arc<AtomicU64>,
}

impl<T: Send + Sync + 'static> Cached<T> {
    pub fn new(fresh_for: Duration, max_age: Duration) -> Self {
        Self {
            entries: Cache::builder().max_capacity(MAX_WORKSPACES).time_to_live(max_age).build(),
            fresh_for,
            invalidations: Arc::default(),
        }
    }

    /// The value of a workspace, computed by `compute` if it is not cached.
    pub async fn get<F>(&self, workspace: &WorkspaceId, compute: impl FnOnce() -> F) -> Result<Arc<T>, Problem>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        if let Some(entry) = self.entries.get(workspace).await {
            if entry.started_at.elapsed() > self.fresh_for && !entry.is_refreshing.swap(true, Ordering::Relaxed) {
                self.refresh(workspace.clone(), compute());
            }
            return Ok(Arc::clone(&entry.value));
        }
        // Concurrent callers wait for the same computation.
        let entry = self.entries.try_get_with(workspace.clone(), compute_entry(compute())).await;
        entry.map(|entry| Arc::clone(&entry.value)).map_err(|error| Problem::from(&*error))
    }

    fn refresh(
        &self,
        workspace: WorkspaceId,
        computation: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) {
        let (entries, invalidations) = (self.entries.clone(), Arc::clone(&self.invalidations));
        let invalidations_before = invalidations.load(Ordering::SeqCst);
        tokio::spawn(async move {
            match compute_entry(computation).await {
                Ok(_) if invalidations.load(Ordering::SeqCst) != invalidations_before => {}
                Ok(entry) => entries.insert(workspace, entry).await,
                Err(cause) => tracing::warn!(%cause, %workspace, "cannot refresh the figures of a workspace"),
            }
        });
    }

    /// Removes the value of a workspace, so that the next call computes it.
    pub async fn invalidate(&self, workspace: &WorkspaceId) {
        self.invalidations.fetch_add(1, Ordering::SeqCst);
        self.entries.invalidate(workspace).await;
    }
}

async fn compute_entry<T>(
    computation: impl Future<Output = Result<T, StoreError>>,
) -> Result<Arc<Entry<T>>, StoreError> {
    // The age of a value counts from the start of its computation.
    let started_at = Instant::now();
    Ok(Arc::new(Entry { value: Arc::new(computation.await?), started_at, is_refreshing: AtomicBool::new(false) }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stale_value_is_returned_and_refreshed() {
        let cached = Cached::new(Duration::from_secs(1), Duration::from_secs(1000));
        let (counts, workspace) = (Arc::new(AtomicU32::new(0)), WorkspaceId::new("north"));
        let get = || {
            let counts = Arc::clone(&counts);
            cached.get(&workspace, move || async move { Ok(counts.fetch_add(1, Ordering::Relaxed)) })
        };
        assert_eq!(*get().await.unwrap(), 0);
        assert_eq!(*get().await.unwrap(), 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(*get().await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(*get().await.unwrap(), 1);
        cached.invalidate(&workspace).await;
        assert_eq!(*get().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_returned_and_not_cached() {
        let cached = Cached::<u32>::new(Duration::from_secs(1), Duration::from_secs(5));
        let workspace = WorkspaceId::new("north");
        let failed = cached.get(&workspace, || async { Err(StoreError::DiskFull) }).await;
        assert_eq!(failed.unwrap_err().status, axum::http::StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(*cached.get(&workspace, || async { Ok(7) }).await.unwrap(), 7);
    }
}
