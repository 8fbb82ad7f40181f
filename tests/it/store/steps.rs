//! The allowed changes of a schedule's status are the same in the code and in both databases.

use std::collections::BTreeSet;

use mcoe::model::ScheduleStatus;

use super::{FRIDAY, loaded, rules, weekly};
use crate::support::{Place, on_both};

/// Columns that a row must have in a status.
fn extras(status: ScheduleStatus) -> &'static str {
    match status {
        ScheduleStatus::Blocked => ", blocked_reason = 'a reason'",
        ScheduleStatus::Completed => ", executed_at = created_at",
        _ => "",
    }
}

on_both! {
    async fn the_database_refuses_every_transition_that_the_code_does_not_allow(place: &Place) {
        let (ledger, rules) = (place.ledger().await, rules());
        loaded(&ledger, &rules).await;
        weekly(&ledger, &rules, "2026-W37", FRIDAY).await;
        let columns = "created_at, updated_at, client_id, workspace_id, channel, time_zone, content_preview, priority, \
                       risk_level, created_by, plan_id, rules_hash, confidence, expected_engagement, fatigue";
        let ids = place.texts("SELECT CAST(id AS text) FROM campaign_orchestration_schedules ORDER BY 1 LIMIT 1").await;
        for (number, from) in ScheduleStatus::ALL.iter().enumerate() {
            for (place_of, to) in ScheduleStatus::ALL.iter().enumerate().filter(|(_, to)| *to != from) {
                let id = format!("00000000-0000-8000-8000-00000000{number:02}{place_of:02}");
                let insert = format!(
                    "INSERT INTO campaign_orchestration_schedules \
                     (id, status, scheduled_for, blocked_reason, executed_at, {columns}) SELECT '{id}', '{from}', \
                     '2031-01-{:02}T{:02}:00:00Z', 'a reason', created_at, {columns} \
                     FROM campaign_orchestration_schedules WHERE id = '{}'",
                    number + 1,
                    place_of,
                    ids[0]
                );
                place.run(&insert).await.unwrap();
                let update = format!(
                    "UPDATE campaign_orchestration_schedules SET status = '{to}'{} WHERE id = '{id}'",
                    extras(*to)
                );
                match place.run(&update).await {
                    Ok(()) => assert!(from.can_become(*to), "the database lets {from} become {to}"),
                    Err(refused) => {
                        assert!(!from.can_become(*to), "the database refuses that {from} becomes {to}: {refused}");
                        assert!(refused.contains("cannot"), "{refused}");
                    }
                }
            }
        }
        let listed = place.texts("SELECT from_status || ' ' || to_status FROM schedule_steps").await;
        let known: BTreeSet<String> = ScheduleStatus::ALL
            .iter()
            .flat_map(|from| from.next_statuses().iter().map(move |to| format!("{from} {to}")))
            .collect();
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), known);
    }
}
