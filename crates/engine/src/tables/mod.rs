//! The tables of a scenario: their rows checked and put together as clients with the state they start in.
//!
//! Cells come from whatever holds columns of text: a file that the application has read, or a table in memory. A cell
//! that is wrong is named with its row and column, and nothing is dropped in silence. What is blank stays unknown.

mod channels;
mod clients;
mod content;
mod days;
mod mistake;
mod row;
mod spreadsheet;

use std::collections::BTreeMap;

pub use mistake::{Mistakes, TableError};
pub use row::{Place, Row, Table, TextColumn, is_first};
pub use spreadsheet::{guarded, is_guarded_for};

use self::clients::Clients;
use self::content::{Assets, Campaigns};
use crate::model::{
    AssetRow, CalendarRow, CampaignRow, ChannelRow, Client, ClientRow, ClientState, Column, HistoryRow, Policy,
    PolicyRow, RealityRow, Record, WarningRow, Week, Zone,
};

/// A table that a scenario can have.
#[derive(Debug, Clone, Copy)]
pub struct ScenarioTable {
    /// Its name in the manifest.
    pub name: &'static str,
    columns: fn() -> Vec<&'static Column>,
}

impl ScenarioTable {
    /// Every one. The first two must be there.
    pub const ALL: [Self; 9] = [
        Self { name: "clients", columns: columns_of::<ClientRow> },
        Self { name: "channels", columns: columns_of::<ChannelRow> },
        Self { name: "assets", columns: columns_of::<AssetRow> },
        Self { name: "campaigns", columns: columns_of::<CampaignRow> },
        Self { name: "policies", columns: columns_of::<PolicyRow> },
        Self { name: "warnings", columns: columns_of::<WarningRow> },
        Self { name: "reality", columns: columns_of::<RealityRow> },
        Self { name: "calendar", columns: columns_of::<CalendarRow> },
        Self { name: "history", columns: columns_of::<HistoryRow> },
    ];

    /// The one of a name; none for another name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
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
    /// Those whose rows can be read.
    pub tables: BTreeMap<String, Table>,
    /// Those that are there and have no row that can be read.
    pub unreadable: Vec<String>,
}

impl ScenarioTables {
    fn get(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Whether a table is there and cannot be read, so that nobody can say that it lacks something.
    fn is_unreadable(&self, name: &str, column: &str) -> bool {
        self.unreadable.iter().any(|table| table == name) || self.get(name).is_some_and(|table| !table.is_whole(column))
    }
}

/// Reads the clients of a scenario with the state they start in, by id. Those that no row of `policies` speaks of get
/// `default_policy`, those without a zone `default_zone`.
///
/// Every row is looked at, even after mistakes; those go to `mistakes`, and where there are any, what is returned is
/// not whole.
pub fn clients(
    tables: &ScenarioTables,
    start: Week,
    default_zone: Zone,
    default_policy: &Policy,
    mistakes: &mut Mistakes,
) -> Vec<(Client, ClientState)> {
    let mut clients = Clients::read(tables.get("clients"), start, default_zone, default_policy, mistakes);
    let mut on = |name: &str, read: &mut dyn FnMut(&Table, &mut Clients, &mut Mistakes)| {
        if let Some(table) = tables.get(name) {
            read(table, &mut clients, mistakes);
        }
    };
    on("policies", &mut clients::policies);
    on("warnings", &mut clients::warnings);
    on("reality", &mut clients::reality);
    on("calendar", &mut days::calendar);
    on("channels", &mut channels::channels);
    let mut campaigns = Campaigns::default();
    on("campaigns", &mut |table, clients, mistakes| campaigns = content::campaigns(table, clients, mistakes));
    campaigns.are_unreadable = tables.is_unreadable("campaigns", "campaign_id");
    let mut assets = Assets::default();
    on("assets", &mut |table, clients, mistakes| assets = content::assets(table, clients, &campaigns, mistakes));
    assets.are_unreadable = tables.is_unreadable("assets", "asset_id");
    on("history", &mut |table, clients, mistakes| channels::history(table, clients, &assets, mistakes));
    let is_history_known = !tables.is_unreadable("history", "published_at");
    on("channels", &mut |table, clients, mistakes| channels::last_posts(table, clients, is_history_known, mistakes));
    clients.finished()
}
