//! From validated settings to the typed numbers of [`Rules`].
//!
//! Nothing can go wrong here: what a pack must hold has been checked to be there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::closed;
use super::key::{DAYS, SIGNALS};
use super::pack::{
    AssetRules, CalendarRules, ChannelRules, DraftRules, EarlyWarningRules, FatigueRules, GuardrailRules,
    GuardrailScope, MinuteRule, PassRules, RiskRules, Rules, Step,
};
use super::settings::{Row, Value, View};
use crate::model::{CalendarEntry, Channel, ConflictKind, DayKind, Policy, Zone};

/// The effective numbers of a view.
pub(crate) fn rules(view: &View<'_>) -> Rules {
    let table = |name| Table { view, name };
    Rules {
        channels: Channel::ALL.into_iter().map(|channel| channel_rules(view, channel)).collect(),
        fatigue: fatigue(&table("fatigue")),
        assets: assets(&table("assets")),
        guardrails: guardrails(view),
        risk: risk(&table("risk")),
        calendar: calendar(&table("calendar")),
        early_warning: early_warning(&table("early_warning")),
    }
}

/// One table of a view.
///
/// INVARIANT: every key read through it is required or has a default in `keys`, so the zero that
/// stands for an absent value is never seen in a pack that was loaded.
struct Table<'a> {
    view: &'a View<'a>,
    name: &'a str,
}

impl<'a> Table<'a> {
    fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    fn number(&self, key: &str) -> f64 {
        self.view.number(&self.path(key)).unwrap_or_default()
    }

    fn count(&self, key: &str) -> u32 {
        self.view.integer(&self.path(key)).and_then(|count| u32::try_from(count).ok()).unwrap_or_default()
    }

    fn bool(&self, key: &str) -> bool {
        self.view.bool(&self.path(key)).unwrap_or_default()
    }

    fn text(&self, key: &str) -> &'a str {
        self.view.text(&self.path(key)).unwrap_or_default()
    }

    fn rows(&self, key: &str) -> &'a [Row] {
        self.view.rows(&self.path(key)).unwrap_or_default()
    }

    fn steps(&self, key: &str, from: &str, then: &str) -> Vec<Step> {
        let cell =
            |row: &Row, column: &str| row.get(column).and_then(|setting| setting.value.as_number()).unwrap_or_default();
        self.rows(key).iter().map(|row| Step { from: cell(row, from), then: cell(row, then) }).collect()
    }
}

fn channel_rules(view: &View<'_>, channel: Channel) -> ChannelRules {
    let name = format!("channels.{channel}");
    let table = Table { view, name: &name };
    ChannelRules {
        channel,
        weekly_posts: table.count("weekly_posts"),
        min_spacing_hours: table.count("min_spacing_hours"),
        best_hours: best_hours(view, channel),
        hour_lift: table.number("hour_lift"),
        weekday_weights: DAYS.map(|day| table.number(&format!("weekday_weights.{day}"))),
        quiet_minutes: quiet_minutes(view, channel),
        closed: closed::ranges(view, channel),
        half_life_hours: table.number("half_life_hours"),
        fatigue_per_post: table.number("fatigue_per_post"),
        priority: table.number("priority"),
        engagement_rate: table.number("engagement_rate"),
        momentum_gain: table.number("momentum_gain"),
    }
}

/// Best hours by weekday, Monday first: the day's own, or else those of weekdays or weekends.
pub(crate) fn best_hours(view: &View<'_>, channel: Channel) -> [Vec<u8>; 7] {
    DAYS.map(|day| best_hours_path(view, channel, day)).map(|path| view.hours(&path).unwrap_or_default().to_vec())
}

/// The key that the best hours of a day come from.
pub(crate) fn best_hours_path(view: &View<'_>, channel: Channel, day: &str) -> String {
    let own = format!("channels.{channel}.best_hours.{day}");
    if view.hours(&own).is_some() {
        return own;
    }
    let part = if matches!(day, "saturday" | "sunday") { "weekend" } else { "weekday" };
    format!("channels.{channel}.best_hours.{part}")
}

/// Minutes of the day from which and up to which nothing is posted.
pub(crate) fn quiet_minutes(view: &View<'_>, channel: Channel) -> Option<(u16, u16)> {
    let path = |key: &str| format!("channels.{channel}.quiet_hours.{key}");
    let is_on = view.bool(&path("enabled")).unwrap_or(true);
    let span = (view.clock(&path("from"))?, view.clock(&path("to"))?);
    is_on.then_some(span)
}

fn fatigue(table: &Table<'_>) -> FatigueRules {
    FatigueRules {
        warn_at: table.number("warn_at"),
        block_at: table.number("block_at"),
        slope_below_warn: table.number("slope_below_warn"),
        slope_above_warn: table.number("slope_above_warn"),
        frequency: table.steps("frequency", "from", "factor"),
        priority_loss: table.steps("priority_loss", "from", "points"),
        priority_floor: table.number("priority_floor"),
        end_weight_rounds: table.count("end_weight_rounds"),
        wait_hours: table.steps("wait_hours", "from", "hours"),
        health_weights: HEALTH_WEIGHTS.map(|key| table.number(key)),
        good_from: table.number("health_levels.good_from"),
        fair_from: table.number("health_levels.fair_from"),
    }
}

/// The keys of channel health, in the order of [`FatigueRules::health_weights`].
pub(crate) const HEALTH_WEIGHTS: [&str; 4] =
    ["health_weights.rested", "health_weights.momentum", "health_weights.visibility", "health_weights.engagement"];

