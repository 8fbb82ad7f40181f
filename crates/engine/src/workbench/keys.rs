//! All keys of a test case in `tests/*.toml`: those of the situation, with their defaults, and those of the expected
//! results.
//!
//! The keys are declared only here; validation, defaults and documentation are derived from this.

use crate::rules::{DAYS, DefaultValue, FileKeys, Key, Kind, Rows, SIGNALS};

/// The keys of a file of test cases.
pub const CASE_KEYS: FileKeys = FileKeys {
    stem: "tests",
    doc: "situations, and the results expected of the rules",
    is_required: false,
    keys: KEYS,
};

const CHANNELS: &[&str] = &["fb", "ig", "tiktok", "linkedin", "youtube", "gmb", "reddit", "email", "x"];

const SEVERITIES: &[&str] = &["low", "medium", "high"];

/// The rules that may close an hour; `nothing` if it is open.
const HOUR_RULES: &[&str] = &["nothing", "closed_day", "closed_hours", "quiet_hours", "last_post", "committed_post"];

/// What a limit does to a week.
const LIMIT_STATES: &[&str] = &["slack", "binds", "broken", "unmet"];

const HOUR: Kind = Kind::integer(0, 23);

const WARNING: &[Key] = &[
    Key::required("kind", Kind::Choice(&SIGNALS), "the signal that it came from"),
    Key::required("severity", Kind::Choice(SEVERITIES), "severity"),
    Key::optional(
        "status",
        Kind::Choice(&["open", "acknowledged", "resolved", "dismissed"]),
        "status; open if omitted",
    ),
];

const TIME: &[Key] = &[
    Key::required("day", Kind::Choice(&DAYS), "day of the week"),
    Key::required("hour", HOUR, "hour on the client's clock"),
];

const COMMITTED: &[Key] = &[
    Key::required("day", Kind::Choice(&DAYS), "day of the week"),
    Key::required("hour", HOUR, "hour on the client's clock"),
    Key::optional("channel", Kind::Choice(CHANNELS), "its channel; that of the case if omitted"),
];

/// A channel of the client. What a row leaves out is as in `state`.
const CHANNEL: &[Key] = &[
    Key::required("channel", Kind::Choice(CHANNELS), "the channel"),
    optional_share("fatigue", "fatigue at the start of the week"),
    optional_share("momentum", "momentum"),
    optional_share("visibility", "visibility"),
    optional_share("engagement", "engagement score"),
    Key::optional("audience", Kind::above(0.0, 1e9), "people a post can reach"),
    Key::optional("measured", Kind::Bool, "whether engagement was ever measured"),
    Key::optional("engagement_rate", Kind::above(0.0, 10.0), "measured engagement rate"),
    Key::optional(
        "last_post_hours_ago",
        Kind::number(0.0, 10_000.0),
        "hours from the last post to the start of the week",
    ),
];

/// Assets of the client. What a row leaves out is as in `asset`.
const ASSET: &[Key] = &[
    Key::optional("kind", Kind::Text, "content type"),
    Key::optional("count", Kind::integer(1, MAX_ASSETS), "number of such assets"),
    Key::optional("channels", Kind::Names(CHANNELS), "the channels that it was made for"),
    Key::optional("campaign", Kind::Text, "the campaign it was made for, one of `client.campaigns`"),
    Key::optional("title", Kind::Text, "its headline"),
    Key::optional("tags", Kind::Text, "its tags, as in `spring;recipe`"),
    optional_share("quality", "quality of the work"),
    optional_share("brand_consistency", "consistency with the brand"),
    optional_share("value", "usefulness to the audience"),
    optional_share("impact", "strength of the idea"),
    Key::optional("age_hours", Kind::number(0.0, 100_000.0), "age at the start of the week, in hours"),
];

/// Maximum number of equal assets.
const MAX_ASSETS: i64 = 1000;

/// Maximum number of posts of a week: one on each channel in each of 169 hours.
const MAX_POSTS: i64 = 9 * 169;

/// A post of the week.
const WEEK_POST: &[Key] = &[
    Key::required("channel", Kind::Choice(CHANNELS), "its channel"),
    Key::required("day", Kind::Choice(&DAYS), "day of the week"),
    Key::required("hour", HOUR, "hour on the client's clock"),
];

