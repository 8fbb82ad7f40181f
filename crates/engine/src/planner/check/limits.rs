//! Checks that a client's week keeps its limits, and the proof of how good it is.
//!
//! The proof is a bound: whatever prices the limits have, no week earns more than the sum over the channels of the most
//! that each earns with these prices on its hours, and the prices of what the limits allow. The most of each channel is
//! found here by labels, forward in time, that no other dominates; nothing is taken from the planner but the prices.

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::asset_limits;
use super::case::ClientCase;
use super::channel::ChannelCase;
use super::clock::{HOUR, LocalHour, is_one_of};
use super::reviews::always_needs_review;
use super::{Findings, OBJECTIVE_ROUNDING};
use crate::model::{Certificate, Channel, LimitQuota, LimitUse, QuotaPeriod, Timestamp};
use crate::rules::{
    ACTIONS_A_DAY, LimitBound, LimitCounts, LimitFilter, LimitPeriod, LimitRules, LimitScope, REVIEW_CAPACITY,
};

/// Checks a client's limits and certificate.
pub(super) fn check(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) {
    if !case.plan.unmet_limits.is_empty() {
        if !case.plan.posts.is_empty() {
            findings.of_client("limits", "posts are planned though limits cannot be kept".to_owned());
        }
        return;
    }
    let periods = periods(case, channels);
    // `timing` checks the policy's maximum.
    for period in periods.iter().filter(|period| period.price.is_none() && period.name != ACTIONS_A_DAY) {
        let used = period.used(channels, |_| true);
        if used > period.at_most + OBJECTIVE_ROUNDING {
            let detail = format!("{} from {} on is broken by the posts", period.shown(), period.from);
            findings.of_client("limits", detail);
        }
    }
    let for_assets = asset_limits::check(case, channels, findings);
    let Some(certificate) = &case.plan.certificate else {
        findings.of_client("certificate", "no bound is stated".to_owned());
        return;
    };
    check_objective(certificate, (&periods, for_assets), channels, findings);
    let of_hours = |used: &&LimitUse| !asset_limits::is_of_assets(case, used);
    let stated: Vec<&LimitUse> = certificate.limits.iter().filter(of_hours).collect();
    check_bound(certificate, &stated, &periods, channels, findings);
}

/// A limit in one of its periods: the posts of the channels, each times its coefficient, are at most so much.
struct LimitPeriodCase<'a> {
    name: &'a str,
    channel: Option<Channel>,
    /// Start of the period on the client's clock.
    from: NaiveDateTime,
    /// Coefficients by channel and hour; a post that does not count has 0.
    coefficients: Vec<Vec<f64>>,
    at_most: f64,
    price: Option<f64>,
}

impl LimitPeriodCase<'_> {
    fn shown(&self) -> String {
        self.channel.map_or_else(|| format!("`{}`", self.name), |channel| format!("`{}` on {channel}", self.name))
    }

    /// What the planned posts that pass a test use of it.
    fn used(&self, channels: &[ChannelCase<'_>], counts: impl Fn(&crate::model::Post) -> bool) -> f64 {
        let mut used = 0.0;
        for (channel, coefficients) in channels.iter().zip(&self.coefficients) {
            for placed in channel.posts.iter().filter(|placed| counts(placed.post)) {
                used += at(coefficients, placed.hour);
            }
        }
        used
    }
}

fn at(by_hour: &[f64], hour: i64) -> f64 {
    usize::try_from(hour).ok().and_then(|hour| by_hour.get(hour)).copied().unwrap_or(0.0)
}

