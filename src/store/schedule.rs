//! Schedules: committed posts as the ledger stores them.

use serde_json::json;
use uuid::Uuid;

use super::error::StoreError;
use super::row::{Id, Instant, Json, Name, Whole, from_row};
use super::schedule_json::{ContentPreview, ScheduleMetadata};
use crate::model::{Channel, Reason, RiskBand, ScheduleStatus, Timestamp, Zone};
use crate::planner::{RecordedWorth, ScheduledPost};

/// SQL expression: a schedule's local calendar day.
pub(super) const LOCAL_DAY: &str = "substr(metadata ->> 'local_time', 1, 10)";

from_row! {
    /// A schedule stored in the ledger: a committed post.
    #[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
    pub struct Schedule {
        /// The schedule's id.
        pub id: Uuid as Id,
        /// The client it belongs to.
        pub client_id: String,
        /// The client's workspace.
        pub workspace_id: String,
        /// The campaign it counts towards; `None` for none.
        pub campaign_id: Option<String>,
        /// The channel.
        pub channel: Channel as Name<Channel>,
        /// The time of the post, in UTC.
        pub scheduled_for: Timestamp as Instant,
        /// The client's time zone, an IANA name.
        pub time_zone: String,
        /// The main asset of the asset family; `None` if no asset is assigned.
        pub creative_asset_id: Option<String>,
        /// The variation used in place of the main asset; `None` for none.
        pub variation_id: Option<String>,
        /// Preview of the content.
        #[schemars(with = "ContentPreview")]
        pub content_preview: serde_json::Value as Json<serde_json::Value>,
        /// Its status.
        pub status: ScheduleStatus as Name<ScheduleStatus>,
        /// Its priority when capacity is scarce.
        pub priority: f64,
        /// Its risk band.
        pub risk_level: RiskBand as Name<RiskBand>,
        /// Why it is blocked, pending, cancelled or failed, as a sentence.
        pub blocked_reason: Option<String>,
        /// The code of that reason.
        pub blocked_code: Option<String>,
        /// The details of that reason: a JSON object whose fields depend on the code.
        #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
        pub blocked_details: serde_json::Value as Json<serde_json::Value>,
        /// The actor who committed it, or later attached its asset.
        pub created_by: String,
        /// The actor who approved it; `None` if nobody did.
        pub approved_by: Option<String>,
        /// The plan it came from.
        pub plan_id: Uuid as Id,
        /// Confidence, `0..=1`.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub confidence: f64,
        /// Expected number of engagements.
        pub expected_engagement: f64,
        /// Fatigue of the channel at the post's time, `0..=1`.
        #[schemars(range(min = 0.0, max = 1.0))]
        pub fatigue: f64,
        /// Guardrail warnings and other facts for display.
        #[schemars(with = "ScheduleMetadata")]
        pub metadata: serde_json::Value as Json<serde_json::Value>,
        /// Number of attempts to make its draft.
        pub attempts: u32 as Whole<u32>,
        /// Its UID in calendars.
        pub calendar_uid: String,
        /// Its iCalendar sequence number, which increases with every change that calendars must pick up.
        pub calendar_sequence: u32 as Whole<u32>,
    }
}

/// Columns of a schedule. A schedule committed before calendar UIDs existed uses its id as its UID.
pub(super) const COLUMNS: &str = "id, client_id, workspace_id, campaign_id, channel, scheduled_for, time_zone, \
     creative_asset_id, variation_id, content_preview, status, priority, risk_level, blocked_reason, blocked_code, \
     blocked_details, created_by, approved_by, plan_id, confidence, expected_engagement, fatigue, metadata, attempts, \
     coalesce(calendar_uid, CAST(id AS text)) AS calendar_uid, calendar_sequence";

/// SQL expression: rank by risk, 0 for the highest.
pub(super) const RISK_RANK: &str = "CASE risk_level WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END";

impl Schedule {
    /// Why it is blocked, pending, cancelled or failed; `None` if it has no reason, or one unknown to this version.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        Reason::read(self.blocked_code.as_deref()?, &self.blocked_details)
    }

    /// The client's time zone.
    ///
    /// # Errors
    /// If this version does not know the zone: another program wrote the row, or a newer mcoe with newer time zones.
    pub fn zone(&self) -> Result<Zone, StoreError> {
        self.time_zone
            .parse()
            .map_err(|_| StoreError::UnknownZone { client: self.client_id.clone(), zone: self.time_zone.clone() })
    }

    /// What it was expected to cost and to be worth; `None` if it was committed before this was recorded.
    #[must_use]
    pub fn worth(&self) -> Option<RecordedWorth> {
        RecordedWorth::read(&self.metadata)
    }

    /// The asset in use: the variation if there is one, else the main asset.
    #[must_use]
    pub fn used_asset(&self) -> Option<&str> {
        self.variation_id.as_deref().or(self.creative_asset_id.as_deref())
    }
}

/// SQL condition: no other live or completed schedule occupies the same client, channel and instant.
pub(super) const SLOT_IS_FREE: &str = "NOT EXISTS (SELECT 1 FROM campaign_orchestration_schedules other \
     WHERE other.client_id = campaign_orchestration_schedules.client_id \
     AND other.channel = campaign_orchestration_schedules.channel \
     AND other.scheduled_for = campaign_orchestration_schedules.scheduled_for \
     AND other.id <> campaign_orchestration_schedules.id \
     AND other.status IN ('pending', 'ready', 'executing', 'completed'))";

pub(super) fn schedule_ids<'s>(schedules: impl IntoIterator<Item = &'s Schedule>) -> Vec<Uuid> {
    schedules.into_iter().map(|schedule| schedule.id).collect()
}

/// The payload that is recorded for a change of status.
pub(super) fn transition_payload(
    from: ScheduleStatus,
    to: ScheduleStatus,
    reason: Option<&Reason>,
) -> serde_json::Value {
    json!({
        "from": from,
        "to": to,
        "reason": reason.map(ToString::to_string),
        "blocked_code": reason.map(Reason::code),
        "blocked_details": reason.map(Reason::details),
    })
}

/// A schedule as the planner's [`ScheduledPost`].
pub(super) fn scheduled_post(schedule: &Schedule) -> ScheduledPost {
    ScheduledPost {
        channel: schedule.channel,
        at: schedule.scheduled_for,
        asset: schedule.used_asset().map(str::to_owned),
    }
}
