//! Sample sweeps, from nearly empty to very large.

use super::simulation;
use crate::rules::Level;
use crate::simulator::{
    Direction, Goal, LeftOut, Measure, Noise, PointMeasure, Provenance, Sensitivity, Sweep, SweepPoint, SweptKey,
};
use crate::stats::{Estimate, Pairs, frontier};

/// The size of a sample sweep.
#[derive(Clone, Copy)]
struct Shape {
    points: u32,
    keys: usize,
    replications: u32,
    size: f64,
}

const USUAL: Shape = Shape { points: 24, keys: 3, replications: 4, size: 1.0 };

/// Sweeps of many sizes, each with a name.
pub fn sweeps() -> Vec<(&'static str, Sweep)> {
    let usual = sweep(USUAL);
    let mut hostile = sweep(USUAL);
    for (index, key) in hostile.keys.iter_mut().enumerate() {
        key.keys = vec![format!("guardrails.<b>a|b`c{index}</b> & a name that goes on and on and on and on and on")];
    }
    let mut grid = sweep(Shape { points: 12, keys: 2, ..USUAL });
    for (index, point) in grid.points.iter_mut().enumerate() {
        point.settings = vec![level(index % 4), level(20 * (index / 4))];
    }
    let left_out = (1..30).map(|point| LeftOut { point, mistakes: Vec::new() }).collect();
    let no_points = Sweep { points: Vec::new(), ..usual.clone() };
    vec![
        ("usual", usual.clone()),
        ("one-point", sweep(Shape { points: 1, ..USUAL })),
        ("one-replication", sweep(Shape { replications: 1, ..USUAL })),
        ("many-points", sweep(Shape { points: 700, ..USUAL })),
        ("many-keys", sweep(Shape { keys: 40, ..USUAL })),
        ("zeros", sweep(Shape { size: 0.0, ..USUAL })),
        ("huge", sweep(Shape { size: 4e6, ..USUAL })),
        ("tiny", sweep(Shape { size: 1e-5, ..USUAL })),
        ("left-out", Sweep { left_out, ..usual }),
        ("grid-of-two-keys", grid),
        ("no-points", no_points),
        ("names", hostile),
    ]
}

/// A deterministic number in `0..1` that looks random.
fn pseudo_random(a: usize, b: usize) -> f64 {
    (libm::sin(a as f64 * 12.9898 + b as f64 * 78.233) * 43_758.547).rem_euclid(1.0)
}

fn level(number: usize) -> Level {
    Level { written: number.to_string(), number: Some(number as f64) }
}

/// The values of the measure with the given index at a point, one for each replication.
fn values(shape: Shape, point: u32, index: usize) -> Vec<f64> {
    let factor = 0.8 + 0.4 * pseudo_random(point as usize, index % 2);
    let mean = 40_000.0 / libm::pow(1.0 + index as f64, 2.0) * factor * shape.size;
    (0..shape.replications as usize)
        .map(|number| mean * (0.98 + 0.04 * pseudo_random(number, point as usize + 90)))
        .collect()
}

fn point(shape: Shape, number: u32) -> SweepPoint {
    let measure = |(index, measure): (usize, Measure)| {
        let (values, base_values) = (values(shape, number, index), values(shape, 0, index));
        let mut pairs = Pairs::default();
        base_values.iter().zip(&values).for_each(|(base, value)| pairs.add(*base, *value));
        PointMeasure { measure, estimate: Estimate::of(&values), difference: pairs.difference() }
    };
    SweepPoint {
        number,
        settings: if number == 0 {
            Vec::new()
        } else {
            (0..shape.keys).map(|key| level(key + number as usize)).collect()
        },
        rules_hash: format!("{number:064x}"),
        is_on_frontier: false,
        measures: Measure::ALL.into_iter().enumerate().map(measure).collect(),
    }
}

fn sensitivities(shape: Shape) -> Vec<Sensitivity> {
    let row = |measure: Measure, key: usize| {
        let mut swing = Pairs::default();
        let numbers = (0..shape.replications as usize).map(|number| 900.0 * shape.size * pseudo_random(number, key));
        numbers.for_each(|number| swing.add(9_000.0 * shape.size, 9_000.0 * shape.size + number));
        Sensitivity {
            measure,
            rank: key as u32 + 1,
            key: format!("channels.tiktok.key_{key}"),
            share: (shape.size > 0.0).then(|| 0.6 / libm::pow(1.0 + key as f64, 2.0)),
            least_at: "7".to_owned(),
            most_at: "21".to_owned(),
            swing: swing.difference(),
        }
    };
    Measure::ALL.into_iter().flat_map(|measure| (0..shape.keys).map(move |key| row(measure, key))).collect()
}

fn sweep(shape: Shape) -> Sweep {
    let goal = |measure: Measure| Goal { measure, direction: measure.direction() };
    let goals = [Measure::Engagement, Measure::Reviews].map(goal);
    let mut base = point(shape, 0);
    let mut points: Vec<SweepPoint> = (1..=shape.points).map(|number| point(shape, number)).collect();
    let goal_values = |point: &SweepPoint| {
        goals.map(|goal| {
            let mean = point.measure(goal.measure).unwrap().estimate.mean;
            if goal.direction == Direction::More { mean } else { -mean }
        })
    };
    let all: Vec<[f64; 2]> = std::iter::once(&base).chain(&points).map(goal_values).collect();
    for (point, is_on_frontier) in std::iter::once(&mut base).chain(&mut points).zip(frontier(&all)) {
        point.is_on_frontier = is_on_frontier;
    }
    let key = |key: usize| SweptKey {
        keys: vec![format!("channels.tiktok.key_{key}")],
        base: vec![(key > 0).then(|| level(key))],
        values: "7, 9, 11, 13, 15, 17, 19, 21".to_owned(),
    };
    let noise = (shape.replications > 1).then_some(0.031);
    Sweep {
        provenance: provenance(shape),
        design: "grid",
        keys: (0..shape.keys).map(key).collect(),
        goals,
        base,
        points,
        left_out: Vec::new(),
        sensitivities: sensitivities(shape),
        noise: Measure::ALL.into_iter().map(|measure| Noise { measure, share: noise }).collect(),
    }
}

fn provenance(shape: Shape) -> Provenance {
    let usual = simulation::provenance(simulation::USUAL, "2026-W48".parse().unwrap());
    Provenance { weeks: 4, replications: shape.replications, clients: 100, ..usual }
}
