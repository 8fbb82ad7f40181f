//! The page of one schedule: why it has this hour and this asset, the verdict of each guardrail, and its history.

use axum::extract::State;
use axum::response::Response;
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;
use serde_json::Value as Json;
use uuid::Uuid;

use super::display::{Row, ShownTime, client_names, sentence_case};
use super::estimates::Basis;
use super::{PageRequest, Visit, schedules};
use crate::model::digits::short;
use crate::model::{CampaignId, ClientId, RiskBand, Tier, Verdict, Week, Zone};
use crate::planner::{ExplanationStep, HourExplanation, Planner, RecordedExplanation, StepEstimate, explain_hour};
use crate::store::{Action, Schedule};
use crate::web::api::{parse_id, schedule_with_decisions};
use crate::web::params::PathPart;
use crate::web::problem::Problem;
use crate::web::state::App;

/// A section of the page: sentences, and the steps of the calculation behind them.
#[derive(Debug, Default, Serialize)]
struct Section {
    sentences: Vec<String>,
    steps: Vec<StepRow>,
    /// The result of the steps.
    total: Option<StepRow>,
    /// Whether a step has an estimate.
    has_estimates: bool,
}

/// A step of an explanation as a row of a table.
#[derive(Debug, Serialize)]
struct StepRow {
    name: String,
    value: String,
    source: String,
    /// What a calibration estimates for the same number.
    estimate: Option<EstimateCell>,
}

/// The 90 % interval of an estimate, and what it is based on.
#[derive(Debug, Serialize)]
struct EstimateCell {
    interval: String,
    basis: Basis,
}

impl EstimateCell {
    fn new(StepEstimate { low, high, source }: StepEstimate) -> Self {
        Self { interval: format!("{} to {}", short(low), short(high)), basis: source.into() }
    }
}

impl StepRow {
    fn new(step: &ExplanationStep) -> Self {
        let (value, source) = (step.value(), step.source.to_string());
        Self { name: sentence_case(&step.name), value, source, estimate: step.estimate.map(EstimateCell::new) }
    }

    fn total(name: &str, number: f64, source: &str) -> Self {
        Self { name: name.to_owned(), value: short(number), source: source.to_owned(), estimate: None }
    }
}

impl Section {
    /// The section with the steps of a calculation and their result.
    fn with_steps(self, steps: &[ExplanationStep], total: Option<StepRow>) -> Self {
        let has_estimates = steps.iter().any(|step| step.estimate.is_some());
        Self { steps: steps.iter().map(StepRow::new).collect(), total, has_estimates, ..self }
    }
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
    let id = parse_id(&id, "schedule")?;
    let (schedule, actions) = schedule_with_decisions(&visit.ledger(), id).await?;
    let recorded_decision = |id: Uuid| {
        let action = actions.iter().find(|action| action.id == id)?;
        Some((&action.decision_payload, &action.source_signals))
    };
    let (record, missing_note) = match RecordedExplanation::read(schedule.id, recorded_decision) {
        Ok(record) if record.confidence.is_some() => (record, None),
        Ok(record) => (record, Some(NOT_RECORDED)),
        Err(_) => (RecordedExplanation::default(), Some(NOT_READABLE)),
    };
    let clients = app.clients(&visit.workspace).await?;
    let row = Row::new(&visit, &client_names(&clients), &schedule);
    let hour_under_current_rules = explain_hour_under_current_rules(&visit, &schedule).await;
    let title = format!("{}, {}", row.title, row.client_name);
    let chrome = visit.chrome(&title, "schedules", notice);
    let text = |field: &str| schedule.content_preview.get(field).and_then(Json::as_str).unwrap_or_default().to_owned();
    let content = context! {
        preview => context! { title => row.title.as_str(), body => text("body"), kind => text("kind") },
        facts => facts(&schedule),
        hour => Serde(hour_section(&record, hour_under_current_rules)),
        expected => Serde(expected_section(&visit, &schedule, &record)),
        worth => Serde(worth_section(&schedule)),
        asset => Serde(asset_section(&schedule, &record)),
        guardrails => record.verdicts.iter().map(guardrail_row).collect::<Vec<_>>(),
        confidence => confidence_section(&schedule, &record),
        history => actions.iter().rev().map(history_entry).collect::<Vec<_>>(),
        missing => missing_note,
        row => Serde(&row),
    };
    Ok(visit.page("schedule.html", &chrome, content))
}

const NOT_RECORDED: &str =
    "No planning decision is recorded for this post, so this page cannot fully explain why it is planned.";
const NOT_READABLE: &str =
    "The planning decisions for this post are recorded in a format that this version of mcoe cannot read.";

fn facts(schedule: &Schedule) -> Vec<minijinja::Value> {
    let facts = [
        ("Client", Some(schedule.client_id.clone())),
        ("Priority", Some(format!("{:.0}", schedule.priority))),
        ("Expected engagement", Some(short(schedule.expected_engagement))),
        ("Expected cost", schedule.worth().map(|worth| short(worth.cost))),
        ("Expected net worth", schedule.worth().map(|worth| short(worth.net_worth))),
        ("Planned by", Some(schedule.created_by.clone())),
        ("Approved by", schedule.approved_by.clone()),
        ("Campaign", schedule.campaign_id.clone()),
        ("Plan", Some(schedule.plan_id.to_string())),
    ];
    facts.into_iter().filter_map(|(label, value)| Some(context! { label, value => value? })).collect()
}

