//! Fits the model to the histories of a channel's accounts.

use nalgebra::{DMatrix, DVector, Matrix3, MatrixXx3, RowDVector, Vector3};
use rayon::prelude::*;

use super::effects::Design;
use super::filter::{Filtered, Series, Variances, filter};
use super::half_life::{HalfLife, START_HOURS};
use super::history::{AccountHistory, ContentTypes, Observation, loads, observations};
use super::pooling::{Effects, Evidence, account_effects, pooled, unseen_account};
use super::variances::{VariancePrior, log_sds, most_probable};
use crate::model::Timestamp;

/// Rounds of alternately fitting effects and variances.
const ROUNDS: usize = 3;

/// The model of one channel, fitted to its accounts.
#[derive(Debug)]
pub(super) struct ChannelFit {
    pub design: Design,
    pub types: ContentTypes,
    pub half_life: HalfLife,
    /// The channel's effects, around which those of its accounts are distributed.
    pub effects: Effects,
    /// The fitted accounts, in the order of the histories.
    pub accounts: Vec<AccountFit>,
    /// Standardised one-step errors of all accounts.
    pub innovations: Vec<f64>,
}

/// The model of one account.
#[derive(Debug)]
pub(super) struct AccountFit {
    pub effects: Effects,
    pub variances: Variances,
    /// Standard errors of the logarithms of the variances.
    pub variance_log_sds: [f64; Variances::COUNT],
    /// Standardised one-step errors, in the order of time.
    pub innovations: Vec<f64>,
    /// The state after the last measured post.
    pub state: AccountState,
}

/// The three moving parts of an account's log engagements (level, slow and fast part) after its last measured post.
#[derive(Debug, Clone)]
pub(super) struct AccountState {
    /// Time of that post in days since 1970; `None` if no post was measured.
    pub days: Option<f64>,
    /// The filter's state when run over the observations, with no effects subtracted.
    observed: Vector3<f64>,
    /// The filter's state when run over each regressor, one row each.
    regressors: MatrixXx3<f64>,
    /// Covariance of the parts if the effects were known.
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

    /// The expected weighted sum of the parts as a linear function of the effects: a constant, from which each effect
    /// times its returned coefficient is subtracted.
    pub fn combined(&self, part_weights: &Vector3<f64>) -> (f64, DVector<f64>) {
        (self.observed.dot(part_weights), &self.regressors * part_weights)
    }

    /// The expected parts for given effects.
    pub fn mean(&self, effects: &DVector<f64>) -> Vector3<f64> {
        self.observed - self.regressors.tr_mul(effects)
    }
}

/// An account while its channel is fitted.
struct WorkingAccount {
    /// Its posts up to the end of the fit.
    history: AccountHistory,
    series: Series,
    variances: Variances,
    filtered: Filtered,
}

impl WorkingAccount {
    fn new(history: AccountHistory, columns: &Columns, variances: Variances) -> Self {
        let series = series(&columns.design, &observations(&history, &columns.types, START_HOURS));
        let filtered = filter(&series, &variances);
        Self { history, series, variances, filtered }
    }

    fn residuals(&self, effects: &Effects) -> Vec<f64> {
        subtract_expected(&self.series.values, effects)
    }

    fn refit(&mut self, effects: &Effects, prior: &VariancePrior) {
        self.variances = most_probable(&self.series, &self.residuals(effects), prior, &self.variances);
        self.filtered = filter(&self.series, &self.variances);
    }

    /// log(1 + load) before each measured post.
    fn log_loads(&self, half_life_hours: f64) -> RowDVector<f64> {
        let posts = &self.history.posts;
        let measured = posts.iter().zip(loads(posts, half_life_hours)).filter(|(post, _)| post.engagements.is_some());
        RowDVector::from_iterator(self.series.values.ncols(), measured.map(|(_, load)| libm::log1p(load)))
    }

