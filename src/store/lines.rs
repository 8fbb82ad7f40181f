//! Many rows into a table: by COPY into PostgreSQL, by statements of many rows into SQLite.

use sqlx::{AssertSqlSafe, Postgres, Sqlite, Transaction};
use uuid::Uuid;

use super::error::StoreError;
use super::values::{Value, bind_sqlite};
use crate::model::{self, Kind, Record, Timestamp};

/// A table and those of its columns that are written.
pub(super) struct Table {
    pub name: &'static str,
    pub columns: Vec<&'static str>,
}

impl Table {
    /// The table of a record.
    pub fn of<R: Record>(name: &'static str) -> Self {
        Self { name, columns: R::columns().map(|column| column.name).collect() }
    }

    /// What becomes of a row whose key is there already: its columns are changed, but for those that stay.
    pub fn on_conflict(&self, key: &str, staying: &[&str]) -> String {
        let is_key = |column: &str| key.split(", ").any(|part| part == column);
        let changed = self.columns.iter().filter(|column| !is_key(column) && !staying.contains(column));
        let changes: Vec<String> = changed.map(|column| format!("{column} = excluded.{column}")).collect();
        format!(" ON CONFLICT ({key}) DO UPDATE SET {}", changes.join(", "))
    }
}

/// Inserts rows, each column named with its value: `insert!(tx, "drafts", drafts, |draft| { id: draft.id, … })`.
macro_rules! insert {
    ($tx:expr, $table:literal, $rows:expr, |$row:pat_param| { $($column:ident: $value:expr),+ $(,)? }) => {
        $tx.insert(
            &$crate::store::lines::Table { name: $table, columns: vec![$(stringify!($column)),+] },
            $rows,
            |$row, line| {
                $(line.add($value);)+
            },
        )
    };
}
pub(super) use insert;

/// Inserts rows as [`insert!`] does. Of those whose key is there already the columns are changed, but for the key and
/// those that are said to stay.
macro_rules! upsert {
    (
        $tx:expr, $table:literal, key = $key:literal, staying = $staying:expr, $rows:expr,
        |$row:pat_param| { $($column:ident: $value:expr),+ $(,)? }
    ) => {
        $tx.upsert(
            &$crate::store::lines::Table { name: $table, columns: vec![$(stringify!($column)),+] },
            $key,
            $staying,
            $rows,
            |$row, line| {
                $(line.add($value);)+
            },
        )
    };
}
pub(super) use upsert;

/// Bytes of rows that are sent to PostgreSQL at a time.
const COPY_CHUNK: usize = 1 << 18;
/// Values that one SQLite statement may hold.
const SQLITE_VALUES: usize = 32_000;

/// Whether the transaction sees one workspace only.
async fn is_fenced(tx: &mut Transaction<'static, Postgres>) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT current_user = 'mcoe_app'").fetch_one(&mut **tx).await?)
}

/// Inserts many rows by COPY. PostgreSQL copies into no table whose rows are fenced.
pub(super) async fn insert_by_copy<T>(
    tx: &mut Transaction<'static, Postgres>,
    table: &Table,
    rows: impl IntoIterator<Item = T>,
    fill: impl Fn(&T, &mut Line),
) -> Result<u64, StoreError> {
    if is_fenced(tx).await? {
        return insert_staged(tx, table, "", rows, fill).await;
    }
    copy(tx, table.name, table, rows, fill).await
}

/// Inserts rows by way of a table of the transaction's own.
pub(super) async fn insert_staged<T>(
    tx: &mut Transaction<'static, Postgres>,
    table: &Table,
    on_conflict: &str,
    rows: impl IntoIterator<Item = T>,
    fill: impl Fn(&T, &mut Line),
) -> Result<u64, StoreError> {
    let (name, columns) = (table.name, table.columns.join(", "));
    let staging = format!("staged_{name}");
    let made = format!("CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {columns} FROM {name} WITH NO DATA");
    sqlx::query(AssertSqlSafe(made)).execute(&mut **tx).await?;
    copy(tx, &staging, table, rows, fill).await?;
    let moved = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {staging}{on_conflict}");
    let written = sqlx::query(AssertSqlSafe(moved)).execute(&mut **tx).await?.rows_affected();
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {staging}"))).execute(&mut **tx).await?;
    Ok(written)
}

