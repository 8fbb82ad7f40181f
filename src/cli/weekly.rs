//! `mcoe weekly`: plans the coming week and commits it.

use clap::Args;
use serde_json::json;

use super::commit::line;
use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::{Format, Globals, RulesArgument, ThreadsArgument, input, print, progress};
use crate::model::{Tier, Week, WorkspaceId};
use crate::planner::Planner;
use crate::store::{OpenMode, WeeklyOutcome};

/// Plan the coming week from the ledger and commit it
///
/// Clients that have a plan for the week are left alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcoe weekly\n  mcoe weekly --workspace north --week 2026-W48")]
pub(super) struct Weekly {
    /// One workspace. Default: all of them.
    #[arg(long, value_name = "ID")]
    workspace: Option<String>,
    /// The week to plan. Default: the coming one.
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
                    Some(only) => vec![WorkspaceId::new(only.as_str())],
                    None => ledger.workspaces().await?,
                };
                if workspaces.is_empty() {
                    let remedy = "load a scenario first: `mcoe db load SCENARIO`";
                    return Err(Failure::Input(format!("error: the ledger is empty\n  remedy: {remedy}")));
                }
                let bar = progress::Progress::new(globals, workspaces.len() as u64, "planning workspaces");
                let mut outcomes = Vec::new();
                for workspace in workspaces {
                    progress::stop_if_asked()?;
                    outcomes
                        .push(ledger.weekly(&planner, &workspace, week, &actor, now, &progress::Interruptible).await?);
                    bar.step();
                }
                Ok(outcomes)
            })
        })?;
        self.tell(globals, week, &outcomes)
    }

    fn tell(&self, globals: &Globals, week: Week, outcomes: &[WeeklyOutcome]) -> Result<(), Failure> {
        if globals.format == Format::Json {
            let told: Vec<_> = outcomes
                .iter()
                .map(|one| {
                    json!({
                        "workspace_id": one.workspace_id,
                        "already_planned": one.already_planned,
                        "planned": one.planned,
                        "committed": one.committed,
                        "breaches": one.breaches.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    })
                })
                .collect();
            print(&format!("{}\n", json!({"week": week, "workspaces": told})))?;
        } else {
            let text: String = outcomes.iter().map(|one| told(week, one)).collect();
            print(&text)?;
        }
        let breached: Vec<String> =
            outcomes.iter().flat_map(|one| &one.breaches).take(20).map(|breach| format!("  {breach}")).collect();
        if breached.is_empty() {
            return Ok(());
        }
        Err(Failure::Verdict(format!(
            "error: a plan does not pass the checker; it was not committed:\n{}",
            breached.join("\n")
        )))
    }
}

fn told(week: Week, one: &WeeklyOutcome) -> String {
    let already = match one.already_planned {
        0 => String::new(),
        count => format!(", {count} had a plan already"),
    };
    let head = format!("{} {week}: {} clients planned{already}\n", one.workspace_id, one.planned);
    match &one.committed {
        Some(committed) => format!("{head}  {}", line(committed)),
        None => head,
    }
}
