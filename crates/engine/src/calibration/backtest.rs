//! Backtest with rolling origins: at each cut, the model is fitted to the posts before it and forecasts the posts after
//! it.
//!
//! The model's forecast is then corrected twice. Its median is averaged with the median at the account's recent level,
//! on the scale of log(1 + sum). Its ranges are widened by a factor, estimated so that the 90 % ranges of earlier
//! forecasts of the channel and horizon, widened by it, would have held 90 % of the outcomes.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::baselines;
use super::filter::Variances;
use super::fit::{AccountFit, ChannelFit, fit_channel};
use super::forecast::{Draws, draw_sums, median_at_recent_level};
use super::history::{AccountHistory, DAY_SECONDS, Observation, by_channel, observations, weeks_in_seconds};
use super::hours;
use super::prediction::{Method, Prediction, SHARES, crps};
use crate::model::{Channel, ClientId, Timestamp};
use crate::stats::{Cluster, ClusteredMean, normal_quantile, quantile};

/// Number of cuts before the first scored one. The forecasts at these cuts determine the first widening factors.
const WARM_UP_CUTS: usize = 4;

/// Number of hypothetical forecasts with exact ranges that count among the earlier forecasts when a widening factor is
/// estimated.
const PRIOR_FORECASTS: usize = 20;

/// Weight of the account's recent level in the median of a forecast; the model has the rest. Any weight from a half to
/// 1 gives about the same errors.
const RECENT_SHARE: f64 = 2.0 / 3.0;

/// Minimum of the half-width of a 90 % range, on the log scale, when errors are expressed in half-widths.
const MIN_HALF_WIDTH: f64 = 0.1;

/// Options of a backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestOptions {
    /// Number of cuts that are scored.
    pub cuts: usize,
    /// Horizons in weeks.
    pub horizons: Vec<u32>,
    /// Number of draws of each forecast.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// The history that an account must have before a cut to be tested there.
    pub enough: EnoughHistory,
}

impl Default for BacktestOptions {
    fn default() -> Self {
        Self { cuts: 6, horizons: vec![1, 4], draws: 1000, seed: 1, enough: EnoughHistory::default() }
    }
}

/// The history that an account must have before a cut for its forecast to be tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnoughHistory {
    /// Minimum number of measured posts.
    pub min_posts: u32,
    /// Minimum number of days from the first measured post to the cut.
    pub min_days: u32,
    /// Maximum number of days from the last measured post to the cut: an account that has stopped posting is not
    /// tested.
    pub max_days_since_post: u32,
}

impl Default for EnoughHistory {
    fn default() -> Self {
        Self { min_posts: 30, min_days: 56, max_days_since_post: 35 }
    }
}

impl EnoughHistory {
    /// Whether the history before the cut is enough.
    fn is_met_by(&self, history: &AccountHistory, cut: Timestamp) -> bool {
        let measured =
            || history.posts.iter().take(history.count_before(cut)).filter(|post| post.engagements.is_some());
        let Some((first, last)) = measured().next().zip(measured().next_back()) else { return false };
        let seconds_since = |at: Timestamp| cut.as_second() - at.as_second();
        let in_seconds = |days: u32| i64::from(days) * DAY_SECONDS;
        measured().count() >= self.min_posts as usize
            && seconds_since(first.at) >= in_seconds(self.min_days)
            && seconds_since(last.at) <= in_seconds(self.max_days_since_post)
    }
}

/// The result of a backtest.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// The predictions by channel, cut, account, horizon and method.
    pub predictions: Vec<Prediction>,
    /// How much more posts in an account's fitted best hours earned than its other posts over the longest horizon, as a
    /// difference of means of log(1 + engagements), clustered by account and cut; `None` with fewer than two clusters.
    pub hour_gain: Option<ClusteredMean>,
    /// The factor by which the ranges of the next forecast are widened on the log scale, by channel and horizon in
    /// weeks, estimated from all cuts; at least 1.
    pub widening_factors: BTreeMap<(Channel, u32), f64>,
}

impl Backtest {
    /// The predictions of a method at a horizon.
    pub fn select(&self, method: Method, horizon_weeks: u32) -> impl Iterator<Item = &Prediction> + Clone {
        self.predictions.iter().filter(move |one| one.method == method && one.horizon_weeks == horizon_weeks)
    }

