//! Schedules in front of people: what waits, approving, cancelling.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::json;
use uuid::Uuid;

use super::conditions::Conditions;
use super::database::{Row, Tx, values};
use super::error::StoreError;
use super::ledger::Ledger;
use super::listing::LOCAL_DAY;
use super::record::{NewAction, record};
use super::retry::retried;
use crate::model::{ActionType, Channel, DecisionStatus, RiskBand, ScheduleStatus};
use crate::rules::CompiledRules;

/// A schedule as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Schedule {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub client_id: String,
    /// The team's.
    pub workspace_id: String,
    /// The campaign it counts for.
    pub campaign_id: Option<String>,
    /// Where.
    pub channel: Channel,
    /// When, in UTC.
    pub scheduled_for: Timestamp,
    /// The zone of the client's clock.
    pub time_zone: String,
    /// The head of the asset's family.
    pub creative_asset_id: Option<String>,
    /// The variation that is used.
    pub variation_id: Option<String>,
    /// What it will show.
    pub content_preview: serde_json::Value,
    /// Where it stands.
    pub status: ScheduleStatus,
    /// Claim on capacity.
    pub priority: f64,
    /// How much attention it needs.
    pub risk_level: RiskBand,
    /// Why it is held, was let go or failed.
    pub blocked_reason: Option<String>,
    /// Who committed its plan.
    pub created_by: String,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// The plan.
    pub plan_id: Uuid,
    /// `0..=1`.
    pub confidence: f64,
    /// Engagements expected.
    pub expected_engagement: f64,
    /// Fatigue of the channel there.
    pub fatigue: f64,
    /// Why it needs a person, and more.
    pub metadata: serde_json::Value,
    /// How often its draft was tried.
    pub attempts: u32,
}

/// Which schedules are meant. What is none or empty restricts nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScheduleFilter {
    /// These alone.
    pub ids: Vec<Uuid>,
    /// Of one client.
    pub client: Option<String>,
    /// On one channel.
    pub channel: Option<Channel>,
    /// Of one risk.
    pub risk: Option<RiskBand>,
    /// Of one plan.
    pub plan: Option<Uuid>,
    /// Standing in one of these.
    pub statuses: Vec<ScheduleStatus>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// On this day of the client's calendar or later.
    pub first_day: Option<Date>,
    /// On this day of the client's calendar or earlier.
    pub last_day: Option<Date>,
    /// No more than so many.
    pub limit: Option<u32>,
}

/// What a person wants of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// They may run.
    Approve,
    /// They are taken back.
    Cancel {
        /// Why.
        reason: &'a str,
    },
}

pub(super) const COLUMNS: &str = "id::text, client_id, workspace_id, campaign_id, channel, iso(scheduled_for), time_zone, \
                       creative_asset_id, variation_id, content_preview::text, status, priority, risk_level, \
                       blocked_reason, created_by, approved_by, plan_id::text, confidence, expected_engagement, \
                       fatigue, metadata::text, attempts";

/// The worst risk has the lowest rank.
pub(super) const RANK: &str = "CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END";

impl Schedule {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.parsed(0)?,
            client_id: row.text(1)?,
            workspace_id: row.text(2)?,
            campaign_id: row.maybe_text(3)?,
            channel: row.parsed(4)?,
            scheduled_for: row.parsed(5)?,
            time_zone: row.text(6)?,
            creative_asset_id: row.maybe_text(7)?,
            variation_id: row.maybe_text(8)?,
            content_preview: row.json(9)?,
            status: row.parsed(10)?,
            priority: row.number(11)?,
            risk_level: row.parsed(12)?,
            blocked_reason: row.maybe_text(13)?,
            created_by: row.text(14)?,
            approved_by: row.maybe_text(15)?,
            plan_id: row.parsed(16)?,
            confidence: row.number(17)?,
            expected_engagement: row.number(18)?,
            fatigue: row.number(19)?,
            metadata: row.json(20)?,
            attempts: row.count(21)?,
        })
    }

    /// The asset that is really used.
    #[must_use]
    pub fn used_asset(&self) -> Option<&str> {
        self.variation_id.as_deref().or(self.creative_asset_id.as_deref())
    }
}

