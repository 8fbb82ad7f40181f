//! `mcoe rules verify`: checks a pack over the whole domain of inputs, which test cases cannot cover.

use std::fmt::Write as _;
use std::path::Path;

use clap::Args;
use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::progress::{is_stopping, stop_if_requested};
use crate::cli::{Format, Globals, RulesArgument, input, print};
use crate::rules::RulePlace;
use crate::workbench::{self, Finding, FindingKind, IneffectiveKey, ReachableVerdicts, Verification};

/// Find guardrails that warn about or block nothing or everything, rules that never apply, and rules that allow more
/// where they should allow less
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules verify\n  mcoe rules verify --rules my-rules --format json\n\nThe rules are evaluated for every combination of input values at which a result may change, for every overlay and\nevery channel; if there are too many combinations, for an evenly spread sample of them.\n\nExit codes: 0 no findings; 1 there are findings; 2 the pack is invalid."
)]
pub(super) struct Verify {
    #[command(flatten)]
    rules: RulesArgument,
}

impl Verify {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let dir = &self.rules.rules;
        let rules = input::rules(dir, globals)?;
        let verification = workbench::verify(&rules, &|| !is_stopping())?;
        stop_if_requested()?;
        if globals.format == Format::Json {
            let pack = json!({ "name": rules.name(), "hash": rules.hash() });
            print(&format!("{}\n", json!({ "rules": pack, "verification": verification })))?;
        } else {
            print(&as_text(&verification, rules.name(), dir))?;
        }
        match verification.findings.len() {
            0 => Ok(()),
            count => Err(Failure::Negative(format!("{count} finding(s) in the rules pack `{}`", dir.display()))),
        }
    }
}

fn as_text(verification: &Verification, name: &str, dir: &Path) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_verification(&mut text, verification, name, dir);
    text
}

fn write_verification(text: &mut String, verification: &Verification, name: &str, dir: &Path) -> std::fmt::Result {
    for reachable in &verification.guardrails {
        write_reachable_verdicts(text, reachable, dir)?;
    }
    if !verification.guardrails.is_empty() {
        text.push('\n');
    }
    for finding in &verification.findings {
        write_finding(text, finding, dir)?;
    }
    for IneffectiveKey { place, key, why } in &verification.ineffective {
        writeln!(text, "{} note: `{key}` has no effect: {why}", displayed(place, dir))?;
    }
    writeln!(
        text,
        "{} finding(s): {} guardrails were evaluated for {} inputs, rules `{name}`",
        verification.findings.len(),
        verification.guardrails.len(),
        verification.inputs
    )
}

fn displayed(place: &RulePlace, dir: &Path) -> String {
    format!("{}:{}", dir.join(&*place.file).display(), place.line)
}

/// Writes the possible outcomes of a guardrail, with the simplest input that gives each.
fn write_reachable_verdicts(text: &mut String, reachable: &ReachableVerdicts, dir: &Path) -> std::fmt::Result {
    let ReachableVerdicts { guardrail, place, inputs, is_exhaustive, witnesses } = reachable;
    let coverage = if *is_exhaustive { "all relevant ones" } else { "an evenly spread sample" };
    writeln!(text, "{guardrail}   {}   {inputs} inputs, {coverage}", displayed(place, dir))?;
    for witness in witnesses {
        let input = if witness.input.is_empty() { "any input" } else { &witness.input };
        writeln!(text, "  {:<5}  line {:<4}  {input}   ({})", witness.outcome.name(), witness.line, witness.context)?;
    }
    Ok(())
}

fn write_finding(text: &mut String, finding: &Finding, dir: &Path) -> std::fmt::Result {
    let Finding { place, kind, what, witness, remedy } = finding;
    writeln!(text, "{} {}\n  {what}", displayed(place, dir), title(*kind))?;
    for line in witness {
        writeln!(text, "    {line}")?;
    }
    writeln!(text, "  remedy: {remedy}\n")
}

const fn title(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::AlwaysPasses => "never warns or blocks",
        FindingKind::NeverPasses => "always warns or blocks",
        FindingKind::DeadCondition => "condition with only one outcome",
        FindingKind::NotMonotone => "allows more where it should allow less",
        FindingKind::NeverApplies => "never applies",
        FindingKind::Redundant => "redundant",
        FindingKind::UnmetInSeason => "cannot be met in a season",
    }
}
