//! The assets and campaigns of a generated client.

use super::draw::Draw;
use super::{DAY_SECONDS, GeneratedClient, names};
use crate::model::digits::rounded;
use crate::model::{AssetId, AssetRow, CampaignId, CampaignRow, Channel, Score};

/// Age in days of the oldest assets at the start.
pub(super) const OLDEST_DAYS: f64 = 60.0;

/// Share of assets that exist at the start; the others are created during the scenario.
const EXISTING_AT_START: f64 = 0.65;

/// Maximum number of channels that one asset is made for.
const MAX_CHANNELS: usize = 5;

/// A kind of asset, and how likely it is to suit each channel.
struct Kind {
    name: &'static str,
    suits: &'static [(Channel, f64)],
}

/// Number of kinds of assets.
pub(super) const KIND_COUNT: usize = 6;

/// Kinds with their shares of all assets, chosen so that each channel gets more assets a week than posts.
const KINDS: [(Kind, f64); KIND_COUNT] = [
    (
        Kind {
            name: "video",
            suits: &[
                (Channel::Tiktok, 0.95),
                (Channel::Ig, 0.7),
                (Channel::Fb, 0.6),
                (Channel::Youtube, 0.5),
                (Channel::X, 0.5),
                (Channel::Linkedin, 0.2),
                (Channel::Reddit, 0.2),
            ],
        },
        0.36,
    ),
    (
        Kind {
            name: "photo",
            suits: &[
                (Channel::Ig, 0.8),
                (Channel::Fb, 0.7),
                (Channel::X, 0.7),
                (Channel::Gmb, 0.5),
                (Channel::Tiktok, 0.5),
                (Channel::Linkedin, 0.3),
            ],
        },
        0.24,
    ),
    (
        Kind {
            name: "article",
            suits: &[
                (Channel::Linkedin, 0.8),
                (Channel::X, 0.7),
                (Channel::Email, 0.6),
                (Channel::Reddit, 0.6),
                (Channel::Fb, 0.4),
            ],
        },
        0.12,
    ),
    (
        Kind {
            name: "carousel",
            suits: &[
                (Channel::Ig, 0.8),
                (Channel::Tiktok, 0.7),
                (Channel::Linkedin, 0.5),
                (Channel::Fb, 0.5),
                (Channel::X, 0.3),
            ],
        },
        0.12,
    ),
    (
        Kind {
            name: "text",
            suits: &[
                (Channel::X, 0.9),
                (Channel::Reddit, 0.6),
                (Channel::Linkedin, 0.5),
                (Channel::Gmb, 0.5),
                (Channel::Fb, 0.4),
            ],
        },
        0.10,
    ),
    (
        Kind {
            name: "newsletter",
            suits: &[(Channel::Email, 0.95), (Channel::Gmb, 0.5), (Channel::Linkedin, 0.4), (Channel::X, 0.4)],
        },
        0.06,
    ),
];

/// The names of the kinds.
pub(super) fn kind_names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| kind.name)
}

/// The index of the kind with the given name.
pub(super) fn kind_index(name: &str) -> Option<usize> {
    kind_names().position(|other| other == name)
}

/// Draws the kind of a post on a channel, weighted by how often assets of each kind suit the channel.
pub(super) fn kind_for(channel: Channel, draw: &mut Draw) -> &'static str {
    let weights = KINDS.map(|(kind, share)| {
        let probability = kind.suits.iter().find(|(suited, _)| *suited == channel).map(|(_, probability)| *probability);
        (kind.name, share * probability.unwrap_or(0.0))
    });
    draw.weighted::<&str, KIND_COUNT>(&weights)
}

/// Up to three campaigns of one to four weeks.
pub(super) fn campaigns(client: &GeneratedClient) -> Vec<CampaignRow> {
    let mut draw = client.draw("campaigns");
    let count = *draw.weighted(&[(0, 3.0), (1, 4.0), (2, 2.0), (3, 1.0)]);
    let campaign = |number: u32| {
        let first_day = draw.integer(0, client.weeks.saturating_sub(1)) * 7;
        let days = draw.integer(1, 4) * 7;
        let goal = *draw.weighted(&[("awareness", 4.0), ("leads", 3.0), ("sales", 3.0)]);
        let is_on_all_channels = draw.chance(0.6);
        let channels = client.channels.iter().copied().filter(|_| !is_on_all_channels && draw.chance(0.5)).collect();
        CampaignRow {
            campaign_id: CampaignId::new(format!("{}-c{number}", client.id())),
            client_id: client.client_id(),
            name: Some(names::headline(&mut draw, &client.business.trade).into()),
            goal: goal.into(),
            starts_on: client.date(first_day),
            ends_on: client.date(first_day + days - 1),
            channels,
            weight: rounded(draw.between(1.05, 1.5), 2),
            any_asset: false,
        }
    };
    (1..=count).map(campaign).collect()
}

