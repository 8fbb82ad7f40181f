//! Scenarios, from folders or from tables in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcoe_engine::calibration::AccountHistory;
use mcoe_engine::diagnostic::{Diagnostic, Diagnostics, Place};
use mcoe_engine::model::{HistoryRow, Record as _, Scenario as EngineScenario};
use mcoe_engine::rules::KnownNames;
use mcoe_engine::tables::{
    self, MANIFEST_FILE, Manifest, ScenarioTable, ScenarioTables, Table, TableSpec, histories_of, read_csv,
};
use pyo3::prelude::*;
use pyo3_arrow::PyTable;

use crate::arrow_columns::ArrowTable;
use crate::errors::{ErrorKind, from_diagnostics, from_text};
use crate::folder;
use crate::manifest::Manifest as PyManifest;
use crate::rules::Rules;

/// The magic bytes of a Parquet file.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// The tables that every scenario has.
const REQUIRED_TABLES: [&str; 2] = ["clients", "channels"];

/// How mistakes in the settings of a scenario of tables name their place.
const SETTINGS: &str = "settings";

/// How to correct settings that have no form in a manifest.
const SETTINGS_REMEDY: &str = "give numbers, texts and true or false, by section and key";

/// The table with past posts.
const HISTORY: &str = "history";

/// Clients with their state at the start, and the simulated environment.
#[pyclass(module = "mcoe", frozen)]
pub struct Scenario {
    scenario: Arc<EngineScenario>,
    warnings: Vec<Diagnostic>,
    source: Source,
}

/// Where a scenario's tables came from.
enum Source {
    Folder(PathBuf),
    /// The table `history`, if there is one.
    Tables(Option<ArrowTable>),
}

impl Scenario {
    /// The scenario.
    pub fn scenario(&self) -> &Arc<EngineScenario> {
        &self.scenario
    }

    /// Values that are valid but unlikely to be meant.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The posting histories of the scenario's channels.
    ///
    /// # Errors
    /// If the table `history` cannot be read.
    pub fn histories(&self, py: Python<'_>) -> PyResult<Vec<AccountHistory>> {
        let mut diagnostics = Diagnostics::default();
        let table = match &self.source {
            Source::Folder(dir) => {
                let manifest = read_manifest(py, dir)?.0;
                match manifest.files.get(HISTORY) {
                    Some(file) => {
                        let bytes = folder::scenario_file(py, &dir.join(file))?;
                        read_file(file, bytes, &history_spec(), &mut diagnostics.errors)
                    }
                    None => None,
                }
            }
            Source::Tables(history) => {
                history.as_ref().and_then(|table| table.read(HISTORY, &history_spec(), &mut diagnostics.errors))
            }
        };
        let start = Some(self.scenario.start.monday());
        let mut rows: Vec<HistoryRow> = Vec::new();
        if let Some(table) = &table {
            rows.extend((0..table.height()).filter_map(|index| table.row(index, start, &mut diagnostics).read()));
        }
        refuse(py, diagnostics.errors)?;
        Ok(histories_of(rows, &self.scenario))
    }

    fn build(
        py: Python<'_>,
        rules: &Rules,
        manifest: Manifest,
        hash: String,
        scenario_tables: &ScenarioTables,
        mut diagnostics: Diagnostics,
        source: Source,
    ) -> PyResult<Self> {
        let policy = &rules.compiled().base().risk.default_policy;
        let clients = tables::clients(scenario_tables, manifest.start, manifest.default_zone, policy, &mut diagnostics);
        let pack = rules.compiled().pack();
        diagnostics.errors.extend(pack.mistakes_in_limit_numbers(clients.iter().map(|(client, _)| client)));
        refuse(py, diagnostics.errors)?;
        let scenario = Arc::new(manifest.into_scenario(hash, clients));
        Ok(Self { scenario, warnings: diagnostics.warnings, source })
    }
}

fn refuse(py: Python<'_>, errors: Vec<Diagnostic>) -> PyResult<()> {
    if errors.is_empty() { Ok(()) } else { Err(from_diagnostics(py, ErrorKind::Scenario, &errors)) }
}

fn history_spec() -> TableSpec {
    TableSpec { columns: HistoryRow::columns().collect(), ignore_unknown: false }
}

