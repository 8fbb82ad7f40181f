//! `limits.toml`: how many posts there may or must be, over several channels of a client, and which must follow others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key::{DAYS, DefaultValue, Key, Kind};
use super::limit_filter::{LimitFilter, filter};
use super::limit_weeks::{LimitWeeks, weeks};
use super::scenario_names::{NameKind, NameReference};
use super::settings::{Settings, Value, View};
use crate::model::{Channel, FollowUp};

/// The names of all channels, in table order.
#[expect(clippy::indexing_slicing, reason = "INVARIANT: the loop stays within the length; it runs at compile time")]
const CHANNEL_NAMES: [&str; Channel::COUNT] = {
    let mut names = [""; Channel::COUNT];
    let mut index = 0;
    while index < Channel::COUNT {
        names[index] = Channel::ALL[index].name();
        index += 1;
    }
    names
};

/// Name of the limit that a client's policy sets on the posts of a day.
pub const ACTIONS_A_DAY: &str = "max_actions_per_day";

/// Name of the limit on posts that need a review, which the reviewers of a workspace set.
pub const REVIEW_CAPACITY: &str = "review_capacity";

/// Maximum of a bound that is a number of posts.
const MAX_POSTS: f64 = 1_000_000.0;

/// Maximum of `within_hours`: two weeks.
const MAX_WITHIN_HOURS: i64 = 336;

/// Maximum of `after_hours` and `until_hours`: a week.
const MAX_FOLLOW_HOURS: i64 = 168;

pub(super) const LIMITS: &[Key] = &[
    Key::with_default("<limit>.enabled", Kind::Bool, DefaultValue::Bool(true), "whether the limit applies at all"),
    Key::optional("<limit>.at_most", Kind::number(0.0, MAX_POSTS), "maximum number of posts in each period"),
    Key::optional("<limit>.at_least", Kind::above(0.0, MAX_POSTS), "minimum number of posts in each period"),
    Key::optional("<limit>.at_most_share", Kind::number(0.0, 1.0), "maximum share of all posts of the same `per`"),
    Key::optional("<limit>.at_least_share", Kind::above(0.0, 1.0), "minimum share of all posts of the same `per`"),
    Key::optional(
        "<limit>.followed_by",
        Kind::Choice(&CHANNEL_NAMES),
        "channel on which a post must follow each post that `where` selects",
    ),
    Key::optional(
        "<limit>.after_hours",
        Kind::integer(1, MAX_FOLLOW_HOURS),
        "how many hours after a post another follows, at least; required with `followed_by`",
    ),
    Key::optional(
        "<limit>.until_hours",
        Kind::integer(1, MAX_FOLLOW_HOURS),
        "how many hours after a post another follows, at most; `after_hours` if omitted",
    ),
    Key::optional(
        "<limit>.same_asset",
        Kind::Bool,
        "whether the post that follows has the asset of the post that it follows; `false` if omitted",
    ),
    Key::with_default(
        "<limit>.per",
        Kind::Names(&["client", "industry", "tag", "workspace", "channel", "asset", "campaign", "hour", "day", "week"]),
        DefaultValue::Names(&["client", "week"]),
        "what is counted separately: each client, or all clients of an industry, with a tag or of a workspace together; in addition each channel, asset or campaign; and one of hour, day and week",
    ),
    Key::with_default(
        "<limit>.counts",
        Kind::Choice(&[LimitCounts::Posts.name(), LimitCounts::NeedsReview.name()]),
        DefaultValue::Text(LimitCounts::Posts.name()),
        "what counts: every post, or only posts that need a review before they run",
    ),
    Key::optional(
        "<limit>.within_hours",
        Kind::integer(1, MAX_WITHIN_HOURS),
        "number of hours in a row in which posts are counted, instead of an hour, day or week; for `at_most` only",
    ),
    Key::optional(
        "<limit>.weigh.<type>",
        Kind::number(0.0, MAX_POSTS),
        "what a post with an asset of that content type counts, instead of 1; types that are not listed count 0",
    ),
    Key::optional("<limit>.where.channels", Kind::Names(&CHANNEL_NAMES), "channels whose posts count; all if omitted"),
    Key::optional("<limit>.where.days", Kind::Names(&DAYS), "days of the week on which posts count; all if omitted"),
    Key::optional(
        "<limit>.where.hours",
        Kind::Hours,
        "hours of the client's clock in which posts count; all if omitted",
    ),
    Key::optional("<limit>.where.kinds", Kind::Texts, "content types of assets whose posts count; all if omitted"),
    Key::optional("<limit>.where.campaigns", Kind::Texts, "campaigns whose posts count; all if omitted"),
    Key::optional("<limit>.where.tags", Kind::Texts, "only clients that have one of these tags; all if omitted"),
    Key::optional("<limit>.where.clients", Kind::Texts, "only clients with these ids; all if omitted"),
    Key::optional("<limit>.where.from", Kind::DateTime, "from this time on posts count, client's clock"),
    Key::optional("<limit>.where.to", Kind::DateTime, "from this time on posts no longer count, client's clock"),
    Key::optional(
        "<limit>.price",
        Kind::above(0.0, 1_000_000_000.0),
        "worth given up for each post too many or too few; without a price the limit is hard",
    ),
    Key::with_default(
        "<limit>.every_weeks",
        Kind::integer(1, 52),
        DefaultValue::Integer(1),
        "the limit applies in every n-th week only, counted from `first_week`",
    ),
    Key::optional(
        "<limit>.first_week",
        Kind::Date,
        "any day of a week in which the limit applies; required if `every_weeks` is above 1",
    ),
];

