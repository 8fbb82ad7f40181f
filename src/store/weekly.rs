//! The weekly pass: plans a week for the clients of a workspace that have no plan for it, and commits it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::commit::{Commit, Committed};
use super::database::values;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::retried;
use crate::model::{Week, WorkspaceId};
use crate::planner::check::{Breach, check_plan};
use crate::planner::{Planner, decisions, plan_week};

/// What the weekly pass did in one workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct WeeklyOutcome {
    /// Which.
    pub workspace_id: WorkspaceId,
    /// Clients that had a plan for the week already, and were left alone.
    pub already_planned: usize,
    /// Clients that were planned now.
    pub planned: usize,
    /// What was committed; none where nobody was left to plan, or the checker objected.
    pub committed: Option<Committed>,
    /// What the checker found. Where it found anything, nothing was committed.
    pub breaches: Vec<Breach>,
}

impl Ledger {
    /// Plans a week for one workspace and commits it.
    ///
    /// # Errors
    /// Where the workspace is not known, a rule or the database fails, or somebody else changed the
    /// clients' state meanwhile.
    pub async fn weekly(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        actor: &str,
        now: Timestamp,
        progress: &(dyn Fn() + Sync),
    ) -> Result<WeeklyOutcome, StoreError> {
        let planned = retried(|| self.planned(workspace, week)).await?;
        let is_open = |id: &str| !planned.contains(id);
        let scenario = retried(|| self.scenario_of(workspace, week, |id| is_open(id.as_str()))).await?;
        let plan = plan_week(planner, &scenario, week)?;
        let mut outcome = WeeklyOutcome {
            workspace_id: workspace.clone(),
            already_planned: planned.len(),
            planned: plan.clients.len(),
            committed: None,
            breaches: check_plan(&plan, &scenario, planner.rules()),
        };
        if outcome.breaches.is_empty() && !plan.clients.is_empty() {
            let record = decisions(&plan);
            let commit = Commit {
                plan: &plan,
                decisions: &record,
                scenario: &scenario,
                rules: planner.rules(),
                actor,
                now,
                progress,
            };
            outcome.committed = Some(self.commit(commit).await?);
        }
        Ok(outcome)
    }

    /// Clients that have a plan for the week.
    async fn planned(&self, workspace: &WorkspaceId, week: Week) -> Result<BTreeSet<String>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT DISTINCT client_id FROM plan_clients WHERE week = $1 AND workspace_id = $2";
        let rows = tx.rows(sql, values![week.to_string(), workspace.as_str()]).await?;
        rows.iter().map(|row| row.text(0)).collect()
    }
}
