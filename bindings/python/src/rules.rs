//! Rules packs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use mcoe_engine::diagnostic::Diagnostic;
use mcoe_engine::model::Scenario as EngineScenario;
use mcoe_engine::rules::{self, CompiledRules, KnownNames, NameReference, PackFiles};
use mcoe_engine::workbench;
use pyo3::prelude::*;

use crate::errors::{ErrorKind, from_diagnostics, to_python};
use crate::folder;
use crate::scenario::Scenario;
use crate::task;

/// A validated rules pack.
#[pyclass(module = "mcoe", frozen)]
pub struct Rules {
    compiled: Arc<CompiledRules>,
}

impl Rules {
    /// The compiled rules.
    pub fn compiled(&self) -> &Arc<CompiledRules> {
        &self.compiled
    }

    fn compile(py: Python<'_>, files: PackFiles) -> PyResult<Self> {
        let compiled = task::run(py, None, move |_| compiled(files))?;
        compiled.map(|compiled| Self { compiled: Arc::new(compiled) }).map_err(|diagnostics| invalid(py, diagnostics))
    }

    /// Fails unless the scenario has everything that the pack names, such as clients and workspaces, and the numbers that
    /// the scenario sets for limits fit the pack.
    ///
    /// # Errors
    /// If a name is unknown, or a number does not fit.
    pub fn check_names(&self, py: Python<'_>, scenario: &EngineScenario) -> PyResult<()> {
        let known = KnownNames::of(scenario);
        let mistakes: Vec<Diagnostic> = self.compiled.names().iter().filter_map(|named| known.mistake(named)).collect();
        if !mistakes.is_empty() {
            return Err(invalid(py, mistakes));
        }
        // The scenario may have been read under another pack.
        let clients = scenario.clients.iter().map(|(client, _)| client);
        let mistakes = self.compiled.pack().mistakes_in_limit_numbers(clients);
        if mistakes.is_empty() { Ok(()) } else { Err(from_diagnostics(py, ErrorKind::Scenario, &mistakes)) }
    }
}

/// Validates and compiles a pack, and runs its functions once in many situations.
fn compiled(files: PackFiles) -> Result<CompiledRules, Vec<Diagnostic>> {
    let scripts = files.clone();
    let pack = rules::load(files).map_err(|mut diagnostics| {
        diagnostics.extend(rules::script_syntax(&scripts));
        diagnostics
    })?;
    let compiled = CompiledRules::compile(pack)?;
    let mistakes = workbench::trial(&compiled);
    if mistakes.is_empty() { Ok(compiled) } else { Err(mistakes) }
}

fn invalid(py: Python<'_>, mut diagnostics: Vec<Diagnostic>) -> PyErr {
    Diagnostic::sort(&mut diagnostics);
    from_diagnostics(py, ErrorKind::Rules, &diagnostics)
}

#[pymethods]
impl Rules {
    #[new]
    fn new(py: Python<'_>, files: BTreeMap<String, String>) -> PyResult<Self> {
        Self::compile(py, files.into_iter().collect())
    }

    /// Reads the pack in a folder.
    #[staticmethod]
    fn from_folder(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Self::compile(py, folder::pack_files(py, &path)?)
    }

    /// The hash by which plans name the pack.
    #[getter]
    fn hash(&self) -> &str {
        self.compiled.hash()
    }

    /// Whether the pack uses names of the scenario's clients, workspaces and so on.
    #[getter]
    fn uses_names(&self) -> bool {
        !self.compiled.names().is_empty()
    }

    /// The texts of the pack's files, by name.
    #[getter]
    fn files(&self) -> BTreeMap<String, String> {
        self.compiled.pack().files.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    fn __repr__(&self) -> String {
        format!("<mcoe.Rules {} files, hash {:.12}>", self.compiled.pack().files.len(), self.compiled.hash())
    }
}

/// The warnings about a pack, and about a scenario under it.
///
/// # Errors
/// If the pack names something that the scenario does not have.
#[pyfunction]
#[pyo3(signature = (rules, scenario=None))]
pub fn check<'py>(
    py: Python<'py>,
    rules: &Bound<'py, Rules>,
    scenario: Option<&Bound<'py, Scenario>>,
) -> PyResult<Bound<'py, PyAny>> {
    let pack = rules.get();
    let mut warnings = pack.compiled.pack().remarks();
    match scenario {
        Some(scenario) => {
            pack.check_names(py, scenario.get().scenario())?;
            warnings.extend_from_slice(scenario.get().warnings());
        }
        None => warnings.extend(pack.compiled.names().iter().map(NameReference::not_looked_up)),
    }
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    py.import("mcoe.errors")?.call_method1("diagnostics", (to_python(py, &warnings)?, texts))
}
