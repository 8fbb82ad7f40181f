//! Progress on a terminal, silence in a pipe, and a soft stop on Ctrl-C or SIGTERM.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Globals;
use super::failure::Failure;
use super::folder::abandon;
use crate::simulator::Observer;
use crate::store;

static STOP: AtomicBool = AtomicBool::new(false);

/// How long a command may take to stop by itself.
const GRACE: Duration = Duration::from_secs(2);

const INTERRUPTED: &str = "interrupted: nothing was written";

/// What stands where the command is interrupted now; none where nothing does.
static STANDS: Mutex<Option<String>> = Mutex::new(None);

/// From here on an interrupt says this of what stands all the same.
pub(super) fn say_if_interrupted(stands: String) {
    *STANDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(stands);
}

/// What an interrupted command says.
pub(super) fn interrupted() -> String {
    let stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
    stands.as_ref().map_or_else(|| INTERRUPTED.to_owned(), |stands| format!("interrupted: {stands}"))
}

/// From here on Ctrl-C and SIGTERM ask for a soft stop. What does not stop soon is ended, and its
/// unfinished folders are removed.
pub(super) fn catch_interrupts() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        STOP.store(true, Ordering::SeqCst);
        std::thread::sleep(GRACE);
        abandon(Failure::INTERRUPTED_CODE, &interrupted());
    })
    .map_err(|error| Failure::Machine(format!("error: cannot listen for interrupts: {error}")))
}

/// Fails where somebody asked for a stop.
pub(super) fn stop_if_asked() -> Result<(), Failure> {
    if STOP.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted(interrupted()));
    }
    Ok(())
}

/// A bar that shows how much is done and how long it still takes.
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar over `steps` of something.
    pub fn new(globals: &Globals, steps: u64, what: &str) -> Self {
        let shown = !globals.quiet && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let template = format!("{what} {{bar:30}} {{pos}}/{{len}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }
}

impl Progress {
    /// Says that one more is done.
    pub fn step(&self) {
        self.bar.inc(1);
    }

    /// Says that so many more are done.
    pub fn steps(&self, done: u64) {
        self.bar.inc(done);
    }
}

/// Whether somebody asked for a stop.
pub(super) fn is_stopping() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// A weekly pass that ends where somebody asks for a stop.
pub(super) struct Interruptible;

impl store::Observer for Interruptible {
    fn rows(&self, _total: usize) {}

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
