//! `mcoe compare --against-scenario`: one pack over scenarios with other facts, and what is refused.

use serde_json::Value;

use crate::support::Workplace;

/// A place with a copy of the small scenario in `other`, named `Other shops`.
fn place() -> Workplace {
    let place = Workplace::new();
    copy(&place, "small", "other");
    place.replace("other/scenario.toml", "Two corner shops", "Other shops");
    place
}

fn copy(place: &Workplace, from: &str, to: &str) {
    for (name, bytes) in place.folder(from) {
        place.write(&format!("{to}/{name}"), &String::from_utf8(bytes).unwrap());
    }
}

/// Removes the rows of a client from every table of a scenario.
fn remove_client(place: &Workplace, scenario: &str, client: &str) {
    for (name, bytes) in place.folder(scenario) {
        let text = String::from_utf8(bytes).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(client)).collect();
        place.write(&format!("{scenario}/{name}"), &format!("{}\n", kept.join("\n")));
    }
}

fn measure(reported: &Value, name: &str, part: &str) -> f64 {
    let headline = reported["versus"][0]["headline"].as_array().unwrap();
    let row = headline.iter().find(|row| row["measure"] == name).unwrap();
    row["difference"][part].as_f64().unwrap()
}

#[test]
fn twice_the_reviewers_with_little_time_lose_fewer_posts() {
    let place = Workplace::new();
    place.bring("agency");
    place.replace("agency/scenario.toml", "reviewers = ", "reviewers = 1 # ");
    place.replace("agency/scenario.toml", "reviews_per_reviewer_per_day = ", "reviews_per_reviewer_per_day = 1 # ");
    copy(&place, "agency", "reviewed");
    place.replace("reviewed/scenario.toml", "reviewers = 1 # ", "reviewers = 2 # ");
    let line = "compare agency --against-scenario reviewed --weeks 2 --replications 10 --out run --format json";
    let reported = place.mcoe(line).done().json();
    assert!(measure(&reported, "posts_blocked", "mean") < 0.0, "{reported}");
    assert!(measure(&reported, "posts_drafted", "mean") > 0.0, "{reported}");
    // The names are equal, so that the folders are the labels.
    assert_eq!(reported["versus"][0]["scenario"], "reviewed");
    assert_eq!(reported["scenarios"][0]["label"], "agency");
}

#[test]
fn a_client_less_is_named_and_counts_in_the_totals() {
    let place = place();
    remove_client(&place, "other", "orbit-repair");
    let line = "compare small --against-scenario other --replications 6 --out run --tables csv";
    let ran = place.mcoe(line).done();
    ran.shows(&["compared 2 scenarios over 2 weeks of 1 to 2 clients", "client is only in the base"]);
    let clients = place.table("run/tables/difference_clients.csv");
    assert_eq!(clients.column("scenario"), ["Other shops", "Other shops"]);
    assert_eq!(clients.column("planned_in"), ["both", "base"]);
    assert_eq!(clients.column("value")[1].parse::<f64>().unwrap(), 0.0);
    let lost: f64 = clients.column("difference").iter().map(|cell| cell.parse::<f64>().unwrap()).sum();
    let headline = place.table("run/tables/differences.csv");
    let place_of_engagement = headline.column("number").iter().position(|name| *name == "engagement").unwrap();
    let total: f64 = headline.column("difference")[place_of_engagement].parse().unwrap();
    assert!((lost - total).abs() < 1e-6 * total.abs(), "{lost} is not {total}");
    // The client that both have meets the same random numbers; without reviewers to share, it earns the same.
    assert_eq!(clients.column("difference")[0].parse::<f64>().unwrap(), 0.0);
}

#[test]
fn the_summary_of_two_scenarios() {
    let place = place();
    remove_client(&place, "other", "orbit-repair");
    place.mcoe("compare small --against-scenario other --replications 20 --out run").done();
    let summary = place.read("run/summary.md");
    let (found, _) = summary.split_once("**Inputs of the run**").unwrap();
    insta::assert_snapshot!(found);
}

