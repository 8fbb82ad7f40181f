//! How long a command waits for a database, and what it reports.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::support::postgres::{Server, server};
use crate::support::{Place, Ran, Workplace, block_on};

/// A command that has to wait: its messages, and when they came.
struct Waited {
    /// The first line on stderr, and the seconds until then.
    first: String,
    silence: f64,
    /// The other lines, the exit code, and the seconds until the end.
    rest: String,
    code: Option<i32>,
    seconds: f64,
}

/// A folder with the small scenario loaded into a database.
fn loaded(place: &Place) -> Workplace {
    let work = Workplace::new();
    work.mcoe(&format!("db load small --now 2026-10-16T08:00:00Z --database {}", place.url)).done();
    work
}

fn waited(work: &Workplace, line: &str) -> Waited {
    let begun = Instant::now();
    let mut child = work.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let (mut first, mut rest) = (String::new(), String::new());
    said.read_line(&mut first).unwrap();
    let silence = begun.elapsed().as_secs_f64();
    said.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code();
    Waited { first, silence, rest, code, seconds: begun.elapsed().as_secs_f64() }
}

impl Waited {
    /// Checks that the reason was reported early, and the failure at the end.
    #[track_caller]
    fn timed_out(self, reason: &str) {
        let Self { first, silence, rest, code, seconds } = self;
        let early = format!("waiting up to 30 s for the ledger: {reason}");
        assert!(first.starts_with(&early), "{first}{rest}");
        assert!((1.5..10.0).contains(&silence), "reported after {silence} s");
        let late = format!("error: the ledger was not available within 30 s: {reason}");
        assert!(rest.starts_with(&late) && rest.contains("remedy"), "{rest}");
        assert_eq!(code, Some(3));
        assert!((29.0..45.0).contains(&seconds), "{seconds} s");
    }

    /// Checks that the reason was reported early, and that the command then succeeded.
    #[track_caller]
    fn succeeded_after_waiting(self, reason: &str) {
        let early = format!("waiting up to 30 s for the ledger: {reason}");
        assert!(self.first.starts_with(&early), "{}{}", self.first, self.rest);
        assert_eq!((self.code, self.rest.as_str()), (Some(0), ""));
    }
}

/// Runs a command while statements lock the database for some time.
fn while_held(place: &Place, statements: &str, hold: Duration, command: impl FnOnce() -> Waited) -> Waited {
    let (held, is_held) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            block_on(async {
                let sql = sqlx::raw_sql(AssertSqlSafe(statements));
                if place.is_postgres() {
                    let mut connection = PgConnection::connect(&place.url).await.unwrap();
                    sql.execute(&mut connection).await.unwrap();
                    held.send(()).unwrap();
                    tokio::time::sleep(hold).await;
                    connection.close().await.unwrap();
                } else {
                    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", place.url)).await.unwrap();
                    sql.execute(&mut connection).await.unwrap();
                    held.send(()).unwrap();
                    tokio::time::sleep(hold).await;
                    connection.close().await.unwrap();
                }
            });
        });
        is_held.recv().unwrap();
        command()
    })
}

const LONG: Duration = Duration::from_secs(36);
const SHORT: Duration = Duration::from_secs(6);
const WRITER: &str = "BEGIN IMMEDIATE";
const TABLE: &str = "BEGIN; LOCK TABLE campaign_orchestration_schedules IN ACCESS EXCLUSIVE MODE";
const LOCKED: &str = "another session holds a lock (canceling statement due to lock timeout)";

fn daily(place: &Place) -> String {
    format!("daily --now 2026-10-20T08:00:00Z --database {}", place.url)
}

#[test]
fn a_locked_sqlite_file_is_reported_early_and_times_out() {
    let place = Place::sqlite();
    let work = loaded(&place);
    while_held(&place, WRITER, LONG, || waited(&work, &daily(&place))).timed_out("database is locked");
}

#[test]
fn a_locked_postgres_table_is_reported_early_and_times_out() {
    let place = Place::postgres();
    let work = loaded(&place);
    while_held(&place, TABLE, LONG, || waited(&work, &daily(&place))).timed_out(LOCKED);
}

#[test]
fn a_reader_waits_for_a_locked_table_no_longer_than_a_writer() {
    let place = Place::postgres();
    let work = loaded(&place);
    let status = format!("status --database {}", place.url);
    while_held(&place, TABLE, LONG, || waited(&work, &status)).timed_out(LOCKED);
}

