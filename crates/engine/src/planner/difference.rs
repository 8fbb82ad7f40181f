//! Differences between two plans of the same week, channel by channel.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Channel, ClientId, ClientPlan, Plan, Post};

/// Differences on one channel of a client.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ChannelDifference {
    /// The client whose channel it is.
    pub client_id: ClientId,
    /// The channel.
    pub channel: Channel,
    /// Posts only in the second plan, beyond those that moved.
    pub added: usize,
    /// Posts only in the first plan, beyond those that moved.
    pub dropped: usize,
    /// Posts that moved: posts only in the first plan, paired by order with those only in the second. Each pair holds
    /// the times on the client's clock before and after.
    pub moved: Vec<(String, String)>,
    /// Posts at the same time that are blocked in the second plan only.
    pub blocked: usize,
    /// Posts at the same time that are blocked in the first plan only.
    pub released: usize,
    /// Posts at the same time with a higher risk band in the second plan.
    pub risk_raised: usize,
    /// Posts at the same time with a lower risk band in the second plan.
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
    let client_indices = |plan: &'_ Plan| -> BTreeMap<ClientId, usize> {
        plan.clients.iter().enumerate().map(|(index, client)| (client.client_id.clone(), index)).collect()
    };
    let (indices_before, indices_after) = (client_indices(before), client_indices(after));
    let ids: BTreeSet<&ClientId> = indices_before.keys().chain(indices_after.keys()).collect();
    let mut differences = Vec::new();
    for id in ids {
        let old = indices_before.get(id).and_then(|index| before.clients.get(*index));
        let new = indices_after.get(id).and_then(|index| after.clients.get(*index));
        let by_channel = Channel::ALL.into_iter().map(|channel| channel_difference(id, channel, old, new));
        differences.extend(by_channel.filter(|difference| !difference.is_empty()));
    }
    differences
}

/// A client's posts on a channel, by time in seconds since the Unix epoch.
fn posts_by_time(plan: Option<&ClientPlan>, channel: Channel) -> BTreeMap<i64, (&ClientPlan, &Post)> {
    let all = plan.into_iter().flat_map(|plan| plan.posts.iter().map(move |post| (plan, post)));
    all.filter(|(_, post)| post.channel == channel).map(|(plan, post)| (post.at.as_second(), (plan, post))).collect()
}

fn channel_difference(
    id: &ClientId,
    channel: Channel,
    before: Option<&ClientPlan>,
    after: Option<&ClientPlan>,
) -> ChannelDifference {
    let (before, after) = (posts_by_time(before, channel), posts_by_time(after, channel));
    let only_before: Vec<_> = before.iter().filter(|(at, _)| !after.contains_key(at)).map(|(_, post)| *post).collect();
    let only_after: Vec<_> = after.iter().filter(|(at, _)| !before.contains_key(at)).map(|(_, post)| *post).collect();
    let both: Vec<(&Post, &Post)> = before.iter().filter_map(|(at, (_, old))| Some((*old, after.get(at)?.1))).collect();
    let count = |differ: &dyn Fn(&Post, &Post) -> bool| both.iter().filter(|(old, new)| differ(old, new)).count();
    let asset_id = |post: &Post| post.asset.as_ref().map(|asset| asset.used().clone());
    // `fold`, because `sum` of no posts is -0.0.
    let expected = |posts: &BTreeMap<i64, (&ClientPlan, &Post)>| {
        posts
            .values()
            .filter(|(_, post)| post.is_live())
            .map(|(_, post)| post.expected_engagement)
            .fold(0.0, |a, b| a + b)
    };
    let moved = only_before.len().min(only_after.len());
    ChannelDifference {
        client_id: id.clone(),
        channel,
        added: only_after.len() - moved,
        dropped: only_before.len() - moved,
        moved: only_before.iter().zip(&only_after).map(|(old, new)| (local_time(*old), local_time(*new))).collect(),
        blocked: count(&|old, new| old.is_live() && !new.is_live()),
        released: count(&|old, new| !old.is_live() && new.is_live()),
        risk_raised: count(&|old, new| new.risk > old.risk),
        risk_lowered: count(&|old, new| new.risk < old.risk),
        other_asset: count(&|old, new| asset_id(old) != asset_id(new)),
        expected_before: expected(&before),
        expected_after: expected(&after),
    }
}

fn local_time((plan, post): (&ClientPlan, &Post)) -> String {
    plan.zone.local(post.at).format("%a %H:%M").to_string()
}
