//! The Kalman filter of an account's level: a random walk, a slow and a fast mean-reverting part, observed with noise.
//!
//! The filter is linear, so it runs over the observations and over each column of regressors alike. What it leaves of
//! them, scaled to variance 1, is independent: generalised least squares becomes ordinary least squares.

use nalgebra::{DMatrix, Matrix3, MatrixXx3, Vector3};

use crate::model::{FAST_DAYS, SLOW_DAYS};

/// The variances of an account's log engagements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variances {
    /// Growth of the level's variance a day.
    pub level_per_day: f64,
    /// Of the slow part.
    pub slow: f64,
    /// Of the fast part.
    pub fast: f64,
    /// Of one post around its expectation.
    pub noise: f64,
}

impl Variances {
    /// Number of variances.
    pub const COUNT: usize = 4;

    /// Typical values of public postings.
    pub const TYPICAL: Self = Self { level_per_day: 0.0005, slow: 0.10, fast: 0.05, noise: 0.8 };

    /// Their logarithms.
    #[must_use]
    pub fn logs(&self) -> [f64; Self::COUNT] {
        [self.level_per_day, self.slow, self.fast, self.noise].map(libm::log)
    }

    /// From their logarithms.
    #[must_use]
    pub fn from_logs(logs: [f64; Self::COUNT]) -> Self {
        let [level_per_day, slow, fast, noise] = logs.map(libm::exp);
        Self { level_per_day, slow, fast, noise }
    }
}

/// The time from one observation to the next, with what it leaves of the mean-reverting parts. It does not depend on
/// variances, so it is computed once for all filters of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    days: f64,
    slow: f64,
    fast: f64,
}

impl Gap {
    pub fn of_days(days: f64) -> Self {
        Self { days, slow: libm::exp(-days / SLOW_DAYS), fast: libm::exp(-days / FAST_DAYS) }
    }

    /// The factor on each part of the state.
    pub fn decay(&self) -> Vector3<f64> {
        Vector3::new(1.0, self.slow, self.fast)
    }

    /// The variance added to each part of the state.
    pub fn added(&self, variances: &Variances) -> Vector3<f64> {
        Vector3::new(
            variances.level_per_day * self.days,
            variances.slow * (1.0 - self.slow * self.slow),
            variances.fast * (1.0 - self.fast * self.fast),
        )
    }
}

/// The covariance of the state while a filter runs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Covariance(Matrix3<f64>);

/// What one observation does to the state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Update {
    gain: Vector3<f64>,
    /// Variance of the observation before it is made.
    variance: f64,
}

impl Covariance {
    /// Before the first observation the level stands at 0 (a regressor carries it), the others at their long-run
    /// variance.
    fn start(variances: &Variances) -> Self {
        Self(Matrix3::from_diagonal(&Vector3::new(0.0, variances.slow, variances.fast)))
    }

    fn advance(&mut self, gap: &Gap, variances: &Variances) {
        let decay = gap.decay();
        self.0.component_mul_assign(&(decay * decay.transpose()));
        self.0.set_diagonal(&(self.0.diagonal() + gap.added(variances)));
    }

    fn observe(&mut self, noise: f64) -> Update {
        let with_sum = self.0.column_sum();
        let variance = with_sum.sum() + noise;
        let gain = with_sum / variance;
        self.0 -= gain * with_sum.transpose();
        Update { gain, variance }
    }
}

/// Observations of an account, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Time from the observation before; none before the first.
    gaps: Vec<Gap>,
    /// Time of the last observation in days since 1970; `None` without any.
    pub last_days: Option<f64>,
    /// A column an observation: log(1 + engagements), then the regressors.
    pub values: DMatrix<f64>,
}

impl Series {
    /// A series of observations at the given days, each a column of values.
    pub fn new(days: &[f64], values: DMatrix<f64>) -> Self {
        let before = days.first().into_iter().chain(days);
        let gaps = days.iter().zip(before).map(|(at, before)| Gap::of_days(at - before)).collect();
        Self { gaps, last_days: days.last().copied(), values }
    }

    /// The same times with other values.
    pub fn with_values(&self, values: DMatrix<f64>) -> Self {
        Self { gaps: self.gaps.clone(), last_days: self.last_days, values }
    }

    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }
}

/// What a filter leaves of a series.
#[derive(Debug, Clone)]
pub(super) struct Filtered {
    /// The values of the series less what earlier ones predict, divided by the standard deviation.
    pub whitened: DMatrix<f64>,
    /// The state after the last observation: a row for log(1 + engagements), then one for each regressor.
    pub state: MatrixXx3<f64>,
    /// Covariance of the state after the last observation.
    pub covariance: Matrix3<f64>,
}

/// Filters the observations and every regressor of a series.
pub(super) fn filter(series: &Series, variances: &Variances) -> Filtered {
    let mut whitened = series.values.clone();
    let mut state = MatrixXx3::zeros(series.values.nrows());
    let mut covariance = Covariance::start(variances);
    for (gap, mut values) in series.gaps.iter().zip(whitened.column_iter_mut()) {
        covariance.advance(gap, variances);
        let Update { gain, variance } = covariance.observe(variances.noise);
        for (mut part, decay) in state.column_iter_mut().zip(gap.decay().iter()) {
            part *= *decay;
            values -= &part;
        }
        for (mut part, gain) in state.column_iter_mut().zip(gain.iter()) {
            part.axpy(*gain, &values, 1.0);
        }
        values /= variance.sqrt();
    }
    Filtered { whitened, state, covariance: covariance.0 }
}

