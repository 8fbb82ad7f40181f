//! The tables of a scenario: validates their rows and assembles clients with their initial state.
//!
//! Cells come from anything with columns of text: a file that the application has read, or a table in memory. An
//! invalid cell is reported with its row and column, and nothing is dropped silently. Blank cells stay unknown.

mod calendar;
mod cells;
mod channel_draft;
mod channels;
mod clients;
mod content;
mod csv_file;
mod csv_scan;
mod groups;
mod histories;
mod limits;
mod manifest;
mod manifest_text;
mod part_warnings;
mod row;
mod scenario;
mod spreadsheet;
mod table_spec;
mod world;

use std::collections::BTreeMap;

pub use cells::{Cells, TextCells};
pub use csv_file::read_csv;
pub use groups::GroupedTables;
pub use histories::histories_of;
pub use manifest::{MANIFEST_FILE, Manifest, SCENARIO_KEYS, is_allowed_start};
pub use part_warnings::PartWarnings;
pub use row::{Row, RowLocation, Table, TextColumn, check_unique};
pub use scenario::ScenarioHasher;
pub use spreadsheet::{guarded, needs_guard};
pub use table_spec::{FileErrors, MatchedColumns, TableSpec};

use self::clients::Clients;
use self::content::{Assets, Campaigns};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{
    AssetRow, CalendarRow, CampaignRow, ChannelRow, Client, ClientRow, ClientState, Column, HistoryRow,
    LimitNumbersRow, Policy, PolicyRow, RealityRow, Record, WarningRow, Week, WorldRow, Zone,
};

/// A table that a scenario can have.
#[derive(Debug, Clone, Copy)]
pub struct ScenarioTable {
    /// Its name in the manifest.
    pub name: &'static str,
    columns: fn() -> Vec<&'static Column>,
}

impl ScenarioTable {
    /// All tables. The first two are required.
    pub const ALL: [Self; 11] = [
        Self { name: "clients", columns: columns_of::<ClientRow> },
        Self { name: "channels", columns: columns_of::<ChannelRow> },
        Self { name: "assets", columns: columns_of::<AssetRow> },
        Self { name: "campaigns", columns: columns_of::<CampaignRow> },
        Self { name: "policies", columns: columns_of::<PolicyRow> },
        Self { name: "limits", columns: columns_of::<LimitNumbersRow> },
        Self { name: "warnings", columns: columns_of::<WarningRow> },
        Self { name: "reality", columns: columns_of::<RealityRow> },
        Self { name: "calendar", columns: columns_of::<CalendarRow> },
        Self { name: "history", columns: columns_of::<HistoryRow> },
        Self { name: "world", columns: columns_of::<WorldRow> },
    ];

    /// The table with the given name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name == name)
    }

    /// Its columns.
    #[must_use]
    pub fn columns(self) -> Vec<&'static Column> {
        (self.columns)()
    }
}

fn columns_of<R: Record>() -> Vec<&'static Column> {
    R::columns().collect()
}

/// The tables of a scenario, by name.
#[derive(Debug, Default)]
pub struct ScenarioTables {
    /// The tables whose rows can be read.
    pub tables: BTreeMap<String, Table>,
    /// The names of tables that exist but whose rows cannot be read.
    pub unreadable: Vec<String>,
}

