//! Checks the limits that the clients of a workspace share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Datelike as _;

use super::clock::{Clock, applies_in};
use super::{Findings, OBJECTIVE_ROUNDING};
use crate::model::{
    Capacity, Channel, Client, ClientId, ClientState, Plan, Post, Scenario, ScheduleStatus, SharedPeriod, Timestamp,
    WorkspaceCertificate, WorkspaceId,
};
use crate::rules::{CompiledRules, LimitBound, LimitCounts, LimitPeriod, LimitRules, LimitScope};

/// Identifies the posts that are counted together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CountKey {
    pub workspace: WorkspaceId,
    pub limit: Arc<str>,
    industry: Option<Arc<str>>,
    tag: Option<Arc<str>>,
    /// The client, if the limit counts each client on its own.
    client: Option<ClientId>,
    channel: Option<Channel>,
    period: SharedPeriod,
}

/// Days of a week on which reviewers work.
const REVIEW_DAYS: u32 = 5;

/// The limit that the reviewers of a workspace set: posts that they can review in a week.
pub(super) fn limit_of_reviewers(capacity: &Capacity) -> LimitRules {
    let reviews_a_day = capacity.reviewers.saturating_mul(capacity.reviews_per_reviewer_per_day);
    LimitRules::review_capacity(reviews_a_day.saturating_mul(REVIEW_DAYS))
}

/// Numbers of posts that are counted together, and how many the limit allows.
#[derive(Default)]
pub(super) struct Count {
    allowed: f64,
    planned: f64,
    pub committed: f64,
    /// What each post too many costs; `None` if there may be none.
    price: Option<f64>,
}

impl Count {
    /// The number of planned posts that the committed ones leave room for.
    fn left(&self) -> f64 {
        (self.allowed - self.committed).max(0.0)
    }

    /// The number of planned posts too many.
    fn excess(&self) -> f64 {
        let excess = self.planned - self.left();
        if excess > OBJECTIVE_ROUNDING { excess } else { 0.0 }
    }
}

/// A limit without a price that clients share, of which a plan uses more in one period than the committed posts leave.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceededLimit {
    /// The workspace of the clients.
    pub workspace_id: WorkspaceId,
    /// Name of the limit.
    pub limit: Arc<str>,
    /// The industry, if each industry is counted on its own.
    pub industry: Option<Arc<str>>,
    /// The tag, if the clients with each tag are counted on their own.
    pub tag: Option<Arc<str>>,
    /// The channel, if each channel is counted on its own.
    pub channel: Option<Channel>,
    /// The period.
    pub period: SharedPeriod,
    /// The number of posts that the limit allows.
    pub allowed: f64,
    /// The number of planned posts that count.
    pub planned: f64,
    /// The number of committed posts that count.
    pub committed: f64,
}

/// The limits over several clients that a plan exceeds, without those that have a price, if the clients beside those of
/// the plan are `others`, instead of those of the scenario. Of `others`, the committed posts count.
#[must_use]
pub fn exceeded_limits(
    plan: &Plan,
    scenario: &Scenario,
    others: &[(Client, ClientState)],
    rules: &CompiledRules,
) -> Vec<ExceededLimit> {
    exceeded(&counts_with(plan, scenario, others.iter(), rules))
}

fn exceeded(counts: &BTreeMap<CountKey, Count>) -> Vec<ExceededLimit> {
    let is_exceeded = |count: &Count| count.price.is_none() && count.excess() > 0.0;
    let exceeded_limit = |(key, count): (&CountKey, &Count)| ExceededLimit {
        workspace_id: key.workspace.clone(),
        limit: Arc::clone(&key.limit),
        industry: key.industry.clone(),
        tag: key.tag.clone(),
        channel: key.channel,
        period: key.period,
        allowed: count.allowed,
        planned: count.planned,
        committed: count.committed,
    };
    counts.iter().filter(|(_, count)| is_exceeded(count)).map(exceeded_limit).collect()
}

/// Checks that the posts of all clients together keep the limits, that the plan states the use of the limits correctly,
/// and that the bound follows from the prices and is not below what is planned.
///
/// `shares` are the clients' shares of the bounds of their workspaces, as derived from the stated prices; `None` where a
/// share cannot be derived.
pub(super) fn check(
    plan: &Plan,
    counts: &BTreeMap<CountKey, Count>,
    shares: &BTreeMap<&WorkspaceId, Vec<Option<f64>>>,
    findings: &mut Findings,
) {
    for ExceededLimit { workspace_id, limit, industry, tag, allowed, planned, committed, .. } in exceeded(counts) {
        let group = industry.or(tag).map_or_else(String::new, |group| format!(" ({group})"));
        let detail = format!(
            "`{limit}` of workspace `{workspace_id}`{group} allows {allowed} posts, {planned} are planned besides \
             {committed} committed ones",
        );
        findings.report_client("shared_limits", detail);
    }
    for workspace in &plan.workspaces {
        let shares = shares.get(&workspace.workspace_id).map_or(&[][..], Vec::as_slice);
        check_workspace(workspace, plan, counts, shares, findings);
    }
}

