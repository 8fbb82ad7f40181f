//! Small inputs and their results, each with a snapshot; review a snapshot before you accept it.
//!
//! `cases/packs/*.toml` are packs, each run on every shipped scenario; a new file there or a new folder in `scenarios/`
//! needs no further code. Each of `cases/planner/*.toml` changes the default pack or the small scenario; its snapshot
//! shows the plan's tables. The snapshots of `cases/simulator/*.toml` show a simulation's headline instead. Each of
//! `cases/cli/*.cmd` holds command lines; its snapshot shows the output and exit code of each line.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use mcoe::model::{Channel, Plan, Scenario, Tier, Week};
use mcoe::planner::{self, Planner};
use mcoe::report::{TableFormat, table_file};
use mcoe::result_tables::plan_tables;
use mcoe::rules::CompiledRules;
use mcoe::scenario;
use mcoe::simulator::{Extent, Headline, Provenance, Simulation, simulate};
use mcoe::stats::Estimate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::simulator::NeverStops;
use crate::support::{Table, TestFolder, compiled, project, read_folder, shipped_scenario};

/// A case: its description and its input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the case shows, in a sentence.
    about: String,
    /// The week to plan; the scenario's first by default.
    week: Option<Week>,
    /// How much to simulate.
    #[serde(default)]
    run: Run,
    /// Texts to replace in `rules/` and `small/`.
    #[serde(default)]
    change: Vec<Change>,
    /// Files to add.
    #[serde(default)]
    add: Vec<Addition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    weeks: u32,
    replications: u32,
    seed: u64,
}

