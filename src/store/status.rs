//! Summary figures of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use super::database::Tx;
use super::error::StoreError;
use super::ledger::Ledger;
use super::retry::with_retries;
use super::row::{Instant, Name, Whole, from_row};
use super::values::values;
use crate::model::{Channel, ScheduleStatus, Timestamp};
use crate::planner::decayed_fatigue;
use crate::rules::FatigueRules;

/// Figures over all channels.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Overview {
    /// Schedules of any status.
    pub total_schedules: i64,
    /// Schedules that wait for approval.
    pub pending_schedules: i64,
    /// Schedules that become drafts when they are due.
    pub ready_schedules: i64,
    /// Drafts made since midnight, UTC.
    pub completed_today: i64,
    /// Blocked schedules.
    pub blocked_count: i64,
    /// Schedules whose draft failed.
    pub failed_count: i64,
    /// Number of distinct channels that clients post on.
    pub channels_active: usize,
    /// Mean channel health, `0..=1`; 0 if there are no channels.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub avg_health_score: f64,
    /// Conflicts recorded in the last 7 days.
    pub conflicts_detected: i64,
    /// Number of pairs of client and channel whose fatigue is at or above the warning threshold.
    pub high_fatigue_channels: usize,
}

/// Figures of one channel over its clients.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ChannelStatus {
    /// The channel.
    pub channel: Channel,
    /// Number of clients that post on it.
    pub clients: u32,
    /// Schedules that wait for approval.
    pub pending: i64,
    /// Number of drafts made.
    pub completed: i64,
    /// Mean health, `0..=1`.
    pub health_score: f64,
    /// Mean current fatigue, `0..=1`.
    pub fatigue: f64,
    /// Highest current fatigue of a client, `0..=1`.
    pub worst_fatigue: f64,
    /// Mean momentum, `0..=1`; unknown values count as 0.5.
    pub momentum: f64,
    /// Mean visibility, `0..=1`; unknown values count as 0.5.
    pub visibility: f64,
    /// Mean engagement, `0..=1`; unknown values count as 0.5.
    pub engagement: f64,
    /// Time of the latest draft or post of any client; `None` if there is none.
    pub last_post_at: Option<Timestamp>,
    /// Recommended wait before the next post at the mean fatigue, in hours.
    pub recommended_wait_hours: f64,
}

/// Sums over those clients of a channel whose state has the same `fatigue_as_of` and half-life (48 h if unknown), so
/// that their fatigue decays alike. The half-life is that of the rules under which the state was last written, by a
/// load or a daily pass. Every mean of [`Overview`] and [`ChannelStatus`] is linear in fatigue and the
/// scores, so sums are sufficient.
struct Group {
    channel: Channel,
    clients: u32,
    /// Sum of the current fatigue.
    fatigue: f64,
    /// Maximum of the current fatigue.
    worst_fatigue: f64,
    /// Sums of momentum, visibility and engagement.
    scores: [f64; 3],
    last_post_at: Option<Timestamp>,
}

from_row! {
    /// A group with its fatigue as of `fatigue_as_of`.
    struct GroupRow {
        channel: Channel as Name<Channel>,
        fatigue_as_of: Timestamp as Instant,
        half_life: f64,
        clients: u32 as Whole<u32>,
        fatigue: f64,
        worst_fatigue: f64,
        momentum: f64,
        visibility: f64,
        engagement: f64,
        last_post_at: Option<Timestamp> as Option<Instant>,
    }
}

impl GroupRow {
    fn group(&self, now: Timestamp) -> Group {
        let current = |fatigue| decayed_fatigue(fatigue, self.fatigue_as_of, now, self.half_life);
        Group {
            channel: self.channel,
            clients: self.clients,
            fatigue: current(self.fatigue),
            worst_fatigue: current(self.worst_fatigue),
            scores: [self.momentum, self.visibility, self.engagement],
            last_post_at: self.last_post_at,
        }
    }
}

/// Sums over several groups; for `worst_fatigue` and `last_post_at` the maximum.
#[derive(Default)]
struct Sums {
    clients: u32,
    fatigue: f64,
    worst_fatigue: f64,
    scores: [f64; 3],
    last_post_at: Option<Timestamp>,
}

