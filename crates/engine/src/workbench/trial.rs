//! Calls every function of a pack on many inputs, to report in advance the failures that would stop a plan.

use std::collections::BTreeSet;

use super::eval_context::{overlay_targets, space_around};
use crate::diagnostic::Diagnostic;
use crate::model::Channel;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, HOOKS, Input, RuleFailure, Rules, Space};

/// Maximum number of inputs per function, on all channels together.
const MAX_TRIALS: usize = 4_000;
/// Maximum number of failures reported per function.
const MAX_FAILURES: usize = 3;

/// A failure, and an input that causes it, in the syntax of scripts.
type Failure = (RuleFailure, String);
/// Calls the function under test on an input.
type Call<'a> = dyn FnMut(&mut Evaluator, &Input) -> Result<(), RuleFailure> + 'a;

/// The failures of a pack's functions: one for each location, with the simplest input found that fails there.
#[must_use]
pub fn trial(rules: &CompiledRules) -> Vec<Diagnostic> {
    let mut evaluator = rules.evaluator(None);
    let base = rules.base();
    let mut failures = Vec::new();
    for hook in HOOKS.iter().filter(|hook| rules.has_function(hook.name)) {
        let mut call =
            |evaluator: &mut Evaluator, input: &Input| input.call_hook(evaluator, hook, &base.early_warning.signals);
        failures.extend(failures_in(&spaces(rules, &base, hook.name, &[]), &mut evaluator, &mut call));
    }
    for guardrail in guardrails(rules) {
        let numbers: Vec<f64> = guardrail.params.values().copied().collect();
        let mut call = |evaluator: &mut Evaluator, input: &Input| input.evaluate(evaluator, &guardrail).map(drop);
        failures.extend(failures_in(&spaces(rules, &base, &guardrail.name, &numbers), &mut evaluator, &mut call));
    }
    let mut diagnostics: Vec<Diagnostic> = failures.into_iter().map(|failure| diagnostic(rules, failure)).collect();
    Diagnostic::sort(&mut diagnostics);
    diagnostics.dedup_by(|a, b| a.place.source() == b.place.source());
    diagnostics
}

/// Every declared guardrail with its base parameters, and again with each other set of parameters from an overlay.
fn guardrails(rules: &CompiledRules) -> Vec<GuardrailRules> {
    let mut guardrails = rules.pack().declared_guardrails();
    for target in overlay_targets(&[rules]) {
        for guardrail in target.rules(rules).guardrails {
            if !guardrails.iter().any(|other| (&other.name, &other.params) == (&guardrail.name, &guardrail.params)) {
                guardrails.push(guardrail);
            }
        }
    }
    guardrails
}

/// The input spaces of a function, one per channel. `numbers` are the parameters that the function compares with.
fn spaces(rules: &CompiledRules, base: &Rules, function: &str, numbers: &[f64]) -> Vec<Space> {
    let (fields, constants) = (rules.inputs_of_parameters(function), rules.constants(function));
    let space =
        |channel| space_around(&Input::typical(base, channel), channel, fields.clone(), &constants, numbers.to_vec());
    Channel::ALL.into_iter().map(space).collect()
}

/// The failures of a function on inputs of the spaces, at most [`MAX_FAILURES`].
fn failures_in(spaces: &[Space], evaluator: &mut Evaluator, call: &mut Call<'_>) -> Vec<Failure> {
    let mut positions = BTreeSet::new();
    let mut failures = Vec::new();
    for space in spaces {
        for input in space.inputs(MAX_TRIALS / spaces.len().max(1)) {
            let Err(failure) = call(evaluator, &input) else { continue };
            if positions.insert(position(&failure)) {
                failures.push((failure.clone(), simplest(space, &input, evaluator, call, &failure)));
            }
            if failures.len() == MAX_FAILURES {
                return failures;
            }
        }
    }
    failures
}

/// The simplest input on which the function fails at the same position, in the syntax of scripts.
fn simplest(
    space: &Space,
    input: &Input,
    evaluator: &mut Evaluator,
    call: &mut Call<'_>,
    failure: &RuleFailure,
) -> String {
    let mut fails_there = |tried: &Input| {
        let failed = call(evaluator, tried).err();
        Ok(failed.is_some_and(|other| position(&other) == position(failure)))
    };
    let simplest_input = space.simplest(input, &mut fails_there).unwrap_or_else(|_: RuleFailure| input.clone());
    space.describe_differences(&simplest_input)
}

/// Line and column of a failure.
const fn position(failure: &RuleFailure) -> (u32, u32) {
    (failure.location.line, failure.location.column)
}

fn diagnostic(rules: &CompiledRules, (failure, situation): Failure) -> Diagnostic {
    let text = rules.pack().files.get(&*failure.location.file).map_or("", String::as_str);
    let location = failure.location.with_span_in(text);
    let when = if situation.is_empty() { String::new() } else { format!(" where {situation}") };
    let cause = format!("`{}` fails{when}: {}", failure.function, failure.cause);
    Diagnostic::at("rule_fails", &location, failure.function, cause, failure.remedy)
}
