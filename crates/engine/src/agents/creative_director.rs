//! Creative Director: the assets that each channel can use, and their scores.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ClientWeek;
use crate::model::{Asset, AssetId, AssetUse, Channel, Timestamp};
use crate::rules::{AssetFacts, AssetRules, ChannelFacts, Evaluator, NEVER, RuleFailure, SCORE_ASSET, text_list};

/// An asset that a channel can use, and from when.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate<'a> {
    /// The asset.
    pub asset: &'a Asset,
    /// Index in the client's list of assets.
    pub asset_index: usize,
    /// The first moment of the week at which it is finished and off cooldown, and the preceding evolution step has been
    /// used.
    pub available_from: Timestamp,
    /// Whether it is an evolution step of its parent rather than a variation.
    pub continues_story: bool,
    /// Hours from its last use on the channel to `available_from`; `None` if it was not used there before.
    pub hours_since_use: Option<f64>,
    /// Age at `available_from`, in hours.
    pub age_hours: f64,
}

/// The histories of a client's assets, in the order of the client's list.
#[derive(Debug, Clone, Default)]
pub struct Histories {
    by_asset: Vec<History>,
}

/// Past and committed uses of one asset, and its position in its family's story.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Times and channels of the uses, oldest first.
    uses: Vec<(Timestamp, Channel)>,
    /// Whether it can be used only after the preceding evolution step.
    pub continues_story: bool,
    /// First use of the preceding evolution step, on any channel; `None` if it was never used.
    pub preceding_step_at: Option<Timestamp>,
}

impl Histories {
    /// The histories that follow from the given uses.
    #[must_use]
    pub fn of(assets: &[Asset], uses: &[AssetUse]) -> Self {
        let indices: BTreeMap<&AssetId, usize> = assets.iter().map(|asset| &asset.id).zip(0..).collect();
        let mut histories = Self { by_asset: vec![History::default(); assets.len()] };
        for used in uses {
            let index = indices.get(&used.asset_id);
            if let Some(history) = index.and_then(|index| histories.by_asset.get_mut(*index)) {
                history.uses.push((used.at, used.channel));
            }
        }
        for history in &mut histories.by_asset {
            history.uses.sort_unstable();
        }
        histories.add_stories(assets, &indices);
        histories
    }

    /// The history of the asset at an index of the client's list.
    #[must_use]
    pub fn get(&self, asset_index: usize) -> Option<&History> {
        self.by_asset.get(asset_index)
    }

    fn add_stories(&mut self, assets: &[Asset], indices: &BTreeMap<&AssetId, usize>) {
        for (index, asset) in assets.iter().enumerate() {
            let parent = asset.parent_id.as_ref().and_then(|id| assets.get(*indices.get(id)?));
            if parent.is_none_or(|parent| asset.evolution_step <= parent.evolution_step) {
                continue;
            }
            let preceding_step_at = self.first_use_of_preceding_step(assets, asset);
            if let Some(history) = self.by_asset.get_mut(index) {
                history.continues_story = true;
                history.preceding_step_at = preceding_step_at;
            }
        }
    }

    fn first_use_of_preceding_step(&self, assets: &[Asset], asset: &Asset) -> Option<Timestamp> {
        let is_preceding = |other: &Asset| other.evolution_step.checked_add(1) == Some(asset.evolution_step);
        let all = assets.iter().zip(&self.by_asset);
        let preceding = all.filter(|(other, _)| is_preceding(other) && other.root() == asset.root());
        preceding.filter_map(|(_, history)| Some(history.uses.first()?.0)).min()
    }
}

impl History {
    /// Uses on a channel, oldest first.
    pub fn uses_on(&self, channel: Channel) -> impl Iterator<Item = Timestamp> + '_ {
        self.uses.iter().filter(move |(_, used_on)| *used_on == channel).map(|(at, _)| *at)
    }

    /// Number of uses on any channel in `from..to`.
    #[must_use]
    pub fn count_within(&self, from: Timestamp, to: Timestamp) -> usize {
        self.uses.iter().filter(|(at, _)| (from..to).contains(at)).count()
    }

    /// The first use on the channel that is less than the cooldown away from an instant, before or after it.
    #[must_use]
    pub fn use_near(&self, channel: Channel, at: Timestamp, cooldown_hours: f64) -> Option<Timestamp> {
        let cooldown = seconds(cooldown_hours);
        self.uses_on(channel).find(|used| (used.as_second() - at.as_second()).abs() < cooldown)
    }

    /// The first instant at or after `from` that is outside the cooldown of every use on the channel.
    fn rested_from(&self, channel: Channel, from: Timestamp, cooldown_hours: f64) -> Timestamp {
        let cooldown = seconds(cooldown_hours);
        self.uses_on(channel).fold(from, |free, used| {
            let is_near = (used.as_second() - free.as_second()).abs() < cooldown;
            if is_near { after_hours(used, cooldown_hours) } else { free }
        })
    }
}

/// The assets that a channel can use at some time of the week, by id.
///
/// An asset is left out if it has no content, does not fit the channel, is unfinished or on cooldown (before or after a
/// use on the channel) all week, belongs to a campaign that does not run on the channel that week, or continues a story
/// whose preceding step was never used.
#[must_use]
pub fn candidates<'a>(week: &ClientWeek<'a>, channel: Channel, histories: &Histories) -> Vec<Candidate<'a>> {
    let end = week.hours.instant(week.hours.len() as i64);
    let suits = |asset: &Asset| asset.has_content() && asset.fits(channel) && campaign_runs(week, asset, channel);
    let suitable = week.client.assets.iter().enumerate().filter(|(_, asset)| suits(asset));
    let candidates = suitable.filter_map(|(asset_index, _)| candidate(week, channel, asset_index, histories));
    candidates.filter(|candidate| candidate.available_from < end).collect()
}

