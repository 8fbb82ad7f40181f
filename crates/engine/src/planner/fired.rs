//! How often guardrails fired. One that fires on no post, or on every post, may not do what it was meant to.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Outcome, Post};

/// Counts of one guardrail's verdicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Firing {
    /// Name of the guardrail.
    pub rule: Arc<str>,
    /// Posts it was evaluated on.
    pub asked: u32,
    /// Posts it warned about.
    pub warned: u32,
    /// Posts it blocked.
    pub blocked: u32,
}

impl Firing {
    /// Whether it passed every post.
    #[must_use]
    pub const fn is_on_none(&self) -> bool {
        self.warned + self.blocked == 0
    }

    /// Whether it warned about or blocked every post.
    #[must_use]
    pub const fn is_on_all(&self) -> bool {
        self.asked > 0 && self.warned + self.blocked == self.asked
    }
}

/// Verdict counts by guardrail, in order of first evaluation.
#[must_use]
pub fn firings<'p>(posts: impl Iterator<Item = &'p Post>) -> Vec<Firing> {
    let mut firings: Vec<Firing> = Vec::new();
    for verdict in posts.flat_map(|post| &post.verdicts) {
        let place = firings.iter().position(|firing| firing.rule == verdict.rule).unwrap_or_else(|| {
            firings.push(Firing { rule: Arc::clone(&verdict.rule), asked: 0, warned: 0, blocked: 0 });
            firings.len() - 1
        });
        let Some(firing) = firings.get_mut(place) else { continue };
        firing.asked += 1;
        firing.warned += u32::from(verdict.outcome == Outcome::Warn);
        firing.blocked += u32::from(verdict.outcome == Outcome::Block);
    }
    firings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_fires_on_none_or_on_all_is_known_as_such() {
        let firing = |asked, warned, blocked| Firing { rule: "a".into(), asked, warned, blocked };
        assert!(firing(3, 0, 0).is_on_none() && !firing(3, 0, 0).is_on_all());
        assert!(firing(3, 1, 2).is_on_all() && !firing(3, 1, 1).is_on_all());
    }
}
