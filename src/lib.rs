//! mcoe, the Multi-Agent Campaign Orchestration Engine: plans posting campaigns under rules kept
//! in files, and simulates the effect of the rules.
//!
//! ```text
//!  rules/*.toml *.rhai ── rules ──> CompiledRules ─┐
//!                                                  │
//!  scenario.toml, tables ─ scenario ─> Scenario ───┼── planner ──> Plan ──────┐
//!                                          │       │   agents, slots,         │
//!                                          │       │   assets, guardrails     ├─ report ─> page, figures,
//!                                          │       │                          │            tables, calendars
//!                                          └───────┴── simulator ─> Simulation┘
//!                                                      plan, simulate, next week
//! ```
//!
//! A rules pack is compiled to [`CompiledRules`](rules::CompiledRules), or rejected with all its errors.
//! A scenario folder is read as a [`Scenario`](model::Scenario): clients, their state, and the simulated
//! environment. [`plan_week`](planner::plan_week) runs the agents for each client, solves each channel's
//! week exactly, assigns assets to the slots and evaluates the guardrails for every post.
//! [`check_plan`](planner::check::check_plan) verifies the plan independently of the planner.
//! [`simulate`](simulator::simulate) plans and simulates one week after another, in many replications, in an
//! environment that does not use the planner's model. [`compare`](simulator::compare()) simulates several packs, and
//! [`compare_scenarios`](simulator::compare_scenarios) several scenarios, with common random numbers.
//! [`render`](report::render) writes the report.
//!
//! [`Ledger`](store::Ledger) stores committed plans as schedules and records every decision. People approve schedules;
//! the daily pass makes drafts of those that are due.
//!
//! The engine, a crate of its own, is re-exported: [`diagnostic`], [`model`], [`stats`], [`calibration`], [`rules`],
//! [`tables`], [`planner`], [`simulator`] and [`workbench`] read no file, no clock and no environment; the same input
//! gives the same bytes on any number of threads.
//!
//! The modules below are in layer order: each uses only those above it, and `scenario`, `report` and `store` do not use
//! each other.

pub use mcoe_engine::{
    calibration, diagnostic, model, planner, result_tables, rules, simulator, stats, tables, workbench,
};

pub mod files;

mod frames;

pub mod scenario;

pub mod report;

pub mod store;

pub mod web;

pub mod cli;
