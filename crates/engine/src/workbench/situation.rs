//! The situation of a test case: a client that posts on one channel or several, a week, and one hour of that week.

use std::sync::Arc;

use crate::diagnostic::SourceLocation;
use crate::model::{
    Asset, AssetId, AssetUse, CalendarEntry, CalendarError, Campaign, CampaignId, Capacity, Channel, ChannelState,
    Client, ClientId, ClientState, ClientStatus, DayKind, Policy, PreviousPost, Reality, Score, Severity, Timestamp,
    Warning, WarningId, WarningStatus, Week, WeekHours, WorkspaceId, Zone,
};
use crate::planner::{SlotOverrides, SlotQuery, seasonal_posts};
use crate::rules::{CompiledRules, Row, Rules, Settings, Value, View, day_name, weekday_of};

/// The situation that a case evaluates.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    client: Client,
    state: ClientState,
    /// The channel of the post.
    channel: Channel,
    /// Whether the case states all channels of the client, so that its week is planned as a whole.
    states_channels: bool,
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
        let values = CaseValues { settings, view: View::new(settings), case };
        let zone: Zone = values.text("client.time_zone").parse()?;
        let week: Week = values.text("week").parse()?;
        let hours = WeekHours::new(week, &zone)?;
        let mut client = values.client(zone, &hours, &rules.base());
        let client_rules = rules.for_client(&client);
        client.assets = values.assets(&hours, client_rules.base());
        let state = values.state(&client, &hours, client_rules.base());
        Ok(Self {
            channel: values.channel(),
            states_channels: !values.rows("channels").is_empty(),
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

    /// The channel of the post.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Whether the case states all channels of the client, so that its week is planned as a whole.
    #[must_use]
    pub const fn states_channels(&self) -> bool {
        self.states_channels
    }

    /// The client's week on all its channels, as input of the planner.
    pub(super) const fn week(&self) -> (&Client, &ClientState, &Capacity, Week) {
        (&self.client, &self.state, &self.capacity, self.week)
    }

    /// The client as the case describes it.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// State of the post's channel at the start of the week.
    #[must_use]
    pub fn channel_state(&self) -> Option<&ChannelState> {
        self.state.channels.iter().find(|state| state.channel == self.channel)
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
            channel: self.channel,
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
    settings: &'s Settings,
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

    /// The cells of a row; a table of the case has what the row leaves out.
    const fn cells<'v>(&'v self, row: Option<&'s Row>, table: &'static str) -> Cells<'v, 's> {
        Cells { values: self, row, table }
    }

    /// The channel of the post.
    fn channel(&self) -> Channel {
        channel_of_post(self.settings, self.case).0
    }

    /// The client's channels in table order, each with the row that states it; without rows, the channel of the post.
    fn channels(&self) -> Vec<(Channel, Option<&'s Row>)> {
        let rows = self.rows("channels").iter();
        let mut channels: Vec<(Channel, Option<&Row>)> =
            rows.filter_map(|row| Some((channel_of(row)?, Some(row)))).collect();
        if channels.is_empty() {
            channels.push((self.channel(), None));
        }
        channels.sort_by_key(|(channel, _)| *channel);
        channels
    }

    fn client(&self, zone: Zone, hours: &WeekHours, rules: &Rules) -> Client {
        Client {
            id: ClientId::new(self.text("client.id")),
            workspace_id: WorkspaceId::new(self.text("client.workspace")),
            name: self.text("client.id").into(),
            industry: self.text("client.industry").into(),
            tags: tags(self.text("client.tags")),
            zone,
            status: self.text("client.status").parse().unwrap_or(ClientStatus::Active),
            priority: self.number("client.priority"),
            policy: self.policy(&rules.risk.default_policy),
            campaigns: self.rows("client.campaigns").iter().map(|row| campaign(row, hours)).collect(),
            assets: Vec::new(),
            world: Vec::new(),
            limit_numbers: Vec::new(),
            calendar: self.rows("client.days").iter().filter_map(|row| special_day(row, hours)).collect(),
        }
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

    /// The assets of each row or, without rows, of the table `asset`.
    fn assets(&self, hours: &WeekHours, rules: &Rules) -> Vec<Asset> {
        let rows = self.rows("assets");
        let kinds: Vec<Cells<'_, '_>> = match rows {
            [] if !self.bool("asset.present") => Vec::new(),
            [] => vec![self.cells(None, "asset")],
            rows => rows.iter().map(|row| self.cells(Some(row), "asset")).collect(),
        };
        let is_for_all = rows.is_empty() && !self.rows("channels").is_empty();
        let default_count = if is_for_all { self.posts_wanted(hours, rules) } else { 1 };
        let mut assets: Vec<Asset> = Vec::new();
        for cells in kinds {
            let count = cells.integer("count").and_then(|count| usize::try_from(count).ok());
            for _ in 0..count.unwrap_or(default_count) {
                let id = match assets.len() {
                    0 => "asset".to_owned(),
                    others => format!("asset-{}", others + 1),
                };
                assets.push(self.asset(&cells, AssetId::new(id), hours));
            }
        }
        assets
    }

    /// Posts that the rules want in the week on all channels, at least 1.
    fn posts_wanted(&self, hours: &WeekHours, rules: &Rules) -> usize {
        let channels = self.channels().into_iter();
        let posts: u32 = channels.map(|(channel, _)| seasonal_posts(rules, channel, hours)).sum();
        posts.max(1) as usize
    }

    fn asset(&self, cells: &Cells<'_, '_>, id: AssetId, hours: &WeekHours) -> Asset {
        let made_for = match cells.row.and_then(|row| cell(row, "channels")) {
            Some(Value::Names(names)) => names.iter().filter_map(|name| name.parse().ok()).collect(),
            _ if self.bool("asset.made_for_channel") => {
                self.channels().into_iter().map(|(channel, _)| channel).collect()
            }
            _ => Vec::new(),
        };
        let created_at = hours_before(hours.start(), cells.number("age_hours").unwrap_or_default());
        Asset {
            campaign_id: cells.text("campaign").map(CampaignId::new),
            channels: made_for,
            quality: cells.score("quality"),
            brand_consistency: cells.score("brand_consistency"),
            value: cells.score("value"),
            impact: cells.score("impact"),
            evolution_step: self.count("asset.evolution_step"),
            title: if self.bool("asset.has_content") { cells.text("title").unwrap_or_default() } else { "" }.into(),
            tags: tags(cells.text("tags").unwrap_or_default()),
            ..Asset::new(id, cells.text("kind").unwrap_or_default(), created_at)
        }
    }

    fn state(&self, client: &Client, hours: &WeekHours, rules: &Rules) -> ClientState {
        let start = hours.start();
        let used_hours_ago = self.optional_number("asset.used_hours_ago");
        let last_use = |asset: &Asset| {
            let at = hours_before(start, used_hours_ago?);
            Some(AssetUse { asset_id: asset.id.clone(), channel: self.channel(), at })
        };
        let channels = self.channels().into_iter();
        ClientState {
            channels: channels.map(|(channel, row)| self.channel_state(channel, row, hours, rules)).collect(),
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

    fn channel_state(&self, channel: Channel, row: Option<&'s Row>, hours: &WeekHours, rules: &Rules) -> ChannelState {
        let cells = self.cells(row, "state");
        let rate = cells.number("engagement_rate").unwrap_or(rules.channel(channel).engagement_rate);
        let last_post_hours_ago = cells.number("last_post_hours_ago");
        let posts_within = |days: f64| u32::from(last_post_hours_ago.is_some_and(|hours| hours <= days * 24.0));
        ChannelState {
            channel,
            audience: cells.number("audience").unwrap_or_default(),
            engagement_rate: cells.bool("measured").unwrap_or_default().then_some(rate),
            last_post_at: last_post_hours_ago.map(|ago| hours_before(hours.start(), ago)),
            recent_posts: self.committed(channel, hours),
            posts_needing_review: Vec::new(),
            posts_last_7_days: posts_within(7.0),
            posts_last_30_days: posts_within(30.0),
            fatigue: cells.score("fatigue"),
            as_of: hours.start(),
            momentum: Some(cells.score("momentum")),
            visibility: Some(cells.score("visibility")),
            engagement: Some(cells.score("engagement")),
        }
    }

    /// The committed posts of a channel, by time.
    fn committed(&self, channel: Channel, hours: &WeekHours) -> Vec<Timestamp> {
        let rows = self.rows("state.committed").iter();
        let of_channel = rows.filter(|row| channel_of(row).unwrap_or_else(|| self.channel()) == channel);
        let mut committed: Vec<Timestamp> = of_channel.filter_map(|row| instant(row, hours)).collect();
        committed.sort_unstable();
        committed
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

/// The cells of a row; a table of the case has what the row leaves out.
struct Cells<'v, 's> {
    values: &'v CaseValues<'s>,
    row: Option<&'s Row>,
    table: &'static str,
}

impl<'s> Cells<'_, 's> {
    fn value(&self, column: &str) -> Option<&'s Value> {
        let of_row = self.row.and_then(|row| cell(row, column));
        of_row.or_else(|| self.values.view.get(&self.values.path(&format!("{}.{column}", self.table))))
    }

    fn number(&self, column: &str) -> Option<f64> {
        self.value(column).and_then(Value::as_number)
    }

    fn score(&self, column: &str) -> Score {
        Score::clamped(self.number(column).unwrap_or_default())
    }

    fn text(&self, column: &str) -> Option<&'s str> {
        self.value(column).and_then(Value::as_text)
    }

    fn integer(&self, column: &str) -> Option<i64> {
        if let Value::Integer(whole) = self.value(column)? { Some(*whole) } else { None }
    }

    fn bool(&self, column: &str) -> Option<bool> {
        if let Value::Bool(flag) = self.value(column)? { Some(*flag) } else { None }
    }
}

/// The channel of a case's post: the one that the case states, or else the first of its `channels`. Also returns where
/// the case states it; `None` if it does not.
pub(super) fn channel_of_post<'s>(settings: &'s Settings, case: &str) -> (Channel, Option<&'s SourceLocation>) {
    let stated = settings.get(&format!("{case}.channel"));
    let rows = settings.get(&format!("{case}.channels")).and_then(|setting| setting.value.as_rows());
    let place = stated.and_then(|setting| setting.place.as_ref());
    let first = rows.and_then(|rows| channel_of(rows.first()?)).filter(|_| place.is_none());
    let named = || stated.and_then(|setting| setting.value.as_text()?.parse().ok());
    (first.or_else(named).unwrap_or(Channel::Fb), place)
}

/// The channel that a row states; `None` if it states none.
pub(super) fn channel_of(row: &Row) -> Option<Channel> {
    cell(row, "channel").and_then(Value::as_text)?.parse().ok()
}

/// Tags separated by semicolons, as in a scenario.
fn tags(text: &str) -> Vec<Arc<str>> {
    text.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(Arc::from).collect()
}

pub(super) fn cell<'r>(row: &'r Row, column: &str) -> Option<&'r Value> {
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
