//! The parameters of the response as estimated by a fit, each with its standard error, its prior and its source.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector, Vector3};

use super::effects::{Design, Effect, EffectPrior};
use super::filter::{Gap, Variances, filtered_steps};
use super::fit::{AccountFit, ChannelFit, series, subtract_expected};
use super::forecast::own_share;
use super::half_life::HalfLife;
use super::history::{AccountHistory, DAY_SECONDS, Observation, Post, loads, observations};
use super::pooling::{Effects, unseen_account};
use super::variances::START_SD;
use crate::model::{Channel, EstimateSource, Timestamp, WorldEstimate, WorldParameter, WorldRow};
use crate::stats::{normal_quantile, quantile};

/// Maximum probability that at least one effect of a group is called detectable although the group has no effect.
const FAMILY_WISE_ERROR: f64 = 0.05;

/// Minimum of a level, in engagements of a post: above 0, so that its logarithm exists.
const LEAST_LEVEL: f64 = 0.01;

/// Maximum of a level, in engagements of a post: no more than a table accepts.
const MOST_LEVEL: f64 = 1e11;

/// Limits of the standard error of a level's logarithm: no level is known exactly, and a larger error than the maximum
/// would tell nothing more.
const LEAST_LEVEL_LOG_SD: f64 = 0.02;
const MOST_LEVEL_LOG_SD: f64 = 3.0;

/// Days before the end of the calibration whose posts determine the usual load.
const RECENT_DAYS: i64 = 56;

/// The usual load is this quantile of the loads before posts.
const USUAL_SHARE: f64 = 0.95;

/// The z-score above which an account's effect is called unlike its channel's.
const UNLIKE_CHANNEL_Z: f64 = 3.0;

/// An estimated parameter and its prior.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterEstimate {
    /// The estimate.
    pub estimate: WorldEstimate,
    /// The prior; `None` for a level, whose prior says next to nothing.
    pub prior: Option<WorldEstimate>,
    /// Whether the data distinguishes the effect from no effect; false if the estimate rests on the prior, and always
    /// true for levels and standard deviations. Among accounts on which, for example, hours have no effect, at most 5 %
    /// have any hour called detectable; the same holds for weekdays and for content types.
    pub is_detectable: bool,
    /// The z-score of the account's deviation from its channel; `None` if it is small, or if the account's data says
    /// little.
    pub unlike_channel: Option<f64>,
}

/// The calibration of one account on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountCalibration {
    /// The history that it was estimated from.
    pub history: AccountHistory,
    /// Number of measured posts.
    pub measured: usize,
    /// The usual load before a post; see [`usual_load`].
    pub usual_load: f64,
    /// The parameters: level, hours, weekdays, content types, response, standard deviations.
    pub parameters: Vec<ParameterEstimate>,
    /// Its measured posts, the oldest first.
    pub posts: Vec<PostResidual>,
}

/// A measured post compared with the model: the account's level at its time, and the loss attributed to its load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostResidual {
    /// When it was published.
    pub at: Timestamp,
    /// log(1 + engagements).
    pub log_engagements: f64,
    /// log(1 + engagements) of a median post to a rested audience at that time, estimated from the posts up to this
    /// one.
    pub log_level: f64,
    /// Standard deviation of `log_level`.
    pub log_level_sd: f64,
    /// The load before the post.
    pub load: f64,
    /// log(1 + engagements) minus the model's prediction without the load: the effect of the load plus the post's
    /// noise.
    pub load_residual: f64,
}

impl AccountCalibration {
    /// The estimate of a parameter.
    #[must_use]
    pub fn get(&self, parameter: &WorldParameter) -> Option<&ParameterEstimate> {
        self.parameters.iter().find(|found| found.estimate.parameter == *parameter)
    }

    /// The estimates as rows of a scenario's table `world`.
    pub fn world(&self) -> impl Iterator<Item = WorldRow> {
        self.parameters.iter().map(|one| WorldRow::of(&self.history.account, &one.estimate))
    }
}

/// A linear combination of effects: their weighted sum plus a constant.
pub(super) struct Combination {
    pub weights: DVector<f64>,
    pub constant: f64,
}

impl Combination {
    /// One effect times a weight, where `width` is the number of all effects.
    pub fn single(width: usize, column: usize, weight: f64) -> Self {
        let weights = DVector::from_fn(width, |index, _| if index == column { weight } else { 0.0 });
        Self { weights, constant: 0.0 }
    }