impl ScenarioTables {
    fn get(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Whether a table exists but has unreadable rows or lacks the column, so that nothing can be called missing from
    /// it.
    fn is_unreadable(&self, name: &str, column: &str) -> bool {
        self.unreadable.iter().any(|table| table == name) || self.get(name).is_some_and(|table| !table.is_whole(column))
    }
}

/// Reads the clients of a scenario with their initial state, sorted by id. Clients without a row in `policies` get
/// `default_policy`, clients without a zone `default_zone`.
///
/// Every row is checked, even after errors. Errors go to `diagnostics`; if there are any, the result is incomplete.
pub fn clients(
    tables: &ScenarioTables,
    start: Week,
    default_zone: Zone,
    default_policy: &Policy,
    diagnostics: &mut Diagnostics,
) -> Vec<(Client, ClientState)> {
    let part = clients_of_part(tables, start, default_zone, default_policy, &mut diagnostics.errors);
    diagnostics.warnings.extend(PartWarnings::joined([part.warnings]));
    part.clients
}

/// Clients that were read from some rows of a scenario's tables.
#[derive(Debug)]
pub struct PartOfClients {
    /// The clients with their initial state, sorted by id.
    pub clients: Vec<(Client, ClientState)>,
    /// Warnings about these rows.
    pub warnings: PartWarnings,
}

/// Reads clients like [`clients`] from a part of a scenario's tables, such as a group of [`GroupedTables`].
pub fn clients_of_part(
    tables: &ScenarioTables,
    start: Week,
    default_zone: Zone,
    default_policy: &Policy,
    errors: &mut Vec<Diagnostic>,
) -> PartOfClients {
    let mut diagnostics = Diagnostics { errors: std::mem::take(errors), warnings: Vec::new() };
    let mut warnings = PartWarnings::default();
    let clients = Clients::read(tables.get("clients"), start, default_zone, default_policy, &mut diagnostics);
    warnings.end_pass(&mut diagnostics.warnings);
    let clients = read_tables_of_clients(tables, clients, &mut diagnostics, &mut warnings);
    *errors = diagnostics.errors;
    PartOfClients { clients: clients.into_clients(), warnings }
}

/// Reads all tables but `clients`.
fn read_tables_of_clients(
    tables: &ScenarioTables,
    mut clients: Clients,
    diagnostics: &mut Diagnostics,
    warnings: &mut PartWarnings,
) -> Clients {
    type Read<'r> = &'r mut dyn FnMut(&Table, &mut Clients, &mut Diagnostics, &mut PartWarnings);
    let mut with_table = |name: &str, read: Read<'_>| {
        if let Some(table) = tables.get(name) {
            read(table, &mut clients, diagnostics, warnings);
        }
        warnings.end_pass(&mut diagnostics.warnings);
    };
    with_table("policies", &mut |table, clients, diagnostics, _| clients::read_policies(table, clients, diagnostics));
    with_table("limits", &mut |table, clients, diagnostics, _| limits::read_limits(table, clients, diagnostics));
    with_table("warnings", &mut |table, clients, diagnostics, _| clients::read_warnings(table, clients, diagnostics));
    with_table("reality", &mut |table, clients, diagnostics, _| clients::read_reality(table, clients, diagnostics));
    with_table("calendar", &mut |table, clients, diagnostics, _| calendar::read_calendar(table, clients, diagnostics));
    with_table("channels", &mut |table, clients, diagnostics, _| channels::read_channels(table, clients, diagnostics));
    with_table("world", &mut |table, clients, diagnostics, _| world::read_world(table, clients, diagnostics));
    let mut campaigns = Campaigns::default();
    with_table("campaigns", &mut |table, clients, diagnostics, _| {
        campaigns = content::read_campaigns(table, clients, diagnostics);
    });
    campaigns.are_unreadable = tables.is_unreadable("campaigns", "campaign_id");
    let mut assets = Assets::default();
    with_table("assets", &mut |table, clients, diagnostics, _| {
        assets = content::read_assets(table, clients, &campaigns, diagnostics);
    });
    assets.are_unreadable = tables.is_unreadable("assets", "asset_id");
    with_table("history", &mut |table, clients, diagnostics, warnings| {
        warnings.add_committed(channels::read_history(table, clients, &assets, diagnostics));
    });
    let is_history_known = !tables.is_unreadable("history", "published_at");
    with_table("channels", &mut |table, clients, diagnostics, warnings| {
        for client in clients.drafts() {
            channels::check_last_posts(table, client, clients.start, is_history_known, diagnostics);
            warnings.add_of_client(client.row, &mut diagnostics.warnings);
        }
    });
    clients
}
