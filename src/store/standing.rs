//! The ledger as a scenario: clients and the state they stand in, so that planning runs from either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::database::{Row, Tx, values};
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::retried;
use crate::model::{
    Asset, AssetId, AssetUse, CalendarEntry, Campaign, CampaignId, Capacity, Channel, ChannelState, Client, ClientId,
    ClientState, Policy, Reality, Scenario, Score, Timestamp, Warning, Week, WorkspaceId,
};

/// Days that posts stay in a channel's recent ones.
const RECENT_DAYS: i64 = 30;

/// Clients with their state, by id.
pub(super) type Standing = Vec<(Client, ClientState)>;

/// Statuses of schedules that count as posts: those that will run, and those that did.
pub(super) const COUNTED: &str = "('pending', 'ready', 'executing', 'completed')";

impl Ledger {
    /// A workspace as a scenario that starts in the given week, with the state it stands in now.
    /// Its hash is of its contents.
    ///
    /// # Errors
    /// Where the workspace is not known, or the database fails.
    pub async fn scenario(&self, workspace: &WorkspaceId, start: Week) -> Result<Scenario, StoreError> {
        retried(|| self.scenario_of(workspace, start, |_| true, Counted::Live)).await
    }

    /// The same of those clients alone whose id passes, with the schedules that are to count as posts.
    pub(super) async fn scenario_of(
        &self,
        workspace: &WorkspaceId,
        start: Week,
        passes: impl Fn(&ClientId) -> bool,
        counted: Counted,
    ) -> Result<Scenario, StoreError> {
        let mut tx = self.read().await?;
        let mut scenario = self.frame(&mut tx, workspace, start).await?;
        let mut clients = standing_with(&mut tx, &Which::Workspace(workspace), &BTreeSet::new(), counted).await?;
        clients.retain(|(client, _)| passes(&client.id));
        scenario.hash = hash_of(workspace, start, &clients);
        scenario.clients = clients;
        Ok(scenario)
    }

    /// A workspace with one client of it, as [`Ledger::scenario`].
    ///
    /// # Errors
    /// Where the workspace is not known, or the database fails.
    pub async fn client_scenario(
        &self,
        workspace: &WorkspaceId,
        client: &ClientId,
        start: Week,
    ) -> Result<Scenario, StoreError> {
        let mut tx = self.read().await?;
        let mut scenario = self.frame(&mut tx, workspace, start).await?;
        let ids = super::load::json(&[client.as_str()]);
        let mut clients = standing(&mut tx, &Which::Clients(&ids), &BTreeSet::new()).await?;
        clients.retain(|(client, _)| client.workspace_id == *workspace);
        scenario.hash = hash_of(workspace, start, &clients);
        scenario.clients = clients;
        Ok(scenario)
    }

    /// A workspace without its clients.
    async fn frame(&self, tx: &mut Tx, workspace: &WorkspaceId, start: Week) -> Result<Scenario, StoreError> {
        let sql = "SELECT scenario, weeks, reviewers, reviews_per_reviewer_per_day, review::text, environment::text \
                   FROM workspaces WHERE workspace_id = $1";
        let rows = tx.rows(sql, values![workspace.as_str()]).await?;
        let row = rows.first().ok_or_else(|| StoreError::UnknownWorkspace(workspace.to_string()))?;
        Ok(Scenario {
            name: row.text(0)?,
            hash: String::new(),
            start,
            weeks: row.count(1)?,
            capacity: Capacity { reviewers: row.count(2)?, reviews_per_reviewer_per_day: row.count(3)? },
            review: row.json(4)?,
            environment: row.json(5)?,
            clients: Vec::new(),
        })
    }
}

/// How much a workspace's people can look at.
pub(super) async fn capacity(tx: &mut Tx, workspace: &WorkspaceId) -> Result<Capacity, StoreError> {
    let sql = "SELECT reviewers, reviews_per_reviewer_per_day FROM workspaces WHERE workspace_id = $1";
    let row = tx.one(sql, values![workspace.as_str()]).await?;
    Ok(Capacity { reviewers: row.count(0)?, reviews_per_reviewer_per_day: row.count(1)? })
}

/// BLAKE3 over the clients as JSON, with the workspace and the week.
fn hash_of(workspace: &WorkspaceId, start: Week, clients: &Standing) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{workspace}\n{start}\n").as_bytes());
    for client in clients {
        hasher.update(super::load::json(client).as_bytes());
        hasher.update(b"\n");
    }
    hasher.finalize().to_hex().to_string()
}

