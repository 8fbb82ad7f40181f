//! The limits of a client's week, as rows over its channels and hours.
//!
//! A limit is counted in each of its periods, and for each channel on its own if it says so: each of these is a row of
//! the coupled problem. Posts that are committed already count, and leave less to plan. The policy's maximum of posts a
//! day is a limit like those of `limits.toml`.

use std::sync::Arc;

use super::channel::{ChannelDraft, WorkerContext};
use super::coupling::{CoupledSolution, CoupledWeek, Row, Term, smallest_conflict, solve_coupled};
use super::{LimitsExport, RowExport};
use crate::agents::ClientWeek;
use crate::model::{Certificate, Channel, LimitKind, LimitUse, Post, wall_time_text};
use crate::rules::{LimitBound, LimitFilter, LimitPeriod, LimitRules};

/// Name of the limit that the client's policy sets.
pub(super) const ACTIONS_A_DAY: &str = "max_actions_per_day";

/// A limit in one of its periods.
#[derive(Debug, Clone)]
struct Count {
    limit: Arc<str>,
    kind: LimitKind,
    /// The number of posts, or the share.
    allowed: f64,
    /// The channel, if each is counted on its own.
    channel: Option<Channel>,
    period: Period,
    /// Committed posts that count.
    committed: u32,
    /// Committed posts of which a share is taken.
    committed_of: u32,
}

/// A period of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Week,
    /// Days since Monday.
    Day(u8),
    /// Hour of the week.
    Hour(usize),
}

impl Period {
    fn covers(self, week: &ClientWeek<'_>, hour: usize) -> bool {
        match self {
            Period::Week => true,
            Period::Day(day) => week.hours.hours().get(hour).is_some_and(|wall| wall.weekday == day),
            Period::Hour(only) => only == hour,
        }
    }
}

/// The limits of a client's week.
pub(super) struct WeekLimits {
    counts: Vec<Count>,
    rows: Vec<Row>,
}

/// What the limits of a week come to.
pub(super) struct Settled {
    counts: Vec<Count>,
    rows: Vec<Row>,
    /// Upper bound on the objective of all channels; `None` if it is not proven.
    pub bound: Option<f64>,
    /// The prices of the rows that prove it.
    prices: Vec<f64>,
    /// Days, since Monday, on which the channels, each on its own, would exceed the policy's limit.
    pub full_days: Vec<u8>,
    /// Names of limits that cannot be kept together; nothing is planned then.
    pub broken: Vec<Arc<str>>,
}

impl Settled {
    /// The limits that a post of a channel at an hour would take a place of: those that cost something there, or else
    /// those without a place left.
    pub fn limits_at(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        channel: Channel,
        hour: usize,
    ) -> Vec<LimitUse> {
        let Some(place) = channel_drafts.iter().position(|draft| draft.state.channel == channel) else {
            return Vec::new();
        };
        let chosen: Vec<Vec<usize>> = channel_drafts.iter().map(|draft| draft.solution.chosen.clone()).collect();
        let counted = |row: &Row| {
            let own = row.terms.iter().find(|term| term.channel == place && term.hour == hour);
            own.map_or(0.0, |term| term.coefficient)
        };
        let all = || self.counts.iter().zip(&self.rows).zip(&self.prices).filter(|((_, row), _)| counted(row) > 0.0);
        let shown = |((count, row), price): ((&Count, &Row), &f64)| count.shown(week, row, &chosen, *price);
        let priced: Vec<LimitUse> = all().filter(|(_, price)| **price > 0.0).map(shown).collect();
        if !priced.is_empty() {
            return priced;
        }
        let is_full = |row: &Row| row.price.is_none() && row.excess(row.used(&chosen) + counted(row)) > 0.0;
        all().filter(|((_, row), _)| is_full(row)).map(shown).collect()
    }

