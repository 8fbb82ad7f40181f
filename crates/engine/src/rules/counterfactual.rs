//! Counterfactuals of guardrail verdicts: for each field and parameter that a guardrail reads, the nearest values at
//! which its verdict changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::facts::Fact;
use super::inputs::{Input, InputField, number_like, number_of, values_to_try};
use super::{CompiledRules, Evaluator, GuardrailRules, OverlayKey, RuleFailure, RulePlace};
use crate::model::Outcome;
use crate::model::digits::rounded;

/// The nearest value of one field or parameter at which a guardrail's verdict changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Counterfactual {
    /// The field or parameter as scripts write it: `post.fatigue`, `ctx.params.max_gap`.
    #[serde(rename = "what")]
    pub input: String,
    /// Its current value.
    #[serde(rename = "is")]
    pub current: String,
    /// The values that would change the verdict, in words: `0.5 or more`, `less than 4`.
    #[serde(rename = "turns")]
    pub values: String,
    /// The guardrail's verdict at those values.
    pub outcome: Outcome,
    /// Distance from the current value, in the unit of the field; `None` if the value is not a number.
    pub distance: Option<f64>,
    /// The pack key that holds the value; `None` if the value comes from the post or its client.
    pub key: Option<String>,
    /// Location of that key.
    pub place: Option<RulePlace>,
}

/// Number of bisection steps: enough to reach the last digit of any number that people write.
const HALVINGS: u32 = 60;
/// Number of evenly spaced values on each side that are tried in addition to those near the literals of the code.
const EVEN_STEPS: u32 = 32;

impl CompiledRules {
    /// The changes of one value of an input that would change the guardrail's verdict; values of the pack come last.
    ///
    /// # Errors
    /// If the script fails on a value that is tried.
    pub fn counterfactuals(
        &self,
        evaluator: &mut Evaluator,
        guardrail: &GuardrailRules,
        input: &Input,
        overlays: &OverlayKey,
    ) -> Result<Vec<Counterfactual>, RuleFailure> {
        let reads = self.reads(&guardrail.name);
        let constants = self.constants(&guardrail.name);
        let fields: Vec<InputField> =
            self.inputs(&guardrail.name).into_iter().filter(|field| !field.is_identity()).collect();
        let field_numbers = fields.iter().filter_map(|field| number_of(&field.value_in(input)));
        let numbers: Vec<f64> = field_numbers.chain(guardrail.params.values().copied()).collect();
        let current_outcome = input.evaluate(evaluator, guardrail)?.outcome;
        let mut search = VerdictSearch { evaluator, guardrail, input, current_outcome };
        let place = |key: &str| self.pack().place_of_row(overlays, key, None).map(RulePlace::from);
        let mut found = Vec::new();
        for field in fields {
            let candidates = values_to_try(field, input, &constants, &numbers);
            let key = field.key(&input.ctx.channel);
            found.extend(search.nearest(
                &VariedInput::Field(field),
                field.value_in(input),
                candidates,
                field.limits(),
                key,
                &place,
            )?);
        }
        for (param, number) in guardrail.params.iter().filter(|(param, _)| reads.contains(*param)) {
            let compared = constants.numbers.iter().chain(&numbers).flat_map(|at| [at - 1.0, *at, at + 1.0]);
            let candidates = compared.map(Fact::Number).collect();
            let key = Some(format!("guardrails.{}.params.{param}", guardrail.name));
            found.extend(search.nearest(
                &VariedInput::Param(param),
                Fact::Number(*number),
                candidates,
                None,
                key,
                &place,
            )?);
        }
        found.sort_by_key(|counterfactual| counterfactual.key.is_some());
        Ok(found)
    }
}

/// A field or a guardrail's parameter that is varied.
enum VariedInput<'c> {
    Field(InputField),
    Param(&'c str),
}

struct VerdictSearch<'s> {
    evaluator: &'s mut Evaluator,
    guardrail: &'s GuardrailRules,
    input: &'s Input,
    current_outcome: Outcome,
}

