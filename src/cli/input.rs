//! Loads the inputs of commands: compiled rules packs and scenarios.

use std::path::Path;

use serde_json::{Value, json};

use super::diagnostics::{diagnostics_as_json, errors_as_json, rendered, rules_failure, text_of};
use super::failure::Failure;
use super::pack::read_pack;
use super::terminal::escaped;
use super::{Format, Globals};
use crate::diagnostic::{Diagnostic, Place, render, render_warnings};
use crate::model::{Policy, Scenario};
use crate::rules::{self, CompiledRules, KnownNames, NameReference, PackFiles};
use crate::scenario::{self, CheckedParts, ScenarioError, ScenarioErrors, ScenarioParts};
use crate::workbench::{self, Case};

/// Maximum number of warnings printed; the rest are only counted.
const MAX_WARNINGS_SHOWN: usize = 20;

/// Reads, validates and compiles a pack.
pub(super) fn rules(dir: &Path, globals: &Globals) -> Result<CompiledRules, Failure> {
    let files = read_pack(dir, globals)?;
    compile(files.clone()).map_err(|diagnostics| rules_failure(&diagnostics, &files, dir, globals))
}

/// Validates and compiles the files of a pack. If its TOML is invalid, the syntax of its scripts is checked all the
/// same.
pub(super) fn compile(files: PackFiles) -> Result<CompiledRules, Vec<Diagnostic>> {
    let scripts = files.clone();
    let pack = rules::load(files).map_err(|mut diagnostics| {
        diagnostics.extend(rules::script_syntax(&scripts));
        Diagnostic::sort(&mut diagnostics);
        diagnostics
    })?;
    CompiledRules::compile(pack)
}

/// Reads the test cases of a pack, makes a trial run of its functions, and checks the names that it uses against the
/// scenario, if there is one. Reports all mistakes together.
pub(super) fn checked_cases(
    rules: &CompiledRules,
    dir: &Path,
    scenario: Option<&Scenario>,
    globals: &Globals,
) -> Result<Vec<Case>, Failure> {
    let (cases, mut diagnostics) = match workbench::read(rules) {
        Ok(cases) => (cases, Vec::new()),
        Err(diagnostics) => (Vec::new(), diagnostics),
    };
    diagnostics.extend(workbench::trial(rules));
    diagnostics.extend(scenario.map(|scenario| unknown_names(rules, &KnownNames::of(scenario))).unwrap_or_default());
    Diagnostic::sort(&mut diagnostics);
    if diagnostics.is_empty() { Ok(cases) } else { Err(rules_failure(&diagnostics, &rules.pack().files, dir, globals)) }
}

/// Reads the test cases of a pack.
pub(super) fn cases(rules: &CompiledRules, dir: &Path, globals: &Globals) -> Result<Vec<Case>, Failure> {
    workbench::read(rules).map_err(|diagnostics| rules_failure(&diagnostics, &rules.pack().files, dir, globals))
}

/// Warnings about what the pack's author may not have intended, and, without a scenario, about the names that could not
/// be checked.
pub(super) fn warnings(rules: &CompiledRules, scenario: Option<&Scenario>) -> Vec<Diagnostic> {
    let mut warnings = rules.pack().remarks();
    if scenario.is_none() {
        warnings.extend(rules.names().iter().map(NameReference::not_looked_up));
    }
    Diagnostic::sort(&mut warnings);
    warnings
}

/// Prints warnings on stderr.
pub(super) fn print_warnings(warnings: &[Diagnostic], rules: &CompiledRules, dir: &Path, globals: &Globals) {
    if warnings.is_empty() {
        return;
    }
    let folder = dir.to_string_lossy();
    let with_folder: Vec<Diagnostic> = warnings.iter().map(|warning| warning.clone().within(&folder)).collect();
    let source_text = |file: &str| text_of(file, &folder, &rules.pack().files);
    globals.info_rendered(&render_warnings(&with_folder, &source_text, globals.colors_stderr()));
}

