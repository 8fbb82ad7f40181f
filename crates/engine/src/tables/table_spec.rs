//! The columns that a table is expected to have, and how those of a file or of a table in memory are matched with them.

use std::sync::Arc;

use super::row::{RowLocation, Table, TextColumn};
use crate::diagnostic::{Diagnostic, TableLocation, nearest, suggestion};
use crate::model::{Column, quoted};

/// Maximum number of columns of a table. Exports from platforms have a few hundred.
const MAX_COLUMNS: usize = 1000;

/// The expected columns of a table.
#[derive(Debug)]
pub struct TableSpec {
    /// Columns that are read.
    pub columns: Vec<&'static Column>,
    /// Whether columns with other names are ignored; otherwise they are errors.
    pub ignore_unknown: bool,
}

impl TableSpec {
    fn required(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().filter(|column| column.is_required).map(|column| column.name)
    }

    /// The required columns, then the optional ones.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let optional = self.columns.iter().filter(|column| !column.is_required).map(|column| column.name);
        self.required().chain(optional)
    }
}

/// The columns of a file or of a table in memory, matched with the expected ones.
#[derive(Debug)]
pub struct MatchedColumns {
    /// File name, for messages.
    file: Arc<str>,
    /// For each column, its name in the spec; `None` if the spec has no such column.
    names: Vec<Option<&'static str>>,
    /// Required columns that are missing.
    missing: Vec<&'static str>,
}

impl MatchedColumns {
    /// Matches columns by name. `line` is the line of the header, if the table has one. Missing, unknown and repeated
    /// columns are recorded as errors, a missing one together with the unknown one that may be a misspelling of it.
    /// Returns `None` if there are too many columns, or if a column that is not ignored occurs twice.
    pub fn of(
        file: &str,
        names: &[String],
        line: Option<usize>,
        spec: &TableSpec,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let mut errors = FileErrors { file: file.into(), errors };
        if names.len() > MAX_COLUMNS {
            let cause = format!("it has {} columns, more than {MAX_COLUMNS}", names.len());
            errors.reject("too_many_columns", None, "", cause, "remove the columns that are not needed");
            return None;
        }
        let has_duplicates = errors.reject_duplicates(names, line, spec);
        let known = errors.match_names(names, line, spec);
        let missing = spec.required().filter(|name| !known.contains(&Some(*name))).collect();
        (!has_duplicates).then_some(Self { file: errors.file, names: known, missing })
    }

    /// For each column, its name in the spec; `None` if the spec has no such column.
    pub fn names(&self) -> impl Iterator<Item = Option<&'static str>> {
        self.names.iter().copied()
    }

    /// Whether no column is one of the spec.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.iter().all(Option::is_none)
    }

    /// The table of the known columns. `columns` has an entry for each column of the file, in the same order; `None`
    /// for one that is not read.
    #[must_use]
    pub fn table(self, columns: Vec<Option<Arc<dyn TextColumn>>>, rows: Vec<RowLocation>) -> Table {
        let columns = self.names.into_iter().zip(columns).filter_map(|(name, cells)| Some((name?, cells?))).collect();
        Table { file: self.file, columns, missing: self.missing, rows, is_csv: false, is_whole: true }
    }
}

/// Records errors of a file as a whole, as opposed to those of a row.
pub struct FileErrors<'e> {
    /// File name.
    pub file: Arc<str>,
    /// The errors so far.
    pub errors: &'e mut Vec<Diagnostic>,
}

impl FileErrors<'_> {
    /// Records an error of a column; `column` is empty if the error concerns none.
    pub fn reject(
        &mut self,
        code: &'static str,
        line: Option<usize>,
        column: &str,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (file, column) = (Arc::clone(&self.file), column.to_owned());
        let place = TableLocation { file, line, column, ..TableLocation::default() };
        self.errors.push(Diagnostic::new(code, place, cause, remedy));
    }

    /// The locations of so many rows of a table without lines; `None`, with an error recorded, if there are too many.
    pub fn rows_without_lines(&mut self, height: usize) -> Option<Vec<RowLocation>> {
        let rows: Option<Vec<_>> = (0..height).map(|position| RowLocation::new(position, position + 1, None)).collect();
        if rows.is_none() {
            self.reject_too_many_rows();
        }
        rows
    }

    /// Records that a table has more rows than can be located.
    pub fn reject_too_many_rows(&mut self) {
        self.reject("too_many_rows", None, "", "it has more than four billion rows", "divide the scenario");
    }

    /// Records columns that occur twice; ignored columns and those with a blank name may. Returns whether there are
    /// any.
    fn reject_duplicates(&mut self, names: &[String], line: Option<usize>, spec: &TableSpec) -> bool {
        let count_before = self.errors.len();
        for (index, name) in names.iter().enumerate() {
            let is_read = !spec.ignore_unknown || spec.names().any(|column| column == *name);
            if is_read && !name.is_empty() && names.iter().take(index).any(|earlier| earlier == name) {
                self.reject("duplicate_column", line, name, "it occurs twice", "remove one of the two");
            }
        }
        self.errors.len() > count_before
    }

    /// For each column, its name in the spec; `None` if the spec has no such column. Records missing required columns,
    /// each together with the unknown column that may be a misspelling of it, and unknown columns unless they are
    /// ignored.
    fn match_names(&mut self, names: &[String], line: Option<usize>, spec: &TableSpec) -> Vec<Option<&'static str>> {
        let known: Vec<_> = names.iter().map(|name| spec.names().find(|column| *column == name)).collect();
        let unknown = names.iter().zip(&known).filter(|(_, column)| column.is_none()).map(|(name, _)| name.as_str());
        let mut unknown: Vec<&str> = unknown.collect();
        for column in spec.required().filter(|column| !known.contains(&Some(*column))) {
            let misspelling = nearest(column, unknown.iter().copied()).map(str::to_owned);
            let remedy = match &misspelling {
                Some(name) => format!("add it, or rename {}, which is not a column of this table", quoted(name)),
                None => format!("add it; the columns are {}", spec.names().collect::<Vec<_>>().join(", ")),
            };
            unknown.retain(|name| Some(*name) != misspelling.as_deref());
            self.reject("missing_column", line, column, "the column is missing", remedy);
        }
        if !spec.ignore_unknown {
            for name in unknown {
                let absent = spec.names().filter(|column| !known.contains(&Some(column)));
                let all = || format!("remove it; the columns are {}", spec.names().collect::<Vec<_>>().join(", "));
                let remedy = suggestion(name, absent, all);
                self.reject("unknown_column", line, name, "it is not a column of this table", remedy);
            }
        }
        known
    }
}
