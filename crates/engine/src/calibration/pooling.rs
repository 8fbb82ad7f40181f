//! The hierarchical regression of a channel and its accounts, with whitened regressors X and observations y.
//!
//! The channel's effects are normal around the mean of the prior, an account's effects normal around its channel's, and
//! y normal around X times the account's effects with variance 1. So every posterior is normal, has a closed form, and
//! depends on an account's posts only through X'X, X'y and y'y. Source: Gelman et al., *Bayesian Data Analysis*, 3rd
//! edition (2013), chapter 15.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::effects::Design;

/// A normal distribution of effects, in the order of a design's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effects {
    pub mean: DVector<f64>,
    pub covariance: DMatrix<f64>,
}

/// The sufficient statistics of one account's posts.
#[derive(Debug, Clone)]
pub(super) struct SufficientStatistics {
    /// X'X.
    xx: DMatrix<f64>,
    /// X'y.
    xy: DVector<f64>,
    /// y'y.
    yy: f64,
}

impl SufficientStatistics {
    /// From whitened values: the first row has the observations, the other rows the regressors.
    pub fn of(whitened: &DMatrix<f64>) -> Self {
        let regressors = whitened.rows(1, whitened.nrows() - 1);
        let observed = whitened.row(0);
        Self {
            xx: regressors * regressors.transpose(),
            xy: regressors * observed.transpose(),
            yy: observed.norm_squared(),
        }
    }
}

/// The prior of a channel's effects.
pub(super) fn channel_prior(design: &Design) -> Effects {
    let variances = design.priors(|prior| prior.channel_sd * prior.channel_sd);
    Effects { mean: design.priors(|prior| prior.mean), covariance: DMatrix::from_diagonal(&variances) }
}

/// The posterior of a channel.
#[derive(Debug)]
pub(super) struct ChannelPosterior {
    /// The channel's effects.
    pub effects: Effects,
    /// Log of the marginal likelihood of the observations, up to a constant.
    pub log_likelihood: f64,
}

/// The posterior of a channel's effects given the posts of all its accounts; `None` if a matrix is not positive
/// definite.
pub(super) fn channel_posterior(design: &Design, accounts: &[SufficientStatistics]) -> Option<ChannelPosterior> {
    let sd = design.priors(|prior| prior.account_sd);
    let scale = DMatrix::from_diagonal(&sd);
    let prior_precision = design.priors(|prior| 1.0 / (prior.channel_sd * prior.channel_sd));
    // The posterior's precision, and the precision times the posterior's mean.
    let mut precision = DMatrix::from_diagonal(&prior_precision);
    let mut precision_times_mean = prior_precision.component_mul(&design.priors(|prior| prior.mean));
    let mut log_likelihood = 0.0;
    for SufficientStatistics { xx, xy, yy } in accounts {
        // With the account's own effects integrated out, it adds the precision (A^-1 + D)^-1, where A = X'X may be
        // singular and D = S^2, with S = `scale`, is the variance between accounts. By Woodbury's identity, this
        // precision is A - A S (I + S A S)^-1 S A.
        let scaled = &scale * xx;
        let inner = Cholesky::new(DMatrix::identity(sd.len(), sd.len()) + &scaled * &scale)?;
        let scaled_xy = &scale * xy;
        let solved = inner.solve(&scaled_xy);
        precision += xx - scaled.transpose() * inner.solve(&scaled);
        precision_times_mean += xy - scaled.transpose() * &solved;
        log_likelihood -= (yy - scaled_xy.dot(&solved) + log_determinant(&inner)) / 2.0;
    }
    let factor = Cholesky::new(symmetric(precision))?;
    let mean = factor.solve(&precision_times_mean);
    log_likelihood += (precision_times_mean.dot(&mean) - log_determinant(&factor)) / 2.0;
    Some(ChannelPosterior { effects: Effects { mean, covariance: factor.inverse() }, log_likelihood })
}

/// The posterior of an account's effects given its own posts and its channel's posterior; `None` if a matrix is not
/// positive definite.
pub(super) fn account_posterior(design: &Design, channel: &Effects, account: &SufficientStatistics) -> Option<Effects> {
    let prior_precision = design.priors(|prior| 1.0 / (prior.account_sd * prior.account_sd));
    let factor = Cholesky::new(symmetric(&account.xx + DMatrix::from_diagonal(&prior_precision)))?;
    let mean = factor.solve(&(&account.xy + prior_precision.component_mul(&channel.mean)));
    // The mean moves with the channel's effects, whose uncertainty adds to the covariance.
    let channel_weights: DMatrix<f64> = factor.solve(&DMatrix::from_diagonal(&prior_precision));
    let covariance = factor.inverse() + &channel_weights * &channel.covariance * channel_weights.transpose();
    Some(Effects { mean, covariance: symmetric(covariance) })
}

/// The effects of an account without posts, given those of its channel.
pub(super) fn account_without_posts(design: &Design, channel: &Effects) -> Effects {
    let account_variances = design.priors(|prior| prior.account_sd * prior.account_sd);
    Effects { mean: channel.mean.clone(), covariance: &channel.covariance + DMatrix::from_diagonal(&account_variances) }
}

/// The Cholesky factor of a covariance, which turns independent standard normal numbers into draws; `None` if the
/// covariance is not positive definite.
pub(super) fn cholesky_factor(covariance: &DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    Cholesky::new(symmetric(covariance.clone()))
}

fn log_determinant(factor: &Cholesky<f64, Dyn>) -> f64 {
    factor.l_dirty().diagonal().iter().map(|root| 2.0 * libm::log(*root)).sum()
}

