//! Asks every guardrail about its whole domain, and notes what it can answer and what it never reaches.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Finding, FindingKind, Reach, Witness};
use crate::model::Outcome;
use crate::planner::PlanError;
use crate::rules::{CompiledRules, Evaluator, GuardrailRules, Input, Probes, RuleFailure, RulePlace, SiteKind, Space};
use crate::workbench::grounds::Ground;

/// What exploring found.
pub(super) struct Explored {
    pub reaches: Vec<Reach>,
    pub inputs: u64,
    pub findings: Vec<Finding>,
}

/// Inputs that one guardrail is asked about, over all grounds.
const MOST_INPUTS: usize = 200_000;
/// Inputs of one ground, however many grounds there are.
const FEWEST_INPUTS: usize = 2_000;

pub(super) fn explore(
    rules: &CompiledRules,
    grounds: &[Ground],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Explored, PlanError> {
    // A script without room for marks is explored all the same; only its conditions are not looked at.
    let probed = rules.probed().ok();
    let mut evaluator = probed.as_ref().map_or(rules, |(probed, _)| probed).evaluator(None);
    let mut explored = Explored { reaches: Vec::new(), inputs: 0, findings: Vec::new() };
    for declared in rules.pack().declared_guardrails().into_iter().take_while(|_| is_wanted()) {
        let found = reach(rules, &declared.name, grounds, &mut evaluator)?;
        let Some(reach) = found else { continue };
        explored.inputs += reach.inputs;
        explored.findings.extend(finding(&reach));
        explored.reaches.push(reach);
    }
    explored.findings.extend(probed.iter().flat_map(|(_, probes)| dead_conditions(probes)));
    Ok(explored)
}

/// The grounds on which a guardrail may answer differently, with its numbers there. Where it does not look at the
/// channel, one channel stands for all.
pub(super) fn asked<'g>(
    rules: &CompiledRules,
    guardrail: &str,
    grounds: &'g [Ground],
) -> Vec<(&'g Ground, &'g GuardrailRules)> {
    let reads = rules.reads(guardrail);
    let looks_at_channel = ["channel", "weekly_posts", "min_spacing_hours"].iter().any(|field| reads.contains(*field));
    let first = grounds.first().map(|ground| ground.channel);
    let counts = |ground: &&Ground| looks_at_channel || Some(ground.channel) == first;
    grounds.iter().filter(counts).filter_map(|ground| Some((ground, ground.guardrail(guardrail)?))).collect()
}

/// The domain of a guardrail on one ground; numbers of the pack and the channel are as they are there.
pub(super) fn space(rules: &CompiledRules, guardrail: &GuardrailRules, ground: &Ground) -> Space {
    let numbers = guardrail.params.values().copied().collect();
    ground.space(rules.inputs(&guardrail.name), &rules.constants(&guardrail.name), numbers)
}

fn reach(
    rules: &CompiledRules,
    name: &Arc<str>,
    grounds: &[Ground],
    evaluator: &mut Evaluator,
) -> Result<Option<Reach>, RuleFailure> {
    let asked = asked(rules, name, grounds);
    let Some((file, line)) = rules.place_of_function(name).filter(|_| !asked.is_empty()) else { return Ok(None) };
    let most = (MOST_INPUTS / asked.len()).max(FEWEST_INPUTS);
    let place = RulePlace { file, line };
    let mut reach = Reach { guardrail: Arc::clone(name), place, inputs: 0, is_exhaustive: true, witnesses: Vec::new() };
    let mut first: BTreeMap<Outcome, (&Ground, &GuardrailRules, Input)> = BTreeMap::new();
    for (ground, guardrail) in asked {
        let space = space(rules, guardrail, ground);
        reach.is_exhaustive &= space.len() <= most as u64;
        for input in space.inputs(most) {
            reach.inputs += 1;
            let outcome = input.ask(evaluator, guardrail)?.outcome;
            first.entry(outcome).or_insert((ground, guardrail, input));
        }
    }
    for (ground, guardrail, input) in first.into_values() {
        reach.witnesses.push(witness(rules, ground, guardrail, &input, evaluator)?);
    }
    Ok(Some(reach))
}

/// The simplest input that gets the same answer.
fn witness(
    rules: &CompiledRules,
    ground: &Ground,
    guardrail: &GuardrailRules,
    input: &Input,
    evaluator: &mut Evaluator,
) -> Result<Witness, RuleFailure> {
    let wanted = input.ask(evaluator, guardrail)?.outcome;
    let space = space(rules, guardrail, ground);
    let mut holds = |tried: &Input| Ok(tried.ask(evaluator, guardrail)?.outcome == wanted);
    let simplest = space.simplest(input, &mut holds)?;
    let verdict = simplest.ask(evaluator, guardrail)?;
    Ok(Witness {
        outcome: verdict.outcome,
        input: space.told(&simplest),
        ground: ground.told.clone(),
        reason: Arc::clone(&verdict.reason),
        line: verdict.line,
    })
}

fn finding(reach: &Reach) -> Option<Finding> {
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
    let witness = reach.witnesses.iter().map(told).collect();
    Some(Finding { place: reach.place.clone(), kind, what, witness, remedy: remedy.to_owned() })
}

/// A witness in a line.
fn told(witness: &Witness) -> String {
    format!("{} ({}): {}", witness.input, witness.ground, witness.outcome.name())
}

/// Sides of conditions that nothing reached, where the other side was reached.
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
