//! What a guardrail said of a post.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A guardrail's answer, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing against it.
    Pass,
    /// It may stand, and somebody should know.
    Warn,
    /// It must not run.
    Block,
}

impl Outcome {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Block => "block",
        }
    }
}

/// One guardrail's answer about one post, with where in the rules it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The guardrail: its id, its function and its name in reports are one.
    pub rule: Arc<str>,
    /// The answer.
    pub outcome: Outcome,
    /// Why; empty on a pass.
    pub reason: Arc<str>,
    /// What would unblock the post; empty on a pass.
    pub remedy: Arc<str>,
    /// File of the pack that holds the rule.
    pub file: Arc<str>,
    /// Line of that file on which the answer was given, from 1.
    pub line: u32,
}
