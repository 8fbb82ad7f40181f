//! Limits that the clients of a workspace share: so many posts a day for an agency, never two rivals in the same hour.
//!
//! ```text
//! rows     the limits in their periods, and how much of each the clients' posts use
//! groups   the clients that give way to each other, group by group
//! client   a client's best week, at prices of the rows or within places of them
//! joint    the weeks of a few clients as one problem
//! prices   the prices of least bound: each client of a larger group planned at its best with them
//! choice   a week for each client, of those seen, that together keep the rows
//! ```
//!
//! Clients are planned alone first. Only the rows that they exceed together take part, and the clients that count in
//! them fall into groups that share no row. A few clients are one problem over all their channels. For more, rows get
//! prices by cutting planes, whose rounds ask every client for its best week at the prices so far; of the weeks seen, one
//! is chosen for each client, so that together they keep the rows.
//!
//! What a client uses of a row that takes part, is full or has a price is its quota, and it is planned with its quotas as
//! limits of its own. Rows that the new plans exceed take part in the next round.

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

use self::groups::{Group, SharedWeek};
pub(super) use self::rows::{CountedPost, SharedLimits, SharedRow};
use super::coupling::Row;
use super::{Instance, PlanError};
use crate::agents::ClientWeek;
use crate::model::{Channel, LimitQuota, SharedLimitUse, Tier};

/// A client's planned week, as far as shared limits depend on it.
pub(super) struct ClientSketch {
    pub channels: Vec<SketchedChannel>,
    pub instances: Vec<Instance>,
    /// Rows of the client's own limits.
    pub own: Vec<Row>,
    /// Every planned post. One counts as needing a review only if each of its channel does.
    pub posts: Vec<CountedPost>,
    /// No week within the client's own limits comes to more.
    pub bound: f64,
}

/// A channel of a client's planned week.
#[derive(Clone, Copy)]
pub(super) struct SketchedChannel {
    pub channel: Channel,
    /// Whether each of its posts needs a review, whatever its time and asset.
    pub always_needs_review: bool,
}

/// Shared limits, shared out.
#[derive(Debug, Default)]
pub(super) struct SharedOut {
    /// By client, what it may use of each limit of which it has a part.
    pub quotas: Vec<Vec<LimitQuota>>,
    /// No plan of the clients that keeps the limits comes to more; `None` if they need not give way to each other.
    pub bound: Option<f64>,
    /// The rows that clients exceed if each is planned alone, and those that only their new plans would.
    active: BTreeSet<SharedRow>,
    /// The prices that prove the bound, of rows that cost something.
    prices: BTreeMap<SharedRow, f64>,
}

