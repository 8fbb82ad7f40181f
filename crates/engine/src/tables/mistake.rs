//! What can be wrong with a table: its place, its cause, and what to do about it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::rules::visible;

/// One mistake in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableError {
    /// Stable name of the kind of mistake, such as `out_of_range`.
    pub code: &'static str,
    /// File within the scenario folder.
    pub file: Arc<str>,
    /// Data row, from 1; none where the table as a whole is meant.
    pub row: Option<usize>,
    /// Line of the file on which the row begins, from 1; none where the file has no lines.
    pub line: Option<usize>,
    /// Column; empty where the whole row is meant.
    pub column: String,
    /// The cell as it stands in the file; empty where it is blank or no cell is meant.
    pub value: String,
    /// What is wrong.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.file))?;
        match (self.row, self.line) {
            (Some(row), Some(line)) => write!(f, ": row {row} (line {line})")?,
            (Some(row), None) => write!(f, ": row {row}")?,
            (None, Some(line)) => write!(f, ": line {line}")?,
            (None, None) => {}
        }
        if !self.column.is_empty() {
            let joint = if self.row.is_some() || self.line.is_some() { "," } else { ":" };
            write!(f, "{joint} column `{}`", visible(&self.column))?;
        }
        write!(f, ": {}; {}", visible(&self.cause), self.remedy)
    }
}

/// What is wrong with tables, and what is only unlikely.
#[derive(Debug, Default)]
pub struct Mistakes {
    /// What is wrong.
    pub errors: Vec<TableError>,
    /// What is in range and yet unlikely to be meant.
    pub warnings: Vec<TableError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_written_out_in_one_line() {
        let error = TableError {
            code: "unknown_column",
            file: "a\u{1b}.csv".into(),
            row: Some(1),
            line: None,
            column: "b\u{7}\nc".to_owned(),
            value: String::new(),
            cause: "`\u{9b}2J` is not known".to_owned(),
            remedy: "remove it".to_owned(),
        };
        let text = r"a\u001b.csv: row 1, column `b\u0007\u000ac`: `\u009b2J` is not known; remove it";
        assert_eq!(error.to_string(), text);
    }
}
