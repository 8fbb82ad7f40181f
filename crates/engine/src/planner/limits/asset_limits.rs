//! Limits that count posts by their assets: by content type, by campaign, or each asset on its own.
//!
//! Assets are assigned to slots that are already placed, so these limits are rows of the assignment, over slots and
//! assets. A slot for which they leave no asset is left out of the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDateTime;

use super::asset_order::{Followers, OrderRow, OrderRows, SlotsOfWeek};
use super::counted::{applies_to, counts_at, kind_and_number};
use crate::agents::ClientWeek;
use crate::model::{Asset, AssetId, CampaignId, Channel, FollowUp, LimitKind, LimitUse, Timestamp};
use crate::planner::asset_rows::{AssetPair, AssetRow, AssetTerm};
use crate::planner::assets::{Assignment, Slot};
use crate::planner::channel::ChannelDraft;
use crate::planner::coupling::excess;
use crate::rules::{LimitBound, LimitPeriod, LimitRules, LimitScope};

/// The limits of a client's week that count posts by their assets.
#[derive(Debug, Clone, Default)]
pub(in crate::planner) struct AssetLimits {
    rows: Vec<AssetLimitRow>,
    /// For each row, the price at which the assignment was found.
    prices: Vec<f64>,
    /// Slots that may have to use the same asset.
    pairs: Vec<AssetPair>,
}

/// A limit in one of its periods.
#[derive(Debug, Clone)]
struct AssetLimitRow {
    name: Arc<str>,
    kind: LimitKind,
    /// The number or the share of posts that the limit states.
    allowed: f64,
    /// Whether the weight of a post depends on the content type of its asset.
    is_weighed: bool,
    group: CountedGroup,
    /// First hour of the period, counted from the first of the week and negative before it.
    first_hour: i64,
    /// Start of the period on the client's clock.
    from: NaiveDateTime,
    /// Number of hours of the period.
    hours: u32,
    /// The limit as a row of the assignment.
    row: AssetRow,
    /// Sum of the weights of the committed posts in the period that count.
    committed: f64,
    /// Number of committed posts in the period, whether they count or not, because a share is taken of all posts.
    committed_total: f64,
    /// The posts that may follow, if the limit is on the order of channels.
    followers: Option<Followers>,
}

/// The posts that a limit counts on their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct CountedGroup {
    /// The channel, if each is counted on its own.
    channel: Option<Channel>,
    /// The campaign, if each is counted on its own.
    campaign: Option<CampaignId>,
    /// The asset, if each is counted on its own.
    asset: Option<AssetId>,
}

impl CountedGroup {
    fn is_on(&self, channel: Channel) -> bool {
        self.channel.is_none_or(|only| only == channel)
    }

    /// Whether posts of a campaign count in a limit. `campaign` is evaluated only if that depends on it.
    fn counts_campaign<'c>(&self, limit: &LimitRules, campaign: impl FnOnce() -> Option<&'c CampaignId>) -> bool {
        let counted = self.campaign.as_ref().map_or(limit.filter.campaigns.as_slice(), std::slice::from_ref);
        counted.is_empty() || campaign().is_some_and(|id| counted.contains(id))
    }
}

/// What identifies a row: the limit's name, the group, and the first hour and length of the period.
type RowKey<'r> = (&'r str, &'r CountedGroup, i64, u32);

/// A range of hours, counted from the first of the week and negative before it.
#[derive(Clone, Copy)]
struct HourRange {
    first: i64,
    end: i64,
}

impl HourRange {
    fn contains(self, hour: i64) -> bool {
        (self.first..self.end).contains(&hour)
    }
}

/// A committed post in the week, before it or after it. The asset and the campaign are `None` if they are unknown.
struct CommittedPost<'a> {
    channel: Channel,
    hour: i64,
    at: Timestamp,
    asset: Option<&'a Asset>,
    campaign: Option<&'a CampaignId>,
}

/// Builds the rows of limits.
struct RowBuilder<'b, 'a> {
    week: &'b ClientWeek<'a>,
    channel_drafts: &'b [ChannelDraft<'a>],
    slots: &'b [Slot],
    committed: Vec<CommittedPost<'b>>,
}

