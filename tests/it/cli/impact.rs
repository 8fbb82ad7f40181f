//! `mcoe rules impact`, run as a command.

use crate::support::{TestDatabase, TestFolder, postgres};

/// A folder with a committed week of the small scenario in `mcoe.db`.
fn with_committed_week() -> TestFolder {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-16T08:00:00Z").succeeds();
    folder.mcoe("weekly --now 2026-10-16T08:00:00Z --actor ann").succeeds();
    folder
}

#[test]
fn the_same_rules_change_no_decision() {
    let folder = with_committed_week();
    let reported = folder.mcoe("rules impact").succeeds().out;
    assert!(reported.contains("decisions re-evaluated, 0 of them by daily passes"), "{reported}");
    assert!(!reported.contains("by rule") && reported.contains("note: re-evaluated: guardrails"), "{reported}");
    let json = folder.mcoe("rules impact --format json").succeeds().json();
    assert!(json["count"]["judged"].as_u64().unwrap() > 10, "{json}");
    assert_eq!(json["count"]["same"], json["count"]["judged"]);
    assert_eq!(json["changes"].as_array().unwrap().len(), 0);
}

#[test]
fn changed_decisions_are_shown_with_the_rule_and_its_place() {
    let folder = with_committed_week();
    folder.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.15");
    folder.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = 0.2");
    folder.replace("rules/risk.toml", "[bands.low]\nfrom = 0.75", "[bands.low]\nfrom = 0.85");
    folder.replace("rules/risk.toml", "to = 0.75", "to = 0.85");
    let before = std::fs::read(folder.path("mcoe.db")).unwrap();
    let reported = folder.mcoe("rules impact --database sqlite:mcoe.db?mode=ro --limit-shown 2").succeeds().out;
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
    assert_eq!(std::fs::read(folder.path("mcoe.db")).unwrap(), before);
    let json = folder.mcoe("rules impact --format json").succeeds().json();
    let (count, changes) = (&json["count"], json["changes"].as_array().unwrap());
    assert_eq!(changes.len() as u64, count["judged"].as_u64().unwrap() - count["same"].as_u64().unwrap());
    let blocked = changes.iter().filter(|change| change["after"]["status"] == "blocked").count() as u64;
    assert_eq!(count["differ"]["blocked"].as_u64(), Some(blocked));
    assert!(changes.iter().all(|change| change["differs"][0]["cause"]["line"].as_u64().unwrap() > 0), "{json}");
    let limited = folder.mcoe("rules impact --format json --limit-shown 1").succeeds().json();
    assert_eq!((limited["changes"].as_array().unwrap().len(), &limited["count"]), (1, count));
}

#[test]
fn unanswerable_questions_are_reported_with_a_remedy() {
    let folder = with_committed_week();
    folder
        .mcoe("rules impact --database other.db")
        .exits_with(2)
        .stderr_has(&["the ledger `other.db` does not exist", "--database"]);
    assert!(!folder.path("other.db").exists());
    folder.mcoe("db migrate --database other.db").succeeds();
    folder
        .mcoe("rules impact --database other.db")
        .exits_with(2)
        .stderr_has(&["has no decisions yet", "`mcoe weekly`"]);
    folder.mcoe("rules impact --client nobody").exits_with(2).stderr_has(&["no recorded decision matches", "remedy"]);
    folder.mcoe("rules impact --to 2020-01-01T00:00:00Z").exits_with(2).stderr_has(&["no recorded decision matches"]);
    folder.mcoe("rules impact --workspace nowhere").exits_with(2).stderr_has(&["has no workspace `nowhere`"]);
    folder.mcoe("rules impact --channel tiktk").exits_with(2);
    folder.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = \"high\"");
    folder.mcoe("rules impact").exits_with(2).stderr_has(&["fatigue.toml", "block_at"]);
    folder.mcoe("rules impact --rules elsewhere").exits_with(2).stderr_has(&["cannot read the rules pack `elsewhere`"]);
}

#[test]
fn a_rule_that_fails_on_recorded_facts_is_reported_with_its_place() {
    let folder = with_committed_week();
    folder.replace(
        "rules/guardrails.rhai",
        "fn truth_layer(post, ctx) {",
        "fn truth_layer(post, ctx) {\n    let few = [1][post.hour + 5];",
    );
    folder.mcoe("rules impact").exits_with(2).stderr_has(&["guardrails.rhai:", "`truth_layer` failed", "remedy"]);
}

#[test]
fn a_database_that_is_not_migrated_is_reported() {
    let folder = TestFolder::new();
    let url = postgres::server().create_database();
    folder
        .mcoe(&format!("rules impact --database {url}"))
        .exits_with(3)
        .stderr_has(&["is not migrated", "mcoe db migrate"]);
}

#[test]
fn postgres_gives_the_same_results_as_sqlite() {
    let folder = with_committed_week();
    let database = TestDatabase::postgres();
    let on_postgres = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    on_postgres("db load small --now 2026-10-16T08:00:00Z").succeeds();
    on_postgres("weekly --now 2026-10-16T08:00:00Z --actor ann").succeeds();
    folder.replace("rules/fatigue.toml", "warn_at = 0.5", "warn_at = 0.15");
    folder.replace("rules/fatigue.toml", "block_at = 0.8", "block_at = 0.2");
    assert_eq!(on_postgres("rules impact").succeeds().out, folder.mcoe("rules impact").succeeds().out);
}