impl Default for Run {
    fn default() -> Self {
        Self { weeks: 2, replications: 10, seed: 1 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    file: String,
    from: String,
    to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addition {
    file: String,
    text: String,
}

/// Reads a case and compiles its pack.
fn open_pack(path: &Path) -> (Case, CompiledRules, TestFolder) {
    let case: Case = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let folder = TestFolder::new();
    for Change { file, from, to } in &case.change {
        folder.replace(file, from, to);
    }
    for Addition { file, text } in &case.add {
        folder.write(file, text);
    }
    let rules = compiled(read_folder(&folder.path("rules")));
    (case, rules, folder)
}

/// Reads a case, compiles its pack and reads its scenario.
fn open(path: &Path) -> (Case, CompiledRules, Scenario) {
    let (case, rules, folder) = open_pack(path);
    let scenario = scenario::read(&folder.path("small"), &rules.base().risk.default_policy)
        .unwrap_or_else(|errors| panic!("{errors}"));
    (case, rules, scenario)
}

/// Compares a text with the snapshot of the current case. `kind` is the folder of the case.
fn assert_snapshot(kind: &str, about: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_description(about);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(kind, text));
}

/// The tables of a plan that snapshots show, with their columns.
const TABLES: [(&str, &[&str]); 6] = [
    (
        "posts",
        &[
            "client_id",
            "channel",
            "local_time",
            "asset_id",
            "variation_id",
            "campaign_id",
            "status",
            "priority",
            "fatigue",
            "expected_engagement",
            "asset_score",
            "confidence",
            "risk_level",
            "blocked_reason",
        ],
    ),
    ("conflicts", &["client_id", "channel", "type", "severity", "affected", "description", "resolution"]),
    (
        "allocations",
        &[
            "client_id",
            "channel",
            "posts_wanted",
            "posts_target",
            "posts_planned",
            "posts_blocked",
            "fatigue_start",
            "fatigue_end",
            "end_weight",
            "objective",
            "upper_bound",
            "exact",
            "hours_allowed",
            "why_fewer",
        ],
    ),
    ("certificates", &["client_id", "objective", "upper_bound", "gap", "unmet_limits"]),
    (
        "limits",
        &[
            "client_id",
            "limit",
            "kind",
            "channel",
            "asset_id",
            "campaign_id",
            "from",
            "hours",
            "allowed",
            "used",
            "price",
        ],
    ),
    ("shared_limits", &["workspace_id", "limit", "industry", "tag", "channel", "from", "allowed", "used", "price"]),
];

/// Columns that are shown only if a cell is not empty. Without its column `limit`, `shared_limits` is not shown at all.
const SHOWN_IF_FILLED: [&str; 4] =
    ["limits.asset_id", "limits.campaign_id", "shared_limits.limit", "shared_limits.tag"];

/// The tables of a plan, without values that differ between versions.
fn snapshot_of_tables(plan: &Plan) -> String {
    let tables = plan_tables(plan, &planner::decisions(plan));
    let files = tables.map(|table| table_file(&table, TableFormat::Csv).unwrap());
    let mut text = String::new();
    for (name, columns) in TABLES {
        let (_, bytes) = files.iter().find(|(path, _)| *path == format!("{name}.csv")).unwrap();
        let table = Table::parse(std::str::from_utf8(bytes).unwrap());
        let is_filled = |column: &str| table.column(column).iter().any(|cell| !cell.is_empty());
        let is_shown =
            |column: &&&str| !SHOWN_IF_FILLED.contains(&format!("{name}.{column}").as_str()) || is_filled(column);
        let shown_columns: Vec<&str> = columns.iter().filter(is_shown).copied().collect();
        if name != "shared_limits" || shown_columns.contains(&"limit") {
            writeln!(text, "{name}\n{}\n", table.aligned(&shown_columns)).unwrap();
        }
    }
    text
}

#[test]
fn plans_of_the_small_scenario() {
    insta::glob!("../cases/planner", "*.toml", |path| {
        let (case, rules, scenario) = open(path);
        let planner = Planner::new(&rules, Tier::Exact, None);
        let plan = planner::plan_week(&planner, &scenario, case.week.unwrap_or(scenario.start)).unwrap();
        assert_snapshot("planner", &case.about, &snapshot_of_tables(&plan));
    });
}

/// The estimates of a headline by name.
fn estimates(headline: &Headline) -> [(&'static str, &Estimate); 12] {
    [
        ("engagement", &headline.engagement),
        ("expected engagement", &headline.expected_engagement),
        ("posts wanted", &headline.posts_wanted),
        ("posts planned", &headline.posts_planned),
        ("posts drafted", &headline.posts_drafted),
        ("posts blocked", &headline.posts_blocked),
        ("reviews", &headline.reviews),
        ("rejected", &headline.rejected),
        ("expired", &headline.expired),
        ("without asset", &headline.without_asset),
        ("hours above warn", &headline.hours_above_warn),
        ("hours above block", &headline.hours_above_block),
    ]
}

fn snapshot_of_headline(simulation: &Simulation) -> String {
    let mut text = String::new();
    for (name, estimate) in estimates(&simulation.headline) {
        let Estimate { mean, interval, p5, p50, p95 } = estimate;
        let interval = interval.map_or("none".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"));
        writeln!(text, "{name:<20} {mean:>9.2}  interval {interval:<20} p5 {p5:.2} p50 {p50:.2} p95 {p95:.2}").unwrap();
    }
    for rule in &simulation.guardrails {
        writeln!(
            text,
            "{:<20} passed {:.2}, warned {:.2}, blocked {:.2}",
            rule.rule, rule.passed, rule.warned, rule.blocked
        )
        .unwrap();
    }
    text
}

#[test]
fn headlines_of_the_small_scenario() {
    insta::glob!("../cases/simulator", "*.toml", |path| {
        let (case, rules, scenario) = open(path);
        let Run { weeks, replications, seed } = case.run;
        let planner = Planner::new(&rules, Tier::Exact, None);
        let simulation = simulate(&planner, &scenario, Extent { weeks, replications, seed }, &NeverStops).unwrap();
        assert_snapshot("simulator", &case.about, &snapshot_of_headline(&simulation));
    });
}

/// A short summary of a pack's results on a scenario.
#[derive(Serialize)]
struct Results {
    /// Everything needed to reproduce the simulation.
    provenance: Provenance,
    plan_id: String,
    week: String,
    objective: f64,
    upper_bound: f64,
    /// Posts of each channel by status, and the expected engagement of those that are not blocked.
    channels: HashMap<Channel, String>,
    /// The first channels that got fewer posts than they wanted, and why.
    why_fewer: Vec<String>,
    /// The first conflicts, and how many there are.
    conflicts: Vec<String>,
    conflicts_in_all: usize,
    /// Mean and interval of each estimate of the simulation.
    headline: HashMap<&'static str, String>,
}

/// Maximum number of entries of a list that are shown.
const MAX_SHOWN: usize = 5;

impl Results {
    fn of(plan: &Plan, simulation: &Simulation) -> Self {
        let mut channels: BTreeMap<Channel, (BTreeMap<&str, usize>, f64)> = BTreeMap::new();
        for (_, post) in plan.posts() {
            let (counts, expected) = channels.entry(post.channel).or_default();
            *counts.entry(post.status.name()).or_default() += 1;
            *expected += if post.is_live() { post.expected_engagement } else { 0.0 };
        }
        let describe = |(counts, expected): (BTreeMap<&str, usize>, f64)| {
            let counts: Vec<String> = counts.into_iter().map(|(status, count)| format!("{count} {status}")).collect();
            format!("{}, expected {expected:.2}", counts.join(", "))
        };
        let why_fewer = plan.clients.iter().flat_map(|client| {
            let short = client.allocations.iter().filter(|allocation| !allocation.why_fewer.is_empty());
            short.map(|allocation| format!("{} {}: {}", client.client_id, allocation.channel, allocation.why_fewer))
        });
        let conflicts = plan.clients.iter().flat_map(|client| {
            client.conflicts.iter().map(|conflict| {
                let channel = conflict.channel.map_or("all channels", Channel::name);
                let (kind, severity) = (conflict.kind.name(), conflict.severity.name());
                format!(
                    "{} {channel}: {kind}, {severity}, {} posts: {}",
                    client.client_id, conflict.affected, conflict.description
                )
            })
        });
        let estimates = estimates(&simulation.headline).into_iter();
        Self {
            provenance: simulation.provenance.clone(),
            plan_id: plan.plan_id.to_string(),
            week: plan.week.to_string(),
            objective: plan.objective(),
            upper_bound: plan.upper_bound(),
            channels: channels.into_iter().map(|(channel, posts)| (channel, describe(posts))).collect(),
            why_fewer: why_fewer.take(MAX_SHOWN).collect(),
            conflicts: conflicts.clone().take(MAX_SHOWN).collect(),
            conflicts_in_all: conflicts.count(),
            headline: estimates.map(|(name, estimate)| (name, mean_and_interval(estimate))).collect(),
        }
    }
}

fn mean_and_interval(estimate: &Estimate) -> String {
    let interval = estimate.interval.map_or("none".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"));
    format!("{:.2} ({interval})", estimate.mean)
}

/// Names of the shipped scenarios' folders, sorted.
fn scenario_names() -> Vec<String> {
    let folders = std::fs::read_dir(project("scenarios")).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.path().join("scenario.toml").is_file());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(!names.is_empty());
    names
}

#[test]
fn every_pack_on_every_scenario() {
    let extent = Extent { weeks: 1, replications: 3, seed: 1 };
    insta::glob!("../cases/packs", "*.toml", |path| {
        let (case, rules, _) = open_pack(path);
        let planner = Planner::new(&rules, Tier::Exact, None);
        for name in scenario_names() {
            let scenario = shipped_scenario(&name, &rules);
            let plan = planner::plan_week(&planner, &scenario, scenario.start).unwrap();
            let simulation = simulate(&planner, &scenario, extent, &NeverStops).unwrap();
            let mut settings = insta::Settings::clone_current();
            settings.set_description(&case.about);
            settings.set_omit_expression(true);
            settings.set_sort_maps(true);
            settings.set_info(&json!({ "rules_hash": rules.hash(), "seed": extent.seed }));
            settings.add_redaction(".plan_id", "[id]");
            for hash in [".provenance.rules_hash", ".provenance.scenario_hash"] {
                settings.add_redaction(hash, "[hash]");
            }
            for version in [".provenance.version", ".provenance.time_zones"] {
                settings.add_redaction(version, "[version]");
            }
            for sum in [".objective", ".upper_bound"] {
                settings.add_redaction(sum, insta::rounded_redaction(2));
            }
            settings.bind(|| insta::assert_json_snapshot!(format!("packs_{name}"), Results::of(&plan, &simulation)));
        }
    });
}

/// Runs the lines of a `.cmd` file, in which `$POST` stands for the id of the plan's first post.
struct CommandRunner {
    folder: TestFolder,
    post_id: Option<String>,
}

impl CommandRunner {
    /// The line with the id instead of `$POST`.
    fn fill(&mut self, line: &str) -> String {
        if line.contains("$POST") && self.post_id.is_none() {
            let posts = self.folder.table("plan/posts.csv");
            self.post_id = Some(posts.cell(&posts.rows[0], "post_id").to_owned());
        }
        line.replace("$POST", self.post_id.as_deref().unwrap_or_default())
    }

    /// The output with `$POST` instead of the id, and without hashes, which any edit of the pack changes.
    fn mask(&self, text: &str) -> String {
        let text = self.post_id.as_ref().map_or_else(|| text.to_owned(), |id| text.replace(id.as_str(), "$POST"));
        let mut parts = text.split(", hash ");
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            write!(masked, ", hash $HASH{rest}").unwrap();
        }
        masked
    }
}

#[test]
fn commands_print_what_their_snapshots_hold() {
    insta::glob!("../cases/cli", "*.cmd", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut runner = CommandRunner { folder: TestFolder::new(), post_id: None };
        let mut printed = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some((file, text)) = line.split_once(" << ") {
                runner.folder.write(file, &text.replace("\\n", "\n"));
                continue;
            }
            let arguments = runner.fill(line.strip_prefix("mcoe ").unwrap());
            let output = runner.folder.mcoe(&arguments);
            writeln!(printed, "$ {line}").unwrap();
            write!(printed, "{}{}", runner.mask(&output.out), runner.mask(&output.err)).unwrap();
            writeln!(printed, "-> {}\n", output.code.map_or("signal".to_owned(), |code| code.to_string())).unwrap();
        }
        assert_snapshot("cli", text.lines().next().unwrap_or_default().trim_start_matches("# "), &printed);
    });
}
