//! Compares solutions of coupled weeks with the best of all combinations of choices.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::model::{FatigueResponse, SaturatingResponse, Tier};
use crate::planner::slots::tests::support::{CHANNELS, channel_week};
use crate::planner::slots::tests::{every_choice, extreme_week};
use crate::planner::{Instance, Solver};

const HOURS: usize = 6;

/// The weeks of two or three random channels.
fn random_channels(random: &mut ChaCha8Rng) -> Vec<Instance> {
    let count = random.random_range(2..=3);
    let channel = |random: &mut ChaCha8Rng| {
        let mut week = extreme_week(HOURS, random);
        week.posts_max = week.posts_max.min(2);
        week.block_at = week.block_at.max(0.8);
        if random.random_bool(0.5) {
            let response = SaturatingResponse { fatigue_per_post: week.fatigue_per_post, strength: 0.3 };
            week.response = FatigueResponse::Saturating(response);
        }
        week
    };
    (0..count).map(|_| channel(random)).collect()
}

/// Random rows of every kind: upper and lower limits on the number or the share of posts of some channels in some
/// hours.
fn random_rows(channels: usize, random: &mut ChaCha8Rng) -> Vec<Row> {
    let count = random.random_range(1..=5);
    let row = |random: &mut ChaCha8Rng| {
        let kind = random.random_range(0..4);
        let first = random.random_range(0..HOURS);
        let last = random.random_range(first..HOURS);
        let share = [0.25, 0.4, 0.5, 0.7][random.random_range(0..4)];
        let counted: Vec<bool> = (0..channels).map(|_| random.random_bool(0.7)).collect();
        let mut terms = Vec::new();
        for (channel, is_counted) in counted.into_iter().enumerate() {
            for hour in first..=last {
                let count = f64::from(u8::from(is_counted));
                let coefficient = [count, -count, count - share, share - count][kind];
                if coefficient != 0.0 {
                    terms.push(Term { channel, hour, coefficient });
                }
            }
        }
        let posts = f64::from(random.random_range(0..4_u8));
        let at_most = [posts, -posts, 0.0, 0.0][kind];
        Row { terms, at_most, price: random.random_bool(0.3).then(|| random.random_range(0.1..8.0)) }
    };
    let mut rows: Vec<Row> = (0..count).map(|_| row(random)).collect();
    if random.random_bool(0.4) {
        let (first, second) = (random.random_range(1..=2), random.random_range(0..=2));
        let price = random.random_bool(0.3).then(|| random.random_range(0.1..8.0));
        rows.extend(order_rows(HOURS, [channels - 1, 0], [first, first + second], price));
    }
    rows
}

/// Rows that require each post of one channel to be followed by one of another, from `first` to `last` hours later.
/// Posts whose last hour to be followed lies after the week need not be followed.
fn order_rows(hours: usize, [leader, follower]: [usize; 2], [first, last]: [usize; 2], price: Option<f64>) -> Vec<Row> {
    let term = |channel: usize, hour: usize, coefficient: f64| Term { channel, hour, coefficient };
    let row = |hour: usize| {
        let following = (hour + first..=hour + last).map(|later| term(follower, later, -1.0));
        Row { terms: std::iter::once(term(leader, hour, 1.0)).chain(following).collect(), at_most: 0.0, price }
    };
    (0..hours.saturating_sub(last)).map(row).collect()
}

/// The greatest objective of all combinations that satisfy the rows; `None` if no combination does.
fn best_of_all(weeks: &[Instance], coupled: &CoupledWeek<'_>) -> Option<f64> {
    let choices: Vec<_> = weeks.iter().map(every_choice).collect();
    let mut best: Option<f64> = None;
    let mut indices = vec![0; choices.len()];
    loop {
        let chosen = || indices.iter().zip(&choices).map(|(index, choices)| &choices[*index]);
        let used = coupled.used(chosen().map(|(hours, _)| hours.as_slice()));
        if coupled.is_feasible(&used) {
            let rows = coupled.rows().iter().zip(&used);
            let penalty: f64 = rows.map(|(row, used)| row.price.unwrap_or(0.0) * row.excess(*used)).sum();
            let objective = chosen().map(|(_, objective)| objective).sum::<f64>() - penalty;
            best = Some(best.map_or(objective, |best| best.max(objective)));
        }
        let next = (0..indices.len()).find(|channel| indices[*channel] + 1 < choices[*channel].len());
        let Some(channel) = next else { return best };
        indices[channel] += 1;
        indices[..channel].fill(0);
    }
}

fn solve_exactly(weeks: &[Instance], coupled: &CoupledWeek<'_>) -> CoupledSolution {
    let mut solver = Solver::default();
    let alone = weeks.iter().map(|week| solver.solve(week)).collect();
    solve_coupled(coupled, alone, &mut solver, Tier::Exact)
}

