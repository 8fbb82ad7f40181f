//! Schedules: lists, figures, single schedules with their decisions, and the changes that people make.

use std::fmt::Debug;

use axum::Json;
use axum::extract::State;
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::openapi::{About, Api};
use super::paging::{Paged, Selection};
use super::request::{Body, Field, Parameter, Query, Request, Spec, request};
use super::values::{Required, choices};
use crate::model::{Channel, RiskBand, Role, ScheduleStatus, Timestamp, named};
use crate::store::{
    Action, ActionFilter, Change, Changed, ChannelStatus, Ledger, Order, Overview, Schedule, ScheduleFilter, Skipped,
};
use crate::web::access::Caller;
use crate::web::clock::now;
use crate::web::params::{Moment, Params, PathPart};
use crate::web::problem::Problem;
use crate::web::state::App;

/// Maximum number of decisions shown with a schedule.
const MAX_DECISIONS: u32 = 200;

/// The routes of this module.
pub(super) fn routes(api: Api) -> Api {
    api.group("Schedules", "Planned posts, and the decisions of people about them.")
        .get(
            "/api/orchestration/schedules",
            list_schedules,
            About {
                id: "list_schedules",
                summary: "List schedules, or figures about them",
                description: "With `type=overview` the figures over all channels, with `type=channels` those of each \
                              channel, otherwise the schedules page by page. Filters, order and paging apply to the \
                              schedules only.",
            },
        )
        .patch(
            "/api/orchestration/schedules",
            change_schedules,
            About {
                id: "change_schedules",
                summary: "Approve, cancel or restore schedules",
                description: "If one of the schedules is unknown, none is changed. Nothing is published: an approved \
                              schedule becomes a draft when it is due.",
            },
        )
        .get(
            "/api/orchestration/schedules/{id}",
            get_schedule,
            About {
                id: "get_schedule",
                summary: "Get a schedule with its decisions",
                description: "Every decision about the schedule: why this hour and this asset, the verdicts of \
                              the guardrails, and who approved it.",
            },
        )
}

named!(
    /// What to show.
    ScheduleView {
        /// The schedules, page by page.
        List = "list",
        /// Figures over all channels.
        Overview = "overview",
        /// Figures of each channel.
        Channels = "channels",
    }
);

named!(
    /// The order of schedules.
    ScheduleOrder {
        /// By time, earliest first.
        Time = "time",
        /// By time, latest first.
        Latest = "latest",
        /// By risk, highest first, then by time.
        Risk = "risk",
    }
);

named!(
    /// A change that a person makes to schedules.
    ScheduleAction {
        /// Approve them to run.
        Approve = "approve",
        /// Cancel them.
        Cancel = "cancel",
        /// Return schedules that a person cancelled to pending.
        Restore = "restore",
    }
);

choices!(ScheduleView, ScheduleOrder, ScheduleAction);

request! {
    /// What a list shows.
    struct ShownView {
        /// What to show.
        #[default(ScheduleView::List)]
        r#type: ScheduleView,
    }
}

request! {
    /// Selects and orders schedules.
    struct SelectedSchedules {
        /// Only those of this client.
        client_id: Option<String>,
        /// Only those on this channel.
        channel: Option<Channel>,
        /// Only those with this risk.
        risk: Option<RiskBand>,
        /// Only those with this status.
        status: Option<ScheduleStatus>,
        /// Only those at this time or later: a day of the client's calendar, such as 2026-11-30, or an instant with
        /// its offset, such as 2026-11-30T08:00:00Z.
        from: Option<Moment>,
        /// Only those before this time: a day of the client's calendar, which is included, or an instant with its
        /// offset, which is not.
        to: Option<Moment>,
        /// The order.
        #[default(ScheduleOrder::Time)]
        sort: ScheduleOrder,
    }
}

impl SelectedSchedules {
    fn filter(&self) -> ScheduleFilter {
        let mut filter = ScheduleFilter {
            client: self.client_id.clone(),
            channel: self.channel,
            risk: self.risk,
            statuses: self.status.into_iter().collect(),
            ..ScheduleFilter::default()
        };
        match self.from {
            Some(Moment::Day(day)) => filter.first_day = Some(day),
            Some(Moment::Instant(at)) => filter.from = Some(at),
            None => {}
        }
        match self.to {
            Some(Moment::Day(day)) => filter.last_day = Some(day),
            Some(Moment::Instant(at)) => filter.to = Some(at),
            None => {}
        }
        filter
    }