/// Which clients are read.
pub(super) enum Which<'w> {
    Workspace(&'w WorkspaceId),
    /// Ids as a JSON list.
    Clients(&'w str),
}

impl Which<'_> {
    fn condition(&self) -> &'static str {
        match self {
            Which::Workspace(_) => "workspace_id = $1",
            Which::Clients(_) => "client_id IN (SELECT value FROM json_array_elements_text($1::json))",
        }
    }

    fn value(&self) -> &str {
        match self {
            Which::Workspace(id) => id.as_str(),
            Which::Clients(ids) => ids,
        }
    }
}

/// Clients with their state as the transaction sees them, by id. Schedules in `left_out` do not count as posts.
pub(super) async fn standing(
    tx: &mut Tx,
    which: &Which<'_>,
    left_out: &BTreeSet<String>,
) -> Result<Standing, StoreError> {
    standing_with(tx, which, left_out, Counted::Live).await
}

/// Which schedules count as posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those that will run, and those that did.
    Live,
    /// Those that are held as well, so that nothing is planned in their place.
    LiveAndHeld,
}

impl Counted {
    pub(super) const fn statuses(self) -> &'static str {
        match self {
            Counted::Live => COUNTED,
            Counted::LiveAndHeld => "('pending', 'ready', 'executing', 'completed', 'blocked')",
        }
    }
}

/// As [`standing`], with the schedules that are asked for.
pub(super) async fn standing_with(
    tx: &mut Tx,
    which: &Which<'_>,
    left_out: &BTreeSet<String>,
    counted: Counted,
) -> Result<Standing, StoreError> {
    let mut reader = Reader { tx, which, counted, clients: BTreeMap::new() };
    reader.clients().await?;
    reader.campaigns().await?;
    reader.assets().await?;
    reader.days().await?;
    reader.warnings().await?;
    reader.reality().await?;
    reader.channels().await?;
    reader.posts(left_out).await?;
    Ok(reader.clients.into_values().map(finished).collect())
}

struct Reader<'r> {
    tx: &'r mut Tx,
    which: &'r Which<'r>,
    counted: Counted,
    clients: BTreeMap<String, (Client, ClientState)>,
}

