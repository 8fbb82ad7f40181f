//! Limits that the clients of a workspace share, such as at most 30 posts a day for an agency, or one post an hour
//! among competitors.
//!
//! ```text
//! rows     the limits in their periods, and the clients' posts that count in each
//! groups   the groups of clients that compete for the same rows
//! client   a client's best week, given prices of the rows
//! joint    the weeks of the clients of a small group as one problem
//! prices   Lagrangian prices of the rows for a larger group, at which each client is planned on its own
//! choice   a week for each client, from those found, that together satisfy the rows
//! ```
//!
//! A row is a limit in one of its periods. Its capacity is the number of posts that it allows beyond those committed. If
//! the limit has a price, the clients together may plan more, and each further post costs that price. The price counts
//! once, in the objective of the workspace: a quota of a client has none.
//!
//! Clients are planned alone first. Rows that they exceed together become active, and the clients whose posts count in
//! active rows fall into groups that share no such row. A small group is one problem over all channels of its clients.
//! For a larger group, prices of the rows are found in rounds. Each round finds every client's best week at the latest
//! prices, and then the prices at which the upper bound given by the weeks found so far is lowest. One of the weeks
//! found is chosen for each client, so that together they satisfy the rows.
//!
//! A client gets a quota of each row that is active, is full or has a price: the number of posts of its chosen week
//! that count in the row. The client is then planned with its quotas as limits of its own. Rows that the new plans
//! exceed become active too, and all this is repeated.
//!
//! Posts that are blocked count in no row. A client whose posts are all blocked takes no part, and one of whose posts
//! some are blocked competes only for the places of the others: in its week, a channel has no room for more posts than
//! may run. A blocked post gets a place only where no other post takes it, so that plans show as many as before. The
//! bound leaves room for them all the same, so it holds whether they are blocked or not.

mod choice;
mod client;
mod groups;
mod joint;
mod prices;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::groups::{Group, GroupSolution};
pub(super) use self::rows::{CountedPost, RowBound, SharedLimits, SharedRow, committed_hours};
use super::coupling::{Row, Term};
use super::{Instance, PlanError, Solver};
use crate::agents::ClientWeek;
use crate::model::{Channel, LimitQuota, SharedLimitUse, Tier};

/// The parts of a client's planned week that shared limits depend on.
pub(super) struct ClientSketch {
    pub channels: Vec<SketchedChannel>,
    /// By channel, its week as an optimisation problem.
    pub instances: Vec<Instance>,
    /// Rows of the client's own limits.
    pub own_rows: Vec<Row>,
    /// The prices of these rows that prove the client's bound.
    pub own_prices: Vec<f64>,
    /// Every planned post. A post counts as needing a review only if every post of its channel needs one.
    pub posts: Vec<CountedPost>,
    /// Of these posts, those that may run: the others are blocked, and count in no shared limit.
    pub posts_that_may_run: Vec<CountedPost>,
    /// By channel, its week without room for blocked posts; `None` if none are blocked or they have to be planned.
    pub without_blocked: Option<Vec<Instance>>,
    /// Upper bound on the objective of any week within the client's own limits.
    pub bound: f64,
}

impl ClientSketch {
    /// By channel, the week in which the client competes with others.
    fn competing_instances(&self) -> &[Instance] {
        self.without_blocked.as_deref().unwrap_or(&self.instances)
    }

    /// The posts with which the client competes with others if it is planned alone.
    fn competing_posts(&self) -> &[CountedPost] {
        if self.without_blocked.is_some() { &self.posts_that_may_run } else { &self.posts }
    }

    /// Upper bound on the objective of any week in which the client competes with others.
    fn competing_bound(&self) -> f64 {
        let Some(instances) = &self.without_blocked else { return self.bound };
        let mut solver = Solver::default();
        let of_channels = instances.iter().map(|instance| solver.solve(instance).objective);
        of_channels.fold(0.0, |sum, objective| sum + objective).min(self.bound)
    }

    /// The blocked posts for which there is no room in the week in which the client competes with others.
    fn posts_without_room(&self) -> impl Iterator<Item = CountedPost> {
        let is_left_out = |post: &&CountedPost| !self.competing_posts().contains(post);
        let always_needs_review = |channel: Channel| {
            self.channels.iter().any(|sketched| sketched.channel == channel && sketched.always_needs_review)
        };
        let left_out = self.posts.iter().filter(is_left_out);
        left_out.map(move |post| CountedPost { needs_review: always_needs_review(post.channel), ..*post })
    }

