//! The true response of one channel's audience, drawn once a replication from the estimates in the scenario's `world`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::random::{KeyedRng, Purpose};
use super::true_noise::{Quantile, TrueNoise};
use crate::model::{
    Channel, FAST_DAYS, HOUR_BINS, HOUR_SECONDS, HOURS_PER_BIN, NOISE_PERCENTS, SLOW_DAYS, Timestamp, WallHour,
    WorldEstimate, WorldParameter,
};

/// Half-life of the load if there is no estimate of it, in hours.
const USUAL_HALF_LIFE_HOURS: f64 = 24.0;

/// The true response of one channel in one replication: the parameters that [`WorldParameter`] describes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrueResponse {
    level: f64,
    /// Factor of each group of [`HOURS_PER_BIN`] hours of the local day.
    hours: [f64; HOUR_BINS],
    /// Factor of each weekday, Monday first.
    weekdays: [f64; 7],
    /// Factor by content type.
    content_types: BTreeMap<Arc<str>, f64>,
    response_strength: f64,
    half_life_hours: f64,
    noise: TrueNoise,
    /// Log of the factor by which the level has moved, for each day from the start on.
    drift: Vec<f64>,
    /// The first of these days, counted from 1970.
    first_day: i64,
}

impl TrueResponse {
    /// Draws the true response of a channel for a run of `days` days from `start`; `None` without an estimate of its
    /// level.
    ///
    /// The random number of a parameter depends on the parameter's name only, so that compared packs get the same true
    /// response.
    pub fn draw(
        estimates: &[WorldEstimate],
        channel: Channel,
        rng: &KeyedRng,
        start: Timestamp,
        days: usize,
    ) -> Option<Self> {
        let of_channel = || estimates.iter().filter(|estimate| estimate.channel == channel);
        let drawn = |estimate: &WorldEstimate| {
            let key = name_key(&estimate.parameter.to_string());
            estimate.at(rng.normal(Purpose::TrueParameter, Some(channel), key))
        };
        let value =
            |parameter: WorldParameter| of_channel().find(|estimate| estimate.parameter == parameter).map(drawn);
        let or_zero = |parameter| value(parameter).unwrap_or(0.0);
        let spreads = DriftSpreads {
            per_week: or_zero(WorldParameter::DriftSd),
            slow: or_zero(WorldParameter::SlowSd),
            fast: or_zero(WorldParameter::FastSd),
        };
        let content_types = of_channel().filter_map(|estimate| match &estimate.parameter {
            WorldParameter::ContentType(name) => Some((Arc::clone(name), drawn(estimate))),
            _ => None,
        });
        let first_day = day_number(start);
        Some(Self {
            level: value(WorldParameter::Level)?,
            hours: std::array::from_fn(|bin| value(WorldParameter::Hours(bin)).unwrap_or(1.0)),
            weekdays: std::array::from_fn(|day| value(WorldParameter::Weekday(day)).unwrap_or(1.0)),
            content_types: content_types.collect(),
            response_strength: or_zero(WorldParameter::ResponseStrength),
            half_life_hours: value(WorldParameter::HalfLifeHours).unwrap_or(USUAL_HALF_LIFE_HOURS),
            noise: noise(of_channel(), or_zero(WorldParameter::NoiseSd)),
            drift: spreads.drift(channel, rng, first_day, days),
            first_day,
        })
    }

    /// Expected engagements of a post, given the factor of its content type and the load of earlier posts.
    pub fn expected(&self, at: Timestamp, wall: WallHour, content_type: f64, load: f64) -> f64 {
        let bin = usize::from(wall.hour) / HOURS_PER_BIN as usize;
        let hour = self.hours.get(bin).copied().unwrap_or(1.0);
        let weekday = self.weekdays.get(usize::from(wall.weekday)).copied().unwrap_or(1.0);
        let recent = libm::pow(1.0 + load, -self.response_strength);
        self.level * hour * weekday * content_type * recent * libm::exp(self.drift_at(at))
    }

    /// Factor of a content type; 1 if it is not known.
    pub fn content_type(&self, name: &str) -> f64 {
        self.content_types.get(name).copied().unwrap_or(1.0)
    }

    /// The log of one post's noise factor at a standard normal number.
    pub fn noise(&self, normal: f64) -> f64 {
        self.noise.log_factor(normal)
    }

    /// The load of earlier posts, given their ages in hours: a post counts 1 at first and half as much after each
    /// half-life.
    pub fn load(&self, ages_hours: impl Iterator<Item = f64>) -> f64 {
        ages_hours.map(|age| libm::exp2(-age / self.half_life_hours)).sum()
    }

    /// Log of the factor by which the level has moved.
    fn drift_at(&self, at: Timestamp) -> f64 {
        let day = usize::try_from(day_number(at) - self.first_day).unwrap_or(0);
        self.drift.get(day).or(self.drift.last()).copied().unwrap_or(0.0)
    }
}

/// The noise with the estimated percentiles. Their logs are multiplied by the ratio of the drawn standard deviation
/// `true_sd` to the estimated one.
fn noise<'e>(estimates: impl Iterator<Item = &'e WorldEstimate> + Clone, true_sd: f64) -> TrueNoise {
    let value = |parameter: WorldParameter| {
        estimates.clone().find(|estimate| estimate.parameter == parameter).map(|estimate| estimate.value)
    };
    let quantile = |percent: u8| {
        let factor = value(WorldParameter::NoisePercentile(percent))?;
        Some(Quantile { share: f64::from(percent) / 100.0, log: libm::log(factor) })
    };
    let scale = value(WorldParameter::NoiseSd).filter(|sd| *sd > 0.0).map_or(1.0, |sd| true_sd / sd);
    TrueNoise::new(NOISE_PERCENTS.into_iter().filter_map(quantile).collect(), scale, true_sd)
}

