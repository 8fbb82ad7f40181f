//! What no single case can show: that every guardrail can fire and can let pass, that nothing in the pack is
//! dead, and that more fatigue never allows more. (That bands meet without a hole or an overlap, and that the
//! week has room for the posts it wants, the loader sees to.)
//!
//! The rules are asked about a bounded domain of inputs: for everybody that the pack tells apart and every
//! channel, all combinations of the values at which an answer may change, or an even choice of them where
//! there are too many. What is found is found with a witness; what is not found was not found among so many
//! inputs.

mod explore;
mod monotone;
mod numbers;
mod overlap;

use std::sync::Arc;

use serde::Serialize;

use super::grounds::Ground;
use crate::model::Outcome;
use crate::planner::PlanError;
use crate::rules::{CompiledRules, RulePlace};

/// What became of a pack's verification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Inputs that rules were asked about.
    pub inputs: u64,
    /// What each guardrail can answer, in the order of the file.
    pub guardrails: Vec<Reach>,
    /// What is wrong, by file and line.
    pub findings: Vec<Finding>,
    /// Keys that count nowhere, by file and line.
    pub idle: Vec<Idle>,
}

/// A key that counts nowhere beside the pack's other numbers, until an overlay changes one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Idle {
    /// Where.
    pub place: RulePlace,
    /// Which.
    pub key: String,
    /// Why.
    pub why: String,
}

/// What one guardrail can answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reach {
    /// Which.
    pub guardrail: Arc<str>,
    /// Where its function stands.
    pub place: RulePlace,
    /// Inputs it was asked about.
    pub inputs: u64,
    /// Whether these are all combinations of the values at which its answer may change.
    pub is_exhaustive: bool,
    /// The simplest input for each answer that it can give, mildest first.
    pub witnesses: Vec<Witness>,
}

/// An input with the answer that it gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Witness {
    /// The answer.
    pub outcome: Outcome,
    /// The input, in the words of scripts.
    pub input: String,
    /// Whom and where.
    pub ground: String,
    /// The guardrail's reason.
    pub reason: Arc<str>,
    /// Line of the answer.
    pub line: u32,
}

/// What may be wrong with a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A guardrail lets everything pass.
    NeverFires,
    /// A guardrail lets nothing pass.
    AlwaysFires,
    /// One side of a condition is never reached.
    DeadCondition,
    /// More fatigue allows more, or less confidence asks for less attention.
    NotMonotone,
    /// A row of a table, or a number, that can never hold.
    NeverHolds,
    /// Two rules say it all twice: what one holds back, the other does, too.
    Overlap,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where.
    pub place: RulePlace,
    /// What kind.
    pub kind: FindingKind,
    /// What it is, in words.
    pub what: String,
    /// Inputs that show it; none where the pack's numbers show it by themselves.
    pub witness: Vec<String>,
    /// What to do about it.
    pub remedy: String,
}

/// Verifies a pack. `is_wanted` is asked now and then, and ends it where it says no; what is told then is of no
/// use.
///
/// # Errors
/// Where a rule fails on an input of the domain, which is a finding of its own: its place and cause are told.
pub fn verify(rules: &CompiledRules, is_wanted: &dyn Fn() -> bool) -> Result<Verification, PlanError> {
    let grounds = Ground::all(rules)?;
    let explored = explore::explore(rules, &grounds, is_wanted)?;
    let mut findings = explored.findings;
    findings.extend(monotone::breaches(rules, &grounds, is_wanted)?);
    findings.extend(overlap::overlaps(rules, &grounds, is_wanted)?);
    findings.extend(numbers::dead(rules, &grounds));
    findings.sort();
    findings.dedup_by(|a, b| (&a.place, a.kind, &a.what) == (&b.place, b.kind, &b.what));
    Ok(Verification { inputs: explored.inputs, guardrails: explored.reaches, findings, idle: numbers::idle(rules) })
}
