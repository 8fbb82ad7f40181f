//! Tests the solver against slow searches that share no code with it, and for the properties of an optimum.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Solver;
use crate::model::{FatigueResponse, LinearResponse, SaturatingResponse, Spacing, WeekHours};
use crate::planner::{Instance, Solution};
use reference::{best_by_labels, best_of_all};
pub(in crate::planner) use reference::{every_choice, extreme_week};
use support::{BUSY, CHANNELS, channel_week};

mod reference;
#[path = "../../../../benches/support/mod.rs"]
pub(in crate::planner) mod support;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Extreme weeks of up to `max_hours` hours, one per seed.
fn extreme_weeks(count: u64, max_hours: usize) -> impl Iterator<Item = (u64, Instance)> {
    (0..count).map(move |seed| {
        let mut random = rng(seed);
        let hours = random.random_range(1..=max_hours);
        (seed, extreme_week(hours, &mut random))
    })
}

/// Weeks of every preset, 167, 168 and 169 hours long.
pub(super) fn channel_weeks(count: u64) -> impl Iterator<Item = Instance> {
    let presets = CHANNELS.into_iter().chain([BUSY]);
    presets.flat_map(move |preset| {
        (0..count).map(move |seed| channel_week(&preset, 167 + seed as usize % 3, &mut rng(seed)))
    })
}

/// A saturating response with the fatigue per post of an instance.
pub(super) fn saturating(instance: &Instance, strength: f64) -> FatigueResponse {
    FatigueResponse::Saturating(SaturatingResponse { fatigue_per_post: instance.fatigue_per_post, strength })
}

/// An instance with its own linear response, and with a saturating one whose strength depends on `index`.
fn both_shapes(instance: Instance, index: u64) -> [Instance; 2] {
    let strengths = [0.0, 0.04, 0.11, 0.11, 0.3, 0.7, 2.0];
    let response = saturating(&instance, strengths[index as usize % strengths.len()]);
    [instance.clone(), Instance { response, ..instance }]
}

fn assert_close(found: f64, expected: f64, context: &str) {
    let scale = 1.0_f64.max(expected.abs());
    assert!((found - expected).abs() <= 1e-9 * scale, "{context}: found {found}, expected {expected}");
}

/// Asserts that the solution is feasible, and that its objective is the objective of its hours.
fn assert_consistent(instance: &Instance, solution: &Solution, context: &str) {
    assert!(instance.is_feasible(&solution.chosen), "{context}: {:?} breaks a constraint", solution.chosen);
    assert_eq!(solution.objective.to_bits(), instance.objective(&solution.chosen).to_bits(), "{context}");
}

fn best_objective(choices: impl IntoIterator<Item = (Vec<usize>, f64)>) -> Option<f64> {
    choices.into_iter().map(|(_, objective)| objective).reduce(f64::max)
}

#[test]
fn the_optimum_of_a_short_week_is_the_best_of_all_choices() {
    let mut solver = Solver::default();
    for (seed, instance) in extreme_weeks(4000, 13) {
        for instance in both_shapes(instance, seed) {
            let context = format!("seed {seed}, {:?}", instance.response);
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert!(solution.optimal, "{context}");
            assert_close(solution.objective, best_objective(every_choice(&instance)).unwrap(), &context);
        }
    }
}

#[test]
fn the_optimum_of_few_posts_in_forty_hours_is_the_best_of_all_choices() {
    let mut solver = Solver::default();
    for seed in 0..2500 {
        let mut random = rng(seed + 120_000);
        let mut instance = extreme_week(random.random_range(14..=40), &mut random);
        instance.posts_max = random.random_range(2..=4);
        for instance in both_shapes(instance, seed) {
            let context = format!("seed {seed}, {:?}", instance.response);
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert!(solution.optimal, "{context}");
            assert_close(solution.objective, best_of_all(&instance), &context);
        }
    }
}

#[test]
fn the_optimum_of_a_longer_week_is_the_best_of_all_choices() {
    let mut solver = Solver::default();
    for seed in 0..60 {
        for instance in both_shapes(extreme_week(20, &mut rng(seed + 50_000)), seed) {
            let context = format!("seed {seed}, {:?}", instance.response);
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert_close(solution.objective, best_objective(every_choice(&instance)).unwrap(), &context);
        }
    }
}

