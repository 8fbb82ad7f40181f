//! `fatigue.toml`: how audience fatigue lowers response, and when posting slows and stops.

use super::declare::{RuleTable, rule_table};
use super::key::{DefaultValue, Key, Kind};
use super::threshold_table::{ThresholdRow, value_at};

const FREQUENCY: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row applies"),
    Key::required("factor", Kind::number(0.0, 1.0), "factor on weekly posts, the product rounded down"),
];

const PRIORITY_LOSS: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row applies"),
    Key::required("points", Kind::number(0.0, 100.0), "points taken from the priority"),
];

const WAIT_HOURS: &[Key] = &[
    Key::required("from", Kind::number(0.0, 1.0), "fatigue from which the row applies"),
    Key::required("hours", Kind::number(0.0, 1000.0), "recommended hours to wait"),
];

/// The keys of the weights of channel health, in the order of [`FatigueRules::health_weights`].
pub(super) const HEALTH_WEIGHTS: [&str; 4] =
    ["health_weights.rested", "health_weights.momentum", "health_weights.visibility", "health_weights.engagement"];

/// How the response to a post falls with fatigue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseShape {
    /// Each further post costs less than the one before.
    Saturating,
    /// Two falling lines that meet at the warn threshold.
    Linear,
}

/// The values of the key `response`; [`ResponseShape::of`] relies on their order.
const RESPONSE_SHAPES: [&str; 2] = [SATURATING, LINEAR];
const SATURATING: &str = "saturating";
/// The value for a linear response, and the default of the key.
pub(super) const LINEAR: &str = "linear";

impl ResponseShape {
    fn of(table: RuleTable<'_>) -> Self {
        match table.choice("response", &RESPONSE_SHAPES) {
            0 => Self::Saturating,
            _ => Self::Linear,
        }
    }

    /// The value of the key `response` that stands for the shape.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Saturating => SATURATING,
            Self::Linear => LINEAR,
        }
    }
}

rule_table! {
    /// `fatigue.toml`.
    pub struct FatigueRules from (table), keys FATIGUE under "" {
        /// shape of the response to fatigue
        #[made(
            [Key::with_default(
                "response",
                Kind::Choice(&RESPONSE_SHAPES),
                DefaultValue::Text(LINEAR),
                "how fatigue lowers what a post earns: `saturating`, each further post costing less, or `linear`",
            )],
            ResponseShape::of(table)
        )]
        pub response: ResponseShape,
        /// fatigue from which posts get a warning, and from which a linear response falls faster
        #[key(required, Kind::below(0.0, 1.0))]
        pub warn_at: f64,
        /// fatigue from which no post is allowed
        #[key(required, Kind::number(0.0, 1.0))]
        pub block_at: f64,
        /// share lost per unit of fatigue below `warn_at` by a linear response
        #[key(default = DefaultValue::Number(0.6), Kind::number(0.0, 2.0))]
        pub slope_below_warn: f64,
        /// share lost per unit of fatigue above `warn_at` by a linear response
        #[key(default = DefaultValue::Number(1.4), Kind::number(0.0, 10.0))]
        pub slope_above_warn: f64,
        /// factor on weekly posts by fatigue; the product is rounded down
        #[made(
            [Key::required(
                "frequency",
                Kind::threshold_table(FREQUENCY, None, "[{ from = 0.4, factor = 0.75 }]"),
                "how weekly posts fall with fatigue",
            )],
            table.threshold_table("frequency", "from", "factor")
        )]
        pub frequency: Vec<ThresholdRow>,
        /// points taken from the priority by fatigue
        #[made(
            [Key::required(
                "priority_loss",
                Kind::threshold_table(PRIORITY_LOSS, None, "[{ from = 0.4, points = 10 }]"),
                "how the priority falls with fatigue",
            )],
            table.threshold_table("priority_loss", "from", "points")
        )]
        pub priority_loss: Vec<ThresholdRow>,
        /// minimum of the priority, however high the fatigue
        #[key(required, Kind::number(0.0, 100.0))]
        pub priority_floor: f64,
        /// rounds in which the cost of fatigue at the end of the week is estimated; 0 ignores this cost
        #[key(required, Kind::integer(0, 3))]
        pub end_weight_rounds: u32,
        /// recommended hours to wait by fatigue; the first row is from 0
        #[made(
            [Key::required(
                "wait_hours",
                Kind::threshold_table(WAIT_HOURS, Some(0.0), "[{ from = 0, hours = 6 }]"),
                "recommended wait by fatigue",
            )],
            table.threshold_table("wait_hours", "from", "hours")
        )]
        pub wait_hours: Vec<ThresholdRow>,
        /// weights of rest (1 - fatigue), momentum, visibility and engagement in channel health; their sum is 1
        #[made(
            [
                Key::required("health_weights.rested", Kind::number(0.0, 1.0), "weight of (1 - fatigue) in channel health"),
                Key::required("health_weights.momentum", Kind::number(0.0, 1.0), "weight of momentum in channel health"),
                Key::required("health_weights.visibility", Kind::number(0.0, 1.0), "weight of visibility in channel health"),
                Key::required("health_weights.engagement", Kind::number(0.0, 1.0), "weight of engagement in channel health"),
            ],
            HEALTH_WEIGHTS.map(|key| table.get(key))
        )]
        pub health_weights: [f64; 4],
        /// lowest channel health, momentum, visibility or engagement that is labelled good
        #[key(name = "health_levels.good_from", default = DefaultValue::Number(0.6), Kind::number(0.0, 1.0))]
        pub good_from: f64,
        /// lowest channel health, momentum, visibility or engagement that is labelled fair; below, it is labelled poor
        #[key(name = "health_levels.fair_from", default = DefaultValue::Number(0.4), Kind::number(0.0, 1.0))]
        pub fair_from: f64,
    }
}

impl FatigueRules {
    /// Channel health, `0..=1`, from fatigue, momentum, visibility and engagement.
    #[must_use]
    pub fn health(&self, fatigue: f64, [momentum, visibility, engagement]: [f64; 3]) -> f64 {
        let parts = [1.0 - fatigue, momentum, visibility, engagement];
        self.health_weights.iter().zip(parts).map(|(weight, part)| weight * part).sum()
    }

    /// The label of a health score, or of one of its components: `good`, `fair` or `poor`.
    #[must_use]
    pub fn level(&self, score: f64) -> &'static str {
        if score >= self.good_from {
            "good"
        } else if score >= self.fair_from {
            "fair"
        } else {
            "poor"
        }
    }

    /// Recommended hours to wait before the next post, at a fatigue of `0..=1`.
    #[must_use]
    pub fn recommended_wait_hours(&self, fatigue: f64) -> f64 {
        // The first row is from 0, so some row always applies.
        value_at(&self.wait_hours, fatigue).unwrap_or(0.0)
    }
}
