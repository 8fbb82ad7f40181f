//! The clients of a scenario while its tables are read, and the tables about clients themselves: `clients`, `policies`,
//! `warnings` and `reality`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::channel_draft::ChannelDraft;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{
    Asset, AssetUse, CalendarEntry, Campaign, Channel, Client, ClientRow, ClientState, Policy, PolicyRow, Reality,
    RealityRow, Timestamp, Warning, WarningRow, Week, Zone,
};

/// A client while its tables are read.
#[derive(Debug)]
pub(super) struct ClientDraft {
    pub client: Client,
    /// 1-based number of its row.
    pub row: usize,
    /// Monday 00:00 of the scenario's first week in the client's zone.
    pub as_of: Timestamp,
    pub channels: BTreeMap<Channel, ChannelDraft>,
    /// Whether every row of its channels could be read.
    pub channels_are_known: bool,
    pub warnings: Vec<Warning>,
    pub reality: Option<Reality>,
    pub asset_uses: Vec<AssetUse>,
}

/// All clients of a scenario while its tables are read.
#[derive(Debug)]
pub(super) struct Clients {
    drafts: Vec<ClientDraft>,
    by_id: BTreeMap<Arc<str>, usize>,
    /// All ids in the table, including those of invalid rows.
    ids: BTreeSet<Arc<str>>,
    workspaces: BTreeSet<Arc<str>>,
    /// The scenario's first week.
    pub start: Week,
    /// Whether all ids could be read, so that an unknown id is an error of the row that refers to it.
    has_all_ids: bool,
}

impl Clients {
    /// Reads the `clients` table; without it there are no clients.
    pub fn read(
        table: Option<&Table>,
        start: Week,
        default_zone: Zone,
        default_policy: &Policy,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut clients = Self {
            drafts: Vec::new(),
            by_id: BTreeMap::new(),
            ids: BTreeSet::new(),
            workspaces: BTreeSet::new(),
            start,
            has_all_ids: table.is_some_and(|table| table.is_whole("client_id")),
        };
        let Some(table) = table else { return clients };
        let mut first_rows = BTreeMap::new();
        for index in 0..table.height() {
            let mut row = clients.row(table, index, diagnostics);
            let client = row.read::<ClientRow>().map(|client| client.into_client(default_zone, default_policy.clone()));
            let draft = client.and_then(|client| new_draft(&mut row, client, start));
            clients.workspaces.extend(row.text("workspace_id").map(Arc::from));
            let Some(id) = row.text("client_id").map(Arc::<str>::from) else { continue };
            clients.ids.insert(Arc::clone(&id));
            if check_unique(&mut row, &mut first_rows, &id, "client_id", "client") {
                clients.add(id, draft);
            }
        }
        clients
    }

    fn add(&mut self, id: Arc<str>, draft: Option<ClientDraft>) {
        if let Some(draft) = draft {
            self.by_id.insert(id, self.drafts.len());
            self.drafts.push(draft);
        }
    }

    /// A row of a table of the scenario.
    pub fn row<'t, 'd>(&self, table: &'t Table, index: usize, diagnostics: &'d mut Diagnostics) -> Row<'t, 'd> {
        table.row(index, Some(self.start.monday()), diagnostics)
    }

    /// The index of the client that the row's `client_id` names. An unknown id is recorded as an error, a blank one is
    /// not.
    pub fn client_of_row(&self, row: &mut Row<'_, '_>) -> Option<usize> {
        let id = row.text("client_id")?;
        self.client_named(row, "client_id", id)
    }

    /// The index of the client with the id in the given column. An unknown id is recorded as an error.
    pub fn client_named(&self, row: &mut Row<'_, '_>, column: &str, id: &str) -> Option<usize> {
        if self.has_all_ids && !self.ids.contains(id) {
            row.reject_unknown(column, "client", id, self.ids.iter().map(AsRef::as_ref));
        }
        self.by_id.get(id).copied()
    }

    /// Whether a workspace with this id has clients. An unknown id is recorded as an error.
    pub fn has_workspace(&self, row: &mut Row<'_, '_>, column: &str, id: &str) -> bool {
        let has_clients = self.workspaces.contains(id);
        if self.has_all_ids && !has_clients {
            row.reject_unknown(column, "workspace", id, self.workspaces.iter().map(AsRef::as_ref));
        }
        has_clients
    }

    /// Warns if an instant lies after the scenario's start: what happens after it cannot be known yet.
    fn warn_of_future(&self, row: &mut Row<'_, '_>, column: &str, client: Option<usize>, at: Timestamp) {
        let start_of_client = client.and_then(|client| self.draft(client)).map(|draft| draft.as_of);
        if at > start_of_client.unwrap_or(Timestamp::at_midnight(self.start.monday())) {
            let cause = "it lies after the scenario's start; it is used all the same";
            row.warn("after_start", column, cause, "check the year, or start the scenario later");
        }
    }

