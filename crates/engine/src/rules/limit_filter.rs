//! The posts that a limit counts.

use std::sync::Arc;

use chrono::{Datelike as _, NaiveDateTime, Timelike as _};

use super::key::DAYS;
use super::settings::View;
use crate::model::{CampaignId, Channel, ClientId};

/// The posts that a limit counts: those that meet every condition.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitFilter {
    /// The channels, in table order; empty for all.
    pub channels: Vec<Channel>,
    /// Whether posts of a weekday count, Monday first.
    pub days: [bool; 7],
    /// Whether posts of an hour of the client's clock count.
    pub hours: [bool; 24],
    /// Content types of assets; empty for all.
    pub kinds: Vec<Arc<str>>,
    /// Campaigns; empty for all.
    pub campaigns: Vec<CampaignId>,
    /// Tags, of which the client has at least one; empty for any client.
    pub tags: Vec<Arc<str>>,
    /// The clients; empty for all.
    pub clients: Vec<ClientId>,
    /// The first local time that counts, inclusive.
    pub from: Option<NaiveDateTime>,
    /// The end of the local times that count, exclusive; later than `from`.
    pub to: Option<NaiveDateTime>,
}

impl LimitFilter {
    /// Counts every post of every client.
    pub const ALL: LimitFilter = LimitFilter {
        channels: Vec::new(),
        days: [true; 7],
        hours: [true; 24],
        kinds: Vec::new(),
        campaigns: Vec::new(),
        tags: Vec::new(),
        clients: Vec::new(),
        from: None,
        to: None,
    };

    /// Whether a post at a time of the client's clock meets the conditions on time.
    #[must_use]
    pub fn covers(&self, at: NaiveDateTime) -> bool {
        let is_set = |flags: &[bool], index: u32| flags.get(index as usize).copied().unwrap_or(false);
        is_set(&self.days, at.weekday().num_days_from_monday())
            && is_set(&self.hours, at.hour())
            && self.from.is_none_or(|from| at >= from)
            && self.to.is_none_or(|to| at < to)
    }
}

/// Reads a filter, given by the full path of its table.
pub(super) fn filter(view: &View<'_>, table: &str) -> LimitFilter {
    let path = |key: &str| format!("{table}.{key}");
    let channels = view.names(&path("channels")).unwrap_or_default();
    let days = view.names(&path("days"));
    let hours = view.hours(&path("hours"));
    let texts = |key: &str| view.texts(&path(key)).unwrap_or_default().iter();
    LimitFilter {
        channels: Channel::ALL.into_iter().filter(|channel| channels.contains(&channel.name())).collect(),
        days: DAYS.map(|day| days.is_none_or(|days| days.contains(&day))),
        hours: std::array::from_fn(|hour| {
            hours.is_none_or(|hours| hours.iter().any(|listed| usize::from(*listed) == hour))
        }),
        kinds: texts("kinds").map(|kind| kind.as_str().into()).collect(),
        campaigns: texts("campaigns").map(|id| CampaignId::new(id.as_str())).collect(),
        tags: texts("tags").map(|tag| tag.as_str().into()).collect(),
        clients: texts("clients").map(|id| ClientId::new(id.as_str())).collect(),
        from: view.date_time(&path("from")),
        to: view.date_time(&path("to")),
    }
}
