//! Metrics for Prometheus. No label names a workspace, a client or a person.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FinishedJob {
    kind: &'static str,
    status: &'static str,
}

/// The metrics of a server.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    durations: Family<Route, Histogram>,
    jobs: Family<FinishedJob, Counter>,
    pub connections: Gauge,
    pub jobs_running: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mcoe");
        let requests = Family::<Request, Counter>::default();
        let durations = Family::<Route, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let jobs = Family::<FinishedJob, Counter>::default();
        let (connections, jobs_running) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests served", requests.clone());
        registry.register("http_request_seconds", "Response times in seconds", durations.clone());
        registry.register("jobs", "Finished jobs", jobs.clone());
        registry.register("jobs_running", "Jobs in progress", jobs_running.clone());
        registry.register("http_connections", "Open connections", connections.clone());
        Self { registry: Mutex::new(registry), requests, durations, jobs, connections, jobs_running }
    }
}

impl Metrics {
    /// Counts a request, and how long it took. `route` is the pattern that matched.
    pub fn count_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let request = Request { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(took.as_secs_f64());
    }

    /// Counts a finished job.
    pub fn count_finished_job(&self, kind: &'static str, status: &'static str) {
        self.jobs.get_or_create(&FinishedJob { kind, status }).inc();
    }

    /// All metrics in the OpenMetrics text format.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}
