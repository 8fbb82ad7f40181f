//! Finds redundant guardrails: another guardrail blocks every input that they warn of or block.

use std::sync::Arc;

use super::explore::{relevant_contexts, space};
use super::{Finding, FindingKind};
use crate::model::Outcome;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, InputField, RuleFailure, RulePlace, Space};
use crate::workbench::eval_context::EvalContext;

/// Maximum number of inputs on which a guardrail is evaluated in one context.
const MAX_INPUTS: usize = 5_000;
/// Maximum number of inputs, of those that a guardrail warns of or blocks, that the other guardrails are evaluated on.
const MAX_FLAGGED: usize = 300;
/// An input sets only the fields that its guardrail reads. Maximum number of combinations of values that are tried for
/// the further fields that the other guardrail reads.
const MAX_COMPLETIONS: usize = 64;

/// Every guardrail that another one makes redundant.
pub(super) fn redundant_guardrails(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    should_continue: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, RuleFailure> {
    let mut evaluator = rules.evaluator(None);
    let names: Vec<Arc<str>> = rules.pack().declared_guardrails().into_iter().map(|guardrail| guardrail.name).collect();
    let mut findings = Vec::new();
    for name in names.iter().take_while(|_| should_continue()) {
        let flagged = flagged_inputs(rules, name, contexts, &mut evaluator)?;
        let Some((file, line)) = rules.place_of_function(name).filter(|_| !flagged.is_empty()) else { continue };
        for other in names.iter().filter(|other| *other != name) {
            // A guardrail that never passes would make all others redundant, and has a finding of its own.
            if always_blocks(rules, name, other, &flagged, &mut evaluator)?
                && can_pass(rules, other, contexts, &mut evaluator)?
            {
                findings.push(Finding {
                    place: RulePlace { file: Arc::clone(&file), line },
                    kind: FindingKind::Redundant,
                    what: format!("`{other}` blocks every post that `{name}` warns of or blocks"),
                    witness: Vec::new(),
                    remedy: format!("remove `{name}`, or narrow `{other}`"),
                });
            }
        }
    }
    Ok(findings)
}

/// Inputs that a guardrail warns of or blocks, each with its context.
fn flagged_inputs<'g>(
    rules: &CompiledRules,
    name: &str,
    contexts: &'g [EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Vec<(&'g EvalContext, Input)>, RuleFailure> {
    let mut flagged = Vec::new();
    for (context, guardrail) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, guardrail, context).inputs(MAX_INPUTS) {
            if input.evaluate(evaluator, guardrail)?.outcome != Outcome::Pass {
                flagged.push((context, input));
            }
        }
    }
    // An even sample over the whole domain.
    let step = flagged.len().div_ceil(MAX_FLAGGED).max(1);
    Ok(flagged.into_iter().step_by(step).collect())
}

/// Whether `other` blocks every given input, all of which the guardrail `name` warns of or blocks.
fn always_blocks(
    rules: &CompiledRules,
    name: &str,
    other: &str,
    flagged: &[(&EvalContext, Input)],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    let fixed = rules.reads(name);
    for (context, input) in flagged {
        let Some(other) = context.guardrail(other) else { return Ok(false) };
        for completed in completions(rules, other, context, input, &fixed) {
            if completed.evaluate(evaluator, other)?.outcome != Outcome::Block {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The input combined with values to try for the fields that only the other guardrail reads; `fixed` names the fields
/// that stay as they are.
fn completions(
    rules: &CompiledRules,
    other: &GuardrailRules,
    context: &EvalContext,
    input: &Input,
    fixed: &std::collections::BTreeSet<String>,
) -> Vec<Input> {
    let constants = rules.constants(&other.name);
    let parameters: Vec<f64> = other.params.values().copied().collect();
    let space_of_other = space(rules, other, context);
    let dimensions: Vec<_> = space_of_other
        .fields()
        .filter(|field: &InputField| !fixed.contains(field.field_name()))
        .map(|field| (field, crate::rules::values_to_try(field, input, &constants, &parameters)))
        .collect();
    Space::new(input.clone(), dimensions).inputs(MAX_COMPLETIONS).collect()
}

/// Whether there is an input that a guardrail passes.
fn can_pass(
    rules: &CompiledRules,
    name: &str,
    contexts: &[EvalContext],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    for (context, guardrail) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, guardrail, context).inputs(MAX_INPUTS) {
            if input.evaluate(evaluator, guardrail)?.outcome == Outcome::Pass {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
