//! Reads and checks the rows of a case that concern the whole week: its channels, and what is expected of its posts and
//! limits.

use std::collections::BTreeSet;

use super::situation::{cell, channel_of, channel_of_post};
use super::week::PostCount;
use crate::diagnostic::{Diagnostic, SourceLocation, listed, nearest};
use crate::model::Channel;
use crate::rules::{ClosedRange, Row, Setting, Settings, Value, range_of_row, weekday_of};

/// The rows of one case.
pub(super) struct WeekRows<'s> {
    pub settings: &'s Settings,
    pub case: &'s str,
    /// Where the case starts.
    pub start: SourceLocation,
}

impl<'s> WeekRows<'s> {
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.case)
    }

    fn rows(&self, key: &str) -> &'s [Row] {
        let setting = self.settings.get(&self.path(key));
        setting.and_then(|setting| setting.value.as_rows()).unwrap_or_default()
    }

    fn channels(&self) -> Vec<Channel> {
        self.rows("channels").iter().filter_map(channel_of).collect()
    }

    /// Every error in the rows.
    pub fn mistakes(&self) -> Vec<Diagnostic> {
        let mut mistakes = self.duplicate_channels();
        mistakes.extend(self.unknown_channels());
        for row in self.rows("expect.posts") {
            mistakes.extend(self.bound_mistake(row));
            mistakes.extend(self.range_mistake(row));
        }
        mistakes
    }

    fn mistake(&self, code: &'static str, place: &SourceLocation, key: &str, text: (String, String)) -> Diagnostic {
        Diagnostic::at(code, place, self.path(key), text.0, text.1)
    }

    /// Where a row states a column, or else where the row or the case starts.
    fn place_in(&self, row: &Row, column: &str) -> SourceLocation {
        let stated = row.get(column).and_then(|setting| setting.place.as_ref());
        stated.or_else(|| place_of_row(row)).unwrap_or(&self.start).clone()
    }

    fn duplicate_channels(&self) -> Vec<Diagnostic> {
        let (rows, channels) = (self.rows("channels"), self.channels());
        let repeated = rows
            .iter()
            .zip(&channels)
            .enumerate()
            .filter(|(index, (_, channel))| channels.iter().take(*index).any(|earlier| earlier == *channel));
        let mistake = |(_, (row, channel)): (usize, (&Row, &Channel))| {
            let text = (format!("`channels` has `{channel}` twice"), "state each channel in one row".to_owned());
            self.mistake("duplicate_channel", &self.place_in(row, "channel"), "channels", text)
        };
        repeated.map(mistake).collect()
    }

    /// Errors for channels that the client of the case does not have.
    fn unknown_channels(&self) -> Vec<Diagnostic> {
        let (post_channel, stated_at) = channel_of_post(self.settings, self.case);
        let stated = self.channels();
        let known = if stated.is_empty() { vec![post_channel] } else { stated };
        let mut mistakes = Vec::new();
        if let Some(place) = stated_at {
            mistakes.extend(self.unknown_channel(post_channel, &known, place, "channel"));
        }
        for key in ["state.committed", "expect.week"] {
            for row in self.rows(key) {
                let Some(channel) = channel_of(row) else { continue };
                mistakes.extend(self.unknown_channel(channel, &known, &self.place_in(row, "channel"), key));
            }
        }
        for row in self.rows("expect.posts") {
            for channel in channels_in(row) {
                let place = self.place_in(row, "channels");
                mistakes.extend(self.unknown_channel(channel, &known, &place, "expect.posts"));
            }
        }
        mistakes
    }

    fn unknown_channel(
        &self,
        channel: Channel,
        known: &[Channel],
        place: &SourceLocation,
        key: &str,
    ) -> Option<Diagnostic> {
        if known.contains(&channel) {
            return None;
        }
        let distinct: BTreeSet<Channel> = known.iter().copied().collect();
        let names = listed(distinct.into_iter().map(Channel::name));
        let has_list = !self.rows("channels").is_empty();
        let remedy = match has_list {
            true => format!("add `{{ channel = \"{channel}\" }}` to `channels`, or name {names}"),
            false => format!("state all channels of the client, as in `channels = [{{ channel = \"{channel}\" }}]`"),
        };
        let cause = format!("the client of the case does not post on `{channel}`");
        Some(self.mistake("unknown_channel", place, key, (cause, remedy)))
    }

    /// The error of a row that states no number of posts, or numbers that contradict each other.
    fn bound_mistake(&self, row: &Row) -> Option<Diagnostic> {
        let [exactly, least, most] = ["exactly", "at_least", "at_most"].map(|column| integer(row, column));
        let (code, column, cause, remedy) = match (exactly, least, most) {
            (None, None, None) => {
                let cause = "a row of `expect.posts` states no number of posts".to_owned();
                ("missing_bound", "", cause, "add `exactly`, `at_least` or `at_most`".to_owned())
            }
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
                let cause = "a row of `expect.posts` states `exactly` and another number of posts".to_owned();
                ("several_bounds", "exactly", cause, "leave out `exactly`, or the other number".to_owned())
            }
            (None, Some(least), Some(most)) if least > most => {
                let cause = format!("`at_least` {least} is above `at_most` {most}, so no week is as expected");
                ("contradiction", "at_least", cause, format!("lower `at_least` to {most}, or raise `at_most`"))
            }
            _ => return None,
        };
        Some(self.mistake(code, &self.place_in(row, column), "expect.posts", (cause, remedy)))
    }

    /// The error of a row whose `from` and `to` are no range.
    fn range_mistake(&self, row: &Row) -> Option<Diagnostic> {
        let mistake = |code, column, cause: String, remedy: &str| {
            let text = (cause, remedy.to_owned());
            Some(self.mistake(code, &self.place_in(row, column), "expect.posts", text))
        };
        let (from, to) = match (cell(row, "from"), cell(row, "to")) {
            (None, None) => return None,
            (Some(from), Some(to)) => (from, to),
            (Some(_), None) => {
                return mistake("missing_key", "from", "a row has `from` and no `to`".to_owned(), "add `to = …`");
            }
            (None, Some(_)) => {
                return mistake("missing_key", "to", "a row has `to` and no `from`".to_owned(), "add `from = …`");
            }
        };
        match range_of_row(row) {
            None => {
                let cause =
                    format!("the row counts from {from} to {to}: one end recurs every week, the other does not");
                mistake("mixed_range", "to", cause, "write two weekdays with times, or two dates with times")
            }
            Some(_) if from == to => {
                let cause = format!("the row counts from {from} to the same time, so no post counts");
                mistake("empty_range", "to", cause, "write as `to` the time from which posts no longer count")
            }
            Some(ClosedRange::Dated { from, to }) if from > to => {
                let cause = format!("the row counts to {to}, which is before {from}");
                mistake("span_backwards", "to", cause, "write the first time as `from` and the last as `to`")
            }
            Some(_) => None,
        }
    }

    /// Errors for limits that do not exist. `known` are the names of all limits.
    pub fn unknown_limits(&self, known: &[std::sync::Arc<str>]) -> Vec<Diagnostic> {
        let table = self.path("expect.limits");
        let names = || known.iter().map(|name| &**name);
        let mistake = |(path, setting): (&str, &Setting)| {
            let limit = path.rsplit('.').next().unwrap_or_default();
            if names().any(|name| name == limit) {
                return None;
            }
            let remedy = match nearest(limit, names()) {
                Some(guess) => format!("write `{guess}`, the nearest known name"),
                None => format!("name one of {}", listed(names())),
            };
            let cause = format!("the pack has no limit `{limit}`");
            let place = setting.place.as_ref().unwrap_or(&self.start);
            Some(Diagnostic::at("unknown_limit", place, path, cause, remedy))
        };
        self.settings.under(&table).filter_map(mistake).collect()
    }
}

