//! The half-life of a post's load: the one under which the observations are most probable.

use crate::stats::normal_quantile;

/// Half-lives that are tried, in hours, about evenly spaced on a log scale.
const TRIED_HOURS: [f64; 14] = [1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 120.0, 168.0];

/// The half-life before one is chosen, in hours.
pub(super) const START_HOURS: f64 = 24.0;

/// The half-life of a channel's load.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HalfLife {
    /// The most probable one, in hours.
    pub hours: f64,
    /// The 90 % interval, in hours; each end is one of those tried.
    pub interval: [f64; 2],
}

impl HalfLife {
    /// The half-life by the log probability of the observations under each, where all that are tried were equally
    /// probable before; `None` if one gives no probability.
    pub fn of(log_probability: impl Fn(f64) -> Option<f64>) -> Option<Self> {
        let logs = TRIED_HOURS.map(&log_probability);
        let logs: Vec<f64> = logs.into_iter().collect::<Option<_>>()?;
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logs.iter().map(|log| libm::exp(log - best)).collect();
        let total: f64 = weights.iter().sum();
        let mut reached = 0.0;
        let mut interval = [TRIED_HOURS[0]; 2];
        for (hours, weight) in TRIED_HOURS.into_iter().zip(&weights) {
            if reached < 0.05 * total {
                interval[0] = hours;
            }
            if reached < 0.95 * total {
                interval[1] = hours;
            }
            reached += weight;
        }
        let best = TRIED_HOURS.into_iter().zip(&weights).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(Self { hours: best.0, interval })
    }

    /// Before any data: the middle of those tried.
    pub fn prior() -> Self {
        let [first, .., last] = TRIED_HOURS;
        Self { hours: (first * last).sqrt().round(), interval: [first, last] }
    }

    /// Standard deviation of its logarithm: that of a normal distribution with an interval as wide, and no less than
    /// that of the spacing of those tried.
    pub fn log_sd(&self) -> f64 {
        let [low, high] = self.interval;
        ((libm::log(high) - libm::log(low)) / (2.0 * normal_quantile(0.95))).max(LEAST_LOG_SD)
    }

    /// Whether the interval leaves out part of what was tried.
    pub fn is_detectable(&self) -> bool {
        self.log_sd() < 0.75 * Self::prior().log_sd()
    }
}

/// Half the log distance of neighbours that are tried.
const LEAST_LOG_SD: f64 = 0.17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_maximum_gives_a_narrow_interval_and_no_information_a_wide_one() {
        let peaked = HalfLife::of(|hours| Some(-8.0 * libm::pow(libm::log(hours / 12.0), 2.0))).unwrap();
        assert_eq!((peaked.hours, peaked.interval), (12.0, [9.0, 18.0]));
        assert!(peaked.is_detectable());
        let flat = HalfLife::of(|_| Some(0.0)).unwrap();
        assert_eq!(flat.interval, [1.0, 168.0]);
        assert!(!flat.is_detectable() && flat.log_sd() > peaked.log_sd());
    }
}
