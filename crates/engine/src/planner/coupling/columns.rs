//! The choices of hours seen so far, by channel, and the best combination of them that keeps every row.

#![expect(clippy::indexing_slicing, reason = "lists by channel and by row are as long as the week's")]

use super::problem::CoupledWeek;
use crate::planner::Solution;

/// A choice of hours for a channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub chosen: Vec<usize>,
    /// Its objective, without prices.
    pub objective: f64,
    /// What it uses of the rows in which it counts, ascending by row.
    pub used: Vec<(usize, f64)>,
}

impl Column {
    fn new(week: &CoupledWeek<'_>, channel: usize, solution: Solution) -> Self {
        let Solution { chosen, objective, .. } = solution;
        let objective = objective - week.spent(channel, &chosen);
        let mut used: Vec<(usize, f64)> = Vec::new();
        let mut counted: Vec<(usize, f64)> =
            chosen.iter().flat_map(|hour| week.counts(channel, *hour)).copied().collect();
        counted.sort_by_key(|(row, _)| *row);
        for (row, count) in counted {
            match used.last_mut() {
                Some((last, sum)) if *last == row => *sum += count,
                _ => used.push((row, count)),
            }
        }
        Self { chosen, objective, used }
    }

    /// Its objective less the prices of what it uses.
    pub fn at(&self, prices: &[f64]) -> f64 {
        self.objective - self.used.iter().map(|(row, used)| prices[*row] * used).sum::<f64>()
    }
}

/// The choices of every channel.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_channel: Vec<Vec<Column>>,
}

/// A combination of choices: by channel, the place of one among its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Combination {
    pub places: Vec<usize>,
    /// The objective of all of them, less what is given up for rows with a price.
    pub objective: f64,
}

impl Columns {
    pub fn new(channels: usize) -> Self {
        Self { by_channel: vec![Vec::new(); channels] }
    }

    /// Every column with its channel.
    pub fn all(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.by_channel.iter().enumerate().flat_map(|(channel, columns)| columns.iter().map(move |one| (channel, one)))
    }

    pub fn get(&self, channel: usize, place: usize) -> &Column {
        &self.by_channel[channel][place]
    }

    /// Adds a choice unless it was seen. Returns its place, and whether it is new.
    pub fn add(&mut self, week: &CoupledWeek<'_>, channel: usize, solution: Solution) -> (usize, bool) {
        let columns = &mut self.by_channel[channel];
        if let Some(place) = columns.iter().position(|column| column.chosen == solution.chosen) {
            return (place, false);
        }
        columns.push(Column::new(week, channel, solution));
        (columns.len() - 1, true)
    }

    /// The combination of columns at the given places. Each unit above a row without a price counts as `highest`.
    pub fn combination(&self, week: &CoupledWeek<'_>, places: Vec<usize>, highest: f64) -> Combination {
        let columns = || places.iter().enumerate().map(|(channel, place)| self.get(channel, *place));
        let used = week.used(columns().map(|column| column.chosen.as_slice()));
        let objective = columns().map(|column| column.objective).sum::<f64>() - week.penalty(&used, highest);
        Combination { places, objective }
    }

    /// The best combination of more than `floor` that keeps the rows without a price, if one is found within `steps`
    /// steps. At any prices a combination loses at least what its columns lose against the best of their channels, so
    /// the search leaves out every column and every start of a combination that loses too much to exceed the floor.
    pub fn best(&self, week: &CoupledWeek<'_>, prices: &[f64], floor: f64, steps: usize) -> Option<Combination> {
        let most: Vec<f64> = self.by_channel.iter().map(|columns| most(columns, prices)).collect();
        let rows = week.rows().iter().zip(prices);
        let bound = most.iter().sum::<f64>() + rows.map(|(row, price)| price * row.at_most).sum::<f64>();
        let mut candidates: Vec<ChannelCandidates<'_>> = Vec::with_capacity(self.by_channel.len());
        for (channel, columns) in self.by_channel.iter().enumerate() {
            candidates.push(ChannelCandidates::new(channel, columns, prices, most[channel], bound - floor));
        }
        candidates.sort_by_key(|one| (one.columns.len(), one.channel));
        let least = least_uses(week, &candidates);
        let mut search = CombinationSearch {
            week,
            candidates: &candidates,
            least,
            used: vec![0.0; week.rows().len()],
            places: vec![0; candidates.len()],
            bound,
            most: floor,
            best: None,
            steps,
        };
        search.descend(0, 0.0, 0.0);
        search.best.map(|places| Combination { places, objective: search.most })
    }
}