impl Sums {
    fn of<'g>(groups: impl Iterator<Item = &'g Group>) -> Self {
        groups.fold(Self::default(), |sums, group| Self {
            clients: sums.clients + group.clients,
            fatigue: sums.fatigue + group.fatigue,
            worst_fatigue: sums.worst_fatigue.max(group.worst_fatigue),
            scores: {
                let ([a, b, c], [momentum, visibility, engagement]) = (sums.scores, group.scores);
                [a + momentum, b + visibility, c + engagement]
            },
            last_post_at: sums.last_post_at.max(group.last_post_at),
        })
    }

    /// The mean over the clients; 0 if there are none.
    fn mean(&self, sum: f64) -> f64 {
        sum / f64::from(self.clients.max(1))
    }

    /// Mean channel health; 0 if there are no clients. It is computed from the means because health is linear in them.
    fn health(&self, rules: &FatigueRules) -> f64 {
        if self.clients == 0 {
            return 0.0;
        }
        rules.health(self.mean(self.fatigue), self.scores.map(|sum| self.mean(sum)))
    }
}

/// Number of schedules by channel and status.
type Tallies = BTreeMap<(Channel, ScheduleStatus), i64>;

fn tallies_of(rows: Vec<(Name<Channel>, Name<ScheduleStatus>, i64)>) -> Tallies {
    rows.into_iter().map(|(Name(channel), Name(status), count)| ((channel, status), count)).collect()
}

