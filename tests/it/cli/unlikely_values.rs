//! Impossible and unlikely numbers and times: errors or warnings, with their place.

use mcoe::model::Timestamp;

use crate::support::TestFolder;

/// A table of the small scenario, a text in it, the text's replacement, and parts of the expected message.
type ChangedCell = (&'static str, &'static str, &'static str, &'static [&'static str]);

const REFUSED: &[ChangedCell] = &[
    ("channels", "fb,2400,", "fb,1e-320,", &["row 1", "`audience`", "from 0.01 to"]),
    ("channels", ",0.036,", ",1e-320,", &["row 1", "`avg_engagement_rate`", "too close to 0"]),
    ("channels", ",0.036,", ",NaN,", &["`NaN` is not a number", "leave it blank if it is not known"]),
    ("channels", ",0.036,", ",inf,", &["`inf` is not a number", "leave it blank if it is not known"]),
    ("channels", ",0.036,", ",9.5,", &["row 1", "`avg_engagement_rate`", "from 0 to 5"]),
    ("channels", "2026-10-17T12:00:00Z,2,4", "9999-12-30T12:00:00Z,2,4", &["`last_post_at`", "to 2027-10-20"]),
    (
        "channels",
        "2026-10-17T12:00:00Z,2,4",
        "2026-10-27T12:00:00Z,2,4",
        &["`last_post_at`", "after the scenario's start"],
    ),
    ("channels", "Z,2,4,0.11", "Z,10000,,0.11", &["`posts_last_7_days`", "2500"]),
    ("history", "2026-09-24T", "0001-01-01T", &["row 1", "`published_at`", "from 1990-01-01"]),
    ("history", "2026-09-24T", "2226-09-24T", &["row 1", "`published_at`", "out of range"]),
    ("reality", "2026-09-30T", "0026-09-30T", &["row 1", "`as_of`", "from 1990-01-01"]),
    ("reality", "2026-10-12T", "2036-10-12T", &["row 2", "`as_of`", "out of range"]),
    ("warnings", "2026-10-12T", "1026-10-12T", &["row 1", "`opened_at`", "out of range"]),
    ("assets", "2026-09-10T", "0210-09-10T", &["row 1", "`created_at`", "out of range"]),
    ("campaigns", "fb;ig,1.3", "fb;ig,100", &["row 1", "`weight`", "from 0.01 to 10"]),
    ("campaigns", "fb;ig,1.3", "fb;ig,1e-300", &["row 1", "`weight`", "from 0.01 to 10"]),
    ("calendar", "boost,1.2", "boost,99", &["row 1", "`factor`", "from 0.01 to 10"]),
];

const WARNED_ABOUT: &[ChangedCell] = &[
    ("channels", ",0.036,", ",3.6,", &["row 1", "`avg_engagement_rate`", "more engagements than people"]),
    (
        "channels",
        "2026-10-17T12:00:00Z,2,4",
        "2026-10-02T12:00:00Z,2,4",
        &["`posts_last_7_days`", "the last post is earlier"],
    ),
    (
        "history",
        "kettle-lane,fb,2026-10-17T12:00:00Z",
        "kettle-lane,fb,2026-10-21T12:00:00Z",
        &["row 4", "counts as committed"],
    ),
    ("history", "2026-10-12T15:00:00Z", "2026-10-22T15:00:00Z", &["row 3", "counts as committed"]),
    ("reality", "2026-10-12T", "2026-10-22T", &["row 2", "`as_of`", "after the scenario's start"]),
    ("warnings", "2026-10-12T", "2026-10-22T", &["row 1", "`opened_at`", "after the scenario's start"]),
];

fn with_changed_cell(&(table, from, to, _): &ChangedCell) -> TestFolder {
    let folder = TestFolder::new();
    folder.replace(&format!("small/{table}.csv"), from, to);
    folder
}

#[test]
fn impossible_values_are_refused_by_check() {
    for case in REFUSED {
        let (table, _, _, messages) = case;
        let ran = with_changed_cell(case).mcoe("check --scenario small").exits_with(2);
        ran.stderr_has(&[&format!("{table}.csv: row")]).stderr_has(messages);
    }
}

#[test]
fn unlikely_values_are_warnings_and_can_be_planned() {
    for case in WARNED_ABOUT {
        let (table, _, _, messages) = case;
        let folder = with_changed_cell(case);
        let ran = folder.mcoe("check --scenario small").succeeds();
        ran.stderr_has(&[&format!("warning: {table}.csv: row")]).stderr_has(messages);
        folder.mcoe("plan small --out plan").succeeds().stderr_has(messages);
        assert!(!folder.mcoe("check --scenario small --quiet").succeeds().err.contains("warning"));
    }
}

#[test]
fn the_shipped_scenarios_have_no_warnings() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    for scenario in ["small", "agency"] {
        let ran = folder.mcoe(&format!("check --scenario {scenario}")).succeeds();
        assert!(!ran.err.contains(".csv"), "{}", ran.err);
    }
}

#[test]
fn start_dates_far_from_today_are_refused() {
    let folder = TestFolder::new();
    folder.replace("small/scenario.toml", "start = \"2026-10-19\"", "start = \"0001-01-01\"");
    folder.mcoe("check --scenario small").exits_with(2).stderr_has(&[
        "scenario.toml:5:",
        "out of range",
        "from 2000-01-01",
    ]);
    let before = folder.entries();
    folder.mcoe("generate --clients 1 --start 0001-W20 --out made").exits_with(2).stderr_has(&["0001-W20"]);
    folder.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,2026-08-03T09:00:00Z,4\n");
    folder.mcoe("import posts.csv --start 9998-W20 --out shop").exits_with(2).stderr_has(&["9998-W20"]);
    folder.write("posts.csv", "account,channel,published_at,engagements\nshop,fb,9026-08-03T09:00:00Z,4\n");
    folder.mcoe("import posts.csv --out shop").exits_with(2).stderr_has(&["row 1", "`published_at`", "out of range"]);
    assert_eq!(folder.entries().len(), before.len() + 1);
}

#[test]
fn an_imported_scenario_is_never_refused_by_plan() {
    let folder = TestFolder::new();
    let header = "account,channel,published_at,content_type,reach_or_null,engagements\n";
    folder.write("posts.csv", &format!("{header}bakery,fb,2026-08-03T09:00:00Z,photo,1200,41\n"));
    for id in ["team/north", "a;b"] {
        folder.write("map.csv", &format!("account,client_id,workspace_id\nbakery,acme,{id}\n"));
        let ran = folder.mcoe("import posts.csv --mapping map.csv --out mine").exits_with(2);
        ran.stderr_has(&["map.csv: row 1", "`workspace_id`", id]);
    }
    // More engagements than people reached, or than people exist; almost no reach; more posts than is plausible.
    let post = |n: u32, reach: &str, engagements: &str| {
        let at = Timestamp::from_second(1_786_000_000 - i64::from(n) * 60);
        format!("bakery,fb,{at},photo,{reach},{engagements}\n")
    };
    for (reach, engagements, posts) in
        [("1", "90000000000", 3), ("", "100000000000", 3), ("0.0001", "0", 3), ("9", "1", 12_000)]
    {
        let rows: String = (0..posts).map(|n| post(n, reach, engagements)).collect();
        folder.write("posts.csv", &format!("{header}{rows}"));
        folder.mcoe("import posts.csv --out mine --force").succeeds();
        folder.mcoe("check --scenario mine").succeeds();
    }
}

#[test]
fn a_ledgers_export_is_read_with_its_committed_posts() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-16T08:00:00Z").succeeds();
    for week in ["2026-W43", "2026-W44"] {
        folder.mcoe(&format!("weekly --week {week} --now 2026-10-16T08:00:00Z")).succeeds();
    }
    for (week, out) in [("2026-W43", "first"), ("2026-W42", "earlier"), ("2026-W45", "later")] {
        folder.mcoe(&format!("db export corner --week {week} --now 2026-10-16T08:00:00Z --out {out}")).succeeds();
        folder.mcoe(&format!("check --scenario {out}")).succeeds();
    }
    folder.mcoe("check --scenario first").succeeds().stderr_has(&["warning: history.csv", "count as committed"]);
    folder.mcoe("plan --from-database corner --week 2026-W45 --now 2026-10-16T08:00:00Z --out plan").succeeds();
}

#[test]
fn a_table_of_too_many_columns_is_refused_at_once() {
    let folder = TestFolder::new();
    let names: String = (0..20_000).map(|n| format!(",c{n}")).collect();
    folder.write("posts.csv", &format!("account,channel,published_at,engagements{names}\n"));
    folder.mcoe("import posts.csv --out shop").exits_with(2).stderr_has(&["20004 columns, more than 1000"]);
    folder.write("small/assets.csv", &format!("asset_id{names}\n"));
    folder.mcoe("check --scenario small").exits_with(2).stderr_has(&["assets.csv", "20001 columns", "1 error(s)"]);
}

#[test]
fn fifty_errors_are_shown_and_the_others_counted() {
    let folder = TestFolder::new();
    let days = vec!["{ date = 2026-10-19, kind = \"boost\" }"; 700].join(", ");
    folder.replace("rules/calendar.toml", "days = []", &format!("days = [{days}]"));
    let ran = folder.mcoe("check").exits_with(2);
    assert!(ran.err.len() < 60_000, "{} bytes", ran.err.len());
    ran.stderr_has(&["more\n", "error(s) in the rules pack"]);
}
