//! Small inputs and their results, each with a snapshot; review a snapshot before you accept it.
//!
//! `cases/packs/*.toml` are packs, each run on every shipped scenario: a new file there, or a new folder in
//! `scenarios/`, is found by itself. `cases/planner/*.toml` changes the default pack or the small scenario and shows the plan's tables;
//! `cases/simulator/*.toml` does so for a simulation's headline; `cases/cli/*.cmd` holds command lines,
//! and shows the output and exit code of each.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use mcoe::model::{Channel, Plan, Scenario, Tier, Week};
use mcoe::planner::{self, Planner};
use mcoe::report::{TableFormat, plan_tables};
use mcoe::rules::CompiledRules;
use mcoe::scenario;
use mcoe::simulator::{Extent, Headline, Observer, Provenance, Simulation, simulate};
use mcoe::stats::Estimate;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::{Table, Workplace, compiled, project, read_folder, shipped};

/// A case: its description and its input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows, in a sentence.
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

/// Reads a case and makes its pack.
fn open_pack(path: &Path) -> (Case, CompiledRules, Workplace) {
    let case: Case = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let place = Workplace::new();
    for Change { file, from, to } in &case.change {
        place.replace(file, from, to);
    }
    for Addition { file, text } in &case.add {
        place.write(file, text);
    }
    let rules = compiled(read_folder(&place.path("rules")));
    (case, rules, place)
}

/// Reads a case and makes its pack and its scenario.
fn open(path: &Path) -> (Case, CompiledRules, Scenario) {
    let (case, rules, place) = open_pack(path);
    let scenario = scenario::read(&place.path("small"), &rules.base().risk.default_policy)
        .unwrap_or_else(|errors| panic!("{errors}"));
    (case, rules, scenario)
}

fn compare(kind: &str, about: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_description(about);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(kind, text));
}

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
    ("limits", &["client_id", "limit", "kind", "channel", "asset_id", "from", "hours", "allowed", "used", "price"]),
    ("shared_limits", &["workspace_id", "limit", "industry", "channel", "from", "allowed", "used", "price"]),
];

/// Tables and columns that are shown only where they hold something.
const SHOWN_IF_FILLED: [&str; 2] = ["limits.asset_id", "shared_limits.limit"];

/// The tables of a plan, without values that differ between versions.
fn shown(plan: &Plan) -> String {
    let files = plan_tables(plan, &planner::decisions(plan), TableFormat::Csv).unwrap();
    let mut text = String::new();
    for (name, columns) in TABLES {
        let (_, bytes) = files.iter().find(|(path, _)| *path == format!("{name}.csv")).unwrap();
        let table = Table::parse(std::str::from_utf8(bytes).unwrap());
        let is_filled = |column: &str| table.column(column).iter().any(|cell| !cell.is_empty());
        let is_shown =
            |column: &&&str| !SHOWN_IF_FILLED.contains(&format!("{name}.{column}").as_str()) || is_filled(column);
        let shown: Vec<&str> = columns.iter().filter(is_shown).copied().collect();
        if name != "shared_limits" || shown.len() == columns.len() {
            writeln!(text, "{name}\n{}\n", table.aligned(&shown)).unwrap();
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
        compare("planner", &case.about, &shown(&plan));
    });
}

struct Patient;

impl Observer for Patient {
    fn week_done(&self) {}

    fn should_stop(&self) -> bool {
        false
    }
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

fn headline(simulation: &Simulation) -> String {
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
        let simulation = simulate(&planner, &scenario, Extent { weeks, replications, seed }, &Patient).unwrap();
        compare("simulator", &case.about, &headline(&simulation));
    });
}

/// A short summary of a pack's results on a scenario.
#[derive(Serialize)]
struct Effect {
    /// Everything needed to reproduce it.
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
    /// The simulation: mean and interval over replications.
    headline: HashMap<&'static str, String>,
}

/// Number of entries shown of a list.
const FIRST: usize = 5;

