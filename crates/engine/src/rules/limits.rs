//! `limits.toml`: how many posts there may or must be, over several channels of a client.

use std::sync::Arc;

use chrono::NaiveDateTime;

use super::key::{DAYS, DefaultValue, Key, Kind};
use super::scenario_names::{NameKind, NameReference};
use super::settings::{Settings, Value, View};
use crate::model::{Channel, ClientId};

/// The names of all channels, in table order.
#[expect(clippy::indexing_slicing, reason = "INVARIANT: the loop walks within the length, before the program runs")]
const CHANNEL_NAMES: [&str; Channel::COUNT] = {
    let mut names = [""; Channel::COUNT];
    let mut at = 0;
    while at < Channel::COUNT {
        names[at] = Channel::ALL[at].name();
        at += 1;
    }
    names
};

/// Maximum of a bound that is a number of posts.
const MOST_POSTS: f64 = 1_000_000.0;

pub(super) const LIMITS: &[Key] = &[
    Key::with_default("<limit>.enabled", Kind::Bool, DefaultValue::Bool(true), "whether the limit applies at all"),
    Key::optional("<limit>.at_most", Kind::number(0.0, MOST_POSTS), "maximum number of posts in each period"),
    Key::optional("<limit>.at_least", Kind::above(0.0, MOST_POSTS), "minimum number of posts in each period"),
    Key::optional("<limit>.at_most_share", Kind::number(0.0, 1.0), "maximum share of all posts of the same `per`"),
    Key::optional("<limit>.at_least_share", Kind::above(0.0, 1.0), "minimum share of all posts of the same `per`"),
    Key::with_default(
        "<limit>.per",
        Kind::Names(&["client", "channel", "hour", "day", "week"]),
        DefaultValue::Names(&["client", "week"]),
        "what is counted on its own: each client, each channel too, and one of hour, day and week",
    ),
    Key::optional("<limit>.where.channels", Kind::Names(&CHANNEL_NAMES), "channels whose posts count; all if omitted"),
    Key::optional("<limit>.where.days", Kind::Names(&DAYS), "days of the week on which posts count; all if omitted"),
    Key::optional(
        "<limit>.where.hours",
        Kind::Hours,
        "hours of the client's clock in which posts count; all if omitted",
    ),
    Key::optional("<limit>.where.tags", Kind::Texts, "only clients that have one of these tags; all if omitted"),
    Key::optional("<limit>.where.clients", Kind::Texts, "only clients with these ids; all if omitted"),
    Key::optional("<limit>.where.from", Kind::DateTime, "from this time on posts count, client's clock"),
    Key::optional("<limit>.where.to", Kind::DateTime, "from this time on posts count no longer, client's clock"),
    Key::optional(
        "<limit>.price",
        Kind::above(0.0, 1_000_000_000.0),
        "worth given up for each post too many or too few; without a price the limit is hard",
    ),
];

/// One table of `limits.toml`: a bound on the posts of a client that a filter selects.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRules {
    /// Its name, which the pack chooses.
    pub name: Arc<str>,
    /// The bound on the posts of each period.
    pub bound: LimitBound,
    /// Whether each channel is counted on its own.
    pub per_channel: bool,
    /// The period in which posts are counted.
    pub period: LimitPeriod,
    /// Which posts are counted.
    pub filter: LimitFilter,
    /// What each post too many or too few costs, in the unit of worth; `None` if the limit is hard.
    pub price: Option<f64>,
}

/// The bound of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LimitBound {
    /// Maximum number of posts, 0 or more.
    AtMost(f64),
    /// Minimum number of posts, above 0.
    AtLeast(f64),
    /// Maximum share of all posts of the same client, period and, if each is counted on its own, channel; `0..=1`.
    AtMostShare(f64),
    /// Minimum share of the same posts; above 0, up to 1.
    AtLeastShare(f64),
}

/// A period in which a limit counts posts, on the client's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitPeriod {
    /// Each hour.
    Hour,
    /// Each day.
    Day,
    /// Each week, from Monday on.
    Week,
}

impl LimitPeriod {
    /// Every period, the shortest first.
    pub const ALL: [LimitPeriod; 3] = [LimitPeriod::Hour, LimitPeriod::Day, LimitPeriod::Week];

    /// Its name in a pack.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LimitPeriod::Hour => "hour",
            LimitPeriod::Day => "day",
            LimitPeriod::Week => "week",
        }
    }
}

/// The posts that a limit counts: those that meet every one of the conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitFilter {
    /// The channels, in table order; empty for all.
    pub channels: Vec<Channel>,
    /// Whether posts of a weekday count, Monday first.
    pub days: [bool; 7],
    /// Whether posts of an hour of the client's clock count.
    pub hours: [bool; 24],
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
        tags: Vec::new(),
        clients: Vec::new(),
        from: None,
        to: None,
    };
}

/// The keys of which a limit states exactly one, each with the bound that its number makes.
pub(super) const BOUNDS: [(&str, fn(f64) -> LimitBound); 4] = [
    ("at_most", LimitBound::AtMost),
    ("at_least", LimitBound::AtLeast),
    ("at_most_share", LimitBound::AtMostShare),
    ("at_least_share", LimitBound::AtLeastShare),
];

/// The enabled limits, in file order.
pub(super) fn limits(view: &View<'_>) -> Vec<LimitRules> {
    let is_on = |name: &&str| view.bool(&format!("limits.{name}.enabled")).unwrap_or(true);
    declared(view).into_iter().filter(is_on).filter_map(|name| limit(view, name)).collect()
}

/// The names of the limits that the base declares, in file order.
pub(super) fn declared<'a>(view: &View<'a>) -> Vec<&'a str> {
    view.base().map(|base| base.names_under("limits")).unwrap_or_default()
}

/// Reads one limit; `None` if it states no bound, which is an error of the pack.
pub(super) fn limit(view: &View<'_>, name: &str) -> Option<LimitRules> {
    let path = |key: &str| format!("limits.{name}.{key}");
    let bound = BOUNDS.iter().find_map(|(key, bound)| view.number(&path(key)).map(bound))?;
    let per = view.names(&path("per")).unwrap_or_default();
    let period = LimitPeriod::ALL.into_iter().find(|period| per.contains(&period.name()));
    Some(LimitRules {
        name: name.into(),
        bound,
        per_channel: per.contains(&"channel"),
        period: period.unwrap_or(LimitPeriod::Week),
        filter: filter(view, &path("where")),
        price: view.number(&path("price")),
    })
}

/// The clients and tags that the limits of one layer name.
pub(super) fn names(layer: &Settings) -> Vec<NameReference> {
    let mut names = Vec::new();
    for (path, setting) in layer.under("limits") {
        let kind = match path.rsplit('.').next() {
            Some("tags") => NameKind::ClientTag,
            Some("clients") => NameKind::Client,
            _ => continue,
        };
        let (Value::Texts(texts), Some(place)) = (&setting.value, &setting.place) else { continue };
        let reference =
            |name: &String| NameReference { kind, name: name.clone(), of_client: None, place: place.clone() };
        names.extend(texts.iter().map(reference));
    }
    names
}

fn filter(view: &View<'_>, table: &str) -> LimitFilter {
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
        tags: texts("tags").map(|tag| tag.as_str().into()).collect(),
        clients: texts("clients").map(|id| ClientId::new(id.as_str())).collect(),
        from: view.date_time(&path("from")),
        to: view.date_time(&path("to")),
    }
}
