//! The message of an interrupted command.

use std::sync::{Mutex, PoisonError};

const INTERRUPTED: &str = "interrupted: nothing was written";

/// What has been saved if the command is interrupted now; `None` for nothing.
static SAVED_WORK: Mutex<Option<String>> = Mutex::new(None);

/// Sets the message about saved work that an interrupt prints from now on.
pub(super) fn set_saved_work(saved: String) {
    *SAVED_WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
}

/// The message of an interrupted command.
pub(super) fn interrupted() -> String {
    let saved = SAVED_WORK.lock().unwrap_or_else(PoisonError::into_inner);
    saved.as_ref().map_or_else(|| INTERRUPTED.to_owned(), |saved| format!("interrupted: {saved}"))
}
