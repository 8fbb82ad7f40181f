//! Pure statistics: estimates with confidence intervals, paired differences, main effects, Pareto frontiers, quantiles,
//! histograms of scores. Distribution functions come from `statrs`.

mod clustered;
mod effect;
mod frontier;
mod paired;

pub use clustered::{Cluster, ClusteredMean};
pub use effect::{MainEffect, main_effect, noise_share};
pub use frontier::frontier;
pub use paired::{Difference, MIN_BASE_RATIO, Pairs, holm};

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Mean of values, with their spread over replications.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Arithmetic mean.
    pub mean: f64,
    /// 95 % t confidence interval of the mean, cut off at 0 if no value is negative; `None` with fewer than two values.
    pub interval: Option<[f64; 2]>,
    /// 5 % quantile of the values.
    pub p5: f64,
    /// Median of the values.
    pub p50: f64,
    /// 95 % quantile of the values.
    pub p95: f64,
}

impl Estimate {
    /// Computes the estimate from one value per replication; the values are added up in the given order. Without values, all
    /// numbers are 0.
    ///
    /// ```
    /// use mcoe_engine::stats::Estimate;
    ///
    /// let estimate = Estimate::of(&[10.0, 12.0, 14.0]);
    /// assert_eq!((estimate.mean, estimate.p50), (12.0, 12.0));
    /// assert_eq!(Estimate::of(&[10.0]).interval, None);
    /// ```
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mean = mean(values);
        let lower_limit = if sorted.first().is_some_and(|smallest| *smallest < 0.0) { f64::NEG_INFINITY } else { 0.0 };
        let interval = half_width(values).map(|half| [(mean - half).max(lower_limit), mean + half]);
        Self { mean, interval, p5: quantile(&sorted, 0.05), p50: quantile(&sorted, 0.5), p95: quantile(&sorted, 0.95) }
    }
}

/// Arithmetic mean; 0 without values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Unbiased sample variance; `None` with fewer than two values.
#[must_use]
pub fn variance(values: &[f64]) -> Option<f64> {
    let mean = mean(values);
    (values.len() >= 2)
        .then(|| values.iter().map(|value| squared(value - mean)).sum::<f64>() / (values.len() - 1) as f64)
}

fn squared(number: f64) -> f64 {
    number * number
}

/// Rounds a result of `statrs` to 13 significant digits. `statrs` uses the system's elementary functions if another
/// dependency turns on one of its features, and their last bits differ between platforms.
fn round_to_13_digits(number: f64) -> f64 {
    format!("{number:.12e}").parse().unwrap_or(number)
}

/// The quantile of the standard normal distribution at a share in `0..1`, such as 1.645 at 0.95.
#[must_use]
pub fn normal_quantile(share: f64) -> f64 {
    round_to_13_digits(Normal::standard().inverse_cdf(share))
}

/// Half-width of the 95 % t confidence interval of the mean; `None` with fewer than two values.
fn half_width(values: &[f64]) -> Option<f64> {
    half_width_of(variance(values)?, values.len() as f64)
}

/// Half-width of the 95 % t confidence interval of a mean of `count` values with the given variance.
fn half_width_of(variance: f64, count: f64) -> Option<f64> {
    let t = round_to_13_digits(StudentsT::new(0.0, 1.0, count - 1.0).ok()?.inverse_cdf(0.975));
    Some(t * (variance / count).sqrt())
}

/// Quantile of ascending values by linear interpolation between order statistics (type 7 of Hyndman and Fan, 1996); 0
/// without values.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let position = share.clamp(0.0, 1.0) * last as f64;
    let below = sorted.get(position.floor() as usize).copied().unwrap_or(0.0);
    let above = sorted.get(position.ceil() as usize).copied().unwrap_or(below);
    below + (above - below) * position.fract()
}

/// Histogram of scores in `0..=1` with 200 bins: constant memory, quantiles within 0.005.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreHistogram {
    bins: Box<[u64]>,
}

impl Default for ScoreHistogram {
    fn default() -> Self {
        Self { bins: vec![0; Self::BINS].into() }
    }
}

impl ScoreHistogram {
    const BINS: usize = 200;

    /// Counts one score; one outside `0..=1` counts in the nearest bin.
    pub fn add(&mut self, score: f64) {
        let bin = ((score * Self::BINS as f64) as usize).min(Self::BINS - 1);
        if let Some(count) = self.bins.get_mut(bin) {
            *count += 1;
        }
    }

    /// Adds another histogram's counts.
    pub fn merge(&mut self, other: &ScoreHistogram) {
        for (count, added) in self.bins.iter_mut().zip(other.bins.iter()) {
            *count += added;
        }
    }

    /// The quantile at `share` of the counts, as the middle of its bin; 0 without counts.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let total: u64 = self.bins.iter().sum();
        // 1-based, also at a share of 0.
        let rank = (share.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bin, count) in self.bins.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return (bin as f64 + 0.5) / Self::BINS as f64;
            }
        }
        0.0
    }
}