    /// The evidence under another half-life of the load. Only the last row, the load's, has to be filtered again.
    fn evidence_with(&self, half_life_hours: f64) -> Evidence {
        let load_series = self.series.with_values(DMatrix::from_rows(&[self.log_loads(half_life_hours)]));
        let mut whitened = self.filtered.whitened.clone();
        whitened.set_row(whitened.nrows() - 1, &filter(&load_series, &self.variances).whitened.row(0));
        Evidence::of(&whitened)
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

/// Fits a channel to the posts of its accounts before `until`. The variances are fitted for each account; if `fixed` is
/// given, every account has those instead. `None` if a matrix of the fit is not positive definite.
pub(super) fn fit_channel(
    histories: &[&AccountHistory],
    until: Timestamp,
    fixed: Option<Variances>,
) -> Option<ChannelFit> {
    let histories: Vec<AccountHistory> = histories.iter().map(|history| history.until(until)).collect();
    let types = ContentTypes::of(&histories);
    let columns = Columns { design: Design::new(types.len()), types };
    let variances = fixed.unwrap_or(Variances::TYPICAL);
    let mut accounts: Vec<WorkingAccount> =
        histories.into_par_iter().map(|history| WorkingAccount::new(history, &columns, variances)).collect();
    let mut prior = VariancePrior::start();
    let rounds = if fixed.is_some() { 0 } else { ROUNDS };
    for _ in 0..rounds {
        choose_half_life(&columns.design, &mut accounts)?;
        let (_, effects) = estimate_effects(&columns.design, &accounts)?;
        accounts.par_iter_mut().zip(&effects).for_each(|(account, effects)| account.refit(effects, &prior));
        let measured = accounts.iter().filter(|account| !account.series.is_empty());
        prior = prior.updated(&measured.map(|account| account.variances.logs()).collect::<Vec<_>>());
    }
    let half_life = choose_half_life(&columns.design, &mut accounts)?;
    let (channel_effects, account_effects) = estimate_effects(&columns.design, &accounts)?;
    let accounts: Vec<AccountFit> = accounts
        .par_iter()
        .zip(account_effects)
        .map(|(account, effects)| account_fit(account, effects, &prior))
        .collect();
    let innovations = accounts.iter().flat_map(|account| account.innovations.iter().copied()).collect();
    let Columns { design, types } = columns;
    Some(ChannelFit { design, types, half_life, effects: channel_effects, accounts, innovations })
}

/// Computes the loads of all accounts again with the most probable half-life, and returns it.
fn choose_half_life(design: &Design, accounts: &mut [WorkingAccount]) -> Option<HalfLife> {
    let log_probability = |hours: f64| {
        let evidence: Vec<Evidence> = accounts.par_iter().map(|account| account.evidence_with(hours)).collect();
        pooled(design, &evidence).map(|pooled| pooled.log_probability)
    };
    let half_life = HalfLife::of(log_probability)?;
    accounts.par_iter_mut().for_each(|account| account.set_half_life(half_life.hours));
    Some(half_life)
}

/// The effects of the channel and of each account.
fn estimate_effects(design: &Design, accounts: &[WorkingAccount]) -> Option<(Effects, Vec<Effects>)> {
    let evidence: Vec<Evidence> = accounts.par_iter().map(|account| Evidence::of(&account.filtered.whitened)).collect();
    let channel = pooled(design, &evidence)?.effects;
    let by_account = accounts.par_iter().zip(&evidence).map(|(account, evidence)| match account.series.is_empty() {
        true => Some(unseen_account(design, &channel)),
        false => account_effects(design, &channel, evidence),
    });
    let by_account = by_account.collect::<Option<Vec<Effects>>>()?;
    Some((channel, by_account))
}

fn account_fit(account: &WorkingAccount, effects: Effects, prior: &VariancePrior) -> AccountFit {
    let innovations = account.innovations(&effects);
    let state = AccountState::of(&account.series, &account.filtered);
    let log_sds = log_sds(&account.series, &account.residuals(&effects), prior, &account.variances);
    AccountFit { effects, variances: account.variances, variance_log_sds: log_sds, innovations, state }
}
