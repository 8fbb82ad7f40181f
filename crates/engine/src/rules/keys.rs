//! Every key of a rules pack: what the files may hold, in which range, and what each does.
//!
//! This is the one place that says so; validation, defaults, schema and display read it.
//! Numbers that a strategist tunes have no default here: a pack states them.

use super::key::{DAYS, FileKeys, Key, Kind, Preset, Rows};

/// The files of a pack, in the order they are explained in.
pub const PACK_FILES: [FileKeys; 8] = [
    FileKeys { stem: "pack", doc: "the name of the pack and the format it is written in", keys: PACK },
    FileKeys { stem: "channels", doc: "how often, when and how far apart each channel posts", keys: CHANNELS },
    FileKeys { stem: "fatigue", doc: "what a tired audience costs, and when posting slows and stops", keys: FATIGUE },
    FileKeys { stem: "assets", doc: "how assets are scored, and how often one may be used", keys: ASSETS },
    FileKeys {
        stem: "guardrails",
        doc: "which guardrails are asked of each post, and their numbers",
        keys: GUARDRAILS,
    },
    FileKeys { stem: "risk", doc: "how sure the engine must be for a post to run by itself", keys: RISK },
    FileKeys {
        stem: "calendar",
        doc: "holidays, special days, closed hours and the minute of the hour",
        keys: CALENDAR,
    },
    FileKeys { stem: "early_warning", doc: "when a signal about a client becomes a warning", keys: EARLY_WARNING },
];

/// The keys of an overlay's `scope`.
pub(crate) const SCOPE: &[Key] = &[
    Key::optional("workspace", Kind::Text, "the workspace whose clients the overlay covers"),
    Key::optional("client", Kind::Text, "the client that the overlay covers"),
    Key::optional("campaign", Kind::Text, "the campaign that the overlay covers"),
];

const PACK: &[Key] = &[
    Key::required("name", Kind::Text, "name of the pack in reports"),
    Key::required("format", Kind::integer(1, 1), "version of the format that the pack is written in"),
    Key::preset("description", Kind::Text, Preset::Text(""), "what the pack is for, in a sentence"),
];

const CLOSED_RANGE: &[Key] = &[
    Key::required("from", Kind::WallTime, "from this time on nothing is posted, client's clock"),
    Key::required("to", Kind::WallTime, "from this time on posts may run again"),
];

/// Ranges of hours in which nothing is posted.
const CLOSED: Kind = Kind::Rows(Rows {
    columns: CLOSED_RANGE,
    ascending: false,
    first: None,
    example: "[{ from = \"friday 18:00\", to = \"monday 08:00\" }]",
});

const CHANNELS: &[Key] = &[
    Key::required("<channel>.weekly_posts", Kind::integer(0, 168), "posts a week before fatigue lowers them"),
    Key::required("<channel>.min_spacing_hours", Kind::integer(1, 168), "fewest hours between two posts"),
    Key::required("<channel>.best_hours.weekday", Kind::Hours, "best hours of Monday to Friday, client's clock"),
    Key::required("<channel>.best_hours.weekend", Kind::Hours, "best hours of Saturday and Sunday, client's clock"),
    Key::optional("<channel>.best_hours.<day>", Kind::Hours, "best hours of that day, in place of the others"),
    Key::preset(
        "<channel>.hour_lift",
        Kind::number(0.1, 10.0),
        Preset::Number(1.0),
        "value of a post at a best hour against an ordinary hour, as a factor",
    ),
    Key::preset(
        "<channel>.weekday_weights.<day>",
        Kind::number(0.0, 10.0),
        Preset::Number(1.0),
        "value of a post on that day against an ordinary day, as a factor",
    ),
    Key::with_table("<channel>.quiet_hours.from", Kind::Clock, "from this time on nothing is posted, client's clock"),
    Key::with_table("<channel>.quiet_hours.to", Kind::Clock, "from this time on posts may run again"),
    Key::preset(
        "<channel>.quiet_hours.enabled",
        Kind::Bool,
        Preset::Bool(true),
        "whether the quiet hours hold; an overlay may switch them off",
    ),
    Key::optional(
        "<channel>.closed",
        CLOSED,
        "hours of the week, or of single dates, in which nothing is posted there",
    ),
    Key::required("<channel>.half_life_hours", Kind::number(1.0, 1000.0), "hours in which fatigue halves"),
    Key::required("<channel>.fatigue_per_post", Kind::above(0.0, 0.5), "fatigue that one post adds"),
    Key::required("<channel>.priority", Kind::number(0.0, 100.0), "claim on a full day's places, in points"),
    Key::required(
        "<channel>.engagement_rate",
        Kind::above(0.0, 10.0),
        "engagements per person reached where a client has no history",
    ),
    Key::preset(
        "<channel>.momentum_gain",
        Kind::number(0.0, 1.0),
        Preset::Number(0.0),
        "share of value gained at momentum 1 and lost at momentum 0",
    ),
];

