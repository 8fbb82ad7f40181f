//! The effects of a channel and of its accounts, estimated together: an account's effects are normal around the
//! channel's, the channel's around the prior. Linear and Gaussian, so that every posterior is in closed form.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::effects::Design;
use super::filter::Filtered;

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
}

impl Evidence {
    pub fn of(filtered: &Filtered) -> Self {
        let regressors = filtered.whitened.rows(1, filtered.whitened.nrows() - 1);
        Self {
            precision: regressors * regressors.transpose(),
            weighted: regressors * filtered.whitened.row(0).transpose(),
        }
    }
}

/// The channel's effects given the evidence of all its accounts.
pub(super) fn channel_effects(design: &Design, accounts: &[Evidence]) -> Option<Effects> {
    let sd = design.priors(|prior| prior.account_sd);
    let scale = DMatrix::from_diagonal(&sd);
    let prior_precision = design.priors(|prior| 1.0 / (prior.channel_sd * prior.channel_sd));
    let mut weighted = prior_precision.component_mul(&design.priors(|prior| prior.mean));
    let mut precision = DMatrix::from_diagonal(&prior_precision);
    for Evidence { precision: own, weighted: own_weighted } in accounts {
        // (A^-1 + D)^-1 = A - A S (I + S A S)^-1 S A with D = S^2, since A may be singular.
        let scaled = &scale * own;
        let inner = Cholesky::new(DMatrix::identity(sd.len(), sd.len()) + &scaled * &scale)?;
        precision += own - scaled.transpose() * inner.solve(&scaled);
        weighted += own_weighted - scaled.transpose() * inner.solve(&(&scale * own_weighted));
    }
    let factor = Cholesky::new(symmetric(precision))?;
    Some(Effects { mean: factor.solve(&weighted), covariance: factor.inverse() })
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

/// Removes the asymmetry that rounding leaves.
fn symmetric(matrix: DMatrix<f64>) -> DMatrix<f64> {
    (&matrix + matrix.transpose()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evidence of posts whose regressors are the rows of a matrix, with noise of variance 1.
    fn evidence(design: &Design, posts: usize, seed: f64) -> Evidence {
        let regressors = DMatrix::from_fn(design.len(), posts, |row, column| {
            libm::sin(seed + 1.7 * row as f64 + 0.9 * (row * column) as f64)
        });
        let observed = DVector::from_fn(posts, |post, _| libm::cos(seed * post as f64) * 2.0);
        Evidence { precision: &regressors * regressors.transpose(), weighted: regressors * observed }
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
        let channel = channel_effects(&design, &accounts).unwrap();
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
    fn an_account_without_posts_is_as_its_channel_and_less_certain() {
        let design = Design::new(0);
        let channel = channel_effects(&design, &[evidence(&design, 40, 0.7)]).unwrap();
        let unseen = unseen_account(&design, &channel);
        assert_eq!(unseen.mean, channel.mean);
        assert!(
            unseen.covariance.diagonal().iter().zip(channel.covariance.diagonal().iter()).all(|(own, of)| own > of)
        );
    }
}
