//! Confidence in a post, and the risk band that follows from it.

use crate::model::digits::rounded;
use crate::model::{ConfidenceCause, ConfidenceStep, RiskBand};
use crate::rules::{ChannelFacts, RiskRules, value_at};

/// The steps that add up to the confidence under `risk.toml`: a start from the asset's score, then deductions for what
/// is missing or doubtful and for the number of guardrails that warned.
#[must_use]
pub(super) fn steps(
    rules: &RiskRules,
    asset_score: f64,
    ctx: &ChannelFacts,
    guardrail_warnings: i64,
) -> Vec<ConfidenceStep> {
    let start = value_at(&rules.confidence, asset_score).unwrap_or(0.0);
    let mut steps = vec![ConfidenceStep { cause: ConfidenceCause::AssetScore, change: start }];
    let is_reality_doubtful = ctx.reality_confidence < rules.reality_confidence_below;
    let is_gap_wide = ctx.reality_gap > rules.reality_gap_above;
    let losses = [
        (ConfidenceCause::NoHistory, !ctx.has_history, rules.minus_no_history),
        (ConfidenceCause::LowRealityConfidence, is_reality_doubtful, rules.minus_low_reality_confidence),
        (ConfidenceCause::RealityGap, is_gap_wide, rules.minus_reality_gap),
        (ConfidenceCause::Warnings, guardrail_warnings > 0, rules.minus_per_warning * guardrail_warnings as f64),
    ];
    let applied = losses.into_iter().filter(|(_, applies, loss)| *applies && *loss > 0.0);
    steps.extend(applied.map(|(cause, _, loss)| ConfidenceStep { cause, change: -loss }));
    steps
}

/// Confidence under `risk.toml`, `0..=1`, for a pack without a `confidence` function: a start from the asset's score,
/// less deductions for what is missing or doubtful and for the number of guardrails that warned.
#[must_use]
pub fn confidence(rules: &RiskRules, asset_score: f64, ctx: &ChannelFacts, guardrail_warnings: i64) -> f64 {
    total(&steps(rules, asset_score, ctx, guardrail_warnings))
}

/// The sum of the steps, clamped to `0..=1` and rounded to a millionth, so that rounding errors do not push the
/// confidence across the threshold of a band.
#[must_use]
pub(super) fn total(steps: &[ConfidenceStep]) -> f64 {
    let sum: f64 = steps.iter().map(|step| step.change).sum();
    rounded(sum, 6).clamp(0.0, 1.0)
}

/// The risk band of a confidence, raised by one step if `is_raised`, that is, if a guardrail with `warn_raises_risk`
/// warned.
#[must_use]
pub fn band(rules: &RiskRules, confidence: f64, is_raised: bool) -> RiskBand {
    let band = if confidence >= rules.low_from {
        RiskBand::Low
    } else if confidence >= rules.medium_from {
        RiskBand::Medium
    } else {
        RiskBand::High
    };
    if is_raised { band.raised() } else { band }
}