impl VerdictSearch<'_> {
    fn outcome_at(&mut self, varied: &VariedInput<'_>, fact: &Fact) -> Result<Outcome, RuleFailure> {
        let mut input = self.input.clone();
        let mut guardrail = self.guardrail.clone();
        match varied {
            VariedInput::Field(field) => field.put(&mut input, fact.clone()),
            VariedInput::Param(name) => {
                let mut params: BTreeMap<String, f64> = (*guardrail.params).clone();
                params.extend(number_of(fact).map(|number| ((*name).to_owned(), number)));
                guardrail.params = Arc::new(params);
            }
        }
        Ok(input.evaluate(self.evaluator, &guardrail)?.outcome)
    }

    /// The nearest changes of the verdict below and above the current value. If the value is not a number, the first
    /// candidate that changes the verdict.
    fn nearest(
        &mut self,
        varied: &VariedInput<'_>,
        current: Fact,
        candidates: Vec<Fact>,
        limits: Option<(f64, f64)>,
        key: Option<String>,
        place: &dyn Fn(&str) -> Option<RulePlace>,
    ) -> Result<Vec<Counterfactual>, RuleFailure> {
        let input = match varied {
            VariedInput::Field(field) => field.name(),
            VariedInput::Param(name) => format!("ctx.params.{name}"),
        };
        let place = key.as_deref().and_then(place);
        let counterfactual = |values: String, outcome: Outcome, distance: Option<f64>| Counterfactual {
            input: input.clone(),
            current: current.to_string(),
            values,
            outcome,
            distance,
            key: key.clone(),
            place: place.clone(),
        };
        let Some(number) = number_of(&current) else {
            for fact in candidates {
                let outcome = self.outcome_at(varied, &fact)?;
                if outcome != self.current_outcome {
                    return Ok(vec![counterfactual(fact.to_string(), outcome, None)]);
                }
            }
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for side in [-1.0, 1.0] {
            let tried = outward(&current, number, side, &candidates, limits);
            if let Some((threshold, outcome)) = self.first_change(varied, &current, number, tried)? {
                let distance = (threshold.at - number).abs();
                found.push(counterfactual(threshold.in_words(side), outcome, Some(distance)));
            }
        }
        Ok(found)
    }

    /// The threshold at which the verdict first changes, and the new verdict. `tried` holds the values to try, those
    /// nearest to the current `number` first.
    fn first_change(
        &mut self,
        varied: &VariedInput<'_>,
        current: &Fact,
        number: f64,
        tried: Vec<f64>,
    ) -> Result<Option<(VerdictThreshold, Outcome)>, RuleFailure> {
        let mut unchanged = number;
        for value in tried {
            let outcome = self.outcome_at(varied, &number_like(current, value))?;
            if outcome != self.current_outcome {
                return self.bisect(varied, current, unchanged, value).map(Some);
            }
            unchanged = value;
        }
        Ok(None)
    }

    /// Bisects between a value that keeps the verdict and one that changes it.
    fn bisect(
        &mut self,
        varied: &VariedInput<'_>,
        current: &Fact,
        mut unchanged: f64,
        mut changed: f64,
    ) -> Result<(VerdictThreshold, Outcome), RuleFailure> {
        let is_whole = matches!(current, Fact::Whole(_));
        for _ in 0..HALVINGS {
            let middle =
                if is_whole { f64::midpoint(unchanged, changed).trunc() } else { f64::midpoint(unchanged, changed) };
            if middle == unchanged || middle == changed {
                break;
            }
            let is_changed = self.outcome_at(varied, &number_like(current, middle))? != self.current_outcome;
            *(if is_changed { &mut changed } else { &mut unchanged }) = middle;
        }
        // Adding 0.0 turns -0.0 into 0.0.
        let written = rounded(changed, 9) + 0.0;
        let outcome = self.outcome_at(varied, &number_like(current, changed))?;
        let includes = self.outcome_at(varied, &number_like(current, written))? == outcome;
        Ok((VerdictThreshold { at: written, includes }, outcome))
    }
}

/// A number at or beyond which a verdict changes.
struct VerdictThreshold {
    at: f64,
    /// Whether the verdict already changes at the number itself, not only beyond it.
    includes: bool,
}

