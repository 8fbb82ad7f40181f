//! What posts earned, from the histories of loaded scenarios. Planning and simulation do not use it; calibrations and
//! backtests do.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::records::{RecordRow, column_list};
use super::retry::with_retries;
use super::values::values;
use crate::model::{Channel, ClientId, HistoryRow, Timestamp, WorkspaceId, record};

record! {
    /// A row of `measured_posts`.
    struct MeasuredPostRow {
        /// The client that posted.
        pub client_id: ClientId,
        /// The channel.
        pub channel: Channel,
        /// When it was published.
        pub published_at: Timestamp,
        /// 0-based position among the posts of the channel at that instant.
        pub position: u32,
        /// The client's workspace.
        pub workspace_id: WorkspaceId,
        /// Content type; `None` if unknown.
        pub content_type: Option<Arc<str>>,
        /// People reached; `None` if not measured.
        pub reach: Option<f64>,
        /// Number of engagements.
        pub engagements: f64,
    }
}

impl From<MeasuredPostRow> for HistoryRow {
    fn from(row: MeasuredPostRow) -> Self {
        let MeasuredPostRow { client_id, channel, published_at, content_type, reach, engagements, .. } = row;
        Self {
            client_id,
            channel,
            published_at,
            asset_id: None,
            content_type,
            reach,
            engagements: Some(engagements),
            needs_review: false,
        }
    }
}

impl Ledger {
    /// The measured posts of a workspace, as rows of a scenario's table `history` without their assets: by client,
    /// channel and time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn measured_posts(&self, workspace: &WorkspaceId) -> Result<Vec<HistoryRow>, StoreError> {
        let sql = format!(
            "SELECT {} FROM measured_posts WHERE workspace_id = $1 \
             ORDER BY client_id, channel, published_at, position",
            column_list::<MeasuredPostRow>()
        );
        with_retries(|| async {
            let mut tx = self.read().await?;
            let rows: Vec<RecordRow<MeasuredPostRow>> = tx.all(&sql, values![workspace.as_str()]).await?;
            Ok(rows.into_iter().map(|RecordRow(row)| row.into()).collect())
        })
        .await
    }
}

/// Upserts the measured posts among the rows of a scenario's history. `workspaces` holds the workspace of each client.
/// Returns their number.
pub(super) async fn write_measured_posts(
    tx: &mut Tx,
    workspaces: &BTreeMap<&str, &WorkspaceId>,
    history: &[HistoryRow],
) -> Result<usize, StoreError> {
    let mut posts_at_instant: BTreeMap<(&str, Channel, Timestamp), u32> = BTreeMap::new();
    let measured = |post: &HistoryRow| Some((*workspaces.get(post.client_id.as_str())?, post.engagements?));
    let mut rows = Vec::new();
    for post in history {
        let Some((workspace_id, engagements)) = measured(post) else { continue };
        let next = posts_at_instant.entry((post.client_id.as_str(), post.channel, post.published_at)).or_default();
        let position = *next;
        *next += 1;
        rows.push(MeasuredPostRow {
            client_id: post.client_id.clone(),
            channel: post.channel,
            published_at: post.published_at,
            position,
            workspace_id: workspace_id.clone(),
            content_type: post.content_type.clone(),
            reach: post.reach,
            engagements,
        });
    }
    let count = rows.len();
    let key = "client_id, channel, published_at, position";
    tx.upsert_records("measured_posts", key, &["workspace_id"], rows).await?;
    Ok(count)
}
