//! `calendar.toml`: holidays, special days, closed hours, seasons and the minute of the hour.

use super::closed::CLOSED;
use super::declare::{RuleTable, rule_table};
use super::key::{DAYS, DefaultValue, Key, Kind, Rows, day_name};
use super::seasons::{SEASONS, Season, seasons};
use super::settings::{Row, Value, View};
use crate::model::{CalendarEntry, DayKind, Zone};

/// Values of `minute.mode`: how the minute within the hour is chosen.
pub(crate) const MINUTE_MODES: &[&str] = &["fixed", "spread"];

pub(super) const DAY_ROW: &[Key] = &[
    Key::optional("date", Kind::Date, "a single day; for several, write `from` and `to`"),
    Key::optional("from", Kind::Date, "first day"),
    Key::optional("to", Kind::Date, "last day, inclusive"),
    Key::required("kind", Kind::Choice(&["holiday", "blackout", "boost"]), "effect of the days"),
    Key::optional("factor", Kind::number(0.0, 10.0), "factor on the value of posts on these days"),
    Key::optional(
        "channel",
        Kind::Choice(&["fb", "ig", "tiktok", "linkedin", "youtube", "gmb", "reddit", "email", "x"]),
        "the channel it applies to; all if omitted",
    ),
    Key::required("name", Kind::Text, "name in explanations"),
];

rule_table! {
    /// `calendar.toml`.
    pub struct CalendarRules from (table), keys CALENDAR under "" {
        /// minute within the hour
        #[made(
            [
                Key::with_default(
                    "minute.mode",
                    Kind::Choice(MINUTE_MODES),
                    DefaultValue::Text("fixed"),
                    "whether all posts run at the same minute, or those of each client and channel at their own",
                ),
                Key::with_default(
                    "minute.at",
                    Kind::integer(0, 59),
                    DefaultValue::Integer(0),
                    "the minute of the hour if `mode` is `fixed`",
                ),
            ],
            minute_rule(table.view)
        )]
        pub minute: MinuteRule,
        /// whether anything is posted on holidays
        #[key(required, Kind::Bool)]
        pub holiday_posts: bool,
        /// factor on holidays that have none of their own
        #[key(required, Kind::number(0.0, 10.0))]
        pub holiday_factor: f64,
        /// factor on boost days that have none of their own
        #[key(required, Kind::number(0.0, 10.0))]
        pub boost_factor: f64,
        /// if a week is planned again: share of its value that a post is worth more at the hour of a previous post
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1.0))]
        pub keep_bonus: f64,
        /// creation of drafts
        #[made(
            [
                Key::with_default(
                    "drafts.late_hours",
                    Kind::number(0.0, 168.0),
                    DefaultValue::Number(24.0),
                    "hours after a post's time in which its draft may still be created",
                ),
                Key::with_default(
                    "drafts.attempts",
                    Kind::integer(1, 20),
                    DefaultValue::Integer(3),
                    "maximum number of attempts to create a draft",
                ),
                Key::with_default(
                    "drafts.retry_after_minutes",
                    Kind::number(0.0, 10_000.0),
                    DefaultValue::Number(60.0),
                    "minutes before the second attempt; each further wait is twice as long",
                ),
            ],
            draft_rules(table)
        )]
        pub drafts: DraftRules,
        /// when a server runs its passes
        #[made(
            [
                Key::with_default(
                    "passes.time_zone",
                    Kind::Text,
                    DefaultValue::Text("UTC"),
                    "time zone of a server's scheduled passes, an IANA name",
                ),
                Key::with_default(
                    "passes.daily_every_hours",
                    Kind::integer(1, 24),
                    DefaultValue::Integer(1),
                    "hours between a server's daily passes, the first at midnight",
                ),
                Key::with_default(
                    "passes.weekly_day",
                    Kind::Choice(&DAYS),
                    DefaultValue::Text("thursday"),
                    "the day on which a server plans the coming week",
                ),
                Key::with_default(
                    "passes.weekly_hour",
                    Kind::integer(0, 23),
                    DefaultValue::Integer(14),
                    "the hour of that day from which it plans",
                ),
            ],
            pass_rules(table)
        )]
        pub passes: PassRules,
        /// special days of the pack itself and of the overlays that cover the client
        #[made(
            [
                Key::with_default(
                    "days",
                    Kind::Rows(Rows {
                        columns: DAY_ROW,
                        is_ascending: false,
                        first: None,
                        example: "[{ date = 2026-12-25, kind = \"holiday\", name = \"Christmas\" }]",
                    }),
                    DefaultValue::NoRows,
                    "special days of the pack itself",
                ),
                // Read in `ChannelRules::closed`, together with the channel's own ranges.
                Key::with_default(
                    "closed",
                    CLOSED,
                    DefaultValue::NoRows,
                    "hours of the week, or of single dates, in which nothing is posted on any channel",
                ),
            ],
            table.view.rows_of_all_layers("calendar.days").filter_map(special_day).collect()
        )]
        pub days: Vec<CalendarEntry>,
        /// seasons of the pack itself and of the overlays that cover the client
        #[made(
            [Key::with_default(
                "seasons",
                SEASONS,
                DefaultValue::NoRows,
                "times in which every channel posts more or less often than `weekly_posts`",
            )],
            seasons(table.view)
        )]
        pub seasons: Vec<Season>,
    }
}

