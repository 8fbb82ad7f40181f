//! The true response of generated clients' audiences, from which the engagements of their past posts are drawn.
//!
//! It is the response of a simulation with estimates (`WorldParameter`): level x effects of hour, weekday and content
//! type x (1 + load)^-response strength x exp(drift + noise). Effects are drawn from the priors of the calibration: a
//! channel's around the prior's mean, and a client's around its channel's. The drift ends at 0, so that the level is
//! that of the scenario's start.

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

/// Shares of posts between which the table gives percentiles of their noise, which has no lowest and no highest factor.
const NOISE_SHARES: [f64; 2] = [0.001, 0.999];

/// Number of decimals of a parameter in the table.
const DECIMALS: u32 = 6;

/// The client number of draws that all clients of a channel share. Clients are numbered from 1.
const SHARED: u32 = 0;

/// A past post as its audience meets it.
pub(super) struct PastPost {
    at: Timestamp,
    /// Group of hours of the client's local day.
    bin: usize,
    /// Days since Monday in the client's time zone.
    weekday: usize,
    /// Index of its content type, if that is known.
    kind: Option<usize>,
    /// Standard normal number of its noise.
    noise: f64,
}

impl PastPost {
    /// A post of a kind, if that is known, with the standard normal number of its noise.
    pub fn new(at: Timestamp, zone: Zone, kind: Option<&str>, noise: f64) -> Self {
        let local = zone.wall_time(at);
        Self {
            at,
            bin: (local.hour() / HOURS_PER_BIN) as usize,
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
    /// Mean engagements of a post of the usual mix to a rested audience at the start.
    level: f64,
    hours: [f64; HOUR_BINS],
    weekdays: [f64; 7],
    content_types: [f64; KIND_COUNT],
    /// Effect of a post whose type is not known.
    unknown_type: f64,
    response_strength: f64,
    half_life_hours: f64,
    variances: Variances,
}

impl TrueResponse {
    /// Draws the response of a client on a channel, with the given level.
    pub(super) fn draw(client: &GeneratedClient, channel: Channel, level: f64) -> Self {
        let purpose = format!("response {channel}");
        let mut shared = Draw::of(client.seed, SHARED, &purpose);
        let mut own = client.draw(&purpose);
        let mut effect = |effect: Effect| {
            let EffectPrior { mean, channel_sd, account_sd } = effect.prior();
            mean + channel_sd * shared.normal() + account_sd * own.normal()
        };
        let hours = std::array::from_fn(|bin| effect(Effect::Hours(bin)));
        let weekdays = std::array::from_fn(|day| effect(Effect::Weekday(day)));
        let content_types = std::array::from_fn(|kind| effect(Effect::ContentType(kind)));
        let response_strength = (-effect(Effect::Load)).max(0.0);
        let [shortest, longest] = HALF_LIFE_HOURS.map(libm::log);
        let variances = Variances::TYPICAL.logs().map(|log| log + VARIANCE_LOG_SD * own.normal());
        Self {
            client_id: client.client_id(),
            channel,
            level,
            hours,
            weekdays,
            content_types,
            unknown_type: 0.0,
            response_strength,
            half_life_hours: libm::exp(shared.between(shortest, longest)),
            variances: Variances::from_logs(variances),
        }
    }

    /// Makes the effects relative to the usual mix of the given posts, as the calibration does: hours, weekdays and
    /// content types each have a mean of 0 over the posts, and over one more post that is spread evenly.
    pub(super) fn relative_to(mut self, posts: &[PastPost]) -> Self {
        let (mut bins, mut weekdays, mut kinds) = ([0.0; HOUR_BINS], [0.0; 7], [0.0; KIND_COUNT]);
        for post in posts {
            count(&mut bins, Some(post.bin));
            count(&mut weekdays, Some(post.weekday));
            count(&mut kinds, post.kind);
        }
        let all = posts.len() as f64;
        centre(&mut self.hours, &bins, all);
        centre(&mut self.weekdays, &weekdays, all);
        self.unknown_type -= centre(&mut self.content_types, &kinds, all);
        self
    }

    /// Draws what each post earned, the oldest first; not rounded. `start` is the instant that the level is of.
    pub(super) fn engagements(&self, posts: &[PastPost], start: Timestamp, draw: &mut Draw) -> Vec<f64> {
        let Variances { fast, noise, .. } = self.variances;
        let mut drift = Drift::new(&self.variances, draw);
        let mut load = 0.0;
        let mut before: Option<Timestamp> = None;
        let mut logs = Vec::with_capacity(posts.len());
        for post in posts {
            let days = before.map_or(0.0, |before| days_between(before, post.at));
            drift.advance(days, &self.variances, draw);
            load *= libm::exp2(-24.0 * days / self.half_life_hours);
            let effects = self.effects(post) - self.response_strength * libm::log1p(load);
            let noise = noise.sqrt() * post.noise - noise / 2.0;
            logs.push(effects + drift.lasting() + drift.fast - fast / 2.0 + noise);
            load += 1.0;
            before = Some(post.at);
        }
        drift.advance(before.map_or(0.0, |before| days_between(before, start)), &self.variances, draw);
        logs.into_iter().map(|log| self.level * libm::exp(log - drift.lasting())).collect()
    }

    /// The sum of the effects of hour, weekday and content type on a post.
    fn effects(&self, post: &PastPost) -> f64 {
        let of = |effects: &[f64], place: usize| effects.get(place).copied();
        let of_type = post.kind.and_then(|kind| of(&self.content_types, kind)).unwrap_or(self.unknown_type);
        of(&self.hours, post.bin).unwrap_or(0.0) + of(&self.weekdays, post.weekday).unwrap_or(0.0) + of_type
    }

    /// Its parameters as rows of the table `world`, rounded to six decimals, with a standard error of 0.
    ///
    /// The source is that of any estimate from data: the table has no other word for a truth.
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
            let [min, max] = NOISE_SHARES;
            let share = (f64::from(percent) / 100.0).clamp(min, max);
            let factor = libm::exp(noise.sqrt() * normal_quantile(share) - noise / 2.0);
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

fn count(counts: &mut [f64], place: Option<usize>) {
    if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
        *count += 1.0;
    }
}

/// Subtracts the mean of effects over `all` posts, of which `counts` have each and the others none, and one post that is
/// spread evenly. Returns that mean.
fn centre(effects: &mut [f64], counts: &[f64], all: f64) -> f64 {
    let even = 1.0 / effects.len() as f64;
    let sum: f64 = effects.iter().zip(counts).map(|(effect, count)| effect * (count + even)).sum();
    let mean = sum / (all + 1.0);
    effects.iter_mut().for_each(|effect| *effect -= mean);
    mean
}

fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_second() - from.as_second()) as f64 / DAY_SECONDS as f64
}

/// The components of a level, in log: a random walk, and a slow and a fast component that return to 0.
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