/// A day begins nowhere more than a day before it begins in UTC, and ends nowhere more than a day after.
fn utc_day(day: Date) -> Timestamp {
    let start = day.to_zoned(jiff::tz::TimeZone::UTC);
    start.map_or(Timestamp::MAX, |start| start.timestamp())
}

impl ScheduleFilter {
    /// What a statement asks of rows, beyond what it asks already.
    pub(super) fn ask(&self, conditions: &mut Conditions) {
        if let Some(client) = &self.client {
            conditions.add("client_id = ?", client.as_str());
        }
        if let Some(channel) = self.channel {
            conditions.add("channel = ?", channel.name());
        }
        if let Some(risk) = self.risk {
            conditions.add("risk_level = ?", risk.name());
        }
        if let Some(plan) = self.plan {
            conditions.add("plan_id = ?::uuid", plan);
        }
        if let Some(from) = self.from {
            conditions.add("scheduled_for >= ?::timestamptz", from);
        }
        if let Some(to) = self.to {
            conditions.add("scheduled_for < ?::timestamptz", to);
        }
        if let Some(day) = self.first_day {
            conditions.add("scheduled_for >= ?::timestamptz", utc_day(day.saturating_sub(1.day())));
            conditions.add(&format!("{LOCAL_DAY} >= ?"), day.to_string());
        }
        if let Some(day) = self.last_day {
            conditions.add("scheduled_for < ?::timestamptz", utc_day(day.saturating_add(2.days())));
            conditions.add(&format!("{LOCAL_DAY} <= ?"), day.to_string());
        }
        match self.ids.as_slice() {
            [] => {}
            // The key's own index serves where it is one.
            [only] => conditions.add("id = ?::uuid", *only),
            ids => {
                let list = "id::text IN (SELECT value FROM json_array_elements_text(?::json))";
                conditions.add(list, super::load::json(&ids));
            }
        }
        if !self.statuses.is_empty() {
            let names: Vec<String> = self.statuses.iter().map(|status| format!("'{}'", status.name())).collect();
            conditions.say(format!("status IN ({})", names.join(", ")));
        }
    }
}

impl Ledger {
    /// The schedules that a filter means, worst risk first, then by time.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn schedules(&self, filter: &ScheduleFilter) -> Result<Vec<Schedule>, StoreError> {
        retried(|| async {
            let mut tx = self.read().await?;
            find(&mut tx, filter, self.conditions(), false).await
        })
        .await
    }

    /// The one schedule whose id begins with the given letters.
    ///
    /// # Errors
    /// Where none or several begin so, or the database fails.
    pub async fn schedule_id(&self, letters: &str) -> Result<Uuid, StoreError> {
        let unknown = || StoreError::UnknownSchedule(format!("`{letters}`"));
        let (first, last) = range_of(letters).ok_or_else(unknown)?;
        let sql = "SELECT id::text FROM campaign_orchestration_schedules \
                   WHERE id BETWEEN $1::uuid AND $2::uuid AND ($3::text IS NULL OR workspace_id = $3) LIMIT 2";
        let mut tx = self.read().await?;
        let rows = tx.rows(sql, values![first, last, self.fence()]).await?;
        match rows.as_slice() {
            [only] => only.parsed(0),
            [] => Err(unknown()),
            _ => Err(StoreError::UnknownSchedule(format!("that alone begins with `{letters}`: give more letters"))),
        }
    }

    /// Approves or cancels the schedules that a filter means: all of them, or none where one cannot.
    /// Of a filter without ids, those are meant that wait. Returns them as they stood before.
    ///
    /// # Errors
    /// Where one of them cannot take the step, or the database fails.
    pub async fn change(
        &self,
        filter: &ScheduleFilter,
        change: Change<'_>,
        rules: &CompiledRules,
        actor: &str,
        now: Timestamp,
    ) -> Result<Vec<Schedule>, StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            let schedules = find(&mut tx, filter, self.conditions(), true).await?;
            for id in &filter.ids {
                if !schedules.iter().any(|schedule| schedule.id == *id) {
                    return Err(StoreError::UnknownSchedule(id.to_string()));
                }
            }
            for schedule in &schedules {
                change.check(schedule, rules, actor)?;
            }
            change.apply(&mut tx, &schedules, actor, now).await?;
            tx.commit().await?;
            Ok(schedules)
        })
        .await
    }
}

