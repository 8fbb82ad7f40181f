//! Tables of runs, comparisons and plans, as Parquet or CSV.
//!
//! Columns are laid out here and written by polars; nothing is read, joined or computed. A number
//! that is not finite becomes an empty value. Instants are ISO 8601
//! text in UTC: true instants would bring a calendar library into every build.

mod comparison;
mod plan;
mod run;
mod sweep;

use polars_core::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsError, Series};
use polars_io::prelude::{CsvWriter, ParquetWriter, SerWriter};

pub use comparison::comparison_tables;
pub use plan::plan_tables;
pub use run::run_tables;
pub use sweep::sweep_tables;

use super::{File, ReportError};
use crate::spreadsheet::make_harmless;

/// How tables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableFormat {
    /// Compact and typed.
    #[default]
    Parquet,
    /// Text that every tool opens.
    Csv,
}

impl TableFormat {
    /// The ending of the files' names, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            TableFormat::Parquet => "parquet",
            TableFormat::Csv => "csv",
        }
    }
}

/// A table before it is written; its columns may have names that only the data know.
struct Table<Name = &'static str> {
    name: &'static str,
    columns: Vec<(Name, Values)>,
}

/// The values of a column.
enum Values {
    Text(Vec<Option<String>>),
    Number(Vec<Option<f64>>),
    Count(Vec<i64>),
    Flag(Vec<bool>),
}

impl Values {
    fn text(values: impl Iterator<Item = impl ToString>) -> Self {
        Values::Text(values.map(|value| Some(value.to_string())).collect())
    }

    fn text_or_none(values: impl Iterator<Item = Option<impl ToString>>) -> Self {
        Values::Text(values.map(|value| value.map(|value| value.to_string())).collect())
    }

    fn number(values: impl Iterator<Item = f64>) -> Self {
        Self::number_or_none(values.map(Some))
    }

    fn number_or_none(values: impl Iterator<Item = Option<f64>>) -> Self {
        Values::Number(values.map(|value| value.filter(|value| value.is_finite())).collect())
    }

    fn count(values: impl Iterator<Item = u32>) -> Self {
        Values::Count(values.map(i64::from).collect())
    }

    fn into_column(self, name: &str) -> Column {
        let series = match self {
            Values::Text(values) => Series::new(name.into(), values),
            Values::Number(values) => Series::new(name.into(), values),
            Values::Count(values) => Series::new(name.into(), values),
            Values::Flag(values) => Series::new(name.into(), values),
        };
        series.into_column()
    }
}

impl<Name: AsRef<str>> Table<Name> {
    /// The table as a file, its name with its ending.
    fn write(self, format: TableFormat) -> Result<File, ReportError> {
        let name = self.name;
        let path = format!("{name}.{}", format.extension());
        let bytes = self.bytes(format).map_err(|error| ReportError::Table { table: name, cause: error.to_string() })?;
        Ok((path, bytes))
    }

    fn bytes(self, format: TableFormat) -> Result<Vec<u8>, PolarsError> {
        let columns = self.columns.into_iter().map(|(name, values)| values.into_column(name.as_ref()));
        let mut frame = DataFrame::new_infer_height(columns.collect())?;
        let mut bytes = Vec::new();
        match format {
            TableFormat::Parquet => {
                ParquetWriter::new(&mut bytes).finish(&mut frame)?;
            }
            TableFormat::Csv => {
                make_harmless(&mut frame)?;
                CsvWriter::new(&mut bytes).finish(&mut frame)?;
            }
        }
        Ok(bytes)
    }
}
