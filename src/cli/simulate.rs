//! `mcoe simulate`: simulates weeks of planning, review and response, and writes a report.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::failure::Failure;
use super::folder::OutFolder;
use super::plan::{Tables, report_timing, stopwatch};
use super::progress::{Progress, stop_if_requested};
use super::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, input, print};
use crate::model;
use crate::planner::Planner;
use crate::report::{self, RunReport, shell_path};
use crate::simulator::{self, Extent, Simulation};
use crate::stats::Estimate;

/// Simulate weeks of planning, review and response, and write a report.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe simulate scenarios/agency --out reports/agency\n  mcoe simulate scenarios/agency --weeks 4 --replications 100 --seed 7 --out reports/try"
)]
pub(super) struct Simulate {
    /// Folder of the scenario.
    scenario: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    /// Weeks to simulate. Default: the scenario's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: Option<u32>,
    /// Number of times the weeks are simulated, each with different random numbers. More replications give narrower
    /// intervals.
    #[arg(long, value_name = "R", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: u32,
    /// Seed of all random numbers, which are the same under different rules.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Quality of the optimiser's solutions.
    #[arg(long, value_enum, default_value_t = Tier::Exact)]
    tier: Tier,
    /// Format of the tables: CSV opens in spreadsheets; Parquet is smaller and keeps types.
    #[arg(long, value_enum, default_value_t = Tables::Parquet)]
    tables: Tables,
    #[command(flatten)]
    out: OutArguments,
    #[command(flatten)]
    threads: ThreadsArgument,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Tier {
    /// Provably optimal.
    Exact,
    /// Fast heuristic, for very large simulations.
    Fast,
}

impl From<Tier> for model::Tier {
    fn from(tier: Tier) -> Self {
        match tier {
            Tier::Exact => model::Tier::Exact,
            Tier::Fast => model::Tier::Fast,
        }
    }
}

impl Simulate {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let (rules, scenario) = input::rules_and_matching_scenario(&self.rules.rules, &self.scenario, globals)?;
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let weeks = self.weeks.unwrap_or(scenario.weeks);
        let extent = Extent { weeks, replications: self.replications, seed: self.seed };
        let planner = Planner::new(&rules, self.tier.into(), globals.verbose.then_some(stopwatch as fn() -> Duration));
        let start = Instant::now();
        let steps = u64::from(weeks) * u64::from(self.replications);
        let simulation = {
            let progress = Progress::new(globals, steps, "simulating weeks");
            self.threads.run(|| Ok(simulator::simulate(&planner, &scenario, extent, &progress)?))?
        };
        let wall_time = start.elapsed();
        self.write(&out, &simulation, wall_time)?;
        stop_if_requested()?;
        out.finish()?;
        if globals.verbose {
            report_timing(globals, &[planner], self.threads.count(), wall_time);
        }
        self.print_result(globals, &simulation)
    }

    fn write(&self, out: &OutFolder, simulation: &Simulation, wall_time: Duration) -> Result<(), Failure> {
        let command = self.command(simulation);
        let report = RunReport { simulation, command: &command, tables: self.tables.format() };
        for (name, bytes) in report::render(&report)? {
            out.write(&name, &bytes)?;
        }
        let run = json!({
            "format": 1,
            "command": command,
            "scenario_path": self.scenario,
            "rules_path": self.rules.rules,
            "provenance": simulation.provenance,
            "wall_seconds": wall_time.as_secs_f64(),
        });
        out.write("run.json", format!("{run:#}\n").as_bytes())
    }

    /// The command that reproduces the report.
    fn command(&self, simulation: &Simulation) -> String {
        let provenance = &simulation.provenance;
        format!(
            "mcoe simulate {} --rules {} --weeks {} --replications {} --seed {} --tier {} --out {}",
            shell_path(&self.scenario),
            shell_path(&self.rules.rules),
            provenance.weeks,
            provenance.replications,
            provenance.seed,
            provenance.tier,
            shell_path(&self.out.out)
        )
    }

    fn print_result(&self, globals: &Globals, simulation: &Simulation) -> Result<(), Failure> {
        if globals.format == Format::Json {
            let text = json!({ "provenance": simulation.provenance, "headline": simulation.headline });
            return print(&format!("{text}\n"));
        }
        let headline = &simulation.headline;
        let range = |estimate: &Estimate| {
            estimate.interval.map_or_else(
                || "one replication, no range".to_owned(),
                |[low, high]| {
                    let [least, most] = [estimate.p5, estimate.p95];
                    format!("5 to 95 %: {least:.0} to {most:.0}; Monte Carlo error of the mean: {low:.0} to {high:.0}")
                },
            )
        };
        let committed = match simulation.provenance.committed_posts {
            0 => String::new(),
            posts => format!(", {posts} already committed"),
        };
        print(&format!(
            "simulated {} weeks of {} clients, {} replication(s)\n\
             net worth {:.0} ({})\n\
             engagement {:.0} ({})\n\
             work: {:.0} hours; cost of work and of lost audience: {:.0}; audience at the end: {:.0}\n\
             posts: {:.0} wanted, {:.0} planned{committed}, {:.0} drafted, {:.0} blocked, {:.0} reviewed\n\
             open {}\n",
            simulation.provenance.weeks,
            simulation.provenance.clients,
            simulation.provenance.replications,
            headline.net_worth.mean,
            range(&headline.net_worth),
            headline.engagement.mean,
            range(&headline.engagement),
            headline.hours_of_work.mean,
            headline.cost.mean,
            headline.audience_end.mean,
            headline.posts_wanted.mean,
            headline.posts_planned.mean,
            headline.posts_drafted.mean,
            headline.posts_blocked.mean,
            headline.reviews.mean,
            self.out.out.join("index.html").display()
        ))
    }
}
