//! Loads clients and their current state from the ledger as a scenario, so that planning works from either source.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::client_rows::{ChannelStateRow, WithClientId, WorkspaceRow};
use super::database::Tx;
use super::error::StoreError;
use super::json::json_text;
use super::ledger::Ledger;
use super::records::{AssetColumns, DayRow, NumbersRow, RecordRow, column_list};
use super::retry::with_retries;
use super::row::{FromAnyRow, Id, Instant, ModelRow, Name, Text};
use super::values::{Value, values};
use crate::model::{
    AssetId, AssetRow, AssetUse, CampaignRow, Capacity, Channel, ChannelState, Client, ClientId, ClientRow,
    ClientState, Policy, PolicyRow, RECENT_DAYS, RealityRow, Record, Scenario, Timestamp, WarningRow, Week,
    WorkspaceId, WorldRow, Zone,
};

/// Fallback for policy columns that are unset; in the ledger all of them are set.
const DEFAULT_POLICY: Policy = Policy {
    agent_enabled: false,
    auto_exec_enabled: false,
    max_actions_per_day: 0,
    pause_on_high_severity_warning: true,
};

/// Clients with their state, ordered by id.
pub(super) type ClientStates = Vec<(Client, ClientState)>;

/// SQL list of the statuses of schedules that count as posts: live and completed ones.
pub(super) const COUNTED_STATUSES: &str = "('pending', 'ready', 'executing', 'completed')";

/// SQL condition for schedules that take up a review: they wait for one, or were approved in one and still run.
const NEEDS_REVIEW: &str = "(status = 'pending' OR (status <> 'blocked' AND approved_by IS NOT NULL))";

impl Ledger {
    /// A workspace, in its current state, as a scenario that starts in the given week. The scenario's hash covers
    /// everything that planning reads.
    ///
    /// # Errors
    /// If the workspace is not known, or the database fails.
    pub async fn scenario(&self, workspace: &WorkspaceId, start: Week) -> Result<Scenario, StoreError> {
        with_retries(|| self.scenario_of(workspace, start, |_| true, Counted::Live)).await
    }

    /// As [`Ledger::scenario`], for the clients whose id passes the predicate, with the given choice of schedules that
    /// count as posts. Of the other clients, only the committed posts count, in the limits that they share with these.
    pub(super) async fn scenario_of(
        &self,
        workspace: &WorkspaceId,
        start: Week,
        is_selected: impl Fn(&ClientId) -> bool,
        counted: Counted,
    ) -> Result<Scenario, StoreError> {
        let mut tx = self.read().await?;
        let mut scenario = self.empty_scenario(&mut tx, workspace, start).await?;
        let mut clients =
            load_client_states_with(&mut tx, &ClientSelector::Workspace(workspace), &BTreeSet::new(), counted).await?;
        scenario.other_clients = clients.extract_if(.., |(client, _)| !is_selected(&client.id)).collect();
        scenario.clients = clients;
        scenario.hash = scenario_hash(workspace, &scenario)?;
        Ok(scenario)
    }

    /// As [`Ledger::scenario`], with a single client of the workspace.
    ///
    /// # Errors
    /// If the workspace is not known, or the database fails.
    pub async fn client_scenario(
        &self,
        workspace: &WorkspaceId,
        client: &ClientId,
        start: Week,
    ) -> Result<Scenario, StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            let mut scenario = self.empty_scenario(&mut tx, workspace, start).await?;
            let mut clients =
                load_client_states(&mut tx, &ClientSelector::Clients(&[client.as_str()]), &BTreeSet::new()).await?;
            clients.retain(|(client, _)| client.workspace_id == *workspace);
            scenario.clients = clients;
            scenario.hash = scenario_hash(workspace, &scenario)?;
            Ok(scenario)
        })
        .await
    }

    /// The scenario of a workspace, without its clients.
    async fn empty_scenario(&self, tx: &mut Tx, workspace: &WorkspaceId, start: Week) -> Result<Scenario, StoreError> {
        let sql = "SELECT scenario, weeks, reviewers, reviews_per_reviewer_per_day, review, environment \
                   FROM workspaces WHERE workspace_id = $1";
        let row: Option<WorkspaceRow> = tx.optional(sql, values![workspace.as_str()]).await?;
        let row = row.ok_or_else(|| StoreError::UnknownWorkspace(workspace.to_string()))?;
        Ok(Scenario {
            name: row.scenario,
            hash: String::new(),
            start,
            weeks: row.weeks,
            capacity: row.capacity,
            review: row.review,
            environment: row.environment,
            clients: Vec::new(),
            other_clients: Vec::new(),
        })
    }
}

