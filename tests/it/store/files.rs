//! The SQLite file: complete when a command has ended, readable by its owner only; other files are not touched.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::support::{Workplace, block_on};

/// Commands that only read.
const READERS: [&str; 8] = [
    "status",
    "review",
    "actions",
    "actions --schedule abcdef12",
    "rules impact",
    "plan --from-database corner --out planned",
    "db export corner --out exported",
    "token list",
];
/// Commands that write to an existing ledger.
const WRITERS: [&str; 8] = [
    "commit plan",
    "weekly",
    "daily",
    "approve --risk low --yes",
    "cancel --risk low --yes",
    "token create --workspace corner --name ann --role viewer",
    "token revoke 00000000-0000-4000-8000-000000000001",
    "serve --port 0",
];
/// Commands that create a ledger.
const CREATORS: [&str; 2] = ["db load small --now 2026-10-16T08:00:00Z", "db migrate"];

/// A folder with a plan of the small scenario and no ledger.
fn with_plan() -> Workplace {
    let work = Workplace::new();
    work.mcoe("plan small --out plan --quiet").done();
    work
}

fn with_ledger() -> Workplace {
    let work = with_plan();
    work.mcoe(CREATORS[0]).done();
    work
}

/// The ledger's file and the files next to it.
fn ledger_files(work: &Workplace) -> Vec<String> {
    work.entries().into_iter().filter(|name| name.contains("mcoe.db")).collect()
}

/// Checks that the ledger has no other file next to its own.
#[track_caller]
fn assert_single_file(work: &Workplace, command: &str) {
    assert_eq!(ledger_files(work), ["mcoe.db"], "after {command}");
}

fn schedule_count(work: &Workplace, database: &str) -> u64 {
    let status = work.mcoe(&format!("status --format json --database {database}")).done().json();
    status["overview"]["total_schedules"].as_u64().unwrap()
}

fn run_sql(path: &std::path::Path, sql: &str) {
    block_on(async {
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}?mode=rwc", path.display())).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap().success());
}

#[test]
fn a_copy_taken_after_any_command_is_complete() {
    let work = with_ledger();
    assert_single_file(&work, "db load");
    for round in 0..5 {
        let now = format!("--now 2026-10-{}T08:00:00Z", 16 + round);
        let line = if round == 0 { format!("commit plan --actor ann {now}") } else { format!("daily {now}") };
        work.mcoe(&line).done();
        assert_single_file(&work, &line);
        fs::copy(work.path("mcoe.db"), work.path("copy.db")).unwrap();
        assert_eq!(schedule_count(&work, "copy.db"), 29, "after {line}");
    }
    for line in READERS.iter().chain(&WRITERS[..7]).chain(&CREATORS) {
        // Whether the command succeeds does not matter here.
        work.mcoe(line);
        assert_single_file(&work, line);
    }
    work.mcoe("commit plan --scenario nowhere").ends_with(2);
    work.mcoe("weekly --workspace nobody").ends_with(2);
    assert_single_file(&work, "commands that failed");
}

#[test]
fn a_copy_is_complete_while_another_program_has_the_file_open() {
    let work = with_ledger();
    let mut other = block_on(async {
        let url = format!("sqlite:{}", work.path("mcoe.db").display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("SELECT count(*) FROM clients").fetch_one(&mut other).await.unwrap();
        other
    });
    work.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").done();
    assert!(ledger_files(&work).len() > 1, "no program has the file open");
    fs::copy(work.path("mcoe.db"), work.path("copy.db")).unwrap();
    assert_eq!(schedule_count(&work, "copy.db"), 29);
    block_on(async { sqlx::query("SELECT count(*) FROM clients").fetch_one(&mut other).await.unwrap() });
}

#[test]
fn an_interrupted_command_leaves_the_file_complete() {
    let work = with_ledger();
    work.mcoe("generate --clients 40 --out world --quiet").done();
    let start = Instant::now();
    work.mcoe("db load world --now 2026-09-04T08:00:00Z --database other.db").done();
    let full_time = start.elapsed();
    for fraction in [0.3, 0.5, 0.7, 0.9] {
        let line = "db load world --now 2026-09-04T08:00:00Z";
        let child = work.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(full_time.mul_f64(fraction));
        signal(&child, "-INT");
        let code = { child }.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 130)), "{code:?}");
        assert_single_file(&work, "an interrupt");
    }
}

#[test]
fn a_stopped_server_leaves_the_file_complete() {
    let work = with_ledger();
    work.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").done();
    for name in ["-TERM", "-INT"] {
        let mut child = work.command("serve --port 0").stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let after_host = |line: String| line.split("http://localhost:").nth(1).map(str::to_owned);
        let console = stderr.find_map(|line| after_host(line.unwrap())).unwrap();
        let port: u16 = console.split('/').next().unwrap().parse().unwrap();
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /founder/orchestration HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.is_empty());
        assert!(ledger_files(&work).len() > 1, "the server does not use the file");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_single_file(&work, "serve");
    }
    assert_eq!(schedule_count(&work, "mcoe.db"), 29);
}

