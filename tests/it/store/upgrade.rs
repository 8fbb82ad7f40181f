//! Ledgers of older versions: after migration, commands print what they printed then.

use std::fs;

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::support::postgres::server;
use crate::support::{TestFolder, block_on, newest_schema_version, project};

const FOLDER: &str = "tests/cases/ledgers/version-2";

fn stored(name: &str) -> String {
    fs::read_to_string(project(FOLDER).join(name)).unwrap()
}

/// Restores a ledger of schema version 2 as `old.db`, or in a database of the tests' PostgreSQL. Returns its address.
fn restore(folder: &TestFolder, is_postgres: bool) -> String {
    if is_postgres {
        let url = server().create_database();
        server().run("DO $$ BEGIN CREATE ROLE mcoe_app NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        block_on(async {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(stored("postgres.sql"))).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
        return url;
    }
    block_on(async {
        let address = format!("sqlite:{}?mode=rwc", folder.path("old.db").display());
        let mut connection = SqliteConnection::connect(&address).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(stored("sqlite.sql"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    "old.db".to_owned()
}

/// Checks that every field of the old output is in the new one, unchanged. Fields added later, and fields that depend on
/// today's rules, are not compared.
#[track_caller]
fn assert_unchanged(path: &str, then: &Value, now: &Value) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (name, value) in then {
                assert_unchanged(&format!("{path}.{name}"), value, now.get(name).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{path}");
            for (number, (then, now)) in then.iter().zip(now).enumerate() {
                assert_unchanged(&format!("{path}[{number}]"), then, now);
            }
        }
        _ if ["health", "fatigue", "wait_hours", "conflicts"].iter().any(|word| path.contains(word)) => {}
        _ => assert_eq!(then, now, "{path}"),
    }
}

/// The columns of recorded decisions, in every version.
const DECISION_COLUMNS: [&str; 17] = [
    "id",
    "created_at",
    "schedule_id",
    "client_id",
    "workspace_id",
    "action_type",
    "decision_payload",
    "source_signals",
    "risk_class",
    "confidence_score",
    "truth_notes",
    "truth_compliant",
    "disclaimers",
    "status",
    "executed_at",
    "execution_result",
    "actor",
];

/// Every recorded decision as one text, in order of their ids.
fn recorded_decisions(folder: &TestFolder, url: &str, is_postgres: bool) -> Vec<String> {
    let cells = DECISION_COLUMNS.map(|column| format!("coalesce(CAST({column} AS text), 'NULL')"));
    let sql = format!("SELECT {} FROM campaign_orchestration_actions ORDER BY id", cells.join(" || ' | ' || "));
    block_on(async {
        if is_postgres {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
            return rows.iter().map(|row| row.get(0)).collect();
        }
        let mut connection =
            SqliteConnection::connect(&format!("sqlite:{}", folder.path(url).display())).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
}

fn migrate_and_compare(is_postgres: bool) {
    let folder = TestFolder::new();
    let url = restore(&folder, is_postgres);
    let decided = recorded_decisions(&folder, &url, is_postgres);
    let run = |line: &str| folder.mcoe(&format!("{line} --database {url}"));
    run("status").exits_with(3).stderr_has(&["has schema version 2", "mcoe db migrate"]);
    let migrated = run("db migrate --format json").succeeds().json();
    let versions = (migrated["version_before"].as_i64(), migrated["version"].as_i64());
    assert_eq!(versions, (Some(2), Some(newest_schema_version())));
    assert!(decided.len() > 100);
    assert_eq!(recorded_decisions(&folder, &url, is_postgres), decided);
    let then: Value = serde_json::from_str(&stored("status.json")).unwrap();
    let now = run("status --now 2026-10-21T08:00:00Z --format json").succeeds().json();
    assert_unchanged("status", &then, &now);
    let then: Value = serde_json::from_str(&stored("review.json")).unwrap();
    let now = run("review --all --limit 1000 --format json").succeeds().json();
    assert_eq!(then.as_array().unwrap().len(), 29);
    assert_unchanged("review", &then, &now);
    // Passes and exports work on the migrated ledger.
    let drafted = run("daily --now 2026-10-21T20:00:00Z --format json").succeeds().json();
    assert!(drafted["drafted"].as_u64().unwrap() > 0, "{drafted}");
    run("db export corner --out back --week 2026-W44").succeeds();
    // Later decisions are recorded next to the old ones.
    let later = recorded_decisions(&folder, &url, is_postgres);
    assert!(later.len() > decided.len());
    assert!(decided.iter().all(|decision| later.contains(decision)));
}

#[test]
fn a_stored_ledger_of_version_2_gives_the_same_output_in_sqlite() {
    migrate_and_compare(false);
}

#[test]
fn a_stored_ledger_of_version_2_gives_the_same_output_in_postgres() {
    migrate_and_compare(true);
}

#[test]
fn an_older_sqlite_file_is_migrated_by_writers_only() {
    let folder = TestFolder::new();
    restore(&folder, false);
    let before = fs::read(folder.path("old.db")).unwrap();
    for line in ["status", "review", "actions", "rules impact", "db export corner --out back", "token list"] {
        folder
            .mcoe(&format!("{line} --database old.db"))
            .exits_with(3)
            .stderr_has(&["schema version 2", "mcoe db migrate"]);
        assert!(fs::read(folder.path("old.db")).unwrap() == before, "{line} wrote into the file");
    }
    assert!(!folder.entries().iter().any(|name| name.starts_with("old.db-")));
    folder.mcoe("daily --now 2026-10-21T09:00:00Z --database old.db").succeeds();
    folder.mcoe("status --database old.db").succeeds();
}
