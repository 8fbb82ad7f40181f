//! The passes, previews and simulations: asked for here, done as jobs; and the record of decisions.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::schedules::known;
use super::{USUAL_ROWS, paging};
use crate::model::{ActionType, Role, Timestamp, Week, WorkspaceId, plus_days};
use crate::simulator::Extent;
use crate::store::{ActionFilter, Job, JobStatus};
use crate::web::access::Caller;
use crate::web::cursor::Listing;
use crate::web::params::{BodyFields, Moment, Params, QueryFields};
use crate::web::problem::{Problem, WrongField};
use crate::web::secret::now;
use crate::web::state::App;
use crate::web::work::Work;

/// How long an answer waits for a job: short work is answered at once, longer work with where to look.
const SHORT: Duration = Duration::from_secs(2);
/// How often it looks meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// `GET /api/orchestration/scheduler`
pub(super) async fn look(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let view = params.text("type").unwrap_or_else(|| "actions".to_owned());
    if !matches!(view.as_str(), "actions" | "stats") {
        params.wrong("type", format!("`{view}` is not known here"), "write actions or stats");
    }
    let days = params.whole("days", 1..=366);
    let mut filter = actions(&mut params);
    let list = Listing::new("actions", &(days, &filter));
    filter.from = filter.from.or_else(|| days.map(|days| days_ago(days as i64)));
    if view == "stats" {
        params.finish()?;
        let ledger = app.ledger_of(&known(&app, &caller, named).await?);
        let from = *filter.from.get_or_insert_with(|| days_ago(7));
        let counts: Vec<Value> = ledger
            .action_counts(&filter)
            .await?
            .into_iter()
            .map(|(kind, status, count)| json!({"action_type": kind, "status": status, "count": count}))
            .collect();
        return Ok(Json(json!({"from": from, "counts": counts})));
    }
    let (after, limit) = paging(&mut params, &list);
    params.finish()?;
    filter.limit = limit;
    let ledger = app.ledger_of(&known(&app, &caller, named).await?);
    let page = ledger.actions(&filter, after.as_ref()).await?;
    Ok(Json(json!({"actions": page.rows, "next_cursor": page.next.map(|mark| list.cursor(&mark))})))
}

/// Which decisions a list means.
pub(in crate::web) fn actions(params: &mut Params) -> ActionFilter {
    let kinds: Vec<&str> = ActionType::ALL.iter().map(|kind| kind.name()).collect();
    let from = params.moment("from").map(Moment::start);
    let schedule = params.ids("schedule_id");
    if schedule.len() > 1 {
        params.wrong("schedule_id", "it names several", "name one");
    }
    ActionFilter {
        schedule: schedule.first().copied(),
        client: params.text("client_id"),
        action_type: params.name("action_type", &kinds),
        actor: params.text("actor"),
        from,
        to: params.moment("to").map(|moment| match moment {
            Moment::Instant(at) => at,
            // A day is meant to its end.
            Moment::Day(day) => Timestamp::at_midnight(plus_days(day, 1)),
        }),
        limit: USUAL_ROWS,
    }
}

/// So many days before now.
pub(in crate::web) fn days_ago(days: i64) -> Timestamp {
    now().plus_days(-days)
}

/// `POST /api/orchestration/scheduler`
pub(super) async fn run(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    BodyFields(mut params): BodyFields,
) -> Result<Response, Problem> {
    let named = params.text("workspace_id");
    let action = params.needed("action", "write daily or weekly");
    let week = week(&mut params);
    let work = match action.as_str() {
        "daily" | "run_daily" => Work::Daily,
        "weekly" | "run_weekly" | "" => Work::Weekly { week },
        other => {
            params.wrong("action", format!("`{other}` is not known here"), "write daily or weekly");
            Work::Daily
        }
    };
    begin(&app, &caller, named, params, work, &headers).await
}

/// `POST /api/orchestration/plans`
pub(super) async fn preview(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    BodyFields(mut params): BodyFields,
) -> Result<Response, Problem> {
    let named = params.text("workspace_id");
    let work = Work::Plan { week: week(&mut params), client: params.text("client_id") };
    begin(&app, &caller, named, params, work, &headers).await
}

/// `POST /api/orchestration/simulations`
pub(super) async fn simulate(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    BodyFields(mut params): BodyFields,
) -> Result<Response, Problem> {
    let named = params.text("workspace_id");
    let work = Work::Simulate { extent: extent(&mut params) };
    begin(&app, &caller, named, params, work, &headers).await
}

/// `POST /api/orchestration/comparisons`
pub(super) async fn compare(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    BodyFields(mut params): BodyFields,
) -> Result<Response, Problem> {
    let named = params.text("workspace_id");
    caller.require(Role::Admin)?;
    let extent = extent(&mut params);
    let set = params.texts("set");
    if let Err(why) = app.check_changes(&set).await {
        params.wrong("set", why, "list one or more `KEY=VALUE`, such as `channels.tiktok.weekly_posts=10`");
    }
    begin(&app, &caller, named, params, Work::Compare { extent, set }, &headers).await
}

/// The week that a request names, or the coming one.
fn week(params: &mut Params) -> Week {
    params.parsed("week", "write an ISO week, such as 2026-W49").unwrap_or_else(|| Week::after(now()))
}

/// How much is simulated.
pub(in crate::web) fn extent(params: &mut Params) -> Extent {
    Extent {
        weeks: params.whole("weeks", 1..=52).unwrap_or(4) as u32,
        replications: params.whole("replications", 1..=200).unwrap_or(8) as u32,
        seed: params.whole("seed", 0..=u64::MAX).unwrap_or(1),
    }
}

/// Begins work, and answers with its result where it is short.
async fn begin(
    app: &App,
    caller: &Caller,
    named: Option<String>,
    params: Params,
    work: Work,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    params.finish()?;
    caller.require(Role::Admin)?;
    let key = key(headers)?;
    let workspace = known(app, caller, named).await?;
    let job = app.start(&workspace, work, &caller.name, key.as_deref()).await?;
    let job = settled(app, &workspace, job).await?;
    let place = format!("/api/orchestration/jobs/{}", job.id);
    let status = if job.status == JobStatus::Running { StatusCode::ACCEPTED } else { StatusCode::OK };
    let mut response = (status, Json(json!(job))).into_response();
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// The job as it stands after a short while, or once it has ended.
async fn settled(app: &App, workspace: &WorkspaceId, job: Job) -> Result<Job, Problem> {
    let ledger = app.ledger_of(workspace);
    let wait = async {
        loop {
            tokio::time::sleep(LOOK).await;
            let job = ledger.job(job.id).await?;
            if job.status != JobStatus::Running {
                return Ok(job);
            }
        }
    };
    match tokio::time::timeout(SHORT, wait).await {
        Ok(ended) => ended,
        Err(_) => Ok(ledger.job(job.id).await?),
    }
}

/// What a request is known by, so that sending it again does nothing new.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(given) = headers.get("idempotency-key") else { return Ok(None) };
    let key = given.to_str().unwrap_or_default();
    if (1..=200).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        // Keys of people and those of the server's own passes do not meet.
        return Ok(Some(format!("key {key}")));
    }
    Err(Problem::fields(vec![WrongField {
        field: "Idempotency-Key".to_owned(),
        detail: "it is no text of 1 to 200 plain letters without blanks".to_owned(),
        remedy: "send a random id".to_owned(),
    }]))
}
