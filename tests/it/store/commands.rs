//! The whole workflow on the command line: generate, load, plan, commit, review, approve, draft, report.

use serde_json::Value;

use crate::support::{Place, Ran, Workplace};

fn story(place: &Place) {
    let work = Workplace::new();
    let on = |line: &str| work.mcoe(&format!("{line} --database {}", place.url));
    work.mcoe("generate --clients 6 --seed 5 --out world --quiet").done();
    let loaded = on("db load world --now 2026-09-04T08:00:00Z --format json").done().json();
    assert_eq!((loaded["new_clients"].as_u64(), loaded["known_clients"].as_u64()), (Some(6), Some(0)));
    let week = on("weekly --now 2026-09-04T08:00:00Z --actor ann --format json").done().json();
    assert_eq!(week["week"], "2026-W37");
    let schedules = |one: &Value| one["committed"]["schedules"].as_u64().unwrap_or(0);
    let committed: u64 = week["workspaces"].as_array().unwrap().iter().map(schedules).sum();
    assert!(committed > 50, "{week}");
    let workspace = week["workspaces"][0]["workspace_id"].as_str().unwrap();
    review(&on);
    make_drafts(&on, committed);
    plan_the_next_week(&work, &on, workspace);
}

/// Reviews pending schedules, approves some and cancels some.
fn review(on: &impl Fn(&str) -> Ran) {
    let waiting = on("review --format json --limit 1000").done().json();
    let waiting = waiting.as_array().unwrap();
    assert!(!waiting.is_empty());
    let text = on("review").done();
    assert!(text.out.contains("confidence"), "{}", text.out);
    let id = waiting[0]["id"].as_str().unwrap();
    let own = on(&format!("approve {id} --actor ann --now 2026-09-04T09:00:00Z"));
    if waiting[0]["risk_level"] == "high" {
        own.ends_with(2).says(&["high risk", "have another person approve it"]);
    } else {
        own.done();
    }
    on("approve --risk medium --actor bob --now 2026-09-04T09:00:00Z").ends_with(2).says(&["--yes"]);
    on("approve --actor bob").ends_with(2).says(&["no schedules to approve are given"]);
    let approved = on("approve --risk medium --yes --actor bob --now 2026-09-04T09:00:00Z --format json").done();
    approved.says(&["about to approve"]);
    let next = on("review --format json --limit 1").done().json();
    if let Some(first) = next.as_array().unwrap().first() {
        let letters = &first["id"].as_str().unwrap()[..13];
        on(&format!("cancel {letters} --reason off-brand --actor bob --now 2026-09-04T10:00:00Z")).done();
        on(&format!("approve {letters} --actor bob")).ends_with(2).says(&["is cancelled and cannot become ready"]);
    }
    on("approve ffffffff-ffff --actor bob").ends_with(2).says(&["no schedule"]);
}

/// The daily pass creates drafts and records them.
fn make_drafts(on: &impl Fn(&str) -> Ran, committed: u64) {
    let day = on("daily --now 2026-09-08T20:00:00Z --format json").done().json();
    assert!(day["drafted"].as_u64().unwrap() > 0, "{day}");
    let status = on("status --now 2026-09-08T20:00:00Z --format json").done().json();
    assert_eq!(status["overview"]["total_schedules"].as_u64(), Some(committed));
    assert_eq!(status["overview"]["completed_today"], day["drafted"]);
    assert!(on("status --now 2026-09-08T20:00:00Z").done().out.contains("average health"));
    let record = on("actions --type schedule_executed --limit 10000 --format json").done().json();
    assert_eq!(record.as_array().unwrap().len() as u64, day["drafted"].as_u64().unwrap());
    let about = record[0]["schedule_id"].as_str().unwrap();
    let whole = on(&format!("actions --schedule {about}")).done();
    assert!(whole.out.contains("time_choice") && whole.out.contains("schedule_executed"), "{}", whole.out);
}

/// The next week is planned from the ledger and from its export with the same result, and committed once.
fn plan_the_next_week(work: &Workplace, on: &impl Fn(&str) -> Ran, workspace: &str) {
    on(&format!("db export {workspace} --week 2026-W38 --out back")).done();
    work.mcoe("check --scenario back").done();
    on(&format!("plan --from-database {workspace} --week 2026-W38 --now 2026-09-10T08:00:00Z --out plan --tables csv"))
        .done();
    work.mcoe("plan back --week 2026-W38 --out twin --tables csv").done();
    assert_eq!(work.read("plan/posts.csv"), work.read("twin/posts.csv"));
    let post = work.table("plan/posts.csv").column("post_id")[0].to_owned();
    work.mcoe(&format!("explain plan --post {post}")).done();
    on("commit plan --actor ann --now 2026-09-08T21:00:00Z").done();
    let again = on("commit plan --actor ann --now 2026-09-08T21:00:00Z").done();
    assert!(again.out.contains("nothing changed"), "{}", again.out);
    on("commit twin --actor ann --now 2026-09-08T21:00:00Z").done();
    let rest = on("weekly --week 2026-W38 --now 2026-09-08T21:00:00Z --actor ann").done();
    assert!(rest.out.contains("already had a plan"), "{}", rest.out);
}

#[test]
fn a_scenario_becomes_drafts_on_sqlite() {
    story(&Place::sqlite());
}

