//! The simulated environment that responds to posts, independent of the planner's beliefs.

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
    /// Mean quality of the assets with which its engagement rates were measured.
    usual_quality: f64,
}

/// The true parameters of one channel in one replication.
struct TrueChannel {
    channel: Channel,
    audience: f64,
    rate: f64,
    /// Posts in 28 days at which the rate was measured.
    usual_posts: f64,
    /// The response by the client's own estimates; `None` if the scenario's environment holds.
    response: Option<TrueResponse>,
}

/// A published post.
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
    /// Load of earlier posts by the channel's own estimates; 0 without estimates.
    pub load: f64,
    /// Posts of the channel in the preceding 24 hours.
    pub within_24_hours: u32,
    /// Posts of the channel in the preceding 7 days.
    pub within_7_days: u32,
    /// Posts of the channel in the preceding 28 days.
    pub within_28_days: u32,
    /// Share of the channel's first audience that is still there.
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
    /// The environment of a client. Its true parameters are drawn with the spreads that the scenario gives, so that
    /// replications have only the scenario in common.
    pub fn new(
        environment: &'a Environment,
        client: &'a Client,
        state: &ClientState,
        rng: KeyedRng,
        (start, days): (Timestamp, usize),
    ) -> Self {
        let channels = state.channels.iter().map(|state| TrueChannel {
            response: TrueResponse::draw(&client.world, state.channel, &rng, start, days),
            ..true_channel(environment, state, &rng)
        });
        let channels = channels.collect();
        Self { environment, client, rng, channels, usual_quality: 0.0 }.with_usual_assets(&client.assets)
    }

    /// Takes the client's engagement rates as measured with the given assets, not with its own.
    pub fn with_usual_assets(self, assets: &[Asset]) -> Self {
        let qualities: Vec<f64> = assets.iter().map(true_quality).collect();
        let usual_quality = if qualities.is_empty() { 0.0 } else { mean(&qualities) };
        Self { usual_quality, ..self }
    }

    /// The response to a post: audience x rate x effects of hour, weekday, campaign and day
    /// x exp(gain x (quality - the client's usual quality))
    /// x (1 + posts in 24 h)^-loss x (1 + posts in 7 d)^-loss x loss by lasting load x exp(drift + AR(1) + noise). Each
    /// random factor is corrected to have mean 1. `account_drift` is the sum of the drift's steps so far, in log. Where
    /// the client has estimates of the channel, they stand in place of audience, rate, effects, drift, noise and the
    /// losses of 24 hours and 7 days.
    pub fn respond(&self, post: &Published, hours: &WeekHours, account_drift: f64) -> Response {
        let environment = self.environment;
        let Some(channel) = self.channels.iter().find(|known| known.channel == post.channel) else {
            return Response { engagement: 0.0, without_noise: 0.0 };
        };
        let asset = libm::exp(environment.asset_log_gain * (post.quality - self.usual_quality));
        let over_usual = (f64::from(post.within_28_days) / channel.usual_posts).max(1.0);
        let lasting = post.audience_kept * libm::pow(over_usual, -environment.lasting_loss);
        let hour = post.at.as_second().div_euclid(HOUR_SECONDS);
        let normal = self.rng.normal(Purpose::Noise, Some(post.channel), hour);
        if let (Some(response), Some(wall)) = (&channel.response, hours.hours().get(post.hour)) {
            let expected = response.expected(post.at, *wall, post.content_type, post.load);
            let calendar = self.calendar(post, hours.date(wall.weekday));
            let without_noise = expected * asset * post.campaign * calendar * lasting;
            let noise = response.noise(normal);
            return Response { engagement: without_noise * libm::exp(noise), without_noise };
        }
        let timing = self.timing(post, hours);
        let tired = libm::pow(1.0 + f64::from(post.within_24_hours), -environment.loss_24_hours)
            * libm::pow(1.0 + f64::from(post.within_7_days), -environment.loss_7_days);
        let drift = account_drift + self.channel_drift(post.channel, day_number(post.at));
        let without_noise = channel.audience * channel.rate * timing * asset * tired * lasting * libm::exp(drift);
        let noise = corrected(environment.noise_log_sd, normal);
        Response { engagement: without_noise * libm::exp(noise), without_noise }
    }

    /// Share of the audience that leaves at a post.
    pub fn leaving(&self, post: &Published) -> f64 {
        let rested = match post.channel {
            Channel::Email => self.environment.leave_per_email,
            _ => self.environment.leave_per_post,
        };
        (rested * (1.0 + f64::from(post.within_7_days) / self.environment.leave_doubling_posts)).min(1.0)
    }

    /// Combined factor for hour, weekday, campaign and special days.
    fn timing(&self, post: &Published, hours: &WeekHours) -> f64 {
        let Some(wall) = hours.hours().get(post.hour) else { return 1.0 };
        let date = hours.date(wall.weekday);
        let effect = |purpose, time: u8, sd: f64| {
            let channel = Some(post.channel);
            corrected(sd, self.rng.normal(purpose, channel, i64::from(time)))
        };
        let hour = effect(Purpose::HourEffect, wall.hour, self.environment.hour_log_sd);
        let weekday = effect(Purpose::WeekdayEffect, wall.weekday, self.environment.weekday_log_sd);
        libm::exp(hour + weekday) * post.campaign * self.calendar(post, date)
    }

    /// Combined factor of the special days on a date.
    fn calendar(&self, post: &Published, date: NaiveDate) -> f64 {
        let days = self.client.calendar.iter().filter(|entry| entry.covers(post.channel, date));
        days.filter_map(|entry| entry.factor).product()
    }

    /// The response of a channel by the client's own estimates; `None` without estimates.
    pub fn response(&self, channel: Channel) -> Option<&TrueResponse> {
        self.channels.iter().find(|known| known.channel == channel)?.response.as_ref()
    }

    /// Weight of the campaign that a post in the hour counts for: its asset's campaign if that runs; without an asset
    /// or with one that has no campaign, the heaviest running campaign that takes any asset. 1 if there is none.
    pub fn campaign_weight(&self, asset: Option<&Asset>, channel: Channel, hour: usize, hours: &WeekHours) -> f64 {
        let Some(wall) = hours.hours().get(hour) else { return 1.0 };
        let date = hours.date(wall.weekday);
        let own = asset.and_then(|asset| asset.campaign_id.as_ref());
        let counts = |campaign: &&Campaign| own.map_or(campaign.any_asset, |id| campaign.id == *id);
        let running = self.client.campaigns.iter().filter(|campaign| campaign.runs_on(channel, date));
        running.filter(counts).map(|campaign| campaign.weight).reduce(f64::max).unwrap_or(1.0)
    }

    /// One weekly step of the account's drift, a random walk in log.
    pub fn drift_step(&self, week_number: i64) -> f64 {
        corrected(self.environment.account_drift_log_sd, self.rng.normal(Purpose::AccountDrift, None, week_number))
    }

    /// A stationary AR(1) process over days, as a weighted sum of past shocks cut off below a weight of a millionth.
    fn channel_drift(&self, channel: Channel, day: i64) -> f64 {
        let ar1 = self.environment.channel_ar1;
        let shock = self.environment.channel_log_sd * (1.0 - ar1 * ar1).sqrt();
        let mut sum = 0.0;
        let mut weight = 1.0;
        let mut back = 0;
        while weight > 1e-6 && back < 400 {
            sum += weight * shock * self.rng.normal(Purpose::ChannelDrift, Some(channel), day - back);
            weight *= ar1;
            back += 1;
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
    let error = corrected(environment.rate_log_sd, rng.normal(Purpose::RateEffect, Some(state.channel), 0));
    TrueChannel {
        channel: state.channel,
        audience: state.audience,
        rate: rate * libm::exp(error),
        usual_posts: usual_posts(environment, state),
        response: None,
    }
}

/// Posts of a channel in 28 days before the simulation, at which its engagement was measured.
fn usual_posts(environment: &Environment, state: &ChannelState) -> f64 {
    let since = state.as_of.plus_days(-28);
    let recent = state.recent_posts.iter().filter(|at| (since..state.as_of).contains(*at)).count();
    let stated = f64::from(state.posts_last_30_days) * 28.0 / 30.0;
    stated.max(recent as f64).max(environment.min_usual_posts)
}

/// A normal number in log, shifted so that its exponential has mean 1.
fn corrected(sd: f64, normal: f64) -> f64 {
    sd * normal - sd * sd / 2.0
}
