//! An estimated parameter of how an audience responds to posts, and the estimate of the half-life of the load that each
//! post puts on it.

use super::half_life::HalfLife;
use crate::model::{Channel, EstimateSource, WorldEstimate, WorldParameter};

/// An estimated parameter and its prior.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterEstimate {
    /// The estimate.
    pub estimate: WorldEstimate,
    /// The prior; `None` for a level, whose prior is almost flat, and for percentiles of noise, which have none.
    pub prior: Option<WorldEstimate>,
    /// Whether the data distinguishes the effect from no effect; false if the estimate rests on the prior, and always
    /// true for levels, standard deviations and percentiles. False alarms are limited by group: of the accounts whose
    /// hours truly have no effect, at most 5 % get even one hour called detectable; likewise for weekdays and content
    /// types.
    pub is_detectable: bool,
    /// The z-score of the account's deviation from its channel; `None` if the deviation is small, if the account's posts
    /// say little about it, or if the parameter is the channel's.
    pub unlike_channel: Option<f64>,
}

/// The half-life of a channel's load, the same for all its accounts.
pub(super) fn half_life_estimate(half_life: &HalfLife, channel: Channel) -> ParameterEstimate {
    let estimate = |half_life: &HalfLife, source| WorldEstimate {
        channel,
        parameter: WorldParameter::HalfLifeHours,
        value: half_life.hours,
        // Of the logarithm: see `WorldParameter::is_logarithmic`.
        standard_error: half_life.log_sd(),
        source,
    };
    let is_detectable = half_life.is_detectable();
    let source = if is_detectable { EstimateSource::Channel } else { EstimateSource::Prior };
    ParameterEstimate {
        estimate: estimate(half_life, source),
        prior: Some(estimate(&HalfLife::prior(), EstimateSource::Prior)),
        is_detectable,
        unlike_channel: None,
    }
}
