//! `mcoe calibrate` and `mcoe backtest --at`, run as commands.

use crate::support::TestFolder;

const HEADER: &str = "account,channel,published_at,content_type,reach_or_null,engagements\n";

/// Ninety posts of each of two accounts, the second with twice the engagements.
fn history() -> String {
    let row = |post: u32| {
        let (day, month) = (1 + post % 28, 1 + post / 28);
        let at = format!("2026-{month:02}-{day:02}T{:02}:00:00Z", 8 + post % 9);
        let engagements = 40 + post * 13 % 29;
        format!("tea,fb,{at},photo,,{engagements}\ncoffee,fb,{at},photo,,{}\n", 2 * engagements)
    };
    format!("{HEADER}{}", (0..90).map(row).collect::<String>())
}

#[test]
fn a_history_and_the_scenario_made_of_it_are_calibrated() {
    let folder = TestFolder::new();
    folder.write("posts.csv", &history());
    folder.mcoe("calibrate posts.csv --out calibration").succeeds().stdout_has(&[
        "fb (180",
        "no best hour is detectable",
        "wrote 2 overlay(s) and world.csv",
    ]);
    assert!(folder.read("calibration/world.csv").contains("\ntea,fb,level,"));
    let strict = folder.mcoe("calibrate posts.csv --min-posts 91 --min-days 70 --out strict").succeeds();
    strict.stdout_has(&["no best hour is detectable", "wrote 0 overlay(s)"]);
    let run = folder.json("strict/run.json");
    assert!(run["command"].as_str().unwrap().contains(" --min-posts 91 --min-days 70 "), "{run}");
    folder.mcoe("import posts.csv --out mine").succeeds();
    assert!(folder.read("mine/scenario.toml").contains("world = \"world.csv\""));
    folder
        .mcoe("simulate mine --weeks 2 --replications 3 --out run")
        .succeeds()
        .stdout_has(&["Monte Carlo error of the mean"]);
    folder.mcoe("calibrate mine --previous calibration --out again").succeeds();
    assert!(folder.read("again/summary.md").contains("What changed since the last calibration"));
    let refused = folder.mcoe("calibrate mine --zone Europe/London --out third").exits_with(2);
    refused.stderr_has(&["--zone Europe/London has no effect", "remedy"]);
}

#[test]
fn a_content_type_that_earns_more_is_written_and_planned_with() {
    let folder = TestFolder::new();
    let row = |post: u32| {
        let at = format!("2026-{:02}-{:02}T{:02}:00:00Z", 1 + post / 28, 1 + post % 28, 8 + post % 9);
        let (kind, factor) = if post.is_multiple_of(3) { ("video", 4) } else { ("photo", 1) };
        format!("tea,fb,{at},{kind},,{}\n", factor * (40 + post * 13 % 29))
    };
    folder.write("posts.csv", &format!("{HEADER}{}", (0..100).map(row).collect::<String>()));
    folder.mcoe("calibrate posts.csv --out calibration").succeeds();
    let overlay = folder.read("calibration/overlays/calibrated-tea.toml");
    let line = overlay.lines().find(|line| line.starts_with("content_types.video = ")).unwrap();
    assert!(line.contains(" to ") && line.contains("100 posts"), "{line}");
    folder.write("rules/overlays/calibrated-tea.toml", &overlay);
    folder.mcoe("import posts.csv --out mine").succeeds();
    folder.mcoe("plan mine --out plan --tables csv").succeeds();
    let posts = folder.table("plan/posts.csv");
    let explained =
        folder.mcoe(&format!("explain plan --post {}", posts.cell(&posts.rows[0], "post_id"))).succeeds().out;
    for text in
        ["content type ", "overlays/calibrated-tea.toml:", "; estimate ", "from the client's posts", "net worth "]
    {
        assert!(explained.contains(text), "`{text}` is not in:\n{explained}");
    }
}

#[test]
fn given_posts_are_forecast() {
    let folder = TestFolder::new();
    folder.write("posts.csv", &history());
    let planned = "tea,fb,2026-05-01T09:00:00Z,photo,,\ntea,fb,2026-05-03T09:00:00Z,photo,,\n";
    folder.write("planned.csv", &format!("{HEADER}{planned}"));
    let ran = folder.mcoe("backtest posts.csv --at planned.csv --tables csv --out forecast").succeeds();
    ran.stdout_has(&["tea fb: 2 post(s), ", "written to forecast"]);
    let table = folder.read("forecast/expectations.csv");
    assert_eq!(table.lines().count(), 4, "{table}");
    folder.mcoe("backtest posts.csv --at planned.csv --horizon 2 --out other").exits_with(2).stderr_has(&["--horizon"]);
}