    /// Upper bound on the client's objective less the prices of the shared rows that its posts use.
    fn bound_at(
        &self,
        limits: &SharedLimits,
        client: &ClientWeek<'_>,
        prices: &BTreeMap<SharedRow, f64>,
        solver: &mut Solver,
    ) -> f64 {
        let mut bound = 0.0;
        let mut hour_prices: Vec<Vec<f64>> = self.instances.iter().map(|one| vec![0.0; one.value.len()]).collect();
        for (row, price) in self.own_rows.iter().zip(&self.own_prices).filter(|(_, price)| **price > 0.0) {
            bound += row.at_most * price;
            for Term { channel, hour, coefficient } in &row.terms {
                if let Some(of_hour) = hour_prices.get_mut(*channel).and_then(|hours| hours.get_mut(*hour)) {
                    *of_hour += price * coefficient;
                }
            }
        }
        for (SketchedChannel { channel, always_needs_review }, hours) in self.channels.iter().zip(&mut hour_prices) {
            for (hour, of_hour) in hours.iter_mut().enumerate() {
                let post = CountedPost { channel: *channel, hour, needs_review: *always_needs_review };
                *of_hour += limits.rows_of(client, post).filter_map(|row| prices.get(&row)).sum::<f64>();
            }
        }
        for (instance, prices) in self.instances.iter().zip(&hour_prices) {
            let best = solver.solve_with_prices(instance, prices);
            let spent: f64 = best.chosen.iter().filter_map(|hour| prices.get(*hour)).sum();
            bound += best.objective - spent;
        }
        bound
    }
}

/// A channel of a client's planned week.
#[derive(Clone, Copy)]
pub(super) struct SketchedChannel {
    pub channel: Channel,
    /// Whether every post needs a review, whatever its time and asset.
    pub always_needs_review: bool,
}

/// Shared limits, divided into quotas of the clients.
#[derive(Debug, Default)]
pub(super) struct DividedLimits {
    /// By client, its quotas.
    pub quotas: Vec<Vec<LimitQuota>>,
    /// Upper bound on the workspace's objective: the sum of the clients' objectives, less what posts beyond limits with a
    /// price cost, in any plan that exceeds no limit without a price. `None` if none is proven or the clients, planned
    /// alone, exceed no limit.
    pub bound: Option<f64>,
    /// The rows that clients exceed when each is planned alone or within its quotas of other rows.
    active: BTreeSet<SharedRow>,
    /// The prices above 0, with which the bound is proven.
    prices: BTreeMap<SharedRow, f64>,
}

impl DividedLimits {
    /// Whether clients have to give way to each other.
    pub fn is_active(&self) -> bool {
        !self.active.is_empty()
    }

    /// The active rows and those with a price, each with its price.
    pub fn rows(&self) -> impl Iterator<Item = (&SharedRow, f64)> {
        let rows: BTreeSet<&SharedRow> = self.active.iter().chain(self.prices.keys()).collect();
        rows.into_iter().map(|row| (row, self.prices.get(row).copied().unwrap_or(0.0)))
    }

