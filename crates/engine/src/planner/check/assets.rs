//! Checks the assets of posts: they exist, fit the channel, are finished, belong to a running campaign or to none, keep
//! cooldown and weekly cap, and follow the order of their story.

use std::collections::BTreeMap;

use super::Findings;
use super::case::ClientCase;
use super::clock::{HOUR, LocalHour};
use crate::model::{Asset, AssetId, Channel, Post, Timestamp};
use crate::rules::{AssetRules, ChannelRules};

/// An asset on a channel, and when it can be used there.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnChannel<'a> {
    pub asset: &'a Asset,
    channel: Channel,
    /// The first moment of the week at which the asset is finished, the preceding step of its story was used, and every
    /// past or committed use on the channel is at least the cooldown away; in Unix seconds.
    available_from: i64,
    /// Last use on the channel before `available_from`, in Unix seconds.
    last_use: Option<i64>,
}

impl<'a> OnChannel<'a> {
    pub fn of(case: &ClientCase<'_>, asset: &'a Asset, channel: Channel) -> Self {
        let on_channel =
            case.state.asset_uses.iter().filter(|used| used.channel == channel && used.asset_id == asset.id);
        let mut uses: Vec<i64> = on_channel.map(|used| used.at.as_second()).collect();
        uses.sort_unstable();
        let story_from = first_use_of_preceding_step(case, asset).map(Timestamp::as_second);
        let earliest = [Some(asset.created_at.as_second()), Some(case.clock.start), story_from];
        let mut available_from = earliest.into_iter().flatten().max().unwrap_or(case.clock.start);
        let cooldown = cooldown_seconds(&case.base().assets);
        for used in &uses {
            if used.abs_diff(available_from) < cooldown.unsigned_abs() {
                available_from = used.saturating_add(cooldown);
            }
        }
        let last_use = uses.into_iter().rev().find(|used| *used < available_from);
        Self { asset, channel, available_from, last_use }
    }

    /// Whether the channel can use the asset at some time of the week.
    pub fn is_usable(&self, case: &ClientCase<'_>) -> bool {
        let asset = self.asset;
        let runs = || case.clock.hours.iter().any(|moment| campaign_runs(case, asset, self.channel, moment));
        has_content(asset)
            && fits(asset, self.channel)
            && self.available_from < case.clock.end()
            && (!continues_story(case, asset) || first_use_of_preceding_step(case, asset).is_some())
            && runs()
    }

    /// Whether the asset is available by the end of a moment's day, and its campaign, if it has one, runs on the
    /// channel that day.
    pub fn is_usable_by(&self, case: &ClientCase<'_>, moment: &LocalHour) -> bool {
        let first_hour = usize::try_from((self.available_from - case.clock.start).div_euclid(HOUR)).ok();
        let first_day = first_hour.and_then(|hour| case.clock.hours.get(hour)).map(|moment| moment.date);
        first_day.is_some_and(|first| first <= moment.date) && campaign_runs(case, self.asset, self.channel, moment)
    }

    /// Whether the channel can use the asset at a time of the week, in Unix seconds: it is finished and rested by then, no
    /// committed use is too close, its campaign runs, and committed uses leave one in the week.
    pub fn is_usable_at(&self, case: &ClientCase<'_>, at: i64) -> bool {
        let uses = || case.state.asset_uses.iter().filter(|used| used.asset_id == self.asset.id);
        let in_week = uses().filter(|used| (case.clock.start..case.clock.end()).contains(&used.at.as_second()));
        let cooldown = cooldown_seconds(&case.base().assets).unsigned_abs();
        let mut on_channel = uses().filter(|used| used.channel == self.channel);
        let moment = case.clock.moment((at - case.clock.start).div_euclid(HOUR));
        self.available_from <= at
            && in_week.count() < case.base().assets.max_uses_per_week as usize
            && on_channel.all(|used| used.at.as_second().abs_diff(at) >= cooldown)
            && moment.is_some_and(|moment| campaign_runs(case, self.asset, self.channel, moment))
    }

    /// The sum of the asset's points by `assets.toml`, clamped to `0..=100`.
    pub fn score(&self, rules: &AssetRules) -> f64 {
        let asset = self.asset;
        let age_hours = (self.available_from - asset.created_at.as_second()) as f64 / HOUR as f64;
        let since_use = self.last_use.map(|last| (self.available_from - last) as f64 / HOUR as f64);
        let applying = rules.freshness.iter().filter(|row| age_hours < row.threshold);
        let freshness = applying.min_by(|a, b| a.threshold.total_cmp(&b.threshold)).map_or(0.0, |row| row.value);
        let made_for = if asset.channels.contains(&self.channel) { rules.made_for_channel } else { 0.0 };
        let is_recent = since_use.is_some_and(|hours| hours < 24.0 * rules.recent_use_days);
        let points = rules.base
            + rules.per_quality * asset.quality.get()
            + rules.per_brand_consistency * asset.brand_consistency.get()
            + rules.per_value * asset.value.get()
            + rules.per_impact * asset.impact.get()
            + made_for
            + freshness
            + if is_recent { rules.recent_use } else { 0.0 };
        points.clamp(0.0, 100.0)
    }
}

