//! The half-life of a post's load, fitted on a grid with a uniform prior.

use crate::stats::normal_quantile;

/// The grid of half-lives, in hours, about evenly spaced on a log scale.
const GRID_HOURS: [f64; 14] = [1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 120.0, 168.0];

/// The half-life with which a fit starts, in hours.
pub(super) const INITIAL_HOURS: f64 = 24.0;

/// Minimum standard deviation of the logarithm: half the spacing of the grid.
const MIN_LOG_SD: f64 = 0.17;

/// The half-life of a channel's load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HalfLife {
    /// The most probable half-life, in hours.
    pub hours: f64,
    /// The 90 % interval, in hours; both ends are on the grid.
    pub interval: [f64; 2],
}

impl HalfLife {
    /// The half-life, given the log-likelihood of each half-life on the grid; `None` if one of them has none.
    pub fn fit(log_likelihood: impl Fn(f64) -> Option<f64>) -> Option<Self> {
        let log_likelihoods = GRID_HOURS.map(&log_likelihood);
        let log_likelihoods: Vec<f64> = log_likelihoods.into_iter().collect::<Option<_>>()?;
        let highest = log_likelihoods.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Relative to the highest, so that the exponentials do not all underflow.
        let weights: Vec<f64> = log_likelihoods.iter().map(|log| libm::exp(log - highest)).collect();
        let total: f64 = weights.iter().sum();
        let mut cumulative = 0.0;
        let mut interval = [GRID_HOURS[0]; 2];
        for (hours, weight) in GRID_HOURS.into_iter().zip(&weights) {
            if cumulative < 0.05 * total {
                interval[0] = hours;
            }
            if cumulative < 0.95 * total {
                interval[1] = hours;
            }
            cumulative += weight;
        }
        let (hours, _) = GRID_HOURS.into_iter().zip(&weights).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(Self { hours, interval })
    }

    /// The half-life before any data: the middle of the grid, on the log scale.
    pub fn prior() -> Self {
        let [first, .., last] = GRID_HOURS;
        Self { hours: (first * last).sqrt().round(), interval: [first, last] }
    }

    /// Standard deviation of its logarithm: that of a normal distribution with the same 90 % interval, but at least
    /// [`MIN_LOG_SD`].
    pub fn log_sd(&self) -> f64 {
        let [low, high] = self.interval;
        ((libm::log(high) - libm::log(low)) / (2.0 * normal_quantile(0.95))).max(MIN_LOG_SD)
    }

    /// Whether the data narrows the interval: the standard deviation is less than three quarters of the prior's.
    pub fn is_detectable(&self) -> bool {
        self.log_sd() < 0.75 * Self::prior().log_sd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_maximum_gives_a_narrow_interval_and_no_information_a_wide_one() {
        let peaked = HalfLife::fit(|hours| Some(-8.0 * libm::pow(libm::log(hours / 12.0), 2.0))).unwrap();
        assert_eq!((peaked.hours, peaked.interval), (12.0, [9.0, 18.0]));
        assert!(peaked.is_detectable());
        let flat = HalfLife::fit(|_| Some(0.0)).unwrap();
        assert_eq!(flat.interval, [1.0, 168.0]);
        assert!(!flat.is_detectable() && flat.log_sd() > peaked.log_sd());
    }
}
