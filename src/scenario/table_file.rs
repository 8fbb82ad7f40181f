//! Reads a CSV or Parquet file into columns of text, named as the table declares them.
//!
//! Only this module reads with polars. Every cell stays text, whatever a Parquet file declares, so that the same
//! code validates both kinds of file and an invalid cell keeps its location. Damaged compressed pages of a Parquet file
//! are not handled: polars may abort the process when it reads them.

use std::io::Cursor;
use std::sync::Arc;

use polars_core::prelude::*;
use polars_io::prelude::*;

use super::csv_scan::{self, CsvRecord, QuoteError};
use crate::diagnostic::{Diagnostic, TableLocation, nearest, suggestion};
use crate::model::{Column as DeclaredColumn, quoted};
use crate::tables::{RowLocation, Table, TextColumn};

/// The expected columns of a table.
#[derive(Debug)]
pub(super) struct TableSpec {
    /// Columns that are read.
    pub columns: Vec<&'static DeclaredColumn>,
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

/// File format, by extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Csv,
    Parquet,
}

impl FileKind {
    /// The format that a file name implies; `None` for other extensions.
    pub fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(FileKind::Csv),
            "parquet" => Some(FileKind::Parquet),
            _ => None,
        }
    }
}

/// A text column that polars has read.
#[derive(Debug)]
struct PolarsColumn(StringChunked);

impl TextColumn for PolarsColumn {
    fn cell(&self, position: usize) -> Option<&str> {
        self.0.get(position)
    }
}

/// Reads a file. `None` if no row can be read. Errors of the file as a whole, and rows with too few or too many cells,
/// are added to `diagnostics`.
pub(super) fn read(
    file: &str,
    kind: FileKind,
    bytes: Vec<u8>,
    spec: &TableSpec,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Table> {
    let mut errors = FileErrors { file: file.into(), diagnostics };
    if let Some((format, remedy)) = mistaken_format(&bytes) {
        errors.reject("foreign_file", None, "", format!("it is {format}, not a table"), remedy);
        return None;
    }
    let kind = if bytes.starts_with(PARQUET_MAGIC) { FileKind::Parquet } else { kind };
    match kind {
        FileKind::Csv => read_csv(&mut errors, &bytes, spec),
        FileKind::Parquet => read_parquet(&mut errors, bytes, spec),
    }
}

/// Maximum number of columns of a table. Exports from platforms have a few hundred.
const MAX_COLUMNS: usize = 1000;

/// The magic bytes of a Parquet file.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// The format of a file that is often mistaken for a table, detected by its first bytes, and the remedy.
fn mistaken_format(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let as_csv = "open it and save the sheet as CSV in UTF-8";
    let formats: [(&[u8], &str, &str); 4] = [
        (b"PK\x03\x04", "a workbook (XLSX, ODS) or an archive (ZIP)", as_csv),
        (b"\xd0\xcf\x11\xe0", "a workbook (XLS)", as_csv),
        (b"\xff\xfe", "text in UTF-16", "save it in UTF-8"),
        (b"\xfe\xff", "text in UTF-16", "save it in UTF-8"),
    ];
    formats.into_iter().find(|(start, ..)| bytes.starts_with(start)).map(|(_, format, remedy)| (format, remedy))
}

/// Records errors of a file as a whole, as opposed to those of a row.
struct FileErrors<'p> {
    file: Arc<str>,
    diagnostics: &'p mut Vec<Diagnostic>,
}

impl FileErrors<'_> {
    /// Records an error of a column; `column` is empty if the error concerns none.
    fn reject(
        &mut self,
        code: &'static str,
        line: Option<usize>,
        column: &str,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (file, column) = (Arc::clone(&self.file), column.to_owned());
        let place = TableLocation { file, line, column, ..TableLocation::default() };
        self.diagnostics.push(Diagnostic::new(code, place, cause, remedy));
    }
}

fn check_column_count(errors: &mut FileErrors<'_>, columns: usize) -> bool {
    if columns > MAX_COLUMNS {
        let cause = format!("it has {columns} columns, more than {MAX_COLUMNS}");
        errors.reject("too_many_columns", None, "", cause, "remove the columns that are not needed");
    }
    columns <= MAX_COLUMNS
}

