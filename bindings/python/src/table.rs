//! Tables of results as Arrow tables.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use mcoe_engine::model::{Kind, Record};
use mcoe_engine::result_tables::ResultTable;
use mcoe_engine::tables::Cells;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use pyo3_arrow::PyTable;
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::to_schema_pycapsule;

use crate::errors::{ErrorKind, from_text};

/// The key of a column's description in its metadata.
const DESCRIPTION: &str = "description";

/// A table of results, which other libraries read by the Arrow PyCapsule interface.
#[pyclass(module = "mcoe", frozen)]
pub struct Table {
    name: &'static str,
    batches: Vec<RecordBatch>,
    schema: SchemaRef,
}

impl Table {
    /// The table whose rows are those of the parts, which have the same columns.
    ///
    /// # Errors
    /// If Arrow cannot hold a part.
    pub fn of_parts(py: Python<'_>, parts: &[ResultTable]) -> PyResult<Self> {
        let Some(first) = parts.first() else {
            return Err(from_text(py, ErrorKind::Run, "a table has no columns", ""));
        };
        let columns = first.columns.iter().map(|column| field(&column.name, column.kind, column.doc));
        let schema = Arc::new(Schema::new(columns.collect::<Vec<Field>>()));
        let batch = |part: &ResultTable| batch(&schema, part.columns.iter().map(|column| &column.cells));
        let batches: Result<Vec<RecordBatch>, ArrowError> = parts.iter().map(batch).collect();
        let batches = batches.map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
        Ok(Self { name: first.name, batches, schema })
    }

    /// The table of records.
    ///
    /// # Errors
    /// If Arrow cannot hold it.
    pub fn of_records<R: Record>(
        py: Python<'_>,
        name: &'static str,
        records: impl Iterator<Item = R>,
    ) -> PyResult<Self> {
        let mut cells: Vec<Cells> = R::columns().map(|column| Cells::new(column.kind)).collect();
        for record in records {
            cells.iter_mut().zip(record.values()).for_each(|(cells, value)| cells.push(value));
        }
        let columns = R::columns().map(|column| field(column.name, column.kind, column.doc));
        let schema = Arc::new(Schema::new(columns.collect::<Vec<Field>>()));
        let batch =
            batch(&schema, cells.iter()).map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
        Ok(Self { name, batches: vec![batch], schema })
    }

    /// A table of texts, given its columns by name.
    ///
    /// # Errors
    /// If Arrow cannot hold it.
    pub fn of_texts<'n>(py: Python<'_>, columns: impl Iterator<Item = (&'n str, Cells)>) -> PyResult<Self> {
        let (names, cells): (Vec<&str>, Vec<Cells>) = columns.unzip();
        let fields: Vec<Field> = names.into_iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch =
            batch(&schema, cells.iter()).map_err(|error| from_text(py, ErrorKind::Run, &error.to_string(), ""))?;
        Ok(Self { name: "texts", batches: vec![batch], schema })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// Tables by name.
///
/// # Errors
/// If Arrow cannot hold one.
pub fn by_name<'py>(py: Python<'py>, tables: impl IntoIterator<Item = ResultTable>) -> PyResult<Bound<'py, PyDict>> {
    let by_name = PyDict::new(py);
    for table in tables {
        let table = Table::of_parts(py, &[table])?;
        by_name.set_item(table.name(), Bound::new(py, table)?)?;
    }
    Ok(by_name)
}

fn field(name: &str, kind: Kind, doc: &str) -> Field {
    let data_type = match kind {
        Kind::Number => DataType::Float64,
        Kind::Count => DataType::Int64,
        Kind::Flag => DataType::Boolean,
        _ => DataType::Utf8,
    };
    let metadata = HashMap::from([(DESCRIPTION.to_owned(), doc.trim().to_owned())]);
    Field::new(name, data_type, true).with_metadata(metadata)
}

fn batch<'c>(schema: &SchemaRef, columns: impl Iterator<Item = &'c Cells>) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(Arc::clone(schema), columns.map(array).collect())
}

fn array(cells: &Cells) -> ArrayRef {
    match cells {
        Cells::Text(cells) => {
            let mut builder = StringBuilder::new();
            cells.iter().for_each(|cell| builder.append_option(cell));
            Arc::new(builder.finish())
        }
        Cells::Number(cells) => Arc::new(Float64Array::from_iter(cells.iter().copied())),
        Cells::Count(cells) => Arc::new(Int64Array::from_iter(cells.iter().map(|cell| cell.map(i64::from)))),
        Cells::Flag(cells) => Arc::new(BooleanArray::from_iter(cells.iter().copied())),
    }
}

#[pymethods]
impl Table {
    /// The name of the table.
    #[getter(name)]
    fn table_name(&self) -> &'static str {
        self.name
    }

    /// The names of its columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// What each column holds, with its unit.
    #[getter]
    fn descriptions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let descriptions = PyDict::new(py);
        for field in self.schema.fields() {
            descriptions.set_item(field.name(), field.metadata().get(DESCRIPTION))?;
        }
        Ok(descriptions)
    }

    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, self.schema.as_ref())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let table = PyTable::try_new(self.batches.clone(), Arc::clone(&self.schema))?;
        Bound::new(py, table)?.call_method1("__arrow_c_stream__", (requested_schema,))
    }

    /// The first `limit` rows as dictionaries; all rows if it is `None`.
    #[pyo3(signature = (limit=None))]
    fn rows<'py>(&self, py: Python<'py>, limit: Option<usize>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let left = limit.map_or(usize::MAX, |limit| limit - rows.len());
            for index in 0..batch.num_rows().min(left) {
                let row = PyDict::new(py);
                for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
                    row.set_item(field.name(), cell(py, column, index)?)?;
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }

    fn __repr__(&self) -> String {
        format!("<mcoe.Table {}: {} rows, {} columns>", self.name, self.__len__(), self.schema.fields().len())
    }

    fn _repr_html_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, PyAny>> {
        slf.py().import("mcoe.display")?.call_method1("table_html", (&slf,))
    }
}

/// A cell as a Python value; `None` if it is blank.
fn cell<'py>(py: Python<'py>, column: &ArrayRef, index: usize) -> PyResult<Bound<'py, PyAny>> {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray as _;
    use arrow_array::types::{Float64Type, Int64Type};
    if column.is_null(index) {
        return Ok(py.None().into_bound(py));
    }
    Ok(match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(index).into_pyobject(py)?.into_any(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(index).into_pyobject(py)?.into_any(),
        DataType::Boolean => column.as_boolean().value(index).into_pyobject(py)?.to_owned().into_any(),
        _ => column.as_string::<i32>().value(index).into_pyobject(py)?.into_any(),
    })
}
