//! What can go wrong with the ledger, and whether trying again may help.

use uuid::Uuid;

use super::jobs::JobStatus;
use super::retry::PATIENCE;
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
        /// Its address without secrets.
        database: String,
        /// What it or the system said.
        cause: String,
        /// The same for programs.
        #[source]
        source: Option<Box<sqlx::Error>>,
    },
    /// The database did not become free, or did not come back, in time.
    #[error("the ledger could not be used within {} s: {reason}", PATIENCE.as_secs())]
    InVain {
        /// Why it was waited for, in the database's words.
        reason: String,
    },
    /// There is no ledger where one was looked for.
    #[error("there is no ledger `{0}`")]
    NoLedger(String),
    /// The file is something else.
    #[error("`{database}` is no ledger: {holds}")]
    NotALedger {
        /// Its address.
        database: String,
        /// What it is instead.
        holds: String,
    },
    /// The database was made by a newer program.
    #[error("the database has schema version {found}, and this mcoe knows versions up to {known}")]
    Newer {
        /// The database's.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// The database has no schema yet, or an old one.
    #[error(
        "the database has not been brought up to date: it has schema version {found}, and this mcoe needs {needed}"
    )]
    NotMigrated {
        /// The database's; 0 where it has none.
        found: i64,
        /// This program's.
        needed: i64,
    },
    /// Nobody may write to it.
    #[error("the database is read-only")]
    ReadOnly,
    /// No room is left.
    #[error("the disk of the database is full; nothing was written")]
    DiskFull,
    /// An SQLite file that is no longer whole.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// Nothing is known of a workspace.
    #[error("the ledger knows no workspace `{0}`")]
    UnknownWorkspace(String),
    /// Clients that are not in the ledger.
    #[error("the ledger does not know {}", listed(.0))]
    UnknownClients(Vec<String>),
    /// Clients whose workspace in the ledger is another one.
    #[error("the ledger has {} in another workspace", listed(.0))]
    OtherWorkspace(Vec<String>),
    /// What a plan was made from is no longer so.
    #[error("the clients' state has moved on since the plan was made:\n{}", .0.join("\n"))]
    Moved(Vec<String>),
    /// The checker objects to a plan.
    #[error("the plan does not pass the checker, so nothing was committed:\n{}", .0.join("\n"))]
    Breaches(Vec<String>),
    /// A schedule that is not there.
    #[error("the ledger has no schedule {0}")]
    UnknownSchedule(String),
    /// A living token that has the name already.
    #[error("the workspace has a token named `{0}` already")]
    TokenNameTaken(String),
    /// A token that is not there.
    #[error("the ledger has no token {0}")]
    UnknownToken(Uuid),
    /// A job that is not there.
    #[error("the ledger has no job {0}")]
    UnknownJob(Uuid),
    /// A job that cannot be cancelled any more.
    #[error("job {id} is {status} and cannot be cancelled")]
    JobOver {
        /// Which.
        id: Uuid,
        /// Where it stands.
        status: JobStatus,
    },
    /// A workspace that has as many jobs as it may have.
    #[error("the workspace has {0} jobs that wait or run, and may have no more at a time")]
    TooManyJobs(u32),
    /// A key that something else was asked for with.
    #[error("the idempotency key `{0}` was used for another request")]
    KeyTaken(String),
    /// A step that a schedule cannot take.
    #[error("schedule {id} is {from} and cannot become {to}")]
    IllegalStep {
        /// Which.
        id: Uuid,
        /// Where it stands.
        from: ScheduleStatus,
        /// Where it was to go.
        to: ScheduleStatus,
    },
    /// A schedule that is not held because of its asset, or for want of one.
    #[error(
        "schedule {id} is {status}: only a post that is held because of its asset, or for want of one, is given another"
    )]
    WantsNoAsset {
        /// Which.
        id: Uuid,
        /// Where it stands.
        status: ScheduleStatus,
    },
    /// The rules want another person to approve.
    #[error("schedule {id} is of high risk and `{actor}` committed its plan or attached its asset")]
    SecondPerson {
        /// Which.
        id: Uuid,
        /// Who tried to approve.
        actor: String,
    },
    /// Something stands against a post that is to run.
    #[error("schedule {id} cannot run: {reason}")]
    Held {
        /// Which.
        id: Uuid,
        /// What stands against it.
        reason: Box<Reason>,
    },
    /// A schedule whose time has passed.
    #[error("the time of schedule {0} has passed")]
    TooLate(Uuid),
    /// A schedule at whose time another one stands by now.
    #[error("another post stands at the time of schedule {0} on its channel")]
    InstantTaken(Uuid),
    /// A week of which nothing is left.
    #[error("week {0} is over for every client")]
    WeekOver(Week),
    /// Somebody asked for a stop.
    #[error("stopped before the end; nothing was committed")]
    Stopped,
    /// A cell that this program did not write.
    #[error("the database holds `{value}` in `{column}`, which cannot be read")]
    Unreadable {
        /// Which column.
        column: String,
        /// What it holds.
        value: String,
    },
    /// A rule failed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Anything else that the database said.
    #[error("{0}")]
    Database(String, #[source] Option<Box<sqlx::Error>>),
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().take(10).map(|name| format!("client `{name}`")).collect();
    let more = names.len().saturating_sub(quoted.len());
    if more > 0 { format!("{} and {more} more", quoted.join(", ")) } else { quoted.join(", ") }
}

