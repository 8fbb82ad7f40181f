//! Daily history of channel health.

use chrono::NaiveDate;
use serde::Serialize;

use super::bulk_insert::upsert;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::row::{Name, Whole, from_row};
use crate::model::{Channel, Timestamp, WorkspaceId};
use crate::rules::FatigueRules;

from_row! {
    /// A channel's health after a day's last daily pass: means over the workspace's clients, each in `0..=1`.
    #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
    pub struct HealthDay {
        /// The channel.
        pub channel: Channel as Name<Channel>,
        /// The day, UTC.
        pub day: NaiveDate as Name<NaiveDate>,
        /// Number of clients that post on it.
        pub clients: u32 as Whole<u32>,
        /// Mean health score.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub health_score: f64,
        /// Mean fatigue.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub fatigue: f64,
        /// Mean momentum.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub momentum: f64,
        /// Mean visibility.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub visibility: f64,
        /// Mean engagement.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub engagement: f64,
    }
}

impl Ledger {
    /// Channel health since a day (inclusive), ordered by channel and day.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn health_history(&self, since: NaiveDate) -> Result<Vec<HealthDay>, StoreError> {
        let mut conditions = self.conditions();
        conditions.add("day >= ?", since.to_string());
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT channel, day, clients, health_score, fatigue, momentum, visibility, engagement \
             FROM channel_health WHERE {conditions} ORDER BY channel, day"
        );
        with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values.clone()).await
        })
        .await
    }

    /// Records today's channel health of a workspace, replacing an earlier record of the same day.
    pub(super) async fn record_health(
        &self,
        workspace: &WorkspaceId,
        rules: &FatigueRules,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (_, channels) = self.scoped_to(workspace.clone()).status(rules, now).await?;
        let day = now.date().to_string();
        let mut tx = self.write().await?;
        upsert!(tx, "channel_health", key = "workspace_id, channel, day", unchanged = &[], &channels, |status| {
            workspace_id: workspace.as_str(),
            channel: status.channel.name(),
            day: day.as_str(),
            clients: status.clients,
            health_score: status.health_score,
            fatigue: status.fatigue,
            momentum: status.momentum,
            visibility: status.visibility,
            engagement: status.engagement,
        })
        .await?;
        tx.commit().await
    }
}
