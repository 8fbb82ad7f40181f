//! Paired differences: two treatments under common random numbers, replication by replication.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{half_width_of, round_to_13_digits};

/// Accumulates pairs of values in constant memory. A mean is a plain sum divided by the count, so it is
/// bit-identical to the mean of the base's or the other's values alone.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pairs {
    count: f64,
    base: Spread,
    other: Spread,
    difference: Spread,
    /// Whether a value of either treatment was negative.
    has_negative: bool,
}

/// Sum and spread of values. The spread is computed by the algorithm of Welford (1962), which avoids cancellation.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Spread {
    sum: f64,
    mean: f64,
    /// Sum of the squared deviations from the mean.
    squares: f64,
}

impl Spread {
    /// Adds a value; `count` includes it.
    fn add(&mut self, value: f64, count: f64) {
        self.sum += value;
        let deviation = value - self.mean;
        self.mean += deviation / count;
        self.squares += deviation * (value - self.mean);
    }
}

impl Pairs {
    /// Adds the values of the base and the other treatment in one replication.
    pub fn add(&mut self, base: f64, other: f64) {
        self.count += 1.0;
        self.base.add(base, self.count);
        self.other.add(other, self.count);
        self.difference.add(other - base, self.count);
        self.has_negative |= base < 0.0 || other < 0.0;
    }

    /// The estimated difference so far; zeros without pairs.
    #[must_use]
    pub fn difference(&self) -> Difference {
        let mean = |spread: Spread| if self.count > 0.0 { spread.sum / self.count } else { 0.0 };
        let variance = |spread: Spread| (self.count >= 2.0).then(|| spread.squares / (self.count - 1.0));
        let mean_difference = mean(self.difference);
        let half = variance(self.difference).and_then(|variance| half_width_of(variance, self.count));
        let lower_limit = if self.has_negative { f64::NEG_INFINITY } else { -mean(self.base) };
        Difference {
            base: mean(self.base),
            other: mean(self.other),
            mean: mean_difference,
            interval: half.map(|half| [(mean_difference - half).max(lower_limit), mean_difference + half]),
            p: variance(self.difference).map(|variance| two_sided_p(mean_difference, variance, self.count)),
            variance_reduction: variance(self.difference).and_then(|paired| {
                let independent = variance(self.base)? + variance(self.other)?;
                (independent > 0.0).then(|| 1.0 - paired / independent)
            }),
            is_same: self.difference.sum == 0.0 && self.difference.squares == 0.0,
        }
    }
}

/// The two-sided p-value of a paired t test.
fn two_sided_p(mean: f64, variance: f64, count: f64) -> f64 {
    if variance <= 0.0 {
        return if mean == 0.0 { 1.0 } else { 0.0 };
    }
    let t = mean / (variance / count).sqrt();
    StudentsT::new(0.0, 1.0, count - 1.0).map_or(1.0, |student| round_to_13_digits(2.0 * student.sf(t.abs())).min(1.0))
}

/// How another treatment differs from the base under common random numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Difference {
    /// Mean of the base.
    pub base: f64,
    /// Mean of the other treatment.
    pub other: f64,
    /// Mean of the other's value minus the base's.
    pub mean: f64,
    /// 95 % t confidence interval of `mean`; if no value is negative, cut off where the other's mean would be below 0 given
    /// the base's. `None` with fewer than two pairs.
    pub interval: Option<[f64; 2]>,
    /// Two-sided p-value of the paired t test, `0..=1`; `None` with fewer than two pairs.
    pub p: Option<f64>,
    /// Share of the variance of a difference between independent samples that pairing removes, at most 1:
    /// `1 - var(other - base) / (var(other) + var(base))`. `None` if neither varies.
    pub variance_reduction: Option<f64>,
    /// Whether the two values of every pair are equal.
    pub is_same: bool,
}

/// A base below this share of the other treatment is too small for a relative difference: the ratio would be huge and
/// say little.
pub const MIN_BASE_RATIO: f64 = 0.05;

