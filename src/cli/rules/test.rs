//! `mcoe rules test`: runs the pack's test cases.

use std::fmt::Write as _;

use clap::Args;
use serde_json::json;

use super::super::failure::Failure;
use super::super::folder::{refuse_links, replace_file};
use super::super::pack::read_pack;
use super::super::progress::stop_if_asked;
use super::super::terminal::print_as_is;
use super::super::{Format, Globals, RulesArgument, input, print};
use super::junit::junit;
use super::test_output::{failure, gaps, survivors};
use crate::cli::diagnostics;
use crate::rules::{CompiledRules, Diagnostic};
use crate::workbench::{self, Case, Coverage, Mutation, Report};

/// Put the cases in the pack's tests/*.toml to it: a situation each, and what must come out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Test {
    #[command(flatten)]
    rules: RulesArgument,
    /// Only cases whose name or file contains the text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the snapshots of cases with `snapshot = true` anew.
    #[arg(long)]
    update: bool,
    /// List what no case exercises: functions and conditions of scripts, keys, sides of thresholds.
    #[arg(long)]
    coverage: bool,
    /// Fail where the cases exercise less than so many percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    coverage_at_least: Option<f64>,
    /// Try every small change of the pack, and list those that no case notices.
    #[arg(long)]
    mutate: bool,
}

const EXAMPLES: &str = "\
Examples:
  mcoe rules test                       every case of rules/tests/*.toml
  mcoe rules test --filter fatigue      only those with `fatigue` in their name or file
  mcoe rules test --coverage            what does no case exercise?
  mcoe rules test --mutate              which change of the rules would no case notice?
  mcoe rules test --update              write the snapshots anew, then read what changed
  mcoe rules test --format junit        what build servers read, as JUnit XML

Exit codes: 0 all cases come out as expected; 1 one does not, or they exercise too little; 2 a case cannot be read.";

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
            report = self.updated(&report, &cases, globals)?;
        }
        let extras = self.extras(&rules, &cases, &report, globals)?;
        self.tell(globals, &rules, &report, &extras)?;
        if report.failed() > 0 {
            return Err(Failure::Verdict(format!("{} of {} case(s) failed", report.failed(), report.cases.len())));
        }
        match (self.coverage_at_least, extras.coverage.as_ref().map(Coverage::percent)) {
            (Some(floor), Some(percent)) if percent < floor => {
                Err(Failure::Verdict(format!("the cases exercise {percent:.1} %, less than the {floor} % asked for")))
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
        let is_sound = report.failed() == 0;
        let wants_coverage = self.coverage || self.coverage_at_least.is_some();
        let told = |wrong: Vec<Diagnostic>| {
            diagnostics::rules_failure(&wrong, &rules.pack().files, &self.rules.rules, globals)
        };
        let coverage = wants_coverage.then(|| workbench::coverage(rules, cases)).transpose().map_err(told)?;
        let goes_on = || stop_if_asked().is_ok();
        let mutation = (self.mutate && is_sound).then(|| workbench::mutate(rules, cases, &goes_on));
        stop_if_asked()?;
        Ok(Extras { coverage, mutation })
    }

    fn cases(&self, rules: &CompiledRules, globals: &Globals) -> Result<Vec<Case>, Failure> {
        let dir = &self.rules.rules;
        let all = input::cases(rules, dir, globals)?;
        if all.is_empty() {
            let shown = dir.join("tests").display().to_string();
            let remedy = "write one: a table by its name, and what is expected below `[NAME.expect]`";
            return Err(Failure::Input(format!("error: there are no cases in `{shown}`\n  remedy: {remedy}")));
        }
        let Some(filter) = &self.filter else { return Ok(all) };
        let fits = |case: &Case| case.name.contains(filter.as_str()) || case.file.contains(filter.as_str());
        let names: Vec<String> = all.iter().map(|case| case.name.clone()).collect();
        let fitting: Vec<Case> = all.into_iter().filter(fits).collect();
        if fitting.is_empty() {
            let guess = crate::rules::nearest(filter, names.iter().map(String::as_str));
            let remedy = guess.map_or_else(
                || "leave --filter out to run all cases".to_owned(),
                |guess| format!("did you mean `{guess}`?"),
            );
            return Err(Failure::Input(format!("error: no case contains `{filter}`\n  remedy: {remedy}")));
        }
        Ok(fitting)
    }

    /// Writes the changed snapshots and runs the cases again.
    fn updated(&self, report: &Report, cases: &[Case], globals: &Globals) -> Result<Report, Failure> {
        let dir = &self.rules.rules;
        report.snapshots.keys().try_for_each(|file| refuse_links(dir, file))?;
        for (file, text) in &report.snapshots {
            replace_file(&dir.join(file), text.as_bytes())?;
            globals.say(&format!("wrote {}", dir.join(file).display()));
        }
        let files = read_pack(dir, globals)?;
        let rules =
            input::compile(files.clone()).map_err(|wrong| diagnostics::rules_failure(&wrong, &files, dir, globals))?;
        Ok(workbench::run(&rules, cases))
    }

    fn tell(&self, globals: &Globals, rules: &CompiledRules, report: &Report, extras: &Extras) -> Result<(), Failure> {
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
        let coverage = extras.coverage.as_ref().map(|coverage| gaps(coverage, dir));
        let mutation = extras.mutation.as_ref().map(|mutation| survivors(mutation, dir));
        let extras: String = [coverage, mutation].into_iter().flatten().collect();
        if globals.format == Format::Junit {
            if !extras.is_empty() {
                globals.say(extras.trim_end());
            }
            return print_as_is(&junit(rules, report, dir)?);
        }
        let mut text: String =
            report.cases.iter().filter(|case| !case.passed()).map(|case| failure(case, dir)).collect();
        let _ = writeln!(text, "{passed} case(s) pass, {} fail, rules `{}`", report.failed(), rules.name());
        text.push_str(&extras);
        print(&text)
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.trim_end_matches('%').parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "write a number of 0 to 100".to_owned())
}
