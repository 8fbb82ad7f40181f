//! Time of the ledger on PostgreSQL: `cargo bench --bench ledger`.
//!
//! Commits a hundred thousand schedules with their decisions, and copies the same rows with COPY on the same
//! server: into tables with the same indexes and checks, and into tables without. Then grows the ledger to a
//! million schedules, times `status` and other queries, and prints the database's plans of queries on the large tables.
//!
//! Uses the server of `DATABASE_URL`, or a private one that it starts and stops.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a bench that cannot be set up stops")]
#![allow(clippy::indexing_slicing, dead_code, reason = "the code that starts a server is shared with the tests")]

use std::future::Future;
use std::time::Instant;

use mcoe::model::{Scenario, Tier};
use mcoe::planner::{self, Planner};
use mcoe::rules::CompiledRules;
use mcoe::scenario::{self, DEFAULT_HISTORY_DAYS, GenerateOptions};
use mcoe::store::{ActionFilter, Commit, Ledger, ScheduleFilter};
use sqlx::postgres::PgPoolCopyExt;
use sqlx::{AssertSqlSafe, PgPool, Row};

#[path = "../tests/it/support/packages.rs"]
mod packages;
#[path = "../tests/it/support/postgres.rs"]
mod postgres;
#[path = "support/world.rs"]
mod world;

/// Enough generated clients for a hundred thousand schedules.
const CLIENTS: u32 = 2800;
const ROUNDS: usize = 3;

/// Runs a future to completion.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn main() {
    // A new database for each round, since recorded decisions cannot be deleted.
    let urls: Vec<String> = (0..ROUNDS).map(|_| postgres::server().create_database()).collect();
    let rules = world::compiled();
    let scenario = generated_scenario(&rules);
    block_on(async {
        time_commits(&urls, &rules, &scenario).await;
        time_queries(urls.last().expect("a round"), &rules).await;
    });
}

fn generated_scenario(rules: &CompiledRules) -> Scenario {
    let options = GenerateOptions {
        clients: CLIENTS,
        seed: 1,
        weeks: 1,
        history_days: DEFAULT_HISTORY_DAYS,
        start: "2026-W37".parse().expect("a week"),
        name: "bench".to_owned(),
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let files = scenario::generate(&options).expect("the options are in range").files;
    for (name, bytes) in scenario::render(&files).expect("tables can be written") {
        std::fs::write(dir.path().join(name), bytes).expect("the disk has room");
    }
    scenario::read(dir.path(), &rules.base().risk.default_policy).expect("what was generated is valid")
}

async fn execute(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.expect(sql);
}

/// Does the work and returns how many seconds it took.
async fn timed(work: impl Future<Output = ()>) -> f64 {
    let start = Instant::now();
    work.await;
    start.elapsed().as_secs_f64()
}

fn shortest(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

const TABLES: [&str; 4] = ["campaign_orchestration_schedules", "decision_texts", "decision_assessments", "decisions"];

async fn time_commits(urls: &[String], rules: &CompiledRules, scenario: &Scenario) {
    let now = "2026-09-04T08:00:00Z".parse().expect("a time");
    let planner = Planner::new(rules, Tier::Exact, None);
    let plan = planner::plan_week(&planner, scenario, scenario.start).expect("planned");
    let decisions = planner::decisions(&plan);
    let (mut commit_times, mut indexed_times, mut plain_times) = (Vec::new(), Vec::new(), Vec::new());
    for url in urls {
        let address = url.parse().expect("an address");
        Ledger::migrate(&address).await.expect("migrated");
        let ledger = Ledger::open(&address).await.expect("opened");
        let pool = &PgPool::connect(url).await.expect("the server answers");
        let load_time = timed(async {
            ledger.load(scenario, rules, now).await.expect("loaded");
        })
        .await;
        println!("loading {CLIENTS} clients           {load_time:7.2} s");
        let commit = Commit {
            plan: &plan,
            decisions: &decisions,
            scenario,
            rules,
            actor: "bench",
            now,
            counted: mcoe::store::Counted::Live,
            progress: &|| {},
        };
        commit_times.push(timed(async { assert!(ledger.commit(commit).await.expect("committed").is_new) }).await);
        let rows = copy_out(pool).await;
        indexed_times.push(copy_in(pool, &rows, "LIKE {} INCLUDING ALL").await);
        plain_times.push(copy_in(pool, &rows, "LIKE {}").await);
    }
    let (commit, indexed, plain) = (shortest(&commit_times), shortest(&indexed_times), shortest(&plain_times));
    println!("{} schedules, {} decisions, best of {ROUNDS}", plan.posts().count(), decisions.len());
    println!("  commit                         {commit:7.2} s");
    println!(
        "  COPY, same indexes and checks  {indexed:7.2} s   commit runs at {:.0} % of its speed",
        100.0 * indexed / commit
    );
    println!(
        "  COPY, no index, no check       {plain:7.2} s   commit runs at {:.0} % of its speed",
        100.0 * plain / commit
    );
}

/// The rows of the tables, in the format of COPY.
async fn copy_out(pool: &PgPool) -> Vec<Vec<u8>> {
    use futures_util::TryStreamExt as _;
    let mut rows = Vec::new();
    for table in TABLES {
        let stream = pool.copy_out_raw(&format!("COPY {table} TO STDOUT")).await.expect("copied");
        let bytes = stream.try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        });
        rows.push(bytes.await.expect("copied"));
    }
    rows
}

