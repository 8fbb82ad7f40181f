//! How reports name what a comparison compares.

use crate::simulator::{Compared, Comparison};

/// The words for the variants of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// One variant.
    pub one: &'static str,
    /// Several variants.
    pub many: &'static str,
    /// The preposition before a variant's name.
    pub within: &'static str,
}

impl Subject {
    /// The words for a comparison.
    pub const fn of(comparison: &Comparison) -> Self {
        match comparison.compared {
            Compared::Packs => Self { one: "pack", many: "packs", within: "under" },
            Compared::Scenarios => Self { one: "scenario", many: "scenarios", within: "in" },
        }
    }
}
