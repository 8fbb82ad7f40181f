//! Explanations of what the planner computes, as steps that each name their source.
//!
//! `Explainer` is the only place that knows which rule a number comes from. Posts of a plan, test cases of a pack and
//! the record of past plans are all explained in its steps.

mod explainer;
mod post;
mod recorded;
mod step;
mod why_not;

pub use explainer::{BandThreshold, VerdictExplanation};
pub(crate) use explainer::{Explainer, guardrail_input};
pub use post::{AssetExplanation, ExplainError, HourExplanation, PostExplanation, explain_hour, explain_post};
pub use recorded::{RecordedAsset, RecordedExplanation, RecordedTime, RecordedWorth};
pub use step::{ExplanationStep, Source, StepEstimate, StepRole};
pub use why_not::{WhyNot, why_not};
