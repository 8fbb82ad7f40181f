//! Cursors: where the next page of a list begins, and of which list it is one.

use std::fmt::Debug;

use super::params::Params;
use crate::store::Cursor;

/// Letters of the hash that tells lists apart.
const TAG_LETTERS: usize = 8;

/// A list in one order, under one filter. A cursor of one is refused by every other.
pub(super) struct Listing {
    tag: String,
}

impl Listing {
    /// The list of some name, with all that it was asked for: its order and its filter.
    pub fn new(name: &str, asked: &impl Debug) -> Self {
        let hash = blake3::hash(format!("{name} {asked:?}").as_bytes()).to_hex();
        Self { tag: hash.chars().take(TAG_LETTERS).collect() }
    }

    /// Where a request wants the list to go on; none for its beginning.
    pub fn read(&self, params: &mut Params) -> Option<Cursor> {
        let text = params.text("cursor")?;
        if text.parse::<Cursor>().is_ok() {
            let detail = "it is of an earlier version, whose cursors did not say their list's order";
            params.wrong("cursor", detail, "leave it out, and begin with the first page");
            return None;
        }
        let parsed = text.split_once('~').and_then(|(tag, mark)| Some((tag, mark.parse::<Cursor>().ok()?)));
        match parsed {
            None => {
                params.wrong("cursor", format!("`{text}` cannot be read"), "take `next_cursor` from the answer before");
                None
            }
            Some((tag, _)) if tag != self.tag => {
                let remedy = "repeat the order and the filter of the first page, or leave out the cursor to begin anew";
                params.wrong("cursor", "it belongs to a list in another order or under another filter", remedy);
                None
            }
            Some((_, mark)) => Some(mark),
        }
    }

    /// What a request for the rows after a mark sends.
    pub fn cursor(&self, mark: &Cursor) -> String {
        format!("{}~{mark}", self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Cursor {
        Cursor { rank: 1, at: "2026-11-30T08:00:00Z".parse().unwrap(), id: uuid::Uuid::from_u128(7) }
    }

    /// What is wrong with a cursor; empty where nothing is.
    fn wrong(list: &Listing, cursor: &str) -> String {
        let mut params = Params::of_pairs(serde_urlencoded::to_string([("cursor", cursor)]).unwrap().as_bytes());
        let read = list.read(&mut params);
        match params.finish() {
            Ok(()) => {
                assert_eq!(read, Some(mark()));
                String::new()
            }
            Err(problem) => problem.errors[0].detail.clone(),
        }
    }

    #[test]
    fn a_cursor_belongs_to_one_order_and_filter() {
        let (list, other) = (Listing::new("schedules", &("soonest", 1)), Listing::new("schedules", &("latest", 1)));
        let cursor = list.cursor(&mark());
        assert_eq!(wrong(&list, &cursor), "");
        assert!(wrong(&other, &cursor).contains("another order or under another filter"));
        assert!(wrong(&Listing::new("actions", &("soonest", 1)), &cursor).contains("another order"));
        assert!(wrong(&list, &mark().to_string()).contains("an earlier version"));
        assert!(wrong(&list, "x~y").contains("`x~y` cannot be read"));
    }
}
