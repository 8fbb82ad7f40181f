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

/// Maximum number of inputs for which one field of a guardrail is varied.
const MAX_STARTS: usize = 4_000;

/// Every violation of monotonicity, with two inputs that show it.
pub(super) fn breaches(
    rules: &CompiledRules,
    contexts: &[EvalContext],
    is_wanted: &dyn Fn() -> bool,
) -> Result<Vec<Finding>, PlanError> {
    let mut evaluator = rules.evaluator(None);
    let mut found = Vec::new();
    for declared in rules.pack().declared_guardrails().into_iter().take_while(|_| is_wanted()) {
        found.extend(guardrail_breach(rules, &declared.name, contexts, &mut evaluator)?);
    }
    for context in contexts.iter().take_while(|_| is_wanted()) {
        for relation in RELATIONS {
            found.extend(relation.breach(rules, context, &mut evaluator)?);
        }
    }
    Ok(found)
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
            let ascending = ascending_values(rules, name, field, &context.input);
            for start in space.inputs(MAX_STARTS) {
                let Some(milder) = first_milder(&start, field, &ascending, guardrail, evaluator)? else { continue };
                return Ok(Some(milder.finding(name, context, &space, field, start)));
            }
        }
    }
    Ok(None)
}

/// Two adjacent values of a field with their verdicts; that of the larger value is milder.
struct MilderVerdict {
    before: (f64, Outcome),
    after: (f64, Arc<Verdict>),
}

/// The first verdict that is milder than the one before it, as a field rises.
fn first_milder(
    start: &Input,
    field: InputField,
    ascending: &[f64],
    guardrail: &GuardrailRules,
    evaluator: &mut Evaluator,
) -> Result<Option<MilderVerdict>, RuleFailure> {
    let mut last: Option<(f64, Outcome)> = None;
    for at in ascending {
        let mut input = start.clone();
        field.put(&mut input, Fact::Number(*at));
        let verdict = input.evaluate(evaluator, guardrail)?;
        if let Some(before) = last.filter(|(_, outcome)| *outcome > verdict.outcome) {
            return Ok(Some(MilderVerdict { before, after: (*at, verdict) }));
        }
        last = Some((*at, verdict.outcome));
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
        mut others: Input,
    ) -> Finding {
        field.put(&mut others, field.of(&context.input));
        let circumstances = format!("{}; {}", context.description, space.describe(&others));
        let line = |at: f64, outcome: Outcome| {
            format!("{} = {}: {} ({circumstances})", field.name(), Fact::Number(at), outcome.name())
        };
        let (at, verdict) = &self.after;
        Finding {
            place: RulePlace { file: Arc::clone(&verdict.file), line: verdict.line },
            kind: FindingKind::NotMonotone,
            what: format!("`{name}` is milder at higher fatigue"),
            witness: vec![line(self.before.0, self.before.1), line(*at, verdict.outcome)],
            remedy: "let it return no milder verdict as fatigue rises".to_owned(),
        }
    }
}

