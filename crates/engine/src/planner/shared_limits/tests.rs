//! Compares shares of rows with the best of all combinations of weeks.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::client::{ClientProblem, CountedRange};
use super::prices::PriceSearch;
use super::rows::RowBound;
use super::{choice, joint};
use crate::model::Tier;
use crate::planner::coupling::SolvedChannels;
use crate::planner::slots::tests::{every_choice, extreme_week};
use crate::planner::{Instance, Solver};

const HOURS: usize = 6;

/// A client with one channel.
struct OneChannel {
    week: [Instance; 1],
    /// Hours at which a post counts, each with the row in which it counts.
    counted: Vec<(usize, usize)>,
}

impl OneChannel {
    fn problem(&self) -> ClientProblem<'_> {
        let counted =
            self.counted.iter().map(|(hour, row)| CountedRange { channel: 0, hours: *hour..hour + 1, row: *row });
        let alone = Solver::default().solve(&self.week[0]).chosen;
        ClientProblem::new(&self.week, &[], counted.collect(), alone.into_iter().map(|hour| (0, hour)).collect())
    }

    fn used(&self, chosen: &[usize], rows: usize) -> Vec<f64> {
        let mut used = vec![0.0; rows];
        for (_, row) in self.counted.iter().filter(|(hour, _)| chosen.contains(hour)) {
            used[*row] += 1.0;
        }
        used
    }
}

/// Random clients, whose posts count in some of the rows.
fn clients(count: usize, rows: usize, random: &mut ChaCha8Rng) -> Vec<OneChannel> {
    let client = |random: &mut ChaCha8Rng| {
        let mut week = extreme_week(HOURS, random);
        week.posts_max = week.posts_max.min(2);
        let mut counted = Vec::new();
        for row in 0..rows {
            counted.extend((0..HOURS).filter(|_| random.random_bool(0.6)).map(|hour| (hour, row)));
        }
        OneChannel { week: [week], counted }
    };
    (0..count).map(|_| client(random)).collect()
}

/// Random bounds of rows, of which about every third has a price.
fn bounds(rows: usize, random: &mut ChaCha8Rng) -> Vec<RowBound> {
    let bound = |random: &mut ChaCha8Rng| RowBound {
        at_most: f64::from(random.random_range(0..3_u8)),
        price: random.random_bool(0.35).then(|| random.random_range(0.1..8.0)),
    };
    (0..rows).map(|_| bound(random)).collect()
}

/// What exceeding the rows costs; `None` if a row without a price is exceeded.
fn penalty(bounds: &[RowBound], used: &[f64]) -> Option<f64> {
    let of_row = |(bound, used): (&RowBound, &f64)| {
        let excess = (used - bound.at_most).max(0.0);
        if excess == 0.0 { Some(0.0) } else { bound.price.map(|price| price * excess) }
    };
    bounds.iter().zip(used).map(of_row).sum()
}

/// The greatest sum of the clients' objectives, less what exceeding the rows costs, given how much of the rows is used
/// already.
fn best_of_all(clients: &[OneChannel], bounds: &[RowBound], used: &[f64], choices: &[Vec<(Vec<usize>, f64)>]) -> f64 {
    let Some((client, others)) = clients.split_first() else {
        return penalty(bounds, used).map_or(f64::NEG_INFINITY, |penalty| -penalty);
    };
    let mut best = f64::NEG_INFINITY;
    for (chosen, objective) in &choices[0] {
        let used: Vec<f64> = client.used(chosen, used.len()).iter().zip(used).map(|(a, b)| a + b).collect();
        best = best.max(objective + best_of_all(others, bounds, &used, &choices[1..]));
    }
    best
}

/// The greatest objective of a client within its share, with how much of the rows it uses.
fn best_within(
    client: &OneChannel,
    share: &[(usize, f64)],
    rows: usize,
    choices: &[(Vec<usize>, f64)],
) -> (f64, Vec<f64>) {
    let may_use = |row: usize| share.iter().find(|(other, _)| *other == row).map_or(0.0, |(_, posts)| *posts);
    let is_within = |used: &Vec<f64>| used.iter().enumerate().all(|(row, used)| *used <= may_use(row));
    let with_use = choices.iter().map(|(chosen, objective)| (*objective, client.used(chosen, rows)));
    let within = with_use.filter(|(_, used)| is_within(used));
    within.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap()
}