/// Codes of PostgreSQL after which the same transaction may succeed: serialization, deadlock, a lock that is held,
/// shutdown, crash, starting up, too many connections, an idle connection that was ended, a connection that is lost.
const PASSING_CODES: [&str; 13] = [
    "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "57P05", "25P03", "08000", "08001", "08003", "08006",
];
/// SQLite's code of an index of its log that cannot grow.
const SHM_SIZE: &str = "4874";
/// PostgreSQL's code of a lock that was waited for as long as `lock_timeout` says.
const LOCK_TIMEOUT: &str = "55P03";

impl StoreError {
    /// An error of opening a database.
    pub(super) fn connect(url: &DatabaseUrl, error: sqlx::Error) -> Self {
        if let sqlx::Error::Io(cause) = &error {
            let cause = cause.to_string();
            return Self::Connect { database: url.to_string(), cause, source: Some(Box::new(error)) };
        }
        match StoreError::from(error) {
            // What the server itself says of its state needs no address.
            Self::Database(cause, source) if !source.as_deref().is_some_and(is_said_by_a_busy_server) => {
                Self::Connect { database: url.to_string(), cause, source }
            }
            other => other,
        }
    }

    /// A database that has to be waited for, for a reason that it does not tell itself.
    pub(super) fn busy(reason: &str) -> Self {
        Self::Database(reason.to_owned(), Some(Box::new(sqlx::Error::PoolTimedOut)))
    }

    /// The same, after as much waiting as there may be.
    pub(super) fn in_vain(self) -> Self {
        match self {
            Self::InVain { .. } => self,
            other => Self::InVain { reason: other.cause() },
        }
    }

    /// Why a database is waited for, in its own words.
    pub(super) fn cause(&self) -> String {
        if self.is_lock_timeout() { format!("another session holds a lock ({self})") } else { self.to_string() }
    }

    /// Whether a statement has waited for a lock as long as it may.
    pub(super) fn is_lock_timeout(&self) -> bool {
        matches!(self, Self::Database(_, Some(error)) if code_of(error).as_deref() == Some(LOCK_TIMEOUT))
    }

