//! The parameters of an account's response as estimated by a fit, each with its standard error, prior and source.

use nalgebra::DVector;

use super::effect_parameters::{EffectParameter, effect_parameters, mean_post_weights};
use super::estimates::{ParameterEstimate, half_life_estimate};
use super::filter::{FilteredStep, LASTING, Series, TimeStep, Variances, filtered_steps};
use super::fit::{AccountFit, ChannelFit, series, subtract_expected};
use super::history::{AccountHistory, DAY_SECONDS, Observation, Post, loads, observations};
use super::noise;
use super::pooling::{Effects, account_without_posts, channel_prior};
use super::variances::{INITIAL_SD, with_added};
use crate::model::{EstimateSource, Timestamp, WorldEstimate, WorldParameter, WorldRow};
use crate::stats::quantile;

/// Minimum of a level, in engagements of a post: above 0, so that its logarithm exists.
const MIN_LEVEL: f64 = 0.01;

/// Maximum of a level, in engagements of a post: no more than a table accepts.
const MAX_LEVEL: f64 = 1e11;

/// Limits of the standard error of a level's logarithm: no level is known exactly, and with a standard error of 3 the
/// 90 % interval already spans a factor of 20,000.
const MIN_LEVEL_LOG_SD: f64 = 0.02;
const MAX_LEVEL_LOG_SD: f64 = 3.0;

/// Number of days before the end of the calibration whose posts determine the usual load.
const RECENT_DAYS: i64 = 56;

/// The share at which the quantile of the loads before posts is the usual load.
const USUAL_QUANTILE: f64 = 0.95;

/// The z-score above which an account's effect is called unlike its channel's.
const UNLIKE_CHANNEL_Z: f64 = 3.0;

/// The calibration of one account on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountCalibration {
    /// The history that it was estimated from.
    pub history: AccountHistory,
    /// Number of measured posts.
    pub measured: usize,
    /// The usual load before a post; see [`usual_load`].
    pub usual_load: f64,
    /// The parameters: level, hours, weekdays, content types, response strength, half-life, standard deviations,
    /// percentiles of noise.
    pub parameters: Vec<ParameterEstimate>,
    /// Its measured posts, the oldest first.
    pub posts: Vec<PostResidual>,
}

/// A measured post compared with the model: the account's level at that time, and the loss attributed to the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PostResidual {
    /// When it was published.
    pub at: Timestamp,
    /// log(1 + engagements).
    pub log_engagements: f64,
    /// log(1 + engagements) of a median post at load 0 at that time, estimated from the posts up to this one.
    pub log_level: f64,
    /// Standard error of `log_level`.
    pub log_level_sd: f64,
    /// The load before this post.
    pub load: f64,
    /// `log_engagements` minus the prediction of the model without load: the effect of the load plus the post's noise.
    pub load_residual: f64,
}

impl AccountCalibration {
    /// The estimate of a parameter.
    #[must_use]
    pub fn get(&self, parameter: &WorldParameter) -> Option<&ParameterEstimate> {
        self.parameters.iter().find(|estimated| estimated.estimate.parameter == *parameter)
    }

    /// The estimates as rows of a scenario's table `world`.
    pub fn world(&self) -> impl Iterator<Item = WorldRow> {
        self.parameters.iter().map(|parameter| WorldRow::of(&self.history.account, &parameter.estimate))
    }
}

/// Estimates the parameters of one account.
pub(super) struct AccountEstimator<'a> {
    channel: &'a ChannelFit,
    account: &'a AccountFit,
    history: &'a AccountHistory,
    until: Timestamp,
    /// The prior of the account's effects before any data.
    prior: Effects,
    /// The effects of an account without posts, given those of its channel.
    without_posts: Effects,
    observed: Vec<Observation>,
    /// The measured posts as a series.
    series: Series,
    /// The part of each measured post's log(1 + engagements) that the account's effects do not explain.
    residuals: Vec<f64>,
}

impl<'a> AccountEstimator<'a> {
    pub fn new(
        channel: &'a ChannelFit,
        account: &'a AccountFit,
        history: &'a AccountHistory,
        until: Timestamp,
    ) -> Self {
        let design = &channel.design;
        let prior = account_without_posts(design, &channel_prior(design));
        let without_posts = account_without_posts(design, &channel.effects);
        let observed = observations(history, &channel.types, channel.half_life.hours);
        let series = series(design, &observed);
        let residuals = subtract_expected(&series.values, &account.effects);
        Self { channel, account, history, until, prior, without_posts, observed, series, residuals }
    }

    pub fn calibration(&self) -> AccountCalibration {
        let effects = effect_parameters(self.channel, self.measured());
        let mut parameters = vec![self.level_estimate()];
        parameters.extend(effects.into_iter().map(|effect| self.effect_estimate(effect)));
        parameters.push(half_life_estimate(&self.channel.half_life, self.history.channel));
        parameters.extend(self.standard_deviations());
        parameters.extend(self.noise_percentiles());
        AccountCalibration {
            history: self.history.clone(),
            measured: self.measured().count(),
            usual_load: usual_load(&self.history.posts, self.channel.half_life.hours, self.until),
            parameters,
            posts: self.post_residuals(),
        }
    }

