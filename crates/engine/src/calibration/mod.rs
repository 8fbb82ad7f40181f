//! Calibration: what an account's own postings say of its level, hours, weekdays, content types and its response to
//! load, and how sure that is; and a backtest of those estimates.
//!
//! ```text
//! y = log(1 + engagements) = level (random walk) + slow (45 days) + fast (2 days) + x beta + noise
//! ```
//!
//! - `effects`: the regressors x and the priors of beta: first of a channel, then of an account around its channel.
//! - `filter`: the three moving parts, by a Kalman filter that whitens observations and regressors alike.
//! - `pooling`: beta of the channel and its accounts, in closed form.
//! - `variances`: the four variances of each account, with priors from the channel's accounts (empirical Bayes).
//! - `half_life`: how fast the load of a post decays, by the probability of the observations.
//! - `estimates`, `channel_estimates`: the fitted model as parameters of the engine's response, by account and channel.
//! - `forecast`: sums of future posts by drawing, so that all that is uncertain is in their range.
//! - `expectation`: forecasts of planned posts, in ranges as wide as a backtest finds they must be.
//! - `backtest`: forecasts at earlier dates against what came, beside the simple forecasts of `baselines`.

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
