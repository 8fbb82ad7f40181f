//! Loads the inputs of commands: compiled rules packs and scenarios.

use std::path::Path;

use serde_json::{Value, json};

use super::diagnostics::{drawn, rules_failure, rules_in_json, text_of, told_in_json};
use super::failure::Failure;
use super::pack::read_pack;
use super::terminal::harmless;
use super::{Format, Globals};
use crate::model::{Policy, Scenario};
use crate::rules::{self, CompiledRules, Diagnostic, KnownNames, Named, PackFiles};
use crate::scenario::{self, ScenarioError, ScenarioErrors};
use crate::tables::TableError;
use crate::workbench::{self, Case};

/// Maximum number of warnings printed; the rest are only counted.
const WARNINGS_SHOWN: usize = 20;

/// Reads, validates and compiles a pack.
pub(super) fn rules(dir: &Path, globals: &Globals) -> Result<CompiledRules, Failure> {
    let files = read_pack(dir, globals)?;
    compile(files.clone()).map_err(|diagnostics| rules_failure(&diagnostics, &files, dir, globals))
}

/// Validates and compiles the files of a pack. If its TOML is invalid, the syntax of its scripts is checked all the
/// same.
pub(super) fn compile(files: PackFiles) -> Result<CompiledRules, Vec<Diagnostic>> {
    let scripts = files.clone();
    let pack = rules::load(files).map_err(|mut mistakes| {
        mistakes.extend(rules::script_syntax(&scripts));
        Diagnostic::sort(&mut mistakes);
        mistakes
    })?;
    CompiledRules::compile(pack)
}

/// Reads the cases of a pack, runs its functions on a trial basis, and looks up the names it uses in the scenario, if
/// there is one. Reports all mistakes together.
pub(super) fn tried(
    rules: &CompiledRules,
    dir: &Path,
    scenario: Option<&Scenario>,
    globals: &Globals,
) -> Result<Vec<Case>, Failure> {
    let (cases, mut mistakes) = match workbench::read(rules) {
        Ok(cases) => (cases, Vec::new()),
        Err(mistakes) => (Vec::new(), mistakes),
    };
    mistakes.extend(workbench::trial(rules));
    mistakes.extend(scenario.map(|scenario| unknown_names(rules, scenario)).unwrap_or_default());
    Diagnostic::sort(&mut mistakes);
    if mistakes.is_empty() { Ok(cases) } else { Err(rules_failure(&mistakes, &rules.pack().files, dir, globals)) }
}

/// Reads the cases of a pack.
pub(super) fn cases(rules: &CompiledRules, dir: &Path, globals: &Globals) -> Result<Vec<Case>, Failure> {
    workbench::read(rules).map_err(|wrong| rules_failure(&wrong, &rules.pack().files, dir, globals))
}

/// Warnings about what the pack's author may not have intended, and, without a scenario, about the names that were not
/// looked up.
pub(super) fn warnings(rules: &CompiledRules, scenario: Option<&Scenario>) -> Vec<Diagnostic> {
    let mut found = rules.pack().remarks();
    if scenario.is_none() {
        found.extend(rules.names().iter().map(Named::not_looked_up));
    }
    Diagnostic::sort(&mut found);
    found
}

/// Prints warnings on stderr.
pub(super) fn point_out(warnings: &[Diagnostic], rules: &CompiledRules, dir: &Path, globals: &Globals) {
    if warnings.is_empty() {
        return;
    }
    let folder = dir.to_string_lossy();
    let shown: Vec<Diagnostic> = warnings.iter().map(|warning| warning.clone().within(&folder)).collect();
    let text_of = |file: &str| text_of(file, &folder, &rules.pack().files);
    globals.say_drawn(&rules::render_warnings(&shown, &text_of, globals.colors_stderr()));
}

/// Reads a scenario folder.
pub(super) fn scenario(dir: &Path, rules: &CompiledRules, globals: &Globals) -> Result<Scenario, Failure> {
    scenario_under(dir, &rules.base().risk.default_policy, globals)
}

/// Reads a pack and a scenario to be planned under it. The names in the pack must exist in the scenario.
pub(super) fn pair(rules_dir: &Path, dir: &Path, globals: &Globals) -> Result<(CompiledRules, Scenario), Failure> {
    let (rules, scenario) = both(rules_dir, dir, globals)?;
    names_known(&rules, rules_dir, &scenario, globals)?;
    Ok((rules, scenario))
}

/// Fails unless the scenario has every client, workspace and so on that overlays and scripts name.
pub(super) fn names_known(
    rules: &CompiledRules,
    dir: &Path,
    scenario: &Scenario,
    globals: &Globals,
) -> Result<(), Failure> {
    let mistakes = unknown_names(rules, scenario);
    if mistakes.is_empty() { Ok(()) } else { Err(rules_failure(&mistakes, &rules.pack().files, dir, globals)) }
}

fn unknown_names(rules: &CompiledRules, scenario: &Scenario) -> Vec<Diagnostic> {
    let known = KnownNames::of(scenario);
    let mut mistakes: Vec<Diagnostic> = rules.names().iter().filter_map(|named| known.mistake(named)).collect();
    Diagnostic::sort(&mut mistakes);
    mistakes
}

/// Reads a scenario folder with the given default policy.
pub(super) fn scenario_under(dir: &Path, policy: &Policy, globals: &Globals) -> Result<Scenario, Failure> {
    let (scenario, warnings) =
        scenario::read_with_warnings(dir, policy).map_err(|errors| scenario_failure(errors, globals))?;
    say_warnings(&warnings, globals);
    Ok(scenario)
}