fn assets(table: &Table<'_>) -> AssetRules {
    AssetRules {
        base: table.number("base"),
        per_quality: table.number("per_quality"),
        per_brand_consistency: table.number("per_brand_consistency"),
        per_value: table.number("per_value"),
        per_impact: table.number("per_impact"),
        made_for_channel: table.number("made_for_channel"),
        freshness: table.steps("freshness", "younger_than_hours", "points"),
        recent_use: table.number("recent_use"),
        recent_use_days: table.number("recent_use_days"),
        cooldown_hours: table.number("cooldown_hours"),
        max_uses_per_week: table.count("max_uses_per_week"),
        quality_at_0: table.number("quality_at_0"),
        quality_at_100: table.number("quality_at_100"),
        quality_without_asset: table.number("quality_without_asset"),
    }
}

fn guardrails(view: &View<'_>) -> Vec<GuardrailRules> {
    let is_on = |guardrail: &GuardrailRules| view.bool(&format!("guardrails.{}.enabled", guardrail.name));
    declared_guardrails(view).into_iter().filter(|guardrail| is_on(guardrail).unwrap_or_default()).collect()
}

/// Every guardrail of the base, those that are switched off included.
pub(crate) fn declared_guardrails(view: &View<'_>) -> Vec<GuardrailRules> {
    let base = view.base();
    let names = base.iter().flat_map(|base| base.names_under("guardrails"));
    names.map(|name| guardrail(view, name)).collect()
}

fn guardrail(view: &View<'_>, name: &str) -> GuardrailRules {
    let path = format!("guardrails.{name}");
    let table = Table { view, name: &path };
    let params_path = table.path("params");
    let base = view.base();
    let params: BTreeMap<String, f64> = base
        .iter()
        .flat_map(|base| base.names_under(&params_path))
        .map(|param| (param.to_owned(), table.number(&format!("params.{param}"))))
        .collect();
    GuardrailRules {
        name: name.into(),
        scope: if table.text("scope") == "channel_week" { GuardrailScope::ChannelWeek } else { GuardrailScope::Post },
        conflict: table.text("conflict").parse().unwrap_or(ConflictKind::Policy),
        warn_raises_risk: table.bool("warn_raises_risk"),
        params: Arc::new(params),
    }
}

fn risk(table: &Table<'_>) -> RiskRules {
    RiskRules {
        low_from: table.number("bands.low.from"),
        medium_from: table.number("bands.medium.from"),
        confidence: table.steps("confidence", "from", "confidence"),
        minus_no_history: table.number("minus_no_history"),
        minus_low_reality_confidence: table.number("minus_low_reality_confidence"),
        reality_confidence_below: table.number("reality_confidence_below"),
        minus_reality_gap: table.number("minus_reality_gap"),
        reality_gap_above: table.number("reality_gap_above"),
        minus_per_warning: table.number("minus_per_warning"),
        second_person_for_high_risk: table.bool("review.second_person_for_high_risk"),
        default_policy: Policy {
            agent_enabled: table.bool("default_policy.agent_enabled"),
            auto_exec_enabled: table.bool("default_policy.auto_exec_enabled"),
            max_actions_per_day: table.count("default_policy.max_actions_per_day"),
            pause_on_high_severity_warning: table.bool("default_policy.pause_on_high_severity_warning"),
        },
    }
}

fn calendar(table: &Table<'_>) -> CalendarRules {
    CalendarRules {
        minute: minute(table.view),
        holiday_posts: table.bool("holiday_posts"),
        holiday_factor: table.number("holiday_factor"),
        boost_factor: table.number("boost_factor"),
        drafts: DraftRules {
            late_hours: table.number("drafts.late_hours"),
            attempts: table.count("drafts.attempts"),
            retry_after_minutes: table.number("drafts.retry_after_minutes"),
        },
        passes: PassRules {
            time_zone: table.text("passes.time_zone").parse().unwrap_or_else(|_| Zone::utc()),
            daily_every_hours: table.count("passes.daily_every_hours").clamp(1, 24) as u8,
            weekly_day: DAYS.iter().position(|day| *day == table.text("passes.weekly_day")).unwrap_or_default() as u8,
            weekly_hour: table.count("passes.weekly_hour").min(23) as u8,
        },
        days: table.view.rows_of_all_layers("calendar.days").filter_map(day).collect(),
    }
}

/// The rule for the minute of the hour.
pub(crate) fn minute(view: &View<'_>) -> MinuteRule {
    let table = Table { view, name: "calendar" };
    match table.text("minute.mode") {
        "spread" => MinuteRule::Spread,
        _ => MinuteRule::Fixed(u8::try_from(table.count("minute.at")).unwrap_or_default()),
    }
}

/// The special day of a row.
pub(crate) fn day(row: &Row) -> Option<CalendarEntry> {
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

fn early_warning(table: &Table<'_>) -> EarlyWarningRules {
    let base = table.view.base();
    let in_file = base.iter().flat_map(|base| base.names_under("early_warning.signals"));
    let names: Vec<&str> = in_file.collect();
    let added = SIGNALS.into_iter().filter(|signal| !names.contains(signal));
    let raised = names.iter().copied().chain(added).filter_map(|signal| {
        let from = table.view.number(&format!("early_warning.signals.{signal}"))?;
        Some((Arc::from(signal), from))
    });
    EarlyWarningRules {
        high_from: table.number("high_from"),
        signals: raised.collect(),
        reality_middle: table.number("reality.middle"),
        reality_band: table.number("reality.band"),
    }
}
