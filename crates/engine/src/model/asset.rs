//! Creative assets, their variations and their stories.

use std::sync::Arc;

use serde::Serialize;

use super::record::record;
use super::time::Timestamp;
use super::{AssetId, CampaignId, Channel, Client, ClientId, Score};

/// A piece of content that a post can carry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asset {
    /// Unique in the scenario.
    pub id: AssetId,
    /// The campaign it was made for; `None` for evergreen content.
    pub campaign_id: Option<CampaignId>,
    /// Content type: photo, video, article.
    pub kind: Arc<str>,
    /// The channels it was made for; empty if it fits every channel, but was made for none in particular.
    pub channels: Vec<Channel>,
    /// When it was finished; it cannot be used before.
    pub created_at: Timestamp,
    /// Quality of the work, as rated by its makers or by past results.
    pub quality: Score,
    /// Consistency with the brand's voice and look.
    pub brand_consistency: Score,
    /// Usefulness to the audience.
    pub value: Score,
    /// Strength of the idea.
    pub impact: Score,
    /// The asset that this one varies or continues.
    pub parent_id: Option<AssetId>,
    /// 0-based position in its story. An asset with the same step as its parent is a variation of the parent. An asset
    /// with a higher step continues the parent's story, and cannot be used until the previous step was used.
    pub evolution_step: u32,
    /// Headline.
    pub title: Arc<str>,
    /// Text.
    pub body: Arc<str>,
    /// URL of its image, video or audio; empty if it has none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub media_url: Arc<str>,
    /// Free-form tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
}

impl Asset {
    /// An evergreen asset that fits every channel, without content, and with the scores that unknown ones count as.
    #[must_use]
    pub fn new(id: AssetId, kind: impl Into<Arc<str>>, created_at: Timestamp) -> Self {
        Self {
            id,
            campaign_id: None,
            kind: kind.into(),
            channels: Vec::new(),
            created_at,
            quality: Score::HALF,
            brand_consistency: Score::HALF,
            value: Score::HALF,
            impact: Score::HALF,
            parent_id: None,
            evolution_step: 0,
            title: "".into(),
            body: "".into(),
            media_url: "".into(),
            tags: Vec::new(),
        }
    }

    /// Whether it may be used on the channel.
    #[must_use]
    pub fn fits(&self, channel: Channel) -> bool {
        self.channels.is_empty() || self.channels.contains(&channel)
    }

    /// Whether it was made for the channel in particular.
    #[must_use]
    pub fn made_for(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }

    /// Whether it has content: a title, a text or media.
    #[must_use]
    pub fn has_content(&self) -> bool {
        [&self.title, &self.body, &self.media_url].iter().any(|part| !part.trim().is_empty())
    }

    /// The root of its asset family: its parent, or itself if it has none. A parent has no parent of its own.
    #[must_use]
    pub fn root(&self) -> &AssetId {
        self.parent_id.as_ref().unwrap_or(&self.id)
    }
}

/// One past use of an asset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetUse {
    /// The asset.
    pub asset_id: AssetId,
    /// The channel.
    pub channel: Channel,
    /// When it was used.
    pub at: Timestamp,
}

record! {
    /// A row of `assets`. A score of `None` is unknown and counts as 0.5.
    pub struct AssetRow {
        /// Unique in the scenario.
        pub asset_id: AssetId,
        /// The client it belongs to.
        pub client_id: ClientId,
        /// The campaign it was made for; blank for evergreen content.
        pub campaign_id: Option<CampaignId>,
        /// Content type: photo, video, article.
        pub kind: Arc<str>,
        /// The channels it was made for; blank if it fits every channel.
        #[column(default = Vec::new())]
        pub channels: Vec<Channel>,
        /// When it was finished; it cannot be used before.
        #[column(period = Made)]
        pub created_at: Timestamp,
        /// Quality of the work, as rated by its makers or by past results.
        pub quality_score: Option<Score>,
        /// Consistency with the brand's voice and look.
        pub brand_consistency: Option<Score>,
        /// Usefulness to the audience.
        pub value: Option<Score>,
        /// Strength of the idea.
        pub impact: Option<Score>,
        /// The asset that it varies or continues.
        pub parent_id: Option<AssetId>,
        /// Position in its story, from 0.
        #[column(range = 0.0..=1000.0, default = 0)]
        pub evolution_step: u32,
        /// Headline.
        #[column(default = "".into())]
        pub title: Arc<str>,
        /// Text.
        #[column(default = "".into())]
        pub body: Arc<str>,
        /// URL of its image, video or audio; blank if it has none.
        #[column(default = "".into(), sparse)]
        pub media_url: Arc<str>,
        /// Free-form tags.
        #[column(default = Vec::new(), sparse)]
        pub tags: Vec<Arc<str>>,
    }
}

impl AssetRow {
    /// A row with the required columns only.
    #[must_use]
    pub fn new(asset_id: AssetId, client_id: ClientId, kind: impl Into<Arc<str>>, created_at: Timestamp) -> Self {
        Self {
            quality_score: None,
            brand_consistency: None,
            value: None,
            impact: None,
            ..Self::from_asset(client_id, Asset::new(asset_id, kind, created_at))
        }
    }

    /// The row of a client's asset.
    #[must_use]
    pub fn of(client: &Client, asset: &Asset) -> Self {
        Self::from_asset(client.id.clone(), asset.clone())
    }

    fn from_asset(client_id: ClientId, asset: Asset) -> Self {
        Self {
            asset_id: asset.id,
            client_id,
            campaign_id: asset.campaign_id,
            kind: asset.kind,
            channels: asset.channels,
            created_at: asset.created_at,
            quality_score: Some(asset.quality),
            brand_consistency: Some(asset.brand_consistency),
            value: Some(asset.value),
            impact: Some(asset.impact),
            parent_id: asset.parent_id,
            evolution_step: asset.evolution_step,
            title: asset.title,
            body: asset.body,
            media_url: asset.media_url,
            tags: asset.tags,
        }
    }
}

impl From<AssetRow> for Asset {
    fn from(row: AssetRow) -> Self {
        Self {
            id: row.asset_id,
            campaign_id: row.campaign_id,
            kind: row.kind,
            channels: row.channels,
            created_at: row.created_at,
            quality: row.quality_score.unwrap_or(Score::HALF),
            brand_consistency: row.brand_consistency.unwrap_or(Score::HALF),
            value: row.value.unwrap_or(Score::HALF),
            impact: row.impact.unwrap_or(Score::HALF),
            parent_id: row.parent_id,
            evolution_step: row.evolution_step,
            title: row.title,
            body: row.body,
            media_url: row.media_url,
            tags: row.tags,
        }
    }
}
