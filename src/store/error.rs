//! Errors of the ledger, and which of them are transient.

use uuid::Uuid;

use super::job_status::JobStatus;
use super::max_wait::MAX_WAIT;
use super::row::BadValue;
use super::url::DatabaseUrl;
use crate::model::{Reason, ScheduleStatus, Week};
use crate::planner::PlanError;

/// A failure of the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached or opened.
    #[error("cannot open the database {database}: {cause}")]
    Connect {
        /// The database's address, without secrets.
        database: String,
        /// The error message of the database or the operating system.
        cause: String,
        /// The driver's error; `None` if the operating system refused the file.
        #[source]
        source: Option<Box<sqlx::Error>>,
    },
    /// The database stayed locked or unreachable until the deadline.
    #[error("the ledger was not available within {} s: {reason}", MAX_WAIT.as_secs())]
    WaitTimedOut {
        /// Why the ledger had to wait.
        reason: String,
    },
    /// No ledger exists at the given address.
    #[error("the ledger `{0}` does not exist")]
    NoLedger(String),
    /// The file exists but is not a ledger.
    #[error("`{database}` is not a ledger: {holds}")]
    NotALedger {
        /// The file's path.
        database: String,
        /// What the file holds instead.
        holds: String,
    },
    /// The schema is newer than this program.
    #[error("the database has schema version {found}, but this mcoe supports versions up to {known} only")]
    Newer {
        /// The database's schema version.
        found: i64,
        /// The newest schema version this program knows.
        known: i64,
    },
    /// The database has no schema yet, or an outdated one.
    #[error("the database is not migrated: it has schema version {found}, and this mcoe needs {needed}")]
    NotMigrated {
        /// The database's schema version; 0 if it has none.
        found: i64,
        /// The schema version this program needs.
        needed: i64,
    },
    /// The database, or this user's access to it, is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// The disk is full.
    #[error("the disk of the database is full; nothing was written")]
    DiskFull,
    /// The SQLite file is corrupt.
    #[error("the file is corrupt: {0}")]
    Damaged(String),
    /// The workspace is not in the ledger.
    #[error("the ledger has no workspace `{0}`")]
    UnknownWorkspace(String),
    /// Clients that are not in the ledger.
    #[error("the ledger does not contain {}", client_list(.0))]
    UnknownClients(Vec<String>),
    /// Clients that belong to another workspace in the ledger.
    #[error("the ledger has {} in another workspace", client_list(.0))]
    OtherWorkspace(Vec<String>),
    /// The state that the plan was made from has changed since; each line describes the changes of one client or
    /// workspace.
    #[error("the clients' state has changed since the plan was made:\n{}", .0.join("\n"))]
    StateChanged(Vec<String>),
    /// The plan does not pass the checker; one line per breach.
    #[error("the plan failed its check, so nothing was committed:\n{}", .0.join("\n"))]
    Breaches(Vec<String>),
    /// The schedule does not exist.
    #[error("the ledger has no schedule {0}")]
    UnknownSchedule(String),
    /// An active token already has the name.
    #[error("the workspace already has a token named `{0}`")]
    TokenNameTaken(String),
    /// The token does not exist.
    #[error("the ledger has no token {0}")]
    UnknownToken(Uuid),
    /// The job does not exist.
    #[error("the ledger has no job {0}")]
    UnknownJob(Uuid),
    /// The job has ended and can no longer be cancelled.
    #[error("job {id} is {status} and cannot be cancelled")]
    JobOver {
        /// The job's id.
        id: Uuid,
        /// The job's status.
        status: JobStatus,
    },
    /// The workspace has reached its limit of concurrent jobs.
    #[error("the workspace already has {0} waiting or running jobs, which is the limit")]
    TooManyJobs(u32),
    /// The idempotency key was already used for a different request.
    #[error("the idempotency key `{0}` was already used for a different request")]
    KeyTaken(String),
    /// The schedule's status does not allow this transition.
    #[error("schedule {id} is {from} and cannot become {to}")]
    InvalidTransition {
        /// The schedule's id.
        id: Uuid,
        /// Its current status.
        from: ScheduleStatus,
        /// The requested status.
        to: ScheduleStatus,
    },
    /// No asset can be attached: the schedule is not blocked, or its asset or lack of one is not the reason.
    #[error("schedule {id} is {status}; an asset can only be attached to a post that is blocked because of its asset")]
    AssetNotReplaceable {
        /// The schedule's id.
        id: Uuid,
        /// Its current status.
        status: ScheduleStatus,
    },
    /// The rules require approval by a second person.
    #[error("schedule {id} is high risk, and `{actor}` committed its plan or attached its asset")]
    SecondPerson {
        /// The schedule's id.
        id: Uuid,
        /// Who tried to approve.
        actor: String,
    },
    /// The schedule is blocked, for a known reason.
    #[error("schedule {id} cannot run: {reason}")]
    Blocked {
        /// The schedule's id.
        id: Uuid,
        /// Why it is blocked.
        reason: Box<Reason>,
    },
    /// The schedule's time has passed.
    #[error("the time of schedule {0} has passed")]
    TooLate(Uuid),
    /// Another schedule now occupies the same client, channel and time.
    #[error("another post is scheduled on the channel at the time of schedule {0}")]
    SlotTaken(Uuid),
    /// The week has already ended for every client.
    #[error("week {0} is over for every client")]
    WeekOver(Week),
    /// The operation was stopped on request.
    #[error("stopped before it finished; nothing was committed")]
    Stopped,
    /// The database holds a value that this program cannot read.
    #[error("the database has the invalid value `{value}` in `{column}`")]
    Unreadable {
        /// The column's name.
        column: String,
        /// The unreadable value.
        value: String,
    },
    /// A schedule of a client has a time zone that this program does not know.
    #[error("a schedule of client `{client}` has the unknown time zone `{zone}`")]
    UnknownZone {
        /// The client's id.
        client: String,
        /// The zone's name.
        zone: String,
    },
    /// A week could not be planned.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Any other database error.
    #[error("{0}")]
    Database(String, #[source] Option<Box<sqlx::Error>>),
}

