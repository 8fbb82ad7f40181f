//! The interface for programs: JSON in and out, described by `openapi.json`.

mod document;
mod insight;
mod jobs;
mod operations;
mod scheduler;
mod schedules;

use axum::Router;
use axum::routing::{get, post};

use super::cursor::Listing;
use super::params::Params;
use super::state::App;
use crate::store::Cursor;

pub(super) use insight::conflict_filter;
pub(super) use jobs::answer;
pub(super) use scheduler::{actions, days_ago, extent};
pub(super) use schedules::{parsed, with_record};

/// Rows of a list, where nobody says how many.
const USUAL_ROWS: u32 = 50;
/// Rows of a list at most.
const MOST_ROWS: u64 = 500;

/// Where a page of a list begins, and how many rows it has.
fn paging(params: &mut Params, list: &Listing) -> (Option<Cursor>, u32) {
    let after = list.read(params);
    (after, params.whole("limit", 1..=MOST_ROWS).map_or(USUAL_ROWS, |limit| limit as u32))
}

/// Every route.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/orchestration/schedules", get(schedules::list).patch(schedules::change))
        .route("/api/orchestration/schedules/{id}", get(schedules::one))
        .route("/api/orchestration/scheduler", get(scheduler::look).post(scheduler::run))
        .route("/api/orchestration/plans", post(scheduler::preview))
        .route("/api/orchestration/simulations", post(scheduler::simulate))
        .route("/api/orchestration/comparisons", post(scheduler::compare))
        .route("/api/orchestration/jobs", get(jobs::list))
        .route("/api/orchestration/jobs/{id}", get(jobs::one))
        .route("/api/orchestration/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/orchestration/jobs/{id}/events", get(jobs::events))
        .route("/api/orchestration/jobs/{id}/files/{*name}", get(jobs::file))
        .route("/api/orchestration/conflicts", get(insight::conflicts))
        .route("/api/orchestration/health", get(insight::health))
        .route("/api/orchestration/rules", get(insight::rules))
        .route("/api/orchestration/workspaces", get(insight::workspaces))
        .route("/api/openapi.json", get(document::json))
        .route("/api", get(document::page))
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .route("/metrics", get(operations::metrics))
}
