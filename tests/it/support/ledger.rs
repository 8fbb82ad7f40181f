//! Ledgers for tests: an SQLite file or a database of the tests' PostgreSQL, with direct access to the database.

use std::future::Future;

use mcoe::store::{DatabaseUrl, Ledger};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

use super::postgres::{Server, server};

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A separate database with the ledger's schema.
pub struct Place {
    pub url: String,
    is_postgres: bool,
    _dir: TempDir,
}

impl Place {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = dir.path().join("ledger.db").display().to_string();
        Self { url, is_postgres: false, _dir: dir }
    }

    /// A file to be created at a path.
    pub fn sqlite_at(path: &std::path::Path) -> Self {
        Self { url: path.display().to_string(), is_postgres: false, _dir: tempfile::tempdir().unwrap() }
    }

    pub fn postgres() -> Self {
        Self::on(server())
    }

    /// A database of a server.
    pub fn on(server: &Server) -> Self {
        let place = Self { url: server.fresh(), is_postgres: true, _dir: tempfile::tempdir().unwrap() };
        block_on(Ledger::migrate(&place.address())).unwrap();
        place
    }

    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    pub fn address(&self) -> DatabaseUrl {
        self.url.parse().unwrap()
    }

    pub async fn ledger(&self) -> Ledger {
        Ledger::open(&self.address()).await.unwrap()
    }

    /// Runs statements directly on the database. Returns its error, if any.
    pub async fn run(&self, sql: &str) -> Result<(), String> {
        let ran = if self.is_postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map(|_| ())
        } else {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.url)).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map(|_| ())
        };
        ran.map_err(|error| error.to_string())
    }

    /// The number that a query returns.
    pub async fn number(&self, sql: &str) -> i64 {
        if self.is_postgres {
            let mut connection = PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
        } else {
            let mut connection = SqliteConnection::connect(&format!("sqlite:{}", self.url)).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap().get(0)
        }
    }

    /// Columns of every row of a table, joined, in order.
    pub async fn texts_of(&self, table: &str, columns: &str) -> Vec<String> {
        let cells: Vec<String> =
            columns.split(", ").map(|column| format!("coalesce(CAST({column} AS text), '')")).collect();
        self.texts(&format!("SELECT {} FROM {table} ORDER BY 1", cells.join(" || ' ' || "))).await
    }

    /// The texts that a query returns.
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

/// Makes a test of each function for both databases. The functions take a [`Place`].
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($place:ident: &Place) $body:block)+) => {
        $(async fn $name($place: &Place) $body)+

        mod sqlite {
            use super::*;
            $(#[test] $(#[$attribute])* fn $name() { crate::support::block_on(super::$name(&Place::sqlite())); })+
        }

        mod postgres {
            use super::*;
            $(#[test] $(#[$attribute])* fn $name() { crate::support::block_on(super::$name(&Place::postgres())); })+
        }
    };
}
pub(crate) use on_both;
