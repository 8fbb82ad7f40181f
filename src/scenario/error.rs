//! Errors in a scenario: location, cause and remedy.
//!
//! All of a user's mistakes are collected; system failures are distinguished from them.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, visible};
use crate::files::FileError;
use crate::model::CalendarError;

/// Number of errors shown in full; the rest are only counted.
const MAX_SHOWN: usize = 50;

/// What went wrong with a scenario folder or a posting history.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScenarioError {
    /// A file could not be read.
    #[error("cannot read `{}`: {source}; {}", visible(&path.to_string_lossy()), source.remedy())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: FileError,
    },
    /// A table could not be encoded.
    #[error("cannot encode `{name}`: {cause}")]
    Encode {
        /// The file.
        name: String,
        /// The cause.
        cause: String,
    },
    /// `scenario.toml`, a table or the request itself is invalid.
    #[error("{0}")]
    Invalid(Box<Diagnostic>),
    /// A week lies at the edge of the calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl ScenarioError {
    /// Whether this is a system failure, not a mistake in the user's data. The user can fix a file that is missing, is
    /// not a regular file or may not be read.
    #[must_use]
    pub fn is_system_failure(&self) -> bool {
        match self {
            ScenarioError::Read { source, .. } => source.is_system_failure(),
            ScenarioError::Encode { .. } => true,
            _ => false,
        }
    }
}

/// All errors found. Never empty.
#[derive(Debug)]
pub struct ScenarioErrors(Vec<ScenarioError>);

impl ScenarioErrors {
    /// Wraps the errors; `None` if there are none.
    #[must_use]
    pub fn from_list(errors: Vec<ScenarioError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Prepends a folder to the file of each mistake, for output about several scenarios.
    #[must_use]
    pub fn within(self, folder: &str) -> Self {
        let with_folder = |error| match error {
            ScenarioError::Invalid(diagnostic) => ScenarioError::Invalid(Box::new(diagnostic.within(folder))),
            // Other errors have a full path or none.
            other => other,
        };
        Self(self.0.into_iter().map(with_folder).collect())
    }

    /// Every error, in the order of the tables and their rows.
    pub fn iter(&self) -> impl Iterator<Item = &ScenarioError> {
        self.0.iter()
    }

    /// Number of errors.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Always false: there is at least one error.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of the errors is a system failure.
    #[must_use]
    pub fn is_system_failure(&self) -> bool {
        self.0.iter().any(ScenarioError::is_system_failure)
    }
}

impl fmt::Display for ScenarioErrors {
    /// One error per line; after the first fifty, the rest are only counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().take(MAX_SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ScenarioErrors {}

impl From<Diagnostic> for ScenarioError {
    fn from(diagnostic: Diagnostic) -> Self {
        ScenarioError::Invalid(Box::new(diagnostic))
    }
}

impl From<Vec<Diagnostic>> for ScenarioErrors {
    /// The list must not be empty.
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self(diagnostics.into_iter().map(ScenarioError::from).collect())
    }
}

impl<E: Into<ScenarioError>> From<E> for ScenarioErrors {
    fn from(error: E) -> Self {
        Self(vec![error.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    #[test]
    fn fifty_errors_are_shown_and_the_rest_are_counted() {
        let wrong = |n| Diagnostic::new("wrong", Place::None, format!("mistake {n}"), "correct it").into();
        let errors = (0..53).map(wrong).collect();
        let text = ScenarioErrors::from_list(errors).unwrap().to_string();
        assert_eq!(text.lines().count(), 51);
        assert!(text.ends_with("mistake 49; correct it\nand 3 more"), "{text}");
    }

    #[test]
    fn only_io_failures_count_as_system_failures() {
        let read = |source: FileError| ScenarioError::Read { path: PathBuf::from("x"), source };
        let failed = FileError::from(std::io::Error::other("disk failure"));
        assert!(read(failed).is_system_failure());
        for source in [FileError::Missing, FileError::Denied, FileError::Special("a pipe"), FileError::LinkLoop] {
            assert!(!read(source).is_system_failure());
        }
    }
}
