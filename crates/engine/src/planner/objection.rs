//! Whether a post may go out at a given time with a given asset, guardrails aside.
//!
//! All callers share this check: planning applies it to every hour and every asset, the daily pass and approvals to a
//! committed post, the checker to every post of a plan, and `explain` to an hour.

use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};

use super::PlanError;
use super::hours::{ExistingPosts, HourRule, closed_range, forbidden_by};
use crate::agents::ClientWeek;
use crate::agents::agency_director::{DayPlan, day_plan};
use crate::agents::creative_director::{Histories, History};
use crate::model::{
    Asset, AssetId, AssetUse, Channel, ChannelState, Client, ClientState, Plan, Post, Reason, Spacing, Timestamp,
    WallHour, Week, WeekHours,
};
use crate::rules::{ClientRules, ClosedRange, CompiledRules, Rules};

/// A post with its time and the id of its asset.
#[derive(Debug, Clone, PartialEq)]
pub struct ScheduledPost {
    /// The channel.
    pub channel: Channel,
    /// When it goes out.
    pub at: Timestamp,
    /// Id of its asset; `None` if it has none.
    pub asset: Option<String>,
}

/// Why a committed post may not go out as scheduled; `None` if nothing but a guardrail could block it. The state must
/// not count the post itself.
///
/// Of two conflicting posts the earlier one takes precedence, unless the later one has gone out by `now`. Pass `None`
/// as `now` for a post that is new or gets a new asset: then later posts block it, too.
///
/// # Errors
/// If the post's week is at the edge of the supported calendar.
pub fn objection_to(
    rules: &CompiledRules,
    client: &Client,
    state: &ClientState,
    post: &ScheduledPost,
    now: Option<Timestamp>,
) -> Result<Option<Reason>, PlanError> {
    let client_rules = rules.for_client(client);
    let week = Week::of(client.zone.wall_time(post.at).date());
    let hours = WeekHours::new(week, &client.zone)?;
    let week = ClientWeek { client, state, rules: client_rules.base(), hours: &hours, not_before: None, quotas: &[] };
    let existing = ExistingUses::of(&week, post, now);
    let objection = objection(&week, post, &existing);
    // A `weekly_posts` function of the pack may still want posts on the channel; only the daily pass evaluates it.
    let is_off = is_channel_off(client_rules.base(), post.channel) && !rules.has_function("weekly_posts");
    Ok(match objection {
        Some(Reason::ClientStatus { .. }) => objection,
        _ if is_off => Some(Reason::ChannelOff { channel: post.channel }),
        _ => objection,
    })
}

/// Whether the pack's number of weekly posts switches a channel off; its `weekly_posts` function may override that.
pub(super) fn is_channel_off(rules: &Rules, channel: Channel) -> bool {
    rules.channel(channel).weekly_posts == 0
}

/// The objection to each of a client's planned posts, in the order of `posts`; `None` for all of them at the edge of
/// the supported calendar.
pub(super) fn objections_to(
    client: &Client,
    state: &ClientState,
    rules: &ClientRules,
    plan: &Plan,
    posts: &[Post],
) -> Vec<Option<Reason>> {
    let Ok(hours) = WeekHours::new(plan.week, &client.zone) else { return vec![None; posts.len()] };
    let week =
        ClientWeek { client, state, rules: rules.base(), hours: &hours, not_before: plan.not_before, quotas: &[] };
    let mut existing = ExistingUses { posts: Vec::new(), histories: Histories::of(&client.assets, &state.asset_uses) };
    let mut objection_to_planned = |post: &Post| {
        let asset = post.asset.as_ref().map(|asset| asset.used().to_string());
        let post = ScheduledPost { channel: post.channel, at: post.at, asset };
        let channel_state = state.channels.iter().find(|state| state.channel == post.channel);
        existing.posts = channel_state.into_iter().flat_map(post_times).collect();
        objection(&week, &post, &existing)
    };
    posts.iter().map(&mut objection_to_planned).collect()
}

