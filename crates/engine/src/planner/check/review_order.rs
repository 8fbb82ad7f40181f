//! Checks that no post is blocked for lack of a review that could have got one.
//!
//! The posts of a workspace that need a review take their turn, and each gets one if every limit that counts it has
//! room then. The turn goes by priority and worth. If no plan follows that order, because blocking a post changes what
//! later posts of its client need and are worth, some clients' posts take their turn with the earlier ones first: each
//! when the worst of the client's posts up to it would.
//!
//! A plan does not say which clients these are. The check starts with none, and adds those with a blocked post for which
//! there was room, until there are no more. The posts of an added client take their turn later than before, so they never
//! leave less room to those of others: if the plan follows the order for any set of clients, it does so for the clients
//! found.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::clock::Clock;
use super::shared_limits::{Count, CountKey, keys_of, limit_of_reviewers};
use super::{Findings, OBJECTIVE_ROUNDING};
use crate::model::{Client, ClientId, Plan, Post, Reason, Scenario, ScheduleStatus};
use crate::rules::{CompiledRules, LimitBound, LimitCounts, LimitRules, REVIEW_CAPACITY};

/// A post that is blocked because a limit leaves no review for it.
struct BlockedPost<'p> {
    post: &'p Post,
    client: &'p Client,
    turns: Turns<'p>,
    /// The limit that the plan names, in the period of the post and for each tag if it counts tags on their own; empty if
    /// it does not count the post.
    limits: Vec<CountKey>,
    allowed: f64,
}

/// When a post takes its turn: the highest priority comes first, then the highest net worth.
#[derive(Clone, Copy)]
struct Turn {
    priority: f64,
    net_worth: f64,
}

impl Turn {
    /// Compares two turns; the one that comes first is greater.
    fn compare(&self, other: &Self) -> Ordering {
        self.priority.total_cmp(&other.priority).then(self.net_worth.total_cmp(&other.net_worth))
    }
}

/// When a client's post takes its turn.
#[derive(Clone, Copy)]
struct Turns<'p> {
    client: &'p ClientId,
    by_worth: Turn,
    /// If the client's earlier posts come first.
    earlier_first: Turn,
}

impl Turns<'_> {
    /// The turn if the posts of some clients take theirs with the earlier ones first.
    fn among(&self, earlier_first: &BTreeSet<&ClientId>) -> Turn {
        if earlier_first.contains(self.client) { self.earlier_first } else { self.by_worth }
    }
}

/// The posts of a plan that need a review.
#[derive(Default)]
struct Reviews<'p> {
    /// For each limit in each period, the posts that get a review.
    reviewed: BTreeMap<CountKey, Vec<Turns<'p>>>,
    blocked: Vec<BlockedPost<'p>>,
}

impl<'p> Reviews<'p> {
    /// The blocked posts for which there was room, if the posts of some clients take their turn with the earlier ones
    /// first.
    fn blocked_despite_room(
        &self,
        counts: &BTreeMap<CountKey, Count>,
        earlier_first: &BTreeSet<&ClientId>,
    ) -> Vec<&BlockedPost<'p>> {
        // The first turn first, so that the turns before another are found by bisection.
        let sorted = |turns: &Vec<Turns<'_>>| {
            let mut turns: Vec<Turn> = turns.iter().map(|turns| turns.among(earlier_first)).collect();
            turns.sort_by(|a, b| b.compare(a));
            turns
        };
        let reviewed: BTreeMap<&CountKey, Vec<Turn>> =
            self.reviewed.iter().map(|(key, turns)| (key, sorted(turns))).collect();
        let has_room = |blocked: &&BlockedPost<'_>| {
            let turn = blocked.turns.among(earlier_first);
            blocked.limits.iter().all(|key| {
                let is_before = |other: &Turn| other.compare(&turn).is_ge();
                let before = reviewed.get(key).map_or(0, |turns| turns.partition_point(is_before)) as f64;
                let left = blocked.allowed - counts.get(key).map_or(0.0, |count| count.committed);
                before + 1.0 <= left.max(0.0) + OBJECTIVE_ROUNDING
            })
        };
        self.blocked.iter().filter(has_room).collect()
    }
}