    /// The horizons that have predictions, in weeks, ascending.
    #[must_use]
    pub fn horizons(&self) -> Vec<u32> {
        let horizons: BTreeSet<u32> = self.predictions.iter().map(|prediction| prediction.horizon_weeks).collect();
        horizons.into_iter().collect()
    }

    /// Number of accounts that have predictions; an account counts once for each of its channels.
    #[must_use]
    pub fn accounts(&self) -> usize {
        let accounts: BTreeSet<(&ClientId, Channel)> =
            self.predictions.iter().map(|prediction| (&prediction.account, prediction.channel)).collect();
        accounts.len()
    }

    /// The pinball loss of a method minus that of the model at a horizon, clustered by account: above 0 if the model is
    /// better; `None` with fewer than two accounts.
    #[must_use]
    pub fn advantage_over(&self, method: Method, horizon_weeks: u32) -> Option<ClusteredMean> {
        let pairs = self.select(Method::Model, horizon_weeks).zip(self.select(method, horizon_weeks));
        mean_by_account(pairs.map(|(model, other)| (model, other.pinball() - model.pinball())))
    }

    /// The mean absolute error of a method's point forecasts at a horizon, on the scale of log(1 + sum), clustered by
    /// account; `None` with fewer than two accounts.
    #[must_use]
    pub fn mean_error(&self, method: Method, horizon_weeks: u32) -> Option<ClusteredMean> {
        mean_by_account(self.select(method, horizon_weeks).map(|one| (one, one.log_error().abs())))
    }
}

/// The mean of a number over predictions, clustered by account; an account counts once for each of its channels.
fn mean_by_account<'p>(numbers: impl Iterator<Item = (&'p Prediction, f64)>) -> Option<ClusteredMean> {
    let mut accounts: BTreeMap<(&ClientId, Channel), (f64, f64)> = BTreeMap::new();
    for (prediction, number) in numbers {
        let (sum, count) = accounts.entry((&prediction.account, prediction.channel)).or_default();
        *sum += number;
        *count += 1.0;
    }
    let clusters = accounts.into_values().map(|(sum, count)| Cluster { mean: sum / count, weight: count });
    ClusteredMean::of(&clusters.collect::<Vec<_>>())
}

/// The forecasts of one account at one cut and horizon.
struct Forecast<'a> {
    history: &'a AccountHistory,
    cut: Timestamp,
    horizon_weeks: u32,
    posts: usize,
    actual: f64,
    /// The point forecast and the draws of each method.
    draws: BTreeMap<Method, (f64, Draws)>,
    hour_gain: Option<Cluster>,
}

/// One cut of one channel.
struct ChannelCut<'a> {
    channel: Channel,
    accounts: &'a [&'a AccountHistory],
    /// 0-based index of the cut.
    index: usize,
    cut: Timestamp,
}

/// Runs a backtest.
#[must_use]
pub fn backtest(histories: &[AccountHistory], options: &BacktestOptions) -> Backtest {
    let channels = by_channel(histories);
    let cuts = cut_times(histories, options);
    let channel_cuts: Vec<ChannelCut<'_>> = channels
        .iter()
        .flat_map(|(channel, accounts)| {
            cuts.iter().enumerate().map(move |(index, cut)| ChannelCut {
                channel: *channel,
                accounts,
                index,
                cut: *cut,
            })
        })
        .collect();
    let forecasts: Vec<Vec<Forecast<'_>>> =
        channel_cuts.par_iter().map(|one| forecasts_at(one.accounts, one.cut, options)).collect();
    let longest = options.horizons.iter().copied().max();
    let mut predictions = Vec::new();
    let mut hour_gains = Vec::new();
    let mut errors: BTreeMap<(Channel, u32), Vec<f64>> = BTreeMap::new();
    for (ChannelCut { channel, index, .. }, forecasts) in channel_cuts.iter().zip(forecasts) {
        // Only the forecasts of earlier cuts determine the factors.
        let factors = widening_factors(&errors);
        for mut forecast in forecasts {
            if let Some((_, draws)) = forecast.draws.get_mut(&Method::Model) {
                let key = (*channel, forecast.horizon_weeks);
                errors.entry(key).or_default().push(relative_error(draws, forecast.actual));
                *draws = draws.adjusted(0.0, factors.get(&key).copied().unwrap_or(1.0));
            }
            if *index >= WARM_UP_CUTS {
                predictions.extend(forecast.predictions());
                hour_gains.extend(forecast.hour_gain.filter(|_| Some(forecast.horizon_weeks) == longest));
            }
        }
    }
    Backtest { predictions, hour_gain: ClusteredMean::of(&hour_gains), widening_factors: widening_factors(&errors) }
}