impl Difference {
    /// A value relative to the base's mean; `None` if that mean is 0 or negative, or below [`MIN_BASE_RATIO`] times the
    /// other's.
    #[must_use]
    pub fn share_of_base(&self, value: f64) -> Option<f64> {
        (self.base > 0.0 && self.base >= MIN_BASE_RATIO * self.other).then(|| value / self.base)
    }

    /// Whether the base is too small, compared with the other treatment, for a relative difference.
    #[must_use]
    pub fn is_base_negligible(&self) -> bool {
        self.base >= 0.0 && self.other > 0.0 && self.relative().is_none()
    }

    /// The mean difference relative to the base's mean.
    #[must_use]
    pub fn relative(&self) -> Option<f64> {
        self.share_of_base(self.mean)
    }

    /// The interval relative to the base's mean, which is treated as exact.
    #[must_use]
    pub fn relative_interval(&self) -> Option<[f64; 2]> {
        let [low, high] = self.interval?;
        Some([self.share_of_base(low)?, self.share_of_base(high)?])
    }

    /// Half-width of the t interval, before it is cut off.
    #[must_use]
    pub fn half_width(&self) -> Option<f64> {
        self.interval.map(|[_, high]| high - self.mean)
    }

    /// Whether the whole interval lies above 0.
    #[must_use]
    pub fn is_significantly_greater(&self) -> bool {
        self.interval.is_some_and(|[low, _]| low > 0.0)
    }

    /// Whether the whole interval lies below 0.
    #[must_use]
    pub fn is_significantly_less(&self) -> bool {
        self.interval.is_some_and(|[_, high]| high < 0.0)
    }
}

