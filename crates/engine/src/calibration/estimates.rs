//! What a fitted channel says of the parameters of the response, each with its standard error, its prior and its source.

use std::sync::Arc;

use nalgebra::{DMatrix, DVector, Vector3};

use super::effects::{Design, Effect, EffectPrior};
use super::filter::{Gap, Variances, filtered_steps};
use super::fit::{AccountFit, ChannelFit, less_expected, series};
use super::forecast::own_share;
use super::half_life::HalfLife;
use super::history::{AccountHistory, DAY_SECONDS, Observation, Post, loads, observations};
use super::pooling::{Effects, unseen_account};
use super::variances::START_SD;
use crate::model::{Channel, EstimateSource, Timestamp, WorldEstimate, WorldParameter, WorldRow};
use crate::stats::{normal_quantile, quantile};

/// Probability with which any of a group of effects is called detectable though there is none.
const FALSE_FINDINGS: f64 = 0.05;

/// Limits of a level, in engagements of a post: above 0, so that its logarithm exists, and no more than a table holds.
const LEAST_LEVEL: f64 = 0.01;
const MOST_LEVEL: f64 = 1e11;

/// Limits of the standard error of a level's logarithm: no level is known exactly, and of none it is useful to say less.
const LEAST_LEVEL_LOG_SD: f64 = 0.02;
const MOST_LEVEL_LOG_SD: f64 = 3.0;

/// Days whose posts say what load is usual.
const RECENT_DAYS: i64 = 56;

/// Share of the posts before which the load was at most the usual one.
const USUAL_SHARE: f64 = 0.95;

/// Standardised deviation from which an account is called unlike its channel.
const UNLIKE: f64 = 3.0;

/// An estimated parameter, beside what was believed before.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterEstimate {
    /// The estimate.
    pub estimate: WorldEstimate,
    /// What was believed before any data; `None` for a level, of which nothing was.
    pub prior: Option<WorldEstimate>,
    /// Whether the data tells the effect from none. Of hours, weekdays and content types each, at most 5 % of accounts
    /// without any effect have one that is called detectable; what rests on the prior is not. True for levels and
    /// standard deviations.
    pub is_detectable: bool,
    /// Deviation from the channel in standard deviations of such deviations, where it is large enough to be told.
    pub unlike_channel: Option<f64>,
}

/// What a calibration found of one account on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountCalibration {
    /// The history it rests on.
    pub history: AccountHistory,
    /// Number of measured posts.
    pub measured: usize,
    /// The load that was not passed before 95 % of the posts of the last 8 weeks; of all if there were none.
    pub usual_load: f64,
    /// The parameters: level, hours, weekdays, content types, response, standard deviations.
    pub parameters: Vec<ParameterEstimate>,
    /// Its measured posts, the oldest first.
    pub posts: Vec<PostResidual>,
}

/// A measured post beside the model: the account's level at its time, and what its load seems to have cost it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostResidual {
    /// When.
    pub at: Timestamp,
    /// log(1 + engagements).
    pub log_engagements: f64,
    /// Log of 1 + the engagements of a median post to a rested audience, given the posts so far.
    pub log_level: f64,
    /// Its standard deviation.
    pub log_level_sd: f64,
    /// The load before the post.
    pub load: f64,
    /// log(1 + engagements) less what all but the load says: the effect of the load, with the post's own noise.
    pub load_residual: f64,
}

impl AccountCalibration {
    /// The estimate of a parameter.
    #[must_use]
    pub fn get(&self, parameter: &WorldParameter) -> Option<&ParameterEstimate> {
        self.parameters.iter().find(|one| one.estimate.parameter == *parameter)
    }

    /// The rows of a scenario's `world`.
    pub fn world(&self) -> impl Iterator<Item = WorldRow> {
        self.parameters.iter().map(|one| WorldRow::of(&self.history.account, &one.estimate))
    }
}

/// A sum of effects with weights, plus a constant.
pub(super) struct Combination {
    pub weights: DVector<f64>,
    pub constant: f64,
}

impl Combination {
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

/// Effects that are told only from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EffectGroup {
    Hours,
    Weekdays,
    ContentTypes,
}

impl EffectGroup {
    pub const ALL: [Self; 3] = [Self::Hours, Self::Weekdays, Self::ContentTypes];

    const fn has(self, effect: Effect) -> bool {
        matches!(
            (self, effect),
            (Self::Hours, Effect::Hours(_))
                | (Self::Weekdays, Effect::Weekday(_))
                | (Self::ContentTypes, Effect::ContentType(_))
        )
    }

