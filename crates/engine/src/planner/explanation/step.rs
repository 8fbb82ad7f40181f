//! One step of an explanation: a number or a fact, and where it comes from.

use std::fmt;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::model::digits::{decimal, short, signed};
use crate::model::{CampaignId, EstimateSource, WorldEstimate};
use crate::rules::{RulePlace, ThresholdRow, Value};

/// A number or a fact that a result depends on. Its display form is a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplanationStep {
    /// Name of the number; for a fact, the whole sentence.
    pub name: String,
    /// What the step does to the result, with the number.
    pub role: StepRole,
    /// Where the number or fact comes from.
    pub source: Source,
    /// What a calibration estimates for the same number; `None` if the scenario has no estimate of it.
    pub estimate: Option<StepEstimate>,
}

/// The 90 % interval of an estimate of a step's number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepEstimate {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// What the estimate mainly rests on.
    pub source: EstimateSource,
}

impl StepEstimate {
    /// The interval of an estimate in another unit: `factor` is the size of the old unit in the new one.
    pub(super) fn scaled(estimate: &WorldEstimate, factor: f64) -> Self {
        let [low, high] = estimate.interval().map(|end| end * factor);
        Self { low, high, source: estimate.source }
    }
}

impl fmt::Display for StepEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "estimate {} to {}, from {}", short(self.low), short(self.high), self.source.basis())
    }
}

/// What a step does to the result that it explains.
#[derive(Debug, Clone, PartialEq)]
pub enum StepRole {
    /// A factor of a product.
    Factor(f64),
    /// Points of an asset's score.
    Points(f64),
    /// Added to the result so far, such as the confidence.
    Change(f64),
    /// A value of the pack that the result is computed with.
    Setting(Value),
    /// A threshold with which a value is compared.
    Threshold {
        /// The threshold.
        threshold: f64,
        /// The value; it reaches the threshold if the two are equal.
        value: f64,
    },
    /// A row of a table with a threshold in each row.
    Row {
        /// The row.
        row: ThresholdRow,
        /// The value that is compared with the threshold.
        value: f64,
        /// Whether it is the row that applies.
        applies: bool,
    },
    /// A value that a script reads, as scripts write it.
    Input(String),
    /// A fact without a number of its own.
    Fact,
}

