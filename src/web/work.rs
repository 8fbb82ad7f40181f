//! Work that runs on after its request, on threads of its own, and its progress.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::problem::Problem;
use super::running::Progress;
use super::secret::{now, random_id};
use super::state::App;
use crate::model::{ClientId, Scenario, Tier, Week, WorkspaceId};
use crate::planner::check::check_plan;
use crate::planner::{PlanError, Planner, plan_week};
use crate::report::{self, ComparisonReport, ReportError, RunReport, TableFormat};
use crate::rules::{self, CompiledRules, Level, Levels};
use crate::simulator::{self, CompareError, ComparedPack, Extent, SimulateError};
use crate::store::{Ending, Job, JobKind, Ledger, NewJob, RequestedJob, StoreError, refuse_if_over};

/// How often a job gives a sign of life while it works, and while it waits for its turn.
const BEAT: Duration = Duration::from_secs(1);
const WAITING_BEAT: Duration = Duration::from_secs(8);
/// How often it is tried to put down the end of a job where the disk is full.
const ROOM: Duration = Duration::from_secs(2);
/// Jobs of one workspace that may wait or work at the same time, on all servers. The server's own passes are let
/// through.
const MOST_JOBS: u32 = 5;
/// Posts that a preview lists.
const LISTED_POSTS: usize = 500;

/// What a job is to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Work {
    Daily,
    Weekly { week: Week },
    Plan { week: Week, client: Option<String> },
    Simulate { extent: Extent },
    Compare { extent: Extent, set: Vec<String> },
}

impl Work {
    fn kind(&self) -> JobKind {
        match self {
            Work::Daily => JobKind::Daily,
            Work::Weekly { .. } => JobKind::Weekly,
            Work::Plan { .. } => JobKind::Plan,
            Work::Simulate { .. } => JobKind::Simulate,
            Work::Compare { .. } => JobKind::Compare,
        }
    }

    /// What was asked for, as it goes on record.
    fn request(&self) -> Json {
        let of_extent =
            |extent: &Extent| json!({"weeks": extent.weeks, "replications": extent.replications, "seed": extent.seed});
        match self {
            Work::Daily => json!({}),
            Work::Weekly { week } => json!({"week": week}),
            Work::Plan { week, client } => json!({"week": week, "client_id": client}),
            Work::Simulate { extent } => of_extent(extent),
            Work::Compare { extent, set } => {
                let mut request = of_extent(extent);
                if let Some(fields) = request.as_object_mut() {
                    fields.insert("set".to_owned(), json!(set));
                }
                request
            }
        }
    }
}

/// Why a job has no result.
enum NoResult {
    Stopped,
    /// In words for whoever asked.
    Failed(String),
    /// In words for the log.
    Hidden(String),
}

impl From<StoreError> for NoResult {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped => NoResult::Stopped,
            StoreError::Database(..)
            | StoreError::Connect { .. }
            | StoreError::WaitTimedOut { .. }
            | StoreError::Unreadable { .. } => NoResult::Hidden(error.to_string()),
            other => NoResult::Failed(format!("{other}; {}", other.remedy())),
        }
    }
}

impl From<SimulateError> for NoResult {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Stopped => NoResult::Stopped,
            other => NoResult::Failed(other.to_string()),
        }
    }
}

impl From<CompareError> for NoResult {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Simulate(error) => error.into(),
            other => NoResult::Failed(other.to_string()),
        }
    }
}

impl From<PlanError> for NoResult {
    fn from(error: PlanError) -> Self {
        NoResult::Failed(error.to_string())
    }
}

impl From<ReportError> for NoResult {
    fn from(error: ReportError) -> Self {
        NoResult::Failed(error.to_string())
    }
}

type Outcome = Result<(Json, Vec<(String, String)>), NoResult>;

impl App {
    /// Asks for work. With a key that was used before it is the work of then.
    pub async fn start(
        &self,
        workspace: &WorkspaceId,
        work: Work,
        actor: &str,
        key: Option<&str>,
    ) -> Result<Job, Problem> {
        self.start_among(Some(MOST_JOBS), workspace, work, actor, key).await
    }

    /// Asks for work that has to be done however many jobs the workspace has.
    pub async fn start_due(&self, workspace: &WorkspaceId, work: Work, actor: &str, key: &str) -> Result<Job, Problem> {
        self.start_among(None, workspace, work, actor, Some(key)).await
    }

