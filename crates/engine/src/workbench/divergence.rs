//! Situations that two packs decide differently: the packs' behaviour is compared, not their text.
//!
//! Cases that vary one factor at a time are evaluated under both packs by the planner's functions. Guardrails, which
//! may depend on several fields at once, are compared over their whole input space.

use std::collections::BTreeMap;

use serde::Serialize;

use super::eval_context::{EvalContext, OverlayTarget, overlay_targets};
use super::keys::CASE_KEYS;
use super::one_factor_cases::one_factor_cases;
use super::results::results;
use super::situation::Situation;
use crate::model::{Channel, Outcome, Tier};
use crate::planner::{PlanError, Planner};
use crate::rules::{CompiledRules, Constants, Evaluator, Input, InputField, RuleFailure, RulePlace, Space, read_alone};

/// A situation that two packs decide differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Divergence {
    /// The result that differs, by its key in test cases: `weekly_posts`, `verdicts.channel_fatigue`.
    pub what: String,
    /// The simplest situation found: lines of a case, or for a guardrail an input in the syntax of scripts.
    pub situation: String,
    /// The first pack's result.
    pub before: String,
    /// The second pack's result.
    pub after: String,
    /// The second pack's reason, or else the first one's; empty if neither gives one.
    pub reason: String,
    /// Where the verdict with that reason comes from; `None` for a result that is not a guardrail's verdict.
    pub place: Option<RulePlace>,
    /// Number of tried situations in which this result differs.
    pub situations: usize,
}

/// The results that two packs decide differently, each with one situation; verdicts of guardrails first.
/// `should_continue` is polled now and then, and ends the search early by returning `false`.
///
/// # Errors
/// If a rule fails.
pub fn divergences(
    before: &CompiledRules,
    after: &CompiledRules,
    should_continue: &dyn Fn() -> bool,
) -> Result<Vec<Divergence>, PlanError> {
    let mut divergences = guardrail_divergences(before, after, should_continue)?;
    for divergence in case_divergences(before, after, should_continue)? {
        if !divergences.iter().any(|other| other.what == divergence.what) {
            divergences.push(divergence);
        }
    }
    Ok(divergences)
}

/// The results that differ in cases that vary one factor, each with the first case in which the packs differ.
fn case_divergences(
    before: &CompiledRules,
    after: &CompiledRules,
    should_continue: &dyn Fn() -> bool,
) -> Result<Vec<Divergence>, PlanError> {
    let mut by_key: BTreeMap<String, Divergence> = BTreeMap::new();
    let mut order = Vec::new();
    for case in one_factor_cases(before, after).into_iter().take_while(|_| should_continue()) {
        let (old_results, new_results) = (all_results(before, &case)?, all_results(after, &case)?);
        for (key, new) in &new_results {
            let old = old_results.iter().find(|(other, _)| other == key).map(|(_, value)| value);
            // Reasons and remedies are reported with their verdicts.
            let is_sentence = key.starts_with("reasons.") || key.starts_with("remedies.");
            let Some(old) = old.filter(|old| *old != new && !is_sentence) else { continue };
            if let Some(earlier) = by_key.get_mut(key) {
                earlier.situations += 1;
                continue;
            }
            order.push(key.clone());
            let divergence = Divergence {
                what: key.clone(),
                situation: case.join(", "),
                before: old.clone(),
                after: new.clone(),
                reason: String::new(),
                place: None,
                situations: 1,
            };
            by_key.insert(key.clone(), divergence);
        }
    }
    Ok(order.into_iter().filter_map(|key| by_key.remove(&key)).collect())
}

/// All results of a case by key, as text.
fn all_results(rules: &CompiledRules, case: &[String]) -> Result<Vec<(String, String)>, PlanError> {
    let text = format!("[case]\n{}\n", case.join("\n"));
    let (settings, _) = read_alone("", &text, &CASE_KEYS);
    let situation = Situation::of(&settings, "case", rules)?;
    let evaluation = Planner::new(rules, Tier::Exact, None).evaluate_slot(&situation.query())?;
    let client_rules = rules.for_client(situation.client());
    let all = results(&evaluation, &client_rules, &rules.base()).into_iter();
    Ok(all.map(|result| (result.key, result.value.to_string())).collect())
}

/// Maximum number of inputs that a guardrail is evaluated on in one context.
const MAX_INPUTS: usize = 4_000;

/// The guardrails whose verdicts differ, each with the simplest input found.
fn guardrail_divergences(
    before: &CompiledRules,
    after: &CompiledRules,
    should_continue: &dyn Fn() -> bool,
) -> Result<Vec<Divergence>, PlanError> {
    let declared = |rules: &CompiledRules| rules.pack().declared_guardrails();
    let mut names: Vec<String> =
        declared(after).into_iter().chain(declared(before)).map(|guardrail| guardrail.name.to_string()).collect();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let mut pairs = Vec::new();
    for target in overlay_targets(&[before, after]) {
        for channel in Channel::ALL {
            pairs.push(ContextPair::of(before, after, &target, channel)?);
        }
    }
    let mut evaluators = (before.evaluator(None), after.evaluator(None));
    let mut divergences = Vec::new();
    for name in names.into_iter().take_while(|_| should_continue()) {
        divergences.extend(guardrail_divergence(before, after, &name, &pairs, &mut evaluators)?);
    }
    Ok(divergences)
}

