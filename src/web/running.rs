//! The jobs that this server is running, and how far they are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{simulator, store};

/// Jobs that this server does.
#[derive(Default)]
pub(super) struct Running {
    tasks: Mutex<JoinSet<()>>,
    /// How far they are, by id.
    jobs: Mutex<BTreeMap<Uuid, Arc<Progress>>>,
}

impl Running {
    pub fn add(&self, id: Uuid, progress: Arc<Progress>, job: impl Future<Output = ()> + Send + 'static) {
        self.jobs().insert(id, progress);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(job);
    }

    pub fn jobs(&self) -> MutexGuard<'_, BTreeMap<Uuid, Arc<Progress>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ids of the jobs that are being done.
    pub fn ids(&self) -> Vec<Uuid> {
        self.jobs().keys().copied().collect()
    }

    /// Has a job stop at the next safe point, where this server does it.
    pub fn give_up(&self, id: Uuid) {
        if let Some(progress) = self.jobs().get(&id) {
            progress.give_up();
        }
    }

    /// Waits until all have ended.
    pub async fn end(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

/// How far a job is, and whether it should stop.
pub(super) struct Progress {
    pub done: AtomicU64,
    pub total: AtomicU64,
    /// Whether it has got its turn.
    pub works: AtomicBool,
    /// Whether it is no longer this server's to do: cancelled, or taken over.
    is_given_up: watch::Sender<bool>,
    is_stopping: watch::Receiver<bool>,
}

impl Progress {
    /// `is_stopping` turns true when the server is about to end.
    pub fn new(is_stopping: watch::Receiver<bool>) -> Self {
        Self {
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            works: AtomicBool::new(false),
            is_given_up: watch::Sender::new(false),
            is_stopping,
        }
    }

    pub fn give_up(&self) {
        self.is_given_up.send_replace(true);
    }

    /// Ends once the job is no longer this server's to do.
    pub async fn given_up(&self) {
        // It fails only once the sender is gone, which is held here.
        let _ = self.is_given_up.subscribe().wait_for(|given_up| *given_up).await;
    }

    pub fn should_stop(&self) -> bool {
        *self.is_stopping.borrow() || *self.is_given_up.borrow()
    }
}

impl store::Observer for Progress {
    fn rows(&self, total: usize) {
        self.total.store(total as u64, Ordering::Relaxed);
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
