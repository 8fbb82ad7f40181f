//! The weekly pass: plans a week for those clients of a workspace that have no plan for it yet, and commits the plan.

use std::collections::BTreeSet;

use super::client_state::Counted;
use super::commit::{Commit, Committed};
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::values::values;
use super::week_over::refuse_if_week_is_over;
use crate::model::{ClientId, Decision, Plan, Scenario, Timestamp, Week, WorkspaceId};
use crate::planner::check::{Breach, check_plan};
use crate::planner::{Planner, decisions, plan_week};

/// The result of the weekly pass in one workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct WeeklyOutcome {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Number of clients that already had a plan for the week and were skipped.
    pub already_planned: usize,
    /// Number of clients that were planned.
    pub planned: usize,
    /// What was committed; `None` if no client was left to plan, or the plan did not pass the checker.
    pub committed: Option<Committed>,
    /// Breaches found by the checker; if there are any, nothing was committed.
    pub breaches: Vec<Breach>,
}

/// Observes a weekly pass and can stop it early.
pub trait Observer: Sync {
    /// Called before the rows are written, with their total number.
    fn begin_writing(&self, total_rows: usize);

    /// Called once for each row written.
    fn row_done(&self);

    /// Whether the pass should stop. Polled before the week is planned, and again before it is committed.
    fn should_stop(&self) -> bool;
}

/// An observer that ignores progress and never stops the pass.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn begin_writing(&self, _total_rows: usize) {}

    fn row_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
}

/// A workspace's week that is planned and not committed.
#[derive(Debug)]
pub struct PlannedWeek {
    outcome: WeeklyOutcome,
    scenario: Scenario,
    plan: Plan,
    /// Empty if the plan cannot be committed, because it is empty or did not pass the checker.
    decisions: Vec<Decision>,
}

impl PlannedWeek {
    fn can_be_committed(&self) -> bool {
        self.outcome.breaches.is_empty() && !self.plan.clients.is_empty()
    }
}

impl Ledger {
    /// Plans a week for one workspace and commits the plan. If the week has begun, only its hours after `now` are
    /// planned.
    ///
    /// # Errors
    /// If the workspace is unknown, the week is over, a rule or the database fails, the clients' state changes during
    /// every attempt to plan them, or the observer stops the pass.
    pub async fn weekly(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        actor: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<WeeklyOutcome, StoreError> {
        let planned = self.weekly_plan(planner, workspace, week, now, observer).await?;
        self.commit_weekly_plan(planner, planned, actor, now, observer).await
    }

    /// The first half of [`Ledger::weekly`]: plans a week for one workspace, and commits nothing.
    ///
    /// # Errors
    /// If the workspace is unknown, the week is over, a rule or the database fails, or the observer stops the pass.
    pub async fn weekly_plan(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<PlannedWeek, StoreError> {
        let planner = planner.starting_at(now);
        let planned = with_retries(|| self.planned_clients(workspace, week)).await?;
        let is_unplanned = |id: &ClientId| !planned.contains(id.as_str());
        let scenario = with_retries(|| self.scenario_of(workspace, week, is_unplanned, Counted::Live)).await?;
        refuse_if_week_is_over(&scenario, week, now)?;
        refuse_if_stopping(observer)?;
        let plan = plan_week(&planner, &scenario, week)?;
        let outcome = WeeklyOutcome {
            workspace_id: workspace.clone(),
            already_planned: planned.len(),
            planned: plan.clients.len(),
            committed: None,
            breaches: check_plan(&plan, &scenario, planner.rules()),
        };
        let mut planned = PlannedWeek { outcome, scenario, plan, decisions: Vec::new() };
        if planned.can_be_committed() {
            planned.decisions = decisions(&planned.plan);
        }
        Ok(planned)
    }

    /// The second half of [`Ledger::weekly`]: commits a workspace's week, unless it is empty or did not pass the
    /// checker. If the clients' state has changed since it was planned, it is planned again. The planner and `now` must
    /// be those of the first half.
    ///
    /// # Errors
    /// As [`Ledger::weekly`].
    pub async fn commit_weekly_plan(
        &self,
        planner: &Planner<'_>,
        mut planned: PlannedWeek,
        actor: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<WeeklyOutcome, StoreError> {
        let mut replans = 0;
        loop {
            refuse_if_stopping(observer)?;
            if !planned.can_be_committed() {
                return Ok(planned.outcome);
            }
            observer.begin_writing(planned.plan.posts().count() + planned.decisions.len());
            let commit = Commit {
                plan: &planned.plan,
                decisions: &planned.decisions,
                scenario: &planned.scenario,
                rules: planner.rules(),
                actor,
                now,
                counted: Counted::Live,
                progress: &|| observer.row_done(),
            };
            match self.commit(commit).await {
                Ok(committed) => return Ok(WeeklyOutcome { committed: Some(committed), ..planned.outcome }),
                // The clients' state changed concurrently while they were planned: plan again.
                Err(StoreError::StateChanged(_)) if replans < MAX_REPLANS => replans += 1,
                Err(error) => return Err(error),
            }
            let PlannedWeek { outcome, scenario, plan, decisions } = planned;
            let (workspace, week) = (outcome.workspace_id, plan.week);
            // The old plan is not kept in memory while the week is planned again.
            drop((scenario, plan, decisions));
            planned = self.weekly_plan(planner, &workspace, week, now, observer).await?;
        }
    }

    /// Ids of the clients that already have a plan for the week.
    async fn planned_clients(&self, workspace: &WorkspaceId, week: Week) -> Result<BTreeSet<String>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT DISTINCT client_id FROM plan_clients WHERE week = $1 AND workspace_id = $2";
        let clients: Vec<(String,)> = tx.all(sql, values![week.to_string(), workspace.as_str()]).await?;
        Ok(clients.into_iter().map(|(client,)| client).collect())
    }
}

/// Maximum number of times a week is planned again after concurrent changes.
pub(super) const MAX_REPLANS: u32 = 10;

fn refuse_if_stopping(observer: &dyn Observer) -> Result<(), StoreError> {
    if observer.should_stop() { Err(StoreError::Stopped) } else { Ok(()) }
}
