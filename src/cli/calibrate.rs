//! `mcoe calibrate`: estimates the response of audiences from a posting history.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::OutFolder;
use super::import::AccountArguments;
use super::plan::Tables;
use super::progress::stop_if_requested;
use super::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, input, print};
use crate::calibration::{Calibration, calibrate};
use crate::diagnostic::{Diagnostic, Place};
use crate::frames;
use crate::model::WorldRow;
use crate::report::{self, CalibrationReport, shell_path};
use crate::rules::CompiledRules;
use crate::scenario::{self, ScenarioErrors};

/// The file of estimates, in the columns of a scenario's table `world`.
const WORLD_FILE: &str = "world.csv";

/// Estimate engagement levels, best hours, the effect of content types, and the response to recent posts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe calibrate posts.csv --out calibration\n  mcoe calibrate scenario --previous calibration --out calibration-2\n\nThe output has overlays of a rules pack with the values that the data supports (overlays/*.toml), the table world.csv,\nfrom which simulations draw the true response of audiences, and a report (index.html, summary.md, figures, tables)."
)]
pub(super) struct Calibrate {
    /// The history: CSV or Parquet as `mcoe import` reads it, or a scenario folder with its table `history`.
    history: PathBuf,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    accounts: AccountArguments,
    /// Output folder of an earlier calibration, to report what has changed since.
    #[arg(long, value_name = "DIR")]
    previous: Option<PathBuf>,
    /// Format of the report's tables: CSV opens in a spreadsheet, Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    threads: ThreadsArgument,
}

impl Calibrate {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let rules = input::rules(&self.rules.rules, globals)?;
        let previous = self.previous(globals)?;
        let calibration = self.threads.run(|| self.calibration(&rules, globals))?;
        stop_if_requested()?;
        let history = self.history.file_name().unwrap_or(self.history.as_os_str()).to_string_lossy();
        let command = self.command();
        let report = CalibrationReport {
            calibration: &calibration,
            previous: previous.as_deref(),
            rules: &rules.base(),
            history: &history,
            command: &command,
            tables: self.tables.format(),
        };
        let files = report::render_calibration(&report)?;
        let overlay_count = files.iter().filter(|(name, _)| name.starts_with("overlays/")).count();
        for (name, bytes) in files {
            out.write(&name, &bytes)?;
        }
        out.write(WORLD_FILE, &world_csv(&calibration)?)?;
        let run = json!({ "format": 1, "command": command, "history_path": self.history });
        out.write("run.json", format!("{run:#}\n").as_bytes())?;
        stop_if_requested()?;
        out.finish()?;
        self.print(globals, &calibration, overlay_count)
    }

    fn calibration(&self, rules: &CompiledRules, globals: &Globals) -> Result<Calibration, Failure> {
        let to_failure = |errors| input::scenario_failure(errors, globals);
        if !self.history.is_dir() {
            let options = self.accounts.options(String::new());
            return Ok(scenario::import(&self.history, &options).map_err(to_failure)?.calibration);
        }
        let arguments = self.accounts.as_text();
        if !arguments.is_empty() {
            let cause = format!("a scenario has its own clients and time zones, so{arguments} has no effect");
            return Err(Failure::input(cause, "omit it, or give a posting history instead of the scenario"));
        }
        let scenario = input::scenario(&self.history, rules, globals)?;
        let histories = scenario::scenario_histories(&self.history, &scenario).map_err(to_failure)?;
        calibrate(&histories).ok_or_else(|| {
            let cause = "the scenario has no past posts";
            let remedy = "give its table `history` a row for each post, with `engagements` where they were measured";
            to_failure(ScenarioErrors::from(Diagnostic::new("no_posts", Place::None, cause, remedy)))
        })
    }

    fn previous(&self, globals: &Globals) -> Result<Option<Vec<WorldRow>>, Failure> {
        let Some(dir) = &self.previous else { return Ok(None) };
        let read = scenario::read_rows(&dir.join(WORLD_FILE));
        read.map(Some).map_err(|errors| input::scenario_failure(errors, globals))
    }

    /// The command that reproduces the report.
    fn command(&self) -> String {
        let previous =
            self.previous.as_ref().map_or_else(String::new, |dir| format!(" --previous {}", shell_path(dir)));
        format!(
            "mcoe calibrate {}{}{previous} --rules {} --out {}",
            shell_path(&self.history),
            self.accounts.as_text(),
            shell_path(&self.rules.rules),
            shell_path(&self.out.out)
        )
    }

    fn print(&self, globals: &Globals, calibration: &Calibration, overlay_count: usize) -> Result<(), Failure> {
        let sentences = report::calibration_sentences(calibration);
        if globals.format == Format::Json {
            return print(&format!("{}\n", as_json(calibration, &sentences)));
        }
        print(&format!(
            "{}\nwrote {overlay_count} overlay(s) and {WORLD_FILE}\nopen {}\n",
            sentences.join("\n"),
            self.out.out.join("index.html").display()
        ))
    }
}

/// The estimates as the CSV file of a scenario's table `world`.
fn world_csv(calibration: &Calibration) -> Result<Vec<u8>, Failure> {
    let rows: Vec<WorldRow> = calibration.accounts.iter().flat_map(|account| account.world()).collect();
    let bytes = frames::frame_from_slice(&rows).and_then(frames::csv);
    bytes.map_err(|error| Failure::system(format!("`{WORLD_FILE}` cannot be written: {error}")))
}

fn as_json(calibration: &Calibration, sentences: &[String]) -> Value {
    let accounts = calibration.accounts.iter().map(|account| {
        json!({
            "account": account.history.account,
            "channel": account.history.channel,
            "measured_posts": account.measured,
            "parameters": account.world().map(|row| json!({
                "parameter": row.parameter,
                "value": row.value,
                "standard_error": row.standard_error,
                "source": row.source,
            })).collect::<Vec<_>>(),
        })
    });
    json!({ "until": calibration.until, "verdicts": sentences, "accounts": accounts.collect::<Vec<_>>() })
}
