//! The situation of a test case: a client that posts on one channel, a week, and one hour of that week.

use std::sync::Arc;

use crate::model::{
    Asset, AssetId, AssetUse, CalendarEntry, CalendarError, Campaign, CampaignId, Capacity, Channel, ChannelState,
    Client, ClientId, ClientState, ClientStatus, DayKind, Policy, PreviousPost, Reality, Score, Severity, Timestamp,
    Warning, WarningId, WarningStatus, Week, WeekHours, WorkspaceId, Zone,
};
use crate::planner::{SlotOverrides, SlotQuery};
use crate::rules::{CompiledRules, Row, Rules, Settings, Value, View, day_name, weekday_of};

/// The situation that a case evaluates.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    client: Client,
    state: ClientState,
    capacity: Capacity,
    week: Week,
    weekday: u8,
    hour: u8,
    overrides: SlotOverrides,
}

impl Situation {
    /// The situation of a case with valid keys, under the rules of a pack.
    ///
    /// # Errors
    /// If the time zone or the week is unknown, or the week is at the edge of the calendar.
    pub(super) fn of(settings: &Settings, case: &str, rules: &CompiledRules) -> Result<Self, CalendarError> {
        let values = CaseValues { view: View::new(settings), case };
        let zone: Zone = values.text("client.time_zone").parse()?;
        let week: Week = values.text("week").parse()?;
        let hours = WeekHours::new(week, &zone)?;
        let client = values.client(zone, &hours, &rules.base());
        let client_rules = rules.for_client(&client);
        let state = values.state(&client, &hours, client_rules.base());
        Ok(Self {
            capacity: Capacity { reviewers: values.count("workspace_reviewers"), ..Capacity::default() },
            week,
            weekday: weekday(values.text("post.day")),
            hour: values.count("post.hour") as u8,
            overrides: SlotOverrides {
                fatigue: values.optional_number("post.fatigue"),
                hours_to_nearest_post: values.optional_number("post.hours_to_nearest_post"),
                action_of_day: values.integer("post.action_of_day"),
            },
            client,
            state,
        })
    }

    /// The channel that the client posts on.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.state.channels.first().map_or(Channel::Fb, |state| state.channel)
    }

    /// The client as the case describes it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// State of the channel at the start of the week.
    #[must_use]
    pub fn channel_state(&self) -> Option<&ChannelState> {
        self.state.channels.first()
    }

    /// The hours of the week on the client's clock; `None` at the edge of the calendar, which no case reaches.
    pub(super) fn hours(&self) -> Option<WeekHours> {
        WeekHours::new(self.week, &self.client.zone).ok()
    }

    /// Weekday of the post as named in keys, such as `monday`.
    #[must_use]
    pub const fn day(&self) -> &'static str {
        day_name(self.weekday)
    }

    /// The situation as input of the planner.
    #[must_use]
    pub const fn query(&self) -> SlotQuery<'_> {
        SlotQuery {
            client: &self.client,
            state: &self.state,
            capacity: &self.capacity,
            week: self.week,
            weekday: self.weekday,
            hour: self.hour,
            overrides: self.overrides,
        }
    }
}

/// The values that a case states, or else their defaults. Keys are validated before, so that only the time zone and the
/// week can be invalid.
struct CaseValues<'s> {
    view: View<'s>,
    case: &'s str,
}