#[test]
fn the_bound_is_at_least_the_best_objective_and_the_choice_is_close_to_it() {
    let (mut suboptimal, mut coupled_weeks, mut contradictions) = (0, 0, 0);
    for seed in 0..2000 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let weeks = random_channels(&mut random);
        let coupled = CoupledWeek::new(weeks.iter().collect(), random_rows(weeks.len(), &mut random));
        let best = best_of_all(&weeks, &coupled);
        let solution = solve_exactly(&weeks, &coupled);
        let used = coupled.used(solution.channels.iter().map(|solution| solution.chosen.as_slice()));
        assert_eq!(solution.is_feasible, coupled.is_feasible(&used), "seed {seed}");
        for (week, channel) in weeks.iter().zip(&solution.channels) {
            assert!(week.is_feasible(&channel.chosen), "seed {seed}");
            assert!((channel.objective - week.objective(&channel.chosen)).abs() < 1e-9, "seed {seed}");
        }
        let Some(best) = best else {
            contradictions += 1;
            assert!(!solution.is_feasible, "seed {seed}");
            let groups: Vec<usize> = (0..coupled.rows().len()).collect();
            let conflict = smallest_conflict(&coupled, &groups, &mut Solver::default());
            let rows = coupled.rows().iter().enumerate().filter(|(row, _)| conflict.contains(row));
            let conflicting = CoupledWeek::new(weeks.iter().collect(), rows.map(|(_, row)| row.clone()).collect());
            assert_eq!(best_of_all(&weeks, &conflicting), None, "seed {seed}: {conflict:?} can be satisfied");
            continue;
        };
        let bound = solution.bound.unwrap();
        let tolerance = 1e-9 * (1.0 + best.abs());
        assert!(bound >= best - tolerance, "seed {seed}: bound {bound} is below {best}");
        assert!(solution.is_feasible, "seed {seed}: nothing found, {best} is possible");
        assert!(solution.objective <= best + tolerance, "seed {seed}: {} is above {best}", solution.objective);
        coupled_weeks += 1;
        suboptimal += usize::from(solution.objective < best - 1e-6 * (1.0 + best.abs()));
    }
    assert!(contradictions > 50, "{contradictions}");
    assert!(suboptimal * 50 <= coupled_weeks, "{suboptimal} of {coupled_weeks} are not the best");
}

#[test]
fn the_price_of_a_post_required_in_one_hour_is_what_it_costs() {
    for seed in 0..20 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let weeks: Vec<Instance> = CHANNELS.iter().map(|preset| channel_week(preset, 167, &mut random)).collect();
        let alone = Solver::default().solve(&weeks[0]).chosen;
        let allowed = |hour: &usize| weeks[0].allowed[*hour] && !alone.contains(hour);
        let Some(hour) = (60..167).find(allowed) else { continue };
        let term = Term { channel: 0, hour, coefficient: -1.0 };
        let row = Row { terms: vec![term], at_most: -1.0, price: None };
        let coupled = CoupledWeek::new(weeks.iter().collect(), vec![row]);
        let solution = solve_exactly(&weeks, &coupled);
        assert!(solution.is_feasible && solution.channels[0].chosen.contains(&hour), "seed {seed}");
        let unlimited: f64 = weeks.iter().map(|week| Solver::default().solve(week).objective).sum();
        // The price is exact up to the last halving of its range: `HIGHEST_PRICE` · scale / 2^`HALVINGS`.
        let scale = weeks.iter().flat_map(|week| &week.value).copied().fold(1.0, f64::max);
        let loss = unlimited - solution.objective;
        let expected = loss - 1e-6 * scale..=loss + 20.0 * scale / 65_536.0 + 1e-3 * scale;
        assert!(expected.contains(&solution.prices[0]), "seed {seed}: {:?}, {loss}", solution.prices);
    }
}

/// Typical rows for a week of nine channels: at most `per_day` posts a day and one an hour, a share of some channels,
/// and a number of posts on the weekend with a price.
fn typical_rows(channels: usize, per_day: f64) -> Vec<Row> {
    let row = |hours: std::ops::Range<usize>, at_most: f64, price: Option<f64>, coefficient: fn(usize) -> f64| Row {
        terms: (0..channels)
            .flat_map(|channel| {
                hours.clone().map(move |hour| Term { channel, hour, coefficient: coefficient(channel) })
            })
            .collect(),
        at_most,
        price,
    };
    let mut rows: Vec<Row> = (0..7).map(|day| row(day * 24..(day + 1) * 24, per_day, None, |_| 1.0)).collect();
    rows.extend((0..167).map(|hour| row(hour..hour + 1, 1.0, None, |_| 1.0)));
    rows.push(row(0..167, 0.0, None, |channel| if channel < 2 { -0.7 } else { 0.3 }));
    rows.push(row(120..167, -4.0, Some(40.0), |_| -1.0));
    rows
}

#[test]
fn weeks_of_nine_channels_whose_posts_follow_each_other_come_close_to_their_bounds() {
    for seed in 0..6 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let weeks: Vec<Instance> = CHANNELS.iter().map(|preset| channel_week(preset, 167, &mut random)).collect();
        for (window, chain) in [([2, 2], false), ([1, 4], false), ([3, 6], true)] {
            let mut rows = order_rows(167, [0, 1], window, None);
            if chain {
                rows.extend(order_rows(167, [1, 2], window, None));
            }
            let coupled = CoupledWeek::new(weeks.iter().collect(), rows);
            let solution = solve_exactly(&weeks, &coupled);
            let bound = solution.bound.unwrap();
            assert!(solution.is_feasible, "seed {seed}");
            assert!(!solution.channels[0].chosen.is_empty(), "seed {seed}, {window:?}");
            let gap = (bound - solution.objective) / bound;
            assert!((-1e-9..0.03).contains(&gap), "seed {seed}, {window:?}: {} of {bound}", solution.objective);
        }
    }
}

#[test]
fn weeks_of_nine_channels_under_limits_of_every_kind_come_close_to_their_bounds() {
    for seed in 0..6 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let weeks: Vec<Instance> = CHANNELS.iter().map(|preset| channel_week(preset, 167, &mut random)).collect();
        for per_day in [2.0, 5.0] {
            let coupled = CoupledWeek::new(weeks.iter().collect(), typical_rows(weeks.len(), per_day));
            let solution = solve_exactly(&weeks, &coupled);
            let bound = solution.bound.unwrap();
            assert!(solution.is_feasible, "seed {seed}");
            let gap = (bound - solution.objective) / bound;
            assert!((-1e-9..0.03).contains(&gap), "seed {seed}, {per_day} a day: {} of {bound}", solution.objective);
        }
    }
}
