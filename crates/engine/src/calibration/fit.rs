//! Fits the model to the histories of a channel's accounts.

use nalgebra::{DMatrix, DVector, Matrix3, MatrixXx3, Vector3};
use rayon::prelude::*;

use super::effects::Design;
use super::filter::{Filtered, Series, Variances, filter};
use super::history::{AccountHistory, ContentTypes, Observation, observations};
use super::pooling::{Effects, Evidence, account_effects, channel_effects, unseen_account};
use super::variances::{VariancePrior, most_probable};
use crate::model::Timestamp;

/// Rounds of fitting effects and variances in turn.
const ROUNDS: usize = 3;

/// The model of one channel, fitted to its accounts.
#[derive(Debug)]
pub(super) struct ChannelFit {
    pub design: Design,
    pub types: ContentTypes,
    /// In the order of the histories.
    pub accounts: Vec<AccountFit>,
    /// Standardised one-step errors of all accounts.
    pub innovations: Vec<f64>,
}

/// The model of one account.
#[derive(Debug)]
pub(super) struct AccountFit {
    pub effects: Effects,
    pub variances: Variances,
    /// Standardised one-step errors, in the order of time.
    pub innovations: Vec<f64>,
    /// The state after the last measured post.
    pub state: AccountState,
}

/// The three parts of an account's level after its last measured post.
#[derive(Debug, Clone)]
pub(super) struct AccountState {
    /// Time of the post in days; `None` if there is none.
    pub days: Option<f64>,
    /// The state of the observations, without effects.
    observed: Vector3<f64>,
    /// The state of each regressor.
    regressors: MatrixXx3<f64>,
    /// Covariance, given the effects.
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

    /// The expected state for given effects.
    pub fn mean(&self, effects: &DVector<f64>) -> Vector3<f64> {
        self.observed - self.regressors.tr_mul(effects)
    }
}

/// An account while its channel is fitted.
struct Working {
    series: Series,
    variances: Variances,
    filtered: Filtered,
}

impl Working {
    fn new(design: &Design, observed: &[Observation], variances: Variances) -> Self {
        let series = series(design, observed);
        let filtered = filter(&series, &variances);
        Self { series, variances, filtered }
    }

    fn residuals(&self, effects: &Effects) -> Vec<f64> {
        less_expected(&self.series.values, effects)
    }

    fn refit(&mut self, effects: &Effects, prior: &VariancePrior) {
        self.variances = most_probable(&self.series, &self.residuals(effects), prior, &self.variances);
        self.filtered = filter(&self.series, &self.variances);
    }

    fn innovations(&self, effects: &Effects) -> Vec<f64> {
        less_expected(&self.filtered.whitened, effects)
    }
}

/// The first row of a matrix less what the effects say by the other rows.
fn less_expected(values: &DMatrix<f64>, effects: &Effects) -> Vec<f64> {
    let expected = values.rows(1, effects.mean.len()).tr_mul(&effects.mean);
    values.row(0).iter().zip(expected.iter()).map(|(value, expected)| value - expected).collect()
}

/// The measured posts of an account as a series.
fn series(design: &Design, observed: &[Observation]) -> Series {
    let measured = || observed.iter().filter_map(|post| Some((post, post.log_engagements?)));
    let rows = measured().count();
    let values = measured().flat_map(|(post, log)| std::iter::once(log).chain(design.row(post)));
    let values = DMatrix::from_iterator(1 + design.len(), rows, values);
    Series::new(&measured().map(|(post, _)| post.days).collect::<Vec<_>>(), values)
}

/// Fits a channel to what its accounts posted before `until`, with all variances or, if `fixed` is given, with those
/// for every account; `None` if the numbers allow no fit.
pub(super) fn fit_channel(
    histories: &[&AccountHistory],
    until: Timestamp,
    fixed: Option<Variances>,
) -> Option<ChannelFit> {
    let known: Vec<AccountHistory> = histories.iter().map(|history| before(history, until)).collect();
    let types = ContentTypes::of(&known);
    let design = Design::new(types.len());
    let variances = fixed.unwrap_or(Variances::TYPICAL);
    let start = |history: &AccountHistory| Working::new(&design, &observations(history, &types), variances);
    let mut accounts: Vec<Working> = known.par_iter().map(start).collect();
    let mut prior = VariancePrior::start();
    for _ in 0..if fixed.is_some() { 0 } else { ROUNDS } {
        let effects = effects(&design, &accounts)?;
        accounts.par_iter_mut().zip(&effects).for_each(|(account, effects)| account.refit(effects, &prior));
        let measured = accounts.iter().filter(|account| !account.series.is_empty());
        prior = prior.updated(&measured.map(|account| account.variances.logs()).collect::<Vec<_>>());
    }
    let own = effects(&design, &accounts)?;
    let accounts: Vec<AccountFit> =
        accounts.iter().zip(own).map(|(account, effects)| finished(account, effects)).collect();
    let innovations = accounts.iter().flat_map(|account| account.innovations.iter().copied()).collect();
    Some(ChannelFit { design, types, accounts, innovations })
}

fn before(history: &AccountHistory, until: Timestamp) -> AccountHistory {
    let posts = history.posts.iter().take(history.count_before(until)).cloned().collect();
    AccountHistory { posts, ..history.clone() }
}

/// The effects of each account.
fn effects(design: &Design, accounts: &[Working]) -> Option<Vec<Effects>> {
    let evidence: Vec<Evidence> = accounts.par_iter().map(|account| Evidence::of(&account.filtered)).collect();
    let channel = channel_effects(design, &evidence)?;
    let own = accounts.par_iter().zip(&evidence).map(|(account, evidence)| match account.series.is_empty() {
        true => Some(unseen_account(design, &channel)),
        false => account_effects(design, &channel, evidence),
    });
    own.collect()
}

fn finished(account: &Working, effects: Effects) -> AccountFit {
    let innovations = account.innovations(&effects);
    let state = AccountState::of(&account.series, &account.filtered);
    AccountFit { effects, variances: account.variances, innovations, state }
}
