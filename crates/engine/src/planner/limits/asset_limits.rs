//! Limits that count posts by their assets: by content type, by campaign, or each asset on its own.
//!
//! Assets are assigned to slots that are placed, so these limits are kept by the assignment: each is a row over slots
//! and assets. A slot that they leave no asset for is left out of the plan.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDateTime;

use super::counts::{applies, counts_at, kind_of};
use crate::agents::ClientWeek;
use crate::model::{Asset, AssetId, CampaignId, Channel, LimitKind, LimitUse, Timestamp};
use crate::planner::asset_rows::{AssetRow, AssetTerm};
use crate::planner::assets::{Assignment, Slot};
use crate::planner::channel::ChannelDraft;
use crate::planner::coupling::excess;
use crate::rules::{LimitPeriod, LimitRules, LimitScope};

/// The limits of a client's week that count posts by their assets.
#[derive(Debug, Clone, Default)]
pub(in crate::planner) struct AssetLimits {
    counts: Vec<AssetCount>,
    /// For each count, the price at which the assignment was found.
    prices: Vec<f64>,
}

/// A limit in one of its periods.
#[derive(Debug, Clone)]
struct AssetCount {
    name: Arc<str>,
    kind: LimitKind,
    allowed: f64,
    /// Whether posts count by the content types of their assets.
    is_weighed: bool,
    /// The channel, if each is counted on its own.
    channel: Option<Channel>,
    /// The asset, if each is counted on its own.
    asset: Option<AssetId>,
    /// Start of the period on the client's clock, and its hours.
    from: NaiveDateTime,
    hours: u32,
    row: AssetRow,
    /// What committed posts count, and of how many posts a share is taken.
    committed: f64,
    committed_of: f64,
}

/// A period of hours, counted from the first of the week.
#[derive(Clone, Copy)]
struct Hours {
    first: i64,
    end: i64,
}

impl Hours {
    fn contains(self, hour: i64) -> bool {
        (self.first..self.end).contains(&hour)
    }
}

/// A post that is committed, with what is known of its asset.
struct CommittedPost<'a> {
    channel: Channel,
    hour: i64,
    at: Timestamp,
    asset: Option<&'a Asset>,
    campaign: Option<&'a CampaignId>,
}

/// What the rows of a limit are built from.
struct Builder<'b, 'a> {
    week: &'b ClientWeek<'a>,
    channel_drafts: &'b [ChannelDraft<'a>],
    slots: &'b [Slot],
    committed: Vec<CommittedPost<'b>>,
}

impl AssetLimits {
    /// The limits of the client's rules, as rows over the slots and the candidates of their channels.
    pub fn of<'a>(week: &ClientWeek<'a>, channel_drafts: &[ChannelDraft<'a>], slots: &[Slot]) -> Self {
        let mut applying: Vec<&LimitRules> =
            week.rules.limits.iter().filter(|one| one.scope == LimitScope::Client && one.is_of_assets()).collect();
        applying.retain(|limit| applies(limit, week) && runs(&limit.filter.campaigns, week));
        if applying.is_empty() {
            return Self::default();
        }
        applying.sort_by(|a, b| a.name.cmp(&b.name));
        let builder = Builder { week, channel_drafts, slots, committed: committed(week, channel_drafts) };
        let counts: Vec<AssetCount> = applying.into_iter().flat_map(|limit| builder.counts(limit)).collect();
        let prices = vec![0.0; counts.len()];
        Self { counts, prices }
    }

    /// The rows, one for each limit in a period.
    pub fn rows(&self) -> Vec<AssetRow> {
        self.counts.iter().map(|count| count.row.clone()).collect()
    }

    /// The same with the prices at which the assignment was found.
    pub fn at_prices(self, prices: Vec<f64>) -> Self {
        Self { prices, ..self }
    }

    /// The same with the prices of the limits among others that count in the same periods.
    pub fn at_prices_of(self, others: &AssetLimits) -> Self {
        let price = |count: &AssetCount| {
            let known = others.counts.iter().zip(&others.prices).find(|(other, _)| other.is_of_period(count));
            known.map_or(0.0, |(_, price)| *price)
        };
        let prices = self.counts.iter().map(price).collect();
        self.at_prices(prices)
    }

