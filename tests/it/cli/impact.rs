//! `mcoe rules impact`, run as a command.

use crate::support::{Place, Workplace, postgres};

/// A folder with a committed week of the small scenario in `mcoe.db`.
fn committed() -> Workplace {
    let place = Workplace::new();
    place.mcoe("db load small --now 2026-10-16T08:00:00Z").done();
    place.mcoe("weekly --now 2026-10-16T08:00:00Z --actor ann").done();
    place
}

#[test]
fn the_same_rules_change_no_decision() {
    let place = committed();
    let reported = place.mcoe("rules impact").done().out;
    assert!(reported.contains("decisions re-evaluated, 0 of them by daily passes"), "{reported}");
    assert!(!reported.contains("by rule") && reported.contains("note: re-evaluated: guardrails"), "{reported}");
    let json = place.mcoe("rules impact --format json").done().json();
    assert!(json["count"]["judged"].as_u64().unwrap() > 10, "{json}");
    assert_eq!(json["count"]["same"], json["count"]["judged"]);
    assert_eq!(json["changes"].as_array().unwrap().len(), 0);
}

#[test]
fn changed_decisions_are_shown_with_the_rule_and_its_place() {
    let place = committed();
    place.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.15");
    place.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = 0.2");
    place.replace("rules/risk.toml", "[bands.low]\nfrom = 0.75", "[bands.low]\nfrom = 0.85");
    place.replace("rules/risk.toml", "to = 0.75", "to = 0.85");
    let before = std::fs::read(place.path("mcoe.db")).unwrap();
    let reported = place.mcoe("rules impact --database sqlite:mcoe.db?mode=ro --limit-shown 2").done().out;
    for text in [
        "would have been blocked",
        "of higher risk",
        "by rule, with an example of a reason:",
        "channel_fatigue: fatigue ",
        "   guardrails.rhai:",
        "by client and channel, most affected first:",
        "decisions, most severe change first:",
        "-> blocked, ",
        "more; --limit-shown N shows them",
    ] {
        assert!(reported.contains(text), "`{text}` is not in\n{reported}");
    }
    assert_eq!(std::fs::read(place.path("mcoe.db")).unwrap(), before);
    let json = place.mcoe("rules impact --format json").done().json();
    let (count, changes) = (&json["count"], json["changes"].as_array().unwrap());
    assert_eq!(changes.len() as u64, count["judged"].as_u64().unwrap() - count["same"].as_u64().unwrap());
    let blocked = changes.iter().filter(|change| change["after"]["status"] == "blocked").count() as u64;
    assert_eq!(count["differ"]["blocked"].as_u64(), Some(blocked));
    assert!(changes.iter().all(|change| change["differs"][0]["cause"]["line"].as_u64().unwrap() > 0), "{json}");
    let one = place.mcoe("rules impact --format json --limit-shown 1").done().json();
    assert_eq!((one["changes"].as_array().unwrap().len(), &one["count"]), (1, count));
}

#[test]
fn unanswerable_questions_are_reported_with_a_remedy() {
    let place = committed();
    place
        .mcoe("rules impact --database other.db")
        .ends_with(2)
        .says(&["the ledger `other.db` does not exist", "--database"]);
    assert!(!place.path("other.db").exists());
    place.mcoe("db migrate --database other.db").done();
    place.mcoe("rules impact --database other.db").ends_with(2).says(&["has no decisions yet", "`mcoe weekly`"]);
    place.mcoe("rules impact --client nobody").ends_with(2).says(&["no recorded decision matches", "remedy"]);
    place.mcoe("rules impact --to 2020-01-01T00:00:00Z").ends_with(2).says(&["no recorded decision matches"]);
    place.mcoe("rules impact --workspace nowhere").ends_with(2).says(&["has no workspace `nowhere`"]);
    place.mcoe("rules impact --channel tiktk").ends_with(2);
    place.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = \"high\"");
    place.mcoe("rules impact").ends_with(2).says(&["fatigue.toml", "block_at"]);
    place.mcoe("rules impact --rules elsewhere").ends_with(2).says(&["cannot read the rules pack `elsewhere`"]);
}

#[test]
fn a_rule_that_fails_on_recorded_facts_is_reported_with_its_place() {
    let place = committed();
    place.replace(
        "rules/guardrails.rhai",
        "fn truth_layer(post, ctx) {",
        "fn truth_layer(post, ctx) {\n    let few = [1][post.hour + 5];",
    );
    place.mcoe("rules impact").ends_with(2).says(&["guardrails.rhai:", "`truth_layer` failed", "remedy"]);
}

#[test]
fn a_database_that_is_not_migrated_is_reported() {
    let work = Workplace::new();
    let url = postgres::server().fresh();
    work.mcoe(&format!("rules impact --database {url}")).ends_with(3).says(&["is not migrated", "mcoe db migrate"]);
}

#[test]
fn postgres_gives_the_same_results_as_sqlite() {
    let work = committed();
    let place = Place::postgres();
    let on = |line: &str| work.mcoe(&format!("{line} --database {}", place.url));
    on("db load small --now 2026-10-16T08:00:00Z").done();
    on("weekly --now 2026-10-16T08:00:00Z --actor ann").done();
    work.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.15");
    work.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = 0.2");
    assert_eq!(on("rules impact").done().out, work.mcoe("rules impact").done().out);
}
