//! One pack with some of its keys set to many values, each combination simulated on the same luck.
//!
//! What a point gives are its headline numbers, a row a replication: few enough to be kept while a sweep
//! goes on, and all that the summary needs. Packs are made when their turn comes and dropped after it, so
//! that memory does not grow with points.

mod design;
mod outcome;
mod sensitivity;
mod summary;

pub use design::{Design, DesignError, design};
pub use outcome::{Outcome, Packs, SweepError, SweepObserver, outcomes, refuse_nobody, side_by_side};
pub use sensitivity::{Noise, Sensitivity};
pub use summary::{Goal, LeftOut, PointMeasure, Sweep, SweepPoint, SweepSpec, SweptKey, summarise};
