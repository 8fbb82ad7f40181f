//! Redundant guardrails: another one blocks whatever they fire on.

use std::sync::Arc;

use super::explore::{relevant_contexts, space};
use super::{Finding, FindingKind};
use crate::model::Outcome;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, InputField, RuleFailure, RulePlace, Space};
use crate::workbench::eval_context::EvalContext;

/// Maximum number of inputs of a guardrail that are searched in one context.
const LOOKED_AT: usize = 5_000;
/// Maximum number of inputs that a guardrail fires on and the others are evaluated on.
const FIRING: usize = 300;
/// Maximum number of ways to complete such an input with the fields that only the other guardrail reads.
const COMPLETIONS: usize = 64;

/// Every guardrail that another one makes redundant.
pub(super) fn overlaps(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, RuleFailure> {
    let mut evaluator = rules.evaluator(None);
    let names: Vec<Arc<str>> = rules.pack().declared_guardrails().into_iter().map(|rules| rules.name).collect();
    let mut found = Vec::new();
    for one in names.iter().take_while(|_| is_wanted()) {
        let firing = firing(rules, one, contexts, &mut evaluator)?;
        let Some((file, line)) = rules.place_of_function(one).filter(|_| !firing.is_empty()) else { continue };
        for other in names.iter().filter(|other| *other != one) {
            if always_blocks(rules, one, other, &firing, &mut evaluator)?
                && can_pass(rules, other, contexts, &mut evaluator)?
            {
                found.push(Finding {
                    place: RulePlace { file: Arc::clone(&file), line },
                    kind: FindingKind::Overlap,
                    what: format!("whatever `{one}` fires on, `{other}` blocks anyway"),
                    witness: Vec::new(),
                    remedy: format!("remove `{one}`, or narrow `{other}`"),
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
    for (context, own) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, own, context).inputs(LOOKED_AT) {
            if input.evaluate(evaluator, own)?.outcome != Outcome::Pass {
                firing.push((context, input));
            }
        }
    }
    // An even sample over the whole domain.
    let every = firing.len().div_ceil(FIRING).max(1);
    Ok(firing.into_iter().step_by(every).collect())
}

fn always_blocks(
    rules: &CompiledRules,
    one: &str,
    other: &str,
    firing: &[(&EvalContext, Input)],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    let fixed = rules.reads(one);
    for (context, input) in firing {
        let Some(own) = context.guardrail(other) else { return Ok(false) };
        for completed in completions(rules, own, context, input, &fixed) {
            if completed.evaluate(evaluator, own)?.outcome != Outcome::Block {
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
    let free = space(rules, other, context);
    let dimensions: Vec<_> = free
        .fields()
        .filter(|field: &InputField| !fixed.contains(field.own_name()))
        .map(|field| (field, crate::rules::values(field, input, &constants, &[])))
        .collect();
    Space::new(input.clone(), dimensions).inputs(COMPLETIONS).collect()
}

fn can_pass(
    rules: &CompiledRules,
    name: &str,
    contexts: &[EvalContext],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    for (context, own) in relevant_contexts(rules, name, contexts) {
        for input in space(rules, own, context).inputs(LOOKED_AT) {
            if input.evaluate(evaluator, own)?.outcome == Outcome::Pass {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
