//! Folders in and out: a pack is read whole; what is written appears whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::Failure;
use crate::rules::PackFiles;

/// Marks a folder that mcoe wrote, and so may replace.
const MARK: &str = ".mcoe";

/// The folders that are being written.
///
/// INVARIANT: only who holds the lock writes in them, moves or removes them, so that an interrupt
/// never meets a folder half-way.
static UNFINISHED: Mutex<Vec<Unfinished>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<Unfinished>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every folder that is not finished and ends the process.
pub(super) fn abandon(code: i32, message: &str) -> ! {
    let unfinished = unfinished();
    unfinished.iter().for_each(Unfinished::remove);
    // Nobody is left to tell where stderr is gone.
    let _ = writeln!(io::stderr(), "{message}");
    std::process::exit(code)
}

/// What stands on disk of a folder that is not finished.
#[derive(Debug, Clone)]
struct Unfinished {
    aside: PathBuf,
    /// Folders above it that were made for it, innermost first.
    above: Vec<PathBuf>,
}

impl Unfinished {
    fn remove(&self) {
        // What cannot be removed stays, and after a move there is nothing left to remove. Of the folders
        // above only empty ones go.
        let _ = fs::remove_dir_all(&self.aside);
        for folder in &self.above {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A folder that is being written beside its place and moved there when it is complete.
pub(super) struct OutFolder {
    place: PathBuf,
    force: bool,
    unfinished: Unfinished,
}

impl OutFolder {
    /// Makes sure that the place can be written, and opens a folder beside it.
    pub fn open(place: &Path, force: bool) -> Result<Self, Failure> {
        if place.file_name().is_none() {
            let shown = place.display();
            return Err(Failure::Input(format!("error: `{shown}` is no name for a new folder\n  remedy: name one")));
        }
        refuse_what_is_not_ours(place, force)?;
        let aside = sibling(place, "new");
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let above = aside.ancestors().skip(1).take_while(missing).map(Path::to_owned).collect();
        let folder = Self { place: place.to_owned(), force, unfinished: Unfinished { aside, above } };
        let mut unfinished = unfinished();
        unfinished.push(folder.unfinished.clone());
        let aside = &folder.unfinished.aside;
        fs::create_dir_all(aside).map_err(|error| machine("create", aside, &error))?;
        drop(unfinished);
        folder.write(MARK, concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes())?;
        Ok(folder)
    }

    /// Writes one file; `/` in its name makes folders.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.unfinished.aside.join(name);
        let _unfinished = unfinished();
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| machine("create", parent, &error))?;
        }
        fs::write(&path, bytes).map_err(|error| machine("write", &path, &error))
    }

    /// Where a file of it stands until the folder is finished.
    pub fn path(&self, name: &str) -> PathBuf {
        self.unfinished.aside.join(name)
    }

    /// Moves the folder to its place.
    pub fn finish(self) -> Result<(), Failure> {
        let _unfinished = unfinished();
        let aside = &self.unfinished.aside;
        let failed = |error: io::Error| machine("move into place", &self.place, &error);
        if !self.place.exists() {
            return fs::rename(aside, &self.place).map_err(failed);
        }
        refuse_what_is_not_ours(&self.place, self.force)?;
        let old = sibling(&self.place, "old");
        fs::rename(&self.place, &old).map_err(failed)?;
        if let Err(error) = fs::rename(aside, &self.place) {
            // The old folder goes back; if even that fails it still stands beside its place.
            let _ = fs::rename(&old, &self.place);
            return Err(failed(error));
        }
        fs::remove_dir_all(&old).map_err(|error| machine("remove", &old, &error))
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        let mut unfinished = unfinished();
        self.unfinished.remove();
        unfinished.retain(|other| other.aside != self.unfinished.aside);
    }
}

fn refuse_what_is_not_ours(place: &Path, force: bool) -> Result<(), Failure> {
    if !place.exists() {
        return Ok(());
    }
    let shown = place.display();
    if !force {
        let remedy = "name another folder, or add --force to replace it";
        return Err(Failure::Input(format!("error: `{shown}` is there already\n  remedy: {remedy}")));
    }
    let is_empty = fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_none());
    if place.join(MARK).is_file() || is_empty {
        return Ok(());
    }
    let remedy = "name another folder; --force replaces only folders that mcoe wrote";
    Err(Failure::Input(format!("error: `{shown}` was not written by mcoe\n  remedy: {remedy}")))
}

fn sibling(place: &Path, purpose: &str) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.{purpose}-{}", std::process::id()))
}

fn machine(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Machine(format!("error: cannot {what} `{}`: {error}", path.display()))
}

/// Writes a file beside its place and moves it there, so that it is never there by half.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let aside = sibling(path, "new");
    let written = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    written.map_err(|error| machine("write", path, &error))
}

/// Reads the files of a rules pack: TOML, Rhai and snapshots, in all its folders.
pub(super) fn read_pack(dir: &Path) -> Result<PackFiles, Failure> {
    let mut files = PackFiles::new();
    read_into(dir, "", &mut files).map_err(|error| {
        let text = format!("error: cannot read the rules pack `{}`: {error}", dir.display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Failure::Input(format!("{text}\n  remedy: name the pack's folder with --rules"))
            }
            io::ErrorKind::InvalidData => Failure::Input(format!("{text}\n  remedy: save the file as UTF-8")),
            _ => Failure::Machine(text),
        }
    })?;
    Ok(files)
}

fn read_into(dir: &Path, prefix: &str, files: &mut PackFiles) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            read_into(&path, &format!("{name}/"), files)?;
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("toml" | "rhai" | "snapshot")) {
            files.insert(
                name,
                fs::read_to_string(&path)
                    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?,
            );
        }
    }
    Ok(())
}
