//! Which rows cannot be kept together.

use super::problem::{CoupledWeek, Row};
use super::search;
use crate::model::Tier;
use crate::planner::{Instance, Solver};

/// The smallest number of groups of rows, as far as leaving out one after the other finds it, that no choice of hours
/// keeps together. `groups` holds the group of each row. Rows with a price can always be kept. If no proof is found that
/// the rows cannot be kept, all groups.
#[must_use]
pub fn smallest_conflict(week: &CoupledWeek<'_>, groups: &[usize], solver: &mut Solver) -> Vec<usize> {
    let is_hard = |group: usize| week.rows().iter().zip(groups).any(|(row, of)| *of == group && row.price.is_none());
    let count = groups.iter().max().map_or(0, |last| last + 1);
    let mut kept: Vec<usize> = (0..count).filter(|group| is_hard(*group)).collect();
    let worthless: Vec<Instance> = week.channels().iter().map(|instance| worthless(instance)).collect();
    let mut contradict = |kept: &[usize]| {
        let rows = week.rows().iter().zip(groups);
        let chosen = rows.filter(|(row, group)| row.price.is_none() && kept.contains(group));
        let priced: Vec<Row> = chosen.map(|(row, _)| Row { price: Some(1.0), ..row.clone() }).collect();
        cannot_hold(CoupledWeek::new(worthless.iter().collect(), priced), solver)
    };
    if !contradict(&kept) {
        return kept;
    }
    for group in kept.clone() {
        let without: Vec<usize> = kept.iter().copied().filter(|other| *other != group).collect();
        if contradict(&without) {
            kept = without;
        }
    }
    kept
}

/// The week of a channel in which posts earn and cost nothing: what remains is where they may be.
fn worthless(instance: &Instance) -> Instance {
    Instance { value: vec![0.0; instance.value.len()], cost: 0.0, end_weight: 0.0, ..instance.clone() }
}

/// Whether every choice exceeds some row: the least sum of what is exceeded is above 0 by a bound.
fn cannot_hold(week: CoupledWeek<'_>, solver: &mut Solver) -> bool {
    let alone = week.channels().iter().map(|instance| solver.solve(instance)).collect();
    let found = search::solve_coupled(&week, alone, solver, Tier::Exact);
    found.bound.is_some_and(|bound| bound < -1e-6)
}