    /// Names of the limits that cost something.
    pub fn names_that_cost(&self) -> Vec<Arc<str>> {
        let priced = self.prices.iter().enumerate().filter(|(_, price)| **price > 0.0);
        self.names(&priced.map(|(row, _)| row).collect::<Vec<_>>())
    }

    /// Names of the limits of some rows.
    pub fn names(&self, rows: &[usize]) -> Vec<Arc<str>> {
        let names = rows.iter().filter_map(|row| self.counts.get(*row)).map(|count| Arc::clone(&count.name));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Names of the limits that cost something on a channel.
    pub fn names_on(&self, channel: Channel) -> Vec<&str> {
        let priced = self.counts.iter().zip(&self.prices).filter(|(_, price)| **price > 0.0);
        let on_channel = priced.filter(|(count, _)| count.channel.is_none_or(|own| own == channel));
        on_channel.map(|(count, _)| &*count.name).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How an assignment stands to the limits that cost something on a channel.
    pub fn costs_on(&self, channel: Channel, assignment: &Assignment) -> Vec<LimitUse> {
        let costs = self.uses(assignment).into_iter().filter(|used| used.price > 0.0);
        costs.filter(|used| used.channel.is_none_or(|own| own == channel)).collect()
    }

    /// What an assignment gives up for limits with a price.
    pub fn given_up(&self, assignment: &Assignment) -> f64 {
        let of_count = |count: &AssetCount| {
            count.row.price.map_or(0.0, |price| price * excess(count.row.used(assignment), count.row.at_most))
        };
        self.counts.iter().map(of_count).fold(0.0, |sum, cost| sum + cost)
    }

    /// How an assignment stands to the limits that are used up or cost something.
    pub fn uses(&self, assignment: &Assignment) -> Vec<LimitUse> {
        let is_shown = |count: &AssetCount, price: f64| {
            let is_short = count.asset.is_some() || count.hours <= 1;
            price > 0.0 || (!is_short && count.row.used(assignment) >= count.row.at_most)
        };
        let shown = self.counts.iter().zip(&self.prices).filter(|(count, price)| is_shown(count, **price));
        shown.map(|(count, price)| count.shown(assignment, *price)).collect()
    }
}

impl AssetCount {
    fn is_of_period(&self, other: &AssetCount) -> bool {
        let key = |count: &'_ AssetCount| (count.channel, count.from, count.hours);
        self.name == other.name && self.asset == other.asset && key(self) == key(other)
    }

    fn shown(&self, assignment: &Assignment, price: f64) -> LimitUse {
        let used = self.row.used(assignment);
        let posts = self.row.posts(assignment) + self.committed_of;
        // The row counts what is left of the limit: turned back into what the limit states.
        let used = match self.kind {
            LimitKind::AtMost => self.committed + used,
            LimitKind::AtLeast => self.committed - used,
            LimitKind::AtMostShare => self.allowed + (used - self.row.at_most) / posts.max(1.0),
            LimitKind::AtLeastShare => self.allowed - (used - self.row.at_most) / posts.max(1.0),
        };
        LimitUse {
            limit: Arc::clone(&self.name),
            kind: self.kind,
            channel: self.channel,
            asset: self.asset.clone(),
            is_weighed: self.is_weighed,
            from: self.from,
            hours: self.hours,
            allowed: self.allowed,
            used,
            price,
        }
    }
}

impl<'a> Builder<'_, 'a> {
    fn counts(&self, limit: &LimitRules) -> Vec<AssetCount> {
        let channels: Vec<Option<Channel>> = match limit.per_channel {
            true => self.channels(limit).map(Some).collect(),
            false => vec![None],
        };
        if self.channels(limit).next().is_none() {
            return Vec::new();
        }
        let assets: Vec<Option<AssetId>> = match limit.per_asset {
            true => self.assets().into_iter().cloned().map(Some).collect(),
            false => vec![None],
        };
        let periods = self.periods(limit.period);
        let mut counts = Vec::new();
        for channel in channels {
            for asset in &assets {
                counts.extend(periods.iter().filter_map(|hours| self.count(limit, channel, asset.as_ref(), *hours)));
            }
        }
        counts
    }

    /// The client's channels that a limit counts.
    fn channels<'s>(&'s self, limit: &'s LimitRules) -> impl Iterator<Item = Channel> {
        let named = &limit.filter.channels;
        let own = self.channel_drafts.iter().filter(|draft| draft.wanted > 0 || !named.is_empty());
        own.map(|draft| draft.state.channel).filter(|channel| named.is_empty() || named.contains(channel))
    }

