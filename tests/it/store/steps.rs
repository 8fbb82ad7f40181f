//! The allowed changes of a schedule's status are the same in the code and in both databases.

use std::collections::BTreeSet;

use mcoe::model::ScheduleStatus;

use super::{FRIDAY, load_agency, rules, weekly};
use crate::support::{TestDatabase, on_both};

/// SQL assignments of the columns that a status requires.
fn required_columns(status: ScheduleStatus) -> &'static str {
    match status {
        ScheduleStatus::Blocked => ", blocked_reason = 'a reason'",
        ScheduleStatus::Completed => ", executed_at = created_at",
        _ => "",
    }
}

on_both! {
    async fn the_database_refuses_every_transition_that_the_code_does_not_allow(database: &TestDatabase) {
        let (ledger, rules) = (database.ledger().await, rules());
        load_agency(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let columns = "created_at, updated_at, client_id, workspace_id, channel, time_zone, content_preview, priority, \
                       risk_level, created_by, plan_id, rules_hash, confidence, expected_engagement, fatigue";
        let ids =
            database.texts("SELECT CAST(id AS text) FROM campaign_orchestration_schedules ORDER BY 1 LIMIT 1").await;
        for (from_index, from) in ScheduleStatus::ALL.iter().enumerate() {
            for (to_index, to) in ScheduleStatus::ALL.iter().enumerate().filter(|(_, to)| *to != from) {
                let id = format!("00000000-0000-8000-8000-00000000{from_index:02}{to_index:02}");
                let insert = format!(
                    "INSERT INTO campaign_orchestration_schedules \
                     (id, status, scheduled_for, blocked_reason, executed_at, {columns}) SELECT '{id}', '{from}', \
                     '2031-01-{:02}T{:02}:00:00Z', 'a reason', created_at, {columns} \
                     FROM campaign_orchestration_schedules WHERE id = '{}'",
                    from_index + 1,
                    to_index,
                    ids[0]
                );
                database.run(&insert).await.unwrap();
                let update = format!(
                    "UPDATE campaign_orchestration_schedules SET status = '{to}'{} WHERE id = '{id}'",
                    required_columns(*to)
                );
                match database.run(&update).await {
                    Ok(()) => assert!(from.can_become(*to), "the database lets {from} become {to}"),
                    Err(refused) => {
                        assert!(!from.can_become(*to), "the database refuses that {from} becomes {to}: {refused}");
                        assert!(refused.contains("cannot"), "{refused}");
                    }
                }
            }
        }
        let in_database = database.texts("SELECT from_status || ' ' || to_status FROM schedule_steps").await;
        let in_code: BTreeSet<String> = ScheduleStatus::ALL
            .iter()
            .flat_map(|from| from.next_statuses().iter().map(move |to| format!("{from} {to}")))
            .collect();
        assert_eq!(in_database.into_iter().collect::<BTreeSet<_>>(), in_code);
    }
}
