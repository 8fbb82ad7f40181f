//! Pages of lists, and the cursors between them.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::row::FromAnyRow;
use super::values::Value;
use crate::model::Timestamp;

/// A pagination cursor: the last row of a page, after which the next page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The row's rank if the list is ordered by rank; otherwise 0.
    pub rank: u8,
    /// The row's time.
    pub at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}~{}", self.rank, self.at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut parts = text.splitn(3, '~');
        let mut part = || parts.next().ok_or(InvalidCursor);
        Ok(Self {
            rank: part()?.parse().map_err(|_| InvalidCursor)?,
            at: part()?.parse().map_err(|_| InvalidCursor)?,
            id: part()?.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

/// The error for a text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a pagination cursor")]
pub struct InvalidCursor;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// The cursor of the next page; `None` on the last page.
    pub next: Option<Cursor>,
}

/// Reads one page. One row more than `limit` is fetched to see whether another page follows.
pub(super) async fn page<T: FromAnyRow>(
    tx: &mut Tx,
    sql: &str,
    values: Vec<Value>,
    limit: u32,
    cursor: impl Fn(&T) -> Cursor,
) -> Result<Page<T>, StoreError> {
    let sql = format!("{sql} LIMIT {}", u64::from(limit) + 1);
    let mut rows: Vec<T> = tx.all(&sql, values).await?;
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(cursor);
    Ok(Page { rows, next })
}
