//! Re-evaluates recorded decisions, in batches, under other rules. Read-only.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use sqlx::types::JsonRawValue;
use uuid::Uuid;

use super::conditions::{Conditions, DecisionOrder};
use super::database::Tx;
use super::decision_facts::DecisionFacts;
use super::error::StoreError;
use super::ledger::Ledger;
use super::pass::ACTOR;
use super::retry::with_retries;
use super::row::{Id, Instant, Json, Whole, from_row};
use super::schedule::{COLUMNS, Schedule};
use super::schedule_json::ATTACHED;
use super::values::{Dialect, Keys, Value, values};
use crate::model::{
    ActionType, AssetSnapshot, CampaignId, Channel, ChannelSnapshot, ClientId, PerformanceReality, PostSnapshot,
    PostSurroundings, Reason, RiskBand, ScheduleStatus, Timestamp, Verdict, WorkspaceId, Zone, derived_id,
};
use crate::planner::{DecisionSource, Impact, Planner, PostStatus, Recorded, WarningsSeen, post_decision_id};

/// Number of recorded actions read per batch.
const BATCH: usize = 1000;

/// Selects decisions. A field that is `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImpactFilter {
    /// About one client.
    pub client: Option<String>,
    /// On one channel.
    pub channel: Option<Channel>,
    /// Decided at this time or later (inclusive).
    pub from: Option<Timestamp>,
    /// Decided before this time (exclusive).
    pub to: Option<Timestamp>,
}

impl Ledger {
    /// Re-evaluates the recorded decisions under a planner's rules, workspace by workspace, in chronological order.
    /// Returns at most `max_changes` changes of each kind. Calls `progress` with the number of actions in each batch.
    ///
    /// # Errors
    /// If the workspace is unknown, or a rule or the database fails.
    pub async fn impact(
        &self,
        planner: &Planner<'_>,
        filter: &ImpactFilter,
        max_changes: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Impact, StoreError> {
        let workspaces = self.workspaces().await?;
        if let (Some(scope), true) = (self.scope(), workspaces.is_empty()) {
            return Err(StoreError::UnknownWorkspace(scope.to_owned()));
        }
        let mut impact = Impact::default();
        for workspace in &workspaces {
            let mut after = None;
            while let Some(batch) = with_retries(|| self.read_batch(workspace, filter, after.as_ref())).await? {
                impact.without_facts += batch.without_facts;
                let reevaluated = planner.reevaluate_recorded(&batch.recorded)?;
                for (recorded, reevaluated) in batch.recorded.iter().zip(&reevaluated) {
                    impact.add(recorded, reevaluated, planner.rules(), max_changes);
                }
                progress(batch.rows);
                after = Some(batch.last);
            }
        }
        Ok(impact)
    }

    /// The number of recorded actions that [`Ledger::impact`] reads.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn impact_rows(&self, filter: &ImpactFilter) -> Result<u64, StoreError> {
        let mut rows = 0;
        for workspace in self.workspaces().await? {
            let (conditions, values) = filter.conditions(&workspace, None, self.database.dialect());
            let sql = format!("SELECT count(*) FROM campaign_orchestration_actions WHERE {conditions}");
            let count = with_retries(|| async {
                let mut tx = self.read().await?;
                tx.scalar(&sql, values.clone()).await
            });
            let Whole(count): Whole<u64> = count.await?;
            rows += count;
        }
        Ok(rows)
    }

    async fn read_batch(
        &self,
        workspace: &WorkspaceId,
        filter: &ImpactFilter,
        after: Option<&BatchCursor>,
    ) -> Result<Option<Batch>, StoreError> {
        let mut tx = self.read().await?;
        let (conditions, values) = filter.conditions(workspace, after, self.database.dialect());
        let sql = format!(
            "SELECT id, created_at, schedule_id, actor, decision_payload, source_signals, confidence_score \
             FROM campaign_orchestration_actions WHERE {conditions} ORDER BY created_at, decision_key LIMIT {BATCH}"
        );
        let rows: Vec<ActionRow> = tx.all(&sql, values).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let last = BatchCursor { created_at: last.created_at, id: last.id };
        let decisions: Result<Vec<Option<RecordedDecision>>, StoreError> =
            rows.iter().map(RecordedDecision::read).collect();
        let decisions: Vec<RecordedDecision> = decisions?.into_iter().flatten().collect();
        let schedules = load_schedules(&mut tx, decisions.iter().map(|decision| decision.schedule_id)).await?;
        let is_selected = |schedule: &&Schedule| filter.channel.is_none_or(|channel| schedule.channel == channel);
        let selected: Vec<(RecordedDecision, &Schedule)> = decisions
            .into_iter()
            .filter_map(|decision| {
                schedules.get(&decision.schedule_id).filter(is_selected).map(|schedule| (decision, schedule))
            })
            .collect();
        let snapshots = load_channel_facts(&mut tx, selected.iter().map(|(_, schedule)| *schedule)).await?;
        let mut batch =
            Batch { recorded: Vec::with_capacity(selected.len()), without_facts: 0, rows: rows.len() as u64, last };
        for (decision, schedule) in selected {
            match decision.complete(schedule, schedule.zone()?, snapshots.get(&fatigue_check_id(schedule))) {
                Some(recorded) => batch.recorded.push(recorded),
                None => batch.without_facts += 1,
            }
        }
        Ok(Some(batch))
    }
}