    pub fn mean(&self, effects: &DVector<f64>) -> f64 {
        self.constant + self.weights.dot(effects)
    }

    pub fn variance(&self, covariance: &DMatrix<f64>) -> f64 {
        (covariance * &self.weights).dot(&self.weights)
    }
}

/// A group of effects of which only differences can be estimated: adding the same number to all of them is the same as
/// a change of level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EffectGroup {
    Hours,
    Weekdays,
    ContentTypes,
}

impl EffectGroup {
    pub const ALL: [Self; 3] = [Self::Hours, Self::Weekdays, Self::ContentTypes];

    const fn contains(self, effect: Effect) -> bool {
        matches!(
            (self, effect),
            (Self::Hours, Effect::Hours(_))
                | (Self::Weekdays, Effect::Weekday(_))
                | (Self::ContentTypes, Effect::ContentType(_))
        )
    }

    fn columns(self, design: &Design) -> Vec<usize> {
        let effects = design.effects().iter().enumerate();
        effects.filter(|(_, effect)| self.contains(**effect)).map(|(column, _)| column).collect()
    }

    /// Weights that give the mean of the group's effects over posts. One more post is counted, spread evenly over the
    /// group's columns, so that every weight is above 0.
    fn mean_weights<'o>(self, design: &Design, posts: impl Iterator<Item = &'o Observation>) -> DVector<f64> {
        let columns = self.columns(design);
        let mut counts: DVector<f64> = DVector::zeros(design.len());
        for column in &columns {
            counts.iter_mut().skip(*column).take(1).for_each(|count| *count = 1.0 / columns.len() as f64);
        }
        let mut total = 1.0;
        for post in posts {
            total += 1.0;
            for (count, (effect, value)) in counts.iter_mut().zip(design.effects().iter().zip(design.row(post))) {
                *count += if self.contains(*effect) { value } else { 0.0 };
            }
        }
        counts / total
    }

    /// The difference of each effect of the group from their mean over posts.
    pub fn contrasts<'o>(
        self,
        channel: &ChannelFit,
        posts: impl Iterator<Item = &'o Observation>,
    ) -> Vec<(WorldParameter, Combination)> {
        let mean_weights = self.mean_weights(&channel.design, posts);
        let contrast = |column: usize| {
            let mut combination = Combination::single(channel.design.len(), column, 1.0);
            combination.weights -= &mean_weights;
            Some((parameter(channel, *channel.design.effects().get(column)?)?, combination))
        };
        self.columns(&channel.design).into_iter().filter_map(contrast).collect()
    }
}

fn parameter(channel: &ChannelFit, effect: Effect) -> Option<WorldParameter> {
    match effect {
        Effect::Hours(bin) => Some(WorldParameter::Hours(bin)),
        Effect::Weekday(day) => Some(WorldParameter::Weekday(day)),
        Effect::ContentType(index) => {
            let name = channel.types.names().nth(index)?;
            Some(WorldParameter::ContentType(Arc::clone(name)))
        }
        Effect::Level | Effect::Load => None,
    }
}

/// The half-life of a channel's load, the same for all its accounts.
pub(super) fn half_life(fit: &ChannelFit, channel: Channel) -> ParameterEstimate {
    let estimate = |half_life: &HalfLife, source| WorldEstimate {
        channel,
        parameter: WorldParameter::HalfLifeHours,
        value: half_life.hours,
        standard_error: half_life.log_sd(),
        source,
    };
    let is_detectable = fit.half_life.is_detectable();
    let source = if is_detectable { EstimateSource::Channel } else { EstimateSource::Prior };
    ParameterEstimate {
        estimate: estimate(&fit.half_life, source),
        prior: Some(estimate(&HalfLife::prior(), EstimateSource::Prior)),
        is_detectable,
        unlike_channel: None,
    }
}

/// The z-score from which an effect is called detectable, in a group of the given size: two-sided, with the Bonferroni
/// correction.
pub(super) fn least_z(group_size: usize) -> f64 {
    normal_quantile(1.0 - FAMILY_WISE_ERROR / (2.0 * group_size.max(1) as f64))
}

