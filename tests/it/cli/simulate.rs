//! `mcoe simulate`: the report it writes.

use crate::support::Workplace;

const TABLES: [&str; 9] =
    ["assets", "calendar", "channel_weeks", "channels", "clients", "guardrail_weeks", "guardrails", "risk", "weekly"];

#[test]
fn a_report_has_its_page_summary_figures_and_tables() {
    let place = Workplace::new();
    place.mcoe("simulate small --replications 3 --out run --tables csv").done();
    let files = place.folder("run");
    for name in ["run.json", "index.html", "summary.md"] {
        assert!(files.contains_key(name), "{name}");
    }
    for table in TABLES {
        assert!(!place.table(&format!("run/tables/{table}.csv")).rows.is_empty(), "{table}");
    }
    let figures: Vec<&String> = files.keys().filter(|name| name.starts_with("figures/")).collect();
    let drawn = figures.iter().filter(|name| name.ends_with(".svg"));
    assert!(drawn.clone().count() >= 6, "{figures:?}");
    for figure in drawn {
        let picture = files.get(&figure.replace(".svg", ".png")).unwrap_or_else(|| panic!("{figure} has no picture"));
        assert!(picture.starts_with(b"\x89PNG\r\n"), "{figure}");
    }
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let place = Workplace::new();
    place.mcoe("simulate small --replications 2 --out run").done();
    let page = place.read("run/index.html");
    for outside in ["src=\"http", "src='http", "<link", "@import", "url(http", "src=\"figures", "href=\"figures"] {
        assert!(!page.contains(outside), "the page asks for `{outside}`");
    }
    assert!(page.contains("<svg") && page.contains("Two corner shops"));
}

#[test]
fn run_json_repeats_the_run() {
    let place = Workplace::new();
    place.mcoe("simulate small --weeks 1 --replications 2 --seed 7 --out run").done();
    let run = place.json("run/run.json");
    assert_eq!(run["format"], 1);
    assert_eq!((&run["scenario_path"], &run["rules_path"]), (&"small".into(), &"rules".into()));
    let provenance = &run["provenance"];
    assert_eq!((&provenance["seed"], &provenance["weeks"]), (&7.into(), &1.into()));
    assert_eq!((&provenance["replications"], &provenance["clients"]), (&2.into(), &2.into()));
    assert_eq!((&provenance["start"], &provenance["tier"]), (&"2026-W43".into(), &"exact".into()));
    assert_eq!(provenance["version"], env!("CARGO_PKG_VERSION"));
    assert!(run["wall_seconds"].as_f64().unwrap() > 0.0);
    let first = place.report();
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    place.mcoe(&format!("{command} --force")).done();
    assert!(first == place.report(), "the command of run.json gives another report");
}

#[test]
fn the_report_is_the_same_on_one_two_and_eight_threads() {
    let place = Workplace::new();
    place.bring("agency");
    let report = |threads: u32| {
        let line = "simulate agency --weeks 2 --replications 5 --seed 3 --out run --force --threads";
        place.mcoe(&format!("{line} {threads}")).done();
        place.report()
    };
    let one = report(1);
    for threads in [2, 8] {
        let more = report(threads);
        for (name, bytes) in &one {
            assert!(more.get(name) == Some(bytes), "{name} differs on {threads} threads");
        }
        assert_eq!(one.len(), more.len());
    }
}

#[test]
fn another_seed_gives_other_results() {
    let place = Workplace::new();
    let engagement = |seed: u32| {
        let line = format!("simulate small --replications 2 --seed {seed} --out run --force --format json");
        place.mcoe(&line).done().json()["headline"]["engagement"]["mean"].as_f64().unwrap()
    };
    let (first, second) = (engagement(1), engagement(2));
    assert_ne!(first.to_bits(), second.to_bits());
    assert_eq!(first.to_bits(), engagement(1).to_bits());
}

#[test]
fn one_replication_is_reported_to_have_no_interval() {
    let place = Workplace::new();
    let out = place.mcoe("simulate small --weeks 1 --replications 1 --out run").done().out;
    assert!(out.contains("one replication, no range"), "{out}");
    let reported =
        place.mcoe("simulate small --weeks 1 --replications 1 --out run --force --format json").done().json();
    assert!(reported["headline"]["engagement"]["interval"].is_null(), "{reported}");
}

#[test]
fn the_fast_tier_is_named_in_the_output() {
    let place = Workplace::new();
    place.mcoe("simulate small --weeks 1 --replications 2 --tier fast --out run").done();
    assert_eq!(place.json("run/run.json")["provenance"]["tier"], "fast");
    assert!(place.json("run/run.json")["command"].as_str().unwrap().contains("--tier fast"));
}

#[test]
fn simulations_of_a_ledgers_export_count_the_committed_week() {
    let place = Workplace::new();
    place.mcoe("db load small --now 2026-10-16T08:00:00Z").done();
    let week = place.mcoe("weekly --now 2026-10-16T08:00:00Z --actor ann --format json").done().json();
    let committed = &week["workspaces"][0]["committed"];
    let live = committed["ready"].as_u64().unwrap() + committed["pending"].as_u64().unwrap();
    assert!(live > 10 && week["week"] == "2026-W43", "{week}");
    place.mcoe("db export corner --week 2026-W43 --out back").done();
    let reported = place.mcoe("simulate back --weeks 2 --replications 2 --tables csv --out run").done().out;
    assert!(reported.contains(&format!(" planned, {live} already committed, ")), "{reported}");
    let weekly = place.table("run/tables/weekly.csv");
    let numbers = |column: &str| weekly.column(column).iter().map(|cell| cell.parse().unwrap()).collect::<Vec<f64>>();
    assert_eq!(numbers("posts_committed"), [live as f64, 0.0]);
    assert!(numbers("posts_drafted")[0] >= live as f64);
    let [first, second] = numbers("expected_engagement")[..] else { panic!("two weeks") };
    assert!((0.5..2.0).contains(&(first / second)), "a committed week is worth about as much as another");
}
