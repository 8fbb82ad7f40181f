//! How it was computed: all that repeats the run, and what the numbers are not.

use super::{Block, Cell, Column, Section, Table};
use crate::report::TableFormat;
use crate::report::numbers::whole;
use crate::simulator::Simulation;

/// The section.
pub fn section(simulation: &Simulation, command: &str, tables: TableFormat) -> Section {
    Section {
        id: "method",
        title: "How it was computed",
        blocks: vec![
            Block::words(
                "In each simulated week the engine plans every client, asks the rules, sends what needs it to review, \
                 makes drafts, and lets the scenario's world answer.",
            ),
            Block::words(
                "Fatigue, scores and used assets carry over to the next week. The world is not the planner's belief: \
                 where a rule is wrong, results fall short of expectation. This is a simulation; it says what the \
                 rules do in the scenario, and promises nothing about real audiences.",
            ),
            Block::Table { table: inputs(simulation) },
            Block::words("The same command with the same rules and scenario gives the same numbers, on any machine:"),
            Block::Code { text: command.to_owned() },
            Block::words(&format!(
                "The figures are in `figures/` as SVG and PNG, the numbers behind them in `tables/` as {}.",
                match tables {
                    TableFormat::Parquet => "Parquet",
                    TableFormat::Csv => "CSV",
                }
            )),
        ],
    }
}

fn inputs(simulation: &Simulation) -> Table {
    let run = &simulation.provenance;
    let text = |name, value: String| vec![Cell::text(name), Cell::text(value)];
    let code = |name, value: &str| vec![Cell::text(name), Cell::code(value)];
    let rows = vec![
        code("Rules", &run.rules),
        code("Rules hash", &run.rules_hash),
        code("Scenario", &run.scenario),
        code("Scenario hash", &run.scenario_hash),
        code("Seed", &run.seed.to_string()),
        code("Engine", &format!("mcoe {}", run.version)),
        code("First week", &run.start.to_string()),
        text("Weeks", whole(u64::from(run.weeks))),
        text("Replications", whole(u64::from(run.replications))),
        text("Clients planned for", whole(u64::from(run.clients))),
        text("Weekly optimiser", tier(&run.tier)),
    ];
    let column = |title| Column { title, numeric: false };
    Table {
        caption: "All that repeats the run".to_owned(),
        columns: vec![column("Input"), column("Value")],
        rows,
        note: None,
    }
}

fn tier(tier: &str) -> String {
    match tier {
        "exact" => "exact: every channel-week is proven optimal".to_owned(),
        "fast" => "fast: good channel-weeks, not proven optimal".to_owned(),
        other => other.to_owned(),
    }
}
