//! Clients, workspaces and more that a pack names: whether there are any of that name, a scenario knows.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::CompiledRules;
use super::diagnostic::{Diagnostic, Place, listed, nearest};
use crate::model::{CampaignId, ClientId, Scenario};

/// What a name is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A client's id.
    Client,
    /// A workspace's id.
    Workspace,
    /// A campaign's id.
    Campaign,
    /// A trade of clients.
    Industry,
    /// A kind of assets.
    AssetKind,
    /// A tag of clients.
    ClientTag,
    /// A tag of assets.
    AssetTag,
}

/// A name as a pack says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What it is one of.
    pub kind: NameKind,
    /// The name.
    pub name: String,
    /// The client whose campaign it is to be; none where any client's will do.
    pub of_client: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// Names shown where none is near.
const SHOWN: usize = 5;

impl NameKind {
    /// What a field of a view, such as `ctx.client`, names.
    pub(super) fn of_field(field: &str) -> Option<Self> {
        match field {
            "ctx.client" | "client.id" => Some(NameKind::Client),
            "ctx.workspace" => Some(NameKind::Workspace),
            "post.campaign" => Some(NameKind::Campaign),
            "ctx.industry" | "client.industry" => Some(NameKind::Industry),
            "post.asset_kind" | "asset.kind" => Some(NameKind::AssetKind),
            _ => None,
        }
    }

    /// What the entries of a field that holds a list, such as `ctx.tags`, name.
    pub(super) fn of_list(field: &str) -> Option<Self> {
        match field {
            "ctx.tags" | "client.tags" => Some(NameKind::ClientTag),
            "post.asset_tags" | "asset.tags" => Some(NameKind::AssetTag),
            _ => None,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            NameKind::Client => "client",
            NameKind::Workspace => "workspace",
            NameKind::Campaign => "campaign",
            NameKind::Industry => "client of the industry",
            NameKind::AssetKind => "asset of the kind",
            NameKind::ClientTag => "client with the tag",
            NameKind::AssetTag => "asset with the tag",
        }
    }
}

/// Every name that there is.
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    all: BTreeSet<(NameKind, Arc<str>)>,
    /// Clients with their campaigns.
    campaigns: BTreeSet<(ClientId, CampaignId)>,
}

impl KnownNames {
    /// Those of a scenario.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let mut known = Self::default();
        for (client, _) in &scenario.clients {
            known.add(NameKind::Client, client.id.as_str());
            known.add(NameKind::Workspace, client.workspace_id.as_str());
            known.add(NameKind::Industry, &client.industry);
            for campaign in &client.campaigns {
                known.add(NameKind::Campaign, campaign.id.as_str());
                known.campaigns.insert((client.id.clone(), campaign.id.clone()));
            }
            client.assets.iter().for_each(|asset| known.add(NameKind::AssetKind, &asset.kind));
            client.tags.iter().for_each(|tag| known.add(NameKind::ClientTag, tag));
            let tags = client.assets.iter().flat_map(|asset| &asset.tags);
            tags.for_each(|tag| known.add(NameKind::AssetTag, tag));
        }
        known
    }

    /// Adds one.
    pub fn add(&mut self, kind: NameKind, name: &str) {
        self.all.insert((kind, name.into()));
    }

    fn of_kind(&self, kind: NameKind) -> impl Iterator<Item = &str> {
        self.all.iter().filter(move |(other, _)| *other == kind).map(|(_, name)| &**name)
    }

    /// What is wrong with a name; none where there is such a one.
    #[must_use]
    pub fn mistake(&self, named: &Named) -> Option<Diagnostic> {
        let Named { kind, name, of_client, place } = named;
        if self.of_kind(*kind).any(|known| known == name) {
            return self.campaign_of_another(name, of_client.as_deref()?, place);
        }
        let remedy = match nearest(name, self.of_kind(*kind)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => match listed(self.of_kind(*kind).take(SHOWN)) {
                nothing if nothing.is_empty() => "take it out, or add one to the scenario".to_owned(),
                some => {
                    format!("the scenario has {some}{}", if self.of_kind(*kind).count() > SHOWN { ", …" } else { "" })
                }
            },
        };
        let cause = format!("the scenario has no {} `{name}`", kind.noun());
        Some(Diagnostic::at("unknown_name", place, name, cause, remedy))
    }

    /// What is wrong with a campaign that is not this client's; nothing where there is no such client, which is
    /// told for itself.
    fn campaign_of_another(&self, campaign: &str, client: &str, place: &Place) -> Option<Diagnostic> {
        let is_of = |(owner, id): &(ClientId, CampaignId)| owner.as_str() == client && id.as_str() == campaign;
        if self.campaigns.iter().any(is_of) || !self.of_kind(NameKind::Client).any(|id| id == client) {
            return None;
        }
        let owners = self.campaigns.iter().filter(|(_, id)| id.as_str() == campaign).map(|(owner, _)| owner.as_str());
        let cause = format!("the client `{client}` has no campaign `{campaign}`");
        let remedy =
            format!("the campaign `{campaign}` is of {}: write that client, or leave `client` out", listed(owners));
        Some(Diagnostic::at("unknown_name", place, campaign, cause, remedy))
    }
}

impl Named {
    /// That nobody looked whether there is one.
    #[must_use]
    pub fn not_looked_up(&self) -> Diagnostic {
        let Self { kind, name, place, .. } = self;
        let cause = format!("whether there is a {} `{name}` was not looked up", kind.noun());
        Diagnostic::at("not_looked_up", place, name, cause, "check it with a scenario: `--scenario DIR`")
    }
}

impl CompiledRules {
    /// The names that overlays and scripts say.
    #[must_use]
    pub fn names(&self) -> Vec<Named> {
        self.pack().names_of_scopes().cloned().chain(self.names_in_scripts()).collect()
    }
}
