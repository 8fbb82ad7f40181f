//! Verifies what no single case can show: that every guardrail can pass and can warn or block, that every condition can
//! be true and can be false, that every row of a table can apply, that no guardrail is redundant, and that more fatigue
//! never permits more, also in weeks in which the seasons change how many posts a channel has; and that the seasons leave
//! enough posts for the hard minima of limits. (The loader ensures that bands have no gaps or overlaps, and that a week has room for the posts
//! that are wanted.)
//!
//! Rules are evaluated on a bounded domain of inputs: for every overlay target and every channel, all combinations of
//! the values at which a result may change, or an even sample of them if there are too many. Findings about verdicts
//! come with inputs that show them; if there are none, no evaluated input shows a problem.

mod explore;
mod ineffective;
mod monotone;
mod redundant;
mod seasons;

use std::sync::Arc;

use serde::Serialize;

use super::eval_context::EvalContext;
use crate::model::Outcome;
use crate::planner::PlanError;
use crate::rules::{CompiledRules, RulePlace};

/// The result of verifying a pack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Number of inputs evaluated.
    pub inputs: u64,
    /// The verdicts that each guardrail can give, in file order.
    pub guardrails: Vec<ReachableVerdicts>,
    /// The problems found, by file and line.
    pub findings: Vec<Finding>,
    /// Keys without effect, by file and line.
    #[serde(rename = "idle")]
    pub ineffective: Vec<IneffectiveKey>,
}

/// A key that has no effect with the pack's other values, until an overlay changes one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IneffectiveKey {
    /// Location of the key.
    pub place: RulePlace,
    /// Full path of the key.
    pub key: String,
    /// Why it has no effect.
    pub why: String,
}

/// The verdicts that one guardrail can give.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReachableVerdicts {
    /// The guardrail's name.
    pub guardrail: Arc<str>,
    /// Location of its function.
    pub place: RulePlace,
    /// Number of inputs that it was evaluated on.
    pub inputs: u64,
    /// Whether these inputs are all combinations of the values at which its verdict may change.
    pub is_exhaustive: bool,
    /// The simplest input for each verdict that it can give, the mildest verdict first.
    pub witnesses: Vec<Witness>,
}

/// An input with the verdict that it gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witness {
    /// The verdict.
    pub outcome: Outcome,
    /// The input, in the syntax of scripts.
    pub input: String,
    /// Channel, and overlay target if there is one.
    #[serde(rename = "ground")]
    pub context: String,
    /// The guardrail's reason.
    pub reason: Arc<str>,
    /// 1-based line at which the guardrail gives the verdict.
    pub line: u32,
}

/// The kind of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A guardrail always passes.
    #[serde(rename = "never_fires")]
    AlwaysPasses,
    /// A guardrail never passes.
    #[serde(rename = "always_fires")]
    NeverPasses,
    /// One branch of a condition is never reached.
    DeadCondition,
    /// More fatigue permits more, or less confidence requires less attention.
    NotMonotone,
    /// A row of a table can never apply.
    #[serde(rename = "never_holds")]
    NeverApplies,
    /// A guardrail is redundant: another one blocks every input that it warns of or blocks.
    #[serde(rename = "overlap")]
    Redundant,
    /// A hard minimum of a limit needs more posts than a season leaves.
    UnmetInSeason,
}

/// One problem of a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Location of the problem.
    pub place: RulePlace,
    /// Its kind.
    pub kind: FindingKind,
    /// Its description.
    pub what: String,
    /// Inputs that show it; empty if it can be seen without inputs.
    pub witness: Vec<String>,
    /// How to fix it.
    pub remedy: String,
}

/// Verifies a pack. `should_continue` is polled now and then, and ends the run early by returning `false`; the result
/// must then be discarded.
///
/// # Errors
/// If a rule fails on an input of the domain. That is a problem of the pack itself; the error has its location and
/// cause.
pub fn verify(rules: &CompiledRules, should_continue: &dyn Fn() -> bool) -> Result<Verification, PlanError> {
    let contexts = EvalContext::all(rules)?;
    let explored = explore::explore(rules, &contexts, should_continue)?;
    let mut findings = explored.findings;
    findings.extend(monotone::breaches(rules, &contexts, should_continue)?);
    findings.extend(redundant::redundant_guardrails(rules, &contexts, should_continue)?);
    findings.extend(ineffective::rows_that_never_apply(rules, &contexts));
    findings.extend(seasons::minima_above_seasons(rules));
    findings.sort();
    findings.dedup_by(|a, b| (&a.place, a.kind, &a.what) == (&b.place, b.kind, &b.what));
    let mut ineffective = ineffective::keys_without_effect(rules);
    ineffective.extend(seasons::seasons_without_effect(rules));
    ineffective.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
    Ok(Verification { inputs: explored.inputs, guardrails: explored.guardrails, findings, ineffective })
}