/// The last action of a batch, after which the next batch begins.
struct BatchCursor {
    created_at: Timestamp,
    id: Uuid,
}

/// A batch of recorded decisions.
struct Batch {
    recorded: Vec<Recorded>,
    /// Number of decisions whose facts were not recorded.
    without_facts: u64,
    /// Number of actions that were read.
    rows: u64,
    last: BatchCursor,
}

impl ImpactFilter {
    /// The `WHERE` clause for recorded actions, and its bind values.
    fn conditions(
        &self,
        workspace: &WorkspaceId,
        after: Option<&BatchCursor>,
        dialect: Dialect,
    ) -> (String, Vec<Value>) {
        let mut conditions = Conditions::default();
        conditions.add("workspace_id = ?", workspace.as_str());
        if let Some(cursor) = after {
            conditions.after_decision(dialect, DecisionOrder::OldestFirst, cursor.created_at, cursor.id);
        }
        if let Some(client) = &self.client {
            conditions.add("client_id = ?", client.as_str());
        }
        if let Some(from) = self.from {
            conditions.add("created_at >= ?", from);
        }
        if let Some(to) = self.to {
            conditions.add("created_at < ?", to);
        }
        conditions.add_raw(format!(
            "schedule_id IS NOT NULL AND (action_type = 'posting_decision' AND actor = 'early_warning' \
             OR action_type IN ('posting_decision', 'schedule_blocked') AND actor = '{ACTOR}')"
        ));
        conditions.finish()
    }
}

from_row! {
    /// A recorded action. Its payload and signals are parsed once the kind of decision is known.
    struct ActionRow {
        id: Uuid as Id,
        created_at: Timestamp as Instant,
        schedule_id: Uuid as Id,
        actor: String,
        decision_payload: Box<JsonRawValue> as Json<Box<JsonRawValue>>,
        source_signals: Box<JsonRawValue> as Json<Box<JsonRawValue>>,
        confidence_score: f64,
    }
}

impl ActionRow {
    fn payload<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        from_json("decision_payload", &self.decision_payload)
    }

    /// What the planner saw around the post; `None` in records of older versions, which lack it.
    fn surroundings(&self) -> Result<Option<PostSurroundings>, StoreError> {
        let recorded: RecordedFields = self.payload()?;
        if recorded.action_of_day.is_none() || recorded.hours_to_nearest_post.is_none() {
            return Ok(None);
        }
        self.payload().map(Some)
    }

    fn signals<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        from_json("source_signals", &self.source_signals)
    }
}

fn from_json<T: DeserializeOwned>(column: &str, json: &JsonRawValue) -> Result<T, StoreError> {
    let unreadable = |_| StoreError::Unreadable { column: column.to_owned(), value: json.get().to_owned() };
    serde_json::from_str(json.get()).map_err(unreadable)
}

/// Payload of a plan's posting decision.
#[derive(Deserialize)]
struct PlanPayload {
    status: ScheduleStatus,
    risk_level: RiskBand,
    blocked: Option<Reason>,
}

/// The fields that records of older versions lack.
#[derive(Deserialize)]
struct RecordedFields {
    action_of_day: Option<IgnoredAny>,
    hours_to_nearest_post: Option<IgnoredAny>,
}

/// Signals of a plan's posting decision.
#[derive(Deserialize)]
struct PlanSignals {
    high_warnings: u32,
    medium_warnings: u32,
    performance_reality: PerformanceReality,
    guardrails: Vec<Verdict>,
}

/// Payload of a daily pass's decision.
#[derive(Deserialize)]
struct DailyPayload {
    from: Option<ScheduleStatus>,
    to: ScheduleStatus,
    /// The reason as a sentence; the only form in older records.
    reason: Option<String>,
    blocked_code: Option<String>,
    #[serde(default)]
    blocked_details: serde_json::Value,
}