fn client_list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().take(10).map(|name| format!("client `{name}`")).collect();
    let more = names.len().saturating_sub(quoted.len());
    if more > 0 { format!("{} and {more} more", quoted.join(", ")) } else { quoted.join(", ") }
}

/// PostgreSQL error codes after which retrying the transaction may succeed: serialization failure, deadlock, lock
/// timeout, shutdown, crash, starting up, too many connections, idle timeouts, lost connection.
const TRANSIENT_CODES: [&str; 13] = [
    "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "57P05", "25P03", "08000", "08001", "08003", "08006",
];
/// SQLite's error code when the index of its write-ahead log cannot grow.
const SHM_SIZE: &str = "4874";
/// PostgreSQL's error code when `lock_timeout` has expired.
const LOCK_TIMEOUT: &str = "55P03";

impl StoreError {
    /// Converts an error from opening a database.
    pub(super) fn connect(url: &DatabaseUrl, error: sqlx::Error) -> Self {
        if let sqlx::Error::Io(cause) = &error {
            let cause = cause.to_string();
            return Self::Connect { database: url.to_string(), cause, source: Some(Box::new(error)) };
        }
        match StoreError::from(error) {
            // The server's own transient errors need no address.
            Self::Database(cause, source) if !source.as_deref().is_some_and(is_busy_error) => {
                Self::Connect { database: url.to_string(), cause, source }
            }
            other => other,
        }
    }

    /// A transient error for a reason that the database itself does not report.
    pub(super) fn busy(reason: &str) -> Self {
        Self::Database(reason.to_owned(), Some(Box::new(sqlx::Error::PoolTimedOut)))
    }

    /// The error to return when the deadline has expired because of this one.
    pub(super) fn into_timeout(self) -> Self {
        match self {
            Self::WaitTimedOut { .. } => self,
            other => Self::WaitTimedOut { reason: other.cause() },
        }
    }

    /// The error as the reason why the ledger waits for the database.
    pub(super) fn cause(&self) -> String {
        if self.is_lock_timeout() { format!("another session holds a lock ({self})") } else { self.to_string() }
    }

