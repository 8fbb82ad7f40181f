//! The pages of runs, on which users start passes and simulations, and follow the progress and results of jobs.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde::{Deserialize, Serialize};

use super::display::{ShownTime, count_text, sentence_case};
use super::plan_limits;
use super::{BASE, FormRequest, PageRequest, Visit, render};
use crate::diagnostic::{Diagnostic, Place};
use crate::model::{Role, Timestamp, Week};
use crate::store::{DailyOutcome, Job, JobKind, JobStatus};
use crate::web::api::{file_response, parse_id, simulation_extent};
use crate::web::clock::now;
use crate::web::cursor::Listing;
use crate::web::job_result::JobRequest;
use crate::web::params::PathPart;
use crate::web::problem::Problem;
use crate::web::state::App;

/// Number of jobs per page.
const ROWS: u32 = 30;

/// Examples of changed rules, shown as help.
const EXAMPLE_KEYS: [&str; 3] =
    ["channels.tiktok.weekly_posts=10", "fatigue.warn_at=0.45", "channels.linkedin.min_spacing_hours=24"];

#[derive(Debug, Serialize)]
struct JobRow {
    id: String,
    href: String,
    kind_label: &'static str,
    state: &'static str,
    state_label: &'static str,
    started: ShownTime,
    actor: String,
    summary: String,
}

#[derive(Debug, Serialize)]
struct Figure {
    title: String,
    caption: String,
    src: String,
}

#[derive(Debug, Serialize)]
struct Link {
    label: &'static str,
    href: String,
}

/// `GET …/runs`
pub(super) async fn page(request: PageRequest) -> Result<Response, Problem> {
    let PageRequest { visit, mut params, .. } = request;
    let list = Listing::new("jobs", &());
    let after = list.read(&mut params);
    params.finish()?;
    let jobs = visit.ledger().jobs(after.as_ref(), ROWS).await?;
    let rows: Vec<JobRow> = jobs.rows.iter().map(|job| row(&visit, job)).collect();
    let empty = rows.is_empty().then(|| {
        let text =
            "There are no runs yet. Use the buttons at the top to run the daily pass or to plan the coming week.";
        context! { text => text }
    });
    let chrome = visit.chrome("Runs", "runs", None);
    let content = context! {
        jobs => Serde(&rows),
        whatif => context! { weeks => 4, replications => 8, set => "", keys => EXAMPLE_KEYS.to_vec() },
        next_page => jobs.next.map(|position| visit.link("/runs", &[("cursor", &list.cursor(&position))])),
        empty => empty,
    };
    Ok(visit.page("runs.html", &chrome, content))
}

fn row(visit: &Visit, job: &Job) -> JobRow {
    JobRow {
        id: job.id.to_string(),
        href: visit.link(&format!("/jobs/{}", job.id), &[]),
        kind_label: kind_label(job.kind),
        state: job.status.name(),
        state_label: state_label(job.status),
        started: ShownTime::utc(job.created_at),
        actor: job.actor.clone(),
        summary: job.failure.clone().unwrap_or_else(|| sentences(job).into_iter().next().unwrap_or_default()),
    }
}

fn kind_label(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Daily => "Daily pass",
        JobKind::Weekly => "Weekly planning",
        JobKind::Plan => "Week preview",
        JobKind::Simulate => "Simulation",
        JobKind::Compare => "Rules comparison",
    }
}

fn state_label(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Running => "running",
        JobStatus::Done => "done",
        JobStatus::Failed => "failed",
        JobStatus::Stopped => "stopped",
        JobStatus::Cancelled => "cancelled",
    }
}

/// `POST …/run`
pub(super) async fn run(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let FormRequest { visit, mut params } = request;
    let action = params.required_text("action", "choose the daily pass or the weekly planning");
    let job_request = match action.as_str() {
        "daily" => JobRequest::Daily {},
        _ => JobRequest::Weekly { week: Week::after(now()) },
    };
    if !action.is_empty() && !matches!(action.as_str(), "daily" | "weekly") {
        params.reject("action", format!("`{action}` is not an action"), "choose the daily pass or the weekly planning");
    }
    params.finish()?;
    start(&app, &visit, job_request).await
}

/// `POST …/what-if`
pub(super) async fn what_if(State(app): State<App>, request: FormRequest) -> Result<Response, Problem> {
    let FormRequest { visit, mut params } = request;
    visit.visitor.caller.require(Role::Admin)?;
    let extent = simulation_extent(&mut params);
    let text = params.text("set").unwrap_or_default();
    params.finish()?;
    let set: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if set.is_empty() {
        return start(&app, &visit, JobRequest::Simulate(extent)).await;
    }
    if let Err(why) = app.check_changes(&set).await {
        let remedy = "write one KEY=VALUE per line, for example channels.tiktok.weekly_posts=10";
        return Err(Diagnostic::new("not_settable", Place::Field("set".to_owned()), why, remedy).into());
    }
    start(&app, &visit, JobRequest::Compare { extent, set }).await
}

