//! `mcoe backtest`: makes forecasts from past dates, and scores them against what the posts then earned.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::failure::Failure;
use super::folder::OutFolder;
use super::ledger_history::{LedgerHistory, LedgerHistoryArguments};
use super::plan::Tables;
use super::progress::stop_if_requested;
use super::{Format, Globals, OutArguments, ThreadsArgument, changed_numbers, input, print};
use crate::calibration::{
    Backtest as BacktestResult, BacktestOptions, EngagementForecast, EnoughHistory, Method, Score, backtest,
    forecast_posts,
};
use crate::model::Zone;
use crate::report::{self, BacktestReport, shell_path};
use crate::result_tables::expectations_table;
use crate::scenario::{self, PostingHistories};

/// Maximum horizon in weeks.
const MAX_HORIZON: u32 = 26;

/// Test forecasts on a posting history: at each of several past dates, fit a model to the earlier posts, forecast the
/// later ones, and compare the forecasts with what those posts earned.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe backtest posts.csv --out backtest\n  mcoe backtest posts.csv --zone Asia/Bangkok --cuts 12 --horizon 1,2,4 --out backtest\n  mcoe backtest posts.csv --at planned.csv --out forecast\n  mcoe backtest --from-database north --out backtest\n\nThe history is a file as `mcoe import` reads it. The table `predictions` holds\nevery forecast with its quantiles, so you can also score the forecasts yourself."
)]
pub(super) struct Backtest {
    /// The history: CSV or Parquet, one row per post.
    #[arg(value_name = "POSTS", required_unless_present = "from_database")]
    history: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerHistoryArguments,
    #[command(flatten)]
    out: OutArguments,
    /// Time zone of every account, such as Europe/London. Default: from the offsets in the history, else UTC.
    #[arg(long, value_name = "ZONE", conflicts_with = "from_database")]
    zone: Option<Zone>,
    /// Number of past dates from which forecasts are made, as far apart as the longest horizon.
    #[arg(long, value_name = "K", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=104))]
    cuts: u32,
    /// Number of weeks to forecast; several numbers are separated by commas.
    #[arg(long, value_name = "WEEKS", value_delimiter = ',', default_values_t = [1, 4], value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_HORIZON)))]
    horizon: Vec<u32>,
    /// Number of random draws for the distribution of each forecast.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    draws: u32,
    /// Minimum number of measured posts of an account before a cut; accounts with fewer are not tested at that cut.
    #[arg(long, value_name = "N", default_value_t = EnoughHistory::default().min_posts, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    min_posts: u32,
    /// Minimum number of days from an account's first measured post to a cut.
    #[arg(long, value_name = "DAYS", default_value_t = EnoughHistory::default().min_days, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    min_days: u32,
    /// Maximum number of days from an account's last measured post to a cut.
    #[arg(long, value_name = "DAYS", default_value_t = EnoughHistory::default().max_days_since_post, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    max_days_since_post: u32,
    /// Seed of all random numbers.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Format of the tables: CSV opens in a spreadsheet, Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    /// Instead of testing, forecast these posts: a file like the history, in which engagements may be blank. The dates
    /// of the posts determine the horizon.
    #[arg(long, value_name = "POSTS", conflicts_with = "horizon")]
    at: Option<PathBuf>,
    #[command(flatten)]
    threads: ThreadsArgument,
}

/// A posting history, and where it comes from.
struct Source {
    histories: PostingHistories,
    /// The name of the history in reports.
    name: String,
    /// The arguments that select it, as written on a command line.
    arguments: String,
    /// The field of `run.json` that names it, and its value.
    origin: (&'static str, Value),
}

impl Backtest {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let source = self.source(globals)?;
        let options = self.options();
        if let Some(at) = &self.at {
            return self.forecast(at, out, &source, globals);
        }
        let tested = self.threads.run(|| Ok(backtest(&source.histories.accounts, &options)))?;
        stop_if_requested()?;
        let command = self.command(&source);
        let report = BacktestReport {
            backtest: &tested,
            options: &options,
            history: &source.name,
            command: &command,
            tables: self.tables.format(),
        };
        for (name, bytes) in report::render_backtest(&report)? {
            out.write(&name, &bytes)?;
        }
        let run = source.run_json(json!({"format": 1, "command": command, "notes": source.histories.notes}));
        out.write("run.json", format!("{run:#}\n").as_bytes())?;
        stop_if_requested()?;
        out.finish()?;
        self.print(globals, &source.histories, &tested)
    }

    fn source(&self, globals: &Globals) -> Result<Source, Failure> {
        if let Some(LedgerHistory { workspace, scenario, files, arguments }) = self.ledger.read()? {
            return Ok(Source {
                histories: scenario::posting_histories(files.history, &scenario),
                origin: ("workspace", json!(workspace)),
                name: workspace,
                arguments,
            });
        }
        let path = self.history.as_ref().ok_or_else(|| {
            Failure::input("no history is named", "name a file of posts, or a workspace with --from-database")
        })?;
        let read = scenario::read_histories(path, self.zone);
        Ok(Source {
            histories: read.map_err(|errors| input::scenario_failure(errors, globals))?,
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            arguments: shell_path(path),
            origin: ("history_path", json!(path)),
        })
    }

