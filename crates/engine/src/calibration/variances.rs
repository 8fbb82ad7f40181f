//! Fits the four variances of each account, pooled over the accounts of its channel.

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;
use nalgebra::Matrix4;

use super::filter::{Series, Variances, log_likelihood};
use crate::stats::{quantile, variance};

/// The spread of a log variance over accounts before any data, and its minimum after.
pub(super) const START_SD: f64 = 1.0;
const LEAST_SD: f64 = 0.5;

/// Limits of a log variance, so that no search leaves the numbers a computer can hold.
const LOG_RANGE: std::ops::RangeInclusive<f64> = -16.0..=3.0;

/// The least variance of one post around its expectation: no account is so regular that it is known exactly.
const LEAST_NOISE: f64 = 0.02;

/// Limits of a search: steps, and the spread of the objective at which it ends.
const STEPS: u64 = 120;
const TOLERANCE: f64 = 1e-3;

/// Edge of the first simplex, in log units.
const EDGE: f64 = 0.7;

/// What is believed of an account's log variances: normal, with the median and spread of its channel's accounts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct VariancePrior {
    pub median: [f64; Variances::COUNT],
    pub sd: [f64; Variances::COUNT],
}

impl VariancePrior {
    /// Before any account was fitted.
    pub fn start() -> Self {
        Self { median: Variances::TYPICAL.logs(), sd: [START_SD; Variances::COUNT] }
    }

    /// After a round of fits, each the log variances of an account. Too few accounts leave it as it is.
    pub fn updated(self, fits: &[[f64; Variances::COUNT]]) -> Self {
        if fits.len() < 3 {
            return self;
        }
        let of = |part: usize| {
            let mut logs: Vec<f64> = fits.iter().filter_map(|fit| fit.get(part).copied()).collect();
            logs.sort_by(f64::total_cmp);
            logs
        };
        let parts: [Vec<f64>; Variances::COUNT] = std::array::from_fn(of);
        Self {
            median: parts.each_ref().map(|logs| quantile(logs, 0.5)),
            sd: parts.each_ref().map(|logs| variance(logs).map_or(START_SD, f64::sqrt).max(LEAST_SD)),
        }
    }

    fn log_density(&self, logs: &[f64]) -> f64 {
        let parts = logs.iter().zip(&self.median).zip(&self.sd);
        parts.map(|((log, median), sd)| (log - median) / sd).map(|z| -z * z / 2.0).sum()
    }
}

struct Posterior<'a> {
    series: &'a Series,
    residuals: &'a [f64],
    prior: &'a VariancePrior,
}

impl Posterior<'_> {
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
    let first = start.logs().to_vec();
    let corners = (0..first.len()).map(|part| {
        let mut corner = first.clone();
        corner.iter_mut().skip(part).take(1).for_each(|log| *log += EDGE);
        corner
    });
    let simplex = std::iter::once(first.clone()).chain(corners).collect();
    let solver = NelderMead::new(simplex).with_sd_tolerance(TOLERANCE);
    let search = solver.and_then(|solver| {
        let problem = Posterior { series, residuals, prior };
        Executor::new(problem, solver).configure(|state| state.max_iters(STEPS)).run()
    });
    // A search that fails (it has no cause to) leaves the start.
    let best = search.ok().and_then(|mut result| result.state.take_best_param());
    Posterior::variances(best.as_deref().unwrap_or(&first))
}

/// Step of a finite difference, in log units.
const STEP: f64 = 0.2;

/// Standard deviations of the log variances around the most probable ones, from the curvature of the posterior
/// (Laplace's approximation); those of the prior where the curvature gives none.
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
            logs.iter_mut().skip(*part).take(1).for_each(|log| *log += step * STEP);
        }
        problem.cost(&logs).unwrap_or(f64::INFINITY)
    };
    let curvature = Matrix4::from_fn(|row, column| {
        let corner = |one: f64, other: f64| cost(&[(row, one), (column, other)]);
        let sum = corner(1.0, 1.0) - corner(1.0, -1.0) - corner(-1.0, 1.0) + corner(-1.0, -1.0);
        sum / (4.0 * STEP * STEP)
    });
    let sds = curvature.cholesky().map(|factor| factor.inverse().diagonal().map(f64::sqrt));
    std::array::from_fn(|part| {
        let widest = prior.sd.get(part).copied().unwrap_or(START_SD);
        let found = sds.and_then(|sds| sds.get(part).copied()).filter(|sd| sd.is_finite());
        found.map_or(widest, |sd| sd.min(widest))
    })
}
