//! The limits of a client's week that count posts by channel and hour, as rows: one row for each period of a limit, or
//! for each period and channel if the limit counts each channel on its own.
//!
//! Committed posts count, so they lower the number of posts that may be planned. The policy's maximum of posts a day is
//! a limit like those of `limits.toml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::committed::{CommittedCount, committed_counts};
use super::counted::{Chosen, applies_to, counted_by_hour, kind_and_number};
use super::follow_up::{FollowRule, FollowedHour};
use super::period::{Period, rolling_periods};
use crate::agents::ClientWeek;
use crate::agents::creative_director::Histories;
use crate::model::{Channel, FollowUp, LimitKind, LimitQuota, LimitUse, QuotaPeriod};
use crate::planner::channel::ChannelDraft;
use crate::planner::coupling::{Row, Term, excess};
use crate::rules::{ACTIONS_A_DAY, LimitBound, LimitPeriod, LimitRules, LimitScope};

/// A limit, with the posts that it counts.
struct WeekLimit {
    name: Arc<str>,
    kind: LimitKind,
    /// The number or the share of posts that the limit states.
    allowed: f64,
    /// Price of each post too many or too few; `None` if the limit is hard.
    price: Option<f64>,
    /// What must follow a post, if the limit is on the order of channels.
    follow_up: Option<FollowUp>,
    /// By channel and hour, whether a post counts; `None` if every post does.
    counted: Option<Vec<Vec<bool>>>,
    /// For a quota, the price from which the search for its shadow price starts; `None` for limits of the client alone.
    quota_price: Option<f64>,
}

/// A limit in one of its periods.
struct LimitRow {
    /// Index of the limit.
    limit: usize,
    /// Index of the channel, if each is counted on its own.
    channel: Option<usize>,
    period: Period,
    /// Number of committed posts in the period that count.
    committed: u32,
    /// Number of committed posts in the period, whether they count or not, because a share is taken of all posts.
    committed_total: u32,
}

/// A row of the coupled problem with what names it.
pub(in crate::planner) struct NamedRow {
    pub limit: Arc<str>,
    /// First hour of the period, counted from the first hour of the week and negative before it.
    pub first_hour: i64,
    /// The channel, if each is counted on its own.
    pub channel: Option<Channel>,
    /// Whether it is the client's quota of a limit that it shares with other clients.
    pub is_quota: bool,
    pub row: Row,
    /// Its price in the proof of the bound.
    pub shadow_price: f64,
}

/// The limits of a client's week that count posts by channel and hour.
pub(in crate::planner) struct WeekLimits {
    limits: Vec<WeekLimit>,
    rows: Vec<LimitRow>,
}

