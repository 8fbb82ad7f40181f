//! Identifiers and bounded numbers.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{Cell, CellError, Kind, Value, cell, quoted, wrong_kind};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps an identifier as written, unchecked.
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

        cell!($name: Text(text => checked_identifier(&text).map(Self::new), id => Cow::Borrowed(id.as_str())));
    };
}

/// Rejects `/` and `;`, which separate identifiers elsewhere, and control characters.
fn checked_identifier(text: &str) -> Result<&str, Vec<CellError>> {
    if text.contains(|c: char| c == '/' || c == ';' || c.is_control()) {
        let cause = format!("{} contains `/`, `;` or a control character", quoted(text));
        return Err(vec![CellError::new("bad_identifier", cause, "write the identifier without them")]);
    }
    Ok(text)
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
identifier!(
    /// An early warning, unique in a scenario.
    WarningId
);

/// A number in `0..=1`: fatigue, momentum, confidence, quality.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(f64);

impl Score {
    /// The lowest score, 0.
    pub const ZERO: Score = Score(0.0);
    /// The midpoint, 0.5.
    pub const HALF: Score = Score(0.5);
    /// The highest score, 1.
    pub const ONE: Score = Score(1.0);

    /// The score, or `None` if the value is not in `0..=1`.
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

    /// The value clamped to `0..=1`; NaN becomes 0.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        if value.is_nan() {
            return Self::ZERO;
        }
        Self(value.clamp(0.0, 1.0))
    }

    /// The value, `0..=1`.
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

impl Cell for Score {
    const KIND: Kind = Kind::Number;
    const RANGE: Option<(f64, f64)> = Some((0.0, 1.0));

    fn from_value(value: Value<'_>) -> Result<Self, Vec<CellError>> {
        match value {
            Value::Number(number) => Self::new(number)
                .ok_or_else(|| vec![CellError::out_of_range(&number.to_string(), "give a number from 0 to 1")]),
            other => Err(vec![wrong_kind(&other)]),
        }
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(Value::Number(self.0))
    }
}
