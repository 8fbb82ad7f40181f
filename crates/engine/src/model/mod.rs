//! The trade's nouns: channels, clients, assets, weeks, posts, plans, decisions.
//!
//! No input or output and no rules live here; every type is in the lowest place that all its users share.

mod access;
mod asset;
mod calendar;
mod channel;
mod client;
mod decision;
mod plan;
mod reason;
mod risk;
mod scenario;
mod seen;
mod signal;
mod spacing;
mod time;
mod units;
mod verdict;
mod zone;

pub use access::Role;
pub use asset::{Asset, AssetUse};
pub use calendar::{CalendarError, HOUR_SECONDS, WallHour, Week, WeekHours};
pub use channel::{Channel, UnknownChannel};
#[doc(hidden)]
pub use client::named;
pub use client::{
    CalendarEntry, Campaign, ChannelState, Client, ClientState, ClientStatus, DayKind, Policy, Reality, Severity,
    UnknownName, Warning, WarningStatus,
};
pub use decision::{ActionType, Decision, DecisionStatus};
pub use plan::{
    Allocation, AssetChoice, ClientPlan, ConfidenceStep, Conflict, ConflictKind, Plan, Post, PriorPost, ScheduleStatus,
    TargetSource, Tier, derived_id,
};
pub use reason::Reason;
pub use risk::RiskBand;
pub use scenario::{Capacity, Environment, ReviewPolicy, Scenario};
pub use seen::{AssetSeen, ChannelSeen, OtherPost, PostSeen};
pub use signal::{
    AgencyDirector, CampaignSignal, ChannelAssets, ClientOps, CreativeDirector, EarlyWarning, PerformanceReality,
    Scaling, SignalScore, Signals,
};
pub use spacing::Spacing;
pub use time::{Timestamp, parse_date, parse_wall_time, plus_days, wall_time_text};
pub use units::{AssetId, CampaignId, ClientId, Score, WorkspaceId};
pub use verdict::{Outcome, Verdict};
pub use zone::Zone;
