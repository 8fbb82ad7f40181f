//! Identifiers and bounded numbers.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps the identifier as it stands in the scenario.
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

identifier!(
    /// A client brand, unique in a scenario.
    ClientId
);
identifier!(
    /// A workspace: the clients that one team of an agency works for.
    WorkspaceId
);
identifier!(
    /// A creative asset, unique in a scenario.
    AssetId
);
identifier!(
    /// A campaign, unique in a scenario.
    CampaignId
);

/// A number in `0..=1`: fatigue, momentum, confidence, quality.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(f64);

impl Score {
    /// Nothing of it.
    pub const ZERO: Score = Score(0.0);
    /// Neither high nor low.
    pub const HALF: Score = Score(0.5);
    /// All of it.
    pub const ONE: Score = Score(1.0);

    /// The score, or nothing where the number is not in `0..=1`.
    ///
    /// ```
    /// use mcoe_engine::model::Score;
    ///
    /// assert_eq!(Score::new(0.5), Some(Score::HALF));
    /// assert_eq!(Score::new(f64::NAN), None);
    /// ```
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The nearest score; a number that is not a number becomes 0.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        if value.is_nan() {
            return Self::ZERO;
        }
        Self(value.clamp(0.0, 1.0))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
