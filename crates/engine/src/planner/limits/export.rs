//! A client's week under its limits for external solvers.

use serde::Serialize;

use crate::model::{Channel, ClientId};

/// A client's week as an optimisation problem over all of its channels, with its solution: one JSON object.
///
/// The weeks of the channels are problems of their own, each in a file of its own. `limits` couples them: the posts of
/// all terms of a row, each times its coefficient, are at most `at_most`; where there is a `price`, each unit above costs
/// so much instead. A limit from below is written with negative coefficients. `shadow_price` are the prices that prove
/// the `bound`, as the head of `coupling` says.
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
    /// The objectives of all channels less what is given up for rows with a price.
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
    /// The most that the terms may come to.
    pub at_most: f64,
    /// What each unit above costs; absent if there may be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<f64>,
    /// Its price in the proof of the bound.
    pub shadow_price: f64,
    /// Channel, hour of the week, asset and coefficient; a term without an asset counts whatever the asset is.
    pub terms: Vec<(Channel, usize, Option<String>, f64)>,
}