/// The values of a field at which a function's result may change, ascending.
fn ascending_values(rules: &CompiledRules, function: &str, field: InputField, start: &Input) -> Vec<f64> {
    let fields_read = rules.inputs(function);
    let compared: Vec<f64> = fields_read.iter().filter_map(|field| number_of(&field.of(start))).collect();
    let mut numbers: Vec<f64> =
        values_to_try(field, start, &rules.constants(function), &compared).iter().filter_map(number_of).collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// A number that must be monotone in another one.
struct MonotoneRelation {
    /// The variable that rises.
    along: &'static str,
    /// The number that depends on it.
    what: &'static str,
    /// Whether it must be non-increasing; otherwise it must be non-decreasing.
    must_not_rise: bool,
    /// The hook that decides, if the pack defines it.
    hook: &'static str,
    /// The table that decides otherwise.
    key: &'static str,
    /// The number at a value of the variable.
    at: fn(&mut RelationInput<'_>, f64) -> Result<f64, RuleFailure>,
    /// Values to evaluate at: the thresholds of the pack's tables.
    edges: fn(&EvalContext) -> Vec<f64>,
    /// Upper end of the range that is also sampled in even steps, since the result of a script may change anywhere;
    /// `None` for integers.
    span: Option<f64>,
    /// How to fix a violation.
    remedy: &'static str,
}

struct RelationInput<'w> {
    context: &'w EvalContext,
    evaluator: &'w mut Evaluator,
}

const RELATIONS: [MonotoneRelation; 6] = [
    MonotoneRelation {
        along: "ctx.fatigue",
        what: "posts a week",
        must_not_rise: true,
        hook: "weekly_posts",
        key: "fatigue.frequency",
        at: |input, fatigue| {
            let ctx = Arc::new(crate::rules::ChannelFacts { fatigue, ..input.context.input.ctx.clone() });
            let wanted = input.context.rules.channel(input.context.channel).weekly_posts;
            let lowered = || planner::weekly_posts_after_fatigue(&input.context.rules, wanted, fatigue);
            Ok(f64::from(input.evaluator.weekly_posts(&ctx)?.unwrap_or_else(lowered)))
        },
        edges: |context| context.rules.fatigue.frequency.iter().map(|row| row.threshold).collect(),
        span: Some(1.0),
        remedy: "let the factor fall from row to row",
    },
    MonotoneRelation {
        along: "fatigue",
        what: "the priority",
        must_not_rise: true,
        hook: "",
        key: "fatigue.priority_loss",
        at: |input, fatigue| {
            let priority = input.context.rules.channel(input.context.channel).priority;
            Ok(planner::priority(&input.context.rules, priority, fatigue))
        },
        edges: |context| context.rules.fatigue.priority_loss.iter().map(|row| row.threshold).collect(),
        span: Some(1.0),
        remedy: "let the points rise from row to row",
    },
    MonotoneRelation {
        along: "fatigue",
        what: "the recommended wait",
        must_not_rise: false,
        hook: "",
        key: "fatigue.wait_hours",
        at: |input, fatigue| Ok(input.context.rules.fatigue.recommended_wait_hours(fatigue)),
        edges: |context| context.rules.fatigue.wait_hours.iter().map(|row| row.threshold).collect(),
        span: Some(1.0),
        remedy: "let the hours rise from row to row",
    },
    MonotoneRelation {
        along: "post.asset_score",
        what: "confidence",
        must_not_rise: false,
        hook: "confidence",
        key: "risk.confidence",
        at: |input, asset_score| {
            let post = crate::rules::PostFacts { asset_score, ..input.context.input.post.clone() };
            let by_table = value_at(&input.context.rules.risk.confidence, asset_score).unwrap_or(0.0);
            let by_hook = input.evaluator.confidence(&Arc::new(post), &Arc::new(input.context.input.ctx.clone()))?;
            Ok(by_hook.unwrap_or(by_table))
        },
        edges: |context| context.rules.risk.confidence.iter().map(|row| row.threshold).chain([100.0]).collect(),
        span: Some(100.0),
        remedy: "let the confidence rise from row to row",
    },
    MonotoneRelation {
        along: "post.warnings",
        what: "confidence",
        must_not_rise: true,
        hook: "confidence",
        key: "risk.minus_per_warning",
        at: |input, warnings| {
            let post = crate::rules::PostFacts { warnings: warnings as i64, ..input.context.input.post.clone() };
            let ctx = Arc::new(input.context.input.ctx.clone());
            let (score, warnings) = (post.asset_score, post.warnings);
            let by_hook = input.evaluator.confidence(&Arc::new(post), &ctx)?;
            Ok(by_hook.unwrap_or_else(|| planner::confidence(&input.context.rules.risk, score, &ctx, warnings)))
        },
        edges: |_| vec![1.0, 2.0, 3.0, 4.0, 5.0],
        span: None,
        remedy: "let a warning lower confidence, never raise it",
    },
    MonotoneRelation {
        along: "confidence",
        what: "the risk band",
        must_not_rise: true,
        hook: "",
        key: "risk.bands",
        at: |input, confidence| {
            let rules = &input.context.rules;
            let band = planner::band(&rules.risk, confidence, false);
            Ok(f64::from(band as u8))
        },
        edges: |context| vec![context.rules.risk.low_from, context.rules.risk.medium_from],
        span: Some(1.0),
        remedy: "let `low.from` be above `medium.from`",
    },
];

/// Distance to a point just below a threshold, and tolerance of comparisons.
const BELOW: f64 = 1e-6;

impl MonotoneRelation {
    fn breach(
        &self,
        rules: &CompiledRules,
        context: &EvalContext,
        evaluator: &mut Evaluator,
    ) -> Result<Option<Finding>, RuleFailure> {
        let mut along: Vec<f64> = (self.edges)(context).into_iter().flat_map(|edge| [edge - BELOW, edge]).collect();
        let even = self.span.into_iter().flat_map(|span| (0..=20).map(move |step| span * f64::from(step) / 20.0));
        along.extend(even);
        along.retain(|at| *at >= 0.0);
        along.sort_by(f64::total_cmp);
        let mut input = RelationInput { context, evaluator };
        let mut last: Option<(f64, f64)> = None;
        for at in along {
            let number = (self.at)(&mut input, at)?;
            if let Some((last_at, last_number)) = last
                && (if self.must_not_rise { number > last_number + BELOW } else { number < last_number - BELOW })
            {
                return Ok(Some(self.finding(rules, context, (last_at, last_number), (at, number))));
            }
            last = Some((at, number));
        }
        Ok(None)
    }

    fn finding(&self, rules: &CompiledRules, context: &EvalContext, before: (f64, f64), after: (f64, f64)) -> Finding {
        let hook = rules.place_of_function(self.hook);
        let place = hook.or_else(|| rules.pack().place_with(&context.overlays, self.key));
        let (file, line) = place.unwrap_or_default();
        let MonotoneRelation { along, what, .. } = self;
        let direction = if self.must_not_rise { "rise" } else { "fall" };
        let line_of = |(at, number): (f64, f64)| {
            format!("{along} = {}: {what} {} ({})", Fact::Number(at), Fact::Number(number), context.description)
        };
        Finding {
            place: RulePlace { file, line },
            kind: FindingKind::NotMonotone,
            what: format!("{what} must not {direction} as {along} rises"),
            witness: vec![line_of(before), line_of(after)],
            remedy: self.remedy.to_owned(),
        }
    }
}