/// Checks what the plan states of a workspace, given the clients' shares of its bound.
fn check_workspace(
    workspace: &WorkspaceCertificate,
    plan: &Plan,
    counts: &BTreeMap<CountKey, Count>,
    shares: &[Option<f64>],
    findings: &mut Findings,
) {
    let id = &workspace.workspace_id;
    let mut bound: Option<f64> = shares.iter().copied().sum();
    for used in &workspace.limits {
        let key = CountKey {
            workspace: id.clone(),
            limit: Arc::clone(&used.limit),
            industry: used.industry.clone(),
            tag: used.tag.clone(),
            client: None,
            channel: used.channel,
            period: used.period,
        };
        let count = counts.get(&key);
        let derived = count.map_or(0.0, |count| count.planned + count.committed);
        let allowed = count.map_or(used.allowed, |count| count.allowed);
        let left = count.map_or(allowed, Count::left);
        let highest_price = count.and_then(|count| count.price).unwrap_or(f64::MAX) * (1.0 + OBJECTIVE_ROUNDING);
        bound = bound.map(|bound| bound + used.price * left);
        let is_off = (used.used - derived).abs() > OBJECTIVE_ROUNDING || used.allowed != allowed;
        if is_off || !(0.0..=highest_price).contains(&used.price) {
            let detail = format!(
                "workspace `{id}` uses {derived} of `{}`, the plan says {} at a price of {}",
                used.limit, used.used, used.price
            );
            findings.report_client("shared_limits", detail);
        }
    }
    let members = plan.clients.iter().filter(|client| client.workspace_id == *id);
    let certificates = members.filter_map(|client| client.certificate.as_ref());
    let of_clients: f64 = certificates.map(|certificate| certificate.objective).sum();
    let of_workspace = counts.iter().filter(|(key, _)| key.workspace == *id).map(|(_, count)| count);
    let penalty: f64 = of_workspace.map(|count| count.price.unwrap_or(0.0) * count.excess()).sum();
    let objective = of_clients - penalty;
    let tolerance = OBJECTIVE_ROUNDING * objective.abs().max(1.0);
    let is_wrong = (workspace.objective - objective).abs() > tolerance
        || workspace.upper_bound.is_some_and(|bound| bound.is_nan() || bound < objective - tolerance);
    // Without a bound, some client may have no certificate, and no objective is stated.
    if workspace.upper_bound.is_some() && is_wrong {
        let detail = format!("workspace `{id}`: {objective} is planned, the plan says {}", workspace.objective);
        findings.report_client("certificate_objective", detail);
    }
    if let (Some(stated), Some(bound)) = (workspace.upper_bound, bound)
        && (stated - bound).abs() > OBJECTIVE_ROUNDING * bound.abs().max(1.0)
    {
        let detail = format!("workspace `{id}`: the plan says {stated}, the prices prove {bound}");
        findings.report_client("certificate_bound", detail);
    }
}

/// Counts the posts under each limit that is checked here. Of clients that are not planned for, committed posts count.
pub(super) fn counts(plan: &Plan, scenario: &Scenario, rules: &CompiledRules) -> BTreeMap<CountKey, Count> {
    let planned: BTreeSet<&ClientId> = plan.clients.iter().map(|client| &client.client_id).collect();
    let unplanned = scenario.clients.iter().filter(|(client, _)| !planned.contains(&client.id));
    counts_with(plan, scenario, scenario.other_clients.iter().chain(unplanned), rules)
}

