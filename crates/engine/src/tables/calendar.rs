//! The `calendar` table: holidays, blackouts and boosts, for all clients, a workspace or a client.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::clients::Clients;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{CalendarEntry, CalendarRow, CellError, Channel, quoted};

/// What a scope names, whether it exists or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeTarget<'t> {
    AllClients,
    Workspace(&'t str),
    Client(&'t str),
}

impl<'t> ScopeTarget<'t> {
    /// Parses `all`, `workspace:ID` or `client:ID`, each followed by `/channel` if it is limited to one channel. Returns
    /// `None` in place of another target, and the name of the channel if there is one.
    pub fn parse(scope: &'t str) -> (Option<Self>, Option<&'t str>) {
        let (target, channel) = match scope.split_once('/') {
            Some((target, channel)) => (target.trim(), Some(channel.trim())),
            None => (scope, None),
        };
        let target = match target.split_once(':') {
            None if target == "all" => Some(ScopeTarget::AllClients),
            Some(("workspace", id)) => Some(ScopeTarget::Workspace(id.trim())),
            Some(("client", id)) => Some(ScopeTarget::Client(id.trim())),
            _ => None,
        };
        (target, channel)
    }
}

/// The clients that an entry applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CalendarScope<'t> {
    AllClients,
    Workspace(&'t str),
    Client(usize),
}

/// Reads `calendar` and adds each entry to the clients it applies to.
pub(super) fn read_calendar(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let entry: Option<CalendarRow> = row.read();
        let parsed_scope = parse_scope(&mut row, clients);
        let Some(entry) = entry else { continue };
        let (Some((target, channel)), Some((from, to))) = (parsed_scope, days(&mut row, &entry)) else { continue };
        let CalendarRow { kind, factor, name, scope, .. } = entry;
        check_unique(&mut row, &mut first_rows, &(scope, from, to, kind, name.clone()), "scope", "entry");
        let name = name.unwrap_or_else(|| kind.name().into());
        let entry = CalendarEntry { from, to, kind, factor, channel, name };
        if let CalendarScope::Client(client) = target {
            clients.draft_mut(client).into_iter().for_each(|draft| draft.client.calendar.push(entry.clone()));
            continue;
        }
        for draft in clients.drafts_mut().filter(|draft| match target {
            CalendarScope::Workspace(id) => draft.client.workspace_id.as_str() == id,
            CalendarScope::AllClients | CalendarScope::Client(_) => true,
        }) {
            draft.client.calendar.push(entry.clone());
        }
    }
}

/// The first and the last day of an entry.
fn days(row: &mut Row<'_, '_>, entry: &CalendarRow) -> Option<(NaiveDate, NaiveDate)> {
    let [has_date, has_from, has_to] = ["date", "from", "to"].map(|column| row.text(column).is_some());
    match (has_date, has_from, has_to) {
        (true, false, false) => entry.date.map(|date| (date, date)),
        (false, true, true) => {
            let (from, to) = (entry.from?, entry.to?);
            if to < from {
                let cause = format!("it ends on {to}, before it starts on {from}");
                row.reject("ends_before_start", "to", cause, "give a last day on or after the first");
                return None;
            }
            Some((from, to))
        }
        _ => {
            let cause = "its dates are missing or contradictory".to_owned();
            row.reject("unclear_days", "date", cause, "fill in either `date`, or both `from` and `to`");
            None
        }
    }
}

/// The clients that the row's scope names, and the channel if it is limited to one. Errors are recorded.
fn parse_scope<'t>(row: &mut Row<'t, '_>, clients: &Clients) -> Option<(CalendarScope<'t>, Option<Channel>)> {
    let text = row.text("scope")?;
    let (target, channel) = ScopeTarget::parse(text);
    let channel = channel.map(|name| parse_channel(row, name));
    let target = match target {
        Some(ScopeTarget::AllClients) => Some(CalendarScope::AllClients),
        Some(ScopeTarget::Workspace(id)) => {
            clients.has_workspace(row, "scope", id).then_some(CalendarScope::Workspace(id))
        }
        Some(ScopeTarget::Client(id)) => clients.client_named(row, "scope", id).map(CalendarScope::Client),
        None => {
            let cause = format!("{} is not a scope", quoted(text));
            let remedy = "write `all`, `workspace:ID` or `client:ID`, followed by `/channel` for a single channel";
            row.reject("bad_scope", "scope", cause, remedy);
            None
        }
    };
    match channel {
        Some(None) => None,
        Some(channel) => Some((target?, channel)),
        None => Some((target?, None)),
    }
}

fn parse_channel(row: &mut Row<'_, '_>, name: &str) -> Option<Channel> {
    let names = || Channel::names().collect();
    name.parse()
        .inspect_err(|_| row.reject_cell("scope", CellError::unknown_name("unknown_channel", name, "a channel", names)))
        .ok()
}
