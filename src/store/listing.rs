//! Paginated lists, and counts over them.

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::error::StoreError;
use super::ledger::Ledger;
use super::pagination::{Cursor, Page, page};
use super::retry::with_retries;
use super::review::ScheduleFilter;
use super::row::{Id, Instant, Json, Name, from_row};
use super::schedule::{COLUMNS, LOCAL_DAY, RISK_RANK, Schedule};
use crate::model::{Channel, ConflictKind, ScheduleStatus, Severity, Timestamp};

/// Sort order of a list of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By time, earliest first.
    #[default]
    Soonest,
    /// By time, latest first.
    Latest,
    /// By risk, highest first, then by time, earliest first.
    WorstFirst,
}

/// Number of schedules on one local calendar day of their clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCount {
    /// The day, in each client's time zone.
    pub day: NaiveDate,
    /// Number of schedules.
    pub count: i64,
}

from_row! {
    /// A client, for selection lists.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct ClientName {
        /// The client's id.
        pub client_id: String,
        /// Its display name.
        pub name: String,
        /// Its time zone, an IANA name.
        pub time_zone: String,
    }
}

/// Selects conflicts. A field that is `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConflictFilter {
    /// Of one client.
    pub client: Option<String>,
    /// Of one severity.
    pub severity: Option<Severity>,
    /// Of one kind.
    pub kind: Option<ConflictKind>,
    /// Recorded at this time or later (inclusive).
    pub from: Option<Timestamp>,
}

/// Conflicts of one severity and kind.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ConflictGroup {
    /// The conflicts' severity.
    pub severity: Severity,
    /// The conflicts' kind.
    #[serde(rename = "type")]
    pub kind: ConflictKind,
    /// Total number of conflicts in the group.
    pub count: i64,
    /// The newest conflicts of the group, newest first; not necessarily all of them.
    pub conflicts: Vec<RecordedConflict>,
}

from_row! {
    /// A recorded conflict.
    #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
    #[schemars(rename = "Conflict")]
    pub struct RecordedConflict {
        /// Id of the decision that recorded it.
        pub id: Uuid as Id,
        /// When it was recorded.
        pub created_at: Timestamp as Instant,
        /// The client it concerns.
        pub client_id: String,
        /// The channel; `None` if it concerns the whole client.
        pub channel: Option<Channel> as Option<Name<Channel>>,
        /// What is wrong.
        pub description: String,
        /// Number of posts affected.
        pub affected: i64 as Json<i64>,
        /// How to resolve it.
        pub resolution: String,
    }
}

from_row! {
    /// A conflict with its group, and the group's size.
    struct GroupedConflict {
        severity: Severity as Name<Severity>,
        kind: ConflictKind as Name<ConflictKind>,
        total: i64,
    } parts { conflict: RecordedConflict }
}

impl Ledger {
    /// One page of the schedules that match a filter: those after a cursor, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedule_page(
        &self,
        filter: &ScheduleFilter,
        order: Order,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Page<Schedule>, StoreError> {
        let mut conditions = self.conditions();
        filter.add_to(&mut conditions);
        if let Some(cursor) = after {
            match order {
                Order::Soonest => conditions.after_ascending(cursor, "scheduled_for"),
                Order::Latest => conditions.after_descending(cursor, "scheduled_for"),
                Order::WorstFirst => conditions.after_rank(cursor, RISK_RANK, "scheduled_for"),
            }
        }
        let (conditions, values) = conditions.finish();
        let order_by = match order {
            Order::Soonest => "scheduled_for, id".to_owned(),
            Order::Latest => "scheduled_for DESC, id DESC".to_owned(),
            Order::WorstFirst => format!("{RISK_RANK}, scheduled_for, id"),
        };
        let sql =
            format!("SELECT {COLUMNS} FROM campaign_orchestration_schedules WHERE {conditions} ORDER BY {order_by}");
        let cursor =
            |schedule: &Schedule| Cursor { rank: schedule.rank(), at: schedule.scheduled_for, id: schedule.id };
        with_retries(|| async {
            let mut tx = self.read().await?;
            page(&mut tx, &sql, values.clone(), limit, cursor).await
        })
        .await
    }

