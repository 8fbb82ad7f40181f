//! The tables of clients' channels: `channels`, and `history`, their past posts.
//!
//! If the history has posts of a channel, they are the channel's recent posts, and blank counts in `channels` are
//! computed from them. Otherwise the posts that `channels` counts are spread evenly: those of 7 days over the 7 days
//! that end at `last_post_at` (or at the scenario's start), the rest of the 30 over the days before.

use std::collections::BTreeMap;

use super::clients::Clients;
use super::content::Assets;
use super::diagnostics::TableDiagnostics;
use super::row::{Row, Table, check_unique};
use crate::model::{AssetUse, Channel, ChannelRow, ChannelState, HistoryRow, Score, Timestamp};

/// Smallest rate above 0; with smaller ones, sums would lose precision.
const LEAST_RATE: f64 = 1e-9;

/// The rate above which it was most likely written in percent.
const LIKELY_RATE: f64 = 1.0;

const DAY_SECONDS: i64 = 86_400;

/// How many days before the scenario's start recent posts go back.
const RECENT_DAYS: i64 = 30;

/// A client's channel while its tables are read.
#[derive(Debug)]
pub(super) struct ChannelDraft {
    row: ChannelRow,
    history: Vec<Timestamp>,
    /// 0-based index of its row in the table.
    index: usize,
}

/// Reads `channels`.
pub(super) fn channels(table: &Table, clients: &mut Clients, diagnostics: &mut TableDiagnostics) {
    if !table.is_whole("channel") {
        clients.drafts_mut().for_each(|draft| draft.channels_are_known = false);
    }
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client(&mut row);
        let channel: Option<ChannelRow> = row.read();
        if let Some(channel) = &channel {
            check_counts(&mut row, channel);
            check_rate(&mut row, channel);
        }
        let Some(client) = client else { continue };
        if let Some(name) = row.text("channel") {
            check_unique(&mut row, &mut first_rows, &(client, name), "channel", "channel of the client");
        }
        let Some(draft) = clients.draft_mut(client) else { continue };
        match channel {
            Some(row) => {
                draft.channels.insert(row.channel, ChannelDraft { row, history: Vec::new(), index });
            }
            None => draft.channels_are_known = false,
        }
    }
}

fn check_counts(row: &mut Row<'_, '_>, channel: &ChannelRow) {
    let (Some(week), Some(month)) = (channel.posts_last_7_days, channel.posts_last_30_days) else { return };
    if week > month {
        let cause = format!("{week} posts in 7 days are more than the {month} in 30 days");
        row.reject("counts_contradict", "posts_last_7_days", cause, "count the 7 days among the 30");
    }
}

fn check_rate(row: &mut Row<'_, '_>, channel: &ChannelRow) {
    let Some(rate) = channel.avg_engagement_rate else { return };
    if rate > 0.0 && rate < LEAST_RATE {
        let cause = "it is too near to 0 to have been measured".to_owned();
        let remedy = "write 0, or leave it blank where it is not known";
        row.reject("out_of_range", "avg_engagement_rate", cause, remedy);
    }
    if rate > LIKELY_RATE {
        let remedy = "write a share, such as 0.04 for 4 %, unless this was measured";
        row.warn("unlikely", "avg_engagement_rate", "more engagements than people reached", remedy);
    }
}

/// Reads `history`. CalendarScope and engagements are checked but not stored: the channels table was calibrated with them, and
/// the model does not use them.
pub(super) fn history(table: &Table, clients: &mut Clients, assets: &Assets, diagnostics: &mut TableDiagnostics) {
    let mut first_uses = BTreeMap::new();
    let mut committed: Vec<usize> = Vec::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client(&mut row);
        let post: Option<HistoryRow> = row.read();
        let asset = row.text("asset_id").filter(|id| assets.is_of_client(&mut row, "asset_id", id, client));
        let (Some(client), Some(HistoryRow { channel, published_at: at, asset_id, .. })) = (client, post) else {
            continue;
        };
        if !has_channel(&mut row, clients, client, channel) {
            continue;
        }
        let Some(draft) = clients.draft_mut(client) else { continue };
        if at > draft.as_of {
            committed.push(index);
        }
        draft.channels.entry(channel).and_modify(|channel| channel.history.push(at));
        if let Some(asset_id) = asset_id.filter(|_| asset.is_some()) {
            check_unique(&mut row, &mut first_uses, &(client, channel, at, asset), "asset_id", "use of the asset");
            draft.asset_uses.push(AssetUse { asset_id, channel, at });
        }
    }
    warn_of_committed(table, clients, &committed, diagnostics);
}

/// Warns about posts after the start. They are legitimate in a ledger's export: posts of committed weeks, or made by
/// hand since the start.
fn warn_of_committed(table: &Table, clients: &Clients, rows: &[usize], diagnostics: &mut TableDiagnostics) {
    let Some(first) = rows.first() else { return };
    let cause = match rows.len() {
        1 => "a post after the scenario's start: it counts as one that is committed".to_owned(),
        count => format!("{count} posts after the scenario's start, from here on: they count as committed"),
    };
    let remedy = "see that the years are right, unless these posts ran since or will run";
    clients.row(table, *first, diagnostics).warn("after_start", "published_at", cause, remedy);
}

