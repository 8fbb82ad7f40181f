//! Forecasts of the engagements of posts, and scores of these forecasts.

use serde::Serialize;

use super::forecast::Draws;
use crate::model::{Channel, ClientId, Timestamp};

/// The shares at which a prediction has quantiles.
pub const SHARES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// A method of forecasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// The calibrated model.
    Model,
    /// The mean of all earlier posts.
    AllTimeMean,
    /// The mean of the posts of the last eight weeks.
    RecentMean,
    /// Exponential smoothing: a mean of all earlier posts in which recent ones have more weight.
    Smoothing,
    /// A regression pooled over the channel's accounts, without drift.
    Regression,
}

impl Method {
    /// All methods, the model first.
    pub const ALL: [Self; 5] = [Self::Model, Self::AllTimeMean, Self::RecentMean, Self::Smoothing, Self::Regression];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::AllTimeMean => "all_time_mean",
            Self::RecentMean => "last_8_weeks",
            Self::Smoothing => "exponential_smoothing",
            Self::Regression => "pooled_regression",
        }
    }
}

/// One forecast of the sum of the engagements of an account's posts, with the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The account.
    pub account: ClientId,
    /// Its channel.
    pub channel: Channel,
    /// The instant of the forecast: only earlier posts were known.
    pub cut: Timestamp,
    /// Number of weeks after the cut whose posts are summed.
    pub horizon_weeks: u32,
    /// How the forecast was made.
    pub method: Method,
    /// Number of posts that are summed: the measured ones of these weeks.
    pub posts: usize,
    /// Quantiles of the forecast sum at [`SHARES`].
    pub quantiles: [f64; SHARES.len()],
    /// Mean of the forecast sum.
    pub mean: f64,
    /// The point forecast of the sum.
    pub point: f64,
    /// The sum of the engagements that the posts earned.
    pub actual: f64,
    /// Continuous ranked probability score of log(1 + sum).
    pub crps: f64,
    /// Probability integral transform: the share of the draws below the outcome.
    pub pit: f64,
}

impl Prediction {
    /// log(1 + point) minus log(1 + actual).
    #[must_use]
    pub fn log_error(&self) -> f64 {
        libm::log1p(self.point) - libm::log1p(self.actual)
    }

    /// Mean pinball loss of log(1 + quantile) over the quantiles.
    #[must_use]
    pub fn pinball(&self) -> f64 {
        let actual = libm::log1p(self.actual);
        let losses = SHARES.into_iter().zip(self.quantiles).map(|(share, quantile)| {
            let excess = actual - libm::log1p(quantile);
            (share * excess).max((share - 1.0) * excess)
        });
        losses.sum::<f64>() / SHARES.len() as f64
    }
}

/// Scores of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Number of predictions.
    pub predictions: usize,
    /// Mean absolute error of log(1 + point).
    pub error: f64,
    /// Mean of log(1 + point) minus log(1 + actual).
    pub bias: f64,
    /// Share of the predictions whose 50 % range held the outcome.
    pub coverage_50: f64,
    /// Share of the predictions whose 90 % range held the outcome.
    pub coverage_90: f64,
    /// Mean pinball loss of log(1 + quantile) over the five quantiles.
    pub pinball: f64,
    /// Mean continuous ranked probability score of log(1 + sum).
    pub crps: f64,
}

impl Score {
    /// Scores predictions; `None` if there are none.
    #[must_use]
    pub fn of<'a>(predictions: impl Iterator<Item = &'a Prediction> + Clone) -> Option<Self> {
        let count = predictions.clone().count();
        let mean = |value: &dyn Fn(&Prediction) -> f64| predictions.clone().map(value).sum::<f64>() / count as f64;
        let is_covered = |prediction: &Prediction, low: f64, high: f64| {
            if (low..=high).contains(&prediction.actual) { 1.0 } else { 0.0 }
        };
        (count > 0).then(|| Self {
            predictions: count,
            error: mean(&|prediction| prediction.log_error().abs()),
            bias: mean(&Prediction::log_error),
            coverage_50: mean(&|prediction| {
                let [_, low, _, high, _] = prediction.quantiles;
                is_covered(prediction, low, high)
            }),
            coverage_90: mean(&|prediction| {
                let [low, .., high] = prediction.quantiles;
                is_covered(prediction, low, high)
            }),
            pinball: mean(&Prediction::pinball),
            crps: mean(&|prediction| prediction.crps),
        })
    }
}

/// The continuous ranked probability score of log(1 + sum): the mean distance of the draws from the outcome minus half
/// their mean distance from each other (Gneiting and Raftery, 2007).
pub(super) fn crps(draws: &Draws, actual: f64) -> f64 {
    let logs: Vec<f64> = draws.sums().iter().map(|sum| libm::log1p(*sum)).collect();
    let (count, actual) = (logs.len() as f64, libm::log1p(actual));
    let to_outcome = logs.iter().map(|log| (log - actual).abs()).sum::<f64>() / count;
    let ranked = logs.iter().enumerate().map(|(rank, log)| (2.0 * rank as f64 + 1.0 - count) * log).sum::<f64>();
    // Rounding may leave it slightly below 0.
    (to_outcome - ranked / (count * count)).max(0.0)
}
