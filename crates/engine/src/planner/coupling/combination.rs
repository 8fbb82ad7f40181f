//! The best combination of columns, one for each channel, that satisfies the rows.

#![expect(clippy::indexing_slicing, reason = "lists by channel and by row are as long as the week's")]

use std::collections::BTreeSet;

use super::columns::{Column, Columns, best_net_value, uses_of_channel};
use super::problem::{CoupledWeek, Row};

/// A choice for every channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Combination {
    /// By channel, the index of its choice among its columns.
    pub indices: Vec<usize>,
    /// The sum of the objectives, less what exceeding rows costs.
    pub objective: f64,
}

impl Combination {
    /// The combination of columns with the given indices. Each unit above a row without a price costs `highest_price`.
    pub fn new(week: &CoupledWeek<'_>, columns: &Columns, indices: Vec<usize>, highest_price: f64) -> Self {
        let chosen = || indices.iter().enumerate().map(|(channel, index)| columns.get(channel, *index));
        let used = week.used(chosen().map(|column| column.chosen.as_slice()));
        let objective = chosen().map(|column| column.objective).sum::<f64>() - week.penalty(&used, highest_price);
        Self { indices, objective }
    }
}

/// A column that may be part of a better combination.
struct Candidate<'a> {
    /// Index among its channel's columns.
    index: usize,
    column: &'a Column,
    /// The rows that take part, by index among these, each with how much of it the column uses, ascending.
    used: Vec<(usize, f64)>,
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
            .map(|(index, column)| Candidate {
                index,
                column,
                used: Vec::new(),
                loss: best_value - column.net_value(prices),
            })
            .filter(|candidate| candidate.loss < max_loss)
            .collect();
        candidates.sort_by(|a, b| a.loss.total_cmp(&b.loss).then(a.index.cmp(&b.index)));
        Self { channel, candidates }
    }
}

/// The rows that take part in a search: those that some combination of the candidates exceeds. The others cannot tell one
/// combination from another.
struct ExceedableRows<'w> {
    rows: Vec<&'w Row>,
    /// By row of the week, its index among these.
    indices: Vec<Option<usize>>,
}

