//! The query parameters of the page of schedules.

use serde::Serialize;

use super::Visit;
use super::display::query;
use crate::store::{Order, ScheduleFilter};
use crate::web::api::schedule_filter;
use crate::web::params::Params;

/// The query parameters, as text.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ScheduleQuery {
    pub client: String,
    pub channel: String,
    pub status: String,
    pub risk: String,
    pub from: String,
    pub to: String,
    pub sort: String,
    pub view: String,
}

/// What the page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Posts that need approval, and the next ones to be drafted.
    Home,
    /// The filtered posts, in pages.
    List,
    Week,
}

impl ScheduleQuery {
    /// Reads the query parameters, and the filter and order that they select.
    pub fn read(params: &mut Params) -> (Self, ScheduleFilter, Order) {
        let mut text = |field| params.text(field).unwrap_or_default();
        let query_params = Self {
            client: text("client"),
            channel: text("channel"),
            status: text("status"),
            risk: text("risk"),
            from: text("from"),
            to: text("to"),
            sort: text("sort"),
            view: text("view"),
        };
        let mut filter_params = Params::from_pairs(query_params.filter_query().trim_start_matches('?').as_bytes());
        let (filter, order) = schedule_filter(&mut filter_params);
        if let Err(problem) = filter_params.finish() {
            for error in problem.errors {
                params.reject(&error.field, error.detail, error.remedy);
            }
        }
        if !matches!(query_params.view.as_str(), "" | "table" | "week") {
            params.reject("view", format!("`{}` is not a view", query_params.view), "write table or week");
        }
        (query_params, filter, order)
    }

    /// The parameters that filter and sort, under the names that the API gives them.
    pub fn filter_query(&self) -> String {
        query(&[
            ("client_id", &self.client),
            ("channel", &self.channel),
            ("status", &self.status),
            ("risk", &self.risk),
            ("from", &self.from),
            ("to", &self.to),
            ("sort", &self.sort),
        ])
    }

    /// All parameters, under the names that the page gives them.
    pub fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("client", &self.client),
            ("channel", &self.channel),
            ("status", &self.status),
            ("risk", &self.risk),
            ("from", &self.from),
            ("to", &self.to),
            ("sort", &self.sort),
            ("view", &self.view),
        ]
    }

    /// The view to show. A later page of a list is never the home view.
    pub fn view(&self, is_later_page: bool) -> View {
        match (self.view.as_str(), self.is_soonest_first() && !self.has_filter() && !is_later_page) {
            ("week", _) => View::Week,
            (_, true) => View::Home,
            (_, false) => View::List,
        }
    }

    pub fn is_soonest_first(&self) -> bool {
        matches!(self.sort.as_str(), "" | "time")
    }

    /// Whether the list starts at the current time: without a filter on status or time, past posts would come first.
    pub fn starts_now(&self) -> bool {
        self.is_soonest_first() && [&self.status, &self.from, &self.to].iter().all(|field| field.is_empty())
    }

    pub fn has_filter(&self) -> bool {
        let Self { client, channel, status, risk, from, to, .. } = self;
        [client, channel, status, risk, from, to].iter().any(|field| !field.is_empty())
    }

    pub fn link(&self, visit: &Visit) -> String {
        visit.link("", &self.fields())
    }
}
