//! Writes the tables of a plan part by part, so that the rows of all its clients are never in memory at once.

use std::io::Write;
use std::mem;

use polars_core::prelude::PolarsResult;
use rayon::prelude::*;

use super::{TableFormat, file_name, frame, table_error};
use crate::frames::FrameWriter;
use crate::model::{ClientPlan, Plan};
use crate::planner::{ClientTotals, PlanSummary};
use crate::report::ReportError;
use crate::result_tables::{CLIENTS_PER_PART, PlanPart, ResultTable, clients_by_workspace, cost_tables};

/// How the rows of a plan's tables are ordered and divided into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanLayout {
    /// The order of the rows.
    pub order: ClientOrder,
    /// Number of clients whose rows are written at a time.
    pub clients_per_part: usize,
}

/// The order in which clients have their rows in a plan's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientOrder {
    /// By workspace, then by client.
    ByWorkspace,
    /// By client, as older versions wrote them.
    ById,
}

impl PlanLayout {
    /// The layout of the tables that this version writes.
    pub const CURRENT: Self = Self { order: ClientOrder::ByWorkspace, clients_per_part: CLIENTS_PER_PART };
}

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

/// Writes the tables of a plan to the writers that `create` makes for their file names. Returns the summary of the plan.
///
/// # Errors
/// If a table cannot be written, or `create` fails.
pub fn write_plan_tables<W: Write + Send, E: From<ReportError>>(
    plan: &Plan,
    layout: PlanLayout,
    format: TableFormat,
    create: impl FnMut(&str) -> Result<W, E>,
) -> Result<PlanSummary, E> {
    let clients = match layout.order {
        ClientOrder::ByWorkspace => clients_by_workspace(&plan.clients),
        ClientOrder::ById => plan.clients.iter().collect(),
    };
    let mut tables = OpenTables::begin(plan, format, create)?;
    tables.write(plan, &clients, layout.clients_per_part)?;
    tables.finish(plan)
}

/// The tables of a plan that is made in groups of workspaces, while they are written. The files are the same whatever the
/// groups are.
pub struct PlanTables<W: Write, C> {
    /// The plan without its clients, and with the workspaces so far.
    plan: Plan,
    /// Clients that do not fill a part yet.
    waiting: Vec<ClientPlan>,
    tables: OpenTables<W, C>,
}

impl<W: Write + Send, E: From<ReportError>, C: FnMut(&str) -> Result<W, E>> PlanTables<W, C> {
    /// Begins the files, with the writers that `create` makes for their names. `plan` is any part of the plan; it is not
    /// written.
    ///
    /// # Errors
    /// If a table cannot be written, or `create` fails.
    pub fn begin(plan: &Plan, format: TableFormat, create: C) -> Result<Self, E> {
        let (clients, workspaces) = (Vec::new(), Vec::new());
        let (scenario, rules_hash) = (plan.scenario.clone(), plan.rules_hash.clone());
        let scenario_hash = plan.scenario_hash.clone();
        let plan = Plan { scenario, rules_hash, scenario_hash, clients, workspaces, ..*plan };
        let tables = OpenTables::begin(&plan, format, create)?;
        Ok(Self { plan, waiting: Vec::new(), tables })
    }

    /// Writes the next part of the plan. Its workspaces come after those before in the order of their ids.
    ///
    /// # Errors
    /// If a table cannot be written.
    pub fn add(&mut self, part: Plan) -> Result<(), E> {
        self.plan.workspaces.extend(part.workspaces);
        let mut clients = part.clients;
        clients.sort_by(|a, b| (&a.workspace_id, &a.client_id).cmp(&(&b.workspace_id, &b.client_id)));
        self.waiting.extend(clients);
        let in_full_parts = self.waiting.len() - self.waiting.len() % CLIENTS_PER_PART;
        let rest = self.waiting.split_off(in_full_parts);
        let clients = mem::replace(&mut self.waiting, rest);
        self.tables.write(&self.plan, &clients.iter().collect::<Vec<_>>(), CLIENTS_PER_PART)
    }

    /// Completes the files, and returns the summary of the plan.
    ///
    /// # Errors
    /// If a table cannot be written, or a file cannot be created.
    pub fn finish(mut self) -> Result<PlanSummary, E> {
        self.tables.write(&self.plan, &self.waiting.iter().collect::<Vec<_>>(), CLIENTS_PER_PART)?;
        self.tables.finish(&self.plan)
    }
}

/// The files of a plan's tables.
struct OpenTables<W: Write, C> {
    format: TableFormat,
    create: C,
    /// The tables whose rows concern one client each.
    of_clients: Vec<OpenTable<W>>,
    is_empty: bool,
    totals: Vec<ClientTotals>,
}

impl<W: Write + Send, E: From<ReportError>, C: FnMut(&str) -> Result<W, E>> OpenTables<W, C> {
    fn begin(plan: &Plan, format: TableFormat, mut create: C) -> Result<Self, E> {
        let mut of_clients = Vec::new();
        for table in &PlanPart::of(plan, &[]).tables {
            of_clients.push(OpenTable::begin(table, create(&file_name(table.name, format))?, format)?);
        }
        Ok(Self { format, create, of_clients, is_empty: true, totals: Vec::new() })
    }

    /// Writes the rows of so many clients at a time. While they are written, those of the next are prepared.
    fn write(&mut self, plan: &Plan, clients: &[&ClientPlan], clients_per_part: usize) -> Result<(), E> {
        let mut parts = clients.chunks(clients_per_part.max(1));
        let mut next = parts.next().map(|clients| PlanPart::of(plan, clients));
        while let Some(mut part) = next {
            self.totals.append(&mut part.totals);
            let open = &mut self.of_clients;
            let write = || write_part(open, &part);
            let (written, following) = rayon::join(write, || parts.next().map(|clients| PlanPart::of(plan, clients)));
            written?;
            self.is_empty = false;
            next = following;
        }
        Ok(())
    }

    /// Completes the files, and writes the tables about all clients together.
    fn finish(mut self, plan: &Plan) -> Result<PlanSummary, E> {
        if self.is_empty {
            write_part(&mut self.of_clients, &PlanPart::of(plan, &[]))?;
        }
        self.of_clients.into_iter().try_for_each(OpenTable::finish)?;
        let summary = PlanSummary::new(plan, self.totals);
        for table in cost_tables(&summary) {
            let out = (self.create)(&file_name(table.name, self.format))?;
            let mut open = OpenTable::begin(&table, out, self.format)?;
            open.write(&table)?;
            open.finish()?;
        }
        Ok(summary)
    }
}

fn write_part<W: Write + Send>(open: &mut [OpenTable<W>], part: &PlanPart) -> Result<(), ReportError> {
    open.par_iter_mut().zip(&part.tables).try_for_each(|(open, table)| open.write(table))
}
