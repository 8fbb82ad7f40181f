//! How a ledger is opened.

/// What a ledger is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Read-only: nothing is created, migrated or changed.
    Read,
    /// Read and write an existing ledger. An SQLite file is migrated.
    Write,
    /// Read and write; an SQLite file is created if it is missing or empty, and migrated.
    Create,
}
