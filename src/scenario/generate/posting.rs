//! The channels of a generated client, and its posts before the start.

use std::collections::BTreeMap;

use super::draw::Draw;
use super::truth::{PastPost, TrueResponse};
use super::{DAY_SECONDS, GeneratedClient, content};
use crate::model::digits::rounded;
use crate::model::{AssetRow, Channel, ChannelRow, HistoryRow, Score, Timestamp};
use crate::scenario::channel_defaults::ChannelDefaults;

/// Minimum time between two uses of an asset on a channel.
const REST_SECONDS: i64 = 7 * DAY_SECONDS;

/// Share of past posts whose asset is still known.
const ASSET_KNOWN_SHARE: f64 = 0.6;

/// Audience of a medium-sized client on a channel.
const fn typical_audience(channel: Channel) -> f64 {
    match channel {
        Channel::Fb => 8000.0,
        Channel::Ig => 6500.0,
        Channel::Tiktok => 9000.0,
        Channel::Linkedin => 2500.0,
        Channel::Youtube => 4000.0,
        Channel::Gmb => 900.0,
        Channel::Reddit => 3000.0,
        Channel::Email => 5000.0,
        Channel::X => 3200.0,
    }
}

/// Median engagement rate of generated clients: the channel's typical rate, or a guess if that is unknown.
const fn median_rate(channel: Channel) -> f64 {
    match ChannelDefaults::typical(channel).engagement_rate {
        Some(rate) => rate,
        None => 0.02,
    }
}

/// Share of clients whose engagement rate on the channel was never measured.
const fn unmeasured_share(channel: Channel) -> f64 {
    match channel {
        Channel::Gmb | Channel::Reddit => 0.5,
        _ => 0.04,
    }
}

/// Mean share of the audience that a post reaches.
const MEAN_REACH_SHARE: f64 = 0.7;

/// A generated channel of a client.
pub(super) struct GeneratedChannel {
    pub row: ChannelRow,
    /// Its past posts.
    pub history: Vec<HistoryRow>,
    /// The response from which the engagements of its past posts were drawn.
    pub response: TrueResponse,
}

/// Generates one channel of a client.
pub(super) fn generate_channel(client: &GeneratedClient, channel: Channel, assets: &[AssetRow]) -> GeneratedChannel {
    // The same on all channels of a client.
    let relative_size = client.draw("size").log_normal(1.0, 0.8);
    let mut draw = client.draw(&format!("channel {channel}"));
    let audience = (typical_audience(channel) * relative_size * draw.log_normal(1.0, 0.7)).max(20.0).round();
    let rate = draw.log_normal(median_rate(channel), 0.35).min(1.0);
    let is_measured = !draw.chance(unmeasured_share(channel));
    let is_new = draw.chance(0.03);
    let times = if is_new { Vec::new() } else { past_times(client, channel) };
    let row = ChannelRow {
        avg_engagement_rate: is_measured.then(|| rounded(rate, 5)),
        last_post_at: times.last().copied(),
        posts_last_7_days: (!is_new).then(|| posts_in_last_days(&times, client.as_of, 7)),
        posts_last_30_days: (!is_new).then(|| posts_in_last_days(&times, client.as_of, 30)),
        fatigue_score: (!is_new).then(|| fatigue(channel, &times, client.as_of)),
        momentum_score: score(&mut draw, is_new, 0.5),
        visibility_score: score(&mut draw, is_new, 0.6),
        engagement_score: score(&mut draw, is_new, 0.5),
        ..ChannelRow::new(client.client_id(), channel, audience)
    };
    let response = TrueResponse::draw(client, channel, MEAN_REACH_SHARE * audience * rate);
    let (history, response) = past_posts(client, &row, &times, response, assets);
    GeneratedChannel { row, history, response }
}

/// A score around a middle value; `None` for new channels, and for one in twenty others.
fn score(draw: &mut Draw, is_new: bool, middle: f64) -> Option<Score> {
    let spread = draw.between(-0.3, 0.3) * draw.between(0.3, 1.0);
    let is_known = !is_new && !draw.chance(0.05);
    is_known.then(|| Score::clamped(rounded(middle + spread, 3)))
}

/// The number of posts in the given number of days before an instant.
fn posts_in_last_days(times: &[Timestamp], as_of: Timestamp, days: i64) -> u32 {
    let since = as_of.as_second() - days * DAY_SECONDS;
    times.iter().filter(|at| at.as_second() >= since).map(|_| 1).sum()
}

/// Fatigue left by past posts.
fn fatigue(channel: Channel, times: &[Timestamp], as_of: Timestamp) -> Score {
    let ages = times.iter().map(|at| (as_of.as_second() - at.as_second()) as f64 / 3600.0);
    let typical = ChannelDefaults::typical(channel);
    Score::clamped(rounded((typical.fatigue_per_post * typical.load(ages)).min(0.5), 4))
}

