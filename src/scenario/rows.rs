//! Reads a table file by itself, without the scenario it belongs to.

use std::path::Path;

use super::error::{ScenarioError, ScenarioErrors};
use super::read::MAX_TABLE_BYTES;
use super::table_file::{self, FileKind};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::files;
use crate::model::Record;
use crate::tables::TableSpec;

/// Reads the rows of a CSV or Parquet file. References to other tables are not checked.
///
/// # Errors
/// If the file cannot be read, and every invalid row with its location.
pub fn read_rows<R: Record>(path: &Path) -> Result<Vec<R>, ScenarioErrors> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let Some(kind) = FileKind::of(&name) else {
        let cause = format!("`{name}` is neither a CSV nor a Parquet file");
        return Err(Diagnostic::new("unknown_table", Place::None, cause, "give a `.csv` or `.parquet` file").into());
    };
    let bytes =
        files::read(path, MAX_TABLE_BYTES).map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
    let spec = TableSpec { columns: R::columns().collect(), ignore_unknown: false };
    let mut diagnostics = Diagnostics::default();
    let table = table_file::read(&name, kind, bytes, &spec, &mut diagnostics.errors);
    let mut rows = Vec::new();
    for (table, index) in table.iter().flat_map(|table| (0..table.height()).map(move |index| (table, index))) {
        rows.extend(table.row(index, None, &mut diagnostics).read::<R>());
    }
    match ScenarioErrors::from_list(diagnostics.errors.into_iter().map(ScenarioError::from).collect()) {
        Some(errors) => Err(errors),
        None => Ok(rows),
    }
}