/// Reads a scenario folder. The numbers that it sets for limits must fit the pack.
pub(super) fn scenario(dir: &Path, rules: &CompiledRules, globals: &Globals) -> Result<Scenario, Failure> {
    let (scenario, warnings) = scenario::read_under(dir, rules).map_err(|errors| scenario_failure(errors, globals))?;
    print_scenario_warnings(&warnings, globals);
    Ok(scenario)
}

/// Reads a pack and a scenario to be planned under it. The names in the pack must exist in the scenario.
pub(super) fn rules_and_matching_scenario(
    rules_dir: &Path,
    scenario_dir: &Path,
    globals: &Globals,
) -> Result<(CompiledRules, Scenario), Failure> {
    let (rules, scenario) = rules_and_scenario(rules_dir, scenario_dir, globals)?;
    check_names(&rules, rules_dir, &scenario, globals)?;
    Ok((rules, scenario))
}

/// Fails unless the scenario has everything that overlays and scripts name, such as clients and workspaces.
pub(super) fn check_names(
    rules: &CompiledRules,
    dir: &Path,
    scenario: &Scenario,
    globals: &Globals,
) -> Result<(), Failure> {
    refuse_unknown_names(rules, dir, &KnownNames::of(scenario), globals)
}

fn refuse_unknown_names(
    rules: &CompiledRules,
    dir: &Path,
    known: &KnownNames,
    globals: &Globals,
) -> Result<(), Failure> {
    let diagnostics = unknown_names(rules, known);
    if diagnostics.is_empty() { Ok(()) } else { Err(rules_failure(&diagnostics, &rules.pack().files, dir, globals)) }
}

fn unknown_names(rules: &CompiledRules, known: &KnownNames) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> = rules.names().iter().filter_map(|named| known.mistake(named)).collect();
    Diagnostic::sort(&mut diagnostics);
    diagnostics
}

/// Reads a scenario folder with the given default policy.
pub(super) fn scenario_with_policy(dir: &Path, policy: &Policy, globals: &Globals) -> Result<Scenario, Failure> {
    let (scenario, warnings) =
        scenario::read_with_warnings(dir, policy).map_err(|errors| scenario_failure(errors, globals))?;
    print_scenario_warnings(&warnings, globals);
    Ok(scenario)
}

/// Opens a scenario folder that is planned in parts. The names in the pack must exist in the scenario.
pub(super) fn matching_scenario_parts(
    dir: &Path,
    rules: &CompiledRules,
    rules_dir: &Path,
    globals: &Globals,
) -> Result<ScenarioParts, Failure> {
    let has_names = !rules.names().is_empty();
    let names = |part: &Scenario| if has_names { KnownNames::of(part) } else { KnownNames::default() };
    let opened = ScenarioParts::open(dir, rules, names);
    let CheckedParts { parts, warnings, inspected } = opened.map_err(|errors| scenario_failure(errors, globals))?;
    print_scenario_warnings(&warnings, globals);
    let mut known = KnownNames::default();
    inspected.into_iter().for_each(|names| known.extend(names));
    refuse_unknown_names(rules, rules_dir, &known, globals)?;
    Ok(parts)
}

/// Reads a scenario folder that this command has just written, without printing warnings.
pub(super) fn written_scenario(dir: &Path, rules: &CompiledRules, globals: &Globals) -> Result<Scenario, Failure> {
    let read = scenario::read_under(dir, rules).map_err(|errors| scenario_failure(errors, globals))?;
    Ok(read.0)
}

/// Prints warnings about implausible values, one per line; after the first few the rest are only counted.
fn print_scenario_warnings(warnings: &[Diagnostic], globals: &Globals) {
    for warning in warnings.iter().take(MAX_WARNINGS_SHOWN) {
        globals.info(&format!("warning: {warning}"));
    }
    if let Some(more) = warnings.len().checked_sub(MAX_WARNINGS_SHOWN).filter(|more| *more > 0) {
        globals.info(&format!("and {more} more warning(s)"));
    }
}

