//! Simulations of many weeks.

use std::sync::Arc;

use mcoe_engine::model::Tier;
use mcoe_engine::planner::Planner;
use mcoe_engine::result_tables::run_tables;
use mcoe_engine::simulator::{self, Extent, SimulateError, Simulation as EngineSimulation};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{ErrorKind, from_text, to_python};
use crate::rules::Rules;
use crate::scenario::Scenario;
use crate::table::by_name;
use crate::task;

/// The result of a simulation.
#[pyclass(module = "mcoe", frozen)]
pub struct Simulation {
    simulation: EngineSimulation,
}

impl Simulation {
    /// The results of a simulation.
    pub const fn new(simulation: EngineSimulation) -> Self {
        Self { simulation }
    }
}

/// Simulates weeks of planning, review and response. The caller checks the ranges of the numbers.
///
/// # Errors
/// If there is no such tier, the pack names something that the scenario does not have, or a rule fails.
#[pyfunction]
#[pyo3(signature = (rules, scenario, weeks=None, replications=20, seed=1, tier="exact", threads=None))]
#[allow(clippy::too_many_arguments, reason = "all but the first two are named arguments in Python")]
pub fn simulate(
    py: Python<'_>,
    rules: &Bound<'_, Rules>,
    scenario: &Bound<'_, Scenario>,
    weeks: Option<u32>,
    replications: u32,
    seed: u64,
    tier: &str,
    threads: Option<usize>,
) -> PyResult<Simulation> {
    let engine_scenario = Arc::clone(scenario.get().scenario());
    rules.get().check_names(py, &engine_scenario)?;
    let extent = Extent { weeks: weeks.unwrap_or(engine_scenario.weeks), replications, seed };
    let tier = parse_tier(py, tier)?;
    let pack = Arc::clone(rules.get().compiled());
    let simulated = task::run(py, threads, move |stop| {
        let should_stop = || stop.is_set();
        let planner = Planner::new(&pack, tier, None).stopping_when(&should_stop);
        simulator::simulate(&planner, &engine_scenario, extent, stop)
    })?;
    simulated.map(|simulation| Simulation { simulation }).map_err(|error| simulate_failure(py, &error))
}

/// The tier of the optimiser with a name.
///
/// # Errors
/// If there is none.
pub fn parse_tier(py: Python<'_>, name: &str) -> PyResult<Tier> {
    let tiers = [Tier::Exact, Tier::Fast];
    tiers
        .into_iter()
        .find(|tier| tier.name() == name)
        .ok_or_else(|| from_text(py, ErrorKind::Run, &format!("`{name}` is not a tier"), "use `exact` or `fast`"))
}

/// The exception for a failed simulation.
pub fn simulate_failure(py: Python<'_>, error: &SimulateError) -> PyErr {
    match error {
        SimulateError::Stopped => PyKeyboardInterrupt::new_err(()),
        other => from_text(py, ErrorKind::Run, &other.to_string(), ""),
    }
}

#[pymethods]
impl Simulation {
    /// The headline figures, each with its mean, interval and quantiles over replications.
    #[getter]
    fn headline<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.simulation.headline)
    }

    /// What the simulation was made from.
    #[getter]
    fn provenance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.simulation.provenance)
    }

    /// The tables of the simulation, by name: those that `mcoe simulate` writes.
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        by_name(py, run_tables(&self.simulation))
    }

    fn __repr__(&self) -> String {
        let provenance = &self.simulation.provenance;
        let worth = self.simulation.headline.net_worth.mean;
        format!(
            "<mcoe.Simulation {} weeks, {} replications: net worth {worth:.0}>",
            provenance.weeks, provenance.replications
        )
    }

    fn _repr_html_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        slf.py().import("mcoe.display")?.call_method1("simulation_html", (&slf,))
    }
}
