//! Weeks of orchestration against an environment that answers.

mod compare;
mod environment;
mod measure;
mod random;
mod replicate;
mod state;
mod summary;
mod tally;
mod week;

pub use compare::{
    ChannelDifference, ClientCounts, ClientDifference, CompareError, Comparison, Contender, MeasureDifference, Pack,
    Until, Versus, WeekDifference, compare,
};
pub use measure::Measure;
pub use random::{Luck, Purpose, TRUTH};
pub use replicate::{Extent, Observer, SimulateError, simulate};
pub use summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, Provenance, Simulation,
    WeekSummary,
};
