//! The whole workflow on the command line: generate, load, plan, commit, review, approve, draft, report.

use std::collections::BTreeSet;
use std::fs::File;

use mcoe::report::{ClientOrder, PlanLayout, ReportError, TableFormat, write_plan_tables};
use mcoe::scenario;
use serde_json::Value;

use crate::support::{CommandOutput, TestDatabase, TestFolder, compiled, default_pack, plan};

fn run_workflow(database: &TestDatabase) {
    let folder = TestFolder::new();
    let run = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    folder.mcoe("generate --clients 6 --seed 5 --out world --quiet").succeeds();
    let loaded = run("db load world --now 2026-09-04T08:00:00Z --format json").succeeds().json();
    assert_eq!((loaded["new_clients"].as_u64(), loaded["known_clients"].as_u64()), (Some(6), Some(0)));
    let week = run("weekly --now 2026-09-04T08:00:00Z --actor ann --format json").succeeds().json();
    assert_eq!(week["week"], "2026-W37");
    let schedules = |workspace: &Value| workspace["committed"]["schedules"].as_u64().unwrap_or(0);
    let committed: u64 = week["workspaces"].as_array().unwrap().iter().map(schedules).sum();
    assert!(committed > 50, "{week}");
    let workspace = week["workspaces"][0]["workspace_id"].as_str().unwrap();
    review(&run);
    make_drafts(&run, committed);
    plan_the_next_week(&folder, &run, workspace);
}

/// Reviews pending schedules, approves some and cancels some.
fn review(run: &impl Fn(&str) -> CommandOutput) {
    let pending = run("review --format json --limit 1000").succeeds().json();
    let pending = pending.as_array().unwrap();
    assert!(!pending.is_empty());
    let listing = run("review").succeeds();
    assert!(listing.out.contains("confidence"), "{}", listing.out);
    assert_eq!(run("review --all --client nobody").succeeds().out, "no schedule matches the filter\n");
    let none_pending = "no schedule that matches the filter needs approval\n";
    assert_eq!(run("review --client nobody").succeeds().out, none_pending);
    let id = pending[0]["id"].as_str().unwrap();
    let own_approval = run(&format!("approve {id} --actor ann --now 2026-09-04T09:00:00Z"));
    if pending[0]["risk_level"] == "high" {
        own_approval.exits_with(2).stderr_has(&["high risk", "have another person approve it"]);
    } else {
        own_approval.succeeds();
    }
    run("approve --risk medium --actor bob --now 2026-09-04T09:00:00Z").exits_with(2).stderr_has(&["--yes"]);
    run("approve --actor bob").exits_with(2).stderr_has(&["no schedules to approve are given"]);
    let approved = run("approve --risk medium --yes --actor bob --now 2026-09-04T09:00:00Z --format json").succeeds();
    approved.stderr_has(&["about to approve"]);
    let next = run("review --format json --limit 1").succeeds().json();
    if let Some(first) = next.as_array().unwrap().first() {
        let id_prefix = &first["id"].as_str().unwrap()[..13];
        run(&format!("cancel {id_prefix} --reason off-brand --actor bob --now 2026-09-04T10:00:00Z")).succeeds();
        run(&format!("approve {id_prefix} --actor bob"))
            .exits_with(2)
            .stderr_has(&["is cancelled and cannot become ready"]);
    }
    run("approve ffffffff-ffff --actor bob").exits_with(2).stderr_has(&["no schedule"]);
}

/// The daily pass creates drafts and records them.
fn make_drafts(run: &impl Fn(&str) -> CommandOutput, committed: u64) {
    let pass = run("daily --now 2026-09-08T20:00:00Z --format json").succeeds().json();
    assert!(pass["drafted"].as_u64().unwrap() > 0, "{pass}");
    let status = run("status --now 2026-09-08T20:00:00Z --format json").succeeds().json();
    assert_eq!(status["overview"]["total_schedules"].as_u64(), Some(committed));
    assert_eq!(status["overview"]["completed_today"], pass["drafted"]);
    assert!(run("status --now 2026-09-08T20:00:00Z").succeeds().out.contains("average health"));
    let decisions = run("actions --type schedule_executed --limit 10000 --format json").succeeds().json();
    assert_eq!(decisions.as_array().unwrap().len() as u64, pass["drafted"].as_u64().unwrap());
    let schedule = decisions[0]["schedule_id"].as_str().unwrap();
    let log = run(&format!("actions --schedule {schedule}")).succeeds();
    assert!(log.out.contains("time_choice") && log.out.contains("schedule_executed"), "{}", log.out);
}

