//! Reads a CSV or Parquet file into columns of text, named as the table declares them.
//!
//! Polars reads Parquet. Every cell stays text, whatever a Parquet file declares, so that the same code validates both
//! kinds of file and an invalid cell keeps its location. Damaged compressed pages of a Parquet file are not handled:
//! polars may abort the process when it reads them.

use std::io::Cursor;
use std::sync::Arc;

use polars_core::prelude::*;
use polars_io::prelude::*;

use crate::diagnostic::Diagnostic;
use crate::tables::{FileErrors, MatchedColumns, Table, TableSpec, TextColumn, read_csv};

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

/// Reads a file. Returns `None` if its rows cannot be read. Errors of the file as a whole, and rows with too few or too
/// many cells, are added to `diagnostics`.
pub(super) fn read(
    file: &str,
    kind: FileKind,
    bytes: Vec<u8>,
    spec: &TableSpec,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Table> {
    let mut errors = FileErrors { file: file.into(), errors: diagnostics };
    if let Some((format, remedy)) = mistaken_format(&bytes) {
        errors.reject("foreign_file", None, "", format!("it is {format}, not a table"), remedy);
        return None;
    }
    let kind = if bytes.starts_with(PARQUET_MAGIC) { FileKind::Parquet } else { kind };
    match kind {
        FileKind::Csv => read_csv(file, &bytes, spec, errors.errors),
        FileKind::Parquet => read_parquet(&mut errors, bytes, spec),
    }
}

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

fn read_parquet(errors: &mut FileErrors<'_>, bytes: Vec<u8>, spec: &TableSpec) -> Option<Table> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let schema = match reader.schema() {
        Ok(schema) => schema,
        Err(error) => return reject_unreadable(errors, &error),
    };
    let names: Vec<String> = schema.iter_names().map(|name| name.to_string()).collect();
    let matched = MatchedColumns::of(&errors.file, &names, None, spec, errors.errors)?;
    let mut is_supported_file = true;
    for (field, column) in schema.iter_values().zip(matched.names()).filter(|(_, column)| column.is_some()) {
        if !is_supported(field.dtype()) {
            is_supported_file = false;
            let cause = format!("its type `{:?}` is not supported", field.dtype());
            let remedy = "store text, booleans, or numbers of 32 or 64 bits; times as ISO 8601 text";
            errors.reject("unreadable_type", None, column.unwrap_or_default(), cause, remedy);
        }
    }
    if !is_supported_file || matched.is_empty() {
        return None;
    }
    let is_read = matched.names().map(|name| name.is_some());
    let read_names: Vec<String> =
        names.into_iter().zip(is_read).filter(|(_, is_read)| *is_read).map(|(name, _)| name).collect();
    let mut columns = match parse_parquet(reader, read_names) {
        Ok(columns) => columns.into_iter(),
        Err(error) => return reject_unreadable(errors, &error),
    };
    let height = columns.as_slice().first().map_or(0, StringChunked::len);
    let rows = errors.rows_without_lines(height)?;
    let shared = |cells| -> Arc<dyn TextColumn> { Arc::new(PolarsColumn(cells)) };
    let columns = matched.names().map(|name| name.and_then(|_| columns.next()).map(shared)).collect();
    Some(matched.table(columns, rows))
}

fn reject_unreadable(errors: &mut FileErrors<'_>, error: &PolarsError) -> Option<Table> {
    let cause = format!("cannot be parsed as Parquet ({error})");
    errors.reject("unreadable", None, "", cause, "write the file again");
    None
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
