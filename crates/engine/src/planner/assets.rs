//! Assigns assets to slots.
//!
//! Slots are placed first. What remains is to maximise the sum, over the slots, of `weight · quality · share - cost`:
//! the slot's weight, the quality factor of its asset on the channel, the weight of the asset's campaign that day
//! relative to the highest one, and the cost of the asset. An asset that the week's previous plan uses in the slot
//! counts for more by the keep bonus. With a cooldown of a week or more, each channel uses an asset at most once: a
//! maximum-weight bipartite matching of slots and the channels' assets, with a cap on the weekly uses of an asset over
//! all channels. It is solved exactly. With a shorter cooldown, slots choose greedily in descending order of weight.

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
    /// Expected worth of the post at quality factor 1.
    pub weight: f64,
}

/// The slot of a channel, given with its index, at an hour of the week.
#[expect(clippy::indexing_slicing, reason = "the hour lies in the week")]
pub(super) fn slot_at(
    week: &ClientWeek<'_>,
    (index, channel_draft): (usize, &ChannelDraft<'_>),
    hour: usize,
    weight: f64,
) -> Slot {
    let at = week.hours.instant(hour as i64).plus_minutes(i64::from(channel_draft.minute));
    Slot { channel_draft: index, hour, at, date: week.hours.date(week.hours.hours()[hour].weekday), weight }
}

/// By slot, the index of a candidate of the slot's channel; `None` if the slot has no asset.
pub(super) type Assignment = Vec<Option<usize>>;

/// A slot, and the candidate that it gets.
pub(super) type SlotChange = (usize, Option<usize>);

/// The assignment problem of a client's slots and assets.
pub(super) fn assignment_problem(
    channel_drafts: &[ChannelDraft<'_>],
    slots: &[Slot],
    week: &ClientWeek<'_>,
    histories: &Histories,
) -> AssignmentProblem {
    let (options, caps) = options_and_caps(channel_drafts, week);
    let rows = slots
        .iter()
        .map(|slot| {
            let channel_draft = channel_drafts.get(slot.channel_draft);
            let shares = channel_draft.map_or_else(Vec::new, |draft| candidate_shares(week, draft, histories, slot));
            SlotRow { channel_draft: slot.channel_draft, at: slot.at, weight: slot.weight, shares }
        })
        .collect();
    let cooldown = week.rules.assets.cooldown_hours;
    let cooldown_hours = (cooldown < week.hours.len() as f64).then_some(cooldown);
    // A post without an asset is blocked and earns nothing.
    AssignmentProblem { cooldown_hours, ..AssignmentProblem::new(options, rows, caps, 0.0) }
}

/// The assets of each channel, numbered across all channels, and how often each asset may still be used: the weekly cap
/// less the uses already committed.
fn options_and_caps(channel_drafts: &[ChannelDraft<'_>], week: &ClientWeek<'_>) -> (Vec<Vec<AssetOption>>, Vec<usize>) {
    let end = week.hours.instant(week.hours.len() as i64);
    let mut committed: BTreeMap<&AssetId, usize> = BTreeMap::new();
    for used in week.state.asset_uses.iter().filter(|used| (week.hours.start()..end).contains(&used.at)) {
        *committed.entry(&used.asset_id).or_default() += 1;
    }
    let cap = week.rules.assets.max_uses_per_week as usize;
    let mut numbers: BTreeMap<&AssetId, usize> = BTreeMap::new();
    let mut caps = Vec::new();
    let mut options = Vec::with_capacity(channel_drafts.len());
    for channel_draft in channel_drafts {
        let mut channel_options = Vec::with_capacity(channel_draft.candidates.len());
        for scored in &channel_draft.candidates {
            let id = &scored.candidate.asset.id;
            let asset = *numbers.entry(id).or_insert_with(|| {
                caps.push(cap.saturating_sub(committed.get(id).copied().unwrap_or(0)));
                caps.len() - 1
            });
            channel_options.push(AssetOption { asset, quality: scored.quality, cost: scored.cost });
        }
        options.push(channel_options);
    }
    (options, caps)
}

/// For each candidate of a slot's channel, the share of the slot's weight that it earns given its campaign, with the
/// keep bonus if the week's previous plan uses it in the slot; `None` if the slot may not use it.
fn candidate_shares(
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    histories: &Histories,
    slot: &Slot,
) -> Vec<Option<f64>> {
    let day = channel_draft.hours.day(week, slot.hour);
    let previous = channel_draft.previous.get(&slot.hour).copied().flatten();
    let keep_factor =
        |asset: &Asset| if previous == Some(&asset.id) { 1.0 + week.rules.calendar.keep_bonus } else { 1.0 };
    let share =
        |asset: &Asset| keep_factor(asset) * day.map_or(1.0, |day| day.share_of_hour(day.campaign_of(Some(asset))));
    let candidates = channel_draft.candidates.iter();
    candidates
        .map(|scored| may_use(week, channel_draft, histories, slot, scored).then(|| share(scored.candidate.asset)))
        .collect()
}

/// Whether a slot may use an asset of its channel.
pub(super) fn may_use(
    week: &ClientWeek<'_>,
    channel_draft: &ChannelDraft<'_>,
    histories: &Histories,
    slot: &Slot,
    scored: &Scored<'_>,
) -> bool {
    let Candidate { asset, asset_index, available_from, .. } = scored.candidate;
    let Some(history) = histories.get(asset_index) else { return false };
    let moment = Moment { channel: channel_draft.state.channel, at: slot.at, date: slot.date };
    slot.at >= available_from && objection_to_asset(week, asset, history, moment).is_none()
}

/// The open hours of a channel, given with its index, at which a post could have none of the channel's assets.
pub(super) fn hours_without_asset(
    week: &ClientWeek<'_>,
    (index, channel_draft): (usize, &ChannelDraft<'_>),
    histories: &Histories,
) -> Vec<usize> {
    let has_asset = |hour: usize| {
        let slot = slot_at(week, (index, channel_draft), hour, 0.0);
        let mut with_content = channel_draft.candidates.iter().filter(|scored| scored.candidate.asset.has_content());
        with_content.any(|scored| may_use(week, channel_draft, histories, &slot, scored))
    };
    let open = channel_draft.instance.allowed.iter().enumerate().filter(|(_, allowed)| **allowed);
    open.map(|(hour, _)| hour).filter(|hour| !has_asset(*hour)).collect()
}

/// For the exact matching, gains are scaled to integers up to this one.
const MAX_SCALED_GAIN: f64 = 1e9;

/// A candidate of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
struct AssetOption {
    /// Number of the asset across all channels.
    asset: usize,
    quality: f64,
    /// Cost of the work on a post with the asset, in the unit of worth.
    cost: f64,
}

/// A row of the matching: a slot, and what it gains by each option of its channel.
#[derive(Debug, Clone, PartialEq)]
struct SlotRow {
    channel_draft: usize,
    at: Timestamp,
    weight: f64,
    /// By option of the channel, the factor on the option's quality; `None` if the slot cannot use it.
    shares: Vec<Option<f64>>,
}

impl SlotRow {
    /// The options that the slot can use, each with its index and its quality in this slot.
    fn usable<'w>(&'w self, options: &'w [AssetOption]) -> impl Iterator<Item = (usize, &'w AssetOption, f64)> {
        let shares = options.iter().zip(&self.shares).enumerate();
        shares.filter_map(|(index, (option, share))| Some((index, option, option.quality * (*share)?)))
    }
}

/// The assignment problem: slots, assets by channel, and caps on their uses.
#[derive(Debug)]
pub(super) struct AssignmentProblem {
    /// By channel, an option for each of its candidates, in the same order.
    options: Vec<Vec<AssetOption>>,
    rows: Vec<SlotRow>,
    /// Remaining uses this week, by asset.
    caps: Vec<usize>,
    /// Quality of a post without an asset.
    quality_without: f64,
    /// Added to the gain of each asset, so that no slot is left without an asset to save the cost of the asset: whether
    /// a post is worth its cost was decided when the slot was placed. Unless lowered, the highest cost of an asset.
    bonus: f64,
    /// Minimum hours between two uses of an asset on a channel; `None` if they are a week or more, so that a channel
    /// uses an asset once.
    cooldown_hours: Option<f64>,
    /// Factor that scales gains to integers.
    scale: f64,
}

impl AssignmentProblem {
    fn new(options: Vec<Vec<AssetOption>>, rows: Vec<SlotRow>, caps: Vec<usize>, quality_without: f64) -> Self {
        let best_share = rows.iter().flat_map(|row| &row.shares).flatten().copied().fold(1.0, f64::max);
        let best_quality = options.iter().flatten().map(|option| option.quality).fold(1.0, f64::max) * best_share;
        let best_weight = rows.iter().map(|row| row.weight).fold(f64::MIN_POSITIVE, f64::max);
        let highest_cost = options.iter().flatten().map(|option| option.cost).fold(0.0, f64::max);
        let scale = MAX_SCALED_GAIN / (best_quality * best_weight + highest_cost);
        Self { options, rows, caps, quality_without, bonus: highest_cost, cooldown_hours: None, scale }
    }

    /// The same problem with the lowest bonus at which no usable asset has a negative gain. Leaving a slot without an
    /// asset then loses about what its post is worth.
    pub fn with_min_bonus(self) -> Self {
        let loss = |slot: usize| {
            let losses = self.usable(slot).map(|candidate| self.bonus - self.value_of(slot, Some(candidate)));
            losses.fold(0.0, f64::max)
        };
        let bonus = (0..self.rows.len()).map(loss).fold(0.0, f64::max);
        Self { bonus, ..self }
    }

    /// Number of slots.
    pub fn slot_count(&self) -> usize {
        self.rows.len()
    }

    /// Number of candidates of a slot's channel.
    pub fn candidate_count(&self, slot: usize) -> usize {
        self.rows.get(slot).map_or(0, |row| self.options_of(row).len())
    }

    /// The candidates that a slot can use.
    pub fn usable(&self, slot: usize) -> impl Iterator<Item = usize> {
        let shares = self.rows.get(slot).map_or(&[][..], |row| &row.shares);
        shares.iter().enumerate().filter(|(_, share)| share.is_some()).map(|(candidate, _)| candidate)
    }

    /// What a slot gains by a candidate over no asset; 0 if it cannot use the candidate.
    pub fn value_of(&self, slot: usize, candidate: Option<usize>) -> f64 {
        let gain = || {
            let row = self.rows.get(slot)?;
            let candidate = candidate?;
            let option = self.options_of(row).get(candidate)?;
            let share = (*row.shares.get(candidate)?)?;
            Some(self.gain(row, option, option.quality * share))
        };
        gain().unwrap_or(0.0)
    }

    /// What all slots together gain by an assignment.
    pub fn value(&self, assignment: &Assignment) -> f64 {
        let of_slot = |(slot, candidate): (usize, &Option<usize>)| self.value_of(slot, *candidate);
        assignment.iter().enumerate().map(of_slot).fold(0.0, |sum, value| sum + value)
    }

    /// The most that a slot gains by an asset; above 0.
    pub fn greatest_gain(&self) -> f64 {
        let of_slot = |slot: usize| self.usable(slot).map(move |candidate| self.value_of(slot, Some(candidate)));
        (0..self.rows.len()).flat_map(of_slot).fold(f64::MIN_POSITIVE, f64::max)
    }

    /// The changes that give a slot a candidate, or no asset. If another slot of the channel loses the candidate, it
    /// gets the one that this slot had, provided it can use it. `None` if a cap or the cooldown forbids the change.
    pub fn changes(&self, assignment: &Assignment, slot: usize, candidate: Option<usize>) -> Option<Vec<SlotChange>> {
        let Some(new) = candidate else { return Some(vec![(slot, None)]) };
        let row = self.rows.get(slot)?;
        (*row.shares.get(new)?)?;
        let asset = self.options_of(row).get(new)?.asset;
        let mut changes = vec![(slot, candidate)];
        let before = assignment.get(slot).copied().flatten();
        if let Some(other) = self.conflicting_slot(assignment, slot, new) {
            // With a cooldown of less than a week, the asset that the other slot would get might be used too close to
            // it at a third slot.
            if self.cooldown_hours.is_some() {
                return None;
            }
            changes.push((other, before.filter(|old| self.usable(other).any(|usable| usable == *old))));
        }
        let changed = |slot: usize| changes.iter().find(|(changed, _)| *changed == slot).map(|(_, new)| *new);
        let after = |slot: usize| changed(slot).unwrap_or_else(|| assignment.get(slot).copied().flatten());
        let uses_asset = |slot: &usize| {
            let options = self.rows.get(*slot).map_or(&[][..], |row| self.options_of(row));
            after(*slot).and_then(|candidate| options.get(candidate)).is_some_and(|option| option.asset == asset)
        };
        let uses = (0..self.rows.len()).filter(uses_asset).count();
        (uses <= self.cap(asset)).then_some(changes)
    }

    /// Another slot of the same channel that has the candidate and is too close to use it as well.
    fn conflicting_slot(&self, assignment: &Assignment, slot: usize, candidate: usize) -> Option<usize> {
        let channel = |slot: usize| self.rows.get(slot).map(|row| row.channel_draft);
        (0..self.rows.len()).find(|other| {
            *other != slot
                && channel(*other) == channel(slot)
                && assignment.get(*other).copied().flatten() == Some(candidate)
                && !self.are_apart(slot, *other)
        })
    }

    /// Whether two slots of a channel are far enough apart for the same asset.
    fn are_apart(&self, slot: usize, other: usize) -> bool {
        let at = |slot: usize| self.rows.get(slot).map_or(0, |row| row.at.as_second());
        self.cooldown_hours.is_some_and(|hours| (at(slot) - at(other)).abs() as f64 >= hours * 3600.0)
    }

    /// The best assignment found.
    pub fn best(&self) -> Assignment {
        self.best_at(|_, _| 0.0)
    }

    /// The best assignment found if each candidate has a price at each slot. `price` takes slot and candidate.
    pub fn best_at(&self, price: impl Fn(usize, usize) -> f64) -> Assignment {
        match self.cooldown_hours {
            Some(hours) => self.greedy(hours, price),
            None => self.exact(price),
        }
    }

    /// The assignment of maximum total weight.
    fn exact(&self, price: impl Fn(usize, usize) -> f64) -> Assignment {
        let first_column = |row: &SlotRow| self.options.iter().take(row.channel_draft).map(Vec::len).sum::<usize>();
        let choices: Vec<Vec<Choice>> = self
            .rows
            .iter()
            .enumerate()
            .map(|(slot, row)| self.choices(row, first_column(row), |candidate| price(slot, candidate)))
            .collect();
        let assets: Vec<usize> = self.options.iter().flatten().map(|option| option.asset).collect();
        let columns = best_assignment(&choices, &assets, &self.caps);
        self.rows.iter().zip(columns).map(|(row, column)| column.map(|column| column - first_column(row))).collect()
    }

    /// The options that a slot can use and that earn it at least as much as no asset. Those of its channel are numbered
    /// from `first_column`.
    fn choices(&self, row: &SlotRow, first_column: usize, price: impl Fn(usize) -> f64) -> Vec<Choice> {
        row.usable(self.options_of(row))
            .map(|(index, option, quality)| (index, self.gain(row, option, quality) - price(index)))
            .map(|(index, gain)| Choice { column: first_column + index, gain: (gain * self.scale).round() as i64 })
            .filter(|choice| choice.gain >= 0)
            .collect()
    }

    #[expect(clippy::indexing_slicing, reason = "INVARIANT: the number of an asset is its index in `caps`")]
    fn cap(&self, asset: usize) -> usize {
        self.caps[asset]
    }

    fn options_of(&self, row: &SlotRow) -> &[AssetOption] {
        self.options.get(row.channel_draft).map_or(&[], Vec::as_slice)
    }

    /// What a slot gains by an asset over none.
    fn gain(&self, row: &SlotRow, option: &AssetOption, quality: f64) -> f64 {
        row.weight * (quality - self.quality_without) + (self.bonus - option.cost)
    }

    /// Greedy: slots in descending order of weight, each with the best option that is not used too close to the slot.
    fn greedy(&self, cooldown_hours: f64, price: impl Fn(usize, usize) -> f64) -> Assignment {
        let mut order: Vec<(usize, &SlotRow)> = self.rows.iter().enumerate().collect();
        order.sort_by(|(_, a), (_, b)| b.weight.total_cmp(&a.weight));
        let mut uses_by_asset: BTreeMap<usize, Vec<(usize, Timestamp)>> = BTreeMap::new();
        let mut assignment = vec![None; self.rows.len()];
        for (slot, row) in order {
            let is_free = |option: &AssetOption| {
                let uses = uses_by_asset.get(&option.asset).map_or(&[][..], Vec::as_slice);
                let is_apart =
                    |at: Timestamp| (at.as_second() - row.at.as_second()).abs() as f64 >= cooldown_hours * 3600.0;
                uses.len() < self.cap(option.asset)
                    && uses.iter().all(|(channel_draft, at)| *channel_draft != row.channel_draft || is_apart(*at))
            };
            let usable = row.usable(self.options_of(row)).filter(|(_, option, _)| is_free(option));
            let gain = |index, option, quality| self.gain(row, option, quality) - price(slot, index);
            let gains = usable.map(|(index, option, quality)| (index, option, gain(index, option, quality)));
            let best = gains.max_by(|(a, _, x), (b, _, y)| x.total_cmp(y).then(b.cmp(a)));
            let Some((index, option, _)) = best.filter(|(_, _, gain)| *gain >= 0.0) else { continue };
            uses_by_asset.entry(option.asset).or_default().push((row.channel_draft, row.at));
            if let Some(assigned) = assignment.get_mut(slot) {
                *assigned = Some(index);
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

    pub(in crate::planner) fn channel_count(problem: &AssignmentProblem) -> usize {
        problem.options.len()
    }

    /// A problem of a few slots and assets on one or two channels.
    pub fn small_problem(random: &mut ChaCha8Rng) -> AssignmentProblem {
        let (channels, assets) = (random.random_range(1..=2), random.random_range(1..=4));
        let option = |asset: usize, random: &mut ChaCha8Rng| AssetOption {
            asset,
            quality: random.random_range(0.5..1.5),
            cost: random.random_range(0.0..1.0),
        };
        let options: Vec<Vec<AssetOption>> =
            (0..channels).map(|_| (0..assets).map(|asset| option(asset, random)).collect()).collect();
        let slot = |channel_draft: usize, random: &mut ChaCha8Rng| {
            let shares = (0..assets).map(|_| random.random_bool(0.9).then(|| random.random_range(0.5..1.0))).collect();
            let weight = random.random_range(0.5..4.0);
            SlotRow { channel_draft, at: Timestamp::UNIX_EPOCH, weight, shares }
        };
        let slots = random.random_range(1..=5);
        let rows = (0..slots).map(|number| slot(number % channels, random)).collect();
        let caps = (0..assets).map(|_| random.random_range(1..=2)).collect();
        AssignmentProblem::new(options, rows, caps, 0.0)
    }

    /// The value of an assignment, computed without the functions under test.
    fn expected_value(problem: &AssignmentProblem, assignment: &[Option<usize>]) -> f64 {
        let of_slot = |(row, index): (&SlotRow, &Option<usize>)| {
            let with_asset = |index: usize| {
                let option = problem.options[row.channel_draft][index];
                row.weight * option.quality * row.shares[index].unwrap_or(0.0) + problem.bonus - option.cost
            };
            index.map_or(row.weight * problem.quality_without, with_asset)
        };
        problem.rows.iter().zip(assignment).map(of_slot).sum()
    }

    fn is_allowed(problem: &AssignmentProblem, assignment: &[Option<usize>]) -> bool {
        let slots = || problem.rows.iter().zip(assignment);
        let are_usable = slots().all(|(row, option)| option.is_none_or(|option| row.shares[option].is_some()));
        let uses: Vec<(usize, usize)> =
            slots().filter_map(|(row, option)| Some((row.channel_draft, (*option)?))).collect();
        let each_once = (0..uses.len()).all(|index| !uses[..index].contains(&uses[index]));
        let asset = |(channel_draft, option): &(usize, usize)| problem.options[*channel_draft][*option].asset;
        let count = |wanted: usize| uses.iter().filter(|used| asset(used) == wanted).count();
        let within_caps = uses.iter().map(asset).all(|asset| count(asset) <= problem.cap(asset));
        are_usable && each_once && within_caps
    }

    /// The value of the best assignment, by exhaustive search.
    fn brute_force(problem: &AssignmentProblem, so_far: &mut Vec<Option<usize>>) -> f64 {
        let slot = so_far.len();
        if slot == problem.rows.len() {
            return if is_allowed(problem, so_far) { expected_value(problem, so_far) } else { f64::NEG_INFINITY };
        }
        let options = problem.options[problem.rows[slot].channel_draft].len();
        let mut best = f64::NEG_INFINITY;
        for choice in std::iter::once(None).chain((0..options).map(Some)) {
            so_far.push(choice);
            best = best.max(brute_force(problem, so_far));
            so_far.pop();
        }
        best
    }

    prop_compose! {
        fn problems()(
            channel_drafts in 1_usize..4,
            assets in 1_usize..5,
            slots in 1_usize..6,
            caps in prop::collection::vec(0_usize..4, 5),
            quality_without in 0.0..1.0_f64,
            draws in prop::collection::vec(0.0..1.0_f64, 200),
            costs in prop::collection::vec(0.0..1.5_f64, 5),
        ) -> AssignmentProblem {
            let mut draws = draws.into_iter().cycle();
            let mut draw = move || draws.next().unwrap();
            let options: Vec<Vec<AssetOption>> = (0..channel_drafts)
                .map(|_| {
                    let usable = (0..assets).filter(|_| draw() < 0.7);
                    usable
                        .map(|asset| AssetOption { asset, quality: 0.3 + asset as f64 * 0.07, cost: costs[asset] })
                        .collect()
                })
                .collect();
            let rows: Vec<SlotRow> = (0..slots)
                .map(|slot| {
                    let channel_draft = slot % channel_drafts;
                    let share = |i: usize| 0.4 + ((slot * 11 + i * 5) % 4) as f64 * 0.3;
                    let is_usable = |i: usize| !(slot * 7 + i * 3).is_multiple_of(5);
                    let shares = (0..options[channel_draft].len()).map(|i| is_usable(i).then(|| share(i))).collect();
                    SlotRow { channel_draft, at: Timestamp::UNIX_EPOCH, weight: 0.5 + (slot * 13 % 7) as f64, shares }
                })
                .collect();
            let bonus = options.iter().flatten().map(|option| option.cost).fold(0.0, f64::max);
            AssignmentProblem { options, rows, caps, quality_without, bonus, cooldown_hours: None, scale: 1e7 }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_assignment_has_a_higher_value_than_the_exact_one(problem in problems()) {
            let exact = problem.best();
            prop_assert!(is_allowed(&problem, &exact));
            let best = brute_force(&problem, &mut Vec::new());
            let value = expected_value(&problem, &exact);
            prop_assert!((value - best).abs() < 1e-5, "{value} against {best}");
        }

        #[test]
        fn the_greedy_assignment_keeps_the_caps_and_uses_an_asset_at_most_once_on_a_channel(problem in problems()) {
            prop_assert!(is_allowed(&problem, &problem.greedy(1.0, |_, _| 0.0)));
        }
    }
}
