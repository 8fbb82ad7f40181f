//! `risk.toml`: how confident the engine must be for a post to run without approval.

use super::declare::{RuleTable, rule_table};
use super::key::{DefaultValue, Key, Kind};
use super::threshold_table::ThresholdRow;
use crate::model::{Policy, RiskBand};

const CONFIDENCE: &[Key] = &[
    Key::required("from", Kind::number(0.0, 100.0), "asset score from which the row applies"),
    Key::required("confidence", Kind::number(0.0, 1.0), "confidence that a post starts from"),
];

rule_table! {
    /// `risk.toml`.
    pub struct RiskRules from (table), keys RISK under "" {
        /// confidence from which risk is low
        #[made(
            [
                Key::required("bands.low.from", Kind::number(0.0, 1.0), "confidence from which risk is low"),
                Key::required("bands.low.to", Kind::number(0.0, 1.0), "upper end of the band, which must be 1"),
            ],
            table.get("bands.low.from")
        )]
        pub low_from: f64,
        /// confidence from which risk is medium; below, it is high
        #[made(
            [
                Key::required("bands.medium.from", Kind::number(0.0, 1.0), "confidence from which risk is medium"),
                Key::required("bands.medium.to", Kind::number(0.0, 1.0), "confidence up to which risk is medium"),
                Key::required("bands.high.from", Kind::number(0.0, 1.0), "lower end of the band, which must be 0"),
                Key::required("bands.high.to", Kind::number(0.0, 1.0), "confidence up to which risk is high"),
            ],
            table.get("bands.medium.from")
        )]
        pub medium_from: f64,
        /// confidence by asset score; the first row is from 0
        #[made(
            [Key::required(
                "confidence",
                Kind::threshold_table(CONFIDENCE, Some(0.0), "[{ from = 0, confidence = 0.5 }]"),
                "confidence by asset score",
            )],
            table.threshold_table("confidence", "from", "confidence")
        )]
        pub confidence: Vec<ThresholdRow>,
        /// confidence deducted if the channel has no history of its own
        #[key(required, Kind::number(0.0, 1.0))]
        pub minus_no_history: f64,
        /// confidence deducted if reality confidence is below `reality_confidence_below`
        #[key(required, Kind::number(0.0, 1.0))]
        pub minus_low_reality_confidence: f64,
        /// reality confidence below which `minus_low_reality_confidence` is deducted
        #[key(required, Kind::number(0.0, 1.0))]
        pub reality_confidence_below: f64,
        /// confidence deducted if true and perceived results differ by more than `reality_gap_above`
        #[key(required, Kind::number(0.0, 1.0))]
        pub minus_reality_gap: f64,
        /// difference between true and perceived results above which `minus_reality_gap` is deducted
        #[key(required, Kind::number(0.0, 1.0))]
        pub reality_gap_above: f64,
        /// confidence deducted for each guardrail that warns
        #[key(required, Kind::number(0.0, 1.0))]
        pub minus_per_warning: f64,
        /// whether high risk needs an approver other than the person who committed the plan
        #[key(name = "review.second_person_for_high_risk", default = DefaultValue::Bool(false), Kind::Bool)]
        pub second_person_for_high_risk: bool,
        /// policy of a client that has none of its own
        #[made(
            [
                Key::required("default_policy.agent_enabled", Kind::Bool, "whether agents plan for a client without a policy"),
                Key::required("default_policy.auto_exec_enabled", Kind::Bool, "whether low-risk posts of such a client run without approval"),
                Key::required(
                    "default_policy.max_actions_per_day",
                    Kind::integer(0, 1000),
                    "maximum posts a day of such a client, over all channels",
                ),
                Key::required(
                    "default_policy.pause_on_high_severity_warning",
                    Kind::Bool,
                    "whether an open warning of high severity blocks posts of such a client",
                ),
            ],
            default_policy(table)
        )]
        pub default_policy: Policy,
    }
}

fn default_policy(table: RuleTable<'_>) -> Policy {
    Policy {
        agent_enabled: table.get("default_policy.agent_enabled"),
        auto_exec_enabled: table.get("default_policy.auto_exec_enabled"),
        max_actions_per_day: table.get("default_policy.max_actions_per_day"),
        pause_on_high_severity_warning: table.get("default_policy.pause_on_high_severity_warning"),
    }
}

impl RiskRules {
    /// Whether a post of this risk must be approved by someone other than the person who committed its plan.
    #[must_use]
    pub fn needs_second_person(&self, risk: RiskBand) -> bool {
        self.second_person_for_high_risk && risk == RiskBand::High
    }
}