    fn order(&self) -> Order {
        match self.sort {
            ScheduleOrder::Time => Order::Soonest,
            ScheduleOrder::Latest => Order::Latest,
            ScheduleOrder::Risk => Order::WorstFirst,
        }
    }
}

impl Selection for SelectedSchedules {
    const LIST: &'static str = "schedules";

    fn key(&self) -> impl Debug {
        (self.order(), self.filter())
    }
}

/// Reads a filter of schedules and their order.
pub(in crate::web) fn schedule_filter(params: &mut Params) -> (ScheduleFilter, Order) {
    let selected = SelectedSchedules::read(params);
    (selected.filter(), selected.order())
}

/// A request for schedules or for figures. Figures have no filter and no pages.
enum ListSchedules {
    List(Paged<SelectedSchedules>),
    Overview,
    Channels,
}

impl Request for ListSchedules {
    fn read(params: &mut Params) -> Self {
        match ShownView::read(params).r#type {
            ScheduleView::List => Self::List(Paged::read(params)),
            ScheduleView::Overview => Self::Overview,
            ScheduleView::Channels => Self::Channels,
        }
    }

    fn describe(schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        ShownView::describe(schemas, parameters);
        Paged::<SelectedSchedules>::describe(schemas, parameters);
    }
}

/// Schedules, or figures about them.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum ListedSchedules {
    List(SchedulePage),
    Overview(Overview),
    Channels(ChannelList),
}

/// A page of schedules.
#[derive(Serialize, JsonSchema)]
struct SchedulePage {
    schedules: Vec<Schedule>,
    /// `cursor` of the next page; `None` on the last page.
    next_cursor: Option<String>,
}

/// Figures of each channel.
#[derive(Serialize, JsonSchema)]
struct ChannelList {
    channels: Vec<ChannelFigures>,
}

/// Figures of a channel that clients post on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Channel")]
struct ChannelFigures {
    channel: Channel,
    /// Number of clients that post on it.
    clients: u32,
    /// Schedules that wait for approval.
    pending: i64,
    /// Number of drafts made.
    completed: i64,
    health: ChannelHealth,
}

/// The current health of a channel over its clients.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct ChannelHealth {
    /// Rest (1 - fatigue), momentum, visibility and engagement, with the weights of fatigue.toml.
    #[schemars(range(min = 0.0, max = 1.0))]
    score: f64,
    /// Mean fatigue.
    #[schemars(range(min = 0.0, max = 1.0))]
    fatigue: f64,
    /// Highest fatigue of a client.
    #[schemars(range(min = 0.0, max = 1.0))]
    worst_fatigue: f64,
    /// Mean momentum.
    #[schemars(range(min = 0.0, max = 1.0))]
    momentum: f64,
    /// Mean visibility.
    #[schemars(range(min = 0.0, max = 1.0))]
    visibility: f64,
    /// Mean engagement.
    #[schemars(range(min = 0.0, max = 1.0))]
    engagement: f64,
    /// Time of the latest draft or post of any client; `None` if there is none.
    last_post_at: Option<Timestamp>,
    /// Recommended wait before the next post at the mean fatigue, in hours.
    recommended_wait_hours: f64,
}

impl From<&ChannelStatus> for ChannelFigures {
    fn from(status: &ChannelStatus) -> Self {
        Self {
            channel: status.channel,
            clients: status.clients,
            pending: status.pending,
            completed: status.completed,
            health: ChannelHealth {
                score: status.health_score,
                fatigue: status.fatigue,
                worst_fatigue: status.worst_fatigue,
                momentum: status.momentum,
                visibility: status.visibility,
                engagement: status.engagement,
                last_post_at: status.last_post_at,
                recommended_wait_hours: status.recommended_wait_hours,
            },
        }
    }
}