/// Quality factor of a score, linear from 0 to 100.
pub(super) fn quality(rules: &AssetRules, score: f64) -> f64 {
    rules.quality_at_0 + (rules.quality_at_100 - rules.quality_at_0) * score / 100.0
}

/// Factor of an asset's content type on a channel; 1 if the rules do not list it.
pub(super) fn content_type_factor(channel: &ChannelRules, asset: &Asset) -> f64 {
    channel.content_types.get(&*asset.kind).map_or(1.0, |factor| *factor)
}

/// Cost of the work on a post with an asset.
pub(super) fn cost(rules: &AssetRules, asset: &Asset) -> f64 {
    rules.cost_per_hour * rules.cost_hours.get(&*asset.kind).map_or(rules.cost_hours_otherwise, |hours| *hours)
}

/// Cost of the work on a post without an asset.
pub(super) fn cost_without(rules: &AssetRules) -> f64 {
    rules.cost_per_hour * rules.cost_hours_otherwise
}

/// Cooldown in whole seconds, rounded down.
fn cooldown_seconds(rules: &AssetRules) -> i64 {
    (rules.cooldown_hours * HOUR as f64) as i64
}

pub(super) fn fits(asset: &Asset, channel: Channel) -> bool {
    asset.channels.is_empty() || asset.channels.contains(&channel)
}

/// Whether an asset has a title, a text or media.
pub(super) fn has_content(asset: &Asset) -> bool {
    !(asset.title.trim().is_empty() && asset.body.trim().is_empty() && asset.media_url.trim().is_empty())
}

fn campaign_runs(case: &ClientCase<'_>, asset: &Asset, channel: Channel, moment: &LocalHour) -> bool {
    let Some(id) = &asset.campaign_id else { return true };
    case.campaign(id).is_some_and(|campaign| {
        let is_of_channel = campaign.channels.is_empty() || campaign.channels.contains(&channel);
        is_of_channel && campaign.starts_on <= moment.date && moment.date <= campaign.ends_on
    })
}

/// The client's asset with an id; `None` if the client has no such asset.
pub(super) fn asset_by_id<'a>(case: &ClientCase<'a>, id: &AssetId) -> Option<&'a Asset> {
    case.client.assets.iter().find(|asset| asset.id == *id)
}

/// Whether an asset's evolution step is later than its parent's.
fn continues_story(case: &ClientCase<'_>, asset: &Asset) -> bool {
    let parent = asset.parent_id.as_ref().and_then(|id| asset_by_id(case, id));
    parent.is_some_and(|parent| asset.evolution_step > parent.evolution_step)
}

/// First use of the preceding evolution step, on any channel; `None` if that step was never used or does not exist.
fn first_use_of_preceding_step(case: &ClientCase<'_>, asset: &Asset) -> Option<Timestamp> {
    if !continues_story(case, asset) {
        return None;
    }
    let root = asset.parent_id.as_ref()?;
    let is_preceding_step = |id: &AssetId| {
        asset_by_id(case, id).is_some_and(|other| {
            other.parent_id.as_ref().unwrap_or(&other.id) == root
                && other.evolution_step.checked_add(1) == Some(asset.evolution_step)
        })
    };
    case.state.asset_uses.iter().filter(|used| is_preceding_step(&used.asset_id)).map(|used| used.at).min()
}

/// Checks the assets of a client's posts.
pub(super) fn check(case: &ClientCase<'_>, findings: &mut Findings) {
    let mut uses: BTreeMap<&AssetId, Vec<&Post>> = BTreeMap::new();
    for post in &case.plan.posts {
        let Some(choice) = &post.asset else { continue };
        let Some(asset) = asset_by_id(case, choice.used()) else {
            let detail = format!("the client has no asset `{}`", choice.used());
            findings.report_post(case, post, "asset_unknown", detail);
            continue;
        };
        check_family(case, post, asset, findings);
        check_fitness(case, post, asset, findings);
        check_story(case, post, asset, findings);
        check_cooldown(case, post, asset, findings);
        uses.entry(&asset.id).or_default().push(post);
    }
    for (id, posts) in uses {
        check_cooldown_within_plan(case, id, &posts, findings);
        check_weekly_uses(case, id, posts.len(), findings);
    }
}

