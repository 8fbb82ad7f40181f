//! The state space model of an account's log engagements, and its Kalman filter.
//!
//! The state has three independent components: a level (random walk) and two Ornstein-Uhlenbeck processes, one slow and
//! one fast. A post observes their sum plus regression effects and noise. The filter is linear, so it runs over the log
//! engagements and over each regressor in the same way. The innovations, divided by their standard deviation, are
//! independent with variance 1: generalised least squares becomes ordinary least squares. Source: Durbin and Koopman,
//! *Time Series Analysis by State Space Methods*, 2nd edition (2012), chapter 4 and section 6.2.

use nalgebra::{DMatrix, Matrix3, MatrixXx3, Vector3};

use crate::model::{FAST_DAYS, SLOW_DAYS};

/// The variances of the components of an account's log engagements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variances {
    /// Variance of the level's change in a day.
    pub level_per_day: f64,
    /// Stationary variance of the slow component.
    pub slow: f64,
    /// Stationary variance of the fast component.
    pub fast: f64,
    /// Variance of the log engagements of one post around their expectation.
    pub noise: f64,
}

impl Variances {
    /// Number of variances.
    pub const COUNT: usize = 4;

    /// Typical values of public posts.
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

/// The weights of the state's components in the lasting level: level and slow component.
pub(super) const LASTING: Vector3<f64> = Vector3::new(1.0, 1.0, 0.0);

/// The time from one observation to the next, and the factors by which the slow and the fast component decay in that
/// time. The factors do not depend on variances, so they are computed once for all filters of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TimeStep {
    days: f64,
    slow_decay: f64,
    fast_decay: f64,
}

impl TimeStep {
    pub fn of_days(days: f64) -> Self {
        Self { days, slow_decay: libm::exp(-days / SLOW_DAYS), fast_decay: libm::exp(-days / FAST_DAYS) }
    }

    /// The factor by which each component of the state decays.
    pub fn decay(&self) -> Vector3<f64> {
        Vector3::new(1.0, self.slow_decay, self.fast_decay)
    }

    /// The variance that the time adds to each component of the state.
    pub fn added_variance(&self, variances: &Variances) -> Vector3<f64> {
        Vector3::new(
            variances.level_per_day * self.days,
            variances.slow * (1.0 - self.slow_decay * self.slow_decay),
            variances.fast * (1.0 - self.fast_decay * self.fast_decay),
        )
    }
}

/// The covariance of the state while a filter runs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StateCovariance(Matrix3<f64>);

/// The Kalman gain of an observation and the variance of its innovation.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Update {
    gain: Vector3<f64>,
    innovation_variance: f64,
}

impl StateCovariance {
    /// Just before the first observation: the level has variance 0, since its value at that time is a regression
    /// effect, and the other components have their stationary variance.
    fn initial(variances: &Variances) -> Self {
        Self(Matrix3::from_diagonal(&Vector3::new(0.0, variances.slow, variances.fast)))
    }

    /// The prediction step: from an observation to just before the next.
    fn predict(&mut self, time: &TimeStep, variances: &Variances) {
        let decay = time.decay();
        self.0.component_mul_assign(&(decay * decay.transpose()));
        self.0.set_diagonal(&(self.0.diagonal() + time.added_variance(variances)));
    }

    /// The update step: an observation of the sum of the components.
    fn update(&mut self, noise_variance: f64) -> Update {
        let covariance_with_sum = self.0.column_sum();
        let innovation_variance = covariance_with_sum.sum() + noise_variance;
        let gain = covariance_with_sum / innovation_variance;
        self.0 -= gain * covariance_with_sum.transpose();
        Update { gain, innovation_variance }
    }
}

/// Observations of an account, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Time since the previous observation; 0 for the first.
    times: Vec<TimeStep>,
    /// Time of the last observation in days since 1970; `None` if there is none.
    pub last_days: Option<f64>,
    /// One column for each observation: log(1 + engagements), then the regressors.
    pub values: DMatrix<f64>,
}

impl Series {
    /// A series of observations at the given days, each with a column of values.
    pub fn new(days: &[f64], values: DMatrix<f64>) -> Self {
        let previous = days.first().into_iter().chain(days);
        let times = days.iter().zip(previous).map(|(day, previous)| TimeStep::of_days(day - previous)).collect();
        Self { times, last_days: days.last().copied(), values }
    }

