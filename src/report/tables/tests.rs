//! Tests of the tables of results as files.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;

use super::*;
use crate::model::{ClientId, ClientPlan, Column, Kind, Plan, WorkspaceCertificate, WorkspaceId};
use crate::report::tests::sample;
use crate::result_tables::{
    ResultColumn, backtest_tables, calibration_tables, comparison_tables, expectations_table, plan_tables, run_tables,
    sweep_tables,
};
use crate::tables::ScenarioTable;

fn plan_files(format: TableFormat) -> Vec<File> {
    table_files(plan_tables(&sample::plan(), &sample::decisions()), format).unwrap()
}

#[test]
fn a_plan_in_csv() {
    let text: Vec<String> = plan_files(TableFormat::Csv)
        .into_iter()
        .map(|(path, bytes)| format!("{path}\n{}", String::from_utf8(bytes).unwrap()))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn a_plan_in_parquet_has_the_same_columns() {
    use polars_io::prelude::{ParquetReader, SerReader};
    for ((path, parquet), (_, csv)) in plan_files(TableFormat::Parquet).into_iter().zip(plan_files(TableFormat::Csv)) {
        let frame = ParquetReader::new(std::io::Cursor::new(parquet)).finish().unwrap();
        let names: Vec<&str> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
        let head = String::from_utf8(csv).unwrap().lines().next().unwrap().to_owned();
        assert_eq!(names.join(","), head, "{path}");
        if path == "posts.parquet" {
            assert_eq!(frame.height(), 3);
        }
    }
}

/// Files in memory, by name.
type Files = BTreeMap<String, Arc<Mutex<Vec<u8>>>>;

/// Writes to a file in memory.
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn create_in(files: &mut Files, name: &str) -> Result<Memory, ReportError> {
    Ok(Memory(Arc::clone(files.entry(name.to_owned()).or_default())))
}

fn contents(files: Files) -> BTreeMap<String, Vec<u8>> {
    files.into_iter().map(|(name, bytes)| (name, bytes.lock().unwrap().clone())).collect()
}

/// A plan of so many clients, which take turns in seven workspaces.
fn plan_of(clients: usize) -> Plan {
    let plan = sample::plan();
    let client = |number: usize| ClientPlan {
        client_id: ClientId::new(format!("client-{number:03}")),
        workspace_id: WorkspaceId::new(format!("workspace-{}", number % 7)),
        ..plan.clients[0].clone()
    };
    let sharing = |number: usize| WorkspaceCertificate {
        workspace_id: WorkspaceId::new(format!("workspace-{number}")),
        ..plan.workspaces[0].clone()
    };
    Plan { clients: (0..clients).map(client).collect(), workspaces: [2, 5].map(sharing).into(), ..plan.clone() }
}

/// The part of a plan with the workspaces from `first` to before `last`.
fn part_of(plan: &Plan, first: usize, last: usize) -> Plan {
    let names: Vec<String> = (first..last).map(|number| format!("workspace-{number}")).collect();
    let is_member = |id: &WorkspaceId| names.iter().any(|name| name == id.as_str());
    let mut part = plan.clone();
    part.clients.retain(|client| is_member(&client.workspace_id));
    part.workspaces.retain(|workspace| is_member(&workspace.workspace_id));
    part
}

#[test]
fn tables_do_not_depend_on_the_groups_in_which_a_plan_is_made() {
    for clients in [0, 9, 250, 300] {
        let plan = plan_of(clients);
        for format in [TableFormat::Csv, TableFormat::Parquet] {
            let mut whole = Files::new();
            let create = |name: &str| create_in(&mut whole, name);
            let summary = write_plan_tables(&plan, PlanLayout::CURRENT, format, create).unwrap();
            let whole = contents(whole);
            for bounds in [vec![0, 7], vec![0, 3, 7], vec![0, 1, 2, 3, 4, 5, 6, 7]] {
                let mut files = Files::new();
                let create = |name: &str| create_in(&mut files, name);
                let mut tables = PlanTables::begin(&plan, format, create).unwrap();
                bounds.windows(2).for_each(|ends| tables.add(part_of(&plan, ends[0], ends[1])).unwrap());
                assert_eq!(tables.finish().unwrap(), summary);
                assert!(contents(files) == whole, "{clients} clients, {bounds:?}, {format:?}");
            }
        }
    }
}

fn csv(name: &str) -> String {
    let files = table_files(run_tables(&sample::simulation()), TableFormat::Csv).unwrap();
    let (_, bytes) = files.into_iter().find(|(path, _)| path == name).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn every_table_has_its_columns_in_order() {
    let files = table_files(run_tables(&sample::simulation()), TableFormat::Csv).unwrap();
    let headers: Vec<String> = files
        .iter()
        .map(|(path, bytes)| format!("{path}: {}", std::str::from_utf8(bytes).unwrap().lines().next().unwrap()))
        .collect();
    insta::assert_snapshot!(headers.join("\n"));
}

#[test]
fn every_table_has_the_expected_number_of_rows() {
    let rows = |name| csv(name).lines().count() - 1;
    assert_eq!(rows("weekly.csv"), 12);
    assert_eq!(rows("channels.csv"), 9);
    assert_eq!(rows("channel_weeks.csv"), 108);
    assert_eq!(rows("risk.csv"), 36);
    assert_eq!(rows("guardrail_weeks.csv"), 84);
    assert_eq!(rows("clients.csv"), 12);
    assert_eq!(rows("calendar.csv"), 168);
}

#[test]
fn without_intervals_their_columns_are_empty() {
    let (_, simulation) = sample::variants().into_iter().find(|(name, _)| *name == "one-replication").unwrap();
    let files = table_files(run_tables(&simulation), TableFormat::Csv).unwrap();
    let (_, bytes) = files.into_iter().find(|(path, _)| path == "weekly.csv").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let cells: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(cells.get(..2), Some(["2026-W48", "2026-11-23"].as_slice()));
    assert_eq!(cells.get(3..5), Some(["", ""].as_slice()));
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tables.md");

const INTRODUCTION: &str = "# Tables\n\n\
    Every table that mcoe reads or writes, with its columns. Files are CSV or Parquet. Instants are ISO 8601 in UTC, \
                    dates ISO 8601; lists are in one cell, separated by `;`.\n";

/// How the rows of a plan's tables are ordered.
const ORDER_OF_PLAN: &str = "\nRows are ordered by workspace, then by client, except in `limit_costs` and `shared_limits`. \
     A [plan in shards](scale.md) has a file for each shard, in which this holds.\n";

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

fn written_table(table: &ResultTable) -> String {
    let row = |column: &ResultColumn| format!("| `{}` | {} |{} |\n", column.name, kind_name(column.kind), column.doc);
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
    let parts: [(&str, &str, Vec<ResultTable>); 7] = [
        ("A plan", ORDER_OF_PLAN, plan_tables(&sample::plan(), &sample::decisions()).into()),
        ("A simulation", "", run_tables(&sample::simulation()).into()),
        ("A comparison", "", comparison_tables(&comparison).into()),
        ("A sweep", "", sweep_tables(&sweep).into()),
        ("A backtest", "", backtest_tables(&sample::backtest()).into()),
        ("A forecast of planned posts", "", vec![expectations_table(&[])]),
        ("A calibration", "", calibration_tables(&sample::calibration()).into()),
    ];
    for (title, introduction, tables) in parts {
        page.push_str(&format!("\n## {title}\n{introduction}"));
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