impl Reader<'_> {
    /// The rows of `FROM table WHERE client …`; the first column is the client's id.
    async fn each(
        &mut self,
        select: &str,
        order: &str,
        mut take: impl FnMut(&Row, &mut Client, &mut ClientState) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT {select} WHERE {} ORDER BY {order}", self.which.condition());
        for row in self.tx.rows(&sql, values![self.which.value()]).await? {
            if let Some((client, state)) = self.clients.get_mut(&row.text(0)?) {
                take(&row, client, state)?;
            }
        }
        Ok(())
    }

    async fn clients(&mut self) -> Result<(), StoreError> {
        let columns = "c.client_id, c.workspace_id, c.name, c.industry, c.tags::text, c.time_zone, c.status, \
                       c.priority, p.agent_enabled, p.auto_exec_enabled, p.max_actions_per_day, \
                       p.pause_on_high_severity_warning";
        let condition = format!("c.{}", self.which.condition());
        let sql =
            format!("SELECT {columns} FROM clients c JOIN policies p ON p.client_id = c.client_id WHERE {condition}");
        for row in self.tx.rows(&sql, values![self.which.value()]).await? {
            let client = client(&row)?;
            let state =
                ClientState { channels: Vec::new(), warnings: Vec::new(), reality: None, asset_uses: Vec::new() };
            self.clients.insert(client.id.to_string(), (client, state));
        }
        Ok(())
    }

    async fn campaigns(&mut self) -> Result<(), StoreError> {
        let select =
            "client_id, campaign_id, name, goal, starts_on, ends_on, channels::text, weight, any_asset FROM campaigns";
        self.each(select, "client_id, campaign_id", |row, client, _| {
            client.campaigns.push(Campaign {
                id: CampaignId::new(row.text(1)?),
                name: row.text(2)?.into(),
                goal: row.text(3)?.into(),
                starts_on: row.parsed(4)?,
                ends_on: row.parsed(5)?,
                channels: row.json(6)?,
                weight: row.number(7)?,
                any_asset: row.flag(8)?,
            });
            Ok(())
        })
        .await
    }

    async fn assets(&mut self) -> Result<(), StoreError> {
        let select = "client_id, asset_id, campaign_id, kind, channels::text, iso(created_at), quality_score, \
                      brand_consistency, value, impact, parent_id, evolution_step, title, body, retired, media_url, \
                      tags::text FROM assets";
        self.each(select, "client_id, asset_id", |row, client, _| {
            if row.flag(14)? {
                return Ok(());
            }
            client.assets.push(Asset {
                id: AssetId::new(row.text(1)?),
                campaign_id: row.maybe_text(2)?.map(CampaignId::new),
                kind: row.text(3)?.into(),
                channels: row.json(4)?,
                created_at: row.parsed(5)?,
                quality: Score::clamped(row.number(6)?),
                brand_consistency: Score::clamped(row.number(7)?),
                value: Score::clamped(row.number(8)?),
                impact: Score::clamped(row.number(9)?),
                parent_id: row.maybe_text(10)?.map(AssetId::new),
                evolution_step: row.count(11)?,
                title: row.text(12)?.into(),
                body: row.text(13)?.into(),
                media_url: row.text(15)?.into(),
                tags: row.json(16)?,
            });
            Ok(())
        })
        .await
    }

    async fn days(&mut self) -> Result<(), StoreError> {
        let select = "client_id, from_date, to_date, kind, factor, channel, name FROM calendar_days";
        self.each(select, "client_id, position", |row, client, _| {
            client.days.push(CalendarEntry {
                from: row.parsed(1)?,
                to: row.parsed(2)?,
                kind: row.parsed(3)?,
                factor: row.maybe_number(4)?,
                channel: row.maybe_parsed(5)?,
                name: row.text(6)?.into(),
            });
            Ok(())
        })
        .await
    }

    async fn warnings(&mut self) -> Result<(), StoreError> {
        let select = "client_id, warning_id, type, severity, status, iso(opened_at) FROM early_warnings";
        self.each(select, "client_id, warning_id", |row, _, state| {
            state.warnings.push(Warning {
                id: row.text(1)?.into(),
                kind: row.text(2)?.into(),
                severity: row.parsed(3)?,
                status: row.parsed(4)?,
                opened_at: row.parsed(5)?,
            });
            Ok(())
        })
        .await
    }

    async fn reality(&mut self) -> Result<(), StoreError> {
        let select = "client_id, iso(as_of), perceived_score, true_score, confidence, completeness \
                      FROM reality_snapshots";
        self.each(select, "client_id, as_of", |row, _, state| {
            state.reality = Some(Reality {
                as_of: row.parsed(1)?,
                perceived: Score::clamped(row.number(2)?),
                actual: row.maybe_number(3)?.map(Score::clamped),
                confidence: Score::clamped(row.number(4)?),
                completeness: Score::clamped(row.number(5)?),
            });
            Ok(())
        })
        .await
    }

    async fn channels(&mut self) -> Result<(), StoreError> {
        let select = "client_id, channel, audience, avg_engagement_rate, iso(last_post_at), posts_last_7_days, \
                      posts_last_30_days, fatigue_score, iso(fatigue_as_of), momentum_score, visibility_score, \
                      engagement_score, active FROM channel_state";
        self.each(select, "client_id, channel", |row, _, state| {
            if row.flag(12)? {
                state.channels.push(channel_state(row)?);
            }
            Ok(())
        })
        .await
    }

    async fn posts(&mut self, left_out: &BTreeSet<String>) -> Result<(), StoreError> {
        let condition = self.which.condition();
        let sql = format!(
            "SELECT client_id, channel, iso(published_at) AS at, asset_id, '' FROM publications WHERE {condition} \
             UNION ALL \
             SELECT client_id, channel, iso(scheduled_for), coalesce(variation_id, creative_asset_id), id::text \
             FROM campaign_orchestration_schedules WHERE {condition} AND status IN {} \
             ORDER BY 1, 3, 2",
            self.counted.statuses()
        );
        for row in self.tx.rows(&sql, values![self.which.value()]).await? {
            if left_out.contains(&row.text(4)?) {
                continue;
            }
            let Some((_, state)) = self.clients.get_mut(&row.text(0)?) else { continue };
            let (channel, at): (Channel, Timestamp) = (row.parsed(1)?, row.parsed(2)?);
            if let Some(state) = state.channels.iter_mut().find(|state| state.channel == channel) {
                state.recent_posts.push(at);
            }
            if let Some(asset) = row.maybe_text(3)? {
                state.asset_uses.push(AssetUse { asset_id: AssetId::new(asset), channel, at });
            }
        }
        Ok(())
    }
}

