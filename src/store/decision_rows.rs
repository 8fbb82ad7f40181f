//! Writes decisions. What those of a transaction have in common is stored once: signals, repeated payloads, and
//! assessments; in SQLite also their time, workspaces and clients.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use serde_json::json;
use uuid::Uuid;

use super::bulk_insert::insert;
use super::database::Tx;
use super::day_posts::DayPosts;
use super::error::StoreError;
use super::values::{Key, values};
use crate::model::{ActionType, Decision, DecisionStatus, RiskBand, Timestamp};

/// A decision to write.
pub(super) struct DecisionRow<'d> {
    pub id: Uuid,
    pub schedule_id: Option<Uuid>,
    pub client_id: &'d str,
    pub workspace_id: &'d str,
    pub action_type: ActionType,
    pub payload: Payload<'d>,
    /// The posts of the client's day, if the payload lacks the others; only in posting decisions of plans.
    pub day: Option<&'d DayPosts>,
    /// The signals behind it, a JSON object.
    pub signals: Cow<'d, str>,
    pub assessment: Assessment<'d>,
    /// When a draft was attempted, and the result as JSON; `None` for other decisions.
    pub executed: Option<(Timestamp, String)>,
    pub actor: &'d str,
}

/// What was decided, a JSON object.
pub(super) enum Payload<'d> {
    /// Stored with the decision.
    Own(String),
    /// Stored with the decision, too.
    Borrowed(&'d str),
    /// Stored once for all decisions of the workspace that have the same.
    Shared(&'d str),
}

/// The parts of a decision that have few different values.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Assessment<'d> {
    pub risk_class: RiskBand,
    pub confidence: f64,
    pub truth_notes: &'d [String],
    pub truth_compliant: bool,
    pub disclaimers: &'d [&'static str],
    pub status: DecisionStatus,
}

impl<'d> DecisionRow<'d> {
    /// A decision of a plan about a client of the workspace. `day` has the posts of the day of the post, if there are
    /// several.
    pub fn planned(workspace_id: &'d str, decision: &'d Decision, day: Option<&'d DayPosts>) -> Self {
        let day = day.filter(|_| decision.action_type == ActionType::PostingDecision);
        let without_others = day.and_then(|day| day.without_others(&decision.payload));
        Self {
            id: decision.id,
            schedule_id: decision.post_id,
            client_id: decision.client_id.as_str(),
            workspace_id,
            action_type: decision.action_type,
            day: day.filter(|_| without_others.is_some()),
            payload: match (without_others, decision.action_type) {
                (Some(payload), _) => Payload::Own(payload),
                (None, ActionType::SelectAsset | ActionType::ScheduleCreated | ActionType::ScheduleBlocked) => {
                    Payload::Shared(&decision.payload)
                }
                (None, _) => Payload::Borrowed(&decision.payload),
            },
            signals: Cow::Borrowed(&decision.source_signals),
            assessment: Assessment {
                risk_class: decision.risk_class,
                confidence: decision.confidence,
                truth_notes: &decision.truth_notes,
                truth_compliant: decision.truth_compliant,
                disclaimers: decision.disclaimers,
                status: decision.status,
            },
            executed: None,
            actor: decision.actor,
        }
    }
}