/// Times of past posts: one in each of equally long intervals, during waking hours in the client's time zone, at
/// multiples of five minutes.
fn past_times(client: &GeneratedClient, channel: Channel) -> Vec<Timestamp> {
    let activity = client.draw("activity").between(0.4, 1.2);
    let days = f64::from(client.history_days);
    let count = (ChannelDefaults::typical(channel).weekly_posts * days / 7.0 * activity).round().max(1.0);
    let mut draw = client.draw(&format!("times {channel}"));
    let mut times: Vec<_> = (0..count as u32)
        .filter_map(|index| {
            let days_back = (f64::from(index) + draw.between(0.1, 0.9)) * days / count;
            let (hour, minute) = (draw.integer(7, 20), 5 * draw.integer(0, 11));
            let day = client.zone.wall_time(client.instant(-days_back)).date();
            let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60;
            Some(client.zone.start_of_day(day).ok()?.plus_seconds(seconds))
        })
        .filter(|at| *at < client.as_of)
        .collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// A past post before its engagements are drawn.
struct PostDetails<'a> {
    at: Timestamp,
    asset: Option<&'a AssetRow>,
    /// Its content type; `None` if unknown.
    kind: Option<&'a str>,
    /// People reached.
    reach: f64,
}

/// The rows of past posts at the given times, and the response, made relative to the mix of these posts. If the
/// channel's row has no measured rate, the reach and the engagements of its posts are blank.
fn past_posts(
    client: &GeneratedClient,
    row: &ChannelRow,
    times: &[Timestamp],
    response: TrueResponse,
    assets: &[AssetRow],
) -> (Vec<HistoryRow>, TrueResponse) {
    let channel = row.channel;
    let mut draw = client.draw(&format!("history {channel}"));
    let mut kind_draw = client.draw(&format!("older {channel}"));
    let oldest_asset_at = client.instant(-content::OLDEST_DAYS);
    let mut last_uses = BTreeMap::new();
    let draw_post = |&at: &Timestamp| {
        let asset = past_asset(&mut draw, channel, at, assets, &mut last_uses);
        // The mean of this uniform share is `MEAN_REACH_SHARE`.
        let reach_share = draw.between(2.0 * MEAN_REACH_SHARE - 1.0, 1.0);
        let reach = row.audience * reach_share;
        let kind = match asset {
            Some(asset) => Some(asset.kind.as_ref()),
            // Posts from before the oldest asset have no listed asset, but their kinds are known equally often.
            None if at < oldest_asset_at => {
                kind_draw.chance(ASSET_KNOWN_SHARE).then(|| content::kind_for(channel, &mut kind_draw))
            }
            None => None,
        };
        (PostDetails { at, asset, kind, reach }, PastPost::new(at, client.zone, kind, draw.normal()))
    };
    let (details, posts): (Vec<PostDetails<'_>>, Vec<PastPost>) = times.iter().map(draw_post).unzip();
    let is_measured = row.avg_engagement_rate.is_some();
    let response = response.relative_to(if is_measured { &posts } else { &[] });
    let mut drift = client.draw(&format!("drift {channel}"));
    let engagements = response.engagements(&posts, client.as_of, &mut drift);
    let history = details.into_iter().zip(engagements);
    let history = history.map(|(post, engagements)| HistoryRow {
        client_id: client.client_id(),
        channel,
        published_at: post.at,
        asset_id: post.asset.map(|asset| asset.asset_id.clone()),
        content_type: post.kind.map(Into::into),
        // No post has more engagements than people it reached.
        reach: is_measured.then(|| post.reach.max(engagements).round().max(1.0)),
        engagements: is_measured.then(|| engagements.round()),
        needs_review: false,
    });
    (history.collect(), response)
}

/// The asset of a past post: a random one that existed, suits the channel and was not used on it in the last week.
/// `None` if there is none, or if it is no longer known.
fn past_asset<'a>(
    draw: &mut Draw,
    channel: Channel,
    at: Timestamp,
    assets: &'a [AssetRow],
    last_uses: &mut BTreeMap<&'a str, Timestamp>,
) -> Option<&'a AssetRow> {
    let is_known = draw.chance(ASSET_KNOWN_SHARE);
    let is_available = |asset: &AssetRow| {
        last_uses.get(asset.asset_id.as_str()).is_none_or(|last| at.as_second() - last.as_second() >= REST_SECONDS)
    };
    let usable = assets.iter().filter(|asset| {
        asset.parent_id.is_none() && asset.created_at <= at && asset.channels.contains(&channel) && is_available(asset)
    });
    let usable: Vec<_> = usable.collect();
    let asset = draw.pick(&usable).copied().filter(|_| is_known)?;
    last_uses.insert(asset.asset_id.as_str(), at);
    Some(asset)
}
