//! Posts that need a review beyond the number that limits allow and reviewers can review.
//!
//! Whether a post needs a review is known for certain only once it has an asset and guardrails were evaluated. So
//! limits on reviews constrain the plan only on channels where every post needs a review. Of the other posts, some are
//! blocked afterwards. All posts of a workspace that need a review take their turn, and each gets one if every limit
//! that counts it has room. The turn goes by priority and worth.
//!
//! A blocked post adds no fatigue, so it changes whether later posts of its client need a review and what they are
//! worth. Posts are therefore blocked and evaluated in rounds, until a round changes nothing. There may be no such
//! state: a post that is worth less may be what makes a later and better one need the last review. So after some rounds
//! no post of such a client takes its turn before an earlier one of the client. A post depends on earlier ones of its
//! client only. So once no more clients are added to these, the next of their posts in turn is known, and each round
//! settles at least one.
//!
//! While the posts of one client change from round to round, so do the reviews that they leave to others. First, only
//! clients are therefore treated like this of which other posts than before need a review, and only if that does not
//! help, every client whose blocked posts change.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::shared_limits::{CountedPost, SharedLimits, SharedRow};
use crate::agents::ClientWeek;
use crate::model::{Channel, ClientPlan, ClientStatus, Post, Reason, RiskBand, ScheduleStatus};
use crate::rules::REVIEW_CAPACITY;

/// Number of rounds in which all posts take their turn by worth.
const ROUNDS_BY_WORTH: usize = 12;

/// Number of rounds after these in which only clients of which other posts than before need a review are kept from
/// taking their turn by worth alone.
const ROUNDS_BY_CAUSE: usize = 12;

/// Posts blocked because limits leave no review for them, by channel and hour, with the reason.
pub(super) type WithoutReview = BTreeMap<(Channel, usize), Reason>;

/// A client with its week and its plan.
pub(super) struct PlannedClient<'a> {
    /// Index of the client.
    pub index: usize,
    pub week: ClientWeek<'a>,
    pub plan: &'a ClientPlan,
    pub order: ReviewOrder,
}

/// The order in which a client's posts take their turn among those of the workspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReviewOrder {
    /// By priority, then by net worth, highest first.
    ByWorth,
    /// As by worth, but no post before an earlier one of the client: a post counts as no better than the worst of the
    /// client's posts up to it that need a review.
    EarlierFirst,
}

impl ReviewOrder {
    /// Whether the posts of a client whose blocked posts changed in a round, counted from 0, take their turn with the
    /// earlier ones first from then on.
    pub const fn becomes_earlier_first(round: usize, claims_changed: bool) -> bool {
        let rounds = round + 1;
        (claims_changed && rounds >= ROUNDS_BY_WORTH) || rounds >= ROUNDS_BY_WORTH + ROUNDS_BY_CAUSE
    }
}

/// When a post takes its turn: the highest priority comes first, then the highest net worth.
#[derive(Clone, Copy)]
struct Turn {
    priority: f64,
    net_worth: f64,
}

impl Turn {
    /// Compares two turns; the one that comes first is less.
    fn compare(&self, other: &Self) -> Ordering {
        other.priority.total_cmp(&self.priority).then(other.net_worth.total_cmp(&self.net_worth))
    }
}

/// A post that needs a review.
struct Claim {
    /// Index of the client.
    client: usize,
    channel: Channel,
    hour: usize,
    turn: Turn,
    /// The limits that count the post, each in its period.
    rows: Vec<ReviewRow>,
}

/// A limit on reviews in one of its periods.
struct ReviewRow {
    key: RowKey,
    /// Number of planned posts that the limit allows.
    capacity: f64,
    limit: Arc<str>,
}

/// Identifies a limit in one of its periods: with the index of the client if it counts that client alone.
type RowKey = (Option<usize>, SharedRow);

