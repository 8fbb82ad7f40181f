//! Limits how many jobs run at the same time: in total, and one per workspace.
//!
//! Of each workspace, only one job at a time queues for one of the total permits. So workspaces take turns, however
//! many jobs one of them requests, and no workspace can hold all permits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::model::WorkspaceId;

/// The permits of one kind of job.
pub(super) struct JobPermits {
    total: Arc<Semaphore>,
    by_workspace: Mutex<BTreeMap<WorkspaceId, Arc<Semaphore>>>,
}

/// A permit to run a job, until it is dropped.
pub(super) struct JobPermit {
    _workspace_permit: OwnedSemaphorePermit,
    _total_permit: OwnedSemaphorePermit,
}

impl JobPermits {
    pub fn new(max_running: usize) -> Self {
        Self { total: Arc::new(Semaphore::new(max_running)), by_workspace: Mutex::default() }
    }

    /// Waits for a permit.
    pub async fn acquire(&self, workspace: &WorkspaceId) -> Result<JobPermit, AcquireError> {
        let workspace_permit = self.semaphore_of(workspace).acquire_owned().await?;
        let total_permit = Arc::clone(&self.total).acquire_owned().await?;
        Ok(JobPermit { _workspace_permit: workspace_permit, _total_permit: total_permit })
    }

    fn semaphore_of(&self, workspace: &WorkspaceId) -> Arc<Semaphore> {
        let mut by_workspace = self.by_workspace.lock().unwrap_or_else(PoisonError::into_inner);
        // Unused semaphores are created again when needed.
        by_workspace.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        Arc::clone(by_workspace.entry(workspace.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// The permit, if it is granted at once.
    async fn try_now(permit: impl Future<Output = Result<JobPermit, AcquireError>>) -> Option<JobPermit> {
        timeout(Duration::from_millis(1), permit).await.ok().and_then(Result::ok)
    }

    #[tokio::test(start_paused = true)]
    async fn a_workspace_with_many_jobs_leaves_permits_to_others() {
        let (permits, one, other) = (JobPermits::new(2), WorkspaceId::new("one"), WorkspaceId::new("other"));
        let first = try_now(permits.acquire(&one)).await.unwrap();
        assert!(try_now(permits.acquire(&one)).await.is_none());
        let other_permit = try_now(permits.acquire(&other)).await.unwrap();
        drop(first);
        let second = try_now(permits.acquire(&one)).await.unwrap();
        drop((second, other_permit));
        assert!(try_now(permits.acquire(&other)).await.is_some());
        assert_eq!(permits.by_workspace.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_workspaces_alternate() {
        let permits = Arc::new(JobPermits::new(1));
        let (send, mut started) = tokio::sync::mpsc::unbounded_channel();
        for name in ["a", "a", "a", "b", "c"] {
            let (permits, send) = (Arc::clone(&permits), send.clone());
            tokio::spawn(async move {
                let permit = permits.acquire(&WorkspaceId::new(name)).await.unwrap();
                send.send(name).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
                drop(permit);
            });
            tokio::task::yield_now().await;
        }
        drop(send);
        let mut order = Vec::new();
        while let Some(name) = started.recv().await {
            order.push(name);
        }
        assert_eq!(order, ["a", "b", "c", "a", "a"]);
    }
}