#[test]
fn the_optimum_of_a_channel_week_is_that_of_the_reference_search() {
    let mut solver = Solver::default();
    for (index, mut instance) in channel_weeks(6).enumerate() {
        instance.posts_max = instance.posts_max.min(10);
        if index % 2 == 1 {
            instance.committed = vec![20, 77, 130];
        }
        for instance in both_shapes(instance, index as u64) {
            let context = format!("week {index}, {:?}", instance.response);
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert!(solution.optimal, "{context}");
            assert_close(solution.objective, best_by_labels(&instance), &context);
        }
    }
}

#[test]
fn the_optimum_of_an_extreme_week_of_full_length_is_that_of_the_reference_search() {
    let mut solver = Solver::default();
    for seed in 0..150 {
        for instance in both_shapes(extreme_week(167 + seed as usize % 3, &mut rng(seed + 90_000)), seed) {
            let context = format!("seed {seed}, {:?}", instance.response);
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert!(solution.optimal, "{context}");
            assert_close(solution.objective, best_by_labels(&instance), &context);
        }
    }
}

#[test]
fn the_optimum_of_a_week_in_which_the_clocks_change_is_that_of_the_reference_search() {
    let mut solver = Solver::default();
    for (seed, week) in ["2026-W13", "2026-W43"].into_iter().enumerate() {
        let hours = WeekHours::new(week.parse().unwrap(), &"Europe/London".parse().unwrap()).unwrap();
        for (days, preset) in [1, 2, 3].into_iter().flat_map(|days| CHANNELS.map(|preset| (days, preset))) {
            let mut instance = channel_week(&preset, hours.len(), &mut rng(seed as u64));
            let is_nine = hours.hours().iter().map(|wall| wall.hour == 9);
            instance.value.iter_mut().zip(is_nine).filter(|(_, is_nine)| *is_nine).for_each(|(value, _)| *value *= 2.0);
            (instance.posts_max, instance.spacing_hours) = (7, 24 * days);
            let with_elapsed_hours = solver.solve(&instance);
            instance.next_after = Spacing::from_hours(24 * days as u32).next_hours(&hours, 0).unwrap();
            let context = format!("{week}, {preset}, {days} days");
            let solution = solver.solve(&instance);
            assert_consistent(&instance, &solution, &context);
            assert!(solution.optimal, "{context}");
            assert_close(solution.objective, best_by_labels(&instance), &context);
            let differs = solution != with_elapsed_hours;
            assert!(differs || days > 1 || week == "2026-W43", "{context}: the clocks change nothing");
        }
    }
}

#[test]
fn a_pinned_hour_gives_the_best_choice_that_contains_it() {
    let mut solver = Solver::default();
    for (seed, instance) in extreme_weeks(1500, 11) {
        for instance in both_shapes(instance, seed) {
            assert_best_with_each_hour_pinned(&mut solver, &instance, seed);
        }
    }
}

fn assert_best_with_each_hour_pinned(solver: &mut Solver, instance: &Instance, seed: u64) {
    let choices = every_choice(instance);
    for pinned in 0..=instance.value.len() {
        let with_pinned = choices.iter().filter(|(chosen, _)| chosen.contains(&pinned)).cloned();
        let context = format!("seed {seed}, {:?}, hour {pinned}", instance.response);
        match (solver.solve_pinned(instance, pinned), best_objective(with_pinned)) {
            (Some(solution), Some(expected)) => {
                assert_consistent(instance, &solution, &context);
                assert!(solution.optimal, "{context}");
                assert_close(solution.objective, expected, &context);
            }
            (found, expected) => assert_eq!((found, expected), (None, None), "{context}"),
        }
    }
}

#[test]
fn pinning_an_hour_never_raises_the_optimum_and_pinning_a_chosen_one_keeps_it() {
    let mut solver = Solver::default();
    for instance in channel_weeks(2).flat_map(|week| both_shapes(week, 2)) {
        let free = solver.solve(&instance);
        for pinned in (0..instance.value.len()).step_by(5) {
            if let Some(solution) = solver.solve_pinned(&instance, pinned) {
                assert!(solution.objective <= free.objective + 1e-9 * free.objective);
            }
        }
        for pinned in &free.chosen {
            assert_eq!(solver.solve_pinned(&instance, *pinned), Some(free.clone()));
        }
    }
}

fn relax_spacing(instance: &mut Instance) {
    instance.spacing_hours = (instance.spacing_hours - 1).max(1);
    for (hour, next) in instance.next_after.iter_mut().enumerate() {
        *next = (*next - 1).max(hour + 1);
    }
}

