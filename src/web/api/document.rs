//! The description of the API: as OpenAPI, and as a page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use minijinja::context;
use minijinja::value::Serde;
use serde_json::{Value, json};

use super::openapi::Api;
use crate::web::problem::Problem;
use crate::web::state::App;

/// The routes of the API, and those of its description, which is built only once.
pub(super) fn with_description(api: Api) -> Router<App> {
    let (router, document) = api.finish(&info(), &security_scheme());
    let text: Arc<str> = document.to_string().into();
    let document = Arc::new(document);
    router
        .route("/api/openapi.json", get(async move || document_response(&text)))
        .route("/api", get(async move |State(app): State<App>| page(&app, &document)))
}

fn info() -> Value {
    json!({
        "title": "mcoe",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": env!("CARGO_PKG_DESCRIPTION"),
        "description":
            "Fields of requests may be written in camelCase or snake_case: `workspaceId` and `workspace_id` are the \
             same. An empty text counts as missing. Lists are returned page by page. A change is made completely or \
             not at all, and is recorded with the token's name as its actor.",
        "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
    })
}

fn security_scheme() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "description":
            "`mcoe token create` creates a token. If there are no tokens, the server accepts requests from its own \
             machine only, without a token.",
    })
}

/// `GET /api/openapi.json`
fn document_response(text: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}

/// `GET /api`
fn page(app: &App, document: &Value) -> Result<Response, Problem> {
    let template = app.templates.get_template("api.html").map_err(|error| Problem::internal(&error))?;
    let html = template.render(context! { document => Serde(document), version => app.asset_version.as_str() });
    Ok(Html(html.map_err(|error| Problem::internal(&error))?).into_response())
}
