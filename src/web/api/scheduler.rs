//! Passes, previews and simulations, which run as jobs, and the recorded decisions.

use std::fmt::Debug;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::jobs::JobResponse;
use super::openapi::{About, Api, Input, Location, Operation, Output};
use super::paging::{DEFAULT_ROWS, Paged, Selection};
use super::request::{Body, Field, Parameter, Query, Request, Spec, request};
use super::values::{Required, choices};
use crate::model::{ActionType, DecisionStatus, Role, Timestamp, Week, WorkspaceId, named, plus_days};
use crate::simulator::Extent;
use crate::store::{Action, ActionCount, ActionFilter, Job, JobStatus};
use crate::web::access::Caller;
use crate::web::clock::now;
use crate::web::job_result::JobRequest;
use crate::web::jobs::MAX_CHANGED_KEYS;
use crate::web::params::{MAX_CHARS, Moment, Params};
use crate::web::problem::{Problem, WrongField};
use crate::web::state::App;

/// How long a response waits for its job to end.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Interval between checks whether the job has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Number of days whose decisions are counted if the request names no number.
const DEFAULT_DAYS: i64 = 7;

/// The routes of this module.
pub(super) fn routes(api: Api) -> Api {
    let api = api
        .group("Scheduler", "The passes, and the recorded decisions.")
        .get(
            "/api/orchestration/scheduler",
            list_decisions,
            About {
                id: "list_decisions",
                summary: "List recorded decisions, or count them",
                description: "With `type=stats` their number by kind and status, otherwise the decisions page by page, \
                              newest first.",
            },
        )
        .post(
            "/api/orchestration/scheduler",
            run_pass,
            About {
                id: "run_pass",
                summary: "Run the daily pass, or plan a week",
                description: "If the pass ends within two seconds, the response has its result; otherwise the pass \
                              continues as a job.",
            },
        );
    what_if_routes(api)
}

/// The routes of plans and simulations that do not change the ledger.
fn what_if_routes(api: Api) -> Api {
    api.group("What if", "Plans and simulations that do not change the ledger.")
        .post(
            "/api/orchestration/plans",
            preview_plan,
            About {
                id: "preview_plan",
                summary: "Preview a week",
                description: "Plans a week without committing the plan.",
            },
        )
        .post(
            "/api/orchestration/simulations",
            run_simulation,
            About {
                id: "run_simulation",
                summary: "Simulate",
                description: "Simulates weeks of planning, review and audience response from the current state of the \
                              workspace. Posts already committed for these weeks are published unchanged and count in \
                              the results.",
            },
        )
        .post(
            "/api/orchestration/comparisons",
            run_comparison,
            About {
                id: "run_comparison",
                summary: "Compare changed rules",
                description: "Simulates the current rules and the rules with some keys changed, with common random \
                              numbers. Posts already committed for these weeks are published unchanged under both \
                              and count in the results.",
            },
        )
}

named!(
    /// What to show.
    DecisionView {
        /// The decisions, page by page.
        Actions = "actions",
        /// Their number by kind and status.
        Stats = "stats",
    }
);

named!(
    /// A pass.
    PassAction {
        /// The daily pass.
        Daily = "daily",
        /// Plans a week and commits the plan.
        Weekly = "weekly",
        /// The same as `daily`.
        RunDaily = "run_daily",
        /// The same as `weekly`.
        RunWeekly = "run_weekly",
    }
);

choices!(DecisionView, PassAction);

request! {
    /// What a list shows.
    struct ShownView {
        /// What to show.
        #[default(DecisionView::Actions)]
        r#type: DecisionView,
    }
}

