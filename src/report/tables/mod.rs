//! Writes the tables of results as Parquet or CSV.

mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use polars_core::prelude::{DataFrame, PolarsError, PolarsResult};

pub use plan::{ClientOrder, PlanLayout, PlanTables, write_plan_tables};

use super::{File, ReportError};
use crate::frames;
use crate::result_tables::ResultTable;

/// The file format of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableFormat {
    /// Compact and typed.
    #[default]
    Parquet,
    /// Plain text.
    Csv,
}

impl TableFormat {
    /// The file extension, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            TableFormat::Parquet => "parquet",
            TableFormat::Csv => "csv",
        }
    }
}

/// The tables as files, each named with its extension.
///
/// # Errors
/// If a table cannot be encoded.
pub fn table_files(
    tables: impl IntoIterator<Item = ResultTable>,
    format: TableFormat,
) -> Result<Vec<File>, ReportError> {
    tables.into_iter().map(|table| table_file(&table, format)).collect()
}

/// The table as a file, named with its extension.
///
/// # Errors
/// If it cannot be encoded.
pub fn table_file(table: &ResultTable, format: TableFormat) -> Result<File, ReportError> {
    let bytes = bytes(table, format).map_err(|error| table_error(table.name, &error))?;
    Ok((file_name(table.name, format), bytes))
}

fn file_name(table: &str, format: TableFormat) -> String {
    format!("{table}.{}", format.extension())
}

fn table_error(table: &'static str, error: &PolarsError) -> ReportError {
    match error {
        PolarsError::IO { error, .. } => ReportError::Write { table, source: Arc::clone(error) },
        other => ReportError::Table { table, cause: other.to_string() },
    }
}

fn bytes(table: &ResultTable, format: TableFormat) -> PolarsResult<Vec<u8>> {
    let frame = frame(table)?;
    match format {
        TableFormat::Parquet => frames::parquet(frame),
        TableFormat::Csv => frames::csv(frame),
    }
}

fn frame(table: &ResultTable) -> PolarsResult<DataFrame> {
    frames::frame(table.columns.iter().map(|column| (column.name.as_str(), &column.cells)))
}
