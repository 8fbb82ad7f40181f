//! Sensitivity of the headline measures to each single key of a sweep: the share of the variance between points that
//! the key explains, and how far a measure moves with it.

use serde::Serialize;

use super::design::Design;
use super::outcome::PointOutcome;
use super::spec::SweepSpec;
use crate::rules::{Level, Levels, SweepParameter};
use crate::simulator::measure::Measure;
use crate::stats::{Difference, Pairs, main_effect, mean, noise_share};

/// Maximum number of classes into which a key's values are binned.
const MAX_CLASSES: f64 = 8.0;

/// The effect of one key on one headline measure, over all values of the other keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sensitivity {
    /// The measure.
    pub measure: Measure,
    /// 1-based rank of the key by its share.
    pub rank: u32,
    /// The key.
    pub key: String,
    /// Share of the variance between points that the key explains alone, `0..=1`: its first-order Sobol' index. `None`
    /// if the measure does not vary.
    pub share: Option<f64>,
    /// The value of the key, or range of values, with the lowest mean.
    pub least_at: String,
    /// The value of the key, or range of values, with the highest mean.
    pub most_at: String,
    /// Mean at `most_at` minus mean at `least_at`, paired by replication with common random numbers.
    pub swing: Difference,
}

/// How much of the variation of a headline measure between points may be noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Noise {
    /// The measure.
    pub measure: Measure,
    /// The variance of a point's mean from random noise alone, as a share of the variance between the points' means.
    /// `None` with one replication, or if nothing varies.
    pub share: Option<f64>,
}

/// The points of a sweep, grouped by the value of one key.
struct Groups {
    key: String,
    /// The group of each point, as an index of `labels`.
    group_of: Vec<usize>,
    labels: Vec<String>,
}

/// The sensitivity of every headline measure to every key, and the noise of every measure.
pub(super) fn sensitivities(
    spec: &SweepSpec<'_>,
    simulated: &[(&PointOutcome, &Vec<Level>)],
) -> (Vec<Sensitivity>, Vec<Noise>) {
    let is_grid = spec.design == Design::Grid;
    let is_crossed = is_grid && spec.left_out.is_empty();
    let parameters = spec.parameters.iter().enumerate();
    let groups: Vec<Groups> = parameters
        .map(|(axis, parameter)| {
            let levels: Vec<&Level> = simulated.iter().filter_map(|(_, levels)| levels.get(axis)).collect();
            groups_by_value(parameter, &levels, is_grid)
        })
        .collect();
    let mut sensitivities = Vec::new();
    let mut noise = Vec::new();
    for (index, measure) in Measure::ALL.into_iter().enumerate() {
        let rows: Vec<Vec<f64>> = simulated
            .iter()
            .map(|(outcome, _)| outcome.rows.iter().filter_map(|row| row.get(index).copied()).collect())
            .collect();
        noise.push(Noise { measure, share: noise_share(&rows) });
        let mut ranked: Vec<Sensitivity> =
            groups.iter().map(|groups| sensitivity(measure, groups, &rows, is_crossed)).collect();
        // The sort is stable: keys with equal shares stay in the order given. Keys without a share come last.
        ranked.sort_by(|a, b| b.share.unwrap_or(-1.0).total_cmp(&a.share.unwrap_or(-1.0)));
        ranked.iter_mut().zip(1..).for_each(|(row, rank)| row.rank = rank);
        sensitivities.extend(ranked);
    }
    (sensitivities, noise)
}

fn sensitivity(measure: Measure, groups: &Groups, rows: &[Vec<f64>], is_crossed: bool) -> Sensitivity {
    let means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
    let effect = main_effect(&groups.group_of, &means, is_crossed);
    let group_means = || effect.means.iter().enumerate().filter_map(|(group, mean)| Some((group, (*mean)?)));
    let least = group_means().min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(group, _)| group);
    let most = group_means().max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(group, _)| group);
    let label = |group: usize| groups.labels.get(group).cloned().unwrap_or_default();
    Sensitivity {
        measure,
        rank: 0,
        key: groups.key.clone(),
        share: effect.share,
        least_at: label(least),
        most_at: label(most),
        swing: swing(&groups.group_of, rows, least, most),
    }
}

