//! Evaluates the guardrails, the confidence and the risk band of one post from its facts alone. Used for planning, and
//! for evaluating recorded posts under other rules.

use std::sync::Arc;

use super::confidence::{self, band, confidence};
use crate::model::{ClientStatus, ConfidenceCause, ConfidenceStep, Outcome, Reason, RiskBand, ScheduleStatus, Verdict};
use crate::rules::{CONFIDENCE, ChannelFacts, ClientRules, Evaluator, PostFacts, RuleFailure, Rules};

/// Result of evaluating the rules for a post.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleEvaluation {
    /// The guardrails' verdicts, in the rules' order.
    pub verdicts: Vec<Arc<Verdict>>,
    /// Confidence, `0..=1`.
    pub confidence: f64,
    /// The steps that add up to the confidence.
    pub confidence_steps: Vec<ConfidenceStep>,
    /// The band that the confidence falls in, raised if a guardrail with `warn_raises_risk` warned.
    pub risk: RiskBand,
    /// Why the post is blocked; `None` if it is not.
    pub blocked: Option<Arc<Reason>>,
    /// Pending, ready or blocked.
    pub status: ScheduleStatus,
}

/// Evaluates the rules for a post. `engine_block` is the reason for which the engine blocks the post regardless of
/// guardrails. Also returns the facts of the post with the warnings counted.
pub(super) fn evaluate_rules(
    rules: &Rules,
    mut facts: Arc<PostFacts>,
    ctx: &Arc<ChannelFacts>,
    engine_block: Option<Reason>,
    evaluator: &mut Evaluator,
) -> Result<(RuleEvaluation, Arc<PostFacts>), RuleFailure> {
    let mut verdicts = Vec::with_capacity(rules.guardrails.len());
    let mut is_risk_raised = false;
    for guardrail in &rules.guardrails {
        let verdict = evaluator.guardrail(guardrail, Some(&facts), ctx)?;
        if verdict.outcome == Outcome::Warn {
            Arc::make_mut(&mut facts).warnings += 1;
            is_risk_raised |= guardrail.warn_raises_risk;
        }
        verdicts.push(verdict);
    }
    let (confidence, confidence_steps) = confidence_and_steps(rules, &facts, ctx, evaluator)?;
    let risk = band(&rules.risk, confidence, is_risk_raised);
    let guardrail_block = || {
        let blocking = verdicts.iter().find(|verdict| verdict.outcome == Outcome::Block);
        blocking.map(|verdict| guardrail_reason(verdict))
    };
    // An objection to the time takes precedence over guardrails; missing content or a missing review comes last.
    let blocked = match engine_block {
        Some(ref reason) if reason.is_lack_of_review() || reason.is_lack_of_content() => {
            guardrail_block().or(engine_block)
        }
        Some(_) => engine_block,
        None => guardrail_block(),
    };
    let blocked = blocked.map(Arc::new);
    let status = status(blocked.is_some(), risk, ctx);
    Ok((RuleEvaluation { verdicts, confidence, confidence_steps, risk, blocked, status }, facts))
}

fn guardrail_reason(verdict: &Verdict) -> Reason {
    Reason::Guardrail {
        rule: Arc::clone(&verdict.rule),
        reason: Arc::clone(&verdict.reason),
        remedy: Arc::clone(&verdict.remedy),
    }
}

fn confidence_and_steps(
    rules: &Rules,
    facts: &Arc<PostFacts>,
    ctx: &Arc<ChannelFacts>,
    evaluator: &mut Evaluator,
) -> Result<(f64, Vec<ConfidenceStep>), RuleFailure> {
    if let Some(confidence) = evaluator.confidence(facts, ctx)? {
        let step = ConfidenceStep { cause: ConfidenceCause::Function, change: confidence };
        return Ok((confidence, vec![step]));
    }
    let steps = confidence::steps(&rules.risk, facts.asset_score, ctx, facts.warnings);
    Ok((confidence::total(&steps), steps))
}

fn status(is_blocked: bool, risk: RiskBand, ctx: &ChannelFacts) -> ScheduleStatus {
    match (is_blocked, risk) {
        (true, _) => ScheduleStatus::Blocked,
        (false, RiskBand::Low) if may_run_unreviewed(ctx) => ScheduleStatus::Ready,
        _ => ScheduleStatus::Pending,
    }
}

fn may_run_unreviewed(ctx: &ChannelFacts) -> bool {
    ctx.auto_exec_enabled && ctx.status == ClientStatus::Active.name()
}

/// Whether every post of a channel certainly needs a review, whatever its time and its asset. `asset_scores` are the
/// scores of the assets that it may get. `false` if there are none, or if a function of the pack sets the confidence.
pub(super) fn always_needs_review(
    client_rules: &ClientRules,
    ctx: &ChannelFacts,
    asset_scores: &[f64],
    evaluator: &Evaluator,
) -> bool {
    if !may_run_unreviewed(ctx) {
        return true;
    }
    if asset_scores.is_empty() || evaluator.has(CONFIDENCE) {
        return false;
    }
    // Warnings of guardrails never lower the risk. So a post that is not of low risk without them needs a review
    // anyway.
    let is_low = |rules: &Rules, score: f64| {
        let confidence = confidence(&rules.risk, score, ctx, 0);
        band(&rules.risk, confidence, false) == RiskBand::Low
    };
    !client_rules.every().any(|rules| asset_scores.iter().any(|score| is_low(rules, *score)))
}
