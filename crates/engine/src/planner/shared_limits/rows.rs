//! The limits that clients share, as rows, and the clients' posts that count in each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::agents::ClientWeek;
use crate::model::{Channel, LimitQuota, QuotaPeriod, SharedPeriod, Timestamp};
use crate::planner::channel::posting_minute;
use crate::planner::coupling::excess;
use crate::planner::limits::applies_to;
use crate::rules::{LimitBound, LimitCounts, LimitPeriod, LimitRules, LimitScope};

/// A limit of a workspace in one of its periods, for one industry, tag or channel if the limit counts each on its
/// own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planner) struct SharedRow {
    /// Index of the limit.
    limit: usize,
    pub industry: Option<Arc<str>>,
    pub tag: Option<Arc<str>>,
    pub channel: Option<Channel>,
    pub period: SharedPeriod,
}

impl SharedRow {
    /// The row and, if it is of a day, the rows of the same limit on the other days.
    pub fn on_all_days(self) -> Vec<Self> {
        match self.period {
            SharedPeriod::Day(_) => (0..7).map(|day| Self { period: SharedPeriod::Day(day), ..self.clone() }).collect(),
            SharedPeriod::Week | SharedPeriod::Hour(_) => vec![self],
        }
    }
}

/// The kind of each row: rows that differ only in the day are of the same kind, any other row is the only one of its
/// kind.
pub(super) fn kinds(rows: &[SharedRow]) -> Vec<usize> {
    let first_day = |row: &SharedRow| row.clone().on_all_days().into_iter().next();
    let kinds: BTreeSet<SharedRow> = rows.iter().filter_map(first_day).collect();
    let kind = |row: &SharedRow| kinds.iter().position(|kind| Some(kind) == first_day(row).as_ref()).unwrap_or(0);
    rows.iter().map(kind).collect()
}

/// The limits that the clients of a workspace share.
pub(in crate::planner) struct SharedLimits {
    /// Ascending by name.
    limits: Vec<SharedLimit>,
    /// By row, the number of committed posts that count in it, over all clients.
    committed: BTreeMap<SharedRow, f64>,
}

/// A limit that clients share.
struct SharedLimit {
    rules: LimitRules,
    max_posts: f64,
}

/// What planned posts may use of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::planner) struct RowBound {
    /// Maximum number of planned posts.
    pub at_most: f64,
    /// What each post beyond that costs; `None` if there may be none.
    pub price: Option<f64>,
}

impl RowBound {
    /// The highest price of the row in a proof of a bound.
    pub fn highest_price(self) -> f64 {
        self.price.unwrap_or(f64::INFINITY)
    }

    /// What the posts beyond the maximum cost; 0 if there may be none.
    pub fn penalty(self, planned: f64) -> f64 {
        self.price.unwrap_or(0.0) * excess(planned, self.at_most)
    }
}

/// A post, as far as shared limits depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planner) struct CountedPost {
    pub channel: Channel,
    /// Hour of the client's week.
    pub hour: usize,
    pub needs_review: bool,
}

impl SharedLimits {
    /// The limits that the clients of a workspace share, including the number of posts that its reviewers can review in
    /// a week. The committed posts of the `others`, which are not planned for, count as well.
    pub fn shared_by(clients: &[ClientWeek<'_>], others: &[ClientWeek<'_>], weekly_reviews: u32) -> Self {
        let declared = clients.first().into_iter().flat_map(|first| &first.rules.limits);
        let shared = declared.filter(|limit| limit.scope != LimitScope::Client).cloned();
        Self::new(clients.iter().chain(others), shared.chain([LimitRules::review_capacity(weekly_reviews)]))
    }

    /// The limits on reviews that count only this client's posts.
    pub fn on_reviews_of(client: &ClientWeek<'_>) -> Self {
        let is_on_reviews =
            |limit: &&LimitRules| limit.scope == LimitScope::Client && limit.counts == LimitCounts::NeedsReview;
        Self::new([client].into_iter(), client.rules.limits.iter().filter(is_on_reviews).cloned())
    }

