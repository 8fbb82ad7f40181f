//! Reads the files of a rules pack within limits; unreadable files are reported with their path and a remedy.

use std::ffi::OsStr;
use std::path::Path;

use super::Globals;
use super::diagnostics;
use super::failure::Failure;
use crate::files::{self, Entry, FileError, Limits};
use crate::rules::{Diagnostic, PackFiles, Place, visible};

/// Far more than any pack needs, and far less than a device folder or a whole disk contains.
const LIMITS: Limits = Limits { entries: 20_000, depth: 8 };

/// Maximum size of one file, in bytes.
pub(super) const MOST_OF_A_FILE: u64 = 1 << 20;

/// Maximum size of a whole pack, in bytes.
pub(super) const MOST_OF_A_PACK: u64 = 64 << 20;

/// Whether a pack reads files with that extension.
pub(super) fn is_read(name: &Path) -> bool {
    matches!(name.extension().and_then(OsStr::to_str), Some("toml" | "rhai" | "snapshot"))
}

/// The intended name of a file whose extension is mistyped, so that the pack would ignore it.
fn meant(name: &Path) -> Option<String> {
    let ending = name.extension().and_then(OsStr::to_str)?;
    let typed = ending.to_lowercase();
    let is_near = |right: &&str| strsim::damerau_levenshtein(&typed, right) <= 1;
    let right = ["toml", "rhai"].into_iter().find(is_near).filter(|_| typed.chars().all(char::is_alphanumeric))?;
    Some(name.with_extension(right).to_string_lossy().into_owned())
}

/// Reads the files of a rules pack recursively: TOML, Rhai and snapshots.
pub(super) fn read_pack(dir: &Path, globals: &Globals) -> Result<PackFiles, Failure> {
    let entries = files::walk(dir, LIMITS).map_err(|error| refused(dir, &error))?;
    let mut reading = Reading { dir, files: PackFiles::new(), mistakes: Vec::new(), left: MOST_OF_A_PACK };
    for entry in entries {
        reading.take(entry)?;
    }
    if reading.mistakes.is_empty() {
        return Ok(reading.files);
    }
    Diagnostic::sort(&mut reading.mistakes);
    Err(diagnostics::rules_failure(&reading.mistakes, &PackFiles::new(), dir, globals))
}

fn refused(dir: &Path, error: &FileError) -> Failure {
    let text = format!("error: cannot read the rules pack `{}`: {error}", visible(&dir.to_string_lossy()));
    match error {
        FileError::Missing | FileError::NotAFolder => {
            Failure::Input(format!("{text}\n  remedy: name the pack's folder with --rules"))
        }
        FileError::Machine(_) => Failure::Machine(format!("{text}\n  remedy: {}", error.remedy())),
        _ => Failure::Input(format!("{text}\n  remedy: {}", error.remedy())),
    }
}

fn misnamed(name: &str, meant: &str) -> Diagnostic {
    let cause = format!("a pack reads files that end in `.toml` or `.rhai`, and would leave out `{name}`");
    Diagnostic::at(
        "misnamed_file",
        &Place::whole(name),
        name,
        cause,
        format!("name it `{meant}`, or move it elsewhere"),
    )
}

struct Reading<'d> {
    dir: &'d Path,
    files: PackFiles,
    mistakes: Vec<Diagnostic>,
    /// Number of bytes that may still be read.
    left: u64,
}

impl Reading<'_> {
    fn take(&mut self, Entry { within, error }: Entry) -> Result<(), Failure> {
        let name = within.to_string_lossy();
        match error {
            // A dangling link is not an error if its file would not be read.
            Some(FileError::Missing) if !is_read(&within) => Ok(()),
            Some(error) => self.note(&name, &error),
            None if !is_read(&within) => {
                self.mistakes.extend(meant(&within).map(|meant| misnamed(&name, &meant)));
                Ok(())
            }
            None if within.to_str().is_none() => self.note(&name, &FileError::BadName),
            None => self.read(&name),
        }
    }

    fn read(&mut self, name: &str) -> Result<(), Failure> {
        match files::read_text(&self.dir.join(name), MOST_OF_A_FILE.min(self.left)) {
            Ok(text) => {
                self.left -= text.len() as u64;
                self.files.insert(name.to_owned(), text);
                Ok(())
            }
            Err(FileError::TooLarge { .. }) if self.left < MOST_OF_A_FILE => {
                Err(refused(self.dir, &FileError::TooLarge { most: MOST_OF_A_PACK }))
            }
            Err(error) => self.note(name, &error),
        }
    }

    fn note(&mut self, name: &str, error: &FileError) -> Result<(), Failure> {
        if error.is_machine_failure() {
            return Err(refused(&self.dir.join(name), error));
        }
        let cause = format!("cannot read this: {error}");
        self.mistakes.push(Diagnostic::of_file(error.code(), name, cause, error.remedy()));
        Ok(())
    }
}