/// One table of `limits.toml`: a bound on the posts of a client that a filter selects.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitRules {
    /// Its name, which the pack chooses.
    pub name: Arc<str>,
    /// The bound on the posts of each period.
    pub bound: LimitBound,
    /// Which of the posts that `filter` selects count.
    pub counts: LimitCounts,
    /// Over which clients posts are counted.
    pub scope: LimitScope,
    /// Whether each channel is counted on its own.
    pub per_channel: bool,
    /// Whether each asset is counted on its own.
    pub per_asset: bool,
    /// Whether each campaign is counted on its own. Posts of no campaign then do not count.
    pub per_campaign: bool,
    /// What a post counts, by the content type of its asset; `None` if each post counts 1.
    pub weights: Option<BTreeMap<Arc<str>, f64>>,
    /// The period in which posts are counted.
    pub period: LimitPeriod,
    /// The condition that a post must meet to count.
    pub filter: LimitFilter,
    /// What each post too many or too few costs, in the unit of worth; `None` if the limit is hard.
    pub price: Option<f64>,
    /// The weeks in which it applies.
    pub weeks: LimitWeeks,
}

impl LimitRules {
    /// A hard maximum of posts over all channels, for each client and period.
    #[must_use]
    pub fn at_most(name: &str, posts: f64, period: LimitPeriod) -> Self {
        Self {
            name: name.into(),
            bound: LimitBound::AtMost(posts),
            counts: LimitCounts::Posts,
            scope: LimitScope::Client,
            per_channel: false,
            per_asset: false,
            per_campaign: false,
            weights: None,
            period,
            filter: LimitFilter::ALL,
            price: None,
            weeks: LimitWeeks::ALL,
        }
    }

    /// The limit on posts that need a review: the number that the reviewers of a workspace can review in a week.
    #[must_use]
    pub fn review_capacity(reviews: u32) -> Self {
        Self {
            counts: LimitCounts::NeedsReview,
            scope: LimitScope::Workspace,
            ..Self::at_most(REVIEW_CAPACITY, f64::from(reviews), LimitPeriod::Week)
        }
    }

    /// Whether a post's count depends on its asset, so that it is known only once assets are chosen.
    #[must_use]
    pub fn depends_on_assets(&self) -> bool {
        let LimitFilter { kinds, campaigns, .. } = &self.filter;
        let is_apart = self.per_asset || self.per_campaign;
        is_apart || self.weights.is_some() || !kinds.is_empty() || !campaigns.is_empty()
    }
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
    /// Minimum share of all posts, as for [`LimitBound::AtMostShare`]; above 0, up to 1.
    AtLeastShare(f64),
    /// The post that must follow each post that the filter selects; posts on the channel that follows are left out.
    FollowedBy(FollowUp),
}

/// Which posts a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitCounts {
    /// Every post.
    Posts,
    /// Posts that need a review: of planned posts those that are pending, of committed ones also those that were
    /// approved in a review.
    NeedsReview,
}

