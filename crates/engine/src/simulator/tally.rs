//! Running sums of a simulation: what a report needs, never the posts themselves.
//!
//! A replication adds its totals, and a few numbers for each week, channel and client. Everything else is a sum or a
//! histogram of constant size.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::Measure;
use super::summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, TargetChanges, WeekSummary,
};
use super::totals::Totals;
use super::week::{AudienceWeek, ClientWeekResult, CommittedResult, PostOutcome, PostResult};
use crate::model::{Allocation, AssetChoice, AssetId, Channel, Client, Outcome, TargetSource, Week, WeekHours};
use crate::rules::{FatigueRules, Rules};
use crate::stats::{Estimate, ScoreHistogram};

/// A guardrail of the pack, or a reason for which the engine blocks posts. In order, the engine's reasons follow the
/// guardrails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct VerdictKey {
    by_engine: bool,
    rule: String,
}

/// Verdict counts of one guardrail.
#[derive(Debug, Clone, Default, PartialEq)]
struct VerdictCounts {
    passed: f64,
    warned: f64,
    blocked_by_week: Vec<f64>,
}

/// The sums of one replication.
#[derive(Debug, Clone)]
pub(super) struct Replication {
    weeks: Vec<Totals>,
    channels: Vec<Totals>,
    clients: Vec<Totals>,
    channel_weeks: Vec<Vec<ChannelWeekSums>>,
    guardrails: BTreeMap<VerdictKey, VerdictCounts>,
    /// Drafts by weekday, Monday first, and hour of the client's clock.
    calendar: Vec<[f64; 24]>,
    /// Number of drafts with each asset.
    uses: BTreeMap<AssetId, u32>,
    /// Number of drafts with a variation that is no evolution.
    variations: f64,
    /// Number of drafts that continue a story.
    evolutions: f64,
}

/// The sums of one channel in one week.
#[derive(Debug, Clone, Default)]
struct ChannelWeekSums {
    totals: Totals,
    /// Fatigue over clients and hours.
    fatigue: ScoreHistogram,
}

/// The totals of a replication, overall and by client, and its engagement by week and by channel.
pub(super) struct ReplicationTotals {
    pub total: Totals,
    pub engagement_by_week: Vec<f64>,
    pub engagement_by_channel: Vec<f64>,
    pub clients: Vec<Totals>,
}

impl Replication {
    pub fn new(weeks: usize, clients: usize) -> Self {
        Self {
            weeks: vec![Totals::default(); weeks],
            channels: vec![Totals::default(); Channel::COUNT],
            clients: vec![Totals::default(); clients],
            channel_weeks: channel_weeks(weeks),
            guardrails: BTreeMap::new(),
            calendar: vec![[0.0; 24]; 7],
            uses: BTreeMap::new(),
            variations: 0.0,
            evolutions: 0.0,
        }
    }

    /// Adds one client's week, given the numbers of the week and of the client. Hours of high fatigue are counted by
    /// `levels`, net worth by `worth_rules`.
    pub fn add(
        &mut self,
        week: usize,
        client: usize,
        result: &ClientWeekResult,
        levels: &FatigueRules,
        worth_rules: &Rules,
        hours: &WeekHours,
    ) {
        let mut by_channel = vec![Totals::default(); Channel::COUNT];
        self.add_posts(week, result, hours, worth_rules, &mut by_channel);
        self.add_committed(result, hours, worth_rules, &mut by_channel);
        for AudienceWeek { channel, start, end } in &result.audiences {
            if let Some(totals) = by_channel.get_mut(channel.index()) {
                totals.audience += if week == 0 { *start } else { 0.0 };
                totals.lose_audience(start - end, *channel, worth_rules);
            }
        }
        for allocation in &result.allocations {
            if let Some(totals) = by_channel.get_mut(allocation.channel.index()) {
                add_target(totals, allocation, &result.committed);
            }
        }
        for path in &result.fatigue {
            let channel = path.channel.index();
            let channel_week = self.channel_weeks.get_mut(week).and_then(|channels| channels.get_mut(channel));
            if let (Some(totals), Some(sums)) = (by_channel.get_mut(channel), channel_week) {
                add_fatigue(totals, &mut sums.fatigue, &path.by_hour, levels);
            }
        }
        for (index, totals) in by_channel.iter().enumerate() {
            let channel_week = self.channel_weeks.get_mut(week).and_then(|channels| channels.get_mut(index));
            let sums = [
                self.weeks.get_mut(week),
                self.channels.get_mut(index),
                self.clients.get_mut(client),
                channel_week.map(|sums| &mut sums.totals),
            ];
            for sum in sums.into_iter().flatten() {
                sum.add(totals);
            }
        }
    }

