//! The tables of what there is to post and what for: `campaigns` and `assets`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Problems;
use super::frame::TableSpec;
use super::roster::{Roster, is_first};
use super::table::{Bounds, Era, Row, Table};
use crate::model::{Asset, AssetId, Campaign, CampaignId, Score};

pub(super) const CAMPAIGNS: TableSpec = TableSpec {
    required: &["campaign_id", "client_id", "starts_on", "ends_on"],
    optional: &["name", "goal", "channels", "weight", "any_asset"],
    others_allowed: false,
};

pub(super) const ASSETS: TableSpec = TableSpec {
    required: &["asset_id", "client_id", "kind", "created_at"],
    optional: &[
        "campaign_id",
        "channels",
        "quality_score",
        "brand_consistency",
        "value",
        "impact",
        "parent_id",
        "evolution_step",
        "title",
        "body",
        "media_url",
        "tags",
    ],
    others_allowed: false,
};

/// The factor of a campaign or a special day.
pub(super) const FACTOR: Bounds = Bounds::within(0.01, 10.0);

/// Most steps of a story.
const MOST_STEPS: u32 = 1000;

/// The client of each campaign; none where that client's row is wrong.
#[derive(Debug, Default)]
pub(super) struct Campaigns {
    owners: BTreeMap<Arc<str>, Option<usize>>,
    /// The table is there and cannot be read: nobody can say that a campaign is unknown.
    pub are_unreadable: bool,
}

/// Reads `campaigns`.
pub(super) fn campaigns(table: &Table, roster: &mut Roster, problems: &mut Problems) -> Campaigns {
    let mut owners = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let client = roster.client(&mut row);
        let id = row.identifier("campaign_id").map(Arc::<str>::from);
        let campaign = campaign(&mut row, id.clone());
        if let Some(id) = id.filter(|id| is_first(&mut row, &mut first_rows, id, "campaign_id", "campaign")) {
            owners.insert(id, client);
        }
        if let (Some(campaign), Some(draft)) = (campaign, client.and_then(|client| roster.draft_mut(client))) {
            draft.client.campaigns.push(campaign);
        }
    }
    Campaigns { owners, are_unreadable: !table.is_whole("campaign_id") }
}

fn campaign(row: &mut Row<'_, '_>, id: Option<Arc<str>>) -> Option<Campaign> {
    let starts_on = row.required_date("starts_on");
    let ends_on = row.required_date("ends_on");
    let channels = row.channels("channels");
    let weight = row.number_in("weight", FACTOR);
    let any_asset = row.flag("any_asset");
    let (name, goal) = (row.text("name"), row.text("goal"));
    let (id, starts_on, ends_on) = (id?, starts_on?, ends_on?);
    if ends_on < starts_on {
        let cause = format!("it ends on {ends_on}, before it starts on {starts_on}");
        row.reject("ends_before_start", "ends_on", cause, "name a last day that is not before the first".to_owned());
        return None;
    }
    Some(Campaign {
        name: name.map_or_else(|| Arc::clone(&id), Arc::from),
        id: CampaignId::new(id),
        goal: goal.unwrap_or_default().into(),
        starts_on,
        ends_on,
        channels: channels?,
        weight: weight.unwrap_or(1.0),
        any_asset: any_asset.unwrap_or(false),
    })
}

/// What the rest of a scenario needs to know of an asset.
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
    /// The table is there and cannot be read: nobody can say that an asset is unknown.
    pub are_unreadable: bool,
}

impl Assets {
    /// Whether the asset in the given column is one of the client's. What is wrong is noted.
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
            row.reject("foreign_reference", column, cause, "name an asset of the same client".to_owned());
        }
        !foreign
    }

    fn of_client(&self, client: Option<usize>) -> impl Iterator<Item = &str> {
        self.known.iter().filter(move |(_, known)| client.is_none() || known.owner == client).map(|(id, _)| id.as_ref())
    }
}

