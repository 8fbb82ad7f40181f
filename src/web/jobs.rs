//! Jobs: work that continues after the HTTP request that started it, on separate threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use super::clock::now;
use super::job_result::{ComparisonResult, JobRequest, JobResult, PlanResult, WeeklyResult};
use super::problem::Problem;
use super::running::Progress;
use super::secret::random_id;
use super::state::App;
use crate::diagnostic::Diagnostic;
use crate::model::{Scenario, Tier, Week, WorkspaceId};
use crate::planner::check::check_plan;
use crate::planner::{PlanError, Planner, plan_week};
use crate::report::{self, ComparisonReport, ReportError, RunReport, TableFormat};
use crate::rules::{self, CompiledRules, Level, Levels};
use crate::simulator::{self, CompareError, ComparedPack, Extent, SimulateError};
use crate::store::{Ending, Job, Ledger, NewJob, RequestedJob, StoreError, refuse_if_week_is_over};

/// How often a job sends a heartbeat while it runs.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// How often a job sends a heartbeat while it waits for a permit.
const WAITING_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(8);
/// How often recording the end of a job is retried while the disk is full.
const DISK_FULL_RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// Maximum number of waiting and running jobs of one workspace, over all servers. Scheduled passes are exempt.
const MAX_ACTIVE_JOBS: u32 = 5;
/// Maximum number of posts that a preview lists.
const MAX_LISTED_POSTS: usize = 500;

/// What a job produced.
struct JobOutput {
    result: JobResult,
    /// The pages and figures of its report, as pairs of name and content.
    files: Vec<(String, String)>,
}

impl From<JobResult> for JobOutput {
    fn from(result: JobResult) -> Self {
        Self { result, files: Vec::new() }
    }
}

/// Why a job ended without a result.
enum JobError {
    Stopped,
    /// The reason, to be shown to the caller.
    Reported(String),
    /// The reason, for the log only.
    Internal(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stopped => JobError::Stopped,
            StoreError::Database(..)
            | StoreError::Connect { .. }
            | StoreError::WaitTimedOut { .. }
            | StoreError::Unreadable { .. } => JobError::Internal(error.to_string()),
            other => JobError::Reported(format!("{other}; {}", other.remedy())),
        }
    }
}

impl From<SimulateError> for JobError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Stopped => JobError::Stopped,
            other => JobError::Reported(other.to_string()),
        }
    }
}

impl From<CompareError> for JobError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Simulate(error) => error.into(),
            other => JobError::Reported(other.to_string()),
        }
    }
}

impl From<PlanError> for JobError {
    fn from(error: PlanError) -> Self {
        JobError::Reported(error.to_string())
    }
}

impl From<ReportError> for JobError {
    fn from(error: ReportError) -> Self {
        JobError::Reported(error.to_string())
    }
}

impl App {
    /// Starts a job. If a job was started with the same key before, that job is returned.
    pub async fn start(
        &self,
        workspace: &WorkspaceId,
        request: JobRequest,
        actor: &str,
        key: Option<&str>,
    ) -> Result<Job, Problem> {
        self.start_limited(Some(MAX_ACTIVE_JOBS), workspace, request, actor, key).await
    }

    /// Starts a scheduled pass, even if the workspace has reached its maximum number of jobs.
    pub async fn start_scheduled_pass(
        &self,
        workspace: &WorkspaceId,
        request: JobRequest,
        actor: &str,
        key: &str,
    ) -> Result<Job, Problem> {
        self.start_limited(None, workspace, request, actor, Some(key)).await
    }

    async fn start_limited(
        &self,
        max_active: Option<u32>,
        workspace: &WorkspaceId,
        request: JobRequest,
        actor: &str,
        key: Option<&str>,
    ) -> Result<Job, Problem> {
        if self.is_stopping() {
            return Err(Problem::shutting_down());
        }
        let id = random_id().map_err(|error| Problem::internal(&error))?;
        let (kind, parameters) = (request.kind(), json!(request));
        let new_job = NewJob { id, workspace, kind, request: &parameters, key, actor, now: now(), max_active };
        let job = match self.ledger_of(workspace).request_job(&new_job).await? {
            RequestedJob::Existing(job) => return Ok(job),
            RequestedJob::Owned(job) => job,
        };
        tracing::info!(job = %job.id, kind = job.kind.name(), %workspace, actor, "job started");
        let progress = Arc::new(Progress::new(self.stop.subscribe()));
        let running = self.clone().run(job.clone(), workspace.clone(), request, Arc::clone(&progress));
        self.running.add(job.id, progress, running);
        Ok(job)
    }

