//! Limits that the clients of a workspace share: so many posts a day for an agency, never two rivals in the same hour.
//!
//! ```text
//! rows     the limits in their periods, and how much of each the clients' posts use
//! prices   the prices of least bound: each client planned at its best with them
//! shares   the places of each row, shared out among the clients
//! ```
//!
//! Clients are planned alone first. Only the rows that they exceed together take part: they get prices by cutting
//! planes, whose rounds ask every client for its best week at the prices so far. From the clients' weeks at the last
//! prices each gets a quota of each of these rows, and is planned with its quotas as limits of its own. A row that
//! clients move into and exceed takes part from then on.

mod prices;
mod rows;
mod shares;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::prices::{ClientProblem, SharedPrices, lowest_bound};
pub(super) use self::rows::SharedLimits;
use self::rows::SharedRow;
use super::coupling::Row;
use super::{Instance, PlanError};
use crate::agents::ClientWeek;
use crate::model::{Channel, LimitQuota, SharedLimitUse, Tier};

/// A client's planned week, as far as shared limits depend on it.
pub(super) struct ClientSketch {
    pub channels: Vec<Channel>,
    pub instances: Vec<Instance>,
    /// Rows of the client's own limits.
    pub own: Vec<Row>,
    /// Channel and hour of every planned post.
    pub posts: Vec<(Channel, usize)>,
}

/// Shared limits, shared out.
#[derive(Debug, Default)]
pub(super) struct SharedOut {
    /// By client, what it may use of each limit of which it has a part.
    pub quotas: Vec<Vec<LimitQuota>>,
    /// No plan of the clients that keeps the limits comes to more; `None` if they need not give way to each other.
    pub bound: Option<f64>,
    /// The limits that clients exceed if each is planned alone, with what they use of them now.
    pub uses: Vec<SharedLimitUse>,
}

/// Shares limits out among clients. `sketch` plans one of them within quotas.
pub(super) fn share_out(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    tier: Tier,
    sketch: impl Fn(usize, &[LimitQuota]) -> Result<ClientSketch, PlanError> + Sync,
) -> Result<SharedOut, PlanError> {
    let sketch_all = |quotas: &[Vec<LimitQuota>]| -> Result<Vec<ClientSketch>, PlanError> {
        let sketches: Vec<Result<ClientSketch, PlanError>> =
            quotas.par_iter().enumerate().map(|(client, quotas)| sketch(client, quotas)).collect();
        sketches.into_iter().collect()
    };
    let mut quotas = vec![Vec::new(); clients.len()];
    let alone = sketch_all(&quotas)?;
    let mut active: BTreeSet<SharedRow> = exceeded(limits, &used(limits, clients, &alone));
    let mut found = None;
    let mut now = used(limits, clients, &alone);
    loop {
        let before = active.len();
        active.extend(exceeded(limits, &now));
        if active.is_empty() || (found.is_some() && active.len() == before) {
            break;
        }
        let rows: Vec<SharedRow> = active.iter().cloned().collect();
        let left: Vec<f64> = rows.iter().map(|row| limits.left(row)).collect();
        let problems = problems(limits, clients, &alone, &rows);
        let prices = lowest_bound(&problems, &left, tier);
        let shares = shares::of_clients(&problems, &left, &prices, tier);
        quotas = clients
            .iter()
            .zip(&problems)
            .zip(&shares)
            .map(|((client, problem), shares)| {
                let counted: BTreeSet<usize> = problem.counted.iter().map(|(_, _, row)| *row).collect();
                let own = counted.into_iter().filter_map(|row| Some((rows.get(row)?, *shares.get(row)?)));
                own.filter_map(|(row, share)| limits.quota(client, row, share)).collect()
            })
            .collect();
        now = used(limits, clients, &sketch_all(&quotas)?);
        found = Some(prices);
    }
    let uses = uses(limits, &active, &now, found.as_ref());
    let bound = found.filter(|_| tier == Tier::Exact).map(|found| found.bound);
    Ok(SharedOut { quotas, bound, uses })
}

/// What the planned posts of all clients use of each row.
fn used(limits: &SharedLimits, clients: &[ClientWeek<'_>], sketches: &[ClientSketch]) -> BTreeMap<SharedRow, f64> {
    let mut sum = BTreeMap::new();
    for (client, sketch) in clients.iter().zip(sketches) {
        for (row, count) in limits.used_by(client, &sketch.posts) {
            *sum.entry(row).or_insert(0.0) += count;
        }
    }
    sum
}

fn exceeded(limits: &SharedLimits, used: &BTreeMap<SharedRow, f64>) -> BTreeSet<SharedRow> {
    used.iter().filter(|(row, used)| **used > limits.left(row)).map(|(row, _)| row.clone()).collect()
}

fn problems(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    sketches: &[ClientSketch],
    rows: &[SharedRow],
) -> Vec<ClientProblem> {
    let places: BTreeMap<&SharedRow, usize> = rows.iter().zip(0..).collect();
    let problem = |(client, sketch): (&ClientWeek<'_>, &ClientSketch)| {
        let mut counted = Vec::new();
        for (place, channel) in sketch.channels.iter().enumerate() {
            for hour in 0..client.hours.len() {
                let rows = limits.rows_of(client, *channel, hour);
                counted.extend(rows.filter_map(|row| places.get(&row).map(|row| (place, hour, *row))));
            }
        }
        ClientProblem { instances: sketch.instances.clone(), own: sketch.own.clone(), counted }
    };
    clients.par_iter().zip(sketches).map(problem).collect()
}

fn uses(
    limits: &SharedLimits,
    active: &BTreeSet<SharedRow>,
    used: &BTreeMap<SharedRow, f64>,
    found: Option<&SharedPrices>,
) -> Vec<SharedLimitUse> {
    let price = |place: usize| found.and_then(|found| found.prices.get(place)).copied().unwrap_or(0.0);
    let shown = |(place, row): (usize, &SharedRow)| {
        let (limit, allowed) = limits.limit(row);
        let planned = used.get(row).copied().unwrap_or(0.0);
        SharedLimitUse {
            limit,
            industry: row.industry.clone(),
            channel: row.channel,
            period: row.period,
            allowed,
            used: limits.committed(row) + planned,
            price: price(place),
        }
    };
    active.iter().enumerate().map(shown).collect()
}
