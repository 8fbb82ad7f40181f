//! Output appears completely or not at all, and nothing else is touched.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::TestFolder;

/// The entries of a new test folder.
const INPUTS: [&str; 2] = ["rules", "small"];

#[test]
fn an_existing_folder_is_refused() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let before = folder.files_in("plan");
    for line in [
        "plan small --week 2026-W44 --out plan",
        "simulate small --weeks 1 --replications 1 --out plan",
        "generate --clients 1 --out plan",
        "plan small --out other --export-instances plan",
    ] {
        folder.mcoe(line).exits_with(2).stderr_has(&["`plan` already exists", "--force"]);
    }
    assert!(folder.files_in("plan") == before);
    assert_eq!(folder.entries(), ["plan", "rules", "small"]);
}

#[test]
fn force_replaces_what_mcoe_wrote() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let first = folder.files_in("plan");
    folder.mcoe("plan small --week 2026-W44 --out plan --force").succeeds();
    assert!(folder.files_in("plan") != first);
    folder.mcoe("simulate small --weeks 1 --replications 1 --out plan --force").succeeds();
    assert!(!folder.files_in("plan").contains_key("plan.json"), "nothing of the old folder remains");
    assert_eq!(folder.entries(), ["plan", "rules", "small"]);
}

#[test]
fn force_does_not_touch_a_folder_of_another_program() {
    let folder = TestFolder::new();
    folder.write("holiday/photos/beach.txt", "sand");
    let before = folder.files_in("holiday");
    for line in [
        "plan small --out holiday --force",
        "simulate small --weeks 1 --replications 1 --out holiday --force",
        "generate --clients 1 --out holiday --force",
        "plan small --out small --force",
        "plan small --out rules --force",
    ] {
        folder.mcoe(line).exits_with(2).stderr_has(&["was not written by mcoe"]);
    }
    assert!(folder.files_in("holiday") == before);
    assert_eq!(folder.entries(), ["holiday", "rules", "small"]);
}

#[test]
fn a_file_of_another_program_is_never_replaced() {
    let folder = TestFolder::new();
    folder.write("plan", "a letter");
    folder.mcoe("plan small --out plan").exits_with(2);
    folder.mcoe("plan small --out plan --force").exits_with(2);
    assert_eq!(folder.read("plan"), "a letter");
}

#[test]
fn an_empty_folder_may_be_filled() {
    let folder = TestFolder::new();
    fs::create_dir(folder.path("plan")).unwrap();
    folder.mcoe("plan small --out plan --force").succeeds();
    assert!(folder.files_in("plan").contains_key("plan.json"));
}

#[test]
fn missing_parent_folders_are_created() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out reports/october/plan").succeeds();
    assert!(folder.files_in("reports/october/plan").contains_key("plan.json"));
    assert_eq!(folder.files_in("reports").keys().filter(|name| !name.starts_with("october/plan/")).count(), 0);
}

/// Checks that commands under a pack whose script fails report that and write nothing.
fn assert_no_output(script: &str, messages: &[&str]) {
    let folder = TestFolder::new();
    folder.write("rules/broken.rhai", script);
    folder.mcoe("check").exits_with(2).stderr_has(&["rule_fails", "broken.rhai:"]);
    for line in [
        "plan small --out plan",
        "plan small --out a/b/plan --export-instances instances",
        "simulate small --replications 2 --out run",
    ] {
        folder.mcoe(line).exits_with(2).stderr_has(messages).stderr_has(&["nothing was written", "broken.rhai:"]);
        assert_eq!(folder.entries(), INPUTS, "mcoe {line}");
    }
}

#[test]
fn an_endless_rule_leaves_no_output() {
    assert_no_output(
        "fn weekly_posts(ctx) {\n    loop {}\n}\n",
        &["broken.rhai:1:1: `weekly_posts` failed: too many operations"],
    );
}

#[test]
fn a_rule_that_returns_nan_leaves_no_output() {
    assert_no_output("fn confidence(post, ctx) {\n    0.0 / 0.0\n}\n", &["`confidence` failed", "NaN"]);
}

