//! Time of the weekly optimiser: `cargo bench --bench planner`. At the end it prints how far the fast tier falls short
//! of the exact one, and how much longer a saturating response takes than a linear one.
//!
//! A sample solves one channel-week; the weeks of a channel are drawn once from a fixed seed and used in turn.

#![allow(clippy::indexing_slicing, reason = "indices run over the lengths of what was just made")]

use std::cell::Cell;
use std::hint::black_box;
use std::time::Instant;

use divan::Bencher;
use mcoe_engine::model::{FatigueResponse, LinearResponse, SaturatingResponse};
use mcoe_engine::planner::{Instance, Solver};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use support::{BUSY, CHANNELS, Preset, channel_week};

mod support;

/// Number of weeks of each channel.
const WEEKS: usize = 256;
/// How often the weeks of a channel are solved to compare the two responses.
const ROUNDS: usize = 12;

fn main() {
    divan::main();
    for preset in CHANNELS.iter().chain([&BUSY]) {
        print_gap(preset);
    }
    for preset in CHANNELS.iter().chain([&BUSY]) {
        print_response_times(preset);
    }
}

#[divan::bench(args = CHANNELS.iter().chain([&BUSY]))]
fn exact(bencher: Bencher, preset: &Preset) {
    let mut solver = Solver::default();
    bench_each(bencher, &weeks(preset), |week| solver.solve(week).objective);
}

#[divan::bench(args = CHANNELS.iter().chain([&BUSY]))]
fn exact_saturating(bencher: Bencher, preset: &Preset) {
    let mut solver = Solver::default();
    bench_each(bencher, &saturating(&weeks(preset)), |week| solver.solve(week).objective);
}

#[divan::bench(args = CHANNELS.iter().chain([&BUSY]))]
fn fast(bencher: Bencher, preset: &Preset) {
    let mut solver = Solver::default();
    bench_each(bencher, &weeks(preset), |week| solver.solve_fast(week).objective);
}

#[divan::bench(args = CHANNELS.iter().chain([&BUSY]))]
fn end_weight_in_two_rounds(bencher: Bencher, preset: &Preset) {
    let mut solver = Solver::default();
    bench_each(bencher, &weeks(preset), |week| solver.end_weight(week, 2));
}

#[divan::bench]
fn exact_nine_channels(bencher: Bencher) {
    let channels: Vec<Vec<Instance>> = CHANNELS.iter().map(weeks).collect();
    let clients: Vec<Vec<&Instance>> =
        (0..WEEKS).map(|client| channels.iter().map(|weeks| &weeks[client]).collect()).collect();
    let mut solver = Solver::default();
    bench_each(bencher, &clients, |client| client.iter().map(|week| solver.solve(week).objective).sum());
}

fn weeks(preset: &Preset) -> Vec<Instance> {
    let mut random = ChaCha8Rng::seed_from_u64(preset.weekly_posts as u64);
    (0..WEEKS).map(|_| channel_week(preset, 168, &mut random)).collect()
}

/// The same weeks with a saturating response.
fn saturating(weeks: &[Instance]) -> Vec<Instance> {
    let saturating = |week: &Instance| {
        let response = SaturatingResponse { fatigue_per_post: week.fatigue_per_post, strength: 0.11 };
        Instance { response: FatigueResponse::Saturating(response), ..week.clone() }
    };
    weeks.iter().map(saturating).collect()
}

/// Measures `solve` on the members of `pool` in turn.
fn bench_each<T>(bencher: Bencher, pool: &[T], mut solve: impl FnMut(&T) -> f64) {
    let last = Cell::new(0);
    let next_index = || {
        last.set((last.get() + 1) % pool.len());
        last.get()
    };
    bencher.with_inputs(next_index).bench_local_values(|index| black_box(solve(&pool[index])));
}

fn print_gap(preset: &Preset) {
    let mut solver = Solver::default();
    let (mut total, mut worst, mut proven, weeks) = (0.0, 0.0_f64, 0, weeks(preset));
    for week in &weeks {
        let best = solver.solve(week);
        let gap = 1.0 - solver.solve_fast(week).objective / best.objective;
        total += gap;
        worst = worst.max(gap);
        proven += usize::from(best.optimal);
    }
    let mean = 100.0 * total / weeks.len() as f64;
    println!(
        "{:9} proven {proven} of {}, gap of the fast tier {mean:.4} % on average, {:.3} % at worst",
        preset.name,
        weeks.len(),
        100.0 * worst
    );
}

/// Solves the weeks of a channel several times, with each response in turn, and compares the shortest times.
fn print_response_times(preset: &Preset) {
    let linear = weeks(preset);
    let saturating = saturating(&linear);
    let mut solver = Solver::default();
    let mut microseconds_a_week = |weeks: &[Instance]| {
        let start = Instant::now();
        weeks.iter().for_each(|week| {
            black_box(solver.solve(week));
        });
        start.elapsed().as_secs_f64() * 1e6 / weeks.len() as f64
    };
    let mut shortest = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        shortest = [shortest[0].min(microseconds_a_week(&linear)), shortest[1].min(microseconds_a_week(&saturating))];
    }
    let [linear, saturating] = shortest;
    let ratio = saturating / linear;
    println!("{:9} linear {linear:.1} us, saturating {saturating:.1} us a channel-week: ratio {ratio:.2}", preset.name);
}
