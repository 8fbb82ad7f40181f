//! Access control: tokens, and the sessions opened with them.
//!
//! The ledger stores only hashes of tokens and session cookies, never the secrets.

use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::row::{Id, Instant, Name, Text, from_row};
use super::values::values;
use crate::model::{Role, Timestamp, WorkspaceId};

/// A token to create.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// A random id.
    pub id: Uuid,
    /// The workspace it gives access to.
    pub workspace: &'a WorkspaceId,
    /// The actor recorded with every change made with it; unique among the workspace's active tokens.
    pub name: &'a str,
    /// What it permits.
    pub role: Role,
    /// BLAKE3 of the secret, in hex.
    pub hash: &'a str,
    /// When it is created.
    pub now: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

from_row! {
    /// A token stored in the ledger.
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Token {
        /// The token's id.
        pub id: Uuid as Id,
        /// The workspace it gives access to.
        pub workspace_id: WorkspaceId as Text<WorkspaceId>,
        /// The actor recorded with every change made with it.
        pub name: String,
        /// What it permits.
        pub role: Role as Name<Role>,
        /// When it was created.
        pub created_at: Timestamp as Instant,
        /// When it expires.
        pub expires_at: Timestamp as Instant,
        /// When it was revoked; `None` if it was not.
        pub revoked_at: Option<Timestamp> as Option<Instant>,
    }
}

const COLUMNS: &str = "tokens.id, tokens.workspace_id, tokens.name, tokens.role, tokens.created_at, \
                       tokens.expires_at, tokens.revoked_at";

impl Token {
    /// Whether it is active: neither revoked nor expired.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

impl Ledger {
    /// Creates a token.
    ///
    /// # Errors
    /// If the workspace is unknown, an active token already has the name, or the database fails.
    pub async fn create_token(&self, token: &NewToken<'_>) -> Result<(), StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            self.require_workspace(&mut tx, token.workspace).await?;
            let same_name =
                "SELECT expires_at FROM tokens WHERE workspace_id = $1 AND name = $2 AND revoked_at IS NULL";
            let workspace = token.workspace.as_str();
            let expiries: Vec<(Instant,)> = tx.all(same_name, values![workspace, token.name]).await?;
            if expiries.iter().any(|(Instant(expires_at),)| token.now < *expires_at) {
                return Err(StoreError::TokenNameTaken(token.name.to_owned()));
            }
            // The name of an expired token may be used again.
            let retire = "UPDATE tokens SET revoked_at = $3 \
                          WHERE workspace_id = $1 AND name = $2 AND revoked_at IS NULL";
            tx.run(retire, values![workspace, token.name, token.now]).await?;
            let sql = "INSERT INTO tokens (id, workspace_id, name, role, hash, created_at, expires_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let row =
                values![token.id, workspace, token.name, token.role.name(), token.hash, token.now, token.expires_at];
            tx.run(sql, row).await?;
            tx.commit().await
        })
        .await
    }

    /// Every token in scope, revoked and expired ones included, ordered by workspace and name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tokens WHERE $1 IS NULL OR workspace_id = $1 \
             ORDER BY workspace_id, name, created_at"
        );
        with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values![self.scope()]).await
        })
        .await
    }

    /// Revokes a token and ends every session opened with it. Returns the token as it was before.
    ///
    /// # Errors
    /// If no token has the id, or the database fails.
    pub async fn revoke_token(&self, id: Uuid, now: Timestamp) -> Result<Token, StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id = $1");
            let token = tx.optional(&sql, values![id]).await?.ok_or(StoreError::UnknownToken(id))?;
            let revoke = "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
            tx.run(revoke, values![id, now]).await?;
            tx.run("DELETE FROM sessions WHERE token_id = $1", values![id]).await?;
            tx.commit().await?;
            Ok(token)
        })
        .await
    }

    /// Whether any token was ever created. If not, callers cannot be authenticated.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_tokens(&self) -> Result<bool, StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            tx.scalar("SELECT EXISTS (SELECT 1 FROM tokens)", values![]).await
        })
        .await
    }

    /// The active token whose secret has the given hash; `None` if there is none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn token_by_hash(&self, hash: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = $1");
        let token: Option<Token> = with_retries(|| async {
            let mut tx = self.read().await?;
            tx.optional(&sql, values![hash]).await
        })
        .await?;
        Ok(token.filter(|token| token.is_active(now)))
    }

    /// The active token of the unexpired session whose cookie has the given hash; `None` if there is none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn token_by_session_hash(&self, hash: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions JOIN tokens ON tokens.id = sessions.token_id \
             WHERE sessions.hash = $1 AND sessions.expires_at > $2"
        );
        let token: Option<Token> = with_retries(|| async {
            let mut tx = self.read().await?;
            tx.optional(&sql, values![hash, now]).await
        })
        .await?;
        Ok(token.filter(|token| token.is_active(now)))
    }

    /// Opens a session whose cookie has the given hash. Deletes expired sessions.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn open_session(
        &self,
        token: &Token,
        hash: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            tx.run("DELETE FROM sessions WHERE expires_at <= $1", values![now]).await?;
            let sql = "INSERT INTO sessions (hash, token_id, workspace_id, expires_at) \
                       VALUES ($1, $2, $3, $4)";
            tx.run(sql, values![hash, token.id, token.workspace_id.as_str(), expires_at]).await?;
            tx.commit().await
        })
        .await
    }

    /// Ends the session whose cookie has the given hash.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn close_session(&self, hash: &str) -> Result<(), StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            tx.run("DELETE FROM sessions WHERE hash = $1", values![hash]).await?;
            tx.commit().await
        })
        .await
    }

    /// Fails if a workspace does not exist or is out of scope.
    pub(super) async fn require_workspace(&self, tx: &mut Tx, workspace: &WorkspaceId) -> Result<(), StoreError> {
        let sql = "SELECT 1 FROM workspaces WHERE workspace_id = $1";
        let is_known = tx.exists(sql, values![workspace.as_str()]).await?;
        if is_known { Ok(()) } else { Err(StoreError::UnknownWorkspace(workspace.to_string())) }
    }
}