const FREQUENCY: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row holds"),
    Key::required("factor", Kind::number(0.0, 1.0), "factor on weekly posts, the product rounded down"),
];

const PRIORITY_LOSS: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row holds"),
    Key::required("points", Kind::number(0.0, 100.0), "points taken from the priority"),
];

const WAIT_HOURS: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row holds"),
    Key::required("hours", Kind::number(0.0, 1000.0), "recommended hours to wait"),
];

const FATIGUE: &[Key] = &[
    Key::required("warn_at", Kind::below(0.0, 1.0), "fatigue from which response falls faster and posts are warned of"),
    Key::required("block_at", Kind::number(0.0, 1.0), "fatigue from which no post is allowed"),
    Key::required("slope_below_warn", Kind::number(0.0, 2.0), "response lost per unit of fatigue below `warn_at`"),
    Key::required("slope_above_warn", Kind::number(0.0, 10.0), "response lost per unit of fatigue above `warn_at`"),
    Key::required(
        "frequency",
        Kind::steps(FREQUENCY, None, "[{ from = 0.4, factor = 0.75 }]"),
        "how weekly posts fall with fatigue",
    ),
    Key::required(
        "priority_loss",
        Kind::steps(PRIORITY_LOSS, None, "[{ from = 0.4, points = 10 }]"),
        "how the priority falls with fatigue",
    ),
    Key::required("priority_floor", Kind::number(0.0, 100.0), "points below which the priority never falls"),
    Key::required("end_weight_rounds", Kind::integer(0, 3), "how often the price of next week's fatigue is refined"),
    Key::required(
        "wait_hours",
        Kind::steps(WAIT_HOURS, Some(0.0), "[{ from = 0, hours = 6 }]"),
        "recommended wait by fatigue",
    ),
    Key::required("health_weights.rested", Kind::number(0.0, 1.0), "weight of (1 - fatigue) in channel health"),
    Key::required("health_weights.momentum", Kind::number(0.0, 1.0), "weight of momentum in channel health"),
    Key::required("health_weights.visibility", Kind::number(0.0, 1.0), "weight of visibility in channel health"),
    Key::required("health_weights.engagement", Kind::number(0.0, 1.0), "weight of engagement in channel health"),
    Key::preset(
        "health_levels.good_from",
        Kind::number(0.0, 1.0),
        Preset::Number(0.6),
        "health, or one of its parts, from which people are shown that it is good",
    ),
    Key::preset(
        "health_levels.fair_from",
        Kind::number(0.0, 1.0),
        Preset::Number(0.4),
        "health, or one of its parts, from which it is shown as fair; below, as poor",
    ),
];

const FRESHNESS: &[Key] = &[
    Key::required("younger_than_hours", Kind::above(0.0, 100_000.0), "age in hours below which the row holds"),
    Key::required("points", Kind::number(-100.0, 100.0), "points for that age"),
];

const ASSETS: &[Key] = &[
    Key::required("base", Kind::number(0.0, 100.0), "points that every asset starts from"),
    Key::required("per_quality", Kind::number(-100.0, 100.0), "points at quality 1"),
    Key::required("per_brand_consistency", Kind::number(-100.0, 100.0), "points at brand consistency 1"),
    Key::required("per_value", Kind::number(-100.0, 100.0), "points at value 1"),
    Key::required("per_impact", Kind::number(-100.0, 100.0), "points at impact 1"),
    Key::required("made_for_channel", Kind::number(-100.0, 100.0), "points where it was made for the channel"),
    Key::required(
        "freshness",
        Kind::steps(FRESHNESS, None, "[{ younger_than_hours = 24, points = 10 }]"),
        "points by age; the first row above the age holds",
    ),
    Key::required("recent_use", Kind::number(-100.0, 0.0), "points for recent use on the channel, 0 or below"),
    Key::required("recent_use_days", Kind::number(0.0, 1000.0), "days in which a use on the channel is recent"),
    Key::required("cooldown_hours", Kind::number(0.0, 10_000.0), "hours before it may be used again on a channel"),
    Key::required("max_uses_per_week", Kind::integer(1, 1000), "most uses a week over all channels"),
    Key::required("quality_at_0", Kind::above(0.0, 10.0), "factor on engagement of an asset with score 0"),
    Key::required("quality_at_100", Kind::above(0.0, 10.0), "factor on engagement of an asset with score 100"),
    Key::required("quality_without_asset", Kind::number(0.0, 1.0), "factor on engagement of a post without an asset"),
];

