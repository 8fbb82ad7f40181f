//! `mcoe rules sweep`: simulates a pack for many combinations of values of some keys, and writes a report.

mod checkpoint;
mod goals;
mod points;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;

use self::checkpoint::{CheckpointFile, Header};
use self::goals::{format_goals, parse_goals};
use self::points::{Points, Swept};
use crate::cli::failure::{ADD_CLIENT, Failure, NOTHING_WRITTEN};
use crate::cli::folder::OutFolder;
use crate::cli::plan::Tables;
use crate::cli::progress::{Progress, interruption_message, set_saved_work, stop_if_requested};
use crate::cli::simulate::Tier;
use crate::cli::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, input, print};
use crate::diagnostic::Diagnostic;
use crate::model::Scenario;
use crate::report::{self, SweepReport, shell_path, shell_word};
use crate::rules::{self, CompiledRules, Level, SweepParameter};
use crate::simulator::{
    self, Design, Extent, Goal, LeftOut, Observer, PointOutcome, SweepError, SweepObserver, SweepSpec, summarise,
};

/// Simulate a pack for many values of some keys, and report the trade-offs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Sweep {
    /// Folder of the scenario.
    scenario: PathBuf,
    /// A key and its values: KEY=VALUE,VALUE,… or KEY=LOW..HIGH:STEP; without a step, every integer or, with --design
    /// sobol, any number in the range. Keys separated by commas vary together. May be given more than once.
    #[arg(long, value_name = "KEY=VALUES", required = true)]
    set: Vec<String>,
    #[command(flatten)]
    rules: RulesArgument,
    /// The combinations of values to simulate.
    #[arg(long, value_enum, default_value_t = DesignArgument::Grid)]
    design: DesignArgument,
    /// Number of combinations of a sobol design. Default: 64.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    points: Option<u32>,
    /// Weeks to simulate. Default: the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: Option<u32>,
    /// Number of times the weeks are simulated at each point. More replications give narrower intervals.
    #[arg(long, value_name = "R", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: u32,
    /// Seed of all random numbers, which are common to all points, and of a sobol design.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Quality of the optimiser's solutions.
    #[arg(long, value_enum, default_value_t = Tier::Exact)]
    tier: Tier,
    /// The two headline figures of the Pareto frontier. Net worth, engagement, audience and posts are maximised,
    /// everything else is minimised; `:more` or `:fewer` after a figure overrides this, as in
    /// `engagement,posts_drafted:fewer`.
    #[arg(long, value_name = "A,B", default_value = "net_worth,reviews", value_parser = parse_goals)]
    frontier: [Goal; 2],
    /// Skip combinations that give an invalid pack. Without this option, such a combination is an error, reported
    /// before anything is simulated.
    #[arg(long)]
    skip_invalid: bool,
    /// Discard the points of an interrupted sweep and start over.
    #[arg(long)]
    restart: bool,
    /// Format of the tables: CSV opens in spreadsheets; Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    threads: ThreadsArgument,
}

const EXAMPLES: &str = "\
Examples:
  mcoe rules sweep scenarios/agency --set channels.tiktok.weekly_posts=7..21:2 \\
      --set fatigue.warn_at=0.4,0.5,0.6 --out reports/sweep
                                        8 x 3 points, every combination
  mcoe rules sweep scenarios/agency --set channels.x.fatigue_per_post=0.02..0.1 \\
      --set channels.x.weekly_posts=5..14 --design sobol --points 64 --out reports/x
                                        64 points, spread evenly
  mcoe rules sweep scenarios/agency --set risk.bands.low.from,risk.bands.medium.to=0.7..0.85:0.05 \\
      --frontier engagement,reviews --out reports/risk
                                        two keys that must vary together
  mcoe rules sweep scenarios/agency --set fatigue.frequency.1.factor=0.5..1:0.25 --out reports/factor
                                        the first row of a list

Keys are those of `mcoe rules show`. They are set in the pack itself; overlays still override them for their
clients. All points use common random numbers.

To resume an interrupted sweep, run the same command again.

Exit codes: 0 success; 2 invalid input; 3 system failure; 130 interrupted.";