/// Mistakes in arguments, rendered as if the arguments were the lines of a file, or as JSON.
pub(super) fn argument_failure(diagnostics: &[Diagnostic], text: &str, globals: &Globals) -> Failure {
    if globals.format == Format::Json {
        return Failure::Input(errors_as_json(diagnostics_as_json(diagnostics)));
    }
    let text = render(diagnostics, &|_| Some(text), globals.colors_stderr());
    Failure::Rendered(format!("{text}\n{} error(s) in the arguments", diagnostics.len()))
}

/// The errors of a scenario or a history, one per line or as JSON.
pub(super) fn scenario_failure(errors: ScenarioErrors, globals: &Globals) -> Failure {
    match globals.format {
        Format::Text | Format::Junit => errors.into(),
        Format::Json if errors.is_system_failure() => Failure::System(errors_as_json(scenario_diagnostics(&errors))),
        Format::Json => Failure::Input(errors_as_json(scenario_diagnostics(&errors))),
    }
}

/// Reads a pack and a scenario, and reports the mistakes of both together.
pub(super) fn rules_and_scenario(
    rules_dir: &Path,
    scenario_dir: &Path,
    globals: &Globals,
) -> Result<(CompiledRules, Scenario), Failure> {
    let files = read_pack(rules_dir, globals)?;
    let diagnostics = match compile(files.clone()) {
        Ok(rules) => return scenario(scenario_dir, &rules, globals).map(|scenario| (rules, scenario)),
        Err(diagnostics) => diagnostics,
    };
    let mistakes_json = diagnostics_as_json(&diagnostics);
    let mistakes_text = rendered(&diagnostics, &files, rules_dir, globals);
    Err(combined_failure(mistakes_json, vec![mistakes_text], scenario_dir, globals))
}

/// Reads several packs, and a scenario under each; reports the mistakes of all together.
pub(super) fn packs_and_scenario(
    rules_dirs: &[&Path],
    scenario_dir: &Path,
    globals: &Globals,
) -> Result<Vec<(CompiledRules, Scenario)>, Failure> {
    let mut packs = Vec::new();
    let (mut mistakes_json, mut mistakes_text) = (Vec::new(), Vec::new());
    for dir in rules_dirs {
        let files = read_pack(dir, globals)?;
        match compile(files.clone()) {
            Ok(rules) => packs.push(rules),
            Err(diagnostics) => {
                let folder = dir.to_string_lossy();
                let with_folder: Vec<Diagnostic> =
                    diagnostics.iter().map(|diagnostic| diagnostic.clone().within(&folder)).collect();
                mistakes_json.extend(diagnostics_as_json(&with_folder));
                mistakes_text.push(rendered(&diagnostics, &files, dir, globals));
            }
        }
    }
    if !mistakes_text.is_empty() {
        return Err(combined_failure(mistakes_json, mistakes_text, scenario_dir, globals));
    }
    let with_scenario = |(rules, dir): (CompiledRules, &&Path)| {
        let scenario = scenario(scenario_dir, &rules, globals)?;
        check_names(&rules, dir, &scenario, globals)?;
        Ok((rules, scenario))
    };
    packs.into_iter().zip(rules_dirs).map(with_scenario).collect()
}

/// Reads a pack and several scenarios to be compared under it; reports the mistakes of all together. A name in the pack
/// must exist in at least one of the scenarios.
pub(super) fn rules_and_scenarios(
    rules_dir: &Path,
    scenario_dirs: &[&Path],
    globals: &Globals,
) -> Result<(CompiledRules, Vec<Scenario>), Failure> {
    let files = read_pack(rules_dir, globals)?;
    let (mut mistakes_json, mut mistakes_text) = (Vec::new(), Vec::new());
    let compiled = compile(files.clone());
    if let Err(diagnostics) = &compiled {
        mistakes_json.extend(diagnostics_as_json(diagnostics));
        mistakes_text.push(rendered(diagnostics, &files, rules_dir, globals));
    }
    let read = |dir: &Path| match &compiled {
        Ok(rules) => scenario::read_under(dir, rules),
        Err(_) => scenario::read_with_warnings(dir, &placeholder_policy()),
    };
    let mut scenarios = Vec::new();
    let mut is_system_failure = false;
    for dir in scenario_dirs {
        let folder = dir.to_string_lossy();
        match read(dir) {
            Ok((scenario, warnings)) => {
                let warnings: Vec<Diagnostic> = warnings.into_iter().map(|warning| warning.within(&folder)).collect();
                print_scenario_warnings(&warnings, globals);
                scenarios.push(scenario);
            }
            Err(errors) => {
                let errors = errors.within(&folder);
                is_system_failure |= errors.is_system_failure();
                mistakes_json.extend(scenario_diagnostics(&errors));
                mistakes_text.push(escaped(Failure::from(errors).message()).into_owned());
            }
        }
    }
    match compiled {
        Ok(rules) if mistakes_text.is_empty() => {
            check_names_in_any(&rules, rules_dir, &scenarios, globals)?;
            Ok((rules, scenarios))
        }
        _ => Err(mistakes_failure(mistakes_json, &mistakes_text, is_system_failure, globals)),
    }
}