/// `GET /api/orchestration/schedules`
async fn list_schedules(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<ListSchedules>,
) -> Result<Json<ListedSchedules>, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Viewer).await?;
    Ok(Json(match request {
        ListSchedules::Overview => ListedSchedules::Overview(app.figures(&workspace).await?.overview.clone()),
        ListSchedules::Channels => {
            let figures = app.figures(&workspace).await?;
            ListedSchedules::Channels(ChannelList { channels: figures.channels.iter().map(Into::into).collect() })
        }
        ListSchedules::List(paged) => {
            let (filter, order) = (paged.selection.filter(), paged.selection.order());
            let ledger = app.ledger_of(&workspace);
            let page = ledger.schedule_page(&filter, order, paged.after.as_ref(), paged.limit).await?;
            let next_cursor = paged.next_cursor(page.next.as_ref());
            ListedSchedules::List(SchedulePage { schedules: page.rows, next_cursor })
        }
    }))
}

/// The path of a schedule.
#[derive(Deserialize, JsonSchema)]
struct SchedulePath {
    /// The schedule's id.
    #[schemars(with = "Uuid")]
    id: String,
}

/// A schedule and the decisions about it.
#[derive(Serialize, JsonSchema)]
struct ScheduleRecord {
    schedule: Schedule,
    /// The decisions, newest first.
    decisions: Vec<Action>,
}

/// `GET /api/orchestration/schedules/{id}`
async fn get_schedule(
    State(app): State<App>,
    caller: Caller,
    PathPart(path): PathPart<SchedulePath>,
    Query(unchecked): Query<()>,
) -> Result<Json<ScheduleRecord>, Problem> {
    let (workspace, ()) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let id = parse_id(&path.id, "schedule")?;
    let (schedule, decisions) = schedule_with_decisions(&app.ledger_of(&workspace), id).await?;
    Ok(Json(ScheduleRecord { schedule, decisions }))
}

/// A schedule and the decisions about it, newest first.
pub(in crate::web) async fn schedule_with_decisions(
    ledger: &Ledger,
    id: Uuid,
) -> Result<(Schedule, Vec<Action>), Problem> {
    let filter = ScheduleFilter { ids: vec![id], ..ScheduleFilter::default() };
    let schedule = ledger.schedules(&filter).await?.into_iter().next();
    let schedule = schedule.ok_or_else(|| Problem::not_found("schedule", "take an id from the list of schedules"))?;
    let decision_filter = ActionFilter { schedule: Some(id), limit: MAX_DECISIONS, ..ActionFilter::default() };
    Ok((schedule, ledger.actions(&decision_filter, None).await?.rows))
}

/// Parses an id in a path. `what` names the thing that the id identifies, such as `schedule`.
pub(in crate::web) fn parse_id(id: &str, what: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::not_found(what, "take an id from the list"))
}

request! {
    /// The schedules of a change.
    struct ChangedIds {
        /// Several schedules.
        ids: Vec<Uuid>,
        /// One schedule.
        schedule_id: OneId,
    }
}

/// The ids under `schedule_id`. The description names one id, but a list is accepted, too.
#[derive(Debug)]
struct OneId(Vec<Uuid>);

impl Field for OneId {
    fn read_field(params: &mut Params, spec: &Spec) -> Self {
        Self(params.ids(spec.name))
    }

    fn describe_field(spec: &Spec, _: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        parameters.push(Parameter::new(spec, false, json_schema!({"type": "string", "format": "uuid"})));
    }
}

/// The ids of at least one schedule, sorted and without duplicates.
#[derive(Debug)]
struct ChangedSchedules(Vec<Uuid>);

impl Request for ChangedSchedules {
    fn read(params: &mut Params) -> Self {
        let ChangedIds { mut ids, schedule_id } = ChangedIds::read(params);
        ids.extend(schedule_id.0);
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            params.reject("schedule_id", "no schedule is named", "send `schedule_id`, or `ids` for several");
        }
        Self(ids)
    }

    fn describe(schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        ChangedIds::describe(schemas, parameters);
    }
}

