//! The state of the server, for its operators.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::json;

use super::openapi::{About, Api, Operation, Output};
use crate::web::problem::Problem;
use crate::web::state::App;

/// How soon the database must respond for the server to be ready.
const READY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// The routes of this module.
pub(super) fn routes(api: Api) -> Api {
    api.group("Operations", "For the operators of the server.")
        .get("/healthz", alive, About { id: "is_alive", summary: "Check that the process responds", description: "" })
        .get(
            "/readyz",
            ready,
            About {
                id: "is_ready",
                summary: "Check that requests can be served",
                description: "The database responds and can be written to, and the server is not shutting down.",
            },
        )
        .get("/metrics", metrics, About { id: "get_metrics", summary: "Get counters for Prometheus", description: "" })
}

/// The process responds.
#[derive(Serialize, JsonSchema)]
struct Alive {
    #[schemars(extend("enum" = ["ok"]))]
    status: &'static str,
    /// Version of mcoe.
    version: &'static str,
}

/// `GET /healthz`
async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Requests can be served.
#[derive(Serialize, JsonSchema)]
struct Ready {
    #[schemars(extend("enum" = ["ready"]))]
    status: &'static str,
}

impl IntoResponse for Ready {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

impl Output for Ready {
    fn describe(operation: &mut Operation, schemas: &mut SchemaGenerator) {
        Json::<Self>::describe(operation, schemas);
        operation.add_problems(schemas, &[StatusCode::SERVICE_UNAVAILABLE]);
    }
}

/// `GET /readyz`
async fn ready(State(app): State<App>) -> Result<Ready, Problem> {
    if app.is_stopping() {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Problem::new(status, "the server is shutting down", "ask another server"));
    }
    match tokio::time::timeout(READY_TIMEOUT, app.ledger.has_tokens()).await {
        Ok(answered) => answered?,
        Err(_) => return Err(Problem::busy(&"the database did not respond in time")),
    };
    app.write_check.run(&app.ledger).await?;
    Ok(Ready { status: "ready" })
}

/// Counters in the text format of OpenMetrics.
struct Metrics(String);

impl IntoResponse for Metrics {
    fn into_response(self) -> Response {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(header::CONTENT_TYPE, content_type)], self.0).into_response()
    }
}

impl Output for Metrics {
    fn describe(operation: &mut Operation, _: &mut SchemaGenerator) {
        let content = [("application/openmetrics-text", json!({"type": "string"}))];
        operation.add_response(StatusCode::OK, "The counters.", content);
    }
}

/// `GET /metrics`
async fn metrics(State(app): State<App>) -> Result<Metrics, Problem> {
    app.metrics.text().map(Metrics).map_err(|error| Problem::internal(&error))
}