request! {
    /// Selects decisions.
    struct SelectedDecisions {
        /// Only those from the last `days` days; ignored if `from` is given. If both are omitted, `stats` counts the
        /// last 7 days.
        #[range(1..=366)]
        days: Option<u64>,
        /// Only those at this time or later: a day in UTC, such as 2026-11-30, or an instant with its offset,
        /// such as 2026-11-30T08:00:00Z.
        from: Option<Moment>,
        /// Only those about this schedule.
        schedule_id: Option<Uuid>,
        /// Only those about this client.
        client_id: Option<String>,
        /// Only those of this kind.
        action_type: Option<ActionType>,
        /// Only those by this actor.
        actor: Option<String>,
        /// Only those before this time: a day in UTC, which is included, or an instant with its offset, which is not.
        to: Option<Moment>,
    }
}

impl SelectedDecisions {
    fn filter(&self) -> ActionFilter {
        ActionFilter {
            schedule: self.schedule_id,
            client: self.client_id.clone(),
            action_type: self.action_type,
            actor: self.actor.clone(),
            from: self.from.map(Moment::start),
            to: self.to.map(|moment| match moment {
                Moment::Instant(at) => at,
                Moment::Day(day) => Timestamp::at_midnight(plus_days(day, 1)),
            }),
            limit: DEFAULT_ROWS,
        }
    }

    /// The time from which on `days` selects decisions.
    fn days_start(&self) -> Option<Timestamp> {
        self.days.map(|days| days_ago(days as i64))
    }
}

impl Selection for SelectedDecisions {
    const LIST: &'static str = "actions";

    fn key(&self) -> impl Debug {
        (self.days, self.filter())
    }
}

/// Reads a filter of decisions.
pub(in crate::web) fn action_filter(params: &mut Params) -> ActionFilter {
    SelectedDecisions::read(params).filter()
}

/// The instant that is the given number of days before now.
pub(in crate::web) fn days_ago(days: i64) -> Timestamp {
    now().plus_days(-days)
}

/// A request for decisions or for their number. Numbers have no pages.
enum ListDecisions {
    Actions(Paged<SelectedDecisions>),
    Stats(SelectedDecisions),
}

impl Request for ListDecisions {
    fn read(params: &mut Params) -> Self {
        match ShownView::read(params).r#type {
            DecisionView::Actions => Self::Actions(Paged::read(params)),
            DecisionView::Stats => Self::Stats(SelectedDecisions::read(params)),
        }
    }

    fn describe(schemas: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        ShownView::describe(schemas, parameters);
        Paged::<SelectedDecisions>::describe(schemas, parameters);
    }
}

/// Decisions, or their number.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum ListedDecisions {
    Actions(DecisionPage),
    Stats(DecisionCounts),
}

/// A page of decisions, newest first.
#[derive(Serialize, JsonSchema)]
struct DecisionPage {
    actions: Vec<Action>,
    /// `cursor` of the next page; `None` on the last page.
    next_cursor: Option<String>,
}

/// Numbers of decisions.
#[derive(Serialize, JsonSchema)]
struct DecisionCounts {
    /// Decisions at this time or later are counted.
    from: Timestamp,
    counts: Vec<DecisionCount>,
}

/// The number of decisions of one kind and status.
#[derive(Serialize, JsonSchema)]
struct DecisionCount {
    action_type: ActionType,
    status: DecisionStatus,
    count: i64,
}

/// `GET /api/orchestration/scheduler`
async fn list_decisions(
    State(app): State<App>,
    caller: Caller,
    Query(unchecked): Query<ListDecisions>,
) -> Result<Json<ListedDecisions>, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Viewer).await?;
    let ledger = app.ledger_of(&workspace);
    Ok(Json(match request {
        ListDecisions::Stats(selected) => {
            let mut filter = selected.filter();
            let from =
                *filter.from.get_or_insert_with(|| selected.days_start().unwrap_or_else(|| days_ago(DEFAULT_DAYS)));
            let counts = ledger.action_counts(&filter).await?.into_iter();
            let counts =
                counts.map(|ActionCount { action_type, status, count }| DecisionCount { action_type, status, count });
            ListedDecisions::Stats(DecisionCounts { from, counts: counts.collect() })
        }
        ListDecisions::Actions(paged) => {
            let selected = &paged.selection;
            let mut filter = ActionFilter { limit: paged.limit, ..selected.filter() };
            filter.from = filter.from.or_else(|| selected.days_start());
            let page = ledger.actions(&filter, paged.after.as_ref()).await?;
            let next_cursor = paged.next_cursor(page.next.as_ref());
            ListedDecisions::Actions(DecisionPage { actions: page.rows, next_cursor })
        }
    }))
}

