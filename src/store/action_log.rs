//! The append-only record of decisions.

use std::borrow::Cow;
use std::collections::BTreeMap;

use uuid::Uuid;

use super::conditions::{Conditions, DecisionOrder};
use super::database::Tx;
use super::decision_rows::{self, Assessment, DecisionRow, NO_SIGNALS, Payload};
use super::error::StoreError;
use super::ledger::Ledger;
use super::pagination::{Cursor, Page, page};
use super::retry::with_retries;
use super::row::{Id, Instant, Json, Name, Whole, from_row};
use super::schedule::{Schedule, schedule_ids};
use super::values::{Key, Keys, values};
use crate::model::{ActionType, DecisionStatus, RiskBand, Timestamp, derived_id};

/// A decision to record about a schedule after its plan was committed.
pub(super) struct NewAction<'s> {
    pub schedule: &'s Schedule,
    pub action_type: ActionType,
    pub status: DecisionStatus,
    pub payload: serde_json::Value,
    /// The signals behind it, a JSON object; `None` if there are none.
    pub signals: Option<serde_json::Value>,
    pub actor: &'s str,
    /// Number of decisions already recorded about the schedule at the same instant, which keeps ids unique.
    pub earlier_at_same_instant: u32,
    /// When a draft was attempted, and the result; `None` for other decisions.
    pub executed: Option<(Timestamp, serde_json::Value)>,
}

/// Number of decisions already recorded about each schedule at an instant; schedules without any are left out.
pub(super) async fn decisions_at<'s>(
    tx: &mut Tx,
    schedules: impl IntoIterator<Item = &'s Schedule>,
    at: Timestamp,
) -> Result<BTreeMap<Uuid, u32>, StoreError> {
    let sql = "SELECT schedule_id, count(*) FROM campaign_orchestration_actions \
               WHERE schedule_key = ANY($1) AND created_at = $2 GROUP BY schedule_id";
    let counts: Vec<(Id, Whole<u32>)> = tx.all(sql, values![Keys(schedule_ids(schedules)), at]).await?;
    Ok(counts.into_iter().map(|(Id(id), Whole(count))| (id, count)).collect())
}

/// Records decisions. An id is derived from the schedule, the time and the decision, so the same decision cannot be
/// recorded twice; if a decision is repeated at the same instant, `earlier_at_same_instant` makes the ids differ.
pub(super) async fn record<'s>(
    tx: &mut Tx,
    actions: impl Iterator<Item = NewAction<'s>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let actions: Vec<NewAction<'_>> = actions.collect();
    let rows: Vec<DecisionRow<'_>> = actions.iter().map(|action| action.row(now)).collect();
    decision_rows::write(tx, &rows, now, &|| {}).await
}

impl NewAction<'_> {
    fn row(&self, now: Timestamp) -> DecisionRow<'_> {
        let signals = self.signals.as_ref();
        DecisionRow {
            id: self.id(now),
            schedule_id: Some(self.schedule.id),
            client_id: &self.schedule.client_id,
            workspace_id: &self.schedule.workspace_id,
            action_type: self.action_type,
            payload: Payload::Own(self.payload.to_string()),
            day: None,
            signals: signals.map_or(Cow::Borrowed(NO_SIGNALS), |signals| Cow::Owned(signals.to_string())),
            assessment: Assessment {
                risk_class: self.schedule.risk_level,
                confidence: self.schedule.confidence,
                truth_notes: &[],
                truth_compliant: true,
                disclaimers: &[],
                status: self.status,
            },
            executed: self.executed.as_ref().map(|(at, result)| (*at, result.to_string())),
            actor: self.actor,
        }
    }

    fn id(&self, now: Timestamp) -> Uuid {
        let (now, attempts) = (now.to_string(), self.schedule.attempts.to_string());
        let (payload, earlier) = (self.payload.to_string(), self.earlier_at_same_instant.to_string());
        let mut parts = vec![self.action_type.name(), &now, &attempts, &payload];
        parts.extend((self.earlier_at_same_instant > 0).then_some(&*earlier));
        derived_id(self.schedule.id.as_bytes(), &parts)
    }
}

