//! Sample results to report: plausible ones, and extreme variants of them.

mod backtest;
mod calibration;
mod comparison;
mod plan;
mod simulation;
mod sweep;

pub use backtest::{backtest, backtests};
pub use calibration::{calibration, calibrations};
pub use comparison::comparisons;
pub use plan::{decisions, plan};
pub use simulation::{simulation, variants};
pub use sweep::sweeps;
