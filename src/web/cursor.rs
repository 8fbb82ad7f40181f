//! Pagination cursors, each tied to one list with its order and filter.

use std::fmt::Debug;

use super::params::Params;
use crate::store::Cursor;

/// Characters of the hash that identifies a list.
const TAG_CHARS: usize = 8;

/// A list with its order and filter. A cursor of one list is rejected by every other.
pub(super) struct Listing {
    tag: String,
}

impl Listing {
    /// `query` is the order and the filter. If their `Debug` text changes, all earlier cursors are rejected.
    pub fn new(name: &str, query: &impl Debug) -> Self {
        let hash = blake3::hash(format!("{name} {query:?}").as_bytes()).to_hex();
        Self { tag: hash.chars().take(TAG_CHARS).collect() }
    }

    /// The position to continue from; `None` for the first page. If the cursor is invalid, records that in `params`.
    pub fn read(&self, params: &mut Params) -> Option<Cursor> {
        let text = params.text("cursor")?;
        if text.parse::<Cursor>().is_ok() {
            let detail = "the cursor comes from an earlier version";
            params.reject("cursor", detail, "omit it to start from the first page");
            return None;
        }
        let parsed = text.split_once('~').and_then(|(tag, position)| Some((tag, position.parse::<Cursor>().ok()?)));
        match parsed {
            None => {
                params.reject(
                    "cursor",
                    format!("`{text}` is not a cursor"),
                    "use the `next_cursor` of the previous page",
                );
                None
            }
            Some((tag, _)) if tag != self.tag => {
                let remedy = "use the order and the filter of the first page, or omit the cursor to start again";
                params.reject("cursor", "the cursor belongs to a list with another order or filter", remedy);
                None
            }
            Some((_, position)) => Some(position),
        }
    }

    /// The cursor that continues after a position.
    pub fn cursor(&self, position: &Cursor) -> String {
        format!("{}~{position}", self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Cursor {
        Cursor { rank: 1, at: "2026-11-30T08:00:00Z".parse().unwrap(), id: uuid::Uuid::from_u128(7) }
    }

    /// The message about a cursor; empty if the cursor is valid.
    fn error(list: &Listing, cursor: &str) -> String {
        let mut params = Params::from_pairs(serde_urlencoded::to_string([("cursor", cursor)]).unwrap().as_bytes());
        let read = list.read(&mut params);
        match params.finish() {
            Ok(()) => {
                assert_eq!(read, Some(position()));
                String::new()
            }
            Err(problem) => problem.errors[0].detail.clone(),
        }
    }

    #[test]
    fn a_cursor_belongs_to_one_order_and_filter() {
        let (list, other) = (Listing::new("schedules", &("soonest", 1)), Listing::new("schedules", &("latest", 1)));
        let cursor = list.cursor(&position());
        assert_eq!(error(&list, &cursor), "");
        assert!(error(&other, &cursor).contains("another order or filter"));
        assert!(error(&Listing::new("actions", &("soonest", 1)), &cursor).contains("another order"));
        assert!(error(&list, &position().to_string()).contains("an earlier version"));
        assert!(error(&list, "x~y").contains("`x~y` is not a cursor"));
    }
}
