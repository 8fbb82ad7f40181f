//! Jobs: started once per key, taken over if their server is lost, ended by their owner.

use mcoe::model::WorkspaceId;
use mcoe::store::{Ending, Job, JobKind, JobStatus, Ledger, NewJob, RequestedJob, StoreError};
use mcoe::web::random_id;
use serde_json::json;

use super::{load_agency, rules};
use crate::support::{TestDatabase, at, on_both};

const NOW: &str = "2026-09-04T08:00:00Z";
/// Before a job counts as lost, and after.
const SOON: &str = "2026-09-04T08:00:20Z";
const LATER: &str = "2026-09-04T08:01:00Z";

async fn request_job(ledger: &Ledger, key: Option<&str>, kind: JobKind, now: &str) -> Result<RequestedJob, StoreError> {
    let (workspace, request) = (WorkspaceId::new("harbour"), json!({}));
    let id = random_id().unwrap();
    ledger
        .request_job(&NewJob {
            id,
            workspace: &workspace,
            kind,
            request: &request,
            key,
            actor: "ann",
            now: at(now),
            max_active: Some(5),
        })
        .await
}

async fn owned_job(ledger: &Ledger, key: Option<&str>, now: &str) -> Job {
    owned_job_of_kind(ledger, key, JobKind::Simulate, now).await
}

async fn owned_job_of_kind(ledger: &Ledger, key: Option<&str>, kind: JobKind, now: &str) -> Job {
    match request_job(ledger, key, kind, now).await.unwrap() {
        RequestedJob::Owned(job) => job,
        RequestedJob::Existing(job) => panic!("another caller owns the job: {job:?}"),
    }
}

async fn existing_job(ledger: &Ledger, key: &str, now: &str) -> Job {
    match request_job(ledger, Some(key), JobKind::Simulate, now).await.unwrap() {
        RequestedJob::Existing(job) => job,
        RequestedJob::Owned(job) => panic!("the job is started again: {job:?}"),
    }
}

fn success() -> Ending {
    Ending::Done(json!({"posts": 1}), vec![("summary.md".to_owned(), "done".to_owned())])
}

