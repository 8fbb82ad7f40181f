//! Why a schedule does not run: blocked, returned for review, cancelled, expired or failed.
//!
//! A reason is stored as a code with details. The sentence built from them is for display only; no code parses it.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use super::{AssetId, CampaignId, Channel, ClientStatus, RiskBand, ScheduleStatus};

/// Why a schedule is blocked, was returned for review, was cancelled, expired or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", content = "details", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Blocked by a guardrail of the pack.
    Guardrail {
        /// The guardrail's name.
        rule: Arc<str>,
        /// The guardrail's explanation.
        reason: Arc<str>,
        /// How to unblock the post, according to the guardrail; empty if it does not say.
        remedy: Arc<str>,
    },
    /// The workspace's reviewers have no capacity left for it this week.
    ReviewCapacity,
    /// A limit of the pack on the number of posts that need a review is used up.
    ReviewLimit {
        /// Name of the limit.
        limit: Arc<str>,
    },
    /// The agency is not posting for the client at present.
    ClientStatus {
        /// The client's status.
        status: ClientStatus,
    },
    /// The client no longer posts on the channel.
    ChannelOff {
        /// The channel.
        channel: Channel,
    },
    /// It is due before the instant from which the week is planned.
    Past,
    /// It falls on a blackout, or on a holiday on which the rules forbid posting.
    ClosedDay {
        /// The date in the client's zone.
        date: NaiveDate,
        /// The calendar entry's name.
        name: Arc<str>,
    },
    /// It falls in closed hours of the calendar or of the channel.
    ClosedHours {
        /// Wall-clock date and time of the post in the client's zone, such as `2026-09-12 09:00`.
        local_time: Arc<str>,
        /// Start of the closed range as written in the pack, such as `friday 18:00`.
        from: Arc<str>,
        /// End of the closed range, when posts may run again, such as `monday 08:00`.
        to: Arc<str>,
    },
    /// It falls in the channel's quiet hours.
    QuietHours {
        /// Wall-clock time of the post in the client's zone, such as `23:00`.
        local_time: Arc<str>,
    },
    /// Another post of the channel is too close.
    Spacing {
        /// When the other post is due.
        other: Timestamp,
        /// Minimum hours between two posts of the channel.
        spacing_hours: u32,
    },
    /// The asset's campaign does not run on the channel that day, or the client no longer has it.
    CampaignDates {
        /// The campaign.
        campaign_id: CampaignId,
        /// First and last day; `None` if the campaign does not run on the channel, or the client no longer has it.
        runs: Option<(NaiveDate, NaiveDate)>,
    },
    /// The asset is no longer available.
    AssetGone {
        /// The asset.
        asset_id: AssetId,
    },
    /// The asset was not made for the channel.
    AssetChannel {
        /// The asset.
        asset_id: AssetId,
    },
    /// The asset is not finished by the time of the post.
    AssetUnfinished {
        /// The asset.
        asset_id: AssetId,
        /// When it will be finished.
        created_at: Timestamp,
    },
    /// The asset is in its cooldown after another use on the channel.
    AssetCooldown {
        /// The asset.
        asset_id: AssetId,
        /// When the other use is.
        used_at: Timestamp,
        /// Minimum hours between two uses on a channel.
        cooldown_hours: f64,
    },
    /// The asset has reached its maximum number of uses in a week.
    AssetUses {
        /// The asset.
        asset_id: AssetId,
        /// Maximum uses a week, over all channels.
        most: u32,
    },
    /// The asset continues a story whose previous step has not run.
    StoryOrder {
        /// The asset.
        asset_id: AssetId,
        /// Its 0-based position in the story.
        step: u32,
    },
    /// No asset is available for it.
    NoAsset,
    /// Its asset has neither title nor text nor media.
    EmptyAsset {
        /// The asset.
        asset_id: AssetId,
    },
    /// A person must review it again: it may no longer run automatically.
    NeedsReview {
        /// Its risk band as assessed.
        risk: RiskBand,
        /// Its confidence as assessed, `0..=1`.
        confidence: f64,
        /// Why it may not run automatically, most important first.
        because: Vec<Arc<str>>,
    },
    /// It did not run in time.
    Expired {
        /// Its status at the time: pending approval, ready without a draft, blocked, or failed.
        status: ScheduleStatus,
        /// Why it was blocked, pending or failed; `None` if it was ready, or pending from the start.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        because: Option<Box<Reason>>,
    },
    /// A person cancelled it.
    Cancelled {
        /// Who cancelled it.
        actor: Arc<str>,
        /// Their explanation.
        reason: Arc<str>,
    },
    /// Creating its draft failed.
    DraftFailed {
        /// The cause.
        cause: Arc<str>,
    },
}