/// The next week is planned from the ledger and from its export with the same result, and committed once.
fn plan_the_next_week(folder: &TestFolder, run: &impl Fn(&str) -> CommandOutput, workspace: &str) {
    run(&format!("db export {workspace} --week 2026-W38 --out back")).succeeds();
    folder.mcoe("check --scenario back").succeeds();
    run(&format!(
        "plan --from-database {workspace} --week 2026-W38 --now 2026-09-10T08:00:00Z --out plan --tables csv"
    ))
    .succeeds();
    folder.mcoe("plan back --week 2026-W38 --out twin --tables csv").succeeds();
    assert_eq!(folder.read("plan/posts.csv"), folder.read("twin/posts.csv"));
    let post = folder.table("plan/posts.csv").column("post_id")[0].to_owned();
    folder.mcoe(&format!("explain plan --post {post}")).succeeds();
    run("commit plan --actor ann --now 2026-09-08T21:00:00Z").succeeds();
    let again = run("commit plan --actor ann --now 2026-09-08T21:00:00Z").succeeds();
    assert!(again.out.contains("nothing changed"), "{}", again.out);
    run("commit twin --actor ann --now 2026-09-08T21:00:00Z").succeeds();
    let weekly = run("weekly --week 2026-W38 --now 2026-09-08T21:00:00Z --actor ann").succeeds();
    assert!(weekly.out.contains("they already have a plan"), "{}", weekly.out);
}

#[test]
fn a_plan_of_a_week_that_has_begun_is_committed_as_it_was_made() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-21T12:00:00Z").succeeds();
    folder.mcoe("plan --from-database corner --week 2026-W43 --now 2026-10-21T12:00:00Z --out plan").succeeds();
    let committed = folder.mcoe("commit plan --actor ann --now 2026-10-21T12:00:00Z").succeeds();
    assert!(committed.out.starts_with("committed plan "), "{}", committed.out);
}

#[test]
fn a_scenario_becomes_drafts_on_sqlite() {
    run_workflow(&TestDatabase::sqlite());
}

#[test]
fn a_scenario_becomes_drafts_on_postgres() {
    run_workflow(&TestDatabase::postgres());
}

/// For every status that stops a post there is a command that resolves it.
fn resolve_every_status(database: &TestDatabase) {
    let folder = TestFolder::new();
    let run = |line: &str| folder.mcoe(&format!("{line} --database {}", database.url));
    let by_ann = "--actor ann --now 2026-10-16T08:00:00Z";
    let assets = folder.read("small/assets.csv");
    // The heading, and the assets that the history uses.
    let is_kept =
        |line: &&str| ["asset_id", "k1", "k2", "k4", "k5"].iter().any(|id| line.starts_with(&format!("{id},")));
    let few_assets: String = assets.split_inclusive('\n').filter(is_kept).collect();
    folder.write("small/assets.csv", &few_assets);
    run("db load small --now 2026-10-16T08:00:00Z").succeeds();
    run(&format!("weekly --week 2026-W43 {by_ann}")).succeeds();
    folder.write("small/assets.csv", &assets);
    run("db load small --now 2026-10-16T08:00:00Z").succeeds();

    let schedules = || run("review --all --limit 1000 --format json").succeeds().json().as_array().unwrap().clone();
    let field = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let blocked: Vec<Value> = schedules().into_iter().filter(|row| row["blocked_code"] == "no_asset").collect();
    let (first, client) = (field(&blocked[0], "id"), field(&blocked[0], "client_id"));
    run(&format!("approve {first} {by_ann}")).exits_with(2).stderr_has(&["is blocked and cannot become ready"]);
    run(&format!("attach {first} nothing {by_ann}"))
        .exits_with(2)
        .stderr_has(&["asset nothing is no longer available"]);
    let ids = assets.lines().skip(1).filter_map(|line| line.split(',').next());
    let new_assets: Vec<&str> =
        ids.filter(|id| few_assets.lines().all(|line| !line.starts_with(&format!("{id},")))).collect();
    let attached = new_assets
        .iter()
        .map(|id| run(&format!("attach {} {id} {by_ann}", &first[..13])))
        .find(|ran| ran.code == Some(0));
    let attached = attached.expect("no asset of the client was free");
    assert!(attached.out.starts_with("attached "), "{client}: {}", attached.out);
    run(&format!("attach {first} {} {by_ann}", new_assets[0]))
        .exits_with(2)
        .stderr_has(&["can only be attached to a post that is blocked because of its asset"]);

    let live = schedules().into_iter().find(|row| ["pending", "ready"].iter().any(|status| row["status"] == *status));
    let id = field(&live.expect("no schedule is pending or ready"), "id");
    let calendar = || {
        let events = run("db calendar corner --now 2026-10-16T08:00:00Z").succeeds().out;
        (events.matches("BEGIN:VEVENT").count(), events.matches("STATUS:CANCELLED").count())
    };
    let (events, cancelled) = calendar();
    run(&format!("cancel {id} {by_ann}")).succeeds().stdout_has(&["mcoe restore"]);
    assert_eq!(calendar(), (events, cancelled + 1));
    run(&format!("restore {id} --actor bob --now 2026-10-16T09:00:00Z")).succeeds();
    assert_eq!(calendar(), (events, cancelled));
    run(&format!("restore {id} --actor bob --now 2026-10-16T09:00:00Z"))
        .exits_with(2)
        .stderr_has(&["cannot become pending"]);
    run(&format!("approve {id} --alone --actor ann --now 2026-10-16T10:00:00Z")).succeeds();
    let decisions = run(&format!("actions --schedule {id} --format json")).succeeds().json();
    assert_eq!(decisions[0]["decision_payload"]["works_alone"], true, "{decisions}");
}

