//! Checks that a client's week keeps its limits, and recomputes the upper bound on its objective.
//!
//! The bound is Lagrangian: at any prices of the limits, no week earns more than the sum over the channels of the most
//! that each can earn if its posts pay these prices, plus the price of all that the limits allow. The most that a
//! channel can earn is found here by dynamic programming, forward in time, over partial weeks (labels) that no other
//! dominates. Only the prices are taken from the planner.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::case::ClientCase;
use super::channel::ChannelCase;
use super::clock::HOUR;
use super::limit_period::{LimitPeriodCase, applies_to, counts, value_at};
use super::order::Order;
use super::reviews::always_needs_review;
use super::{Findings, OBJECTIVE_ROUNDING};
use super::{asset_limits, order};
use crate::model::{Certificate, Channel, LimitUse, Post, QuotaPeriod, SharedLimitUse, SharedPeriod, Timestamp};
use crate::rules::{
    ACTIONS_A_DAY, LimitBound, LimitCounts, LimitFilter, LimitPeriod, LimitRules, LimitScope, REVIEW_CAPACITY,
};

/// Checks a client's limits and certificate.
pub(super) fn check(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) {
    if !case.plan.unmet_limits.is_empty() {
        if !case.plan.posts.is_empty() {
            findings.report_client("limits", "posts are planned though limits cannot be kept".to_owned());
        }
        return;
    }
    let periods = periods(case, channels);
    // `timing` checks the policy's maximum of posts a day.
    for period in periods.iter().filter(|period| period.price.is_none() && period.name != ACTIONS_A_DAY) {
        let used = period.used(channels, |_| true);
        if used > period.at_most + OBJECTIVE_ROUNDING {
            let detail = format!("the posts break {} in the period from {} on", period.label(), period.from);
            findings.report_client("limits", detail);
        }
    }
    let mut asset_penalty = asset_limits::check(case, channels, findings);
    asset_penalty += order::check_assets(case, channels, findings);
    let Some(certificate) = &case.plan.certificate else {
        findings.report_client("certificate", "no bound is stated".to_owned());
        return;
    };
    check_objective(certificate, &periods, asset_penalty, channels, findings);
    let is_in_bound = |used: &&LimitUse| !asset_limits::is_of_asset_limit(case, used);
    let uses: Vec<&LimitUse> = certificate.limits.iter().filter(is_in_bound).collect();
    check_bound(certificate, &uses, &periods, channels, findings);
}

/// What the client's week can come to at most if the prices of its own limits and of those that it shares are charged for
/// its hours: its part in the bound of its workspace. The prices are those that the plan states. `None` if no bound can be
/// derived, because a script decides the value of the hours or nothing is planned.
pub(super) fn share_of_bound(
    case: &ClientCase<'_>,
    channels: &[ChannelCase<'_>],
    shared: &[SharedLimitUse],
) -> Option<f64> {
    let certificate = case.plan.certificate.as_ref()?;
    let mut periods = periods_of_one(case, channels);
    let mut prices: Vec<f64> = periods.iter().map(|period| stated_price(period, certificate)).collect();
    for used in shared.iter().filter(|used| used.price > 0.0) {
        let is_other_industry = used.industry.as_ref().is_some_and(|industry| *industry != case.client.industry);
        let is_other_tag = used.tag.as_ref().is_some_and(|tag| !case.client.tags.contains(tag));
        let is_counted = !is_other_industry && !is_other_tag;
        let Some(period) = shared_period(case, channels, used).filter(|_| is_counted) else { continue };
        // What the limit allows counts once, for all clients together.
        periods.push(LimitPeriodCase { at_most: 0.0, ..period });
        prices.push(used.price);
    }
    bound_at(&prices, channels, &periods)
}

/// The price that a certificate states for a limit in a period; 0 if it states none.
fn stated_price(period: &LimitPeriodCase<'_>, certificate: &Certificate) -> f64 {
    certificate.limits.iter().find(|used| is_use_of(period, used)).map_or(0.0, |used| used.price)
}

/// The period of a limit that the client shares with others, as far as its own posts count there; `None` if none do.
fn shared_period<'a>(
    case: &ClientCase<'a>,
    channels: &[ChannelCase<'a>],
    used: &SharedLimitUse,
) -> Option<LimitPeriodCase<'a>> {
    let hour_of = |utc: i64| (0..case.clock.hours.len()).find(|hour| case.clock.hour_in_utc(*hour as i64) == utc);
    let hour = match used.period {
        SharedPeriod::Week => 0,
        SharedPeriod::Day(day) => case.clock.hours.iter().position(|hour| hour.weekday == usize::from(day))?,
        SharedPeriod::Hour(utc) => hour_of(utc)?,
    };
    let declared = case.base().limits.iter().find(|limit| limit.name == used.limit);
    let limit = match declared {
        Some(limit) if applies_to(limit, case) => StatedLimit::of(limit),
        Some(_) => return None,
        None => REVIEWS,
    };
    in_period_from(case, channels, &limit, hour, used.channel)
}

