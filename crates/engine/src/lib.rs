//! The engine of mcoe, the Multi-Agent Campaign Orchestration Engine: plans weekly posts under a pack of rules, and
//! simulates the effects of those rules.
//!
//! Nothing here reads a file, a clock or the environment; `now` and the seed come in as arguments, and the same inputs
//! give the same bytes on any number of threads.
//!
//! ```text
//!  texts of a pack ── rules ──> CompiledRules ─┐
//!                                              ├── planner ──> Plan
//!                     model::Scenario ─────────┤   agents → slots → assets → guardrails
//!                                              │
//!                                              └── simulator ─> Simulation
//!                                                  plan a week → simulate the response → next week
//! ```
//!
//! [`rules::load`] validates the texts of a pack's files and reports every error in them. A valid pack is compiled to
//! [`CompiledRules`](rules::CompiledRules), which can be evaluated. A [`Scenario`](model::Scenario) holds clients,
//! their state and the simulated environment. [`plan_week`](planner::plan_week) collects the agents' signals about each
//! client, optimises each channel's week, assigns assets to the slots and evaluates the guardrails on every post.
//! [`check_plan`](planner::check::check_plan) verifies the plan and shares no code with the planner.
//! [`simulate`](simulator::simulate) plans week after week, in many replications, against an environment that does not
//! follow the planner's assumptions; [`compare`](simulator::compare()) simulates several packs with common random
//! numbers, [`compare_scenarios`](simulator::compare_scenarios) several scenarios under one pack.
//!
//! [`calibration`] estimates from accounts' past posts how many engagements their posts earn, and on what that depends.
//! It also backtests forecasts made with these estimates.
//!
//! [`workbench`] is for authors of rules: it runs test cases against a pack, and reports which results are not as
//! expected, which parts of the pack no case covers, and which small changes of the rules no case detects.
//!
//! The modules are listed in the order of their layers: each uses only those above it.

pub mod diagnostic;

pub mod model;

pub mod stats;

pub mod calibration;

pub mod rules;

pub mod tables;

mod agents;

pub mod planner;

pub mod simulator;

pub mod result_tables;

pub mod workbench;
