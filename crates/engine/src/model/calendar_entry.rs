//! Special days: holidays, blackouts and boosts.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use super::named::named;
use super::record::record;
use super::{Channel, Client};

named!(
    /// The effect of a calendar entry on its days.
    DayKind {
        /// A public holiday; the rules define its effect.
        Holiday = "holiday",
        /// No posts at all.
        Blackout = "blackout",
        /// Posts are worth more or less, by the entry's factor.
        Boost = "boost",
    }
);

/// A calendar entry: one or more consecutive special days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalendarEntry {
    /// First day, in the client's zone.
    pub from: NaiveDate,
    /// Last day, inclusive.
    pub to: NaiveDate,
    /// The effect.
    pub kind: DayKind,
    /// Factor on the value of posts on these days; `None` if the rules decide.
    pub factor: Option<f64>,
    /// The only channel it applies to; `None` for all.
    pub channel: Option<Channel>,
    /// Shown in explanations.
    pub name: Arc<str>,
}

impl CalendarEntry {
    /// Whether it applies to the channel on that date.
    #[must_use]
    pub fn covers(&self, channel: Channel, date: NaiveDate) -> bool {
        self.channel.is_none_or(|only| only == channel) && (self.from..=self.to).contains(&date)
    }
}

record! {
    /// A row of `calendar`: a single day is given as `date`, several days as `from` and `to`.
    pub struct CalendarRow {
        /// What it applies to: `all`, `workspace:ID` or `client:ID`, followed by `/channel` for a single channel.
        pub scope: Arc<str>,
        /// The day, if it is a single one.
        pub date: Option<NaiveDate>,
        /// First of several days.
        pub from: Option<NaiveDate>,
        /// Last of several days, inclusive.
        pub to: Option<NaiveDate>,
        /// Its effect: holiday, blackout or boost.
        pub kind: DayKind,
        /// Factor on the value of posts on these days; blank if the rules decide.
        #[column(range = 0.01..=10.0)]
        pub factor: Option<f64>,
        /// Name shown in explanations; the kind if blank.
        pub name: Option<Arc<str>>,
    }
}

impl CalendarRow {
    /// The row of an entry with the given scope.
    #[must_use]
    pub fn new(scope: impl Into<Arc<str>>, entry: CalendarEntry) -> Self {
        let is_one_day = entry.from == entry.to;
        Self {
            scope: scope.into(),
            date: is_one_day.then_some(entry.from),
            from: (!is_one_day).then_some(entry.from),
            to: (!is_one_day).then_some(entry.to),
            kind: entry.kind,
            factor: entry.factor,
            name: Some(entry.name),
        }
    }

    /// The row of a client's entry.
    #[must_use]
    pub fn of(client: &Client, entry: &CalendarEntry) -> Self {
        let channel = entry.channel.map_or_else(String::new, |channel| format!("/{channel}"));
        Self::new(format!("client:{}{channel}", client.id), entry.clone())
    }
}