async fn start(app: &App, visit: &Visit, request: JobRequest) -> Result<Response, Problem> {
    visit.visitor.caller.require(Role::Admin)?;
    let job = app.start(&visit.workspace, request, &visit.visitor.caller.name, None).await?;
    Ok(Redirect::to(&visit.link(&format!("/jobs/{}", job.id), &[])).into_response())
}

/// `GET …/jobs/{id}`: the whole page, or only its changing part for an htmx request.
pub(super) async fn job(
    State(app): State<App>,
    PathPart(id): PathPart<String>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let PageRequest { visit, params, headers } = request;
    params.finish()?;
    let ledger = visit.ledger();
    let job = ledger.job(parse_id(&id, "job")?).await?;
    let files = ledger.job_files(job.id).await?;
    let content = context! { job => job_context(&visit, &job, &files) };
    if is_htmx(&headers) {
        return Ok(render(&app, "_job.html", content));
    }
    let chrome = visit.chrome(kind_label(job.kind), "runs", None);
    Ok(visit.page("job.html", &chrome, content))
}

/// `POST …/jobs/{id}/cancel`
pub(super) async fn cancel(
    State(app): State<App>,
    PathPart(id): PathPart<String>,
    request: FormRequest,
) -> Result<Response, Problem> {
    let FormRequest { visit, params } = request;
    params.finish()?;
    let caller = &visit.visitor.caller;
    caller.require(Role::Admin)?;
    let job = app.cancel(&visit.workspace, parse_id(&id, "job")?, &caller.name).await?;
    Ok(Redirect::to(&visit.link(&format!("/jobs/{}", job.id), &[])).into_response())
}

fn is_htmx(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request") && !headers.contains_key("hx-boosted")
}

fn job_context(visit: &Visit, job: &Job, files: &[String]) -> minijinja::Value {
    let path = format!("/jobs/{}", job.id);
    let file = |name: &str| visit.link(&format!("{path}/files/{name}"), &[]);
    let figures: Vec<Figure> = files
        .iter()
        .filter_map(|name| {
            let title = name.strip_prefix("figures/")?.strip_suffix(".svg")?;
            Some(Figure { title: sentence_case(&title.replace('-', "_")), caption: String::new(), src: file(name) })
        })
        .collect();
    let mut links = Vec::new();
    if files.iter().any(|name| name == "index.html") {
        links.push(Link { label: "Full report", href: file("index.html") });
    }
    if job.status == JobStatus::Done && matches!(job.kind, JobKind::Weekly | JobKind::Daily) {
        links.push(Link { label: "Posts that need approval", href: visit.link("", &[("status", "pending")]) });
    }
    let is_running = job.status == JobStatus::Running;
    let percent = (job.total > 0).then(|| (100 * job.done / job.total).min(100));
    let progress = match (job.total, job.kind) {
        (0, _) => "Started.".to_owned(),
        (total, JobKind::Simulate | JobKind::Compare) => format!("{} of {total} weeks simulated", job.done),
        (total, _) => format!("{} of {total} rows written", job.done),
    };
    context! {
        id => job.id.to_string(),
        kind_label => kind_label(job.kind),
        state => job.status.name(),
        state_label => state_label(job.status),
        percent => if is_running { percent } else { None },
        progress => if is_running { progress } else { String::new() },
        started => Serde(ShownTime::utc(job.created_at)),
        took => job.finished_at.map(|end| duration_text(job.created_at, end)),
        sentences => sentences(job),
        limits => job.result.as_ref().filter(|_| job.kind == JobKind::Plan).and_then(plan_limits::section).map(Serde),
        figures => Serde(figures),
        links => Serde(links),
        error => job_error(job).map(|(what, remedy)| context! { what => what, remedy => remedy }),
        poll => visit.link(&path, &[]),
        cancel => (is_running && visit.may(Role::Admin)).then(|| context! {
            action => format!("{BASE}{path}/cancel"),
            csrf => visit.visitor.cookie.csrf(),
            workspace => visit.workspace.as_str(),
        }),
    }
}

/// Why a job ended without a result, and what to do about it.
fn job_error(job: &Job) -> Option<(String, &'static str)> {
    match job.status {
        JobStatus::Failed => Some((job.failure.clone().unwrap_or_default(), "Fix the cause and run it again.")),
        JobStatus::Stopped => Some((
            "The server stopped before the run finished. Changes committed before then remain, and none is half made."
                .to_owned(),
            "Run it again.",
        )),
        JobStatus::Cancelled => Some((
            format!(
                "Cancelled by {}. Changes committed before then remain, and none is half made.",
                job.cancelled_by.as_deref().unwrap_or("an unknown user")
            ),
            "Run it again if you still need it.",
        )),
        JobStatus::Running | JobStatus::Done => None,
    }
}