    /// Whether it may pass by itself, so that the whole transaction can be tried again.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::InVain { .. } => true,
            Self::Connect { source: Some(error), .. } | Self::Database(_, Some(error)) => is_passing(error),
            _ => false,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::Connect { database, .. } if !database.starts_with("postgres") => {
                "check the path, and that this user may read and write the file and its folder"
            }
            Self::Connect { .. } => "check the address, the user and the password, and that the server runs",
            Self::InVain { .. } => {
                "see that the server runs, and what holds it; then run the command again: it goes on from what stands"
            }
            Self::NoLedger(_) => "name it with --database, or make one: `mcoe db load SCENARIO`",
            Self::NotALedger { .. } => "name the ledger with --database; nothing was written to this file",
            Self::Newer { .. } => "use the newer mcoe that made the database",
            Self::NotMigrated { .. } => "run `mcoe db migrate` with the same --database",
            Self::ReadOnly => "use a user, or a file, that may be written",
            Self::DiskFull => "make room and run the command again: it goes on from what stands",
            Self::Damaged(_) => {
                "put a backup of the file in its place, or save what can be read with `sqlite3 FILE .recover`"
            }
            Self::UnknownWorkspace(_) | Self::UnknownClients(_) => "load its scenario first: `mcoe db load SCENARIO`",
            Self::OtherWorkspace(_) => "give the client another id, or keep its workspace",
            Self::Moved(_) => "plan the week again, or add --rebase to plan around what has changed",
            Self::Breaches(_) => "report this as a bug of mcoe, with the rules and `mcoe db export`",
            Self::UnknownSchedule(_) => "take an id from `mcoe review`",
            Self::TokenNameTaken(_) => "choose another name, or revoke that token first: `mcoe token list`",
            Self::UnknownToken(_) => "take an id from `mcoe token list`",
            Self::UnknownJob(_) => "ask for the job again",
            Self::JobOver { .. } => "look at what came of it",
            Self::TooManyJobs(_) => "wait until one has ended, or cancel one",
            Self::KeyTaken(_) => "send a new key with every new request",
            Self::IllegalStep { from: ScheduleStatus::Cancelled, .. } => "put it back first: `mcoe restore ID`",
            Self::IllegalStep { .. } | Self::WantsNoAsset { .. } => "see where it stands with `mcoe review --all`",
            Self::SecondPerson { .. } => {
                "let somebody else approve it; who works alone says so with --alone, or in `[review]` of risk.toml"
            }
            Self::Held { reason, .. } => reason.remedy(),
            Self::TooLate(_) => "plan another post",
            Self::InstantTaken(_) => "cancel the other post first",
            Self::WeekOver(_) => "plan the coming week: leave out --week",
            Self::Stopped => "run it again",
            Self::Unreadable { .. } => "restore the database from a backup, or mend the cell",
            Self::Plan(_) => "mend the rule",
            Self::Database(..) => "try again; if it stays, look at the server's log",
        }
    }

    /// Whether the user's input is at fault, rather than the machine.
    #[must_use]
    pub const fn is_input(&self) -> bool {
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
                | Self::IllegalStep { .. }
                | Self::WantsNoAsset { .. }
                | Self::SecondPerson { .. }
                | Self::Held { .. }
                | Self::TooLate(_)
                | Self::InstantTaken(_)
                | Self::WeekOver(_)
                | Self::Plan(_)
        )
    }
}

fn code_of(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(|told| told.code())
}

fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(_) => is_said_by_a_busy_server(error),
        _ => false,
    }
}

fn is_said_by_a_busy_server(error: &sqlx::Error) -> bool {
    let code = code_of(error).unwrap_or_default();
    // 5 and 6, in their low byte, are SQLite's "busy" and "locked".
    let is_busy = code.parse::<u32>().is_ok_and(|code| code < 10_000 && matches!(code & 0xff, 5 | 6));
    PASSING_CODES.contains(&&*code) || is_busy
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(told) = &error {
            let code = told.code().unwrap_or_default();
            match (&*code, code.parse::<u32>().map(|code| code & 0xff)) {
                ("25006", _) => return Self::ReadOnly,
                ("53100", _) => return Self::DiskFull,
                (short, Ok(8)) if short.len() < 5 => return Self::ReadOnly,
                (short, Ok(13)) if short.len() < 5 => return Self::DiskFull,
                // No room for the index of SQLite's log.
                (SHM_SIZE, _) => return Self::DiskFull,
                (short, Ok(11 | 26)) if short.len() < 5 => return Self::Damaged(told.message().to_owned()),
                _ => return Self::Database(told.message().to_owned(), Some(Box::new(error))),
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
