//! Recorded decisions and drafts are append-only, for the ledger and for any other program.

use mcoe::model::Tier;
use mcoe::planner::Planner;

use super::{FRIDAY, load_agency, rules, weekly};
use crate::support::{TestDatabase, at, block_on, on_both};

/// Fills a ledger with a week of schedules, some of them drafted.
async fn commit_and_draft(database: &TestDatabase) {
    let (ledger, rules) = (database.ledger().await, rules());
    load_agency(&ledger, &rules).await;
    weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
    let planner = Planner::new(&rules, Tier::Exact, None);
    let outcome = ledger.daily(&planner, None, at("2026-09-08T20:00:00Z"), &|| false).await.unwrap();
    assert!(outcome.drafted > 1, "{outcome:?}");
}

on_both! {
    async fn recorded_rows_cannot_be_removed(database: &TestDatabase) {
        commit_and_draft(database).await;
        for attempt in [
            "DELETE FROM campaign_orchestration_schedules WHERE status = 'pending'",
            "UPDATE campaign_orchestration_schedules SET id = '00000000-0000-8000-8000-000000000001' \
             WHERE id = (SELECT id FROM campaign_orchestration_schedules ORDER BY id LIMIT 1)",
            "DELETE FROM drafts",
            "UPDATE drafts SET content = '{}'",
            "DELETE FROM decisions",
            "UPDATE decisions SET actor = 'nobody'",
            "DELETE FROM decision_texts",
            "UPDATE decision_texts SET body = '{}'",
            "DELETE FROM decision_assessments",
            "UPDATE decision_assessments SET status = 'rejected'",
        ] {
            let refused = database.run(attempt).await.unwrap_err();
            assert!(refused.contains("never") || refused.contains("keeps its id"), "{attempt}: {refused}");
        }
        if database.is_postgres() {
            for attempt in ["TRUNCATE drafts", "TRUNCATE decisions", "TRUNCATE campaign_orchestration_schedules CASCADE"] {
                assert!(database.run(attempt).await.unwrap_err().contains("never"), "{attempt}");
            }
        }
    }
}

/// A row that is inserted in place of another.
struct Forgery {
    table: &'static str,
    /// Condition that selects the row to copy.
    original: &'static str,
    /// The changes to the copy.
    changes: &'static str,
    /// Whether the copy also gets the row id of the original.
    keeps_row_id: bool,
}

const DECISIONS: &str = "decisions";
const SCHEDULES: &str = "campaign_orchestration_schedules";
const NEW_ID: &str = "id = '00000000-0000-8000-8000-000000000001'";

const fn forgery(table: &'static str, original: &'static str, changes: &'static str) -> Forgery {
    Forgery { table, original, changes, keeps_row_id: false }
}

const fn with_row_id(table: &'static str, original: &'static str, changes: &'static str) -> Forgery {
    Forgery { table, original, changes, keeps_row_id: true }
}

const FORGERIES: [Forgery; 14] = [
    // The copy has the same id.
    forgery(DECISIONS, "1", "no = no + 1000000, actor = 'mallory'"),
    forgery(SCHEDULES, "status = 'pending'", "status = 'completed', executed_at = created_at"),
    forgery("drafts", "1", "content = '{}'"),
    // The copy has another unique key in common.
    forgery(DECISIONS, "1", "id = x'00000000000080008000000000000001'"),
    forgery("decision_texts", "1", "body = '{}'"),
    forgery("decision_assessments", "1", "risk_class = 'high', status = 'rejected'"),
    forgery("decision_batches", "1", "created_at = '2020-01-01T00:00:00Z'"),
    forgery("decision_batches", "1", "no = no + 1000000"),
    forgery("decision_clients", "1", "client_id = 'mallory'"),
    forgery("decision_clients", "1", "no = no + 1000000"),
    forgery(SCHEDULES, "status = 'pending'", NEW_ID),
    forgery("drafts", "1", NEW_ID),
    // The copy has the same row id.
    with_row_id(SCHEDULES, "status = 'pending'", "id = '00000000-0000-8000-8000-000000000001', status = 'cancelled'"),
    with_row_id(
        "drafts",
        "1",
        "id = '00000000-0000-8000-8000-000000000001', schedule_id = (SELECT id FROM campaign_orchestration_schedules \
         WHERE status = 'pending' LIMIT 1)",
    ),
];