impl SharedOut {
    /// How clients stand to the limits that they share, given their planned posts. Left out are those that cost nothing and
    /// within which all clients fit if each is planned alone.
    pub fn uses(
        &self,
        limits: &SharedLimits,
        clients: &[ClientWeek<'_>],
        posts: &[Vec<CountedPost>],
    ) -> Vec<SharedLimitUse> {
        let used = used(limits, clients, posts);
        let used_of = |row: &SharedRow| used.get(row).copied().unwrap_or(0.0);
        let shown: BTreeSet<&SharedRow> =
            self.active.iter().filter(|row| used_of(row) > 0.0).chain(self.prices.keys()).collect();
        let shown_use = |row: &SharedRow| {
            let (limit, allowed) = limits.limit(row);
            SharedLimitUse {
                limit,
                industry: row.industry.clone(),
                channel: row.channel,
                period: row.period,
                allowed,
                used: limits.committed(row) + used_of(row),
                price: self.prices.get(row).copied().unwrap_or(0.0),
            }
        };
        shown.into_iter().map(shown_use).collect()
    }
}

/// Shares limits out among clients. `plan` plans one of them within quotas. Returns what it made of each client within the
/// final quotas.
pub(super) fn share_out<T: Send>(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    tier: Tier,
    plan: impl Fn(usize, &[LimitQuota]) -> Result<(ClientSketch, T), PlanError> + Sync,
) -> Result<(SharedOut, Vec<T>), PlanError> {
    let alone: Vec<Result<(ClientSketch, T), PlanError>> =
        (0..clients.len()).into_par_iter().map(|client| plan(client, &[])).collect();
    let alone: Vec<(ClientSketch, T)> = alone.into_iter().collect::<Result<_, _>>()?;
    let (sketches, mut planned): (Vec<ClientSketch>, Vec<T>) = alone.into_iter().unzip();
    let mut posts: Vec<Vec<CountedPost>> = sketches.iter().map(|sketch| sketch.posts.clone()).collect();
    let mut shared = SharedOut { quotas: vec![Vec::new(); clients.len()], ..SharedOut::default() };
    let mut active = BTreeSet::new();
    let mut groups: Vec<(Group, SharedWeek)> = Vec::new();
    loop {
        let before = active.len();
        active.extend(with_siblings(exceeded(limits, &used(limits, clients, &posts))));
        if active.len() == before {
            break;
        }
        groups = groups::of(limits, clients, &sketches, &active)
            .into_par_iter()
            .map(|group| {
                let week = group.solve(limits, clients, &sketches, tier);
                (group, week)
            })
            .collect();
        let quotas_before = std::mem::replace(&mut shared.quotas, vec![Vec::new(); clients.len()]);
        for (client, quotas) in groups.iter().flat_map(|(group, week)| group.quotas(limits, clients, week)) {
            if let Some(own) = shared.quotas.get_mut(client) {
                *own = quotas;
            }
        }
        let quotas = shared.quotas.par_iter().zip(&quotas_before).enumerate();
        let replanned =
            quotas.zip(planned.par_iter_mut().zip(&mut posts)).map(|((client, (quotas, before)), (planned, posts))| {
                if quotas != before {
                    let (sketch, result) = plan(client, quotas)?;
                    (*posts, *planned) = (sketch.posts, result);
                }
                Ok(())
            });
        replanned.collect::<Vec<Result<(), PlanError>>>().into_iter().collect::<Result<(), _>>()?;
    }
    let priced = groups.iter().flat_map(|(_, week)| week.prices()).filter(|(_, price)| *price > 0.0);
    shared.prices = priced.map(|(row, price)| (row.clone(), price)).collect();
    shared.active = active;
    shared.bound = (tier == Tier::Exact && !groups.is_empty()).then(|| bound(&sketches, &groups));
    Ok((shared, planned))
}

/// What the planned posts of all clients use of each row.
fn used(limits: &SharedLimits, clients: &[ClientWeek<'_>], posts: &[Vec<CountedPost>]) -> BTreeMap<SharedRow, f64> {
    let of_client = |(client, posts): (&ClientWeek<'_>, &Vec<CountedPost>)| limits.used_by(client, posts);
    let each: Vec<BTreeMap<SharedRow, f64>> = clients.par_iter().zip(posts).map(of_client).collect();
    let mut sum = BTreeMap::new();
    for (row, count) in each.into_iter().flatten() {
        *sum.entry(row).or_insert(0.0) += count;
    }
    sum
}

fn exceeded(limits: &SharedLimits, used: &BTreeMap<SharedRow, f64>) -> BTreeSet<SharedRow> {
    used.iter().filter(|(row, used)| **used > limits.left(row)).map(|(row, _)| row.clone()).collect()
}

/// The same rows, and where a day is exceeded, the other days of the week: posts will move there.
fn with_siblings(rows: BTreeSet<SharedRow>) -> BTreeSet<SharedRow> {
    rows.into_iter().flat_map(|row| row.siblings()).collect()
}

/// No plan of all clients that keeps the rows comes to more.
fn bound(sketches: &[ClientSketch], groups: &[(Group, SharedWeek)]) -> f64 {
    let in_groups: BTreeSet<usize> = groups.iter().flat_map(|(group, _)| group.members()).copied().collect();
    let others = sketches.iter().enumerate().filter(|(client, _)| !in_groups.contains(client));
    let of_groups = groups.iter().fold(0.0, |sum, (_, week)| sum + week.bound);
    others.fold(of_groups, |sum, (_, sketch)| sum + sketch.bound)
}
