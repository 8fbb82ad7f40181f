//! `mcoe compare --against-scenario`: one pack on several scenarios, and what is refused.

use serde_json::Value;

use crate::support::TestFolder;

/// A folder with a copy of the small scenario in `other`, named `Other shops`.
fn two_scenarios() -> TestFolder {
    let folder = TestFolder::new();
    copy_folder(&folder, "small", "other");
    folder.replace("other/scenario.toml", "Two corner shops", "Other shops");
    folder
}

fn copy_folder(folder: &TestFolder, from: &str, to: &str) {
    for (name, bytes) in folder.files_in(from) {
        folder.write(&format!("{to}/{name}"), &String::from_utf8(bytes).unwrap());
    }
}

/// Removes the rows of a client from every table of a scenario.
fn remove_client(folder: &TestFolder, scenario: &str, client: &str) {
    for (name, bytes) in folder.files_in(scenario) {
        let text = String::from_utf8(bytes).unwrap();
        let remaining: Vec<&str> = text.lines().filter(|line| !line.contains(client)).collect();
        folder.write(&format!("{scenario}/{name}"), &format!("{}\n", remaining.join("\n")));
    }
}

fn difference(reported: &Value, name: &str, part: &str) -> f64 {
    let headline = reported["versus"][0]["headline"].as_array().unwrap();
    let row = headline.iter().find(|row| row["measure"] == name).unwrap();
    row["difference"][part].as_f64().unwrap()
}

#[test]
fn twice_as_many_reviewers_draft_more_posts() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    folder.replace("agency/scenario.toml", "reviewers = ", "reviewers = 1 # ");
    folder.replace("agency/scenario.toml", "reviews_per_reviewer_per_day = ", "reviews_per_reviewer_per_day = 1 # ");
    copy_folder(&folder, "agency", "reviewed");
    folder.replace("reviewed/scenario.toml", "reviewers = 1 # ", "reviewers = 2 # ");
    let line = "compare agency --against-scenario reviewed --weeks 2 --replications 10 --out run --format json";
    let reported = folder.mcoe(line).succeeds().json();
    assert!(difference(&reported, "reviews", "mean") > 0.0, "{reported}");
    assert!(difference(&reported, "posts_drafted", "mean") > 0.0, "{reported}");
    // The scenarios have the same name, so they are labelled by their folders.
    assert_eq!(reported["versus"][0]["scenario"], "reviewed");
    assert_eq!(reported["scenarios"][0]["label"], "agency");
}

#[test]
fn a_client_that_one_scenario_lacks_is_named_and_counts_in_the_totals() {
    let folder = two_scenarios();
    remove_client(&folder, "other", "orbit-repair");
    let line = "compare small --against-scenario other --replications 6 --out run --tables csv";
    let ran = folder.mcoe(line).succeeds();
    ran.stdout_has(&["compared 2 scenarios over 2 weeks of 1 to 2 clients", "client is only in the base"]);
    let clients = folder.table("run/tables/difference_clients.csv");
    assert_eq!(clients.column("scenario"), ["Other shops", "Other shops"]);
    assert_eq!(clients.column("planned_in"), ["both", "base"]);
    assert_eq!(clients.column("value")[1].parse::<f64>().unwrap(), 0.0);
    let sum: f64 = clients.column("difference").iter().map(|cell| cell.parse::<f64>().unwrap()).sum();
    let headline = folder.table("run/tables/differences.csv");
    let engagement_row = headline.column("number").iter().position(|name| *name == "engagement").unwrap();
    let total: f64 = headline.column("difference")[engagement_row].parse().unwrap();
    assert!((sum - total).abs() < 1e-6 * total.abs(), "{sum} is not {total}");
    // The client in both scenarios has the same random numbers, and reviews are not scarce, so it earns the same.
    assert_eq!(clients.column("difference")[0].parse::<f64>().unwrap(), 0.0);
}

#[test]
fn the_summary_of_two_scenarios() {
    let folder = two_scenarios();
    remove_client(&folder, "other", "orbit-repair");
    folder.mcoe("compare small --against-scenario other --replications 20 --out run").succeeds();
    let summary = folder.read("run/summary.md");
    let (results, _) = summary.split_once("**Inputs of the run**").unwrap();
    insta::assert_snapshot!(results);
}

