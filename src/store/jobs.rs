//! Work that runs on after its request: asked for once, seen from every server, left behind by none.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::listing::{Mark, Page, page};
use super::retry::retried;
use super::row::{Id, Instant, Json, Name, Whole, from_row};
use super::values::values;
use crate::model::{Timestamp, WorkspaceId, named};

named!(
    /// What a job does.
    JobKind {
        /// The daily pass.
        Daily = "daily",
        /// Plans the coming week and commits it.
        Weekly = "weekly",
        /// Plans a week and commits nothing.
        Plan = "plan",
        /// Simulates the workspace as it stands.
        Simulate = "simulate",
        /// Simulates it under the rules and under changed ones.
        Compare = "compare",
    }
);

named!(
    /// Where a job stands.
    JobStatus {
        /// It is being done.
        Running = "running",
        /// It has a result.
        Done = "done",
        /// It has none, and says why.
        Failed = "failed",
        /// Its server was stopped; what it had done stands.
        Stopped = "stopped",
        /// Somebody cancelled it; what it had done stands.
        Cancelled = "cancelled",
    }
);

/// A job as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Job {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub workspace_id: String,
    /// What it does.
    pub kind: JobKind,
    /// What was asked for.
    pub request: Value,
    /// Who asked.
    pub actor: String,
    /// Where it stands.
    pub status: JobStatus,
    /// Steps that are done.
    pub done: u64,
    /// Steps that it takes in all; 0 where nobody knows yet.
    pub total: u64,
    /// What came of it.
    pub result: Option<Value>,
    /// Why nothing came of it.
    pub failure: Option<String>,
    /// Who cancelled it.
    pub cancelled_by: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How often it was begun; whoever began it before has lost it.
    #[serde(skip)]
    pub attempt: i64,
}

/// A job that is asked for.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// A random id.
    pub id: Uuid,
    /// Whose.
    pub workspace: &'a WorkspaceId,
    /// What it does.
    pub kind: JobKind,
    /// What is asked for, as a JSON object.
    pub request: &'a Value,
    /// Asking again with the same key gives the same job.
    pub key: Option<&'a str>,
    /// Who asks.
    pub actor: &'a str,
    /// When.
    pub now: Timestamp,
    /// Jobs of the workspace that may wait or run once this one has begun; none for any number.
    pub most: Option<u32>,
}

/// What became of asking for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// It is the asker's to do.
    ToDo(Job),
    /// It was asked for before.
    Known(Job),
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With a result, and pages and figures by name.
    Done(Value, Vec<(String, String)>),
    /// With a failure, in words.
    Failed(String),
    /// With its server.
    Stopped,
}

/// A job without a sign of life for so long has lost its server.
pub const LOST_AFTER: Duration = Duration::from_secs(30);

/// Runs of a workspace whose pages and figures are kept, the newest.
const KEPT_REPORTS: u32 = 50;

/// Days that daily passes stay on the list, and other jobs.
const KEPT_DAYS: i64 = 30;
const KEPT_DAYS_OF_OTHERS: i64 = 365;

const COLUMNS: &str = "id, workspace_id, kind, request, actor, \
                       CASE WHEN cancelled_by IS NULL THEN status ELSE 'cancelled' END AS status, done, total, \
                       result, failure, created_at, finished_at, attempt, cancelled_by";

from_row!(Job {
    id: Id,
    workspace_id: String,
    kind: Name<JobKind>,
    request: Json<Value>,
    actor: String,
    status: Name<JobStatus>,
    done: Whole<u64>,
    total: Whole<u64>,
    result: Option<Json<Value>>,
    failure: Option<String>,
    cancelled_by: Option<String>,
    created_at: Instant,
    finished_at: Option<Instant>,
    attempt: i64,
});

