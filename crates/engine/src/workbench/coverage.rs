//! Coverage of a pack by its test cases: of the functions and conditions of scripts, the keys of TOML files, and the
//! sides of thresholds.
//!
//! A function or a branch of a condition is covered if a case reaches it. A key is covered if an expected result
//! depends on it, that of a limit if it changes the week of a case that expects something of the week. A side of a threshold is covered if an expected result depends on the threshold and compares it with
//! a value on that side.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::cases::Case;
use super::explanation::explanation;
use super::run::CaseRunner;
use crate::diagnostic::Diagnostic;
use crate::planner::ExplanationStep;
use crate::rules::{CompiledRules, SiteCoverage, SiteKind, StatedKey};

/// How much of a pack the test cases cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The functions of scripts.
    pub functions: CoverageCount,
    /// The branches of conditions in scripts, two for each condition: true and false.
    pub branches: CoverageCount,
    /// The keys of the TOML files; each row of a list counts as one.
    pub keys: CoverageCount,
    /// The sides of thresholds, two for each: at or above it, and below it.
    pub sides: CoverageCount,
    /// What no case covers, by file and line.
    pub gaps: Vec<Gap>,
    /// Keys that have no effect with the pack's other values, so that no case could depend on them. They are not
    /// counted in `keys`.
    #[serde(rename = "idle")]
    pub ineffective: Vec<Gap>,
}

/// A count of covered items and their total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CoverageCount {
    /// Number of covered items.
    pub covered: usize,
    /// Number of all items.
    pub total: usize,
}

/// Something that no case covers, or that no case could cover.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line in the file.
    pub line: u32,
    /// What is not covered, or has no effect, in words.
    pub what: String,
}

impl Coverage {
    /// The share of all items that are covered, in percent; 100 if there are none.
    #[must_use]
    pub fn percent(&self) -> f64 {
        let all = [self.functions, self.branches, self.keys, self.sides];
        let total: usize = all.iter().map(|count| count.total).sum();
        let covered: usize = all.iter().map(|count| count.covered).sum();
        if total == 0 { 100.0 } else { covered as f64 * 100.0 / total as f64 }
    }
}

impl CoverageCount {
    /// Counts one item, and adds the gap if it is not covered.
    fn count(&mut self, is_covered: bool, gap: impl FnOnce() -> Gap, gaps: &mut Vec<Gap>) {
        self.total += 1;
        match is_covered {
            true => self.covered += 1,
            false => gaps.push(gap()),
        }
    }
}

/// Measures what the cases cover.
///
/// # Errors
/// If a script exceeds a limit of the script engine once probes are added to it.
pub fn coverage(rules: &CompiledRules, cases: &[Case]) -> Result<Coverage, Vec<Diagnostic>> {
    let (probed, probes) = rules.probed()?;
    let steps: Vec<ExplanationStep> = cases.iter().flat_map(|case| steps(&probed, case)).collect();
    let zero = CoverageCount::default();
    let mut coverage = Coverage {
        functions: zero,
        branches: zero,
        keys: zero,
        sides: zero,
        gaps: Vec::new(),
        ineffective: Vec::new(),
    };
    let gaps = &mut coverage.gaps;
    for SiteCoverage { site, called_or_true, was_false } in probes.coverage() {
        let gap = |what: String| move || Gap { file: Arc::clone(&site.file), line: site.line, what };
        match site.kind.clone() {
            SiteKind::Function(name) => {
                coverage.functions.count(called_or_true, gap(format!("no case calls the function `{name}`")), gaps);
            }
            SiteKind::Condition => {
                let never_true = gap.clone()("no case makes the condition true".to_owned());
                coverage.branches.count(called_or_true, never_true, gaps);
                coverage.branches.count(was_false, gap("no case makes the condition false".to_owned()), gaps);
            }
        }
    }
    let cited: BTreeSet<(&str, Option<usize>, Option<&str>)> =
        steps.iter().map(|step| (step.source.key(), step.source.row(), step.source.file())).collect();
    for stated in rules.pack().stated_keys() {
        let StatedKey { key, row, file, line } = &stated;
        if let Some(why) = rules.pack().why_ineffective(key) {
            let what = format!("`{key}` has no effect: {why}");
            coverage.ineffective.push(Gap { file: Arc::clone(file), line: *line, what });
            continue;
        }
        let is_cited = cited.contains(&(key.as_str(), *row, Some(&**file)));
        let gap = |what: String| move || Gap { file: Arc::clone(file), line: *line, what };
        coverage.keys.count(is_cited, gap(format!("no case depends on `{key}`")), gaps);
        if !stated.is_threshold() || is_compared_by_scripts_only(rules, key) {
            continue;
        }
        for (is_above, side) in [(true, "at or above"), (false, "below")] {
            let is_on_side = |step: &ExplanationStep| {
                step.source.key() == key && step.source.row() == *row && step.is_at_or_above() == Some(is_above)
            };
            let is_covered = steps.iter().any(is_on_side);
            coverage.sides.count(is_covered, gap(format!("no case lies {side} `{key}`")), gaps);
        }
    }
    gaps.sort();
    Ok(coverage)
}

/// Whether a value is compared with the threshold only by conditions of scripts, whose sides are counted as branches.
fn is_compared_by_scripts_only(rules: &CompiledRules, key: &str) -> bool {
    key == "fatigue.warn_at" && rules.pack().why_ineffective("fatigue.slope_above_warn").is_some()
}

/// The explanation of every result that a case expects; all results of a case with a snapshot.
fn steps(rules: &CompiledRules, case: &Case) -> Vec<ExplanationStep> {
    let Ok((evaluation, results)) = CaseRunner::new(rules).evaluate(case) else { return Vec::new() };
    let all = if case.has_snapshot { results } else { Vec::new() };
    let keys =
        case.expected.iter().map(|expected| expected.key.as_str()).chain(all.iter().map(|result| result.key.as_str()));
    keys.flat_map(|key| explanation(rules, &case.situation, &evaluation, key)).collect()
}