impl Reason {
    /// The code stored in tables and databases.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Reason::Guardrail { .. } => "guardrail",
            Reason::ReviewCapacity => "review_capacity",
            Reason::ReviewLimit { .. } => "review_limit",
            Reason::ClientStatus { .. } => "client_status",
            Reason::ChannelOff { .. } => "channel_off",
            Reason::Past => "past",
            Reason::ClosedDay { .. } => "closed_day",
            Reason::ClosedHours { .. } => "closed_hours",
            Reason::QuietHours { .. } => "quiet_hours",
            Reason::Spacing { .. } => "spacing",
            Reason::CampaignDates { .. } => "campaign_dates",
            Reason::AssetGone { .. } => "asset_gone",
            Reason::AssetChannel { .. } => "asset_channel",
            Reason::AssetUnfinished { .. } => "asset_unfinished",
            Reason::AssetCooldown { .. } => "asset_cooldown",
            Reason::AssetUses { .. } => "asset_uses",
            Reason::StoryOrder { .. } => "story_order",
            Reason::NoAsset => "no_asset",
            Reason::EmptyAsset { .. } => "empty_asset",
            Reason::NeedsReview { .. } => "needs_review",
            Reason::Expired { .. } => "expired",
            Reason::Cancelled { .. } => "cancelled",
            Reason::DraftFailed { .. } => "draft_failed",
        }
    }

    /// Whether it comes from a guardrail of the pack rather than from the engine itself.
    #[must_use]
    pub const fn is_from_guardrail(&self) -> bool {
        matches!(self, Reason::Guardrail { .. })
    }

    /// Whether it concerns the post's asset, so that another asset may resolve it.
    #[must_use]
    pub const fn concerns_asset(&self) -> bool {
        matches!(
            self,
            Reason::NoAsset
                | Reason::EmptyAsset { .. }
                | Reason::AssetGone { .. }
                | Reason::AssetChannel { .. }
                | Reason::AssetUnfinished { .. }
                | Reason::AssetCooldown { .. }
                | Reason::AssetUses { .. }
                | Reason::CampaignDates { .. }
                | Reason::StoryOrder { .. }
        )
    }

    /// Whether the post is blocked because it needs a review and none is left.
    #[must_use]
    pub const fn is_lack_of_review(&self) -> bool {
        matches!(self, Reason::ReviewCapacity | Reason::ReviewLimit { .. })
    }

    /// Whether a stored code is that of a reason for which [`Reason::is_lack_of_review`] is true.
    #[must_use]
    pub fn is_code_of_lack_of_review(code: &str) -> bool {
        [Reason::ReviewCapacity, Reason::ReviewLimit { limit: "".into() }].iter().any(|reason| reason.code() == code)
    }

    /// Whether the post has no asset, or an asset without content.
    #[must_use]
    pub const fn is_lack_of_content(&self) -> bool {
        matches!(self, Reason::NoAsset | Reason::EmptyAsset { .. })
    }

    /// The name under which reports count it: the guardrail's name, or the code.
    #[must_use]
    pub fn rule(&self) -> &str {
        match self {
            Reason::Guardrail { rule, .. } => rule,
            other => other.code(),
        }
    }

    /// The details as a JSON object; an empty object if the reason has none.
    #[must_use]
    pub fn details(&self) -> serde_json::Value {
        serde_json::json!(self).get("details").cloned().unwrap_or_else(|| serde_json::json!({}))
    }

    /// The reason with the given code and details; `None` if this version cannot read them.
    #[must_use]
    pub fn read(code: &str, details: &serde_json::Value) -> Option<Self> {
        let with_details = serde_json::json!({"code": code, "details": details});
        let without_details = serde_json::json!({"code": code});
        serde_json::from_value(with_details).or_else(|_| serde_json::from_value(without_details)).ok()
    }

    /// What can be done about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Reason::Guardrail { remedy, .. } => remedy,
            Reason::ReviewCapacity => "add reviewers, or raise the confidence of posts so that fewer need a review",
            Reason::ReviewLimit { .. } => "raise the limit, or the confidence of posts so that fewer need a review",
            Reason::ClientStatus { .. } => "set the client's status to active",
            Reason::ChannelOff { .. } => "add the channel to the client again, or cancel the post",
            Reason::Past => "plan a later time",
            Reason::ClosedDay { .. } => "remove the day from the calendar, or plan the week again",
            Reason::ClosedHours { .. } => "plan the week again, or change the `closed` hours of the pack",
            Reason::QuietHours { .. } => "plan the week again, or change the channel's quiet hours",
            Reason::Spacing { .. } => "cancel the other post, or lower the channel's spacing",
            Reason::CampaignDates { .. } => "change the campaign's dates, or give the post another asset",
            Reason::AssetGone { .. } => "load the asset again, or cancel the post and plan the week again",
            Reason::AssetChannel { .. } => "make the asset fit the channel, or plan the week again",
            Reason::AssetUnfinished { .. } => "finish the asset earlier, or plan the week again",
            Reason::AssetCooldown { .. } => {
                "cancel the other use, shorten the cooldown, or attach another asset with `mcoe attach`"
            }
            Reason::AssetUses { .. } => {
                "cancel another use, allow more uses a week, or attach another asset with `mcoe attach`"
            }
            Reason::StoryOrder { .. } => "publish the previous step first, or attach another asset with `mcoe attach`",
            Reason::NoAsset => {
                "create an asset for the channel and plan the week again, or attach one with `mcoe attach`"
            }
            Reason::EmptyAsset { .. } => "give the asset a title, a text or a media URL",
            Reason::NeedsReview { .. } => "approve it, or cancel it",
            Reason::Expired { .. } => "plan another post",
            Reason::Cancelled { .. } => "restore it with `mcoe restore` before its scheduled time",
            Reason::DraftFailed { .. } => "fix the cause; `drafts` in calendar.toml sets when it is tried again",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Guardrail { rule, reason, .. } => write!(f, "{rule}: {reason}"),
            Reason::ReviewCapacity => {
                f.write_str("review_capacity: the workspace's reviewers have no time left for it this week")
            }
            Reason::ReviewLimit { limit } => write!(f, "review_limit: the limit `{limit}` leaves it no review"),
            Reason::ClientStatus { status } => write!(f, "client_status: the client is {status}"),
            Reason::ChannelOff { channel } => write!(f, "channel_off: the client no longer posts on {channel}"),
            Reason::Past => f.write_str("past: its time has passed"),
            Reason::ClosedDay { date, name } if name.is_empty() => {
                write!(f, "closed_day: nothing is posted on {date}")
            }
            Reason::ClosedDay { date, name } => write!(f, "closed_day: nothing is posted on {date}: {name}"),
            Reason::ClosedHours { local_time, from, to } => {
                write!(f, "closed_hours: nothing is posted from {from} to {to}, and it is due at {local_time}")
            }
            Reason::QuietHours { local_time } => {
                write!(f, "quiet_hours: {local_time} lies in the channel's quiet hours")
            }
            Reason::Spacing { other, spacing_hours } => {
                write!(f, "spacing: another post of the channel is at {other}, less than {spacing_hours} h away")
            }
            Reason::CampaignDates { campaign_id, runs: Some((from, to)) } => {
                write!(f, "campaign_dates: campaign {campaign_id} runs from {from} to {to} only")
            }
            Reason::CampaignDates { campaign_id, runs: None } => {
                write!(f, "campaign_dates: campaign {campaign_id} does not run on the channel")
            }
            Reason::AssetGone { asset_id } => write!(f, "asset_gone: asset {asset_id} is no longer available"),
            Reason::AssetChannel { asset_id } => {
                write!(f, "asset_channel: asset {asset_id} was not made for the channel")
            }
            Reason::AssetUnfinished { asset_id, created_at } => {
                write!(f, "asset_unfinished: asset {asset_id} is not finished before {created_at}")
            }
            Reason::AssetCooldown { asset_id, used_at, cooldown_hours } => write!(
                f,
                "asset_cooldown: asset {asset_id} is used on the channel at {used_at}; cooldown {cooldown_hours} h"
            ),
            Reason::AssetUses { asset_id, most } => {
                write!(f, "asset_uses: asset {asset_id} already has {most} uses in the week, the maximum")
            }
            Reason::StoryOrder { asset_id, step } => {
                write!(f, "story_order: asset {asset_id} is step {step} of a story whose previous step has not run")
            }
            Reason::NoAsset => f.write_str("no_asset: no asset was available for it"),
            Reason::EmptyAsset { asset_id } => {
                write!(f, "empty_asset: asset {asset_id} has neither title nor text nor media")
            }
            Reason::NeedsReview { risk, confidence, because } => {
                write!(f, "needs_review: {risk} risk, confidence {confidence:.2}")?;
                because.iter().try_for_each(|cause| write!(f, "; {cause}"))
            }
            Reason::Expired { status, because } => write_expired(f, *status, because.as_deref()),
            Reason::Cancelled { actor, reason } => write!(f, "cancelled by {actor}: {reason}"),
            Reason::DraftFailed { cause } => write!(f, "draft failed: {cause}"),
        }
    }
}

