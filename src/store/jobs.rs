//! Background jobs: requested idempotently, visible to every server, and taken over when a server is lost.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::database::Tx;
use super::error::StoreError;
use super::job_status::{JobKind, JobStatus};
use super::ledger::Ledger;
use super::pagination::{Cursor, Page, page};
use super::retry::with_retries;
use super::row::{Id, Instant, Json, Name, Whole, from_row};
use super::values::values;
use crate::model::{Timestamp, WorkspaceId};

from_row! {
    /// A job stored in the ledger.
    #[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
    pub struct Job {
        /// The job's id.
        pub id: Uuid as Id,
        /// The workspace it belongs to.
        pub workspace_id: String,
        /// What it does.
        pub kind: JobKind as Name<JobKind>,
        /// The request's parameters, a JSON object.
        pub request: Value as Json<Value>,
        /// The actor who requested it.
        pub actor: String,
        /// Its status.
        pub status: JobStatus as Name<JobStatus>,
        /// Number of completed steps.
        pub done: u64 as Whole<u64>,
        /// Total number of steps; 0 if not known yet.
        pub total: u64 as Whole<u64>,
        /// Its result; `None` unless it is done.
        pub result: Option<Value> as Option<Json<Value>>,
        /// The error message; `None` unless it failed.
        pub failure: Option<String>,
        /// The actor who cancelled it; `None` if it was not cancelled.
        pub cancelled_by: Option<String>,
        /// When it was requested.
        pub created_at: Timestamp as Instant,
        /// When it ended; `None` while it is running.
        pub finished_at: Option<Timestamp> as Option<Instant>,
        /// 1-based number of the current attempt; a worker with a lower number no longer owns the job.
        #[serde(skip)]
        pub attempt: i64,
    }
}

/// A request for a job.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// A random id.
    pub id: Uuid,
    /// The workspace it is for.
    pub workspace: &'a WorkspaceId,
    /// What it does.
    pub kind: JobKind,
    /// The request's parameters, as a JSON object.
    pub request: &'a Value,
    /// Idempotency key: requests with the same key get the same job.
    pub key: Option<&'a str>,
    /// The actor who requests it.
    pub actor: &'a str,
    /// The time of the request.
    pub now: Timestamp,
    /// Maximum number of jobs the workspace may have waiting or running, this one included; `None` for no limit.
    pub max_active: Option<u32>,
}

/// The answer to a request for a job.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestedJob {
    /// The caller owns the job and must run it.
    Owned(Job),
    /// The job already exists, and the caller does not own it.
    Existing(Job),
}

/// How a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// With a result, and with report pages and figures as pairs of name and content.
    Done(Value, Vec<(String, String)>),
    /// With an error message.
    Failed(String),
    /// Because its server is stopping.
    Stopped,
}

/// A running job without a heartbeat for this long has lost its server.
pub const LOST_AFTER: Duration = Duration::from_secs(30);

/// Number of a workspace's newest simulations and comparisons whose pages and figures are kept.
const MAX_STORED_REPORTS: u32 = 50;

/// Number of days after which a daily pass that has ended is deleted.
const DAILY_RETENTION_DAYS: i64 = 30;
/// Number of days after which any other job that has ended is deleted.
const RETENTION_DAYS: i64 = 365;

const COLUMNS: &str = "id, workspace_id, kind, request, actor, \
                       CASE WHEN cancelled_by IS NULL THEN status ELSE 'cancelled' END AS status, done, total, \
                       result, failure, created_at, finished_at, attempt, cancelled_by";

