//! Human review of schedules: listing, approving, cancelling and restoring.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::action_log::{NewAction, decisions_at, record};
use super::client_state::{ClientSelector, load_client_states};
use super::conditions::Conditions;
use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::row::Id;
use super::schedule::{
    COLUMNS, LOCAL_DAY, RISK_RANK, SLOT_IS_FREE, Schedule, schedule_ids, scheduled_post, transition_payload,
};
use super::values::{Key, values};
use crate::model::{
    ActionType, CampaignId, Channel, ClientId, DecisionStatus, Reason, RiskBand, ScheduleStatus, Timestamp,
    WorkspaceId, plus_days,
};
use crate::planner::objection_to;
use crate::rules::{CompiledRules, Rules};

/// Selects schedules. A field that is `None` or empty does not filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScheduleFilter {
    /// With one of these ids.
    pub ids: Vec<Uuid>,
    /// Of one client.
    pub client: Option<String>,
    /// On one channel.
    pub channel: Option<Channel>,
    /// Of one risk band.
    pub risk: Option<RiskBand>,
    /// Of one plan.
    pub plan: Option<Uuid>,
    /// With one of these statuses.
    pub statuses: Vec<ScheduleStatus>,
    /// At this time or later (inclusive).
    pub from: Option<Timestamp>,
    /// Before this time (exclusive).
    pub to: Option<Timestamp>,
    /// On this local day of the client or later (inclusive).
    pub first_day: Option<NaiveDate>,
    /// On this local day of the client or earlier (inclusive).
    pub last_day: Option<NaiveDate>,
    /// Maximum number of schedules.
    pub limit: Option<u32>,
}

/// A change that a person makes to schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// Approve them to run.
    Approve,
    /// Approve them to run, by one person who works alone: the two-person rule for high risk is waived, and the record
    /// says so.
    ApproveAlone,
    /// Cancel them.
    Cancel {
        /// Why.
        reason: &'a str,
    },
    /// Set schedules that a person cancelled back to pending.
    Restore,
}

/// The result of changing schedules.
#[derive(Debug, Default)]
pub struct Changed {
    /// The schedules that were changed, in their state before the change.
    pub done: Vec<Schedule>,
    /// The schedules that were not changed, because of their status or because something blocks them.
    pub skipped: Vec<Skipped>,
}

/// A schedule that was not changed.
#[derive(Debug)]
pub struct Skipped {
    /// Its current state.
    pub schedule: Schedule,
    /// Why it was not changed.
    pub why: StoreError,
    /// Whether the same person made the same change before, and the change is still in effect.
    pub is_repeat: bool,
}

impl Changed {
    /// Number of schedules in the requested state: those changed now, and those that the same request changed before.
    ///
    /// # Errors
    /// If schedules were selected but none is in the requested state, the reason of the first.
    pub fn count_in_requested_state(self) -> Result<usize, StoreError> {
        let (repeated, others): (Vec<Skipped>, Vec<Skipped>) =
            self.skipped.into_iter().partition(|skipped| skipped.is_repeat);
        match (self.done.len() + repeated.len(), others.into_iter().next()) {
            (0, Some(skipped)) => Err(skipped.why),
            (count, _) => Ok(count),
        }
    }

    /// The schedules that were changed.
    ///
    /// # Errors
    /// If schedules were selected but none was changed, the reason of the first.
    pub fn any(self) -> Result<Vec<Schedule>, StoreError> {
        match self.skipped.into_iter().next() {
            Some(skipped) if self.done.is_empty() => Err(skipped.why),
            _ => Ok(self.done),
        }
    }
}

impl ScheduleFilter {
    /// Adds the filter's conditions to a statement.
    pub(super) fn add_to(&self, conditions: &mut Conditions) {
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
        // Local days differ from UTC days by less than one day either way; this range lets the time index be used.
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
            // A single id can use the primary key.
            [only] => conditions.add("id = ?", *only),
            ids => conditions.add("id = ANY(?)", ids),
        }
        if !self.statuses.is_empty() {
            let names: Vec<String> = self.statuses.iter().map(|status| format!("'{}'", status.name())).collect();
            conditions.add_raw(format!("status IN ({})", names.join(", ")));
        }
    }
}