async fn copy<T>(
    tx: &mut Transaction<'static, Postgres>,
    name: &str,
    table: &Table,
    rows: impl IntoIterator<Item = T>,
    fill: impl Fn(&T, &mut Line),
) -> Result<u64, StoreError> {
    let statement = format!("COPY {name} ({}) FROM STDIN", table.columns.join(", "));
    let mut sink = tx.copy_in_raw(&statement).await?;
    let mut line = Line::Copy(String::with_capacity(COPY_CHUNK + 4096));
    for row in rows {
        fill(&row, &mut line);
        let Line::Copy(text) = &mut line else { continue };
        text.pop();
        text.push('\n');
        if text.len() >= COPY_CHUNK {
            sink.send(text.as_bytes()).await?;
            text.clear();
        }
    }
    if let Line::Copy(text) = &line
        && !text.is_empty()
    {
        sink.send(text.as_bytes()).await?;
    }
    Ok(sink.finish().await?)
}

/// Inserts many rows by statements of many rows.
pub(super) async fn insert_many<T>(
    tx: &mut Transaction<'static, Sqlite>,
    table: &Table,
    on_conflict: &str,
    rows: impl IntoIterator<Item = T>,
    fill: impl Fn(&T, &mut Line),
) -> Result<u64, StoreError> {
    let width = table.columns.len();
    let most = SQLITE_VALUES / width * width;
    let mut line = Line::Values(Vec::with_capacity(most));
    let mut written = 0;
    for row in rows {
        fill(&row, &mut line);
        let Line::Values(values) = &mut line else { continue };
        if values.len() == most {
            written += insert_rows(tx, table, on_conflict, std::mem::take(values)).await?;
        }
    }
    let Line::Values(values) = line else { return Ok(written) };
    if !values.is_empty() {
        written += insert_rows(tx, table, on_conflict, values).await?;
    }
    Ok(written)
}

async fn insert_rows(
    tx: &mut Transaction<'static, Sqlite>,
    table: &Table,
    on_conflict: &str,
    values: Vec<Value>,
) -> Result<u64, StoreError> {
    let width = table.columns.len();
    let places = format!("({})", vec!["?"; width].join(","));
    let rows = vec![places.as_str(); values.len() / width].join(",");
    let sql = format!("INSERT INTO {} ({}) VALUES {rows}{on_conflict}", table.name, table.columns.join(", "));
    Ok(bind_sqlite(&sql, values).execute(&mut **tx).await?.rows_affected())
}

/// A row on its way into the database, cell by cell in the order of the table's columns.
pub(super) enum Line {
    /// PostgreSQL's text format: a tab after every cell, the last of which becomes the end of the line.
    Copy(String),
    /// Values to bind.
    Values(Vec<Value>),
}