    /// The week as a problem over all channels, for external solvers.
    pub fn export(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        week_start: String,
    ) -> LimitsExport {
        let channels: Vec<Channel> = channel_drafts.iter().map(|draft| draft.state.channel).collect();
        let chosen: Vec<Vec<usize>> = channel_drafts.iter().map(|draft| draft.solution.chosen.clone()).collect();
        let mut objective: f64 = channel_drafts.iter().map(|draft| draft.solution.objective).sum();
        let mut limits = Vec::with_capacity(self.rows.len());
        for ((count, row), shadow_price) in self.counts.iter().zip(&self.rows).zip(&self.prices) {
            objective -= row.price.map_or(0.0, |price| price * row.excess(row.used(&chosen)));
            let named = |term: &Term| Some((*channels.get(term.channel)?, term.hour, None, term.coefficient));
            limits.push(RowExport {
                limit: count.limit.to_string(),
                from: wall_time_text(count.shown(week, row, &chosen, 0.0).from),
                at_most: row.at_most,
                price: row.price,
                shadow_price: *shadow_price,
                terms: row.terms.iter().filter_map(named).collect(),
            });
        }
        let client_id = week.client.id.clone();
        LimitsExport { format: 1, client_id, week_start, channels, limits, bound: self.bound, objective, chosen }
    }

    /// Names of the limits that took posts, or better hours, from a channel.
    pub fn limits_on(&self, channel: usize, channel_draft: &ChannelDraft<'_>) -> Vec<&str> {
        if channel_draft.solution.objective >= channel_draft.upper_bound {
            return Vec::new();
        }
        let counts = self.counts.iter().zip(&self.rows).zip(&self.prices);
        let on_channel = |row: &Row| row.terms.iter().any(|term| term.channel == channel);
        let mut names: Vec<&str> = counts
            .filter(|((_, row), price)| **price > 0.0 && on_channel(row))
            .map(|((count, _), _)| &*count.limit)
            .collect();
        names.dedup();
        names
    }

    /// How good the week is at least, given its evaluated posts; `None` if no bound is proven.
    pub fn certificate(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        posts: &[Post],
    ) -> Option<Certificate> {
        let upper_bound = self.bound?;
        let live: Vec<Vec<usize>> = channel_drafts
            .iter()
            .map(|channel_draft| {
                let own = posts.iter().filter(|post| post.channel == channel_draft.state.channel && post.is_live());
                own.map(|post| post.hour).collect()
            })
            .collect();
        let earned = channel_drafts.iter().zip(&live).map(|(draft, live)| draft.instance.objective(live)).sum::<f64>();
        let mut limits = Vec::new();
        let mut given_up = 0.0;
        for ((count, row), price) in self.counts.iter().zip(&self.rows).zip(&self.prices) {
            let used: f64 = row.used(&live);
            given_up += row.price.map_or(0.0, |price| price * row.excess(used));
            if *price > 0.0 || (count.is_worth_showing() && used >= row.at_most) {
                limits.push(count.shown(week, row, &live, *price));
            }
        }
        Some(Certificate { objective: earned - given_up, upper_bound, limits })
    }
}

impl WeekLimits {
    /// The limits of the client's policy and rules.
    pub fn of(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Self {
        let mut limits = Self { counts: Vec::new(), rows: Vec::new() };
        limits.add(week, channel_drafts, &actions_a_day(week.client.policy.max_actions_per_day));
        let applying = week.rules.limits.iter().filter(|limit| applies(&limit.filter, week));
        applying.for_each(|limit| limits.add(week, channel_drafts, limit));
        limits
    }

    fn add(&mut self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], limit: &LimitRules) {
        let groups: Vec<Option<usize>> =
            if limit.per_channel { (0..channel_drafts.len()).map(Some).collect() } else { vec![None] };
        let periods: Vec<Period> = match limit.period {
            LimitPeriod::Week => vec![Period::Week],
            LimitPeriod::Day => (0..7).map(Period::Day).collect(),
            LimitPeriod::Hour => (0..week.hours.len()).map(Period::Hour).collect(),
        };
        let counted = Counted::of(week, channel_drafts, &limit.filter);
        for group in groups {
            for period in &periods {
                self.add_count(week, channel_drafts, limit, (group, *period), &counted);
            }
        }
    }