/// Writes decisions that are recorded at an instant. Calls `progress` for each.
pub(super) async fn write(
    tx: &mut Tx,
    rows: &[DecisionRow<'_>],
    now: Timestamp,
    progress: &(dyn Fn() + Sync),
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let parts = SharedParts::of(rows);
    let first_text = tx.first_new_number("decision_texts").await?;
    insert!(tx, "decision_texts", (first_text..).zip(&parts.texts.values), |(number, text)| {
        no: *number,
        workspace_id: text.workspace_id,
        body: text.body,
    })
    .await?;
    let first_assessment = tx.first_new_number("decision_assessments").await?;
    insert!(tx, "decision_assessments", (first_assessment..).zip(&parts.assessments.values), |(number, key)| {
        no: *number,
        workspace_id: key.workspace_id,
        risk_class: key.risk_class.name(),
        confidence_score: f64::from_bits(key.confidence_bits),
        truth_notes: json!(key.truth_notes).to_string().as_str(),
        truth_compliant: key.truth_compliant,
        disclaimers: json!(key.disclaimers).to_string().as_str(),
        status: key.status.name(),
    })
    .await?;
    let number = |(row, positions): (_, &Positions)| NumberedRow {
        row,
        assessment: first_assessment + positions.assessment,
        signals: positions.signals.map(|position| first_text + position),
        payload: positions.payload.map(|position| first_text + position),
        day: positions.day.map(|position| first_text + position),
    };
    let numbered: Vec<NumberedRow<'_>> = rows.iter().zip(&parts.of_rows).map(number).collect();
    match tx {
        Tx::Postgres(_) => write_to_postgres(tx, Counted { rows: numbered.into_iter(), progress }, now).await,
        Tx::Sqlite(_) => {
            let places = SqlitePlaces::of(tx, rows, now).await?;
            let placed: Vec<(NumberedRow<'_>, (i64, i64))> = numbered
                .into_iter()
                .map(|numbered| places.of_row(numbered.row).map(move |place| (numbered, place)))
                .collect::<Result<_, _>>()?;
            write_to_sqlite(tx, Counted { rows: placed.into_iter(), progress }).await
        }
    }
}

/// Rows, of which each is reported once it is taken.
struct Counted<'p, R> {
    rows: R,
    progress: &'p (dyn Fn() + Sync),
}

impl<R: Iterator> Iterator for Counted<'_, R> {
    type Item = R::Item;

    fn next(&mut self) -> Option<R::Item> {
        let row = self.rows.next()?;
        (self.progress)();
        Some(row)
    }
}

/// A decision to write, with the numbers of the rows that it refers to.
struct NumberedRow<'r> {
    row: &'r DecisionRow<'r>,
    assessment: i64,
    signals: Option<i64>,
    payload: Option<i64>,
    day: Option<i64>,
}

impl NumberedRow<'_> {
    /// The payload, unless it is shared.
    fn own_payload(&self) -> Option<&str> {
        match &self.row.payload {
            Payload::Own(payload) => Some(payload),
            Payload::Borrowed(payload) => Some(payload),
            Payload::Shared(_) => None,
        }
    }

    fn own_place(&self) -> Option<i64> {
        self.row.day.map(|day| day.own_place)
    }

    fn executed_at(&self) -> Option<Timestamp> {
        self.row.executed.as_ref().map(|(at, _)| *at)
    }

    fn execution_result(&self) -> Option<&str> {
        self.row.executed.as_ref().map(|(_, result)| result.as_str())
    }
}

async fn write_to_postgres<'r>(
    tx: &mut Tx,
    rows: impl Iterator<Item = NumberedRow<'r>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    insert!(tx, "decisions", rows, |numbered| {
        id: numbered.row.id,
        created_at: now,
        schedule_id: numbered.row.schedule_id,
        client_id: numbered.row.client_id,
        workspace_id: numbered.row.workspace_id,
        action_type: numbered.row.action_type.name(),
        actor: numbered.row.actor,
        assessment_no: numbered.assessment,
        signals_no: numbered.signals,
        payload_no: numbered.payload,
        payload: numbered.own_payload(),
        day_no: numbered.day,
        own_place: numbered.own_place(),
        executed_at: numbered.executed_at(),
        execution_result: numbered.execution_result(),
    })
    .await?;
    Ok(())
}

