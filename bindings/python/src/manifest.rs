//! The manifest of a scenario, and the hash of a scenario whose tables may be too large for memory.

use std::collections::BTreeMap;

use mcoe_engine::tables::{self, MANIFEST_FILE};
use pyo3::prelude::*;

use crate::errors::{ErrorKind, from_diagnostics};

/// `scenario.toml`.
#[pyclass(module = "mcoe", frozen)]
pub struct Manifest {
    manifest: tables::Manifest,
    text: String,
}

impl Manifest {
    /// Its contents.
    pub fn contents(&self) -> &tables::Manifest {
        &self.manifest
    }
}

#[pymethods]
impl Manifest {
    #[new]
    fn new(py: Python<'_>, text: String) -> PyResult<Self> {
        let manifest = tables::Manifest::parse(MANIFEST_FILE, &text);
        let manifest = manifest.map_err(|errors| from_diagnostics(py, ErrorKind::Scenario, &errors))?;
        Ok(Self { manifest, text })
    }

    /// The first week.
    #[getter]
    fn start(&self) -> String {
        self.manifest.start.to_string()
    }

    /// Default number of weeks of a simulation.
    #[getter]
    fn weeks(&self) -> u32 {
        self.manifest.weeks
    }

    /// File name by table, in order of names.
    #[getter]
    fn files(&self) -> BTreeMap<String, String> {
        self.manifest.files.clone()
    }

    /// A hasher that has seen the text.
    fn hasher(&self) -> ScenarioHasher {
        ScenarioHasher(tables::ScenarioHasher::new(&self.text))
    }
}

/// Computes the hash of a scenario whose tables may be too large for memory.
#[pyclass(module = "mcoe")]
pub struct ScenarioHasher(tables::ScenarioHasher);

#[pymethods]
impl ScenarioHasher {
    /// Begins the next table, in order of names.
    fn begin_table(&mut self, table: &str, file: &str, content_bytes: u64) {
        self.0.begin_table(table, file, content_bytes);
    }

    /// Adds the next bytes of the table's file.
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash, hexadecimal.
    fn finish(&self) -> String {
        self.0.finish()
    }
}

/// The hash of a file's content, hexadecimal: BLAKE3.
#[pyfunction]
pub fn content_hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