fn read_csv(errors: &mut FileErrors<'_>, bytes: &[u8], spec: &TableSpec) -> Option<Table> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = check_utf8(errors, bytes)?;
    let (separator, skipped) = match csv_scan::declared_separator(text) {
        Some(separator) => (separator, 1),
        None => (csv_scan::detected_separator(text), 0),
    };
    let records = check_quotes(errors, bytes, separator)?;
    let Some(blank_lines) = records.iter().skip(skipped).position(|record| !record.is_blank()) else {
        errors.reject("no_columns", None, "", "the file is empty", "write a header line with the column names");
        return None;
    };
    let (header, body) = records.get(skipped + blank_lines..)?.split_first()?;
    let names = csv_scan::header_cells(text.get(header.start..header.end)?, separator);
    if !check_column_count(errors, names.len()) {
        return None;
    }
    let count_before = errors.diagnostics.len();
    let known_names = match_names(errors, &names, Some(header.line), spec);
    if errors.diagnostics.iter().skip(count_before).any(|diagnostic| diagnostic.code == "duplicate_column") {
        return None;
    }
    let rows = complete_rows(errors, body, names.len());
    let first_row = body.iter().position(|record| !record.is_blank()).unwrap_or(body.len());
    let row_bytes = body.get(first_row).map_or(&[][..], |record| bytes.get(record.start..).unwrap_or_default());
    let columns = match parse_csv(row_bytes, names.len(), separator) {
        Ok(columns) => columns,
        Err(error) => {
            errors.reject(
                "unreadable",
                None,
                "",
                format!("cannot be parsed as CSV ({error})"),
                "save it as plain CSV in UTF-8",
            );
            return None;
        }
    };
    let height = columns.first().map_or(0, StringChunked::len);
    if height != body.len() - first_row {
        let cause = format!("{height} rows were read, but the file has {}", body.len() - first_row);
        errors.reject("unreadable", None, "", cause, "save it as plain CSV in UTF-8");
        return None;
    }
    let is_whole = rows.len() == body.iter().filter(|record| !record.is_blank()).count();
    // Polars counts from the first row, since it is not given the blank lines before it.
    let rows = rows.into_iter().map(|row| RowLocation { position: row.position - first_row, ..row }).collect();
    Some(Table { is_csv: true, is_whole, ..assemble(errors, known_names, columns, rows, spec) })
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

fn check_quotes(errors: &mut FileErrors<'_>, bytes: &[u8], separator: u8) -> Option<Vec<CsvRecord>> {
    let (line, cause) = match csv_scan::records(bytes, separator) {
        Ok(records) => return Some(records),
        Err(QuoteError::Open { line }) => (line, "a quote is not closed"),
        Err(QuoteError::Stray { line }) => (line, "a quote inside a cell"),
    };
    let remedy = "quote the whole cell, and double the quotes inside it";
    errors.reject("bad_quotes", Some(line), "", cause, remedy);
    None
}

/// The rows with exactly one cell per column; the others are recorded as errors.
fn complete_rows(errors: &mut FileErrors<'_>, body: &[CsvRecord], columns: usize) -> Vec<RowLocation> {
    let mut complete = Vec::with_capacity(body.len());
    let records = body.iter().enumerate().filter(|(_, record)| !record.is_blank());
    for (index, (position, record)) in records.enumerate() {
        let (number, line) = (index + 1, Some(record.line));
        if record.cells == columns {
            complete.push(RowLocation { position, number, line });
            continue;
        }
        let cause = format!("{} cells, but there are {columns} columns", record.cells);
        let remedy = "give every row one cell per column, blank ones included";
        let place =
            TableLocation { file: Arc::clone(&errors.file), row: Some(number), line, ..TableLocation::default() };
        errors.diagnostics.push(Diagnostic::new("uneven_row", place, cause, remedy));
    }
    complete
}

fn parse_csv(row_bytes: &[u8], columns: usize, separator: u8) -> PolarsResult<Vec<StringChunked>> {
    let names: Vec<PlSmallStr> = (0..columns).map(|index| PlSmallStr::from_string(index.to_string())).collect();
    if row_bytes.is_empty() {
        return Ok(names.into_iter().map(|name| StringChunked::full_null(name, 0)).collect());
    }
    let schema: Schema = names.iter().map(|name| Field::new(name.clone(), DataType::String)).collect();
    // Rows with too many cells have been recorded as errors and are not read, so their extra cells may be dropped.
    let frame = CsvReadOptions::default()
        .map_parse_options(|options| options.with_truncate_ragged_lines(true).with_separator(separator))
        .with_has_header(false)
        .with_schema(Some(Arc::new(schema)))
        .with_rechunk(true)
        .into_reader_with_file_handle(Cursor::new(row_bytes))
        .finish()?;
    names.iter().map(|name| Ok(frame.column(name)?.str()?.clone())).collect()
}

fn read_parquet(errors: &mut FileErrors<'_>, bytes: Vec<u8>, spec: &TableSpec) -> Option<Table> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let schema = match reader.schema() {
        Ok(schema) => schema,
        Err(error) => {
            errors.reject(
                "unreadable",
                None,
                "",
                format!("cannot be parsed as Parquet ({error})"),
                "write the file again",
            );
            return None;
        }
    };
    let names: Vec<String> = schema.iter_names().map(|name| name.to_string()).collect();
    if !check_column_count(errors, names.len()) {
        return None;
    }
    let known_names = match_names(errors, &names, None, spec);
    let mut is_supported_file = true;
    for (field, column) in schema.iter_values().zip(&known_names).filter(|(_, column)| column.is_some()) {
        if !is_supported(field.dtype()) {
            is_supported_file = false;
            let cause = format!("its type `{:?}` is not supported", field.dtype());
            let remedy = "store text, booleans, or numbers of 32 or 64 bits; times as ISO 8601 text";
            errors.reject("unreadable_type", None, column.unwrap_or_default(), cause, remedy);
        }
    }
    if !is_supported_file || known_names.iter().all(Option::is_none) {
        return None;
    }
    let read_names = names.iter().zip(&known_names).filter(|(_, known)| known.is_some()).map(|(name, _)| name.clone());
    match parse_parquet(reader, read_names.collect()) {
        Ok(columns) => {
            let height = columns.first().map_or(0, StringChunked::len);
            let rows = (0..height).map(|position| RowLocation { position, number: position + 1, line: None }).collect();
            Some(assemble(errors, known_names.into_iter().filter(Option::is_some).collect(), columns, rows, spec))
        }
        Err(error) => {
            errors.reject(
                "unreadable",
                None,
                "",
                format!("cannot be parsed as Parquet ({error})"),
                "write the file again",
            );
            None
        }
    }
}

