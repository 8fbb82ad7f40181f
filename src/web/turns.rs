//! Turns of jobs: so many work at the same time, and one of each workspace.
//!
//! A workspace waits for a turn with one job at a time, in order of asking. So workspaces take turns, however many
//! jobs one of them asks for, and one workspace alone never has all turns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::model::WorkspaceId;

/// The turns of one kind of job.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    own: Mutex<BTreeMap<WorkspaceId, Arc<Semaphore>>>,
}

/// A turn, held until it is dropped.
pub(super) struct Turn {
    _of_workspace: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// So many turns at the same time.
    pub fn new(at_once: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), own: Mutex::default() }
    }

    /// Waits for a turn of a workspace.
    pub async fn take(&self, workspace: &WorkspaceId) -> Result<Turn, AcquireError> {
        let of_workspace = self.of(workspace).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Turn { _of_workspace: of_workspace, _of_all: of_all })
    }

    fn of(&self, workspace: &WorkspaceId) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for or holds are made again when they are needed.
        own.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(own.entry(workspace.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_given(turn: impl Future<Output = Result<Turn, AcquireError>>) -> Option<Turn> {
        timeout(Duration::from_millis(1), turn).await.ok().and_then(Result::ok)
    }

    #[tokio::test(start_paused = true)]
    async fn a_workspace_with_many_jobs_leaves_a_turn_to_others() {
        let (turns, one, other) = (Turns::new(2), WorkspaceId::new("one"), WorkspaceId::new("other"));
        let first = is_given(turns.take(&one)).await.unwrap();
        assert!(is_given(turns.take(&one)).await.is_none());
        let theirs = is_given(turns.take(&other)).await.unwrap();
        drop(first);
        let second = is_given(turns.take(&one)).await.unwrap();
        drop((second, theirs));
        assert!(is_given(turns.take(&other)).await.is_some());
        assert_eq!(turns.own.lock().unwrap().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn of_workspaces_that_wait_each_is_given_one_turn_before_any_is_given_a_second() {
        let turns = Arc::new(Turns::new(1));
        let (send, mut given) = tokio::sync::mpsc::unbounded_channel();
        for name in ["a", "a", "a", "b", "c"] {
            let (turns, send) = (Arc::clone(&turns), send.clone());
            tokio::spawn(async move {
                let turn = turns.take(&WorkspaceId::new(name)).await.unwrap();
                send.send(name).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
                drop(turn);
            });
            tokio::task::yield_now().await;
        }
        drop(send);
        let mut order = Vec::new();
        while let Some(name) = given.recv().await {
            order.push(name);
        }
        assert_eq!(order, ["a", "b", "c", "a", "a"]);
    }
}
