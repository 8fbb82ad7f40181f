//! The tables of content: `campaigns` and `assets`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clients::Clients;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{AssetRow, CampaignRow};

/// The campaigns of the table.
#[derive(Debug, Default)]
pub(super) struct Campaigns {
    /// The index of each campaign's client; `None` if that client's row is invalid.
    owners: BTreeMap<Arc<str>, Option<usize>>,
    /// Whether the table exists but cannot be read completely, so that no campaign can be called unknown.
    pub are_unreadable: bool,
}

/// Reads `campaigns`.
pub(super) fn read_campaigns(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) -> Campaigns {
    let mut owners = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client_of_row(&mut row);
        let campaign = row.read::<CampaignRow>().filter(|campaign| check_dates(&mut row, campaign));
        let id = row.text("campaign_id").map(Arc::<str>::from);
        if let Some(id) = id.filter(|id| check_unique(&mut row, &mut first_rows, id, "campaign_id", "campaign")) {
            owners.insert(id, client);
        }
        if let (Some(campaign), Some(draft)) = (campaign, client.and_then(|client| clients.draft_mut(client))) {
            draft.client.campaigns.push(campaign.into());
        }
    }
    Campaigns { owners, are_unreadable: !table.is_whole("campaign_id") }
}

/// Whether the campaign does not end before it starts. If it does, an error is recorded.
fn check_dates(row: &mut Row<'_, '_>, campaign: &CampaignRow) -> bool {
    let CampaignRow { starts_on, ends_on, .. } = campaign;
    if ends_on < starts_on {
        let cause = format!("it ends on {ends_on}, before it starts on {starts_on}");
        row.reject("ends_before_start", "ends_on", cause, "give a last day on or after the first");
    }
    ends_on >= starts_on
}

/// What other rows need to know about an asset.
#[derive(Debug, Clone)]
struct AssetEntry {
    /// The index of its client; `None` if that client's row is invalid.
    owner: Option<usize>,
    parent_id: Option<Arc<str>>,
    step: u32,
    row_index: usize,
}

/// The assets of the table.
#[derive(Debug, Default)]
pub(super) struct Assets {
    entries: BTreeMap<Arc<str>, AssetEntry>,
    /// Whether the table exists but cannot be read completely, so that no asset can be called unknown.
    pub are_unreadable: bool,
}

impl Assets {
    /// Whether the asset in the given column belongs to the client. If not, an error is recorded.
    pub fn is_of_client(&self, row: &mut Row<'_, '_>, column: &str, id: &str, client: Option<usize>) -> bool {
        let Some(asset) = self.entries.get(id) else {
            if self.are_unreadable {
                return false;
            }
            row.reject_unknown(column, "asset", id, self.ids_of_client(client));
            return false;
        };
        let is_foreign = asset.owner.is_some() && client.is_some() && asset.owner != client;
        if is_foreign {
            let cause = format!("asset `{id}` belongs to another client");
            row.reject("foreign_reference", column, cause, "name an asset of the same client");
        }
        !is_foreign
    }

    fn ids_of_client(&self, client: Option<usize>) -> impl Iterator<Item = &str> {
        let belongs_to_client = move |asset: &AssetEntry| client.is_none() || asset.owner == client;
        self.entries.iter().filter(move |(_, asset)| belongs_to_client(asset)).map(|(id, _)| id.as_ref())
    }
}

/// Reads `assets`, then checks references between them.
pub(super) fn read_assets(
    table: &Table,
    clients: &mut Clients,
    campaigns: &Campaigns,
    diagnostics: &mut Diagnostics,
) -> Assets {
    let mut entries = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let owner = clients.client_of_row(&mut row);
        let asset: Option<AssetRow> = row.read();
        check_campaign(&mut row, campaigns, owner);
        warn_of_no_content(&mut row, asset.as_ref());
        let step = asset.as_ref().map_or(0, |asset| asset.evolution_step);
        let id = row.text("asset_id").map(Arc::<str>::from);
        if let Some(id) = id.filter(|id| check_unique(&mut row, &mut first_rows, id, "asset_id", "asset")) {
            let parent_id = row.text("parent_id").map(Arc::from);
            entries.insert(id, AssetEntry { owner, parent_id, step, row_index: index });
        }
        if let (Some(asset), Some(draft)) = (asset, owner.and_then(|owner| clients.draft_mut(owner))) {
            draft.client.assets.push(asset.into());
        }
    }
    let assets = Assets { entries, are_unreadable: !table.is_whole("asset_id") };
    check_families(table, clients, &assets, diagnostics);
    assets
}

/// Warns if an asset has nothing to post: no post is ever planned with it.
fn warn_of_no_content(row: &mut Row<'_, '_>, asset: Option<&AssetRow>) {
    let Some(asset) = asset else { return };
    if [&asset.title, &asset.body, &asset.media_url].into_iter().all(|part| part.trim().is_empty()) {
        let cause = "no title, no text and no media: it cannot be posted, so it is never used";
        row.warn("no_content", "title", cause, "give it a `title`, a `body` or a `media_url`");
    }
}

fn check_campaign(row: &mut Row<'_, '_>, campaigns: &Campaigns, client: Option<usize>) {
    let Some(id) = row.text("campaign_id") else { return };
    match campaigns.owners.get(id) {
        None if campaigns.are_unreadable => {}
        None => row.reject_unknown("campaign_id", "campaign", id, campaigns.owners.keys().map(AsRef::as_ref)),
        Some(Some(owner)) if client.is_some_and(|client| client != *owner) => {
            let cause = format!("campaign `{id}` belongs to another client");
            row.reject("foreign_reference", "campaign_id", cause, "name a campaign of the same client");
        }
        Some(_) => {}
    }
}

/// Checks that each family consists of a root and its children: a child cannot have children.
fn check_families(table: &Table, clients: &Clients, assets: &Assets, diagnostics: &mut Diagnostics) {
    let children = assets.entries.iter().filter_map(|(id, child)| Some((id, child, child.parent_id.as_ref()?)));
    let mut children: Vec<_> = children.collect();
    children.sort_by_key(|(_, child, _)| child.row_index);
    for (id, child, parent_id) in children {
        let mut row = clients.row(table, child.row_index, diagnostics);
        if parent_id == id {
            let remedy = "leave the cell blank, or name the asset that it varies";
            row.reject("own_parent", "parent_id", format!("asset `{id}` is its own parent"), remedy);
            continue;
        }
        if !assets.is_of_client(&mut row, "parent_id", parent_id, child.owner) {
            continue;
        }
        let Some(parent) = assets.entries.get(parent_id) else { continue };
        if let Some(grandparent_id) = parent.parent_id.as_ref().filter(|grandparent_id| *grandparent_id != parent_id) {
            let cause = format!("asset `{parent_id}` is itself a child of `{grandparent_id}`");
            row.reject("nested_parent", "parent_id", cause, format!("name the root of the family, `{grandparent_id}`"));
        } else if child.step < parent.step {
            let cause = format!("step {} comes before its parent's, {}", child.step, parent.step);
            let remedy = "give the parent's step for a variation, a higher one to continue the story";
            row.reject("step_before_parent", "evolution_step", cause, remedy);
        }
    }
}