/// The z-score from which a response to load is called detectable: one-sided, at 5 %.
pub(super) fn least_z_of_response() -> f64 {
    normal_quantile(0.95)
}

/// The response strength, which is the load's effect with the opposite sign, as a combination of effects.
pub(super) fn response(design: &Design) -> Combination {
    Combination::single(design.len(), design.load_column(), -1.0)
}

/// Estimates the parameters of one account.
pub(super) struct AccountEstimator<'a> {
    pub channel: &'a ChannelFit,
    pub account: &'a AccountFit,
    pub history: &'a AccountHistory,
    pub until: Timestamp,
    /// The effects of an account of the channel without posts.
    unseen: Effects,
    observed: Vec<Observation>,
}

impl<'a> AccountEstimator<'a> {
    pub fn new(
        channel: &'a ChannelFit,
        account: &'a AccountFit,
        history: &'a AccountHistory,
        until: Timestamp,
    ) -> Self {
        let unseen = unseen_account(&channel.design, &channel.effects);
        let observed = observations(history, &channel.types, channel.half_life.hours);
        Self { channel, account, history, until, unseen, observed }
    }

    pub fn calibration(&self) -> AccountCalibration {
        let mut parameters = vec![self.level()];
        parameters.extend(EffectGroup::ALL.into_iter().flat_map(|group| self.group(group)));
        parameters.push(self.response_strength());
        parameters.push(self.half_life());
        parameters.extend(self.standard_deviations());
        AccountCalibration {
            history: self.history.clone(),
            measured: self.measured().count(),
            usual_load: usual_load(&self.history.posts, self.channel.half_life.hours, self.until),
            parameters,
            posts: self.post_residuals(),
        }
    }

    fn measured(&self) -> impl Iterator<Item = &Observation> {
        self.observed.iter().filter(|post| post.log_engagements.is_some())
    }

    fn estimate(
        &self,
        parameter: WorldParameter,
        value: f64,
        standard_error: f64,
        source: EstimateSource,
    ) -> WorldEstimate {
        WorldEstimate { channel: self.history.channel, parameter, value, standard_error, source }
    }

    fn mean_weights(&self, group: EffectGroup) -> DVector<f64> {
        group.mean_weights(&self.channel.design, self.measured())
    }

    /// The effects of a group, each as a factor relative to the account's usual mix of posts.
    fn group(&self, group: EffectGroup) -> Vec<ParameterEstimate> {
        let contrasts = group.contrasts(self.channel, self.measured());
        let least_z = least_z(contrasts.len());
        contrasts.into_iter().map(|(parameter, contrast)| self.effect(parameter, &contrast, least_z)).collect()
    }

    /// The estimate of a combination of effects: as a factor, or without transformation for the response strength.
    fn effect(&self, parameter: WorldParameter, combination: &Combination, least_z: f64) -> ParameterEstimate {
        let Effects { mean, covariance } = &self.account.effects;
        let design = &self.channel.design;
        let (value, sd) = (combination.mean(mean), combination.variance(covariance).max(0.0).sqrt());
        let prior_mean = combination.mean(&design.priors(|prior| prior.mean));
        let prior_variance =
            |prior: EffectPrior| prior.channel_sd * prior.channel_sd + prior.account_sd * prior.account_sd;
        let prior_sd = combination.variance(&DMatrix::from_diagonal(&design.priors(prior_variance))).sqrt();
        let is_logarithmic = parameter.is_logarithmic();
        let value_of = |combined: f64| if is_logarithmic { libm::exp(combined) } else { combined.max(0.0) };
        let source = self.source(combination, prior_sd * prior_sd);
        ParameterEstimate {
            is_detectable: source != EstimateSource::Prior
                && if is_logarithmic { value.abs() } else { value } > least_z * sd,
            unlike_channel: self.deviation(combination),
            prior: Some(self.estimate(parameter.clone(), value_of(prior_mean), prior_sd, EstimateSource::Prior)),
            estimate: self.estimate(parameter, value_of(value), sd, source),
        }
    }

    /// Where an estimate mainly comes from. `Data`: the account's own posts more than halve the variance that its
    /// channel leaves. `Channel`: the channel's accounts more than halve the variance of the prior. `Prior`: neither.
    fn source(&self, combination: &Combination, prior_variance: f64) -> EstimateSource {
        let own = combination.variance(&self.account.effects.covariance);
        let unseen = combination.variance(&self.unseen.covariance);
        if own < 0.5 * unseen {
            EstimateSource::Data
        } else if unseen < 0.5 * prior_variance {
            EstimateSource::Channel
        } else {
            EstimateSource::Prior
        }
    }