fn duration_text(start: Timestamp, end: Timestamp) -> String {
    match end.as_second() - start.as_second() {
        0 => "less than a second".to_owned(),
        1 => "1 second".to_owned(),
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}

/// The result of a job as sentences.
fn sentences(job: &Job) -> Vec<String> {
    let Some(result) = &job.result else { return Vec::new() };
    let sentences = match job.kind {
        JobKind::Daily => DailyOutcome::deserialize(result).map(|outcome| daily_sentences(&outcome)),
        JobKind::Weekly => WeeklyFigures::deserialize(result).map(|figures| weekly_sentences(&figures)),
        JobKind::Plan => PlanFigures::deserialize(result).map(|figures| {
            let PlanFigures { posts_planned, clients } = figures;
            vec![format!("{} would be planned for {}.", post_count_text(posts_planned), count_text(clients, "client"))]
        }),
        JobKind::Simulate => SimulationFigures::deserialize(result).map(|figures| simulation_sentences(&figures)),
        JobKind::Compare => ComparisonFigures::deserialize(result)
            .map(|figures| figures.versus.into_iter().map(|versus| versus.verdict).collect()),
    };
    sentences.unwrap_or_else(|_| {
        vec!["The result was recorded by another version of mcoe, and this version cannot show it.".to_owned()]
    })
}

/// What the page shows of the result of planning a week.
#[derive(Deserialize)]
struct WeeklyFigures {
    week: String,
    planned: usize,
    already_planned: usize,
    committed: Option<CommittedFigures>,
    breaches: Vec<String>,
}

#[derive(Deserialize)]
struct CommittedFigures {
    schedules: usize,
    pending: usize,
    ready: usize,
    blocked: usize,
}

/// What the page shows of a preview.
#[derive(Deserialize)]
struct PlanFigures {
    posts_planned: usize,
    clients: usize,
}

/// What the page shows of a simulation.
#[derive(Deserialize)]
struct SimulationFigures {
    headline: HeadlineFigures,
    provenance: ExtentFigures,
}

#[derive(Deserialize)]
struct HeadlineFigures {
    engagement: Mean,
    posts_planned: Mean,
    posts_drafted: Mean,
    posts_blocked: Mean,
    reviews: Mean,
}

#[derive(Deserialize)]
struct Mean {
    mean: f64,
}

#[derive(Deserialize)]
struct ExtentFigures {
    weeks: u32,
    clients: u32,
}

/// What the page shows of a comparison.
#[derive(Deserialize)]
struct ComparisonFigures {
    versus: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    verdict: String,
}

fn daily_sentences(outcome: &DailyOutcome) -> Vec<String> {
    let mut sentences = vec![format!("{} created.", count_text(outcome.drafted, "draft"))];
    sentences.push(format!(
        "{} of today re-evaluated: {} blocked, {} made ready, {} sent back for approval.",
        post_count_text(outcome.judged),
        outcome.blocked,
        outcome.readied,
        outcome.returned
    ));
    if outcome.expired > 0 {
        sentences.push(format!("{} expired before being approved or drafted.", post_count_text(outcome.expired)));
    }
    if outcome.failed > 0 {
        sentences.push(format!("{} failed; each is retried automatically.", count_text(outcome.failed, "draft")));
    }
    sentences
}

fn weekly_sentences(figures: &WeeklyFigures) -> Vec<String> {
    let mut sentences = vec![format!("{} planned for {}.", count_text(figures.planned, "client"), figures.week)];
    if figures.already_planned > 0 {
        let skipped = count_text(figures.already_planned, "client");
        sentences.push(format!("{skipped} skipped: a plan for the week already exists."));
    }
    if let Some(committed) = &figures.committed {
        let CommittedFigures { schedules, pending, ready, blocked } = committed;
        sentences.push(format!(
            "{} committed: {pending} need approval, {ready} ready, {blocked} blocked by a rule.",
            post_count_text(*schedules)
        ));
    }
    if !figures.breaches.is_empty() {
        let breaches = count_text(figures.breaches.len(), "violation");
        sentences.push(format!("The checker found {breaches}, so nothing was committed."));
    }
    sentences
}

fn simulation_sentences(figures: &SimulationFigures) -> Vec<String> {
    let SimulationFigures { headline, provenance } = figures;
    vec![
        format!(
            "Simulated engagement over {} weeks with {} clients: {:.0} on average.",
            provenance.weeks, provenance.clients, headline.engagement.mean
        ),
        format!(
            "Posts on average: {:.0} planned, {:.0} drafted, {:.0} blocked, {:.0} reviewed by a person.",
            headline.posts_planned.mean,
            headline.posts_drafted.mean,
            headline.posts_blocked.mean,
            headline.reviews.mean
        ),
    ]
}

fn post_count_text(number: usize) -> String {
    count_text(number, "post")
}

/// `GET …/jobs/{id}/files/{name}`
pub(super) async fn file(
    PathPart((id, name)): PathPart<(String, String)>,
    request: PageRequest,
) -> Result<Response, Problem> {
    let PageRequest { visit, params, .. } = request;
    params.finish()?;
    let id = parse_id(&id, "job")?;
    file_response(&visit.ledger(), id, &name).await
}
