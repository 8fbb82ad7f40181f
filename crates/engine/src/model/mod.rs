//! The domain types: channels, clients, assets, weeks, posts, plans, decisions.
//!
//! Nothing here does I/O or evaluates rules.

mod asset;
mod calendar_entry;
mod calendar_error;
mod campaign;
mod channel;
mod channel_state;
mod client;
mod decision;
pub mod digits;
mod limit;
mod limit_numbers;
mod named;
mod plan;
mod previous_post;
mod reality;
mod reason;
mod record;
mod response;
mod risk;
mod role;
mod scenario;
#[cfg(feature = "schema")]
mod schema;
mod signal;
mod snapshot;
mod spacing;
mod time;
mod units;
mod verdict;
mod warning;
mod week;
mod world;
mod zone;

pub use asset::{Asset, AssetRow, AssetUse};
pub use calendar_entry::{CalendarEntry, CalendarRow, DayKind};
pub use calendar_error::CalendarError;
pub use campaign::{Campaign, CampaignRow};
pub use channel::{Channel, UnknownChannel};
pub use channel_state::{ChannelRow, ChannelState, HistoryRow, RECENT_DAYS};
pub use client::{Client, ClientRow, ClientState, ClientStatus, Policy, PolicyRow};
pub use decision::{ActionType, Decision, DecisionStatus};
pub use limit::{
    Certificate, FollowUp, LimitKind, LimitQuota, LimitUse, QuotaPeriod, SharedLimitUse, SharedPeriod,
    WorkspaceCertificate,
};
pub use limit_numbers::{LimitNumber, LimitNumbers, LimitNumbersRow, NumbersPlace, NumbersScope};
pub use named::UnknownName;
#[doc(hidden)]
pub use named::named;
pub use plan::{
    Allocation, AssetChoice, ClientPlan, CommittedPost, ConfidenceCause, ConfidenceStep, Conflict, ConflictKind, Plan,
    Post, ScheduleStatus, TargetSource, Tier, derived_id,
};
pub use previous_post::PreviousPost;
pub use reality::{Reality, RealityRow};
pub use reason::Reason;
pub use record::{Cell, CellError, Cells, Column, InstantRange, Kind, Record, Value, quoted, record};
pub use response::{FatigueResponse, LinearResponse, SaturatingResponse};
pub use risk::RiskBand;
pub use role::Role;
pub use scenario::{Capacity, Environment, ReviewPolicy, Scenario};
pub use signal::{
    AgencyDirector, CampaignSignal, ChannelAssets, ClientOps, CreativeDirector, EarlyWarning, PerformanceReality,
    Scaling, SignalScore, Signals,
};
pub use snapshot::{AssetSnapshot, ChannelSnapshot, OtherPost, PostSnapshot, PostSurroundings};
pub use spacing::Spacing;
pub use time::{HOUR_SECONDS, Timestamp, parse_date, parse_wall_time, plus_days, wall_time_text};
pub use units::{AssetId, CampaignId, ClientId, Score, WarningId, WorkspaceId};
pub use verdict::{Outcome, Verdict};
pub use warning::{Severity, Warning, WarningRow, WarningStatus};
pub use week::{WallHour, Week, WeekHours};
pub use world::{
    EstimateSource, FAST_DAYS, HOUR_BINS, HOURS_PER_BIN, NOISE_PERCENTS, SLOW_DAYS, WorldEstimate, WorldParameter,
    WorldRow,
};
pub use zone::Zone;
