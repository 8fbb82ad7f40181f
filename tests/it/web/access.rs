//! Authentication and authorization.

use mcoe::model::Role;
use serde_json::json;

use super::{HARBOUR, HUDSON, pending_id, plan_agency, plan_agency_under, schedules};
use crate::support::{Asker, Place, Site, Workplace, at, careful, on_both, token, token_until};

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
fn status_of(asker: &Asker, Request { method, path, body }: &Request) -> u16 {
    let text = body.as_ref().map(ToString::to_string);
    let headers: &[(&str, &str)] = if body.is_some() { &[("content-type", "application/json")] } else { &[] };
    asker.send(method, path, headers, text.as_deref()).status
}

on_both! {
    async fn data_of_another_workspace_is_not_found_under_any_name(place: &Place) {
        plan_agency(place).await;
        let site = Site::of(place);
        let owner = site.holder(&token(place, HARBOUR, "ann", Role::Admin));
        let job = owner.post("/api/orchestration/scheduler", &json!({"action": "daily"})).ok();
        let job = owner.ended(&job, HARBOUR)["id"].as_str().unwrap().to_owned();
        let id = schedules(&owner, HARBOUR, "")[0]["id"].as_str().unwrap().to_owned();
        let stranger = site.holder(&token(place, HUDSON, "eve", Role::Admin));
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
        assert_eq!(stranger.get("/api/orchestration/workspaces").ok()["workspaces"], json!([HUDSON]));
        let client = schedules(&owner, HARBOUR, "")[0]["client_id"].as_str().unwrap().to_owned();
        assert!(schedules(&stranger, HUDSON, &format!("clientId={client}")).is_empty());
        stranger.get(&format!("/api/orchestration/rules?clientId={client}")).refused(404);
        owner.get(&format!("/api/orchestration/rules?clientId={client}")).ok();
    }

    async fn once_a_token_exists_every_request_needs_one(place: &Place) {
        plan_agency(place).await;
        let site = Site::of(place);
        site.anybody().get(&format!("/api/orchestration/schedules?workspaceId={HARBOUR}")).ok();
        let token = token(place, HARBOUR, "ann", Role::Viewer);
        for request in requests(HARBOUR, "1", "1") {
            assert_eq!(status_of(&site.anybody(), &request), 401, "{request:?}");
        }
        let refused = site.anybody().get("/api/orchestration/schedules");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        site.holder(&token).get("/api/orchestration/schedules").ok();
        // A token implies its workspace, which need not be named.
        assert_eq!(site.holder(&token).get("/api/orchestration/schedules?type=overview").status, 200);
    }

    async fn revoked_expired_and_invalid_tokens_are_refused(place: &Place) {
        let ledger = plan_agency(place).await;
        let site = Site::of(place);
        let path = "/api/orchestration/schedules";
        let ann = token(place, HARBOUR, "ann", Role::Viewer);
        let expired = token_until(place, HARBOUR, "old", Role::Admin, "2026-02-01T00:00:00Z");
        site.holder(&ann).get(path).ok();
        site.holder(&expired).get(path).refused(401);
        for header in [format!("Basic {ann}"), format!("Token {ann}"), format!("Bearer{ann}"), ann.clone()] {
            site.anybody().send("GET", path, &[("authorization", &header)], None).refused(401);
        }
        let id = ledger.tokens().await.unwrap().into_iter().find(|token| token.name == "ann").unwrap().id;
        ledger.revoke_token(id, at("2026-11-01T00:00:00Z")).await.unwrap();
        site.holder(&ann).get(path).refused(401);
        for wrong in ["", "mcoe_", "x", &"0".repeat(64), &format!("mcoe_{}", "a".repeat(64)), &ann.to_uppercase()] {
            site.holder(wrong).get(path).refused(401);
        }
    }

    async fn the_scheme_of_a_token_is_case_insensitive(place: &Place) {
        plan_agency(place).await;
        let site = Site::of(place);
        let ann = token(place, HARBOUR, "ann", Role::Viewer);
        for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
            let header = format!("{scheme} {ann}");
            site.anybody().send("GET", "/api/orchestration/schedules", &[("authorization", &header)], None).ok();
        }
    }

    async fn each_role_has_exactly_its_permissions(place: &Place) {
        plan_agency(place).await;
        let site = Site::of(place);
        let viewer = site.holder(&token(place, HARBOUR, "vic", Role::Viewer));
        let approver = site.holder(&token(place, HARBOUR, "amy", Role::Approver));
        let admin = site.holder(&token(place, HARBOUR, "ada", Role::Admin));
        let id = pending_id(&viewer, HARBOUR);
        let approve = json!({"schedule_id": id, "action": "approve"});
        let refused = viewer.patch("/api/orchestration/schedules", &approve).refused(403);
        assert!(refused["detail"].as_str().unwrap().contains("viewer"), "{refused}");
        assert_eq!(approver.patch("/api/orchestration/schedules", &approve).ok()["actor"], "amy");
        for (path, body) in [
            ("scheduler", json!({"action": "daily"})),
            ("plans", json!({})),
            ("simulations", json!({})),
            ("comparisons", json!({"set": ["fatigue.warn_at=0.45"]})),
        ] {
            for asker in [&viewer, &approver] {
                asker.post(&format!("/api/orchestration/{path}"), &body).refused(403);
            }
        }
        let job = admin.post("/api/orchestration/plans", &json!({})).ok();
        assert_eq!(admin.ended(&job, HARBOUR)["actor"], "ada");
    }

    async fn whoever_planned_a_week_cannot_approve_its_high_risk_posts(place: &Place) {
        plan_agency_under(&careful(), place).await;
        let site = Site::of(place);
        let ann = site.holder(&token(place, HARBOUR, "ann", Role::Approver));
        let bob = site.holder(&token(place, HARBOUR, "bob", Role::Approver));
        let Some(high) = schedules(&ann, HARBOUR, "status=pending&risk=high").first().cloned() else {
            panic!("no pending schedule is of high risk");
        };
        let approve = json!({"schedule_id": high["id"], "action": "approve"});
        let refused = ann.patch("/api/orchestration/schedules", &approve).refused(409);
        assert!(refused["detail"].as_str().unwrap().contains("`ann` committed its plan"), "{refused}");
        bob.patch("/api/orchestration/schedules", &approve).ok();
    }
}