/// Writes why a schedule expired: why no draft of its post was made in time.
fn write_expired(f: &mut fmt::Formatter<'_>, status: ScheduleStatus, because: Option<&Reason>) -> fmt::Result {
    f.write_str(match status {
        ScheduleStatus::Pending => "expired: nobody approved it in time",
        ScheduleStatus::Ready | ScheduleStatus::Failed => "expired: its draft was not made in time",
        _ => "expired: it was blocked until its time had passed",
    })?;
    because.iter().try_for_each(|because| write!(f, " ({because})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<Reason> {
        let asset_id = || AssetId::new("loaf");
        let at: Timestamp = "2026-09-09T09:00:00Z".parse().unwrap();
        let date: NaiveDate = "2026-09-09".parse().unwrap();
        let campaign_id = || CampaignId::new("autumn");
        vec![
            Reason::Guardrail { rule: "review_capacity_of_ours".into(), reason: "no".into(), remedy: "".into() },
            Reason::ReviewCapacity,
            Reason::ReviewLimit { limit: "reviews".into() },
            Reason::ClientStatus { status: ClientStatus::Paused },
            Reason::ChannelOff { channel: Channel::Fb },
            Reason::Past,
            Reason::ClosedDay { date, name: "Stocktaking".into() },
            Reason::ClosedHours {
                local_time: "2026-09-12 09:00".into(),
                from: "friday 18:00".into(),
                to: "monday 08:00".into(),
            },
            Reason::QuietHours { local_time: "23:00".into() },
            Reason::Spacing { other: at, spacing_hours: 4 },
            Reason::CampaignDates { campaign_id: campaign_id(), runs: Some((date, date)) },
            Reason::CampaignDates { campaign_id: campaign_id(), runs: None },
            Reason::AssetGone { asset_id: asset_id() },
            Reason::AssetChannel { asset_id: asset_id() },
            Reason::AssetUnfinished { asset_id: asset_id(), created_at: at },
            Reason::AssetCooldown { asset_id: asset_id(), used_at: at, cooldown_hours: 168.0 },
            Reason::AssetUses { asset_id: asset_id(), most: 3 },
            Reason::StoryOrder { asset_id: asset_id(), step: 1 },
            Reason::NoAsset,
            Reason::EmptyAsset { asset_id: asset_id() },
            Reason::NeedsReview { risk: RiskBand::Medium, confidence: 0.7, because: vec!["truth_layer: x".into()] },
            Reason::Expired { status: ScheduleStatus::Blocked, because: Some(Box::new(Reason::NoAsset)) },
            Reason::Expired { status: ScheduleStatus::Ready, because: None },
            Reason::Cancelled { actor: "ann".into(), reason: "sold out".into() },
            Reason::DraftFailed { cause: "asset gone".into() },
        ]
    }

    #[test]
    fn a_reason_is_read_from_its_code_and_details() {
        for reason in examples() {
            assert_eq!(Reason::read(reason.code(), &reason.details()).as_ref(), Some(&reason));
            let written = serde_json::to_value(&reason).unwrap();
            assert_eq!(written["code"], reason.code());
        }
        assert_eq!(Reason::read("the_moon", &serde_json::json!({})), None);
    }

    #[test]
    fn every_reason_has_a_sentence_and_a_remedy_unless_a_guardrail_gives_none() {
        for reason in examples() {
            assert!(reason.to_string().len() > 10, "{reason}");
            assert!(matches!(reason, Reason::Guardrail { .. }) || !reason.remedy().is_empty(), "{reason}");
        }
    }

    #[test]
    fn a_guardrail_named_like_a_code_is_still_a_guardrail() {
        let capacity = Reason::Guardrail { rule: "review_capacity".into(), reason: "no".into(), remedy: "".into() };
        assert_eq!((capacity.code(), capacity.rule()), ("guardrail", "review_capacity"));
        assert_eq!(Reason::ReviewCapacity.code(), "review_capacity");
    }
}