impl Ledger {
    /// The schedules that match a filter, highest risk first, then by time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn schedules(&self, filter: &ScheduleFilter) -> Result<Vec<Schedule>, StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            find_schedules(&mut tx, filter, self.conditions(), false).await
        })
        .await
    }

    /// The one schedule whose id starts with the given prefix.
    ///
    /// # Errors
    /// If not exactly one schedule has that prefix, or the database fails.
    pub async fn schedule_id(&self, prefix: &str) -> Result<Uuid, StoreError> {
        let unknown = || StoreError::UnknownSchedule(format!("`{prefix}`"));
        let (first, last) = id_range(prefix).ok_or_else(unknown)?;
        let sql = "SELECT id FROM campaign_orchestration_schedules \
                   WHERE id BETWEEN $1 AND $2 AND ($3 IS NULL OR workspace_id = $3) LIMIT 2";
        let ids: Vec<(Id,)> = with_retries(|| async {
            let mut tx = self.read().await?;
            tx.all(sql, values![first, last, self.scope()]).await
        })
        .await?;
        match ids.as_slice() {
            [(Id(only),)] => Ok(*only),
            [] => Err(unknown()),
            _ => Err(StoreError::UnknownSchedule(format!(
                "with a unique id that starts with `{prefix}`: give more digits"
            ))),
        }
    }

    /// Changes the schedules that match a filter. Those that may not be changed are skipped, with the reason. If the
    /// filter has ids, its other conditions are ignored.
    ///
    /// # Errors
    /// If an id is unknown, or the database fails.
    pub async fn change(
        &self,
        filter: &ScheduleFilter,
        change: Change<'_>,
        rules: &CompiledRules,
        actor: &str,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let by_id = ScheduleFilter { ids: filter.ids.clone(), ..ScheduleFilter::default() };
        let effective = if filter.ids.is_empty() { filter } else { &by_id };
        with_retries(|| async {
            let mut tx = self.write().await?;
            let schedules = find_schedules(&mut tx, effective, self.conditions(), true).await?;
            for id in &filter.ids {
                if !schedules.iter().any(|schedule| schedule.id == *id) {
                    return Err(StoreError::UnknownSchedule(id.to_string()));
                }
            }
            let request = ChangeRequest { change, rules, actor, now };
            let objections = request.objections(&mut tx, &schedules).await?;
            let mut changed = Changed::default();
            for schedule in schedules {
                let objection = objections.get(&schedule.id).cloned();
                let checked = change.check(&schedule, rules, actor);
                match checked.and_then(|()| request.check_not_blocked(&schedule, objection)) {
                    Ok(()) => changed.done.push(schedule),
                    Err(why) => {
                        let is_repeat = request.is_repeat(&mut tx, &schedule).await?;
                        changed.skipped.push(Skipped { schedule, why, is_repeat });
                    }
                }
            }
            request.apply(&mut tx, &mut changed).await?;
            tx.commit().await?;
            Ok(changed)
        })
        .await
    }
}

pub(super) async fn find_schedules(
    tx: &mut Tx,
    filter: &ScheduleFilter,
    mut conditions: Conditions,
    lock: bool,
) -> Result<Vec<Schedule>, StoreError> {
    filter.add_to(&mut conditions);
    let (conditions, values) = conditions.finish();
    let limit = filter.limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
    let lock = if lock { " FOR UPDATE" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS} FROM campaign_orchestration_schedules WHERE {conditions} \
         ORDER BY {RISK_RANK}, scheduled_for, id{limit}{lock}"
    );
    tx.all(&sql, values).await
}

/// The first and the last id with a prefix; `None` if the prefix is invalid.
fn id_range(prefix: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = prefix.chars().filter(|c| *c != '-').collect();
    if digits.is_empty() || digits.len() > 32 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: &str| Uuid::from_str(&format!("{digits}{}", with.repeat(32 - digits.len()))).ok();
    Some((filled("0")?, filled("f")?))
}

