//! Records as polars frames, and frames as the bytes of CSV and Parquet files.

use std::borrow::Borrow;

use polars_core::prelude::*;
use polars_io::prelude::*;

use crate::model::{Kind, Record, Value};
use crate::tables::{guarded, needs_guard};

/// The rows as a frame with the columns of their record type. Sparse columns that are blank or `false` in every row are
/// omitted.
///
/// # Errors
/// If polars cannot combine the columns.
pub(crate) fn frame_from_slice<R: Record>(rows: &[R]) -> PolarsResult<DataFrame> {
    frame_from_rows::<R, _>(rows.iter(), rows.len())
}

/// As [`frame_from_slice`], for rows that are made one at a time, so that they are never all in memory.
///
/// # Errors
/// If polars cannot combine the columns.
pub(crate) fn frame_from_iter<R: Record>(rows: impl Iterator<Item = R>) -> PolarsResult<DataFrame> {
    let unknown_capacity = 0;
    frame_from_rows::<R, _>(rows, unknown_capacity)
}

/// The rows as a frame. `capacity` is the number of rows for which memory is reserved at once.
fn frame_from_rows<R: Record, B: Borrow<R>>(rows: impl Iterator<Item = B>, capacity: usize) -> PolarsResult<DataFrame> {
    let mut builders: Vec<ColumnBuilder> =
        R::columns().map(|column| ColumnBuilder::new(column.name, column.kind, capacity)).collect();
    let mut height = 0;
    for row in rows {
        builders.iter_mut().zip(row.borrow().values()).for_each(|(builder, value)| builder.push(value));
        height += 1;
    }
    let columns = R::columns().zip(builders).filter(|(column, builder)| !column.is_sparse || builder.has_content);
    frame(columns.map(|(_, builder)| builder).collect(), height)
}

/// Columns of equal height as a frame.
///
/// # Errors
/// If their heights differ, or two have the same name.
pub(crate) fn frame(columns: Vec<ColumnBuilder>, height: usize) -> PolarsResult<DataFrame> {
    DataFrame::new(height, columns.into_iter().map(ColumnBuilder::finish).collect())
}

/// Builds a column cell by cell.
pub(crate) struct ColumnBuilder {
    builder: TypedBuilder,
    /// Whether any cell is neither blank nor `false`.
    has_content: bool,
}

enum TypedBuilder {
    Text(StringChunkedBuilder),
    Number(PrimitiveChunkedBuilder<Float64Type>),
    Count(PrimitiveChunkedBuilder<Int64Type>),
    Flag(BooleanChunkedBuilder),
}

impl ColumnBuilder {
    /// An empty column, with memory reserved for `capacity` cells.
    pub fn new(name: &str, kind: Kind, capacity: usize) -> Self {
        let builder = match kind {
            Kind::Number => TypedBuilder::Number(PrimitiveChunkedBuilder::new(name.into(), capacity)),
            Kind::Count => TypedBuilder::Count(PrimitiveChunkedBuilder::new(name.into(), capacity)),
            Kind::Flag => TypedBuilder::Flag(BooleanChunkedBuilder::new(name.into(), capacity)),
            Kind::Text | Kind::Texts | Kind::Instant | Kind::Date | Kind::Id => {
                TypedBuilder::Text(StringChunkedBuilder::new(name.into(), capacity))
            }
        };
        Self { builder, has_content: false }
    }

    /// Adds a cell. A number that is not finite becomes blank, as does a value of another kind.
    pub fn push(&mut self, value: Option<Value<'_>>) {
        let is_content = match (&mut self.builder, value) {
            (TypedBuilder::Text(cells), Some(value)) => {
                let text = match value {
                    Value::Text(text) => text,
                    other => other.to_string().into(),
                };
                cells.append_option(Some(text.as_ref()).filter(|text| !text.is_empty()));
                !text.is_empty()
            }
            (TypedBuilder::Number(cells), Some(Value::Number(number))) if number.is_finite() => {
                cells.append_value(number);
                true
            }
            (TypedBuilder::Count(cells), Some(Value::Count(count))) => {
                cells.append_value(i64::from(count));
                true
            }
            (TypedBuilder::Flag(cells), Some(Value::Flag(flag))) => {
                cells.append_value(flag);
                flag
            }
            (TypedBuilder::Text(cells), None) => blank(|| cells.append_null()),
            (TypedBuilder::Number(cells), _) => blank(|| cells.append_null()),
            (TypedBuilder::Count(cells), _) => blank(|| cells.append_null()),
            (TypedBuilder::Flag(cells), _) => blank(|| cells.append_null()),
        };
        self.has_content |= is_content;
    }

    fn finish(self) -> Column {
        match self.builder {
            TypedBuilder::Text(cells) => cells.finish().into_column(),
            TypedBuilder::Number(cells) => cells.finish().into_column(),
            TypedBuilder::Count(cells) => cells.finish().into_column(),
            TypedBuilder::Flag(cells) => cells.finish().into_column(),
        }
    }
}

/// Appends a blank cell; returns `false`, because a blank cell is not content.
fn blank(append: impl FnOnce()) -> bool {
    append();
    false
}

/// The frame as CSV. Texts that a spreadsheet would read as formulas are escaped.
///
/// # Errors
/// If polars cannot write it.
pub(crate) fn csv(mut frame: DataFrame) -> PolarsResult<Vec<u8>> {
    escape_formulas(&mut frame)?;
    let mut bytes = Vec::new();
    CsvWriter::new(&mut bytes).n_threads(1).finish(&mut frame)?;
    Ok(bytes)
}

/// The frame as Parquet.
///
/// # Errors
/// If polars cannot write it.
pub(crate) fn parquet(mut frame: DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).set_parallel(false).finish(&mut frame)?;
    Ok(bytes)
}

/// Escapes texts that a spreadsheet would read as formulas. Numbers are not changed.
fn escape_formulas(frame: &mut DataFrame) -> PolarsResult<()> {
    for index in 0..frame.width() {
        let Some(column) = frame.columns().get(index) else { continue };
        let Ok(cells) = column.str() else { continue };
        if !cells.iter().flatten().any(needs_guard) {
            continue;
        }
        let escaped = cells.iter().map(|cell| cell.map(guarded));
        let column = StringChunked::from_iter_options(cells.name().clone(), escaped).into_column();
        frame.replace_column(index, column)?;
    }
    Ok(())
}
