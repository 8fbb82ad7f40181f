//! What a fitted channel says of the parameters of the response, each with its standard error, its prior and its source.

use nalgebra::{DMatrix, DVector, Vector3};

use super::effects::{Effect, EffectPrior};
use super::filter::{Gap, Variances, lasting_levels};
use super::fit::{AccountFit, ChannelFit, less_expected, series};
use super::forecast::own_share;
use super::half_life::HalfLife;
use super::history::{AccountHistory, DAY_SECONDS, Observation, loads, observations};
use super::pooling::{Effects, unseen_account};
use super::variances::START_SD;
use crate::model::{EstimateSource, Timestamp, WorldEstimate, WorldParameter};
use crate::stats::{normal_quantile, quantile};

/// Probability with which any of a group of effects is called detectable though there is none.
const FALSE_FINDINGS: f64 = 0.05;

/// Least level, in engagements of a post, so that its logarithm exists.
const LEAST_LEVEL: f64 = 0.01;

/// Limits of the standard error of a level's logarithm: no level is known exactly, and of none it is useful to say less.
const LEAST_LEVEL_LOG_SD: f64 = 0.02;
const MOST_LEVEL_LOG_SD: f64 = 3.0;

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
    /// without any effect have one that is called detectable. True for levels and standard deviations.
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
    /// The level over time: at each measured post, the expected log engagements and their standard deviation.
    pub level_path: Vec<LevelPoint>,
}

/// The level of an account at one of its posts, other effects apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelPoint {
    /// When.
    pub at: Timestamp,
    /// Log of 1 + the engagements of a typical post, given the posts so far.
    pub log_level: f64,
    /// Its standard deviation.
    pub sd: f64,
}

impl AccountCalibration {
    /// The estimate of a parameter.
    #[must_use]
    pub fn get(&self, parameter: &WorldParameter) -> Option<&ParameterEstimate> {
        self.parameters.iter().find(|one| one.estimate.parameter == *parameter)
    }
}

/// A sum of effects with weights, plus a constant.
struct Combination {
    weights: DVector<f64>,
    constant: f64,
}

impl Combination {
    fn single(width: usize, column: usize, weight: f64) -> Self {
        let weights = DVector::from_fn(width, |index, _| if index == column { weight } else { 0.0 });
        Self { weights, constant: 0.0 }
    }

    fn mean(&self, effects: &DVector<f64>) -> f64 {
        self.constant + self.weights.dot(effects)
    }

