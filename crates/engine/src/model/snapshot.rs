//! The facts about a post as the rules saw them, stored so that other rules can be evaluated on the same facts.
//!
//! Parameters of the rules pack are not stored: they come from the pack that is evaluated.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Asset, Channel, ClientStatus, Policy};

/// Facts about a client's channel when its week was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelSnapshot {
    /// The client's industry.
    pub industry: Arc<str>,
    /// The client's tags; empty in records written before this field was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// The client's status.
    pub status: ClientStatus,
    /// The client's priority, `0..=100`.
    pub client_priority: f64,
    /// The client's policy.
    pub policy: Policy,
    /// People a post can reach.
    pub audience: f64,
    /// Measured engagements per person reached; `None` if never measured.
    pub engagement_rate: Option<f64>,
    /// Fatigue at the start of the week, `0..=1`.
    pub fatigue: f64,
    /// Momentum, `0..=1`; 0.5 if unknown.
    pub momentum: f64,
    /// Visibility, `0..=1`; 0.5 if unknown.
    pub visibility: f64,
    /// Engagement score, `0..=1`; 0.5 if unknown.
    pub engagement: f64,
    /// Hours from the last post to the start of the week; 10000 if there was none.
    pub hours_since_last_post: f64,
    /// Posts in the last 7 days.
    pub posts_last_7_days: u32,
    /// Posts in the last 30 days.
    pub posts_last_30_days: u32,
}

/// Facts about a post when it was evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "RecordedPost", into = "RecordedPost")]
pub struct PostSnapshot {
    /// Fatigue of the channel at the hour of the post.
    pub fatigue: f64,
    /// Expected engagements.
    pub expected_engagement: f64,
    /// The asset that it uses; `None` if it has none.
    pub asset: Option<AssetSnapshot>,
    /// What the planner sees around it.
    pub surroundings: PostSurroundings,
}

/// What the planner sees around a post: facts that neither the post's schedule nor its asset holds. They are recorded
/// whole with every posting decision, next to its other fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PostSurroundings {
    /// 1-based position among the client's posts of that day, over all channels.
    pub action_of_day: i64,
    /// Hours to the nearest other post of the channel, past, committed or planned, as [`Spacing::hours_between`] counts
    /// them; 10000 if there is none.
    ///
    /// [`Spacing::hours_between`]: crate::model::Spacing::hours_between
    pub hours_to_nearest_post: f64,
    /// Other posts of the client on the same day, planned and committed, by time; empty in records written before this
    /// field was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others_of_day: Vec<OtherPost>,
}

/// A [`PostSnapshot`] as it is recorded, with all fields side by side.
#[derive(Serialize, Deserialize)]
struct RecordedPost {
    fatigue: f64,
    expected_engagement: f64,
    asset: Option<AssetSnapshot>,
    action_of_day: i64,
    hours_to_nearest_post: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others_of_day: Vec<OtherPost>,
}

impl From<PostSnapshot> for RecordedPost {
    fn from(PostSnapshot { fatigue, expected_engagement, asset, surroundings }: PostSnapshot) -> Self {
        let PostSurroundings { action_of_day, hours_to_nearest_post, others_of_day } = surroundings;
        Self { fatigue, expected_engagement, asset, action_of_day, hours_to_nearest_post, others_of_day }
    }
}

impl From<RecordedPost> for PostSnapshot {
    fn from(recorded: RecordedPost) -> Self {
        let RecordedPost { fatigue, expected_engagement, asset, action_of_day, hours_to_nearest_post, others_of_day } =
            recorded;
        let surroundings = PostSurroundings { action_of_day, hours_to_nearest_post, others_of_day };
        Self { fatigue, expected_engagement, asset, surroundings }
    }
}

/// Another post of a client, planned or committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OtherPost {
    /// Wall-clock hour, `0..24`.
    pub hour: u8,
    /// The channel.
    pub channel: Channel,
}

/// Facts about a post's asset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct AssetSnapshot {
    /// Score of the asset for the channel, 0 to 100.
    pub score: f64,
    /// Content type, such as photo, video or article.
    pub kind: Arc<str>,
    /// Headline; empty in records written before this field was added.
    #[serde(default)]
    pub title: Arc<str>,
    /// Tags; empty in records written before this field was added.
    #[serde(default)]
    pub tags: Vec<Arc<str>>,
    /// Whether it has a title, a text or media.
    pub has_content: bool,
}

impl AssetSnapshot {
    /// The facts about an asset, with its score.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recorded() -> serde_json::Value {
        json!({
            "fatigue": 0.25,
            "expected_engagement": 40.5,
            "asset": null,
            "action_of_day": 2,
            "hours_to_nearest_post": 24.0,
            "others_of_day": [{"hour": 9, "channel": "ig"}],
        })
    }

    #[test]
    fn a_post_is_recorded_without_nesting() {
        let post: PostSnapshot = serde_json::from_value(recorded()).unwrap();
        let others_of_day = vec![OtherPost { hour: 9, channel: Channel::Ig }];
        let surroundings = PostSurroundings { action_of_day: 2, hours_to_nearest_post: 24.0, others_of_day };
        assert_eq!(post.surroundings, surroundings);
        assert_eq!(serde_json::to_value(&post).unwrap(), recorded());
    }

    /// Every field that is added later must have a default, or older decisions count as recorded without facts.
    #[test]
    fn records_of_older_versions_are_read() {
        let mut older = recorded();
        older.as_object_mut().unwrap().remove("others_of_day");
        let post: PostSnapshot = serde_json::from_value(older.clone()).unwrap();
        assert!(post.surroundings.others_of_day.is_empty());
        assert_eq!(serde_json::to_value(&post).unwrap(), older);
    }
}
