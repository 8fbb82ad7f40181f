//! Evaluates every guardrail over its whole input space, and records which verdicts it gives and which branches are
//! never reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finding, FindingKind, ReachableVerdicts, Witness};
use crate::model::Outcome;
use crate::planner::PlanError;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, Probes, RuleFailure, RulePlace, SiteKind, Space};
use crate::workbench::eval_context::EvalContext;

/// The result of evaluating a pack's guardrails over their input spaces.
pub(super) struct Explored {
    pub guardrails: Vec<ReachableVerdicts>,
    pub inputs: u64,
    pub findings: Vec<Finding>,
}

/// Maximum number of inputs of a guardrail, shared by its contexts.
const MAX_INPUTS: usize = 200_000;
/// The share of [`MAX_INPUTS`] per context is at least this number.
const MIN_SHARE_OF_CONTEXT: usize = 2_000;

/// Evaluates every declared guardrail of a pack.
pub(super) fn explore(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    should_continue: &dyn Fn() -> bool,
) -> Result<Explored, PlanError> {
    // If probes cannot be added to the scripts, guardrails are explored all the same, but conditions are not checked.
    let probed = rules.probed().ok();
    let mut evaluator = probed.as_ref().map_or(rules, |(probed, _)| probed).evaluator(None);
    let mut explored = Explored { guardrails: Vec::new(), inputs: 0, findings: Vec::new() };
    for declared in rules.pack().declared_guardrails().into_iter().take_while(|_| should_continue()) {
        let reachable = reachable_verdicts(rules, &declared.name, contexts, &mut evaluator)?;
        let Some(reachable) = reachable else { continue };
        explored.inputs += reachable.inputs;
        explored.findings.extend(finding(&reachable));
        explored.guardrails.push(reachable);
    }
    explored.findings.extend(probed.iter().flat_map(|(_, probes)| dead_conditions(probes)));
    Ok(explored)
}

/// The contexts in which the verdicts of a guardrail may differ, with its rules there. If it does not depend on the
/// channel, these are the contexts of the first channel; and if it does not depend on the number of posts that the rules
/// want, those without a season.
pub(super) fn relevant_contexts<'g>(
    rules: &CompiledRules,
    guardrail: &str,
    contexts: &'g [EvalContext],
) -> Vec<(&'g EvalContext, &'g GuardrailRules)> {
    let reads = rules.reads(guardrail);
    let reads_channel = ["channel", "weekly_posts", "min_spacing_hours"].iter().any(|field| reads.contains(*field));
    let first = contexts.first().map(|context| context.channel);
    let reads_posts = reads.contains("weekly_posts");
    let is_relevant = |context: &&EvalContext| {
        (reads_channel || Some(context.channel) == first) && (reads_posts || !context.is_in_season)
    };
    contexts.iter().filter(is_relevant).filter_map(|context| Some((context, context.guardrail(guardrail)?))).collect()
}

/// The input space of a guardrail in one context; values of the pack and the channel are fixed.
pub(super) fn space(rules: &CompiledRules, guardrail: &GuardrailRules, context: &EvalContext) -> Space {
    let numbers = guardrail.params.values().copied().collect();
    context.space(rules.inputs(&guardrail.name), &rules.constants(&guardrail.name), numbers)
}

/// The verdicts that a guardrail can give; `None` if it is disabled in every context or has no function.
fn reachable_verdicts(
    rules: &CompiledRules,
    name: &Arc<str>,
    contexts: &[EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Option<ReachableVerdicts>, RuleFailure> {
    let relevant = relevant_contexts(rules, name, contexts);
    let Some((file, line)) = rules.place_of_function(name).filter(|_| !relevant.is_empty()) else { return Ok(None) };
    let max_inputs = (MAX_INPUTS / relevant.len()).max(MIN_SHARE_OF_CONTEXT);
    let place = RulePlace { file, line };
    let mut reachable =
        ReachableVerdicts { guardrail: Arc::clone(name), place, inputs: 0, is_exhaustive: true, witnesses: Vec::new() };
    let mut first: BTreeMap<Outcome, (&EvalContext, &GuardrailRules, Input)> = BTreeMap::new();
    for (context, guardrail) in relevant {
        let space = space(rules, guardrail, context);
        reachable.is_exhaustive &= space.len() <= max_inputs as u64;
        for input in space.inputs(max_inputs) {
            reachable.inputs += 1;
            let outcome = input.evaluate(evaluator, guardrail)?.outcome;
            first.entry(outcome).or_insert((context, guardrail, input));
        }
    }
    for (context, guardrail, input) in first.into_values() {
        reachable.witnesses.push(witness(rules, context, guardrail, &input, evaluator)?);
    }
    Ok(Some(reachable))
}

/// The simplest input with the same verdict as the given one.
fn witness(
    rules: &CompiledRules,
    context: &EvalContext,
    guardrail: &GuardrailRules,
    input: &Input,
    evaluator: &mut Evaluator,
) -> Result<Witness, RuleFailure> {
    let outcome = input.evaluate(evaluator, guardrail)?.outcome;
    let space = space(rules, guardrail, context);
    let mut has_same_outcome = |tried: &Input| Ok(tried.evaluate(evaluator, guardrail)?.outcome == outcome);
    let simplest = space.simplest(input, &mut has_same_outcome)?;
    let verdict = simplest.evaluate(evaluator, guardrail)?;
    Ok(Witness {
        outcome: verdict.outcome,
        input: space.describe(&simplest),
        context: context.description.clone(),
        reason: Arc::clone(&verdict.reason),
        line: verdict.line,
    })
}

/// The problem of a guardrail that always passes, or never.
fn finding(reachable: &ReachableVerdicts) -> Option<Finding> {
    let outcomes: Vec<Outcome> = reachable.witnesses.iter().map(|witness| witness.outcome).collect();
    let name = &reachable.guardrail;
    let inputs = if reachable.is_exhaustive {
        format!("all {} inputs that may matter", reachable.inputs)
    } else {
        format!("all {} inputs of an even sample of those that may matter", reachable.inputs)
    };
    let (kind, what, remedy) = match outcomes.as_slice() {
        [Outcome::Pass] => (
            FindingKind::AlwaysPasses,
            format!("`{name}` never warns or blocks: it passes {inputs}"),
            "correct its conditions, or remove it from guardrails.toml",
        ),
        outcomes if !outcomes.contains(&Outcome::Pass) => (
            FindingKind::NeverPasses,
            format!("`{name}` never passes: it warns of or blocks {inputs}"),
            "return `pass()` if nothing is wrong",
        ),
        _ => return None,
    };
    let witness = reachable.witnesses.iter().map(on_one_line).collect();
    Some(Finding { place: reachable.place.clone(), kind, what, witness, remedy: remedy.to_owned() })
}

/// A witness on one line.
fn on_one_line(witness: &Witness) -> String {
    format!("{} ({}): {}", witness.input, witness.context, witness.outcome.name())
}

/// Conditions of which one branch is reached and the other never.
fn dead_conditions(probes: &Probes) -> Vec<Finding> {
    let conditions = probes.coverage().into_iter().filter(|covered| covered.site.kind == SiteKind::Condition);
    conditions
        .filter(|condition| condition.called_or_true != condition.was_false)
        .map(|condition| Finding {
            place: RulePlace { file: condition.site.file, line: condition.site.line },
            kind: FindingKind::DeadCondition,
            what: format!("the condition is {} for every input", condition.called_or_true),
            witness: Vec::new(),
            remedy: "remove it with the code that depends on it, or correct it".to_owned(),
        })
        .collect()
}
