//! Calibration: estimates an account's level and the effects of hour, weekday, content type and load from its own
//! posts, with their uncertainty, and backtests these estimates.
//!
//! ```text
//! y = log(1 + engagements) = level (random walk) + slow (45 days) + fast (2 days) + x beta + noise
//! ```
//!
//! - `effects`: the regressors x, and the priors of beta for a channel and for an account around its channel.
//! - `filter`: a Kalman filter of the moving parts (level, slow, fast), which whitens observations and regressors.
//! - `pooling`: beta of the channel and its accounts, in closed form.
//! - `variances`: the four variances of each account, with priors from the channel's accounts (empirical Bayes).
//! - `half_life`: how fast the load of a post decays: the half-life under which the observations are most probable.
//! - `estimates`, `channel_estimates`: the fitted model as parameters of the engine's response, by account and channel.
//! - `forecast`: draws of the sum that future posts earn, which carry the uncertainty of all estimates.
//! - `expectation`: forecasts of planned posts, in ranges as wide as a backtest finds they must be.
//! - `backtest`: forecasts as of earlier dates, compared with the outcomes and the simple forecasts of `baselines`.

mod backtest;
mod baselines;
mod calibrate;
mod channel_estimates;
mod effects;
mod estimates;
mod expectation;
mod filter;
mod fit;
mod forecast;
mod half_life;
mod history;
mod hours;
mod pooling;
mod prediction;
#[cfg(test)]
mod tests;
mod variances;

pub use backtest::{Backtest, BacktestOptions, backtest};
pub use calibrate::{Calibration, calibrate};
pub use channel_estimates::{ChannelCalibration, ResponsePoint};
pub use effects::{Effect, EffectPrior};
pub use estimates::{AccountCalibration, ParameterEstimate, PostResidual, usual_load};
pub use expectation::{Expectation, expectations};
pub use filter::Variances;
pub use forecast::Draws;
pub use history::{AccountHistory, Post};
pub use prediction::{Method, Prediction, SHARES, Score};
