//! The read-only views that scripts receive: of a post, its channel's week, an asset and a client.
//!
//! One table of fields per view drives the getters of the script engine, the check for misspelt names, the cache keys
//! of the evaluator and the documentation.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rhai::{Dynamic, ImmutableString};

use crate::model::digits::decimal;
use crate::model::{AssetSnapshot, Channel};

/// One value that a script reads.
#[derive(Debug, Clone)]
pub enum Fact {
    /// A floating-point number.
    Number(f64),
    /// An integer.
    Whole(i64),
    /// A boolean.
    Truth(bool),
    /// A text.
    Text(ImmutableString),
    /// A list of such values.
    List(List),
}

/// A list of values that a script reads as an array.
pub type List = Arc<[Fact]>;

/// The texts as a list for scripts.
pub(crate) fn text_list(texts: &[Arc<str>]) -> List {
    texts.iter().map(|text| Fact::Text((**text).into())).collect()
}

impl Fact {
    pub(super) fn to_dynamic(&self) -> Dynamic {
        match self {
            Fact::Number(number) => (*number).into(),
            Fact::Whole(number) => (*number).into(),
            Fact::Truth(truth) => (*truth).into(),
            Fact::Text(text) => text.clone().into(),
            Fact::List(list) => list.iter().map(Fact::to_dynamic).collect::<rhai::Array>().into(),
        }
    }
}

/// Two facts are equal if a script cannot tell them apart; numbers are compared by their bits.
impl PartialEq for Fact {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Fact::Number(a), Fact::Number(b)) => a.to_bits() == b.to_bits(),
            (Fact::Whole(a), Fact::Whole(b)) => a == b,
            (Fact::Truth(a), Fact::Truth(b)) => a == b,
            (Fact::Text(a), Fact::Text(b)) => a == b,
            (Fact::List(a), Fact::List(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Fact {}

impl Hash for Fact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Fact::Number(number) => number.to_bits().hash(state),
            Fact::Whole(number) => number.hash(state),
            Fact::Truth(truth) => truth.hash(state),
            Fact::Text(text) => text.as_str().hash(state),
            Fact::List(list) => list.hash(state),
        }
    }
}

impl From<f64> for Fact {
    fn from(number: f64) -> Self {
        Fact::Number(number)
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Fact::Whole(number)
    }
}

impl From<bool> for Fact {
    fn from(truth: bool) -> Self {
        Fact::Truth(truth)
    }
}

impl From<List> for Fact {
    fn from(list: List) -> Self {
        Fact::List(list)
    }
}

impl From<ImmutableString> for Fact {
    fn from(text: ImmutableString) -> Self {
        Fact::Text(text)
    }
}

/// What kind of value a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// A floating-point number.
    Number,
    /// An integer.
    Whole,
    /// A boolean.
    Truth,
    /// A text.
    Text,
    /// A list.
    List,
}

/// A type that a field of a view can have.
trait FactValue: Sized {
    const KIND: FactKind;

    /// Converts a fact; `None` if it is of another kind.
    fn of(fact: Fact) -> Option<Self>;
}

impl FactValue for f64 {
    const KIND: FactKind = FactKind::Number;

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl FactValue for i64 {
    const KIND: FactKind = FactKind::Whole;

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Whole(number) => Some(number),
            _ => None,
        }
    }
}

impl FactValue for bool {
    const KIND: FactKind = FactKind::Truth;

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Truth(truth) => Some(truth),
            _ => None,
        }
    }
}

impl FactValue for List {
    const KIND: FactKind = FactKind::List;

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::List(list) => Some(list),
            _ => None,
        }
    }
}

impl FactValue for ImmutableString {
    const KIND: FactKind = FactKind::Text;

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Number(number) => f.write_str(&decimal(*number)),
            Fact::Whole(number) => number.fmt(f),
            Fact::Truth(truth) => truth.fmt(f),
            Fact::Text(text) => write!(f, "\"{text}\""),
            Fact::List(list) => {
                let shown: Vec<String> = list.iter().map(Fact::to_string).collect();
                write!(f, "[{}]", shown.join(", "))
            }
        }
    }
}

/// One field of a view.
pub struct Field<T> {
    /// Its name in scripts.
    pub name: &'static str,
    /// Its description, with unit and range.
    pub doc: &'static str,
    /// Smallest and largest value of the number, or of the numbers in the list; `None` for anything else.
    pub limits: Option<(f64, f64)>,
    /// The kind of its values.
    pub kind: FactKind,
    pub(super) get: fn(&T) -> Fact,
    /// Sets the field; a fact of another kind is ignored.
    pub(super) set: fn(&mut T, Fact),
}

