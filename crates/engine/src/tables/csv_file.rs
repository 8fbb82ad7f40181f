//! Reads a CSV file into columns of text. A file whose structure is damaged is not repaired: the damage is reported.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};

use super::cells::{RunCells, TextCells};
use super::csv_scan::{self, CsvRecord, QuoteError, Sizes};
use super::row::{RowLocation, Table, TextColumn};
use super::table_spec::{FileErrors, MatchedColumns, TableSpec};
use crate::diagnostic::{Diagnostic, TableLocation};
use std::sync::Arc;

/// Reads the bytes of a CSV file in UTF-8 with a header. Cells are separated by commas, semicolons or tabs. Returns
/// `None` if the rows cannot be read. Errors of the file as a whole, and rows with too few or too many cells, are added
/// to `errors`.
pub fn read_csv(file: &str, bytes: &[u8], spec: &TableSpec, errors: &mut Vec<Diagnostic>) -> Option<Table> {
    let mut file_errors = FileErrors { file: file.into(), errors };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = check_utf8(&mut file_errors, bytes)?;
    let (separator, skipped) = match csv_scan::declared_separator(text) {
        Some(separator) => (separator, 1),
        None => (csv_scan::detected_separator(text), 0),
    };
    let sizes = check_quotes(&mut file_errors, bytes, separator)?;
    let records = csv_scan::records(bytes, separator).map_while(Result::ok);
    let mut records = records.skip(skipped).filter(|record| !record.is_blank());
    let Some(header) = records.next() else {
        file_errors.reject("no_columns", None, "", "the file is empty", "write a header line with the column names");
        return None;
    };
    let names = csv_scan::header_cells(text.get(header.start..header.end)?, separator);
    let matched = MatchedColumns::of(file, &names, Some(header.line), spec, file_errors.errors)?;
    let mut columns = empty_columns(&matched, &sizes);
    let mut cells = CellReader::new(separator);
    let (mut rows, mut is_whole) = (Vec::with_capacity(sizes.records), true);
    for (index, record) in records.enumerate() {
        let number = index + 1;
        if record.cells != names.len() {
            is_whole = false;
            reject_uneven_row(&mut file_errors, &record, number, names.len());
            continue;
        }
        let Some(location) = RowLocation::new(rows.len(), number, Some(record.line)) else {
            file_errors.reject_too_many_rows();
            return None;
        };
        cells.read(text.get(record.start..record.end)?, &mut columns);
        rows.push(location);
    }
    let columns = columns.into_iter().map(|column| column.map(CsvColumn::shared)).collect();
    Some(Table { is_csv: true, is_whole, ..matched.table(columns, rows) })
}

fn check_utf8<'b>(errors: &mut FileErrors<'_>, bytes: &'b [u8]) -> Option<&'b str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            errors.reject("not_utf8", Some(line), "", "text that is not UTF-8", "save the file in UTF-8");
            None
        }
    }
}

/// The cells of a column while they are read.
enum CsvColumn {
    Each(TextCells),
    Runs(RunCells),
}

impl CsvColumn {
    fn push(&mut self, cell: &str) {
        match self {
            CsvColumn::Each(cells) => cells.push(cell),
            CsvColumn::Runs(cells) => cells.push(cell),
        }
    }

    fn shared(self) -> Arc<dyn TextColumn> {
        match self {
            CsvColumn::Each(cells) => Arc::new(cells),
            CsvColumn::Runs(cells) => Arc::new(cells),
        }
    }
}

/// The column that says whose row it is. Most rows are of the same client as the one before.
const CLIENT: &str = "client_id";

/// The columns that are read, with room for all cells of the file.
fn empty_columns(matched: &MatchedColumns, sizes: &Sizes) -> Vec<Option<CsvColumn>> {
    let empty = |(index, name): (usize, Option<&str>)| match name? {
        CLIENT => Some(CsvColumn::Runs(RunCells::default())),
        _ => {
            let bytes = sizes.columns.get(index).copied().unwrap_or_default();
            Some(CsvColumn::Each(TextCells::with_capacity(sizes.records, bytes)))
        }
    };
    matched.names().enumerate().map(empty).collect()
}