    fn measured(&self) -> impl Iterator<Item = &Observation> + Clone {
        self.observed.iter().filter(|post| post.log_engagements.is_some())
    }

    fn world_estimate(
        &self,
        parameter: WorldParameter,
        value: f64,
        standard_error: f64,
        source: EstimateSource,
    ) -> WorldEstimate {
        WorldEstimate { channel: self.history.channel, parameter, value, standard_error, source }
    }

    /// The estimate of an effect. Its source is `Data` if the account's own posts more than halve the variance that the
    /// effect has for an account without posts, `Channel` if the channel's accounts more than halve the variance of the
    /// prior, and otherwise `Prior`.
    fn effect_estimate(&self, effect: EffectParameter) -> ParameterEstimate {
        let posterior = effect.combination.distribution(&self.account.effects);
        let without_posts = effect.combination.distribution(&self.without_posts);
        let prior = effect.combination.distribution(&self.prior);
        let source = if posterior.has_less_than_half_the_variance_of(&without_posts) {
            EstimateSource::Data
        } else if without_posts.has_less_than_half_the_variance_of(&prior) {
            EstimateSource::Channel
        } else {
            EstimateSource::Prior
        };
        // If the account is like its channel, the difference of the means has the variance that its posts removed. It
        // is kept above 0, since it is a divisor.
        let removed_variance = (without_posts.variance - posterior.variance).max(f64::MIN_POSITIVE);
        let z = (posterior.mean - without_posts.mean) / removed_variance.sqrt();
        let is_informed = posterior.variance < 0.9 * without_posts.variance;
        ParameterEstimate {
            unlike_channel: Some(z).filter(|z| is_informed && z.abs() > UNLIKE_CHANNEL_Z),
            ..effect.estimate(self.history.channel, &posterior, &prior, source)
        }
    }

    /// Mean engagements of a post at load 0 at the end of the calibration, over the account's usual mix of posts.
    fn level_estimate(&self) -> ParameterEstimate {
        let AccountFit { state, variances, effects, .. } = self.account;
        let until = self.until.as_second() as f64 / DAY_SECONDS as f64;
        let time = TimeStep::of_days(state.days.map_or(0.0, |days| (until - days).max(0.0)));
        // The fast component decays within days, so it is averaged over like the noise.
        let weights = time.decay().component_mul(&LASTING);
        let mut combination = state.combination(&weights);
        combination.weights += self.mean_post_weights();
        let added_variance = time.added_variance(variances);
        let state_variance = (state.covariance * weights).dot(&weights) + added_variance.x + added_variance.y;
        let log = combination.distribution(effects);
        let sd = (log.variance + state_variance).sqrt();
        let engagements = |log: f64| self.mean_engagements(log + variances.fast / 2.0, variances);
        let log_level_sd = (libm::log(engagements(log.mean + sd)) - libm::log(engagements(log.mean - sd))) / 2.0;
        let log_variance = log_level_sd * log_level_sd + self.log_level_variance_from_variances(log.mean);
        let standard_error = log_variance.sqrt().clamp(MIN_LEVEL_LOG_SD, MAX_LEVEL_LOG_SD);
        let source = if self.series.is_empty() { EstimateSource::Prior } else { EstimateSource::Data };
        let estimate = self.world_estimate(WorldParameter::Level, engagements(log.mean), standard_error, source);
        ParameterEstimate { estimate, prior: None, is_detectable: true, unlike_channel: None }
    }

    /// The part of the log level's variance that comes from the standard errors of the model's variances. Each variance
    /// is moved up and down by one standard error, which changes the level and the variance of its lasting components.
    /// `log` is the expected log(1 + engagements) under the estimated variances.
    fn log_level_variance_from_variances(&self, log: f64) -> f64 {
        let AccountFit { variances, variance_log_sds, .. } = self.account;
        let (usual_level, usual_variance) = self.lasting_level(variances);
        let with_variance = |index: usize, log_change: f64| {
            let variances = Variances::from_logs(with_added(variances.logs(), index, log_change));
            let (level, variance) = self.lasting_level(&variances);
            let value = self.mean_engagements(log + level - usual_level + variances.fast / 2.0, &variances);
            (libm::log(value), variance)
        };
        let added_variance = |(index, log_sd): (usize, &f64)| {
            let (higher, variance_if_higher) = with_variance(index, *log_sd);
            let (lower, variance_if_lower) = with_variance(index, -log_sd);
            let change = (higher - lower) / 2.0;
            change * change + f64::midpoint(variance_if_higher, variance_if_lower) - usual_variance
        };
        variance_log_sds.iter().enumerate().map(added_variance).sum::<f64>().max(0.0)
    }

