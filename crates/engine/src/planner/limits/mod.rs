//! The limits of a client's week: what they leave to plan, and what they cost.
//!
//! ```text
//! week_limits   limits that count posts by channel and hour, as rows of the coupled problem
//! asset_limits  limits that count posts by their assets, as rows of the assignment
//! settled       the week placed within its limits, and the proof of how good it is
//! costs         what limits cost, over all clients of a plan
//! export        a client's week under its limits for external solvers
//! ```

mod asset_limits;
mod costs;
mod export;
mod settled;
mod week_limits;

pub(super) use asset_limits::AssetLimits;
pub use costs::{HighestPrice, LimitCost, limit_costs};
pub use export::{LimitsExport, RowExport};
pub(super) use settled::Settled;
pub(super) use week_limits::{applies_to, counts_at};
