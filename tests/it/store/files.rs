//! The SQLite file: complete when a command has ended, readable by its owner only; other files are not touched.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::support::{TestFolder, block_on};

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
fn with_plan() -> TestFolder {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan --quiet").succeeds();
    folder
}

fn with_ledger() -> TestFolder {
    let folder = with_plan();
    folder.mcoe(CREATORS[0]).succeeds();
    folder
}

/// The ledger's file and the files next to it.
fn ledger_files(folder: &TestFolder) -> Vec<String> {
    folder.entries().into_iter().filter(|name| name.contains("mcoe.db")).collect()
}

/// Checks that the ledger has no other file next to its own.
#[track_caller]
fn assert_single_file(folder: &TestFolder, command: &str) {
    assert_eq!(ledger_files(folder), ["mcoe.db"], "after {command}");
}

fn schedule_count(folder: &TestFolder, database: &str) -> u64 {
    let status = folder.mcoe(&format!("status --format json --database {database}")).succeeds().json();
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
    let folder = with_ledger();
    assert_single_file(&folder, "db load");
    for round in 0..5 {
        let now = format!("--now 2026-10-{}T08:00:00Z", 16 + round);
        let line = if round == 0 { format!("commit plan --actor ann {now}") } else { format!("daily {now}") };
        folder.mcoe(&line).succeeds();
        assert_single_file(&folder, &line);
        fs::copy(folder.path("mcoe.db"), folder.path("copy.db")).unwrap();
        assert_eq!(schedule_count(&folder, "copy.db"), 29, "after {line}");
    }
    for line in READERS.iter().chain(&WRITERS[..7]).chain(&CREATORS) {
        // Whether the command succeeds does not matter here.
        folder.mcoe(line);
        assert_single_file(&folder, line);
    }
    folder.mcoe("commit plan --scenario nowhere").exits_with(2);
    folder.mcoe("weekly --workspace nobody").exits_with(2);
    assert_single_file(&folder, "commands that failed");
}

#[test]
fn a_copy_is_complete_while_another_program_has_the_file_open() {
    let folder = with_ledger();
    let mut other = block_on(async {
        let url = format!("sqlite:{}", folder.path("mcoe.db").display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("SELECT count(*) FROM clients").fetch_one(&mut other).await.unwrap();
        other
    });
    folder.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").succeeds();
    assert!(ledger_files(&folder).len() > 1, "no program has the file open");
    fs::copy(folder.path("mcoe.db"), folder.path("copy.db")).unwrap();
    assert_eq!(schedule_count(&folder, "copy.db"), 29);
    block_on(async { sqlx::query("SELECT count(*) FROM clients").fetch_one(&mut other).await.unwrap() });
}

#[test]
fn an_interrupted_command_leaves_the_file_complete() {
    let folder = with_ledger();
    folder.mcoe("generate --clients 40 --out world --quiet").succeeds();
    let start = Instant::now();
    folder.mcoe("db load world --now 2026-09-04T08:00:00Z --database other.db").succeeds();
    let full_time = start.elapsed();
    for fraction in [0.3, 0.5, 0.7, 0.9] {
        let line = "db load world --now 2026-09-04T08:00:00Z";
        let child = folder.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(full_time.mul_f64(fraction));
        signal(&child, "-INT");
        let code = { child }.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 130)), "{code:?}");
        assert_single_file(&folder, "an interrupt");
    }
}

#[test]
fn a_stopped_server_leaves_the_file_complete() {
    let folder = with_ledger();
    folder.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").succeeds();
    for name in ["-TERM", "-INT"] {
        let mut child = folder.command("serve --port 0").stderr(Stdio::piped()).spawn().unwrap();
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
        assert!(ledger_files(&folder).len() > 1, "the server does not use the file");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert_single_file(&folder, "serve");
    }
    assert_eq!(schedule_count(&folder, "mcoe.db"), 29);
}

