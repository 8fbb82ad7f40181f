//! Builds, channel by channel, a combination that satisfies every row that does not require posts: each channel is
//! solved at given prices in the hours that the channels before it leave open.

#![expect(clippy::indexing_slicing, reason = "lists by channel, by hour and by row are as long as the week's")]

use super::channel_solver::ChannelSolver;
use super::problem::CoupledWeek;
use crate::planner::{Instance, Solution};

/// Solves the channels in the given order at the prices of the rows. `chosen` holds a choice for every channel; the
/// choices of the channels in `order` are replaced.
pub(super) fn solve_in_order(
    week: &CoupledWeek<'_>,
    solver: &mut ChannelSolver<'_>,
    order: &[usize],
    row_prices: &[f64],
    chosen: &mut [Solution],
) {
    order.iter().for_each(|channel| chosen[*channel].chosen.clear());
    let mut used = week.used(chosen.iter().map(|solution| solution.chosen.as_slice()));
    let mut prices = Vec::new();
    for channel in order {
        week.hour_prices(*channel, row_prices, &mut prices);
        chosen[*channel] = solve_within_rows(week, solver, *channel, &prices, &used);
        week.add_use(*channel, &chosen[*channel].chosen, &mut used);
    }
}

/// The best choice found for a channel that exceeds no row, given how much of each row the other channels use. While
/// the choice exceeds a row, hours that count in the row are closed.
fn solve_within_rows(
    week: &CoupledWeek<'_>,
    solver: &mut ChannelSolver<'_>,
    channel: usize,
    prices: &[f64],
    used: &[f64],
) -> Solution {
    let mut instance = week.channels()[channel].clone();
    for hour in 0..instance.value.len() {
        instance.allowed[hour] &= week.coefficients(channel, hour).iter().all(|term| fits(week, used, *term));
    }
    loop {
        let solution = solver.solve(channel, &instance, prices);
        let mut used_after = used.to_vec();
        week.add_use(channel, &solution.chosen, &mut used_after);
        let is_exceeded = |(index, coefficient): &&(usize, f64)| {
            let row = &week.rows()[*index];
            *coefficient > 0.0 && row.price.is_none() && row.excess(used_after[*index]) > 0.0
        };
        let exceeded = solution.chosen.iter().flat_map(|hour| week.coefficients(channel, *hour)).find(is_exceeded);
        let Some((row, _)) = exceeded.copied() else { return solution };
        close_surplus(week, channel, row, used, &solution.chosen, &mut instance);
    }
}

/// Whether a post with the given coefficient fits into a row, given how much of the row is used.
fn fits(week: &CoupledWeek<'_>, used: &[f64], (index, coefficient): (usize, f64)) -> bool {
    let row = &week.rows()[index];
    coefficient <= 0.0 || row.price.is_some() || row.excess(used[index] + coefficient) <= 0.0
}

/// Closes every hour that counts in an exceeded row, except those of the most valuable posts that fit.
fn close_surplus(
    week: &CoupledWeek<'_>,
    channel: usize,
    row: usize,
    used: &[f64],
    chosen: &[usize],
    instance: &mut Instance,
) {
    let coefficient = |hour: usize| {
        let in_row = week.coefficients(channel, hour).iter().find(|(index, _)| *index == row);
        in_row.map_or(0.0, |(_, coefficient)| *coefficient)
    };
    let mut posts: Vec<usize> = chosen.iter().copied().filter(|hour| coefficient(*hour) > 0.0).collect();
    posts.sort_by(|a, b| instance.value[*b].total_cmp(&instance.value[*a]).then(a.cmp(b)));
    let mut used_after = used[row] + chosen.iter().map(|hour| coefficient(*hour).min(0.0)).sum::<f64>();
    let mut fitting = Vec::new();
    for hour in posts {
        if week.rows()[row].excess(used_after + coefficient(hour)) <= 0.0 {
            used_after += coefficient(hour);
            fitting.push(hour);
        }
    }
    for hour in 0..instance.value.len() {
        instance.allowed[hour] &= coefficient(hour) <= 0.0 || fitting.contains(&hour);
    }
}
