//! Limits on the order of channels as rows of the assignment: a leader, a post that another must follow, keeps its asset
//! only if a post that follows has one, or has the same.

use std::collections::BTreeMap;

use super::follow_up::{CommittedLeader, FollowRule, Window};
use crate::agents::ClientWeek;
use crate::agents::creative_director::Histories;
use crate::model::{AssetId, Channel, FollowUp};
use crate::planner::asset_rows::{AssetPair, AssetRow, AssetTerm};
use crate::planner::assets::{Assignment, Slot, may_use};
use crate::planner::channel::ChannelDraft;
use crate::rules::LimitRules;

/// The slots of a client's week, with what decides which assets they may use.
pub(in crate::planner) struct SlotsOfWeek<'b, 'a> {
    pub week: &'b ClientWeek<'a>,
    pub channel_drafts: &'b [ChannelDraft<'a>],
    pub slots: &'b [Slot],
    pub histories: &'b Histories,
}

/// A leader as a row of the assignment.
pub(super) struct OrderRow {
    pub channel: Channel,
    /// Hour of the leader, counted from the first of the week and negative before it.
    pub hour: i64,
    /// The asset of the leader, if the post that follows must have the same.
    pub asset: Option<AssetId>,
    pub row: AssetRow,
    pub followers: Followers,
}

/// The posts that may follow a leader.
#[derive(Debug, Clone)]
pub(super) struct Followers {
    pub follow_up: FollowUp,
    /// Their slots.
    pub slots: Vec<usize>,
    /// Whether a committed post follows a planned leader, with another asset.
    pub is_followed_already: bool,
}

impl Followers {
    /// Whether a post follows, but none with the same asset as it should. What it costs that no post follows at all is
    /// part of the limit on hours.
    pub fn have_other_assets(&self, assignment: &Assignment) -> bool {
        let is_assigned = |slot: &usize| assignment.get(*slot).is_some_and(Option::is_some);
        self.follow_up.same_asset && (self.is_followed_already || self.slots.iter().any(is_assigned))
    }
}

/// The rows of a limit on the order of channels, and the slots that may have to use the same asset.
#[derive(Default)]
pub(super) struct OrderRows {
    pub rows: Vec<OrderRow>,
    pub pairs: Vec<AssetPair>,
}

impl OrderRows {
    pub fn new(slots: &SlotsOfWeek<'_, '_>, limit: &LimitRules, follow_up: FollowUp) -> Self {
        let mut rows = Self::default();
        let Some(order) = FollowRule::new(slots.week, slots.channel_drafts, slots.histories, limit, follow_up) else {
            return rows;
        };
        let candidates = match follow_up.same_asset {
            true => candidates_to_follow(slots, order.follower_index),
            false => CandidatesToFollow::new(),
        };
        for (index, slot) in slots.slots.iter().enumerate() {
            let draft = slots.channel_drafts.get(slot.channel_draft);
            let Some(draft) = draft.filter(|draft| order.must_be_followed(draft, slot.hour)) else { continue };
            let hour = slot.hour as i64;
            let Some(window) = order.window(hour) else { continue };
            let committed: Vec<Option<&AssetId>> = order.committed_in(window).collect();
            let followers = Followers {
                follow_up,
                slots: slots_in(slots, &order, window),
                is_followed_already: !committed.is_empty(),
            };
            let leader = PlannedLeader { channel: draft.state.channel, hour, slot: index, followers };
            if follow_up.same_asset {
                rows.add_planned_with_assets(slots, limit, &leader, &committed, &candidates);
            } else if committed.is_empty() {
                rows.rows.push(leader.row(slots, limit));
            }
        }
        for leader in order.committed_leaders() {
            rows.add_committed(slots, limit, &order, follow_up, leader);
        }
        rows
    }

    /// Adds a row for each asset that a planned leader may use.
    fn add_planned_with_assets(
        &mut self,
        slots: &SlotsOfWeek<'_, '_>,
        limit: &LimitRules,
        leader: &PlannedLeader,
        committed: &[Option<&AssetId>],
        candidates: &CandidatesToFollow<'_>,
    ) {
        for (candidate, asset) in usable(slots, leader.slot) {
            if committed.contains(&Some(asset)) {
                continue;
            }
            let mut terms = vec![AssetTerm { slot: leader.slot, candidate, coefficient: 1.0 }];
            for slot in &leader.followers.slots {
                let Some(same) = candidates.get(&(*slot, asset)) else { continue };
                terms.push(AssetTerm { slot: *slot, candidate: *same, coefficient: -1.0 });
                self.pairs.push(AssetPair { first: (leader.slot, candidate), second: (*slot, *same) });
            }
            let row = AssetRow { terms, at_most: 0.0, price: limit.price };
            let PlannedLeader { channel, hour, .. } = *leader;
            let followers = leader.followers.clone();
            self.rows.push(OrderRow { channel, hour, asset: Some(asset.clone()), row, followers });
        }
    }

