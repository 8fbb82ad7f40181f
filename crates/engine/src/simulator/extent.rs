//! How long a simulation is, and how often it is repeated.

/// The extent of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Extent {
    /// Number of weeks, at least 1.
    pub weeks: u32,
    /// Number of replications, at least 1.
    pub replications: u32,
    /// Seed of all random numbers.
    pub seed: u64,
}