    /// Forecasts the posts of the file `at`.
    fn forecast(&self, at: &Path, out: OutFolder, source: &Source, globals: &Globals) -> Result<(), Failure> {
        let histories = &source.histories;
        let read = scenario::read_histories(at, self.zone);
        let mut planned = read.map_err(|errors| input::scenario_failure(errors, globals))?.accounts;
        for account in &mut planned {
            // The hours of planned posts are read on the same clock as those of the account's history.
            let history = histories.accounts.iter().find(|history| history.account == account.account);
            account.zone = history.map_or(account.zone, |history| history.zone);
        }
        let options = self.options();
        let forecasts = self.threads.run(|| Ok(forecast_posts(&histories.accounts, &planned, &options)))?;
        stop_if_requested()?;
        let (name, bytes) = report::table_file(&expectations_table(&forecasts), self.tables.format())?;
        out.write(&name, &bytes)?;
        let run = source.run_json(json!({
            "format": 1,
            "command": self.command(source),
            "at_path": at,
            "seed": self.seed,
        }));
        out.write("run.json", format!("{run:#}\n").as_bytes())?;
        out.finish()?;
        if globals.format == Format::Json {
            return print(&format!("{}\n", Value::from_iter(forecasts.iter().map(forecast_json))));
        }
        // A forecast without a time is the total of an account's posts on a channel.
        let totals = forecasts.iter().filter(|forecast| forecast.at.is_none()).map(|forecast| {
            let EngagementForecast { account, channel, posts, quantiles: [low, _, median, _, high], .. } = forecast;
            format!(
                "{account} {channel}: {posts} post(s), {median:.0} engagements (5 to 95 %: {low:.0} to {high:.0})\n"
            )
        });
        print(&format!("{}written to {}\n", totals.collect::<String>(), self.out.out.join(name).display()))
    }

    fn options(&self) -> BacktestOptions {
        let mut horizons = self.horizon.clone();
        horizons.sort_unstable();
        horizons.dedup();
        BacktestOptions {
            cuts: self.cuts as usize,
            horizons,
            draws: self.draws as usize,
            seed: self.seed,
            enough: self.enough_history(),
        }
    }

    fn enough_history(&self) -> EnoughHistory {
        let Self { min_posts, min_days, max_days_since_post, .. } = *self;
        EnoughHistory { min_posts, min_days, max_days_since_post }
    }

    /// The command that reproduces the report.
    fn command(&self, source: &Source) -> String {
        let horizons: Vec<String> = self.options().horizons.iter().map(u32::to_string).collect();
        let zone = self.zone.map_or_else(String::new, |zone| format!(" --zone {}", zone.name()));
        let at = self.at.as_ref().map_or_else(String::new, |at| format!(" --at {}", shell_path(at)));
        let enough = self.enough_history();
        let usual = EnoughHistory::default();
        let enough = changed_numbers(&[
            ("min-posts", enough.min_posts, usual.min_posts),
            ("min-days", enough.min_days, usual.min_days),
            ("max-days-since-post", enough.max_days_since_post, usual.max_days_since_post),
        ]);
        format!(
            "mcoe backtest {}{zone}{at} --cuts {} --horizon {} --draws {}{enough} --seed {} --out {}",
            source.arguments,
            self.cuts,
            horizons.join(","),
            self.draws,
            self.seed,
            shell_path(&self.out.out)
        )
    }

    fn print(&self, globals: &Globals, histories: &PostingHistories, tested: &BacktestResult) -> Result<(), Failure> {
        let sentences = report::backtest_sentences(tested, &self.options());
        if globals.format == Format::Json {
            return print(&format!("{}\n", as_json(histories, tested, &sentences)));
        }
        print(&format!(
            "tested forecasts for {} of {} accounts\n{}\nopen {}\n",
            tested.accounts(),
            histories.accounts.len(),
            sentences.join("\n"),
            self.out.out.join("index.html").display()
        ))
    }
}

impl Source {
    /// The contents of `run.json`: the given fields, and where the history comes from.
    fn run_json(&self, mut run: Value) -> Value {
        let (field, value) = &self.origin;
        if let Some(fields) = run.as_object_mut() {
            fields.insert((*field).to_owned(), value.clone());
        }
        run
    }
}

fn forecast_json(forecast: &EngagementForecast) -> Value {
    json!({
        "account": forecast.account,
        "channel": forecast.channel,
        "published_at": forecast.at,
        "posts": forecast.posts,
        "quantiles": forecast.quantiles,
        "mean": forecast.mean,
    })
}

fn as_json(histories: &PostingHistories, tested: &BacktestResult, sentences: &[String]) -> Value {
    let mut scores = Vec::new();
    for horizon_weeks in tested.horizons() {
        for method in Method::ALL {
            let score = Score::of(tested.select(method, horizon_weeks));
            let error = tested.mean_error(method, horizon_weeks);
            scores.push(json!({
                "horizon_weeks": horizon_weeks,
                "method": method.name(),
                "score": score,
                "error_interval": error.map(|error| error.interval().map(|end| end.max(0.0))),
            }));
        }
    }
    json!({ "notes": histories.notes, "verdicts": sentences, "scores": scores, "hour_gain": tested.hour_gain })
}
