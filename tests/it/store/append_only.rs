//! Recorded decisions and drafts are append-only, for the ledger and for any other program.

use mcoe::model::Tier;
use mcoe::planner::Planner;

use super::{FRIDAY, loaded, rules, weekly};
use crate::support::{Place, at, block_on, on_both};

/// A ledger with a week of schedules, some of them drafted.
async fn with_drafts(place: &Place) {
    let (ledger, rules) = (place.ledger().await, rules());
    loaded(&ledger, &rules).await;
    weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
    let planner = Planner::new(&rules, Tier::Exact, None);
    let done = ledger.daily(&planner, None, at("2026-09-08T20:00:00Z"), &|| false).await.unwrap();
    assert!(done.drafted > 1, "{done:?}");
}

on_both! {
    async fn recorded_rows_cannot_be_removed(place: &Place) {
        with_drafts(place).await;
        for attempt in [
            "DELETE FROM campaign_orchestration_schedules WHERE status = 'pending'",
            "UPDATE campaign_orchestration_schedules SET id = '00000000-0000-8000-8000-000000000001' \
             WHERE id = (SELECT id FROM campaign_orchestration_schedules ORDER BY id LIMIT 1)",
            "DELETE FROM drafts",
            "UPDATE drafts SET content = '{}'",
        ] {
            let refused = place.run(attempt).await.unwrap_err();
            assert!(refused.contains("never") || refused.contains("keeps its id"), "{attempt}: {refused}");
        }
        if place.is_postgres() {
            for attempt in ["TRUNCATE drafts", "TRUNCATE campaign_orchestration_schedules CASCADE"] {
                assert!(place.run(attempt).await.unwrap_err().contains("never"), "{attempt}");
            }
        }
    }
}

/// A row that is inserted in place of another.
struct Forgery {
    table: &'static str,
    /// The row that is copied.
    of: &'static str,
    /// The changes to the copy.
    changes: &'static str,
    /// Whether the copy also sets the row id.
    names_place: bool,
}

const ACTIONS: &str = "campaign_orchestration_actions";
const SCHEDULES: &str = "campaign_orchestration_schedules";
const NEW_ID: &str = "id = '00000000-0000-8000-8000-000000000001'";

const fn forgery(table: &'static str, of: &'static str, changes: &'static str) -> Forgery {
    Forgery { table, of, changes, names_place: false }
}

const fn in_place(table: &'static str, of: &'static str, changes: &'static str) -> Forgery {
    Forgery { table, of, changes, names_place: true }
}

const FORGERIES: [Forgery; 8] = [
    // By the id.
    forgery(ACTIONS, "1", "actor = 'mallory'"),
    forgery(SCHEDULES, "status = 'pending'", "status = 'completed', executed_at = created_at"),
    forgery("drafts", "1", "content = '{}'"),
    // By another unique key.
    forgery(SCHEDULES, "status = 'pending'", NEW_ID),
    forgery("drafts", "1", NEW_ID),
    // By the row id.
    in_place(ACTIONS, "1", NEW_ID),
    in_place(SCHEDULES, "status = 'pending'", "id = '00000000-0000-8000-8000-000000000001', status = 'cancelled'"),
    in_place(
        "drafts",
        "1",
        "id = '00000000-0000-8000-8000-000000000001', schedule_id = (SELECT id FROM campaign_orchestration_schedules \
         WHERE status = 'pending' LIMIT 1)",
    ),
];

/// Updates that would replace another row.
const MOVES: [&str; 3] = [
    "scheduled_for = one.scheduled_for, client_id = one.client_id, channel = one.channel",
    "id = one.id",
    "rowid = one.place",
];

impl Forgery {
    async fn statements(&self, place: &Place) -> String {
        let Self { table, of, changes, names_place } = self;
        let columns = place.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await.join(", ");
        let (into, from) = if *names_place { ("rowid, ", "place, ") } else { ("", "") };
        format!(
            "CREATE TEMP TABLE forged AS SELECT rowid AS place, * FROM {table} WHERE {of} ORDER BY id LIMIT 1; \
             UPDATE forged SET {changes}; \
             REPLACE INTO {table} ({into}{columns}) SELECT {from}{columns} FROM forged"
        )
    }
}

fn replacing_insert(assignment: &str) -> String {
    format!(
        "UPDATE OR REPLACE {SCHEDULES} SET {assignment} \
         FROM (SELECT rowid AS place, * FROM {SCHEDULES} WHERE status = 'pending' ORDER BY id LIMIT 1) AS one \
         WHERE {SCHEDULES}.id = (SELECT id FROM {SCHEDULES} WHERE status = 'pending' ORDER BY id DESC LIMIT 1)"
    )
}

/// Every recorded row, reduced to the columns that the test tries to change.
async fn record(place: &Place) -> Vec<String> {
    let sql = format!(
        "SELECT rowid || id || actor FROM {ACTIONS} UNION ALL SELECT rowid || id || status || scheduled_for \
         FROM {SCHEDULES} UNION ALL SELECT rowid || id || schedule_id || content FROM drafts ORDER BY 1"
    );
    place.texts(&sql).await
}

#[test]
fn sqlite_replace_cannot_change_recorded_rows() {
    let place = Place::sqlite();
    block_on(async {
        with_drafts(&place).await;
        let mut attempts: Vec<String> = MOVES.iter().map(|assignment| replacing_insert(assignment)).collect();
        for forgery in FORGERIES {
            attempts.push(forgery.statements(&place).await);
        }
        let before = record(&place).await;
        for attempt in attempts {
            // As another program would open the file.
            let refused = place.run(&format!("PRAGMA foreign_keys = OFF; {attempt}")).await.unwrap_err();
            let is_by_trigger =
                ["never", "have unique instants", "keeps its id"].iter().any(|said| refused.contains(said));
            assert!(is_by_trigger, "{attempt}: {refused}");
            assert!(record(&place).await == before, "{attempt}");
        }
        let wrong = format!(
            "SELECT count(*) FROM (SELECT workspace_id, channel, status, change FROM schedule_tallies WHERE change <> 0 \
             EXCEPT SELECT workspace_id, channel, status, count(*) FROM {SCHEDULES} GROUP BY 1, 2, 3)"
        );
        assert_eq!(place.number(&wrong).await, 0, "the tallies are spoilt");
    });
}