impl Ledger {
    /// The figures over all channels, and those of each channel that any client posts on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn status(
        &self,
        rules: &FatigueRules,
        now: Timestamp,
    ) -> Result<(Overview, Vec<ChannelStatus>), StoreError> {
        with_retries(|| async {
            let mut tx = self.read().await?;
            let groups = self.groups(&mut tx, None, now).await?;
            let tallies = self.tallies(&mut tx).await?;
            let overview = self.overview(&mut tx, &groups, &tallies, rules, now).await?;
            let channels =
                Channel::ALL.into_iter().filter_map(|channel| channel_status(channel, &groups, &tallies, rules));
            Ok((overview, channels.collect()))
        })
        .await
    }

    /// The figures of each channel that one client posts on, for this client alone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn client_channels(
        &self,
        client: &str,
        rules: &FatigueRules,
        now: Timestamp,
    ) -> Result<Vec<ChannelStatus>, StoreError> {
        let sql = "SELECT channel, status, count(*) FROM campaign_orchestration_schedules WHERE client_id = $2 \
                   AND ($1 IS NULL OR workspace_id = $1) GROUP BY 1, 2";
        with_retries(|| async {
            let mut tx = self.read().await?;
            let groups = self.groups(&mut tx, Some(client), now).await?;
            let tallies = tallies_of(tx.all(sql, values![self.scope(), client]).await?);
            let channels =
                Channel::ALL.into_iter().filter_map(|channel| channel_status(channel, &groups, &tallies, rules));
            Ok(channels.collect())
        })
        .await
    }

    async fn overview(
        &self,
        tx: &mut Tx,
        groups: &[Group],
        tallies: &Tallies,
        rules: &FatigueRules,
        now: Timestamp,
    ) -> Result<Overview, StoreError> {
        let count = |status: Option<ScheduleStatus>| {
            let selected = tallies.iter().filter(|((_, tallied), _)| status.is_none_or(|status| status == *tallied));
            selected.map(|(_, count)| count).sum()
        };
        let channels: BTreeSet<Channel> = groups.iter().map(|group| group.channel).collect();
        let (completed_today, conflicts_detected) = self.recent_counts(tx, now).await?;
        Ok(Overview {
            total_schedules: count(None),
            pending_schedules: count(Some(ScheduleStatus::Pending)),
            ready_schedules: count(Some(ScheduleStatus::Ready)),
            completed_today,
            blocked_count: count(Some(ScheduleStatus::Blocked)),
            failed_count: count(Some(ScheduleStatus::Failed)),
            channels_active: channels.len(),
            avg_health_score: Sums::of(groups.iter()).health(rules),
            conflicts_detected,
            high_fatigue_channels: self.high_fatigue_channels(tx, rules.warn_at, now).await?,
        })
    }

    async fn groups(&self, tx: &mut Tx, client: Option<&str>, now: Timestamp) -> Result<Vec<Group>, StoreError> {
        let sql = "SELECT channel, fatigue_as_of, coalesce(half_life_hours, 48.0) AS half_life, \
                   count(*) AS clients, sum(fatigue_score) AS fatigue, max(fatigue_score) AS worst_fatigue, \
                   sum(coalesce(momentum_score, 0.5)) AS momentum, sum(coalesce(visibility_score, 0.5)) AS visibility, \
                   sum(coalesce(engagement_score, 0.5)) AS engagement, max(last_post_at) AS last_post_at \
                   FROM channel_state WHERE ($1 IS NULL OR workspace_id = $1) \
                   AND ($2 IS NULL OR client_id = $2) AND active = $3 \
                   GROUP BY channel, fatigue_as_of, coalesce(half_life_hours, 48.0) ORDER BY 1, 2, 3";
        let rows: Vec<GroupRow> = tx.all(sql, values![self.scope(), client, true]).await?;
        Ok(rows.into_iter().map(|row| row.group(now)).collect())
    }

    /// Number of pairs of client and channel whose current fatigue is at or above a threshold.
    async fn high_fatigue_channels(&self, tx: &mut Tx, threshold: f64, now: Timestamp) -> Result<usize, StoreError> {
        let sql = "SELECT fatigue_score, fatigue_as_of, coalesce(half_life_hours, 48.0) FROM channel_state \
                   WHERE fatigue_score >= $2 AND active = $3 AND ($1 IS NULL OR workspace_id = $1)";
        let channels: Vec<(f64, Instant, f64)> = tx.all(sql, values![self.scope(), threshold, true]).await?;
        let is_high = |(fatigue, Instant(as_of), half_life): &(f64, Instant, f64)| {
            decayed_fatigue(*fatigue, *as_of, now, *half_life) >= threshold
        };
        Ok(channels.iter().filter(|channel| is_high(channel)).count())
    }

    async fn tallies(&self, tx: &mut Tx) -> Result<Tallies, StoreError> {
        let sql = "SELECT channel, status, CAST(sum(change) AS bigint) FROM schedule_tallies \
                   WHERE $1 IS NULL OR workspace_id = $1 GROUP BY 1, 2";
        Ok(tallies_of(tx.all(sql, values![self.scope()]).await?))
    }

    /// Number of drafts made today (UTC), and number of conflicts recorded in the last 7 days.
    async fn recent_counts(&self, tx: &mut Tx, now: Timestamp) -> Result<(i64, i64), StoreError> {
        let midnight = Timestamp::at_midnight(now.date());
        let week_ago = now.plus_days(-7);
        let drafted_sql = "SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'completed' \
                           AND executed_at >= $2 AND ($1 IS NULL OR workspace_id = $1)";
        let drafted = tx.scalar(drafted_sql, values![self.scope(), midnight]).await?;
        // To SQLite, a CROSS JOIN also says which table to read first: otherwise it would read every conflict on record.
        let conflicts_sql = "SELECT count(*) FROM workspaces CROSS JOIN campaign_orchestration_actions AS actions \
                             WHERE actions.workspace_id = workspaces.workspace_id \
                             AND actions.action_type = 'conflict_detected' AND actions.created_at >= $2 \
                             AND ($1 IS NULL OR workspaces.workspace_id = $1)";
        let conflicts = tx.scalar(conflicts_sql, values![self.scope(), week_ago]).await?;
        Ok((drafted, conflicts))
    }
}

/// The figures of a channel; `None` if no client posts on it.
fn channel_status(
    channel: Channel,
    groups: &[Group],
    tallies: &Tallies,
    rules: &FatigueRules,
) -> Option<ChannelStatus> {
    let sums = Sums::of(groups.iter().filter(|group| group.channel == channel));
    let count = |status| tallies.get(&(channel, status)).copied().unwrap_or(0);
    let [momentum, visibility, engagement] = sums.scores.map(|sum| sums.mean(sum));
    let fatigue = sums.mean(sums.fatigue);
    (sums.clients > 0).then(|| ChannelStatus {
        channel,
        clients: sums.clients,
        pending: count(ScheduleStatus::Pending),
        completed: count(ScheduleStatus::Completed),
        health_score: sums.health(rules),
        fatigue,
        worst_fatigue: sums.worst_fatigue,
        momentum,
        visibility,
        engagement,
        last_post_at: sums.last_post_at,
        recommended_wait_hours: rules.recommended_wait_hours(fatigue),
    })
}