    /// Adds a row for a committed leader, unless no slot can use the asset that is required.
    fn add_committed(
        &mut self,
        slots: &SlotsOfWeek<'_, '_>,
        limit: &LimitRules,
        order: &FollowRule<'_, '_>,
        follow_up: FollowUp,
        leader: CommittedLeader,
    ) {
        let CommittedLeader { channel, hour, asset } = leader;
        let draft = slots.channel_drafts.get(channel);
        let Some((draft, window)) = draft.zip(order.window(hour)) else { return };
        let followers = Followers { follow_up, slots: slots_in(slots, order, window), is_followed_already: false };
        let mut terms = Vec::new();
        for slot in &followers.slots {
            let is_required = |id: &AssetId| asset.as_ref().is_none_or(|asset| asset == id);
            let candidates = usable(slots, *slot).filter(|(_, id)| is_required(id));
            terms.extend(candidates.map(|(candidate, _)| AssetTerm { slot: *slot, candidate, coefficient: -1.0 }));
        }
        if !terms.is_empty() {
            let row = AssetRow { terms, at_most: -1.0, price: limit.price };
            self.rows.push(OrderRow { channel: draft.state.channel, hour, asset, row, followers });
        }
    }
}

/// A leader at a slot.
struct PlannedLeader {
    channel: Channel,
    hour: i64,
    slot: usize,
    followers: Followers,
}

impl PlannedLeader {
    /// The row that requires a post with any asset to follow.
    fn row(self, slots: &SlotsOfWeek<'_, '_>, limit: &LimitRules) -> OrderRow {
        let PlannedLeader { channel, hour, slot, followers } = self;
        let terms_of = |slot: usize, coefficient: f64| {
            usable(slots, slot).map(move |(candidate, _)| AssetTerm { slot, candidate, coefficient })
        };
        let following = followers.slots.iter().flat_map(|follower| terms_of(*follower, -1.0));
        let terms = terms_of(slot, 1.0).chain(following).collect();
        let row = AssetRow { terms, at_most: 0.0, price: limit.price };
        OrderRow { channel, hour, asset: None, row, followers }
    }
}

/// The slots of the channel that follows in some hours.
fn slots_in(slots: &SlotsOfWeek<'_, '_>, order: &FollowRule<'_, '_>, window: Window) -> Vec<usize> {
    let follows = |slot: &Slot| slot.channel_draft == order.follower_index && window.contains(slot.hour as i64);
    slots.slots.iter().enumerate().filter(|(_, slot)| follows(slot)).map(|(index, _)| index).collect()
}

/// The assets that a slot may use, each with its index among the candidates of the slot's channel.
fn usable<'s>(slots: &'s SlotsOfWeek<'_, '_>, index: usize) -> impl Iterator<Item = (usize, &'s AssetId)> {
    let slot = slots.slots.get(index);
    let with_draft = slot.and_then(|slot| Some((slot, slots.channel_drafts.get(slot.channel_draft)?)));
    with_draft.into_iter().flat_map(|(slot, draft)| {
        let candidates = draft.candidates.iter().enumerate();
        let usable = candidates.filter(|(_, scored)| may_use(slots.week, draft, slots.histories, slot, scored));
        usable.map(|(candidate, scored)| (candidate, &scored.candidate.asset.id))
    })
}

/// For each slot of the channel that follows, and each asset that it may use, the asset's index among the channel's
/// candidates.
type CandidatesToFollow<'s> = BTreeMap<(usize, &'s AssetId), usize>;

fn candidates_to_follow<'s>(slots: &'s SlotsOfWeek<'_, '_>, follower_index: usize) -> CandidatesToFollow<'s> {
    let mut candidates = CandidatesToFollow::new();
    let of_follower = |(_, slot): &(usize, &Slot)| slot.channel_draft == follower_index;
    for (index, _) in slots.slots.iter().enumerate().filter(of_follower) {
        candidates.extend(usable(slots, index).map(|(candidate, asset)| ((index, asset), candidate)));
    }
    candidates
}
