//! The estimates of how a client's audience responds to posts.

use super::error::StoreError;
use super::ledger::Ledger;
use super::records::{RecordRow, column_list};
use super::retry::with_retries;
use super::values::values;
use crate::model::{WorldEstimate, WorldRow};

impl Ledger {
    /// A client's estimates, by channel and parameter; empty if there are none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn estimates(&self, client: &str) -> Result<Vec<WorldEstimate>, StoreError> {
        let columns = column_list::<WorldRow>();
        let sql =
            format!("SELECT {columns} FROM world_estimates WHERE client_id = $2 AND ($1 IS NULL OR workspace_id = $1)");
        let values = values![self.scope(), client];
        let rows: Vec<RecordRow<WorldRow>> = with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values.clone()).await
        })
        .await?;
        let mut estimates: Vec<WorldEstimate> =
            rows.into_iter().map(|RecordRow(row)| WorldEstimate::from(row)).collect();
        estimates.sort_by(|a, b| (a.channel, &a.parameter).cmp(&(b.channel, &b.parameter)));
        Ok(estimates)
    }
}
