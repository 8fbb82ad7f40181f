//! Limits on the order of channels: a post on one channel must follow each leader, a post on another, within some hours.
//!
//! A post is due to be followed in the week in which the hours end in which another may follow it. So a post of the last
//! hours of a week needs no follow-up in that week; the next week's plan requires one if there is none yet. If no hour is
//! left in which another post could follow a committed post, nothing is required.

use std::collections::BTreeSet;

use super::counted::{Chosen, counts_at};
use crate::agents::ClientWeek;
use crate::agents::creative_director::Histories;
use crate::model::{AssetId, Channel, FollowUp, Timestamp};
use crate::planner::assets::may_use;
use crate::planner::assets::slot_at;
use crate::planner::channel::ChannelDraft;
use crate::rules::{LimitFilter, LimitRules};

/// Hours in which a post may follow another, counted from the first hour of the week and negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub first: i64,
    /// The last hour, inclusive.
    pub last: i64,
}

impl Window {
    pub fn contains(self, hour: i64) -> bool {
        (self.first..=self.last).contains(&hour)
    }

    /// The hours that lie in the week.
    fn hours_in_week(self) -> impl Iterator<Item = usize> {
        (self.first.max(0)..=self.last).filter_map(|hour| usize::try_from(hour).ok())
    }
}

/// The hour of a leader that no committed post follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FollowedHour {
    /// Counted from the first hour of the week, and negative before it.
    pub hour: i64,
    /// Index of the channel that follows.
    follower: usize,
    window: Window,
    /// Whether the leader is committed; otherwise it may be planned.
    is_committed: bool,
}

impl FollowedHour {
    /// The coefficient of a post of a channel at an hour of the week. `is_leader` says whether the channel is that of the
    /// leader.
    pub fn coefficient(self, is_leader: bool, channel: usize, hour: usize) -> f64 {
        let hour = hour as i64;
        if is_leader && !self.is_committed && hour == self.hour {
            1.0
        } else if channel == self.follower && self.window.contains(hour) {
            -1.0
        } else {
            0.0
        }
    }

    /// Upper bound of the row.
    pub fn at_most(self) -> f64 {
        if self.is_committed { -1.0 } else { 0.0 }
    }

    /// The hour of the week, if the leader may be planned; `None` if it is committed.
    pub fn planned_hour(self) -> Option<usize> {
        usize::try_from(self.hour).ok().filter(|_| !self.is_committed)
    }

    /// Number of chosen posts that follow.
    pub fn posts_that_follow(self, chosen: &Chosen) -> f64 {
        let hours = chosen.get(self.follower).map_or(&[][..], Vec::as_slice);
        hours.iter().filter(|hour| self.window.contains(**hour as i64)).count() as f64
    }
}

/// A committed leader that no post follows yet.
pub(super) struct CommittedLeader {
    /// Index of its channel.
    pub channel: usize,
    pub hour: i64,
    /// Its asset, if the post that follows must have the same.
    pub asset: Option<AssetId>,
}

/// A limit on the order of channels in a client's week.
pub(super) struct FollowRule<'b, 'a> {
    week: &'b ClientWeek<'a>,
    channel_drafts: &'b [ChannelDraft<'a>],
    /// Past and committed uses of the client's assets.
    histories: &'b Histories,
    filter: &'b LimitFilter,
    follow_up: FollowUp,
    /// The channel that follows, and its index.
    follower: &'b ChannelDraft<'a>,
    pub follower_index: usize,
}

