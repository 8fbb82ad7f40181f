//! `mcoe compare`: compares rules packs, or scenarios, with common random numbers, and writes a report.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::compared_scenarios;
use super::failure::Failure;
use super::folder::OutFolder;
use super::plan::{Tables, report_timing, stopwatch};
use super::progress::{Progress, stop_if_requested};
use super::simulate::Tier;
use super::{Format, Globals, OutArguments, RulesArgument, ThreadsArgument, input, print};
use crate::model::Scenario;
use crate::planner::Planner;
use crate::report::{self, ComparisonReport, shell_path};
use crate::rules::CompiledRules;
use crate::simulator::{self, Compared, ComparedPack, ComparedScenario, Comparison, Extent, Versus};

/// Default number of replications.
const DEFAULT_REPLICATIONS: u32 = 20;

/// Default maximum number of replications with `--until`.
const MAX_REPLICATIONS: u32 = 1000;

/// Simulate the same weeks under two or more rules packs, or in two or more scenarios, with common random numbers, and
/// report the differences.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe compare scenarios/agency --rules rules --against my-rules --out reports/mine\n  mcoe compare scenarios/agency --against bold --against careful --until 0.5% --out reports/both\n  mcoe compare scenarios/agency --against-scenario more-reviewers --out reports/reviewers",
    group = ArgGroup::new("others").required(true).multiple(true).args(["against", "against_scenario"])
)]
pub(super) struct Compare {
    /// Folder of the scenario.
    scenario: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    /// Folder of a pack to compare with the one of --rules. May be given more than once.
    #[arg(long, value_name = "DIR")]
    against: Vec<PathBuf>,
    /// Folder of a scenario to compare with SCENARIO under the pack of --rules, such as the same clients with more
    /// reviewers. It must have the same first week; clients may differ. May be given more than once, but not together
    /// with --against.
    #[arg(long, value_name = "DIR")]
    against_scenario: Vec<PathBuf>,
    /// Weeks to simulate. Default: those of SCENARIO.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=520))]
    weeks: Option<u32>,
    /// Number of times the weeks are simulated for each pack or scenario. Default: 20, and at most 1000 with --until.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    replications: Option<u32>,
    /// Seed of all random numbers.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Stop early, after a multiple of ten replications, once the half-width of the 95 % interval of the difference
    /// in net worth is at most this share of the base's net worth, such as 0.5%.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percentage)]
    until: Option<f64>,
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

/// Parses a percentage, such as `0.5%`, as a fraction.
fn parse_percentage(text: &str) -> Result<f64, String> {
    const REMEDY: &str = "write a percentage above 0% and at most 100%, such as 0.5%";
    let number = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    number.filter(|percent| *percent > 0.0 && *percent <= 100.0).map(|percent| percent / 100.0).ok_or(REMEDY.to_owned())
}

impl Compare {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        match (self.against.as_slice(), self.against_scenario.as_slice()) {
            (_, []) => self.compare_packs(globals),
            ([], _) => self.compare_scenarios(globals),
            _ => Err(Failure::input(
                "--against and --against-scenario were given together, so it would not be clear whether a difference \
                 comes from the rules or from the scenario",
                "give --against to compare packs or --against-scenario to compare scenarios",
            )),
        }
    }

    fn compare_packs(&self, globals: &Globals) -> Result<(), Failure> {
        let dirs: Vec<&Path> = std::iter::once(&self.rules.rules).chain(&self.against).map(PathBuf::as_path).collect();
        let packs = input::packs_and_scenario(&dirs, &self.scenario, globals)?;
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let planners: Vec<Planner<'_>> = packs.iter().map(|(rules, _)| self.planner(rules, globals)).collect();
        let names: Vec<&str> = packs.iter().map(|(rules, _)| rules.name()).collect();
        let labels = pack_labels(&names, &dirs);
        let mut compared = planners
            .iter()
            .zip(&packs)
            .zip(&labels)
            .map(|((planner, (_, scenario)), label)| ComparedPack { label, planner, scenario });
        let Some(base) = compared.next() else { return Err(Failure::input_error("no pack to compare")) };
        let others: Vec<ComparedPack<'_>> = compared.collect();
        let extent = self.extent(base.scenario);
        let progress = Progress::new(globals, week_count(extent, packs.len()), "simulating weeks");
        let start = Instant::now();
        let comparison = self.threads.run(|| Ok(simulator::compare(base, &others, extent, self.until, &progress)?))?;
        drop(progress);
        self.finish(out, &comparison, &planners, start.elapsed(), globals)
    }