/// What a filter of residuals says at one observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FilteredStep {
    /// The observation less what the earlier ones predict.
    pub error: f64,
    /// The lasting level (random walk and slow part) after the observation.
    pub level: f64,
    /// Its standard deviation.
    pub level_sd: f64,
}

/// Filters a series of residuals.
pub(super) fn filtered_steps(series: &Series, residuals: &[f64], variances: &Variances) -> Vec<FilteredStep> {
    let mut state = Vector3::zeros();
    let mut covariance = Covariance::start(variances);
    let lasting = Vector3::new(1.0, 1.0, 0.0);
    let after = |(gap, residual): (&Gap, &f64)| {
        covariance.advance(gap, variances);
        let Update { gain, .. } = covariance.observe(variances.noise);
        state.component_mul_assign(&gap.decay());
        let error = residual - state.sum();
        state += gain * error;
        let level_sd = (covariance.0 * lasting).dot(&lasting).max(0.0).sqrt();
        FilteredStep { error, level: state.dot(&lasting), level_sd }
    };
    series.gaps.iter().zip(residuals).map(after).collect()
}

/// Factors whose product is taken before its logarithm: few enough that no product leaves the range of numbers.
const FACTORS_A_LOGARITHM: usize = 16;

/// The log-likelihood of a series of residuals, without its constant.
pub(super) fn log_likelihood(series: &Series, residuals: &[f64], variances: &Variances) -> f64 {
    let mut state = Vector3::zeros();
    let mut covariance = Covariance::start(variances);
    let (mut squares, mut logs) = (0.0, 0.0);
    for (gaps, residuals) in series.gaps.chunks(FACTORS_A_LOGARITHM).zip(residuals.chunks(FACTORS_A_LOGARITHM)) {
        let mut product = 1.0;
        for (gap, residual) in gaps.iter().zip(residuals) {
            covariance.advance(gap, variances);
            let Update { gain, variance } = covariance.observe(variances.noise);
            state.component_mul_assign(&gap.decay());
            let innovation = residual - state.sum();
            state += gain * innovation;
            squares += innovation * innovation / variance;
            product *= variance;
        }
        logs += libm::log(product);
    }
    -(squares + logs) / 2.0
}

#[cfg(test)]
mod tests {
    use nalgebra::DVector;

    use super::*;

    const DAYS: [f64; 6] = [0.0, 0.2, 1.0, 1.0, 9.0, 60.0];
    const VARIANCES: Variances = Variances { level_per_day: 0.01, slow: 0.4, fast: 0.3, noise: 0.5 };

    fn series(first_row: &[f64]) -> Series {
        let values = DMatrix::from_fn(2, DAYS.len(), |row, column| if row == 0 { first_row[column] } else { 1.0 });
        Series::new(&DAYS, values)
    }

    /// The covariance of the observations, from the definition of each part.
    fn covariance() -> DMatrix<f64> {
        DMatrix::from_fn(DAYS.len(), DAYS.len(), |row, column| {
            let (a, b) = (DAYS[row], DAYS[column]);
            let lag = (a - b).abs();
            VARIANCES.level_per_day * a.min(b)
                + VARIANCES.slow * libm::exp(-lag / SLOW_DAYS)
                + VARIANCES.fast * libm::exp(-lag / FAST_DAYS)
                + if row == column { VARIANCES.noise } else { 0.0 }
        })
    }

    #[test]
    fn the_likelihood_is_that_of_the_observations_joint_distribution() {
        let observed = [1.0, -0.5, 2.0, 1.8, 0.3, -1.0];
        let vector = DVector::from_row_slice(&observed);
        let factor = covariance().cholesky().unwrap();
        let dense = -(vector.dot(&factor.solve(&vector)) + libm::log(factor.determinant())) / 2.0;
        let filtered = log_likelihood(&series(&observed), &observed, &VARIANCES);
        assert!((filtered - dense).abs() < 1e-9, "{filtered} is not {dense}");
    }

    #[test]
    fn whitened_values_have_the_products_of_generalised_least_squares() {
        let observed = [1.0, -0.5, 2.0, 1.8, 0.3, -1.0];
        let series = series(&observed);
        let whitened = filter(&series, &VARIANCES).whitened;
        let dense = &series.values * covariance().try_inverse().unwrap() * series.values.transpose();
        assert!((&whitened * whitened.transpose() - dense).amax() < 1e-9);
    }

    #[test]
    fn the_last_state_is_the_one_expected_given_all_observations() {
        let observed = [1.0, -0.5, 2.0, 1.8, 0.3, -1.0];
        let filtered = filter(&series(&observed), &VARIANCES);
        let last = DAYS[DAYS.len() - 1];
        let with_level =
            DVector::from_iterator(DAYS.len(), DAYS.iter().map(|at| VARIANCES.level_per_day * at.min(last)));
        let weights = covariance().cholesky().unwrap().solve(&DVector::from_row_slice(&observed));
        assert!((filtered.state[(0, 0)] - with_level.dot(&weights)).abs() < 1e-9);
    }
}
