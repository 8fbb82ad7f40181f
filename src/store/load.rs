//! Loads a scenario into the ledger.
//!
//! A new client is loaded with its state and its history. For a known client, what people decide (policy, campaigns,
//! assets, special days, warnings, measured results) is replaced, and what the ledger itself maintains (fatigue,
//! counts, posts) is not.

use std::collections::{BTreeMap, BTreeSet};

use super::bulk_insert::{insert, upsert};
use super::client_state::COUNTED_STATUSES;
use super::commit::lock_clients;
use super::database::Tx;
use super::error::StoreError;
use super::json::json;
use super::ledger::Ledger;
use super::records::{AssetColumns, ClientColumns, DayRow, WorkspaceColumns};
use super::retry::with_retries;
use super::row::Instant;
use super::values::values;
use crate::model::{
    AssetRow, CampaignRow, Channel, Client, ClientRow, ClientState, PolicyRow, RealityRow, Scenario, Timestamp,
    WarningRow, WorldRow,
};
use crate::planner::tired;
use crate::rules::{ChannelRules, CompiledRules};

/// Counts of what a load changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Loaded {
    /// Clients that are new to the ledger.
    pub new_clients: usize,
    /// Known clients, updated.
    pub known_clients: usize,
    /// Assets now available.
    pub assets: usize,
    /// Channels deactivated because the scenario no longer has them; their history is kept.
    pub channels_off: usize,
    /// Posts of the history that are new to the ledger: made manually, or before the client was loaded.
    pub posts: usize,
}

impl Ledger {
    /// Loads a scenario atomically.
    ///
    /// # Errors
    /// If a client belongs to another workspace, or the database fails.
    pub async fn load(&self, scenario: &Scenario, rules: &CompiledRules, now: Timestamp) -> Result<Loaded, StoreError> {
        with_retries(|| self.load_once(scenario, rules, now)).await
    }

    async fn load_once(
        &self,
        scenario: &Scenario,
        rules: &CompiledRules,
        now: Timestamp,
    ) -> Result<Loaded, StoreError> {
        let mut tx = self.write().await?;
        let load = Load::begin(&mut tx, scenario, rules, now).await?;
        load.workspaces(&mut tx).await?;
        load.clients(&mut tx).await?;
        load.assets(&mut tx).await?;
        load.replace_details(&mut tx).await?;
        let posts = load.channels(&mut tx).await?;
        let channels_off = load.deactivate_channels(&mut tx).await?;
        tx.commit().await?;
        Ok(Loaded { posts, channels_off, ..load.summary() })
    }
}

/// A load in progress.
struct Load<'s> {
    scenario: &'s Scenario,
    rules: &'s CompiledRules,
    now: Timestamp,
    /// Ids of the scenario's clients.
    ids: Vec<&'s str>,
    known: BTreeSet<String>,
    known_channels: BTreeSet<(String, String)>,
}

impl<'s> Load<'s> {
    async fn begin(
        tx: &mut Tx,
        scenario: &'s Scenario,
        rules: &'s CompiledRules,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let clients: BTreeMap<&str, &Client> =
            scenario.clients.iter().map(|(client, _)| (client.id.as_str(), client)).collect();
        let ids: Vec<&str> = clients.keys().copied().collect();
        let mut known = BTreeSet::new();
        let mut elsewhere = Vec::new();
        for (client, workspace) in lock_clients(tx, &ids).await? {
            if clients.get(client.as_str()).is_some_and(|client| client.workspace_id.as_str() != workspace) {
                elsewhere.push(client.clone());
            }
            known.insert(client);
        }
        if !elsewhere.is_empty() {
            return Err(StoreError::OtherWorkspace(elsewhere));
        }
        let sql = "SELECT client_id, channel FROM channel_state WHERE client_id = ANY($1)";
        let known_channels = tx.all(sql, values![ids.as_slice()]).await?.into_iter().collect();
        Ok(Self { scenario, rules, now, ids, known, known_channels })
    }

    fn summary(&self) -> Loaded {
        let clients = &self.scenario.clients;
        Loaded {
            new_clients: clients.len() - self.known.len(),
            known_clients: self.known.len(),
            assets: clients.iter().map(|(client, _)| client.assets.len()).sum(),
            channels_off: 0,
            posts: 0,
        }
    }

