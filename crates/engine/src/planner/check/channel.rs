//! Expected numbers of one client's channel for the week, derived from scenario and rules: what a plan is checked
//! against.
//!
//! Every formula is in its simplest form, not its fastest.

use chrono::{NaiveTime, TimeDelta};

use super::assets::OnChannel;
use super::case::ClientCase;
use super::clock::{Clock, HOUR, LocalHour, is_days_after};
use crate::model::{Allocation, Asset, CalendarEntry, Campaign, CampaignId, ChannelState, DayKind, Post, Timestamp};
use crate::rules::{ChannelRules, ClosedRange, MinuteRule, ResponseShape, ThresholdRow};

/// A planned post and the hour of the week that its time lies in, whatever hour it states.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub post: &'a Post,
    pub hour: i64,
}

/// One channel's week.
pub(super) struct ChannelCase<'a> {
    pub case: ClientCase<'a>,
    pub state: &'a ChannelState,
    pub numbers: &'a ChannelRules,
    /// What the plan states for it; `None` if nothing.
    pub allocation: Option<&'a Allocation>,
    /// Its posts in the week, by time.
    pub posts: Vec<Placed<'a>>,
    /// The client's assets that the channel can use at some time of the week.
    pub usable: Vec<OnChannel<'a>>,
    /// Hours with committed posts, ascending, without duplicates.
    pub committed: Vec<i64>,
    /// Fatigue at the start of the week.
    pub fatigue_start: f64,
    /// Hours with planned or committed posts, blocked ones included.
    full: Vec<i64>,
    /// The same without blocked ones.
    live: Vec<i64>,
}

impl<'a> ChannelCase<'a> {
    pub fn of(case: &ClientCase<'a>, state: &'a ChannelState) -> Self {
        let clock = case.clock;
        let in_week = |hour: &i64| (0..clock.len()).contains(hour);
        let own = case.plan.posts.iter().filter(|post| post.channel == state.channel);
        let placed = own.map(|post| Placed { post, hour: clock.hour_of(post.at) });
        let mut posts: Vec<Placed<'a>> = placed.filter(|placed| in_week(&placed.hour)).collect();
        posts.sort_by_key(|placed| placed.post.at);
        let committed = without_repeats(state.recent_posts.iter().map(|at| clock.hour_of(*at)).filter(in_week));
        let planned = |is_counted: fn(&Post) -> bool| {
            let counted = posts.iter().filter(|placed| is_counted(placed.post)).map(|placed| placed.hour);
            without_repeats(counted.chain(committed.iter().copied()))
        };
        let numbers = case.base().channel(state.channel);
        let on_channel = case.client.assets.iter().map(|asset| OnChannel::of(case, asset, state.channel));
        Self {
            case: *case,
            state,
            numbers,
            fatigue_start: fatigue_start(clock, state, numbers),
            allocation: case.plan.allocations.iter().find(|allocation| allocation.channel == state.channel),
            usable: on_channel.filter(|asset| asset.is_usable(case)).collect(),
            full: planned(|_| true),
            live: planned(Post::is_live),
            posts,
            committed,
        }
    }

    /// F(t) with posts at the given hours: every post before t has added its share, and all of it decays.
    pub fn fatigue_with(&self, posts: impl Iterator<Item = i64>, hour: i64) -> f64 {
        let start = self.fatigue_start * decay(self.numbers, hour as f64);
        let before = posts.filter(|post| *post < hour);
        start
            + before.map(|post| self.numbers.fatigue_per_post * decay(self.numbers, (hour - post) as f64)).sum::<f64>()
    }

    /// F(t) with every planned and committed post, blocked ones included.
    pub fn fatigue_full(&self, hour: i64) -> f64 {
        self.fatigue_with(self.full.iter().copied(), hour)
    }

    /// F(t) without blocked posts.
    pub fn fatigue_live(&self, hour: i64) -> f64 {
        self.fatigue_with(self.live.iter().copied(), hour)
    }

    /// F(t) with every planned and committed post but one.
    pub fn fatigue_without(&self, left_out: i64, hour: i64) -> f64 {
        self.fatigue_with(self.full.iter().copied().filter(|post| *post != left_out), hour)
    }

    /// s(F): two falling lines that meet at the warn threshold, or a power of 1 plus the posts that add F.
    pub fn response(&self, fatigue: f64) -> f64 {
        let rules = &self.case.base().fatigue;
        match rules.response {
            ResponseShape::Linear => {
                let above = (fatigue - rules.warn_at).max(0.0);
                1.0 - rules.slope_below_warn * (fatigue - above) - rules.slope_above_warn * above
            }
            ResponseShape::Saturating => {
                let posts = fatigue / self.numbers.fatigue_per_post;
                libm::exp(-self.numbers.response_strength * libm::log1p(posts))
            }
        }
    }