    /// Every client, in the order of the rows.
    pub fn drafts(&self) -> &[ClientDraft] {
        &self.drafts
    }

    /// Every client.
    pub fn drafts_mut(&mut self) -> impl Iterator<Item = &mut ClientDraft> {
        self.drafts.iter_mut()
    }

    /// The client at an index.
    pub fn draft(&self, client: usize) -> Option<&ClientDraft> {
        self.drafts.get(client)
    }

    /// The client at an index.
    pub fn draft_mut(&mut self, client: usize) -> Option<&mut ClientDraft> {
        self.drafts.get_mut(client)
    }

    /// The clients with their initial state, sorted by id, with all lists in the model's order.
    pub fn into_clients(self) -> Vec<(Client, ClientState)> {
        let mut clients: Vec<_> = self.drafts.into_iter().map(ClientDraft::into_client).collect();
        clients.sort_by(|(left, _), (right, _)| left.id.cmp(&right.id));
        clients
    }
}

/// A client without content yet; `None`, with an error recorded, if the start has no instant in its zone.
fn new_draft(row: &mut Row<'_, '_>, client: Client, start: Week) -> Option<ClientDraft> {
    let as_of = match client.zone.start_of_day(start.monday()) {
        Ok(as_of) => as_of,
        Err(error) => {
            row.reject("bad_start", "time_zone", error.to_string(), "start the scenario in another year");
            return None;
        }
    };
    let (channels, warnings, asset_uses) = (BTreeMap::new(), Vec::new(), Vec::new());
    let row = row.number();
    Some(ClientDraft { client, row, as_of, channels, channels_are_known: true, warnings, reality: None, asset_uses })
}

impl ClientDraft {
    fn into_client(mut self) -> (Client, ClientState) {
        self.client.campaigns.sort_by(|left: &Campaign, right| left.id.cmp(&right.id));
        self.client.assets.sort_by(|left: &Asset, right| left.id.cmp(&right.id));
        self.client
            .calendar
            .sort_by(|left: &CalendarEntry, right| (left.from, &left.name).cmp(&(right.from, &right.name)));
        self.client.limit_numbers.sort_by(|left, right| left.order().cmp(&right.order()));
        self.warnings.sort_by(|left, right| left.id.cmp(&right.id));
        self.asset_uses.sort_by(|left, right| {
            (left.at, left.channel, &left.asset_id).cmp(&(right.at, right.channel, &right.asset_id))
        });
        let as_of = self.as_of;
        let state = ClientState {
            channels: self.channels.into_values().map(|channel| channel.into_state(as_of)).collect(),
            warnings: self.warnings,
            reality: self.reality,
            asset_uses: self.asset_uses,
            previous_posts: Vec::new(),
        };
        (self.client, state)
    }
}

/// Reads `policies`. A blank cell keeps the default.
pub(super) fn read_policies(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let policy: Option<PolicyRow> = row.read();
        let Some(client) = client else { continue };
        check_unique(&mut row, &mut first_rows, &client, "client_id", "client");
        if let (Some(draft), Some(policy)) = (clients.draft_mut(client), policy) {
            draft.client.policy = policy.with_defaults(&draft.client.policy);
        }
    }
}

/// Reads `warnings`.
pub(super) fn read_warnings(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let warning: Option<WarningRow> = row.read();
        if let Some(warning) = &warning {
            clients.warn_of_future(&mut row, "opened_at", client, warning.opened_at);
        }
        if let Some(id) = row.text("warning_id") {
            check_unique(&mut row, &mut first_rows, &id, "warning_id", "warning");
        }
        if let (Some(draft), Some(warning)) = (client.and_then(|client| clients.draft_mut(client)), warning) {
            draft.warnings.push(warning.into());
        }
    }
}

/// Reads `reality`. The latest row of a client takes precedence.
pub(super) fn read_reality(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let reality: Option<RealityRow> = row.read();
        let Some(reality) = reality.map(Reality::from) else { continue };
        clients.warn_of_future(&mut row, "as_of", client, reality.as_of);
        let Some(client) = client else { continue };
        check_unique(&mut row, &mut first_rows, &(client, reality.as_of), "as_of", "assessment");
        let Some(draft) = clients.draft_mut(client) else { continue };
        if draft.reality.as_ref().is_none_or(|earlier| earlier.as_of < reality.as_of) {
            draft.reality = Some(reality);
        }
    }
}
