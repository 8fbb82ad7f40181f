//! The posting histories of a scenario's channels, in the form that the calibration takes.

use std::collections::BTreeMap;

use crate::calibration::{AccountHistory, Post};
use crate::model::{Channel, Client, ClientId, HistoryRow, Scenario, Timestamp};

/// The histories of a scenario's channels, from the rows of its table `history`. Channels without a row have an empty
/// one. Posts that were not measured and lie after the scenario's start are left out: they are still to be made.
#[must_use]
pub fn histories_of(rows: Vec<HistoryRow>, scenario: &Scenario) -> Vec<AccountHistory> {
    let mut posts: BTreeMap<(ClientId, Channel), Vec<Post>> = BTreeMap::new();
    for row in rows {
        let HistoryRow { client_id, channel, published_at: at, content_type, engagements, .. } = row;
        posts.entry((client_id, channel)).or_default().push(Post { at, content_type, engagements });
    }
    let channels = scenario
        .clients
        .iter()
        .flat_map(|(client, state)| state.channels.iter().map(move |channel| (client, channel.channel)));
    let history = |(client, channel): (&Client, Channel)| {
        let mut posts = posts.remove(&(client.id.clone(), channel)).unwrap_or_default();
        let is_past = |at: Timestamp| client.zone.wall_time(at).date() < scenario.start.monday();
        posts.retain(|post| post.engagements.is_some() || is_past(post.at));
        AccountHistory::new(client.id.clone(), channel, client.zone, posts)
    };
    channels.map(history).collect()
}