    fn add_count(
        &mut self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        limit: &LimitRules,
        (group, period): (Option<usize>, Period),
        counted: &Counted,
    ) {
        let (kind, allowed) = kind_of(limit.bound);
        let channel = group.and_then(|group| channel_drafts.get(group)).map(|draft| draft.state.channel);
        let limit_name = Arc::clone(&limit.name);
        let mut count = Count { limit: limit_name, kind, allowed, channel, period, committed: 0, committed_of: 0 };
        let mut terms = Vec::new();
        let mut applies = false;
        let own = channel_drafts.iter().enumerate().filter(|(channel, _)| group.is_none_or(|group| group == *channel));
        for (channel, channel_draft) in own {
            for hour in (0..week.hours.len()).filter(|hour| period.covers(week, *hour)) {
                let counts = counted.is(channel, hour);
                applies |= counts;
                if counts || kind.is_share() {
                    terms.push(Term { channel, hour, coefficient: count.coefficient(counts) });
                }
            }
            let standing = channel_draft.hours.committed.iter().filter(|hour| period.covers(week, **hour));
            for hour in standing {
                count.committed += u32::from(counted.is(channel, *hour));
                count.committed_of += 1;
            }
        }
        // A limit on channels that the client does not have, or on days of other weeks, is none for this week.
        if applies {
            self.rows.push(Row { terms, at_most: count.left(), price: limit.price });
            self.counts.push(count);
        }
    }

    /// Places the slots of all channels within the limits, given those of each channel alone.
    pub fn settle(self, channel_drafts: &mut [ChannelDraft<'_>], worker: &mut WorkerContext<'_>) -> Settled {
        let alone: Vec<_> = channel_drafts.iter().map(|channel_draft| channel_draft.solution.clone()).collect();
        let instances = channel_drafts.iter().map(|channel_draft| &channel_draft.instance).collect();
        let Self { counts, rows } = self;
        let coupled = CoupledWeek::new(instances, rows);
        let used = coupled.used(alone.iter().map(|solution| solution.chosen.as_slice()));
        let full_days = full_days(&counts, coupled.rows(), &used);
        let CoupledSolution { channels, bound, prices, kept, .. } =
            solve_coupled(&coupled, alone, worker.solver, worker.tier);
        let broken = if kept { Vec::new() } else { broken(&counts, &coupled, worker) };
        let rows = coupled.into_rows();
        for (channel_draft, solution) in channel_drafts.iter_mut().zip(channels) {
            channel_draft.solution = solution;
        }
        if !broken.is_empty() {
            channel_drafts.iter_mut().for_each(ChannelDraft::leave_empty);
        }
        Settled { counts, rows, bound, prices, full_days, broken }
    }
}

/// The days, since Monday, on which a use exceeds the policy's maximum of posts a day.
fn full_days(counts: &[Count], rows: &[Row], used: &[f64]) -> Vec<u8> {
    let uses = counts.iter().zip(rows).zip(used);
    uses.filter(|((count, row), used)| *count.limit == *ACTIONS_A_DAY && **used > row.at_most)
        .filter_map(|((count, _), _)| match count.period {
            Period::Day(day) => Some(day),
            Period::Week | Period::Hour(_) => None,
        })
        .collect()
}

/// The limit that a client's policy sets on the posts of a day.
fn actions_a_day(most: u32) -> LimitRules {
    LimitRules {
        name: ACTIONS_A_DAY.into(),
        bound: LimitBound::AtMost(f64::from(most)),
        per_channel: false,
        period: LimitPeriod::Day,
        filter: LimitFilter::ALL,
        price: None,
    }
}

/// Whether a limit is one for the client.
fn applies(filter: &LimitFilter, week: &ClientWeek<'_>) -> bool {
    let client = week.client;
    let is_tagged = filter.tags.is_empty() || filter.tags.iter().any(|tag| client.tags.contains(tag));
    is_tagged && (filter.clients.is_empty() || filter.clients.contains(&client.id))
}

/// Which posts a limit counts, by channel and hour.
struct Counted {
    hours: Vec<Vec<bool>>,
}

impl Counted {
    fn of(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], filter: &LimitFilter) -> Self {
        let hours = channel_drafts.iter().map(|channel_draft| {
            let is_counted = filter.channels.is_empty() || filter.channels.contains(&channel_draft.state.channel);
            let counts = |hour: usize| is_counted && counts_at(week, channel_draft.minute, filter, hour);
            (0..week.hours.len()).map(counts).collect()
        });
        Self { hours: hours.collect() }
    }

    fn is(&self, channel: usize, hour: usize) -> bool {
        self.hours.get(channel).and_then(|hours| hours.get(hour)).copied().unwrap_or(false)
    }
}

