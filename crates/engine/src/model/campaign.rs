//! Campaigns: the goals that posts serve.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use super::record::record;
use super::{CampaignId, Channel, Client, ClientId};

/// A campaign of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Campaign {
    /// Unique in the scenario.
    pub id: CampaignId,
    /// Shown in reports.
    pub name: Arc<str>,
    /// Its goal: awareness, leads, sales.
    pub goal: Arc<str>,
    /// First day, in the client's zone.
    pub starts_on: NaiveDate,
    /// Last day, inclusive.
    pub ends_on: NaiveDate,
    /// The channels it runs on; empty for all.
    pub channels: Vec<Channel>,
    /// Factor on the value of its posts while it runs, above 0; 1 is neutral.
    pub weight: f64,
    /// Whether posts whose asset belongs to no campaign also count for it.
    pub any_asset: bool,
}

impl Campaign {
    /// Whether it runs on the channel that day.
    #[must_use]
    pub fn runs_on(&self, channel: Channel, date: NaiveDate) -> bool {
        (self.channels.is_empty() || self.channels.contains(&channel))
            && (self.starts_on..=self.ends_on).contains(&date)
    }
}

record! {
    /// A row of `campaigns`.
    pub struct CampaignRow {
        /// Unique in the scenario.
        pub campaign_id: CampaignId,
        /// The client it belongs to.
        pub client_id: ClientId,
        /// Name shown in reports; the id if blank.
        pub name: Option<Arc<str>>,
        /// Its goal: awareness, leads, sales.
        #[column(default = "".into())]
        pub goal: Arc<str>,
        /// First day, in the client's zone.
        pub starts_on: NaiveDate,
        /// Last day, inclusive.
        pub ends_on: NaiveDate,
        /// The channels it runs on; blank for all.
        #[column(default = Vec::new())]
        pub channels: Vec<Channel>,
        /// Factor on the value of its posts while it runs; 1 is neutral and the default.
        #[column(range = 0.01..=10.0, default = 1.0)]
        pub weight: f64,
        /// Whether posts whose asset belongs to no campaign count for it as well.
        #[column(default = false, sparse)]
        pub any_asset: bool,
    }
}

impl CampaignRow {
    /// The row of a client's campaign.
    #[must_use]
    pub fn of(client: &Client, campaign: &Campaign) -> Self {
        Self {
            campaign_id: campaign.id.clone(),
            client_id: client.id.clone(),
            name: Some(Arc::clone(&campaign.name)),
            goal: Arc::clone(&campaign.goal),
            starts_on: campaign.starts_on,
            ends_on: campaign.ends_on,
            channels: campaign.channels.clone(),
            weight: campaign.weight,
            any_asset: campaign.any_asset,
        }
    }
}

impl From<CampaignRow> for Campaign {
    fn from(row: CampaignRow) -> Self {
        Self {
            name: row.name.unwrap_or_else(|| row.campaign_id.as_str().into()),
            id: row.campaign_id,
            goal: row.goal,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
            channels: row.channels,
            weight: row.weight,
            any_asset: row.any_asset,
        }
    }
}
