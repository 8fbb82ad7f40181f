//! Running sums of a simulation: what a report needs, never the posts themselves.
//!
//! A replication adds its totals, and a few numbers for each week, channel and client. Everything else is a sum or a
//! histogram of constant size.

use serde::{Deserialize, Serialize};

use super::measure::Measure;
use super::replication::{Counts, Replication, VerdictCounts, VerdictKey};
use super::summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, TargetChanges, WeekSummary,
};
use super::totals::Totals;
use crate::model::{Channel, Client, ClientId, Week, WorkspaceId};
use crate::rules::Rules;
use crate::stats::Estimate;

/// A client that was planned for, as the results name it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ClientLabel {
    pub client_id: ClientId,
    pub name: String,
    pub workspace_id: WorkspaceId,
    pub time_zone: String,
}

impl ClientLabel {
    pub fn of(client: &Client) -> Self {
        Self {
            client_id: client.id.clone(),
            name: client.name.to_string(),
            workspace_id: client.workspace_id.clone(),
            time_zone: client.zone.name().to_owned(),
        }
    }
}

/// The sums of all replications so far, added in order.
pub(super) struct Tally {
    /// Number of replications.
    count: f64,
    /// The totals of each replication.
    totals: Vec<Totals>,
    weeks: Vec<Accumulated>,
    channels: Vec<Accumulated>,
    clients: Vec<Accumulated>,
    channel_weeks: Vec<Vec<Totals>>,
    counts: Counts,
}

/// The sums of a week, channel or client over all replications, and its engagement and net worth in each replication.
#[derive(Debug, Clone, Default)]
struct Accumulated {
    sums: Totals,
    engagement: Vec<f64>,
    net_worth: Vec<f64>,
}

impl Tally {
    pub fn new(weeks: usize, clients: usize) -> Self {
        Self {
            count: 0.0,
            totals: Vec::new(),
            weeks: vec![Accumulated::default(); weeks],
            channels: vec![Accumulated::default(); Channel::COUNT],
            clients: vec![Accumulated::default(); clients],
            channel_weeks: vec![vec![Totals::default(); Channel::COUNT]; weeks],
            counts: Counts::new(weeks),
        }
    }

    /// Adds the next replication.
    pub fn add(&mut self, replication: &Replication) {
        let sums = replication.sums();
        self.count += 1.0;
        self.totals.push(sums.total());
        accumulate(&mut self.weeks, &sums.weeks);
        accumulate(&mut self.channels, &sums.channels);
        accumulate(&mut self.clients, &replication.clients);
        for (sum, other) in self.channel_weeks.iter_mut().flatten().zip(sums.channel_weeks.iter().flatten()) {
            sum.add(other);
        }
        self.counts.add(&replication.counts);
    }

    fn mean(&self, sum: f64) -> f64 {
        if self.count > 0.0 { sum / self.count } else { 0.0 }
    }

    fn means<const N: usize>(&self, sums: [f64; N]) -> [f64; N] {
        sums.map(|sum| self.mean(sum))
    }

    pub fn headline(&self) -> Headline {
        let estimate = |measure: Measure| {
            Estimate::of(&self.totals.iter().map(|totals| measure.value_in(totals)).collect::<Vec<_>>())
        };
        Headline {
            net_worth: estimate(Measure::NetWorth),
            engagement: estimate(Measure::Engagement),
            expected_engagement: estimate(Measure::ExpectedEngagement),
            hours_of_work: estimate(Measure::HoursOfWork),
            cost: estimate(Measure::Cost),
            audience_end: estimate(Measure::AudienceEnd),
            posts_wanted: estimate(Measure::PostsWanted),
            posts_planned: estimate(Measure::PostsPlanned),
            posts_drafted: estimate(Measure::PostsDrafted),
            posts_blocked: estimate(Measure::PostsBlocked),
            reviews: estimate(Measure::Reviews),
            rejected: estimate(Measure::Rejected),
            expired: estimate(Measure::Expired),
            without_asset: estimate(Measure::WithoutAsset),
            hours_above_warn: estimate(Measure::HoursAboveWarn),
            hours_above_block: estimate(Measure::HoursAboveBlock),
        }
    }