/// Whether a post of a channel, at a minute of an hour, meets the conditions on time.
fn counts_at(week: &ClientWeek<'_>, minute: u8, filter: &LimitFilter, hour: usize) -> bool {
    let Some(wall) = week.hours.hours().get(hour) else { return false };
    let on = |list: &[bool], place: u8| list.get(usize::from(place)).copied().unwrap_or(false);
    if !on(&filter.days, wall.weekday) || !on(&filter.hours, wall.hour) {
        return false;
    }
    if filter.from.is_none() && filter.to.is_none() {
        return true;
    }
    let at = week.client.zone.wall_time(week.hours.instant(hour as i64).plus_minutes(i64::from(minute)));
    filter.from.is_none_or(|from| at >= from) && filter.to.is_none_or(|to| at < to)
}

const fn kind_of(bound: LimitBound) -> (LimitKind, f64) {
    match bound {
        LimitBound::AtMost(posts) => (LimitKind::AtMost, posts),
        LimitBound::AtLeast(posts) => (LimitKind::AtLeast, posts),
        LimitBound::AtMostShare(share) => (LimitKind::AtMostShare, share),
        LimitBound::AtLeastShare(share) => (LimitKind::AtLeastShare, share),
    }
}

impl Count {
    /// What a post counts in its row, which is always one of at most so much.
    fn coefficient(&self, counts: bool) -> f64 {
        let counted = f64::from(u8::from(counts));
        match self.kind {
            LimitKind::AtMost => counted,
            LimitKind::AtLeast => -counted,
            LimitKind::AtMostShare => counted - self.allowed,
            LimitKind::AtLeastShare => self.allowed - counted,
        }
    }

    /// What committed posts leave of it. What they exceed alone is not held against the others.
    fn left(&self) -> f64 {
        let (committed, of) = (f64::from(self.committed), f64::from(self.committed_of));
        match self.kind {
            LimitKind::AtMost => (self.allowed - committed).max(0.0),
            LimitKind::AtLeast => committed - self.allowed,
            LimitKind::AtMostShare => self.allowed * of - committed,
            LimitKind::AtLeastShare => committed - self.allowed * of,
        }
    }
}

impl Count {
    /// Whether it is shown where it is used up but costs nothing: the hours of a week are too many.
    fn is_worth_showing(&self) -> bool {
        !matches!(self.period, Period::Hour(_))
    }

    /// How the posts of the channels stand to it.
    fn shown(&self, week: &ClientWeek<'_>, row: &Row, posts: &[Vec<usize>], price: f64) -> LimitUse {
        let is_posted = |term: &&Term| posts.get(term.channel).is_some_and(|hours| hours.contains(&term.hour));
        let counted = self.coefficient(true);
        let (mut counting, mut all) = (self.committed, self.committed_of);
        for term in row.terms.iter().filter(is_posted) {
            counting += u32::from(term.coefficient == counted);
            all += 1;
        }
        let used = if self.kind.is_share() { f64::from(counting) / f64::from(all.max(1)) } else { f64::from(counting) };
        let first = match self.period {
            Period::Week => 0,
            Period::Day(day) => week.hours.hours().iter().position(|wall| wall.weekday == day).unwrap_or(0),
            Period::Hour(hour) => hour,
        };
        let hours = (first..week.hours.len()).take_while(|hour| self.period.covers(week, *hour)).count();
        LimitUse {
            limit: Arc::clone(&self.limit),
            kind: self.kind,
            channel: self.channel,
            from: week.client.zone.wall_time(week.hours.instant(first as i64)),
            hours: u32::try_from(hours).unwrap_or(u32::MAX),
            allowed: self.allowed,
            used,
            price,
        }
    }
}

/// Names of the fewest limits found that no choice of hours keeps together; of all hard limits, if that cannot be proven.
fn broken(counts: &[Count], week: &CoupledWeek<'_>, worker: &mut WorkerContext<'_>) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut groups = Vec::with_capacity(counts.len());
    for count in counts {
        let known = names.iter().position(|name| *name == count.limit);
        groups.push(known.unwrap_or(names.len()));
        if known.is_none() {
            names.push(Arc::clone(&count.limit));
        }
    }
    let of = smallest_conflict(week, &groups, worker.solver);
    names.into_iter().enumerate().filter(|(group, _)| of.contains(group)).map(|(_, name)| name).collect()
}
