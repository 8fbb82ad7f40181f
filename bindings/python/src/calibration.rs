//! Calibrations: what a scenario's past posts say about its audiences.

use mcoe_engine::calibration::{self, Calibration as EngineCalibration};
use mcoe_engine::result_tables::calibration_tables;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{ErrorKind, from_text};
use crate::scenario::Scenario;
use crate::table::Table;
use crate::table::by_name;
use crate::task;

/// The result of a calibration.
#[pyclass(module = "mcoe", frozen)]
pub struct Calibration {
    calibration: EngineCalibration,
}

/// Estimates levels, hours, weekdays, content types and the response to recent posts from a scenario's past posts.
///
/// # Errors
/// If the scenario has no past posts, or they cannot be read.
#[pyfunction]
#[pyo3(signature = (scenario, threads=None))]
pub fn calibrate(py: Python<'_>, scenario: &Bound<'_, Scenario>, threads: Option<usize>) -> PyResult<Calibration> {
    let histories = scenario.get().histories(py)?;
    let calibration = task::run(py, threads, move |_| calibration::calibrate(&histories))?;
    calibration.map(|calibration| Calibration { calibration }).ok_or_else(|| {
        let remedy = "give its table `history` a row for each post, with `engagements` where they were measured";
        from_text(py, ErrorKind::Scenario, "the scenario has no past posts", remedy)
    })
}

#[pymethods]
impl Calibration {
    /// The tables of the calibration, by name: those that `mcoe calibrate` writes, and `world`, a table for a scenario.
    fn tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let tables = by_name(py, calibration_tables(&self.calibration))?;
        let world = self.calibration.accounts.iter().flat_map(|account| account.world());
        let world = Table::of_records(py, "world", world)?;
        tables.set_item(world.name(), Bound::new(py, world)?)?;
        Ok(tables)
    }

    fn __repr__(&self) -> String {
        format!("<mcoe.Calibration of {} accounts and channels>", self.calibration.accounts.len())
    }
}
