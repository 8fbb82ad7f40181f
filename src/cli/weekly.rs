//! `mcoe weekly`: plans the coming week and commits it.

use std::sync::mpsc::{self, Receiver, SyncSender};

use clap::Args;
use serde_json::json;

use super::commit::summary_line;
use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, ThreadsArgument, input, print, progress};
use crate::model::{Tier, Timestamp, Week, WorkspaceId};
use crate::planner::Planner;
use crate::store::{OpenMode, PlannedWeek, WeeklyOutcome};

/// Maximum number of breaches that an error lists.
const MAX_LISTED_BREACHES: usize = 20;

/// Plan and commit the coming week from the ledger
///
/// Clients that already have a plan for the week are skipped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcoe weekly\n  mcoe weekly --workspace north --week 2026-W48")]
pub(super) struct Weekly {
    /// The workspace. Default: all.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// The week to plan. Default: the coming week.
    #[arg(long, value_name = "WEEK")]
    week: Option<Week>,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    actor: ActorArgument,
    #[command(flatten)]
    now: NowArgument,
    #[command(flatten)]
    threads: ThreadsArgument,
}

impl Weekly {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let now = self.now.time();
        let pass = Pass {
            database: &self.database,
            planner: Planner::new(&rules, Tier::Exact, None),
            week: self.week.unwrap_or_else(|| Week::after(now)),
            actor: self.actor.name(),
            now,
        };
        let workspaces = self.workspaces()?;
        let pool = self.threads.pool()?;
        // A workspace is planned while the one before it is committed.
        let (sender, planned) = mpsc::sync_channel(0);
        let outcomes = pool.in_place_scope(|scope| {
            scope.spawn(|_| pass.plan(&workspaces, sender));
            pass.commit(planned, workspaces.len(), globals)
        })?;
        self.print_result(globals, pass.week, &outcomes)
    }

    /// The workspaces to plan. The ledger is migrated first if it needs it.
    fn workspaces(&self) -> Result<Vec<WorkspaceId>, Failure> {
        let workspaces = self.database.with(OpenMode::Write, |ledger| async move {
            Ok(match &self.workspace {
                Some(workspace) => vec![WorkspaceId::new(workspace.as_str())],
                None => ledger.workspaces().await?,
            })
        })?;
        if workspaces.is_empty() {
            let remedy = "load a scenario first: `mcoe db load SCENARIO`";
            return Err(Failure::input("the ledger is empty", remedy));
        }
        Ok(workspaces)
    }

    fn print_result(&self, globals: &Globals, week: Week, outcomes: &[WeeklyOutcome]) -> Result<(), Failure> {
        if globals.format == Format::Json {
            let workspaces: Vec<_> = outcomes
                .iter()
                .map(|outcome| {
                    json!({
                        "workspace_id": outcome.workspace_id,
                        "already_planned": outcome.already_planned,
                        "planned": outcome.planned,
                        "committed": outcome.committed,
                        "breaches": outcome.breaches.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    })
                })
                .collect();
            print(&format!("{}\n", json!({"week": week, "workspaces": workspaces})))?;
        } else {
            let text: String = outcomes.iter().map(|outcome| as_text(week, outcome)).collect();
            print(&text)?;
        }
        let breaches: Vec<String> = outcomes
            .iter()
            .flat_map(|outcome| &outcome.breaches)
            .take(MAX_LISTED_BREACHES)
            .map(|breach| format!("  {breach}"))
            .collect();
        if breaches.is_empty() {
            return Ok(());
        }
        Err(Failure::Negative(format!(
            "error: the plan failed its check and was not committed:\n{}",
            breaches.join("\n")
        )))
    }
}

/// What planning and committing the workspaces have in common.
struct Pass<'p> {
    database: &'p DatabaseArgument,
    planner: Planner<'p>,
    week: Week,
    actor: String,
    now: Timestamp,
}

impl Pass<'_> {
    /// Plans the workspaces one by one. Hands over each, and waits until it is taken; stops at the first failure, and
    /// once nobody takes them any more.
    fn plan(&self, workspaces: &[WorkspaceId], planned: SyncSender<Result<PlannedWeek, Failure>>) {
        let to_hand_over = &planned;
        let planning = self.database.with(OpenMode::Read, |ledger| async move {
            for workspace in workspaces {
                let observer = &progress::Interruptible;
                let week = ledger.weekly_plan(&self.planner, workspace, self.week, self.now, observer).await?;
                if to_hand_over.send(Ok(week)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(failure) = planning {
            // Nobody takes it only if committing has failed before.
            let _ = planned.send(Err(failure));
        }
    }

    /// Commits the planned workspaces.
    fn commit(
        &self,
        planned: Receiver<Result<PlannedWeek, Failure>>,
        workspaces: usize,
        globals: &Globals,
    ) -> Result<Vec<WeeklyOutcome>, Failure> {
        self.database.with(OpenMode::Write, |ledger| async move {
            let bar = progress::Progress::new(globals, workspaces as u64, "planning workspaces");
            let mut outcomes = Vec::new();
            for week in planned {
                progress::stop_if_requested()?;
                let observer = &progress::Interruptible;
                let committing = ledger.commit_weekly_plan(&self.planner, week?, &self.actor, self.now, observer);
                outcomes.push(committing.await?);
                bar.step();
                let finished = outcomes.len();
                progress::set_saved_work(format!(
                    "the plans of {finished} workspaces are committed; run the command again for the others"
                ));
            }
            Ok(outcomes)
        })
    }
}

/// Describes the outcome of one workspace in one or two lines.
fn as_text(week: Week, outcome: &WeeklyOutcome) -> String {
    let already_planned = match outcome.already_planned {
        0 => String::new(),
        count => format!(", {count} skipped because they already have a plan"),
    };
    let head = format!("{} {week}: {} clients planned{already_planned}\n", outcome.workspace_id, outcome.planned);
    match &outcome.committed {
        Some(committed) => format!("{head}  {}", summary_line(committed)),
        None => head,
    }
}
