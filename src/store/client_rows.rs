//! How clients and the state they stand in are read from their tables.

use std::sync::Arc;

use chrono::NaiveDate;
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::row::{Clamped, Found, Instant, Json, Name, Text, Whole, from_row};
use crate::model::{
    Asset, AssetId, CalendarEntry, Campaign, CampaignId, Capacity, Channel, ChannelState, Client, ClientId,
    ClientStatus, DayKind, Environment, Policy, Reality, ReviewPolicy, Severity, Warning, WarningStatus, WorkspaceId,
    Zone,
};

/// A workspace without its clients.
pub(super) struct Frame {
    pub scenario: String,
    pub weeks: u32,
    pub capacity: Capacity,
    pub review: ReviewPolicy,
    pub environment: Environment,
}

from_row!(Frame {
    scenario: String,
    weeks: Whole<u32>,
    review: Json<ReviewPolicy>,
    environment: Json<Environment>,
} parts { capacity: Capacity });

from_row!(Found<Capacity> {
    reviewers: Whole<u32>,
    reviews_per_reviewer_per_day: Whole<u32>,
});

/// Something with the client whose it is.
pub(super) struct OfClient<T> {
    pub client_id: String,
    pub record: T,
}

impl<'r, R, T> FromRow<'r, R> for OfClient<T>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Found<T>: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let Found(record) = Found::from_row(row)?;
        Ok(Self { client_id: row.try_get("client_id")?, record })
    }
}

from_row!(Found<Client> {
    id: Text<ClientId> = "client_id",
    workspace_id: Text<WorkspaceId>,
    name: Text<Arc<str>>,
    industry: Text<Arc<str>>,
    tags: Json<Vec<Arc<str>>>,
    zone: Name<Zone> = "time_zone",
    status: Name<ClientStatus>,
    priority: f64,
} parts { policy: Policy } empty { campaigns, assets, days });

from_row!(Found<Policy> {
    agent_enabled: bool,
    auto_exec_enabled: bool,
    max_actions_per_day: Whole<u32>,
    pause_on_high_severity_warning: bool,
});

from_row!(Found<Campaign> {
    id: Text<CampaignId> = "campaign_id",
    name: Text<Arc<str>>,
    goal: Text<Arc<str>>,
    starts_on: Name<NaiveDate>,
    ends_on: Name<NaiveDate>,
    channels: Json<Vec<Channel>>,
    weight: f64,
    any_asset: bool,
});

/// An asset that is offered, or was before it was retired.
pub(super) struct OfferedAsset {
    pub retired: bool,
    pub asset: Asset,
}

from_row!(Found<OfferedAsset> { retired: bool } parts { asset: Asset });

from_row!(Found<Asset> {
    id: Text<AssetId> = "asset_id",
    campaign_id: Option<Text<CampaignId>>,
    kind: Text<Arc<str>>,
    channels: Json<Vec<Channel>>,
    created_at: Instant,
    quality: Clamped = "quality_score",
    brand_consistency: Clamped,
    value: Clamped,
    impact: Clamped,
    parent_id: Option<Text<AssetId>>,
    evolution_step: Whole<u32>,
    title: Text<Arc<str>>,
    body: Text<Arc<str>>,
    media_url: Text<Arc<str>>,
    tags: Json<Vec<Arc<str>>>,
});

from_row!(Found<CalendarEntry> {
    from: Name<NaiveDate> = "from_date",
    to: Name<NaiveDate> = "to_date",
    kind: Name<DayKind>,
    factor: Option<f64>,
    channel: Option<Name<Channel>>,
    name: Text<Arc<str>>,
});

from_row!(Found<Warning> {
    id: Text<Arc<str>> = "warning_id",
    kind: Text<Arc<str>> = "type",
    severity: Name<Severity>,
    status: Name<WarningStatus>,
    opened_at: Instant,
});

from_row!(Found<Reality> {
    as_of: Instant,
    perceived: Clamped = "perceived_score",
    actual: Option<Clamped> = "true_score",
    confidence: Clamped,
    completeness: Clamped,
});

/// A channel that is on or off.
pub(super) struct SwitchedChannel {
    pub active: bool,
    pub state: ChannelState,
}

from_row!(Found<SwitchedChannel> { active: bool } parts { state: ChannelState });

from_row!(Found<ChannelState> {
    channel: Name<Channel>,
    audience: f64,
    engagement_rate: Option<f64> = "avg_engagement_rate",
    last_post_at: Option<Instant>,
    posts_last_7_days: Whole<u32>,
    posts_last_30_days: Whole<u32>,
    fatigue: Clamped = "fatigue_score",
    as_of: Instant = "fatigue_as_of",
    momentum: Option<Clamped> = "momentum_score",
    visibility: Option<Clamped> = "visibility_score",
    engagement: Option<Clamped> = "engagement_score",
} empty { recent_posts });
