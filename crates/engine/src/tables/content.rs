//! The tables of content: `campaigns` and `assets`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clients::Clients;
use super::row::{Row, Table, check_unique};
use crate::diagnostic::Diagnostics;
use crate::model::{AssetRow, CampaignRow};

/// The client of each campaign; `None` if that client's row is invalid.
#[derive(Debug, Default)]
pub(super) struct Campaigns {
    owners: BTreeMap<Arc<str>, Option<usize>>,
    /// Whether the table exists but cannot be read completely, so that no campaign can be called unknown.
    pub are_unreadable: bool,
}

/// Reads `campaigns`.
pub(super) fn campaigns(table: &Table, clients: &mut Clients, diagnostics: &mut Diagnostics) -> Campaigns {
    let mut owners = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let client = clients.client(&mut row);
        let campaign = row.read::<CampaignRow>().filter(|campaign| runs_forward(&mut row, campaign));
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

fn runs_forward(row: &mut Row<'_, '_>, campaign: &CampaignRow) -> bool {
    let CampaignRow { starts_on, ends_on, .. } = campaign;
    if ends_on < starts_on {
        let cause = format!("it ends on {ends_on}, before it starts on {starts_on}");
        row.reject("ends_before_start", "ends_on", cause, "give a last day on or after the first");
    }
    ends_on >= starts_on
}

/// What other rows need to know about an asset.
#[derive(Debug, Clone)]
struct Known {
    owner: Option<usize>,
    parent: Option<Arc<str>>,
    step: u32,
    row: usize,
}

/// Every asset of the table.
#[derive(Debug, Default)]
pub(super) struct Assets {
    known: BTreeMap<Arc<str>, Known>,
    /// Whether the table exists but cannot be read completely, so that no asset can be called unknown.
    pub are_unreadable: bool,
}

impl Assets {
    /// Whether the asset in the given column belongs to the client. If not, an error is recorded.
    pub fn is_of_client(&self, row: &mut Row<'_, '_>, column: &str, id: &str, client: Option<usize>) -> bool {
        let Some(known) = self.known.get(id) else {
            if self.are_unreadable {
                return false;
            }
            row.reject_unknown(column, "asset", id, self.of_client(client));
            return false;
        };
        let foreign = known.owner.is_some() && client.is_some() && known.owner != client;
        if foreign {
            let cause = format!("asset `{id}` belongs to another client");
            row.reject("foreign_reference", column, cause, "name an asset of the same client");
        }
        !foreign
    }

    fn of_client(&self, client: Option<usize>) -> impl Iterator<Item = &str> {
        self.known.iter().filter(move |(_, known)| client.is_none() || known.owner == client).map(|(id, _)| id.as_ref())
    }
}

/// Reads `assets`, then checks references between them.
pub(super) fn assets(
    table: &Table,
    clients: &mut Clients,
    campaigns: &Campaigns,
    diagnostics: &mut Diagnostics,
) -> Assets {
    let mut known = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = clients.row(table, index, diagnostics);
        let owner = clients.client(&mut row);
        let asset: Option<AssetRow> = row.read();
        check_campaign(&mut row, campaigns, owner);
        let step = asset.as_ref().map_or(0, |asset| asset.evolution_step);
        let id = row.text("asset_id").map(Arc::<str>::from);
        if let Some(id) = id.filter(|id| check_unique(&mut row, &mut first_rows, id, "asset_id", "asset")) {
            known.insert(id, Known { owner, parent: row.text("parent_id").map(Arc::from), step, row: index });
        }
        if let (Some(asset), Some(draft)) = (asset, owner.and_then(|owner| clients.draft_mut(owner))) {
            draft.client.assets.push(asset.into());
        }
    }
    let assets = Assets { known, are_unreadable: !table.is_whole("asset_id") };
    check_families(table, clients, &assets, diagnostics);
    assets
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

/// Checks that a family is a root and its children: a child cannot have children.
fn check_families(table: &Table, clients: &Clients, assets: &Assets, diagnostics: &mut Diagnostics) {
    let children = assets.known.iter().filter_map(|(id, known)| Some((id, known, known.parent.as_ref()?)));
    let mut children: Vec<_> = children.collect();
    children.sort_by_key(|(_, known, _)| known.row);
    for (id, known, parent) in children {
        let mut row = clients.row(table, known.row, diagnostics);
        if parent == id {
            let remedy = "leave the cell blank, or name the asset that it varies";
            row.reject("own_parent", "parent_id", format!("asset `{id}` is its own parent"), remedy);
            continue;
        }
        if !assets.is_of_client(&mut row, "parent_id", parent, known.owner) {
            continue;
        }
        let Some(head) = assets.known.get(parent) else { continue };
        if let Some(grandparent) = head.parent.as_ref().filter(|grandparent| *grandparent != parent) {
            let cause = format!("asset `{parent}` is itself a child of `{grandparent}`");
            row.reject("nested_parent", "parent_id", cause, format!("name the root of the family, `{grandparent}`"));
        } else if known.step < head.step {
            let cause = format!("step {} comes before its parent's, {}", known.step, head.step);
            let remedy = "give the parent's step for a variation, a higher one to continue the story";
            row.reject("step_before_parent", "evolution_step", cause, remedy);
        }
    }
}
