//! The tables of reports and plans, as Parquet or CSV.
//!
//! Columns are declared here, each once with its type and description, and written by polars; nothing is read, joined
//! or computed. A number that is not finite becomes a blank cell. Instants are ISO 8601 text in UTC.

mod backtest;
mod calibration;
mod comparison;
mod plan;
mod run;
mod sweep;

use polars_core::prelude::PolarsResult;

pub use backtest::{backtest_tables, expectations_table};
pub use calibration::calibration_tables;
pub use comparison::comparison_tables;
pub use plan::plan_tables;
pub use run::run_tables;
pub use sweep::sweep_tables;

use super::{File, ReportError};
use crate::frames::{self, ColumnBuilder};
use crate::model::{Cell, Kind};
use crate::stats::Estimate;

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

/// A table before it is written.
pub struct Table {
    /// Its name, without an extension.
    pub name: &'static str,
    /// What a row represents.
    pub doc: &'static str,
    /// Its columns.
    pub columns: Vec<TableColumn>,
    height: usize,
}

/// A column of a table.
pub struct TableColumn {
    /// Its name, which may depend on the data.
    pub name: String,
    /// Description of its content, with the unit.
    pub doc: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    builder: ColumnBuilder,
}

impl Table {
    fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc, columns: Vec::new(), height: 0 }
    }

    fn add<C: Cell>(&mut self, name: impl Into<String>, doc: &'static str, values: impl Iterator<Item = C>) {
        let name = name.into();
        let unknown_capacity = 0;
        let mut builder = ColumnBuilder::new(&name, C::KIND, unknown_capacity);
        self.height = 0;
        for value in values {
            builder.push(value.value());
            self.height += 1;
        }
        self.columns.push(TableColumn { name, doc, kind: C::KIND, builder });
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

    /// The table as a file, named with its extension.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn write(self, format: TableFormat) -> Result<File, ReportError> {
        let name = self.name;
        let path = format!("{name}.{}", format.extension());
        let bytes = self.bytes(format).map_err(|error| ReportError::Table { table: name, cause: error.to_string() })?;
        Ok((path, bytes))
    }

    fn bytes(self, format: TableFormat) -> PolarsResult<Vec<u8>> {
        let frame = frames::frame(self.columns.into_iter().map(|column| column.builder).collect(), self.height)?;
        match format {
            TableFormat::Parquet => frames::parquet(frame),
            TableFormat::Csv => frames::csv(frame),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Column;
    use crate::report::tests::sample;
    use crate::tables::ScenarioTable;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tables.md");

    const INTRODUCTION: &str = "# Tables\n\n\
        Every table that mcoe reads or writes, with its columns. Files are CSV or Parquet. Instants are ISO 8601 in UTC, \
                        dates ISO 8601; lists are in one cell, separated by `;`.\n";

    fn kind_name(kind: Kind) -> &'static str {
        match kind {
            Kind::Text => "text",
            Kind::Texts => "list of texts",
            Kind::Number => "number",
            Kind::Count => "integer",
            Kind::Flag => "true or false",
            Kind::Instant => "instant",
            Kind::Date => "date",
            Kind::Id => "UUID",
        }
    }

    fn row_of(column: &Column) -> String {
        let range = column.range.map_or_else(String::new, |(min, max)| format!(", {min} to {max}"));
        let requirement = if column.is_required { "required" } else { "" };
        format!("| `{}` | {}{range} | {requirement} |{} |\n", column.name, kind_name(column.kind), column.doc)
    }

    fn scenario_table(name: &str, columns: &[&Column]) -> String {
        let rows: String = columns.iter().map(|column| row_of(column)).collect();
        format!("\n### `{name}`\n\n| column | type | | meaning |\n|---|---|---|---|\n{rows}")
    }

    fn written_table(table: &Table) -> String {
        let row =
            |column: &TableColumn| format!("| `{}` | {} |{} |\n", column.name, kind_name(column.kind), column.doc);
        let rows: String = table.columns.iter().map(row).collect();
        format!("\n### `{}`: {}\n\n| column | type | meaning |\n|---|---|---|\n{rows}", table.name, table.doc)
    }

    fn page() -> String {
        let (_, comparison) = sample::comparisons().remove(0);
        let (_, sweep) = sample::sweeps().remove(0);
        let mut page = INTRODUCTION.to_owned();
        page.push_str("\n## A scenario\n\n`clients` and `channels` are required. Columns that are not required may be missing, and their cells may be blank.\n");
        page.extend(ScenarioTable::ALL.iter().map(|table| scenario_table(table.name, &table.columns())));
        page.push_str("\n`mcoe generate` also writes `truth/world.csv` into the folder, with the columns of `world`: the response from which it drew the table `history`, with a standard error of 0. No command reads it; compare it with the `world.csv` of `mcoe calibrate`.\n");
        let [posts, mapping] = crate::scenario::tests::import_columns();
        page.push_str("\n## Input of `mcoe import`\n\nA posting history; other columns are ignored. With `--mapping`, the client of each account.\n");
        page.push_str(&scenario_table("posting history", &posts));
        page.push_str(&scenario_table("mapping", &mapping));
        let parts: [(&str, Vec<Table>); 7] = [
            ("A plan", plan::tables(&sample::plan(), &sample::decisions()).into()),
            ("A simulation", run::tables(&sample::simulation()).into()),
            ("A comparison", comparison::tables(&comparison).into()),
            ("A sweep", sweep::tables(&sweep).into()),
            ("A backtest", backtest::tables(&sample::backtest()).into()),
            ("A forecast of planned posts", vec![backtest::expectations_of(&[])]),
            ("A calibration", calibration::tables(&sample::calibration()).into()),
        ];
        for (title, tables) in parts {
            page.push_str(&format!("\n## {title}\n"));
            page.extend(tables.iter().map(written_table));
        }
        page
    }

    #[test]
    fn the_page_of_tables_lists_every_column() {
        if std::env::var_os("MCOE_PAGES").is_some_and(|value| value == "rewrite") {
            std::fs::write(PAGE, page()).unwrap();
        }
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(written == page(), "docs/tables.md is not up to date; run this test with MCOE_PAGES=rewrite");
    }
}