#[test]
fn a_lock_that_is_released_is_waited_for_on_both_databases() {
    for (place, statements, reason) in
        [(Place::sqlite(), WRITER, "database is locked"), (Place::postgres(), TABLE, LOCKED)]
    {
        let work = loaded(&place);
        while_held(&place, statements, SHORT, || waited(&work, &daily(&place))).succeeded_after_waiting(reason);
    }
}

#[test]
fn exhausted_connections_are_reported_in_the_servers_words() {
    if server().socket().is_none() {
        eprintln!("skipped: DATABASE_URL names a server whose roles are not ours");
        return;
    }
    let place = Place::postgres();
    let work = loaded(&place);
    server().run("CREATE ROLE limited LOGIN CONNECTION LIMIT 1");
    let url = place.url.replace("postgres@", "limited@");
    let status = format!("status --database {url}");
    let reported = block_on(async {
        let connection = PgConnection::connect(&url).await.unwrap();
        let reported = waited(&work, &status);
        connection.close().await.unwrap();
        reported
    });
    reported.timed_out("too many connections for role \"limited\"");
}

#[test]
fn an_unreachable_server_is_reported_early_without_its_password() {
    let work = Workplace::new();
    let reported = waited(&work, "status --database postgres://ann:Secret9@localhost/mcoe?host=/nowhere");
    assert!(
        !reported.first.contains("Secret9") && !reported.rest.contains("Secret9"),
        "{}{}",
        reported.first,
        reported.rest
    );
    reported.timed_out("cannot open the database postgres://localhost/mcoe: No such file or directory");
}

#[test]
fn quiet_prints_only_the_error() {
    let work = Workplace::new();
    let reported = waited(&work, "status --quiet --database postgres://ann@localhost/mcoe?host=/nowhere");
    assert!(reported.first.starts_with("error: the ledger was not available"), "{}", reported.first);
}

#[test]
fn an_interrupt_ends_the_waiting() {
    let place = Place::sqlite();
    let work = loaded(&place);
    let ended = while_held(&place, WRITER, SHORT, || {
        let begun = Instant::now();
        let mut child = work.command(&daily(&place)).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        assert!(std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
        let code = child.wait().unwrap().code();
        let (first, rest) = (String::new(), String::new());
        Waited { first, silence: 0.0, rest, code, seconds: begun.elapsed().as_secs_f64() }
    });
    assert_eq!(ended.code, Some(130));
    assert!(ended.seconds < 4.0, "{} s", ended.seconds);
}

#[test]
fn commits_wait_for_a_server_that_restarts_repeatedly() {
    if server().socket().is_none() {
        eprintln!("skipped: DATABASE_URL names a server that is not ours to restart");
        return;
    }
    let own = Server::start();
    let place = Place::on(&own);
    let work = Workplace::new();
    work.mcoe("generate --clients 10 --start 2026-W37 --out world --quiet").done();
    work.mcoe(&format!("db load world --now 2026-09-04T08:00:00Z --database {}", place.url)).done();
    let (is_over, restarts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let run = |line: &str| work.mcoe(&format!("{line} --quiet --database {}", place.url));
    std::thread::scope(|scope| {
        let restarting = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let restarted = restarts.load(Ordering::Relaxed);
                // Every third one is a crash.
                own.restart(if restarted % 3 == 2 { "immediate" } else { "fast" });
                restarts.store(restarted + 1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(500 + 250 * (restarted as u64 % 5)));
            }
        });
        let mut ran: Vec<Ran> =
            (37..49).map(|week| run(&format!("weekly --week 2026-W{week} --now 2026-09-04T08:00:00Z"))).collect();
        // A fast machine may finish before enough restarts.
        while restarts.load(Ordering::Relaxed) < 7 && !restarting.is_finished() {
            ran.push(run("daily --now 2026-09-08T08:00:00Z"));
        }
        is_over.store(true, Ordering::Relaxed);
        restarting.join().unwrap();
        let failed: Vec<&str> = ran.iter().filter(|ran| ran.code != Some(0)).map(|ran| ran.err.as_str()).collect();
        assert!(failed.is_empty(), "{} of {} commands failed: {failed:#?}", failed.len(), ran.len());
    });
    let weeks = "SELECT count(DISTINCT week) FROM plan_clients";
    assert_eq!(block_on(place.number(weeks)), 12);
}
