//! The clients of a scenario while its tables are read, and the tables that say one thing a client:
//! `clients`, `policies`, `warnings` and `reality`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::channels::ChannelDraft;
use super::error::Problems;
use super::frame::TableSpec;
use super::manifest::Manifest;
use super::table::{Bounds, Era, Row, Table};
use crate::model::{
    Asset, AssetUse, CalendarEntry, Campaign, Channel, Client, ClientId, ClientState, ClientStatus, Policy, Reality,
    Severity, Timestamp, Warning, WarningStatus, WorkspaceId,
};

pub(super) const CLIENTS: TableSpec = TableSpec {
    required: &["client_id", "workspace_id"],
    optional: &["name", "industry", "tags", "time_zone", "status", "priority"],
    others_allowed: false,
};

pub(super) const POLICIES: TableSpec = TableSpec {
    required: &["client_id"],
    optional: &["agent_enabled", "auto_exec_enabled", "max_actions_per_day", "pause_on_high_severity_warning"],
    others_allowed: false,
};

pub(super) const WARNINGS: TableSpec = TableSpec {
    required: &["warning_id", "client_id", "type", "severity", "status", "opened_at"],
    optional: &[],
    others_allowed: false,
};

pub(super) const REALITY: TableSpec = TableSpec {
    required: &["client_id", "as_of", "perceived_score", "confidence", "completeness"],
    optional: &["true_score"],
    others_allowed: false,
};

/// Days after the start for which posts may be committed.
const MOST_DAYS_AFTER_START: i64 = 366;

/// Priority of a client that names none.
const USUAL_PRIORITY: f64 = 50.0;

/// A client while its tables are read.
#[derive(Debug)]
pub(super) struct ClientDraft {
    pub client: Client,
    /// Monday 00:00 of the scenario's first week in the client's zone.
    pub as_of: Timestamp,
    pub channels: BTreeMap<Channel, ChannelDraft>,
    /// Whether every row of its channels was understood.
    pub channels_are_known: bool,
    pub warnings: Vec<Warning>,
    pub reality: Option<Reality>,
    pub asset_uses: Vec<AssetUse>,
}

/// Every client, by id.
#[derive(Debug)]
pub(super) struct Roster {
    drafts: Vec<ClientDraft>,
    by_id: BTreeMap<Arc<str>, usize>,
    /// Ids of the table, those of rows with mistakes included.
    named: BTreeSet<Arc<str>>,
    workspaces: BTreeSet<Arc<str>>,
    /// The Monday that the first week begins on.
    start: Timestamp,
    /// Whether ids could be read, so that an unknown one is a mistake of whoever names it.
    is_known: bool,
}

impl Roster {
    /// Reads the `clients` table; without one no client is known.
    pub fn new(table: Option<&Table>, manifest: &Manifest, default_policy: &Policy, problems: &mut Problems) -> Self {
        let mut roster = Self {
            drafts: Vec::new(),
            by_id: BTreeMap::new(),
            named: BTreeSet::new(),
            workspaces: BTreeSet::new(),
            start: Timestamp::at_midnight(manifest.start.monday()),
            is_known: table.is_some_and(|table| table.is_whole("client_id")),
        };
        let mut first_rows = BTreeMap::new();
        for index in 0..table.map_or(0, Table::height) {
            let Some(mut row) = table.map(|table| table.row(index, problems)) else { continue };
            let id = row.text("client_id").map(Arc::<str>::from);
            roster.named.extend(id.clone());
            roster.workspaces.extend(row.text("workspace_id").map(Arc::from));
            let draft = client(&mut row, manifest, default_policy);
            if let Some(id) = id.filter(|id| is_first(&mut row, &mut first_rows, id, "client_id", "client")) {
                roster.add(id, draft);
            }
        }
        roster
    }

    fn add(&mut self, id: Arc<str>, draft: Option<ClientDraft>) {
        if let Some(draft) = draft {
            self.by_id.insert(id, self.drafts.len());
            self.drafts.push(draft);
        }
    }

    /// The client that the row's `client_id` names. What is wrong with the name is noted.
    pub fn client(&self, row: &mut Row<'_, '_>) -> Option<usize> {
        let id = row.required("client_id")?;
        self.client_named(row, "client_id", id)
    }

