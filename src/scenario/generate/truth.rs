//! The true response of generated clients' audiences, from which the engagements of their past posts are drawn.
//!
//! As in a simulation with estimates (`WorldParameter`), the engagements of a post are
//!
//! ```text
//! level · hour effect · weekday effect · content type effect · (1 + load)^(-response strength) · exp(drift + noise)
//! ```
//!
//! Effects are drawn from the priors of the calibration: the effects of a channel around the means of the priors, and
//! the effects of a client around those of its channel. The drift ends at 0, so that the level is that at the
//! scenario's start.

use chrono::{Datelike as _, Timelike as _};

use super::content::{KIND_COUNT, kind_index, kind_names};
use super::draw::Draw;
use super::{DAY_SECONDS, GeneratedClient};
use crate::calibration::{Effect, EffectPrior, Variances};
use crate::model::digits::rounded;
use crate::model::{
    Channel, ClientId, EstimateSource, FAST_DAYS, HOUR_BINS, HOURS_PER_BIN, NOISE_PERCENTS, SLOW_DAYS, Timestamp,
    WorldParameter, WorldRow, Zone,
};
use crate::stats::normal_quantile;

/// Range of the half-lives of channels, in hours; evenly distributed on a log scale.
const HALF_LIFE_HOURS: [f64; 2] = [6.0, 96.0];

/// Standard deviation over clients of the logarithm of a variance.
const VARIANCE_LOG_SD: f64 = 0.5;

/// Probabilities that stand for the percentiles 0 and 100 of the noise, whose factor has no minimum and no maximum.
const NOISE_EXTREMES: [f64; 2] = [0.001, 0.999];

/// Number of decimals of a parameter in the table.
const DECIMALS: u32 = 6;

/// The client number of draws that all clients of a channel share. Clients are numbered from 1.
const SHARED_CLIENT: u32 = 0;

/// What the response to a past post depends on, apart from earlier posts.
pub(super) struct PastPost {
    at: Timestamp,
    /// Index of its group of hours in the client's time zone.
    hour_bin: usize,
    /// Days since Monday in the client's time zone.
    weekday: usize,
    /// Index of its content type; `None` if unknown.
    kind: Option<usize>,
    /// Its noise as a standard normal number.
    noise: f64,
}

impl PastPost {
    /// A post of the given kind, `None` if unknown, with its noise as a standard normal number.
    pub fn new(at: Timestamp, zone: Zone, kind: Option<&str>, noise: f64) -> Self {
        let local = zone.wall_time(at);
        Self {
            at,
            hour_bin: (local.hour() / HOURS_PER_BIN) as usize,
            weekday: local.weekday().num_days_from_monday() as usize,
            kind: kind.and_then(kind_index),
            noise,
        }
    }
}

/// The true response of one client's audience on a channel. Effects are logarithms of factors, relative to the
/// client's usual mix of posts.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueResponse {
    client_id: ClientId,
    channel: Channel,
    /// Mean engagements of a post of the usual mix, at the scenario's start and with a rested audience.
    level: f64,
    hours: [f64; HOUR_BINS],
    weekdays: [f64; 7],
    content_types: [f64; KIND_COUNT],
    /// Effect of an unknown content type.
    unknown_type: f64,
    response_strength: f64,
    half_life_hours: f64,
    variances: Variances,
}

impl TrueResponse {
    /// Draws the response of a client on a channel, with the given level.
    pub(super) fn draw(client: &GeneratedClient, channel: Channel, level: f64) -> Self {
        let purpose = format!("response {channel}");
        let mut channel_draw = Draw::new(client.seed, SHARED_CLIENT, &purpose);
        let mut client_draw = client.draw(&purpose);
        let mut draw_effect = |effect: Effect| {
            let EffectPrior { mean, channel_sd, account_sd } = effect.prior();
            mean + channel_sd * channel_draw.normal() + account_sd * client_draw.normal()
        };
        let hours = std::array::from_fn(|bin| draw_effect(Effect::Hours(bin)));
        let weekdays = std::array::from_fn(|day| draw_effect(Effect::Weekday(day)));
        let content_types = std::array::from_fn(|kind| draw_effect(Effect::ContentType(kind)));
        let response_strength = (-draw_effect(Effect::Load)).max(0.0);
        let [shortest, longest] = HALF_LIFE_HOURS.map(libm::log);
        let variances = Variances::TYPICAL.logs().map(|log| log + VARIANCE_LOG_SD * client_draw.normal());
        Self {
            client_id: client.client_id(),
            channel,
            level,
            hours,
            weekdays,
            content_types,
            unknown_type: 0.0,
            response_strength,
            half_life_hours: libm::exp(channel_draw.between(shortest, longest)),
            variances: Variances::from_logs(variances),
        }
    }

    /// Makes the effects relative to the mix of the given posts, as the calibration does: the effects of hours, of
    /// weekdays and of content types each have a mean of 0 over the posts and one more post that is spread evenly.
    pub(super) fn relative_to(mut self, posts: &[PastPost]) -> Self {
        let (mut bins, mut weekdays, mut kinds) = ([0.0; HOUR_BINS], [0.0; 7], [0.0; KIND_COUNT]);
        for post in posts {
            increment(&mut bins, Some(post.hour_bin));
            increment(&mut weekdays, Some(post.weekday));
            increment(&mut kinds, post.kind);
        }
        let post_count = posts.len() as f64;
        centre(&mut self.hours, &bins, post_count);
        centre(&mut self.weekdays, &weekdays, post_count);
        self.unknown_type -= centre(&mut self.content_types, &kinds, post_count);
        self
    }

