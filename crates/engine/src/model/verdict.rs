//! A guardrail's verdict on a post.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A guardrail's answer. The values are ordered by severity, the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No objection.
    Pass,
    /// Allowed, with a warning.
    Warn,
    /// Not allowed.
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

/// One guardrail's answer for one post, with its location in the rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The guardrail's id, which is also the name of its function and its name in reports.
    pub rule: Arc<str>,
    /// The answer.
    pub outcome: Outcome,
    /// Why the guardrail warns or blocks; empty on a pass.
    pub reason: Arc<str>,
    /// What would unblock the post; empty on a pass.
    pub remedy: Arc<str>,
    /// File of the pack that holds the rule; empty if the record of the verdict does not name it.
    #[serde(default)]
    pub file: Arc<str>,
    /// 1-based line of that file at which the guardrail gave the answer.
    #[serde(default)]
    pub line: u32,
}

impl Verdict {
    /// `file:line` of the answer; `engine` if the file is not known.
    #[must_use]
    pub fn source(&self) -> String {
        if self.file.is_empty() { "engine".to_owned() } else { format!("{}:{}", self.file, self.line) }
    }
}
