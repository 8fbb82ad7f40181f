//! The rows of a coupled week, and how much of each a choice of hours uses.

use crate::planner::Instance;

/// What a post at an hour of a channel counts in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Place of the channel among the week's channels.
    pub channel: usize,
    /// Hour of the week.
    pub hour: usize,
    /// What a post there counts; negative in a row that asks for posts.
    pub coefficient: f64,
}

/// A row: the posts counted by their coefficients are at most so many.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What posts count. Each channel and hour stands at most once.
    pub terms: Vec<Term>,
    /// The most that they may count together.
    pub at_most: f64,
    /// What each unit above that costs, in the unit of the objective; `None` if there may be none.
    pub price: Option<f64>,
}

/// The weeks of a client's channels, and the rows that couple them.
#[derive(Debug, Clone)]
pub struct CoupledWeek<'a> {
    channels: Vec<&'a Instance>,
    rows: Vec<Row>,
    /// By channel and hour, the rows in which a post there counts, and what.
    counted_in: Vec<Vec<Vec<(usize, f64)>>>,
    /// By channel and hour, what a post costs beside the rows; empty if nothing.
    hour_costs: Vec<Vec<f64>>,
    /// Prices of the rows at which the search begins; empty if at none.
    first_prices: Vec<f64>,
}

impl<'a> CoupledWeek<'a> {
    /// The weeks of channels, coupled by rows. Terms of a channel or an hour that does not exist are left out.
    #[must_use]
    pub fn new(channels: Vec<&'a Instance>, rows: Vec<Row>) -> Self {
        let mut counted_in: Vec<Vec<Vec<(usize, f64)>>> =
            channels.iter().map(|instance| vec![Vec::new(); instance.value.len()]).collect();
        for (place, row) in rows.iter().enumerate() {
            for term in &row.terms {
                let hour = counted_in.get_mut(term.channel).and_then(|hours| hours.get_mut(term.hour));
                if let Some(counted) = hour {
                    counted.push((place, term.coefficient));
                }
            }
        }
        Self { channels, rows, counted_in, hour_costs: Vec::new(), first_prices: Vec::new() }
    }

    /// The same with what a post costs at each hour of each channel, beside the rows. Objectives are less these costs.
    #[must_use]
    pub fn with_prices(self, hour_costs: Vec<Vec<f64>>) -> Self {
        Self { hour_costs, ..self }
    }

    /// The same with a price for each row at which the search begins: those that proved the bound of a similar week.
    #[must_use]
    pub fn starting_at(self, first_prices: Vec<f64>) -> Self {
        Self { first_prices, ..self }
    }

    /// The price of each row at which the search begins; `None` if it begins without prices.
    pub(super) fn first_prices(&self) -> Option<&[f64]> {
        let prices = &self.first_prices;
        (prices.len() == self.rows.len() && prices.iter().any(|price| *price > 0.0)).then_some(prices)
    }

    /// What posts of a channel cost beside the rows.
    pub(super) fn spent(&self, channel: usize, chosen: &[usize]) -> f64 {
        let Some(costs) = self.hour_costs.get(channel) else { return 0.0 };
        chosen.iter().filter_map(|hour| costs.get(*hour)).fold(0.0, |sum, cost| sum + cost)
    }

    /// The channels' weeks.
    #[must_use]
    pub fn channels(&self) -> &[&'a Instance] {
        &self.channels
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The rows in which a post at an hour of a channel counts, and what it counts there.
    pub fn counts(&self, channel: usize, hour: usize) -> &[(usize, f64)] {
        self.counted_in.get(channel).and_then(|hours| hours.get(hour)).map_or(&[], Vec::as_slice)
    }

    /// Whether some post of a channel leaves others more of a row without a price.
    pub(super) fn makes_room(&self, channel: usize) -> bool {
        let is_hard = |row: usize| self.rows.get(row).is_some_and(|row| row.price.is_none());
        let mut counted = self.counted_in.get(channel).into_iter().flatten().flatten();
        counted.any(|(row, coefficient)| *coefficient < 0.0 && is_hard(*row))
    }

    /// Adds what posts of a channel count to the `used` of every row.
    pub(super) fn count(&self, channel: usize, chosen: &[usize], used: &mut [f64]) {
        for (row, coefficient) in chosen.iter().flat_map(|hour| self.counts(channel, *hour)) {
            if let Some(used) = used.get_mut(*row) {
                *used += coefficient;
            }
        }
    }

    /// What is used of every row by a choice of hours for every channel.
    #[must_use]
    pub fn used<'c>(&self, chosen: impl IntoIterator<Item = &'c [usize]>) -> Vec<f64> {
        let mut used = vec![0.0; self.rows.len()];
        for (channel, chosen) in chosen.into_iter().enumerate() {
            self.count(channel, chosen, &mut used);
        }
        used
    }

    /// The price of a post at each hour of a channel, from the prices of the rows.
    pub(super) fn hour_prices(&self, channel: usize, row_prices: &[f64], prices: &mut Vec<f64>) {
        prices.clear();
        let hours = self.counted_in.get(channel).map_or(&[][..], Vec::as_slice);
        let costs = self.hour_costs.get(channel).map_or(&[][..], Vec::as_slice);
        prices.extend(hours.iter().enumerate().map(|(hour, counted)| {
            let part = |(row, coefficient): &(usize, f64)| row_prices.get(*row).unwrap_or(&0.0) * coefficient;
            costs.get(hour).unwrap_or(&0.0) + counted.iter().map(part).sum::<f64>()
        }));
    }

    /// What is given up for the rows that a use exceeds, at their prices; those without one at `highest`.
    pub(super) fn penalty(&self, used: &[f64], highest: f64) -> f64 {
        let rows = self.rows.iter().zip(used);
        rows.map(|(row, used)| row.excess(*used) * row.price.unwrap_or(highest)).sum()
    }

    /// Whether a use keeps every row without a price.
    #[must_use]
    pub fn keeps(&self, used: &[f64]) -> bool {
        self.rows.iter().zip(used).all(|(row, used)| row.price.is_some() || row.excess(*used) <= 0.0)
    }
}

/// Uses that exceed a row by no more than this are taken for rounding.
const ROUNDING: f64 = 1e-9;

impl Row {
    /// How far a use exceeds the row; 0 within rounding.
    #[must_use]
    pub fn excess(&self, used: f64) -> f64 {
        excess(used, self.at_most)
    }
}

/// How far a use exceeds what is allowed; 0 within rounding.
#[must_use]
pub fn excess(used: f64, at_most: f64) -> f64 {
    let excess = used - at_most;
    if excess > ROUNDING * (1.0 + at_most.abs()) { excess } else { 0.0 }
}