#[test]
fn blocked_cancelled_and_pending_posts_can_be_resolved_on_sqlite() {
    resolve_every_status(&TestDatabase::sqlite());
}

#[test]
fn blocked_cancelled_and_pending_posts_can_be_resolved_on_postgres() {
    resolve_every_status(&TestDatabase::postgres());
}

#[test]
fn an_edited_plan_is_refused() {
    let folder = TestFolder::new();
    folder.mcoe("db load small --now 2026-10-16T08:00:00Z").succeeds();
    folder.mcoe("plan small --out plan --tables csv").succeeds();
    let posts = folder.read("plan/posts.csv");
    folder.write("plan/posts.csv", &posts.replacen("ready", "pending", 1));
    folder.mcoe("commit plan").exits_with(1).stderr_has(&["changed after planning"]);
    folder.write("plan/posts.csv", &posts);
    folder.replace("plan/rules/channels.toml", "weekly_posts = 5", "weekly_posts = 6");
    folder.mcoe("commit plan").exits_with(2).stderr_has(&["is not the rules pack that the plan was made with"]);
    folder.replace("plan/rules/channels.toml", "weekly_posts = 6", "weekly_posts = 5");
    folder.mcoe("commit plan --now 2026-10-16T08:00:00Z").succeeds();
}

/// Plans of many clients are written part by part, by workspace. Older versions ordered the rows by client, and wrote
/// them part by part or all together.
#[test]
fn a_plan_whose_tables_an_older_version_wrote_is_committed() {
    let folder = TestFolder::new();
    folder.mcoe("generate --clients 110 --seed 5 --history-days 7 --out world --quiet").succeeds();
    folder.mcoe("db load world --now 2026-09-04T08:00:00Z").succeeds();
    folder.mcoe("plan world --out plan").succeeds();
    let rules = compiled(default_pack());
    let scenario = scenario::read(&folder.path("world"), &rules.base().risk.default_policy).unwrap();
    let plan = plan(&rules, &scenario);
    let write = |order: ClientOrder, clients_per_part: usize| {
        let create = |name: &str| Ok(File::create(folder.path(&format!("plan/{name}"))).unwrap());
        let layout = PlanLayout { order, clients_per_part };
        write_plan_tables::<_, ReportError>(&plan, layout, TableFormat::Parquet, create).unwrap();
        std::fs::read(folder.path("plan/posts.parquet")).unwrap()
    };
    let written = std::fs::read(folder.path("plan/posts.parquet")).unwrap();
    assert!(write(ClientOrder::ByWorkspace, 100) == written);
    let mut older = BTreeSet::from([written]);
    for clients_per_part in [100, plan.clients.len()] {
        assert!(older.insert(write(ClientOrder::ById, clients_per_part)), "in parts of {clients_per_part}");
        folder.mcoe("commit plan --now 2026-09-04T08:00:00Z").succeeds();
    }
    write(ClientOrder::ByWorkspace, 7);
    folder.mcoe("commit plan").exits_with(1).stderr_has(&["changed after planning"]);
}

#[test]
fn unknown_ids_are_reported_with_a_remedy() {
    let folder = TestFolder::new();
    folder.mcoe("db migrate").succeeds();
    folder.mcoe("plan small --out plan").succeeds();
    folder.mcoe("commit plan").exits_with(2).stderr_has(&["does not contain client `kettle-lane`", "mcoe db load"]);
    folder.mcoe("weekly").exits_with(2).stderr_has(&["the ledger is empty", "mcoe db load"]);
    folder.mcoe("daily --workspace north").exits_with(2).stderr_has(&["no workspace `north`"]);
    folder.mcoe("db export north --out north").exits_with(2).stderr_has(&["no workspace `north`"]);
    folder.mcoe("status --database mysql://db/x").exits_with(2).stderr_has(&["is not a supported database"]);
}
