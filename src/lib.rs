//! mcoe, the Multi-Agent Campaign Orchestration Engine.

pub mod agents;
pub mod model;
pub mod planner;
pub mod report;
pub mod rules;
pub mod scenario;
pub mod simulator;
pub mod stats;