fn client(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: ClientId::new(row.text(0)?),
        workspace_id: WorkspaceId::new(row.text(1)?),
        name: row.text(2)?.into(),
        industry: row.text(3)?.into(),
        tags: row.json::<Vec<Arc<str>>>(4)?,
        zone: row.parsed(5)?,
        status: row.parsed(6)?,
        priority: row.number(7)?,
        policy: Policy {
            agent_enabled: row.flag(8)?,
            auto_exec_enabled: row.flag(9)?,
            max_actions_per_day: row.count(10)?,
            pause_on_high_severity_warning: row.flag(11)?,
        },
        campaigns: Vec::new(),
        assets: Vec::new(),
        days: Vec::new(),
    })
}

fn channel_state(row: &Row) -> Result<ChannelState, StoreError> {
    Ok(ChannelState {
        channel: row.parsed(1)?,
        audience: row.number(2)?,
        engagement_rate: row.maybe_number(3)?,
        last_post_at: row.maybe_parsed(4)?,
        recent_posts: Vec::new(),
        posts_last_7_days: row.count(5)?,
        posts_last_30_days: row.count(6)?,
        fatigue: Score::clamped(row.number(7)?),
        as_of: row.parsed(8)?,
        momentum: row.maybe_number(9)?.map(Score::clamped),
        visibility: row.maybe_number(10)?.map(Score::clamped),
        engagement: row.maybe_number(11)?.map(Score::clamped),
    })
}

/// Puts a client's lists into the order of the model and lets go of posts that are not recent.
fn finished((mut client, mut state): (Client, ClientState)) -> (Client, ClientState) {
    client.campaigns.sort_by(|a, b| a.id.cmp(&b.id));
    client.assets.sort_by(|a, b| a.id.cmp(&b.id));
    state.warnings.sort_by(|a, b| a.id.cmp(&b.id));
    state.channels.sort_by_key(|state| state.channel);
    for channel in &mut state.channels {
        let since = channel.as_of.plus_days(-RECENT_DAYS);
        channel.last_post_at = channel.last_post_at.max(channel.recent_posts.iter().copied().max());
        channel.recent_posts.retain(|at| *at >= since);
        channel.recent_posts.sort_unstable();
    }
    let is_offered = |id: &AssetId| client.assets.binary_search_by(|asset| asset.id.cmp(id)).is_ok();
    state.asset_uses.retain(|used| is_offered(&used.asset_id));
    state.asset_uses = distilled(&state.asset_uses, &state.channels);
    (client, state)
}

/// All that planning looks at of the uses of assets, by time: of each asset on each channel the first, the last
/// before the month that ends where the channels stand, and all since.
pub(super) fn distilled(uses: &[AssetUse], channels: &[ChannelState]) -> Vec<AssetUse> {
    let as_of = channels.iter().map(|state| state.as_of).min().unwrap_or(Timestamp::MAX);
    let since = as_of.plus_days(-RECENT_DAYS);
    let mut kept: BTreeSet<(Timestamp, Channel, &AssetId)> = BTreeSet::new();
    let mut earlier: BTreeMap<(&AssetId, Channel), (Timestamp, Timestamp)> = BTreeMap::new();
    for used in uses {
        if used.at >= since {
            kept.insert((used.at, used.channel, &used.asset_id));
            continue;
        }
        let span = earlier.entry((&used.asset_id, used.channel)).or_insert((used.at, used.at));
        *span = (span.0.min(used.at), span.1.max(used.at));
    }
    for ((asset, channel), (first, last)) in earlier {
        kept.insert((first, channel, asset));
        kept.insert((last, channel, asset));
    }
    kept.into_iter().map(|(at, channel, asset)| AssetUse { asset_id: asset.clone(), channel, at }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_uses_the_first_the_last_before_the_month_and_all_since_are_kept() {
        let at = |date: &str| Timestamp::at_midnight(date.parse().unwrap());
        let used = |date| AssetUse { asset_id: AssetId::new("cup"), channel: Channel::Fb, at: at(date) };
        let channel = ChannelState {
            channel: Channel::Fb,
            audience: 1.0,
            engagement_rate: None,
            last_post_at: None,
            recent_posts: Vec::new(),
            posts_last_7_days: 0,
            posts_last_30_days: 0,
            fatigue: Score::ZERO,
            as_of: at("2026-09-10"),
            momentum: None,
            visibility: None,
            engagement: None,
        };
        let uses = ["2026-06-01", "2026-06-10", "2026-06-20", "2026-08-20", "2026-09-09", "2026-09-18"].map(used);
        let kept = ["2026-06-01", "2026-06-20", "2026-08-20", "2026-09-09", "2026-09-18"].map(used);
        assert_eq!(distilled(&uses, std::slice::from_ref(&channel)), kept);
        assert_eq!(distilled(&kept, &[channel]), kept);
    }
}
