//! Summarizes a sweep from the outcomes of its points.

use std::collections::BTreeMap;

use serde::Serialize;

use super::outcome::PointOutcome;
use super::sensitivity::{Noise, Sensitivity, sensitivities};
use super::spec::{Goal, LeftOut, SweepSpec};
use crate::rules::{Level, Levels, SweepParameter};
use crate::simulator::measure::{Direction, Measure};
use crate::simulator::parts::{SimulatedClients, SimulationSetting, provenance};
use crate::simulator::summary::Provenance;
use crate::stats::{Difference, Estimate, Pairs, frontier};

/// The result of a sweep.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sweep {
    /// Everything needed to reproduce the simulation of the unmodified pack.
    pub provenance: Provenance,
    /// How points were chosen: `grid` or `sobol`.
    pub design: &'static str,
    /// The keys that were varied, in the order given.
    pub keys: Vec<SweptKey>,
    /// The two measures that are traded off.
    pub goals: [Goal; 2],
    /// The unmodified pack, with number 0 and without settings.
    pub base: SweepPoint,
    /// Every point that was simulated, by number.
    pub points: Vec<SweepPoint>,
    /// Points whose pack is invalid.
    pub left_out: Vec<LeftOut>,
    /// For every headline measure, the sensitivity to each key, the largest first.
    pub sensitivities: Vec<Sensitivity>,
    /// For every headline measure, how much of the variation may be noise.
    pub noise: Vec<Noise>,
}

/// A key that was varied, or several that were varied together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweptKey {
    /// The full path of each key.
    pub keys: Vec<String>,
    /// The pack's value of each key; `None` if it has none.
    pub base: Vec<Option<Level>>,
    /// The values simulated, in words.
    pub values: String,
}

impl SweptKey {
    /// The key's name; several names are joined by commas.
    #[must_use]
    pub fn name(&self) -> String {
        self.keys.join(",")
    }
}

/// A point, or the unmodified pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SweepPoint {
    /// 1-based number; 0 for the unmodified pack.
    pub number: u32,
    /// The value of each key, in the order of the keys.
    pub settings: Vec<Level>,
    /// Hash of its pack.
    pub rules_hash: String,
    /// Whether it is Pareto-optimal: whether no other point, nor the unmodified pack, does at least as well in both
    /// goals and better in one.
    pub is_on_frontier: bool,
    /// Every headline measure, in the order of [`Measure::ALL`].
    pub measures: Vec<PointMeasure>,
}

/// A headline measure of a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PointMeasure {
    /// The measure.
    pub measure: Measure,
    /// Its estimate over replications.
    pub estimate: Estimate,
    /// The difference from the unmodified pack, paired by replication with common random numbers.
    pub difference: Difference,
}

impl Goal {
    /// The mean, negated if less is better, so that more is always better.
    fn oriented_mean(self, point: &SweepPoint) -> f64 {
        let mean = point.measure(self.measure).map_or(0.0, |row| row.estimate.mean);
        match self.direction {
            Direction::More => mean,
            Direction::Fewer => -mean,
        }
    }
}

impl SweepPoint {
    /// The point's result for a headline measure.
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Option<&PointMeasure> {
        self.measures.iter().find(|row| row.measure == measure)
    }
}

impl Sweep {
    /// The sensitivities of a headline measure, the largest first.
    pub fn sensitivities_of(&self, measure: Measure) -> impl Iterator<Item = &Sensitivity> {
        self.sensitivities.iter().filter(move |row| row.measure == measure)
    }

    /// How much of the variation of a headline measure may be noise; `None` if unknown.
    #[must_use]
    pub fn noise_of(&self, measure: Measure) -> Option<f64> {
        self.noise.iter().find(|row| row.measure == measure)?.share
    }
}

