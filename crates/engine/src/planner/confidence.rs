//! Confidence in a post, and the risk band that follows from it.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{ConfidenceStep, Outcome, RiskBand, Verdict};
use crate::rules::{ChannelFacts, GuardrailRules, RiskRules, step_at};

/// Steps of the confidence by `risk.toml`: a start from the asset's score, then a deduction for each thing missing or
/// doubtful.
#[must_use]
pub(super) fn steps(rules: &RiskRules, asset_score: f64, ctx: &ChannelFacts, warnings: i64) -> Vec<ConfidenceStep> {
    let start = step_at(&rules.confidence, asset_score).unwrap_or(0.0);
    let mut steps = vec![step("asset score", start)];
    let doubtful = ctx.reality_confidence < rules.reality_confidence_below;
    let apart = ctx.reality_gap > rules.reality_gap_above;
    let losses = [
        ("no history on the channel", !ctx.has_history, rules.minus_no_history),
        ("low reality confidence", doubtful, rules.minus_low_reality_confidence),
        ("true and perceived performance apart", apart, rules.minus_reality_gap),
        ("guardrails that warn", warnings > 0, rules.minus_per_warning * warnings as f64),
    ];
    steps.extend(
        losses.iter().filter(|(_, holds, loss)| *holds && *loss > 0.0).map(|(name, _, loss)| step(name, -loss)),
    );
    steps
}

/// Confidence by `risk.toml`, `0..=1`, for a pack without a `confidence` function: a start from the asset's score, less
/// deductions for what is missing or doubtful and for the number of guardrails that warned (`warnings`).
#[must_use]
pub fn confidence(rules: &RiskRules, asset_score: f64, ctx: &ChannelFacts, warnings: i64) -> f64 {
    total(&steps(rules, asset_score, ctx, warnings))
}

/// The sum of the steps clamped to `0..=1`, rounded to a millionth so that rounding errors do not push it across the
/// threshold of a band.
#[must_use]
pub(super) fn total(steps: &[ConfidenceStep]) -> f64 {
    let sum: f64 = steps.iter().map(|step| step.change).sum();
    ((sum * 1e6).round() / 1e6).clamp(0.0, 1.0)
}

fn step(because: &'static str, change: f64) -> ConfidenceStep {
    ConfidenceStep { because, change }
}

/// The risk band of a confidence, raised by one step if a guardrail that warned has `warn_raises_risk`.
#[must_use]
pub fn band(rules: &RiskRules, guardrails: &[GuardrailRules], confidence: f64, verdicts: &[Arc<Verdict>]) -> RiskBand {
    let band = if confidence >= rules.low_from {
        RiskBand::Low
    } else if confidence >= rules.medium_from {
        RiskBand::Medium
    } else {
        RiskBand::High
    };
    let raises = guardrails.iter().zip(verdicts).any(|(g, v)| g.warn_raises_risk && v.outcome == Outcome::Warn);
    if raises { band.raised() } else { band }
}

/// A threshold between two risk bands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BandTurn {
    /// The band on the other side, before any guardrail raises it.
    pub band: RiskBand,
    /// The threshold, a confidence in `0..=1`.
    pub edge: f64,
    /// Absolute difference between the threshold and the confidence.
    pub distance: f64,
}

/// The thresholds between risk bands, the nearest to the confidence first.
pub(super) fn band_turns(rules: &RiskRules, confidence: f64) -> Vec<BandTurn> {
    let bands = [(RiskBand::Low, rules.low_from), (RiskBand::Medium, rules.medium_from)];
    let mut turns: Vec<BandTurn> = bands
        .into_iter()
        .map(|(band, edge)| BandTurn {
            band: if confidence >= edge { band.raised() } else { band },
            edge,
            distance: (confidence - edge).abs(),
        })
        .collect();
    turns.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    turns
}
