//! Loads a scenario into the ledger.
//!
//! A new client is loaded with its state and its history. For a known client, what the scenario decides (policy,
//! campaigns, assets, special days, warnings, measured results, numbers of limits) is replaced, and what the ledger itself maintains
//! (fatigue, counts, posts) is kept.

use std::collections::{BTreeMap, BTreeSet};

use super::bulk_insert::{insert, upsert};
use super::client_state::COUNTED_STATUSES;
use super::commit::lock_clients;
use super::database::Tx;
use super::error::StoreError;
use super::json::json_text;
use super::ledger::Ledger;
use super::measured_posts::write_measured_posts;
use super::records::{AssetColumns, ClientColumns, DayRow, NumbersRow, WorkspaceColumns};
use super::retry::with_retries;
use super::row::Instant;
use super::values::values;
use crate::model::{
    AssetRow, CampaignRow, Channel, Client, ClientRow, ClientState, HistoryRow, PolicyRow, RealityRow, Scenario,
    Timestamp, WarningRow, WorkspaceId, WorldRow,
};
use crate::planner::fatigue_after_post;
use crate::rules::{ChannelRules, CompiledRules};

/// Counts of what a load changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Loaded {
    /// Clients that are new to the ledger.
    pub new_clients: usize,
    /// Known clients, which were updated.
    pub known_clients: usize,
    /// Assets of the scenario, all of which are available now.
    pub assets: usize,
    /// Channels deactivated because the scenario no longer has them; their history is kept.
    pub channels_off: usize,
    /// Posts of the history that are new to the ledger: made manually, or before the client was loaded.
    pub posts: usize,
    /// Posts of the history whose engagements were measured.
    pub measured_posts: usize,
}

impl Ledger {
    /// Loads a scenario atomically, without what its posts earned.
    ///
    /// # Errors
    /// If a client belongs to another workspace, or the database fails.
    pub async fn load(&self, scenario: &Scenario, rules: &CompiledRules, now: Timestamp) -> Result<Loaded, StoreError> {
        self.load_with_history(scenario, &[], rules, now).await
    }

    /// Loads a scenario atomically, with what its posts earned: the measured rows of its table `history`. Those loaded
    /// earlier are kept; for the same post, the later measurement counts.
    ///
    /// # Errors
    /// If a client belongs to another workspace, or the database fails.
    pub async fn load_with_history(
        &self,
        scenario: &Scenario,
        history: &[HistoryRow],
        rules: &CompiledRules,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        with_retries(|| self.load_once(scenario, history, rules, now)).await
    }

    async fn load_once(
        &self,
        scenario: &Scenario,
        history: &[HistoryRow],
        rules: &CompiledRules,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let mut tx = self.write().await?;
        let load = Load::begin(&mut tx, scenario, history, rules, now).await?;
        load.write_workspaces(&mut tx).await?;
        load.write_clients(&mut tx).await?;
        load.write_assets(&mut tx).await?;
        load.replace_details(&mut tx).await?;
        load.replace_limit_numbers(&mut tx).await?;
        let posts = load.write_channels(&mut tx).await?;
        let measured_posts = write_measured_posts(&mut tx, &load.workspaces(), history).await?;
        let channels_off = load.deactivate_channels(&mut tx).await?;
        tx.commit().await?;
        Ok(Loaded { posts, measured_posts, channels_off, ..load.summary() })
    }
}

/// A load in progress.
struct Load<'s> {
    scenario: &'s Scenario,
    /// The rows of the scenario's history, for what the posts earned.
    history: &'s [HistoryRow],
    rules: &'s CompiledRules,
    now: Timestamp,
    /// Ids of the scenario's clients.
    ids: Vec<&'s str>,
    known_clients: BTreeSet<String>,
    known_channels: BTreeSet<(String, String)>,
}

