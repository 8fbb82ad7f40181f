//! The estimated response of a client's audience: a calibration estimates it, and a simulation draws its truth from it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;

use super::named::named;
use super::record::{Cell, CellError, Kind, Value, record};
use super::{Channel, ClientId, UnknownName};

named!(
    /// The main source of an estimate.
    EstimateSource {
        /// The account's own posts.
        Data = "data",
        /// The other accounts on its channel.
        Channel = "channel",
        /// The prior: what is assumed before any data.
        Prior = "prior",
        /// The rules pack.
        Pack = "pack",
    }
);

/// Number of hours of the day in a group, which share one effect.
pub const HOURS_PER_BIN: u32 = 3;

/// Time constant of the slow component of a level: days in which a deviation decays to 1 / e.
pub const SLOW_DAYS: f64 = 45.0;

/// Time constant of the fast component of a level: days in which a deviation decays to 1 / e.
pub const FAST_DAYS: f64 = 2.0;

/// Number of groups of hours in a day.
pub const HOUR_BINS: usize = 8;

/// The percentiles by which the noise of a post is described: the ends, the middle, and more of them towards the ends.
pub const NOISE_PERCENTS: [u8; 11] = [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100];

/// Names of the weekdays, Monday first.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A parameter of the response of one account on one channel.
///
/// Engagements of a post = level x effects of hour, weekday and content type x (1 + load)^-response strength
/// x exp(drift + noise). The load is the sum of the weights of earlier posts, each 1 at its time and halved every
/// half-life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorldParameter {
    /// Mean engagements of a post to a rested audience, at the account's usual mix of hours, weekdays and types.
    Level,
    /// Factor of a group of [`HOURS_PER_BIN`] hours of the local day, `0..HOUR_BINS`.
    Hours(usize),
    /// Factor of a weekday; days since Monday, `0..7`.
    Weekday(usize),
    /// Factor of a content type.
    ContentType(Arc<str>),
    /// Exponent of the loss by load.
    ResponseStrength,
    /// Number of hours in which the load of a post halves.
    HalfLifeHours,
    /// Standard deviation of the level's change in a week, in log.
    DriftSd,
    /// Stationary standard deviation of the component that changes over weeks, in log.
    SlowSd,
    /// Stationary standard deviation of the component that changes over days, in log.
    FastSd,
    /// Standard deviation of one post around its expectation, in log.
    NoiseSd,
    /// A percentile, one of [`NOISE_PERCENTS`], of a post's engagements around their expectation, as a factor. All of
    /// them together say how far single posts rise above what is expected, and how far they fall below it. The ends are
    /// not the most extreme posts: between an end and the percentile next to it, posts are evenly distributed in log.
    NoisePercentile(u8),
}

impl WorldParameter {
    /// Whether the value is above 0 and the standard error is that of its logarithm: true of all but the response
    /// strength.
    #[must_use]
    pub fn is_logarithmic(&self) -> bool {
        *self != WorldParameter::ResponseStrength
    }

    /// The parameter's value at a z-score; at a random standard normal number, a draw. The mean of draws is `value` for
    /// a level, so that simulations have the estimated level on average; for other logarithmic parameters `value` is
    /// their median.
    #[must_use]
    pub fn at(&self, value: f64, standard_error: f64, z: f64) -> f64 {
        match self {
            WorldParameter::ResponseStrength => (value + standard_error * z).max(0.0),
            WorldParameter::Level => value * libm::exp(standard_error * (z - standard_error / 2.0)),
            _ => value * libm::exp(standard_error * z),
        }
    }
}

/// Prefix of the names of content types.
const CONTENT_TYPE: &str = "content_type:";

impl fmt::Display for WorldParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldParameter::Level => f.write_str("level"),
            WorldParameter::Hours(bin) => write!(f, "hours_{:02}", bin * HOURS_PER_BIN as usize),
            WorldParameter::Weekday(day) => f.write_str(WEEKDAYS.get(*day).copied().unwrap_or("sunday")),
            WorldParameter::ContentType(name) => write!(f, "{CONTENT_TYPE}{name}"),
            WorldParameter::ResponseStrength => f.write_str("response_strength"),
            WorldParameter::HalfLifeHours => f.write_str("half_life_hours"),
            WorldParameter::DriftSd => f.write_str("drift_sd_per_week"),
            WorldParameter::SlowSd => f.write_str("slow_sd"),
            WorldParameter::FastSd => f.write_str("fast_sd"),
            WorldParameter::NoiseSd => f.write_str("noise_sd"),
            WorldParameter::NoisePercentile(percent) => write!(f, "noise_p{percent:02}"),
        }
    }
}

/// Every parameter but those of content types.
fn named_parameters() -> impl Iterator<Item = WorldParameter> {
    let single = [
        WorldParameter::Level,
        WorldParameter::ResponseStrength,
        WorldParameter::HalfLifeHours,
        WorldParameter::DriftSd,
        WorldParameter::SlowSd,
        WorldParameter::FastSd,
        WorldParameter::NoiseSd,
    ];
    let hours = (0..HOUR_BINS).map(WorldParameter::Hours);
    let noise = NOISE_PERCENTS.map(WorldParameter::NoisePercentile);
    single.into_iter().chain(hours).chain((0..WEEKDAYS.len()).map(WorldParameter::Weekday)).chain(noise)
}

