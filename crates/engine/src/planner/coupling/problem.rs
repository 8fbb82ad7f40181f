//! The rows of a coupled week, and how much of each a choice of hours uses: the sum of its posts' coefficients.

use crate::planner::Instance;

/// A row's coefficient for a post at an hour of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Index of the channel among the week's channels.
    pub channel: usize,
    /// Hour of the week.
    pub hour: usize,
    /// The coefficient; negative in a row that requires posts.
    pub coefficient: f64,
}

/// A row: the coefficients of the chosen posts sum to at most `at_most`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The coefficients, at most one for each channel and hour; those left out are 0.
    pub terms: Vec<Term>,
    /// Upper bound on the sum.
    pub at_most: f64,
    /// Price of each unit above `at_most`, in the unit of the objective; `None` if the row may not be exceeded.
    pub price: Option<f64>,
}

/// The weeks of a client's channels, and the rows that couple them.
#[derive(Debug, Clone)]
pub struct CoupledWeek<'a> {
    channels: Vec<&'a Instance>,
    rows: Vec<Row>,
    /// By channel and hour, the rows in which a post counts, each with its coefficient.
    coefficients: Vec<Vec<Vec<(usize, f64)>>>,
    /// By channel and hour, what a post costs apart from the rows; empty if nothing.
    hour_costs: Vec<Vec<f64>>,
    /// Prices of the rows from which the search starts; empty if it starts without prices.
    initial_prices: Vec<f64>,
}

impl<'a> CoupledWeek<'a> {
    /// The weeks of channels, coupled by rows. Terms of a channel or an hour that does not exist are left out.
    #[must_use]
    pub fn new(channels: Vec<&'a Instance>, rows: Vec<Row>) -> Self {
        let mut coefficients: Vec<Vec<Vec<(usize, f64)>>> =
            channels.iter().map(|instance| vec![Vec::new(); instance.value.len()]).collect();
        for (index, row) in rows.iter().enumerate() {
            for term in &row.terms {
                let hour = coefficients.get_mut(term.channel).and_then(|hours| hours.get_mut(term.hour));
                if let Some(of_hour) = hour {
                    of_hour.push((index, term.coefficient));
                }
            }
        }
        Self { channels, rows, coefficients, hour_costs: Vec::new(), initial_prices: Vec::new() }
    }

    /// The same week with a cost of a post at each hour of each channel, apart from the rows. Objectives are net of
    /// these costs.
    #[must_use]
    pub fn with_hour_costs(self, hour_costs: Vec<Vec<f64>>) -> Self {
        Self { hour_costs, ..self }
    }

    /// The same week with a price for each row from which the search starts, such as those that proved the bound of a
    /// similar week.
    #[must_use]
    pub fn with_initial_prices(self, initial_prices: Vec<f64>) -> Self {
        Self { initial_prices, ..self }
    }

    /// The price of each row from which the search starts; `None` if it starts without prices.
    pub(super) fn initial_prices(&self) -> Option<&[f64]> {
        let prices = &self.initial_prices;
        (prices.len() == self.rows.len() && prices.iter().any(|price| *price > 0.0)).then_some(prices)
    }

    /// What posts of a channel at the chosen hours cost apart from the rows.
    pub(super) fn cost(&self, channel: usize, chosen: &[usize]) -> f64 {
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

    /// The rows in which a post at an hour of a channel counts, each with its coefficient.
    pub fn coefficients(&self, channel: usize, hour: usize) -> &[(usize, f64)] {
        self.coefficients.get(channel).and_then(|hours| hours.get(hour)).map_or(&[], Vec::as_slice)
    }

    /// Whether a post of the channel can lower the use of a row without a price.
    pub(super) fn can_lower_use(&self, channel: usize) -> bool {
        let is_hard = |row: usize| self.rows.get(row).is_some_and(|row| row.price.is_none());
        let mut of_channel = self.coefficients.get(channel).into_iter().flatten().flatten();
        of_channel.any(|(row, coefficient)| *coefficient < 0.0 && is_hard(*row))
    }

    /// Adds to `used` how much of every row posts of a channel at the chosen hours use.
    pub(super) fn add_use(&self, channel: usize, chosen: &[usize], used: &mut [f64]) {
        for (row, coefficient) in chosen.iter().flat_map(|hour| self.coefficients(channel, *hour)) {
            if let Some(used) = used.get_mut(*row) {
                *used += coefficient;
            }
        }
    }

    /// How much of every row is used, given the chosen hours of every channel.
    #[must_use]
    pub fn used<'c>(&self, chosen: impl IntoIterator<Item = &'c [usize]>) -> Vec<f64> {
        let mut used = vec![0.0; self.rows.len()];
        for (channel, chosen) in chosen.into_iter().enumerate() {
            self.add_use(channel, chosen, &mut used);
        }
        used
    }

    /// Fills `prices` with the price of a post at each hour of a channel, given the prices of the rows.
    pub(super) fn hour_prices(&self, channel: usize, row_prices: &[f64], prices: &mut Vec<f64>) {
        prices.clear();
        let hours = self.coefficients.get(channel).map_or(&[][..], Vec::as_slice);
        let costs = self.hour_costs.get(channel).map_or(&[][..], Vec::as_slice);
        prices.extend(hours.iter().enumerate().map(|(hour, coefficients)| {
            let price = |(row, coefficient): &(usize, f64)| row_prices.get(*row).unwrap_or(&0.0) * coefficient;
            costs.get(hour).unwrap_or(&0.0) + coefficients.iter().map(price).sum::<f64>()
        }));
    }

    /// What exceeding the rows costs at their prices. Rows without a price count at `highest_price`.
    pub(super) fn penalty(&self, used: &[f64], highest_price: f64) -> f64 {
        let rows = self.rows.iter().zip(used);
        rows.map(|(row, used)| row.excess(*used) * row.price.unwrap_or(highest_price)).sum()
    }

    /// Whether no row without a price is exceeded, given how much of every row is used.
    #[must_use]
    pub fn is_feasible(&self, used: &[f64]) -> bool {
        self.rows.iter().zip(used).all(|(row, used)| row.price.is_some() || row.excess(*used) <= 0.0)
    }
}

/// Relative excess up to which a row counts as satisfied, because of rounding.
const EXCESS_TOLERANCE: f64 = 1e-9;

impl Row {
    /// By how much `used` exceeds the row; 0 if only by a rounding error.
    #[must_use]
    pub fn excess(&self, used: f64) -> f64 {
        excess(used, self.at_most)
    }
}

/// By how much `used` exceeds `at_most`; 0 if only by a rounding error.
#[must_use]
pub fn excess(used: f64, at_most: f64) -> f64 {
    let surplus = used - at_most;
    if surplus > EXCESS_TOLERANCE * (1.0 + at_most.abs()) { surplus } else { 0.0 }
}
