//! The daily pass: cancels expired schedules, re-evaluates today's schedules, makes drafts of the due ones, and updates
//! channel state.
//!
//! Passes may run concurrently: each row is processed by one of them, and work already done is skipped. Each step is
//! atomic, so if a pass is killed, the next one continues where it stopped.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use uuid::Uuid;

use super::action_log::{NewAction, decisions_at, record};
use super::client_state::{ClientSelector, ClientStates, load_capacity, load_client_states};
use super::decision_facts::DecisionFacts;
use super::error::StoreError;
use super::ledger::Ledger;
use super::pass::{ACTOR, Pass, RulesByClient};
use super::retry::with_retries;
use super::schedule::{COLUMNS, SLOT_IS_FREE, Schedule, schedule_ids, scheduled_post, transition_payload};
use super::schedule_json::warnings;
use super::values::values;
use crate::model::{
    ActionType, Capacity, Client, ClientState, ClientStatus, DecisionStatus, Outcome, Post, Reason, ScheduleStatus,
    Timestamp, Week, WorkspaceId,
};
use crate::planner::{ClientReevaluation, Planner, Reevaluation, ScheduledPost};

/// Counts of what a daily pass did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[schemars(rename = "DailyResult")]
pub struct DailyOutcome {
    /// Schedules cancelled because it became too late to approve or draft them.
    pub expired: usize,
    /// Failed schedules set back to ready for another attempt.
    pub retried: usize,
    /// Schedules that were re-evaluated: those of today, and earlier ones that are still due.
    pub judged: usize,
    /// Re-evaluated schedules that became blocked.
    pub blocked: usize,
    /// Re-evaluated schedules that became ready.
    pub readied: usize,
    /// Re-evaluated schedules that now wait for approval and did not before.
    pub returned: usize,
    /// Drafts made.
    pub drafted: usize,
    /// Drafts that could not be made.
    pub failed: usize,
}

impl DailyOutcome {
    fn plus(self, other: Self) -> Self {
        Self {
            expired: self.expired + other.expired,
            retried: self.retried + other.retried,
            judged: self.judged + other.judged,
            blocked: self.blocked + other.blocked,
            readied: self.readied + other.readied,
            returned: self.returned + other.returned,
            drafted: self.drafted + other.drafted,
            failed: self.failed + other.failed,
        }
    }
}

impl Ledger {
    /// Runs the daily pass for one workspace, or for every workspace in scope. `should_stop` is polled between steps;
    /// stopping never leaves a step half done.
    ///
    /// # Errors
    /// If a rule or the database fails. Steps completed before the failure remain.
    pub async fn daily(
        &self,
        planner: &Planner<'_>,
        only: Option<&WorkspaceId>,
        now: Timestamp,
        should_stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<DailyOutcome, StoreError> {
        let mut outcome = DailyOutcome::default();
        let mut workspaces = self.workspaces().await?;
        if let Some(only) = only {
            workspaces.retain(|workspace| workspace == only);
            if workspaces.is_empty() {
                return Err(StoreError::UnknownWorkspace(only.to_string()));
            }
        }
        for workspace in workspaces {
            if should_stop() {
                break;
            }
            let pass = Pass { ledger: self, planner, workspace: &workspace, now };
            outcome = outcome.plus(pass.run(should_stop).await?);
        }
        Ok(outcome)
    }
}

/// A workspace's open schedules that are due or fall on today, and the state of its clients without these schedules.
struct Today {
    schedules: Vec<Schedule>,
    clients: ClientStates,
    capacity: Capacity,
}

/// A schedule's change of state after it was re-evaluated.
struct Transition<'t> {
    before: &'t Schedule,
    /// The schedule with the new evaluation applied.
    after: Schedule,
    reason: Option<Reason>,
    /// The signals behind the decision.
    signals: serde_json::Value,
}