/// Whether polars can read a column of this type with the features enabled here.
fn is_supported(kind: &ArrowDataType) -> bool {
    use ArrowDataType as Kind;
    matches!(
        kind,
        Kind::Null
            | Kind::Boolean
            | Kind::Int32
            | Kind::Int64
            | Kind::UInt32
            | Kind::UInt64
            | Kind::Float32
            | Kind::Float64
            | Kind::Utf8
            | Kind::LargeUtf8
            | Kind::Utf8View
    )
}

fn parse_parquet(reader: ParquetReader<Cursor<Vec<u8>>>, names: Vec<String>) -> PolarsResult<Vec<StringChunked>> {
    let mut frame = reader.with_columns(Some(names.clone())).finish()?;
    frame.rechunk_mut();
    names.iter().map(|name| Ok(frame.column(name)?.cast(&DataType::String)?.str()?.clone())).collect()
}

/// The table of the columns with known names.
fn assemble(
    errors: &FileErrors<'_>,
    known_names: Vec<Option<&'static str>>,
    columns: Vec<StringChunked>,
    rows: Vec<RowLocation>,
    spec: &TableSpec,
) -> Table {
    let missing = spec.required().filter(|name| !known_names.contains(&Some(*name))).collect();
    let columns = known_names.into_iter().zip(columns).filter_map(|(name, cells)| {
        let cells: Box<dyn TextColumn> = Box::new(PolarsColumn(cells));
        Some((name?, cells))
    });
    let columns = columns.collect();
    Table { file: Arc::clone(&errors.file), columns, missing, rows, is_csv: false, is_whole: true }
}

/// For each column of the file, its name in the spec; `None` if the spec has no such column. A missing required column
/// is reported together with the unknown column that may be a misspelling of it.
fn match_names(
    errors: &mut FileErrors<'_>,
    names: &[String],
    line: Option<usize>,
    spec: &TableSpec,
) -> Vec<Option<&'static str>> {
    let known: Vec<_> = names.iter().map(|name| spec.names().find(|column| *column == name)).collect();
    for (index, name) in names.iter().enumerate() {
        // Ignored columns may be repeated.
        let is_read = !spec.ignore_unknown || spec.names().any(|column| column == *name);
        if is_read && !name.is_empty() && names.iter().take(index).any(|earlier| earlier == name) {
            errors.reject("duplicate_column", line, name, "it occurs twice", "remove one of the two");
        }
    }
    let unknown = names.iter().zip(&known).filter(|(_, column)| column.is_none()).map(|(name, _)| name.as_str());
    let mut unknown: Vec<&str> = unknown.collect();
    for column in spec.required().filter(|column| !known.contains(&Some(*column))) {
        let misspelling = nearest(column, unknown.iter().copied()).map(str::to_owned);
        let remedy = match &misspelling {
            Some(name) => format!("add it, or rename {}, which is not a column of this table", quoted(name)),
            None => format!("add it; the columns are {}", spec.names().collect::<Vec<_>>().join(", ")),
        };
        unknown.retain(|name| Some(*name) != misspelling.as_deref());
        errors.reject("missing_column", line, column, "the column is missing", remedy);
    }
    if !spec.ignore_unknown {
        for name in unknown {
            let absent = spec.names().filter(|column| !known.contains(&Some(column)));
            let all = || format!("remove it; the columns are {}", spec.names().collect::<Vec<_>>().join(", "));
            let remedy = suggestion(name, absent, all);
            errors.reject("unknown_column", line, name, "it is not a column of this table", remedy);
        }
    }
    known
}
