//! Why a file or a folder could not be read, and how to fix it.

use std::io;

/// Why a file or a folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file does not exist, or is a dangling link.
    #[error("it is not there, or a link that leads nowhere")]
    Missing,
    /// A folder, a pipe, a socket or a device in place of a file.
    #[error("it is {0}, not a file")]
    Special(&'static str),
    /// A file in place of a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// The file is larger than allowed.
    #[error("it is larger than {}", size(*.most))]
    TooLarge {
        /// Maximum size in bytes.
        most: u64,
    },
    /// The links form a cycle.
    #[error("its links lead in a circle")]
    LinkLoop,
    /// This user has no permission.
    #[error("this user may not read it")]
    Denied,
    /// The file name is invalid.
    #[error("no file can have this name")]
    BadName,
    /// The text is not UTF-8.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// 1-based line of the first invalid byte.
        line: usize,
    },
    /// The folder has too many entries.
    #[error("it holds more than {0} files and folders")]
    TooMany(usize),
    /// Folders are nested too deeply.
    #[error("it lies more than {0} folders deep")]
    TooDeep(usize),
    /// An I/O failure of the machine.
    #[error("{0}")]
    Machine(io::Error),
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
            Self::Machine(_) => "unreadable",
        }
    }

    /// How to fix it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "put it there, or name another one",
            Self::Special(_) => "put a regular file in its place",
            Self::NotAFolder => "name a folder",
            Self::TooLarge { .. } => "make it smaller, or split it",
            Self::LinkLoop => "remove the link, or let it lead to the file or folder that is meant",
            Self::Denied => "let this user read it: `chmod u+r` for a file, `chmod u+rx` for a folder",
            Self::BadName => "name another file",
            Self::NotUtf8 { .. } => "save the file as UTF-8",
            Self::TooMany(_) => "name the folder that is meant, or remove what does not belong to it",
            Self::TooDeep(_) => "move it up, or remove the folder",
            Self::Machine(_) => "see that the disk is sound, then run the command again",
        }
    }

    /// Whether the machine failed rather than the user's data.
    #[must_use]
    pub const fn is_machine_failure(&self) -> bool {
        matches!(self, Self::Machine(_))
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
            // A read that would block does not come from a regular file, whatever its type says.
            io::ErrorKind::WouldBlock => Self::Special("a stream"),
            _ => Self::Machine(error),
        }
    }
}

/// A number of bytes in the largest unit that divides it.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fitting = units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{bytes} bytes"), |(unit, name)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_units_that_people_know() {
        let said = [5, 1 << 10, 3 << 20, 2 << 30, 1025].map(size);
        assert_eq!(said, ["5 bytes", "1 KiB", "3 MiB", "2 GiB", "1025 bytes"]);
    }
}
