//! Risk bands of a planned post.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::UnknownName;
use super::record::{CellError, cell};

/// How much human attention a post needs before it is published, from the lowest risk to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RiskLevel"))]
#[serde(rename_all = "snake_case")]
pub enum RiskBand {
    /// Needs no approval if the client's policy allows that.
    Low,
    /// Needs approval.
    Medium,
    /// Needs approval; the rules may require that of a second person.
    High,
}

impl RiskBand {
    /// Every band, the lowest risk first.
    pub const ALL: [RiskBand; 3] = [RiskBand::Low, RiskBand::Medium, RiskBand::High];

    /// The band's name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RiskBand::Low => "low",
            RiskBand::Medium => "medium",
            RiskBand::High => "high",
        }
    }

    /// The next higher band; high stays high.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            RiskBand::Low => RiskBand::Medium,
            RiskBand::Medium | RiskBand::High => RiskBand::High,
        }
    }
}

impl FromStr for RiskBand {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        RiskBand::ALL.into_iter().find(|band| band.name() == text).ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl fmt::Display for RiskBand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

cell!(RiskBand: Text(
    name => name.parse().map_err(|_| {
        let names = || RiskBand::ALL.map(RiskBand::name).to_vec();
        vec![CellError::unknown_name("unknown_name", &name, "known here", names)]
    }),
    band => band.name().into()
));