    async fn start_among(
        &self,
        most: Option<u32>,
        workspace: &WorkspaceId,
        work: Work,
        actor: &str,
        key: Option<&str>,
    ) -> Result<Job, Problem> {
        if self.is_stopping() {
            return Err(Problem::busy(&"the server is about to end"));
        }
        let id = random_id().map_err(|error| Problem::internal(&error))?;
        let request = work.request();
        let new =
            NewJob { id, workspace, kind: work.kind(), request: &request, key, actor, now: now(), max_active: most };
        let job = match self.ledger_of(workspace).request_job(&new).await? {
            RequestedJob::Known(job) => return Ok(job),
            RequestedJob::ToDo(job) => job,
        };
        tracing::info!(job = %job.id, kind = job.kind.name(), %workspace, actor, "a job begins");
        let progress = Arc::new(Progress::new(self.stop.subscribe()));
        let running = self.clone().run(job.clone(), workspace.clone(), work, Arc::clone(&progress));
        self.running.add(job.id, progress, running);
        Ok(job)
    }

    /// Cancels a job. What it had committed stands.
    pub async fn cancel(&self, workspace: &WorkspaceId, id: Uuid, actor: &str) -> Result<Job, Problem> {
        let job = self.ledger_of(workspace).cancel_job(id, actor, now()).await?;
        self.running.give_up(id);
        tracing::info!(job = %id, kind = job.kind.name(), %workspace, actor, "a job is cancelled");
        Ok(job)
    }

    async fn run(self, job: Job, workspace: WorkspaceId, work: Work, progress: Arc<Progress>) {
        self.metrics.jobs_running.inc();
        let ledger = self.ledger_of(&workspace);
        let ending = {
            let doing = self.clone().work(job.clone(), workspace.clone(), work, Arc::clone(&progress));
            tokio::select! {
                ending = doing => ending,
                () = beat(&ledger, &job, &progress) => Ending::Stopped,
                () = progress.given_up() => Ending::Stopped,
            }
        };
        let status = match &ending {
            Ending::Done(..) => "done",
            Ending::Failed(_) => "failed",
            Ending::Stopped => "stopped",
        };
        match self.finish(&ledger, &job, &ending).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(job = %job.id, "the job was cancelled, or another server has taken it over"),
            Err(cause) => tracing::error!(job = %job.id, %cause, "the end of a job could not be put down"),
        }
        self.running.jobs().remove(&job.id);
        self.forget(&workspace).await;
        self.metrics.jobs_running.dec();
        self.metrics.ended(job.kind.name(), status);
        tracing::info!(job = %job.id, kind = job.kind.name(), status, "a job has ended");
    }

    /// Puts down how a job ended. Where the disk is full that waits for room, as long as the server runs.
    async fn finish(&self, ledger: &Ledger, job: &Job, ending: &Ending) -> Result<bool, StoreError> {
        loop {
            match ledger.finish(job, ending, now()).await {
                Err(StoreError::DiskFull) if !self.is_stopping() => tokio::time::sleep(ROOM).await,
                done => return done,
            }
        }
    }

    /// Does the work on a thread where it may take its time.
    async fn work(self, job: Job, workspace: WorkspaceId, work: Work, progress: Arc<Progress>) -> Ending {
        // Passes do not wait for what-ifs, however many there are.
        let turns = if matches!(work, Work::Daily | Work::Weekly { .. }) { &self.passes } else { &self.what_ifs };
        let Ok(turn) = turns.take(&workspace).await else { return Ending::Stopped };
        if progress.should_stop() {
            return Ending::Stopped;
        }
        progress.works.store(true, Ordering::Relaxed);
        let id = job.id;
        let runtime = tokio::runtime::Handle::current();
        // A pass writes plans and packs, which all workspaces share; it names its workspace in every statement.
        let (open, fenced) = (self.ledger.clone(), self.ledger_of(&workspace));
        let rules = Arc::clone(&self.rules);
        let doing = tokio::task::spawn_blocking(move || {
            let run = JobRun { open, fenced, rules, workspace, actor: job.actor, progress };
            let outcome = runtime.block_on(run.execute(&work));
            // The turn lasts as long as the work, also where nobody waits for its outcome any more.
            drop(turn);
            outcome
        });
        match doing.await {
            Ok(Ok((result, files))) => Ending::Done(result, files),
            Ok(Err(NoResult::Stopped)) => Ending::Stopped,
            Ok(Err(NoResult::Failed(why))) => Ending::Failed(why),
            Ok(Err(NoResult::Hidden(cause))) => {
                tracing::error!(job = %id, %cause, "a job failed");
                Ending::Failed("the database failed; the server's log holds the cause".to_owned())
            }
            Err(cause) => {
                tracing::error!(job = %id, %cause, "a job broke off");
                Ending::Failed("the server failed; its log holds the cause".to_owned())
            }
        }
    }
}