/// Seconds that copying rows into new tables takes. `definition` is the SQL that defines the columns of a new table, in
/// which `{}` stands for the name of the original table.
async fn copy_in(pool: &PgPool, rows: &[Vec<u8>], definition: &str) -> f64 {
    for table in TABLES {
        let columns = definition.replace("{}", table);
        execute(pool, &format!("DROP TABLE IF EXISTS bare_{table}; CREATE TABLE bare_{table} ({columns})")).await;
    }
    timed(async {
        let mut tx = pool.begin().await.expect("begun");
        for (table, rows) in TABLES.iter().zip(rows) {
            let mut sink = tx.copy_in_raw(&format!("COPY bare_{table} FROM STDIN")).await.expect("copied");
            for chunk in rows.chunks(1 << 18) {
                sink.send(chunk).await.expect("copied");
            }
            sink.finish().await.expect("copied");
        }
        tx.commit().await.expect("committed");
    })
    .await
}

/// Grows the ledger to a million schedules with copies in earlier weeks, and times the queries of commands.
async fn time_queries(url: &str, rules: &CompiledRules) {
    let pool = &PgPool::connect(url).await.expect("the server answers");
    let columns = "created_at, updated_at, client_id, workspace_id, campaign_id, channel, time_zone, creative_asset_id, \
                   variation_id, content_preview, priority, risk_level, blocked_reason, created_by, plan_id, \
                   rules_hash, confidence, expected_engagement, fatigue";
    let copies = TABLES.map(|table| format!("bare_{table}")).join(", ");
    execute(
        pool,
        &format!(
            "DROP TABLE {copies}; \
             CREATE TEMP TABLE unused (x int); \
             INSERT INTO campaign_orchestration_schedules (id, scheduled_for, status, executed_at, {columns}) \
             SELECT gen_random_uuid(), scheduled_for - n * interval '1 week', \
             CASE WHEN status = 'ready' THEN 'completed' ELSE 'cancelled' END, \
             scheduled_for - n * interval '1 week', {columns} \
             FROM campaign_orchestration_schedules, generate_series(1, 10) AS n; \
             ANALYZE"
        ),
    )
    .await;
    let count: i64 = sqlx::query("SELECT count(*) FROM campaign_orchestration_schedules")
        .fetch_one(pool)
        .await
        .expect("counted")
        .get(0);
    let ledger = Ledger::open(&url.parse().expect("an address")).await.expect("opened");
    let planner = Planner::new(rules, Tier::Exact, None);
    let now = "2026-09-08T12:00:00Z".parse().expect("a time");
    ledger.daily(&planner, None, now, &|| true).await.expect("the pass is done");
    // Until a vacuum, queries would also read the row versions that the pass has replaced.
    execute(pool, "VACUUM ANALYZE").await;
    let fatigue = &rules.base().fatigue;
    println!("{count} schedules");
    let status = async {
        ledger.status(fatigue, now).await.expect("answered");
    };
    // The first query, which fills caches, is not timed.
    ledger.status(fatigue, now).await.expect("answered");
    println!("  status                         {:7.1} ms", 1e3 * timed(status).await);
    let schedules = ledger.schedules(&ScheduleFilter { limit: Some(1), ..pending_filter() }).await.expect("answered");
    let id = schedules.first().expect("a schedule is pending").id;
    let review = async {
        ledger.schedules(&ScheduleFilter { limit: Some(100), ..pending_filter() }).await.expect("answered");
    };
    println!("  review, 100 pending schedules  {:7.1} ms", 1e3 * timed(review).await);
    let by_id = async {
        ledger.schedule_id(&id.to_string()[..8]).await.expect("answered");
    };
    println!("  a schedule by an id prefix     {:7.1} ms", 1e3 * timed(by_id).await);
    let actions = async {
        let filter = ActionFilter { schedule: Some(id), limit: 50, ..ActionFilter::default() };
        drop(ledger.actions(&filter, None).await.expect("answered"));
    };
    println!("  the actions on a schedule      {:7.1} ms", 1e3 * timed(actions).await);
    print_query_plans(pool).await;
}

fn pending_filter() -> ScheduleFilter {
    ScheduleFilter { statuses: vec![mcoe::model::ScheduleStatus::Pending], ..ScheduleFilter::default() }
}

/// Prints the database's plans of queries on the large tables.
async fn print_query_plans(pool: &PgPool) {
    let schedules = "FROM campaign_orchestration_schedules WHERE workspace_id = 'w' AND";
    let queries = [
        ("pending", "SELECT id FROM campaign_orchestration_schedules WHERE status IN ('pending') ORDER BY scheduled_for LIMIT 100".to_owned()),
        ("due", format!("SELECT id {schedules} status = 'ready' AND scheduled_for <= '2026-09-08' ORDER BY scheduled_for, id LIMIT 500")),
        ("today", format!("SELECT id {schedules} status IN ('pending', 'ready', 'blocked') AND scheduled_for >= '2026-09-07' AND scheduled_for < '2026-09-10'")),
        ("drafted today", "SELECT count(*) FROM campaign_orchestration_schedules WHERE status = 'completed' AND executed_at >= '2026-09-08'".to_owned()),
        ("posts of clients", "SELECT client_id, scheduled_for FROM campaign_orchestration_schedules WHERE client_id IN ('a', 'b') AND status IN ('pending', 'ready', 'executing', 'completed')".to_owned()),
        ("conflicts", "SELECT count(*) FROM campaign_orchestration_actions WHERE action_type = 'conflict_detected' AND created_at >= '2026-09-01'".to_owned()),
        ("totals", "SELECT channel, status, sum(change) FROM schedule_tallies GROUP BY 1, 2".to_owned()),
    ];
    for (name, sql) in queries {
        println!("  plan of `{name}`");
        let rows =
            sqlx::query(AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {sql}"))).fetch_all(pool).await.expect("planned");
        for row in rows {
            println!("    {}", row.get::<String, _>(0));
        }
    }
}
