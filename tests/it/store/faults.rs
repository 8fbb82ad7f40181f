//! Faults that the ledger survives: kills, races, restarts, a full disk, wrong addresses.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcoe::model::WorkspaceId;
use mcoe::store::{Ledger, StoreError};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::support::postgres::{Server, server};
use crate::support::{TestDatabase, TestFolder, block_on, newest_schema_version, on_both};

/// Number of kills of one kind of command on one database; there are two kinds, and two databases.
const KILLS: u32 = 13;

/// A folder with a generated scenario of some clients, which is loaded into a database.
fn load_clients(database: &TestDatabase, clients: u32) -> TestFolder {
    let folder = TestFolder::new();
    // Drafts may be late, and one person may approve everything.
    folder.replace("rules/calendar.toml", "late_hours = 24", "late_hours = 168");
    folder.replace("rules/risk.toml", "second_person_for_high_risk = true", "second_person_for_high_risk = false");
    folder.mcoe(&format!("generate --clients {clients} --out world --quiet")).succeeds();
    folder.mcoe(&format!("db load world --now 2026-09-04T08:00:00Z --database {}", database.url)).succeeds();
    folder
}

fn spawn(folder: &TestFolder, line: &str) -> Child {
    let mut command: Command = folder.command(line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Checks that every plan has all its schedules, and every schedule its decisions.
fn assert_plans_are_complete(database: &TestDatabase) {
    let incomplete = "SELECT count(*) FROM plans WHERE posts <> \
                      (SELECT count(*) FROM campaign_orchestration_schedules s WHERE s.plan_id = plans.plan_id)";
    assert_eq!(block_on(database.number(incomplete)), 0, "a plan is in the ledger without all of its schedules");
    let unrecorded = "SELECT count(*) FROM campaign_orchestration_schedules WHERE id NOT IN \
                      (SELECT schedule_id FROM campaign_orchestration_actions WHERE schedule_id IS NOT NULL)";
    assert_eq!(block_on(database.number(unrecorded)), 0, "a schedule is in the ledger without its decisions");
}

/// Checks that every completed schedule has exactly one draft and one record of it, and no other schedule has any.
fn assert_drafts_exist_once(database: &TestDatabase) {
    let number = |sql: &str| block_on(database.number(sql));
    let completed = number("SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'completed'");
    assert_eq!(number("SELECT count(*) FROM drafts"), completed);
    assert_eq!(number("SELECT count(DISTINCT schedule_id) FROM drafts"), completed);
    let recorded = "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'schedule_executed'";
    assert_eq!(number(recorded), completed);
    assert_eq!(number("SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'executing'"), 0);
}

/// Runs commands, one for each number, and kills each at another time of its run.
fn run_and_kill(folder: &TestFolder, line: impl Fn(u32) -> String) {
    let start = Instant::now();
    assert!(spawn(folder, &line(0)).wait_with_output().unwrap().status.success());
    let full_time = start.elapsed();
    for number in 1..=KILLS {
        let mut child = spawn(folder, &line(number));
        // Multiples of the golden ratio spread the kills evenly over the whole run.
        std::thread::sleep(full_time.mul_f64((f64::from(number) * 0.618_034).fract()));
        // Fails if the child has already ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }
}

fn commits_survive_kills(database: &TestDatabase) {
    let folder = load_clients(database, 12);
    let line = |number: u32| {
        format!("weekly --week 2026-W{} --now 2026-09-04T08:00:00Z --database {}", 37 + number, database.url)
    };
    run_and_kill(&folder, line);
    assert_plans_are_complete(database);
    for number in 0..=KILLS {
        folder.mcoe(&line(number)).succeeds();
    }
    assert_plans_are_complete(database);
    let twice =
        "SELECT count(*) FROM (SELECT client_id, week FROM plan_clients GROUP BY 1, 2 HAVING count(*) > 1) AS t";
    assert_eq!(block_on(database.number(twice)), 0);
    let weeks = block_on(database.number("SELECT count(DISTINCT week) FROM plan_clients"));
    assert_eq!(weeks, i64::from(KILLS) + 1);
}

fn passes_survive_kills(database: &TestDatabase) {
    let folder = load_clients(database, 20);
    folder.mcoe(&format!("weekly --week 2026-W37 --now 2026-09-04T08:00:00Z --database {}", database.url)).succeeds();
    let line = |number: u32| {
        let hour = 8 + number * 11;
        let (day, hour) = (7 + hour / 24, hour % 24);
        format!("daily --now 2026-09-{day:02}T{hour:02}:00:00Z --database {}", database.url)
    };
    run_and_kill(&folder, line);
    assert_plans_are_complete(database);
    assert_drafts_exist_once(database);
    folder.mcoe(&format!("daily --now 2026-09-13T23:00:00Z --database {}", database.url)).succeeds();
    assert_drafts_exist_once(database);
    let not_drafted = "SELECT count(*) FROM campaign_orchestration_schedules \
                       WHERE status = 'ready' AND scheduled_for <= '2026-09-13T23:00:00Z'";
    assert_eq!(block_on(database.number(not_drafted)), 0);
}

#[test]
fn killed_commits_leave_whole_plans_or_none_in_sqlite() {
    commits_survive_kills(&TestDatabase::sqlite());
}

#[test]
fn killed_commits_leave_whole_plans_or_none_in_postgres() {
    commits_survive_kills(&TestDatabase::postgres());
}

#[test]
fn killed_passes_draft_everything_once_in_sqlite() {
    passes_survive_kills(&TestDatabase::sqlite());
}

#[test]
fn killed_passes_draft_everything_once_in_postgres() {
    passes_survive_kills(&TestDatabase::postgres());
}

fn assert_all_succeed(children: Vec<Child>) {
    for child in children {
        let output = child.wait_with_output().unwrap();
        let reported = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{reported}");
    }
}

fn commit_one_plan_at_once(database: &TestDatabase) {
    let folder = load_clients(database, 20);
    folder.mcoe("plan world --out plan --quiet").succeeds();
    let line = format!("commit plan --now 2026-09-04T08:00:00Z --database {}", database.url);
    assert_all_succeed((0..4).map(|_| spawn(&folder, &line)).collect());
    assert_plans_are_complete(database);
    assert_eq!(block_on(database.number("SELECT count(*) FROM plans")), 1);
}

#[test]
fn a_plan_committed_by_four_processes_is_stored_once_in_sqlite() {
    commit_one_plan_at_once(&TestDatabase::sqlite());
}

#[test]
fn a_plan_committed_by_four_processes_is_stored_once_in_postgres() {
    commit_one_plan_at_once(&TestDatabase::postgres());
}

/// Runs eight daily passes at once over ten thousand due schedules.
fn run_eight_passes_at_once(database: &TestDatabase) {
    let folder = load_clients(database, 400);
    folder.mcoe(&format!("weekly --week 2026-W37 --now 2026-09-04T08:00:00Z --database {}", database.url)).succeeds();
    let approve = "approve --risk medium --yes --quiet --actor bob --now 2026-09-04T09:00:00Z --database";
    folder.mcoe(&format!("{approve} {}", database.url)).succeeds();
    let ready = "SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'ready'";
    let due = block_on(database.number(ready));
    assert!(due >= 10_000, "only {due} schedules are due");
    let line = format!("daily --now 2026-09-14T06:00:00Z --database {}", database.url);
    assert_all_succeed((0..8).map(|_| spawn(&folder, &line)).collect());
    assert_drafts_exist_once(database);
    let not_drafted = "SELECT count(*) FROM campaign_orchestration_schedules \
                       WHERE status = 'ready' AND scheduled_for <= '2026-09-14T06:00:00Z'";
    assert_eq!(block_on(database.number(not_drafted)), 0);
    let drafted = block_on(database.number("SELECT count(*) FROM drafts"));
    assert!(drafted > 9_000, "{drafted}");
}

#[test]
fn eight_passes_at_once_draft_ten_thousand_schedules_once_in_sqlite() {
    run_eight_passes_at_once(&TestDatabase::sqlite());
}

#[test]
fn eight_passes_at_once_draft_ten_thousand_schedules_once_in_postgres() {
    run_eight_passes_at_once(&TestDatabase::postgres());
}

#[test]
fn commits_survive_a_server_restart_and_no_plan_is_partial() {
    if server().socket_folder().is_none() {
        eprintln!("skipped: DATABASE_URL names a server that must not be restarted");
        return;
    }
    let own_server = Server::start();
    let database = TestDatabase::on(&own_server);
    let folder = load_clients(&database, 30);
    let line = |week: u32| format!("weekly --week 2026-W{week} --now 2026-09-04T08:00:00Z --database {}", database.url);
    let mut children = Vec::new();
    for week in 37..43 {
        children.push(spawn(&folder, &line(week)));
        std::thread::sleep(Duration::from_millis(150));
        if week % 2 == 0 {
            own_server.restart("fast");
        }
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        let reported = String::from_utf8_lossy(&output.stderr).into_owned();
        // A command may fail, for example because another one changed the clients' state, but not panic.
        assert!(output.status.success() || reported.starts_with("error: "), "{reported}");
        assert!(!reported.contains("panicked"), "{reported}");
    }
    assert_plans_are_complete(&database);
    for week in 37..43 {
        folder.mcoe(&line(week)).succeeds();
    }
    assert_plans_are_complete(&database);
    assert_eq!(block_on(database.number("SELECT count(DISTINCT week) FROM plan_clients")), 6);
}

#[test]
fn a_full_disk_is_reported_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
        .arg(dir.path())
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    }
    let folder = TestFolder::new();
    let url = dir.path().join("ledger.db").display().to_string();
    folder.mcoe("generate --clients 10 --start 2026-W43 --out world --quiet").succeeds();
    folder.mcoe(&format!("db load world --now 2026-10-16T08:00:00Z --database {url}")).succeeds();
    let mut full = None;
    for week in 43..53 {
        let ran = folder.mcoe(&format!("weekly --week 2026-W{week} --now 2026-10-16T08:00:00Z --database {url}"));
        if ran.code != Some(0) {
            full = Some((week, ran));
            break;
        }
    }
    let (week, ran) = full.expect("the disk of six megabytes never became full");
    let reported = ran.exits_with(3).stderr_has(&["the disk of the database is full", "free disk space"]);
    assert!(!reported.err.contains("panicked"));
    let grown = Command::new("mount").args(["-o", "remount,size=64m"]).arg(dir.path()).status().unwrap();
    assert!(grown.success());
    let again = format!("weekly --week 2026-W{week} --now 2026-10-16T08:00:00Z --database {url}");
    let ran = folder.mcoe(&again);
    assert!(Command::new("umount").arg("-l").arg(dir.path()).status().unwrap().success());
    ran.succeeds();
}

#[test]
fn a_wrong_password_is_reported_without_the_password() {
    if server().socket_folder().is_none() {
        eprintln!("skipped: DATABASE_URL names a server whose passwords must not be changed");
        return;
    }
    server().run(
        "DO $$ BEGIN CREATE ROLE keyholder LOGIN PASSWORD 'right'; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    let folder = TestFolder::new();
    let url = server().url("postgres").replace("postgres@", "keyholder:Wr0ngSecret@");
    let ran = folder.mcoe(&format!("status --database {url}")).exits_with(3);
    assert!(ran.err.contains("password authentication failed"), "{}", ran.err);
    assert!(!ran.err.contains("Wr0ngSecret") && !ran.out.contains("Wr0ngSecret"), "{}", ran.err);
}

#[test]
fn a_read_only_database_is_reported_and_can_be_read() {
    let database = TestDatabase::sqlite();
    let folder = load_clients(&database, 2);
    let read_only = format!("sqlite:{}?mode=ro", database.url);
    folder.mcoe(&format!("status --database {read_only}")).succeeds();
    folder.mcoe(&format!("weekly --database {read_only}")).exits_with(3).stderr_has(&["read-only"]);
    let database = TestDatabase::postgres();
    let folder = load_clients(&database, 2);
    let name = database.url.split('?').next().unwrap().rsplit_once('/').unwrap().1.to_owned();
    let set = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    block_on(database.run(&set)).unwrap();
    folder.mcoe(&format!("status --database {}", database.url)).succeeds();
    folder.mcoe(&format!("weekly --database {}", database.url)).exits_with(3).stderr_has(&["read-only"]);
}

on_both! {
    async fn a_ledger_of_the_first_schema_is_migrated_and_keeps_its_content(database: &TestDatabase) {
        let url = if database.is_postgres() {
            // The server has its own runtime, which cannot be created within this one.
            std::thread::scope(|scope| scope.spawn(|| server().create_database()).join().unwrap())
        } else {
            format!("{}.old", database.url)
        };
        let (first_schema, address) = match database.is_postgres() {
            true => (include_str!("../../../migrations/postgres/0001_ledger.sql"), url.clone()),
            false => (include_str!("../../../migrations/sqlite/0001_ledger.sql"), format!("sqlite:{url}?mode=rwc")),
        };
        let first = Migration::new(1, "ledger".into(), MigrationType::Simple, first_schema.into_sql_str(), false);
        let migrator = Migrator::with_migrations(vec![first]);
        let workspace = "INSERT INTO workspaces VALUES ('old', 'agency', '2026-W37', 4, 1, 5, '{}', '{}', '2026-09-01T00:00:00Z')";
        if database.is_postgres() {
            let pool = sqlx::PgPool::connect(&address).await.unwrap();
            migrator.run(&pool).await.unwrap();
            sqlx::query(workspace).execute(&pool).await.unwrap();
            assert!(matches!(Ledger::open(&url.parse().unwrap()).await, Err(StoreError::NotMigrated { found: 1, .. })));
            pool.close().await;
        } else {
            let pool = sqlx::SqlitePool::connect(&address).await.unwrap();
            migrator.run(&pool).await.unwrap();
            sqlx::query(workspace).execute(&pool).await.unwrap();
            pool.close().await;
        }
        if database.is_postgres() {
            assert_eq!(
                Ledger::migrate(&url.parse().unwrap()).await.unwrap(),
                (1, newest_schema_version())
            );
        }
        let ledger = Ledger::open(&url.parse().unwrap()).await.unwrap();
        assert_eq!(ledger.workspaces().await.unwrap(), [WorkspaceId::new("old")]);
        assert!(!ledger.has_tokens().await.unwrap());
    }
}

#[test]
fn a_newer_schema_is_left_unchanged() {
    for database in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        let folder = load_clients(&database, 1);
        let newer_version = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                             SELECT 99, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        block_on(database.run(newer_version)).unwrap();
        for command in ["status", "weekly", "db migrate"] {
            let ran = folder.mcoe(&format!("{command} --database {}", database.url)).exits_with(3);
            ran.stderr_has(&["schema version 99", "use a newer version of mcoe"]);
        }
    }
}

#[test]
fn writers_of_one_sqlite_file_wait_for_each_other() {
    let database = TestDatabase::sqlite();
    let folder = load_clients(&database, 12);
    let mut children: Vec<Child> = ["approve --risk low --yes --quiet", "daily", "status", "review --limit 5"]
        .iter()
        .map(|command| {
            spawn(
                &folder,
                &format!("{command} --now 2026-09-04T09:00:00Z --database {}", database.url)
                    .replace("review --limit 5 --now 2026-09-04T09:00:00Z", "review --limit 5"),
            )
        })
        .collect();
    children.push(spawn(&folder, &format!("weekly --now 2026-09-04T08:00:00Z --database {}", database.url)));
    children.push(spawn(&folder, &format!("db load world --now 2026-09-04T08:00:00Z --database {}", database.url)));
    assert_all_succeed(children);
    assert_plans_are_complete(&database);
}
