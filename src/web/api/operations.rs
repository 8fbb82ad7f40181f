//! What the people who run a server ask of it.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::web::problem::Problem;
use crate::web::state::App;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// `GET /readyz`: the database answers too, and the server is not about to end.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    if app.is_stopping() {
        let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        return Err(Problem::new(status, "the server is about to end", "ask another server"));
    }
    app.ledger.has_tokens().await?;
    Ok(Json(json!({"status": "ready"})))
}

/// `GET /metrics`: counters, in the text format of OpenMetrics.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.metrics.text().map_err(|error| Problem::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