    fn add_posts(
        &mut self,
        week: usize,
        result: &ClientWeekResult,
        hours: &WeekHours,
        worth_rules: &Rules,
        by_channel: &mut [Totals],
    ) {
        for PostResult { post, outcome, was_reviewed, engagement, work } in &result.posts {
            let Some(totals) = by_channel.get_mut(post.channel.index()) else { continue };
            totals.planned += 1.0;
            totals.fatigue_at_posts += post.fatigue;
            totals.without_asset += f64::from(u8::from(post.asset.is_none()));
            totals.reviews += f64::from(u8::from(*was_reviewed));
            totals.add_worth(*engagement, *work, worth_rules.channel(post.channel).worth);
            if let Some(count) = totals.risk.get_mut(post.risk as usize) {
                *count += 1.0;
            }
            match outcome {
                PostOutcome::Blocked => totals.blocked += 1.0,
                PostOutcome::Rejected => totals.rejected += 1.0,
                PostOutcome::Expired => totals.expired += 1.0,
                PostOutcome::Drafted => {
                    totals.drafted += 1.0;
                    totals.expected += post.expected_engagement;
                    self.add_draft(post.hour, post.asset.as_ref(), hours);
                }
            }
            for verdict in &post.verdicts {
                self.add_verdict(week, false, &verdict.rule, verdict.outcome);
            }
            if let Some(reason) = post.blocked.as_deref().filter(|reason| !reason.is_from_guardrail()) {
                self.add_verdict(week, true, reason.code(), Outcome::Block);
            }
        }
    }

    /// Adds posts committed before the week was planned. They count as drafts but not as planned posts: in this run
    /// they had no guardrails, no risk band and no review.
    fn add_committed(
        &mut self,
        result: &ClientWeekResult,
        hours: &WeekHours,
        worth_rules: &Rules,
        by_channel: &mut [Totals],
    ) {
        for CommittedResult { post, engagement, work } in &result.committed {
            let Some(totals) = by_channel.get_mut(post.channel.index()) else { continue };
            totals.committed += 1.0;
            totals.drafted += 1.0;
            totals.fatigue_at_posts += post.fatigue;
            totals.add_worth(*engagement, *work, worth_rules.channel(post.channel).worth);
            totals.expected += post.expected_engagement;
            self.add_draft(post.hour, post.asset.as_ref(), hours);
        }
    }

    fn add_draft(&mut self, hour: usize, asset: Option<&AssetChoice>, hours: &WeekHours) {
        let wall = hours.hours().get(hour);
        let cell = wall.and_then(|w| self.calendar.get_mut(usize::from(w.weekday))?.get_mut(usize::from(w.hour)));
        if let Some(cell) = cell {
            *cell += 1.0;
        }
        let Some(asset) = asset else { return };
        match self.uses.get_mut(asset.used()) {
            Some(count) => *count += 1,
            None => drop(self.uses.insert(asset.used().clone(), 1)),
        }
        match (&asset.variation_id, asset.is_evolution) {
            (Some(_), true) => self.evolutions += 1.0,
            (Some(_), false) => self.variations += 1.0,
            (None, _) => {}
        }
    }