request! {
    /// A change of the schedules in `scheduleId` and `ids`; at least one must be named.
    struct ChangeSchedules {
        schedules: ChangedSchedules,
        /// The reason, for the record.
        reason: Option<String>,
        /// The change.
        action: Required<ScheduleAction>,
    }
}

/// The result of a change. If the same caller sends the same change again, the result is the same as the first time.
#[derive(Serialize, JsonSchema)]
struct ScheduleChange {
    /// Number of schedules in the requested state.
    changed: usize,
    /// Their ids.
    ids: Vec<Uuid>,
    /// The requested status.
    status: ScheduleStatus,
    /// Who made the change: the token's name.
    actor: String,
    /// The schedules in the requested state.
    schedules: Vec<SettledSchedule>,
    /// The schedules that could not be changed, because of their status or because something blocks them.
    skipped: Vec<SkippedSchedule>,
}

/// A schedule in the requested state.
#[derive(Serialize, JsonSchema)]
struct SettledSchedule {
    id: Uuid,
    /// Its current status. An approved schedule may have been drafted meanwhile.
    status: ScheduleStatus,
    /// Whether the same caller had made the same change before, so that nothing was changed now.
    repeated: bool,
}

/// A schedule that was not changed.
#[derive(Serialize, JsonSchema)]
struct SkippedSchedule {
    id: Uuid,
    /// Its current status.
    status: ScheduleStatus,
    /// Why it was not changed.
    reason: String,
    /// What to do about it.
    remedy: String,
}

impl From<Skipped> for SkippedSchedule {
    fn from(Skipped { schedule, why, .. }: Skipped) -> Self {
        Self { id: schedule.id, status: schedule.status, reason: why.to_string(), remedy: why.remedy().to_owned() }
    }
}

/// `PATCH /api/orchestration/schedules`
async fn change_schedules(
    State(app): State<App>,
    caller: Caller,
    Body(unchecked): Body<ChangeSchedules>,
) -> Result<Json<ScheduleChange>, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Approver).await?;
    let reason = request.reason.unwrap_or_else(|| "no reason given".to_owned());
    let change = match request.action.get()? {
        ScheduleAction::Approve => app.approval(),
        ScheduleAction::Cancel => Change::Cancel { reason: &reason },
        ScheduleAction::Restore => Change::Restore,
    };
    let filter = ScheduleFilter { ids: request.schedules.0, ..ScheduleFilter::default() };
    let changed = app.ledger_of(&workspace).change(&filter, change, &app.rules, &caller.name, now()).await?;
    app.invalidate_figures(&workspace).await;
    schedule_change(changed, change.status(), caller.name).map(Json)
}

/// The result of a change. Fails if no schedule is in the requested state.
fn schedule_change(changed: Changed, status: ScheduleStatus, actor: String) -> Result<ScheduleChange, Problem> {
    let (repeated, mut skipped): (Vec<Skipped>, Vec<Skipped>) =
        changed.skipped.into_iter().partition(|skipped| skipped.is_repeat);
    if changed.done.is_empty() && repeated.is_empty() && !skipped.is_empty() {
        return Err(skipped.swap_remove(0).why.into());
    }
    let settled = |schedule: &Schedule, status, repeated| SettledSchedule { id: schedule.id, status, repeated };
    let changed_now = changed.done.iter().map(|schedule| settled(schedule, status, false));
    let changed_before = repeated.iter().map(|Skipped { schedule, .. }| settled(schedule, schedule.status, true));
    let schedules: Vec<SettledSchedule> = changed_now.chain(changed_before).collect();
    Ok(ScheduleChange {
        changed: schedules.len(),
        ids: schedules.iter().map(|schedule| schedule.id).collect(),
        status,
        actor,
        schedules,
        skipped: skipped.into_iter().map(Into::into).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_and_an_instant_are_told_apart() {
        let mut params = Params::from_pairs(b"from=2026-11-30&to=2026-12-01T08:00:00Z");
        let (filter, _) = schedule_filter(&mut params);
        assert_eq!(filter.first_day.map(|day| day.to_string()).as_deref(), Some("2026-11-30"));
        assert_eq!(filter.to.map(|at| at.to_string()).as_deref(), Some("2026-12-01T08:00:00Z"));
    }
}