#[test]
fn equal_scenarios_do_not_differ() {
    let place = Workplace::new();
    copy(&place, "small", "twin");
    let line = "compare small --against-scenario twin --replications 4 --out run";
    let reported = place.mcoe(&format!("{line} --format json")).done().json();
    for row in reported["versus"][0]["headline"].as_array().unwrap() {
        assert_eq!((&row["difference"]["mean"], &row["difference"]["is_same"]), (&0.0.into(), &true.into()), "{row}");
    }
    let out = place.mcoe(&format!("{line} --force")).done().out;
    assert!(out.contains("There is no difference: twin and small give the same"), "{out}");
}

#[test]
fn assets_that_only_one_scenario_has_change_what_posts_earn() {
    let place = place();
    let assets = place.read("other/assets.csv");
    let better = "k9,kettle-lane,,photo,fb;ig,2026-10-10T09:00:00Z,1,1,1,1,,0,The best photo,";
    place.write("other/assets.csv", &format!("{}\n{better}\n", assets.trim_end()));
    let line = "compare small --against-scenario other --replications 20 --out run --format json";
    let reported = place.mcoe(line).done().json();
    assert!(measure(&reported, "without_asset", "mean") < 0.0, "{reported}");
    assert!(measure(&reported, "engagement", "mean") > 0.0, "{reported}");
}

#[test]
fn run_json_repeats_the_comparison_and_lists_every_scenario_with_its_hash() {
    let place = place();
    copy(&place, "other", "third");
    place.replace("third/scenario.toml", "Other shops", "Third shops");
    place.replace("third/scenario.toml", "\nweeks = 2", "\nweeks = 3");
    let line = "compare small --against-scenario other --against-scenario third --replications 3 --seed 7 --out run";
    place.mcoe(line).done().says(&["third/scenario.toml: `weeks` is 3", "simulated over the 2 weeks of the first"]);
    let run = place.json("run/run.json");
    assert_eq!(run["against_scenario_paths"], serde_json::json!(["other", "third"]));
    let scenarios = run["scenarios"].as_array().unwrap();
    let hashes: Vec<&str> =
        scenarios.iter().map(|scenario| scenario["provenance"]["scenario_hash"].as_str().unwrap()).collect();
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
    let summary = place.read("run/summary.md");
    assert!(hashes.iter().all(|hash| summary.contains(hash)), "{summary}");
    let first = place.report();
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    place.mcoe(&format!("{command} --force")).done();
    assert!(first == place.report(), "the command of run.json gives another report");
}

#[test]
fn a_name_in_the_pack_must_be_in_one_of_the_scenarios() {
    let place = place();
    let overlay = "scope = { client = \"orbit-repair\" }\n\n[channels.x]\nweekly_posts = 3\n";
    place.write("rules/overlays/orbit.toml", overlay);
    remove_client(&place, "other", "orbit-repair");
    let line = "compare small --against-scenario other --replications 2 --out run";
    place.mcoe(line).done();
    place.replace("rules/overlays/orbit.toml", "orbit-repair", "orbit-repairs");
    place.mcoe(&format!("{line} --force")).ends_with(2).says(&["orbit-repairs"]);
}

#[test]
fn invalid_scenarios_are_refused_and_nothing_is_written() {
    let place = place();
    let before = place.entries();
    for (line, texts) in [
        ("compare small --out run", vec!["--against", "--against-scenario"]),
        ("compare small --against rules --against-scenario other --out run", vec!["given together", "remedy"]),
        ("compare small --against-scenario nowhere --out run", vec!["nowhere/scenario.toml"]),
        ("compare small --against-scenario ./small --out run", vec!["`small` was given twice", "remedy"]),
        ("compare small --against-scenario other --against-scenario other --out run", vec!["`other` was given twice"]),
    ] {
        place.mcoe(line).ends_with(2).says(&texts);
        assert_eq!(place.entries(), before, "mcoe {line}");
    }
    let line = "compare small --against-scenario other --out run";
    place.replace("other/scenario.toml", "2026-10-19", "2026-10-26");
    place.mcoe(line).ends_with(2).says(&["other/scenario.toml: `start` is 2026-10-26", "start = \"2026-10-19\""]);
    place.replace("other/scenario.toml", "weeks = 2", "weeks = \"two\"");
    place.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    place.mcoe(line).ends_with(2).says(&["other/scenario.toml", "rules/fatigue.toml"]);
    place.mcoe(&format!("{line} --format json")).ends_with(2).says(&["other/scenario.toml", "fatigue.toml"]);
    assert_eq!(place.entries(), before);
}