impl DailyPayload {
    fn reason(&self) -> Option<Reason> {
        Reason::read(self.blocked_code.as_deref()?, &self.blocked_details)
    }

    /// Whether the post was blocked without evaluating a rule: because of its client's status, or because the channel
    /// is off.
    fn evaluated_no_rule(&self) -> bool {
        match self.reason() {
            Some(reason) => matches!(reason, Reason::ClientStatus { .. } | Reason::ChannelOff { .. }),
            None => {
                self.reason.as_deref().is_some_and(|old| OLD_REASON_PREFIXES.iter().any(|start| old.starts_with(start)))
            }
        }
    }
}

/// How the reason begins, in records without a code, if a post was blocked without evaluating a rule.
const OLD_REASON_PREFIXES: [&str; 2] = ["client_status: ", "channels: "];

/// Signals of a daily pass's decision. Older records lack the facts, and their guardrails name no file and line.
#[derive(Deserialize)]
struct DailySignals {
    guardrails: serde_json::Value,
    grounds: Option<DecisionFacts>,
}

/// A recorded decision whose schedule is not loaded yet.
struct RecordedDecision {
    schedule_id: Uuid,
    decided_at: Timestamp,
    confidence: f64,
    content: DecisionContent,
}

/// The decision's content, by who made it.
enum DecisionContent {
    Plan(PlanPayload, Option<PostSurroundings>, Box<PlanSignals>),
    Daily(DailyPayload, Box<(DecisionFacts, Vec<Verdict>)>),
    /// From a daily pass of an older version, which did not record the facts.
    WithoutFacts,
}

impl RecordedDecision {
    /// Parses a row; `None` if no rule was evaluated for the decision.
    fn read(row: &ActionRow) -> Result<Option<Self>, StoreError> {
        let plan_decision_id = post_decision_id(row.schedule_id, ActionType::PostingDecision);
        let content = if row.id == plan_decision_id {
            Some(DecisionContent::Plan(row.payload()?, row.surroundings()?, row.signals()?))
        } else {
            DecisionContent::of_daily_pass(row)?
        };
        Ok(content.map(|content| Self {
            schedule_id: row.schedule_id,
            decided_at: row.created_at,
            confidence: row.confidence_score,
            content,
        }))
    }

    /// The complete decision; `None` if the facts that the rules were evaluated on are missing.
    fn complete(self, schedule: &Schedule, zone: Zone, snapshot: Option<&ChannelSnapshot>) -> Option<Recorded> {
        let (occasion, status, facts, mut verdicts, reason) = match self.content {
            DecisionContent::WithoutFacts => return None,
            DecisionContent::Daily(payload, evaluation) => {
                let (facts, verdicts) = *evaluation;
                (DecisionSource::Daily, payload.to, facts, verdicts, payload.reason())
            }
            DecisionContent::Plan(payload, surroundings, signals) => {
                let facts = planned_facts(&payload, surroundings?, &signals, self.confidence, schedule, snapshot?)?;
                (DecisionSource::Plan, payload.status, facts, signals.guardrails, payload.blocked)
            }
        };
        let engine_block = reason.filter(|reason| status == ScheduleStatus::Blocked && !reason.is_from_guardrail());
        let engine_block =
            engine_block.or_else(|| verdicts.pop_if(|last| is_review_capacity(last)).map(|_| Reason::ReviewCapacity));
        Some(Recorded {
            schedule_id: schedule.id,
            decided_at: self.decided_at,
            occasion,
            client_id: ClientId::new(schedule.client_id.as_str()),
            workspace_id: WorkspaceId::new(schedule.workspace_id.as_str()),
            campaign_id: facts.campaign_id,
            channel: schedule.channel,
            scheduled_for: schedule.scheduled_for,
            zone,
            post: facts.post,
            snapshot: facts.channel,
            warnings: facts.warnings,
            reality: facts.performance_reality,
            is_approved: facts.is_approved,
            post_status: PostStatus { status, risk: facts.risk, confidence: facts.confidence },
            engine_block,
            verdicts,
        })
    }
}

