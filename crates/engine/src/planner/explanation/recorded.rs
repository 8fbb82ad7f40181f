//! Explains a post by its plan's recorded decisions.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::explainer::{confidence_step, key_of_cause};
use super::step::{ExplanationStep, Source, StepRole};
use crate::model::{ActionType, ChannelAssets, ConfidenceStep, Verdict};
use crate::planner::decisions::post_decision_id;

/// How far a response may lie above 1 because recorded numbers are rounded.
const ROUNDING: f64 = 0.005;

/// What the decisions of a plan say about one post; a part that was not recorded is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordedExplanation {
    /// The choice of the post's hour.
    pub time: Option<RecordedTime>,
    /// The choice of the post's asset.
    pub asset: Option<RecordedAsset>,
    /// The assets that could be used on the channel that week.
    pub usable_assets: Option<ChannelAssets>,
    /// The steps that add up to the confidence.
    pub confidence: Option<Vec<ExplanationStep>>,
    /// The guardrails' verdicts, in the rules' order.
    pub verdicts: Vec<Verdict>,
}

/// The recorded choice of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RecordedTime {
    /// Expected engagements at quality factor 1 and without fatigue.
    pub slot_value: f64,
    /// Fatigue of the channel at the hour, `0..=1`.
    pub fatigue: f64,
}

/// The recorded choice of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RecordedAsset {
    /// Score on the channel, `0..=100`; 0 if there was none.
    pub score: f64,
    /// Factor on engagement; `None` if there was no asset.
    pub quality_factor: Option<f64>,
}

/// The recorded cost and net worth of a post.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RecordedWorth {
    /// Cost of the work on it, and of the audience members who unsubscribe or unfollow because of it, in the unit of
    /// worth.
    pub cost: f64,
    /// Expected engagements times the channel's worth per engagement, less the cost.
    pub net_worth: f64,
}

impl RecordedWorth {
    /// Reads both from the fields `cost` and `net_worth` of a JSON object; `None` if either is missing.
    #[must_use]
    pub fn read(object: &Value) -> Option<Self> {
        let number = |name| object.get(name)?.as_f64();
        Some(Self { cost: number("cost")?, net_worth: number("net_worth")? })
    }

    /// The steps from `expected`, the expected engagements, to the net worth: the engagements, the worth of each, and
    /// the cost. `None` if `expected` is 0, since the worth of an engagement then does not follow.
    #[must_use]
    pub fn steps(&self, expected: f64) -> Option<Vec<ExplanationStep>> {
        let worth = (self.net_worth + self.cost) / expected;
        let steps = [
            ("expected engagement", StepRole::Factor(expected), "expected_engagement"),
            ("worth of an engagement", StepRole::Factor(worth), "net_worth"),
            ("work and lost audience", StepRole::Change(-self.cost), "cost"),
        ];
        let step = |(name, role, field): (&str, StepRole, &'static str)| {
            ExplanationStep::new(name, role, Source::Record(field))
        };
        worth.is_finite().then(|| steps.map(step).into())
    }
}

impl RecordedExplanation {
    /// Reads what a plan decided about a post. `decision` returns the payload and signals of the decision with a given
    /// id; `None` if it is not on record.
    ///
    /// # Errors
    /// If a decision lacks the fields of its kind.
    pub fn read<'r>(
        post_id: Uuid,
        decision: impl Fn(Uuid) -> Option<(&'r Value, &'r Value)>,
    ) -> Result<Self, serde_json::Error> {
        let decision_of = |kind| decision(post_decision_id(post_id, kind));
        let mut recorded = Self::default();
        if let Some((payload, _)) = decision_of(ActionType::TimeChoice) {
            recorded.time = Some(RecordedTime::deserialize(payload)?);
        }
        if let Some((payload, signals)) = decision_of(ActionType::SelectAsset) {
            recorded.asset = Some(RecordedAsset::deserialize(payload)?);
            recorded.usable_assets = field(signals, "creative_director")?;
        }
        if let Some((payload, signals)) = decision_of(ActionType::PostingDecision) {
            let steps: Vec<ConfidenceStep> = field(payload, "confidence_steps")?;
            let step = |step: &ConfidenceStep| confidence_step(*step, Source::Record(key_of_cause(step.cause)));
            recorded.confidence = Some(steps.iter().map(step).collect());
            recorded.verdicts = field(signals, "guardrails")?;
        }
        Ok(recorded)
    }

    /// The factors whose product is `expected`, the post's expected engagement. `without_asset` is the quality factor
    /// of a post without an asset. `None` if the factors are not on record, or if no response in `0..=1` gives that
    /// product.
    #[must_use]
    pub fn expected_engagement(&self, expected: f64, without_asset: f64) -> Option<Vec<ExplanationStep>> {
        let time = self.time?;
        let (name, quality, source) = match self.asset.and_then(|asset| asset.quality_factor) {
            Some(quality) => ("quality of the content", quality, "quality_factor"),
            None => ("no content", without_asset, "assets.quality_without_asset"),
        };
        let response = expected / (time.slot_value * quality);
        let factors = [
            ("value of the hour when planned", time.slot_value, "slot_value"),
            (name, quality, source),
            ("response at that fatigue", response, "expected_engagement"),
        ];
        let step = |(name, factor, field): (&str, f64, &'static str)| {
            ExplanationStep::new(name, StepRole::Factor(factor), Source::Record(field))
        };
        (0.0..=1.0 + ROUNDING).contains(&response).then(|| factors.map(step).into())
    }
}

