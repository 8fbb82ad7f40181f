//! A client's week under limits that span its channels: the best choice of hours for all channels together, with an
//! upper bound and the prices that prove it.
//!
//! ```text
//! maximise   sum over channels c of f_c(x_c) - sum over priced rows r of price_r * excess_r
//! such that  x_c is feasible for the week of channel c, f_c is its objective   (see `instance`)
//!            sum over (c, t) of a_r(c, t) x_c(t) <= b_r + excess_r    for every row r; excess_r = 0 without a price
//! where      x_c(t) is 1 if channel c posts at hour t, else 0; a_r and b_r are the coefficients and the upper bound
//!            of row r
//! ```
//!
//! Any prices y >= 0 of the rows, at most `price_r` where a row has one, give an upper bound (Lagrangian relaxation):
//!
//! ```text
//! bound(y) = sum over c of max over x_c of (f_c(x_c) - sum over r of y_r a_r x_c)  +  sum over r of y_r b_r
//! ```
//!
//! The maximum of each channel is the exact optimum of `slots` with prices on its hours.
//!
//! ```text
//! problem   rows, and how much of each a choice uses
//! prices    the prices with the lowest bound, by cutting planes: a linear programme over the choices found so far
//! columns   the choices found so far, by channel
//!   combination   ... the best combination of them that satisfies every row
//!   neighbours    ... choices that differ from one of them in one post
//! repair    a combination that satisfies the rows, built channel by channel at given prices
//! search    the rounds of all of these, and their result
//! conflict  which rows contradict each other
//! ```
//!
//! A row takes part only from the round in which a choice exceeds it. Until then the bound is that of a problem with
//! fewer rows, which is an upper bound too. The number of rounds is fixed, and no clock is read.

mod channel_solver;
mod columns;
mod combination;
mod conflict;
mod neighbours;
mod prices;
mod problem;
mod repair;
mod search;
#[cfg(test)]
mod tests;

pub use channel_solver::{SolvedChannels, best_hours};
pub use conflict::smallest_conflict;
pub(super) use problem::excess;
pub use problem::{CoupledWeek, Row, Term};
pub use search::{CoupledSolution, solve_coupled};