/// The manifest of a folder, and its text.
fn read_manifest(py: Python<'_>, dir: &Path) -> PyResult<(Manifest, String)> {
    let bytes = folder::scenario_file(py, &dir.join(MANIFEST_FILE))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        from_text(py, ErrorKind::Scenario, &format!("`{MANIFEST_FILE}` is not UTF-8"), "save it in UTF-8")
    })?;
    let manifest =
        Manifest::parse(MANIFEST_FILE, &text).map_err(|errors| from_diagnostics(py, ErrorKind::Scenario, &errors))?;
    Ok((manifest, text))
}

/// Reads a CSV or Parquet file; `None` if its rows cannot be read.
fn read_file(file: &str, bytes: Vec<u8>, spec: &TableSpec, errors: &mut Vec<Diagnostic>) -> Option<Table> {
    if !bytes.starts_with(PARQUET_MAGIC) {
        return read_csv(file, &bytes, spec, errors);
    }
    match ArrowTable::from_parquet(bytes) {
        Ok(table) => table.has_types_of_files(file, spec, errors).then(|| table.read(file, spec, errors)).flatten(),
        Err(cause) => {
            let cause = format!("cannot be parsed as Parquet ({cause})");
            errors.push(Diagnostic::of_file("unreadable", file, cause, "write the file again"));
            None
        }
    }
}

/// Reads the tables of a scenario, each by `read`.
fn read_tables<T>(
    contents: BTreeMap<String, T>,
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(&str, T, &TableSpec, &mut Vec<Diagnostic>) -> Option<Table>,
) -> ScenarioTables {
    let mut scenario_tables = ScenarioTables::default();
    for (name, content) in contents {
        let Some(known) = ScenarioTable::named(&name) else {
            let names: Vec<&str> = ScenarioTable::ALL.iter().map(|table| table.name).collect();
            let remedy = format!("use one of {}", names.join(", "));
            let cause = format!("`{name}` is not a table of a scenario");
            diagnostics.errors.push(Diagnostic::new("unknown_table", Place::Field(name), cause, remedy));
            continue;
        };
        let spec = TableSpec { columns: known.columns(), ignore_unknown: false };
        match read(&name, content, &spec, &mut diagnostics.errors) {
            Some(table) => {
                scenario_tables.tables.insert(name, table);
            }
            None => scenario_tables.unreadable.push(name),
        }
    }
    scenario_tables
}

#[pymethods]
impl Scenario {
    /// Reads the scenario in a folder.
    #[staticmethod]
    fn from_folder(py: Python<'_>, path: PathBuf, rules: &Bound<'_, Rules>) -> PyResult<Self> {
        let (manifest, text) = read_manifest(py, &path)?;
        let files = folder::table_files(py, &path, &manifest.files)?;
        let hash = manifest.scenario_hash(&text, &files);
        let mut diagnostics = Diagnostics::default();
        let scenario_tables = read_tables(files, &mut diagnostics, |name, bytes, spec, errors| {
            let file = manifest.files.get(name).map_or(name, String::as_str);
            read_file(file, bytes, spec, errors)
        });
        Self::build(py, rules.get(), manifest, hash, &scenario_tables, diagnostics, Source::Folder(path))
    }

    /// The scenario of tables by name, and of the settings of a manifest without its files, as JSON.
    #[staticmethod]
    fn from_tables(
        py: Python<'_>,
        settings: &str,
        tables: BTreeMap<String, PyTable>,
        rules: &Bound<'_, Rules>,
    ) -> PyResult<Self> {
        let manifest = manifest_text(settings).map_err(|cause| {
            from_text(py, ErrorKind::Scenario, &format!("`settings` cannot be read: {cause}"), SETTINGS_REMEDY)
        })?;
        let parsed = Manifest::parse(SETTINGS, &manifest);
        let mut parsed = parsed.map_err(|errors| from_diagnostics(py, ErrorKind::Scenario, &errors))?;
        let tables: BTreeMap<String, ArrowTable> = tables
            .into_iter()
            .map(|(name, table)| {
                let (batches, schema) = table.into_inner();
                (name, ArrowTable { batches, schema })
            })
            .collect();
        refuse(py, missing_tables(&tables))?;
        parsed.files = tables.keys().map(|name| (name.clone(), name.clone())).collect();
        let history = tables.get(HISTORY).cloned();
        let mut diagnostics = Diagnostics::default();
        let mut contents = BTreeMap::new();
        let scenario_tables = read_tables(tables, &mut diagnostics, |name, table, spec, errors| {
            let table = table.read(name, spec, errors)?;
            contents.insert(name.to_owned(), content_of(&table));
            Some(table)
        });
        let hash = parsed.scenario_hash(&manifest, &contents);
        Self::build(py, rules.get(), parsed, hash, &scenario_tables, diagnostics, Source::Tables(history))
    }

