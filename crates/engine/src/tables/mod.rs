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
mod histories;
mod limits;
mod manifest;
mod manifest_text;
mod row;
mod scenario;
mod spreadsheet;
mod table_spec;
mod world;

use std::collections::BTreeMap;

pub use cells::{Cells, TextCells};
pub use csv_file::read_csv;
pub use histories::histories_of;
pub use manifest::{MANIFEST_FILE, Manifest, SCENARIO_KEYS, is_allowed_start};
pub use row::{Row, RowLocation, Table, TextColumn, check_unique};
pub use scenario::ScenarioHasher;
pub use spreadsheet::{guarded, needs_guard};
pub use table_spec::{FileErrors, MatchedColumns, TableSpec};

use self::clients::Clients;
use self::content::{Assets, Campaigns};
use crate::diagnostic::Diagnostics;
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
    let mut clients = Clients::read(tables.get("clients"), start, default_zone, default_policy, diagnostics);
    let mut with_table = |name: &str, read: &mut dyn FnMut(&Table, &mut Clients, &mut Diagnostics)| {
        if let Some(table) = tables.get(name) {
            read(table, &mut clients, diagnostics);
        }
    };
    with_table("policies", &mut clients::read_policies);
    with_table("limits", &mut limits::read_limits);
    with_table("warnings", &mut clients::read_warnings);
    with_table("reality", &mut clients::read_reality);
    with_table("calendar", &mut calendar::read_calendar);
    with_table("channels", &mut channels::read_channels);
    with_table("world", &mut world::read_world);
    let mut campaigns = Campaigns::default();
    with_table("campaigns", &mut |table, clients, diagnostics| {
        campaigns = content::read_campaigns(table, clients, diagnostics);
    });
    campaigns.are_unreadable = tables.is_unreadable("campaigns", "campaign_id");
    let mut assets = Assets::default();
    with_table("assets", &mut |table, clients, diagnostics| {
        assets = content::read_assets(table, clients, &campaigns, diagnostics);
    });
    assets.are_unreadable = tables.is_unreadable("assets", "asset_id");
    with_table("history", &mut |table, clients, diagnostics| {
        channels::read_history(table, clients, &assets, diagnostics);
    });
    let is_history_known = !tables.is_unreadable("history", "published_at");
    with_table("channels", &mut |table, clients, diagnostics| {
        channels::check_last_posts(table, clients, is_history_known, diagnostics);
    });
    clients.into_clients()
}