/// Every limit of policy, rules and quotas in each of its periods.
fn periods<'a>(case: &ClientCase<'a>, channels: &[ChannelCase<'a>]) -> Vec<LimitPeriodCase<'a>> {
    let mut periods = periods_of_one(case, channels);
    for quota in &case.plan.quotas {
        let declared = case.base().limits.iter().find(|limit| limit.name == quota.limit);
        let limit = declared.map_or(REVIEWS, StatedLimit::of);
        // If the limit has a price, the clients pay it together: a quota is kept.
        let limit = StatedLimit { bound: LimitBound::AtMost(quota.posts), price: None, ..limit };
        let hour = match quota.period {
            QuotaPeriod::Week => Some(0),
            QuotaPeriod::Day(day) => case.clock.hours.iter().position(|hour| hour.weekday == usize::from(day)),
            QuotaPeriod::Hour(hour) => Some(hour),
        };
        periods.extend(hour.and_then(|hour| in_period_from(case, channels, &limit, hour, quota.channel)));
    }
    periods
}

/// Every limit of the client alone in each of its periods: that of its policy, and those of the rules.
fn periods_of_one<'a>(case: &ClientCase<'a>, channels: &[ChannelCase<'a>]) -> Vec<LimitPeriodCase<'a>> {
    let actions_a_day = LimitBound::AtMost(f64::from(case.client.policy.max_actions_per_day));
    let policy = StatedLimit { name: ACTIONS_A_DAY, bound: actions_a_day, period: LimitPeriod::Day, ..EVERY_POST };
    let is_own = |limit: &&LimitRules| {
        limit.scope == LimitScope::Client && !limit.depends_on_assets() && applies_to(limit, case)
    };
    let declared = case.base().limits.iter().filter(is_own).map(StatedLimit::of);
    std::iter::once(policy).chain(declared).flat_map(|limit| limit.periods(case, channels)).collect()
}

/// A limit in its period that begins at an hour of the week.
fn in_period_from<'a>(
    case: &ClientCase<'a>,
    channels: &[ChannelCase<'a>],
    limit: &StatedLimit<'a>,
    hour: usize,
    channel: Option<Channel>,
) -> Option<LimitPeriodCase<'a>> {
    let is_named = |period: &LimitPeriodCase<'_>| period.first_hour == hour as i64 && period.channel == channel;
    limit.periods(case, channels).into_iter().find(is_named)
}

/// A maximum of posts a week that counts every post.
const EVERY_POST: StatedLimit<'static> = StatedLimit {
    name: "",
    bound: LimitBound::AtMost(0.0),
    of_reviews: false,
    period: LimitPeriod::Week,
    per_channel: false,
    price: None,
    filter: &LimitFilter::ALL,
};

/// The limit that the reviewers of a workspace set.
const REVIEWS: StatedLimit<'static> = StatedLimit { name: REVIEW_CAPACITY, of_reviews: true, ..EVERY_POST };

