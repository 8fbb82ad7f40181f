//! A client brand: its fixed attributes, and the state that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::named::named;
use super::record::record;
use super::{
    Asset, AssetUse, CalendarEntry, Campaign, Channel, ChannelState, ClientId, LimitNumbers, PreviousPost, Reality,
    Timestamp, Warning, WorkspaceId, WorldEstimate, Zone,
};

named!(
    /// The client's status with the agency.
    ClientStatus {
        /// Planned for.
        Active = "active",
        /// Planned for, but every post needs approval.
        Onboarding = "onboarding",
        /// Not planned for at present.
        Paused = "paused",
        /// No longer a client; not planned for.
        Churned = "churned",
    }
);

impl ClientStatus {
    /// Whether weeks are planned for a client with this status.
    #[must_use]
    pub const fn is_planned(self) -> bool {
        matches!(self, ClientStatus::Active | ClientStatus::Onboarding)
    }
}

/// What the client allows the agency's agents to do on its behalf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether agents may plan for the client.
    pub agent_enabled: bool,
    /// Whether low-risk posts may run without approval.
    pub auto_exec_enabled: bool,
    /// Maximum posts a day over all channels.
    pub max_actions_per_day: u32,
    /// Whether an open warning of high severity blocks posts.
    pub pause_on_high_severity_warning: bool,
}

/// The attributes of a client that are fixed within a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    /// Unique in the scenario.
    pub id: ClientId,
    /// The workspace of the team that works for it.
    pub workspace_id: WorkspaceId,
    /// Shown in reports.
    pub name: Arc<str>,
    /// Industry; free text.
    pub industry: Arc<str>,
    /// Free-form tags.
    pub tags: Vec<Arc<str>>,
    /// Time zone of its audience.
    pub zone: Zone,
    /// Status with the agency.
    pub status: ClientStatus,
    /// Priority for scarce capacity, `0..=100`.
    pub priority: f64,
    /// The agreed policy; the rules' default if the scenario sets none.
    pub policy: Policy,
    /// Its campaigns, sorted by id.
    pub campaigns: Vec<Campaign>,
    /// Its assets, sorted by id.
    pub assets: Vec<Asset>,
    /// The calendar entries that apply to it, sorted by first day, then name.
    pub calendar: Vec<CalendarEntry>,
    /// Estimates of how its audiences respond, sorted by channel, then parameter. A simulation draws the true response
    /// from them.
    pub world: Vec<WorldEstimate>,
    /// The numbers that the scenario sets for limits of the rules pack, in [their order](LimitNumbers::order).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limit_numbers: Vec<LimitNumbers>,
}

/// The state of a client that changes from week to week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClientState {
    /// The channels it posts on, in channel order.
    pub channels: Vec<ChannelState>,
    /// Early warnings about it, sorted by id.
    pub warnings: Vec<Warning>,
    /// The latest assessment of its performance; `None` if there is none.
    pub reality: Option<Reality>,
    /// Past uses of assets, oldest first.
    pub asset_uses: Vec<AssetUse>,
    /// Posts of the plan that the week already has, if it is planned again; empty if it has no plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previous_posts: Vec<PreviousPost>,
}

impl ClientState {
    /// The recent posts of each channel that are not among the given uses of assets. Each use accounts for one post, so
    /// of two posts at the same instant one remains if the asset of only one is known.
    #[must_use]
    pub fn recent_posts_beyond<'u>(&self, uses: impl IntoIterator<Item = &'u AssetUse>) -> Vec<(Channel, Timestamp)> {
        let mut used: BTreeMap<(Channel, Timestamp), usize> = BTreeMap::new();
        for AssetUse { channel, at, .. } in uses {
            *used.entry((*channel, *at)).or_default() += 1;
        }
        let all = self.channels.iter();
        let all = all.flat_map(|state| state.recent_posts.iter().map(move |at| (state.channel, *at)));
        all.filter(|post| {
            let left = used.get_mut(post).filter(|left| **left > 0);
            left.map(|left| *left -= 1).is_none()
        })
        .collect()
    }
}

