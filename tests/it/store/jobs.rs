//! Jobs: started once per key, taken over if their server is lost, ended by their owner.

use mcoe::model::WorkspaceId;
use mcoe::store::{Ending, Job, JobKind, JobStatus, Ledger, NewJob, RequestedJob, StoreError};
use mcoe::web::random_id;
use serde_json::json;

use super::{loaded, rules};
use crate::support::{Place, at, on_both};

const NOW: &str = "2026-09-04T08:00:00Z";
/// Before and after a job counts as lost.
const SOON: &str = "2026-09-04T08:00:20Z";
const LATER: &str = "2026-09-04T08:01:00Z";

async fn ask(ledger: &Ledger, key: Option<&str>, kind: JobKind, now: &str) -> Result<RequestedJob, StoreError> {
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

async fn to_do(ledger: &Ledger, key: Option<&str>, now: &str) -> Job {
    to_do_of(ledger, key, JobKind::Simulate, now).await
}

async fn to_do_of(ledger: &Ledger, key: Option<&str>, kind: JobKind, now: &str) -> Job {
    match ask(ledger, key, kind, now).await.unwrap() {
        RequestedJob::Owned(job) => job,
        RequestedJob::Existing(job) => panic!("it is another\u{2019}s: {job:?}"),
    }
}

async fn known(ledger: &Ledger, key: &str, now: &str) -> Job {
    match ask(ledger, Some(key), JobKind::Simulate, now).await.unwrap() {
        RequestedJob::Existing(job) => job,
        RequestedJob::Owned(job) => panic!("it is to be done again: {job:?}"),
    }
}

fn done() -> Ending {
    Ending::Done(json!({"posts": 1}), vec![("summary.md".to_owned(), "done".to_owned())])
}

on_both! {
    async fn an_idempotency_key_starts_one_job(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        let job = to_do(&ledger, Some("k"), NOW).await;
        assert_eq!(known(&ledger, "k", SOON).await.id, job.id);
        assert!(ledger.finish(&job, &done(), at(SOON)).await.unwrap());
        let again = known(&ledger, "k", LATER).await;
        assert_eq!((again.id, again.status, again.result), (job.id, JobStatus::Done, Some(json!({"posts": 1}))));
        assert_eq!(ledger.job_file(job.id, "summary.md").await.unwrap().as_deref(), Some("done"));
        let other = ask(&ledger, Some("k"), JobKind::Weekly, LATER).await;
        assert!(matches!(other, Err(StoreError::KeyTaken(_))), "{other:?}");
        // Without a key every request starts a new job.
        assert_ne!(to_do(&ledger, None, NOW).await.id, to_do(&ledger, None, NOW).await.id);
    }

    async fn a_lost_job_is_taken_over_and_its_old_server_cannot_end_it(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        let first = to_do(&ledger, Some("k"), NOW).await;
        ledger.heartbeat(&first, 1, 10, at(SOON)).await.unwrap();
        assert_eq!(known(&ledger, "k", "2026-09-04T08:00:40Z").await.done, 1);
        let second = to_do(&ledger, Some("k"), LATER).await;
        assert_eq!(second.id, first.id);
        ledger.heartbeat(&first, 9, 10, at(LATER)).await.unwrap();
        assert!(!ledger.finish(&first, &Ending::Failed("lost".to_owned()), at(LATER)).await.unwrap());
        let job = ledger.job(first.id).await.unwrap();
        assert_eq!((job.status, job.done), (JobStatus::Running, 1));
        assert!(ledger.finish(&second, &done(), at(LATER)).await.unwrap());
        assert!(!ledger.finish(&second, &Ending::Stopped, at(LATER)).await.unwrap());
        assert_eq!(ledger.job(first.id).await.unwrap().status, JobStatus::Done);
    }

    async fn a_refused_key_does_not_change_its_job(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        let job = to_do(&ledger, Some("k"), NOW).await;
        assert!(ledger.finish(&job, &Ending::Stopped, at(NOW)).await.unwrap());
        assert!(matches!(ask(&ledger, Some("k"), JobKind::Weekly, SOON).await, Err(StoreError::KeyTaken(_))));
        assert_eq!(ledger.job(job.id).await.unwrap().status, JobStatus::Stopped);
        assert_eq!(to_do(&ledger, Some("k"), SOON).await.id, job.id);
    }

    async fn a_cancelled_job_is_not_restarted(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        let job = to_do(&ledger, Some("k"), NOW).await;
        assert!(ledger.heartbeat(&job, 1, 10, at(NOW)).await.unwrap());
        let cancelled = ledger.cancel_job(job.id, "bob", at(SOON)).await.unwrap();
        assert_eq!((cancelled.status, cancelled.cancelled_by.as_deref()), (JobStatus::Cancelled, Some("bob")));
        assert!(!ledger.heartbeat(&job, 2, 10, at(SOON)).await.unwrap());
        assert!(!ledger.finish(&job, &done(), at(SOON)).await.unwrap());
        assert_eq!(ledger.cancel_job(job.id, "ann", at(LATER)).await.unwrap(), cancelled);
        assert_eq!(known(&ledger, "k", LATER).await, cancelled);
        let ended = to_do(&ledger, None, NOW).await;
        assert!(ledger.finish(&ended, &done(), at(SOON)).await.unwrap());
        let over = ledger.cancel_job(ended.id, "ann", at(LATER)).await;
        assert!(matches!(over, Err(StoreError::JobOver { status: JobStatus::Done, .. })), "{over:?}");
        let unknown = ledger.cancel_job(random_id().unwrap(), "ann", at(LATER)).await;
        assert!(matches!(unknown, Err(StoreError::UnknownJob(_))), "{unknown:?}");
    }

    async fn the_job_limit_of_a_workspace_ignores_lost_jobs(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        for number in 0..5 {
            to_do(&ledger, Some(&format!("k{number}")), NOW).await;
        }
        for key in [None, Some("k5")] {
            let refused = ask(&ledger, key, JobKind::Simulate, SOON).await;
            assert!(matches!(refused, Err(StoreError::TooManyJobs(5))), "{refused:?}");
        }
        known(&ledger, "k0", SOON).await;
        assert_eq!(ledger.jobs(None, 10).await.unwrap().rows.len(), 5);
        to_do(&ledger, Some("k5"), LATER).await;
    }

    async fn lost_jobs_are_marked_and_old_ones_deleted(place: &Place) {
        let ledger = place.ledger().await;
        loaded(&ledger, &rules()).await;
        let lost = to_do_of(&ledger, None, JobKind::Daily, NOW).await;
        let own = to_do_of(&ledger, None, JobKind::Daily, NOW).await;
        assert_eq!(ledger.clean_up_jobs(&[own.id], at(SOON)).await.unwrap(), 0);
        assert_eq!(ledger.clean_up_jobs(&[own.id], at(LATER)).await.unwrap(), 1);
        assert_eq!(ledger.job(lost.id).await.unwrap().status, JobStatus::Stopped);
        assert!(ledger.finish(&own, &done(), at(LATER)).await.unwrap());
        ledger.clean_up_jobs(&[], at("2026-10-01T00:00:00Z")).await.unwrap();
        assert_eq!(ledger.jobs(None, 10).await.unwrap().rows.len(), 2);
        ledger.clean_up_jobs(&[], at("2026-10-10T00:00:00Z")).await.unwrap();
        assert!(ledger.jobs(None, 10).await.unwrap().rows.is_empty());
    }
}
