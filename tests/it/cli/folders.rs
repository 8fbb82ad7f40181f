//! Output appears completely or not at all, and nothing else is touched.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::Workplace;

const OURS: [&str; 2] = ["rules", "small"];

#[test]
fn an_existing_folder_is_refused() {
    let place = Workplace::new();
    place.mcoe("plan small --out plan").done();
    let before = place.folder("plan");
    for line in [
        "plan small --week 2026-W44 --out plan",
        "simulate small --weeks 1 --replications 1 --out plan",
        "generate --clients 1 --out plan",
        "plan small --out other --export-instances plan",
    ] {
        place.mcoe(line).ends_with(2).says(&["`plan` already exists", "--force"]);
    }
    assert!(place.folder("plan") == before);
    assert_eq!(place.entries(), ["plan", "rules", "small"]);
}

#[test]
fn force_replaces_what_mcoe_wrote() {
    let place = Workplace::new();
    place.mcoe("plan small --out plan").done();
    let first = place.folder("plan");
    place.mcoe("plan small --week 2026-W44 --out plan --force").done();
    assert!(place.folder("plan") != first);
    place.mcoe("simulate small --weeks 1 --replications 1 --out plan --force").done();
    assert!(!place.folder("plan").contains_key("plan.json"), "nothing of the old folder stays");
    assert_eq!(place.entries(), ["plan", "rules", "small"]);
}

#[test]
fn force_does_not_touch_a_folder_of_another_program() {
    let place = Workplace::new();
    place.write("holiday/photos/beach.txt", "sand");
    let before = place.folder("holiday");
    for line in [
        "plan small --out holiday --force",
        "simulate small --weeks 1 --replications 1 --out holiday --force",
        "generate --clients 1 --out holiday --force",
        "plan small --out small --force",
        "plan small --out rules --force",
    ] {
        place.mcoe(line).ends_with(2).says(&["was not written by mcoe"]);
    }
    assert!(place.folder("holiday") == before);
    assert_eq!(place.entries(), ["holiday", "rules", "small"]);
}

#[test]
fn a_file_of_another_program_is_never_replaced() {
    let place = Workplace::new();
    place.write("plan", "a letter");
    place.mcoe("plan small --out plan").ends_with(2);
    place.mcoe("plan small --out plan --force").ends_with(2);
    assert_eq!(place.read("plan"), "a letter");
}

#[test]
fn an_empty_folder_may_be_filled() {
    let place = Workplace::new();
    fs::create_dir(place.path("plan")).unwrap();
    place.mcoe("plan small --out plan --force").done();
    assert!(place.folder("plan").contains_key("plan.json"));
}

#[test]
fn missing_parent_folders_are_created() {
    let place = Workplace::new();
    place.mcoe("plan small --out reports/october/plan").done();
    assert!(place.folder("reports/october/plan").contains_key("plan.json"));
    assert_eq!(place.folder("reports").keys().filter(|name| !name.starts_with("october/plan/")).count(), 0);
}

/// Commands that fail half-way because a rule of the pack fails.
fn fails_without_output(script: &str, said: &[&str]) {
    let place = Workplace::new();
    place.write("rules/broken.rhai", script);
    place.mcoe("check").ends_with(2).says(&["rule_fails", "broken.rhai:"]);
    for line in [
        "plan small --out plan",
        "plan small --out a/b/plan --export-instances instances",
        "simulate small --replications 2 --out run",
    ] {
        place.mcoe(line).ends_with(2).says(said).says(&["nothing was written", "broken.rhai:"]);
        assert_eq!(place.entries(), OURS, "mcoe {line}");
    }
}

#[test]
fn an_endless_rule_leaves_no_output() {
    fails_without_output(
        "fn weekly_posts(ctx) {\n    loop {}\n}\n",
        &["broken.rhai:1:1: `weekly_posts` failed: too many operations"],
    );
}

#[test]
fn a_rule_that_returns_nan_leaves_no_output() {
    fails_without_output("fn confidence(post, ctx) {\n    0.0 / 0.0\n}\n", &["`confidence` failed", "NaN"]);
}