/// A limit as policy or rules state it.
#[derive(Clone, Copy)]
struct StatedLimit<'a> {
    name: &'a str,
    bound: LimitBound,
    /// Whether it counts only posts that need a review. Which planned posts do is known here only for channels whose
    /// posts always do; the others do not count.
    of_reviews: bool,
    period: LimitPeriod,
    /// Whether each channel is counted on its own.
    per_channel: bool,
    /// Price of exceeding the limit by 1; `None` if it must be kept.
    price: Option<f64>,
    filter: &'a LimitFilter,
}

impl<'a> StatedLimit<'a> {
    fn of(limit: &'a LimitRules) -> Self {
        let LimitRules { name, bound, per_channel, period, filter, price, .. } = limit;
        let of_reviews = limit.counts == LimitCounts::NeedsReview;
        let (bound, per_channel, period, price) = (*bound, *per_channel, *period, *price);
        Self { name, bound, of_reviews, period, per_channel, price, filter }
    }

    fn periods(&self, case: &ClientCase<'a>, channels: &[ChannelCase<'a>]) -> Vec<LimitPeriodCase<'a>> {
        if let LimitBound::FollowedBy(follow_up) = self.bound {
            let order = Order::of(case, channels, self.filter, follow_up);
            return order.map_or_else(Vec::new, |order| order.periods(self.name, self.price));
        }
        let is_counted = |channel: &&ChannelCase<'_>| channel.posts_wanted() > 0 || !self.filter.channels.is_empty();
        let counted = channels.iter().filter(is_counted).map(|channel| Some(channel.state.channel));
        let groups: Vec<Option<Channel>> = if self.per_channel { counted.collect() } else { vec![None] };
        let periods = self.hours_of_periods(case);
        let in_periods = |group| {
            let each = periods.iter();
            each.filter_map(move |(first, hours)| self.in_period(case, channels, group, *first, hours))
        };
        groups.into_iter().flat_map(in_periods).collect()
    }

    /// The first hour of each period, negative before the week, and the period's hours that lie in the week.
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

    /// The limit in one period; `None` if no post can count there. `group` is the channel, if each is counted on its
    /// own; `first` the first hour of the period, and `hours` those in the week.
    fn in_period(
        &self,
        case: &ClientCase<'a>,
        channels: &[ChannelCase<'a>],
        group: Option<Channel>,
        first: i64,
        hours: &[usize],
    ) -> Option<LimitPeriodCase<'a>> {
        let mut coefficients = vec![vec![0.0; case.clock.hours.len()]; channels.len()];
        let (mut counts_any, mut committed, mut all_committed) = (false, 0.0, 0.0);
        for (channel, coefficients) in channels.iter().zip(&mut coefficients) {
            let is_in_group = group.is_none_or(|group| group == channel.state.channel);
            for hour in hours.iter().filter(|_| is_in_group) {
                let may_count = !self.of_reviews || always_needs_review(channel);
                let is_counted = may_count && counts(channel, *hour as i64, self.filter);
                counts_any |= is_counted;
                *coefficients.get_mut(*hour)? = coefficient(self.bound, is_counted);
            }
            if is_in_group {
                // A period of `within_hours` may begin before the week, and end after it.
                let end = match self.period {
                    LimitPeriod::Within(length) => first + i64::from(length),
                    _ => hours.last().map_or(0, |last| *last as i64 + 1),
                };
                let (counted, all) = self.committed_in(channel, first..end);
                committed += counted;
                all_committed += all;
            }
        }
        let at_most = match self.bound {
            LimitBound::AtMost(posts) => (posts - committed).max(0.0),
            LimitBound::AtLeast(posts) => committed - posts,
            // Its periods are those of `order`.
            LimitBound::FollowedBy(_) => return None,
            LimitBound::AtMostShare(share) => share * all_committed - committed,
            LimitBound::AtLeastShare(share) => committed - share * all_committed,
        };
        let from = case.client.zone.wall_time(Timestamp::from_second(case.clock.start + first * HOUR));
        let (name, channel, first_hour, price) = (self.name, group, first, self.price);
        counts_any.then_some(LimitPeriodCase { name, channel, first_hour, from, coefficients, at_most, price })
    }

    /// The number of a channel's committed posts in a range of hours that count, each by the time at which it goes out,
    /// and the number of all. Several in one hour of the week are one, which counts if any of them does.
    fn committed_in(&self, channel: &ChannelCase<'_>, range: Range<i64>) -> (f64, f64) {
        let (clock, zone, filter) = (channel.case.clock, &channel.case.client.zone, self.filter);
        let state = channel.state;
        let committed = if self.of_reviews { &state.posts_needing_review } else { &state.recent_posts };
        let posts: Vec<Timestamp> =
            committed.iter().copied().filter(|at| range.contains(&clock.hour_of(*at))).collect();
        let number = |posts: &[Timestamp]| {
            let hours = || posts.iter().map(|at| clock.hour_of(*at));
            let in_week: BTreeSet<i64> = hours().filter(|hour| clock.moment(*hour).is_some()).collect();
            let outside = hours().filter(|hour| clock.moment(*hour).is_none()).count();
            (in_week.len() + outside) as f64
        };
        let is_named = filter.channels.is_empty() || filter.channels.contains(&channel.state.channel);
        let is_counted = |at: &Timestamp| is_named && filter.covers(zone.wall_time(*at));
        let counted: Vec<Timestamp> = posts.iter().copied().filter(is_counted).collect();
        (number(&counted), number(&posts))
    }
}