#[test]
fn relaxing_a_constraint_never_lowers_the_optimum() {
    let relaxations: [fn(&mut Instance); 6] = [
        |instance| instance.posts_max += 1,
        relax_spacing,
        |instance| instance.block_at += 0.05,
        |instance| instance.hours_since_last_post = None,
        |instance| instance.allowed.iter_mut().step_by(7).for_each(|allowed| *allowed = true),
        |instance| instance.fatigue_start *= 0.9,
    ];
    let mut solver = Solver::default();
    let extreme = (0..150).map(|seed| extreme_week(100, &mut rng(seed + 7_000)));
    let weeks = channel_weeks(3).chain(extreme).enumerate();
    let instances = weeks.flat_map(|(index, week)| both_shapes(week, index as u64));
    for (index, instance) in instances.enumerate() {
        let before = solver.solve(&instance).objective;
        for (number, relax) in relaxations.iter().enumerate() {
            let mut relaxed = instance.clone();
            relax(&mut relaxed);
            let after = solver.solve(&relaxed).objective;
            assert!(after >= before - 1e-9 * before.abs().max(1.0), "week {index}, relaxation {number}");
        }
    }
}

#[test]
fn forbidding_an_hour_never_raises_the_optimum_and_forbidding_an_unused_one_keeps_it() {
    let mut solver = Solver::default();
    for instance in channel_weeks(2).flat_map(|week| both_shapes(week, 2)) {
        let free = solver.solve(&instance);
        for hour in (0..instance.value.len()).step_by(3) {
            let mut without_hour = instance.clone();
            without_hour.allowed[hour] = false;
            let solution = solver.solve(&without_hour);
            assert!(solution.objective <= free.objective + 1e-9 * free.objective);
            assert!(free.chosen.contains(&hour) || solution == free);
        }
    }
}

#[test]
fn among_equally_good_choices_the_earliest_hours_are_taken() {
    let mut solver = Solver::default();
    for seed in 0..400 {
        let mut random = rng(seed + 3_000);
        let mut instance = extreme_week(11, &mut random);
        instance.value.iter_mut().for_each(|value| *value = f64::from(random.random_range(1..=2_u8)));
        instance.response =
            FatigueResponse::Linear(LinearResponse { warn_at: 0.5, slope_below: 0.0, slope_above: 0.0 });
        instance.end_weight = 0.0;
        let choices = every_choice(&instance);
        let best = best_objective(choices.clone()).unwrap();
        let earliest = choices.into_iter().filter(|(_, objective)| *objective == best).map(|(chosen, _)| chosen).min();
        assert_eq!(Some(solver.solve(&instance).chosen), earliest, "seed {seed}");
    }
}

#[test]
fn posts_that_earn_nothing_or_lower_the_objective_are_left_out() {
    let mut solver = Solver::default();
    let mut instance = channel_week(&CHANNELS[0], 168, &mut rng(1));
    instance.end_weight = 1e6;
    assert!(solver.solve(&instance).chosen.len() < instance.posts_max);
    instance.end_weight = 0.0;
    instance.cost = instance.value.iter().copied().fold(0.0, f64::max);
    assert_eq!(solver.solve(&instance).chosen, Vec::<usize>::new(), "no post earns what it costs");
    assert_eq!(solver.solve_fast(&instance).chosen, Vec::<usize>::new());
    instance.cost = 0.0;
    instance.value.fill(0.0);
    assert_eq!(solver.solve(&instance).chosen, Vec::<usize>::new());
    assert_eq!(solver.solve_fast(&instance).chosen, Vec::<usize>::new());
}

#[test]
fn weeks_without_hours_or_posts_have_the_empty_plan() {
    let mut solver = Solver::default();
    let week = channel_week(&CHANNELS[0], 168, &mut rng(2));
    let no_hours = Instance { value: vec![], allowed: vec![], ..week.clone() };
    let no_posts = Instance { posts_max: 0, ..week.clone() };
    let never_allowed = Instance { allowed: vec![false; 168], ..week.clone() };
    let always_blocked = Instance { block_at: 0.0, ..week.clone() };
    for instance in [no_hours, no_posts, never_allowed, always_blocked] {
        for solution in [solver.solve(&instance), solver.solve_fast(&instance)] {
            assert_eq!(solution.chosen, Vec::<usize>::new());
            assert_consistent(&instance, &solution, "empty");
        }
        assert!(solver.solve(&instance).optimal);
        assert_eq!(solver.solve_pinned(&instance, 12), None);
        assert_eq!(solver.end_weight(&instance, 2), 0.0);
    }
}

#[test]
fn a_spacing_longer_than_the_week_leaves_one_post() {
    let mut solver = Solver::default();
    let mut instance = channel_week(&CHANNELS[0], 168, &mut rng(3));
    instance.hours_since_last_post = None;
    instance.spacing_hours = usize::MAX;
    instance.posts_max = usize::MAX;
    assert_eq!(solver.solve(&instance).chosen.len(), 1);
    assert_eq!(solver.solve_fast(&instance).chosen.len(), 1);
}

