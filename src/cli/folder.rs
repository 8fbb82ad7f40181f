//! Atomic output of folders and files.
//!
//! Output is first written next to its destination under an unguessable name, into newly created files, so that no
//! existing link or file is followed or overwritten; then it is renamed to its destination.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{Builder, TempDir};

use super::failure::Failure;
use super::terminal;
use crate::diagnostic::visible;

/// Marker file of folders written by mcoe, which mcoe may replace.
const MARKER_FILE: &str = ".mcoe";

/// The folders that are being written.
///
/// INVARIANT: only the holder of the lock creates files in these folders, moves or removes them, so that [`abandon`] never
/// finds one in an intermediate state. A file that is open may be written without the lock.
static UNFINISHED: Mutex<Vec<Unfinished>> = Mutex::new(Vec::new());

fn lock_unfinished() -> MutexGuard<'static, Vec<Unfinished>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished folder and exits the process.
pub(super) fn abandon(code: i32, message: &str) -> ! {
    let unfinished = lock_unfinished();
    unfinished.iter().for_each(Unfinished::remove);
    // If stderr is closed, the message is lost.
    let _ = writeln!(io::stderr(), "{}", terminal::escaped(message));
    std::process::exit(code)
}

/// The paths on disk of an unfinished folder.
#[derive(Debug, Clone)]
struct Unfinished {
    temporary: PathBuf,
    /// Parent folders that were created for it, innermost first.
    created_parents: Vec<PathBuf>,
}

impl Unfinished {
    fn remove(&self) {
        // Errors are ignored: what cannot be removed stays, and after the final rename there is nothing to remove.
        // Parent folders are removed only if they are empty.
        let _ = fs::remove_dir_all(&self.temporary);
        for folder in &self.created_parents {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// An output folder, written next to its destination and moved there when complete.
pub(super) struct OutFolder {
    destination: PathBuf,
    force: bool,
    unfinished: Unfinished,
}

impl OutFolder {
    /// Checks that the destination can be written, and creates a temporary folder next to it.
    pub fn open(destination: &Path, force: bool) -> Result<Self, Failure> {
        if destination.file_name().is_none() {
            let shown = displayed(destination);
            return Err(Failure::input(format!("`{shown}` is not a valid name for a folder"), "name a folder"));
        }
        check_replaceable(destination, force)?;
        let parent = parent_of(destination);
        let is_missing = |folder: &&Path| !folder.exists();
        let created_parents: Vec<PathBuf> = parent.ancestors().take_while(is_missing).map(Path::to_owned).collect();
        let mut unfinished = lock_unfinished();
        let created = fs::create_dir_all(parent).and_then(|()| create_temporary_next_to(destination, "new"));
        let temporary = created.map(TempDir::keep).map_err(|error| {
            created_parents.iter().for_each(|folder| drop(fs::remove_dir(folder)));
            io_failure("create a folder in", parent, &error)
        })?;
        let folder =
            Self { destination: destination.to_owned(), force, unfinished: Unfinished { temporary, created_parents } };
        unfinished.push(folder.unfinished.clone());
        drop(unfinished);
        folder.write(MARKER_FILE, concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes())?;
        Ok(folder)
    }

    /// Writes one new file; `/` in its name creates subfolders.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.create(name)?;
        file.write_all(bytes).map_err(|error| io_failure("write", &self.path(name), &error))
    }

    /// Creates one new file to write; `/` in its name creates subfolders.
    pub fn create(&self, name: &str) -> Result<File, Failure> {
        let path = self.path(name);
        let _lock = lock_unfinished();
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| io_failure("create", parent, &error))?;
        }
        File::create_new(&path).map_err(|error| io_failure("write", &path, &error))
    }

    /// The temporary path of a file, valid until the folder is finished.
    pub fn path(&self, name: &str) -> PathBuf {
        self.unfinished.temporary.join(name)
    }

