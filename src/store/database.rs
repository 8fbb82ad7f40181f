//! One way to speak to either database.
//!
//! Statements are written once, in PostgreSQL's dialect. For SQLite, where times, ids and JSON are text
//! and one writer holds the whole file, [`for_sqlite`] takes away what it has no word for.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, PgPool, Postgres, Row as _, SqlSafeStr, Sqlite,
    SqliteConnection, SqlitePool, Transaction,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::error::StoreError;
use super::ledger::OpenMode;
use super::lines;
use super::retry::Deadline;
use super::sqlite_file;
use super::url::DatabaseUrl;
use crate::model::{Timestamp, WorkspaceId};

/// Connections that one process holds at most.
const CONNECTIONS: u32 = 8;
/// How long a pool is given to find a connection, the first time and later.
const FIRST_POOL_PATIENCE: Duration = Duration::from_secs(1);
const POOL_PATIENCE: Duration = Duration::from_secs(5);
/// How long SQLite waits for another writer before the deadline is looked at again.
const BUSY: Duration = Duration::from_millis(500);

/// Pages of a file that a writing connection keeps, as a negative number of KiB. With SQLite's own 2 MB a commit writes
/// most of its pages several times.
const WRITER_CACHE: &str = "-65536";

/// One database.
#[derive(Debug, Clone)]
pub(super) struct Database {
    url: DatabaseUrl,
    pool: Pool,
}

/// Its connections.
#[derive(Debug, Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

/// A value handed to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(Option<String>),
    Whole(Option<i64>),
    Number(Option<f64>),
    Flag(bool),
}

macro_rules! value_from {
    ($($kind:ty => $variant:ident($value:ident => $convert:expr)),+ $(,)?) => {
        $(impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                Value::$variant($convert)
            }
        })+
    };
}

value_from!(
    &str => Text(text => Some(text.to_owned())),
    String => Text(text => Some(text)),
    Option<&str> => Text(text => text.map(str::to_owned)),
    Option<String> => Text(text => text),
    Timestamp => Text(at => Some(at.to_string())),
    Option<Timestamp> => Text(at => at.map(|at| at.to_string())),
    Uuid => Text(id => Some(id.to_string())),
    i64 => Whole(number => Some(number)),
    u32 => Whole(number => Some(i64::from(number))),
    Option<i64> => Whole(number => number),
    f64 => Number(number => Some(number)),
    Option<f64> => Number(number => number),
    bool => Flag(flag => flag),
);

/// The values of a statement, in the order of `$1`, `$2`, …
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::database::Value::from($value)),*] };
}
pub(super) use values;

pub(super) use super::lines::Line;

/// One row of an answer.
#[derive(Debug)]
pub(super) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

macro_rules! cell {
    ($(#[$doc:meta])* $name:ident -> $kind:ty) => {
        $(#[$doc])*
        pub fn $name(&self, column: usize) -> Result<$kind, StoreError> {
            match self {
                Row::Postgres(row) => row.try_get(column),
                Row::Sqlite(row) => row.try_get(column),
            }
            .map_err(StoreError::from)
        }
    };
}

impl Row {
    cell!(text -> String);
    cell!(maybe_text -> Option<String>);
    cell!(whole -> i64);
    cell!(number -> f64);
    cell!(maybe_number -> Option<f64>);
    cell!(flag -> bool);

    /// A count that is never negative.
    pub fn count(&self, column: usize) -> Result<u32, StoreError> {
        Ok(u32::try_from(self.whole(column)?).unwrap_or(u32::MAX))
    }

    /// A text that reads as something of the model's.
    pub fn parsed<T: FromStr>(&self, column: usize) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.unreadable(column, &text))
    }

    /// The same where there may be none.
    pub fn maybe_parsed<T: FromStr>(&self, column: usize) -> Result<Option<T>, StoreError> {
        let text = self.maybe_text(column)?;
        text.map(|text| text.parse().map_err(|_| self.unreadable(column, &text))).transpose()
    }

    /// A JSON text that reads as something of the model's.
    pub fn json<T: serde::de::DeserializeOwned>(&self, column: usize) -> Result<T, StoreError> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.unreadable(column, &text))
    }

    fn unreadable(&self, column: usize, text: &str) -> StoreError {
        let name = match self {
            Row::Postgres(row) => row.columns().get(column).map(|column| column.name().to_owned()),
            Row::Sqlite(row) => row.columns().get(column).map(|column| column.name().to_owned()),
        };
        StoreError::Unreadable { column: name.unwrap_or_default(), value: text.to_owned() }
    }
}