    fn compare_scenarios(&self, globals: &Globals) -> Result<(), Failure> {
        let dirs: Vec<&Path> =
            std::iter::once(&self.scenario).chain(&self.against_scenario).map(PathBuf::as_path).collect();
        compared_scenarios::check_distinct(&dirs)?;
        let (rules, scenarios) = input::rules_and_scenarios(&self.rules.rules, &dirs, globals)?;
        compared_scenarios::check_starts(&scenarios, &dirs)?;
        let out = OutFolder::open(&self.out.out, self.out.force)?;
        let planner = self.planner(&rules, globals);
        let names: Vec<&str> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
        let labels = compared_scenarios::scenario_labels(&names, &dirs);
        let mut compared = scenarios.iter().zip(&labels).map(|(scenario, label)| ComparedScenario { label, scenario });
        let Some(base) = compared.next() else { return Err(Failure::input_error("no scenario to compare")) };
        let others: Vec<ComparedScenario<'_>> = compared.collect();
        let extent = self.extent(base.scenario);
        if self.weeks.is_none() {
            compared_scenarios::note_different_lengths(&scenarios, &dirs, extent.weeks, globals);
        }
        let progress = Progress::new(globals, week_count(extent, scenarios.len()), "simulating weeks");
        let start = Instant::now();
        let comparison = self
            .threads
            .run(|| Ok(simulator::compare_scenarios(&planner, base, &others, extent, self.until, &progress)?))?;
        drop(progress);
        self.finish(out, &comparison, &[planner], start.elapsed(), globals)
    }

    fn planner<'r>(&self, rules: &'r CompiledRules, globals: &Globals) -> Planner<'r> {
        Planner::new(rules, self.tier.into(), globals.verbose.then_some(stopwatch as fn() -> Duration))
    }

    fn extent(&self, base: &Scenario) -> Extent {
        let default = if self.until.is_some() { MAX_REPLICATIONS } else { DEFAULT_REPLICATIONS };
        let replications = self.replications.unwrap_or(default);
        Extent { weeks: self.weeks.unwrap_or(base.weeks), replications, seed: self.seed }
    }

    fn finish(
        &self,
        out: OutFolder,
        comparison: &Comparison,
        planners: &[Planner<'_>],
        wall_time: Duration,
        globals: &Globals,
    ) -> Result<(), Failure> {
        self.write(&out, comparison, wall_time)?;
        stop_if_requested()?;
        out.finish()?;
        if globals.verbose {
            report_timing(globals, planners, self.threads.count(), wall_time);
        }
        self.print_result(globals, comparison)
    }

    fn write(&self, out: &OutFolder, comparison: &Comparison, wall_time: Duration) -> Result<(), Failure> {
        let command = self.command(comparison);
        let report = ComparisonReport { comparison, command: &command, tables: self.tables.format() };
        for (name, bytes) in report::render_comparison(&report)? {
            out.write(&name, &bytes)?;
        }
        let (against_key, against_paths) = match comparison.compared {
            Compared::Packs => ("against_paths", &self.against),
            Compared::Scenarios => ("against_scenario_paths", &self.against_scenario),
        };
        let run = json!({
            "format": 1,
            "command": command,
            "scenario_path": self.scenario,
            "rules_path": self.rules.rules,
            (against_key): against_paths,
            (variants_key(comparison)): comparison.variants,
            "until": comparison.until,
            "wall_seconds": wall_time.as_secs_f64(),
        });
        out.write("run.json", format!("{run:#}\n").as_bytes())
    }

    /// The command that reproduces the report.
    fn command(&self, comparison: &Comparison) -> String {
        let mut parts =
            vec![format!("mcoe compare {} --rules {}", shell_path(&self.scenario), shell_path(&self.rules.rules))];
        parts.extend(self.against.iter().map(|dir| format!("--against {}", shell_path(dir))));
        parts.extend(self.against_scenario.iter().map(|dir| format!("--against-scenario {}", shell_path(dir))));
        if let Some(run) = comparison.base().map(|variant| &variant.provenance) {
            let replications = comparison.until.map_or(run.replications, |until| until.most_replications);
            parts.push(format!("--weeks {} --replications {replications} --seed {}", run.weeks, run.seed));
            parts.extend(self.until.map(|share| format!("--until {}%", percent(share))));
            parts.push(format!("--tier {}", run.tier));
        }
        parts.push(format!("--out {}", shell_path(&self.out.out)));
        parts.join(" ")
    }

    fn print_result(&self, globals: &Globals, comparison: &Comparison) -> Result<(), Failure> {
        let verdicts = report::verdicts(comparison);
        if globals.format == Format::Json {
            return print(&format!("{}\n", result_as_json(comparison, &verdicts)));
        }
        let run = comparison.base().map(|variant| &variant.provenance);
        let (weeks, replications) = run.map_or((0, 0), |run| (run.weeks, run.replications));
        let clients = match comparison.client_range() {
            [fewest, most] if fewest < most => format!("{fewest} to {most}"),
            [clients, _] => clients.to_string(),
        };
        print(&format!(
            "compared {} {} over {weeks} weeks of {clients} clients, {replications} replication(s)\n{}\nopen {}\n",
            comparison.variants.len(),
            variants_key(comparison),
            verdicts.join("\n"),
            self.out.out.join("index.html").display()
        ))
    }
}

