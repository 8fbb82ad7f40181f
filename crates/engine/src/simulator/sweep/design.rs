//! The combinations of values that a sweep simulates.

use crate::rules::{Level, Levels, SweepParameter};

/// Maximum number of points of a sweep: the length of the space-filling sequence.
const MAX_POINTS: usize = 65_536;

/// Maximum number of keys of a space-filling design.
const MAX_KEYS: usize = 256;

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// Every combination of the values, the last key varying fastest.
    Grid,
    /// This many points spread evenly over all keys: a Sobol' sequence with Owen scrambling (Burley, 2020), seeded. No
    /// point is visited twice.
    Sobol(u32),
}

impl Design {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Design::Grid => "grid",
            Design::Sobol(_) => "sobol",
        }
    }
}

/// Why a design cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// A grid over a continuous range.
    #[error("`{0}` has a range without a step, which a grid cannot cover")]
    NoStep(String),
    /// A grid with too many combinations.
    #[error("the grid has {0} points, more than {MAX_POINTS}")]
    TooLarge(u64),
    /// More points than there are combinations.
    #[error("{points} points are requested, but the values have only {combinations} combinations")]
    TooFew {
        /// Points requested.
        points: u32,
        /// Combinations available.
        combinations: u64,
    },
    /// More points than the sequence has.
    #[error("{0} points are requested, more than {MAX_POINTS}")]
    TooMany(u32),
    /// More keys than the sequence has dimensions.
    #[error("{0} keys are set, more than {MAX_KEYS}")]
    TooManyKeys(usize),
}

impl DesignError {
    /// How to fix it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            DesignError::NoStep(_) => {
                "add a step, as in `0.4..0.6:0.1`, or spread points over it with --design sobol --points 64".to_owned()
            }
            DesignError::TooLarge(_) => {
                "take larger steps, or spread points over the values with --design sobol --points 256".to_owned()
            }
            DesignError::TooFew { .. } => {
                "request fewer points, or simulate every combination with --design grid".to_owned()
            }
            DesignError::TooMany(_) => format!("request at most {MAX_POINTS} points"),
            DesignError::TooManyKeys(_) => "set fewer keys in one sweep".to_owned(),
        }
    }
}

/// The points of a design: for each, a level of every parameter, in the order of the parameters.
///
/// # Errors
/// If the values do not fit the design.
pub fn design(parameters: &[SweepParameter], design: Design, seed: u64) -> Result<Vec<Vec<Level>>, DesignError> {
    match design {
        Design::Grid => grid(parameters),
        Design::Sobol(points) => sobol(parameters, points, seed),
    }
}

/// Number of combinations; `None` if there are infinitely many.
fn combinations(parameters: &[SweepParameter]) -> Option<u64> {
    parameters
        .iter()
        .try_fold(1_u64, |product, parameter| Some(product.saturating_mul(parameter.levels.count()? as u64)))
}

fn grid(parameters: &[SweepParameter]) -> Result<Vec<Vec<Level>>, DesignError> {
    let continuous = parameters.iter().find(|parameter| matches!(parameter.levels, Levels::Range(..)));
    if let Some(parameter) = continuous {
        return Err(DesignError::NoStep(parameter.name()));
    }
    let count = combinations(parameters).unwrap_or_default();
    if count > MAX_POINTS as u64 {
        return Err(DesignError::TooLarge(count));
    }
    parameters.iter().try_fold(vec![Vec::new()], |points, parameter| match &parameter.levels {
        Levels::Range(..) => Err(DesignError::NoStep(parameter.name())),
        Levels::List(levels) => {
            let extended = |point: Vec<Level>| {
                levels.iter().map(move |level| point.iter().chain([level]).cloned().collect()).collect::<Vec<_>>()
            };
            Ok(points.into_iter().flat_map(extended).collect())
        }
    })
}