    fn clients_and_states(&self) -> impl Iterator<Item = (&'s Client, &'s ClientState)> {
        self.scenario.clients.iter().map(|(client, state)| (client, state))
    }

    async fn workspaces(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let scenario = self.scenario;
        let (review, environment) = (json(&scenario.review)?, json(&scenario.environment)?);
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

    async fn clients(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let known = ClientColumns { created_at: self.now, updated_at: self.now };
        let rows = self.clients_and_states().map(|(client, _)| (ClientRow::from(client), known.clone()));
        tx.upsert_records("clients", "client_id", &["workspace_id", "created_at"], rows).await?;
        let rows = self.clients_and_states().map(|(client, _)| (PolicyRow::from(client), in_workspace(client)));
        tx.upsert_records("policies", "client_id", &["workspace_id"], rows).await?;
        Ok(())
    }

    /// Upserts assets; those that the scenario no longer has are retired.
    async fn assets(&self, tx: &mut Tx) -> Result<(), StoreError> {
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

    /// Upserts channels and their posts. Returns the number of new posts.
    async fn channels(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let rows = self.clients_and_states().flat_map(|(client, state)| {
            let rules = self.rules.for_client(client);
            let channels: Vec<_> = state
                .channels
                .iter()
                .map(|state| (client, state, BestTimes::of(rules.base().channel(state.channel))))
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
        upsert!(tx, "channel_state", key = "client_id, channel", unchanged = unchanged, rows, |(client, state, times)| {
            client_id: client.id.as_str(),
            channel: state.channel.name(),
            workspace_id: client.workspace_id.as_str(),
            audience: state.audience,
            last_post_at: state.last_post_at,
            posts_last_7_days: state.posts_last_7_days,
            posts_last_30_days: state.posts_last_30_days,
            fatigue_score: state.fatigue.get(),
            fatigue_as_of: state.as_of,
            half_life_hours: times.half_life_hours,
            momentum_score: state.momentum.map(|score| score.get()),
            visibility_score: state.visibility.map(|score| score.get()),
            engagement_score: state.engagement.map(|score| score.get()),
            avg_engagement_rate: state.engagement_rate,
            best_posting_times: times.hours.as_str(),
            updated_at: self.now,
            active: true,
        })
        .await?;
        self.publications(tx).await
    }

    /// Deactivates the clients' channels that the scenario no longer has. Returns their number.
    async fn deactivate_channels(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let listed: BTreeSet<(&str, &str)> = self
            .clients_and_states()
            .flat_map(|(client, state)| state.channels.iter().map(|state| (client.id.as_str(), state.channel.name())))
            .collect();
        let is_removed = |(client, channel): &&(String, String)| !listed.contains(&(client.as_str(), channel.as_str()));
        let sql = "UPDATE channel_state SET active = $3, updated_at = $4 \
                   WHERE client_id = $1 AND channel = $2 AND active = $5";
        let mut off = 0;
        for (client, channel) in self.known_channels.iter().filter(is_removed) {
            let values = values![client.as_str(), channel.as_str(), false, self.now, true];
            off += tx.run(sql, values).await? as usize;
        }
        Ok(off)
    }

    /// Inserts the posts of the scenario's history that are new to the ledger, and adds their fatigue to channels that
    /// it already knows. Returns their number.
    async fn publications(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let known = self.known_posts(tx).await?;
        let rows: Vec<(&Client, HistoricPost<'_>)> = self
            .clients_and_states()
            .flat_map(|(client, state)| posts(state).into_iter().map(move |post| (client, post)))
            .filter(|(client, (channel, at, _))| {
                let key = (client.id.as_str().to_owned(), channel.name().to_owned(), at.as_second());
                !known.contains(&key)
            })
            .collect();
        insert!(tx, "publications", rows.iter().copied(), |(client, (channel, at, asset))| {
            client_id: client.id.as_str(),
            workspace_id: client.workspace_id.as_str(),
            channel: channel.name(),
            published_at: *at,
            asset_id: *asset,
        })
        .await?;
        self.add_fatigue(tx, &rows).await?;
        Ok(rows.len())
    }

    /// Adds the fatigue of posts from before a known channel's `fatigue_as_of`; the daily pass counts later ones.
    async fn add_fatigue(&self, tx: &mut Tx, posts: &[(&Client, HistoricPost<'_>)]) -> Result<(), StoreError> {
        let mut by_channel: BTreeMap<(String, String), (&Client, Channel, Vec<Timestamp>)> = BTreeMap::new();
        for (client, (channel, at, _)) in posts {
            let key = (client.id.as_str().to_owned(), channel.name().to_owned());
            if self.known_channels.contains(&key) {
                by_channel.entry(key).or_insert((client, *channel, Vec::new())).2.push(*at);
            }
        }
        for (client, channel, posts) in by_channel.into_values() {
            self.add_channel_fatigue(tx, client, channel, &posts).await?;
        }
        Ok(())
    }

    async fn add_channel_fatigue(
        &self,
        tx: &mut Tx,
        client: &Client,
        channel: Channel,
        posts: &[Timestamp],
    ) -> Result<(), StoreError> {
        let sql = "SELECT fatigue_score, fatigue_as_of FROM channel_state WHERE client_id = $1 AND channel = $2";
        let (fatigue, Instant(as_of)) = tx.one(sql, values![client.id.as_str(), channel.name()]).await?;
        let before: (f64, Timestamp) = (fatigue, as_of);
        let rules = self.rules.for_client(client);
        let base = rules.base();
        let numbers = base.channel(channel);
        let earlier = posts.iter().filter(|at| **at < before.1);
        let (fatigue, _) = earlier.fold(before, |state, at| {
            tired(state, *at, &client.zone, numbers.half_life_hours, numbers.fatigue_per_post)
        });
        let sql = "UPDATE channel_state SET fatigue_score = $3 WHERE client_id = $1 AND channel = $2";
        tx.run(sql, values![client.id.as_str(), channel.name(), fatigue]).await?;
        Ok(())
    }

    /// Client, channel and Unix second of the posts that the ledger knows: manual ones, live or completed schedules,
    /// and all schedules planned for later than now.
    async fn known_posts(&self, tx: &mut Tx) -> Result<BTreeSet<(String, String, i64)>, StoreError> {
        let sql = format!(
            "SELECT client_id, channel, published_at FROM publications WHERE client_id = ANY($1) UNION ALL \
             SELECT client_id, channel, scheduled_for FROM campaign_orchestration_schedules \
             WHERE client_id = ANY($1) AND (status IN {COUNTED_STATUSES} OR scheduled_for > $2)"
        );
        let posts: Vec<(String, String, Instant)> = tx.all(&sql, values![self.ids.as_slice(), self.now]).await?;
        Ok(posts.into_iter().map(|(client, channel, Instant(at))| (client, channel, at.as_second())).collect())
    }
}

fn in_workspace(client: &Client) -> WorkspaceColumns {
    WorkspaceColumns { workspace_id: client.workspace_id.clone() }
}

/// Values from the rules that are stored with a channel for display.
struct BestTimes {
    half_life_hours: f64,
    /// JSON: best local hours by weekday, Monday first.
    hours: String,
}

impl BestTimes {
    fn of(rules: &ChannelRules) -> Self {
        Self { half_life_hours: rules.half_life_hours, hours: serde_json::json!(rules.best_hours).to_string() }
    }
}

/// Channel, instant and asset of a post.
type HistoricPost<'s> = (Channel, Timestamp, Option<&'s str>);

/// All posts in a state, without duplicates.
fn posts(state: &ClientState) -> Vec<HistoricPost<'_>> {
    let uses = state.asset_uses.iter().map(|used| (used.channel, used.at, Some(used.asset_id.as_str())));
    let mut posts: Vec<HistoricPost<'_>> = uses.collect();
    let with_asset: BTreeSet<(Channel, Timestamp)> = posts.iter().map(|(channel, at, _)| (*channel, *at)).collect();
    for channel in &state.channels {
        let without_asset = channel.recent_posts.iter().map(|at| (channel.channel, *at, None));
        posts.extend(without_asset.filter(|(channel, at, _)| !with_asset.contains(&(*channel, *at))));
    }
    posts
}
