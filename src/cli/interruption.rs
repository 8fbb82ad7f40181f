//! The message of an interrupted command.

use std::sync::{Mutex, PoisonError};

const INTERRUPTED: &str = "interrupted: nothing was written";

/// What has been saved if the command is interrupted now; `None` for nothing.
static STANDS: Mutex<Option<String>> = Mutex::new(None);

/// Sets the message about saved work that an interrupt prints from now on.
pub(super) fn say_if_interrupted(stands: String) {
    *STANDS.lock().unwrap_or_else(PoisonError::into_inner) = Some(stands);
}

/// The message of an interrupted command.
pub(super) fn interrupted() -> String {
    let stands = STANDS.lock().unwrap_or_else(PoisonError::into_inner);
    stands.as_ref().map_or_else(|| INTERRUPTED.to_owned(), |stands| format!("interrupted: {stands}"))
}