#[test]
fn weeks_whose_fatigue_vanishes_at_once_or_hardly_decays_are_solved_exactly() {
    let mut solver = Solver::default();
    for decay_per_hour in [f64::MIN_POSITIVE, 1e-200, 1e-9, 0.01, 0.5, 1.0 - 1e-9, 1.0 - f64::EPSILON] {
        for seed in 0..60 {
            let instance = Instance { decay_per_hour, ..extreme_week(168, &mut rng(seed + 20_000)) };
            for instance in both_shapes(instance, seed) {
                let solution = solver.solve(&instance);
                let context = format!("decay {decay_per_hour}, seed {seed}, {:?}", instance.response);
                assert_consistent(&instance, &solution, &context);
                assert_close(solution.objective, best_by_labels(&instance), &context);
            }
        }
    }
}

#[test]
fn the_fast_tier_satisfies_the_constraints_and_comes_within_three_percent() {
    let mut solver = Solver::default();
    let instances = channel_weeks(30).flat_map(|week| both_shapes(week, 2));
    for (index, instance) in instances.enumerate() {
        let (exact, fast) = (solver.solve(&instance), solver.solve_fast(&instance));
        assert_consistent(&instance, &fast, &format!("week {index}"));
        assert!(!fast.optimal);
        assert!(fast.objective <= exact.objective + 1e-9 * exact.objective, "week {index}");
        assert!(fast.objective >= 0.97 * exact.objective, "week {index}");
    }
    let instances = extreme_weeks(2000, 40).flat_map(|(seed, week)| both_shapes(week, seed).map(|week| (seed, week)));
    for (seed, instance) in instances {
        let (exact, fast) = (solver.solve(&instance), solver.solve_fast(&instance));
        assert_consistent(&instance, &fast, &format!("seed {seed}"));
        assert!(fast.objective <= exact.objective + 1e-9 * exact.objective.abs().max(1.0), "seed {seed}");
    }
}

#[test]
fn a_reused_solver_finds_what_a_new_one_finds() {
    let mut reused = Solver::default();
    let instances = extreme_weeks(300, 168).flat_map(|(seed, week)| both_shapes(week, seed).map(|week| (seed, week)));
    for (seed, instance) in instances {
        assert_eq!(reused.solve(&instance), Solver::default().solve(&instance), "seed {seed}");
        assert_eq!(reused.solve_fast(&instance), Solver::default().solve_fast(&instance), "seed {seed}");
    }
}

/// Cost of a unit of fatigue at the start of the week, as the finite difference of two optima.
fn cost_by_difference(solver: &mut Solver, instance: &Instance) -> f64 {
    let step = 1e-4;
    let mut objective_at = |fatigue_start| solver.solve(&Instance { fatigue_start, ..instance.clone() }).objective;
    (objective_at(instance.fatigue_start) - objective_at(instance.fatigue_start + step)) / step
}

#[test]
fn the_price_of_fatigue_at_the_end_is_what_fatigue_at_the_start_costs() {
    for shape in 0..2 {
        assert_prices_are_costs(channel_weeks(30).map(|week| both_shapes(week, 2)[shape].clone()));
    }
}

fn assert_prices_are_costs(weeks: impl Iterator<Item = Instance>) {
    let mut solver = Solver::default();
    let (mut total, mut count, mut inaccurate) = (0.0, 0, 0);
    for instance in weeks {
        let price = solver.end_weight(&instance, 3);
        let cost = cost_by_difference(&mut solver, &Instance { end_weight: price, ..instance.clone() });
        let error = (price - cost).abs() / cost;
        total += error;
        count += 1;
        inaccurate += usize::from(error > 0.02);
    }
    assert!(total / f64::from(count) < 0.005, "off by {} on average", total / f64::from(count));
    assert!(inaccurate <= 9, "{inaccurate} of {count} prices are off by more than 2 %");
}

#[test]
fn the_price_is_zero_without_rounds_and_never_negative() {
    let mut solver = Solver::default();
    let instances = extreme_weeks(500, 60).flat_map(|(seed, week)| both_shapes(week, seed).map(|week| (seed, week)));
    for (seed, instance) in instances {
        assert_eq!(solver.end_weight(&instance, 0), 0.0);
        for rounds in 1..4 {
            let price = solver.end_weight(&instance, rounds);
            assert!(price >= 0.0 && price.is_finite(), "seed {seed}: {price}");
        }
    }
}
