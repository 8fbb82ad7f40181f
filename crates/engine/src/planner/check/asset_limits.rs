//! Checks limits that count posts by their assets.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;

use super::assets::asset_by_id;
use super::case::ClientCase;
use super::channel::ChannelCase;
use super::limit_period::{applies_to, counts};
use super::{Findings, OBJECTIVE_ROUNDING};
use crate::model::{Asset, AssetId, CampaignId, Channel, LimitUse};
use crate::rules::{LimitBound, LimitPeriod, LimitRules};

/// A planned or committed post, with how much a limit counts it.
struct CountedPost {
    channel: Channel,
    /// Hour of the week; negative before it, and beyond its last hour after it.
    hour: i64,
    asset: Option<AssetId>,
    campaign: Option<CampaignId>,
    /// 0 if the limit does not count the post.
    weight: f64,
    is_planned: bool,
    is_live: bool,
}

/// Checks the limits without a price, and the stated prices. Returns the penalty for exceeding the limits that have a
/// price; blocked posts do not count for it.
pub(super) fn check(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) -> f64 {
    let limits: Vec<&LimitRules> = case.base().limits.iter().filter(|limit| applies(case, limit)).collect();
    let mut penalty = 0.0;
    for limit in &limits {
        let posts = counted_posts(case, channels, limit);
        for period in periods(case, channels, limit, &posts) {
            if limit.price.is_none() && excess(limit, &posts, &period, |_| true) > OBJECTIVE_ROUNDING {
                let of_campaign =
                    period.campaign.as_ref().map_or_else(String::new, |id| format!(" for campaign `{id}`"));
                let (first, name) = (period.first, &limit.name);
                let detail = format!("the posts{of_campaign} from hour {first} of the week on break `{name}`");
                findings.report_client("limits", detail);
            }
            penalty += limit.price.unwrap_or(0.0) * excess(limit, &posts, &period, |post| post.is_live);
        }
    }
    let declared = case.base().limits.iter().filter(|limit| applies_to(limit, case));
    let orders: Vec<&LimitRules> = declared.filter(|limit| matches!(limit.bound, LimitBound::FollowedBy(_))).collect();
    let stated = case.plan.certificate.iter().flat_map(|certificate| &certificate.limits);
    for used in stated.filter(|used| is_of_asset_limit(case, used)) {
        let is_stated = |limit: &&LimitRules| limit.name == used.limit;
        let mut applying = limits.iter().copied().chain(orders.iter().copied());
        let limit = applying.find(is_stated);
        let highest_price = limit.and_then(|limit| limit.price).unwrap_or(f64::MAX) * (1.0 + OBJECTIVE_ROUNDING);
        let is_of_campaign = limit.is_some_and(|limit| campaigns(case, limit).contains(&used.campaign));
        if !is_of_campaign || !(0.0..=highest_price).contains(&used.price) {
            let detail = format!("{} is not a possible price of `{}`", used.price, used.limit);
            findings.report_client("certificate_limits", detail);
        }
    }
    penalty
}

/// Whether a stated use is of a limit that counts posts by their assets.
pub(super) fn is_of_asset_limit(case: &ClientCase<'_>, used: &LimitUse) -> bool {
    let is_order = |limit: &LimitRules| matches!(limit.bound, LimitBound::FollowedBy(_)) && used.asset.is_some();
    let counts_assets = |limit: &LimitRules| limit.depends_on_assets() || is_order(limit);
    case.base().limits.iter().any(|limit| limit.name == used.limit && counts_assets(limit))
}

/// Whether a limit counts posts by their assets and applies to the client in this week.
fn applies(case: &ClientCase<'_>, limit: &LimitRules) -> bool {
    let named = &limit.filter.campaigns;
    let is_campaign_running = named.is_empty() || named.iter().any(|id| runs_in_week(case, id));
    limit.depends_on_assets() && applies_to(limit, case) && is_campaign_running
}

/// Whether a campaign of the client runs on some day of the week.
fn runs_in_week(case: &ClientCase<'_>, id: &CampaignId) -> bool {
    let (first, last) = (case.clock.dates.first(), case.clock.dates.last());
    let campaign = case.campaign(id).zip(first.zip(last));
    campaign.is_some_and(|(campaign, (first, last))| campaign.starts_on <= *last && *first <= campaign.ends_on)
}

