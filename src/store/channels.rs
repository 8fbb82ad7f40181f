//! How the daily pass moves the state of channels on: they tire by drafts, rest with time, and their posts are counted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::daily::{Pass, before};
use super::database::{Row, Tx, values};
use super::drafts::Attempt;
use super::error::StoreError;
use super::tables::CHANNEL_MOVES;
use crate::planner::{rested, tired};
use crate::rules::ClientRules;

/// What moves of a channel's state.
struct Moving {
    audience: f64,
    last_post_at: Option<Timestamp>,
    week: i64,
    month: i64,
    fatigue: f64,
    as_of: Timestamp,
}

/// By client and channel.
type Channels = BTreeMap<(String, String), Moving>;

/// Channels that meet a condition, locked in the order of their keys.
async fn channels(tx: &mut Tx, condition: &str, value: &str) -> Result<Channels, StoreError> {
    let sql = format!(
        "SELECT client_id, channel, audience, iso(last_post_at), posts_last_7_days, posts_last_30_days, \
         fatigue_score, iso(fatigue_as_of) FROM channel_state WHERE {condition} ORDER BY 1, 2 FOR UPDATE"
    );
    let rows = tx.rows(&sql, values![value]).await?;
    let moving = |row: &Row| {
        let state = Moving {
            audience: row.number(2)?,
            last_post_at: row.maybe_parsed(3)?,
            week: row.whole(4)?,
            month: row.whole(5)?,
            fatigue: row.number(6)?,
            as_of: row.parsed(7)?,
        };
        Ok(((row.text(0)?, row.text(1)?), state))
    };
    rows.iter().map(moving).collect()
}

impl Pass<'_> {
    /// Lets the channels of new drafts tire.
    pub(super) async fn tire(
        &self,
        tx: &mut Tx,
        made: &[Attempt],
        rules: &BTreeMap<&str, ClientRules>,
    ) -> Result<(), StoreError> {
        let clients: BTreeSet<&str> = made.iter().map(|attempt| attempt.schedule.client_id.as_str()).collect();
        let condition = "client_id IN (SELECT value FROM json_array_elements_text($1::json))";
        let mut channels = channels(tx, condition, &super::load::json(&clients)).await?;
        let mut touched = BTreeSet::new();
        for Attempt { schedule, .. } in made {
            let key = (schedule.client_id.clone(), schedule.channel.name().to_owned());
            let (Some(state), Some(rules)) = (channels.get_mut(&key), rules.get(schedule.client_id.as_str())) else {
                continue;
            };
            let rules = rules.base().channel(schedule.channel);
            (state.fatigue, state.as_of) = tired(
                state.fatigue,
                state.as_of,
                schedule.scheduled_for,
                rules.half_life_hours,
                rules.fatigue_per_post,
            );
            state.last_post_at = state.last_post_at.max(Some(schedule.scheduled_for));
            touched.insert(key);
        }
        channels.retain(|key, _| touched.contains(key));
        self.move_on(tx, &channels).await
    }

    /// Lets every channel's fatigue decay to now, and counts its posts anew. A clock that went back moves
    /// nothing.
    pub(super) async fn rest(&self, rules: &BTreeMap<&str, ClientRules>) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let mut channels = channels(&mut tx, "workspace_id = $1", self.workspace.as_str()).await?;
        let counts = self.counts(&mut tx).await?;
        channels.retain(|_, state| state.as_of <= self.now);
        for ((client, channel), state) in &mut channels {
            let parsed = channel.parse().ok().zip(rules.get(client.as_str()));
            if let Some((channel, rules)) = parsed {
                let half_life = rules.base().channel(channel).half_life_hours;
                state.fatigue = rested(state.fatigue, state.as_of, self.now, half_life);
                state.as_of = self.now;
            }
            (state.week, state.month) = counts.get(&(client.clone(), channel.clone())).copied().unwrap_or((0, 0));
        }
        self.move_on(&mut tx, &channels).await?;
        tx.fold_tallies(self.workspace).await?;
        tx.commit().await
    }

    /// Posts of the 7 and the 30 days before now, by client and channel.
    async fn counts(&self, tx: &mut Tx) -> Result<BTreeMap<(String, String), (i64, i64)>, StoreError> {
        let day = 86_400.0;
        let sql = "SELECT client_id, channel, CAST(sum(CASE WHEN at >= $2::timestamptz THEN 1 ELSE 0 END) AS bigint), \
                   count(*) FROM ( \
                     SELECT client_id, channel, published_at AS at FROM publications \
                     WHERE workspace_id = $1 AND published_at >= $3::timestamptz AND published_at < $4::timestamptz \
                     UNION ALL \
                     SELECT client_id, channel, scheduled_for FROM campaign_orchestration_schedules \
                     WHERE workspace_id = $1 AND status = 'completed' \
                     AND scheduled_for >= $3::timestamptz AND scheduled_for < $4::timestamptz \
                   ) AS posts GROUP BY 1, 2";
        let (week, month) = (before(self.now, 7.0 * day), before(self.now, 30.0 * day));
        let rows = tx.rows(sql, values![self.workspace.as_str(), week, month, self.now]).await?;
        rows.iter().map(|row| Ok(((row.text(0)?, row.text(1)?), (row.whole(2)?, row.whole(3)?)))).collect()
    }

    async fn move_on(&self, tx: &mut Tx, channels: &Channels) -> Result<(), StoreError> {
        let changed = CHANNEL_MOVES.columns.get(4..).unwrap_or_default();
        tx.upsert(CHANNEL_MOVES, "client_id, channel", changed, channels, |((client, channel), state), line| {
            line.text(client)
                .text(channel)
                .text(self.workspace.as_str())
                .number(state.audience)
                .maybe_instant(state.last_post_at)
                .whole(state.week)
                .whole(state.month)
                .number(state.fatigue)
                .instant(state.as_of)
                .instant(self.now);
        })
        .await?;
        Ok(())
    }
}
