//! Counters for Prometheus. None names a workspace, a client or a person.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper edges of the buckets of durations, seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// A kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// A kind of job and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    status: &'static str,
}

/// The counters.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    jobs: Family<Ended, Counter>,
    pub connections: Gauge,
    pub jobs_running: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mcoe");
        let requests = Family::<Request, Counter>::default();
        let durations = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let jobs = Family::<Ended, Counter>::default();
        let (connections, jobs_running) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests served", requests.clone());
        registry.register("http_request_seconds", "How long requests took to be answered", durations.clone());
        registry.register("jobs", "Jobs that ended", jobs.clone());
        registry.register("jobs_running", "Jobs that are being done", jobs_running.clone());
        registry.register("http_connections", "Open connections", connections.clone());
        Self { registry: Mutex::new(registry), requests, durations, jobs, connections, jobs_running }
    }
}

impl Metrics {
    /// Counts a request. The route is the pattern that it met.
    pub fn served(&self, method: &str, route: &str, status: u16, took: Duration) {
        let request = Request { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a job that ended.
    pub fn ended(&self, kind: &'static str, status: &'static str) {
        self.jobs.get_or_create(&Ended { kind, status }).inc();
    }

    /// All of them, in the text format of OpenMetrics.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}