    pub fn weekly(&self, start: Week) -> Vec<WeekSummary> {
        // The first week's total is the initial audience less losses; those of later weeks are losses only.
        let mut audience = 0.0;
        let mut audience_after = |totals: &Totals| {
            audience += self.mean(totals.audience);
            audience
        };
        let rows = self.weeks.iter().enumerate();
        rows.map(|(number, Accumulated { sums: totals, engagement, net_worth })| WeekSummary {
            week: start.plus(number as i64),
            engagement: Estimate::of(engagement),
            net_worth: Estimate::of(net_worth),
            hours_of_work: self.mean(totals.hours_of_work),
            cost: self.mean(totals.cost),
            audience_end: audience_after(totals),
            expected_engagement: self.mean(totals.expected),
            posts_wanted: self.mean(totals.wanted),
            posts_target: self.mean(totals.target),
            target_changes: TargetChanges {
                fewer_by_fatigue: self.mean(totals.fewer_by_fatigue),
                fewer_by_hook: self.mean(totals.fewer_by_hook),
                more_by_hook: self.mean(totals.more_by_hook),
            },
            posts_committed: self.mean(totals.committed),
            committed_in_target: self.mean(totals.committed_in_target),
            posts_planned: self.mean(totals.planned),
            posts_drafted: self.mean(totals.drafted),
            posts_blocked: self.mean(totals.blocked),
            reviews: self.mean(totals.reviews),
            rejected: self.mean(totals.rejected),
            expired: self.mean(totals.expired),
            risk: self.means(totals.risk),
        })
        .collect()
    }

    /// Results by channel. `client_counts` has the number of clients with each channel, `rules` the fatigue levels.
    pub fn channels(&self, client_counts: &[u32; Channel::COUNT], rules: &Rules) -> Vec<ChannelSummary> {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Channel::ALL
            .into_iter()
            .zip(client_counts)
            .zip(&self.channels)
            .filter(|((_, clients), _)| **clients > 0)
            .map(|((channel, clients), Accumulated { sums: totals, engagement, net_worth })| ChannelSummary {
                channel,
                clients: *clients,
                engagement: Estimate::of(engagement),
                net_worth: Estimate::of(net_worth),
                hours_of_work: self.mean(totals.hours_of_work),
                cost: self.mean(totals.cost),
                audience_end: self.mean(totals.audience),
                posts_wanted: self.mean(totals.wanted),
                posts_committed: self.mean(totals.committed),
                posts_planned: self.mean(totals.planned),
                posts_drafted: self.mean(totals.drafted),
                posts_blocked: self.mean(totals.blocked),
                without_asset: self.mean(totals.without_asset),
                mean_fatigue: share(totals.fatigue_at_posts, totals.planned + totals.committed),
                share_above_warn: share(totals.hours_above_warn, totals.hours),
                share_above_block: share(totals.hours_above_block, totals.hours),
                warn_at: rules.fatigue.warn_at,
                block_at: rules.fatigue.block_at,
            })
            .collect()
    }

    pub fn channel_weeks(&self, start: Week, client_counts: &[u32; Channel::COUNT]) -> Vec<ChannelWeek> {
        let weeks = self.channel_weeks.iter().zip(&self.counts.fatigue).enumerate();
        weeks
            .flat_map(|(number, (totals, fatigue))| {
                Channel::ALL.into_iter().zip(totals.iter().zip(fatigue)).map(move |row| (number, row))
            })
            .filter(|(_, (channel, _))| client_counts.get(channel.index()).is_some_and(|count| *count > 0))
            .map(|(number, (channel, (totals, fatigue)))| ChannelWeek {
                week: start.plus(number as i64),
                channel,
                posts_wanted: self.mean(totals.wanted),
                posts_target: self.mean(totals.target),
                posts_drafted: self.mean(totals.drafted),
                engagement: self.mean(totals.engagement),
                fatigue: [0.05, 0.5, 0.95].map(|share| fatigue.quantile(share)),
            })
            .collect()
    }