impl Ledger {
    /// Requests a job. Of several requests with the same key, on any server, one gets [`RequestedJob::Owned`]. If the
    /// job's server was stopped or lost, the next request takes the job over. A cancelled job is not restarted.
    ///
    /// # Errors
    /// If the workspace is unknown or has reached its limit of jobs, the key was used for a different request, or the
    /// database fails.
    pub async fn request_job(&self, job: &NewJob<'_>) -> Result<RequestedJob, StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            self.require_workspace(&mut tx, job.workspace).await?;
            tx.lock_jobs(job.workspace).await?;
            let sql = "INSERT INTO jobs (id, workspace_id, kind, request, idempotency_key, actor, status, created_at, \
                       beat_at) \
                       VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $7) \
                       ON CONFLICT DO NOTHING";
            let (workspace, request) = (job.workspace.as_str(), job.request.clone());
            let row = values![job.id, workspace, job.kind.name(), request, job.key, job.actor, job.now];
            let is_new = tx.run(sql, row).await? == 1;
            let (id, is_owned) = if is_new { (job.id, true) } else { existing_job(&mut tx, job).await? };
            let stored = find_job(&mut tx, id, Some(workspace)).await?.ok_or(StoreError::UnknownJob(id))?;
            if stored.kind != job.kind || stored.request != *job.request {
                let key = job.key.map_or_else(|| job.id.to_string(), str::to_owned);
                return Err(StoreError::KeyTaken(key));
            }
            if is_owned {
                check_job_limit(&mut tx, job).await?;
            }
            tx.commit().await?;
            Ok(if is_owned { RequestedJob::Owned(stored) } else { RequestedJob::Existing(stored) })
        })
        .await
    }

    /// Sends a heartbeat with the job's progress. Returns whether the caller still owns the job: it may have been
    /// cancelled, or taken over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heartbeat(&self, job: &Job, done: u64, total: u64, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let sql = "UPDATE jobs SET done = $2, total = $3, beat_at = $4 \
                   WHERE id = $1 AND status = 'running' AND attempt = $5";
        let is_owned = tx.run(sql, values![job.id, done as i64, total as i64, now, job.attempt]).await? == 1;
        tx.commit().await?;
        Ok(is_owned)
    }

    /// Cancels a waiting or running job, on any server. Idempotent. Returns the cancelled job.
    ///
    /// # Errors
    /// If the job is unknown or out of scope, has ended otherwise, or the database fails.
    pub async fn cancel_job(&self, id: Uuid, actor: &str, now: Timestamp) -> Result<Job, StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            let sql = "UPDATE jobs SET status = 'stopped', cancelled_by = $2, finished_at = $3 \
                       WHERE id = $1 AND status = 'running' AND ($4 IS NULL OR workspace_id = $4)";
            tx.run(sql, values![id, actor, now, self.scope()]).await?;
            let job = find_job(&mut tx, id, self.scope()).await?.ok_or(StoreError::UnknownJob(id))?;
            if job.status != JobStatus::Cancelled {
                return Err(StoreError::JobOver { id, status: job.status });
            }
            tx.commit().await?;
            Ok(job)
        })
        .await
    }

    /// Ends a job. Returns whether the caller still owned it: it may have been cancelled, or taken over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finish(&self, job: &Job, ending: &Ending, now: Timestamp) -> Result<bool, StoreError> {
        with_retries(|| async {
            let mut tx = self.write().await?;
            let (status, result, failure) = match ending {
                Ending::Done(result, _) => (JobStatus::Done, Some(result.clone()), None),
                Ending::Failed(why) => (JobStatus::Failed, None, Some(why.as_str())),
                Ending::Stopped => (JobStatus::Stopped, None, None),
            };
            let sql = "UPDATE jobs SET status = $2, result = $3, failure = $4, finished_at = $5, beat_at = $5 \
                       WHERE id = $1 AND status = 'running' AND attempt = $6";
            let is_owned = tx.run(sql, values![job.id, status.name(), result, failure, now, job.attempt]).await? == 1;
            if let (true, Ending::Done(_, files)) = (is_owned, ending) {
                store_files(&mut tx, job, files).await?;
            }
            tx.commit().await?;
            Ok(is_owned)
        })
        .await
    }

    /// Marks jobs without a recent heartbeat as stopped, except for the caller's own, and deletes old jobs: daily
    /// passes after 30 days, others after 365. Returns how many were marked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn clean_up_jobs(&self, own_ids: &[Uuid], now: Timestamp) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let sql = "UPDATE jobs SET status = 'stopped', finished_at = $1 \
                   WHERE status = 'running' AND beat_at < $2 AND id <> ALL($3)";
        let stopped = tx.run(sql, values![now, lost_before(now), own_ids]).await?;
        let days_ago = |days: i64| now.plus_days(-days);
        let is_old = "status <> 'running' AND created_at < CASE kind WHEN 'daily' THEN $1 ELSE $2 END";
        let cutoffs = || values![days_ago(DAILY_RETENTION_DAYS), days_ago(RETENTION_DAYS)];
        tx.run(&format!("DELETE FROM job_files WHERE job_id IN (SELECT id FROM jobs WHERE {is_old})"), cutoffs())
            .await?;
        tx.run(&format!("DELETE FROM jobs WHERE {is_old}"), cutoffs()).await?;
        tx.commit().await?;
        Ok(stopped)
    }

    /// Looks up a job by id.
    ///
    /// # Errors
    /// If it is unknown or out of scope, or the database fails.
    pub async fn job(&self, id: Uuid) -> Result<Job, StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            find_job(&mut tx, id, self.scope()).await?.ok_or(StoreError::UnknownJob(id))
        })
        .await
    }

    /// Jobs, newest first; plan previews come without their results.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn jobs(&self, after: Option<&Cursor>, limit: u32) -> Result<Page<Job>, StoreError> {
        let mut conditions = self.conditions();
        if let Some(cursor) = after {
            conditions.after_descending(cursor, "created_at");
        }
        let (conditions, values) = conditions.finish();
        // A plan preview lists hundreds of posts, which a list of jobs does not need.
        let columns = COLUMNS.replace("result,", "CASE WHEN kind <> 'plan' THEN result END AS result,");
        let sql = format!("SELECT {columns} FROM jobs WHERE {conditions} ORDER BY created_at DESC, id DESC");
        let cursor = |job: &Job| Cursor { rank: 0, at: job.created_at, id: job.id };
        with_retries(|| async {
            let mut tx = self.read().await?;
            page(&mut tx, &sql, values.clone(), limit, cursor).await
        })
        .await
    }

    /// A report page or figure that a job made; `None` if there is none of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn job_file(&self, id: Uuid, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT content FROM job_files WHERE job_id = $1 AND name = $2 \
                   AND ($3 IS NULL OR workspace_id = $3)";
        with_retries(|| async {
            let mut tx = self.read().await?;
            let file: Option<(String,)> = tx.optional(sql, values![id, name, self.scope()]).await?;
            Ok(file.map(|(content,)| content))
        })
        .await
    }

    /// The names of the pages and figures that a job made, sorted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn job_files(&self, id: Uuid) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT name FROM job_files WHERE job_id = $1 AND ($2 IS NULL OR workspace_id = $2) \
                   ORDER BY name";
        with_retries(|| async {
            let mut tx = self.read().await?;
            let names: Vec<(String,)> = tx.all(sql, values![id, self.scope()]).await?;
            Ok(names.into_iter().map(|(name,)| name).collect())
        })
        .await
    }
}