from_row! {
    /// A recorded decision.
    #[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
    #[schemars(rename = "Decision")]
    pub struct Action {
        /// The decision's id.
        pub id: Uuid as Id,
        /// When it was recorded.
        pub created_at: Timestamp as Instant,
        /// The schedule it concerns; `None` if it concerns a channel or a client.
        pub schedule_id: Option<Uuid> as Option<Id>,
        /// The client it concerns.
        pub client_id: String,
        /// The client's workspace.
        pub workspace_id: String,
        /// The kind of decision.
        pub action_type: ActionType as Name<ActionType>,
        /// What was decided: a JSON object whose fields depend on the kind of decision.
        #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
        pub decision_payload: serde_json::Value as Json<serde_json::Value>,
        /// The signals behind it: a JSON object with one field per agent.
        #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
        pub source_signals: serde_json::Value as Json<serde_json::Value>,
        /// Its risk band.
        pub risk_class: RiskBand as Name<RiskBand>,
        /// Confidence, `0..=1`.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub confidence_score: f64,
        /// Doubts about the figures or the content that the guardrail `truth_layer` reported.
        pub truth_notes: Vec<String> as Json<Vec<String>>,
        /// Whether the guardrail `truth_layer` reported no doubt.
        pub truth_compliant: bool,
        /// Disclaimers that must accompany it.
        pub disclaimers: Vec<String> as Json<Vec<String>>,
        /// Its outcome.
        pub status: DecisionStatus as Name<DecisionStatus>,
        /// When a draft was attempted; `None` for other decisions.
        pub executed_at: Option<Timestamp> as Option<Instant>,
        /// The actor who decided.
        pub actor: String,
    }
}

/// Number of recorded decisions of one kind and outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionCount {
    /// The kind of decision.
    pub action_type: ActionType,
    /// The outcome.
    pub status: DecisionStatus,
    /// Number of decisions.
    pub count: i64,
}

/// Selects decisions. A field that is `None` does not filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionFilter {
    /// About one schedule.
    pub schedule: Option<Uuid>,
    /// About one client.
    pub client: Option<String>,
    /// Of one kind.
    pub action_type: Option<ActionType>,
    /// By one actor.
    pub actor: Option<String>,
    /// At this time or later (inclusive).
    pub from: Option<Timestamp>,
    /// Before this time (exclusive).
    pub to: Option<Timestamp>,
    /// Maximum number of decisions; the newest are returned.
    pub limit: u32,
}

impl ActionFilter {
    fn add_to(&self, conditions: &mut Conditions) {
        if let Some(schedule) = self.schedule {
            conditions.add("schedule_key = ?", Key(schedule));
        }
        if let Some(client) = &self.client {
            conditions.add("client_id = ?", client.as_str());
        }
        if let Some(kind) = self.action_type {
            // Inlined rather than bound, so that the database can use the partial index on the rare kinds.
            conditions.add_raw(format!("action_type = '{}'", kind.name()));
        }
        if let Some(actor) = &self.actor {
            conditions.add("actor = ?", actor.as_str());
            if !AGENTS.contains(&actor.as_str()) {
                let agents: Vec<String> = AGENTS.iter().map(|agent| format!("'{agent}'")).collect();
                conditions.add_raw(format!("actor NOT IN ({})", agents.join(", ")));
            }
        }
        if let Some(from) = self.from {
            conditions.add("created_at >= ?", from);
        }
        if let Some(to) = self.to {
            conditions.add("created_at < ?", to);
        }
    }
}

/// Names of the agents. The partial index for other actors excludes them in this order; to use the index, a query must
/// repeat its condition exactly.
const AGENTS: [&str; 6] =
    ["agency_director", "client_ops", "creative_director", "early_warning", "performance_reality", "scaling"];

const COLUMNS: &str = "id, created_at, schedule_id, client_id, workspace_id, action_type, decision_payload, \
                       source_signals, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, \
                       status, executed_at, actor";

impl Ledger {
    /// One page of the recorded decisions that match a filter, newest first: those after a cursor, at most the filter's
    /// limit.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn actions(&self, filter: &ActionFilter, after: Option<&Cursor>) -> Result<Page<Action>, StoreError> {
        let mut conditions = self.conditions();
        filter.add_to(&mut conditions);
        if let Some(cursor) = after {
            conditions.after_decision(self.database.dialect(), DecisionOrder::NewestFirst, cursor.at, cursor.id);
        }
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_orchestration_actions WHERE {conditions} ORDER BY created_at DESC, decision_key DESC"
        );
        let cursor = |action: &Action| Cursor { rank: 0, at: action.created_at, id: action.id };
        with_retries(|| async {
            let mut tx = self.read().await?;
            page(&mut tx, &sql, values.clone(), filter.limit, cursor).await
        })
        .await
    }

    /// Number of decisions that match a filter, by kind and outcome. The filter's limit is ignored.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn action_counts(&self, filter: &ActionFilter) -> Result<Vec<ActionCount>, StoreError> {
        let mut conditions = self.conditions();
        filter.add_to(&mut conditions);
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT action_type, status, count(*) FROM campaign_orchestration_actions WHERE {conditions} \
             GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let count = |(Name(action_type), Name(status), count)| ActionCount { action_type, status, count };
        with_retries(|| async {
            let mut tx = self.read().await?;
            let counts: Vec<(Name<ActionType>, Name<DecisionStatus>, i64)> = tx.all(&sql, values.clone()).await?;
            Ok(counts.into_iter().map(count).collect())
        })
        .await
    }
}