fn widening_factors(errors: &BTreeMap<(Channel, u32), Vec<f64>>) -> BTreeMap<(Channel, u32), f64> {
    errors.iter().map(|(key, errors)| (*key, widening_factor(errors))).collect()
}

/// The model's draws, moved so that their median is the weighted average of their own median and the median at the
/// account's recent level, on the scale of log(1 + sum). They are not moved if no post of the account was measured.
pub(super) fn moved_to_recent_level(
    draws: &Draws,
    (fit, account): (&ChannelFit, &AccountFit),
    posts: &[Observation],
    seed: [u8; 32],
) -> Draws {
    let recent_median = median_at_recent_level(fit, account, posts, draws.sums().len(), seed);
    let distance = recent_median.map_or(0.0, |median| libm::log1p(median) - libm::log1p(draws.quantile(0.5)));
    draws.adjusted(RECENT_SHARE * distance, 1.0)
}

/// The distance of an outcome from the median of a forecast, in half-widths of its 90 % range, on the log scale.
fn relative_error(draws: &Draws, actual: f64) -> f64 {
    let log = |share: f64| libm::log1p(draws.quantile(share));
    (libm::log1p(actual) - log(0.5)).abs() / ((log(0.95) - log(0.05)) / 2.0).max(MIN_HALF_WIDTH)
}

/// The factor, at least 1, by which 90 % ranges must be widened to hold 90 % of the earlier outcomes. `errors` are the
/// relative errors of earlier forecasts; those of [`PRIOR_FORECASTS`] forecasts with exact ranges are added to them.
fn widening_factor(errors: &[f64]) -> f64 {
    let z_95 = normal_quantile(0.95);
    let exact_error = |rank: usize| normal_quantile(0.5 + (rank as f64 + 0.5) / (2 * PRIOR_FORECASTS) as f64) / z_95;
    let mut sorted: Vec<f64> = errors.iter().copied().chain((0..PRIOR_FORECASTS).map(exact_error)).collect();
    sorted.sort_by(f64::total_cmp);
    // The share is slightly above 90 %, as for a conformal prediction from a finite sample.
    quantile(&sorted, 0.9 * (1.0 + 1.0 / sorted.len() as f64)).max(1.0)
}

/// The instants of the cuts, the earliest first: as far apart as the longest horizon, so that no post is in two
/// forecasts of a horizon. The longest horizon of the last cut ends just after the last post.
fn cut_times(histories: &[AccountHistory], options: &BacktestOptions) -> Vec<Timestamp> {
    let last = histories.iter().flat_map(|history| &history.posts).map(|post| post.at).max();
    let longest = options.horizons.iter().copied().max().unwrap_or(1);
    let count = options.cuts + WARM_UP_CUTS;
    let offset = |index: usize| -(weeks_in_seconds(longest) * (count - index) as i64);
    last.into_iter().flat_map(|last| (0..count).map(move |index| last.plus_seconds(1 + offset(index)))).collect()
}