/// The job that the key was used for, and whether the caller now owns it: if the job's earlier server was stopped or
/// lost, or if an earlier attempt of this same request inserted the job before a transient failure.
async fn existing_job(tx: &mut Tx, job: &NewJob<'_>) -> Result<(Uuid, bool), StoreError> {
    if tx.exists("SELECT 1 FROM jobs WHERE id = $1", values![job.id]).await? {
        return Ok((job.id, true));
    }
    let (workspace, cutoff) = (job.workspace.as_str(), lost_before(job.now));
    let sql = "UPDATE jobs SET status = 'running', finished_at = NULL, attempt = attempt + 1, beat_at = $3 \
               WHERE workspace_id = $1 AND idempotency_key = $2 \
               AND cancelled_by IS NULL AND (status = 'stopped' OR (status = 'running' AND beat_at < $4))";
    let is_owned = tx.run(sql, values![workspace, job.key, job.now, cutoff]).await? == 1;
    let sql = "SELECT id FROM jobs WHERE workspace_id = $1 AND idempotency_key = $2";
    let Id(id) = tx.scalar(sql, values![workspace, job.key]).await?;
    Ok((id, is_owned))
}

/// Fails if the workspace has more running jobs than its limit, `job` included. Lost jobs do not count.
async fn check_job_limit(tx: &mut Tx, job: &NewJob<'_>) -> Result<(), StoreError> {
    let Some(limit) = job.max_active else { return Ok(()) };
    let sql = "SELECT count(*) FROM jobs \
               WHERE workspace_id = $1 AND status = 'running' AND beat_at >= $2";
    let Whole(running): Whole<u32> = tx.scalar(sql, values![job.workspace.as_str(), lost_before(job.now)]).await?;
    if running > limit { Err(StoreError::TooManyJobs(limit)) } else { Ok(()) }
}

async fn find_job(tx: &mut Tx, id: Uuid, workspace: Option<&str>) -> Result<Option<Job>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1 AND ($2 IS NULL OR workspace_id = $2)");
    tx.optional(&sql, values![id, workspace]).await
}

/// Stores a job's pages and figures, and deletes those of all but the newest [`MAX_STORED_REPORTS`] reports.
async fn store_files(tx: &mut Tx, job: &Job, files: &[(String, String)]) -> Result<(), StoreError> {
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
         WHERE workspace_id = $1 AND kind IN ('simulate', 'compare') \
         ORDER BY created_at DESC LIMIT {MAX_STORED_REPORTS})"
    );
    tx.run(&sql, values![job.workspace_id.as_str()]).await?;
    Ok(())
}

/// A running job whose last heartbeat is older than this is lost.
fn lost_before(now: Timestamp) -> Timestamp {
    now.plus_seconds(-(LOST_AFTER.as_secs() as i64))
}
