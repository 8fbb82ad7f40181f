//! The groups of clients that compete for the same rows, and how much of each row each client may use.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::choice::Share;
use super::client::{ClientProblem, CountedRange};
use super::prices::{MAX_KEPT, PriceSearch};
use super::rows::{CountedPost, RowBound, SharedLimits, SharedRow};
use super::{ClientSketch, SketchedChannel, choice, joint, rows};
use crate::agents::ClientWeek;
use crate::model::{LimitQuota, Tier};
use crate::planner::coupling::SolvedChannels;

/// Maximum number of clients that are planned as one problem.
const MAX_JOINT_CLIENTS: usize = 4;

/// Allowed rounding error of a number of posts.
const TOLERANCE: f64 = 1e-9;

/// Clients that share rows with each other but not with other clients.
#[derive(PartialEq)]
pub(super) struct Group {
    /// Indices of the clients, ascending.
    members: Vec<usize>,
    /// The active rows in which their posts count, ascending.
    rows: Vec<SharedRow>,
}

/// What the clients of a group may use of the rows that they share.
pub(super) struct GroupSolution {
    /// The rows, ascending.
    rows: Vec<SharedRow>,
    /// By row, whether clients get quotas of it: if it has a price, is full, or is one of the group's rows.
    has_quotas: Vec<bool>,
    /// By row, its price, with which the bound is proven.
    prices: Vec<f64>,
    /// By client of the group, its share of the rows.
    shares: Vec<Share>,
    /// The price lists that shares refer to, each with a price for every row.
    price_lists: Vec<Vec<f64>>,
    /// By client of the group, the rows in which its posts count, ascending, each with the most posts that could count.
    max_uses: Vec<Vec<(usize, f64)>>,
    /// By client of the group, its channels as solved so far; empty if they are not kept.
    solved: Vec<SolvedChannels>,
}

/// An hour of a client's channel, and a row in which a post at that hour counts.
struct CountedHour {
    /// Index of the channel.
    channel: usize,
    hour: usize,
    row: SharedRow,
}

/// The groups of clients that compete for active rows, each with its solution. `before` are the groups of the round
/// before: those that have not changed keep their solution, and in the others no channel is solved again at the same
/// prices.
pub(super) fn solve_groups(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    sketches: &[ClientSketch],
    active: &BTreeSet<SharedRow>,
    tier: Tier,
    before: Vec<(Group, GroupSolution)>,
) -> Vec<(Group, GroupSolution)> {
    let groups = competing_groups(limits, clients, sketches, active);
    let (mut unchanged, changed): (Vec<_>, Vec<_>) = before.into_iter().partition(|(group, _)| groups.contains(group));
    let solved = changed.into_iter().flat_map(|(group, solution)| group.members.into_iter().zip(solution.solved));
    let mut solved: BTreeMap<usize, SolvedChannels> = solved.collect();
    let with_solution = |group: Group| match unchanged.iter().position(|(before, _)| *before == group) {
        Some(index) => (group, Ok(unchanged.swap_remove(index).1)),
        None => {
            let of_members = group.members.iter().map(|member| solved.remove(member).unwrap_or_default()).collect();
            (group, Err(of_members))
        }
    };
    let groups: Vec<(Group, Result<GroupSolution, Vec<SolvedChannels>>)> =
        groups.into_iter().map(with_solution).collect();
    let solve = |(group, solution): (Group, Result<GroupSolution, Vec<SolvedChannels>>)| {
        let mut solution = solution.unwrap_or_else(|solved| group.solve(limits, clients, sketches, tier, solved));
        if clients.len() > MAX_KEPT {
            solution.solved.clear();
        }
        (group, solution)
    };
    groups.into_par_iter().map(solve).collect()
}