/// The most that a column of a channel comes to at some prices.
fn most(columns: &[Column], prices: &[f64]) -> f64 {
    columns.iter().map(|column| column.at(prices)).fold(f64::NEG_INFINITY, f64::max)
}

/// The columns of a channel that may be part of a better combination.
struct ChannelCandidates<'a> {
    channel: usize,
    /// Place, column and loss, ascending by loss.
    columns: Vec<(usize, &'a Column, f64)>,
}

impl<'a> ChannelCandidates<'a> {
    fn new(channel: usize, columns: &'a [Column], prices: &[f64], most: f64, room: f64) -> Self {
        let mut within: Vec<(usize, &Column, f64)> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| (place, column, most - column.at(prices)))
            .filter(|(_, _, loss)| *loss < room)
            .collect();
        within.sort_by(|(a, _, x), (b, _, y)| x.total_cmp(y).then(a.cmp(b)));
        Self { channel, columns: within }
    }
}

/// By depth, the least that the channels from there on use of each row.
fn least_uses(week: &CoupledWeek<'_>, candidates: &[ChannelCandidates<'_>]) -> Vec<Vec<f64>> {
    let rows = week.rows().len();
    let mut least = vec![vec![0.0; rows]; candidates.len() + 1];
    for depth in (0..candidates.len()).rev() {
        let mut own = vec![f64::INFINITY; rows];
        for (_, column, _) in &candidates[depth].columns {
            let mut used = vec![0.0; rows];
            column.used.iter().for_each(|(row, count)| used[*row] = *count);
            own.iter_mut().zip(used).for_each(|(least, used)| *least = f64::min(*least, used));
        }
        let (now, after) = least.split_at_mut(depth + 1);
        for ((sum, own), after) in now[depth].iter_mut().zip(own).zip(&after[0]) {
            *sum = own + after;
        }
    }
    least
}

/// A depth-first search for the best combination.
struct CombinationSearch<'a> {
    week: &'a CoupledWeek<'a>,
    candidates: &'a [ChannelCandidates<'a>],
    least: Vec<Vec<f64>>,
    used: Vec<f64>,
    /// By channel, the place chosen.
    places: Vec<usize>,
    /// What a combination without losses would come to.
    bound: f64,
    /// Objective of the best combination, or the floor.
    most: f64,
    best: Option<Vec<usize>>,
    steps: usize,
}

impl CombinationSearch<'_> {
    /// Chooses a column for the channel at a depth, and for all after it.
    fn descend(&mut self, depth: usize, loss: f64, objective: f64) {
        let candidates = self.candidates;
        let Some(channel) = candidates.get(depth) else {
            self.complete(objective);
            return;
        };
        for (place, column, own) in &channel.columns {
            if self.bound - loss - own <= self.most || self.steps == 0 {
                return;
            }
            self.steps -= 1;
            column.used.iter().for_each(|(row, count)| self.used[*row] += count);
            if self.may_keep_rows(depth + 1, column) {
                self.places[channel.channel] = *place;
                self.descend(depth + 1, loss + own, objective + column.objective);
            }
            column.used.iter().for_each(|(row, count)| self.used[*row] -= count);
        }
    }

    /// Whether the rows in which a column counts can still be kept, or have a price.
    fn may_keep_rows(&self, depth: usize, column: &Column) -> bool {
        column.used.iter().all(|(place, _)| {
            let row = &self.week.rows()[*place];
            row.price.is_some() || row.excess(self.used[*place] + self.least[depth][*place]) <= 0.0
        })
    }

    fn complete(&mut self, objective: f64) {
        if !self.week.keeps(&self.used) {
            return;
        }
        let objective = objective - self.week.penalty(&self.used, 0.0);
        if objective > self.most {
            self.most = objective;
            self.best = Some(self.places.clone());
        }
    }
}