    /// Cancels a job. Changes that it has committed remain.
    pub async fn cancel(&self, workspace: &WorkspaceId, id: Uuid, actor: &str) -> Result<Job, Problem> {
        let job = self.ledger_of(workspace).cancel_job(id, actor, now()).await?;
        self.running.cancel(id);
        tracing::info!(job = %id, kind = job.kind.name(), %workspace, actor, "job cancelled");
        Ok(job)
    }

    /// Runs a job until it ends or is cancelled, and records how it ended.
    async fn run(self, job: Job, workspace: WorkspaceId, request: JobRequest, progress: Arc<Progress>) {
        self.metrics.jobs_running.inc();
        let ledger = self.ledger_of(&workspace);
        let ending = {
            let execution =
                self.clone().run_with_permit(job.clone(), workspace.clone(), request, Arc::clone(&progress));
            tokio::select! {
                ending = execution => ending,
                () = send_heartbeats(&ledger, &job, &progress) => Ending::Stopped,
                () = progress.cancelled() => Ending::Stopped,
            }
        };
        let status = match &ending {
            Ending::Done(..) => "done",
            Ending::Failed(_) => "failed",
            Ending::Stopped => "stopped",
        };
        match self.record_ending(&ledger, &job, &ending).await {
            Ok(true) => {}
            Ok(false) => tracing::info!(job = %job.id, "job was cancelled or taken over by another server"),
            Err(cause) => tracing::error!(job = %job.id, %cause, "cannot record the end of a job"),
        }
        self.running.jobs().remove(&job.id);
        self.invalidate_figures(&workspace).await;
        self.metrics.jobs_running.dec();
        self.metrics.count_finished_job(job.kind.name(), status);
        tracing::info!(job = %job.id, kind = job.kind.name(), status, "job finished");
    }

    /// Records how a job ended. While the disk is full, retries until the server shuts down. Returns false if the job
    /// had been cancelled or taken over by another server.
    async fn record_ending(&self, ledger: &Ledger, job: &Job, ending: &Ending) -> Result<bool, StoreError> {
        loop {
            match ledger.finish(job, ending, now()).await {
                Err(StoreError::DiskFull) if !self.is_stopping() => tokio::time::sleep(DISK_FULL_RETRY_INTERVAL).await,
                recorded => return recorded,
            }
        }
    }

    /// Waits for a permit, then executes the request on a blocking thread.
    async fn run_with_permit(
        self,
        job: Job,
        workspace: WorkspaceId,
        request: JobRequest,
        progress: Arc<Progress>,
    ) -> Ending {
        // Daily and weekly passes have permits of their own, so that they do not wait for other jobs.
        let is_pass = matches!(request, JobRequest::Daily {} | JobRequest::Weekly { .. });
        let permits = if is_pass { &self.pass_permits } else { &self.what_if_permits };
        let Ok(permit) = permits.acquire(&workspace).await else { return Ending::Stopped };
        if progress.should_stop() {
            return Ending::Stopped;
        }
        progress.has_started.store(true, Ordering::Relaxed);
        let id = job.id;
        let runtime = tokio::runtime::Handle::current();
        // A pass writes plans and packs, which belong to no single workspace, so its ledger is not restricted to one;
        // each of its statements names the job's workspace.
        let (unscoped, scoped) = (self.ledger.clone(), self.ledger_of(&workspace));
        let rules = Arc::clone(&self.rules);
        let task = tokio::task::spawn_blocking(move || {
            let context = JobContext { unscoped, scoped, rules, workspace, actor: job.actor, progress };
            let output = runtime.block_on(context.execute(&request));
            // The permit is held until the request is executed, even if the job was cancelled.
            drop(permit);
            output
        });
        match task.await {
            Ok(Ok(JobOutput { result, files })) => Ending::Done(json!(result), files),
            Ok(Err(JobError::Stopped)) => Ending::Stopped,
            Ok(Err(JobError::Reported(why))) => Ending::Failed(why),
            Ok(Err(JobError::Internal(cause))) => {
                tracing::error!(job = %id, %cause, "job failed");
                Ending::Failed("the database failed; see the server's log".to_owned())
            }
            Err(cause) => {
                tracing::error!(job = %id, %cause, "job panicked");
                Ending::Failed("the server failed; see its log".to_owned())
            }
        }
    }
}

