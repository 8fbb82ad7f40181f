//! Calibration: estimates an account's level and the effects of hour, weekday, content type and load from its own
//! posts, with their uncertainty, and backtests these estimates. The model is linear and Gaussian in y = log(1 +
//! engagements):
//!
//! ```text
//! y_t     = x_t' beta + level_t + slow_t + fast_t + noise_t
//! level   : random walk from 0;  slow, fast : AR(1) in continuous time, with time constants of 45 and 2 days
//! beta    ~ N(beta of the channel, variance between accounts);  beta of the channel ~ N(prior)
//! load    = sum over earlier posts of 2^-(hours since that post / half-life);  one of the x is log(1 + load)
//! log variances of an account ~ N(median, variance over the channel's accounts)
//! ```
//!
//! It is a structural time series (Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter*, 1989)
//! with a hierarchical regression (Gelman et al., *Bayesian Data Analysis*, 2013, chapter 15).
//!
//! - `effects`: the regressors x and the priors of beta.
//! - `filter`: the Kalman filter of level, slow and fast component, which whitens y and x.
//! - `pooling`: the posterior of beta for the channel and its accounts, in closed form.
//! - `variances`: the four variances of each account, at the maximum of their posterior.
//! - `half_life`: the half-life of the load, on a grid.
//! - `fit`: half-life, effects and variances, fitted in turn.
//! - `combinations`, `effect_parameters`: hours, weekdays, content types and response strength as combinations of beta.
//! - `estimates`, `account_estimates`, `channel_estimates`: the fitted model as parameters of the simulated response.
//! - `noise`: the distribution of the errors of earlier posts, from which a simulation draws the noise of a post.
//! - `hours`: whether later posts at an account's fitted best hours earn more than its other posts.
//! - `forecast`: draws of the engagements of future posts.
//! - `engagement_forecast`: forecasts of planned posts, with ranges as wide as a backtest requires.
//! - `backtest`: forecasts as of earlier dates, compared with the outcomes and the simple forecasts of `baselines`.

mod account_estimates;
mod backtest;
mod baselines;
mod calibrate;
mod channel_estimates;
mod combinations;
mod effect_parameters;
mod effects;
mod engagement_forecast;
mod estimates;
mod filter;
mod fit;
mod forecast;
mod half_life;
mod history;
mod hours;
mod noise;
mod pooling;
mod prediction;
#[cfg(test)]
mod tests;
mod variances;

pub use account_estimates::{AccountCalibration, PostResidual, usual_load};
pub use backtest::{Backtest, BacktestOptions, EnoughHistory, backtest};
pub use calibrate::{Calibration, calibrate};
pub use channel_estimates::{ChannelCalibration, ResponsePoint};
pub use effects::{Effect, EffectPrior};
pub use engagement_forecast::{EngagementForecast, forecast_posts};
pub use estimates::ParameterEstimate;
pub use filter::Variances;
pub use forecast::Draws;
pub use history::{AccountHistory, Post};
pub use prediction::{Method, Prediction, SHARES, Score};
