//! Runs work of the engine without the interpreter's lock, on a thread pool of its own, so that Ctrl-C stops it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mcoe_engine::simulator::Observer;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::{ErrorKind, from_text};

/// Maximum number of threads.
const MAX_THREADS: usize = 1024;

/// Time between two checks for signals.
const INTERVAL: Duration = Duration::from_millis(50);

/// The pool that was used last. A forked process does not have the threads of its parent's pool, so it makes a new one.
static LAST_POOL: Mutex<Option<UsedPool>> = Mutex::new(None);

struct UsedPool {
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

/// Tells running work whether to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Observer for Stop {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        self.is_set()
    }
}

/// Runs `work` on `threads` threads, by default as many as there are cores. If a signal raises an exception in the
/// meantime, such as `KeyboardInterrupt`, the work is told to stop, and the exception is raised without waiting for it.
///
/// # Errors
/// If the number of threads is out of range, a signal raises an exception, or the work panics.
pub fn run<T: Send + 'static>(
    py: Python<'_>,
    threads: Option<usize>,
    work: impl FnOnce(&Stop) -> T + Send + 'static,
) -> PyResult<T> {
    let pool = pool(py, threads)?;
    let stop = Stop::default();
    let (sender, mut receiver) = sync_channel(1);
    let stop_of_work = stop.clone();
    pool.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(&stop_of_work)));
        // Nobody waits for the result after an interruption.
        let _ = sender.send(result);
    });
    loop {
        let received;
        (received, receiver) = py.detach(move || (receiver.recv_timeout(INTERVAL), receiver));
        match received {
            Ok(Ok(result)) => return Ok(result),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                return Err(from_text(
                    py,
                    ErrorKind::Run,
                    "a defect of mcoe stopped the work",
                    "report it with its input",
                ));
            }
            Err(RecvTimeoutError::Timeout) => {
                py.check_signals().inspect_err(|_| stop.0.store(true, Ordering::Relaxed))?;
            }
        }
    }
}

fn pool(py: Python<'_>, threads: Option<usize>) -> PyResult<Arc<ThreadPool>> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let threads = threads.unwrap_or_else(cores);
    if !(1..=MAX_THREADS).contains(&threads) {
        return Err(from_text(py, ErrorKind::Run, "`threads` is out of range", "use a number from 1 to 1024"));
    }
    let build = || {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map(Arc::new).map_err(|error| from_text(py, ErrorKind::Run, &format!("cannot start threads: {error}"), ""))
    };
    // The lock is taken if another thread is in this function, or was when the process forked. Then waiting could take
    // forever, so the call gets a pool of its own.
    let Ok(mut last) = LAST_POOL.try_lock() else { return build() };
    match last.as_ref() {
        Some(used) if used.process != process::id() => {
            // Dropping the parent's pool would wake threads that do not exist here, and could wait forever for their
            // locks.
            std::mem::forget(last.take());
        }
        Some(used) if used.threads == threads => return Ok(Arc::clone(&used.pool)),
        _ => {}
    }
    let pool = build()?;
    *last = Some(UsedPool { process: process::id(), threads, pool: Arc::clone(&pool) });
    Ok(pool)
}
