//! Simulates weeks of planning, review and posting, and the responses of audiences.

mod compare;
mod environment;
mod extent;
mod measure;
mod parts;
mod random;
mod replicate;
mod replication;
mod state;
mod summary;
mod sweep;
mod tally;
mod totals;
mod true_noise;
mod true_response;
mod week;

pub use compare::{
    ChannelDifference, ClientCounts, ClientDifference, CompareError, Compared, ComparedPack, ComparedScenario,
    Comparison, MeasureDifference, StoppingRule, Variant, Versus, WeekDifference, compare, compare_scenarios,
};
pub use extent::Extent;
pub use measure::{Direction, Measure};
pub use parts::{JoinedSimulation, SimulatedClients, SimulationSetting};
pub use random::{KeyedRng, Purpose};
pub use replicate::{Observer, SimulateError, simulate, simulate_part};
pub use replication::Replication;
pub use summary::{
    AssetSummary, ChannelSummary, ChannelWeek, ClientSummary, GuardrailSummary, Headline, Provenance, Simulation,
    TargetChanges, WeekSummary,
};
pub use sweep::{
    Design, DesignError, Goal, LeftOut, Noise, Packs, PointMeasure, PointOutcome, Sensitivity, Sweep, SweepError,
    SweepObserver, SweepPoint, SweepSpec, SweptKey, design, ensure_planned_clients, outcomes, par_map, summarise,
};