#[test]
fn the_log_of_a_killed_command_is_read_and_merged() {
    let work = with_ledger();
    work.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").done();
    let (merged, read_only) = (work.path("merged.db"), work.path("read-only.db"));
    block_on(async {
        let url = format!("sqlite:{}", work.path("mcoe.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let cancel = "UPDATE campaign_orchestration_schedules SET status = 'cancelled' WHERE status = 'pending'";
        sqlx::query(cancel).execute(&mut connection).await.unwrap();
        for path in [&merged, &read_only] {
            fs::copy(work.path("mcoe.db"), path).unwrap();
            fs::copy(work.path("mcoe.db-wal"), path.with_extension("db-wal")).unwrap();
        }
        connection.close().await.unwrap();
    });
    let pending = |database: &str| {
        let status = work.mcoe(&format!("status --format json --database {database}")).done().json();
        status["overview"]["pending_schedules"].as_u64().unwrap()
    };
    let before = fs::read(&read_only).unwrap();
    assert_eq!(pending("sqlite:read-only.db?mode=ro"), 0);
    assert_eq!(fs::read(&read_only).unwrap(), before);
    assert!(work.entries().contains(&"read-only.db-wal".to_owned()), "the log of a file opened read-only is gone");
    assert_eq!(pending("merged.db"), 0);
    let companions: Vec<String> = work.entries().into_iter().filter(|name| name.starts_with("merged.db-")).collect();
    assert!(companions.is_empty(), "{companions:?}");
}

#[test]
fn reading_changes_no_byte_and_leaves_no_other_file() {
    let work = with_ledger();
    work.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").done();
    let before =
        (fs::read(work.path("mcoe.db")).unwrap(), work.path("mcoe.db").metadata().unwrap().modified().unwrap());
    for line in READERS {
        for database in ["mcoe.db", "sqlite:mcoe.db?mode=ro"] {
            work.mcoe(&format!("{line} --database {database}"));
            assert_single_file(&work, line);
        }
    }
    let after = (fs::read(work.path("mcoe.db")).unwrap(), work.path("mcoe.db").metadata().unwrap().modified().unwrap());
    assert!(before == after, "a reader wrote into the file");
}

#[test]
fn only_load_and_migrate_create_a_ledger() {
    let work = with_plan();
    for line in READERS.iter().chain(&WRITERS) {
        let ran = work.mcoe(&format!("{line} --database typo.db")).ends_with(2);
        ran.says(&["the ledger `typo.db` does not exist", "mcoe db load"]);
        assert!(!work.entries().iter().any(|name| name.contains("typo.db")), "{line}");
    }
    work.write("empty.db", "");
    for line in READERS.iter().chain(&WRITERS) {
        work.mcoe(&format!("{line} --database empty.db")).ends_with(2).says(&["the ledger `empty.db` does not exist"]);
        assert_eq!(work.read("empty.db"), "", "{line}");
    }
    for (line, name) in [(CREATORS[0], "a.db"), (CREATORS[1], "b.db"), (CREATORS[0], "empty.db")] {
        work.mcoe(&format!("{line} --database {name}")).done();
        assert_eq!(schedule_count(&work, name), 0);
    }
    for name in ["a.db", "b.db"] {
        let mode = work.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} can be read by others");
    }
}

#[test]
fn another_programs_file_is_refused_and_left_unchanged() {
    let work = with_plan();
    run_sql(&work.path("other.db"), "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    run_sql(&work.path("log.db"), "PRAGMA journal_mode = wal; CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    run_sql(&work.path("migrated.db"), "CREATE TABLE _sqlx_migrations (version); CREATE TABLE mine (a)");
    work.write("letter.txt", "Dear reader,\n");
    for (name, holds) in [
        ("other.db", "tables of another program (`mine`)"),
        ("log.db", "tables of another program (`mine`)"),
        ("migrated.db", "tables of another program"),
        ("letter.txt", "it is not an SQLite database"),
        ("rules", "it is not a regular file"),
    ] {
        let state = || (work.path(name).is_file().then(|| fs::read(work.path(name)).unwrap()), work.entries());
        let before = state();
        for line in READERS.iter().chain(&WRITERS).chain(&CREATORS) {
            let ran = work.mcoe(&format!("{line} --database {name}")).ends_with(2);
            ran.says(&[&format!("`{name}` is not a ledger: "), holds, "remedy"]);
            assert!(state() == before, "{line} changed {name}");
        }
    }
}

#[test]
fn a_ledger_is_complete_after_concurrent_commands() {
    let work = with_ledger();
    let mut children: Vec<Child> = Vec::new();
    for number in 0..8 {
        let line = if number % 2 == 0 { "daily --now 2026-10-16T08:00:00Z" } else { "status" };
        children.push(work.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_single_file(&work, "eight commands at once");
}
