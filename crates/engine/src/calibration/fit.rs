//! Fits the model to the histories of a channel's accounts.
//!
//! Half-life, effects and variances are fitted in turn, each with the others fixed: the half-life and the effects given
//! the variances in closed form, then the variances of each account by maximising their posterior, with a prior that is
//! estimated from all accounts (empirical Bayes).

use nalgebra::{DMatrix, DVector, Matrix3, MatrixXx3, RowDVector, Vector3};
use rayon::prelude::*;

use super::combinations::LinearCombination;
use super::effects::Design;
use super::filter::{Filtered, Series, Variances, filter};
use super::half_life::{HalfLife, INITIAL_HOURS};
use super::history::{AccountHistory, ContentTypes, Observation, loads, observations};
use super::pooling::{Effects, SufficientStatistics, account_posterior, account_without_posts, channel_posterior};
use super::variances::{VariancePrior, log_sds, most_probable};
use crate::model::Timestamp;

/// Number of rounds in which half-life, effects and variances are fitted.
const ROUNDS: usize = 3;

/// The fitted model of one channel.
#[derive(Debug)]
pub(super) struct ChannelFit {
    pub design: Design,
    pub types: ContentTypes,
    pub half_life: HalfLife,
    /// The channel's effects, around which those of its accounts are distributed.
    pub effects: Effects,
    /// The fitted accounts, in the order of the histories.
    pub accounts: Vec<AccountFit>,
    /// Standardised innovations of all accounts.
    pub innovations: Vec<f64>,
}

/// The fitted model of one account.
#[derive(Debug)]
pub(super) struct AccountFit {
    pub effects: Effects,
    pub variances: Variances,
    /// Standard errors of the logarithms of the variances.
    pub variance_log_sds: [f64; Variances::COUNT],
    /// Standardised innovations, in order of time.
    pub innovations: Vec<f64>,
    /// The part of each measured post's log(1 + engagements) that the effects do not explain, in order of time.
    pub residuals: Vec<f64>,
    /// Days from each measured post to the last one, in order of time.
    pub ages: Vec<f64>,
    /// The state after the last measured post.
    pub state: AccountState,
}

/// The state (level, slow and fast component) after an account's last measured post, as a linear function of the
/// effects: the state filtered from the observations, minus each effect times the state filtered from its regressor.
#[derive(Debug, Clone)]
pub(super) struct AccountState {
    /// Time of the last measured post in days since 1970; `None` if no post was measured.
    pub days: Option<f64>,
    /// The state after filtering the observations, with no effects subtracted.
    observed: Vector3<f64>,
    /// The state after filtering each regressor, one row for each.
    regressors: MatrixXx3<f64>,
    /// Covariance of the state given the effects.
    pub covariance: Matrix3<f64>,
}

impl AccountState {
    fn of(series: &Series, filtered: &Filtered) -> Self {
        let state = &filtered.state;
        Self {
            days: series.last_days,
            observed: state.row(0).transpose(),
            regressors: state.rows(1, state.nrows() - 1).into_owned(),
            covariance: filtered.covariance,
        }
    }

    /// The expected weighted sum of the components.
    pub fn combination(&self, weights: &Vector3<f64>) -> LinearCombination {
        LinearCombination { weights: -(&self.regressors * weights), constant: self.observed.dot(weights) }
    }

    /// The expected state for given effects.
    pub fn mean(&self, effects: &DVector<f64>) -> Vector3<f64> {
        self.observed - self.regressors.tr_mul(effects)
    }
}

/// An account during the fit.
struct WorkingAccount {
    /// The posts that the model is fitted to.
    history: AccountHistory,
    series: Series,
    variances: Variances,
    filtered: Filtered,
}

impl WorkingAccount {
    fn new(history: AccountHistory, columns: &Columns, variances: Variances) -> Self {
        let series = series(&columns.design, &observations(&history, &columns.types, INITIAL_HOURS));
        let filtered = filter(&series, &variances);
        Self { history, series, variances, filtered }
    }

    fn residuals(&self, effects: &Effects) -> Vec<f64> {
        subtract_expected(&self.series.values, effects)
    }

    fn fit_variances(&mut self, effects: &Effects, prior: &VariancePrior) {
        self.variances = most_probable(&self.series, &self.residuals(effects), prior, &self.variances);
        self.filtered = filter(&self.series, &self.variances);
    }

    /// log(1 + load) before each measured post.
    fn log_loads(&self, half_life_hours: f64) -> RowDVector<f64> {
        let posts = &self.history.posts;
        let measured = posts.iter().zip(loads(posts, half_life_hours)).filter(|(post, _)| post.engagements.is_some());
        RowDVector::from_iterator(self.series.values.ncols(), measured.map(|(_, load)| libm::log1p(load)))
    }

    /// The sufficient statistics with another half-life of the load. Only the last row, that of the load, is filtered
    /// again.
    fn statistics_with(&self, half_life_hours: f64) -> SufficientStatistics {
        let load_series = self.series.with_values(DMatrix::from_rows(&[self.log_loads(half_life_hours)]));
        let mut whitened = self.filtered.whitened.clone();
        whitened.set_row(whitened.nrows() - 1, &filter(&load_series, &self.variances).whitened.row(0));
        SufficientStatistics::of(&whitened)
    }

