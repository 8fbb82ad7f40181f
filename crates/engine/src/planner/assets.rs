//! Assigns assets to slots.
//!
//! Slots are placed first, so what remains is to maximise the sum of weight(slot) x quality(asset, channel) x weight of
//! the asset's campaign that day - cost(asset). With a cooldown of a week or more, each channel uses an asset at most
//! once: a maximum-weight bipartite matching of slots and the channels' assets, with a cap on an asset's weekly uses over
//! all channels, which is solved exactly. With a shorter cooldown, slots choose greedily in descending order of weight;
//! the sum of every slot's best asset is then an upper bound.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::channel::{ChannelDraft, Scored};
use super::matching::{Choice, best_assignment};
use super::objection::{Moment, objection_to_asset};
use crate::agents::ClientWeek;
use crate::agents::creative_director::{Candidate, Histories};
use crate::model::{Asset, AssetId, Timestamp};

/// A placed slot that needs an asset.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    /// Index of its channel's draft.
    pub channel_draft: usize,
    /// Hour of the week.
    pub hour: usize,
    /// When the post goes out, to the minute.
    pub at: Timestamp,
    /// Date on the client's clock.
    pub date: NaiveDate,
    /// Expected worth at quality factor 1.
    pub weight: f64,
}

/// By slot, the index of a candidate of its channel; `None` without an asset.
pub(super) type Assignment = Vec<Option<usize>>;

/// A slot, and the candidate that it gets.
pub(super) type SlotChange = (usize, Option<usize>);

/// The problem of a client's slots and assets.
pub(super) fn problem(
    channel_drafts: &[ChannelDraft<'_>],
    slots: &[Slot],
    week: &ClientWeek<'_>,
    histories: &Histories,
) -> AssignmentProblem {
    let (offers, caps) = offers(channel_drafts, week);
    let wants = slots
        .iter()
        .map(|slot| {
            let channel_draft = channel_drafts.get(slot.channel_draft);
            let shares =
                channel_draft.map_or_else(Vec::new, |channel_draft| shares(week, channel_draft, histories, slot));
            SlotRow { channel_draft: slot.channel_draft, at: slot.at, weight: slot.weight, shares }
        })
        .collect();
    let cooldown = week.rules.assets.cooldown_hours;
    let cooldown_hours = (cooldown < week.hours.len() as f64).then_some(cooldown);
    // A post without an asset is blocked and earns nothing.
    AssignmentProblem { cooldown_hours, ..AssignmentProblem::new(offers, wants, caps, 0.0) }
}

/// The assets of each channel, numbered across all channels, and how often each may still be used: the weekly cap less
/// the uses already committed.
fn offers(channel_drafts: &[ChannelDraft<'_>], week: &ClientWeek<'_>) -> (Vec<Vec<AssetOption>>, Vec<usize>) {
    let end = week.hours.instant(week.hours.len() as i64);
    let mut committed: BTreeMap<&AssetId, usize> = BTreeMap::new();
    for used in week.state.asset_uses.iter().filter(|used| (week.hours.start()..end).contains(&used.at)) {
        *committed.entry(&used.asset_id).or_default() += 1;
    }
    let cap = week.rules.assets.max_uses_per_week as usize;
    let mut numbers: BTreeMap<&AssetId, usize> = BTreeMap::new();
    let mut caps = Vec::new();
    let mut offers = Vec::with_capacity(channel_drafts.len());
    for channel_draft in channel_drafts {
        let mut row = Vec::with_capacity(channel_draft.candidates.len());
        for scored in &channel_draft.candidates {
            let id = &scored.candidate.asset.id;
            let asset = *numbers.entry(id).or_insert_with(|| {
                caps.push(cap.saturating_sub(committed.get(id).copied().unwrap_or(0)));
                caps.len() - 1
            });
            row.push(AssetOption { asset, quality: scored.quality, cost: scored.cost });
        }
        offers.push(row);
    }
    (offers, caps)
}

/// For each candidate of a slot's channel, the share of the slot's weight that it earns given its campaign; `None` if
/// it may not be used there.
fn shares(
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    histories: &Histories,
    slot: &Slot,
) -> Vec<Option<f64>> {
    let day = channel_draft.hours.day(week, slot.hour);
    let share = |asset: &Asset| day.map_or(1.0, |day| day.share_of_hour(day.campaign_of(Some(asset))));
    let candidates = channel_draft.candidates.iter();
    candidates
        .map(|scored| may_use(week, channel_draft, histories, slot, scored).then(|| share(scored.candidate.asset)))
        .collect()
}

fn may_use(
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    histories: &Histories,
    slot: &Slot,
    scored: &Scored<'_>,
) -> bool {
    let Candidate { asset, place, available_from, .. } = scored.candidate;
    let Some(history) = histories.get(place) else { return false };
    let moment = Moment { channel: channel_draft.state.channel, at: slot.at, date: slot.date };
    slot.at >= available_from && objection_to_asset(week, asset, history, moment).is_none()
}

/// Weights are scaled to integers up to this for the exact matching.
const SCALE: f64 = 1e9;

/// An asset available on one channel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct AssetOption {
    asset: usize,
    quality: f64,
    /// What a post with it costs.
    cost: f64,
}

/// A slot, and how it values the offers of its channel.
#[derive(Debug, Clone, PartialEq)]
struct SlotRow {
    channel_draft: usize,
    at: Timestamp,
    weight: f64,
    /// By offer of the channel, the factor on its quality; `None` if the slot cannot use it.
    shares: Vec<Option<f64>>,
}

impl SlotRow {
    /// The offers it can use, by index, with their effective quality in this slot.
    fn usable<'w>(&'w self, offers: &'w [AssetOption]) -> impl Iterator<Item = (usize, &'w AssetOption, f64)> {
        let shares = offers.iter().zip(&self.shares).enumerate();
        shares.filter_map(|(place, (offer, share))| Some((place, offer, offer.quality * (*share)?)))
    }
}

