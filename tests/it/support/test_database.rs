//! Databases for tests of the ledger, in SQLite and PostgreSQL, with direct access by SQL.

use std::future::Future;

use mcoe::store::{DatabaseUrl, Ledger};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

use super::postgres::{Server, server};

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A database for one test: an SQLite file, or a database of a PostgreSQL server.
pub struct TestDatabase {
    pub url: String,
    is_postgres: bool,
    _dir: TempDir,
}

impl TestDatabase {
    /// An SQLite file in a temporary folder; `ledger` creates it.
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = dir.path().join("ledger.db").display().to_string();
        Self { url, is_postgres: false, _dir: dir }
    }

    /// An SQLite file that `ledger` creates at a path.
    pub fn sqlite_at(path: &std::path::Path) -> Self {
        Self { url: path.display().to_string(), is_postgres: false, _dir: tempfile::tempdir().unwrap() }
    }

    /// A new database of the shared PostgreSQL server, with the ledger's schema.
    pub fn postgres() -> Self {
        Self::on(server())
    }

    /// A new database of a PostgreSQL server, with the ledger's schema.
    pub fn on(server: &Server) -> Self {
        let database = Self { url: server.create_database(), is_postgres: true, _dir: tempfile::tempdir().unwrap() };
        block_on(Ledger::migrate(&database.parsed_url())).unwrap();
        database
    }

    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    pub fn parsed_url(&self) -> DatabaseUrl {
        self.url.parse().unwrap()
    }

    /// Opens the ledger. Creates an SQLite file and its schema if they are missing.
    pub async fn ledger(&self) -> Ledger {
        Ledger::open(&self.parsed_url()).await.unwrap()
    }

    /// Runs SQL statements. Returns the database's error, if any.
    pub async fn run(&self, sql: &str) -> Result<(), String> {
        let result = if self.is_postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map(|_| ())
        } else {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.url)).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map(|_| ())
        };
        result.map_err(|error| error.to_string())
    }

    /// The integer in the first row and column of a query's result.
    pub async fn number(&self, sql: &str) -> i64 {
        if self.is_postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
        } else {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.url)).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
        }
    }

    /// Each row of a table as one text, sorted: the given columns, separated by spaces.
    pub async fn rows_as_text(&self, table: &str, columns: &str) -> Vec<String> {
        let cells: Vec<String> =
            columns.split(", ").map(|column| format!("coalesce(CAST({column} AS text), '')")).collect();
        self.texts(&format!("SELECT {} FROM {table} ORDER BY 1", cells.join(" || ' ' || "))).await
    }

    /// The texts in the first column of a query's result.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        if self.is_postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.url)).await.unwrap();
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}

/// Turns each function, which takes a [`TestDatabase`], into a test on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: &TestDatabase) $body:block)+) => {
        $(async fn $name($database: &TestDatabase) $body)+

        mod sqlite {
            use super::*;
            $(#[test] $(#[$attribute])* fn $name() {
                crate::support::block_on(super::$name(&TestDatabase::sqlite()));
            })+
        }

        mod postgres {
            use super::*;
            $(#[test] $(#[$attribute])* fn $name() {
                crate::support::block_on(super::$name(&TestDatabase::postgres()));
            })+
        }
    };
}
pub(crate) use on_both;
