//! Diagnostics: what is wrong with an input, where, and how to fix it.
//!
//! Errors are values: whoever reads an input collects all of them, and the caller decides what to do. Nothing is
//! printed here.

mod escape;
mod render;
mod source;
mod suggestion;

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

#[doc(hidden)]
pub use escape::escaped_where;
pub use escape::{is_invisible, visible};
pub use render::{render, render_warnings};
pub(crate) use source::Lines;
pub use source::SourceLocation;
pub(crate) use suggestion::listed;
pub use suggestion::{did_you_mean, hint, nearest, suggestion};

/// One error or warning about an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code of the kind of error, such as `unknown_key`.
    pub code: &'static str,
    /// Where it is.
    pub place: Place,
    /// What is wrong. Lowercase, no full stop, user input in backticks.
    pub cause: String,
    /// How to fix it.
    pub remedy: String,
}

/// The part of an input that a diagnostic is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The input as a whole.
    None,
    /// A text file or a position in it. The text may also be a command-line argument, such as that of `--set`.
    Source {
        /// File and position.
        location: SourceLocation,
        /// The key or name concerned, such as `channels.tiktok.weekly_posts`; empty if there is none.
        key: String,
    },
    /// A table, or a row, column or cell of it.
    Table(TableLocation),
    /// A field of a request, by its documented name.
    Field(String),
}

/// A table, or a row, column or cell of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableLocation {
    /// File within the scenario folder.
    pub file: Arc<str>,
    /// 1-based number of the data row; `None` if the table as a whole is concerned.
    pub row: Option<usize>,
    /// 1-based line of the file on which the row begins; `None` if the file has no lines.
    pub line: Option<usize>,
    /// Column; empty if the whole row is concerned.
    pub column: String,
    /// The cell as written in the file; empty if it is blank or no cell is concerned.
    pub value: String,
}

/// Errors and warnings about an input.
#[derive(Debug, Default)]
pub struct Diagnostics {
    /// Errors.
    pub errors: Vec<Diagnostic>,
    /// Values that are valid but unlikely to be meant.
    pub warnings: Vec<Diagnostic>,
}

impl Diagnostic {
    /// A diagnostic at any place.
    #[must_use]
    pub fn new(
        code: &'static str,
        place: impl Into<Place>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { code, place: place.into(), cause: cause.into(), remedy: remedy.into() }
    }

    /// A diagnostic about a key or name, empty if there is none, at a position in a text.
    #[must_use]
    pub fn at(
        code: &'static str,
        location: &SourceLocation,
        key: impl Into<String>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(code, Place::Source { location: location.clone(), key: key.into() }, cause, remedy)
    }

    /// A diagnostic about a file as a whole: it is missing, or should not exist.
    #[must_use]
    pub fn of_file(code: &'static str, file: &str, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::at(code, &SourceLocation::whole(file), "", cause, remedy)
    }

    /// The same diagnostic with the folder prepended to the file name, for display.
    #[must_use]
    pub fn within(mut self, folder: &str) -> Self {
        let (Place::Source { location: SourceLocation { file, .. }, .. } | Place::Table(TableLocation { file, .. })) =
            &mut self.place
        else {
            return self;
        };
        *file = format!("{}/{file}", folder.trim_end_matches('/')).into();
        self
    }

    /// Sorts by file, line and column of the source, and removes duplicates.
    pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
        diagnostics.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        diagnostics.dedup();
    }

    fn sort_key(&self) -> (&str, u32, u32, &str, &str, &str) {
        let (file, line, column) =
            self.place.source().map_or(("", 0, 0), |location| (&*location.file, location.line, location.column));
        (file, line, column, self.code, self.place.name(), &self.cause)
    }
}

impl fmt::Display for Diagnostic {
    /// Place, cause and remedy on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place != Place::None {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}; {}", visible(&self.cause), self.remedy)
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("code", self.code)?;
        match &self.place {
            Place::None => {}
            Place::Source { location, key } => {
                fields.serialize_entry("file", &location.file)?;
                fields.serialize_entry("line", &location.line)?;
                fields.serialize_entry("column", &location.column)?;
                fields.serialize_entry("key", key)?;
            }
            Place::Table(TableLocation { file, row, line, column, value }) => {
                fields.serialize_entry("file", file)?;
                fields.serialize_entry("row", row)?;
                fields.serialize_entry("line", line)?;
                fields.serialize_entry("column", column)?;
                fields.serialize_entry("value", value)?;
            }
            Place::Field(name) => fields.serialize_entry("field", name)?,
        }
        fields.serialize_entry("cause", &self.cause)?;
        fields.serialize_entry("remedy", &self.remedy)?;
        fields.end()
    }
}

