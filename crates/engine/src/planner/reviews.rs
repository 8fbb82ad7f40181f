//! Posts that need a review beyond the number that limits allow and reviewers can review.
//!
//! Whether a post needs a review is known for certain only once it has an asset and guardrails were evaluated. So
//! limits on reviews constrain the plan only on channels where every post needs a review. Of the other posts, some are
//! blocked afterwards. All posts of a workspace that need a review take their turn, and each gets one if every limit
//! that counts it has room. The turn goes by priority and worth.
//!
//! A blocked post adds no fatigue, so it changes whether later posts of its client need a review and what they are
//! worth. Posts are therefore blocked and evaluated in rounds, until a round changes nothing. There may be no such
//! state: a post that is worth less may be what makes a better one need the last review. After some rounds the posts
//! therefore take their turn by time: since a post depends on earlier ones only, each round then settles at least one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shared_limits::{CountedPost, SharedLimits, SharedRow};
use crate::agents::ClientWeek;
use crate::model::{Channel, ClientPlan, ClientStatus, Post, Reason, RiskBand, ScheduleStatus, Timestamp};
use crate::rules::REVIEW_CAPACITY;

/// Number of rounds in which posts take their turn by worth.
const ROUNDS_BY_WORTH: usize = 12;

/// Posts blocked because limits leave no review for them, by channel and hour, with the reason.
pub(super) type WithoutReview = BTreeMap<(Channel, usize), Reason>;

/// A client with its week and its plan.
pub(super) struct PlannedClient<'a> {
    /// Index of the client.
    pub index: usize,
    pub week: ClientWeek<'a>,
    pub plan: &'a ClientPlan,
}

/// The order in which posts get a review.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReviewOrder {
    /// By priority, then by net worth, highest first.
    ByWorth,
    /// Earliest first.
    ByTime,
}

impl ReviewOrder {
    /// The order in a round, counted from 0.
    pub const fn of_round(round: usize) -> Self {
        if round < ROUNDS_BY_WORTH { Self::ByWorth } else { Self::ByTime }
    }

    /// Sorts claims; equal ones keep their order.
    fn sort(self, claims: &mut [Claim]) {
        match self {
            Self::ByWorth => {
                claims.sort_by(|a, b| b.priority.total_cmp(&a.priority).then(b.net_worth.total_cmp(&a.net_worth)));
            }
            Self::ByTime => claims.sort_by_key(|claim| claim.at),
        }
    }
}

/// A post that needs a review.
struct Claim {
    /// Index of the client.
    client: usize,
    channel: Channel,
    hour: usize,
    at: Timestamp,
    priority: f64,
    net_worth: f64,
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
pub(super) fn without_review(
    shared: &SharedLimits,
    clients: &[PlannedClient<'_>],
    order: ReviewOrder,
) -> BTreeMap<usize, WithoutReview> {
    let mut claims: Vec<Claim> = clients.iter().flat_map(|client| claims_of(client, shared)).collect();
    order.sort(&mut claims);
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
    let PlannedClient { index, week, plan } = client;
    let own = SharedLimits::on_reviews_of(week);
    let claim = |post: &Post| {
        let counted = CountedPost { channel: post.channel, hour: post.hour, needs_review: true };
        let rows_of = |limits: &SharedLimits, owner: Option<usize>| -> Vec<ReviewRow> {
            let rows = limits.rows_of(week, counted).filter(|row| limits.counts_reviews(row));
            let row = |row| ReviewRow { capacity: limits.capacity(&row), limit: limits.name(&row), key: (owner, row) };
            rows.map(row).collect()
        };
        let rows = rows_of(&own, Some(*index)).into_iter().chain(rows_of(shared, None)).collect();
        let Post { channel, hour, at, priority, net_worth, .. } = *post;
        Claim { client: *index, channel, hour, at, priority, net_worth, rows }
    };
    plan.posts.iter().filter(|post| needs_review(week, post)).map(claim).collect()
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
