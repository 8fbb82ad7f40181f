//! Schedules: lists, figures, one with its record, and what people decide.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use super::paging;
use crate::model::{Role, ScheduleStatus, WorkspaceId};
use crate::store::{Action, ActionFilter, Change, Changed, ChannelStatus, Ledger, Schedule, ScheduleFilter, Skipped};
use crate::web::access::Caller;
use crate::web::cursor::Listing;
use crate::web::params::{BodyFields, Params, PathPart, QueryFields};
use crate::web::problem::Problem;
use crate::web::secret::now;
use crate::web::state::App;

/// Decisions about one schedule that are shown.
const MOST_DECISIONS: u32 = 200;

/// What a list shows.
enum View {
    List,
    Overview,
    Channels,
}

fn view(params: &mut Params) -> View {
    match params.text("type").as_deref() {
        None | Some("list") => View::List,
        Some("overview") => View::Overview,
        Some("channels") => View::Channels,
        Some(other) => {
            params.wrong("type", format!("`{other}` is not known here"), "write list, overview or channels");
            View::List
        }
    }
}

/// `GET /api/orchestration/schedules`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let view = view(&mut params);
    match view {
        View::Overview => {
            params.finish()?;
            let workspace = known(&app, &caller, named).await?;
            Ok(Json(json!(app.status(&workspace).await?.overview)))
        }
        View::Channels => {
            params.finish()?;
            let standing = app.status(&known(&app, &caller, named).await?).await?;
            Ok(Json(json!({"channels": standing.channels.iter().map(channel).collect::<Vec<_>>()})))
        }
        View::List => {
            let filter = params.schedules();
            let order = params.order();
            let list = Listing::new("schedules", &(order, &filter));
            let (after, limit) = paging(&mut params, &list);
            params.finish()?;
            let workspace = known(&app, &caller, named).await?;
            let page = app.ledger_of(&workspace).schedule_page(&filter, order, after.as_ref(), limit).await?;
            let next = page.next.map(|mark| list.cursor(&mark));
            Ok(Json(json!({"schedules": page.rows, "next_cursor": next})))
        }
    }
}

/// The workspace that a request is about, which must be there.
pub(super) async fn known(app: &App, caller: &Caller, named: Option<String>) -> Result<WorkspaceId, Problem> {
    let workspace = caller.workspace(named)?;
    app.require(&workspace).await?;
    Ok(workspace)
}

fn channel(status: &ChannelStatus) -> Value {
    json!({
        "channel": status.channel,
        "clients": status.clients,
        "pending": status.pending,
        "completed": status.completed,
        "health": {
            "score": status.health_score,
            "fatigue": status.fatigue,
            "worst_fatigue": status.worst_fatigue,
            "momentum": status.momentum,
            "visibility": status.visibility,
            "engagement": status.engagement,
            "last_post_at": status.last_post_at,
            "recommended_wait_hours": status.recommended_wait_hours,
        },
    })
}

/// `GET /api/orchestration/schedules/{id}`
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    params.finish()?;
    let id = parsed(&id, "schedule")?;
    let ledger = app.ledger_of(&known(&app, &caller, named).await?);
    let (schedule, decisions) = with_record(&ledger, id).await?;
    Ok(Json(json!({"schedule": schedule, "decisions": decisions})))
}

/// A schedule, and the decisions about it, the newest first.
pub(in crate::web) async fn with_record(ledger: &Ledger, id: Uuid) -> Result<(Schedule, Vec<Action>), Problem> {
    let filter = ScheduleFilter { ids: vec![id], ..ScheduleFilter::default() };
    let schedule = ledger.schedules(&filter).await?.into_iter().next();
    let schedule = schedule.ok_or_else(|| Problem::not_found("schedule", "take an id from the list of schedules"))?;
    let about = ActionFilter { schedule: Some(id), limit: MOST_DECISIONS, ..ActionFilter::default() };
    Ok((schedule, ledger.actions(&about, None).await?.rows))
}

/// An id of a path.
pub(in crate::web) fn parsed(id: &str, what: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::not_found(what, "take an id from the list"))
}

/// A schedule that stands as it was asked to.
fn settled(schedule: &Schedule, status: ScheduleStatus, is_repeat: bool) -> Value {
    json!({"id": schedule.id, "status": status, "repeated": is_repeat})
}

/// A schedule that did not change, with the reason.
fn skipped(skipped: &Skipped) -> Value {
    json!({
        "id": skipped.schedule.id,
        "status": skipped.schedule.status,
        "reason": skipped.why.to_string(),
        "remedy": skipped.why.remedy(),
    })
}

/// `PATCH /api/orchestration/schedules`
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    BodyFields(mut params): BodyFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let mut ids = params.ids("ids");
    ids.extend(params.ids("schedule_id"));
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        params.wrong("schedule_id", "no schedule is named", "send `schedule_id`, or `ids` for several");
    }
    let action = params.needed("action", "write approve, cancel or restore");
    let reason = params.text("reason").unwrap_or_else(|| "no reason given".to_owned());
    let change = match action.as_str() {
        "cancel" => Change::Cancel { reason: &reason },
        "restore" => Change::Restore,
        "approve" | "" => app.approval(),
        other => {
            params.wrong("action", format!("`{other}` is not known here"), "write approve, cancel or restore");
            app.approval()
        }
    };
    params.finish()?;
    caller.require(Role::Approver)?;
    let workspace = known(&app, &caller, named).await?;
    let filter = ScheduleFilter { ids, ..ScheduleFilter::default() };
    let changed = app.ledger_of(&workspace).change(&filter, change, &app.rules, &caller.name, now()).await?;
    app.forget(&workspace).await;
    answer(changed, change.status(), &caller.name).map(Json)
}

/// What came of a change. One that is sent again is answered as it was the first time.
fn answer(changed: Changed, status: ScheduleStatus, actor: &str) -> Result<Value, Problem> {
    let (repeated, mut left): (Vec<Skipped>, Vec<Skipped>) =
        changed.skipped.into_iter().partition(|skipped| skipped.is_repeat);
    let done = changed.done.iter().map(|schedule| (schedule.id, settled(schedule, status, false)));
    let before =
        repeated.iter().map(|Skipped { schedule, .. }| (schedule.id, settled(schedule, schedule.status, true)));
    let (ids, schedules): (Vec<Uuid>, Vec<Value>) = done.chain(before).unzip();
    if ids.is_empty() && !left.is_empty() {
        return Err(left.swap_remove(0).why.into());
    }
    let skipped: Vec<Value> = left.iter().map(skipped).collect();
    Ok(json!({
        "changed": ids.len(), "ids": ids, "status": status, "actor": actor, "schedules": schedules, "skipped": skipped,
    }))
}
