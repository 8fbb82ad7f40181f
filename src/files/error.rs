//! Why a file or a folder could not be read, and how to fix it.

use std::io;

/// Why a file or a folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file does not exist, or is a broken link.
    #[error("it does not exist, or is a broken link")]
    Missing,
    /// Not a regular file. The text says what it is instead: a folder, a pipe, a socket, a device or a stream.
    #[error("it is {0}, not a file")]
    Special(&'static str),
    /// A file in place of a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// The file is larger than allowed.
    #[error("it is larger than {}", size_text(*.max))]
    TooLarge {
        /// Maximum size in bytes.
        max: u64,
    },
    /// The links form a cycle.
    #[error("its links form a cycle")]
    LinkLoop,
    /// This user has no permission.
    #[error("permission denied")]
    Denied,
    /// The file name is invalid.
    #[error("the file name is invalid")]
    BadName,
    /// The text is not UTF-8.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// 1-based line of the first invalid byte.
        line: usize,
    },
    /// The folder has too many entries.
    #[error("it contains more than {0} files and folders")]
    TooMany(usize),
    /// Folders are nested too deeply.
    #[error("it is nested more than {0} folders deep")]
    TooDeep(usize),
    /// A system failure: any other I/O error, such as that of a failing disk.
    #[error("{0}")]
    System(io::Error),
}

impl FileError {
    pub(super) fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> Self {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Self::NotUtf8 { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }

    /// Stable error code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing_file",
            Self::Special(_) => "not_a_file",
            Self::NotAFolder => "not_a_folder",
            Self::TooLarge { .. } => "too_large",
            Self::LinkLoop => "link_loop",
            Self::Denied => "not_permitted",
            Self::BadName => "bad_file_name",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::TooMany(_) => "too_many_files",
            Self::TooDeep(_) => "too_deep",
            Self::System(_) => "unreadable",
        }
    }

    /// How to fix it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "create it, or give another path",
            Self::Special(_) => "replace it with a regular file",
            Self::NotAFolder => "give the path of a folder",
            Self::TooLarge { .. } => "make it smaller, or split it",
            Self::LinkLoop => "remove the link, or point it to the intended file or folder",
            Self::Denied => "grant read permission: `chmod u+r` for a file, `chmod u+rx` for a folder",
            Self::BadName => "give another file name",
            Self::NotUtf8 { .. } => "save the file as UTF-8",
            Self::TooMany(_) => "give the path of the intended folder, or remove files that do not belong in it",
            Self::TooDeep(_) => "move it to a folder further up, or remove it",
            Self::System(_) => "check the disk, then run the command again",
        }
    }

    /// Whether this is a system failure, not a mistake in the user's files.
    #[must_use]
    pub const fn is_system_failure(&self) -> bool {
        matches!(self, Self::System(_))
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        if error.raw_os_error() == Some(libc::ELOOP) {
            return Self::LinkLoop;
        }
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            io::ErrorKind::IsADirectory => Self::Special("a folder"),
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => Self::BadName,
            // Reading a regular file never gives this error, so the file is a stream, even if its type says otherwise.
            io::ErrorKind::WouldBlock => Self::Special("a stream"),
            _ => Self::System(error),
        }
    }
}

/// A number of bytes as text, in the largest unit of which it is a multiple.
fn size_text(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fitting = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_shown_in_the_largest_unit_of_which_it_is_a_multiple() {
        let sizes = [5, 1 << 10, 3 << 20, 2 << 30, 1025].map(size_text);
        assert_eq!(sizes, ["5 bytes", "1 KiB", "3 MiB", "2 GiB", "1025 bytes"]);
    }
}
