//! The state of a client's channels, and their past posts.

use std::sync::Arc;

use serde::Serialize;

use super::record::record;
use super::time::Timestamp;
use super::{AssetId, Channel, Client, ClientId, Score};

/// Number of days before the instant of a channel's state over which its recent posts are listed.
pub const RECENT_DAYS: i64 = 30;

/// State of one channel of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChannelState {
    /// The channel.
    pub channel: Channel,
    /// People a post can reach, above 0.
    pub audience: f64,
    /// Engagements per person reached; `None` if never measured.
    pub engagement_rate: Option<f64>,
    /// Time of the last post, counting committed posts; `None` if there is none.
    pub last_post_at: Option<Timestamp>,
    /// Posts of the last 30 days and committed future posts, oldest first.
    pub recent_posts: Vec<Timestamp>,
    /// The instants of those recent posts that wait for a review or were approved in one, oldest first, each once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub posts_needing_review: Vec<Timestamp>,
    /// Posts in the 7 days before `as_of`.
    pub posts_last_7_days: u32,
    /// Posts in the 30 days before `as_of`.
    pub posts_last_30_days: u32,
    /// Fatigue at `as_of`.
    pub fatigue: Score,
    /// The instant to which fatigue and post counts refer.
    pub as_of: Timestamp,
    /// Trend of results against their usual level, 0.5 is steady; `None` if unknown.
    pub momentum: Option<Score>,
    /// Share of the wanted posts that were made; `None` if unknown.
    pub visibility: Option<Score>,
    /// Results against expectation, 0.5 is as expected; `None` if unknown.
    pub engagement: Option<Score>,
}

record! {
    /// A row of `channels`.
    pub struct ChannelRow {
        /// The client it belongs to.
        pub client_id: ClientId,
        /// The channel.
        pub channel: Channel,
        /// People a post can reach; may have decimals if it was estimated.
        #[column(range = 0.01..=1e11)]
        pub audience: f64,
        /// Engagements per person reached; blank if never measured.
        #[column(range = 0.0..=5.0)]
        pub avg_engagement_rate: Option<f64>,
        /// Time of the last post, counting committed posts; blank if there is none.
        #[column(period = Planned)]
        pub last_post_at: Option<Timestamp>,
        /// Posts in the 7 days before `as_of`; counted in the history if blank.
        #[column(range = 0.0..=2_500.0)]
        pub posts_last_7_days: Option<u32>,
        /// Posts in the 30 days before `as_of`; counted in the history if blank.
        #[column(range = 0.0..=10_000.0)]
        pub posts_last_30_days: Option<u32>,
        /// Fatigue at `as_of`; 0 if blank.
        pub fatigue_score: Option<Score>,
        /// The instant to which fatigue and post counts refer; the scenario's start if blank.
        #[column(period = Planned, sparse)]
        pub as_of: Option<Timestamp>,
        /// Trend of results against their usual level, 0.5 is steady; blank if unknown.
        pub momentum_score: Option<Score>,
        /// Share of the wanted posts that were made; blank if unknown.
        pub visibility_score: Option<Score>,
        /// Results against expectation, 0.5 is as expected; blank if unknown.
        pub engagement_score: Option<Score>,
    }
}

impl ChannelRow {
    /// A row with the required columns only.
    #[must_use]
    pub const fn new(client_id: ClientId, channel: Channel, audience: f64) -> Self {
        Self {
            client_id,
            channel,
            audience,
            avg_engagement_rate: None,
            last_post_at: None,
            posts_last_7_days: None,
            posts_last_30_days: None,
            fatigue_score: None,
            as_of: None,
            momentum_score: None,
            visibility_score: None,
            engagement_score: None,
        }
    }

    /// The row of a client's channel.
    #[must_use]
    pub fn of(client: &Client, state: &ChannelState) -> Self {
        Self {
            avg_engagement_rate: state.engagement_rate,
            last_post_at: state.last_post_at,
            posts_last_7_days: Some(state.posts_last_7_days),
            posts_last_30_days: Some(state.posts_last_30_days),
            fatigue_score: Some(state.fatigue),
            as_of: Some(state.as_of),
            momentum_score: state.momentum,
            visibility_score: state.visibility,
            engagement_score: state.engagement,
            ..Self::new(client.id.clone(), state.channel, state.audience)
        }
    }
}

record! {
    /// A row of `history`: a post that was made, or is committed.
    pub struct HistoryRow {
        /// The client that posted.
        pub client_id: ClientId,
        /// The channel.
        pub channel: Channel,
        /// When it was published, or is scheduled.
        #[column(period = Planned)]
        pub published_at: Timestamp,
        /// The asset that was used, if known.
        pub asset_id: Option<AssetId>,
        /// Content type: photo, video, article; blank if unknown.
        pub content_type: Option<Arc<str>>,
        /// People reached; blank if not measured.
        #[column(range = 0.0..=1e11)]
        pub reach: Option<f64>,
        /// Number of engagements; blank if not measured.
        #[column(range = 0.0..=1e11)]
        pub engagements: Option<f64>,
        /// Whether it waits for a review or was approved in one, so that it counts in limits on reviews.
        #[column(default = false, sparse)]
        pub needs_review: bool,
    }
}