impl AssetLimits {
    /// The limits of the client's rules, as rows over the slots and the candidates of their channels.
    pub fn new(slots_of_week: &SlotsOfWeek<'_, '_>) -> Self {
        let SlotsOfWeek { week, channel_drafts, slots, .. } = *slots_of_week;
        let is_order = |limit: &LimitRules| matches!(limit.bound, LimitBound::FollowedBy(_));
        let is_included =
            |limit: &&LimitRules| limit.scope == LimitScope::Client && (limit.depends_on_assets() || is_order(limit));
        let mut applying: Vec<&LimitRules> = week.rules.limits.iter().filter(is_included).collect();
        applying.retain(|limit| applies_to(limit, week) && runs_any(&limit.filter.campaigns, week));
        let mut limits = Self::default();
        if applying.is_empty() {
            return limits;
        }
        applying.sort_by(|a, b| a.name.cmp(&b.name));
        let builder = RowBuilder { week, channel_drafts, slots, committed: committed_posts(week, channel_drafts) };
        for limit in applying {
            match limit.bound {
                LimitBound::FollowedBy(follow_up) => limits.add_order(slots_of_week, limit, follow_up),
                _ => limits.rows.extend(builder.rows(limit)),
            }
        }
        limits.prices = vec![0.0; limits.rows.len()];
        limits
    }

    /// Adds the rows of a limit on the order of channels.
    fn add_order(&mut self, slots_of_week: &SlotsOfWeek<'_, '_>, limit: &LimitRules, follow_up: FollowUp) {
        let OrderRows { rows, pairs } = OrderRows::new(slots_of_week, limit, follow_up);
        let (kind, allowed) = kind_and_number(limit.bound);
        let week = slots_of_week.week;
        self.pairs.extend(pairs);
        self.rows.extend(rows.into_iter().map(|OrderRow { channel, hour, asset, row, followers }| AssetLimitRow {
            name: Arc::clone(&limit.name),
            kind,
            allowed,
            is_weighed: false,
            group: CountedGroup { channel: Some(channel), campaign: None, asset },
            first_hour: hour,
            from: week.client.zone.wall_time(week.hours.instant(hour)),
            hours: 1,
            row,
            committed: 0.0,
            committed_total: 0.0,
            followers: Some(followers),
        }));
    }

    /// Slots that may have to use the same asset.
    pub fn pairs(&self) -> &[AssetPair] {
        &self.pairs
    }

    /// The limits as rows of the assignment.
    pub fn rows(&self) -> Vec<AssetRow> {
        self.rows.iter().map(|row| row.row.clone()).collect()
    }

    /// The same limits with the prices at which the assignment was found.
    pub fn with_prices(self, prices: Vec<f64>) -> Self {
        Self { prices, ..self }
    }

    /// The same limits with the prices that the same rows have in `others`, or 0.
    pub fn with_prices_of(self, others: &AssetLimits) -> Self {
        let mut price_of: BTreeMap<RowKey<'_>, f64> = BTreeMap::new();
        for (other, price) in others.rows.iter().zip(&others.prices) {
            price_of.entry(other.key()).or_insert(*price);
        }
        let prices = self.rows.iter().map(|row| price_of.get(&row.key()).copied().unwrap_or(0.0)).collect();
        self.with_prices(prices)
    }

    /// Names of the limits with a price above 0.
    pub fn priced_names(&self) -> Vec<Arc<str>> {
        let priced = self.prices.iter().enumerate().filter(|(_, price)| **price > 0.0);
        self.names(&priced.map(|(index, _)| index).collect::<Vec<_>>())
    }

