//! Fits the logarithms of the four variances of each account: the maximum of their posterior, given the effects.
//!
//! The likelihood is that of the Kalman filter. The prior is normal and shared by the accounts of a channel. The
//! standard errors are those of Laplace's approximation.

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;
use nalgebra::Matrix4;

use super::filter::{Series, Variances, log_likelihood};
use crate::stats::{quantile, variance};

/// Standard deviation of the first prior of a log variance.
pub(super) const INITIAL_SD: f64 = 1.0;

/// Minimum standard deviation of a prior that is estimated from accounts.
const MIN_SD: f64 = 0.5;

/// Limits of a log variance, so that a search cannot overflow or underflow.
const LOG_RANGE: std::ops::RangeInclusive<f64> = -16.0..=3.0;

/// Minimum variance of one post around its expectation: even the posts of a very regular account vary.
const MIN_NOISE: f64 = 0.02;

/// Maximum number of steps of a search.
const MAX_STEPS: u64 = 120;

/// Standard deviation of the objective over the simplex at which a search ends.
const TOLERANCE: f64 = 1e-3;

/// Edge length of the first simplex, in log units.
const EDGE_LENGTH: f64 = 0.7;

/// The prior of an account's log variances: independent normal distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct VariancePrior {
    pub median: [f64; Variances::COUNT],
    pub sd: [f64; Variances::COUNT],
}

impl VariancePrior {
    /// The prior before any account was fitted.
    pub fn initial() -> Self {
        Self { median: Variances::TYPICAL.logs(), sd: [INITIAL_SD; Variances::COUNT] }
    }

    /// The prior estimated from the fitted log variances of each account: their medians and standard deviations. With
    /// fewer than three accounts it stays as it is.
    pub fn updated(self, fits: &[[f64; Variances::COUNT]]) -> Self {
        if fits.len() < 3 {
            return self;
        }
        let sorted_logs = |index: usize| {
            let mut logs: Vec<f64> = fits.iter().filter_map(|fit| fit.get(index).copied()).collect();
            logs.sort_by(f64::total_cmp);
            logs
        };
        let by_variance: [Vec<f64>; Variances::COUNT] = std::array::from_fn(sorted_logs);
        Self {
            median: by_variance.each_ref().map(|logs| quantile(logs, 0.5)),
            sd: by_variance.each_ref().map(|logs| variance(logs).map_or(INITIAL_SD, f64::sqrt).max(MIN_SD)),
        }
    }

    /// Log of the prior's density, up to a constant.
    fn log_density(&self, logs: &[f64]) -> f64 {
        let z_scores = logs.iter().zip(&self.median).zip(&self.sd).map(|((log, median), sd)| (log - median) / sd);
        z_scores.map(|z| -z * z / 2.0).sum()
    }
}

/// The posterior of an account's log variances.
struct Posterior<'a> {
    series: &'a Series,
    residuals: &'a [f64],
    prior: &'a VariancePrior,
}

impl Posterior<'_> {
    /// Log of its density, up to a constant.
    fn log_density(&self, logs: &[f64; Variances::COUNT]) -> f64 {
        log_likelihood(self.series, self.residuals, &within_limits(logs)) + self.prior.log_density(logs)
    }
}

/// The cost that the search minimises: the negative log density.
impl CostFunction for Posterior<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, logs: &Self::Param) -> Result<f64, argmin::core::Error> {
        Ok(-self.log_density(logs.as_slice().try_into()?))
    }
}

/// The variances with the given logarithms, moved within their limits.
fn within_limits(logs: &[f64; Variances::COUNT]) -> Variances {
    let variances = Variances::from_logs(logs.map(|log| log.clamp(*LOG_RANGE.start(), *LOG_RANGE.end())));
    Variances { noise: variances.noise.max(MIN_NOISE), ..variances }
}

/// The logarithms with a number added to one of them.
pub(super) fn with_added(mut logs: [f64; Variances::COUNT], index: usize, number: f64) -> [f64; Variances::COUNT] {
    if let Some(log) = logs.get_mut(index) {
        *log += number;
    }
    logs
}

/// The most probable variances of an account, searched from `start` by the method of Nelder and Mead.
pub(super) fn most_probable(series: &Series, residuals: &[f64], prior: &VariancePrior, start: &Variances) -> Variances {
    let start = start.logs();
    let corners = (0..Variances::COUNT).map(|index| with_added(start, index, EDGE_LENGTH));
    let simplex = std::iter::once(start).chain(corners).map(|logs| logs.to_vec()).collect();
    let solver = NelderMead::new(simplex).with_sd_tolerance(TOLERANCE);
    let search = solver.and_then(|solver| {
        let problem = Posterior { series, residuals, prior };
        Executor::new(problem, solver).configure(|state| state.max_iters(MAX_STEPS)).run()
    });
    // If the search fails, which is not expected, the variances stay where they started.
    let best = search.ok().and_then(|mut result| result.state.take_best_param());
    let best = best.and_then(|logs| <[f64; Variances::COUNT]>::try_from(logs).ok());
    within_limits(&best.unwrap_or(start))
}

/// Step of a finite difference, in log units.
const DIFFERENCE_STEP: f64 = 0.2;

/// Standard errors of the log variances, from the curvature of the log posterior at its maximum. They are at most the
/// standard deviations of the prior, and equal them if the curvature is not positive definite.
pub(super) fn log_sds(
    series: &Series,
    residuals: &[f64],
    prior: &VariancePrior,
    best: &Variances,
) -> [f64; Variances::COUNT] {
    let best = best.logs();
    let posterior = Posterior { series, residuals, prior };
    let curvature = Matrix4::from_fn(|row, column| {
        let cost = |row_step: f64, column_step: f64| {
            let moved = with_added(best, row, row_step * DIFFERENCE_STEP);
            -posterior.log_density(&with_added(moved, column, column_step * DIFFERENCE_STEP))
        };
        let difference = cost(1.0, 1.0) - cost(1.0, -1.0) - cost(-1.0, 1.0) + cost(-1.0, -1.0);
        difference / (4.0 * DIFFERENCE_STEP * DIFFERENCE_STEP)
    });
    let sds = curvature.cholesky().map(|factor| factor.inverse().diagonal().map(f64::sqrt));
    std::array::from_fn(|index| {
        let prior_sd = prior.sd.get(index).copied().unwrap_or(INITIAL_SD);
        let sd = sds.and_then(|sds| sds.get(index).copied()).filter(|sd| sd.is_finite());
        sd.map_or(prior_sd, |sd| sd.min(prior_sd))
    })
}
