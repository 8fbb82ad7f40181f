//! The input space of a pack's functions, field by field, with the values of each field at which a result may change.
//!
//! The domain is bounded: every number has limits, and every text comes from a script or from the starting input. The
//! values tried for a field are its limits and, for each number that the function could compare it with, that number
//! and its neighbours.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Datelike as _, NaiveDate};

use super::consistent_input::{make_consistent, on_day};
use super::constants::Constants;
use super::facts::{AssetFacts, ChannelFacts, ClientFacts, Fact, Facts, Field, List, PostFacts};
use super::hooks::{CONFIDENCE, HOUR_WEIGHTS, Hook, SCORE_ASSET, SIGNAL_MATRIX, WEEKLY_POSTS};
use super::{Evaluator, GuardrailRules, RuleFailure, Rules};
use crate::model::{Channel, ClientStatus, Verdict, parse_date, plus_days};

/// The date of a neutral post.
const NEUTRAL_DATE: NaiveDate = NaiveDate::from_ymd_opt(2026, 7, 1).unwrap();

/// The inputs of a pack's functions: a channel's week and a post in it, and for some functions an asset and a client.
#[derive(Debug, Clone)]
pub struct Input {
    /// The channel's week, `ctx`.
    pub ctx: ChannelFacts,
    /// The post, `post`.
    pub post: PostFacts,
    /// The asset, `asset`.
    pub asset: AssetFacts,
    /// The client's week, `client`.
    pub client: ClientFacts,
}

impl Input {
    /// A post in a channel's week with a neutral asset and client, for guardrails.
    #[must_use]
    pub fn of_post(post: PostFacts, ctx: ChannelFacts) -> Self {
        Self { ctx, post, asset: AssetFacts::typical(), client: ClientFacts::typical() }
    }

    /// A neutral input on a channel. Numbers that come from the rules have their values; every other number is at the
    /// midpoint of its limits.
    #[must_use]
    pub fn typical(rules: &Rules, channel: Channel) -> Self {
        let channel_rules = rules.channel(channel);
        let ctx = ChannelFacts {
            channel: channel.name().into(),
            status: ClientStatus::Active.name().into(),
            weekly_posts: i64::from(channel_rules.weekly_posts),
            hour_weights: channel_rules.hour_weights(),
            min_spacing_hours: i64::from(channel_rules.min_spacing_hours),
            warn_at: rules.fatigue.warn_at,
            block_at: rules.fatigue.block_at,
            ..ChannelFacts::typical()
        };
        let mut post = PostFacts { has_asset: true, has_content: true, ..PostFacts::typical() };
        on_day(&mut post, NEUTRAL_DATE);
        Self::of_post(post, ctx)
    }

    /// Calls a function of the pack with this input, and discards what it returns.
    ///
    /// # Errors
    /// If the script fails, or returns anything but what [`Hook::returns`] says.
    pub fn call_hook(
        &self,
        evaluator: &mut Evaluator,
        hook: &Hook,
        signals: &[(Arc<str>, f64)],
    ) -> Result<(), RuleFailure> {
        let ctx = Arc::new(self.ctx.clone());
        match hook.name {
            WEEKLY_POSTS => evaluator.weekly_posts(&ctx).map(drop),
            HOUR_WEIGHTS => evaluator.hour_weights(&ctx).map(drop),
            SCORE_ASSET => evaluator.score_asset(&Arc::new(self.asset.clone()), &ctx).map(drop),
            CONFIDENCE => evaluator.confidence(&Arc::new(self.post.clone()), &ctx).map(drop),
            SIGNAL_MATRIX => evaluator.signal_matrix(&Arc::new(self.client.clone()), signals).map(drop),
            _ => Ok(()),
        }
    }

    /// Evaluates a guardrail on this input.
    ///
    /// # Errors
    /// If the script fails.
    pub fn evaluate(&self, evaluator: &mut Evaluator, guardrail: &GuardrailRules) -> Result<Arc<Verdict>, RuleFailure> {
        evaluator.guardrail(guardrail, Some(&Arc::new(self.post.clone())), &Arc::new(self.ctx.clone()))
    }
}