#[test]
fn a_rule_that_returns_a_wrong_type_leaves_no_output() {
    assert_no_output("fn score_asset(asset, ctx) {\n    \"good\"\n}\n", &["`score_asset` failed", "`good`"]);
}

#[test]
fn a_rule_that_fails_in_a_later_week_leaves_no_output() {
    let folder = TestFolder::new();
    let script = "fn weekly_posts(ctx) {\n    if ctx.posts_last_7_days > 4 { return -1; }\n    ctx.weekly_posts\n}\n";
    folder.write("rules/broken.rhai", script);
    // Assets for every post, so that no post is blocked.
    folder.replace("rules/assets.toml", "cooldown_hours = 168", "cooldown_hours = 1");
    folder.replace("rules/assets.toml", "max_uses_per_week = 3", "max_uses_per_week = 99");
    folder.mcoe("plan small --out plan").succeeds();
    folder
        .mcoe("simulate small --weeks 2 --replications 2 --out run")
        .exits_with(2)
        .stderr_has(&["nothing was written"]);
    assert_eq!(folder.entries(), ["plan", "rules", "small"]);
}

#[test]
fn a_failed_command_keeps_the_folder_to_be_replaced() {
    let folder = TestFolder::new();
    folder.mcoe("plan small --out plan").succeeds();
    let before = folder.files_in("plan");
    folder.write("rules/broken.rhai", "fn weekly_posts(ctx) { -1 }\n");
    folder.mcoe("plan small --out plan --force").exits_with(2);
    assert!(folder.files_in("plan") == before);
    assert_eq!(folder.entries(), ["plan", "rules", "small"]);
}

/// Waits until a condition holds, or fails the test after the given time.
fn wait_until(description: &str, limit: Duration, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < limit, "{description} takes longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn has_unfinished_output(folder: &Path) -> bool {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with(".run.new-"))
}

#[cfg(unix)]
fn send_signal(child: &Child, signal: &str) {
    let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Sends a signal to a long command once it is running, and checks that it ends soon with 130 and without output.
#[cfg(unix)]
fn assert_stops(line: &str, signal: &str) {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    let mut child = folder.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the start", Duration::from_secs(60), || has_unfinished_output(&folder.path("")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "mcoe {line} ended too soon to be interrupted");
    send_signal(&child, signal);
    let sent = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if sent.elapsed() > Duration::from_secs(15) {
            child.kill().unwrap();
            panic!("mcoe {line} did not stop within 15 s of {signal}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("mcoe {line} stopped {:?} after {signal}", sent.elapsed());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted: nothing was written"), "{stderr}");
    assert_eq!(folder.entries(), ["agency", "rules", "small"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_simulation_soon_and_leaves_no_output() {
    assert_stops("simulate agency --weeks 12 --replications 100000 --out run", "-INT");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_comparison_soon_and_leaves_no_output() {
    assert_stops("compare agency --against rules --replications 100000 --out run", "-INT");
}

#[cfg(unix)]
#[test]
fn sigterm_stops_a_simulation_soon_and_leaves_no_output() {
    assert_stops("simulate agency --weeks 520 --replications 1000 --threads 1 --out run", "-TERM");
}

#[cfg(unix)]
#[test]
fn sigterm_stops_a_generation_of_clients_soon_and_leaves_no_output() {
    assert_stops("generate --clients 1000000 --out run", "-TERM");
}

#[cfg(unix)]
#[test]
fn an_interrupted_command_keeps_the_folder_to_be_replaced() {
    let folder = TestFolder::new();
    folder.copy_scenario("agency");
    folder.mcoe("simulate small --weeks 1 --replications 1 --out run").succeeds();
    let before = folder.files_in("run");
    let mut child = folder.command("simulate agency --replications 100000 --out run --force").spawn().unwrap();
    wait_until("the start", Duration::from_secs(60), || has_unfinished_output(&folder.path("")));
    send_signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.files_in("run") == before);
    assert_eq!(folder.entries(), ["agency", "rules", "run", "small"]);
}
