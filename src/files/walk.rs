//! The files of a folder and of those within it, links followed and none of them twice round.

use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::error::FileError;

/// How much of a folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files and folders within it, over all.
    pub entries: usize,
    /// Folders above a file, the folder itself not counted.
    pub depth: usize,
}

/// Something that lies in a folder.
#[derive(Debug)]
pub struct Entry {
    /// Where, from the folder on.
    pub within: PathBuf,
    /// Why it cannot be looked at; none for a file that can.
    pub error: Option<FileError>,
}

/// All that lies in a folder and is no folder itself, by name; links are followed.
///
/// # Errors
/// Where the folder itself cannot be looked at, or holds more than it may.
pub fn walk(dir: &Path, limits: Limits) -> Result<Vec<Entry>, FileError> {
    if !std::fs::metadata(dir)?.is_dir() {
        return Err(FileError::NotAFolder);
    }
    std::fs::read_dir(dir)?;
    let mut found = Vec::new();
    let entries = WalkDir::new(dir).follow_links(true).min_depth(1).max_depth(limits.depth + 1);
    for (seen, entry) in entries.sort_by_file_name().into_iter().enumerate() {
        if seen >= limits.entries {
            return Err(FileError::TooMany(limits.entries));
        }
        found.extend(looked_at(dir, entry, limits.depth));
    }
    Ok(found)
}

fn looked_at(dir: &Path, entry: walkdir::Result<DirEntry>, depth: usize) -> Option<Entry> {
    let within = |path: &Path| path.strip_prefix(dir).unwrap_or(path).to_owned();
    match entry {
        Ok(entry) if entry.file_type().is_dir() => (entry.depth() > depth)
            .then(|| Entry { within: within(entry.path()), error: Some(FileError::TooDeep(depth)) }),
        Ok(entry) => Some(Entry { within: within(entry.path()), error: None }),
        Err(error) => {
            let path = error.path().map_or_else(PathBuf::new, within);
            Some(Entry { within: path, error: Some(reason(error)) })
        }
    }
}

fn reason(error: walkdir::Error) -> FileError {
    match error.into_io_error() {
        Some(error) => FileError::from(error),
        // The only other mistake is a link to a folder that it lies in.
        None => FileError::LinkLoop,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const LIMITS: Limits = Limits { entries: 20, depth: 2 };

    fn told(dir: &Path) -> Vec<String> {
        let entries = walk(dir, LIMITS).unwrap();
        let told = |entry: Entry| {
            let code = entry.error.as_ref().map_or("file", FileError::code);
            format!("{} {code}", entry.within.display())
        };
        entries.into_iter().map(told).collect()
    }

    #[test]
    fn a_folder_that_links_to_itself_is_walked_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/x"), "").unwrap();
        symlink(".", dir.path().join("a")).unwrap();
        symlink("..", dir.path().join("sub/up")).unwrap();
        assert_eq!(told(dir.path()), ["a link_loop", "sub/up link_loop", "sub/x file"]);
    }

    #[test]
    fn links_to_other_folders_and_files_are_followed() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("y"), "").unwrap();
        symlink(other.path(), dir.path().join("b")).unwrap();
        symlink("b/y", dir.path().join("c")).unwrap();
        symlink("nothing", dir.path().join("d")).unwrap();
        assert_eq!(told(dir.path()), ["b/y file", "c file", "d missing_file"]);
    }

    #[test]
    fn there_are_bounds_on_depth_and_number() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("1/2/3/4")).unwrap();
        std::fs::write(dir.path().join("1/2/x"), "").unwrap();
        assert_eq!(told(dir.path()), ["1/2/3 too_deep", "1/2/x file"]);
        (0..20).for_each(|n| std::fs::write(dir.path().join(format!("f{n}")), "").unwrap());
        assert!(matches!(walk(dir.path(), LIMITS), Err(FileError::TooMany(20))));
    }
}
