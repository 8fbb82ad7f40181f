//! The tables of where clients post: `channels`, and `history`, what they posted there.
//!
//! Where history knows a channel, its rows are the channel's recent posts, and counts that are
//! blank in `channels` are counted from it. Where history is silent, the posts that `channels`
//! counts are laid out evenly: those of 7 days over the 7 days that end at `last_post_at` (or at the
//! scenario's start), the rest of the 30 over the days before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::content::Assets;
use super::error::TableError;
use super::frame::TableSpec;
use super::roster::{Roster, is_first};
use super::table::{Bounds, Row, Table};
use crate::model::{AssetId, AssetUse, Channel, ChannelState, Score};

pub(super) const CHANNELS: TableSpec = TableSpec {
    required: &["client_id", "channel", "audience"],
    optional: &[
        "avg_engagement_rate",
        "last_post_at",
        "posts_last_7_days",
        "posts_last_30_days",
        "fatigue_score",
        "as_of",
        "momentum_score",
        "visibility_score",
        "engagement_score",
    ],
    others_allowed: false,
};

pub(super) const HISTORY: TableSpec = TableSpec {
    required: &["client_id", "channel", "published_at"],
    optional: &["asset_id", "content_type", "reach", "engagements"],
    others_allowed: false,
};

/// Most people, reach or engagements that a cell may name.
const MOST_PEOPLE: f64 = 1e11;

/// Most posts that a channel may have had in 30 days.
const MOST_POSTS: u32 = 10_000;

const DAY_SECONDS: i64 = 86_400;

/// Days that recent posts reach back from the scenario's start.
const RECENT_DAYS: i64 = 30;

/// A channel of a client while its tables are read.
#[derive(Debug)]
pub(super) struct ChannelDraft {
    channel: Channel,
    audience: f64,
    engagement_rate: Option<f64>,
    last_post_at: Option<Timestamp>,
    posts_last_7_days: Option<u32>,
    posts_last_30_days: Option<u32>,
    fatigue: Score,
    as_of: Option<Timestamp>,
    momentum: Option<Score>,
    visibility: Option<Score>,
    engagement: Option<Score>,
    history: Vec<Timestamp>,
}

/// Reads `channels`.
pub(super) fn channels(table: &Table, roster: &mut Roster, problems: &mut Vec<TableError>) {
    if !table.is_whole("channel") {
        roster.drafts_mut().for_each(|draft| draft.channels_are_known = false);
    }
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let channel = row.channel("channel");
        let draft = channel_draft(&mut row, channel);
        if let (Some(client), Some(channel)) = (client, channel) {
            is_first(&mut row, &mut first_rows, &(client, channel), "channel", "channel of the client");
        }
        match (client.and_then(|client| roster.draft_mut(client)), draft) {
            (Some(client), Some(draft)) => {
                client.channels.insert(draft.channel, draft);
            }
            (Some(client), None) => client.channels_are_known = false,
            (None, _) => {}
        }
    }
}

fn channel_draft(row: &mut Row<'_, '_>, channel: Option<Channel>) -> Option<ChannelDraft> {
    let audience = row.required_number("audience", Bounds::positive(MOST_PEOPLE));
    let engagement_rate = row.number_in("avg_engagement_rate", Bounds::within(0.0, 10.0));
    let last_post_at = row.instant("last_post_at");
    let posts_last_7_days = row.count("posts_last_7_days", MOST_POSTS);
    let posts_last_30_days = row.count("posts_last_30_days", MOST_POSTS);
    if let (Some(week), Some(month)) = (posts_last_7_days, posts_last_30_days)
        && week > month
    {
        let cause = format!("{week} posts in 7 days are more than the {month} in 30 days");
        row.reject("counts_contradict", "posts_last_7_days", cause, "count the 7 days among the 30".to_owned());
    }
    let fatigue = row.score("fatigue_score").unwrap_or(Score::ZERO);
    let as_of = row.instant("as_of");
    let momentum = row.score("momentum_score");
    let visibility = row.score("visibility_score");
    let engagement = row.score("engagement_score");
    Some(ChannelDraft {
        channel: channel?,
        audience: audience?,
        engagement_rate,
        last_post_at,
        posts_last_7_days,
        posts_last_30_days,
        fatigue,
        as_of,
        momentum,
        visibility,
        engagement,
        history: Vec::new(),
    })
}