/// Reads `assets`, then checks what they say of each other.
pub(super) fn assets(table: &Table, roster: &mut Roster, campaigns: &Campaigns, problems: &mut Problems) -> Assets {
    let mut known = BTreeMap::new();
    let mut first_rows = BTreeMap::new();
    for index in 0..table.height() {
        let mut row = table.row(index, problems);
        let owner = roster.client(&mut row);
        let id = row.identifier("asset_id").map(Arc::<str>::from);
        check_campaign(&mut row, campaigns, owner);
        let asset = asset(&mut row, id.clone(), roster.times_of_making());
        let step = asset.as_ref().map_or(0, |asset| asset.evolution_step);
        if let Some(id) = id.filter(|id| is_first(&mut row, &mut first_rows, id, "asset_id", "asset")) {
            known.insert(id, Known { owner, parent: row.text("parent_id").map(Arc::from), step, row: index });
        }
        if let (Some(asset), Some(draft)) = (asset, owner.and_then(|owner| roster.draft_mut(owner))) {
            draft.client.assets.push(asset);
        }
    }
    let assets = Assets { known, are_unreadable: !table.is_whole("asset_id") };
    check_families(table, &assets, problems);
    assets
}

fn asset(row: &mut Row<'_, '_>, id: Option<Arc<str>>, times: Era) -> Option<Asset> {
    let kind = row.required("kind");
    let channels = row.channels("channels");
    let created_at = row.required_instant("created_at", times);
    let [quality, brand_consistency, value, impact] = ["quality_score", "brand_consistency", "value", "impact"]
        .map(|column| row.score(column).unwrap_or(Score::HALF));
    let evolution_step = row.count("evolution_step", MOST_STEPS).unwrap_or(0);
    Some(Asset {
        id: AssetId::new(id?),
        campaign_id: row.text("campaign_id").map(CampaignId::new),
        kind: kind?.into(),
        channels: channels?,
        created_at: created_at?,
        quality,
        brand_consistency,
        value,
        impact,
        parent_id: row.text("parent_id").map(AssetId::new),
        evolution_step,
        title: row.text("title").unwrap_or_default().into(),
        body: row.text("body").unwrap_or_default().into(),
        media_url: row.text("media_url").unwrap_or_default().into(),
        tags: row.tags("tags"),
    })
}

fn check_campaign(row: &mut Row<'_, '_>, campaigns: &Campaigns, client: Option<usize>) {
    let Some(id) = row.text("campaign_id") else { return };
    match campaigns.owners.get(id) {
        None if campaigns.are_unreadable => {}
        None => row.reject_unknown("campaign_id", "campaign", id, campaigns.owners.keys().map(AsRef::as_ref)),
        Some(Some(owner)) if client.is_some_and(|client| client != *owner) => {
            let cause = format!("campaign `{id}` belongs to another client");
            row.reject("foreign_reference", "campaign_id", cause, "name a campaign of the same client".to_owned());
        }
        Some(_) => {}
    }
}

/// A family is a head and its children; a child of a child would belong to nobody's family.
fn check_families(table: &Table, assets: &Assets, problems: &mut Problems) {
    let children = assets.known.iter().filter_map(|(id, known)| Some((id, known, known.parent.as_ref()?)));
    let mut children: Vec<_> = children.collect();
    children.sort_by_key(|(_, known, _)| known.row);
    for (id, known, parent) in children {
        let mut row = table.row(known.row, problems);
        if parent == id {
            let remedy = "leave the cell blank, or name the asset that it varies".to_owned();
            row.reject("own_parent", "parent_id", format!("asset `{id}` is its own parent"), remedy);
            continue;
        }
        if !assets.is_of_client(&mut row, "parent_id", parent, known.owner) {
            continue;
        }
        let Some(head) = assets.known.get(parent) else { continue };
        if let Some(grandparent) = head.parent.as_ref().filter(|grandparent| *grandparent != parent) {
            let cause = format!("asset `{parent}` is itself a child of `{grandparent}`");
            row.reject("nested_parent", "parent_id", cause, format!("name the head of the family, `{grandparent}`"));
        } else if known.step < head.step {
            let cause = format!("step {} comes before its parent's, {}", known.step, head.step);
            let remedy = "give the parent's step for a variation, a higher one to continue the story".to_owned();
            row.reject("step_before_parent", "evolution_step", cause, remedy);
        }
    }
}