/// Where a step of an explanation comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A key of the rules pack.
    Rule {
        /// The full path of the key.
        key: String,
        /// 0-based row of its list; `None` for the key as a whole.
        row: Option<usize>,
        /// Where the key is set; `None` if it has its default.
        place: Option<RulePlace>,
    },
    /// A function of the pack's scripts.
    Script(RulePlace),
    /// A table of the scenario, or a column of one, such as `channels.audience`.
    Scenario(&'static str),
    /// The campaign that the post counts for; `None` if it counts for none.
    Campaign(Option<CampaignId>),
    /// A field of the recorded decisions, or a key of the pack under which they were made.
    Record(&'static str),
    /// The post and its client as the rules see them.
    Facts,
}

impl Source {
    /// The key of the pack; empty if the source is no key.
    pub(crate) fn key(&self) -> &str {
        if let Self::Rule { key, .. } = self { key } else { "" }
    }

    pub(crate) const fn row(&self) -> Option<usize> {
        if let Self::Rule { row, .. } = self { *row } else { None }
    }

    /// The place in the pack; `None` if the source is not in the pack or the key has its default.
    #[must_use]
    pub const fn place(&self) -> Option<&RulePlace> {
        match self {
            Self::Rule { place, .. } => place.as_ref(),
            Self::Script(place) => Some(place),
            _ => None,
        }
    }

    pub(crate) fn file(&self) -> Option<&str> {
        self.place().map(|place| &*place.file)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { place: Some(place), .. } | Self::Script(place) => place.fmt(f),
            Self::Rule { key, place: None, .. } => write!(f, "{key} (default)"),
            Self::Scenario(column) => write!(f, "scenario, {column}"),
            Self::Campaign(Some(id)) => write!(f, "campaign {id}"),
            Self::Campaign(None) => f.write_str("no campaign"),
            Self::Record(field) => write!(f, "record, {field}"),
            Self::Facts => Ok(()),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ExplanationStep {
    pub(crate) fn new(name: impl Into<String>, role: StepRole, source: Source) -> Self {
        Self { name: name.into(), role, source, estimate: None }
    }

    /// The step with an estimate of its number.
    pub(crate) fn with_estimate(self, estimate: Option<StepEstimate>) -> Self {
        Self { estimate, ..self }
    }

    /// A fact in words that comes from no rule.
    pub(crate) fn fact(sentence: impl Into<String>) -> Self {
        Self::new(sentence, StepRole::Fact, Source::Facts)
    }

    /// The factor, points or change; `None` if the step is none of these.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self.role {
            StepRole::Factor(number) | StepRole::Points(number) | StepRole::Change(number) => Some(number),
            _ => None,
        }
    }

    /// The value for display beside the name; empty for a fact.
    #[must_use]
    pub fn value(&self) -> String {
        match &self.role {
            StepRole::Factor(factor) => format!("x {}", short(*factor)),
            StepRole::Points(points) => format!("{} points", signed(*points)),
            StepRole::Change(change) => signed(*change),
            StepRole::Setting(value) => value.to_string(),
            StepRole::Threshold { threshold, .. } => decimal(*threshold),
            StepRole::Row { row, .. } => decimal(row.value),
            StepRole::Input(value) => value.clone(),
            StepRole::Fact => String::new(),
        }
    }

    /// Whether the value is at or above the threshold; `None` if there is no threshold.
    #[must_use]
    pub fn is_at_or_above(&self) -> Option<bool> {
        match self.role {
            StepRole::Threshold { threshold, value }
            | StepRole::Row { row: ThresholdRow { threshold, .. }, value, .. } => Some(value >= threshold),
            _ => None,
        }
    }
}

impl fmt::Display for ExplanationStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, source, .. } = self;
        let key = source.key();
        match role {
            StepRole::Factor(factor) => write!(f, "{name} is a factor of {}", decimal(*factor)),
            StepRole::Points(points) => write!(f, "{key}: {} points for {name}", decimal(*points)),
            StepRole::Change(change) => write!(f, "{key}: {} for {name}", decimal(*change)),
            StepRole::Setting(value) => write!(f, "{name} is {value}"),
            StepRole::Threshold { threshold, value } => {
                let side = if value >= threshold { "reached by" } else { "not reached by" };
                write!(f, "{name} is {}, {side} {}", decimal(*threshold), decimal(*value))
            }
            StepRole::Row { row, value, applies } => {
                write!(f, "{name}: {} at {} or above", decimal(row.value), decimal(row.threshold))?;
                if *applies { write!(f, ", reached by {}", decimal(*value)) } else { Ok(()) }
            }
            StepRole::Input(value) => write!(f, "it reads {name} = {value}"),
            StepRole::Fact => f.write_str(name),
        }
    }
}

impl Serialize for ExplanationStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("says", &self.to_string())?;
        map.serialize_entry("key", self.source.key())?;
        if let Some(row) = self.source.row() {
            map.serialize_entry("row", &row)?;
        }
        if let Some(is_at_or_above) = self.is_at_or_above() {
            map.serialize_entry("at_or_above", &is_at_or_above)?;
        }
        if let Some(RulePlace { file, line }) = self.source.place() {
            map.serialize_entry("file", &**file)?;
            map.serialize_entry("line", line)?;
        }
        map.end()
    }
}

/// Serialises each step as its name, number and source, with the estimate if there is one.
pub(super) fn components<S: Serializer>(steps: &[ExplanationStep], serializer: S) -> Result<S::Ok, S::Error> {
    let component = |step: &ExplanationStep| {
        let (name, number, source) = (&step.name, step.number(), &step.source);
        match step.estimate {
            None => json!({"name": name, "number": number, "source": source}),
            Some(StepEstimate { low, high, source: basis }) => {
                let estimate = json!({"low": low, "high": high, "from": basis});
                json!({"name": name, "number": number, "source": source, "estimate": estimate})
            }
        }
    };
    serializer.collect_seq(steps.iter().map(component))
}

/// Serialises each step of a confidence as its cause, change and source.
pub(super) fn changes<S: Serializer>(steps: &[ExplanationStep], serializer: S) -> Result<S::Ok, S::Error> {
    let change = |step: &ExplanationStep| json!({"because": step.name, "change": step.number(), "source": step.source});
    serializer.collect_seq(steps.iter().map(change))
}

/// Serialises each value that a script reads as a pair of name and value.
pub(super) fn inputs<S: Serializer>(steps: &[ExplanationStep], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(steps.iter().map(|step| (&step.name, step.value())))
}
