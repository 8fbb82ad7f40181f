//! The simulated environment that responds to posts, independent of the planner's assumptions.

use chrono::NaiveDate;

use super::random::{KeyedRng, Purpose};
use super::true_response::{TrueResponse, day_number};
use crate::model::{
    Asset, Campaign, Channel, ChannelState, Client, ClientState, Environment, HOUR_SECONDS, Timestamp, WeekHours,
};
use crate::stats::mean;

/// The true parameters of one client in one replication.
pub(super) struct TrueClient<'a> {
    environment: &'a Environment,
    client: &'a Client,
    rng: KeyedRng,
    channels: Vec<TrueChannel>,
    /// Mean quality of the assets with which the client's engagement rates were measured.
    usual_quality: f64,
}

/// The true parameters of one channel in one replication.
struct TrueChannel {
    channel: Channel,
    audience: f64,
    /// Engagements of a post per person in the audience.
    rate: f64,
    /// Posts in 28 days while the rate was measured.
    usual_posts: f64,
    /// The response drawn from the client's own estimates; `None` if the scenario's environment applies.
    response: Option<TrueResponse>,
}

/// A published post, as far as the response depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Published {
    pub channel: Channel,
    pub hour: usize,
    pub at: Timestamp,
    /// Quality of its asset, `0..=1`; 0 without one.
    pub quality: f64,
    /// Weight of the campaign it counts for; 1 without one.
    pub campaign: f64,
    /// Factor of its content type by the channel's own estimates; 1 without estimates.
    pub content_type: f64,
    /// Load of earlier posts by the channel's own estimates, as [`TrueResponse::load`] defines it; 0 without estimates.
    pub load: f64,
    /// Posts of the channel in the preceding 24 hours.
    pub within_24_hours: u32,
    /// Posts of the channel in the preceding 7 days.
    pub within_7_days: u32,
    /// Posts of the channel in the preceding 28 days.
    pub within_28_days: u32,
    /// Share of the channel's initial audience that is still there.
    pub audience_kept: f64,
}

/// The response to a post.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Response {
    /// Realized engagements.
    pub engagement: f64,
    /// Expected engagements given everything but the noise of the single post.
    pub without_noise: f64,
}

impl<'a> TrueClient<'a> {
    /// Draws the true parameters of a client around the values of the scenario, for a run of `days` days from `start`.
    pub fn new(
        environment: &'a Environment,
        client: &'a Client,
        state: &ClientState,
        rng: KeyedRng,
        start: Timestamp,
        days: usize,
    ) -> Self {
        let channels = state.channels.iter().map(|state| TrueChannel {
            response: TrueResponse::draw(&client.world, state.channel, &rng, start, days),
            ..true_channel(environment, state, &rng)
        });
        let channels = channels.collect();
        Self { environment, client, rng, channels, usual_quality: 0.0 }.with_usual_assets(&client.assets)
    }

    /// Assumes that the client's engagement rates were measured with the given assets, not with its own.
    pub fn with_usual_assets(self, assets: &[Asset]) -> Self {
        let qualities: Vec<f64> = assets.iter().map(true_quality).collect();
        let usual_quality = if qualities.is_empty() { 0.0 } else { mean(&qualities) };
        Self { usual_quality, ..self }
    }

    /// The response to a post: audience · rate · effects of hour, weekday, campaign and special days
    /// · exp(gain · (quality - the client's usual quality))
    /// · (1 + posts in 24 h)^-loss · (1 + posts in 7 d)^-loss
    /// · share of the audience still there · (posts in 28 d / usual posts, at least 1)^-loss
    /// · exp(account drift + channel drift + noise).
    ///
    /// Every random factor has mean 1. `account_drift` is the sum of the account's drift steps so far, in log. If the
    /// client has estimates of the channel, they replace audience, rate, effects of hour and weekday, both drifts, the
    /// noise, and the losses by posts in 24 hours and 7 days.
    pub fn respond(&self, post: &Published, hours: &WeekHours, account_drift: f64) -> Response {
        let environment = self.environment;
        let Some(channel) = self.channels.iter().find(|truth| truth.channel == post.channel) else {
            return Response { engagement: 0.0, without_noise: 0.0 };
        };
        let asset_factor = libm::exp(environment.asset_log_gain * (post.quality - self.usual_quality));
        let ratio_to_usual = (f64::from(post.within_28_days) / channel.usual_posts).max(1.0);
        let long_term_factor = post.audience_kept * libm::pow(ratio_to_usual, -environment.lasting_loss);
        let hour = post.at.as_second().div_euclid(HOUR_SECONDS);
        let normal = self.rng.normal(Purpose::Noise, Some(post.channel), hour);
        if let (Some(response), Some(wall)) = (&channel.response, hours.hours().get(post.hour)) {
            let expected = response.expected(post.at, *wall, post.content_type, post.load);
            let calendar_factor = self.calendar_factor(post, hours.date(wall.weekday));
            let without_noise = expected * asset_factor * post.campaign * calendar_factor * long_term_factor;
            let noise = response.noise(normal);
            return Response { engagement: without_noise * libm::exp(noise), without_noise };
        }
        let timing_factor = self.timing_factor(post, hours);
        let recent_factor = libm::pow(1.0 + f64::from(post.within_24_hours), -environment.loss_24_hours)
            * libm::pow(1.0 + f64::from(post.within_7_days), -environment.loss_7_days);
        let drift = libm::exp(account_drift + self.channel_drift(post.channel, day_number(post.at)));
        let usual = channel.audience * channel.rate;
        let without_noise = usual * timing_factor * asset_factor * recent_factor * long_term_factor * drift;
        let noise = log_factor(environment.noise_log_sd, normal);
        Response { engagement: without_noise * libm::exp(noise), without_noise }
    }

