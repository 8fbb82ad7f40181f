//! One workspace's daily pass: the data and functions that its steps share.

use std::collections::BTreeMap;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::schedule::{COLUMNS, Schedule};
use super::values::{Value, values};
use crate::model::{Timestamp, WorkspaceId, Zone};
use crate::planner::Planner;
use crate::rules::{ClientRules, DraftRules};

/// Each client's rules and time zone, by client id.
pub(super) type RulesByClient<'c> = BTreeMap<&'c str, (ClientRules, Zone)>;

/// One workspace's daily pass.
pub(super) struct Pass<'p> {
    pub ledger: &'p Ledger,
    pub planner: &'p Planner<'p>,
    pub workspace: &'p WorkspaceId,
    pub now: Timestamp,
}

/// Maximum number of schedules processed in one transaction.
pub(super) const BATCH: u32 = 500;

/// The actor recorded for the daily pass.
pub(super) const ACTOR: &str = "daily_pass";

impl Pass<'_> {
    pub(super) fn draft_rules(&self) -> DraftRules {
        self.planner.rules().base().calendar.drafts
    }

    /// The earliest scheduled time for which a draft may still be made.
    pub(super) fn earliest_draftable(&self) -> Timestamp {
        let late_seconds = self.draft_rules().late_hours * 3600.0;
        self.now.plus_seconds(-(late_seconds as i64))
    }

    /// Locks and returns the workspace's schedules that meet a condition; those that another pass has locked are
    /// skipped. In the condition `$1` is the workspace.
    pub(super) async fn lock_schedules(
        &self,
        tx: &mut Tx,
        condition: &str,
        extra_values: Vec<Value>,
    ) -> Result<Vec<Schedule>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_orchestration_schedules WHERE workspace_id = $1 AND {condition} \
             ORDER BY scheduled_for, id LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
        );
        let mut values = values![self.workspace.as_str()];
        values.extend(extra_values);
        tx.all(&sql, values).await
    }

    pub(super) async fn write(&self) -> Result<Tx, StoreError> {
        self.ledger.write().await
    }
}
