//! The tables of where clients post: `channels`, and `history`, what they posted there.
//!
//! Where history knows a channel, its rows are the channel's recent posts, and counts that are
//! blank in `channels` are counted from it. Where history is silent, the posts that `channels`
//! counts are laid out evenly: those of 7 days over the 7 days that end at `last_post_at` (or at the
//! scenario's start), the rest of the 30 over the days before.

use std::collections::BTreeMap;

use super::content::Assets;
use super::error::Problems;
use super::frame::TableSpec;
use super::roster::{Roster, is_first};
use super::table::{Bounds, Era, Row, Table};
use crate::model::{AssetId, AssetUse, Channel, ChannelState, Score, Timestamp};

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

/// Reach or engagements of a post.
pub(super) const PEOPLE: Bounds = Bounds::within(0.0, 1e11);

/// People that a post can reach; a fraction where it was only estimated.
pub(super) const AUDIENCE: Bounds = Bounds::within(0.01, 1e11);

/// Engagements per person reached.
pub(super) const RATE: Bounds = Bounds::within(0.0, 5.0);

/// The least rate that is not nothing; sums with smaller ones have no exact value.
const LEAST_RATE: f64 = 1e-9;

/// The rate above which somebody has most likely written percent.
const LIKELY_RATE: f64 = 1.0;

/// Most posts that a channel may have had in 7 days.
pub(super) const MOST_POSTS_IN_7_DAYS: u32 = 2_500;

/// Most posts that a channel may have had in 30 days.
pub(super) const MOST_POSTS_IN_30_DAYS: u32 = 10_000;

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
    /// Its row in the table, from 0.
    row: usize,
}

/// Reads `channels`.
pub(super) fn channels(table: &Table, roster: &mut Roster, problems: &mut Problems) {
    if !table.is_whole("channel") {
        roster.drafts_mut().for_each(|draft| draft.channels_are_known = false);
    }
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let channel = row.channel("channel");
        let draft = channel_draft(&mut row, channel, roster.known_times());
        if let (Some(client), Some(channel)) = (client, channel) {
            is_first(&mut row, &mut first_rows, &(client, channel), "channel", "channel of the client");
        }
        match (client.and_then(|client| roster.draft_mut(client)), draft) {
            (Some(client), Some(draft)) => {
                client.channels.insert(draft.channel, ChannelDraft { row: index, ..draft });
            }
            (Some(client), None) => client.channels_are_known = false,
            (None, _) => {}
        }
    }
}

fn channel_draft(row: &mut Row<'_, '_>, channel: Option<Channel>, times: Era) -> Option<ChannelDraft> {
    let audience = row.required_number("audience", AUDIENCE);
    let engagement_rate = rate(row);
    let last_post_at = row.instant("last_post_at", times);
    let posts_last_7_days = row.count("posts_last_7_days", MOST_POSTS_IN_7_DAYS);
    let posts_last_30_days = row.count("posts_last_30_days", MOST_POSTS_IN_30_DAYS);
    if let (Some(week), Some(month)) = (posts_last_7_days, posts_last_30_days)
        && week > month
    {
        let cause = format!("{week} posts in 7 days are more than the {month} in 30 days");
        row.reject("counts_contradict", "posts_last_7_days", cause, "count the 7 days among the 30".to_owned());
    }
    let fatigue = row.score("fatigue_score").unwrap_or(Score::ZERO);
    let as_of = row.instant("as_of", times);
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
        row: 0,
    })
}

fn rate(row: &mut Row<'_, '_>) -> Option<f64> {
    let rate = row.number_in("avg_engagement_rate", RATE)?;
    if rate > 0.0 && rate < LEAST_RATE {
        let cause = "it is too near to 0 to have been measured".to_owned();
        let remedy = "write 0, or leave it blank where it is not known".to_owned();
        row.reject("out_of_range", "avg_engagement_rate", cause, remedy);
    }
    if rate > LIKELY_RATE {
        let cause = "more engagements than people reached".to_owned();
        let remedy = "write a share, such as 0.04 for 4 %, unless this was measured";
        row.warn("unlikely", "avg_engagement_rate", cause, remedy);
    }
    Some(rate)
}

/// Reads `history`. Reach and engagements are checked and stay with the file: they calibrated the
/// channels table, and the model has no place for them.
pub(super) fn history(table: &Table, roster: &mut Roster, assets: &Assets, problems: &mut Problems) {
    let mut first_uses = BTreeMap::new();
    let mut committed: Vec<usize> = Vec::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let channel = row.channel("channel");
        let at = row.required_instant("published_at", roster.known_times());
        row.number_in("reach", PEOPLE);
        row.number_in("engagements", PEOPLE);
        let asset = row.text("asset_id").filter(|id| assets.is_of_client(&mut row, "asset_id", id, client));
        let (Some(client), Some(channel), Some(at)) = (client, channel, at) else { continue };
        if !has_channel(&mut row, roster, client, channel) {
            continue;
        }
        let Some(draft) = roster.draft_mut(client) else { continue };
        if at > draft.as_of {
            committed.push(index);
        }
        draft.channels.entry(channel).and_modify(|channel| channel.history.push(at));
        if let Some(asset) = asset {
            is_first(&mut row, &mut first_uses, &(client, channel, at, asset), "asset_id", "use of the asset");
            draft.asset_uses.push(AssetUse { asset_id: AssetId::new(asset), channel, at });
        }
    }
    warn_of_committed(table, &committed, problems);
}

/// Posts after the start are what a ledger's export holds of weeks that are committed, or were made by hand since.
fn warn_of_committed(table: &Table, rows: &[usize], problems: &mut Problems) {
    let Some(first) = rows.first() else { return };
    let cause = match rows.len() {
        1 => "a post after the scenario's start: it counts as one that is committed".to_owned(),
        count => format!("{count} posts after the scenario's start, from here on: they count as committed"),
    };
    let remedy = "see that the years are right, unless these posts ran since or will run";
    table.row(*first, problems).warn("after_start", "published_at", cause, remedy);
}

/// Looks at the last posts of `channels` once the history is read.
pub(super) fn last_posts(table: &Table, roster: &mut Roster, is_history_known: bool, problems: &mut Problems) {
    for client in roster.drafts_mut() {
        for channel in client.channels.values() {
            let Some(last) = channel.last_post_at else { continue };
            let mut row = table.row(channel.row, problems);
            let is_in_history = channel.history.iter().any(|at| *at >= last);
            if last > client.as_of && is_history_known && !is_in_history {
                let cause = "it lies after the scenario's start, and the history has no such post".to_owned();
                let remedy = "see that the year is right, or add the committed post to the history".to_owned();
                row.reject("after_start", "last_post_at", cause, remedy);
            }
            channel.warn_of_counts(&mut row, last, client.as_of);
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
    /// Warns where posts are counted in days in which there was none.
    fn warn_of_counts(&self, row: &mut Row<'_, '_>, last: Timestamp, start: Timestamp) {
        let as_of = self.as_of.unwrap_or(start);
        let counts =
            [(7, "posts_last_7_days", self.posts_last_7_days), (30, "posts_last_30_days", self.posts_last_30_days)];
        for (days, column, count) in counts {
            if count.is_some_and(|count| count > 0) && last < before(as_of, days * DAY_SECONDS) {
                let cause = format!("posts in {days} days, and yet the last one lies before them");
                row.warn("counts_contradict", column, cause, "count the days before the scenario's start");
            }
        }
    }

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
    at.plus_seconds(-seconds)
}
