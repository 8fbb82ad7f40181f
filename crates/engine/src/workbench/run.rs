//! Runs test cases against a pack, and reports which results are not as expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::cases::{Case, Condition};
use super::explanation::{CaseEvaluation, explanation};
use super::results::{CaseResult, ResultValue, results, week_results};
use super::week::{WeekPost, channel_hours_text};
use crate::model::{ClientPlan, Tier};
use crate::planner::{ExplanationStep, PlanError, Planner};
use crate::rules::CompiledRules;

/// The reports of all cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The reports of the cases, in file order.
    pub cases: Vec<CaseReport>,
    /// Snapshots that are missing or out of date in the pack: their new text, by path within the pack.
    #[serde(skip)]
    pub snapshots: BTreeMap<String, String>,
}

impl Report {
    /// Number of cases that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed()).count()
    }
}

/// The report of one case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// What it tests, in a sentence; may be empty.
    pub about: String,
    /// File, as a path within the pack.
    pub file: Arc<str>,
    /// 1-based line that the case starts on.
    pub line: u32,
    /// The results that are not as expected.
    pub mismatches: Vec<Mismatch>,
    /// Why the rules could not be evaluated at all; `None` if they could.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CaseReport {
    /// Whether all results are as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.mismatches.is_empty() && self.error.is_none()
    }
}

/// One result that is not as expected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mismatch {
    /// Its key in the `expect` table.
    pub key: String,
    /// The file that states the expected value: that of the case, or its snapshot.
    pub file: Arc<str>,
    /// 1-based line in the file; 0 if no line states it.
    pub line: u32,
    /// The expected value.
    pub expected: String,
    /// The actual value.
    #[serde(rename = "came")]
    pub actual: String,
    /// Explanation of the actual value.
    #[serde(rename = "because")]
    pub explanation: Vec<ExplanationStep>,
}

/// Runs the cases against one pack.
#[must_use]
pub fn run(rules: &CompiledRules, cases: &[Case]) -> Report {
    let runner = CaseRunner::new(rules);
    let mut report = Report { cases: Vec::with_capacity(cases.len()), snapshots: BTreeMap::new() };
    for case in cases {
        let (case_report, snapshot) = runner.report(case);
        report.cases.push(case_report);
        report.snapshots.extend(snapshot.map(|text| (case.snapshot_file(), text)));
    }
    report
}

/// Runs cases against one pack.
pub(super) struct CaseRunner<'r> {
    rules: &'r CompiledRules,
    planner: Planner<'r>,
}

impl<'r> CaseRunner<'r> {
    pub fn new(rules: &'r CompiledRules) -> Self {
        Self { rules, planner: Planner::new(rules, Tier::Exact, None) }
    }

    /// The planner's evaluation of a case, and all results.
    pub fn evaluate(&self, case: &Case) -> Result<(CaseEvaluation, Vec<CaseResult>), PlanError> {
        let slot = self.planner.evaluate_slot(&case.situation.query())?;
        let week = if case.plans_week() { self.planned_week(case)? } else { None };
        let client_rules = self.rules.for_client(case.situation.client());
        let mut all = results(&slot, &client_rules, &self.rules.base());
        all.extend(week.iter().flat_map(|plan| week_results(plan, self.rules, client_rules.base())));
        Ok((CaseEvaluation { slot, week }, all))
    }

    /// The client's week on all its channels.
    fn planned_week(&self, case: &Case) -> Result<Option<ClientPlan>, PlanError> {
        let (client, state, capacity, week) = case.situation.week();
        Ok(self.planner.plan_clients(&[(client, state)], capacity, week)?.pop())
    }

    /// Whether all results are as expected.
    pub fn passes(&self, case: &Case) -> bool {
        let Ok((_, results)) = self.evaluate(case) else { return false };
        let all_are_met = case.expected.iter().all(|expected| {
            let actual = results.iter().find(|result| result.key == expected.result_key());
            actual.is_some_and(|actual| expected.condition.admits(&actual.value))
        });
        let stored = || self.rules.pack().files.get(&case.snapshot_file());
        all_are_met && (!case.has_snapshot || stored().is_some_and(|stored| *stored == snapshot_text(case, &results)))
    }

