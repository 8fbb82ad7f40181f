//! The numbers that a plan must state for one channel of a client, derived from scenario and rules.
//!
//! Every formula is in its simplest form, not its fastest.

use chrono::{NaiveTime, TimeDelta};

use super::assets::OnChannel;
use super::case::ClientCase;
use super::clock::{Clock, HOUR, LocalHour, is_days_after};
use crate::model::{
    Allocation, Asset, CalendarEntry, Campaign, CampaignId, Channel, ChannelState, ClientId, DayKind, Post, Timestamp,
    derived_id,
};
use crate::rules::{ChannelRules, ClosedRange, MinuteRule, ResponseShape, ThresholdRow};

/// A planned post and the hour of the week that its time lies in, whatever hour it states.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub post: &'a Post,
    pub hour: i64,
}

/// One channel's week: its part of the plan, and what that part must agree with.
pub(super) struct ChannelCase<'a> {
    pub case: ClientCase<'a>,
    pub state: &'a ChannelState,
    pub rules: &'a ChannelRules,
    /// The plan's allocation for the channel; `None` if it has none.
    pub allocation: Option<&'a Allocation>,
    /// The channel's planned posts in the week, by time.
    pub posts: Vec<Placed<'a>>,
    /// The client's assets that the channel can use at some time of the week.
    pub usable: Vec<OnChannel<'a>>,
    /// Hours with committed posts, ascending, without duplicates.
    pub committed: Vec<i64>,
    /// Fatigue at the start of the week.
    pub fatigue_start: f64,
    /// Hours with planned or committed posts, blocked ones included.
    all_hours: Vec<i64>,
    /// Hours with committed posts, or with planned posts that are not blocked.
    live_hours: Vec<i64>,
}

impl<'a> ChannelCase<'a> {
    pub fn of(case: &ClientCase<'a>, state: &'a ChannelState) -> Self {
        let clock = case.clock;
        let in_week = |hour: &i64| (0..clock.len()).contains(hour);
        let channel_posts = case.plan.posts.iter().filter(|post| post.channel == state.channel);
        let placed = channel_posts.map(|post| Placed { post, hour: clock.hour_of(post.at) });
        let mut posts: Vec<Placed<'a>> = placed.filter(|placed| in_week(&placed.hour)).collect();
        posts.sort_by_key(|placed| placed.post.at);
        let committed = without_repeats(state.recent_posts.iter().map(|at| clock.hour_of(*at)).filter(in_week));
        let hours_with = |is_counted: fn(&Post) -> bool| {
            let counted = posts.iter().filter(|placed| is_counted(placed.post)).map(|placed| placed.hour);
            without_repeats(counted.chain(committed.iter().copied()))
        };
        let rules = case.base().channel(state.channel);
        let on_channel = case.client.assets.iter().map(|asset| OnChannel::of(case, asset, state.channel));
        Self {
            case: *case,
            state,
            rules,
            fatigue_start: fatigue_start(clock, state, rules),
            allocation: case.plan.allocations.iter().find(|allocation| allocation.channel == state.channel),
            usable: on_channel.filter(|asset| asset.is_usable(case)).collect(),
            all_hours: hours_with(|_| true),
            live_hours: hours_with(Post::is_live),
            posts,
            committed,
        }
    }

    /// Fatigue at an hour with the given posts: every post before the hour adds fatigue, which then decays.
    pub fn fatigue_with(&self, posts: impl Iterator<Item = i64>, hour: i64) -> f64 {
        let from_start = self.fatigue_start * decay(self.rules, hour as f64);
        let earlier = posts.filter(|post| *post < hour);
        from_start
            + earlier.map(|post| self.rules.fatigue_per_post * decay(self.rules, (hour - post) as f64)).sum::<f64>()
    }

    /// Fatigue at an hour with every planned and committed post, blocked ones included.
    pub fn fatigue_of_all(&self, hour: i64) -> f64 {
        self.fatigue_with(self.all_hours.iter().copied(), hour)
    }