    /// Cost of the people who leave at a post: audience x share x worth of a person.
    pub fn leaving(&self) -> f64 {
        self.state.audience * self.numbers.leave_per_post * self.numbers.person_worth
    }

    /// Weekly posts by the rules in this week: times the mean over its hours of what the seasons of each hour multiply
    /// to, to the nearest whole number.
    pub fn wanted(&self) -> u32 {
        let seasons = &self.case.base().calendar.seasons;
        let (mut hours, mut factors) = (0.0, 0.0);
        for hour in &self.case.clock.hours {
            let shown = hour.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(hour.minute_of_day));
            let own = seasons.iter().filter(|season| season.from <= shown && shown < season.to);
            factors += own.map(|season| season.posts).product::<f64>();
            hours += 1.0;
        }
        let posts = f64::from(self.numbers.weekly_posts) * factors / hours;
        // 168 is the most that `weekly_posts` may be.
        (posts + 0.5 + ROUNDING_OF_POSTS).floor().min(168.0) as u32
    }

    /// Weekly posts after fatigue; `None` if a script decides.
    pub fn target(&self) -> Option<u32> {
        if self.case.hooks.weekly_posts {
            return None;
        }
        let factor = step_from(&self.case.base().fatigue.frequency, self.fatigue_start).unwrap_or(1.0);
        Some((f64::from(self.wanted()) * factor + ROUNDING_OF_POSTS).floor() as u32)
    }

    /// Posts that may be planned in addition to committed ones; `None` if unknown.
    pub fn places(&self) -> Option<u32> {
        let target = self.target().or(self.allocation.map(|allocation| allocation.posts_target))?;
        Some(target.saturating_sub(u32::try_from(self.committed.len()).unwrap_or(u32::MAX)))
    }

    /// Times of past and committed posts of the channel, in seconds.
    pub fn standing(&self) -> impl Iterator<Item = i64> {
        self.state.recent_posts.iter().chain(&self.state.last_post_at).map(|at| at.as_second())
    }

    /// Whether two posts, in seconds, are closer than the spacing: whole days are counted on the client's clock, any
    /// other spacing in elapsed time.
    pub fn is_too_near(&self, one: i64, other: i64) -> bool {
        let hours = i64::from(self.numbers.min_spacing_hours);
        let (earlier, later) = (one.min(other), one.max(other));
        let missing = hours * HOUR - (later - earlier);
        // No zone has ever moved its clock by more than a day, so the clock matters only near the limit.
        if hours % 24 == 0 && missing.abs() <= 26 * HOUR {
            return !is_days_after(&self.case.client.zone, earlier, later, hours / 24);
        }
        missing > 0
    }

    /// Minute within the hour at which posts of the channel go out; `None` if unknown.
    pub fn minute(&self) -> Option<i64> {
        match self.case.base().calendar.minute {
            MinuteRule::Fixed(minute) => Some(i64::from(minute)),
            MinuteRule::Spread => {
                let first = self.posts.first()?.post.at.as_second();
                Some((first - self.case.clock.start).rem_euclid(HOUR) / 60)
            }
        }
    }

    /// The special days of client and rules that cover the day.
    fn days(&self, moment: &LocalHour) -> impl Iterator<Item = &'a CalendarEntry> {
        let (channel, date) = (self.state.channel, moment.date);
        let own = self.case.client.calendar.iter();
        own.chain(&self.case.base().calendar.days).filter(move |entry| {
            (entry.channel.is_none() || entry.channel == Some(channel)) && entry.from <= date && date <= entry.to
        })
    }

    /// Whether nothing may be posted that day.
    pub fn is_closed(&self, moment: &LocalHour) -> bool {
        let holidays_are_out = !self.case.base().calendar.holiday_posts;
        self.days(moment).any(|entry| match entry.kind {
            DayKind::Blackout => true,
            DayKind::Holiday => holidays_are_out,
            DayKind::Boost => false,
        })
    }

    /// The closed range that any of the hour's sixty minutes lies in.
    pub fn closed_hours(&self, moment: &LocalHour) -> Option<&'a ClosedRange> {
        let begins = || moment.date.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(moment.minute_of_day));
        let minutes = || (moment.minute_of_day..moment.minute_of_day + 60).map(usize::from);
        self.numbers.closed.iter().find(|range| match range {
            ClosedRange::Weekly { from, to } => minutes().any(|minute| {
                let of_week = (moment.weekday * 1440 + minute) % 10_080;
                let (from, to) = (usize::from(*from), usize::from(*to));
                if from < to { from <= of_week && of_week < to } else { of_week < to || from <= of_week }
            }),
            ClosedRange::Dated { from, to } => begins().max(*from) < (begins() + TimeDelta::minutes(60)).min(*to),
        })
    }

    /// Whether the plan says that a guardrail blocks every post of the channel at the hour.
    pub fn is_closed_by_guardrail(&self, hour: i64) -> bool {
        let stated = self.allocation.map_or(&[][..], |allocation| &allocation.hours_closed_by_guardrails);
        usize::try_from(hour).is_ok_and(|hour| stated.contains(&hour))
    }

    /// Whether any of the hour's sixty minutes lies in the quiet hours.
    pub fn is_quiet(&self, moment: &LocalHour) -> bool {
        let Some((from, to)) = self.numbers.quiet_minutes else { return false };
        (moment.minute_of_day..moment.minute_of_day + 60)
            .map(|minute| minute % 1440)
            .any(|minute| if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to })
    }

    /// The campaign that a post counts for: its asset's, or else the heaviest running one that applies to any asset,
    /// the first by id among equals.
    pub fn campaign_of(&self, asset: Option<&'a Asset>, moment: &LocalHour) -> Option<&'a CampaignId> {
        let for_any = |campaign: &&Campaign| campaign.any_asset && runs_on(campaign, self.state, moment);
        let heaviest = |a: &&Campaign, b: &&Campaign| a.weight.total_cmp(&b.weight).then_with(|| b.id.cmp(&a.id));
        let of_any = || self.case.client.campaigns.iter().filter(for_any).max_by(heaviest);
        let own = asset.and_then(|asset| asset.campaign_id.as_ref());
        own.or_else(|| of_any().map(|campaign| &campaign.id))
    }

    /// Factor from the campaign that a post counts for: its weight while it runs there, else 1.
    pub fn weight(&self, campaign: Option<&CampaignId>, moment: &LocalHour) -> f64 {
        let campaign = campaign.and_then(|id| self.case.campaign(id));
        campaign.filter(|campaign| runs_on(campaign, self.state, moment)).map_or(1.0, |campaign| campaign.weight)
    }

    /// The heaviest campaign weight of a post with any asset usable by that day; without one, that of a post without an
    /// asset.
    fn heaviest_weight(&self, moment: &LocalHour) -> f64 {
        let there = self.usable.iter().filter(|usable| usable.is_there(&self.case, moment));
        let weights = there.map(|usable| self.weight(self.campaign_of(Some(usable.asset), moment), moment));
        weights.max_by(f64::total_cmp).unwrap_or_else(|| self.weight(self.campaign_of(None, moment), moment))
    }

    /// v(t): the value of an hour, whatever is posted; `None` if a script weighs the hours.
    pub fn hour_value(&self, moment: &LocalHour) -> Option<f64> {
        Some(self.plain_value(moment)? * self.heaviest_weight(moment))
    }

    /// The value of a planned post's hour, for any post; derived from the stated slot value if a script weighs the
    /// hours.
    pub fn value_of(&self, placed: &Placed<'_>) -> f64 {
        let Some(moment) = self.case.clock.moment(placed.hour) else { return placed.post.slot_value };
        let campaign = placed.post.campaign_id.as_ref();
        let by_post = || self.hour_value_by(placed.post.slot_value, campaign, moment);
        self.hour_value(moment).unwrap_or_else(by_post)
    }

    /// By hour, the place of the first rule that removes it, in the order in which they are evaluated; `None` if the
    /// posting minute is unknown.
    pub fn removed_by(&self) -> Option<Vec<Option<usize>>> {
        let clock = self.case.clock;
        let minute = self.minute()?;
        let (past, committed): (Vec<i64>, Vec<i64>) = self.standing().partition(|at| *at < clock.start);
        let is_near = |others: &[i64], at: i64| others.iter().any(|other| self.is_too_near(*other, at));
        let from = self.case.not_before.map_or(i64::MIN, Timestamp::as_second);
        let rule_of = |(hour, moment): (i64, &LocalHour)| {
            let at = clock.start + hour * HOUR + minute * 60;
            let closed = [self.is_closed(moment), self.closed_hours(moment).is_some(), self.is_quiet(moment)];
            let [day, hours, quiet] = closed;
            let holds = [at < from, day, hours, quiet, is_near(&past, at), is_near(&committed, at)];
            let by_guardrail = || self.is_closed_by_guardrail(hour).then_some(holds.len());
            holds.iter().position(|holds| *holds).or_else(by_guardrail)
        };
        Some((0..).zip(&clock.hours).map(rule_of).collect())
    }

    /// The hours that no rule removes.
    pub fn open_hours(&self) -> Option<Vec<i64>> {
        let removed = self.removed_by()?;
        Some((0..).zip(removed).filter(|(_, rule)| rule.is_none()).map(|(hour, _)| hour).collect())
    }

    /// The value of an hour, derived from the stated slot value of a post of a campaign.
    pub fn hour_value_by(&self, slot_value: f64, campaign: Option<&CampaignId>, moment: &LocalHour) -> f64 {
        slot_value / self.weight(campaign, moment) * self.heaviest_weight(moment)
    }

    /// v(t) for a post of a campaign; `None` if a script weighs the hours.
    pub fn slot_value(&self, campaign: Option<&CampaignId>, moment: &LocalHour) -> Option<f64> {
        Some(self.plain_value(moment)? * self.weight(campaign, moment))
    }

    /// Audience x rate x hour x weekday x momentum x calendar; `None` if a script weighs the hours.
    fn plain_value(&self, moment: &LocalHour) -> Option<f64> {
        if self.case.hooks.hour_weights {
            return None;
        }
        let (state, numbers) = (self.state, self.numbers);
        let is_best = numbers.best_hours.get(moment.weekday).is_some_and(|hours| hours.contains(&moment.hour));
        let hour = if is_best { numbers.hour_lift } else { 1.0 };
        let weekday = numbers.weekday_weights.get(moment.weekday).copied().unwrap_or(1.0);
        let momentum = state.momentum.map_or(0.5, |score| score.get());
        let rising = 1.0 + numbers.momentum_gain * (2.0 * momentum - 1.0);
        let rate = state.engagement_rate.unwrap_or(numbers.engagement_rate);
        Some(state.audience * rate * hour * weekday * rising * self.calendar_factor(moment))
    }

    fn calendar_factor(&self, moment: &LocalHour) -> f64 {
        let rules = &self.case.base().calendar;
        let factor = |entry: &CalendarEntry| match entry.kind {
            DayKind::Holiday if rules.holiday_posts => entry.factor.unwrap_or(rules.holiday_factor),
            DayKind::Boost => entry.factor.unwrap_or(rules.boost_factor),
            DayKind::Holiday | DayKind::Blackout => 1.0,
        };
        self.days(moment).map(factor).product()
    }
}

