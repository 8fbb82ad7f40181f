//! Expected engagement of a week's posts that were committed before the week is planned.

use super::channel::{ChannelDraft, Scored, WorkerContext};
use super::post_evaluation::{asset_choice, campaign_of};
use crate::agents::ClientWeek;
use crate::agents::creative_director::Histories;
use crate::model::{AssetUse, Channel, CommittedPost, Post, Timestamp};
use crate::rules::{ClientRules, RuleFailure};

/// The client's committed posts of the week, by time, then channel. Each is valued like a planned post: value of its
/// hour for its campaign · quality factor of its asset · response to fatigue. A post whose asset is not on record is
/// valued like one without an asset.
pub(super) fn committed_posts(
    week: &ClientWeek<'_>,
    rules: &ClientRules,
    channel_drafts: &[ChannelDraft<'_>],
    planned: &[Post],
    worker: &mut WorkerContext<'_>,
) -> Result<Vec<CommittedPost>, RuleFailure> {
    let mut posts = Vec::new();
    for channel_draft in channel_drafts.iter().filter(|channel_draft| !channel_draft.hours.committed.is_empty()) {
        let fatigue_by_hour = channel_draft.instance.fatigue_at(&live_hours(planned, channel_draft.state.channel));
        for at in &channel_draft.state.recent_posts {
            let hour = usize::try_from(week.hours.hour_of(*at)).ok().filter(|hour| *hour < week.hours.len());
            let Some(hour) = hour else { continue };
            let fatigue = fatigue_by_hour.get(hour).copied().unwrap_or(channel_draft.instance.fatigue_start);
            posts.push(committed_post(week, rules, channel_draft, (hour, *at), fatigue, worker)?);
        }
    }
    posts.sort_by_key(|post| (post.at, post.channel));
    Ok(posts)
}

/// Hours of the channel's planned posts that are not blocked.
fn live_hours(planned: &[Post], channel: Channel) -> Vec<usize> {
    planned.iter().filter(|post| post.channel == channel && post.is_live()).map(|post| post.hour).collect()
}

fn committed_post(
    week: &ClientWeek<'_>,
    rules: &ClientRules,
    channel_draft: &ChannelDraft<'_>,
    (hour, at): (usize, Timestamp),
    fatigue: f64,
    worker: &mut WorkerContext<'_>,
) -> Result<CommittedPost, RuleFailure> {
    let scored = asset_used(week, rules, channel_draft, at, worker)?;
    let campaign = campaign_of(scored.as_ref(), week, channel_draft, hour);
    let quality_without_asset = rules.of(campaign.as_ref()).assets.quality_without_asset;
    let quality = scored.as_ref().map_or(quality_without_asset, |scored| scored.quality);
    let value = channel_draft.hours.value_for(week, hour, campaign.as_ref());
    Ok(CommittedPost {
        channel: channel_draft.state.channel,
        hour,
        at,
        asset: scored.as_ref().map(asset_choice),
        fatigue,
        expected_engagement: value * quality * channel_draft.instance.response.at(fatigue),
    })
}

/// The asset on record for a post; `None` if there is none, the client no longer has it, or the preceding evolution
/// step had not been used before the post.
fn asset_used<'a>(
    week: &ClientWeek<'a>,
    rules: &ClientRules,
    channel_draft: &ChannelDraft<'a>,
    at: Timestamp,
    worker: &mut WorkerContext<'_>,
) -> Result<Option<Scored<'a>>, RuleFailure> {
    let uses = &week.state.asset_uses;
    let recorded = uses.iter().find(|other| other.channel == channel_draft.state.channel && other.at == at);
    let assets = &week.client.assets;
    let asset_index = recorded.and_then(|used| assets.binary_search_by(|asset| asset.id.cmp(&used.asset_id)).ok());
    let Some(asset_index) = asset_index else { return Ok(None) };
    let earlier_uses: Vec<AssetUse> = uses.iter().filter(|other| other.at < at).cloned().collect();
    channel_draft.asset(week, rules, asset_index, &Histories::of(assets, &earlier_uses), worker.evaluator)
}
