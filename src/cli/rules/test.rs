//! `mcoe rules test`: runs the pack's test cases.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::super::failure::Failure;
use super::super::folder::{refuse_links, replace_file};
use super::super::pack::read_pack;
use super::super::progress::stop_if_requested;
use super::super::terminal::print_unescaped;
use super::super::{Format, Globals, RulesArgument, input, print};
use super::junit::junit;
use super::test_output::{coverage_text, failure_text, mutation_text};
use crate::cli::diagnostics;
use crate::diagnostic::{Diagnostic, suggestion};
use crate::rules::CompiledRules;
use crate::workbench::{self, Case, Coverage, Mutation, Report};

/// Run the test cases in the pack's tests/*.toml; each describes a situation and the expected results.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Test {
    #[command(flatten)]
    rules: RulesArgument,
    /// Only cases whose name or file name contains the text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Update the snapshots of cases with `snapshot = true`.
    #[arg(long)]
    update: bool,
    /// List what no case covers: functions of scripts, outcomes of conditions, keys, and values below or above
    /// thresholds.
    #[arg(long)]
    coverage: bool,
    /// Fail if the coverage is below this percentage.
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    coverage_at_least: Option<f64>,
    /// Try every small change to the pack, and list those that no case detects.
    #[arg(long)]
    mutate: bool,
}

const EXAMPLES: &str = "\
Examples:
  mcoe rules test                       run every case of rules/tests/*.toml
  mcoe rules test --filter fatigue      only cases with `fatigue` in their name or file name
  mcoe rules test --coverage            list what no case covers
  mcoe rules test --mutate              list the changes of the rules that no case detects
  mcoe rules test --update              update the snapshots; then review the changes
  mcoe rules test --format junit        JUnit XML for CI servers

Exit codes: 0 all cases pass; 1 a case fails, or the coverage is too low; 2 a case cannot be read.";

/// Optional results in addition to the cases.
struct Extras {
    coverage: Option<Coverage>,
    mutation: Option<Mutation>,
}

impl Test {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let dir = &self.rules.rules;
        let rules = input::rules(dir, globals)?;
        let cases = self.cases(&rules, globals)?;
        let mut report = workbench::run(&rules, &cases);
        if self.update && !report.snapshots.is_empty() {
            report = self.update_snapshots(&report, &cases, globals)?;
        }
        let extras = self.extras(&rules, &cases, &report, globals)?;
        self.print_result(globals, &rules, &report, &extras)?;
        if report.failed() > 0 {
            return Err(Failure::Negative(format!("{} of {} case(s) failed", report.failed(), report.cases.len())));
        }
        match (self.coverage_at_least, extras.coverage.as_ref().map(Coverage::percent)) {
            (Some(required), Some(percent)) if percent < required => {
                Err(Failure::Negative(format!("the coverage is {percent:.1} %, less than the required {required} %")))
            }
            _ => Ok(()),
        }
    }

    /// Computes coverage and mutation results as requested. Mutations are not tried if any case fails.
    fn extras(
        &self,
        rules: &CompiledRules,
        cases: &[Case],
        report: &Report,
        globals: &Globals,
    ) -> Result<Extras, Failure> {
        let all_pass = report.failed() == 0;
        let needs_coverage = self.coverage || self.coverage_at_least.is_some();
        let to_failure = |errors: Vec<Diagnostic>| {
            diagnostics::rules_failure(&errors, &rules.pack().files, &self.rules.rules, globals)
        };
        let coverage = needs_coverage.then(|| workbench::coverage(rules, cases)).transpose().map_err(to_failure)?;
        let should_continue = || stop_if_requested().is_ok();
        let mutation = (self.mutate && all_pass).then(|| workbench::mutate(rules, cases, &should_continue));
        stop_if_requested()?;
        Ok(Extras { coverage, mutation })
    }

    fn cases(&self, rules: &CompiledRules, globals: &Globals) -> Result<Vec<Case>, Failure> {
        let dir = &self.rules.rules;
        let all = input::cases(rules, dir, globals)?;
        if all.is_empty() {
            let shown = dir.join("tests").display().to_string();
            let remedy = "write a case: a table `[NAME]`, with the expected results in `[NAME.expect]`";
            return Err(Failure::input(format!("there are no cases in `{shown}`"), remedy));
        }
        let Some(filter) = &self.filter else { return Ok(all) };
        let is_match = |case: &Case| case.name.contains(filter.as_str()) || case.file.contains(filter.as_str());
        let names: Vec<String> = all.iter().map(|case| case.name.clone()).collect();
        let matching: Vec<Case> = all.into_iter().filter(is_match).collect();
        if matching.is_empty() {
            let without_filter = || "omit --filter to run all cases".to_owned();
            let remedy = suggestion(filter, names.iter().map(String::as_str), without_filter);
            return Err(Failure::input(format!("no case contains `{filter}`"), remedy));
        }
        Ok(matching)
    }

    /// Writes the changed snapshots and runs the cases again.
    fn update_snapshots(&self, report: &Report, cases: &[Case], globals: &Globals) -> Result<Report, Failure> {
        let dir = &self.rules.rules;
        report.snapshots.keys().try_for_each(|file| refuse_links(dir, file))?;
        for (file, text) in &report.snapshots {
            replace_file(&dir.join(file), text.as_bytes())?;
            globals.info(&format!("wrote {}", dir.join(file).display()));
        }
        let files = read_pack(dir, globals)?;
        let rules = input::compile(files.clone())
            .map_err(|errors| diagnostics::rules_failure(&errors, &files, dir, globals))?;
        Ok(workbench::run(&rules, cases))
    }

    fn print_result(
        &self,
        globals: &Globals,
        rules: &CompiledRules,
        report: &Report,
        extras: &Extras,
    ) -> Result<(), Failure> {
        let passed = report.cases.len() - report.failed();
        if globals.format == Format::Json {
            let text = json!({
                "rules": { "name": rules.name(), "hash": rules.hash() },
                "passed": passed,
                "failed": report.failed(),
                "cases": report.cases,
                "coverage": extras.coverage.as_ref().map(|coverage| {
                    json!({ "percent": coverage.percent(), "parts": coverage })
                }),
                "mutation": extras.mutation,
            });
            return print(&format!("{text}\n"));
        }
        let dir = &self.rules.rules;
        let coverage = extras.coverage.as_ref().map(|coverage| coverage_text(coverage, dir));
        let mutation = extras.mutation.as_ref().map(|mutation| mutation_text(mutation, dir));
        let extras: String = [coverage, mutation].into_iter().flatten().collect();
        if globals.format == Format::Junit {
            if !extras.is_empty() {
                globals.info(extras.trim_end());
            }
            return print_unescaped(&junit(rules, report, dir)?);
        }
        let mut text: String =
            report.cases.iter().filter(|case| !case.passed()).map(|case| failure_text(case, dir)).collect();
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{passed} case(s) passed, {} failed, rules `{}`", report.failed(), rules.name());
        text.push_str(&extras);
        print(&text)
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "write a number from 0 to 100".to_owned())
}
