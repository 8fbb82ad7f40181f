//! A client's week under its limits for external solvers.

use serde::Serialize;

use crate::model::{Channel, ClientId};

/// A client's week as an optimisation problem over all of its channels, with its solution: one JSON object.
///
/// The week of each channel is a problem of its own, in another file. `limits` couples these problems: for each row,
/// the coefficients of the terms at which there are posts sum to at most `at_most`. If the row has a `price`, the sum
/// may be higher, and each unit above costs that price. A lower limit has negative coefficients. The `shadow_price`s of
/// all rows prove the `bound`, as the documentation of `coupling` explains.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitsExport {
    /// Version of the format: 1.
    pub format: u32,
    /// The client.
    pub client_id: ClientId,
    /// Monday 00:00 on the client's clock, with its UTC offset.
    pub week_start: String,
    /// The channels, in the order of `chosen`.
    pub channels: Vec<Channel>,
    /// The rows in which some post counts.
    pub limits: Vec<RowExport>,
    /// Upper bound on the objective of all channels; absent if none is proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// The sum of the channels' objectives, less what exceeding rows costs.
    pub objective: f64,
    /// The chosen hours by channel.
    pub chosen: Vec<Vec<usize>>,
}

/// A limit in one of its periods, as a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowExport {
    /// Name of the limit.
    pub limit: String,
    /// Start of the period on the client's clock.
    pub from: String,
    /// Upper bound on the sum of the coefficients of the terms with posts.
    pub at_most: f64,
    /// What each unit above `at_most` costs; absent if the row may not be exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// The row's Lagrangian price, with which the bound is proven.
    pub shadow_price: f64,
    /// Channel, hour of the week, asset and coefficient of each term; a term without an asset counts posts with any.
    pub terms: Vec<(Channel, usize, Option<String>, f64)>,
}
