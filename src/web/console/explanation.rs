//! One schedule: why this hour, why this asset, what each guardrail said, and what became of it.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value as Json;

use super::words::{Row, Shown, names, spoken};
use super::{PageRequest, Visit, schedules};
use crate::model::{ActionType, CampaignId, ClientId, Tier, Week, Zone};
use crate::planner::{HourExplanation, Planner, explain_hour};
use crate::store::{Action, Schedule};
use crate::web::api::{parsed, with_record};
use crate::web::params::PathPart;
use crate::web::problem::Problem;
use crate::web::state::App;

/// How far a factor may lie above 1 because the record rounds.
const ROUNDING: f64 = 0.005;

/// A number with where it comes from.
#[derive(Debug, Serialize)]
struct Part {
    name: String,
    value: String,
    source: String,
}

/// Something that is so.
#[derive(Debug, Serialize)]
struct Fact {
    label: String,
    value: String,
}

/// Sentences, and the numbers behind them.
#[derive(Debug, Default, Serialize)]
struct Reasons {
    sentences: Vec<String>,
    parts: Vec<Part>,
    /// What the parts come to.
    product: Option<Part>,
}

/// What a guardrail said.
#[derive(Debug, Serialize)]
struct Guardrail {
    rule: String,
    outcome: String,
    reason: String,
    remedy: String,
    place: String,
}

#[derive(Debug, Serialize)]
struct Step {
    because: String,
    change: String,
}

/// Something that happened.
#[derive(Debug, Serialize)]
struct Event {
    iso: String,
    text: String,
    what: String,
    who: String,
    detail: String,
}

/// `GET …/schedules/{id}`
pub(super) async fn page(
    State(app): State<App>,
    PathPart(id): PathPart<String>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let notice = schedules::notice(&mut params);
    params.finish()?;
    let id = parsed(&id, "schedule")?;
    let ledger = visit.ledger();
    let (schedule, decisions) = with_record(&ledger, id).await?;
    let record = Record(decisions);
    let clients = app.clients(&visit.workspace).await?;
    let row = Row::of(&visit, &names(&clients), &schedule);
    let hour = hour(&visit, &schedule, &record).await;
    let title = format!("{}, {}", row.title, row.client_name);
    let chrome = visit.chrome(&title, "schedules", notice);
    let text = |field: &str| schedule.content_preview.get(field).and_then(Json::as_str).unwrap_or_default().to_owned();
    let missing = record.planned(ActionType::PostingDecision).is_none();
    let content = context! {
        preview => context! { title => row.title.as_str(), body => text("body"), kind => text("kind") },
        facts => Serde(facts(&schedule)),
        hour => Serde(hour),
        expected => Serde(expected(&visit, &schedule, &record)),
        asset => Serde(asset(&schedule, &record)),
        guardrails => Serde(record.guardrails()),
        confidence => confidence(&schedule, &record),
        history => Serde(record.history()),
        missing => missing.then_some("The record holds no decision of the plan about this post, so that little can be said of why it stands here."),
        row => Serde(&row),
    };
    Ok(visit.page("schedule.html", &chrome, content))
}

fn facts(schedule: &Schedule) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact { label: name.to_owned(), value };
    let mut facts = vec![
        fact("Client", schedule.client_id.clone()),
        fact("Priority", format!("{:.0}", schedule.priority)),
        fact("Expected engagement", format!("{:.1}", schedule.expected_engagement)),
        fact("Planned by", schedule.created_by.clone()),
    ];
    facts.extend(schedule.approved_by.clone().map(|who| fact("Approved by", who)));
    facts.extend(schedule.campaign_id.clone().map(|campaign| fact("Campaign", campaign)));
    facts.push(fact("Plan", schedule.plan_id.to_string()));
    facts
}