    /// The same times with other values.
    pub fn with_values(&self, values: DMatrix<f64>) -> Self {
        Self { times: self.times.clone(), last_days: self.last_days, values }
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Days from each observation to the last one.
    pub fn ages(&self) -> Vec<f64> {
        let since_first = self.times.iter().scan(0.0, |days, time| {
            *days += time.days;
            Some(*days)
        });
        let since_first: Vec<f64> = since_first.collect();
        let last = since_first.last().copied().unwrap_or(0.0);
        since_first.into_iter().map(|days| last - days).collect()
    }
}

/// The innovations of a series and the state after it.
#[derive(Debug, Clone)]
pub(super) struct Filtered {
    /// The innovations of the series' values, divided by their standard deviation.
    pub whitened: DMatrix<f64>,
    /// The state after the last observation: a row for log(1 + engagements), then one for each regressor.
    pub state: MatrixXx3<f64>,
    /// Covariance of the state after the last observation.
    pub covariance: Matrix3<f64>,
}

/// Filters every row of a series: log(1 + engagements) and the regressors.
pub(super) fn filter(series: &Series, variances: &Variances) -> Filtered {
    let mut whitened = series.values.clone();
    let mut state = MatrixXx3::zeros(series.values.nrows());
    let mut covariance = StateCovariance::initial(variances);
    // A column of `state` holds one component for all rows of the series, a column of `whitened` all rows at one time.
    for (time, mut observation) in series.times.iter().zip(whitened.column_iter_mut()) {
        covariance.predict(time, variances);
        let Update { gain, innovation_variance } = covariance.update(variances.noise);
        for (mut component, decay) in state.column_iter_mut().zip(time.decay().iter()) {
            component *= *decay;
            observation -= &component;
        }
        let mut innovation = observation;
        for (mut component, gain) in state.column_iter_mut().zip(gain.iter()) {
            component.axpy(*gain, &innovation, 1.0);
        }
        innovation /= innovation_variance.sqrt();
    }
    Filtered { whitened, state, covariance: covariance.0 }
}

/// The filter's result at one observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct FilteredStep {
    /// The innovation: the observation minus its prediction from the earlier ones.
    pub innovation: f64,
    /// The lasting level (level plus slow component) after the observation.
    pub level: f64,
    /// Standard deviation of this level.
    pub level_sd: f64,
}

/// Filters a series of residuals.
pub(super) fn filtered_steps(series: &Series, residuals: &[f64], variances: &Variances) -> Vec<FilteredStep> {
    let mut state = Vector3::zeros();
    let mut covariance = StateCovariance::initial(variances);
    let step = |(time, residual): (&TimeStep, &f64)| {
        covariance.predict(time, variances);
        let Update { gain, .. } = covariance.update(variances.noise);
        state.component_mul_assign(&time.decay());
        let innovation = residual - state.sum();
        state += gain * innovation;
        let level_sd = (covariance.0 * LASTING).dot(&LASTING).max(0.0).sqrt();
        FilteredStep { innovation, level: state.dot(&LASTING), level_sd }
    };
    series.times.iter().zip(residuals).map(step).collect()
}

/// Number of variances that are multiplied before their logarithm is taken, since logarithms are slow: few enough that
/// no product overflows or underflows.
const VARIANCES_PER_LOGARITHM: usize = 16;

/// The log-likelihood of a series of residuals, up to a constant.
pub(super) fn log_likelihood(series: &Series, residuals: &[f64], variances: &Variances) -> f64 {
    let mut state = Vector3::zeros();
    let mut covariance = StateCovariance::initial(variances);
    let (mut squares, mut logs) = (0.0, 0.0);
    let chunks = series.times.chunks(VARIANCES_PER_LOGARITHM).zip(residuals.chunks(VARIANCES_PER_LOGARITHM));
    for (times, residuals) in chunks {
        let mut product_of_variances = 1.0;
        for (time, residual) in times.iter().zip(residuals) {
            covariance.predict(time, variances);
            let Update { gain, innovation_variance } = covariance.update(variances.noise);
            state.component_mul_assign(&time.decay());
            let innovation = residual - state.sum();
            state += gain * innovation;
            squares += innovation * innovation / innovation_variance;
            product_of_variances *= innovation_variance;
        }
        logs += libm::log(product_of_variances);
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

    /// The covariance of the observations, from the definition of each component.
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
    fn products_of_whitened_values_are_those_of_generalised_least_squares() {
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
        let covariance_with_last_level =
            DVector::from_iterator(DAYS.len(), DAYS.iter().map(|at| VARIANCES.level_per_day * at.min(last)));
        let weights = covariance().cholesky().unwrap().solve(&DVector::from_row_slice(&observed));
        assert!((filtered.state[(0, 0)] - covariance_with_last_level.dot(&weights)).abs() < 1e-9);
    }
}
