//! A scenario folder in memory, before it is written: the manifest and the rows of the tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    AssetId, AssetRow, CalendarRow, CampaignRow, Channel, ChannelRow, Client, ClientId, ClientRow, ClientState,
    HistoryRow, LimitNumbersRow, PolicyRow, RECENT_DAYS, RealityRow, Scenario, Timestamp, WarningRow, WorldRow,
};
use crate::tables::Manifest;

/// A scenario folder in memory, before it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioFiles {
    /// The manifest. When it is written, the tables without rows are omitted from its list of files.
    pub manifest: Manifest,
    /// The clients.
    pub clients: Vec<ClientRow>,
    /// The clients' channels.
    pub channels: Vec<ChannelRow>,
    /// The clients' assets.
    pub assets: Vec<AssetRow>,
    /// The clients' campaigns.
    pub campaigns: Vec<CampaignRow>,
    /// The clients' policies.
    pub policies: Vec<PolicyRow>,
    /// Numbers for limits of the rules pack.
    pub limits: Vec<LimitNumbersRow>,
    /// Early warnings.
    pub warnings: Vec<WarningRow>,
    /// Performance assessments.
    pub reality: Vec<RealityRow>,
    /// Special days.
    pub calendar: Vec<CalendarRow>,
    /// Past and committed posts.
    pub history: Vec<HistoryRow>,
    /// Estimates of the response of clients' audiences.
    pub world: Vec<WorldRow>,
}

impl ScenarioFiles {
    /// A folder with a manifest and empty tables.
    #[must_use]
    pub const fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            clients: Vec::new(),
            channels: Vec::new(),
            assets: Vec::new(),
            campaigns: Vec::new(),
            policies: Vec::new(),
            limits: Vec::new(),
            warnings: Vec::new(),
            reality: Vec::new(),
            calendar: Vec::new(),
            history: Vec::new(),
            world: Vec::new(),
        }
    }

    /// Adds what posts earned: to the rows of these posts in `history` or, for posts that are too old to be part of a
    /// channel's state, as further rows. The state that is read from the files stays the same: a recent post that
    /// `history` lacks is left out, as are posts on channels that the scenario does not have.
    pub fn add_measured_posts(&mut self, measured: Vec<HistoryRow>) {
        type Post = (ClientId, Channel, i64);
        let post = |row: &HistoryRow| -> Post { (row.client_id.clone(), row.channel, row.published_at.as_second()) };
        let channels: BTreeMap<(&ClientId, Channel), &ChannelRow> =
            self.channels.iter().map(|row| ((&row.client_id, row.channel), row)).collect();
        let is_old = |row: &HistoryRow| {
            let channel = channels.get(&(&row.client_id, row.channel));
            let ends =
                channel.and_then(|channel| Some((channel.as_of?.plus_days(-RECENT_DAYS), channel.last_post_at?)));
            ends.is_some_and(|(recent, last)| row.published_at < recent && row.published_at <= last)
        };
        let mut rows_of_post: BTreeMap<Post, Vec<usize>> = BTreeMap::new();
        // In reverse, so that the first row of a post is the last of its list.
        for (index, row) in self.history.iter().enumerate().rev() {
            rows_of_post.entry(post(row)).or_default().push(index);
        }
        for row in measured {
            let known = rows_of_post.get_mut(&post(&row)).and_then(Vec::pop);
            match known.and_then(|index| self.history.get_mut(index)) {
                Some(known) => {
                    let HistoryRow { content_type, reach, engagements, .. } = row;
                    *known = HistoryRow { content_type, reach, engagements, ..known.clone() };
                }
                None if is_old(&row) => self.history.push(row),
                None => {}
            }
        }
        self.history
            .sort_by(|a, b| (&a.client_id, a.published_at, a.channel).cmp(&(&b.client_id, b.published_at, b.channel)));
    }
}

/// The files of a scenario. Reading them gives the same clients in the same state. The content types, reach and
/// engagements of past posts are not part of the model, so they are left blank:
/// [`add_measured_posts`](ScenarioFiles::add_measured_posts) adds them.
#[must_use]
pub fn files_of(scenario: &Scenario) -> ScenarioFiles {
    let mut manifest = Manifest::new(scenario.name.clone(), scenario.start, scenario.weeks);
    manifest.capacity = scenario.capacity.clone();
    manifest.review = scenario.review.clone();
    manifest.environment = scenario.environment.clone();
    let mut files = ScenarioFiles::new(manifest);
    files.limits = LimitNumbersRow::all_of(scenario.clients.iter().map(|(client, _)| client));
    for (client, state) in &scenario.clients {
        files.clients.push(client.into());
        files.policies.push(client.into());
        files.assets.extend(client.assets.iter().map(|asset| AssetRow::of(client, asset)));
        files.campaigns.extend(client.campaigns.iter().map(|campaign| CampaignRow::of(client, campaign)));
        files.calendar.extend(client.calendar.iter().map(|day| CalendarRow::of(client, day)));
        files.channels.extend(state.channels.iter().map(|channel| ChannelRow::of(client, channel)));
        files.warnings.extend(state.warnings.iter().map(|warning| WarningRow::of(client, warning)));
        files.reality.extend(state.reality.iter().map(|reality| RealityRow::of(client, reality)));
        files.history.extend(history_rows(client, state));
        files.world.extend(client.world.iter().map(|estimate| WorldRow::of(&client.id, estimate)));
    }
    files
}

/// A row for every post in the state, with its asset if that is known.
fn history_rows(client: &Client, state: &ClientState) -> Vec<HistoryRow> {
    let needing_review: BTreeSet<(Channel, Timestamp)> = state
        .channels
        .iter()
        .flat_map(|state| state.posts_needing_review.iter().map(move |at| (state.channel, *at)))
        .collect();
    let row = |channel: Channel, at: Timestamp, asset: Option<&AssetId>| HistoryRow {
        client_id: client.id.clone(),
        channel,
        published_at: at,
        asset_id: asset.cloned(),
        content_type: None,
        reach: None,
        engagements: None,
        needs_review: needing_review.contains(&(channel, at)),
    };
    let is_known = |id: &str| client.assets.iter().any(|asset| asset.id.as_str() == id);
    let known_uses = || state.asset_uses.iter().filter(|used| is_known(used.asset_id.as_str()));
    let mut rows: Vec<HistoryRow> = known_uses().map(|used| row(used.channel, used.at, Some(&used.asset_id))).collect();
    rows.extend(state.recent_posts_beyond(known_uses()).into_iter().map(|(channel, at)| row(channel, at, None)));
    rows.sort_by_key(|row| (row.published_at, row.channel));
    rows
}
