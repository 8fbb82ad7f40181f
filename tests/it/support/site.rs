//! A server with a ledger, and a client that sends requests over a real socket.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mcoe::model::{Role, WorkspaceId};
use mcoe::store::{Ledger, NewToken};
use mcoe::web::{Options, Secret, Server, random_id};
use serde_json::Value;
use tokio::sync::oneshot;

use super::openapi::breaches_of_answer;
use super::{Place, at, block_on, compiled, default_pack};

/// A server, stopped when it is dropped.
pub struct Site {
    address: SocketAddr,
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

impl Site {
    pub fn of(place: &Place) -> Self {
        Self::with(place, options())
    }

    pub fn with(place: &Place, options: Options) -> Self {
        // The server's log is shown with the failed test; only the first call sets it up.
        let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::ERROR);
        let _ = log.with_test_writer().try_init();
        let address = place.address();
        let (stop, stopped) = oneshot::channel();
        let (reported, where_it_is) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let ledger = Ledger::open(&address).await.unwrap();
                let server = Server::listen(ledger, compiled(default_pack()), options).await.unwrap();
                reported.send(server.address()).unwrap();
                server.serve(async { stopped.await.unwrap_or(()) }).await;
            });
        });
        let address = where_it_is.recv_timeout(Duration::from_secs(60)).unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A client without a token.
    pub fn anybody(&self) -> Asker {
        Asker { base: format!("http://{}", self.address), token: None }
    }

    /// A client with a token.
    pub fn holder(&self, token: &str) -> Asker {
        Asker { token: Some(token.to_owned()), ..self.anybody() }
    }

    /// Stops the server, and waits until it has stopped.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.end();
    }
}

/// Creates a token that is valid for years.
pub fn token(place: &Place, workspace: &str, name: &str, role: Role) -> String {
    token_until(place, workspace, name, role, "2099-01-01T00:00:00Z")
}

pub fn token_until(place: &Place, workspace: &str, name: &str, role: Role, until: &str) -> String {
    let secret = Secret::token().unwrap();
    let workspace = WorkspaceId::new(workspace);
    std::thread::scope(|scope| {
        let made = scope.spawn(|| {
            block_on(async {
                let hash = secret.hash();
                let now = at("2026-01-01T00:00:00Z");
                let (id, expires_at) = (random_id().unwrap(), at(until));
                let token = NewToken { id, workspace: &workspace, name, role, hash: &hash, now, expires_at };
                place.ledger().await.create_token(&token).await.unwrap();
            });
        });
        made.join().unwrap();
    });
    secret.reveal().to_owned()
}

/// A client that sends requests.
#[derive(Clone)]
pub struct Asker {
    base: String,
    token: Option<String>,
}

/// A response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Asker {
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send("PATCH", path, &[("content-type", "application/json")], Some(&body.to_string()))
    }

    /// Sends a request. A response of the API must conform to the document.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        // The document is the same on every server.
        static DOCUMENT: OnceLock<Value> = OnceLock::new();
        let document = DOCUMENT.get_or_init(|| self.request("GET", "/api/openapi.json", &[], None).ok());
        let answer = self.request(method, path, headers, body);
        let breaches = breaches_of_answer(document, method, path, &answer);
        assert!(breaches.is_empty(), "{breaches:#?}");
        answer
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = match body {
            Some(body) => agent.run(request.body(body.to_owned()).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        }
        .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: response.body_mut().read_to_string().unwrap_or_default(),
        }
    }

    /// Waits until a job has ended.
    pub fn ended(&self, job: &Value, workspace: &str) -> Value {
        let start = Instant::now();
        loop {
            let id = job["id"].as_str().unwrap();
            let now = self.get(&format!("/api/orchestration/jobs/{id}?workspaceId={workspace}")).ok();
            if now["status"] != "running" {
                return now;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{now}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The JSON of a response that must be a success.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The problem of a response that must have this status.
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
