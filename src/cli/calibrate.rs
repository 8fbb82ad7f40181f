//! `mcoe calibrate`: estimates the response of audiences from a posting history.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::OutFolder;
use super::import::AccountArguments;
use super::ledger_history::{LedgerHistory, LedgerHistoryArguments};
use super::plan::Tables;
use super::progress::stop_if_requested;
use super::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, changed_numbers, input, print};
use crate::calibration::{AccountHistory, Calibration, calibrate};
use crate::diagnostic::{Diagnostic, Place};
use crate::frames;
use crate::model::WorldRow;
use crate::report::{self, CalibrationReport, NoBestHour, shell_path};
use crate::rules::CompiledRules;
use crate::scenario::{self, ScenarioErrors};

/// The file of estimates, in the columns of a scenario's table `world`.
const WORLD_FILE: &str = "world.csv";

/// Estimate engagement levels, best hours, the effect of content types, and the response to recent posts.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe calibrate posts.csv --out calibration\n  mcoe calibrate scenario --previous calibration --out calibration-2\n  mcoe calibrate --from-database north --out calibration\n\nThe output has overlays of a rules pack with the values that the data supports (overlays/*.toml), the table world.csv,\nfrom which simulations draw the true response of audiences, and a report (index.html, summary.md, figures, tables)."
)]
pub(super) struct Calibrate {
    /// The history: CSV or Parquet as `mcoe import` reads it, or a scenario folder with its table `history`.
    #[arg(required_unless_present = "from_database")]
    history: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerHistoryArguments,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    accounts: AccountArguments,
    /// Output folder of an earlier calibration, to report what has changed since.
    #[arg(long, value_name = "DIR")]
    previous: Option<PathBuf>,
    /// Minimum number of measured posts before an overlay states that an account has no best hour, rather than leaving
    /// its hours to the pack.
    #[arg(long, value_name = "N", default_value_t = NoBestHour::default().min_posts)]
    min_posts: u32,
    /// Minimum number of days from the first to the last of these posts.
    #[arg(long, value_name = "DAYS", default_value_t = NoBestHour::default().min_days)]
    min_days: u32,
    /// Format of the report's tables: CSV opens in a spreadsheet, Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    #[command(flatten)]
    rules: RulesArgument,
    #[command(flatten)]
    threads: ThreadsArgument,
}

/// Where the history comes from.
enum Source {
    /// A file or a scenario folder.
    Path(PathBuf),
    Ledger(Box<LedgerHistory>),
}

impl Source {
    /// The name of the history in reports.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Source::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy(),
            Source::Ledger(history) => history.workspace.as_str().into(),
        }
    }

    /// The arguments that select it, as written on a command line.
    fn arguments(&self) -> String {
        match self {
            Source::Path(path) => shell_path(path),
            Source::Ledger(history) => history.arguments.clone(),
        }
    }
}

impl Calibrate {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let rules = input::rules(&self.rules.rules, globals)?;
        let previous = self.previous(globals)?;
        let source = self.source()?;
        let calibration = self.threads.run(|| self.calibration(&source, &rules, globals))?;
        stop_if_requested()?;
        let history = source.name();
        let command = self.command(&source);
        let report = CalibrationReport {
            calibration: &calibration,
            previous: previous.as_deref(),
            rules: &rules.base(),
            no_best_hour: NoBestHour { min_posts: self.min_posts, min_days: self.min_days },
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
        let run = match &source {
            Source::Path(path) => json!({ "format": 1, "command": command, "history_path": path }),
            Source::Ledger(history) => json!({ "format": 1, "command": command, "workspace": history.workspace }),
        };
        out.write("run.json", format!("{run:#}\n").as_bytes())?;
        stop_if_requested()?;
        out.finish()?;
        self.print(globals, &calibration, overlay_count)
    }

    fn source(&self) -> Result<Source, Failure> {
        if let Some(history) = self.ledger.read()? {
            return Ok(Source::Ledger(Box::new(history)));
        }
        let path = self.history.clone().ok_or_else(|| {
            let remedy = "name a file or a scenario's folder, or a workspace with --from-database";
            Failure::input("no history is named", remedy)
        })?;
        Ok(Source::Path(path))
    }

    fn calibration(&self, source: &Source, rules: &CompiledRules, globals: &Globals) -> Result<Calibration, Failure> {
        let to_failure = |errors| input::scenario_failure(errors, globals);
        let histories = match source {
            Source::Path(path) if !path.is_dir() => {
                let options = self.accounts.options(String::new());
                return Ok(scenario::import(path, &options).map_err(to_failure)?.calibration);
            }
            Source::Path(dir) => {
                self.refuse_account_arguments("scenario")?;
                self.folder_histories(dir, rules, globals)?
            }
            Source::Ledger(history) => {
                self.refuse_account_arguments("workspace")?;
                scenario::histories_of(history.files.history.clone(), &history.scenario)
            }
        };
        calibrate(&histories).ok_or_else(|| {
            let cause = "the scenario has no past posts";
            let remedy = "give its table `history` a row for each post, with `engagements` where they were measured";
            to_failure(ScenarioErrors::from(Diagnostic::new("no_posts", Place::None, cause, remedy)))
        })
    }

    fn folder_histories(
        &self,
        dir: &Path,
        rules: &CompiledRules,
        globals: &Globals,
    ) -> Result<Vec<AccountHistory>, Failure> {
        let scenario = input::scenario(dir, rules, globals)?;
        scenario::scenario_histories(dir, &scenario).map_err(|errors| input::scenario_failure(errors, globals))
    }

    /// Fails if there are arguments on accounts, which only a file of posts has. `source` is what the history is
    /// instead.
    fn refuse_account_arguments(&self, source: &str) -> Result<(), Failure> {
        let arguments = self.accounts.as_text();
        if arguments.is_empty() {
            return Ok(());
        }
        let cause = format!("a {source} has its own clients and time zones, so{arguments} has no effect");
        Err(Failure::input(cause, format!("omit it, or give a posting history instead of the {source}")))
    }

    fn previous(&self, globals: &Globals) -> Result<Option<Vec<WorldRow>>, Failure> {
        let Some(dir) = &self.previous else { return Ok(None) };
        let read = scenario::read_rows(&dir.join(WORLD_FILE));
        read.map(Some).map_err(|errors| input::scenario_failure(errors, globals))
    }

    /// The command that reproduces the report.
    fn command(&self, source: &Source) -> String {
        let previous =
            self.previous.as_ref().map_or_else(String::new, |dir| format!(" --previous {}", shell_path(dir)));
        let usual = NoBestHour::default();
        let enough = changed_numbers(&[
            ("min-posts", self.min_posts, usual.min_posts),
            ("min-days", self.min_days, usual.min_days),
        ]);
        format!(
            "mcoe calibrate {}{}{previous}{enough} --rules {} --out {}",
            source.arguments(),
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
    let rows = calibration.accounts.iter().flat_map(|account| account.world());
    let bytes = frames::frame_of_rows::<WorldRow, _>(rows).and_then(frames::csv);
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