/// Checks `last_post_at` in `channels` once the history has been read.
pub(super) fn last_posts(
    table: &Table,
    clients: &mut Clients,
    is_history_known: bool,
    diagnostics: &mut TableDiagnostics,
) {
    let start = Some(clients.start.monday());
    for client in clients.drafts_mut() {
        for channel in client.channels.values() {
            let Some(last) = channel.row.last_post_at else { continue };
            let mut row = table.row(channel.index, start, diagnostics);
            let is_in_history = channel.history.iter().any(|at| *at >= last);
            if last > client.as_of && is_history_known && !is_in_history {
                let cause = "it lies after the scenario's start, and the history has no such post".to_owned();
                let remedy = "see that the year is right, or add the committed post to the history";
                row.reject("after_start", "last_post_at", cause, remedy);
            }
            channel.warn_of_counts(&mut row, last, client.as_of);
        }
    }
}

fn has_channel(row: &mut Row<'_, '_>, clients: &Clients, client: usize, channel: Channel) -> bool {
    let Some(draft) = clients.draft(client) else { return false };
    let found = draft.channels.contains_key(&channel);
    if !found && draft.channels_are_known {
        let cause = format!("client `{}` has no channel `{channel}`", draft.client.id);
        let remedy = "add the channel to the channels table, or remove the row";
        row.reject("unknown_reference", "channel", cause, remedy);
    }
    found
}

impl ChannelDraft {
    /// Warns if posts are counted in a period that starts after the last post.
    fn warn_of_counts(&self, row: &mut Row<'_, '_>, last: Timestamp, start: Timestamp) {
        let as_of = self.row.as_of.unwrap_or(start);
        let counts = [
            (7, "posts_last_7_days", self.row.posts_last_7_days),
            (30, "posts_last_30_days", self.row.posts_last_30_days),
        ];
        for (days, column, count) in counts {
            if count.is_some_and(|count| count > 0) && last < before(as_of, days * DAY_SECONDS) {
                let cause = format!("posts in {days} days, and yet the last one lies before them");
                row.warn("counts_contradict", column, cause, "count the days before the scenario's start");
            }
        }
    }

    /// The state at the instant given in the row, or else at the start.
    pub fn finished(mut self, start: Timestamp) -> ChannelState {
        let as_of = self.row.as_of.unwrap_or(start);
        self.history.sort_unstable();
        let recent_posts = if self.history.is_empty() { self.laid_out(as_of) } else { self.known_posts(as_of) };
        let count = |days| u32::try_from(in_days_before(&recent_posts, as_of, days)).unwrap_or(u32::MAX);
        let posts_last_7_days = self.row.posts_last_7_days.unwrap_or_else(|| count(7));
        let posts_last_30_days =
            self.row.posts_last_30_days.unwrap_or_else(|| count(RECENT_DAYS)).max(posts_last_7_days);
        ChannelState {
            channel: self.row.channel,
            audience: self.row.audience,
            engagement_rate: self.row.avg_engagement_rate,
            last_post_at: self.row.last_post_at.max(self.history.last().copied()).max(recent_posts.last().copied()),
            recent_posts,
            posts_last_7_days,
            posts_last_30_days,
            fatigue: self.row.fatigue_score.unwrap_or(Score::ZERO),
            as_of,
            momentum: self.row.momentum_score,
            visibility: self.row.visibility_score,
            engagement: self.row.engagement_score,
        }
    }

    /// The history's posts of the last 30 days and later, and the last post if the history lacks it.
    fn known_posts(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let mut posts: Vec<_> = self.history.iter().copied().filter(|at| *at >= since).collect();
        if let Some(last) = self.row.last_post_at.filter(|last| *last >= since && Some(last) > self.history.last()) {
            posts.push(last);
        }
        posts
    }

    /// Recent posts if there is no history. If the last post is known, it is the newest of them.
    fn laid_out(&self, as_of: Timestamp) -> Vec<Timestamp> {
        let since = before(as_of, RECENT_DAYS * DAY_SECONDS);
        let end = self.row.last_post_at.unwrap_or(as_of);
        let newest = u32::from(self.row.last_post_at.is_some_and(|last| last >= since));
        let week = self.row.posts_last_7_days.unwrap_or(0).max(newest);
        let earlier = self.row.posts_last_30_days.unwrap_or(0).saturating_sub(week);
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

/// `count` instants spaced evenly over the seconds before `end`; the newest is `offset` steps before `end`.
fn spread(end: Timestamp, seconds: i64, count: u32, offset: f64) -> Vec<Timestamp> {
    let step = seconds as f64 / f64::from(count.max(1));
    (0..count).map(|n| before(end, ((f64::from(n) + offset) * step) as i64)).collect()
}

fn before(at: Timestamp, seconds: i64) -> Timestamp {
    at.plus_seconds(-seconds)
}
