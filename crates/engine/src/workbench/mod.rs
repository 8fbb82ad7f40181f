//! The workbench for authors of rules: does a pack do what it is meant to do, and would a test case fail if it did not?
//!
//! ```text
//! tests/*.toml ── cases ──> Case ── run ──> Report      which results are not as expected, and why
//!                             │
//!                             ├── coverage              what no case covers
//!                             └── mutate                which changes of the rules no case detects
//! ```
//!
//! A case describes a situation; everything it leaves out has a documented default. It is evaluated by the functions
//! that plan a week, never by formulas of its own, so a case cannot pass while a plan would differ.
//!
//! Three parts need no cases: `verify` checks rules over the whole domain of their inputs, `divergence` finds
//! situations that two packs decide differently, and `trial` finds inputs on which functions fail. `format` formats the
//! files of a pack without changing what they mean.

mod cases;
mod coverage;
mod divergence;
mod eval_context;
mod explanation;
mod format;
mod keys;
mod mutate;
mod one_factor_cases;
mod results;
mod run;
mod situation;
mod toml_layout;
mod trial;
mod verify;
mod week;
mod week_explanation;
mod week_rows;

pub use cases::{Case, Condition, Expectation, read};
pub use coverage::{Coverage, CoverageCount, Gap, coverage};
pub use divergence::{Divergence, divergences};
pub use explanation::{CaseEvaluation, explanation};
pub use format::{Formatted, format};
pub use keys::CASE_KEYS;
pub use mutate::{Mutation, Survivor, mutate};
pub use results::{CaseResult, ResultValue, results};
pub use run::{CaseReport, Mismatch, Report, run};
pub use situation::Situation;
pub use trial::trial;
pub use verify::{Finding, FindingKind, IneffectiveKey, ReachableVerdicts, Verification, Witness, verify};
pub use week::{LimitState, PostCount, WeekPost};
