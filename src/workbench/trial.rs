//! Every function of a pack tried on situations of its domain: what would stop a plan is told beforehand.

use std::collections::BTreeSet;

use crate::model::Channel;
use crate::rules::{
    CompiledRules, Constants, Diagnostic, Evaluator, GuardrailRules, HOOKS, Hook, Input, InputField, Place,
    RuleFailure, Rules, Space, number_of, values,
};

/// Situations that one function is tried on, over all channels.
const MOST_TRIALS: usize = 4_000;
/// Failures of one function that are told.
const MOST_FAILURES: usize = 3;

/// What fails of a pack's functions: each place once, with the simplest situation that was found.
#[must_use]
pub fn trial(rules: &CompiledRules) -> Vec<Diagnostic> {
    let mut evaluator = rules.evaluator(None);
    let base = rules.base();
    let mut failures = Vec::new();
    for hook in HOOKS.iter().filter(|hook| rules.has_function(hook.name)) {
        let signals = &base.early_warning.signals;
        let mut ask = |evaluator: &mut Evaluator, input: &Input| input.ask_hook(evaluator, hook, signals);
        failures.extend(Tried::hook(rules, &base, hook).failures(&mut evaluator, &mut ask));
    }
    for guardrail in rules.pack().declared_guardrails() {
        let mut ask = |evaluator: &mut Evaluator, input: &Input| input.ask(evaluator, &guardrail).map(drop);
        failures.extend(Tried::guardrail(rules, &base, &guardrail).failures(&mut evaluator, &mut ask));
    }
    let mut told: Vec<Diagnostic> = failures.into_iter().map(|failure| diagnostic(rules, failure)).collect();
    Diagnostic::sort(&mut told);
    told
}

/// A function with the situations that it is tried on.
struct Tried {
    spaces: Vec<Space>,
}

type Ask<'a> = dyn FnMut(&mut Evaluator, &Input) -> Result<(), RuleFailure> + 'a;

impl Tried {
    fn hook(rules: &CompiledRules, base: &Rules, hook: &Hook) -> Self {
        Self::on_channels(rules, base, hook.name, &[])
    }

    fn guardrail(rules: &CompiledRules, base: &Rules, guardrail: &GuardrailRules) -> Self {
        let numbers: Vec<f64> = guardrail.params.values().copied().collect();
        Self::on_channels(rules, base, &guardrail.name, &numbers)
    }

    fn on_channels(rules: &CompiledRules, base: &Rules, function: &str, numbers: &[f64]) -> Self {
        let (fields, constants) = (rules.inputs_of_parameters(function), rules.constants(function));
        let space = |channel| space(Input::middling(base, channel), &fields, &constants, numbers);
        Self { spaces: Channel::ALL.into_iter().map(space).collect() }
    }

    fn failures(&self, evaluator: &mut Evaluator, ask: &mut Ask<'_>) -> Vec<(RuleFailure, String)> {
        let mut places = BTreeSet::new();
        let mut found = Vec::new();
        for space in &self.spaces {
            for input in space.inputs(MOST_TRIALS / self.spaces.len().max(1)) {
                let Err(failure) = ask(evaluator, &input) else { continue };
                if places.insert((failure.line, failure.column)) {
                    found.push((failure.clone(), simplest(space, &input, evaluator, ask, &failure)));
                }
                if found.len() == MOST_FAILURES {
                    return found;
                }
            }
        }
        found
    }
}

/// All combinations of the values of some fields at which an answer may change, around an input.
fn space(start: Input, fields: &[InputField], constants: &Constants, numbers: &[f64]) -> Space {
    let own = fields.iter().filter_map(|field| number_of(&field.of(&start)));
    let numbers: Vec<f64> = numbers.iter().copied().chain(own).collect();
    let is_free = |field: &&InputField| field.own_name() != "channel";
    let free = fields.iter().filter(is_free);
    let dimensions = free.map(|field| (*field, values(*field, &start, constants, &numbers))).collect();
    Space::new(start, dimensions)
}

/// The simplest situation in which the function fails in the same way, in the words of scripts.
fn simplest(
    space: &Space,
    input: &Input,
    evaluator: &mut Evaluator,
    ask: &mut Ask<'_>,
    failure: &RuleFailure,
) -> String {
    let mut fails_alike = |tried: &Input| {
        let failed = ask(evaluator, tried).err();
        Ok(failed.is_some_and(|other| (other.line, other.column) == (failure.line, failure.column)))
    };
    let found = space.simplest(input, &mut fails_alike).unwrap_or_else(|_: RuleFailure| input.clone());
    space.told_beside_start(&found)
}

fn diagnostic(rules: &CompiledRules, (failure, situation): (RuleFailure, String)) -> Diagnostic {
    let text = rules.pack().files.get(&*failure.file).map_or("", String::as_str);
    let place = Place::at_position(&failure.file, text, failure.line, failure.column);
    let when = if situation.is_empty() { String::new() } else { format!(" where {situation}") };
    let cause = format!("`{}` fails{when}: {}", failure.function, failure.cause);
    Diagnostic::at("rule_fails", &place, failure.function, cause, failure.remedy)
}