/// Reads a field of a JSON object; a missing field reads as null.
fn field<T: DeserializeOwned>(object: &Value, name: &str) -> Result<T, serde_json::Error> {
    T::deserialize(object.get(name).unwrap_or(&Value::Null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const POST: Uuid = Uuid::from_u128(1);

    fn read(decisions: &[(ActionType, Value, Value)]) -> Result<RecordedExplanation, serde_json::Error> {
        let has_id = |id: Uuid| move |decision: &&(ActionType, Value, Value)| post_decision_id(POST, decision.0) == id;
        RecordedExplanation::read(POST, |id| {
            decisions.iter().find(has_id(id)).map(|(_, payload, signals)| (payload, signals))
        })
    }

    #[test]
    fn decisions_of_the_plan_are_read_and_their_factors_multiply() {
        let time = json!({"slot_value": 50.0, "fatigue": 0.1});
        let asset = json!({"score": 80.0, "quality_factor": 1.2});
        let posting = json!({"confidence_steps": [{"because": "asset score", "change": 0.9}]});
        let guardrails = json!({"guardrails": [{"rule": "a", "outcome": "pass", "reason": "", "remedy": ""}]});
        let recorded = read(&[
            (ActionType::TimeChoice, time, json!({})),
            (ActionType::SelectAsset, asset, json!({})),
            (ActionType::PostingDecision, posting, guardrails),
        ]);
        let recorded = recorded.unwrap();
        let steps = recorded.confidence.as_deref().unwrap();
        assert_eq!((steps[0].name.as_str(), steps[0].number()), ("asset score", Some(0.9)));
        assert_eq!((recorded.verdicts[0].source().as_str(), &recorded.usable_assets), ("engine", &None));
        let factors = recorded.expected_engagement(54.0, 0.5).unwrap();
        let product: f64 = factors.iter().filter_map(ExplanationStep::number).product();
        assert!((product - 54.0).abs() < 1e-9, "{factors:?}");
        assert_eq!(recorded.expected_engagement(70.0, 0.5), None, "no response is above 1");
    }

    #[test]
    fn the_steps_to_the_net_worth_add_up_and_records_from_before_costs_have_none() {
        let worth = RecordedWorth::read(&json!({"cost": 4.0, "net_worth": 23.0})).unwrap();
        let numbers: Vec<_> = worth.steps(54.0).unwrap().iter().map(ExplanationStep::number).collect();
        assert_eq!(numbers, [Some(54.0), Some(0.5), Some(-4.0)]);
        assert_eq!(worth.steps(0.0), None, "nothing earned says nothing about the worth of an engagement");
        for older in [json!({}), json!({"net_worth": 23.0}), json!({"cost": null, "net_worth": 23.0})] {
            assert_eq!(RecordedWorth::read(&older), None, "{older}");
        }
    }

    #[test]
    fn a_decision_of_the_plan_without_the_fields_of_its_kind_is_an_error() {
        let posting = json!({"confidence_steps": [{"because": "luck", "change": 0.1}]});
        assert!(read(&[(ActionType::PostingDecision, posting, json!({}))]).is_err());
        assert_eq!(read(&[]).unwrap(), RecordedExplanation::default());
    }
}
