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
    fn new(week: &CoupledWeek<'_>, channel: usize, solution: Solution) -> Self {
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

/// A choice for every channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Combination {
    /// By channel, the index of its choice among its columns.
    pub indices: Vec<usize>,
    /// The sum of the objectives, less what exceeding rows costs.
    pub objective: f64,
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

    /// The combination of columns with the given indices. Each unit above a row without a price costs `highest_price`.
    pub fn combination(&self, week: &CoupledWeek<'_>, indices: Vec<usize>, highest_price: f64) -> Combination {
        let columns = || indices.iter().enumerate().map(|(channel, index)| self.get(channel, *index));
        let used = week.used(columns().map(|column| column.chosen.as_slice()));
        let objective = columns().map(|column| column.objective).sum::<f64>() - week.penalty(&used, highest_price);
        Combination { indices, objective }
    }

    /// The best combination with an objective above `floor` that satisfies the rows without a price; `None` if none is
    /// found within `steps` steps. At any prices, the objective of a combination is at most the bound less what each of
    /// its columns loses against the best one of its channel. So the search leaves out every column and every partial
    /// combination that loses too much to exceed `floor`.
    pub fn best(&self, week: &CoupledWeek<'_>, prices: &[f64], floor: f64, steps: usize) -> Option<Combination> {
        let best_values: Vec<f64> = self.by_channel.iter().map(|columns| best_net_value(columns, prices)).collect();
        let rows = week.rows().iter().zip(prices);
        let bound = best_values.iter().sum::<f64>() + rows.map(|(row, price)| price * row.at_most).sum::<f64>();
        let mut channels: Vec<ChannelCandidates<'_>> = Vec::with_capacity(self.by_channel.len());
        for (channel, columns) in self.by_channel.iter().enumerate() {
            channels.push(ChannelCandidates::new(channel, columns, prices, best_values[channel], bound - floor));
        }
        channels.sort_by_key(|channel| (channel.candidates.len(), channel.channel));
        let mut search = CombinationSearch {
            week,
            channels: &channels,
            min_uses: min_uses_by_depth(week, &channels),
            used: vec![0.0; week.rows().len()],
            indices: vec![0; channels.len()],
            bound,
            best_objective: floor,
            best: None,
            steps,
        };
        search.descend(0, 0.0, 0.0);
        search.best.map(|indices| Combination { indices, objective: search.best_objective })
    }
}

/// The greatest objective of a channel's columns, less prices.
fn best_net_value(columns: &[Column], prices: &[f64]) -> f64 {
    columns.iter().map(|column| column.net_value(prices)).fold(f64::NEG_INFINITY, f64::max)
}

/// A column that may be part of a better combination.
struct Candidate<'a> {
    /// Index among its channel's columns.
    index: usize,
    column: &'a Column,
    /// How far its net value is below that of the channel's best column.
    loss: f64,
}

/// The candidates of a channel.
struct ChannelCandidates<'a> {
    channel: usize,
    /// Ascending by loss.
    candidates: Vec<Candidate<'a>>,
}

impl<'a> ChannelCandidates<'a> {
    /// The columns of a channel with a loss below `max_loss`, given the greatest net value of its columns.
    fn new(channel: usize, columns: &'a [Column], prices: &[f64], best_value: f64, max_loss: f64) -> Self {
        let mut candidates: Vec<Candidate<'_>> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| Candidate { index, column, loss: best_value - column.net_value(prices) })
            .filter(|candidate| candidate.loss < max_loss)
            .collect();
        candidates.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.index.cmp(&b.index)));
        Self { channel, candidates }
    }
}

/// By depth, how much of each row the channels from that depth on use at least.
fn min_uses_by_depth(week: &CoupledWeek<'_>, channels: &[ChannelCandidates<'_>]) -> Vec<Vec<f64>> {
    let rows = week.rows().len();
    let mut min_uses = vec![vec![0.0; rows]; channels.len() + 1];
    for depth in (0..channels.len()).rev() {
        let mut of_channel = vec![f64::INFINITY; rows];
        for Candidate { column, .. } in &channels[depth].candidates {
            let mut used = vec![0.0; rows];
            column.used.iter().for_each(|(row, count)| used[*row] = *count);
            of_channel.iter_mut().zip(used).for_each(|(min, used)| *min = f64::min(*min, used));
        }
        let (until_depth, after) = min_uses.split_at_mut(depth + 1);
        for ((sum, of_channel), of_later) in until_depth[depth].iter_mut().zip(of_channel).zip(&after[0]) {
            *sum = of_channel + of_later;
        }
    }
    min_uses
}

/// A depth-first search for the best combination.
struct CombinationSearch<'a> {
    week: &'a CoupledWeek<'a>,
    /// In the order in which columns are chosen for them.
    channels: &'a [ChannelCandidates<'a>],
    /// By depth, how much of each row the channels from that depth on use at least.
    min_uses: Vec<Vec<f64>>,
    /// How much of each row the columns chosen so far use.
    used: Vec<f64>,
    /// By channel, the index of the column chosen.
    indices: Vec<usize>,
    /// Objective of a combination without losses.
    bound: f64,
    /// Objective of the best combination, or the floor.
    best_objective: f64,
    best: Option<Vec<usize>>,
    /// Number of steps that may still be taken.
    steps: usize,
}

impl CombinationSearch<'_> {
    /// Chooses a column for the channel at a depth and for all channels after it, given the loss and the objective of
    /// the columns chosen so far.
    fn descend(&mut self, depth: usize, loss: f64, objective: f64) {
        let channels = self.channels;
        let Some(channel) = channels.get(depth) else {
            self.complete(objective);
            return;
        };
        for Candidate { index, column, loss: column_loss } in &channel.candidates {
            if self.bound - loss - column_loss <= self.best_objective || self.steps == 0 {
                return;
            }
            self.steps -= 1;
            column.used.iter().for_each(|(row, count)| self.used[*row] += count);
            if self.can_satisfy_rows(depth + 1, column) {
                self.indices[channel.channel] = *index;
                self.descend(depth + 1, loss + column_loss, objective + column.objective);
            }
            column.used.iter().for_each(|(row, count)| self.used[*row] -= count);
        }
    }

    /// Whether the channels from a depth on can satisfy the rows without a price in which a column counts.
    fn can_satisfy_rows(&self, depth: usize, column: &Column) -> bool {
        column.used.iter().all(|(index, _)| {
            let row = &self.week.rows()[*index];
            row.price.is_some() || row.excess(self.used[*index] + self.min_uses[depth][*index]) <= 0.0
        })
    }

    /// Takes the chosen combination if it is feasible and the best so far.
    fn complete(&mut self, objective: f64) {
        if !self.week.is_feasible(&self.used) {
            return;
        }
        let objective = objective - self.week.penalty(&self.used, 0.0);
        if objective > self.best_objective {
            self.best_objective = objective;
            self.best = Some(self.indices.clone());
        }
    }
}
