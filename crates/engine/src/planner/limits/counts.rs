//! A limit in each of its periods.
//!
//! A limit counts the posts of each of its periods, and of each channel on its own if it says so. Posts that are
//! committed already count, and leave less to plan. The policy's maximum of posts a day is a limit like those of
//! `limits.toml`.

use std::sync::Arc;

use chrono::NaiveDateTime;

use crate::agents::ClientWeek;
use crate::model::{Channel, LimitKind, LimitQuota, LimitUse, QuotaPeriod};
use crate::planner::channel::ChannelDraft;
use crate::planner::coupling::{Row, Term, excess};
use crate::rules::{ACTIONS_A_DAY, LimitBound, LimitCounts, LimitFilter, LimitPeriod, LimitRules, LimitScope};

/// Hours chosen for every channel.
pub(super) type Chosen = [Vec<usize>];

/// A limit, and which posts it counts.
struct WeekLimit {
    name: Arc<str>,
    kind: LimitKind,
    /// The number of posts, or the share.
    allowed: f64,
    /// What each post too many or too few costs; `None` if the limit is hard.
    price: Option<f64>,
    /// By channel and hour, whether a post counts; `None` if every post does.
    counted: Option<Vec<Vec<bool>>>,
    /// The price of a post at which the search for the limit's price begins.
    first_price: f64,
}

/// A limit in one of its periods.
struct Count {
    /// Place of the limit.
    limit: usize,
    /// Place of the channel, if each is counted on its own.
    channel: Option<usize>,
    period: Period,
    /// Committed posts that count.
    committed: u32,
    /// Committed posts of which a share is taken.
    committed_of: u32,
}

/// A period of the week.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Period {
    Week,
    /// Days since Monday.
    Day(u8),
    /// Hour of the week.
    Hour(usize),
    /// So many hours from an hour on, counted from the first of the week.
    Within(i64, u32),
}

impl Period {
    fn covers(self, week: &ClientWeek<'_>, hour: usize) -> bool {
        match self {
            Period::Week => true,
            Period::Day(day) => week.hours.hours().get(hour).is_some_and(|wall| wall.weekday == day),
            Period::Hour(only) => only == hour,
            Period::Within(..) => self.covers_hour(hour as i64),
        }
    }

    /// Whether a period of hours has an hour, counted from the first of the week.
    fn covers_hour(self, hour: i64) -> bool {
        matches!(self, Period::Within(first, hours) if (first..first + i64::from(hours)).contains(&hour))
    }
}

/// The limits of a client's week.
pub(in crate::planner) struct WeekLimits {
    limits: Vec<WeekLimit>,
    counts: Vec<Count>,
}

