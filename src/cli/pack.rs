//! Reads the files of a rules pack within limits; unreadable files are reported with their path and a remedy.

use std::ffi::OsStr;
use std::path::Path;

use super::Globals;
use super::diagnostics;
use super::failure::Failure;
use crate::diagnostic::{Diagnostic, SourceLocation, visible};
use crate::files::{self, Entry, FileError, Limits};
use crate::rules::PackFiles;

/// Limits on a pack's folder: far more than any pack needs, and far less than a system folder or a whole disk contains.
const LIMITS: Limits = Limits { entries: 20_000, depth: 8 };

/// Maximum size of one file, in bytes.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 20;

/// Maximum size of a whole pack, in bytes.
pub(super) const MAX_PACK_BYTES: u64 = 64 << 20;

/// Whether a file belongs to a pack, judging by its extension.
pub(super) fn is_pack_file(name: &Path) -> bool {
    matches!(name.extension().and_then(OsStr::to_str), Some("toml" | "rhai" | "snapshot"))
}

/// The intended name of a file that the pack would ignore because its extension is mistyped; `None` for other files.
fn intended_name(name: &Path) -> Option<String> {
    let extension = name.extension().and_then(OsStr::to_str)?;
    let lowercase = extension.to_lowercase();
    let is_near = |known: &&str| strsim::damerau_levenshtein(&lowercase, known) <= 1;
    // A backup such as `limits.toml~` is not a mistyped name.
    let known = ["toml", "rhai"].into_iter().find(is_near).filter(|_| lowercase.chars().all(char::is_alphanumeric))?;
    Some(name.with_extension(known).to_string_lossy().into_owned())
}

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

fn misnamed_file(name: &str, intended: &str) -> Diagnostic {
    let cause = format!("`{name}` would be ignored: a pack contains files that end in `.toml` or `.rhai`");
    let remedy = format!("rename it to `{intended}`, or move it elsewhere");
    Diagnostic::at("misnamed_file", &SourceLocation::whole(name), name, cause, remedy)
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
                let intended = intended_name(&relative_path);
                self.diagnostics.extend(intended.map(|intended| misnamed_file(&name, &intended)));
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