/// Reads a scenario folder that mcoe itself has just written; warnings are not printed.
pub(super) fn own_scenario(dir: &Path, rules: &CompiledRules, globals: &Globals) -> Result<Scenario, Failure> {
    scenario::read(dir, &rules.base().risk.default_policy).map_err(|errors| scenario_failure(errors, globals))
}

/// Prints warnings about implausible values, one per line; after the first few the rest are only counted.
fn say_warnings(warnings: &[TableError], globals: &Globals) {
    for warning in warnings.iter().take(WARNINGS_SHOWN) {
        globals.say(&format!("warning: {warning}"));
    }
    if let Some(more) = warnings.len().checked_sub(WARNINGS_SHOWN).filter(|more| *more > 0) {
        globals.say(&format!("and {more} more warning(s)"));
    }
}

/// Mistakes in arguments, rendered as if the arguments were the lines of a file, or as JSON.
pub(super) fn told_of_arguments(diagnostics: &[Diagnostic], text: &str, globals: &Globals) -> Failure {
    if globals.format == Format::Json {
        return Failure::Input(told_in_json(rules_in_json(diagnostics)));
    }
    let drawn = rules::render(diagnostics, &|_| Some(text), globals.colors_stderr());
    Failure::Drawn(format!("{drawn}\n{} error(s) in the arguments", diagnostics.len()))
}

/// The errors of a scenario or a history, one per line or as JSON.
pub(super) fn scenario_failure(errors: ScenarioErrors, globals: &Globals) -> Failure {
    match globals.format {
        Format::Text | Format::Junit => errors.into(),
        Format::Json if errors.is_machine_failure() => Failure::Machine(told_in_json(scenario_in_json(&errors))),
        Format::Json => Failure::Input(told_in_json(scenario_in_json(&errors))),
    }
}

/// Reads a pack and a scenario, and reports the mistakes of both together.
pub(super) fn both(
    rules_dir: &Path,
    scenario_dir: &Path,
    globals: &Globals,
) -> Result<(CompiledRules, Scenario), Failure> {
    let files = read_pack(rules_dir, globals)?;
    let diagnostics = match compile(files.clone()) {
        Ok(rules) => return scenario(scenario_dir, &rules, globals).map(|scenario| (rules, scenario)),
        Err(diagnostics) => diagnostics,
    };
    let in_json = rules_in_json(&diagnostics);
    let drawn = drawn(&diagnostics, &files, rules_dir, globals);
    Err(all_told(in_json, vec![drawn], scenario_dir, globals))
}

/// Reads several packs, and a scenario under each; reports the mistakes of all together.
pub(super) fn several(
    rules_dirs: &[&Path],
    scenario_dir: &Path,
    globals: &Globals,
) -> Result<Vec<(CompiledRules, Scenario)>, Failure> {
    let mut packs = Vec::new();
    let (mut in_json, mut in_words) = (Vec::new(), Vec::new());
    for dir in rules_dirs {
        let files = read_pack(dir, globals)?;
        match compile(files.clone()) {
            Ok(rules) => packs.push(rules),
            Err(diagnostics) => {
                let folder = dir.to_string_lossy();
                let placed: Vec<Diagnostic> = diagnostics.iter().map(|wrong| wrong.clone().within(&folder)).collect();
                in_json.extend(rules_in_json(&placed));
                in_words.push(drawn(&diagnostics, &files, dir, globals));
            }
        }
    }
    if !in_words.is_empty() {
        return Err(all_told(in_json, in_words, scenario_dir, globals));
    }
    let with_scenario = |(rules, dir): (CompiledRules, &&Path)| {
        let scenario = scenario(scenario_dir, &rules, globals)?;
        names_known(&rules, dir, &scenario, globals)?;
        Ok((rules, scenario))
    };
    packs.into_iter().zip(rules_dirs).map(with_scenario).collect()
}

/// Combines the mistakes of packs, given as JSON and as text, with those of the scenario.
fn all_told(mut in_json: Vec<Value>, mut in_words: Vec<String>, scenario_dir: &Path, globals: &Globals) -> Failure {
    if let Err(errors) = scenario::read(scenario_dir, &any_policy()) {
        in_json.extend(scenario_in_json(&errors));
        in_words.push(harmless(Failure::from(errors).message()).into_owned());
    }
    match globals.format {
        Format::Json => Failure::Input(told_in_json(in_json)),
        Format::Text | Format::Junit => Failure::Drawn(in_words.join("\n\n")),
    }
}

/// Placeholder for the pack's default policy when a scenario is only checked for mistakes, which do not depend on it.
const fn any_policy() -> Policy {
    Policy {
        agent_enabled: true,
        auto_exec_enabled: false,
        max_actions_per_day: 1,
        pause_on_high_severity_warning: true,
    }
}

fn scenario_in_json(errors: &ScenarioErrors) -> Vec<Value> {
    let told = |error: &ScenarioError| match error {
        ScenarioError::Table(mistake) => json!(mistake),
        ScenarioError::Manifest(mistake) => json!(mistake),
        ScenarioError::Read { path, source } => json!({
            "code": source.code(), "file": path, "cause": source.to_string(), "remedy": source.remedy(),
        }),
        other => json!({ "cause": other.to_string() }),
    };
    errors.iter().map(told).collect()
}
