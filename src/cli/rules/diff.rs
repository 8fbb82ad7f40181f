//! `mcoe rules diff`: compares two packs, and their effect on a week's plan.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::json;

use crate::cli::diagnostics;
use crate::cli::effect::write_effect;
use crate::cli::failure::Failure;
use crate::cli::pack::read_pack;
use crate::cli::progress::{is_stopping, stop_if_requested};
use crate::cli::{Format, Globals, input, print};
use crate::model::{Plan, Tier, Week};
use crate::planner::{self, Planner};
use crate::rules::{CompiledRules, FunctionChange, PackFiles, RulesDifference, ValueDifference};
use crate::workbench::{self, Divergence};

/// Compare two rules packs, and their effect on the plan of a week
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcoe rules diff rules rules-new\n  mcoe rules diff HEAD~1:rules rules --scenario scenarios/agency\n\nA pack is a folder, or a folder in a git revision: REVISION:FOLDER."
)]
pub(super) struct Diff {
    /// The old pack.
    #[arg(value_name = "A")]
    before: String,
    /// The new pack.
    #[arg(value_name = "B")]
    after: String,
    /// Plan a week of this scenario under both packs, and compare the plans.
    #[arg(long, value_name = "DIR")]
    scenario: Option<PathBuf>,
    /// The week to plan. Default: the scenario's first week.
    #[arg(long, value_name = "WEEK", requires = "scenario")]
    week: Option<Week>,
}

impl Diff {
    pub fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let before = pack(&self.before, globals)?;
        let after = pack(&self.after, globals)?;
        let difference = RulesDifference::between(&before, &after);
        let plans = match &self.scenario {
            Some(dir) => Some((self.plan(dir, &before, globals)?, self.plan(dir, &after, globals)?)),
            None => None,
        };
        let divergences = if difference.is_empty() {
            Vec::new()
        } else {
            workbench::divergences(&before, &after, &|| !is_stopping())?
        };
        stop_if_requested()?;
        let effect = plans.as_ref().map(|(before, after)| planner::plan_difference(before, after));
        if globals.format == Format::Json {
            return print(&format!("{}\n", json!({"rules": difference, "divergences": divergences, "plan": effect})));
        }
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write_rules(&mut text, &difference);
        let _ = write_divergences(&mut text, &divergences);
        if let (Some((before, after)), Some(effect)) = (&plans, effect) {
            text.push('\n');
            let _ = write_effect(&mut text, before, after, effect);
        }
        print(&text)
    }

    fn plan(&self, dir: &Path, rules: &CompiledRules, globals: &Globals) -> Result<Plan, Failure> {
        let scenario = input::scenario(dir, rules, globals)?;
        let planner = Planner::new(rules, Tier::Exact, None);
        Ok(planner::plan_week(&planner, &scenario, self.week.unwrap_or(scenario.start))?)
    }
}

/// Reads and compiles a pack from a folder, or from a folder in a git revision.
fn pack(name: &str, globals: &Globals) -> Result<CompiledRules, Failure> {
    let path = Path::new(name);
    let files = match name.split_once(':') {
        Some((revision, folder)) if !path.is_dir() => files_in_git(revision, folder)?,
        _ => read_pack(path, globals)?,
    };
    input::compile(files.clone()).map_err(|errors| diagnostics::rules_failure(&errors, &files, path, globals))
}

/// The files of a folder in a revision of the current git repository.
fn files_in_git(revision: &str, folder: &str) -> Result<PackFiles, Failure> {
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    // With `-z`, names end in NUL and are not quoted; in lines, git would quote unusual names.
    let listed = git(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, "--", folder], revision)?;
    let mut files = PackFiles::new();
    for path in listed.split('\0').filter(|path| path.ends_with(".toml") || path.ends_with(".rhai")) {
        let name = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
        files.insert(name.to_owned(), git(&["show", &format!("{revision}:{path}")], revision)?);
    }
    if files.is_empty() {
        let remedy = "name a folder that contained a pack in that revision";
        return Err(Failure::input(format!("revision `{revision}` has no rules pack in `{folder}`"), remedy));
    }
    Ok(files)
}

fn git(arguments: &[&str], revision: &str) -> Result<String, Failure> {
    let output = Command::new("git").args(arguments).output();
    let output = output.map_err(|error| Failure::system(format!("cannot run git: {error}")))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        let message = message.trim().lines().next().unwrap_or_default();
        let remedy = "name a revision, such as HEAD~1, in the repository of the pack";
        return Err(Failure::input(format!("git cannot read the revision `{revision}`: {message}"), remedy));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::input(format!("a file of `{revision}` is not UTF-8"), "save it as UTF-8"))
}

fn write_rules(text: &mut String, difference: &RulesDifference) -> std::fmt::Result {
    if difference.is_empty() {
        return writeln!(text, "the packs do not differ");
    }
    for value in &difference.values {
        write_value(text, "", value)?;
    }
    for function in &difference.functions {
        let change = match function.change {
            FunctionChange::Added => "was added",
            FunctionChange::Removed => "was removed",
            FunctionChange::Changed => "was changed",
        };
        writeln!(text, "function {} {change}   {}", function.name, function.place)?;
    }
    for overlay in &difference.overlays {
        writeln!(text, "overlay {}", overlay.file)?;
        for value in &overlay.values {
            write_value(text, "  ", value)?;
        }
    }
    Ok(())
}

/// Writes examples of situations in which the two packs decide differently.
fn write_divergences(text: &mut String, divergences: &[Divergence]) -> std::fmt::Result {
    if divergences.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nexamples of different decisions:")?;
    for divergence in divergences {
        let Divergence { what, situation, before, after, reason, place, situations } = divergence;
        let more = if *situations > 1 { format!(" (and in {} more)", situations - 1) } else { String::new() };
        let (before, after) = shortened(before, after);
        writeln!(text, "  {what}: {before} -> {after}{more}\n      {situation}")?;
        if let Some(place) = place {
            writeln!(text, "      {reason}   {place}")?;
        }
    }
    Ok(())
}

/// Shortens two long texts to fit on a line, starting where they differ.
fn shortened(before: &str, after: &str) -> (String, String) {
    const MAX_CHARS: usize = 60;
    if before.chars().count().max(after.chars().count()) <= MAX_CHARS {
        return (before.to_owned(), after.to_owned());
    }
    let common = before.chars().zip(after.chars()).take_while(|(a, b)| a == b).count();
    // Start at a whole entry if the text is a list.
    let start: String = before.chars().take(common).collect();
    let skipped = start.rfind('{').map_or(common, |at| start.get(..at).unwrap_or_default().chars().count());
    let part = |text: &str| {
        let shown: String = text.chars().skip(skipped).take(MAX_CHARS).collect();
        let head = if skipped > 0 { "… " } else { "" };
        let tail = if text.chars().count() > skipped + MAX_CHARS { " …" } else { "" };
        format!("{head}{shown}{tail}")
    };
    (part(before), part(after))
}

fn write_value(text: &mut String, indent: &str, value: &ValueDifference) -> std::fmt::Result {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let place = value.place.as_ref().map_or_else(String::new, |place| format!("   {place}"));
    writeln!(text, "{indent}{}: {} -> {}{place}", value.key, shown(&value.before), shown(&value.after))?;
    if value.meaning.is_empty() { Ok(()) } else { writeln!(text, "{indent}  {}", value.meaning) }
}