/// Share of fatigue left after so many hours: 2^(-hours / half life).
fn decay(numbers: &ChannelRules, hours: f64) -> f64 {
    libm::exp2(-hours / numbers.half_life_hours)
}

/// Fatigue at the start of the week: the state's, decayed since, plus that of posts committed between its `as_of` and
/// the week, counted by the hour.
fn fatigue_start(clock: &Clock, state: &ChannelState, numbers: &ChannelRules) -> f64 {
    let rested = (clock.start - state.as_of.as_second()).max(0) as f64 / HOUR as f64;
    let since = state.recent_posts.iter().filter(|at| **at >= state.as_of).map(|at| clock.hour_of(*at));
    let added: f64 = without_repeats(since.filter(|hour| *hour < 0))
        .iter()
        .map(|hour| numbers.fatigue_per_post * decay(numbers, hour.unsigned_abs() as f64))
        .sum();
    (state.fatigue.get() * decay(numbers, rested) + added).min(1.0)
}

/// Keeps a product such as 0.7 x 10 from being rounded down to 6 because 0.7 is no exact double.
const ROUNDING_OF_POSTS: f64 = 1e-9;

fn runs_on(campaign: &Campaign, state: &ChannelState, moment: &LocalHour) -> bool {
    let is_there = campaign.channels.is_empty() || campaign.channels.contains(&state.channel);
    is_there && campaign.starts_on <= moment.date && moment.date <= campaign.ends_on
}

/// The value of the row with the highest threshold that is reached.
pub(super) fn step_from(table: &[ThresholdRow], at: f64) -> Option<f64> {
    let reached = table.iter().filter(|row| row.threshold <= at);
    reached.max_by(|a, b| a.threshold.total_cmp(&b.threshold)).map(|row| row.value)
}

fn without_repeats(hours: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut hours: Vec<i64> = hours.collect();
    hours.sort_unstable();
    hours.dedup();
    hours
}