/// Default number of points of a Sobol design.
const DEFAULT_POINTS: u32 = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DesignArgument {
    /// Every combination.
    Grid,
    /// --points combinations, spread evenly over all keys at once.
    Sobol,
}

/// What a sweep simulates.
struct SweepPlan<'a> {
    rules: &'a CompiledRules,
    extent: Extent,
    parameters: Vec<SweepParameter>,
    /// One entry per point: a value for every parameter.
    levels: Vec<Vec<Level>>,
    design: Design,
}

impl Sweep {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let (rules, scenario) = input::rules_and_matching_scenario(&self.rules.rules, &self.scenario, globals)?;
        simulator::ensure_planned_clients(&scenario).map_err(|error| self.sweep_failure(error, None))?;
        let plan = self.plan(&rules, &scenario, globals)?;
        // Only check that the folder can be written: a sweep may take long, and if it were killed, an open temporary
        // folder would be left behind.
        drop(OutFolder::open(&self.out.out, self.out.force)?);
        let swept = Swept { rules: &rules, parameters: &plan.parameters, points: &plan.levels };
        let validate = || Points::validate(swept, scenario, &self.scenario, globals);
        let points = self.threads.run(validate)?;
        self.refuse_invalid_points(&points, globals)?;
        stop_if_requested()?;
        let start = Instant::now();
        let (checkpoint, outcomes) = self.simulate(&plan, &points, globals)?;
        let wall_time = start.elapsed();
        let spec = self.spec(&plan, &points);
        let sweep = summarise(&spec, &outcomes);
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        self.write(&out, &sweep, wall_time)?;
        stop_if_requested()?;
        out.finish()?;
        checkpoint.remove()?;
        self.print_result(globals, &sweep)
    }

    fn plan<'r>(
        &self,
        rules: &'r CompiledRules,
        scenario: &Scenario,
        globals: &Globals,
    ) -> Result<SweepPlan<'r>, Failure> {
        let to_failure =
            |errors: Vec<Diagnostic>| input::argument_failure(&errors, &rules::sweep_text(&self.set), globals);
        let parameters = rules::sweep_parameters(rules.pack(), &self.set).map_err(to_failure)?;
        let design = match (self.design, self.points) {
            (DesignArgument::Grid, None) => Design::Grid,
            (DesignArgument::Sobol, points) => Design::Sobol(points.unwrap_or(DEFAULT_POINTS)),
            (DesignArgument::Grid, Some(_)) => {
                let remedy = "add --design sobol, or omit --points";
                return Err(Failure::input("--points does not apply to a grid design", remedy));
            }
        };
        let levels = simulator::design(&parameters, design, self.seed)?;
        let weeks = self.weeks.unwrap_or(scenario.weeks);
        let extent = Extent { weeks, replications: self.replications, seed: self.seed };
        Ok(SweepPlan { rules, extent, parameters, levels, design })
    }

    /// Fails if a point's pack is invalid; with `--skip-invalid`, only if no point's pack is valid.
    fn refuse_invalid_points(&self, points: &Points<'_>, globals: &Globals) -> Result<(), Failure> {
        let invalid = points.left_out.len();
        // The base pack is always valid and does not count as a point.
        let has_no_valid_point = points.numbers().len() < 2;
        if invalid == 0 {
            return Ok(());
        }
        if !self.skip_invalid || has_no_valid_point {
            return Err(points.invalid_points_failure(&self.rules.rules, globals));
        }
        globals.info(&format!("skipped {invalid} point(s) whose pack is invalid"));
        Ok(())
    }

    fn simulate(
        &self,
        plan: &SweepPlan<'_>,
        points: &Points<'_>,
        globals: &Globals,
    ) -> Result<(CheckpointFile, Vec<PointOutcome>), Failure> {
        let row_count = self.replications as usize;
        let belongs = |outcome: &PointOutcome| {
            outcome.rows.len() == row_count && points.has_pack(outcome.point, &outcome.rules_hash)
        };
        let header = self.checkpoint_header(plan, points.base_scenario());
        let (checkpoint, mut outcomes) = CheckpointFile::open(&self.out.out, &header, self.restart, belongs)?;
        let numbers = points.numbers();
        let is_done = |point: &u32| outcomes.iter().any(|outcome| outcome.point == *point);
        let remaining: Vec<u32> = numbers.iter().copied().filter(|point| !is_done(point)).collect();
        // The base pack is simulated too, but does not count as a point.
        let already_done = outcomes.iter().filter(|outcome| outcome.point > 0).count();
        let point_count = numbers.len() - 1;
        if already_done > 0 {
            globals.info(&format!("resuming: {already_done} of {point_count} points are already done"));
        }
        let steps = u64::from(plan.extent.weeks) * u64::from(self.replications) * remaining.len() as u64;
        let observer = SweepProgress::new(
            Progress::new(globals, steps, "simulating weeks"),
            &checkpoint,
            already_done,
            point_count,
        );
        let new_outcomes = self.threads.run(|| {
            let outcomes = simulator::outcomes(points, &remaining, self.tier.into(), plan.extent, &observer);
            outcomes.map_err(|error| self.sweep_failure(error, Some(points)))
        });
        observer.check_stored()?;
        outcomes.extend(new_outcomes?);
        drop(observer);
        Ok((checkpoint, outcomes))
    }

    fn checkpoint_header(&self, plan: &SweepPlan<'_>, scenario: &Scenario) -> Header {
        Header {
            format: checkpoint::FORMAT,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            scenario_hash: scenario.hash.clone(),
            rules_hash: plan.rules.hash().to_owned(),
            set: self.set.clone(),
            design: plan.design.name().to_owned(),
            points: plan.levels.len(),
            weeks: plan.extent.weeks,
            replications: plan.extent.replications,
            seed: plan.extent.seed,
            tier: crate::model::Tier::from(self.tier).name().to_owned(),
        }
    }

    fn sweep_failure(&self, error: SweepError, points: Option<&Points<'_>>) -> Failure {
        match &error {
            SweepError::Stopped => Failure::Interrupted(interruption_message()),
            SweepError::NoClients(_) => Failure::input(error, ADD_CLIENT).with_line(NOTHING_WRITTEN),
            SweepError::Failed { point, cause } => self.point_failure(*point, &cause.to_string(), points),
            SweepError::Invalid { point, mistakes } => {
                let causes: Vec<&str> = mistakes.iter().map(|mistake| mistake.cause.as_str()).collect();
                self.point_failure(*point, &causes.join("; "), points)
            }
        }
    }

    fn point_failure(&self, point: u32, cause: &str, points: Option<&Points<'_>>) -> Failure {
        let settings = points.map(|points| points.settings_text(point)).unwrap_or_default();
        let hint =
            "the finished points are stored, but belong to this pack: after fixing it, start over with --restart";
        let shown = if point == 0 { settings } else { format!("point {point}, {settings}") };
        Failure::input_error(format!("{shown}:\n  {cause}")).with_line(hint)
    }

    fn spec<'a>(&self, plan: &'a SweepPlan<'_>, points: &'a Points<'_>) -> SweepSpec<'a> {
        let left_out: &[LeftOut] = &points.left_out;
        SweepSpec {
            rules: plan.rules,
            scenario: points.base_scenario(),
            tier: self.tier.into(),
            extent: plan.extent,
            parameters: &plan.parameters,
            design: plan.design,
            points: &plan.levels,
            left_out,
            goals: self.frontier,
        }
    }

    fn write(&self, out: &OutFolder, sweep: &simulator::Sweep, wall_time: Duration) -> Result<(), Failure> {
        let command = self.command(sweep);
        let report = SweepReport { sweep, command: &command, tables: self.tables.format() };
        for (name, bytes) in report::render_sweep(&report)? {
            out.write(&name, &bytes)?;
        }
        let run = json!({
            "format": 1,
            "command": command,
            "scenario_path": self.scenario,
            "rules_path": self.rules.rules,
            "provenance": sweep.provenance,
            "design": sweep.design,
            "keys": sweep.keys,
            "points": sweep.points.len(),
            "left_out": sweep.left_out,
            "frontier": sweep.goals,
            "wall_seconds": wall_time.as_secs_f64(),
        });
        out.write("run.json", format!("{run:#}\n").as_bytes())
    }

    /// The command that reproduces the report.
    fn command(&self, sweep: &simulator::Sweep) -> String {
        let run = &sweep.provenance;
        let mut parts =
            vec![format!("mcoe rules sweep {} --rules {}", shell_path(&self.scenario), shell_path(&self.rules.rules))];
        parts.extend(self.set.iter().map(|set| format!("--set {}", shell_word(set))));
        match self.design {
            DesignArgument::Grid => parts.push("--design grid".to_owned()),
            DesignArgument::Sobol => {
                parts.push(format!("--design sobol --points {}", self.points.unwrap_or(DEFAULT_POINTS)));
            }
        }
        parts.push(format!("--weeks {} --replications {} --seed {}", run.weeks, run.replications, run.seed));
        parts.push(format!("--tier {} --frontier {}", run.tier, format_goals(self.frontier)));
        parts.extend(self.skip_invalid.then(|| "--skip-invalid".to_owned()));
        parts.push(format!("--out {}", shell_path(&self.out.out)));
        parts.join(" ")
    }

    fn print_result(&self, globals: &Globals, sweep: &simulator::Sweep) -> Result<(), Failure> {
        if globals.format == Format::Json {
            let frontier: Vec<_> = sweep.points.iter().filter(|point| point.is_on_frontier).collect();
            let text = json!({
                "provenance": sweep.provenance,
                "design": sweep.design,
                "keys": sweep.keys,
                "goals": sweep.goals,
                "points": sweep.points.len(),
                "left_out": sweep.left_out,
                "base": sweep.base,
                "frontier": frontier,
                "sensitivities": sweep.sensitivities,
                "noise": sweep.noise,
            });
            return print(&format!("{text}\n"));
        }
        let run = &sweep.provenance;
        print(&format!(
            "swept {} point(s) over {} weeks of {} clients, {} replication(s)\n{}\nopen {}\n",
            sweep.points.len(),
            run.weeks,
            run.clients,
            run.replications,
            report::sweep_sentences(sweep).join("\n"),
            self.out.out.join("index.html").display()
        ))
    }
}