#[test]
fn the_log_of_a_killed_command_is_read_and_merged() {
    let folder = with_ledger();
    folder.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").succeeds();
    let (merged, read_only) = (folder.path("merged.db"), folder.path("read-only.db"));
    block_on(async {
        let url = format!("sqlite:{}", folder.path("mcoe.db").display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let cancel = "UPDATE campaign_orchestration_schedules SET status = 'cancelled' WHERE status = 'pending'";
        sqlx::query(cancel).execute(&mut connection).await.unwrap();
        for path in [&merged, &read_only] {
            fs::copy(folder.path("mcoe.db"), path).unwrap();
            fs::copy(folder.path("mcoe.db-wal"), path.with_extension("db-wal")).unwrap();
        }
        connection.close().await.unwrap();
    });
    let pending = |database: &str| {
        let status = folder.mcoe(&format!("status --format json --database {database}")).succeeds().json();
        status["overview"]["pending_schedules"].as_u64().unwrap()
    };
    let before = fs::read(&read_only).unwrap();
    assert_eq!(pending("sqlite:read-only.db?mode=ro"), 0);
    assert_eq!(fs::read(&read_only).unwrap(), before);
    assert!(folder.entries().contains(&"read-only.db-wal".to_owned()), "the log of a file opened read-only is gone");
    assert_eq!(pending("merged.db"), 0);
    let companions: Vec<String> = folder.entries().into_iter().filter(|name| name.starts_with("merged.db-")).collect();
    assert!(companions.is_empty(), "{companions:?}");
}

#[test]
fn reading_changes_no_byte_and_leaves_no_other_file() {
    let folder = with_ledger();
    folder.mcoe("commit plan --actor ann --now 2026-10-16T08:00:00Z").succeeds();
    let before =
        (fs::read(folder.path("mcoe.db")).unwrap(), folder.path("mcoe.db").metadata().unwrap().modified().unwrap());
    for line in READERS {
        for database in ["mcoe.db", "sqlite:mcoe.db?mode=ro"] {
            folder.mcoe(&format!("{line} --database {database}"));
            assert_single_file(&folder, line);
        }
    }
    let after =
        (fs::read(folder.path("mcoe.db")).unwrap(), folder.path("mcoe.db").metadata().unwrap().modified().unwrap());
    assert!(before == after, "a reader wrote into the file");
}

#[test]
fn only_load_and_migrate_create_a_ledger() {
    let folder = with_plan();
    for line in READERS.iter().chain(&WRITERS) {
        let ran = folder.mcoe(&format!("{line} --database typo.db")).exits_with(2);
        ran.stderr_has(&["the ledger `typo.db` does not exist", "mcoe db load"]);
        assert!(!folder.entries().iter().any(|name| name.contains("typo.db")), "{line}");
    }
    folder.write("empty.db", "");
    for line in READERS.iter().chain(&WRITERS) {
        folder
            .mcoe(&format!("{line} --database empty.db"))
            .exits_with(2)
            .stderr_has(&["the ledger `empty.db` does not exist"]);
        assert_eq!(folder.read("empty.db"), "", "{line}");
    }
    for (line, name) in [(CREATORS[0], "a.db"), (CREATORS[1], "b.db"), (CREATORS[0], "empty.db")] {
        folder.mcoe(&format!("{line} --database {name}")).succeeds();
        assert_eq!(schedule_count(&folder, name), 0);
    }
    for name in ["a.db", "b.db"] {
        let mode = folder.path(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name} can be read by others");
    }
}

#[test]
fn another_programs_file_is_refused_and_left_unchanged() {
    let folder = with_plan();
    run_sql(&folder.path("other.db"), "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    run_sql(&folder.path("log.db"), "PRAGMA journal_mode = wal; CREATE TABLE mine (a); INSERT INTO mine VALUES (1)");
    run_sql(&folder.path("migrated.db"), "CREATE TABLE _sqlx_migrations (version); CREATE TABLE mine (a)");
    folder.write("letter.txt", "Dear reader,\n");
    for (name, holds) in [
        ("other.db", "tables of another program (`mine`)"),
        ("log.db", "tables of another program (`mine`)"),
        ("migrated.db", "tables of another program"),
        ("letter.txt", "it is not an SQLite database"),
        ("rules", "it is not a regular file"),
    ] {
        let state = || (folder.path(name).is_file().then(|| fs::read(folder.path(name)).unwrap()), folder.entries());
        let before = state();
        for line in READERS.iter().chain(&WRITERS).chain(&CREATORS) {
            let ran = folder.mcoe(&format!("{line} --database {name}")).exits_with(2);
            ran.stderr_has(&[&format!("`{name}` is not a ledger: "), holds, "remedy"]);
            assert!(state() == before, "{line} changed {name}");
        }
    }
}

#[test]
fn a_ledger_is_complete_after_concurrent_commands() {
    let folder = with_ledger();
    let mut children: Vec<Child> = Vec::new();
    for number in 0..8 {
        let line = if number % 2 == 0 { "daily --now 2026-10-16T08:00:00Z" } else { "status" };
        children.push(folder.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(20));
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_single_file(&folder, "eight commands at once");
}
