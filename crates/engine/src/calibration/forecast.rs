//! Draws of the engagements of posts at given times.
//!
//! A draw takes effects and state from their posterior, moves the state from post to post, and adds noise. The noise is
//! resampled from standardised innovations of the account, recent ones more often, and from those of its channel, the
//! more often the fewer the account has. Each post's log is transformed back before the posts are summed.

use nalgebra::{DMatrix, DVector, Matrix3, Vector3};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::filter::TimeStep;
use super::fit::{AccountFit, ChannelFit};
use super::history::Observation;
use super::noise::{own_share, own_weights};
use super::pooling::cholesky_factor;
use crate::stats::quantile;

/// Half-life of a post's weight in an account's recent level, in days.
const RECENT_HALF_LIFE_DAYS: f64 = 28.0;

/// Draws of a sum of engagements, ascending.
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

    /// The draws, with their distances from the median multiplied by `spread` and then moved by `shift`, both on the
    /// scale of log(1 + sum).
    #[must_use]
    pub fn adjusted(&self, shift: f64, spread: f64) -> Self {
        let median = libm::log1p(self.quantile(0.5));
        let adjusted = |sum: &f64| libm::expm1(median + shift + (libm::log1p(*sum) - median) * spread).max(0.0);
        Self(self.0.iter().map(adjusted).collect())
    }
}

/// Draws the sum of the engagements of posts, which are in order of time; `None` if the covariance of the account's
/// effects is not positive definite.
pub(super) fn draw_sums(
    channel: &ChannelFit,
    account: &AccountFit,
    posts: &[Observation],
    draw_count: usize,
    seed: [u8; 32],
) -> Option<Draws> {
    let mut rng = ChaCha8Rng::from_seed(seed);
    let sampler = Sampler::new(channel, account)?;
    Some(Draws::new((0..draw_count).map(|_| sampler.sum(posts, &mut rng)).collect()))
}

/// The median of the sum of the engagements of posts if their residuals (what the effects do not explain) are resampled
/// from those of the account's earlier posts, recent ones more often; `None` if no post of the account was measured.
pub(super) fn median_at_recent_level(
    channel: &ChannelFit,
    account: &AccountFit,
    posts: &[Observation],
    draw_count: usize,
    seed: [u8; 32],
) -> Option<f64> {
    let mut rng = ChaCha8Rng::from_seed(seed);
    let weight_sums = cumulative_sums(account.ages.iter().map(|days| libm::exp2(-days / RECENT_HALF_LIFE_DAYS)));
    let sums_of_effects: Vec<f64> =
        posts.iter().map(|post| channel.design.sum_of_effects(post, &account.effects.mean)).collect();
    let mut engagements = |sum_of_effects: &f64| {
        let residual = pick(&account.residuals, &weight_sums, rng.random::<f64>())?;
        Some(libm::expm1(sum_of_effects + residual).max(0.0))
    };
    let sums = (0..draw_count).map(|_| sums_of_effects.iter().map(&mut engagements).sum::<Option<f64>>());
    Some(Draws::new(sums.collect::<Option<Vec<f64>>>()?).quantile(0.5))
}

struct Sampler<'a> {
    channel: &'a ChannelFit,
    account: &'a AccountFit,
    effects_factor: DMatrix<f64>,
    state_factor: Matrix3<f64>,
    own_share: f64,
    /// Cumulative sums of the weights of the account's innovations.
    weight_sums: Vec<f64>,
}

impl<'a> Sampler<'a> {
    fn new(channel: &'a ChannelFit, account: &'a AccountFit) -> Option<Self> {
        let effects_factor = cholesky_factor(&account.effects.covariance)?.l();
        Some(Self {
            channel,
            account,
            effects_factor,
            state_factor: square_root(&account.state.covariance),
            own_share: own_share(account),
            weight_sums: cumulative_sums(own_weights(account)),
        })
    }

    /// One draw of the sum of the posts' engagements.
    fn sum(&self, posts: &[Observation], rng: &mut ChaCha8Rng) -> f64 {
        let mean = &self.account.effects.mean;
        let effects = mean + &self.effects_factor * DVector::from_fn(mean.len(), |_, _| normal(rng));
        let mut state = self.account.state.mean(&effects) + self.state_factor * Vector3::from_fn(|_, _| normal(rng));
        let mut last_days = self.account.state.days;
        let noise_sd = self.account.variances.noise.sqrt();
        let mut sum = 0.0;
        for post in posts {
            let days = last_days.map_or(0.0, |last_days| (post.days - last_days).max(0.0));
            let time = TimeStep::of_days(days);
            let added_sd = time.added_variance(&self.account.variances).map(f64::sqrt);
            state.component_mul_assign(&time.decay());
            state += added_sd.component_mul(&Vector3::from_fn(|_, _| normal(rng)));
            last_days = Some(post.days);
            let log =
                self.channel.design.sum_of_effects(post, &effects) + state.sum() + noise_sd * self.innovation(rng);
            sum += libm::expm1(log).max(0.0);
        }
        sum
    }

    /// A resampled standardised innovation; a standard normal number if there is none to resample.
    fn innovation(&self, rng: &mut ChaCha8Rng) -> f64 {
        let is_own = rng.random::<f64>() < self.own_share;
        let share = rng.random::<f64>();
        let innovation = if is_own {
            pick(&self.account.innovations, &self.weight_sums, share)
        } else {
            self.channel.innovations.get((share * self.channel.innovations.len() as f64) as usize)
        };
        innovation.copied().unwrap_or_else(|| normal(rng))
    }
}

/// The value at a share in `0..1` of the total weight, given the cumulative sums of the weights; `None` if there are no
/// values.
fn pick<'v>(values: &'v [f64], weight_sums: &[f64], share: f64) -> Option<&'v f64> {
    let target = share * weight_sums.last()?;
    values.get(weight_sums.partition_point(|sum| *sum <= target)).or(values.last())
}

fn cumulative_sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let add = |sum: &mut f64, weight: f64| {
        *sum += weight;
        Some(*sum)
    };
    weights.scan(0.0, add).collect()
}

/// A matrix whose product with its transpose is the given covariance, which may be singular.
fn square_root(covariance: &Matrix3<f64>) -> Matrix3<f64> {
    let eigen = covariance.symmetric_eigen();
    eigen.eigenvectors * Matrix3::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0).sqrt()))
}

/// A standard normal number, by the method of Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // Above 0, so that its logarithm exists.
    let radial = 1.0 - rng.random::<f64>();
    let angle = std::f64::consts::TAU * rng.random::<f64>();
    (-2.0 * libm::log(radial)).sqrt() * libm::cos(angle)
}