/// The assignment problem: slots, offers by channel, and caps on uses.
#[derive(Debug)]
pub(super) struct AssignmentProblem {
    offers: Vec<Vec<AssetOption>>,
    wants: Vec<SlotRow>,
    /// Remaining uses this week, by asset.
    caps: Vec<usize>,
    without: f64,
    /// Added to the gain of each asset, so that a slot is never left without one to save its cost: whether a post pays was
    /// decided when the slot was placed. The greatest cost of an asset.
    bonus: f64,
    /// Hours between two uses of an asset on a channel, if they are fewer than the week has; else one use a week.
    cooldown_hours: Option<f64>,
    /// Factor that scales weights to integers.
    unit: f64,
}

impl AssignmentProblem {
    fn new(offers: Vec<Vec<AssetOption>>, wants: Vec<SlotRow>, caps: Vec<usize>, without: f64) -> Self {
        let best_share = wants.iter().flat_map(|want| &want.shares).flatten().copied().fold(1.0, f64::max);
        let best_quality = offers.iter().flatten().map(|offer| offer.quality).fold(1.0, f64::max) * best_share;
        let best_weight = wants.iter().map(|want| want.weight).fold(f64::MIN_POSITIVE, f64::max);
        let dearest = offers.iter().flatten().map(|offer| offer.cost).fold(0.0, f64::max);
        let unit = SCALE / (best_quality * best_weight + dearest);
        Self { offers, wants, caps, without, bonus: dearest, cooldown_hours: None, unit }
    }

    /// The same with no greater bonus than slots need: what is gained or lost by leaving one without an asset is then what
    /// the post is worth.
    pub fn with_least_bonus(self) -> Self {
        let loss = |slot: usize| {
            let usable = self.usable(slot).map(|candidate| self.bonus - self.value_of(slot, Some(candidate)));
            usable.fold(0.0, f64::max)
        };
        let bonus = (0..self.wants.len()).map(loss).fold(0.0, f64::max);
        Self { bonus, ..self }
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.wants.len()
    }

    /// Number of candidates of a slot's channel.
    pub fn candidates(&self, slot: usize) -> usize {
        self.wants.get(slot).map_or(0, |want| self.offers_to(want).len())
    }

    /// The candidates that a slot can use.
    pub fn usable(&self, slot: usize) -> impl Iterator<Item = usize> {
        let shares = self.wants.get(slot).map_or(&[][..], |want| &want.shares);
        shares.iter().enumerate().filter(|(_, share)| share.is_some()).map(|(candidate, _)| candidate)
    }