    /// Whether a statement's `lock_timeout` has expired.
    pub(super) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Database(_, Some(error)) if code_of(error).as_deref() == Some(LOCK_TIMEOUT))
    }

    /// Whether the error is transient, so that the whole transaction can be retried.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::WaitTimedOut { .. } => true,
            Self::Connect { source: Some(error), .. } | Self::Database(_, Some(error)) => is_transient(error),
            _ => false,
        }
    }

    /// What the user can do about the error.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Connect { database, .. } if !database.starts_with("postgres") => {
                "check the path, and that you have permission to read and write the file and its folder"
            }
            Self::Connect { .. } => "check the address, the user and the password, and that the server is running",
            Self::WaitTimedOut { .. } => {
                "check that the server is running and not locked; then run the command again: it continues where it stopped"
            }
            Self::NoLedger(_) => "name it with --database, or create one: `mcoe db load SCENARIO`",
            Self::NotALedger { .. } => "name the ledger with --database; nothing was written to this file",
            Self::Newer { .. } => "use a newer version of mcoe",
            Self::NotMigrated { .. } => "run `mcoe db migrate` with the same --database",
            Self::ReadOnly => "use a database user, or a file, with write access",
            Self::DiskFull => "free disk space and run the command again: it continues where it stopped",
            Self::Damaged(_) => {
                "restore the file from a backup, or recover its readable data with `sqlite3 FILE .recover`"
            }
            Self::UnknownWorkspace(_) | Self::UnknownClients(_) => "load its scenario first: `mcoe db load SCENARIO`",
            Self::OtherWorkspace(_) => "give the client another id, or load it into its own workspace",
            Self::StateChanged(_) => "plan the week again, or add --rebase to plan around the changes",
            Self::Breaches(_) => "report this as a bug of mcoe, with the rules and `mcoe db export`",
            Self::UnknownSchedule(_) => "use an id from `mcoe review`",
            Self::TokenNameTaken(_) => "choose another name, or revoke that token first: `mcoe token list`",
            Self::UnknownToken(_) => "use an id from `mcoe token list`",
            Self::UnknownJob(_) => "start the job again",
            Self::JobOver { .. } => "see its result",
            Self::TooManyJobs(_) => "wait until a job has finished, or cancel one",
            Self::KeyTaken(_) => "send a new key with every new request",
            Self::InvalidTransition { from: ScheduleStatus::Cancelled, .. } => "restore it first: `mcoe restore ID`",
            Self::InvalidTransition { .. } | Self::AssetNotReplaceable { .. } => {
                "see its status with `mcoe review --all`"
            }
            Self::SecondPerson { .. } => {
                "have another person approve it; if you work alone, use --alone, or `[review]` in risk.toml"
            }
            Self::Blocked { reason, .. } => reason.remedy(),
            Self::TooLate(_) => "plan another post",
            Self::SlotTaken(_) => "cancel the other post first",
            Self::WeekOver(_) => "plan the coming week: omit --week",
            Self::Stopped => "run it again",
            Self::UnknownZone { .. } => {
                "use a version of mcoe whose time zones are as new as those of the one that committed it, or correct the value"
            }
            Self::Unreadable { .. } => "restore the database from a backup, or correct the value",
            Self::Plan(PlanError::LimitNumbers(_)) => {
                "correct the table `limits` of the scenario and load it again: `mcoe db load SCENARIO`"
            }
            Self::Plan(_) => "fix the rule",
            Self::Database(..) => "try again; if the error persists, see the database server's log",
        }
    }

    /// Whether the user's input is at fault, rather than the system.
    #[must_use]
    pub const fn is_input_error(&self) -> bool {
        matches!(
            self,
            Self::NoLedger(_)
                | Self::NotALedger { .. }
                | Self::UnknownWorkspace(_)
                | Self::UnknownClients(_)
                | Self::OtherWorkspace(_)
                | Self::UnknownSchedule(_)
                | Self::TokenNameTaken(_)
                | Self::UnknownToken(_)
                | Self::UnknownJob(_)
                | Self::JobOver { .. }
                | Self::TooManyJobs(_)
                | Self::KeyTaken(_)
                | Self::InvalidTransition { .. }
                | Self::AssetNotReplaceable { .. }
                | Self::SecondPerson { .. }
                | Self::Blocked { .. }
                | Self::TooLate(_)
                | Self::SlotTaken(_)
                | Self::WeekOver(_)
                | Self::Plan(_)
        )
    }
}

fn code_of(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(|error| error.code())
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(_) => is_busy_error(error),
        _ => false,
    }
}

fn is_busy_error(error: &sqlx::Error) -> bool {
    let code = code_of(error).unwrap_or_default();
    // SQLite's codes are below 10,000; their low byte is 5 for busy and 6 for locked.
    let is_busy = code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 5 | 6));
    TRANSIENT_CODES.contains(&&*code) || is_busy
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database_error) = &error {
            let code = database_error.code().unwrap_or_default();
            // SQLite's codes are shorter than the five characters of PostgreSQL's. In their low byte 8 means read-only,
            // 11 corrupt, 13 disk full and 26 not a database.
            match (&*code, code.parse::<u32>().map(|code| code & 0xff)) {
                ("25006", _) => return Self::ReadOnly,
                ("53100", _) => return Self::DiskFull,
                (sqlite, Ok(8)) if sqlite.len() < 5 => return Self::ReadOnly,
                (sqlite, Ok(13)) if sqlite.len() < 5 => return Self::DiskFull,
                // No space for the index of SQLite's write-ahead log.
                (SHM_SIZE, _) => return Self::DiskFull,
                (sqlite, Ok(11 | 26)) if sqlite.len() < 5 => return Self::Damaged(database_error.message().to_owned()),
                _ => return Self::Database(database_error.message().to_owned(), Some(Box::new(error))),
            }
        }
        if let sqlx::Error::ColumnDecode { index, source } = &error
            && let Some(BadValue(value)) = source.downcast_ref()
        {
            return Self::Unreadable { column: index.clone(), value: value.clone() };
        }
        Self::Database(error.to_string(), Some(Box::new(error)))
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => {
                error.into()
            }
            other => Self::Database(other.to_string(), None),
        }
    }
}