impl Pass<'_> {
    async fn run(&self, should_stop: &(dyn Fn() -> bool + Sync)) -> Result<DailyOutcome, StoreError> {
        let mut outcome = DailyOutcome {
            expired: with_retries(|| self.expire()).await?,
            retried: with_retries(|| self.retry_failed()).await?,
            ..DailyOutcome::default()
        };
        let today = with_retries(|| self.load_today()).await?;
        let transitions = self.reevaluate(&today)?;
        outcome.judged = today.schedules.len();
        for (from, to) in with_retries(|| self.apply(&transitions)).await? {
            match to {
                // Still blocked or pending, but for another reason than before.
                _ if from == to => {}
                ScheduleStatus::Blocked => outcome.blocked += 1,
                ScheduleStatus::Ready => outcome.readied += 1,
                ScheduleStatus::Cancelled => outcome.expired += 1,
                _ => outcome.returned += 1,
            }
        }
        let rules: RulesByClient<'_> = today
            .clients
            .iter()
            .map(|(client, _)| (client.id.as_str(), (self.planner.rules().for_client(client), client.zone)))
            .collect();
        while !should_stop() {
            let (drafted, failed) = with_retries(|| self.draft_batch(&rules)).await?;
            outcome.drafted += drafted;
            outcome.failed += failed;
            if drafted + failed == 0 {
                break;
            }
        }
        with_retries(|| self.decay_fatigue(&rules)).await?;
        let fatigue = &self.planner.rules().base().fatigue;
        with_retries(|| self.ledger.record_health(self.workspace, fatigue, self.now)).await?;
        Ok(outcome)
    }

    /// Cancels pending schedules whose time has passed, and ready, blocked or failed ones whose draft would be too late.
    async fn expire(&self) -> Result<usize, StoreError> {
        let mut expired = 0;
        loop {
            let mut tx = self.write().await?;
            let condition = "((status = 'pending' AND scheduled_for <= $2) \
                             OR (status IN ('ready', 'blocked', 'failed') AND scheduled_for < $3))";
            let cutoffs = values![self.now, self.earliest_draftable()];
            let schedules = self.lock_schedules(&mut tx, condition, cutoffs).await?;
            if schedules.is_empty() {
                return Ok(expired);
            }
            let mut by_reason: BTreeMap<String, (Reason, Vec<&Schedule>)> = BTreeMap::new();
            for schedule in &schedules {
                let reason = expired_reason(schedule);
                by_reason.entry(reason.to_string()).or_insert_with(|| (reason, Vec::new())).1.push(schedule);
            }
            for (sentence, (reason, expired_alike)) in by_reason {
                let sql = "UPDATE campaign_orchestration_schedules SET status = 'cancelled', updated_at = $2, \
                           blocked_reason = $3, blocked_code = $4, blocked_details = $5 WHERE id = ANY($1)";
                let values = values![schedule_ids(expired_alike), self.now, sentence, reason.code(), reason.details()];
                tx.run(sql, values).await?;
            }
            let actions = schedules.iter().map(|schedule| NewAction {
                schedule,
                action_type: ActionType::PostingDecision,
                status: DecisionStatus::Rejected,
                payload: transition_payload(
                    schedule.status,
                    ScheduleStatus::Cancelled,
                    Some(&expired_reason(schedule)),
                ),
                signals: None,
                actor: ACTOR,
                earlier_at_same_instant: 0,
                executed: None,
            });
            record(&mut tx, actions, self.now).await?;
            tx.commit().await?;
            expired += schedules.len();
        }
    }

    /// Sets failed schedules whose backoff is over back to ready.
    async fn retry_failed(&self) -> Result<usize, StoreError> {
        let condition = format!(
            "status = 'failed' AND next_attempt_at <= $2 AND scheduled_for >= $3 AND attempts < $4 AND {SLOT_IS_FREE}"
        );
        let max_attempts = i64::from(self.draft_rules().attempts);
        let mut retried = 0;
        loop {
            let mut tx = self.write().await?;
            let bounds = values![self.now, self.earliest_draftable(), max_attempts];
            let schedules = self.lock_schedules(&mut tx, &condition, bounds).await?;
            if schedules.is_empty() {
                return Ok(retried);
            }
            let sql = "UPDATE campaign_orchestration_schedules SET status = 'ready', updated_at = $2, \
                       blocked_reason = NULL, blocked_code = NULL, blocked_details = '{}' WHERE id = ANY($1)";
            tx.run(sql, values![schedule_ids(&schedules), self.now]).await?;
            let actions = schedules.iter().map(|schedule| NewAction {
                schedule,
                action_type: ActionType::PostingDecision,
                status: DecisionStatus::Accepted,
                payload: transition_payload(schedule.status, ScheduleStatus::Ready, None),
                signals: None,
                actor: ACTOR,
                earlier_at_same_instant: 0,
                executed: None,
            });
            record(&mut tx, actions, self.now).await?;
            tx.commit().await?;
            retried += schedules.len();
        }
    }

    async fn load_today(&self) -> Result<Today, StoreError> {
        let mut tx = self.ledger.read().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_orchestration_schedules \
             WHERE workspace_id = $1 AND status IN ('pending', 'ready', 'blocked') \
             AND scheduled_for >= $2 AND scheduled_for < $3 ORDER BY scheduled_for, id"
        );
        // In every time zone, today ends before this.
        let end = self.now.plus_days(2);
        let values = values![self.workspace.as_str(), self.earliest_draftable(), end];
        let mut schedules: Vec<Schedule> = Vec::new();
        for schedule in tx.all::<Schedule>(&sql, values).await? {
            if self.is_for_today(&schedule)? {
                schedules.push(schedule);
            }
        }
        let excluded: BTreeSet<Uuid> = schedules.iter().map(|schedule| schedule.id).collect();
        let clients = load_client_states(&mut tx, &ClientSelector::Workspace(self.workspace), &excluded).await?;
        let capacity = load_capacity(&mut tx, self.workspace).await?;
        Ok(Today { schedules, clients, capacity })
    }

    /// Whether a schedule is due, or falls on today in its time zone. Schedules blocked for lack of review capacity are
    /// excluded and stay blocked.
    fn is_for_today(&self, schedule: &Schedule) -> Result<bool, StoreError> {
        let lacks_review_capacity = schedule.status == ScheduleStatus::Blocked
            && schedule.blocked_code.as_deref().is_some_and(Reason::is_code_of_lack_of_review);
        let zone = schedule.zone()?;
        let is_today = zone.wall_time(schedule.scheduled_for).date() == zone.wall_time(self.now).date();
        Ok(!lacks_review_capacity && (schedule.scheduled_for <= self.now || is_today))
    }

    /// Re-evaluates today's schedules. Returns the changes of state that follow.
    fn reevaluate<'t>(&self, today: &'t Today) -> Result<Vec<Transition<'t>>, StoreError> {
        let clients: Vec<(&Client, &ClientState)> =
            today.clients.iter().map(|(client, state)| (client, state)).collect();
        let client_index: BTreeMap<&str, usize> =
            clients.iter().enumerate().map(|(index, (client, _))| (client.id.as_str(), index)).collect();
        // For each week, one list of schedules per client, in the order of `clients`.
        let mut by_week: BTreeMap<Week, Vec<Vec<&Schedule>>> = BTreeMap::new();
        for schedule in &today.schedules {
            let Some(index) = client_index.get(schedule.client_id.as_str()) else { continue };
            let Some((client, _)) = clients.get(*index) else { continue };
            let week = Week::of(client.zone.wall_time(schedule.scheduled_for).date());
            let by_client = by_week.entry(week).or_insert_with(|| vec![Vec::new(); clients.len()]);
            if let Some(client_schedules) = by_client.get_mut(*index) {
                client_schedules.push(schedule);
            }
        }
        let mut transitions = Vec::new();
        for (week, by_client) in by_week {
            let posts: Vec<Vec<ScheduledPost>> = by_client
                .iter()
                .map(|schedules| schedules.iter().map(|schedule| scheduled_post(schedule)).collect())
                .collect();
            let results = self.planner.reevaluate_committed(&clients, &today.capacity, week, &posts, self.now)?;
            for ((schedules, result), (client, _)) in by_client.iter().zip(&results).zip(&clients) {
                let Some(client_reevaluation) = result else { continue };
                let reevaluations = schedules.iter().zip(&client_reevaluation.posts);
                transitions.extend(reevaluations.filter_map(|(schedule, reevaluation)| {
                    transition(schedule, reevaluation, client_reevaluation, client, self.now)
                }));
            }
        }
        Ok(transitions)
    }

    /// Applies the transitions whose schedule is unchanged since it was evaluated (optimistic locking), so that of
    /// several concurrent passes exactly one applies each transition. Returns the old and the new status of each
    /// applied transition.
    async fn apply(&self, transitions: &[Transition<'_>]) -> Result<Vec<(ScheduleStatus, ScheduleStatus)>, StoreError> {
        if transitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let sql = format!(
            "UPDATE campaign_orchestration_schedules SET status = $3, blocked_reason = $4, blocked_code = $5, \
             blocked_details = $6, risk_level = $7, confidence = $8, metadata = $9, updated_at = $10 \
             WHERE id = $1 AND status = $2 AND blocked_code IS NOT DISTINCT FROM $11 AND risk_level = $12 \
             AND ($3 IN ('blocked', 'cancelled', $2) OR {SLOT_IS_FREE})"
        );
        let mut applied = Vec::new();
        for transition in transitions {
            let (before, after) = (transition.before, &transition.after);
            let values = values![
                before.id,
                before.status.name(),
                after.status.name(),
                after.blocked_reason.clone(),
                after.blocked_code.clone(),
                after.blocked_details.clone(),
                after.risk_level.name(),
                after.confidence,
                after.metadata.clone(),
                self.now,
                before.blocked_code.clone(),
                before.risk_level.name(),
            ];
            if tx.run(&sql, values).await? == 1 {
                applied.push(transition);
            }
        }
        // Other passes at the same instant may have made the same transition, and undone it.
        let earlier = decisions_at(&mut tx, applied.iter().map(|transition| transition.before), self.now).await?;
        let count = |transition: &Transition<'_>| earlier.get(&transition.before.id).copied().unwrap_or(0);
        record(&mut tx, applied.iter().map(|transition| transition.action(count(transition))), self.now).await?;
        tx.commit().await?;
        Ok(applied.into_iter().map(|transition| (transition.before.status, transition.after.status)).collect())
    }
}

