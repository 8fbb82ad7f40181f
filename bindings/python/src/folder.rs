//! Reads packs and scenarios from folders, within the same limits as the command line.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcoe_engine::diagnostic::Diagnostic;
use mcoe_engine::rules::{PackFiles, is_pack_file, misnamed_file};
use pyo3::prelude::*;

use crate::errors::{ErrorKind, from_diagnostics, from_text};

/// Maximum number of files and folders of a pack.
const MAX_PACK_ENTRIES: usize = 20_000;

/// Maximum depth of the folders of a pack.
const MAX_PACK_DEPTH: usize = 8;

/// Maximum size of a pack's file, in bytes.
const MAX_PACK_FILE_BYTES: u64 = 1 << 20;

/// Maximum size of a whole pack, in bytes.
const MAX_PACK_BYTES: u64 = 64 << 20;

/// Maximum size of a scenario's file, in bytes.
const MAX_TABLE_BYTES: u64 = 2 << 30;

/// The files of a rules pack, by their names within its folder.
///
/// # Errors
/// If the folder cannot be read, and every file that cannot be read or whose name is mistyped.
pub fn pack_files(py: Python<'_>, dir: &Path) -> PyResult<PackFiles> {
    let mut paths = Vec::new();
    list(dir, 0, &mut 0, &mut paths).map_err(|cause| unreadable_pack(py, dir, &cause))?;
    let (mut files, mut mistakes, mut bytes_left) = (PackFiles::new(), Vec::new(), MAX_PACK_BYTES);
    for path in paths {
        let relative = path.strip_prefix(dir).unwrap_or(&path);
        if !is_pack_file(relative) {
            mistakes.extend(misnamed_file(relative));
            continue;
        }
        match read_text(&path, relative, MAX_PACK_FILE_BYTES.min(bytes_left)) {
            Ok((name, text)) => {
                bytes_left -= text.len() as u64;
                files.insert(name, text);
            }
            Err(mistake) => mistakes.push(*mistake),
        }
    }
    Diagnostic::sort(&mut mistakes);
    if mistakes.is_empty() { Ok(files) } else { Err(from_diagnostics(py, ErrorKind::Rules, &mistakes)) }
}

fn unreadable_pack(py: Python<'_>, dir: &Path, cause: &dyn Display) -> PyErr {
    let cause = format!("cannot read the rules pack `{}`: {cause}", dir.display());
    from_text(py, ErrorKind::Rules, &cause, "name the folder of a rules pack")
}

/// Adds the files of a folder and of its subfolders to `paths`.
fn list(folder: &Path, depth: usize, entries: &mut usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > MAX_PACK_DEPTH {
        return Err(io::Error::other(format!("its folders are nested more than {MAX_PACK_DEPTH} deep")));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        *entries += 1;
        if *entries > MAX_PACK_ENTRIES {
            return Err(io::Error::other(format!("it has more than {MAX_PACK_ENTRIES} files and folders")));
        }
        if path.is_dir() {
            list(&path, depth + 1, entries, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// The name and text of a pack's file.
fn read_text(path: &Path, name: &Path, max: u64) -> Result<(String, String), Box<Diagnostic>> {
    let shown = name.to_string_lossy();
    let mistake = |code, cause: String, remedy| Box::new(Diagnostic::of_file(code, &shown, cause, remedy));
    let name =
        name.to_str().ok_or_else(|| mistake("bad_name", "its name is not UTF-8".to_owned(), "rename it in UTF-8"))?;
    let bytes = read(path, max)
        .map_err(|error| mistake("unreadable", format!("cannot read the file: {error}"), "correct or remove it"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| mistake("not_utf8", "text that is not UTF-8".to_owned(), "save the file in UTF-8"))?;
    Ok((name.to_owned(), text))
}

/// The bytes of a file of a scenario.
///
/// # Errors
/// If it cannot be read.
pub fn scenario_file(py: Python<'_>, path: &Path) -> PyResult<Vec<u8>> {
    read(path, MAX_TABLE_BYTES).map_err(|error| {
        let cause = format!("cannot read `{}`: {error}", path.display());
        from_text(py, ErrorKind::Scenario, &cause, "name a scenario's folder that has this file")
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