    fn add_verdict(&mut self, week: usize, by_engine: bool, rule: &str, outcome: Outcome) {
        let weeks = self.weeks.len();
        let counts = self
            .guardrails
            .entry(VerdictKey { by_engine, rule: rule.to_owned() })
            .or_insert_with(|| VerdictCounts { blocked_by_week: vec![0.0; weeks], ..VerdictCounts::default() });
        match outcome {
            Outcome::Pass => counts.passed += 1.0,
            Outcome::Warn => counts.warned += 1.0,
            Outcome::Block => {
                if let Some(count) = counts.blocked_by_week.get_mut(week) {
                    *count += 1.0;
                }
            }
        }
    }

    /// The totals that a comparison needs.
    pub fn totals(&self) -> ReplicationTotals {
        let engagement = |rows: &[Totals]| rows.iter().map(|totals| totals.engagement).collect();
        ReplicationTotals {
            total: self.total(),
            engagement_by_week: engagement(&self.weeks),
            engagement_by_channel: engagement(&self.channels),
            clients: self.clients.clone(),
        }
    }

    fn total(&self) -> Totals {
        let mut total = Totals::default();
        for week in &self.weeks {
            total.add(week);
        }
        total
    }
}

fn add_target(totals: &mut Totals, allocation: &Allocation, committed: &[CommittedResult]) {
    let (wanted, target) = (allocation.posts_wanted, allocation.posts_target);
    totals.wanted += f64::from(wanted);
    totals.target += f64::from(target);
    // Committed posts in the same hour count once towards the target, as in the plan.
    let posts = committed.iter().map(|committed| &committed.post).filter(|post| post.channel == allocation.channel);
    let hours: BTreeSet<usize> = posts.map(|post| post.hour).collect();
    totals.committed_in_target += f64::from(target).min(hours.len() as f64);
    let fewer = f64::from(wanted.saturating_sub(target));
    match allocation.target_source {
        TargetSource::FatigueSteps => totals.fewer_by_fatigue += fewer,
        TargetSource::Hook => {
            totals.fewer_by_hook += fewer;
            totals.more_by_hook += f64::from(target.saturating_sub(wanted));
        }
    }
}

fn add_fatigue(totals: &mut Totals, histogram: &mut ScoreHistogram, by_hour: &[f64], levels: &FatigueRules) {
    for fatigue in by_hour {
        histogram.add(*fatigue);
        totals.fatigue_sum += fatigue;
        totals.hours_above_warn += f64::from(u8::from(*fatigue >= levels.warn_at));
        totals.hours_above_block += f64::from(u8::from(*fatigue >= levels.block_at));
    }
    totals.hours += by_hour.len() as f64;
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
    channel_weeks: Vec<Vec<ChannelWeekSums>>,
    guardrails: BTreeMap<VerdictKey, VerdictCounts>,
    calendar: Vec<[f64; 24]>,
    /// Number of assets by number of uses; the last entry counts those used [`MAX_USES`] times or more.
    by_uses: Vec<f64>,
    variations: f64,
    evolutions: f64,
    /// Number of assets.
    assets: usize,
}

/// The sums of a week, channel or client over all replications, and its engagement and net worth in each replication.
#[derive(Debug, Clone, Default)]
struct Accumulated {
    sums: Totals,
    engagement: Vec<f64>,
    net_worth: Vec<f64>,
}

/// Assets used this often or more are counted together.
const MAX_USES: usize = 12;

impl Tally {
    pub fn new(weeks: usize, clients: usize, assets: usize) -> Self {
        Self {
            count: 0.0,
            totals: Vec::new(),
            weeks: vec![Accumulated::default(); weeks],
            channels: vec![Accumulated::default(); Channel::COUNT],
            clients: vec![Accumulated::default(); clients],
            channel_weeks: channel_weeks(weeks),
            guardrails: BTreeMap::new(),
            calendar: vec![[0.0; 24]; 7],
            by_uses: vec![0.0; MAX_USES + 1],
            variations: 0.0,
            evolutions: 0.0,
            assets,
        }
    }

