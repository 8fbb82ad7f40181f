//! The trade's nouns: channels, clients, assets, weeks, posts, plans, decisions.
//!
//! No input or output and no rules live here; every type is in the lowest place that all its users share.

mod access;
mod asset;
mod calendar;
mod campaign;
mod channel;
mod channel_state;
mod client;
mod decision;
mod named;
mod plan;
mod reality;
mod reason;
mod record;
mod risk;
mod scenario;
mod seen;
mod signal;
mod spacing;
mod special_day;
mod time;
mod units;
mod verdict;
mod warning;
mod zone;

pub use access::Role;
pub use asset::{Asset, AssetRow, AssetUse};
pub use calendar::{CalendarError, HOUR_SECONDS, WallHour, Week, WeekHours};
pub use campaign::{Campaign, CampaignRow};
pub use channel::{Channel, UnknownChannel};
pub use channel_state::{ChannelRow, ChannelState, HistoryRow};
pub use client::{Client, ClientRow, ClientState, ClientStatus, Policy, PolicyRow};
pub use decision::{ActionType, Decision, DecisionStatus};
pub use named::UnknownName;
#[doc(hidden)]
pub use named::named;
pub use plan::{
    Allocation, AssetChoice, ClientPlan, ConfidenceStep, Conflict, ConflictKind, Plan, Post, PriorPost, ScheduleStatus,
    TargetSource, Tier, derived_id,
};
pub use reality::{Reality, RealityRow};
pub use reason::Reason;
pub use record::{Cell, Cells, Column, Fault, Kind, Period, Record, Remedy, Value, quoted, record};
pub use risk::RiskBand;
pub use scenario::{Capacity, Environment, ReviewPolicy, Scenario};
pub use seen::{AssetSeen, ChannelSeen, OtherPost, PostSeen};
pub use signal::{
    AgencyDirector, CampaignSignal, ChannelAssets, ClientOps, CreativeDirector, EarlyWarning, PerformanceReality,
    Scaling, SignalScore, Signals,
};
pub use spacing::Spacing;
pub use special_day::{CalendarEntry, CalendarRow, DayKind};
pub use time::{Timestamp, parse_date, parse_wall_time, plus_days, wall_time_text};
pub use units::{AssetId, CampaignId, ClientId, Score, WarningId, WorkspaceId};
pub use verdict::{Outcome, Verdict};
pub use warning::{Severity, Warning, WarningRow, WarningStatus};
pub use zone::Zone;