request! {
    /// A pass.
    struct RunPass {
        /// The pass.
        action: Required<PassAction>,
        /// The week to plan, an ISO week such as 2026-W49; the coming week if omitted.
        week: Option<Week>,
    }
}

request! {
    /// A preview of a week.
    struct PreviewPlan {
        /// The week to plan, an ISO week such as 2026-W49; the coming week if omitted.
        week: Option<Week>,
        /// Only this client's posts are listed.
        client_id: Option<String>,
    }
}

request! {
    /// The extent of a simulation.
    struct SimulatedExtent {
        /// Number of weeks.
        #[range(1..=52)]
        #[default(4)]
        weeks: u32,
        /// Number of replications: runs of the same weeks with other random numbers.
        #[range(1..=200)]
        #[default(8)]
        replications: u32,
        /// Seed of the random numbers.
        #[default(1)]
        seed: u64,
    }
}

request! {
    /// A simulation.
    struct RunSimulation {
        extent: SimulatedExtent,
    }
}

request! {
    /// A comparison of changed rules with the current ones.
    struct RunComparison {
        extent: SimulatedExtent,
        /// The changes, each as `KEY=VALUE`, such as channels.tiktok.weekly_posts=10.
        set: RuleChanges,
    }
}

/// Changes of rules, each as `KEY=VALUE`.
#[derive(Debug)]
struct RuleChanges(Vec<String>);

impl Field for RuleChanges {
    fn read_field(params: &mut Params, spec: &Spec) -> Self {
        Self(params.texts(spec.name))
    }

    fn describe_field(spec: &Spec, _: &mut SchemaGenerator, parameters: &mut Vec<Parameter>) {
        let change = json!({
            "type": "string", "maxLength": MAX_CHARS, "pattern": r"^[a-z_]+(\.[a-z0-9_]+)+=.+$",
        });
        let schema = json_schema!({"type": "array", "items": change, "minItems": 1, "maxItems": MAX_CHANGED_KEYS});
        parameters.push(Parameter::new(spec, true, schema));
    }
}

impl From<SimulatedExtent> for Extent {
    fn from(SimulatedExtent { weeks, replications, seed }: SimulatedExtent) -> Self {
        Self { weeks, replications, seed }
    }
}

/// Reads the extent of a simulation.
pub(in crate::web) fn simulation_extent(params: &mut Params) -> Extent {
    SimulatedExtent::read(params).into()
}

/// `POST /api/orchestration/scheduler`
async fn run_pass(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Body(unchecked): Body<RunPass>,
) -> Result<StartedJob, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Admin).await?;
    let job_request = match request.action.get()? {
        PassAction::Daily | PassAction::RunDaily => JobRequest::Daily {},
        PassAction::Weekly | PassAction::RunWeekly => JobRequest::Weekly { week: requested_or_coming(request.week) },
    };
    start(&app, &caller, &key, &workspace, job_request).await
}

/// `POST /api/orchestration/plans`
async fn preview_plan(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Body(unchecked): Body<PreviewPlan>,
) -> Result<StartedJob, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Admin).await?;
    let job_request = JobRequest::Plan { week: requested_or_coming(request.week), client_id: request.client_id };
    start(&app, &caller, &key, &workspace, job_request).await
}

/// `POST /api/orchestration/simulations`
async fn run_simulation(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Body(unchecked): Body<RunSimulation>,
) -> Result<StartedJob, Problem> {
    let (workspace, request) = unchecked.check(&app, &caller, Role::Admin).await?;
    start(&app, &caller, &key, &workspace, JobRequest::Simulate(request.extent.into())).await
}

