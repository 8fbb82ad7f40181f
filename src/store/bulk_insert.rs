//! Bulk inserts: with `COPY` into PostgreSQL, with multi-row `INSERT` statements into SQLite.

use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};
use uuid::Uuid;

use super::error::StoreError;
use super::values::{Key, Value, bind_sqlite};
use crate::model::{self, Kind, Record, Timestamp};

/// A table, and the columns to write.
pub(super) struct InsertTarget {
    pub name: &'static str,
    pub columns: Vec<&'static str>,
}

impl InsertTarget {
    /// The table of a record.
    pub fn of<R: Record>(name: &'static str) -> Self {
        Self { name, columns: R::columns().map(|column| column.name).collect() }
    }

    /// The `ON CONFLICT` clause of an upsert: a row whose key exists is updated, except for the `unchanged` columns.
    pub fn on_conflict(&self, key: &str, unchanged: &[&str]) -> String {
        let is_key = |column: &str| key.split(", ").any(|part| part == column);
        let changed = self.columns.iter().filter(|column| !is_key(column) && !unchanged.contains(column));
        let changes: Vec<String> = changed.map(|column| format!("{column} = excluded.{column}")).collect();
        format!(" ON CONFLICT ({key}) DO UPDATE SET {}", changes.join(", "))
    }
}

/// Inserts rows, each column named with its value: `insert!(tx, "drafts", drafts, |draft| { id: draft.id, … })`.
macro_rules! insert {
    ($tx:expr, $table:literal, $rows:expr, |$row:pat_param| { $($column:ident: $value:expr),+ $(,)? }) => {
        $tx.insert(
            &$crate::store::bulk_insert::InsertTarget { name: $table, columns: vec![$(stringify!($column)),+] },
            $rows,
            |$row, encoder| {
                $(encoder.add($value);)+
            },
        )
    };
}
pub(super) use insert;

/// Upserts rows, written as for [`insert!`]. Rows whose key exists are updated, except for the key and the `unchanged`
/// columns.
macro_rules! upsert {
    (
        $tx:expr, $table:literal, key = $key:literal, unchanged = $unchanged:expr, $rows:expr,
        |$row:pat_param| { $($column:ident: $value:expr),+ $(,)? }
    ) => {
        $tx.upsert(
            &$crate::store::bulk_insert::InsertTarget { name: $table, columns: vec![$(stringify!($column)),+] },
            $key,
            $unchanged,
            $rows,
            |$row, encoder| {
                $(encoder.add($value);)+
            },
        )
    };
}
pub(super) use upsert;

/// Bytes of rows sent to PostgreSQL per chunk.
const COPY_CHUNK: usize = 1 << 18;
/// Maximum number of rows in one SQLite statement, a power of two. Statements with as many rows are prepared only once.
const MAX_SQLITE_ROWS: usize = 64;

/// Whether the transaction is restricted to one workspace.
async fn is_scoped(tx: &mut Transaction<'static, Postgres>) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT current_user = 'mcoe_app'").fetch_one(&mut **tx).await?)
}

/// Inserts rows with `COPY`, or through a staging table if row-level security applies, which `COPY` does not support.
pub(super) async fn insert_by_copy<T>(
    tx: &mut Transaction<'static, Postgres>,
    table: &InsertTarget,
    rows: impl IntoIterator<Item = T>,
    encode: impl Fn(&T, &mut RowEncoder),
) -> Result<u64, StoreError> {
    if is_scoped(tx).await? {
        return insert_staged(tx, table, "", rows, encode).await;
    }
    copy(tx, table.name, table, rows, encode).await
}

/// Inserts rows through a temporary staging table. Returns the number of rows written.
pub(super) async fn insert_staged<T>(
    tx: &mut Transaction<'static, Postgres>,
    table: &InsertTarget,
    on_conflict: &str,
    rows: impl IntoIterator<Item = T>,
    encode: impl Fn(&T, &mut RowEncoder),
) -> Result<u64, StoreError> {
    let (name, columns) = (table.name, table.columns.join(", "));
    let staging = format!("staged_{name}");
    let create = format!("CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {columns} FROM {name} WITH NO DATA");
    sqlx::query(AssertSqlSafe(create)).execute(&mut **tx).await?;
    copy(tx, &staging, table, rows, encode).await?;
    let transfer = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {staging}{on_conflict}");
    let written = sqlx::query(AssertSqlSafe(transfer)).execute(&mut **tx).await?.rows_affected();
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {staging}"))).execute(&mut **tx).await?;
    Ok(written)
}

