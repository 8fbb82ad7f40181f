//! `mcoe db`: the ledger's schema, and scenarios in and out of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::failure::Failure;
use super::folder::OutFolder;
use super::ledger::{DatabaseArgument, NowArgument, run};
use super::{Format, Globals, OutArguments, RulesArgument, input, print};
use crate::model::{Week, WorkspaceId};
use crate::scenario::{self, ScenarioErrors};
use crate::store::Ledger;

/// Prepare the ledger, load a scenario into it, or write one out of it.
#[derive(Debug, Args)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Step,
}

#[derive(Debug, Subcommand)]
enum Step {
    Migrate(Migrate),
    Load(Load),
    Export(Export),
}

/// Bring the ledger's schema up to date
///
/// An SQLite file does so by itself on first use.
#[derive(Debug, Args)]
struct Migrate {
    #[command(flatten)]
    database: DatabaseArgument,
}

/// Load a scenario's clients
///
/// Of clients that the ledger knows, what people decide is replaced; fatigue, counts and posts stay as the
/// ledger keeps them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db load scenarios/agency --database postgres://localhost/mcoe")]
struct Load {
    /// Folder of the scenario.
    scenario: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

/// Write a workspace as a scenario folder, as it stands now.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe db export north --out scenarios/north")]
struct Export {
    /// The workspace.
    workspace: String,
    /// First week of the scenario. Default: the coming one.
    #[arg(long, value_name = "WEEK")]
    week: Option<Week>,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    database: DatabaseArgument,
    #[command(flatten)]
    now: NowArgument,
}

impl Db {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match &self.command {
            Step::Migrate(step) => step.run(globals),
            Step::Load(step) => step.run(globals),
            Step::Export(step) => step.run(globals),
        }
    }
}

/// The week after the one that an instant lies in.
pub(super) fn coming_week(now: Timestamp) -> Result<Week, Failure> {
    Week::after(now).map_err(|error| Failure::Input(format!("error: {error}")))
}

impl Migrate {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let url = self.database.url()?;
        let (before, now) = run(async { Ok(Ledger::migrate(&url).await?) })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"version_before": before, "version": now})));
        }
        let what = if before == now { "is up to date at" } else { "was brought up to" };
        print(&format!("{url} {what} schema version {now}\n"))
    }
}

impl Load {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let rules = input::rules(&self.rules.rules, globals)?;
        let scenario = input::scenario(&self.scenario, &rules, globals)?;
        let now = self.now.time();
        let loaded = self.database.with(|ledger| async move { Ok(ledger.load(&scenario, &rules, now).await?) })?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!(loaded)));
        }
        print(&format!(
            "loaded {} into {}: {} new clients, {} known and brought up to date, {} assets\n",
            self.scenario.display(),
            self.database.url()?,
            loaded.new_clients,
            loaded.known_clients,
            loaded.assets
        ))
    }
}

impl Export {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let week = self.week.map_or_else(|| coming_week(self.now.time()), Ok)?;
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let workspace = WorkspaceId::new(self.workspace.as_str());
        let scenario = self.database.with(|ledger| async move { Ok(ledger.scenario(&workspace, week).await?) })?;
        let files = scenario::files_of(&scenario);
        for (name, bytes) in scenario::render(&files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        out.finish()?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"clients": scenario.clients.len(), "out": self.out.out})));
        }
        print(&format!("wrote {} clients to {}\n", scenario.clients.len(), self.out.out.display()))
    }
}
