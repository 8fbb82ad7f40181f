//! The `limits` table: numbers for limits of the rules pack, for a workspace or a client.
//!
//! Whether the pack has these limits, and whether the numbers fit them, is checked with the pack.

use std::collections::BTreeMap;

use super::clients::Clients;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{CellError, LimitNumbersRow, NumbersPlace};

/// The columns whose numbers are above 0.
const ABOVE_ZERO: [&str; 3] = ["at_least", "at_least_share", "price"];

/// The columns with numbers.
const NUMBERS: [&str; 5] = ["at_most", "at_least", "at_most_share", "at_least_share", "price"];

/// The clients that a row applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target<'t> {
    Workspace(&'t str),
    Client(usize),
}

/// Reads `limits` and adds each row's numbers to the clients it applies to.
pub(super) fn read_limits(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let record: Option<LimitNumbersRow> = row.read();
        let target = target(&mut row, clients);
        let are_valid = check_numbers(&mut row, record.as_ref());
        let (Some(target), Some(record)) = (target, record) else { continue };
        let column = if matches!(target, Target::Client(_)) { "client_id" } else { "workspace_id" };
        let is_first = check_unique(
            &mut row,
            &mut first_rows,
            &(target, record.limit.clone()),
            column,
            "limit of the same clients",
        );
        if !is_first || !are_valid {
            continue;
        }
        let numbers = record.into_numbers(NumbersPlace(Some(row.location(""))));
        match target {
            Target::Client(client) => {
                clients
                    .draft_mut(client)
                    .into_iter()
                    .for_each(|draft| draft.client.limit_numbers.push(numbers.clone()));
            }
            Target::Workspace(id) => {
                let of_workspace = clients.drafts_mut().filter(|draft| draft.client.workspace_id.as_str() == id);
                of_workspace.for_each(|draft| draft.client.limit_numbers.push(numbers.clone()));
            }
        }
    }
}

/// The clients that a row names: either a workspace or a client.
fn target<'t>(row: &mut Row<'t, '_>, clients: &Clients) -> Option<Target<'t>> {
    let (workspace, client) = (row.text("workspace_id"), row.text("client_id"));
    let is_workspace = workspace.map(|id| clients.has_workspace(row, "workspace_id", id));
    let client_index = client.and_then(|id| clients.client_named(row, "client_id", id));
    match (workspace, client) {
        (Some(id), None) => is_workspace.filter(|known| *known).map(|_| Target::Workspace(id)),
        (None, Some(_)) => client_index.map(Target::Client),
        (workspace, _) => {
            let cause = match workspace {
                Some(_) => "it names both a workspace and a client",
                None => "it names neither a workspace nor a client",
            };
            let remedy = "fill in either `workspace_id` or `client_id`; give each a row of its own";
            row.reject("unclear_scope", "", cause.to_owned(), remedy);
            None
        }
    }
}

/// Checks the numbers of a row. Returns whether all of them are valid.
fn check_numbers(row: &mut Row<'_, '_>, record: Option<&LimitNumbersRow>) -> bool {
    let zeros: Vec<&str> = ABOVE_ZERO.into_iter().filter(|column| is_zero(row, column)).collect();
    for column in &zeros {
        let text = row.text(column).unwrap_or_default();
        row.reject_cell(column, CellError::out_of_range(text, "give a number above 0"));
    }
    let stated: Vec<&str> = NUMBERS.into_iter().filter(|column| row.text(column).is_some()).collect();
    if stated.is_empty() {
        let remedy =
            format!("fill in one of {}, or remove the row", NUMBERS.map(|name| format!("`{name}`")).join(", "));
        row.reject("no_number", "", "it sets no number".to_owned(), remedy);
    }
    let bounds: Vec<&str> = stated.iter().copied().filter(|column| *column != "price").collect();
    if let [_, second, ..] = bounds.as_slice() {
        let names = bounds.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let remedy = "keep the number of the kind that the limit states";
        row.reject("several_bounds", second, format!("a limit has one bound, and the row sets {names}"), remedy);
    }
    // A cell that could not be read is blank in the record.
    let are_read =
        record.is_some_and(|record| record.bounds().count() + usize::from(record.price.is_some()) == stated.len());
    zeros.is_empty() && !stated.is_empty() && bounds.len() < 2 && are_read
}

