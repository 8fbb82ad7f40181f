//! Comparisons of rules packs or of scenarios, on common random numbers.

use std::sync::Arc;

use mcoe_engine::model::{Scenario as EngineScenario, Tier};
use mcoe_engine::planner::Planner;
use mcoe_engine::result_tables::comparison_tables;
use mcoe_engine::rules::CompiledRules;
use mcoe_engine::simulator::{
    self, CompareError, ComparedPack, ComparedScenario, Comparison as EngineComparison, Extent,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{ErrorKind, from_text, to_python};
use crate::rules::Rules;
use crate::scenario::Scenario;
use crate::simulation::{parse_tier, simulate_failure};
use crate::table::by_name;
use crate::task::{self, Stop};

/// The result of a comparison.
#[pyclass(module = "mcoe", frozen)]
pub struct Comparison {
    comparison: EngineComparison,
}

/// Packs with their labels, the base first.
type Packs = Vec<(String, Arc<CompiledRules>)>;

/// Scenarios with their labels, the base first.
type Scenarios = Vec<(String, Arc<EngineScenario>)>;

/// Compares packs on one scenario. The base comes first. The caller checks the ranges of whole numbers.
///
/// # Errors
/// If `until` is out of range, there is no such tier, a pack names something that the scenario does not have, or a rule fails.
#[pyfunction]
#[pyo3(signature = (packs, scenario, weeks=None, replications=20, seed=1, tier="exact", until=None, threads=None))]
#[allow(clippy::too_many_arguments, reason = "all but the first two are named arguments in Python")]
pub fn compare(
    py: Python<'_>,
    packs: Vec<(String, Bound<'_, Rules>)>,
    scenario: &Bound<'_, Scenario>,
    weeks: Option<u32>,
    replications: u32,
    seed: u64,
    tier: &str,
    until: Option<f64>,
    threads: Option<usize>,
) -> PyResult<Comparison> {
    let engine_scenario = Arc::clone(scenario.get().scenario());
    for (_, rules) in &packs {
        rules.get().check_names(py, &engine_scenario)?;
    }
    let packs: Packs = packs.into_iter().map(|(label, rules)| (label, Arc::clone(rules.get().compiled()))).collect();
    check_until(py, until)?;
    let extent = Extent { weeks: weeks.unwrap_or(engine_scenario.weeks), replications, seed };
    let tier = parse_tier(py, tier)?;
    let compared =
        task::run(py, threads, move |stop| compare_packs(&packs, &engine_scenario, extent, tier, until, stop))?;
    compared.map(|comparison| Comparison { comparison }).map_err(|error| failure(py, &error))
}

/// Compares scenarios under one pack. The base comes first. The caller checks the ranges of whole numbers.
///
/// # Errors
/// If `until` is out of range, there is no such tier, the pack names something that a scenario does not have, or a rule fails.
#[pyfunction]
#[pyo3(signature = (rules, scenarios, weeks=None, replications=20, seed=1, tier="exact", until=None, threads=None))]
#[allow(clippy::too_many_arguments, reason = "all but the first two are named arguments in Python")]
pub fn compare_scenarios(
    py: Python<'_>,
    rules: &Bound<'_, Rules>,
    scenarios: Vec<(String, Bound<'_, Scenario>)>,
    weeks: Option<u32>,
    replications: u32,
    seed: u64,
    tier: &str,
    until: Option<f64>,
    threads: Option<usize>,
) -> PyResult<Comparison> {
    let scenarios: Scenarios =
        scenarios.into_iter().map(|(label, scenario)| (label, Arc::clone(scenario.get().scenario()))).collect();
    for (_, scenario) in &scenarios {
        rules.get().check_names(py, scenario)?;
    }
    let default_weeks = scenarios.first().map_or(1, |(_, scenario)| scenario.weeks);
    check_until(py, until)?;
    let extent = Extent { weeks: weeks.unwrap_or(default_weeks), replications, seed };
    let tier = parse_tier(py, tier)?;
    let pack = Arc::clone(rules.get().compiled());
    let compared = task::run(py, threads, move |stop| {
        let should_stop = || stop.is_set();
        let planner = Planner::new(&pack, tier, None).stopping_when(&should_stop);
        let compared: Vec<ComparedScenario<'_>> =
            scenarios.iter().map(|(label, scenario)| ComparedScenario { label, scenario }).collect();
        let (base, others) = compared.split_first()?;
        Some(simulator::compare_scenarios(&planner, *base, others, extent, until, stop))
    })?;
    match compared {
        Some(compared) => compared.map(|comparison| Comparison { comparison }).map_err(|error| failure(py, &error)),
        None => Err(from_text(py, ErrorKind::Run, "there is nothing to compare", "give a base and another scenario")),
    }
}

fn compare_packs(
    packs: &Packs,
    scenario: &EngineScenario,
    extent: Extent,
    tier: Tier,
    until: Option<f64>,
    stop: &Stop,
) -> Result<EngineComparison, CompareError> {
    let should_stop = || stop.is_set();
    let planner = |rules| Planner::new(rules, tier, None).stopping_when(&should_stop);
    let planners: Vec<(&str, Planner<'_>)> =
        packs.iter().map(|(label, rules)| (label.as_str(), planner(rules))).collect();
    let compared: Vec<ComparedPack<'_>> =
        planners.iter().map(|(label, planner)| ComparedPack { label, planner, scenario }).collect();
    match compared.split_first() {
        Some((base, others)) => simulator::compare(*base, others, extent, until, stop),
        None => Err(CompareError::NoClients(scenario.name.clone())),
    }
}

/// Fails unless the share at which a comparison stops early is one.
fn check_until(py: Python<'_>, until: Option<f64>) -> PyResult<()> {
    match until {
        Some(share) if !(share > 0.0 && share <= 1.0) => {
            let cause = format!("`until` is {share}, which is out of range");
            Err(from_text(py, ErrorKind::Run, &cause, "use a share above 0 and at most 1, such as 0.005"))
        }
        _ => Ok(()),
    }
}

fn failure(py: Python<'_>, error: &CompareError) -> PyErr {
    match error {
        CompareError::Simulate(error) => simulate_failure(py, error),
        other => from_text(py, ErrorKind::Run, &other.to_string(), ""),
    }
}

#[pymethods]
impl Comparison {
    /// Each variant against the base: the difference of each headline figure, with its interval.
    #[getter]
    fn versus<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.comparison.versus)
    }

    /// What each variant was made from, and its headline figures.
    #[getter]
    fn variants<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.comparison.variants)
    }

    /// The tables of the comparison, by name: those that `mcoe compare` writes.
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        by_name(py, comparison_tables(&self.comparison))
    }

    fn __repr__(&self) -> String {
        let labels: Vec<&str> = self.comparison.variants.iter().map(|variant| variant.label.as_str()).collect();
        format!("<mcoe.Comparison of {}>", labels.join(", "))
    }

    fn _repr_html_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        slf.py().import("mcoe.display")?.call_method1("comparison_html", (&slf,))
    }
}
