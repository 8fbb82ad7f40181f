//! Evaluates every guardrail over its whole input space, and records which verdicts it gives and which branches are
//! never reached.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finding, FindingKind, ReachableVerdicts, Witness};
use crate::model::Outcome;
use crate::planner::PlanError;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, Probes, RuleFailure, RulePlace, SiteKind, Space};
use crate::workbench::eval_context::EvalContext;

/// The result of exploring a pack.
pub(super) struct Explored {
    pub reaches: Vec<ReachableVerdicts>,
    pub inputs: u64,
    pub findings: Vec<Finding>,
}

/// Maximum number of inputs per guardrail, over all contexts.
const MOST_INPUTS: usize = 200_000;
/// Number of inputs that each context may have at least, however many contexts share the maximum.
const FEWEST_INPUTS: usize = 2_000;

pub(super) fn explore(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Explored, PlanError> {
    // If the scripts cannot be instrumented, they are explored all the same; only conditions are not checked.
    let probed = rules.probed().ok();
    let mut evaluator = probed.as_ref().map_or(rules, |(probed, _)| probed).evaluator(None);
    let mut explored = Explored { reaches: Vec::new(), inputs: 0, findings: Vec::new() };
    for declared in rules.pack().declared_guardrails().into_iter().take_while(|_| is_wanted()) {
        let found = reach(rules, &declared.name, contexts, &mut evaluator)?;
        let Some(reach) = found else { continue };
        explored.inputs += reach.inputs;
        explored.findings.extend(finding(&reach));
        explored.reaches.push(reach);
    }
    explored.findings.extend(probed.iter().flat_map(|(_, probes)| dead_conditions(probes)));
    Ok(explored)
}

/// The contexts in which the verdicts of a guardrail may differ, with its rules there. If it does not depend on the
/// channel, one channel stands for all.
pub(super) fn asked<'g>(
    rules: &CompiledRules,
    guardrail: &str,
    contexts: &'g [EvalContext],
) -> Vec<(&'g EvalContext, &'g GuardrailRules)> {
    let reads = rules.reads(guardrail);
    let looks_at_channel = ["channel", "weekly_posts", "min_spacing_hours"].iter().any(|field| reads.contains(*field));
    let first = contexts.first().map(|context| context.channel);
    let counts = |context: &&EvalContext| looks_at_channel || Some(context.channel) == first;
    contexts.iter().filter(counts).filter_map(|context| Some((context, context.guardrail(guardrail)?))).collect()
}

/// The input space of a guardrail in one context; values of the pack and the channel are fixed.
pub(super) fn space(rules: &CompiledRules, guardrail: &GuardrailRules, context: &EvalContext) -> Space {
    let numbers = guardrail.params.values().copied().collect();
    context.space(rules.inputs(&guardrail.name), &rules.constants(&guardrail.name), numbers)
}

fn reach(
    rules: &CompiledRules,
    name: &Arc<str>,
    contexts: &[EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Option<ReachableVerdicts>, RuleFailure> {
    let asked = asked(rules, name, contexts);
    let Some((file, line)) = rules.place_of_function(name).filter(|_| !asked.is_empty()) else { return Ok(None) };
    let most = (MOST_INPUTS / asked.len()).max(FEWEST_INPUTS);
    let place = RulePlace { file, line };
    let mut reach =
        ReachableVerdicts { guardrail: Arc::clone(name), place, inputs: 0, is_exhaustive: true, witnesses: Vec::new() };
    let mut first: BTreeMap<Outcome, (&EvalContext, &GuardrailRules, Input)> = BTreeMap::new();
    for (context, guardrail) in asked {
        let space = space(rules, guardrail, context);
        reach.is_exhaustive &= space.len() <= most as u64;
        for input in space.inputs(most) {
            reach.inputs += 1;
            let outcome = input.ask(evaluator, guardrail)?.outcome;
            first.entry(outcome).or_insert((context, guardrail, input));
        }
    }
    for (context, guardrail, input) in first.into_values() {
        reach.witnesses.push(witness(rules, context, guardrail, &input, evaluator)?);
    }
    Ok(Some(reach))
}

/// The simplest input that gets the same verdict.
fn witness(
    rules: &CompiledRules,
    context: &EvalContext,
    guardrail: &GuardrailRules,
    input: &Input,
    evaluator: &mut Evaluator,
) -> Result<Witness, RuleFailure> {
    let wanted = input.ask(evaluator, guardrail)?.outcome;
    let space = space(rules, guardrail, context);
    let mut holds = |tried: &Input| Ok(tried.ask(evaluator, guardrail)?.outcome == wanted);
    let simplest = space.simplest(input, &mut holds)?;
    let verdict = simplest.ask(evaluator, guardrail)?;
    Ok(Witness {
        outcome: verdict.outcome,
        input: space.describe(&simplest),
        context: context.description.clone(),
        reason: Arc::clone(&verdict.reason),
        line: verdict.line,
    })
}

fn finding(reach: &ReachableVerdicts) -> Option<Finding> {
    let answers: Vec<Outcome> = reach.witnesses.iter().map(|witness| witness.outcome).collect();
    let name = &reach.guardrail;
    let among = if reach.is_exhaustive { "of all" } else { "an even choice of" };
    let (kind, what, remedy) = match answers.as_slice() {
        [Outcome::Pass] => (
            FindingKind::NeverFires,
            format!("`{name}` never fires: it lets every one of {} inputs pass, {among} that may matter", reach.inputs),
            "correct its conditions, or remove it from guardrails.toml",
        ),
        answers if !answers.contains(&Outcome::Pass) => (
            FindingKind::AlwaysFires,
            format!("`{name}` always fires: it lets none of {} inputs pass, {among} that may matter", reach.inputs),
            "return `pass()` where nothing is wrong",
        ),
        _ => return None,
    };
    let witness = reach.witnesses.iter().map(shown).collect();
    Some(Finding { place: reach.place.clone(), kind, what, witness, remedy: remedy.to_owned() })
}

/// A witness on one line.
fn shown(witness: &Witness) -> String {
    format!("{} ({}): {}", witness.input, witness.context, witness.outcome.name())
}

/// Branches that are never reached, of conditions whose other branch is.
fn dead_conditions(probes: &Probes) -> Vec<Finding> {
    let sites =
        probes.sites().into_iter().filter(|(site, holds, fails)| site.kind == SiteKind::Condition && holds != fails);
    sites
        .map(|(site, holds, _)| Finding {
            place: RulePlace { file: site.file, line: site.line },
            kind: FindingKind::DeadCondition,
            what: format!("the condition {} on every input", if holds { "holds" } else { "fails" }),
            witness: Vec::new(),
            remedy: "remove it with what it guards, or correct it".to_owned(),
        })
        .collect()
}
