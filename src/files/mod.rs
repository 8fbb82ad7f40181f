//! Reads from disk: regular files up to a maximum size, and folders up to a maximum number of entries and depth.
//!
//! Reading a pipe or a device could block forever, and links can form cycles. The user can fix a rejected file,
//! and the error says how; system failures are a separate variant.

mod comparer;
mod error;
mod walk;

use std::fs::{File, Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

pub use comparer::Comparer;
pub use error::FileError;
pub use walk::{Entry, Limits, walk};

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// If it cannot be read, is not a regular file, or is larger.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > max {
        return Err(FileError::TooLarge { max });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // The file may grow while it is read, so one byte more than allowed is read, and the length is checked again.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        return Err(FileError::TooLarge { max });
    }
    Ok(bytes)
}

/// Reads a regular file of at most `max` bytes as text.
///
/// # Errors
/// As for [`read`], and if it is not UTF-8.
pub fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, max)?).map_err(|error| FileError::not_utf8(error.as_bytes(), &error.utf8_error()))
}

/// Opens a regular file for reading. Its type is checked before opening, because opening a pipe blocks and opening a
/// device can have side effects, and again afterwards, because it may have been replaced in between.
///
/// # Errors
/// If it cannot be opened, or is not a regular file.
pub fn open(path: &Path) -> Result<File, FileError> {
    refuse_special(&std::fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    refuse_special(&file.metadata()?)?;
    Ok(file)
}

fn refuse_special(metadata: &Metadata) -> Result<(), FileError> {
    let file_type = metadata.file_type();
    let type_name = match () {
        () if file_type.is_file() => return Ok(()),
        () if file_type.is_dir() => "a folder",
        () if file_type.is_fifo() => "a pipe",
        () if file_type.is_socket() => "a socket",
        () => "a device",
    };
    Err(FileError::Special(type_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_larger_than_the_maximum_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(matches!(read(&path, 3), Err(FileError::TooLarge { max: 3 })));
    }

    #[test]
    fn a_special_file_is_rejected_with_its_type() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, expected) in [(dir.path(), "a folder"), (&socket, "a socket"), (Path::new("/dev/zero"), "a device")]
        {
            assert!(matches!(read(path, 9), Err(FileError::Special(name)) if name == expected), "{}", path.display());
        }
    }

    #[test]
    fn link_cycles_and_missing_files_are_not_system_failures() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        assert!(matches!(read(&path, 9), Err(FileError::Missing)));
        std::os::unix::fs::symlink("x", &path).unwrap();
        let error = read(&path, 9).unwrap_err();
        assert!(matches!(error, FileError::LinkLoop), "{error:?}");
        assert!(!error.is_system_failure());
    }

    #[test]
    fn invalid_utf8_is_reported_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, b"a\nb\n\xff\n").unwrap();
        assert!(matches!(read_text(&path, 99), Err(FileError::NotUtf8 { line: 3 })));
    }
}
