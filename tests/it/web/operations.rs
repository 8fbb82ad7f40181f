//! What operators of a server rely on: health checks, metrics, scheduled passes, shutdown and the log.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use mcoe::web::Options;
use serde_json::{Value, json};

use super::{HARBOUR, plan_agency};
use crate::support::{TestDatabase, TestServer, block_on, on_both, options, project};

#[test]
fn health_readiness_and_metrics_are_served() {
    let database = TestDatabase::sqlite();
    block_on(plan_agency(&database));
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    assert_eq!(http.get("/healthz").ok_json()["status"], "ok");
    assert_eq!(http.get("/readyz").ok_json()["status"], "ready");
    http.get(&format!("/api/orchestration/schedules?workspaceId={HARBOUR}")).ok_json();
    http.get("/api/orchestration/schedules?workspaceId=nowhere").refused(404);
    http.send("TRACE", "/healthz", &[], None).refused(405);
    let metrics = http.get("/metrics");
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "mcoe_http_requests_total{method=\"GET\",route=\"/api/orchestration/schedules\",status=\"200\"} 1",
        "mcoe_http_requests_total{method=\"GET\",route=\"/api/orchestration/schedules\",status=\"404\"} 1",
        "mcoe_http_requests_total{method=\"other\",route=\"/healthz\",status=\"405\"} 1",
        "mcoe_http_request_seconds_bucket{le=\"0.05\",route=\"/healthz\"}",
        "mcoe_jobs_running 0",
        "# EOF",
    ] {
        assert!(metrics.text.contains(line), "{line}: {}", metrics.text);
    }
    assert!(!metrics.text.contains(HARBOUR) && !metrics.text.contains("nowhere"));
    let given = http.send("GET", "/healthz", &[("x-request-id", "abc-1")], None);
    assert_eq!(given.header("x-request-id"), Some("abc-1"));
    let forged = http.send("GET", "/healthz", &[("x-request-id", "a b\tc")], None);
    assert_ne!(forged.header("x-request-id"), Some("a b\tc"));
}

on_both! {
    async fn one_of_several_servers_runs_each_pass(database: &TestDatabase) {
        let ledger = plan_agency(database).await;
        let with_passes = || Options { runs_passes: true, ..options() };
        let servers: Vec<TestServer> = (0..3).map(|_| TestServer::start_with(database, with_passes())).collect();
        let start = Instant::now();
        let workspaces = ledger.workspaces().await.unwrap();
        let daily = loop {
            let mut daily = Vec::new();
            for workspace in &workspaces {
                let jobs = ledger.scoped_to(workspace.clone()).jobs(None, 100).await.unwrap().rows;
                daily.extend(jobs.into_iter().filter(|job| job.kind == mcoe::store::JobKind::Daily));
            }
            let done = daily.iter().filter(|job| job.status == mcoe::store::JobStatus::Done).count();
            if done >= workspaces.len() {
                break daily;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{daily:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        // The next daily pass may have become due meanwhile.
        assert!(daily.len() == workspaces.len() || daily.len() == 2 * workspaces.len(), "{daily:#?}");
        assert!(daily.iter().all(|job| job.actor == "schedule"));
        servers.into_iter().for_each(TestServer::stop);
    }

    async fn a_stopping_server_ends_its_jobs_in_time(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let long = json!({"workspaceId": HARBOUR, "weeks": 52, "replications": 200});
        let job = http.post("/api/orchestration/simulations", &long).ok_json();
        assert_eq!(job["status"], "running", "{job}");
        let start = Instant::now();
        server.stop();
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
        let server = TestServer::start(database);
        let job = server.anonymous_client().wait_for_job(&job, HARBOUR);
        assert_eq!(job["status"], "stopped", "{job}");
    }
}

/// The program, running as a server.
struct ServerProcess {
    child: Child,
    base: String,
    log: std::sync::mpsc::Receiver<String>,
}

impl ServerProcess {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(cargo_bin!("mcoe"))
            .args(["serve", "--port", "0"])
            .args(arguments)
            .current_dir(project("."))
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let base = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("API        ")?.strip_suffix("/api")?.to_owned()))
            .expect("the program prints its address");
        let (send, log) = std::sync::mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line).map_err(drop)));
        Self { child, base, log }
    }

    fn get(&self, path: &str) -> String {
        ureq::get(format!("{}{path}", self.base)).call().unwrap().body_mut().read_to_string().unwrap()
    }

    /// Waits for the end of a job.
    fn wait_for(&self, job: &str) {
        let start = Instant::now();
        let path = format!("/api/orchestration/jobs/{job}?workspaceId=your-workspace-id");
        while serde_json::from_str::<Value>(&self.get(&path)).unwrap()["status"] == "running" {
            assert!(start.elapsed() < Duration::from_secs(120), "the job does not end");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server and returns its log.
    fn stop(mut self) -> Vec<String> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg("-TERM").arg(id).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.log.iter().collect()
    }
}

#[test]
fn the_demo_has_data_and_serves_the_printed_request() {
    let server = ServerProcess::start(&["--demo", "--log-format", "json"]);
    let request = json!({"workspaceId": "your-workspace-id", "action": "weekly"});
    let job: Value = ureq::post(format!("{}/api/orchestration/scheduler", server.base))
        .send_json(&request)
        .unwrap()
        .body_mut()
        .read_json()
        .unwrap();
    assert!(["done", "running"].contains(&job["status"].as_str().unwrap()), "{job}");
    server.wait_for(job["id"].as_str().unwrap());
    let overview = server.get("/api/orchestration/schedules?workspaceId=your-workspace-id&type=overview");
    let overview: Value = serde_json::from_str(&overview).unwrap();
    for figure in ["total_schedules", "pending_schedules", "ready_schedules", "blocked_count", "conflicts_detected"] {
        assert!(overview[figure].as_u64().unwrap() > 10, "{figure}: {overview}");
    }
    let page = server.get("/founder/orchestration/channels");
    assert!(page.contains("over 2") && page.contains("polyline"), "the page charts weeks of history");
    let log = server.stop();
    let lines: Vec<Value> = log.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let line = lines.iter().find(|line| line["route"] == "/api/orchestration/scheduler").unwrap();
    assert_eq!((&line["method"], &line["status"]), (&json!("POST"), &json!(200)));
    assert_eq!(line["id"].as_str().map(str::len), Some(36));
    assert_eq!(log.last().map(String::as_str), Some("stopped"));
}

#[test]
fn a_port_in_use_is_reported() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let database = TestDatabase::sqlite();
    block_on(async { database.ledger().await.close().await });
    let mut child = Command::new(cargo_bin!("mcoe"))
        .args(["serve", "--port", &port, "--database", &database.url])
        .current_dir(project("."))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    child.stderr.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(output.contains(&format!("cannot listen on 127.0.0.1:{port}")) && output.contains("--port"), "{output}");
}
