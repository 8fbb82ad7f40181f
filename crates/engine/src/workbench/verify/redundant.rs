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
const MAX_OBJECTED: usize = 300;
/// Maximum number of ways to complete such an input with the fields that only the other guardrail reads.
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
        let objected = objected_inputs(rules, name, contexts, &mut evaluator)?;
        let Some((file, line)) = rules.place_of_function(name).filter(|_| !objected.is_empty()) else { continue };
        for other in names.iter().filter(|other| *other != name) {
            // A guardrail that blocks everything makes all others redundant, and is reported itself.
            if always_blocks(rules, name, other, &objected, &mut evaluator)?
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
fn objected_inputs<'g>(
    rules: &CompiledRules,
    name: &str,
    contexts: &'g [EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Vec<(&'g EvalContext, Input)>, RuleFailure> {
    let mut objected = Vec::new();
    for (context, guardrail) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, guardrail, context).inputs(MAX_INPUTS) {
            if input.evaluate(evaluator, guardrail)?.outcome != Outcome::Pass {
                objected.push((context, input));
            }
        }
    }
    // An even sample over the whole domain.
    let step = objected.len().div_ceil(MAX_OBJECTED).max(1);
    Ok(objected.into_iter().step_by(step).collect())
}

/// Whether `other` blocks every given input, all of which the guardrail `name` warns of or blocks.
fn always_blocks(
    rules: &CompiledRules,
    name: &str,
    other: &str,
    objected: &[(&EvalContext, Input)],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    let fixed = rules.reads(name);
    for (context, input) in objected {
        let Some(other) = context.guardrail(other) else { return Ok(false) };
        for completed in completions(rules, other, context, input, &fixed) {
            if completed.evaluate(evaluator, other)?.outcome != Outcome::Block {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The input combined with all values of the fields that only the other guardrail reads; `fixed` names the fields that
/// stay as they are.
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

/// Whether a guardrail passes any input.
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
