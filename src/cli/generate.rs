//! `mcoe generate`: generates a synthetic scenario of any size.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::folder::OutFolder;
use super::{Format, Globals, OutArguments, print};
use crate::model::Week;
use crate::scenario::{self, GenerateOptions, ScenarioErrors};

/// Generate a synthetic scenario of any size; the same seed gives the same bytes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  mcoe generate --clients 1000 --seed 7 --out scenarios/large")]
pub(super) struct Generate {
    /// Number of clients.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// Seed of all random numbers.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// First week.
    #[arg(long, value_name = "WEEK", default_value = "2026-W37")]
    start: Week,
    /// Length of the scenario in weeks.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: u32,
    #[command(flatten)]
    out: OutArguments,
}

impl Generate {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let name = self.out.out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let options =
            GenerateOptions { clients: self.clients, seed: self.seed, weeks: self.weeks, start: self.start, name };
        let files = scenario::generate(&options).map_err(ScenarioErrors::from)?;
        for (name, bytes) in scenario::render(&files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        super::progress::stop_if_requested()?;
        out.finish()?;
        let shown = self.out.out.display();
        if globals.format == Format::Json {
            let text = json!({ "clients": self.clients, "seed": self.seed, "assets": files.assets.len(), "out": self.out.out });
            return print(&format!("{text}\n"));
        }
        print(&format!("{} clients with {} assets written to {shown}\n", self.clients, files.assets.len()))
    }
}
