//! The nouns by which reports refer to the variants of a comparison.

use crate::simulator::{Compared, Comparison};

/// The words for the variants of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// The noun for one variant.
    pub singular: &'static str,
    /// The noun for several variants.
    pub plural: &'static str,
    /// The preposition before a variant's name.
    pub preposition: &'static str,
}

impl Subject {
    /// The words for a comparison.
    pub const fn of(comparison: &Comparison) -> Self {
        let singular = comparison.compared.variant();
        match comparison.compared {
            Compared::Packs => Self { singular, plural: "packs", preposition: "under" },
            Compared::Scenarios => Self { singular, plural: "scenarios", preposition: "in" },
        }
    }
}
