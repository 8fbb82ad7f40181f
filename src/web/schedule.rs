//! The passes that a server runs by itself, at times that the rules give.
//!
//! Each pass of each workspace has a key that says which it is, and the ledger lets a key be used once: of several
//! servers on one database one runs it, and another takes over where that server is stopped or lost.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{Datelike as _, Timelike as _};

use super::problem::Problem;
use super::secret::now;
use super::state::App;
use super::work::Work;
use crate::model::{Timestamp, Week, WorkspaceId};
use crate::rules::PassRules;
use crate::store::JobStatus;

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Who acts in a pass that no person asked for.
const ACTOR: &str = "schedule";

/// A pass that is due, and the key that stands for it.
#[derive(Debug, Clone, PartialEq)]
struct Due {
    key: String,
    work: Work,
}

/// How often a pass that failed is tried.
const TRIES: u32 = 3;

/// Passes that have run, so that the ledger is not asked again and again.
type Done = BTreeSet<(String, String)>;

/// Runs what is due until the server stops.
pub(super) async fn keep_time(app: App) {
    let mut stop = app.stop.subscribe();
    let mut done = Done::new();
    loop {
        if let Err(problem) = look(&app, &mut done).await {
            tracing::warn!(cause = problem.detail, "the passes that are due could not be begun");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stops| *stops) => return,
        }
    }
}

async fn look(app: &App, done: &mut Done) -> Result<(), Problem> {
    let due = due(&app.rules.base().calendar.passes, now());
    done.retain(|(_, key)| due.iter().any(|due| due.key == *key));
    for workspace in app.ledger.workspaces().await? {
        for due in &due {
            let pass = (workspace.to_string(), due.key.clone());
            if done.contains(&pass) {
                continue;
            }
            match run(app, &workspace, due).await {
                Ok(true) => done.insert(pass),
                // The next one begins when this one is done, since both move the clients' state.
                Ok(false) => break,
                Err(problem) => {
                    tracing::warn!(%workspace, key = due.key, cause = problem.detail, "a pass could not be begun");
                    break;
                }
            };
        }
    }
    Ok(())
}

/// Sees to it that a pass runs. Returns whether it has, or was tried often enough.
async fn run(app: &App, workspace: &WorkspaceId, due: &Due) -> Result<bool, Problem> {
    for number in 1..=TRIES {
        let key = if number == 1 { due.key.clone() } else { format!("{} try {number}", due.key) };
        let job = app.start_due(workspace, due.work.clone(), ACTOR, &key).await?;
        match job.status {
            JobStatus::Failed => {}
            // What somebody cancelled is not begun anew.
            JobStatus::Done | JobStatus::Cancelled => return Ok(true),
            JobStatus::Running | JobStatus::Stopped => return Ok(false),
        }
    }
    Ok(true)
}

/// The daily pass of this hour, and the planning of the coming week where its time has come.
fn due(rules: &PassRules, now: Timestamp) -> Vec<Due> {
    let local = rules.time_zone.wall_time(now);
    let every = local.hour() / u32::from(rules.daily_every_hours).max(1);
    let mut due = vec![Due { key: format!("daily {} {every}", local.date()), work: Work::Daily }];
    let hour_of_week = local.weekday().num_days_from_monday() * 24 + local.hour();
    let planned_from = u32::from(rules.weekly_day) * 24 + u32::from(rules.weekly_hour);
    if hour_of_week >= planned_from {
        let week = Week::of(local.date()).plus(1);
        due.push(Due { key: format!("weekly {week}"), work: Work::Weekly { week } });
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(zone: &str, now: &str) -> Vec<String> {
        let rules =
            PassRules { time_zone: zone.parse().unwrap(), daily_every_hours: 6, weekly_day: 3, weekly_hour: 14 };
        due(&rules, now.parse().unwrap()).into_iter().map(|due| due.key).collect()
    }

    #[test]
    fn a_pass_is_due_on_the_clock_of_the_rules() {
        assert_eq!(keys("UTC", "2026-11-26T13:59:59Z"), ["daily 2026-11-26 2"]);
        assert_eq!(keys("UTC", "2026-11-26T14:00:00Z"), ["daily 2026-11-26 2", "weekly 2026-W49"]);
        assert_eq!(keys("Asia/Tokyo", "2026-11-26T05:00:00Z"), ["daily 2026-11-26 2", "weekly 2026-W49"]);
        assert_eq!(keys("America/New_York", "2026-11-26T14:00:00Z"), ["daily 2026-11-26 1"]);
    }

    #[test]
    fn a_week_is_planned_late_where_nobody_planned_it_in_time_and_not_after_it_began() {
        assert_eq!(keys("UTC", "2026-11-29T23:00:00Z"), ["daily 2026-11-29 3", "weekly 2026-W49"]);
        assert_eq!(keys("UTC", "2026-11-30T00:00:00Z"), ["daily 2026-11-30 0"]);
    }
}