/// The contexts of one overlay target on one channel, under both packs.
struct ContextPair {
    before: EvalContext,
    after: EvalContext,
}

/// A guardrail's verdict; `None` if it is disabled.
type GuardrailVerdict = Option<std::sync::Arc<crate::model::Verdict>>;

impl ContextPair {
    fn of(
        before: &CompiledRules,
        after: &CompiledRules,
        target: &OverlayTarget,
        channel: Channel,
    ) -> Result<Self, PlanError> {
        Ok(Self { before: EvalContext::of(before, target, channel)?, after: EvalContext::of(after, target, channel)? })
    }

    /// The verdicts of both packs on the same situation. Each pack sees its own values in `ctx`.
    fn verdicts(
        &self,
        name: &str,
        input: &Input,
        (evaluator_before, evaluator_after): &mut (Evaluator, Evaluator),
    ) -> Result<(GuardrailVerdict, GuardrailVerdict), RuleFailure> {
        let mut input_after = input.clone();
        input_after.ctx.warn_at = self.after.input.ctx.warn_at;
        input_after.ctx.block_at = self.after.input.ctx.block_at;
        input_after.ctx.min_spacing_hours = self.after.input.ctx.min_spacing_hours;
        input_after.ctx.weekly_posts = self.after.input.ctx.weekly_posts;
        let old = self.before.guardrail(name).map(|rules| input.evaluate(evaluator_before, rules)).transpose()?;
        let new = self.after.guardrail(name).map(|rules| input_after.evaluate(evaluator_after, rules)).transpose()?;
        Ok((old, new))
    }

    /// The input space of a guardrail: all fields that it reads in either pack, with the values at which a verdict may
    /// change.
    fn space(&self, before: &CompiledRules, after: &CompiledRules, name: &str) -> Space {
        let mut constants = before.constants(name);
        let Constants { numbers, names } = after.constants(name);
        constants.numbers.extend(numbers);
        constants.names.extend(names);
        let names_read: Vec<String> =
            before.inputs(name).into_iter().chain(after.inputs(name)).map(InputField::name).collect();
        let fields = InputField::all().filter(|field| names_read.contains(&field.name())).collect();
        let params = [&self.before, &self.after].into_iter().filter_map(|context| context.guardrail(name));
        let params = params.flat_map(|rules| rules.params.values().copied());
        let ctx = &self.after.input.ctx;
        let numbers_after = [ctx.warn_at, ctx.block_at, ctx.min_spacing_hours as f64, ctx.weekly_posts as f64];
        self.before.space(fields, &constants, params.chain(numbers_after).collect())
    }
}

fn outcome(verdict: &GuardrailVerdict) -> Outcome {
    verdict.as_ref().map_or(Outcome::Pass, |verdict| verdict.outcome)
}

/// The divergence of one guardrail, with the simplest input on which its verdicts differ; `None` if none was found.
fn guardrail_divergence(
    before: &CompiledRules,
    after: &CompiledRules,
    name: &str,
    pairs: &[ContextPair],
    evaluators: &mut (Evaluator, Evaluator),
) -> Result<Option<Divergence>, RuleFailure> {
    let mut first: Option<(&ContextPair, Input)> = None;
    let mut situations = 0;
    for pair in pairs {
        for input in pair.space(before, after, name).inputs(MAX_INPUTS) {
            let (old, new) = pair.verdicts(name, &input, evaluators)?;
            if outcome(&old) != outcome(&new) {
                situations += 1;
                first.get_or_insert((pair, input));
            }
        }
    }
    let Some((pair, input)) = first else { return Ok(None) };
    let space = pair.space(before, after, name);
    let (old, new) = pair.verdicts(name, &input, evaluators)?;
    let outcomes = (outcome(&old), outcome(&new));
    let mut has_same_outcomes = |tried: &Input| {
        let (old, new) = pair.verdicts(name, tried, evaluators)?;
        Ok((outcome(&old), outcome(&new)) == outcomes)
    };
    let simplest = space.simplest(&input, &mut has_same_outcomes)?;
    let (old, new) = pair.verdicts(name, &simplest, evaluators)?;
    let outcome_name = |verdict: &GuardrailVerdict| {
        verdict.as_ref().map_or("not evaluated", |verdict| verdict.outcome.name()).to_owned()
    };
    let with_reason = new.iter().chain(&old).find(|verdict| !verdict.reason.is_empty());
    Ok(Some(Divergence {
        what: format!("verdicts.{name}"),
        situation: format!("{}: {}", pair.before.description, space.describe(&simplest)),
        before: outcome_name(&old),
        after: outcome_name(&new),
        reason: with_reason.map_or_else(String::new, |verdict| verdict.reason.to_string()),
        place: with_reason.map(|verdict| RulePlace { file: verdict.file.clone(), line: verdict.line }),
        situations,
    }))
}