    /// The client of that id, which stands in the given column.
    pub fn client_named(&self, row: &mut Row<'_, '_>, column: &str, id: &str) -> Option<usize> {
        if self.is_known && !self.named.contains(id) {
            row.reject_unknown(column, "client", id, self.named.iter().map(AsRef::as_ref));
        }
        self.by_id.get(id).copied()
    }

    /// Whether a workspace of that name has clients. What is wrong with the name is noted.
    pub fn has_workspace(&self, row: &mut Row<'_, '_>, column: &str, id: &str) -> bool {
        let found = self.workspaces.contains(id);
        if self.is_known && !found {
            row.reject_unknown(column, "workspace", id, self.workspaces.iter().map(AsRef::as_ref));
        }
        found
    }

    /// When something may be that is known at the start, or is committed for the weeks after it.
    pub fn known_times(&self) -> Era {
        Era::until(MOST_DAYS_AFTER_START, self.start)
    }

    /// When something may be made that is to be posted.
    pub fn times_of_making(&self) -> Era {
        Era::until(10 * MOST_DAYS_AFTER_START, self.start)
    }

    /// Warns where an instant lies after the start, so that nobody can have known it then.
    fn warn_of_future(&self, row: &mut Row<'_, '_>, column: &str, client: Option<usize>, at: Option<Timestamp>) {
        let start = client.and_then(|client| self.draft(client)).map_or(self.start, |draft| draft.as_of);
        if at.is_some_and(|at| at > start) {
            let cause = "it lies after the scenario's start, and counts all the same".to_owned();
            row.warn("after_start", column, cause, "see that the year is right, or start the scenario later");
        }
    }

    /// Every client.
    pub fn drafts_mut(&mut self) -> impl Iterator<Item = &mut ClientDraft> {
        self.drafts.iter_mut()
    }

    /// One client.
    pub fn draft(&self, client: usize) -> Option<&ClientDraft> {
        self.drafts.get(client)
    }

    /// One client.
    pub fn draft_mut(&mut self, client: usize) -> Option<&mut ClientDraft> {
        self.drafts.get_mut(client)
    }

    /// The clients with the state they start in, by id, everything in the order of the model.
    pub fn into_clients(self) -> Vec<(Client, ClientState)> {
        let mut clients: Vec<_> = self.drafts.into_iter().map(ClientDraft::finished).collect();
        clients.sort_by(|(left, _), (right, _)| left.id.cmp(&right.id));
        clients
    }
}

impl ClientDraft {
    fn finished(mut self) -> (Client, ClientState) {
        self.client.campaigns.sort_by(|left: &Campaign, right| left.id.cmp(&right.id));
        self.client.assets.sort_by(|left: &Asset, right| left.id.cmp(&right.id));
        self.client.days.sort_by(|left: &CalendarEntry, right| (left.from, &left.name).cmp(&(right.from, &right.name)));
        self.warnings.sort_by(|left, right| left.id.cmp(&right.id));
        self.asset_uses.sort_by(|left, right| {
            (left.at, left.channel, &left.asset_id).cmp(&(right.at, right.channel, &right.asset_id))
        });
        let as_of = self.as_of;
        let state = ClientState {
            channels: self.channels.into_values().map(|channel| channel.finished(as_of)).collect(),
            warnings: self.warnings,
            reality: self.reality,
            asset_uses: self.asset_uses,
        };
        (self.client, state)
    }
}

/// Whether the key stands here for the first time; otherwise the repetition is noted.
pub(super) fn is_first<K: Ord + Clone>(
    row: &mut Row<'_, '_>,
    first_rows: &mut BTreeMap<K, usize>,
    key: &K,
    column: &str,
    what: &str,
) -> bool {
    match first_rows.get(key) {
        Some(earlier) => {
            row.reject_duplicate(column, &format!("this {what}"), *earlier);
            false
        }
        None => {
            first_rows.insert(key.clone(), row.number());
            true
        }
    }
}

