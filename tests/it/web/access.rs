//! Authentication and authorization.

use mcoe::model::Role;
use serde_json::json;

use super::{HARBOUR, HUDSON, pending_id, plan_agency, plan_agency_under, schedules};
use crate::support::{
    HttpClient, TestDatabase, TestFolder, TestServer, at, on_both, rules_with_high_risk_posts, token, token_until,
};

#[derive(Debug)]
struct Request {
    method: &'static str,
    path: String,
    body: Option<serde_json::Value>,
}

/// Every request that names a workspace, with the schedule and the job of requests that name one.
fn requests(workspace: &str, schedule: &str, job: &str) -> Vec<Request> {
    let get = |path: &str| Request {
        method: "GET",
        path: format!("/api/orchestration/{path}workspaceId={workspace}"),
        body: None,
    };
    let send =
        |method, path: &str, body| Request { method, path: format!("/api/orchestration/{path}"), body: Some(body) };
    let cancel = Request {
        method: "POST",
        path: format!("/api/orchestration/jobs/{job}/cancel?workspaceId={workspace}"),
        body: None,
    };
    vec![
        get("schedules?"),
        get("schedules?type=overview&"),
        get("schedules?type=channels&"),
        get(&format!("schedules/{schedule}?")),
        get("scheduler?"),
        get("scheduler?type=stats&"),
        get("jobs?"),
        get(&format!("jobs/{job}?")),
        get(&format!("jobs/{job}/events?")),
        get(&format!("jobs/{job}/files/index.html?")),
        cancel,
        get("conflicts?"),
        get("health?"),
        get("rules?"),
        send("PATCH", "schedules", json!({"workspaceId": workspace, "schedule_id": schedule, "action": "approve"})),
        send("POST", "scheduler", json!({"workspaceId": workspace, "action": "daily"})),
        send("POST", "plans", json!({"workspaceId": workspace})),
        send("POST", "simulations", json!({"workspaceId": workspace})),
        send("POST", "comparisons", json!({"workspaceId": workspace, "set": ["fatigue.warn_at=0.45"]})),
    ]
}

/// The status of the response to a request.
fn status_of(http: &HttpClient, Request { method, path, body }: &Request) -> u16 {
    let text = body.as_ref().map(ToString::to_string);
    let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    http.send(method, path, headers, text.as_deref()).status
}

