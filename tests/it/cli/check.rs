//! `mcoe check`: what is right is counted, what is wrong is told all at once.

use crate::support::Workplace;

#[test]
fn a_sound_pack_and_scenario_are_counted() {
    let place = Workplace::new();
    let out = place.mcoe("check --scenario small").done().out;
    assert!(out.starts_with("rules `default` are right: 5 guardrails, hash "), "{out}");
    assert!(out.contains("scenario `Two corner shops` is right: 2 clients, 5 channels, 10 assets, hash "), "{out}");
    let out = place.mcoe("check").done().out;
    assert_eq!(out.lines().count(), 1, "{out}");
}

#[test]
fn programs_are_told_the_same_in_json() {
    let place = Workplace::new();
    let told = place.mcoe("check --scenario small --format json").done().json();
    assert_eq!(told["errors"], 0);
    assert_eq!(told["rules"]["name"], "default");
    assert_eq!(told["rules"]["guardrails"], 5);
    assert_eq!(told["rules"]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(told["scenario"]["clients"], 2);
    assert!(place.mcoe("check --format json").done().json()["scenario"].is_null());
}

#[test]
fn mistakes_of_several_files_are_told_at_once_with_their_places() {
    let place = Workplace::new();
    place.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    place.replace("rules/channels.toml", "\nhour_lift", "\nhour_lifd");
    place.replace("rules/risk.toml", "\nminus_reality_gap = ", "\nminus_reality_gap = \"much\" # ");
    let line_of = |file: &str, text: &str| {
        let content = place.read(file);
        format!("{file}:{}:", content.lines().position(|line| line.starts_with(text)).unwrap() + 1)
    };
    let places = [
        line_of("rules/fatigue.toml", "warn_at = 2"),
        line_of("rules/channels.toml", "hour_lifd"),
        line_of("rules/risk.toml", "minus_reality_gap"),
    ];
    let ran = place.mcoe("check").ends_with(2);
    assert_eq!(ran.out, "");
    for place in places {
        assert!(ran.err.contains(&place), "{place} is not in:\n{}", ran.err);
    }
    ran.says(&["`hour_lift`", "3 error(s) in the rules pack `rules`"]);
}

#[test]
fn rules_scripts_and_scenario_are_all_told_in_one_go() {
    let place = Workplace::new();
    place.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    place.replace("rules/guardrails.rhai", "fn early_warning(post, ctx) {", "fn early_warning(post, ctx) { let = 1;");
    place.replace("small/clients.csv", "Europe/London", "Europe/Londn");
    let ran = place.mcoe("check --scenario small").ends_with(2);
    ran.says(&["rules/fatigue.toml:", "rules/guardrails.rhai:", "clients.csv: row 1", "`Europe/London`"]);
}

#[test]
fn mistakes_in_json_have_a_place_a_cause_and_a_remedy() {
    let place = Workplace::new();
    place.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    place.replace("rules/fatigue.toml", "\nblock_at", "\nblok_at");
    let told: serde_json::Value = serde_json::from_str(&place.mcoe("check --format json").ends_with(2).err).unwrap();
    let mistakes = told["diagnostics"].as_array().unwrap();
    assert_eq!(told["errors"], mistakes.len());
    assert!(mistakes.len() >= 2, "{told}");
    for mistake in mistakes {
        assert_eq!(mistake["file"], "fatigue.toml", "{mistake}");
        assert!(mistake["line"].as_u64().unwrap() > 0 && mistake["column"].as_u64().unwrap() > 0, "{mistake}");
        assert!(!mistake["cause"].as_str().unwrap().is_empty() && !mistake["remedy"].as_str().unwrap().is_empty());
    }
}

#[test]
fn every_bad_row_of_a_scenario_is_told_with_file_row_and_column() {
    let place = Workplace::new();
    place.replace("small/channels.csv", "kettle-lane,fb,2400", "kettle-lane,facebok,2400");
    place.replace("small/channels.csv", "orbit-repair,fb,900", "orbit-repair,fb,-900");
    place.replace("small/clients.csv", "America/New_York", "America/NewYork");
    let ran = place.mcoe("check --scenario small").ends_with(2);
    assert_eq!(ran.out, "");
    ran.says(&[
        "channels.csv: row 1 (line 2), column `channel`",
        "channels.csv: row 4 (line 5), column `audience`",
        "clients.csv: row 2 (line 3), column `time_zone`",
        "`America/New_York`",
        "3 error(s) in the scenario",
    ]);
}

#[test]
fn mistakes_of_a_scenario_are_told_in_json_too() {
    let place = Workplace::new();
    place.replace("small/channels.csv", "orbit-repair,fb,900", "orbit-repair,fb,-900");
    let err = place.mcoe("check --scenario small --format json").ends_with(2).err;
    let told: serde_json::Value = serde_json::from_str(&err).unwrap_or_else(|error| panic!("{error}: {err}"));
    assert_eq!(told["errors"], 1);
    let mistake = &told["diagnostics"][0];
    assert_eq!((&mistake["file"], &mistake["row"]), (&"channels.csv".into(), &4.into()), "{told}");
    assert_eq!(mistake["column"], "audience");
}

#[test]
fn a_folder_that_is_not_there_is_named_with_a_way_out() {
    let place = Workplace::new();
    place.mcoe("check --rules nowhere").ends_with(2).says(&["`nowhere`", "--rules"]);
    place.mcoe("check --scenario nowhere").ends_with(2).says(&["nowhere"]);
    place.write("rules/guardrails.rhai", "");
    std::fs::write(place.path("rules/guardrails.rhai"), [0xff, 0xfe, 0x00]).unwrap();
    place.mcoe("check").ends_with(2).says(&["guardrails.rhai", "UTF-8"]);
}