/// The forecasts of a channel's accounts at a cut, for every horizon; none if no account has enough posts, or if a fit
/// fails.
fn forecasts_at<'a>(accounts: &[&'a AccountHistory], cut: Timestamp, options: &BacktestOptions) -> Vec<Forecast<'a>> {
    let is_scored = |history: &AccountHistory| options.enough.is_met_by(history, cut);
    if !accounts.iter().any(|history| is_scored(history)) {
        return Vec::new();
    }
    let Some(model) = fit_channel(accounts, cut, None) else { return Vec::new() };
    let constant_level = Variances { level_per_day: 0.0, slow: 0.0, fast: 0.0, noise: 1.0 };
    let Some(regression) = fit_channel(accounts, cut, Some(constant_level)) else { return Vec::new() };
    let scored: Vec<(usize, &'a AccountHistory)> =
        accounts.iter().copied().enumerate().filter(|(_, history)| is_scored(history)).collect();
    let of_account = |(index, history): &(usize, &'a AccountHistory)| {
        let horizons = options.horizons.iter();
        horizons
            .filter_map(|horizon| forecast(history, *index, [&model, &regression], cut, *horizon, options))
            .collect()
    };
    scored.par_iter().map(of_account).collect::<Vec<Vec<_>>>().into_iter().flatten().collect()
}

/// The forecasts of one account by all methods; `None` if no post within the horizon was measured. `index` is the
/// account's position among those of the fits.
fn forecast<'a>(
    history: &'a AccountHistory,
    index: usize,
    [model, regression]: [&ChannelFit; 2],
    cut: Timestamp,
    horizon_weeks: u32,
    options: &BacktestOptions,
) -> Option<Forecast<'a>> {
    let until = cut.plus_seconds(weeks_in_seconds(horizon_weeks));
    let (first, end) = (history.count_before(cut), history.count_before(until));
    let outcomes: Vec<f64> = history.posts.get(first..end)?.iter().filter_map(|post| post.engagements).collect();
    if outcomes.is_empty() {
        return None;
    }
    let measured = |fit: &ChannelFit| -> Vec<Observation> {
        let all = observations(history, &fit.types, fit.half_life.hours);
        all.into_iter().take(end).skip(first).filter(|post| post.log_engagements.is_some()).collect()
    };
    let seed = |method: Method| forecast_seed(options.seed, history, cut, horizon_weeks, method);
    let mut draws = BTreeMap::new();
    for method in [Method::AllTimeMean, Method::RecentMean, Method::Smoothing] {
        let forecast = baselines::forecast_sum(method, history, cut, outcomes.len(), options.draws, seed(method));
        draws.insert(method, forecast);
    }
    let (account, posts) = (model.accounts.get(index)?, measured(model));
    for (method, fit) in [(Method::Model, model), (Method::Regression, regression)] {
        let mut sums = draw_sums(fit, fit.accounts.get(index)?, &measured(fit), options.draws, seed(method))?;
        if method == Method::Model {
            // Another method's seed, so that the random numbers are not those of the model's draws.
            sums = moved_to_recent_level(&sums, (model, account), &posts, seed(Method::Smoothing));
        }
        draws.insert(method, (sums.quantile(0.5), sums));
    }
    let hour_gain = hours::gain(model, account, &posts);
    Some(Forecast {
        history,
        cut,
        horizon_weeks,
        posts: outcomes.len(),
        actual: outcomes.iter().sum(),
        draws,
        hour_gain,
    })
}

/// The seed of one forecast: a hash of the backtest's seed and of what is forecast.
fn forecast_seed(seed: u64, history: &AccountHistory, cut: Timestamp, horizon_weeks: u32, method: Method) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(history.account.as_str().as_bytes());
    hasher.update(history.channel.name().as_bytes()).update(&cut.as_second().to_le_bytes());
    hasher.update(&horizon_weeks.to_le_bytes()).update(method.name().as_bytes());
    *hasher.finalize().as_bytes()
}

impl Forecast<'_> {
    fn predictions(&self) -> Vec<Prediction> {
        let prediction = |(method, (point, draws)): (&Method, &(f64, Draws))| Prediction {
            account: self.history.account.clone(),
            channel: self.history.channel,
            cut: self.cut,
            horizon_weeks: self.horizon_weeks,
            method: *method,
            posts: self.posts,
            quantiles: SHARES.map(|share| draws.quantile(share)),
            mean: crate::stats::mean(draws.sums()),
            point: *point,
            actual: self.actual,
            crps: crps(draws, self.actual),
            pit: draws.sums().partition_point(|sum| *sum < self.actual) as f64 / draws.sums().len() as f64,
        };
        self.draws.iter().map(prediction).collect()
    }
}