impl Place {
    /// File and position, if it is in a text.
    #[must_use]
    pub const fn source(&self) -> Option<&SourceLocation> {
        match self {
            Place::Source { location, .. } => Some(location),
            _ => None,
        }
    }

    /// The key, column or field concerned; empty if there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Place::None => "",
            Place::Source { key: name, .. } | Place::Table(TableLocation { column: name, .. }) | Place::Field(name) => {
                name
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::None => Ok(()),
            Place::Source { location, .. } => location.fmt(f),
            Place::Table(location) => location.fmt(f),
            Place::Field(name) => f.write_str(&visible(name)),
        }
    }
}

impl fmt::Display for TableLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.file))?;
        match (self.row, self.line) {
            (Some(row), Some(line)) => write!(f, ": row {row} (line {line})")?,
            (Some(row), None) => write!(f, ": row {row}")?,
            (None, Some(line)) => write!(f, ": line {line}")?,
            (None, None) => {}
        }
        if self.column.is_empty() {
            return Ok(());
        }
        let separator = if self.row.is_some() || self.line.is_some() { "," } else { ":" };
        write!(f, "{separator} column `{}`", visible(&self.column))
    }
}

impl From<TableLocation> for Place {
    fn from(location: TableLocation) -> Self {
        Place::Table(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell() -> Diagnostic {
        let location = TableLocation {
            file: "a\u{1b}.csv".into(),
            row: Some(1),
            column: "b\u{7}\nc".to_owned(),
            ..TableLocation::default()
        };
        Diagnostic::new("unknown_column", location, "`\u{9b}2J` is not known", "remove it")
    }

    #[test]
    fn control_characters_are_escaped_and_the_text_has_one_line() {
        let text = r"a\u001b.csv: row 1, column `b\u0007\u000ac`: `\u009b2J` is not known; remove it";
        assert_eq!(cell().to_string(), text);
    }

    #[test]
    fn each_kind_of_place_has_its_own_form_in_text_and_fields_in_json() {
        let location = SourceLocation::new("a.toml", 3, 7);
        let field = Diagnostic::new("wrong", Place::Field("week".to_owned()), "c", "r");
        let cases = [
            (Diagnostic::new("wrong", Place::None, "c", "r"), "c; r", "cause code remedy"),
            (
                Diagnostic::at("wrong", &location, "k", "c", "r"),
                "a.toml:3:7: c; r",
                "cause code column file key line remedy",
            ),
            (
                Diagnostic::of_file("wrong", "a.toml", "c", "r"),
                "a.toml: c; r",
                "cause code column file key line remedy",
            ),
            (field, "week: c; r", "cause code field remedy"),
        ];
        let names = |diagnostic: &Diagnostic| {
            let json = serde_json::to_value(diagnostic).unwrap();
            let mut names: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names.join(" ")
        };
        for (diagnostic, text, fields) in cases {
            assert_eq!((diagnostic.to_string().as_str(), names(&diagnostic).as_str()), (text, fields));
        }
        assert_eq!(names(&cell()), "cause code column file line remedy row value");
    }

    #[test]
    fn diagnostics_are_sorted_by_file_line_and_column_without_duplicates() {
        let at = |file: &str, line, column| {
            Diagnostic::at("wrong_type", &SourceLocation::new(file, line, column), "", "", "")
        };
        let mut diagnostics = vec![at("b", 1, 1), at("a", 10, 1), at("a", 2, 9), at("a", 2, 1), at("b", 1, 1)];
        Diagnostic::sort(&mut diagnostics);
        let order: Vec<String> = diagnostics.iter().map(|diagnostic| diagnostic.place.to_string()).collect();
        assert_eq!(order, ["a:2:1", "a:2:9", "a:10:1", "b:1:1"]);
    }
}