/// The posts of a workspace's clients for which limits on reviews leave no review, by index of the client, given the
/// plans of its clients. Posts that are blocked for lack of a review already take part, so that they may get one.
pub(super) fn without_review(shared: &SharedLimits, clients: &[PlannedClient<'_>]) -> BTreeMap<usize, WithoutReview> {
    let mut claims: Vec<Claim> = clients.iter().flat_map(|client| claims_of(client, shared)).collect();
    // Equal ones keep their order.
    claims.sort_by(|a, b| a.turn.compare(&b.turn));
    let mut used: BTreeMap<RowKey, f64> = BTreeMap::new();
    let mut without: BTreeMap<usize, WithoutReview> = BTreeMap::new();
    for Claim { client, channel, hour, rows, .. } in claims {
        let is_full = |row: &&ReviewRow| used.get(&row.key).copied().unwrap_or(0.0) + 1.0 > row.capacity;
        if let Some(full) = rows.iter().find(is_full) {
            without.entry(client).or_default().insert((channel, hour), reason(&full.limit));
        } else {
            rows.into_iter().for_each(|row| *used.entry(row.key).or_insert(0.0) += 1.0);
        }
    }
    without
}

/// The posts of a client that need a review, by time. The client's own limits come first in the rows of each.
fn claims_of(client: &PlannedClient<'_>, shared: &SharedLimits) -> Vec<Claim> {
    let PlannedClient { index, week, plan, order } = client;
    let own = SharedLimits::on_reviews_of(week);
    let claim = |post: &Post| {
        let counted = CountedPost { channel: post.channel, hour: post.hour, needs_review: true };
        let rows_of = |limits: &SharedLimits, owner: Option<usize>| -> Vec<ReviewRow> {
            let rows = limits.rows_of(week, counted).filter(|row| limits.counts_reviews(row));
            let row = |row| ReviewRow { capacity: limits.capacity(&row), limit: limits.name(&row), key: (owner, row) };
            rows.map(row).collect()
        };
        let rows = rows_of(&own, Some(*index)).into_iter().chain(rows_of(shared, None)).collect();
        let Post { channel, hour, priority, net_worth, .. } = *post;
        Claim { client: *index, channel, hour, turn: Turn { priority, net_worth }, rows }
    };
    let mut claims: Vec<Claim> = plan.posts.iter().filter(|post| needs_review(week, post)).map(claim).collect();
    if *order == ReviewOrder::EarlierFirst {
        let mut last = claims.first().map(|claim| claim.turn);
        for claim in &mut claims {
            claim.turn = last.filter(|last| last.compare(&claim.turn).is_gt()).unwrap_or(claim.turn);
            last = Some(claim.turn);
        }
    }
    claims
}

/// The posts of a client's plan that need a review, by channel and hour.
pub(super) fn posts_needing_review(week: &ClientWeek<'_>, plan: &ClientPlan) -> BTreeSet<(Channel, usize)> {
    let posts = plan.posts.iter().filter(|post| needs_review(week, post));
    posts.map(|post| (post.channel, post.hour)).collect()
}

/// Whether a post waits for a review, or would if limits left one for it.
fn needs_review(week: &ClientWeek<'_>, post: &Post) -> bool {
    let lacks_review = post.blocked.as_deref().is_some_and(Reason::is_lack_of_review);
    let runs_alone = week.client.policy.auto_exec_enabled && week.client.status == ClientStatus::Active;
    post.status == ScheduleStatus::Pending || (lacks_review && !(runs_alone && post.risk == RiskBand::Low))
}

fn reason(limit: &Arc<str>) -> Reason {
    if **limit == *REVIEW_CAPACITY { Reason::ReviewCapacity } else { Reason::ReviewLimit { limit: Arc::clone(limit) } }
}

/// The planned posts of a client as limits that clients share count them: those that are not blocked.
pub(super) fn counted_posts(plan: &ClientPlan) -> Vec<CountedPost> {
    let counted = plan.posts.iter().filter(|post| post.is_live()).map(|post| CountedPost {
        channel: post.channel,
        hour: post.hour,
        needs_review: post.status == ScheduleStatus::Pending,
    });
    counted.collect()
}