    /// Draws the engagements of each post, not rounded. Posts are in order of time; the level is that at `start`.
    pub(super) fn engagements(&self, posts: &[PastPost], start: Timestamp, draw: &mut Draw) -> Vec<f64> {
        let Variances { fast, noise, .. } = self.variances;
        let mut drift = Drift::new(&self.variances, draw);
        let mut load = 0.0;
        let mut previous: Option<Timestamp> = None;
        let mut logs = Vec::with_capacity(posts.len());
        for post in posts {
            let days = previous.map_or(0.0, |previous| days_between(previous, post.at));
            drift.advance(days, &self.variances, draw);
            load *= libm::exp2(-24.0 * days / self.half_life_hours);
            let effects = self.effects(post) - self.response_strength * libm::log1p(load);
            // Half the variance is subtracted from each log-normal part, so that the mean of its factor is 1.
            let log_noise = noise.sqrt() * post.noise - noise / 2.0;
            logs.push(effects + drift.lasting() + drift.fast - fast / 2.0 + log_noise);
            load += 1.0;
            previous = Some(post.at);
        }
        drift.advance(previous.map_or(0.0, |previous| days_between(previous, start)), &self.variances, draw);
        logs.into_iter().map(|log| self.level * libm::exp(log - drift.lasting())).collect()
    }

    /// The sum of the effects of hour, weekday and content type on a post.
    fn effects(&self, post: &PastPost) -> f64 {
        let hour = self.hours.get(post.hour_bin).copied().unwrap_or(0.0);
        let weekday = self.weekdays.get(post.weekday).copied().unwrap_or(0.0);
        let content_type = post.kind.and_then(|kind| self.content_types.get(kind).copied());
        hour + weekday + content_type.unwrap_or(self.unknown_type)
    }

    /// Its parameters as rows of the table `world`, rounded to six decimals, with a standard error of 0.
    ///
    /// Their source is `data`, since the table has none for a known truth.
    pub fn rows(&self) -> impl Iterator<Item = WorldRow> {
        let factors = |effects: &[f64]| effects.iter().map(|effect| libm::exp(*effect)).collect::<Vec<_>>();
        let hours = factors(&self.hours).into_iter().zip(0..).map(|(factor, bin)| (WorldParameter::Hours(bin), factor));
        let weekdays =
            factors(&self.weekdays).into_iter().zip(0..).map(|(factor, day)| (WorldParameter::Weekday(day), factor));
        let types = factors(&self.content_types).into_iter().zip(kind_names());
        let types = types.map(|(factor, name)| (WorldParameter::ContentType(name.into()), factor));
        let Variances { level_per_day, slow, fast, noise } = self.variances;
        let single = [
            (WorldParameter::ResponseStrength, self.response_strength),
            (WorldParameter::HalfLifeHours, self.half_life_hours),
            (WorldParameter::DriftSd, (7.0 * level_per_day).sqrt()),
            (WorldParameter::SlowSd, slow.sqrt()),
            (WorldParameter::FastSd, fast.sqrt()),
            (WorldParameter::NoiseSd, noise.sqrt()),
        ];
        let level = std::iter::once((WorldParameter::Level, self.level));
        let percentiles = NOISE_PERCENTS.map(|percent| {
            let [min, max] = NOISE_EXTREMES;
            let probability = (f64::from(percent) / 100.0).clamp(min, max);
            let factor = libm::exp(noise.sqrt() * normal_quantile(probability) - noise / 2.0);
            (WorldParameter::NoisePercentile(percent), factor)
        });
        let row = |(parameter, value)| WorldRow {
            client_id: self.client_id.clone(),
            channel: self.channel,
            parameter,
            value: rounded(value, DECIMALS),
            standard_error: 0.0,
            source: EstimateSource::Data,
        };
        level.chain(hours).chain(weekdays).chain(types).chain(single).chain(percentiles).map(row)
    }
}

fn increment(counts: &mut [f64], index: Option<usize>) {
    if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
        *count += 1.0;
    }
}

/// Subtracts from effects their mean over `post_count` posts, of which `counts` have each effect and the rest none, and
/// over one more post that is spread evenly. Returns that mean.
fn centre(effects: &mut [f64], counts: &[f64], post_count: f64) -> f64 {
    let even = 1.0 / effects.len() as f64;
    let sum: f64 = effects.iter().zip(counts).map(|(effect, count)| effect * (count + even)).sum();
    let mean = sum / (post_count + 1.0);
    effects.iter_mut().for_each(|effect| *effect -= mean);
    mean
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_second() - from.as_second()) as f64 / DAY_SECONDS as f64
}

/// The components of the logarithm of a level: a random walk, and a slow and a fast component that return to 0.
struct Drift {
    walk: f64,
    slow: f64,
    fast: f64,
}

impl Drift {
    fn new(variances: &Variances, draw: &mut Draw) -> Self {
        let [slow, fast] = [variances.slow, variances.fast].map(|variance| variance.sqrt() * draw.normal());
        Self { walk: 0.0, slow, fast }
    }

    fn advance(&mut self, days: f64, variances: &Variances, draw: &mut Draw) {
        let mut next = |component: f64, variance: f64, time_constant: f64| {
            let decay = libm::exp(-days / time_constant);
            decay * component + (variance * (1.0 - decay * decay)).max(0.0).sqrt() * draw.normal()
        };
        self.slow = next(self.slow, variances.slow, SLOW_DAYS);
        self.fast = next(self.fast, variances.fast, FAST_DAYS);
        self.walk += (variances.level_per_day * days.max(0.0)).sqrt() * draw.normal();
    }

    /// The sum of the components that last longer than a few days.
    fn lasting(&self) -> f64 {
        self.walk + self.slow
    }
}