/// Every limit of policy and rules in each of its periods.
fn periods<'a>(case: &ClientCase<'a>, channels: &[ChannelCase<'a>]) -> Vec<LimitPeriodCase<'a>> {
    let policy = Stated {
        name: ACTIONS_A_DAY,
        bound: LimitBound::AtMost(f64::from(case.client.policy.max_actions_per_day)),
        of_reviews: false,
        period: LimitPeriod::Day,
        per_channel: false,
        price: None,
        filter: &LimitFilter::ALL,
    };
    let mut periods = policy.periods(case, channels);
    for limit in &case.base().limits {
        let LimitRules { name, bound, per_channel, period, filter, price, weeks, .. } = limit;
        let is_week = case.clock.dates.first().is_none_or(|monday| is_one_of(*weeks, *monday));
        if !is_week || limit.is_of_assets() {
            continue;
        }
        if limit.scope != LimitScope::Client {
            let of_reviews = limit.counts == LimitCounts::NeedsReview;
            let (bound, per_channel, period) = (*bound, *per_channel, *period);
            let stated = Stated { name, bound, of_reviews, period, per_channel, price: None, filter };
            periods.extend(periods_of_quotas(case, channels, &stated));
            continue;
        }
        let by_tag = filter.tags.is_empty() || filter.tags.iter().any(|tag| case.client.tags.contains(tag));
        if by_tag && (filter.clients.is_empty() || filter.clients.contains(&case.client.id)) {
            let (bound, per_channel, period, price) = (*bound, *per_channel, *period, *price);
            let of_reviews = limit.counts == LimitCounts::NeedsReview;
            let stated = Stated { name, bound, of_reviews, period, per_channel, price, filter };
            periods.extend(stated.periods(case, channels));
        }
    }
    let reviews = Stated {
        name: REVIEW_CAPACITY,
        bound: LimitBound::AtMost(0.0),
        of_reviews: true,
        period: LimitPeriod::Week,
        per_channel: false,
        price: None,
        filter: &LimitFilter::ALL,
    };
    periods.extend(periods_of_quotas(case, channels, &reviews));
    periods
}

/// What the plan says that the client may use of a limit that it shares with others.
fn periods_of_quotas<'a>(
    case: &ClientCase<'a>,
    channels: &[ChannelCase<'a>],
    limit: &Stated<'a, '_>,
) -> Vec<LimitPeriodCase<'a>> {
    let of_quota = |quota: &LimitQuota| {
        let stated = Stated { bound: LimitBound::AtMost(quota.posts), ..*limit };
        let hour = match quota.period {
            QuotaPeriod::Week => Some(0),
            QuotaPeriod::Day(day) => case.clock.hours.iter().position(|hour| hour.weekday == usize::from(day)),
            QuotaPeriod::Hour(hour) => Some(hour),
        };
        let from = case.client.zone.wall_time(Timestamp::from_second(case.clock.start + hour? as i64 * HOUR));
        let mut periods = stated.periods(case, channels).into_iter();
        periods.find(|period| period.from == from && period.channel == quota.channel)
    };
    let own = case.plan.quotas.iter().filter(|quota| *quota.limit == *limit.name);
    own.filter_map(of_quota).collect()
}

/// A limit as policy or rules state it.
#[derive(Clone, Copy)]
struct Stated<'a, 'f> {
    name: &'a str,
    bound: LimitBound,
    /// Whether it counts posts that need a review; only those of channels all of whose posts do.
    of_reviews: bool,
    period: LimitPeriod,
    /// Whether each channel is counted on its own.
    per_channel: bool,
    price: Option<f64>,
    filter: &'f LimitFilter,
}

