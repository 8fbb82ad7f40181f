//! The prices of least bound, by cutting planes.
//!
//! The bound is convex in the prices, and each choice of hours that was seen is a plane below it. The linear programme
//!
//! ```text
//! minimise   sum over c of m_c + sum over r of y_r b_r
//! such that  m_c >= f_c(x) - sum over r of y_r a_r x      for every choice x seen of channel c
//!            0 <= y_r <= the row's price, or a number above any price that pays
//! ```
//!
//! has the least bound over what was seen: never above that over all choices.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Solution, SolveOutcome, Variable};

use super::columns::{Column, Columns};
use super::problem::CoupledWeek;

/// A row whose search begins at a price has one of at most so many times that, plus a share of a typical objective.
const FARTHEST: f64 = 2.0;
const NEAREST: f64 = 0.05;

/// The linear programme of the prices.
pub(super) struct PriceProgramme {
    scale: f64,
    most: Vec<Variable>,
    /// The rows that take part, with their prices.
    prices: Vec<(usize, Variable)>,
    solution: Option<Solution>,
}

impl PriceProgramme {
    /// The programme over the active rows and the columns so far. `scale` is the size of a typical objective; `highest`
    /// is a price that no row without a price of its own needs to exceed.
    pub fn new(week: &CoupledWeek<'_>, active: &[usize], columns: &Columns, scale: f64, highest: f64) -> Self {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let most: Vec<Variable> =
            week.channels().iter().map(|_| problem.add_var(1.0, (f64::NEG_INFINITY, f64::INFINITY))).collect();
        let prices: Vec<(usize, Variable)> = active
            .iter()
            .filter_map(|place| week.rows().get(*place).map(|row| (*place, row)))
            .map(|(place, row)| {
                let first = week.first_prices().and_then(|prices| prices.get(place)).filter(|price| **price > 0.0);
                let highest = first.map_or(highest, |first| first * FARTHEST + NEAREST * scale);
                let highest = row.price.unwrap_or(highest) / scale;
                (place, problem.add_var(row.at_most, (0.0, highest)))
            })
            .collect();
        let mut programme = Self { scale, most, prices, solution: None };
        for (channel, column) in columns.all() {
            if let Some((plane, least)) = programme.plane(channel, column) {
                problem.add_constraint(plane, ComparisonOp::Ge, least);
            }
        }
        programme.solution = optimum(problem.solve());
        programme
    }

    /// Adds the plane of a choice.
    pub fn add(&mut self, channel: usize, column: &Column) {
        if let (Some(solution), Some((plane, least))) = (self.solution.take(), self.plane(channel, column)) {
            self.solution = optimum(solution.add_constraint(plane, ComparisonOp::Ge, least));
        }
    }

    /// The price of every row and the least bound over the choices seen; `None` if the programme could not be solved.
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

    fn plane(&self, channel: usize, column: &Column) -> Option<(Vec<(Variable, f64)>, f64)> {
        let mut plane = vec![(*self.most.get(channel)?, 1.0)];
        let used = |row: usize| column.used.iter().find(|(place, _)| *place == row).map(|(_, used)| *used);
        plane.extend(self.prices.iter().filter_map(|(row, price)| Some((*price, used(*row)?))));
        Some((plane, column.objective / self.scale))
    }
}

fn optimum(outcome: Result<SolveOutcome, microlp::Error>) -> Option<Solution> {
    outcome.ok()?.into_solution().ok()
}
