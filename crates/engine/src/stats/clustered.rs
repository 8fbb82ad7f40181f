//! Weighted means of observations that are independent between clusters, but not within one.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::round_to_13_digits;

/// A weighted mean over clusters, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusteredMean {
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Number of clusters, at least 2.
    pub clusters: usize,
}

/// One cluster: the mean of its observations, and their weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cluster {
    /// Mean of its observations.
    pub mean: f64,
    /// Its weight, above 0.
    pub weight: f64,
}

impl ClusteredMean {
    /// The weighted mean of the clusters' means, with the standard error of a ratio estimate (Cochran, 1977, 6.3);
    /// `None` with fewer than two clusters.
    #[must_use]
    pub fn of(clusters: &[Cluster]) -> Option<Self> {
        let count = clusters.len() as f64;
        let total: f64 = clusters.iter().map(|cluster| cluster.weight).sum();
        let mean = clusters.iter().map(|cluster| cluster.weight * cluster.mean).sum::<f64>() / total;
        let deviation = |cluster: &Cluster| cluster.weight * (cluster.mean - mean);
        let squares: f64 = clusters.iter().map(|cluster| deviation(cluster) * deviation(cluster)).sum();
        (clusters.len() >= 2).then(|| Self {
            mean,
            standard_error: (squares * count / (count - 1.0)).sqrt() / total,
            clusters: clusters.len(),
        })
    }

    /// The 90 % t interval of the mean.
    #[must_use]
    pub fn interval(&self) -> [f64; 2] {
        let t = StudentsT::new(0.0, 1.0, self.clusters as f64 - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.95));
        let half = round_to_13_digits(t) * self.standard_error;
        [self.mean - half, self.mean + half]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_give_the_mean_and_its_usual_standard_error() {
        let clusters: Vec<Cluster> = [1.0, 2.0, 6.0].map(|mean| Cluster { mean, weight: 2.0 }).into();
        let estimate = ClusteredMean::of(&clusters).unwrap();
        let ClusteredMean { mean, standard_error, .. } = estimate;
        // Variance 7 of three values.
        assert!((mean - 3.0).abs() < 1e-12 && (standard_error - (7.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        let [low, high] = estimate.interval();
        // 95 % quantile of Student's t with two degrees of freedom: 2.919986.
        assert!((high - low - 2.0 * 2.919_986 * standard_error).abs() < 1e-5);
    }

    #[test]
    fn a_heavy_cluster_pulls_the_mean_and_a_single_cluster_gives_none() {
        let clusters = [Cluster { mean: 0.0, weight: 9.0 }, Cluster { mean: 10.0, weight: 1.0 }];
        assert!((ClusteredMean::of(&clusters).unwrap().mean - 1.0).abs() < 1e-12);
        assert_eq!(ClusteredMean::of(&clusters[..1]), None);
        assert_eq!(ClusteredMean::of(&[]), None);
    }
}
