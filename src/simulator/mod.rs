//! Weeks of orchestration against an environment that answers.

mod environment;
mod random;
mod replicate;
mod state;
mod summary;
mod tally;
mod week;

pub use random::{Luck, Purpose, TRUTH};
pub use replicate::{Extent, Observer, SimulateError, simulate};
pub use summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, Provenance, Simulation,
    WeekSummary,
};
