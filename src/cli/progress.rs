//! Progress bars on a terminal, and graceful shutdown on Ctrl-C or SIGTERM.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Globals;
use super::failure::Failure;
use super::folder::abandon;
pub(super) use super::interruption::{interruption_message, set_saved_work};
use crate::simulator::Observer;
use crate::store;

static STOP: AtomicBool = AtomicBool::new(false);

/// How long a command may take to stop after a request.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes Ctrl-C and SIGTERM request a graceful stop from now on. After [`SHUTDOWN_TIMEOUT`] the process exits, and its
/// unfinished folders are removed.
pub(super) fn catch_interrupts() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        STOP.store(true, Ordering::SeqCst);
        std::thread::sleep(SHUTDOWN_TIMEOUT);
        abandon(Failure::INTERRUPTED_CODE, &interruption_message());
    })
    .map_err(|error| Failure::system(format!("cannot listen for interrupts: {error}")))
}

/// Fails if a stop was requested.
pub(super) fn stop_if_requested() -> Result<(), Failure> {
    if STOP.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted(interruption_message()));
    }
    Ok(())
}

/// A progress bar with an estimate of the time left; hidden unless stderr is a terminal.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Starts a bar of `steps` steps.
    pub fn new(globals: &Globals, steps: u64, label: &str) -> Self {
        let is_shown = !globals.quiet && std::io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let template = format!("{label} {{bar:30}} {{pos}}/{{len}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }
}

impl Progress {
    /// Advances by one step.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Advances by several steps.
    pub fn advance_by(&self, steps: u64) {
        self.bar.inc(steps);
    }
}

/// Whether a stop was requested.
pub(super) fn is_stopping() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Observer that stops a weekly pass when a stop is requested.
pub(super) struct Interruptible;

impl store::Observer for Interruptible {
    fn begin_writing(&self, _total_rows: usize) {}

    fn row_done(&self) {}

    fn should_stop(&self) -> bool {
        is_stopping()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn week_done(&self) {
        self.bar.inc(1);
    }

    fn should_stop(&self) -> bool {
        STOP.load(Ordering::SeqCst)
    }
}
