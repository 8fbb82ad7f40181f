//! Clients, workspaces and other names that a pack refers to, and the check that they exist in a scenario.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::CompiledRules;
use crate::diagnostic::{Diagnostic, SourceLocation, listed, suggestion};
use crate::model::{CampaignId, ClientId, Scenario};

/// The kind of thing that a name refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NameKind {
    /// A client's id.
    Client,
    /// A workspace's id.
    Workspace,
    /// A campaign's id.
    Campaign,
    /// An industry of clients.
    Industry,
    /// A kind of asset.
    AssetKind,
    /// A tag of clients.
    ClientTag,
    /// A tag of assets.
    AssetTag,
}

/// A name that a pack refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameReference {
    /// The kind of thing it refers to.
    pub kind: NameKind,
    /// The name.
    pub name: String,
    /// The client that a campaign must belong to; `None` if it may belong to any client.
    pub of_client: Option<String>,
    /// Its location.
    pub place: SourceLocation,
}

/// Maximum number of known names that a remedy lists if none is similar.
const MAX_LISTED: usize = 5;

impl NameKind {
    /// What a field of a view, such as `ctx.client`, refers to.
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

    /// What the entries of a list field, such as `ctx.tags`, refer to.
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

/// All names that exist in a scenario.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct KnownNames {
    all: BTreeSet<(NameKind, Arc<str>)>,
    /// Campaigns, each with its client.
    campaigns: BTreeSet<(ClientId, CampaignId)>,
}

impl KnownNames {
    /// The names in a scenario.
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

    /// Adds the names of another part of the scenario.
    pub fn extend(&mut self, other: Self) {
        self.all.extend(other.all);
        self.campaigns.extend(other.campaigns);
    }

    /// Adds a name.
    pub fn add(&mut self, kind: NameKind, name: &str) {
        self.all.insert((kind, name.into()));
    }

    fn of_kind(&self, kind: NameKind) -> impl Iterator<Item = &str> {
        self.all.iter().filter(move |(other, _)| *other == kind).map(|(_, name)| &**name)
    }

    /// The error in a name; `None` if the name exists.
    #[must_use]
    pub fn mistake(&self, reference: &NameReference) -> Option<Diagnostic> {
        let NameReference { kind, name, of_client, place } = reference;
        if self.of_kind(*kind).any(|known| known == name) {
            return self.campaign_of_another(name, of_client.as_deref()?, place);
        }
        let remedy = suggestion(name, self.of_kind(*kind), || match listed(self.of_kind(*kind).take(MAX_LISTED)) {
            names if names.is_empty() => "remove it, or add one to the scenario".to_owned(),
            names => {
                let more = if self.of_kind(*kind).count() > MAX_LISTED { ", …" } else { "" };
                format!("the scenario has {names}{more}")
            }
        });
        let cause = format!("the scenario has no {} `{name}`", kind.noun());
        Some(Diagnostic::at("unknown_name", place, name, cause, remedy))
    }

    /// The error in a campaign that `client` does not have; `None` if the client has it, or does not exist, which is
    /// reported separately.
    fn campaign_of_another(&self, campaign: &str, client: &str, place: &SourceLocation) -> Option<Diagnostic> {
        let is_wanted = |(owner, id): &(ClientId, CampaignId)| owner.as_str() == client && id.as_str() == campaign;
        if self.campaigns.iter().any(is_wanted) || !self.of_kind(NameKind::Client).any(|id| id == client) {
            return None;
        }
        let owners = self.campaigns.iter().filter(|(_, id)| id.as_str() == campaign).map(|(owner, _)| owner.as_str());
        let cause = format!("the client `{client}` has no campaign `{campaign}`");
        let remedy =
            format!("the campaign `{campaign}` belongs to {}: write that client, or omit `client`", listed(owners));
        Some(Diagnostic::at("unknown_name", place, campaign, cause, remedy))
    }
}

impl NameReference {
    /// A warning that the name was not checked against a scenario.
    #[must_use]
    pub fn not_looked_up(&self) -> Diagnostic {
        let Self { kind, name, place, .. } = self;
        let cause = format!("it was not checked whether there is a {} `{name}`", kind.noun());
        Diagnostic::at("not_looked_up", place, name, cause, "check it against a scenario: `--scenario DIR`")
    }
}

impl CompiledRules {
    /// The names that overlays, limits and scripts refer to.
    #[must_use]
    pub fn names(&self) -> Vec<NameReference> {
        let pack = self.pack();
        pack.names_of_scopes().cloned().chain(pack.names_of_limits()).chain(self.names_in_scripts()).collect()
    }
}