/// The asset at an index of the client's list as the channel can use it, even if only after the week; `None` if the
/// preceding evolution step was never used.
#[must_use]
pub fn candidate<'a>(
    week: &ClientWeek<'a>,
    channel: Channel,
    asset_index: usize,
    histories: &Histories,
) -> Option<Candidate<'a>> {
    let (asset, history) = week.client.assets.get(asset_index).zip(histories.get(asset_index))?;
    let start = week.hours.start();
    let story_from = if history.continues_story { history.preceding_step_at? } else { start };
    let ready_from = start.max(asset.created_at).max(story_from);
    let available_from = history.rested_from(channel, ready_from, week.rules.assets.cooldown_hours);
    let last_use = history.uses_on(channel).take_while(|used| *used < available_from).last();
    Some(Candidate {
        asset,
        asset_index,
        available_from,
        continues_story: history.continues_story,
        hours_since_use: last_use.map(|at| hours_between(at, available_from)),
        age_hours: hours_between(asset.created_at, available_from),
    })
}

fn campaign_runs(week: &ClientWeek<'_>, asset: &Asset, channel: Channel) -> bool {
    let Some(id) = &asset.campaign_id else { return true };
    let campaign = week.client.campaigns.iter().find(|campaign| campaign.id == *id);
    campaign.is_some_and(|campaign| (0..7).any(|day| campaign.runs_on(channel, week.hours.date(day))))
}

/// Scores a candidate on its channel, `0..=100`: by the pack's `score_asset` function, or by the points of
/// `assets.toml`.
///
/// # Errors
/// If the function fails.
pub fn score(
    candidate: &Candidate<'_>,
    rules: &AssetRules,
    ctx: &Arc<ChannelFacts>,
    channel: Channel,
    evaluator: &mut Evaluator,
) -> Result<f64, RuleFailure> {
    let by_points = || points(candidate, rules, channel).iter().map(|part| part.points).sum::<f64>().clamp(0.0, 100.0);
    if !evaluator.has(SCORE_ASSET) {
        return Ok(by_points());
    }
    let asset = candidate.asset;
    let facts = Arc::new(AssetFacts {
        kind: (*asset.kind).into(),
        title: (*asset.title).into(),
        tags: text_list(&asset.tags),
        campaign: asset.campaign_id.as_ref().map_or_else(Default::default, |id| id.as_str().into()),
        quality: asset.quality.get(),
        brand_consistency: asset.brand_consistency.get(),
        value: asset.value.get(),
        impact: asset.impact.get(),
        made_for_channel: asset.made_for(channel),
        age_hours: candidate.age_hours,
        hours_since_use: candidate.hours_since_use.unwrap_or(NEVER),
        evolution_step: i64::from(asset.evolution_step),
    });
    Ok(evaluator.score_asset(&facts, ctx)?.unwrap_or_else(by_points))
}

/// One component of an asset's score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AssetPoints {
    /// What the points are given for.
    pub name: &'static str,
    /// The key that sets the points.
    pub key: &'static str,
    /// The points; negative if they lower the score.
    pub points: f64,
}

/// The components of an asset's score by `assets.toml`; their sum, clamped to `0..=100`, is the score.
#[must_use]
pub fn points(candidate: &Candidate<'_>, rules: &AssetRules, channel: Channel) -> [AssetPoints; 8] {
    let asset = candidate.asset;
    let is_recent = candidate.hours_since_use.is_some_and(|hours| hours < rules.recent_use_days * 24.0);
    let made_for_channel = if asset.made_for(channel) { rules.made_for_channel } else { 0.0 };
    [
        ("base", "assets.base", rules.base),
        ("quality", "assets.per_quality", rules.per_quality * asset.quality.get()),
        (
            "brand consistency",
            "assets.per_brand_consistency",
            rules.per_brand_consistency * asset.brand_consistency.get(),
        ),
        ("value", "assets.per_value", rules.per_value * asset.value.get()),
        ("impact", "assets.per_impact", rules.per_impact * asset.impact.get()),
        ("made for the channel", "assets.made_for_channel", made_for_channel),
        ("freshness", "assets.freshness", freshness(rules, candidate.age_hours)),
        ("recent use", "assets.recent_use", if is_recent { rules.recent_use } else { 0.0 }),
    ]
    .map(|(name, key, points)| AssetPoints { name, key, points })
}

fn freshness(rules: &AssetRules, age_hours: f64) -> f64 {
    rules.freshness.iter().find(|row| age_hours < row.threshold).map_or(0.0, |row| row.value)
}

/// Hours from one instant to another; negative if `to` is earlier.
#[must_use]
pub fn hours_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_second() - from.as_second()) as f64 / 3600.0
}

fn after_hours(at: Timestamp, hours: f64) -> Timestamp {
    at.plus_seconds(seconds(hours))
}

/// Hours in whole seconds, truncated.
fn seconds(hours: f64) -> i64 {
    (hours * 3600.0) as i64
}
