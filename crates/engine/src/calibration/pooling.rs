//! The effects of a channel and of its accounts, estimated together: an account's effects are normal around the
//! channel's, the channel's around the prior. Linear and Gaussian, so that every posterior is in closed form.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::effects::Design;

/// A normal distribution of effects, in the order of a design's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effects {
    pub mean: DVector<f64>,
    pub covariance: DMatrix<f64>,
}

/// What one account's observations say of its effects.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// X'X of the whitened regressors.
    precision: DMatrix<f64>,
    /// X'y of the whitened regressors and observations.
    weighted: DVector<f64>,
    /// y'y of the whitened observations.
    squares: f64,
}

impl Evidence {
    /// From the whitened observations, the first row, and regressors, the others.
    pub fn of(whitened: &DMatrix<f64>) -> Self {
        let regressors = whitened.rows(1, whitened.nrows() - 1);
        let observed = whitened.row(0);
        Self {
            precision: regressors * regressors.transpose(),
            weighted: regressors * observed.transpose(),
            squares: observed.norm_squared(),
        }
    }
}

/// What the evidence of all its accounts says of a channel.
#[derive(Debug)]
pub(super) struct Pooled {
    /// The channel's effects.
    pub effects: Effects,
    /// Log of the probability of the observations under the priors, but for a constant.
    pub log_probability: f64,
}

/// Pools the evidence of a channel's accounts; `None` if the numbers allow no estimate.
pub(super) fn pooled(design: &Design, accounts: &[Evidence]) -> Option<Pooled> {
    let sd = design.priors(|prior| prior.account_sd);
    let scale = DMatrix::from_diagonal(&sd);
    let prior_precision = design.priors(|prior| 1.0 / (prior.channel_sd * prior.channel_sd));
    let mut weighted = prior_precision.component_mul(&design.priors(|prior| prior.mean));
    let mut precision = DMatrix::from_diagonal(&prior_precision);
    let mut log_probability = 0.0;
    for Evidence { precision: own, weighted: own_weighted, squares } in accounts {
        // (A^-1 + D)^-1 = A - A S (I + S A S)^-1 S A with D = S^2, since A may be singular.
        let scaled = &scale * own;
        let inner = Cholesky::new(DMatrix::identity(sd.len(), sd.len()) + &scaled * &scale)?;
        let scaled_weighted = &scale * own_weighted;
        let solved = inner.solve(&scaled_weighted);
        precision += own - scaled.transpose() * inner.solve(&scaled);
        weighted += own_weighted - scaled.transpose() * &solved;
        log_probability -= (squares - scaled_weighted.dot(&solved) + log_determinant(&inner)) / 2.0;
    }
    let factor = Cholesky::new(symmetric(precision))?;
    let mean = factor.solve(&weighted);
    log_probability += (weighted.dot(&mean) - log_determinant(&factor)) / 2.0;
    Some(Pooled { effects: Effects { mean, covariance: factor.inverse() }, log_probability })
}

/// An account's effects given its own evidence and its channel's effects.
pub(super) fn account_effects(design: &Design, channel: &Effects, own: &Evidence) -> Option<Effects> {
    let around = design.priors(|prior| 1.0 / (prior.account_sd * prior.account_sd));
    let factor = Cholesky::new(symmetric(&own.precision + DMatrix::from_diagonal(&around)))?;
    let mean = factor.solve(&(&own.weighted + around.component_mul(&channel.mean)));
    // The channel's effects are uncertain, too.
    let inherited: DMatrix<f64> = factor.solve(&DMatrix::from_diagonal(&around));
    let covariance = factor.inverse() + &inherited * &channel.covariance * inherited.transpose();
    Some(Effects { mean, covariance: symmetric(covariance) })
}

/// The effects of an account without observations.
pub(super) fn unseen_account(design: &Design, channel: &Effects) -> Effects {
    let around = DMatrix::from_diagonal(&design.priors(|prior| prior.account_sd * prior.account_sd));
    Effects { mean: channel.mean.clone(), covariance: &channel.covariance + around }
}

