//! The `calendar` table: holidays, blackouts and boosts, for all clients, a workspace or a client.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::content::FACTOR;
use super::error::{Problems, quoted};
use super::frame::TableSpec;
use super::roster::{Roster, is_first};
use super::table::{Row, Table};
use crate::model::{CalendarEntry, Channel, DayKind};

pub(super) const CALENDAR: TableSpec = TableSpec {
    required: &["scope", "kind"],
    optional: &["date", "from", "to", "factor", "name"],
    others_allowed: false,
};

/// Whom an entry concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach<'t> {
    Everybody,
    Workspace(&'t str),
    Client(usize),
}

/// Reads `calendar` and hands each entry to the clients it concerns.
pub(super) fn calendar(table: &Table, roster: &mut Roster, problems: &mut Problems) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let scope = scope(&mut row, roster);
        let days = days(&mut row);
        let kind = row.required("kind").and(row.named("kind", DayKind::ALL, DayKind::name));
        let factor = row.number_in("factor", FACTOR);
        let (Some((reach, channel)), Some((from, to)), Some(kind)) = (scope, days, kind) else { continue };
        let key = (row.text("scope"), from, to, kind, row.text("name"));
        is_first(&mut row, &mut first_rows, &key, "scope", "entry");
        let name = row.text("name").unwrap_or(kind.name()).into();
        let entry = CalendarEntry { from, to, kind, factor, channel, name };
        if let Reach::Client(only) = reach {
            roster.draft_mut(only).into_iter().for_each(|draft| draft.client.days.push(entry.clone()));
            continue;
        }
        for draft in roster.drafts_mut().filter(|draft| match reach {
            Reach::Workspace(id) => draft.client.workspace_id.as_str() == id,
            Reach::Everybody | Reach::Client(_) => true,
        }) {
            draft.client.days.push(entry.clone());
        }
    }
}

/// `all`, `workspace:ID` or `client:ID`, each with `/channel` behind it where one channel is meant.
fn scope<'t>(row: &mut Row<'t, '_>, roster: &Roster) -> Option<(Reach<'t>, Option<Channel>)> {
    let text = row.required("scope")?;
    let (who, channel) = match text.split_once('/') {
        Some((who, name)) => (who.trim(), Some(row.channel_named("scope", name.trim()))),
        None => (text, None),
    };
    let reach = match who.split_once(':') {
        None if who == "all" => Some(Reach::Everybody),
        Some(("workspace", id)) => roster.has_workspace(row, "scope", id.trim()).then_some(Reach::Workspace(id.trim())),
        Some(("client", id)) => roster.client_named(row, "scope", id.trim()).map(Reach::Client),
        _ => {
            let cause = format!("{} is not a scope", quoted(text));
            let remedy = "write `all`, `workspace:ID` or `client:ID`, with `/channel` behind it for one channel";
            row.reject("bad_scope", "scope", cause, remedy.to_owned());
            None
        }
    };
    match channel {
        Some(None) => None,
        Some(channel) => Some((reach?, channel)),
        None => Some((reach?, None)),
    }
}

fn days(row: &mut Row<'_, '_>) -> Option<(NaiveDate, NaiveDate)> {
    let [has_date, has_from, has_to] = ["date", "from", "to"].map(|column| row.text(column).is_some());
    let (date, from, to) = (row.date("date"), row.date("from"), row.date("to"));
    match (has_date, has_from, has_to) {
        (true, false, false) => date.map(|date| (date, date)),
        (false, true, true) => {
            let (from, to) = (from?, to?);
            if to < from {
                let cause = format!("it ends on {to}, before it starts on {from}");
                let remedy = "name a last day that is not before the first".to_owned();
                row.reject("ends_before_start", "to", cause, remedy);
                return None;
            }
            Some((from, to))
        }
        _ => {
            let cause = "its days are not clear".to_owned();
            row.reject("unclear_days", "date", cause, "fill in either `date`, or both `from` and `to`".to_owned());
            None
        }
    }
}
