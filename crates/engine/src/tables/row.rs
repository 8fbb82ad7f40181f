//! Tables of text, and their rows: every bad cell is noted with its place, cause and remedy.
//!
//! A cell that is blank is unknown, never zero. A cell that cannot be read gives nothing here and leaves a mistake
//! behind, so that one pass finds all mistakes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::mistake::{Mistakes, TableError};
use super::spreadsheet::unguarded;
use crate::model::{Cell, Cells, Column, Fault, Record, Remedy, Value, Week, quoted};
use crate::rules::nearest;

/// Mistakes after which no nearest name is looked for any more: it costs time, and nobody reads so many.
const SUGGESTIONS: usize = 200;

/// A column of text: a file's, or that of a table in memory.
pub trait TextColumn: fmt::Debug {
    /// The cell at a position, from 0; none where there is no value.
    fn cell(&self, position: usize) -> Option<&str>;
}

/// Where a data row stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Position in the columns, from 0.
    pub position: usize,
    /// Number of the row, from 1, blank lines not counted.
    pub number: usize,
    /// Line of the file, from 1, where the file has lines.
    pub line: Option<usize>,
}

/// A table as text.
#[derive(Debug)]
pub struct Table {
    /// File name, for messages.
    pub file: Arc<str>,
    /// Known columns that are there.
    pub columns: Vec<(&'static str, Box<dyn TextColumn>)>,
    /// Required columns that are not there; a mistake has been noted for each.
    pub missing: Vec<&'static str>,
    /// The data rows that can be read.
    pub rows: Vec<Place>,
    /// Whether the cells are those of a CSV file, where an apostrophe may guard a text.
    pub is_csv: bool,
    /// Whether every row can be read; a mistake has been noted for each that cannot.
    pub is_whole: bool,
}

impl Table {
    /// Whether every row and the column can be read, so that what it lacks is not there.
    #[must_use]
    pub fn is_whole(&self, column: &str) -> bool {
        self.is_whole && self.column(column).is_some()
    }

    /// Data rows that can be read.
    #[must_use]
    pub fn height(&self) -> usize {
        self.rows.len()
    }

    /// The row at a position from 0, whose instants are judged by the week that the scenario begins with, where it does.
    pub fn row<'t, 'm>(&'t self, index: usize, start: Option<Week>, mistakes: &'m mut Mistakes) -> Row<'t, 'm> {
        let beyond = Place { position: usize::MAX, number: index + 1, line: None };
        Row { table: self, place: self.rows.get(index).copied().unwrap_or(beyond), start, mistakes }
    }

    fn column(&self, name: &str) -> Option<&dyn TextColumn> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, column)| column.as_ref())
    }

    fn cell(&self, position: usize, column: &str) -> Option<&str> {
        let cell = self.column(column)?.cell(position)?.trim();
        let text = if self.is_csv { unguarded(cell) } else { cell };
        (!text.is_empty()).then_some(text)
    }
}

/// One row of a table, with where its mistakes go.
pub struct Row<'t, 'm> {
    table: &'t Table,
    place: Place,
    start: Option<Week>,
    mistakes: &'m mut Mistakes,
}

impl<'t> Row<'t, '_> {
    /// The row's number, from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.place.number
    }

    /// Reads the row as a record; none, and mistakes noted, where a cell that must be there is not or cannot be read.
    pub fn read<R: Record>(&mut self) -> Option<R> {
        R::read(self)
    }

    /// Notes a mistake of one cell, or of the whole row where `column` is empty.
    pub fn reject(&mut self, code: &'static str, column: &str, cause: String, remedy: impl Into<String>) {
        let error = self.note(code, column, cause, remedy.into());
        self.mistakes.errors.push(error);
    }

    /// Notes what is unlikely, and yet may be meant.
    pub fn warn(&mut self, code: &'static str, column: &str, cause: impl Into<String>, remedy: &str) {
        let warning = self.note(code, column, cause.into(), remedy.to_owned());
        self.mistakes.warnings.push(warning);
    }

    fn note(&self, code: &'static str, column: &str, cause: String, remedy: String) -> TableError {
        TableError {
            code,
            file: Arc::clone(&self.table.file),
            row: Some(self.number()),
            line: self.place.line,
            column: column.to_owned(),
            value: self.text(column).unwrap_or_default().to_owned(),
            cause,
            remedy,
        }
    }

    /// Text without blanks around it; none where blank.
    #[must_use]
    pub fn text(&self, column: &str) -> Option<&'t str> {
        self.table.cell(self.place.position, column)
    }

    /// Notes what is wrong with a cell.
    pub fn reject_cell(&mut self, column: &str, fault: Fault) {
        let remedy = match fault.remedy {
            Remedy::Say(remedy) => remedy.into_owned(),
            Remedy::Name { written, known, otherwise } => {
                let known = if self.may_suggest() { known() } else { Vec::new() };
                suggestion(&written, known, &otherwise)
            }
        };
        self.reject(fault.code, column, fault.cause, remedy);
    }

    /// Notes that a cell names something that is not there.
    pub fn reject_unknown<'n>(&mut self, column: &str, what: &str, name: &str, known: impl Iterator<Item = &'n str>) {
        let known = if self.may_suggest() { known.collect() } else { Vec::new() };
        let remedy = suggestion(name, known, &format!("a {what} that is in its table"));
        self.reject("unknown_reference", column, format!("there is no {what} {}", quoted(name)), remedy);
    }

    /// Notes that the row repeats an earlier one.
    fn reject_duplicate(&mut self, column: &str, what: &str, earlier: usize) {
        self.reject(
            "duplicate",
            column,
            format!("this {what} stands in row {earlier} already"),
            "keep one of the two rows",
        );
    }

    fn reject_blank(&mut self, column: &str) {
        if !self.table.missing.contains(&column) {
            self.reject("blank", column, "it is blank".to_owned(), "fill it in");
        }
    }

    fn may_suggest(&self) -> bool {
        self.mistakes.errors.len() < SUGGESTIONS
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

fn suggestion(name: &str, known: Vec<&str>, otherwise: &str) -> String {
    match nearest(name, known) {
        Some(found) => format!("did you mean `{found}`?"),
        None => format!("use {otherwise}"),
    }
}

/// Whether the key stands here for the first time; otherwise the repetition is noted.
pub fn is_first<K: Ord + Clone>(
    row: &mut Row<'_, '_>,
    first_rows: &mut BTreeMap<K, usize>,
    key: &K,
    column: &str,
    what: &str,
) -> bool {
    match first_rows.get(key) {
        Some(earlier) => {
            row.reject_duplicate(column, what, *earlier);
            false
        }
        None => {
            first_rows.insert(key.clone(), row.number());
            true
        }
    }
}