    /// The report of a case, and the new text of its snapshot if it differs from the stored one.
    fn report(&self, case: &Case) -> (CaseReport, Option<String>) {
        let mut report = CaseReport {
            name: case.name.clone(),
            about: case.about.clone(),
            file: Arc::clone(&case.file),
            line: case.line,
            mismatches: Vec::new(),
            error: None,
        };
        let (evaluation, results) = match self.evaluate(case) {
            Ok(evaluated) => evaluated,
            Err(error) => {
                report.error = Some(error.to_string());
                return (report, None);
            }
        };
        for expected in &case.expected {
            let actual = results.iter().find(|result| result.key == expected.result_key());
            if actual.is_some_and(|actual| expected.condition.admits(&actual.value)) {
                continue;
            }
            report.mismatches.push(Mismatch {
                key: expected.key.clone(),
                file: Arc::clone(&case.file),
                line: expected.line,
                expected: expected.condition.to_string(),
                actual: actual.map_or_else(
                    || "nothing: it is not evaluated".to_owned(),
                    |actual| expected.condition.actual_text(&actual.value),
                ),
                explanation: explanation(self.rules, &case.situation, &evaluation, &expected.key),
            });
        }
        if !case.has_snapshot {
            return (report, None);
        }
        let text = snapshot_text(case, &results);
        let stored = self.rules.pack().files.get(&case.snapshot_file());
        if stored == Some(&text) {
            return (report, None);
        }
        let stored = stored.map(String::as_str);
        report.mismatches.extend(self.snapshot_mismatches(case, &evaluation, &results, stored));
        (report, Some(text))
    }

    fn snapshot_mismatches(
        &self,
        case: &Case,
        evaluation: &CaseEvaluation,
        results: &[CaseResult],
        stored: Option<&str>,
    ) -> Vec<Mismatch> {
        let file: Arc<str> = case.snapshot_file().into();
        let Some(stored) = stored else {
            return vec![Mismatch {
                key: "snapshot".to_owned(),
                file,
                line: 0,
                expected: "a snapshot, which does not exist yet".to_owned(),
                actual: format!("{} results; --update writes them", results.len()),
                explanation: Vec::new(),
            }];
        };
        let lines: BTreeMap<&str, (u32, &str)> = (1..)
            .zip(stored.lines())
            .filter_map(|(number, line)| line.split_once(" = ").map(|(key, value)| (key, (number, value))))
            .collect();
        let not_stored = (0, "nothing");
        let mut mismatches: Vec<Mismatch> = results
            .iter()
            .map(|result| (result, lines.get(result.key.as_str()).copied().unwrap_or(not_stored)))
            .filter(|(result, (_, expected))| result.value.to_string() != *expected)
            .map(|(result, (line, expected))| Mismatch {
                key: result.key.clone(),
                file: Arc::clone(&file),
                line,
                expected: expected.to_owned(),
                actual: result.value.to_string(),
                explanation: explanation(self.rules, &case.situation, evaluation, &result.key),
            })
            .collect();
        let has_result = |key: &str| results.iter().any(|result| result.key == key);
        mismatches.extend(lines.iter().filter(|(key, _)| !has_result(key)).map(|(key, (line, expected))| Mismatch {
            key: (*key).to_owned(),
            file: Arc::clone(&file),
            line: *line,
            expected: (*expected).to_owned(),
            actual: "nothing".to_owned(),
            explanation: Vec::new(),
        }));
        mismatches
    }
}

/// The text of a case's snapshot: all results, one per line.
fn snapshot_text(case: &Case, results: &[CaseResult]) -> String {
    let header = format!("# All results of `{}`; `mcoe rules test --update` rewrites this file.\n", case.name);
    results.iter().fold(header, |text, result| format!("{text}{} = {}\n", result.key, result.value))
}

impl Condition {
    /// Whether a value meets the condition.
    #[must_use]
    pub fn admits(&self, value: &ResultValue) -> bool {
        match (self, value) {
            (Condition::Exactly(expected), value) => expected == value,
            (Condition::Number { number, tolerance }, ResultValue::Number(actual)) => {
                (number - actual).abs() <= *tolerance
            }
            (Condition::Contains(part), ResultValue::Text(text)) => text.contains(part.as_str()),
            (Condition::Count(count), ResultValue::Posts(posts)) => count.admits(posts),
            (Condition::Posts(expected), ResultValue::Posts(posts)) => {
                posts.iter().map(WeekPost::channel_hour).eq(expected.iter().copied())
            }
            _ => false,
        }
    }

    /// The text of an actual value in a mismatch with this condition.
    fn actual_text(&self, value: &ResultValue) -> String {
        match (self, value) {
            (Condition::Count(count), ResultValue::Posts(posts)) => count.actual_text(posts),
            _ => value.to_string(),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Condition::Exactly(value) => value.fmt(f),
            Condition::Number { number, .. } => ResultValue::Number(*number).fmt(f),
            Condition::Contains(part) => write!(f, "a text with \"{part}\""),
            Condition::Count(count) => count.fmt(f),
            Condition::Posts(posts) => f.write_str(&channel_hours_text(posts.iter().copied())),
        }
    }
}