/// A number of posts that meet some conditions.
const POST_COUNT: &[Key] = &[
    Key::optional("channels", Kind::Names(CHANNELS), "channels whose posts count; all if omitted"),
    Key::optional("days", Kind::Names(&DAYS), "days of the week on which posts count; all if omitted"),
    Key::optional("hours", Kind::Hours, "hours of the client's clock in which posts count; all if omitted"),
    Key::optional("from", Kind::WallTime, "from this time on posts count, client's clock"),
    Key::optional("to", Kind::WallTime, "from this time on posts no longer count"),
    Key::optional("exactly", Kind::integer(0, MAX_POSTS), "number of posts"),
    Key::optional("at_least", Kind::integer(1, MAX_POSTS), "minimum number of posts"),
    Key::optional("at_most", Kind::integer(0, MAX_POSTS), "maximum number of posts"),
];

const CAMPAIGN: &[Key] = &[
    Key::required("id", Kind::Text, "the campaign's id"),
    Key::optional("weight", Kind::above(0.0, 100.0), "factor on the value of its posts while it runs; 1 if omitted"),
    Key::optional("any_asset", Kind::Bool, "whether posts whose asset has no campaign count for it; false if omitted"),
];

const SPECIAL_DAY: &[Key] = &[
    Key::required("day", Kind::Choice(&DAYS), "day of the week"),
    Key::required("kind", Kind::Choice(&["holiday", "blackout", "boost"]), "effect of the day"),
    Key::optional("factor", Kind::number(0.0, 10.0), "factor on the value of posts; the pack's if omitted"),
];

const fn rows(columns: &'static [Key], example: &'static str) -> Kind {
    Kind::Rows(Rows { columns, is_ascending: false, first: None, example })
}

const fn share(path: &'static str, default: f64, doc: &'static str) -> Key {
    Key::with_default(path, Kind::number(0.0, 1.0), DefaultValue::Number(default), doc)
}

const fn optional_share(path: &'static str, doc: &'static str) -> Key {
    Key::optional(path, Kind::number(0.0, 1.0), doc)
}

/// A number that a case may expect.
const fn result(path: &'static str, doc: &'static str) -> Key {
    Key::optional(path, Kind::any_number(), doc)
}

