//! Weeks of orchestration against an environment that answers.

mod compare;
mod environment;
mod measure;
mod random;
mod replicate;
mod state;
mod summary;
mod sweep;
mod tally;
mod week;

pub use compare::{
    ChannelDifference, ClientCounts, ClientDifference, CompareError, Comparison, Contender, MeasureDifference, Pack,
    Until, Versus, WeekDifference, compare,
};
pub use measure::{Measure, Wish};
pub use random::{Luck, Purpose};
pub use replicate::{Extent, Observer, SimulateError, simulate};
pub use summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, Provenance, Simulation,
    TargetChanges, WeekSummary,
};
pub use sweep::{
    Design, DesignError, Goal, LeftOut, Noise, Outcome, Packs, PointMeasure, Sensitivity, Sweep, SweepError,
    SweepObserver, SweepPoint, SweepSpec, SweptKey, design, outcomes, refuse_nobody, side_by_side, summarise,
};
