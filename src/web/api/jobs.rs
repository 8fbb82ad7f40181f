//! Jobs: where they stand, how they get on, and what they made.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;

use super::paging;
use super::schedules::{known, parsed};
use crate::model::Role;
use crate::store::{Job, JobStatus, Ledger};
use crate::web::access::Caller;
use crate::web::cursor::Listing;
use crate::web::params::{PathPart, QueryFields};
use crate::web::problem::Problem;
use crate::web::state::App;

/// How often progress is told.
const TELL: Duration = Duration::from_millis(500);

/// Pages of a report style themselves and run nothing.
const REPORT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'");

/// `GET /api/orchestration/jobs`
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    let list = Listing::new("jobs", &());
    let (after, limit) = paging(&mut params, &list);
    params.finish()?;
    let ledger = app.ledger_of(&known(&app, &caller, named).await?);
    let page = ledger.jobs(after.as_ref(), limit).await?;
    Ok(Json(json!({"jobs": page.rows, "next_cursor": page.next.map(|mark| list.cursor(&mark))})))
}

async fn find(app: &App, caller: &Caller, id: &str, mut params: QueryFields) -> Result<(Ledger, Job), Problem> {
    let named = params.0.text("workspace_id");
    params.0.finish()?;
    let ledger = app.ledger_of(&known(app, caller, named).await?);
    let job = ledger.job(parsed(id, "job")?).await?;
    Ok((ledger, job))
}

/// `GET /api/orchestration/jobs/{id}`
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    params: QueryFields,
) -> Result<Json<Value>, Problem> {
    let (ledger, job) = find(&app, &caller, &id, params).await?;
    let files = ledger.job_files(job.id).await?;
    let mut told = json!(job);
    if let Some(fields) = told.as_object_mut() {
        fields.insert("files".to_owned(), json!(files));
    }
    Ok(Json(told))
}

/// `POST /api/orchestration/jobs/{id}/cancel`
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    QueryFields(mut params): QueryFields,
) -> Result<Json<Value>, Problem> {
    let named = params.text("workspace_id");
    params.finish()?;
    caller.require(Role::Admin)?;
    let workspace = known(&app, &caller, named).await?;
    let job = app.cancel(&workspace, parsed(&id, "job")?, &caller.name).await?;
    Ok(Json(json!(job)))
}

/// `GET /api/orchestration/jobs/{id}/events`
pub(super) async fn events(
    State(app): State<App>,
    caller: Caller,
    PathPart(id): PathPart<String>,
    params: QueryFields,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (ledger, job) = find(&app, &caller, &id, params).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut stop = app.stop.subscribe();
        let mut job = job;
        loop {
            let is_over = job.status != JobStatus::Running;
            let event = Event::default().event(if is_over { "end" } else { "progress" }).data(json!(job).to_string());
            // Whoever does not listen any more needs nothing.
            if sender.send(Ok(event)).await.is_err() || is_over {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(TELL) => {}
                _ = stop.wait_for(|stops| *stops) => return,
            }
            match ledger.job(job.id).await {
                Ok(now) => job = now,
                Err(_) => return,
            }
        }
    });
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

/// `GET /api/orchestration/jobs/{id}/files/{name}`
pub(super) async fn file(
    State(app): State<App>,
    caller: Caller,
    PathPart((id, name)): PathPart<(String, String)>,
    params: QueryFields,
) -> Result<Response, Problem> {
    let (ledger, job) = find(&app, &caller, &id, params).await?;
    answer(&ledger, job.id, &name).await
}

/// A page or a figure of a job.
pub(in crate::web) async fn answer(ledger: &Ledger, id: uuid::Uuid, name: &str) -> Result<Response, Problem> {
    let content = if name.contains('\0') { None } else { ledger.job_file(id, name).await? };
    let content = content.ok_or_else(|| Problem::not_found("file", "take a name from `files` of the job"))?;
    let kind = match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "md")) => "text/markdown; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, REPORT_POLICY);
    Ok(response)
}
