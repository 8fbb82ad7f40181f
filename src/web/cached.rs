//! Figures over a whole workspace, kept for a moment so that they are not counted anew for every request.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use tokio::time::Instant;

use super::problem::Problem;
use crate::model::WorkspaceId;
use crate::store::StoreError;

/// Workspaces whose figures are kept.
const MOST: u64 = 10_000;

/// What was counted, and when.
struct Counted<T> {
    value: Arc<T>,
    at: Instant,
    is_renewed: AtomicBool,
}

/// Figures of workspaces. What is a little old is shown while it is counted anew; what is older is waited for.
pub(super) struct Cached<T> {
    counted: Cache<WorkspaceId, Arc<Counted<T>>>,
    fresh: Duration,
    /// How often something was forgotten: a count that began before may miss what changed.
    forgotten: Arc<AtomicU64>,
}

impl<T: Send + Sync + 'static> Cached<T> {
    /// Shown as they are for `fresh`, and no longer than `most` at all.
    pub fn new(fresh: Duration, most: Duration) -> Self {
        Self {
            counted: Cache::builder().max_capacity(MOST).time_to_live(most).build(),
            fresh,
            forgotten: Arc::default(),
        }
    }

    /// The figures of a workspace.
    pub async fn get<F>(&self, workspace: &WorkspaceId, count: impl FnOnce() -> F) -> Result<Arc<T>, Problem>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        if let Some(counted) = self.counted.get(workspace).await {
            if counted.at.elapsed() > self.fresh && !counted.is_renewed.swap(true, Ordering::Relaxed) {
                self.renew(workspace.clone(), count());
            }
            return Ok(Arc::clone(&counted.value));
        }
        // Whoever else asks meanwhile waits for the same count.
        let counted = self.counted.try_get_with(workspace.clone(), done(count())).await;
        counted.map(|counted| Arc::clone(&counted.value)).map_err(|error| Problem::from(&*error))
    }

    fn renew(&self, workspace: WorkspaceId, count: impl Future<Output = Result<T, StoreError>> + Send + 'static) {
        let (counted, forgotten) = (self.counted.clone(), Arc::clone(&self.forgotten));
        let before = forgotten.load(Ordering::SeqCst);
        tokio::spawn(async move {
            match done(count).await {
                Ok(_) if forgotten.load(Ordering::SeqCst) != before => {}
                Ok(new) => counted.insert(workspace, new).await,
                Err(cause) => tracing::warn!(%cause, %workspace, "figures could not be counted anew"),
            }
        });
    }

    /// Counts a workspace's figures anew when they are asked for next.
    pub async fn forget(&self, workspace: &WorkspaceId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.counted.invalidate(workspace).await;
    }
}

async fn done<T>(count: impl Future<Output = Result<T, StoreError>>) -> Result<Arc<Counted<T>>, StoreError> {
    // A count that takes long is as old as its beginning.
    let at = Instant::now();
    Ok(Arc::new(Counted { value: Arc::new(count.await?), at, is_renewed: AtomicBool::new(false) }))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_a_little_old_is_shown_and_counted_anew() {
        let kept = Cached::new(Duration::from_secs(1), Duration::from_secs(1000));
        let (counts, workspace) = (Arc::new(AtomicU32::new(0)), WorkspaceId::new("north"));
        let ask = || {
            let counts = Arc::clone(&counts);
            kept.get(&workspace, move || async move { Ok(counts.fetch_add(1, Ordering::Relaxed)) })
        };
        assert_eq!(*ask().await.unwrap(), 0);
        assert_eq!(*ask().await.unwrap(), 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(*ask().await.unwrap(), 0);
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(*ask().await.unwrap(), 1);
        kept.forget(&workspace).await;
        assert_eq!(*ask().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_failure_is_told_and_not_kept() {
        let kept = Cached::<u32>::new(Duration::from_secs(1), Duration::from_secs(5));
        let workspace = WorkspaceId::new("north");
        let failed = kept.get(&workspace, || async { Err(StoreError::DiskFull) }).await;
        assert_eq!(failed.unwrap_err().status, axum::http::StatusCode::INSUFFICIENT_STORAGE);
        assert_eq!(*kept.get(&workspace, || async { Ok(7) }).await.unwrap(), 7);
    }
}
