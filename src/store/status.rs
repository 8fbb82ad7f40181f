//! How the ledger stands, at a glance.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::database::values;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::retried;
use crate::model::{Channel, ScheduleStatus};
use crate::planner::rested;
use crate::rules::{FatigueRules, step_at};

/// Figures over all channels.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Overview {
    /// Schedules of any status.
    pub total_schedules: i64,
    /// Those that wait for a person.
    pub pending_schedules: i64,
    /// Those that may run when their time comes.
    pub ready_schedules: i64,
    /// Drafts made since midnight, UTC.
    pub completed_today: i64,
    /// Those that a guardrail holds.
    pub blocked_count: i64,
    /// Those whose draft could not be made.
    pub failed_count: i64,
    /// Channels that any client posts on.
    pub channels_active: usize,
    /// Mean of the channels' health, `0..=1`; 0 where there are none.
    pub avg_health_score: f64,
    /// Conflicts found in the last 7 days.
    pub conflicts_detected: i64,
    /// Channels of clients whose fatigue is at the warning threshold or above.
    pub high_fatigue_channels: usize,
}

/// Figures of one channel over its clients.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ChannelStatus {
    /// Which.
    pub channel: Channel,
    /// Clients that post on it.
    pub clients: usize,
    /// Schedules that wait for a person.
    pub pending: i64,
    /// Drafts made.
    pub completed: i64,
    /// Mean health, `0..=1`.
    pub health_score: f64,
    /// Mean fatigue now.
    pub fatigue: f64,
    /// Highest fatigue of a client now.
    pub worst_fatigue: f64,
    /// Mean momentum; 0.5 where unknown.
    pub momentum: f64,
    /// Mean visibility; 0.5 where unknown.
    pub visibility: f64,
    /// Mean engagement; 0.5 where unknown.
    pub engagement: f64,
    /// The last draft or post of any client.
    pub last_post_at: Option<Timestamp>,
    /// Hours to wait that are recommended at the mean fatigue.
    pub recommended_wait_hours: f64,
}

/// One channel of one client now.
struct Reading {
    channel: Channel,
    fatigue: f64,
    scores: [f64; 3],
    last_post_at: Option<Timestamp>,
}

impl Reading {
    fn health(&self, rules: &FatigueRules) -> f64 {
        let [momentum, visibility, engagement] = self.scores;
        let parts = [1.0 - self.fatigue, momentum, visibility, engagement];
        rules.health_weights.iter().zip(parts).map(|(weight, part)| weight * part).sum()
    }
}