impl Ledger {
    /// Asks for a job. Of several askers with the same key one is to do it, on whatever server; and the next
    /// one where that server was stopped or lost. A job that was cancelled is not begun again.
    ///
    /// # Errors
    /// Where the workspace is not known or has as many jobs as it may have, the key was used for something else, or
    /// the database fails.
    pub async fn ask(&self, job: &NewJob<'_>) -> Result<Asked, StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            self.refuse_unknown(&mut tx, job.workspace).await?;
            tx.lock_jobs(job.workspace).await?;
            let sql = "INSERT INTO jobs (id, workspace_id, kind, request, idempotency_key, actor, status, created_at, beat_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7) \
                       ON CONFLICT DO NOTHING";
            let (workspace, request) = (job.workspace.as_str(), job.request.clone());
            let row = values![job.id, workspace, job.kind.name(), request, job.key, job.actor, job.now];
            let is_new = tx.run(sql, row).await? == 1;
            let (id, is_ours) = if is_new { (job.id, true) } else { known(&mut tx, job).await? };
            let found = find(&mut tx, id, Some(workspace)).await?.ok_or(StoreError::UnknownJob(id))?;
            if found.kind != job.kind || found.request != *job.request {
                return Err(StoreError::KeyTaken(job.key.unwrap_or_default().to_owned()));
            }
            if is_ours {
                refuse_too_many(&mut tx, job).await?;
            }
            tx.commit().await?;
            Ok(if is_ours { Asked::ToDo(found) } else { Asked::Known(found) })
        })
        .await
    }

    /// Says that a job is alive, and how far it is. Returns whether it is still the asker's: it may have been
    /// cancelled, or taken over.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn beat(&self, job: &Job, done: u64, total: u64, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let sql = "UPDATE jobs SET done = $2, total = $3, beat_at = $4 \
                   WHERE id = $1 AND status = 'running' AND attempt = $5";
        let is_ours = tx.run(sql, values![job.id, done as i64, total as i64, now, job.attempt]).await? == 1;
        tx.commit().await?;
        Ok(is_ours)
    }

    /// Cancels a job that waits or runs, on whatever server. One that is cancelled already stays so. Returns it as it
    /// stands then.
    ///
    /// # Errors
    /// Where it is not in sight or has ended, or the database fails.
    pub async fn cancel_job(&self, id: Uuid, actor: &str, now: Timestamp) -> Result<Job, StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            let sql = "UPDATE jobs SET status = 'stopped', cancelled_by = $2, finished_at = $3 \
                       WHERE id = $1 AND status = 'running' AND ($4 IS NULL OR workspace_id = $4)";
            tx.run(sql, values![id, actor, now, self.fence()]).await?;
            let job = find(&mut tx, id, self.fence()).await?.ok_or(StoreError::UnknownJob(id))?;
            if job.status != JobStatus::Cancelled {
                return Err(StoreError::JobOver { id, status: job.status });
            }
            tx.commit().await?;
            Ok(job)
        })
        .await
    }

    /// Ends a job. Returns whether it was the asker's to end: another may have taken it over.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn finish(&self, job: &Job, ending: &Ending, now: Timestamp) -> Result<bool, StoreError> {
        retried(|| async {
            let mut tx = self.write().await?;
            let (status, result, failure) = match ending {
                Ending::Done(result, _) => (JobStatus::Done, Some(result.clone()), None),
                Ending::Failed(why) => (JobStatus::Failed, None, Some(why.as_str())),
                Ending::Stopped => (JobStatus::Stopped, None, None),
            };
            let sql = "UPDATE jobs SET status = $2, result = $3, failure = $4, finished_at = $5, beat_at = $5 \
                       WHERE id = $1 AND status = 'running' AND attempt = $6";
            let is_ours = tx.run(sql, values![job.id, status.name(), result, failure, now, job.attempt]).await? == 1;
            if let (true, Ending::Done(_, files)) = (is_ours, ending) {
                keep_files(&mut tx, job, files).await?;
            }
            tx.commit().await?;
            Ok(is_ours)
        })
        .await
    }

    /// Marks jobs without a sign of life as stopped, but for the asker's own, and forgets old ones: daily passes after
    /// a month, others after a year. Returns how many were marked.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn tidy_jobs(&self, own: &[Uuid], now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let sql = "UPDATE jobs SET status = 'stopped', finished_at = $1 \
                   WHERE status = 'running' AND beat_at < $2 AND id <> ALL($3)";
        let stopped = tx.run(sql, values![now, lost_before(now), own]).await?;
        let ago = |days: i64| now.plus_days(-days);
        let old = "status <> 'running' AND created_at < CASE kind WHEN 'daily' THEN $1 ELSE $2 END";
        let days = || values![ago(KEPT_DAYS), ago(KEPT_DAYS_OF_OTHERS)];
        tx.run(&format!("DELETE FROM job_files WHERE job_id IN (SELECT id FROM jobs WHERE {old})"), days()).await?;
        tx.run(&format!("DELETE FROM jobs WHERE {old}"), days()).await?;
        tx.commit().await?;
        Ok(stopped)
    }

    /// A job.
    ///
    /// # Errors
    /// Where it is not in sight, or the database fails.
    pub async fn job(&self, id: Uuid) -> Result<Job, StoreError> {
        let mut tx = self.read().await?;
        find(&mut tx, id, self.fence()).await?.ok_or(StoreError::UnknownJob(id))
    }

    /// Jobs, the newest first, previews without their results.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn jobs(&self, after: Option<&Mark>, limit: u32) -> Result<Page<Job>, StoreError> {
        let mut conditions = self.conditions();
        if let Some(mark) = after {
            conditions.before(mark, "created_at");
        }
        let (conditions, values) = conditions.finish();
        // A preview lists hundreds of posts, which no list of jobs needs.
        let short = COLUMNS.replace("result,", "CASE WHEN kind <> 'plan' THEN result END AS result,");
        let sql = format!("SELECT {short} FROM jobs WHERE {conditions} ORDER BY created_at DESC, id DESC");
        let mut tx = self.read().await?;
        page(&mut tx, &sql, values, limit, |job: &Job| Mark { rank: 0, at: job.created_at, id: job.id }).await
    }

    /// A page or a figure that a job made.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job_file(&self, id: Uuid, name: &str) -> Result<Option<String>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT content FROM job_files WHERE job_id = $1 AND name = $2 \
                   AND ($3 IS NULL OR workspace_id = $3)";
        let file: Option<(String,)> = tx.maybe(sql, values![id, name, self.fence()]).await?;
        Ok(file.map(|(content,)| content))
    }

    /// The names of what a job made, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn job_files(&self, id: Uuid) -> Result<Vec<String>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT name FROM job_files WHERE job_id = $1 AND ($2 IS NULL OR workspace_id = $2) \
                   ORDER BY name";
        let names: Vec<(String,)> = tx.all(sql, values![id, self.fence()]).await?;
        Ok(names.into_iter().map(|(name,)| name).collect())
    }
}