/// The facts behind a plan's decision, collected from the decision, the schedule, and the channel's fatigue check.
/// `None` if the decision lacks any of them, or the schedule's asset was replaced since.
fn planned_facts(
    payload: &PlanPayload,
    surroundings: PostSurroundings,
    signals: &PlanSignals,
    confidence: f64,
    schedule: &Schedule,
    snapshot: &ChannelSnapshot,
) -> Option<DecisionFacts> {
    if schedule.metadata.get(ATTACHED).is_some() {
        return None;
    }
    let post = PostSnapshot {
        fatigue: schedule.fatigue,
        expected_engagement: schedule.expected_engagement,
        asset: asset_facts(schedule),
        surroundings,
    };
    Some(DecisionFacts {
        channel: snapshot.clone(),
        post,
        campaign_id: schedule.campaign_id.as_deref().map(CampaignId::new),
        warnings: WarningsSeen { high: signals.high_warnings, medium: signals.medium_warnings },
        performance_reality: signals.performance_reality.clone(),
        is_approved: false,
        risk: payload.risk_level,
        confidence,
    })
}

impl DecisionContent {
    /// A daily pass's decision; `None` if it cancelled the post, blocked it without evaluating a rule, or let a failed
    /// draft be tried again.
    fn of_daily_pass(row: &ActionRow) -> Result<Option<Self>, StoreError> {
        if row.actor != ACTOR {
            return Ok(None);
        }
        let payload: DailyPayload = row.payload()?;
        let is_retry = payload.from == Some(ScheduleStatus::Failed);
        if payload.to == ScheduleStatus::Cancelled || is_retry || payload.evaluated_no_rule() {
            return Ok(None);
        }
        let signals: DailySignals = row.signals()?;
        let verdicts: Option<Vec<Verdict>> = serde_json::from_value(signals.guardrails).ok();
        Ok(Some(match signals.grounds.zip(verdicts) {
            Some(evaluation) => Self::Daily(payload, Box::new(evaluation)),
            None => Self::WithoutFacts,
        }))
    }
}

/// Whether a verdict is the one by which older plans recorded a lack of review capacity. Unlike the verdict of a pack's
/// guardrail, it names no file.
fn is_review_capacity(verdict: &Verdict) -> bool {
    &*verdict.rule == Reason::ReviewCapacity.code() && verdict.file.is_empty()
}

/// The facts about a schedule's asset when it was committed.
fn asset_facts(schedule: &Schedule) -> Option<AssetSnapshot> {
    schedule.used_asset()?;
    serde_json::from_value(schedule.content_preview.clone()).ok().or_else(|| asset_facts_of_older(schedule))
}

/// The facts about a schedule's asset if an older version committed it, which did not record all of them.
fn asset_facts_of_older(schedule: &Schedule) -> Option<AssetSnapshot> {
    let mut facts = schedule.content_preview.as_object()?.clone();
    let has_text =
        |field: &&str| facts.get(*field).and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty());
    let has_content = ["title", "body", "media_url"].iter().any(has_text);
    facts.insert("has_content".to_owned(), has_content.into());
    facts.insert("score".to_owned(), schedule.metadata.get("asset_score")?.clone());
    serde_json::from_value(facts.into()).ok()
}

async fn load_schedules(tx: &mut Tx, ids: impl Iterator<Item = Uuid>) -> Result<BTreeMap<Uuid, Schedule>, StoreError> {
    let ids: BTreeSet<Uuid> = ids.collect();
    let sql = format!("SELECT {COLUMNS} FROM campaign_orchestration_schedules WHERE id = ANY($1)");
    let schedules: Vec<Schedule> = tx.all(&sql, values![Vec::from_iter(ids)]).await?;
    Ok(schedules.into_iter().map(|schedule| (schedule.id, schedule)).collect())
}

/// Id of the plan's fatigue-check decision for the schedule's channel, which stores the facts about the channel.
fn fatigue_check_id(schedule: &Schedule) -> Uuid {
    let kind = ActionType::FatigueCheck.name();
    let parts = ["decision", schedule.client_id.as_str(), kind, schedule.channel.name()];
    derived_id(schedule.plan_id.as_bytes(), &parts)
}

/// The facts about the schedules' channels at planning time, by fatigue-check id. Plans committed by older versions
/// have none.
async fn load_channel_facts(
    tx: &mut Tx,
    schedules: impl Iterator<Item = &Schedule>,
) -> Result<BTreeMap<Uuid, ChannelSnapshot>, StoreError> {
    #[derive(Deserialize)]
    struct Signals {
        #[serde(rename = "seen")]
        snapshot: Option<ChannelSnapshot>,
    }
    let ids: BTreeSet<Uuid> = schedules.map(fatigue_check_id).collect();
    let sql = "SELECT id, source_signals FROM campaign_orchestration_actions WHERE decision_key = ANY($1)";
    let decisions: Vec<(Id, Json<Signals>)> = tx.all(sql, values![Keys(Vec::from_iter(ids))]).await?;
    Ok(decisions.into_iter().filter_map(|(Id(id), Json(signals))| Some((id, signals.snapshot?))).collect())
}