    /// Share of the audience that leaves because of a post.
    pub fn share_leaving(&self, post: &Published) -> f64 {
        let base_share = match post.channel {
            Channel::Email => self.environment.leave_per_email,
            _ => self.environment.leave_per_post,
        };
        (base_share * (1.0 + f64::from(post.within_7_days) / self.environment.leave_doubling_posts)).min(1.0)
    }

    /// Combined factor for hour, weekday, campaign and special days.
    fn timing_factor(&self, post: &Published, hours: &WeekHours) -> f64 {
        let Some(wall) = hours.hours().get(post.hour) else { return 1.0 };
        let date = hours.date(wall.weekday);
        let effect = |purpose, time: u8, sd: f64| {
            let channel = Some(post.channel);
            log_factor(sd, self.rng.normal(purpose, channel, i64::from(time)))
        };
        let hour = effect(Purpose::HourEffect, wall.hour, self.environment.hour_log_sd);
        let weekday = effect(Purpose::WeekdayEffect, wall.weekday, self.environment.weekday_log_sd);
        libm::exp(hour + weekday) * post.campaign * self.calendar_factor(post, date)
    }

    /// Combined factor of the special days on a date.
    fn calendar_factor(&self, post: &Published, date: NaiveDate) -> f64 {
        let days = self.client.calendar.iter().filter(|entry| entry.covers(post.channel, date));
        days.filter_map(|entry| entry.factor).product()
    }

    /// The response of a channel drawn from the client's own estimates; `None` without estimates.
    pub fn response(&self, channel: Channel) -> Option<&TrueResponse> {
        self.channels.iter().find(|truth| truth.channel == channel)?.response.as_ref()
    }

    /// Weight of the campaign that a post in the hour counts for: the campaign of its asset, if it is running. Without
    /// an asset, or if the asset has no campaign, it is the highest weight among running campaigns that take any asset.
    /// 1 if there is none.
    pub fn campaign_weight(&self, asset: Option<&Asset>, channel: Channel, hour: usize, hours: &WeekHours) -> f64 {
        let Some(wall) = hours.hours().get(hour) else { return 1.0 };
        let date = hours.date(wall.weekday);
        let of_asset = asset.and_then(|asset| asset.campaign_id.as_ref());
        let counts = |campaign: &&Campaign| of_asset.map_or(campaign.any_asset, |id| campaign.id == *id);
        let running = self.client.campaigns.iter().filter(|campaign| campaign.runs_on(channel, date));
        running.filter(counts).map(|campaign| campaign.weight).reduce(f64::max).unwrap_or(1.0)
    }

    /// The step of one week in the account's drift, a random walk in log.
    pub fn drift_step(&self, week_number: i64) -> f64 {
        log_factor(self.environment.account_drift_log_sd, self.rng.normal(Purpose::AccountDrift, None, week_number))
    }

    /// The channel's drift on a day, in log: a stationary AR(1) process over days, computed as a weighted sum of past
    /// shocks, without those whose weight is below a millionth or that are 400 days old or older.
    fn channel_drift(&self, channel: Channel, day: i64) -> f64 {
        let ar1 = self.environment.channel_ar1;
        let shock_sd = self.environment.channel_log_sd * (1.0 - ar1 * ar1).sqrt();
        let mut sum = 0.0;
        let mut weight = 1.0;
        let mut days_ago = 0;
        while weight > 1e-6 && days_ago < 400 {
            sum += weight * shock_sd * self.rng.normal(Purpose::ChannelDrift, Some(channel), day - days_ago);
            weight *= ar1;
            days_ago += 1;
        }
        sum - self.environment.channel_log_sd * self.environment.channel_log_sd / 2.0
    }
}

/// True quality of an asset, `0..=1`: the mean of its quality and brand consistency.
pub(super) fn true_quality(asset: &Asset) -> f64 {
    (asset.quality.get() + asset.brand_consistency.get()) / 2.0
}

fn true_channel(environment: &Environment, state: &ChannelState, rng: &KeyedRng) -> TrueChannel {
    let rate = state.engagement_rate.unwrap_or(environment.unknown_engagement_rate);
    let error = log_factor(environment.rate_log_sd, rng.normal(Purpose::RateEffect, Some(state.channel), 0));
    TrueChannel {
        channel: state.channel,
        audience: state.audience,
        rate: rate * libm::exp(error),
        usual_posts: usual_posts(environment, state),
        response: None,
    }
}

/// Posts of a channel per 28 days before the simulation, while its engagement rate was measured: as the state counts or
/// lists them, whichever is more, but at least `min_usual_posts`.
fn usual_posts(environment: &Environment, state: &ChannelState) -> f64 {
    let from = state.as_of.plus_days(-28);
    let listed = state.recent_posts.iter().filter(|at| (from..state.as_of).contains(*at)).count();
    let counted = f64::from(state.posts_last_30_days) * 28.0 / 30.0;
    counted.max(listed as f64).max(environment.min_usual_posts)
}

/// The log of a lognormal factor with mean 1, at a standard normal number. `sd` is the standard deviation of the log.
fn log_factor(sd: f64, normal: f64) -> f64 {
    sd * normal - sd * sd / 2.0
}