#[test]
fn a_token_is_created_shown_once_listed_and_revoked() {
    let (place, work) = (Place::sqlite(), Workplace::new());
    let run = |line: &str| work.mcoe(&format!("{line} --database {}", place.url));
    run("db load small").done();
    let workspace = "corner";
    let created = run(&format!("token create --workspace {workspace} --name ann --role approver")).done();
    let created = created.says(&["shown only once"]);
    let secret = created.out.trim().to_owned();
    assert!(secret.starts_with("mcoe_") && secret.len() == 69, "{secret}");
    let site = Site::of(&place);
    site.holder(&secret).get("/api/orchestration/schedules").ok();
    // The latest writes are in the write-ahead log next to the file.
    let files = [place.url.clone(), format!("{}-wal", place.url)];
    let bytes: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect();
    let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("ann") && !contains(&secret) && !contains(&secret[5..]));
    run(&format!("token create --workspace {workspace} --name ann --role viewer")).ends_with(2).says(&["named `ann`"]);
    run("token create --workspace nowhere --name ann --role viewer").ends_with(2).says(&["no workspace `nowhere`"]);
    run(&format!("token create --workspace {workspace} --name \u{7} --role viewer")).ends_with(2).says(&["1 to 80"]);
    run(&format!("token create --workspace {workspace} --name daily_pass --role viewer"))
        .ends_with(2)
        .says(&["reserved for the system"]);
    let listed = run("token list --format json").done().json();
    let id = listed[0]["id"].as_str().unwrap();
    assert!(!run("token list").done().out.contains(&secret));
    run(&format!("token revoke {id}")).done();
    site.holder(&secret).get("/api/orchestration/schedules").refused(401);
    assert!(run("token list").done().out.contains("revoked"));
    run(&format!("token create --workspace {workspace} --name ann --role viewer")).done();
}

#[test]
fn a_reachable_server_requires_a_token() {
    let (place, work) = (Place::sqlite(), Workplace::new());
    let run = |line: &str| work.mcoe(&format!("{line} --database {}", place.url));
    run("db load small").done();
    run("serve --address 0.0.0.0 --port 0")
        .ends_with(2)
        .says(&["can be reached from other machines", "mcoe token create"]);
}
