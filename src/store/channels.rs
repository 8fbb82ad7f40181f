//! How the daily pass updates channel state: fatigue rises with drafts and decays with time, and posts are recounted.

use std::collections::{BTreeMap, BTreeSet};

use super::bulk_insert::upsert;
use super::database::Tx;
use super::drafts::Draft;
use super::error::StoreError;
use super::pass::{Pass, RulesByClient};
use super::row::{Instant, from_row};
use super::values::{Value, values};
use crate::model::{HOUR_SECONDS, Timestamp, Zone};
use crate::planner::{decayed_fatigue, fatigue_after_post};

from_row! {
    /// The part of a channel's state that the daily pass updates.
    struct ChannelFatigue {
        audience: f64,
        last_post_at: Option<Timestamp> as Option<Instant>,
        posts_last_7_days: i64,
        posts_last_30_days: i64,
        fatigue: f64 = "fatigue_score",
        as_of: Timestamp as Instant = "fatigue_as_of",
        half_life_hours: Option<f64>,
    }
}

from_row! {
    /// A channel's state with its key.
    struct ChannelRow {
        client_id: String,
        channel: String,
    } parts { state: ChannelFatigue }
}

/// How fast a channel's fatigue rises and decays.
pub(super) struct FatigueRates {
    pub zone: Zone,
    pub half_life_hours: f64,
    pub per_post: f64,
}

impl ChannelFatigue {
    /// Adds the fatigue of posts at the given times, oldest first. From then on it decays by these rates.
    fn add_fatigue(&mut self, post_times: &[Timestamp], rates: &FatigueRates) {
        self.half_life_hours = Some(rates.half_life_hours);
        for at in post_times {
            let before = (self.fatigue, self.as_of);
            (self.fatigue, self.as_of) =
                fatigue_after_post(before, *at, &rates.zone, rates.half_life_hours, rates.per_post);
            self.last_post_at = self.last_post_at.max(Some(*at));
        }
    }
}

/// Channel state by client and channel.
type ChannelStates = BTreeMap<(String, String), ChannelFatigue>;

/// The states of channels that meet a condition, locked in key order so that concurrent passes cannot deadlock.
async fn lock_channels(tx: &mut Tx, condition: &str, value: Value) -> Result<ChannelStates, StoreError> {
    let sql = format!(
        "SELECT client_id, channel, audience, last_post_at, posts_last_7_days, posts_last_30_days, \
         fatigue_score, fatigue_as_of, half_life_hours FROM channel_state WHERE {condition} ORDER BY 1, 2 FOR UPDATE"
    );
    let rows: Vec<ChannelRow> = tx.all(&sql, vec![value]).await?;
    Ok(rows.into_iter().map(|row| ((row.client_id, row.channel), row.state)).collect())
}

