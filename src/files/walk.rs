//! Lists the files in a folder and its subfolders. Links are followed; a cycle of links is reported as an error.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::error::FileError;

/// Limits on the size of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of files and folders in total.
    pub entries: usize,
    /// Maximum number of subfolders between the folder and a file.
    pub depth: usize,
}

/// An entry found in a folder.
#[derive(Debug)]
pub struct Entry {
    /// Path relative to the folder.
    pub relative_path: PathBuf,
    /// Why it cannot be read; `None` for a file that can.
    pub error: Option<FileError>,
}

/// All files in a folder and its subfolders, and every entry that cannot be read, sorted by name. Links are followed.
///
/// # Errors
/// If the folder itself cannot be read, or exceeds the limits.
pub fn walk(dir: &Path, limits: Limits) -> Result<Vec<Entry>, FileError> {
    if !std::fs::metadata(dir)?.is_dir() {
        return Err(FileError::NotAFolder);
    }
    // Fails if the folder itself cannot be read, which `WalkDir` would report as an error of an entry.
    std::fs::read_dir(dir)?;
    let mut entries = Vec::new();
    // One level more than allowed, so that folders that are too deep are found and reported.
    let walker = WalkDir::new(dir).follow_links(true).min_depth(1).max_depth(limits.depth + 1);
    for (index, entry) in walker.sort_by_file_name().into_iter().enumerate() {
        if index >= limits.entries {
            return Err(FileError::TooMany(limits.entries));
        }
        entries.extend(to_entry(dir, entry, limits.depth));
    }
    Ok(entries)
}

/// The entry to list; `None` for a folder that is not too deep.
fn to_entry(dir: &Path, entry: walkdir::Result<DirEntry>, max_depth: usize) -> Option<Entry> {
    let relative = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_owned();
    match entry {
        Ok(entry) if entry.file_type().is_dir() => (entry.depth() > max_depth)
            .then(|| Entry { relative_path: relative(entry.path()), error: Some(FileError::TooDeep(max_depth)) }),
        Ok(entry) => Some(Entry { relative_path: relative(entry.path()), error: None }),
        Err(error) => {
            let relative_path = error.path().map_or_else(PathBuf::new, relative);
            Some(Entry { relative_path, error: Some(file_error(error)) })
        }
    }
}

fn file_error(error: walkdir::Error) -> FileError {
    match error.into_io_error() {
        Some(error) => FileError::from(error),
        // The only other error is a link to a folder that contains it.
        None => FileError::LinkLoop,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const LIMITS: Limits = Limits { entries: 20, depth: 2 };

    fn listed(dir: &Path) -> Vec<String> {
        let entries = walk(dir, LIMITS).unwrap();
        let describe = |entry: Entry| {
            let code = entry.error.as_ref().map_or("file", FileError::code);
            format!("{} {code}", entry.relative_path.display())
        };
        entries.into_iter().map(describe).collect()
    }

    #[test]
    fn a_folder_that_links_to_itself_is_listed_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/x"), "").unwrap();
        symlink(".", dir.path().join("a")).unwrap();
        symlink("..", dir.path().join("sub/up")).unwrap();
        assert_eq!(listed(dir.path()), ["a link_loop", "sub/up link_loop", "sub/x file"]);
    }

    #[test]
    fn links_to_other_folders_and_files_are_followed() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("y"), "").unwrap();
        symlink(other.path(), dir.path().join("b")).unwrap();
        symlink("b/y", dir.path().join("c")).unwrap();
        symlink("nothing", dir.path().join("d")).unwrap();
        assert_eq!(listed(dir.path()), ["b/y file", "c file", "d missing_file"]);
    }

    #[test]
    fn depth_and_number_of_entries_are_limited() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("1/2/3/4")).unwrap();
        std::fs::write(dir.path().join("1/2/x"), "").unwrap();
        assert_eq!(listed(dir.path()), ["1/2/3 too_deep", "1/2/x file"]);
        (0..20).for_each(|n| std::fs::write(dir.path().join(format!("f{n}")), "").unwrap());
        assert!(matches!(walk(dir.path(), LIMITS), Err(FileError::TooMany(20))));
    }
}