/// Why this hour: what the plan put on record, and what makes up the hour's worth as things stand.
async fn hour(visit: &Visit, schedule: &Schedule, record: &Record) -> Reasons {
    let mut reasons = Reasons::default();
    if let Some(choice) = record.planned(ActionType::TimeChoice) {
        let worth = number(&choice.decision_payload, "slot_value");
        let fatigue = number(&choice.decision_payload, "fatigue");
        reasons.sentences.push(format!(
            "When it was planned, this hour was worth {worth:.1} engagements with an average asset on a rested channel; \
             the channel\u{2019}s fatigue there was {fatigue:.2}."
        ));
    }
    let Some(explained) = worth_now(visit, schedule).await else { return reasons };
    reasons.sentences.push(match explained.better_hours {
        0 => "No hour of the week is worth more by itself.".to_owned(),
        better => format!(
            "{better} of the week\u{2019}s {} hours are worth more by themselves; spacing, quiet hours, fatigue and the \
             day\u{2019}s capacity leave this one for the post.",
            explained.hours
        ),
    });
    reasons.sentences.push("Its worth as things stand now is the product of:".to_owned());
    reasons.product = Some(Part {
        name: "Product: worth of this hour".to_owned(),
        value: short(explained.slot_value),
        source: "engagements with an average asset on a rested channel".to_owned(),
    });
    reasons.parts = explained
        .value_parts
        .into_iter()
        .map(|part| Part { name: spoken(&part.name), value: short(part.number), source: part.source })
        .collect();
    reasons
}

/// How the worth of the hour when it was planned leads to the expected engagement; none where the record does not say,
/// or says what does not come to it.
fn expected(visit: &Visit, schedule: &Schedule, record: &Record) -> Option<Reasons> {
    let time = record.planned(ActionType::TimeChoice)?;
    let worth = found(&time.decision_payload, "slot_value")?;
    let fatigue = found(&time.decision_payload, "fatigue")?;
    let content = record.planned(ActionType::SelectAsset);
    let quality = content.and_then(|content| found(&content.decision_payload, "quality_factor"));
    let asset = quality.unwrap_or(visit.app.rules.base().assets.quality_without_asset);
    let rest = schedule.expected_engagement / (worth * asset);
    if !(0.0..=1.0 + ROUNDING).contains(&rest) {
        return None;
    }
    let part = |name: &str, value: f64, source: String| Part { name: name.to_owned(), value: short(value), source };
    let asset_name = if quality.is_some() { "Factor of the content" } else { "Factor of having no content" };
    Some(Reasons {
        sentences: Vec::new(),
        parts: vec![
            part("Worth of this hour when it was planned", worth, "the record of the plan".to_owned()),
            part(asset_name, asset, "assets.toml".to_owned()),
            part("What fatigue leaves of it", rest, format!("fatigue.toml, at a fatigue of {fatigue:.2}")),
        ],
        product: Some(part(
            "Product: expected engagement",
            schedule.expected_engagement,
            "the figure of the lists".to_owned(),
        )),
    })
}

/// The hour's worth under the rules and the state of now; none where the client no longer posts there.
async fn worth_now(visit: &Visit, schedule: &Schedule) -> Option<HourExplanation> {
    let zone: Zone = schedule.time_zone.parse().ok()?;
    let week = Week::of(zone.wall_time(schedule.scheduled_for).date());
    let client = ClientId::new(schedule.client_id.as_str());
    let scenario = visit.ledger().client_scenario(&visit.workspace, &client, week).await.ok()?;
    let planner = Planner::new(&visit.app.rules, Tier::Exact, None);
    let campaign = schedule.campaign_id.as_deref().map(CampaignId::new);
    explain_hour(&planner, &scenario, week, &client, schedule.channel, schedule.scheduled_for, campaign.as_ref()).ok()
}

fn asset(schedule: &Schedule, record: &Record) -> Reasons {
    let mut reasons = Reasons::default();
    let Some(choice) = record.planned(ActionType::SelectAsset) else { return reasons };
    let Some(used) = schedule.used_asset() else {
        reasons.sentences.push("No asset was left for it: it has to be made, or the post cancelled.".to_owned());
        return reasons;
    };
    let payload = &choice.decision_payload;
    reasons.sentences.push(format!("{used} scored {:.1} of 100.", number(payload, "score")));
    if let Some(family) = schedule.creative_asset_id.as_deref().filter(|family| *family != used) {
        reasons.sentences.push(format!("It is a variation or a next step of {family}."));
    }
    if let Some(signals) = choice.source_signals.get("creative_director") {
        let usable = number(signals, "usable");
        reasons.sentences.push(format!(
            "{usable:.0} assets could be used on the channel that week; the best of them scored {:.1} on average.",
            number(signals, "mean_score")
        ));
    }
    let factor = number(payload, "quality_factor");
    let part = |name: &str, value: f64, source: &str| Part {
        name: name.to_owned(),
        value: short(value),
        source: source.to_owned(),
    };
    reasons.parts = vec![
        part("Score", number(payload, "score"), "assets.toml"),
        part("Factor on engagement", factor, "assets.toml"),
    ];
    reasons
}

