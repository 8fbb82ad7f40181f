//! Formats test results, coverage and mutation results as text.

use std::fmt::Write as _;
use std::path::Path;

use crate::planner::ExplanationStep;
use crate::workbench::{CaseReport, Coverage, CoverageCount, Gap, Mismatch, Mutation, Survivor};

/// A failed case: expected and actual values, with a trace.
pub(in crate::cli) fn failure(case: &CaseReport, dir: &Path) -> String {
    let place = |file: &str, line: u32| match line {
        0 => dir.join(file).display().to_string(),
        line => format!("{}:{line}", dir.join(file).display()),
    };
    let mut text = format!("FAILED {} ({})\n", case.name, place(&case.file, case.line));
    if !case.about.is_empty() {
        let _ = writeln!(text, "  {}", case.about);
    }
    if let Some(error) = &case.error {
        let _ = writeln!(text, "  the rules could not be evaluated: {error}");
    }
    let mut last = String::new();
    for mismatch in &case.mismatches {
        let Mismatch { key, file, line, expected, actual, explanation } = mismatch;
        let _ = writeln!(text, "\n  {key}");
        let _ = writeln!(text, "    expected {expected}   ({})", place(file, *line));
        let _ = writeln!(text, "    actual   {actual}");
        let trace = trace(explanation, &place);
        text.push_str(if trace == last && !trace.is_empty() { "      same as above\n" } else { &trace });
        last = trace;
    }
    text.push('\n');
    text
}

/// The coverage, and what no case exercises.
pub(super) fn gaps(coverage: &Coverage, dir: &Path) -> String {
    let share = |share: CoverageCount| format!("{} of {}", share.covered, share.total);
    let mut text = format!(
        "coverage {:.1} %: {} functions, {} outcomes of conditions, {} keys, {} sides of thresholds\n",
        coverage.percent(),
        share(coverage.functions),
        share(coverage.branches),
        share(coverage.keys),
        share(coverage.sides)
    );
    for Gap { file, line, what } in coverage.gaps.iter().chain(&coverage.ineffective) {
        let _ = writeln!(text, "  {}:{line}  {what}", dir.join(&**file).display());
    }
    text
}

/// The mutations of the pack that no case detects.
pub(super) fn survivors(mutation: &Mutation, dir: &Path) -> String {
    let Mutation { tried, noticed, refused, survivors } = mutation;
    let mut text = format!(
        "{tried} small changes of the pack: {noticed} detected by a case, {refused} invalid, {} not detected\n",
        survivors.len()
    );
    for Survivor { file, line, key, was, becomes } in survivors {
        let _ = writeln!(text, "  {}:{line}  {key}: `{was}` could be `{becomes}`", dir.join(&**file).display());
    }
    text
}

/// The trace: each step once, preceded by its source location.
fn trace(explanation: &[ExplanationStep], place: &dyn Fn(&str, u32) -> String) -> String {
    let mut steps: Vec<(String, String)> = Vec::new();
    for step in explanation {
        let at = step.source.place().map_or_else(String::new, |at| place(&at.file, at.line));
        let line = (at, step.to_string());
        if !steps.contains(&line) {
            steps.push(line);
        }
    }
    let width = steps.iter().map(|(at, _)| at.chars().count()).max().unwrap_or(0);
    steps.iter().map(|(at, step)| format!("      {at:<width$}  {step}\n")).collect()
}