    /// What a slot gains by a candidate over no asset; nothing if it cannot use it.
    pub fn value_of(&self, slot: usize, candidate: Option<usize>) -> f64 {
        let gain = || {
            let want = self.wants.get(slot)?;
            let candidate = candidate?;
            let offer = self.offers_to(want).get(candidate)?;
            let share = (*want.shares.get(candidate)?)?;
            Some(self.gain(want, offer, offer.quality * share))
        };
        gain().unwrap_or(0.0)
    }

    /// What all slots gain by an assignment.
    pub fn value(&self, assignment: &Assignment) -> f64 {
        let of_slot = |(slot, candidate): (usize, &Option<usize>)| self.value_of(slot, *candidate);
        assignment.iter().enumerate().map(of_slot).fold(0.0, |sum, one| sum + one)
    }

    /// The most that a slot gains by an asset; above 0.
    pub fn greatest_gain(&self) -> f64 {
        let of_slot = |slot: usize| self.usable(slot).map(move |candidate| self.value_of(slot, Some(candidate)));
        (0..self.wants.len()).flat_map(of_slot).fold(f64::MIN_POSITIVE, f64::max)
    }

    /// The slots that change if one gets a candidate, or none, each with its new one: a slot of the channel that has the
    /// asset gets what the first one had. `None` if it cannot be.
    pub fn changes(&self, assignment: &Assignment, slot: usize, candidate: Option<usize>) -> Option<Vec<SlotChange>> {
        let Some(new) = candidate else { return Some(vec![(slot, None)]) };
        let want = self.wants.get(slot)?;
        (*want.shares.get(new)?)?;
        let asset = self.offers_to(want).get(new)?.asset;
        let mut changes = vec![(slot, candidate)];
        let before = assignment.get(slot).copied().flatten();
        if let Some(other) = self.in_the_way(assignment, slot, new) {
            // With uses some hours apart, what the other slot would get might come too close to a third.
            if self.cooldown_hours.is_some() {
                return None;
            }
            changes.push((other, before.filter(|old| self.usable(other).any(|usable| usable == *old))));
        }
        let after = |place: usize| changes.iter().find(|(changed, _)| *changed == place).map(|(_, new)| *new);
        let assigned = |place: usize| after(place).unwrap_or_else(|| assignment.get(place).copied().flatten());
        let is_of_asset = |place: &usize| {
            let offers = self.wants.get(*place).map_or(&[][..], |want| self.offers_to(want));
            assigned(*place).and_then(|candidate| offers.get(candidate)).is_some_and(|offer| offer.asset == asset)
        };
        let uses = (0..self.wants.len()).filter(is_of_asset).count();
        (uses <= self.cap(asset)).then_some(changes)
    }

    /// The other slot of a channel that has an asset which another use would come too close to.
    fn in_the_way(&self, assignment: &Assignment, slot: usize, candidate: usize) -> Option<usize> {
        let channel = |place: usize| self.wants.get(place).map(|want| want.channel_draft);
        (0..self.wants.len()).find(|other| {
            *other != slot
                && channel(*other) == channel(slot)
                && assignment.get(*other).copied().flatten() == Some(candidate)
                && !self.are_apart(slot, *other)
        })
    }

    /// Whether two slots of a channel are far enough apart for the same asset.
    fn are_apart(&self, one: usize, other: usize) -> bool {
        let at = |slot: usize| self.wants.get(slot).map_or(0, |want| want.at.as_second());
        self.cooldown_hours.is_some_and(|hours| (at(one) - at(other)).abs() as f64 >= hours * 3600.0)
    }

    /// The best assignment.
    pub fn best(&self) -> Assignment {
        self.best_at(|_, _| 0.0)
    }

    /// The best assignment with a price for a candidate at a slot.
    pub fn best_at(&self, price: impl Fn(usize, usize) -> f64) -> Assignment {
        match self.cooldown_hours {
            Some(hours) => self.greedy(hours, price),
            None => self.exact(price),
        }
    }

    /// The assignment of maximum total weight.
    fn exact(&self, price: impl Fn(usize, usize) -> f64) -> Assignment {
        let first = |want: &SlotRow| self.offers.iter().take(want.channel_draft).map(Vec::len).sum::<usize>();
        let choices: Vec<Vec<Choice>> = self
            .wants
            .iter()
            .enumerate()
            .map(|(slot, want)| self.choices(want, first(want), |candidate| price(slot, candidate)))
            .collect();
        let assets: Vec<usize> = self.offers.iter().flatten().map(|offer| offer.asset).collect();
        let found = best_assignment(&choices, &assets, &self.caps);
        self.wants.iter().zip(found).map(|(want, place)| place.map(|place| place - first(want))).collect()
    }