/// Checks the quotes of the whole file, and returns its sizes. Its records are not kept: they would take as much memory
/// as the cells.
fn check_quotes(errors: &mut FileErrors<'_>, bytes: &[u8], separator: u8) -> Option<Sizes> {
    let mut records = csv_scan::records(bytes, separator);
    let (line, cause) = match records.find_map(Result::err) {
        None => return Some(records.into_sizes()),
        Some(QuoteError::Open { line }) => (line, "a quote is not closed"),
        Some(QuoteError::Stray { line }) => (line, "a quote inside a cell"),
    };
    let remedy = "quote the whole cell, and double the quotes inside it";
    errors.reject("bad_quotes", Some(line), "", cause, remedy);
    None
}

fn reject_uneven_row(errors: &mut FileErrors<'_>, record: &CsvRecord, number: usize, columns: usize) {
    let cause = format!("{} cells, but there are {columns} columns", record.cells);
    let remedy = "give every row one cell per column, blank ones included";
    let (file, row, line) = (Arc::clone(&errors.file), Some(number), Some(record.line));
    let place = TableLocation { file, row, line, ..TableLocation::default() };
    errors.errors.push(Diagnostic::new("uneven_row", place, cause, remedy));
}

/// Splits records into cells.
struct CellReader {
    reader: Reader,
    /// The cells of a record without their quotes, one after the other.
    text: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl CellReader {
    fn new(separator: u8) -> Self {
        // Each record is read on its own. A carriage return in a cell does not end the record.
        let reader = ReaderBuilder::new().delimiter(separator).terminator(Terminator::Any(b'\n')).build();
        Self { reader, text: Vec::new(), ends: Vec::new() }
    }

    /// Adds the cells of a record to those columns that are read. The record has as many cells as there are columns.
    fn read(&mut self, record: &str, columns: &mut [Option<CsvColumn>]) {
        self.reader.reset();
        // The cells without their quotes are never longer than the record.
        self.text.resize(record.len(), 0);
        self.ends.resize(columns.len() + 1, 0);
        let (mut input, mut written, mut ended) = (record.as_bytes(), 0, 0);
        loop {
            let text = self.text.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(ended..).unwrap_or_default();
            let (result, read, cell_bytes, cells) = self.reader.read_record(input, text, ends);
            input = input.get(read..).unwrap_or_default();
            (written, ended) = (written + cell_bytes, ended + cells);
            // Once the input is empty, the next call ends the record.
            if result != ReadRecordResult::InputEmpty {
                break;
            }
        }
        let mut start = 0;
        for (column, end) in columns.iter_mut().zip(&self.ends) {
            let cell = self.text.get(start..*end).and_then(|bytes| std::str::from_utf8(bytes).ok());
            if let Some(column) = column {
                column.push(cell.unwrap_or_default());
            }
            start = *end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HistoryRow, Record};

    fn cells(text: &str) -> Vec<Vec<Option<String>>> {
        let spec = TableSpec { columns: HistoryRow::columns().collect(), ignore_unknown: true };
        let mut errors = Vec::new();
        let table = read_csv("history.csv", text.as_bytes(), &spec, &mut errors).unwrap();
        let cells = |row: &RowLocation| -> Vec<Option<String>> {
            table.columns.iter().map(|(_, column)| column.cell(row.position()).map(str::to_owned)).collect()
        };
        table.rows.iter().map(cells).collect()
    }

    #[test]
    fn quotes_line_breaks_and_separators_within_cells_are_read() {
        let text = "client_id,channel,published_at\r\n\"a \"\"b\"\", c\",\"x\ny\",é\r\n\r\n,\"\",z";
        let some = |cell: &str| Some(cell.to_owned());
        assert_eq!(cells(text), [vec![some("a \"b\", c"), some("x\ny"), some("é")], vec![None, None, some("z")]]);
    }

    #[test]
    fn rows_keep_their_numbers_and_lines_beside_uneven_and_blank_ones() {
        let spec = TableSpec { columns: HistoryRow::columns().collect(), ignore_unknown: true };
        let mut errors = Vec::new();
        let text = "client_id,channel,published_at\n\na,fb,1\nb\nc,ig,2\n";
        let table = read_csv("history.csv", text.as_bytes(), &spec, &mut errors).unwrap();
        let rows: Vec<_> = table.rows.iter().map(|row| (row.position(), row.number(), row.line())).collect();
        assert_eq!(rows, [(0, 1, Some(3)), (1, 3, Some(5))]);
        assert!(!table.is_whole);
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert_eq!((error.code, error.place.to_string().as_str()), ("uneven_row", "history.csv: row 2 (line 4)"));
    }
}