impl<'w> ExceedableRows<'w> {
    fn new(week: &'w CoupledWeek<'_>, channels: &[ChannelCandidates<'_>]) -> Self {
        let mut max_uses = vec![0.0; week.rows().len()];
        for ChannelCandidates { candidates, .. } in channels {
            let of_columns = candidates.iter().map(|candidate| candidate.column.used.as_slice());
            let of_channel = uses_of_channel(of_columns, max_uses.len());
            max_uses.iter_mut().zip(of_channel).for_each(|(sum, (_, max))| *sum += max);
        }
        let (mut rows, mut indices) = (Vec::new(), Vec::with_capacity(max_uses.len()));
        for (row, max_use) in week.rows().iter().zip(max_uses) {
            let is_exceedable = row.excess(max_use) > 0.0;
            indices.push(is_exceedable.then_some(rows.len()));
            rows.extend(is_exceedable.then_some(row));
        }
        Self { rows, indices }
    }

    /// How much of each of these rows a column uses, given what it uses of the rows of the week.
    fn used(&self, column: &Column) -> Vec<(usize, f64)> {
        column.used.iter().filter_map(|(row, count)| Some((self.indices[*row]?, *count))).collect()
    }

    /// Whether no row without a price is exceeded.
    fn are_satisfied(&self, used: &[f64]) -> bool {
        self.rows.iter().zip(used).all(|(row, used)| row.price.is_some() || row.excess(*used) <= 0.0)
    }

    /// What exceeding the rows with a price costs.
    fn penalty(&self, used: &[f64]) -> f64 {
        self.rows.iter().zip(used).map(|(row, used)| row.excess(*used) * row.price.unwrap_or(0.0)).sum()
    }
}

/// By depth, how much of each row the channels from that depth on use at least.
fn min_uses_by_depth(rows: usize, channels: &[ChannelCandidates<'_>]) -> Vec<Vec<f64>> {
    let mut min_uses = vec![vec![0.0; rows]; channels.len() + 1];
    for depth in (0..channels.len()).rev() {
        let of_columns = channels[depth].candidates.iter().map(|candidate| candidate.used.as_slice());
        let of_channel = uses_of_channel(of_columns, rows);
        let (until_depth, after) = min_uses.split_at_mut(depth + 1);
        for ((sum, (min, _)), of_later) in until_depth[depth].iter_mut().zip(of_channel).zip(&after[0]) {
            *sum = min + of_later;
        }
    }
    min_uses
}

/// A column for each of the first channels.
struct Partial {
    /// How much of each row that takes part the columns use.
    used: Vec<f64>,
    /// By channel, the index of its column; 0 for channels without one yet.
    indices: Vec<usize>,
    /// How far the columns' net values are below those of the best ones of their channels.
    loss: f64,
    /// Sum of the columns' objectives.
    objective: f64,
}

/// The best combination of columns with an objective above `floor` that satisfies the rows without a price, found by a
/// beam search; `None` if none is found. It chooses a column for one channel after another, and keeps of the partial
/// combinations the `width` with the smallest loss. Of those that use the rows equally, only the one with the smallest
/// loss can be part of the best combination.
///
/// At any prices, the objective of a combination is at most the bound less what each of its columns loses against the
/// best one of its channel. So the search leaves out every column and every partial combination that loses too much to
/// exceed `floor`.
pub(super) fn best(
    week: &CoupledWeek<'_>,
    columns: &Columns,
    prices: &[f64],
    floor: f64,
    width: usize,
) -> Option<Combination> {
    let best_values: Vec<f64> = columns.by_channel().iter().map(|columns| best_net_value(columns, prices)).collect();
    let rows = week.rows().iter().zip(prices);
    let bound = best_values.iter().sum::<f64>() + rows.map(|(row, price)| price * row.at_most).sum::<f64>();
    let mut channels: Vec<ChannelCandidates<'_>> = Vec::with_capacity(best_values.len());
    for (channel, columns) in columns.by_channel().iter().enumerate() {
        channels.push(ChannelCandidates::new(channel, columns, prices, best_values[channel], bound - floor));
    }
    channels.sort_by_key(|channel| (channel.candidates.len(), channel.channel));
    let rows = ExceedableRows::new(week, &channels);
    for candidate in channels.iter_mut().flat_map(|channel| &mut channel.candidates) {
        candidate.used = rows.used(candidate.column);
    }
    let min_uses = min_uses_by_depth(rows.rows.len(), &channels);
    let nothing_chosen =
        Partial { used: vec![0.0; rows.rows.len()], indices: vec![0; channels.len()], loss: 0.0, objective: 0.0 };
    let mut partials = vec![nothing_chosen];
    for (channel, min_uses) in channels.iter().zip(min_uses.iter().skip(1)) {
        partials = extend(&rows, partials, channel, min_uses, bound - floor, width);
    }
    let complete = partials.into_iter().filter(|partial| rows.are_satisfied(&partial.used)).map(|partial| {
        let objective = partial.objective - rows.penalty(&partial.used);
        Combination { indices: partial.indices, objective }
    });
    let better = complete.filter(|combination| combination.objective > floor);
    better.reduce(|best, other| if other.objective > best.objective { other } else { best })
}

/// Adds each candidate of a channel to each partial combination that leaves room for it. `min_uses` has how much of each
/// row the channels after it use at least.
fn extend(
    rows: &ExceedableRows<'_>,
    partials: Vec<Partial>,
    channel: &ChannelCandidates<'_>,
    min_uses: &[f64],
    max_loss: f64,
    width: usize,
) -> Vec<Partial> {
    let mut extensions: Vec<(f64, &Partial, &Candidate<'_>)> = Vec::new();
    for partial in &partials {
        let affordable = channel.candidates.iter().take_while(|candidate| partial.loss + candidate.loss < max_loss);
        let fitting = affordable.filter(|candidate| fits(rows, partial, candidate, min_uses));
        extensions.extend(fitting.map(|candidate| (partial.loss + candidate.loss, partial, candidate)));
    }
    // Stable, so that of equal losses the first stays first.
    extensions.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let mut uses_seen: BTreeSet<Vec<u64>> = BTreeSet::new();
    let extended = extensions.into_iter().filter_map(|(loss, partial, candidate)| {
        let Candidate { index, column, .. } = candidate;
        let mut used = partial.used.clone();
        candidate.used.iter().for_each(|(row, count)| used[*row] += count);
        let is_new = uses_seen.insert(used.iter().map(|used| used.to_bits()).collect());
        is_new.then(|| {
            let mut indices = partial.indices.clone();
            indices[channel.channel] = *index;
            Partial { used, indices, loss, objective: partial.objective + column.objective }
        })
    });
    extended.take(width).collect()
}

/// Whether a column and the channels after it can satisfy the rows without a price in which the column counts.
fn fits(rows: &ExceedableRows<'_>, partial: &Partial, candidate: &Candidate<'_>, min_uses: &[f64]) -> bool {
    candidate.used.iter().all(|(index, count)| {
        let row = rows.rows[*index];
        row.price.is_some() || row.excess(partial.used[*index] + count + min_uses[*index]) <= 0.0
    })
}