const KEYS: &[Key] = &[
    Key::optional("<case>.about", Kind::Text, "what the case tests, in a sentence"),
    Key::with_default(
        "<case>.snapshot",
        Kind::Bool,
        DefaultValue::Bool(false),
        "whether all results are compared with a snapshot file",
    ),
    Key::with_default(
        "<case>.channel",
        Kind::Choice(CHANNELS),
        DefaultValue::Text("fb"),
        "the channel; the first of `channels` if these are stated",
    ),
    Key::with_default(
        "<case>.channels",
        rows(CHANNEL, "[{ channel = \"fb\" }, { channel = \"ig\", audience = 4000 }]"),
        DefaultValue::NoRows,
        "all channels of the client, whose week is then planned as a whole; what a row omits is as in `state`; only `channel` if omitted",
    ),
    Key::with_default("<case>.week", Kind::Text, DefaultValue::Text("2026-W48"), "the week, as in `2026-W48`"),
    Key::with_default(
        "<case>.client.id",
        Kind::Text,
        DefaultValue::Text("anybody"),
        "id, as overlays and scripts name it",
    ),
    Key::with_default(
        "<case>.client.workspace",
        Kind::Text,
        DefaultValue::Text("anywhere"),
        "workspace, as overlays name it",
    ),
    Key::with_default("<case>.client.industry", Kind::Text, DefaultValue::Text("shop"), "its industry"),
    Key::optional("<case>.client.tags", Kind::Text, "its tags, as in `retail;local`"),
    Key::with_default("<case>.client.time_zone", Kind::Text, DefaultValue::Text("UTC"), "its time zone, an IANA name"),
    Key::with_default(
        "<case>.client.status",
        Kind::Choice(&["active", "onboarding"]),
        DefaultValue::Text("active"),
        "status with the agency",
    ),
    Key::with_default(
        "<case>.client.priority",
        Kind::number(0.0, 100.0),
        DefaultValue::Number(50.0),
        "priority for capacity",
    ),
    Key::with_default(
        "<case>.client.campaigns",
        rows(CAMPAIGN, "[{ id = \"spring\", weight = 1.5 }]"),
        DefaultValue::NoRows,
        "campaigns that run all week on the channel",
    ),
    Key::with_default(
        "<case>.client.days",
        rows(SPECIAL_DAY, "[{ day = \"friday\", kind = \"holiday\" }]"),
        DefaultValue::NoRows,
        "special days of the week",
    ),
    Key::optional("<case>.policy.agent_enabled", Kind::Bool, "whether agents plan; the pack's if omitted"),
    Key::optional(
        "<case>.policy.auto_exec_enabled",
        Kind::Bool,
        "whether low-risk posts run without approval; the pack's if omitted",
    ),
    Key::optional(
        "<case>.policy.max_actions_per_day",
        Kind::integer(0, 1000),
        "maximum posts a day; the pack's if omitted",
    ),
    Key::optional(
        "<case>.policy.pause_on_high_severity_warning",
        Kind::Bool,
        "whether a warning of high severity blocks posts; the pack's if omitted",
    ),
    share("<case>.state.fatigue", 0.0, "fatigue at the start of the week"),
    share("<case>.state.momentum", 0.5, "momentum"),
    share("<case>.state.visibility", 0.5, "visibility"),
    share("<case>.state.engagement", 0.5, "engagement score"),
    Key::with_default(
        "<case>.state.audience",
        Kind::above(0.0, 1e9),
        DefaultValue::Number(1000.0),
        "people a post can reach",
    ),
    Key::with_default(
        "<case>.state.measured",
        Kind::Bool,
        DefaultValue::Bool(true),
        "whether engagement was ever measured",
    ),
    Key::optional(
        "<case>.state.engagement_rate",
        Kind::above(0.0, 10.0),
        "measured engagement rate; the pack's rate of the channel if omitted",
    ),
    Key::optional(
        "<case>.state.last_post_hours_ago",
        Kind::number(0.0, 10_000.0),
        "hours from the last post to the start of the week; no post if omitted",
    ),
    Key::with_default(
        "<case>.state.committed",
        rows(COMMITTED, "[{ day = \"friday\", hour = 9 }]"),
        DefaultValue::NoRows,
        "posts that are committed already, on `channel` unless a row names another channel",
    ),
    Key::with_default(
        "<case>.state.previous",
        rows(TIME, "[{ day = \"friday\", hour = 9 }]"),
        DefaultValue::NoRows,
        "posts of the channel in the plan that the week had before",
    ),
    Key::with_default(
        "<case>.warnings",
        rows(WARNING, "[{ kind = \"collapse_risk\", severity = \"high\" }]"),
        DefaultValue::NoRows,
        "early warnings on record",
    ),
    optional_share("<case>.reality.perceived", "performance as reported; 0.5 if omitted"),
    optional_share("<case>.reality.true_score", "performance as assessed; as reported if omitted"),
    optional_share("<case>.reality.confidence", "confidence in the assessment; 1 if omitted"),
    optional_share("<case>.reality.completeness", "share of the data that was available; 1 if omitted"),
    Key::with_default(
        "<case>.workspace_reviewers",
        Kind::integer(0, 1000),
        DefaultValue::Integer(2),
        "number of reviewers",
    ),
    Key::with_default("<case>.asset.present", Kind::Bool, DefaultValue::Bool(true), "whether there is an asset at all"),
    Key::with_default("<case>.asset.kind", Kind::Text, DefaultValue::Text("photo"), "content type"),
    Key::with_default(
        "<case>.asset.title",
        Kind::Text,
        DefaultValue::Text("A headline"),
        "its headline, if it has content",
    ),
    Key::optional("<case>.asset.tags", Kind::Text, "its tags, as in `spring;recipe`"),
    share("<case>.asset.quality", 0.8, "quality of the work"),
    share("<case>.asset.brand_consistency", 0.8, "consistency with the brand"),
    share("<case>.asset.value", 0.5, "usefulness to the audience"),
    share("<case>.asset.impact", 0.5, "strength of the idea"),
    Key::with_default(
        "<case>.asset.made_for_channel",
        Kind::Bool,
        DefaultValue::Bool(true),
        "whether it was made for the channel",
    ),
    Key::with_default(
        "<case>.asset.age_hours",
        Kind::number(0.0, 100_000.0),
        DefaultValue::Number(240.0),
        "age at the start of the week, in hours",
    ),
    Key::optional(
        "<case>.asset.used_hours_ago",
        Kind::number(0.0, 10_000.0),
        "hours from its last use on the channel to the start of the week; never used if omitted",
    ),
    Key::with_default(
        "<case>.asset.has_content",
        Kind::Bool,
        DefaultValue::Bool(true),
        "whether it has a title, a text or media",
    ),
    Key::with_default(
        "<case>.asset.evolution_step",
        Kind::integer(0, 1000),
        DefaultValue::Integer(0),
        "position in its story",
    ),
    Key::optional("<case>.asset.campaign", Kind::Text, "the campaign it was made for, one of `client.campaigns`"),
    Key::optional(
        "<case>.asset.count",
        Kind::integer(1, MAX_ASSETS),
        "number of such assets; 1 if omitted, or with `channels` as many as the posts that the channels want in the week",
    ),
    Key::with_default(
        "<case>.assets",
        rows(ASSET, "[{ kind = \"video\", count = 2 }, { kind = \"photo\", count = 10, channels = [\"ig\"] }]"),
        DefaultValue::NoRows,
        "all assets of the client; what a row omits is as in `asset`; only `asset` if omitted",
    ),
    Key::with_default("<case>.post.day", Kind::Choice(&DAYS), DefaultValue::Text("monday"), "day of the post"),
    Key::with_default("<case>.post.hour", HOUR, DefaultValue::Integer(0), "hour of the post on the client's clock"),
    optional_share("<case>.post.fatigue", "fatigue at the hour of the post, instead of what follows from the state"),
    Key::optional(
        "<case>.post.hours_to_nearest_post",
        Kind::number(0.0, 10_000.0),
        "hours to the nearest other post of the channel, instead of what follows from the state",
    ),
    Key::optional(
        "<case>.post.action_of_day",
        Kind::integer(1, 1000),
        "1-based position among the client's posts of that day, instead of what follows from the state",
    ),
    Key::optional("<case>.expect.weekly_posts", Kind::integer(0, 168), "number of posts a week, lowered for fatigue"),
    result("<case>.expect.priority", "priority for capacity, lowered for fatigue"),
    result("<case>.expect.wait_hours", "recommended hours to wait at the start of the week"),
    result("<case>.expect.health", "health of the channel at the start of the week"),
    Key::optional(
        "<case>.expect.health_level",
        Kind::Choice(&["good", "fair", "poor"]),
        "label of the channel's health: good, fair or poor",
    ),
    Key::optional("<case>.expect.best_hours", Kind::Hours, "best hours of the day of the post"),
    Key::optional("<case>.expect.open_hours", Kind::Hours, "hours of the day of the post that no rule closes"),
    Key::optional("<case>.expect.minute", Kind::integer(0, 59), "minute within the hour at which posts go out"),
    Key::optional("<case>.expect.closed_by", Kind::Choice(HOUR_RULES), "the rule that closes the hour of the post"),
    Key::optional(
        "<case>.expect.planned",
        rows(TIME, "[{ day = \"friday\", hour = 9 }]"),
        "the hours that a plan of the week uses on the channel, in order",
    ),
    Key::optional(
        "<case>.expect.planned_posts",
        Kind::integer(0, 168),
        "how many hours a plan of the week uses on the channel",
    ),
    Key::optional(
        "<case>.expect.planned_with_asset",
        Kind::integer(0, 168),
        "how many of these hours a plan gives an asset",
    ),
    Key::optional(
        "<case>.expect.posts",
        rows(POST_COUNT, "[{ channels = [\"fb\"], at_least = 3 }, { days = [\"sunday\"], exactly = 0 }]"),
        "numbers of posts of the week, committed ones and those that a plan of all channels adds and does not block; a row counts the posts that meet all its conditions",
    ),
    Key::optional(
        "<case>.expect.week",
        rows(WEEK_POST, "[{ channel = \"fb\", day = \"friday\", hour = 9 }]"),
        "all these posts, in order of time",
    ),
    Key::optional(
        "<case>.expect.limits.<limit>",
        Kind::Choice(LIMIT_STATES),
        "what the limit does to the week: `slack` if it costs nothing, `binds` if the week would earn more without it, `broken` if the week pays its `price`, `unmet` if it contradicts other limits, so that nothing is planned",
    ),
    result("<case>.expect.fatigue", "fatigue at the hour of the post"),
    result("<case>.expect.response", "factor on engagement at the fatigue of that hour"),
    result("<case>.expect.slot_value", "engagements of an average asset on a rested channel"),
    result("<case>.expect.expected_engagement", "engagements expected of the post"),
    Key::optional("<case>.expect.asset_usable", Kind::Bool, "whether the asset can be used at the hour of the post"),
    result("<case>.expect.asset_score", "score of the asset, 0 to 100"),
    result("<case>.expect.quality_factor", "factor on engagement from the asset's score, or from having no asset"),
    result(
        "<case>.expect.cost",
        "cost of the work on the post, and of the people who unsubscribe or unfollow because of it",
    ),
    result("<case>.expect.net_worth", "expected engagements times the channel's `worth`, less the cost"),
    result("<case>.expect.confidence", "confidence in the post"),
    Key::optional("<case>.expect.risk", Kind::Choice(SEVERITIES), "risk band of the post"),
    Key::optional(
        "<case>.expect.status",
        Kind::Choice(&["ready", "pending", "blocked"]),
        "status of the post after planning",
    ),
    Key::optional(
        "<case>.expect.approved_by",
        Kind::Choice(&["nobody", "anybody", "somebody_else"]),
        "who can approve the post; `somebody_else` is anyone but the person who committed its plan",
    ),
    result("<case>.expect.draft_until_hours", "hours after the post's time in which its draft may still be created"),
    Key::optional("<case>.expect.draft_tries", Kind::integer(1, 20), "maximum number of attempts to create a draft"),
    result("<case>.expect.draft_waits_minutes", "minutes from the first attempt to create a draft to the last"),
    Key::optional(
        "<case>.expect.daily_pass_every_hours",
        Kind::integer(1, 24),
        "hours between the daily passes of a server",
    ),
    Key::optional(
        "<case>.expect.weekly_pass",
        Kind::Text,
        "when a server plans the coming week, as in `thursday 14:00 UTC`",
    ),
    Key::optional(
        "<case>.expect.verdicts.<guardrail>",
        Kind::Choice(&["pass", "warn", "block"]),
        "verdict of the guardrail",
    ),
    Key::optional("<case>.expect.reasons.<guardrail>", Kind::Text, "text that the guardrail's reason contains"),
    Key::optional("<case>.expect.remedies.<guardrail>", Kind::Text, "text that the guardrail's remedy contains"),
    result("<case>.expect.signals.<signal>", "score of the signal"),
    Key::optional(
        "<case>.expect.raised.<signal>",
        Kind::Choice(&["no", "medium", "high"]),
        "severity of the warning that the signal raises",
    ),
    result("<case>.expect.true_score", "true performance as estimated"),
    result("<case>.expect.true_score_low", "lower end of the band around true performance"),
    result("<case>.expect.true_score_high", "upper end of the band around true performance"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Channel, Outcome, Severity};
    use crate::planner::HourRule;
    use crate::workbench::week::LimitState;

    fn choices(path: &str) -> &'static [&'static str] {
        let key = KEYS.iter().find(|key| key.path == path).unwrap();
        let Kind::Choice(names) = key.kind else { panic!("{path} is not a choice") };
        names
    }

    #[test]
    fn names_are_those_of_the_model() {
        assert_eq!(choices("<case>.channel"), Channel::names().collect::<Vec<_>>());
        let outcomes = [Outcome::Pass, Outcome::Warn, Outcome::Block].map(Outcome::name);
        assert_eq!(choices("<case>.expect.verdicts.<guardrail>"), outcomes);
        assert_eq!(SEVERITIES, Severity::ALL.iter().map(|severity| severity.name()).collect::<Vec<_>>());
        // A case has no clock, so none of its hours is in the past.
        let rules = HourRule::ALL.into_iter().filter(|rule| *rule != HourRule::Past).map(HourRule::name);
        let rules: Vec<&str> = std::iter::once("nothing").chain(rules).collect();
        assert_eq!(HOUR_RULES, rules);
        assert_eq!(LIMIT_STATES, LimitState::ALL.iter().map(|state| state.name()).collect::<Vec<_>>());
    }
}