/// Assignments to a row that would make it replace another one.
const REPLACING_ASSIGNMENTS: [&str; 3] = [
    "scheduled_for = one.scheduled_for, client_id = one.client_id, channel = one.channel",
    "id = one.id",
    "rowid = one.place",
];

/// Replaces a decision through the view of decisions.
const REPLACING_VIEW: &str = "REPLACE INTO campaign_orchestration_actions SELECT * FROM campaign_orchestration_actions \
     WHERE action_type = 'schedule_created' LIMIT 1";

impl Forgery {
    async fn statements(&self, database: &TestDatabase) -> String {
        let Self { table, original, changes, keeps_row_id } = self;
        let columns = database.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await.join(", ");
        let (into, from) = if *keeps_row_id { ("rowid, ", "place, ") } else { ("", "") };
        format!(
            "CREATE TEMP TABLE forged AS SELECT rowid AS place, * FROM {table} WHERE {original} ORDER BY rowid LIMIT 1; \
             UPDATE forged SET {changes}; \
             REPLACE INTO {table} ({into}{columns}) SELECT {from}{columns} FROM forged"
        )
    }
}

fn replacing_update(assignment: &str) -> String {
    format!(
        "UPDATE OR REPLACE {SCHEDULES} SET {assignment} \
         FROM (SELECT rowid AS place, * FROM {SCHEDULES} WHERE status = 'pending' ORDER BY id LIMIT 1) AS one \
         WHERE {SCHEDULES}.id = (SELECT id FROM {SCHEDULES} WHERE status = 'pending' ORDER BY id DESC LIMIT 1)"
    )
}

/// Every recorded row, reduced to the columns that the test tries to change.
async fn recorded_rows(database: &TestDatabase) -> Vec<String> {
    let sql = format!(
        "SELECT no || hex(id) || actor FROM {DECISIONS} UNION ALL SELECT no || body FROM decision_texts \
         UNION ALL SELECT no || risk_class || status FROM decision_assessments \
         UNION ALL SELECT no || workspace_id || created_at FROM decision_batches \
         UNION ALL SELECT no || client_id FROM decision_clients \
         UNION ALL SELECT rowid || id || status || scheduled_for FROM {SCHEDULES} \
         UNION ALL SELECT rowid || id || schedule_id || content FROM drafts ORDER BY 1"
    );
    database.texts(&sql).await
}

#[test]
fn sqlite_replace_cannot_change_recorded_rows() {
    let database = TestDatabase::sqlite();
    block_on(async {
        commit_and_draft(&database).await;
        let mut attempts: Vec<String> =
            REPLACING_ASSIGNMENTS.iter().map(|assignment| replacing_update(assignment)).collect();
        for forgery in FORGERIES {
            attempts.push(forgery.statements(&database).await);
        }
        attempts.push(REPLACING_VIEW.to_owned());
        let before = recorded_rows(&database).await;
        for attempt in attempts {
            // Another program need not enforce foreign keys.
            let refused = database.run(&format!("PRAGMA foreign_keys = OFF; {attempt}")).await.unwrap_err();
            let is_by_trigger =
                ["never", "have unique instants", "keeps its id"].iter().any(|message| refused.contains(message));
            assert!(is_by_trigger, "{attempt}: {refused}");
            assert!(recorded_rows(&database).await == before, "{attempt}");
        }
        let wrong = format!(
            "SELECT count(*) FROM (SELECT workspace_id, channel, status, change FROM schedule_tallies WHERE change <> 0 \
             EXCEPT SELECT workspace_id, channel, status, count(*) FROM {SCHEDULES} GROUP BY 1, 2, 3)"
        );
        assert_eq!(database.number(&wrong).await, 0, "the tallies are wrong");
    });
}