    /// Results by client, sorted by id. `clients` are in the order in which the replications have them.
    pub fn clients(&self, clients: &[ClientLabel]) -> Vec<ClientSummary> {
        let mut rows: Vec<(&ClientLabel, &Accumulated)> = clients.iter().zip(&self.clients).collect();
        rows.sort_by(|(a, _), (b, _)| a.client_id.cmp(&b.client_id));
        let row = |(client, accumulated): (&ClientLabel, &Accumulated)| self.client(client, accumulated);
        rows.into_iter().map(row).collect()
    }

    fn client(&self, client: &ClientLabel, accumulated: &Accumulated) -> ClientSummary {
        let Accumulated { sums: totals, engagement, net_worth } = accumulated;
        ClientSummary {
            client_id: client.client_id.clone(),
            name: client.name.clone(),
            workspace_id: client.workspace_id.clone(),
            time_zone: client.time_zone.clone(),
            engagement: Estimate::of(engagement),
            net_worth: Estimate::of(net_worth),
            hours_of_work: self.mean(totals.hours_of_work),
            cost: self.mean(totals.cost),
            audience_end: self.mean(totals.audience),
            expected_engagement: self.mean(totals.expected),
            posts_wanted: self.mean(totals.wanted),
            posts_committed: self.mean(totals.committed),
            posts_planned: self.mean(totals.planned),
            posts_drafted: self.mean(totals.drafted),
            posts_blocked: self.mean(totals.blocked),
            reviews: self.mean(totals.reviews),
            without_asset: self.mean(totals.without_asset),
            mean_fatigue: if totals.hours > 0.0 { totals.fatigue_sum / totals.hours } else { 0.0 },
            risk: self.means(totals.risk),
        }
    }

    /// Results by rule, in the order given, then the engine's reasons.
    pub fn guardrails(&self, order: &[&str]) -> Vec<GuardrailSummary> {
        let position = |rule: &str| order.iter().position(|name| *name == rule).unwrap_or(order.len());
        let mut rules: Vec<(&VerdictKey, &VerdictCounts)> = self.counts.guardrails.iter().collect();
        rules.sort_by_key(|(VerdictKey { by_engine, rule }, _)| (*by_engine, position(rule), rule.clone()));
        rules
            .into_iter()
            .map(|(VerdictKey { by_engine, rule }, counts)| {
                let blocked_by_week: Vec<f64> = counts.blocked_by_week.iter().map(|sum| self.mean(*sum)).collect();
                GuardrailSummary {
                    rule: rule.clone(),
                    by_engine: *by_engine,
                    passed: self.mean(counts.passed),
                    warned: self.mean(counts.warned),
                    blocked: blocked_by_week.iter().sum(),
                    blocked_by_week,
                }
            })
            .collect()
    }

    pub fn calendar(&self) -> Vec<[f64; 24]> {
        self.counts.calendar.iter().map(|day| self.means(*day)).collect()
    }

    /// The use of assets, of which the clients have `assets`.
    pub fn assets(&self, assets: usize) -> AssetSummary {
        AssetSummary {
            assets: u32::try_from(assets).unwrap_or(u32::MAX),
            by_uses: self.counts.by_uses.iter().map(|sum| self.mean(*sum)).collect(),
            variations: self.mean(self.counts.variations),
            evolutions: self.mean(self.counts.evolutions),
        }
    }
}

fn accumulate(rows: &mut [Accumulated], totals: &[Totals]) {
    for (row, totals) in rows.iter_mut().zip(totals) {
        row.sums.add(totals);
        row.engagement.push(totals.engagement);
        row.net_worth.push(totals.net_worth);
    }
}
