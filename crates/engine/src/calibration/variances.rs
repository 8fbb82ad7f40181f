//! Fits the four variances of each account, pooled over the accounts of its channel.

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;
use nalgebra::Matrix4;

use super::filter::{Series, Variances, log_likelihood};
use crate::stats::{quantile, variance};

/// Standard deviation of a log variance over accounts before any data.
pub(super) const START_SD: f64 = 1.0;

/// Minimum of that standard deviation once accounts were fitted.
const LEAST_SD: f64 = 0.5;

/// Limits of a log variance, so that a search cannot overflow or underflow.
const LOG_RANGE: std::ops::RangeInclusive<f64> = -16.0..=3.0;

/// Minimum variance of one post around its expectation: even the posts of a very regular account vary.
const LEAST_NOISE: f64 = 0.02;

/// Maximum number of steps of a search.
const MAX_STEPS: u64 = 120;

/// Standard deviation of the objective over the simplex at which a search ends.
const TOLERANCE: f64 = 1e-3;

/// Edge length of the first simplex, in log units.
const EDGE: f64 = 0.7;

/// The prior of an account's log variances: independent normal distributions, centred at the median of the channel's
/// accounts, with their standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct VariancePrior {
    pub median: [f64; Variances::COUNT],
    pub sd: [f64; Variances::COUNT],
}

impl VariancePrior {
    /// The prior before any account was fitted.
    pub fn start() -> Self {
        Self { median: Variances::TYPICAL.logs(), sd: [START_SD; Variances::COUNT] }
    }

    /// The prior after a round of fits, given the fitted log variances of each account; unchanged with fewer than three
    /// accounts.
    pub fn updated(self, fits: &[[f64; Variances::COUNT]]) -> Self {
        if fits.len() < 3 {
            return self;
        }
        let sorted_logs = |part: usize| {
            let mut logs: Vec<f64> = fits.iter().filter_map(|fit| fit.get(part).copied()).collect();
            logs.sort_by(f64::total_cmp);
            logs
        };
        let parts: [Vec<f64>; Variances::COUNT] = std::array::from_fn(sorted_logs);
        Self {
            median: parts.each_ref().map(|logs| quantile(logs, 0.5)),
            sd: parts.each_ref().map(|logs| variance(logs).map_or(START_SD, f64::sqrt).max(LEAST_SD)),
        }
    }

    /// Log of the prior's density, without its constant.
    fn log_density(&self, logs: &[f64]) -> f64 {
        let parts = logs.iter().zip(&self.median).zip(&self.sd);
        parts.map(|((log, median), sd)| (log - median) / sd).map(|z| -z * z / 2.0).sum()
    }
}

/// The posterior of an account's log variances; its cost is the negative log density.
struct Posterior<'a> {
    series: &'a Series,
    residuals: &'a [f64],
    prior: &'a VariancePrior,
}

impl Posterior<'_> {
    /// The variances of a point of the search, within their limits.
    fn variances(logs: &[f64]) -> Variances {
        let mut bounded = [0.0; Variances::COUNT];
        bounded.iter_mut().zip(logs).for_each(|(bound, log)| *bound = log.clamp(*LOG_RANGE.start(), *LOG_RANGE.end()));
        let variances = Variances::from_logs(bounded);
        Variances { noise: variances.noise.max(LEAST_NOISE), ..variances }
    }
}

impl CostFunction for Posterior<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logs: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        let likelihood = log_likelihood(self.series, self.residuals, &Self::variances(logs));
        Ok(-likelihood - self.prior.log_density(logs))
    }
}

/// The most probable variances of an account, searched from `start`.
pub(super) fn most_probable(series: &Series, residuals: &[f64], prior: &VariancePrior, start: &Variances) -> Variances {
    let start = start.logs().to_vec();
    let corners = (0..start.len()).map(|part| {
        let mut corner = start.clone();
        corner.iter_mut().skip(part).take(1).for_each(|log| *log += EDGE);
        corner
    });
    let simplex = std::iter::once(start.clone()).chain(corners).collect();
    let solver = NelderMead::new(simplex).with_sd_tolerance(TOLERANCE);
    let search = solver.and_then(|solver| {
        let problem = Posterior { series, residuals, prior };
        Executor::new(problem, solver).configure(|state| state.max_iters(MAX_STEPS)).run()
    });
    // If the search fails, which is not expected, the variances stay where they started.
    let best = search.ok().and_then(|mut result| result.state.take_best_param());
    Posterior::variances(best.as_deref().unwrap_or(&start))
}

/// Step of a finite difference, in log units.
const DIFFERENCE_STEP: f64 = 0.2;

/// Standard errors of the log variances, from the curvature of the posterior at its maximum (Laplace's approximation).
/// They are at most the standard deviations of the prior, and equal them where the curvature gives none.
pub(super) fn log_sds(
    series: &Series,
    residuals: &[f64],
    prior: &VariancePrior,
    best: &Variances,
) -> [f64; Variances::COUNT] {
    let best = best.logs();
    let problem = Posterior { series, residuals, prior };
    let cost = |steps: &[(usize, f64)]| {
        let mut logs = best.to_vec();
        for (part, step) in steps {
            logs.iter_mut().skip(*part).take(1).for_each(|log| *log += step * DIFFERENCE_STEP);
        }
        problem.cost(&logs).unwrap_or(f64::INFINITY)
    };
    let curvature = Matrix4::from_fn(|row, column| {
        let corner = |one: f64, other: f64| cost(&[(row, one), (column, other)]);
        let difference = corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0) + corner(-1.0, -1.0);
        difference / (4.0 * DIFFERENCE_STEP * DIFFERENCE_STEP)
    });
    let sds = curvature.cholesky().map(|factor| factor.inverse().diagonal().map(f64::sqrt));
    std::array::from_fn(|part| {
        let widest = prior.sd.get(part).copied().unwrap_or(START_SD);
        let found = sds.and_then(|sds| sds.get(part).copied()).filter(|sd| sd.is_finite());
        found.map_or(widest, |sd| sd.min(widest))
    })
}