#[test]
fn equal_scenarios_do_not_differ() {
    let folder = TestFolder::new();
    copy_folder(&folder, "small", "twin");
    let line = "compare small --against-scenario twin --replications 4 --out run";
    let reported = folder.mcoe(&format!("{line} --format json")).succeeds().json();
    for row in reported["versus"][0]["headline"].as_array().unwrap() {
        assert_eq!((&row["difference"]["mean"], &row["difference"]["is_same"]), (&0.0.into(), &true.into()), "{row}");
    }
    let out = folder.mcoe(&format!("{line} --force")).succeeds().out;
    assert!(out.contains("There is no difference: twin and small give the same"), "{out}");
}

#[test]
fn assets_that_only_one_scenario_has_change_what_posts_earn() {
    let folder = two_scenarios();
    let assets = folder.read("other/assets.csv");
    let better_asset = "k9,kettle-lane,,photo,fb;ig,2026-10-10T09:00:00Z,1,1,1,1,,0,The best photo,";
    folder.write("other/assets.csv", &format!("{}\n{better_asset}\n", assets.trim_end()));
    let line = "compare small --against-scenario other --replications 20 --out run --format json";
    let reported = folder.mcoe(line).succeeds().json();
    assert!(difference(&reported, "without_asset", "mean") < 0.0, "{reported}");
    assert!(difference(&reported, "engagement", "mean") > 0.0, "{reported}");
}

#[test]
fn run_json_repeats_the_comparison_and_lists_every_scenario_with_its_hash() {
    let folder = two_scenarios();
    copy_folder(&folder, "other", "third");
    folder.replace("third/scenario.toml", "Other shops", "Third shops");
    folder.replace("third/scenario.toml", "\nweeks = 2", "\nweeks = 3");
    let line = "compare small --against-scenario other --against-scenario third --replications 3 --seed 7 --out run";
    folder
        .mcoe(line)
        .succeeds()
        .stderr_has(&["third/scenario.toml: `weeks` is 3", "simulated over the 2 weeks of the first"]);
    let run = folder.json("run/run.json");
    assert_eq!(run["against_scenario_paths"], serde_json::json!(["other", "third"]));
    let scenarios = run["scenarios"].as_array().unwrap();
    let hashes: Vec<&str> =
        scenarios.iter().map(|scenario| scenario["provenance"]["scenario_hash"].as_str().unwrap()).collect();
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
    let summary = folder.read("run/summary.md");
    assert!(hashes.iter().all(|hash| summary.contains(hash)), "{summary}");
    let first = folder.report_files();
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    folder.mcoe(&format!("{command} --force")).succeeds();
    assert!(first == folder.report_files(), "the command of run.json gives another report");
}

#[test]
fn a_name_in_the_pack_must_be_in_one_of_the_scenarios() {
    let folder = two_scenarios();
    let overlay = "scope = { client = \"orbit-repair\" }\n\n[channels.x]\nweekly_posts = 3\n";
    folder.write("rules/overlays/orbit.toml", overlay);
    remove_client(&folder, "other", "orbit-repair");
    let line = "compare small --against-scenario other --replications 2 --out run";
    folder.mcoe(line).succeeds();
    folder.replace("rules/overlays/orbit.toml", "orbit-repair", "orbit-repairs");
    folder.mcoe(&format!("{line} --force")).exits_with(2).stderr_has(&["orbit-repairs"]);
}

#[test]
fn invalid_scenarios_are_refused_and_nothing_is_written() {
    let folder = two_scenarios();
    let before = folder.entries();
    for (line, texts) in [
        ("compare small --out run", vec!["--against", "--against-scenario"]),
        ("compare small --against rules --against-scenario other --out run", vec!["given together", "remedy"]),
        ("compare small --against-scenario nowhere --out run", vec!["nowhere/scenario.toml"]),
        ("compare small --against-scenario ./small --out run", vec!["`small` was given twice", "remedy"]),
        ("compare small --against-scenario other --against-scenario other --out run", vec!["`other` was given twice"]),
    ] {
        folder.mcoe(line).exits_with(2).stderr_has(&texts);
        assert_eq!(folder.entries(), before, "mcoe {line}");
    }
    let line = "compare small --against-scenario other --out run";
    folder.replace("other/scenario.toml", "2026-10-19", "2026-10-26");
    folder
        .mcoe(line)
        .exits_with(2)
        .stderr_has(&["other/scenario.toml: `start` is 2026-10-26", "start = \"2026-10-19\""]);
    folder.replace("other/scenario.toml", "weeks = 2", "weeks = \"two\"");
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.mcoe(line).exits_with(2).stderr_has(&["other/scenario.toml", "rules/fatigue.toml"]);
    folder.mcoe(&format!("{line} --format json")).exits_with(2).stderr_has(&["other/scenario.toml", "fatigue.toml"]);
    assert_eq!(folder.entries(), before);
}