on_both! {
    async fn an_idempotency_key_starts_one_job(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        let job = owned_job(&ledger, Some("k"), NOW).await;
        assert_eq!(existing_job(&ledger, "k", SOON).await.id, job.id);
        assert!(ledger.finish(&job, &success(), at(SOON)).await.unwrap());
        let ended = existing_job(&ledger, "k", LATER).await;
        assert_eq!((ended.id, ended.status, ended.result), (job.id, JobStatus::Done, Some(json!({"posts": 1}))));
        assert_eq!(ledger.job_file(job.id, "summary.md").await.unwrap().as_deref(), Some("done"));
        let refused = request_job(&ledger, Some("k"), JobKind::Weekly, LATER).await;
        assert!(matches!(refused, Err(StoreError::KeyTaken(_))), "{refused:?}");
        // Without a key every request starts a new job.
        assert_ne!(owned_job(&ledger, None, NOW).await.id, owned_job(&ledger, None, NOW).await.id);
    }

    async fn a_lost_job_is_taken_over_and_its_old_server_cannot_end_it(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        let first = owned_job(&ledger, Some("k"), NOW).await;
        ledger.heartbeat(&first, 1, 10, at(SOON)).await.unwrap();
        assert_eq!(existing_job(&ledger, "k", "2026-09-04T08:00:40Z").await.done, 1);
        let second = owned_job(&ledger, Some("k"), LATER).await;
        assert_eq!(second.id, first.id);
        ledger.heartbeat(&first, 9, 10, at(LATER)).await.unwrap();
        assert!(!ledger.finish(&first, &Ending::Failed("lost".to_owned()), at(LATER)).await.unwrap());
        let job = ledger.job(first.id).await.unwrap();
        assert_eq!((job.status, job.done), (JobStatus::Running, 1));
        assert!(ledger.finish(&second, &success(), at(LATER)).await.unwrap());
        assert!(!ledger.finish(&second, &Ending::Stopped, at(LATER)).await.unwrap());
        assert_eq!(ledger.job(first.id).await.unwrap().status, JobStatus::Done);
    }

    async fn a_refused_key_does_not_change_its_job(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        let job = owned_job(&ledger, Some("k"), NOW).await;
        assert!(ledger.finish(&job, &Ending::Stopped, at(NOW)).await.unwrap());
        assert!(matches!(request_job(&ledger, Some("k"), JobKind::Weekly, SOON).await, Err(StoreError::KeyTaken(_))));
        assert_eq!(ledger.job(job.id).await.unwrap().status, JobStatus::Stopped);
        assert_eq!(owned_job(&ledger, Some("k"), SOON).await.id, job.id);
    }

    async fn a_cancelled_job_is_not_restarted(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        let job = owned_job(&ledger, Some("k"), NOW).await;
        assert!(ledger.heartbeat(&job, 1, 10, at(NOW)).await.unwrap());
        let cancelled = ledger.cancel_job(job.id, "bob", at(SOON)).await.unwrap();
        assert_eq!((cancelled.status, cancelled.cancelled_by.as_deref()), (JobStatus::Cancelled, Some("bob")));
        assert!(!ledger.heartbeat(&job, 2, 10, at(SOON)).await.unwrap());
        assert!(!ledger.finish(&job, &success(), at(SOON)).await.unwrap());
        assert_eq!(ledger.cancel_job(job.id, "ann", at(LATER)).await.unwrap(), cancelled);
        assert_eq!(existing_job(&ledger, "k", LATER).await, cancelled);
        let ended = owned_job(&ledger, None, NOW).await;
        assert!(ledger.finish(&ended, &success(), at(SOON)).await.unwrap());
        let refused = ledger.cancel_job(ended.id, "ann", at(LATER)).await;
        assert!(matches!(refused, Err(StoreError::JobOver { status: JobStatus::Done, .. })), "{refused:?}");
        let unknown = ledger.cancel_job(random_id().unwrap(), "ann", at(LATER)).await;
        assert!(matches!(unknown, Err(StoreError::UnknownJob(_))), "{unknown:?}");
    }

    async fn the_job_limit_of_a_workspace_ignores_lost_jobs(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        for number in 0..5 {
            owned_job(&ledger, Some(&format!("k{number}")), NOW).await;
        }
        for key in [None, Some("k5")] {
            let refused = request_job(&ledger, key, JobKind::Simulate, SOON).await;
            assert!(matches!(refused, Err(StoreError::TooManyJobs(5))), "{refused:?}");
        }
        existing_job(&ledger, "k0", SOON).await;
        assert_eq!(ledger.jobs(None, 10).await.unwrap().rows.len(), 5);
        owned_job(&ledger, Some("k5"), LATER).await;
    }

    async fn lost_jobs_are_marked_and_old_ones_deleted(database: &TestDatabase) {
        let ledger = database.ledger().await;
        load_agency(&ledger, &rules()).await;
        let lost = owned_job_of_kind(&ledger, None, JobKind::Daily, NOW).await;
        let own = owned_job_of_kind(&ledger, None, JobKind::Daily, NOW).await;
        assert_eq!(ledger.clean_up_jobs(&[own.id], at(SOON)).await.unwrap(), 0);
        assert_eq!(ledger.clean_up_jobs(&[own.id], at(LATER)).await.unwrap(), 1);
        assert_eq!(ledger.job(lost.id).await.unwrap().status, JobStatus::Stopped);
        assert!(ledger.finish(&own, &success(), at(LATER)).await.unwrap());
        ledger.clean_up_jobs(&[], at("2026-10-01T00:00:00Z")).await.unwrap();
        assert_eq!(ledger.jobs(None, 10).await.unwrap().rows.len(), 2);
        ledger.clean_up_jobs(&[], at("2026-10-10T00:00:00Z")).await.unwrap();
        assert!(ledger.jobs(None, 10).await.unwrap().rows.is_empty());
    }
}
