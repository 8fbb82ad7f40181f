//! Schedules in front of people: what waits, approving, cancelling.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::NaiveDate;
use uuid::Uuid;

use super::conditions::Conditions;
use super::daily::{NO_OTHER_LIVE, committed, decided, ids};
use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::listing::LOCAL_DAY;
use super::record::{NewAction, record};
use super::retry::retried;
use super::row::{Id, Instant, Json, Name, Whole, from_row};
use super::standing::{Which, standing};
use super::values::values;
use crate::model::{ActionType, Channel, DecisionStatus, Reason, RiskBand, ScheduleStatus, Timestamp, plus_days};
use crate::planner::objection_to;
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
    /// Why it is held, waits, was let go or failed, in words.
    pub blocked_reason: Option<String>,
    /// The same as the code of a [`Reason`].
    pub blocked_code: Option<String>,
    /// The details of that code.
    pub blocked_details: serde_json::Value,
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
    /// What names it in calendars.
    pub calendar_uid: String,
    /// Rises with every change that calendars must know of.
    pub calendar_sequence: u32,
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
    pub first_day: Option<NaiveDate>,
    /// On this day of the client's calendar or earlier.
    pub last_day: Option<NaiveDate>,
    /// No more than so many.
    pub limit: Option<u32>,
}

/// What a person wants of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// They may run.
    Approve,
    /// They may run, on the word of one person who works alone: nobody else has to look at high risk. The record says so.
    ApproveAlone,
    /// They are taken back.
    Cancel {
        /// Why.
        reason: &'a str,
    },
    /// What a person had cancelled waits for approval again.
    Restore,
}

/// What became of the schedules that a person wanted to change.
#[derive(Debug, Default)]
pub struct Changed {
    /// Those that changed, as they stood before.
    pub done: Vec<Schedule>,
    /// Those that could not: they have moved on meanwhile, or something holds them.
    pub skipped: Vec<Skipped>,
}

/// A schedule that did not change.
#[derive(Debug)]
pub struct Skipped {
    /// As it stands.
    pub schedule: Schedule,
    /// Why not.
    pub why: StoreError,
    /// The same person made the same change before, and it still holds.
    pub is_repeat: bool,
}

impl Changed {
    /// How many stand as they were wanted: those that changed, and those that did so when the same was asked before.
    ///
    /// # Errors
    /// Where none does though some were meant: why the first does not.
    pub fn settled(self) -> Result<usize, StoreError> {
        let (repeated, left): (Vec<Skipped>, Vec<Skipped>) =
            self.skipped.into_iter().partition(|skipped| skipped.is_repeat);
        match (self.done.len() + repeated.len(), left.into_iter().next()) {
            (0, Some(skipped)) => Err(skipped.why),
            (settled, _) => Ok(settled),
        }
    }

    /// Those that changed.
    ///
    /// # Errors
    /// Where none did though some were meant: why the first could not.
    pub fn any(self) -> Result<Vec<Schedule>, StoreError> {
        match self.skipped.into_iter().next() {
            Some(skipped) if self.done.is_empty() => Err(skipped.why),
            _ => Ok(self.done),
        }
    }
}

/// A schedule that was committed before schedules had a name in calendars is named by its id.
pub(super) const COLUMNS: &str = "id, client_id, workspace_id, campaign_id, channel, scheduled_for, time_zone, creative_asset_id, variation_id, \
     content_preview, status, priority, risk_level, blocked_reason, blocked_code, blocked_details, created_by, \
     approved_by, plan_id, confidence, expected_engagement, fatigue, metadata, attempts, \
     coalesce(calendar_uid, CAST(id AS text)) AS calendar_uid, calendar_sequence";

from_row!(Schedule {
    id: Id,
    client_id: String,
    workspace_id: String,
    campaign_id: Option<String>,
    channel: Name<Channel>,
    scheduled_for: Instant,
    time_zone: String,
    creative_asset_id: Option<String>,
    variation_id: Option<String>,
    content_preview: Json<serde_json::Value>,
    status: Name<ScheduleStatus>,
    priority: f64,
    risk_level: Name<RiskBand>,
    blocked_reason: Option<String>,
    blocked_code: Option<String>,
    blocked_details: Json<serde_json::Value>,
    created_by: String,
    approved_by: Option<String>,
    plan_id: Id,
    confidence: f64,
    expected_engagement: f64,
    fatigue: f64,
    metadata: Json<serde_json::Value>,
    attempts: Whole<u32>,
    calendar_uid: String,
    calendar_sequence: Whole<u32>,
});