/// Sends heartbeats until the job is cancelled or taken over by another server.
async fn send_heartbeats(ledger: &Ledger, job: &Job, progress: &Progress) {
    loop {
        let pause =
            if progress.has_started.load(Ordering::Relaxed) { HEARTBEAT_INTERVAL } else { WAITING_HEARTBEAT_INTERVAL };
        tokio::time::sleep(pause).await;
        let (done, total) = (progress.done.load(Ordering::Relaxed), progress.total.load(Ordering::Relaxed));
        match ledger.heartbeat(job, done, total, now()).await {
            Ok(true) => {}
            Ok(false) => return progress.cancel(),
            Err(cause) => tracing::warn!(job = %job.id, %cause, "cannot record the progress of a job"),
        }
    }
}

/// What the execution of a request needs.
struct JobContext {
    /// The ledger of all workspaces.
    unscoped: Ledger,
    /// The ledger restricted to the job's workspace.
    scoped: Ledger,
    rules: Arc<CompiledRules>,
    workspace: WorkspaceId,
    actor: String,
    progress: Arc<Progress>,
}

impl JobContext {
    async fn execute(&self, request: &JobRequest) -> Result<JobOutput, JobError> {
        match request {
            JobRequest::Daily {} => self.daily().await,
            JobRequest::Weekly { week } => self.weekly(*week).await,
            JobRequest::Plan { week, client_id } => self.plan(*week, client_id.as_deref()).await,
            JobRequest::Simulate(extent) => self.simulate(*extent).await,
            JobRequest::Compare { extent, set } => self.compare(*extent, set).await,
        }
    }

    fn planner(&self) -> Planner<'_> {
        Planner::new(&self.rules, Tier::Exact, None)
    }

    async fn daily(&self) -> Result<JobOutput, JobError> {
        let should_stop = || self.progress.should_stop();
        let outcome = self.unscoped.daily(&self.planner(), Some(&self.workspace), now(), &should_stop).await?;
        if should_stop() {
            // The pass may be incomplete. Running it again is safe, because it skips what is already done.
            return Err(JobError::Stopped);
        }
        Ok(JobResult::Daily(outcome).into())
    }

    async fn weekly(&self, week: Week) -> Result<JobOutput, JobError> {
        let planner = self.planner();
        let observer = self.progress.as_ref();
        let outcome = self.unscoped.weekly(&planner, &self.workspace, week, &self.actor, now(), observer).await?;
        Ok(JobResult::Weekly(WeeklyResult::new(week, &outcome)).into())
    }

    async fn scenario(&self, week: Week) -> Result<Scenario, JobError> {
        Ok(self.scoped.scenario(&self.workspace, week).await?)
    }

    /// The command that exports the scenario of a run. It exports the same scenario only while the ledger is unchanged.
    fn export_command(&self, week: Week) -> String {
        format!("mcoe db export {} --week {week} --out scenario", report::shell_word(self.workspace.as_str()))
    }

    async fn plan(&self, week: Week, client_id: Option<&str>) -> Result<JobOutput, JobError> {
        let scenario = self.scenario(week).await?;
        let now = now();
        refuse_if_week_is_over(&scenario, week, now)?;
        let plan = plan_week(&self.planner().starting_at(now), &scenario, week)?;
        let breaches: Vec<String> = check_plan(&plan, &scenario, &self.rules).iter().map(ToString::to_string).collect();
        Ok(JobResult::Plan(PlanResult::new(&plan, client_id, MAX_LISTED_POSTS, breaches)).into())
    }

    async fn simulate(&self, extent: Extent) -> Result<JobOutput, JobError> {
        let week = Week::after(now());
        let scenario = self.scenario(week).await?;
        self.progress.total.store(u64::from(extent.weeks) * u64::from(extent.replications), Ordering::Relaxed);
        let simulation = simulator::simulate(&self.planner(), &scenario, extent, self.progress.as_ref())?;
        let command = format!("{} && mcoe simulate scenario {}", self.export_command(week), extent_options(extent));
        let tables = TableFormat::Csv;
        let files = report::documents(&RunReport { simulation: &simulation, command: &command, tables })?;
        let result = JobResult::Simulate(Box::new(simulation.into()));
        Ok(JobOutput { result, files: text_files(files) })
    }

    async fn compare(&self, extent: Extent, changes: &[String]) -> Result<JobOutput, JobError> {
        let changed_rules = with_changes(&self.rules, changes).map_err(JobError::Reported)?;
        let week = Week::after(now());
        let scenario = self.scenario(week).await?;
        // Both packs are simulated.
        let total = 2 * u64::from(extent.weeks) * u64::from(extent.replications);
        self.progress.total.store(total, Ordering::Relaxed);
        let (current_planner, changed_planner) = (self.planner(), Planner::new(&changed_rules, Tier::Exact, None));
        let label = changes.join(", ");
        let current = ComparedPack { label: "current rules", planner: &current_planner, scenario: &scenario };
        let changed = ComparedPack { label: &label, planner: &changed_planner, scenario: &scenario };
        let comparison = simulator::compare(current, &[changed], extent, None, self.progress.as_ref())?;
        let command = compare_command(&self.export_command(week), changes, extent);
        let report = ComparisonReport { comparison: &comparison, command: &command, tables: TableFormat::Csv };
        let files = report::comparison_documents(&report)?;
        let verdicts = report::verdicts(&comparison);
        let result = JobResult::Compare(ComparisonResult::new(comparison, verdicts));
        Ok(JobOutput { result, files: text_files(files) })
    }
}