fn confidence(schedule: &Schedule, record: &Record) -> minijinja::Value {
    let posting = record.planned(ActionType::PostingDecision);
    let steps = posting.and_then(|posting| posting.decision_payload.get("confidence_steps")?.as_array());
    let steps: Vec<Step> = steps
        .into_iter()
        .flatten()
        .map(|step| Step {
            because: step.get("because").and_then(Json::as_str).unwrap_or_default().to_owned(),
            change: format!("{:+.2}", number(step, "change")),
        })
        .collect();
    let sentence = match schedule.risk_level.name() {
        "low" => "Low risk: it may run by itself where the client\u{2019}s policy says so.",
        "medium" => "Medium risk: somebody looks at it first.",
        _ => "High risk: somebody must approve it.",
    };
    context! {
        value => format!("{:.2}", schedule.confidence),
        band => schedule.risk_level.name(),
        steps => Serde(steps),
        sentences => vec![sentence],
    }
}

/// The decisions about one schedule, newest first.
struct Record(Vec<Action>);

impl Record {
    /// What the plan decided: the oldest decision of a kind.
    fn planned(&self, kind: ActionType) -> Option<&Action> {
        self.0.iter().rev().find(|action| action.action_type == kind)
    }

    /// What the guardrails said when they were last asked.
    fn guardrails(&self) -> Vec<Guardrail> {
        let asked = |action: &&Action| action.source_signals.get("guardrails").is_some();
        let planned = self.0.iter().rev().find(asked);
        let listed = planned.and_then(|action| action.source_signals.get("guardrails")?.as_array());
        let text = |verdict: &Json, field: &str| match verdict.get(field) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        listed
            .into_iter()
            .flatten()
            .map(|verdict| Guardrail {
                rule: spoken(&text(verdict, "rule")),
                outcome: text(verdict, "outcome"),
                reason: text(verdict, "reason"),
                remedy: text(verdict, "remedy"),
                place: match text(verdict, "file") {
                    file if file.is_empty() => "engine".to_owned(),
                    file => format!("{file}:{}", text(verdict, "line")),
                },
            })
            .collect()
    }

    fn history(&self) -> Vec<Event> {
        self.0.iter().rev().map(event).collect()
    }
}

fn event(action: &Action) -> Event {
    let payload = &action.decision_payload;
    let text = |field: &str| payload.get(field).and_then(Json::as_str).unwrap_or_default();
    let detail = match (text("from"), text("to"), text("reason")) {
        ("", _, _) => String::new(),
        (from, to, "") => format!("from {from} to {to}"),
        (from, to, reason) => format!("from {from} to {to}: {reason}"),
    };
    let shown = Shown::utc(action.created_at);
    Event {
        iso: shown.iso,
        text: shown.text,
        what: spoken(action.action_type.name()),
        who: action.actor.replace('_', " "),
        detail,
    }
}

fn number(value: &Json, field: &str) -> f64 {
    found(value, field).unwrap_or_default()
}

fn found(value: &Json, field: &str) -> Option<f64> {
    value.get(field).and_then(Json::as_f64)
}

/// A number as people read it: three digits that count.
fn short(number: f64) -> String {
    let digits = if number.abs() >= 100.0 {
        0
    } else if number.abs() >= 10.0 {
        1
    } else {
        3
    };
    let text = format!("{number:.digits$}");
    if digits == 3 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        assert_eq!([1234.5, 12.34, 1.06, 0.0341, 1.0, 0.0].map(short), ["1234", "12.3", "1.06", "0.034", "1", "0"]);
    }
}
