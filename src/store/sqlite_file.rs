//! The file of an SQLite ledger: inspected without changing it, created, and checkpointed on close.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::error::StoreError;
use super::open_mode::OpenMode;
use super::url::DatabaseUrl;

/// A table that every version of the ledger has.
const LEDGER_TABLE: &str = "campaign_orchestration_schedules";
/// The table that is created first; a ledger whose creation was interrupted may have no other.
const FIRST_TABLE: &str = "_sqlx_migrations";
/// Maximum number of tables named in the error about another program's file.
const MAX_NAMED_TABLES: usize = 3;
/// Maximum number of attempts to checkpoint the log; processes that close at the same time can interfere.
const CHECKPOINT_ATTEMPTS: usize = 3;
/// SQLite's error code for a file that is not a database.
const NOT_A_DATABASE: &str = "26";

/// What is at a path.
#[derive(Debug, PartialEq)]
enum Contents {
    /// No file.
    Nothing,
    /// An empty file, or a database without data.
    Empty,
    /// A ledger of any version.
    Ledger,
    /// Something else, with a description.
    Other(String),
}

/// Checks that a file may be opened as a ledger. Creates it if it is missing and the mode allows that. A refused file
/// is left unchanged.
pub(super) async fn prepare(url: &DatabaseUrl, path: &Path, mode: OpenMode) -> Result<(), StoreError> {
    match (contents(url, path).await?, mode) {
        (Contents::Ledger, _) | (Contents::Empty, OpenMode::Create) => Ok(()),
        (Contents::Nothing, OpenMode::Create) => create(url, path),
        (Contents::Nothing | Contents::Empty, _) => Err(StoreError::NoLedger(url.to_string())),
        (Contents::Other(holds), _) => Err(StoreError::NotALedger { database: url.to_string(), holds }),
    }
}

/// Whether a file has a write-ahead log. It has one while a process has the file open, and after such a process was
/// killed.
pub(super) fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log).exists()
}

/// Checkpoints a leftover write-ahead log into its file. SQLite does so when the last connection closes; if several
/// close at the same moment, each may take another for the last, and the log stays. So it is retried with a single new
/// connection. If another process has the file open, the log stays too, but its contents are in the file.
pub(super) async fn checkpoint_log(options: &SqliteConnectOptions) {
    for _ in 0..CHECKPOINT_ATTEMPTS {
        if !has_log(options.get_filename()) {
            return;
        }
        let checkpointed = async {
            let mut connection = options.connect().await?;
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut connection).await?;
            connection.close().await
        };
        if let Err(error) = checkpointed.await {
            // Nothing is lost: the next command reads the log.
            tracing::debug!(%error, "the write-ahead log of an SQLite file was not removed");
        }
    }
}

/// Creates an empty file that only its owner can access; SQLite gives its companion files the same mode.
fn create(url: &DatabaseUrl, path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(file_error(url, &error)),
        // Another process may have created it meanwhile.
        _ => Ok(()),
    }
}

fn file_error(url: &DatabaseUrl, error: &std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::DiskFull,
        _ => StoreError::Connect { database: url.to_string(), cause: error.to_string(), source: None },
    }
}

async fn contents(url: &DatabaseUrl, path: &Path) -> Result<Contents, StoreError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contents::Nothing),
        Err(error) => return Err(file_error(url, &error)),
        Ok(file) if !file.is_file() => return Ok(Contents::Other("it is not a regular file".to_owned())),
        Ok(file) if file.len() == 0 && !has_log(path) => return Ok(Contents::Empty),
        Ok(_) => {}
    }
    match tables(path).await {
        Ok(tables) => Ok(contents_of_tables(&tables)),
        Err(error) if error.as_database_error().and_then(|error| error.code()).as_deref() == Some(NOT_A_DATABASE) => {
            Ok(Contents::Other("it is not an SQLite database".to_owned()))
        }
        Err(error) => Err(StoreError::connect(url, error)),
    }
}

fn contents_of_tables(tables: &[String]) -> Contents {
    let has = |name: &str| tables.iter().any(|table| table == name);
    if has(FIRST_TABLE) && has(LEDGER_TABLE) {
        return Contents::Ledger;
    }
    if tables.iter().all(|table| table == FIRST_TABLE) {
        return Contents::Empty;
    }
    let names: Vec<String> = tables.iter().take(MAX_NAMED_TABLES).map(|table| format!("`{table}`")).collect();
    let more = if tables.len() > MAX_NAMED_TABLES { ", …" } else { "" };
    Contents::Other(format!("it has tables of another program ({}{more})", names.join(", ")))
}

/// The names of a database's tables. Without a log the file is opened as immutable, so that no companion files are
/// created.
async fn tables(path: &Path) -> Result<Vec<String>, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(!has_log(path));
    let mut connection = options.connect().await?;
    let names = table_names(&mut connection).await;
    connection.close().await?;
    names
}

async fn table_names(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite|_%' ESCAPE '|' ORDER BY 1";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(|row| row.try_get(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::database::Database;

    fn contents_of(tables: &[&str]) -> Contents {
        contents_of_tables(&tables.iter().map(|table| (*table).to_owned()).collect::<Vec<_>>())
    }

    /// Simulates two connections that close at the same moment and each take the other for the last: no process has the
    /// file open, but its log is still there.
    #[tokio::test]
    async fn a_leftover_log_is_checkpointed_on_close() {
        let dir = tempfile::tempdir().unwrap();
        let (path, copy) = (dir.path().join("mcoe.db"), dir.path().join("copy.db"));
        let url = |path: &Path| path.display().to_string().parse::<DatabaseUrl>().unwrap();
        let original = Database::open(&url(&path), OpenMode::Create).await.unwrap();
        original.migrate().await.unwrap();
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
        original.close().await;
        assert!(!has_log(&path));
        let opened = Database::open(&url(&copy), OpenMode::Read).await.unwrap();
        assert!(has_log(&copy));
        opened.close().await;
        assert!(!has_log(&copy));
        let reopened = Database::open(&url(&copy), OpenMode::Read).await.unwrap();
        assert_eq!(reopened.version().await.unwrap(), Some(Database::newest_version()));
    }

    #[test]
    fn a_ledger_is_recognised_by_its_tables() {
        assert_eq!(contents_of(&[]), Contents::Empty);
        assert_eq!(contents_of(&["_sqlx_migrations"]), Contents::Empty);
        assert_eq!(contents_of(&["_sqlx_migrations", "campaign_orchestration_schedules"]), Contents::Ledger);
        assert_eq!(contents_of(&["a"]), Contents::Other("it has tables of another program (`a`)".to_owned()));
        let others = contents_of(&["_sqlx_migrations", "b", "c", "d"]);
        let Contents::Other(holds) = others else { panic!("{others:?}") };
        assert!(holds.ends_with("(`_sqlx_migrations`, `b`, `c`, …)"), "{holds}");
    }
}