    /// How much of the limits the clients use in each period: for active rows with planned posts, and for rows with a
    /// price.
    pub fn uses(
        &self,
        limits: &SharedLimits,
        clients: &[ClientWeek<'_>],
        posts: &[Vec<CountedPost>],
    ) -> Vec<SharedLimitUse> {
        let planned_posts = posts_by_row(limits, clients, posts);
        let planned = |row: &SharedRow| planned_posts.get(row).copied().unwrap_or(0.0);
        let included: BTreeSet<&SharedRow> =
            self.active.iter().filter(|row| planned(row) > 0.0).chain(self.prices.keys()).collect();
        let use_of = |row: &SharedRow| SharedLimitUse {
            limit: limits.name(row),
            industry: row.industry.clone(),
            tag: row.tag.clone(),
            channel: row.channel,
            period: row.period,
            allowed: limits.max_posts(row),
            used: limits.committed(row) + planned(row),
            price: self.prices.get(row).copied().unwrap_or(0.0),
        };
        included.into_iter().map(use_of).collect()
    }

    /// What the planned posts cost that exceed limits with a price.
    pub fn penalty(limits: &SharedLimits, clients: &[ClientWeek<'_>], posts: &[Vec<CountedPost>]) -> f64 {
        limits.penalty(&posts_by_row(limits, clients, posts))
    }

    /// States the bound at the prices found. It leaves room for blocked posts, which were not considered when the prices
    /// were found; if there are any and the bound without prices is lower, that one is stated, and no prices.
    fn find_bound(
        &mut self,
        limits: &SharedLimits,
        clients: &[ClientWeek<'_>],
        sketches: &[&ClientSketch],
        has_blocked: bool,
    ) {
        let bound_at = |prices: &BTreeMap<SharedRow, f64>| total_bound(limits, clients, sketches, prices);
        let bound = bound_at(&self.prices);
        let lower_bound = has_blocked.then(|| bound_at(&BTreeMap::new())).filter(|unpriced| *unpriced < bound);
        if lower_bound.is_some() {
            self.prices.clear();
        }
        self.bound = Some(lower_bound.unwrap_or(bound));
    }
}

/// Divides limits into quotas of the clients. `plan` plans the client with a given index within quotas. Also returns
/// the results of `plan` within the final quotas, by client.
pub(super) fn divide_limits<T: Send>(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    tier: Tier,
    plan: impl Fn(usize, &[LimitQuota]) -> Result<(ClientSketch, T), PlanError> + Sync,
) -> Result<(DividedLimits, Vec<T>), PlanError> {
    let alone: Vec<Result<(ClientSketch, T), PlanError>> =
        (0..clients.len()).into_par_iter().map(|client| plan(client, &[])).collect();
    let alone: Vec<(ClientSketch, T)> = alone.into_iter().collect::<Result<_, _>>()?;
    let (sketches, mut planned): (Vec<ClientSketch>, Vec<T>) = alone.into_iter().unzip();
    let mut posts: Vec<Vec<CountedPost>> = sketches.iter().map(|sketch| sketch.posts_that_may_run.clone()).collect();
    let mut divided = DividedLimits { quotas: vec![Vec::new(); clients.len()], ..DividedLimits::default() };
    // By client, its week within quotas.
    let mut within: Vec<Option<ClientSketch>> = clients.iter().map(|_| None).collect();
    let mut active = BTreeSet::new();
    let mut groups: Vec<(Group, GroupSolution)> = Vec::new();
    loop {
        let active_before = active.len();
        active.extend(on_all_days(exceeded_rows(limits, &posts_by_row(limits, clients, &posts))));
        if active.len() == active_before {
            break;
        }
        groups = groups::solve_groups(limits, clients, &sketches, &active, tier, groups);
        let quotas_before = std::mem::replace(&mut divided.quotas, vec![Vec::new(); clients.len()]);
        for (client, quotas) in groups.iter().flat_map(|(group, solution)| group.quotas(limits, clients, solution)) {
            if let Some(client_quotas) = divided.quotas.get_mut(client) {
                *client_quotas = quotas;
            }
        }
        let quotas = divided.quotas.par_iter().zip(&quotas_before).enumerate();
        let results = planned.par_iter_mut().zip(posts.par_iter_mut().zip(&mut within));
        let replanned = quotas.zip(results).map(|((client, (quotas, before)), (planned, (posts, within)))| {
            if quotas != before {
                let (sketch, result) = plan(client, quotas)?;
                (*posts, *planned) = (sketch.posts_that_may_run.clone(), result);
                *within = Some(sketch);
            }
            Ok(())
        });
        replanned.collect::<Vec<Result<(), PlanError>>>().into_iter().collect::<Result<(), _>>()?;
    }
    let priced = groups.iter().flat_map(|(_, solution)| solution.prices()).filter(|(_, price)| *price > 0.0);
    divided.prices = priced.map(|(row, price)| (row.clone(), price)).collect();
    divided.active = active;
    if tier == Tier::Exact && !groups.is_empty() {
        let last: Vec<&ClientSketch> =
            within.iter().zip(&sketches).map(|(within, alone)| within.as_ref().unwrap_or(alone)).collect();
        let has_blocked = sketches.iter().any(|sketch| sketch.without_blocked.is_some());
        divided.find_bound(limits, clients, &last, has_blocked);
    }
    Ok((divided, planned))
}

/// For each row, the number of planned posts that count in it, over all clients.
fn posts_by_row(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    posts: &[Vec<CountedPost>],
) -> BTreeMap<SharedRow, f64> {
    let of_client = |(client, posts): (&ClientWeek<'_>, &Vec<CountedPost>)| limits.used_by(client, posts);
    let by_client: Vec<BTreeMap<SharedRow, f64>> = clients.par_iter().zip(posts).map(of_client).collect();
    let mut sum = BTreeMap::new();
    for (row, count) in by_client.into_iter().flatten() {
        *sum.entry(row).or_insert(0.0) += count;
    }
    sum
}

fn exceeded_rows(limits: &SharedLimits, posts: &BTreeMap<SharedRow, f64>) -> BTreeSet<SharedRow> {
    let exceeded = posts.iter().filter(|(row, posts)| **posts > limits.capacity(row));
    exceeded.map(|(row, _)| row.clone()).collect()
}

/// The rows and, for each row of a day, the rows of the same limit on the other days, to which posts may move.
fn on_all_days(rows: BTreeSet<SharedRow>) -> BTreeSet<SharedRow> {
    rows.into_iter().flat_map(|row| row.on_all_days()).collect()
}

/// Upper bound on the workspace's objective in any plan that exceeds no row without a price of its own. It holds at any
/// prices of the rows and of the clients' own limits: it is the sum of what each channel earns at most if its hours are
/// charged these prices, and of the prices of the rows' capacities.
fn total_bound(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    sketches: &[&ClientSketch],
    prices: &BTreeMap<SharedRow, f64>,
) -> f64 {
    let weeks = clients.par_iter().zip(sketches);
    let of_client = |solver: &mut Solver, (client, sketch): (&ClientWeek<'_>, &&ClientSketch)| {
        sketch.bound_at(limits, client, prices, solver)
    };
    let of_clients: Vec<f64> = weeks.map_init(Solver::default, of_client).collect();
    let of_rows = prices.iter().map(|(row, price)| price * limits.capacity(row)).fold(0.0, |sum, one| sum + one);
    of_clients.into_iter().fold(of_rows, |sum, bound| sum + bound)
}
