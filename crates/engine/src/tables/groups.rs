//! The tables of a scenario divided into groups of workspaces, each of which can be read and planned on its own.

use std::collections::BTreeMap;

use super::ScenarioTables;
use super::calendar::ScopeTarget;
use super::row::{RowLocation, Table};

/// The table whose rows apply to all clients, to a workspace or to a client.
const CALENDAR: &str = "calendar";

/// The table whose rows apply to a workspace or to a client.
const LIMITS: &str = "limits";

/// The columns whose values must not occur twice in a table, whichever clients the rows are of.
const UNIQUE_IDS: [(&str, &str); 3] =
    [("campaigns", "campaign_id"), ("assets", "asset_id"), ("warnings", "warning_id")];

/// The tables of a scenario, divided into groups of consecutive workspaces, in order of their ids. The groups share the
/// columns, so that dividing takes little memory, and every row keeps its number and line.
#[derive(Debug)]
pub struct GroupedTables {
    tables: BTreeMap<String, GroupedTable>,
    count: usize,
}

/// A table without rows, and the rows of each group.
#[derive(Debug)]
struct GroupedTable {
    columns: Table,
    rows: Vec<Vec<RowLocation>>,
}

impl GroupedTables {
    /// Divides tables into groups that are filled with whole workspaces until each has `min_clients`; the last may have
    /// fewer. Returns `None` if the groups could not see a mistake that the tables have: a table that cannot be read
    /// completely, an id that occurs twice, a row of no client or of one that does not exist. Every other mistake is one
    /// within a group, too: a row may only refer to those of the same client.
    #[must_use]
    pub fn of(tables: ScenarioTables, min_clients: usize) -> Option<Self> {
        let is_complete = |table: &Table| table.is_whole && table.missing.is_empty();
        if !tables.unreadable.is_empty() || !tables.tables.values().all(is_complete) {
            return None;
        }
        let has_unique_ids =
            |(table, column): (&str, &str)| tables.get(table).is_none_or(|table| are_unique(table, column));
        if !UNIQUE_IDS.into_iter().all(has_unique_ids) {
            return None;
        }
        let division = Division::of(tables.get("clients")?, min_clients)?;
        let rows: Option<Vec<_>> = tables.tables.iter().map(|(name, table)| division.rows(name, table)).collect();
        let (rows, count) = (rows?, division.count);
        let grouped = |((name, table), rows): ((String, Table), _)| {
            let columns = Table { rows: Vec::new(), ..table };
            (name, GroupedTable { columns, rows })
        };
        Some(Self { tables: tables.tables.into_iter().zip(rows).map(grouped).collect(), count })
    }

    /// Number of groups, at least 1.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The tables of a group; without rows if there is no such group.
    #[must_use]
    pub fn group(&self, group: usize) -> ScenarioTables {
        let of_group = |(name, table): (&String, &GroupedTable)| {
            (name.clone(), table.columns.with_rows(table.rows.get(group).cloned().unwrap_or_default()))
        };
        ScenarioTables { tables: self.tables.iter().map(of_group).collect(), unreadable: Vec::new() }
    }
}

/// The group of each client and workspace.
struct Division<'t> {
    of_client: BTreeMap<&'t str, usize>,
    of_workspace: BTreeMap<&'t str, usize>,
    count: usize,
}

impl<'t> Division<'t> {
    /// `None` if there are no clients, one has no id or workspace, or is in the table twice.
    fn of(clients: &'t Table, min_clients: usize) -> Option<Self> {
        let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in &clients.rows {
            let (id, workspace) = (clients.text(*row, "client_id")?, clients.text(*row, "workspace_id")?);
            members.entry(workspace).or_default().push(id);
        }
        let (mut of_client, mut of_workspace) = (BTreeMap::new(), BTreeMap::new());
        let (mut group, mut clients_in_group) = (0, 0);
        for (workspace, ids) in members {
            if clients_in_group >= min_clients.max(1) {
                (group, clients_in_group) = (group + 1, 0);
            }
            clients_in_group += ids.len();
            of_workspace.insert(workspace, group);
            for id in ids {
                if of_client.insert(id, group).is_some() {
                    return None;
                }
            }
        }
        (clients_in_group > 0).then_some(Self { of_client, of_workspace, count: group + 1 })
    }

    /// The rows of each group; `None` if one belongs to no group.
    fn rows(&self, name: &str, table: &Table) -> Option<Vec<Vec<RowLocation>>> {
        let mut rows = vec![Vec::new(); self.count];
        let mut last: Option<(&str, usize)> = None;
        for row in &table.rows {
            if name == CALENDAR {
                self.groups_in_scope(table.text(*row, "scope")?)?.for_each(|group| add_row(&mut rows, group, *row));
                continue;
            }
            if name == LIMITS {
                add_row(&mut rows, self.group_with_limit(table, *row)?, *row);
                continue;
            }
            let id = table.text(*row, "client_id")?;
            // Most rows are of the same client as the one before.
            let group = match last {
                Some((known, group)) if known == id => group,
                _ => *self.of_client.get(id)?,
            };
            last = Some((id, group));
            add_row(&mut rows, group, *row);
        }
        Some(rows)
    }