impl Database {
    /// A database that is connected to when it is first asked something. A file that may not be opened in this mode
    /// is left as it was.
    pub async fn open(url: &DatabaseUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let pool = match url {
            DatabaseUrl::Postgres(address) => {
                let options = postgres_options(address, mode).map_err(|error| StoreError::connect(url, error))?;
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(POOL_PATIENCE);
                Pool::Postgres(pool.connect_lazy_with(options))
            }
            DatabaseUrl::Sqlite { read_only: true, .. } if mode != OpenMode::Read => return Err(StoreError::ReadOnly),
            DatabaseUrl::Sqlite { path, read_only } => {
                sqlite_file::prepare(url, path, mode).await?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(POOL_PATIENCE)
                    .after_release(|connection, _| Box::pin(is_reusable(connection)));
                Pool::Sqlite(pool.connect_lazy_with(sqlite_options(path, mode, *read_only)))
            }
        };
        Ok(Self { url: url.clone(), pool })
    }

    /// Closes every connection, once what uses it has ended. SQLite's log is then written back into its file, and
    /// removed unless another process has the file open.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => {
                pool.close().await;
                sqlite_file::write_back(&pool.connect_options()).await;
            }
        }
    }

    /// The version of the schema that this program writes.
    pub const VERSION: i64 = 5;

    fn migrator(&self) -> Migrator {
        let steps = match &self.pool {
            Pool::Postgres(_) => [
                ("ledger", include_str!("../../migrations/postgres/0001_ledger.sql")),
                ("serving", include_str!("../../migrations/postgres/0002_serving.sql")),
                ("append_only", include_str!("../../migrations/postgres/0003_append_only.sql")),
                ("reasons", include_str!("../../migrations/postgres/0004_reasons.sql")),
                ("cancelled_jobs", include_str!("../../migrations/postgres/0005_cancelled_jobs.sql")),
            ],
            Pool::Sqlite(_) => [
                ("ledger", include_str!("../../migrations/sqlite/0001_ledger.sql")),
                ("serving", include_str!("../../migrations/sqlite/0002_serving.sql")),
                ("append_only", include_str!("../../migrations/sqlite/0003_append_only.sql")),
                ("reasons", include_str!("../../migrations/sqlite/0004_reasons.sql")),
                ("cancelled_jobs", include_str!("../../migrations/sqlite/0005_cancelled_jobs.sql")),
            ],
        };
        let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
            Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql.into_sql_str(), false)
        };
        Migrator::with_migrations((1..).zip(steps).map(migration).collect())
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrator = self.migrator();
        let migrated = match &self.pool {
            Pool::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let lock_timeout = format!("SET lock_timeout = {}", Deadline::current().lock_wait().as_millis());
                sqlx::query(AssertSqlSafe(lock_timeout)).execute(&mut *connection).await?;
                migrator.run(&mut *connection).await
            }
            Pool::Sqlite(pool) => migrator.run(pool).await,
        };
        match migrated {
            Ok(()) => Ok(()),
            // Another process may have done it meanwhile.
            Err(_) if matches!(self.version().await, Ok(Some(Self::VERSION))) => Ok(()),
            Err(error) => match self.version().await {
                Ok(Some(found)) if found > Self::VERSION => Err(StoreError::Newer { found, known: Self::VERSION }),
                _ => Err(StoreError::from(error)),
            },
        }
    }

    /// The version of the schema in the database; none where it has none.
    pub async fn version(&self) -> Result<Option<i64>, StoreError> {
        let mut tx = self.read().await?;
        let known = match &self.pool {
            Pool::Postgres(_) => "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
            Pool::Sqlite(_) => "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'",
        };
        if !tx.one(known, values![]).await?.flag(0)? {
            return Ok(None);
        }
        let row = tx.one("SELECT coalesce(max(version), 0) FROM _sqlx_migrations", values![]).await?;
        Ok(Some(row.whole(0)?).filter(|version| *version > 0))
    }

    /// Begins a transaction that only reads.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.begin("BEGIN").await
    }

    /// Begins a transaction that writes. In SQLite it waits until no other one does.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        self.begin("BEGIN IMMEDIATE").await
    }

    /// Begins a transaction, as soon as the database lets it and within the deadline.
    async fn begin(&self, in_sqlite: &'static str) -> Result<Tx, StoreError> {
        let deadline = Deadline::current();
        let mut has_failed = false;
        loop {
            let begun = async {
                match &self.pool {
                    Pool::Postgres(pool) => self.begin_in_postgres(pool, &deadline, has_failed).await,
                    Pool::Sqlite(pool) => pool
                        .begin_with(in_sqlite)
                        .await
                        .map(Tx::Sqlite)
                        .map_err(|error| StoreError::connect(&self.url, error)),
                }
            };
            match deadline.wait(begun, self.reason()).await {
                Err(failure) if failure.is_passing() => deadline.pause(failure).await?,
                done => return done,
            }
            has_failed = true;
        }
    }

    /// A pool that is refused a connection keeps the reason to itself and asks again after ever longer pauses. So it
    /// is given little time, and once it has failed it is asked only when the server is known to take connections.
    async fn begin_in_postgres(&self, pool: &PgPool, deadline: &Deadline, has_failed: bool) -> Result<Tx, StoreError> {
        if has_failed {
            self.reach(pool).await?;
        }
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", deadline.lock_wait().as_millis());
        let patience = if has_failed { POOL_PATIENCE } else { FIRST_POOL_PATIENCE };
        match timeout(patience, pool.begin_with(AssertSqlSafe(begin))).await {
            Ok(begun) => begun.map(Tx::Postgres).map_err(|error| StoreError::connect(&self.url, error)),
            Err(_) => Err(self.reason().await),
        }
    }

    /// Connects outside the pool, for the server's own answer.
    async fn reach(&self, pool: &PgPool) -> Result<(), StoreError> {
        let reached = async { pool.connect_options().connect().await?.close().await };
        reached.await.map_err(|error| StoreError::connect(&self.url, error))
    }

    /// Why no transaction can begin.
    async fn reason(&self) -> StoreError {
        match &self.pool {
            Pool::Postgres(pool) => {
                if let Err(refused) = self.reach(pool).await {
                    return refused;
                }
            }
            Pool::Sqlite(pool) if pool.num_idle() > 0 || pool.size() < CONNECTIONS => {
                return StoreError::busy("database is locked");
            }
            Pool::Sqlite(_) => {}
        }
        StoreError::busy(&format!("all {CONNECTIONS} connections of this process are in use"))
    }
}

