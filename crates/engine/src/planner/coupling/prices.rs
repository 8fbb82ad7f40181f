//! The prices with the lowest bound, by cutting planes.
//!
//! The bound is convex in the prices, and each choice of hours found so far is a plane below it. The linear programme
//! (with the symbols of `coupling`, and m_c as the highest net value of channel c)
//!
//! ```text
//! minimise   sum over c of m_c + sum over r of y_r b_r
//! such that  m_c >= f_c(x) - sum over r of y_r a_r x      for every choice x of channel c found so far
//!            0 <= y_r <= the row's price; without one, a price that is high enough
//! ```
//!
//! has the lowest bound over the choices found so far as its optimum. This is never above the lowest bound over all
//! choices.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Solution, SolveOutcome, Variable};

use super::columns::{Column, Columns};
use super::problem::CoupledWeek;

/// The highest price of a row that has an initial price but none of its own is `INITIAL_FACTOR` · the initial price +
/// `INITIAL_MARGIN` · the scale.
const INITIAL_FACTOR: f64 = 2.0;
const INITIAL_MARGIN: f64 = 0.05;

/// The linear programme of the prices.
pub(super) struct PriceProgramme {
    scale: f64,
    /// By channel, the highest net value of the choices found so far: m_c.
    best_values: Vec<Variable>,
    /// The rows that take part, with their prices.
    prices: Vec<(usize, Variable)>,
    solution: Option<Solution>,
}

impl PriceProgramme {
    /// The programme over the active rows and the columns found so far. Objectives and prices are divided by `scale`,
    /// the greatest value of a post. `highest_price` is the highest price of a row without a price of its own.
    pub fn new(week: &CoupledWeek<'_>, active: &[usize], columns: &Columns, scale: f64, highest_price: f64) -> Self {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let best_values: Vec<Variable> =
            week.channels().iter().map(|_| problem.add_var(1.0, (f64::NEG_INFINITY, f64::INFINITY))).collect();
        let prices: Vec<(usize, Variable)> = active
            .iter()
            .filter_map(|index| week.rows().get(*index).map(|row| (*index, row)))
            .map(|(index, row)| {
                let initial = week.initial_prices().and_then(|prices| prices.get(index)).filter(|price| **price > 0.0);
                let highest = initial.map_or(highest_price, |price| price * INITIAL_FACTOR + INITIAL_MARGIN * scale);
                let highest = row.price.unwrap_or(highest) / scale;
                (index, problem.add_var(row.at_most, (0.0, highest)))
            })
            .collect();
        let mut programme = Self { scale, best_values, prices, solution: None };
        for (channel, column) in columns.all() {
            if let Some((plane, at_least)) = programme.plane(channel, column) {
                problem.add_constraint(plane, ComparisonOp::Ge, at_least);
            }
        }
        programme.solution = optimum(problem.solve());
        programme
    }

    /// Adds the plane of a choice of hours.
    pub fn add(&mut self, channel: usize, column: &Column) {
        if let (Some(solution), Some((plane, at_least))) = (self.solution.take(), self.plane(channel, column)) {
            self.solution = optimum(solution.add_constraint(plane, ComparisonOp::Ge, at_least));
        }
    }

    /// The price of every row, and the lowest bound over the choices found so far; `None` if the programme could not be
    /// solved.
    pub fn prices(&self, rows: usize) -> Option<(Vec<f64>, f64)> {
        let solution = self.solution.as_ref()?;
        let mut prices = vec![0.0; rows];
        for (row, variable) in &self.prices {
            if let Some(price) = prices.get_mut(*row) {
                *price = solution.var_value(*variable).max(0.0) * self.scale;
            }
        }
        Some((prices, solution.objective() * self.scale))
    }

    /// The plane of a choice of hours as a constraint: its coefficients, and the lower bound of their sum.
    fn plane(&self, channel: usize, column: &Column) -> Option<(Vec<(Variable, f64)>, f64)> {
        let mut plane = vec![(*self.best_values.get(channel)?, 1.0)];
        let used = |row: usize| column.used.iter().find(|(index, _)| *index == row).map(|(_, used)| *used);
        plane.extend(self.prices.iter().filter_map(|(row, price)| Some((*price, used(*row)?))));
        Some((plane, column.objective / self.scale))
    }
}

fn optimum(outcome: Result<SolveOutcome, microlp::Error>) -> Option<Solution> {
    outcome.ok()?.into_solution().ok()
}