impl<'a> Stated<'a, '_> {
    fn periods(&self, case: &ClientCase<'a>, channels: &[ChannelCase<'a>]) -> Vec<LimitPeriodCase<'a>> {
        let is_meant = |one: &&ChannelCase<'_>| one.wanted() > 0 || !self.filter.channels.is_empty();
        let own = channels.iter().filter(is_meant).map(|channel| Some(channel.state.channel));
        let groups: Vec<Option<Channel>> = if self.per_channel { own.collect() } else { vec![None] };
        let periods = self.hours_of_periods(case);
        let in_periods = |group| {
            let each = periods.iter();
            each.filter_map(move |(first, hours)| self.in_period(case, channels, group, *first, hours))
        };
        groups.into_iter().flat_map(in_periods).collect()
    }

    /// The first hour of each period, and those of its hours that are in the week.
    fn hours_of_periods(&self, case: &ClientCase<'_>) -> Vec<(i64, Vec<usize>)> {
        let len = case.clock.hours.len();
        if let LimitPeriod::Within(length) = self.period {
            let (length, end) = (i64::from(length), case.clock.len());
            let hours =
                |first: i64| (0..len).filter(|hour| (first..first + length).contains(&(*hour as i64))).collect();
            return (1 - length..end).map(|first| (first, hours(first))).collect();
        }
        let mut periods: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (hour, moment) in case.clock.hours.iter().enumerate() {
            let period = match self.period {
                LimitPeriod::Day => moment.weekday,
                LimitPeriod::Hour => hour,
                LimitPeriod::Week | LimitPeriod::Within(_) => 0,
            };
            periods.entry(period).or_default().push(hour);
        }
        periods.into_values().map(|hours| (hours.first().map_or(0, |first| *first as i64), hours)).collect()
    }

    /// The limit in the period of some hours; `None` if nothing can count there.
    fn in_period(
        &self,
        case: &ClientCase<'a>,
        channels: &[ChannelCase<'a>],
        group: Option<Channel>,
        first: i64,
        hours: &[usize],
    ) -> Option<LimitPeriodCase<'a>> {
        let mut coefficients = vec![vec![0.0; case.clock.hours.len()]; channels.len()];
        let (mut any, mut committed, mut of) = (false, 0.0, 0.0);
        for (channel, coefficients) in channels.iter().zip(&mut coefficients) {
            let is_meant = group.is_none_or(|group| group == channel.state.channel);
            // Only a period of so many hours may begin before the week.
            let before = channel.state.recent_posts.iter().filter(|_| is_meant);
            for at in before.filter(|at| (first..0).contains(&case.clock.hour_of(**at))) {
                let is_named = self.filter.channels.is_empty() || self.filter.channels.contains(&channel.state.channel);
                let is_counted = is_named && self.filter.covers(case.client.zone.wall_time(*at));
                committed += f64::from(u8::from(is_counted));
                of += 1.0;
            }
            for hour in hours.iter().filter(|_| is_meant) {
                let is_certain = !self.of_reviews || always_needs_review(channel);
                let is_counted = is_certain && counts(channel, case.clock.hours.get(*hour)?, self.filter);
                any |= is_counted;
                *coefficients.get_mut(*hour)? = weight(self.bound, is_counted);
                if !self.of_reviews && channel.committed.contains(&(*hour as i64)) {
                    committed += f64::from(u8::from(is_counted));
                    of += 1.0;
                }
            }
        }
        let at_most = match self.bound {
            LimitBound::AtMost(posts) => (posts - committed).max(0.0),
            LimitBound::AtLeast(posts) => committed - posts,
            LimitBound::AtMostShare(share) => share * of - committed,
            LimitBound::AtLeastShare(share) => committed - share * of,
        };
        let first = case.clock.start + first * HOUR;
        let from = case.client.zone.wall_time(Timestamp::from_second(first));
        let (name, channel, price) = (self.name, group, self.price);
        any.then_some(LimitPeriodCase { name, channel, from, coefficients, at_most, price })
    }
}

/// What a post counts, counted or not, for a limit written as one of at most so much.
fn weight(bound: LimitBound, is_counted: bool) -> f64 {
    match (bound, is_counted) {
        (LimitBound::AtMost(_), true) => 1.0,
        (LimitBound::AtLeast(_), true) => -1.0,
        (LimitBound::AtMost(_) | LimitBound::AtLeast(_), false) => 0.0,
        (LimitBound::AtMostShare(share), true) => 1.0 - share,
        (LimitBound::AtMostShare(share), false) => -share,
        (LimitBound::AtLeastShare(share), true) => share - 1.0,
        (LimitBound::AtLeastShare(share), false) => share,
    }
}

