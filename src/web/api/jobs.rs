//! Jobs: their status, progress, results and files.

use std::borrow::Cow;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use super::openapi::{About, Api, Operation, Output};
use super::paging::{Paged, Selection};
use super::request::{Parameter, Query, Request, Unchecked};
use super::schedules::parse_id;
use crate::model::Role;
use crate::store::{Job, JobStatus, Ledger};
use crate::web::access::Caller;
use crate::web::job_result::{JobRequest, JobResult};
use crate::web::params::{Params, PathPart};
use crate::web::problem::Problem;
use crate::web::state::App;

/// Interval between progress events.
const EVENT_INTERVAL: Duration = Duration::from_millis(500);

/// Content security policy of report pages: inline styles, no scripts.
const REPORT_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'");

/// The content types of the files that jobs produce.
const HTML: &str = "text/html";
const SVG: &str = "image/svg+xml";
const MARKDOWN: &str = "text/markdown";
const PLAIN: &str = "text/plain";

/// The routes of this module.
pub(super) fn routes(api: Api) -> Api {
    api.group("Jobs", "Work that continues after its request.")
        .get(
            "/api/orchestration/jobs",
            list_jobs,
            About {
                id: "list_jobs",
                summary: "List jobs",
                description: "Newest first. The results of previews are left out.",
            },
        )
        .get("/api/orchestration/jobs/{id}", get_job, About { id: "get_job", summary: "Get a job", description: "" })
        .post(
            "/api/orchestration/jobs/{id}/cancel",
            cancel_job,
            About {
                id: "cancel_job",
                summary: "Cancel a job",
                description: "The job stops, wherever it waits or runs. What it had already committed remains, and its \
                              idempotency key does not start it again. Cancelling a cancelled job changes nothing.",
            },
        )
        .get(
            "/api/orchestration/jobs/{id}/events",
            follow_job,
            About {
                id: "follow_job",
                summary: "Follow a job",
                description: "Server-sent events: `progress` while the job runs, `end` once it has ended. The data of \
                              each is the job as JSON.",
            },
        )
        .get(
            "/api/orchestration/jobs/{id}/files/{*name}",
            get_job_file,
            About { id: "get_job_file", summary: "Get a page or a figure of a job", description: "" },
        )
}

/// A job as the API returns it.
#[derive(Serialize)]
pub(super) struct JobResponse {
    #[serde(flatten)]
    job: Job,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<String>>,
}

impl From<Job> for JobResponse {
    fn from(job: Job) -> Self {
        Self { job, files: None }
    }
}

/// The ledger stores requests and results as untyped JSON; here their schemas are added.
impl JsonSchema for JobResponse {
    fn schema_name() -> Cow<'static, str> {
        Job::schema_name()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let mut schema = Job::json_schema(schemas);
        let mut replace = |field: &str, about: &str, mut field_schema: Schema| {
            field_schema.insert("description".to_owned(), json!(about));
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                properties.insert(field.to_owned(), field_schema.to_value());
            }
        };
        replace("request", "The request's parameters, by kind.", schemas.subschema_for::<JobRequest>());
        let mut result = JobResult::json_schema(schemas);
        if let Some(results) = result.get_mut("anyOf").and_then(Value::as_array_mut) {
            results.push(json!({"type": "null"}));
        }
        replace("result", "The result, by kind; `null` unless the job is done, and for previews in a list.", result);
        let files = "Names of the pages and figures that the job produced; only in the response for a single job.";
        replace("files", files, schemas.subschema_for::<Vec<String>>());
        schema
    }
}

/// A page of jobs, newest first.
#[derive(Serialize, JsonSchema)]
struct JobPage {
    jobs: Vec<JobResponse>,
    /// `cursor` of the next page; `None` on the last page.
    next_cursor: Option<String>,
}

/// All jobs of a workspace.
struct AllJobs;

impl Request for AllJobs {
    fn read(_: &mut Params) -> Self {
        Self
    }

    fn describe(_: &mut SchemaGenerator, _: &mut Vec<Parameter>) {}
}

impl Selection for AllJobs {
    const LIST: &'static str = "jobs";

    fn key(&self) -> impl std::fmt::Debug {}
}

/// `GET /api/orchestration/jobs`
async fn list_jobs(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<Paged<AllJobs>>,
) -> Result<Json<JobPage>, Problem> {
    let (workspace, paged) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let page = app.ledger_of(&workspace).jobs(paged.after.as_ref(), paged.limit).await?;
    let next_cursor = paged.next_cursor(page.next.as_ref());
    Ok(Json(JobPage { jobs: page.rows.into_iter().map(JobResponse::from).collect(), next_cursor }))
}