/// `POST /api/orchestration/comparisons`
async fn run_comparison(
    State(app): State<App>,
    caller: Caller,
    key: IdempotencyKey,
    Body(mut unchecked): Body<RunComparison>,
) -> Result<StartedJob, Problem> {
    // Checked first, because compiling the changed rules takes long.
    caller.require(Role::Admin)?;
    if let Err(why) = app.check_changes(&unchecked.peek().set.0).await {
        unchecked.reject("set", why, "list one or more `KEY=VALUE`, such as `channels.tiktok.weekly_posts=10`");
    }
    let (workspace, RunComparison { extent, set }) = unchecked.check(&app, &caller, Role::Admin).await?;
    start(&app, &caller, &key, &workspace, JobRequest::Compare { extent: extent.into(), set: set.0 }).await
}

/// The week of a request; the coming week if it names none.
fn requested_or_coming(requested: Option<Week>) -> Week {
    requested.unwrap_or_else(|| Week::after(now()))
}

/// A job that was started, and may have ended already.
struct StartedJob(Job);

impl IntoResponse for StartedJob {
    fn into_response(self) -> Response {
        let Self(job) = self;
        let location = HeaderValue::try_from(format!("/api/orchestration/jobs/{}", job.id));
        let status = if job.status == JobStatus::Running { StatusCode::ACCEPTED } else { StatusCode::OK };
        let mut response = (status, Json(JobResponse::from(job))).into_response();
        if let Ok(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

impl Output for StartedJob {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<JobResponse>().to_value();
        let responses = [
            (StatusCode::OK, "The job has ended; `result` has its result."),
            (StatusCode::ACCEPTED, "The job continues; `Location` has its path."),
        ];
        for (status, description) in responses {
            operation.add_response(status, description, [("application/json", schema.clone())]);
        }
    }
}

/// Starts a job, and waits a short while for it to end.
async fn start(
    app: &App,
    caller: &Caller,
    key: &IdempotencyKey,
    workspace: &WorkspaceId,
    request: JobRequest,
) -> Result<StartedJob, Problem> {
    let key = key.read()?;
    let job = app.start(workspace, request, &caller.name, key.as_deref()).await?;
    wait_for_end(app, workspace, job).await.map(StartedJob)
}

/// Waits a short while for a job to end, and returns its latest state.
async fn wait_for_end(app: &App, workspace: &WorkspaceId, job: Job) -> Result<Job, Problem> {
    let ledger = app.ledger_of(workspace);
    let wait = async {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            let job = ledger.job(job.id).await?;
            if job.status != JobStatus::Running {
                return Ok(job);
            }
        }
    };
    match tokio::time::timeout(MAX_WAIT, wait).await {
        Ok(ended) => ended,
        Err(_) => Ok(ledger.job(job.id).await?),
    }
}

/// The header `Idempotency-Key`. A request with a key that was used before starts no new job.
struct IdempotencyKey(Option<HeaderValue>);

impl IdempotencyKey {
    const NAME: &str = "Idempotency-Key";
    const MAX_CHARS: usize = 200;

    fn read(&self) -> Result<Option<String>, Problem> {
        let Some(given) = &self.0 else { return Ok(None) };
        let key = given.to_str().unwrap_or_default();
        if (1..=Self::MAX_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            // Distinguishes the keys of callers from those of scheduled passes.
            return Ok(Some(format!("key {key}")));
        }
        Err(Problem::invalid_fields(vec![WrongField {
            field: Self::NAME.to_owned(),
            detail: "it does not consist of 1 to 200 visible ASCII characters".to_owned(),
            remedy: "send a random id".to_owned(),
        }]))
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(Self(parts.headers.get(Self::NAME).cloned()))
    }
}

impl Input for IdempotencyKey {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        let schema = json!({
            "type": "string", "minLength": 1, "maxLength": Self::MAX_CHARS, "pattern": "^[!-~]+$",
        });
        let about = "A request with the same key gets the same job.";
        operation.add_parameter(Location::Header, Self::NAME, about, false, &schema);
        operation.add_problems(schemas, &[StatusCode::UNPROCESSABLE_ENTITY]);
    }
}
