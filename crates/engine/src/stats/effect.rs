//! Main effects: how much of the variance over an experimental design one factor explains on its own.
//!
//! The share is the first-order index of Sobol' (1993), the variance of the conditional mean given the factor as a
//! share of the total variance, estimated by grouping the observations (Plischke, Borgonovo and Smith, 2013).

use super::{mean, squared, variance};

/// Main effect of one factor.
#[derive(Debug, Clone, PartialEq)]
pub struct MainEffect {
    /// Share of the variance that it explains, `0..=1`; `None` if nothing varies.
    pub share: Option<f64>,
    /// Mean of the values in each group, by group number; `None` for an empty group.
    pub means: Vec<Option<f64>>,
}

/// The main effect of a factor, given the group of each value. `is_crossed` says that every group meets every
/// combination of the other factors, as in a full factorial design, so that group means do not differ by chance. If
/// they may, the share expected by chance is subtracted (epsilon squared of Kelley, 1935).
#[must_use]
pub fn main_effect(groups: &[usize], values: &[f64], is_crossed: bool) -> MainEffect {
    let count = groups.iter().map(|group| group + 1).max().unwrap_or(0);
    let mut sums = vec![(0.0, 0.0); count];
    for (group, value) in groups.iter().zip(values) {
        if let Some((sum, members)) = sums.get_mut(*group) {
            *sum += value;
            *members += 1.0;
        }
    }
    let grand_mean = mean(values);
    let means: Vec<Option<f64>> = sums.iter().map(|(sum, members)| (*members > 0.0).then(|| sum / members)).collect();
    let between: f64 =
        means.iter().zip(&sums).filter_map(|(mean, (_, members))| Some(members * squared((*mean)? - grand_mean))).sum();
    let total: f64 = values.iter().map(|value| squared(value - grand_mean)).sum();
    let filled_groups = means.iter().flatten().count() as f64;
    let within_degrees = values.len() as f64 - filled_groups;
    let chance = if is_crossed || within_degrees <= 0.0 {
        0.0
    } else {
        (filled_groups - 1.0) * (total - between) / within_degrees
    };
    // Rounding errors must not count as variance.
    let varies = total > 1e-18 * values.iter().map(|value| value * value).sum::<f64>();
    let share = varies.then(|| ((between - chance) / total).clamp(0.0, 1.0));
    MainEffect { share, means }
}

/// The variance of the points' means that random noise alone would produce, as a share of their variance: 1 / F of the
/// analysis of variance by points and replications. Each row holds the values of one point, one per replication. The
/// points use common random numbers, replication by replication, so noise that shifts all points alike does not count.
/// `None` with fewer than two points or replications, or if nothing varies.
#[must_use]
pub fn noise_share(rows: &[Vec<f64>]) -> Option<f64> {
    let replications = rows.first()?.len();
    let column = |number: usize| rows.iter().filter_map(|row| row.get(number).copied()).collect::<Vec<f64>>();
    let common_means: Vec<f64> = (0..replications).map(|number| mean(&column(number))).collect();
    let own_variances = rows.iter().map(|row| {
        let residuals: Vec<f64> = row.iter().zip(&common_means).map(|(value, common)| value - common).collect();
        variance(&residuals)
    });
    let own_variances: Option<Vec<f64>> = own_variances.collect();
    let count = rows.len() as f64;
    let noise_variance = mean(&own_variances?) * count / (count - 1.0) / replications as f64;
    let means: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
    let total = variance(&means).filter(|total| *total > 0.0)?;
    Some(noise_variance / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(value: Option<f64>, expected: f64) {
        assert!((value.unwrap() - expected).abs() < 1e-9, "{value:?} is not {expected}");
    }

    /// y = 10 a + b over a in 0, 1 and b in 0, 1, 2: the variance of 10 a is 25, the variance of b is 2/3.
    #[test]
    fn the_shares_of_an_additive_grid_are_those_computed_by_hand_and_sum_to_one() {
        let (mut a, mut b, mut y) = (Vec::new(), Vec::new(), Vec::new());
        for first in 0..2 {
            for second in 0..3 {
                a.push(first);
                b.push(second);
                y.push(10.0 * first as f64 + second as f64);
            }
        }
        let total = 25.0 + 2.0 / 3.0;
        assert_near(main_effect(&a, &y, true).share, 25.0 / total);
        assert_near(main_effect(&b, &y, true).share, 2.0 / 3.0 / total);
        assert_eq!(main_effect(&a, &y, true).means, [Some(1.0), Some(11.0)]);
    }

    #[test]
    fn a_pure_interaction_gives_neither_factor_a_share() {
        let y = [1.0, -1.0, -1.0, 1.0];
        assert_near(main_effect(&[0, 0, 1, 1], &y, true).share, 0.0);
        assert_near(main_effect(&[0, 1, 0, 1], &y, true).share, 0.0);
    }

    /// Sums of squares: 3 · 2 · 0.25 = 1.5 between groups and 16 within groups, 17.5 in total. Within groups it is 4
    /// per degree of freedom.
    #[test]
    fn the_share_expected_by_chance_is_subtracted_unless_groups_are_crossed() {
        let (groups, values) = ([0, 0, 0, 1, 1, 1], [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_near(main_effect(&groups, &values, true).share, 1.5 / 17.5);
        assert_near(main_effect(&groups, &values, false).share, 0.0);
        assert_near(main_effect(&[0, 0, 1, 1], &[0.0, 0.0, 1.0, 1.0], false).share, 1.0);
    }

    #[test]
    fn values_that_do_not_vary_have_no_share() {
        assert_eq!(main_effect(&[0, 1], &[0.1 + 0.2, 0.3], true).share, None);
        assert_eq!(main_effect(&[], &[], false), MainEffect { share: None, means: Vec::new() });
        assert_eq!(main_effect(&[0, 2], &[1.0, 2.0], true).means, [Some(1.0), None, Some(2.0)]);
    }

    #[test]
    fn variation_that_all_points_share_is_not_noise() {
        assert_near(noise_share(&[vec![1.0, 5.0, 3.0], vec![2.0, 6.0, 4.0]]), 0.0);
        assert_eq!(noise_share(&[vec![1.0], vec![2.0]]), None);
        assert_eq!(noise_share(&[vec![1.0, 2.0], vec![1.0, 2.0]]), None);
    }

    /// Less the replications' means, the rows are -1.5, 0.5 and 1.5, -0.5. The mean square of this interaction, with 1
    /// degree of freedom, is 4, so the variance of a mean of two is 2, against 0.5 between the means 2 and 3.
    #[test]
    fn variation_of_single_points_is_noise() {
        assert_near(noise_share(&[vec![0.0, 4.0], vec![3.0, 3.0]]), 4.0);
    }
}
