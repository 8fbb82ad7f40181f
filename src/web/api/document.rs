//! The description of the interface: for programs, and as a page for people.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde_json::Value;

use crate::web::problem::Problem;
use crate::web::state::App;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`
pub(super) async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// `GET /api`
pub(super) async fn page(State(app): State<App>) -> Result<Response, Problem> {
    let document: Value = serde_json::from_str(DOCUMENT).map_err(|error| Problem::internal(&error))?;
    let template = app.templates.get_template("api.html").map_err(|error| Problem::internal(&error))?;
    let html = template.render(context! { document => Serde(&document), version => app.asset_version.as_str() });
    Ok(Html(html.map_err(|error| Problem::internal(&error))?).into_response())
}
