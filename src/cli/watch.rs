//! `mcoe watch`: replans on every save, and shows how the plan changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::changes::Changes;
use super::effect::write_effect;
use super::failure::Failure;
use super::progress::is_stopping;
use super::rules::test_output::failure_text;
use super::{Format, Globals, RulesArgument, input, print, terminal};
use crate::model::{Plan, Tier, Week};
use crate::planner::{self, Planner};
use crate::workbench::{self, Report};

/// Check, test and replan whenever rules or scenario are saved, and show how the plan changed
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mcoe watch scenarios/agency          then edit rules/channels.toml and save; Ctrl-C stops"
)]
pub(super) struct Watch {
    /// Folder of the scenario.
    scenario: PathBuf,
    #[command(flatten)]
    rules: RulesArgument,
    /// Week to plan, such as 2026-W40 (ISO 8601). Default: the scenario's first week.
    #[arg(long, value_name = "WEEK")]
    week: Option<Week>,
}

/// The result of a round in which rules and scenario were valid.
struct Outcome {
    report: Report,
    plan: Plan,
}

impl Watch {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let mut changes = Changes::watch(&[&self.rules.rules, &self.scenario])?;
        let mut last_plan: Option<Plan> = None;
        let mut changed = BTreeSet::new();
        for round in 1_u32.. {
            let start = Instant::now();
            match self.evaluate(globals) {
                Ok(outcome) => {
                    self.print_result(globals, round, &changed, &outcome, last_plan.as_ref())?;
                    last_plan = Some(outcome.plan);
                }
                Err(failure) => print_errors(globals, round, &changed, &failure)?,
            }
            globals.info(&format!("round {round} took {:.0} ms", start.elapsed().as_secs_f64() * 1000.0));
            match changes.next(is_stopping) {
                Some(paths) => changed = paths,
                None => break,
            }
        }
        globals.info("stopped watching");
        Ok(())
    }

    fn evaluate(&self, globals: &Globals) -> Result<Outcome, Failure> {
        let dir = &self.rules.rules;
        let (rules, scenario) = input::rules_and_scenario(dir, &self.scenario, globals)?;
        let cases = input::checked_cases(&rules, dir, Some(&scenario), globals)?;
        let report = workbench::run(&rules, &cases);
        let planner = Planner::new(&rules, Tier::Exact, None);
        let plan = planner::plan_week(&planner, &scenario, self.week.unwrap_or(scenario.start))?;
        Ok(Outcome { report, plan })
    }

    fn print_result(
        &self,
        globals: &Globals,
        round: u32,
        changed: &BTreeSet<String>,
        outcome: &Outcome,
        last_plan: Option<&Plan>,
    ) -> Result<(), Failure> {
        let Outcome { report, plan } = outcome;
        let passed = report.cases.len() - report.failed();
        let last_plan = last_plan.filter(|last| last.week == plan.week);
        let effect = last_plan.map(|last| planner::plan_difference(last, plan));
        let failed = report.cases.iter().filter(|case| !case.passed());
        if globals.format == Format::Json {
            let text = json!({
                "round": round,
                "changed": changed,
                "passed": passed,
                "failed": report.failed(),
                "failures": failed.collect::<Vec<_>>(),
                "week": plan.week.to_string(),
                "posts": plan.posts().count(),
                "objective": plan.objective(),
                "expected_engagement": plan.expected_engagement(),
                "plan": effect,
            });
            return print(&format!("{text}\n"));
        }
        let mut text = heading(round, changed);
        text.extend(failed.map(|case| failure_text(case, &self.rules.rules)));
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{passed} case(s) passed, {} failed", report.failed());
        let _ = match (last_plan, effect) {
            (Some(last), Some(effect)) => write_effect(&mut text, last, plan, effect),
            _ => writeln!(
                text,
                "the plan of {}: {} posts, expected engagement {:.1}; the next plan is compared with it",
                plan.week,
                plan.posts().count(),
                plan.expected_engagement()
            ),
        };
        print(&text)
    }
}

/// Reports mistakes on stderr, as every command does, and a heading on stdout in place of the result. In JSON, both go
/// to stdout as one object.
fn print_errors(globals: &Globals, round: u32, changed: &BTreeSet<String>, failure: &Failure) -> Result<(), Failure> {
    if globals.format == Format::Json {
        let message = failure.message();
        let mistakes: Value = serde_json::from_str(message).unwrap_or_else(|_| json!({ "message": message }));
        return print(&format!("{}\n", json!({ "round": round, "changed": changed, "wrong": mistakes })));
    }
    print(
        &(heading(round, changed) + "no plan because of errors; the next plan is compared with the last valid one\n"),
    )?;
    terminal::print_error(failure);
    Ok(())
}

/// The heading of a round, with the changed files; highlighted on a terminal.
fn heading(round: u32, changed: &BTreeSet<String>) -> String {
    let names: Vec<&str> = changed.iter().map(String::as_str).collect();
    let files = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    if io::stdout().is_terminal() {
        return format!("\n──── round {round}{files} ────\n");
    }
    format!("round {round}{files}\n")
}