#[test]
fn a_scenario_becomes_drafts_on_postgres() {
    story(&Place::postgres());
}

/// For every status that stops a post there is a command to resolve it.
fn resolutions(place: &Place) {
    let work = Workplace::new();
    let on = |line: &str| work.mcoe(&format!("{line} --database {}", place.url));
    let friday = "--actor ann --now 2026-10-16T08:00:00Z";
    let assets = work.read("small/assets.csv");
    // The rows of the history, and the heading.
    let is_kept =
        |line: &&str| ["asset_id", "k1", "k2", "k4", "k5"].iter().any(|id| line.starts_with(&format!("{id},")));
    let few: String = assets.split_inclusive('\n').filter(is_kept).collect();
    work.write("small/assets.csv", &few);
    on("db load small --now 2026-10-16T08:00:00Z").done();
    on(&format!("weekly --week 2026-W43 {friday}")).done();
    work.write("small/assets.csv", &assets);
    on("db load small --now 2026-10-16T08:00:00Z").done();

    let all = || on("review --all --limit 1000 --format json").done().json().as_array().unwrap().clone();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let held: Vec<Value> = all().into_iter().filter(|row| row["blocked_code"] == "no_asset").collect();
    let (first, client) = (text(&held[0], "id"), text(&held[0], "client_id"));
    on(&format!("approve {first} {friday}")).ends_with(2).says(&["is blocked and cannot become ready"]);
    on(&format!("attach {first} nothing {friday}")).ends_with(2).says(&["asset nothing is no longer available"]);
    let ids = assets.lines().skip(1).filter_map(|line| line.split(',').next());
    let own: Vec<&str> = ids.filter(|id| few.lines().all(|line| !line.starts_with(&format!("{id},")))).collect();
    let attached =
        own.iter().map(|id| on(&format!("attach {} {id} {friday}", &first[..13]))).find(|ran| ran.code == Some(0));
    let attached = attached.expect("no asset of the client was free");
    assert!(attached.out.starts_with("attached "), "{client}: {}", attached.out);
    on(&format!("attach {first} {} {friday}", own[0]))
        .ends_with(2)
        .says(&["can only be attached to a post that is blocked because of its asset"]);

    let live = all().into_iter().find(|row| ["pending", "ready"].iter().any(|status| row["status"] == *status));
    let id = text(&live.expect("nothing is to run"), "id");
    let calendar = || {
        let events = on("db calendar corner --now 2026-10-16T08:00:00Z").done().out;
        (events.matches("BEGIN:VEVENT").count(), events.matches("STATUS:CANCELLED").count())
    };
    let (events, cancelled) = calendar();
    on(&format!("cancel {id} {friday}")).done().shows(&["mcoe restore"]);
    assert_eq!(calendar(), (events, cancelled + 1));
    on(&format!("restore {id} --actor bob --now 2026-10-16T09:00:00Z")).done();
    assert_eq!(calendar(), (events, cancelled));
    on(&format!("restore {id} --actor bob --now 2026-10-16T09:00:00Z")).ends_with(2).says(&["cannot become pending"]);
    on(&format!("approve {id} --alone --actor ann --now 2026-10-16T10:00:00Z")).done();
    let record = on(&format!("actions --schedule {id} --format json")).done().json();
    assert_eq!(record[0]["decision_payload"]["works_alone"], true, "{record}");
}

#[test]
fn blocked_cancelled_and_pending_posts_can_be_resolved_on_sqlite() {
    resolutions(&Place::sqlite());
}

#[test]
fn blocked_cancelled_and_pending_posts_can_be_resolved_on_postgres() {
    resolutions(&Place::postgres());
}

#[test]
fn an_edited_plan_is_refused() {
    let work = Workplace::new();
    work.mcoe("db load small --now 2026-10-16T08:00:00Z").done();
    work.mcoe("plan small --out plan --tables csv").done();
    let posts = work.read("plan/posts.csv");
    work.write("plan/posts.csv", &posts.replacen("ready", "pending", 1));
    work.mcoe("commit plan").ends_with(1).says(&["changed after planning"]);
    work.write("plan/posts.csv", &posts);
    work.replace("plan/rules/channels.toml", "weekly_posts = 5", "weekly_posts = 6");
    work.mcoe("commit plan").ends_with(2).says(&["is not the rules pack that the plan was made with"]);
    work.replace("plan/rules/channels.toml", "weekly_posts = 6", "weekly_posts = 5");
    work.mcoe("commit plan --now 2026-10-16T08:00:00Z").done();
}

#[test]
fn unknown_ids_are_reported_with_a_remedy() {
    let work = Workplace::new();
    work.mcoe("db migrate").done();
    work.mcoe("plan small --out plan").done();
    work.mcoe("commit plan").ends_with(2).says(&["does not contain client `kettle-lane`", "mcoe db load"]);
    work.mcoe("weekly").ends_with(2).says(&["the ledger is empty", "mcoe db load"]);
    work.mcoe("daily --workspace north").ends_with(2).says(&["no workspace `north`"]);
    work.mcoe("db export north --out north").ends_with(2).says(&["no workspace `north`"]);
    work.mcoe("status --database mysql://db/x").ends_with(2).says(&["is not a supported database"]);
}