    /// Adds the next replication.
    pub fn add(&mut self, replication: &Replication) {
        self.count += 1.0;
        self.totals.push(replication.total());
        accumulate(&mut self.weeks, &replication.weeks);
        accumulate(&mut self.channels, &replication.channels);
        accumulate(&mut self.clients, &replication.clients);
        for (sums, other) in self.channel_weeks.iter_mut().flatten().zip(replication.channel_weeks.iter().flatten()) {
            sums.totals.add(&other.totals);
            sums.fatigue.merge(&other.fatigue);
        }
        for (key, counts) in &replication.guardrails {
            let weeks = counts.blocked_by_week.len();
            let sums = self
                .guardrails
                .entry(key.clone())
                .or_insert_with(|| VerdictCounts { blocked_by_week: vec![0.0; weeks], ..VerdictCounts::default() });
            sums.passed += counts.passed;
            sums.warned += counts.warned;
            for (sum, count) in sums.blocked_by_week.iter_mut().zip(&counts.blocked_by_week) {
                *sum += count;
            }
        }
        for (sum, count) in self.calendar.iter_mut().flatten().zip(replication.calendar.iter().flatten()) {
            *sum += count;
        }
        let never_used = self.assets.saturating_sub(replication.uses.len());
        add_count(&mut self.by_uses, 0, never_used as f64);
        for uses in replication.uses.values() {
            add_count(&mut self.by_uses, (*uses as usize).min(MAX_USES), 1.0);
        }
        self.variations += replication.variations;
        self.evolutions += replication.evolutions;
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
        let weeks = self.channel_weeks.iter().enumerate();
        weeks
            .flat_map(|(number, channels)| Channel::ALL.into_iter().zip(channels).map(move |row| (number, row)))
            .filter(|(_, (channel, _))| client_counts.get(channel.index()).is_some_and(|count| *count > 0))
            .map(|(number, (channel, ChannelWeekSums { totals, fatigue }))| ChannelWeek {
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

    pub fn clients(&self, clients: &[&Client]) -> Vec<ClientSummary> {
        let rows = clients.iter().zip(&self.clients);
        rows.map(|(client, Accumulated { sums: totals, engagement, net_worth })| ClientSummary {
            client_id: client.id.clone(),
            name: client.name.to_string(),
            workspace_id: client.workspace_id.clone(),
            time_zone: client.zone.name().to_owned(),
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
        })
        .collect()
    }

    /// Results by rule, in the order given, then the engine's reasons.
    pub fn guardrails(&self, order: &[&str]) -> Vec<GuardrailSummary> {
        let position = |rule: &str| order.iter().position(|name| *name == rule).unwrap_or(order.len());
        let mut rules: Vec<(&VerdictKey, &VerdictCounts)> = self.guardrails.iter().collect();
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
        self.calendar.iter().map(|day| self.means(*day)).collect()
    }

    pub fn assets(&self) -> AssetSummary {
        AssetSummary {
            assets: u32::try_from(self.assets).unwrap_or(u32::MAX),
            by_uses: self.by_uses.iter().map(|sum| self.mean(*sum)).collect(),
            variations: self.mean(self.variations),
            evolutions: self.mean(self.evolutions),
        }
    }
}

fn channel_weeks(weeks: usize) -> Vec<Vec<ChannelWeekSums>> {
    vec![vec![ChannelWeekSums::default(); Channel::COUNT]; weeks]
}

fn accumulate(rows: &mut [Accumulated], totals: &[Totals]) {
    for (row, totals) in rows.iter_mut().zip(totals) {
        row.sums.add(totals);
        row.engagement.push(totals.engagement);
        row.net_worth.push(totals.net_worth);
    }
}

fn add_count(counts: &mut [f64], index: usize, count: f64) {
    if let Some(sum) = counts.get_mut(index) {
        *sum += count;
    }
}