/// Reads `history`. Reach and engagements are checked and stay with the file: they calibrated the
/// channels table, and the model has no place for them.
pub(super) fn history(table: &Table, roster: &mut Roster, assets: &Assets, problems: &mut Vec<TableError>) {
    let mut first_uses = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let channel = row.channel("channel");
        let at = row.required_instant("published_at");
        row.number_in("reach", Bounds::within(0.0, MOST_PEOPLE));
        row.number_in("engagements", Bounds::within(0.0, MOST_PEOPLE));
        let asset = row.text("asset_id").filter(|id| assets.is_of_client(&mut row, "asset_id", id, client));
        let (Some(client), Some(channel), Some(at)) = (client, channel, at) else { continue };
        if !has_channel(&mut row, roster, client, channel) {
            continue;
        }
        let Some(draft) = roster.draft_mut(client) else { continue };
        draft.channels.entry(channel).and_modify(|channel| channel.history.push(at));
        if let Some(asset) = asset {
            is_first(&mut row, &mut first_uses, &(client, channel, at, asset), "asset_id", "use of the asset");
            draft.asset_uses.push(AssetUse { asset_id: AssetId::new(asset), channel, at });
        }
    }
}

fn has_channel(row: &mut Row<'_, '_>, roster: &Roster, client: usize, channel: Channel) -> bool {
    let Some(draft) = roster.draft(client) else { return false };
    let found = draft.channels.contains_key(&channel);
    if !found && draft.channels_are_known {
        let cause = format!("client `{}` has no channel `{channel}`", draft.client.id);
        let remedy = "add the channel to the channels table, or remove the row".to_owned();
        row.reject("unknown_reference", "channel", cause, remedy);
    }
    found
}

impl ChannelDraft {
    /// The state at the instant that its row names, or else at the start.
    pub fn finished(mut self, start: Timestamp) -> ChannelState {
        let as_of = self.as_of.unwrap_or(start);
        self.history.sort_unstable();
        let recent_posts = if self.history.is_empty() { self.laid_out(as_of) } else { self.known_posts(as_of) };
        let count = |days| u32::try_from(in_days_before(&recent_posts, as_of, days)).unwrap_or(u32::MAX);
        let posts_last_7_days = self.posts_last_7_days.unwrap_or_else(|| count(7));
        let posts_last_30_days = self.posts_last_30_days.unwrap_or_else(|| count(RECENT_DAYS)).max(posts_last_7_days);
        ChannelState {
            channel: self.channel,
            audience: self.audience,
            engagement_rate: self.engagement_rate,
            last_post_at: self.last_post_at.max(self.history.last().copied()).max(recent_posts.last().copied()),
            recent_posts,
            posts_last_7_days,
            posts_last_30_days,
            fatigue: self.fatigue,
            as_of,
            momentum: self.momentum,
            visibility: self.visibility,
            engagement: self.engagement,
        }
    }

    /// History's posts of the last 30 days and later, and the last post where history lacks it.
    fn known_posts(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let mut posts: Vec<_> = self.history.iter().copied().filter(|at| *at >= since).collect();
        if let Some(last) = self.last_post_at.filter(|last| *last >= since && Some(last) > self.history.last()) {
            posts.push(last);
        }
        posts
    }

    /// Posts where history is silent. A known last post is one of them, the newest.
    fn laid_out(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let end = self.last_post_at.unwrap_or(as_of);
        let newest = u32::from(self.last_post_at.is_some_and(|last| last >= since));
        let week = self.posts_last_7_days.unwrap_or(0).max(newest);
        let earlier = self.posts_last_30_days.unwrap_or(0).saturating_sub(week);
        let week_seconds = 7 * DAY_SECONDS;
        let month_start = before(end, week_seconds);
        let mut posts = spread(end, week_seconds, week, if newest == 1 { 0.0 } else { 0.5 });
        posts.extend(spread(month_start, (RECENT_DAYS - 7) * DAY_SECONDS, earlier, 0.5));
        posts.retain(|at| *at >= since);
        posts.sort_unstable();
        posts
    }
}

fn in_days_before(posts: &[Timestamp], as_of: Timestamp, days: i64) -> usize {
    let since = before(as_of, days * DAY_SECONDS);
    posts.iter().filter(|at| **at >= since && **at < as_of).count()
}

/// `count` instants spaced evenly over the seconds before `end`; the newest lies `offset` of a step before it.
fn spread(end: Timestamp, seconds: i64, count: u32, offset: f64) -> Vec<Timestamp> {
    let step = seconds as f64 / f64::from(count.max(1));
    (0..count).map(|n| before(end, ((f64::from(n) + offset) * step) as i64)).collect()
}

fn before(at: Timestamp, seconds: i64) -> Timestamp {
    at.saturating_sub(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MIN)
}
