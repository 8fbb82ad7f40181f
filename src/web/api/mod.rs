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
pub(super) use jobs::answer;
pub(super) use scheduler::{actions, days_ago, extent};
pub(super) use schedules::{parsed, schedule_filter, with_record};

/// Every route.
pub(super) fn routes() -> Router<App> {
    let modules = [schedules::routes, scheduler::routes, jobs::routes, insight::routes, operations::routes];
    document::describe(modules.into_iter().fold(Api::new(), |api, routes| routes(api)))
}
