//! A running mcoe server, and an HTTP client that sends requests to it over a real socket.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcoe::model::{Role, WorkspaceId};
use mcoe::rules::CompiledRules;
use mcoe::store::{Ledger, NewToken};
use mcoe::web::{Options, Secret, Server, random_id};
use serde_json::Value;
use tokio::sync::oneshot;

use super::openapi::response_violations;
use super::{TestDatabase, at, block_on, compiled, default_pack};

/// An mcoe server on a thread of its own, stopped when it is dropped.
pub struct TestServer {
    address: SocketAddr,
    /// The server stops when this is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Default options: a free port, and no effective rate limit.
pub fn options() -> Options {
    Options {
        address: "127.0.0.1:0".parse().unwrap(),
        requests_per_second: NonZeroU32::new(100_000).unwrap(),
        is_https: false,
        is_alone: false,
        is_demo: false,
        runs_passes: false,
    }
}

impl TestServer {
    /// Starts a server with the default options.
    pub fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, options())
    }

    /// Starts a server under the default rules.
    pub fn start_with(database: &TestDatabase, options: Options) -> Self {
        Self::start_under(compiled(default_pack()), database, options)
    }

    /// Starts a server under the given rules, and waits until it listens.
    pub fn start_under(rules: CompiledRules, database: &TestDatabase, options: Options) -> Self {
        // The output of a test that fails includes the server's errors. Only the first call has an effect.
        let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR);
        let _ = log.with_test_writer().try_init();
        let url = database.parsed_url();
        let (stop, stopped) = oneshot::channel();
        let (address_sender, address_receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let ledger = Ledger::open(&url).await.unwrap();
                let server = Server::listen(ledger, rules, options).await.unwrap();
                address_sender.send(server.address()).unwrap();
                server.serve(async { stopped.await.unwrap_or(()) }).await;
            });
        });
        let address = address_receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client without a token.
    pub fn anonymous_client(&self) -> HttpClient {
        HttpClient { base_url: format!("http://{}", self.address), token: None }
    }

    /// A client with a token.
    pub fn client_with(&self, token: &str) -> HttpClient {
        HttpClient { token: Some(token.to_owned()), ..self.anonymous_client() }
    }

    /// Stops the server, and waits until it has stopped.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    fn stop_and_wait(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || std::thread::panicking());
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop_and_wait();
    }
}

/// Creates a token that is valid for years. Returns its secret.
pub fn token(database: &TestDatabase, workspace: &str, name: &str, role: Role) -> String {
    token_until(database, workspace, name, role, "2099-01-01T00:00:00Z")
}

/// Creates a token that expires at a time. Returns its secret.
pub fn token_until(database: &TestDatabase, workspace: &str, name: &str, role: Role, expires_at: &str) -> String {
    let secret = Secret::token().unwrap();
    let workspace = WorkspaceId::new(workspace);
    // On another thread, because the caller may be in an async runtime already.
    std::thread::scope(|scope| {
        let creation = scope.spawn(|| {
            block_on(async {
                let hash = secret.hash();
                let now = at("2026-01-01T00:00:00Z");
                let (id, expires_at) = (random_id().unwrap(), at(expires_at));
                let token = NewToken { id, workspace: &workspace, name, role, hash: &hash, now, expires_at };
                database.ledger().await.create_token(&token).await.unwrap();
            });
        });
        creation.join().unwrap();
    });
    secret.reveal().to_owned()
}

/// Sends requests to one server, with a token or without.
#[derive(Clone)]
pub struct HttpClient {
    base_url: String,
    token: Option<String>,
}

/// An HTTP response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl HttpClient {
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Response {
        self.send("PATCH", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    /// Sends a request. A response of the API must conform to the OpenAPI document.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Response {
        // Every server has the same document.
        static DOCUMENT: OnceLock<Value> = OnceLock::new();
        let document = DOCUMENT.get_or_init(|| self.request("GET", "/api/openapi.json", &[], None).ok_json());
        let response = self.request(method, path, headers, body);
        let violations = response_violations(document, method, path, &response);
        assert!(violations.is_empty(), "{violations:#?}");
        response
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Response {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base_url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut http_response = match body {
            Some(body) => agent.run(request.body(body.to_owned()).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        }
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let headers = http_response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Response {
            status: http_response.status().as_u16(),
            headers: headers.collect(),
            text: http_response.body_mut().read_to_string().unwrap_or_default(),
        }
    }

    /// Waits until a job is no longer running. Returns it.
    pub fn wait_for_job(&self, job: &Value, workspace: &str) -> Value {
        let start = Instant::now();
        loop {
            let id = job["id"].as_str().unwrap();
            let current = self.get(&format!("/api/orchestration/jobs/{id}?workspaceId={workspace}")).ok_json();
            if current["status"] != "running" {
                return current;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{current}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Response {
    /// The value of a header, whose name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The JSON of a response, which must be a success.
    pub fn ok_json(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The problem in a response, which must have this status and every field of a problem.
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        let problem: Value = serde_json::from_str(&self.text).unwrap();
        for field in ["type", "title", "detail", "remedy"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        assert_eq!(problem["status"], status);
        problem
    }
}
