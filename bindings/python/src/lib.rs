//! The engine of mcoe for Python: packs and scenarios come from folders or from Arrow tables, and results are Arrow
//! tables, exchanged by the Arrow PyCapsule interface.
//!
//! The names here are those of the private module `mcoe._mcoe`; `python/mcoe` documents and types them.

mod arrow_columns;
mod calibration;
mod comparison;
mod errors;
mod folder;
mod manifest;
mod parts;
mod plan;
mod rules;
mod scenario;
mod simulation;
mod table;
mod task;

use pyo3::prelude::*;

/// The private module of the package `mcoe`.
#[pymodule(name = "_mcoe")]
mod module {
    #[pymodule_export]
    use super::calibration::{Calibration, calibrate};
    #[pymodule_export]
    use super::comparison::{Comparison, compare, compare_scenarios};
    #[pymodule_export]
    use super::manifest::{Manifest, ScenarioHasher, content_hash};
    #[pymodule_export]
    use super::parts::{check_names_of_parts, joined_simulation, read_csv_table, simulate_part};
    #[pymodule_export]
    use super::plan::{Plan, joined_plan, plan, plan_part};
    #[pymodule_export]
    use super::rules::{Rules, check};
    #[pymodule_export]
    use super::scenario::Scenario;
    #[pymodule_export]
    use super::simulation::{Simulation, simulate};
    #[pymodule_export]
    use super::table::Table;

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
