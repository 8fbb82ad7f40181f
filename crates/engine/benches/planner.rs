//! Time of the weekly optimiser: `cargo bench --bench planner`. Prints the gap of the fast tier at the end.
//!
//! A sample solves one channel-week; the weeks of a channel are drawn once from a fixed seed and used in turn.

#![allow(clippy::indexing_slicing, reason = "indices run over the lengths of what was just made")]

use std::cell::Cell;
use std::hint::black_box;

use divan::Bencher;
use mcoe_engine::planner::{Instance, Response, Solver};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use support::{BUSY, CHANNELS, Preset, channel_week};

mod support;

const WEEKS: usize = 256;

fn main() {
    divan::main();
    for preset in CHANNELS.iter().chain([&BUSY]) {
        print_gap(preset);
    }
}

#[divan::bench(args = CHANNELS.iter().chain([&BUSY]))]
fn exact(bencher: Bencher, preset: &Preset) {
    let mut solver = Solver::default();
    bench_each(bencher, &weeks(preset), |week| solver.solve(week).objective);
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

fn bench_each<T>(bencher: Bencher, pool: &[T], mut solve: impl FnMut(&T) -> f64) {
    let next = Cell::new(0);
    let draw = || {
        next.set((next.get() + 1) % pool.len());
        next.get()
    };
    bencher.with_inputs(draw).bench_local_values(|index| black_box(solve(&pool[index])));
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