/// The scopes of a guardrail, as files name them.
pub(crate) const GUARDRAIL_SCOPES: &[&str] = &["post", "channel_week"];

const GUARDRAILS: &[Key] = &[
    Key::preset("<guardrail>.enabled", Kind::Bool, Preset::Bool(true), "whether it is asked at all"),
    Key::required(
        "<guardrail>.scope",
        Kind::Choice(GUARDRAIL_SCOPES),
        "whether it is asked of each post or once a channel and week",
    ),
    Key::required(
        "<guardrail>.conflict",
        Kind::Choice(&["timing", "fatigue", "warning", "asset", "policy"]),
        "the kind of conflict that its warnings and blocks are listed as",
    ),
    Key::preset(
        "<guardrail>.warn_raises_risk",
        Kind::Bool,
        Preset::Bool(false),
        "whether a warning raises the post's risk by one band",
    ),
    Key::optional("<guardrail>.params.<param>", Kind::any_number(), "a number that its function reads"),
];

const CONFIDENCE: &[Key] = &[
    Key::required("from", Kind::number(0.0, 100.0), "asset score from which the row holds"),
    Key::required("confidence", Kind::number(0.0, 1.0), "confidence that a post starts from"),
];

const RISK: &[Key] = &[
    Key::required("bands.low.from", Kind::number(0.0, 1.0), "confidence from which risk is low"),
    Key::required("bands.low.to", Kind::number(0.0, 1.0), "upper end of the band, which must be 1"),
    Key::required("bands.medium.from", Kind::number(0.0, 1.0), "confidence from which risk is medium"),
    Key::required("bands.medium.to", Kind::number(0.0, 1.0), "confidence up to which risk is medium"),
    Key::required("bands.high.from", Kind::number(0.0, 1.0), "lower end of the band, which must be 0"),
    Key::required("bands.high.to", Kind::number(0.0, 1.0), "confidence up to which risk is high"),
    Key::required(
        "confidence",
        Kind::steps(CONFIDENCE, Some(0.0), "[{ from = 0, confidence = 0.5 }]"),
        "confidence by asset score",
    ),
    Key::required("minus_no_history", Kind::number(0.0, 1.0), "taken where the channel has no history of its own"),
    Key::required("minus_low_reality_confidence", Kind::number(0.0, 1.0), "taken where reality confidence is low"),
    Key::required("reality_confidence_below", Kind::number(0.0, 1.0), "reality confidence below which it is low"),
    Key::required("minus_reality_gap", Kind::number(0.0, 1.0), "taken where true and perceived results differ"),
    Key::required("reality_gap_above", Kind::number(0.0, 1.0), "difference above which they differ"),
    Key::required("minus_per_warning", Kind::number(0.0, 1.0), "taken for each guardrail that warns"),
    Key::preset(
        "review.second_person_for_high_risk",
        Kind::Bool,
        Preset::Bool(false),
        "whether high risk needs an approver other than who committed the plan",
    ),
    Key::required("default_policy.agent_enabled", Kind::Bool, "whether agents plan for a client without a policy"),
    Key::required("default_policy.auto_exec_enabled", Kind::Bool, "whether low risk runs by itself there"),
    Key::required(
        "default_policy.max_actions_per_day",
        Kind::integer(0, 1000),
        "most posts a day there, over all channels",
    ),
    Key::required(
        "default_policy.pause_on_high_severity_warning",
        Kind::Bool,
        "whether an open warning of high severity blocks posts there",
    ),
];

/// How the minute of the hour is chosen, as files name it.
pub(crate) const MINUTE_MODES: &[&str] = &["fixed", "spread"];

const DAY_ROW: &[Key] = &[
    Key::optional("date", Kind::Date, "the one day; or else `from` and `to`"),
    Key::optional("from", Kind::Date, "first day"),
    Key::optional("to", Kind::Date, "last day, included"),
    Key::required("kind", Kind::Choice(&["holiday", "blackout", "boost"]), "what the days are"),
    Key::optional("factor", Kind::number(0.0, 10.0), "factor on the value of posts on these days"),
    Key::optional(
        "channel",
        Kind::Choice(&["fb", "ig", "tiktok", "linkedin", "youtube", "gmb", "reddit", "email", "x"]),
        "the one channel it concerns; all where it is left out",
    ),
    Key::required("name", Kind::Text, "name in explanations"),
];