    /// Names of the limits of the rows with the given indices.
    pub fn names(&self, indices: &[usize]) -> Vec<Arc<str>> {
        let names = indices.iter().filter_map(|index| self.rows.get(*index)).map(|row| Arc::clone(&row.name));
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Names of the limits with a price above 0 in which posts of a channel count, or follow others.
    pub fn priced_names_on(&self, channel: Channel) -> Vec<&str> {
        let priced = self.rows.iter().zip(&self.prices).filter(|(_, price)| **price > 0.0);
        let follow_up = |row: &AssetLimitRow| row.followers.as_ref().map(|followers| followers.follow_up);
        let on_channel = priced.filter(|(row, _)| is_on_channel(row.group.channel, follow_up(row), channel));
        on_channel.map(|(row, _)| &*row.name).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How much an assignment uses of the limits with a price above 0 in which posts of a channel count, or follow others.
    pub fn priced_uses_on(&self, channel: Channel, assignment: &Assignment) -> Vec<LimitUse> {
        let priced = self.uses(assignment).into_iter().filter(|used| used.price > 0.0);
        priced.filter(|used| is_on_channel(used.channel, used.follow_up, channel)).collect()
    }

    /// What an assignment loses by exceeding limits with a price.
    pub fn penalty(&self, assignment: &Assignment) -> f64 {
        let is_charged = |followers: &Followers| followers.have_other_assets(assignment);
        let of_row = |AssetLimitRow { row, followers, .. }: &AssetLimitRow| {
            let price = row.price.filter(|_| followers.as_ref().is_none_or(is_charged));
            price.map_or(0.0, |price| price * excess(row.used(assignment), row.at_most))
        };
        self.rows.iter().map(of_row).fold(0.0, |sum, penalty| sum + penalty)
    }

    /// How much an assignment uses of each limit, by period. Leaves out periods in which a limit costs nothing and is
    /// not used up, and limits on single hours or single assets that cost nothing.
    pub fn uses(&self, assignment: &Assignment) -> Vec<LimitUse> {
        let is_included = |limit: &AssetLimitRow, price: f64| {
            let is_narrow = limit.group.asset.is_some() || limit.hours <= 1;
            // Without the same asset, the limit on hours has the same periods.
            let is_on_hours = limit.followers.is_some() && limit.group.asset.is_none();
            (price > 0.0 && !is_on_hours) || (!is_narrow && limit.row.used(assignment) >= limit.row.at_most)
        };
        let included = self.rows.iter().zip(&self.prices).filter(|(limit, price)| is_included(limit, **price));
        included.map(|(limit, price)| limit.limit_use(assignment, *price)).collect()
    }
}

impl AssetLimitRow {
    fn key(&self) -> RowKey<'_> {
        (&self.name, &self.group, self.first_hour, self.hours)
    }

    fn limit_use(&self, assignment: &Assignment, price: f64) -> LimitUse {
        let used = self.row.used(assignment);
        let posts = self.row.posts(assignment) + self.committed_total;
        // Converts the row's sum, which excludes committed posts, to the number or share of posts that the limit
        // bounds.
        let used = match self.kind {
            LimitKind::AtMost => self.committed + used,
            LimitKind::AtLeast => self.committed - used,
            LimitKind::AtMostShare => self.allowed + (used - self.row.at_most) / posts.max(1.0),
            LimitKind::AtLeastShare => self.allowed - (used - self.row.at_most) / posts.max(1.0),
            LimitKind::FollowedBy => self.row.posts_that_lower_use(assignment),
        };
        LimitUse {
            limit: Arc::clone(&self.name),
            kind: self.kind,
            follow_up: self.followers.as_ref().map(|followers| followers.follow_up),
            channel: self.group.channel,
            asset: self.group.asset.clone(),
            campaign: self.group.campaign.clone(),
            is_weighed: self.is_weighed,
            first_hour: self.first_hour,
            from: self.from,
            hours: self.hours,
            allowed: self.allowed,
            used,
            price,
        }
    }
}

impl<'a> RowBuilder<'_, 'a> {
    fn rows(&self, limit: &LimitRules) -> Vec<AssetLimitRow> {
        let periods = self.periods(limit.period);
        let of_group = |group: CountedGroup| -> Vec<AssetLimitRow> {
            periods.iter().filter_map(|period| self.row(limit, &group, *period)).collect()
        };
        self.groups(limit).into_iter().flat_map(of_group).collect()
    }

    /// The groups of posts that a limit counts on their own: for all channels, campaigns and assets together, one group.
    fn groups(&self, limit: &LimitRules) -> Vec<CountedGroup> {
        let counted: Vec<Channel> = self.drafts(limit).map(|draft| draft.state.channel).collect();
        if counted.is_empty() {
            return Vec::new();
        }
        let mut groups = vec![CountedGroup::default()];
        if limit.per_channel {
            groups = split(&groups, &counted, |group, channel| CountedGroup { channel: Some(*channel), ..group });
        }
        if limit.per_campaign {
            let running: Vec<CampaignId> = self.running_campaigns(limit);
            groups = split(&groups, &running, |group, id| CountedGroup { campaign: Some(id.clone()), ..group });
        }
        if limit.per_asset {
            let assets: Vec<&AssetId> = self.assets().into_iter().collect();
            groups = split(&groups, &assets, |group, id| CountedGroup { asset: Some((*id).clone()), ..group });
        }
        groups
    }