/// A view that scripts can read.
pub trait Facts: Clone + Default + Send + Sync + 'static {
    /// Name of the parameter by which every function of a pack receives the view.
    const PARAMETER: &'static str;

    /// Every field, in declaration order.
    fn fields() -> &'static [Field<Self>];

    /// A neutral view, with every number at the midpoint of its limits.
    #[must_use]
    fn typical() -> Self {
        let mut view = Self::default();
        for field in Self::fields() {
            let Some((min, max)) = field.limits else { continue };
            let middle = f64::midpoint(min, max);
            let fact = if field.kind == FactKind::Whole { Fact::Whole(middle as i64) } else { Fact::Number(middle) };
            (field.set)(&mut view, fact);
        }
        view
    }
}

macro_rules! limits {
    () => {
        None
    };
    ($min:expr, $max:expr) => {
        Some(($min, $max))
    };
}

macro_rules! view {
    ($(#[doc = $about:literal])* $name:ident as $parameter:literal {
        $($(#[doc = $doc:literal])* $field:ident: $kind:ty $([$min:expr, $max:expr])?,)+
    }) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $kind,)+
        }

        impl Facts for $name {
            const PARAMETER: &'static str = $parameter;

            fn fields() -> &'static [Field<Self>] {
                const FIELDS: &[Field<$name>] = &[
                    $(Field {
                        name: stringify!($field),
                        doc: concat!($($doc),*),
                        limits: limits!($($min, $max)?),
                        kind: <$kind as FactValue>::KIND,
                        get: |view| Fact::from(view.$field.clone()),
                        set: |view, fact| {
                            if let Some(value) = FactValue::of(fact) {
                                view.$field = value;
                            }
                        },
                    },)+
                ];
                FIELDS
            }
        }
    };
}

view!(
    /// One channel of a client in one week: `ctx`.
    ChannelFacts as "ctx" {
        /// The client's id.
        client: ImmutableString,
        /// The workspace's id.
        workspace: ImmutableString,
        /// The client's industry.
        industry: ImmutableString,
        /// The client's tags.
        tags: List,
        /// `active` or `onboarding`.
        status: ImmutableString,
        /// The channel's name.
        channel: ImmutableString,
        /// The client's priority, 0 to 100.
        client_priority: f64 [0.0, 100.0],
        /// People a post can reach.
        audience: f64 [0.0, 1e9],
        /// Engagements per person reached that the plan assumes.
        engagement_rate: f64 [0.0, 10.0],
        /// Whether the engagement rate was measured on the channel itself.
        has_history: bool,
        /// Fatigue as the week begins, 0 to 1.
        fatigue: f64 [0.0, 1.0],
        /// Momentum, 0 to 1; 0.5 if unknown.
        momentum: f64 [0.0, 1.0],
        /// Visibility, 0 to 1; 0.5 if unknown.
        visibility: f64 [0.0, 1.0],
        /// Engagement score, 0 to 1; 0.5 if unknown.
        engagement: f64 [0.0, 1.0],
        /// Hours from the last post to the start of the week; 10000 if there was none.
        hours_since_last_post: f64 [0.0, NEVER],
        /// Posts in the last 7 days.
        posts_last_7_days: i64 [0.0, 168.0],
        /// Posts in the last 30 days.
        posts_last_30_days: i64 [0.0, 720.0],
        /// Posts a week in `channels.toml`, times the factor of the week's seasons.
        weekly_posts: i64 [0.0, 168.0],
        /// Spacing in `channels.toml`, in hours; a multiple of 24 is counted in days on the client's clock.
        min_spacing_hours: i64 [1.0, 168.0],
        /// Weights of the hours by `channels.toml`: 168 numbers, Monday 00:00 first; 1 is ordinary.
        hour_weights: List [0.0, 1000.0],
        /// Warn threshold of `fatigue.toml`.
        warn_at: f64 [0.0, 1.0],
        /// Block threshold of `fatigue.toml`.
        block_at: f64 [0.0, 1.0],
        /// Active warnings of high severity.
        high_warnings: i64 [0.0, 10.0],
        /// Active warnings of medium severity.
        medium_warnings: i64 [0.0, 10.0],
        /// Whether the policy pauses posts on a warning of high severity.
        pause_on_high_warning: bool,
        /// Whether the policy lets agents plan.
        agent_enabled: bool,
        /// Whether the policy lets low-risk posts run without approval.
        auto_exec_enabled: bool,
        /// The policy's maximum posts a day over all channels.
        max_actions_per_day: i64 [0.0, 1000.0],
        /// Whether performance was assessed against reality.
        assessed: bool,
        /// Perceived performance, 0 to 1.
        perceived: f64 [0.0, 1.0],
        /// True performance as estimated, 0 to 1.
        true_score: f64 [0.0, 1.0],
        /// Difference between true and perceived performance as assessed, 0 to 1.
        reality_gap: f64 [0.0, 1.0],
        /// Confidence in the assessment, 0 to 1; 1 if not assessed.
        reality_confidence: f64 [0.0, 1.0],
    }
);

