//! `mcoe weekly`: plans the coming week and commits it.

use clap::Args;
use serde_json::json;

use super::commit::summary_line;
use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, ThreadsArgument, input, print, progress};
use crate::model::{Tier, Week, WorkspaceId};
use crate::planner::Planner;
use crate::store::{OpenMode, WeeklyOutcome};

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
        let week = self.week.unwrap_or_else(|| Week::after(now));
        let planner = Planner::new(&rules, Tier::Exact, None);
        let actor = self.actor.name();
        let outcomes = self.threads.run(|| {
            self.database.with(OpenMode::Write, |ledger| async move {
                let workspaces = match &self.workspace {
                    Some(workspace) => vec![WorkspaceId::new(workspace.as_str())],
                    None => ledger.workspaces().await?,
                };
                if workspaces.is_empty() {
                    let remedy = "load a scenario first: `mcoe db load SCENARIO`";
                    return Err(Failure::input("the ledger is empty", remedy));
                }
                let bar = progress::Progress::new(globals, workspaces.len() as u64, "planning workspaces");
                let mut outcomes = Vec::new();
                for workspace in workspaces {
                    progress::stop_if_requested()?;
                    outcomes
                        .push(ledger.weekly(&planner, &workspace, week, &actor, now, &progress::Interruptible).await?);
                    bar.step();
                    let finished = outcomes.len();
                    progress::set_saved_work(format!(
                        "the plans of {finished} workspaces are committed; run the command again for the others"
                    ));
                }
                Ok(outcomes)
            })
        })?;
        self.print_result(globals, week, &outcomes)
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