fn is_zero(row: &Row<'_, '_>, column: &str) -> bool {
    row.text(column).and_then(|text| text.parse::<f64>().ok()).is_some_and(|number| number == 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::{ScenarioTable, ScenarioTables, TableSpec, clients, read_csv};
    use super::*;
    use crate::model::{Client, LimitNumber, NumbersScope, Policy, Zone};

    const CLIENTS: &str = "client_id,workspace_id\nacme,north\nbakery,north\ncafe,south\n";

    /// The clients of a scenario with the given table, and the diagnostics.
    fn read(limits: &str) -> (Vec<Client>, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let mut tables = ScenarioTables::default();
        for (name, text) in [("clients", CLIENTS), ("limits", limits)] {
            let spec = TableSpec { columns: ScenarioTable::named(name).unwrap().columns(), ignore_unknown: false };
            let table = read_csv(&format!("{name}.csv"), text.as_bytes(), &spec, &mut diagnostics.errors).unwrap();
            tables.tables.insert(name.to_owned(), table);
        }
        let policy = Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 10,
            pause_on_high_severity_warning: true,
        };
        let clients = clients(&tables, "2026-W40".parse().unwrap(), Zone::utc(), &policy, &mut diagnostics);
        (clients.into_iter().map(|(client, _)| client).collect(), diagnostics)
    }

    #[test]
    fn numbers_apply_to_a_client_or_to_every_client_of_a_workspace() {
        let text = "limit,workspace_id,client_id,at_most,price\nday,,acme,2,\nday,north,,3,\nweek,north,,,40\n";
        let (clients, diagnostics) = read(text);
        assert!(diagnostics.errors.is_empty(), "{:?}", diagnostics.errors);
        let numbers = |index: usize| -> Vec<_> {
            let numbers = clients[index].limit_numbers.iter();
            numbers.map(|numbers| (&*numbers.limit, numbers.scope, numbers.bound, numbers.price)).collect()
        };
        let of_north = [
            ("day", NumbersScope::Workspace, Some(LimitNumber::AtMost(3.0)), None),
            ("week", NumbersScope::Workspace, None, Some(40.0)),
        ];
        assert_eq!(
            numbers(0),
            [of_north[0], of_north[1], ("day", NumbersScope::Client, Some(LimitNumber::AtMost(2.0)), None)]
        );
        assert_eq!((numbers(1), numbers(2)), (of_north.to_vec(), Vec::new()));
        let rows = LimitNumbersRow::all_of(&clients);
        let keys: Vec<_> =
            rows.iter().map(|row| (row.workspace_id.is_some(), &*row.limit, row.bounds().next())).collect();
        let [two, three] = [2.0, 3.0].map(|posts| Some(LimitNumber::AtMost(posts)));
        assert_eq!(keys, [(false, "day", two), (true, "day", three), (true, "week", None)]);
    }

    #[test]
    fn every_mistake_is_reported_with_its_row_and_column() {
        let text = "limit,workspace_id,client_id,at_most,at_least,at_most_share,price\n\
                    day,,acmee,2,,,\n\
                    day,nort,,2,,,\n\
                    day,north,acme,2,,,\n\
                    day,,,2,,,\n\
                    day,,acme,,,,\n\
                    ,,acme,2,,,\n\
                    day,,bakery,2,3,,\n\
                    day,north,,-1,,,\n\
                    day,south,,,0,,\n\
                    week,south,,,,1.5,0\n\
                    day,south,,4,,,\n";
        let (_, diagnostics) = read(text);
        let mut found: Vec<_> = diagnostics
            .errors
            .iter()
            .map(|error| {
                let crate::diagnostic::Place::Table(place) = &error.place else { panic!("{error:?}") };
                (place.row.unwrap(), error.code, place.column.as_str())
            })
            .collect();
        found.sort_unstable();
        let expected = [
            (1, "unknown_reference", "client_id"),
            (2, "unknown_reference", "workspace_id"),
            (3, "unclear_scope", ""),
            (4, "unclear_scope", ""),
            (5, "no_number", ""),
            (6, "blank", "limit"),
            (7, "several_bounds", "at_least"),
            (8, "out_of_range", "at_most"),
            (9, "out_of_range", "at_least"),
            (10, "out_of_range", "at_most_share"),
            (10, "out_of_range", "price"),
            (11, "duplicate", "workspace_id"),
        ];
        assert_eq!(found, expected);
    }
}
