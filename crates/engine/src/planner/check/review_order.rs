//! Checks that no post is blocked for lack of a review that could have got one.
//!
//! The posts of a workspace that need a review take their turn, and each gets one if every limit that counts it has
//! room then. The turn goes by priority and worth. If no plan follows that order, because blocking a post changes what
//! later posts of its client need and are worth, it goes by time.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::clock::Clock;
use super::shared_limits::{Count, CountKey, keys_of, limit_of_reviewers};
use super::{Findings, OBJECTIVE_ROUNDING};
use crate::model::{Client, ClientId, Plan, Post, Reason, Scenario, ScheduleStatus, WorkspaceId};
use crate::rules::{CompiledRules, LimitBound, LimitCounts, LimitRules, REVIEW_CAPACITY};

/// A post that is blocked because a limit leaves no review for it.
struct BlockedPost<'p> {
    post: &'p Post,
    client: &'p Client,
    /// The limit that the plan names, in the period of the post and for each tag if it counts tags on their own; empty if
    /// it does not count the post.
    limits: Vec<CountKey>,
    allowed: f64,
}

/// The posts that get a review, sorted by each order of turns, so that those before a post are found by bisection.
#[derive(Default)]
struct Reviewed<'p> {
    by_worth: Vec<&'p Post>,
    by_time: Vec<&'p Post>,
}

impl<'p> Reviewed<'p> {
    fn sorted(posts: Vec<&'p Post>) -> Self {
        let (mut by_worth, mut by_time) = (posts.clone(), posts);
        by_worth.sort_by(|a, b| compare_worth(b, a));
        by_time.sort_by_key(|post| post.at);
        Self { by_worth, by_time }
    }

    /// Number of posts that come before another, or with it, in the order of priority and worth.
    fn worth_more(&self, other: &Post) -> usize {
        self.by_worth.partition_point(|post| compare_worth(post, other).is_ge())
    }

    /// Number of posts that come before another, or with it, in the order of time.
    fn earlier(&self, other: &Post) -> usize {
        self.by_time.partition_point(|post| post.at <= other.at)
    }
}

/// The posts of a plan that need a review.
#[derive(Default)]
struct Reviews<'p> {
    /// For each limit in each period, the posts that get a review.
    reviewed: BTreeMap<CountKey, Reviewed<'p>>,
    blocked: BTreeMap<&'p WorkspaceId, Vec<BlockedPost<'p>>>,
}

/// Checks every post of the plan that is blocked for lack of a review. `counts` are the numbers of posts that limits
/// count.
pub(super) fn check<'p>(
    plan: &'p Plan,
    scenario: &'p Scenario,
    rules: &CompiledRules,
    counts: &BTreeMap<CountKey, Count>,
    findings: &mut Findings,
) {
    if !plan.posts().any(|(_, post)| lacks_review(post)) {
        return;
    }
    let reviews = reviews(plan, scenario, rules);
    for blocked in reviews.blocked.values() {
        let has_room = |blocked: &&BlockedPost<'_>, posts_before: fn(&Reviewed<'p>, &Post) -> usize| {
            blocked.limits.iter().all(|key| {
                let before = reviews.reviewed.get(key).map_or(0, |posts| posts_before(posts, blocked.post)) as f64;
                let left = blocked.allowed - counts.get(key).map_or(0.0, |count| count.committed);
                before + 1.0 <= left.max(0.0) + OBJECTIVE_ROUNDING
            })
        };
        if !blocked.iter().any(|blocked| has_room(&blocked, Reviewed::earlier)) {
            continue;
        }
        for BlockedPost { post, client, .. } in blocked.iter().filter(|blocked| has_room(blocked, Reviewed::worth_more))
        {
            let reason = post.blocked.as_ref().map_or_else(String::new, ToString::to_string);
            let detail = format!("a limit leaves a review for it, the plan says: {reason}");
            let local = client.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string();
            findings.client_id = client.id.clone();
            findings.add(Some(post.channel), Some(local), "review_order", detail);
        }
    }
    findings.client_id = ClientId::new("");
}

fn lacks_review(post: &Post) -> bool {
    post.blocked.as_deref().is_some_and(Reason::is_lack_of_review)
}

/// Compares posts by priority, then by worth.
fn compare_worth(post: &Post, other: &Post) -> Ordering {
    post.priority.total_cmp(&other.priority).then(post.net_worth.total_cmp(&other.net_worth))
}

fn reviews<'p>(plan: &'p Plan, scenario: &'p Scenario, rules: &CompiledRules) -> Reviews<'p> {
    let by_id: BTreeMap<&ClientId, &Client> = scenario.clients.iter().map(|(client, _)| (&client.id, client)).collect();
    let reviewers = limit_of_reviewers(&scenario.capacity);
    let mut reviewed: BTreeMap<CountKey, Vec<&Post>> = BTreeMap::new();
    let mut reviews = Reviews::default();
    for client_plan in &plan.clients {
        let Some(client) = by_id.get(&client_plan.client_id) else { continue };
        let Some(clock) = Clock::of(plan.week, &client.zone) else { continue };
        let client_rules = rules.for_client(client);
        let declared = client_rules.base().limits.iter().filter(|limit| limit.counts == LimitCounts::NeedsReview);
        let limits: Vec<&LimitRules> = declared.chain([&reviewers]).collect();
        for post in &client_plan.posts {
            let keys = |limit: &LimitRules| keys_of(limit, client, &clock, post.channel, post.at);
            if post.status == ScheduleStatus::Pending {
                for key in limits.iter().flat_map(|limit| keys(limit)) {
                    reviewed.entry(key).or_default().push(post);
                }
            } else if lacks_review(post) {
                let named = limits.iter().find(|limit| post.blocked.as_deref().is_some_and(|why| names(why, limit)));
                let keys = named.map(|limit| keys(limit)).unwrap_or_default();
                let blocked =
                    BlockedPost { post, client, limits: keys, allowed: named.map_or(0.0, |limit| allowed(limit)) };
                reviews.blocked.entry(&client.workspace_id).or_default().push(blocked);
            }
        }
    }
    reviews.reviewed = reviewed.into_iter().map(|(key, posts)| (key, Reviewed::sorted(posts))).collect();
    reviews
}

/// Whether a reason names a limit.
fn names(reason: &Reason, limit: &LimitRules) -> bool {
    match reason {
        Reason::ReviewCapacity => *limit.name == *REVIEW_CAPACITY,
        Reason::ReviewLimit { limit: named } => *limit.name == **named,
        _ => false,
    }
}

/// Number of posts that a limit allows.
const fn allowed(limit: &LimitRules) -> f64 {
    match limit.bound {
        LimitBound::AtMost(posts) => posts,
        _ => 0.0,
    }
}