/// A workspace's review capacity.
pub(super) async fn load_capacity(tx: &mut Tx, workspace: &WorkspaceId) -> Result<Capacity, StoreError> {
    let sql = "SELECT reviewers, reviews_per_reviewer_per_day FROM workspaces WHERE workspace_id = $1";
    let ModelRow(capacity) = tx.one(sql, values![workspace.as_str()]).await?;
    Ok(capacity)
}

/// BLAKE3 hash of everything that planning reads: the workspace's id, the week and the posts that reviewers can review a
/// day, then the clients and the other clients as JSON, one a line.
fn scenario_hash(workspace: &WorkspaceId, scenario: &Scenario) -> Result<String, StoreError> {
    let Scenario { start, capacity, clients, other_clients, .. } = scenario;
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{workspace}\n{start}\n{}\n", capacity.reviews_per_day()).as_bytes());
    for (kind, clients) in [("client", clients), ("other client", other_clients)] {
        for client in clients {
            hasher.update(format!("{kind} {}\n", json_text(client)?).as_bytes());
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Selects the clients to read.
pub(super) enum ClientSelector<'w> {
    Workspace(&'w WorkspaceId),
    /// By their ids.
    Clients(&'w [&'w str]),
}

impl ClientSelector<'_> {
    fn condition(&self) -> &'static str {
        match self {
            ClientSelector::Workspace(_) => "workspace_id = $1",
            ClientSelector::Clients(_) => "client_id = ANY($1)",
        }
    }

    fn value(&self) -> Value {
        match self {
            ClientSelector::Workspace(id) => id.as_str().into(),
            ClientSelector::Clients(ids) => (*ids).into(),
        }
    }
}

/// Clients with their current state, ordered by id. Schedules in `excluded` do not count as posts.
pub(super) async fn load_client_states(
    tx: &mut Tx,
    selector: &ClientSelector<'_>,
    excluded: &BTreeSet<Uuid>,
) -> Result<ClientStates, StoreError> {
    load_client_states_with(tx, selector, excluded, Counted::Live).await
}

/// Selects the schedules that count as posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Live schedules (pending, ready or executing) and completed ones.
    Live,
    /// Blocked ones as well, so that nothing is planned in their place.
    LiveAndBlocked,
}

impl Counted {
    pub(super) const fn statuses(self) -> &'static str {
        match self {
            Counted::Live => COUNTED_STATUSES,
            Counted::LiveAndBlocked => "('pending', 'ready', 'executing', 'completed', 'blocked')",
        }
    }
}

/// As [`load_client_states`], with the given choice of schedules that count as posts.
pub(super) async fn load_client_states_with(
    tx: &mut Tx,
    selector: &ClientSelector<'_>,
    excluded: &BTreeSet<Uuid>,
    counted: Counted,
) -> Result<ClientStates, StoreError> {
    let mut reader = Reader::of_channels_and_posts(tx, selector, excluded, counted).await?;
    reader.read_campaigns().await?;
    reader.read_assets().await?;
    reader.read_days().await?;
    reader.read_warnings().await?;
    reader.read_reality().await?;
    reader.read_world().await?;
    Ok(reader.clients.into_values().map(normalised).collect())
}

