//! The ledger as its callers see it: opened once, shared by tasks.

use super::database::Database;
use super::error::StoreError;
use super::retry::retried;
use super::row::Text;
use super::url::DatabaseUrl;
use super::values::values;
use crate::model::WorkspaceId;

/// What a ledger is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// To be read: nothing is made, brought up to date or changed.
    Read,
    /// To be written, where there is one. An SQLite file is brought up to date.
    Write,
    /// To be written, and made where the SQLite file is not there or empty.
    Create,
}

/// A ledger on one database.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) database: Database,
    /// The one workspace that is seen through it; none for all.
    pub(super) fence: Option<WorkspaceId>,
}

impl Ledger {
    /// Opens a ledger to write. An SQLite file is made, and brought up to date, where need be; a PostgreSQL
    /// database must have been brought up to date by [`Ledger::migrate`].
    ///
    /// # Errors
    /// As [`Ledger::open_for`].
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_for(url, OpenMode::Create).await
    }

    /// Opens a ledger for what its mode says. Call [`Ledger::close`] when all is done.
    ///
    /// # Errors
    /// Where the database cannot be reached in time, is no ledger, or has a schema that is not this program's.
    pub async fn open_for(url: &DatabaseUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let may_migrate = mode != OpenMode::Read && matches!(url, DatabaseUrl::Sqlite { .. });
        retried(|| async {
            let database = Database::open(url, mode).await?;
            let made_ready = make_ready(&database, may_migrate).await;
            Ok(Self { database: closed_on_error(database, made_ready).await?.0, fence: None })
        })
        .await
    }

    /// Closes the database: what others keep of this ledger answers no more. An SQLite file then holds everything by
    /// itself.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Brings a database's schema up to date. Returns its version before, 0 where it had none, and now.
    ///
    /// # Errors
    /// Where the database cannot be reached in time, is another program's file, or is newer than this program.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(i64, i64), StoreError> {
        retried(|| async {
            let database = Database::open(url, OpenMode::Create).await?;
            let before = make_ready(&database, true).await;
            let (database, before) = closed_on_error(database, before).await?;
            database.close().await;
            Ok((before, Database::VERSION))
        })
        .await
    }

    /// Fails where the database cannot be written. It waits as long as another writer has it.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub async fn try_write(&self) -> Result<(), StoreError> {
        let mut tx = self.database.write().await?;
        tx.touch().await?;
        tx.commit().await
    }

    /// The same ledger with nothing but one workspace in sight. PostgreSQL enforces it by row-level
    /// security, under the role `mcoe_app`.
    #[must_use]
    pub fn within(&self, workspace: WorkspaceId) -> Self {
        Self { fence: Some(workspace), ..self.clone() }
    }

    /// Every workspace in sight, by id.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceId>, StoreError> {
        retried(|| async {
            let mut tx = self.read().await?;
            let sql = "SELECT workspace_id FROM workspaces WHERE $1 IS NULL OR workspace_id = $1 ORDER BY 1";
            let ids: Vec<(Text<WorkspaceId>,)> = tx.all(sql, values![self.fence()]).await?;
            Ok(ids.into_iter().map(|(Text(id),)| id).collect())
        })
        .await
    }

    /// The fence as a statement takes it.
    pub(super) fn fence(&self) -> Option<&str> {
        self.fence.as_ref().map(WorkspaceId::as_str)
    }

    pub(super) async fn read(&self) -> Result<super::database::Tx, StoreError> {
        let mut tx = self.database.read().await?;
        if let Some(workspace) = &self.fence {
            tx.fence(workspace).await?;
        }
        Ok(tx)
    }

    pub(super) async fn write(&self) -> Result<super::database::Tx, StoreError> {
        let mut tx = self.database.write().await?;
        if let Some(workspace) = &self.fence {
            tx.fence(workspace).await?;
        }
        Ok(tx)
    }
}

/// Makes sure that the schema is this program's. Returns the version that it had.
async fn make_ready(database: &Database, may_migrate: bool) -> Result<i64, StoreError> {
    let found = database.version().await?.unwrap_or(0);
    if found > Database::VERSION {
        return Err(StoreError::Newer { found, known: Database::VERSION });
    }
    if found < Database::VERSION {
        if !may_migrate {
            return Err(StoreError::NotMigrated { found, needed: Database::VERSION });
        }
        database.migrate().await?;
    }
    Ok(found)
}

async fn closed_on_error<T>(database: Database, outcome: Result<T, StoreError>) -> Result<(Database, T), StoreError> {
    match outcome {
        Ok(value) => Ok((database, value)),
        Err(error) => {
            database.close().await;
            Err(error)
        }
    }
}