fn client(row: &mut Row<'_, '_>, manifest: &Manifest, default_policy: &Policy) -> Option<ClientDraft> {
    let id = row.identifier("client_id");
    let workspace = row.identifier("workspace_id");
    let zone = if row.text("time_zone").is_some() { row.zone("time_zone") } else { Some(manifest.default_zone) };
    let status = row.named("status", ClientStatus::ALL, ClientStatus::name);
    let priority = row.number_in("priority", Bounds::within(0.0, 100.0));
    let tags = row.tags("tags");
    let (id, workspace, zone) = (id?, workspace?, zone?);
    let as_of = match zone.start_of_day(manifest.start.monday()) {
        Ok(start) => start,
        Err(error) => {
            row.reject("bad_start", "time_zone", error.to_string(), "start the scenario in another year".to_owned());
            return None;
        }
    };
    let client = Client {
        id: ClientId::new(id),
        workspace_id: WorkspaceId::new(workspace),
        name: row.text("name").unwrap_or(id).into(),
        industry: row.text("industry").unwrap_or_default().into(),
        tags,
        zone,
        status: status.unwrap_or(ClientStatus::Active),
        priority: priority.unwrap_or(USUAL_PRIORITY),
        policy: default_policy.clone(),
        campaigns: Vec::new(),
        assets: Vec::new(),
        days: Vec::new(),
    };
    let (channels, warnings, asset_uses) = (BTreeMap::new(), Vec::new(), Vec::new());
    Some(ClientDraft { client, as_of, channels, channels_are_known: true, warnings, reality: None, asset_uses })
}

/// Reads `policies`. A blank cell leaves the default's word.
pub(super) fn policies(table: &Table, roster: &mut Roster, problems: &mut Problems) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let agent_enabled = row.flag("agent_enabled");
        let auto_exec_enabled = row.flag("auto_exec_enabled");
        let max_actions_per_day = row.count("max_actions_per_day", 1000);
        let pauses = row.flag("pause_on_high_severity_warning");
        let Some(client) = client else { continue };
        is_first(&mut row, &mut first_rows, &client, "client_id", "client");
        if let Some(draft) = roster.draft_mut(client) {
            let usual = &draft.client.policy;
            draft.client.policy = Policy {
                agent_enabled: agent_enabled.unwrap_or(usual.agent_enabled),
                auto_exec_enabled: auto_exec_enabled.unwrap_or(usual.auto_exec_enabled),
                max_actions_per_day: max_actions_per_day.unwrap_or(usual.max_actions_per_day),
                pause_on_high_severity_warning: pauses.unwrap_or(usual.pause_on_high_severity_warning),
            };
        }
    }
}

/// Reads `warnings`.
pub(super) fn warnings(table: &Table, roster: &mut Roster, problems: &mut Problems) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let id = row.identifier("warning_id").map(Arc::<str>::from);
        let kind = row.required("type");
        let severity = row.required("severity").and(row.named("severity", Severity::ALL, Severity::name));
        let status = row.required("status").and(row.named("status", WarningStatus::ALL, WarningStatus::name));
        let opened_at = row.required_instant("opened_at", roster.known_times());
        roster.warn_of_future(&mut row, "opened_at", client, opened_at);
        if let Some(id) = &id {
            is_first(&mut row, &mut first_rows, id, "warning_id", "warning");
        }
        let draft = client.and_then(|client| roster.draft_mut(client));
        if let (Some(draft), Some(id), Some(kind), Some(severity), Some(status), Some(opened_at)) =
            (draft, id, kind, severity, status, opened_at)
        {
            draft.warnings.push(Warning { id, kind: kind.into(), severity, status, opened_at });
        }
    }
}

/// Reads `reality`. The latest row of a client holds.
pub(super) fn reality(table: &Table, roster: &mut Roster, problems: &mut Problems) {
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let as_of = row.required_instant("as_of", roster.known_times());
        roster.warn_of_future(&mut row, "as_of", client, as_of);
        let perceived = row.required_score("perceived_score");
        let actual = row.score("true_score");
        let confidence = row.required_score("confidence");
        let completeness = row.required_score("completeness");
        if let (Some(client), Some(as_of)) = (client, as_of) {
            is_first(&mut row, &mut first_rows, &(client, as_of), "as_of", "assessment");
        }
        let draft = client.and_then(|client| roster.draft_mut(client));
        if let (Some(draft), Some(as_of), Some(perceived), Some(confidence), Some(completeness)) =
            (draft, as_of, perceived, confidence, completeness)
            && draft.reality.as_ref().is_none_or(|earlier| earlier.as_of < as_of)
        {
            draft.reality = Some(Reality { as_of, perceived, actual, confidence, completeness });
        }
    }
}