/// As [`load_client_states_with`], but only with channels, posts and numbers for limits: without campaigns, assets, special
/// days, warnings, assessments and estimates. That is all that counts of clients that are not planned.
pub(super) async fn load_channels_and_posts(
    tx: &mut Tx,
    selector: &ClientSelector<'_>,
    excluded: &BTreeSet<Uuid>,
    counted: Counted,
) -> Result<ClientStates, StoreError> {
    let reader = Reader::of_channels_and_posts(tx, selector, excluded, counted).await?;
    Ok(reader.clients.into_values().map(normalised).collect())
}

/// Reads clients table by table.
struct Reader<'r> {
    tx: &'r mut Tx,
    selector: &'r ClientSelector<'r>,
    counted: Counted,
    clients: BTreeMap<String, (Client, ClientState)>,
}

impl<'r> Reader<'r> {
    /// A reader that has read the clients with their numbers for limits, channels and posts.
    async fn of_channels_and_posts(
        tx: &'r mut Tx,
        selector: &'r ClientSelector<'r>,
        excluded: &BTreeSet<Uuid>,
        counted: Counted,
    ) -> Result<Self, StoreError> {
        let mut reader = Self { tx, selector, counted, clients: BTreeMap::new() };
        reader.read_clients().await?;
        reader.read_limit_numbers().await?;
        reader.read_channels().await?;
        reader.read_posts(excluded).await?;
        Ok(reader)
    }

    /// Reads a table's rows by client and in the given order, and passes each to `add` with its client.
    async fn read_rows<T>(
        &mut self,
        table: &str,
        columns: &str,
        order: &str,
        mut add: impl FnMut(T, &mut Client, &mut ClientState),
    ) -> Result<(), StoreError>
    where
        WithClientId<T>: FromAnyRow,
    {
        let condition = self.selector.condition();
        let sql = format!("SELECT {columns} FROM {table} WHERE {condition} ORDER BY client_id, {order}");
        let rows: Vec<WithClientId<T>> = self.tx.all(&sql, vec![self.selector.value()]).await?;
        for WithClientId { client_id, row } in rows {
            if let Some((client, state)) = self.clients.get_mut(&client_id) {
                add(row, client, state);
            }
        }
        Ok(())
    }

    /// Reads a table's records, as [`Reader::read_rows`] does rows.
    async fn read_records<R: Record + Send + Unpin>(
        &mut self,
        table: &str,
        order: &str,
        mut add: impl FnMut(R, &mut Client, &mut ClientState),
    ) -> Result<(), StoreError> {
        let add =
            |RecordRow(record): RecordRow<R>, client: &mut Client, state: &mut ClientState| add(record, client, state);
        self.read_rows(table, &column_list::<R>(), order, add).await
    }

    async fn read_clients(&mut self) -> Result<(), StoreError> {
        let client_columns = ClientRow::columns().map(|column| format!("c.{}", column.name));
        let policy_columns = PolicyRow::columns().filter(|column| column.name != "client_id");
        let policy_columns = policy_columns.map(|column| format!("p.{}", column.name));
        let columns: Vec<String> = client_columns.chain(policy_columns).collect();
        let (columns, condition) = (columns.join(", "), self.selector.condition());
        let sql =
            format!("SELECT {columns} FROM clients c JOIN policies p ON p.client_id = c.client_id WHERE c.{condition}");
        let rows: Vec<RecordRow<(ClientRow, PolicyRow)>> = self.tx.all(&sql, vec![self.selector.value()]).await?;
        for RecordRow((client, policy)) in rows {
            let client = client.into_client(Zone::utc(), policy.with_defaults(&DEFAULT_POLICY));
            let state = ClientState {
                channels: Vec::new(),
                warnings: Vec::new(),
                reality: None,
                asset_uses: Vec::new(),
                previous_posts: Vec::new(),
            };
            self.clients.insert(client.id.to_string(), (client, state));
        }
        Ok(())
    }

