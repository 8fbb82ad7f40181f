//! Why a file or a folder was not read, and what to do about it.

use std::io;

/// Why a file or a folder was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is there, or the link that is there leads nowhere.
    #[error("it is not there, or a link that leads nowhere")]
    Missing,
    /// A folder, a pipe, a socket or a device in place of a file.
    #[error("it is {0}, not a file")]
    Special(&'static str),
    /// A file in place of a folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// More than may be read.
    #[error("it is larger than {}", size(*.most))]
    TooLarge {
        /// Bytes that may be read.
        most: u64,
    },
    /// Links that lead to each other, or a folder that links to one that it lies in.
    #[error("its links lead in a circle")]
    LinkLoop,
    /// Not for this user.
    #[error("this user may not read it")]
    Denied,
    /// No name that a file can have.
    #[error("no file can have this name")]
    BadName,
    /// Bytes that are no text.
    #[error("line {line} is not UTF-8")]
    NotUtf8 {
        /// Line, from 1.
        line: usize,
    },
    /// More entries in a folder than may be looked at.
    #[error("it holds more than {0} files and folders")]
    TooMany(usize),
    /// Folders within folders.
    #[error("it lies more than {0} folders deep")]
    TooDeep(usize),
    /// The machine failed.
    #[error("{0}")]
    Machine(io::Error),
}

impl FileError {
    pub(super) fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> Self {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Self::NotUtf8 { line: 1 + before.iter().filter(|byte| **byte == b'\n').count() }
    }

    /// Stable name of the kind of mistake.
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

    /// What to do about it.
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
            // What would have to be waited for is no file, whatever it calls itself.
            io::ErrorKind::WouldBlock => Self::Special("a stream"),
            _ => Self::Machine(error),
        }
    }
}

/// A number of bytes in the largest unit that it is a whole number of.
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
