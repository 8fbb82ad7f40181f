//! Schedules and recorded decisions in the API.

use mcoe::model::Role;
use serde_json::{Value, json};

use super::{HARBOUR, HUDSON, pending_id, plan_agency, schedules};
use crate::support::{TestDatabase, TestServer, on_both, token};

on_both! {
    async fn a_list_is_paged_in_order_and_complete(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        for (sort, is_latest_first) in [("time", false), ("latest", true)] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/api/orchestration/schedules?workspace_id={HARBOUR}&limit=7&sort={sort}{cursor}");
                let page = http.get(&path).ok_json();
                let rows = page["schedules"].as_array().unwrap().clone();
                assert!(rows.len() <= 7);
                seen.extend(rows.iter().map(|row| {
                    (row["scheduled_for"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned())
                }));
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let mut sorted = seen.clone();
            sorted.sort();
            if is_latest_first { sorted.reverse(); }
            assert_eq!(seen, sorted, "{sort}");
            sorted.dedup();
            assert_eq!(sorted.len(), schedules(&http, HARBOUR, "").len());
        }
        let by_risk = schedules(&http, HARBOUR, "sort=risk");
        let rank = |row: &Value| ["high", "medium", "low"].iter().position(|name| row["risk_level"] == *name);
        assert!(by_risk.windows(2).all(|pair| rank(&pair[0]) <= rank(&pair[1])));
    }

    async fn filters_narrow_a_list(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let all = schedules(&http, HARBOUR, "");
        let client = all[0]["client_id"].as_str().unwrap();
        let of_client = schedules(&http, HARBOUR, &format!("clientId={client}"));
        assert!(!of_client.is_empty() && of_client.len() < all.len());
        assert!(of_client.iter().all(|row| row["client_id"] == client));
        for (query, field, value) in
            [("channel=fb", "channel", "fb"), ("status=pending", "status", "pending"), ("risk=high", "risk_level", "high")]
        {
            let found = schedules(&http, HARBOUR, query);
            assert_eq!(found.len(), all.iter().filter(|row| row[field] == value).count(), "{query}");
        }
        let tuesday = schedules(&http, HARBOUR, "from=2026-09-08&to=2026-09-08");
        let is_tuesday = |row: &Value| row["metadata"]["local_time"].as_str().unwrap().starts_with("2026-09-08");
        assert_eq!(tuesday.len(), all.iter().filter(|row| is_tuesday(row)).count());
        assert!(!tuesday.is_empty());
        let hours = schedules(&http, HARBOUR, "from=2026-09-08T10:00:00Z&to=2026-09-08T12:00:00Z");
        assert!(hours.iter().all(|row| ("2026-09-08T10".."2026-09-08T12").contains(&&row["scheduled_for"].as_str().unwrap()[..13])));
    }

    async fn figures_agree_with_the_lists(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let overview = http.get(&format!("/api/orchestration/schedules?workspaceId={HUDSON}&type=overview")).ok_json();
        assert_eq!(overview["total_schedules"], schedules(&http, HUDSON, "").len());
        assert_eq!(overview["pending_schedules"], schedules(&http, HUDSON, "status=pending").len());
        assert_eq!(overview["blocked_count"], schedules(&http, HUDSON, "status=blocked").len());
        let channels = http.get(&format!("/api/orchestration/schedules?workspaceId={HUDSON}&type=channels")).ok_json();
        let channels = channels["channels"].as_array().unwrap();
        assert_eq!(overview["channels_active"], channels.len());
        for channel in channels {
            let name = channel["channel"].as_str().unwrap();
            let pending = schedules(&http, HUDSON, &format!("status=pending&channel={name}"));
            assert_eq!(channel["pending"], pending.len(), "{name}");
            assert!(channel["health"]["recommended_wait_hours"].as_f64().unwrap() >= 6.0);
        }
    }

    async fn approvals_and_cancellations_are_recorded_with_their_actor(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let id = pending_id(&http, HARBOUR);
        let changed = http.patch("/api/orchestration/schedules",
            &json!({"workspaceId": HARBOUR, "scheduleId": id, "action": "approve"})).ok_json();
        assert_eq!((&changed["changed"], &changed["status"]), (&json!(1), &json!("ready")));
        let record = http.get(&format!("/api/orchestration/schedules/{id}?workspaceId={HARBOUR}")).ok_json();
        let schedule = &record["schedule"];
        assert_eq!((&schedule["status"], &schedule["approved_by"]), (&json!("ready"), &json!("local")));
        let kinds: Vec<&str> =
            record["decisions"].as_array().unwrap().iter().map(|row| row["action_type"].as_str().unwrap()).collect();
        for kind in ["schedule_approved", "time_choice", "select_asset", "posting_decision", "schedule_created"] {
            assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
        }
        let cancelled_ids: Vec<String> = schedules(&http, HARBOUR, "status=pending").iter().take(3)
            .map(|row| row["id"].as_str().unwrap().to_owned()).collect();
        let cancel = json!({"workspace_id": HARBOUR, "ids": cancelled_ids, "action": "cancel", "reason": "sold out"});
        let cancelled = http.patch("/api/orchestration/schedules", &cancel).ok_json();
        assert_eq!(cancelled["changed"], cancelled_ids.len());
        let path = format!("/api/orchestration/schedules/{}?workspaceId={HARBOUR}", cancelled_ids[0]);
        assert_eq!(http.get(&path).ok_json()["schedule"]["blocked_reason"], "cancelled by local: sold out");
    }

    async fn a_repeated_change_gets_the_same_response(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let ann = server.client_with(&token(database, HARBOUR, "ann", Role::Approver));
        let bob = server.client_with(&token(database, HARBOUR, "bob", Role::Admin));
        let path = "/api/orchestration/schedules";
        let weekly = json!({"action": "weekly"});
        bob.wait_for_job(&bob.post("/api/orchestration/scheduler", &weekly).ok_json(), HARBOUR);
        let coming = schedules(&bob, HARBOUR, "status=pending&risk=low&sort=latest");
        let (first_id, second_id) = (coming[0]["id"].clone(), coming[1]["id"].clone());
        let decisions = |id: &Value| {
            let record = ann.get(&format!("{path}/{}", id.as_str().unwrap())).ok_json();
            record["decisions"].as_array().unwrap().len()
        };
        for (action, status) in [("approve", "ready"), ("cancel", "cancelled"), ("restore", "pending")] {
            let body = json!({"ids": [first_id, second_id], "action": action, "reason": "sold out"});
            let first = ann.patch(path, &body).ok_json();
            let before = decisions(&first_id);
            let again = ann.patch(path, &body).ok_json();
            for field in ["changed", "ids", "status", "actor", "skipped"] {
                assert_eq!(again[field], first[field], "{action} {field}");
            }
            assert_eq!((&first["changed"], first["ids"].as_array().unwrap().len()), (&json!(2), 2), "{first}");
            for (answer, repeated) in [(&first, false), (&again, true)] {
                let rows = answer["schedules"].as_array().unwrap();
                assert!(rows.iter().all(|row| row["status"] == status && row["repeated"] == repeated), "{answer}");
            }
            assert_eq!(decisions(&first_id), before, "{action} is recorded once");
            // A change by another caller, or a different change, is not a repetition.
            bob.patch(path, &body).refused(409);
        }
        let cancel = |reason: &str| json!({"schedule_id": first_id, "action": "cancel", "reason": reason});
        ann.patch(path, &json!({"schedule_id": first_id, "action": "approve"})).ok_json();
        ann.patch(path, &cancel("sold out")).ok_json();
        ann.patch(path, &cancel("the shop is closed")).refused(409);
        // A voided approval is not reported as repeated.
        ann.patch(path, &json!({"schedule_id": first_id, "action": "approve"})).refused(409);
        // One cancellation is repeated, and one is new.
        let cancel_both = json!({"ids": [first_id, second_id], "action": "cancel", "reason": "sold out"});
        let both = ann.patch(path, &cancel_both).ok_json();
        assert_eq!((&both["changed"], &both["skipped"]), (&json!(2), &json!([])), "{both}");
    }

    async fn two_concurrent_identical_approvals_both_succeed(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let body = json!({"workspaceId": HARBOUR, "schedule_id": pending_id(&http, HARBOUR), "action": "approve"});
        let mut repeated = Vec::new();
        std::thread::scope(|scope| {
            let senders: Vec<_> =
                (0..4).map(|_| scope.spawn(|| http.patch("/api/orchestration/schedules", &body).ok_json())).collect();
            for sender in senders {
                repeated.push(sender.join().unwrap()["schedules"][0]["repeated"].as_bool().unwrap());
            }
        });
        assert_eq!(repeated.iter().filter(|repeated| !**repeated).count(), 1, "{repeated:?}");
    }

    async fn a_cursor_is_refused_by_a_list_in_another_order_or_under_another_filter(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let get = |path: &str, query: &str| {
            http.get(&format!("/api/orchestration/{path}?workspaceId={HARBOUR}&{query}"))
        };
        let cursor = |path: &str, query: &str| {
            get(path, &format!("limit=2&{query}")).ok_json()["next_cursor"].as_str().unwrap().to_owned()
        };
        let cursors = [
            ("schedules", "sort=risk&status=pending", "sort=time&status=pending"),
            ("schedules", "sort=time&channel=fb", "sort=latest&channel=fb"),
            ("schedules", "channel=fb", "channel=ig"),
            ("schedules", "from=2026-09-08", ""),
            ("scheduler", "days=366", "days=365"),
            ("scheduler", "days=366&actionType=time_choice", "days=366&actionType=select_asset"),
        ];
        for (path, query, other) in cursors {
            let cursor = cursor(path, query);
            assert!(get(path, &format!("{query}&limit=9&cursor={cursor}")).ok_json()["next_cursor"].is_string());
            let refused = get(path, &format!("{other}&cursor={cursor}")).refused(400);
            let error = &refused["errors"][0];
            assert_eq!(error["field"], "cursor");
            assert!(error["detail"].as_str().unwrap().contains("another order or filter"), "{error}");
            let page = if path == "schedules" { "" } else { "/decisions" };
            let page = http.get(&format!("/founder/orchestration{page}?workspace={HARBOUR}&actor=x&cursor={cursor}"));
            assert_eq!(page.status, 400, "{}", page.text);
        }
        // The default order can be named explicitly, and a cursor of an earlier version is refused.
        let unnamed = cursor("schedules", "");
        get("schedules", &format!("sort=time&type=list&cursor={unnamed}")).ok_json();
        let earlier = unnamed.split_once('~').unwrap().1;
        let refused = get("schedules", &format!("cursor={earlier}")).refused(400);
        assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("an earlier version"), "{refused}");
    }

    async fn a_change_applies_to_all_named_schedules_or_none(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let (id, other) = (pending_id(&http, HARBOUR), schedules(&http, HUDSON, "")[0]["id"].clone());
        let refused = http.patch("/api/orchestration/schedules",
            &json!({"workspaceId": HARBOUR, "ids": [id, other], "action": "approve"}));
        refused.refused(404);
        let record = http.get(&format!("/api/orchestration/schedules/{id}?workspaceId={HARBOUR}")).ok_json();
        assert_eq!(record["schedule"]["status"], "pending");
    }

    async fn recorded_decisions_can_be_paged_and_counted(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let path = format!("/api/orchestration/scheduler?workspaceId={HARBOUR}&limit=100");
        let (mut seen, mut cursor) = (0, String::new());
        loop {
            let page = http.get(&format!("{path}{cursor}")).ok_json();
            seen += page["actions"].as_array().unwrap().len();
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let stats = http.get(&format!(
            "/api/orchestration/scheduler?workspaceId={HARBOUR}&type=stats&from=2026-01-01T00:00:00Z")).ok_json();
        let counted: u64 = stats["counts"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(counted, seen as u64);
        let filtered = http.get(&format!("{path}&actionType=conflict_detected&actor=early_warning")).ok_json();
        assert!(filtered["actions"].as_array().unwrap().iter().all(|row| row["action_type"] == "conflict_detected"));
    }

    async fn conflicts_rules_workspaces_and_health_can_be_read(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let conflicts = http.get(&format!("/api/orchestration/conflicts?workspaceId={HARBOUR}&days=366")).ok_json();
        let groups = conflicts["groups"].as_array().unwrap();
        assert!(!groups.is_empty());
        for group in groups {
            let listed = group["conflicts"].as_array().unwrap();
            assert!(!listed.is_empty() && listed.len() as u64 <= group["count"].as_u64().unwrap());
            assert!(listed.iter().all(|conflict| !conflict["resolution"].as_str().unwrap().is_empty()));
        }
        let rules = http.get(&format!("/api/orchestration/rules?workspaceId={HARBOUR}&key=fatigue")).ok_json();
        let values = rules["values"].as_array().unwrap();
        assert!(values.iter().any(|value| value["key"] == "fatigue.warn_at" && value["file"] == "fatigue.toml"));
        let listed = http.get("/api/orchestration/workspaces").ok_json();
        assert!(listed["workspaces"].as_array().unwrap().contains(&json!(HARBOUR)));
        let history = http.get(&format!("/api/orchestration/health?workspaceId={HARBOUR}")).ok_json();
        assert_eq!(history["history"], json!([]));
    }

    async fn every_error_of_a_request_is_reported_at_once(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let wrong = http.get("/api/orchestration/schedules?chanel=fb&status=readdy&limit=0&from=monday&cursor=x");
        let problem = wrong.refused(400);
        let fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|row| row["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["status", "from", "cursor", "limit", "chanel"]);
        let wrong = http.patch("/api/orchestration/schedules", &json!({"action": "approv", "ids": ["x"], "reason": 5}));
        let problem = wrong.refused(400);
        let fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|row| row["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["ids", "schedule_id", "reason", "action"]);
        for (body, status) in [("[]", 400), ("{", 400), ("", 400), ("\"x\"", 400)] {
            http.send("PATCH", "/api/orchestration/schedules", &[("content-type", "application/json")], Some(body))
                .refused(status);
        }
        http.send("PATCH", "/api/orchestration/schedules", &[("content-type", "text/plain")], Some("{}")).refused(415);
        http.get("/api/orchestration/nothing").refused(404);
        http.send("DELETE", "/api/orchestration/schedules", &[], None).refused(405);
    }
}
