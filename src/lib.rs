//! mcoe, the Multi-Agent Campaign Orchestration Engine.

pub mod model;
pub mod rules;
pub mod stats;