impl LimitCounts {
    /// Its name in a pack.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LimitCounts::Posts => "posts",
            LimitCounts::NeedsReview => "needs_review",
        }
    }
}

/// Over which clients a limit counts posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// Each client on its own.
    Client,
    /// The clients of an industry in a workspace.
    Industry,
    /// The clients with a tag in a workspace; a client with several counts for each.
    Tag,
    /// The clients of a workspace.
    Workspace,
}

impl LimitScope {
    /// Every scope.
    pub const ALL: [LimitScope; 4] = [LimitScope::Client, LimitScope::Industry, LimitScope::Tag, LimitScope::Workspace];

    /// Its name in a pack.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LimitScope::Client => "client",
            LimitScope::Industry => "industry",
            LimitScope::Tag => "tag",
            LimitScope::Workspace => "workspace",
        }
    }
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
    /// Any span of this many hours.
    Within(u32),
}

impl LimitPeriod {
    /// The periods of the calendar, the shortest first.
    pub const OF_CALENDAR: [LimitPeriod; 3] = [LimitPeriod::Hour, LimitPeriod::Day, LimitPeriod::Week];

    /// Its name in a pack.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LimitPeriod::Hour => "hour",
            LimitPeriod::Day => "day",
            LimitPeriod::Week => "week",
            LimitPeriod::Within(_) => "within_hours",
        }
    }
}

/// The keys of which a limit states exactly one.
pub(super) const BOUNDS: [&str; 5] = ["at_most", "at_least", "at_most_share", "at_least_share", "followed_by"];

/// The bound that a limit states; `None` if it states none.
fn bound(view: &View<'_>, name: &str) -> Option<LimitBound> {
    let number = |key: &str| view.number(&path(name, key));
    let at_most = number("at_most").map(LimitBound::AtMost);
    let at_least = || number("at_least").map(LimitBound::AtLeast);
    let at_most_share = || number("at_most_share").map(LimitBound::AtMostShare);
    let at_least_share = || number("at_least_share").map(LimitBound::AtLeastShare);
    let followed_by = || follow_up(view, name).map(LimitBound::FollowedBy);
    at_most.or_else(at_least).or_else(at_most_share).or_else(at_least_share).or_else(followed_by)
}

/// The enabled limits, in file order.
pub(super) fn limits(view: &View<'_>) -> Vec<LimitRules> {
    let is_enabled = |name: &&str| view.bool(&format!("limits.{name}.enabled")).unwrap_or(true);
    declared_limits(view).into_iter().filter(is_enabled).filter_map(|name| limit(view, name)).collect()
}

/// The names of the limits that the base declares, in file order.
pub(super) fn declared_limits<'a>(view: &View<'a>) -> Vec<&'a str> {
    view.base().map(|base| base.names_under("limits")).unwrap_or_default()
}

/// What must follow the posts of a limit; `None` if it does not say so, or not in how many hours.
fn follow_up(view: &View<'_>, name: &str) -> Option<FollowUp> {
    let hours = |key: &str| view.integer(&path(name, key)).and_then(|hours| u32::try_from(hours).ok());
    let channel = view.text(&path(name, "followed_by"))?.parse().ok()?;
    let after_hours = hours("after_hours")?;
    let until_hours = hours("until_hours").unwrap_or(after_hours);
    let same_asset = view.bool(&path(name, "same_asset")).unwrap_or(false);
    Some(FollowUp { channel, after_hours, until_hours, same_asset })
}

/// Full path of a limit's key.
pub(super) fn path(name: &str, key: &str) -> String {
    format!("limits.{name}.{key}")
}

/// Reads one limit; `None` if it states no bound, which is an error of the pack.
pub(super) fn limit(view: &View<'_>, name: &str) -> Option<LimitRules> {
    let path = |key: &str| format!("limits.{name}.{key}");
    let bound = bound(view, name)?;
    let per = view.names(&path("per")).unwrap_or_default();
    let calendar_period = || LimitPeriod::OF_CALENDAR.into_iter().find(|period| per.contains(&period.name()));
    let scope = LimitScope::ALL.into_iter().find(|scope| per.contains(&scope.name()));
    let within = view.integer(&path("within_hours")).and_then(|hours| u32::try_from(hours).ok());
    let period = within.map(LimitPeriod::Within).or_else(calendar_period);
    Some(LimitRules {
        name: name.into(),
        bound,
        counts: counts(view, name),
        scope: scope.unwrap_or(LimitScope::Client),
        per_channel: per.contains(&"channel"),
        per_asset: per.contains(&"asset"),
        per_campaign: per.contains(&"campaign"),
        weights: weights(view, &path("weigh")),
        period: period.unwrap_or(LimitPeriod::Week),
        filter: filter(view, &path("where")),
        price: view.number(&path("price")),
        weeks: weeks(view, &format!("limits.{name}")),
    })
}

