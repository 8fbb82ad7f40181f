//! The HTTP server: the API for programs, and the founder's console for people.
//!
//! ```text
//! connection ── server ──> observe ──> access: caller, workspace, role
//!                                        ├─ api: JSON in, JSON out, errors per field
//!                                        └─ console: pages, forms, sessions
//!                          jobs: passes, previews and simulations, computed on separate threads
//!                          scheduled_passes: passes at the times that the rules give
//! ```
//!
//! A request can only see its workspace: every statement is restricted to it, and PostgreSQL enforces it with row-level
//! security. Only this module uses axum; only `clock` reads the wall clock, and only `secret` draws random numbers.

mod access;
mod api;
mod cached;
mod clock;
mod console;
mod cursor;
mod job_permits;
mod job_result;
mod jobs;
mod limits;
mod metrics;
mod observe;
mod params;
mod problem;
mod running;
mod scheduled_passes;
mod secret;
mod server;
mod state;
mod write_check;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use problem::Problem;
use state::App;

pub use secret::{NoRandomness, Secret, random_id};
pub use server::{ServeError, Server};
pub use state::Options;

/// Maximum size of a request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

fn router(app: App) -> Router {
    let not_found = || async { Problem::not_found("page", "see /api for the available paths") };
    let wrong_method = || async {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not support the method",
            "use a method of the `Allow` header",
        )
    };
    Router::new()
        .merge(api::routes())
        .merge(console::routes(&app))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

fn panic_response(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Problem::internal(&"a request panicked"))
}