/// Says that a job is alive, until it is no longer this server's to do.
async fn beat(ledger: &Ledger, job: &Job, progress: &Progress) {
    loop {
        let pause = if progress.works.load(Ordering::Relaxed) { BEAT } else { WAITING_BEAT };
        tokio::time::sleep(pause).await;
        let (done, total) = (progress.done.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
        match ledger.heartbeat(job, done, total, now()).await {
            Ok(true) => {}
            Ok(false) => return progress.give_up(),
            Err(cause) => tracing::warn!(job = %job.id, %cause, "the progress of a job could not be put down"),
        }
    }
}

/// Where one job is done.
struct JobRun {
    open: Ledger,
    fenced: Ledger,
    rules: Arc<CompiledRules>,
    workspace: WorkspaceId,
    actor: String,
    progress: Arc<Progress>,
}

impl JobRun {
    async fn execute(&self, work: &Work) -> Outcome {
        match work {
            Work::Daily => self.daily().await,
            Work::Weekly { week } => self.weekly(*week).await,
            Work::Plan { week, client } => self.plan(*week, client.as_deref()).await,
            Work::Simulate { extent } => self.simulate(*extent).await,
            Work::Compare { extent, set } => self.compare(*extent, set).await,
        }
    }

    fn planner(&self) -> Planner<'_> {
        Planner::new(&self.rules, Tier::Exact, None)
    }

    async fn daily(&self) -> Outcome {
        let should_stop = || self.progress.should_stop();
        let done = self.open.daily(&self.planner(), Some(&self.workspace), now(), &should_stop).await?;
        if should_stop() {
            // It may have left something out; doing it again does nothing twice.
            return Err(NoResult::Stopped);
        }
        Ok((json!(done), Vec::new()))
    }

    async fn weekly(&self, week: Week) -> Outcome {
        let planner = self.planner();
        let observer = self.progress.as_ref();
        let done = self.open.weekly(&planner, &self.workspace, week, &self.actor, now(), observer).await?;
        let breaches: Vec<String> = done.breaches.iter().map(ToString::to_string).collect();
        let result = json!({
            "week": week,
            "already_planned": done.already_planned,
            "planned": done.planned,
            "committed": done.committed,
            "breaches": breaches,
        });
        Ok((result, Vec::new()))
    }

    async fn scenario(&self, week: Week) -> Result<Scenario, NoResult> {
        Ok(self.fenced.scenario(&self.workspace, week).await?)
    }

    /// The command that writes down what a run starts from, as long as the ledger stands as it does.
    fn export(&self, week: Week) -> String {
        format!("mcoe db export {} --week {week} --out scenario", self.workspace)
    }

    async fn plan(&self, week: Week, client: Option<&str>) -> Outcome {
        let scenario = self.scenario(week).await?;
        let now = now();
        refuse_if_over(&scenario, week, now)?;
        let plan = plan_week(&self.planner().starting_at(now), &scenario, week)?;
        let breaches: Vec<String> = check_plan(&plan, &scenario, &self.rules).iter().map(ToString::to_string).collect();
        let is_meant = |id: &ClientId| client.is_none_or(|client| id.as_str() == client);
        let clients: Vec<_> = plan.clients.iter().filter(|planned| is_meant(&planned.client_id)).collect();
        let posts = clients.iter().flat_map(|planned| planned.posts.iter().map(move |post| (planned, post)));
        let listed: Vec<Json> = posts
            .clone()
            .take(LISTED_POSTS)
            .map(|(planned, post)| {
                json!({
                    "post_id": plan.post_id(&planned.client_id, post),
                    "client_id": planned.client_id,
                    "channel": post.channel,
                    "scheduled_for": post.at,
                    "local_time": planned.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string(),
                    "asset_id": post.asset.as_ref().map(|asset| asset.used()),
                    "status": post.status,
                    "risk_level": post.risk,
                    "confidence": post.confidence,
                    "expected_engagement": post.expected_engagement,
                    "blocked_reason": post.blocked_reason(),
                    "blocked_code": post.blocked.as_ref().map(|reason| reason.code()),
                    "blocked_details": post.blocked.as_ref().map(|reason| reason.details()),
                })
            })
            .collect();
        let allocations: Vec<Json> = clients
            .iter()
            .flat_map(|planned| planned.allocations.iter().map(move |allocation| (planned, allocation)))
            .map(|(planned, allocation)| {
                json!({
                    "client_id": planned.client_id,
                    "channel": allocation.channel,
                    "posts_target": allocation.posts_target,
                    "posts_planned": allocation.posts_planned,
                    "why_fewer": allocation.why_fewer,
                })
            })
            .collect();
        let result = json!({
            "plan_id": plan.plan_id,
            "week": week,
            "clients": clients.len(),
            "posts_planned": posts.count(),
            "objective": plan.objective(),
            "upper_bound": plan.upper_bound(),
            "posts": listed,
            "allocations": allocations,
            "breaches": breaches,
        });
        Ok((result, Vec::new()))
    }

    async fn simulate(&self, extent: Extent) -> Outcome {
        let week = Week::after(now());
        let scenario = self.scenario(week).await?;
        self.progress.total.store(u64::from(extent.weeks) * u64::from(extent.replications), Ordering::Relaxed);
        let simulation = simulator::simulate(&self.planner(), &scenario, extent, self.progress.as_ref())?;
        let command = format!("{} && mcoe simulate scenario {}", self.export(week), written(extent));
        let tables = TableFormat::Csv;
        let files = report::documents(&RunReport { simulation: &simulation, command: &command, tables })?;
        let result = json!({
            "provenance": simulation.provenance,
            "headline": simulation.headline,
            "weekly": simulation.weekly,
            "channels": simulation.channels,
        });
        Ok((result, texts(files)))
    }

    async fn compare(&self, extent: Extent, set: &[String]) -> Outcome {
        let changed = changed(&self.rules, set).map_err(NoResult::Failed)?;
        let week = Week::after(now());
        let scenario = self.scenario(week).await?;
        let steps = 2 * u64::from(extent.weeks) * u64::from(extent.replications);
        self.progress.total.store(steps, Ordering::Relaxed);
        let (now, then) = (self.planner(), Planner::new(&changed, Tier::Exact, None));
        let label = set.join(", ");
        let base = ComparedPack { label: "rules as they are", planner: &now, scenario: &scenario };
        let other = ComparedPack { label: &label, planner: &then, scenario: &scenario };
        let comparison = simulator::compare(base, &[other], extent, None, self.progress.as_ref())?;
        let against = format!("mcoe compare scenario --against changed {}", written(extent));
        let command = format!("{} && {against}", self.export(week));
        let (comparison, tables) = (&comparison, TableFormat::Csv);
        let files = report::comparison_documents(&ComparisonReport { comparison, command: &command, tables })?;
        let versus: Vec<Json> = comparison
            .versus
            .iter()
            .zip(report::verdicts(comparison))
            .map(|(versus, verdict)| {
                json!({
                    "label": versus.label,
                    "verdict": verdict,
                    "headline": versus.headline,
                    "clients": versus.client_counts,
                })
            })
            .collect();
        Ok((json!({"packs": comparison.packs, "versus": versus}), texts(files)))
    }
}