    /// The offers, numbered from `first`, that a slot can use and that earn it at least as much as no asset.
    fn choices(&self, want: &SlotRow, first: usize, price: impl Fn(usize) -> f64) -> Vec<Choice> {
        want.usable(self.offers_to(want))
            .map(|(index, offer, quality)| (index, self.gain(want, offer, quality) - price(index)))
            .map(|(index, gain)| (first + index, (gain * self.unit).round() as i64))
            .filter(|(_, gain)| *gain >= 0)
            .collect()
    }

    #[expect(clippy::indexing_slicing, reason = "INVARIANT: `offers` numbers assets by their places in `caps`")]
    fn cap(&self, asset: usize) -> usize {
        self.caps[asset]
    }

    fn offers_to(&self, want: &SlotRow) -> &[AssetOption] {
        self.offers.get(want.channel_draft).map_or(&[], Vec::as_slice)
    }

    /// What a slot gains by an asset over none.
    fn gain(&self, want: &SlotRow, offer: &AssetOption, quality: f64) -> f64 {
        want.weight * (quality - self.without) + (self.bonus - offer.cost)
    }

    /// Greedy: slots in descending order of weight, each with the best offer that keeps its cooldown before and after.
    fn greedy(&self, cooldown_hours: f64, price: impl Fn(usize, usize) -> f64) -> Assignment {
        let mut order: Vec<(usize, &SlotRow)> = self.wants.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.weight.total_cmp(&a.weight));
        let mut taken: BTreeMap<usize, Vec<(usize, Timestamp)>> = BTreeMap::new();
        let mut assignment = vec![None; self.wants.len()];
        for (slot, want) in order {
            let is_free = |offer: &AssetOption| {
                let uses = taken.get(&offer.asset).map_or(&[][..], Vec::as_slice);
                let apart =
                    |at: Timestamp| (at.as_second() - want.at.as_second()).abs() as f64 >= cooldown_hours * 3600.0;
                uses.len() < self.cap(offer.asset)
                    && uses.iter().all(|(channel_draft, at)| *channel_draft != want.channel_draft || apart(*at))
            };
            let usable = want.usable(self.offers_to(want)).filter(|(_, offer, _)| is_free(offer));
            let gain = |index, offer, quality| self.gain(want, offer, quality) - price(slot, index);
            let gains = usable.map(|(index, offer, quality)| (index, offer, gain(index, offer, quality)));
            let best = gains.max_by(|(a, _, x), (b, _, y)| x.total_cmp(y).then(b.cmp(a)));
            let Some((index, offer, _)) = best.filter(|(_, _, gain)| *gain >= 0.0) else { continue };
            taken.entry(offer.asset).or_default().push((want.channel_draft, want.at));
            if let Some(place) = assignment.get_mut(slot) {
                *place = Some(index);
            }
        }
        assignment
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// A problem of a few slots and assets on one or two channels.
    pub fn small_problem(random: &mut ChaCha8Rng) -> AssignmentProblem {
        let (channels, assets) = (random.random_range(1..=2), random.random_range(1..=4));
        let offer = |asset: usize, random: &mut ChaCha8Rng| AssetOption {
            asset,
            quality: random.random_range(0.5..1.5),
            cost: random.random_range(0.0..1.0),
        };
        let offers: Vec<Vec<AssetOption>> =
            (0..channels).map(|_| (0..assets).map(|asset| offer(asset, random)).collect()).collect();
        let slot = |channel_draft: usize, random: &mut ChaCha8Rng| {
            let shares = (0..assets).map(|_| random.random_bool(0.9).then(|| random.random_range(0.5..1.0))).collect();
            let weight = random.random_range(0.5..4.0);
            SlotRow { channel_draft, at: Timestamp::UNIX_EPOCH, weight, shares }
        };
        let slots = random.random_range(1..=5);
        let wants = (0..slots).map(|place| slot(place % channels, random)).collect();
        let caps = (0..assets).map(|_| random.random_range(1..=2)).collect();
        AssignmentProblem::new(offers, wants, caps, 0.0)
    }

