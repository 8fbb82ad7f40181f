//! Monotonicity checks: more fatigue never permits more, and less confidence never requires less attention.

use std::sync::Arc;

use super::explore::{relevant_contexts, space};
use super::{Finding, FindingKind};
use crate::model::{Outcome, Verdict};
use crate::planner::{self, PlanError};
use crate::rules::{
    CompiledRules, Evaluator, Fact, GuardrailRules, Input, InputField, RuleFailure, RulePlace, Space, number_of,
    value_at, values_to_try,
};
use crate::workbench::eval_context::EvalContext;

/// Maximum number of inputs from which one field of a guardrail is varied, in one context.
const MAX_STARTS: usize = 4_000;

/// Every violation of monotonicity, with two inputs that show it.
pub(super) fn breaches(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    should_continue: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, PlanError> {
    let mut evaluator = rules.evaluator(None);
    let mut findings = Vec::new();
    for declared in rules.pack().declared_guardrails().into_iter().take_while(|_| should_continue()) {
        findings.extend(guardrail_breach(rules, &declared.name, contexts, &mut evaluator)?);
    }
    for context in contexts.iter().take_while(|_| should_continue()) {
        for relation in RELATIONS {
            findings.extend(relation.breach(rules, context, &mut evaluator)?);
        }
    }
    Ok(findings)
}

/// The first input found on which a guardrail gives a milder verdict at higher fatigue; `None` if there is none.
fn guardrail_breach(
    rules: &CompiledRules,
    name: &Arc<str>,
    contexts: &[EvalContext],
    evaluator: &mut Evaluator,
) -> Result<Option<Finding>, RuleFailure> {
    for (context, guardrail) in relevant_contexts(rules, name, contexts) {
        let space = space(rules, guardrail, context);
        for field in space.fields().filter(|field| field.field_name() == "fatigue") {
            let values = ascending_values(rules, name, field, &context.input);
            for start in space.inputs(MAX_STARTS) {
                let Some(milder) = first_milder(&start, field, &values, guardrail, evaluator)? else { continue };
                return Ok(Some(milder.finding(name, context, &space, field, start)));
            }
        }
    }
    Ok(None)
}

/// Two adjacent values of a field with their verdicts. The larger value has the milder verdict.
struct MilderVerdict {
    before: (f64, Outcome),
    after: (f64, Arc<Verdict>),
}

/// The first verdict that is milder than the one before it, as a field takes ascending values.
fn first_milder(
    start: &Input,
    field: InputField,
    ascending_values: &[f64],
    guardrail: &GuardrailRules,
    evaluator: &mut Evaluator,
) -> Result<Option<MilderVerdict>, RuleFailure> {
    let mut last: Option<(f64, Outcome)> = None;
    for value in ascending_values {
        let mut input = start.clone();
        field.put(&mut input, Fact::Number(*value));
        let verdict = input.evaluate(evaluator, guardrail)?;
        if let Some(before) = last.filter(|(_, outcome)| *outcome > verdict.outcome) {
            return Ok(Some(MilderVerdict { before, after: (*value, verdict) }));
        }
        last = Some((*value, verdict.outcome));
    }
    Ok(None)
}

impl MilderVerdict {
    fn finding(
        &self,
        name: &str,
        context: &EvalContext,
        space: &Space,
        field: InputField,
        mut other_fields: Input,
    ) -> Finding {
        // The field gets the context's value, so that the description does not mention it.
        field.put(&mut other_fields, field.value_in(&context.input));
        let circumstances = format!("{}; {}", context.description, space.describe(&other_fields));
        let witness_line = |value: f64, outcome: Outcome| {
            format!("{} = {}: {} ({circumstances})", field.name(), Fact::Number(value), outcome.name())
        };
        let (value, verdict) = &self.after;
        Finding {
            place: RulePlace { file: Arc::clone(&verdict.file), line: verdict.line },
            kind: FindingKind::NotMonotone,
            what: format!("`{name}` is milder at higher fatigue"),
            witness: vec![witness_line(self.before.0, self.before.1), witness_line(*value, verdict.outcome)],
            remedy: "let it return no milder verdict as fatigue rises".to_owned(),
        }
    }
}

/// The values of a field at which a function's result may change, ascending.
fn ascending_values(rules: &CompiledRules, function: &str, field: InputField, start: &Input) -> Vec<f64> {
    let fields_read = rules.inputs(function);
    let compared: Vec<f64> = fields_read.iter().filter_map(|field| number_of(&field.value_in(start))).collect();
    let mut numbers: Vec<f64> =
        values_to_try(field, start, &rules.constants(function), &compared).iter().filter_map(number_of).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// A quantity that must be monotone in a variable.
struct MonotoneRelation {
    /// Name of the variable, in messages.
    variable: &'static str,
    /// Name of the quantity, in messages.
    quantity: &'static str,
    /// Whether the quantity must be non-increasing; otherwise it must be non-decreasing.
    must_not_rise: bool,
    /// The function of the pack that determines the quantity, if the pack defines it; empty if no function can.
    function: &'static str,
    /// The key that determines the quantity otherwise.
    key: &'static str,
    /// The quantity at a value of the variable.
    evaluate: fn(&mut RelationInput<'_>, f64) -> Result<f64, RuleFailure>,
    /// Values of the variable at which the quantity may change: the thresholds of the pack's tables.
    thresholds: fn(&EvalContext) -> Vec<f64>,
    /// The variable is also sampled in even steps from 0 to this value, since the result of a script may change
    /// anywhere; `None` for integers.
    sampled_to: Option<f64>,
    /// How to fix a violation.
    remedy: &'static str,
}

/// What a relation is evaluated on, apart from its variable.
struct RelationInput<'w> {
    context: &'w EvalContext,
    evaluator: &'w mut Evaluator,
}

const RELATIONS: [MonotoneRelation; 6] = [
    MonotoneRelation {
        variable: "ctx.fatigue",
        quantity: "posts a week",
        must_not_rise: true,
        function: "weekly_posts",
        key: "fatigue.frequency",
        evaluate: |input, fatigue| {
            let ctx = Arc::new(crate::rules::ChannelFacts { fatigue, ..input.context.input.ctx.clone() });
            // With the factor of the context's season.
            let wanted = u32::try_from(ctx.weekly_posts).unwrap_or_default();
            let lowered = || planner::weekly_posts_after_fatigue(&input.context.rules, wanted, fatigue);
            Ok(f64::from(input.evaluator.weekly_posts(&ctx)?.unwrap_or_else(lowered)))
        },
        thresholds: |context| context.rules.fatigue.frequency.iter().map(|row| row.threshold).collect(),
        sampled_to: Some(1.0),
        remedy: "let the factor fall from row to row",
    },
    MonotoneRelation {
        variable: "fatigue",
        quantity: "the priority",
        must_not_rise: true,
        function: "",
        key: "fatigue.priority_loss",
        evaluate: |input, fatigue| {
            let priority = input.context.rules.channel(input.context.channel).priority;
            Ok(planner::priority(&input.context.rules, priority, fatigue))
        },
        thresholds: |context| context.rules.fatigue.priority_loss.iter().map(|row| row.threshold).collect(),
        sampled_to: Some(1.0),
        remedy: "let the points rise from row to row",
    },
    MonotoneRelation {
        variable: "fatigue",
        quantity: "the recommended wait",
        must_not_rise: false,
        function: "",
        key: "fatigue.wait_hours",
        evaluate: |input, fatigue| Ok(input.context.rules.fatigue.recommended_wait_hours(fatigue)),
        thresholds: |context| context.rules.fatigue.wait_hours.iter().map(|row| row.threshold).collect(),
        sampled_to: Some(1.0),
        remedy: "let the hours rise from row to row",
    },
    MonotoneRelation {
        variable: "post.asset_score",
        quantity: "confidence",
        must_not_rise: false,
        function: "confidence",
        key: "risk.confidence",
        evaluate: |input, asset_score| {
            let post = crate::rules::PostFacts { asset_score, ..input.context.input.post.clone() };
            let by_table = value_at(&input.context.rules.risk.confidence, asset_score).unwrap_or(0.0);
            let by_function =
                input.evaluator.confidence(&Arc::new(post), &Arc::new(input.context.input.ctx.clone()))?;
            Ok(by_function.unwrap_or(by_table))
        },
        thresholds: |context| context.rules.risk.confidence.iter().map(|row| row.threshold).chain([100.0]).collect(),
        sampled_to: Some(100.0),
        remedy: "let the confidence rise from row to row",
    },
    MonotoneRelation {
        variable: "post.warnings",
        quantity: "confidence",
        must_not_rise: true,
        function: "confidence",
        key: "risk.minus_per_warning",
        evaluate: |input, warnings| {
            let post = crate::rules::PostFacts { warnings: warnings as i64, ..input.context.input.post.clone() };
            let ctx = Arc::new(input.context.input.ctx.clone());
            let (score, warnings) = (post.asset_score, post.warnings);
            let by_function = input.evaluator.confidence(&Arc::new(post), &ctx)?;
            Ok(by_function.unwrap_or_else(|| planner::confidence(&input.context.rules.risk, score, &ctx, warnings)))
        },
        thresholds: |_| vec![1.0, 2.0, 3.0, 4.0, 5.0],
        sampled_to: None,
        remedy: "let a warning lower confidence, never raise it",
    },
    MonotoneRelation {
        variable: "confidence",
        quantity: "the risk band",
        must_not_rise: true,
        function: "",
        key: "risk.bands",
        evaluate: |input, confidence| {
            let rules = &input.context.rules;
            let band = planner::band(&rules.risk, confidence, false);
            Ok(f64::from(band as u8))
        },
        thresholds: |context| vec![context.rules.risk.low_from, context.rules.risk.medium_from],
        sampled_to: Some(1.0),
        remedy: "let `low.from` be above `medium.from`",
    },
];

/// Distance from a threshold to the value just below it, and tolerance of comparisons.
const EPSILON: f64 = 1e-6;

impl MonotoneRelation {
    fn breach(
        &self,
        rules: &CompiledRules,
        context: &EvalContext,
        evaluator: &mut Evaluator,
    ) -> Result<Option<Finding>, RuleFailure> {
        let thresholds = (self.thresholds)(context).into_iter();
        let mut values: Vec<f64> = thresholds.flat_map(|threshold| [threshold - EPSILON, threshold]).collect();
        let ends = self.sampled_to.into_iter();
        values.extend(ends.flat_map(|end| (0..=20).map(move |step| end * f64::from(step) / 20.0)));
        values.retain(|value| *value >= 0.0);
        values.sort_by(f64::total_cmp);
        let mut input = RelationInput { context, evaluator };
        let mut last: Option<(f64, f64)> = None;
        for value in values {
            let number = (self.evaluate)(&mut input, value)?;
            if let Some((last_value, last_number)) = last
                && (if self.must_not_rise { number > last_number + EPSILON } else { number < last_number - EPSILON })
            {
                return Ok(Some(self.finding(rules, context, (last_value, last_number), (value, number))));
            }
            last = Some((value, number));
        }
        Ok(None)
    }

    fn finding(&self, rules: &CompiledRules, context: &EvalContext, before: (f64, f64), after: (f64, f64)) -> Finding {
        let place_of_function = rules.place_of_function(self.function);
        let place = place_of_function.or_else(|| rules.pack().place_with(&context.overlays, self.key));
        let (file, line) = place.unwrap_or_default();
        let MonotoneRelation { variable, quantity, .. } = self;
        let direction = if self.must_not_rise { "rise" } else { "fall" };
        let witness_line = |(value, number): (f64, f64)| {
            let [value, number] = [value, number].map(Fact::Number);
            format!("{variable} = {value}: {quantity} {number} ({})", context.description)
        };
        Finding {
            place: RulePlace { file, line },
            kind: FindingKind::NotMonotone,
            what: format!("{quantity} must not {direction} as {variable} rises"),
            witness: vec![witness_line(before), witness_line(after)],
            remedy: self.remedy.to_owned(),
        }
    }
}
