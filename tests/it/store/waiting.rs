//! How long a command waits for a database, and what it reports.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::support::postgres::{Server, server};
use crate::support::{CommandOutput, TestDatabase, TestFolder, block_on};

/// A command that had to wait: its messages on stderr, and when they came.
struct Waited {
    first_line: String,
    seconds_to_first_line: f64,
    other_lines: String,
    code: Option<i32>,
    seconds_to_end: f64,
}

/// A folder with the small scenario, which is loaded into a database.
fn load_small(database: &TestDatabase) -> TestFolder {
    let folder = TestFolder::new();
    folder.mcoe(&format!("db load small --now 2026-10-16T08:00:00Z --database {}", database.url)).succeeds();
    folder
}

fn run_timed(folder: &TestFolder, line: &str) -> Waited {
    let start = Instant::now();
    let mut child = folder.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let (mut first_line, mut other_lines) = (String::new(), String::new());
    stderr.read_line(&mut first_line).unwrap();
    let seconds_to_first_line = start.elapsed().as_secs_f64();
    stderr.read_to_string(&mut other_lines).unwrap();
    let code = child.wait().unwrap().code();
    Waited { first_line, seconds_to_first_line, other_lines, code, seconds_to_end: start.elapsed().as_secs_f64() }
}

impl Waited {
    /// Checks that the reason was reported early, and the failure at the end.
    #[track_caller]
    fn timed_out(self, reason: &str) {
        let Self { first_line, seconds_to_first_line, other_lines, code, seconds_to_end } = self;
        let notice = format!("waiting up to 30 s for the ledger: {reason}");
        assert!(first_line.starts_with(&notice), "{first_line}{other_lines}");
        assert!((1.5..10.0).contains(&seconds_to_first_line), "reported after {seconds_to_first_line} s");
        let error = format!("error: the ledger was not available within 30 s: {reason}");
        assert!(other_lines.starts_with(&error) && other_lines.contains("remedy"), "{other_lines}");
        assert_eq!(code, Some(3));
        assert!((29.0..45.0).contains(&seconds_to_end), "{seconds_to_end} s");
    }

    /// Checks that the reason was reported early, and that the command then succeeded.
    #[track_caller]
    fn succeeded_after_waiting(self, reason: &str) {
        let notice = format!("waiting up to 30 s for the ledger: {reason}");
        assert!(self.first_line.starts_with(&notice), "{}{}", self.first_line, self.other_lines);
        assert_eq!((self.code, self.other_lines.as_str()), (Some(0), ""));
    }
}

/// Runs a command while a connection that has run some statements stays open, and so holds their locks.
fn while_locked(
    database: &TestDatabase,
    statements: &str,
    duration: Duration,
    command: impl FnOnce() -> Waited,
) -> Waited {
    let (locked, is_locked) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let sql = sqlx::raw_sql(AssertSqlSafe(statements));
                if database.is_postgres() {
                    let mut connection = PgConnection::connect(&database.url).await.unwrap();
                    sql.execute(&mut connection).await.unwrap();
                    locked.send(()).unwrap();
                    tokio::time::sleep(duration).await;
                    connection.close().await.unwrap();
                } else {
                    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", database.url)).await.unwrap();
                    sql.execute(&mut connection).await.unwrap();
                    locked.send(()).unwrap();
                    tokio::time::sleep(duration).await;
                    connection.close().await.unwrap();
                }
            });
        });
        is_locked.recv().unwrap();
        command()
    })
}

/// Longer than a command waits for a lock, and shorter.
const LONG: Duration = Duration::from_secs(36);
const SHORT: Duration = Duration::from_secs(6);
const LOCK_FILE: &str = "BEGIN IMMEDIATE";
const LOCK_TABLE: &str = "BEGIN; LOCK TABLE campaign_orchestration_schedules IN ACCESS EXCLUSIVE MODE";
const TABLE_IS_LOCKED: &str = "another session holds a lock (canceling statement due to lock timeout)";

fn daily(database: &TestDatabase) -> String {
    format!("daily --now 2026-10-20T08:00:00Z --database {}", database.url)
}

#[test]
fn a_locked_sqlite_file_is_reported_early_and_times_out() {
    let database = TestDatabase::sqlite();
    let folder = load_small(&database);
    while_locked(&database, LOCK_FILE, LONG, || run_timed(&folder, &daily(&database))).timed_out("database is locked");
}

#[test]
fn a_locked_postgres_table_is_reported_early_and_times_out() {
    let database = TestDatabase::postgres();
    let folder = load_small(&database);
    while_locked(&database, LOCK_TABLE, LONG, || run_timed(&folder, &daily(&database))).timed_out(TABLE_IS_LOCKED);
}

