//! A combination that keeps every row that asks for no posts, channel after channel: each is solved at given prices in
//! the hours that the channels before it left open.

#![expect(clippy::indexing_slicing, reason = "lists by channel, by hour and by row are as long as the week's")]

use super::channel_solver::ChannelSolver;
use super::problem::CoupledWeek;
use crate::planner::{Instance, Solution};

/// Solves the channels in the given order at the prices of the rows. `chosen` holds a choice for every channel, of which
/// those in `order` are replaced.
pub(super) fn in_order(
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
        chosen[*channel] = within_rows(week, solver, *channel, &prices, &used);
        week.count(*channel, &chosen[*channel].chosen, &mut used);
    }
}

/// The best choice for a channel in what others leave of each row, as far as closing hours finds it.
fn within_rows(
    week: &CoupledWeek<'_>,
    solver: &mut ChannelSolver<'_>,
    channel: usize,
    prices: &[f64],
    used: &[f64],
) -> Solution {
    let mut instance = week.channels()[channel].clone();
    for hour in 0..instance.value.len() {
        instance.allowed[hour] &= week.counts(channel, hour).iter().all(|count| fits(week, used, *count));
    }
    loop {
        let solution = solver.solve(&instance, prices);
        let mut after = used.to_vec();
        week.count(channel, &solution.chosen, &mut after);
        let is_over = |(row, count): &&(usize, f64)| {
            let stated = &week.rows()[*row];
            *count > 0.0 && stated.price.is_none() && stated.excess(after[*row]) > 0.0
        };
        let over = solution.chosen.iter().flat_map(|hour| week.counts(channel, *hour)).find(is_over);
        let Some((row, _)) = over.copied() else { return solution };
        close_surplus(week, channel, row, used, &solution.chosen, &mut instance);
    }
}

/// Whether a post that counts in a row fits into what is left of it.
fn fits(week: &CoupledWeek<'_>, used: &[f64], (row, coefficient): (usize, f64)) -> bool {
    let stated = &week.rows()[row];
    coefficient <= 0.0 || stated.price.is_some() || stated.excess(used[row] + coefficient) <= 0.0
}

/// Closes every hour of a row that is exceeded, but those of the most valuable posts that fit.
fn close_surplus(
    week: &CoupledWeek<'_>,
    channel: usize,
    row: usize,
    used: &[f64],
    chosen: &[usize],
    instance: &mut Instance,
) {
    let counted = |hour: usize| {
        let own = week.counts(channel, hour).iter().find(|(place, _)| *place == row);
        own.map_or(0.0, |(_, count)| *count)
    };
    let mut posts: Vec<usize> = chosen.iter().copied().filter(|hour| counted(*hour) > 0.0).collect();
    posts.sort_by(|a, b| instance.value[*b].total_cmp(&instance.value[*a]).then(a.cmp(b)));
    let mut after = used[row] + chosen.iter().map(|hour| counted(*hour).min(0.0)).sum::<f64>();
    let mut kept = Vec::new();
    for hour in posts {
        if week.rows()[row].excess(after + counted(hour)) <= 0.0 {
            after += counted(hour);
            kept.push(hour);
        }
    }
    for hour in 0..instance.value.len() {
        instance.allowed[hour] &= counted(hour) <= 0.0 || kept.contains(&hour);
    }
}