    fn new<'w, 'a: 'w>(
        clients: impl Iterator<Item = &'w ClientWeek<'a>>,
        limits: impl Iterator<Item = LimitRules>,
    ) -> Self {
        let mut limits: Vec<SharedLimit> = limits
            .filter_map(|rules| match rules.bound {
                LimitBound::AtMost(max_posts) => Some(SharedLimit { rules, max_posts }),
                _ => None,
            })
            .collect();
        limits.sort_by(|a, b| a.rules.name.cmp(&b.rules.name));
        let mut shared = Self { limits, committed: BTreeMap::new() };
        let mut committed = BTreeMap::new();
        for client in clients {
            for (row, count) in shared.committed_by(client) {
                *committed.entry(row).or_insert(0.0) += count;
            }
        }
        shared.committed = committed;
        shared
    }

    /// Name of a row's limit.
    pub fn name(&self, row: &SharedRow) -> Arc<str> {
        self.limits.get(row.limit).map_or_else(|| "".into(), |limit| Arc::clone(&limit.rules.name))
    }

    /// The number of posts that a row allows.
    pub fn max_posts(&self, row: &SharedRow) -> f64 {
        self.limits.get(row.limit).map_or(0.0, |limit| limit.max_posts)
    }

    /// The number of posts that a row allows beyond the committed ones; 0 if these exceed it.
    pub fn capacity(&self, row: &SharedRow) -> f64 {
        (self.max_posts(row) - self.committed(row)).max(0.0)
    }

    /// What planned posts may use of a row.
    pub fn bound(&self, row: &SharedRow) -> RowBound {
        let price = self.limits.get(row.limit).and_then(|limit| limit.rules.price);
        RowBound { at_most: self.capacity(row), price }
    }

    /// What the posts beyond what the rows allow cost, given how many planned posts count in each row.
    pub fn penalty(&self, planned: &BTreeMap<SharedRow, f64>) -> f64 {
        let penalties = planned.iter().map(|(row, planned)| self.bound(row).penalty(*planned));
        penalties.fold(0.0, |sum, penalty| sum + penalty)
    }

    /// The number of committed posts that count in a row, over all clients.
    pub fn committed(&self, row: &SharedRow) -> f64 {
        self.committed.get(row).copied().unwrap_or(0.0)
    }

    /// Whether a row counts posts that need a review.
    pub fn counts_reviews(&self, row: &SharedRow) -> bool {
        self.limits.get(row.limit).is_some_and(|limit| limit.rules.counts == LimitCounts::NeedsReview)
    }

    /// The rows in which a planned post of a client counts.
    pub fn rows_of(&self, client: &ClientWeek<'_>, post: CountedPost) -> impl Iterator<Item = SharedRow> {
        let state = client.state.channels.iter().find(|state| state.channel == post.channel);
        let minute = state.map_or(0, |state| posting_minute(client.rules.calendar.minute, client.client, state));
        self.rows_at(client, post, client.hours.instant(post.hour as i64).plus_minutes(i64::from(minute)))
    }

    /// The rows in which a post of a client counts that goes out at an instant of its hour.
    fn rows_at(&self, client: &ClientWeek<'_>, post: CountedPost, at: Timestamp) -> impl Iterator<Item = SharedRow> {
        let CountedPost { channel, hour, needs_review } = post;
        let local_time = client.client.zone.wall_time(at);
        let counting = self.limits.iter().enumerate().filter(move |(_, SharedLimit { rules, .. })| {
            let channels = &rules.filter.channels;
            applies_to(rules, client)
                && (needs_review || rules.counts == LimitCounts::Posts)
                && (channels.is_empty() || channels.contains(&channel))
                && rules.filter.covers(local_time)
        });
        let rows = counting.filter_map(move |(limit, SharedLimit { rules, .. })| {
            let period = match rules.period {
                LimitPeriod::Hour => SharedPeriod::Hour(client.hours.instant(hour as i64).as_second().div_euclid(3600)),
                LimitPeriod::Day => SharedPeriod::Day(client.hours.hours().get(hour)?.weekday),
                LimitPeriod::Week | LimitPeriod::Within(_) => SharedPeriod::Week,
            };
            let industry = (rules.scope == LimitScope::Industry).then(|| Arc::clone(&client.client.industry));
            let row = SharedRow { limit, industry, tag: None, channel: rules.per_channel.then_some(channel), period };
            Some(tags_of(rules, client).into_iter().map(move |tag| SharedRow { tag, ..row.clone() }))
        });
        rows.flatten()
    }

    /// For each row in which committed posts of a client count, the number that count. Several posts of a channel in one
    /// hour count as one.
    fn committed_by(&self, client: &ClientWeek<'_>) -> BTreeMap<SharedRow, f64> {
        let mut committed = BTreeMap::new();
        for ((channel, hour), times) in committed_hours(client) {
            let rows_of = |(at, needs_review): &(Timestamp, bool)| {
                self.rows_at(client, CountedPost { channel, hour, needs_review: *needs_review }, *at)
            };
            let rows: BTreeSet<SharedRow> = times.iter().flat_map(rows_of).collect();
            for row in rows {
                *committed.entry(row).or_insert(0.0) += 1.0;
            }
        }
        committed
    }

    /// For each row in which planned posts of a client count, the number that count.
    pub fn used_by(&self, client: &ClientWeek<'_>, posts: &[CountedPost]) -> BTreeMap<SharedRow, f64> {
        let mut used = BTreeMap::new();
        for post in posts {
            for row in self.rows_of(client, *post) {
                *used.entry(row).or_insert(0.0) += 1.0;
            }
        }
        used
    }

    /// The quota of a client that may plan `planned` posts in a row with the given price, in addition to its committed
    /// posts; `None` if the client has no hour in the row's period.
    pub fn quota(&self, client: &ClientWeek<'_>, row: &SharedRow, planned: f64, price: f64) -> Option<LimitQuota> {
        let SharedLimit { rules, .. } = self.limits.get(row.limit)?;
        let period = match row.period {
            SharedPeriod::Week => QuotaPeriod::Week,
            SharedPeriod::Day(day) => QuotaPeriod::Day(day),
            SharedPeriod::Hour(utc_hour) => {
                let of_hour = |hour: &usize| client.hours.instant(*hour as i64).as_second().div_euclid(3600);
                QuotaPeriod::Hour((0..client.hours.len()).find(|hour| of_hour(hour) == utc_hour)?)
            }
        };
        let committed = self.committed_by(client).get(row).copied().unwrap_or(0.0);
        Some(LimitQuota {
            limit: Arc::clone(&rules.name),
            channel: row.channel,
            period,
            posts: planned + committed,
            first_price: price,
        })
    }
}

