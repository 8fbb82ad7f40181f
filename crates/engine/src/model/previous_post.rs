//! Posts of the plan that a week had before it is planned again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AssetId, Channel, ClientId, ClientPlan, Plan, Post, Scenario, Timestamp, derived_id};

/// A post of the plan that a week already has when it is planned again. It is not committed: it may be moved or left
/// out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PreviousPost {
    /// The channel.
    pub channel: Channel,
    /// When it was due.
    pub at: Timestamp,
    /// The asset that it used; `None` if it had none.
    pub asset_id: Option<AssetId>,
}

impl PreviousPost {
    /// A post of the plan. Blocked ones count too: people have seen them, and may be making what they lack.
    fn of(post: &Post) -> Self {
        let asset_id = post.asset.as_ref().map(|asset| asset.used().clone());
        Self { channel: post.channel, at: post.at, asset_id }
    }
}

impl Scenario {
    /// The same scenario with the posts of an earlier plan as the clients' previous posts. Its hash covers them; it is
    /// unchanged if there are none.
    #[must_use]
    pub fn with_previous_posts(mut self, plan: &Plan) -> Self {
        let plans: BTreeMap<&ClientId, &ClientPlan> =
            plan.clients.iter().map(|client_plan| (&client_plan.client_id, client_plan)).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.hash.as_bytes());
        let mut has_any = false;
        for (client, state) in &mut self.clients {
            state.previous_posts =
                plans.get(&client.id).map_or_else(Vec::new, |plan| plan.posts.iter().map(PreviousPost::of).collect());
            for post in &state.previous_posts {
                let at = post.at.as_second().to_string();
                let asset = post.asset_id.as_ref().map(AssetId::as_str);
                let mut parts = vec![client.id.as_str(), post.channel.name(), &at];
                parts.extend(asset);
                hasher.update(derived_id(b"previous", &parts).as_bytes());
                has_any = true;
            }
        }
        if has_any {
            self.hash = hasher.finalize().to_hex().to_string();
        }
        self
    }
}
