//! Parameter sweeps: one pack with some of its keys set to many values, each combination simulated with common random
//! numbers.
//!
//! Of each point, only the headline measures of each replication stay in memory; the summary is computed from them. The
//! pack of a point is built before the point is simulated and dropped afterwards.

mod design;
mod outcome;
mod sensitivity;
mod spec;
mod summary;

pub use design::{Design, DesignError, design};
pub use outcome::{Packs, PointOutcome, SweepError, SweepObserver, ensure_planned_clients, outcomes, par_map};
pub use sensitivity::{Noise, Sensitivity};
pub use spec::{Goal, LeftOut, SweepSpec};
pub use summary::{PointMeasure, Sweep, SweepPoint, SweptKey, summarise};