impl WeekLimits {
    /// The limits of the client's policy and rules.
    pub fn of(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>]) -> Self {
        let mut limits = Self { limits: Vec::new(), counts: Vec::new() };
        let actions_a_day = f64::from(week.client.policy.max_actions_per_day);
        limits.add(week, channel_drafts, &LimitRules::at_most(ACTIONS_A_DAY, actions_a_day, LimitPeriod::Day));
        let is_own =
            |limit: &&LimitRules| limit.scope == LimitScope::Client && !limit.is_of_assets() && applies(limit, week);
        let mut applying: Vec<&LimitRules> = week.rules.limits.iter().filter(is_own).collect();
        // The order of the file decides nothing.
        applying.sort_by(|a, b| a.name.cmp(&b.name));
        applying.into_iter().for_each(|limit| limits.add(week, channel_drafts, limit));
        for quota in week.quotas {
            limits.add_quota(week, channel_drafts, quota);
        }
        limits
    }

    /// The price of each limit in a period at which the search for it begins.
    pub fn first_prices(&self) -> Vec<f64> {
        let price = |count: &Count| self.limits.get(count.limit).map_or(0.0, |limit| limit.first_price);
        self.counts.iter().map(price).collect()
    }

    /// Adds what the client may use of a limit that it shares.
    fn add_quota(&mut self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], quota: &LimitQuota) {
        let review_capacity = LimitRules::review_capacity(0);
        let mut known = week.rules.limits.iter().chain([&review_capacity]);
        let Some(rules) = known.find(|limit| limit.name == quota.limit) else { return };
        let counted = counted(week, channel_drafts, rules);
        let (name, allowed) = (Arc::clone(&rules.name), quota.posts);
        let limit =
            WeekLimit { name, kind: LimitKind::AtMost, allowed, price: None, counted, first_price: quota.first_price };
        let channel = quota.channel.map(|own| channel_drafts.iter().position(|draft| draft.state.channel == own));
        let period = match quota.period {
            QuotaPeriod::Week => Period::Week,
            QuotaPeriod::Day(day) => Period::Day(day),
            QuotaPeriod::Hour(hour) => Period::Hour(hour),
        };
        if channel == Some(None) {
            return;
        }
        let channel = channel.flatten();
        let mut count = Count { limit: self.limits.len(), channel, period, committed: 0, committed_of: 0 };
        count.add_committed(week, channel_drafts, &limit, rules);
        self.counts.push(count);
        self.limits.push(limit);
    }

    fn add(&mut self, week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], rules: &LimitRules) {
        let (kind, allowed) = kind_of(rules.bound);
        let counted = counted(week, channel_drafts, rules);
        let name = Arc::clone(&rules.name);
        let limit = WeekLimit { name, kind, allowed, price: rules.price, counted, first_price: 0.0 };
        // Channels that the limit does not name are left out where the rules want no posts of them.
        let is_meant = |channel: &usize| {
            let wanted = channel_drafts.get(*channel).map_or(0, |draft| draft.wanted);
            wanted > 0 || !rules.filter.channels.is_empty()
        };
        let own = || (0..channel_drafts.len()).filter(is_meant).map(Some).collect();
        let groups: Vec<Option<usize>> = if rules.per_channel { own() } else { vec![None] };
        let periods: Vec<Period> = match rules.period {
            LimitPeriod::Week => vec![Period::Week],
            LimitPeriod::Day => (0..7).map(Period::Day).collect(),
            LimitPeriod::Hour => (0..week.hours.len()).map(Period::Hour).collect(),
            LimitPeriod::Within(hours) => windows(week, hours),
        };
        for channel in groups {
            for period in &periods {
                let mut count =
                    Count { limit: self.limits.len(), channel, period: *period, committed: 0, committed_of: 0 };
                // A limit on channels that the client does not have, or on days of other weeks, is none for this week.
                if limit.counted.is_none() || limit.counts_anything(week, &count) {
                    count.add_committed(week, channel_drafts, &limit, rules);
                    self.counts.push(count);
                }
            }
        }
        self.limits.push(limit);
    }

    /// Number of limits in periods.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// For each limit in a period, the place of its limit.
    pub fn groups(&self) -> Vec<usize> {
        self.counts.iter().map(|count| count.limit).collect()
    }

    /// Names of limits at some places.
    pub fn names(&self, places: &[usize]) -> Vec<Arc<str>> {
        places.iter().filter_map(|place| self.limits.get(*place)).map(|limit| Arc::clone(&limit.name)).collect()
    }

    fn each(&self) -> impl Iterator<Item = (&WeekLimit, &Count)> {
        self.counts.iter().filter_map(|count| Some((self.limits.get(count.limit)?, count)))
    }

    /// Whether a choice of hours breaks a limit.
    pub fn are_broken(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> bool {
        self.each().any(|(limit, count)| excess(limit.used(week, count, chosen), limit.left(count)) > 0.0)
    }

    /// Names of the limits without a price that a choice of hours breaks.
    pub fn broken(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> Vec<Arc<str>> {
        let hard = self.each().filter(|(limit, _)| limit.price.is_none());
        let broken = hard.filter(|(limit, count)| excess(limit.used(week, count, chosen), limit.left(count)) > 0.0);
        let mut names: Vec<Arc<str>> = broken.map(|(limit, _)| Arc::clone(&limit.name)).collect();
        names.dedup();
        names
    }

    /// What is given up by a choice of hours for limits with a price.
    pub fn given_up(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> f64 {
        let priced = self.each().filter_map(|(limit, count)| Some((limit, count, limit.price?)));
        priced
            .map(|(limit, count, price)| price * excess(limit.used(week, count, chosen), limit.left(count)))
            .fold(0.0, |sum, cost| sum + cost)
    }

    /// The days, since Monday, on which a choice of hours exceeds the policy's maximum of posts a day.
    pub fn full_days(&self, week: &ClientWeek<'_>, chosen: &Chosen) -> Vec<u8> {
        let of_policy = self.each().filter(|(limit, _)| *limit.name == *ACTIONS_A_DAY);
        let full = of_policy.filter(|(limit, count)| excess(limit.used(week, count, chosen), limit.left(count)) > 0.0);
        let day = |(_, count): (&WeekLimit, &Count)| match count.period {
            Period::Day(day) => Some(day),
            Period::Week | Period::Hour(_) | Period::Within(..) => None,
        };
        full.filter_map(day).collect()
    }

    /// The rows of the coupled problem, one for each limit in a period.
    pub fn rows(&self, week: &ClientWeek<'_>, channels: usize) -> Vec<Row> {
        let row = |(limit, count): (&WeekLimit, &Count)| Row {
            terms: limit.terms(week, count, channels),
            at_most: limit.left(count),
            price: limit.price,
        };
        self.each().map(row).collect()
    }

    /// How a choice of hours stands to each limit in a period, with the prices of these. Left out are those that cost
    /// nothing and are not used up, and single hours that cost nothing.
    pub fn uses(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        chosen: &Chosen,
        prices: &[f64],
    ) -> Vec<LimitUse> {
        let is_used_up = |limit: &WeekLimit, count: &Count| {
            !matches!(count.period, Period::Hour(_) | Period::Within(..))
                && limit.used(week, count, chosen) >= limit.left(count)
        };
        let each = self.each().zip(prices).filter(|((limit, count), price)| **price > 0.0 || is_used_up(limit, count));
        each.map(|((limit, count), price)| shown(week, channel_drafts, (limit, count), chosen, *price)).collect()
    }

    /// How a choice of hours stands to the limits that a post of a channel at an hour would take a place of: those that
    /// cost something there, or else those without a place left.
    pub fn uses_at(
        &self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        chosen: &Chosen,
        prices: &[f64],
        (channel, hour): (usize, usize),
    ) -> Vec<LimitUse> {
        let counts = |(limit, count): (&WeekLimit, &Count)| limit.coefficient_at(week, count, channel, hour);
        let own = || self.each().zip(prices).filter(|(each, _)| counts(*each) > 0.0);
        let show = |((limit, count), price): ((&WeekLimit, &Count), &f64)| {
            shown(week, channel_drafts, (limit, count), chosen, *price)
        };
        let priced: Vec<LimitUse> = own().filter(|(_, price)| **price > 0.0).map(show).collect();
        if !priced.is_empty() {
            return priced;
        }
        let is_full = |(limit, count): (&WeekLimit, &Count)| {
            let with_it = limit.used(week, count, chosen) + counts((limit, count));
            limit.price.is_none() && excess(with_it, limit.left(count)) > 0.0
        };
        own().filter(|(each, _)| is_full(*each)).map(show).collect()
    }

    /// The price of a post of a channel at each hour, from the prices of the limits in their periods.
    pub fn hour_prices(&self, week: &ClientWeek<'_>, channel: usize, prices: &[f64]) -> Vec<f64> {
        let priced = || self.each().zip(prices).filter(|(_, price)| **price > 0.0);
        let price = |hour: usize| {
            let part = |((limit, count), price): ((&WeekLimit, &Count), &f64)| {
                price * limit.coefficient_at(week, count, channel, hour)
            };
            priced().map(part).fold(0.0, |sum, part| sum + part)
        };
        (0..week.hours.len()).map(price).collect()
    }

    /// Names of the limits with a price above 0 in which posts of a channel count.
    pub fn names_on(&self, week: &ClientWeek<'_>, channel: usize, prices: &[f64]) -> Vec<&str> {
        let counts = |limit: &WeekLimit, count: &Count| {
            (0..week.hours.len()).any(|hour| limit.coefficient_at(week, count, channel, hour) > 0.0)
        };
        let priced = self.each().zip(prices).filter(|(_, price)| **price > 0.0).map(|(each, _)| each);
        let mut names: Vec<&str> =
            priced.filter(|(limit, count)| counts(limit, count)).map(|(limit, _)| &*limit.name).collect();
        names.dedup();
        names
    }

    /// Name and start of each limit in a period.
    pub fn labels(&self, week: &ClientWeek<'_>) -> Vec<(&str, NaiveDateTime)> {
        self.each().map(|(limit, count)| (&*limit.name, count.span(week).0)).collect()
    }
}

/// Every period of so many hours that has an hour of the week, without those that another one covers.
fn windows(week: &ClientWeek<'_>, hours: u32) -> Vec<Period> {
    let (length, end) = (i64::from(hours), week.hours.len() as i64);
    (1 - length..end).map(|first| Period::Within(first, hours)).collect()
}

/// Whether a limit is one for the client in this week.
pub(in crate::planner) fn applies(limit: &LimitRules, week: &ClientWeek<'_>) -> bool {
    let (client, filter) = (week.client, &limit.filter);
    if !limit.weeks.include(week.hours.week().monday()) {
        return false;
    }
    let is_tagged = filter.tags.is_empty() || filter.tags.iter().any(|tag| client.tags.contains(tag));
    is_tagged && (filter.clients.is_empty() || filter.clients.contains(&client.id))
}

/// Which posts a limit counts, by channel and hour; `None` if it counts every post. Of a channel whose posts may or may
/// not need a review, no post counts as one that does.
fn counted(week: &ClientWeek<'_>, channel_drafts: &[ChannelDraft<'_>], rules: &LimitRules) -> Option<Vec<Vec<bool>>> {
    let (filter, of_reviews) = (&rules.filter, rules.counts == LimitCounts::NeedsReview);
    if *filter == LimitFilter::ALL && !of_reviews {
        return None;
    }
    let of_channel = |channel_draft: &ChannelDraft<'_>| {
        let is_named = filter.channels.is_empty() || filter.channels.contains(&channel_draft.state.channel);
        let is_counted = is_named && (channel_draft.always_needs_review || !of_reviews);
        let counts = |hour: usize| is_counted && counts_at(week, channel_draft.minute, filter, hour);
        (0..week.hours.len()).map(counts).collect()
    };
    Some(channel_drafts.iter().map(of_channel).collect())
}

