//! Runs test cases against a pack, and reports which results are not as expected.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::answers::{Answer, Told, answers};
use super::cases::{Case, Wanted};
use super::explanation::explanation;
use crate::model::Tier;
use crate::planner::{ExplanationStep, PlanError, Planner, SlotEvaluation};
use crate::rules::CompiledRules;

/// The reports of all cases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The reports of the cases, in file order.
    pub cases: Vec<CaseReport>,
    /// Snapshots that are missing or out of date in the pack: new text by path within the pack.
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
    /// File that states what is expected: that of the case, or its snapshot.
    pub file: Arc<str>,
    /// 1-based line in the file; 0 if no line states it.
    pub line: u32,
    /// The expected value.
    pub expected: String,
    /// The actual value.
    pub came: String,
    /// Explanation of the actual value.
    #[serde(rename = "because")]
    pub explanation: Vec<ExplanationStep>,
}

/// Runs the cases against one pack.
#[must_use]
pub fn run(rules: &CompiledRules, cases: &[Case]) -> Report {
    let bench = Bench::new(rules);
    let mut report = Report { cases: Vec::with_capacity(cases.len()), snapshots: BTreeMap::new() };
    for case in cases {
        let (told, snapshot) = bench.put(case);
        report.cases.push(told);
        report.snapshots.extend(snapshot.map(|text| (case.snapshot_file(), text)));
    }
    report
}

/// A pack to run cases against.
pub(super) struct Bench<'r> {
    rules: &'r CompiledRules,
    planner: Planner<'r>,
}

impl<'r> Bench<'r> {
    pub fn new(rules: &'r CompiledRules) -> Self {
        Self { rules, planner: Planner::new(rules, Tier::Exact, None) }
    }

    /// What the planner reports for a case, and all results.
    pub fn see(&self, case: &Case) -> Result<(SlotEvaluation, Vec<Answer>), PlanError> {
        let evaluation = self.planner.evaluate_slot(&case.situation.look())?;
        let numbers = self.rules.for_client(case.situation.client());
        let answers = answers(&evaluation, numbers.base(), &self.rules.base());
        Ok((evaluation, answers))
    }

    /// Whether all results are as expected.
    pub fn agrees(&self, case: &Case) -> bool {
        let Ok((_, answers)) = self.see(case) else { return false };
        let agrees = case.expected.iter().all(|expected| {
            let came = answers.iter().find(|answer| answer.key == expected.key);
            came.is_some_and(|came| expected.wanted.admits(&came.told))
        });
        let kept = || self.rules.pack().files.get(&case.snapshot_file());
        agrees && (!case.snapshot || kept().is_some_and(|kept| *kept == snapshot(case, &answers)))
    }

    fn put(&self, case: &Case) -> (CaseReport, Option<String>) {
        let mut told = CaseReport {
            name: case.name.clone(),
            about: case.about.clone(),
            file: Arc::clone(&case.file),
            line: case.line,
            mismatches: Vec::new(),
            error: None,
        };
        let (evaluation, answers) = match self.see(case) {
            Ok(seen) => seen,
            Err(error) => {
                told.error = Some(error.to_string());
                return (told, None);
            }
        };
        for expected in &case.expected {
            let came = answers.iter().find(|answer| answer.key == expected.key);
            if came.is_some_and(|came| expected.wanted.admits(&came.told)) {
                continue;
            }
            told.mismatches.push(Mismatch {
                key: expected.key.clone(),
                file: Arc::clone(&case.file),
                line: expected.line,
                expected: expected.wanted.to_string(),
                came: came.map_or_else(|| "nothing: it is not asked".to_owned(), |came| came.told.to_string()),
                explanation: explanation(self.rules, &case.situation, &evaluation, &expected.key),
            });
        }
        if !case.snapshot {
            return (told, None);
        }
        let text = snapshot(case, &answers);
        let kept = self.rules.pack().files.get(&case.snapshot_file());
        if kept == Some(&text) {
            return (told, None);
        }
        told.mismatches.extend(self.snapshot_mismatches(case, &evaluation, &answers, kept.map(String::as_str)));
        (told, Some(text))
    }

    fn snapshot_mismatches(
        &self,
        case: &Case,
        evaluation: &SlotEvaluation,
        answers: &[Answer],
        kept: Option<&str>,
    ) -> Vec<Mismatch> {
        let file: Arc<str> = case.snapshot_file().into();
        let Some(kept) = kept else {
            return vec![Mismatch {
                key: "snapshot".to_owned(),
                file,
                line: 0,
                expected: "a snapshot, which is not there yet".to_owned(),
                came: format!("{} answers; --update writes them", answers.len()),
                explanation: Vec::new(),
            }];
        };
        let lines: BTreeMap<&str, (u32, &str)> = (1..)
            .zip(kept.lines())
            .filter_map(|(number, line)| line.split_once(" = ").map(|(key, value)| (key, (number, value))))
            .collect();
        let nothing = (0, "nothing");
        let mut found: Vec<Mismatch> = answers
            .iter()
            .map(|answer| (answer, lines.get(answer.key.as_str()).copied().unwrap_or(nothing)))
            .filter(|(answer, (_, kept))| answer.told.to_string() != *kept)
            .map(|(answer, (line, kept))| Mismatch {
                key: answer.key.clone(),
                file: Arc::clone(&file),
                line,
                expected: kept.to_owned(),
                came: answer.told.to_string(),
                explanation: explanation(self.rules, &case.situation, evaluation, &answer.key),
            })
            .collect();
        let is_answered = |key: &str| answers.iter().any(|answer| answer.key == key);
        found.extend(lines.iter().filter(|(key, _)| !is_answered(key)).map(|(key, (line, kept))| Mismatch {
            key: (*key).to_owned(),
            file: Arc::clone(&file),
            line: *line,
            expected: (*kept).to_owned(),
            came: "nothing".to_owned(),
            explanation: Vec::new(),
        }));
        found
    }
}

/// All results of a case, one per line.
fn snapshot(case: &Case, answers: &[Answer]) -> String {
    let head = format!("# All that comes out of `{}`; `mcoe rules test --update` writes it anew.\n", case.name);
    answers.iter().fold(head, |text, answer| format!("{text}{} = {}\n", answer.key, answer.told))
}

impl Wanted {
    /// Whether a value is as expected.
    #[must_use]
    pub fn admits(&self, told: &Told) -> bool {
        match (self, told) {
            (Wanted::Exactly(wanted), told) => wanted == told,
            (Wanted::Number { number, tolerance }, Told::Number(came)) => (number - came).abs() <= *tolerance,
            (Wanted::Holding(part), Told::Word(text)) => text.contains(part.as_str()),
            _ => false,
        }
    }
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Exactly(told) => told.fmt(f),
            Wanted::Number { number, .. } => Told::Number(*number).fmt(f),
            Wanted::Holding(part) => write!(f, "a text with \"{part}\""),
        }
    }
}