    fn earned(market: &AssignmentProblem, assignment: &[Option<usize>]) -> f64 {
        let quality = |(want, index): (&SlotRow, &Option<usize>)| {
            let of = |index: usize| {
                let offer = market.offers[want.channel_draft][index];
                want.weight * offer.quality * want.shares[index].unwrap_or(0.0) + market.bonus - offer.cost
            };
            index.map_or(want.weight * market.without, of)
        };
        market.wants.iter().zip(assignment).map(quality).sum()
    }

    fn is_allowed(market: &AssignmentProblem, assignment: &[Option<usize>]) -> bool {
        let pairs: Vec<(usize, usize, usize)> = market
            .wants
            .iter()
            .zip(assignment)
            .filter_map(|(want, index)| {
                index.map(|index| (want.channel_draft, index, market.offers[want.channel_draft][index].asset))
            })
            .collect();
        let usable =
            market.wants.iter().zip(assignment).all(|(want, index)| index.is_none_or(|i| want.shares[i].is_some()));
        let once = (0..pairs.len()).all(|i| (0..i).all(|j| (pairs[i].0, pairs[i].1) != (pairs[j].0, pairs[j].1)));
        let capped =
            pairs.iter().all(|(_, _, asset)| pairs.iter().filter(|p| p.2 == *asset).count() <= market.cap(*asset));
        usable && once && capped
    }

    /// The value of the best assignment, by exhaustive search.
    fn brute_force(market: &AssignmentProblem, so_far: &mut Vec<Option<usize>>) -> f64 {
        let slot = so_far.len();
        if slot == market.wants.len() {
            return if is_allowed(market, so_far) { earned(market, so_far) } else { f64::NEG_INFINITY };
        }
        let offers = market.offers[market.wants[slot].channel_draft].len();
        let mut best = f64::NEG_INFINITY;
        for choice in std::iter::once(None).chain((0..offers).map(Some)) {
            so_far.push(choice);
            best = best.max(brute_force(market, so_far));
            so_far.pop();
        }
        best
    }

    prop_compose! {
        fn markets()(
            channel_drafts in 1_usize..4,
            assets in 1_usize..5,
            slots in 1_usize..6,
            caps in prop::collection::vec(0_usize..4, 5),
            without in 0.0..1.0_f64,
            draws in prop::collection::vec(0.0..1.0_f64, 200),
            costs in prop::collection::vec(0.0..1.5_f64, 5),
        ) -> AssignmentProblem {
            let mut draws = draws.into_iter().cycle();
            let mut draw = move || draws.next().unwrap();
            let offers: Vec<Vec<AssetOption>> = (0..channel_drafts)
                .map(|_| {
                    let usable = (0..assets).filter(|_| draw() < 0.7);
                    usable
                        .map(|asset| AssetOption { asset, quality: 0.3 + asset as f64 * 0.07, cost: costs[asset] })
                        .collect()
                })
                .collect();
            let wants: Vec<SlotRow> = (0..slots)
                .map(|slot| {
                    let channel_draft = slot % channel_drafts;
                    let share = |i: usize| 0.4 + ((slot * 11 + i * 5) % 4) as f64 * 0.3;
                    let is_usable = |i: usize| !(slot * 7 + i * 3).is_multiple_of(5);
                    let shares = (0..offers[channel_draft].len()).map(|i| is_usable(i).then(|| share(i))).collect();
                    SlotRow { channel_draft, at: Timestamp::UNIX_EPOCH, weight: 0.5 + (slot * 13 % 7) as f64, shares }
                })
                .collect();
            let dearest = offers.iter().flatten().map(|offer| offer.cost).fold(0.0, f64::max);
            AssignmentProblem { offers, wants, caps, without, bonus: dearest, cooldown_hours: None, unit: 1e7 }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_assignment_earns_more_than_the_exact_one(market in markets()) {
            let exact = market.best();
            prop_assert!(is_allowed(&market, &exact));
            let best = brute_force(&market, &mut Vec::new());
            prop_assert!((earned(&market, &exact) - best).abs() < 1e-5, "{} against {best}", earned(&market, &exact));
        }

        #[test]
        fn slots_that_choose_in_turn_stay_within_the_rules(market in markets()) {
            prop_assert!(is_allowed(&market, &market.greedy(1.0, |_, _| 0.0)));
        }
    }
}