/// Summarizes a sweep. If a point has several outcomes, the last counts; points without one are left out.
#[must_use]
pub fn summarise(spec: &SweepSpec<'_>, outcomes: &[PointOutcome]) -> Sweep {
    let by_point: BTreeMap<u32, &PointOutcome> = outcomes.iter().map(|outcome| (outcome.point, outcome)).collect();
    let empty = PointOutcome { point: 0, rules_hash: spec.rules.hash().to_owned(), rows: Vec::new() };
    let base = by_point.get(&0).copied().unwrap_or(&empty);
    let simulated: Vec<(&PointOutcome, &Vec<Level>)> =
        (1..).zip(spec.points).filter_map(|(number, levels)| Some((*by_point.get(&number)?, levels))).collect();
    let mut points: Vec<SweepPoint> =
        simulated.iter().map(|(outcome, levels)| point(outcome, base, levels.to_vec())).collect();
    let mut base = point(base, base, Vec::new());
    let goal_values: Vec<[f64; 2]> =
        std::iter::once(&base).chain(&points).map(|point| spec.goals.map(|goal| goal.oriented_mean(point))).collect();
    let on_frontier = frontier(&goal_values);
    for (point, is_on_frontier) in std::iter::once(&mut base).chain(&mut points).zip(on_frontier) {
        point.is_on_frontier = is_on_frontier;
    }
    let (sensitivities, noise) = sensitivities(spec, &simulated);
    let SweepSpec { rules, scenario, tier, extent, .. } = *spec;
    let setting = SimulationSetting { rules, scenario, tier, extent };
    Sweep {
        provenance: provenance(setting, &SimulatedClients::of(scenario, extent.weeks)),
        design: spec.design.name(),
        keys: spec.parameters.iter().map(swept_key).collect(),
        goals: spec.goals,
        base,
        points,
        left_out: spec.left_out.to_vec(),
        sensitivities,
        noise,
    }
}

fn point(outcome: &PointOutcome, base: &PointOutcome, settings: Vec<Level>) -> SweepPoint {
    let measure = |(index, measure): (usize, Measure)| {
        let values = |outcome: &PointOutcome| -> Vec<f64> {
            outcome.rows.iter().filter_map(|row| row.get(index).copied()).collect()
        };
        let (values, base_values) = (values(outcome), values(base));
        let mut pairs = Pairs::default();
        base_values.iter().zip(&values).for_each(|(base, value)| pairs.add(*base, *value));
        PointMeasure { measure, estimate: Estimate::of(&values), difference: pairs.difference() }
    };
    SweepPoint {
        number: outcome.point,
        settings,
        rules_hash: outcome.rules_hash.clone(),
        is_on_frontier: false,
        measures: Measure::ALL.into_iter().enumerate().map(measure).collect(),
    }
}

fn swept_key(parameter: &SweepParameter) -> SweptKey {
    SweptKey {
        keys: parameter.keys.iter().map(|key| key.path.clone()).collect(),
        base: parameter.keys.iter().map(|key| key.base.clone()).collect(),
        values: match &parameter.levels {
            Levels::List(levels) => levels.iter().map(|level| level.written.as_str()).collect::<Vec<_>>().join(", "),
            Levels::Range(low, high) => format!("any number from {low} to {high}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(point: u32, engagement: f64, reviews: f64) -> PointOutcome {
        let row = |noise: f64| {
            Measure::ALL.map(|measure| match measure {
                Measure::Engagement => engagement + noise,
                Measure::Reviews => reviews + noise,
                _ => 0.0,
            })
        };
        PointOutcome { point, rules_hash: "aa".to_owned(), rows: vec![row(0.0), row(7.0)] }
    }

    #[test]
    fn a_point_is_paired_with_the_unmodified_pack() {
        let (base, other) = (outcome(0, 100.0, 10.0), outcome(1, 120.0, 12.0));
        let point = point(&other, &base, Vec::new());
        let engagement = point.measure(Measure::Engagement).unwrap();
        assert_eq!((engagement.estimate.mean, engagement.difference.mean), (123.5, 20.0));
        // Both use common random numbers, so the difference is certain although the mean is not.
        assert_eq!(engagement.difference.interval, Some([20.0, 20.0]));
        assert!(engagement.estimate.interval.is_some_and(|[low, high]| high - low > 1.0));
    }

    #[test]
    fn a_measure_that_should_fall_is_negated() {
        let point = point(&outcome(1, 120.0, 12.0), &outcome(0, 100.0, 10.0), Vec::new());
        let oriented_mean = |measure: Measure| Goal { measure, direction: measure.direction() }.oriented_mean(&point);
        assert_eq!((oriented_mean(Measure::Engagement), oriented_mean(Measure::Reviews)), (123.5, -15.5));
    }
}