/// The campaigns that a limit counts on their own; `None` for all posts together.
fn campaigns(case: &ClientCase<'_>, limit: &LimitRules) -> Vec<Option<CampaignId>> {
    if !limit.per_campaign {
        return vec![None];
    }
    let named = &limit.filter.campaigns;
    let is_counted = |id: &&CampaignId| (named.is_empty() || named.contains(id)) && runs_in_week(case, id);
    let ids: BTreeSet<&CampaignId> = case.client.campaigns.iter().map(|campaign| &campaign.id).collect();
    ids.into_iter().filter(is_counted).cloned().map(Some).collect()
}

/// A range of hours over which a limit counts posts.
struct CountedPeriod {
    /// The channel, if each channel is counted on its own.
    channel: Option<Channel>,
    /// The asset, if each asset is counted on its own.
    asset: Option<AssetId>,
    /// The campaign, if each campaign is counted on its own.
    campaign: Option<CampaignId>,
    /// First hour, counted from the start of the week; negative before it.
    first: i64,
    /// The hour after the last.
    end: i64,
}

/// The periods in which a limit counts posts; none if it counts posts of none of the client's channels.
fn periods(
    case: &ClientCase<'_>,
    channels: &[ChannelCase<'_>],
    limit: &LimitRules,
    posts: &[CountedPost],
) -> Vec<CountedPeriod> {
    let named = &limit.filter.channels;
    // A limit that names no channels leaves out those on which the rules want no posts.
    let is_counted = |channel: &&ChannelCase<'_>| match named.as_slice() {
        [] => channel.posts_wanted() > 0,
        named => named.contains(&channel.state.channel),
    };
    let counted: Vec<&ChannelCase<'_>> = channels.iter().filter(is_counted).collect();
    if counted.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<Channel> = counted.iter().map(|channel| channel.state.channel).collect();
    let channels: Vec<Option<Channel>> =
        if limit.per_channel { names.into_iter().map(Some).collect() } else { vec![None] };
    let ids: BTreeSet<AssetId> = posts.iter().filter_map(|post| post.asset.clone()).collect();
    let assets: Vec<Option<AssetId>> = if limit.per_asset { ids.into_iter().map(Some).collect() } else { vec![None] };
    let spans = spans(case, limit, posts);
    let mut periods = Vec::new();
    for campaign in campaigns(case, limit) {
        for channel in &channels {
            for asset in &assets {
                periods.extend(spans.iter().map(|(first, end)| CountedPeriod {
                    channel: *channel,
                    asset: asset.clone(),
                    campaign: campaign.clone(),
                    first: *first,
                    end: *end,
                }));
            }
        }
    }
    // A limit asks for posts only where some can count.
    let is_maximum = matches!(limit.bound, LimitBound::AtMost(_));
    periods.retain(|period| is_maximum || period.has_time_that_counts(limit, &counted));
    periods
}

impl CountedPeriod {
    /// Whether a post of a channel that the limit counts can count at some hour, at which its campaign must run.
    fn has_time_that_counts(&self, limit: &LimitRules, counted: &[&ChannelCase<'_>]) -> bool {
        let mut included =
            counted.iter().filter(|channel| self.channel.is_none_or(|only| only == channel.state.channel));
        let runs_at = |channel: &ChannelCase<'_>, hour: i64| {
            let moment = channel.case.clock.moment(hour);
            self.campaign.as_ref().is_none_or(|id| moment.is_some_and(|moment| channel.runs(id, moment)))
        };
        included.any(|channel| {
            (self.first..self.end).any(|hour| counts(channel, hour, &limit.filter) && runs_at(channel, hour))
        })
    }
}

/// The first hour of each period in which a limit counts posts, and the hour after its last.
fn spans(case: &ClientCase<'_>, limit: &LimitRules, posts: &[CountedPost]) -> Vec<(i64, i64)> {
    let week_end = case.clock.len();
    match limit.period {
        LimitPeriod::Week => vec![(0, week_end)],
        LimitPeriod::Hour => (0..week_end).map(|hour| (hour, hour + 1)).collect(),
        LimitPeriod::Day => {
            let mut days: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
            for (hour, moment) in (0..).zip(&case.clock.hours) {
                days.entry(moment.weekday).or_insert((hour, hour)).1 = hour + 1;
            }
            days.into_values().collect()
        }
        // If any range of so many hours breaks the limit, one that starts at a post does.
        LimitPeriod::Within(hours) => {
            let firsts: BTreeSet<i64> = posts.iter().map(|post| post.hour).collect();
            firsts.into_iter().map(|first| (first, first + i64::from(hours))).collect()
        }
    }
}

