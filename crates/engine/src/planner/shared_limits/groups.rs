//! The clients that give way to each other, and how much of each row each of them may use.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::choice::Share;
use super::client::{ClientProblem, Counted};
use super::prices::PriceSearch;
use super::rows::{CountedPost, SharedLimits, SharedRow};
use super::{ClientSketch, SketchedChannel, choice, joint, rows};
use crate::agents::ClientWeek;
use crate::model::{LimitQuota, Tier};

/// Most clients that are planned as one problem.
const MOST_JOINT: usize = 4;

/// Tolerance for sums of uses.
const SLACK: f64 = 1e-9;

/// Clients that share rows with each other and none with other clients.
pub(super) struct Group {
    /// Places of the clients, ascending.
    members: Vec<usize>,
    /// The rows that take part, ascending.
    rows: Vec<SharedRow>,
}

/// What the clients of a group may use of the rows that they share.
pub(super) struct SharedWeek {
    /// The rows, ascending.
    rows: Vec<SharedRow>,
    /// By row, whether clients may use no more of it than now: it has a price, is full, or takes part from the start.
    has_quotas: Vec<bool>,
    /// What proves the bound, by row.
    prices: Vec<f64>,
    /// By client of the group, what it may use of the rows.
    shares: Vec<Share>,
    /// The prices at which shares are the clients' best weeks, by row.
    price_lists: Vec<Vec<f64>>,
    /// By client of the group, the rows in which it counts, ascending, and the most that it could use of each.
    counted: Vec<Vec<(usize, f64)>>,
    /// No weeks of the clients that keep the rows come to more.
    pub bound: f64,
}

/// The groups of clients that count in some of the rows.
pub(super) fn of(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    sketches: &[ClientSketch],
    active: &BTreeSet<SharedRow>,
) -> Vec<Group> {
    let of_client = |(client, sketch): (&ClientWeek<'_>, &ClientSketch)| -> BTreeSet<SharedRow> {
        counting(limits, client, sketch).map(|(_, _, row)| row).filter(|row| active.contains(row)).collect()
    };
    let rows_of: Vec<BTreeSet<SharedRow>> = clients.par_iter().zip(sketches).map(of_client).collect();
    let mut counting: BTreeMap<&SharedRow, Vec<usize>> = BTreeMap::new();
    for (client, row) in rows_of.iter().enumerate().flat_map(|(client, rows)| rows.iter().map(move |row| (client, row)))
    {
        counting.entry(row).or_default().push(client);
    }
    let mut is_grouped = vec![false; clients.len()];
    let mut groups = Vec::new();
    for first in 0..clients.len() {
        let (mut members, mut rows, mut waiting) = (Vec::new(), BTreeSet::new(), vec![first]);
        while let Some(client) = waiting.pop() {
            let (Some(done), Some(own)) = (is_grouped.get_mut(client), rows_of.get(client)) else { continue };
            if std::mem::replace(done, true) || own.is_empty() {
                continue;
            }
            members.push(client);
            for row in own {
                if rows.insert(row.clone()) {
                    waiting.extend(counting.get(row).into_iter().flatten());
                }
            }
        }
        if !members.is_empty() {
            members.sort_unstable();
            groups.push(Group { members, rows: rows.into_iter().collect() });
        }
    }
    groups
}