impl FromStr for WorldParameter {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if let Some(name) = text.strip_prefix(CONTENT_TYPE).filter(|name| !name.is_empty()) {
            return Ok(WorldParameter::ContentType(name.into()));
        }
        named_parameters().find(|known| known.to_string() == text).ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl Serialize for WorldParameter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Cell for WorldParameter {
    const KIND: Kind = Kind::Text;

    fn from_value(value: Value<'_>) -> Result<Self, Vec<CellError>> {
        let name = String::from_value(value)?;
        name.parse().map_err(|_| {
            let remedy = "use a parameter that `mcoe calibrate` writes, such as `level`, `hours_09`, `monday`, \
                          `content_type:photo` or `response_strength`";
            vec![CellError::expected("unknown_name", &name, "a parameter of the response", remedy)]
        })
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Text(self.to_string().into()))
    }
}

/// An estimated parameter of one account on one channel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorldEstimate {
    /// The channel.
    pub channel: Channel,
    /// The parameter.
    pub parameter: WorldParameter,
    /// The estimate.
    pub value: f64,
    /// Its standard error; of the logarithm, except for the response strength.
    pub standard_error: f64,
    /// What the estimate is mainly based on.
    pub source: EstimateSource,
}

/// z of the 95 % quantile of the normal distribution.
const Z_95: f64 = 1.644_853_626_951_472_7;

impl WorldEstimate {
    /// The 90 % interval.
    #[must_use]
    pub fn interval(&self) -> [f64; 2] {
        [-Z_95, Z_95].map(|z| self.at(z))
    }

    /// The parameter's value at a z-score; at a random standard normal number, a draw.
    #[must_use]
    pub fn at(&self, z: f64) -> f64 {
        self.parameter.at(self.value, self.standard_error, z)
    }
}

record! {
    /// A row of `world`: an estimated parameter of the response, from which a simulation draws the truth once a
    /// replication. Channels without rows respond as the manifest's `[environment]` says.
    pub struct WorldRow {
        /// The client.
        pub client_id: ClientId,
        /// The channel.
        pub channel: Channel,
        /// `level`, `hours_00` to `hours_21`, `monday` to `sunday`, `content_type:NAME`, `response_strength`, `half_life_hours`, `drift_sd_per_week`, `slow_sd`, `fast_sd`, `noise_sd`, or `noise_p00` to `noise_p100`: a percentile of a post around its expectation.
        pub parameter: WorldParameter,
        /// The estimate: engagements for `level`, factors for hours, weekdays, content types and percentiles.
        #[column(range = 0.0..=1e11)]
        pub value: f64,
        /// Its standard error; of the natural logarithm, except for `response_strength`.
        #[column(range = 0.0..=10.0)]
        pub standard_error: f64,
        /// What the estimate is mainly based on: data, channel, prior or pack; data if blank.
        #[column(default = EstimateSource::Data)]
        pub source: EstimateSource,
    }
}

impl WorldRow {
    /// The row of a client's estimate.
    #[must_use]
    pub fn of(client_id: &ClientId, estimate: &WorldEstimate) -> Self {
        let WorldEstimate { channel, parameter, value, standard_error, source } = estimate.clone();
        Self { client_id: client_id.clone(), channel, parameter, value, standard_error, source }
    }
}

impl From<WorldRow> for WorldEstimate {
    fn from(row: WorldRow) -> Self {
        let WorldRow { channel, parameter, value, standard_error, source, .. } = row;
        Self { channel, parameter, value, standard_error, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_read_back_from_its_name() {
        let photo = WorldParameter::ContentType("photo".into());
        for parameter in named_parameters().chain([photo]) {
            assert_eq!(parameter.to_string().parse(), Ok(parameter));
        }
        assert!("hours_01".parse::<WorldParameter>().is_err());
        assert!("noise_p02".parse::<WorldParameter>().is_err());
        assert!("content_type:".parse::<WorldParameter>().is_err());
    }

    #[test]
    fn an_interval_is_symmetric_on_the_parameters_own_scale_and_never_below_zero() {
        let interval = |parameter, value, standard_error| {
            WorldEstimate { channel: Channel::Fb, parameter, value, standard_error, source: EstimateSource::Data }
                .interval()
        };
        let [low, high] = interval(WorldParameter::NoiseSd, 1.0, 0.5);
        assert!((low * high - 1.0).abs() < 1e-9 && low > 0.4 && high < 2.3, "{low} {high}");
        let [low, high] = interval(WorldParameter::Level, 100.0, 0.5);
        assert!(low > 35.0 && low < 44.0 && high > 190.0 && high < 203.0, "{low} {high}");
        let [low, high] = interval(WorldParameter::ResponseStrength, 0.1, 0.1);
        assert!(low == 0.0 && (high - 0.264).abs() < 1e-3, "{low} {high}");
    }
}