/// The factor of a covariance by which standard normal numbers become draws; `None` if it is not positive definite.
pub(super) fn factor(covariance: &DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
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

    /// Evidence of posts whose regressors are the rows of a matrix, with noise of variance 1.
    fn evidence(design: &Design, posts: usize, seed: f64) -> Evidence {
        Evidence::of(&whitened(design, posts, seed))
    }

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
    fn joint(design: &Design, accounts: &[Evidence; 2]) -> (DVector<f64>, DMatrix<f64>) {
        let width = design.len();
        let channel = DMatrix::from_diagonal(&design.priors(|prior| 1.0 / (prior.channel_sd * prior.channel_sd)));
        let around = DMatrix::from_diagonal(&design.priors(|prior| 1.0 / (prior.account_sd * prior.account_sd)));
        let mut precision = DMatrix::zeros(3 * width, 3 * width);
        let mut weighted = DVector::zeros(3 * width);
        let mut add = |row: usize, column: usize, block: &DMatrix<f64>| {
            let mut place = precision.view_mut((row * width, column * width), (width, width));
            place += block;
        };
        add(0, 0, &channel);
        for (index, account) in accounts.iter().enumerate() {
            add(0, 0, &around);
            add(0, index + 1, &-&around);
            add(index + 1, 0, &-&around);
            add(index + 1, index + 1, &(&around + &account.precision));
            weighted.rows_mut((index + 1) * width, width).copy_from(&account.weighted);
        }
        weighted.rows_mut(0, width).copy_from(&(channel * design.priors(|prior| prior.mean)));
        let covariance = precision.try_inverse().unwrap();
        (&covariance * weighted, covariance)
    }

    #[test]
    fn effects_are_those_of_the_joint_posterior_of_channel_and_accounts() {
        let design = Design::new(2);
        let accounts = [evidence(&design, 30, 0.3), evidence(&design, 5, 1.1)];
        let width = design.len();
        let (mean, covariance) = joint(&design, &accounts);
        let channel = pooled(&design, &accounts).unwrap().effects;
        let own = account_effects(&design, &channel, &accounts[1]).unwrap();
        let is_near = |found: &Effects, block: usize| {
            let at = block * width;
            assert!((&found.mean - mean.rows(at, width)).amax() < 1e-7, "{block}");
            assert!((&found.covariance - covariance.view((at, at), (width, width))).amax() < 1e-7, "{block}");
        };
        is_near(&channel, 0);
        is_near(&own, 2);
    }

    #[test]
    fn the_probability_is_that_of_the_observations_joint_distribution() {
        let design = Design::new(1);
        let accounts = [whitened(&design, 12, 0.3), whitened(&design, 5, 1.1)];
        let posts: usize = accounts.iter().map(DMatrix::ncols).sum();
        let regressors = |account: &DMatrix<f64>| account.rows(1, design.len()).transpose();
        let of = |sd: &dyn Fn(super::super::effects::EffectPrior) -> f64| {
            DMatrix::from_diagonal(&design.priors(|prior| sd(prior) * sd(prior)))
        };
        let (channel, around) = (of(&|prior| prior.channel_sd), of(&|prior| prior.account_sd));
        let mean = design.priors(|prior| prior.mean);
        let mut covariance = DMatrix::identity(posts, posts);
        let mut residuals = DVector::zeros(posts);
        let starts = [0, accounts[0].ncols()];
        for (one, first) in accounts.iter().zip(starts) {
            let x = regressors(one);
            residuals.rows_mut(first, x.nrows()).copy_from(&(one.row(0).transpose() - &x * &mean));
            for (other, second) in accounts.iter().zip(starts) {
                let y = regressors(other);
                let shared = if first == second { &channel + &around } else { channel.clone() };
                let mut block = covariance.view_mut((first, second), (x.nrows(), y.nrows()));
                block += &x * shared * y.transpose();
            }
        }
        let factor = covariance.cholesky().unwrap();
        let dense = -(residuals.dot(&factor.solve(&residuals)) + libm::log(factor.determinant())) / 2.0;
        let precision = channel.map_diagonal(|variance| 1.0 / variance);
        let constant = mean.component_mul(&precision).dot(&mean) - precision.map(libm::log).sum();
        let found = pooled(&design, &accounts.map(|account| Evidence::of(&account))).unwrap().log_probability;
        assert!((found - dense - constant / 2.0).abs() < 1e-7, "{found} is not {}", dense + constant / 2.0);
    }

    #[test]
    fn an_account_without_posts_is_as_its_channel_and_less_certain() {
        let design = Design::new(0);
        let channel = pooled(&design, &[evidence(&design, 40, 0.7)]).unwrap().effects;
        let unseen = unseen_account(&design, &channel);
        assert_eq!(unseen.mean, channel.mean);
        assert!(
            unseen.covariance.diagonal().iter().zip(channel.covariance.diagonal().iter()).all(|(own, of)| own > of)
        );
    }
}
