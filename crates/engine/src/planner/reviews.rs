//! Posts that need a review, against what limits allow and reviewers can review.
//!
//! Which posts need one is known for certain only once they have assets and guardrails have judged them. Limits plan
//! for the posts of channels all of whose posts do; of the others, those beyond a limit are blocked, the posts with the
//! least claim first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shared_limits::{CountedPost, SharedLimits, SharedRow};
use crate::agents::ClientWeek;
use crate::agents::scaling::{self, Claim};
use crate::model::{Channel, ClientPlan, Reason, ScheduleStatus};
use crate::rules::REVIEW_CAPACITY;

/// Posts blocked because limits leave no review for them, by channel and hour, with the reason.
pub(super) type WithoutReview = BTreeMap<(Channel, usize), Reason>;

/// A client, by its place, with its week and its plan.
pub(super) type PlannedClient<'a> = (usize, ClientWeek<'a>, &'a ClientPlan);

/// A pending post: place of the client, channel and hour.
type Pending = (usize, Channel, usize);

/// The pending posts of clients beyond what limits on reviews allow, by place of the client.
pub(super) fn without_review(limits: &SharedLimits, clients: &[PlannedClient<'_>]) -> BTreeMap<usize, WithoutReview> {
    let mut claims: BTreeMap<SharedRow, Vec<Claim<Pending>>> = BTreeMap::new();
    for (index, week, plan) in clients {
        for post in plan.posts.iter().filter(|post| post.status == ScheduleStatus::Pending) {
            let counted = CountedPost { channel: post.channel, hour: post.hour, needs_review: true };
            for row in limits.rows_of(week, counted).filter(|row| limits.is_of_reviews(row)) {
                let key = (*index, post.channel, post.hour);
                let claim = Claim { key, priority: post.priority, value: post.net_worth };
                claims.entry(row).or_default().push(claim);
            }
        }
    }
    let mut without: BTreeMap<usize, WithoutReview> = BTreeMap::new();
    for (row, claims) in claims {
        for (index, channel, hour) in scaling::claims_beyond(claims, limits.left(&row) as usize) {
            without.entry(index).or_default().insert((channel, hour), reason(limits.limit(&row).0));
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
