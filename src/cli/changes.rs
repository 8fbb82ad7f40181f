//! Watches folders for saved files and debounces events: editors write, rename and delete in several steps.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::event::{CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::failure::Failure;

/// Debounce time: a burst of events ends after this long without another.
const DEBOUNCE_TIME: Duration = Duration::from_millis(50);

/// How often to check for a request to stop, and for removed folders that exist again.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Extensions of the files that a pack or a scenario reads.
const EXTENSIONS: [&str; 5] = ["toml", "rhai", "snapshot", "csv", "parquet"];

/// Watches folders for changes.
pub(super) struct Changes {
    folders: Vec<Folder>,
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
}

struct Folder {
    path: PathBuf,
    /// The canonical path; paths in events start with it.
    canonical: PathBuf,
    is_removed: bool,
}

impl Changes {
    /// Starts watching the folders.
    pub fn watch(paths: &[&Path]) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender)
            .map_err(|error| Failure::system(format!("cannot watch for changes: {error}")))?;
        let mut changes = Self { folders: Vec::new(), watcher, events };
        for path in paths {
            let shown = path.display();
            let canonical = path.canonicalize().ok().filter(|canonical| canonical.is_dir()).ok_or_else(|| {
                Failure::input(format!("the folder `{shown}` does not exist"), "name a folder to watch")
            })?;
            changes
                .watcher
                .watch(&canonical, RecursiveMode::Recursive)
                .map_err(|error| Failure::system(format!("cannot watch `{shown}`: {error}")))?;
            changes.folders.push(Folder { path: path.to_path_buf(), canonical, is_removed: false });
        }
        Ok(changes)
    }

    /// Waits for the next burst of changes and returns the changed files and folders; `None` once `is_stopping` returns
    /// true.
    pub fn next(&mut self, is_stopping: fn() -> bool) -> Option<BTreeSet<String>> {
        let mut changed = BTreeSet::new();
        while !is_stopping() {
            changed.extend(self.watch_recreated_folders());
            let timeout = if changed.is_empty() { POLL_INTERVAL } else { DEBOUNCE_TIME };
            match self.events.recv_timeout(timeout) {
                Ok(Ok(event)) => changed.extend(self.changed_paths(&event)),
                // Events were lost, so anything may have changed.
                Ok(Err(_)) => changed.extend(self.folder_paths()),
                Err(RecvTimeoutError::Timeout) if changed.is_empty() => {}
                Err(_) => return Some(changed),
            }
        }
        None
    }

    /// Starts watching again the folders that were removed and have been created again, since the system treats them as
    /// new folders. Returns their paths.
    fn watch_recreated_folders(&mut self) -> Vec<String> {
        let mut recreated = Vec::new();
        for folder in &mut self.folders {
            let exists = folder.canonical.is_dir();
            if folder.is_removed && exists && self.watcher.watch(&folder.canonical, RecursiveMode::Recursive).is_ok() {
                folder.is_removed = false;
                recreated.push(folder.path.display().to_string());
            }
        }
        recreated
    }

    fn folder_paths(&self) -> Vec<String> {
        self.folders.iter().map(|folder| folder.path.display().to_string()).collect()
    }

    /// The relevant files and folders of an event, in paths that begin with a watched folder's path as given; empty if
    /// files were only read.
    fn changed_paths(&mut self, event: &Event) -> Vec<String> {
        if event.need_rescan() {
            return self.folder_paths();
        }
        if event.kind.is_access() {
            return Vec::new();
        }
        let is_created_or_removed = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(CreateKind::Folder)
        );
        let mut changed: Vec<String> = Vec::new();
        for path in &event.paths {
            for folder in &mut self.folders {
                let Ok(relative) = path.strip_prefix(&folder.canonical) else { continue };
                let is_watched_folder = relative.as_os_str().is_empty();
                let path = if is_watched_folder { folder.path.clone() } else { folder.path.join(relative) };
                folder.is_removed |= is_watched_folder && is_created_or_removed;
                if (is_watched_folder && is_created_or_removed) || is_relevant(relative, is_created_or_removed) {
                    changed.push(path.display().to_string());
                }
            }
        }
        changed
    }
}

/// Whether a path is relevant to a pack or a scenario: not an editor's temporary file, and a folder only if it is
/// created, renamed or removed.
fn is_relevant(path: &Path, is_created_or_removed: bool) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(['.', '#']) {
        return false;
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => EXTENSIONS.contains(&extension),
        None => is_created_or_removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_of_editors_are_ignored() {
        for name in [".channels.toml.swp", "channels.toml~", "#channels.toml#", ".#channels.toml", "4913", "notes.txt"]
        {
            assert!(!is_relevant(Path::new(name), false), "{name}");
        }
        for name in ["channels.toml", "tests/fatigue.toml", "guardrails.rhai", "clients.csv", "posts.parquet"] {
            assert!(is_relevant(Path::new(name), false), "{name}");
        }
    }
}