/// Fails if overlays or scripts name something that none of the scenarios has.
fn check_names_in_any(
    rules: &CompiledRules,
    dir: &Path,
    scenarios: &[Scenario],
    globals: &Globals,
) -> Result<(), Failure> {
    let mut unknown = scenarios.iter().map(|scenario| unknown_names(rules, &KnownNames::of(scenario)));
    let first = unknown.next().unwrap_or_default();
    let others: Vec<Vec<Diagnostic>> = unknown.collect();
    let is_unknown_in_all =
        |mistake: &Diagnostic| others.iter().all(|unknown| unknown.iter().any(|other| other.place == mistake.place));
    let diagnostics: Vec<Diagnostic> = first.into_iter().filter(is_unknown_in_all).collect();
    if diagnostics.is_empty() { Ok(()) } else { Err(rules_failure(&diagnostics, &rules.pack().files, dir, globals)) }
}

/// The failure for the mistakes of packs, given as JSON and as text, together with those of the scenario.
fn combined_failure(
    mut mistakes_json: Vec<Value>,
    mut mistakes_text: Vec<String>,
    scenario_dir: &Path,
    globals: &Globals,
) -> Failure {
    let mut is_system_failure = false;
    if let Err(errors) = scenario::read(scenario_dir, &placeholder_policy()) {
        is_system_failure = errors.is_system_failure();
        mistakes_json.extend(scenario_diagnostics(&errors));
        mistakes_text.push(escaped(Failure::from(errors).message()).into_owned());
    }
    mistakes_failure(mistakes_json, &mistakes_text, is_system_failure, globals)
}

/// The failure for mistakes, given as JSON and as text. If one of them is a failure of the system, so is the whole:
/// without it, the others may be fewer or more.
fn mistakes_failure(
    mistakes_json: Vec<Value>,
    mistakes_text: &[String],
    is_system_failure: bool,
    globals: &Globals,
) -> Failure {
    match (globals.format, is_system_failure) {
        (Format::Json, true) => Failure::System(errors_as_json(mistakes_json)),
        (Format::Json, false) => Failure::Input(errors_as_json(mistakes_json)),
        (Format::Text | Format::Junit, true) => Failure::RenderedSystem(mistakes_text.join("\n\n")),
        (Format::Text | Format::Junit, false) => Failure::Rendered(mistakes_text.join("\n\n")),
    }
}

/// A policy to use in place of the pack's default when a scenario is only checked for mistakes: these do not depend on
/// the policy.
const fn placeholder_policy() -> Policy {
    Policy {
        agent_enabled: true,
        auto_exec_enabled: false,
        max_actions_per_day: 1,
        pause_on_high_severity_warning: true,
    }
}

/// The errors of a scenario as JSON, in the form of diagnostics.
fn scenario_diagnostics(errors: &ScenarioErrors) -> Vec<Value> {
    let as_json = |error: &ScenarioError| match error {
        // An error without a place is given as its text only.
        ScenarioError::Invalid(mistake) if mistake.place != Place::None => json!(mistake),
        ScenarioError::Read { path, source } => json!({
            "code": source.code(), "file": path, "cause": source.to_string(), "remedy": source.remedy(),
        }),
        other => json!({ "cause": other.to_string() }),
    };
    errors.iter().map(as_json).collect()
}