/// Root asset, variation and evolution are stated as the asset's family defines them.
fn check_family(case: &ClientCase<'_>, post: &Post, asset: &Asset, findings: &mut Findings) {
    let Some(choice) = &post.asset else { return };
    let root = asset.parent_id.as_ref().unwrap_or(&asset.id);
    let variation = asset.parent_id.as_ref().map(|_| &asset.id);
    if choice.asset_id != *root || choice.variation_id.as_ref() != variation {
        let detail = format!("the plan says that the root of `{}` is `{}`; it is `{root}`", asset.id, choice.asset_id);
        findings.report_post(case, post, "asset_family", detail);
    }
    if choice.is_evolution != continues_story(case, asset) {
        let detail = format!("the plan says that `{}` is {}", asset.id, misstated_kind(choice.is_evolution));
        findings.report_post(case, post, "asset_family", detail);
    }
}

const fn misstated_kind(is_evolution: bool) -> &'static str {
    if is_evolution { "an evolution step; it is not" } else { "not an evolution step; it is one" }
}

/// The asset fits the channel, is finished in time, and its campaign, if it has one, runs there that day.
fn check_fitness(case: &ClientCase<'_>, post: &Post, asset: &Asset, findings: &mut Findings) {
    if !fits(asset, post.channel) {
        findings.report_post(case, post, "asset_channel", format!("`{}` is not for the channel", asset.id));
    }
    if post.at < asset.created_at {
        let detail = format!("`{}` is not finished before {}", asset.id, asset.created_at);
        findings.report_post(case, post, "asset_unfinished", detail);
    }
    let moment = case.clock.moment(case.clock.hour_of(post.at));
    if moment.is_some_and(|moment| !campaign_runs(case, asset, post.channel, moment)) {
        let detail = format!("the campaign of `{}` does not run on the channel that day", asset.id);
        findings.report_post(case, post, "asset_campaign", detail);
    }
}

/// An evolution step comes after a use of the preceding step.
fn check_story(case: &ClientCase<'_>, post: &Post, asset: &Asset, findings: &mut Findings) {
    let is_early = first_use_of_preceding_step(case, asset).is_none_or(|first_use| first_use > post.at);
    if continues_story(case, asset) && is_early {
        let detail = format!("`{}` continues a story whose preceding step was not used by then", asset.id);
        findings.report_post(case, post, "asset_evolution", detail);
    }
}

/// The post is at least the cooldown away from the asset's past and committed uses on the channel.
fn check_cooldown(case: &ClientCase<'_>, post: &Post, asset: &Asset, findings: &mut Findings) {
    let uses = case.state.asset_uses.iter().filter(|used| used.channel == post.channel && used.asset_id == asset.id);
    let nearest = uses.map(|used| used.at.as_second().abs_diff(post.at.as_second())).min();
    let cooldown = cooldown_seconds(&case.base().assets).unsigned_abs();
    if let Some(distance) = nearest.filter(|distance| *distance < cooldown) {
        let detail = format!("`{}` is used on the channel {distance} s away, its cooldown is {cooldown} s", asset.id);
        findings.report_post(case, post, "asset_cooldown", detail);
    }
}

/// Planned posts with the asset on the same channel are at least the cooldown apart.
fn check_cooldown_within_plan(case: &ClientCase<'_>, id: &AssetId, posts: &[&Post], findings: &mut Findings) {
    let cooldown = cooldown_seconds(&case.base().assets);
    let mut last_use: BTreeMap<Channel, i64> = BTreeMap::new();
    let mut by_time = posts.to_vec();
    by_time.sort_by_key(|post| post.at);
    for post in by_time {
        let at = post.at.as_second();
        let since_last = last_use.insert(post.channel, at).map(|last| at - last);
        if let Some(distance) = since_last.filter(|distance| *distance < cooldown) {
            let detail = format!("`{id}` is planned on the channel {distance} s before, its cooldown is {cooldown} s");
            findings.report_post(case, post, "asset_cooldown", detail);
        }
    }
}

/// The asset is used no more often in the week than the rules allow, committed uses included. If those alone exceed the
/// cap, no use is planned.
fn check_weekly_uses(case: &ClientCase<'_>, id: &AssetId, planned: usize, findings: &mut Findings) {
    let week = case.clock.start..case.clock.end();
    let in_week = |at: Timestamp| week.contains(&at.as_second());
    let committed = case.state.asset_uses.iter().filter(|used| used.asset_id == *id && in_week(used.at)).count();
    let max_uses = case.base().assets.max_uses_per_week as usize;
    if planned > max_uses.saturating_sub(committed) {
        let detail =
            format!("`{id}` is planned {planned} times besides {committed} committed uses, {max_uses} are allowed");
        findings.report_client("asset_uses", detail);
    }
}