/// Why this hour: what the plan recorded about it, and the factors of its value under the current rules and state.
fn hour_section(record: &RecordedExplanation, current: Option<HourExplanation>) -> Section {
    let planned = record.time.map(|time| {
        format!(
            "When it was planned, this hour was worth {} engagements with an average asset on a rested channel; \
             the channel\u{2019}s fatigue was expected to be {} at that hour.",
            short(time.slot_value),
            short(time.fatigue)
        )
    });
    let mut section = Section { sentences: planned.into_iter().collect(), ..Section::default() };
    let Some(current) = current else { return section };
    section.sentences.push(match current.better_hours {
        0 => "No other hour of the week is worth more, spacing and fatigue aside.".to_owned(),
        better => format!(
            "{better} of the week\u{2019}s {} hours are worth more, but other posts, spacing, quiet hours, fatigue or the \
             daily capacity prevents their use.",
            current.hours
        ),
    });
    section.sentences.push("Under the current rules and data, the value of this hour is the product of:".to_owned());
    let unit = "engagements with an average asset on a rested channel";
    let total = StepRow::total("Product: value of this hour", current.slot_value, unit);
    section.with_steps(&current.value_parts, Some(total))
}

/// The value of the hour under the current rules and state; `None` if it cannot be computed, for example because the
/// client no longer posts on the channel.
async fn explain_hour_under_current_rules(visit: &Visit, schedule: &Schedule) -> Option<HourExplanation> {
    let zone: Zone = schedule.time_zone.parse().ok()?;
    let week = Week::of(zone.wall_time(schedule.scheduled_for).date());
    let client = ClientId::new(schedule.client_id.as_str());
    let scenario = visit.ledger().client_scenario(&visit.workspace, &client, week).await.ok()?;
    let planner = Planner::new(&visit.app.rules, Tier::Exact, None);
    let campaign = schedule.campaign_id.as_deref().map(CampaignId::new);
    explain_hour(&planner, &scenario, week, &client, schedule.channel, schedule.scheduled_for, campaign.as_ref()).ok()
}

/// How the expected engagement follows from the value that the hour had when it was planned.
fn expected_section(visit: &Visit, schedule: &Schedule, record: &RecordedExplanation) -> Option<Section> {
    let without_asset = visit.app.rules.base().assets.quality_without_asset;
    let steps = record.expected_engagement(schedule.expected_engagement, without_asset)?;
    let total = StepRow::total(
        "Product: expected engagement",
        schedule.expected_engagement,
        "the same number as in the lists of posts",
    );
    Some(Section::default().with_steps(&steps, Some(total)))
}

/// How the expected net worth follows from the expected engagement; `None` if the cost is not on record.
fn worth_section(schedule: &Schedule) -> Option<Section> {
    let worth = schedule.worth()?;
    let steps = worth.steps(schedule.expected_engagement)?;
    let sentence = "The plan maximises net worth: the engagements times the worth of each, less the cost of the work and \
                    of the people who unsubscribe or unfollow.";
    let total = StepRow::total("Expected net worth", worth.net_worth, "net_worth");
    let section = Section { sentences: vec![sentence.to_owned()], ..Section::default() };
    Some(section.with_steps(&steps, Some(total)))
}

fn asset_section(schedule: &Schedule, record: &RecordedExplanation) -> Section {
    let mut section = Section::default();
    let Some(choice) = record.asset else { return section };
    let Some(used) = schedule.used_asset() else {
        section.sentences.push("No asset was available for this post: create one, or cancel the post.".to_owned());
        return section;
    };
    section.sentences.push(format!("{used} scored {} of 100.", short(choice.score)));
    if let Some(main_asset) = schedule.creative_asset_id.as_deref().filter(|main_asset| *main_asset != used) {
        section.sentences.push(format!("It is a variation or a continuation of {main_asset}."));
    }
    if let Some(assets) = &record.usable_assets {
        section.sentences.push(format!(
            "{} assets could be used on the channel that week. The best ones, as many as there were posts to plan, scored \
             {} on average.",
            assets.usable,
            short(assets.mean_score)
        ));
    }
    if let Some(factor) = choice.quality_factor {
        section.sentences.push(format!("With this score, the expected engagement is multiplied by {}.", short(factor)));
    }
    section
}

fn confidence_section(schedule: &Schedule, record: &RecordedExplanation) -> minijinja::Value {
    let sentence = match schedule.risk_level {
        RiskBand::Low => "Low risk: it needs no approval if the client\u{2019}s policy allows that.",
        RiskBand::Medium => "Medium risk: it needs approval.",
        RiskBand::High => {
            "High risk: it needs approval, and the rules may require another person for it than its creator."
        }
    };
    let steps = record.confidence.as_deref().unwrap_or_default();
    let section = Section { sentences: vec![sentence.to_owned()], ..Section::default() };
    context! {
        value => short(schedule.confidence),
        band => schedule.risk_level.name(),
        section => Serde(section.with_steps(steps, None)),
    }
}

fn guardrail_row(verdict: &Verdict) -> minijinja::Value {
    context! {
        rule => sentence_case(&verdict.rule),
        outcome => verdict.outcome.name(),
        reason => &*verdict.reason,
        remedy => &*verdict.remedy,
        source => verdict.source(),
    }
}

fn history_entry(action: &Action) -> minijinja::Value {
    let text = |field: &str| action.decision_payload.get(field).and_then(Json::as_str).unwrap_or_default();
    let detail = match (text("from"), text("to"), text("reason")) {
        ("", _, _) => String::new(),
        (from, to, "") => format!("from {from} to {to}"),
        (from, to, reason) => format!("from {from} to {to}: {reason}"),
    };
    let when = ShownTime::utc(action.created_at);
    context! {
        iso => when.iso,
        text => when.text,
        description => sentence_case(action.action_type.name()),
        who => action.actor.replace('_', " "),
        detail,
    }
}