fn sobol(parameters: &[SweepParameter], points: u32, seed: u64) -> Result<Vec<Vec<Level>>, DesignError> {
    if parameters.len() > MAX_KEYS {
        return Err(DesignError::TooManyKeys(parameters.len()));
    }
    if points as usize > MAX_POINTS {
        return Err(DesignError::TooMany(points));
    }
    let combinations = combinations(parameters).unwrap_or(u64::MAX);
    if u64::from(points) > combinations {
        return Err(DesignError::TooFew { points, combinations });
    }
    let seed_32 = (seed ^ (seed >> 32)) as u32;
    let mut seen = std::collections::BTreeSet::new();
    let sequence = (0..MAX_POINTS as u32).map(|index| {
        let axes = parameters.iter().zip(0..);
        axes.map(|(parameter, axis)| parameter.levels.at(f64::from(sobol_burley::sample(index, axis, seed_32))))
            .collect()
    });
    let mut is_new = |point: &Vec<Level>| seen.insert(point.iter().map(|l| l.written.clone()).collect::<Vec<_>>());
    let distinct: Vec<Vec<Level>> = sequence.filter(|point| is_new(point)).take(points as usize).collect();
    // Very rarely, the whole sequence misses a combination, which matters only if nearly all are requested.
    if distinct.len() < points as usize {
        return Err(DesignError::TooFew { points, combinations: distinct.len() as u64 });
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn parameter(levels: Levels) -> SweepParameter {
        SweepParameter::made_up("a.b", levels)
    }

    /// A key with the values 0, 1, 2 and so on.
    fn counted(count: usize) -> SweepParameter {
        let level = |number: usize| Level { written: number.to_string(), number: Some(number as f64) };
        parameter(Levels::List((0..count).map(level).collect()))
    }

    fn written(points: &[Vec<Level>]) -> Vec<String> {
        points.iter().map(|point| point.iter().map(|l| l.written.as_str()).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_grid_changes_its_last_key_fastest() {
        let points = design(&[counted(2), counted(3)], Design::Grid, 1).unwrap();
        assert_eq!(written(&points), ["0 0", "0 1", "0 2", "1 0", "1 1", "1 2"]);
    }

    #[test]
    fn an_impossible_design_is_refused_with_a_remedy() {
        let any = parameter(Levels::Range(0.0, 1.0));
        let message = |parameters: &[SweepParameter], kind| {
            let error = design(parameters, kind, 1).unwrap_err();
            format!("{error}; {}", error.remedy())
        };
        assert!(message(&[counted(2), any.clone()], Design::Grid).contains("without a step"));
        assert!(message(&[counted(9999), counted(9999)], Design::Grid).contains("99980001 points"));
        assert!(message(&[counted(2), counted(3)], Design::Sobol(7)).contains("only 6 combinations"));
        assert!(message(std::slice::from_ref(&any), Design::Sobol(70_000)).contains("at most 65536"));
        assert!(message(&vec![any; 257], Design::Sobol(4)).contains("257 keys"));
    }

    #[test]
    fn a_space_filling_design_can_visit_every_combination() {
        let points = design(&[counted(4), counted(3)], Design::Sobol(12), 7).unwrap();
        assert_eq!(written(&points).into_iter().collect::<BTreeSet<_>>().len(), 12);
    }

    #[test]
    fn a_space_filling_design_spreads_its_points_evenly_over_every_key() {
        let parameters = vec![parameter(Levels::Range(-1.0, 3.0)); 5];
        let points = design(&parameters, Design::Sobol(64), 3).unwrap();
        for axis in 0..5 {
            let mut parts = [0; 16];
            for point in &points {
                let share = (point[axis].number.unwrap() + 1.0) / 4.0;
                parts[((share * 16.0) as usize).min(15)] += 1;
            }
            assert!(parts.iter().all(|count| (3..=5).contains(count)), "{parts:?}");
        }
        assert_ne!(written(&points), written(&design(&parameters, Design::Sobol(64), 4).unwrap()));
        let more = design(&parameters, Design::Sobol(80), 3).unwrap();
        assert_eq!(written(&more)[..64], written(&points));
    }

    proptest! {
        #[test]
        fn a_grid_visits_every_combination_once(counts in prop::collection::vec(1_usize..6, 0..5)) {
            let parameters: Vec<SweepParameter> = counts.iter().map(|count| counted(*count)).collect();
            let points = written(&design(&parameters, Design::Grid, 1).unwrap());
            prop_assert_eq!(points.len(), counts.iter().product::<usize>());
            let distinct: BTreeSet<&String> = points.iter().collect();
            prop_assert_eq!(distinct.len(), points.len());
        }
    }
}