/// Whether a connection can serve another transaction. Where the disk is full SQLite ends a transaction by itself; the
/// driver then counts one that cannot be rolled back, and begins no other.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // By the answer a rollback that was asked for has been tried.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn postgres_options(address: &str, mode: OpenMode) -> Result<PgConnectOptions, sqlx::Error> {
    // Written instants are read in UTC, whatever the server's zone.
    let options = PgConnectOptions::from_str(address)?.options([("timezone", "UTC")]);
    Ok(match mode {
        OpenMode::Read => options.options([("default_transaction_read_only", "on")]),
        OpenMode::Write | OpenMode::Create => options,
    })
}

/// Who reads opens the file to write all the same: only so can SQLite remove its log when the file is closed. Where
/// the file itself is to be read only, a log that lies there stays.
fn sqlite_options(path: &Path, mode: OpenMode, read_only: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(BUSY);
    match mode {
        OpenMode::Read => options.pragma("query_only", "ON").read_only(read_only && sqlite_file::has_log(path)),
        OpenMode::Write | OpenMode::Create => options
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("temp_store", "MEMORY"),
    }
}

/// A transaction. Dropped before [`Tx::commit`], it leaves nothing behind.
pub(super) enum Tx {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// The rows that a statement of [`Tx::insert`] writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

impl Tx {
    /// Makes all of it last.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Postgres(tx) => tx.commit().await,
            Tx::Sqlite(tx) => tx.commit().await,
        }
        .map_err(StoreError::from)
    }

    /// Lets the rest of the transaction see one workspace only. PostgreSQL enforces it; for SQLite the
    /// statements' own conditions do.
    pub async fn fence(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "SELECT set_config('mcoe.workspace_id', $1, true), set_config('role', 'mcoe_app', true)";
            self.one(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Changes nothing that anybody reads, in a way that the commit has to write something.
    pub async fn touch(&mut self) -> Result<(), StoreError> {
        let sql = match self {
            Tx::Postgres(_) => "SELECT pg_current_xact_id()",
            // A number in the header of the file that stands at 0 and that nobody reads.
            Tx::Sqlite(_) => "PRAGMA user_version = 0",
        };
        self.run(sql, values![]).await.map(drop)
    }

    /// Lets no other transaction count the jobs of a workspace until this one ends. In SQLite no other one writes.
    pub async fn lock_jobs(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "SELECT pg_advisory_xact_lock(hashtext('mcoe jobs'), hashtext($1))";
            self.one(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Sums up the changes of a workspace's tallies, which PostgreSQL keeps row by row.
    pub async fn fold_tallies(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "WITH gone AS (DELETE FROM schedule_tallies WHERE workspace_id = $1 RETURNING *) \
                       INSERT INTO schedule_tallies \
                       SELECT workspace_id, channel, status, sum(change) FROM gone GROUP BY 1, 2, 3";
            self.run(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Runs a statement. Returns how many rows it changed.
    pub async fn run(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).execute(&mut **tx).await?.rows_affected(),
            Tx::Sqlite(tx) => bind_sqlite(sql, values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Every row that a statement answers with.
    pub async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => {
                let rows = bind_postgres(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Tx::Sqlite(tx) => {
                let rows = bind_sqlite(sql, values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
        })
    }

    /// The only row that a statement answers with.
    pub async fn one(&mut self, sql: &str, values: Vec<Value>) -> Result<Row, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => Row::Postgres(bind_postgres(sql, values).fetch_one(&mut **tx).await?),
            Tx::Sqlite(tx) => Row::Sqlite(bind_sqlite(sql, values).fetch_one(&mut **tx).await?),
        })
    }

    /// Inserts many rows: by COPY into PostgreSQL, by statements of many rows into SQLite.
    pub async fn insert<T>(
        &mut self,
        table: Table,
        rows: impl IntoIterator<Item = T>,
        fill: impl Fn(&T, &mut Line),
    ) -> Result<u64, StoreError> {
        match self {
            Tx::Postgres(tx) => lines::insert(tx, table, rows, fill).await,
            Tx::Sqlite(tx) => lines::insert_many(tx, table, "", rows, fill).await,
        }
    }

    /// Inserts many rows; of those whose key is there already, the named columns are changed.
    pub async fn upsert<T>(
        &mut self,
        table: Table,
        key: &str,
        changed: &[&str],
        rows: impl IntoIterator<Item = T>,
        fill: impl Fn(&T, &mut Line),
    ) -> Result<u64, StoreError> {
        let changes: Vec<String> = changed.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        let action =
            if changes.is_empty() { "DO NOTHING".to_owned() } else { format!("DO UPDATE SET {}", changes.join(", ")) };
        let on_conflict = format!(" ON CONFLICT ({key}) {action}");
        match self {
            Tx::Postgres(tx) => lines::insert_staged(tx, table, &on_conflict, rows, fill).await,
            Tx::Sqlite(tx) => lines::insert_many(tx, table, &on_conflict, rows, fill).await,
        }
    }
}

/// A statement in SQLite's words: no casts, no locks of rows, and its own names for two functions.
fn for_sqlite(sql: &str) -> String {
    let plain = sql
        .replace(" FOR UPDATE SKIP LOCKED", "")
        .replace(" FOR UPDATE", "")
        .replace("json_array_elements_text(", "json_each(")
        .replace("iso(", "(");
    let mut parts = plain.split("::");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'));
    }
    text
}

fn bind_postgres(sql: &str, values: Vec<Value>) -> Query<'_, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(number) => query.bind(number),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
    })
}

pub(super) fn bind_sqlite(sql: &str, values: Vec<Value>) -> Query<'_, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(for_sqlite(sql)));
    values.into_iter().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::Whole(number) => query.bind(number),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_loses_what_sqlite_has_no_word_for() {
        let sql = "SELECT iso(a), b::text FROM t WHERE c = $1::timestamptz AND d IN \
                   (SELECT value FROM json_array_elements_text($2::json)) FOR UPDATE SKIP LOCKED";
        let expected = "SELECT (a), b FROM t WHERE c = $1 AND d IN (SELECT value FROM json_each($2))";
        assert_eq!(for_sqlite(sql), expected);
    }
}
