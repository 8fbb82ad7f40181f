//! Malicious and malformed requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use mcoe::model::Role;
use serde_json::json;

use super::{HARBOUR, pending_id, plan_agency, schedules};
use crate::support::{TestDatabase, TestServer, block_on, on_both, options, token};

const SQL: [&str; 6] = [
    "' OR '1'='1",
    "'; DROP TABLE clients; --",
    "\" OR \"\"=\"",
    "harbour' UNION SELECT hash FROM tokens --",
    "%27%20OR%201%3D1",
    "$1",
];

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

on_both! {
    async fn sql_in_parameters_is_treated_as_text(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let all = schedules(&http, HARBOUR, "").len();
        let escape = |text: &str| -> String {
            text.bytes().map(|byte| format!("%{byte:02X}")).collect()
        };
        for text in SQL {
            let text = escape(text);
            http.get(&format!("/api/orchestration/schedules?workspaceId={text}")).refused(404);
            assert!(schedules(&http, HARBOUR, &format!("clientId={text}")).is_empty());
            for field in ["channel", "status", "risk", "from", "to", "limit", "cursor", "type", "sort"] {
                http.get(&format!("/api/orchestration/schedules?workspaceId={HARBOUR}&{field}={text}")).refused(400);
            }
            http.get(&format!("/api/orchestration/schedules/{text}?workspaceId={HARBOUR}")).refused(404);
            http.get(&format!("/api/orchestration/jobs/{text}?workspaceId={HARBOUR}")).refused(404);
            let found = http.get(&format!("/api/orchestration/scheduler?workspaceId={HARBOUR}&actor={text}")).ok_json();
            assert_eq!(found["actions"], json!([]));
            let found =
                http.get(&format!("/api/orchestration/conflicts?workspaceId={HARBOUR}&clientId={text}")).ok_json();
            assert_eq!(found["groups"], json!([]));
        }
        for path in ["jobs/%ff", "jobs/%00", "schedules/%ff?workspaceId=harbour"] {
            http.get(&format!("/api/orchestration/{path}")).refused(if path.contains("00") { 400 } else { 404 });
        }
        let job = http.post("/api/orchestration/plans", &json!({"workspaceId": HARBOUR})).ok_json();
        let id = job["id"].as_str().unwrap();
        http.get(&format!("/api/orchestration/jobs/{id}/files/%00?workspaceId={HARBOUR}")).refused(404);
        for text in SQL {
            http.patch("/api/orchestration/schedules",
                &json!({"workspaceId": HARBOUR, "ids": [text], "action": "approve"})).refused(400);
        }
        assert_eq!(schedules(&http, HARBOUR, "").len(), all);
    }

    async fn scripts_in_texts_are_escaped(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let http = server.anonymous_client();
        let id = pending_id(&http, HARBOUR);
        http.patch("/api/orchestration/schedules",
            &json!({"workspaceId": HARBOUR, "schedule_id": id, "action": "cancel", "reason": SCRIPT})).ok_json();
        let quoted = SCRIPT.replace('\'', "''");
        database.run(&format!("UPDATE clients SET name = '{quoted}', industry = '{quoted}'")).await.unwrap();
        let preview = json!({"title": SCRIPT, "body": SCRIPT, "kind": SCRIPT}).to_string().replace('\'', "''");
        database.run(&format!("UPDATE campaign_orchestration_schedules SET content_preview = '{preview}', \
            blocked_reason = '{quoted}'")).await.unwrap();
        let base = "/founder/orchestration";
        let encoded: String = SCRIPT.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("{base}?workspace={HARBOUR}&status=cancelled"),
            format!("{base}?workspace={HARBOUR}&view=week&from=2026-09-08"),
            format!("{base}/schedules/{id}?workspace={HARBOUR}"),
            format!("{base}/conflicts?workspace={HARBOUR}&days=366"),
            format!("{base}/decisions?workspace={HARBOUR}"),
            format!("{base}/channels?workspace={HARBOUR}"),
            format!("{base}/runs?workspace={HARBOUR}"),
            format!("{base}?workspace={HARBOUR}&client={encoded}"),
            format!("{base}?workspace={HARBOUR}&channel={encoded}"),
            format!("{base}?workspace={encoded}"),
            format!("{base}/decisions?workspace={HARBOUR}&actor={encoded}"),
            format!("{base}/login?next={encoded}"),
            format!("{base}?workspace={HARBOUR}&{encoded}=1"),
        ] {
            let page = http.get(&path);
            assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{path}");
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        }
        let page = http.get(&format!("{base}/schedules/{id}?workspace={HARBOUR}"));
        assert!(page.text.contains("&lt;script&gt;alert(1)"), "{}", page.text);
    }

    async fn wrong_tokens_are_rate_limited_and_a_valid_one_is_not(database: &TestDatabase) {
        plan_agency(database).await;
        let server = TestServer::start(database);
        let viewer = server.client_with(&token(database, HARBOUR, "ann", Role::Viewer));
        let mut answers = std::collections::BTreeMap::new();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8_u64)
                .map(|worker| {
                    let address = server.address();
                    let send = move |number| send_wrong_token(address, worker * 10_000 + number);
                    scope.spawn(move || (0..1250_u64).map(send).collect::<Vec<u16>>())
                })
                .collect();
            for worker in workers {
                for status in worker.join().unwrap() {
                    *answers.entry(status).or_insert(0) += 1;
                }
            }
        });
        assert_eq!(answers.values().sum::<i32>(), 10_000, "{answers:?}");
        assert!(answers.keys().all(|status| [401, 429].contains(status)), "{answers:?}");
        assert!(answers[&429] > 9_000, "{answers:?}");
        viewer.get("/api/orchestration/schedules").ok_json();
    }
}

