//! What the people who run a server ask of it.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::store::StoreError;
use crate::web::problem::Problem;
use crate::web::state::App;

/// How soon the database must answer for the server to be ready.
const READY: std::time::Duration = std::time::Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// How long a try to write waits for other writers. Where they keep it waiting, they can write.
const WRITE: std::time::Duration = std::time::Duration::from_secs(1);

/// How long what a try to write found holds, so that nobody has the server write for each request.
const WRITE_HOLDS: std::time::Duration = std::time::Duration::from_secs(1);

/// When writing was last tried, and what came of it.
#[derive(Default)]
pub(in crate::web) struct LastWrite(tokio::sync::Mutex<Option<(tokio::time::Instant, Result<(), Problem>)>>);

impl LastWrite {
    /// Fails where the database has no room or may not be written.
    async fn check(&self, app: &App) -> Result<(), Problem> {
        let mut last = self.0.lock().await;
        if let Some((at, found)) = last.as_ref()
            && at.elapsed() < WRITE_HOLDS
        {
            return found.clone();
        }
        let found = match tokio::time::timeout(WRITE, app.ledger.try_write()).await {
            Ok(Err(cause @ (StoreError::DiskFull | StoreError::ReadOnly))) => Err(not_writable(&cause)),
            _ => Ok(()),
        };
        *last = Some((tokio::time::Instant::now(), found.clone()));
        found
    }
}

fn not_writable(cause: &StoreError) -> Problem {
    tracing::warn!(%cause, "the server is not ready");
    let status = axum::http::StatusCode::SERVICE_UNAVAILABLE;
    let remedy = "see to it that the database can be written; the server then goes on by itself";
    Problem { retry_after: Some(WRITE_HOLDS.as_secs()), ..Problem::new(status, cause.to_string(), remedy) }
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
    app.last_write.check(&app).await?;
    Ok(Json(json!({"status": "ready"})))
}

/// `GET /metrics`: counters, in the text format of OpenMetrics.
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, Problem> {
    let text = app.metrics.text().map_err(|error| Problem::internal(&error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