/// The job that a key was used for, and whether it is the asker's now: because its server was stopped or lost, or
/// because it is what the asker put there itself, before a failure that passed.
async fn known(tx: &mut Tx, job: &NewJob<'_>) -> Result<(Uuid, bool), StoreError> {
    if tx.any("SELECT 1 FROM jobs WHERE id = $1", values![job.id]).await? {
        return Ok((job.id, true));
    }
    let (workspace, lost) = (job.workspace.as_str(), lost_before(job.now));
    let sql = "UPDATE jobs SET status = 'running', finished_at = NULL, attempt = attempt + 1, beat_at = $3 \
               WHERE workspace_id = $1 AND idempotency_key = $2 \
               AND cancelled_by IS NULL AND (status = 'stopped' OR (status = 'running' AND beat_at < $4))";
    let is_ours = tx.run(sql, values![workspace, job.key, job.now, lost]).await? == 1;
    let sql = "SELECT id FROM jobs WHERE workspace_id = $1 AND idempotency_key = $2";
    let Id(id) = tx.scalar(sql, values![workspace, job.key]).await?;
    Ok((id, is_ours))
}

/// Fails where a job that was just begun is one too many for its workspace. Lost jobs do not count.
async fn refuse_too_many(tx: &mut Tx, job: &NewJob<'_>) -> Result<(), StoreError> {
    let Some(most) = job.most else { return Ok(()) };
    let sql = "SELECT count(*) FROM jobs \
               WHERE workspace_id = $1 AND status = 'running' AND beat_at >= $2";
    let Whole(running): Whole<u32> = tx.scalar(sql, values![job.workspace.as_str(), lost_before(job.now)]).await?;
    if running > most { Err(StoreError::TooManyJobs(most)) } else { Ok(()) }
}

async fn find(tx: &mut Tx, id: Uuid, workspace: Option<&str>) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1 AND ($2 IS NULL OR workspace_id = $2)");
    tx.maybe(&sql, values![id, workspace]).await
}

async fn keep_files(tx: &mut Tx, job: &Job, files: &[(String, String)]) -> Result<(), StoreError> {
    for (name, content) in files {
        let sql = "INSERT INTO job_files (job_id, name, workspace_id, content) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (job_id, name) DO NOTHING";
        tx.run(sql, values![job.id, name.as_str(), job.workspace_id.as_str(), content.as_str()]).await?;
    }
    if files.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "DELETE FROM job_files WHERE workspace_id = $1 AND job_id NOT IN (SELECT id FROM jobs \
         WHERE workspace_id = $1 AND kind IN ('simulate', 'compare') ORDER BY created_at DESC LIMIT {KEPT_REPORTS})"
    );
    tx.run(&sql, values![job.workspace_id.as_str()]).await?;
    Ok(())
}

fn lost_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-(LOST_AFTER.as_secs() as i64))
}