/// Other posts and asset uses that a post must keep its distance from.
#[derive(Debug, Clone, Default)]
pub(super) struct ExistingUses {
    /// Times of other posts of the channel.
    pub posts: Vec<Timestamp>,
    /// Past and committed uses of the client's assets.
    pub histories: Histories,
}

impl ExistingUses {
    /// The posts and uses in the client's state. If `now` is given, those later than `post` are ignored unless they
    /// have gone out by then.
    pub fn of(week: &ClientWeek<'_>, post: &ScheduledPost, now: Option<Timestamp>) -> Self {
        Self::with_others(week, post, now, &[])
    }

    /// The same, together with other posts of the client, which the state does not include.
    pub fn with_others(
        week: &ClientWeek<'_>,
        post: &ScheduledPost,
        now: Option<Timestamp>,
        others: &[ScheduledPost],
    ) -> Self {
        let counts = |at: Timestamp| now.is_none_or(|now| at < post.at || at <= now);
        let channel_state = week.state.channels.iter().find(|state| state.channel == post.channel);
        let in_state = channel_state.into_iter().flat_map(post_times);
        let among_others = others.iter().filter(|other| other.channel == post.channel).map(|other| other.at);
        let uses = week.state.asset_uses.iter().filter(|used| counts(used.at)).cloned();
        let uses: Vec<AssetUse> =
            uses.chain(others.iter().filter(|other| counts(other.at)).filter_map(asset_use)).collect();
        Self {
            posts: in_state.chain(among_others).filter(|at| counts(*at)).collect(),
            histories: Histories::of(&week.client.assets, &uses),
        }
    }
}

/// Times of all posts of a channel in its state.
pub(super) fn post_times(state: &ChannelState) -> impl Iterator<Item = Timestamp> + '_ {
    state.recent_posts.iter().copied().chain(state.last_post_at)
}

fn asset_use(post: &ScheduledPost) -> Option<AssetUse> {
    let asset_id = AssetId::new(post.asset.as_deref()?);
    Some(AssetUse { asset_id, channel: post.channel, at: post.at })
}

/// Why a post may not go out, given the existing posts and uses; `None` if nothing but a guardrail could block it.
pub(super) fn objection(week: &ClientWeek<'_>, post: &ScheduledPost, existing: &ExistingUses) -> Option<Reason> {
    let client = week.client;
    if !client.status.is_planned() {
        return Some(Reason::ClientStatus { status: client.status });
    }
    if !week.state.channels.iter().any(|state| state.channel == post.channel) {
        return Some(Reason::ChannelOff { channel: post.channel });
    }
    objection_to_time(week, post, existing).or_else(|| {
        let Some(id) = post.asset.as_deref() else { return Some(Reason::NoAsset) };
        let index = client.assets.binary_search_by(|asset| asset.id.as_str().cmp(id)).ok();
        let with_history = index.and_then(|index| client.assets.get(index).zip(existing.histories.get(index)));
        let Some((asset, history)) = with_history else {
            return Some(Reason::AssetGone { asset_id: AssetId::new(id) });
        };
        let date = client.zone.wall_time(post.at).date();
        objection_to_asset(week, asset, history, Moment { channel: post.channel, at: post.at, date })
    })
}

