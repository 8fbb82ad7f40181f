//! Checks limits on the order of channels: each post that such a limit selects is followed by one on another channel,
//! within some hours and, if the limit says so, with the same asset.
//!
//! What matters in a week are the posts whose last hour to be followed lies in the week. A committed post counts only as
//! long as another could still follow it.

use std::collections::BTreeSet;

use super::Findings;
use super::assets::{OnChannel, asset_by_id};
use super::case::ClientCase;
use super::channel::ChannelCase;
use super::clock::HOUR;
use super::limit_period::{LimitPeriodCase, applies_to, counts};
use crate::model::{AssetId, FollowUp, Timestamp};
use crate::rules::{LimitBound, LimitFilter, LimitRules};

/// A limit on the order of channels, for a client that has the channel that follows.
pub(super) struct Order<'c, 'a> {
    case: &'c ClientCase<'a>,
    channels: &'c [ChannelCase<'a>],
    follower: &'c ChannelCase<'a>,
    follower_index: usize,
    filter: &'a LimitFilter,
    follow_up: FollowUp,
}

/// A post at an hour of a channel, with its asset if that is known.
struct PlacedAsset<'p> {
    hour: i64,
    at: Timestamp,
    asset: Option<&'p AssetId>,
}

impl<'c, 'a> Order<'c, 'a> {
    /// `None` if the client does not have the channel that follows.
    pub fn of(
        case: &'c ClientCase<'a>,
        channels: &'c [ChannelCase<'a>],
        filter: &'a LimitFilter,
        follow_up: FollowUp,
    ) -> Option<Self> {
        let follower_index = channels.iter().position(|channel| channel.state.channel == follow_up.channel)?;
        let follower = channels.get(follower_index)?;
        Some(Self { case, channels, follower, follower_index, filter, follow_up })
    }

    /// Whether posts of a channel are to be followed.
    fn leads(&self, channel: &ChannelCase<'_>) -> bool {
        let name = channel.state.channel;
        name != self.follow_up.channel && (self.filter.channels.is_empty() || self.filter.channels.contains(&name))
    }

    /// Whether the last hour in which a post at `hour` can be followed lies in the week.
    fn is_due(&self, hour: i64) -> bool {
        let last = hour + i64::from(self.follow_up.until_hours);
        0 <= last && last < self.case.clock.len()
    }

    /// Whether a post at the hour `later` follows one at the hour `earlier`.
    fn follows(&self, earlier: i64, later: i64) -> bool {
        let distance = later - earlier;
        i64::from(self.follow_up.after_hours) <= distance && distance <= i64::from(self.follow_up.until_hours)
    }

    /// The committed posts of a channel, those before the week included.
    fn committed(&self, channel: &'c ChannelCase<'a>) -> impl Iterator<Item = PlacedAsset<'c>> {
        let state = channel.state;
        state.recent_posts.iter().map(|at| {
            let mut uses = self.case.state.asset_uses.iter();
            let used = uses.find(|used| used.channel == state.channel && used.at == *at);
            PlacedAsset { hour: self.case.clock.hour_of(*at), at: *at, asset: used.map(|used| &used.asset_id) }
        })
    }

    /// The committed posts that follow one at an hour.
    fn committed_after(&self, hour: i64) -> impl Iterator<Item = PlacedAsset<'c>> {
        self.committed(self.follower).filter(move |later| self.follows(hour, later.hour))
    }

    /// The committed posts of a channel that must be followed by a planned post.
    fn open_committed(&self, channel: &'c ChannelCase<'a>) -> Vec<PlacedAsset<'c>> {
        let zone = &self.case.client.zone;
        let counted = self.committed(channel).filter(|post| self.filter.covers(zone.wall_time(post.at)));
        let due = counted.filter(|post| self.leads(channel) && self.is_due(post.hour));
        due.filter(|post| {
            let is_same = |later: &PlacedAsset<'_>| later.asset.is_some() && later.asset == post.asset;
            let suits = |later: PlacedAsset<'_>| !self.follow_up.same_asset || is_same(&later);
            !self.committed_after(post.hour).any(suits) && self.can_be_followed(post)
        })
        .collect()
    }

    /// Whether a post could still be planned that follows a committed one.
    fn can_be_followed(&self, post: &PlacedAsset<'_>) -> bool {
        let open = self.follower.open_hours().into_iter();
        let mut following = open.filter(|hour| self.follows(post.hour, *hour));
        match self.follow_up.same_asset {
            _ if self.follower.posts_max() == Some(0) => false,
            false => following.next().is_some(),
            true => following.any(|hour| self.can_use(post.asset, hour)),
        }
    }

    /// Whether the channel that follows can use an asset at an hour.
    fn can_use(&self, asset: Option<&AssetId>, hour: i64) -> bool {
        let Some(asset) = asset.and_then(|id| asset_by_id(self.case, id)) else { return false };
        let on_channel = OnChannel::of(self.case, asset, self.follow_up.channel);
        let at = self.case.clock.start + hour * HOUR + self.follower.minute() * 60;
        on_channel.is_usable(self.case) && on_channel.is_usable_at(self.case, at)
    }

    /// Each hour in which a post must be followed, as a period of the limit.
    pub fn periods(&self, name: &'a str, price: Option<f64>) -> Vec<LimitPeriodCase<'a>> {
        let mut periods = Vec::new();
        for (index, channel) in self.channels.iter().enumerate().filter(|(_, channel)| self.leads(channel)) {
            let committed: BTreeSet<i64> = self.open_committed(channel).iter().map(|post| post.hour).collect();
            let planned = (0..self.case.clock.len()).filter(|hour| {
                let may_be_planned = !committed.contains(hour) && counts(channel, *hour, self.filter);
                may_be_planned && self.is_due(*hour) && self.committed_after(*hour).next().is_none()
            });
            let hours = planned.map(|hour| (hour, false)).chain(committed.iter().map(|hour| (*hour, true)));
            periods.extend(hours.map(|(hour, is_committed)| {
                let at_most = if is_committed { -1.0 } else { 0.0 };
                let from = self.case.clock.start + hour * HOUR;
                LimitPeriodCase {
                    name,
                    channel: Some(channel.state.channel),
                    first_hour: hour,
                    from: self.case.client.zone.wall_time(Timestamp::from_second(from)),
                    coefficients: self.coefficients(index, hour, is_committed),
                    at_most,
                    price,
                }
            }));
        }
        periods
    }

    /// Coefficient of a post, by channel and hour: 1 for the post that must be followed, -1 for one that follows it.
    fn coefficients(&self, leader: usize, leading_hour: i64, is_committed: bool) -> Vec<Vec<f64>> {
        let coefficient = |channel: usize, hour: i64| match channel {
            _ if channel == leader && hour == leading_hour && !is_committed => 1.0,
            _ if channel == self.follower_index && self.follows(leading_hour, hour) => -1.0,
            _ => 0.0,
        };
        let of_channel = |channel: usize| (0..self.case.clock.len()).map(|hour| coefficient(channel, hour)).collect();
        (0..self.channels.len()).map(of_channel).collect()
    }
}