/// The status of the response to a wrong token, sent over a new connection.
fn send_wrong_token(address: std::net::SocketAddr, number: u64) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /api/orchestration/schedules HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer mcoe_{number:064x}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The response to raw bytes, until the server closes the connection.
fn send_raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The server may close the connection before everything is sent.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn oversized_and_missing_bodies_are_refused() {
    let database = TestDatabase::sqlite();
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    let large = json!({"workspaceId": "x", "reason": "x".repeat(100_000), "action": "approve"});
    http.patch("/api/orchestration/schedules", &large).refused(413);
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let json = [("content-type", "application/json")];
    http.send("PATCH", "/api/orchestration/schedules", &json, Some(&deep)).refused(400);
    http.send("POST", "/api/orchestration/scheduler", &json, Some("{\"action\": \"dai")).refused(400);
    let head = "PATCH /api/orchestration/schedules HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let bad_utf8 = [format!("{head}content-length: 4\r\n\r\n").as_bytes(), b"\xff\xfe\xfd\xfc"].concat();
    assert!(send_raw(&server, &bad_utf8).starts_with("HTTP/1.1 400"));
    assert!(send_raw(&server, b"GET / HTTP/9.9\r\n\r\n").starts_with("HTTP/1.1 "));
    assert!(!send_raw(&server, b"\x16\x03\x01\x02\x00\x01\x00").contains("200"));
    let many_headers = (0..200).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    let answer =
        send_raw(&server, format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{many_headers}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(http.get("/healthz").status, 200);
}

#[test]
fn slow_clients_time_out_while_others_are_served() {
    let database = TestDatabase::sqlite();
    let server = TestServer::start(&database);
    let start = Instant::now();
    let mut slow: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: loc").unwrap();
    }
    assert_eq!(server.anonymous_client().get("/healthz").status, 200);
    let mut last = slow.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut rest = Vec::new();
    let ended = last.read_to_end(&mut rest);
    assert!(ended.is_ok(), "{ended:?}");
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[test]
fn path_traversal_is_refused() {
    let database = TestDatabase::sqlite();
    let server = TestServer::start(&database);
    for path in [
        "/founder/assets/../../Cargo.toml",
        "/founder/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/founder/assets/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/founder/assets/console.css/../../../etc/passwd",
        "/api/../etc/passwd",
        "/founder/orchestration/%00",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = send_raw(&server, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("[package]"), "{path}");
    }
}

#[test]
fn cross_site_requests_are_refused() {
    let database = TestDatabase::sqlite();
    block_on(plan_agency(&database));
    let server = TestServer::start(&database);
    let http = server.anonymous_client();
    let path = format!("/api/orchestration/schedules?workspaceId={HARBOUR}");
    // A host name of another site that resolves to this machine.
    let rebound =
        send_raw(&server, format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").as_bytes());
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    let body = json!({"workspaceId": HARBOUR, "action": "daily"}).to_string();
    for headers in [
        vec![("content-type", "text/plain")],
        vec![("content-type", "application/json"), ("sec-fetch-site", "cross-site")],
        vec![("content-type", "application/json"), ("origin", "https://evil.example")],
    ] {
        let answer = http.send("POST", "/api/orchestration/scheduler", &headers, Some(&body));
        assert!([403, 415].contains(&answer.status), "{headers:?}: {}", answer.text);
    }
    let answer = http.get("/api/orchestration/workspaces");
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_rate_limited_caller_is_told_how_long_to_wait() {
    let database = TestDatabase::sqlite();
    block_on(plan_agency(&database));
    let limited = mcoe::web::Options { requests_per_second: NonZeroU32::new(2).unwrap(), ..options() };
    let server = TestServer::start_with(&database, limited);
    let http = server.anonymous_client();
    let answers: Vec<u16> = (0..30).map(|_| http.get("/api/orchestration/workspaces").status).collect();
    assert!(answers.contains(&200) && answers.contains(&429), "{answers:?}");
    let refused =
        (0..30).map(|_| http.get("/api/orchestration/workspaces")).find(|answer| answer.status == 429).unwrap();
    refused.refused(429);
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(http.get("/healthz").status, 200);
}
