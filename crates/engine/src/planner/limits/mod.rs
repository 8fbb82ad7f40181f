//! The limits of a client's week: what they leave to plan, and what they cost.
//!
//! ```text
//! counts    a limit in each of its periods, and the row of the coupled problem that it is
//! asset_limits   limits that count posts by their assets, as rows of the assignment
//! settled   the week placed within the limits, with the proof of how good it is
//! costs     what limits cost, over all clients of a plan
//! export    a client's week under its limits for external solvers
//! ```

mod asset_limits;
mod costs;
mod counts;
mod export;
mod settled;

pub(super) use asset_limits::AssetLimits;
pub use costs::{HighestPrice, LimitCost, limit_costs};
pub(super) use counts::{applies, counts_at};
pub use export::{LimitsExport, RowExport};
pub(super) use settled::Settled;