/// Copies rows into the table named `destination`, which has the columns of `table`.
async fn copy<T>(
    tx: &mut Transaction<'static, Postgres>,
    destination: &str,
    table: &InsertTarget,
    rows: impl IntoIterator<Item = T>,
    encode: impl Fn(&T, &mut RowEncoder),
) -> Result<u64, StoreError> {
    let statement = format!("COPY {destination} ({}) FROM STDIN", table.columns.join(", "));
    let mut sink = tx.copy_in_raw(&statement).await?;
    // With room for the row that makes a chunk full.
    let mut encoder = RowEncoder::Copy(String::with_capacity(COPY_CHUNK + 4096));
    for row in rows {
        encode(&row, &mut encoder);
        let RowEncoder::Copy(text) = &mut encoder else { continue };
        // The tab after the last cell of the row becomes a newline.
        text.pop();
        text.push('\n');
        if text.len() >= COPY_CHUNK {
            sink.send(text.as_bytes()).await?;
            text.clear();
        }
    }
    if let RowEncoder::Copy(text) = &encoder
        && !text.is_empty()
    {
        sink.send(text.as_bytes()).await?;
    }
    Ok(sink.finish().await?)
}

/// Inserts rows with multi-row `INSERT` statements. The last rows are inserted by statements whose sizes are powers of
/// two, so that there are few different statements to prepare.
pub(super) async fn insert_many<T>(
    tx: &mut Transaction<'static, Sqlite>,
    table: &InsertTarget,
    on_conflict: &str,
    rows: impl IntoIterator<Item = T>,
    encode: impl Fn(&T, &mut RowEncoder),
) -> Result<u64, StoreError> {
    let width = table.columns.len();
    let max_values = MAX_SQLITE_ROWS * width;
    let mut encoder = RowEncoder::Values(Vec::with_capacity(max_values));
    let mut written = 0;
    for row in rows {
        encode(&row, &mut encoder);
        let RowEncoder::Values(values) = &mut encoder else { continue };
        if values.len() == max_values {
            let full = std::mem::replace(values, Vec::with_capacity(max_values));
            written += insert_rows(tx, table, on_conflict, full).await?;
        }
    }
    let RowEncoder::Values(mut values) = encoder else { return Ok(written) };
    while let Some(power) = (values.len() / width).checked_ilog2() {
        let later = values.split_off(width << power);
        written += insert_rows(tx, table, on_conflict, values).await?;
        values = later;
    }
    Ok(written)
}

async fn insert_rows(
    tx: &mut Transaction<'static, Sqlite>,
    table: &InsertTarget,
    on_conflict: &str,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let width = table.columns.len();
    let placeholders = format!("({})", vec!["?"; width].join(","));
    let rows = vec![placeholders.as_str(); values.len() / width].join(",");
    let sql = format!("INSERT INTO {} ({}) VALUES {rows}{on_conflict}", table.name, table.columns.join(", "));
    Ok(bind_sqlite(&sql, values).execute(&mut **tx).await?.rows_affected())
}

/// Encodes rows for a bulk insert, cell by cell in the order of the table's columns.
pub(super) enum RowEncoder {
    /// PostgreSQL's `COPY` text format, with a tab after every cell.
    Copy(String),
    /// Values to bind.
    Values(Vec<Value>),
}

impl RowEncoder {
    /// Adds a cell.
    pub fn add(&mut self, cell: impl EncodeCell) {
        cell.add_to(self);
    }

    /// Adds the cells of a record.
    pub fn record<R: Record>(&mut self, record: &R) {
        for (column, value) in R::columns().zip(record.values()) {
            self.value(column.kind, value);
        }
    }

    fn value(&mut self, kind: Kind, value: Option<model::Value<'_>>) {
        use model::Value as Cell;
        match value {
            Some(Cell::Text(text)) => self.text(&text),
            Some(Cell::Texts(texts)) => self.text(&serde_json::json!(texts).to_string()),
            Some(Cell::Number(number)) => self.number(number),
            Some(Cell::Count(count)) => self.whole(count),
            Some(Cell::Flag(flag)) => self.flag(flag),
            Some(Cell::Instant(at)) => self.instant(at),
            Some(Cell::Date(date)) => self.text(&date.to_string()),
            Some(Cell::Id(id)) => self.id(id),
            None => self.null(match kind {
                Kind::Text | Kind::Texts | Kind::Date => Value::Text(None),
                Kind::Number => Value::Number(None),
                Kind::Count | Kind::Flag => Value::Whole(None),
                Kind::Instant => Value::Instant(None),
                Kind::Id => Value::Id(None),
            }),
        };
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        match self {
            RowEncoder::Values(values) => values.push(text.into()),
            RowEncoder::Copy(row_text) => {
                push_escaped(text, row_text);
                row_text.push('\t');
            }
        }
        self
    }