/// Writes decisions, each with the numbers of its batch and its client.
async fn write_to_sqlite<'r>(
    tx: &mut Tx,
    rows: impl Iterator<Item = (NumberedRow<'r>, (i64, i64))>,
) -> Result<(), StoreError> {
    insert!(tx, "decisions", rows, |(numbered, (batch, client))| {
        id: Key(numbered.row.id),
        batch_no: *batch,
        client_no: *client,
        schedule_id: numbered.row.schedule_id.map(Key),
        action_type: numbered.row.action_type.name(),
        actor: numbered.row.actor,
        assessment_no: numbered.assessment,
        signals_no: numbered.signals,
        payload_no: numbered.payload,
        payload: numbered.own_payload(),
        day_no: numbered.day,
        own_place: numbered.own_place(),
        executed_at: numbered.executed_at(),
        execution_result: numbered.execution_result(),
    })
    .await?;
    Ok(())
}

/// The numbers in SQLite of what decisions have in common: of their instant in each workspace, and of their clients.
struct SqlitePlaces {
    batches: BTreeMap<String, i64>,
    clients: BTreeMap<String, i64>,
}

impl SqlitePlaces {
    /// The numbers for decisions that are recorded at an instant. Those that do not exist yet are created.
    async fn of(tx: &mut Tx, rows: &[DecisionRow<'_>], now: Timestamp) -> Result<Self, StoreError> {
        let workspaces: BTreeSet<&str> = rows.iter().map(|row| row.workspace_id).collect();
        let mut batches = BTreeMap::new();
        for workspace in workspaces {
            let create = "INSERT INTO decision_batches (workspace_id, created_at) SELECT $1, $2 WHERE NOT EXISTS \
                          (SELECT 1 FROM decision_batches WHERE workspace_id = $1 AND created_at = $2)";
            tx.run(create, values![workspace, now]).await?;
            let find = "SELECT no FROM decision_batches WHERE workspace_id = $1 AND created_at = $2";
            batches.insert(workspace.to_owned(), tx.scalar(find, values![workspace, now]).await?);
        }
        let clients: BTreeSet<&str> = rows.iter().map(|row| row.client_id).collect();
        let clients = Vec::from_iter(clients);
        let create = "INSERT INTO decision_clients (client_id, workspace_id) SELECT client_id, workspace_id FROM clients \
                      WHERE client_id = ANY($1) AND client_id NOT IN (SELECT client_id FROM decision_clients) \
                      ORDER BY client_id";
        tx.run(create, values![clients.as_slice()]).await?;
        let find = "SELECT client_id, no FROM decision_clients WHERE client_id = ANY($1)";
        let clients: Vec<(String, i64)> = tx.all(find, values![clients.as_slice()]).await?;
        Ok(Self { batches, clients: clients.into_iter().collect() })
    }

    /// The numbers of a decision's batch and client.
    fn of_row(&self, row: &DecisionRow<'_>) -> Result<(i64, i64), StoreError> {
        let batch = self.batches.get(row.workspace_id).copied();
        batch
            .zip(self.clients.get(row.client_id).copied())
            .ok_or_else(|| StoreError::UnknownClients(vec![row.client_id.to_owned()]))
    }
}

/// What decisions have in common, each once, and where each decision's part of it is.
struct SharedParts<'d> {
    texts: Distinct<TextKey<'d>>,
    assessments: Distinct<AssessmentKey<'d>>,
    /// For each decision.
    of_rows: Vec<Positions>,
}

/// The positions of what a decision refers to.
struct Positions {
    assessment: i64,
    /// `None` if there are no signals.
    signals: Option<i64>,
    /// `None` if the payload is not shared.
    payload: Option<i64>,
    /// `None` if the payload says all.
    day: Option<i64>,
}

/// Signals, a payload or the posts of a day, as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct TextKey<'d> {
    workspace_id: &'d str,
    body: &'d str,
}

/// An assessment that can be looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct AssessmentKey<'d> {
    workspace_id: &'d str,
    risk_class: RiskBand,
    confidence_bits: u64,
    truth_notes: &'d [String],
    truth_compliant: bool,
    disclaimers: &'d [&'static str],
    status: DecisionStatus,
}

