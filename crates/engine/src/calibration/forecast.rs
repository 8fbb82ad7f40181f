//! Draws what posts at given times will earn.
//!
//! A draw takes effects and state from their posterior, moves the state from post to post, and adds noise that is
//! drawn from the account's own standardised errors, or from its channel's where it has few. Sums are added up after
//! the logarithm is undone, so no formula for the mean of a log-normal number is needed.

use nalgebra::{DVector, Vector3};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::filter::Gap;
use super::fit::{AccountFit, ChannelFit};
use super::history::Observation;
use super::pooling::factor;
use crate::stats::quantile;

/// Number of own errors at which an account's noise comes half from its channel.
const OWN_ERRORS_HALF: f64 = 60.0;

/// Sums of engagements, one a draw, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws(Vec<f64>);

impl Draws {
    /// Sorts the draws.
    #[must_use]
    pub fn new(mut sums: Vec<f64>) -> Self {
        sums.sort_by(f64::total_cmp);
        Self(sums)
    }

    /// The quantile at a share.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        quantile(&self.0, share)
    }

    /// The ascending sums.
    #[must_use]
    pub fn sums(&self) -> &[f64] {
        &self.0
    }

    /// The draws moved and widened on the scale of log(1 + sum) around their median.
    #[must_use]
    pub fn adjusted(&self, shift: f64, spread: f64) -> Self {
        let middle = libm::log1p(self.quantile(0.5));
        let moved = |sum: &f64| libm::expm1(middle + shift + (libm::log1p(*sum) - middle) * spread).max(0.0);
        Self(self.0.iter().map(moved).collect())
    }
}

/// Draws the sum of what the posts earn, in the order of time.
pub(super) fn draw_sums(
    channel: &ChannelFit,
    account: &AccountFit,
    posts: &[Observation],
    count: usize,
    seed: [u8; 32],
) -> Option<Draws> {
    let mut rng = ChaCha8Rng::from_seed(seed);
    let sampler = Sampler::new(channel, account)?;
    Some(Draws::new((0..count).map(|_| sampler.sum(posts, &mut rng)).collect()))
}

/// The share of an account's errors that are its own, and not its channel's.
pub(super) fn own_share(errors: usize) -> f64 {
    errors as f64 / (errors as f64 + OWN_ERRORS_HALF)
}

struct Sampler<'a> {
    channel: &'a ChannelFit,
    account: &'a AccountFit,
    effects_factor: nalgebra::DMatrix<f64>,
    state_factor: nalgebra::Matrix3<f64>,
    own_share: f64,
}

impl<'a> Sampler<'a> {
    fn new(channel: &'a ChannelFit, account: &'a AccountFit) -> Option<Self> {
        let effects_factor = factor(&account.effects.covariance)?.l();
        Some(Self {
            channel,
            account,
            effects_factor,
            state_factor: square_root(&account.state.covariance),
            own_share: own_share(account.innovations.len()),
        })
    }

    fn sum(&self, posts: &[Observation], rng: &mut ChaCha8Rng) -> f64 {
        let width = self.account.effects.mean.len();
        let effects = &self.account.effects.mean + &self.effects_factor * DVector::from_fn(width, |_, _| normal(rng));
        let mut state = self.account.state.mean(&effects) + self.state_factor * Vector3::from_fn(|_, _| normal(rng));
        let mut before = self.account.state.days;
        let noise_sd = self.account.variances.noise.sqrt();
        let mut sum = 0.0;
        for post in posts {
            let days = before.map_or(0.0, |before| (post.days - before).max(0.0));
            let gap = Gap::of_days(days);
            state.component_mul_assign(&gap.decay());
            state +=
                gap.added(&self.account.variances).map(f64::sqrt).component_mul(&Vector3::from_fn(|_, _| normal(rng)));
            before = Some(post.days);
            let log = self.channel.design.mean(post, &effects) + state.sum() + noise_sd * self.error(rng);
            sum += libm::expm1(log).max(0.0);
        }
        sum
    }

    /// A standardised error.
    fn error(&self, rng: &mut ChaCha8Rng) -> f64 {
        let is_own = rng.random::<f64>() < self.own_share;
        let errors = if is_own { &self.account.innovations } else { &self.channel.innovations };
        let index = (rng.random::<f64>() * errors.len() as f64) as usize;
        errors.get(index).copied().unwrap_or_else(|| normal(rng))
    }
}

/// A matrix whose product with its transpose is the given covariance, which may be singular.
fn square_root(covariance: &nalgebra::Matrix3<f64>) -> nalgebra::Matrix3<f64> {
    let eigen = covariance.symmetric_eigen();
    eigen.eigenvectors * nalgebra::Matrix3::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0).sqrt()))
}

/// A standard normal number (Box-Muller).
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (above_zero, turn): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * libm::log(above_zero)).sqrt() * libm::cos(std::f64::consts::TAU * turn)
}