/// Shows the progress of a sweep, and stores each point as soon as it is done.
struct SweepProgress<'a> {
    progress: Progress,
    checkpoint: &'a CheckpointFile,
    /// Number of points that are stored.
    done: AtomicUsize,
    point_count: usize,
    /// Whether storing a point has failed.
    has_failed: AtomicBool,
    /// Why it has failed.
    failure: Mutex<Option<Failure>>,
}

impl<'a> SweepProgress<'a> {
    fn new(progress: Progress, checkpoint: &'a CheckpointFile, already_done: usize, point_count: usize) -> Self {
        let progress = Self {
            progress,
            checkpoint,
            done: AtomicUsize::new(already_done),
            point_count,
            has_failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        };
        progress.update_interrupt_message(already_done);
        progress
    }

    fn update_interrupt_message(&self, done: usize) {
        set_saved_work(format!(
            "{done} of {} points are stored; run the same command again to resume",
            self.point_count
        ));
    }

    /// Fails if a point could not be stored.
    fn check_stored(&self) -> Result<(), Failure> {
        let failure = self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }
}

impl Observer for SweepProgress<'_> {
    fn week_done(&self) {
        self.progress.week_done();
    }

    fn should_stop(&self) -> bool {
        self.has_failed.load(Ordering::SeqCst) || self.progress.should_stop()
    }
}

impl SweepObserver for SweepProgress<'_> {
    fn point_done(&self, outcome: &PointOutcome) {
        match self.checkpoint.add(outcome) {
            Ok(()) if outcome.point > 0 => self.update_interrupt_message(self.done.fetch_add(1, Ordering::SeqCst) + 1),
            Ok(()) => {}
            Err(failure) => {
                *self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(failure);
                self.has_failed.store(true, Ordering::SeqCst);
            }
        }
    }
}