impl<'s> Load<'s> {
    async fn begin(
        tx: &mut Tx,
        scenario: &'s Scenario,
        history: &'s [HistoryRow],
        rules: &'s CompiledRules,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let clients: BTreeMap<&str, &Client> =
            scenario.clients.iter().map(|(client, _)| (client.id.as_str(), client)).collect();
        let ids: Vec<&str> = clients.keys().copied().collect();
        let mut known_clients = BTreeSet::new();
        let mut elsewhere = Vec::new();
        for (client, workspace) in lock_clients(tx, &ids).await? {
            if clients.get(client.as_str()).is_some_and(|client| client.workspace_id.as_str() != workspace) {
                elsewhere.push(client.clone());
            }
            known_clients.insert(client);
        }
        if !elsewhere.is_empty() {
            return Err(StoreError::OtherWorkspace(elsewhere));
        }
        let sql = "SELECT client_id, channel FROM channel_state WHERE client_id = ANY($1)";
        let known_channels = tx.all(sql, values![ids.as_slice()]).await?.into_iter().collect();
        Ok(Self { scenario, history, rules, now, ids, known_clients, known_channels })
    }

    fn summary(&self) -> Loaded {
        let clients = &self.scenario.clients;
        Loaded {
            new_clients: clients.len() - self.known_clients.len(),
            known_clients: self.known_clients.len(),
            assets: clients.iter().map(|(client, _)| client.assets.len()).sum(),
            channels_off: 0,
            posts: 0,
            measured_posts: 0,
        }
    }

    fn clients_and_states(&self) -> impl Iterator<Item = (&'s Client, &'s ClientState)> {
        self.scenario.clients.iter().map(|(client, state)| (client, state))
    }

    /// The workspace of each client.
    fn workspaces(&self) -> BTreeMap<&'s str, &'s WorkspaceId> {
        self.clients_and_states().map(|(client, _)| (client.id.as_str(), &client.workspace_id)).collect()
    }

    async fn write_workspaces(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let scenario = self.scenario;
        let (review, environment) = (json_text(&scenario.review)?, json_text(&scenario.environment)?);
        let ids: BTreeSet<&str> = self.clients_and_states().map(|(client, _)| client.workspace_id.as_str()).collect();
        upsert!(tx, "workspaces", key = "workspace_id", unchanged = &[], ids, |id| {
            workspace_id: *id,
            scenario: scenario.name.as_str(),
            start_week: scenario.start.to_string().as_str(),
            weeks: scenario.weeks,
            reviewers: scenario.capacity.reviewers,
            reviews_per_reviewer_per_day: scenario.capacity.reviews_per_reviewer_per_day,
            review: review.as_str(),
            environment: environment.as_str(),
            loaded_at: self.now,
        })
        .await?;
        Ok(())
    }

    async fn write_clients(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let columns = ClientColumns { created_at: self.now, updated_at: self.now };
        let rows = self.clients_and_states().map(|(client, _)| (ClientRow::from(client), columns.clone()));
        tx.upsert_records("clients", "client_id", &["workspace_id", "created_at"], rows).await?;
        let rows = self.clients_and_states().map(|(client, _)| (PolicyRow::from(client), in_workspace(client)));
        tx.upsert_records("policies", "client_id", &["workspace_id"], rows).await?;
        Ok(())
    }

    /// Upserts assets; those that the scenario no longer has are retired.
    async fn write_assets(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let retire = "UPDATE assets SET retired = $2 WHERE client_id = ANY($1)";
        tx.run(retire, values![self.ids.as_slice(), true]).await?;
        let rows = self.clients_and_states().flat_map(|(client, _)| {
            let columns = AssetColumns { workspace_id: client.workspace_id.clone(), retired: false };
            client.assets.iter().map(move |asset| (AssetRow::of(client, asset), columns.clone()))
        });
        tx.upsert_records("assets", "client_id, asset_id", &["workspace_id"], rows).await?;
        Ok(())
    }

