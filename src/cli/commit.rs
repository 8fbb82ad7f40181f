//! `mcoe commit`: commits a plan to the ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::ledger::{ActorArgument, DatabaseArgument, NowArgument};
use super::plan_folder::{PLAN_AGAIN, PLAN_CHANGED, PlanFolder};
use super::{Format, Globals, plan, print, progress};
use crate::files::{self, Comparer};
use crate::model::Plan;
use crate::planner;
use crate::report::{self, ClientOrder, PlanLayout, TableFormat};
use crate::result_tables::CLIENTS_PER_PART;
use crate::store::{self, Committed, Counted, OpenMode, Rebased, StoreError};

/// The file that lists the files of a plan that was made in parts.
const PARTS_FILE: &str = "parts.json";

/// The tables that have a file for each part.
const TABLES_IN_PARTS: [&str; 6] = ["posts", "decisions", "conflicts", "allocations", "certificates", "limits"];

/// Maximum size of that file, in bytes.
const MAX_PARTS_BYTES: u64 = 256 << 20;

/// Commit a plan to the ledger: its posts become schedules, and its decisions are recorded
///
/// Committing a plan again changes nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe commit plan\n  mcoe commit plan --rebase --actor anna\n\nThe plan's clients must be in the ledger (`mcoe db load`), and their state must not have changed since planning."
)]
pub(super) struct Commit {
    /// Folder written by `mcoe plan`, or by the Python package in parts.
    plan: PathBuf,
    /// If the clients' state has changed, plan their week again around the committed posts, and commit that plan. Posts
    /// of the old plan stay unless another hour earns more than `keep_bonus` of the rules.
    #[arg(long)]
    rebase: bool,
    /// Folder of the scenario, if it has been moved since planning.
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
        let planner = head.planner(&rules);
        let plan = head.plan_again(&planner, &scenario)?;
        let decisions = planner::decisions(&plan);
        check_unchanged(&self.plan, &plan)?;
        plan::check_plan(&rules, &scenario, &plan)?;
        let bar = progress::Progress::new(globals, (plan.posts().count() + decisions.len()) as u64, "committing");
        let actor = self.actor.name();
        let step = || bar.step();
        let commit = store::Commit {
            plan: &plan,
            decisions: &decisions,
            scenario: &scenario,
            rules: &rules,
            actor: &actor,
            now: self.now.time(),
            counted: Counted::Live,
            progress: &step,
        };
        let outcome = self.database.with(OpenMode::Write, |ledger| async move {
            match ledger.commit(commit).await {
                Err(StoreError::StateChanged(changes)) if self.rebase => {
                    Ok((changes, ledger.rebase(commit, head.planner(commit.rules)).await?))
                }
                other => Ok((Vec::new(), vec![Rebased::unchanged(other?)])),
            }
        });
        drop(bar);
        let (changes, committed) = outcome?;
        self.print_result(globals, &changes, &committed)
    }

    fn print_result(&self, globals: &Globals, changes: &[String], committed: &[Rebased]) -> Result<(), Failure> {
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"moved": changes, "committed": committed})));
        }
        let mut text = String::new();
        if !changes.is_empty() {
            text.push_str(&format!("planned again because the state has changed:\n{}\n", changes.join("\n")));
        }
        for rebased in committed {
            let adds_nothing = !rebased.committed.is_new && rebased.committed.schedules == 0;
            text.push_str(&if adds_nothing { "nothing to add\n".to_owned() } else { summary_line(&rebased.committed) });
            if !changes.is_empty() {
                text.push_str(&format!(
                    "  {} posts of the old plan kept, {} dropped, {} new\n",
                    rebased.kept, rebased.dropped, rebased.added
                ));
            }
        }
        print(&text)
    }
}

/// Describes a commit in one line.
pub(super) fn summary_line(committed: &Committed) -> String {
    let Committed { plan_id, is_new, schedules, ready, pending, blocked, decisions } = committed;
    if !is_new {
        return format!("plan {plan_id} was already committed; nothing changed\n");
    }
    format!(
        "committed plan {plan_id}: {schedules} schedules, {ready} ready, {pending} need approval, {blocked} blocked; \
         {decisions} decisions recorded\n"
    )
}

