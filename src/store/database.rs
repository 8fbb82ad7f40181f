//! A common interface to PostgreSQL and SQLite: connections, transactions, statements and results.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool,
    Transaction,
};
use tokio::time::timeout;

use super::bulk_insert::{self, InsertTarget, RowEncoder};
use super::error::StoreError;
use super::migrations;
use super::open_mode::OpenMode;
use super::retry::Deadline;
use super::row::{FromAnyRow, decode_row};
use super::sqlite_file;
use super::url::DatabaseUrl;
use super::values::{Dialect, Value, bind_postgres, bind_sqlite, values};
use crate::model::{Record, WorkspaceId};

/// Maximum number of connections per process.
const MAX_CONNECTIONS: u32 = 8;
/// How long the first attempt waits for a connection from the pool.
const FIRST_ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a later attempt waits for one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for another writer before the deadline is checked again.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Page cache of a writing connection: 64 MiB, given as a negative number of KiB. With SQLite's default of 2 MB, a
/// commit writes most of its pages several times.
const WRITER_CACHE: &str = "-65536";

/// Number of pages, 64 MiB in all, that a writing connection collects in the write-ahead log before it writes them into
/// the file. With SQLite's default of 1000, a pass over many workspaces writes the pages of its indexes once for each.
const WRITER_LOG: &str = "16384";

/// A database, and its connection pool.
#[derive(Debug, Clone)]
pub(super) struct Database {
    url: DatabaseUrl,
    pool: Pool,
}

#[derive(Debug, Clone)]
enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Database {
    /// Prepares a database; the connection is made on first use. A file that may not be opened in this mode is left
    /// unchanged.
    pub async fn open(url: &DatabaseUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let pool = match url {
            DatabaseUrl::Postgres(address) => {
                let options = postgres_options(address, mode).map_err(|error| StoreError::connect(url, error))?;
                let pool = PgPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
                Pool::Postgres(pool.connect_lazy_with(options))
            }
            DatabaseUrl::Sqlite { read_only: true, .. } if mode != OpenMode::Read => return Err(StoreError::ReadOnly),
            DatabaseUrl::Sqlite { path, read_only } => {
                sqlite_file::prepare(url, path, mode).await?;
                let pool = SqlitePoolOptions::new()
                    .max_connections(MAX_CONNECTIONS)
                    .acquire_timeout(ACQUIRE_TIMEOUT)
                    .after_release(|connection, _| Box::pin(is_reusable(connection)));
                Pool::Sqlite(pool.connect_lazy_with(sqlite_options(path, mode, *read_only)))
            }
        };
        Ok(Self { url: url.clone(), pool })
    }

    /// Closes every connection, waiting for those in use. SQLite's write-ahead log is then checkpointed into its file
    /// and removed, unless another process has the file open.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => {
                pool.close().await;
                sqlite_file::checkpoint_log(&pool.connect_options()).await;
            }
        }
    }

    /// The schema version of this program.
    #[must_use]
    pub fn newest_version() -> i64 {
        migrations::newest_version()
    }

    /// The database's SQL.
    pub fn dialect(&self) -> Dialect {
        match &self.pool {
            Pool::Postgres(_) => Dialect::Postgres,
            Pool::Sqlite(_) => Dialect::Sqlite,
        }
    }

    fn migrator(&self) -> Migrator {
        Migrator::with_migrations(match &self.pool {
            Pool::Postgres(_) => migrations::postgres(),
            Pool::Sqlite(_) => migrations::sqlite(),
        })
    }

    /// Migrates the schema to [`Database::newest_version`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrator = self.migrator();
        let migrated = match &self.pool {
            Pool::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let lock_timeout = format!("SET lock_timeout = {}", Deadline::current().lock_timeout().as_millis());
                sqlx::query(AssertSqlSafe(lock_timeout)).execute(&mut *connection).await?;
                migrator.run(&mut *connection).await
            }
            Pool::Sqlite(pool) => migrator.run(pool).await,
        };
        match migrated {
            Ok(()) => Ok(()),
            // Another process may have migrated it concurrently.
            Err(_) if matches!(self.version().await, Ok(Some(found)) if found == Self::newest_version()) => Ok(()),
            Err(error) => match self.version().await {
                Ok(Some(found)) if found > Self::newest_version() => {
                    Err(StoreError::Newer { found, known: Self::newest_version() })
                }
                _ => Err(StoreError::from(error)),
            },
        }
    }

    /// The schema version of the database; `None` if it has no schema.
    pub async fn version(&self) -> Result<Option<i64>, StoreError> {
        let mut tx = self.read().await?;
        let schema_query = match &self.pool {
            Pool::Postgres(_) => "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
            Pool::Sqlite(_) => "SELECT count(*) > 0 FROM sqlite_schema WHERE name = '_sqlx_migrations'",
        };
        if !tx.scalar::<bool>(schema_query, values![]).await? {
            return Ok(None);
        }
        let version = tx.scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations", values![]).await?;
        Ok(Some(version).filter(|version| *version > 0))
    }

    /// Begins a read transaction.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        self.begin("BEGIN").await
    }

    /// Begins a write transaction. SQLite allows one at a time, so this waits for any other to end.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        self.begin("BEGIN IMMEDIATE").await
    }

    /// Begins a transaction, retrying transient failures until the deadline.
    async fn begin(&self, sqlite_begin: &'static str) -> Result<Tx, StoreError> {
        let deadline = Deadline::current();
        let mut has_failed = false;
        loop {
            let began = async {
                match &self.pool {
                    Pool::Postgres(pool) => self.begin_in_postgres(pool, &deadline, has_failed).await,
                    Pool::Sqlite(pool) => pool
                        .begin_with(sqlite_begin)
                        .await
                        .map(Tx::Sqlite)
                        .map_err(|error| StoreError::connect(&self.url, error)),
                }
            };
            match deadline.wait(began, self.unavailable_reason()).await {
                Err(failure) if failure.is_transient() => deadline.pause(failure).await?,
                done => return done,
            }
            has_failed = true;
        }
    }

    /// Begins a transaction on a pooled connection. When the server refuses a connection, the pool hides the reason and
    /// retries with growing pauses. So the pool gets a short timeout at first, and after a failure it is used only once
    /// a direct connection has succeeded.
    async fn begin_in_postgres(&self, pool: &PgPool, deadline: &Deadline, has_failed: bool) -> Result<Tx, StoreError> {
        if has_failed {
            self.connect_directly(pool).await?;
        }
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", deadline.lock_timeout().as_millis());
        let acquire_timeout = if has_failed { ACQUIRE_TIMEOUT } else { FIRST_ACQUIRE_TIMEOUT };
        match timeout(acquire_timeout, pool.begin_with(AssertSqlSafe(begin))).await {
            Ok(began) => began.map(Tx::Postgres).map_err(|error| StoreError::connect(&self.url, error)),
            Err(_) => Err(self.unavailable_reason().await),
        }
    }

    /// Connects outside the pool, to get the server's own error.
    async fn connect_directly(&self, pool: &PgPool) -> Result<(), StoreError> {
        let connected = async { pool.connect_options().connect().await?.close().await };
        connected.await.map_err(|error| StoreError::connect(&self.url, error))
    }

    /// Why no transaction can begin, for the error message.
    async fn unavailable_reason(&self) -> StoreError {
        match &self.pool {
            Pool::Postgres(pool) => {
                if let Err(refused) = self.connect_directly(pool).await {
                    return refused;
                }
            }
            Pool::Sqlite(pool) if pool.num_idle() > 0 || pool.size() < MAX_CONNECTIONS => {
                // A connection is available, so another writer holds the lock.
                return StoreError::busy("database is locked");
            }
            Pool::Sqlite(_) => {}
        }
        StoreError::busy(&format!("all {MAX_CONNECTIONS} connections of this process are in use"))
    }
}

