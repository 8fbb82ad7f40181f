//! What the accounts of a channel have in common: effects, response to load, and what the posts themselves show of it.

use nalgebra::DMatrix;

use super::estimates::{
    AccountCalibration, Combination, EffectGroup, ParameterEstimate, half_life, least_z, least_z_of_response, response,
};
use super::fit::ChannelFit;
use super::history::Observation;
use crate::model::{Channel, EstimateSource, WorldEstimate, WorldParameter};
use crate::stats::{mean, normal_quantile, variance};

/// What a calibration found of a channel.
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
    /// What posts earned by their load, the least load first.
    pub response: Vec<ResponsePoint>,
}

/// What the posts of a channel earned at about the same load, against what they would have earned rested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResponsePoint {
    /// Mean load before the posts.
    pub load: f64,
    /// Geometric mean of the factor on 1 + engagements.
    pub factor: f64,
    /// Its 90 % interval, of the posts' own spread.
    pub interval: [f64; 2],
    /// Number of posts.
    pub posts: usize,
}

/// Loads from which the next point of a response begins.
const LOAD_STEPS: [f64; 9] = [0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Least number of posts of a point.
const POSTS_OF_A_POINT: usize = 20;

/// The calibration of a channel from its fit, the observations of its accounts, and their calibrations.
pub(super) fn of_channel(
    fit: &ChannelFit,
    channel: Channel,
    observed: &[Observation],
    accounts: &[AccountCalibration],
) -> ChannelCalibration {
    let measured = || observed.iter().filter(|post| post.log_engagements.is_some());
    let estimator = Estimator { fit, channel };
    let mut parameters = Vec::new();
    for group in EffectGroup::ALL {
        let contrasts = group.contrasts(fit, measured());
        let least_z = least_z(contrasts.len());
        let effects =
            contrasts.into_iter().map(|(parameter, contrast)| estimator.effect(parameter, &contrast, least_z));
        parameters.extend(effects);
    }
    parameters.push(estimator.effect(WorldParameter::ResponseStrength, &response(&fit.design), least_z_of_response()));
    parameters.push(half_life(fit, channel));
    ChannelCalibration {
        channel,
        accounts: accounts.len(),
        measured: measured().count(),
        parameters,
        response: response_points(accounts),
    }
}

struct Estimator<'a> {
    fit: &'a ChannelFit,
    channel: Channel,
}

impl Estimator<'_> {
    fn effect(&self, parameter: WorldParameter, combination: &Combination, least_z: f64) -> ParameterEstimate {
        let design = &self.fit.design;
        let variance = combination.variance(&self.fit.effects.covariance).max(0.0);
        let value = combination.mean(&self.fit.effects.mean);
        let prior_value = combination.mean(&design.priors(|prior| prior.mean));
        let prior_variances = DMatrix::from_diagonal(&design.priors(|prior| prior.channel_sd * prior.channel_sd));
        let prior_variance = combination.variance(&prior_variances);
        let source = if variance < prior_variance / 2.0 { EstimateSource::Data } else { EstimateSource::Prior };
        let is_logarithmic = parameter.is_logarithmic();
        let estimate = |value: f64, variance: f64, source| WorldEstimate {
            channel: self.channel,
            parameter: parameter.clone(),
            value: if is_logarithmic { libm::exp(value) } else { value.max(0.0) },
            standard_error: variance.sqrt(),
            source,
        };
        ParameterEstimate {
            estimate: estimate(value, variance, source),
            prior: Some(estimate(prior_value, prior_variance, EstimateSource::Prior)),
            is_detectable: source != EstimateSource::Prior
                && if is_logarithmic { value.abs() } else { value } > least_z * variance.sqrt(),
            unlike_channel: None,
        }
    }
}

fn response_points(accounts: &[AccountCalibration]) -> Vec<ResponsePoint> {
    let ends = LOAD_STEPS.into_iter().skip(1).chain([f64::INFINITY]);
    let point = |(start, end): (f64, f64)| {
        let posts = accounts.iter().flat_map(|account| &account.posts).filter(|post| (start..end).contains(&post.load));
        let (loads, logs): (Vec<f64>, Vec<f64>) = posts.map(|post| (post.load, post.load_residual)).unzip();
        if logs.len() < POSTS_OF_A_POINT {
            return None;
        }
        let error = normal_quantile(0.95) * (variance(&logs)? / logs.len() as f64).sqrt();
        let middle = mean(&logs);
        let interval = [middle - error, middle + error].map(libm::exp);
        Some(ResponsePoint { load: mean(&loads), factor: libm::exp(middle), interval, posts: logs.len() })
    };
    LOAD_STEPS.into_iter().zip(ends).filter_map(point).collect()
}
