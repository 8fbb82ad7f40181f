//! The record of decisions: appended to, and read.

use uuid::Uuid;

use super::conditions::Conditions;
use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::lines::insert;
use super::listing::{Mark, Page, page};
use super::retry::retried;
use super::review::Schedule;
use super::row::{Id, Instant, Json, Name, from_row};
use crate::model::{ActionType, DecisionStatus, RiskBand, Timestamp, derived_id};

/// A decision about a schedule after its plan was committed.
pub(super) struct NewAction<'s> {
    pub schedule: &'s Schedule,
    pub action_type: ActionType,
    pub status: DecisionStatus,
    pub payload: serde_json::Value,
    /// Signals it rests on, a JSON object.
    pub signals: Option<serde_json::Value>,
    pub actor: &'s str,
    /// Decisions about the schedule that are on record of the same instant already.
    pub earlier: u32,
    /// When something was executed, and what came of it.
    pub executed: Option<(Timestamp, serde_json::Value)>,
}

/// Puts decisions on record. Their ids say what was decided about which schedule, when, so that the same
/// decision cannot be put down twice; what people decide again at one instant counts what they decided before.
pub(super) async fn record<'s>(
    tx: &mut Tx,
    actions: impl Iterator<Item = NewAction<'s>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    insert!(tx, "campaign_orchestration_actions", actions, |action| {
        id: action.id(now),
        created_at: now,
        schedule_id: action.schedule.id,
        client_id: action.schedule.client_id.as_str(),
        workspace_id: action.schedule.workspace_id.as_str(),
        action_type: action.action_type.name(),
        decision_payload: action.payload.to_string().as_str(),
        source_signals: action.signals.as_ref().map_or_else(|| "{}".to_owned(), ToString::to_string).as_str(),
        risk_class: action.schedule.risk_level.name(),
        confidence_score: action.schedule.confidence,
        truth_notes: "[]",
        truth_compliant: true,
        disclaimers: "[]",
        status: action.status.name(),
        executed_at: action.executed.as_ref().map(|(at, _)| *at),
        execution_result: action.executed.as_ref().map(|(_, result)| result.to_string()).as_deref(),
        actor: action.actor,
    })
    .await?;
    Ok(())
}

impl NewAction<'_> {
    fn id(&self, now: Timestamp) -> Uuid {
        let (now, attempts) = (now.to_string(), self.schedule.attempts.to_string());
        let (payload, earlier) = (self.payload.to_string(), self.earlier.to_string());
        let mut parts = vec![self.action_type.name(), &now, &attempts, &payload];
        parts.extend((self.earlier > 0).then_some(&*earlier));
        derived_id(self.schedule.id.as_bytes(), &parts)
    }
}

/// One decision on record.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Action {
    /// Which.
    pub id: Uuid,
    /// When it was put on record.
    pub created_at: Timestamp,
    /// The schedule it concerns; none where it concerns a channel or a client.
    pub schedule_id: Option<Uuid>,
    /// Whose.
    pub client_id: String,
    /// The team's.
    pub workspace_id: String,
    /// What kind.
    pub action_type: ActionType,
    /// What was decided.
    pub decision_payload: serde_json::Value,
    /// On what signals.
    pub source_signals: serde_json::Value,
    /// How much attention it needs.
    pub risk_class: RiskBand,
    /// How sure.
    pub confidence_score: f64,
    /// What the truth layer wants known.
    pub truth_notes: Vec<String>,
    /// Whether the truth layer has nothing against it.
    pub truth_compliant: bool,
    /// What must be said with it.
    pub disclaimers: Vec<String>,
    /// Where it stands.
    pub status: DecisionStatus,
    /// When something was executed.
    pub executed_at: Option<Timestamp>,
    /// Who decided.
    pub actor: String,
}

/// Which decisions are meant. What is none restricts nothing.
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
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// No more than so many; the newest are taken.
    pub limit: u32,
}

impl ActionFilter {
    fn ask(&self, conditions: &mut Conditions) {
        if let Some(schedule) = self.schedule {
            conditions.add("schedule_id = ?", schedule);
        }
        if let Some(client) = &self.client {
            conditions.add("client_id = ?", client.as_str());
        }
        if let Some(kind) = self.action_type {
            // Said rather than handed over, so that the index of the rare kinds is known to serve.
            conditions.say(format!("action_type = '{}'", kind.name()));
        }
        if let Some(actor) = &self.actor {
            conditions.add("actor = ?", actor.as_str());
            if !AGENTS.contains(&actor.as_str()) {
                let agents: Vec<String> = AGENTS.iter().map(|agent| format!("'{agent}'")).collect();
                conditions.say(format!("actor NOT IN ({})", agents.join(", ")));
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

/// The agents, by name, in the order in which the index of what others decide leaves them out.
const AGENTS: [&str; 6] =
    ["agency_director", "client_ops", "creative_director", "early_warning", "performance_reality", "scaling"];

const COLUMNS: &str = "id, created_at, schedule_id, client_id, workspace_id, action_type, decision_payload, \
                       source_signals, risk_class, confidence_score, truth_notes, truth_compliant, disclaimers, \
                       status, executed_at, actor";

from_row!(Action {
    id: Id,
    created_at: Instant,
    schedule_id: Option<Id>,
    client_id: String,
    workspace_id: String,
    action_type: Name<ActionType>,
    decision_payload: Json<serde_json::Value>,
    source_signals: Json<serde_json::Value>,
    risk_class: Name<RiskBand>,
    confidence_score: f64,
    truth_notes: Json<Vec<String>>,
    truth_compliant: bool,
    disclaimers: Json<Vec<String>>,
    status: Name<DecisionStatus>,
    executed_at: Option<Instant>,
    actor: String,
});

impl Ledger {
    /// Decisions on record, newest first: those after a mark, and of them no more than the filter's limit.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn actions(&self, filter: &ActionFilter, after: Option<&Mark>) -> Result<Page<Action>, StoreError> {
        let mut conditions = self.conditions();
        filter.ask(&mut conditions);
        if let Some(mark) = after {
            conditions.before(mark, "created_at");
        }
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT {COLUMNS} FROM campaign_orchestration_actions WHERE {conditions} ORDER BY created_at DESC, id DESC"
        );
        let mark = |action: &Action| Mark { rank: 0, at: action.created_at, id: action.id };
        retried(|| async {
            let mut tx = self.read().await?;
            page(&mut tx, &sql, values.clone(), filter.limit, mark).await
        })
        .await
    }

    /// How many of the decisions that a filter means there are of each kind and outcome. Its limit is not asked for.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn action_counts(
        &self,
        filter: &ActionFilter,
    ) -> Result<Vec<(ActionType, DecisionStatus, i64)>, StoreError> {
        let mut conditions = self.conditions();
        filter.ask(&mut conditions);
        let (conditions, values) = conditions.finish();
        let sql = format!(
            "SELECT action_type, status, count(*) FROM campaign_orchestration_actions WHERE {conditions} \
             GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let mut tx = self.read().await?;
        let counts: Vec<(Name<ActionType>, Name<DecisionStatus>, i64)> = tx.all(&sql, values).await?;
        Ok(counts.into_iter().map(|(Name(kind), Name(status), count)| (kind, status, count)).collect())
    }
}