/// Removes the asymmetry that rounding leaves.
fn symmetric(matrix: DMatrix<f64>) -> DMatrix<f64> {
    (&matrix + matrix.transpose()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(design: &Design, posts: usize, seed: f64) -> SufficientStatistics {
        SufficientStatistics::of(&whitened(design, posts, seed))
    }

    /// Observations, the first row, and regressors, the other rows, with noise of variance 1.
    fn whitened(design: &Design, posts: usize, seed: f64) -> DMatrix<f64> {
        let regressors = DMatrix::from_fn(design.len(), posts, |row, column| {
            libm::sin(seed + 1.7 * row as f64 + 0.9 * (row * column) as f64)
        });
        let observed = DVector::from_fn(posts, |post, _| libm::cos(seed * post as f64) * 2.0);
        let mut whitened = regressors.insert_row(0, 0.0);
        whitened.set_row(0, &observed.transpose());
        whitened
    }

    /// The posterior of the channel's effects and those of two accounts, from their joint precision.
    fn joint(design: &Design, accounts: &[SufficientStatistics; 2]) -> (DVector<f64>, DMatrix<f64>) {
        let width = design.len();
        let channel = DMatrix::from_diagonal(&design.priors(|prior| 1.0 / (prior.channel_sd * prior.channel_sd)));
        let account_precision =
            DMatrix::from_diagonal(&design.priors(|prior| 1.0 / (prior.account_sd * prior.account_sd)));
        let mut precision = DMatrix::zeros(3 * width, 3 * width);
        let mut precision_times_mean = DVector::zeros(3 * width);
        let mut add = |row: usize, column: usize, block: &DMatrix<f64>| {
            let mut view = precision.view_mut((row * width, column * width), (width, width));
            view += block;
        };
        add(0, 0, &channel);
        for (index, account) in accounts.iter().enumerate() {
            add(0, 0, &account_precision);
            add(0, index + 1, &-&account_precision);
            add(index + 1, 0, &-&account_precision);
            add(index + 1, index + 1, &(&account_precision + &account.xx));
            precision_times_mean.rows_mut((index + 1) * width, width).copy_from(&account.xy);
        }
        precision_times_mean.rows_mut(0, width).copy_from(&(channel * design.priors(|prior| prior.mean)));
        let covariance = precision.try_inverse().unwrap();
        (&covariance * precision_times_mean, covariance)
    }

    #[test]
    fn effects_are_those_of_the_joint_posterior_of_channel_and_accounts() {
        let design = Design::new(2);
        let accounts = [statistics(&design, 30, 0.3), statistics(&design, 5, 1.1)];
        let width = design.len();
        let (mean, covariance) = joint(&design, &accounts);
        let channel = channel_posterior(&design, &accounts).unwrap().effects;
        let account = account_posterior(&design, &channel, &accounts[1]).unwrap();
        let assert_near = |effects: &Effects, block: usize| {
            let start = block * width;
            assert!((&effects.mean - mean.rows(start, width)).amax() < 1e-7, "{block}");
            let expected = covariance.view((start, start), (width, width));
            assert!((&effects.covariance - expected).amax() < 1e-7, "{block}");
        };
        assert_near(&channel, 0);
        assert_near(&account, 2);
    }

    #[test]
    fn the_likelihood_is_that_of_the_observations_joint_distribution() {
        let design = Design::new(1);
        let accounts = [whitened(&design, 12, 0.3), whitened(&design, 5, 1.1)];
        let posts: usize = accounts.iter().map(DMatrix::ncols).sum();
        let regressors = |account: &DMatrix<f64>| account.rows(1, design.len()).transpose();
        let covariance_of = |sd: &dyn Fn(super::super::effects::EffectPrior) -> f64| {
            DMatrix::from_diagonal(&design.priors(|prior| sd(prior) * sd(prior)))
        };
        let (channel, account_covariance) =
            (covariance_of(&|prior| prior.channel_sd), covariance_of(&|prior| prior.account_sd));
        let mean = design.priors(|prior| prior.mean);
        let mut covariance = DMatrix::identity(posts, posts);
        let mut residuals = DVector::zeros(posts);
        let starts = [0, accounts[0].ncols()];
        for (account, start) in accounts.iter().zip(starts) {
            let x = regressors(account);
            residuals.rows_mut(start, x.nrows()).copy_from(&(account.row(0).transpose() - &x * &mean));
            for (other, other_start) in accounts.iter().zip(starts) {
                let other_x = regressors(other);
                let shared = if start == other_start { &channel + &account_covariance } else { channel.clone() };
                let mut block = covariance.view_mut((start, other_start), (x.nrows(), other_x.nrows()));
                block += &x * shared * other_x.transpose();
            }
        }
        let factor = covariance.cholesky().unwrap();
        let dense = -(residuals.dot(&factor.solve(&residuals)) + libm::log(factor.determinant())) / 2.0;
        let precision = channel.map_diagonal(|variance| 1.0 / variance);
        let constant = mean.component_mul(&precision).dot(&mean) - precision.map(libm::log).sum();
        let statistics = accounts.map(|account| SufficientStatistics::of(&account));
        let pooled = channel_posterior(&design, &statistics).unwrap().log_likelihood;
        assert!((pooled - dense - constant / 2.0).abs() < 1e-7, "{pooled} is not {}", dense + constant / 2.0);
    }

    #[test]
    fn an_account_without_posts_has_the_mean_of_its_channel_and_a_larger_variance() {
        let design = Design::new(0);
        let channel = channel_posterior(&design, &[statistics(&design, 40, 0.7)]).unwrap().effects;
        let without_posts = account_without_posts(&design, &channel);
        assert_eq!(without_posts.mean, channel.mean);
        let [of_account, of_channel] = [without_posts, channel].map(|effects| effects.covariance.diagonal());
        assert!(of_account.iter().zip(of_channel.iter()).all(|(account, channel)| account > channel));
    }
}
