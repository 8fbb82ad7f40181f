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

/// Watches a weekly pass and may end it early.
pub trait Observer: Sync {
    /// So many rows are about to be written.
    fn rows(&self, total: usize);

    /// One more is written.
    fn row_done(&self);

    /// Whether the pass should stop. It is asked before the week is planned, and before it is committed.
    fn should_stop(&self) -> bool;
}

/// Nobody watches, and nothing ends the pass early.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Observer for Unwatched {
    fn rows(&self, _total: usize) {}

    fn row_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

impl Ledger {
    /// Plans a week for one workspace and commits it.
    ///
    /// # Errors
    /// Where the workspace is not known, a rule or the database fails, somebody else changed the clients' state
    /// meanwhile, or the observer stops it.
    pub async fn weekly(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        actor: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<WeeklyOutcome, StoreError> {
        let planned = retried(|| self.planned(workspace, week)).await?;
        let is_open = |id: &str| !planned.contains(id);
        let scenario = retried(|| self.scenario_of(workspace, week, |id| is_open(id.as_str()))).await?;
        refuse_if_stopping(observer)?;
        let plan = plan_week(planner, &scenario, week)?;
        refuse_if_stopping(observer)?;
        let mut outcome = WeeklyOutcome {
            workspace_id: workspace.clone(),
            already_planned: planned.len(),
            planned: plan.clients.len(),
            committed: None,
            breaches: check_plan(&plan, &scenario, planner.rules()),
        };
        if outcome.breaches.is_empty() && !plan.clients.is_empty() {
            let record = decisions(&plan);
            observer.rows(plan.posts().count() + record.len());
            let commit = Commit {
                plan: &plan,
                decisions: &record,
                scenario: &scenario,
                rules: planner.rules(),
                actor,
                now,
                progress: &|| observer.row_done(),
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

fn refuse_if_stopping(observer: &dyn Observer) -> Result<(), StoreError> {
    if observer.should_stop() { Err(StoreError::Stopped) } else { Ok(()) }
}
