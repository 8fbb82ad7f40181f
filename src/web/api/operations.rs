//! What the people who run a server ask of it.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::web::problem::Problem;
use crate::web::state::App;

/// How soon the database must answer for the server to be ready.
const READY: std::time::Duration = std::time::Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /readyz`: the database answers and can be written, and the server is not about to end.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    if app.is_stopping() {
        let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        return Err(Problem::new(status, "the server is about to end", "ask another server"));
    }
    match tokio::time::timeout(READY, app.ledger.has_tokens()).await {
        Ok(answered) => answered?,
        Err(_) => return Err(Problem::busy(&"it does not answer in time")),
    };
    app.last_write.check(&app.ledger).await?;
    Ok(Json(json!({"status": "ready"})))
}

/// `GET /metrics`: counters, in the text format of OpenMetrics.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.metrics.text().map_err(|error| Problem::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