/// The tags for which a limit counts a client's posts: each of the client's if it counts tags on their own, else only
/// `None`.
fn tags_of(rules: &LimitRules, client: &ClientWeek<'_>) -> BTreeSet<Option<Arc<str>>> {
    match rules.scope {
        LimitScope::Tag => client.client.tags.iter().map(|tag| Some(Arc::clone(tag))).collect(),
        LimitScope::Client | LimitScope::Industry | LimitScope::Workspace => BTreeSet::from([None]),
    }
}

/// A committed post: its channel and its hour of the week.
type CommittedHour = (Channel, usize);

/// The client's committed posts of the week, by channel and hour, each with the instants at which posts go out in that
/// hour, and whether each took or awaits a review.
pub(in crate::planner) fn committed_hours(client: &ClientWeek<'_>) -> BTreeMap<CommittedHour, Vec<(Timestamp, bool)>> {
    let mut posts: BTreeMap<CommittedHour, Vec<(Timestamp, bool)>> = BTreeMap::new();
    for state in &client.state.channels {
        for at in &state.recent_posts {
            let hour = usize::try_from(client.hours.hour_of(*at)).ok().filter(|hour| *hour < client.hours.len());
            let Some(hour) = hour else { continue };
            let needs_review = state.posts_needing_review.contains(at);
            posts.entry((state.channel, hour)).or_default().push((*at, needs_review));
        }
    }
    posts
}