fn counts(view: &View<'_>, name: &str) -> LimitCounts {
    let needs_review = view.text(&path(name, "counts")) == Some(LimitCounts::NeedsReview.name());
    if needs_review { LimitCounts::NeedsReview } else { LimitCounts::Posts }
}

/// What a post counts, by the content type of its asset; `None` if the table is missing.
fn weights(view: &View<'_>, table: &str) -> Option<BTreeMap<Arc<str>, f64>> {
    let weight = |kind: &str| Some((kind.into(), view.number(&format!("{table}.{kind}"))?));
    let weights: BTreeMap<Arc<str>, f64> = view.names_under(table).into_iter().filter_map(weight).collect();
    (!weights.is_empty()).then_some(weights)
}

/// The clients, tags, content types and campaigns that the limits of one layer name.
pub(super) fn name_references(layer: &Settings) -> Vec<NameReference> {
    let mut references = Vec::new();
    for (path, setting) in layer.under("limits") {
        if let (Some((_, content_type)), Some(place)) = (path.split_once(".weigh."), &setting.place) {
            let (kind, name) = (NameKind::AssetKind, content_type.to_owned());
            references.push(NameReference { kind, name, of_client: None, place: place.clone() });
        }
        let kind = match path.rsplit('.').next() {
            Some("tags") => NameKind::ClientTag,
            Some("clients") => NameKind::Client,
            Some("kinds") => NameKind::AssetKind,
            Some("campaigns") => NameKind::Campaign,
            _ => continue,
        };
        let (Value::Texts(texts), Some(place)) = (&setting.value, &setting.place) else { continue };
        let reference =
            |name: &String| NameReference { kind, name: name.clone(), of_client: None, place: place.clone() };
        references.extend(texts.iter().map(reference));
    }
    references
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::NaiveDateTime;

    use super::*;
    use crate::model::{CampaignId, ClientId, WorkspaceId};
    use crate::rules::PackFiles;
    use crate::rules::load;
    use crate::rules::load::tests::{default_files, reported};

    /// The default pack with these limits and, unless the text `overlay` is empty, an overlay for the client `acme`.
    pub(in crate::rules) fn with_limits(limits: &str, overlay: &str) -> PackFiles {
        let mut files = default_files();
        files.insert("limits.toml".to_owned(), limits.to_owned());
        if !overlay.is_empty() {
            let overlay = format!("scope = {{ client = \"acme\" }}\n{overlay}");
            files.insert("overlays/acme.toml".to_owned(), overlay);
        }
        files
    }

    fn read(text: &str) -> Vec<LimitRules> {
        load(with_limits(text, "")).unwrap().base().limits
    }

    fn time(text: &str) -> Option<NaiveDateTime> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_limit_that_states_only_its_bound_counts_every_post_of_a_client_in_a_week() {
        let expected = LimitRules {
            name: "brand_week".into(),
            bound: LimitBound::AtMost(12.0),
            counts: LimitCounts::Posts,
            scope: LimitScope::Client,
            per_channel: false,
            per_asset: false,
            per_campaign: false,
            weights: None,
            period: LimitPeriod::Week,
            filter: LimitFilter::ALL,
            price: None,
            weeks: LimitWeeks::ALL,
        };
        assert_eq!(read("[brand_week]\nat_most = 12\n"), [expected]);
        let reviews = "[reviews]\nat_most = 30\nper = [\"workspace\"]\ncounts = \"needs_review\"\n";
        let expected = LimitRules { name: "reviews".into(), ..LimitRules::review_capacity(30) };
        assert_eq!(read(reviews), [expected]);
    }

    #[test]
    fn every_key_of_the_filter_is_read_from_an_inline_table_and_from_a_separate_one() {
        let head = "[b2b]\nat_least = 2.5\nper = [\"day\", \"channel\", \"client\"]\nprice = 500\n";
        let keys = [
            "channels = [\"x\", \"linkedin\"]",
            "days = [\"thursday\", \"tuesday\"]",
            "hours = [7, 6]",
            "kinds = [\"video\"]",
            "campaigns = [\"spring\"]",
            "tags = [\"b2b\", \"eu\"]",
            "clients = [\"acme\"]",
            "from = 2026-12-24T12:00:00",
            "to = 2026-12-27 00:00:00",
        ];
        let inline = read(&format!("{head}where = {{ {} }}\n", keys.join(", ")));
        assert_eq!(read(&format!("{head}[b2b.where]\n{}\n", keys.join("\n"))), inline);
        let [limit] = inline.as_slice() else { panic!("{inline:?}") };
        assert_eq!((limit.bound, limit.price), (LimitBound::AtLeast(2.5), Some(500.0)));
        assert_eq!((limit.per_channel, limit.period), (true, LimitPeriod::Day));
        let LimitFilter { channels, days, hours, kinds, campaigns, tags, clients, from, to } = &limit.filter;
        assert_eq!((kinds.as_slice(), campaigns.as_slice()), (&["video".into()][..], &[CampaignId::new("spring")][..]));
        assert_eq!(channels, &[Channel::Linkedin, Channel::X]);
        assert_eq!(days, &[false, true, false, true, false, false, false]);
        assert_eq!(
            hours.iter().zip(0..).filter(|(is_set, _)| **is_set).map(|(_, hour)| hour).collect::<Vec<_>>(),
            [6, 7]
        );
        assert_eq!(tags, &["b2b".into(), "eu".into()]);
        assert_eq!(clients, &[ClientId::new("acme")]);
        assert_eq!((*from, *to), (time("2026-12-24T12:00:00"), time("2026-12-27T00:00:00")));
    }

    #[test]
    fn limits_come_in_the_order_of_the_file_without_those_switched_off() {
        let text = "[z]\nat_most_share = 0.5\n[m]\nenabled = false\nat_most = 1\n[a]\nat_least_share = 0.4\n";
        let names = |limits: Vec<LimitRules>| limits.iter().map(|limit| limit.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(read(text)), ["z", "a"]);
        let pack = load(with_limits(text, "[limits.m]\nenabled = true\n[limits.z]\nenabled = false\n")).unwrap();
        let limits_of = |client: &str| pack.rules_for(&WorkspaceId::new("w"), &ClientId::new(client), None).limits;
        assert_eq!(names(limits_of("acme")), ["m", "a"]);
        assert_eq!(names(limits_of("other")), ["z", "a"]);
    }

    #[test]
    fn a_pack_without_a_file_of_limits_or_with_an_empty_one_has_no_limits() {
        assert_eq!(load(default_files()).unwrap().base().limits, []);
        assert_eq!(read("# none yet\n"), []);
    }

    #[test]
    fn an_overlay_changes_a_limit_of_the_base() {
        let text = "[brand_day]\nat_most = 4\nper = [\"day\"]\nwhere = { days = [\"monday\"], channels = [\"x\"] }\n";
        let overlay = "[limits.brand_day]\nat_most = 2\nprice = 9\nper = [\"week\"]\nwhere.days = [\"friday\"]\n";
        let pack = load(with_limits(text, overlay)).unwrap();
        let limits = pack.rules_for(&WorkspaceId::new("w"), &ClientId::new("acme"), None).limits;
        let [limit] = limits.as_slice() else { panic!("{limits:?}") };
        assert_eq!((limit.bound, limit.price), (LimitBound::AtMost(2.0), Some(9.0)));
        assert_eq!(limit.period, LimitPeriod::Week);
        assert_eq!((limit.filter.days[0], limit.filter.days[4]), (false, true));
        assert_eq!(limit.filter.channels, [Channel::X], "the overlay does not state it");
    }

    #[test]
    fn an_overlay_may_not_add_a_limit_and_a_campaign_may_not_change_one() {
        let mistakes =
            load(with_limits("[brand_day]\nat_most = 4\n", "[limits.brand_dai]\nat_most = 2\n")).unwrap_err();
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert_eq!(
            (mistake.code, mistake.remedy.as_str()),
            ("unknown_limit", "write `brand_day`, the nearest known name")
        );
        let mut files = with_limits("[brand_day]\nat_most = 4\n", "");
        let overlay = "scope = { campaign = \"spring\" }\n[limits.brand_day]\nat_most = 2\n";
        files.insert("overlays/spring.toml".to_owned(), overlay.to_owned());
        let mistakes = load(files).unwrap_err();
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:?}") };
        assert_eq!(mistake.code, "not_for_campaigns");
        assert!(mistake.cause.ends_with("a limit counts the posts of all campaigns"), "{}", mistake.cause);
        let mut files = default_files();
        let overlay = "scope = { client = \"acme\" }\n[limits.brand_day]\nat_most = 2\n";
        files.insert("overlays/a.toml".to_owned(), overlay.to_owned());
        let [(code, ..)] = reported(files).try_into().unwrap();
        assert_eq!(code, "unknown_limit");
    }

    #[test]
    fn names_of_a_list_are_checked_one_by_one() {
        let codes = |line: &str| -> Vec<&'static str> {
            let found = load(with_limits(&format!("[a]\nat_most = 1\n{line}\n"), "")).expect_err(line);
            found.into_iter().map(|mistake| mistake.code).collect()
        };
        assert_eq!(
            codes("per = [\"client\", \"agency\", \"dya\", 3]"),
            ["unknown_value", "unknown_value", "wrong_type"]
        );
        assert_eq!(codes("per = [\"day\", \"day\"]"), ["duplicate_name"]);
        assert_eq!(codes("per = []"), ["empty_list"]);
        assert_eq!(codes("per = \"day\""), ["wrong_type"]);
        assert_eq!(codes("where = { tags = [\"b2b\", \" \", \"b2b\"] }"), ["empty_text", "duplicate_name"]);
        assert_eq!(codes("where = { channels = [\"linkdin\"], days = [\"mon\"] }"), ["unknown_value"; 2]);
        assert_eq!(codes("where = { hours = [24] }"), ["out_of_range"]);
        assert_eq!(codes("where = { from = \"friday 18:00\" }"), ["wrong_type"]);
        assert_eq!(codes("where = { from = 2026-12-24 }"), ["wrong_type"]);
        assert_eq!(codes("where = { from = 2026-12-24T12:00:00Z }"), ["offset_time"]);
        assert_eq!(codes("where = { kind = [\"video\"] }"), ["unknown_key"]);
        assert_eq!(codes("weigh = { video = -4 }"), ["out_of_range"]);
        assert_eq!(codes("within_hours = 0"), ["out_of_range"]);
    }

    #[test]
    fn the_remedy_for_a_key_outside_its_table_names_the_limit_or_its_filter() {
        let remedy = |text: &str| load(with_limits(text, "")).unwrap_err().remove(0).remedy;
        assert_eq!(remedy("[a]\nat_most = 1\ndays = [\"monday\"]\n"), "move `days` to `[a.where]`");
        assert_eq!(remedy("[a]\nat_most = 1\nwhere = { price = 3 }\n"), "move `price` to `[a]`");
    }

    #[test]
    fn names_in_the_limits_of_every_layer_are_references() {
        let text = "[a]\nat_most = 1\nwhere = { tags = [\"b2b\", \"eu\"], clients = [\"acme\"] }\n\
                    [b]\nat_most = 1\nweigh = { video = 4 }\nwhere = { kinds = [\"photo\"], campaigns = [\"spring\"] }\n";
        let pack = load(with_limits(text, "[limits.a]\nwhere.tags = [\"us\"]\n")).unwrap();
        let names: Vec<_> = pack.names_of_limits().map(|name| (name.kind, name.name, name.place.line)).collect();
        let tag = |name: &str, line| (NameKind::ClientTag, name.to_owned(), line);
        let client = (NameKind::Client, "acme".to_owned(), 3);
        let of_b = |kind, name: &str, line| (kind, name.to_owned(), line);
        let (photo, video) = (of_b(NameKind::AssetKind, "photo", 7), of_b(NameKind::AssetKind, "video", 6));
        let spring = of_b(NameKind::Campaign, "spring", 7);
        assert_eq!(names, [client, tag("b2b", 3), tag("eu", 3), video, spring, photo, tag("us", 3)]);
    }
}