/// Whether a filter counts a post of a channel at an hour.
fn counts(channel: &ChannelCase<'_>, moment: &LocalHour, filter: &LimitFilter) -> bool {
    let minute = channel.minute().unwrap_or(0);
    let shown = moment.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(moment.minute_of_day) + minute);
    (filter.channels.is_empty() || filter.channels.contains(&channel.state.channel))
        && filter.days.get(moment.weekday).copied().unwrap_or(false)
        && filter.hours.get(usize::from(moment.hour)).copied().unwrap_or(false)
        && filter.from.is_none_or(|from| shown >= from)
        && filter.to.is_none_or(|to| shown < to)
}

/// The objective is that of the posts that may run, less what is given up for limits with a price: those on hours, and
/// the given amount for those on assets.
fn check_objective(
    certificate: &Certificate,
    (periods, for_assets): (&[LimitPeriodCase<'_>], f64),
    channels: &[ChannelCase<'_>],
    findings: &mut Findings,
) {
    let (mut objective, mut scale) = (0.0, 0.0);
    for channel in channels {
        let Some(allocation) = channel.allocation else { continue };
        for placed in channel.posts.iter().filter(|placed| placed.post.is_live()) {
            let value = channel.value_of(placed) * allocation.mean_quality * channel.numbers.worth;
            objective += value * channel.response(channel.fatigue_live(placed.hour)) - allocation.mean_cost;
            scale += value.abs() + allocation.mean_cost.abs();
        }
        let end = allocation.end_weight * channel.fatigue_live(channel.case.clock.len());
        objective -= end;
        scale += end.abs();
    }
    for period in periods {
        let excess = period.used(channels, crate::model::Post::is_live) - period.at_most;
        objective -= period.price.unwrap_or(0.0) * if excess > OBJECTIVE_ROUNDING { excess } else { 0.0 };
    }
    objective -= for_assets;
    if !is_near(certificate.objective, objective, scale) {
        let detail = format!("the plan says {}, it is {objective}", certificate.objective);
        findings.of_client("certificate_objective", detail);
    }
}

fn is_near(stated: f64, derived: f64, scale: f64) -> bool {
    (stated - derived).abs() <= OBJECTIVE_ROUNDING * scale.max(derived.abs()).max(f64::MIN_POSITIVE)
}

/// The bound follows from the stated prices. Where no limit has one, it is the sum of the channels' own bounds.
fn check_bound(
    certificate: &Certificate,
    stated: &[&LimitUse],
    periods: &[LimitPeriodCase<'_>],
    channels: &[ChannelCase<'_>],
    findings: &mut Findings,
) {
    let mut prices = vec![0.0; periods.len()];
    for stated in stated {
        let same = |period: &&LimitPeriodCase<'_>| is_of(period, stated);
        let Some((period, price)) = periods.iter().zip(&mut prices).find(|(period, _)| same(period)) else {
            findings.of_client("certificate_limits", format!("there is no limit `{}` there", stated.limit));
            continue;
        };
        let highest = period.price.unwrap_or(f64::MAX) * (1.0 + OBJECTIVE_ROUNDING);
        if !(0.0..=highest).contains(&stated.price) {
            let detail = format!("{} is no price of {}", stated.price, period.shown());
            findings.of_client("certificate_limits", detail);
        }
        *price = stated.price;
    }
    let alone = channels.iter().filter_map(|channel| Some(channel.allocation?.upper_bound)).sum::<f64>();
    let bound = if prices.iter().all(|price| *price == 0.0) { Some(alone) } else { bound(channels, periods, &prices) };
    let Some(bound) = bound else { return };
    if !is_near(certificate.upper_bound, bound, alone.abs().max(bound.abs())) {
        let detail = format!("the plan says {}, the prices prove {bound}", certificate.upper_bound);
        findings.of_client("certificate_bound", detail);
    }
}

fn is_of(period: &LimitPeriodCase<'_>, stated: &LimitUse) -> bool {
    *period.name == *stated.limit && period.channel == stated.channel && period.from == stated.from
}

/// The bound at some prices; `None` if a script decides the value of the hours.
fn bound(channels: &[ChannelCase<'_>], periods: &[LimitPeriodCase<'_>], prices: &[f64]) -> Option<f64> {
    let mut bound: f64 = periods.iter().zip(prices).map(|(period, price)| period.at_most * price).sum();
    for (place, channel) in channels.iter().enumerate() {
        let hours = channel.case.clock.hours.len();
        let mut of_hours = vec![0.0; hours];
        for (period, price) in periods.iter().zip(prices).filter(|(_, price)| **price > 0.0) {
            let coefficients = period.coefficients.get(place)?;
            of_hours.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum += price * coefficient);
        }
        bound += most(channel, &of_hours)?;
    }
    Some(bound)
}

/// The most that a channel's week can come to with prices on its hours.
fn most(channel: &ChannelCase<'_>, prices: &[f64]) -> Option<f64> {
    let (allocation, clock) = (channel.allocation?, channel.case.clock);
    let places = channel.places()? as usize;
    let open = channel.open_hours()?;
    let minute = channel.minute()?;
    let instant = |hour: i64| clock.start + hour * HOUR + minute * 60;
    let is_committed = |hour: i64| channel.committed.contains(&hour);
    let decay = libm::exp2(-1.0 / channel.numbers.half_life_hours);
    let block_at = channel.case.base().fatigue.block_at;
    // By number of posts used, the labels that may post now: fatigue and what was earned. A label that has posted waits
    // in `after` until the spacing has passed.
    let mut now: Vec<Vec<(f64, f64)>> = vec![Vec::new(); places + 1];
    let mut after: Vec<(i64, usize, f64, f64)> = Vec::new();
    now.first_mut()?.push((channel.fatigue_start, 0.0));
    for hour in 0..clock.len() {
        let added = if is_committed(hour) { channel.numbers.fatigue_per_post } else { 0.0 };
        let moment = clock.moment(hour)?;
        after.retain(|(posted, used, fatigue, value)| {
            let waits = channel.is_too_near(instant(*posted), instant(hour));
            if let Some(front) = now.get_mut(*used).filter(|_| !waits) {
                front.push((*fatigue, *value));
            }
            waits
        });
        now.iter_mut().for_each(keep_best);
        if open.contains(&hour) {
            let value = channel.hour_value(moment)? * allocation.mean_quality * channel.numbers.worth;
            let spent = allocation.mean_cost + at(prices, hour);
            for (used, labels) in now.iter().enumerate().take(places) {
                let rested = labels.iter().filter(|(fatigue, _)| *fatigue < block_at);
                after.extend(rested.map(|(fatigue, earned)| {
                    let earned = earned + value * channel.response(*fatigue) - spent;
                    (hour, used + 1, fatigue + channel.numbers.fatigue_per_post, earned)
                }));
            }
        }
        let rest = |fatigue: &mut f64| *fatigue = (*fatigue + added) * decay;
        now.iter_mut().flatten().for_each(|(fatigue, _)| rest(fatigue));
        after.iter_mut().for_each(|(_, _, fatigue, _)| rest(fatigue));
    }
    let ended = now.iter().flatten().copied().chain(after.iter().map(|(_, _, fatigue, value)| (*fatigue, *value)));
    Some(ended.map(|(fatigue, value)| value - allocation.end_weight * fatigue).fold(f64::NEG_INFINITY, f64::max))
}

/// Drops labels that another with no more fatigue and no less value dominates.
fn keep_best(labels: &mut Vec<(f64, f64)>) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut best = f64::NEG_INFINITY;
    labels.retain(|(_, value)| {
        let is_better = *value > best;
        best = best.max(*value);
        is_better
    });
}