    /// The client's campaigns that run in the week and that a limit counts, by id.
    fn running_campaigns(&self, limit: &LimitRules) -> Vec<CampaignId> {
        let named = &limit.filter.campaigns;
        let ids = self.week.client.campaigns.iter().map(|campaign| &campaign.id);
        let counted = ids.filter(|id| (named.is_empty() || named.contains(id)) && runs(id, self.week));
        counted.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The drafts of the client's channels that a limit counts.
    fn drafts<'s>(&'s self, limit: &'s LimitRules) -> impl Iterator<Item = &'s ChannelDraft<'a>> {
        let named = &limit.filter.channels;
        let is_counted = move |draft: &&ChannelDraft<'_>| match named.as_slice() {
            [] => draft.posts_wanted > 0,
            named => named.contains(&draft.state.channel),
        };
        self.channel_drafts.iter().filter(is_counted)
    }

    /// The assets that some channel can use, in the order of their ids.
    fn assets(&self) -> BTreeSet<&'a AssetId> {
        let candidates = self.channel_drafts.iter().flat_map(|draft| &draft.candidates);
        candidates.map(|scored| &scored.candidate.asset.id).collect()
    }

    fn periods(&self, period: LimitPeriod) -> Vec<HourRange> {
        let hours = self.week.hours.hours();
        let end = hours.len() as i64;
        match period {
            LimitPeriod::Week => vec![HourRange { first: 0, end }],
            LimitPeriod::Hour => (0..end).map(|first| HourRange { first, end: first + 1 }).collect(),
            LimitPeriod::Day => {
                let starts_day = |hour: &i64| *hour == 0 || self.weekday(*hour) != self.weekday(hour - 1);
                let firsts: Vec<i64> = (0..end).filter(starts_day).collect();
                let ends = firsts.iter().skip(1).copied().chain([end]);
                firsts.iter().zip(ends).map(|(first, end)| HourRange { first: *first, end }).collect()
            }
            // If any period breaks the limit, one that starts at a post does.
            LimitPeriod::Within(length) => {
                let planned = self.slots.iter().map(|slot| slot.hour as i64);
                let firsts: BTreeSet<i64> = planned.chain(self.committed.iter().map(|post| post.hour)).collect();
                firsts.into_iter().map(|first| HourRange { first, end: first + i64::from(length) }).collect()
            }
        }
    }

    fn weekday(&self, hour: i64) -> Option<u8> {
        let hour = usize::try_from(hour).ok()?;
        self.week.hours.hours().get(hour).map(|wall| wall.weekday)
    }

    /// Whether a post of a group at some hour of a period may count: the time meets the limit's conditions, and the
    /// group's campaign runs.
    fn counts_any(&self, limit: &LimitRules, group: &CountedGroup, period: HourRange) -> bool {
        let runs_at = |draft: &ChannelDraft<'_>, hour: usize| {
            let day = || draft.hours.day(self.week, hour);
            let runs = |id: &CampaignId| day().is_some_and(|day| day.campaigns.iter().any(|other| other.id == *id));
            group.campaign.as_ref().is_none_or(runs)
        };
        let mut drafts = self.drafts(limit).filter(|draft| group.is_on(draft.state.channel));
        drafts.any(|draft| {
            let mut hours = (period.first..period.end).filter_map(|hour| usize::try_from(hour).ok());
            hours.any(|hour| runs_at(draft, hour) && counts_at(self.week, draft.minute, &limit.filter, hour))
        })
    }

    /// A limit in one period; `None` if no assignment can break it, or if it asks for posts though none may count.
    fn row(&self, limit: &LimitRules, group: &CountedGroup, period: HourRange) -> Option<AssetLimitRow> {
        let (kind, allowed) = kind_and_number(limit.bound);
        if kind != LimitKind::AtMost && !self.counts_any(limit, group, period) {
            return None;
        }
        let (committed, committed_total) = self.committed_in(limit, group, period);
        let at_most = match kind {
            LimitKind::AtMost => (allowed - committed).max(0.0),
            // Not used for orders, whose rows are those of `asset_order`.
            LimitKind::AtLeast | LimitKind::FollowedBy => committed - allowed,
            LimitKind::AtMostShare => allowed * committed_total - committed,
            LimitKind::AtLeastShare => committed - allowed * committed_total,
        };
        let row = AssetRow { terms: self.terms(limit, group, period), at_most, price: limit.price };
        let limit_row = AssetLimitRow {
            name: Arc::clone(&limit.name),
            kind,
            allowed,
            is_weighed: limit.weights.is_some(),
            group: group.clone(),
            first_hour: period.first,
            from: self.week.client.zone.wall_time(self.week.hours.instant(period.first)),
            hours: u32::try_from(period.end - period.first).unwrap_or(u32::MAX),
            row,
            committed,
            committed_total,
            followers: None,
        };
        limit_row.row.may_be_exceeded().then_some(limit_row)
    }

    /// The terms of a limit in one period: what each asset counts at each slot.
    fn terms(&self, limit: &LimitRules, group: &CountedGroup, period: HourRange) -> Vec<AssetTerm> {
        let (kind, allowed) = kind_and_number(limit.bound);
        let coefficient = |weight: f64| match kind {
            LimitKind::AtMost => weight,
            // As above, not used for orders.
            LimitKind::AtLeast | LimitKind::FollowedBy => -weight,
            LimitKind::AtMostShare => weight - allowed,
            LimitKind::AtLeastShare => allowed - weight,
        };
        let mut terms = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            let Some(draft) = self.channel_drafts.get(slot.channel_draft) else { continue };
            if !period.contains(slot.hour as i64) || !group.is_on(draft.state.channel) {
                continue;
            }
            for (candidate, scored) in draft.candidates.iter().enumerate() {
                let weight = self.weight(limit, draft, slot, scored.candidate.asset, group);
                if weight != 0.0 || kind.is_share() {
                    terms.push(AssetTerm { slot: index, candidate, coefficient: coefficient(weight) });
                }
            }
        }
        terms
    }

    /// How much a post at a slot counts with an asset in a group; 0 if it does not count.
    fn weight(
        &self,
        limit: &LimitRules,
        draft: &ChannelDraft<'_>,
        slot: &Slot,
        asset: &Asset,
        group: &CountedGroup,
    ) -> f64 {
        let filter = &limit.filter;
        let campaign = || draft.hours.day(self.week, slot.hour).and_then(|day| day.campaign_of(Some(asset)));
        let is_counted = (filter.channels.is_empty() || filter.channels.contains(&draft.state.channel))
            && counts_at(self.week, draft.minute, filter, slot.hour)
            && group.asset.as_ref().is_none_or(|only| *only == asset.id)
            && group.counts_campaign(limit, campaign);
        if is_counted { weight_of_kind(limit, Some(asset)) } else { 0.0 }
    }

    /// Sum of the weights of the committed posts in a period that count in a group, and the number of all on its channel.
    fn committed_in(&self, limit: &LimitRules, group: &CountedGroup, period: HourRange) -> (f64, f64) {
        let (mut weights, mut total) = (0.0, 0.0);
        let filter = &limit.filter;
        for post in self.committed.iter().filter(|post| period.contains(post.hour) && group.is_on(post.channel)) {
            total += 1.0;
            let wall = self.week.client.zone.wall_time(post.at);
            let is_counted = (filter.channels.is_empty() || filter.channels.contains(&post.channel))
                && filter.covers(wall)
                && group.asset.as_ref().is_none_or(|only| post.asset.is_some_and(|asset| asset.id == *only))
                && group.counts_campaign(limit, || post.campaign);
            if is_counted {
                weights += weight_of_kind(limit, post.asset);
            }
        }
        (weights, total)
    }
}