/// Total number of weeks to simulate.
fn week_count(extent: Extent, variants: usize) -> u64 {
    u64::from(extent.weeks) * u64::from(extent.replications) * variants as u64
}

/// The key of the variants in `run.json`.
const fn variants_key(comparison: &Comparison) -> &'static str {
    match comparison.compared {
        Compared::Packs => "packs",
        Compared::Scenarios => "scenarios",
    }
}

fn result_as_json(comparison: &Comparison, verdicts: &[String]) -> Value {
    let result = |(versus, verdict): (&Versus, &String)| match comparison.compared {
        Compared::Packs => json!({
            "pack": versus.label,
            "verdict": verdict,
            "headline": versus.headline,
            "clients": versus.client_counts,
        }),
        Compared::Scenarios => json!({
            "scenario": versus.label,
            "verdict": verdict,
            "headline": versus.headline,
            "clients": versus.client_counts,
            "only_base": versus.only_base,
            "only_other": versus.only_other,
        }),
    };
    let versus: Vec<Value> = comparison.versus.iter().zip(verdicts).map(result).collect();
    json!({ (variants_key(comparison)): comparison.variants, "until": comparison.until, "versus": versus })
}

/// A fraction as a percentage that [`parse_percentage`] reads back; rounded, so that 0.005 gives exactly 0.5.
fn percent(share: f64) -> f64 {
    (share * 1e14).round() / 1e12
}

/// Labels of the packs: each pack's name, or its folder if the name is not unique; numbered if the folder is not unique
/// either.
fn pack_labels(names: &[&str], dirs: &[&Path]) -> Vec<String> {
    let is_unique = |name: &str| names.iter().filter(|other| **other == name).count() == 1;
    let label =
        |(name, dir): (&&str, &&Path)| if is_unique(name) { (*name).to_owned() } else { dir.display().to_string() };
    let labels: Vec<String> = names.iter().zip(dirs).map(label).collect();
    let count_before = |label: &String, index: usize| labels.iter().take(index).filter(|other| *other == label).count();
    let numbered = labels.iter().zip(0..).map(|(label, index)| match count_before(label, index) {
        0 => label.clone(),
        count => format!("{label} ({})", count + 1),
    });
    numbered.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_width_is_parsed_as_a_percentage() {
        assert_eq!(parse_percentage("0.5%"), Ok(0.005));
        assert_eq!(parse_percentage("100 %"), Ok(1.0));
        for wrong in ["0.5", "0%", "-1%", "101%", "NaN%", "%", "half", ""] {
            assert!(parse_percentage(wrong).unwrap_err().contains("such as 0.5%"), "{wrong}");
        }
    }

    #[test]
    fn packs_with_the_same_name_get_distinct_labels() {
        let dirs = ["rules", "bold", "rules", "careful"].map(Path::new);
        let labels_of = |names: [&str; 4]| pack_labels(&names, &dirs);
        assert_eq!(labels_of(["default", "bold", "house", "careful"]), ["default", "bold", "house", "careful"]);
        assert_eq!(labels_of(["default", "bold", "default", "bold"]), ["rules", "bold", "rules (2)", "careful"]);
    }

    #[test]
    fn a_half_width_is_formatted_as_it_was_parsed() {
        for text in ["0.5%", "0.1%", "0.7%", "3%", "0.35%", "99.9%", "0.0001%"] {
            let share = parse_percentage(text).unwrap();
            assert_eq!(format!("{}%", percent(share)), text);
        }
    }
}
