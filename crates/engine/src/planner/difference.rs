//! What differs between two plans of one week, channel by channel.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Channel, ClientId, ClientPlan, Plan, Post};

/// What differs on one channel of a client.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ChannelDifference {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub channel: Channel,
    /// Posts that only the second plan has, beyond those that moved.
    pub added: usize,
    /// Posts that only the first plan has, beyond those that moved.
    pub dropped: usize,
    /// Posts whose hour is another one: client's wall clock before and after.
    pub moved: Vec<(String, String)>,
    /// Posts at the same hour that are held now and were not.
    pub blocked: usize,
    /// Posts at the same hour that were held and are not.
    pub released: usize,
    /// Posts at the same hour whose risk is higher now.
    pub risk_raised: usize,
    /// Posts at the same hour whose risk is lower now.
    pub risk_lowered: usize,
    /// Posts at the same hour with another asset.
    pub other_asset: usize,
    /// Expected engagement of the posts that are not held, before.
    pub expected_before: f64,
    /// The same after.
    pub expected_after: f64,
}

impl ChannelDifference {
    /// Whether nothing differs that anybody would see.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let posts = [self.added, self.dropped, self.moved.len(), self.blocked, self.released];
        let others = [self.risk_raised, self.risk_lowered, self.other_asset];
        posts.iter().chain(&others).all(|count| *count == 0)
            && (self.expected_after - self.expected_before).abs() <= 1e-9 * self.expected_before.abs()
    }

    /// What the change costs in expected engagement; below zero where it gains.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.expected_before - self.expected_after
    }
}

/// What differs between two plans of the same week, by client and channel; channels without a difference are left
/// out.
#[must_use]
pub fn plan_difference(before: &Plan, after: &Plan) -> Vec<ChannelDifference> {
    let by_client = |plan: &'_ Plan| -> BTreeMap<ClientId, usize> {
        plan.clients.iter().enumerate().map(|(index, client)| (client.client_id.clone(), index)).collect()
    };
    let (then, now) = (by_client(before), by_client(after));
    let ids: BTreeSet<&ClientId> = then.keys().chain(now.keys()).collect();
    let mut found = Vec::new();
    for id in ids {
        let old = then.get(id).and_then(|index| before.clients.get(*index));
        let new = now.get(id).and_then(|index| after.clients.get(*index));
        let differences = Channel::ALL.into_iter().map(|channel| of_channel(id, channel, old, new));
        found.extend(differences.filter(|difference| !difference.is_empty()));
    }
    found
}

/// A client's posts on a channel by second.
fn posts(plan: Option<&ClientPlan>, channel: Channel) -> BTreeMap<i64, (&ClientPlan, &Post)> {
    let own = plan.into_iter().flat_map(|plan| plan.posts.iter().map(move |post| (plan, post)));
    own.filter(|(_, post)| post.channel == channel).map(|(plan, post)| (post.at.as_second(), (plan, post))).collect()
}

fn of_channel(
    id: &ClientId,
    channel: Channel,
    before: Option<&ClientPlan>,
    after: Option<&ClientPlan>,
) -> ChannelDifference {
    let (then, now) = (posts(before, channel), posts(after, channel));
    let gone: Vec<_> = then.iter().filter(|(at, _)| !now.contains_key(at)).map(|(_, post)| *post).collect();
    let new: Vec<_> = now.iter().filter(|(at, _)| !then.contains_key(at)).map(|(_, post)| *post).collect();
    let both: Vec<(&Post, &Post)> = then.iter().filter_map(|(at, (_, old))| Some((*old, now.get(at)?.1))).collect();
    let count = |differs: &dyn Fn(&Post, &Post) -> bool| both.iter().filter(|(old, new)| differs(old, new)).count();
    let used = |post: &Post| post.asset.as_ref().map(|asset| asset.used().clone());
    let expected = |posts: &BTreeMap<i64, (&ClientPlan, &Post)>| {
        posts
            .values()
            .filter(|(_, post)| post.is_live())
            .map(|(_, post)| post.expected_engagement)
            .fold(0.0, |a, b| a + b)
    };
    let moved = gone.len().min(new.len());
    ChannelDifference {
        client_id: id.clone(),
        channel,
        added: new.len() - moved,
        dropped: gone.len() - moved,
        moved: gone.iter().zip(&new).map(|(old, new)| (local(*old), local(*new))).collect(),
        blocked: count(&|old, new| old.is_live() && !new.is_live()),
        released: count(&|old, new| !old.is_live() && new.is_live()),
        risk_raised: count(&|old, new| new.risk > old.risk),
        risk_lowered: count(&|old, new| new.risk < old.risk),
        other_asset: count(&|old, new| used(old) != used(new)),
        expected_before: expected(&then),
        expected_after: expected(&now),
    }
}

fn local((plan, post): (&ClientPlan, &Post)) -> String {
    plan.zone.local(post.at).format("%a %H:%M").to_string()
}