fn objection_to_time(week: &ClientWeek<'_>, post: &ScheduledPost, existing: &ExistingUses) -> Option<Reason> {
    let local = week.client.zone.wall_time(post.at);
    let hour = usize::try_from(week.hours.hour_of(post.at)).ok();
    // A post of a plan that is being checked may lie outside the plan's week.
    let wall = hour.and_then(|hour| week.hours.hours().get(hour).copied()).unwrap_or(WallHour {
        weekday: local.weekday().num_days_from_monday() as u8,
        hour: local.hour() as u8,
        minute: 0,
    });
    // Without candidates: only whether the day is closed matters here, not its value.
    let day = day_plan(week, post.channel, local.date(), &[]);
    let rules = week.rules.channel(post.channel);
    let spacing = Spacing::from_hours(rules.min_spacing_hours);
    let existing_posts = ExistingPosts::of(week, existing.posts.iter().copied(), spacing);
    let rule = forbidden_by(week, post.at, wall, &day, rules, &existing_posts)?;
    let nearest = existing_posts.nearest(post.at);
    Some(match rule {
        HourRule::Past => Reason::Past,
        HourRule::ClosedDay => closed_day(&day, local.date()),
        HourRule::ClosedHours => {
            closed_hours(closed_range(week, rules, wall).and_then(|index| rules.closed.get(index)), local)
        }
        HourRule::QuietHours => Reason::QuietHours { local_time: local.format("%H:%M").to_string().into() },
        HourRule::LastPost | HourRule::CommittedPost => {
            Reason::Spacing { other: nearest.unwrap_or(post.at), spacing_hours: rules.min_spacing_hours }
        }
    })
}

fn closed_hours(range: Option<&ClosedRange>, local: NaiveDateTime) -> Reason {
    let [from, to] = range.map(ClosedRange::endpoints).unwrap_or_default();
    let local_time = local.format("%Y-%m-%d %H:%M").to_string().into();
    Reason::ClosedHours { local_time, from: from.into(), to: to.into() }
}

fn closed_day(day: &DayPlan<'_>, date: NaiveDate) -> Reason {
    let name = day.closed.map_or_else(|| "".into(), |entry| Arc::clone(&entry.name));
    Reason::ClosedDay { date, name }
}

/// Where and when an asset would be used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub channel: Channel,
    pub at: Timestamp,
    /// Date on the client's clock.
    pub date: NaiveDate,
}

/// Why an asset may not be used on a channel at an instant; `None` if it may.
pub(super) fn objection_to_asset(
    week: &ClientWeek<'_>,
    asset: &Asset,
    history: &History,
    moment: Moment,
) -> Option<Reason> {
    let Moment { channel, at, date } = moment;
    let asset_id = || asset.id.clone();
    let rules = &week.rules.assets;
    if !asset.has_content() {
        return Some(Reason::EmptyAsset { asset_id: asset_id() });
    }
    if !asset.fits(channel) {
        return Some(Reason::AssetChannel { asset_id: asset_id() });
    }
    if at < asset.created_at {
        return Some(Reason::AssetUnfinished { asset_id: asset_id(), created_at: asset.created_at });
    }
    if let Some(reason) = objection_to_campaign(week, asset, channel, date) {
        return Some(reason);
    }
    if history.continues_story && history.preceding_step_at.is_none_or(|before| before > at) {
        return Some(Reason::StoryOrder { asset_id: asset_id(), step: asset.evolution_step });
    }
    if let Some(used_at) = history.use_near(channel, at, rules.cooldown_hours) {
        let cooldown_hours = rules.cooldown_hours;
        return Some(Reason::AssetCooldown { asset_id: asset_id(), used_at, cooldown_hours });
    }
    let end = week.hours.instant(week.hours.len() as i64);
    let is_used_up = history.count_within(week.hours.start(), end) >= rules.max_uses_per_week as usize;
    is_used_up.then(|| Reason::AssetUses { asset_id: asset_id(), most: rules.max_uses_per_week })
}

fn objection_to_campaign(week: &ClientWeek<'_>, asset: &Asset, channel: Channel, date: NaiveDate) -> Option<Reason> {
    let id = asset.campaign_id.as_ref()?;
    let campaign = week.client.campaigns.iter().find(|campaign| campaign.id == *id);
    match campaign {
        Some(campaign) if campaign.runs_on(channel, date) => None,
        Some(campaign) if campaign.channels.is_empty() || campaign.channels.contains(&channel) => {
            Some(Reason::CampaignDates { campaign_id: id.clone(), runs: Some((campaign.starts_on, campaign.ends_on)) })
        }
        _ => Some(Reason::CampaignDates { campaign_id: id.clone(), runs: None }),
    }
}
