//! The HTTP API: JSON requests and answers.

mod document;
mod insight;
mod jobs;
mod openapi;
mod operations;
mod paging;
mod request;
mod scheduler;
mod schedules;
mod values;

use axum::Router;

use super::state::App;
use openapi::Api;

pub(super) use insight::conflict_filter;
pub(super) use jobs::file_response;
pub(super) use scheduler::{action_filter, days_ago, simulation_extent};
pub(super) use schedules::{parse_id, schedule_filter, schedule_with_decisions};

/// Every route.
pub(super) fn routes() -> Router<App> {
    let modules = [schedules::routes, scheduler::routes, jobs::routes, insight::routes, operations::routes];
    document::with_description(modules.into_iter().fold(Api::new(), |api, routes| routes(api)))
}