/// Every post of the client, with how much a limit counts it. Planned posts without an asset are left out: they are
/// blocked, and do not count even towards the number of posts of which a limit allows a share.
fn counted_posts(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], limit: &LimitRules) -> Vec<CountedPost> {
    let mut posts = Vec::new();
    for channel in channels {
        for placed in &channel.posts {
            let Some(choice) = &placed.post.asset else { continue };
            let asset = asset_by_id(case, choice.used());
            let at = case.client.zone.wall_time(placed.post.at);
            posts.push(CountedPost {
                channel: channel.state.channel,
                hour: placed.hour,
                asset: asset.map(|asset| asset.id.clone()),
                campaign: placed.post.campaign_id.clone(),
                weight: weight(limit, channel.state.channel, at, asset, placed.post.campaign_id.as_ref()),
                is_planned: true,
                is_live: placed.post.is_live(),
            });
        }
        for at in &channel.state.recent_posts {
            let hour = case.clock.hour_of(*at);
            let mut uses = case.state.asset_uses.iter();
            let asset_use = uses.find(|used| used.channel == channel.state.channel && used.at == *at);
            let asset = asset_use.and_then(|used| asset_by_id(case, &used.asset_id));
            let campaign = match case.clock.moment(hour) {
                Some(moment) => channel.campaign_of(asset, moment),
                None => asset.and_then(|asset| asset.campaign_id.as_ref()),
            };
            posts.push(CountedPost {
                channel: channel.state.channel,
                hour,
                asset: asset.map(|asset| asset.id.clone()),
                campaign: campaign.cloned(),
                weight: weight(limit, channel.state.channel, case.client.zone.wall_time(*at), asset, campaign),
                is_planned: false,
                is_live: true,
            });
        }
    }
    posts
}

/// How much a limit counts a post that goes out at a time on the client's clock; 0 if it does not count it.
fn weight(
    limit: &LimitRules,
    channel: Channel,
    at: NaiveDateTime,
    asset: Option<&Asset>,
    campaign: Option<&CampaignId>,
) -> f64 {
    let filter = &limit.filter;
    let kind = asset.map_or("", |asset| &*asset.kind);
    let is_counted = (filter.channels.is_empty() || filter.channels.contains(&channel))
        && (filter.kinds.is_empty() || filter.kinds.iter().any(|included| **included == *kind))
        && (filter.campaigns.is_empty() || campaign.is_some_and(|id| filter.campaigns.contains(id)))
        && filter.covers(at);
    match &limit.weights {
        _ if !is_counted => 0.0,
        Some(weights) => weights.get(kind).copied().unwrap_or(0.0),
        None => 1.0,
    }
}

/// By how much the posts that are included exceed a limit in a period, or fall short of a minimum; 0 if they keep the
/// limit. What committed posts alone exceed a maximum by does not count.
fn excess(
    limit: &LimitRules,
    posts: &[CountedPost],
    period: &CountedPeriod,
    is_included: impl Fn(&CountedPost) -> bool,
) -> f64 {
    let is_in_period = |post: &&CountedPost| {
        (period.first..period.end).contains(&post.hour)
            && period.channel.is_none_or(|channel| channel == post.channel)
            && is_included(post)
    };
    let weight = |post: &CountedPost| {
        let is_of_asset = period.asset.is_none() || period.asset == post.asset;
        let is_of_campaign = period.campaign.is_none() || period.campaign == post.campaign;
        if is_of_asset && is_of_campaign { post.weight } else { 0.0 }
    };
    let weight_and_number = |is_planned: bool| -> (f64, f64) {
        let posts = posts.iter().filter(|post| post.is_planned == is_planned).filter(is_in_period);
        posts.fold((0.0, 0.0), |(weights, number), post| (weights + weight(post), number + 1.0))
    };
    let (planned, planned_number) = weight_and_number(true);
    let (committed, committed_number) = weight_and_number(false);
    // A share is of all posts, whether they have a weight or not.
    let all = planned_number + committed_number;
    let excess = match limit.bound {
        LimitBound::AtMost(most) => planned - (most - committed).max(0.0),
        LimitBound::AtLeast(least) => least - committed - planned,
        LimitBound::AtMostShare(share) => planned + committed - share * all,
        // Checked by `order`.
        LimitBound::FollowedBy(_) => 0.0,
        LimitBound::AtLeastShare(share) => share * all - planned - committed,
    };
    if excess > OBJECTIVE_ROUNDING { excess } else { 0.0 }
}
