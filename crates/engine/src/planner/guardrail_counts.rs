//! How often guardrails warned about posts or blocked them. A guardrail that passes every post, or none, may not do
//! what it was meant to.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Outcome, Post, Verdict};

/// Counts of one guardrail's verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailCounts {
    /// Name of the guardrail.
    pub rule: Arc<str>,
    /// Posts it was evaluated on.
    pub asked: u32,
    /// Posts it warned about.
    pub warned: u32,
    /// Posts it blocked.
    pub blocked: u32,
}

impl GuardrailCounts {
    /// Whether it passed every post.
    #[must_use]
    pub const fn passed_every_post(&self) -> bool {
        self.warned + self.blocked == 0
    }

    /// Whether it was evaluated, and warned about or blocked every post.
    #[must_use]
    pub const fn passed_no_post(&self) -> bool {
        self.asked > 0 && self.warned + self.blocked == self.asked
    }
}

/// Verdict counts by guardrail, in order of first evaluation.
#[must_use]
pub fn guardrail_counts<'p>(posts: impl Iterator<Item = &'p Post>) -> Vec<GuardrailCounts> {
    let of_verdict = |verdict: &Arc<Verdict>| GuardrailCounts {
        rule: Arc::clone(&verdict.rule),
        asked: 1,
        warned: u32::from(verdict.outcome == Outcome::Warn),
        blocked: u32::from(verdict.outcome == Outcome::Block),
    };
    sum_of_counts(posts.flat_map(|post| &post.verdicts).map(of_verdict))
}

/// The sum of counts by guardrail, in order of their first appearance.
#[must_use]
pub fn sum_of_counts(counts: impl IntoIterator<Item = GuardrailCounts>) -> Vec<GuardrailCounts> {
    let mut sums: Vec<GuardrailCounts> = Vec::new();
    for counts in counts {
        match sums.iter_mut().find(|sum| sum.rule == counts.rule) {
            Some(sum) => {
                sum.asked += counts.asked;
                sum.warned += counts.warned;
                sum.blocked += counts.blocked;
            }
            None => sums.push(counts),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guardrail_that_passes_every_post_or_no_post_is_recognised() {
        let counts = |asked, warned, blocked| GuardrailCounts { rule: "a".into(), asked, warned, blocked };
        assert!(counts(3, 0, 0).passed_every_post() && !counts(3, 0, 0).passed_no_post());
        assert!(counts(3, 1, 2).passed_no_post() && !counts(3, 1, 1).passed_no_post());
    }
}
