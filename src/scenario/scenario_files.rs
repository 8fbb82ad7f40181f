//! A scenario folder in memory, before it is written: the manifest and the rows of the tables.

use super::manifest::Manifest;
use crate::model::{
    AssetId, AssetRow, CalendarRow, CampaignRow, Channel, ChannelRow, Client, ClientRow, ClientState, HistoryRow,
    PolicyRow, RealityRow, Scenario, Timestamp, WarningRow, WorldRow,
};

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
            warnings: Vec::new(),
            reality: Vec::new(),
            calendar: Vec::new(),
            history: Vec::new(),
            world: Vec::new(),
        }
    }
}

/// The files of a scenario. Reading them gives the same clients in the same state. The reach and engagements of past
/// posts are not part of the model, so they are left blank.
#[must_use]
pub fn files_of(scenario: &Scenario) -> ScenarioFiles {
    let mut manifest = Manifest::new(scenario.name.clone(), scenario.start, scenario.weeks);
    manifest.capacity = scenario.capacity.clone();
    manifest.review = scenario.review.clone();
    manifest.environment = scenario.environment.clone();
    let mut files = ScenarioFiles::new(manifest);
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
    let row = |channel: Channel, at: Timestamp, asset: Option<&AssetId>| HistoryRow {
        client_id: client.id.clone(),
        channel,
        published_at: at,
        asset_id: asset.cloned(),
        content_type: None,
        reach: None,
        engagements: None,
    };
    let is_known = |id: &str| client.assets.iter().any(|asset| asset.id.as_str() == id);
    let known_uses = || state.asset_uses.iter().filter(|used| is_known(used.asset_id.as_str()));
    let mut rows: Vec<HistoryRow> = known_uses().map(|used| row(used.channel, used.at, Some(&used.asset_id))).collect();
    rows.extend(state.recent_posts_beyond(known_uses()).into_iter().map(|(channel, at)| row(channel, at, None)));
    rows.sort_by_key(|row| (row.published_at, row.channel));
    rows
}
