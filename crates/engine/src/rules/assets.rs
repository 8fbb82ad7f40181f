//! `assets.toml`: how assets are scored, and how often one may be used.

use std::collections::BTreeMap;

use super::declare::{RuleTable, rule_table};
use super::key::{DefaultValue, Key, Kind};
use super::threshold_table::ThresholdRow;

const FRESHNESS: &[Key] = &[
    Key::required("younger_than_hours", Kind::above(0.0, 100_000.0), "age in hours below which the row applies"),
    Key::required("points", Kind::number(-100.0, 100.0), "points for that age"),
];

rule_table! {
    /// `assets.toml`: the points of an asset on a channel, their sum clamped to `0..=100`.
    pub struct AssetRules from (table), keys ASSETS under "" {
        /// points that every asset starts from
        #[key(required, Kind::number(0.0, 100.0))]
        pub base: f64,
        /// points at quality 1
        #[key(required, Kind::number(-100.0, 100.0))]
        pub per_quality: f64,
        /// points at brand consistency 1
        #[key(required, Kind::number(-100.0, 100.0))]
        pub per_brand_consistency: f64,
        /// points at value 1
        #[key(required, Kind::number(-100.0, 100.0))]
        pub per_value: f64,
        /// points at impact 1
        #[key(required, Kind::number(-100.0, 100.0))]
        pub per_impact: f64,
        /// points if the asset was made for the channel
        #[key(required, Kind::number(-100.0, 100.0))]
        pub made_for_channel: f64,
        /// points by age: the first row whose `younger_than_hours` is above the age applies
        #[made(
            [Key::required(
                "freshness",
                Kind::threshold_table(FRESHNESS, None, "[{ younger_than_hours = 24, points = 10 }]"),
                "points by age; the first row whose `younger_than_hours` is above the age applies",
            )],
            table.threshold_table("freshness", "younger_than_hours", "points")
        )]
        pub freshness: Vec<ThresholdRow>,
        /// points for recent use on the channel, 0 or below
        #[key(required, Kind::number(-100.0, 0.0))]
        pub recent_use: f64,
        /// days for which a use on the channel counts as recent
        #[key(required, Kind::number(0.0, 1000.0))]
        pub recent_use_days: f64,
        /// hours before an asset may be used again on the same channel
        #[key(required, Kind::number(0.0, 10_000.0))]
        pub cooldown_hours: f64,
        /// maximum uses a week over all channels
        #[key(required, Kind::integer(1, 1000))]
        pub max_uses_per_week: u32,
        /// factor on the engagement of a post whose asset has score 0
        #[key(required, Kind::above(0.0, 10.0))]
        pub quality_at_0: f64,
        /// factor on the engagement of a post whose asset has score 100
        #[key(required, Kind::above(0.0, 10.0))]
        pub quality_at_100: f64,
        /// factor on the engagement of a post without an asset
        #[key(required, Kind::number(0.0, 1.0))]
        pub quality_without_asset: f64,
        /// hours of work that a post with an asset of that content type takes
        #[key(name = "cost_hours.<type>", default = DefaultValue::Number(0.0), Kind::number(0.0, 1000.0))]
        pub cost_hours: BTreeMap<String, f64>,
        /// hours of work that a post takes if `cost_hours` does not list its content type, or if it lacks an asset
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1000.0))]
        pub cost_hours_otherwise: f64,
        /// what an hour of work costs, in engagements of a channel whose `worth` is 1
        #[key(default = DefaultValue::Number(0.0), Kind::number(0.0, 1_000_000.0))]
        pub cost_per_hour: f64,
    }
}

impl AssetRules {
    /// The factor on engagement for an asset score, interpolated linearly over `0..=100`.
    #[must_use]
    pub fn quality_factor(&self, score: f64) -> f64 {
        self.quality_at_0 + (self.quality_at_100 - self.quality_at_0) * (score / 100.0).clamp(0.0, 1.0)
    }

    /// Hours of work that a post with an asset of a content type takes; `None` stands for a post that lacks an asset.
    #[must_use]
    pub fn hours_of_work(&self, kind: Option<&str>) -> f64 {
        kind.and_then(|kind| self.cost_hours.get(kind)).copied().unwrap_or(self.cost_hours_otherwise)
    }

    /// Cost of a post's [`Self::hours_of_work`], in engagements of a channel whose `worth` is 1.
    #[must_use]
    pub fn work_cost(&self, kind: Option<&str>) -> f64 {
        self.hours_of_work(kind) * self.cost_per_hour
    }

    /// Whether the recent-use penalty can ever apply: it does if an asset's cooldown on a channel ends while its last
    /// use there still counts as recent.
    #[must_use]
    pub fn recent_use_can_count(&self) -> bool {
        self.cooldown_hours < 24.0 * self.recent_use_days
    }
}
