//! The response of a client's audience to posts, as estimated by a calibration; a simulation draws the true response
//! from the estimates.

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

impl EstimateSource {
    /// The source in words, after `from`.
    #[must_use]
    pub const fn basis(self) -> &'static str {
        match self {
            EstimateSource::Data => "the client's posts",
            EstimateSource::Channel => "all posts on the channel",
            EstimateSource::Prior => "earlier studies",
            EstimateSource::Pack => "the pack",
        }
    }

    /// Whether an estimate from this source is an assumption: no posts support it.
    #[must_use]
    pub const fn is_assumed(self) -> bool {
        matches!(self, EstimateSource::Prior | EstimateSource::Pack)
    }
}

/// Number of consecutive hours of the day that form a group with one effect.
pub const HOURS_PER_BIN: u32 = 3;

/// Time constant of the slow component of a level: days in which a deviation decays to 1 / e.
pub const SLOW_DAYS: f64 = 45.0;

/// Time constant of the fast component of a level: days in which a deviation decays to 1 / e.
pub const FAST_DAYS: f64 = 2.0;

/// Number of groups of [`HOURS_PER_BIN`] hours in a day.
pub const HOUR_BINS: usize = 8;

/// The percentiles by which the noise of a post is described: the ends, the middle, and more of them towards the ends.
pub const NOISE_PERCENTS: [u8; 11] = [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100];

/// Names of the weekdays, Monday first.
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A parameter of the response of one account on one channel.
///
/// Engagements of a post are `level · hours · weekday · content type · (1 + load)^-strength · exp(drift + noise)`. The
/// load is a sum over earlier posts: each counts as 1 at its time, and half as much after each half-life.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorldParameter {
    /// Mean engagements of a post at load 0, over the account's usual mix of hours, weekdays and content types.
    Level,
    /// Factor of a group of [`HOURS_PER_BIN`] hours of the local day, `0..HOUR_BINS`.
    Hours(usize),
    /// Factor of a weekday; days since Monday, `0..7`.
    Weekday(usize),
    /// Factor of a content type.
    ContentType(Arc<str>),
    /// Exponent `strength` of the loss from load.
    ResponseStrength,
    /// Number of hours in which the load of a post halves.
    HalfLifeHours,
    /// Standard deviation of the change of the log level in a week.
    DriftSd,
    /// Stationary standard deviation of the component of the log level that changes over weeks.
    SlowSd,
    /// Stationary standard deviation of the component of the log level that changes over days.
    FastSd,
    /// Standard deviation of the log engagements of one post around their expectation.
    NoiseSd,
    /// A percentile of a post's engagements around their expectation, as a factor; the percent is one of
    /// [`NOISE_PERCENTS`]. Together the percentiles say how far single posts rise above what is expected, and fall
    /// below it. The factors at 0 and 100 % are not those of the most extreme posts: they are chosen such that linear
    /// interpolation in log between them and the percentiles next to them keeps the mean of the noise beyond these
    /// percentiles.
    NoisePercentile(u8),
}

impl WorldParameter {
    /// Whether the value is above 0 and the standard error is that of its logarithm: true of all but the response
    /// strength.
    #[must_use]
    pub fn is_logarithmic(&self) -> bool {
        *self != WorldParameter::ResponseStrength
    }

    /// The parameter's value at a z-score; a random draw if `z` is a random standard normal number. For a level,
    /// `value` is the mean of such draws, so that simulations have the estimated level on average; for other
    /// logarithmic parameters, it is their median.
    #[must_use]
    pub fn at(&self, value: f64, standard_error: f64, z: f64) -> f64 {
        match self {
            WorldParameter::ResponseStrength => (value + standard_error * z).max(0.0),
            WorldParameter::Level => value * libm::exp(standard_error * (z - standard_error / 2.0)),
            _ => value * libm::exp(standard_error * z),
        }
    }
}

/// Prefix of the names of parameters of content types.
const CONTENT_TYPE_PREFIX: &str = "content_type:";

impl fmt::Display for WorldParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorldParameter::Level => f.write_str("level"),
            WorldParameter::Hours(bin) => write!(f, "hours_{:02}", bin * HOURS_PER_BIN as usize),
            WorldParameter::Weekday(day) => f.write_str(WEEKDAYS.get(*day).copied().unwrap_or("sunday")),
            WorldParameter::ContentType(name) => write!(f, "{CONTENT_TYPE_PREFIX}{name}"),
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

/// Every parameter except those of content types.
fn fixed_parameters() -> impl Iterator<Item = WorldParameter> {
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
        if let Some(name) = text.strip_prefix(CONTENT_TYPE_PREFIX).filter(|name| !name.is_empty()) {
            return Ok(WorldParameter::ContentType(name.into()));
        }
        fixed_parameters().find(|known| known.to_string() == text).ok_or_else(|| UnknownName(text.to_owned()))
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
    /// The 90 % interval of the parameter.
    #[must_use]
    pub fn interval(&self) -> [f64; 2] {
        [-Z_95, Z_95].map(|z| self.at(z))
    }

    /// The parameter's value at a z-score; see [`WorldParameter::at`].
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
        for parameter in fixed_parameters().chain([photo]) {
            assert_eq!(parameter.to_string().parse(), Ok(parameter));
        }
        assert!("hours_01".parse::<WorldParameter>().is_err());
        assert!("noise_p02".parse::<WorldParameter>().is_err());
        assert!("content_type:".parse::<WorldParameter>().is_err());
    }

    #[test]
    fn an_interval_follows_from_the_parameters_scale_and_is_never_below_zero() {
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