/// The reason for cancelling a schedule whose time has passed.
fn expired_reason(schedule: &Schedule) -> Reason {
    Reason::Expired { status: schedule.status, because: schedule.reason().map(Box::new) }
}

/// The change of state that follows from a schedule's new evaluation; `None` if nothing changes.
fn transition<'t>(
    schedule: &'t Schedule,
    reevaluation: &Reevaluation,
    client_reevaluation: &ClientReevaluation,
    client: &Client,
    now: Timestamp,
) -> Option<Transition<'t>> {
    let (status, reason) = match reevaluation {
        Reevaluation::NotEvaluated(reason) => (ScheduleStatus::Blocked, Some(reason.clone())),
        Reevaluation::Evaluated(post) if post.blocked.is_some() => {
            (ScheduleStatus::Blocked, post.blocked.as_deref().cloned())
        }
        Reevaluation::Evaluated(_) if schedule.approved_by.is_some() => (ScheduleStatus::Ready, None),
        Reevaluation::Evaluated(post) if post.status == ScheduleStatus::Pending => {
            let reason = review_reason(post, client);
            if schedule.scheduled_for <= now {
                // Too late to be reviewed.
                let because = Some(Box::new(reason));
                (ScheduleStatus::Cancelled, Some(Reason::Expired { status: ScheduleStatus::Pending, because }))
            } else {
                (ScheduleStatus::Pending, Some(reason))
            }
        }
        Reevaluation::Evaluated(post) => (post.status, None),
    };
    let after = reevaluated_schedule(schedule, reevaluation, status, reason.as_ref());
    let differs = match status {
        // Still pending: a change only if the risk differs.
        ScheduleStatus::Pending if schedule.status == status => after.risk_level != schedule.risk_level,
        ScheduleStatus::Blocked if schedule.status == status => after.blocked_code != schedule.blocked_code,
        _ => status != schedule.status && schedule.status.can_become(status),
    };
    differs.then(|| Transition {
        before: schedule,
        after,
        reason,
        signals: signals(schedule, reevaluation, client_reevaluation, client),
    })
}