    /// The group of the client or of the workspace that a row of `limits` names; `None` unless it names one of the two.
    fn group_with_limit(&self, table: &Table, row: RowLocation) -> Option<usize> {
        match (table.text(row, "client_id"), table.text(row, "workspace_id")) {
            (Some(client), None) => self.of_client.get(client).copied(),
            (None, Some(workspace)) => self.of_workspace.get(workspace).copied(),
            _ => None,
        }
    }

    fn groups_in_scope(&self, scope: &str) -> Option<std::ops::Range<usize>> {
        let (target, _) = ScopeTarget::parse(scope);
        let group = match target? {
            ScopeTarget::AllClients => return Some(0..self.count),
            ScopeTarget::Workspace(id) => *self.of_workspace.get(id)?,
            ScopeTarget::Client(id) => *self.of_client.get(id)?,
        };
        Some(group..group + 1)
    }
}

fn add_row(rows: &mut [Vec<RowLocation>], group: usize, row: RowLocation) {
    if let Some(rows) = rows.get_mut(group) {
        rows.push(row);
    }
}

/// Whether no two rows have the same text in the column. A blank one counts as a repetition.
fn are_unique(table: &Table, column: &str) -> bool {
    let ids: Option<Vec<&str>> = table.rows.iter().map(|row| table.text(*row, column)).collect();
    let Some(mut ids) = ids else { return false };
    ids.sort_unstable();
    ids.is_sorted_by(|earlier, later| earlier != later)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::model::{Client, ClientState, Policy, Week, Zone};
    use crate::tables::{PartWarnings, ScenarioTable, TableSpec, clients, clients_of_part, read_csv};

    /// The tables of five clients of three workspaces, whose rows alternate.
    const TABLES: [(&str, &str); 10] = [
        ("clients", "client_id,workspace_id\na,one\nb,two\nc,one\nd,three\ne,two\n"),
        (
            "channels",
            "client_id,channel,audience,avg_engagement_rate\ne,fb,10,2\na,fb,10,\nb,fb,10,3\nc,ig,10,\nd,x,10,4\n",
        ),
        (
            "assets",
            "asset_id,client_id,kind,created_at\n1,b,photo,2026-09-01T00:00:00Z\n2,a,photo,2026-09-01T00:00:00Z\n",
        ),
        (
            "campaigns",
            "campaign_id,client_id,starts_on,ends_on\n1,e,2026-09-07,2026-09-09\n2,a,2026-09-07,2026-09-08\n",
        ),
        ("policies", "client_id,max_actions_per_day\nd,3\na,2\n"),
        ("limits", "limit,workspace_id,client_id,at_most\nday,two,,3\nday,,a,2\n"),
        (
            "warnings",
            "warning_id,client_id,type,severity,status,opened_at\n1,d,fatigue,low,open,2026-09-30T00:00:00Z\n2,a,fatigue,low,open,2026-09-30T00:00:00Z\n",
        ),
        (
            "reality",
            "client_id,as_of,perceived_score,confidence,completeness\nb,2026-09-01T00:00:00Z,0.1,0.2,0.3\na,2026-09-01T00:00:00Z,0.1,0.2,0.3\n",
        ),
        (
            "calendar",
            "scope,date,kind\nworkspace:two,2026-09-07,holiday\nall,2026-09-08,holiday\nclient:a/fb,2026-09-09,blackout\n",
        ),
        (
            "history",
            "client_id,channel,published_at\nd,x,2026-09-20T00:00:00Z\nb,fb,2026-09-01T00:00:00Z\na,fb,2026-09-20T00:00:00Z\ne,fb,2026-09-21T00:00:00Z\n",
        ),
    ];

    fn tables(texts: &[(&str, &str)]) -> ScenarioTables {
        let mut read = ScenarioTables::default();
        for (name, text) in texts {
            let spec = TableSpec { columns: ScenarioTable::named(name).unwrap().columns(), ignore_unknown: false };
            match read_csv(&format!("{name}.csv"), text.as_bytes(), &spec, &mut Vec::new()) {
                Some(table) => drop(read.tables.insert((*name).to_owned(), table)),
                None => read.unreadable.push((*name).to_owned()),
            }
        }
        read
    }

    fn policy() -> Policy {
        Policy {
            agent_enabled: true,
            auto_exec_enabled: true,
            max_actions_per_day: 9,
            pause_on_high_severity_warning: true,
        }
    }

    fn start() -> Week {
        "2026-W37".parse().unwrap()
    }

    type Clients = Vec<(Client, ClientState)>;

    /// The clients of all groups by id and their warnings; `None` if the tables cannot be divided, or a group has a
    /// mistake.
    fn read_in_groups(tables: ScenarioTables, min_clients: usize) -> Option<(Clients, Vec<String>)> {
        let groups = GroupedTables::of(tables, min_clients)?;
        let mut errors = Vec::new();
        let parts: Vec<_> = (0..groups.count())
            .map(|group| clients_of_part(&groups.group(group), start(), Zone::utc(), &policy(), &mut errors))
            .collect();
        let (clients, warnings): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.clients, part.warnings)).unzip();
        let mut clients = clients.concat();
        clients.sort_by(|(a, _), (b, _)| a.id.cmp(&b.id));
        let warnings = PartWarnings::joined(warnings).iter().map(ToString::to_string).collect();
        errors.is_empty().then_some((clients, warnings))
    }

    #[test]
    fn groups_of_any_size_give_the_clients_and_the_warnings_of_the_whole() {
        let mut diagnostics = Diagnostics::default();
        let whole = clients(&tables(&TABLES), start(), Zone::utc(), &policy(), &mut diagnostics);
        assert_eq!((whole.len(), diagnostics.errors.as_slice()), (5, [].as_slice()));
        let warnings: Vec<String> = diagnostics.warnings.iter().map(ToString::to_string).collect();
        for min_clients in 0..7 {
            let (in_groups, in_groups_warnings) = read_in_groups(tables(&TABLES), min_clients).unwrap();
            assert_eq!(in_groups_warnings, warnings, "groups of {min_clients}");
            assert!(in_groups == whole, "groups of {min_clients}");
        }
        let tables_with_warnings = ["warnings", "channels", "assets", "history"];
        let of_table = |table: &&str| warnings.iter().any(|warning| warning.starts_with(&format!("{table}.csv: row")));
        assert!(tables_with_warnings.iter().all(of_table), "{warnings:?}");
        let committed = warnings.iter().find(|warning| warning.starts_with("history")).unwrap();
        assert!(committed.starts_with("history.csv: row 1 (line 2)") && committed.contains("3 posts"), "{committed}");
    }

    #[test]
    fn groups_are_filled_in_order_of_the_workspaces_and_have_all_rows() {
        let groups = |min_clients| GroupedTables::of(tables(&TABLES), min_clients).unwrap();
        assert_eq!([1, 2, 3, 5].map(|min_clients| groups(min_clients).count()), [3, 2, 2, 1]);
        let groups = groups(1);
        let ids = |group: usize| -> Vec<String> {
            let tables = groups.group(group);
            let clients = tables.get("clients").unwrap();
            clients.rows.iter().map(|row| clients.text(*row, "client_id").unwrap().to_owned()).collect()
        };
        assert_eq!([0, 1, 2, 3].map(ids), [vec!["a", "c"], vec!["d"], vec!["b", "e"], vec![]]);
        for (name, whole) in tables(&TABLES).tables {
            let rows = (0..3).flat_map(|group| groups.group(group).tables.remove(&name).unwrap().rows);
            let mut numbers: Vec<usize> = rows.map(RowLocation::number).collect();
            numbers.sort_unstable();
            let repeated = if name == CALENDAR { vec![1, 2, 2, 2, 3] } else { (1..=whole.height()).collect() };
            assert_eq!(numbers, repeated, "{name}");
        }
    }

    /// A table, a text in it, and the one that replaces it.
    const MISTAKES: [(&str, &str, &str); 19] = [
        ("clients", "c,one", "a,two"),
        ("clients", "c,one", ",one"),
        ("clients", "c,one", "c,"),
        ("clients", "c,one", "c"),
        ("clients", "workspace_id", "workspace"),
        ("channels", "e,fb", "nobody,fb"),
        ("assets", "1,b", "2,b"),
        ("assets", "1,b", ",b"),
        ("campaigns", "1,e", "2,e"),
        ("policies", "d,3", ",3"),
        ("limits", "two", "nothing"),
        ("limits", ",a,", ",nobody,"),
        ("limits", ",a,", "one,a,"),
        ("warnings", "1,d", "2,d"),
        ("reality", "b,", "nobody,"),
        ("calendar", "workspace:two", "workspace:nothing"),
        ("calendar", "client:a", "client:nobody"),
        ("calendar", "all,", "every,"),
        ("history", "b,fb", "b,ig"),
    ];

    #[test]
    fn no_mistake_is_overlooked() {
        for (table, old, new) in MISTAKES {
            let changed = |(name, text): (&'static str, &'static str)| {
                (name, if name == table { text.replacen(old, new, 1) } else { text.to_owned() })
            };
            let texts = TABLES.map(changed);
            let texts = texts.each_ref().map(|(name, text)| (*name, text.as_str()));
            assert!(texts != TABLES, "{table} has no `{old}`");
            for min_clients in [1, 3, 9] {
                assert!(read_in_groups(tables(&texts), min_clients).is_none(), "{table}: {new}");
            }
        }
        assert!(GroupedTables::of(tables(&[("clients", "client_id,workspace_id\n")]), 1).is_none());
    }
}