impl<'b, 'a> FollowRule<'b, 'a> {
    /// `None` if the client does not have the channel that follows.
    pub fn new(
        week: &'b ClientWeek<'a>,
        channel_drafts: &'b [ChannelDraft<'a>],
        histories: &'b Histories,
        rules: &'b LimitRules,
        follow_up: FollowUp,
    ) -> Option<Self> {
        let mut drafts = channel_drafts.iter().enumerate();
        let (follower_index, follower) = drafts.find(|(_, draft)| draft.state.channel == follow_up.channel)?;
        Some(Self { week, channel_drafts, histories, filter: &rules.filter, follow_up, follower, follower_index })
    }

    /// The hours in which another post may follow one at `hour`; `None` if they end in another week.
    pub fn window(&self, hour: i64) -> Option<Window> {
        let FollowUp { after_hours, until_hours, .. } = self.follow_up;
        let window = Window { first: hour + i64::from(after_hours), last: hour + i64::from(until_hours) };
        (0..self.week.hours.len() as i64).contains(&window.last).then_some(window)
    }

    /// Whether posts of a channel are leaders, if they are selected by their time.
    fn leads(&self, channel: Channel) -> bool {
        let named = &self.filter.channels;
        channel != self.follow_up.channel && (named.is_empty() || named.contains(&channel))
    }

    /// Whether a planned post of a channel at an hour is a leader.
    pub fn must_be_followed(&self, draft: &ChannelDraft<'_>, hour: usize) -> bool {
        self.leads(draft.state.channel) && counts_at(self.week, draft.minute, self.filter, hour)
    }

    /// The asset of each committed post of the channel that follows in some hours; `None` if it is unknown.
    pub fn committed_in(&self, window: Window) -> impl Iterator<Item = Option<&'b AssetId>> {
        let state = self.follower.state;
        let in_window = state.recent_posts.iter().filter(move |at| window.contains(self.week.hours.hour_of(**at)));
        in_window.map(move |at| self.asset_used(state.channel, *at))
    }

    fn asset_used(&self, channel: Channel, at: Timestamp) -> Option<&'b AssetId> {
        let mut uses = self.week.state.asset_uses.iter();
        uses.find(|used| used.channel == channel && used.at == at).map(|used| &used.asset_id)
    }

    /// The hours of leaders, each with the index of the channel. Leaves out those that a committed post follows.
    pub fn followed_hours(&self) -> Vec<(usize, FollowedHour)> {
        let committed = self.committed_leaders();
        let committed: BTreeSet<(usize, i64)> = committed.iter().map(|leader| (leader.channel, leader.hour)).collect();
        let mut hours: Vec<(usize, FollowedHour)> = Vec::new();
        for (channel, draft) in self.channel_drafts.iter().enumerate() {
            let hours_of_week = (0..self.week.hours.len()).filter(|hour| self.must_be_followed(draft, *hour));
            let free = hours_of_week.map(|hour| hour as i64).filter(|hour| !committed.contains(&(channel, *hour)));
            let open = free.filter_map(|hour| Some((hour, self.window(hour)?)));
            let unfollowed = open.filter(|(_, window)| self.committed_in(*window).next().is_none());
            hours.extend(unfollowed.map(|(hour, window)| (channel, self.followed_hour(hour, window, false))));
        }
        let committed = committed.into_iter().filter_map(|(channel, hour)| Some((channel, hour, self.window(hour)?)));
        hours.extend(committed.map(|(channel, hour, window)| (channel, self.followed_hour(hour, window, true))));
        hours
    }

    fn followed_hour(&self, hour: i64, window: Window, is_committed: bool) -> FollowedHour {
        FollowedHour { hour, follower: self.follower_index, window, is_committed }
    }

    /// The committed leaders that a post must follow in the week, and could, but none does yet.
    pub fn committed_leaders(&self) -> Vec<CommittedLeader> {
        let mut leaders = Vec::new();
        for (channel, draft) in self.channel_drafts.iter().enumerate() {
            if !self.leads(draft.state.channel) {
                continue;
            }
            for at in &draft.state.recent_posts {
                let hour = self.week.hours.hour_of(*at);
                let is_counted = self.filter.covers(self.week.client.zone.wall_time(*at));
                let Some(window) = self.window(hour).filter(|_| is_counted) else { continue };
                let asset = self.asset_used(draft.state.channel, *at).filter(|_| self.follow_up.same_asset);
                if !self.is_followed(window, asset) && self.may_be_followed(window, asset) {
                    leaders.push(CommittedLeader { channel, hour, asset: asset.cloned() });
                }
            }
        }
        leaders
    }

    /// Whether a committed post follows, with the given asset if the asset must be the same.
    fn is_followed(&self, window: Window, asset: Option<&AssetId>) -> bool {
        self.committed_in(window).any(|used| !self.follow_up.same_asset || (used.is_some() && used == asset))
    }

    /// Whether a post can still be planned in the window, with the given asset if the asset must be the same.
    fn may_be_followed(&self, window: Window, asset: Option<&AssetId>) -> bool {
        let ChannelDraft { hours, closed, instance, .. } = self.follower;
        let is_open =
            |hour: &usize| hours.forbidden.get(*hour).is_some_and(Option::is_none) && !closed.contains_key(hour);
        let mut open = window.hours_in_week().filter(is_open);
        if instance.posts_max == 0 {
            return false;
        }
        if !self.follow_up.same_asset {
            return open.next().is_some();
        }
        let mut candidates = self.follower.candidates.iter();
        let Some(scored) = candidates.find(|scored| Some(&scored.candidate.asset.id) == asset) else { return false };
        open.any(|hour| {
            let slot = slot_at(self.week, (self.follower_index, self.follower), hour, 0.0);
            may_use(self.week, self.follower, self.histories, &slot, scored)
        })
    }
}