/// The p-values of several tests, in the given order, adjusted by the step-down method of Holm (1979), which controls
/// the family-wise error rate.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut ranked: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut adjusted = p_values.to_vec();
    let mut running_max: f64 = 0.0;
    for (rank, (index, p)) in ranked.into_iter().enumerate() {
        let tests_left = (p_values.len() - rank) as f64;
        running_max = running_max.max((p * tests_left).min(1.0));
        if let Some(value) = adjusted.get_mut(index) {
            *value = running_max;
        }
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference_of(values: &[(f64, f64)]) -> Difference {
        let mut pairs = Pairs::default();
        values.iter().for_each(|(base, other)| pairs.add(*base, *other));
        pairs.difference()
    }

    fn assert_near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    /// Differences 0, -10: mean -5, half-width 12.706 · 5; the base's mean is 5.
    #[test]
    fn no_interval_of_non_negative_values_goes_below_zero() {
        let difference = difference_of(&[(0.0, 0.0), (10.0, 0.0)]);
        assert_eq!(difference.interval.unwrap()[0], -5.0);
        assert_near(difference.half_width().unwrap(), 12.706_204_7 * 5.0);
        assert_eq!(difference.relative_interval().unwrap()[0], -1.0);
        assert_eq!(super::super::Estimate::of(&[0.0, 10.0]).interval.unwrap()[0], 0.0);
    }

    /// Net worth may be negative: nothing is cut off then, and a loss that grows is no gain.
    #[test]
    fn intervals_of_negative_values_are_whole() {
        let difference = difference_of(&[(-50.0, -60.0), (-52.0, -61.0), (-48.0, -59.0)]);
        let [low, high] = difference.interval.unwrap();
        assert!(low < -10.0 && -10.0 < high && high < 0.0, "{difference:?}");
        assert!(difference.is_significantly_less() && !difference.is_significantly_greater());
        assert_eq!((difference.relative(), difference.is_base_negligible()), (None, false));
        let estimate = super::super::Estimate::of(&[-50.0, -40.0, -60.0]);
        let [low, high] = estimate.interval.unwrap();
        assert!(low < -50.0 && -50.0 < high && high < 0.0, "{estimate:?}");
    }

    /// Differences 2, 1, 3, 2, 4: mean 2.4, variance 1.3, standard error sqrt(0.26) = 0.5099020,
    /// t = 4.7067872 with 4 degrees of freedom, whose 97.5 % quantile is 2.7764451.
    #[test]
    fn a_paired_t_interval_is_the_one_computed_by_hand() {
        let difference = difference_of(&[(10.0, 12.0), (12.0, 13.0), (9.0, 12.0), (11.0, 13.0), (13.0, 17.0)]);
        assert_near(difference.base, 11.0);
        assert_near(difference.other, 13.4);
        assert_near(difference.mean, 2.4);
        let [low, high] = difference.interval.unwrap();
        assert_near(low, 2.4 - 2.776_445_1 * 0.509_902_0);
        assert_near(high, 2.4 + 2.776_445_1 * 0.509_902_0);
        assert_near(difference.p.unwrap(), 0.009_261_7);
        // The variances are 2.5 and 4.3, so a difference between independent samples would have 6.8, against 1.3.
        assert_near(difference.variance_reduction.unwrap(), 1.0 - 1.3 / 6.8);
        assert_near(difference.relative().unwrap(), 2.4 / 11.0);
        assert!(difference.is_significantly_greater() && !difference.is_significantly_less() && !difference.is_same);
    }

    #[test]
    fn equal_values_do_not_differ() {
        let difference = difference_of(&[(10.1, 10.1), (0.3, 0.3), (7.7, 7.7)]);
        assert!(difference.is_same);
        assert_eq!((difference.mean, difference.interval, difference.p), (0.0, Some([0.0, 0.0]), Some(1.0)));
        assert_eq!(difference.variance_reduction, Some(1.0));
        assert!(!difference.is_significantly_greater() && !difference.is_significantly_less());
    }

    #[test]
    fn a_difference_that_never_varies_is_certain() {
        let difference = difference_of(&[(4.0, 6.0), (4.0, 6.0)]);
        assert_eq!((difference.interval, difference.p), (Some([2.0, 2.0]), Some(0.0)));
        assert_eq!(difference.variance_reduction, None);
        assert!(difference.is_significantly_greater());
    }

    #[test]
    fn differences_that_cancel_are_not_the_same() {
        let difference = difference_of(&[(1.0, 2.0), (2.0, 1.0)]);
        assert_eq!(difference.mean, 0.0);
        assert!(!difference.is_same);
    }

    #[test]
    fn one_pair_has_no_interval_and_no_pair_has_no_difference() {
        let one_pair = difference_of(&[(4.0, 5.0)]);
        assert_eq!((one_pair.mean, one_pair.interval, one_pair.p), (1.0, None, None));
        assert_eq!(one_pair.variance_reduction, None);
        let no_pair = difference_of(&[]);
        assert_eq!((no_pair.base, no_pair.mean, no_pair.interval, no_pair.relative()), (0.0, 0.0, None, None));
    }

    #[test]
    fn a_negligible_base_gives_no_relative_difference() {
        let little = difference_of(&[(4.0, 100.0), (6.0, 102.0)]);
        assert!((little.base, little.other) == (5.0, 101.0) && little.is_base_negligible());
        assert_eq!((little.relative(), little.relative_interval()), (None, None));
        let enough = difference_of(&[(5.0, 99.0), (7.0, 101.0)]);
        assert_near(enough.relative().unwrap(), 94.0 / 6.0);
        assert!(enough.relative_interval().is_some() && !enough.is_base_negligible());
        let fewer = difference_of(&[(100.0, 1.0), (100.0, 3.0)]);
        assert_near(fewer.relative().unwrap(), -0.98);
        assert!(!difference_of(&[(0.0, 0.0)]).is_base_negligible(), "the base is not negligible if both are 0");
    }

    #[test]
    fn means_are_bit_identical_to_a_plain_mean() {
        let values = [0.1, 0.7, 1e9, 3.3, 0.2];
        let difference = difference_of(&values.map(|value| (value, 2.0 * value)));
        assert_eq!(difference.base.to_bits(), super::super::mean(&values).to_bits());
    }

    /// The example of R's `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
    #[test]
    fn holm_adjusts_a_known_example() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (value, expected) in adjusted.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert_near(value, expected);
        }
    }

    #[test]
    fn holm_leaves_one_test_as_it_is_and_never_exceeds_one() {
        assert_eq!(holm(&[0.04]), [0.04]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