impl VerdictThreshold {
    /// The values beyond the threshold; `side` is -1 below the current value and 1 above it.
    fn in_words(&self, side: f64) -> String {
        let at = Fact::Number(self.at);
        match (side < 0.0, self.includes) {
            (true, true) => format!("{at} or less"),
            (true, false) => format!("less than {at}"),
            (false, true) => format!("{at} or more"),
            (false, false) => format!("more than {at}"),
        }
    }
}

/// Values to try on one side of a number, nearest first; `side` is -1 below it and 1 above it.
fn outward(current: &Fact, from: f64, side: f64, candidates: &[Fact], limits: Option<(f64, f64)>) -> Vec<f64> {
    let even = limits.into_iter().flat_map(|(least, most)| {
        let end = if side < 0.0 { least } else { most };
        (1..=EVEN_STEPS).map(move |step| from + (end - from) * f64::from(step) / f64::from(EVEN_STEPS))
    });
    let is_whole = matches!(current, Fact::Whole(_));
    let mut tried: Vec<f64> = candidates
        .iter()
        .filter_map(number_of)
        .chain(even.map(|value| if is_whole { value.round() } else { value }))
        .filter(|value| (value - from) * side > 0.0)
        .collect();
    tried.sort_by(|a, b| (a - from).abs().total_cmp(&(b - from).abs()));
    tried.dedup();
    tried
}

#[cfg(test)]
mod tests {
    use super::super::inputs::tests::input;
    use super::super::load::tests::{changed, default_files};
    use super::super::{PackFiles, load};
    use super::*;

    fn counterfactuals(files: PackFiles, guardrail: &str, input: &Input) -> Vec<String> {
        let rules = CompiledRules::compile(load(files).unwrap()).unwrap();
        let base = rules.base();
        let guardrail = base.guardrails.iter().find(|rules| &*rules.name == guardrail).unwrap();
        let mut evaluator = rules.evaluator(None);
        let found = rules.counterfactuals(&mut evaluator, guardrail, input, &OverlayKey::default()).unwrap();
        let text = |counterfactual: &Counterfactual| {
            let Counterfactual { input, values, outcome, .. } = counterfactual;
            let place = counterfactual.place.as_ref().map_or_else(String::new, |place| format!(" ({})", place.file));
            format!("{input} {values}: {}{place}", outcome.name())
        };
        found.iter().map(text).collect()
    }

    #[test]
    fn a_threshold_is_found_as_a_value_of_the_field_and_as_one_of_the_pack() {
        let mut tired = input();
        tired.post.fatigue = 0.61;
        let expected = [
            "post.fatigue less than 0.5: pass",
            "post.fatigue 0.8 or more: block",
            "ctx.warn_at more than 0.61: pass (fatigue.toml)",
            "ctx.block_at 0.61 or less: block (fatigue.toml)",
        ];
        assert_eq!(counterfactuals(default_files(), "channel_fatigue", &tired), expected);
    }

    #[test]
    fn integers_booleans_and_params_change_verdicts_too() {
        let found = counterfactuals(default_files(), "early_warning", &input());
        let expected = [
            "ctx.high_warnings 1 or more: block",
            "ctx.medium_warnings 3 or more: warn",
            "ctx.params.medium_warnings_at_most less than 0: warn (guardrails.toml)",
        ];
        assert_eq!(found, expected);
        let found = counterfactuals(default_files(), "truth_layer", &input());
        assert_eq!(found.first().map(String::as_str), Some("ctx.reality_gap more than 0.3: warn"));
        assert!(found.contains(&"post.has_asset false: warn".to_owned()));
    }

    #[test]
    fn a_threshold_that_the_code_does_not_spell_out_is_found() {
        let files =
            changed("guardrails.rhai", "post.fatigue >= ctx.block_at", "post.fatigue * 3.0 > ctx.block_at - 0.1");
        let found = counterfactuals(files, "channel_fatigue", &input());
        assert_eq!(found.first().map(String::as_str), Some("post.fatigue more than 0.233333: block"));
    }
}