/// The schedule with its new evaluation applied.
fn reevaluated_schedule(
    schedule: &Schedule,
    reevaluation: &Reevaluation,
    status: ScheduleStatus,
    reason: Option<&Reason>,
) -> Schedule {
    let mut after = Schedule {
        status,
        blocked_reason: reason.map(ToString::to_string),
        blocked_code: reason.map(|reason| reason.code().to_owned()),
        blocked_details: reason.map_or_else(|| json!({}), Reason::details),
        ..schedule.clone()
    };
    if let Reevaluation::Evaluated(post) = reevaluation {
        after.risk_level = post.risk;
        after.confidence = post.confidence;
        if let Some(metadata) = after.metadata.as_object_mut() {
            metadata.insert("warnings".to_owned(), warnings(post));
        }
    }
    after
}

/// Why a post needs approval.
pub(super) fn review_reason(post: &Post, client: &Client) -> Reason {
    let warnings =
        post.verdicts_of(Outcome::Warn).map(|verdict| format!("{}: {}", verdict.rule, verdict.reason).into());
    let onboarding = (client.status == ClientStatus::Onboarding).then(|| "the client is onboarding".into());
    let by_policy =
        (!client.policy.auto_exec_enabled).then(|| "the client's policy requires approval of every post".into());
    let because = warnings.chain(onboarding).chain(by_policy).collect();
    Reason::NeedsReview { risk: post.risk, confidence: post.confidence, because }
}

