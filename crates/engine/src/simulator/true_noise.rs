//! The noise of single posts in one replication.

/// The distribution of a post's noise, as a factor on its engagements with mean 1.
///
/// Real noise is not normal in log: on some accounts a few posts earn a hundred times the others, on others a few earn
/// next to nothing. Percentiles keep that shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TrueNoise {
    /// Normal in log, with this standard deviation.
    Normal(f64),
    /// Quantiles of its log, with linear interpolation between them: at least two, ascending in share and log.
    Quantiles(Vec<Quantile>),
}

/// A quantile of noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quantile {
    /// The share of posts below it, `0..=1`.
    pub share: f64,
    /// Log of the factor.
    pub log: f64,
}

impl TrueNoise {
    /// Noise with the given quantiles, or normal noise with standard deviation `sd` if there are fewer than two.
    ///
    /// The logs of the quantiles are multiplied by `scale`, then shifted so that the mean factor is 1. A quantile that
    /// is below the quantile of a smaller share is raised to the latter.
    pub fn new(mut quantiles: Vec<Quantile>, scale: f64, sd: f64) -> Self {
        quantiles.retain(|quantile| quantile.log.is_finite());
        quantiles.sort_by(|a, b| a.share.total_cmp(&b.share));
        if quantiles.len() < 2 {
            return Self::Normal(sd);
        }
        let mut max_log = f64::NEG_INFINITY;
        for quantile in &mut quantiles {
            max_log = max_log.max(quantile.log * scale);
            quantile.log = max_log;
        }
        let log_mean = libm::log(mean_factor(&quantiles));
        quantiles.iter_mut().for_each(|quantile| quantile.log -= log_mean);
        Self::Quantiles(quantiles)
    }

    /// The log of the factor at a standard normal number: the larger the number, the larger the factor.
    pub fn log_factor(&self, normal: f64) -> f64 {
        match self {
            Self::Normal(sd) => sd * normal - sd * sd / 2.0,
            Self::Quantiles(quantiles) => log_at(quantiles, libm::erfc(-normal / std::f64::consts::SQRT_2) / 2.0),
        }
    }
}

/// The quantile of the log at a share.
fn log_at(quantiles: &[Quantile], share: f64) -> f64 {
    let above = quantiles.partition_point(|quantile| quantile.share <= share);
    let before = above.checked_sub(1).and_then(|before| quantiles.get(before));
    match (before, quantiles.get(above)) {
        (Some(low), Some(high)) => low.log + (high.log - low.log) * (share - low.share) / (high.share - low.share),
        (Some(end), None) | (None, Some(end)) => end.log,
        (None, None) => 0.0,
    }
}

/// Mean of the factor, which is constant below the first quantile and above the last.
fn mean_factor(quantiles: &[Quantile]) -> f64 {
    let between = quantiles.windows(2).map(|pair| {
        let &[low, high] = pair else { return 0.0 };
        let rise = high.log - low.log;
        // Mean of exp over `0..rise`, relative to its start; near a rise of 0 the quotient loses its digits.
        let mean = if rise > 1e-9 { libm::expm1(rise) / rise } else { 1.0 };
        (high.share - low.share) * libm::exp(low.log) * mean
    });
    let below_first = quantiles.first().map_or(0.0, |first| first.share * libm::exp(first.log));
    let above_last = quantiles.last().map_or(0.0, |last| (1.0 - last.share) * libm::exp(last.log));
    between.sum::<f64>() + below_first + above_last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{mean, normal_quantile};

    fn skewed() -> TrueNoise {
        let quantiles = [(0.0, -1.0), (0.1, -0.8), (0.5, -0.5), (0.9, 0.5), (0.99, 3.0), (1.0, 6.0)];
        TrueNoise::new(quantiles.map(|(share, log)| Quantile { share, log }).to_vec(), 1.0, 1.0)
    }

    #[test]
    fn noise_has_mean_one_and_the_shape_of_its_quantiles() {
        let noise = skewed();
        let shares = (0..20_000).map(|index| (f64::from(index) + 0.5) / 20_000.0);
        let logs: Vec<f64> = shares.map(|share| noise.log_factor(normal_quantile(share))).collect();
        let factors: Vec<f64> = logs.iter().map(|log| libm::exp(*log)).collect();
        assert!((mean(&factors) - 1.0).abs() < 0.01, "{}", mean(&factors));
        let log_at = |share: f64| noise.log_factor(normal_quantile(share));
        assert!((log_at(0.99) - log_at(0.5) - 3.5).abs() < 1e-6 && (log_at(0.5) - log_at(0.1) - 0.3).abs() < 1e-6);
        assert!(logs.windows(2).all(|pair| pair[0] <= pair[1]));
    }

    #[test]
    fn noise_without_quantiles_is_normal_and_a_larger_scale_spreads_it() {
        assert_eq!(TrueNoise::new(vec![Quantile { share: 0.5, log: 0.0 }], 1.0, 0.5), TrueNoise::Normal(0.5));
        let range = |scale| {
            let quantiles = [(0.0, -1.0), (1.0, 1.0)].map(|(share, log)| Quantile { share, log });
            let noise = TrueNoise::new(quantiles.to_vec(), scale, 1.0);
            noise.log_factor(9.0) - noise.log_factor(-9.0)
        };
        assert!((range(1.0) - 2.0).abs() < 1e-9 && (range(2.0) - 4.0).abs() < 1e-9);
        assert_eq!(skewed().log_factor(f64::NEG_INFINITY), skewed().log_factor(-40.0), "no number is out of range");
    }
}