/// Checks every post of the plan that is blocked for lack of a review. `counts` are the numbers of posts that limits
/// count.
pub(super) fn check(
    plan: &Plan,
    scenario: &Scenario,
    rules: &CompiledRules,
    counts: &BTreeMap<CountKey, Count>,
    findings: &mut Findings,
) {
    if !plan.posts().any(|(_, post)| lacks_review(post)) {
        return;
    }
    let reviews = reviews(plan, scenario, rules);
    let mut earlier_first: BTreeSet<&ClientId> = BTreeSet::new();
    let despite_room = loop {
        let despite_room = reviews.blocked_despite_room(counts, &earlier_first);
        let clients_before = earlier_first.len();
        earlier_first.extend(despite_room.iter().map(|blocked| &blocked.client.id));
        if earlier_first.len() == clients_before {
            break despite_room;
        }
    };
    for BlockedPost { post, client, .. } in despite_room {
        let reason = post.blocked.as_ref().map_or_else(String::new, ToString::to_string);
        let detail = format!("a limit leaves a review for it, the plan says: {reason}");
        let local = client.zone.local(post.at).format("%Y-%m-%dT%H:%M%:z").to_string();
        findings.client_id = client.id.clone();
        findings.add(Some(post.channel), Some(local), "review_order", detail);
    }
    findings.client_id = ClientId::new("");
}

/// Whether a post gets a review, or lacks one.
fn takes_turn(post: &Post) -> bool {
    post.status == ScheduleStatus::Pending || lacks_review(post)
}

fn lacks_review(post: &Post) -> bool {
    post.blocked.as_deref().is_some_and(Reason::is_lack_of_review)
}

fn reviews<'p>(plan: &'p Plan, scenario: &'p Scenario, rules: &CompiledRules) -> Reviews<'p> {
    let by_id: BTreeMap<&ClientId, &Client> = scenario.clients.iter().map(|(client, _)| (&client.id, client)).collect();
    let reviewers = limit_of_reviewers(&scenario.capacity);
    let mut reviews = Reviews::default();
    for client_plan in &plan.clients {
        let Some(client) = by_id.get(&client_plan.client_id) else { continue };
        let Some(clock) = Clock::of(plan.week, &client.zone) else { continue };
        let client_rules = rules.for_client(client);
        let declared = client_rules.base().limits.iter().filter(|limit| limit.counts == LimitCounts::NeedsReview);
        let limits: Vec<&LimitRules> = declared.chain([&reviewers]).collect();
        let mut last: Option<Turn> = None;
        for post in client_plan.posts.iter().filter(|post| takes_turn(post)) {
            let by_worth = Turn { priority: post.priority, net_worth: post.net_worth };
            let earlier_first = last.filter(|last| last.compare(&by_worth).is_lt()).unwrap_or(by_worth);
            last = Some(earlier_first);
            let turns = Turns { client: &client.id, by_worth, earlier_first };
            let keys = |limit: &LimitRules| keys_of(limit, client, &clock, post.channel, post.at);
            if post.status == ScheduleStatus::Pending {
                for key in limits.iter().flat_map(|limit| keys(limit)) {
                    reviews.reviewed.entry(key).or_default().push(turns);
                }
            } else {
                let named = limits.iter().find(|limit| post.blocked.as_deref().is_some_and(|why| names(why, limit)));
                let keys = named.map(|limit| keys(limit)).unwrap_or_default();
                let allowed = named.map_or(0.0, |limit| allowed(limit));
                reviews.blocked.push(BlockedPost { post, client, turns, limits: keys, allowed });
            }
        }
    }
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
