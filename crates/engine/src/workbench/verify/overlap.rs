//! Guardrails that say what another one says anyway: whatever the one fires on, the other blocks.

use std::sync::Arc;

use super::explore::{asked, space};
use super::{Finding, FindingKind};
use crate::model::Outcome;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, InputField, RuleFailure, RulePlace, Space};
use crate::workbench::grounds::Ground;

/// Inputs of a guardrail that are looked at for one that it fires on.
const LOOKED_AT: usize = 5_000;
/// Inputs that a guardrail fires on, put to the others.
const FIRING: usize = 300;
/// Ways to complete one of them with what the other guardrail reads besides.
const COMPLETIONS: usize = 64;

/// Every guardrail that another one makes superfluous.
pub(super) fn overlaps(
    rules: &CompiledRules,
    grounds: &[Ground],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, RuleFailure> {
    let mut evaluator = rules.evaluator(None);
    let names: Vec<Arc<str>> = rules.pack().declared_guardrails().into_iter().map(|rules| rules.name).collect();
    let mut found = Vec::new();
    for one in names.iter().take_while(|_| is_wanted()) {
        let firing = firing(rules, one, grounds, &mut evaluator)?;
        let Some((file, line)) = rules.place_of_function(one).filter(|_| !firing.is_empty()) else { continue };
        for other in names.iter().filter(|other| *other != one) {
            if always_blocks(rules, one, other, &firing, &mut evaluator)?
                && can_pass(rules, other, grounds, &mut evaluator)?
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

/// Inputs that a guardrail fires on, with where.
fn firing<'g>(
    rules: &CompiledRules,
    name: &str,
    grounds: &'g [Ground],
    evaluator: &mut Evaluator,
) -> Result<Vec<(&'g Ground, Input)>, RuleFailure> {
    let mut firing = Vec::new();
    for (ground, own) in asked(rules, name, grounds) {
        for input in space(rules, own, ground).inputs(LOOKED_AT) {
            if input.ask(evaluator, own)?.outcome != Outcome::Pass {
                firing.push((ground, input));
            }
        }
    }
    // From all over the domain.
    let every = firing.len().div_ceil(FIRING).max(1);
    Ok(firing.into_iter().step_by(every).collect())
}

fn always_blocks(
    rules: &CompiledRules,
    one: &str,
    other: &str,
    firing: &[(&Ground, Input)],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    let fixed = rules.reads(one);
    for (ground, input) in firing {
        let Some(own) = ground.guardrail(other) else { return Ok(false) };
        for completed in completions(rules, own, ground, input, &fixed) {
            if completed.ask(evaluator, own)?.outcome != Outcome::Block {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The input with the fields that only the other guardrail reads taking all their values.
fn completions(
    rules: &CompiledRules,
    other: &GuardrailRules,
    ground: &Ground,
    input: &Input,
    fixed: &std::collections::BTreeSet<String>,
) -> Vec<Input> {
    let constants = rules.constants(&other.name);
    let free = space(rules, other, ground);
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
    grounds: &[Ground],
    evaluator: &mut Evaluator,
) -> Result<bool, RuleFailure> {
    for (ground, own) in asked(rules, name, grounds) {
        for input in space(rules, own, ground).inputs(LOOKED_AT) {
            if input.ask(evaluator, own)?.outcome == Outcome::Pass {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
