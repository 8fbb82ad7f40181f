//! mcoe, the Multi-Agent Campaign Orchestration Engine: plans posting campaigns under rules that are
//! files, and simulates what those rules do.
//!
//! ```text
//!  rules/*.toml *.rhai ── rules ──> CompiledRules ─┐
//!                                                  │
//!  scenario.toml, tables ─ scenario ─> Scenario ───┼── planner ──> Plan ──────┐
//!                                          │       │   asks agents, slots,    │
//!                                          │       │   assets, guardrails     ├─ report ─> page, figures,
//!                                          │       │                          │            tables, calendars
//!                                          └───────┴── simulator ─> Simulation┘
//!                                                      plans a week, lets the
//!                                                      world answer, moves on
//! ```
//!
//! A rules pack becomes [`CompiledRules`](rules::CompiledRules) or a list of everything that is wrong
//! with it. A scenario folder becomes a [`Scenario`](model::Scenario): clients, their state, and the
//! world that answers. [`plan_week`](planner::plan_week) lets the agents say what they see of a client,
//! solves each channel's week exactly, gives assets to the slots and puts every post to the guardrails.
//! [`check_plan`](planner::check::check_plan) verifies the plan and shares no code with what made it.
//! [`simulate`](simulator::simulate) does so week after week, many times over, against an environment
//! that does not share the planner's beliefs, and [`compare`](simulator::compare()) does so under several packs
//! with common random numbers. [`render`](report::render) shows what came of it.
//!
//! [`Ledger`](store::Ledger) keeps what was promised: plans committed as schedules, approved by people, drafted by the
//! daily pass, with every decision on record.
//!
//! The engine, a crate of its own, is re-exported: [`model`], [`stats`], [`rules`], [`tables`], [`planner`],
//! [`simulator`] and [`workbench`] read no file, no clock and no environment; the same inputs give the same bytes on any number of
//! threads.
//!
//! The modules below stand in layer order: each uses those above it only, and `scenario`, `report` and `store` do not
//! know each other.

pub use mcoe_engine::{model, planner, rules, simulator, stats, tables, workbench};

pub mod files;

mod frames;

pub mod scenario;

pub mod report;

pub mod store;

pub mod web;

pub mod cli;