    fn set_half_life(&mut self, half_life_hours: f64) {
        let loads = self.log_loads(half_life_hours);
        let row = self.series.values.nrows() - 1;
        self.series.values.set_row(row, &loads);
        self.filtered = filter(&self.series, &self.variances);
    }

    fn innovations(&self, effects: &Effects) -> Vec<f64> {
        subtract_expected(&self.filtered.whitened, effects)
    }
}

/// The first row of a matrix, the observations, minus what the effects predict from the other rows, the regressors.
pub(super) fn subtract_expected(values: &DMatrix<f64>, effects: &Effects) -> Vec<f64> {
    let expected = values.rows(1, effects.mean.len()).tr_mul(&effects.mean);
    values.row(0).iter().zip(expected.iter()).map(|(value, expected)| value - expected).collect()
}

/// The measured posts of an account as a series.
pub(super) fn series(design: &Design, observed: &[Observation]) -> Series {
    let measured = || observed.iter().filter_map(|post| Some((post, post.log_engagements?)));
    let count = measured().count();
    let values = measured().flat_map(|(post, log)| std::iter::once(log).chain(design.row(post)));
    let values = DMatrix::from_iterator(1 + design.len(), count, values);
    Series::new(&measured().map(|(post, _)| post.days).collect::<Vec<_>>(), values)
}

/// The columns of a channel's regression and its content types.
struct Columns {
    design: Design,
    types: ContentTypes,
}

/// Fits a channel to the posts of its accounts before `until`. With `fixed_variances`, all accounts have these
/// variances; otherwise those of each account are fitted. `None` if a matrix of the fit is not positive definite.
pub(super) fn fit_channel(
    histories: &[&AccountHistory],
    until: Timestamp,
    fixed_variances: Option<Variances>,
) -> Option<ChannelFit> {
    let histories: Vec<AccountHistory> = histories.iter().map(|history| history.before(until)).collect();
    let types = ContentTypes::of(&histories);
    let columns = Columns { design: Design::new(types.len()), types };
    let variances = fixed_variances.unwrap_or(Variances::TYPICAL);
    let mut accounts: Vec<WorkingAccount> =
        histories.into_par_iter().map(|history| WorkingAccount::new(history, &columns, variances)).collect();
    let mut prior = VariancePrior::initial();
    let rounds = if fixed_variances.is_some() { 0 } else { ROUNDS };
    for _ in 0..rounds {
        fit_half_life(&columns.design, &mut accounts)?;
        let (_, effects) = fit_effects(&columns.design, &accounts)?;
        accounts.par_iter_mut().zip(&effects).for_each(|(account, effects)| account.fit_variances(effects, &prior));
        let measured = accounts.iter().filter(|account| !account.series.is_empty());
        prior = prior.updated(&measured.map(|account| account.variances.logs()).collect::<Vec<_>>());
    }
    let half_life = fit_half_life(&columns.design, &mut accounts)?;
    let (channel_effects, account_effects) = fit_effects(&columns.design, &accounts)?;
    let accounts: Vec<AccountFit> = accounts
        .par_iter()
        .zip(account_effects)
        .map(|(account, effects)| account_fit(account, effects, &prior))
        .collect();
    let innovations = accounts.iter().flat_map(|account| account.innovations.iter().copied()).collect();
    let Columns { design, types } = columns;
    Some(ChannelFit { design, types, half_life, effects: channel_effects, accounts, innovations })
}

/// Fits the half-life by the marginal likelihood of the observations, and sets it in all accounts.
fn fit_half_life(design: &Design, accounts: &mut [WorkingAccount]) -> Option<HalfLife> {
    let log_likelihood = |hours: f64| {
        let statistics: Vec<_> = accounts.par_iter().map(|account| account.statistics_with(hours)).collect();
        channel_posterior(design, &statistics).map(|posterior| posterior.log_likelihood)
    };
    let half_life = HalfLife::fit(log_likelihood)?;
    accounts.par_iter_mut().for_each(|account| account.set_half_life(half_life.hours));
    Some(half_life)
}

/// The posterior effects of the channel and of each account.
fn fit_effects(design: &Design, accounts: &[WorkingAccount]) -> Option<(Effects, Vec<Effects>)> {
    let statistics: Vec<_> =
        accounts.par_iter().map(|account| SufficientStatistics::of(&account.filtered.whitened)).collect();
    let channel = channel_posterior(design, &statistics)?.effects;
    let of_accounts = accounts.par_iter().zip(&statistics).map(|(account, statistics)| {
        if account.series.is_empty() {
            Some(account_without_posts(design, &channel))
        } else {
            account_posterior(design, &channel, statistics)
        }
    });
    let of_accounts: Vec<Effects> = of_accounts.collect::<Option<_>>()?;
    Some((channel, of_accounts))
}

fn account_fit(account: &WorkingAccount, effects: Effects, prior: &VariancePrior) -> AccountFit {
    let innovations = account.innovations(&effects);
    let residuals = account.residuals(&effects);
    let state = AccountState::of(&account.series, &account.filtered);
    let variance_log_sds = log_sds(&account.series, &residuals, prior, &account.variances);
    AccountFit {
        effects,
        variances: account.variances,
        variance_log_sds,
        innovations,
        residuals,
        ages: account.series.ages(),
        state,
    }
}