const CALENDAR: &[Key] = &[
    Key::preset("minute.mode", Kind::Choice(MINUTE_MODES), Preset::Text("fixed"), "the same minute for all, or spread"),
    Key::preset("minute.at", Kind::integer(0, 59), Preset::Integer(0), "the minute of the hour where it is fixed"),
    Key::required("holiday_posts", Kind::Bool, "whether anything is posted on holidays"),
    Key::required("holiday_factor", Kind::number(0.0, 10.0), "factor on holidays that have none of their own"),
    Key::required("boost_factor", Kind::number(0.0, 10.0), "factor on boost days that have none of their own"),
    Key::preset(
        "drafts.late_hours",
        Kind::number(0.0, 168.0),
        Preset::Number(24.0),
        "hours after its time that a draft may still be made",
    ),
    Key::preset("drafts.attempts", Kind::integer(1, 20), Preset::Integer(3), "how often a draft is tried"),
    Key::preset(
        "drafts.retry_after_minutes",
        Kind::number(0.0, 10_000.0),
        Preset::Number(60.0),
        "minutes before the second try; each further wait is twice as long",
    ),
    Key::preset(
        "passes.time_zone",
        Kind::Text,
        Preset::Text("UTC"),
        "the zone of the clock that a server's passes go by, an IANA name",
    ),
    Key::preset(
        "passes.daily_every_hours",
        Kind::integer(1, 24),
        Preset::Integer(1),
        "hours between a server's daily passes, the first at midnight",
    ),
    Key::preset(
        "passes.weekly_day",
        Kind::Choice(&DAYS),
        Preset::Text("thursday"),
        "the day on which a server plans the coming week",
    ),
    Key::preset(
        "passes.weekly_hour",
        Kind::integer(0, 23),
        Preset::Integer(14),
        "the hour of that day from which it does",
    ),
    Key::preset(
        "days",
        Kind::Rows(Rows {
            columns: DAY_ROW,
            ascending: false,
            first: None,
            example: "[{ date = 2026-12-25, kind = \"holiday\", name = \"Christmas\" }]",
        }),
        Preset::NoRows,
        "special days of the pack itself",
    ),
    Key::preset(
        "closed",
        CLOSED,
        Preset::NoRows,
        "hours of the week, or of single dates, in which nothing is posted on any channel",
    ),
];

const EARLY_WARNING: &[Key] = &[
    Key::required("high_from", Kind::number(0.0, 1.0), "score from which a raised signal is of high severity"),
    Key::optional("signals.<signal>", Kind::number(0.0, 1.0), "score from which the signal is raised"),
    Key::required("reality.middle", Kind::number(0.0, 1.0), "what a true score is drawn to where data is missing"),
    Key::required("reality.band", Kind::number(0.0, 1.0), "half width of the band around it where no data is there"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::key::{Names, Need};
    use super::*;
    use crate::model::{Channel, ConflictKind, DayKind};

    fn every_key() -> impl Iterator<Item = (&'static str, &'static Key)> {
        PACK_FILES.iter().flat_map(|file| file.keys.iter().map(|key| (file.stem, key)))
    }

    #[test]
    fn every_key_stands_once_and_says_what_it_does() {
        let mut seen = BTreeSet::new();
        for (stem, key) in every_key() {
            assert!(seen.insert((stem, key.path)), "{stem}.{} stands twice", key.path);
            assert!(key.doc.len() > 10 && !key.doc.ends_with('.'), "{stem}.{}", key.path);
        }
    }

    #[test]
    fn choices_are_the_names_of_the_model() {
        let choices = |path: &str, keys: &'static [Key]| {
            let key = keys.iter().find(|key| key.path == path).unwrap();
            let Kind::Choice(names) = key.kind else { panic!("{path} is no choice") };
            names
        };
        let kinds: Vec<_> = ConflictKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(choices("<guardrail>.conflict", GUARDRAILS), kinds);
        let days: Vec<_> = DayKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(choices("kind", DAY_ROW), days);
        assert_eq!(choices("channel", DAY_ROW), Channel::names().collect::<Vec<_>>());
    }

    #[test]
    fn every_part_in_angle_brackets_stands_for_names() {
        for (stem, key) in every_key() {
            for part in key.path.split('.').filter(|part| part.starts_with('<')) {
                assert!(Names::of(part).is_some(), "{stem}.{}", key.path);
            }
        }
    }

    #[test]
    fn a_default_fits_the_kind_it_stands_for() {
        for (stem, key) in every_key() {
            let Need::Default(preset) = key.need else { continue };
            let fits = match (key.kind, preset) {
                (Kind::Integer { least, most }, Preset::Integer(value)) => (least..=most).contains(&value),
                (Kind::Number { .. }, Preset::Number(value)) => value.is_finite(),
                (Kind::Choice(names), Preset::Text(name)) => names.contains(&name),
                (Kind::Bool, Preset::Bool(_)) | (Kind::Text, Preset::Text(_)) | (Kind::Rows(_), Preset::NoRows) => true,
                _ => false,
            };
            assert!(fits, "{stem}.{}", key.path);
        }
    }
}
