//! A scenario: the clients of an agency, what they post, and the world that answers.

use serde::{Deserialize, Serialize};

use super::{Client, ClientState, Week};

/// Everything a plan or a simulation starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Shown in reports.
    pub name: String,
    /// BLAKE3 over manifest and tables, hexadecimal.
    pub hash: String,
    /// First week.
    pub start: Week,
    /// How many weeks a simulation runs by default.
    pub weeks: u32,
    /// What a workspace can handle.
    pub capacity: Capacity,
    /// Who reviews, and how.
    pub review: ReviewPolicy,
    /// The world that answers to posts.
    pub environment: Environment,
    /// Clients with the state they start in, sorted by client id.
    pub clients: Vec<(Client, ClientState)>,
}

/// What one workspace can handle.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// People who review.
    pub reviewers: u32,
    /// Posts that one of them can review a day.
    pub reviews_per_reviewer_per_day: u32,
}

impl Capacity {
    /// Posts a workspace can review a day.
    #[must_use]
    pub const fn reviews_per_day(&self) -> u32 {
        self.reviewers.saturating_mul(self.reviews_per_reviewer_per_day)
    }
}

/// How simulated reviewers behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReviewPolicy {
    /// Chance that a post of medium risk is approved, `0..=1`.
    pub medium_approved: f64,
    /// Chance that a post of high risk is approved, `0..=1`.
    pub high_approved: f64,
    /// Mean of the exponential time from planning to the answer, in hours, above 0.
    pub delay_hours: f64,
    /// Hours before Monday 00:00 that the week is planned and review begins.
    pub planned_ahead_hours: f64,
}

/// The world that answers to posts. It is not the planner's belief: a wrong rule costs something here.
///
/// Defaults come from regressions on real posts: spread of one post around its expectation about
/// 1.0 in log, hour of day 0.06, weekday 0.05, and a loss of (1 + posts)^-0.108 over 24 hours and
/// (1 + posts)^-0.040 over 7 days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Log SD of one post around its expectation.
    pub noise_log_sd: f64,
    /// Autocorrelation of a channel's results from day to day, `0..1`.
    pub channel_ar1: f64,
    /// Stationary log SD of that autocorrelated part.
    pub channel_log_sd: f64,
    /// Log SD of the account's drift in one week.
    pub account_drift_log_sd: f64,
    /// Exponent of (1 + posts in the last 24 h), above 0 where posts tire.
    pub loss_24_hours: f64,
    /// Exponent of (1 + posts in the last 7 days).
    pub loss_7_days: f64,
    /// Log SD of the true effect of an hour of the day, one draw a client, channel and hour.
    pub hour_log_sd: f64,
    /// Log SD of the true effect of a weekday, one draw a client, channel and weekday.
    pub weekday_log_sd: f64,
    /// Log SD of the true engagement rate around the scenario's.
    pub rate_log_sd: f64,
    /// True engagement rate where the scenario has none.
    pub unknown_engagement_rate: f64,
    /// Log gain from an asset of quality 0 to one of quality 1, around the client's usual quality.
    pub asset_log_gain: f64,
    /// Share of the newest week in the smoothed scores, `0..=1`.
    pub score_smoothing: f64,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            noise_log_sd: 1.0,
            channel_ar1: 0.1,
            channel_log_sd: 0.15,
            account_drift_log_sd: 0.03,
            loss_24_hours: 0.108,
            loss_7_days: 0.040,
            hour_log_sd: 0.06,
            weekday_log_sd: 0.05,
            rate_log_sd: 0.2,
            unknown_engagement_rate: 0.03,
            asset_log_gain: 0.8,
            score_smoothing: 0.3,
        }
    }
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self { medium_approved: 0.95, high_approved: 0.8, delay_hours: 12.0, planned_ahead_hours: 48.0 }
    }
}

impl Default for Capacity {
    fn default() -> Self {
        Self { reviewers: 2, reviews_per_reviewer_per_day: 60 }
    }
}
