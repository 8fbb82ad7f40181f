//! A pack's scripts: which are refused, which stop a run, and what they can add or change.

mod caching;
mod cases;
mod facts;
mod failures;
mod guardrails;
mod hooks;
mod mistakes;
mod overlays;
