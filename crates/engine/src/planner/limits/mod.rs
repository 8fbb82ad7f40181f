//! The limits of a client's week: which posts they allow, and what they cost.
//!
//! ```text
//! week_limits    limits that count posts by channel and hour, as rows of the coupled problem
//! follow_up      limits on the order of channels: the posts that must be followed, and in which hours
//! period         the periods in which limits count posts
//! counted        which posts these limits count
//! committed      the committed posts as these limits count them
//! asset_limits   limits that count posts by their assets, as rows of the assignment
//! asset_order    limits on the order of channels, as rows of the assignment
//! solved_limits  the limits after slots were placed within them, and the bound that proves how good the slots are
//! costs          what limits cost, over all clients of a plan
//! shared_costs   what the limits that clients share cost
//! ```

mod asset_limits;
mod asset_order;
mod committed;
mod costs;
mod counted;
mod follow_up;
mod period;
mod shared_costs;
mod solved_limits;
mod week_limits;

pub(super) use asset_limits::AssetLimits;
pub(super) use asset_order::SlotsOfWeek;
pub use costs::{ClientLimitCost, HighestPrice, LimitCost, client_limit_costs, limit_costs};
pub(super) use counted::applies_to;
pub use shared_costs::{HighestSharedPrice, SharedLimitCost, shared_limit_costs};
pub(super) use solved_limits::SolvedLimits;
pub(super) use week_limits::NamedRow;