on_both! {
    async fn data_of_another_workspace_is_not_found_under_any_name(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let owner = server.client_with(&token(database, HARBOUR, "ann", Role::Admin));
        let job = owner.post("/api/orchestration/scheduler", &json!({"action": "daily"})).ok_json();
        let job = owner.wait_for_job(&job, HARBOUR)["id"].as_str().unwrap().to_owned();
        let id = schedules(&owner, HARBOUR, "")[0]["id"].as_str().unwrap().to_owned();
        let stranger = server.client_with(&token(database, HUDSON, "eve", Role::Admin));
        for request in requests(HARBOUR, &id, &job) {
            assert_eq!(status_of(&stranger, &request), 404, "{request:?}");
        }
        // Nor under the caller's own workspace.
        for path in [format!("schedules/{id}"), format!("jobs/{job}"), format!("jobs/{job}/files/index.html")] {
            stranger.get(&format!("/api/orchestration/{path}")).refused(404);
        }
        let cancel = json!({"ids": [id], "action": "cancel"});
        stranger.patch("/api/orchestration/schedules", &cancel).refused(404);
        let rows = schedules(&stranger, HUDSON, "");
        assert!(rows.iter().all(|row| row["workspace_id"] == HUDSON));
        assert_eq!(stranger.get("/api/orchestration/workspaces").ok_json()["workspaces"], json!([HUDSON]));
        let client = schedules(&owner, HARBOUR, "")[0]["client_id"].as_str().unwrap().to_owned();
        assert!(schedules(&stranger, HUDSON, &format!("clientId={client}")).is_empty());
        stranger.get(&format!("/api/orchestration/rules?clientId={client}")).refused(404);
        owner.get(&format!("/api/orchestration/rules?clientId={client}")).ok_json();
    }

    async fn once_a_token_exists_every_request_needs_one(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        server.anonymous_client().get(&format!("/api/orchestration/schedules?workspaceId={HARBOUR}")).ok_json();
        let token = token(database, HARBOUR, "ann", Role::Viewer);
        for request in requests(HARBOUR, "1", "1") {
            assert_eq!(status_of(&server.anonymous_client(), &request), 401, "{request:?}");
        }
        let refused = server.anonymous_client().get("/api/orchestration/schedules");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        server.client_with(&token).get("/api/orchestration/schedules").ok_json();
        // A token implies its workspace, which need not be named.
        assert_eq!(server.client_with(&token).get("/api/orchestration/schedules?type=overview").status, 200);
    }

    async fn revoked_expired_and_invalid_tokens_are_refused(database: &TestDatabase) {
        let ledger = plan_agency(database).await;
        let server = TestServer::start(database);
        let path = "/api/orchestration/schedules";
        let ann = token(database, HARBOUR, "ann", Role::Viewer);
        let expired = token_until(database, HARBOUR, "old", Role::Admin, "2026-02-01T00:00:00Z");
        server.client_with(&ann).get(path).ok_json();
        server.client_with(&expired).get(path).refused(401);
        for header in [format!("Basic {ann}"), format!("Token {ann}"), format!("Bearer{ann}"), ann.clone()] {
            server.anonymous_client().send("GET", path, &[("authorization", &header)], None).refused(401);
        }
        let id = ledger.tokens().await.unwrap().into_iter().find(|token| token.name == "ann").unwrap().id;
        ledger.revoke_token(id, at("2026-11-01T00:00:00Z")).await.unwrap();
        server.client_with(&ann).get(path).refused(401);
        for wrong in ["", "mcoe_", "x", &"0".repeat(64), &format!("mcoe_{}", "a".repeat(64)), &ann.to_uppercase()] {
            server.client_with(wrong).get(path).refused(401);
        }
    }

    async fn the_scheme_of_a_token_is_case_insensitive(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let ann = token(database, HARBOUR, "ann", Role::Viewer);
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            let header = format!("{scheme} {ann}");
            server
                .anonymous_client()
                .send("GET", "/api/orchestration/schedules", &[("authorization", &header)], None)
                .ok_json();
        }
    }

    async fn each_role_has_exactly_its_permissions(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let viewer = server.client_with(&token(database, HARBOUR, "vic", Role::Viewer));
        let approver = server.client_with(&token(database, HARBOUR, "amy", Role::Approver));
        let admin = server.client_with(&token(database, HARBOUR, "ada", Role::Admin));
        let id = pending_id(&viewer, HARBOUR);
        let approve = json!({"schedule_id": id, "action": "approve"});
        let refused = viewer.patch("/api/orchestration/schedules", &approve).refused(403);
        assert!(refused["detail"].as_str().unwrap().contains("viewer"), "{refused}");
        assert_eq!(approver.patch("/api/orchestration/schedules", &approve).ok_json()["actor"], "amy");
        for (path, body) in [
            ("scheduler", json!({"action": "daily"})),
            ("plans", json!({})),
            ("simulations", json!({})),
            ("comparisons", json!({"set": ["fatigue.warn_at=0.45"]})),
        ] {
            for http in [&viewer, &approver] {
                http.post(&format!("/api/orchestration/{path}"), &body).refused(403);
            }
        }
        let job = admin.post("/api/orchestration/plans", &json!({})).ok_json();
        assert_eq!(admin.wait_for_job(&job, HARBOUR)["actor"], "ada");
    }

    async fn whoever_planned_a_week_cannot_approve_its_high_risk_posts(database: &TestDatabase) {
        plan_agency_under(&rules_with_high_risk_posts(), database).await;
        let server = TestServer::start(database);
        let ann = server.client_with(&token(database, HARBOUR, "ann", Role::Approver));
        let bob = server.client_with(&token(database, HARBOUR, "bob", Role::Approver));
        let Some(high) = schedules(&ann, HARBOUR, "status=pending&risk=high").first().cloned() else {
            panic!("no pending schedule is of high risk");
        };
        let approve = json!({"schedule_id": high["id"], "action": "approve"});
        let refused = ann.patch("/api/orchestration/schedules", &approve).refused(409);
        assert!(refused["detail"].as_str().unwrap().contains("`ann` committed its plan"), "{refused}");
        bob.patch("/api/orchestration/schedules", &approve).ok_json();
    }
}

#[test]
fn a_token_is_created_shown_once_listed_and_revoked() {
    let (database, folder) = (TestDatabase::sqlite(), TestFolder::new());
    let run = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    run("db load small").succeeds();
    let workspace = "corner";
    let created = run(&format!("token create --workspace {workspace} --name ann --role approver")).succeeds();
    let created = created.stderr_has(&["shown only once"]);
    let secret = created.out.trim().to_owned();
    assert!(secret.starts_with("mcoe_") && secret.len() == 69, "{secret}");
    let server = TestServer::start(&database);
    server.client_with(&secret).get("/api/orchestration/schedules").ok_json();
    // The latest writes are in the write-ahead log next to the file.
    let files = [database.url.clone(), format!("{}-wal", database.url)];
    let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect();
    let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("ann") && !contains(&secret) && !contains(&secret[5..]));
    run(&format!("token create --workspace {workspace} --name ann --role viewer"))
        .exits_with(2)
        .stderr_has(&["named `ann`"]);
    run("token create --workspace nowhere --name ann --role viewer")
        .exits_with(2)
        .stderr_has(&["no workspace `nowhere`"]);
    run(&format!("token create --workspace {workspace} --name \u{7} --role viewer"))
        .exits_with(2)
        .stderr_has(&["1 to 80"]);
    run(&format!("token create --workspace {workspace} --name daily_pass --role viewer"))
        .exits_with(2)
        .stderr_has(&["reserved for the system"]);
    let listed = run("token list --format json").succeeds().json();
    let id = listed[0]["id"].as_str().unwrap();
    assert!(!run("token list").succeeds().out.contains(&secret));
    run(&format!("token revoke {id}")).succeeds();
    server.client_with(&secret).get("/api/orchestration/schedules").refused(401);
    assert!(run("token list").succeeds().out.contains("revoked"));
    run(&format!("token create --workspace {workspace} --name ann --role viewer")).succeeds();
}

#[test]
fn a_reachable_server_requires_a_token() {
    let (database, folder) = (TestDatabase::sqlite(), TestFolder::new());
    let run = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    run("db load small").succeeds();
    run("serve --address 0.0.0.0 --port 0")
        .exits_with(2)
        .stderr_has(&["can be reached from other machines", "mcoe token create"]);
}
