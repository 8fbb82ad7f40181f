//! The workbench of who writes rules: does the pack do what it was meant to do, and would anybody notice
//! if it did not?
//!
//! ```text
//! tests/*.toml ── cases ──> Case ── run ──> Report      what came out differently, and why
//!                             │
//!                             ├── coverage              what no case exercises
//!                             └── mutate                which change of the rules no case notices
//! ```
//!
//! A case names a situation; everything that it does not name has a documented default. It is answered by
//! the functions that plan a week, never by formulas of its own, so that a case cannot agree with itself
//! and differ from the plan.
//!
//! `format` lays out the files of a pack, and changes nothing that they say.

mod answers;
mod cases;
mod coverage;
mod departures;
mod divergence;
mod format;
mod grounds;
mod keys;
mod layout;
mod mutate;
mod run;
mod situation;
mod trial;
mod verify;
mod why;

pub use answers::{Answer, Told, answers};
pub use cases::{Case, Expected, Wanted, read};
pub use coverage::{Coverage, Gap, Share, coverage};
pub use divergence::{Divergence, divergences};
pub use format::{Formatted, format};
pub use keys::CASE_KEYS;
pub use mutate::{Mutation, Survivor, mutate};
pub use run::{CaseReport, Mismatch, Report, run};
pub use situation::Situation;
pub use trial::trial;
pub use verify::{Finding, FindingKind, Idle, Reach, Verification, Witness, verify};
pub use why::{Because, why};
