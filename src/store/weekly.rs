//! The weekly pass: plans a week for the clients of a workspace that have no plan for it, and commits it.

use std::collections::BTreeSet;

use super::commit::{Commit, Committed};
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::retried;
use super::standing::Counted;
use super::values::values;
use crate::model::{ClientId, Scenario, Timestamp, Week, WorkspaceId};
use crate::planner::check::{Breach, check_plan};
use crate::planner::{PlanError, Planner, decisions, plan_week};

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
    /// Plans a week for one workspace and commits it. Of a week that has begun, what is left after `now` is planned.
    ///
    /// # Errors
    /// Where the workspace is not known, the week is over, a rule or the database fails, the clients' state keeps
    /// changing meanwhile, or the observer stops it.
    pub async fn weekly(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        actor: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<WeeklyOutcome, StoreError> {
        let planner = planner.starting_at(now);
        let mut tries = 0;
        loop {
            match self.weekly_once(&planner, workspace, week, actor, now, observer).await {
                // Something else changed the clients' state while they were planned: plan around that.
                Err(StoreError::Moved(_)) if tries < MOST_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    async fn weekly_once(
        &self,
        planner: &Planner<'_>,
        workspace: &WorkspaceId,
        week: Week,
        actor: &str,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<WeeklyOutcome, StoreError> {
        let planned = retried(|| self.planned(workspace, week)).await?;
        let is_open = |id: &ClientId| !planned.contains(id.as_str());
        let scenario = retried(|| self.scenario_of(workspace, week, is_open, Counted::Live)).await?;
        refuse_if_over(&scenario, week, now)?;
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
                counted: Counted::Live,
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
        let clients: Vec<(String,)> = tx.all(sql, values![week.to_string(), workspace.as_str()]).await?;
        Ok(clients.into_iter().map(|(client,)| client).collect())
    }
}

/// How often a week is planned anew because something changed meanwhile.
const MOST_TRIES: u32 = 10;

/// Refuses a week of which nothing is left for any client of a scenario.
///
/// # Errors
/// Where the week is over for all of them, or at the edge of the calendar.
pub fn refuse_if_over(scenario: &Scenario, week: Week, now: Timestamp) -> Result<(), StoreError> {
    let ends = scenario.clients.iter().map(|(client, _)| client.zone.start_of_day(week.plus(1).monday()));
    let last = ends.collect::<Result<Vec<_>, _>>().map_err(PlanError::from)?.into_iter().max();
    if last.is_some_and(|end| end <= now) { Err(StoreError::WeekOver(week)) } else { Ok(()) }
}

fn refuse_if_stopping(observer: &dyn Observer) -> Result<(), StoreError> {
    if observer.should_stop() { Err(StoreError::Stopped) } else { Ok(()) }
}
