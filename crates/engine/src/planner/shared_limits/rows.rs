//! The limits that clients share, and how much of each their posts use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::agents::ClientWeek;
use crate::model::{Channel, LimitQuota, QuotaPeriod, SharedPeriod};
use crate::planner::channel::minute;
use crate::planner::limits::{applies, counts_at};
use crate::rules::{LimitBound, LimitCounts, LimitPeriod, LimitRules, LimitScope};

/// A limit of a workspace, in one of its periods, for one industry or channel if each is counted on its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planner) struct SharedRow {
    /// Place of the limit.
    limit: usize,
    pub industry: Option<Arc<str>>,
    pub channel: Option<Channel>,
    pub period: SharedPeriod,
}

impl SharedRow {
    /// The row, and if it is that of a day, those of the other days.
    pub fn siblings(self) -> Vec<Self> {
        match self.period {
            SharedPeriod::Day(_) => (0..7).map(|day| Self { period: SharedPeriod::Day(day), ..self.clone() }).collect(),
            SharedPeriod::Week | SharedPeriod::Hour(_) => vec![self],
        }
    }
}

/// By row, the kind of it: days of the same limit are of one kind, other rows each of its own.
pub(super) fn kinds(rows: &[SharedRow]) -> Vec<usize> {
    let first_sibling = |row: &SharedRow| row.clone().siblings().into_iter().next();
    let kinds: BTreeSet<SharedRow> = rows.iter().filter_map(first_sibling).collect();
    let kind = |row: &SharedRow| kinds.iter().position(|kind| Some(kind) == first_sibling(row).as_ref()).unwrap_or(0);
    rows.iter().map(kind).collect()
}

/// The limits that the clients of a workspace share.
pub(in crate::planner) struct SharedLimits {
    limits: Vec<(Arc<str>, LimitRules, f64)>,
    /// What committed posts of all clients count.
    committed: BTreeMap<SharedRow, f64>,
}

/// A post, as far as limits depend on it that clients share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::planner) struct CountedPost {
    pub channel: Channel,
    /// Hour of the client's week.
    pub hour: usize,
    pub needs_review: bool,
}

