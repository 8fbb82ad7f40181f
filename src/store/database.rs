//! One way to speak to either database: connections, transactions, statements and their answers.

use std::borrow::Cow;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool, Postgres, SqlSafeStr, Sqlite, SqliteConnection,
    SqlitePool, Transaction,
};
use tokio::time::timeout;

use super::error::StoreError;
use super::ledger::OpenMode;
use super::lines::{self, Line, Table};
use super::retry::Deadline;
use super::row::{Answer, read};
use super::sqlite_file;
use super::url::DatabaseUrl;
use super::values::{Value, bind_postgres, bind_sqlite, values};
use crate::model::{Record, WorkspaceId};

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
        if !tx.scalar::<bool>(known, values![]).await? {
            return Ok(None);
        }
        let version = tx.scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations", values![]).await?;
        Ok(Some(version).filter(|version| *version > 0))
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
            self.run(sql, values![workspace.as_str()]).await?;
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
            self.run(sql, values![workspace.as_str()]).await?;
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
    pub async fn all<T: Answer>(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<T>, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(read).fetch_all(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(read).fetch_all(&mut **tx).await?,
        })
    }

    /// The first row that a statement answers with, if there is one.
    pub async fn maybe<T: Answer>(&mut self, sql: &str, values: Vec<Value>) -> Result<Option<T>, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(read).fetch_optional(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(read).fetch_optional(&mut **tx).await?,
        })
    }

    /// The only row that a statement answers with.
    pub async fn one<T: Answer>(&mut self, sql: &str, values: Vec<Value>) -> Result<T, StoreError> {
        Ok(match self {
            Tx::Postgres(tx) => bind_postgres(sql, values).try_map(read).fetch_one(&mut **tx).await?,
            Tx::Sqlite(tx) => bind_sqlite(sql, values).try_map(read).fetch_one(&mut **tx).await?,
        })
    }

    /// The only value of the only row that a statement answers with.
    pub async fn scalar<T>(&mut self, sql: &str, values: Vec<Value>) -> Result<T, StoreError>
    where
        (T,): Answer,
    {
        Ok(self.one::<(T,)>(sql, values).await?.0)
    }

    /// Whether a statement answers with any row.
    pub async fn any(&mut self, sql: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        Ok(self.maybe::<()>(sql, values).await?.is_some())
    }

    /// Inserts many rows: by COPY into PostgreSQL, by statements of many rows into SQLite.
    pub async fn insert<T>(
        &mut self,
        table: &Table,
        rows: impl IntoIterator<Item = T>,
        fill: impl Fn(&T, &mut Line),
    ) -> Result<u64, StoreError> {
        match self {
            Tx::Postgres(tx) => lines::insert_by_copy(tx, table, rows, fill).await,
            Tx::Sqlite(tx) => lines::insert_many(tx, table, "", rows, fill).await,
        }
    }

    /// Inserts many rows; of those whose key is there already the columns are changed, but for those that stay.
    pub async fn upsert<T>(
        &mut self,
        table: &Table,
        key: &str,
        staying: &[&str],
        rows: impl IntoIterator<Item = T>,
        fill: impl Fn(&T, &mut Line),
    ) -> Result<u64, StoreError> {
        let on_conflict = table.on_conflict(key, staying);
        match self {
            Tx::Postgres(tx) => lines::insert_staged(tx, table, &on_conflict, rows, fill).await,
            Tx::Sqlite(tx) => lines::insert_many(tx, table, &on_conflict, rows, fill).await,
        }
    }

    /// Inserts records.
    pub async fn insert_records<R: Record>(
        &mut self,
        table: &'static str,
        records: impl IntoIterator<Item = R>,
    ) -> Result<u64, StoreError> {
        self.insert(&Table::of::<R>(table), records, |record, line| line.record(record)).await
    }

    /// Inserts records, as [`Tx::upsert`] does.
    pub async fn upsert_records<R: Record>(
        &mut self,
        table: &'static str,
        key: &str,
        staying: &[&str],
        records: impl IntoIterator<Item = R>,
    ) -> Result<u64, StoreError> {
        self.upsert(&Table::of::<R>(table), key, staying, records, |record, line| line.record(record)).await
    }
}
