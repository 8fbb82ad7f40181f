//! How confident a post must be to run without a review, and which posts certainly need one.

use super::CONFIDENCE_ROUNDING;
use super::assets::OnChannel;
use super::case::ClientCase;
use super::channel::{ChannelCase, reached_value};
use crate::model::ClientStatus;
use crate::rules::Rules;

/// The steps that add up to a post's confidence: a start from the asset's score, then deductions, as negative numbers,
/// for data that is missing or doubtful and for guardrails that warned. Zero deductions are left out.
pub(super) fn confidence_steps(channel: &ChannelCase<'_>, rules: &Rules, score: f64, warnings: usize) -> Vec<f64> {
    let (rules, case) = (&rules.risk, &channel.case);
    let (trust, gap) = case.state.reality.as_ref().map_or((1.0, 0.0), |reality| {
        let perceived = reality.perceived.get();
        (reality.confidence.get(), (reality.actual.map_or(perceived, |score| score.get()) - perceived).abs())
    });
    let mut losses = Vec::new();
    if channel.state.engagement_rate.is_none() {
        losses.push(rules.minus_no_history);
    }
    if trust < rules.reality_confidence_below {
        losses.push(rules.minus_low_reality_confidence);
    }
    if gap > rules.reality_gap_above {
        losses.push(rules.minus_reality_gap);
    }
    if warnings > 0 {
        losses.push(rules.minus_per_warning * warnings as f64);
    }
    let first = reached_value(&rules.confidence, score).unwrap_or(0.0);
    std::iter::once(first).chain(losses.into_iter().filter(|loss| *loss > 0.0).map(|loss| -loss)).collect()
}

/// Whether posts of low risk run without a review.
pub(super) fn may_run_unreviewed(case: &ClientCase<'_>) -> bool {
    case.client.policy.auto_exec_enabled && case.client.status == ClientStatus::Active
}

/// Whether every post of the channel needs a review, because no asset that it can use makes a post of low risk. Taken
/// from the plan if a script scores assets.
pub(super) fn always_needs_review(channel: &ChannelCase<'_>) -> bool {
    let case = &channel.case;
    if !may_run_unreviewed(case) {
        return true;
    }
    // A script may give any confidence, and posts without an asset are blocked instead of reviewed.
    if case.hooks.confidence || channel.usable.is_empty() {
        return false;
    }
    if case.hooks.score_asset {
        return channel.allocation.is_some_and(|allocation| allocation.always_needs_review);
    }
    let score = |usable: &OnChannel<'_>| usable.score(&case.rules.of(usable.asset.campaign_id.as_ref()).assets);
    let scores: Vec<f64> = channel.usable.iter().map(score).collect();
    let is_low_risk = |rules: &Rules, score: f64| {
        let confidence: f64 = confidence_steps(channel, rules, score, 0).iter().sum();
        // Rounding to a millionth may have raised the confidence of a post to `low_from`.
        confidence.clamp(0.0, 1.0) + CONFIDENCE_ROUNDING / 2.0 >= rules.risk.low_from
    };
    !case.rules.every().any(|rules| scores.iter().any(|score| is_low_risk(rules, *score)))
}
