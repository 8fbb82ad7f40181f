//! The ledger as its callers see it: opened once, shared by tasks.

use jiff::Timestamp;

use super::database::{Database, values};
use super::error::StoreError;
use super::retry::retried;
use super::url::DatabaseUrl;
use crate::model::WorkspaceId;

/// A ledger on one database.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) database: Database,
    /// The one workspace that is seen through it; none for all.
    pub(super) fence: Option<WorkspaceId>,
}

impl Ledger {
    /// Opens a ledger. An SQLite file is made, and brought up to date, where need be; a PostgreSQL
    /// database must have been brought up to date by [`Ledger::migrate`].
    ///
    /// # Errors
    /// Where the database cannot be reached, or its schema is not this program's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let database = retried(|| Database::connect(url)).await?;
        let found = retried(|| database.version()).await?.unwrap_or(0);
        let is_own_file = matches!(url, DatabaseUrl::Sqlite { read_only: false, .. });
        if found > Database::VERSION {
            return Err(StoreError::Newer { found, known: Database::VERSION });
        }
        if found < Database::VERSION {
            if !is_own_file {
                return Err(StoreError::NotMigrated { found, needed: Database::VERSION });
            }
            database.migrate().await?;
        }
        Ok(Self { database, fence: None })
    }

    /// Brings a database's schema up to date. Returns its version before, 0 where it had none, and now.
    ///
    /// # Errors
    /// Where the database cannot be reached, or is newer than this program.
    pub async fn migrate(url: &DatabaseUrl) -> Result<(i64, i64), StoreError> {
        let database = retried(|| Database::connect(url)).await?;
        let before = database.version().await?.unwrap_or(0);
        database.migrate().await?;
        Ok((before, Database::VERSION))
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
        let mut tx = self.read().await?;
        let sql = "SELECT workspace_id FROM workspaces WHERE $1::text IS NULL OR workspace_id = $1 ORDER BY 1";
        let rows = tx.rows(sql, values![self.fence()]).await?;
        rows.iter().map(|row| Ok(WorkspaceId::new(row.text(0)?))).collect()
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

/// A time as the ledger keeps it: in whole seconds.
#[must_use]
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