/// The path of a job.
#[derive(Deserialize, JsonSchema)]
struct JobPath {
    /// The job's id.
    #[schemars(with = "Uuid")]
    id: String,
}

/// The path of a job's file.
#[derive(Deserialize, JsonSchema)]
struct JobFilePath {
    /// The job's id.
    #[schemars(with = "Uuid")]
    id: String,
    /// A name from `files` of the job.
    name: String,
}

async fn find_job(app: &App, caller: &Caller, id: &str, unchecked: Unchecked<()>) -> Result<(Ledger, Job), Problem> {
    let (workspace, ()) = unchecked.check(app, caller, Role::Viewer).await?;
    let ledger = app.ledger_of(&workspace);
    let job = ledger.job(parse_id(id, "job")?).await?;
    Ok((ledger, job))
}

/// `GET /api/orchestration/jobs/{id}`
async fn get_job(
    State(app): State<App>,
    caller: Caller,
    PathPart(path): PathPart<JobPath>,
    Query(unchecked): Query<()>,
) -> Result<Json<JobResponse>, Problem> {
    let (ledger, job) = find_job(&app, &caller, &path.id, unchecked).await?;
    let files = ledger.job_files(job.id).await?;
    Ok(Json(JobResponse { job, files: Some(files) }))
}

/// `POST /api/orchestration/jobs/{id}/cancel`
async fn cancel_job(
    State(app): State<App>,
    caller: Caller,
    PathPart(path): PathPart<JobPath>,
    Query(unchecked): Query<()>,
) -> Result<Json<JobResponse>, Problem> {
    let (workspace, ()) = unchecked.check(&app, &caller, Role::Admin).await?;
    let job = app.cancel(&workspace, parse_id(&path.id, "job")?, &caller.name).await?;
    Ok(Json(job.into()))
}

/// `GET /api/orchestration/jobs/{id}/events`
async fn follow_job(
    State(app): State<App>,
    caller: Caller,
    PathPart(path): PathPart<JobPath>,
    Query(unchecked): Query<()>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let (ledger, job) = find_job(&app, &caller, &path.id, unchecked).await?;
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut stop = app.stop.subscribe();
        let mut job = job;
        loop {
            let is_over = job.status != JobStatus::Running;
            let event = Event::default().event(if is_over { "end" } else { "progress" }).data(json!(job).to_string());
            // Sending fails once the client has disconnected.
            if sender.send(Ok(event)).await.is_err() || is_over {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(EVENT_INTERVAL) => {}
                _ = stop.wait_for(|stops| *stops) => return,
            }
            match ledger.job(job.id).await {
                Ok(current) => job = current,
                Err(_) => return,
            }
        }
    });
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()))
}

/// A file that a job produced.
struct JobFile(Response);

impl IntoResponse for JobFile {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for JobFile {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        let content = [HTML, SVG, MARKDOWN, PLAIN].map(|content_type| (content_type, json!({"type": "string"})));
        operation.add_response(StatusCode::OK, "The file.", content);
    }
}

/// `GET /api/orchestration/jobs/{id}/files/{name}`
async fn get_job_file(
    State(app): State<App>,
    caller: Caller,
    PathPart(path): PathPart<JobFilePath>,
    Query(unchecked): Query<()>,
) -> Result<JobFile, Problem> {
    let (ledger, job) = find_job(&app, &caller, &path.id, unchecked).await?;
    file_response(&ledger, job.id, &path.name).await.map(JobFile)
}

/// The response with a page or a figure of a job.
pub(in crate::web) async fn file_response(ledger: &Ledger, id: Uuid, name: &str) -> Result<Response, Problem> {
    let content = if name.contains('\0') { None } else { ledger.job_file(id, name).await? };
    let content = content.ok_or_else(|| Problem::not_found("file", "take a name from `files` of the job"))?;
    let content_type = match name.rsplit_once('.') {
        Some((_, "html")) => HTML,
        Some((_, "svg")) => SVG,
        Some((_, "md")) => MARKDOWN,
        _ => PLAIN,
    };
    // An SVG file declares its own encoding.
    let content_type =
        if content_type == SVG { content_type.to_owned() } else { format!("{content_type}; charset=utf-8") };
    let content_type = HeaderValue::try_from(content_type).map_err(|error| Problem::internal(&error))?;
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_SECURITY_POLICY, REPORT_POLICY);
    Ok(response)
}
