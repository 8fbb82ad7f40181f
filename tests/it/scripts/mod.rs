//! Scripts of a pack: what is refused, what stops a run, and what can be added without programming.

mod cases;
mod facts;
mod failures;
mod guardrails;
mod hooks;
mod memory;
mod mistakes;
mod overlays;