/// Whether a post of a channel, at a minute of an hour, meets the conditions on time.
pub(in crate::planner) fn counts_at(week: &ClientWeek<'_>, minute: u8, filter: &LimitFilter, hour: usize) -> bool {
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

pub(super) const fn kind_of(bound: LimitBound) -> (LimitKind, f64) {
    match bound {
        LimitBound::AtMost(posts) => (LimitKind::AtMost, posts),
        LimitBound::AtLeast(posts) => (LimitKind::AtLeast, posts),
        LimitBound::AtMostShare(share) => (LimitKind::AtMostShare, share),
        LimitBound::AtLeastShare(share) => (LimitKind::AtLeastShare, share),
    }
}

impl WeekLimit {
    fn is_counted(&self, channel: usize, hour: usize) -> bool {
        let Some(counted) = &self.counted else { return true };
        counted.get(channel).and_then(|hours| hours.get(hour)).copied().unwrap_or(false)
    }

    /// What a post counts in its row, which is always one of at most so much.
    fn coefficient(&self, is_counted: bool) -> f64 {
        let counted = f64::from(u8::from(is_counted));
        match self.kind {
            LimitKind::AtMost => counted,
            LimitKind::AtLeast => -counted,
            LimitKind::AtMostShare => counted - self.allowed,
            LimitKind::AtLeastShare => self.allowed - counted,
        }
    }

    /// What a post of a channel at an hour counts in a period; 0 outside it.
    fn coefficient_at(&self, week: &ClientWeek<'_>, count: &Count, channel: usize, hour: usize) -> f64 {
        if count.covers(week, channel, hour) { self.coefficient(self.is_counted(channel, hour)) } else { 0.0 }
    }

    fn counts_anything(&self, week: &ClientWeek<'_>, count: &Count) -> bool {
        let channels = self.counted.as_ref().map_or(0, Vec::len);
        let mut posts = (0..channels).flat_map(|channel| (0..week.hours.len()).map(move |hour| (channel, hour)));
        posts.any(|(channel, hour)| count.covers(week, channel, hour) && self.is_counted(channel, hour))
    }

    /// What committed posts leave of it. What they exceed alone is not held against the others.
    fn left(&self, count: &Count) -> f64 {
        let (committed, of) = (f64::from(count.committed), f64::from(count.committed_of));
        match self.kind {
            LimitKind::AtMost => (self.allowed - committed).max(0.0),
            LimitKind::AtLeast => committed - self.allowed,
            LimitKind::AtMostShare => self.allowed * of - committed,
            LimitKind::AtLeastShare => committed - self.allowed * of,
        }
    }

    /// What a choice of hours uses of its row.
    fn used(&self, week: &ClientWeek<'_>, count: &Count, chosen: &Chosen) -> f64 {
        let mut used = 0.0;
        for (channel, hours) in chosen.iter().enumerate() {
            used += hours.iter().map(|hour| self.coefficient_at(week, count, channel, *hour)).sum::<f64>();
        }
        used
    }

    fn terms(&self, week: &ClientWeek<'_>, count: &Count, channels: usize) -> Vec<Term> {
        let mut terms = Vec::new();
        for channel in 0..channels {
            for hour in (0..week.hours.len()).filter(|hour| count.covers(week, channel, *hour)) {
                let is_counted = self.is_counted(channel, hour);
                if is_counted || self.kind.is_share() {
                    terms.push(Term { channel, hour, coefficient: self.coefficient(is_counted) });
                }
            }
        }
        terms
    }
}

impl Count {
    fn covers(&self, week: &ClientWeek<'_>, channel: usize, hour: usize) -> bool {
        self.channel.is_none_or(|own| own == channel) && self.period.covers(week, hour)
    }

    fn add_committed(
        &mut self,
        week: &ClientWeek<'_>,
        channel_drafts: &[ChannelDraft<'_>],
        limit: &WeekLimit,
        rules: &LimitRules,
    ) {
        // Reviews of committed posts are not planned.
        if rules.counts == LimitCounts::NeedsReview {
            return;
        }
        for (channel, channel_draft) in channel_drafts.iter().enumerate() {
            for hour in &channel_draft.hours.committed {
                if self.covers(week, channel, *hour) {
                    self.committed += u32::from(limit.is_counted(channel, *hour));
                    self.committed_of += 1;
                }
            }
            if matches!(self.period, Period::Within(first, _) if first < 0) {
                self.add_before_week(week, channel_draft, channel, &rules.filter);
            }
        }
    }

    /// Adds the posts of a channel before the week, as many in an hour as there were.
    fn add_before_week(
        &mut self,
        week: &ClientWeek<'_>,
        channel_draft: &ChannelDraft<'_>,
        channel: usize,
        filter: &LimitFilter,
    ) {
        let is_own = self.channel.is_none_or(|own| own == channel);
        let is_named = filter.channels.is_empty() || filter.channels.contains(&channel_draft.state.channel);
        let before = channel_draft.state.recent_posts.iter().filter(|at| **at < week.hours.start());
        for at in before.filter(|at| is_own && self.period.covers_hour(week.hours.hour_of(**at))) {
            self.committed += u32::from(is_named && filter.covers(week.client.zone.wall_time(*at)));
            self.committed_of += 1;
        }
    }

    /// Start of the period on the client's clock, and its number of hours.
    fn span(&self, week: &ClientWeek<'_>) -> (NaiveDateTime, usize) {
        if let Period::Within(first, hours) = self.period {
            return (week.client.zone.wall_time(week.hours.instant(first)), hours as usize);
        }
        let covers = |hour: &usize| self.period.covers(week, *hour);
        let first = (0..week.hours.len()).find(covers).unwrap_or(0);
        let hours = (first..week.hours.len()).take_while(covers).count();
        (week.client.zone.wall_time(week.hours.instant(first as i64)), hours)
    }
}

/// How a choice of hours stands to a limit in a period, committed posts included.
fn shown(
    week: &ClientWeek<'_>,
    channel_drafts: &[ChannelDraft<'_>],
    (limit, count): (&WeekLimit, &Count),
    chosen: &Chosen,
    price: f64,
) -> LimitUse {
    let (mut counting, mut of) = (count.committed, count.committed_of);
    for (channel, hours) in chosen.iter().enumerate() {
        for hour in hours.iter().filter(|hour| count.covers(week, channel, **hour)) {
            counting += u32::from(limit.is_counted(channel, *hour));
            of += 1;
        }
    }
    let used = if limit.kind.is_share() { f64::from(counting) / f64::from(of.max(1)) } else { f64::from(counting) };
    let (from, hours) = count.span(week);
    let channel: Option<Channel> = count.channel.and_then(|at| channel_drafts.get(at)).map(|one| one.state.channel);
    LimitUse {
        limit: Arc::clone(&limit.name),
        kind: limit.kind,
        channel,
        asset: None,
        is_weighed: false,
        from,
        hours: u32::try_from(hours).unwrap_or(u32::MAX),
        allowed: limit.allowed,
        used,
        price,
    }
}