#[test]
fn a_reader_waits_for_a_locked_table_no_longer_than_a_writer() {
    let database = TestDatabase::postgres();
    let folder = load_small(&database);
    let status = format!("status --database {}", database.url);
    while_locked(&database, LOCK_TABLE, LONG, || run_timed(&folder, &status)).timed_out(TABLE_IS_LOCKED);
}

#[test]
fn a_lock_that_is_released_is_waited_for_on_both_databases() {
    for (database, statements, reason) in [
        (TestDatabase::sqlite(), LOCK_FILE, "database is locked"),
        (TestDatabase::postgres(), LOCK_TABLE, TABLE_IS_LOCKED),
    ] {
        let folder = load_small(&database);
        let waited = while_locked(&database, statements, SHORT, || run_timed(&folder, &daily(&database)));
        waited.succeeded_after_waiting(reason);
    }
}

#[test]
fn exhausted_connections_are_reported_in_the_servers_words() {
    if server().socket_folder().is_none() {
        eprintln!("skipped: DATABASE_URL names a server whose roles must not be changed");
        return;
    }
    let database = TestDatabase::postgres();
    let folder = load_small(&database);
    server().run("CREATE ROLE limited LOGIN CONNECTION LIMIT 1");
    let url = database.url.replace("postgres@", "limited@");
    let status = format!("status --database {url}");
    let waited = block_on(async {
        let connection = PgConnection::connect(&url).await.unwrap();
        let waited = run_timed(&folder, &status);
        connection.close().await.unwrap();
        waited
    });
    waited.timed_out("too many connections for role \"limited\"");
}

#[test]
fn an_unreachable_server_is_reported_early_without_its_password() {
    let folder = TestFolder::new();
    let waited = run_timed(&folder, "status --database postgres://ann:Secret9@localhost/mcoe?host=/nowhere");
    let messages = format!("{}{}", waited.first_line, waited.other_lines);
    assert!(!messages.contains("Secret9"), "{messages}");
    waited.timed_out("cannot open the database postgres://localhost/mcoe: No such file or directory");
}

#[test]
fn quiet_prints_only_the_error() {
    let folder = TestFolder::new();
    let waited = run_timed(&folder, "status --quiet --database postgres://ann@localhost/mcoe?host=/nowhere");
    assert!(waited.first_line.starts_with("error: the ledger was not available"), "{}", waited.first_line);
}

#[test]
fn an_interrupt_ends_the_waiting() {
    let database = TestDatabase::sqlite();
    let folder = load_small(&database);
    let ended = while_locked(&database, LOCK_FILE, SHORT, || {
        let start = Instant::now();
        let mut child = folder.command(&daily(&database)).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        assert!(std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
        let code = child.wait().unwrap().code();
        Waited {
            first_line: String::new(),
            seconds_to_first_line: 0.0,
            other_lines: String::new(),
            code,
            seconds_to_end: start.elapsed().as_secs_f64(),
        }
    });
    assert_eq!(ended.code, Some(130));
    assert!(ended.seconds_to_end < 4.0, "{} s", ended.seconds_to_end);
}

#[test]
fn commits_wait_for_a_server_that_restarts_repeatedly() {
    if server().socket_folder().is_none() {
        eprintln!("skipped: DATABASE_URL names a server that must not be restarted");
        return;
    }
    let own_server = Server::start();
    let database = TestDatabase::on(&own_server);
    let folder = TestFolder::new();
    folder.mcoe("generate --clients 10 --start 2026-W37 --out world --quiet").succeeds();
    folder.mcoe(&format!("db load world --now 2026-09-04T08:00:00Z --database {}", database.url)).succeeds();
    let (is_over, restarts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let run = |line: &str| folder.mcoe(&format!("{line} --quiet --database {}", database.url));
    std::thread::scope(|scope| {
        let restarting = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let restarted = restarts.load(Ordering::Relaxed);
                // Every third restart is a crash.
                own_server.restart(if restarted % 3 == 2 { "immediate" } else { "fast" });
                restarts.store(restarted + 1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(500 + 250 * (restarted as u64 % 5)));
            }
        });
        let mut runs: Vec<CommandOutput> =
            (37..49).map(|week| run(&format!("weekly --week 2026-W{week} --now 2026-09-04T08:00:00Z"))).collect();
        // A fast machine may finish before enough restarts.
        while restarts.load(Ordering::Relaxed) < 7 && !restarting.is_finished() {
            runs.push(run("daily --now 2026-09-08T08:00:00Z"));
        }
        is_over.store(true, Ordering::Relaxed);
        restarting.join().unwrap();
        let failed: Vec<&str> = runs.iter().filter(|ran| ran.code != Some(0)).map(|ran| ran.err.as_str()).collect();
        assert!(failed.is_empty(), "{} of {} commands failed: {failed:#?}", failed.len(), runs.len());
    });
    let weeks = "SELECT count(DISTINCT week) FROM plan_clients";
    assert_eq!(block_on(database.number(weeks)), 12);
}