record! {
    /// A row of `clients`.
    pub struct ClientRow {
        /// Unique in the scenario.
        pub client_id: ClientId,
        /// The workspace of the team that works for it.
        pub workspace_id: WorkspaceId,
        /// Name shown in reports; the id if blank.
        pub name: Option<Arc<str>>,
        /// Industry; free text.
        #[column(default = "".into())]
        pub industry: Arc<str>,
        /// Free-form tags.
        #[column(default = Vec::new())]
        pub tags: Vec<Arc<str>>,
        /// Time zone of its audience, an IANA name; the manifest's default if blank.
        pub time_zone: Option<Zone>,
        /// Status with the agency: active, onboarding, paused or churned; active if blank.
        #[column(default = ClientStatus::Active)]
        pub status: ClientStatus,
        /// Priority for scarce capacity; 50 if blank.
        #[column(range = 0.0..=100.0, default = 50.0)]
        pub priority: f64,
    }
}

impl ClientRow {
    /// The client with the given defaults. Its campaigns, assets, calendar entries, estimates and numbers of limits are
    /// empty, since they are in other tables.
    #[must_use]
    pub fn into_client(self, default_zone: Zone, policy: Policy) -> Client {
        Client {
            name: self.name.unwrap_or_else(|| self.client_id.as_str().into()),
            id: self.client_id,
            workspace_id: self.workspace_id,
            industry: self.industry,
            tags: self.tags,
            zone: self.time_zone.unwrap_or(default_zone),
            status: self.status,
            priority: self.priority,
            policy,
            campaigns: Vec::new(),
            assets: Vec::new(),
            calendar: Vec::new(),
            world: Vec::new(),
            limit_numbers: Vec::new(),
        }
    }
}

impl From<&Client> for ClientRow {
    fn from(client: &Client) -> Self {
        Self {
            client_id: client.id.clone(),
            workspace_id: client.workspace_id.clone(),
            name: Some(Arc::clone(&client.name)),
            industry: Arc::clone(&client.industry),
            tags: client.tags.clone(),
            time_zone: Some(client.zone),
            status: client.status,
            priority: client.priority,
        }
    }
}

record! {
    /// A row of `policies`. A blank cell stands for the rules' default.
    pub struct PolicyRow {
        /// The client it was agreed with.
        pub client_id: ClientId,
        /// Whether agents may plan for the client.
        pub agent_enabled: Option<bool>,
        /// Whether low-risk posts may run without approval.
        pub auto_exec_enabled: Option<bool>,
        /// Maximum posts a day over all channels.
        #[column(range = 0.0..=1000.0)]
        pub max_actions_per_day: Option<u32>,
        /// Whether an open warning of high severity blocks posts.
        pub pause_on_high_severity_warning: Option<bool>,
    }
}

impl PolicyRow {
    /// The policy; each blank cell is replaced by the value in `default`.
    #[must_use]
    pub fn with_defaults(&self, default: &Policy) -> Policy {
        Policy {
            agent_enabled: self.agent_enabled.unwrap_or(default.agent_enabled),
            auto_exec_enabled: self.auto_exec_enabled.unwrap_or(default.auto_exec_enabled),
            max_actions_per_day: self.max_actions_per_day.unwrap_or(default.max_actions_per_day),
            pause_on_high_severity_warning: self
                .pause_on_high_severity_warning
                .unwrap_or(default.pause_on_high_severity_warning),
        }
    }
}

impl From<&Client> for PolicyRow {
    fn from(client: &Client) -> Self {
        let policy = &client.policy;
        Self {
            client_id: client.id.clone(),
            agent_enabled: Some(policy.agent_enabled),
            auto_exec_enabled: Some(policy.auto_exec_enabled),
            max_actions_per_day: Some(policy.max_actions_per_day),
            pause_on_high_severity_warning: Some(policy.pause_on_high_severity_warning),
        }
    }
}
