//! The command line: one file per subcommand.
//!
//! Data goes to stdout, messages to stderr. Exit codes: 0 success; 1 a negative result, such as a failed check;
//! 2 bad input; 3 a system failure; 130 interrupted.

mod actions;
mod attach;
mod backtest;
mod calibrate;
mod changes;
mod check;
mod commit;
mod compare;
mod compared_scenarios;
mod completions;
mod daily;
mod db;
mod diagnostics;
mod effect;
mod explain;
mod failure;
mod folder;
mod generate;
mod import;
mod input;
mod interruption;
mod ledger;
mod ledger_history;
mod pack;
mod plan;
mod plan_folder;
mod progress;
mod review;
mod rules;
mod serve;
mod simulate;
mod status;
mod terminal;
mod time_zones;
mod token;
mod watch;
mod weekly;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};

use failure::Failure;
use terminal::print;

use crate::model::Zone;

/// Plan and simulate weeks of social posts under rules that you edit as text.
#[derive(Debug, Parser)]
#[command(name = "mcoe", version, long_version = LONG_VERSION.as_str(), propagate_version = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What `--version` prints; `-V` prints the first line.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{}\ntime zones: tz {}", env!("CARGO_PKG_VERSION"), Zone::database_version()));

const EXAMPLES: &str = "\
Examples:
  mcoe check --scenario scenarios/agency          validate rules and scenario
  mcoe simulate scenarios/agency --out report     twelve weeks; then open report/index.html
  mcoe compare scenarios/agency --against my-rules --out versus
                                                  the effect of other rules
  mcoe plan scenarios/agency --out plan           the coming week for every client
  mcoe explain plan --post ID                     why this post, and why at that time
  mcoe rules test                                 run the test cases of the rules
  mcoe watch scenarios/agency                     replan whenever a rule is saved
  mcoe import posts.csv --out scenario            a scenario from a posting history
  mcoe db load scenarios/agency                   load the clients into the ledger (mcoe.db)
  mcoe weekly                                     plan and commit the coming week
  mcoe review                                     posts that need approval, highest risk first
  mcoe daily                                      re-evaluate today's posts, create drafts of due ones
  mcoe serve --demo                               the web console with a demo workspace

A scenario is a folder with the clients, their channels and their content.

Exit codes: 0 success; 1 a check failed, for example that of a plan; 2 invalid input: arguments,
rules or scenario; 3 system failure, such as a full disk; 130 interrupted.";

/// Help heading of the options that every command has.
const GLOBAL_OPTIONS: &str = "Global options";

/// Options of every command.
#[derive(Debug, Args)]
struct Globals {
    /// Output format of results.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print only errors on stderr; results are printed as usual.
    #[arg(long, short, global = true, help_heading = GLOBAL_OPTIONS)]
    quiet: bool,
    /// Also print how long the command took, and the share of time spent in rules.
    #[arg(long, short, global = true, help_heading = GLOBAL_OPTIONS)]
    verbose: bool,
    /// When to use colours.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Human-readable text.
    Text,
    /// JSON.
    Json,
    /// JUnit XML for CI servers; only for `mcoe rules test`.
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// If stderr is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Globals {
    fn colors_stderr(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stderr().is_terminal(),
        }
    }

    /// Prints a message on stderr, escaped for a terminal, unless `--quiet`.
    fn info(&self, text: &str) {
        if !self.quiet {
            // If stderr is closed, the message is lost.
            let _ = writeln!(io::stderr(), "{}", terminal::escaped(text));
        }
    }

    /// Prints rendered text on stderr, unless `--quiet`. It must be escaped already; its only escape codes are colours.
    fn info_rendered(&self, rendered: &str) {
        if !self.quiet {
            // If stderr is closed, the message is lost.
            let _ = writeln!(io::stderr(), "{rendered}");
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Check),
    Plan(plan::Plan),
    Simulate(simulate::Simulate),
    Compare(compare::Compare),
    Explain(explain::Explain),
    Rules(rules::Rules),
    Watch(watch::Watch),
    Import(import::Import),
    Backtest(backtest::Backtest),
    Calibrate(calibrate::Calibrate),
    Generate(generate::Generate),
    Db(db::Db),
    Commit(commit::Commit),
    Review(review::Review),
    Approve(review::Approve),
    Cancel(review::Cancel),
    Restore(review::Restore),
    Attach(attach::Attach),
    Weekly(weekly::Weekly),
    Daily(daily::Daily),
    Status(status::Status),
    Actions(actions::Actions),
    Serve(serve::Serve),
    Token(token::Tokens),
    Completions(completions::Completions),
}