impl Change<'_> {
    /// The status that results from the change.
    #[must_use]
    pub const fn status(self) -> ScheduleStatus {
        match self {
            Change::Approve | Change::ApproveAlone => ScheduleStatus::Ready,
            Change::Cancel { .. } => ScheduleStatus::Cancelled,
            Change::Restore => ScheduleStatus::Pending,
        }
    }

    /// Checks whether this actor may make the change to the schedule.
    ///
    /// # Errors
    /// If the schedule's status does not allow it, or a second person must approve.
    pub fn check(self, schedule: &Schedule, rules: &CompiledRules, actor: &str) -> Result<(), StoreError> {
        let (id, from, to) = (schedule.id, schedule.status, self.status());
        // A person cannot approve a blocked or failed schedule, and can restore only what a person cancelled.
        let is_applicable = match self {
            Change::Approve | Change::ApproveAlone => from == ScheduleStatus::Pending,
            Change::Cancel { .. } => true,
            Change::Restore => {
                from == ScheduleStatus::Cancelled && schedule.blocked_code.as_deref() == Some(CANCELLED_CODE)
            }
        };
        if !is_applicable || !from.can_become(to) {
            return Err(StoreError::InvalidTransition { id, from, to });
        }
        let needs_second_person = || effective_rules(schedule, rules).risk.needs_second_person(schedule.risk_level);
        if self == Change::Approve && schedule.created_by == actor && needs_second_person() {
            return Err(StoreError::SecondPerson { id, actor: actor.to_owned() });
        }
        Ok(())
    }
}

/// The rules that apply to a schedule: those of its client and its campaign.
fn effective_rules(schedule: &Schedule, rules: &CompiledRules) -> Arc<Rules> {
    let (workspace, client) = (WorkspaceId::new(&*schedule.workspace_id), ClientId::new(&*schedule.client_id));
    let campaign = schedule.campaign_id.as_deref().map(CampaignId::new);
    rules.effective(&workspace, &client, campaign.as_ref())
}

/// The statuses of a schedule in which its approval is still valid.
const APPROVED_STATUSES: [ScheduleStatus; 4] =
    [ScheduleStatus::Ready, ScheduleStatus::Executing, ScheduleStatus::Completed, ScheduleStatus::Failed];

/// The reason code of schedules that a person cancelled.
const CANCELLED_CODE: &str = "cancelled";

/// A requested change: by whom, under which rules, when.
#[derive(Clone, Copy)]
struct ChangeRequest<'a> {
    change: Change<'a>,
    rules: &'a CompiledRules,
    actor: &'a str,
    now: Timestamp,
}