impl<'s> CaseValues<'s> {
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.case)
    }

    fn text(&self, key: &str) -> &'s str {
        self.view.text(&self.path(key)).unwrap_or_default()
    }

    fn optional_number(&self, key: &str) -> Option<f64> {
        self.view.number(&self.path(key))
    }

    fn number(&self, key: &str) -> f64 {
        self.optional_number(key).unwrap_or_default()
    }

    fn score(&self, key: &str) -> Score {
        Score::clamped(self.number(key))
    }

    fn integer(&self, key: &str) -> Option<i64> {
        self.view.integer(&self.path(key))
    }

    fn count(&self, key: &str) -> u32 {
        self.integer(key).and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
    }

    fn optional_bool(&self, key: &str) -> Option<bool> {
        self.view.bool(&self.path(key))
    }

    fn bool(&self, key: &str) -> bool {
        self.optional_bool(key).unwrap_or_default()
    }

    fn rows(&self, key: &str) -> &'s [Row] {
        self.view.rows(&self.path(key)).unwrap_or_default()
    }

    fn channel(&self) -> Channel {
        self.text("channel").parse().unwrap_or(Channel::Fb)
    }

    fn client(&self, zone: Zone, hours: &WeekHours, rules: &Rules) -> Client {
        Client {
            id: ClientId::new(self.text("client.id")),
            workspace_id: WorkspaceId::new(self.text("client.workspace")),
            name: self.text("client.id").into(),
            industry: self.text("client.industry").into(),
            tags: self.tags("client.tags"),
            zone,
            status: self.text("client.status").parse().unwrap_or(ClientStatus::Active),
            priority: self.number("client.priority"),
            policy: self.policy(&rules.risk.default_policy),
            campaigns: self.rows("client.campaigns").iter().map(|row| campaign(row, hours)).collect(),
            assets: self.asset(hours).into_iter().collect(),
            world: Vec::new(),
            calendar: self.rows("client.days").iter().filter_map(|row| special_day(row, hours)).collect(),
        }
    }

    /// Tags separated by semicolons, as in a scenario.
    fn tags(&self, key: &str) -> Vec<Arc<str>> {
        self.text(key).split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(Arc::from).collect()
    }

    fn policy(&self, default: &Policy) -> Policy {
        let flag = |key: &str, default| self.optional_bool(&format!("policy.{key}")).unwrap_or(default);
        let actions = self.integer("policy.max_actions_per_day").and_then(|actions| u32::try_from(actions).ok());
        Policy {
            agent_enabled: flag("agent_enabled", default.agent_enabled),
            auto_exec_enabled: flag("auto_exec_enabled", default.auto_exec_enabled),
            max_actions_per_day: actions.unwrap_or(default.max_actions_per_day),
            pause_on_high_severity_warning: flag(
                "pause_on_high_severity_warning",
                default.pause_on_high_severity_warning,
            ),
        }
    }

    fn asset(&self, hours: &WeekHours) -> Option<Asset> {
        let made_for = self.bool("asset.made_for_channel").then(|| self.channel());
        let content = if self.bool("asset.has_content") { self.text("asset.title") } else { "" };
        self.bool("asset.present").then(|| {
            let created_at = hours_before(hours.start(), self.number("asset.age_hours"));
            Asset {
                campaign_id: self.view.text(&self.path("asset.campaign")).map(CampaignId::new),
                channels: made_for.into_iter().collect(),
                quality: self.score("asset.quality"),
                brand_consistency: self.score("asset.brand_consistency"),
                value: self.score("asset.value"),
                impact: self.score("asset.impact"),
                evolution_step: self.count("asset.evolution_step"),
                title: content.into(),
                tags: self.tags("asset.tags"),
                ..Asset::new(AssetId::new("asset"), self.text("asset.kind"), created_at)
            }
        })
    }

    fn state(&self, client: &Client, hours: &WeekHours, rules: &Rules) -> ClientState {
        let start = hours.start();
        let used_hours_ago = self.optional_number("asset.used_hours_ago");
        let last_use = |asset: &Asset| {
            let at = hours_before(start, used_hours_ago?);
            Some(AssetUse { asset_id: asset.id.clone(), channel: self.channel(), at })
        };
        ClientState {
            channels: vec![self.channel_state(hours, rules)],
            warnings: self.rows("warnings").iter().map(|row| warning(row, start)).collect(),
            reality: self.reality(start),
            asset_uses: client.assets.iter().filter_map(last_use).collect(),
            previous_posts: self.previous_posts(hours),
        }
    }

    fn previous_posts(&self, hours: &WeekHours) -> Vec<PreviousPost> {
        let previous_post = |at| PreviousPost { channel: self.channel(), at, asset_id: None };
        self.rows("state.previous").iter().filter_map(|row| instant(row, hours)).map(previous_post).collect()
    }

    fn channel_state(&self, hours: &WeekHours, rules: &Rules) -> ChannelState {
        let channel = self.channel();
        let rate = self.optional_number("state.engagement_rate").unwrap_or(rules.channel(channel).engagement_rate);
        let last_post_hours_ago = self.optional_number("state.last_post_hours_ago");
        let mut committed: Vec<Timestamp> =
            self.rows("state.committed").iter().filter_map(|row| instant(row, hours)).collect();
        committed.sort_unstable();
        let posts_within = |days: f64| u32::from(last_post_hours_ago.is_some_and(|hours| hours <= days * 24.0));
        ChannelState {
            channel,
            audience: self.number("state.audience"),
            engagement_rate: self.bool("state.measured").then_some(rate),
            last_post_at: last_post_hours_ago.map(|ago| hours_before(hours.start(), ago)),
            recent_posts: committed,
            posts_last_7_days: posts_within(7.0),
            posts_last_30_days: posts_within(30.0),
            fatigue: self.score("state.fatigue"),
            as_of: hours.start(),
            momentum: Some(self.score("state.momentum")),
            visibility: Some(self.score("state.visibility")),
            engagement: Some(self.score("state.engagement")),
        }
    }

    fn reality(&self, start: Timestamp) -> Option<Reality> {
        let number = |key: &str| self.optional_number(&format!("reality.{key}"));
        let keys = ["perceived", "true_score", "confidence", "completeness"];
        let [perceived, actual, confidence, completeness] = keys.map(number);
        let is_assessed = [perceived, actual, confidence, completeness].iter().any(Option::is_some);
        let score_or = |score: Option<f64>, default: f64| Score::clamped(score.unwrap_or(default));
        is_assessed.then(|| Reality {
            as_of: start,
            perceived: score_or(perceived, 0.5),
            actual: actual.map(Score::clamped),
            confidence: score_or(confidence, 1.0),
            completeness: score_or(completeness, 1.0),
        })
    }
}

