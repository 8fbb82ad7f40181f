//! Posts that need a review beyond the number that limits allow and reviewers can review.
//!
//! Whether a post needs a review is known for certain only once it has an asset and guardrails were evaluated. So
//! limits on reviews constrain the plan only on channels where every post needs a review. Other posts are blocked
//! afterwards if they exceed a limit, those of the lowest priority and worth first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shared_limits::{CountedPost, SharedLimits, SharedRow};
use crate::agents::ClientWeek;
use crate::agents::scaling::{self, Claim};
use crate::model::{Channel, ClientPlan, Reason, ScheduleStatus};
use crate::rules::REVIEW_CAPACITY;

/// Posts blocked because limits leave no review for them, by channel and hour, with the reason.
pub(super) type WithoutReview = BTreeMap<(Channel, usize), Reason>;

/// A client with its week and its plan.
pub(super) struct PlannedClient<'a> {
    /// Index of the client.
    pub index: usize,
    pub week: ClientWeek<'a>,
    pub plan: &'a ClientPlan,
}

/// A post that awaits a review.
#[derive(Clone, Copy)]
struct PendingPost {
    /// Index of the client.
    client: usize,
    channel: Channel,
    hour: usize,
}

/// The pending posts of clients beyond the number that limits on reviews allow, by index of the client.
pub(super) fn without_review(limits: &SharedLimits, clients: &[PlannedClient<'_>]) -> BTreeMap<usize, WithoutReview> {
    let mut claims: BTreeMap<SharedRow, Vec<Claim<PendingPost>>> = BTreeMap::new();
    for PlannedClient { index, week, plan } in clients {
        for post in plan.posts.iter().filter(|post| post.status == ScheduleStatus::Pending) {
            let counted = CountedPost { channel: post.channel, hour: post.hour, needs_review: true };
            for row in limits.rows_of(week, counted).filter(|row| limits.counts_reviews(row)) {
                let key = PendingPost { client: *index, channel: post.channel, hour: post.hour };
                let claim = Claim { key, priority: post.priority, value: post.net_worth };
                claims.entry(row).or_default().push(claim);
            }
        }
    }
    let mut without: BTreeMap<usize, WithoutReview> = BTreeMap::new();
    for (row, claims) in claims {
        for PendingPost { client, channel, hour } in scaling::claims_beyond(claims, limits.capacity(&row) as usize) {
            without.entry(client).or_default().insert((channel, hour), reason(limits.name(&row)));
        }
    }
    without
}

fn reason(limit: Arc<str>) -> Reason {
    if *limit == *REVIEW_CAPACITY { Reason::ReviewCapacity } else { Reason::ReviewLimit { limit } }
}

/// The planned posts of a client as limits count them.
pub(super) fn counted_posts(plan: &ClientPlan) -> Vec<CountedPost> {
    let counted = plan.posts.iter().map(|post| CountedPost {
        channel: post.channel,
        hour: post.hour,
        needs_review: post.status == ScheduleStatus::Pending,
    });
    counted.collect()
}
