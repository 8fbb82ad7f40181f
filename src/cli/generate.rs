//! `mcoe generate`: generates a synthetic scenario of any size.

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::folder::OutFolder;
use super::{Format, Globals, OutArguments, print};
use crate::model::Week;
use crate::scenario::{self, DEFAULT_HISTORY_DAYS, GenerateOptions, ScenarioErrors};

/// Generate a synthetic scenario of any size; the same seed gives the same bytes.
///
/// What past posts earned is drawn from a true response of each client's audience on each channel: level, hours,
/// weekdays, content types, response to the load of earlier posts, drift and noise. The file `truth/world.csv` in the
/// output folder lists this response in the columns of a scenario's table `world`, for comparison with the estimates of
/// `mcoe calibrate`; no command reads the file.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe generate --clients 1000 --seed 7 --out scenarios/large\n  mcoe generate --clients 25 --history-days 365 --out scenarios/known"
)]
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
    /// Number of days of past posts. A calibration needs about a year for useful estimates.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_HISTORY_DAYS, value_parser = clap::value_parser!(u32).range(1..=1095))]
    history_days: u32,
    #[command(flatten)]
    out: OutArguments,
}

impl Generate {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let name = self.out.out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let options = GenerateOptions {
            clients: self.clients,
            seed: self.seed,
            weeks: self.weeks,
            history_days: self.history_days,
            start: self.start,
            name,
        };
        let generated = scenario::generate(&options).map_err(ScenarioErrors::from)?;
        let files = &generated.files;
        for (name, bytes) in scenario::render(files).map_err(ScenarioErrors::from)? {
            out.write(&name, &bytes)?;
        }
        let (name, bytes) = scenario::render_truth(&generated.truth).map_err(ScenarioErrors::from)?;
        out.write(&name, &bytes)?;
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