    /// Replaces campaigns, warnings, performance assessments, special days and estimates of the response.
    async fn replace_details(&self, tx: &mut Tx) -> Result<(), StoreError> {
        for table in ["campaigns", "early_warnings", "reality_snapshots", "calendar_days", "world_estimates"] {
            let sql = format!("DELETE FROM {table} WHERE client_id = ANY($1)");
            tx.run(&sql, values![self.ids.as_slice()]).await?;
        }
        let rows = self.clients_and_states().flat_map(|(client, _)| {
            client.campaigns.iter().map(|campaign| (CampaignRow::of(client, campaign), in_workspace(client)))
        });
        tx.insert_records("campaigns", rows).await?;
        let rows = self.clients_and_states().flat_map(|(client, state)| {
            state.warnings.iter().map(|warning| (WarningRow::of(client, warning), in_workspace(client)))
        });
        tx.insert_records("early_warnings", rows).await?;
        let rows = self.clients_and_states().flat_map(|(client, state)| {
            state.reality.iter().map(|reality| (RealityRow::of(client, reality), in_workspace(client)))
        });
        tx.insert_records("reality_snapshots", rows).await?;
        let rows = self.clients_and_states().flat_map(|(client, _)| DayRow::all_of(client));
        tx.insert_records("calendar_days", rows).await?;
        let rows = self.clients_and_states().flat_map(|(client, _)| {
            client.world.iter().map(|estimate| (WorldRow::of(&client.id, estimate), in_workspace(client)))
        });
        tx.insert_records("world_estimates", rows).await?;
        Ok(())
    }

    /// Replaces the numbers for limits of the scenario's clients and of its workspaces as a whole.
    async fn replace_limit_numbers(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let sql = "DELETE FROM limit_numbers WHERE client_id = ANY($1)";
        tx.run(sql, values![self.ids.as_slice()]).await?;
        let workspaces: BTreeSet<&str> =
            self.clients_and_states().map(|(client, _)| client.workspace_id.as_str()).collect();
        let workspaces: Vec<&str> = workspaces.into_iter().collect();
        let sql = "DELETE FROM limit_numbers WHERE client_id IS NULL AND workspace_id = ANY($1)";
        tx.run(sql, values![workspaces.as_slice()]).await?;
        // Every client of a workspace has the numbers of the workspace.
        let mut of_workspaces = BTreeSet::new();
        let rows = self.clients_and_states().flat_map(|(client, _)| NumbersRow::all_of(client)).filter(|row| {
            row.client_id.is_some() || of_workspaces.insert((row.workspace_id.clone(), row.limit_name.clone()))
        });
        let rows: Vec<NumbersRow> = rows.collect();
        tx.insert_records("limit_numbers", rows).await?;
        Ok(())
    }

    /// Upserts channels and their posts. Returns the number of new posts.
    async fn write_channels(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let rows = self.clients_and_states().flat_map(|(client, state)| {
            let rules = self.rules.for_client(client);
            let channels: Vec<_> = state
                .channels
                .iter()
                .map(|state| (client, state, RuleColumns::of(rules.base().channel(state.channel))))
                .collect();
            channels
        });
        // For a known channel, the ledger maintains these columns itself.
        let unchanged = &[
            "workspace_id",
            "last_post_at",
            "posts_last_7_days",
            "posts_last_30_days",
            "fatigue_score",
            "fatigue_as_of",
        ];
        upsert!(tx, "channel_state", key = "client_id, channel", unchanged = unchanged, rows, |(client, state, from_rules)| {
            client_id: client.id.as_str(),
            channel: state.channel.name(),
            workspace_id: client.workspace_id.as_str(),
            audience: state.audience,
            last_post_at: state.last_post_at,
            posts_last_7_days: state.posts_last_7_days,
            posts_last_30_days: state.posts_last_30_days,
            fatigue_score: state.fatigue.get(),
            fatigue_as_of: state.as_of,
            half_life_hours: from_rules.half_life_hours,
            momentum_score: state.momentum.map(|score| score.get()),
            visibility_score: state.visibility.map(|score| score.get()),
            engagement_score: state.engagement.map(|score| score.get()),
            avg_engagement_rate: state.engagement_rate,
            best_posting_times: from_rules.best_hours.as_str(),
            updated_at: self.now,
            active: true,
        })
        .await?;
        self.write_publications(tx).await
    }