impl Pass<'_> {
    /// Adds to each channel the fatigue of its new drafts, and of the manual posts made before the last of them.
    pub(super) async fn add_fatigue(
        &self,
        tx: &mut Tx,
        drafts: &[Draft],
        rules: &RulesByClient<'_>,
    ) -> Result<(), StoreError> {
        let clients: BTreeSet<&str> = drafts.iter().map(|draft| draft.schedule.client_id.as_str()).collect();
        let clients: Vec<&str> = clients.into_iter().collect();
        let mut channels = lock_channels(tx, "client_id = ANY($1)", clients.as_slice().into()).await?;
        let mut draft_times: BTreeMap<(String, String), Vec<Timestamp>> = BTreeMap::new();
        for Draft { schedule, .. } in drafts {
            let key = (schedule.client_id.clone(), schedule.channel.name().to_owned());
            draft_times.entry(key).or_default().push(schedule.scheduled_for);
        }
        channels.retain(|key, _| draft_times.contains_key(key));
        let manual = self.manual_posts(tx, &channels).await?;
        for (key, state) in &mut channels {
            let Some(rates) = Self::rates(key, rules) else { continue };
            let drafted = draft_times.get(key).into_iter().flatten();
            let last_draft = drafted.clone().max().copied().unwrap_or(state.as_of);
            let manual_before = manual.get(key).into_iter().flatten().filter(|at| **at < last_draft);
            let mut post_times: Vec<Timestamp> = drafted.chain(manual_before).copied().collect();
            post_times.sort_unstable();
            state.add_fatigue(&post_times, &rates);
        }
        self.write_states(tx, &channels).await
    }

    /// Adds the fatigue of manual posts made since each channel's `as_of`, decays it to now, and recounts the posts.
    /// Channels whose `as_of` lies more than an hour ahead, because the clock was set back, are skipped.
    pub(super) async fn decay_fatigue(&self, rules: &RulesByClient<'_>) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let mut channels = lock_channels(&mut tx, "workspace_id = $1", self.workspace.as_str().into()).await?;
        let counts = self.post_counts(&mut tx).await?;
        // A draft's fatigue counts from the end of its hour, which may be just ahead.
        channels.retain(|_, state| state.as_of <= self.now.plus_seconds(HOUR_SECONDS));
        let manual = self.manual_posts(&mut tx, &channels).await?;
        for (key, state) in &mut channels {
            if let Some(rates) = Self::rates(key, rules).filter(|_| state.as_of <= self.now) {
                state.add_fatigue(manual.get(key).map_or(&[], Vec::as_slice), &rates);
                state.fatigue = decayed_fatigue(state.fatigue, state.as_of, self.now, rates.half_life_hours);
                state.as_of = self.now.max(state.as_of);
            }
            (state.posts_last_7_days, state.posts_last_30_days) = counts.get(key).copied().unwrap_or((0, 0));
        }
        self.write_states(&mut tx, &channels).await?;
        tx.compact_tallies(self.workspace).await?;
        tx.commit().await
    }

    /// The rates of a client's channel; `None` if the client's rules are not known.
    fn rates(key: &(String, String), rules: &RulesByClient<'_>) -> Option<FatigueRates> {
        let (client, channel) = key;
        let (rules, zone) = rules.get(client.as_str())?;
        let base = rules.base();
        let channel_rules = base.channel(channel.parse().ok()?);
        Some(FatigueRates {
            zone: *zone,
            half_life_hours: channel_rules.half_life_hours,
            per_post: channel_rules.fatigue_per_post,
        })
    }

    /// Times of each channel's manual posts from its `as_of` (inclusive) to now (exclusive), oldest first.
    async fn manual_posts(
        &self,
        tx: &mut Tx,
        channels: &ChannelStates,
    ) -> Result<BTreeMap<(String, String), Vec<Timestamp>>, StoreError> {
        let mut manual: BTreeMap<(String, String), Vec<Timestamp>> = BTreeMap::new();
        let Some(since) = channels.values().map(|state| state.as_of).min() else { return Ok(manual) };
        let sql = "SELECT client_id, channel, published_at FROM publications WHERE workspace_id = $1 \
                   AND published_at >= $2 AND published_at < $3 ORDER BY 3";
        let posts: Vec<(String, String, Instant)> =
            tx.all(sql, values![self.workspace.as_str(), since, self.now]).await?;
        for (client, channel, Instant(at)) in posts {
            let key = (client, channel);
            if channels.get(&key).is_some_and(|state| at >= state.as_of) {
                manual.entry(key).or_default().push(at);
            }
        }
        Ok(manual)
    }

    /// Numbers of posts in the 7 and the 30 days before now, by client and channel.
    async fn post_counts(&self, tx: &mut Tx) -> Result<BTreeMap<(String, String), (i64, i64)>, StoreError> {
        let sql = "SELECT client_id, channel, count(*) FILTER (WHERE at >= $2), count(*) FROM ( \
                     SELECT client_id, channel, published_at AS at FROM publications \
                     WHERE workspace_id = $1 AND published_at >= $3 AND published_at < $4 \
                     UNION ALL \
                     SELECT client_id, channel, scheduled_for FROM campaign_orchestration_schedules \
                     WHERE workspace_id = $1 AND status = 'completed' \
                     AND scheduled_for >= $3 AND scheduled_for < $4 \
                   ) AS posts GROUP BY 1, 2";
        let (week_ago, month_ago) = (self.now.plus_days(-7), self.now.plus_days(-30));
        let counts: Vec<(String, String, i64, i64)> =
            tx.all(sql, values![self.workspace.as_str(), week_ago, month_ago, self.now]).await?;
        Ok(counts.into_iter().map(|(client, channel, week, month)| ((client, channel), (week, month))).collect())
    }

    async fn write_states(&self, tx: &mut Tx, channels: &ChannelStates) -> Result<(), StoreError> {
        // An upsert needs a value for every column, the audience included; an existing row keeps its own.
        let unchanged = &["workspace_id", "audience"];
        let rows = channels.iter().map(|((client, channel), state)| (client.as_str(), channel.as_str(), state));
        upsert!(tx, "channel_state", key = "client_id, channel", unchanged = unchanged, rows, |(client, channel, state)| {
            client_id: *client,
            channel: *channel,
            workspace_id: self.workspace.as_str(),
            audience: state.audience,
            last_post_at: state.last_post_at,
            posts_last_7_days: state.posts_last_7_days,
            posts_last_30_days: state.posts_last_30_days,
            fatigue_score: state.fatigue,
            fatigue_as_of: state.as_of,
            half_life_hours: state.half_life_hours,
            updated_at: self.now,
        })
        .await?;
        Ok(())
    }
}
