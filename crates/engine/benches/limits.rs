//! A client's nine channels under limits: `cargo bench --bench limits` prints, for each limit, the gap between
//! objective and upper bound, and the time.

#![allow(clippy::indexing_slicing, reason = "indices run over the lengths of what was just made")]

use std::time::Instant;

use mcoe_engine::model::{FatigueResponse, LinearResponse, SaturatingResponse, Tier};
use mcoe_engine::planner::{CoupledWeek, Instance, Row, Solver, Term, solve_coupled};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use support::{CHANNELS, channel_week};

mod support;

const CLIENTS: u64 = 1_000;

fn main() {
    for one_an_hour in [false, true] {
        for cap in 3..=8 {
            print_gaps_and_times(cap, one_an_hour);
        }
    }
}

/// At most `cap` posts a day over all channels, and with `one_an_hour` at most one an hour.
fn rows(weeks: &[Instance], cap: f64, one_an_hour: bool) -> Vec<Row> {
    let row = |hours: std::ops::Range<usize>, at_most: f64| Row {
        terms: (0..weeks.len())
            .flat_map(|channel| hours.clone().map(move |hour| Term { channel, hour, coefficient: 1.0 }))
            .collect(),
        at_most,
        price: None,
    };
    let days = (0..7).map(|day| row(day * 24..(day + 1) * 24, cap));
    let hours = (0..168).filter(|_| one_an_hour).map(|hour| row(hour..hour + 1, 1.0));
    days.chain(hours).collect()
}

fn print_gaps_and_times(cap: usize, one_an_hour: bool) {
    let mut solver = Solver::default();
    let (mut gaps, mut times) = (Vec::new(), Vec::new());
    let (mut unlimited_objective, mut limited_objective) = (0.0, 0.0);
    for client in 0..CLIENTS {
        let mut random = ChaCha8Rng::seed_from_u64(client);
        let weeks: Vec<Instance> = CHANNELS
            .iter()
            .map(|preset| {
                let week = channel_week(preset, 168, &mut random);
                let response = SaturatingResponse { fatigue_per_post: week.fatigue_per_post, strength: 0.11 };
                if client % 2 == 0 {
                    Instance { response: FatigueResponse::Saturating(response), ..week }
                } else {
                    week
                }
            })
            .collect();
        let unlimited: Vec<_> = weeks.iter().map(|week| solver.solve(week)).collect();
        unlimited_objective += unlimited.iter().map(|solution| solution.objective).sum::<f64>();
        let start = Instant::now();
        let coupled = CoupledWeek::new(weeks.iter().collect(), rows(&weeks, cap as f64, one_an_hour));
        let solution = solve_coupled(&coupled, unlimited, &mut solver, Tier::Exact);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        limited_objective += solution.objective;
        assert!(solution.is_feasible);
        gaps.extend(solution.bound.map(|bound| 100.0 * (bound - solution.objective) / bound));
    }
    gaps.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let quantile = |sorted: &[f64], share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    println!(
        "{cap} a day{}: gap median {:.4} %, p95 {:.4} %, worst {:.4} %; time median {:.1} ms, p95 {:.1} ms, \
         worst {:.1} ms; the limits cost {:.2} % of the objective",
        if one_an_hour { ", one an hour" } else { "" },
        quantile(&gaps, 0.5),
        quantile(&gaps, 0.95),
        quantile(&gaps, 1.0),
        quantile(&times, 0.5),
        quantile(&times, 0.95),
        quantile(&times, 1.0),
        100.0 * (1.0 - limited_objective / unlimited_objective),
    );
}
