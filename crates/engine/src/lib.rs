//! The engine of mcoe, the Multi-Agent Campaign Orchestration Engine: plans posting campaigns under rules that are
//! files, and simulates what those rules do.
//!
//! Nothing here reads a file, a clock or the environment; `now` and the seed come in as arguments, and the same inputs
//! give the same bytes on any number of threads.
//!
//! ```text
//!  texts of a pack ── rules ──> CompiledRules ─┐
//!                                              ├── planner ──> Plan
//!                     model::Scenario ─────────┤   asks agents, slots, assets, guardrails
//!                                              │
//!                                              └── simulator ─> Simulation
//!                                                  plans a week, lets the world answer, moves on
//! ```
//!
//! [`rules::load`] reads the texts of a pack, or says all that is wrong with them, and
//! [`CompiledRules`](rules::CompiledRules) makes them ready. A [`Scenario`](model::Scenario) holds clients, their state
//! and the world that answers. [`plan_week`](planner::plan_week) lets the agents say what they see of a client, solves
//! each channel's week exactly, gives assets to the slots and puts every post to the guardrails.
//! [`check_plan`](planner::check::check_plan) verifies the plan and shares no code with what made it.
//! [`simulate`](simulator::simulate) does so week after week, many times over, against an environment that does not
//! share the planner's beliefs, and [`compare`](simulator::compare()) does so under several packs with common random
//! numbers.
//!
//! [`calibration`] fits accounts' levels and effects to their own postings, and scores forecasts at earlier dates.
//!
//! [`workbench`] is for who writes rules: it puts named situations to a pack and says what came out differently, what
//! no case exercises and which small change of the rules no case would notice.
//!
//! The modules stand in the order of their layers: each uses those above it only.

pub mod diagnostic;

pub mod model;

pub mod stats;

pub mod calibration;

pub mod rules;

pub mod tables;

mod agents;

pub mod planner;

pub mod simulator;

pub mod workbench;
