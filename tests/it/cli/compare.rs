//! `mcoe compare`: the report it writes, and what it refuses.

use serde_json::Value;

use crate::support::{TestFolder, default_pack};

const TABLES: [&str; 4] = ["differences", "difference_weeks", "difference_channels", "difference_clients"];
const FIGURES: [&str; 3] = ["difference-weeks", "difference-channels", "difference-clients"];

/// A folder with a second pack in `bold`, which posts less on X and sends more posts to review.
fn two_packs() -> TestFolder {
    let folder = TestFolder::new();
    for (name, text) in default_pack() {
        folder.write(&format!("bold/{name}"), &text);
    }
    folder.replace("bold/pack.toml", "name = \"default\"", "name = \"bold\"");
    folder.replace("bold/channels.toml", "weekly_posts = 10", "weekly_posts = 8");
    folder.replace("bold/risk.toml", "from = 0.75", "from = 0.8");
    folder.replace("bold/risk.toml", "to = 0.75", "to = 0.8");
    folder
}

#[test]
fn a_report_has_its_page_summary_figures_and_tables() {
    let folder = two_packs();
    folder.mcoe("compare small --against bold --replications 3 --out run --tables csv").succeeds();
    let files = folder.files_in("run");
    for table in TABLES {
        assert!(!folder.table(&format!("run/tables/{table}.csv")).rows.is_empty(), "{table}");
    }
    for figure in FIGURES {
        assert!(files.contains_key(&format!("figures/{figure}.svg")), "{figure}");
        assert!(files[&format!("figures/{figure}.png")].starts_with(b"\x89PNG\r\n"), "{figure}");
    }
    let page = folder.read("run/index.html");
    for outside in ["src=\"http", "src='http", "<link", "@import", "url(http", "src=\"figures", "href=\"figures"] {
        assert!(!page.contains(outside), "the page asks for `{outside}`");
    }
    assert!(page.contains("<svg") && page.contains("<code>bold</code> against <code>default</code>"));
}

#[test]
fn the_summary_of_the_small_scenario() {
    let folder = two_packs();
    folder.mcoe("compare small --against bold --replications 20 --out run").succeeds();
    let summary = folder.read("run/summary.md");
    let (results, _) = summary.split_once("## Method").unwrap();
    insta::assert_snapshot!(results);
}

#[test]
fn run_json_repeats_the_comparison() {
    let folder = two_packs();
    folder.mcoe("compare small --against bold --weeks 1 --seed 7 --until 40% --out run").succeeds();
    let run = folder.json("run/run.json");
    assert_eq!(run["format"], 1);
    assert_eq!((&run["scenario_path"], &run["rules_path"]), (&"small".into(), &"rules".into()));
    assert_eq!(run["against_paths"][0], "bold");
    let packs = run["packs"].as_array().unwrap();
    assert_eq!((&packs[0]["label"], &packs[1]["label"]), (&"default".into(), &"bold".into()));
    assert_ne!(packs[0]["provenance"]["rules_hash"], packs[1]["provenance"]["rules_hash"]);
    assert_eq!((&packs[1]["provenance"]["seed"], &packs[1]["provenance"]["weeks"]), (&7.into(), &1.into()));
    assert_eq!((&run["until"]["half_width"], &run["until"]["most_replications"]), (&0.4.into(), &1000.into()));
    assert!(run["wall_seconds"].as_f64().unwrap() > 0.0);
    let first = folder.report_files();
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    assert!(command.contains("--until 40% "), "{command}");
    folder.mcoe(&format!("{command} --force")).succeeds();
    assert!(first == folder.report_files(), "the command of run.json gives another report");
}

