//! The parameters of the response that are linear combinations of effects: hours, weekdays and content types, each
//! relative to the mean over posts, and the response strength.

use std::sync::Arc;

use nalgebra::DVector;

use super::combinations::{LinearCombination, Normal};
use super::effects::{Design, Effect};
use super::estimates::ParameterEstimate;
use super::fit::ChannelFit;
use super::history::Observation;
use crate::model::{Channel, EstimateSource, WorldEstimate, WorldParameter};
use crate::stats::normal_quantile;

/// Maximum probability that at least one effect of a group is called detectable although the group has no effect.
const FAMILY_WISE_ERROR: f64 = 0.05;

/// A group of effects of which only differences can be estimated: the same number added to all of them is a change of
/// the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EffectGroup {
    Hours,
    Weekdays,
    ContentTypes,
}

impl EffectGroup {
    const ALL: [Self; 3] = [Self::Hours, Self::Weekdays, Self::ContentTypes];

    const fn contains(self, effect: Effect) -> bool {
        matches!(
            (self, effect),
            (Self::Hours, Effect::Hours(_))
                | (Self::Weekdays, Effect::Weekday(_))
                | (Self::ContentTypes, Effect::ContentType(_))
        )
    }

    /// Weights that give the mean of the group's effects over posts. A hypothetical post, spread evenly over the
    /// group's columns, is counted too, so that every weight is above 0.
    fn mean_weights<'o>(self, design: &Design, posts: impl Iterator<Item = &'o Observation>) -> DVector<f64> {
        let indicator = |effect: &Effect| if self.contains(*effect) { 1.0 } else { 0.0 };
        let in_group: DVector<f64> = DVector::from_iterator(design.len(), design.effects().iter().map(indicator));
        // A channel may have no content types, so that the group is empty.
        let mut sums = &in_group / in_group.sum().max(1.0);
        let mut count = 1.0;
        for post in posts {
            sums += in_group.component_mul(&DVector::from_iterator(design.len(), design.row(post)));
            count += 1.0;
        }
        sums / count
    }

    /// Each effect of the group minus their mean over posts, in the order of the columns.
    fn contrasts<'o>(
        self,
        channel: &ChannelFit,
        posts: impl Iterator<Item = &'o Observation>,
    ) -> Vec<(WorldParameter, LinearCombination)> {
        let design = &channel.design;
        let mean_weights = self.mean_weights(design, posts);
        let columns = design.effects().iter().enumerate().filter(|(_, effect)| self.contains(**effect));
        let contrast = |(column, effect): (usize, &Effect)| {
            let mut combination = LinearCombination::single(design, column, 1.0);
            combination.weights -= &mean_weights;
            Some((parameter(channel, *effect)?, combination))
        };
        columns.filter_map(contrast).collect()
    }
}

fn parameter(channel: &ChannelFit, effect: Effect) -> Option<WorldParameter> {
    match effect {
        Effect::Hours(bin) => Some(WorldParameter::Hours(bin)),
        Effect::Weekday(day) => Some(WorldParameter::Weekday(day)),
        Effect::ContentType(index) => channel.types.names().nth(index).map(Arc::clone).map(WorldParameter::ContentType),
        Effect::Level | Effect::Load => None,
    }
}

/// Weights that give the level plus the means, over posts, of the effects of hours, weekdays and content types.
pub(super) fn mean_post_weights<'o, I>(design: &Design, posts: I) -> DVector<f64>
where
    I: Iterator<Item = &'o Observation> + Clone,
{
    // The level is the first column.
    let level = LinearCombination::single(design, 0, 1.0).weights;
    EffectGroup::ALL.into_iter().fold(level, |sum, group| sum + group.mean_weights(design, posts.clone()))
}

/// A parameter that is a linear combination of effects. All but the response strength are in log.
pub(super) struct EffectParameter {
    parameter: WorldParameter,
    pub combination: LinearCombination,
    /// The z-score above which the effect is called detectable.
    critical_z: f64,
}

/// The hours, weekdays and content types of a channel relative to their means over posts, then the response strength.
pub(super) fn effect_parameters<'o, I>(channel: &ChannelFit, posts: I) -> Vec<EffectParameter>
where
    I: Iterator<Item = &'o Observation> + Clone,
{
    let mut parameters = Vec::new();
    for group in EffectGroup::ALL {
        let contrasts = group.contrasts(channel, posts.clone());
        // Two-sided, with the Bonferroni correction for the size of the group.
        let critical_z = normal_quantile(1.0 - FAMILY_WISE_ERROR / (2.0 * contrasts.len().max(1) as f64));
        parameters.extend(contrasts.into_iter().map(|(parameter, combination)| EffectParameter {
            parameter,
            combination,
            critical_z,
        }));
    }
    parameters.push(EffectParameter {
        parameter: WorldParameter::ResponseStrength,
        combination: LinearCombination::single(&channel.design, channel.design.load_column(), -1.0),
        // One-sided, since a load cannot raise engagement.
        critical_z: normal_quantile(1.0 - FAMILY_WISE_ERROR),
    });
    parameters
}

impl EffectParameter {
    /// Its estimate from the posterior and the prior of its combination: a factor, or for the response strength the
    /// combination itself.
    pub fn estimate(
        self,
        channel: Channel,
        posterior: &Normal,
        prior: &Normal,
        source: EstimateSource,
    ) -> ParameterEstimate {
        let Self { parameter, critical_z, .. } = self;
        let is_logarithmic = parameter.is_logarithmic();
        let effect = if is_logarithmic { posterior.mean.abs() } else { posterior.mean };
        let estimate = |distribution: &Normal, source| WorldEstimate {
            channel,
            parameter: parameter.clone(),
            value: if is_logarithmic { libm::exp(distribution.mean) } else { distribution.mean.max(0.0) },
            standard_error: distribution.sd(),
            source,
        };
        ParameterEstimate {
            estimate: estimate(posterior, source),
            prior: Some(estimate(prior, EstimateSource::Prior)),
            is_detectable: source != EstimateSource::Prior && effect > critical_z * posterior.sd(),
            unlike_channel: None,
        }
    }
}