view!(
    /// One planned post: `post`.
    PostFacts as "post" {
        /// Wall-clock hour, 0 to 23.
        hour: i64 [0.0, 23.0],
        /// Days since Monday, 0 to 6.
        weekday: i64 [0.0, 6.0],
        /// Day on the client's clock, such as `2026-12-24`.
        date: ImmutableString,
        /// Day of the month, 1 to 31.
        day: i64 [1.0, 31.0],
        /// Month, 1 to 12.
        month: i64 [1.0, 12.0],
        /// ISO week of the year, 1 to 53.
        week: i64 [1.0, 53.0],
        /// Whether the hour is one of the channel's best.
        is_best_hour: bool,
        /// Fatigue of the channel at the hour of the post, 0 to 1.
        fatigue: f64 [0.0, 1.0],
        /// Expected engagements.
        expected_engagement: f64 [0.0, 1e9],
        /// Whether it has an asset.
        has_asset: bool,
        /// Score of its asset, 0 to 100; 0 without one.
        asset_score: f64 [0.0, 100.0],
        /// Kind of its asset; empty without one.
        asset_kind: ImmutableString,
        /// Headline of its asset; empty without one.
        asset_title: ImmutableString,
        /// Tags of its asset.
        asset_tags: List,
        /// Whether its asset has a title, a text or media.
        has_content: bool,
        /// Its campaign; empty without one.
        campaign: ImmutableString,
        /// 1-based position among the client's posts of that day, over all channels.
        action_of_day: i64 [1.0, 1000.0],
        /// Channels of the client's other posts of that day, planned and committed ones, in order of time.
        channels_of_day: List,
        /// Wall-clock hours of those posts, in the same order.
        hours_of_day: List [0.0, 23.0],
        /// Hours to the nearest other post of the channel, past, committed or planned, counted like the
        /// channel's spacing; 10000 if there is none.
        hours_to_nearest_post: f64 [0.0, NEVER],
        /// How many guardrails warned so far.
        warnings: i64 [0.0, 10.0],
    }
);

impl PostFacts {
    /// The facts of its asset alone.
    pub const ASSET_FACTS: [&str; 6] =
        ["has_asset", "asset_score", "asset_kind", "asset_title", "asset_tags", "has_content"];

    /// The same post with another asset, or without one.
    #[must_use]
    pub fn with_asset(self, asset: Option<&AssetSnapshot>) -> Self {
        Self {
            has_asset: asset.is_some(),
            asset_score: asset.map_or(0.0, |asset| asset.score),
            asset_kind: asset.map_or_else(Default::default, |asset| (*asset.kind).into()),
            asset_title: asset.map_or_else(Default::default, |asset| (*asset.title).into()),
            asset_tags: asset.map_or_else(Default::default, |asset| text_list(&asset.tags)),
            has_content: asset.is_some_and(|asset| asset.has_content),
            ..self
        }
    }
}

/// Resolves contradictions between generated facts: every other post of the day has a channel and an hour, a post
/// without an asset has none of an asset's attributes, and a reality gap above 0 or a reality confidence below 1 implies
/// an assessment.
pub(super) fn make_facts_consistent(post: &mut PostFacts, ctx: &mut ChannelFacts) {
    complete_other_posts(post);
    if !post.has_asset {
        *post = post.clone().with_asset(None);
    }
    ctx.assessed |= ctx.reality_gap > 0.0 || ctx.reality_confidence < 1.0;
}

