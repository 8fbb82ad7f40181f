//! The calibration of a channel: the parameters that its accounts have in common, and the factor on engagements that
//! their posts show at each load.

use super::account_estimates::{AccountCalibration, PostResidual};
use super::effect_parameters::{EffectParameter, effect_parameters};
use super::estimates::{ParameterEstimate, half_life_estimate};
use super::fit::ChannelFit;
use super::history::Observation;
use super::pooling::channel_prior;
use crate::model::{Channel, EstimateSource};
use crate::stats::{mean, normal_quantile, variance};

/// The calibration of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelCalibration {
    /// The channel.
    pub channel: Channel,
    /// Number of its accounts.
    pub accounts: usize,
    /// Number of their measured posts.
    pub measured: usize,
    /// Hours, weekdays, content types, response strength and half-life.
    pub parameters: Vec<ParameterEstimate>,
    /// The factor on engagements by load, the smallest load first.
    pub response: Vec<ResponsePoint>,
}

/// The mean ratio of 1 + engagements to what the model predicts without load, over posts of a channel with about the
/// same load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResponsePoint {
    /// Mean load before the posts.
    pub load: f64,
    /// Geometric mean of the posts' ratios.
    pub factor: f64,
    /// 90 % confidence interval of the factor, from the variance between posts.
    pub interval: [f64; 2],
    /// Number of posts.
    pub posts: usize,
}

/// Lower ends of the ranges of load. Each point of a response is a mean over one range, which ends where the next
/// begins.
const LOAD_STARTS: [f64; 9] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Minimum number of posts of a point.
const MIN_POSTS: usize = 20;

/// The calibration of a channel from its fit, the observations of its accounts, and their calibrations.
pub(super) fn channel_calibration(
    fit: &ChannelFit,
    channel: Channel,
    observed: &[Observation],
    accounts: &[AccountCalibration],
) -> ChannelCalibration {
    let measured = observed.iter().filter(|post| post.log_engagements.is_some());
    let effects = effect_parameters(fit, measured.clone()).into_iter();
    let effects = effects.map(|effect| effect_estimate(fit, channel, effect));
    ChannelCalibration {
        channel,
        accounts: accounts.len(),
        measured: measured.count(),
        parameters: effects.chain([half_life_estimate(&fit.half_life, channel)]).collect(),
        response: response_points(accounts),
    }
}

/// The estimate of an effect. Its source is `Data` if its variance is less than half that of the prior.
fn effect_estimate(fit: &ChannelFit, channel: Channel, effect: EffectParameter) -> ParameterEstimate {
    let posterior = effect.combination.distribution(&fit.effects);
    let prior = effect.combination.distribution(&channel_prior(&fit.design));
    let is_informed = posterior.has_less_than_half_the_variance_of(&prior);
    let source = if is_informed { EstimateSource::Data } else { EstimateSource::Prior };
    effect.estimate(channel, &posterior, &prior, source)
}

fn response_points(accounts: &[AccountCalibration]) -> Vec<ResponsePoint> {
    let posts = || accounts.iter().flat_map(|account| &account.posts);
    let ends = LOAD_STARTS.into_iter().skip(1).chain([f64::INFINITY]);
    let ranges = LOAD_STARTS.into_iter().zip(ends);
    ranges.filter_map(|(start, end)| response_point(posts().filter(|post| (start..end).contains(&post.load)))).collect()
}

/// The point of a response from posts with about the same load; `None` if there are too few.
fn response_point<'a>(posts: impl Iterator<Item = &'a PostResidual>) -> Option<ResponsePoint> {
    let (loads, logs): (Vec<f64>, Vec<f64>) = posts.map(|post| (post.load, post.load_residual)).unzip();
    if logs.len() < MIN_POSTS {
        return None;
    }
    let half_width = normal_quantile(0.95) * (variance(&logs)? / logs.len() as f64).sqrt();
    let log = mean(&logs);
    let interval = [log - half_width, log + half_width].map(libm::exp);
    Some(ResponsePoint { load: mean(&loads), factor: libm::exp(log), interval, posts: logs.len() })
}
