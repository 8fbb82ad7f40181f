//! The tables of results: of a plan, a simulation, a comparison, a sweep, a backtest and a calibration.
//!
//! Each column is declared once, with its type, its description and the value of its cells. How a table is written is
//! left to the application: as CSV or Parquet, or for another program. A number that is not finite becomes a blank cell.
//! Instants are ISO 8601 text in UTC.

mod backtest;
mod calibration;
mod comparison;
mod plan;
mod run;
mod sweep;

pub use backtest::{backtest_tables, expectations_table};
pub use calibration::calibration_tables;
pub use comparison::comparison_tables;
pub use plan::{CLIENTS_PER_PART, PlanPart, clients_by_workspace, cost_tables, plan_tables};
pub use run::run_tables;
pub use sweep::sweep_tables;

use crate::model::{Cell, Kind};
use crate::stats::Estimate;
use crate::tables::Cells;

/// A table of results.
#[derive(Debug, Clone)]
pub struct ResultTable {
    /// Its name, without an extension.
    pub name: &'static str,
    /// What a row represents.
    pub doc: &'static str,
    /// Its columns, all of the same height.
    pub columns: Vec<ResultColumn>,
}

/// A column of a table of results.
#[derive(Debug, Clone)]
pub struct ResultColumn {
    /// Its name, which may depend on the data.
    pub name: String,
    /// Description of its content, with the unit.
    pub doc: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Its cells.
    pub cells: Cells,
}

impl ResultTable {
    fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, columns: Vec::new() }
    }

    /// Number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    fn add<C: Cell>(&mut self, name: impl Into<String>, doc: &'static str, values: impl Iterator<Item = C>) {
        let mut cells = Cells::new(C::KIND);
        values.for_each(|value| cells.push(value.value()));
        self.columns.push(ResultColumn { name: name.into(), doc, kind: C::KIND, cells });
    }

    /// Adds the columns of an estimate of engagement.
    fn add_engagement<'e>(&mut self, estimates: impl Iterator<Item = &'e Estimate> + Clone) {
        let rows: Vec<&Estimate> = estimates.collect();
        columns!(self, rows, |estimate| {
            /// Engagements, mean over replications.
            engagement: f64 = estimate.mean,
            /// Lower end of the 95 % interval of that mean; blank for one replication.
            engagement_low: Option<f64> = estimate.interval.map(|[low, _]| low),
            /// Upper end of that interval.
            engagement_high: Option<f64> = estimate.interval.map(|[_, high]| high),
            /// 5 % quantile of engagements over replications.
            engagement_p5: f64 = estimate.p5,
            /// Median of engagements over replications.
            engagement_p50: f64 = estimate.p50,
            /// 95 % quantile of engagements over replications.
            engagement_p95: f64 = estimate.p95,
        });
    }
}

/// Adds columns to a table: `columns!(table, rows, |row| { /// Description. name: type = value, … })`.
macro_rules! columns {
    ($table:expr, $rows:expr, |$row:pat_param| {
        $($(#[doc = $doc:literal])+ $column:ident: $kind:ty = $value:expr,)+
    }) => {
        $($table.add(stringify!($column), concat!($($doc),+), $rows.iter().map(|row| -> $kind {
            #[allow(unused_variables, reason = "not every column needs the whole row")]
            let $row = row;
            $value
        }));)+
    };
}
use columns;