async fn find(
    tx: &mut Tx,
    filter: &ScheduleFilter,
    mut conditions: Conditions,
    lock: bool,
) -> Result<Vec<Schedule>, StoreError> {
    filter.ask(&mut conditions);
    let (conditions, values) = conditions.finish();
    let limit = filter.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    let lock = if lock { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS} FROM campaign_orchestration_schedules WHERE {conditions} ORDER BY {RANK}, scheduled_for, id{limit}{lock}"
    );
    tx.rows(&sql, values).await?.iter().map(Schedule::read).collect()
}

/// The first and the last id that begin with some letters.
fn range_of(letters: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = letters.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| Uuid::from_str(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((filled("0")?, filled("f")?))
}

impl Change<'_> {
    fn status(self) -> ScheduleStatus {
        match self {
            Change::Approve => ScheduleStatus::Ready,
            Change::Cancel { .. } => ScheduleStatus::Cancelled,
        }
    }

    /// Whether the schedule can take the step, at this person's hands.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(self, schedule: &Schedule, rules: &CompiledRules, actor: &str) -> Result<(), StoreError> {
        let (id, from, to) = (schedule.id, schedule.status, self.status());
        // What a guardrail holds is let go by the guardrail, and what failed by the next try.
        let by_person = self == Change::Approve && from != ScheduleStatus::Pending;
        if by_person || !from.may_become(to) {
            return Err(StoreError::IllegalStep { id, from, to });
        }
        let needs_another = rules.base().risk.needs_second_person(schedule.risk_level);
        if self == Change::Approve && schedule.created_by == actor && needs_another {
            return Err(StoreError::SecondPerson { id, actor: actor.to_owned() });
        }
        Ok(())
    }

    async fn apply(self, tx: &mut Tx, schedules: &[Schedule], actor: &str, now: Timestamp) -> Result<(), StoreError> {
        let ids: Vec<String> = schedules.iter().map(|schedule| schedule.id.to_string()).collect();
        let ids = super::load::json(&ids);
        let meant = "id IN (SELECT value::uuid FROM json_array_elements_text($1::json))";
        match self {
            Change::Approve => {
                let sql = format!(
                    "UPDATE campaign_orchestration_schedules SET status = 'ready', approved_by = $2, \
                     approved_at = $3::timestamptz, updated_at = $3::timestamptz WHERE {meant}"
                );
                tx.run(&sql, values![ids, actor, now]).await?;
            }
            Change::Cancel { reason } => {
                let sql = format!(
                    "UPDATE campaign_orchestration_schedules SET status = 'cancelled', blocked_reason = $2, \
                     updated_at = $3::timestamptz WHERE {meant}"
                );
                tx.run(&sql, values![ids, format!("cancelled by {actor}: {reason}"), now]).await?;
            }
        }
        let actions: Vec<NewAction<'_>> = schedules.iter().map(|schedule| self.action(schedule, actor)).collect();
        record(tx, actions.into_iter(), now).await
    }

    fn action<'s>(self, schedule: &'s Schedule, actor: &'s str) -> NewAction<'s> {
        let (action_type, status, payload) = match self {
            Change::Approve => (
                ActionType::ScheduleApproved,
                DecisionStatus::Accepted,
                json!({"from": schedule.status, "to": "ready"}),
            ),
            Change::Cancel { reason } => (
                ActionType::PostingDecision,
                DecisionStatus::Rejected,
                json!({"from": schedule.status, "to": "cancelled", "reason": reason}),
            ),
        };
        NewAction { schedule, action_type, status, payload, signals: None, actor, executed: None }
    }
}