    /// Fatigue at an hour without blocked posts.
    pub fn fatigue_of_live(&self, hour: i64) -> f64 {
        self.fatigue_with(self.live_hours.iter().copied(), hour)
    }

    /// Fatigue at an hour with every planned and committed post but one.
    pub fn fatigue_without(&self, left_out: i64, hour: i64) -> f64 {
        self.fatigue_with(self.all_hours.iter().copied().filter(|post| *post != left_out), hour)
    }

    /// Factor of fatigue on engagement. Linear: two falling lines that meet at `warn_at`. Saturating:
    /// (1 + n)^-strength, where n is the number of posts whose fatigue adds up to `fatigue`.
    pub fn response(&self, fatigue: f64) -> f64 {
        let rules = &self.case.base().fatigue;
        match rules.response {
            ResponseShape::Linear => {
                let above = (fatigue - rules.warn_at).max(0.0);
                1.0 - rules.slope_below_warn * (fatigue - above) - rules.slope_above_warn * above
            }
            ResponseShape::Saturating => {
                let posts = fatigue / self.rules.fatigue_per_post;
                libm::exp(-self.rules.response_strength * libm::log1p(posts))
            }
        }
    }

    /// Cost of the audience members who leave because of one post.
    pub fn leaving_cost(&self) -> f64 {
        self.state.audience * self.rules.leave_per_post * self.rules.person_worth
    }