    /// Moves the folder to its destination.
    pub fn finish(self) -> Result<(), Failure> {
        let _lock = lock_unfinished();
        let temporary = &self.unfinished.temporary;
        let move_failure = |error: io::Error| io_failure("move the result to", &self.destination, &error);
        check_replaceable(&self.destination, self.force)?;
        if !exists(&self.destination) {
            return fs::rename(temporary, &self.destination).map_err(move_failure);
        }
        let backup = create_temporary_next_to(&self.destination, "old").map_err(move_failure)?.keep();
        let old = backup.join("before");
        fs::rename(&self.destination, &old).map_err(move_failure)?;
        if let Err(error) = fs::rename(temporary, &self.destination) {
            // Restore the old folder; if even that fails, it stays in the backup folder.
            if fs::rename(&old, &self.destination).is_ok() {
                let _ = fs::remove_dir(&backup);
            }
            return Err(move_failure(error));
        }
        fs::remove_dir_all(&backup).map_err(|error| io_failure("remove", &backup, &error))
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        let mut unfinished = lock_unfinished();
        self.unfinished.remove();
        unfinished.retain(|other| other.temporary != self.unfinished.temporary);
    }
}

/// Whether the path exists, even as a broken link.
fn exists(destination: &Path) -> bool {
    fs::symlink_metadata(destination).is_ok()
}

fn check_replaceable(destination: &Path, force: bool) -> Result<(), Failure> {
    let Ok(metadata) = fs::symlink_metadata(destination) else { return Ok(()) };
    let shown = displayed(destination);
    if metadata.is_symlink() {
        let remedy = "name the folder itself, or remove the link";
        return Err(Failure::input(format!("`{shown}` is a symbolic link"), remedy));
    }
    if !force {
        let remedy = "name another folder, or add --force to replace it";
        return Err(Failure::input(format!("`{shown}` already exists"), remedy));
    }
    let is_empty = fs::read_dir(destination).is_ok_and(|mut entries| entries.next().is_none());
    if destination.join(MARKER_FILE).is_file() || is_empty {
        return Ok(());
    }
    let remedy = "name another folder; --force replaces only folders that mcoe wrote";
    Err(Failure::input(format!("`{shown}` was not written by mcoe"), remedy))
}

fn parent_of(destination: &Path) -> &Path {
    destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Prefix of the name of a temporary file or folder next to a destination.
fn temporary_prefix(destination: &Path, purpose: &str) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(destination.file_name().unwrap_or_default());
    prefix.push(format!(".{purpose}-"));
    prefix
}

/// Creates a folder next to a destination, with the permissions of any new folder: all that the umask leaves.
fn create_temporary_next_to(destination: &Path, purpose: &str) -> io::Result<TempDir> {
    let prefix = temporary_prefix(destination, purpose);
    Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o777)).tempdir_in(parent_of(destination))
}

fn displayed(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

fn io_failure(action: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::system(format!("cannot {action} `{}`: {error}", displayed(path))).with_io_remedy(error)
}

/// Fails if a file of a pack, or a folder between it and the pack, is a symbolic link: its target may lie elsewhere or
/// be shared by several packs.
pub(super) fn refuse_links(pack: &Path, name: &str) -> Result<(), Failure> {
    let mut path = pack.to_owned();
    for part in Path::new(name) {
        path.push(part);
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            let (link, file) = (displayed(&path), displayed(&pack.join(name)));
            let remedy = "use --rules with the folder that the link points to, or replace the link with the file";
            let subject = if link == file { "it".to_owned() } else { format!("`{link}`") };
            return Err(Failure::input(format!("cannot write `{file}`: {subject} is a symbolic link"), remedy));
        }
    }
    Ok(())
}

/// Replaces a file atomically, keeping its permissions.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    try_replace(path, bytes).map_err(|error| io_failure("write", path, &error))
}

fn try_replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let old_permissions = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    // Those of any new file: all that the umask leaves.
    let default = Permissions::from_mode(0o666);
    let prefix = temporary_prefix(path, "new");
    let mut file = Builder::new().prefix(&prefix).permissions(default).tempfile_in(parent_of(path))?;
    file.write_all(bytes)?;
    if let Some(old) = old_permissions {
        file.as_file().set_permissions(old)?;
    }
    file.persist(path)?;
    Ok(())
}
