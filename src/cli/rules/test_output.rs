//! Formats test results, coverage and mutation results as text.

use std::fmt::Write as _;
use std::path::Path;

use crate::planner::ExplanationStep;
use crate::workbench::{CaseReport, Coverage, CoverageCount, Gap, Mismatch, Mutation, Survivor};

/// A failed case: expected and actual values, with a trace.
pub(in crate::cli) fn failure_text(case: &CaseReport, dir: &Path) -> String {
    let place = |file: &str, line: u32| match line {
        0 => dir.join(file).display().to_string(),
        line => format!("{}:{line}", dir.join(file).display()),
    };
    // Writing to a `String` cannot fail.
    let mut text = format!("FAILED {} ({})\n", case.name, place(&case.file, case.line));
    if !case.about.is_empty() {
        let _ = writeln!(text, "  {}", case.about);
    }
    if let Some(error) = &case.error {
        let _ = writeln!(text, "  the rules could not be evaluated: {error}");
    }
    let mut last_trace = String::new();
    for mismatch in &case.mismatches {
        let Mismatch { key, file, line, expected, actual, explanation } = mismatch;
        let _ = writeln!(text, "\n  {key}");
        let _ = writeln!(text, "    expected {expected}   ({})", place(file, *line));
        let _ = writeln!(text, "    actual   {actual}");
        let trace = trace_text(explanation, &place);
        text.push_str(if trace == last_trace && !trace.is_empty() { "      same as above\n" } else { &trace });
        last_trace = trace;
    }
    text.push('\n');
    text
}

/// The coverage, and what no case exercises.
pub(super) fn coverage_text(coverage: &Coverage, dir: &Path) -> String {
    let share = |count: CoverageCount| format!("{} of {}", count.covered, count.total);
    let mut text = format!(
        "coverage {:.1} %: {} functions, {} outcomes of conditions, {} keys, {} sides of thresholds\n",
        coverage.percent(),
        share(coverage.functions),
        share(coverage.branches),
        share(coverage.keys),
        share(coverage.sides)
    );
    // Writing to a `String` cannot fail.
    for Gap { file, line, what } in coverage.gaps.iter().chain(&coverage.ineffective) {
        let _ = writeln!(text, "  {}:{line}  {what}", dir.join(&**file).display());
    }
    text
}

/// The mutations of the pack that no case detects.
pub(super) fn mutation_text(mutation: &Mutation, dir: &Path) -> String {
    let Mutation { tried, noticed, refused, survivors } = mutation;
    let mut text = format!(
        "{tried} small changes to the pack: {noticed} detected by a case, {refused} invalid, {} not detected\n",
        survivors.len()
    );
    // Writing to a `String` cannot fail.
    for Survivor { file, line, key, was, becomes } in survivors {
        let _ = writeln!(text, "  {}:{line}  {key}: `{was}` could be `{becomes}`", dir.join(&**file).display());
    }
    text
}

/// The steps of an explanation, one per line, each after its source location; repeated steps are listed once.
fn trace_text(explanation: &[ExplanationStep], place: &dyn Fn(&str, u32) -> String) -> String {
    let mut steps: Vec<(String, String)> = Vec::new();
    for step in explanation {
        let source = step.source.place().map_or_else(String::new, |at| place(&at.file, at.line));
        let line = (source, step.to_string());
        if !steps.contains(&line) {
            steps.push(line);
        }
    }
    let width = steps.iter().map(|(source, _)| source.chars().count()).max().unwrap_or(0);
    steps.iter().map(|(source, step)| format!("      {source:<width$}  {step}\n")).collect()
}