    /// Reads the numbers for limits: a client has its own and those of its workspace.
    async fn read_limit_numbers(&mut self) -> Result<(), StoreError> {
        let condition = match self.selector {
            ClientSelector::Workspace(_) => "workspace_id = $1",
            ClientSelector::Clients(_) => {
                "client_id = ANY($1) OR client_id IS NULL AND workspace_id IN \
                 (SELECT workspace_id FROM clients WHERE client_id = ANY($1))"
            }
        };
        let sql = format!("SELECT {} FROM limit_numbers WHERE {condition}", column_list::<NumbersRow>());
        let rows: Vec<RecordRow<NumbersRow>> = self.tx.all(&sql, vec![self.selector.value()]).await?;
        for RecordRow(row) in rows {
            if let Some(id) = &row.client_id {
                let own =
                    self.clients.get_mut(id.as_str()).filter(|(client, _)| client.workspace_id == row.workspace_id);
                own.into_iter().for_each(|(client, _)| client.limit_numbers.push(row.clone().into()));
                continue;
            }
            let of_workspace = self.clients.values_mut().filter(|(client, _)| client.workspace_id == row.workspace_id);
            of_workspace.for_each(|(client, _)| client.limit_numbers.push(row.clone().into()));
        }
        Ok(())
    }

    async fn read_campaigns(&mut self) -> Result<(), StoreError> {
        let add = |row: CampaignRow, client: &mut Client, _: &mut ClientState| client.campaigns.push(row.into());
        self.read_records("campaigns", "campaign_id", add).await
    }

    async fn read_assets(&mut self) -> Result<(), StoreError> {
        let add = |(asset, columns): (AssetRow, AssetColumns), client: &mut Client, _: &mut ClientState| {
            if !columns.retired {
                client.assets.push(asset.into());
            }
        };
        self.read_records("assets", "asset_id", add).await
    }

    async fn read_days(&mut self) -> Result<(), StoreError> {
        let add = |row: DayRow, client: &mut Client, _: &mut ClientState| client.calendar.push(row.into());
        self.read_records("calendar_days", "position", add).await
    }

    async fn read_warnings(&mut self) -> Result<(), StoreError> {
        let add = |row: WarningRow, _: &mut Client, state: &mut ClientState| state.warnings.push(row.into());
        self.read_records("early_warnings", "warning_id", add).await
    }

    async fn read_reality(&mut self) -> Result<(), StoreError> {
        // The latest assessment comes last and replaces the earlier ones.
        let add = |row: RealityRow, _: &mut Client, state: &mut ClientState| state.reality = Some(row.into());
        self.read_records("reality_snapshots", "as_of", add).await
    }

    async fn read_world(&mut self) -> Result<(), StoreError> {
        let add = |row: WorldRow, client: &mut Client, _: &mut ClientState| client.world.push(row.into());
        self.read_records("world_estimates", "channel, parameter", add).await
    }

    async fn read_channels(&mut self) -> Result<(), StoreError> {
        let columns = "client_id, channel, audience, avg_engagement_rate, last_post_at, posts_last_7_days, \
                       posts_last_30_days, fatigue_score, fatigue_as_of, momentum_score, visibility_score, \
                       engagement_score, active";
        let add = |channel: ChannelStateRow, _: &mut Client, state: &mut ClientState| {
            if channel.active {
                state.channels.push(channel.state);
            }
        };
        self.read_rows("channel_state", columns, "channel", add).await
    }

