//! The tables of clients' channels: `channels`, and `history`, their past posts.
//!
//! If the history has posts of a channel, they are the channel's recent posts, and blank counts in `channels` are
//! computed from them. Otherwise the posts that `channels` counts are spread evenly: the posts of the last 7 days over
//! the 7 days that end at `last_post_at` (or at the scenario's start), the other posts of the last 30 days over the 23
//! days before these.

use std::collections::BTreeMap;

use super::channel_draft::ChannelDraft;
use super::clients::{ClientDraft, Clients};
use super::content::Assets;
use super::part_warnings::CommittedPosts;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{AssetUse, Channel, ChannelRow, HistoryRow, Week};

/// Minimum of an engagement rate above 0: with smaller ones, sums would lose precision.
const MIN_RATE: f64 = 1e-9;

/// Engagement rate above which it was most likely written in percent.
const MAX_LIKELY_RATE: f64 = 1.0;

/// Reads `channels`.
pub(super) fn read_channels(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    if !table.is_whole("channel") {
        clients.drafts_mut().for_each(|draft| draft.channels_are_known = false);
    }
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
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
                draft
                    .channels
                    .insert(row.channel, ChannelDraft { row, history: Vec::new(), needing_review: Vec::new(), index });
            }
            None => draft.channels_are_known = false,
        }
    }
}

fn check_counts(row: &mut Row<'_, '_>, channel: &ChannelRow) {
    let (Some(in_7_days), Some(in_30_days)) = (channel.posts_last_7_days, channel.posts_last_30_days) else { return };
    if in_7_days > in_30_days {
        let cause = format!("{in_7_days} posts in 7 days are more than the {in_30_days} in 30 days");
        row.reject("counts_contradict", "posts_last_7_days", cause, "count the 7 days among the 30");
    }
}

fn check_rate(row: &mut Row<'_, '_>, channel: &ChannelRow) {
    let Some(rate) = channel.avg_engagement_rate else { return };
    if rate > 0.0 && rate < MIN_RATE {
        let cause = "it is too close to 0 to have been measured".to_owned();
        let remedy = "write 0, or leave it blank if it is not known";
        row.reject("out_of_range", "avg_engagement_rate", cause, remedy);
    }
    if rate > MAX_LIKELY_RATE {
        let remedy = "write a share, such as 0.04 for 4 %, unless this was measured";
        row.warn("unlikely", "avg_engagement_rate", "more engagements than people reached", remedy);
    }
}

/// Reads `history`, and returns its posts after the start. Reach and engagements are checked but not stored, since
/// neither planning nor simulation uses them.
pub(super) fn read_history(
    table: &Table,
    clients: &mut Clients,
    assets: &Assets,
    diagnostics: &mut Diagnostics,
) -> Option<CommittedPosts> {
    let mut first_uses = BTreeMap::new();
    let mut committed: Option<CommittedPosts> = None;
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let post: Option<HistoryRow> = row.read();
        let asset = row.text("asset_id").filter(|id| assets.is_of_client(&mut row, "asset_id", id, client));
        let (Some(client), Some(HistoryRow { channel, published_at: at, asset_id, needs_review, .. })) = (client, post)
        else {
            continue;
        };
        if !has_channel(&mut row, clients, client, channel) {
            continue;
        }
        let Some(draft) = clients.draft_mut(client) else { continue };
        if at > draft.as_of {
            let first = || CommittedPosts { first: row.location("published_at"), count: 0 };
            committed.get_or_insert_with(first).count += 1;
        }
        draft.channels.entry(channel).and_modify(|channel| {
            channel.history.push(at);
            channel.needing_review.extend(needs_review.then_some(at));
        });
        if let Some(asset_id) = asset_id.filter(|_| asset.is_some()) {
            check_unique(&mut row, &mut first_uses, &(client, channel, at, asset), "asset_id", "use of the asset");
            draft.asset_uses.push(AssetUse { asset_id, channel, at });
        }
    }
    committed
}

/// Checks `last_post_at` in a client's rows of `channels` once the history has been read.
pub(super) fn check_last_posts(
    table: &Table,
    client: &ClientDraft,
    start: Week,
    is_history_known: bool,
    diagnostics: &mut Diagnostics,
) {
    for channel in client.channels.values() {
        let Some(last) = channel.row.last_post_at else { continue };
        let mut row = table.row(channel.index, Some(start.monday()), diagnostics);
        let is_in_history = channel.history.iter().any(|at| *at >= last);
        if last > client.as_of && is_history_known && !is_in_history {
            let cause = "it lies after the scenario's start, and the history has no such post".to_owned();
            let remedy = "check the year, or add the committed post to the history";
            row.reject("after_start", "last_post_at", cause, remedy);
        }
        channel.warn_of_counts(&mut row, last, client.as_of);
    }
}

/// Whether the client has the channel. If it is known not to, an error is recorded.
fn has_channel(row: &mut Row<'_, '_>, clients: &Clients, client: usize, channel: Channel) -> bool {
    let Some(draft) = clients.draft(client) else { return false };
    let is_present = draft.channels.contains_key(&channel);
    if !is_present && draft.channels_are_known {
        let cause = format!("client `{}` has no channel `{channel}`", draft.client.id);
        let remedy = "add the channel to the channels table, or remove the row";
        row.reject("unknown_reference", "channel", cause, remedy);
    }
    is_present
}