    /// Number of posts that the rules want in this week: `weekly_posts` times the mean factor of the week's hours,
    /// rounded to the nearest whole number. The factor of an hour is the product over the seasons that cover it.
    pub fn posts_wanted(&self) -> u32 {
        let seasons = &self.case.base().calendar.seasons;
        let (mut hours, mut factor_sum) = (0.0, 0.0);
        for hour in &self.case.clock.hours {
            let local_time = hour.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(hour.minute_of_day));
            let covering = seasons.iter().filter(|season| season.from <= local_time && local_time < season.to);
            factor_sum += covering.map(|season| season.posts).product::<f64>();
            hours += 1.0;
        }
        let posts = f64::from(self.rules.weekly_posts) * factor_sum / hours;
        // 168 is the most that `weekly_posts` may be.
        (posts + 0.5 + ROUNDING_TOLERANCE).floor().min(168.0) as u32
    }

    /// Number of posts aimed at: the posts wanted, fewer if fatigue is high; `None` if a script decides.
    pub fn posts_target(&self) -> Option<u32> {
        if self.case.hooks.weekly_posts {
            return None;
        }
        let factor = reached_value(&self.case.base().fatigue.frequency, self.fatigue_start).unwrap_or(1.0);
        Some((f64::from(self.posts_wanted()) * factor + ROUNDING_TOLERANCE).floor() as u32)
    }

    /// Number of posts that may be planned in addition to committed ones; `None` if unknown.
    pub fn posts_max(&self) -> Option<u32> {
        let target = self.posts_target().or(self.allocation.map(|allocation| allocation.posts_target))?;
        Some(target.saturating_sub(u32::try_from(self.committed.len()).unwrap_or(u32::MAX)))
    }

    /// Times of past and committed posts of the channel, in Unix seconds.
    pub fn existing_posts(&self) -> impl Iterator<Item = i64> {
        self.state.recent_posts.iter().chain(&self.state.last_post_at).map(|at| at.as_second())
    }

    /// Whether two posts, at times in Unix seconds, are closer than the spacing. A spacing of whole days is counted on
    /// the client's clock, any other in elapsed time.
    pub fn are_too_close(&self, post: i64, other: i64) -> bool {
        let hours = i64::from(self.rules.min_spacing_hours);
        let (earlier, later) = (post.min(other), post.max(other));
        let missing = hours * HOUR - (later - earlier);
        // No zone has ever moved its clock by more than a day, so the clock matters only near the limit.
        if hours % 24 == 0 && missing.abs() <= 26 * HOUR {
            return !is_days_after(&self.case.client.zone, earlier, later, hours / 24);
        }
        missing > 0
    }

    /// Minute within the hour at which posts of the channel go out.
    pub fn minute(&self) -> i64 {
        match self.case.base().calendar.minute {
            MinuteRule::Fixed(minute) => i64::from(minute),
            MinuteRule::Spread => spread_minute(&self.case.client.id, self.state.channel),
        }
    }

    /// The special days of client and rules that cover the day.
    fn special_days(&self, moment: &LocalHour) -> impl Iterator<Item = &'a CalendarEntry> {
        let (channel, date) = (self.state.channel, moment.date);
        let of_client = self.case.client.calendar.iter();
        of_client.chain(&self.case.base().calendar.days).filter(move |entry| {
            (entry.channel.is_none() || entry.channel == Some(channel)) && entry.from <= date && date <= entry.to
        })
    }

    /// Whether nothing may be posted that day.
    pub fn is_closed(&self, moment: &LocalHour) -> bool {
        let holidays_are_closed = !self.case.base().calendar.holiday_posts;
        self.special_days(moment).any(|entry| match entry.kind {
            DayKind::Blackout => true,
            DayKind::Holiday => holidays_are_closed,
            DayKind::Boost => false,
        })
    }

    /// The closed range that any of the hour's sixty minutes lies in.
    pub fn closed_hours(&self, moment: &LocalHour) -> Option<&'a ClosedRange> {
        let start = || moment.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(moment.minute_of_day));
        let minutes = || (moment.minute_of_day..moment.minute_of_day + 60).map(usize::from);
        self.rules.closed.iter().find(|range| match range {
            ClosedRange::Weekly { from, to } => minutes().any(|minute| {
                let of_week = (moment.weekday * 1440 + minute) % 10_080;
                let (from, to) = (usize::from(*from), usize::from(*to));
                if from < to { from <= of_week && of_week < to } else { of_week < to || from <= of_week }
            }),
            ClosedRange::Dated { from, to } => start().max(*from) < (start() + TimeDelta::minutes(60)).min(*to),
        })
    }

    /// Whether the plan says that a guardrail blocks every post of the channel at the hour.
    pub fn is_closed_by_guardrail(&self, hour: i64) -> bool {
        let stated = self.allocation.map_or(&[][..], |allocation| &allocation.hours_closed_by_guardrails);
        usize::try_from(hour).is_ok_and(|hour| stated.contains(&hour))
    }

    /// Whether any of the hour's sixty minutes lies in the quiet hours.
    pub fn is_quiet(&self, moment: &LocalHour) -> bool {
        let Some((from, to)) = self.rules.quiet_minutes else { return false };
        (moment.minute_of_day..moment.minute_of_day + 60)
            .map(|minute| minute % 1440)
            .any(|minute| if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to })
    }

    /// The campaign that a post counts for: its asset's; otherwise, of the running campaigns that apply to any asset,
    /// the one with the greatest weight, the first by id among equals.
    pub fn campaign_of(&self, asset: Option<&'a Asset>, moment: &LocalHour) -> Option<&'a CampaignId> {
        let for_any = |campaign: &&Campaign| campaign.any_asset && runs_on(campaign, self.state, moment);
        let by_weight = |a: &&Campaign, b: &&Campaign| a.weight.total_cmp(&b.weight).then_with(|| b.id.cmp(&a.id));
        let of_any = || self.case.client.campaigns.iter().filter(for_any).max_by(by_weight);
        let of_asset = asset.and_then(|asset| asset.campaign_id.as_ref());
        of_asset.or_else(|| of_any().map(|campaign| &campaign.id))
    }

    /// Whether a campaign of the client runs on the channel at that time.
    pub fn runs(&self, campaign: &CampaignId, moment: &LocalHour) -> bool {
        self.case.campaign(campaign).is_some_and(|campaign| runs_on(campaign, self.state, moment))
    }

    /// Factor from the campaign that a post counts for: its weight while it runs there, else 1.
    pub fn campaign_weight(&self, campaign: Option<&CampaignId>, moment: &LocalHour) -> f64 {
        let campaign = campaign.and_then(|id| self.case.campaign(id));
        campaign.filter(|campaign| runs_on(campaign, self.state, moment)).map_or(1.0, |campaign| campaign.weight)
    }

    /// The greatest campaign weight that a post can have with any asset that is usable by that day; if there is no such
    /// asset, the weight of a post without one.
    fn greatest_weight(&self, moment: &LocalHour) -> f64 {
        let weight_with = |asset| self.campaign_weight(self.campaign_of(asset, moment), moment);
        let usable = self.usable.iter().filter(|usable| usable.is_usable_by(&self.case, moment));
        let weights = usable.map(|usable| weight_with(Some(usable.asset)));
        weights.max_by(f64::total_cmp).unwrap_or_else(|| weight_with(None))
    }

    /// The value of an hour at the greatest campaign weight that a post can have there; `None` if a script weighs the
    /// hours.
    pub fn hour_value(&self, moment: &LocalHour) -> Option<f64> {
        Some(self.value_without_campaign(moment)? * self.greatest_weight(moment))
    }

    /// `hour_value` of a planned post's hour; if a script weighs the hours, derived from the post's stated slot value.
    pub fn hour_value_of(&self, placed: &Placed<'_>) -> f64 {
        let Some(moment) = self.case.clock.moment(placed.hour) else { return placed.post.slot_value };
        let campaign = placed.post.campaign_id.as_ref();
        let by_post = || self.hour_value_from(placed.post.slot_value, campaign, moment);
        self.hour_value(moment).unwrap_or_else(by_post)
    }

    /// Factor on what a planned post at an hour counts for in the objective: above 1 if the week's previous plan has a
    /// post of the channel in that hour.
    pub fn keep_factor(&self, hour: i64) -> f64 {
        let previous = self.case.state.previous_posts.iter().filter(|post| post.channel == self.state.channel);
        let is_kept = previous.map(|post| self.case.clock.hour_of(post.at)).any(|previous| previous == hour);
        if is_kept { 1.0 + self.case.base().calendar.keep_bonus } else { 1.0 }
    }

    /// For each hour, the index of the first of these rules that removes it: past, closed day, closed hours, quiet
    /// hours, last post, committed post, guardrail.
    pub fn rules_that_remove(&self) -> Vec<Option<usize>> {
        let (clock, minute) = (self.case.clock, self.minute());
        let (past, committed): (Vec<i64>, Vec<i64>) = self.existing_posts().partition(|at| *at < clock.start);
        let is_near = |others: &[i64], at: i64| others.iter().any(|other| self.are_too_close(*other, at));
        let from = self.case.not_before.map_or(i64::MIN, Timestamp::as_second);
        let rule_of = |(hour, moment): (i64, &LocalHour)| {
            let at = clock.start + hour * HOUR + minute * 60;
            let (is_closed_day, is_closed_hour) = (self.is_closed(moment), self.closed_hours(moment).is_some());
            let is_quiet = self.is_quiet(moment);
            let (is_near_past, is_near_committed) = (is_near(&past, at), is_near(&committed, at));
            let applies = [at < from, is_closed_day, is_closed_hour, is_quiet, is_near_past, is_near_committed];
            let by_guardrail = || self.is_closed_by_guardrail(hour).then_some(applies.len());
            applies.iter().position(|applies| *applies).or_else(by_guardrail)
        };
        (0..).zip(&clock.hours).map(rule_of).collect()
    }

    /// The hours that no rule removes.
    pub fn open_hours(&self) -> Vec<i64> {
        let removed = self.rules_that_remove();
        (0..).zip(removed).filter(|(_, rule)| rule.is_none()).map(|(hour, _)| hour).collect()
    }

    /// `hour_value`, derived from the stated slot value of a post of a campaign.
    fn hour_value_from(&self, slot_value: f64, campaign: Option<&CampaignId>, moment: &LocalHour) -> f64 {
        slot_value / self.campaign_weight(campaign, moment) * self.greatest_weight(moment)
    }

    /// The value of an hour for a post of a campaign; `None` if a script weighs the hours.
    pub fn slot_value(&self, campaign: Option<&CampaignId>, moment: &LocalHour) -> Option<f64> {
        Some(self.value_without_campaign(moment)? * self.campaign_weight(campaign, moment))
    }

    /// Audience · engagement rate · factors of hour, weekday, momentum and calendar; `None` if a script weighs the
    /// hours.
    fn value_without_campaign(&self, moment: &LocalHour) -> Option<f64> {
        if self.case.hooks.hour_weights {
            return None;
        }
        let (state, rules) = (self.state, self.rules);
        let is_best = rules.best_hours.get(moment.weekday).is_some_and(|hours| hours.contains(&moment.hour));
        let hour = if is_best { rules.hour_lift } else { 1.0 };
        let weekday = rules.weekday_weights.get(moment.weekday).copied().unwrap_or(1.0);
        // Unknown momentum leaves the factor at 1.
        let momentum = state.momentum.map_or(0.5, |score| score.get());
        let momentum_factor = 1.0 + rules.momentum_gain * (2.0 * momentum - 1.0);
        let rate = state.engagement_rate.unwrap_or(rules.engagement_rate);
        Some(state.audience * rate * hour * weekday * momentum_factor * self.calendar_factor(moment))
    }

    fn calendar_factor(&self, moment: &LocalHour) -> f64 {
        let rules = &self.case.base().calendar;
        let factor = |entry: &CalendarEntry| match entry.kind {
            DayKind::Holiday if rules.holiday_posts => entry.factor.unwrap_or(rules.holiday_factor),
            DayKind::Boost => entry.factor.unwrap_or(rules.boost_factor),
            DayKind::Holiday | DayKind::Blackout => 1.0,
        };
        self.special_days(moment).map(factor).product()
    }
}

