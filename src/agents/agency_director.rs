//! Agency Director: which campaigns push, which days are out, what a day is worth.

use jiff::civil::Date;

use super::ClientWeek;
use crate::model::{AgencyDirector, CalendarEntry, Campaign, CampaignSignal, Channel, DayKind};

/// What a date means for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPlan<'a> {
    /// The campaign that posts of the day count for: the heaviest that runs, the first by id among equals.
    pub campaign: Option<&'a Campaign>,
    /// Factor on the value of posts from holidays and boosts.
    pub calendar_factor: f64,
    /// What forbids posts that day.
    pub closed: Option<&'a CalendarEntry>,
}

impl DayPlan<'_> {
    /// Factor on the value of posts from the campaign.
    #[must_use]
    pub fn campaign_factor(&self) -> f64 {
        self.campaign.map_or(1.0, |campaign| campaign.weight)
    }
}

/// Strategy for the week.
#[must_use]
pub fn signal(week: &ClientWeek<'_>) -> AgencyDirector {
    let dates: Vec<Date> = (0..7).map(|weekday| week.hours.date(weekday)).collect();
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
        dates.iter().copied().filter(|date| days(week).any(|e| e.kind == kind && covers(e, *date))).collect()
    };
    AgencyDirector { campaigns, blackout_days: days_of(DayKind::Blackout), holidays: days_of(DayKind::Holiday) }
}

/// What one date means for one channel.
#[must_use]
pub fn day_plan<'a>(week: &ClientWeek<'a>, channel: Channel, date: Date) -> DayPlan<'a> {
    let mut campaign: Option<&Campaign> = None;
    for candidate in week.client.campaigns.iter().filter(|campaign| campaign.runs_on(channel, date)) {
        if campaign.is_none_or(|best| candidate.weight > best.weight) {
            campaign = Some(candidate);
        }
    }
    let rules = &week.rules.calendar;
    let mut calendar_factor = 1.0;
    let mut closed = None;
    for entry in days(week).filter(|entry| entry.covers(channel, date)) {
        match entry.kind {
            DayKind::Blackout => closed = closed.or(Some(entry)),
            DayKind::Holiday if !rules.holiday_posts => closed = closed.or(Some(entry)),
            DayKind::Holiday => calendar_factor *= entry.factor.unwrap_or(rules.holiday_factor),
            DayKind::Boost => calendar_factor *= entry.factor.unwrap_or(rules.boost_factor),
        }
    }
    DayPlan { campaign, calendar_factor, closed }
}

/// The special days of the client and of its rules.
fn days<'a>(week: &ClientWeek<'a>) -> impl Iterator<Item = &'a CalendarEntry> + use<'a> {
    week.client.days.iter().chain(&week.rules.calendar.days)
}