impl Effect {
    fn of(plan: &Plan, simulation: &Simulation) -> Self {
        let mut channels: BTreeMap<Channel, (BTreeMap<&str, usize>, f64)> = BTreeMap::new();
        for (_, post) in plan.posts() {
            let (counts, expected) = channels.entry(post.channel).or_default();
            *counts.entry(post.status.name()).or_default() += 1;
            *expected += if post.is_live() { post.expected_engagement } else { 0.0 };
        }
        let said = |(counts, expected): (BTreeMap<&str, usize>, f64)| {
            let counts: Vec<String> = counts.into_iter().map(|(status, count)| format!("{count} {status}")).collect();
            format!("{}, expected {expected:.2}", counts.join(", "))
        };
        let fewer = plan.clients.iter().flat_map(|client| {
            let short = client.allocations.iter().filter(|allocation| !allocation.why_fewer.is_empty());
            short.map(|one| format!("{} {}: {}", client.client_id, one.channel, one.why_fewer))
        });
        let conflicts = plan.clients.iter().flat_map(|client| {
            client.conflicts.iter().map(|one| {
                let channel = one.channel.map_or("all channels", Channel::name);
                let (kind, severity) = (one.kind.name(), one.severity.name());
                format!(
                    "{} {channel}: {kind}, {severity}, {} posts: {}",
                    client.client_id, one.affected, one.description
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
            channels: channels.into_iter().map(|(channel, all)| (channel, said(all))).collect(),
            why_fewer: fewer.take(FIRST).collect(),
            conflicts: conflicts.clone().take(FIRST).collect(),
            conflicts_in_all: conflicts.count(),
            headline: estimates.map(|(name, estimate)| (name, with_interval(estimate))).collect(),
        }
    }
}

fn with_interval(estimate: &Estimate) -> String {
    let interval = estimate.interval.map_or("none".to_owned(), |[low, high]| format!("{low:.2} to {high:.2}"));
    format!("{:.2} ({interval})", estimate.mean)
}

/// Names of the shipped scenarios' folders, sorted.
fn scenarios() -> Vec<String> {
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
        for name in scenarios() {
            let scenario = shipped(&name, &rules);
            let plan = planner::plan_week(&planner, &scenario, scenario.start).unwrap();
            let simulation = simulate(&planner, &scenario, extent, &Patient).unwrap();
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
            settings.bind(|| insta::assert_json_snapshot!(format!("packs_{name}"), Effect::of(&plan, &simulation)));
        }
    });
}

/// Placeholders in the lines of a `.cmd` file, and values that are removed from the output.
struct Blanks {
    place: Workplace,
    post: Option<String>,
}

impl Blanks {
    /// The line with `$POST` for the id of the plan's first post.
    fn fill(&mut self, line: &str) -> String {
        if line.contains("$POST") && self.post.is_none() {
            let posts = self.place.table("plan/posts.csv");
            self.post = Some(posts.cell(&posts.rows[0], "post_id").to_owned());
        }
        line.replace("$POST", self.post.as_deref().unwrap_or_default())
    }

    /// The text without that id, and without hashes, which any edit of the pack changes.
    fn clear(&self, text: &str) -> String {
        let text = self.post.as_ref().map_or_else(|| text.to_owned(), |id| text.replace(id.as_str(), "$POST"));
        let mut parts = text.split(", hash ");
        let mut cleared = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            write!(cleared, ", hash $HASH{rest}").unwrap();
        }
        cleared
    }
}

#[test]
fn commands_print_what_their_snapshots_hold() {
    insta::glob!("../cases/cli", "*.cmd", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut blanks = Blanks { place: Workplace::new(), post: None };
        let mut said = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if let Some((file, text)) = line.split_once(" << ") {
                blanks.place.write(file, &text.replace("\\n", "\n"));
                continue;
            }
            let filled = blanks.fill(line.strip_prefix("mcoe ").unwrap());
            let ran = blanks.place.mcoe(&filled);
            writeln!(said, "$ {line}").unwrap();
            write!(said, "{}{}", blanks.clear(&ran.out), blanks.clear(&ran.err)).unwrap();
            writeln!(said, "-> {}\n", ran.code.map_or("signal".to_owned(), |code| code.to_string())).unwrap();
        }
        compare("cli", text.lines().next().unwrap_or_default().trim_start_matches("# "), &said);
    });
}
