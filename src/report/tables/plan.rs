//! Writes the tables of a plan part by part, so that the rows of all its clients are never in memory at once.

use std::io::Write;

use polars_core::prelude::PolarsResult;
use rayon::prelude::*;

use super::{TableFormat, file_name, frame, table_error};
use crate::frames::FrameWriter;
use crate::model::Plan;
use crate::planner::PlanSummary;
use crate::report::ReportError;
use crate::result_tables::{PlanPart, ResultTable, cost_tables};

/// A table that is written part by part.
struct OpenTable<W: Write> {
    name: &'static str,
    writer: FrameWriter<W>,
}

impl<W: Write> OpenTable<W> {
    /// Begins a file for a table, without writing its rows.
    fn begin(table: &ResultTable, out: W, format: TableFormat) -> Result<Self, ReportError> {
        let begin = || -> PolarsResult<FrameWriter<W>> {
            let frame = frame(table)?;
            match format {
                TableFormat::Parquet => FrameWriter::parquet(out, &frame),
                TableFormat::Csv => FrameWriter::csv(out, &frame),
            }
        };
        let writer = begin().map_err(|error| table_error(table.name, &error))?;
        Ok(Self { name: table.name, writer })
    }

    fn write(&mut self, table: &ResultTable) -> Result<(), ReportError> {
        let written = frame(table).and_then(|frame| self.writer.write(frame));
        written.map_err(|error| table_error(self.name, &error))
    }

    fn finish(self) -> Result<(), ReportError> {
        self.writer.finish().map_err(|error| table_error(self.name, &error))
    }
}

/// Writes the tables of a plan to the writers that `create` makes for their file names, the rows of `clients_per_part`
/// clients at a time. While they are written, those of the next clients are prepared. Returns the summary of the plan.
///
/// # Errors
/// If a table cannot be written, or `create` fails.
pub fn write_plan_tables<W: Write + Send, E: From<ReportError>>(
    plan: &Plan,
    clients_per_part: usize,
    format: TableFormat,
    mut create: impl FnMut(&str) -> Result<W, E>,
) -> Result<PlanSummary, E> {
    let mut parts = plan.clients.chunks(clients_per_part.max(1));
    let mut part = PlanPart::of(plan, parts.next().unwrap_or_default());
    let mut open = Vec::with_capacity(part.tables.len());
    for table in &part.tables {
        open.push(OpenTable::begin(table, create(&file_name(table.name, format))?, format)?);
    }
    let mut totals = Vec::with_capacity(plan.clients.len());
    loop {
        totals.append(&mut part.totals);
        let write = || open.par_iter_mut().zip(&part.tables).try_for_each(|(open, table)| open.write(table));
        let (written, next) = rayon::join(write, || parts.next().map(|clients| PlanPart::of(plan, clients)));
        written?;
        match next {
            Some(next) => part = next,
            None => break,
        }
    }
    open.into_iter().try_for_each(OpenTable::finish)?;
    let summary = PlanSummary::new(plan, totals);
    for table in cost_tables(&summary) {
        let mut open = OpenTable::begin(&table, create(&file_name(table.name, format))?, format)?;
        open.write(&table)?;
        open.finish()?;
    }
    Ok(summary)
}
