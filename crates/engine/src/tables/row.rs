//! Text tables and their rows. Every invalid cell is recorded with its location, cause and remedy.
//!
//! A blank cell is unknown, never zero. An invalid cell yields no value and records an error, so that one pass finds
//! all errors.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::NaiveDate;

use super::spreadsheet::unguarded;
use crate::diagnostic::{Diagnostic, Diagnostics, TableLocation, suggestion};
use crate::model::{Cell, CellError, Cells, Column, Record, Value, quoted};

/// Number of errors after which no similar names are suggested: the search takes time, and nobody reads so many errors.
const MAX_ERRORS_WITH_SUGGESTIONS: usize = 200;

/// A column of text cells, from a file or a table in memory.
pub trait TextColumn: fmt::Debug + Send + Sync {
    /// The cell at a 0-based position; `None` if it has no value.
    fn cell(&self, position: usize) -> Option<&str>;
}

/// The location of a data row. Tables have millions of rows, so it is compact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLocation {
    position: u32,
    number: u32,
    line: Option<NonZeroU32>,
}

impl RowLocation {
    /// A row by its 0-based position in the columns, its 1-based number, not counting blank lines, and its 1-based line
    /// of the file; `None` for a line if the file has no lines. Returns `None` beyond four billion rows or lines.
    #[must_use]
    pub fn new(position: usize, number: usize, line: Option<usize>) -> Option<Self> {
        let line = match line {
            Some(line) => Some(NonZeroU32::new(u32::try_from(line).ok()?)?),
            None => None,
        };
        Some(Self { position: u32::try_from(position).ok()?, number: u32::try_from(number).ok()?, line })
    }

    /// 0-based position in the columns.
    #[must_use]
    pub const fn position(self) -> usize {
        self.position as usize
    }

    /// 1-based number of the row, not counting blank lines.
    #[must_use]
    pub const fn number(self) -> usize {
        self.number as usize
    }

    /// 1-based line of the file; `None` if the file has no lines.
    #[must_use]
    pub fn line(self) -> Option<usize> {
        self.line.map(|line| line.get() as usize)
    }
}

/// A table as text. Its columns can be shared with tables of some of its rows.
#[derive(Debug)]
pub struct Table {
    /// File name, for messages.
    pub file: Arc<str>,
    /// Known columns that are present.
    pub columns: Vec<(&'static str, Arc<dyn TextColumn>)>,
    /// Required columns that are missing; an error has been recorded for each.
    pub missing: Vec<&'static str>,
    /// The readable data rows.
    pub rows: Vec<RowLocation>,
    /// Whether the cells come from a CSV file, in which a leading apostrophe may guard a text against being read as a
    /// formula.
    pub is_csv: bool,
    /// Whether every row is readable; an error has been recorded for each that is not.
    pub is_whole: bool,
}

impl Table {
    /// Whether every row and the column can be read, so that a value not found there does not exist.
    #[must_use]
    pub fn is_whole(&self, column: &str) -> bool {
        self.is_whole && self.column(column).is_some()
    }

    /// Number of readable data rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.rows.len()
    }

    /// The row at a 0-based index. Its instants are checked against `start`, the Monday of the scenario's first week;
    /// `None` if there is no scenario.
    pub fn row<'t, 'd>(
        &'t self,
        index: usize,
        start: Option<NaiveDate>,
        diagnostics: &'d mut Diagnostics,
    ) -> Row<'t, 'd> {
        // Beyond the end, all cells are blank.
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        let after_end = RowLocation { position: u32::MAX, number, line: None };
        Row { table: self, row_location: self.rows.get(index).copied().unwrap_or(after_end), start, diagnostics }
    }

    /// The same columns with other rows of them. It is whole if this table is and has all of its rows that are of
    /// interest.
    #[must_use]
    pub fn with_rows(&self, rows: Vec<RowLocation>) -> Self {
        Self {
            file: Arc::clone(&self.file),
            columns: self.columns.clone(),
            missing: self.missing.clone(),
            rows,
            ..*self
        }
    }

    fn column(&self, name: &str) -> Option<&dyn TextColumn> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column.as_ref())
    }

    /// The text of a row's cell without surrounding whitespace; `None` if blank.
    #[must_use]
    pub fn text(&self, row: RowLocation, column: &str) -> Option<&str> {
        self.cell(row.position(), column)
    }

    fn cell(&self, position: usize, column: &str) -> Option<&str> {
        let cell = self.column(column)?.cell(position)?.trim();
        let text = if self.is_csv { unguarded(cell) } else { cell };
        (!text.is_empty()).then_some(text)
    }
}