/// Coefficient of a post, counted or not, in the limit written as a sum with an upper bound.
fn coefficient(bound: LimitBound, is_counted: bool) -> f64 {
    match (bound, is_counted) {
        (LimitBound::AtMost(_), true) => 1.0,
        (LimitBound::AtLeast(_), true) => -1.0,
        (LimitBound::AtMost(_) | LimitBound::AtLeast(_), false) | (LimitBound::FollowedBy(_), _) => 0.0,
        (LimitBound::AtMostShare(share), true) => 1.0 - share,
        (LimitBound::AtMostShare(share), false) => -share,
        (LimitBound::AtLeastShare(share), true) => share - 1.0,
        (LimitBound::AtLeastShare(share), false) => share,
    }
}

/// The objective is that of the posts that are not blocked, less the penalties for exceeding limits that have a price.
/// `asset_penalty` is the penalty for limits on assets.
fn check_objective(
    certificate: &Certificate,
    periods: &[LimitPeriodCase<'_>],
    asset_penalty: f64,
    channels: &[ChannelCase<'_>],
    findings: &mut Findings,
) {
    let (mut objective, mut scale) = (0.0, 0.0);
    for channel in channels {
        let Some(allocation) = channel.allocation else { continue };
        for placed in channel.posts.iter().filter(|placed| placed.post.is_live()) {
            let value = channel.hour_value_of(placed) * allocation.mean_quality * channel.rules.worth;
            let value = value * channel.keep_factor(placed.hour);
            objective += value * channel.response(channel.fatigue_of_live(placed.hour)) - allocation.mean_cost;
            scale += value.abs() + allocation.mean_cost.abs();
        }
        let fatigue_price = allocation.end_weight * channel.fatigue_of_live(channel.case.clock.len());
        objective -= fatigue_price;
        scale += fatigue_price.abs();
    }
    for period in periods {
        let excess = period.used(channels, Post::is_live) - period.at_most;
        objective -= period.price.unwrap_or(0.0) * if excess > OBJECTIVE_ROUNDING { excess } else { 0.0 };
    }
    objective -= asset_penalty;
    if !is_near(certificate.objective, objective, scale) {
        let detail = format!("the plan says {}, it is {objective}", certificate.objective);
        findings.report_client("certificate_objective", detail);
    }
}

fn is_near(stated: f64, derived: f64, scale: f64) -> bool {
    (stated - derived).abs() <= OBJECTIVE_ROUNDING * scale.max(derived.abs()).max(f64::MIN_POSITIVE)
}

/// The bound follows from the stated prices. If all are 0, it is the sum of the channels' own bounds.
fn check_bound(
    certificate: &Certificate,
    uses: &[&LimitUse],
    periods: &[LimitPeriodCase<'_>],
    channels: &[ChannelCase<'_>],
    findings: &mut Findings,
) {
    let mut prices = vec![0.0; periods.len()];
    for used in uses {
        let mut priced_periods = periods.iter().zip(&mut prices);
        let Some((period, price)) = priced_periods.find(|(period, _)| is_use_of(period, used)) else {
            let detail = format!("`{}` does not apply in the period from {} on", used.limit, used.from);
            findings.report_client("certificate_limits", detail);
            continue;
        };
        let highest_price = period.price.unwrap_or(f64::MAX) * (1.0 + OBJECTIVE_ROUNDING);
        if !(0.0..=highest_price).contains(&used.price) {
            let detail = format!("{} is not a possible price of {}", used.price, period.label());
            findings.report_client("certificate_limits", detail);
        }
        *price = used.price;
    }
    let of_channels = channels.iter().filter_map(|channel| Some(channel.allocation?.upper_bound)).sum::<f64>();
    let is_unpriced = prices.iter().all(|price| *price == 0.0);
    let bound = if is_unpriced { Some(of_channels) } else { bound_at(&prices, channels, periods) };
    let Some(bound) = bound else { return };
    if !is_near(certificate.upper_bound, bound, of_channels.abs().max(bound.abs())) {
        let detail = format!("the plan says {}, the prices prove {bound}", certificate.upper_bound);
        findings.report_client("certificate_bound", detail);
    }
}

/// Whether a stated use is of a limit in this period, and not of the assets that an order of channels requires there. The
/// start on the clock must be right, but does not name a period where the clock goes back.
fn is_use_of(period: &LimitPeriodCase<'_>, used: &LimitUse) -> bool {
    let is_of_limit = *period.name == *used.limit && period.channel == used.channel;
    is_of_limit && used.asset.is_none() && period.first_hour == used.first_hour && period.from == used.from
}

/// The bound at the given price of each period; `None` if it cannot be derived, as when a script weighs the hours.
fn bound_at(prices: &[f64], channels: &[ChannelCase<'_>], periods: &[LimitPeriodCase<'_>]) -> Option<f64> {
    let mut bound: f64 = periods.iter().zip(prices).map(|(period, price)| period.at_most * price).sum();
    for (index, channel) in channels.iter().enumerate() {
        let hours = channel.case.clock.hours.len();
        let mut hour_prices = vec![0.0; hours];
        for (period, price) in periods.iter().zip(prices).filter(|(_, price)| **price > 0.0) {
            let coefficients = period.coefficients.get(index)?;
            hour_prices.iter_mut().zip(coefficients).for_each(|(sum, coefficient)| *sum += price * coefficient);
        }
        bound += channel_bound(channel, &hour_prices)?;
    }
    Some(bound)
}

/// A partial week of a channel: its fatigue, and what it has earned less costs and prices.
#[derive(Clone, Copy)]
struct Label {
    fatigue: f64,
    earned: f64,
}

/// Labels with the same number of posts that may post now.
#[derive(Clone, Default)]
struct ReadyLabels {
    labels: Vec<Label>,
    /// Whether labels were added since those that are dominated were dropped.
    has_new: bool,
}

/// Labels that cannot post again until the spacing since their last post has passed.
struct WaitingLabels {
    /// Hour of that post.
    posted: i64,
    /// Each with its number of posts.
    labels: Vec<(usize, Label)>,
}

/// The most that a channel's week can earn if a post pays the price of its hour; `None` if it cannot be derived.
fn channel_bound(channel: &ChannelCase<'_>, prices: &[f64]) -> Option<f64> {
    let (allocation, clock) = (channel.allocation?, channel.case.clock);
    let posts_max = channel.posts_max()? as usize;
    let (open, minute) = (channel.open_hours(), channel.minute());
    let instant = |hour: i64| clock.start + hour * HOUR + minute * 60;
    let is_committed = |hour: i64| channel.committed.contains(&hour);
    let decay = libm::exp2(-1.0 / channel.rules.half_life_hours);
    // By number of posts.
    let mut ready: Vec<ReadyLabels> = vec![ReadyLabels::default(); posts_max + 1];
    let mut waiting: Vec<WaitingLabels> = Vec::new();
    ready.first_mut()?.labels.push(Label { fatigue: channel.fatigue_start, earned: 0.0 });
    for hour in 0..clock.len() {
        let committed_fatigue = if is_committed(hour) { channel.rules.fatigue_per_post } else { 0.0 };
        let moment = clock.moment(hour)?;
        waiting.retain(|WaitingLabels { posted, labels }| {
            let are_waiting = channel.are_too_close(instant(*posted), instant(hour));
            if !are_waiting {
                labels.iter().for_each(|(posts, label)| make_ready(&mut ready, *posts, *label));
            }
            are_waiting
        });
        ready.iter_mut().for_each(ReadyLabels::drop_dominated);
        if open.contains(&hour) {
            let value = channel.hour_value(moment)? * allocation.mean_quality * channel.rules.worth;
            let value = value * channel.keep_factor(hour);
            let spent = allocation.mean_cost + value_at(prices, hour);
            let labels =
                labels_after_post(channel, &ready, posts_max, |fatigue| value * channel.response(fatigue) - spent);
            waiting.push(WaitingLabels { posted: hour, labels });
        }
        let end_hour = |label: &mut Label| label.fatigue = (label.fatigue + committed_fatigue) * decay;
        ready.iter_mut().flat_map(|ready| &mut ready.labels).for_each(end_hour);
        waiting.iter_mut().flat_map(|waiting| &mut waiting.labels).for_each(|(_, label)| end_hour(label));
    }
    let waiting = waiting.iter().flat_map(|waiting| waiting.labels.iter().map(|(_, label)| label));
    let complete = ready.iter().flat_map(|ready| &ready.labels).chain(waiting);
    Some(complete.map(|label| label.earned - allocation.end_weight * label.fatigue).fold(f64::NEG_INFINITY, f64::max))
}

fn make_ready(ready: &mut [ReadyLabels], posts: usize, label: Label) {
    if let Some(ready) = ready.get_mut(posts) {
        ready.labels.push(label);
        ready.has_new = true;
    }
}

/// The labels after one more post, which earns `gain` at a fatigue, each with its number of posts. A label is left out if
/// another with as many posts has no more fatigue and has earned no less.
fn labels_after_post(
    channel: &ChannelCase<'_>,
    ready: &[ReadyLabels],
    posts_max: usize,
    gain: impl Fn(f64) -> f64,
) -> Vec<(usize, Label)> {
    let block_at = channel.case.base().fatigue.block_at;
    let mut after = Vec::new();
    for (posts, ready) in ready.iter().enumerate().take(posts_max) {
        let mut most_earned = f64::NEG_INFINITY;
        // The labels are in ascending order of fatigue.
        for Label { fatigue, earned } in ready.labels.iter().filter(|label| label.fatigue < block_at) {
            let earned = earned + gain(*fatigue);
            if earned > most_earned {
                most_earned = earned;
                after.push((posts + 1, Label { fatigue: fatigue + channel.rules.fatigue_per_post, earned }));
            }
        }
    }
    after
}

impl ReadyLabels {
    /// Drops each label for which another has no more fatigue and has earned no less, and sorts the rest by fatigue.
    /// Without new labels nothing has to be done: an hour changes the fatigue of all alike.
    fn drop_dominated(&mut self) {
        if !std::mem::take(&mut self.has_new) {
            return;
        }
        self.labels.sort_by(|a, b| a.fatigue.total_cmp(&b.fatigue).then(b.earned.total_cmp(&a.earned)));
        let mut most_earned = f64::NEG_INFINITY;
        self.labels.retain(|label| {
            let is_better = label.earned > most_earned;
            most_earned = most_earned.max(label.earned);
            is_better
        });
    }
}