impl CalendarRules {
    /// The factor of a special day on the value of posts: its own, or else that of its kind; 0 for a blackout.
    #[must_use]
    pub fn factor_of(&self, day: &CalendarEntry) -> f64 {
        match day.kind {
            DayKind::Holiday => day.factor.unwrap_or(self.holiday_factor),
            DayKind::Boost => day.factor.unwrap_or(self.boost_factor),
            DayKind::Blackout => 0.0,
        }
    }
}

fn draft_rules(table: RuleTable<'_>) -> DraftRules {
    DraftRules {
        late_hours: table.get("drafts.late_hours"),
        attempts: table.get("drafts.attempts"),
        retry_after_minutes: table.get("drafts.retry_after_minutes"),
    }
}

fn pass_rules(table: RuleTable<'_>) -> PassRules {
    PassRules {
        // `coherence` reports an unknown name as an error, so the fallback never applies to a valid pack.
        time_zone: table.get::<&str>("passes.time_zone").parse().unwrap_or_else(|_| Zone::utc()),
        daily_every_hours: table.get::<u32>("passes.daily_every_hours").clamp(1, 24) as u8,
        weekly_day: table.choice("passes.weekly_day", &DAYS) as u8,
        weekly_hour: table.get::<u32>("passes.weekly_hour").min(23) as u8,
    }
}

/// Reads the rule for the minute within the hour; minute 0 if the settings are not valid.
pub(crate) fn minute_rule(view: &View<'_>) -> MinuteRule {
    match (view.text("calendar.minute.mode"), view.integer("calendar.minute.at")) {
        (Some("spread"), _) => MinuteRule::Spread,
        (_, at) => MinuteRule::Fixed(at.map_or(0, |at| at.clamp(0, 59) as u8)),
    }
}

/// Parses a row of the list of special days; `None` if a required cell is missing or invalid.
pub(crate) fn special_day(row: &Row) -> Option<CalendarEntry> {
    let cell = |column: &str| row.get(column).map(|setting| &setting.value);
    let date = |column: &str| cell(column).and_then(Value::as_date);
    let text = |column: &str| cell(column).and_then(Value::as_text);
    let from = date("date").or_else(|| date("from"))?;
    Some(CalendarEntry {
        from,
        to: date("date").or_else(|| date("to")).unwrap_or(from),
        kind: text("kind")?.parse::<DayKind>().ok()?,
        factor: cell("factor").and_then(Value::as_number),
        channel: text("channel").and_then(|name| name.parse().ok()),
        name: text("name")?.into(),
    })
}

/// At which minute of the hour posts are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinuteRule {
    /// The same minute for every post, `0..60`.
    Fixed(u8),
    /// Each client and channel has its own minute, drawn once; a multiple of 5.
    Spread,
}

impl MinuteRule {
    /// The minutes of the hour at which posts can be published, ascending.
    #[must_use]
    pub fn minutes(self) -> Vec<u8> {
        match self {
            MinuteRule::Fixed(minute) => vec![minute],
            MinuteRule::Spread => (0..60).step_by(5).collect(),
        }
    }
}

/// How late drafts may be created, and how failed attempts are retried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DraftRules {
    /// Hours after a post's scheduled time in which its draft may still be created, `0..=168`.
    pub late_hours: f64,
    /// Maximum number of attempts, `1..=20`.
    pub attempts: u32,
    /// Minutes before the second attempt; doubles with each further one (exponential backoff).
    pub retry_after_minutes: f64,
}

/// When a server runs its scheduled passes.
#[derive(Debug, Clone, PartialEq)]
pub struct PassRules {
    /// Time zone of the schedule.
    pub time_zone: Zone,
    /// Hours from one daily pass to the next, the first at midnight, `1..=24`.
    pub daily_every_hours: u8,
    /// Weekday on which the coming week is planned, in days since Monday, `0..7`.
    pub weekly_day: u8,
    /// Hour of that day from which the weekly pass runs, `0..24`.
    pub weekly_hour: u8,
}

impl PassRules {
    /// When the coming week is planned, as in `thursday 14:00 UTC`.
    #[must_use]
    pub fn weekly_pass_time(&self) -> String {
        let day = day_name(self.weekly_day);
        format!("{day} {:02}:00 {}", self.weekly_hour, self.time_zone.name())
    }
}

impl DraftRules {
    /// Minutes to wait after a failed attempt that was preceded by `earlier_attempts` others.
    #[must_use]
    pub fn wait_minutes(&self, earlier_attempts: u32) -> f64 {
        // At most 20 attempts are allowed, so the cap only keeps an impossible count from giving infinity.
        self.retry_after_minutes * libm::exp2(f64::from(earlier_attempts.min(20)))
    }

    /// Total minutes of waiting from the first attempt to the last.
    #[must_use]
    pub fn total_wait_minutes(&self) -> f64 {
        (0..self.attempts.saturating_sub(1)).map(|earlier_attempts| self.wait_minutes(earlier_attempts)).sum()
    }
}