/// The worst risk has the lowest rank.
pub(super) const RANK: &str = "CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END";

impl Schedule {
    /// Why it is held, waits or was let go; none where it has no reason, or one that this version does not know.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::read(self.blocked_code.as_deref()?, &self.blocked_details)
    }

    /// The asset that is really used.
    #[must_use]
    pub fn used_asset(&self) -> Option<&str> {
        self.variation_id.as_deref().or(self.creative_asset_id.as_deref())
    }
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
            conditions.add("plan_id = ?", plan);
        }
        if let Some(from) = self.from {
            conditions.add("scheduled_for >= ?", from);
        }
        if let Some(to) = self.to {
            conditions.add("scheduled_for < ?", to);
        }
        // A day begins nowhere more than a day before it begins in UTC, and ends nowhere more than a day after.
        if let Some(day) = self.first_day {
            conditions.add("scheduled_for >= ?", Timestamp::at_midnight(plus_days(day, -1)));
            conditions.add(&format!("{LOCAL_DAY} >= ?"), day.to_string());
        }
        if let Some(day) = self.last_day {
            conditions.add("scheduled_for < ?", Timestamp::at_midnight(plus_days(day, 2)));
            conditions.add(&format!("{LOCAL_DAY} <= ?"), day.to_string());
        }
        match self.ids.as_slice() {
            [] => {}
            // The key's own index serves where it is one.
            [only] => conditions.add("id = ?", *only),
            ids => conditions.add("id = ANY(?)", ids),
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
        let sql = "SELECT id FROM campaign_orchestration_schedules \
                   WHERE id BETWEEN $1 AND $2 AND ($3 IS NULL OR workspace_id = $3) LIMIT 2";
        let mut tx = self.read().await?;
        let ids: Vec<(Id,)> = tx.all(sql, values![first, last, self.fence()]).await?;
        match ids.as_slice() {
            [(Id(only),)] => Ok(*only),
            [] => Err(unknown()),
            _ => Err(StoreError::UnknownSchedule(format!("that alone begins with `{letters}`: give more letters"))),
        }
    }

    /// Changes the schedules that a filter means. Those that cannot take the step, or have moved on since they were
    /// looked at, are skipped and told. Ids mean their schedules wherever these stand by now.
    ///
    /// # Errors
    /// Where an id is not known, or the database fails.
    pub async fn change(
        &self,
        filter: &ScheduleFilter,
        change: Change<'_>,
        rules: &CompiledRules,
        actor: &str,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let by_id = ScheduleFilter { ids: filter.ids.clone(), ..ScheduleFilter::default() };
        let meant = if filter.ids.is_empty() { filter } else { &by_id };
        retried(|| async {
            let mut tx = self.write().await?;
            let schedules = find(&mut tx, meant, self.conditions(), true).await?;
            for id in &filter.ids {
                if !schedules.iter().any(|schedule| schedule.id == *id) {
                    return Err(StoreError::UnknownSchedule(id.to_string()));
                }
            }
            let asked = Asked { change, rules, actor, now };
            let objections = asked.objections(&mut tx, &schedules).await?;
            let mut changed = Changed::default();
            for schedule in schedules {
                let held = objections.get(&schedule.id).cloned();
                match change.check(&schedule, rules, actor).and_then(|()| asked.check(&schedule, held)) {
                    Ok(()) => changed.done.push(schedule),
                    Err(why) => {
                        let is_repeat = asked.is_repeat(&mut tx, &schedule).await?;
                        changed.skipped.push(Skipped { schedule, why, is_repeat });
                    }
                }
            }
            asked.apply(&mut tx, &mut changed).await?;
            tx.commit().await?;
            Ok(changed)
        })
        .await
    }
}