/// Whether a connection can be reused. If the disk is full, SQLite rolls the transaction back by itself; the driver
/// still counts that transaction as open, cannot roll it back, and begins no other.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // By the time the ping is answered, any queued rollback has been attempted.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

fn postgres_options(address: &str, mode: OpenMode) -> Result<PgConnectOptions, sqlx::Error> {
    // Timestamps sent as text are read as UTC, whatever the server's time zone.
    let options = PgConnectOptions::from_str(address)?.options([("timezone", "UTC")]);
    Ok(match mode {
        OpenMode::Read => options.options([("default_transaction_read_only", "on")]),
        OpenMode::Write | OpenMode::Create => options,
    })
}

/// Read mode opens the file read-write with `query_only`: only then can SQLite remove its write-ahead log on close. If
/// the URL asks for read-only access and a log exists, the file is opened read-only and the log stays.
fn sqlite_options(path: &Path, mode: OpenMode, read_only: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(SQLITE_BUSY_TIMEOUT);
    match mode {
        OpenMode::Read => options.pragma("query_only", "ON").read_only(read_only && sqlite_file::has_log(path)),
        OpenMode::Write | OpenMode::Create => options
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", WRITER_LOG)
            .pragma("temp_store", "MEMORY"),
    }
}

/// A transaction. It is rolled back if dropped without [`Tx::commit`].
pub(super) enum Tx {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Tx {
    /// Commits the transaction.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Postgres(tx) => tx.commit().await,
            Tx::Sqlite(tx) => tx.commit().await,
        }
        .map_err(StoreError::from)
    }

    /// Restricts the rest of the transaction to one workspace. PostgreSQL enforces this by row-level security; in
    /// SQLite only the conditions of each statement do.
    pub async fn restrict_to(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "SELECT set_config('mcoe.workspace_id', $1, true), set_config('role', 'mcoe_app', true)";
            self.run(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Makes a change without any effect on the data, so that the commit must write to the database.
    pub async fn touch(&mut self) -> Result<(), StoreError> {
        let sql = match self {
            Tx::Postgres(_) => "SELECT pg_current_xact_id()",
            // A number in the file's header that is always 0 and otherwise unused.
            Tx::Sqlite(_) => "PRAGMA user_version = 0",
        };
        self.run(sql, values![]).await.map(drop)
    }

    /// The first of a range of new numbers for rows of a table of parts of decisions. PostgreSQL gives each transaction
    /// a range of its own; in SQLite, which has one writer at a time, the range follows the last number.
    pub async fn first_new_number(&mut self, table: &str) -> Result<i64, StoreError> {
        let sql = match self {
            Tx::Postgres(_) => "SELECT nextval('decision_numbers')".to_owned(),
            Tx::Sqlite(_) => format!("SELECT coalesce(max(no), 0) + 1 FROM {table}"),
        };
        self.scalar(&sql, values![]).await
    }

    /// Locks a workspace's jobs until the transaction ends, so that concurrent requests cannot exceed the limit. SQLite
    /// needs no lock: it has one writer at a time.
    pub async fn lock_jobs(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "SELECT pg_advisory_xact_lock(hashtext('mcoe jobs'), hashtext($1))";
            self.run(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Compacts a workspace's schedule tallies, which PostgreSQL stores as a row per change, into one row per channel
    /// and status.
    pub async fn compact_tallies(&mut self, workspace: &WorkspaceId) -> Result<(), StoreError> {
        if let Tx::Postgres(_) = self {
            let sql = "WITH gone AS (DELETE FROM schedule_tallies WHERE workspace_id = $1 RETURNING *) \
                       INSERT INTO schedule_tallies \
                       SELECT workspace_id, channel, status, sum(change) FROM gone GROUP BY 1, 2, 3";
            self.run(sql, values![workspace.as_str()]).await?;
        }
        Ok(())
    }

    /// Runs a statement. Returns the number of rows changed.
    pub async fn run(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).execute(&mut **tx).await?.rows_affected(),
            Tx::Sqlite(tx) => bind_sqlite(sql, values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// All rows that a statement returns.
    pub async fn all<T: FromAnyRow>(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(decode_row).fetch_all(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(decode_row).fetch_all(&mut **tx).await?,
        })
    }

    /// The first row that a statement returns, if any.
    pub async fn optional<T: FromAnyRow>(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(decode_row).fetch_optional(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(decode_row).fetch_optional(&mut **tx).await?,
        })
    }

    /// The single row that a statement returns; an error if there is none.
    pub async fn one<T: FromAnyRow>(&mut self, sql: &str, values: Vec<Value>) -> Result<T, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(decode_row).fetch_one(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(decode_row).fetch_one(&mut **tx).await?,
        })
    }

    /// The single value of the single row that a statement returns.
    pub async fn scalar<T>(&mut self, sql: &str, values: Vec<Value>) -> Result<T, StoreError>
    where
        (T,): FromAnyRow,
    {
        Ok(self.one::<(T,)>(sql, values).await?.0)
    }

    /// Whether a statement returns at least one row.
    pub async fn exists(&mut self, sql: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        Ok(self.optional::<()>(sql, values).await?.is_some())
    }

    /// Inserts many rows: with `COPY` into PostgreSQL, with multi-row `INSERT` statements into SQLite.
    pub async fn insert<T>(
        &mut self,
        table: &InsertTarget,
        rows: impl IntoIterator<Item = T>,
        encode: impl Fn(&T, &mut RowEncoder),
    ) -> Result<u64, StoreError> {
        match self {
            Tx::Postgres(tx) => bulk_insert::insert_by_copy(tx, table, rows, encode).await,
            Tx::Sqlite(tx) => bulk_insert::insert_many(tx, table, "", rows, encode).await,
        }
    }

    /// Upserts many rows: those whose key exists are updated, except for the `unchanged` columns.
    pub async fn upsert<T>(
        &mut self,
        table: &InsertTarget,
        key: &str,
        unchanged: &[&str],
        rows: impl IntoIterator<Item = T>,
        encode: impl Fn(&T, &mut RowEncoder),
    ) -> Result<u64, StoreError> {
        let on_conflict = table.on_conflict(key, unchanged);
        match self {
            Tx::Postgres(tx) => bulk_insert::insert_staged(tx, table, &on_conflict, rows, encode).await,
            Tx::Sqlite(tx) => bulk_insert::insert_many(tx, table, &on_conflict, rows, encode).await,
        }
    }

    /// Inserts records.
    pub async fn insert_records<R: Record>(
        &mut self,
        table: &'static str,
        records: impl IntoIterator<Item = R>,
    ) -> Result<u64, StoreError> {
        self.insert(&InsertTarget::of::<R>(table), records, |record, encoder| encoder.record(record)).await
    }

    /// Upserts records, as [`Tx::upsert`] does rows.
    pub async fn upsert_records<R: Record>(
        &mut self,
        table: &'static str,
        key: &str,
        unchanged: &[&str],
        records: impl IntoIterator<Item = R>,
    ) -> Result<u64, StoreError> {
        self.upsert(&InsertTarget::of::<R>(table), key, unchanged, records, |record, encoder| encoder.record(record))
            .await
    }
}