/// Maximum number of keys that a comparison may change.
pub(super) const MAX_CHANGED_KEYS: usize = 20;

impl App {
    /// Checks that the rules with changed keys, each as `KEY=VALUE`, are valid. If not, fails with the reason as text.
    pub async fn check_changes(&self, changes: &[String]) -> Result<(), String> {
        if !(1..=MAX_CHANGED_KEYS).contains(&changes.len()) {
            return Err(format!("{} changed keys are given, but 1 to {MAX_CHANGED_KEYS} are allowed", changes.len()));
        }
        let (rules, changes) = (Arc::clone(&self.rules), changes.to_vec());
        // Compiling a whole rules pack takes long, so it must not block the server.
        let checked = tokio::task::spawn_blocking(move || with_changes(&rules, &changes).map(drop)).await;
        checked.unwrap_or_else(|_| Err("the server could not check the changed keys; see its log".to_owned()))
    }
}

/// The rules with changed keys, each as `KEY=VALUE`.
fn with_changes(rules: &CompiledRules, changes: &[String]) -> Result<CompiledRules, String> {
    let pack = rules.pack();
    let describe = |diagnostics: Vec<Diagnostic>| {
        let line =
            |Diagnostic { place, cause, remedy, .. }: &Diagnostic| format!("{}: {cause}; {remedy}", place.name());
        diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let parameters = rules::sweep_parameters(pack, changes).map_err(describe)?;
    let mut levels: Vec<Level> = Vec::with_capacity(parameters.len());
    for parameter in &parameters {
        match &parameter.levels {
            Levels::List(listed) if listed.len() == 1 => levels.extend(listed.first().cloned()),
            _ => return Err(format!("`{}` has several values, but only one is allowed", parameter.name())),
        }
    }
    let files = pack.with_levels(&parameters, &levels);
    rules::load(files).and_then(CompiledRules::compile).map_err(describe)
}

/// The commands that repeat a comparison with changed keys, after a comment that says how to make the changed rules,
/// which no command writes.
fn compare_command(export_command: &str, changes: &[String], extent: Extent) -> String {
    // A line break would end the comment.
    let changes = changes.join(", ").replace(['\n', '\r'], " ");
    let options = extent_options(extent);
    format!(
        "# changed: a copy of the folder rules in which {changes}\n\
         {export_command} && mcoe compare scenario --against changed {options}"
    )
}

/// The command-line options of a simulation with this extent.
fn extent_options(extent: Extent) -> String {
    let Extent { weeks, replications, seed } = extent;
    format!("--weeks {weeks} --replications {replications} --seed {seed} --out report")
}

/// The names and contents of the files that are text. Binary files are left out.
fn text_files(files: Vec<report::File>) -> Vec<(String, String)> {
    let text = |(name, bytes): report::File| String::from_utf8(bytes).ok().map(|text| (name, text));
    files.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_comparison_say_what_was_changed() {
        let changes = ["channels.x.weekly_posts=3".to_owned(), "fatigue.warn_at=0.4\nrm".to_owned()];
        let extent = Extent { weeks: 2, replications: 5, seed: 1 };
        assert_eq!(
            compare_command("mcoe db export north --week 2026-W37 --out scenario", &changes, extent),
            "# changed: a copy of the folder rules in which channels.x.weekly_posts=3, fatigue.warn_at=0.4 rm\n\
             mcoe db export north --week 2026-W37 --out scenario && mcoe compare scenario --against changed \
             --weeks 2 --replications 5 --seed 1 --out report"
        );
    }
}
