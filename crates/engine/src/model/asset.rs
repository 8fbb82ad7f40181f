//! Creative assets and their families.

use std::sync::Arc;

use serde::Serialize;

use super::time::Timestamp;
use super::{AssetId, CampaignId, Channel, Score};

/// A piece of content that a post can carry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asset {
    /// Unique in the scenario.
    pub id: AssetId,
    /// The campaign it was made for; none for evergreen content.
    pub campaign_id: Option<CampaignId>,
    /// What it is: photo, video, article.
    pub kind: Arc<str>,
    /// The channels it was made for. Empty: it fits every channel, made for none.
    pub channels: Vec<Channel>,
    /// When it was finished; it cannot be used before.
    pub created_at: Timestamp,
    /// Craft, as its makers or the past judged it.
    pub quality: Score,
    /// How well it keeps to the brand's voice and look.
    pub brand_consistency: Score,
    /// Use to the audience, the V of VIF.
    pub value: Score,
    /// Force of the idea, the I of VIF.
    pub impact: Score,
    /// The asset that this one varies or continues.
    pub parent_id: Option<AssetId>,
    /// Place in its story, from 0. A child with its parent's step is a variation; a higher step
    /// continues the story and waits until the step before it has been used.
    pub evolution_step: u32,
    /// Headline.
    pub title: Arc<str>,
    /// Text.
    pub body: Arc<str>,
    /// Where its picture, film or sound is; empty where it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub media_url: Arc<str>,
    /// Free marks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
}

impl Asset {
    /// Whether it may be used on the channel at all.
    #[must_use]
    pub fn fits(&self, channel: Channel) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel)
    }

    /// Whether it was made for the channel.
    #[must_use]
    pub fn made_for(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Whether it has anything to show: a title, a text or media.
    #[must_use]
    pub fn has_content(&self) -> bool {
        [&self.title, &self.body, &self.media_url].iter().any(|part| !part.trim().is_empty())
    }

    /// The asset at the head of its family: its parent, or itself.
    #[must_use]
    pub fn root(&self) -> &AssetId {
        self.parent_id.as_ref().unwrap_or(&self.id)
    }
}

/// One past use of an asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetUse {
    /// What was used.
    pub asset_id: AssetId,
    /// Where.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
}
