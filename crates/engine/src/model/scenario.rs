//! A scenario: an agency's clients with their state, and the simulated environment that responds to posts.

use serde::{Deserialize, Serialize};

use super::{Client, ClientState, Week};

/// The input of a plan or a simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name shown in reports.
    pub name: String,
    /// BLAKE3 hash of the manifest and the tables, hexadecimal.
    pub hash: String,
    /// First week.
    pub start: Week,
    /// Default number of weeks of a simulation.
    pub weeks: u32,
    /// Review capacity of each workspace.
    pub capacity: Capacity,
    /// How simulated reviewers behave.
    pub review: ReviewPolicy,
    /// The simulated environment that responds to posts.
    pub environment: Environment,
    /// Clients with their initial state, sorted by client id.
    pub clients: Vec<(Client, ClientState)>,
    /// Further clients that are not planned for, sorted by client id. Their committed posts count in the limits that
    /// they share with `clients` and in the load of their workspace, as do those of `clients` whose status rules out
    /// planning; nothing else about them matters.
    pub other_clients: Vec<(Client, ClientState)>,
}

/// Review capacity of one workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// Number of reviewers.
    pub reviewers: u32,
    /// Posts that one reviewer can review a day.
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
    /// Probability that a post of medium risk is approved, `0..=1`.
    pub medium_approved: f64,
    /// Probability that a post of high risk is approved, `0..=1`.
    pub high_approved: f64,
    /// Mean of the exponentially distributed time from planning to the decision, in hours, above 0.
    pub delay_hours: f64,
    /// How many hours before Monday 00:00 the week is planned and review begins.
    pub planned_ahead_hours: f64,
}

/// The simulated environment that responds to posts. It does not use the planner's assumptions, so a plan made from
/// wrong rules performs worse.
///
/// Defaults come from regressions on real posts. They found a log SD of about 1.0 for one post around its expectation,
/// 0.06 for the hour of the day and 0.05 for the weekday, and a response proportional to `(1 + posts)^-0.108` with the
/// posts of 24 hours and to `(1 + posts)^-0.040` with those of 7 days.
///
/// Two effects are assumptions: that each post makes some of the audience unsubscribe or unfollow, and that posting
/// more than usual for weeks lowers the response. Only for email is the first one measured: 0.10 to 0.26 % of the
/// recipients unsubscribe per newsletter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// Log SD of one post around its expectation.
    pub noise_log_sd: f64,
    /// Day-to-day autocorrelation of a channel's results, `0..1`.
    pub channel_ar1: f64,
    /// Stationary log SD of the autocorrelated component.
    pub channel_log_sd: f64,
    /// Log SD of the account's drift per week.
    pub account_drift_log_sd: f64,
    /// Exponent of the loss from posts in the last 24 h: response is multiplied by `(1 + posts)^-exponent`.
    pub loss_24_hours: f64,
    /// Exponent of the loss from posts in the last 7 days.
    pub loss_7_days: f64,
    /// Exponent of the loss from posting more than usual for weeks: response is multiplied by
    /// `(posts in the last 28 days / usual number)^-exponent` if there are more posts than usual.
    pub lasting_loss: f64,
    /// Lower bound on the usual number of posts in 28 days, above 0: a channel that usually posts less loses nothing
    /// until it posts more than this.
    pub min_usual_posts: f64,
    /// Share of the audience that unfollows because of a post after a week without posts, on any channel but email.
    pub leave_per_post: f64,
    /// Share of the recipients that unsubscribe because of an email after a week without emails.
    pub leave_per_email: f64,
    /// Number of posts in the last 7 days, above 0, at which these two shares are doubled; they grow linearly with it.
    pub leave_doubling_posts: f64,
    /// Log SD of the true effect of an hour of the day, drawn once per client, channel and hour.
    pub hour_log_sd: f64,
    /// Log SD of the true effect of a weekday, drawn once per client, channel and weekday.
    pub weekday_log_sd: f64,
    /// Log SD of the true engagement rate around the rate that the scenario gives.
    pub rate_log_sd: f64,
    /// True engagement rate of a channel for which the scenario gives none.
    pub unknown_engagement_rate: f64,
    /// Log gain from asset quality 0 to asset quality 1, around the client's usual quality.
    pub asset_log_gain: f64,
    /// Weight of the newest week in the exponentially smoothed scores, `0..=1`.
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
            lasting_loss: 0.25,
            min_usual_posts: 12.0,
            leave_per_post: 0.0001,
            leave_per_email: 0.0018,
            leave_doubling_posts: 7.0,
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
