//! The section on the method: everything needed to reproduce the run, and the limits of its numbers.

use super::{Block, Cell, Column, Section, Table};
use crate::report::TableFormat;
use crate::report::numbers::whole;
use crate::simulator::{Compared, Comparison, Provenance, Simulation, Sweep, Variant};

/// The section of a simulation.
pub fn section(simulation: &Simulation, command: &str, tables: TableFormat) -> Section {
    let run = &simulation.provenance;
    let rules = vec![code_row("Rules", &run.rules), code_row("Rules hash", &run.rules_hash)];
    Section {
        id: "method",
        title: "Method",
        blocks: vec![
            Block::paragraph(
                "In each simulated week the engine plans every client, evaluates the rules, sends posts that need approval \
                 to review, creates drafts, and simulates the engagement of the audience.",
            ),
            Block::paragraph(
                "Fatigue, scores and used assets carry over to the next week. The simulated environment does not use the \
                 planner's model: where a rule is wrong, results are below expectation. The true effects of hours and \
                 weekdays, and the true engagement rates around those of the scenario, are drawn for each replication. \
                 This is a simulation: it shows the effect of the rules in the scenario and is no forecast for real audiences.",
            ),
        ]
        .into_iter()
        .chain(committed(run))
        .chain(reproduction(rules, run, command, tables))
        .collect(),
    }
}

/// The section of a comparison.
pub fn of_comparison(comparison: &Comparison, command: &str, tables: TableFormat) -> Section {
    let how = match comparison.compared {
        Compared::Packs => {
            "Every replication is simulated once under each pack. Each random number depends only on client, channel, hour \
             and purpose, so the same post gets the same random numbers under every pack, and differences come from the \
             rules. Hours of high fatigue are counted with the base's thresholds under every pack."
        }
        Compared::Scenarios => {
            "Every replication is simulated once in each scenario, under the same rules and over the same weeks. Each \
             random number depends only on client, channel, hour and purpose, so the same post gets the same random \
             numbers in every scenario, and differences come from what the scenarios say, including the audience that \
             they describe (`[environment]` and the table `world`). Engagement rates are assumed to have been measured with \
             the base's assets, so assets that only one scenario has change what posts earn."
        }
    };
    let effect = match comparison.compared {
        Compared::Packs => "the rules in the scenario",
        Compared::Scenarios => "the scenarios under the rules",
    };
    let mut blocks = vec![
        Block::paragraph(how),
        Block::paragraph(&format!(
            "The interval is the t interval of the mean of the paired differences, in per cent of the base's mean, \
             which is treated as known. This is a simulation: it shows the effect of {effect} and is no \
             forecast for real audiences."
        )),
    ];
    blocks.extend(
        comparison.base().map(|base| inputs_of_comparison(comparison, base, command, tables)).into_iter().flatten(),
    );
    Section { id: "method", title: "Method", blocks }
}

/// What was compared, and everything needed to reproduce it.
fn inputs_of_comparison(comparison: &Comparison, base: &Variant, command: &str, tables: TableFormat) -> Vec<Block> {
    let run = &base.provenance;
    let variants = || comparison.variants.iter().zip(0..);
    match comparison.compared {
        Compared::Packs => {
            let rows = variants().flat_map(|(pack, index)| pack_rows(pack, index)).collect();
            committed(run).into_iter().chain(reproduction(rows, run, command, tables)).collect()
        }
        Compared::Scenarios => {
            let mut rows = vec![code_row("Rules", &run.rules), code_row("Rules hash", &run.rules_hash)];
            rows.extend(variants().flat_map(|(scenario, index)| scenario_rows(scenario, index)));
            let committed =
                variants().filter_map(|(scenario, _)| committed_in(scenario)).map(|text| Block::paragraph(&text));
            let table = inputs(rows, shared_rows(run));
            committed.chain(reproduction_with(table, "scenarios", command, tables)).collect()
        }
    }
}

/// The section of a sweep.
pub fn of_sweep(sweep: &Sweep, command: &str, tables: TableFormat) -> Section {
    let design = match sweep.design {
        "grid" => "Every combination of the values is a point.",
        _ => {
            "The points are those of a Sobol' sequence, scrambled by Owen's method with the seed, so that they are \
             spread evenly over all keys at once."
        }
    };
    let points = "Every point is the pack with the keys set to the point's values, loaded and validated like any other \
                  pack; overlays still apply. Each random number depends only on client, channel, hour and purpose, so \
                  the same post gets the same random numbers at every point. Hours of high fatigue are counted with \
                  the thresholds of the base pack.";
    let shares = match sweep.design {
        "grid" => {
            "The share that a key alone explains is the variance of the means of its values divided by the variance of \
             all points (Sobol', 1993)."
        }
        _ => {
            "The share that a key alone explains is the variance of the means of its values divided by the variance of \
             all points (Sobol', 1993), with values in up to eight classes, corrected for chance (Kelley, 1935)."
        }
    };
    let noise = "The share that may be random variation is 1 / F of the analysis of variance by points and replications; \
                 variation common to all points does not count. This is a simulation: it shows the effect of the rules in \
                 the scenario and is no forecast for real audiences.";
    let mut blocks =
        vec![Block::paragraph(&format!("{design} {points}")), Block::paragraph(&format!("{shares} {noise}"))];
    let run = &sweep.provenance;
    blocks.extend(committed(run));
    let mut rules = vec![code_row("Rules", &run.rules), code_row("Rules hash", &run.rules_hash)];
    for key in &sweep.keys {
        let base = key.base.iter().map(|level| level.as_ref().map_or("not set", |level| level.written.as_str()));
        let base = base.collect::<Vec<_>>().join(", ");
        rules.push(vec![Cell::code(key.name()), Cell::text(&key.values).with_detail(format!("base {base}"))]);
    }
    blocks.extend(reproduction(rules, run, command, tables));
    Section { id: "method", title: "Method", blocks }
}