/// The signals to record: the guardrails that warned about the post or blocked it, and the facts that the rules were
/// evaluated on. If no rule was evaluated, an empty list of guardrails.
fn signals(
    schedule: &Schedule,
    reevaluation: &Reevaluation,
    client_reevaluation: &ClientReevaluation,
    client: &Client,
) -> serde_json::Value {
    let Reevaluation::Evaluated(post) = reevaluation else { return json!({"guardrails": []}) };
    let verdicts = post.verdicts.iter().filter(|verdict| verdict.outcome != Outcome::Pass);
    let channel = client_reevaluation.channels.iter().find(|(channel, _)| *channel == post.channel);
    let facts = channel.map(|(_, channel)| DecisionFacts::of(schedule, post, channel, client_reevaluation, client));
    json!({
        "guardrails": verdicts.collect::<Vec<_>>(),
        "grounds": facts,
    })
}

impl Transition<'_> {
    fn action(&self, earlier: u32) -> NewAction<'_> {
        let (action_type, status) = match self.after.status {
            ScheduleStatus::Blocked => (ActionType::ScheduleBlocked, DecisionStatus::Rejected),
            ScheduleStatus::Cancelled => (ActionType::PostingDecision, DecisionStatus::Rejected),
            ScheduleStatus::Ready => (ActionType::PostingDecision, DecisionStatus::Accepted),
            _ => (ActionType::PostingDecision, DecisionStatus::AwaitingApproval),
        };
        NewAction {
            schedule: &self.after,
            action_type,
            status,
            payload: transition_payload(self.before.status, self.after.status, self.reason.as_ref()),
            signals: Some(self.signals.clone()),
            actor: ACTOR,
            earlier_at_same_instant: earlier,
            executed: None,
        }
    }
}
