//! Which rows contradict each other.

use super::problem::{CoupledWeek, Row};
use super::search;
use crate::model::Tier;
use crate::planner::{Instance, Solver};

/// A smallest set of groups of rows that no choice of hours satisfies together: groups are left out one after the other
/// as long as the others provably contradict each other. `groups` holds the group of each row. Rows with a price cannot
/// contradict others. If no contradiction is proven, returns all groups that have a row without a price.
#[must_use]
pub fn smallest_conflict(week: &CoupledWeek<'_>, groups: &[usize], solver: &mut Solver) -> Vec<usize> {
    let rows_with_groups = || week.rows().iter().zip(groups);
    let is_hard = |group: usize| rows_with_groups().any(|(row, other)| *other == group && row.price.is_none());
    let group_count = groups.iter().max().map_or(0, |last| last + 1);
    let mut conflict: Vec<usize> = (0..group_count).filter(|group| is_hard(*group)).collect();
    let channels: Vec<Instance> = week.channels().iter().map(|instance| without_values(instance)).collect();
    let mut is_contradiction = |selected: &[usize]| {
        let hard = rows_with_groups().filter(|(row, group)| row.price.is_none() && selected.contains(group));
        let priced: Vec<Row> = hard.map(|(row, _)| Row { price: Some(1.0), ..row.clone() }).collect();
        must_exceed_a_row(CoupledWeek::new(channels.iter().collect(), priced), solver)
    };
    if !is_contradiction(&conflict) {
        return conflict;
    }
    for group in conflict.clone() {
        let others: Vec<usize> = conflict.iter().copied().filter(|other| *other != group).collect();
        if is_contradiction(&others) {
            conflict = others;
        }
    }
    conflict
}

/// The week of a channel in which posts earn and cost nothing, so that only its constraints matter.
fn without_values(instance: &Instance) -> Instance {
    Instance { value: vec![0.0; instance.value.len()], cost: 0.0, end_weight: 0.0, ..instance.clone() }
}

/// Whether every choice provably exceeds some row. The rows have price 1 and posts earn nothing, so the upper bound is
/// below 0 only if every choice pays the price of a row.
fn must_exceed_a_row(week: CoupledWeek<'_>, solver: &mut Solver) -> bool {
    let alone = week.channels().iter().map(|instance| solver.solve(instance)).collect();
    let solution = search::solve_coupled(&week, alone, solver, Tier::Exact);
    solution.bound.is_some_and(|bound| bound < -1e-6)
}