/// Keys that a comparison may change.
const MOST_KEYS: usize = 20;

impl App {
    /// Fails where some keys cannot be set anew, each as `KEY=VALUE`, in words.
    pub async fn check_changes(&self, set: &[String]) -> Result<(), String> {
        if !(1..=MOST_KEYS).contains(&set.len()) {
            return Err(format!("{} keys are to be changed, and 1 to {MOST_KEYS} can be", set.len()));
        }
        let (rules, set) = (Arc::clone(&self.rules), set.to_vec());
        // A whole pack is read and compiled for it.
        let checked = tokio::task::spawn_blocking(move || changed(&rules, &set).map(drop)).await;
        checked.unwrap_or_else(|_| Err("they cannot be checked".to_owned()))
    }
}

/// The pack with some keys set anew, each as `KEY=VALUE`.
fn changed(rules: &CompiledRules, set: &[String]) -> Result<CompiledRules, String> {
    let pack = rules.pack();
    let said = |mistakes: Vec<rules::Diagnostic>| {
        let causes: Vec<String> =
            mistakes.iter().map(|mistake| format!("{}: {}; {}", mistake.key, mistake.cause, mistake.remedy)).collect();
        causes.join("\n")
    };
    let dials = rules::dials(pack, set).map_err(said)?;
    let mut levels: Vec<Level> = Vec::with_capacity(dials.len());
    for dial in &dials {
        match &dial.levels {
            Levels::Listed(listed) if listed.len() == 1 => levels.extend(listed.first().cloned()),
            _ => return Err(format!("{}: give one value, not several", dial.name())),
        }
    }
    let files = pack.turned(&dials, &levels);
    rules::load(files).and_then(CompiledRules::compile).map_err(said)
}

/// An extent as options of a command.
fn written(extent: Extent) -> String {
    let Extent { weeks, replications, seed } = extent;
    format!("--weeks {weeks} --replications {replications} --seed {seed} --out report")
}

fn texts(files: Vec<report::File>) -> Vec<(String, String)> {
    let text = |(name, bytes): report::File| String::from_utf8(bytes).ok().map(|text| (name, text));
    files.into_iter().filter_map(text).collect()
}