impl ChangeRequest<'_> {
    /// Reasons that block schedules, by id, as far as they can be found without evaluating guardrails. Nothing blocks a
    /// cancellation.
    async fn objections(&self, tx: &mut Tx, schedules: &[Schedule]) -> Result<BTreeMap<Uuid, Reason>, StoreError> {
        let mut objections = BTreeMap::new();
        if matches!(self.change, Change::Cancel { .. }) {
            return Ok(objections);
        }
        let client_ids: BTreeSet<&str> = schedules.iter().map(|schedule| schedule.client_id.as_str()).collect();
        let client_ids: Vec<&str> = client_ids.into_iter().collect();
        let excluded: BTreeSet<Uuid> = schedules.iter().map(|schedule| schedule.id).collect();
        let clients = load_client_states(tx, &ClientSelector::Clients(&client_ids), &excluded).await?;
        // A restored schedule counts as a new post, which earlier and later posts block alike.
        let now = (self.change != Change::Restore).then_some(self.now);
        for schedule in schedules {
            let client = clients.iter().find(|(client, _)| client.id.as_str() == schedule.client_id);
            let Some((client, state)) = client else { continue };
            let objection = objection_to(self.rules, client, state, &scheduled_post(schedule), now)?;
            objections.extend(objection.map(|reason| (schedule.id, reason)));
        }
        Ok(objections)
    }

    /// Fails if the objection, or a restored schedule's time, rules out the change.
    fn check_not_blocked(&self, schedule: &Schedule, objection: Option<Reason>) -> Result<(), StoreError> {
        if self.change == Change::Restore && schedule.scheduled_for <= self.now {
            return Err(StoreError::TooLate(schedule.id));
        }
        objection.map_or(Ok(()), |reason| Err(StoreError::Blocked { id: schedule.id, reason: Box::new(reason) }))
    }

    /// Whether the schedule is already in the requested state because the same person made the same change before.
    async fn is_repeat(&self, tx: &mut Tx, schedule: &Schedule) -> Result<bool, StoreError> {
        match self.change {
            Change::Approve | Change::ApproveAlone => {
                let is_own_approval = schedule.approved_by.as_deref() == Some(self.actor);
                Ok(is_own_approval && APPROVED_STATUSES.contains(&schedule.status))
            }
            Change::Cancel { .. } => {
                Ok(schedule.status == ScheduleStatus::Cancelled && schedule.reason() == self.reason())
            }
            Change::Restore if schedule.status == ScheduleStatus::Pending => self.has_restored(tx, schedule).await,
            Change::Restore => Ok(false),
        }
    }

    async fn has_restored(&self, tx: &mut Tx, schedule: &Schedule) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM campaign_orchestration_actions WHERE schedule_key = $1 \
                   AND actor = $2 AND decision_payload ->> 'from' = 'cancelled' \
                   AND decision_payload ->> 'to' = 'pending')";
        tx.scalar(sql, values![Key(schedule.id), self.actor]).await
    }

    async fn apply(&self, tx: &mut Tx, changed: &mut Changed) -> Result<(), StoreError> {
        if self.change == Change::Restore {
            self.restore(tx, changed).await?;
        } else {
            self.approve_or_cancel(tx, &changed.done).await?;
        }
        let earlier = decisions_at(tx, &changed.done, self.now).await?;
        let action = |schedule| self.action(schedule, earlier.get(&schedule.id).copied().unwrap_or(0));
        let actions: Vec<NewAction<'_>> = changed.done.iter().map(action).collect();
        record(tx, actions.into_iter(), self.now).await
    }

    async fn approve_or_cancel(&self, tx: &mut Tx, schedules: &[Schedule]) -> Result<(), StoreError> {
        let ids = schedule_ids(schedules);
        match self.reason() {
            Some(reason) => {
                let sql = "UPDATE campaign_orchestration_schedules SET status = 'cancelled', blocked_reason = $2, \
                           blocked_code = $3, blocked_details = $4, updated_at = $5 WHERE id = ANY($1)";
                let values = values![ids, reason.to_string(), reason.code(), reason.details(), self.now];
                tx.run(sql, values).await?;
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

    /// Restores schedules one by one, because another schedule may have taken the time of any of them.
    async fn restore(&self, tx: &mut Tx, changed: &mut Changed) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE campaign_orchestration_schedules SET status = 'pending', approved_by = NULL, approved_at = NULL, \
             blocked_reason = NULL, blocked_code = NULL, blocked_details = '{{}}', updated_at = $2 \
             WHERE id = $1 AND {SLOT_IS_FREE}"
        );
        for schedule in std::mem::take(&mut changed.done) {
            if tx.run(&sql, values![schedule.id, self.now]).await? == 1 {
                changed.done.push(schedule);
            } else {
                let why = StoreError::SlotTaken(schedule.id);
                changed.skipped.push(Skipped { schedule, why, is_repeat: false });
            }
        }
        Ok(())
    }

    /// The reason to store with a cancelled schedule; `None` for other changes.
    fn reason(&self) -> Option<Reason> {
        match self.change {
            Change::Cancel { reason } => Some(Reason::Cancelled { actor: self.actor.into(), reason: reason.into() }),
            Change::Approve | Change::ApproveAlone | Change::Restore => None,
        }
    }

    fn action<'s>(&'s self, schedule: &'s Schedule, earlier_at_same_instant: u32) -> NewAction<'s> {
        let (action_type, status) = match self.change {
            Change::Approve | Change::ApproveAlone => (ActionType::ScheduleApproved, DecisionStatus::Accepted),
            Change::Cancel { .. } => (ActionType::PostingDecision, DecisionStatus::Rejected),
            Change::Restore => (ActionType::PostingDecision, DecisionStatus::AwaitingApproval),
        };
        let mut payload = transition_payload(schedule.status, self.change.status(), self.reason().as_ref());
        if let (Change::ApproveAlone, Some(payload)) = (self.change, payload.as_object_mut()) {
            payload.insert("works_alone".to_owned(), true.into());
        }
        NewAction {
            schedule,
            action_type,
            status,
            payload,
            signals: None,
            actor: self.actor,
            earlier_at_same_instant,
            executed: None,
        }
    }
}
