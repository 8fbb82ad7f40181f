//! The sums of one replication, or of a part of its clients.
//!
//! Sums of engagements and the like are kept for each workspace, and added up over workspaces in the order of their
//! ids. So they are the same to the bit, whichever workspaces were simulated together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::totals::Totals;
use super::week::{AudienceWeek, ClientWeekResult, CommittedResult, PostOutcome, PostResult};
use crate::model::{Allocation, AssetChoice, AssetId, Channel, Outcome, TargetSource, WeekHours, WorkspaceId};
use crate::rules::{FatigueRules, Rules};
use crate::stats::ScoreHistogram;

/// A guardrail of the pack, or a reason for which the engine blocks posts. In order, the engine's reasons follow the
/// guardrails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct VerdictKey {
    pub by_engine: bool,
    pub rule: String,
}

/// Verdict counts of one guardrail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct VerdictCounts {
    pub passed: f64,
    pub warned: f64,
    pub blocked_by_week: Vec<f64>,
}

/// The sums of one replication, or of a part of its clients that has whole workspaces only.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replication {
    workspaces: BTreeMap<WorkspaceId, WorkspaceSums>,
    /// By client, in the order of the run.
    pub(super) clients: Vec<Totals>,
    pub(super) counts: Counts,
    /// Number of drafts with each asset; empty once they are counted.
    #[serde(skip)]
    uses: BTreeMap<AssetId, u32>,
}

/// The sums of one workspace, or of several.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WorkspaceSums {
    pub weeks: Vec<Totals>,
    pub channels: Vec<Totals>,
    /// By week, then channel.
    pub channel_weeks: Vec<Vec<Totals>>,
}

/// Sums of whole numbers, which do not depend on the order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Counts {
    /// By week, then channel: fatigue over clients and hours.
    pub fatigue: Vec<Vec<ScoreHistogram>>,
    pub guardrails: BTreeMap<VerdictKey, VerdictCounts>,
    /// Drafts by weekday, Monday first, and hour of the client's clock.
    pub calendar: Vec<[f64; 24]>,
    /// Number of assets by number of uses; the last entry counts those used [`MAX_USES`] times or more.
    pub by_uses: Vec<f64>,
    /// Number of drafts with a variation that is no evolution.
    pub variations: f64,
    /// Number of drafts that continue a story.
    pub evolutions: f64,
}

/// Assets used this often or more are counted together.
const MAX_USES: usize = 12;

/// The totals of a replication, overall and by client, and its engagement by week and by channel.
pub(super) struct ReplicationTotals {
    pub total: Totals,
    pub engagement_by_week: Vec<f64>,
    pub engagement_by_channel: Vec<f64>,
    pub clients: Vec<Totals>,
}

impl WorkspaceSums {
    pub fn new(weeks: usize) -> Self {
        Self {
            weeks: vec![Totals::default(); weeks],
            channels: vec![Totals::default(); Channel::COUNT],
            channel_weeks: vec![vec![Totals::default(); Channel::COUNT]; weeks],
        }
    }

    fn add(&mut self, other: &Self) {
        let add_each = |sums: &mut [Totals], others: &[Totals]| {
            sums.iter_mut().zip(others).for_each(|(sum, other)| sum.add(other));
        };
        add_each(&mut self.weeks, &other.weeks);
        add_each(&mut self.channels, &other.channels);
        self.channel_weeks.iter_mut().zip(&other.channel_weeks).for_each(|(sums, others)| add_each(sums, others));
    }

    /// The sum over all weeks.
    pub fn total(&self) -> Totals {
        let mut total = Totals::default();
        self.weeks.iter().for_each(|week| total.add(week));
        total
    }
}

impl Counts {
    pub fn new(weeks: usize) -> Self {
        Self {
            fatigue: vec![vec![ScoreHistogram::default(); Channel::COUNT]; weeks],
            guardrails: BTreeMap::new(),
            calendar: vec![[0.0; 24]; 7],
            by_uses: vec![0.0; MAX_USES + 1],
            variations: 0.0,
            evolutions: 0.0,
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, other) in self.fatigue.iter_mut().flatten().zip(other.fatigue.iter().flatten()) {
            sum.merge(other);
        }
        for (key, counts) in &other.guardrails {
            let weeks = counts.blocked_by_week.len();
            let sums = self.guardrails.entry(key.clone()).or_insert_with(|| VerdictCounts::new(weeks));
            sums.passed += counts.passed;
            sums.warned += counts.warned;
            add_each(&mut sums.blocked_by_week, &counts.blocked_by_week);
        }
        self.calendar.iter_mut().zip(&other.calendar).for_each(|(day, other)| add_each(day, other));
        add_each(&mut self.by_uses, &other.by_uses);
        self.variations += other.variations;
        self.evolutions += other.evolutions;
    }

