//! Results of the cases as JUnit XML for CI servers: one suite per file, one test per case.

use std::path::Path;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::test_output::failure_text;
use crate::cli::failure::Failure;
use crate::rules::CompiledRules;
use crate::workbench::{CaseReport, Report};

/// The whole document. It contains no timestamps, so the same pack gives the same bytes.
pub(super) fn junit(rules: &CompiledRules, report: &Report, dir: &Path) -> Result<String, Failure> {
    let mut document = quick_junit::Report::new("mcoe rules test");
    for cases in report.cases.chunk_by(|a, b| a.file == b.file) {
        let name = cases.first().map_or_else(String::new, |case| displayed(dir, &case.file));
        let mut suite = TestSuite::new(name);
        suite.add_property(("rules", rules.name())).add_property(("rules_hash", rules.hash()));
        suite.add_test_cases(cases.iter().map(|case| test_case(case, dir)));
        document.add_test_suite(suite);
    }
    let text = document.to_string();
    text.map_err(|error| Failure::system(format!("cannot write the cases as JUnit XML: {error}")))
}

fn test_case(case: &CaseReport, dir: &Path) -> TestCase {
    let file = displayed(dir, &case.file);
    let mut test = TestCase::new(&case.name, status(case, dir));
    test.set_classname(&file);
    test.extra.insert("file".into(), file.into());
    test.extra.insert("line".into(), case.line.to_string().into());
    test
}

fn status(case: &CaseReport, dir: &Path) -> TestCaseStatus {
    if case.passed() {
        return TestCaseStatus::success();
    }
    let (kind, message) = match &case.error {
        Some(error) => {
            let first_line = error.lines().next().unwrap_or_default();
            (NonSuccessKind::Error, format!("the rules could not be evaluated: {first_line}"))
        }
        None => (NonSuccessKind::Failure, summary(case)),
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(message).set_description(failure_text(case, dir).trim_end());
    status
}

/// The mismatches of a case in one line.
fn summary(case: &CaseReport) -> String {
    let mismatches = case.mismatches.iter();
    let parts: Vec<String> = mismatches
        .map(|mismatch| format!("{}: expected {}, got {}", mismatch.key, mismatch.expected, mismatch.actual))
        .collect();
    parts.join("; ")
}

fn displayed(dir: &Path, file: &str) -> String {
    dir.join(file).display().to_string()
}