/// Checks the assets of posts that limits on the order of channels select. Returns the penalty for the posts that others
/// follow with other assets though their limit, which has a price, requires the same; blocked posts do not count for it.
pub(super) fn check_assets(case: &ClientCase<'_>, channels: &[ChannelCase<'_>], findings: &mut Findings) -> f64 {
    let mut penalty = 0.0;
    for limit in case.base().limits.iter().filter(|limit| applies_to(limit, case)) {
        let LimitBound::FollowedBy(follow_up) = limit.bound else { continue };
        let Some(order) = Order::of(case, channels, &limit.filter, follow_up) else { continue };
        for channel in channels.iter().filter(|channel| order.leads(channel)) {
            order.check_planned(limit, channel, findings);
            order.check_committed(limit, channel, findings);
            let unlike = order.followed_unlike(channel) as f64;
            penalty += limit.price.unwrap_or(0.0) * unlike;
        }
    }
    penalty
}

impl<'c, 'a> Order<'c, 'a> {
    /// The planned posts of a channel that must be followed and have an asset.
    fn planned(&self, channel: &'c ChannelCase<'a>, only_live: bool) -> Vec<PlacedAsset<'c>> {
        let counted = planned_with_assets(channel, only_live).into_iter().filter(|post| self.is_due(post.hour));
        counted.filter(|post| counts(channel, post.hour, self.filter)).collect()
    }

    /// The planned posts with assets that follow one at an hour.
    fn planned_after(&self, hour: i64, only_live: bool) -> Vec<PlacedAsset<'c>> {
        let planned = planned_with_assets(self.follower, only_live).into_iter();
        planned.filter(|later| self.follows(hour, later.hour)).collect()
    }

    /// Whether a post that follows has the asset that it needs.
    fn suits(&self, post: &PlacedAsset<'_>, later: &PlacedAsset<'_>) -> bool {
        !self.follow_up.same_asset || later.asset == post.asset
    }

    fn check_planned(&self, limit: &LimitRules, channel: &'c ChannelCase<'a>, findings: &mut Findings) {
        for post in self.planned(channel, false).iter().filter(|_| limit.price.is_none()) {
            let mut following = self.planned_after(post.hour, false).into_iter().chain(self.committed_after(post.hour));
            if !following.any(|later| self.suits(post, &later)) {
                self.report(limit, channel, post, findings);
            }
        }
    }

    /// A committed post is followed with the same asset if some planned post that follows it can use the asset.
    fn check_committed(&self, limit: &LimitRules, channel: &'c ChannelCase<'a>, findings: &mut Findings) {
        for post in self.open_committed(channel).iter().filter(|_| limit.price.is_none()) {
            let hours = self.follower.posts.iter().map(|placed| placed.hour);
            let mut following = hours.filter(|hour| self.follows(post.hour, *hour));
            let can_suit = following.any(|hour| !self.follow_up.same_asset || self.can_use(post.asset, hour));
            let planned = self.planned_after(post.hour, false);
            let has_candidates = self.follow_up.same_asset || !planned.is_empty();
            if can_suit && has_candidates && !planned.iter().any(|later| self.suits(post, later)) {
                self.report(limit, channel, post, findings);
            }
        }
    }

    fn report(&self, limit: &LimitRules, channel: &ChannelCase<'_>, post: &PlacedAsset<'_>, findings: &mut Findings) {
        let asset = if self.follow_up.same_asset { " with its asset" } else { "" };
        let detail = format!(
            "no post on {} follows the one on {} at {}{asset}, which breaks `{}`",
            self.follow_up.channel, channel.state.channel, post.at, limit.name
        );
        findings.report_client("limits", detail);
    }

    /// Number of posts of a channel that must be followed with the same asset, and are followed with other ones only. What
    /// it costs that no post follows is part of the limit on hours.
    fn followed_unlike(&self, channel: &'c ChannelCase<'a>) -> usize {
        if !self.follow_up.same_asset {
            return 0;
        }
        let is_unlike = |post: &PlacedAsset<'_>, following: Vec<PlacedAsset<'_>>| {
            !following.is_empty() && !following.iter().any(|later| later.asset == post.asset)
        };
        let planned = self.planned(channel, true);
        let planned = planned.iter().filter(|post| {
            is_unlike(
                post,
                self.planned_after(post.hour, true).into_iter().chain(self.committed_after(post.hour)).collect(),
            )
        });
        let committed = self.open_committed(channel);
        let committed = committed.iter().filter(|post| {
            let hours = self.follower.posts.iter().map(|placed| placed.hour);
            let mut following = hours.filter(|hour| self.follows(post.hour, *hour));
            following.any(|hour| self.can_use(post.asset, hour)) && is_unlike(post, self.planned_after(post.hour, true))
        });
        planned.count() + committed.count()
    }
}

/// The planned posts of a channel with an asset. If `only_live`, without blocked ones.
fn planned_with_assets<'p>(channel: &'p ChannelCase<'_>, only_live: bool) -> Vec<PlacedAsset<'p>> {
    let included = channel.posts.iter().filter(|placed| !only_live || placed.post.is_live());
    let with_asset = included.filter_map(|placed| {
        let asset = placed.post.asset.as_ref()?.used();
        Some(PlacedAsset { hour: placed.hour, at: placed.post.at, asset: Some(asset) })
    });
    with_asset.collect()
}
