//! Agency Director: the running campaigns and the special days of a week, and their effect on each day of a channel.

use chrono::NaiveDate;

use super::ClientWeek;
use super::creative_director::Candidate;
use crate::model::{AgencyDirector, Asset, CalendarEntry, Campaign, CampaignId, CampaignSignal, Channel, DayKind};

/// Campaigns and special days of a date on one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPlan<'a> {
    /// The running campaigns, by id.
    pub campaigns: Vec<&'a Campaign>,
    /// Campaign factor on the value of the day's hours: the greatest weight that a post can have with an asset that is
    /// usable by that day; if there is no such asset, the weight of a post without one.
    pub hour_weight: f64,
    /// Factor of the day's holidays and boosts on the value of posts.
    pub calendar_factor: f64,
    /// The holidays and boosts whose factors multiply to `calendar_factor`.
    pub special_days: Vec<&'a CalendarEntry>,
    /// The special day that forbids posts, if any.
    pub closed: Option<&'a CalendarEntry>,
}

impl DayPlan<'_> {
    /// The campaign that a post counts for: its asset's. If the asset has none, or the post has no asset: of the
    /// running campaigns that apply to any asset, the one with the greatest weight, the first by id among equals.
    #[must_use]
    pub fn campaign_of<'s>(&'s self, asset: Option<&'s Asset>) -> Option<&'s CampaignId> {
        let of_asset = asset.and_then(|asset| asset.campaign_id.as_ref());
        of_asset.or_else(|| heaviest_open_campaign(&self.campaigns).map(|campaign| &campaign.id))
    }

    /// Factor on the value of a post of a campaign: the campaign's weight while it runs, else 1.
    #[must_use]
    pub fn weight_of(&self, campaign: Option<&CampaignId>) -> f64 {
        let running = self.campaigns.iter().find(|running| Some(&running.id) == campaign);
        running.map_or(1.0, |campaign| campaign.weight)
    }

    /// Value of a post of a campaign relative to the value of its hour.
    #[must_use]
    pub fn share_of_hour(&self, campaign: Option<&CampaignId>) -> f64 {
        self.weight_of(campaign) / self.hour_weight
    }

    /// Whether the asset's campaign, if it has one, runs that day.
    fn admits(&self, asset: &Asset) -> bool {
        asset.campaign_id.as_ref().is_none_or(|id| self.campaigns.iter().any(|running| running.id == *id))
    }

    /// The greatest campaign weight that a post can have with one of the assets, or without one if none can be used.
    fn greatest_weight<'c>(&self, usable: impl Iterator<Item = &'c Asset>) -> f64 {
        let weights =
            usable.filter(|asset| self.admits(asset)).map(|asset| self.weight_of(self.campaign_of(Some(asset))));
        weights.reduce(f64::max).unwrap_or_else(|| self.weight_of(self.campaign_of(None)))
    }
}

/// Of the campaigns that apply to any asset, the one with the greatest weight, the first among equals. `campaigns` are
/// sorted by id.
fn heaviest_open_campaign<'a>(campaigns: &[&'a Campaign]) -> Option<&'a Campaign> {
    let open = campaigns.iter().copied().filter(|campaign| campaign.any_asset);
    open.reduce(|best, other| if other.weight > best.weight { other } else { best })
}

/// Campaigns and special days of the week.
#[must_use]
pub fn signal(week: &ClientWeek<'_>) -> AgencyDirector {
    let dates: Vec<NaiveDate> = (0..7).map(|weekday| week.hours.date(weekday)).collect();
    let channels = || week.state.channels.iter().map(|state| state.channel);
    let campaigns = week
        .client
        .campaigns
        .iter()
        .filter(|campaign| dates.iter().any(|date| channels().any(|channel| campaign.runs_on(channel, *date))))
        .map(|campaign| CampaignSignal {
            campaign_id: campaign.id.clone(),
            goal: campaign.goal.clone(),
            weight: campaign.weight,
        })
        .collect();
    let days_of = |kind: DayKind| {
        let covers = |entry: &CalendarEntry, date| channels().any(|channel| entry.covers(channel, date));
        let has_day = |date: &NaiveDate| special_days(week).any(|day| day.kind == kind && covers(day, *date));
        dates.iter().copied().filter(has_day).collect()
    };
    AgencyDirector { campaigns, blackout_days: days_of(DayKind::Blackout), holidays: days_of(DayKind::Holiday) }
}

/// Campaigns and special days of a date on a channel. `candidates` are the assets that the channel can use in the week.
#[must_use]
pub fn day_plan<'a>(
    week: &ClientWeek<'a>,
    channel: Channel,
    date: NaiveDate,
    candidates: &[Candidate<'_>],
) -> DayPlan<'a> {
    let campaigns = week.client.campaigns.iter().filter(|campaign| campaign.runs_on(channel, date)).collect();
    let rules = &week.rules.calendar;
    let mut open_special_days = Vec::new();
    let mut closed = None;
    for entry in special_days(week).filter(|entry| entry.covers(channel, date)) {
        match entry.kind {
            DayKind::Blackout => closed = closed.or(Some(entry)),
            DayKind::Holiday if !rules.holiday_posts => closed = closed.or(Some(entry)),
            DayKind::Holiday | DayKind::Boost => open_special_days.push(entry),
        }
    }
    let calendar_factor = open_special_days.iter().map(|entry| rules.factor_of(entry)).product();
    let mut day = DayPlan { campaigns, hour_weight: 1.0, calendar_factor, special_days: open_special_days, closed };
    if !day.campaigns.is_empty() {
        let is_usable = |candidate: &&Candidate<'_>| first_day(week, candidate).is_some_and(|first| first <= date);
        let usable = candidates.iter().filter(is_usable);
        day.hour_weight = day.greatest_weight(usable.map(|candidate| candidate.asset));
    }
    day
}

/// The day from which a candidate can be used; `None` if that lies after the week.
fn first_day(week: &ClientWeek<'_>, candidate: &Candidate<'_>) -> Option<NaiveDate> {
    let hour = usize::try_from(week.hours.hour_of(candidate.available_from)).ok()?;
    week.hours.hours().get(hour).map(|wall| week.hours.date(wall.weekday))
}

/// The special days of the client and of its rules.
fn special_days<'a>(week: &ClientWeek<'a>) -> impl Iterator<Item = &'a CalendarEntry> + use<'a> {
    week.client.calendar.iter().chain(&week.rules.calendar.days)
}