/// Twenty-four to forty assets: mostly single ones, some variations of them, some stories of three steps.
pub(super) fn assets(client: &GeneratedClient, campaigns: &[CampaignRow]) -> Vec<AssetRow> {
    let mut draw = client.draw("assets");
    let min_count = if client.channels.len() == Channel::COUNT { 34 } else { 24 };
    let count = draw.integer(min_count, 40);
    // A fifth of the assets have a parent: two later steps for each story, and variations.
    let children = count / 5;
    let stories = children / 4;
    let originals = (1..=count - children).map(|number| original_asset(client, number, campaigns, &mut draw));
    let mut assets: Vec<_> = originals.collect();
    let story_steps = (0..stories).flat_map(|parent| [(parent, 1), (parent, 2)]);
    let variations = (stories..children - stories).map(|parent| (parent, 0));
    for (parent, step) in story_steps.chain(variations) {
        let Some(parent) = assets.get(parent as usize).cloned() else { continue };
        let number = assets.len() as u32 + 1;
        assets.push(child_asset(client, number, &parent, step, &mut draw));
    }
    assets
}

fn original_asset(client: &GeneratedClient, number: u32, campaigns: &[CampaignRow], draw: &mut Draw) -> AssetRow {
    let created_after_days = if draw.chance(EXISTING_AT_START) {
        -draw.between(0.5, OLDEST_DAYS)
    } else {
        draw.between(0.0, f64::from(client.weeks) * 7.0)
    };
    let (kind, channels) = kind_and_channels(client, draw);
    let campaign = if draw.chance(0.3) { draw.pick(campaigns) } else { None };
    let score = |draw: &mut Draw, a, b| Score::new(rounded(draw.kumaraswamy(a, b), 3));
    AssetRow {
        campaign_id: campaign.map(|campaign| campaign.campaign_id.clone()),
        channels,
        quality_score: score(draw, 3.0, 1.8),
        brand_consistency: score(draw, 4.0, 1.5),
        value: score(draw, 2.2, 2.0),
        impact: score(draw, 2.0, 2.5),
        title: names::headline(draw, &client.business.trade).into(),
        ..AssetRow::new(asset_id(client, number), client.client_id(), kind, client.instant(created_after_days))
    }
}

fn asset_id(client: &GeneratedClient, number: u32) -> AssetId {
    AssetId::new(format!("{}-a{number:02}", client.id()))
}

/// A kind, and the client's channels that it suits: two to five if the client has that many.
fn kind_and_channels(client: &GeneratedClient, draw: &mut Draw) -> (&'static str, Vec<Channel>) {
    let kind = KINDS.get(draw_kind_index(draw)).map(|(kind, _)| kind);
    let suits = kind.map_or(&[][..], |kind| kind.suits);
    let suitable = || suits.iter().filter(|(channel, _)| client.channels.contains(channel));
    let mut channels: Vec<_> =
        suitable().filter(|(_, probability)| draw.chance(*probability)).map(|(channel, _)| *channel).collect();
    for (channel, _) in suitable() {
        if channels.len() < 2 && !channels.contains(channel) {
            channels.push(*channel);
        }
    }
    // A kind that suits none of the client's channels is used on the first two.
    if channels.is_empty() {
        channels.extend(client.channels.iter().take(2));
    }
    channels.truncate(MAX_CHANNELS);
    channels.sort_unstable();
    (kind.map_or("post", |kind| kind.name), channels)
}

fn draw_kind_index(draw: &mut Draw) -> usize {
    let mut remaining = draw.uniform();
    KINDS
        .iter()
        .position(|(_, share)| {
            remaining -= share;
            remaining < 0.0
        })
        // The shares may add up to slightly less than 1 because of rounding.
        .unwrap_or(0)
}

/// If `step` is 0, a variation of an asset; otherwise a later step of the asset's story, created that many weeks after
/// the asset.
fn child_asset(client: &GeneratedClient, number: u32, parent: &AssetRow, step: u32, draw: &mut Draw) -> AssetRow {
    let similar = |draw: &mut Draw, score: Option<Score>| {
        score.map(|score| Score::clamped(rounded((score.get() + draw.between(-0.15, 0.15)).clamp(0.0, 1.0), 3)))
    };
    let days_after_parent = if step == 0 { draw.between(0.5, 10.0) } else { 7.0 * f64::from(step) };
    let title = if step == 0 {
        format!("{} (variation)", parent.title)
    } else {
        format!("{} (part {})", parent.title, step + 1)
    };
    AssetRow {
        asset_id: asset_id(client, number),
        created_at: parent.created_at.plus_seconds((days_after_parent * DAY_SECONDS as f64) as i64),
        quality_score: similar(draw, parent.quality_score),
        brand_consistency: similar(draw, parent.brand_consistency),
        value: similar(draw, parent.value),
        impact: similar(draw, parent.impact),
        parent_id: Some(parent.asset_id.clone()),
        evolution_step: step,
        title: title.into(),
        ..parent.clone()
    }
}