impl<'d> SharedParts<'d> {
    fn of(rows: &'d [DecisionRow<'d>]) -> Self {
        let (mut texts, mut assessments) = (Distinct::new(), Distinct::new());
        let positions_of = |row: &'d DecisionRow<'d>| {
            let mut text = |body| texts.position(TextKey { workspace_id: row.workspace_id, body });
            Positions {
                signals: (&*row.signals != NO_SIGNALS).then(|| text(&*row.signals)),
                payload: match row.payload {
                    Payload::Shared(payload) => Some(text(payload)),
                    Payload::Own(_) | Payload::Borrowed(_) => None,
                },
                day: row.day.map(|day| text(&day.list)),
                assessment: assessments.position(AssessmentKey::of(row)),
            }
        };
        let of_rows = rows.iter().map(positions_of).collect();
        Self { texts, assessments, of_rows }
    }
}

/// The signals of decisions that have none.
pub(super) const NO_SIGNALS: &str = "{}";

impl<'d> AssessmentKey<'d> {
    fn of(row: &DecisionRow<'d>) -> Self {
        let Assessment { risk_class, confidence, truth_notes, truth_compliant, disclaimers, status } = row.assessment;
        let confidence_bits = confidence.to_bits();
        let workspace_id = row.workspace_id;
        Self { workspace_id, risk_class, confidence_bits, truth_notes, truth_compliant, disclaimers, status }
    }
}

/// Different values in the order in which they were first seen.
struct Distinct<T> {
    values: Vec<T>,
    positions: HashMap<T, i64>,
    next: i64,
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    fn new() -> Self {
        Self { values: Vec::new(), positions: HashMap::new(), next: 0 }
    }

    /// The 0-based position of a value, which is added if it is new.
    fn position(&mut self, value: T) -> i64 {
        if let Some(position) = self.positions.get(&value) {
            return *position;
        }
        let position = self.next;
        self.values.push(value);
        self.positions.insert(value, position);
        self.next += 1;
        position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'d>(client: &'d str, payload: Payload<'d>, signals: &'d str, confidence: f64) -> DecisionRow<'d> {
        DecisionRow {
            id: Uuid::nil(),
            schedule_id: None,
            client_id: client,
            workspace_id: "north",
            action_type: ActionType::ScheduleCreated,
            payload,
            day: None,
            signals: Cow::Borrowed(signals),
            assessment: Assessment {
                risk_class: RiskBand::Low,
                confidence,
                truth_notes: &[],
                truth_compliant: true,
                disclaimers: &[],
                status: DecisionStatus::Accepted,
            },
            executed: None,
            actor: "scaling",
        }
    }

    #[test]
    fn what_decisions_have_in_common_is_stored_once() {
        let rows = [
            row("a", Payload::Shared("{\"a\":1}"), "{\"s\":1}", 0.9),
            row("b", Payload::Shared("{\"a\":1.0}"), "{\"s\":1}", 0.9),
            row("b", Payload::Shared("{\"a\":1}"), NO_SIGNALS, 0.8),
            row("b", Payload::Borrowed("{\"s\":1}"), "{\"s\":1}", 0.9),
        ];
        let parts = SharedParts::of(&rows);
        let bodies: Vec<&str> = parts.texts.values.iter().map(|text| text.body).collect();
        assert_eq!(bodies, ["{\"s\":1}", "{\"a\":1}", "{\"a\":1.0}"]);
        let signals: Vec<_> = parts.of_rows.iter().map(|positions| positions.signals).collect();
        assert_eq!(signals, [Some(0), Some(0), None, Some(0)]);
        let payloads: Vec<_> = parts.of_rows.iter().map(|positions| positions.payload).collect();
        assert_eq!(payloads, [Some(1), Some(2), Some(1), None]);
        let assessments: Vec<_> = parts.of_rows.iter().map(|positions| positions.assessment).collect();
        assert_eq!(assessments, [0, 0, 1, 0]);
    }
}