/// Fails if the tables in the folder differ from those of the plan, so that manual changes are not committed.
fn check_unchanged(dir: &Path, plan: &Plan) -> Result<(), Failure> {
    if dir.join(PARTS_FILE).is_file() {
        return check_unchanged_parts(dir);
    }
    let format = if dir.join("posts.csv").is_file() { TableFormat::Csv } else { TableFormat::Parquet };
    // Older versions ordered rows by client. They wrote `CLIENTS_PER_PART` clients at a time, or all at once.
    let older = [CLIENTS_PER_PART, plan.clients.len()]
        .map(|clients_per_part| PlanLayout { order: ClientOrder::ById, clients_per_part });
    let mut changed = None;
    for layout in [PlanLayout::CURRENT].into_iter().chain(older) {
        changed = changed_table(dir, plan, layout, format)?;
        if changed.is_none() {
            return Ok(());
        }
    }
    let shown = changed.unwrap_or_default();
    Err(Failure::negative(format!("`{}` was changed after planning", shown.display()), PLAN_CHANGED))
}

/// The files of a plan that was made in parts.
#[derive(Deserialize)]
struct Parts {
    format: u32,
    /// BLAKE3 of each file's content, hexadecimal, by its path within the folder.
    files: BTreeMap<PathBuf, String>,
}

/// Fails if a file of a plan that was made in parts differs from what was written.
fn check_unchanged_parts(dir: &Path) -> Result<(), Failure> {
    let path = dir.join(PARTS_FILE);
    let shown = path.display();
    let text = files::read_text(&path, MAX_PARTS_BYTES)
        .map_err(|error| Failure::input(format!("cannot read `{shown}`: {error}"), PLAN_AGAIN))?;
    let parts: Parts = serde_json::from_str(&text)
        .map_err(|error| Failure::input(format!("`{shown}` cannot be parsed: {error}"), PLAN_AGAIN))?;
    if parts.format != 1 {
        let cause = format!("`{shown}` has format {}, but this mcoe reads format 1", parts.format);
        return Err(Failure::input(cause, "use a newer mcoe"));
    }
    for table in TABLES_IN_PARTS {
        if !parts.files.keys().any(|file| file.starts_with(table)) {
            return Err(Failure::input(format!("`{shown}` lists no file of the table `{table}`"), PLAN_AGAIN));
        }
    }
    for (file, hash) in &parts.files {
        let path = dir.join(file);
        let shown = path.display();
        let mut hasher = blake3::Hasher::new();
        let hashed = files::open(&path).and_then(|content| {
            hasher.update_reader(content)?;
            Ok(())
        });
        hashed.map_err(|error| Failure::input(format!("cannot read `{shown}`: {error}"), PLAN_AGAIN))?;
        if hasher.finalize().to_hex().as_str() != hash {
            return Err(Failure::negative(format!("`{shown}` was changed after planning"), PLAN_CHANGED));
        }
    }
    Ok(())
}

/// The first table in the folder that differs from that of the plan in the given layout.
fn changed_table(dir: &Path, plan: &Plan, layout: PlanLayout, format: TableFormat) -> Result<Option<PathBuf>, Failure> {
    let mut comparisons = Vec::new();
    report::write_plan_tables(plan, layout, format, |name| {
        let path = dir.join(name);
        let shown = path.display();
        let file = files::open(&path)
            .map_err(|error| Failure::input(format!("cannot read `{shown}`: {error}"), PLAN_AGAIN))?;
        let (comparer, comparison) = Comparer::new(file);
        comparisons.push((path, comparison));
        Ok::<_, Failure>(comparer)
    })?;
    Ok(comparisons.into_iter().find(|(_, comparison)| !comparison.is_equal()).map(|(path, _)| path))
}
