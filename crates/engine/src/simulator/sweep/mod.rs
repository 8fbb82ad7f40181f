//! Parameter sweeps: one pack with some of its keys set to many values, each combination simulated with common random
//! numbers.
//!
//! A point yields its headline measures, one row per replication: few enough to hold in memory during a sweep, and all
//! that the summary needs. Packs are built when their turn comes and dropped afterwards, so memory does not grow with
//! points.

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
