//! Integration tests of the whole application.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot continue should panic, also in helper functions"
)]

mod campaigns;
mod cases;
mod cli;
mod closed;
mod committed;
mod compare;
mod daylight;
mod formatting;
mod fuzz;
mod planner;
mod python;
mod rules_files;
mod scripts;
mod simulator;
mod store;
mod support;
mod tidy;
mod tour;
mod web;
mod weekly_totals;
