//! The ledger's handle: opened once, cloned and shared by tasks.

use super::database::Database;
use super::error::StoreError;
use super::open_mode::OpenMode;
use super::retry::with_retries;
use super::row::Text;
use super::url::DatabaseUrl;
use super::values::values;
use crate::model::WorkspaceId;

/// A handle to a ledger in one database, optionally scoped to one workspace.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) database: Database,
    /// The workspace it is scoped to; `None` for all.
    pub(super) scope: Option<WorkspaceId>,
}

impl Ledger {
    /// Opens a ledger for writing. An SQLite file is created and migrated as needed; a PostgreSQL database must have
    /// been migrated by [`Ledger::migrate`].
    ///
    /// # Errors
    /// As [`Ledger::open_for`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_for(url, OpenMode::Create).await
    }

    /// Opens a ledger in the given mode. Call [`Ledger::close`] when done.
    ///
    /// # Errors
    /// If the database cannot be reached in time, is not a ledger, or has another schema version than this program.
    pub async fn open_for(url: &DatabaseUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let may_migrate = mode != OpenMode::Read && matches!(url, DatabaseUrl::Sqlite { .. });
        with_retries(|| async {
            let database = Database::open(url, mode).await?;
            let ensured = ensure_schema(&database, may_migrate).await;
            Ok(Self { database: close_on_error(database, ensured).await?.0, scope: None })
        })
        .await
    }

    /// Closes the database for all clones of this handle. An SQLite file then holds all data without its write-ahead
    /// log.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Migrates a database's schema. Returns its version before the migration, 0 if it had none, and after it.
    ///
    /// # Errors
    /// If the database cannot be reached in time, is another program's file, or is newer than this program.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(i64, i64), StoreError> {
        with_retries(|| async {
            let database = Database::open(url, OpenMode::Create).await?;
            let before = ensure_schema(&database, true).await;
            let (database, before) = close_on_error(database, before).await?;
            database.close().await;
            Ok((before, Database::newest_version()))
        })
        .await
    }

    /// Checks that the database can be written to. Waits while another writer holds it.
    ///
    /// # Errors
    /// If the database cannot be written to.
    pub async fn try_write(&self) -> Result<(), StoreError> {
        let mut tx = self.database.write().await?;
        tx.touch().await?;
        tx.commit().await
    }

    /// The same ledger, scoped to one workspace. PostgreSQL enforces this by row-level security, under the role
    /// `mcoe_app`.
    #[must_use]
    pub fn scoped_to(&self, workspace: WorkspaceId) -> Self {
        Self { scope: Some(workspace), ..self.clone() }
    }

    /// Every workspace in scope, ordered by id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceId>, StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            let sql = "SELECT workspace_id FROM workspaces WHERE $1 IS NULL OR workspace_id = $1 ORDER BY 1";
            let ids: Vec<(Text<WorkspaceId>,)> = tx.all(sql, values![self.scope()]).await?;
            Ok(ids.into_iter().map(|(Text(id),)| id).collect())
        })
        .await
    }

    /// The workspace in scope, as a bind value; `None` for all.
    pub(super) fn scope(&self) -> Option<&str> {
        self.scope.as_ref().map(WorkspaceId::as_str)
    }

    pub(super) async fn read(&self) -> Result<super::database::Tx, StoreError> {
        let mut tx = self.database.read().await?;
        if let Some(workspace) = &self.scope {
            tx.restrict_to(workspace).await?;
        }
        Ok(tx)
    }

    pub(super) async fn write(&self) -> Result<super::database::Tx, StoreError> {
        let mut tx = self.database.write().await?;
        if let Some(workspace) = &self.scope {
            tx.restrict_to(workspace).await?;
        }
        Ok(tx)
    }
}

/// Ensures that the schema has this program's version, migrating it if allowed. Returns the version it had before.
async fn ensure_schema(database: &Database, may_migrate: bool) -> Result<i64, StoreError> {
    let found = database.version().await?.unwrap_or(0);
    if found > Database::newest_version() {
        return Err(StoreError::Newer { found, known: Database::newest_version() });
    }
    if found < Database::newest_version() {
        if !may_migrate {
            return Err(StoreError::NotMigrated { found, needed: Database::newest_version() });
        }
        database.migrate().await?;
    }
    Ok(found)
}

/// Passes an outcome on with its database, which is closed if the outcome is an error.
async fn close_on_error<T>(database: Database, outcome: Result<T, StoreError>) -> Result<(Database, T), StoreError> {
    match outcome {
        Ok(value) => Ok((database, value)),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}
