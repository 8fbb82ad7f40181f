//! Finds redundant guardrails: another guardrail blocks whatever they fire on.

use std::sync::Arc;

use super::explore::{relevant_contexts, space};
use super::{Finding, FindingKind};
use crate::model::Outcome;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, InputField, RuleFailure, RulePlace, Space};
use crate::workbench::eval_context::EvalContext;

/// Maximum number of inputs on which a guardrail is evaluated in one context.
const MAX_INPUTS: usize = 5_000;
/// Maximum number of the inputs a guardrail fires on that are given to the other guardrails.
const MAX_FIRING: usize = 300;
/// Maximum number of ways to complete such an input with the fields that only the other guardrail reads.
const MAX_COMPLETIONS: usize = 64;

/// Every guardrail that another one makes redundant.
pub(super) fn overlaps(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, RuleFailure> {
    let mut evaluator = rules.evaluator(None);
    let names: Vec<Arc<str>> = rules.pack().declared_guardrails().into_iter().map(|rules| rules.name).collect();
    let mut found = Vec::new();
    for name in names.iter().take_while(|_| is_wanted()) {
        let firing = firing(rules, name, contexts, &mut evaluator)?;
        let Some((file, line)) = rules.place_of_function(name).filter(|_| !firing.is_empty()) else { continue };
        for other in names.iter().filter(|other| *other != name) {
            if always_blocks(rules, name, other, &firing, &mut evaluator)?
                && can_pass(rules, other, contexts, &mut evaluator)?
            {
                found.push(Finding {
                    place: RulePlace { file: Arc::clone(&file), line },
                    kind: FindingKind::Overlap,
                    what: format!("whatever `{name}` fires on, `{other}` blocks anyway"),
                    witness: Vec::new(),
                    remedy: format!("remove `{name}`, or narrow `{other}`"),
                });
            }
        }
    }
    Ok(found)
}

/// Inputs that a guardrail fires on, each with its context.
fn firing<'g>(
    rules: &CompiledRules,
    name: &str,
    contexts: &'g [EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Vec<(&'g EvalContext, Input)>, RuleFailure> {
    let mut firing = Vec::new();
    for (context, guardrail) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, guardrail, context).inputs(MAX_INPUTS) {
            if input.evaluate(evaluator, guardrail)?.outcome != Outcome::Pass {
                firing.push((context, input));
            }
        }
    }
    // An even sample over the whole domain.
    let step = firing.len().div_ceil(MAX_FIRING).max(1);
    Ok(firing.into_iter().step_by(step).collect())
}

/// Whether `other` blocks every input that the guardrail `name` fires on.
fn always_blocks(
    rules: &CompiledRules,
    name: &str,
    other: &str,
    firing: &[(&EvalContext, Input)],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    let fixed = rules.reads(name);
    for (context, input) in firing {
        let Some(other) = context.guardrail(other) else { return Ok(false) };
        for completed in completions(rules, other, context, input, &fixed) {
            if completed.evaluate(evaluator, other)?.outcome != Outcome::Block {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The input combined with all values of the fields that only the other guardrail reads.
fn completions(
    rules: &CompiledRules,
    other: &GuardrailRules,
    context: &EvalContext,
    input: &Input,
    fixed: &std::collections::BTreeSet<String>,
) -> Vec<Input> {
    let constants = rules.constants(&other.name);
    let space_of_other = space(rules, other, context);
    let dimensions: Vec<_> = space_of_other
        .fields()
        .filter(|field: &InputField| !fixed.contains(field.field_name()))
        .map(|field| (field, crate::rules::values_to_try(field, input, &constants, &[])))
        .collect();
    Space::new(input.clone(), dimensions).inputs(MAX_COMPLETIONS).collect()
}

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