    /// Deactivates the clients' channels that the scenario no longer has. Returns their number.
    async fn deactivate_channels(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let kept: BTreeSet<(&str, &str)> = self
            .clients_and_states()
            .flat_map(|(client, state)| state.channels.iter().map(|state| (client.id.as_str(), state.channel.name())))
            .collect();
        let is_removed = |(client, channel): &&(String, String)| !kept.contains(&(client.as_str(), channel.as_str()));
        let sql = "UPDATE channel_state SET active = $3, updated_at = $4 \
                   WHERE client_id = $1 AND channel = $2 AND active = $5";
        let mut deactivated = 0;
        for (client, channel) in self.known_channels.iter().filter(is_removed) {
            let values = values![client.as_str(), channel.as_str(), false, self.now, true];
            deactivated += tx.run(sql, values).await? as usize;
        }
        Ok(deactivated)
    }

    /// Inserts the posts of the scenario's history that are new to the ledger, and adds their fatigue to channels that
    /// the ledger already has. Returns the number of these posts.
    async fn write_publications(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let mut known = self.known_posts(tx).await?;
        let rows: Vec<(&Client, HistoricPost<'_>)> = self
            .clients_and_states()
            .flat_map(|(client, state)| historic_posts(state).into_iter().map(move |post| (client, post)))
            .filter(|(client, post)| !known.contains_key(&post.key(client)))
            .collect();
        for (client, post) in &rows {
            *known.entry(post.key(client)).or_default() += 1;
        }
        let further: Vec<(&Client, HistoricPost<'_>)> = self.further_measured_posts(known).collect();
        insert!(tx, "publications", rows.iter().chain(&further).copied(), |(client, post)| {
            client_id: client.id.as_str(),
            workspace_id: client.workspace_id.as_str(),
            channel: post.channel.name(),
            published_at: post.at,
            asset_id: post.asset,
        })
        .await?;
        // Of posts that are not recent, nothing is left in the fatigue that the ledger has.
        self.add_fatigue(tx, &rows).await?;
        Ok(rows.len() + further.len())
    }

    /// The measured posts of the history that are not among the known posts, of which there are so many by client,
    /// channel and second: those that the scenario's state does not list, since they are not recent.
    fn further_measured_posts(
        &self,
        mut known: BTreeMap<PostKey, usize>,
    ) -> impl Iterator<Item = (&'s Client, HistoricPost<'s>)> {
        let clients: BTreeMap<&str, &'s Client> =
            self.clients_and_states().map(|(client, _)| (client.id.as_str(), client)).collect();
        let measured = self.history.iter().filter(|row| row.engagements.is_some());
        measured.filter_map(move |row| {
            let client = *clients.get(row.client_id.as_str())?;
            let post = HistoricPost { channel: row.channel, at: row.published_at, asset: None };
            let left = known.entry(post.key(client)).or_default();
            let is_known = *left > 0;
            *left = left.saturating_sub(1);
            (!is_known).then_some((client, post))
        })
    }

    /// Adds the fatigue of posts from before a known channel's `fatigue_as_of`. The daily pass adds that of later ones.
    async fn add_fatigue(&self, tx: &mut Tx, posts: &[(&Client, HistoricPost<'_>)]) -> Result<(), StoreError> {
        let mut by_channel: BTreeMap<(String, String), ChannelPosts<'_>> = BTreeMap::new();
        for (client, post) in posts.iter().copied() {
            let key = (client.id.as_str().to_owned(), post.channel.name().to_owned());
            if self.known_channels.contains(&key) {
                let no_posts = ChannelPosts { client, channel: post.channel, times: Vec::new() };
                by_channel.entry(key).or_insert(no_posts).times.push(post.at);
            }
        }
        for posts in by_channel.into_values() {
            self.add_channel_fatigue(tx, &posts).await?;
        }
        Ok(())
    }

    async fn add_channel_fatigue(&self, tx: &mut Tx, posts: &ChannelPosts<'_>) -> Result<(), StoreError> {
        let ChannelPosts { client, channel, times } = posts;
        let sql = "SELECT fatigue_score, fatigue_as_of FROM channel_state WHERE client_id = $1 AND channel = $2";
        let key = values![client.id.as_str(), channel.name()];
        let (fatigue_before, Instant(as_of)): (f64, Instant) = tx.one(sql, key).await?;
        let rules = self.rules.for_client(client);
        let base = rules.base();
        let channel_rules = base.channel(*channel);
        let earlier = times.iter().filter(|at| **at < as_of);
        let (fatigue, _) = earlier.fold((fatigue_before, as_of), |state, at| {
            fatigue_after_post(state, *at, &client.zone, channel_rules.half_life_hours, channel_rules.fatigue_per_post)
        });
        let sql = "UPDATE channel_state SET fatigue_score = $3 WHERE client_id = $1 AND channel = $2";
        tx.run(sql, values![client.id.as_str(), channel.name(), fatigue]).await?;
        Ok(())
    }

    /// The number of posts that the ledger knows, by their keys: publications, live or completed schedules, and all
    /// schedules whose time is still to come.
    async fn known_posts(&self, tx: &mut Tx) -> Result<BTreeMap<PostKey, usize>, StoreError> {
        let sql = format!(
            "SELECT client_id, channel, published_at FROM publications WHERE client_id = ANY($1) UNION ALL \
             SELECT client_id, channel, scheduled_for FROM campaign_orchestration_schedules \
             WHERE client_id = ANY($1) AND (status IN {COUNTED_STATUSES} OR scheduled_for > $2)"
        );
        let posts: Vec<(String, String, Instant)> = tx.all(&sql, values![self.ids.as_slice(), self.now]).await?;
        let mut counts: BTreeMap<PostKey, usize> = BTreeMap::new();
        for (client, channel, Instant(at)) in posts {
            *counts.entry((client, channel, at.as_second())).or_default() += 1;
        }
        Ok(counts)
    }
}

fn in_workspace(client: &Client) -> WorkspaceColumns {
    WorkspaceColumns { workspace_id: client.workspace_id.clone() }
}

/// Values from the rules that are stored with a channel for display.
struct RuleColumns {
    half_life_hours: f64,
    /// JSON: best local hours by weekday, Monday first.
    best_hours: String,
}

impl RuleColumns {
    fn of(rules: &ChannelRules) -> Self {
        Self { half_life_hours: rules.half_life_hours, best_hours: serde_json::json!(rules.best_hours).to_string() }
    }
}

/// Client, channel and Unix second of a post.
type PostKey = (String, String, i64);

/// A post of a scenario's history.
#[derive(Clone, Copy)]
struct HistoricPost<'s> {
    channel: Channel,
    at: Timestamp,
    asset: Option<&'s str>,
}

impl HistoricPost<'_> {
    fn key(&self, client: &Client) -> PostKey {
        (client.id.as_str().to_owned(), self.channel.name().to_owned(), self.at.as_second())
    }
}

/// New posts on a channel that the ledger already knows.
struct ChannelPosts<'s> {
    client: &'s Client,
    channel: Channel,
    times: Vec<Timestamp>,
}

/// All posts in a client's history, each once.
fn historic_posts(state: &ClientState) -> Vec<HistoricPost<'_>> {
    let uses = state.asset_uses.iter();
    let mut posts: Vec<HistoricPost<'_>> = uses
        .map(|used| HistoricPost { channel: used.channel, at: used.at, asset: Some(used.asset_id.as_str()) })
        .collect();
    let without_asset = state.recent_posts_beyond(&state.asset_uses).into_iter();
    posts.extend(without_asset.map(|(channel, at)| HistoricPost { channel, at, asset: None }));
    posts
}