pub(super) async fn find(
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
    tx.all(&sql, values).await
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
    /// Where it leads.
    #[must_use]
    pub const fn status(self) -> ScheduleStatus {
        match self {
            Change::Approve | Change::ApproveAlone => ScheduleStatus::Ready,
            Change::Cancel { .. } => ScheduleStatus::Cancelled,
            Change::Restore => ScheduleStatus::Pending,
        }
    }

    /// Whether the schedule can take the step, at this person's hands.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(self, schedule: &Schedule, rules: &CompiledRules, actor: &str) -> Result<(), StoreError> {
        let (id, from, to) = (schedule.id, schedule.status, self.status());
        // What a guardrail holds is let go by the guardrail, what failed by the next try, and only what a person
        // took back is put back.
        let is_meant_for = match self {
            Change::Approve | Change::ApproveAlone => from == ScheduleStatus::Pending,
            Change::Cancel { .. } => true,
            Change::Restore => from == ScheduleStatus::Cancelled && schedule.blocked_code.as_deref() == Some(CANCELLED),
        };
        if !is_meant_for || !from.may_become(to) {
            return Err(StoreError::IllegalStep { id, from, to });
        }
        let needs_another = rules.base().risk.needs_second_person(schedule.risk_level);
        if self == Change::Approve && schedule.created_by == actor && needs_another {
            return Err(StoreError::SecondPerson { id, actor: actor.to_owned() });
        }
        Ok(())
    }
}

/// Where a schedule may stand while its approval holds.
const APPROVED: [ScheduleStatus; 4] =
    [ScheduleStatus::Ready, ScheduleStatus::Executing, ScheduleStatus::Completed, ScheduleStatus::Failed];

/// The code of what a person cancelled.
const CANCELLED: &str = "cancelled";

/// A change with who wants it, under which rules, when.
#[derive(Clone, Copy)]
struct Asked<'a> {
    change: Change<'a>,
    rules: &'a CompiledRules,
    actor: &'a str,
    now: Timestamp,
}