/// Each group for each of some values.
fn split<T>(
    groups: &[CountedGroup],
    values: &[T],
    with: impl Fn(CountedGroup, &T) -> CountedGroup,
) -> Vec<CountedGroup> {
    let of_group = |group: &CountedGroup| values.iter().map(|value| with(group.clone(), value)).collect::<Vec<_>>();
    groups.iter().flat_map(of_group).collect()
}

/// Whether posts of a channel count in a limit or, if it is on the order of channels, follow others. `only` is the channel
/// whose posts count, or must be followed; `None` if all count.
fn is_on_channel(only: Option<Channel>, follow_up: Option<FollowUp>, channel: Channel) -> bool {
    only.is_none_or(|only| only == channel) || follow_up.is_some_and(|follow_up| follow_up.channel == channel)
}

/// How much a post counts by the content type of its asset; 0 if the limit does not count the type.
fn weight_of_kind(limit: &LimitRules, asset: Option<&Asset>) -> f64 {
    let kind = asset.map_or("", |asset| &*asset.kind);
    let kinds = &limit.filter.kinds;
    if !kinds.is_empty() && !kinds.iter().any(|counted| **counted == *kind) {
        return 0.0;
    }
    limit.weights.as_ref().map_or(1.0, |weights| weights.get(kind).copied().unwrap_or(0.0))
}

