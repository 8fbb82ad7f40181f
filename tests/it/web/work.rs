//! Passes, previews and simulations that are requested.

use std::time::{Duration, Instant};

use mcoe::model::Role;
use serde_json::{Value, json};

use super::{HARBOUR, HUDSON, coming_week, plan_agency, schedules};
use crate::support::{Response, TestDatabase, TestServer, on_both, token};

/// A simulation that takes longer than any test.
fn long_simulation(seed: u32) -> Value {
    json!({"workspaceId": HARBOUR, "weeks": 52, "replications": 200, "seed": seed})
}

/// The path to cancel a job of the workspace.
fn cancel_path(id: &str) -> String {
    format!("/api/orchestration/jobs/{id}/cancel?workspaceId={HARBOUR}")
}

on_both! {
    async fn a_week_is_planned_once_however_often_it_is_requested(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let week = coming_week();
        let body = json!({"workspaceId": HARBOUR, "action": "weekly", "week": week}).to_string();
        let headers = [("content-type", "application/json"), ("idempotency-key", "one")];
        let before = schedules(&http, HARBOUR, "").len();
        let first = http.send("POST", "/api/orchestration/scheduler", &headers, Some(&body));
        assert!(first.header("location").unwrap().starts_with("/api/orchestration/jobs/"));
        let done = http.wait_for_job(&first.ok_json(), HARBOUR);
        assert_eq!((&done["status"], &done["actor"]), (&json!("done"), &json!("local")), "{done}");
        let committed = done["result"]["committed"]["schedules"].as_u64().unwrap();
        assert!(committed > 0);
        assert_eq!(schedules(&http, HARBOUR, "").len() as u64, before as u64 + committed);
        let again = http.send("POST", "/api/orchestration/scheduler", &headers, Some(&body)).ok_json();
        assert_eq!(again["id"], done["id"]);
        let other = json!({"workspaceId": HARBOUR, "action": "daily"}).to_string();
        http.send("POST", "/api/orchestration/scheduler", &headers, Some(&other)).refused(422);
        let third = http.post("/api/orchestration/scheduler",
            &json!({"workspaceId": HARBOUR, "action": "run_weekly", "week": week})).ok_json();
        let third = http.wait_for_job(&third, HARBOUR);
        assert_eq!((&third["result"]["planned"], &third["result"]["committed"]), (&json!(0), &json!(null)), "{third}");
        let jobs = http.get(&format!("/api/orchestration/jobs?workspaceId={HARBOUR}")).ok_json();
        assert_eq!(jobs["jobs"].as_array().unwrap().len(), 2);
    }

    async fn the_daily_pass_reports_its_counts_and_records_a_day_of_history(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let waiting = schedules(&http, HARBOUR, "status=pending").len();
        let job =
            http.post("/api/orchestration/scheduler", &json!({"workspaceId": HARBOUR, "action": "daily"})).ok_json();
        let job = http.wait_for_job(&job, HARBOUR);
        // The planned week is long past, so posts without approval expire.
        assert!(job["result"]["expired"].as_u64().unwrap() >= waiting as u64, "{job}");
        assert_eq!(schedules(&http, HARBOUR, "status=pending").len(), 0);
        let history = http.get(&format!("/api/orchestration/health?workspaceId={HARBOUR}")).ok_json();
        let days = history["history"].as_array().unwrap();
        assert!(!days.is_empty() && days.iter().all(|day| (0.0..=1.0).contains(&day["health_score"].as_f64().unwrap())));
    }

    async fn a_preview_commits_nothing(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let before = schedules(&http, HARBOUR, "").len();
        let job =
            http.post("/api/orchestration/plans", &json!({"workspaceId": HARBOUR, "week": coming_week()})).ok_json();
        let job = http.wait_for_job(&job, HARBOUR);
        assert!(job["result"]["posts_planned"].as_u64().unwrap() > 10, "{job}");
        assert_eq!(job["result"]["breaches"], json!([]));
        assert_eq!(schedules(&http, HARBOUR, "").len(), before);
    }

    async fn what_if_runs_have_figures_and_a_report(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let short = json!({"workspaceId": HARBOUR, "weeks": 2, "replications": 2});
        let job = http.wait_for_job(&http.post("/api/orchestration/simulations", &short).ok_json(), HARBOUR);
        assert!(job["result"]["headline"]["engagement"]["mean"].as_f64().unwrap() > 0.0, "{job}");
        let files = job["files"].as_array().unwrap();
        assert!(files.iter().any(|name| name.as_str().unwrap().ends_with(".svg")));
        let id = job["id"].as_str().unwrap();
        let page = http.get(&format!("/api/orchestration/jobs/{id}/files/index.html?workspaceId={HARBOUR}"));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text.contains("<svg") && page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
        http.get(&format!("/api/orchestration/jobs/{id}/files/nothing.html?workspaceId={HARBOUR}")).refused(404);
        let compare = json!({"workspaceId": HARBOUR, "weeks": 2, "replications": 2, "set": ["channels.fb.weekly_posts=2"]});
        let job = http.wait_for_job(&http.post("/api/orchestration/comparisons", &compare).ok_json(), HARBOUR);
        assert!(job["result"]["versus"][0]["verdict"].as_str().unwrap().len() > 20, "{job}");
    }

    async fn what_if_runs_count_the_committed_week(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let job =
            http.post("/api/orchestration/scheduler", &json!({"workspaceId": HARBOUR, "action": "weekly"})).ok_json();
        let committed = http.wait_for_job(&job, HARBOUR)["result"]["committed"].clone();
        let publishable = committed["ready"].as_f64().unwrap() + committed["pending"].as_f64().unwrap();
        let extent = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 2});
        let job = http.wait_for_job(&http.post("/api/orchestration/simulations", &extent).ok_json(), HARBOUR);
        let week = &job["result"]["weekly"][0];
        assert_eq!(week["posts_committed"].as_f64(), Some(publishable), "{week}");
        assert!(publishable > 10.0 && week["engagement"]["mean"].as_f64().unwrap() > 0.0, "{week}");
        let compare = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 2, "set": ["channels.fb.weekly_posts=2"]});
        let job = http.wait_for_job(&http.post("/api/orchestration/comparisons", &compare).ok_json(), HARBOUR);
        let engagement = &job["result"]["versus"][0]["headline"][0];
        assert!(engagement["difference"]["base"].as_f64().unwrap() > 0.0, "{engagement}");
        let base = &job["result"]["packs"][0]["provenance"];
        assert_eq!(base["committed_posts"].as_f64(), Some(publishable), "{base}");
    }

    async fn invalid_changed_rules_are_refused_with_the_reason(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        for (set, word) in [
            (json!(["channels.fb.weekly_post=2"]), "weekly_posts"),
            (json!(["channels.fb.weekly_posts=many"]), "weekly_posts"),
            (json!(["fatigue.warn_at=0.9"]), "block_at"),
            (json!(["channels.fb.weekly_posts=1,2"]), "only one is allowed"),
            (json!([]), "KEY=VALUE"),
        ] {
            let refused = http.post("/api/orchestration/comparisons", &json!({"workspaceId": HARBOUR, "set": set}));
            let problem = refused.refused(400);
            assert!(problem["errors"][0].to_string().contains(word), "{set}: {problem}");
        }
    }

    async fn a_workspace_never_exceeds_its_job_limit(database: &TestDatabase) {
        plan_agency(database).await;
        let servers = [TestServer::start(database), TestServer::start(database)];
        let body = long_simulation(1).to_string();
        let mut answers = Vec::new();
        std::thread::scope(|scope| {
            let requests = (0..12).map(|number| {
                let (http, body) = (servers[number % 2].anonymous_client(), &body);
                scope.spawn(move || {
                    let key = format!("key-{number}");
                    let mut headers = vec![("content-type", "application/json")];
                    // Some requests have a key, and some have none.
                    if number < 9 {
                        headers.push(("idempotency-key", &*key));
                    }
                    (key.clone(), http.send("POST", "/api/orchestration/simulations", &headers, Some(body)))
                })
            });
            let requests: Vec<_> = requests.collect();
            answers.extend(requests.into_iter().map(|request| request.join().unwrap()));
        });
        let http = servers[0].anonymous_client();
        let (started, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, answer)| answer.status == 202);
        assert_eq!((started.len(), refused.len()), (5, 7), "{refused:?}");
        for (_, answer) in &refused {
            assert!(answer.refused(429)["detail"].as_str().unwrap().contains("5 waiting or running jobs"), "{answer:?}");
            assert!(answer.header("retry-after").is_some());
        }
        // The limit also refuses other kinds of jobs, and after a cancellation another job is allowed.
        let id = |answer: &Response| answer.ok_json()["id"].as_str().unwrap().to_owned();
        let ids: Vec<String> = started.iter().map(|(_, answer)| id(answer)).collect();
        http.post("/api/orchestration/plans", &json!({"workspaceId": HARBOUR})).refused(429);
        http.post(&cancel_path(&ids[0]), &json!({})).ok_json();
        let preview = http.post("/api/orchestration/plans", &json!({"workspaceId": HARBOUR})).ok_json();
        for id in ids.iter().map(String::as_str).chain(preview["id"].as_str()) {
            http.post(&cancel_path(id), &json!({}));
        }
    }

    async fn the_jobs_of_one_workspace_do_not_delay_those_of_another(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let many: Vec<Value> =
            (1..=5).map(|seed| http.post("/api/orchestration/simulations", &long_simulation(seed)).ok_json()).collect();
        let short = json!({"workspaceId": HUDSON, "weeks": 1, "replications": 1});
        let other_job = http.wait_for_job(&http.post("/api/orchestration/simulations", &short).ok_json(), HUDSON);
        assert_eq!(other_job["status"], "done", "{other_job}");
        for job in &many {
            let path = format!("/api/orchestration/jobs/{}?workspaceId={HARBOUR}", job["id"].as_str().unwrap());
            assert_eq!(http.get(&path).ok_json()["status"], "running");
            http.post(&cancel_path(job["id"].as_str().unwrap()), &json!({})).ok_json();
        }
    }

    async fn a_job_can_be_cancelled_from_any_server_and_is_not_restarted(database: &TestDatabase) {
        plan_agency(database).await;
        let (server, other) = (TestServer::start(database), TestServer::start(database));
        let [ada, vic, eve] = [(HARBOUR, "ada", Role::Admin), (HARBOUR, "vic", Role::Approver), (HUDSON, "eve", Role::Admin)]
            .map(|(workspace, name, role)| token(database, workspace, name, role));
        let (http, other_http) = (server.client_with(&ada), other.client_with(&ada));
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        let body = long_simulation(1).to_string();
        let start_job = || http.send("POST", "/api/orchestration/simulations", &headers, Some(&body)).ok_json();
        let job = start_job();
        let id = job["id"].as_str().unwrap();
        other.client_with(&vic).post(&cancel_path(id), &json!({})).refused(403);
        other.client_with(&eve).post(&format!("/api/orchestration/jobs/{id}/cancel"), &json!({})).refused(404);
        let cancelled = other_http.post(&cancel_path(id), &json!({})).ok_json();
        assert_eq!((&cancelled["status"], &cancelled["cancelled_by"]), (&json!("cancelled"), &json!("ada")));
        assert!(cancelled["finished_at"].is_string() && cancelled["result"].is_null());
        assert_eq!(other_http.post(&cancel_path(id), &json!({})).ok_json(), cancelled);
        assert_eq!(start_job()["status"], "cancelled");
        // The server that ran it notices, and is free for other jobs.
        let start = Instant::now();
        while !http.get("/metrics").text.contains("mcoe_jobs_running 0") {
            assert!(start.elapsed() < Duration::from_secs(20), "the job still runs");
            std::thread::sleep(Duration::from_millis(100));
        }
        let short = json!({"workspaceId": HARBOUR, "weeks": 1, "replications": 1});
        let done = http.wait_for_job(&http.post("/api/orchestration/simulations", &short).ok_json(), HARBOUR);
        assert_eq!(done["status"], "done", "{done}");
        let problem = http.post(&cancel_path(done["id"].as_str().unwrap()), &json!({})).refused(409);
        assert!(problem["detail"].as_str().unwrap().contains("is done and cannot be cancelled"), "{problem}");
    }

    async fn a_jobs_progress_can_be_followed(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let simulation = json!({"workspaceId": HARBOUR, "weeks": 12, "replications": 20});
        let job = http.post("/api/orchestration/simulations", &simulation).ok_json();
        let id = job["id"].as_str().unwrap();
        // The response ends with the job.
        let events = http.get(&format!("/api/orchestration/jobs/{id}/events?workspaceId={HARBOUR}"));
        assert_eq!(events.header("content-type"), Some("text/event-stream"));
        assert!(events.text.contains("event: end"), "{}", events.text);
        assert!(events.text.contains("\"status\":\"done\""), "{}", events.text);
    }
}
