//! Atomic output of folders and files.
//!
//! Output is first written next to its destination under an unguessable name, into newly created files, so that no link
//! or file placed there by somebody else is followed or overwritten; then it is renamed to its destination.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, TempDir};

use super::failure::Failure;
use super::terminal;
use crate::rules::visible;

/// Marker file of a folder that mcoe wrote and may therefore replace.
const MARK: &str = ".mcoe";

/// The folders that are being written.
///
/// INVARIANT: only the holder of the lock writes in them, moves or removes them, so that an interrupt never sees a
/// folder in an intermediate state.
static UNFINISHED: Mutex<Vec<Unfinished>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<Unfinished>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished folder and exits the process.
pub(super) fn abandon(code: i32, message: &str) -> ! {
    let unfinished = unfinished();
    unfinished.iter().for_each(Unfinished::remove);
    // If stderr is closed, the message is lost.
    let _ = writeln!(io::stderr(), "{}", terminal::harmless(message));
    std::process::exit(code)
}

/// The paths on disk of an unfinished folder.
#[derive(Debug, Clone)]
struct Unfinished {
    aside: PathBuf,
    /// Parent folders that were created for it, innermost first.
    above: Vec<PathBuf>,
}

impl Unfinished {
    fn remove(&self) {
        // Errors are ignored: what cannot be removed stays, and after the final rename nothing is left. Of the parent
        // folders only empty ones are removed.
        let _ = fs::remove_dir_all(&self.aside);
        for folder in &self.above {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// An output folder, written next to its destination and moved there when complete.
pub(super) struct OutFolder {
    place: PathBuf,
    force: bool,
    unfinished: Unfinished,
}

impl OutFolder {
    /// Checks that the destination can be written, and creates a temporary folder next to it.
    pub fn open(place: &Path, force: bool) -> Result<Self, Failure> {
        if place.file_name().is_none() {
            let shown = shown(place);
            return Err(Failure::Input(format!("error: `{shown}` is no name for a new folder\n  remedy: name one")));
        }
        refuse_what_is_not_ours(place, force)?;
        let parent = parent_of(place);
        let missing = |folder: &&Path| !folder.exists();
        let above: Vec<PathBuf> = parent.ancestors().take_while(missing).map(Path::to_owned).collect();
        let mut unfinished = unfinished();
        let made = fs::create_dir_all(parent).and_then(|()| beside(place, "new"));
        let aside = made.map(TempDir::keep).map_err(|error| {
            above.iter().for_each(|folder| drop(fs::remove_dir(folder)));
            machine("create a folder in", parent, &error)
        })?;
        let folder = Self { place: place.to_owned(), force, unfinished: Unfinished { aside, above } };
        unfinished.push(folder.unfinished.clone());
        drop(unfinished);
        folder.write(MARK, concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes())?;
        Ok(folder)
    }

    /// Writes one new file; `/` in its name creates subfolders.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.unfinished.aside.join(name);
        let _unfinished = unfinished();
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| machine("create", parent, &error))?;
        }
        let written = File::create_new(&path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| machine("write", &path, &error))
    }

    /// The temporary path of a file, valid until the folder is finished.
    pub fn path(&self, name: &str) -> PathBuf {
        self.unfinished.aside.join(name)
    }

    /// Moves the folder to its destination.
    pub fn finish(self) -> Result<(), Failure> {
        let _unfinished = unfinished();
        let aside = &self.unfinished.aside;
        let failed = |error: io::Error| machine("move into place", &self.place, &error);
        refuse_what_is_not_ours(&self.place, self.force)?;
        if !is_taken(&self.place) {
            return fs::rename(aside, &self.place).map_err(failed);
        }
        let old = beside(&self.place, "old").map_err(failed)?.keep();
        let before = old.join("before");
        fs::rename(&self.place, &before).map_err(failed)?;
        if let Err(error) = fs::rename(aside, &self.place) {
            // Roll back: restore the old folder; if even that fails, it is still next to its destination.
            if fs::rename(&before, &self.place).is_ok() {
                let _ = fs::remove_dir(&old);
            }
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

/// Whether the path exists, even as a dangling link.
fn is_taken(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok()
}

fn refuse_what_is_not_ours(place: &Path, force: bool) -> Result<(), Failure> {
    let Ok(found) = fs::symlink_metadata(place) else { return Ok(()) };
    let shown = shown(place);
    if found.is_symlink() {
        let remedy = "name the folder that is meant, not a link to it, or remove the link";
        return Err(Failure::Input(format!("error: `{shown}` is a link\n  remedy: {remedy}")));
    }
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

fn parent_of(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Prefix of the names of temporary files and folders next to a destination.
fn prefix(place: &Path, purpose: &str) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(place.file_name().unwrap_or_default());
    prefix.push(format!(".{purpose}-"));
    prefix
}

/// Creates a folder next to a destination, with the default permissions of a new folder.
fn beside(place: &Path, purpose: &str) -> io::Result<TempDir> {
    let prefix = prefix(place, purpose);
    Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o777)).tempdir_in(parent_of(place))
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

fn machine(what: &str, path: &Path, error: &io::Error) -> Failure {
    let text = format!("error: cannot {what} `{}`: {error}", shown(path));
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Failure::Machine(format!("{text}\n  remedy: make room, then run the command again"))
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Failure::Machine(format!("{text}\n  remedy: name a place that this user may write"))
        }
        _ => Failure::Machine(text),
    }
}

/// Fails if a file of a pack, or a folder between it and the pack, is a link: its target may belong to somebody else,
/// or be shared by several packs.
pub(super) fn refuse_links(pack: &Path, name: &str) -> Result<(), Failure> {
    let mut path = pack.to_owned();
    for part in Path::new(name) {
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
            let (link, file) = (shown(&path), shown(&pack.join(name)));
            let remedy = "name the folder that the link leads to with --rules, or put the file itself in its place";
            let what = if link == file { "it".to_owned() } else { format!("`{link}`") };
            return Err(Failure::Input(format!(
                "error: `{file}` is not written, for {what} is a link\n  remedy: {remedy}"
            )));
        }
    }
    Ok(())
}

/// Replaces a file atomically, keeping its permissions.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replaced(path, bytes).map_err(|error| machine("write", path, &error))
}

fn replaced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::metadata(path).ok().map(|found| found.permissions());
    let usual = Permissions::from_mode(0o666);
    let mut file = Builder::new().prefix(&prefix(path, "new")).permissions(usual).tempfile_in(parent_of(path))?;
    file.write_all(bytes)?;
    if let Some(before) = before {
        file.as_file().set_permissions(before)?;
    }
    file.persist(path)?;
    Ok(())
}
