//! Watches folders for saved files and debounces events: editors write, rename and delete in several steps.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use notify::event::{CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::failure::Failure;

/// Debounce time: a burst of events ends after this long without another.
const QUIET: Duration = Duration::from_millis(50);

/// Polling interval for stop requests and for removed folders that exist again.
const TICK: Duration = Duration::from_millis(100);

/// Extensions of the files that a pack or a scenario reads.
const EXTENSIONS: [&str; 5] = ["toml", "rhai", "snapshot", "csv", "parquet"];

/// A watcher over some folders.
pub(super) struct Changes {
    folders: Vec<Folder>,
    watcher: RecommendedWatcher,
    events: Receiver<notify::Result<Event>>,
}

struct Folder {
    path: PathBuf,
    /// The canonical path, which the paths in events start with.
    whole: PathBuf,
    is_gone: bool,
}

impl Changes {
    /// Starts watching the folders.
    pub fn of(paths: &[&Path]) -> Result<Self, Failure> {
        let (sender, events) = channel();
        let watcher = notify::recommended_watcher(sender)
            .map_err(|error| Failure::Machine(format!("error: cannot watch for changes: {error}")))?;
        let mut changes = Self { folders: Vec::new(), watcher, events };
        for path in paths {
            let shown = path.display();
            let whole = path.canonicalize().ok().filter(|whole| whole.is_dir()).ok_or_else(|| {
                Failure::Input(format!("error: there is no folder `{shown}`\n  remedy: name a folder to watch"))
            })?;
            changes
                .watcher
                .watch(&whole, RecursiveMode::Recursive)
                .map_err(|error| Failure::Machine(format!("error: cannot watch `{shown}`: {error}")))?;
            changes.folders.push(Folder { path: path.to_path_buf(), whole, is_gone: false });
        }
        Ok(changes)
    }

    /// Waits for the next burst of changes and returns its files; `None` once `is_over` returns true.
    pub fn next(&mut self, is_over: fn() -> bool) -> Option<BTreeSet<String>> {
        let mut changed = BTreeSet::new();
        while !is_over() {
            changed.extend(self.watch_what_is_back());
            let patience = if changed.is_empty() { TICK } else { QUIET };
            match self.events.recv_timeout(patience) {
                Ok(Ok(event)) => changed.extend(self.files_of(&event)),
                // Events were lost: anything may have changed.
                Ok(Err(_)) => changed.extend(self.all()),
                Err(RecvTimeoutError::Timeout) if changed.is_empty() => {}
                Err(_) => return Some(changed),
            }
        }
        None
    }

    /// Watches folders that were removed and created again: to the system they are new folders. Returns them.
    fn watch_what_is_back(&mut self) -> Vec<String> {
        let mut back = Vec::new();
        for folder in &mut self.folders {
            let is_there = folder.whole.is_dir();
            if folder.is_gone && is_there && self.watcher.watch(&folder.whole, RecursiveMode::Recursive).is_ok() {
                folder.is_gone = false;
                back.push(folder.path.display().to_string());
            }
        }
        back
    }

    fn all(&self) -> Vec<String> {
        self.folders.iter().map(|folder| folder.path.display().to_string()).collect()
    }

    /// The relevant files of an event, with the folders' paths as given; empty if files were only read.
    fn files_of(&mut self, event: &Event) -> Vec<String> {
        if event.need_rescan() {
            return self.all();
        }
        if event.kind.is_access() {
            return Vec::new();
        }
        let comes_or_goes = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(CreateKind::Folder)
        );
        let mut files: Vec<String> = Vec::new();
        for path in &event.paths {
            for folder in &mut self.folders {
                let Ok(inner) = path.strip_prefix(&folder.whole) else { continue };
                let is_itself = inner.as_os_str().is_empty();
                let named = if is_itself { folder.path.clone() } else { folder.path.join(inner) };
                folder.is_gone |= is_itself && comes_or_goes;
                if (is_itself && comes_or_goes) || matters(inner, comes_or_goes) {
                    files.push(named.display().to_string());
                }
            }
        }
        files
    }
}

/// Whether a path is relevant to a pack or a scenario: not an editor's temporary file, and a folder only if it is
/// created, renamed or removed.
fn matters(path: &Path, comes_or_goes: bool) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(['.', '#']) {
        return false;
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => EXTENSIONS.contains(&extension),
        None => comes_or_goes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_files_of_editors_do_not_matter() {
        for name in [".channels.toml.swp", "channels.toml~", "#channels.toml#", ".#channels.toml", "4913", "notes.txt"]
        {
            assert!(!matters(Path::new(name), false), "{name}");
        }
        for name in ["channels.toml", "tests/fatigue.toml", "guardrails.rhai", "clients.csv", "posts.parquet"] {
            assert!(matters(Path::new(name), false), "{name}");
        }
    }
}