/// A field of an input.
#[derive(Clone, Copy)]
pub enum InputField {
    /// A field of the channel's week.
    Channel(&'static Field<ChannelFacts>),
    /// A field of the post.
    Post(&'static Field<PostFacts>),
    /// A field of the asset.
    Asset(&'static Field<AssetFacts>),
    /// A field of the client's week.
    Client(&'static Field<ClientFacts>),
}

/// Fields of the channel's week that hold a number of the pack, each with the key of that number.
const PACK_NUMBERS: [(&str, &str); 4] = [
    ("warn_at", "fatigue.warn_at"),
    ("block_at", "fatigue.block_at"),
    ("min_spacing_hours", "channels.<channel>.min_spacing_hours"),
    ("weekly_posts", "channels.<channel>.weekly_posts"),
];

/// The pack key whose value a field of the channel's week holds; `None` if the value comes from elsewhere.
#[must_use]
pub fn key_of_field(field: &str, channel: &str) -> Option<String> {
    let (_, key) = PACK_NUMBERS.iter().find(|(name, _)| *name == field)?;
    Some(key.replace("<channel>", channel))
}

impl InputField {
    /// Every field that guardrails can read.
    pub fn all() -> impl Iterator<Item = Self> {
        let channel = ChannelFacts::fields().iter().map(InputField::Channel);
        channel.chain(PostFacts::fields().iter().map(InputField::Post))
    }

    /// Every field of the views that a function has as parameters.
    pub fn of_parameters(parameters: &[&str]) -> Vec<Self> {
        let assets = AssetFacts::fields().iter().map(InputField::Asset);
        let clients = ClientFacts::fields().iter().map(InputField::Client);
        let every = Self::all().chain(assets).chain(clients);
        every.filter(|field| parameters.contains(&field.view())).collect()
    }

    /// Name of the parameter that the field is read from.
    const fn view(self) -> &'static str {
        match self {
            InputField::Channel(_) => ChannelFacts::PARAMETER,
            InputField::Post(_) => PostFacts::PARAMETER,
            InputField::Asset(_) => AssetFacts::PARAMETER,
            InputField::Client(_) => ClientFacts::PARAMETER,
        }
    }

    /// Its qualified name in scripts, such as `post.fatigue`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{}.{}", self.view(), self.field_name())
    }

    /// Its name without the view, such as `fatigue`.
    #[must_use]
    pub const fn field_name(self) -> &'static str {
        match self {
            InputField::Channel(field) => field.name,
            InputField::Post(field) => field.name,
            InputField::Asset(field) => field.name,
            InputField::Client(field) => field.name,
        }
    }

    /// The pack key whose value the field holds on a channel; `None` if its value comes from elsewhere.
    #[must_use]
    pub fn key(self, channel: &str) -> Option<String> {
        match self {
            InputField::Channel(field) => key_of_field(field.name, channel),
            InputField::Post(_) | InputField::Asset(_) | InputField::Client(_) => None,
        }
    }

    /// The field's value in an input.
    #[must_use]
    pub fn value_in(self, input: &Input) -> Fact {
        match self {
            InputField::Channel(field) => (field.get)(&input.ctx),
            InputField::Post(field) => (field.get)(&input.post),
            InputField::Asset(field) => (field.get)(&input.asset),
            InputField::Client(field) => (field.get)(&input.client),
        }
    }

    /// Sets the field; a fact of another kind is ignored.
    pub fn put(self, input: &mut Input, fact: Fact) {
        match self {
            InputField::Channel(field) => (field.set)(&mut input.ctx, fact),
            InputField::Post(field) => (field.set)(&mut input.post, fact),
            InputField::Asset(field) => (field.set)(&mut input.asset, fact),
            InputField::Client(field) => (field.set)(&mut input.client, fact),
        }
    }

    /// Smallest and largest number that the field, or an entry of it, can hold; `None` if it holds no numbers.
    #[must_use]
    pub const fn limits(self) -> Option<(f64, f64)> {
        match self {
            InputField::Channel(field) => field.limits,
            InputField::Post(field) => field.limits,
            InputField::Asset(field) => field.limits,
            InputField::Client(field) => field.limits,
        }
    }

    /// Whether the field identifies the client, workspace, channel or industry, which guardrails read and nobody can
    /// change.
    #[must_use]
    pub fn is_identity(self) -> bool {
        matches!(self, InputField::Channel(field) if matches!(field.name, "client" | "workspace" | "channel" | "industry"))
    }
}

/// The number of a fact; `None` if it is of another kind.
#[must_use]
pub fn number_of(fact: &Fact) -> Option<f64> {
    match fact {
        Fact::Number(number) => Some(*number),
        Fact::Whole(whole) => Some(*whole as f64),
        Fact::Truth(_) | Fact::Text(_) | Fact::List(_) => None,
    }
}

/// A number as a fact of the same kind as `example`.
pub(super) fn number_like(example: &Fact, number: f64) -> Fact {
    match example {
        Fact::Whole(_) => Fact::Whole(number as i64),
        _ => Fact::Number(number),
    }
}

/// Integers with a narrower range than this are enumerated completely.
const MAX_ENUMERATED_RANGE: f64 = 24.0;

/// Distance to a number's neighbours: 1 for integers, 0.001 for ranges up to 1 wide, and 0.1 for wider ones.
fn step(fact: &Fact, (min, max): (f64, f64)) -> f64 {
    match fact {
        Fact::Whole(_) => 1.0,
        _ if max - min <= 1.0 => 0.001,
        _ => 0.1,
    }
}

/// The values to try for a field, the value in the starting input first. The function may compare the field with its
/// `constants`, which are the literals in its code, and with `numbers`.
#[must_use]
pub fn values_to_try(field: InputField, start: &Input, constants: &Constants, numbers: &[f64]) -> Vec<Fact> {
    let starting = field.value_in(start);
    let others: Vec<Fact> = match (&starting, field.limits()) {
        (Fact::Truth(truth), _) => vec![Fact::Truth(!truth)],
        (Fact::Text(_), _) if field.name() == "post.date" => dates(constants),
        (Fact::Text(_), _) => constants.names.iter().map(|name| Fact::Text(name.as_str().into())).collect(),
        (Fact::List(list), limits) => lists(list, limits, constants),
        (Fact::Whole(_), Some((min, max))) if max - min < MAX_ENUMERATED_RANGE => {
            (min as i64..=max as i64).map(Fact::Whole).collect()
        }
        (number, Some(limits)) => {
            let tried = boundary_values(limits, step(number, limits), constants, numbers).into_iter();
            tried.map(|value| number_like(number, value)).collect()
        }
        (_, None) => Vec::new(),
    };
    let mut distinct = vec![starting];
    for fact in others {
        if !distinct.contains(&fact) {
            distinct.push(fact);
        }
    }
    distinct
}

/// The dates that a script names and the first days of the years that it names, each with the day before it and the six
/// after it; and all days of the months that it names, with the day before and the day after. A date without a year is
/// tried in 2028, a leap year.
fn dates(constants: &Constants) -> Vec<Fact> {
    let around = |text: &String| -> Vec<NaiveDate> {
        // A script may compare a part of a date, such as `-12-24`.
        let text = text.trim_matches('-');
        let days_from = |date: NaiveDate, offsets: std::ops::RangeInclusive<i64>| {
            offsets.map(move |offset| plus_days(date, offset)).collect::<Vec<_>>()
        };
        let first_of_year = || parse_date(&format!("{text}-01-01"));
        match (parse_date(text).or_else(|| parse_date(&format!("2028-{text}"))), parse_date(&format!("{text}-01"))) {
            (Some(date), _) => days_from(date, -1..=6),
            (None, Some(first)) => days_from(first, -1..=i64::from(first.num_days_in_month())),
            (None, None) => first_of_year().map(|first| days_from(first, -1..=6)).unwrap_or_default(),
        }
    };
    let dates: BTreeSet<NaiveDate> = constants.names.iter().flat_map(around).collect();
    dates.into_iter().map(|date| Fact::Text(date.to_string().into())).collect()
}

/// A list of one entry for each entry that a script may look for, and the empty list; nothing for a list of
/// floating-point numbers, such as `ctx.hour_weights`, in which scripts look for no entry.
fn lists(starting: &List, limits: Option<(f64, f64)>, constants: &Constants) -> Vec<Fact> {
    if matches!(starting.first(), Some(Fact::Number(_))) {
        return Vec::new();
    }
    let entries: Vec<Fact> = match limits {
        Some((min, max)) => {
            let allowed = constants.numbers.iter().filter(|number| (min..=max).contains(*number));
            allowed.map(|number| Fact::Whole(*number as i64)).collect()
        }
        None => constants.names.iter().map(|name| Fact::Text(name.as_str().into())).collect(),
    };
    let empty = Fact::List(List::default());
    entries.into_iter().map(|entry| Fact::List([entry].into())).chain([empty]).collect()
}

/// The limits, and each number within them that the field may be compared with, with its neighbours; ascending.
fn boundary_values((min, max): (f64, f64), step: f64, constants: &Constants, numbers: &[f64]) -> Vec<f64> {
    let around = constants.numbers.iter().chain(numbers).flat_map(|at| [at - step, *at, at + step]);
    let mut values: Vec<f64> = around.filter(|at| (min..=max).contains(at)).chain([min, max]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The Cartesian product of the values of some fields.
pub struct Space {
    start: Input,
    dimensions: Vec<(InputField, Vec<Fact>)>,
}

impl Space {
    /// The combinations of the fields' values, with an input as the starting point.
    #[must_use]
    pub fn new(start: Input, dimensions: Vec<(InputField, Vec<Fact>)>) -> Self {
        Self { start, dimensions }
    }

    /// The fields that vary.
    pub fn fields(&self) -> impl Iterator<Item = InputField> {
        self.dimensions.iter().map(|(field, _)| *field)
    }

    /// Number of combinations; saturates at the largest `u64`.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.dimensions.iter().fold(1, |all, (_, values)| all.saturating_mul(values.len() as u64))
    }

    /// Whether there are no combinations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The combinations, the starting input first; if there are more than `max_count`, that many, evenly spread.
    pub fn inputs(&self, max_count: usize) -> impl Iterator<Item = Input> {
        let all = self.len();
        let is_complete = all <= max_count as u64;
        let generators = if is_complete { Vec::new() } else { kronecker_generators(self.dimensions.len()) };
        let count = all.min(max_count as u64);
        (0..count).map(move |index| if is_complete { self.nth(index) } else { self.nth_spread(index, &generators) })
    }

    /// The combination with a 0-based position among all of them; the first field varies fastest.
    fn nth(&self, mut position: u64) -> Input {
        self.build(|_, count| {
            let index = position % count;
            position /= count;
            index as usize
        })
    }

    /// The combination at a 0-based position of a low-discrepancy sequence.
    fn nth_spread(&self, position: u64, generators: &[f64]) -> Input {
        self.build(|dimension, count| {
            let generator = generators.get(dimension).copied().unwrap_or_default();
            ((position as f64 * generator).fract() * count as f64) as usize
        })
    }

    /// Builds an input. `choose` receives a dimension and its number of values, and returns the index of the value.
    fn build(&self, mut choose: impl FnMut(usize, u64) -> usize) -> Input {
        let mut input = self.start.clone();
        for (dimension, (field, values)) in self.dimensions.iter().enumerate() {
            // `choose` may divide by the number of values.
            if let Some(fact) = values.get(choose(dimension, values.len().max(1) as u64)) {
                field.put(&mut input, fact.clone());
            }
        }
        make_consistent(&mut input.post, &mut input.ctx, &self.start.post);
        input
    }

    /// Simplifies an input: resets each field to its starting value if `holds` is then still true.
    ///
    /// # Errors
    /// If `holds` fails.
    pub fn simplest(
        &self,
        input: &Input,
        holds: &mut dyn FnMut(&Input) -> Result<bool, RuleFailure>,
    ) -> Result<Input, RuleFailure> {
        let mut simplest = input.clone();
        for field in self.fields() {
            let mut tried = simplest.clone();
            field.put(&mut tried, field.value_in(&self.start));
            make_consistent(&mut tried.post, &mut tried.ctx, &self.start.post);
            if holds(&tried)? {
                simplest = tried;
            }
        }
        Ok(simplest)
    }

    /// The fields in which an input differs from the start, as scripts write them; if there are none, all fields except
    /// those that identify the client, workspace, channel or industry.
    #[must_use]
    pub fn describe(&self, input: &Input) -> String {
        match self.describe_differences(input) {
            text if text.is_empty() => self.described_fields(input, |field| !field.is_identity()),
            differing => differing,
        }
    }

    /// The fields in which an input differs from the start, as scripts write them; empty if there are none.
    #[must_use]
    pub fn describe_differences(&self, input: &Input) -> String {
        self.described_fields(input, |field| field.value_in(input) != field.value_in(&self.start))
    }

    fn described_fields(&self, input: &Input, is_wanted: impl Fn(&InputField) -> bool) -> String {
        let described = |field: InputField| format!("{} = {}", field.name(), field.value_in(input));
        self.fields().filter(is_wanted).map(described).collect::<Vec<_>>().join(", ")
    }
}

/// Generators of a low-discrepancy Kronecker sequence, one per dimension: the fractional parts of square roots of
/// primes, which are linearly independent over the rationals. Source: L. Kuipers and H. Niederreiter, Uniform
/// Distribution of Sequences, 1974.
fn kronecker_generators(dimensions: usize) -> Vec<f64> {
    let is_prime =
        |number: &u32| (2..*number).take_while(|d| d * d <= *number).all(|divisor| !number.is_multiple_of(divisor));
    (2..).filter(is_prime).map(|prime| f64::from(prime).sqrt().fract()).take(dimensions).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::facts::NEVER;
    use super::*;

    /// A post on a channel without fatigue.
    pub(crate) fn input() -> Input {
        Input {
            asset: AssetFacts::typical(),
            client: ClientFacts::typical(),
            ctx: ChannelFacts {
                client: "anybody".into(),
                workspace: "anywhere".into(),
                industry: "shop".into(),
                status: "active".into(),
                channel: "fb".into(),
                client_priority: 50.0,
                audience: 1000.0,
                engagement_rate: 0.03,
                has_history: true,
                fatigue: 0.0,
                momentum: 0.5,
                visibility: 0.5,
                engagement: 0.5,
                hours_since_last_post: NEVER,
                posts_last_7_days: 0,
                posts_last_30_days: 0,
                weekly_posts: 5,
                min_spacing_hours: 4,
                warn_at: 0.5,
                block_at: 0.8,
                high_warnings: 0,
                medium_warnings: 0,
                pause_on_high_warning: true,
                agent_enabled: true,
                auto_exec_enabled: true,
                max_actions_per_day: 10,
                assessed: false,
                perceived: 0.5,
                true_score: 0.5,
                reality_gap: 0.0,
                reality_confidence: 1.0,
                ..ChannelFacts::default()
            },
            post: PostFacts {
                hour: 9,
                weekday: 0,
                is_best_hour: true,
                fatigue: 0.0,
                expected_engagement: 30.0,
                has_asset: true,
                asset_score: 80.0,
                asset_kind: "photo".into(),
                has_content: true,
                campaign: "".into(),
                action_of_day: 1,
                hours_to_nearest_post: NEVER,
                warnings: 0,
                ..PostFacts::default()
            },
        }
    }

    fn field(name: &str) -> InputField {
        InputField::all().find(|field| field.name() == name).unwrap()
    }

    #[test]
    fn numbers_are_tried_at_values_that_they_may_be_compared_with() {
        let constants = Constants { numbers: vec![0.25, 7.0], names: BTreeSet::new() };
        let fatigue = values_to_try(field("post.fatigue"), &input(), &constants, &[0.5]);
        let tried: Vec<String> = fatigue.iter().map(ToString::to_string).collect();
        assert_eq!(tried, ["0", "0.249", "0.25", "0.251", "0.499", "0.5", "0.501", "1"]);
        assert_eq!(values_to_try(field("post.weekday"), &input(), &constants, &[]).len(), 7);
        assert_eq!(values_to_try(field("post.has_asset"), &input(), &constants, &[]).len(), 2);
    }

    #[test]
    fn a_small_space_is_visited_completely_and_a_large_one_evenly() {
        let hours = values_to_try(field("post.hour"), &input(), &Constants::default(), &[]);
        let days = values_to_try(field("post.weekday"), &input(), &Constants::default(), &[]);
        let space = Space::new(input(), vec![(field("post.hour"), hours), (field("post.weekday"), days)]);
        let visited = |max_count: usize| -> BTreeSet<(i64, i64)> {
            space.inputs(max_count).map(|input| (input.post.weekday, input.post.hour)).collect()
        };
        assert_eq!((space.len(), visited(1000).len()), (168, 168));
        let spread = visited(60);
        let days: BTreeSet<i64> = spread.iter().map(|(day, _)| *day).collect();
        let hours: BTreeSet<i64> = spread.iter().map(|(_, hour)| *hour).collect();
        assert!(spread.len() >= 45 && days.len() == 7 && hours.len() >= 20, "{spread:?}");
    }

    #[test]
    fn a_space_too_large_to_count_is_spread_over_all_its_dimensions() {
        let numbers: Vec<InputField> =
            InputField::all().filter(|field| number_of(&field.value_in(&input())).is_some()).collect();
        let sixty_values = |field: &InputField| -> Vec<Fact> {
            let number = field.value_in(&input());
            (0..60).map(|step| number_like(&number, f64::from(step))).collect()
        };
        let space = Space::new(input(), numbers.iter().map(|field| (*field, sixty_values(field))).collect());
        assert_eq!(space.len(), u64::MAX);
        let visited: Vec<Input> = space.inputs(500).collect();
        for field in numbers {
            let values: BTreeSet<String> = visited.iter().map(|input| field.value_in(input).to_string()).collect();
            assert!(values.len() > 40, "{} takes {} values", field.name(), values.len());
        }
    }

    #[test]
    fn a_post_without_an_asset_has_none_of_its_attributes() {
        let has_asset = field("post.has_asset");
        let space = Space::new(input(), vec![(has_asset, vec![Fact::Truth(false)])]);
        let input = space.inputs(1).next().unwrap();
        assert_eq!((input.post.asset_score, input.post.has_content), (0.0, false));
    }
}