    fn variance(&self, covariance: &DMatrix<f64>) -> f64 {
        (covariance * &self.weights).dot(&self.weights)
    }
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
        parameters.extend(self.group(|effect| matches!(effect, Effect::Hours(_))));
        parameters.extend(self.group(|effect| matches!(effect, Effect::Weekday(_))));
        parameters.extend(self.group(|effect| matches!(effect, Effect::ContentType(_))));
        parameters.push(self.response_strength());
        parameters.push(self.half_life());
        parameters.extend(self.standard_deviations());
        AccountCalibration {
            history: self.history.clone(),
            measured: self.measured().count(),
            usual_load: self.usual_load(),
            parameters,
            level_path: self.level_path(),
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

    /// Share of the account's measured posts by column. A post's worth is spread evenly, so that every share is above 0.
    fn shares(&self, columns: &[usize]) -> Vec<f64> {
        let mut counts = vec![1.0 / columns.len() as f64; columns.len()];
        for post in self.measured() {
            let row: Vec<f64> = self.channel.design.row(post).collect();
            for (count, column) in counts.iter_mut().zip(columns) {
                *count += row.get(*column).copied().unwrap_or(0.0);
            }
        }
        let all = self.measured().count() as f64 + 1.0;
        counts.into_iter().map(|count| count / all).collect()
    }

    fn columns(&self, is_in: impl Fn(Effect) -> bool) -> Vec<usize> {
        let effects = self.channel.design.effects().iter().enumerate();
        effects.filter(|(_, effect)| is_in(**effect)).map(|(column, _)| column).collect()
    }

    /// The mean of a group's effects over the account's posts.
    fn usual(&self, columns: &[usize]) -> DVector<f64> {
        let mut weights = DVector::zeros(self.channel.design.len());
        for (column, share) in columns.iter().zip(self.shares(columns)) {
            weights.iter_mut().skip(*column).take(1).for_each(|weight| *weight = share);
        }
        weights
    }

    /// The effects of a group, each as a factor against the account's usual mix.
    fn group(&self, is_in: impl Fn(Effect) -> bool) -> Vec<ParameterEstimate> {
        let columns = self.columns(is_in);
        let usual = self.usual(&columns);
        let least_z = normal_quantile(1.0 - FALSE_FINDINGS / (2.0 * columns.len().max(1) as f64));
        let of_column = |column: &usize| {
            let mut combination = Combination::single(self.channel.design.len(), *column, 1.0);
            combination.weights -= &usual;
            let effect = self.channel.design.effects().get(*column)?;
            let parameter = self.parameter(*effect)?;
            Some(self.effect(parameter, &combination, least_z))
        };
        columns.iter().filter_map(of_column).collect()
    }

    fn parameter(&self, effect: Effect) -> Option<WorldParameter> {
        match effect {
            Effect::Hours(bin) => Some(WorldParameter::Hours(bin)),
            Effect::Weekday(day) => Some(WorldParameter::Weekday(day)),
            Effect::ContentType(index) => {
                let name = self.channel.types.names().nth(index)?;
                Some(WorldParameter::ContentType(std::sync::Arc::clone(name)))
            }
            Effect::Level | Effect::Load => None,
        }
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
            is_detectable: if is_logarithmic { value.abs() } else { value } > least_z * sd,
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
        let design = &self.channel.design;
        let combination = Combination::single(design.len(), design.load_column(), -1.0);
        self.effect(WorldParameter::ResponseStrength, &combination, normal_quantile(0.95))
    }

    fn half_life(&self) -> ParameterEstimate {
        let half_life = &self.channel.half_life;
        let is_detectable = half_life.is_detectable();
        let source = if is_detectable { EstimateSource::Channel } else { EstimateSource::Prior };
        let estimate = self.estimate(WorldParameter::HalfLifeHours, half_life.hours, half_life.log_sd(), source);
        let before = HalfLife::prior();
        let prior = self.estimate(WorldParameter::HalfLifeHours, before.hours, before.log_sd(), EstimateSource::Prior);
        ParameterEstimate { estimate, prior: Some(prior), is_detectable, unlike_channel: None }
    }

    /// The mean of hour, weekday and type effects over the account's posts, and its level.
    fn usual_mix(&self) -> DVector<f64> {
        let is_grouped: [fn(Effect) -> bool; 3] = [
            |effect| matches!(effect, Effect::Hours(_)),
            |effect| matches!(effect, Effect::Weekday(_)),
            |effect| matches!(effect, Effect::ContentType(_)),
        ];
        let level = Combination::single(self.channel.design.len(), 0, 1.0).weights;
        is_grouped.into_iter().map(|is_in| self.usual(&self.columns(is_in))).fold(level, |sum, usual| sum + usual)
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

    fn level_path(&self) -> Vec<LevelPoint> {
        let AccountFit { variances, effects, .. } = self.account;
        let series = series(&self.channel.design, &self.observed);
        let residuals = less_expected(&series.values, effects);
        let usual = self.usual_mix().dot(&effects.mean);
        let measured = self.history.posts.iter().filter(|post| post.engagements.is_some());
        let levels = measured.zip(lasting_levels(&series, &residuals, variances));
        levels.map(|(post, (level, sd))| LevelPoint { at: post.at, log_level: usual + level, sd }).collect()
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
        (own * mean(&self.account.innovations) + (1.0 - own) * of_channel).max(LEAST_LEVEL)
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

    fn usual_load(&self) -> f64 {
        let since = self.until.as_second() - 8 * 7 * DAY_SECONDS;
        let all = || self.history.posts.iter().zip(loads(&self.history.posts, self.channel.half_life.hours));
        let mut recent: Vec<f64> =
            all().filter(|(post, _)| post.at.as_second() >= since).map(|(_, load)| load).collect();
        if recent.is_empty() {
            recent = all().map(|(_, load)| load).collect();
        }
        recent.sort_by(f64::total_cmp);
        if recent.is_empty() { 0.0 } else { quantile(&recent, USUAL_SHARE) }
    }
}