/// Counts the posts under each limit that is checked here. Of the clients in `others`, which the plan does not hold,
/// committed posts count.
fn counts_with<'s>(
    plan: &Plan,
    scenario: &'s Scenario,
    others: impl Iterator<Item = &'s (Client, ClientState)>,
    rules: &CompiledRules,
) -> BTreeMap<CountKey, Count> {
    let by_id: BTreeMap<_, _> = scenario.clients.iter().map(|client| (&client.0.id, client)).collect();
    let mut counts = BTreeMap::new();
    let reviewers = limit_of_reviewers(&scenario.capacity);
    let client_plans = plan.clients.iter();
    let planned = client_plans.filter_map(|client| Some((*by_id.get(&client.client_id)?, client.posts.as_slice())));
    let others = others.map(|client| (client, &[][..]));
    for ((client, state), posts) in planned.chain(others) {
        let client_rules = rules.for_client(client);
        let Some(clock) = Clock::of(plan.week, &client.zone) else { continue };
        // Limits of single clients are checked with the client's plan. Limits on reviews are checked here as well: the
        // check of the client's plan counts only channels whose posts always need a review.
        let is_checked =
            |limit: &&LimitRules| limit.scope != LimitScope::Client || limit.counts == LimitCounts::NeedsReview;
        let declared = client_rules.base().limits.iter().filter(is_checked);
        for limit in declared.chain([&reviewers]) {
            count_posts(limit, (client, state, posts), &clock, &mut counts);
        }
    }
    counts
}

/// The keys under which a limit counts a post of a client: one, or one for each of the client's tags if it counts tags on
/// their own; none if it does not count the post. All limits that reach here state `at_most`, and none `within_hours`.
pub(super) fn keys_of(
    limit: &LimitRules,
    client: &Client,
    clock: &Clock,
    channel: Channel,
    at: Timestamp,
) -> Vec<CountKey> {
    let filter = &limit.filter;
    let is_week = clock.dates.first().is_none_or(|monday| applies_in(limit.weeks, *monday));
    let is_tagged = filter.tags.is_empty() || filter.tags.iter().any(|tag| client.tags.contains(tag));
    let is_client = filter.clients.is_empty() || filter.clients.contains(&client.id);
    let is_named = filter.channels.is_empty() || filter.channels.contains(&channel);
    let local_time = client.zone.wall_time(at);
    if !(is_week && is_tagged && is_client && is_named && filter.covers(local_time)) {
        return Vec::new();
    }
    let hour = clock.hour_of(at);
    // A post belongs to the day in which its hour of the week begins.
    let weekday =
        clock.moment(hour).map_or(local_time.weekday().num_days_from_monday() as usize, |moment| moment.weekday);
    let period = match limit.period {
        LimitPeriod::Hour => SharedPeriod::Hour(clock.hour_in_utc(hour)),
        LimitPeriod::Day => SharedPeriod::Day(weekday as u8),
        LimitPeriod::Week | LimitPeriod::Within(_) => SharedPeriod::Week,
    };
    let key = |tag: Option<&Arc<str>>| CountKey {
        workspace: client.workspace_id.clone(),
        limit: Arc::clone(&limit.name),
        industry: (limit.scope == LimitScope::Industry).then(|| Arc::clone(&client.industry)),
        tag: tag.cloned(),
        client: (limit.scope == LimitScope::Client).then(|| client.id.clone()),
        channel: limit.per_channel.then_some(channel),
        period,
    };
    if limit.scope != LimitScope::Tag {
        return vec![key(None)];
    }
    let tags: BTreeSet<&Arc<str>> = client.tags.iter().collect();
    tags.into_iter().map(|tag| key(Some(tag))).collect()
}

/// Counts a client's posts towards a limit.
fn count_posts(
    limit: &LimitRules,
    (client, state, posts): (&Client, &ClientState, &[Post]),
    clock: &Clock,
    counts: &mut BTreeMap<CountKey, Count>,
) {
    let LimitBound::AtMost(allowed) = limit.bound else { return };
    let of_reviews = limit.counts == LimitCounts::NeedsReview;
    let mut add = |channel: Channel, at: Timestamp, is_planned: bool| {
        for key in keys_of(limit, client, clock, channel, at) {
            let count: &mut Count = counts.entry(key).or_default();
            (count.allowed, count.price) = (allowed, limit.price);
            if is_planned {
                count.planned += 1.0;
            } else {
                count.committed += 1.0;
            }
        }
    };
    // Blocked posts do not count.
    let counted = posts.iter().filter(|post| post.is_live() && (!of_reviews || post.status == ScheduleStatus::Pending));
    counted.for_each(|post| add(post.channel, post.at, true));
    for state in &state.channels {
        let committed = if of_reviews { &state.posts_needing_review } else { &state.recent_posts };
        // Several committed posts in one hour count as one, which counts if any of them does.
        let mut in_week: BTreeMap<i64, Timestamp> = BTreeMap::new();
        let counted = committed.iter().filter(|at| limit.filter.covers(client.zone.wall_time(**at)));
        for at in counted.filter(|at| (0..clock.len()).contains(&clock.hour_of(**at))) {
            in_week.entry(clock.hour_of(*at)).or_insert(*at);
        }
        in_week.into_values().for_each(|at| add(state.channel, at, false));
    }
}