    /// The assets that some channel can use, in the order of their ids.
    fn assets(&self) -> BTreeSet<&'a AssetId> {
        let candidates = self.channel_drafts.iter().flat_map(|draft| &draft.candidates);
        candidates.map(|scored| &scored.candidate.asset.id).collect()
    }

    fn periods(&self, period: LimitPeriod) -> Vec<Hours> {
        let hours = self.week.hours.hours();
        let end = hours.len() as i64;
        match period {
            LimitPeriod::Week => vec![Hours { first: 0, end }],
            LimitPeriod::Hour => (0..end).map(|first| Hours { first, end: first + 1 }).collect(),
            LimitPeriod::Day => {
                let begins = |hour: &i64| *hour == 0 || self.weekday(*hour) != self.weekday(hour - 1);
                let firsts: Vec<i64> = (0..end).filter(begins).collect();
                let ends = firsts.iter().skip(1).copied().chain([end]);
                firsts.iter().zip(ends).map(|(first, end)| Hours { first: *first, end }).collect()
            }
            // A period that exceeds the limit can be moved to begin with a post.
            LimitPeriod::Within(length) => {
                let planned = self.slots.iter().map(|slot| slot.hour as i64);
                let firsts: BTreeSet<i64> = planned.chain(self.committed.iter().map(|post| post.hour)).collect();
                firsts.into_iter().map(|first| Hours { first, end: first + i64::from(length) }).collect()
            }
        }
    }

    fn weekday(&self, hour: i64) -> Option<u8> {
        let hour = usize::try_from(hour).ok()?;
        self.week.hours.hours().get(hour).map(|wall| wall.weekday)
    }

    /// A limit in one period; `None` if nothing that is planned can break it.
    fn count(
        &self,
        limit: &LimitRules,
        channel: Option<Channel>,
        asset: Option<&AssetId>,
        hours: Hours,
    ) -> Option<AssetCount> {
        let (kind, allowed) = kind_of(limit.bound);
        let coefficient = |counted: f64| match kind {
            LimitKind::AtMost => counted,
            LimitKind::AtLeast => -counted,
            LimitKind::AtMostShare => counted - allowed,
            LimitKind::AtLeastShare => allowed - counted,
        };
        let mut terms = Vec::new();
        for (place, slot) in self.slots.iter().enumerate() {
            let Some(draft) = self.channel_drafts.get(slot.channel_draft) else { continue };
            if !hours.contains(slot.hour as i64) || channel.is_some_and(|own| own != draft.state.channel) {
                continue;
            }
            for (candidate, scored) in draft.candidates.iter().enumerate() {
                let counted = self.counted(limit, draft, slot, scored.candidate.asset, asset);
                if counted != 0.0 || kind.is_share() {
                    terms.push(AssetTerm { slot: place, candidate, coefficient: coefficient(counted) });
                }
            }
        }
        let (committed, committed_of) = self.committed_in(limit, channel, asset, hours);
        let at_most = match kind {
            LimitKind::AtMost => (allowed - committed).max(0.0),
            LimitKind::AtLeast => committed - allowed,
            LimitKind::AtMostShare => allowed * committed_of - committed,
            LimitKind::AtLeastShare => committed - allowed * committed_of,
        };
        let row = AssetRow { terms, at_most, price: limit.price };
        let from = self.week.client.zone.wall_time(self.week.hours.instant(hours.first));
        let length = u32::try_from(hours.end - hours.first).unwrap_or(u32::MAX);
        let (name, asset, is_weighed) = (Arc::clone(&limit.name), asset.cloned(), limit.weights.is_some());
        let count = AssetCount {
            name,
            kind,
            allowed,
            is_weighed,
            channel,
            asset,
            from,
            hours: length,
            row,
            committed,
            committed_of,
        };
        count.row.may_be_exceeded().then_some(count)
    }

    /// What a post at a slot counts with an asset.
    fn counted(
        &self,
        limit: &LimitRules,
        draft: &ChannelDraft<'_>,
        slot: &Slot,
        asset: &Asset,
        only: Option<&AssetId>,
    ) -> f64 {
        let filter = &limit.filter;
        let campaign = || draft.hours.day(self.week, slot.hour).and_then(|day| day.campaign_of(Some(asset)));
        let is_counted = (filter.channels.is_empty() || filter.channels.contains(&draft.state.channel))
            && counts_at(self.week, draft.minute, filter, slot.hour)
            && only.is_none_or(|only| *only == asset.id)
            && (filter.campaigns.is_empty() || campaign().is_some_and(|id| filter.campaigns.contains(id)));
        if is_counted { by_type(limit, Some(asset)) } else { 0.0 }
    }

    /// What committed posts count in a period, and their number.
    fn committed_in(
        &self,
        limit: &LimitRules,
        channel: Option<Channel>,
        asset: Option<&AssetId>,
        hours: Hours,
    ) -> (f64, f64) {
        let (mut counted, mut of) = (0.0, 0.0);
        let filter = &limit.filter;
        for post in self.committed.iter().filter(|post| hours.contains(post.hour)) {
            if channel.is_some_and(|own| own != post.channel) {
                continue;
            }
            of += 1.0;
            let wall = self.week.client.zone.wall_time(post.at);
            let is_counted = (filter.channels.is_empty() || filter.channels.contains(&post.channel))
                && filter.covers(wall)
                && asset.is_none_or(|only| post.asset.is_some_and(|own| own.id == *only))
                && (filter.campaigns.is_empty() || post.campaign.is_some_and(|id| filter.campaigns.contains(id)));
            if is_counted {
                counted += by_type(limit, post.asset);
            }
        }
        (counted, of)
    }
}

