//! Arrow tables as columns of text, which the engine validates as it does those of files.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, LargeStringArray, RecordBatch};
use arrow_cast::display::FormatOptions;
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, SchemaRef};
use mcoe_engine::diagnostic::Diagnostic;
use mcoe_engine::model::Kind;
use mcoe_engine::tables::{FileErrors, MatchedColumns, Table, TableSpec, TextColumn};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Instants as ISO 8601 in UTC, as in files.
const INSTANT_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// A table in memory: its batches of rows.
#[derive(Debug, Clone)]
pub struct ArrowTable {
    /// The batches, all of one schema.
    pub batches: Vec<RecordBatch>,
    /// Names and types of the columns.
    pub schema: SchemaRef,
}

impl ArrowTable {
    /// Reads a Parquet file.
    ///
    /// # Errors
    /// If it is not a readable Parquet file; the text says why.
    pub fn from_parquet(bytes: Vec<u8>) -> Result<Self, String> {
        // The library panics at some kinds of damage.
        let read = catch_unwind(AssertUnwindSafe(|| Self::read_parquet(bytes)));
        read.unwrap_or_else(|_| Err("it is damaged".to_owned()))
    }

    fn read_parquet(bytes: Vec<u8>) -> Result<Self, String> {
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).map_err(|error| error.to_string())?;
        let schema = Arc::clone(builder.schema());
        let reader = builder.build().map_err(|error| error.to_string())?;
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        Ok(Self { batches, schema })
    }

    /// Whether the columns of a spec have the types that the command line reads from files. Other types are added to
    /// `errors`.
    pub fn has_types_of_files(&self, file: &str, spec: &TableSpec, errors: &mut Vec<Diagnostic>) -> bool {
        let is_read = |name: &str| spec.columns.iter().find(|column| column.name == name);
        let known = self.schema.fields().iter().filter_map(|field| Some((field, is_read(field.name())?)));
        let mut others = known.filter(|(field, _)| !is_type_of_files(field.data_type())).peekable();
        let has_them = others.peek().is_none();
        let mut file_errors = FileErrors { file: file.into(), errors };
        for (field, column) in others {
            let cause = format!("its type `{}` is not supported in files", field.data_type());
            let remedy = "store text, booleans, or numbers of 32 or 64 bits; times as ISO 8601 text";
            file_errors.reject("unreadable_type", None, column.name, cause, remedy);
        }
        has_them
    }

    /// The table with the columns of a spec as text; `None` if it cannot be read. Mistakes are added to `errors`.
    pub fn read(&self, name: &str, spec: &TableSpec, errors: &mut Vec<Diagnostic>) -> Option<Table> {
        let names: Vec<String> = self.schema.fields().iter().map(|field| field.name().clone()).collect();
        let matched = MatchedColumns::of(name, &names, None, spec, errors)?;
        let mut columns: Vec<Option<Arc<dyn TextColumn>>> = Vec::with_capacity(names.len());
        for (index, known) in matched.names().enumerate() {
            let Some(known) = known else {
                columns.push(None);
                continue;
            };
            let may_be_list = spec.columns.iter().any(|column| column.name == known && column.kind == Kind::Texts);
            match self.text_column(index, may_be_list) {
                Ok(column) => columns.push(Some(Arc::new(column))),
                Err(Unreadable { cause, remedy }) => {
                    FileErrors { file: name.into(), errors }.reject("unreadable_type", None, known, cause, remedy);
                    return None;
                }
            }
        }
        let height: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        let rows = FileErrors { file: name.into(), errors }.rows_without_lines(height)?;
        Some(matched.table(columns, rows))
    }

    fn text_column(&self, index: usize, may_be_list: bool) -> Result<ArrowColumn, Unreadable> {
        let text = |batch: &RecordBatch| -> Result<LargeStringArray, Unreadable> {
            let array = batch.column(index);
            // Other libraries may hand over texts that are not UTF-8, and offsets beyond the data.
            array.to_data().validate_full().map_err(|error| Unreadable {
                cause: format!("its data is damaged: {error}"),
                remedy: "make the column again; texts must be UTF-8",
            })?;
            match array.data_type() {
                DataType::List(_) | DataType::LargeList(_) if may_be_list => joined_lists(array),
                _ => as_text(array),
            }
        };
        let chunks: Result<Vec<LargeStringArray>, Unreadable> = self.batches.iter().map(text).collect();
        let mut starts = Vec::with_capacity(self.batches.len());
        let mut height = 0;
        for batch in &self.batches {
            starts.push(height);
            height += batch.num_rows();
        }
        Ok(ArrowColumn { chunks: chunks?, starts })
    }
}

