//! `mcoe rules sweep`: its report, what it refuses, and how it resumes after an interrupt.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::TestFolder;

/// A sweep of six points over two keys.
const SIX_POINTS: &str = "rules sweep small --set channels.fb.weekly_posts=3..7:2 --set fatigue.warn_at=0.4,0.5 \
                          --weeks 1 --replications 2 --out run";

/// A column of the table of points.
fn column(folder: &TestFolder, name: &str) -> Vec<String> {
    folder.table("run/tables/points.csv").column(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_report_has_its_page_summary_figures_and_tables() {
    let folder = TestFolder::new();
    folder.mcoe(&format!("{SIX_POINTS} --tables csv")).succeeds();
    assert_eq!(folder.entries(), ["rules", "run", "small"]);
    let files = folder.files_in("run");
    for figure in ["sweep-frontier", "sweep-curves", "sweep-keys"] {
        assert!(files.contains_key(&format!("figures/{figure}.svg")), "{figure}");
        assert!(files[&format!("figures/{figure}.png")].starts_with(b"\x89PNG\r\n"), "{figure}");
    }
    assert_eq!(column(&folder, "point"), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(column(&folder, "channels.fb.weekly_posts"), ["5.0", "3.0", "3.0", "5.0", "5.0", "7.0", "7.0"]);
    assert_eq!(column(&folder, "fatigue.warn_at"), ["0.5", "0.4", "0.5", "0.4", "0.5", "0.4", "0.5"]);
    assert!(column(&folder, "on_frontier").iter().any(|cell| cell == "true"));
    let page = folder.read("run/index.html");
    assert!(page.contains("<svg") && page.contains("<code>default</code>") && !page.contains("src=\"http"));
    assert!(folder.read("run/summary.md").contains("## Trade-off"));
    assert_eq!(folder.table("run/tables/sensitivities.csv").rows.len(), 32);
}

#[test]
fn a_point_equals_a_simulation_of_the_edited_pack() {
    let folder = TestFolder::new();
    folder.mcoe(&format!("{SIX_POINTS} --tables csv")).succeeds();
    folder.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 7");
    folder.replace("rules/fatigue.toml", "\nwarn_at = 0.5", "\nwarn_at = 0.4");
    let alone = folder.mcoe("simulate small --weeks 1 --replications 2 --out alone --format json").succeeds().json();
    let points = folder.table("run/tables/points.csv");
    let cell = |column: &str| points.cell(&points.rows[5], column);
    assert_eq!(cell("rules_hash"), alone["provenance"]["rules_hash"].as_str().unwrap());
    for measure in ["engagement", "reviews", "posts_drafted", "hours_above_warn"] {
        let swept: f64 = cell(measure).parse().unwrap();
        assert_eq!(swept, alone["headline"][measure]["mean"].as_f64().unwrap(), "{measure}");
    }
}

#[test]
fn a_point_without_changes_equals_the_pack_itself() {
    let folder = TestFolder::new();
    folder.mcoe(&format!("{SIX_POINTS} --tables csv")).succeeds();
    let points = folder.table("run/tables/points.csv");
    let cell = |point: usize, column: &str| points.cell(&points.rows[point], column).to_owned();
    assert_eq!(cell(0, "rules_hash"), cell(4, "rules_hash"));
    assert_eq!(cell(4, "engagement_difference"), "0.0");
    assert_eq!(cell(0, "engagement"), cell(4, "engagement"));
}

#[test]
fn the_report_is_the_same_on_one_and_two_threads_and_by_its_recorded_command() {
    let folder = TestFolder::new();
    folder.mcoe(&format!("{SIX_POINTS} --threads 1")).succeeds();
    let on_one = folder.report_files();
    folder.mcoe(&format!("{SIX_POINTS} --threads 2 --force")).succeeds();
    assert!(on_one == folder.report_files(), "two threads give another report");
    let run = folder.json("run/run.json");
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    folder.mcoe(&format!("{command} --force")).succeeds();
    assert!(on_one == folder.report_files(), "the command of run.json gives another report");
}

#[test]
fn a_sobol_sweep_has_the_requested_number_of_points() {
    let folder = TestFolder::new();
    let line = "rules sweep small --set channels.fb.fatigue_per_post=0.02..0.1 --set channels.fb.weekly_posts=3..9 \
                --design sobol --points 9 --weeks 1 --replications 2 --out run --tables csv";
    folder.mcoe(line).succeeds();
    let posts = column(&folder, "channels.fb.weekly_posts");
    assert_eq!(posts.len(), 10);
    for fatigue in &column(&folder, "channels.fb.fatigue_per_post")[1..] {
        assert!((0.02..=0.1).contains(&fatigue.parse::<f64>().unwrap()), "{fatigue}");
    }
}

#[test]
fn json_holds_the_frontier_and_the_sensitivities() {
    let folder = TestFolder::new();
    let reported =
        folder.mcoe(&format!("{SIX_POINTS} --frontier engagement,posts_drafted:fewer --format json")).succeeds().json();
    assert_eq!((&reported["points"], &reported["goals"][1]["direction"]), (&6.into(), &"fewer".into()));
    assert!(!reported["frontier"].as_array().unwrap().is_empty());
    assert_eq!(reported["base"]["number"], 0);
    assert_eq!(reported["sensitivities"].as_array().unwrap().len(), 32);
    let first = &reported["sensitivities"][0];
    assert_eq!((&first["measure"], &first["rank"]), (&"net_worth".into(), &1.into()));
}

#[test]
fn overlays_override_swept_keys() {
    let folder = TestFolder::new();
    let overlay = "[scope]\nworkspace = \"north\"\n\n[channels.fb]\nweekly_posts = 2\n";
    let clients = folder.table("small/clients.csv");
    let workspace = clients.cell(&clients.rows[0], "workspace_id");
    folder.write("rules/overlays/all.toml", &overlay.replace("north", workspace));
    let reported = folder.mcoe(&format!("{SIX_POINTS} --format json")).succeeds().json();
    let sensitivity = reported["sensitivities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["measure"] == "posts_wanted" && row["key"] == "channels.fb.weekly_posts");
    assert_eq!(sensitivity.unwrap()["share"], Value::Null, "the swept key has no effect under the overlay");
}

#[test]
fn every_error_of_the_keys_is_reported_at_once_with_its_place() {
    let folder = TestFolder::new();
    let line = "rules sweep small --set channels.tiktok.weekly_post=7..21:2 --set fatigue.warn_at=0.4..oops:0.1 --set \
                channels.fb.quiet_hours.enabled=true..false --out run";
    let ran = folder.mcoe(line).exits_with(2);
    insta::assert_snapshot!(ran.err);
    let reported: Value =
        serde_json::from_str(&folder.mcoe(&format!("{line} --format json")).exits_with(2).err).unwrap();
    assert_eq!((&reported["errors"], &reported["diagnostics"][0]["line"]), (&3.into(), &1.into()));
    assert_eq!(folder.entries(), ["rules", "small"]);
}

#[test]
fn invalid_points_are_all_reported_before_anything_is_simulated() {
    let folder = TestFolder::new();
    let line = "rules sweep small --set fatigue.warn_at=0.5,0.8 --set fatigue.block_at=0.7,0.9 --weeks 1 --replications 2 \
                --out run";
    let ran = folder.mcoe(line).exits_with(2);
    insta::assert_snapshot!(ran.err);
    assert_eq!(folder.entries(), ["rules", "small"]);
    let reported: Value =
        serde_json::from_str(&folder.mcoe(&format!("{line} --format json")).exits_with(2).err).unwrap();
    assert_eq!(reported["diagnostics"][0]["point"], 3);
    folder
        .mcoe(&format!("{line} --skip-invalid --tables csv"))
        .succeeds()
        .stderr_has(&["point(s) whose pack is invalid"]);
    let run = folder.json("run/run.json");
    let left_out: Vec<u64> =
        run["left_out"].as_array().unwrap().iter().map(|point| point["point"].as_u64().unwrap()).collect();
    assert!(left_out.contains(&3) && !left_out.contains(&1), "{left_out:?}");
    assert!(!column(&folder, "point").contains(&"3".to_owned()));
    assert!(folder.read("run/summary.md").contains("omitted because the pack is invalid: "));
}

#[test]
fn invalid_arguments_are_refused_and_nothing_is_written() {
    let folder = TestFolder::new();
    let set = "--set channels.fb.weekly_posts=3..7:2";
    for (line, message) in [
        ("rules sweep small --out run".to_owned(), "--set"),
        (format!("rules sweep small {set}"), "--out"),
        (format!("rules sweep nowhere {set} --out run"), "nowhere"),
        (format!("rules sweep small {set} --rules nowhere --out run"), "`nowhere`"),
        (format!("rules sweep small {set} --points 9 --out run"), "add --design sobol"),
        (format!("rules sweep small {set} --design sobol --points 4 --out run"), "only 3 combinations"),
        ("rules sweep small --set fatigue.warn_at=0.4..0.6 --out run".to_owned(), "add a step"),
        (format!("rules sweep small {set} --frontier engagement --out run"), "separated by a comma"),
        (format!("rules sweep small {set} --frontier engagement,revews --out run"), "`reviews`"),
        (format!("rules sweep small {set} --out small --force"), "was not written by mcoe"),
    ] {
        folder.mcoe(&line).exits_with(2).stderr_has(&[message]);
        assert_eq!(folder.entries(), ["rules", "small"], "mcoe {line}");
    }
}

#[test]
fn errors_of_pack_and_scenario_are_reported_at_once() {
    let folder = TestFolder::new();
    folder.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    folder.replace("small/scenario.toml", "weeks = 2", "weeks = \"two\"");
    folder.mcoe(SIX_POINTS).exits_with(2).stderr_has(&["rules/fatigue.toml", "scenario.toml"]);
    assert_eq!(folder.entries(), ["rules", "small"]);
}

#[test]
fn a_scenario_without_planned_clients_is_refused_and_nothing_is_written() {
    let folder = TestFolder::new();
    let clients = folder.read("small/clients.csv");
    folder.write("small/clients.csv", &clients.replace(",active,", ",paused,"));
    let ran = folder.mcoe(SIX_POINTS).exits_with(2);
    ran.stderr_has(&["no client that is planned for", "remedy", "nothing was written"]);
    assert_eq!(folder.entries(), ["rules", "small"]);
}

#[test]
fn a_rule_that_fails_at_a_point_names_the_point_and_keeps_the_others() {
    let folder = TestFolder::new();
    folder.write(
        "rules/broken.rhai",
        "fn weekly_posts(ctx) { if ctx.channel == \"fb\" && ctx.weekly_posts == 7 { throw \"no\" } ctx.weekly_posts }\n",
    );
    let ran = folder.mcoe(&format!("{SIX_POINTS} --threads 1")).exits_with(2);
    ran.stderr_has(&["point 5", "channels.fb.weekly_posts = 7, fatigue.warn_at = 0.4", "broken.rhai"]);
    assert_eq!(folder.entries(), [".run.sweep.jsonl", "rules", "small"]);
}

#[test]
fn a_sweep_does_not_resume_from_points_of_another_sweep() {
    let folder = TestFolder::new();
    let saved = kill_during_sweep(&folder);
    assert!(saved >= 1, "no point was saved");
    let ran = folder.mcoe(&format!("{} --seed 2", long_sweep())).exits_with(2);
    ran.stderr_has(&["cannot resume from", "its seed is 1 instead of 2", "--restart"]);
    folder.replace("small/scenario.toml", "weeks = 2", "weeks = 3");
    folder.mcoe(&long_sweep()).exits_with(2).stderr_has(&["its scenario hash is", "--restart"]);
    let ran = folder.mcoe(&format!("{SIX_POINTS} --restart")).succeeds();
    assert!(!ran.err.contains("resuming"), "{}", ran.err);
    assert_eq!(folder.entries(), ["rules", "run", "small"]);
}

/// A sweep that takes long enough to be killed while it runs.
fn long_sweep() -> String {
    "rules sweep small --set channels.fb.weekly_posts=1..12 --set fatigue.warn_at=0.4,0.5 --weeks 2 --replications 20 \
     --out run"
        .to_owned()
}

/// Number of points in the file in which a sweep saves them. The first line is the header.
fn saved_points(folder: &TestFolder) -> usize {
    let text = std::fs::read_to_string(folder.path(".run.sweep.jsonl")).unwrap_or_default();
    text.matches('\n').count().saturating_sub(1)
}

/// Waits until a condition holds, at most two minutes. Returns whether it holds.
fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(120) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Starts the long sweep and kills it once some points are saved; returns how many.
fn kill_during_sweep(folder: &TestFolder) -> usize {
    let before = saved_points(folder);
    let mut child = folder.command(&long_sweep()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| saved_points(folder) >= before + 3);
    // A child that has ended by itself need not be killed.
    let _ = child.kill();
    child.wait().unwrap();
    saved_points(folder)
}

#[test]
fn a_sweep_that_is_killed_repeatedly_gives_the_same_report() {
    let folder = TestFolder::new();
    folder.mcoe(&long_sweep()).succeeds();
    let uninterrupted = folder.report_files();
    std::fs::remove_dir_all(folder.path("run")).unwrap();
    let mut before = 0;
    for _ in 0..3 {
        let saved = kill_during_sweep(&folder);
        assert!(saved > before && saved < 25, "{saved} points are saved after {before}");
        assert!(!folder.path("run").exists());
        before = saved;
    }
    // A line that is cut off, as after a kill.
    let file = folder.read(".run.sweep.jsonl");
    folder.write(".run.sweep.jsonl", &format!("{file}{{\"point\":24,\"rules_ha"));
    folder
        .mcoe(&format!("{} --threads 1", long_sweep()))
        .succeeds()
        .stderr_has(&["resuming: ", " of 24 points are already done"]);
    assert!(uninterrupted == folder.report_files(), "the report of the sweep that was killed differs");
    assert_eq!(folder.entries(), ["rules", "run", "small"]);
}

#[test]
#[cfg(unix)]
fn an_interrupt_reports_what_was_saved() {
    let folder = TestFolder::new();
    let mut command = folder.command(&long_sweep());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let has_saved_some = wait_until(|| saved_points(&folder) >= 3);
    let process_id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &process_id]).status().unwrap().success());
    // Its message is short enough for the pipe, so that it can end before the message is read.
    let has_stopped = wait_until(|| child.try_wait().unwrap().is_some());
    if !has_stopped {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(has_saved_some && has_stopped, "some points saved: {has_saved_some}, stopped: {has_stopped}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains(" of 24 points are stored; run the same command again to resume"), "{stderr}");
    assert_eq!(folder.entries(), [".run.sweep.jsonl", "rules", "small"]);
}

#[test]
fn help_shows_examples_and_explains_overlays() {
    let help = TestFolder::new().mcoe("rules sweep --help").succeeds().out;
    assert!(help.contains("  mcoe rules sweep ") && help.contains("overlay"), "{help}");
}