/// The groups of clients whose posts count in active rows. Clients without any post that may run belong to none.
fn competing_groups(
    limits: &SharedLimits,
    clients: &[ClientWeek<'_>],
    sketches: &[ClientSketch],
    active: &BTreeSet<SharedRow>,
) -> Vec<Group> {
    let active_rows = |(client, sketch): (&ClientWeek<'_>, &ClientSketch)| -> BTreeSet<SharedRow> {
        let hours = counted_hours(limits, client, sketch).filter(|_| !sketch.posts_that_may_run.is_empty());
        hours.map(|hour| hour.row).filter(|row| active.contains(row)).collect()
    };
    let rows_by_client: Vec<BTreeSet<SharedRow>> = clients.par_iter().zip(sketches).map(active_rows).collect();
    let mut clients_by_row: BTreeMap<&SharedRow, Vec<usize>> = BTreeMap::new();
    for (client, rows) in rows_by_client.iter().enumerate() {
        for row in rows {
            clients_by_row.entry(row).or_default().push(client);
        }
    }
    let mut is_grouped = vec![false; clients.len()];
    let mut groups = Vec::new();
    for first in 0..clients.len() {
        let (mut members, mut rows, mut waiting) = (Vec::new(), BTreeSet::new(), vec![first]);
        while let Some(client) = waiting.pop() {
            let (Some(is_grouped), Some(client_rows)) = (is_grouped.get_mut(client), rows_by_client.get(client)) else {
                continue;
            };
            if std::mem::replace(is_grouped, true) || client_rows.is_empty() {
                continue;
            }
            members.push(client);
            for row in client_rows {
                if rows.insert(row.clone()) {
                    waiting.extend(clients_by_row.get(row).into_iter().flatten());
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
    /// Finds weeks for the group's clients that together satisfy the rows. Each client's share of a row is the number
    /// of posts of its week that count there. `solved` are, by client, its channels as solved so far.
    fn solve(
        &self,
        limits: &SharedLimits,
        clients: &[ClientWeek<'_>],
        sketches: &[ClientSketch],
        tier: Tier,
        solved: Vec<SolvedChannels>,
    ) -> GroupSolution {
        let members: Vec<(&ClientWeek<'_>, &ClientSketch)> =
            self.members.iter().filter_map(|index| Some((clients.get(*index)?, sketches.get(*index)?))).collect();
        if self.members.len() <= MAX_JOINT_CLIENTS {
            let rows = self.joint_rows(limits, &members);
            let (problems, bounds) = problems(limits, &members, &rows);
            if let Some(sharing) = joint::solve(&problems, &bounds, tier) {
                let blocked = blocked_uses(limits, &members, &rows);
                return self.solution(rows, &bounds, &problems, sharing, &blocked);
            }
        }
        let (problems, bounds) = problems(limits, &members, &self.rows);
        let bound_alone = members.iter().fold(0.0, |sum, (_, sketch)| sum + sketch.competing_bound());
        let mut search = PriceSearch::new((problems, solved), bounds.clone(), &rows::kinds(&self.rows), tier);
        let prices = search.find_prices(bound_alone);
        let shares = choice::shares_at(&search, &prices);
        let sharing = joint::Sharing { prices, shares, price_lists: search.price_lists.clone() };
        let blocked = blocked_uses(limits, &members, &self.rows);
        let solution = self.solution(self.rows.clone(), &bounds, search.problems(), sharing, &blocked);
        GroupSolution { solved: search.solved, ..solution }
    }

    /// The solution, given how the clients share the rows. `blocked` is what [`blocked_uses`] returns.
    fn solution(
        &self,
        rows: Vec<SharedRow>,
        bounds: &[RowBound],
        problems: &[ClientProblem<'_>],
        sharing: joint::Sharing,
        blocked: &[Vec<(usize, f64)>],
    ) -> GroupSolution {
        let joint::Sharing { prices, mut shares, price_lists } = sharing;
        let mut used = vec![0.0; rows.len()];
        for (row, count) in shares.iter().flat_map(|share| &share.used) {
            if let Some(used) = used.get_mut(*row) {
                *used += count;
            }
        }
        let is_full = |row: usize| {
            let used_and_bound = used.get(row).zip(bounds.get(row));
            used_and_bound.is_none_or(|(used, bound)| used + 1.0 > bound.at_most + TOLERANCE)
        };
        let is_priced = |row: usize| prices.get(row).is_some_and(|price| *price > 0.0);
        let has_quotas = rows
            .iter()
            .enumerate()
            .map(|(index, row)| is_priced(index) || is_full(index) || self.rows.binary_search(row).is_ok())
            .collect();
        let remaining =
            bounds.iter().zip(&used).map(|(bound, used)| (bound.at_most - used + TOLERANCE).floor()).collect();
        add_blocked(&mut shares, remaining, blocked);
        let max_uses = problems.iter().map(ClientProblem::max_uses).collect();
        GroupSolution { rows, has_quotas, prices, shares, price_lists, max_uses, solved: Vec::new() }
    }

    /// The rows of the problem in which the group's clients are planned together: those of the group, and all in which
    /// posts of two or more of the clients count.
    fn joint_rows(&self, limits: &SharedLimits, members: &[(&ClientWeek<'_>, &ClientSketch)]) -> Vec<SharedRow> {
        let mut clients: BTreeMap<SharedRow, usize> = BTreeMap::new();
        for (client, sketch) in members {
            let rows: BTreeSet<SharedRow> = counted_hours(limits, client, sketch).map(|hour| hour.row).collect();
            rows.into_iter().for_each(|row| *clients.entry(row).or_insert(0) += 1);
        }
        let shared = clients.into_iter().filter(|(_, clients)| *clients > 1).map(|(row, _)| row);
        shared.chain(self.rows.iter().cloned()).collect::<BTreeSet<SharedRow>>().into_iter().collect()
    }

    /// The index of each client with its quotas.
    pub fn quotas<'g>(
        &'g self,
        limits: &'g SharedLimits,
        clients: &'g [ClientWeek<'_>],
        solution: &'g GroupSolution,
    ) -> impl Iterator<Item = (usize, Vec<LimitQuota>)> + 'g {
        let members = self.members.iter().zip(&solution.shares).zip(&solution.max_uses);
        members.filter_map(move |((index, share), max_uses)| {
            let (client, prices) = (clients.get(*index)?, solution.price_lists.get(share.price_list)?);
            let quota = |(row, max_use): &(usize, f64)| {
                let used = share.used.iter().find(|(other, _)| other == row).map_or(0.0, |(_, used)| *used);
                let may_exceed = *solution.has_quotas.get(*row)? && used < *max_use;
                may_exceed.then(|| limits.quota(client, solution.rows.get(*row)?, used, *prices.get(*row)?)).flatten()
            };
            Some((*index, least_of_each(max_uses.iter().filter_map(quota))))
        })
    }
}

/// By client, how many posts for which its week has no room, all of them blocked, would count in each row; ascending by
/// row.
fn blocked_uses(
    limits: &SharedLimits,
    members: &[(&ClientWeek<'_>, &ClientSketch)],
    rows: &[SharedRow],
) -> Vec<Vec<(usize, f64)>> {
    let of_client = |(client, sketch): &(&ClientWeek<'_>, &ClientSketch)| {
        let posts: Vec<CountedPost> = sketch.posts_without_room().collect();
        let used = limits.used_by(client, &posts).into_iter();
        used.filter_map(|(row, count)| Some((rows.binary_search(&row).ok()?, count))).collect()
    };
    members.iter().map(of_client).collect()
}

/// Adds blocked posts to the clients' shares. `remaining` is, by row, the number of posts that fit in addition to all
/// shares; no more are added.
fn add_blocked(shares: &mut [Share], mut remaining: Vec<f64>, blocked: &[Vec<(usize, f64)>]) {
    for (share, blocked) in shares.iter_mut().zip(blocked) {
        for (row, posts) in blocked {
            let Some(room) = remaining.get_mut(*row).filter(|room| **room > 0.0) else { continue };
            let added = posts.min(*room);
            *room -= added;
            match share.used.iter_mut().find(|(other, _)| other == row) {
                Some((_, used)) => *used += added,
                None => share.used.push((*row, added)),
            }
        }
        share.used.sort_unstable_by_key(|(row, _)| *row);
    }
}

/// One quota for each limit, channel and period. A limit that counts each tag on its own gives a client a quota for
/// each of its tags, and each of the client's posts counts for all of them. The least number of posts and the sum of
/// the prices are kept.
fn least_of_each(quotas: impl Iterator<Item = LimitQuota>) -> Vec<LimitQuota> {
    let mut least: Vec<LimitQuota> = Vec::new();
    for quota in quotas {
        let is_same = |other: &&mut LimitQuota| {
            (&other.limit, other.channel, other.period) == (&quota.limit, quota.channel, quota.period)
        };
        match least.iter_mut().find(is_same) {
            Some(other) => {
                other.posts = other.posts.min(quota.posts);
                other.first_price += quota.first_price;
            }
            None => least.push(quota),
        }
    }
    least
}

impl GroupSolution {
    /// The rows with their prices.
    pub fn prices(&self) -> impl Iterator<Item = (&SharedRow, f64)> {
        self.rows.iter().zip(self.prices.iter().copied())
    }
}

/// Every hour of every channel of a client, once for each row in which every post at that hour counts.
fn counted_hours<'c>(
    limits: &'c SharedLimits,
    client: &'c ClientWeek<'_>,
    sketch: &'c ClientSketch,
) -> impl Iterator<Item = CountedHour> + 'c {
    let of_channel = move |(index, channel): (usize, &'c SketchedChannel)| {
        let SketchedChannel { channel, always_needs_review } = *channel;
        let of_hour = move |hour| {
            let post = CountedPost { channel, hour, needs_review: always_needs_review };
            limits.rows_of(client, post).map(move |row| CountedHour { channel: index, hour, row })
        };
        (0..client.hours.len()).flat_map(of_hour)
    };
    sketch.channels.iter().enumerate().flat_map(of_channel)
}

/// The clients' problems over the given rows, and the bound of each row.
fn problems<'s>(
    limits: &SharedLimits,
    members: &[(&ClientWeek<'_>, &'s ClientSketch)],
    rows: &[SharedRow],
) -> (Vec<ClientProblem<'s>>, Vec<RowBound>) {
    let indices: BTreeMap<&SharedRow, usize> = rows.iter().zip(0..).collect();
    let problem = |(client, sketch): &(&ClientWeek<'_>, &'s ClientSketch)| {
        let mut counted: Vec<CountedRange> = Vec::new();
        for CountedHour { channel, hour, row } in counted_hours(limits, client, sketch) {
            if let Some(row) = indices.get(&row) {
                add_hour(&mut counted, channel, hour, *row);
            }
        }
        let index = |channel| sketch.channels.iter().position(|other| other.channel == channel);
        let posts = sketch.competing_posts().iter();
        let posts = posts.filter_map(|post| Some((index(post.channel)?, post.hour))).collect();
        ClientProblem::new(sketch.competing_instances(), &sketch.own_rows, counted, posts)
    };
    (members.par_iter().map(problem).collect(), rows.iter().map(|row| limits.bound(row)).collect())
}

/// Maximum number of ranges that [`add_hour`] searches, from the last one backwards.
const RANGES_SEARCHED: usize = 32;

/// Adds an hour of a channel at which posts count towards a row: to a range that ends at this hour, or else as a new
/// range.
fn add_hour(counted: &mut Vec<CountedRange>, channel: usize, hour: usize, row: usize) {
    let ends_here = |range: &&mut CountedRange| range.channel == channel && range.row == row && range.hours.end == hour;
    match counted.iter_mut().rev().take(RANGES_SEARCHED).find(ends_here) {
        Some(range) => range.hours.end += 1,
        None => counted.push(CountedRange { channel, hours: hour..hour + 1, row }),
    }
}