/// Why a column cannot be read.
struct Unreadable {
    cause: String,
    remedy: &'static str,
}

/// A column of texts in chunks.
#[derive(Debug)]
struct ArrowColumn {
    chunks: Vec<LargeStringArray>,
    /// The position of the first cell of each chunk.
    starts: Vec<usize>,
}

impl TextColumn for ArrowColumn {
    fn cell(&self, position: usize) -> Option<&str> {
        let chunk = self.starts.partition_point(|start| *start <= position).checked_sub(1)?;
        let (array, start) = (self.chunks.get(chunk)?, self.starts.get(chunk)?);
        let index = position - start;
        (index < array.len() && array.is_valid(index)).then(|| array.value(index))
    }
}

/// The cells of an array as text: numbers as decimals, instants and dates as ISO 8601.
fn as_text(array: &ArrayRef) -> Result<LargeStringArray, Unreadable> {
    let unreadable =
        |cause: String| Unreadable { cause, remedy: "give texts, numbers, booleans, dates or times with a time zone" };
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => {
            &arrow_cast::cast(array, values).map_err(|error| unreadable(error.to_string()))?
        }
        _ => array,
    };
    let format = FormatOptions::new().with_timestamp_tz_format(Some(INSTANT_FORMAT)).with_display_error(false);
    let array = match array.data_type() {
        DataType::Timestamp(_, None) => {
            return Err(Unreadable {
                cause: "its times have no time zone".to_owned(),
                remedy: "give them a zone, such as UTC, or write them as ISO 8601 text with an offset",
            });
        }
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            arrow_cast::cast(array, &utc).map_err(|error| unreadable(error.to_string()))?
        }
        kind if kind.is_primitive() || has_text_form(kind) => Arc::clone(array),
        kind => return Err(unreadable(format!("its type `{kind}` is not supported"))),
    };
    let options = CastOptions { safe: false, format_options: format };
    let text =
        cast_with_options(&array, &DataType::LargeUtf8, &options).map_err(|error| unreadable(error.to_string()))?;
    text.as_string_opt::<i64>().cloned().ok_or_else(|| unreadable("it has no text form".to_owned()))
}

/// Whether a type that is not primitive has a text form.
fn has_text_form(kind: &DataType) -> bool {
    matches!(kind, DataType::Null | DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_type_of_files(kind: &DataType) -> bool {
    use DataType as Type;
    let is_number =
        matches!(kind, Type::Int32 | Type::Int64 | Type::UInt32 | Type::UInt64 | Type::Float32 | Type::Float64);
    is_number || has_text_form(kind)
}

/// Lists of texts as in files, separated by semicolons.
fn joined_lists(array: &ArrayRef) -> Result<LargeStringArray, Unreadable> {
    let cells: Result<Vec<Option<String>>, Unreadable> = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().iter().map(|cell| cell.map(joined).transpose()).collect(),
        _ => array.as_list::<i64>().iter().map(|cell| cell.map(joined).transpose()).collect(),
    };
    Ok(LargeStringArray::from(cells?))
}

fn joined(values: ArrayRef) -> Result<String, Unreadable> {
    let remedy = "give lists of texts without blanks and semicolons";
    let texts = as_text(&values)?;
    if texts.null_count() > 0 {
        return Err(Unreadable { cause: "a list has a blank".to_owned(), remedy });
    }
    let texts: Vec<&str> = texts.iter().flatten().collect();
    match texts.iter().find(|text| text.contains(';')) {
        Some(text) => Err(Unreadable { cause: format!("the text `{text}` of a list has a semicolon"), remedy }),
        None => Ok(texts.join(";")),
    }
}
