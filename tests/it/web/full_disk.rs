//! A full disk: the responses, and that service resumes by itself once there is space.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::{HARBOUR, plan_agency, schedules};
use crate::support::{HttpClient, Response, TestDatabase, TestServer, block_on};

/// A small file system in memory.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts a file system; `None` if only root may.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=128m", "tmpfs"]).arg(dir.path()).status();
        mount.is_ok_and(|status| status.success()).then_some(Self(dir))
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Fills the disk completely.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while filler.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free_space(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Approves schedules with one request each, all at once.
fn approve_all(http: &HttpClient, ids: &[String]) -> Vec<Response> {
    let approve = |id: &String| {
        let body = json!({"workspaceId": HARBOUR, "schedule_id": id, "action": "approve"});
        http.patch("/api/orchestration/schedules", &body)
    };
    std::thread::scope(|scope| {
        let sent: Vec<_> = ids.iter().map(|id| scope.spawn(move || approve(id))).collect();
        sent.into_iter().map(|answer| answer.join().unwrap()).collect()
    })
}

#[test]
fn a_full_disk_is_reported_and_service_resumes_with_space() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: only root may mount the small disk that this test fills");
        return;
    };
    let database = TestDatabase::sqlite_at(&disk.0.path().join("ledger.db"));
    block_on(async { plan_agency(&database).await.close().await });
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    let pending = schedules(&http, HARBOUR, "status=pending&risk=low");
    let ids: Vec<String> = pending.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    let ids = &ids[..ids.len().min(24)];
    let simulation = json!({"workspaceId": HARBOUR, "weeks": 2, "replications": 2});
    let job = http.post("/api/orchestration/simulations", &simulation).ok_json();
    block_on(database.run("PRAGMA wal_checkpoint(TRUNCATE)")).unwrap();
    disk.fill();

    // More requests than the pool has connections, twice.
    for answer in approve_all(&http, ids).iter().chain(&approve_all(&http, ids)) {
        let problem = answer.refused(507);
        assert!(problem["detail"].as_str().unwrap().contains("the disk of the database is full"), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("free space") && answer.header("retry-after").is_some());
    }
    http.post("/api/orchestration/scheduler", &json!({"workspaceId": HARBOUR, "action": "daily"})).refused(507);
    let ready = http.get("/readyz").refused(503);
    assert!(ready["detail"].as_str().unwrap().contains("full"), "{ready}");
    // The server responds, and reading works.
    assert_eq!(http.get("/healthz").status, 200);
    assert_eq!(schedules(&http, HARBOUR, "status=pending&risk=low").len(), pending.len());
    assert_eq!(http.get(&format!("/founder/orchestration?workspace={HARBOUR}&status=pending")).status, 200);

    disk.free_space();
    let start = Instant::now();
    while http.get("/readyz").status != 200 {
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", http.get("/readyz"));
        std::thread::sleep(Duration::from_millis(100));
    }
    for answer in approve_all(&http, ids) {
        assert_eq!(answer.ok_json()["schedules"][0]["status"], "ready");
    }
    assert_eq!(http.wait_for_job(&job, HARBOUR)["status"], "done");
    let daily =
        http.post("/api/orchestration/scheduler", &json!({"workspaceId": HARBOUR, "action": "daily"})).ok_json();
    assert_eq!(http.wait_for_job(&daily, HARBOUR)["status"], "done");
}
