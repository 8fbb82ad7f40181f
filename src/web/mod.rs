//! The engine behind a door and a window: the HTTP interface for programs, and the founder's console for people.
//!
//! ```text
//! connection ── server ──> observe ──> access: who, which workspace, which role
//!                                        ├─ api: JSON in, JSON out, problems by field
//!                                        └─ console: pages, forms, sessions
//!                          work: passes, previews, simulations, on threads of their own, on record as jobs
//!                          schedule: the passes that nobody has to ask for
//! ```
//!
//! What a request may see is fenced by its workspace, in the statements and, in PostgreSQL, by the database. The
//! only home of axum; its wall clock and its randomness are in `secret`.

mod access;
mod api;
mod cached;
mod console;
mod cursor;
mod last_write;
mod limits;
mod metrics;
mod observe;
mod params;
mod problem;
mod running;
mod schedule;
mod secret;
mod server;
mod state;
mod turns;
mod work;

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

/// Bytes that the body of a request may have.
const MOST_BYTES: usize = 64 * 1024;

/// Everything that is served.
fn router(app: App) -> Router {
    let nothing_here = || async { Problem::not_found("page", "see /api for what there is") };
    let wrong_method = || async {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this is not asked for that way", "see the header `Allow`")
    };
    Router::new()
        .merge(api::routes())
        .merge(console::routes(&app))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    axum::response::IntoResponse::into_response(Problem::internal(&"a request panicked"))
}
