//! Parameter sweeps: one pack with some of its keys set to many values, each combination simulated with common random
//! numbers.
//!
//! Of each point, only the headline measures of each replication are held in memory, which the summary is computed from.
//! The pack of a point is built before its simulation and dropped after it.

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
