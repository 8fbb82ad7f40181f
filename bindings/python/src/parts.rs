//! Parts of a scenario, each with whole workspaces, so that its work can be divided among processes.

use std::sync::Arc;

use mcoe_engine::diagnostic::Diagnostic;
use mcoe_engine::planner::Planner;
use mcoe_engine::rules::{KnownNames, NameReference};
use mcoe_engine::simulator::{
    Extent, JoinedSimulation, Replication, SimulatedClients, SimulationSetting, simulate_part as simulate,
};
use mcoe_engine::tables::{Cells, ScenarioTable, TableSpec, TextCells, read_csv};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator};

use crate::errors::{ErrorKind, from_diagnostics, from_text};
use crate::rules::Rules;
use crate::scenario::Scenario;
use crate::simulation::{Simulation, parse_tier, simulate_failure};
use crate::table::Table;
use crate::task;

/// The rows of a scenario's CSV file as texts.
///
/// # Errors
/// If they cannot be read.
#[pyfunction]
pub fn read_csv_table(py: Python<'_>, table: &str, file: &str, bytes: &[u8]) -> PyResult<Table> {
    let columns = ScenarioTable::named(table).map(ScenarioTable::columns).unwrap_or_default();
    let spec = TableSpec { columns, ignore_unknown: false };
    let mut errors = Vec::new();
    let read = read_csv(file, bytes, &spec, &mut errors);
    let Some(read) = read.filter(|_| errors.is_empty()) else {
        return Err(from_diagnostics(py, ErrorKind::Scenario, &errors));
    };
    let cells = |name: &str| {
        let mut cells = TextCells::default();
        read.rows.iter().for_each(|row| {
            cells.push(read.text(*row, name).unwrap_or_default());
        });
        Cells::Text(cells)
    };
    let names: Vec<&str> = read.columns.iter().map(|(name, _)| *name).collect();
    Table::of_texts(py, names.iter().map(|name| (*name, cells(name))))
}

/// The names in scenarios that a pack may use, joined from those of parts.
///
/// # Errors
/// If the pack uses a name that no part has.
#[pyfunction]
pub fn check_names_of_parts(py: Python<'_>, rules: &Bound<'_, Rules>, parts: Vec<String>) -> PyResult<()> {
    let mut known = KnownNames::default();
    for part in parts {
        let part = serde_json::from_str(&part);
        known.extend(part.map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?);
    }
    let mistakes = |name: &NameReference| known.mistake(name);
    let mut mistakes: Vec<Diagnostic> = rules.get().compiled().names().iter().filter_map(mistakes).collect();
    Diagnostic::sort(&mut mistakes);
    if mistakes.is_empty() { Ok(()) } else { Err(from_diagnostics(py, ErrorKind::Rules, &mistakes)) }
}

/// Encoded parts: the clients, and each replication.
type EncodedParts<'py> = (Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>);

/// Simulates the replications from `first` to before `last` for a part of a scenario, and encodes them for
/// [`joined_simulation`]. The caller checks the ranges of the numbers.
///
/// # Errors
/// If there is no such tier, or a rule fails.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the package's own Python code calls it with named arguments")]
pub fn simulate_part<'py>(
    py: Python<'py>,
    rules: &Bound<'_, Rules>,
    scenario: &Bound<'_, Scenario>,
    weeks: u32,
    seed: u64,
    tier: &str,
    first: u32,
    last: u32,
    threads: Option<usize>,
) -> PyResult<EncodedParts<'py>> {
    let engine_scenario = Arc::clone(scenario.get().scenario());
    let clients = encoded(py, &SimulatedClients::of(&engine_scenario, weeks))?;
    let tier = parse_tier(py, tier)?;
    let pack = Arc::clone(rules.get().compiled());
    let extent = Extent { weeks, replications: last, seed };
    let simulated = task::run(py, threads, move |stop| {
        let should_stop = || stop.is_set();
        let planner = Planner::new(&pack, tier, None).stopping_when(&should_stop);
        let mut replications = Vec::new();
        simulate(&planner, &engine_scenario, extent, first..last, stop, |replication| {
            replications.push(postcard::to_allocvec(&replication));
        })?;
        Ok(replications)
    })?;
    let replications = simulated.map_err(|error| simulate_failure(py, &error))?;
    let bytes = |encoded: postcard::Result<Vec<u8>>| {
        encoded.map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| codec_failure(py, &error))
    };
    let replications: PyResult<Vec<_>> = replications.into_iter().map(bytes).collect();
    Ok((clients, replications?))
}

/// Joins the parts of a simulation. `scenario` is any part of it. `replications` yields, for each replication in order,
/// its parts in the order of `clients`.
///
/// # Errors
/// If there is no such tier, or a part cannot be read.
#[pyfunction]
#[allow(clippy::too_many_arguments, reason = "the package's own Python code calls it with named arguments")]
pub fn joined_simulation(
    py: Python<'_>,
    rules: &Bound<'_, Rules>,
    scenario: &Bound<'_, Scenario>,
    weeks: u32,
    replications: u32,
    seed: u64,
    tier: &str,
    clients: Vec<Vec<u8>>,
    parts: &Bound<'_, PyIterator>,
) -> PyResult<Simulation> {
    let clients: PyResult<Vec<SimulatedClients>> = clients.iter().map(|bytes| decoded(py, bytes)).collect();
    let setting = SimulationSetting {
        rules: rules.get().compiled(),
        scenario: scenario.get().scenario(),
        tier: parse_tier(py, tier)?,
        extent: Extent { weeks, replications, seed },
    };
    let mut joined = JoinedSimulation::new(setting, clients?);
    for parts in parts {
        let parts: Vec<Vec<u8>> = parts?.extract()?;
        let parts: PyResult<Vec<Replication>> = parts.iter().map(|bytes| decoded(py, bytes)).collect();
        joined.add(parts?);
    }
    Ok(Simulation::new(joined.results()))
}

fn encoded<'py>(py: Python<'py>, value: &impl serde::Serialize) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = postcard::to_allocvec(value).map_err(|error| codec_failure(py, &error))?;
    Ok(PyBytes::new(py, &bytes))
}

fn decoded<T: serde::de::DeserializeOwned>(py: Python<'_>, bytes: &[u8]) -> PyResult<T> {
    postcard::from_bytes(bytes).map_err(|error| codec_failure(py, &error))
}

fn codec_failure(py: Python<'_>, error: &postcard::Error) -> PyErr {
    let cause = format!("a part of a simulation cannot be read: {error}");
    from_text(py, ErrorKind::Run, &cause, "simulate again into another folder")
}