    /// The z-score of the difference between the account's effect and its channel's; `None` if it is at most
    /// [`UNLIKE_CHANNEL_Z`], or if the account's posts say little.
    fn deviation(&self, combination: &Combination) -> Option<f64> {
        let own = combination.variance(&self.account.effects.covariance);
        let unseen = combination.variance(&self.unseen.covariance);
        let distance = combination.mean(&self.account.effects.mean) - combination.mean(&self.unseen.mean);
        let z = distance / (unseen - own).max(f64::MIN_POSITIVE).sqrt();
        (own < 0.9 * unseen && z.abs() > UNLIKE_CHANNEL_Z).then_some(z)
    }

    fn response_strength(&self) -> ParameterEstimate {
        self.effect(WorldParameter::ResponseStrength, &response(&self.channel.design), least_z_of_response())
    }

    fn half_life(&self) -> ParameterEstimate {
        half_life(self.channel, self.history.channel)
    }

    /// The weights of the effects on an average post of the account: its level, and the mean over its posts of the
    /// hour, weekday and content type effects.
    fn usual_mix(&self) -> DVector<f64> {
        let level = Combination::single(self.channel.design.len(), 0, 1.0).weights;
        EffectGroup::ALL.into_iter().fold(level, |sum, group| sum + self.mean_weights(group))
    }

    /// Mean engagements of a post at the end of the calibration, to a rested audience, over the account's usual mix of
    /// posts.
    fn level(&self) -> ParameterEstimate {
        let AccountFit { state, variances, effects, .. } = self.account;
        let until = self.until.as_second() as f64 / DAY_SECONDS as f64;
        let gap = Gap::of_days(state.days.map_or(0.0, |days| (until - days).max(0.0)));
        // The fast part decays within days, so it is averaged over like the noise.
        let lasting = gap.decay().component_mul(&Vector3::new(1.0, 1.0, 0.0));
        let (constant, subtracted) = state.combined(&lasting);
        let combination = Combination { weights: self.usual_mix() - subtracted, constant };
        let added_variance = gap.added(variances);
        let state_variance = (state.covariance * lasting).dot(&lasting) + added_variance.x + added_variance.y;
        let log = combination.mean(&effects.mean);
        let sd = (combination.variance(&effects.covariance) + state_variance).sqrt();
        let value = |log: f64| self.mean_engagements(log + variances.fast / 2.0, variances);
        let spread = (libm::log(value(log + sd)) - libm::log(value(log - sd))) / 2.0;
        let source = if self.measured().next().is_some() { EstimateSource::Data } else { EstimateSource::Prior };
        let standard_error = (spread * spread + self.log_level_variance_by_variances(log)).sqrt();
        let standard_error = standard_error.clamp(LEAST_LEVEL_LOG_SD, MOST_LEVEL_LOG_SD);
        let estimate = self.estimate(WorldParameter::Level, value(log), standard_error, source);
        ParameterEstimate { estimate, prior: None, is_detectable: true, unlike_channel: None }
    }

    /// How much the variances, which are estimates themselves, add to the variance of the logarithm of the level: for
    /// each of them, by how much the level moves, and the variance of its lasting parts grows, if the variance is one
    /// standard error larger or smaller. `log` is the expected log(1 + engagements) under the estimates.
    fn log_level_variance_by_variances(&self, log: f64) -> f64 {
        let AccountFit { variances, variance_log_sds, effects, .. } = self.account;
        let series = series(&self.channel.design, &self.observed);
        let residuals = subtract_expected(&series.values, effects);
        let lasting = |variances: &Variances| {
            let last = filtered_steps(&series, &residuals, variances).pop();
            last.map_or((0.0, 0.0), |step| (step.level, step.level_sd * step.level_sd))
        };
        let (usual_level, usual_variance) = lasting(variances);
        let under = |part: usize, log_off: f64| {
            let mut logs = variances.logs();
            logs.iter_mut().skip(part).take(1).for_each(|log| *log += log_off);
            let variances = Variances::from_logs(logs);
            let (level, variance) = lasting(&variances);
            let value = self.mean_engagements(log + level - usual_level + variances.fast / 2.0, &variances);
            (libm::log(value), variance)
        };
        let added = |(part, log_sd): (usize, &f64)| {
            let [(more, more_variance), (less, less_variance)] = [under(part, *log_sd), under(part, -log_sd)];
            let moved = (more - less) / 2.0;
            moved * moved + f64::midpoint(more_variance, less_variance) - usual_variance
        };
        variance_log_sds.iter().enumerate().map(added).sum::<f64>().max(0.0)
    }