#[test]
fn a_rule_that_returns_a_wrong_type_leaves_no_output() {
    fails_without_output("fn score_asset(asset, ctx) {\n    \"good\"\n}\n", &["`score_asset` failed", "`good`"]);
}

#[test]
fn a_rule_that_fails_in_a_later_week_leaves_no_output() {
    let place = Workplace::new();
    let script = "fn weekly_posts(ctx) {\n    if ctx.posts_last_7_days > 4 { return -1; }\n    ctx.weekly_posts\n}\n";
    place.write("rules/broken.rhai", script);
    // Assets for every post, so that no post is blocked.
    place.replace("rules/assets.toml", "cooldown_hours = 168", "cooldown_hours = 1");
    place.replace("rules/assets.toml", "max_uses_per_week = 3", "max_uses_per_week = 99");
    place.mcoe("plan small --out plan").done();
    place.mcoe("simulate small --weeks 2 --replications 2 --out run").ends_with(2).says(&["nothing was written"]);
    assert_eq!(place.entries(), ["plan", "rules", "small"]);
}

#[test]
fn a_failed_command_keeps_the_folder_to_be_replaced() {
    let place = Workplace::new();
    place.mcoe("plan small --out plan").done();
    let before = place.folder("plan");
    place.write("rules/broken.rhai", "fn weekly_posts(ctx) { -1 }\n");
    place.mcoe("plan small --out plan --force").ends_with(2);
    assert!(place.folder("plan") == before);
    assert_eq!(place.entries(), ["plan", "rules", "small"]);
}

/// Waits until a condition holds, or fails the test after the given time.
fn wait_until(what: &str, patience: Duration, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < patience, "{what} takes longer than {patience:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn has_open_folder(place: &Path) -> bool {
    let names = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with(".run.new-"))
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Interrupts a long command once it works, and checks that it ends soon with 130 and without output.
#[cfg(unix)]
fn is_interrupted(line: &str, name: &str) {
    let place = Workplace::new();
    place.bring("agency");
    let mut child = place.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the start", Duration::from_secs(60), || has_open_folder(&place.path("")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "mcoe {line} ended too soon to be interrupted");
    signal(&child, name);
    let sent = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if sent.elapsed() > Duration::from_secs(15) {
            child.kill().unwrap();
            panic!("mcoe {line} did not stop within 15 s of {name}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    println!("mcoe {line} stopped {:?} after {name}", sent.elapsed());
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{words}");
    assert!(words.contains("interrupted: nothing was written"), "{words}");
    assert_eq!(place.entries(), ["agency", "rules", "small"]);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_simulation_soon_and_leaves_no_output() {
    is_interrupted("simulate agency --weeks 12 --replications 100000 --out run", "-INT");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_comparison_soon_and_leaves_no_output() {
    is_interrupted("compare agency --against rules --replications 100000 --out run", "-INT");
}

#[cfg(unix)]
#[test]
fn sigterm_stops_a_simulation_soon_and_leaves_no_output() {
    is_interrupted("simulate agency --weeks 520 --replications 1000 --threads 1 --out run", "-TERM");
}

#[cfg(unix)]
#[test]
fn sigterm_stops_a_generation_of_clients_soon_and_leaves_no_output() {
    is_interrupted("generate --clients 1000000 --out run", "-TERM");
}

#[cfg(unix)]
#[test]
fn an_interrupted_command_keeps_the_folder_to_be_replaced() {
    let place = Workplace::new();
    place.bring("agency");
    place.mcoe("simulate small --weeks 1 --replications 1 --out run").done();
    let before = place.folder("run");
    let mut child = place.command("simulate agency --replications 100000 --out run --force").spawn().unwrap();
    wait_until("the start", Duration::from_secs(60), || has_open_folder(&place.path("")));
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(place.folder("run") == before);
    assert_eq!(place.entries(), ["agency", "rules", "run", "small"]);
}