/// The location of a row, which is that of its topmost cell.
pub(super) fn place_of_row(row: &Row) -> Option<&SourceLocation> {
    row.values().filter_map(|cell| cell.place.as_ref()).min_by_key(|place| (place.line, place.column))
}

/// The number of posts that a row of `expect.posts` states, with its conditions.
pub(super) fn post_count(row: &Row) -> PostCount {
    let count = |column: &str| integer(row, column).and_then(|count| usize::try_from(count).ok());
    let days = match cell(row, "days") {
        Some(Value::Names(names)) => names.iter().filter_map(|name| weekday_of(name)).collect(),
        _ => Vec::new(),
    };
    let hours = if let Some(Value::Hours(hours)) = cell(row, "hours") { hours.clone() } else { Vec::new() };
    PostCount {
        channels: channels_in(row),
        days,
        hours,
        range: range_of_row(row),
        at_least: count("exactly").or_else(|| count("at_least")).unwrap_or(0),
        at_most: count("exactly").or_else(|| count("at_most")),
    }
}

fn channels_in(row: &Row) -> Vec<Channel> {
    match cell(row, "channels") {
        Some(Value::Names(names)) => names.iter().filter_map(|name| name.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

fn integer(row: &Row, column: &str) -> Option<i64> {
    if let Value::Integer(whole) = cell(row, column)? { Some(*whole) } else { None }
}