/// Whether the client runs one of the given campaigns in the week; true if none are given.
fn runs_any(campaigns: &[CampaignId], week: &ClientWeek<'_>) -> bool {
    campaigns.is_empty() || campaigns.iter().any(|id| runs(id, week))
}

/// Whether the client runs a campaign in the week.
fn runs(id: &CampaignId, week: &ClientWeek<'_>) -> bool {
    let [first, last] = [0, 6].map(|weekday| week.hours.date(weekday));
    let campaign = week.client.campaigns.iter().find(|campaign| campaign.id == *id);
    campaign.is_some_and(|campaign| campaign.starts_on <= last && first <= campaign.ends_on)
}

/// The client's committed posts in the week, before it and after it.
fn committed_posts<'b, 'a: 'b>(
    week: &ClientWeek<'a>,
    channel_drafts: &'b [ChannelDraft<'a>],
) -> Vec<CommittedPost<'b>> {
    let mut posts = Vec::new();
    for draft in channel_drafts {
        for at in &draft.state.recent_posts {
            let hour = week.hours.hour_of(*at);
            let is_of_post = |used: &&crate::model::AssetUse| used.channel == draft.state.channel && used.at == *at;
            let asset_use = week.state.asset_uses.iter().find(is_of_post);
            let asset = asset_use.and_then(|used| week.client.assets.iter().find(|asset| asset.id == used.asset_id));
            let day = usize::try_from(hour).ok().and_then(|hour| draft.hours.day(week, hour));
            let campaign = match day {
                Some(day) => day.campaign_of(asset),
                None => asset.and_then(|asset| asset.campaign_id.as_ref()),
            };
            posts.push(CommittedPost { channel: draft.state.channel, hour, at: *at, asset, campaign });
        }
    }
    posts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit in one hour.
    fn row(first_hour: i64) -> AssetLimitRow {
        AssetLimitRow {
            name: "photos".into(),
            kind: LimitKind::AtMost,
            allowed: 1.0,
            is_weighed: false,
            group: CountedGroup::default(),
            first_hour,
            from: "2026-10-25T01:00:00".parse().unwrap(),
            hours: 1,
            row: AssetRow { terms: Vec::new(), at_most: 1.0, price: None },
            committed: 0.0,
            committed_total: 0.0,
            followers: None,
        }
    }

    #[test]
    fn prices_are_those_of_the_same_hour_and_not_of_another_that_the_clock_shows_alike() {
        // The clock goes back at 02:00, so that hours 145 and 146 both begin at 01:00.
        let limits = || AssetLimits { rows: vec![row(145), row(146)], ..AssetLimits::default() };
        let priced = limits().with_prices(vec![2.0, 3.0]);
        assert_eq!(limits().with_prices_of(&priced).prices, [2.0, 3.0]);
        let second = AssetLimits { rows: vec![row(146)], ..AssetLimits::default() };
        assert_eq!(second.with_prices_of(&priced).prices, [3.0]);
    }

    #[test]
    fn an_order_is_a_limit_on_the_channel_that_leads_and_on_the_one_that_follows() {
        let follow_up = FollowUp { channel: Channel::X, after_hours: 2, until_hours: 4, same_asset: true };
        let order = AssetLimitRow {
            name: "order".into(),
            kind: LimitKind::FollowedBy,
            group: CountedGroup {
                channel: Some(Channel::Linkedin),
                asset: Some(AssetId::new("a")),
                ..CountedGroup::default()
            },
            followers: Some(Followers { follow_up, slots: Vec::new(), is_followed_already: false }),
            ..row(8)
        };
        let group = CountedGroup { channel: Some(Channel::Fb), ..CountedGroup::default() };
        let on_fb = AssetLimitRow { group, ..row(8) };
        let limits = AssetLimits { rows: vec![order, on_fb], ..AssetLimits::default() };
        let limits = limits.with_prices(vec![2.0, 3.0]);
        let names_of_uses = |channel: Channel| -> Vec<String> {
            let uses = limits.priced_uses_on(channel, &Vec::new()).into_iter();
            uses.map(|used| used.limit.to_string()).collect()
        };
        for (channel, expected) in [
            (Channel::Linkedin, &["order"][..]),
            (Channel::X, &["order"][..]),
            (Channel::Fb, &["photos"][..]),
            (Channel::Ig, &[][..]),
        ] {
            assert_eq!(limits.priced_names_on(channel), expected, "{channel}");
            assert_eq!(names_of_uses(channel), expected, "{channel}");
        }
    }
}
