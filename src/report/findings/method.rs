//! The section on the method: everything needed to reproduce the run, and the limits of its numbers.

use super::{Block, Cell, Column, Section, Table};
use crate::report::TableFormat;
use crate::report::numbers::whole;
use crate::simulator::{Comparison, Pack, Provenance, Simulation, Sweep};

/// The section.
pub fn section(simulation: &Simulation, command: &str, tables: TableFormat) -> Section {
    let run = &simulation.provenance;
    let rules = vec![code("Rules", &run.rules), code("Rules hash", &run.rules_hash)];
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
                 where a rule is wrong, results fall short of expectation. What is true of each client, the effects of \
                 hours and weekdays and the rates around those of the scenario, is drawn anew in each replication. This is a simulation; it says what the \
                 rules do in the scenario, and promises nothing about real audiences.",
            ),
        ]
        .into_iter()
        .chain(committed(run))
        .chain(repeating(rules, run, command, tables))
        .collect(),
    }
}

/// The section of a comparison.
pub fn of_comparison(comparison: &Comparison, command: &str, tables: TableFormat) -> Section {
    let mut blocks = vec![
        Block::words(
            "Every replication is simulated once under each pack. Each random number belongs to a client, channel, hour \
             and purpose, so that the same post meets the same luck under every pack, and what differs comes from the \
             rules. Hours of fatigue are counted by the base's levels under every pack.",
        ),
        Block::words(
            "The interval is the t interval of the mean of those paired differences, in per cent of the base's mean, \
             which is taken as known. This is a simulation; it says what the rules do in the scenario, and promises \
             nothing about real audiences.",
        ),
    ];
    if let Some(base) = comparison.packs.first() {
        let packs = comparison.packs.iter().zip(0..);
        let rules = packs.flat_map(|(pack, place)| pack_rows(pack, place)).collect();
        blocks.extend(committed(&base.provenance));
        blocks.extend(repeating(rules, &base.provenance, command, tables));
    }
    Section { id: "method", title: "How it was computed", blocks }
}

/// The section of a sweep.
pub fn of_sweep(sweep: &Sweep, command: &str, tables: TableFormat) -> Section {
    let how = match sweep.design {
        "grid" => "Every combination of the values is a point.",
        _ => {
            "The points are those of a Sobol' sequence, scrambled after Owen by the seed, so that they are spread evenly \
             over all keys at once."
        }
    };
    let luck = "Every point is the pack with its keys set, loaded and checked like any other; overlays still lie over \
                it. Each random number belongs to a client, channel, hour and purpose, so that the same post meets the \
                same luck at every point. Hours of fatigue are counted by the levels of the pack as it stands.";
    let shares = match sweep.design {
        "grid" => {
            "What a key alone explains is the variance of the means of its values as a share of the variance of all \
             points (Sobol', 1993)."
        }
        _ => {
            "What a key alone explains is the variance of the means of its values as a share of the variance of all \
             points (Sobol', 1993), with values in up to eight classes and less what chance alone would give (Kelley, 1935)."
        }
    };
    let noise = "How much of what differs may be luck is 1 / F of the analysis of variance by points and replications; \
                 luck that moves all points alike counts for nothing. This is a simulation; it says what the rules do in \
                 the scenario, and promises nothing about real audiences.";
    let mut blocks = vec![Block::words(&format!("{how} {luck}")), Block::words(&format!("{shares} {noise}"))];
    let run = &sweep.provenance;
    blocks.extend(committed(run));
    let mut rules = vec![code("Rules", &run.rules), code("Rules hash", &run.rules_hash)];
    for key in &sweep.keys {
        let base = key.base.iter().map(|level| level.as_ref().map_or("nothing", |level| level.written.as_str()));
        let base = base.collect::<Vec<_>>().join(", ");
        rules.push(vec![Cell::code(key.name()), Cell::text(&key.values).with_detail(format!("as it stands {base}"))]);
    }
    blocks.extend(repeating(rules, run, command, tables));
    Section { id: "method", title: "How it was computed", blocks }
}

/// What happens to posts that were committed before the run, if there are any.
fn committed(run: &Provenance) -> Option<Block> {
    let posts = match run.committed_posts {
        0 => return None,
        1 => "One post of these weeks was committed before the run: it goes out".to_owned(),
        many => format!("{} posts of these weeks were committed before the run: they go out", whole(many.into())),
    };
    Some(Block::words(&format!(
        "{posts} as committed, under any rules, without another review, and count like other drafts."
    )))
}

/// Everything needed to reproduce a run under the given rules.
fn repeating(rules: Vec<Vec<Cell>>, run: &Provenance, command: &str, tables: TableFormat) -> [Block; 4] {
    [
        Block::Table { table: inputs(rules, run) },
        Block::words("The same command with the same rules and scenario gives the same numbers, on any machine:"),
        Block::Code { text: command.to_owned() },
        Block::words(&format!(
            "The figures are in `figures/` as SVG and PNG, the numbers behind them in `tables/` as {}.",
            match tables {
                TableFormat::Parquet => "Parquet",
                TableFormat::Csv => "CSV",
            }
        )),
    ]
}

fn code(name: impl Into<String>, value: &str) -> Vec<Cell> {
    vec![Cell::text(name), Cell::code(value)]
}

fn pack_rows(pack: &Pack, place: usize) -> [Vec<Cell>; 2] {
    let role = if place == 0 { "Base".to_owned() } else { format!("Pack {place}") };
    [code(role.clone(), &pack.label), code(format!("{role}, hash"), &pack.provenance.rules_hash)]
}

fn inputs(rules: Vec<Vec<Cell>>, run: &Provenance) -> Table {
    let text = |name, value: String| vec![Cell::text(name), Cell::text(value)];
    let mut rows = rules;
    rows.extend([
        code("Scenario", &run.scenario),
        code("Scenario hash", &run.scenario_hash),
        code("Seed", &run.seed.to_string()),
        code("Engine", &format!("mcoe {}", run.version)),
        code("Time zones", &format!("tz {}", run.time_zones)),
        code("First week", &run.start.to_string()),
        text("Weeks", whole(u64::from(run.weeks))),
        text("Replications", whole(u64::from(run.replications))),
        text("Clients planned for", whole(u64::from(run.clients))),
        text("Weekly optimiser", tier(&run.tier)),
    ]);
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