    fn post_residuals(&self) -> Vec<PostResidual> {
        let AccountFit { variances, effects, .. } = self.account;
        let design = &self.channel.design;
        let series = series(design, &self.observed);
        let steps = filtered_steps(&series, &subtract_expected(&series.values, effects), variances);
        let usual = self.usual_mix().dot(&effects.mean);
        let load_effect = effects.mean.get(design.load_column()).copied().unwrap_or(0.0);
        let posts = self.history.posts.iter().zip(&self.observed);
        let measured = posts.filter_map(|(post, observed)| Some((post.at, observed, observed.log_engagements?)));
        measured
            .zip(steps)
            .map(|((at, observed, log_engagements), step)| PostResidual {
                at,
                log_engagements,
                log_level: usual + step.level,
                log_level_sd: step.level_sd,
                load: libm::expm1(observed.log_load),
                load_residual: step.error + load_effect * observed.log_load,
            })
            .collect()
    }

    /// Mean engagements of a post with the given expected log(1 + engagements) and noise, averaged over the errors that
    /// earlier posts of the account and its channel had.
    fn mean_engagements(&self, log: f64, Variances { noise, .. }: &Variances) -> f64 {
        let noise_sd = noise.sqrt();
        let mean = |errors: &[f64]| {
            let engagements = errors.iter().map(|error| libm::expm1(log + noise_sd * error).max(0.0));
            engagements.sum::<f64>() / errors.len().max(1) as f64
        };
        let own_share = own_share(self.account.innovations.len());
        let channel_mean = if self.channel.innovations.is_empty() {
            libm::expm1(log + noise_sd * noise_sd / 2.0)
        } else {
            mean(&self.channel.innovations)
        };
        (own_share * mean(&self.account.innovations) + (1.0 - own_share) * channel_mean).clamp(LEAST_LEVEL, MOST_LEVEL)
    }

    fn standard_deviations(&self) -> Vec<ParameterEstimate> {
        let parameters =
            [WorldParameter::DriftSd, WorldParameter::SlowSd, WorldParameter::FastSd, WorldParameter::NoiseSd];
        let logs = self.account.variances.logs();
        let parts = parameters.into_iter().zip(logs).zip(self.account.variance_log_sds).zip(Variances::TYPICAL.logs());
        parts
            .map(|(((parameter, log), log_sd), typical)| {
                // The level is a random walk, whose variance grows with time: its drift is given per week.
                let days = if parameter == WorldParameter::DriftSd { 7.0 } else { 1.0 };
                let sd = |log: f64| (libm::exp(log) * days).sqrt();
                let source = if log_sd < 0.5 * START_SD { EstimateSource::Data } else { EstimateSource::Channel };
                let prior = self.estimate(parameter.clone(), sd(typical), START_SD / 2.0, EstimateSource::Prior);
                let estimate = self.estimate(parameter, sd(log), log_sd / 2.0, source);
                ParameterEstimate { estimate, prior: Some(prior), is_detectable: true, unlike_channel: None }
            })
            .collect()
    }
}

/// The 95 % quantile of the loads before the posts of the last 8 weeks before an instant, or before all posts if there
/// were none in those weeks.
#[must_use]
pub fn usual_load(posts: &[Post], half_life_hours: f64, until: Timestamp) -> f64 {
    let since = until.plus_days(-RECENT_DAYS);
    let all = || posts.iter().zip(loads(posts, half_life_hours));
    let mut recent: Vec<f64> = all().filter(|(post, _)| post.at >= since).map(|(_, load)| load).collect();
    if recent.is_empty() {
        recent = all().map(|(_, load)| load).collect();
    }
    recent.sort_by(f64::total_cmp);
    quantile(&recent, USUAL_SHARE)
}