    fn columns(self, design: &Design) -> Vec<usize> {
        let effects = design.effects().iter().enumerate();
        effects.filter(|(_, effect)| self.has(**effect)).map(|(column, _)| column).collect()
    }

    /// The weights of the mean effect over posts. A post's worth is spread evenly, so that every weight is above 0.
    fn usual<'o>(self, design: &Design, posts: impl Iterator<Item = &'o Observation>) -> DVector<f64> {
        let columns = self.columns(design);
        let mut counts: DVector<f64> = DVector::zeros(design.len());
        for column in &columns {
            counts.iter_mut().skip(*column).take(1).for_each(|count| *count = 1.0 / columns.len() as f64);
        }
        let mut all = 1.0;
        for post in posts {
            all += 1.0;
            for (count, (effect, value)) in counts.iter_mut().zip(design.effects().iter().zip(design.row(post))) {
                *count += if self.has(*effect) { value } else { 0.0 };
            }
        }
        counts / all
    }

    /// Each effect against the mean effect over posts.
    pub fn contrasts<'o>(
        self,
        channel: &ChannelFit,
        posts: impl Iterator<Item = &'o Observation>,
    ) -> Vec<(WorldParameter, Combination)> {
        let usual = self.usual(&channel.design, posts);
        let contrast = |column: usize| {
            let mut combination = Combination::single(channel.design.len(), column, 1.0);
            combination.weights -= &usual;
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

/// How many standard errors from none an effect of a group must lie to be called detectable.
pub(super) fn least_z(effects: usize) -> f64 {
    normal_quantile(1.0 - FALSE_FINDINGS / (2.0 * effects.max(1) as f64))
}

/// How many standard errors from none a response must lie to be called detectable.
pub(super) fn least_z_of_response() -> f64 {
    normal_quantile(0.95)
}

/// The load's loss as a combination of effects.
pub(super) fn response(design: &Design) -> Combination {
    Combination::single(design.len(), design.load_column(), -1.0)
}

/// The estimates of one account while they are made.
pub(super) struct AccountEstimator<'a> {
    pub channel: &'a ChannelFit,
    pub account: &'a AccountFit,
    pub history: &'a AccountHistory,
    pub until: Timestamp,
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

    fn usual(&self, group: EffectGroup) -> DVector<f64> {
        group.usual(&self.channel.design, self.measured())
    }

    /// The effects of a group, each as a factor against the account's usual mix.
    fn group(&self, group: EffectGroup) -> Vec<ParameterEstimate> {
        let contrasts = group.contrasts(self.channel, self.measured());
        let least_z = least_z(contrasts.len());
        contrasts.into_iter().map(|(parameter, contrast)| self.effect(parameter, &contrast, least_z)).collect()
    }

    /// The estimate of an effect: a combination of columns, as a factor or, for the response strength, as it is.
    fn effect(&self, parameter: WorldParameter, combination: &Combination, least_z: f64) -> ParameterEstimate {
        let Effects { mean, covariance } = &self.account.effects;
        let design = &self.channel.design;
        let (value, sd) = (combination.mean(mean), combination.variance(covariance).max(0.0).sqrt());
        let prior_mean = combination.mean(&design.priors(|prior| prior.mean));
        let prior_variance =
            |prior: EffectPrior| prior.channel_sd * prior.channel_sd + prior.account_sd * prior.account_sd;
        let prior_sd = combination.variance(&DMatrix::from_diagonal(&design.priors(prior_variance))).sqrt();
        let is_logarithmic = parameter.is_logarithmic();
        let shown = |log: f64| if is_logarithmic { libm::exp(log) } else { log.max(0.0) };
        let source = self.source(combination, prior_sd * prior_sd);
        ParameterEstimate {
            is_detectable: source != EstimateSource::Prior
                && if is_logarithmic { value.abs() } else { value } > least_z * sd,
            unlike_channel: self.deviation(combination),
            prior: Some(self.estimate(parameter.clone(), shown(prior_mean), prior_sd, EstimateSource::Prior)),
            estimate: self.estimate(parameter, shown(value), sd, source),
        }
    }

    /// Data if the account's own posts halve the variance that its channel leaves; channel if the channel's accounts
    /// halve that of the prior.
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

    /// How far the account's effect lies from its channel's, in standard deviations of such distances; `None` if it is
    /// near, or if the account's posts say little.
    fn deviation(&self, combination: &Combination) -> Option<f64> {
        let own = combination.variance(&self.account.effects.covariance);
        let unseen = combination.variance(&self.unseen.covariance);
        let distance = combination.mean(&self.account.effects.mean) - combination.mean(&self.unseen.mean);
        let z = distance / (unseen - own).max(f64::MIN_POSITIVE).sqrt();
        (own < 0.9 * unseen && z.abs() > UNLIKE).then_some(z)
    }

    fn response_strength(&self) -> ParameterEstimate {
        self.effect(WorldParameter::ResponseStrength, &response(&self.channel.design), least_z_of_response())
    }

    fn half_life(&self) -> ParameterEstimate {
        half_life(self.channel, self.history.channel)
    }

    /// The mean of hour, weekday and type effects over the account's posts, and its level.
    fn usual_mix(&self) -> DVector<f64> {
        let level = Combination::single(self.channel.design.len(), 0, 1.0).weights;
        EffectGroup::ALL.into_iter().fold(level, |sum, group| sum + self.usual(group))
    }

    /// Mean engagements of a post at the end of the calibration: to a rested audience, at the account's usual mix.
    fn level(&self) -> ParameterEstimate {
        let AccountFit { state, variances, effects, .. } = self.account;
        let until = self.until.as_second() as f64 / DAY_SECONDS as f64;
        let gap = Gap::of_days(state.days.map_or(0.0, |days| (until - days).max(0.0)));
        // The fast part is gone within days: it is averaged over, like the noise.
        let lasting = gap.decay().component_mul(&Vector3::new(1.0, 1.0, 0.0));
        let (constant, by_effect) = state.combined(&lasting);
        let combination = Combination { weights: self.usual_mix() - by_effect, constant };
        let added = gap.added(variances);
        let state_variance = (state.covariance * lasting).dot(&lasting) + added.x + added.y;
        let log = combination.mean(&effects.mean);
        let sd = (combination.variance(&effects.covariance) + state_variance).sqrt();
        let value = |log: f64| self.mean_engagements(log + variances.fast / 2.0);
        let spread = (libm::log(value(log + sd)) - libm::log(value(log - sd))) / 2.0;
        let source = if self.measured().next().is_some() { EstimateSource::Data } else { EstimateSource::Prior };
        let standard_error = spread.clamp(LEAST_LEVEL_LOG_SD, MOST_LEVEL_LOG_SD);
        let estimate = self.estimate(WorldParameter::Level, value(log), standard_error, source);
        ParameterEstimate { estimate, prior: None, is_detectable: true, unlike_channel: None }
    }

    fn post_residuals(&self) -> Vec<PostResidual> {
        let AccountFit { variances, effects, .. } = self.account;
        let design = &self.channel.design;
        let series = series(design, &self.observed);
        let steps = filtered_steps(&series, &less_expected(&series.values, effects), variances);
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

    /// Mean engagements of a post with the given expected log(1 + engagements): the mean over the errors that posts of
    /// the account and its channel had.
    fn mean_engagements(&self, log: f64) -> f64 {
        let noise_sd = self.account.variances.noise.sqrt();
        let mean = |errors: &[f64]| {
            let engagements = errors.iter().map(|error| libm::expm1(log + noise_sd * error).max(0.0));
            engagements.sum::<f64>() / errors.len().max(1) as f64
        };
        let own = own_share(self.account.innovations.len());
        let of_channel = if self.channel.innovations.is_empty() {
            libm::expm1(log + noise_sd * noise_sd / 2.0)
        } else {
            mean(&self.channel.innovations)
        };
        (own * mean(&self.account.innovations) + (1.0 - own) * of_channel).clamp(LEAST_LEVEL, MOST_LEVEL)
    }

    fn standard_deviations(&self) -> Vec<ParameterEstimate> {
        let parameters =
            [WorldParameter::DriftSd, WorldParameter::SlowSd, WorldParameter::FastSd, WorldParameter::NoiseSd];
        let logs = self.account.variances.logs();
        let parts = parameters.into_iter().zip(logs).zip(self.account.variance_log_sds).zip(Variances::TYPICAL.logs());
        parts
            .map(|(((parameter, log), log_sd), typical)| {
                // The variance of the level grows with time; a week's step is told.
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

/// The load that was not passed before 95 % of the posts of the 8 weeks before an instant; of all posts if there were
/// none in them.
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
