//! Scripts of a pack: what is refused, what stops a run, and what rules alone can do.

mod cases;
mod facts;
mod failures;
mod guardrails;
mod hooks;
mod memory;
mod mistakes;
mod overlays;
