//! What a schedule stores as JSON: the preview of its content, and its metadata.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{Asset, AssetChoice, AssetSnapshot, Client, ClientPlan, Outcome, Post};

/// Maximum number of characters of an asset's text in a preview.
const MAX_PREVIEW_CHARS: usize = 280;

/// Preview of a post's content; empty if the post has no asset.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("required" = []))]
pub(super) struct ContentPreview<'a> {
    /// What rules read of the asset; schedules that were committed by older versions lack `score` and `has_content`.
    #[serde(flatten)]
    asset: AssetSnapshot,
    /// Beginning of the text.
    body: String,
    /// URL of the picture, film or sound; empty if there is none.
    media_url: &'a str,
}

/// Facts about a schedule for display.
#[derive(Serialize, JsonSchema)]
#[schemars(extend("required" = []))]
pub(super) struct ScheduleMetadata<'a> {
    /// Time of the post on the client's clock, with its offset from UTC.
    local_time: String,
    /// Engagements that an average asset would earn in this slot on a channel without fatigue.
    slot_value: f64,
    /// Score of the asset, 0 to 100; 0 if there is none.
    asset_score: f64,
    /// Expected cost of the work on the post and of the people who unsubscribe or unfollow because of it, in the unit
    /// of worth; missing for posts that were committed before it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// Expected engagements times the channel's worth per engagement, less the cost; missing for posts that were
    /// committed before it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    net_worth: Option<f64>,
    /// The guardrails' warnings.
    warnings: Vec<ScheduleWarning<'a>>,
    /// True if the asset is not the one that the plan chose; otherwise missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    attached: Option<bool>,
}

/// A guardrail's warning about a post.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Warning")]
struct ScheduleWarning<'a> {
    /// The guardrail.
    rule: &'a str,
    /// Why it warns.
    reason: &'a str,
    /// What to do about it.
    remedy: &'a str,
}

/// Metadata key that marks a schedule whose asset is not the one its plan chose.
pub(super) const ATTACHED: &str = "attached";

/// Preview of a post with the asset, as JSON; an empty object if the client has no such asset.
pub(super) fn asset_preview(client: &Client, choice: &AssetChoice) -> Value {
    let Some(asset) = find_asset(client, choice.used().as_str()) else { return json!({}) };
    json!(ContentPreview {
        asset: AssetSnapshot::of(asset, choice.score),
        body: asset.body.chars().take(MAX_PREVIEW_CHARS).collect(),
        media_url: &asset.media_url,
    })
}

/// Preview of a post, as JSON; an empty object if its client or asset is unknown.
pub(super) fn post_preview(client: Option<&Client>, post: &Post) -> Value {
    client.zip(post.asset.as_ref()).map_or_else(|| json!({}), |(client, choice)| asset_preview(client, choice))
}

/// Finds a client's asset by id. A client's assets are sorted by id.
pub(super) fn find_asset<'c>(client: &'c Client, id: &str) -> Option<&'c Asset> {
    let index = client.assets.binary_search_by(|asset| asset.id.as_str().cmp(id)).ok()?;
    client.assets.get(index)
}

/// A schedule's metadata, as JSON.
pub(super) fn metadata(plan: &ClientPlan, post: &Post) -> String {
    json!(ScheduleMetadata {
        local_time: plan.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string(),
        slot_value: post.slot_value,
        asset_score: post.asset_score(),
        cost: Some(post.cost),
        net_worth: Some(post.net_worth),
        warnings: schedule_warnings(post),
        attached: None,
    })
    .to_string()
}

/// The guardrail warnings about a post, as JSON.
pub(super) fn warnings(post: &Post) -> Value {
    json!(schedule_warnings(post))
}

fn schedule_warnings(post: &Post) -> Vec<ScheduleWarning<'_>> {
    let warned = post.verdicts_of(Outcome::Warn);
    warned
        .map(|verdict| ScheduleWarning { rule: &verdict.rule, reason: &verdict.reason, remedy: &verdict.remedy })
        .collect()
}
