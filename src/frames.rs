//! Records as polars frames, and frames as the bytes of CSV and Parquet files.

use std::borrow::Borrow;
use std::io::Write;

use polars_core::prelude::*;
use polars_io::csv::write::BatchedWriter as CsvParts;
use polars_io::parquet::write::BatchedWriter as ParquetParts;
use polars_io::prelude::*;

use crate::model::Record;
use crate::tables::{Cells, guarded, needs_guard};

/// The rows as a frame with the columns of their record type. Sparse columns that are blank or `false` in every row are
/// omitted. Rows that are made one at a time are never all in memory.
///
/// # Errors
/// If polars cannot combine the columns.
pub(crate) fn frame_of_rows<R: Record, B: Borrow<R>>(rows: impl Iterator<Item = B>) -> PolarsResult<DataFrame> {
    let mut columns: Vec<Cells> = R::columns().map(|column| Cells::new(column.kind)).collect();
    for row in rows {
        columns.iter_mut().zip(row.borrow().values()).for_each(|(cells, value)| cells.push(value));
    }
    let columns = R::columns().zip(&columns).filter(|(column, cells)| !column.is_sparse || cells.has_content());
    frame(columns.map(|(column, cells)| (column.name, cells)))
}

/// Named columns of equal height as a frame.
///
/// # Errors
/// If their heights differ, or two have the same name.
pub(crate) fn frame<'c>(columns: impl Iterator<Item = (&'c str, &'c Cells)>) -> PolarsResult<DataFrame> {
    let columns: Vec<Column> = columns.map(|(name, cells)| column(name, cells)).collect();
    DataFrame::new(columns.first().map_or(0, Column::len), columns)
}

fn column(name: &str, cells: &Cells) -> Column {
    let name = name.into();
    match cells {
        Cells::Text(cells) => StringChunked::from_iter_options(name, cells.iter()).into_column(),
        Cells::Number(cells) => Float64Chunked::from_slice_options(name, cells).into_column(),
        Cells::Count(cells) => {
            Int64Chunked::from_iter_options(name, cells.iter().map(|cell| cell.map(i64::from))).into_column()
        }
        Cells::Flag(cells) => BooleanChunked::from_slice_options(name, cells).into_column(),
    }
}

/// Writes a table as Parquet or CSV, part by part.
pub(crate) enum FrameWriter<W: Write> {
    Parquet(Box<ParquetParts<W>>),
    Csv(Box<CsvParts<W>>),
}

impl<W: Write> FrameWriter<W> {
    /// Begins a Parquet file with the columns of a frame, which is not written yet.
    ///
    /// # Errors
    /// If polars cannot write such columns.
    pub fn parquet(out: W, frame: &DataFrame) -> PolarsResult<Self> {
        let writer = ParquetWriter::new(out).set_parallel(false).batched(frame.schema())?;
        Ok(FrameWriter::Parquet(Box::new(writer)))
    }

    /// Begins a CSV file with the columns of a frame, which is not written yet.
    ///
    /// # Errors
    /// If polars cannot write such columns.
    pub fn csv(out: W, frame: &DataFrame) -> PolarsResult<Self> {
        let writer = CsvWriter::new(out).n_threads(1).batched(frame.schema())?;
        Ok(FrameWriter::Csv(Box::new(writer)))
    }

    /// Writes further rows, with the same columns. In CSV, texts that a spreadsheet would read as formulas are escaped.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&mut self, mut frame: DataFrame) -> PolarsResult<()> {
        match self {
            FrameWriter::Parquet(writer) => writer.write_batch(&frame),
            FrameWriter::Csv(writer) => {
                escape_formulas(&mut frame)?;
                writer.write_batch(&frame)
            }
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> PolarsResult<()> {
        match self {
            FrameWriter::Parquet(writer) => writer.finish().map(drop),
            FrameWriter::Csv(mut writer) => writer.finish(),
        }
    }
}

/// The frame as CSV. Texts that a spreadsheet would read as formulas are escaped.
///
/// # Errors
/// If polars cannot write it.
pub(crate) fn csv(frame: DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    write_whole(FrameWriter::csv(&mut bytes, &frame)?, frame)?;
    Ok(bytes)
}

/// The frame as Parquet.
///
/// # Errors
/// If polars cannot write it.
pub(crate) fn parquet(frame: DataFrame) -> PolarsResult<Vec<u8>> {
    let mut bytes = Vec::new();
    write_whole(FrameWriter::parquet(&mut bytes, &frame)?, frame)?;
    Ok(bytes)
}

fn write_whole<W: Write>(mut writer: FrameWriter<W>, frame: DataFrame) -> PolarsResult<()> {
    writer.write(frame)?;
    writer.finish()
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
