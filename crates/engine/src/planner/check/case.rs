//! One client's plan with everything that it is checked against.

use super::clock::Clock;
use crate::model::{Campaign, CampaignId, Client, ClientPlan, ClientState, Timestamp};
use crate::rules::{ClientRules, CompiledRules, Rules};

/// Which of these functions the pack defines. Each decides what otherwise the pack's tables decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hooks {
    pub weekly_posts: bool,
    pub hour_weights: bool,
    pub score_asset: bool,
    pub confidence: bool,
}

impl Hooks {
    pub fn of(rules: &CompiledRules) -> Self {
        Self {
            weekly_posts: rules.has_function("weekly_posts"),
            hour_weights: rules.has_function("hour_weights"),
            score_asset: rules.has_function("score_asset"),
            confidence: rules.has_function("confidence"),
        }
    }
}

/// One client's plan, and everything it must agree with.
#[derive(Clone, Copy)]
pub(super) struct ClientCase<'a> {
    pub plan: &'a ClientPlan,
    pub client: &'a Client,
    pub state: &'a ClientState,
    pub rules: &'a ClientRules,
    pub hooks: Hooks,
    pub clock: &'a Clock,
    /// The instant before which nothing may be planned; `None` if the whole week may be.
    pub not_before: Option<Timestamp>,
}

impl<'a> ClientCase<'a> {
    /// The client's rules without campaign overlays.
    pub fn base(&self) -> &'a Rules {
        self.rules.base()
    }

    /// A campaign of the client.
    pub fn campaign(&self, id: &CampaignId) -> Option<&'a Campaign> {
        self.client.campaigns.iter().find(|campaign| campaign.id == *id)
    }
}
