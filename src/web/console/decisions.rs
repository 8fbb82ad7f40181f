//! The page of decisions, newest first, with the signals behind each.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value as Json;

use super::display::{
    ClientNames, ShownTime, action_type_options, client_choices, client_names, query, sentence_case, status_label,
};
use super::{PageRequest, Visit};
use crate::model::digits::short;
use crate::model::{ActionType, DecisionStatus};
use crate::store::Action;
use crate::web::api::action_filter;
use crate::web::cursor::Listing;
use crate::web::params::Params;
use crate::web::problem::Problem;
use crate::web::state::App;

/// The filter, with the names of the URL's query parameters.
#[derive(Debug, Default, Serialize)]
struct DecisionQuery {
    client: String,
    r#type: String,
    actor: String,
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct Signal {
    agent: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Entry {
    id: String,
    iso: String,
    text: String,
    r#type: &'static str,
    type_label: String,
    description: String,
    client_name: String,
    /// The channel; `None` if the decision does not concern a single one.
    channel: Option<String>,
    actor: String,
    confidence: Option<String>,
    risk: &'static str,
    status_label: &'static str,
    truth_notes: Vec<String>,
    disclaimers: Vec<String>,
    signals: Vec<Signal>,
    href: Option<String>,
}

/// `GET …/decisions`
pub(super) async fn page(State(app): State<App>, request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let mut text = |field| params.text(field).unwrap_or_default();
    let query_params = DecisionQuery {
        client: text("client"),
        r#type: text("type"),
        actor: text("actor"),
        from: text("from"),
        to: text("to"),
    };
    let fields = query(&[
        ("client_id", &query_params.client),
        ("action_type", &query_params.r#type),
        ("actor", &query_params.actor),
        ("from", &query_params.from),
        ("to", &query_params.to),
    ]);
    let mut filter_params = Params::from_pairs(fields.trim_start_matches('?').as_bytes());
    let filter = action_filter(&mut filter_params);
    filter_params.finish()?;
    let list = Listing::new("actions", &filter);
    let after = list.read(&mut params);
    params.finish()?;
    let actions = visit.ledger().actions(&filter, after.as_ref()).await?;
    let clients = app.clients(&visit.workspace).await?;
    let names = client_names(&clients);
    let rows: Vec<Entry> = actions.rows.iter().map(|action| entry(&visit, &names, action)).collect();
    let page_link = |cursor: &str| {
        let fields = [
            ("client", query_params.client.as_str()),
            ("type", &query_params.r#type),
            ("actor", &query_params.actor),
            ("from", &query_params.from),
            ("to", &query_params.to),
            ("cursor", cursor),
        ];
        visit.link("/decisions", &fields)
    };
    let empty = rows.is_empty().then(|| {
        context! {
            text => "No decision matches the filter. Decisions are recorded when a week is planned, when somebody approves or cancels, and in each daily pass.",
            href => visit.link("/decisions", &[]),
            label => "All decisions",
        }
    });
    let chrome = visit.chrome("Decisions", "decisions", None);
    let content = context! {
        filter => Serde(&query_params),
        options => context! {
            types => Serde(action_type_options()),
            clients => Serde(client_choices(&clients)),
        },
        rows => Serde(&rows),
        first_page => after.is_some().then(|| page_link("")),
        next_page => actions.next.map(|position| page_link(&list.cursor(&position))),
        empty => empty,
    };
    Ok(visit.page("decisions.html", &chrome, content))
}

fn entry(visit: &Visit, names: &ClientNames<'_>, action: &Action) -> Entry {
    let when = ShownTime::utc(action.created_at);
    let payload = &action.decision_payload;
    Entry {
        id: action.id.to_string(),
        iso: when.iso,
        text: when.text,
        r#type: action.action_type.name(),
        type_label: sentence_case(action.action_type.name()),
        description: description(action.action_type, payload),
        client_name: names.get(action.client_id.as_str()).map_or(&*action.client_id, |name| name).to_owned(),
        channel: payload.get("channel").and_then(Json::as_str).map(str::to_owned),
        actor: action.actor.replace('_', " "),
        confidence: action.schedule_id.map(|_| format!("{:.2}", action.confidence_score)),
        risk: action.risk_class.name(),
        status_label: match action.status {
            DecisionStatus::Accepted => "accepted",
            DecisionStatus::Rejected => "rejected",
            DecisionStatus::AutoExecuted => "automatic",
            DecisionStatus::AwaitingApproval => "needs approval",
            DecisionStatus::Pending => "open",
        },
        truth_notes: action.truth_notes.clone(),
        disclaimers: action.disclaimers.clone(),
        signals: signals(&action.source_signals),
        href: action.schedule_id.map(|id| visit.link(&format!("/schedules/{id}"), &[])),
    }
}

/// A decision in a sentence; only its name if its payload lacks a field, as a record of another version may.
fn description(kind: ActionType, payload: &Json) -> String {
    sentence(kind, payload).unwrap_or_else(|| sentence_case(kind.name()))
}

/// A decision in a sentence; `None` if its payload lacks a field that the sentence needs.
fn sentence(kind: ActionType, payload: &Json) -> Option<String> {
    // An empty text counts as missing.
    let text = |field: &str| payload.get(field).and_then(Json::as_str).filter(|text| !text.is_empty());
    let number = |field: &str| payload.get(field).and_then(Json::as_f64);
    Some(match kind {
        ActionType::SelectAsset => match (text("asset_id"), number("score")) {
            (Some(asset), Some(score)) => format!("Selected {asset}, which scored {score:.1} of 100."),
            (Some(asset), None) => format!("Selected {asset}."),
            (None, _) => "No asset was available for the post.".to_owned(),
        },
        ActionType::TimeChoice => {
            let (at, value) = (text("scheduled_for")?, number("slot_value")?);
            format!("Chose {at}, a time slot worth {value:.1} engagements.")
        }
        ActionType::VariationChoice => format!("Used the variation {}.", text("variation_id")?),
        ActionType::EvolutionStep => format!("Continued the story with {}.", text("variation_id")?),
        ActionType::ConflictDetected => {
            let remedy = text("resolution").map_or_else(String::new, |remedy| format!(" Remedy: {remedy}."));
            format!("{}.{remedy}", text("description")?)
        }
        ActionType::FatigueCheck => format!(
            "Planned {:.0} of {:.0} posts; fatigue goes from {:.2} to {:.2}.",
            number("posts_planned")?,
            number("posts_wanted")?,
            number("fatigue_start")?,
            number("fatigue_end")?
        ),
        ActionType::ScheduleCreated => format!("Created the schedule: {}.", label_of(text("status")?)),
        ActionType::ScheduleBlocked if text("blocked_reason").is_some() => {
            format!("Blocked the post: {}.", text("blocked_reason")?)
        }
        ActionType::ScheduleExecuted => "Created the draft.".to_owned(),
        ActionType::ScheduleFailed => format!("Creating the draft failed: {}.", text("reason")?),
        ActionType::ScheduleApproved => "Approved the post.".to_owned(),
        _ => match (text("from"), text("to")) {
            (Some(from), Some(to)) => {
                let why = text("reason").map_or_else(String::new, |reason| format!(": {reason}"));
                format!("Changed from {} to {}{why}.", label_of(from), label_of(to))
            }
            _ => format!(
                "Post: {}, {} risk, priority {:.0}, {:.1} expected engagements{}.",
                label_of(text("status")?),
                text("risk_level")?,
                number("priority")?,
                number("expected_engagement")?,
                number("net_worth").map_or_else(String::new, |worth| format!(", net worth {worth:.1}"))
            ),
        },
    })
}

/// The console's label for a status.
fn label_of(status: &str) -> String {
    status.parse().map_or_else(|_| status.to_owned(), |status| status_label(status).to_owned())
}

/// The signals of each agent.
fn signals(source_signals: &Json) -> Vec<Signal> {
    let signal = |(agent, value): (&String, &Json)| Signal { agent: sentence_case(agent), text: one_line(value) };
    source_signals
        .as_object()
        .into_iter()
        .flatten()
        // The recorded facts that rules were evaluated on are not signals.
        .filter(|(name, _)| *name != "grounds" && *name != "seen")
        .map(signal)
        .collect()
}

/// A JSON value on one line, with `name value` for each field.
fn one_line(value: &Json) -> String {
    match value {
        Json::Null => "none".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::Number(number) => number.as_f64().map_or_else(|| number.to_string(), short),
        Json::String(text) => text.clone(),
        Json::Array(values) if values.is_empty() => "none".to_owned(),
        Json::Array(values) => values.iter().map(one_line).collect::<Vec<_>>().join("; "),
        Json::Object(fields) => {
            let field = |(name, value): (&String, &Json)| format!("{} {}", name.replace('_', " "), one_line(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_decision_without_a_needed_field_is_described_by_its_name() {
        let complete = json!({"scheduled_for": "2026-09-07T09:00:00Z", "slot_value": 12.34});
        let described = description(ActionType::TimeChoice, &complete);
        assert_eq!(described, "Chose 2026-09-07T09:00:00Z, a time slot worth 12.3 engagements.");
        let incomplete = json!({"scheduled_for": "2026-09-07T09:00:00Z"});
        assert_eq!(description(ActionType::TimeChoice, &incomplete), sentence_case(ActionType::TimeChoice.name()));
        assert_eq!(description(ActionType::SelectAsset, &json!({"asset_id": "a-1", "score": null})), "Selected a-1.");
    }

    #[test]
    fn signals_are_shown_on_one_line() {
        let value = json!({"time_zone": "UTC", "agent_enabled": true, "days": [], "score": 0.25, "posts": 3});
        assert_eq!(one_line(&value), "agent enabled yes, days none, posts 3, score 0.25, time zone UTC");
    }
}