    /// Number of schedules that match a filter, per local calendar day of their clients, in day order.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedules_by_day(&self, filter: &ScheduleFilter) -> Result<Vec<DayCount>, StoreError> {
        let mut conditions = self.conditions();
        filter.add_to(&mut conditions);
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT {LOCAL_DAY}, count(*) FROM campaign_orchestration_schedules WHERE {conditions} \
             GROUP BY 1 ORDER BY 1"
        );
        with_retries(|| async {
            let mut tx = self.read().await?;
            let counts: Vec<(Name<NaiveDate>, i64)> = tx.all(&sql, values.clone()).await?;
            Ok(counts.into_iter().map(|(Name(day), count)| DayCount { day, count }).collect())
        })
        .await
    }

    /// The clients in scope, ordered by name, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn client_names(&self, limit: u32) -> Result<Vec<ClientName>, StoreError> {
        let (conditions, values) = self.conditions().finish();
        let sql = format!(
            "SELECT client_id, name, time_zone FROM clients WHERE {conditions} ORDER BY name, client_id LIMIT {limit}"
        );
        with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values.clone()).await
        })
        .await
    }

    /// Whether a client exists and is in scope.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_client(&self, client: &str) -> Result<bool, StoreError> {
        let mut conditions = self.conditions();
        conditions.add("client_id = ?", client);
        let (conditions, values) = conditions.finish();
        with_retries(|| async {
            let mut tx = self.read().await?;
            tx.exists(&format!("SELECT 1 FROM clients WHERE {conditions}"), values.clone()).await
        })
        .await
    }

    /// Recorded conflicts grouped by severity, most severe first, and kind. Each group holds its newest conflicts, at
    /// most `max_per_group`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn conflicts(
        &self,
        filter: &ConflictFilter,
        max_per_group: u32,
    ) -> Result<Vec<ConflictGroup>, StoreError> {
        let mut conditions = self.conditions();
        conditions.add_raw("action_type = 'conflict_detected'".to_owned());
        if let Some(client) = &filter.client {
            conditions.add("client_id = ?", client.as_str());
        }
        if let Some(severity) = filter.severity {
            conditions.add("decision_payload ->> 'severity' = ?", severity.name());
        }
        if let Some(kind) = filter.kind {
            conditions.add("decision_payload ->> 'type' = ?", kind.name());
        }
        if let Some(from) = filter.from {
            conditions.add("created_at >= ?", from);
        }
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT severity, kind, total, id, created_at, client_id, decision_payload ->> 'channel' AS channel, \
             decision_payload ->> 'description' AS description, decision_payload -> 'affected' AS affected, \
             decision_payload ->> 'resolution' AS resolution FROM ( \
               SELECT decision_payload ->> 'severity' AS severity, decision_payload ->> 'type' AS kind, id, created_at, \
                 client_id, decision_payload, \
                 count(*) OVER (PARTITION BY decision_payload ->> 'severity', decision_payload ->> 'type') AS total, \
                 row_number() OVER (PARTITION BY decision_payload ->> 'severity', decision_payload ->> 'type' \
                   ORDER BY created_at DESC, id DESC) AS place \
               FROM campaign_orchestration_actions WHERE {conditions} \
             ) AS found WHERE place <= {max_per_group} \
             ORDER BY CASE severity WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END, kind, place"
        );
        let rows: Vec<GroupedConflict> = with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(&sql, values.clone()).await
        })
        .await?;
        let mut groups: Vec<ConflictGroup> = Vec::new();
        for GroupedConflict { severity, kind, total, conflict } in rows {
            if groups.last().is_none_or(|group| (group.severity, group.kind) != (severity, kind)) {
                groups.push(ConflictGroup { severity, kind, count: total, conflicts: Vec::new() });
            }
            if let Some(group) = groups.last_mut() {
                group.conflicts.push(conflict);
            }
        }
        Ok(groups)
    }
}

impl Schedule {
    /// Its rank by risk, 0 for the highest; the same as the SQL expression [`RISK_RANK`].
    fn rank(&self) -> u8 {
        use crate::model::RiskBand;
        match self.risk_level {
            RiskBand::High => 0,
            RiskBand::Medium => 1,
            RiskBand::Low => 2,
        }
    }

    /// Whether it is still open, so that it can be cancelled.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status.can_become(ScheduleStatus::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pagination::InvalidCursor;
    use super::*;

    #[test]
    fn a_cursor_is_parsed_back_from_its_text() {
        let cursor = Cursor { rank: 2, at: "2026-11-30T08:00:00.25Z".parse().unwrap(), id: Uuid::from_u128(7) };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "1", "1~x~y", "1~2026-11-30T08:00:00Z~", "-1~2026-11-30T08:00:00Z~0", "1~2~3~4", "300~~"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(InvalidCursor), "{wrong}");
        }
    }
}