/// Standard deviations of the components of a level's drift, in log.
struct DriftSpreads {
    /// Of the change of the random walk in a week.
    per_week: f64,
    /// Of the slow component, stationary.
    slow: f64,
    /// Of the fast component, stationary.
    fast: f64,
}

impl DriftSpreads {
    /// The log of a level's drift by day: the sum of a random walk, a slow and a fast component. The first two start at
    /// 0 because the level is estimated for the start; the fast component starts from its stationary distribution. Each
    /// day's factor has mean 1.
    fn drift(&self, channel: Channel, rng: &KeyedRng, first_day: i64, days: usize) -> Vec<f64> {
        let [slow_decay, fast_decay] = [SLOW_DAYS, FAST_DAYS].map(|days| libm::exp(-1.0 / days));
        let step = |sd: f64, decay: f64| sd * (1.0 - decay * decay).sqrt();
        let walk_step = self.per_week / 7.0_f64.sqrt();
        let (slow_step, fast_step) = (step(self.slow, slow_decay), step(self.fast, fast_decay));
        let (mut walk, mut slow) = (0.0, 0.0);
        let normal = |purpose, day| rng.normal(purpose, Some(channel), day);
        let mut fast = self.fast * normal(Purpose::FastStep, first_day - 1);
        let mut path = Vec::with_capacity(days);
        for index in 0..days {
            let day = first_day + index as i64;
            walk += walk_step * normal(Purpose::LevelStep, day);
            slow = slow_decay * slow + slow_step * normal(Purpose::SlowStep, day);
            fast = fast_decay * fast + fast_step * normal(Purpose::FastStep, day);
            let elapsed = (index + 1) as f64;
            let slow_variance = self.slow * self.slow * (1.0 - libm::exp(-2.0 * elapsed / SLOW_DAYS));
            let variance = walk_step * walk_step * elapsed + slow_variance + self.fast * self.fast;
            path.push(walk + slow + fast - variance / 2.0);
        }
        path
    }
}

/// Days since 1970.
pub(super) fn day_number(at: Timestamp) -> i64 {
    at.as_second().div_euclid(24 * HOUR_SECONDS)
}

/// A key of random numbers for a parameter's name.
fn name_key(name: &str) -> i64 {
    let mut bytes = [0; 8];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    i64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, EstimateSource};
    use crate::stats::{mean, variance};

    fn estimate(parameter: WorldParameter, value: f64, standard_error: f64) -> WorldEstimate {
        WorldEstimate { channel: Channel::Ig, parameter, value, standard_error, source: EstimateSource::Data }
    }

    fn drawn(estimates: &[WorldEstimate], replication: u32, days: usize) -> TrueResponse {
        let rng = KeyedRng::new(1, replication, &ClientId::new("a"));
        TrueResponse::draw(estimates, Channel::Ig, &rng, Timestamp::from_second(1_700_000_000), days).unwrap()
    }

    #[test]
    fn drawn_parameters_vary_over_replications_by_their_standard_errors() {
        let estimates =
            [estimate(WorldParameter::Level, 200.0, 0.3), estimate(WorldParameter::ResponseStrength, 0.1, 0.02)];
        let truths: Vec<TrueResponse> = (0..4000).map(|replication| drawn(&estimates, replication, 1)).collect();
        let logs: Vec<f64> = truths.iter().map(|truth| libm::log(truth.level / 200.0)).collect();
        let strengths: Vec<f64> = truths.iter().map(|truth| truth.response_strength).collect();
        let factors: Vec<f64> = logs.iter().map(|log| libm::exp(*log)).collect();
        assert!((mean(&factors) - 1.0).abs() < 0.02 && (variance(&logs).unwrap().sqrt() - 0.3).abs() < 0.01);
        assert!((mean(&strengths) - 0.1).abs() < 0.002 && (variance(&strengths).unwrap().sqrt() - 0.02).abs() < 0.002);
    }

    #[test]
    fn a_level_moves_with_its_spreads_and_keeps_its_mean() {
        let estimates = [
            estimate(WorldParameter::Level, 1.0, 0.0),
            estimate(WorldParameter::DriftSd, 0.05, 0.0),
            estimate(WorldParameter::SlowSd, 0.3, 0.0),
            estimate(WorldParameter::FastSd, 0.2, 0.0),
        ];
        let last_drift = |replication| drawn(&estimates, replication, 84).drift.last().copied();
        let drifts: Vec<f64> = (0..4000).filter_map(last_drift).collect();
        let factors: Vec<f64> = drifts.iter().map(|log| libm::exp(*log)).collect();
        let slow_variance = 0.09 * (1.0 - libm::exp(-2.0 * 84.0 / SLOW_DAYS));
        let expected = 0.0025 * 12.0 + slow_variance + 0.04;
        assert!((variance(&drifts).unwrap() / expected - 1.0).abs() < 0.06);
        assert!((mean(&factors) - 1.0).abs() < 0.02, "{}", mean(&factors));
    }

    #[test]
    fn the_load_of_a_post_halves_every_half_life() {
        let estimates = [estimate(WorldParameter::Level, 1.0, 0.0), estimate(WorldParameter::HalfLifeHours, 12.0, 0.0)];
        assert!((drawn(&estimates, 0, 1).load([0.0, 12.0, 24.0].into_iter()) - 1.75).abs() < 1e-12);
        assert!(
            TrueResponse::draw(
                &[],
                Channel::Ig,
                &KeyedRng::new(1, 0, &ClientId::new("a")),
                Timestamp::from_second(0),
                7
            )
            .is_none()
        );
    }
}