    /// The lasting level after the last measured post, and the variance of that level, under given model variances.
    fn lasting_level(&self, variances: &Variances) -> (f64, f64) {
        let last = filtered_steps(&self.series, &self.residuals, variances).pop();
        last.map_or((0.0, 0.0), |step| (step.level, step.level_sd * step.level_sd))
    }

    /// Mean engagements of a post with the given expected log(1 + engagements) and noise variance, over the errors of
    /// earlier posts of the account and its channel.
    fn mean_engagements(&self, log: f64, Variances { noise, .. }: &Variances) -> f64 {
        let noise_sd = noise.sqrt();
        let errors = noise::weighted_errors(self.channel, self.account);
        let mean: f64 = if errors.is_empty() {
            libm::expm1(log + noise_sd * noise_sd / 2.0)
        } else {
            errors.iter().map(|(error, weight)| weight * libm::expm1(log + noise_sd * error).max(0.0)).sum()
        };
        mean.clamp(MIN_LEVEL, MAX_LEVEL)
    }

    fn mean_post_weights(&self) -> DVector<f64> {
        mean_post_weights(&self.channel.design, self.measured())
    }

    fn post_residuals(&self) -> Vec<PostResidual> {
        let AccountFit { variances, effects, .. } = self.account;
        let mean_effects = self.mean_post_weights().dot(&effects.mean);
        let load_effect = effects.mean.get(self.channel.design.load_column()).copied().unwrap_or(0.0);
        let posts = self.history.posts.iter().zip(&self.observed);
        let measured =
            posts.filter_map(|(post, observed)| Some((post.at, observed.log_load, observed.log_engagements?)));
        let residual = |((at, log_load, log_engagements), step): ((Timestamp, f64, f64), FilteredStep)| PostResidual {
            at,
            log_engagements,
            log_level: mean_effects + step.level,
            log_level_sd: step.level_sd,
            load: libm::expm1(log_load),
            load_residual: step.innovation + load_effect * log_load,
        };
        measured.zip(filtered_steps(&self.series, &self.residuals, variances)).map(residual).collect()
    }

    fn standard_deviations(&self) -> impl Iterator<Item = ParameterEstimate> {
        let AccountFit { variances, variance_log_sds, .. } = self.account;
        let parameters =
            [WorldParameter::DriftSd, WorldParameter::SlowSd, WorldParameter::FastSd, WorldParameter::NoiseSd];
        let logs = variances.logs().into_iter().zip(Variances::TYPICAL.logs()).zip(variance_log_sds);
        parameters.into_iter().zip(logs).map(|(parameter, ((log, typical_log), log_sd))| {
            // The level is a random walk, whose variance grows with time: its drift is given per week.
            let days = if parameter == WorldParameter::DriftSd { 7.0 } else { 1.0 };
            let sd = |log_variance: f64| (libm::exp(log_variance) * days).sqrt();
            let source = if *log_sd < 0.5 * INITIAL_SD { EstimateSource::Data } else { EstimateSource::Channel };
            // The log of a standard deviation is half the log of its variance, and so is its standard error.
            let prior =
                self.world_estimate(parameter.clone(), sd(typical_log), INITIAL_SD / 2.0, EstimateSource::Prior);
            let estimate = self.world_estimate(parameter, sd(log), log_sd / 2.0, source);
            ParameterEstimate { estimate, prior: Some(prior), is_detectable: true, unlike_channel: None }
        })
    }

    /// The percentiles of noise. Their logarithms are multiples of the noise's standard deviation, and have the same
    /// relative standard error.
    fn noise_percentiles(&self) -> impl Iterator<Item = ParameterEstimate> {
        // The variance of the noise is the last one.
        let [.., log_sd] = self.account.variance_log_sds;
        let source = if log_sd < 0.5 * INITIAL_SD { EstimateSource::Data } else { EstimateSource::Channel };
        noise::percentiles(self.channel, self.account).into_iter().map(move |(percent, factor)| {
            let standard_error = libm::log(factor).abs() * log_sd / 2.0;
            let parameter = WorldParameter::NoisePercentile(percent);
            let estimate = self.world_estimate(parameter, factor, standard_error, source);
            ParameterEstimate { estimate, prior: None, is_detectable: true, unlike_channel: None }
        })
    }
}

/// The 95 % quantile of the loads before posts, over the posts of the 8 weeks before an instant, or over all posts if
/// there were none in those weeks.
#[must_use]
pub fn usual_load(posts: &[Post], half_life_hours: f64, until: Timestamp) -> f64 {
    let since = until.plus_days(-RECENT_DAYS);
    let is_any_recent = posts.last().is_some_and(|post| post.at >= since);
    let with_loads = posts.iter().zip(loads(posts, half_life_hours));
    let counted = with_loads.filter(|(post, _)| post.at >= since || !is_any_recent);
    let mut counted_loads: Vec<f64> = counted.map(|(_, load)| load).collect();
    counted_loads.sort_by(f64::total_cmp);
    quantile(&counted_loads, USUAL_QUANTILE)
}
