//! Errors as Python exceptions, which `python/mcoe/errors.py` defines, with the same places and remedies as on the
//! command line.

use mcoe_engine::diagnostic::Diagnostic;
use pyo3::prelude::*;

/// The exceptions of the package.
#[derive(Debug, Clone, Copy)]
pub enum ErrorKind {
    /// A rules pack is invalid.
    Rules,
    /// A scenario is invalid.
    Scenario,
    /// An argument is invalid, or the work failed.
    Run,
}

impl ErrorKind {
    const fn class(self) -> &'static str {
        match self {
            ErrorKind::Rules => "RulesError",
            ErrorKind::Scenario => "ScenarioError",
            ErrorKind::Run => "RunError",
        }
    }
}

/// The exception for mistakes in an input.
pub fn from_diagnostics(py: Python<'_>, kind: ErrorKind, diagnostics: &[Diagnostic]) -> PyErr {
    raised(|| {
        let entries = to_python(py, &diagnostics)?;
        let texts: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        py.import("mcoe.errors")?.getattr(kind.class())?.call_method1("from_diagnostics", (entries, texts))
    })
}

/// The exception with a cause and a remedy, which is empty if there is none.
pub fn from_text(py: Python<'_>, kind: ErrorKind, cause: &str, remedy: &str) -> PyErr {
    raised(|| py.import("mcoe.errors")?.getattr(kind.class())?.call1((cause, remedy)))
}

/// The exception that `make` makes, or the one with which it failed.
fn raised<'py>(make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>) -> PyErr {
    make().map_or_else(|error| error, PyErr::from_value)
}

/// A value in the form in which it is written as JSON: dictionaries, lists, strings and numbers.
///
/// # Errors
/// If the value has no JSON form.
pub fn to_python<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyAny>> {
    let text = serde_json::to_string(value).map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
    py.import("json")?.call_method1("loads", (text,))
}
