//! `mcoe commit`: commits a plan to the ledger.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::plan_folder::PlanFolder;
use super::{Format, Globals, plan, print, progress};
use crate::files;
use crate::model::{Decision, Plan, Tier};
use crate::planner::{self, Planner};
use crate::report::{self, TableFormat};
use crate::store::{self, Committed, Counted, OpenMode, Rebased, StoreError};

/// Commit a plan to the ledger: its posts become schedules, its decisions go on record
///
/// Committing it twice changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe commit plan\n  mcoe commit plan --rebase --actor anna\n\nThe plan's clients must be in the ledger (`mcoe db load`), in the state that the plan was made from."
)]
pub(super) struct Commit {
    /// Folder that `mcoe plan` wrote.
    plan: PathBuf,
    /// Where the clients' state has moved on: plan their week again around what is committed, and commit that.
    #[arg(long)]
    rebase: bool,
    /// Folder of the scenario, where it is no longer where the plan found it.
    #[arg(long, value_name = "DIR")]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    actor: ActorArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Commit {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let PlanFolder { head, rules, scenario } = PlanFolder::read(&self.plan, self.scenario.as_deref(), globals)?;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let plan = head.plan_again(&planner, &scenario)?;
        let decisions = planner::decisions(&plan);
        is_as_written(&self.plan, &plan, &decisions)?;
        plan::check(&rules, &scenario, &plan)?;
        let bar = progress::Progress::new(globals, (plan.posts().count() + decisions.len()) as u64, "committing");
        let actor = self.actor.name();
        let tick = || bar.step();
        let commit = store::Commit {
            plan: &plan,
            decisions: &decisions,
            scenario: &scenario,
            rules: &rules,
            actor: &actor,
            now: self.now.time(),
            counted: Counted::Live,
            progress: &tick,
        };
        let outcome = self.database.with(OpenMode::Write, |ledger| async move {
            match ledger.commit(commit).await {
                Err(StoreError::StateChanged(moved)) if self.rebase => {
                    Ok((moved, ledger.rebase(commit, commit_planner(commit)).await?))
                }
                other => Ok((Vec::new(), vec![Rebased::whole(other?)])),
            }
        });
        drop(bar);
        let (moved, committed) = outcome?;
        self.tell(globals, &moved, &committed)
    }

    fn tell(&self, globals: &Globals, moved: &[String], committed: &[Rebased]) -> Result<(), Failure> {
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"moved": moved, "committed": committed})));
        }
        let mut text = String::new();
        if !moved.is_empty() {
            text.push_str(&format!("planned again around what has moved on:\n{}\n", moved.join("\n")));
        }
        for one in committed {
            let adds_nothing = !one.committed.is_new && one.committed.schedules == 0;
            text.push_str(&if adds_nothing { "nothing is left to add\n".to_owned() } else { line(&one.committed) });
            if !moved.is_empty() {
                text.push_str(&format!(
                    "  {} posts of the old plan kept, {} dropped, {} new\n",
                    one.kept, one.dropped, one.added
                ));
            }
        }
        print(&text)
    }
}

fn commit_planner<'r>(commit: store::Commit<'r>) -> Planner<'r> {
    Planner::new(commit.rules, Tier::Exact, None)
}

/// Describes a commit in one line.
pub(super) fn line(committed: &Committed) -> String {
    let Committed { plan_id, is_new, schedules, ready, pending, blocked, decisions } = committed;
    if !is_new {
        return format!("plan {plan_id} was committed before; nothing changed\n");
    }
    format!(
        "committed plan {plan_id}: {schedules} schedules, {ready} ready, {pending} wait for review, {blocked} blocked; \
         {decisions} decisions on record\n"
    )
}

/// Maximum size of one of a plan's tables, in bytes.
const MOST_OF_A_TABLE: u64 = 2 << 30;

/// Fails if the tables in the folder are not those of the plan, so that nobody commits manual changes.
fn is_as_written(dir: &Path, plan: &Plan, decisions: &[Decision]) -> Result<(), Failure> {
    let format = if dir.join("posts.csv").is_file() { TableFormat::Csv } else { TableFormat::Parquet };
    for (name, bytes) in report::plan_tables(plan, decisions, format)? {
        let path = dir.join(&name);
        let shown = path.display();
        let found = files::read(&path, MOST_OF_A_TABLE.max(bytes.len() as u64)).map_err(|error| {
            Failure::Input(format!("error: cannot read `{shown}`: {error}\n  remedy: plan the week again"))
        })?;
        if found != bytes {
            return Err(Failure::Verdict(format!(
                "error: `{shown}` is not what mcoe wrote: it was changed after planning\n  \
                 remedy: plan the week again; to steer a plan, change the rules or the scenario"
            )));
        }
    }
    Ok(())
}