/// Minute at which posts go out if the rules spread them over the hour: a multiple of five that depends on the client and
/// the channel alone, whatever is planned. The bytes of their identifier are summed, and the sum chooses one of twelve.
fn spread_minute(client: &ClientId, channel: Channel) -> i64 {
    let id = derived_id(b"minute", &[client.as_str(), channel.name()]);
    let sum: i64 = id.into_bytes().into_iter().map(i64::from).sum();
    5 * (sum % 12)
}

/// Share of fatigue left after a number of hours: 2^(-hours / half-life).
fn decay(rules: &ChannelRules, hours: f64) -> f64 {
    libm::exp2(-hours / rules.half_life_hours)
}

/// Fatigue at the start of the week: the state's fatigue, decayed since its `as_of`, plus that of posts between `as_of`
/// and the week, of which those in one hour count as one.
fn fatigue_start(clock: &Clock, state: &ChannelState, rules: &ChannelRules) -> f64 {
    let hours_rested = (clock.start - state.as_of.as_second()).max(0) as f64 / HOUR as f64;
    let later_posts = state.recent_posts.iter().filter(|at| **at >= state.as_of).map(|at| clock.hour_of(*at));
    let from_posts: f64 = without_repeats(later_posts.filter(|hour| *hour < 0))
        .iter()
        .map(|hour| rules.fatigue_per_post * decay(rules, hour.unsigned_abs() as f64))
        .sum();
    (state.fatigue.get() * decay(rules, hours_rested) + from_posts).min(1.0)
}

/// Keeps a product such as 0.29 · 100 from being rounded down to 28 because 0.29 is no exact double.
const ROUNDING_TOLERANCE: f64 = 1e-9;

fn runs_on(campaign: &Campaign, state: &ChannelState, moment: &LocalHour) -> bool {
    let is_of_channel = campaign.channels.is_empty() || campaign.channels.contains(&state.channel);
    is_of_channel && campaign.starts_on <= moment.date && moment.date <= campaign.ends_on
}

/// The value of the row with the highest threshold that `at` reaches; `None` if it reaches none.
pub(super) fn reached_value(table: &[ThresholdRow], at: f64) -> Option<f64> {
    let reached = table.iter().filter(|row| row.threshold <= at);
    reached.max_by(|a, b| a.threshold.total_cmp(&b.threshold)).map(|row| row.value)
}

fn without_repeats(hours: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut hours: Vec<i64> = hours.collect();
    hours.sort_unstable();
    hours.dedup();
    hours
}