/// What a post counts by the content type of its asset.
fn by_type(limit: &LimitRules, asset: Option<&Asset>) -> f64 {
    let kind = asset.map_or("", |asset| &*asset.kind);
    let kinds = &limit.filter.kinds;
    if !kinds.is_empty() && !kinds.iter().any(|known| **known == *kind) {
        return 0.0;
    }
    limit.weights.as_ref().map_or(1.0, |weights| weights.get(kind).copied().unwrap_or(0.0))
}

/// Whether the client runs one of some campaigns in the week; true if there are none to run.
fn runs(campaigns: &[CampaignId], week: &ClientWeek<'_>) -> bool {
    let [first, last] = [0, 6].map(|weekday| week.hours.date(weekday));
    let is_running = |id: &CampaignId| {
        let own = week.client.campaigns.iter().find(|campaign| campaign.id == *id);
        own.is_some_and(|campaign| campaign.starts_on <= last && first <= campaign.ends_on)
    };
    campaigns.is_empty() || campaigns.iter().any(is_running)
}

/// The posts of the client that are committed, those of the week and those before it.
fn committed<'b, 'a: 'b>(week: &ClientWeek<'a>, channel_drafts: &'b [ChannelDraft<'a>]) -> Vec<CommittedPost<'b>> {
    let end = week.hours.len() as i64;
    let mut posts = Vec::new();
    for draft in channel_drafts {
        for at in &draft.state.recent_posts {
            let hour = week.hours.hour_of(*at);
            let is_use = |used: &&crate::model::AssetUse| used.channel == draft.state.channel && used.at == *at;
            let used = week.state.asset_uses.iter().find(is_use);
            let asset = used.and_then(|used| week.client.assets.iter().find(|asset| asset.id == used.asset_id));
            let in_week = usize::try_from(hour).ok().and_then(|hour| draft.hours.day(week, hour));
            let campaign = match in_week {
                Some(day) => day.campaign_of(asset),
                None => asset.and_then(|asset| asset.campaign_id.as_ref()),
            };
            if hour < end {
                posts.push(CommittedPost { channel: draft.state.channel, hour, at: *at, asset, campaign });
            }
        }
    }
    posts
}