impl Line {
    /// Adds a cell.
    pub fn add(&mut self, cell: impl LineCell) {
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
            Some(Cell::Texts(texts)) => self.text(&super::load::json(&texts)),
            Some(Cell::Number(number)) => self.number(number),
            Some(Cell::Count(count)) => self.whole(count),
            Some(Cell::Flag(flag)) => self.flag(flag),
            Some(Cell::Instant(at)) => self.instant(at),
            Some(Cell::Date(date)) => self.text(&date.to_string()),
            Some(Cell::Id(id)) => self.id(id),
            None => self.nothing(match kind {
                Kind::Text | Kind::Texts | Kind::Date => Value::Text(None),
                Kind::Number => Value::Number(None),
                Kind::Count | Kind::Flag => Value::Whole(None),
                Kind::Instant => Value::Instant(None),
                Kind::Id => Value::Id(None),
            }),
        };
    }

    /// Adds a cell of text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        match self {
            Line::Values(values) => values.push(text.into()),
            Line::Copy(line) => {
                escape(text, line);
                line.push('\t');
            }
        }
        self
    }

    /// Adds a cell of text that may be missing.
    pub fn maybe_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.nothing(Value::Text(None)),
        }
    }

    /// Adds an instant.
    pub fn instant(&mut self, at: Timestamp) -> &mut Self {
        self.shown(at, || at.into())
    }

    /// Adds an instant that may be missing.
    pub fn maybe_instant(&mut self, at: Option<Timestamp>) -> &mut Self {
        match at {
            Some(at) => self.instant(at),
            None => self.nothing(Value::Instant(None)),
        }
    }

    /// Adds an id.
    pub fn id(&mut self, id: Uuid) -> &mut Self {
        self.shown(id, || id.into())
    }

    /// Adds an id that may be missing.
    pub fn maybe_id(&mut self, id: Option<Uuid>) -> &mut Self {
        match id {
            Some(id) => self.id(id),
            None => self.nothing(Value::Id(None)),
        }
    }

    /// Adds a number.
    pub fn number(&mut self, number: f64) -> &mut Self {
        self.shown(number, || number.into())
    }

    /// Adds a number that may be missing.
    pub fn maybe_number(&mut self, number: Option<f64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.nothing(Value::Number(None)),
        }
    }

    /// Adds a whole number.
    pub fn whole(&mut self, number: impl Into<i64>) -> &mut Self {
        let number = number.into();
        self.shown(number, || number.into())
    }

    /// Adds a flag.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.shown(flag, || flag.into())
    }

    fn shown(&mut self, shown: impl std::fmt::Display, value: impl FnOnce() -> Value) -> &mut Self {
        use std::fmt::Write as _;
        match self {
            Line::Values(values) => values.push(value()),
            Line::Copy(line) => {
                // Writing to a text cannot fail.
                let _ = write!(line, "{shown}\t");
            }
        }
        self
    }

    fn nothing(&mut self, value: Value) -> &mut Self {
        match self {
            Line::Values(values) => values.push(value),
            Line::Copy(line) => line.push_str("\\N\t"),
        }
        self
    }
}

/// What a cell can be made of.
pub(super) trait LineCell {
    fn add_to(self, line: &mut Line);
}

macro_rules! line_cells {
    ($($kind:ty: $add:ident),+ $(,)?) => {
        $(impl LineCell for $kind {
            fn add_to(self, line: &mut Line) {
                line.$add(self);
            }
        })+
    };
}

line_cells!(
    &str: text,
    Option<&str>: maybe_text,
    Timestamp: instant,
    Option<Timestamp>: maybe_instant,
    Uuid: id,
    Option<Uuid>: maybe_id,
    f64: number,
    Option<f64>: maybe_number,
    i64: whole,
    u32: whole,
    bool: flag,
);

/// Writes text as COPY reads it. PostgreSQL has no place for the character zero.
fn escape(text: &str, line: &mut String) {
    let mut rest = text;
    while let Some(special) = rest.find(['\\', '\t', '\n', '\r', '\0']) {
        let (plain, after) = rest.split_at(special);
        line.push_str(plain);
        let mut letters = after.chars();
        line.push_str(match letters.next() {
            Some('\\') => "\\\\",
            Some('\t') => "\\t",
            Some('\n') => "\\n",
            Some('\r') => "\\r",
            _ => "",
        });
        rest = letters.as_str();
    }
    line.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_copy_reads_it() {
        let mut line = String::new();
        escape("a\tb\\c\nd\re\0f", &mut line);
        assert_eq!(line, "a\\tb\\\\c\\nd\\ref");
    }
}