#[test]
fn the_report_is_the_same_on_one_two_and_eight_threads() {
    let folder = two_packs();
    folder.copy_scenario("agency");
    let report = |threads: u32| {
        let line = "compare agency --against bold --weeks 1 --replications 30 --until 2% --out run --force --threads";
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
fn json_holds_every_headline_number_and_the_verdict() {
    let folder = two_packs();
    let reported =
        folder.mcoe("compare small --against bold --replications 4 --out run --format json").succeeds().json();
    let versus = &reported["versus"][0];
    assert_eq!(versus["pack"], "bold");
    assert!(versus["verdict"].as_str().unwrap().contains("bold"), "{reported}");
    let headline = versus["headline"].as_array().unwrap();
    assert_eq!((headline.len(), &headline[0]["measure"]), (16, &"net_worth".into()));
    assert!(headline[0]["difference"]["interval"][0].is_number());
    assert_eq!(versus["clients"]["clients"], 2);
    let alone = folder.mcoe("simulate small --replications 4 --out other --format json").succeeds().json();
    assert_eq!(headline[0]["difference"]["base"], alone["headline"]["net_worth"]["mean"]);
}

#[test]
fn a_pack_compared_with_itself_is_reported_not_to_differ() {
    let folder = TestFolder::new();
    let out = folder.mcoe("compare small --against rules --replications 3 --out run").succeeds().out;
    assert!(out.contains("There is no difference: rules (2) and rules give the same"), "{out}");
    assert!(folder.read("run/summary.md").contains("There is no difference"));
}

#[test]
fn one_replication_is_reported_to_have_no_interval() {
    let folder = two_packs();
    let out = folder.mcoe("compare small --against bold --weeks 1 --replications 1 --out run").succeeds().out;
    assert!(out.contains("In the single replication"), "{out}");
    assert!(folder.read("run/summary.md").contains("there are no intervals"));
}

#[test]
fn errors_of_all_packs_and_of_the_scenario_are_reported_at_once() {
    let folder = two_packs();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.replace("bold/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 3 # ");
    folder.replace("small/scenario.toml", "weeks = 2", "weeks = \"two\"");
    let line = "compare small --against bold --out run";
    folder.mcoe(line).exits_with(2).stderr_has(&["rules/fatigue.toml", "bold/fatigue.toml", "scenario.toml"]);
    let reported: Value =
        serde_json::from_str(&folder.mcoe(&format!("{line} --format json")).exits_with(2).err).unwrap();
    assert_eq!(reported["errors"], reported["diagnostics"].as_array().unwrap().len());
    for file in ["rules/fatigue.toml", "bold/fatigue.toml"] {
        assert!(reported["diagnostics"].to_string().contains(file), "{reported}");
    }
    assert_eq!(folder.entries(), ["bold", "rules", "small"]);
}

#[test]
fn invalid_arguments_are_refused_and_nothing_is_written() {
    let folder = two_packs();
    for (line, message) in [
        ("compare small --out run", "--against"),
        ("compare small --against nowhere --out run", "`nowhere`"),
        ("compare nowhere --against bold --out run", "nowhere"),
        ("compare small --against bold --out run --until 0.5", "such as 0.5%"),
        ("compare small --against bold --out run --until 0%", "such as 0.5%"),
        ("compare small --against bold --out run --replications 0", "--replications"),
        ("compare small --against bold --out bold --force", "was not written by mcoe"),
    ] {
        folder.mcoe(line).exits_with(2).stderr_has(&[message]);
        assert_eq!(folder.entries(), ["bold", "rules", "small"], "mcoe {line}");
    }
}

#[test]
fn a_scenario_without_planned_clients_is_refused_and_nothing_is_written() {
    let folder = two_packs();
    let clients = folder.read("small/clients.csv");
    assert!(clients.contains(",active,"), "{clients}");
    folder.write("small/clients.csv", &clients.replace(",active,", ",paused,"));
    let line = "compare small --against bold --out run";
    folder.mcoe(line).exits_with(2).stderr_has(&["no client that is planned for", "remedy", "nothing was written"]);
    assert_eq!(folder.entries(), ["bold", "rules", "small"]);
}

#[test]
fn if_a_rule_fails_in_one_pack_nothing_is_written() {
    let folder = two_packs();
    folder.write("bold/broken.rhai", "fn weekly_posts(ctx) { -1 }\n");
    folder
        .mcoe("compare small --against bold --out run")
        .exits_with(2)
        .stderr_has(&["broken.rhai", "nothing was written"]);
    assert_eq!(folder.entries(), ["bold", "rules", "small"]);
}
