//! Reads the files of a rules pack within limits; unreadable files are reported with their path and a remedy.

use std::path::Path;

use super::Globals;
use super::diagnostics;
use super::failure::Failure;
use crate::diagnostic::{Diagnostic, visible};
use crate::files::{self, Entry, FileError, Limits};
use crate::rules::{PackFiles, is_pack_file, misnamed_file};

/// Limits on a pack's folder: far more than any pack needs, and far less than a system folder or a whole disk contains.
const LIMITS: Limits = Limits { entries: 20_000, depth: 8 };

/// Maximum size of one file, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 20;

/// Maximum size of a whole pack, in bytes.
pub(super) const MAX_PACK_BYTES: u64 = 64 << 20;

/// Reads the files of a rules pack recursively: TOML, Rhai and snapshots.
pub(super) fn read_pack(dir: &Path, globals: &Globals) -> Result<PackFiles, Failure> {
    let entries = files::walk(dir, LIMITS).map_err(|error| read_failure(dir, &error))?;
    let mut reader = PackReader { dir, files: PackFiles::new(), diagnostics: Vec::new(), bytes_left: MAX_PACK_BYTES };
    for entry in entries {
        reader.add(entry)?;
    }
    if reader.diagnostics.is_empty() {
        return Ok(reader.files);
    }
    Diagnostic::sort(&mut reader.diagnostics);
    Err(diagnostics::rules_failure(&reader.diagnostics, &PackFiles::new(), dir, globals))
}

fn read_failure(dir: &Path, error: &FileError) -> Failure {
    let cause = format!("cannot read the rules pack `{}`: {error}", visible(&dir.to_string_lossy()));
    let remedy = match error {
        FileError::Missing | FileError::NotAFolder => "name the pack's folder with --rules",
        _ => error.remedy(),
    };
    Failure::input_or_system(!error.is_system_failure(), cause, remedy)
}

struct PackReader<'d> {
    dir: &'d Path,
    files: PackFiles,
    diagnostics: Vec<Diagnostic>,
    /// Number of bytes that may still be read.
    bytes_left: u64,
}

impl PackReader<'_> {
    fn add(&mut self, Entry { relative_path, error }: Entry) -> Result<(), Failure> {
        let name = relative_path.to_string_lossy();
        match error {
            // A broken link is not an error if the pack would not read its file.
            Some(FileError::Missing) if !is_pack_file(&relative_path) => Ok(()),
            Some(error) => self.report(&name, &error),
            None if !is_pack_file(&relative_path) => {
                self.diagnostics.extend(misnamed_file(&relative_path));
                Ok(())
            }
            None if relative_path.to_str().is_none() => self.report(&name, &FileError::BadName),
            None => self.read(&name),
        }
    }

    fn read(&mut self, name: &str) -> Result<(), Failure> {
        match files::read_text(&self.dir.join(name), MAX_FILE_BYTES.min(self.bytes_left)) {
            Ok(text) => {
                self.bytes_left -= text.len() as u64;
                self.files.insert(name.to_owned(), text);
                Ok(())
            }
            Err(FileError::TooLarge { .. }) if self.bytes_left < MAX_FILE_BYTES => {
                Err(read_failure(self.dir, &FileError::TooLarge { max: MAX_PACK_BYTES }))
            }
            Err(error) => self.report(name, &error),
        }
    }

    fn report(&mut self, name: &str, error: &FileError) -> Result<(), Failure> {
        if error.is_system_failure() {
            return Err(read_failure(&self.dir.join(name), error));
        }
        let cause = format!("cannot read the file: {error}");
        self.diagnostics.push(Diagnostic::of_file(error.code(), name, cause, error.remedy()));
        Ok(())
    }
}
