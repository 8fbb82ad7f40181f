//! What the rules saw of a post when they were asked about it, so that other rules can be asked the same.
//!
//! Numbers of the pack are not among it: they come from the pack that is asked.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Asset, Channel, ClientStatus, Policy};

/// What was known of a client's channel as its week was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelSeen {
    /// The client's trade.
    pub industry: Arc<str>,
    /// The client's tags; records of before say that there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// Where the agency stands with the client.
    pub status: ClientStatus,
    /// The client's priority, `0..=100`.
    pub client_priority: f64,
    /// What was agreed with the client.
    pub policy: Policy,
    /// People a post can reach.
    pub audience: f64,
    /// Measured engagements per person reached; none where nobody measured.
    pub engagement_rate: Option<f64>,
    /// Fatigue as the week begins, `0..=1`.
    pub fatigue: f64,
    /// `0..=1`; 0.5 where unknown.
    pub momentum: f64,
    /// `0..=1`; 0.5 where unknown.
    pub visibility: f64,
    /// `0..=1`; 0.5 where unknown.
    pub engagement: f64,
    /// Hours from the last post to the start of the week; 10000 where there was none.
    pub hours_since_last_post: f64,
    /// Posts in the last 7 days.
    pub posts_last_7_days: u32,
    /// Posts in the last 30 days.
    pub posts_last_30_days: u32,
}

/// What was known of a post as it was judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PostSeen {
    /// Fatigue of the channel at its hour.
    pub fatigue: f64,
    /// Engagements expected.
    pub expected_engagement: f64,
    /// Its asset; none where it has none.
    pub asset: Option<AssetSeen>,
    /// The how-manieth post of the client that day it is, from 1, over all channels.
    pub action_of_day: i64,
    /// Hours to the nearest other post of the channel; 10000 where there is none.
    pub hours_to_nearest_post: f64,
    /// Other posts of the client on the same day; records of before say that there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others_of_day: Vec<OtherPost>,
}

/// Another post of a client, planned or committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OtherPost {
    /// Wall-clock hour, `0..24`.
    pub hour: u8,
    /// Where.
    pub channel: Channel,
}

/// What was known of a post's asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssetSeen {
    /// `0..=100`.
    pub score: f64,
    /// What it is: photo, video, article.
    pub kind: Arc<str>,
    /// Headline; records of before say that there was none.
    #[serde(default)]
    pub title: Arc<str>,
    /// Tags; records of before say that there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// Whether it has a title, a text or media to show.
    pub has_content: bool,
}

impl AssetSeen {
    /// What is known of an asset with its score.
    #[must_use]
    pub fn of(asset: &Asset, score: f64) -> Self {
        Self {
            score,
            kind: Arc::clone(&asset.kind),
            title: Arc::clone(&asset.title),
            tags: asset.tags.clone(),
            has_content: asset.has_content(),
        }
    }
}