    /// Adds a text cell, or NULL.
    pub fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(Value::Text(None)),
        }
    }

    pub fn instant(&mut self, at: Timestamp) -> &mut Self {
        self.unescaped(at, || at.into())
    }

    /// Adds an instant, or NULL.
    pub fn maybe_instant(&mut self, at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.instant(at),
            None => self.null(Value::Instant(None)),
        }
    }

    pub fn id(&mut self, id: Uuid) -> &mut Self {
        self.unescaped(id, || id.into())
    }

    /// Adds an id, or NULL.
    pub fn maybe_id(&mut self, id: Option<Uuid>) -> &mut Self {
        match id {
            Some(id) => self.id(id),
            None => self.null(Value::Id(None)),
        }
    }

    /// Adds an id as decisions store it.
    pub fn key(&mut self, Key(id): Key) -> &mut Self {
        self.unescaped(id, || Value::Key(Some(id)))
    }

    /// Adds an id as decisions store it, or NULL.
    pub fn maybe_key(&mut self, key: Option<Key>) -> &mut Self {
        match key {
            Some(key) => self.key(key),
            None => self.null(Value::Key(None)),
        }
    }

    pub fn number(&mut self, number: f64) -> &mut Self {
        self.unescaped(number, || number.into())
    }

    /// Adds a number, or NULL.
    pub fn maybe_number(&mut self, number: Option<f64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(Value::Number(None)),
        }
    }

    /// Adds an integer.
    pub fn whole(&mut self, number: impl Into<i64>) -> &mut Self {
        let number = number.into();
        self.unescaped(number, || number.into())
    }

    /// Adds an integer, or NULL.
    pub fn maybe_whole(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.whole(number),
            None => self.null(Value::Whole(None)),
        }
    }

    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.unescaped(flag, || flag.into())
    }

    /// Adds a cell whose text needs no escaping.
    fn unescaped(&mut self, cell: impl std::fmt::Display, value: impl FnOnce() -> Value) -> &mut Self {
        use std::fmt::Write as _;
        match self {
            RowEncoder::Values(values) => values.push(value()),
            RowEncoder::Copy(row_text) => {
                // Writing to a `String` cannot fail.
                let _ = write!(row_text, "{cell}\t");
            }
        }
        self
    }

    fn null(&mut self, value: Value) -> &mut Self {
        match self {
            RowEncoder::Values(values) => values.push(value),
            RowEncoder::Copy(row_text) => row_text.push_str("\\N\t"),
        }
        self
    }
}

/// A type that can be written as a cell.
pub(super) trait EncodeCell {
    fn add_to(self, encoder: &mut RowEncoder);
}

macro_rules! encode_cells {
    ($($kind:ty: $add:ident),+ $(,)?) => {
        $(impl EncodeCell for $kind {
            fn add_to(self, encoder: &mut RowEncoder) {
                encoder.$add(self);
            }
        })+
    };
}

encode_cells!(
    &str: text,
    Option<&str>: maybe_text,
    Timestamp: instant,
    Option<Timestamp>: maybe_instant,
    Uuid: id,
    Option<Uuid>: maybe_id,
    Key: key,
    Option<Key>: maybe_key,
    f64: number,
    Option<f64>: maybe_number,
    i64: whole,
    u32: whole,
    Option<i64>: maybe_whole,
    bool: flag,
);

/// Appends a text to a row, escaped for `COPY`. NUL characters, which PostgreSQL cannot store, are dropped.
fn push_escaped(text: &str, row_text: &mut String) {
    let mut rest = text;
    while let Some(special) = rest.find(['\\', '\t', '\n', '\r', '\0']) {
        let (plain, after) = rest.split_at(special);
        row_text.push_str(plain);
        let mut chars = after.chars();
        row_text.push_str(match chars.next() {
            Some('\\') => "\\\\",
            Some('\t') => "\\t",
            Some('\n') => "\\n",
            Some('\r') => "\\r",
            _ => "",
        });
        rest = chars.as_str();
    }
    row_text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_for_copy() {
        let mut text = String::new();
        push_escaped("a\tb\\c\nd\re\0f", &mut text);
        assert_eq!(text, "a\\tb\\\\c\\nd\\ref");
    }
}