impl SharedLimits {
    /// The limits that the clients of a workspace share. Its reviewers can review so many posts in a week.
    pub fn of<'a>(clients: impl Iterator<Item = &'a ClientWeek<'a>> + Clone, weekly_reviews: u32) -> Self {
        let rules = clients.clone().next().map(|first| first.rules);
        let declared = rules.into_iter().flat_map(|rules| &rules.limits);
        let shared = declared.filter(|limit| limit.scope != LimitScope::Client).cloned();
        Self::with(clients, shared.chain([LimitRules::review_capacity(weekly_reviews)]))
    }

    /// The limits on reviews that a client has alone.
    pub fn on_reviews_of(client: &ClientWeek<'_>) -> Self {
        let is_own =
            |limit: &&LimitRules| limit.scope == LimitScope::Client && limit.counts == LimitCounts::NeedsReview;
        Self::with([client].into_iter(), client.rules.limits.iter().filter(is_own).cloned())
    }

    fn with<'w, 'a: 'w>(
        clients: impl Iterator<Item = &'w ClientWeek<'a>>,
        limits: impl Iterator<Item = LimitRules>,
    ) -> Self {
        let mut limits: Vec<(Arc<str>, LimitRules, f64)> = limits
            .filter_map(|limit| match limit.bound {
                LimitBound::AtMost(posts) => Some((Arc::clone(&limit.name), limit, posts)),
                _ => None,
            })
            .collect();
        limits.sort_by(|a, b| a.0.cmp(&b.0));
        let mut shared = Self { limits, committed: BTreeMap::new() };
        let mut committed = BTreeMap::new();
        for client in clients {
            for (row, count) in shared.used_by(client, &committed_posts(client)) {
                *committed.entry(row).or_insert(0.0) += count;
            }
        }
        shared.committed = committed;
        shared
    }

    /// Name of a row's limit, and the posts that it allows.
    pub fn limit(&self, row: &SharedRow) -> (Arc<str>, f64) {
        let limit = self.limits.get(row.limit);
        limit.map_or_else(|| ("".into(), 0.0), |(name, _, posts)| (Arc::clone(name), *posts))
    }

    /// What committed posts leave of a row; 0 if they exceed it.
    pub fn left(&self, row: &SharedRow) -> f64 {
        (self.limit(row).1 - self.committed(row)).max(0.0)
    }

    /// What committed posts of all clients count in a row.
    pub fn committed(&self, row: &SharedRow) -> f64 {
        self.committed.get(row).copied().unwrap_or(0.0)
    }

    /// Whether a row counts posts that need a review.
    pub fn is_of_reviews(&self, row: &SharedRow) -> bool {
        self.limits.get(row.limit).is_some_and(|(_, rules, _)| rules.counts == LimitCounts::NeedsReview)
    }

    /// The rows in which a post of a client counts.
    pub fn rows_of(&self, client: &ClientWeek<'_>, post: CountedPost) -> impl Iterator<Item = SharedRow> {
        let CountedPost { channel, hour, needs_review } = post;
        let state = client.state.channels.iter().find(|state| state.channel == channel);
        let minute = state.map_or(0, |state| minute(client.rules.calendar.minute, client.client, state));
        let counting = self.limits.iter().enumerate().filter(move |(_, (_, rules, _))| {
            let named = &rules.filter.channels;
            applies(rules, client)
                && (needs_review || rules.counts == LimitCounts::Posts)
                && (named.is_empty() || named.contains(&channel))
                && counts_at(client, minute, &rules.filter, hour)
        });
        counting.filter_map(move |(limit, (_, rules, _))| {
            let period = match rules.period {
                LimitPeriod::Hour => SharedPeriod::Hour(client.hours.instant(hour as i64).as_second().div_euclid(3600)),
                LimitPeriod::Day => SharedPeriod::Day(client.hours.hours().get(hour)?.weekday),
                LimitPeriod::Week | LimitPeriod::Within(_) => SharedPeriod::Week,
            };
            let industry = (rules.scope == LimitScope::Industry).then(|| Arc::clone(&client.client.industry));
            Some(SharedRow { limit, industry, channel: rules.per_channel.then_some(channel), period })
        })
    }

    /// What posts of a client use of each row in which they count.
    pub fn used_by(&self, client: &ClientWeek<'_>, posts: &[CountedPost]) -> BTreeMap<SharedRow, f64> {
        let mut used = BTreeMap::new();
        for post in posts {
            for row in self.rows_of(client, *post) {
                *used.entry(row).or_insert(0.0) += 1.0;
            }
        }
        used
    }

    /// What a client may use of a row with the given price, beside its committed posts; `None` if none of its hours
    /// count there.
    pub fn quota(&self, client: &ClientWeek<'_>, row: &SharedRow, posts: f64, price: f64) -> Option<LimitQuota> {
        let (name, ..) = self.limits.get(row.limit)?;
        let period = match row.period {
            SharedPeriod::Week => QuotaPeriod::Week,
            SharedPeriod::Day(day) => QuotaPeriod::Day(day),
            SharedPeriod::Hour(utc) => {
                let starts = |hour: &usize| client.hours.instant(*hour as i64).as_second().div_euclid(3600) == utc;
                QuotaPeriod::Hour((0..client.hours.len()).find(starts)?)
            }
        };
        let own = self.used_by(client, &committed_posts(client)).get(row).copied().unwrap_or(0.0);
        Some(LimitQuota {
            limit: Arc::clone(name),
            channel: row.channel,
            period,
            posts: posts + own,
            first_price: price,
        })
    }
}

/// The client's committed posts of the week, one an hour. Their reviews are not planned.
fn committed_posts(client: &ClientWeek<'_>) -> Vec<CountedPost> {
    let mut posts = Vec::new();
    for state in &client.state.channels {
        let hours = state.recent_posts.iter().map(|at| client.hours.hour_of(*at));
        let in_week = hours.filter_map(|hour| usize::try_from(hour).ok()).filter(|hour| *hour < client.hours.len());
        posts.extend(in_week.map(|hour| CountedPost { channel: state.channel, hour, needs_review: false }));
    }
    posts.sort_unstable();
    posts.dedup();
    posts
}