    /// A part of a scenario that has the given hash. `files` are Parquet files by table.
    #[staticmethod]
    fn part(
        py: Python<'_>,
        manifest: &Bound<'_, PyManifest>,
        hash: String,
        files: BTreeMap<String, Vec<u8>>,
        rules: &Bound<'_, Rules>,
    ) -> PyResult<Self> {
        let manifest = manifest.get().contents().clone();
        let mut diagnostics = Diagnostics::default();
        let scenario_tables = read_tables(files, &mut diagnostics, |name, bytes, spec, errors| {
            let file = manifest.files.get(name).map_or(name, String::as_str);
            read_file(file, bytes, spec, errors)
        });
        Self::build(py, rules.get(), manifest.clone(), hash, &scenario_tables, diagnostics, Source::Tables(None))
    }

    /// A scenario without clients.
    #[staticmethod]
    fn empty(manifest: &Bound<'_, PyManifest>, hash: String) -> Self {
        let scenario = Arc::new(manifest.get().contents().clone().into_scenario(hash, Vec::new()));
        Self { scenario, warnings: Vec::new(), source: Source::Tables(None) }
    }

    /// The names that a pack may use, as JSON.
    fn known_names(&self, py: Python<'_>) -> PyResult<String> {
        let names = serde_json::to_string(&KnownNames::of(&self.scenario));
        names.map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))
    }

    /// The name of the scenario.
    #[getter]
    fn name(&self) -> &str {
        &self.scenario.name
    }

    /// Its first week, such as `2026-W37`.
    #[getter]
    fn start(&self) -> String {
        self.scenario.start.to_string()
    }

    /// Default number of weeks of a simulation.
    #[getter]
    fn weeks(&self) -> u32 {
        self.scenario.weeks
    }

    /// The hash by which plans name the scenario.
    #[getter]
    fn hash(&self) -> &str {
        &self.scenario.hash
    }

    /// The ids of its clients.
    #[getter]
    fn client_ids(&self) -> Vec<&str> {
        self.scenario.clients.iter().map(|(client, _)| client.id.as_str()).collect()
    }

    fn __repr__(&self) -> String {
        let clients = self.scenario.clients.len();
        format!("<mcoe.Scenario {}: {clients} clients from {}>", self.scenario.name, self.scenario.start)
    }
}

/// The text of a manifest with the given settings, which are JSON. It names files, as every manifest must; they are not
/// read.
fn manifest_text(settings: &str) -> Result<String, String> {
    let mut manifest: toml::Table = serde_json::from_str(settings).map_err(|error| error.to_string())?;
    let files = REQUIRED_TABLES.map(|table| (table.to_owned(), toml::Value::from(format!("{table}.parquet"))));
    manifest.insert("files".to_owned(), toml::Value::Table(files.into_iter().collect()));
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

/// The errors about required tables that are missing.
fn missing_tables(tables: &BTreeMap<String, ArrowTable>) -> Vec<Diagnostic> {
    let missing = REQUIRED_TABLES.into_iter().filter(|name| !tables.contains_key(*name));
    let error = |name: &str| {
        let cause = format!("the table `{name}` is missing");
        Diagnostic::new(
            "missing_table",
            Place::Field(name.to_owned()),
            cause,
            "add it; `docs/tables.md` lists its columns",
        )
    };
    missing.map(error).collect()
}

/// The number of rows and the cells of a table, each with its length, for the hash of the scenario.
fn content_of(table: &Table) -> Vec<u8> {
    let mut content = (table.height() as u64).to_le_bytes().to_vec();
    for (name, column) in &table.columns {
        let cells = table.rows.iter().map(|row| column.cell(row.position()).unwrap_or_default());
        for text in std::iter::once(*name).chain(cells) {
            content.extend_from_slice(&(text.len() as u64).to_le_bytes());
            content.extend_from_slice(text.as_bytes());
        }
    }
    content
}