    /// Reads posts; of those from before the ledger, only the recent ones and those with an asset.
    async fn read_posts(&mut self, excluded: &BTreeSet<Uuid>) -> Result<(), StoreError> {
        type PostRow = (String, Name<Channel>, Instant, Option<Text<AssetId>>, Option<Id>, bool);
        let condition = self.selector.condition();
        let sql = format!(
            "SELECT client_id, channel, published_at AS at, asset_id, NULL AS id, FALSE AS needs_review \
             FROM publications WHERE {condition} AND (asset_id IS NOT NULL OR published_at >= $2) \
             UNION ALL \
             SELECT client_id, channel, scheduled_for, coalesce(variation_id, creative_asset_id), id, {NEEDS_REVIEW} \
             FROM campaign_orchestration_schedules WHERE {condition} AND status IN {} \
             ORDER BY 1, 3, 2",
            self.counted.statuses()
        );
        let channels = self.clients.values().flat_map(|(_, state)| &state.channels);
        let Some(as_of) = channels.map(|state| state.as_of).min() else { return Ok(()) };
        let since = as_of.plus_days(-RECENT_DAYS);
        let posts: Vec<PostRow> = self.tx.all(&sql, vec![self.selector.value(), since.into()]).await?;
        for (client_id, Name(channel), Instant(at), asset, schedule, needs_review) in posts {
            if schedule.is_some_and(|Id(id)| excluded.contains(&id)) {
                continue;
            }
            let Some((_, state)) = self.clients.get_mut(&client_id) else { continue };
            if let Some(channel_state) = state.channels.iter_mut().find(|state| state.channel == channel) {
                channel_state.recent_posts.push(at);
                channel_state.posts_needing_review.extend(needs_review.then_some(at));
            }
            if let Some(Text(asset_id)) = asset {
                state.asset_uses.push(AssetUse { asset_id, channel, at });
            }
        }
        Ok(())
    }
}

/// Sorts a client's lists as the model requires, and drops posts that are not recent and uses of retired assets.
fn normalised((mut client, mut state): (Client, ClientState)) -> (Client, ClientState) {
    client.campaigns.sort_by(|a, b| a.id.cmp(&b.id));
    client.assets.sort_by(|a, b| a.id.cmp(&b.id));
    client.limit_numbers.sort_by(|a, b| a.order().cmp(&b.order()));
    client.world.sort_by(|a, b| (a.channel, &a.parameter).cmp(&(b.channel, &b.parameter)));
    state.warnings.sort_by(|a, b| a.id.cmp(&b.id));
    state.channels.sort_by_key(|state| state.channel);
    for channel in &mut state.channels {
        let since = channel.as_of.plus_days(-RECENT_DAYS);
        channel.last_post_at = channel.last_post_at.max(channel.recent_posts.iter().copied().max());
        channel.recent_posts.retain(|at| *at >= since);
        channel.recent_posts.sort_unstable();
        channel.posts_needing_review.retain(|at| *at >= since);
        channel.posts_needing_review.sort_unstable();
        channel.posts_needing_review.dedup();
    }
    let is_active = |id: &AssetId| client.assets.binary_search_by(|asset| asset.id.cmp(id)).is_ok();
    state.asset_uses.retain(|used| is_active(&used.asset_id));
    state.asset_uses = relevant_asset_uses(&state.asset_uses, &state.channels);
    (client, state)
}