/// Shares rows out by prices, as for many clients, or by planning all clients as one problem.
fn sharing(problems: Vec<ClientProblem<'_>>, bounds: &[RowBound], by_prices: bool) -> joint::Sharing {
    if !by_prices {
        return joint::solve(&problems, bounds, Tier::Exact).unwrap();
    }
    let alone = problems.iter().flat_map(|problem| problem.solve_channels(&mut Solver::default(), Tier::Exact));
    let bound_alone = alone.map(|solution| solution.objective).sum();
    let kinds: Vec<usize> = (0..bounds.len()).collect();
    let solved = vec![SolvedChannels::default(); problems.len()];
    let mut search = PriceSearch::new((problems, solved), bounds.to_vec(), &kinds, Tier::Exact);
    let prices = search.find_prices(bound_alone);
    let shares = choice::shares_at(&search, &prices);
    joint::Sharing { prices, shares, price_lists: search.price_lists }
}

/// Upper bound on the sum of the clients' objectives at prices of the rows.
fn bound_at(clients: &[OneChannel], bounds: &[RowBound], prices: &[f64]) -> f64 {
    let mut solver = Solver::default();
    let of_clients =
        clients.iter().map(|client| client.problem().best_week(prices, &[], None, &mut solver, Tier::Exact).bound);
    of_clients.sum::<f64>() + prices.iter().zip(bounds).map(|(price, bound)| price * bound.at_most).sum::<f64>()
}

/// Number of groups, of 400 random groups of clients, whose shares allow less than the best combination of weeks.
fn suboptimal_groups(by_prices: bool) -> usize {
    let mut suboptimal = 0;
    for seed in 0..400 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (count, rows) = (random.random_range(2..=3), random.random_range(1..=3));
        let clients = clients(count, rows, &mut random);
        let bounds = bounds(rows, &mut random);
        let choices: Vec<_> = clients.iter().map(|client| every_choice(&client.week[0])).collect();
        let best = best_of_all(&clients, &bounds, &vec![0.0; rows], &choices);
        let sharing = sharing(clients.iter().map(OneChannel::problem).collect(), &bounds, by_prices);
        for (price, bound) in sharing.prices.iter().zip(&bounds) {
            assert!((0.0..=bound.highest_price()).contains(price), "seed {seed}: {price} is not a price of {bound:?}");
        }
        let bound = bound_at(&clients, &bounds, &sharing.prices);
        assert!(bound >= best - 1e-9 * (1.0 + best.abs()), "seed {seed}: bound {bound} is below {best}");
        let (mut total, mut sum, mut shares) = (0.0, vec![0.0; rows], vec![0.0; rows]);
        for ((client, share), choices) in clients.iter().zip(&sharing.shares).zip(&choices) {
            let (objective, used) = best_within(client, &share.used, rows, choices);
            total += objective;
            sum.iter_mut().zip(used).for_each(|(sum, used)| *sum += used);
            share.used.iter().for_each(|(row, posts)| shares[*row] += posts);
        }
        assert!(penalty(&bounds, &shares).is_some(), "seed {seed}: {shares:?} of {bounds:?}");
        total -= penalty(&bounds, &sum).unwrap();
        assert!(total <= best + 1e-9 * (1.0 + best.abs()), "seed {seed}: {total} is above {best}");
        suboptimal += usize::from(total < best - 0.01 * (1.0 + best.abs()));
    }
    suboptimal
}

#[test]
fn few_clients_share_rows_as_in_the_best_combination_of_weeks() {
    assert_eq!(suboptimal_groups(false), 0);
}

#[test]
fn clients_planned_at_prices_share_rows_nearly_as_in_the_best_combination_of_weeks() {
    let suboptimal = suboptimal_groups(true);
    assert!(suboptimal <= 40, "{suboptimal} of 400 are not close to the best");
}

#[test]
fn the_order_of_clients_hardly_changes_the_bound() {
    for seed in 0..50 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut clients = clients(8, 2, &mut random);
        let bounds = [RowBound { at_most: 3.0, price: None }, RowBound { at_most: 4.0, price: Some(2.0) }];
        let bound = |clients: &[OneChannel]| {
            let prices = sharing(clients.iter().map(OneChannel::problem).collect(), &bounds, true).prices;
            bound_at(clients, &bounds, &prices)
        };
        let before = bound(&clients);
        clients.reverse();
        let reversed = bound(&clients);
        assert!((before - reversed).abs() <= 1e-3 * (1.0 + before.abs()), "seed {seed}: {before} and {reversed}");
    }
}
