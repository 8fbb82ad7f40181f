//! The tables of a calibration.

use super::{ResultTable, columns};
use crate::calibration::{Calibration, ParameterEstimate};
use crate::model::{Channel, ClientId};

/// The tables `parameters`, one row per parameter of a channel or account, and `response`, what posts earned at
/// different loads.
#[must_use]
pub fn calibration_tables(calibration: &Calibration) -> [ResultTable; 2] {
    [parameters(calibration), response(calibration)]
}

/// A row of `parameters`.
struct ParameterRow<'a> {
    account: Option<&'a ClientId>,
    measured: usize,
    parameter: &'a ParameterEstimate,
}

fn parameters(calibration: &Calibration) -> ResultTable {
    let of_channels = calibration.channels.iter().flat_map(|channel| {
        let row = |parameter| ParameterRow { account: None, measured: channel.measured, parameter };
        channel.parameters.iter().map(row)
    });
    let of_accounts = calibration.accounts.iter().flat_map(|account| {
        let row =
            |parameter| ParameterRow { account: Some(&account.history.account), measured: account.measured, parameter };
        account.parameters.iter().map(row)
    });
    let rows: Vec<ParameterRow<'_>> = of_channels.chain(of_accounts).collect();
    let mut table =
        ResultTable::new("parameters", "estimated parameters of the response, with the values assumed before any data");
    columns!(table, rows, |row| {
        /// The channel.
        channel: Channel = row.parameter.estimate.channel,
        /// The account; blank for what all accounts of the channel have in common.
        account: Option<ClientId> = row.account.cloned(),
        /// The parameter, as in the scenario's table `world`.
        parameter: String = row.parameter.estimate.parameter.to_string(),
        /// The estimate: engagements for a level, factors for hours, weekdays, content types and percentiles.
        value: f64 = row.parameter.estimate.value,
        /// Its standard error; of the logarithm, except for the response strength.
        standard_error: f64 = row.parameter.estimate.standard_error,
        /// Lower end of the 90 % interval.
        low: f64 = row.parameter.estimate.interval()[0],
        /// Upper end of the 90 % interval.
        high: f64 = row.parameter.estimate.interval()[1],
        /// What the estimate is mainly based on: data, channel, prior or pack.
        source: String = row.parameter.estimate.source.name().to_owned(),
        /// The value assumed before any data; blank for levels and percentiles.
        prior: Option<f64> = row.parameter.prior.as_ref().map(|prior| prior.value),
        /// Standard error of the prior, on the same scale as that of the estimate.
        prior_error: Option<f64> = row.parameter.prior.as_ref().map(|prior| prior.standard_error),
        /// Whether the data shows that there is an effect.
        detectable: bool = row.parameter.is_detectable,
        /// Deviation from the channel in standard deviations; blank if it is not large.
        unlike_channel: Option<f64> = row.parameter.unlike_channel,
        /// Number of measured posts that the estimate is based on.
        posts: u32 = row.measured as u32,
    });
    table
}

fn response(calibration: &Calibration) -> ResultTable {
    let rows: Vec<_> = calibration
        .channels
        .iter()
        .flat_map(|channel| channel.response.iter().map(|point| (channel.channel, point)))
        .collect();
    let mut table = ResultTable::new("response", "what posts earned at a load, after removing other effects");
    columns!(table, rows, |(channel, point)| {
        /// The channel.
        channel: Channel = *channel,
        /// Mean load before the posts: number of earlier posts, each counting half after one half-life.
        load: f64 = point.load,
        /// Geometric mean of the factor on 1 + engagements, against a rested audience.
        factor: f64 = point.factor,
        /// Lower end of its 90 % interval.
        low: f64 = point.interval[0],
        /// Upper end of its 90 % interval.
        high: f64 = point.interval[1],
        /// Number of posts.
        posts: u32 = point.posts as u32,
    });
    table
}
