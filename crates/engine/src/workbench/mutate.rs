//! Mutation testing: moves each number of the pack one step up and one step down, and flips each comparison of a
//! script, one change at a time. A change that no case detects survives.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::cases::{Case, read};
use super::explanation::explanation;
use super::run::CaseRunner;
use crate::planner::ExplanationStep;
use crate::rules::{CompiledRules, PackMutant, load};

/// The outcome of mutation testing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mutation {
    /// Number of changes tried.
    pub tried: usize,
    /// Number of changes that a case detected.
    pub noticed: usize,
    /// Number of changes that made the pack invalid, so that `mcoe check` would reject it.
    pub refused: usize,
    /// Changes that no case detected.
    pub survivors: Vec<Survivor>,
}

/// A change that no case detects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survivor {
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
    /// The key that is changed; the file's name for a script.
    pub key: String,
    /// The original text.
    pub was: String,
    /// The text that could replace it without a case failing.
    pub becomes: String,
}

enum MutantOutcome {
    Noticed,
    Refused,
    Survived,
}

/// Tries every change. `cases` must pass on the unchanged pack. `should_continue` is polled before each change, and
/// ends the run early by returning `false`.
#[must_use]
pub fn mutate(rules: &CompiledRules, cases: &[Case], should_continue: &dyn Fn() -> bool) -> Mutation {
    let cited = cited_names(rules, cases);
    let mut mutation = Mutation { tried: 0, noticed: 0, refused: 0, survivors: Vec::new() };
    for mutant in rules.pack().mutants() {
        if !should_continue() {
            break;
        }
        mutation.tried += 1;
        match outcome_of(rules, &mutant, cases, &cited) {
            MutantOutcome::Noticed => mutation.noticed += 1,
            MutantOutcome::Refused => mutation.refused += 1,
            MutantOutcome::Survived => {
                let PackMutant { file, line, key, was, becomes, .. } = mutant;
                mutation.survivors.push(Survivor { file, line, key, was, becomes });
            }
        }
    }
    mutation
}

/// For each case, the keys and files that its expected results depend on.
fn cited_names(rules: &CompiledRules, cases: &[Case]) -> Vec<BTreeSet<String>> {
    let runner = CaseRunner::new(rules);
    let of_case = |case: &Case| -> BTreeSet<String> {
        let Ok((evaluation, _)) = runner.evaluate(case) else { return BTreeSet::new() };
        let keys = case.expected.iter();
        let steps = keys.flat_map(|expected| explanation(rules, &case.situation, &evaluation, &expected.key));
        let names =
            |step: ExplanationStep| [Some(step.source.key()), step.source.file()].map(|name| name.map(str::to_owned));
        steps.flat_map(names).flatten().collect()
    };
    cases.iter().map(of_case).collect()
}

fn outcome_of(rules: &CompiledRules, mutant: &PackMutant, cases: &[Case], cited: &[BTreeSet<String>]) -> MutantOutcome {
    let files = mutant.applied_to(&rules.pack().files);
    let compiled = load(files).and_then(CompiledRules::compile);
    let Ok(changed) = compiled else { return MutantOutcome::Refused };
    // Some defaults of a situation come from the pack, so the cases are read again.
    let Ok(mut changed_cases) = read(&changed) else { return MutantOutcome::Noticed };
    changed_cases.retain(|case| cases.iter().any(|selected| selected.name == case.name));
    let runner = CaseRunner::new(&changed);
    // Cases that depend on the changed key come first: most changes are detected at once.
    let (dependent, others): (Vec<_>, Vec<_>) =
        changed_cases.iter().zip(cited).partition(|(_, cited)| cited.contains(&mutant.key));
    let notices = |(case, _): &(&Case, &BTreeSet<String>)| !runner.passes(case);
    if dependent.iter().chain(&others).any(notices) { MutantOutcome::Noticed } else { MutantOutcome::Survived }
}