fn cell<'r>(row: &'r Row, column: &str) -> Option<&'r Value> {
    row.get(column).map(|setting| &setting.value)
}

fn text_of<'r>(row: &'r Row, column: &str) -> &'r str {
    cell(row, column).and_then(Value::as_text).unwrap_or_default()
}

fn campaign(row: &Row, hours: &WeekHours) -> Campaign {
    Campaign {
        id: CampaignId::new(text_of(row, "id")),
        name: text_of(row, "id").into(),
        goal: "awareness".into(),
        starts_on: hours.date(0),
        ends_on: hours.date(6),
        channels: Vec::new(),
        weight: cell(row, "weight").and_then(Value::as_number).unwrap_or(1.0),
        any_asset: matches!(cell(row, "any_asset"), Some(Value::Bool(true))),
    }
}

fn special_day(row: &Row, hours: &WeekHours) -> Option<CalendarEntry> {
    let date = hours.date(weekday(text_of(row, "day")));
    Some(CalendarEntry {
        from: date,
        to: date,
        kind: text_of(row, "kind").parse::<DayKind>().ok()?,
        factor: cell(row, "factor").and_then(Value::as_number),
        channel: None,
        name: "a special day".into(),
    })
}

fn warning(row: &Row, start: Timestamp) -> Warning {
    Warning {
        id: WarningId::new(text_of(row, "kind")),
        kind: text_of(row, "kind").into(),
        severity: text_of(row, "severity").parse().unwrap_or(Severity::Low),
        status: text_of(row, "status").parse().unwrap_or(WarningStatus::Open),
        opened_at: start,
    }
}

/// Weekday and hour of a row, `0..7` and `0..24`.
pub(super) fn day_and_hour(row: &Row) -> (u8, u8) {
    let hour = match cell(row, "hour") {
        Some(Value::Integer(hour)) => u8::try_from(*hour).unwrap_or_default(),
        _ => 0,
    };
    (weekday(text_of(row, "day")), hour)
}

fn instant(row: &Row, hours: &WeekHours) -> Option<Timestamp> {
    let day_and_hour = day_and_hour(row);
    let index = hours.hours().iter().position(|wall| (wall.weekday, wall.hour) == day_and_hour)?;
    Some(hours.instant(index as i64))
}

fn weekday(day: &str) -> u8 {
    weekday_of(day).unwrap_or(0)
}

fn hours_before(at: Timestamp, hours: f64) -> Timestamp {
    at.plus_seconds(-((hours * 3600.0) as i64))
}