    fn add_verdict(&mut self, week: usize, by_engine: bool, rule: &str, outcome: Outcome) {
        let weeks = self.fatigue.len();
        let counts = self
            .guardrails
            .entry(VerdictKey { by_engine, rule: rule.to_owned() })
            .or_insert_with(|| VerdictCounts::new(weeks));
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
}

impl VerdictCounts {
    fn new(weeks: usize) -> Self {
        Self { passed: 0.0, warned: 0.0, blocked_by_week: vec![0.0; weeks] }
    }
}

fn add_each(sums: &mut [f64], others: &[f64]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
}

impl Replication {
    pub(super) fn new(weeks: usize, clients: usize) -> Self {
        Self {
            workspaces: BTreeMap::new(),
            clients: vec![Totals::default(); clients],
            counts: Counts::new(weeks),
            uses: BTreeMap::new(),
        }
    }

    /// The replication whose parts these are, with the clients in the order of the parts; `None` if there are none.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let mut joined = parts.next()?;
        for part in parts {
            joined.workspaces.extend(part.workspaces);
            joined.clients.extend(part.clients);
            joined.counts.add(&part.counts);
        }
        Some(joined)
    }

    /// The same replication, after its last week, with the number of assets by their number of uses. Its clients have
    /// `assets` assets.
    pub(super) fn with_uses_counted(mut self, assets: usize) -> Self {
        let uses = std::mem::take(&mut self.uses);
        let never_used = assets.saturating_sub(uses.len());
        let mut add = |uses: usize, assets: f64| {
            if let Some(sum) = self.counts.by_uses.get_mut(uses.min(MAX_USES)) {
                *sum += assets;
            }
        };
        add(0, never_used as f64);
        uses.values().for_each(|uses| add(*uses as usize, 1.0));
        self
    }

    /// The sums over all workspaces.
    pub(super) fn sums(&self) -> WorkspaceSums {
        let mut sums = WorkspaceSums::new(self.counts.fatigue.len());
        self.workspaces.values().for_each(|workspace| sums.add(workspace));
        sums
    }

    /// The totals that a comparison needs.
    pub(super) fn totals(&self) -> ReplicationTotals {
        let engagement = |rows: &[Totals]| rows.iter().map(|totals| totals.engagement).collect();
        let sums = self.sums();
        ReplicationTotals {
            total: sums.total(),
            engagement_by_week: engagement(&sums.weeks),
            engagement_by_channel: engagement(&sums.channels),
            clients: self.clients.clone(),
        }
    }

    /// Adds one client's week, given the numbers of the week and of the client. Hours of high fatigue are counted by
    /// `levels`, net worth by `worth_rules`.
    pub(super) fn add(
        &mut self,
        week: usize,
        (client, workspace): (usize, &WorkspaceId),
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
            let histogram = self.counts.fatigue.get_mut(week).and_then(|channels| channels.get_mut(channel));
            if let (Some(totals), Some(histogram)) = (by_channel.get_mut(channel), histogram) {
                add_fatigue(totals, histogram, &path.by_hour, levels);
            }
        }
        if !self.workspaces.contains_key(workspace) {
            self.workspaces.insert(workspace.clone(), WorkspaceSums::new(self.counts.fatigue.len()));
        }
        let Some(workspace) = self.workspaces.get_mut(workspace) else { return };
        for (index, totals) in by_channel.iter().enumerate() {
            let channel_week = workspace.channel_weeks.get_mut(week).and_then(|channels| channels.get_mut(index));
            let sums = [
                workspace.weeks.get_mut(week),
                workspace.channels.get_mut(index),
                self.clients.get_mut(client),
                channel_week,
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
                self.counts.add_verdict(week, false, &verdict.rule, verdict.outcome);
            }
            if let Some(reason) = post.blocked.as_deref().filter(|reason| !reason.is_from_guardrail()) {
                self.counts.add_verdict(week, true, reason.code(), Outcome::Block);
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
        let cell =
            wall.and_then(|w| self.counts.calendar.get_mut(usize::from(w.weekday))?.get_mut(usize::from(w.hour)));
        if let Some(cell) = cell {
            *cell += 1.0;
        }
        let Some(asset) = asset else { return };
        match self.uses.get_mut(asset.used()) {
            Some(count) => *count += 1,
            None => drop(self.uses.insert(asset.used().clone(), 1)),
        }
        match (&asset.variation_id, asset.is_evolution) {
            (Some(_), true) => self.counts.evolutions += 1.0,
            (Some(_), false) => self.counts.variations += 1.0,
            (None, _) => {}
        }
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