impl Group {
    /// Places of the clients.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// Finds weeks for the clients that together keep the rows.
    pub fn solve(
        &self,
        limits: &SharedLimits,
        clients: &[ClientWeek<'_>],
        sketches: &[ClientSketch],
        tier: Tier,
    ) -> SharedWeek {
        let of_members: Vec<(&ClientWeek<'_>, &ClientSketch)> =
            self.members.iter().filter_map(|place| Some((clients.get(*place)?, sketches.get(*place)?))).collect();
        if self.members.len() <= MOST_JOINT {
            let rows = self.rows_of_few(limits, &of_members);
            let (problems, left) = problems(limits, &of_members, &rows);
            if let Some(found) = joint::solve(&problems, &left, tier) {
                return self.week(rows, left, &problems, found);
            }
        }
        let (problems, left) = problems(limits, &of_members, &self.rows);
        let alone = of_members.iter().fold(0.0, |sum, (_, sketch)| sum + sketch.bound);
        let mut search = PriceSearch::new(problems, left.clone(), &rows::kinds(&self.rows), tier);
        let prices = search.lowest_bound(alone);
        let shares = choice::of_clients(&search, &prices);
        let found = joint::Shared {
            prices: prices.prices,
            bound: prices.bound,
            shares,
            price_lists: search.price_lists.clone(),
        };
        self.week(self.rows.clone(), left, search.problems(), found)
    }

    fn week(
        &self,
        rows: Vec<SharedRow>,
        left: Vec<f64>,
        problems: &[ClientProblem<'_>],
        found: joint::Shared,
    ) -> SharedWeek {
        let joint::Shared { prices, bound, shares, price_lists } = found;
        let mut used = vec![0.0; rows.len()];
        for (row, count) in shares.iter().flat_map(|share| &share.used) {
            if let Some(used) = used.get_mut(*row) {
                *used += count;
            }
        }
        let has_place =
            |row: usize| used.get(row).zip(left.get(row)).is_some_and(|(used, left)| used + 1.0 <= left + SLACK);
        let is_priced = |row: usize| prices.get(row).is_some_and(|price| *price > 0.0);
        let has_quotas = rows
            .iter()
            .enumerate()
            .map(|(place, row)| is_priced(place) || !has_place(place) || self.rows.binary_search(row).is_ok())
            .collect();
        let counted = problems.iter().map(ClientProblem::most_of_rows).collect();
        SharedWeek { rows, has_quotas, prices, shares, price_lists, counted, bound }
    }

    /// The rows of a group of few clients: its own, and all in which two of them count.
    fn rows_of_few(&self, limits: &SharedLimits, members: &[(&ClientWeek<'_>, &ClientSketch)]) -> Vec<SharedRow> {
        let mut clients: BTreeMap<SharedRow, usize> = BTreeMap::new();
        for (client, sketch) in members {
            let own: BTreeSet<SharedRow> = counting(limits, client, sketch).map(|(_, _, row)| row).collect();
            own.into_iter().for_each(|row| *clients.entry(row).or_insert(0) += 1);
        }
        let shared = clients.into_iter().filter(|(_, clients)| *clients > 1).map(|(row, _)| row);
        shared.chain(self.rows.iter().cloned()).collect::<BTreeSet<SharedRow>>().into_iter().collect()
    }

    /// The quotas of the clients that have any.
    pub fn quotas<'g>(
        &'g self,
        limits: &'g SharedLimits,
        clients: &'g [ClientWeek<'_>],
        week: &'g SharedWeek,
    ) -> impl Iterator<Item = (usize, Vec<LimitQuota>)> + 'g {
        let each = self.members.iter().zip(&week.shares).zip(&week.counted);
        each.filter_map(move |((place, share), counted)| {
            let (client, prices) = (clients.get(*place)?, week.price_lists.get(share.price_list)?);
            let quota = |(row, most): &(usize, f64)| {
                let used = share.used.iter().find(|(own, _)| own == row).map_or(0.0, |(_, used)| *used);
                let may_exceed = *week.has_quotas.get(*row)? && used < *most;
                may_exceed.then(|| limits.quota(client, week.rows.get(*row)?, used, *prices.get(*row)?)).flatten()
            };
            Some((*place, counted.iter().filter_map(quota).collect()))
        })
    }
}

impl SharedWeek {
    /// The rows with their prices.
    pub fn prices(&self) -> impl Iterator<Item = (&SharedRow, f64)> {
        self.rows.iter().zip(self.prices.iter().copied())
    }
}

/// Every channel and hour of a client, by its place, with each row in which a post there counts for certain.
fn counting<'c>(
    limits: &'c SharedLimits,
    client: &'c ClientWeek<'_>,
    sketch: &'c ClientSketch,
) -> impl Iterator<Item = (usize, usize, SharedRow)> + 'c {
    let of_channel = move |(place, channel): (usize, &'c SketchedChannel)| {
        let SketchedChannel { channel, always_needs_review } = *channel;
        let post = move |hour| CountedPost { channel, hour, needs_review: always_needs_review };
        let of_hour = move |hour| limits.rows_of(client, post(hour)).map(move |row| (place, hour, row));
        (0..client.hours.len()).flat_map(of_hour)
    };
    sketch.channels.iter().enumerate().flat_map(of_channel)
}

/// The clients' problems over some rows, and what may be used of each row.
fn problems<'s>(
    limits: &SharedLimits,
    members: &[(&ClientWeek<'_>, &'s ClientSketch)],
    rows: &[SharedRow],
) -> (Vec<ClientProblem<'s>>, Vec<f64>) {
    let places: BTreeMap<&SharedRow, usize> = rows.iter().zip(0..).collect();
    let problem = |(client, sketch): &(&ClientWeek<'_>, &'s ClientSketch)| {
        let mut counted: Vec<Counted> = Vec::new();
        for (channel, hour, row) in counting(limits, client, sketch) {
            if let Some(row) = places.get(&row) {
                count_hour(&mut counted, channel, hour, *row);
            }
        }
        let place = |channel| sketch.channels.iter().position(|own| own.channel == channel);
        let posts = sketch.posts.iter().filter_map(|post| Some((place(post.channel)?, post.hour))).collect();
        ClientProblem::new(&sketch.instances, &sketch.own, counted, posts)
    };
    (members.par_iter().map(problem).collect(), rows.iter().map(|row| limits.left(row)).collect())
}

/// How many of the latest ranges are searched for one that an hour extends.
const LATEST: usize = 32;

/// Adds an hour of a channel that counts in a row.
fn count_hour(counted: &mut Vec<Counted>, channel: usize, hour: usize, row: usize) {
    let ends_here = |one: &&mut Counted| one.channel == channel && one.row == row && one.hours.end == hour;
    match counted.iter_mut().rev().take(LATEST).find(ends_here) {
        Some(before) => before.hours.end += 1,
        None => counted.push(Counted { channel, hours: hour..hour + 1, row }),
    }
}
