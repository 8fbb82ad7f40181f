//! The table `world`: estimates of the response of clients' audiences.

use std::collections::{BTreeMap, BTreeSet};

use super::clients::Clients;
use super::row::{Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{Channel, WorldEstimate, WorldParameter, WorldRow};

/// Reads `world`, after `channels`. A parameter of a client's channel has at most one row. A channel with rows must
/// have one for its level, to which the other parameters refer.
pub(super) fn read_world(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) {
    let mut first_rows = BTreeMap::new();
    let mut first_rows_of_channels: BTreeMap<(usize, Channel), usize> = BTreeMap::new();
    let mut channels_with_level: BTreeSet<(usize, Channel)> = BTreeSet::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let estimate: Option<WorldRow> = row.read();
        let (Some(client), Some(estimate)) = (client, estimate.map(WorldEstimate::from)) else { continue };
        let key = (client, estimate.channel, estimate.parameter.clone());
        if !check_unique(&mut row, &mut first_rows, &key, "parameter", "estimate") {
            continue;
        }
        first_rows_of_channels.entry((client, estimate.channel)).or_insert(index);
        if estimate.parameter == WorldParameter::Level {
            channels_with_level.insert((client, estimate.channel));
        }
        if estimate.value <= 0.0 && estimate.parameter.is_logarithmic() {
            let cause = format!("`{}` of `{}` is not above 0", estimate.value, estimate.parameter);
            row.reject("out_of_range", "value", cause, "give a number above 0, or leave the row out");
            continue;
        }
        let Some(draft) = clients.draft_mut(client) else { continue };
        if draft.channels_are_known && !draft.channels.contains_key(&estimate.channel) {
            let cause = format!("the client does not post on `{}`, so the row has no effect", estimate.channel);
            row.warn("no_channel", "channel", cause, "remove the row, or add the channel to the table `channels`");
        }
        draft.client.world.push(estimate);
    }
    first_rows_of_channels.retain(|key, _| !channels_with_level.contains(key));
    for index in first_rows_of_channels.into_values() {
        let cause = "the channel has no row with the parameter `level`".to_owned();
        let remedy = "add a row for the level, or remove the channel's rows";
        clients.row(table, index, diagnostics).reject("no_level", "parameter", cause, remedy);
    }
    for draft in clients.drafts_mut() {
        draft.client.world.sort_by(|a, b| (a.channel, &a.parameter).cmp(&(b.channel, &b.parameter)));
    }
}