impl WeekLimits {
    /// The limits of the client's policy, rules and quotas.
    pub fn new(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], histories: &Histories) -> Self {
        let mut limits = Self { limits: Vec::new(), rows: Vec::new() };
        let actions_a_day = f64::from(week.client.policy.max_actions_per_day);
        limits.add(week, channel_drafts, &LimitRules::at_most(ACTIONS_A_DAY, actions_a_day, LimitPeriod::Day));
        let is_included = |limit: &&LimitRules| {
            limit.scope == LimitScope::Client && !limit.depends_on_assets() && applies_to(limit, week)
        };
        let mut applying: Vec<&LimitRules> = week.rules.limits.iter().filter(is_included).collect();
        // Sorted, so that their order in the file changes nothing.
        applying.sort_by(|a, b| a.name.cmp(&b.name));
        for limit in applying {
            let LimitBound::FollowedBy(follow_up) = limit.bound else {
                limits.add(week, channel_drafts, limit);
                continue;
            };
            // A limit on a channel that the client does not have has no rows.
            if let Some(order) = FollowRule::new(week, channel_drafts, histories, limit, follow_up) {
                limits.add_order(&order, limit, follow_up);
            }
        }
        for quota in week.quotas {
            limits.add_quota(week, channel_drafts, quota);
        }
        limits
    }

    /// For each row, the price from which the search for its shadow price starts.
    pub fn initial_prices(&self) -> Vec<f64> {
        let price = |row: &LimitRow| self.limits.get(row.limit).map_or(0.0, |limit| limit.quota_price.unwrap_or(0.0));
        self.rows.iter().map(price).collect()
    }

    /// Adds the client's quota of a limit that it shares with other clients.
    fn add_quota(&mut self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], quota: &LimitQuota) {
        let review_capacity = LimitRules::review_capacity(0);
        let mut shared_limits = week.rules.limits.iter().chain([&review_capacity]);
        let Some(rules) = shared_limits.find(|limit| limit.name == quota.limit) else { return };
        let limit = WeekLimit {
            name: Arc::clone(&rules.name),
            kind: LimitKind::AtMost,
            allowed: quota.posts,
            price: None,
            follow_up: None,
            counted: counted_by_hour(week, channel_drafts, rules),
            quota_price: Some(quota.first_price),
        };
        let channel = quota.channel.map(|named| channel_drafts.iter().position(|draft| draft.state.channel == named));
        let period = match quota.period {
            QuotaPeriod::Week => Period::Week,
            QuotaPeriod::Day(day) => Period::Day(day),
            QuotaPeriod::Hour(hour) => Period::Hour(hour),
        };
        // A quota for a channel that the client does not have limits nothing.
        if channel == Some(None) {
            return;
        }
        let channel = channel.flatten();
        let mut row = LimitRow { limit: self.limits.len(), channel, period, committed: 0, committed_total: 0 };
        row.add_committed(week, &committed_counts(week, channel_drafts, rules));
        self.rows.push(row);
        self.limits.push(limit);
    }

    /// Adds a limit with its rows, unless it is on the order of channels.
    fn add(&mut self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], rules: &LimitRules) {
        let (kind, allowed) = kind_and_number(rules.bound);
        let counted = counted_by_hour(week, channel_drafts, rules);
        let name = Arc::clone(&rules.name);
        let limit = WeekLimit { name, kind, allowed, price: rules.price, follow_up: None, counted, quota_price: None };
        // A limit on each channel that names no channels leaves out those on which the rules want no posts.
        let is_included = |channel: &usize| {
            let posts_wanted = channel_drafts.get(*channel).map_or(0, |draft| draft.posts_wanted);
            posts_wanted > 0 || !rules.filter.channels.is_empty()
        };
        let each_channel = || (0..channel_drafts.len()).filter(is_included).map(Some).collect();
        let channels: Vec<Option<usize>> = if rules.per_channel { each_channel() } else { vec![None] };
        let committed = committed_counts(week, channel_drafts, rules);
        let extend_beyond = rules.price.is_some() || committed.iter().any(|post| post.hour >= week.hours.len() as i64);
        let periods: Vec<Period> = match rules.period {
            LimitPeriod::Week => vec![Period::Week],
            LimitPeriod::Day => (0..7).map(Period::Day).collect(),
            LimitPeriod::Hour => (0..week.hours.len()).map(Period::Hour).collect(),
            LimitPeriod::Within(hours) => rolling_periods(week, hours, extend_beyond),
        };
        for channel in channels {
            for period in &periods {
                let mut row =
                    LimitRow { limit: self.limits.len(), channel, period: *period, committed: 0, committed_total: 0 };
                // A limit on channels that the client does not have, or on days of other weeks, has no rows this week.
                if limit.counted.is_none() || limit.counts_anything(week, &row) {
                    row.add_committed(week, &committed);
                    self.rows.push(row);
                }
            }
        }
        self.limits.push(limit);
    }

    /// Adds a limit on the order of channels, with a row for each hour in which a post must be followed.
    fn add_order(&mut self, order: &FollowRule<'_, '_>, rules: &LimitRules, follow_up: FollowUp) {
        let limit = self.limits.len();
        let row = |(channel, followed)| LimitRow {
            limit,
            channel: Some(channel),
            period: Period::Followed(followed),
            committed: 0,
            committed_total: 0,
        };
        self.rows.extend(order.followed_hours().into_iter().map(row));
        let (kind, allowed) = kind_and_number(rules.bound);
        let name = Arc::clone(&rules.name);
        let follow_up = Some(follow_up);
        self.limits.push(WeekLimit {
            name,
            kind,
            allowed,
            price: rules.price,
            follow_up,
            counted: None,
            quota_price: None,
        });
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// For each row, the index of its limit.
    pub fn limit_indices(&self) -> Vec<usize> {
        self.rows.iter().map(|row| row.limit).collect()
    }

    /// Names of the limits with the given indices.
    pub fn names(&self, indices: &[usize]) -> Vec<Arc<str>> {
        indices.iter().filter_map(|index| self.limits.get(*index)).map(|limit| Arc::clone(&limit.name)).collect()
    }

    /// Each row, after its limit.
    fn limits_and_rows(&self) -> impl Iterator<Item = (&WeekLimit, &LimitRow)> {
        self.rows.iter().filter_map(|row| Some((self.limits.get(row.limit)?, row)))
    }

    /// Whether a choice of hours breaks a limit.
    pub fn are_broken(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> bool {
        self.limits_and_rows().any(|(limit, row)| limit.excess(week, row, chosen) > 0.0)
    }

    /// Names of the hard limits that a choice of hours breaks.
    pub fn broken(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> Vec<Arc<str>> {
        let hard = self.limits_and_rows().filter(|(limit, _)| limit.price.is_none());
        let broken = hard.filter(|(limit, row)| limit.excess(week, row, chosen) > 0.0);
        let mut names: Vec<Arc<str>> = broken.map(|(limit, _)| Arc::clone(&limit.name)).collect();
        names.dedup();
        names
    }

    /// The chosen posts, each as index of the channel and hour, that no other chosen post follows although a hard limit
    /// requires it.
    pub fn unfollowed(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> BTreeSet<(usize, usize)> {
        let unfollowed = |(limit, row): (&WeekLimit, &LimitRow)| {
            let hour = row.period.followed()?.planned_hour()?;
            (limit.price.is_none() && limit.excess(week, row, chosen) > 0.0).then_some((row.channel?, hour))
        };
        self.limits_and_rows().filter_map(unfollowed).collect()
    }

    /// What a choice of hours loses by exceeding limits with a price.
    pub fn penalty(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> f64 {
        let penalty = |(limit, row): (&WeekLimit, &LimitRow)| Some(limit.price? * limit.excess(week, row, chosen));
        self.limits_and_rows().filter_map(penalty).fold(0.0, |sum, penalty| sum + penalty)
    }

    /// The days, counted from Monday as 0, on which a choice of hours exceeds the policy's maximum of posts a day.
    pub fn full_days(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> Vec<u8> {
        let of_policy = self.limits_and_rows().filter(|(limit, _)| *limit.name == *ACTIONS_A_DAY);
        let exceeded = of_policy.filter(|(limit, row)| limit.excess(week, row, chosen) > 0.0);
        let day = |(_, row): (&WeekLimit, &LimitRow)| match row.period {
            Period::Day(day) => Some(day),
            Period::Week | Period::Hour(_) | Period::Within { .. } | Period::Followed(_) => None,
        };
        exceeded.filter_map(day).collect()
    }

    /// The limits as rows of the coupled problem.
    pub fn rows(&self, week: &ClientWeek<'_>, channel_count: usize) -> Vec<Row> {
        self.limits_and_rows().map(|(limit, row)| limit.coupled_row(week, row, channel_count)).collect()
    }

    /// The rows of all limits but the client's quotas of limits that it shares with other clients, each with its price.
    /// `prices` are the shadow prices of all rows.
    pub fn own_rows(&self, week: &ClientWeek<'_>, channel_count: usize, prices: &[f64]) -> Vec<(Row, f64)> {
        let own = self.limits_and_rows().zip(prices).filter(|((limit, _), _)| limit.quota_price.is_none());
        own.map(|((limit, row), price)| (limit.coupled_row(week, row, channel_count), *price)).collect()
    }

    /// How much of each limit a choice of hours uses, by period, given the shadow prices of the rows. Includes periods
    /// with a price above 0, and days and weeks in which a limit is used up.
    pub fn uses(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        chosen: &Chosen,
        prices: &[f64],
    ) -> Vec<LimitUse> {
        let is_used_up = |limit: &WeekLimit, row: &LimitRow| {
            !matches!(row.period, Period::Hour(_) | Period::Within { .. } | Period::Followed(_))
                && limit.used(week, row, chosen) >= limit.at_most(row)
        };
        let rows = self.limits_and_rows().zip(prices);
        let included = rows.filter(|((limit, row), price)| **price > 0.0 || is_used_up(limit, row));
        included.map(|((limit, row), price)| limit_use(week, channel_drafts, (limit, row), chosen, *price)).collect()
    }

    /// How much a choice of hours uses of the limits in which a post of a channel at an hour would count: of the limits
    /// with a shadow price above 0 or, if there are none, of the hard limits that the post would break.
    pub fn uses_at(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        chosen: &Chosen,
        prices: &[f64],
        (channel, hour): (usize, usize),
    ) -> Vec<LimitUse> {
        let coefficient = |(limit, row): (&WeekLimit, &LimitRow)| limit.coefficient_at(week, row, channel, hour);
        let rows = || self.limits_and_rows().zip(prices);
        let counting = || rows().filter(|(limit_and_row, _)| coefficient(*limit_and_row) > 0.0);
        let use_of_row = |((limit, row), price): ((&WeekLimit, &LimitRow), &f64)| {
            limit_use(week, channel_drafts, (limit, row), chosen, *price)
        };
        let priced: Vec<LimitUse> = counting().filter(|(_, price)| **price > 0.0).map(use_of_row).collect();
        if !priced.is_empty() {
            return priced;
        }
        let would_break = |(limit, row): (&WeekLimit, &LimitRow)| {
            let with_post = limit.used(week, row, chosen) + coefficient((limit, row));
            limit.price.is_none() && excess(with_post, limit.at_most(row)) > 0.0
        };
        counting().filter(|(limit_and_row, _)| would_break(*limit_and_row)).map(use_of_row).collect()
    }

    /// What a post of a channel costs at each hour, given the shadow prices of the rows.
    pub fn hour_prices(&self, week: &ClientWeek<'_>, channel: usize, prices: &[f64]) -> Vec<f64> {
        let priced = || self.limits_and_rows().zip(prices).filter(|(_, price)| **price > 0.0);
        let price = |hour: usize| {
            let of_row = |((limit, row), price): ((&WeekLimit, &LimitRow), &f64)| {
                price * limit.coefficient_at(week, row, channel, hour)
            };
            priced().map(of_row).fold(0.0, |sum, price| sum + price)
        };
        (0..week.hours.len()).map(price).collect()
    }

    /// Names of the limits with a shadow price above 0 in which posts of a channel count.
    pub fn priced_names_on(&self, week: &ClientWeek<'_>, channel: usize, prices: &[f64]) -> Vec<&str> {
        let is_counted = |limit: &WeekLimit, row: &LimitRow| {
            (0..week.hours.len()).any(|hour| limit.coefficient_at(week, row, channel, hour) > 0.0)
        };
        let priced = self.limits_and_rows().zip(prices).filter(|(_, price)| **price > 0.0);
        let priced = priced.map(|(limit_and_row, _)| limit_and_row);
        let mut names: Vec<&str> =
            priced.filter(|(limit, row)| is_counted(limit, row)).map(|(limit, _)| &*limit.name).collect();
        names.dedup();
        names
    }

    /// The rows of the coupled problem, each with its name and its price. `prices` are the shadow prices of all rows.
    pub fn named_rows(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        prices: &[f64],
    ) -> Vec<NamedRow> {
        let named_row = |((limit, row), price): ((&WeekLimit, &LimitRow), &f64)| NamedRow {
            limit: Arc::clone(&limit.name),
            first_hour: row.first_hour_and_length(week).0,
            channel: row.channel.and_then(|index| channel_drafts.get(index)).map(|draft| draft.state.channel),
            is_quota: limit.quota_price.is_some(),
            row: limit.coupled_row(week, row, channel_drafts.len()),
            shadow_price: *price,
        };
        self.limits_and_rows().zip(prices).map(named_row).collect()
    }
}

impl WeekLimit {
    fn coupled_row(&self, week: &ClientWeek<'_>, row: &LimitRow, channel_count: usize) -> Row {
        Row { terms: self.terms(week, row, channel_count), at_most: self.at_most(row), price: self.price }
    }

    fn is_counted(&self, channel: usize, hour: usize) -> bool {
        let Some(counted) = &self.counted else { return true };
        counted.get(channel).and_then(|hours| hours.get(hour)).copied().unwrap_or(false)
    }

    /// The coefficient of a post in the period of a row. A row always bounds the sum of coefficients from above.
    fn coefficient(&self, is_counted: bool) -> f64 {
        let count = f64::from(u8::from(is_counted));
        match self.kind {
            LimitKind::AtMost => count,
            // Not used for orders: `FollowedHour` has their coefficients.
            LimitKind::AtLeast | LimitKind::FollowedBy => -count,
            LimitKind::AtMostShare => count - self.allowed,
            LimitKind::AtLeastShare => self.allowed - count,
        }
    }

    /// The coefficient in a row of a post of a channel at an hour; 0 outside the row's period.
    fn coefficient_at(&self, week: &ClientWeek<'_>, row: &LimitRow, channel: usize, hour: usize) -> f64 {
        if let Period::Followed(followed) = row.period {
            return followed.coefficient(row.channel == Some(channel), channel, hour);
        }
        if row.covers(week, channel, hour) { self.coefficient(self.is_counted(channel, hour)) } else { 0.0 }
    }

    /// Whether the row counts any post that could be planned.
    fn counts_anything(&self, week: &ClientWeek<'_>, row: &LimitRow) -> bool {
        let channels = self.counted.as_ref().map_or(0, Vec::len);
        let mut posts = (0..channels).flat_map(|channel| (0..week.hours.len()).map(move |hour| (channel, hour)));
        posts.any(|(channel, hour)| row.covers(week, channel, hour) && self.is_counted(channel, hour))
    }

    /// Upper bound of a row: the limit less what committed posts use of it; 0 if they exceed a maximum number of posts.
    fn at_most(&self, row: &LimitRow) -> f64 {
        let (committed, total) = (f64::from(row.committed), f64::from(row.committed_total));
        match self.kind {
            LimitKind::AtMost => (self.allowed - committed).max(0.0),
            LimitKind::AtLeast => committed - self.allowed,
            LimitKind::AtMostShare => self.allowed * total - committed,
            LimitKind::AtLeastShare => committed - self.allowed * total,
            LimitKind::FollowedBy => row.period.followed().map_or(0.0, FollowedHour::at_most),
        }
    }

    /// The sum of the coefficients of a choice of hours in a row.
    fn used(&self, week: &ClientWeek<'_>, row: &LimitRow, chosen: &Chosen) -> f64 {
        let mut used = 0.0;
        for (channel, hours) in chosen.iter().enumerate() {
            used += hours.iter().map(|hour| self.coefficient_at(week, row, channel, *hour)).sum::<f64>();
        }
        used
    }

    /// By how much a choice of hours exceeds a row; 0 if only by a rounding error.
    fn excess(&self, week: &ClientWeek<'_>, row: &LimitRow, chosen: &Chosen) -> f64 {
        excess(self.used(week, row, chosen), self.at_most(row))
    }

    fn terms(&self, week: &ClientWeek<'_>, row: &LimitRow, channel_count: usize) -> Vec<Term> {
        let mut terms = Vec::new();
        for channel in 0..channel_count {
            for hour in 0..week.hours.len() {
                let coefficient = self.coefficient_at(week, row, channel, hour);
                if coefficient != 0.0 || (self.kind.is_share() && row.covers(week, channel, hour)) {
                    terms.push(Term { channel, hour, coefficient });
                }
            }
        }
        terms
    }
}

impl LimitRow {
    fn covers(&self, week: &ClientWeek<'_>, channel: usize, hour: usize) -> bool {
        self.covers_channel(channel) && self.period.covers(week, hour)
    }

    fn covers_channel(&self, channel: usize) -> bool {
        self.channel.is_none_or(|only| only == channel)
    }

    /// Adds those committed posts that lie in the period.
    fn add_committed(&mut self, week: &ClientWeek<'_>, committed: &[CommittedCount]) {
        for CommittedCount { channel, hour, is_counted } in committed {
            if self.covers_channel(*channel) && self.period.covers_any_hour(week, *hour) {
                self.committed += u32::from(*is_counted);
                self.committed_total += 1;
            }
        }
    }

    /// First hour of the period, counted from the first hour of the week and negative before it, and its number of hours.
    fn first_hour_and_length(&self, week: &ClientWeek<'_>) -> (i64, usize) {
        if let Period::Within { first, hours } = self.period {
            return (first, hours as usize);
        }
        if let Period::Followed(FollowedHour { hour, .. }) = self.period {
            return (hour, 1);
        }
        let covers = |hour: &usize| self.period.covers(week, *hour);
        let first = (0..week.hours.len()).find(covers).unwrap_or(0);
        let hours = (first..week.hours.len()).take_while(covers).count();
        (first as i64, hours)
    }
}

/// How much of a limit a choice of hours uses in a period, committed posts included.
fn limit_use(
    week: &ClientWeek<'_>,
    channel_drafts: &[ChannelDraft<'_>],
    (limit, row): (&WeekLimit, &LimitRow),
    chosen: &Chosen,
    price: f64,
) -> LimitUse {
    let (mut counted, mut total) = (row.committed, row.committed_total);
    for (channel, hours) in chosen.iter().enumerate() {
        for hour in hours.iter().filter(|hour| row.covers(week, channel, **hour)) {
            counted += u32::from(limit.is_counted(channel, *hour));
            total += 1;
        }
    }
    let used = match (row.period.followed(), limit.kind.is_share()) {
        (Some(followed), _) => followed.posts_that_follow(chosen),
        // A share of no posts is 0.
        (None, true) => f64::from(counted) / f64::from(total.max(1)),
        (None, false) => f64::from(counted),
    };
    let (first_hour, hours) = row.first_hour_and_length(week);
    let channel_draft = row.channel.and_then(|index| channel_drafts.get(index));
    let channel: Option<Channel> = channel_draft.map(|draft| draft.state.channel);
    LimitUse {
        limit: Arc::clone(&limit.name),
        kind: limit.kind,
        follow_up: limit.follow_up,
        channel,
        asset: None,
        campaign: None,
        is_weighed: false,
        first_hour,
        from: week.client.zone.wall_time(week.hours.instant(first_hour)),
        hours: u32::try_from(hours).unwrap_or(u32::MAX),
        allowed: limit.allowed,
        used,
        price,
    }
}