impl Ledger {
    /// The figures over all channels.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn overview(&self, rules: &FatigueRules, now: Timestamp) -> Result<Overview, StoreError> {
        let readings = retried(|| self.readings(now)).await?;
        let tallies = retried(|| self.tallies()).await?;
        let (completed_today, conflicts_detected) = retried(|| self.recent(now)).await?;
        let count = |status: Option<ScheduleStatus>| {
            let counted = tallies.iter().filter(|((_, known), _)| status.is_none_or(|status| status == *known));
            counted.map(|(_, count)| count).sum()
        };
        let health: Vec<f64> = readings.iter().map(|reading| reading.health(rules)).collect();
        let channels: std::collections::BTreeSet<Channel> = readings.iter().map(|reading| reading.channel).collect();
        Ok(Overview {
            total_schedules: count(None),
            pending_schedules: count(Some(ScheduleStatus::Pending)),
            ready_schedules: count(Some(ScheduleStatus::Ready)),
            completed_today,
            blocked_count: count(Some(ScheduleStatus::Blocked)),
            failed_count: count(Some(ScheduleStatus::Failed)),
            channels_active: channels.len(),
            avg_health_score: crate::stats::mean(&health),
            conflicts_detected,
            high_fatigue_channels: readings.iter().filter(|reading| reading.fatigue >= rules.warn_at).count(),
        })
    }

    /// The figures of each channel that any client posts on.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn channels(&self, rules: &FatigueRules, now: Timestamp) -> Result<Vec<ChannelStatus>, StoreError> {
        let readings = retried(|| self.readings(now)).await?;
        let tallies = retried(|| self.tallies()).await?;
        let count = |channel, status| tallies.get(&(channel, status)).copied().unwrap_or(0);
        let of = |channel: Channel| {
            let own: Vec<&Reading> = readings.iter().filter(|reading| reading.channel == channel).collect();
            let mean = |part: &dyn Fn(&Reading) -> f64| {
                crate::stats::mean(&own.iter().map(|reading| part(reading)).collect::<Vec<_>>())
            };
            let score = |index: usize| mean(&|reading| reading.scores.get(index).copied().unwrap_or(0.5));
            let fatigue = mean(&|reading| reading.fatigue);
            (!own.is_empty()).then(|| ChannelStatus {
                channel,
                clients: own.len(),
                pending: count(channel, ScheduleStatus::Pending),
                completed: count(channel, ScheduleStatus::Completed),
                health_score: mean(&|reading| reading.health(rules)),
                fatigue,
                worst_fatigue: own.iter().map(|reading| reading.fatigue).fold(0.0, f64::max),
                momentum: score(0),
                visibility: score(1),
                engagement: score(2),
                last_post_at: own.iter().filter_map(|reading| reading.last_post_at).max(),
                recommended_wait_hours: step_at(&rules.wait_hours, fatigue).unwrap_or(0.0),
            })
        };
        Ok(Channel::ALL.into_iter().filter_map(of).collect())
    }

    async fn readings(&self, now: Timestamp) -> Result<Vec<Reading>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT channel, fatigue_score, iso(fatigue_as_of), coalesce(half_life_hours, 48.0), \
                   coalesce(momentum_score, 0.5), coalesce(visibility_score, 0.5), coalesce(engagement_score, 0.5), \
                   iso(last_post_at) FROM channel_state WHERE $1::text IS NULL OR workspace_id = $1";
        let rows = tx.rows(sql, values![self.fence()]).await?;
        rows.iter()
            .map(|row| {
                Ok(Reading {
                    channel: row.parsed(0)?,
                    fatigue: rested(row.number(1)?, row.parsed(2)?, now, row.number(3)?),
                    scores: [row.number(4)?, row.number(5)?, row.number(6)?],
                    last_post_at: row.maybe_parsed(7)?,
                })
            })
            .collect()
    }

    async fn tallies(&self) -> Result<BTreeMap<(Channel, ScheduleStatus), i64>, StoreError> {
        let mut tx = self.read().await?;
        let sql = "SELECT channel, status, CAST(sum(change) AS bigint) FROM schedule_tallies \
                   WHERE $1::text IS NULL OR workspace_id = $1 GROUP BY 1, 2";
        let rows = tx.rows(sql, values![self.fence()]).await?;
        rows.iter().map(|row| Ok(((row.parsed(0)?, row.parsed(1)?), row.whole(2)?))).collect()
    }

    /// Drafts of today and conflicts of the last 7 days.
    async fn recent(&self, now: Timestamp) -> Result<(i64, i64), StoreError> {
        let day = 86_400;
        let midnight = Timestamp::from_second(now.as_second().div_euclid(day) * day).unwrap_or(now);
        let week_ago = now.saturating_sub(SignedDuration::from_secs(7 * day)).unwrap_or(now);
        let mut tx = self.read().await?;
        let drafted = "SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'completed' \
                       AND executed_at >= $2::timestamptz AND ($1::text IS NULL OR workspace_id = $1)";
        let drafted = tx.one(drafted, values![self.fence(), midnight]).await?.whole(0)?;
        let conflicts = "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'conflict_detected' \
                         AND created_at >= $2::timestamptz AND ($1::text IS NULL OR workspace_id = $1)";
        let conflicts = tx.one(conflicts, values![self.fence(), week_ago]).await?.whole(0)?;
        Ok((drafted, conflicts))
    }
}