/// Gives each other post of the day a channel and an hour.
fn complete_other_posts(post: &mut PostFacts) {
    let (channels, hours) = (post.channels_of_day.len(), post.hours_of_day.len());
    let filled = |list: &List, count: usize, filling: Fact| -> List {
        list.iter().cloned().chain(std::iter::repeat_n(filling, count.saturating_sub(list.len()))).collect()
    };
    if channels < hours {
        post.channels_of_day = filled(&post.channels_of_day, hours, Fact::Text(Channel::Fb.name().into()));
    } else if hours < channels {
        post.hours_of_day = filled(&post.hours_of_day, channels, Fact::Whole(post.hour));
    }
}

view!(
    /// One asset on one channel: `asset`.
    AssetFacts as "asset" {
        /// Content type: photo, video, article.
        kind: ImmutableString,
        /// Headline.
        title: ImmutableString,
        /// The campaign it was made for; empty for evergreen content.
        campaign: ImmutableString,
        /// Its tags.
        tags: List,
        /// Quality of the work, 0 to 1.
        quality: f64 [0.0, 1.0],
        /// Consistency with the brand, 0 to 1.
        brand_consistency: f64 [0.0, 1.0],
        /// Usefulness to the audience, 0 to 1.
        value: f64 [0.0, 1.0],
        /// Strength of the idea, 0 to 1.
        impact: f64 [0.0, 1.0],
        /// Whether it was made for the channel.
        made_for_channel: bool,
        /// Hours since it was finished.
        age_hours: f64 [0.0, 100_000.0],
        /// Hours since it was last used on the channel; 10000 if never.
        hours_since_use: f64 [0.0, NEVER],
        /// Position in its story, from 0.
        evolution_step: i64 [0.0, 1000.0],
    }
);

view!(
    /// One client in one week, over all its channels: `client`.
    ClientFacts as "client" {
        /// The client's id.
        id: ImmutableString,
        /// The client's industry.
        industry: ImmutableString,
        /// The client's tags.
        tags: List,
        /// How many channels it posts on.
        channels: i64 [1.0, 9.0],
        /// Mean fatigue over channels, 0 to 1.
        mean_fatigue: f64 [0.0, 1.0],
        /// Highest fatigue of a channel, 0 to 1.
        max_fatigue: f64 [0.0, 1.0],
        /// Mean momentum over channels, 0 to 1; 0.5 if unknown.
        momentum: f64 [0.0, 1.0],
        /// Mean visibility over channels, 0 to 1; 0.5 if unknown.
        visibility: f64 [0.0, 1.0],
        /// Mean engagement score over channels, 0 to 1; 0.5 if unknown.
        engagement: f64 [0.0, 1.0],
        /// Share of channels without a measured engagement rate, 0 to 1.
        unmeasured_share: f64 [0.0, 1.0],
        /// Posts wanted a week divided by the posts that the policy's actions a day allow.
        load: f64 [0.0, 1e4],
        /// Posts wanted a week by the workspace's clients, and committed for those that are not planned now, divided by
        /// the posts that its reviewers can review.
        workspace_load: f64 [0.0, 1e4],
        /// Days since the newest usable asset was made; 10000 if there is none.
        days_since_new_asset: f64 [0.0, NEVER],
        /// Assets that can be used this week.
        usable_assets: i64 [0.0, 1e6],
        /// Mean brand consistency of usable assets, 0 to 1; 1 if there is none.
        brand_consistency: f64 [0.0, 1.0],
        /// Whether performance was assessed against reality.
        assessed: bool,
        /// Difference between true and perceived performance as assessed, 0 to 1.
        reality_gap: f64 [0.0, 1.0],
        /// Share of the data that was available, 0 to 1; 1 if not assessed.
        completeness: f64 [0.0, 1.0],
    }
);

/// A view as a script holds it: shared, cheap to clone, without setters.
#[derive(Clone)]
pub(super) struct ScriptView<T>(pub(super) Arc<T>);

/// Sentinel for "never" in fields that hold a number of hours or days.
pub const NEVER: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_asset_changes_the_facts_of_the_asset_alone() {
        let asset = AssetSnapshot {
            score: 50.0,
            kind: "photo".into(),
            title: "Roasted".into(),
            tags: vec!["spring".into()],
            has_content: true,
        };
        let (without, with) = (PostFacts::default(), PostFacts::default().with_asset(Some(&asset)));
        let fields = PostFacts::fields().iter();
        let changed = fields.filter(|field| (field.get)(&with) != (field.get)(&without)).map(|field| field.name);
        assert_eq!(changed.collect::<Vec<_>>(), PostFacts::ASSET_FACTS);
    }
}
