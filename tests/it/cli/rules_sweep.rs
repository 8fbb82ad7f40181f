//! `mcoe rules sweep`: its report, what it refuses, and how it resumes after an interrupt.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Workplace;

/// Six points over two keys.
const SIX: &str = "rules sweep small --set channels.fb.weekly_posts=3..7:2 --set fatigue.warn_at=0.4,0.5 --weeks 1 \
                   --replications 2 --out run";

/// A column of the table of points.
fn column(place: &Workplace, name: &str) -> Vec<String> {
    place.table("run/tables/points.csv").column(name).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_report_has_its_page_summary_figures_and_tables() {
    let place = Workplace::new();
    place.mcoe(&format!("{SIX} --tables csv")).done();
    assert_eq!(place.entries(), ["rules", "run", "small"]);
    let files = place.folder("run");
    for figure in ["sweep-frontier", "sweep-curves", "sweep-keys"] {
        assert!(files.contains_key(&format!("figures/{figure}.svg")), "{figure}");
        assert!(files[&format!("figures/{figure}.png")].starts_with(b"\x89PNG\r\n"), "{figure}");
    }
    assert_eq!(column(&place, "point"), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(column(&place, "channels.fb.weekly_posts"), ["5.0", "3.0", "3.0", "5.0", "5.0", "7.0", "7.0"]);
    assert_eq!(column(&place, "fatigue.warn_at"), ["0.5", "0.4", "0.5", "0.4", "0.5", "0.4", "0.5"]);
    assert!(column(&place, "on_frontier").iter().any(|on| on == "true"));
    let page = place.read("run/index.html");
    assert!(page.contains("<svg") && page.contains("<code>default</code>") && !page.contains("src=\"http"));
    assert!(place.read("run/summary.md").contains("## Trade-off"));
    assert_eq!(place.table("run/tables/sensitivities.csv").rows.len(), 32);
}

#[test]
fn a_point_equals_a_simulation_of_the_edited_pack() {
    let place = Workplace::new();
    place.mcoe(&format!("{SIX} --tables csv")).done();
    place.replace("rules/channels.toml", "weekly_posts = 5", "weekly_posts = 7");
    place.replace("rules/fatigue.toml", "\nwarn_at = 0.5", "\nwarn_at = 0.4");
    let alone = place.mcoe("simulate small --weeks 1 --replications 2 --out alone --format json").done().json();
    let points = place.table("run/tables/points.csv");
    let cell = |column: &str| points.cell(&points.rows[5], column);
    assert_eq!(cell("rules_hash"), alone["provenance"]["rules_hash"].as_str().unwrap());
    for measure in ["engagement", "reviews", "posts_drafted", "hours_above_warn"] {
        let swept: f64 = cell(measure).parse().unwrap();
        assert_eq!(swept, alone["headline"][measure]["mean"].as_f64().unwrap(), "{measure}");
    }
}

#[test]
fn a_point_without_changes_equals_the_pack_itself() {
    let place = Workplace::new();
    place.mcoe(&format!("{SIX} --tables csv")).done();
    let points = place.table("run/tables/points.csv");
    let cell = |point: usize, column: &str| points.cell(&points.rows[point], column).to_owned();
    assert_eq!(cell(0, "rules_hash"), cell(4, "rules_hash"));
    assert_eq!(cell(4, "engagement_difference"), "0.0");
    assert_eq!(cell(0, "engagement"), cell(4, "engagement"));
}

#[test]
fn the_report_is_the_same_on_one_and_two_threads_and_by_its_recorded_command() {
    let place = Workplace::new();
    place.mcoe(&format!("{SIX} --threads 1")).done();
    let one = place.report();
    place.mcoe(&format!("{SIX} --threads 2 --force")).done();
    assert!(one == place.report(), "two threads give another report");
    let run = place.json("run/run.json");
    let command = run["command"].as_str().unwrap().strip_prefix("mcoe ").unwrap();
    place.mcoe(&format!("{command} --force")).done();
    assert!(one == place.report(), "the command of run.json gives another report");
}

#[test]
fn a_sobol_sweep_has_the_requested_number_of_points() {
    let place = Workplace::new();
    let line = "rules sweep small --set channels.fb.fatigue_per_post=0.02..0.1 --set channels.fb.weekly_posts=3..9 \
                --design sobol --points 9 --weeks 1 --replications 2 --out run --tables csv";
    place.mcoe(line).done();
    let posts = column(&place, "channels.fb.weekly_posts");
    assert_eq!(posts.len(), 10);
    for fatigue in &column(&place, "channels.fb.fatigue_per_post")[1..] {
        assert!((0.02..=0.1).contains(&fatigue.parse::<f64>().unwrap()), "{fatigue}");
    }
}

#[test]
fn json_holds_the_frontier_and_the_sensitivities() {
    let place = Workplace::new();
    let reported = place.mcoe(&format!("{SIX} --frontier engagement,posts_drafted:fewer --format json")).done().json();
    assert_eq!((&reported["points"], &reported["goals"][1]["wish"]), (&6.into(), &"fewer".into()));
    assert!(!reported["frontier"].as_array().unwrap().is_empty());
    assert_eq!(reported["base"]["number"], 0);
    assert_eq!(reported["sensitivities"].as_array().unwrap().len(), 32);
    let first = &reported["sensitivities"][0];
    assert_eq!((&first["measure"], &first["rank"]), (&"net_worth".into(), &1.into()));
}

#[test]
fn overlays_override_swept_keys() {
    let place = Workplace::new();
    let overlay = "[scope]\nworkspace = \"north\"\n\n[channels.fb]\nweekly_posts = 2\n";
    let clients = place.table("small/clients.csv");
    let workspace = clients.cell(&clients.rows[0], "workspace_id");
    place.write("rules/overlays/all.toml", &overlay.replace("north", workspace));
    let reported = place.mcoe(&format!("{SIX} --format json")).done().json();
    let wanted = reported["sensitivities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["measure"] == "posts_wanted" && row["key"] == "channels.fb.weekly_posts");
    assert_eq!(wanted.unwrap()["share"], Value::Null, "posts are wanted that the overlay does not want");
}

#[test]
fn every_error_of_the_keys_is_reported_at_once_with_its_place() {
    let place = Workplace::new();
    let line = "rules sweep small --set channels.tiktok.weekly_post=7..21:2 --set fatigue.warn_at=0.4..oops:0.1 --set \
                channels.fb.quiet_hours.enabled=true..false --out run";
    let ran = place.mcoe(line).ends_with(2);
    insta::assert_snapshot!(ran.err);
    let reported: Value = serde_json::from_str(&place.mcoe(&format!("{line} --format json")).ends_with(2).err).unwrap();
    assert_eq!((&reported["errors"], &reported["diagnostics"][0]["line"]), (&3.into(), &1.into()));
    assert_eq!(place.entries(), ["rules", "small"]);
}

#[test]
fn invalid_points_are_all_reported_before_anything_is_simulated() {
    let place = Workplace::new();
    let line = "rules sweep small --set fatigue.warn_at=0.5,0.8 --set fatigue.block_at=0.7,0.9 --weeks 1 --replications 2 \
                --out run";
    let ran = place.mcoe(line).ends_with(2);
    insta::assert_snapshot!(ran.err);
    assert_eq!(place.entries(), ["rules", "small"]);
    let reported: Value = serde_json::from_str(&place.mcoe(&format!("{line} --format json")).ends_with(2).err).unwrap();
    assert_eq!(reported["diagnostics"][0]["point"], 3);
    place.mcoe(&format!("{line} --skip-invalid --tables csv")).done().says(&["point(s) whose pack is invalid"]);
    let run = place.json("run/run.json");
    let left_out: Vec<u64> =
        run["left_out"].as_array().unwrap().iter().map(|point| point["point"].as_u64().unwrap()).collect();
    assert!(left_out.contains(&3) && !left_out.contains(&1), "{left_out:?}");
    assert!(!column(&place, "point").contains(&"3".to_owned()));
    assert!(place.read("run/summary.md").contains("omitted because the pack is invalid: "));
}

#[test]
fn invalid_arguments_are_refused_and_nothing_is_written() {
    let place = Workplace::new();
    let set = "--set channels.fb.weekly_posts=3..7:2";
    for (line, said) in [
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
        place.mcoe(&line).ends_with(2).says(&[said]);
        assert_eq!(place.entries(), ["rules", "small"], "mcoe {line}");
    }
}

#[test]
fn errors_of_pack_and_scenario_are_reported_at_once() {
    let place = Workplace::new();
    place.replace("rules/fatigue.toml", "\nwarn_at = ", "\nwarn_at = 2 # ");
    place.replace("small/scenario.toml", "weeks = 2", "weeks = \"two\"");
    place.mcoe(SIX).ends_with(2).says(&["rules/fatigue.toml", "scenario.toml"]);
    assert_eq!(place.entries(), ["rules", "small"]);
}

#[test]
fn a_scenario_without_planned_clients_is_refused_and_nothing_is_written() {
    let place = Workplace::new();
    let clients = place.read("small/clients.csv");
    place.write("small/clients.csv", &clients.replace(",active,", ",paused,"));
    place.mcoe(SIX).ends_with(2).says(&["no client that is planned for", "remedy", "nothing was written"]);
    assert_eq!(place.entries(), ["rules", "small"]);
}

#[test]
fn a_rule_that_fails_at_a_point_names_it_and_keeps_the_others() {
    let place = Workplace::new();
    place.write(
        "rules/broken.rhai",
        "fn weekly_posts(ctx) { if ctx.channel == \"fb\" && ctx.weekly_posts == 7 { throw \"no\" } ctx.weekly_posts }\n",
    );
    let ran = place.mcoe(&format!("{SIX} --threads 1")).ends_with(2);
    ran.says(&["point 5", "channels.fb.weekly_posts = 7, fatigue.warn_at = 0.4", "broken.rhai"]);
    assert_eq!(place.entries(), [".run.sweep.jsonl", "rules", "small"]);
}

#[test]
fn a_sweep_does_not_resume_from_points_of_another_sweep() {
    let place = Workplace::new();
    let kept = killed(&place);
    assert!(kept >= 1, "no point was kept");
    let ran = place.mcoe(&format!("{} --seed 2", long())).ends_with(2);
    ran.says(&["cannot resume from", "its seed is 1 instead of 2", "--restart"]);
    place.replace("small/scenario.toml", "weeks = 2", "weeks = 3");
    place.mcoe(&long()).ends_with(2).says(&["its scenario hash is", "--restart"]);
    let ran = place.mcoe(&format!("{SIX} --restart")).done();
    assert!(!ran.err.contains("resuming"), "{}", ran.err);
    assert_eq!(place.entries(), ["rules", "run", "small"]);
}

/// A sweep that takes long enough to be killed while it runs.
fn long() -> String {
    "rules sweep small --set channels.fb.weekly_posts=1..12 --set fatigue.warn_at=0.4,0.5 --weeks 2 --replications 20 \
     --out run"
        .to_owned()
}

/// Lines of the file of points, without its first.
fn kept_points(place: &Workplace) -> usize {
    let text = std::fs::read_to_string(place.path(".run.sweep.jsonl")).unwrap_or_default();
    text.matches('\n').count().saturating_sub(1)
}

/// Starts the long sweep and kills it once some points are saved; returns how many.
fn killed(place: &Workplace) -> usize {
    let before = kept_points(place);
    let mut child = place.command(&long()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while kept_points(place) < before + 3 && start.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(2));
    }
    // A child that has ended by itself need not be killed.
    let _ = child.kill();
    child.wait().unwrap();
    kept_points(place)
}

#[test]
fn a_sweep_that_is_killed_repeatedly_gives_the_same_report() {
    let place = Workplace::new();
    place.mcoe(&long()).done();
    let whole = place.report();
    std::fs::remove_dir_all(place.path("run")).unwrap();
    let mut before = 0;
    for _ in 0..3 {
        let kept = killed(&place);
        assert!(kept > before && kept < 25, "{kept} points are kept after {before}");
        assert!(!place.path("run").exists());
        before = kept;
    }
    // A line that is cut off, as after a kill.
    let file = place.read(".run.sweep.jsonl");
    place.write(".run.sweep.jsonl", &format!("{file}{{\"point\":24,\"rules_ha"));
    place.mcoe(&format!("{} --threads 1", long())).done().says(&["resuming: ", " of 24 points are already done"]);
    assert!(whole == place.report(), "the report of the sweep that was killed differs");
    assert_eq!(place.entries(), ["rules", "run", "small"]);
}

#[test]
#[cfg(unix)]
fn an_interrupt_reports_what_was_saved() {
    let place = Workplace::new();
    let mut command = place.command(&long());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while kept_points(&place) < 3 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let number = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &number]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains(" of 24 points are stored; run the same command again to resume"), "{said}");
    assert_eq!(place.entries(), [".run.sweep.jsonl", "rules", "small"]);
}

#[test]
fn help_shows_examples_and_explains_overlays() {
    let help = Workplace::new().mcoe("rules sweep --help").done().out;
    assert!(help.contains("  mcoe rules sweep ") && help.contains("overlay"), "{help}");
}
