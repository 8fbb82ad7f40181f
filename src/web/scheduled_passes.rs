//! Runs the daily and weekly passes at the times that the rules give.
//!
//! Each pass of each workspace has an idempotency key, and the ledger starts one job per key. So of several servers on
//! one database, one runs the pass, and another takes over if that server stops or is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};

use super::clock::now;
use super::job_result::JobRequest;
use super::problem::Problem;
use super::state::App;
use crate::model::{Timestamp, Week, WorkspaceId};
use crate::rules::PassRules;
use crate::store::JobStatus;

/// How often the server checks for due passes.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Actor recorded for scheduled passes.
const ACTOR: &str = "schedule";

/// A pass that is due, with its idempotency key.
#[derive(Debug, Clone, PartialEq)]
struct DuePass {
    key: String,
    request: JobRequest,
}

/// Maximum number of attempts per pass.
const MAX_ATTEMPTS: u32 = 3;

/// Workspace and key of finished passes, so that the ledger is not queried for them again.
type FinishedPasses = BTreeSet<(String, String)>;

/// Runs due passes until the server stops.
pub(super) async fn run_scheduled_passes(app: App) {
    let mut stop = app.stop.subscribe();
    let mut finished = FinishedPasses::new();
    loop {
        if let Err(problem) = start_due_passes(&app, &mut finished).await {
            tracing::warn!(cause = problem.detail, "cannot start the due passes");
        }
        tokio::select! {
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => return,
        }
    }
}

async fn start_due_passes(app: &App, finished: &mut FinishedPasses) -> Result<(), Problem> {
    let due = due_passes(&app.rules.base().calendar.passes, now());
    finished.retain(|(_, key)| due.iter().any(|pass| pass.key == *key));
    for workspace in app.ledger.workspaces().await? {
        for pass in &due {
            let workspace_and_key = (workspace.to_string(), pass.key.clone());
            if finished.contains(&workspace_and_key) {
                continue;
            }
            match start_pass(app, &workspace, pass).await {
                Ok(true) => finished.insert(workspace_and_key),
                // The next pass starts after this one, because both change the state of the clients.
                Ok(false) => break,
                Err(problem) => {
                    tracing::warn!(%workspace, key = pass.key, cause = problem.detail, "cannot start a pass");
                    break;
                }
            };
        }
    }
    Ok(())
}

/// Starts a pass unless it is running or done. Returns whether it is done, cancelled, or out of attempts.
async fn start_pass(app: &App, workspace: &WorkspaceId, pass: &DuePass) -> Result<bool, Problem> {
    for attempt in 1..=MAX_ATTEMPTS {
        let key = if attempt == 1 { pass.key.clone() } else { format!("{} try {attempt}", pass.key) };
        let job = app.start_scheduled_pass(workspace, pass.request.clone(), ACTOR, &key).await?;
        match job.status {
            JobStatus::Failed => {}
            // A cancelled pass is not started again.
            JobStatus::Done | JobStatus::Cancelled => return Ok(true),
            JobStatus::Running | JobStatus::Stopped => return Ok(false),
        }
    }
    Ok(true)
}

/// The current daily pass, and the planning of the coming week once its time has come.
fn due_passes(rules: &PassRules, now: Timestamp) -> Vec<DuePass> {
    let local = rules.time_zone.wall_time(now);
    // `max` rules out a division by zero.
    let period = local.hour() / u32::from(rules.daily_every_hours).max(1);
    let mut due = vec![DuePass { key: format!("daily {} {period}", local.date()), request: JobRequest::Daily {} }];
    let hour_of_week = local.weekday().num_days_from_monday() * 24 + local.hour();
    let planned_from_hour = u32::from(rules.weekly_day) * 24 + u32::from(rules.weekly_hour);
    if hour_of_week >= planned_from_hour {
        let week = Week::of(local.date()).plus(1);
        due.push(DuePass { key: format!("weekly {week}"), request: JobRequest::Weekly { week } });
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(zone: &str, now: &str) -> Vec<String> {
        let rules =
            PassRules { time_zone: zone.parse().unwrap(), daily_every_hours: 6, weekly_day: 3, weekly_hour: 14 };
        due_passes(&rules, now.parse().unwrap()).into_iter().map(|pass| pass.key).collect()
    }

    #[test]
    fn passes_are_due_in_the_time_zone_of_the_rules() {
        assert_eq!(keys("UTC", "2026-11-26T13:59:59Z"), ["daily 2026-11-26 2"]);
        assert_eq!(keys("UTC", "2026-11-26T14:00:00Z"), ["daily 2026-11-26 2", "weekly 2026-W49"]);
        assert_eq!(keys("Asia/Tokyo", "2026-11-26T05:00:00Z"), ["daily 2026-11-26 2", "weekly 2026-W49"]);
        assert_eq!(keys("America/New_York", "2026-11-26T14:00:00Z"), ["daily 2026-11-26 1"]);
    }

    #[test]
    fn a_missed_weekly_pass_runs_late_but_not_after_its_week_has_begun() {
        assert_eq!(keys("UTC", "2026-11-29T23:00:00Z"), ["daily 2026-11-29 3", "weekly 2026-W49"]);
        assert_eq!(keys("UTC", "2026-11-30T00:00:00Z"), ["daily 2026-11-30 0"]);
    }
}
