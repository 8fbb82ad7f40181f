//! Reads packs and scenarios from folders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use mcoe_engine::rules::PackFiles;
use pyo3::prelude::*;

use crate::errors::{ErrorKind, from_text};

/// Maximum number of files and folders of a pack, as on the command line.
const MAX_PACK_ENTRIES: usize = 20_000;

/// Maximum depth of the folders of a pack.
const MAX_PACK_DEPTH: usize = 8;

/// Maximum size of a pack's file, in bytes.
const MAX_PACK_FILE_BYTES: u64 = 1 << 20;

/// Maximum size of a scenario's file, in bytes.
const MAX_TABLE_BYTES: u64 = 2 << 30;

/// The files of a rules pack, by their names within its folder.
///
/// # Errors
/// If a file cannot be read, or the folder has too many.
pub fn pack_files(py: Python<'_>, dir: &Path) -> PyResult<PackFiles> {
    let failure = |path: &Path, cause: &dyn std::fmt::Display| {
        let cause = format!("cannot read `{}`: {cause}", path.display());
        from_text(py, ErrorKind::Rules, &cause, "name the folder of a rules pack")
    };
    let mut files = PackFiles::new();
    let mut entries = 0;
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failure(&folder, &error))? {
            let path = entry.map_err(|error| failure(&folder, &error))?.path();
            entries += 1;
            if entries > MAX_PACK_ENTRIES {
                return Err(failure(dir, &format!("it has more than {MAX_PACK_ENTRIES} files")));
            }
            if path.is_dir() && depth < MAX_PACK_DEPTH {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|extension| extension == "toml" || extension == "rhai") {
                let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
                let bytes = read(&path, MAX_PACK_FILE_BYTES).map_err(|error| failure(&path, &error))?;
                let text = String::from_utf8(bytes).map_err(|_| failure(&path, &"it is not UTF-8"))?;
                files.insert(name, text);
            }
        }
    }
    Ok(files)
}

/// The bytes of a file of a scenario.
///
/// # Errors
/// If it cannot be read.
pub fn scenario_file(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    read(path, MAX_TABLE_BYTES).map_err(|error| {
        let cause = format!("cannot read `{}`: {error}", path.display());
        from_text(py, ErrorKind::Scenario, &cause, "name the folder of a scenario")
    })
}

/// The bytes of the files of a scenario's tables, by table.
///
/// # Errors
/// If one cannot be read.
pub fn table_files(
    py: Python<'_>,
    dir: &Path,
    names: &BTreeMap<String, String>,
) -> PyResult<BTreeMap<String, Vec<u8>>> {
    names.iter().map(|(table, name)| Ok((table.clone(), scenario_file(py, &dir.join(name))?))).collect()
}

fn read(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > max {
        return Err(io::Error::other(format!("it has more than {max} bytes")));
    }
    fs::read(path)
}
