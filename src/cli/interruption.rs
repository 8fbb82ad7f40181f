//! The message of an interrupted command.

use std::sync::{Mutex, PoisonError};

const NOTHING_SAVED: &str = "interrupted: nothing was written";

/// The part of the message that says what has been saved so far; `None` if nothing has.
static SAVED_WORK: Mutex<Option<String>> = Mutex::new(None);

/// Sets the part of the message that says what has been saved, for interrupts from now on.
pub(super) fn set_saved_work(saved: String) {
    *SAVED_WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some(saved);
}

/// The message of an interrupted command.
pub(super) fn interruption_message() -> String {
    let saved = SAVED_WORK.lock().unwrap_or_else(PoisonError::into_inner);
    saved.as_ref().map_or_else(|| NOTHING_SAVED.to_owned(), |saved| format!("interrupted: {saved}"))
}
