//! The jobs that this server is running, and their progress.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{simulator, store};

/// The jobs that this server is running.
#[derive(Default)]
pub(super) struct Running {
    tasks: Mutex<JoinSet<()>>,
    /// Progress by job id.
    jobs: Mutex<BTreeMap<Uuid, Arc<Progress>>>,
}

impl Running {
    pub fn add(&self, id: Uuid, progress: Arc<Progress>, job: impl Future<Output = ()> + Send + 'static) {
        self.jobs().insert(id, progress);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgets tasks that have finished.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(job);
    }

    /// The progress of the running jobs, locked.
    pub fn jobs(&self) -> MutexGuard<'_, BTreeMap<Uuid, Arc<Progress>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of the running jobs.
    pub fn ids(&self) -> Vec<Uuid> {
        self.jobs().keys().copied().collect()
    }

    /// Asks a job of this server to stop at the next safe point.
    pub fn cancel(&self, id: Uuid) {
        if let Some(progress) = self.jobs().get(&id) {
            progress.cancel();
        }
    }

    /// Waits until all jobs have finished.
    pub async fn join_all(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

/// The progress of a job, and whether it should stop.
pub(super) struct Progress {
    /// Number of completed steps: rows written, or weeks simulated.
    pub done: AtomicU64,
    /// Total number of steps; 0 if not known yet.
    pub total: AtomicU64,
    /// Whether the job has a permit to run.
    pub has_started: AtomicBool,
    /// Whether the job was cancelled, or taken over by another server.
    is_cancelled: watch::Sender<bool>,
    /// Whether the server is shutting down.
    is_stopping: watch::Receiver<bool>,
}

impl Progress {
    /// `is_stopping` becomes true when the server shuts down.
    pub fn new(is_stopping: watch::Receiver<bool>) -> Self {
        Self {
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            has_started: AtomicBool::new(false),
            is_cancelled: watch::Sender::new(false),
            is_stopping,
        }
    }

    pub fn cancel(&self) {
        self.is_cancelled.send_replace(true);
    }

    /// Completes once the job is cancelled.
    pub async fn cancelled(&self) {
        // Waiting fails only after the sender is dropped, and `self` owns the sender.
        let _ = self.is_cancelled.subscribe().wait_for(|cancelled| *cancelled).await;
    }

    pub fn should_stop(&self) -> bool {
        *self.is_stopping.borrow() || *self.is_cancelled.borrow()
    }
}

impl store::Observer for Progress {
    fn begin_writing(&self, total_rows: usize) {
        self.total.store(total_rows as u64, Ordering::Relaxed);
    }

    fn row_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn should_stop(&self) -> bool {
        Progress::should_stop(self)
    }
}

impl simulator::Observer for Progress {
    fn week_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    fn should_stop(&self) -> bool {
        Progress::should_stop(self)
    }
}