/// One row of a table, and the diagnostics that record its errors.
pub struct Row<'t, 'd> {
    table: &'t Table,
    row_location: RowLocation,
    start: Option<NaiveDate>,
    diagnostics: &'d mut Diagnostics,
}

impl<'t> Row<'t, '_> {
    /// The 1-based number of the row.
    #[must_use]
    pub fn number(&self) -> usize {
        self.row_location.number()
    }

    /// Reads the row as a record; `None`, with errors recorded, if a required cell is blank or invalid.
    pub fn read<R: Record>(&mut self) -> Option<R> {
        R::read(self)
    }

    /// Records an error in a cell, or in the whole row if `column` is empty.
    pub fn reject(&mut self, code: &'static str, column: &str, cause: String, remedy: impl Into<String>) {
        let error = Diagnostic::new(code, self.location(column), cause, remedy);
        self.diagnostics.errors.push(error);
    }

    /// Records a warning about a value that is unlikely but may be meant.
    pub fn warn(&mut self, code: &'static str, column: &str, cause: impl Into<String>, remedy: &str) {
        let warning = Diagnostic::new(code, self.location(column), cause, remedy);
        self.diagnostics.warnings.push(warning);
    }

    /// The location of a cell, or of the whole row if `column` is empty.
    #[must_use]
    pub fn location(&self, column: &str) -> TableLocation {
        TableLocation {
            file: Arc::clone(&self.table.file),
            row: Some(self.number()),
            line: self.row_location.line(),
            column: column.to_owned(),
            value: self.text(column).unwrap_or_default().to_owned(),
        }
    }

    /// The cell's text without surrounding whitespace; `None` if blank.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&'t str> {
        self.table.cell(self.row_location.position(), column)
    }

    /// Records an error in a cell.
    pub fn reject_cell(&mut self, column: &str, fault: CellError) {
        let remedy = fault.remedy(self.may_suggest());
        self.reject(fault.code, column, fault.cause, remedy);
    }

    /// Records that a cell names something that does not exist. `noun` says what kind of thing it names.
    pub fn reject_unknown<'n>(&mut self, column: &str, noun: &str, name: &str, known: impl Iterator<Item = &'n str>) {
        let known = if self.may_suggest() { known.collect() } else { Vec::new() };
        let remedy = suggestion(name, known, || format!("use a {noun} that is in its table"));
        self.reject("unknown_reference", column, format!("there is no {noun} {}", quoted(name)), remedy);
    }

    /// Records that the row repeats an earlier one.
    fn reject_duplicate(&mut self, column: &str, noun: &str, earlier: usize) {
        self.reject(
            "duplicate",
            column,
            format!("this {noun} is already in row {earlier}"),
            "keep one of the two rows",
        );
    }

    fn reject_blank(&mut self, column: &str) {
        if !self.table.missing.contains(&column) {
            self.reject("blank", column, "it is blank".to_owned(), "fill it in");
        }
    }

    fn may_suggest(&self) -> bool {
        self.diagnostics.errors.len() < MAX_ERRORS_WITH_SUGGESTIONS
    }
}

impl Cells for Row<'_, '_> {
    fn cell<C: Cell>(&mut self, column: &'static Column, default: Option<C>) -> Option<C> {
        let Some(text) = self.text(column.name) else {
            let blank = default.or_else(C::blank);
            if blank.is_none() {
                self.reject_blank(column.name);
            }
            return blank;
        };
        let value = column.parse(text).and_then(|value| match value {
            Value::Instant(at) => column.period.check(at, text, self.start).map(|()| value),
            value => Ok(value),
        });
        match value.map_err(|fault| vec![fault]).and_then(C::from_value) {
            Ok(cell) => Some(cell),
            Err(faults) => {
                faults.into_iter().for_each(|fault| self.reject_cell(column.name, fault));
                default.or_else(C::blank)
            }
        }
    }
}

/// Whether the key occurs for the first time; otherwise the duplicate is recorded as an error. Callers that use the row
/// all the same, since errors are only collected, ignore the result.
pub fn check_unique<K: Ord + Clone>(
    row: &mut Row<'_, '_>,
    first_rows: &mut BTreeMap<K, usize>,
    key: &K,
    column: &str,
    noun: &str,
) -> bool {
    match first_rows.get(key) {
        Some(earlier) => {
            row.reject_duplicate(column, noun, *earlier);
            false
        }
        None => {
            first_rows.insert(key.clone(), row.number());
            true
        }
    }
}
