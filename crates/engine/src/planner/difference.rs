//! Differences between two plans of the same week, channel by channel.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Channel, ClientId, ClientPlan, Plan, Post};

/// Differences on one channel of a client.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ChannelDifference {
    /// The client it belongs to.
    pub client_id: ClientId,
    /// The channel.
    pub channel: Channel,
    /// Posts only in the second plan, beyond those that moved.
    pub added: usize,
    /// Posts only in the first plan, beyond those that moved.
    pub dropped: usize,
    /// Posts that moved: times on the client's clock before and after.
    pub moved: Vec<(String, String)>,
    /// Posts at the same time that are blocked now and were not.
    pub blocked: usize,
    /// Posts at the same time that were blocked and no longer are.
    pub released: usize,
    /// Posts at the same time with a higher risk band.
    pub risk_raised: usize,
    /// Posts at the same time with a lower risk band.
    pub risk_lowered: usize,
    /// Posts at the same time with a different asset.
    pub other_asset: usize,
    /// Expected engagement of the posts that are not blocked, before.
    pub expected_before: f64,
    /// Expected engagement of the posts that are not blocked, after.
    pub expected_after: f64,
}

impl ChannelDifference {
    /// Whether all counts are zero and the expected engagement is unchanged up to rounding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let posts = [self.added, self.dropped, self.moved.len(), self.blocked, self.released];
        let others = [self.risk_raised, self.risk_lowered, self.other_asset];
        posts.iter().chain(&others).all(|count| *count == 0)
            && (self.expected_after - self.expected_before).abs() <= 1e-9 * self.expected_before.abs()
    }

    /// Decrease in expected engagement; negative if it increases.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.expected_before - self.expected_after
    }
}

/// Compares two plans of the same week, by client and channel; channels without a difference are left out.
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

/// A client's posts on a channel, by time in seconds.
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
