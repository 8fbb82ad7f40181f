//! Who may come in: tokens, and the sessions that are opened with them.
//!
//! Of a token or a cookie the ledger knows a hash, from which the secret cannot be found again.

use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::retried;
use super::row::{Id, Instant, Name, Text, from_row};
use super::values::values;
use crate::model::{Role, Timestamp, WorkspaceId};

/// A token that is to be made.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// A random id.
    pub id: Uuid,
    /// The workspace it opens.
    pub workspace: &'a WorkspaceId,
    /// The actor of every change made with it; no other living token of the workspace has it.
    pub name: &'a str,
    /// What may be done with it.
    pub role: Role,
    /// BLAKE3 of the secret, in hex.
    pub hash: &'a str,
    /// When it is made.
    pub now: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

/// A token as the ledger knows it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Token {
    /// Which.
    pub id: Uuid,
    /// The workspace it opens.
    pub workspace_id: WorkspaceId,
    /// The actor of every change made with it.
    pub name: String,
    /// What may be done with it.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "tokens.id, tokens.workspace_id, tokens.name, tokens.role, tokens.created_at, \
                       tokens.expires_at, tokens.revoked_at";

from_row!(Token {
    id: Id,
    workspace_id: Text<WorkspaceId>,
    name: String,
    role: Name<Role>,
    created_at: Instant,
    expires_at: Instant,
    revoked_at: Option<Instant>,
});

impl Token {
    /// Whether it opens anything.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

impl Ledger {
    /// Makes a token.
    ///
    /// # Errors
    /// Where the workspace is not known, a living token has the name, or the database fails.
    pub async fn create_token(&self, token: &NewToken<'_>) -> Result<(), StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            self.refuse_unknown(&mut tx, token.workspace).await?;
            let same = "SELECT expires_at FROM tokens WHERE workspace_id = $1 AND name = $2 AND revoked_at IS NULL";
            let workspace = token.workspace.as_str();
            let ends: Vec<(Instant,)> = tx.all(same, values![workspace, token.name]).await?;
            if ends.iter().any(|(Instant(end),)| token.now < *end) {
                return Err(StoreError::TokenNameTaken(token.name.to_owned()));
            }
            // One that has run out gives its name away.
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

    /// Every token in sight, by workspace and name, those that open nothing any more among them.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM tokens WHERE $1 IS NULL OR workspace_id = $1 \
             ORDER BY workspace_id, name, created_at"
        );
        retried(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values![self.fence()]).await
        })
        .await
    }

    /// Takes a token back, and every session that was opened with it. Returns it as it was.
    ///
    /// # Errors
    /// Where no token has the id or the database fails.
    pub async fn revoke_token(&self, id: Uuid, now: Timestamp) -> Result<Token, StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            let sql = format!("SELECT {COLUMNS} FROM tokens WHERE id = $1");
            let token = tx.maybe(&sql, values![id]).await?.ok_or(StoreError::UnknownToken(id))?;
            let revoke = "UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
            tx.run(revoke, values![id, now]).await?;
            tx.run("DELETE FROM sessions WHERE token_id = $1", values![id]).await?;
            tx.commit().await?;
            Ok(token)
        })
        .await
    }

    /// Whether a token was ever made. Where none was, nobody can be told apart.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn has_tokens(&self) -> Result<bool, StoreError> {
        retried(|| async {
            let mut tx = self.read().await?;
            tx.scalar("SELECT EXISTS (SELECT 1 FROM tokens)", values![]).await
        })
        .await
    }

    /// The living token whose secret has a hash.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn token_of(&self, hash: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM tokens WHERE hash = $1");
        let mut tx = self.read().await?;
        let token: Option<Token> = tx.maybe(&sql, values![hash]).await?;
        Ok(token.filter(|token| token.is_live(now)))
    }

    /// The living token that a living session was opened with.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn session_of(&self, hash: &str, now: Timestamp) -> Result<Option<Token>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sessions JOIN tokens ON tokens.id = sessions.token_id \
             WHERE sessions.hash = $1 AND sessions.expires_at > $2"
        );
        let mut tx = self.read().await?;
        let token: Option<Token> = tx.maybe(&sql, values![hash, now]).await?;
        Ok(token.filter(|token| token.is_live(now)))
    }

    /// Opens a session, and forgets those that have ended.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn open_session(
        &self,
        token: &Token,
        hash: &str,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            tx.run("DELETE FROM sessions WHERE expires_at <= $1", values![now]).await?;
            let sql = "INSERT INTO sessions (hash, token_id, workspace_id, expires_at) \
                       VALUES ($1, $2, $3, $4)";
            tx.run(sql, values![hash, token.id, token.workspace_id.as_str(), expires_at]).await?;
            tx.commit().await
        })
        .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn close_session(&self, hash: &str) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.run("DELETE FROM sessions WHERE hash = $1", values![hash]).await?;
        tx.commit().await
    }

    /// Fails where a workspace is not in sight.
    pub(super) async fn refuse_unknown(&self, tx: &mut Tx, workspace: &WorkspaceId) -> Result<(), StoreError> {
        let sql = "SELECT 1 FROM workspaces WHERE workspace_id = $1";
        let is_known = tx.any(sql, values![workspace.as_str()]).await?;
        if is_known { Ok(()) } else { Err(StoreError::UnknownWorkspace(workspace.to_string())) }
    }
}
