//! `mcoe simulate`: the report it writes.

use std::process::Stdio;

use crate::support::TestFolder;

const TABLES: [&str; 9] =
    ["assets", "calendar", "channel_weeks", "channels", "clients", "guardrail_weeks", "guardrails", "risk", "weekly"];

#[test]
fn a_report_has_its_page_summary_figures_and_tables() {
    let folder = TestFolder::new();
    folder.mcoe("simulate small --replications 3 --out run --tables csv").succeeds();
    let files = folder.files_in("run");
    for name in ["run.json", "index.html", "summary.md"] {
        assert!(files.contains_key(name), "{name}");
    }
    for table in TABLES {
        assert!(!folder.table(&format!("run/tables/{table}.csv")).rows.is_empty(), "{table}");
    }
    let figures: Vec<&String> = files.keys().filter(|name| name.starts_with("figures/")).collect();
    let vector_figures = figures.iter().filter(|name| name.ends_with(".svg"));
    assert!(vector_figures.clone().count() >= 6, "{figures:?}");
    for figure in vector_figures {
        let picture = files.get(&figure.replace(".svg", ".png")).unwrap_or_else(|| panic!("{figure} has no picture"));
        assert!(picture.starts_with(b"\x89PNG\r\n"), "{figure}");
    }
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let folder = TestFolder::new();
    folder.mcoe("simulate small --replications 2 --out run").succeeds();
    let page = folder.read("run/index.html");
    for outside in ["src=\"http", "src='http", "<link", "@import", "url(http", "src=\"figures", "href=\"figures"] {
        assert!(!page.contains(outside), "the page asks for `{outside}`");
    }
    assert!(page.contains("<svg") && page.contains("Two corner shops"));
}

#[test]
fn the_command_of_run_json_can_be_pasted_into_a_shell() {
    let folder = TestFolder::new();
    let arguments = ["simulate", "small", "--weeks", "1", "--replications", "1", "--out", "my run's"];
    assert!(folder.command("").args(arguments).stdout(Stdio::null()).status().unwrap().success());
    let run = folder.json("my run's/run.json");
    let words = shlex::split(run["command"].as_str().unwrap()).unwrap();
    assert_eq!((words[0].as_str(), words.last().unwrap().as_str()), ("mcoe", "my run's"));
}

#[test]
fn run_json_repeats_the_run() {
    let folder = TestFolder::new();
    folder.mcoe("simulate small --weeks 1 --replications 2 --seed 7 --out run").succeeds();
    let run = folder.json("run/run.json");
    assert_eq!(run["format"], 1);
    assert_eq!((&run["scenario_path"], &run["rules_path"]), (&"small".into(), &"rules".into()));
    let provenance = &run["provenance"];
    assert_eq!((&provenance["seed"], &provenance["weeks"]), (&7.into(), &1.into()));
    assert_eq!((&provenance["replications"], &provenance["clients"]), (&2.into(), &2.into()));
    assert_eq!((&provenance["start"], &provenance["tier"]), (&"2026-W43".into(), &"exact".into()));
    assert_eq!(provenance["version"], env!("CARGO_PKG_VERSION"));
    assert!(run["wall_seconds"].as_f64().unwrap() > 0.0);
    let first = folder.report_files();
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    folder.mcoe(&format!("{command} --force")).succeeds();
    assert!(first == folder.report_files(), "the command of run.json gives another report");
}

#[test]
fn the_report_is_the_same_on_one_two_and_eight_threads() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    let report = |threads: u32| {
        let line = "simulate agency --weeks 2 --replications 5 --seed 3 --out run --force --threads";
        folder.mcoe(&format!("{line} {threads}")).succeeds();
        folder.report_files()
    };
    let on_one = report(1);
    for threads in [2, 8] {
        let on_more = report(threads);
        for (name, bytes) in &on_one {
            assert!(on_more.get(name) == Some(bytes), "{name} differs on {threads} threads");
        }
        assert_eq!(on_one.len(), on_more.len());
    }
}

#[test]
fn another_seed_gives_other_results() {
    let folder = TestFolder::new();
    let engagement = |seed: u32| {
        let line = format!("simulate small --replications 2 --seed {seed} --out run --force --format json");
        folder.mcoe(&line).succeeds().json()["headline"]["engagement"]["mean"].as_f64().unwrap()
    };
    let (first, second) = (engagement(1), engagement(2));
    assert_ne!(first.to_bits(), second.to_bits());
    assert_eq!(first.to_bits(), engagement(1).to_bits());
}

#[test]
fn one_replication_is_reported_to_have_no_interval() {
    let folder = TestFolder::new();
    let out = folder.mcoe("simulate small --weeks 1 --replications 1 --out run").succeeds().out;
    assert!(out.contains("one replication, no range"), "{out}");
    let reported =
        folder.mcoe("simulate small --weeks 1 --replications 1 --out run --force --format json").succeeds().json();
    assert!(reported["headline"]["engagement"]["interval"].is_null(), "{reported}");
}

#[test]
fn the_fast_tier_is_named_in_the_output() {
    let folder = TestFolder::new();
    folder.mcoe("simulate small --weeks 1 --replications 2 --tier fast --out run").succeeds();
    assert_eq!(folder.json("run/run.json")["provenance"]["tier"], "fast");
    assert!(folder.json("run/run.json")["command"].as_str().unwrap().contains("--tier fast"));
}

#[test]
fn simulations_of_a_ledgers_export_count_the_committed_week() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-16T08:00:00Z").succeeds();
    let week = folder.mcoe("weekly --now 2026-10-16T08:00:00Z --actor ann --format json").succeeds().json();
    let committed = &week["workspaces"][0]["committed"];
    let live = committed["ready"].as_u64().unwrap() + committed["pending"].as_u64().unwrap();
    assert!(live > 10 && week["week"] == "2026-W43", "{week}");
    folder.mcoe("db export corner --week 2026-W43 --out back").succeeds();
    let reported = folder.mcoe("simulate back --weeks 2 --replications 2 --tables csv --out run").succeeds().out;
    assert!(reported.contains(&format!(" planned, {live} already committed, ")), "{reported}");
    let weekly = folder.table("run/tables/weekly.csv");
    let numbers = |column: &str| weekly.column(column).iter().map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
    assert_eq!(numbers("posts_committed"), [live as f64, 0.0]);
    assert!(numbers("posts_drafted")[0] >= live as f64);
    let [first, second] = numbers("expected_engagement")[..] else { panic!("two weeks") };
    assert!((0.5..2.0).contains(&(first / second)), "a committed week is worth about as much as another");
}
