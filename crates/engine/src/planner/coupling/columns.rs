//! The choices of hours found so far, by channel, and the best combination of them that satisfies every row.

#![expect(clippy::indexing_slicing, reason = "lists by channel and by row are as long as the week's")]

use super::problem::CoupledWeek;
use crate::planner::Solution;

/// A choice of hours for a channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub chosen: Vec<usize>,
    /// Objective of the choice, without prices of rows.
    pub objective: f64,
    /// The rows in which the choice counts, each with how much of the row it uses, ascending by row.
    pub used: Vec<(usize, f64)>,
}

impl Column {
    pub fn new(week: &CoupledWeek<'_>, channel: usize, solution: Solution) -> Self {
        let Solution { chosen, objective, .. } = solution;
        let objective = objective - week.cost(channel, &chosen);
        let mut used: Vec<(usize, f64)> = Vec::new();
        let mut coefficients: Vec<(usize, f64)> =
            chosen.iter().flat_map(|hour| week.coefficients(channel, *hour)).copied().collect();
        coefficients.sort_by_key(|(row, _)| *row);
        for (row, coefficient) in coefficients {
            match used.last_mut() {
                Some((last, sum)) if *last == row => *sum += coefficient,
                _ => used.push((row, coefficient)),
            }
        }
        Self { chosen, objective, used }
    }

    /// The objective less the prices of what the choice uses of the rows.
    pub fn net_value(&self, prices: &[f64]) -> f64 {
        self.objective - self.used.iter().map(|(row, used)| prices[*row] * used).sum::<f64>()
    }
}

/// The choices found so far for every channel.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_channel: Vec<Vec<Column>>,
}

impl Columns {
    pub fn new(channels: usize) -> Self {
        Self { by_channel: vec![Vec::new(); channels] }
    }

    /// Every column with its channel.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Column)> {
        let channels = self.by_channel.iter().enumerate();
        channels.flat_map(|(channel, columns)| columns.iter().map(move |column| (channel, column)))
    }

    pub fn get(&self, channel: usize, index: usize) -> &Column {
        &self.by_channel[channel][index]
    }

    /// Adds a choice unless it is there already. Returns its index, and whether it is new.
    pub fn add(&mut self, week: &CoupledWeek<'_>, channel: usize, solution: Solution) -> (usize, bool) {
        let columns = &mut self.by_channel[channel];
        if let Some(index) = columns.iter().position(|column| column.chosen == solution.chosen) {
            return (index, false);
        }
        columns.push(Column::new(week, channel, solution));
        (columns.len() - 1, true)
    }

    /// The columns of every channel.
    pub fn by_channel(&self) -> &[Vec<Column>] {
        &self.by_channel
    }

    /// The rows that some combination exceeds, of columns that each lose at most `max_loss` against the best one of
    /// their channel at the given prices.
    pub fn exceedable_rows(&self, week: &CoupledWeek<'_>, prices: &[f64], max_loss: f64) -> Vec<usize> {
        let mut max_uses = vec![0.0; week.rows().len()];
        for columns in &self.by_channel {
            let floor = best_net_value(columns, prices) - max_loss;
            let close = columns.iter().filter(|column| column.net_value(prices) >= floor);
            let of_channel = uses_of_channel(close.map(|column| column.used.as_slice()), max_uses.len());
            max_uses.iter_mut().zip(of_channel).for_each(|(sum, (_, max))| *sum += max);
        }
        exceeded_rows(week, &max_uses)
    }
}

/// The rows that are exceeded, given how much of every row is used.
pub(super) fn exceeded_rows(week: &CoupledWeek<'_>, used: &[f64]) -> Vec<usize> {
    let rows = week.rows().iter().zip(used).enumerate();
    rows.filter(|(_, (row, used))| row.excess(**used) > 0.0).map(|(index, _)| index).collect()
}

/// The greatest objective of a channel's columns, less prices.
pub(super) fn best_net_value(columns: &[Column], prices: &[f64]) -> f64 {
    columns.iter().map(|column| column.net_value(prices)).fold(f64::NEG_INFINITY, f64::max)
}

/// By row, the least and the most that any of a channel's columns uses, given what each uses of the rows in which it
/// counts. Without columns, the least is infinite and the most negative infinite.
pub(super) fn uses_of_channel<'c>(columns: impl Iterator<Item = &'c [(usize, f64)]>, rows: usize) -> Vec<(f64, f64)> {
    let mut uses = vec![(f64::INFINITY, f64::NEG_INFINITY); rows];
    let (mut counting, mut all) = (vec![0_usize; rows], 0);
    for used in columns {
        all += 1;
        for (row, count) in used {
            let (min, max) = &mut uses[*row];
            (*min, *max) = (min.min(*count), max.max(*count));
            counting[*row] += 1;
        }
    }
    // A column that does not count in a row uses nothing of it.
    for ((min, max), _) in uses.iter_mut().zip(counting).filter(|(_, counting)| *counting < all) {
        (*min, *max) = (min.min(0.0), max.max(0.0));
    }
    uses
}