/// What happens to posts that were committed before the run, if there are any.
fn committed(run: &Provenance) -> Option<Block> {
    let posts = match run.committed_posts {
        0 => return None,
        1 => "One post of these weeks was committed before the run: it is drafted".to_owned(),
        many => format!("{} posts of these weeks were committed before the run: they are drafted", whole(many.into())),
    };
    Some(Block::paragraph(&format!(
        "{posts} as committed, whatever the rules say and without further review, and count like other drafts."
    )))
}

/// What happens to posts that were committed before the run in one of the scenarios that are compared.
fn committed_in(scenario: &Variant) -> Option<String> {
    let posts = match scenario.provenance.committed_posts {
        0 => return None,
        1 => "one post of these weeks was committed before the run: it is drafted".to_owned(),
        many => format!("{} posts of these weeks were committed before the run: they are drafted", whole(many.into())),
    };
    let name = super::code(&scenario.label);
    Some(format!("In {name}, {posts} as committed and without further review, and count like other drafts."))
}

/// Everything needed to reproduce a run of one scenario under the given rules.
fn reproduction(rules: Vec<Vec<Cell>>, run: &Provenance, command: &str, tables: TableFormat) -> [Block; 4] {
    let mut rows = vec![code_row("Scenario", &run.scenario), code_row("Scenario hash", &run.scenario_hash)];
    let mut shared = shared_rows(run);
    let clients = vec![Cell::text("Planned clients"), Cell::text(whole(u64::from(run.clients)))];
    // Before the last row, the optimiser.
    shared.insert(shared.len().saturating_sub(1), clients);
    rows.extend(shared);
    reproduction_with(inputs(rules, rows), "scenario", command, tables)
}

/// The table of inputs and the command. `scenario_noun` is `scenario` or `scenarios`.
fn reproduction_with(table: Table, scenario_noun: &str, command: &str, tables: TableFormat) -> [Block; 4] {
    [
        Block::Table { table },
        Block::paragraph(&format!(
            "The same command with the same rules and {scenario_noun} gives the same numbers on any machine:"
        )),
        Block::Code { text: command.to_owned() },
        Block::paragraph(&format!(
            "The figures are in `figures/` as SVG and PNG, their data in `tables/` as {}.",
            match tables {
                TableFormat::Parquet => "Parquet",
                TableFormat::Csv => "CSV",
            }
        )),
    ]
}

/// A row of the table of inputs.
fn code_row(name: impl Into<String>, value: &str) -> Vec<Cell> {
    vec![Cell::text(name), Cell::code(value)]
}

fn pack_rows(pack: &Variant, index: usize) -> [Vec<Cell>; 2] {
    let role = if index == 0 { "Base".to_owned() } else { format!("Pack {index}") };
    [code_row(role.clone(), &pack.label), code_row(format!("{role}, hash"), &pack.provenance.rules_hash)]
}

fn scenario_rows(scenario: &Variant, index: usize) -> [Vec<Cell>; 3] {
    let role = if index == 0 { "Base".to_owned() } else { format!("Scenario {index}") };
    let run = &scenario.provenance;
    [
        code_row(role.clone(), &scenario.label),
        code_row(format!("{role}, hash"), &run.scenario_hash),
        vec![Cell::text(format!("{role}, planned clients")), Cell::text(whole(u64::from(run.clients)))],
    ]
}

/// The inputs that all variants of a comparison share, whether they are packs or scenarios.
fn shared_rows(run: &Provenance) -> Vec<Vec<Cell>> {
    let text = |name, value: String| vec![Cell::text(name), Cell::text(value)];
    vec![
        code_row("Seed", &run.seed.to_string()),
        code_row("Engine", &format!("mcoe {}", run.version)),
        code_row("Time zones", &format!("tz {}", run.time_zones)),
        code_row("First week", &run.start.to_string()),
        text("Weeks", whole(u64::from(run.weeks))),
        text("Replications", whole(u64::from(run.replications))),
        text("Weekly optimiser", tier_text(&run.tier)),
    ]
}

fn inputs(mut rows: Vec<Vec<Cell>>, shared: Vec<Vec<Cell>>) -> Table {
    rows.extend(shared);
    let column = |title| Column { title, numeric: false };
    Table { caption: "Inputs of the run".to_owned(), columns: vec![column("Input"), column("Value")], rows, note: None }
}

fn tier_text(tier: &str) -> String {
    match tier {
        "exact" => "exact: every channel-week is proven optimal".to_owned(),
        "fast" => "fast: heuristic, not proven optimal".to_owned(),
        other => other.to_owned(),
    }
}