impl Asked<'_> {
    /// What stands against schedules that are to run, by id, as far as no guardrail need be asked.
    async fn objections(&self, tx: &mut Tx, schedules: &[Schedule]) -> Result<BTreeMap<Uuid, Reason>, StoreError> {
        let mut found = BTreeMap::new();
        if matches!(self.change, Change::Cancel { .. }) {
            return Ok(found);
        }
        let clients: BTreeSet<&str> = schedules.iter().map(|schedule| schedule.client_id.as_str()).collect();
        let clients: Vec<&str> = clients.into_iter().collect();
        let own: BTreeSet<Uuid> = schedules.iter().map(|schedule| schedule.id).collect();
        let known = standing(tx, &Which::Clients(&clients), &own).await?;
        // What is put back is new to the posts that were committed in the meantime: later ones stand in its way, too.
        let now = (self.change != Change::Restore).then_some(self.now);
        for schedule in schedules {
            let client = known.iter().find(|(client, _)| client.id.as_str() == schedule.client_id);
            let Some((client, state)) = client else { continue };
            let objection = objection_to(self.rules, client, state, &committed(schedule), now)?;
            found.extend(objection.map(|reason| (schedule.id, reason)));
        }
        Ok(found)
    }

    /// Whether nothing stands against the schedule now.
    fn check(&self, schedule: &Schedule, objection: Option<Reason>) -> Result<(), StoreError> {
        if self.change == Change::Restore && schedule.scheduled_for <= self.now {
            return Err(StoreError::TooLate(schedule.id));
        }
        objection.map_or(Ok(()), |reason| Err(StoreError::Held { id: schedule.id, reason: Box::new(reason) }))
    }

    /// Whether the schedule stands as this person wanted because they asked for the same before.
    async fn is_repeat(&self, tx: &mut Tx, schedule: &Schedule) -> Result<bool, StoreError> {
        match self.change {
            Change::Approve | Change::ApproveAlone => {
                let is_theirs = schedule.approved_by.as_deref() == Some(self.actor);
                Ok(is_theirs && APPROVED.contains(&schedule.status))
            }
            Change::Cancel { .. } => {
                Ok(schedule.status == ScheduleStatus::Cancelled && schedule.reason() == self.reason())
            }
            Change::Restore if schedule.status == ScheduleStatus::Pending => self.has_restored(tx, schedule).await,
            Change::Restore => Ok(false),
        }
    }

    async fn has_restored(&self, tx: &mut Tx, schedule: &Schedule) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM campaign_orchestration_actions WHERE schedule_id = $1 \
                   AND actor = $2 AND decision_payload ->> 'from' = 'cancelled' \
                   AND decision_payload ->> 'to' = 'pending')";
        tx.scalar(sql, values![schedule.id, self.actor]).await
    }

    async fn apply(&self, tx: &mut Tx, changed: &mut Changed) -> Result<(), StoreError> {
        if self.change == Change::Restore {
            self.restore(tx, changed).await?;
        } else {
            self.update(tx, &changed.done).await?;
        }
        let earlier = self.decided_now(tx, &changed.done).await?;
        let action = |schedule| self.action(schedule, earlier.get(&schedule.id).copied().unwrap_or(0));
        let actions: Vec<NewAction<'_>> = changed.done.iter().map(action).collect();
        record(tx, actions.into_iter(), self.now).await
    }

    /// How many decisions about each schedule are on record of this instant, where there are any.
    async fn decided_now(&self, tx: &mut Tx, schedules: &[Schedule]) -> Result<BTreeMap<Uuid, u32>, StoreError> {
        let sql = "SELECT schedule_id, count(*) FROM campaign_orchestration_actions \
                   WHERE schedule_id = ANY($1) AND created_at = $2 GROUP BY schedule_id";
        let counts: Vec<(Id, Whole<u32>)> = tx.all(sql, values![ids(schedules), self.now]).await?;
        Ok(counts.into_iter().map(|(Id(id), Whole(count))| (id, count)).collect())
    }

    async fn update(&self, tx: &mut Tx, schedules: &[Schedule]) -> Result<(), StoreError> {
        let ids = ids(schedules);
        match self.reason() {
            Some(reason) => {
                let sql = "UPDATE campaign_orchestration_schedules SET status = 'cancelled', blocked_reason = $2, \
                           blocked_code = $3, blocked_details = $4, updated_at = $5 WHERE id = ANY($1)";
                let told = values![ids, reason.to_string(), reason.code(), reason.details(), self.now];
                tx.run(sql, told).await?;
            }
            None => {
                let sql = "UPDATE campaign_orchestration_schedules SET status = 'ready', approved_by = $2, \
                           approved_at = $3, updated_at = $3, blocked_reason = NULL, blocked_code = NULL, \
                           blocked_details = '{}' WHERE id = ANY($1)";
                tx.run(sql, values![ids, self.actor, self.now]).await?;
            }
        }
        Ok(())
    }

    /// Puts schedules back one by one, for another one may have taken the place of one.
    async fn restore(&self, tx: &mut Tx, changed: &mut Changed) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE campaign_orchestration_schedules SET status = 'pending', approved_by = NULL, approved_at = NULL, \
             blocked_reason = NULL, blocked_code = NULL, blocked_details = '{{}}', updated_at = $2 \
             WHERE id = $1 AND {NO_OTHER_LIVE}"
        );
        for schedule in std::mem::take(&mut changed.done) {
            if tx.run(&sql, values![schedule.id, self.now]).await? == 1 {
                changed.done.push(schedule);
            } else {
                let why = StoreError::InstantTaken(schedule.id);
                changed.skipped.push(Skipped { schedule, why, is_repeat: false });
            }
        }
        Ok(())
    }

    /// What goes with a schedule that is taken back.
    fn reason(&self) -> Option<Reason> {
        match self.change {
            Change::Cancel { reason } => Some(Reason::Cancelled { actor: self.actor.into(), reason: reason.into() }),
            Change::Approve | Change::ApproveAlone | Change::Restore => None,
        }
    }

    fn action<'s>(&'s self, schedule: &'s Schedule, earlier: u32) -> NewAction<'s> {
        let (action_type, status) = match self.change {
            Change::Approve | Change::ApproveAlone => (ActionType::ScheduleApproved, DecisionStatus::Accepted),
            Change::Cancel { .. } => (ActionType::PostingDecision, DecisionStatus::Rejected),
            Change::Restore => (ActionType::PostingDecision, DecisionStatus::AwaitingApproval),
        };
        let mut payload = decided(schedule.status, self.change.status(), self.reason().as_ref());
        if let (Change::ApproveAlone, Some(payload)) = (self.change, payload.as_object_mut()) {
            payload.insert("works_alone".to_owned(), true.into());
        }
        NewAction { schedule, action_type, status, payload, signals: None, actor: self.actor, earlier, executed: None }
    }
}