/// The mean of one group minus that of another, paired by replication.
fn swing(group_of: &[usize], rows: &[Vec<f64>], least: usize, most: usize) -> Difference {
    let mut pairs = Pairs::default();
    for replication in 0..rows.first().map_or(0, Vec::len) {
        let group_mean = |group: usize| {
            let members = group_of.iter().zip(rows).filter(|(group_of_point, _)| **group_of_point == group);
            mean(&members.filter_map(|(_, row)| row.get(replication).copied()).collect::<Vec<f64>>())
        };
        pairs.add(group_mean(least), group_mean(most));
    }
    pairs.difference()
}

/// Groups points by the value of a key. If a space-filling design visits so many values that groups would be tiny, the
/// values are binned into classes with about equally many points each.
fn groups_by_value(parameter: &SweepParameter, levels: &[&Level], is_grid: bool) -> Groups {
    let classes = (levels.len() as f64).sqrt().floor().clamp(2.0, MAX_CLASSES) as usize;
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| level.number).collect();
    match (&parameter.levels, numbers) {
        (Levels::List(values), Some(numbers)) if !is_grid && values.len() > classes => {
            groups_by_class(parameter, &numbers, classes)
        }
        (Levels::Range(..), Some(numbers)) => groups_by_class(parameter, &numbers, classes),
        (Levels::List(values), _) => Groups {
            key: parameter.name(),
            group_of: levels.iter().map(|level| values.iter().position(|value| value == *level).unwrap_or(0)).collect(),
            labels: values.iter().map(|value| value.written.clone()).collect(),
        },
        // Values from a range are always numbers.
        (Levels::Range(..), None) => {
            Groups { key: parameter.name(), group_of: vec![0; levels.len()], labels: Vec::new() }
        }
    }
}

fn groups_by_class(parameter: &SweepParameter, numbers: &[f64], classes: usize) -> Groups {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    // Equal numbers share the class of the first of them.
    let class = |number: &f64| sorted.partition_point(|other| other < number) * classes / sorted.len().max(1);
    let group_of: Vec<usize> = numbers.iter().map(class).collect();
    let label = |class: usize| {
        let members = group_of.iter().zip(numbers).filter(|(group, _)| **group == class);
        let (low, high) = members.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, number)| {
            (f64::min(low, *number), f64::max(high, *number))
        });
        if low < high { format!("{low} to {high}") } else { format!("{low}") }
    };
    let labels = (0..classes).map(label).collect();
    Groups { key: parameter.name(), group_of, labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(number: f64) -> Level {
        Level { written: number.to_string(), number: Some(number) }
    }

    #[test]
    fn values_of_a_range_are_binned_into_classes_with_equally_many_points() {
        let parameter = SweepParameter::made_up("a.b", Levels::Range(0.0, 1.0));
        let levels: Vec<Level> = (0..64).map(|index| level(f64::from(index * 37 % 64) / 64.0)).collect();
        let groups = groups_by_value(&parameter, &levels.iter().collect::<Vec<_>>(), false);
        for class in 0..8 {
            assert_eq!(groups.group_of.iter().filter(|group| **group == class).count(), 8);
        }
        assert_eq!(groups.labels[0], "0 to 0.109375");
        let mut by_value: Vec<(f64, usize)> =
            levels.iter().zip(&groups.group_of).map(|(level, class)| (level.number.unwrap(), *class)).collect();
        by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(by_value.is_sorted_by(|a, b| a.1 <= b.1));
    }

    #[test]
    fn equal_values_share_a_class_and_few_values_are_groups_of_their_own() {
        let parameter =
            SweepParameter::made_up("a.b", Levels::List((0..5).map(|number| level(f64::from(number))).collect()));
        let levels: Vec<Level> = (0..9).map(|index| level(f64::from(index / 2))).collect();
        let groups = groups_by_value(&parameter, &levels.iter().collect::<Vec<_>>(), false);
        assert!(groups.group_of.windows(2).step_by(2).all(|pair| pair[0] == pair[1]), "{:?}", groups.group_of);
        let groups = groups_by_value(&parameter, &levels.iter().collect::<Vec<_>>(), true);
        assert_eq!(groups.group_of, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
        assert_eq!(groups.labels, ["0", "1", "2", "3", "4"]);
    }

    #[test]
    fn a_swing_is_paired_by_replication() {
        let rows = [vec![1.0, 11.0], vec![3.0, 13.0], vec![6.0, 16.0], vec![8.0, 18.0]];
        let swing = swing(&[0, 0, 1, 1], &rows, 0, 1);
        assert_eq!((swing.base, swing.other, swing.mean, swing.interval), (7.0, 12.0, 5.0, Some([5.0, 5.0])));
    }
}
