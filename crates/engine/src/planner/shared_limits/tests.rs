//! Tests the sharing out against the best of all combinations.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::prices::{ClientProblem, lowest_bound};
use super::shares;
use crate::model::Tier;
use crate::planner::Solver;
use crate::planner::slots::tests::{every_choice, odd_week};

const HOURS: usize = 6;

/// Two or three clients with a channel each, whose posts count in some of the rows.
fn problems(rows: usize, random: &mut ChaCha8Rng) -> Vec<ClientProblem> {
    let client = |random: &mut ChaCha8Rng| {
        let mut week = odd_week(HOURS, random);
        week.posts_max = week.posts_max.min(2);
        let mut counted = Vec::new();
        for row in 0..rows {
            for hour in 0..HOURS {
                if random.random_bool(0.6) {
                    counted.push((0, hour, row));
                }
            }
        }
        ClientProblem { instances: vec![week], own: Vec::new(), counted }
    };
    (0..random.random_range(2..=3)).map(|_| client(random)).collect()
}

fn used(problem: &ClientProblem, chosen: &[usize], rows: usize) -> Vec<f64> {
    let mut used = vec![0.0; rows];
    for (_, _, row) in problem.counted.iter().filter(|(_, hour, _)| chosen.contains(hour)) {
        used[*row] += 1.0;
    }
    used
}

/// The most that all clients come to within the rows.
fn best_of_all(problems: &[ClientProblem], left: &[f64], choices: &[Vec<(Vec<usize>, f64)>]) -> f64 {
    let Some((problem, others)) = problems.split_first() else { return 0.0 };
    let mut best = f64::NEG_INFINITY;
    for (chosen, objective) in &choices[0] {
        let used = used(problem, chosen, left.len());
        let rest: Vec<f64> = left.iter().zip(&used).map(|(left, used)| left - used).collect();
        if rest.iter().all(|left| *left >= 0.0) {
            best = best.max(objective + best_of_all(others, &rest, &choices[1..]));
        }
    }
    best
}

#[test]
fn clients_keep_shared_limits_below_the_bound_and_close_to_the_best_of_all() {
    let (mut shared, mut missed) = (0, 0);
    for seed in 0..400 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rows = random.random_range(1..=3);
        let problems = problems(rows, &mut random);
        let left: Vec<f64> = (0..rows).map(|_| f64::from(random.random_range(0..3_u8))).collect();
        let choices: Vec<_> = problems.iter().map(|problem| every_choice(&problem.instances[0])).collect();
        let best = best_of_all(&problems, &left, &choices);
        let found = lowest_bound(&problems, &left, Tier::Exact);
        assert!(found.bound >= best - 1e-9 * (1.0 + best.abs()), "seed {seed}: bound {} is below {best}", found.bound);
        let shares = shares::of_clients(&problems, &left, &found, Tier::Exact);
        let (mut total, mut sum) = (0.0, vec![0.0; rows]);
        for (problem, share) in problems.iter().zip(&shares) {
            let most: Vec<(usize, f64)> = share.iter().copied().enumerate().collect();
            let answer = problem.solve(&vec![0.0; rows], &most, &mut Solver::default(), Tier::Exact);
            total += answer.objective;
            answer.used.iter().for_each(|(row, count)| sum[*row] += count);
        }
        assert!(sum.iter().zip(&left).all(|(used, left)| used <= left), "seed {seed}: {sum:?} of {left:?}");
        assert!(total <= best + 1e-9 * (1.0 + best.abs()), "seed {seed}: {total} is above {best}");
        shared += 1;
        missed += usize::from(total < best - 0.01 * (1.0 + best.abs()));
    }
    assert!(missed * 10 <= shared, "{missed} of {shared} are not the best");
}

#[test]
fn the_order_of_clients_changes_neither_bound_nor_total() {
    for seed in 0..50 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut problems = problems(2, &mut random);
        let bound = lowest_bound(&problems, &[1.0, 1.0], Tier::Exact).bound;
        problems.reverse();
        let turned = lowest_bound(&problems, &[1.0, 1.0], Tier::Exact).bound;
        assert!((bound - turned).abs() <= 1e-3 * (1.0 + bound.abs()), "seed {seed}: {bound} and {turned}");
    }
}