impl Command {
    /// Whether this command converts between instants and clocks, so that it warns first if the built-in time-zone
    /// database is outdated.
    const fn uses_time_zones(&self) -> bool {
        match self {
            Command::Check(_)
            | Command::Plan(_)
            | Command::Simulate(_)
            | Command::Compare(_)
            | Command::Explain(_)
            | Command::Watch(_)
            | Command::Import(_)
            | Command::Backtest(_)
            | Command::Calibrate(_)
            | Command::Generate(_)
            | Command::Commit(_)
            | Command::Review(_)
            | Command::Approve(_)
            | Command::Cancel(_)
            | Command::Restore(_)
            | Command::Attach(_)
            | Command::Weekly(_)
            | Command::Daily(_)
            | Command::Serve(_) => true,
            Command::Rules(rules) => rules.uses_time_zones(),
            Command::Db(db) => db.uses_time_zones(),
            Command::Status(_) | Command::Actions(_) | Command::Token(_) | Command::Completions(_) => false,
        }
    }

    /// Whether this command runs test cases, whose results can be printed as JUnit XML.
    const fn runs_cases(&self) -> bool {
        matches!(self, Command::Rules(rules) if rules.runs_cases())
    }
}

#[derive(Debug, Args)]
struct RulesArgument {
    /// Folder of the rules pack: TOML and Rhai files.
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
}

#[derive(Debug, Args)]
struct OutArguments {
    /// Output folder; it must not exist yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Replace an existing folder that mcoe wrote.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct ThreadsArgument {
    /// Number of threads; it does not affect the result. Default: one per core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

impl ThreadsArgument {
    /// The number of threads.
    fn count(&self) -> usize {
        self.threads.map_or_else(rayon::current_num_threads, usize::from)
    }

    /// Runs the work in a pool of [`count`](Self::count) threads.
    fn run<T: Send>(&self, work: impl FnOnce() -> Result<T, Failure> + Send) -> Result<T, Failure> {
        self.pool()?.install(work)
    }

    /// A pool of [`count`](Self::count) threads.
    fn pool(&self) -> Result<rayon::ThreadPool, Failure> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.count()).build();
        pool.map_err(|error| Failure::system(format!("cannot start threads: {error}")))
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let globals = &arguments.globals;
    match run(&arguments.command, globals) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::print_error(&failure);
            failure.code()
        }
    }
}

fn run(command: &Command, globals: &Globals) -> Result<(), Failure> {
    if globals.format == Format::Junit && !command.runs_cases() {
        return Err(Failure::input("only `mcoe rules test` supports `--format junit`", "use `--format json`"));
    }
    if !matches!(command, Command::Serve(_)) {
        progress::catch_interrupts()?;
        ledger::log_waiting(globals);
    }
    if command.uses_time_zones() {
        time_zones::warn_if_outdated(globals);
    }
    match command {
        Command::Check(command) => command.run(globals),
        Command::Plan(command) => command.run(globals),
        Command::Simulate(command) => command.run(globals),
        Command::Compare(command) => command.run(globals),
        Command::Explain(command) => command.run(globals),
        Command::Rules(command) => command.run(globals),
        Command::Watch(command) => command.run(globals),
        Command::Import(command) => command.run(globals),
        Command::Backtest(command) => command.run(globals),
        Command::Calibrate(command) => command.run(globals),
        Command::Generate(command) => command.run(globals),
        Command::Db(command) => command.run(globals),
        Command::Commit(command) => command.run(globals),
        Command::Review(command) => command.run(globals),
        Command::Approve(command) => command.run(globals),
        Command::Cancel(command) => command.run(globals),
        Command::Restore(command) => command.run(globals),
        Command::Attach(command) => command.run(globals),
        Command::Weekly(command) => command.run(globals),
        Command::Daily(command) => command.run(globals),
        Command::Status(command) => command.run(globals),
        Command::Actions(command) => command.run(globals),
        Command::Serve(command) => command.run(globals),
        Command::Token(command) => command.run(globals),
        Command::Completions(command) => command.run(),
    }
}

/// The numeric options that differ from their defaults, as written on a command line, each after a space. An option is
/// its name, its value and its default.
fn changed_numbers(options: &[(&str, u32, u32)]) -> String {
    let changed = options.iter().filter(|(_, number, default)| number != default);
    changed.map(|(option, number, _)| format!(" --{option} {number}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_reads_clocks_uses_time_zones() {
        let uses = |line: &str| {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
            arguments.command.uses_time_zones()
        };
        for line in [
            "mcoe plan scenarios/agency --out plan",
            "mcoe explain plan --post 0b7f91c2-0000-4000-8000-000000000000",
            "mcoe watch scenarios/agency",
            "mcoe generate --clients 5 --out scenario",
            "mcoe commit plan",
            "mcoe attach 0b7f loaf",
            "mcoe review",
            "mcoe approve 0b7f",
            "mcoe rules test",
            "mcoe rules impact",
            "mcoe db load scenarios/agency",
            "mcoe db calendar north",
        ] {
            assert!(uses(line), "{line}");
        }
        for line in ["mcoe status", "mcoe actions", "mcoe rules fmt", "mcoe db migrate", "mcoe completions bash"] {
            assert!(!uses(line), "{line}");
        }
    }
}
