//! Errors in tables: location, cause and remedy.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::rules::visible;

/// One error in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableError {
    /// Stable error code, such as `out_of_range`.
    pub code: &'static str,
    /// File within the scenario folder.
    pub file: Arc<str>,
    /// 1-based number of the data row; `None` if the error concerns the table as a whole.
    pub row: Option<usize>,
    /// 1-based line of the file on which the row begins; `None` if the file has no lines.
    pub line: Option<usize>,
    /// Column; empty if the error concerns the whole row.
    pub column: String,
    /// The cell as written in the file; empty if it is blank or no cell is concerned.
    pub value: String,
    /// What is wrong.
    pub cause: String,
    /// How to fix it.
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

/// Errors and warnings found in tables.
#[derive(Debug, Default)]
pub struct TableDiagnostics {
    /// Errors.
    pub errors: Vec<TableError>,
    /// Values that are valid but unlikely to be meant.
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