/// Reduces asset uses to those that planning reads, in order of time: for each asset on each channel, every use from
/// [`RECENT_DAYS`] days before the channels' earliest `as_of` on, and the first and the last of the earlier uses.
pub(super) fn relevant_asset_uses(uses: &[AssetUse], channels: &[ChannelState]) -> Vec<AssetUse> {
    let as_of = channels.iter().map(|state| state.as_of).min().unwrap_or(Timestamp::MAX);
    let since = as_of.plus_days(-RECENT_DAYS);
    let mut relevant: BTreeSet<(Timestamp, Channel, &AssetId)> = BTreeSet::new();
    let mut earlier: BTreeMap<(&AssetId, Channel), (Timestamp, Timestamp)> = BTreeMap::new();
    for used in uses {
        if used.at >= since {
            relevant.insert((used.at, used.channel, &used.asset_id));
            continue;
        }
        let span = earlier.entry((&used.asset_id, used.channel)).or_insert((used.at, used.at));
        *span = (span.0.min(used.at), span.1.max(used.at));
    }
    for ((asset, channel), (first, last)) in earlier {
        relevant.insert((first, channel, asset));
        relevant.insert((last, channel, asset));
    }
    relevant.into_iter().map(|(at, channel, asset)| AssetUse { asset_id: asset.clone(), channel, at }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientStatus, Environment, ReviewPolicy, Score};

    /// A client without channels.
    fn client(id: &str) -> (Client, ClientState) {
        let client = Client {
            id: ClientId::new(id),
            workspace_id: WorkspaceId::new("tea"),
            name: id.into(),
            industry: "tea shop".into(),
            tags: Vec::new(),
            zone: Zone::utc(),
            status: ClientStatus::Active,
            priority: 50.0,
            policy: DEFAULT_POLICY,
            campaigns: Vec::new(),
            assets: Vec::new(),
            calendar: Vec::new(),
            world: Vec::new(),
            limit_numbers: Vec::new(),
        };
        let state = ClientState {
            channels: Vec::new(),
            warnings: Vec::new(),
            reality: None,
            asset_uses: Vec::new(),
            previous_posts: Vec::new(),
        };
        (client, state)
    }

    #[test]
    fn the_hash_of_a_scenario_covers_everything_that_planning_reads() {
        let scenario = Scenario {
            name: "tea".to_owned(),
            hash: String::new(),
            start: "2026-W37".parse().unwrap(),
            weeks: 2,
            capacity: Capacity::default(),
            review: ReviewPolicy::default(),
            environment: Environment::default(),
            clients: vec![client("green")],
            other_clients: vec![client("white")],
        };
        let changes: [fn(&mut Scenario); 7] = [
            |_| {},
            |scenario| scenario.start = scenario.start.plus(1),
            |scenario| scenario.capacity.reviewers += 1,
            |scenario| scenario.capacity.reviews_per_reviewer_per_day += 1,
            |scenario| scenario.clients[0].0.tags = vec!["b2b".into()],
            |scenario| scenario.other_clients[0].0.industry = "coffee shop".into(),
            |scenario| scenario.clients.append(&mut scenario.other_clients),
        ];
        let hash = |change: fn(&mut Scenario)| {
            let mut changed = scenario.clone();
            change(&mut changed);
            scenario_hash(&WorkspaceId::new("tea"), &changed).unwrap()
        };
        let hashes: BTreeSet<String> = changes.into_iter().map(hash).collect();
        assert_eq!(hashes.len(), changes.len());
    }

    #[test]
    fn asset_uses_are_reduced_to_recent_ones_and_the_first_and_last_earlier_one() {
        let at = |date: &str| Timestamp::at_midnight(date.parse().unwrap());
        let used = |date| AssetUse { asset_id: AssetId::new("cup"), channel: Channel::Fb, at: at(date) };
        let channel = ChannelState {
            channel: Channel::Fb,
            audience: 1.0,
            engagement_rate: None,
            last_post_at: None,
            recent_posts: Vec::new(),
            posts_needing_review: Vec::new(),
            posts_last_7_days: 0,
            posts_last_30_days: 0,
            fatigue: Score::ZERO,
            as_of: at("2026-09-10"),
            momentum: None,
            visibility: None,
            engagement: None,
        };
        let uses = ["2026-06-01", "2026-06-10", "2026-06-20", "2026-08-20", "2026-09-09", "2026-09-18"].map(used);
        let relevant = ["2026-06-01", "2026-06-20", "2026-08-20", "2026-09-09", "2026-09-18"].map(used);
        assert_eq!(relevant_asset_uses(&uses, std::slice::from_ref(&channel)), relevant);
        assert_eq!(relevant_asset_uses(&relevant, &[channel]), relevant);
    }
}
