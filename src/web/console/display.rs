//! How schedules, times and statuses are displayed on the pages.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value as Json;

use super::Visit;
use crate::model::{ActionType, ConflictKind, RiskBand, Role, ScheduleStatus, Timestamp, Zone};
use crate::store::{Change, ClientName, Schedule};
use crate::web::clock::now;

/// A time, in ISO 8601 and as displayed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownTime {
    pub iso: String,
    pub text: String,
}

impl ShownTime {
    pub fn utc(at: Timestamp) -> Self {
        let text = at.utc().format("%a %-d %b %Y, %H:%M UTC").to_string();
        Self { iso: at.to_string(), text }
    }
}

/// An escaped query string with its `?`; empty if there are no fields.
pub(super) fn query(fields: &[(&str, &str)]) -> String {
    let text = serde_urlencoded::to_string(fields).unwrap_or_default();
    if text.is_empty() { text } else { format!("?{text}") }
}

/// An option of a selection list.
#[derive(Debug, Serialize)]
pub(super) struct SelectOption {
    value: &'static str,
    label: String,
}

pub(super) fn status_options() -> Vec<SelectOption> {
    ScheduleStatus::ALL
        .iter()
        .map(|status| SelectOption { value: status.name(), label: status_label(*status).to_owned() })
        .collect()
}

pub(super) fn action_type_options() -> Vec<SelectOption> {
    ActionType::ALL.iter().map(|kind| SelectOption { value: kind.name(), label: sentence_case(kind.name()) }).collect()
}

/// `schedule_created` as `Schedule created`.
pub(super) fn sentence_case(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(super) fn status_label(status: ScheduleStatus) -> &'static str {
    match status {
        ScheduleStatus::Pending => "needs approval",
        ScheduleStatus::Ready => "ready",
        ScheduleStatus::Executing => "creating draft",
        ScheduleStatus::Completed => "draft created",
        ScheduleStatus::Failed => "draft failed",
        ScheduleStatus::Blocked => "blocked",
        ScheduleStatus::Cancelled => "cancelled",
    }
}

/// What a kind of conflict means.
pub(super) fn conflict_meaning(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Timing => "Posts are too close to each other, or at a closed time.",
        ConflictKind::Fatigue => "The audience is fatigued; more posts on the channel would gain little.",
        ConflictKind::Warning => "A warning signal for the client indicates that posting now may do harm.",
        ConflictKind::Asset => "There is no suitable content, or too little of it.",
        ConflictKind::Policy => "The agreement with the client does not allow it.",
    }
}

/// A schedule as a row of a table.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub id: String,
    pub href: String,
    pub client_name: String,
    pub client_id: String,
    pub channel: &'static str,
    pub local: String,
    pub zone: String,
    pub iso: String,
    pub status: &'static str,
    pub status_label: &'static str,
    pub risk: &'static str,
    pub confidence: String,
    pub fatigue: String,
    pub expected: String,
    pub title: String,
    pub kind: String,
    pub reason: Option<String>,
    pub notes: Vec<String>,
    pub can_approve: bool,
    pub can_cancel: bool,
    pub can_restore: bool,
    /// The actions that the user may take, separated by spaces, for the page's script.
    pub actions: String,
}

/// A client in a selection list.
#[derive(Debug, Serialize)]
pub(super) struct ClientChoice<'c> {
    id: &'c str,
    name: &'c str,
}

pub(super) fn client_choices(clients: &[ClientName]) -> Vec<ClientChoice<'_>> {
    clients.iter().map(|client| ClientChoice { id: &client.client_id, name: &client.name }).collect()
}

/// Client names by id.
pub(super) type ClientNames<'n> = BTreeMap<&'n str, &'n str>;

pub(super) fn client_names(clients: &[ClientName]) -> ClientNames<'_> {
    clients.iter().map(|client| (client.client_id.as_str(), client.name.as_str())).collect()
}

/// The date of a post in its client's time zone, or in UTC if the zone is unknown.
pub(super) fn local_day(schedule: &Schedule) -> NaiveDate {
    let zone = schedule.zone().unwrap_or_else(|_| Zone::utc());
    zone.wall_time(schedule.scheduled_for).date()
}

/// A time in the client's time zone, or in UTC, and marked so, if the zone is unknown.
pub(super) fn local_time(zone: &str, at: Timestamp) -> String {
    let (zone, format) = match zone.parse::<Zone>() {
        Ok(zone) => (zone, "%a %-d %b, %H:%M"),
        Err(_) => (Zone::utc(), "%a %-d %b, %H:%M UTC"),
    };
    zone.local(at).format(format).to_string()
}

impl Row {
    pub fn new(visit: &Visit, names: &ClientNames<'_>, schedule: &Schedule) -> Self {
        let text = |field: &str| -> Option<String> {
            let text = schedule.content_preview.get(field).and_then(Json::as_str)?;
            (!text.is_empty()).then(|| text.to_owned())
        };
        let asset = schedule.used_asset().unwrap_or("no asset").to_owned();
        let warnings = schedule.metadata.get("warnings").and_then(Json::as_array);
        let warning_reasons = warnings.into_iter().flatten().filter_map(|warning| warning.get("reason")?.as_str());
        // A low-risk post needs approval only because of the client's policy or status.
        let is_by_policy = schedule.status == ScheduleStatus::Pending && schedule.risk_level == RiskBand::Low;
        let policy_note = "the client\u{2019}s policy or status requires approval of every post";
        let notes = warning_reasons.chain(is_by_policy.then_some(policy_note));
        let is_possible = |change: Change<'_>| {
            visit.may(Role::Approver) && change.check(schedule, &visit.app.rules, &visit.visitor.caller.name).is_ok()
        };
        let id = schedule.id.to_string();
        let can_approve = is_possible(visit.app.approval());
        let can_cancel = is_possible(Change::Cancel { reason: "" });
        let can_restore = is_possible(Change::Restore) && schedule.scheduled_for > now();
        let actions = [("approve", can_approve), ("cancel", can_cancel), ("restore", can_restore)];
        let actions = actions.into_iter().filter_map(|(name, is_allowed)| is_allowed.then_some(name));
        let actions: Vec<&str> = actions.collect();
        Self {
            href: visit.link(&format!("/schedules/{id}"), &[]),
            client_name: names.get(schedule.client_id.as_str()).map_or(&*schedule.client_id, |name| name).to_owned(),
            client_id: schedule.client_id.clone(),
            channel: schedule.channel.name(),
            local: local_time(&schedule.time_zone, schedule.scheduled_for),
            zone: schedule.time_zone.clone(),
            iso: schedule.scheduled_for.to_string(),
            status: schedule.status.name(),
            status_label: status_label(schedule.status),
            risk: schedule.risk_level.name(),
            confidence: format!("{:.2}", schedule.confidence),
            fatigue: format!("{:.2}", schedule.fatigue),
            expected: format!("{:.1}", schedule.expected_engagement),
            title: text("title").unwrap_or(asset),
            kind: text("kind").unwrap_or_default(),
            reason: schedule.blocked_reason.clone(),
            notes: notes.map(str::to_owned).collect(),
            can_approve,
            can_cancel,
            can_restore,
            actions: actions.join(" "),
            id,
        }
    }
}

/// `1 post`, `2 posts`.
pub(super) fn count_text(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}
